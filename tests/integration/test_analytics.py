"""Figures of a stream over real HTTP: ingest health of a real encoder, chat, and that nothing of it
is lost when the daemon dies or stops."""
import unittest

from support import wait_for
from test_api import READY, ApiTest


class Analytics(ApiTest):
    def on_air(self):
        self.made = self.ok("POST", f"/streams/{self.scheduled()}/go-live", self.seller, READY)
        self.stream = self.made["streamId"]

    def say(self, token, n):
        for i in range(n):
            self.ok("POST", f"/streams/{self.stream}/chat", token, {"message": f"No {i}"}, 201)

    def figures(self):
        return self.ok("GET", f"/streams/{self.stream}/analytics", self.seller)

    def check_chat(self, messages, chatters):
        engagement = self.figures()["engagement"]
        self.assertEqual((engagement["chatMessages"], engagement["chatters"]),
                         (messages, chatters))

    def bucketed(self):
        return sum(b["chat"] for b in self.figures()["timeline"])

    def test_ingest_health(self):
        self.on_air()
        self.assertIsNone(self.figures()["ingest"]["codecs"])
        self.publisher(self.daemon.publish_url(self.made), fps=30)
        # In real time, as soon as the machine has the time for it.
        health = wait_for(lambda: (lambda i: i if i["bitrate"] and 27 <= (i["fps"] or 0) <= 33
                                   else None)(self.figures()["ingest"]), "the encoder's figures")
        self.assertTrue(health["codecs"].startswith("avc1."))
        self.assertEqual((health["width"], health["height"], health["interruptions"]),
                         (320, 180, 0))
        self.ok("POST", f"/streams/{self.stream}/end", self.seller)
        wait_for(lambda: self.daemon.stream(self.made)["state"] in (None, "finishing"), "its end")
        after = self.figures()["ingest"]
        for name in ("codecs", "width", "height", "interruptions"):
            self.assertEqual(after[name], health[name], name)
        self.assertGreaterEqual(after["bytes"], health["bytes"])

    def test_ingest_goes_on_after_a_restart(self):
        self.on_air()
        self.publisher(self.daemon.publish_url(self.made), fps=30)
        before = wait_for(lambda: (lambda i: i if i["codecs"] and i["bytes"] > 50000 else None)(
            self.daemon.stream(self.made)["ingest"]), "the encoder's figures")
        self.assertEqual(self.daemon.terminate(), 0)
        self.daemon.start()
        after = self.daemon.stream(self.made)["ingest"]
        self.assertGreaterEqual(after["bytes"], before["bytes"])
        for name in ("codecs", "videoCodec", "width", "height", "encoder"):
            self.assertEqual(after[name], before[name], name)

    def test_survives_kill_9(self):
        self.on_air()
        self.say(self.buyer, 3)
        self.say(self.seller, 1)
        self.check_chat(4, 2)
        self.daemon.kill9()
        self.daemon.start()
        self.check_chat(4, 2)
        self.say(self.other, 2)
        self.check_chat(6, 3)
        stats = self.ok("POST", f"/streams/{self.stream}/end", self.seller)["stats"]
        self.assertEqual(stats["chatMessages"], 6)
        self.check_chat(6, 3)
        self.daemon.kill9()
        self.daemon.start()
        self.check_chat(6, 3)

    def test_survives_a_stop(self):
        self.on_air()
        self.say(self.buyer, 3)
        self.assertEqual(self.bucketed(), 3)
        self.daemon.terminate()
        self.daemon.start()
        self.assertEqual(self.bucketed(), 3)
        self.say(self.buyer, 1)
        self.assertEqual(self.bucketed(), 4)
        self.ok("POST", f"/streams/{self.stream}/end", self.seller)
        self.assertEqual(self.bucketed(), 4)

    def test_ten_messages_a_minute(self):
        self.on_air()
        self.say(self.buyer, 10)
        answer = self.call("POST", f"/streams/{self.stream}/chat", self.buyer, {"message": "11"})
        self.assertEqual((answer.status, answer.json["error"]["code"]), (429, "rate_limited"))
        self.assertIn(int(answer.headers["retry-after"]), range(1, 61))
        self.say(self.other, 1)
        self.check_chat(11, 2)

    def test_viewers_of_nobody(self):
        self.on_air()
        self.assertEqual(self.ok("GET", f"/streams/{self.stream}/viewers"), {"count": 0})
        self.assertEqual(self.ok("GET", f"/streams/{self.stream}/viewers", self.seller),
                         {"count": 0, "viewers": [], "nextCursor": None})
        alias = self.daemon.request("GET", f"/api/streams/{self.stream}/viewers")
        self.assertEqual(alias.json["data"], {"count": 0})


if __name__ == "__main__":
    unittest.main()
