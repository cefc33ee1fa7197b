"""Tokens as attackers make them, over real HTTP: every one is refused, and the keys rotate without a
restart. Sources: RFC 8725 and the attacks that other implementations fell for."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import tempfile
import threading
import time
import unittest

from support import SoukTest, wait_for
from test_api import OpensslKey, base64url

STATUS = "/api/v1/admin/status"
ISSUER, AUDIENCE = "https://id.test", "souk"


def mac(key, text, digest=hashlib.sha256):
    return hmac.new(key if isinstance(key, bytes) else key.encode(), text.encode(), digest).digest()


def part(value):
    """A part of a token: what is text goes in as it is."""
    return base64url(value if isinstance(value, bytes) else
                     value.encode() if isinstance(value, str) else json.dumps(value).encode())


class JwtTest(SoukTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="souk-jwt-")
        cls.keys = {alg: OpensslKey(cls.folder, alg, alg.lower())
                    for alg in ("RS256", "ES256", "EdDSA")}
        cls.thief = OpensslKey(cls.folder, "RS256", "thief")

    def setUp(self):
        self.jwks = os.path.join(self.folder, f"{self.id()}.json")
        self.write(*self.keys.values())
        self.daemon = self.soukd({"auth.jwks_file": self.jwks, "auth.issuer": ISSUER,
                                  "auth.audience": AUDIENCE, "log.level": "debug",
                                  "limits.address_requests": "0", "limits.user_requests": "0"})
        with open(self.daemon.settings["auth.secret_file"]) as f:
            self.secret = f.read().strip()
        self.claims = {"sub": "admin-1", "roles": ["admin"], "exp": int(time.time()) + 600,
                       "iss": ISSUER, "aud": AUDIENCE}

    def write(self, *keys, text=None):
        with open(self.jwks + ".new", "w") as f:
            f.write(text or json.dumps(
                {"keys": [k if isinstance(k, dict) else k.jwk() for k in keys]}))
        os.replace(self.jwks + ".new", self.jwks)

    def hs256(self, claims=None, header=None, key=None):
        text = ".".join(part(p) for p in (
            header if header is not None else {"alg": "HS256", "typ": "JWT"},
            self.claims if claims is None else claims))
        return f"{text}.{base64url(mac(self.secret if key is None else key, text))}"

    def signed(self, key, header=None, claims=None):
        text = ".".join(part(p) for p in (
            {"alg": key.alg, "kid": key.kid, **(header or {})},
            self.claims if claims is None else claims))
        return f"{text}.{base64url(key.sign(text.encode()))}"

    def ask(self, token, path=STATUS):
        return self.daemon.get(path, {"Authorization": f"Bearer {token}"})

    def accepted(self, token):
        answer = self.ask(token)
        self.assertEqual(answer.status, 200, answer.text)

    def refused(self, name, token, code="token_invalid"):
        with self.subTest(name):
            for path in (STATUS, "/api/v1/streams"):
                answer = self.ask(token, path)
                self.assertEqual(answer.status, 401, answer.text)
                self.assertEqual(answer.json["error"]["code"], code)
                self.assertIn('error="invalid_token"', answer.headers["www-authenticate"])

    def tearDown(self):
        self.assertEqual(self.daemon.get("/readyz").status, 200)
        self.assertNotIn(self.secret, self.daemon.log())


class Algorithms(JwtTest):
    def test_what_is_good_is_accepted(self):
        self.accepted(self.hs256())
        for key in self.keys.values():
            self.accepted(self.signed(key))

    def test_none(self):
        body = part(self.claims)
        for alg in ("none", "None", "NONE", "nOnE", "", None, 0, ["none"], {"none": 1}):
            head = part({"alg": alg, "typ": "JWT"})
            self.refused(f"{alg} without", f"{head}.{body}.")
            self.refused(f"{alg} with ours", self.hs256(header={"alg": alg}))
        self.refused("no alg", self.hs256(header={"typ": "JWT"}))
        self.refused("two algs", self.hs256(header='{"alg":"none","alg":"HS256"}'))
        self.refused("two algs, the other way", self.hs256(header='{"alg":"HS256","alg":"none"}'))

    def test_a_public_key_is_no_secret(self):
        key = self.keys["RS256"]
        pem = key.openssl("pkey", "-in", key.path, "-pubout")
        for name, secret in (("DER", key.public), ("PEM", pem), ("PEM, stripped", pem.strip()),
                             ("n", key.jwk()["n"]), ("JWK", json.dumps(key.jwk())),
                             ("x", self.keys["EdDSA"].jwk()["x"]), ("nothing", b"")):
            self.refused(name, self.hs256(key=secret))
            self.refused(name + ", with its kid", self.hs256(
                header={"alg": "HS256", "kid": key.kid}, key=secret))

    def test_the_algorithm_does_not_choose_the_key(self):
        for key in self.keys.values():
            for other in self.keys.values():
                if other is not key:
                    self.refused(f"{key.alg} says {other.alg}",
                                 self.signed(key, {"alg": other.alg}))
                    self.refused(f"{key.alg} says {other.alg} and its kid",
                                 self.signed(key, {"alg": other.alg, "kid": other.kid}))
                    self.refused(f"{key.alg} with the kid of {other.alg}",
                                 self.signed(key, {"kid": other.kid}))
            self.refused(f"{key.alg} says HS256", self.signed(key, {"alg": "HS256"}))

    def test_algorithms_that_nobody_asked_for(self):
        for alg, digest in (("HS384", hashlib.sha384), ("HS512", hashlib.sha512)):
            text = f"{part({'alg': alg})}.{part(self.claims)}"
            self.refused(alg, f"{text}.{base64url(mac(self.secret, text, digest))}")
        for alg in ("RS384", "RS512", "PS256", "PS512", "ES384", "ES256K", "ES512", "Ed25519",
                    "Ed448", "dir", "RSA-OAEP", "hs256", "rs256", "HS256 ", "HS256\u0000"):
            self.refused(alg, self.signed(self.keys["RS256"], {"alg": alg}))
            self.refused(alg + " with ours", self.hs256(header={"alg": alg}))

    def test_signatures(self):
        good = self.hs256()
        text, signature = good.rsplit(".", 1)
        raw = base64.urlsafe_b64decode(signature + "=")
        for name, other in (
                ("empty", b""), ("cut", raw[:-1]), ("cut short", raw[:1]), ("longer", raw + b"\0"),
                ("zeros", bytes(32)), ("SHA-1", hashlib.sha1(raw).digest()),
                ("flipped", bytes([raw[0] ^ 1]) + raw[1:])):
            self.refused("HS256 " + name, f"{text}.{base64url(other)}")
        es = self.keys["ES256"]
        text, signature = self.signed(es).rsplit(".", 1)
        raw = base64.urlsafe_b64decode(signature + "==")
        order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
        for name, other in (
                ("zeros", bytes(64)), ("r of zero", bytes(32) + raw[32:]),
                ("s of zero", raw[:32] + bytes(32)), ("the order", order.to_bytes(32, "big") * 2),
                ("ones", b"\xff" * 64), ("swapped", raw[32:] + raw[:32]), ("half", raw[:32]),
                ("DER", b"\x30\x44\x02\x20" + raw[:32] + b"\x02\x20" + raw[32:])):
            self.refused("ES256 " + name, f"{text}.{base64url(other)}")
        text = self.signed(self.keys["EdDSA"]).rsplit(".", 1)[0]
        self.refused("EdDSA zeros", f"{text}.{base64url(bytes(64))}")
        self.refused("EdDSA identity", f"{text}.{base64url(bytes([1]) + bytes(63))}")
        text = self.signed(self.keys["RS256"]).rsplit(".", 1)[0]
        self.refused("RS256 zeros", f"{text}.{base64url(bytes(256))}")
        self.refused("RS256 one", f"{text}.{base64url(bytes(255) + bytes([1]))}")

    def test_a_signature_is_of_its_own_text(self):
        header, body, signature = self.hs256({**self.claims, "roles": ["buyer"]}).split(".")
        self.refused("other claims", f"{header}.{part(self.claims)}.{signature}")
        self.refused("other header", f"{part({'alg': 'HS256', 'x': 1})}.{body}.{signature}")


class Headers(JwtTest):
    def test_keys_that_a_token_brings_along(self):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(inner):
                asked.append(inner.path)
                body = json.dumps({"keys": [self.thief.jwk()]}).encode()
                inner.send_response(200)
                inner.send_header("Content-Length", str(len(body)))
                inner.end_headers()
                inner.wfile.write(body)

            def log_message(inner, *args):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = f"http://127.0.0.1:{server.server_port}/jwks.json"
        jwk = self.thief.jwk()
        for kid in ("thief", "rs256"):
            for name, header in (("jwk", {"jwk": {**jwk, "kid": kid}}), ("jku", {"jku": url}),
                                 ("x5u", {"x5u": url}), ("jku of a file", {"jku": "file:///etc/passwd"}),
                                 ("x5c", {"x5c": [base64.b64encode(self.thief.public).decode()]}),
                                 ("all", {"jwk": jwk, "jku": url, "x5u": url})):
                self.refused(f"{name}, kid {kid}",
                             self.signed(self.thief, {"kid": kid, **header}))
        secret = "attacker" * 5
        oct_key = {"kty": "oct", "k": base64url(secret.encode()), "kid": "o"}
        self.refused("oct", self.hs256(header={"alg": "HS256", "jwk": oct_key, "kid": "o"},
                                       key=secret))
        self.assertEqual(asked, [])
        # With a good signature they are passed over: they name no key here.
        self.accepted(self.signed(self.keys["RS256"], {"jku": url, "x5u": url}))
        self.assertEqual(asked, [])

    def test_crit(self):
        for crit in ([], ["exp"], ["b64"], "exp", None, True, ["http://x"]):
            self.refused(f"crit {crit}", self.hs256(header={"alg": "HS256", "crit": crit}))
        self.refused("b64", self.hs256(header={"alg": "HS256", "b64": False}))

    def test_kid(self):
        rsa = self.keys["RS256"]
        for kid in ("../../../../../../dev/null", "/dev/null", "' OR 1=1 --", "x' UNION SELECT 'a",
                    "|id", "%00", "", "thief", "x" * 3000, "rs256 ", "RS256", "rs256\u0000"):
            self.refused(f"kid {kid[:20]!r}", self.signed(rsa, {"kid": kid}))
            self.refused(f"kid {kid[:20]!r}, no key", self.hs256(
                header={"alg": "HS256", "kid": kid}, key=b""))
        for kid in (1, None, ["rs256"], {"kid": "rs256"}, True):
            self.refused(f"kid {kid}", self.signed(rsa, {"kid": kid}))
        # Without one, the keys of the kind are tried.
        text = f"{part({'alg': 'RS256'})}.{part(self.claims)}"
        self.accepted(f"{text}.{base64url(rsa.sign(text.encode()))}")


class Claims(JwtTest):
    def test_times(self):
        now = int(time.time())
        for name, code, claims in (
                ("expired", "token_expired", {"exp": now - 60}),
                ("expired long ago", "token_expired", {"exp": 1}),
                ("of zero", "token_expired", {"exp": 0}),
                ("not yet", "token_not_yet_valid", {"nbf": now + 120}),
                ("text", "token_invalid", {"exp": str(now + 60)}),
                ("negative", "token_invalid", {"exp": -1}),
                ("too far", "token_invalid", {"exp": 10 ** 18}),
                ("list", "token_invalid", {"exp": [now + 60]}),
                ("null", "token_invalid", {"exp": None}),
                ("true", "token_invalid", {"exp": True}),
                ("nbf of text", "token_invalid", {"nbf": "0"}),
                ("nbf too far", "token_invalid", {"nbf": 10 ** 18})):
            self.refused(name, self.hs256({**self.claims, **claims}), code)
        without = {k: v for k, v in self.claims.items() if k != "exp"}
        self.refused("no exp", self.hs256(without))
        for number in ("1e999", "NaN", "Infinity", "0x7fffffffff", "01e12"):
            text = json.dumps(without)[:-1] + f', "exp": {number}}}'
            self.refused(f"exp {number}", self.hs256(text))
        self.accepted(self.hs256({**self.claims, "exp": now + 60.5, "nbf": now - 1}))

    def test_issuer_and_audience(self):
        for name, claims in (
                ("other issuer", {"iss": "https://evil.test"}), ("longer", {"iss": ISSUER + "/"}),
                ("shorter", {"iss": ISSUER[:-1]}), ("list", {"iss": [ISSUER]}), ("null", {"iss": None}),
                ("case", {"iss": ISSUER.upper()}), ("NUL", {"iss": ISSUER + "\u0000x"}),
                ("other audience", {"aud": "shop"}), ("aud longer", {"aud": AUDIENCE + "s"}),
                ("aud null", {"aud": None}), ("aud empty", {"aud": []}), ("aud of others", {"aud": ["a", 1]}),
                ("aud nested", {"aud": [[AUDIENCE]]}), ("aud object", {"aud": {AUDIENCE: 1}})):
            self.refused(name, self.hs256({**self.claims, **claims}))
        for gone in ("iss", "aud"):
            self.refused(f"no {gone}",
                         self.hs256({k: v for k, v in self.claims.items() if k != gone}))
        self.accepted(self.hs256({**self.claims, "aud": ["other", AUDIENCE]}))

    def test_subject_and_roles(self):
        for name, claims in (
                ("none", {"sub": None}), ("empty", {"sub": ""}), ("number", {"sub": 1}),
                ("list", {"sub": ["admin-1"]}), ("long", {"sub": "x" * 129}),
                ("line end", {"sub": "a\nb"}), ("NUL", {"sub": "admin-1\u0000x"}),
                ("roles of text", {"roles": "admin"}), ("roles of numbers", {"roles": [8]}),
                ("roles object", {"roles": {"admin": True}}), ("nested", {"roles": [["admin"]]}),
                ("name of number", {"name": 7}), ("neighborhood of list", {"neighborhood": []})):
            self.refused(name, self.hs256({**self.claims, **claims}))
        # A word that is no role gives none.
        for roles in (["Admin"], ["admin "], ["superadmin"], [], ["buyer"]):
            answer = self.ask(self.hs256({**self.claims, "roles": roles}))
            self.assertEqual((answer.status, answer.json["error"]["code"]), (403, "forbidden"))

    def test_texts_that_parsers_read_in_two_ways(self):
        good = json.dumps(self.claims)
        for name, text in (
                ("two subs", good[:-1] + ', "sub": "buyer-1"}'),
                ("two roles", '{"roles": [], ' + good[1:]),
                ("not an object", "[" + good + "]"), ("text", '"' + "x" * 9 + '"'), ("nothing", "{}"),
                ("null", "null"), ("more behind", good + "{}"), ("comment", good + "/**/"),
                ("single quotes", good.replace('"', "'")), ("trailing comma", good[:-1] + ",}"),
                ("BOM", "\ufeff" + good), ("no UTF-8", good.encode()[:-1] + b', "x": "\xff\xfe"}'),
                ("surrogate", good[:-1] + ', "x": "\\ud800"}'),
                ("deep", good[:-1] + ', "x": ' + "[" * 2500 + "]" * 2500 + "}"),
                ("escaped name", good[:-1] + ', "s\\u0075b": "buyer-1"}')):
            self.refused(name, self.hs256(text))

    def test_sizes(self):
        self.refused("over 8 KiB", self.hs256({**self.claims, "x": "x" * 8192}))
        for size in (16384, 60000):
            answer = self.ask(self.hs256({**self.claims, "x": "x" * size}))
            self.assertIn(answer.status, (400, 401, 413, 431), size)
        self.accepted(self.hs256({**self.claims, "x": "x" * 4000}))

    def test_forms(self):
        good = self.hs256()
        header, body, signature = good.split(".")
        for name, token in (
                ("two parts", f"{header}.{body}"), ("four", good + ".x"), ("five", good + ".x.x"),
                ("JWE", "..." + good), ("empty header", f".{body}.{signature}"),
                ("empty claims", f"{header}..{signature}"), ("dots", ".."), ("padded", good + "="),
                ("claims padded", f"{header}.{body}=.{signature}"), ("a blank in it", f"{header}. {body}.{signature}"),
                ("a tab", f"{header}.\t{body}.{signature}"), ("quoted", f'"{good}"'), ("comma", f"{good}, {good}"),
                ("other alphabet", good.replace("-", "+").replace("_", "/") + "+"),
                ("percent", good.replace(".", "%2e")), ("JSON", json.dumps({"payload": body}))):
            self.refused(name, token)
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        # 32 bytes leave two bits that no encoder sets: another spelling is another token.
        place = last.index(good[-1])
        for other in range(place - place % 4, place - place % 4 + 4):
            if other != place:
                self.refused(f"stray bits {other}", good[:-1] + last[other])
        for scheme in ("Basic", "Token", "JWT", "BearerX", ""):
            answer = self.daemon.get(STATUS, {"Authorization": f"{scheme} {good}".strip()})
            self.assertEqual(answer.status, 401, scheme)
        self.assertEqual(self.daemon.get(STATUS, {"Authorization": f"bearer {good}"}).status, 200)
        for query in ("access_token", "token", "jwt"):
            self.assertIn(self.daemon.get(f"{STATUS}?{query}={good}").status, (401, 422))
        self.assertEqual(self.daemon.get(STATUS, {"Cookie": f"token={good}"}).status, 401)
        self.assertNotIn(signature, self.daemon.log())


class Rotation(JwtTest):
    def known(self, key):
        return self.ask(self.signed(key)).status == 200

    def test_keys_come_and_go_without_a_restart(self):
        pid = self.daemon.process.pid
        rsa, es = self.keys["RS256"], self.keys["ES256"]
        self.assertTrue(self.known(rsa))
        self.assertFalse(self.known(self.thief))
        self.write(es, self.thief)
        wait_for(lambda: self.known(self.thief), "the new key is known")
        self.assertFalse(self.known(rsa))
        self.assertTrue(self.known(es))
        # A file that is broken, empty or gone changes nothing.
        for text in ("{", "[]", '{"keys": []}', '{"keys": 7}', "\0", "x" * 300000):
            before = len(self.daemon.log_lines("key set not read again"))
            self.write(text=text)
            wait_for(lambda: self.known(es) and
                     len(self.daemon.log_lines("key set not read again")) > before,
                     "the broken file was seen")
            self.assertTrue(self.known(self.thief))
        os.unlink(self.jwks)
        self.assertTrue(self.known(es))
        self.write(rsa)
        wait_for(lambda: self.known(rsa), "the first key is back")
        self.assertFalse(self.known(self.thief))
        self.assertEqual(self.daemon.process.pid, pid)
        self.assertIsNone(self.daemon.process.poll())

    def test_keys_that_must_not_be_in_a_set(self):
        secret = "0123456789abcdef" * 4
        oct_key = {"kty": "oct", "k": base64url(secret.encode()), "kid": "o", "alg": "HS256"}
        self.write(oct_key, {**self.keys["RS256"].jwk(), "use": "enc"},
                   {**self.keys["ES256"].jwk(), "alg": "RS256"}, self.keys["EdDSA"])
        wait_for(lambda: not self.known(self.keys["ES256"]), "the set was read")
        self.refused("oct", self.hs256(header={"alg": "HS256", "kid": "o"}, key=secret))
        self.refused("for encryption", self.signed(self.keys["RS256"]))
        self.refused("of another algorithm", self.signed(self.keys["ES256"]))
        self.assertTrue(self.known(self.keys["EdDSA"]))

    def test_two_keys_of_one_name(self):
        self.write({**self.thief.jwk(), "kid": "same"}, {**self.keys["RS256"].jwk(), "kid": "same"})
        rsa = self.keys["RS256"]
        wait_for(lambda: self.ask(self.signed(self.thief, {"kid": "same"})).status == 200,
                 "the set was read")
        # Whether the second counts is the set's matter; that none other does is ours.
        self.assertIn(self.ask(self.signed(rsa, {"kid": "same"})).status, (200, 401))
        self.refused("another", self.signed(self.keys["ES256"], {"kid": "same"}))


if __name__ == "__main__":
    unittest.main()
