"""Every function may do what it has to, and nothing of what is not its business. MiniStack enforces IAM as it was deployed."""

import json
import os
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError
from stack import STACK, Person

Attempt = Callable[[boto3.Session], Any]
KEY = {"pk": {"S": "nobody"}, "sk": {"S": "nothing"}}


def get(table: str) -> Attempt:
    """Reads an item that is not there."""
    return lambda role: role.client("dynamodb").get_item(TableName=STACK["tables"][table], Key=KEY)


def put(table: str) -> Attempt:
    """Writes an item that no code reads."""
    return lambda role: role.client("dynamodb").put_item(TableName=STACK["tables"][table], Item=KEY)


def update(table: str) -> Attempt:
    """Changes an item that no code reads."""
    change = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "b"}}}
    return lambda role: role.client("dynamodb").update_item(TableName=STACK["tables"][table], Key=KEY, **change)


def delete(table: str) -> Attempt:
    """Deletes an item that is not there."""
    return lambda role: role.client("dynamodb").delete_item(TableName=STACK["tables"][table], Key=KEY)


def batch(table: str, pk: str = "nobody") -> Attempt:
    """Deletes an item that is not there, by a batch: an action of its own."""
    request = {"DeleteRequest": {"Key": {**KEY, "pk": {"S": pk}}}}
    return lambda role: role.client("dynamodb").batch_write_item(RequestItems={STACK["tables"][table]: [request]})


def scan(table: str) -> Attempt:
    """Reads everything."""
    return lambda role: role.client("dynamodb").scan(TableName=STACK["tables"][table])


def drop(table: str) -> Attempt:
    """Deletes a table."""
    return lambda role: role.client("dynamodb").delete_table(TableName=STACK["tables"][table])


def _connections(role: boto3.Session) -> Any:
    return role.client("apigatewaymanagementapi", endpoint_url=STACK["socket"].replace("ws://", "http://"))


def post(role: boto3.Session) -> Any:
    """Pushes to a connection that is gone."""
    return _connections(role).post_to_connection(ConnectionId="gone", Data=b"{}")


def close(role: boto3.Session) -> Any:
    """Closes a connection that is gone."""
    return _connections(role).delete_connection(ConnectionId="gone")


def look(role: boto3.Session) -> Any:
    """Asks where a connection comes from."""
    return _connections(role).get_connection(ConnectionId="gone")


def send(role: boto3.Session) -> Any:
    """Sends to a queue of the account."""
    return role.client("sqs").send_message(QueueUrl=f"{STACK['endpoint']}/000000000000/any", MessageBody="{}")


def invoke(role: boto3.Session) -> Any:
    """Invokes another function."""
    return role.client("lambda").invoke(FunctionName=STACK["functions"]["auth"], Payload=b"{}")


def bucket(operation: str, key: str = "recordings/nothing", **more: Any) -> Attempt:
    """Does something to an object that is not there."""
    place = {"Bucket": STACK["outputs"]["RecordingsBucket"], "Key": key}
    return lambda role: getattr(role.client("s3"), operation)(**place, **more)


def empty(role: boto3.Session) -> Any:
    """Deletes the bucket."""
    return role.client("s3").delete_bucket(Bucket=STACK["outputs"]["RecordingsBucket"])


