"""The go-live flow over HTTP as a client walks it, each refusal of it, tokens, and the operator's
paths at the Unix socket."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from support import SoukTest, wait_for

API = "/api/v1"
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
NOWHERE = "0190b5a0-7c3e-7abc-8def-0123456789ab"
READY = {"camera_ready": True, "checklist_complete": True}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(secret, claims, header=None):
    parts = [base64url(json.dumps(part).encode())
             for part in (header or {"alg": "HS256", "typ": "JWT"}, claims)]
    text = ".".join(parts)
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64url(mac)}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class ApiTest(SoukTest):
    def setUp(self):
        self.daemon = self.soukd()
        with open(self.daemon.settings["auth.secret_file"]) as f:
            self.secret = f.read().strip()
        self.seller = self.mint("seller-1", "seller", name="Ana")
        self.other = self.mint("seller-2", "seller")
        self.buyer = self.mint("buyer-1", "buyer")
        self.admin = self.mint("admin-1", "admin")

    def mint(self, sub, *roles, **claims):
        return jwt(self.secret, {"sub": sub, "exp": time.time() + 3600, "roles": roles, **claims})

    def call(self, method, path, token=None, body=None, headers=None):
        self.answer = self.daemon.request(method, API + path, body, token, headers)
        return self.answer

    def ok(self, method, path, token=None, body=None, status=200):
        answer = self.call(method, path, token, body)
        self.assertEqual(answer.status, status, answer.text)
        return answer.json["data"]

    def refused(self, status, code, method, path, token=None, body=None, field=None):
        answer = self.call(method, path, token, body)
        error = answer.json["error"]
        self.assertEqual((answer.status, error["code"]), (status, code), answer.text)
        self.assertTrue(error["message"])
        if field:
            self.assertEqual(error["field"], field)
        self.assertIn("x-request-id", answer.headers)

    def product(self, token=None, **fields):
        body = {"name": "Shoe", "price": 1999, "currency": "EUR", **fields}
        return self.ok("POST", "/products", token or self.seller, body, 201)["productId"]

    def scheduled(self, *products, **fields):
        body = {"title": "Sale", "product_ids": products or [self.product()], **fields}
        return self.ok("POST", "/streams", self.seller, body, 201)["streamId"]

    def live(self):
        stream = self.scheduled()
        return self.ok("POST", f"/streams/{stream}/go-live", self.seller, READY)

    def unix(self, method, path, body=None, token=None):
        connection = UnixConnection(os.path.join(self.daemon.settings["server.run_dir"],
                                                 "soukd.sock"))
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection.request(method, API + path,
                           json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        data = json.loads(answer.read())
        connection.close()
        return answer.status, data


class Flow(ApiTest):
    def test_from_product_to_ended(self):
        shoe, hat = self.product(), self.product(name="Hat", stock=3, url="https://x.test/hat")
        created = self.ok("POST", "/streams", self.seller, {
            "title": "Flash Sale - 50% Off!", "description": "Amazing deals on sneakers",
            "category": "sneakers", "audience": "everyone", "estimated_duration": 30,
            "notify_followers": True, "notify_neighborhood": True, "enable_chat": True,
            "enable_comments": True, "record_stream": True, "product_ids": [shoe],
            "scheduled_at": None}, 201)
        stream = created["streamId"]
        self.assertRegex(stream, UUID)
        self.assertEqual((created["status"], created["productCount"]), ("scheduled", 1))
        self.assertEqual(created["seller"], {"id": "seller-1", "name": "Ana", "avatar": None})
        self.assertRegex(created["createdAt"], TIME)

        attached = self.ok("POST", f"/streams/{stream}/products", self.seller,
                           {"product_ids": [hat]})
        self.assertEqual(attached["productCount"], 2)
        listed = self.ok("GET", f"/streams/{stream}/products")
        self.assertEqual([p["id"] for p in listed], [shoe, hat])
        self.assertEqual(listed[1]["stock"], 3)

        live = self.ok("POST", f"/streams/{stream}/go-live", self.seller, READY)
        self.assertEqual(live["status"], "live")
        self.assertEqual(live["rtmpUrl"], f"rtmp://127.0.0.1:{self.daemon.rtmp_port}/live")
        self.assertRegex(live["streamKey"], r"^[\w-]{32}$")
        self.assertEqual(live["hlsUrl"], f"http://127.0.0.1:{self.daemon.http_port}"
                                         f"/hls/{stream}/index.m3u8")
        self.assertRegex(live["startedAt"], TIME)
        self.assertEqual(live["notificationsSent"], 0)

        details = self.ok("GET", f"/streams/{stream}")
        self.assertEqual((details["status"], details["state"]), ("live", "waiting"))
        self.assertNotIn(live["streamKey"], self.answer.text)
        self.assertEqual(self.ok("GET", "/streams?status=live")[0]["id"], stream)

        rotated = self.ok("POST", f"/streams/{stream}/rotate-key", self.seller)
        self.assertNotEqual(rotated["streamKey"], live["streamKey"])

        ended = self.ok("POST", f"/streams/{stream}/end", self.seller)
        self.assertEqual(ended["status"], "ended")
        self.assertGreaterEqual(ended["duration"], 0)
        self.assertIsNone(ended["vodUrl"])
        self.assertEqual(ended["stats"], dict.fromkeys(
            ("peakViewers", "uniqueViewers", "totalLikes", "chatMessages", "averageWatchTime"), 0))
        self.assertEqual(self.ok("GET", f"/streams/{stream}")["endReason"], "ended")
        for secret in (live["streamKey"], rotated["streamKey"], self.seller, self.secret):
            self.assertNotIn(secret, self.daemon.log())
        wait_for(lambda: self.call("DELETE", f"/streams/{stream}", self.seller).status == 200,
                 "the ended stream is deleted")
        self.refused(404, "stream_not_found", "GET", f"/streams/{stream}")

    def test_survives_a_restart(self):
        live = self.live()
        self.daemon.terminate()
        self.daemon.start()
        details = self.ok("GET", f"/streams/{live['streamId']}")
        self.assertEqual((details["status"], details["state"]), ("live", "waiting"))
        self.ok("POST", f"/streams/{live['streamId']}/end", self.seller)

    def test_publishing_shows_in_the_details(self):
        live = self.live()
        self.publisher(self.daemon.publish_url(live))
        path = f"/streams/{live['streamId']}"
        ingest = wait_for(lambda: (lambda s: s["state"] == "publishing" and s["ingest"]["width"] and
                                   s["ingest"]["codecs"] and s["ingest"])(self.ok("GET", path)),
                          "the ingest is measured")
        self.assertEqual((ingest["width"], ingest["height"]), (320, 180))
        self.assertRegex(ingest["codecs"], r"^avc1\.[0-9a-fA-F]{6},mp4a\.40\.2$")
        self.assertEqual(ingest["interruptions"], 0)
        self.assertTrue(ingest["encoder"].startswith("Lavf"))
        inside = self.ok("GET", "/admin/streams", self.admin)[0]
        self.assertEqual(inside["publisher"]["address"], "127.0.0.1")
        self.assertGreater(inside["publisher"]["bytes"], 0)
        self.assertTrue(inside["recording"]["active"])
        self.refused(409, "stream_is_live", "DELETE", path, self.seller)
        self.assertEqual(self.ok("POST", f"/admin/streams/{live['streamId']}/kick", self.admin),
                         {"streamId": live["streamId"], "kicked": True})
        wait_for(lambda: self.ok("GET", path)["state"] == "interrupted", "the grace begins")
        self.refused(409, "no_publisher", "POST", f"/admin/streams/{live['streamId']}/kick",
                     self.admin)
        self.ok("POST", path + "/end", self.seller)
        vod = wait_for(lambda: self.ok("GET", path)["vodUrl"], "the VOD is there")
        self.assertTrue(vod.endswith(f"/vod/{live['streamId']}/index.m3u8"))
        recording = self.ok("GET", f"/admin/recordings/{live['streamId']}", self.admin)
        self.assertEqual(recording["vodUrl"], vod)
        self.assertGreater(recording["bytes"], 0)


class Refusals(ApiTest):
    def test_creating(self):
        title = {"title": "Sale"}
        self.refused(401, "unauthorized", "POST", "/streams", None, title)
        self.assertTrue(self.answer.headers["www-authenticate"].startswith("Bearer"))
        self.refused(403, "forbidden", "POST", "/streams", self.buyer, title)
        theirs, mine = self.product(self.other), self.product()
        for status, code, field, body in (
                (422, "missing_field", "title", {}),
                (422, "out_of_range", "title", {"title": ""}),
                (422, "out_of_range", "title", {"title": "x" * 141}),
                (400, "wrong_type", "title", {"title": 1}),
                (422, "out_of_range", "description", {"description": "x" * 2001}),
                (422, "invalid_value", "audience", {"audience": "nobody"}),
                (422, "out_of_range", "estimated_duration", {"estimated_duration": 4}),
                (422, "out_of_range", "estimated_duration", {"estimated_duration": 241}),
                (400, "wrong_type", "estimated_duration", {"estimated_duration": "30"}),
                (400, "wrong_type", "enable_chat", {"enable_chat": "yes"}),
                (422, "invalid_value", "scheduled_at", {"scheduled_at": "soon"}),
                (422, "unknown_field", "enable_caht", {"enable_caht": True}),
                (422, "unknown_field", "titleText", {"titleText": "x"}),
                (422, "invalid_value", "product_ids", {"product_ids": ["prod_123"]}),
                (422, "unknown_product", "product_ids", {"product_ids": [NOWHERE]}),
                (403, "product_not_yours", "product_ids", {"product_ids": [theirs]}),
                (409, "duplicate_product", "product_ids", {"product_ids": [mine, mine]})):
            with self.subTest(body=body):
                merged = body if code == "missing_field" else {**title, **body}
                self.refused(status, code, "POST", "/streams", self.seller, merged, field)
        self.assertEqual(self.ok("GET", "/streams"), [])

    def test_actions(self):
        bare = self.ok("POST", "/streams", self.seller, {"title": "Bare"}, 201)["streamId"]
        shoe = self.product()
        stream = self.scheduled(shoe)
        path = f"/streams/{stream}"
        self.refused(422, "no_products", "POST", f"/streams/{bare}/go-live", self.seller, READY)
        for body in ({}, {"camera_ready": True}, {**READY, "camera_ready": False}):
            self.refused(422, "checklist_incomplete", "POST", path + "/go-live", self.seller, body)
        for action in ("/go-live", "/rotate-key", "/end"):
            body = READY if action == "/go-live" else {}
            self.refused(403, "forbidden", "POST", path + action, self.other, body)
            self.refused(401, "unauthorized", "POST", path + action, None, body)
            self.refused(404, "stream_not_found", "POST", f"/streams/{NOWHERE}{action}",
                         self.seller, body)
        self.refused(409, "stream_not_live", "POST", path + "/end", self.seller)
        self.refused(409, "duplicate_product", "POST", path + "/products", self.seller,
                     {"product_ids": [shoe]})
        self.refused(403, "product_not_yours", "POST", path + "/products", self.seller,
                     {"product_ids": [self.product(self.other)]})
        self.refused(403, "forbidden", "POST", path + "/products", self.other,
                     {"product_ids": [shoe]})
        self.ok("POST", path + "/go-live", self.seller, READY)
        self.refused(409, "stream_not_scheduled", "POST", path + "/go-live", self.seller, READY)
        self.refused(409, "stream_not_scheduled", "POST", path + "/products", self.seller,
                     {"product_ids": [self.product()]})
        self.refused(403, "forbidden", "DELETE", path, self.other)
        self.ok("POST", path + "/end", self.admin)
        self.assertEqual(self.ok("GET", path)["endReason"], "admin")
        self.refused(409, "stream_not_live", "POST", path + "/rotate-key", self.seller)
        self.assertEqual(self.ok("DELETE", f"/streams/{bare}", self.seller)["status"], "cancelled")

    def test_transport(self):
        self.refused(404, "not_found", "GET", "/nothing")
        self.refused(404, "not_found", "GET", "/streams/x")
        self.refused(405, "method_not_allowed", "PUT", "/streams", self.seller, {})
        self.assertEqual({m.strip() for m in self.answer.headers["allow"].split(",")},
                         {"GET", "HEAD", "POST", "OPTIONS"})
        for body, status in (("{", 400), ("[]", 400), ('{"title":"a","title":"b"}', 400)):
            answer = self.call("POST", "/streams", self.seller, body,
                               {"Content-Type": "application/json"})
            self.assertEqual(answer.status, status)
        answer = self.call("POST", "/streams", self.seller, '{"title":"a"}',
                           {"Content-Type": "text/plain"})
        self.assertEqual(answer.status, 415)
        answer = self.call("POST", "/streams", self.seller, "x" * (256 * 1024 + 1),
                           {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 413)
        answer = self.call("GET", "/streams", headers={"X-Request-Id": "abc-1"})
        self.assertEqual(answer.headers["x-request-id"], "abc-1")
        for query in ("?limit=0", "?limit=101", "?status=gone", "?cursor=x", "?statsu=live"):
            self.assertEqual(self.call("GET", "/streams" + query).status, 422, query)

    def test_the_same_go_live_at_once(self):
        path = f"/streams/{self.scheduled()}/go-live"
        statuses = []

        def go():
            statuses.append(self.daemon.request("POST", API + path, READY, self.seller).status)

        threads = [threading.Thread(target=go) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(statuses), [200] + [409] * 5)


class Lists(ApiTest):
    def test_pages_live_first(self):
        ids = [self.scheduled(title=f"Sale {i}", category="c%d" % (i % 2)) for i in range(5)]
        self.ok("POST", f"/streams/{ids[1]}/go-live", self.seller, READY)
        seen, cursor = [], ""
        while True:
            self.call("GET", f"/streams?limit=2{cursor}")
            self.assertLessEqual(len(self.answer.json["data"]), 2)
            seen += [s["id"] for s in self.answer.json["data"]]
            if self.answer.json["nextCursor"] is None:
                break
            cursor = "&cursor=" + self.answer.json["nextCursor"]
        self.assertEqual(seen, [ids[1], ids[4], ids[3], ids[2], ids[0]])
        self.assertEqual([s["id"] for s in self.ok("GET", "/streams?category=c1")],
                         [ids[1], ids[3]])
        self.assertEqual([s["id"] for s in self.ok("GET", "/streams?q=sale%204")], [ids[4]])
        self.assertEqual(self.ok("GET", "/streams?seller=nobody"), [])
        self.assertEqual(len(self.ok("GET", "/products?seller=seller-1&limit=100")), 5)


class Tokens(ApiTest):
    def test_attacks(self):
        now = time.time()
        good = {"sub": "admin-1", "roles": ["admin"], "exp": now + 60}
        none = ".".join([base64url(b'{"alg":"none"}'), base64url(json.dumps(good).encode()), ""])
        for name, code, token in (
                ("other secret", "token_invalid", jwt("x" * 43, good)),
                ("none", "token_invalid", none),
                ("none, with our mac", "token_invalid", jwt(self.secret, good, {"alg": "none"})),
                ("RS256, with our mac", "token_invalid", jwt(self.secret, good, {"alg": "RS256"})),
                ("crit", "token_invalid",
                 jwt(self.secret, good, {"alg": "HS256", "crit": ["exp"]})),
                ("no exp", "token_invalid", jwt(self.secret, {"sub": "admin-1"})),
                ("no sub", "token_invalid", jwt(self.secret, {"exp": now + 60})),
                ("expired", "token_expired", jwt(self.secret, {**good, "exp": now - 60})),
                ("not yet", "token_not_yet_valid", jwt(self.secret, {**good, "nbf": now + 60})),
                ("garbage", "token_invalid", "x"),
                ("long", "token_invalid", jwt(self.secret, {**good, "x": "x" * 8192}))):
            with self.subTest(name):
                self.refused(401, code, "GET", "/admin/status", token)
                self.refused(401, code, "GET", "/streams", token)
        self.ok("GET", "/admin/status", jwt(self.secret, good))

    def test_claims_are_stored_and_refreshed(self):
        stream = self.scheduled()
        self.assertEqual(self.ok("GET", f"/streams/{stream}")["seller"]["name"], "Ana")
        renamed = self.mint("seller-1", "seller", name="Ana B.", avatar="https://x.test/a.png")
        self.ok("GET", "/streams", renamed)
        seller = wait_for(
            lambda: (lambda s: s["name"] == "Ana B." and s)(
                self.ok("GET", f"/streams/{stream}")["seller"]), "the new name is stored")
        self.assertEqual(seller["avatar"], "https://x.test/a.png")

    def test_secret_is_made_for_its_owner_alone(self):
        self.assertEqual(os.stat(self.daemon.settings["auth.secret_file"]).st_mode & 0o777, 0o600)
        self.assertEqual(len(self.secret), 43)


class OpensslKey:
    """A key pair that the openssl command holds: an issuer that shares no code with soukd."""

    def __init__(self, folder, alg, kid):
        self.alg, self.kid = alg, kid
        self.path = os.path.join(folder, f"{kid}.pem")
        options = {"RS256": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                   "ES256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                   "EdDSA": ["ED25519"]}[alg]
        self.openssl("genpkey", "-quiet", "-algorithm", *options, "-out", self.path)
        self.public = self.openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")

    @staticmethod
    def openssl(*args):
        return subprocess.run(["openssl", *args], check=True, capture_output=True).stdout

    def jwk(self):
        if self.alg == "RS256":
            text = self.openssl("rsa", "-in", self.path, "-noout", "-modulus").decode()
            n = base64url(bytes.fromhex(text.strip().split("=")[1]))
            return {"kty": "RSA", "kid": self.kid, "use": "sig", "n": n, "e": "AQAB"}
        if self.alg == "ES256":
            return {"kty": "EC", "crv": "P-256", "kid": self.kid,
                    "x": base64url(self.public[-64:-32]), "y": base64url(self.public[-32:])}
        return {"kty": "OKP", "crv": "Ed25519", "kid": self.kid,
                "x": base64url(self.public[-32:])}

    def sign(self, text):
        with tempfile.NamedTemporaryFile() as f:
            f.write(text)
            f.flush()
            if self.alg == "EdDSA":
                return self.openssl("pkeyutl", "-sign", "-inkey", self.path, "-rawin",
                                    "-in", f.name)
            der = self.openssl("dgst", "-sha256", "-sign", self.path, f.name)
        return self.raw(der) if self.alg == "ES256" else der

    @staticmethod
    def raw(der):
        """r and s of 32 bytes each, as JWS has them, from SEQUENCE {INTEGER, INTEGER}."""
        r = der[4:4 + der[3]]
        s = der[4 + der[3] + 2:]
        return b"".join(v.lstrip(b"\0").rjust(32, b"\0") for v in (r, s))

    def token(self, claims):
        header = {"alg": self.alg, "kid": self.kid}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        return f"{text}.{base64url(self.sign(text.encode()))}"


class KeySets(SoukTest):
    def write(self, *keys):
        with open(self.path + ".new", "w") as f:
            json.dump({"keys": [key.jwk() for key in keys]}, f)
        os.replace(self.path + ".new", self.path)

    def status(self, token):
        return self.daemon.request("GET", API + "/admin/status", None, token).status

    def test_every_algorithm_and_rollover(self):
        folder = tempfile.mkdtemp(prefix="souk-jwks-")
        self.path = os.path.join(folder, "jwks.json")
        keys = [OpensslKey(folder, alg, alg.lower()) for alg in ("RS256", "ES256", "EdDSA")]
        fresh = OpensslKey(folder, "ES256", "fresh")
        self.write(*keys)
        self.daemon = self.soukd({"auth.jwks_file": self.path, "auth.issuer": "https://id.test",
                                  "auth.audience": "souk"})
        claims = {"sub": "admin-1", "roles": ["admin"], "exp": time.time() + 600,
                  "iss": "https://id.test", "aud": ["other", "souk"]}
        for key in keys:
            with self.subTest(key.alg):
                self.assertEqual(self.status(key.token(claims)), 200)
                self.assertEqual(self.status(key.token(claims)[:-8] + "AAAAAAAA"), 401)
                self.assertEqual(self.status(key.token({**claims, "iss": "https://evil"})), 401)
                self.assertEqual(self.status(key.token({**claims, "aud": "other"})), 401)
        self.assertEqual(self.status(fresh.token(claims)), 401)
        self.write(keys[0], fresh)
        wait_for(lambda: self.status(fresh.token(claims)) == 200, "the new key is known")
        self.assertEqual(self.status(keys[0].token(claims)), 200)
        self.assertEqual(self.status(keys[1].token(claims)), 401)
        # soukctl mints with the issuer and audience of the configuration.
        self.assertEqual(self.status(self.daemon.token("admin-1", "admin")), 200)


class Urls(SoukTest):
    def test_public_url(self):
        daemon = self.soukd({"server.public_url": "https://shop.example/souk/"})
        made = daemon.create_stream()
        self.assertEqual(made["rtmpUrl"], f"rtmp://shop.example:{daemon.rtmp_port}/live")
        self.assertEqual(made["hlsUrl"],
                         f"https://shop.example/souk/hls/{made['streamId']}/index.m3u8")

    def test_follow_the_request(self):
        daemon = self.soukd()
        made = daemon.create_stream()
        path = f"{API}/streams/{made['streamId']}"
        for headers, base in (
                ({"Host": "live.example"}, "http://live.example/"),
                ({"Host": "live.example", "X-Forwarded-Proto": "https"}, "https://live.example/"),
                ({"Host": "[::1]:81"}, "http://[::1]:81/"),
                ({"Host": "evil<script>"}, f"http://127.0.0.1:{daemon.http_port}/")):
            with self.subTest(headers=headers):
                url = daemon.get(path, headers).json["data"]["hlsUrl"]
                self.assertEqual(url, f"{base}hls/{made['streamId']}/index.m3u8")


class Operator(ApiTest):
    def test_unix_socket_is_admin(self):
        status, answer = self.unix("GET", "/admin/status")
        self.assertEqual(status, 200)
        self.assertEqual(answer["data"]["pid"], self.daemon.process.pid)
        self.assertEqual(self.unix("GET", "/admin/status", token=self.buyer)[0], 403)
        self.refused(401, "unauthorized", "GET", "/admin/status")
        self.refused(403, "forbidden", "GET", "/admin/status", self.seller)

    def test_creates_live_in_one_step(self):
        status, answer = self.unix("POST", "/admin/streams", {
            "seller_id": "newcomer", "title": "Demo", "live": True})
        self.assertEqual(status, 201, answer)
        made = answer["data"]
        self.assertEqual((made["status"], made["sellerId"]), ("live", "newcomer"))
        self.assertEqual(made["rtmpUrl"], f"rtmp://127.0.0.1:{self.daemon.rtmp_port}/live")
        self.assertIn(f"127.0.0.1:{self.daemon.http_port}/hls/", made["hlsUrl"])
        self.assertRegex(made["streamKey"], r"^[\w-]{32}$")
        path = f"/admin/streams/{made['streamId']}"
        self.assertEqual(self.unix("GET", path)[1]["data"]["state"], "waiting")
        self.assertNotEqual(self.unix("POST", path + "/rotate-key", {})[1]["data"]["streamKey"],
                            made["streamKey"])
        self.assertEqual(self.unix("POST", path + "/kick", {})[0], 409)
        self.assertEqual(self.unix("POST", path + "/end", {})[1]["data"]["status"], "ended")

    def test_looks_after_the_daemon(self):
        live = self.live()
        status = self.unix("GET", "/admin/status")[1]["data"]
        self.assertEqual(status["streams"]["live"], 1)
        self.assertTrue(status["store"]["healthy"] and status["disk"]["ok"])
        self.assertGreater(status["memory"]["rss"], 1000000)
        copy = os.path.join(self.daemon.folder, "copy.db")
        self.assertEqual(self.unix("POST", "/admin/backup", {"path": copy})[0], 200)
        self.assertGreater(os.path.getsize(copy), 0)
        self.assertEqual(self.unix("POST", "/admin/backup", {"path": "copy.db"})[0], 422)
        self.assertEqual(self.unix("POST", "/admin/check", {})[1]["data"],
                         {"ok": True, "problems": []})
        values = self.unix("GET", "/admin/config")[1]["data"]["values"]
        listen = [v for v in values if (v["section"], v["key"]) == ("http", "listen")][0]
        self.assertEqual(listen["value"], f"127.0.0.1:{self.daemon.http_port}")
        limits = self.unix("GET", "/admin/limits")[1]["data"]["limits"]
        self.assertIn("http.max_connections", [limit["name"] for limit in limits])
        self.assertEqual(self.unix("POST", "/admin/reload", {})[0], 200)
        self.ok("POST", f"/streams/{live['streamId']}/end", self.seller)

    def test_drains(self):
        stream = self.scheduled()
        self.assertEqual(self.unix("POST", "/admin/drain", {})[1]["data"], {"draining": True})
        self.assertEqual(self.daemon.process.wait(60), 0)
        self.daemon.start()
        self.assertEqual(self.ok("GET", f"/streams/{stream}")["status"], "scheduled")


class System(ApiTest):
    def test_health_and_metrics(self):
        self.assertEqual(self.daemon.get("/healthz").json, {"status": "ok"})
        ready = self.daemon.get("/readyz")
        self.assertEqual((ready.status, ready.json["status"]), (200, "ready"))
        self.assertEqual(set(ready.json["checks"]), {"store", "disk", "accepting"})
        metrics = self.daemon.get("/metrics")
        self.assertTrue(metrics.headers["content-type"].startswith("text/plain; version=0.0.4"))
        for name in ("souk_loop_lag_seconds_bucket", "souk_store_commit_seconds_count",
                     "souk_http_connections", "souk_streams"):
            self.assertIn(name, metrics.text)

    def test_openapi_names_every_path(self):
        document = self.daemon.get(API + "/openapi.json").json
        self.assertTrue(document["openapi"].startswith("3."))
        for path in ("/streams", "/streams/{id}", "/streams/{id}/products",
                     "/streams/{id}/go-live", "/streams/{id}/rotate-key", "/streams/{id}/end",
                     "/products", "/admin/status", "/admin/recordings/{id}"):
            self.assertIn(API + path, document["paths"])
        body = document["paths"][API + "/streams"]["post"]["requestBody"]
        fields = body["content"]["application/json"]["schema"]["properties"]
        self.assertEqual(set(fields), {
            "title", "description", "category", "audience", "estimated_duration",
            "notify_followers", "notify_neighborhood", "enable_chat", "enable_comments",
            "record_stream", "product_ids", "scheduled_at"})


if __name__ == "__main__":
    unittest.main()
