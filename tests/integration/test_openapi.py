"""The document at /api/v1/openapi.json against reality: it is valid OpenAPI by somebody else's
measure, every operation in it is called with success and refused in the ways that it lists, and
every answer has a documented status and code and exactly the documented fields."""
import collections
import json
import os
import re
import shutil
import subprocess


from support import HERE, SoukTest, http_request, install_modules, wait_for
from websocket_client import JsonClient

API = "/api/v1"
NOWHERE = "0190b5a0-7c3e-7abc-8def-0123456789ab"
READY = {"camera_ready": True, "checklist_complete": True}
# Ends the daemon: called by a test of its own.
LAST = ("POST", f"{API}/admin/drain")


class Recorder:
    """Calls operations by their paths in the document and keeps every answer."""

    def __init__(self, daemon):
        self.daemon, self.answers = daemon, []
        self.succeeded, self.refused = set(), collections.defaultdict(set)

    def call(self, method, route, *ids, body=None, token=None, query="", headers=None, raw=None):
        path = route
        for value in ids:
            path = re.sub(r"\{\w+\}", value, path, count=1)
        all_headers = dict(headers or {})
        if token:
            all_headers["Authorization"] = f"Bearer {token}"
        if body is None and raw is None and method in ("POST", "PUT", "PATCH"):
            body = {}
        answer = http_request(self.daemon.http_port, method, path + query, all_headers,
                              raw if raw is not None else body)
        kind = answer.headers.get("content-type")
        parsed = answer.json if answer.body and "json" in (kind or "") else None
        self.answers.append({"method": method, "route": route, "status": answer.status,
                             "type": kind, "body": parsed})
        if answer.status < 300:
            self.succeeded.add((method, route))
        else:
            self.refused[method, route].add(answer.status)
        return answer

    def good(self, method, route, *ids, **kwargs):
        answer = self.call(method, route, *ids, **kwargs)
        assert answer.status < 300, f"{method} {route}: {answer.status} {answer.text}"
        return answer.json.get("data", answer.json) if answer.body and "json" in answer.headers.get(
            "content-type", "") else answer.text