BYTES = {"Body": b"nobody reads it"}
EVERYTHING = [
    *(drop("accounts"), drop("calls"), drop("realtime"), scan("accounts"), scan("calls"), scan("realtime"), look, send, invoke),
    *(empty, bucket("get_object", "other/nothing"), bucket("put_object", "other/nothing", **BYTES)),
]
NO_BUCKET = [bucket("get_object"), bucket("put_object", **BYTES), bucket("delete_object")]
# function: what its role may do, and what it must be refused.
ROLES: dict[str, tuple[list[Attempt], list[Attempt]]] = {
    "auth": (
        [get("accounts"), put("accounts"), delete("accounts"), update("realtime"), post, close],
        [get("calls"), put("calls"), update("calls"), delete("calls"), update("accounts"), delete("realtime"), batch("accounts")],
    ),
    "calls": (
        [get("calls"), put("calls"), get("realtime"), put("realtime"), post],
        [
            *(get("accounts"), put("accounts"), delete("accounts"), batch("accounts"), close),
            *(delete("calls"), update("calls"), batch("calls"), update("realtime")),
        ],
    ),
    "realtime": (
        [get("realtime"), put("realtime"), get("calls"), put("calls"), post, close],
        [
            *(get("accounts"), put("accounts"), delete("accounts"), batch("accounts")),
            *(delete("calls"), update("calls"), batch("calls"), update("realtime")),
        ],
    ),
    "recordings": (
        [
            *(get("calls"), put("calls"), get("realtime"), batch("realtime"), post),
            *(bucket("put_object", **BYTES), bucket("get_object"), bucket("delete_object")),
        ],
        [
            *(get("accounts"), put("accounts"), delete("accounts"), update("calls"), batch("calls")),
            *(put("realtime"), update("realtime"), delete("realtime"), close),
        ],
    ),
    "timers": (
        [get("calls"), put("calls"), batch("calls", "timers#2026-11-20"), post],
        [
            *(get("accounts"), put("accounts"), delete("accounts"), delete("calls"), update("calls")),
            *(get("realtime"), put("realtime"), update("realtime"), delete("realtime"), close),
        ],
    ),
}


def role_of(function: str) -> str:
    """The name of a function's role."""
    configuration = boto3.client("lambda").get_function_configuration(FunctionName=STACK["functions"][function])
    return configuration["Role"].rpartition("/")[2]


def session(function: str) -> boto3.Session:
    """A session with the role of a function."""
    arn = boto3.client("iam").get_role(RoleName=role_of(function))["Role"]["Arn"]
    lent = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return boto3.Session(lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"], os.environ["AWS_DEFAULT_REGION"])


def refusal(attempt: Attempt, role: boto3.Session) -> str | None:
    """The code of the refusal, None if IAM let it through: also if there was nothing to do it to."""
    try:
        attempt(role)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return None if code in ("GoneException", "410", "NoSuchKey", "NoSuchUpload") else code
    return None


@contextmanager
def without(function: str, sid: str) -> Iterator[None]:
    """Takes a statement out of a function's policy, for a while."""
    iam, role = boto3.client("iam"), role_of(function)
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    rest = [statement for statement in policy["Statement"] if statement["Sid"] != sid]
    assert len(rest) == len(policy["Statement"]) - 1, f"{function} has no statement {sid}"
    try:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps({**policy, "Statement": rest}))
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))


class Iam(unittest.TestCase):
    def test_every_function_has_a_row(self):
        missing = STACK["functions"].keys() ^ ROLES.keys()
        self.assertFalse(missing, "ROLES and template.yaml differ: say in ROLES what each may do and must be refused")

    def test_every_role_may_do_its_work(self):
        for function, (allowed, _) in ROLES.items():
            role = session(function)
            for number, attempt in enumerate(allowed):
                with self.subTest(f"{function}, allowed {number}"):
                    self.assertIsNone(refusal(attempt, role))

    def test_every_role_is_refused_everything_else(self):
        for function, (_, refused) in ROLES.items():
            role = session(function)
            elsewhere = EVERYTHING if function == "recordings" else EVERYTHING + NO_BUCKET
            for number, attempt in enumerate([*refused, *elsewhere]):
                with self.subTest(f"{function}, refused {number}"):
                    self.assertRegex(refusal(attempt, role) or "allowed", "AccessDenied|Forbidden")

    def test_functions_run_in_their_roles(self):
        ada, bo = Person("Ada"), Person("Bo")
        with without("calls", "Calls"):
            self.assertGreaterEqual(ada.call(bo).status, 500)
        with without("auth", "Accounts"):
            self.assertGreaterEqual(ada.network.send("POST", "/auth/login", {"email": ada.email, "password": "x" * 12}).status, 500)
        with without("calls", "Push"), bo.open() as socket:
            ada.call(bo).expect(201)
            with self.assertRaises(TimeoutError):
                socket.connection.recv(2)
