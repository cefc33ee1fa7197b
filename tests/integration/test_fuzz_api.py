"""Random requests to every documented operation, good and bad, from everybody: never a 5xx, never a
crash, never half a write, the field at fault is named, and every answer is a documented one.

SOUK_FUZZ_SEED (1), SOUK_FUZZ_REQUESTS (4000).
"""
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import urllib.parse

from support import HERE, SoukTest, install_modules

API = "/api/v1"
NOWHERE = "0190b5a0-7c3e-7abc-8def-0123456789ab"
SEED = int(os.environ.get("SOUK_FUZZ_SEED", "1"))
REQUESTS = int(os.environ.get("SOUK_FUZZ_REQUESTS", "4000"))
FIELD_CODES = {"missing_field", "unknown_field", "out_of_range", "invalid_cursor"}
# Would end the daemon, or close the connections that the test itself has.
LEFT_OUT = {f"{API}/admin/drain", f"{API}/admin/connections/{{id}}/close"}
# Written by the clock, or beside what was asked for.
OF_THE_CLOCK = {"audit_log", "idempotency_keys", "idempotency_users", "stream_timeline", "users",
                "sqlite_sequence"}
TEXTS = ["", " ", "a", "é" * 40, "😀", "x" * 5000, "\x00", "a\x00b", "\ud7ff", "<b>&\"'", "%s%n",
         "../../etc/passwd", "'; DROP TABLE streams; --", "\n\r\t", "null", "0", "-1", "true",
         "2026-01-31T12:00:00Z", "9999999999999-99-99", NOWHERE, "EUR", "eur", "\u202e", "rtmp://x/y"]
NUMBERS = [0, 1, -1, 0.5, 1.0000001, -0.0, 2**31, 2**53, 2**63 - 1, -2**63, 1e300, 5e-324, 100, 101]
RAW = [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b'{"a":1,"a":2}', b"{}x", b"[" * 5000,
       b'{"a":' * 3000, b'{"\\ud800":1}', b'{"title":"\\u0000"}', b"a=b&c", b" " * 70000,
       b'{"price":1e999}', b'{"price":99999999999999999999}']


class Maker:
    """Values for a schema: mostly good ones, sometimes anything."""

    def __init__(self, rng, pools):
        self.rng, self.pools = rng, pools

    def anything(self, depth=0):
        r = self.rng
        return r.choice([
            lambda: r.choice(TEXTS), lambda: r.choice(NUMBERS), lambda: None,
            lambda: r.random() < 0.5, lambda: [r.choice(TEXTS)] * r.choice([0, 1, 3, 200]),
            lambda: {} if depth > 2 else {r.choice(TEXTS): self.anything(depth + 1)},
            lambda: [] if depth > 2 else [self.anything(depth + 1)]])()

    def bound(self, schema, low, high, default):
        at = [schema.get(low, default[0]), schema.get(high, default[1])]
        return self.rng.choice(at + [at[0] - 1, at[1] + 1, (at[0] + at[1]) / 2])

    def good(self, name, schema):
        r, kind = self.rng, schema.get("type")
        if name in self.pools and r.random() < 0.8:
            return r.choice(self.pools[name])
        if "enum" in schema:
            return r.choice(schema["enum"])
        if kind == "string" and schema.get("format") == "uuid":
            return r.choice(self.pools["id"])
        if kind == "string" and schema.get("format") == "date-time":
            return "2026-01-31T12:00:00Z"
        if kind == "string":
            n = self.bound(schema, "minLength", "maxLength", (1, 20))
            return "é" * max(0, min(int(n), 5000))
        if kind == "integer":
            return int(self.bound(schema, "minimum", "maximum", (0, 100)))
        if kind == "number":
            return self.bound(schema, "minimum", "maximum", (0, 1))
        if kind == "boolean":
            return r.random() < 0.5
        if kind == "array":
            n = max(0, min(int(self.bound(schema, "minItems", "maxItems", (0, 3))), 150))
            return [self.good(name, schema["items"]) for _ in range(n)]
        return {}

    def value(self, name, schema):
        return self.good(name, schema) if self.rng.random() < 0.85 else self.anything()

    def body(self, schema):
        r = self.rng
        out = {name: self.value(name, field) for name, field in schema["properties"].items()
               if name in schema.get("required", ()) and r.random() < 0.95 or r.random() < 0.4}
        if r.random() < 0.05:
            out[r.choice(TEXTS)] = self.anything()
        return out


