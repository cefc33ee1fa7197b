"""kill -9 in a storm of writes, again and again: what was answered is there after the restart, what
was not is there whole or not at all and never twice, and the database is sound.

SOUK_STORM_ROUNDS (20), SOUK_STORM_SEED (1).
"""
import contextlib
import http.client
import json
import os
import random
import sqlite3
import threading
import time

from support import PATIENCE, SoukTest

API = "/api/v1"
ROUNDS = int(os.environ.get("SOUK_STORM_ROUNDS", "20"))
SEED = int(os.environ.get("SOUK_STORM_SEED", "1"))
CLIENTS = 6
READY = {"camera_ready": True, "checklist_complete": True}


class Client(threading.Thread):
    """One seller who sells as fast as answers come, until the connection breaks."""

    def __init__(self, test, number, round_number):
        super().__init__(daemon=True)
        self.test, self.number = test, number
        self.name = f"{round_number}-{number}"
        self.token = test.tokens[number]
        self.acked, self.begun, self.fault = [], [], None
        self.connection = http.client.HTTPConnection("127.0.0.1", test.daemon.http_port,
                                                     timeout=60)

    def call(self, method, path, body=None, key=None):
        text = json.dumps(body) if body is not None else ""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        self.connection.request(method, API + path, text, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {data}")
        return json.loads(data).get("data") if data else None

    def sell(self, n):
        title = f"storm-{self.name}-{n}"
        product = self.call("POST", "/products", {"name": title, "price": 1, "currency": "EUR"})
        product = product["productId"]
        self.acked.append(("product", product))
        self.begun.append((self.number, title))
        stream = self.call("POST", "/streams", {"title": title, "product_ids": [product]},
                           key=title)["streamId"]
        self.acked.append(("stream", stream, title))
        live = self.call("POST", f"/streams/{stream}/go-live", READY)
        self.acked.append(("live", stream, live["streamKey"]))
        place = f"/streams/{stream}/products/{product}"
        self.call("POST", f"{place}/tag", {"x": 0.25, "y": 0.5, "timestamp_seconds": n})
        self.acked.append(("tag", stream, product, n))
        self.call("POST", f"{place}/events", {"type": "purchase", "order_id": title, "amount": 7,
                                              "currency": "EUR"})
        self.acked.append(("order", title))
        followed = f"seller-{(self.number + 1 + n % (CLIENTS - 1)) % CLIENTS}"
        self.call("PUT", f"/users/{followed}/follow")
        self.acked.append(("follow", f"seller-{self.number}", followed))
        if n % 2:
            self.call("POST", f"/streams/{stream}/end")
            self.acked.append(("end", stream))

    def run(self):
        try:
            for n in range(10000):
                self.sell(n)
        except (OSError, http.client.HTTPException):
            pass
        except AssertionError as e:
            self.fault = e
        finally:
            self.connection.close()


class StormTest(SoukTest):
    def setUp(self):
        self.daemon = self.soukd({
            "limits.user_requests": 0, "limits.address_requests": 0, "log.level": "warn"})
        self.tokens = [self.daemon.token(f"seller-{i}", "seller") for i in range(CLIENTS)]
        self.admin = self.daemon.token("admin-1", "admin")
        for token in self.tokens:
            self.daemon.request("GET", f"{API}/streams", token=token)

    def storm(self, number, writes):
        clients = [Client(self, i, number) for i in range(CLIENTS)]
        for c in clients:
            c.start()
        deadline = time.monotonic() + PATIENCE
        while sum(len(c.acked) for c in clients) < writes and time.monotonic() < deadline:
            time.sleep(0.001)
        self.daemon.kill9()
        for c in clients:
            c.join()
            self.assertIsNone(c.fault)
        return clients

    def holds(self, db, what):
        """Whether an acked write is there."""
        queries = {
            "product": "SELECT 1 FROM products WHERE id = ?",
            "stream": "SELECT 1 FROM streams s JOIN stream_products p ON p.stream_id = s.id"
                      " WHERE s.id = ? AND s.title = ?",
            "live": "SELECT 1 FROM streams WHERE id = ? AND status IN ('live', 'ended')"
                    " AND stream_key_hash IS NOT NULL",
            "tag": "SELECT 1 FROM stream_products WHERE stream_id = ? AND product_id = ?"
                   " AND timestamp_seconds = ? AND x_position = 0.25",
            "order": "SELECT 1 FROM orders WHERE order_id = ?",
            "follow": "SELECT 1 FROM follows WHERE follower_id = ? AND followed_id = ?",
            "end": "SELECT 1 FROM streams WHERE id = ? AND status = 'ended'",
        }
        kind, *values = what
        if kind == "live":
            values = values[:1]
        blobs = [bytes.fromhex(v.replace("-", "")) if isinstance(v, str) and len(v) == 36 and
                 v.count("-") == 4 else v for v in values]
        return db.execute(queries[kind], blobs).fetchone() is not None

    def check_round(self, clients):
        url = f"file:{self.daemon.settings['store.url'][7:]}?mode=ro"
        with contextlib.closing(sqlite3.connect(url, uri=True)) as db:
            for c in clients:
                for what in c.acked:
                    self.assertTrue(self.holds(db, what), f"lost: {what}")
            # Counters and orders say the same: no half of a sale.
            self.assertEqual(db.execute(
                "SELECT coalesce(sum(purchases), 0) FROM stream_products").fetchone(),
                db.execute("SELECT count(*) FROM orders").fetchone())
        answer = self.daemon.request("POST", f"{API}/admin/check", {}, self.admin)
        self.assertEqual(answer.json["data"], {"ok": True, "problems": []})

    def ask_again(self, clients):
        """Every create is asked again with its key: done once, whatever became of the first."""
        url = f"file:{self.daemon.settings['store.url'][7:]}?mode=ro"
        acked = {what[2]: what[1] for c in clients for what in c.acked if what[0] == "stream"}
        unfinished = 0
        with contextlib.closing(sqlite3.connect(url, uri=True)) as db:
            for c in clients:
                for number, title in c.begun[-2:]:
                    product = db.execute("SELECT lower(hex(id)) FROM products WHERE name = ?",
                                         (title,)).fetchone()[0]
                    body = {"title": title, "product_ids": [
                        "-".join((product[:8], product[8:12], product[12:16], product[16:20],
                                  product[20:]))]}
                    answer = self.daemon.request("POST", f"{API}/streams", body,
                                                 self.tokens[number], {"Idempotency-Key": title})
                    if title in acked:
                        self.assertEqual(answer.status, 201, answer.text)
                        self.assertEqual(answer.json["data"]["streamId"], acked[title])
                    else:
                        self.assertIn(answer.status, (201, 409), answer.text)
                        unfinished += answer.status == 409
                    n = db.execute("SELECT count(*) FROM streams WHERE title = ?",
                                   (title,)).fetchone()[0]
                    self.assertLessEqual(n, 1)
                    if answer.status == 201:
                        self.assertEqual(n, 1)
        return unfinished

    def test_storms(self):
        rng, total, unfinished = random.Random(SEED), 0, 0
        for number in range(ROUNDS):
            clients = self.storm(number, rng.randint(20, 120))
            self.daemon.start()
            self.check_round(clients)
            unfinished += self.ask_again(clients)
            total += sum(len(c.acked) for c in clients)
        print(f"{total} acked writes in {ROUNDS} storms, {unfinished} requests cut short",
              flush=True)
        self.assertGreaterEqual(total, ROUNDS * 20)
