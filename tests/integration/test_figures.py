"""metrics:subscribe: a stream's figures for its owner, the server's for admins, as they are."""
from support import SoukTest, wait_for
from websocket_client import JsonClient


class Metrics(SoukTest):
    def connect(self, daemon, user=None, *roles):
        c = JsonClient(daemon.http_port, daemon.token(user, *roles) if user else None)
        self.addCleanup(c.ws.close)
        return c

    def plain(self, daemon, user=None):
        return self.connect(daemon, user, "buyer")

    def refused(self, answer, code):
        self.assertIn("error", answer, answer)
        self.assertEqual(answer["error"]["code"], code, answer)

    def seller(self, daemon):
        return self.connect(daemon, "seller-1", "seller")

    def test_the_owner_of_a_stream(self):
        daemon = self.soukd()
        stream = daemon.create_stream()["streamId"]
        seller, alice = self.seller(daemon), self.plain(daemon, "alice")
        alice.call("stream:join", {"stream_id": stream})
        alice.call("stream:chat", {"stream_id": stream, "message": "hello"})
        alice.call("stream:reaction", {"stream_id": stream, "emoji": "🔥"})
        subject = {"stream_id": stream}
        self.assertEqual(seller.call("metrics:subscribe", subject),
                         {"streamId": stream, "intervalMs": 5000})
        first = seller.event("metrics_update")
        self.assertEqual((first["scope"], first["streamId"], first["status"], first["final"]),
                         ("stream", stream, "live", False))
        self.assertEqual((first["currentViewers"], first["peakViewers"], first["uniqueViewers"],
                          first["chatMessages"], first["chatters"], first["totalLikes"]),
                         (1, 1, 1, 1, 1, 1))
        self.assertEqual(first["reactionCounts"]["🔥"], 1)
        for name in ("viewers", "chat", "reactions"):
            self.assertEqual(len(first[name]), 60)
            self.assertEqual(sum(e["count"] for e in first[name]), 1, name)
            self.assertEqual(first[name][0]["timestamp"] - first[name][1]["timestamp"], 5000)
        alice.leave()
        later = seller.event("metrics_update", lambda e: e["currentViewers"] == 0)
        self.assertEqual(later["peakViewers"], 1)
        seller.call("metrics:unsubscribe", subject)
        self.assertEqual(daemon.metric("souk_metrics_subscriptions"), 0)

    def test_the_same_figures_as_the_analytics(self):
        daemon = self.soukd()
        token = daemon.token("seller-1", "seller")
        product = daemon.request("POST", "/api/v1/products", {
            "name": "Vase", "price": 1000, "currency": "EUR"}, token).json["data"]["id"]
        stream = daemon.request("POST", "/api/v1/streams", {
            "title": "Pots", "category": "Pottery", "product_ids": [product]},
            token).json["data"]["streamId"]
        daemon.request("POST", f"/api/v1/streams/{stream}/go-live", {
            "camera_ready": True, "checklist_complete": True}, token)
        alice = self.plain(daemon, "alice")
        alice.call("stream:join", {"stream_id": stream})
        alice.call("product:event", {"stream_id": stream, "product_id": product, "type": "click"})
        seller = self.seller(daemon)
        seller.call("metrics:subscribe", {"stream_id": stream})
        pushed = seller.event("metrics_update")
        asked = daemon.request("GET", f"/api/v1/streams/{stream}/analytics",
                               token=token).json["data"]
        for name in ("currentViewers", "peakViewers", "uniqueViewers"):
            self.assertEqual(pushed[name], asked["basicStats"][name], name)
        vase = pushed["products"][0]
        for name, value in asked["products"][0].items():
            self.assertEqual(vase[name], value, name)
        self.assertEqual(vase["clicks"], 1)
        self.assertEqual(pushed["ingest"], asked["ingest"])

    def test_who_may(self):
        daemon = self.soukd()
        stream = daemon.create_stream()["streamId"]
        guest, alice, other = (self.plain(daemon), self.plain(daemon, "alice"),
                               self.connect(daemon, "seller-2", "seller"))
        self.refused(guest.call("metrics:subscribe", {"stream_id": stream}), "unauthorized")
        for c in (alice, other, self.connect(daemon, "mo", "moderator")):
            self.refused(c.call("metrics:subscribe", {"stream_id": stream}), "forbidden")
            self.refused(c.call("metrics:subscribe"), "forbidden")
        seller, admin = self.seller(daemon), self.connect(daemon, "root", "admin")
        self.refused(seller.call("metrics:subscribe"), "forbidden")
        self.refused(seller.call("metrics:subscribe", {"stream_id": "x"}), "invalid_payload")
        self.refused(seller.call("metrics:subscribe", {"stream_id": "0" * 8 + stream[8:]}),
                     "stream_not_found")
        self.assertEqual(admin.call("metrics:subscribe", {"stream_id": stream})["streamId"],
                         stream)
        self.assertEqual(admin.call("metrics:unsubscribe", {"stream_id": stream}),
                         {"streamId": stream})

    def test_the_whole_server(self):
        daemon = self.soukd()
        stream = daemon.create_stream("Pots")["streamId"]
        self.plain(daemon, "alice").call("stream:join", {"stream_id": stream})
        admin = self.connect(daemon, "root", "admin")
        self.assertEqual(admin.call("metrics:subscribe"),
                         {"streamId": None, "intervalMs": 5000})
        first = admin.event("metrics_update")
        self.assertEqual((first["scope"], first["streamsLive"], first["publishers"],
                          first["currentViewers"], first["sockets"], first["cpu"]),
                         ("server", 1, 0, 1, 2, None))
        self.assertGreater(first["memory"], 1 << 20)
        line = first["streams"][0]
        self.assertEqual((line["streamId"], line["title"], line["currentViewers"]),
                         (stream, "Pots", 1))
        later = admin.event("metrics_update", lambda e: e["cpu"] is not None)
        self.assertGreaterEqual(later["cpu"], 0)
        self.assertGreaterEqual(later["deliveriesPerSecond"], 0)
        self.assertEqual(admin.call("metrics:unsubscribe"), {"streamId": None})

    def test_the_last_update(self):
        daemon = self.soukd()
        stream = daemon.create_stream()["streamId"]
        seller = self.seller(daemon)
        seller.call("metrics:subscribe", {"stream_id": stream})
        token = daemon.token("seller-1", "seller")
        daemon.request("POST", f"/api/v1/streams/{stream}/end", token=token)
        last = seller.event("metrics_update", lambda e: e["final"])
        self.assertEqual(last["status"], "ended")
        self.assertEqual(daemon.metric("souk_metrics_subscriptions"), 0)
        wait_for(lambda: "error" in seller.call("metrics:subscribe", {"stream_id": stream}),
                 "the stream is over")
        self.refused(seller.call("metrics:subscribe", {"stream_id": stream}), "stream_over")

    def test_a_token_that_says_less(self):
        daemon = self.soukd()
        admin = self.connect(daemon, "root", "admin")
        admin.call("metrics:subscribe")
        admin.call("auth", {"token": daemon.token("root", "buyer")})
        self.assertEqual(admin.event("error"), {
            "event": "metrics:subscribe", "code": "forbidden",
            "message": "These figures are not yours any more."})
        self.assertEqual(daemon.metric("souk_metrics_subscriptions"), 0)

    def test_bounds_and_leaving(self):
        daemon = self.soukd({"events.metrics_subscriptions": "2"})
        streams = [daemon.create_stream("Pots", f"seller-{i}")["streamId"] for i in range(3)]
        admin = self.connect(daemon, "root", "admin")
        for _ in range(2):  # the second time is as good as the first
            for stream in streams[:2]:
                self.assertIn("intervalMs", admin.call("metrics:subscribe", {"stream_id": stream}))
        self.refused(admin.call("metrics:subscribe", {"stream_id": streams[2]}), "too_many_rooms")
        self.refused(admin.call("metrics:subscribe"), "too_many_rooms")
        admin.call("metrics:unsubscribe", {"stream_id": streams[0]})
        self.assertIn("intervalMs", admin.call("metrics:subscribe"))
        admin.drop()
        wait_for(lambda: daemon.metric("souk_metrics_subscriptions") == 0, "nobody is subscribed")
        gathered = daemon.metric("souk_metrics_updates_total")
        again = self.connect(daemon, "root", "admin")
        again.call("metrics:subscribe")
        wait_for(lambda: daemon.metric("souk_metrics_updates_total") > gathered, "an update")