class FuzzTest(SoukTest):
    @classmethod
    def setUpClass(cls):
        cls.modules = install_modules("openapi")
        shutil.copy(os.path.join(HERE, "openapi", "check.mjs"), cls.modules)

    def setUp(self):
        d = self.daemon = self.soukd({"limits.user_requests": 0, "limits.address_requests": 0,
                                      "chat.rate": 0, "log.level": "info"})
        self.rng = random.Random(SEED)
        people = {"seller-1": ["seller"], "seller-2": ["seller"], "buyer-1": ["buyer"],
                  "mod-1": ["moderator"], "admin-1": ["admin"], "boss": ["admin", "seller"]}
        self.tokens = {user: d.token(user, *roles) for user, roles in people.items()}
        self.connection = None
        for token in self.tokens.values():
            d.request("GET", f"{API}/streams", token=token)
        self.document = d.get(f"{API}/openapi.json").json
        self.pools = self.fill()

    def fill(self):
        """Things to ask for, of every state."""
        d, s = self.daemon, self.tokens["seller-1"]
        make = lambda path, body, token=s: d.request("POST", API + path, body, token).json["data"]
        products = [make("/products", {"name": "A", "price": 5, "currency": "EUR"})["productId"]
                    for _ in range(4)]
        products.append(make("/products", {"name": "B", "price": 5, "currency": "USD"},
                             self.tokens["seller-2"])["productId"])
        streams = [make("/streams", {"title": "S", "product_ids": products[:2]})["streamId"]
                   for _ in range(6)]
        for stream in streams[:4]:
            make(f"/streams/{stream}/go-live", {"camera_ready": True, "checklist_complete": True})
        make(f"/streams/{streams[0]}/end", {})
        message = make(f"/streams/{streams[1]}/chat", {"message": "x"}, self.tokens["buyer-1"])
        users = list(self.tokens) + ["nobody"]
        folder = os.path.join(d.folder, "copies")
        os.makedirs(folder)
        return {
            "id": streams + products + [NOWHERE], "streams": streams, "products": products,
            "product_id": products, "product_ids": products, "pid": products,
            "mid": [message["id"], NOWHERE], "user": users, "users": users, "user_id": users,
            "user_ids": users, "seller_id": users, "seller": users,
            "neighborhoods": ["mitte", "nord"], "neighborhood": ["mitte", "nord"],
            "currency": ["EUR", "USD"], "urls": ["rtmp://127.0.0.1:1/app/key", "x"],
            "subject": ["bad-1", "bad-2"], "kind": ["user", "user"], "limit": [1, 100],
            "order_id": ["o-1", "o-2", "o-3"], "roles": ["seller", "buyer", "king"],
            "path": [os.path.join(folder, f"{i}.db") for i in range(5)] + ["relative"],
        }

    def path_of(self, route):
        r = self.rng

        def one(match):
            before = route[:match.start()].rstrip("/").rsplit("/", 1)[-1]
            pool = self.pools.get(match[1]) if match[1] != "id" else self.pools.get(before)
            if r.random() < 0.1 or not pool:
                return urllib.parse.quote(r.choice(TEXTS[:24]) or "x", safe="")
            return urllib.parse.quote(r.choice(pool), safe="")
        return re.sub(r"{(\w+)}", one, route)

    def query_of(self, maker, operation):
        r, pairs = self.rng, []
        for p in operation["parameters"]:
            if p.get("in") == "query" and (p["required"] or r.random() < 0.3):
                value = maker.value(p["name"], p["schema"])
                text = value if isinstance(value, str) else json.dumps(value)
                pairs.append((p["name"], text))
        if r.random() < 0.03:
            pairs.append((r.choice(TEXTS), "1"))
        return "?" + urllib.parse.urlencode(pairs, errors="surrogatepass") if pairs else ""

    def headers_of(self):
        r, headers = self.rng, {}
        who = r.choice([None, *self.tokens])
        if who:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        if r.random() < 0.03:
            headers["Authorization"] = r.choice(["Bearer", "Bearer x.y.z", "Basic eA==", "x",
                                                 "Bearer " + "a" * 9000])
        if r.random() < 0.1:
            headers["Idempotency-Key"] = r.choice(["k1", "k2", "k" * 300, "a b", str(r.random())])
        if r.random() < 0.05:
            headers["X-Request-Id"] = r.choice(["ok-1", "bad id", "x" * 200])
        return headers

    def send(self, method, path, headers, body):
        for _ in range(3):
            try:
                if not self.connection:
                    self.connection = http.client.HTTPConnection(
                        "127.0.0.1", self.daemon.http_port, timeout=60)
                self.connection.request(method, path, body=body, headers=headers)
                answer = self.connection.getresponse()
                data = answer.read()
                return answer.status, answer.getheader("content-type"), data
            except (http.client.BadStatusLine, http.client.CannotSendRequest, OSError):
                # The daemon closes after some refusals; what it did not answer it did not get.
                self.connection.close()
                self.connection = None
                self.assertIsNone(self.daemon.process.poll(), self.daemon.log()[-6000:])
        raise AssertionError(f"no answer to {method} {path}")

    def version(self):
        return self.db.execute("PRAGMA data_version").fetchone()[0]

    def tables(self):
        names = [n for n, in self.db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            " AND sql NOT LIKE '%VIRTUAL%'") if n not in OF_THE_CLOCK]
        return {n: self.db.execute(f"SELECT * FROM {n} ORDER BY 1, 2").fetchall() for n in names}

    def judge(self, what, status, kind, data, nameless):
        self.assertLess(status, 500, f"{what}: {data[:300]}")
        if status < 400 or status in (401, 403, 404, 405):
            return
        self.assertTrue((kind or "").startswith("application/json"), what)
        error = json.loads(data)["error"]
        self.assertTrue(error["code"] and error["message"], what)
        # A field whose name is empty has no name to say.
        if error["code"] in FIELD_CODES and not nameless:
            self.assertIn("field", error, f"{what}: {data}")

    def one(self, maker, answers):
        r = self.rng
        method, route, operation = r.choice(self.operations)
        path, headers = self.path_of(route), self.headers_of()
        query = self.query_of(maker, operation)
        schema = operation.get("requestBody", {}).get("content", {}).get(
            "application/json", {}).get("schema")
        body = None
        if method != "GET":
            headers["Content-Type"] = r.choices(
                ["application/json", "text/plain", "", "application/json; charset=utf-8",
                 "application/x-www-form-urlencoded"], [90, 3, 2, 4, 1])[0]
            body = json.dumps(maker.body(schema) if schema else {}).encode()
            if r.random() < 0.05:
                body = r.choice(RAW)
        what = f"{method} {path[:200]}{query[:300]} {headers} {(body or b'')[:500]}"
        before = self.version()
        status, kind, data = self.send(method, path + query, headers, body)
        nameless = "?=" in query or "&=" in query or b'"": ' in (body or b"")
        self.judge(what, status, kind, data, nameless)
        if status >= 400 and self.version() != before:
            fresh = self.tables()
            changed = [n for n in fresh if fresh[n] != self.known.get(n)]
            self.assertEqual(changed, [], f"{what}: {status} {data[:200]}")
        if status < 400 and method != "GET":
            self.known = self.tables()
        parsed = json.loads(data) if data and "json" in (kind or "") else None
        code = parsed.get("error", {}).get("code") if parsed else None
        # No place of the document is at fault when the path led to another one.
        if status == 405 or (status == 404 and code == "not_found"):
            return
        answers.setdefault((method, route, status, code), {
            "method": method, "route": route, "status": status, "type": kind, "body": parsed})

    def test_random_requests(self):
        self.operations = [(m.upper(), route, o) for route, ms in self.document["paths"].items()
                           for m, o in ms.items() if route not in LEFT_OUT]
        maker, answers = Maker(self.rng, self.pools), {}
        url = f"file:{self.daemon.settings['store.url'][7:]}?mode=ro"
        with contextlib.closing(sqlite3.connect(url, uri=True)) as self.db:
            self.known = self.tables()
            for _ in range(REQUESTS):
                self.one(maker, answers)
        with contextlib.closing(self.connection):
            pass
        self.assertGreater(sum(1 for key in answers if key[2] < 300), len(self.operations) // 2)
        told = subprocess.run(
            ["node", "check.mjs"], cwd=self.modules, capture_output=True, text=True,
            input=json.dumps({"document": self.document, "answers": list(answers.values())}))
        self.assertEqual(told.returncode, 0, told.stderr)
        faults = json.loads(told.stdout)
        self.assertFalse(faults, json.dumps(faults, indent=1)[:6000])
        errors = [e for e in self.daemon.log_lines(" ERROR ") if "backup failed" not in e]
        self.assertEqual(errors, [])
        check = self.daemon.request("POST", f"{API}/admin/check", {}, self.tokens["admin-1"])
        self.assertTrue(check.json["data"]["ok"], check.text)
