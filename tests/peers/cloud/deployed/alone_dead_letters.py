"""Records that `timers` cannot handle end in its queue and are handed over again. Alone, because a policy is taken away."""

import json
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path
from typing import Any

import boto3
from stack import STACK, Person
from test_iam import without
from timers import TABLE, call_item, timer_of

ROOT = Path(__file__).parents[4]
QUEUE = STACK["outputs"]["TimersDeadLetters"]


def waiting(patience_seconds: float) -> list[dict[str, Any]]:
    """What the queue tells, once it tells something; it stays there."""
    sqs, deadline = boto3.client("sqs"), time.monotonic() + patience_seconds
    while True:
        asked = {"QueueUrl": QUEUE, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        messages = sqs.receive_message(**asked).get("Messages", [])
        if messages or time.monotonic() >= deadline:
            return [json.loads(message["Body"])["DDBStreamBatchInfo"] for message in messages]
        time.sleep(0.5)


def redrive() -> subprocess.CompletedProcess[str]:
    """What an operator does."""
    with_aws = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [str(ROOT / "tools/redrive"), STACK["stack"]]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=with_aws)


class DeadLetters(unittest.TestCase):
    def setUp(self):
        boto3.client("sqs").purge_queue(QueueUrl=QUEUE)

    def test_what_failed_for_a_while_is_handed_over_again(self):
        ada, bo = Person("Ada"), Person("Bo")
        with without("timers", "Calls"):
            call = ada.call(bo).expect(201)["call_id"]
            told = waiting(60)
        self.assertEqual(len(told), 1, told)
        self.assertIsNone(timer_of(call), "without the permission nothing was armed")
        done = redrive()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 of 1 messages are done", done.stdout)
        self.assertIsNotNone(timer_of(call), "the record was handed over again")
        self.assertEqual(waiting(0), [])
        self.assertIn("0 of 0 messages", redrive().stdout, "again is harmless")

    def test_a_poison_record_ends_alone_in_the_queue_and_holds_up_no_other(self):
        ada, bo, cy = Person("Ada"), Person("Bo"), Person("Cy")
        before = ada.call(bo).expect(201)["call_id"]
        poison = {**call_item(before), "pk": {"S": "call_00000000000070008000000000000bad"}, "state": {"S": "on holiday"}}
        boto3.client("dynamodb").put_item(TableName=TABLE, Item=poison)
        after = ada.call(cy).expect(201)["call_id"]
        self.assertIsNotNone(timer_of(before, 30))
        self.assertIsNotNone(timer_of(after, 30))
        told = waiting(60)
        self.assertEqual(len(told), 1, told)
        first = self.record_at(told[0])
        self.assertEqual(first["dynamodb"]["Keys"]["pk"], poison["pk"], "what went well before it did not come again")
        done = redrive()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(f"it still cannot handle {told[0]['startSequenceNumber']}", done.stdout)
        self.assertEqual(len(self.still()), 1, "what was not taken stays")

    def record_at(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The record that a batch begins with."""
        streams, place = boto3.client("dynamodbstreams"), {"StreamArn": batch["streamArn"], "ShardId": batch["shardId"]}
        start = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": batch["startSequenceNumber"]}
        return streams.get_records(**{"ShardIterator": streams.get_shard_iterator(**place, **start)["ShardIterator"]})["Records"][0]

    def still(self) -> list[str]:
        """What the queue has, whether or not somebody works on it."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        have = boto3.client("sqs").get_queue_attributes(QueueUrl=QUEUE, AttributeNames=names)["Attributes"]
        return ["message"] * sum(int(have[name]) for name in names)


if __name__ == "__main__":
    unittest.main()
