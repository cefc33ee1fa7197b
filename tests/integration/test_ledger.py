"""Requests that are asked again, and what admins do: idempotency keys over lost connections, crashes
and two at once; the audit log over HTTP and the Unix socket."""
import contextlib
import hashlib
import itertools
import json
import os
import socket
import sqlite3
import threading
import time

from support import SoukTest, wait_for

STREAMS = "/api/v1/streams"


def digest(*texts, tail=b""):
    return hashlib.sha256(b"".join(t.encode() + b"\0" for t in texts) + tail)


class LedgerTest(SoukTest):
    def setUp(self):
        self.daemon = self.soukd()
        self.seller = self.daemon.token("seller-1", "seller")
        self.other = self.daemon.token("seller-2", "seller")
        self.admin = self.daemon.token("admin-1", "admin")
        # Users are stored with their first request.
        for token in (self.seller, self.other, self.admin):
            self.daemon.request("GET", STREAMS, token=token)

    def database(self):
        return contextlib.closing(sqlite3.connect(self.daemon.settings["store.url"][7:]))

    @contextlib.contextmanager
    def writes_blocked(self):
        """Nothing is committed inside; it may last under the store's patience of 5 s."""
        with self.database() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                db.rollback()

    def post(self, key, body=None, path=STREAMS, token=None, **headers):
        return self.daemon.request("POST", path, body if body is not None else {"title": "Sale"},
                                   token or self.seller, {"Idempotency-Key": key, **headers})

    def count(self, table="streams"):
        with self.database() as db:
            return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def error(self, answer, status, code):
        self.assertEqual((answer.status, answer.json["error"]["code"]), (status, code))

    def send(self, key, body):
        """A POST that nobody waits for: its open socket."""
        text = json.dumps(body).encode()
        s = socket.create_connection(("127.0.0.1", self.daemon.http_port))
        s.sendall((f"POST {STREAMS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.seller}\r\n"
                   f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {len(text)}\r\n\r\n").encode() + text)
        return s

    def test_first_answer_again(self):
        first, again = self.post("k1"), self.post("k1")
        self.assertEqual((first.status, again.status), (201, 201))
        self.assertEqual(again.json, first.json)
        self.assertNotIn("idempotency-replayed", first.headers)
        self.assertEqual(again.headers["idempotency-replayed"], "true")
        self.assertEqual(again.headers["content-type"], first.headers["content-type"])
        self.assertEqual(self.count(), 1)
        self.error(self.post("k1", {"title": "Other"}), 422, "idempotency_key_reused")
        self.error(self.post("k1", {}, f"{STREAMS}/{first.json['data']['streamId']}/end"), 422,
                   "idempotency_key_reused")
        # Keys are a user's own; without a token they mean nothing.
        self.assertEqual(self.post("k1", token=self.other).status, 201)
        self.assertEqual(self.count(), 2)
        self.assertEqual(self.post("k2").status, 201)

    def test_refusals_are_answers_too(self):
        made = self.post("make").json["data"]["streamId"]
        end = f"{STREAMS}/{made}/end"
        self.error(self.post("end", {}, end), 409, "stream_not_live")
        replayed = self.post("end", {}, end)
        self.error(replayed, 409, "stream_not_live")
        self.assertEqual(replayed.headers["idempotency-replayed"], "true")
        # What is refused before it is begun leaves the key free.
        self.error(self.post("free", {"titel": "x"}), 422, "unknown_field")
        self.assertEqual(self.post("free").status, 201)

    def test_bad_keys(self):
        for key in ("", "x" * 256, "a b"):
            answer = self.post(key)
            self.error(answer, 422, "invalid_value")
            self.assertEqual(answer.json["error"]["field"], "Idempotency-Key")
        self.assertEqual(self.post("x" * 255).status, 201)
        self.assertEqual(self.count(), 1)

    def test_secrets_are_sealed(self):
        product = self.daemon.request("POST", "/api/v1/products", {
            "name": "Shoe", "price": 100, "currency": "EUR"}, self.seller).json["data"]["productId"]
        made = self.post("secret-make", {"title": "Sale", "product_ids": [product]})
        path = f"{STREAMS}/{made.json['data']['streamId']}/go-live"
        ready = {"camera_ready": True, "checklist_complete": True}
        live = self.post("secret-live", ready, path)
        self.assertEqual(live.status, 200, live.text)
        key = live.json["data"]["streamKey"]
        self.assertEqual(self.post("secret-live", ready, path).json["data"]["streamKey"], key)
        with self.database() as db:
            dump = "\n".join(db.iterdump())
        self.assertNotIn(key, dump)
        self.assertNotIn("secret-live", dump)
        self.assertNotIn(key, self.daemon.log())
        self.assertNotIn("secret-live", self.daemon.log())

    def test_keys_are_bounded(self):
        d = self.daemon
        d.settings["limits.idempotency_keys"] = 2
        d.write_config()
        answer = d.request("POST", "/api/v1/admin/reload", {}, self.admin)
        self.assertEqual(answer.json["data"]["changed"], ["limits.idempotency_keys"])
        self.assertEqual([self.post(k).status for k in ("a", "b", "c", "a")],
                         [201, 201, 409, 201])
        self.error(self.post("c"), 409, "too_many_keys")
        self.assertEqual(self.count(), 2)

    def test_two_at_once_and_a_lost_connection(self):
        for n in itertools.count():
            key, begun = f"lost-{n}", time.monotonic()
            with self.writes_blocked():
                s = self.send(key, {"title": "Sale"})
                wait_for(lambda: self.post(key).status == 409, "the first one is begun")
                same, other = self.post(key), self.post(key, {"title": "B"})
                s.close()
            answer = wait_for(lambda: (a := self.post(key)).status == 201 and a, "it is answered")
            # On a machine that was too slow for the store's patience, it is done once more.
            if time.monotonic() - begun < 4:
                break
        self.error(same, 409, "idempotency_in_progress")
        self.error(other, 422, "idempotency_key_reused")
        self.assertEqual(answer.headers["idempotency-replayed"], "true")
        self.assertEqual(answer.json["data"]["title"], "Sale")
        self.assertEqual(self.count(), n + 1)

    def test_stop_with_lost_requests(self):
        """The daemon ends (and frees what nobody waits for) with such requests under way."""
        with self.writes_blocked():
            for i in range(5):
                self.send(f"stop-{i}", {"title": "Sale"}).close()
            self.daemon.process.terminate()
        self.assertEqual(self.daemon.process.wait(60), 0)
        self.daemon.check_log()

    def test_crash(self):
        first = self.post("before")
        with self.database() as db:
            text = json.dumps({"title": "Sale"}).encode()
            db.execute("INSERT INTO idempotency_keys (user_id, key, fingerprint, created_at)"
                       " SELECT user_id, ?, ?, created_at FROM idempotency_keys LIMIT 1",
                       (digest("souk idempotency key", "seller-1", "cut").hexdigest(),
                        digest("POST", STREAMS, "", tail=text).digest()))
            db.commit()
        self.daemon.kill9()
        self.daemon.start()
        self.assertEqual(self.post("before").json, first.json)
        self.error(self.post("cut"), 409, "idempotency_unfinished")
        self.error(self.post("cut", {"title": "B"}), 422, "idempotency_key_reused")
        self.assertEqual(self.count(), 1)

    def test_many_at_once(self):
        """Of many that ask for the same at the same time one is done."""
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.post("storm")))
                   for _ in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual({a.status for a in answers} - {201, 409}, set())
        self.assertEqual(len({a.text for a in answers if a.status == 201}), 1)
        self.assertEqual(self.count(), 1)

    def audit(self, query=""):
        answer = self.daemon.request("GET", "/api/v1/admin/audit" + query, token=self.admin)
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json

    def test_audit(self):
        made = self.post("a").json["data"]["streamId"]
        self.daemon.request("POST", f"{STREAMS}/{made}/end", {}, self.admin,
                            {"X-Request-Id": "looked-for"})
        self.daemon.request("POST", "/api/v1/admin/streams",
                            {"seller_id": "s-9", "title": "x" * 300}, self.admin)
        self.daemon.request("POST", "/api/v1/admin/streams",
                            {"seller_id": "s-9", "title": "Ok " + "é" * 120}, self.admin)
        self.daemon.request("GET", f"{STREAMS}/{made}", token=self.admin)
        self.daemon.request("DELETE", f"{STREAMS}/{made}", token=self.admin)
        rows = self.audit()["data"]
        self.assertEqual([r["action"] for r in rows],
                         ["DELETE /api/v1/streams/{id}", "POST /api/v1/admin/streams",
                          "POST /api/v1/streams/{id}/end"])
        self.assertEqual({r["actor"] for r in rows}, {"admin-1"})
        self.assertEqual(rows[2]["target"], made)
        self.assertEqual(rows[2]["requestId"], "looked-for")
        self.assertEqual(rows[2]["detail"]["status"], 409)
        self.assertEqual(rows[0]["detail"]["status"], 200)
        self.assertEqual(rows[0]["address"], "127.0.0.1")
        self.assertEqual(rows[1]["detail"]["body"]["seller_id"], "s-9")
        self.assertTrue(rows[1]["detail"]["body"]["title"].endswith("…"))
        # The operator at the Unix socket, and paging.
        self.daemon.create_stream(seller="seller-3")
        page = self.audit("?limit=1")
        self.assertEqual(page["data"][0]["actor"], "local-operator")
        self.assertEqual(page["data"][0]["detail"]["uid"], os.getuid())
        rest = self.audit(f"?limit=100&cursor={page['nextCursor']}")
        self.assertEqual(rest["data"], rows)
        self.assertEqual(self.audit("?actor=admin-1")["data"], rows)
        self.assertIsNone(rest["nextCursor"])
        answer = self.daemon.request("GET", "/api/v1/admin/audit?cursor=x", token=self.admin)
        self.error(answer, 422, "invalid_cursor")
        answer = self.daemon.request("GET", "/api/v1/admin/audit", token=self.seller)
        self.error(answer, 403, "forbidden")

    def test_lists_are_written_out(self):
        """Which roles somebody got is the point of such a line; long lists are only counted."""
        self.daemon.request("PUT", "/api/v1/users/u-9", {"roles": ["seller", "buyer"]}, self.admin)
        unknown = [f"0190a0b1-0000-7000-8000-{i:012}" for i in range(11)]
        self.daemon.request("POST", "/api/v1/admin/streams",
                            {"seller_id": "s-9", "title": "T", "product_ids": unknown}, self.admin)
        many, roles = self.audit()["data"]
        self.assertEqual(roles["detail"]["body"]["roles"], ["seller", "buyer"])
        self.assertEqual(many["detail"]["body"]["product_ids"], "11 elements")

    def test_what_admins_own_is_theirs(self):
        both = self.daemon.token("boss", "admin", "seller")
        made = self.daemon.request("POST", STREAMS, {"title": "Own"}, both).json["data"]["streamId"]
        self.daemon.request("DELETE", f"{STREAMS}/{made}", token=both)
        # What everybody may do is no use of power.
        self.daemon.request("PUT", "/api/v1/users/seller-1/follow", {}, both)
        self.assertEqual(self.audit()["data"], [])

    def test_moderation_is_written_down(self):
        moderator = self.daemon.token("mod-1", "moderator")
        made = self.daemon.create_stream(seller="seller-1")["streamId"]
        path = f"{STREAMS}/{made}"
        self.daemon.request("POST", f"{path}/chat", {"message": "Hello"}, moderator)
        answer = self.daemon.request("POST", f"{path}/mutes", {"user_id": "seller-2", "seconds": 60},
                                     moderator)
        self.assertLess(answer.status, 300, answer.text)
        rows = self.audit("?actor=mod-1")["data"]
        self.assertEqual([r["action"] for r in rows], ["POST /api/v1/streams/{id}/mutes"])
        self.assertEqual(rows[0]["detail"]["body"]["user_id"], "seller-2")

    def test_audit_holds_over_a_crash(self):
        made = self.post("a").json["data"]["streamId"]
        answer = self.daemon.request("DELETE", f"{STREAMS}/{made}", token=self.admin)
        self.assertEqual(answer.status, 200)
        self.daemon.kill9()
        self.daemon.start()
        self.assertEqual(self.audit()["data"][0]["target"], made)
