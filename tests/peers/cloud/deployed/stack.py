"""The deployed stack, and people who use it. DCHAT_STACK names the file that tests/peers/cloud/up wrote."""

import http.client
import json
import os
import random
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

STACK: dict[str, Any] = json.loads(Path(os.environ["DCHAT_STACK"]).read_text())
PASSWORD = "correct horse battery staple"
PATIENCE_SECONDS = 10


class Answer:
    """A response: its status, its headers in small letters, and its body as JSON or None."""

    def __init__(self, response: http.client.HTTPResponse):
        text = response.read()
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = json.loads(text) if text else None

    def expect(self, status: int) -> Any:
        """The body, if the status is this one."""
        assert self.status == status, f"{self.status} instead of {status}: {self.body}"
        return self.body


class Network:
    """Somewhere that people connect from: an address of the loopback interface that nobody else has."""

    def __init__(self) -> None:
        self.address = ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One HTTP request."""
        api = urlsplit(STACK["api"])
        connection = http.client.HTTPConnection(api.hostname, api.port, PATIENCE_SECONDS, (self.address, 0))
        try:
            sent = {"content-type": "application/json", **(headers or {})}
            connection.request(method, api.path + path, None if body is None else json.dumps(body), sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()


class Person:
    """Somebody with an account, on a network of their own."""

    def __init__(self, name: str):
        self.network = Network()
        self.email = f"{uuid.uuid4()}@example.com"
        account = {"email": self.email, "password": PASSWORD, "name": name}
        self.tokens = self.network.send("POST", "/auth/register", account).expect(201)
        self.id: str = self.tokens["user"]["id"]

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        """One HTTP request with the person's token."""
        return self.network.send(method, path, body, {"authorization": f"Bearer {self.tokens['access_token']}"})

    def call(self, *others: "Person") -> Answer:
        """Calls others."""
        return self.send("POST", "/api/webrtc/call/initiate", {"participants": [other.id for other in others]})

    def open(self) -> "Socket":
        """Connects a socket with a fresh ticket."""
        return Socket(self.send("POST", "/auth/ws-ticket").expect(200)["url"], self.network)


class Socket:
    """A socket, open inside `with`."""

    connection: ClientConnection

    def __init__(self, url: str, network: Network):
        place = {"source_address": (network.address, 0), "open_timeout": PATIENCE_SECONDS}
        self.opening = connect(url, origin=STACK["origin"], **place)

    def __enter__(self) -> "Socket":
        self.connection = self.opening.__enter__()
        return self

    def __exit__(self, *why: Any) -> None:
        self.opening.__exit__(*why)

    def say(self, action: str, data: Any) -> Any:
        """Says something and returns the reply."""
        self.connection.send(json.dumps({"action": action, "id": "1", "data": data}))
        return self.until("reply")

    def until(self, event: str, patience_seconds: float = PATIENCE_SECONDS) -> Any:
        """The next frame of this event; those before it are dropped. Waits so long for each of them."""
        while True:
            frame = json.loads(self.connection.recv(patience_seconds))
            if frame["event"] == event:
                return frame
