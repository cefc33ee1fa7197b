"""Webhooks and push, against real receivers that fail, hang, hang up and come back."""
import base64
import http.server
import itertools
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

from support import SoukTest, wait_for

SECRET = "a secret of the tests, long enough"


class Receiver:
    """An HTTP server whose answers a test chooses: behave(handler, body) answers by itself, or
    returns a status, or (status, headers, body)."""

    def __init__(self, behave=None, port=0, tls=None):
        self.tls = tls
        self.requests, self.lock = [], threading.Lock()
        self.behave = behave or (lambda handler, body: 200)
        self.port = port
        self.server = None
        self.open()

    def open(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = receiver.behave(self, body)
                with receiver.lock:
                    receiver.requests.append((self.path, dict(self.headers), body, answer))
                if answer is None:
                    return
                status, headers, text = answer if isinstance(answer, tuple) else (answer, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        if self.tls:
            self.server.socket = self.tls.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def url(self, path="/hook"):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{path}"

    def seen(self, status=None):
        """[(event, headers)] of the webhooks, in order; those answered so."""
        with self.lock:
            found = list(self.requests)
        return [(json.loads(body), headers) for _, headers, body, answer in found
                if status is None or answer == status]

    def events(self, status=200):
        return [event["event"] for event, _ in self.seen(status)]


def hang_up(handler, body):
    """A reset instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()
    handler.close_connection = True
    handler.wfile = open(os.devnull, "wb")


def genuine(headers, body, secret=SECRET):
    """The example of conf/operating.md, run as it stands there."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf")
    with open(os.path.join(here, "operating.md")) as f:
        text = f.read()
    code = text.split("```python\n", 1)[1].split("```", 1)[0]
    space = {}
    exec(code, space)
    return space["is_genuine"](secret.encode(), headers, body)


class OutboxTest(SoukTest):
    def scratch(self):
        folder = tempfile.mkdtemp(prefix="souk-outbox-")
        self.addCleanup(shutil.rmtree, folder, True)
        return folder

    def receiver(self, behave=None, tls=None):
        r = Receiver(behave, tls=tls)
        self.addCleanup(r.close)
        return r

    def soukd_to(self, receiver, **settings):
        return self.soukd({
            "webhooks.url": receiver.url(), "webhooks.secret": SECRET,
            "webhooks.retry_base": "50ms", "webhooks.timeout": "60s",
            **{f"webhooks.{name}": value for name, value in settings.items()}})

    def outbox(self, daemon):
        return daemon.request("GET", "/api/v1/admin/outbox?limit=100",
                              token=daemon.token("operator", "admin")).json["data"]

    def wait_empty(self, daemon):
        admin = daemon.token("operator", "admin")

        def empty():
            data = daemon.request("GET", "/api/v1/admin/outbox", token=admin).json["data"]
            return data["waiting"] == 0 and data["givenUp"] == 0
        wait_for(empty, "the outbox is empty")


class Webhooks(OutboxTest):
    def test_life_of_a_stream_signed_and_in_order(self):
        r = self.receiver()
        daemon = self.soukd_to(r)
        made = daemon.create_stream("Lamps")
        publisher = self.publisher(daemon.publish_url(made), extra=("-shortest",))
        daemon.wait_playable(made)
        publisher.kill()
        wait_for(lambda: "stream.interrupted" in r.events(), "the interruption is told of")
        again = self.publisher(daemon.publish_url(made))
        wait_for(lambda: daemon.metric("souk_publishers") == 1, "the encoder is back")
        daemon.ctl("streams", "end", made["streamId"])
        again.wait()
        wait_for(lambda: "stream.vod_ready" in r.events(), "the VOD is told of")
        self.assertEqual(r.events(), ["stream.scheduled", "stream.live", "stream.interrupted",
                                      "stream.ended", "stream.vod_ready"])
        for path, headers, body, _ in r.requests:
            self.assertEqual(path, "/hook")
            self.assertEqual(headers["Content-Type"], "application/json")
            self.assertTrue(genuine(headers, body))
            self.assertFalse(genuine(headers, body + b" "))
            self.assertFalse(genuine(headers, body, "another secret"))
            event = json.loads(body)
            self.assertEqual(event["id"], headers["X-Souk-Id"])
            self.assertLess(abs(int(headers["X-Souk-Timestamp"]) - time.time()), 120)
            self.assertEqual(event["data"]["streamId"], made["streamId"])
        last = r.seen()[-1][0]["data"]
        shown = daemon.stream(made)
        for name in ("sellerId", "title", "status", "startedAt", "endedAt", "endReason",
                     "duration", "createdAt"):
            self.assertEqual(last[name], shown[name], name)
        self.assertEqual(last["vodUrl"], f"/vod/{made['streamId']}/index.m3u8")
        self.wait_empty(daemon)
        self.assertEqual(daemon.metric("souk_outbox_delivered_total", 'kind="webhook"'), 5)

    def test_products_orders_and_flagged_chat(self):
        words = os.path.join(self.scratch(), "words")
        with open(words, "w") as f:
            f.write("scam\n")
        r = self.receiver()
        daemon = self.soukd({"webhooks.url": r.url(), "webhooks.secret": SECRET,
                             "chat.blocked_words_file": words})
        seller, buyer = daemon.token("seller-1", "seller"), daemon.token("ann", "buyer")

        def ask(method, path, body, token, status=None):
            answer = daemon.request(method, "/api/v1" + path, body, token=token)
            if status:
                self.assertEqual(answer.status, status, answer.text)
            else:
                self.assertIn(answer.status, (200, 201), answer.text)
            return answer.json.get("data")
        product = ask("POST", "/products",
                      {"name": "Lamp", "price": 1999, "currency": "EUR"}, seller)["productId"]
        stream = ask("POST", "/streams", {"title": "Lamps", "product_ids": [product]},
                     seller)["streamId"]
        ask("POST", f"/streams/{stream}/go-live",
            {"camera_ready": True, "checklist_complete": True}, seller)
        path = f"/streams/{stream}/products/{product}"
        ask("POST", path + "/tag", {"x": 0.25, "y": 0.5}, seller)
        order = {"type": "purchase", "order_id": "o-1", "amount": 3998, "currency": "EUR"}
        ask("POST", path + "/events", order, buyer)
        ask("POST", path + "/events", order, buyer, 409)
        ask("POST", f"/streams/{stream}/chat", {"message": "a scam"}, buyer, 422)
        ask("POST", f"/streams/{stream}/end", {}, seller)
        wait_for(lambda: "stream.ended" in r.events(), "the end is told of")
        self.assertEqual(r.events(), ["stream.scheduled", "stream.live", "product.tagged",
                                      "order.recorded", "chat.flagged", "stream.ended"])
        said = {event["event"]: event["data"] for event, _ in r.seen()}
        self.assertEqual({data["streamId"] for data in said.values()}, {stream})
        self.assertEqual(said["product.tagged"]["productId"], product)
        self.assertEqual(said["product.tagged"]["position"], {"x": 0.25, "y": 0.5})
        self.assertEqual([said["order.recorded"][k] for k in ("orderId", "amount", "currency",
                                                              "userId", "productId")],
                         ["o-1", 3998, "EUR", "ann", product])
        self.assertEqual([said["chat.flagged"][k] for k in ("userId", "message")],
                         ["ann", "a scam"])

    def test_failures_are_repeated_with_the_same_id(self):
        turns = itertools.count(1)

        def behave(handler, body):
            turn = next(turns)
            if turn <= 2:
                # The next comes by a new connection: on a kept one its loss is no failure yet.
                return (500, {"Connection": "close"}, b"")
            if turn == 3:
                return hang_up(handler, body)
            if turn == 4:
                time.sleep(3)  # longer than the receiver's time
                return 299
            return 204
        r = self.receiver(behave)
        daemon = self.soukd_to(r, timeout="1s")
        made = daemon.create_stream("Lamps")
        wait_for(lambda: len(r.events(204)) >= 2, "both were taken")
        self.wait_empty(daemon)
        by_id = {}
        for event, headers in r.seen():
            by_id.setdefault(headers["X-Souk-Id"], set()).add((event["event"], event["createdAt"]))
            self.assertEqual(event["data"]["streamId"], made["streamId"])
        self.assertEqual(sorted(e for s in by_id.values() for e, _ in s),
                         ["stream.live", "stream.scheduled"])
        self.assertGreaterEqual(daemon.metric("souk_outbox_failures_total", 'kind="webhook"'), 4)
        self.assertEqual(daemon.metric("souk_outbox_delivered_total", 'kind="webhook"'), 2)
        for why in ("answered 500", "reset", "timed out"):
            self.assertTrue(daemon.log_lines("delivery failed", why), why)

    def test_kept_connection_that_is_lost_is_replaced(self):
        turns = itertools.count(1)

        def behave(handler, body):
            return hang_up(handler, body) if next(turns) == 2 else 204
        r = self.receiver(behave)
        daemon = self.soukd_to(r)
        daemon.create_stream("Lamps")
        self.wait_empty(daemon)
        wait_for(lambda: len(r.seen()) == 3, "the answers are noted")
        ids = [headers["X-Souk-Id"] for _, headers in r.seen()]
        self.assertEqual(len(set(ids)), 2)
        self.assertEqual(sorted(r.events(204)), ["stream.live", "stream.scheduled"])
        self.assertEqual(daemon.metric("souk_outbox_delivered_total", 'kind="webhook"'), 2)
        self.assertEqual(daemon.metric("souk_outbox_failures_total", 'kind="webhook"'), 0)

    def test_receiver_that_is_down_gets_all_when_it_comes_back(self):
        r = self.receiver()
        daemon = self.soukd_to(r)
        port = r.port
        r.close()
        made = [daemon.create_stream(f"stream {i}") for i in range(3)]
        wait_for(lambda: daemon.metric("souk_outbox_failures_total") >= 6, "all were tried")
        waiting = self.outbox(daemon)
        self.assertEqual(waiting["waiting"], 6)
        self.assertEqual({e["streamId"] for e in waiting["entries"]},
                         {m["streamId"] for m in made})
        self.assertTrue(any("onnect" in (e["lastError"] or "") for e in waiting["entries"]))
        self.assertEqual(daemon.metric("souk_outbox_waiting"), 6)
        r.port = port
        r.open()
        wait_for(lambda: len(set(e["id"] for e, _ in r.seen(200))) == 6, "all were taken")
        self.wait_empty(daemon)

    def test_retry_after_is_heeded(self):
        first = []

        def behave(handler, body):
            if not first:
                first.append(time.monotonic())
                return (503, {"Retry-After": "2"}, b"")
            return 200
        r = self.receiver(behave)
        daemon = self.soukd_to(r)
        daemon.create_stream("Lamps")
        wait_for(lambda: "stream.scheduled" in r.events() and "stream.live" in r.events(),
                 "both were taken")
        # The clock of the wait is the daemon's, which never shortens it.
        self.assertGreaterEqual(time.monotonic() - first[0], 1.9)

    def test_given_up_stays_for_the_operator(self):
        state = {"status": 500}
        r = self.receiver(lambda handler, body: state["status"])
        daemon = self.soukd_to(r, give_up="4s")  # each is tried once more at the end
        daemon.create_stream("Lamps")
        wait_for(lambda: daemon.metric("souk_outbox_given_up") == 2, "both are given up")
        data = self.outbox(daemon)
        self.assertEqual((data["waiting"], data["givenUp"]), (0, 2))
        for entry in data["entries"]:
            self.assertEqual((entry["kind"], entry["state"], entry["nextAt"]),
                             ("webhook", "given_up", None))
            self.assertIn("500", entry["lastError"])
            self.assertGreater(entry["attempts"], 1)
        state["status"] = 200
        admin = daemon.token("operator", "admin")
        self.assertEqual(daemon.request("POST", "/api/v1/admin/outbox/retry",
                                        token=admin).json["data"], {"retried": 2})
        self.wait_empty(daemon)
        self.assertEqual(sorted(r.events(200)), ["stream.live", "stream.scheduled"])
        for who in (None, daemon.token("s", "seller")):
            answer = daemon.request("POST", "/api/v1/admin/outbox/retry", token=who)
            self.assertIn(answer.status, (401, 403))

    def test_kill_in_the_middle_loses_nothing(self):
        slow = threading.Event()

        def behave(handler, body):
            slow.wait(0.2)
            return 200
        r = self.receiver(behave)
        daemon = self.soukd_to(r)
        made = []
        for round_ in range(3):
            for i in range(6):
                made.append(daemon.create_stream(f"stream {round_}.{i}")["streamId"])
            wait_for(lambda: len(r.seen()) > 6 * round_, "some are delivered")
            daemon.kill9()
            daemon.start()
        slow.set()
        want = {(s, e) for s in made for e in ("stream.scheduled", "stream.live")}

        def got():
            return {(e["data"]["streamId"], e["event"]) for e, _ in r.seen(200)}
        wait_for(lambda: want <= got(), "all were taken")
        self.wait_empty(daemon)
        ids = {}
        for event, _ in r.seen(200):
            ids.setdefault((event["data"]["streamId"], event["event"]), set()).add(event["id"])
        self.assertEqual(set(ids), want)
        self.assertEqual({len(same) for same in ids.values()}, {1})

    def test_unknown_certificate_gets_nothing(self):
        folder = self.scratch()
        key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                        "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        r = self.receiver(tls=context)
        daemon = self.soukd_to(r)
        daemon.create_stream("Lamps")

        def errors():
            return [e["lastError"] for e in self.outbox(daemon)["entries"]]
        wait_for(lambda: all(errors()), "both were tried")
        self.assertTrue(all("certificate" in e for e in errors()), errors())
        self.assertEqual(len(errors()), 2)
        self.assertEqual(r.requests, [])

    def test_stop_with_requests_under_way(self):
        hold, arrived = threading.Event(), []
        self.addCleanup(hold.set)

        def behave(handler, body):
            arrived.append(handler.headers["X-Souk-Id"])
            return hold.wait(60) and 200
        r = self.receiver(behave)
        daemon = self.soukd_to(r)
        for i in range(3):
            daemon.create_stream(f"stream {i}")
        wait_for(lambda: len(set(arrived)) == 3, "three requests are under way")
        self.assertEqual(daemon.terminate(), 0)
        daemon.check_log()
        before = set(arrived)
        hold.set()
        daemon.start()
        self.wait_empty(daemon)
        self.assertEqual(len({event["id"] for event, _ in r.seen(200)} | before), 6)
        self.assertTrue(before <= {event["id"] for event, _ in r.seen(200)})

    def test_reload_turns_them_on_and_off(self):
        r = self.receiver()
        daemon = self.soukd({"webhooks.retry_base": "50ms"})
        daemon.create_stream("quiet")
        secret_file = os.path.join(daemon.folder, "hook-secret")
        self.assertFalse(os.path.exists(secret_file))
        daemon.settings.update({"webhooks.url": r.url(), "webhooks.secret_file": secret_file})
        daemon.write_config()
        daemon.process.send_signal(1)
        daemon.wait_log("setting changed", "webhooks.url")
        made = daemon.create_stream("loud")
        wait_for(lambda: len(r.events()) == 2, "the webhooks came")
        self.assertEqual({e["data"]["streamId"] for e, _ in r.seen()}, {made["streamId"]})
        self.assertEqual(os.stat(secret_file).st_mode & 0o777, 0o600)
        with open(secret_file) as f:
            secret = f.read().strip()
        for _, headers, body, _ in r.requests:
            self.assertTrue(genuine(headers, body, secret))
        self.assertNotIn(secret, daemon.log())
        daemon.settings["webhooks.url"] = ""
        daemon.write_config()
        daemon.process.send_signal(1)
        wait_for(lambda: len(daemon.log_lines("setting changed", "webhooks.url")) == 2, "it is off")
        daemon.create_stream("quiet again")
        self.assertEqual(self.outbox(daemon)["waiting"], 0)
        self.assertEqual(len(r.requests), 2)


class Google:
    """The token endpoint and FCM in one: devices by their token."""

    def __init__(self, test, public_key):
        self.public_key = public_key
        self.folder = os.path.dirname(public_key)
        self.tokens = 0
        self.forms, self.sent = [], []
        self.answers = {}  # device token → (status, body), else 200
        self.refuse_tokens = 0
        self.receiver = test.receiver(self.behave)

    def behave(self, handler, body):
        if handler.path == "/token":
            if self.refuse_tokens > 0:
                self.refuse_tokens -= 1
                return 503
            self.forms.append(urllib.parse.parse_qs(body.decode()))
            self.tokens += 1
            answer = {"access_token": f"token-{self.tokens}", "expires_in": 3600,
                      "token_type": "Bearer"}
            return (200, {"Content-Type": "application/json"}, json.dumps(answer).encode())
        message = json.loads(body)["message"]
        self.sent.append((handler.path, handler.headers["Authorization"], message))
        status, answer = self.answers.get(message["token"], (200, {"name": "projects/x/1"}))
        return (status, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    def devices(self):
        return [message["token"] for _, _, message in self.sent]

    def verify(self, assertion):
        """Claims of a JWT that openssl finds well signed."""
        header, claims, signature = assertion.split(".")

        def decode(text):
            return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        paths = [os.path.join(self.folder, name) for name in ("jwt.txt", "jwt.sig")]
        for path, data in zip(paths, (f"{header}.{claims}".encode(), decode(signature))):
            with open(path, "wb") as f:
                f.write(data)
        subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.public_key, "-signature",
                        paths[1], paths[0]], check=True, capture_output=True)
        return json.loads(decode(header)), json.loads(decode(claims))


