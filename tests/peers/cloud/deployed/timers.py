"""What is stored of calls and their timers, past everything that settles a call by reading it."""

import time
from typing import Any

import boto3
from stack import STACK

TABLE = STACK["tables"]["calls"]


def call_item(call: str) -> dict[str, Any]:
    """A call as it is stored."""
    return boto3.client("dynamodb").get_item(TableName=TABLE, Key={"pk": {"S": call}, "sk": {"S": "call"}})["Item"]


def timer_of(call: str, patience_seconds: float = 0) -> dict[str, Any] | None:
    """The timer of a call, waited for so long."""
    deadline = time.monotonic() + patience_seconds
    while True:
        pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=TABLE)
        items = (item for page in pages for item in page["Items"])
        found = next((i for i in items if i["pk"]["S"].startswith("timers#") and i["call"]["S"] == call), None)
        if found or time.monotonic() >= deadline:
            return found
        time.sleep(0.2)
