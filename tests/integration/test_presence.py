"""Presence over REST: what a user says of themselves is seen by others, one by one and in batches."""
import unittest

from support import SoukTest


class Presence(SoukTest):
    def test_presence(self):
        souk = self.soukd()
        alice, bob = souk.token("alice", "buyer"), souk.token("bob", "buyer")

        def status(user, path="/api/v1", token=None):
            answer = souk.request("GET", f"{path}/users/{user}/presence", token=token)
            self.assertEqual(answer.status, 200)
            return answer.json["data"]

        nothing = {"lastSeen": None, "device": None}
        self.assertEqual(status("alice"), {"userId": "alice", "status": "offline", **nothing})
        put = souk.request("PUT", "/api/v1/users/alice/presence",
                           {"status": "away", "device": "phone"}, alice)
        self.assertEqual((put.status, put.json["data"]["status"]), (200, "away"))
        self.assertEqual(status("alice"), {"userId": "alice", "status": "away", **nothing})
        seen = status("alice", token=bob)
        self.assertEqual((seen["device"], seen["lastSeen"]),
                         ("phone", put.json["data"]["lastSeen"]))
        self.assertEqual(status("alice")["status"], "away")
        self.assertEqual(status("alice", "/api")["status"], "away")
        self.assertEqual(souk.request("PUT", "/api/v1/users/alice/presence", {"status": "online"},
                                      bob).status, 403)
        answer = souk.request("PUT", "/api/v1/users/alice/presence", {"status": "asleep"}, alice)
        self.assertEqual((answer.status, answer.json["error"]["field"]), (422, "status"))

        many = souk.request("POST", "/api/v1/presence/batch",
                            {"user_ids": ["bob", "alice", "nobody"]}, bob).json["data"]
        self.assertEqual(many, [{"userId": "bob", "status": "offline", **nothing},
                                {**seen, "status": "away"},
                                {"userId": "nobody", "status": "offline", **nothing}])
        for ids in ([], ["x"] * 201, [7]):
            answer = souk.request("POST", "/api/v1/presence/batch", {"user_ids": ids}, bob)
            self.assertIn(answer.status, (400, 422))
            self.assertEqual(answer.json["error"]["field"], "user_ids")
        souk.request("PUT", "/api/v1/users/alice/presence", {"status": "offline"}, alice)
        self.assertEqual(status("alice")["status"], "offline")


if __name__ == "__main__":
    unittest.main()
