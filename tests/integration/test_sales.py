"""What is sold on a stream, over real HTTP: settings, tags, pins, events, orders, products, relays,
and how it shows in the playlists."""
import datetime
import json
import re
import subprocess
import threading
import unittest
import urllib.parse

from support import decodes, http_request, wait_for
from test_api import NOWHERE, READY, ApiTest

DATERANGE = re.compile(r"#EXT-X-DATERANGE:(.*)")


def attributes(line):
    return {k: v.strip('"') for k, v in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', line)}


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class SalesTest(ApiTest):
    def on_air(self, *products):
        """A live stream of these products, waiting for its publisher."""
        stream = self.scheduled(*products)
        return self.ok("POST", f"/streams/{stream}/go-live", self.seller, READY)

    def products_of(self, stream):
        return {p["id"]: p for p in self.ok("GET", f"/streams/{stream}/products")}

    def ranges(self, path):
        text = self.daemon.get(path).text
        found = [attributes(m) for m in DATERANGE.findall(text)]
        return [r for r in found if r.get("CLASS") == "live.souk.product"]


class Settings(SalesTest):
    def test_any_subset_while_scheduled(self):
        stream = self.scheduled(description="Old", category="shoes", estimated_duration=30)
        path = f"/streams/{stream}/settings"
        changed = self.ok("PATCH", path, self.seller, {
            "audience": "followers", "estimated_duration": 60, "notify_followers": False,
            "notify_neighborhood": True, "enable_chat": False, "enable_comments": False,
            "record_stream": False})
        self.assertEqual(changed["audience"], "followers")
        self.assertEqual(changed["estimatedDuration"], 60)
        for name, value in (("notifyFollowers", False), ("notifyNeighborhood", True),
                            ("enableChat", False), ("enableComments", False),
                            ("recordStream", False)):
            self.assertIs(changed[name], value)
        self.assertEqual((changed["title"], changed["description"], changed["category"]),
                         ("Sale", "Old", "shoes"))
        self.assertEqual(changed["productCount"], 1)
        changed = self.ok("PATCH", path, self.seller, {
            "title": "New", "description": None, "scheduled_at": "2030-01-02T03:04:05Z"})
        self.assertEqual((changed["title"], changed["description"], changed["scheduledAt"]),
                         ("New", None, "2030-01-02T03:04:05.000Z"))
        self.assertEqual((changed["audience"], changed["estimatedDuration"]), ("followers", 60))
        self.assertEqual(self.ok("PATCH", path, self.seller, {"scheduled_at": None})["scheduledAt"],
                         None)
        self.assertEqual(self.ok("PATCH", path, self.seller, {})["title"], "New")

    def test_refusals(self):
        stream = self.scheduled()
        path = f"/streams/{stream}/settings"
        self.refused(401, "unauthorized", "PATCH", path, None, {"title": "x"})
        self.refused(403, "forbidden", "PATCH", path, self.other, {"title": "x"})
        self.refused(404, "stream_not_found", "PATCH", f"/streams/{NOWHERE}/settings", self.seller,
                     {"title": "x"})
        self.refused(422, "unknown_field", "PATCH", path, self.seller, {"titel": "x"}, "titel")
        self.refused(422, "out_of_range", "PATCH", path, self.seller, {"title": ""}, "title")
        self.refused(400, "wrong_type", "PATCH", path, self.seller, {"title": None}, "title")
        self.refused(422, "out_of_range", "PATCH", path, self.seller, {"estimated_duration": 4},
                     "estimated_duration")
        self.ok("POST", f"/streams/{stream}/go-live", self.seller, READY)
        self.refused(409, "stream_not_scheduled", "PATCH", path, self.seller, {"title": "x"})

    def test_writers_of_different_fields_lose_nothing(self):
        stream = self.scheduled()
        path = f"/streams/{stream}/settings"
        fields = [("title", "T"), ("description", "D"), ("category", "C"),
                  ("estimated_duration", 77), ("enable_chat", False), ("record_stream", False)]
        run_all([lambda f=f: self.daemon.request("PATCH", "/api/v1" + path, {f[0]: f[1]},
                                                 self.seller) for f in fields])
        s = self.ok("GET", f"/streams/{stream}")
        self.assertEqual((s["title"], s["description"], s["category"], s["estimatedDuration"],
                          s["enableChat"], s["recordStream"]), ("T", "D", "C", 77, False, False))


def run_all(calls):
    """All at once, each on a thread; their results in order."""
    results = [None] * len(calls)

    def run(i):
        results[i] = calls[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


class Showing(SalesTest):
    def test_tag_and_pin(self):
        shoe, hat = self.product(), self.product(name="Hat")
        stream = self.on_air(shoe, hat)["streamId"]
        path = f"/streams/{stream}/products/{shoe}"
        tagged = self.ok("POST", f"{path}/tag", self.seller,
                         {"product_id": shoe, "x": 0.42, "y": 0.63, "timestamp_seconds": 120})
        self.assertEqual((tagged["streamId"], tagged["productId"]), (stream, shoe))
        self.assertEqual(tagged["position"], {"x": 0.42, "y": 0.63})
        self.assertEqual(tagged["timestampSeconds"], 120)
        listed = self.products_of(stream)
        self.assertEqual(listed[shoe]["position"], {"x": 0.42, "y": 0.63})
        self.assertIsNone(listed[hat]["position"])
        # Nothing was published yet: "now" is the beginning.
        self.assertEqual(self.ok("POST", f"{path}/tag", self.seller, {"x": 0, "y": 1})
                         ["timestampSeconds"], 0)
        self.assertTrue(self.ok("POST", f"{path}/pin", self.seller)["pinned"])
        self.assertTrue(self.ok("POST", f"/streams/{stream}/products/{hat}/pin", self.seller)
                        ["pinned"])
        listed = self.products_of(stream)
        self.assertEqual((listed[shoe]["pinned"], listed[hat]["pinned"]), (False, True))
        self.assertFalse(self.ok("DELETE", f"/streams/{stream}/products/{hat}/pin", self.seller)
                         ["pinned"])

    def test_refusals(self):
        shoe, hat = self.product(), self.product(name="Hat")
        stream = self.scheduled(shoe)
        path = f"/streams/{stream}/products/{shoe}"
        place = {"x": 0.5, "y": 0.5}
        for verb, what, body in (("POST", "tag", place), ("POST", "pin", None),
                                 ("DELETE", "pin", None)):
            self.refused(409, "stream_not_live", verb, f"{path}/{what}", self.seller, body)
            self.refused(401, "unauthorized", verb, f"{path}/{what}", None, body)
            self.refused(403, "forbidden", verb, f"{path}/{what}", self.other, body)
            self.refused(404, "stream_not_found", verb,
                         f"/streams/{NOWHERE}/products/{shoe}/{what}", self.seller, body)
            self.refused(404, "product_not_found", verb,
                         f"/streams/{stream}/products/{hat}/{what}", self.seller, body)
        self.refused(422, "out_of_range", "POST", f"{path}/tag", self.seller,
                     {"x": 1.5, "y": 0.5}, "x")
        self.refused(422, "missing_field", "POST", f"{path}/tag", self.seller, {"x": 1}, "y")
        self.refused(400, "wrong_type", "POST", f"{path}/tag", self.seller,
                     {"x": "0.5", "y": 0.5}, "x")
        self.refused(422, "out_of_range", "POST", f"{path}/tag", self.seller,
                     {**place, "timestamp_seconds": -1}, "timestamp_seconds")
        self.refused(422, "invalid_value", "POST", f"{path}/tag", self.seller,
                     {**place, "product_id": hat}, "product_id")

    def test_in_the_live_playlist_and_in_the_vod(self):
        shoe = self.product()
        live = self.on_air(shoe)
        stream = live["streamId"]
        path = f"/streams/{stream}/products/{shoe}"
        self.ok("POST", f"{path}/pin", self.seller)  # before the first frame
        encoder = self.publisher(self.daemon.publish_url(live))
        self.daemon.wait_playable(live)
        tagged = self.ok("POST", f"{path}/tag", self.seller, {"x": 0.25, "y": 0.75})
        self.assertGreaterEqual(tagged["timestampSeconds"], 0)
        self.ok("DELETE", f"{path}/pin", self.seller)
        ranges = self.ranges(f"/hls/{stream}/stream_0.m3u8")
        self.assertEqual([r["X-ACTION"] for r in ranges], ["pinned", "tagged", "unpinned"])
        self.assertEqual({r["X-PRODUCT-ID"] for r in ranges}, {shoe})
        self.assertEqual((ranges[1]["X-X"], ranges[1]["X-Y"]), ("0.2500", "0.7500"))
        self.assertEqual(len({r["ID"] for r in ranges}), 3)
        wait_for(lambda: self.daemon.metric("souk_recorded_segments_total") > 0, "a segment")
        self.assertEqual(encoder.stop(), 255)
        vod = self.daemon.wait_vod(live)
        in_vod = self.ranges(self.vod_playlist(stream))
        self.assertEqual([(r["ID"], r["START-DATE"]) for r in in_vod],
                         [(r["ID"], r["START-DATE"]) for r in ranges])
        self.assertEqual(decodes(vod), "")
        chapters = json.loads(subprocess.run(
            ["ffprobe", "-v", "error", "-show_chapters", "-of", "json",
             self.daemon.wait_mp4(live)], capture_output=True, check=True).stdout)["chapters"]
        self.assertIn("Shoe", [c["tags"]["title"] for c in chapters])

    def test_chapters_and_ranges_agree(self):
        """A product is a chapter of the recording from where it was tagged."""
        shoe, hat = self.product(), self.product(name="Hat")
        live = self.on_air(shoe, hat)
        stream = live["streamId"]
        encoder = self.publisher(self.daemon.publish_url(live))
        self.daemon.wait_playable(live)
        at = {}
        url = f"/hls/{stream}/stream_0.m3u8"

        def wait_segments(n):
            wait_for(lambda: self.daemon.get(url).text.count("#EXTINF") >= n, f"{n} segments")
        for name, product, segments in (("Shoe", shoe, 1), ("Hat", hat, 2)):
            wait_segments(segments)
            at[name] = self.ok("POST", f"/streams/{stream}/products/{product}/tag", self.seller,
                               {"x": 0.5, "y": 0.5})["timestampSeconds"]
        wait_segments(3)
        self.assertEqual(encoder.stop(), 255)
        chapters = json.loads(subprocess.run(
            ["ffprobe", "-v", "error", "-show_chapters", "-of", "json",
             self.daemon.wait_mp4(live)], capture_output=True, check=True).stdout)["chapters"]
        self.assertEqual([c["tags"]["title"] for c in chapters], ["Start", "Shoe", "Hat"])
        self.assertEqual([round(float(c["start_time"])) for c in chapters],
                         [0, at["Shoe"], at["Hat"]])
        playlist = self.daemon.get(self.vod_playlist(stream)).text
        first = moment(re.search("PROGRAM-DATE-TIME:(.*)", playlist)[1])
        for c, r in zip(chapters[1:], self.ranges(self.vod_playlist(stream))):
            # The API counts whole seconds.
            apart = moment(r["START-DATE"]) - first - float(c["start_time"])
            self.assertTrue(-0.5 <= apart <= 1.1, f"{r} {c}")

    def vod_playlist(self, stream):
        master = self.daemon.get(f"/vod/{stream}/index.m3u8").text
        name = next((x for x in master.splitlines() if x.startswith("stream_")), "index.m3u8")
        return f"/vod/{stream}/{name}"


class Events(SalesTest):
    def setUp(self):
        super().setUp()
        self.shoe = self.product()
        self.stream = self.on_air(self.shoe)["streamId"]
        self.path = f"/streams/{self.stream}/products/{self.shoe}/events"

    def order(self, order_id, **fields):
        return {"type": "purchase", "order_id": order_id, "amount": 1999, "currency": "EUR",
                **fields}

    def test_who_may_tell_what(self):
        self.assertEqual(self.ok("POST", self.path, None, {"type": "view"})["views"], 1)
        self.assertEqual(self.ok("POST", self.path, None, {"type": "click"})["clicks"], 1)
        for body in ({"type": "inquiry"}, self.order("o-1")):
            self.refused(401, "unauthorized", "POST", self.path, None, body)
        self.assertEqual(self.ok("POST", self.path, self.buyer, {"type": "inquiry"})["inquiries"],
                         1)
        bought = self.ok("POST", self.path, self.buyer, self.order("o-1"))
        self.assertEqual((bought["purchases"], bought["revenue"]), (1, 1999))
        self.refused(409, "duplicate_order", "POST", self.path, self.buyer, self.order("o-1"),
                     "order_id")
        self.refused(409, "duplicate_order", "POST", self.path, self.admin,
                     self.order("o-1", amount=5), "order_id")
        shown = self.products_of(self.stream)[self.shoe]
        self.assertEqual((shown["views"], shown["clicks"], shown["inquiries"], shown["purchases"],
                          shown["revenue"]), (1, 1, 1, 1, 1999))

    def test_refusals(self):
        for field in ("order_id", "amount", "currency"):
            body = self.order("o-2")
            del body[field]
            self.refused(422, "missing_field", "POST", self.path, self.buyer, body, field)
            self.refused(422, "invalid_value", "POST", self.path, self.buyer,
                         {"type": "click", field: self.order("x")[field]}, field)
        self.refused(422, "out_of_range", "POST", self.path, self.buyer,
                     self.order("o-2", amount=-1), "amount")
        self.refused(422, "invalid_value", "POST", self.path, self.buyer,
                     self.order("o-2", currency="eur"), "currency")
        self.refused(422, "out_of_range", "POST", self.path, self.buyer, self.order(""),
                     "order_id")
        self.refused(422, "invalid_value", "POST", self.path, None, {"type": "stare"}, "type")
        self.refused(422, "missing_field", "POST", self.path, None, {}, "type")
        self.refused(404, "product_not_found", "POST",
                     f"/streams/{self.stream}/products/{self.product()}/events", None,
                     {"type": "view"})
        scheduled = self.scheduled(self.shoe)
        self.refused(409, "stream_not_live", "POST",
                     f"/streams/{scheduled}/products/{self.shoe}/events", None, {"type": "view"})
        self.assertEqual(self.products_of(self.stream)[self.shoe]["purchases"], 0)

    def test_events_go_on_after_the_end(self):
        self.ok("POST", f"/streams/{self.stream}/end", self.seller)
        self.assertEqual(self.ok("POST", self.path, self.buyer, self.order("late"))["purchases"], 1)

    def post(self, body, token=None):
        return self.daemon.request("POST", "/api/v1" + self.path, body, token)

    def test_fifty_at_once_count_an_order_once(self):
        answers = run_all([lambda: self.post(self.order("same"), self.buyer) for _ in range(50)])
        codes = sorted(a.status for a in answers)
        self.assertEqual(codes, [200] + 49 * [409])
        shown = self.products_of(self.stream)[self.shoe]
        self.assertEqual((shown["purchases"], shown["revenue"]), (1, 1999))

    def test_counters_are_exact_in_a_crowd(self):
        calls = []
        for i in range(20):
            calls += [lambda: self.post({"type": "view"}), lambda: self.post({"type": "click"}),
                      lambda: self.post({"type": "inquiry"}, self.buyer),
                      lambda i=i: self.post(self.order(f"crowd-{i}", amount=i), self.buyer)]
        self.assertEqual({a.status for a in run_all(calls)}, {200})
        shown = self.products_of(self.stream)[self.shoe]
        self.assertEqual((shown["views"], shown["clicks"], shown["inquiries"], shown["purchases"],
                          shown["revenue"]), (20, 20, 20, 20, sum(range(20))))


class Products(SalesTest):
    def test_change(self):
        shoe = self.product(stock=3, description="Red")
        path = f"/products/{shoe}"
        changed = self.ok("PATCH", path, self.seller, {"price": 5, "stock": None})
        self.assertEqual((changed["price"], changed["stock"], changed["description"]),
                         (5, None, "Red"))
        changed = self.ok("PATCH", path, self.seller, {
            "name": "Boot", "description": None, "currency": "USD",
            "url": "https://x.test/b", "image_url": "https://x.test/b.png"})
        self.assertEqual(changed, self.ok("GET", path))
        self.assertEqual((changed["name"], changed["description"], changed["currency"],
                          changed["price"]), ("Boot", None, "USD", 5))
        self.refused(403, "product_not_yours", "PATCH", path, self.other, {"price": 1})
        self.refused(401, "unauthorized", "PATCH", path, None, {"price": 1})
        self.refused(404, "product_not_found", "PATCH", f"/products/{NOWHERE}", self.seller,
                     {"price": 1})
        self.refused(422, "invalid_value", "PATCH", path, self.seller, {"currency": "usd"},
                     "currency")
        self.refused(422, "invalid_value", "PATCH", path, self.seller, {"url": "ftp://x"}, "url")
        self.refused(400, "wrong_type", "PATCH", path, self.seller, {"name": None}, "name")

    def test_delete(self):
        shoe, hat = self.product(), self.product(name="Hat")
        stream = self.on_air(shoe)["streamId"]
        self.refused(409, "product_is_live", "DELETE", f"/products/{shoe}", self.seller)
        self.refused(403, "product_not_yours", "DELETE", f"/products/{hat}", self.other)
        self.ok("POST", f"/streams/{stream}/end", self.seller)
        self.assertEqual(self.ok("DELETE", f"/products/{shoe}", self.seller),
                         {"productId": shoe, "status": "deleted"})
        self.refused(404, "product_not_found", "DELETE", f"/products/{shoe}", self.seller)
        self.refused(404, "product_not_found", "GET", f"/products/{shoe}")
        self.assertEqual([p["id"] for p in self.ok("GET", "/products?seller=seller-1")], [hat])
        self.assertIn(shoe, self.products_of(stream))
        self.refused(422, "unknown_product", "POST", "/streams", self.seller,
                     {"title": "Sale", "product_ids": [shoe]}, "product_ids")


class Relays(SalesTest):
    def test_targets_are_kept_and_their_keys_hidden(self):
        stream = self.scheduled()
        path = f"/streams/{stream}/relays"
        self.assertEqual(self.ok("GET", path, self.seller), {"streamId": stream, "relays": []})
        urls = ["rtmp://a.example/live/secret-1", "rtmps://b.example:443/app/secret-2?x=secret"]
        put = self.ok("PUT", path, self.seller, {"urls": urls})
        self.assertEqual([(r["url"], r["state"]) for r in put["relays"]],
                         [("rtmp://a.example/live/***", "stored"),
                          ("rtmps://b.example:443/app/***", "stored")])
        self.assertEqual(self.ok("GET", path, self.seller), put)
        self.assertNotIn("secret-", json.dumps(put) + self.daemon.log())
        self.assertEqual(self.ok("PUT", path, self.seller, {"urls": []})["relays"], [])

    def test_refusals(self):
        stream = self.scheduled()
        path = f"/streams/{stream}/relays"
        good = "rtmp://a.example/live/k"
        for verb, body in (("GET", None), ("PUT", {"urls": [good]})):
            self.refused(401, "unauthorized", verb, path, None, body)
            self.refused(403, "forbidden", verb, path, self.other, body)
            self.refused(404, "stream_not_found", verb, f"/streams/{NOWHERE}/relays", self.seller,
                         body)
        for url in ("http://a/b/c", "rtmp://a", "rtmp://u:p@a/b/c", "rtmp:///b/c", "", "x"):
            self.refused(422, "invalid_value", "PUT", path, self.seller, {"urls": [good, url]},
                         "urls")
        self.refused(422, "out_of_range", "PUT", path, self.seller, {"urls": 6 * [good]}, "urls")
        self.refused(422, "missing_field", "PUT", path, self.seller, {}, "urls")
        self.refused(400, "wrong_type", "PUT", path, self.seller, {"urls": [7]}, "urls")
        self.ok("PUT", path, self.seller, {"urls": 5 * [good]})
        self.ok("POST", f"/streams/{stream}/go-live", self.seller, READY)
        self.ok("PUT", path, self.seller, {"urls": [good]})
        self.ok("POST", f"/streams/{stream}/end", self.seller)
        self.refused(409, "stream_over", "PUT", path, self.seller, {"urls": [good]})
        self.assertEqual(len(self.ok("GET", path, self.seller)["relays"]), 1)


class ValidateKey(SalesTest):
    def form(self, **fields):
        return http_request(self.daemon.http_port, "POST", "/api/v1/streams/validate-key",
                            {"Content-Type": "application/x-www-form-urlencoded"},
                            urllib.parse.urlencode(fields))

    def test_both_forms(self):
        live = self.on_air(self.product())
        want = {"valid": True, "streamId": live["streamId"], "sellerId": "seller-1"}
        path = "/streams/validate-key"
        self.assertEqual(self.ok("POST", path, None, {"stream_key": live["streamKey"]}), want)
        nginx = {"call": "publish", "addr": "192.0.2.7", "clientid": "1", "app": "live",
                 "flashver": "FMLE/3.0", "swfurl": "", "tcurl": "rtmp://x/live", "pageurl": "",
                 "type": "live"}
        answer = self.form(**nginx, name=live["streamKey"])
        self.assertEqual((answer.status, answer.json), (200, {"data": want}))
        answer = self.form(**nginx, name="wrong")
        self.assertEqual((answer.status, answer.json["error"]["code"]), (403, "invalid_key"))
        self.refused(403, "invalid_key", "POST", path, None, {"stream_key": "wrong"})
        self.refused(422, "missing_field", "POST", path, None, {}, "stream_key")
        self.assertEqual(self.form(**nginx).status, 422)
        self.refused(422, "unknown_field", "POST", path, None, {"key": "x"}, "key")
        new = self.ok("POST", f"/streams/{live['streamId']}/rotate-key", self.seller)["streamKey"]
        self.refused(403, "invalid_key", "POST", path, None, {"stream_key": live["streamKey"]})
        self.ok("POST", path, None, {"stream_key": new})
        self.ok("POST", f"/streams/{live['streamId']}/end", self.seller)
        self.refused(403, "invalid_key", "POST", path, None, {"stream_key": new})

    def test_permanent_keys(self):
        key = self.ok("POST", "/sellers/me/stream-key", self.seller, status=201)
        self.assertEqual(key["sellerId"], "seller-1")
        self.assertTrue(key["rtmpUrl"].startswith("rtmp://"))
        path, body = "/streams/validate-key", {"stream_key": key["streamKey"]}
        self.refused(403, "invalid_key", "POST", path, None, body)
        stream = self.scheduled(scheduled_at="2035-01-01T00:00:00Z")
        self.refused(403, "invalid_key", "POST", path, None, body)
        self.ok("PATCH", f"/streams/{stream}/settings", self.seller, {"scheduled_at": None})
        self.assertEqual(self.ok("POST", path, None, body)["streamId"], stream)
        self.assertEqual(self.ok("GET", f"/streams/{stream}")["status"], "scheduled")
        self.assertEqual(self.ok("DELETE", "/sellers/me/stream-key", self.seller)["streamKey"],
                         None)
        self.refused(403, "invalid_key", "POST", path, None, body)
        self.refused(403, "forbidden", "POST", "/sellers/me/stream-key", self.buyer)
        self.refused(401, "unauthorized", "POST", "/sellers/me/stream-key")

    def test_only_from_inside(self):
        daemon = self.soukd({"http.internal_from": "192.0.2.1",
                             "auth.secret_file": self.daemon.settings["auth.secret_file"]})
        body, path = {"stream_key": "x"}, "/api/v1/streams/validate-key"
        answer = daemon.request("POST", path, body)
        self.assertEqual((answer.status, answer.json["error"]["code"]), (403, "forbidden"))
        self.assertEqual(daemon.request("POST", path, body, self.seller).status, 403)
        answer = daemon.request("POST", path, body, self.admin)
        self.assertEqual((answer.status, answer.json["error"]["code"]), (403, "invalid_key"))


if __name__ == "__main__":
    unittest.main()
