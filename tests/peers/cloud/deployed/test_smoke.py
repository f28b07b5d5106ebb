"""People use what is deployed."""

import unittest
import uuid

from stack import PASSWORD, STACK, Answer, Network, Person, Socket
from websockets.exceptions import ConnectionClosed, InvalidStatus


def register(network: Network) -> Answer:
    """Somebody new, on this network."""
    account = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD, "name": "Cy"}
    return network.send("POST", "/auth/register", account)


class Smoke(unittest.TestCase):
    def test_the_service_is_healthy(self):
        self.assertEqual(Network().send("GET", "/api/webrtc/health").expect(200)["status"], "healthy")

    def test_who_registered_signs_in(self):
        ada = Person("Ada")
        signed_in = ada.network.send("POST", "/auth/login", {"email": ada.email, "password": PASSWORD}).expect(200)
        self.assertEqual(signed_in["user"]["id"], ada.id)
        self.assertEqual(ada.send("GET", "/auth/me").expect(200)["name"], "Ada")

    def test_a_ping_is_answered(self):
        with Person("Ada").open() as socket:
            self.assertIn("inbox", socket.say("ping", {})["data"]["heads"])

    def test_a_ticket_opens_one_socket(self):
        ada = Person("Ada")
        url = ada.send("POST", "/auth/ws-ticket").expect(200)["url"]
        self.assertTrue(url.startswith(STACK["socket"]), url)
        with Socket(url, ada.network), self.assertRaises(InvalidStatus), Socket(url, ada.network):
            pass

    def test_a_call_rings_at_the_other_persons_socket_and_ends_at_both(self):
        ada, bo = Person("Ada"), Person("Bo")
        with ada.open() as at_ada, bo.open() as at_bo:
            call = ada.call(bo).expect(201)["call_id"]
            self.assertEqual(at_bo.until("call.invited")["data"]["call"]["call_id"], call)
            at_bo.say("call.ringing", {"call_id": call})
            self.assertEqual(at_ada.until("call.changed")["data"]["call"]["state"], "ringing")
            bo.send("POST", f"/api/webrtc/call/{call}/end", {}).expect(200)
            self.assertEqual(at_ada.until("call.ended")["data"]["call"]["call_id"], call)

    def test_signing_out_closes_the_socket(self):
        ada = Person("Ada")
        with ada.open() as socket:
            ada.send("POST", "/auth/logout", {"refresh_token": ada.tokens["refresh_token"]})
            with self.assertRaises(ConnectionClosed):
                socket.until("never")

    def test_pages_of_the_app_may_call_and_others_may_not(self):
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        ours = Network().send("OPTIONS", "/auth/login", headers={"origin": STACK["origin"], **asked})
        self.assertEqual(ours.headers.get("access-control-allow-origin"), STACK["origin"])
        self.assertEqual(ours.headers.get("access-control-allow-credentials"), "true")
        theirs = Network().send("OPTIONS", "/auth/login", headers={"origin": "https://evil.example", **asked})
        self.assertNotIn("access-control-allow-origin", theirs.headers)

    def test_the_limits_of_a_network_are_its_own(self):
        crowded = Network()
        statuses = [register(crowded).status for _ in range(6)]
        self.assertEqual(statuses, [201] * 5 + [429])
        self.assertEqual(register(Network()).status, 201)
