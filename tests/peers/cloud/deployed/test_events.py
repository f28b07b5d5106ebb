"""What Lambda receives, by the files under events/, is understood by what is deployed."""

import json
import unittest
from pathlib import Path

import boto3
from stack import STACK

EVENTS = Path(__file__).parents[4] / "events"


class Events(unittest.TestCase):
    def test_every_function_has_events_and_every_event_a_function(self):
        self.assertEqual({folder.name for folder in EVENTS.iterdir()}, STACK["functions"].keys())

    def test_every_event_is_answered(self):
        cloud = boto3.client("lambda")
        for function, name in STACK["functions"].items():
            for event in sorted((EVENTS / function).glob("*.json")):
                with self.subTest(f"{function}/{event.name}"):
                    answer = cloud.invoke(FunctionName=name, Payload=event.read_bytes())
                    said = answer["Payload"].read().decode()
                    self.assertNotIn("FunctionError", answer, said)
                    result = json.loads(said)
                    status = result.get("statusCode", 200) if isinstance(result, dict) else 200
                    self.assertLess(status, 500, said)