class OpenApiTest(SoukTest):
    @classmethod
    def setUpClass(cls):
        cls.modules = install_modules("openapi")
        shutil.copy(os.path.join(HERE, "openapi", "check.mjs"), cls.modules)

    def setUp(self):
        self.daemon = self.soukd({"limits.user_requests": 0, "limits.address_requests": 0})
        d = self.daemon
        self.seller, self.other = d.token("seller-1", "seller"), d.token("seller-2", "seller")
        self.admin, self.buyer = d.token("admin-1", "admin"), d.token("buyer-1", "buyer")
        for token in (self.seller, self.other, self.admin, self.buyer):
            d.request("GET", f"{API}/streams", token=token)
        self.document = d.get(f"{API}/openapi.json").json
        self.r = Recorder(d)

    def operations(self):
        for route, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield method.upper(), route, operation

    def check(self):
        told = subprocess.run(
            ["node", "check.mjs"], cwd=self.modules, capture_output=True, text=True,
            input=json.dumps({"document": self.document, "answers": self.r.answers}))
        self.assertEqual(told.returncode, 0, told.stderr)
        faults = json.loads(told.stdout)
        self.assertFalse(faults, json.dumps(faults, indent=1)[:8000])

    def refuse_all(self):
        """What every operation refuses in the same way, each by its own means."""
        for method, route, operation in self.operations():
            who, ids = operation["x-who"], [NOWHERE] * route.count("{")
            call = lambda **kw: self.r.call(method, route, *ids, **kw)
            token = None if who in ("public", "internal") else self.admin
            if operation.get("x-plain"):
                continue
            if who not in ("public", "internal"):
                self.assertEqual(call().status, 401)
            if who in ("seller", "moderator", "admin"):
                self.assertEqual(call(token=self.buyer).status, 403)
            self.assertEqual(call(token="x.y.z").status, 401)
            bad = call(token=token, query="?no_such_argument=1")
            self.assertEqual(bad.status, 422, bad.text)
            self.assertEqual(bad.json["error"]["field"], "no_such_argument")
            if method == "GET":
                continue
            headers = {"Content-Type": "application/json"}
            self.assertEqual(call(token=token, raw=b"{", headers=headers).status, 400)
            content = operation.get("requestBody", {}).get("content", {})
            if "application/x-www-form-urlencoded" not in content:
                self.assertEqual(call(token=token, raw=b"a=b", headers={
                    "Content-Type": "text/plain"}).status, 415)
                bad = call(token=token, body={"no_such_field": 1})
                self.assertEqual(bad.status, 422, bad.text)
                self.assertEqual(bad.json["error"]["field"], "no_such_field")
            if method == "POST" and who != "public" and who != "internal":
                self.assertIn(call(token=token, headers={"Idempotency-Key": "a b"}).status,
                              (400, 422))

    def refuse_fields(self):
        """Each field of each body: too long, too great, of another type, not one of the words."""
        for method, route, operation in self.operations():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            if not schema:
                continue
            ids = [NOWHERE] * route.count("{")
            for name, field in schema["properties"].items():
                wrong = 1 if field["type"] in ("string", "array", "object") else "x"
                answer = self.r.call(method, route, *ids, body={name: wrong}, token=self.admin)
                self.assertEqual((answer.status, answer.json["error"].get("field")), (400, name),
                                 f"{method} {route} {name}: {answer.text}")
                if "maxLength" in field:
                    value = "x" * (field["maxLength"] + 1)
                elif "maximum" in field:
                    value = int(field["maximum"]) + 1
                elif "enum" in field:
                    value = "no such word"
                else:
                    continue
                answer = self.r.call(method, route, *ids, body={name: value}, token=self.admin)
                self.assertEqual((answer.status, answer.json["error"].get("field")), (422, name),
                                 f"{method} {route} {name}: {answer.text}")

    def test_document_and_answers(self):
        self.refuse_all()
        self.refuse_fields()
        for scene in sorted(name for name in dir(self) if name.startswith("scene_")):
            with self.subTest(scene):
                getattr(self, scene)()
        self.r.good(*LAST, token=self.admin)
        everything = {(method, route) for method, route, _ in self.operations()}
        self.check()
        self.assertEqual(everything - self.r.succeeded, set(), "never called with success")
        plain = {(method, route) for method, route, o in self.operations() if o.get("x-plain")}
        self.assertEqual(everything - set(self.r.refused) - plain, set(), "never refused")

    # Scenes: each operation with success, and the refusals of its own.

    def product(self, token=None, **fields):
        return self.r.good("POST", f"{API}/products", token=token or self.seller, body={
            "name": "Shoe", "price": 1999, "currency": "EUR", **fields})["productId"]

    def stream(self, *products, token=None, **fields):
        return self.r.good("POST", f"{API}/streams", token=token or self.seller, body={
            "title": "Sale", "product_ids": list(products), **fields})["streamId"]

    def live(self, *products, **fields):
        stream = self.stream(*(products or [self.product()]), **fields)
        self.r.good("POST", f"{API}/streams/{{id}}/go-live", stream, token=self.seller, body=READY)
        return stream

    def scene_system(self):
        for path in ("/healthz", "/readyz", "/metrics", f"{API}/openapi.json"):
            self.r.good("GET", path)

    def scene_streams(self):
        r, s, one = self.r, self.seller, f"{API}/streams/{{id}}"
        mine, another, foreign = self.product(), self.product(), self.product(self.other)
        first = self.stream(mine)
        r.good("GET", f"{API}/streams")
        r.good("GET", f"{API}/streams", query="?limit=1&status=scheduled&seller=seller-1&q=sale")
        r.call("GET", f"{API}/streams", query="?cursor=zzz")
        r.good("GET", one, first)
        r.good("POST", f"{one}/products", first, token=s, body={"product_ids": [another]})
        r.good("GET", f"{one}/products", first)
        for ids in ([mine], [foreign], [NOWHERE]):
            r.call("POST", f"{one}/products", first, token=s, body={"product_ids": ids})
        r.call("POST", f"{one}/products", first, token=self.other, body={"product_ids": [foreign]})
        r.call("POST", f"{one}/go-live", self.stream(), token=s, body=READY)
        r.call("POST", f"{one}/go-live", first, token=s, body={})
        r.call("POST", f"{one}/go-live", first, token=self.other, body=READY)
        r.call("POST", f"{one}/end", first, token=s)
        for method, path in (("POST", "/go-live"), ("POST", "/end"), ("POST", "/rotate-key"),
                             ("GET", "/products"), ("GET", ""), ("DELETE", "")):
            for unknown in (NOWHERE, "x"):
                body = READY if path == "/go-live" else None
                self.assertEqual(r.call(method, one + path, unknown, token=s, body=body).status, 404)
        r.good("POST", f"{one}/go-live", first, token=s, body=READY)
        r.good("GET", one, first)
        r.good("GET", f"{API}/streams")
        r.call("POST", f"{one}/go-live", first, token=s, body=READY)
        r.call("POST", f"{one}/products", first, token=s, body={"product_ids": [mine]})
        r.call("DELETE", one, first, token=s)
        r.good("POST", f"{one}/rotate-key", first, token=s)
        r.call("POST", f"{one}/rotate-key", first, token=self.other)
        r.good("POST", f"{one}/end", first, token=s)
        r.call("POST", f"{one}/rotate-key", first, token=s)
        r.good("GET", one, first)
        r.good("DELETE", one, self.stream(), token=s)
        for _ in range(2):
            r.good("POST", f"{API}/streams", token=s, body={"title": "Same"},
                   headers={"Idempotency-Key": "same"})
        r.call("POST", f"{API}/streams", token=s, body={"title": "Else"},
               headers={"Idempotency-Key": "same"})

    def scene_products(self):
        r, one = self.r, f"{API}/products/{{id}}"
        mine = self.product(description="d", url="https://x.test/a", image_url="http://x.test/b")
        r.good("GET", one, mine)
        r.good("GET", f"{API}/products", query="?seller=seller-1&limit=2")
        r.call("GET", f"{API}/products")
        r.call("GET", f"{API}/products", query="?seller=seller-1&cursor=zzz")
        r.call("GET", one, NOWHERE)
        for wrong in ({"currency": "eur"}, {"url": "ftp://x"}):
            r.call("POST", f"{API}/products", token=self.seller,
                   body={"name": "a", "price": 1, "currency": "EUR", **wrong})

    def scene_admin(self):
        r, admin, path = self.r, self.admin, f"{API}/admin"
        for name in ("status", "config", "limits", "streams", "recordings", "audit"):
            r.good("GET", f"{path}/{name}", token=admin)
        r.good("POST", f"{path}/check", token=admin)
        r.good("POST", f"{path}/reload", token=admin)
        copy = os.path.join(self.daemon.folder, "copy.db")
        r.good("POST", f"{path}/backup", token=admin, body={"path": copy})
        r.call("POST", f"{path}/backup", token=admin, body={"path": copy})
        r.call("POST", f"{path}/backup", token=admin, body={"path": "relative"})
        r.call("GET", f"{path}/recordings", token=admin, query="?cursor=zzz")
        r.call("GET", f"{path}/audit", token=admin, query="?cursor=zzz")
        r.good("POST", f"{path}/streams", token=admin, body={"seller_id": "s-5", "title": "A"})

    def scene_admin_streams(self):
        r, admin, path = self.r, self.admin, f"{API}/admin/streams"
        made = r.good("POST", path, token=admin,
                      body={"seller_id": "s-6", "title": "A", "live": True})["streamId"]
        one = path + "/{id}"
        r.good("GET", one, made, token=admin)
        r.good("GET", path, token=admin)
        r.call("POST", f"{one}/go-live", made, token=admin)
        r.call("POST", f"{one}/kick", made, token=admin)
        r.good("POST", f"{one}/rotate-key", made, token=admin)
        r.good("POST", f"{one}/end", made, token=admin)
        r.call("POST", f"{one}/end", made, token=admin)
        r.call("POST", f"{one}/kick", made, token=admin)
        scheduled = r.good("POST", path, token=admin, body={"seller_id": "s-6", "title": "B"})
        r.good("POST", f"{one}/go-live", scheduled["streamId"], token=admin)
        for action in ("go-live", "rotate-key", "end", "kick"):
            r.call("POST", f"{one}/{action}", NOWHERE, token=admin)
        r.call("GET", one, NOWHERE, token=admin)
        self.publish_and_record()

    def publish_and_record(self):
        """What only a stream with a publisher and a recording answers."""
        r, admin = self.r, self.admin
        made = self.daemon.create_stream(seller="s-7")
        publisher = self.publisher(self.daemon.publish_url(made))
        self.daemon.wait_playable(made)
        one = f"{API}/admin/streams/{{id}}"
        r.good("GET", one, made["streamId"], token=admin)
        r.good("GET", f"{API}/admin/streams", token=admin)
        r.good("GET", f"{API}/streams/{{id}}", made["streamId"])
        r.good("GET", f"{API}/streams", query="?status=live")
        recording = f"{API}/admin/recordings/{{id}}"
        self.assertEqual(r.call("DELETE", recording, made["streamId"], token=admin).status, 409)
        r.good("POST", f"{one}/kick", made["streamId"], token=admin)
        publisher.wait()
        r.good("POST", f"{one}/end", made["streamId"], token=admin)
        wait_for(lambda: r.good("GET", recording, made["streamId"], token=admin)["state"] ==
                 "ready", "the recording is finished")
        r.good("GET", f"{API}/admin/recordings", token=admin, query="?limit=1")
        r.good("GET", f"{API}/admin/storage", token=admin)
        r.good("GET", f"{API}/streams/{{id}}", made["streamId"])
        wait_for(lambda: r.call("DELETE", recording, made["streamId"], token=admin).status == 200,
                 "the recording is let go")
        for unknown in (NOWHERE, "x"):
            r.call("DELETE", recording, unknown, token=admin)
            r.call("GET", recording, unknown, token=admin)

    def scene_showcase(self):
        r, s, one = self.r, self.seller, f"{API}/streams/{{id}}"
        product, other = self.product(), self.product(self.other)
        scheduled = self.stream(product)
        r.good("PATCH", f"{one}/settings", scheduled, token=s,
               body={"audience": "followers", "estimated_duration": 30, "title": "New"})
        stream = self.live(product)
        self.assertEqual(r.call("PATCH", f"{one}/settings", stream, token=s, body={
            "title": "x"}).status, 409)
        place = f"{one}/products/{{pid}}"
        r.good("POST", f"{place}/tag", stream, product, token=s,
               body={"x": 0.5, "y": 1, "timestamp_seconds": 3})
        r.good("POST", f"{place}/tag", stream, product, token=s, body={"x": 0, "y": 0.25})
        r.good("POST", f"{place}/pin", stream, product, token=s)
        r.good("GET", f"{one}/products", stream)
        r.good("GET", one, stream)
        r.good("DELETE", f"{place}/pin", stream, product, token=s)
        r.call("DELETE", f"{place}/pin", stream, product, token=s)
        for kind in ("view", "click", "inquiry"):
            r.good("POST", f"{place}/events", stream, product, token=self.buyer,
                   body={"type": kind})
        r.call("POST", f"{place}/events", stream, product, body={"type": "inquiry"})
        order = {"type": "purchase", "order_id": "o-1", "amount": 1999, "currency": "EUR"}
        for _ in range(2):
            r.call("POST", f"{place}/events", stream, product, token=s, body=order)
        r.call("POST", f"{place}/events", stream, product, token=s, body={"type": "purchase"})
        for ids in ((stream, other), (stream, NOWHERE), (NOWHERE, product), ("x", "y")):
            r.call("POST", f"{place}/events", *ids, body={"type": "view"})
            r.call("POST", f"{place}/tag", *ids, token=s, body={"x": 0, "y": 0})
            r.call("POST", f"{place}/pin", *ids, token=s)
        r.call("POST", f"{place}/pin", stream, product, token=self.other)
        urls = ["rtmp://relay.test/app/key"]
        r.good("PUT", f"{one}/relays", stream, token=s, body={"urls": urls})
        r.good("GET", f"{one}/relays", stream, token=s)
        r.call("PUT", f"{one}/relays", stream, token=s, body={"urls": ["ftp://x"]})
        r.call("GET", f"{one}/relays", stream, token=self.other)
        r.good("POST", f"{API}/sellers/me/stream-key", token=s)
        r.good("DELETE", f"{API}/sellers/me/stream-key", token=s)
        r.call("DELETE", f"{API}/sellers/me/stream-key", token=s)
        key = self.daemon.create_stream(seller="s-8")["streamKey"]
        r.good("POST", f"{API}/streams/validate-key", body={"stream_key": key})
        r.good("POST", f"{API}/streams/validate-key", raw=f"name={key}&app=live".encode(),
               headers={"Content-Type": "application/x-www-form-urlencoded"})
        r.call("POST", f"{API}/streams/validate-key", body={"stream_key": "none"})

    def scene_product_changes(self):
        r, one, product = self.r, f"{API}/products/{{id}}", self.product()
        r.good("PATCH", one, product, token=self.seller, body={"name": "Boot", "stock": None})
        r.call("PATCH", one, product, token=self.other, body={"name": "Boot"})
        r.call("DELETE", one, product, token=self.other)
        r.good("DELETE", one, product, token=self.seller)
        for unknown in (product, NOWHERE, "x"):
            r.call("DELETE", one, unknown, token=self.seller)
            r.call("PATCH", one, unknown, token=self.seller, body={"name": "Boot"})

    def scene_people(self):
        r, admin, buyer, user = self.r, self.admin, self.buyer, f"{API}/users/{{id}}"
        r.good("PUT", user, "u-1", token=admin, body={"name": "U", "roles": ["seller"],
                                                       "neighborhood": "mitte"})
        r.good("GET", user, "u-1")
        r.good("GET", user, "u-1", token=admin)
        r.good("GET", user, "buyer-1", token=buyer)
        r.call("GET", user, "nobody")
        r.good("GET", f"{API}/users", token=admin, query="?limit=2")
        r.good("GET", f"{API}/users", token=admin, query="?q=U&role=seller")
        r.good("PUT", f"{user}/follow", "seller-1", token=buyer)
        r.call("PUT", f"{user}/follow", "buyer-1", token=buyer)
        r.call("PUT", f"{user}/follow", "nobody", token=buyer)
        for path in (f"{user}/followers", f"{user}/following"):
            r.good("GET", path, "seller-1")
            r.good("GET", path, "buyer-1", query="?limit=1")
            r.call("GET", path, "buyer-1", query="?cursor=%00")
            r.call("GET", path, "nobody")
        place = f"{API}/neighborhoods/{{id}}"
        r.good("PUT", place, "mitte", token=admin, body={"lat": 52.5, "lon": 13.4, "name": "M"})
        r.good("GET", place, "mitte")
        r.good("GET", f"{API}/neighborhoods", query="?limit=1")
        r.call("GET", place, "nowhere")
        self.live(notify_followers=True)
        r.good("GET", f"{API}/notifications", token=buyer)
        r.good("GET", f"{API}/notifications", token=buyer, query="?unread=true&limit=1")
        r.good("POST", f"{API}/notifications/read", token=buyer, body={"all": True})
        r.call("POST", f"{API}/notifications/read", token=buyer, body={})
        r.good("DELETE", f"{user}/follow", "seller-1", token=buyer)
        r.good("DELETE", place, "mitte", token=admin)
        r.call("DELETE", place, "mitte", token=admin)
        device = r.good("POST", f"{API}/devices", token=buyer,
                        body={"platform": "web", "token": "t-1"})
        r.good("GET", f"{API}/devices", token=buyer)
        r.good("DELETE", f"{API}/devices/{{id}}", device["id"], token=buyer)
        r.call("DELETE", f"{API}/devices/{{id}}", device["id"], token=buyer)
        r.good("PUT", f"{user}/presence", "buyer-1", token=buyer, body={"status": "away"})
        r.call("PUT", f"{user}/presence", "seller-1", token=buyer, body={"status": "away"})
        r.good("GET", f"{user}/presence", "buyer-1")
        r.call("GET", f"{user}/presence", "nobody")
        r.good("POST", f"{API}/presence/batch", token=buyer,
               body={"user_ids": ["buyer-1", "seller-1"]})

    def scene_chat(self):
        r, s, buyer, one = self.r, self.seller, self.buyer, f"{API}/streams/{{id}}"
        stream = self.live()
        message = r.good("POST", f"{one}/chat", stream, token=buyer, body={"message": "Hello"})
        r.good("POST", f"{one}/chat", stream, token=s, body={"message": "Hi", "client_id": "c-1"})
        r.good("GET", f"{one}/chat", stream, query="?limit=1")
        r.good("GET", f"{one}/chat", stream, token=s)
        r.good("DELETE", f"{one}/chat/{{mid}}", stream, message["id"], token=s)
        r.call("DELETE", f"{one}/chat/{{mid}}", stream, NOWHERE, token=s)
        r.call("DELETE", f"{one}/chat/{{mid}}", stream, message["id"], token=self.other)
        r.good("POST", f"{one}/mutes", stream, token=s, body={"user_id": "buyer-1", "seconds": 60})
        r.call("POST", f"{one}/chat", stream, token=buyer, body={"message": "Hello"})
        r.good("GET", f"{one}/mutes", stream, token=s)
        r.call("GET", f"{one}/mutes", stream, token=buyer)
        r.good("DELETE", f"{one}/mutes/{{user}}", stream, "buyer-1", token=s)
        r.call("DELETE", f"{one}/mutes/{{user}}", stream, "buyer-1", token=s)
        r.good("POST", f"{one}/mutes", stream, token=s, body={"user_id": "buyer-1", "ban": True})
        for unknown in (NOWHERE, "x"):
            r.call("GET", f"{one}/chat", unknown)
            r.call("POST", f"{one}/chat", unknown, token=buyer, body={"message": "x"})
            r.call("GET", f"{one}/mutes", unknown, token=s)

    def scene_operation(self):
        r, admin, path = self.r, self.admin, f"{API}/admin"
        r.good("POST", f"{path}/bans", token=admin,
               body={"kind": "user", "subject": "bad-1", "seconds": 60, "reason": "r"})
        r.good("GET", f"{path}/bans", token=admin)
        bad = self.daemon.token("bad-1", "buyer")
        self.assertEqual(r.call("GET", f"{API}/streams", token=bad).status, 403)
        r.good("DELETE", f"{path}/bans", token=admin, query="?kind=user&subject=bad-1")
        r.call("DELETE", f"{path}/bans", token=admin, query="?kind=user&subject=bad-1")
        r.call("POST", f"{path}/bans", token=admin, body={"kind": "address", "subject": "x"})
        made = self.daemon.create_stream(seller="s-4")
        publisher = self.publisher(self.daemon.publish_url(made))
        self.daemon.wait_playable(made)
        r.good("GET", f"{path}/connections", token=admin)
        found = r.good("GET", f"{path}/connections", token=admin, query="?kind=rtmp")
        r.good("POST", f"{path}/connections/{{id}}/close", found["connections"][0]["id"],
               token=admin)
        publisher.wait()
        r.call("POST", f"{path}/connections/{{id}}/close", "x", token=admin)
        self.looking_on(path, made["streamId"])
        r.good("GET", f"{path}/outbox", token=admin, query="?limit=1")
        r.good("POST", f"{path}/outbox/retry", token=admin)

    def looking_on(self, path, stream):
        """Sockets, and what is said in their rooms."""
        r, admin = self.r, self.admin
        cursor = r.good("GET", f"{path}/events", token=admin)["cursor"]
        client = JsonClient(self.daemon.http_port)
        self.addCleanup(client.ws.close)
        client.call("stream:join", {"stream_id": stream})
        said = r.good("GET", f"{path}/events", token=admin,
                      query=f"?after={cursor}&of={stream}&event=viewer:*&wait=25&limit=1")
        self.assertEqual(said["events"][0]["event"], "viewer:joined")
        self.assertEqual(r.call("GET", f"{path}/events", token=admin,
                                query="?after=none").status, 422)
        found = r.good("GET", f"{path}/sockets", token=admin,
                       query=f"?stream={stream}&framing=json&address=127.0.0.1&limit=5")
        r.good("POST", f"{path}/sockets/{{id}}/close", found["sockets"][0]["id"], token=admin)
        client.wait_closed()
        r.call("POST", f"{path}/sockets/{{id}}/close", "ws-0", token=admin)

    def scene_analytics(self):
        r, s, one = self.r, self.seller, f"{API}/streams/{{id}}"
        product = self.product()
        stream = self.live(product)
        place = f"{one}/products/{{pid}}"
        for i in range(2):
            r.good("POST", f"{place}/events", stream, product, token=self.buyer, body={
                "type": "purchase", "order_id": f"a-{i}", "amount": 5, "currency": "EUR"})
        r.good("POST", f"{one}/chat", stream, token=self.buyer, body={"message": "Hello"})
        for path in ("/viewers", "/analytics"):
            r.good("GET", one + path, stream, token=s)
            for unknown in (NOWHERE, "x"):
                self.assertEqual(r.call("GET", one + path, unknown, token=s).status, 404)
        r.good("GET", f"{one}/viewers", stream)
        self.assertEqual(r.call("GET", f"{one}/analytics", stream, token=self.other).status, 403)
        r.good("POST", f"{one}/end", stream, token=s)
        r.good("GET", f"{one}/analytics", stream, token=s)
        r.good("GET", f"{one}/viewers", stream, token=s, query="?limit=1")

    def test_second_paths(self):
        """Paths without /v1 that older clients know answer the same."""
        stream = self.live()
        ids = {"/streams/": stream, "/users/": "seller-1"}
        n = 0
        for method, route, operation in self.operations():
            alias = operation.get("x-alias")
            if not alias or method != "GET":
                continue
            value = next(v for word, v in ids.items() if word in route)
            answers = [self.daemon.get(re.sub(r"{\w+}", value, p)) for p in (route, alias)]
            self.assertEqual([a.status for a in answers], [200, 200])
            self.assertEqual(answers[0].json, answers[1].json)
            n += 1
        self.assertGreaterEqual(n, 2)

    def test_methods_and_heads(self):
        """Every path: other methods are refused with what it takes; every answer has an id."""
        for route, methods in self.document["paths"].items():
            path = re.sub(r"{\w+}", NOWHERE, route)
            # A path may be another one's pattern as well: /streams/validate-key and /streams/{id}.
            takes = {m.upper() for other, ms in self.document["paths"].items() for m in ms
                     if re.fullmatch(re.sub(r"{\w+}", "[^/]+", other), path)}
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - takes:
                answer = self.daemon.request(method, path, headers={"Content-Length": "0"})
                self.assertEqual(answer.status, 405, f"{method} {route}")
                self.assertEqual(answer.json["error"]["code"], "method_not_allowed")
                allowed = {m.strip() for m in answer.headers["allow"].split(",")}
                head = {"HEAD"} if "GET" in takes else set()
                self.assertEqual(allowed, takes | head | {"OPTIONS"}, route)
            answer = self.daemon.request("OPTIONS", path)
            self.assertEqual(answer.status, 204)
            self.assertTrue(takes <= {m.strip() for m in answer.headers["allow"].split(",")})
            given = {"X-Request-Id": "0f.a-b_c"}
            for method in (m.upper() for m in methods):
                headers = {"Content-Length": "0"} if method != "GET" else {}
                answer = self.daemon.request(method, path, headers={**headers, **given})
                self.assertEqual(answer.headers["x-request-id"], "0f.a-b_c")
                answer = self.daemon.request(method, path, headers={
                    **headers, "X-Request-Id": "no<sane>id"})
                self.assertRegex(answer.headers["x-request-id"], r"^[\w.-]{8,64}$")

    def test_bodies_are_bounded(self):
        for method, route, operation in self.operations():
            if method == "GET" or operation["x-who"] == "public":
                continue
            path = re.sub(r"{\w+}", NOWHERE, route)
            answer = self.daemon.request(method, path, token=self.admin, headers={
                "Content-Length": str(256 * 1024 + 1)})
            self.assertEqual((answer.status, answer.json["error"]["code"]),
                             (413, "body_too_large"), route)

    def test_limits_are_shown_and_kept(self):
        d = self.soukd({"limits.user_requests": 30, "limits.address_requests": 20})
        admin = d.token("admin-1", "admin")
        answer = d.request("GET", f"{API}/admin/limits", token=admin)
        limits = {l["name"]: l["limit"] for l in answer.json["data"]["limits"]}
        self.assertEqual((limits["limits.user_requests"], limits["limits.address_requests"]),
                         (30, 20))
        for name in ("http.max_connections", "http.max_per_address", "http.max_body",
                     "http.max_head", "rtmp.max_connections", "limits.bans", "devices.per_user"):
            self.assertGreater(limits[name], 0, name)
        # Tokens that are none count for the address they come from, as what comes without does.
        for token, limit in ((d.token("u-1", "buyer"), 30), ("x.y.z", 20)):
            path = f"{API}/streams/{NOWHERE}"
            answers = [d.request("GET", path, token=token) for _ in range(limit * 2)]
            refused = [a for a in answers if a.status == 429]
            # What comes back while it lasts: the bucket fills all the time.
            self.assertGreaterEqual(len(refused), limit // 2)
            self.assertGreaterEqual(int(refused[0].headers["retry-after"]), 1)
            self.assertEqual(refused[0].json["error"]["code"], "rate_limited")
        self.assertEqual(d.get(f"{API}/streams").status, 429)
        self.assertEqual(d.request("GET", f"{API}/streams", token=d.token("u-2", "buyer")).status, 200)