def fcm_error(status, code):
    return (status, {"error": {"code": status, "status": "NOT_FOUND", "message": "no", "details": [
        {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}]}})


class Push(OutboxTest):
    def google(self, folder):
        key, public = os.path.join(folder, "key.pem"), os.path.join(folder, "public.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt",
                        "rsa_keygen_bits:2048", "-out", key], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True)
        google = Google(self, public)
        with open(key) as f:
            pem = f.read()
        path = os.path.join(folder, "account.json")
        with open(path, "w") as f:
            json.dump({"type": "service_account", "project_id": "souk-test", "private_key": pem,
                       "private_key_id": "k1", "client_email": "souk@souk-test.example",
                       "token_uri": google.receiver.url("/token")}, f)
        return google, path

    def setUp(self):
        self.fcm, self.account = self.google(self.scratch())

    def start(self, **more):
        return self.soukd({"push.fcm_service_account": self.account,
                           "push.fcm_url": self.fcm.receiver.url("/"),
                           "webhooks.retry_base": "50ms", **more})

    def follower(self, daemon, name, device):
        token = daemon.token(name, "buyer")
        answer = daemon.request("POST", "/api/v1/devices",
                                {"token": device, "platform": "android"}, token=token)
        self.assertIn(answer.status, (200, 201), answer.text)
        answer = daemon.request("PUT", "/api/v1/users/seller-1/follow", token=token)
        self.assertIn(answer.status, (200, 201, 204), answer.text)
        return token

    def test_followers_are_told_on_their_phones(self):
        daemon = self.start()
        daemon.create_stream("first", "seller-1")
        for name in ("ann", "bob"):
            self.follower(daemon, name, f"device-{name}")
        self.fcm.refuse_tokens = 2
        made = daemon.create_stream("Lamps", "seller-1")
        wait_for(lambda: sorted(self.fcm.devices()) == ["device-ann", "device-bob"], "both heard")
        self.wait_empty(daemon)
        for path, authorization, message in self.fcm.sent:
            self.assertEqual(path, "/v1/projects/souk-test/messages:send")
            self.assertEqual(authorization, "Bearer token-1")
            self.assertEqual(message["data"]["streamId"], made["streamId"])
            self.assertTrue(all(isinstance(v, str) for v in message["data"].values()))
            self.assertTrue(message["notification"]["title"])
        self.assertEqual(len(self.fcm.forms), 1)
        form = self.fcm.forms[0]
        self.assertEqual(form["grant_type"], ["urn:ietf:params:oauth:grant-type:jwt-bearer"])
        header, claims = self.fcm.verify(form["assertion"][0])
        self.assertEqual((header["alg"], header["kid"]), ("RS256", "k1"))
        self.assertEqual(claims["iss"], "souk@souk-test.example")
        self.assertEqual(claims["aud"], self.fcm.receiver.url("/token"))
        self.assertEqual(claims["exp"] - claims["iat"], 3600)
        self.assertLess(abs(claims["iat"] - time.time()), 120)
        self.assertNotIn("token-1", daemon.log())

    def test_device_that_is_gone_is_forgotten(self):
        daemon = self.start()
        daemon.create_stream("first", "seller-1")
        token = self.follower(daemon, "ann", "device-ann")
        self.follower(daemon, "bob", "device-bob")
        self.fcm.answers["device-ann"] = fcm_error(404, "UNREGISTERED")
        daemon.create_stream("Lamps", "seller-1")
        self.wait_push(2)
        self.wait_empty(daemon)
        devices = daemon.request("GET", "/api/v1/devices", token=token)
        self.assertEqual(devices.json["data"], [], devices.text)
        daemon.create_stream("Shoes", "seller-1")
        self.wait_push(3)
        self.wait_empty(daemon)
        self.assertEqual(sorted(self.fcm.devices()), ["device-ann", "device-bob", "device-bob"])

    def wait_push(self, n):
        wait_for(lambda: len(self.fcm.sent) >= n, f"{n} messages were sent")

    def test_refused_token_is_renewed_and_bad_messages_are_given_up(self):
        daemon = self.start()
        daemon.create_stream("first", "seller-1")
        self.follower(daemon, "ann", "device-ann")
        self.follower(daemon, "bob", "device-bob")
        self.fcm.answers["device-ann"] = (401, {"error": {"status": "UNAUTHENTICATED"}})
        self.fcm.answers["device-bob"] = fcm_error(400, "INVALID_ARGUMENT")
        daemon.create_stream("Lamps", "seller-1")
        wait_for(lambda: self.fcm.tokens >= 2, "a new token was asked for")
        del self.fcm.answers["device-ann"]
        wait_for(lambda: daemon.metric("souk_outbox_delivered_total", 'kind="push"') == 1,
                 "ann heard")
        wait_for(lambda: self.outbox(daemon)["waiting"] == 0, "nothing is left to try")
        data = self.outbox(daemon)
        self.assertEqual((data["waiting"], data["givenUp"]), (0, 1))
        self.assertIn("INVALID_ARGUMENT", data["entries"][0]["lastError"])
        self.assertEqual(self.fcm.devices().count("device-bob"), 1)
        self.assertNotIn("device-bob", json.dumps(data["entries"]).replace(
            data["entries"][0]["lastError"], ""))

    def test_webhooks_that_hang_do_not_hold_up_push(self):
        hold = threading.Event()
        self.addCleanup(hold.set)
        r = self.receiver(lambda handler, body: hold.wait(60) and 200)
        daemon = self.start(**{"webhooks.url": r.url(), "webhooks.secret": SECRET,
                               "webhooks.timeout": "60s"})
        for i in range(10):
            daemon.create_stream(f"stream {i}", "other")
        daemon.create_stream("first", "seller-1")
        self.follower(daemon, "ann", "device-ann")
        daemon.create_stream("Lamps", "seller-1")
        self.wait_push(1)
        self.assertEqual(r.seen(200), [])
        hold.set()
        wait_for(lambda: len(r.seen(200)) == 24, "the webhooks came too")

    def test_account_that_cannot_be_used_stops_the_start(self):
        with open(self.account, "w") as f:
            f.write('{"client_email": "x"}')
        with self.assertRaisesRegex(AssertionError, "private_key"):
            self.start()


if __name__ == "__main__":
    unittest.main()
