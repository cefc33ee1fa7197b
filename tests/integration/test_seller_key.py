"""Encoders that are set up once: a seller's permanent key, with real ffmpeg."""
import unittest

from support import decodes, wait_for
from test_api import READY, ApiTest


class SellerKey(ApiTest):
    def setUp(self):
        super().setUp()
        self.key = self.ok("POST", "/sellers/me/stream-key", self.seller, status=201)

    def url(self, key=None):
        return self.daemon.publish_url(key or self.key)

    def status(self, stream):
        return self.ok("GET", f"/streams/{stream}")["status"]

    def state(self, stream):
        return self.ok("GET", f"/streams/{stream}")["state"]

    def test_feeds_the_live_stream(self):
        live = self.live()
        encoder = self.publisher(self.url(), frames=90)
        self.daemon.wait_playable(live)
        self.assertEqual(encoder.wait(), 0, encoder.errors)
        wait_for(lambda: self.status(live["streamId"]) == "ended", "the goodbye ends it")
        self.assertEqual(decodes(self.daemon.wait_vod(live)), "")

    def test_the_scheduled_stream_that_is_due_goes_live(self):
        later = self.scheduled(scheduled_at="2035-01-01T00:00:00Z")
        due = self.scheduled()
        encoder = self.publisher(self.url(), frames=90)
        self.daemon.wait_playable({"streamId": due})
        self.assertEqual(self.status(due), "live")
        self.assertEqual(encoder.wait(), 0, encoder.errors)
        wait_for(lambda: self.status(due) == "ended", "the goodbye ends it")
        self.assertEqual(self.status(later), "scheduled")
        self.assertTrue(self.ok("GET", f"/streams/{due}")["startedAt"])

    def test_without_a_stream_it_is_refused(self):
        self.scheduled(scheduled_at="2035-01-01T00:00:00Z")
        encoder = self.publisher(self.url(), frames=30)
        self.assertNotEqual(encoder.wait(), 0)
        self.daemon.wait_log("publish refused", "reason=not_live")

    def test_a_new_key_closes_the_old_one(self):
        live = self.live()
        encoder = self.publisher(self.url())
        self.daemon.wait_playable(live)
        new = self.ok("POST", "/sellers/me/stream-key", self.seller, status=201)
        self.assertNotEqual(encoder.wait(), 0)
        wait_for(lambda: self.state(live["streamId"]) == "interrupted", "the old one is closed")
        refused = self.publisher(self.url(), frames=30)
        self.assertNotEqual(refused.wait(), 0)
        self.publisher(self.url(new))
        wait_for(lambda: self.state(live["streamId"]) == "publishing", "the new one is let in")
        # The stream's own key is another matter.
        self.ok("POST", f"/streams/{live['streamId']}/rotate-key", self.seller)
        self.assertEqual(self.state(live["streamId"]), "publishing")

    def test_the_flow_goes_on_after_it(self):
        """Going live by hand finds the stream live; ending it by hand works."""
        due = self.scheduled()
        self.publisher(self.url())
        self.daemon.wait_playable({"streamId": due})
        self.refused(409, "stream_not_scheduled", "POST", f"/streams/{due}/go-live", self.seller,
                     READY)
        self.assertEqual(self.ok("POST", f"/streams/{due}/end", self.seller)["status"], "ended")


if __name__ == "__main__":
    unittest.main()
