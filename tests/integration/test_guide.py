"""The integration guide and the testing checklist of the platform's own document, over real HTTP,
with its field names, an encoder, a player and the official socket client. (Its product ids
"prod_123" stand for UUIDs here.)"""
import json
import os
import re
import subprocess
import urllib.parse

from support import HERE, SoukTest, decodes, http_request, install_modules, wait_for

API = "/api/v1"
READY = {"camera_ready": True, "checklist_complete": True}
SALE = {
    "title": "Flash Sale - 50% Off!",
    "description": "Amazing deals on sneakers",
    "category": "sneakers",
    "audience": "everyone",
    "estimated_duration": 30,
    "notify_followers": True,
    "notify_neighborhood": True,
    "enable_chat": True,
    "enable_comments": True,
    "record_stream": True,
    "scheduled_at": None,
}
KEY = re.compile(r"^[A-Za-z0-9_-]{20,}$")


class Guide(SoukTest):
    def setUp(self):
        self.daemon = self.soukd()
        d = self.daemon
        self.seller, self.other = d.token("seller-1", "seller"), d.token("seller-2", "seller")
        self.buyer, self.admin = d.token("buyer-1", "buyer"), d.token("admin-1", "admin")
        for token in (self.seller, self.other, self.buyer, self.admin):
            d.request("GET", f"{API}/streams", token=token)
        self.products = [self.product(name) for name in ("Sneaker", "Boot")]

    def call(self, method, path, body=None, token=None, status=200):
        answer = self.daemon.request(method, API + path, body, token)
        self.assertEqual(answer.status, status, f"{method} {path}: {answer.text}")
        return answer.json["error" if status >= 400 else "data"] if answer.body else None

    def seller_call(self, method, path, body=None, status=200):
        return self.call(method, path, body, self.seller, status)

    def product(self, name, token=None):
        return self.call("POST", "/products", {"name": name, "price": 4999, "currency": "EUR"},
                         token or self.seller, 201)["productId"]

    def create(self, products=None, **fields):
        ids = self.products if products is None else products
        return self.seller_call("POST", "/streams", {**SALE, "product_ids": ids, **fields},
                                201)["streamId"]

    def live(self, **fields):
        stream = self.create(**fields)
        return stream, self.seller_call("POST", f"/streams/{stream}/go-live", READY)

    def fetch(self, url):
        """A URL of an answer, as a player asks for it."""
        parts = urllib.parse.urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return http_request(self.daemon.http_port, "GET", path)

    def neighbours_and_followers(self):
        """Three followers, and two who live near; one of them is both."""
        near, far = {"lat": 52.5200, "lon": 13.4050}, {"lat": 52.6200, "lon": 13.4050}
        for name, place in (("mitte", near), ("nord", far),
                            ("next", {"lat": 52.5300, "lon": 13.4050})):
            self.call("PUT", f"/neighborhoods/{name}", {"name": name, **place}, self.admin)
        people = {"f-1": None, "f-2": "nord", "f-3": "next", "n-1": "mitte", "x-1": "nord"}
        for user, place in people.items():
            self.call("PUT", f"/users/{user}", {"name": user, "neighborhood": place}, self.admin)
        self.call("PUT", "/users/seller-1", {"neighborhood": "mitte"}, self.admin)
        for user in ("f-1", "f-2", "f-3"):
            self.call("PUT", f"/users/seller-1/follow", None, self.daemon.token(user, "buyer"))

    def sockets(self, stream, viewer):
        """The guide's own code, in Node, with the seller looking on: a function that takes the next
        step's word and returns what came of it."""
        script = subprocess.Popen(
            ["node", os.path.join(HERE, "client", "guide.mjs")], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={
                **os.environ, "MODULES": install_modules("sio"), "STREAM": stream,
                "VIEWER": viewer, "SELLER": self.seller,
                "BASE": f"http://127.0.0.1:{self.daemon.http_port}"})
        self.addCleanup(script.communicate)
        self.addCleanup(script.kill)

        def step(word, go=False):
            if go:
                script.stdin.write("\n")
                script.stdin.flush()
            told = json.loads(script.stdout.readline())
            self.assertEqual(told[0], word)
            return told[1]
        return step

    def watch(self, stream, viewer):
        """4. WebSocket Integration, and the checklist's WebSocket features."""
        step = self.sockets(stream, viewer)
        ready = step("ready")
        self.assertEqual(ready["streamId"], stream)
        self.assertRegex(ready["rtmpUrl"], rf"^rtmp://[^/]+:{self.daemon.rtmp_port}/live$")
        self.assertGreater(ready["estimatedLatencyMs"], 0)
        self.assertEqual(step("seller joined"), 1)
        self.assertEqual(step("joined"), 2)
        self.assertEqual(step("viewer joined"), {
            "streamId": stream, "userId": "f-1", "username": "f-1", "viewerCount": 2})
        chat = step("chat")
        self.assertEqual([m["message"] for m in chat],
                         ["This is amazing!", *(f"Message {i}" for i in range(2, 11))])
        for m in chat:
            self.assertEqual(m["username"], "f-1")
            self.assertRegex(m["timestamp"], r"^\d{4}-\d\d-\d\dT[\d:.]+Z$")
        refused = step("refused")
        self.assertEqual([(e["event"], e["code"]) for e in refused],
                         [("stream:chat", "rate_limited")])
        self.assertEqual(step("reactions"), [[e, "f-1"] for e in "❤️ 🔥 👏 😂 😮 💎".split()])
        self.assertEqual(step("watching"), 2)
        return step

    def test_guide(self):
        self.neighbours_and_followers()
        # 1. Create Stream Flow
        data = self.seller_call("POST", "/streams", {**SALE, "product_ids": self.products}, 201)
        stream = data["streamId"]
        self.assertEqual((data["status"], data["productCount"]), ("scheduled", 2))
        for field, value in SALE.items():
            camel = re.sub("_(.)", lambda m: m[1].upper(), field)
            self.assertEqual(data[camel], value, camel)
        # 2. Update Settings (Step 3)
        data = self.seller_call("PATCH", f"/streams/{stream}/settings", {
            "audience": "followers", "estimated_duration": 45, "notify_neighborhood": False})
        self.assertEqual((data["audience"], data["estimatedDuration"], data["notifyNeighborhood"]),
                         ("followers", 45, False))
        self.assertTrue(data["notifyFollowers"] and data["enableChat"])
        # 3. Go Live (Step 5)
        live = self.seller_call("POST", f"/streams/{stream}/go-live", READY)
        self.assertEqual((live["streamId"], live["status"]), (stream, "live"))
        self.assertRegex(live["streamKey"], KEY)
        self.assertEqual(live["rtmpUrl"], f"rtmp://127.0.0.1:{self.daemon.rtmp_port}/live")
        self.assertEqual(live["notificationsSent"], 3)
        publisher = self.publisher(f"{live['rtmpUrl']}/{live['streamKey']}")
        # A follower watches by the URL of the stream's details; who is none does not.
        follower = self.daemon.token("f-1", "buyer")
        url = wait_for(lambda: self.call("GET", f"/streams/{stream}", None, follower)["hlsUrl"],
                       "the follower may watch")
        wait_for(lambda: self.fetch(url).status == 200, "the playlist can be played")
        self.assertEqual(self.fetch(live["hlsUrl"]).status, 200)
        stranger = self.call("GET", f"/streams/{stream}", None, self.buyer)["hlsUrl"]
        self.assertNotEqual(stranger and self.fetch(stranger).status, 200)
        # 4. WebSocket Integration
        step = self.watch(stream, follower)
        # 5. Tag Products During Stream
        product = self.products[0]
        self.seller_call("POST", f"/streams/{stream}/products/{product}/tag", {
            "product_id": product, "x": 0.42, "y": 0.63, "timestamp_seconds": 120})
        told = step("tagged", go=True)
        self.assertEqual((told["productId"], told["position"], told["timestampSeconds"]),
                         (product, {"x": 0.42, "y": 0.63}, 120))
        self.assertEqual(step("left"), {"streamId": stream, "userId": "f-1", "viewerCount": 1})
        self.assertEqual(step("count"), 1)
        tagged = {p["productId"]: p for p in self.call("GET", f"/streams/{stream}/products")}
        self.assertEqual(tagged[product]["position"], {"x": 0.42, "y": 0.63})
        self.assertEqual(tagged[product]["timestampSeconds"], 120)
        self.assertIsNone(tagged[self.products[1]]["position"])
        # 6. End Stream
        wait_for(lambda: self.daemon.metric("souk_ingest_bytes_total") > 200000,
                 "some seconds are recorded")
        ended = self.seller_call("POST", f"/streams/{stream}/end")
        self.assertEqual(ended["status"], "ended")
        self.assertGreater(ended["duration"], 0)
        self.assertEqual({k: ended["stats"][k] for k in (
            "peakViewers", "uniqueViewers", "totalLikes", "chatMessages")},
            {"peakViewers": 2, "uniqueViewers": 2, "totalLikes": 6, "chatMessages": 10})
        told = step("ended", go=True)
        self.assertEqual((told["streamId"], told["stats"]), (stream, ended["stats"]))
        publisher.wait()
        vod = wait_for(lambda: self.call("GET", f"/streams/{stream}", None, follower)["vodUrl"],
                       "the VOD is ready")
        wait_for(lambda: self.fetch(vod).status == 200, "the VOD can be played")
        self.assertEqual(decodes(vod), "")
        # 7. View Analytics
        data = self.seller_call("GET", f"/streams/{stream}/analytics")
        self.assertLessEqual({"duration", "currentViewers", "peakViewers", "uniqueViewers",
                              "averageWatchTime", "totalWatchTime"}, set(data["basicStats"]))
        self.assertLessEqual({"totalLikes", "reactions", "chatMessages", "chatters"},
                             set(data["engagement"]))
        self.assertEqual({p["productId"] for p in data["products"]}, set(self.products))
        for p in data["products"]:
            self.assertLessEqual({"clicks", "views", "inquiries", "purchases", "revenue", "name"},
                                 set(p))
        self.assertEqual(data["basicStats"]["duration"], ended["duration"])
        self.assertGreater(data["ingest"]["bytes"], 100000)

    # Stream Creation
    def test_stream_creation(self):
        stream = self.create()
        self.call("POST", "/streams", SALE, self.buyer, 403)
        bare = self.create([])
        data = self.seller_call("POST", f"/streams/{bare}/products",
                                {"product_ids": self.products})
        self.assertEqual([p["productId"] for p in data["products"]], self.products)
        foreign = self.product("Hat", self.other)
        error = self.seller_call("POST", f"/streams/{bare}/products", {"product_ids": [foreign]},
                                 403)
        self.assertEqual((error["code"], error["field"]), ("product_not_yours", "product_ids"))
        self.seller_call("POST", "/streams", {**SALE, "product_ids": [foreign]}, 403)
        error = self.seller_call("POST", f"/streams/{stream}/products",
                                 {"product_ids": self.products[:1]}, 409)
        self.assertEqual(error["code"], "duplicate_product")

    # Stream Settings
    def test_stream_settings(self):
        stream = self.create()
        everything = {
            "audience": "neighborhood", "estimated_duration": 240, "notify_followers": False,
            "notify_neighborhood": False, "enable_chat": False, "enable_comments": False,
            "record_stream": False}
        data = self.seller_call("PATCH", f"/streams/{stream}/settings", everything)
        for field, value in everything.items():
            camel = re.sub("_(.)", lambda m: m[1].upper(), field)
            self.assertEqual(data[camel], value)
        for audience in ("everyone", "followers", "neighborhood"):
            data = self.seller_call("PATCH", f"/streams/{stream}/settings", {"audience": audience})
            self.assertEqual(data["audience"], audience)
            details = self.call("GET", f"/streams/{stream}")
            self.assertEqual((details["audience"], details["enableChat"]), (audience, False))
        for wrong in ({"audience": "friends"}, {"estimated_duration": 4},
                      {"estimated_duration": 241}):
            error = self.seller_call("PATCH", f"/streams/{stream}/settings", wrong, 422)
            self.assertEqual(error["field"], next(iter(wrong)))
        self.call("PATCH", f"/streams/{stream}/settings", {"audience": "everyone"}, self.other, 403)
        self.seller_call("POST", f"/streams/{stream}/go-live", READY)
        error = self.seller_call("PATCH", f"/streams/{stream}/settings", everything, 409)
        self.assertEqual(error["code"], "stream_not_scheduled")

    # Go Live Flow
    def test_go_live_flow(self):
        bare = self.create([])
        error = self.seller_call("POST", f"/streams/{bare}/go-live", READY, 422)
        self.assertEqual(error["code"], "no_products")
        stream = self.create()
        for part in ({}, {"camera_ready": True}, {"checklist_complete": True},
                     {"camera_ready": True, "checklist_complete": False}):
            error = self.seller_call("POST", f"/streams/{stream}/go-live", part, 422)
            self.assertEqual(error["code"], "checklist_incomplete")
        self.neighbours_and_followers()
        live = self.seller_call("POST", f"/streams/{stream}/go-live", READY)
        # f-1, f-2, f-3 follow; n-1 lives near, and so does f-3, who is not told twice.
        self.assertEqual(live["notificationsSent"], 4)
        for user, told in (("f-1", 1), ("f-2", 1), ("f-3", 1), ("n-1", 1), ("x-1", 0)):
            page = self.daemon.request("GET", f"{API}/notifications",
                                       token=self.daemon.token(user, "buyer")).json
            self.assertEqual(len(page["data"]), told, user)
        self.assertRegex(live["streamKey"], KEY)
        self.assertTrue(live["rtmpUrl"].startswith("rtmp://"))
        publisher = self.publisher(f"{live['rtmpUrl']}/{live['streamKey']}")
        wait_for(lambda: self.fetch(live["hlsUrl"]).status == 200, "the HLS URL is accessible")
        publisher.kill()
        self.seller_call("POST", f"/streams/{stream}/go-live", READY, 409)

    # Product Tagging
    def test_product_tagging(self):
        stream, _ = self.live()
        product, second = self.products
        tag = f"/streams/{stream}/products/{product}/tag"
        self.seller_call("POST", tag, {"x": 0.1, "y": 0.9})
        for corner in ({"x": 0, "y": 0, "timestamp_seconds": 0}, {"x": 1, "y": 1}):
            self.seller_call("POST", tag, corner)
        for wrong in ({"x": 1.01, "y": 0}, {"x": 0, "y": -0.01}):
            self.seller_call("POST", tag, wrong, 422)
        self.seller_call("POST", tag, {"x": 0.5}, 422)
        self.call("POST", tag, {"x": 0, "y": 0}, self.other, 403)
        shown = {p["productId"]: p for p in self.call("GET", f"/streams/{stream}/products")}
        self.assertEqual(shown[product]["position"], {"x": 1, "y": 1})
        self.assertIsNotNone(shown[product]["timestampSeconds"])
        self.assertIsNone(shown[second]["position"])
        details = self.call("GET", f"/streams/{stream}")
        self.assertEqual({p["productId"]: p["position"] for p in details["products"]},
                         {p: v["position"] for p, v in shown.items()})

    # End Stream, Analytics: numbers of things that happened
    def test_end_and_analytics(self):
        stream, live = self.live()
        publisher = self.publisher(f"{live['rtmpUrl']}/{live['streamKey']}")
        wait_for(lambda: self.fetch(live["hlsUrl"]).status == 200, "it is live")
        product = self.products[0]
        events = f"/streams/{stream}/products/{product}/events"
        for kind, n in (("view", 3), ("click", 2), ("inquiry", 1)):
            for _ in range(n):
                self.call("POST", events, {"type": kind}, self.buyer)
        order = {"type": "purchase", "order_id": "o-1", "amount": 4999, "currency": "EUR"}
        for _ in range(2):
            self.daemon.request("POST", API + events, order, self.buyer)
        self.call("POST", events, {**order, "order_id": "o-2", "amount": 1}, self.buyer)
        for text in ("Nice!", "How much?"):
            self.call("POST", f"/streams/{stream}/chat", {"message": text}, self.buyer, 201)
        self.call("GET", f"/streams/{stream}/analytics", None, self.other, 403)
        self.call("GET", f"/streams/{stream}/analytics", None, None, 401)
        during = self.seller_call("GET", f"/streams/{stream}/analytics")
        self.assertEqual(during["revenue"]["total"], 5000)
        ended = self.seller_call("POST", f"/streams/{stream}/end")
        publisher.wait()
        self.assertGreater(ended["duration"], 0)
        self.assertEqual(ended["stats"]["chatMessages"], 2)
        data = self.seller_call("GET", f"/streams/{stream}/analytics")
        shown = {p["productId"]: p for p in data["products"]}
        self.assertEqual({k: shown[product][k] for k in (
            "views", "clicks", "inquiries", "purchases", "revenue")},
            {"views": 3, "clicks": 2, "inquiries": 1, "purchases": 2, "revenue": 5000})
        self.assertEqual(shown[self.products[1]]["revenue"], 0)
        self.assertEqual({k: data["revenue"][k] for k in ("total", "currency", "orders")},
                         {"total": 5000, "currency": "EUR", "orders": 2})
        self.assertEqual((data["engagement"]["chatMessages"], data["engagement"]["chatters"]),
                         (2, 1))
        self.assertEqual(data["basicStats"]["duration"], ended["duration"])
        wait_for(lambda: self.call("GET", f"/streams/{stream}")["vodUrl"], "the VOD's URL")
        # Recording disabled: there is none.
        quiet, live = self.live(record_stream=False)
        publisher = self.publisher(f"{live['rtmpUrl']}/{live['streamKey']}")
        wait_for(lambda: self.fetch(live["hlsUrl"]).status == 200, "it is live")
        self.seller_call("POST", f"/streams/{quiet}/end")
        publisher.wait()
        wait_for(lambda: self.daemon.metric("souk_streams") == 0, "it is over")
        self.assertIsNone(self.call("GET", f"/streams/{quiet}")["vodUrl"])
