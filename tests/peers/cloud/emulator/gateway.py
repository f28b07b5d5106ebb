"""The two gateways, and how CloudFormation makes them."""

import json
from contextvars import ContextVar
from typing import Any

from edit import edit
from ministack.core.responses import get_request_client_ip
from ministack.services import apigateway
from ministack.services.cloudformation import changesets, engine, handlers, provisioners
from samtranslator.translator import transform as sam

_parameters: ContextVar[dict[str, str]] = ContextVar("parameters", default={})


def _routes_of(api: str, body: dict[str, Any]) -> dict[str, Any]:
    """The routes and integrations that an OpenAPI body describes, as resources."""
    made: dict[str, Any] = {}
    targets: dict[str, str] = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            integration = operation["x-amazon-apigateway-integration"]
            target = targets.setdefault(json.dumps(integration, sort_keys=True), f"{api}Integration{len(targets)}")
            made[target] = {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": {"Ref": api},
                    "IntegrationType": integration["type"].upper(),
                    "IntegrationUri": integration["uri"],
                    "PayloadFormatVersion": integration["payloadFormatVersion"],
                },
            }
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            made[f"{api}Route{len(made)}"] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": api},
                    "RouteKey": f"{verb} {path}",
                    "Target": {"Fn::Join": ["/", ["integrations", {"Ref": target}]]},
                },
            }
    return made


def _without_bodies(template: dict[str, Any]) -> dict[str, Any]:
    for name, resource in list(template.get("Resources", {}).items()):
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in properties:
            body = properties.pop("Body")
            properties.update(ProtocolType="HTTP", Name=body["info"]["title"])
            template["Resources"].update(_routes_of(name, body))
    return template


def _transforms(own):
    def apply(template, provided=None, previous=None):
        token = _parameters.set(engine._transform_parameters(template, provided, previous))
        try:
            return _without_bodies(own(template, provided, previous))
        finally:
            _parameters.reset(token)

    return apply


def _make_reply(_logical_id, properties, _stack):
    route = properties["RouteId"].rpartition("/")[2]
    status, _, body = apigateway._create_route_response(properties["ApiId"], route, {"routeResponseKey": properties["RouteResponseKey"]})
    if status != 201:
        raise ValueError(body)
    return f"{properties['ApiId']}/{route}/{json.loads(body)['routeResponseId']}", {}


def _drop_reply(physical_id, _properties):
    apigateway._delete_route_response(*physical_id.split("/"))


def _replies(own):
    async def invoke(api_id, account_id, region, route, stage, connection_id, event_type, *rest, **more):
        answer = await own(api_id, account_id, region, route, stage, connection_id, event_type, *rest, **more)
        two_way = route.get("routeResponseSelectionExpression") and apigateway._route_responses.get(api_id, {}).get(route["routeId"])
        return answer if two_way or event_type != "MESSAGE" else None

    return invoke


def correct() -> None:
    """Corrects MiniStack's gateways."""
    # AWS: SAM sees the stack's parameters. MiniStack: only their defaults, which it then puts in place of references.
    translate = sam.transform
    sam.transform = lambda template, _, policies: translate(template, _parameters.get(), policies)
    # AWS: an HTTP API has the routes of its OpenAPI body. MiniStack: it has none.
    apply = _transforms(engine._apply_transforms)
    for module in (engine, changesets, handlers):
        module._apply_transforms = apply

    # AWS: without a route response the function's answer is thrown away. MiniStack: does not know the resource, and
    # sends every answer.
    provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::RouteResponse"] = {"create": _make_reply, "delete": _drop_reply}
    apigateway._invoke_ws_lambda = _replies(apigateway._invoke_ws_lambda)

    # AWS: without a CorsConfiguration, OPTIONS is a method like any other. MiniStack: answers it itself.
    edit(apigateway, "_handle_execute_in_scope", {'if method == "OPTIONS":': 'if method == "OPTIONS" and cors_cfg:'})
    # AWS: the caller's address, and the host that the template's outputs name. MiniStack: 127.0.0.1, and its own host.
    apigateway.get_request_client_ip = get_request_client_ip
    host = 'f"{api_id}.execute-api.{owner_region}.amazonaws.com"'
    edit(
        apigateway,
        "_invoke_lambda_proxy",
        {
            '"sourceIp": "127.0.0.1"': '"sourceIp": get_request_client_ip()',
            '"domainName": f"{api_id}.execute-api.{_HOST}"': f'"domainName": {host}',
            '"headers": dict(headers)': f'"headers": {{**headers, "host": {host}}}',
        },
    )
