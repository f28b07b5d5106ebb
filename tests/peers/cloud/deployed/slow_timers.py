"""The stream arms a timer, and the schedule ends the ring that nobody asks about."""

import json
import time
import unittest

from stack import Person
from timers import call_item, timer_of

RING_SECONDS, MINUTE_SECONDS = 90, 60


class Timers(unittest.TestCase):
    def test_a_ring_that_nobody_asks_about_ends_by_the_schedule(self):
        ada, bo = Person("Ada"), Person("Bo")
        with ada.open() as socket:
            call = ada.call(bo).expect(201)["call_id"]
            self.assertIsNotNone(timer_of(call, patience_seconds=20), "the stream armed no timer")
            self.assertEqual(call_item(call)["state"], {"S": "initiated"})
            ended = socket.until("call.ended", RING_SECONDS + MINUTE_SECONDS + 30)
        # Nobody says that they are there, so the caller counts as lost before the ring is over.
        self.assertEqual(ended["data"]["call"]["reason"], "lost", json.dumps(ended))
        self.assertEqual(call_item(call)["state"], {"S": "failed"})
        deadline = time.monotonic() + 10
        while timer_of(call) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertIsNone(timer_of(call), "the timer was not taken away")


if __name__ == "__main__":
    unittest.main()
