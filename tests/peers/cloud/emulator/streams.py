"""DynamoDB streams into functions: retries, partial batches, bisection, and where a batch goes that nobody takes.

AWS does as described here (Lambda developer guide, "Using Lambda with DynamoDB"). MiniStack retries a batch for ever, takes a
reported failure for success, and lets every role read and send everything."""

import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.lambda_runtime import execution_credentials
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import dynamodb, lambda_svc

RETRY_SECONDS = 0.5

Record = dict[str, Any]
Mapping = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """Records from position `start` to before `end` of a stream, and how often they were tried in vain."""

    start: int
    end: int
    tried: int = 0


@dataclass
class Shard:
    """How far an event source mapping has come. What waits is older than everything from `position` on."""

    position: int
    waiting: deque[Batch] = field(default_factory=deque)
    not_before: float = 0


_shards: dict[str, Shard] = {}


def _allowed(function: dict[str, Any], action: str, resource: str) -> bool:
    """Whether the function's role may do this: event source mappings act in its name."""
    key = execution_credentials(function["config"])["AWS_ACCESS_KEY_ID"]
    who = iam_evaluator.resolve_principal(key, get_account_id())
    asked = iam_evaluator.EvalContext(who.arn, who.type, who.account, action, resource, get_region())
    return iam_evaluator.evaluate(asked, who.policies, *who.limits).decision == "Allow"


def _mappings() -> Iterator[tuple[Mapping, dict[str, Any], str]]:
    """Enabled mappings whose stream and function exist, with the function and the table's name; each in its own scope."""
    for account, region, mapping in lambda_svc._iter_all_esms():
        source = mapping.get("EventSourceArn", "")
        if ":dynamodb:" not in source or not mapping.get("Enabled", True):
            continue
        with request_scope(account, region):
            table = source.split("/")[1]
            function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
            if function and (dynamodb._tables.get(table) or {}).get("LatestStreamArn") == source:
                yield mapping, function, table


def _failed_at(mapping: Mapping, result: dict[str, Any], records: list[Record]) -> int | None:
    """Index of the first record that has to come again, None if the batch is done. 0 is also an error of the whole."""
    if result.get("error"):
        return 0
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        return None
    body = result.get("body")
    said = json.loads(body) if isinstance(body, str) and body else body
    failures = said.get("batchItemFailures") if isinstance(said, dict) else None
    if not failures:
        return None
    places = {record["dynamodb"]["SequenceNumber"]: index for index, record in enumerate(records)}
    return min(places.get(failure.get("itemIdentifier"), 0) for failure in failures)


def _given_up(mapping: Mapping, batch: Batch, records: list[Record]) -> str | None:
    retries, age = mapping.get("MaximumRetryAttempts"), mapping.get("MaximumRecordAgeInSeconds")
    if retries is not None and 0 <= int(retries) < batch.tried:
        return "RetryAttemptsExhausted"
    oldest = float(records[0]["dynamodb"]["ApproximateCreationDateTime"])
    if age is not None and 0 < int(age) < time.time() - oldest:
        return "MaxRecordAgeExceeded"
    return None


def _discard(mapping: Mapping, function: dict[str, Any], records: list[Record], result: dict[str, Any], why: str) -> None:
    """Tells the destination which records nobody took: their numbers, not what is in them."""
    queue = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if queue and _allowed(function, "sqs:SendMessage", queue):
        lambda_svc._send_ddb_stream_failure_record(mapping, function, records, mapping["EventSourceArn"], result, why)
    mapping["LastProcessingResult"] = f"PROBLEM: {why}"


def _after_failure(mapping: Mapping, batch: Batch, at: int, whole: bool) -> list[Batch]:
    """What is left to do of a batch that failed: at a record that the function named, or as a whole."""
    if at > 0:
        return [Batch(batch.start + at, batch.end)]
    if whole and mapping.get("BisectBatchOnFunctionError") and batch.end - batch.start > 1:
        middle = (batch.start + batch.end) // 2
        return [replace(batch, end=middle), replace(batch, start=middle)]
    return [replace(batch, tried=batch.tried + 1)]


def _step(mapping: Mapping, function: dict[str, Any], table: str, shard: Shard) -> None:
    """Takes one batch to the function."""
    if not shard.waiting:
        size = len(dynamodb.stream_records_since(table, shard.position, mapping.get("BatchSize", 100)))
        shard.waiting.append(Batch(shard.position, shard.position + size))
        shard.position += size
    batch = shard.waiting[0]
    read = dynamodb.stream_records_since(table, batch.start, batch.end - batch.start)
    records = lambda_svc._apply_filter_criteria(read, mapping)
    result = lambda_svc._execute_function(function, {"Records": records}) if records else {}
    shard.waiting.popleft()
    first = _failed_at(mapping, result, records)
    if first is None:
        mapping["LastProcessingResult"] = "OK"
        return
    whole = bool(result.get("error"))
    left = _after_failure(mapping, batch, read.index(records[first]) if first else 0, whole)
    again = left[0]
    if why := _given_up(mapping, again, records[first:]):
        return _discard(mapping, function, records, result, why)
    shard.waiting.extendleft(reversed(left))
    shard.not_before = time.time() + RETRY_SECONDS


def _poll() -> bool:
    """One step of every mapping; says whether there was anything to do."""
    busy = False
    for mapping, function, table in _mappings():
        first, end = dynamodb.stream_start_position(table), dynamodb.stream_end_position(table)
        begin = first if mapping.get("StartingPosition") == "TRIM_HORIZON" else end
        shard = _shards.setdefault(mapping["UUID"], Shard(begin))
        if (shard.waiting or shard.position < end) and time.time() >= shard.not_before:
            if not _allowed(function, "dynamodb:GetRecords", mapping["EventSourceArn"]):
                mapping["LastProcessingResult"] = "PROBLEM: the function's role may not read the stream"
                continue
            _step(mapping, function, table, shard)
            busy = True
    return busy


def correct() -> None:
    """Corrects MiniStack's event source mappings of DynamoDB streams."""
    lambda_svc._poll_dynamodb_streams = _poll
