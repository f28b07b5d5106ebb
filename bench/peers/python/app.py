"""`GET /auth/me` by FastAPI, behind Mangum, as a good team would deploy it: one boto3 client, made at the start."""

import json
import os
import time
from typing import Annotated

import boto3
import jwt
from botocore.config import Config
from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from mangum import Mangum
from pydantic import BaseModel

ACCOUNTS, REALTIME = os.environ["ACCOUNTS_TABLE"], os.environ["REALTIME_TABLE"]
KEYS = {key["kid"]: jwt.PyJWK(key).key for key in json.loads(os.environ["TOKEN_KEYS"])["keys"]}
REVOCATION = 60  # seconds that a session is believed without asking

dynamodb = boto3.client("dynamodb", config=Config(tcp_keepalive=True, retries={"mode": "standard", "max_attempts": 4}))
alive_at: dict[str, float] = {}
app = FastAPI(openapi_url=None)
handler = Mangum(app, lifespan="off", text_mime_types=["application/json", "application/problem+json"])


class Problem(Exception):
    def __init__(self, code: str, title: str, remedy: str) -> None:
        self.code, self.title, self.remedy = code, title, remedy


@app.exception_handler(Problem)
async def tell(request: Request, problem: Problem) -> JSONResponse:
    log(request, 401)
    body = {
        "type": f"https://dchat.dev/problems/{problem.code}",
        "title": problem.title,
        "status": 401,
        "code": problem.code,
        "detail": problem.title,
        "remedy": problem.remedy,
        "retry": "no",
        "docs": f"/docs/problems#{problem.code}",
        "instance": request.headers["x-request-id"],
    }
    return JSONResponse(body, 401, {"www-authenticate": "Bearer"}, "application/problem+json")


def log(request: Request, status: int) -> None:
    """One JSON object per request, as ours; not as a middleware, which would cost Starlette a task."""
    said = {"request.id": request.headers["x-request-id"], "http.method": request.method}
    print(json.dumps({"level": "INFO", **said, "http.path": request.url.path, "http.status": status}))


def get(table: str, pk: str, sk: str, consistent: bool) -> dict | None:
    return dynamodb.get_item(
        TableName=table,
        Key={"pk": {"S": pk}, "sk": {"S": sk}},
        ConsistentRead=consistent,
        ReturnConsumedCapacity="TOTAL",
    ).get("Item")


# `async` although boto3 blocks: one process has one request at a time, and a thread for it would only cost.
async def caller(authorization: Annotated[str | None, Header()] = None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        remedy = "Send the header Authorization: Bearer with an access token."
        raise Problem("token_missing", "The request is not signed in", remedy)
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != "at+jwt":
            raise jwt.InvalidTokenError
        said = jwt.decode(
            token,
            KEYS[header["kid"]],
            algorithms=["EdDSA"],
            audience="dchat",
            issuer=os.environ["TOKEN_ISSUER"],
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
    except jwt.ExpiredSignatureError:
        raise Problem("token_expired", "The access token has expired", "Get a new one with POST /auth/refresh.")
    except (jwt.InvalidTokenError, KeyError):
        raise Problem("token_invalid", "The access token is not one of ours", "Sign in again.")
    session, now = said["sid"], time.time()
    if now - alive_at.get(session, 0) >= REVOCATION:
        if get(REALTIME, said["sub"], f"ended#{session}", False):
            raise Problem("session_revoked", "The session was signed out", "Sign in again.")
        alive_at[session] = now
    return said["sub"]


class Me(BaseModel):
    id: str
    name: str
    email: str | None
    email_verified: bool
    picture: str | None
    ways_in: list[str]
    created_at: str
    updated_at: str


@app.get("/auth/me")
async def me(request: Request, user: Annotated[str, Depends(caller)]) -> Me:
    item = get(ACCOUNTS, user, "account", True)
    if not item:
        raise Problem("account_gone", "The account is gone", "Sign in again.")
    address = item.get("password_email", {}).get("S")
    linkedin = item.get("linkedin", {}).get("M")
    log(request, 200)
    profile = linkedin["profile"]["M"] if linkedin else {}
    known = profile.get("email", {}).get("S")
    return Me(
        id=item["id"]["S"],
        name=item["name"]["S"],
        email=address or known,
        email_verified=address in (None, known) and profile.get("email_verified", {}).get("BOOL", False),
        picture=profile.get("picture", {}).get("S"),
        ways_in=["password"] * bool(address) + ["linkedin"] * bool(linkedin),
        created_at=item["created_at"]["S"],
        updated_at=item["updated_at"]["S"],
    )
