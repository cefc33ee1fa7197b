"""The framing of /v1/realtime/ws/{user_id}: {"type": …}, and the rooms that its clients open."""
import json
import urllib.parse

from support import SoukTest, wait_for
from websocket_client import BINARY, TEXT, JsonClient, Refused, WebSocket

FRAME = ("type", "room", "seq")


class RealtimeClient(JsonClient):
    """JsonClient's events and acks, of frames {"type": …, payload}."""

    def __init__(self, port, user, token=None, query=True, **kwargs):
        path = "/v1/realtime/ws/" + urllib.parse.quote(user, safe="")
        if token and not query:
            kwargs["headers"], token = {"Authorization": f"Bearer {token}"}, None
        super().__init__(port, token, path=path, **kwargs)

    def _message(self, frame):
        with self.changed:
            if frame["type"] == "ack":
                self.acks[frame["ack"]] = frame["data"]
            else:
                data = frame.get("data", {k: v for k, v in frame.items() if k not in FRAME})
                self.events.append((frame["type"], data, frame))
            self.changed.notify_all()

    def send(self, event, data=None, ack=None):
        frame = {"type": event, **(data or {})}
        if ack is not None:
            frame["ack"] = ack
        self.ws.send_frame(TEXT, json.dumps(frame).encode())


class RealtimeTest(SoukTest):
    def client(self, daemon, user, **kwargs):
        c = RealtimeClient(daemon.http_port, user, daemon.token(user, "buyer"), **kwargs)
        self.addCleanup(c.ws.close)
        return c

    def plain(self, daemon, user=None):
        c = JsonClient(daemon.http_port, daemon.token(user, "buyer") if user else None)
        self.addCleanup(c.ws.close)
        return c

    def refused(self, answer, code):
        self.assertIn("error", answer, answer)
        self.assertEqual(answer["error"]["code"], code, answer)

    def turned_away(self, status, daemon, path):
        with self.assertRaises(Refused) as caught:
            WebSocket(daemon.http_port, path)
        self.assertEqual(caught.exception.status, status, path)
        return json.loads(caught.exception.body)["error"]["code"]


class Identity(RealtimeTest):
    def test_the_path_names_whom_the_token_names(self):
        daemon = self.soukd()
        token = daemon.token("alice", "buyer")
        base = "/v1/realtime/ws/"
        self.assertEqual(self.turned_away(403, daemon, f"{base}bob?token={token}"), "forbidden")
        self.assertEqual(self.turned_away(401, daemon, f"{base}alice?token={token[:-3]}"),
                         "token_invalid")
        with self.assertRaises(Refused) as caught:
            WebSocket(daemon.http_port, base)
        self.assertEqual(caught.exception.status, 404)
        self.assertEqual(daemon.get(base + "alice").status, 426)
        for query in (True, False):
            c = RealtimeClient(daemon.http_port, "alice", token, query=query)
            self.addCleanup(c.ws.close)
            self.assertEqual(c.call("join_room", {"room_id": "floor_1"})["roomId"], "floor_1")

    def test_a_name_with_anything_in_it(self):
        daemon = self.soukd()
        name = "auth0|a b/c+é?"
        c = self.client(daemon, name, query=False)
        self.assertEqual(c.call("join_room", {"room_id": "r"})["members"][0]["userId"], name)

    def test_the_token_as_first_message(self):
        daemon = self.soukd()
        c = RealtimeClient(daemon.http_port, "alice")
        self.addCleanup(c.ws.close)
        # Nobody until then, though there may be guests elsewhere.
        stream = daemon.create_stream()["streamId"]
        self.refused(c.call("stream:join", {"stream_id": stream}), "unauthorized")
        self.refused(c.call("join_room", {"room_id": "floor_1"}), "unauthorized")
        self.refused(c.call("auth", {"token": daemon.token("bob", "buyer")}), "forbidden")
        self.assertEqual(c.call("auth", {"token": daemon.token("alice", "buyer")})["userId"],
                         "alice")
        self.assertEqual(c.call("stream:join", {"stream_id": stream})["userId"], "alice")

    def test_who_never_says_who_he_is(self):
        daemon = self.soukd()
        c = RealtimeClient(daemon.http_port, "alice")
        self.addCleanup(c.ws.close)
        self.assertEqual(c.wait_closed(), (1008, "Authentication error"))

    def test_forged_user_id(self):
        daemon = self.soukd()
        c = self.client(daemon, "alice")
        self.refused(c.call("join_room", {"room_id": "floor_1", "user_id": "bob"}), "forbidden")
        self.refused(c.call("join_room", {"data": {"room_id": "floor_1"}, "user_id": "bob"}),
                     "forbidden")
        self.assertIn("room", c.call("join_room", {"room_id": "floor_1", "user_id": "alice"}))


class Framing(RealtimeTest):
    def test_frames(self):
        daemon = self.soukd()
        c = self.client(daemon, "alice")
        c.send("ping")
        self.assertIn("timestamp", c.event("pong"))
        self.assertIn("timestamp", c.call("heartbeat"))
        c.send("join_room", {"room_id": "floor_1"})
        self.assertEqual(c.event("room_joined")["roomId"], "floor_1")
        c.send("leave_room", {"data": {"room_id": "floor_1"}})
        self.assertEqual(c.event("room_left"), {"roomId": "floor_1"})
        c.send("nothing")
        self.assertEqual(c.event("error")["event"], "nothing")
        self.assertEqual(c.event("error")["code"], "unknown_event")

    def test_malformed(self):
        daemon = self.soukd()
        c = self.client(daemon, "alice")
        frames = [b"{", b"[]", b"1", b'{"type": 1}', b'{"type": ""}', b'{"type": "a", "ack": -1}',
                  b'{"event": "ping"}', b'{"type": "a", "type": "b"}', b'{"data": {}}']
        for frame in frames:
            c.ws.send_frame(TEXT, frame)
        c.wait(lambda: len(c.all("error")) == len(frames), "an error for each")
        self.assertEqual({e["code"] for e in c.all("error")}, {"malformed"})
        self.assertIsNone(c.closed)
        c.ws.send_frame(BINARY, b'{"type": "ping"}')
        self.assertEqual(c.wait_closed(), (1008, "malformed"))

    def test_a_payload_with_a_type_of_its_own(self):
        daemon = self.soukd()
        seller = daemon.token("seller-1", "seller")
        product = daemon.request("POST", "/api/v1/products", {
            "name": "Vase", "price": 1000, "currency": "EUR"}, seller).json["data"]["id"]
        stream = daemon.request("POST", "/api/v1/streams", {
            "title": "Pots", "category": "Pottery", "product_ids": [product]},
            seller).json["data"]["streamId"]
        daemon.request("POST", f"/api/v1/streams/{stream}/go-live", {
            "camera_ready": True, "checklist_complete": True}, seller)
        c = self.client(daemon, "alice")
        c.call("stream:join", {"stream_id": stream})
        said = {"stream_id": stream, "product_id": product, "type": "click"}
        self.assertNotIn("error", c.call("product:event", {"data": said}))

    def test_the_same_stream_as_the_others(self):
        daemon = self.soukd()
        stream = daemon.create_stream()["streamId"]
        alice, bob = self.client(daemon, "alice"), self.plain(daemon, "bob")
        for c in (alice, bob):
            c.call("stream:join", {"stream_id": stream})
        said = bob.call("stream:chat", {"stream_id": stream, "message": "hello"})
        heard = alice.event("chat:message")
        self.assertEqual((heard["id"], heard["userId"]), (said["id"], "bob"))
        alice.call("stream:chat", {"stream_id": stream, "message": "hi"})
        self.assertEqual(bob.event("chat:message", lambda m: m["userId"] == "alice")["message"],
                         "hi")

    def test_limits(self):
        daemon = self.soukd({"events.sockets_per_user": "1", "events.message": "2k"})
        c = self.client(daemon, "alice")
        token = daemon.token("alice", "buyer")
        self.turned_away(429, daemon, f"/v1/realtime/ws/alice?token={token}")
        c.send("ping", {"x": "x" * 3000})
        self.assertEqual(c.wait_closed()[0], 1009)

    def test_drain(self):
        daemon = self.soukd()
        c = self.client(daemon, "alice")
        c.call("join_room", {"room_id": "floor_1"})
        self.assertEqual(daemon.terminate(), 0)
        c.event("server:draining")
        self.assertEqual(c.wait_closed()[0], 1001)

    def test_expiry(self):
        daemon = self.soukd({"auth.leeway": "0"})
        short = daemon.ctl("token", "--sub", "alice", "--role", "buyer", "--ttl", "20s",
                           parse=False).strip()
        c = RealtimeClient(daemon.http_port, "alice", short)
        self.addCleanup(c.ws.close)
        self.assertIn("expiresAt", c.event("auth:expiring"))
        self.assertIn("userId", c.call("auth", {"token": daemon.token("alice", "buyer")}))


class Rooms(RealtimeTest):
    def test_coming_and_going(self):
        daemon = self.soukd()
        alice, again, bob = (self.client(daemon, u) for u in ("alice", "alice", "bob"))
        first = alice.call("join_room", {"room_id": "floor_1"})
        self.assertEqual((first["memberCount"], first["room"]), (1, "room:floor_1"))
        self.assertEqual(again.call("join_room", {"room_id": "floor_1"})["memberCount"], 1)
        second = bob.call("join_room", {"room_id": "floor_1"})
        self.assertEqual([m["userId"] for m in second["members"]], ["alice", "bob"])
        news = alice.event("user_joined")
        self.assertEqual((news["userId"], news["roomId"], news["memberCount"]),
                         ("bob", "floor_1", 2))
        self.assertEqual(alice.all("user_joined")[0]["userId"], "bob")
        again.leave()
        bob.drop()
        left = alice.event("user_left")
        self.assertEqual((left["userId"], left["memberCount"]), ("bob", 1))
        wait_for(lambda: daemon.metric("souk_open_rooms") == 1, "one room is left")
        alice.leave()
        wait_for(lambda: daemon.metric("souk_open_rooms") == 0, "no room is left")

    def test_what_is_said_stays_among_the_members(self):
        daemon = self.soukd()
        alice, bob, carol = (self.client(daemon, u) for u in ("alice", "bob", "carol"))
        for c in (alice, bob):
            c.call("join_room", {"room_id": "floor_1"})
        carol.call("join_room", {"room_id": "floor_2"})
        message = {"kind": "moved", "to": [1, 2], "type": "x"}
        said = alice.call("broadcast", {"room_id": "floor_1", "message": message})
        heard = bob.event("broadcast")
        self.assertEqual(heard["message"], message)
        self.assertEqual((heard["userId"], heard["roomId"], heard["timestamp"]),
                         ("alice", "floor_1", said["timestamp"]))
        self.refused(carol.call("broadcast", {"room_id": "floor_1", "message": "let me in"}),
                     "not_joined")
        bob.call("broadcast", {"room_id": "floor_1", "message": "text"})
        self.assertEqual(alice.event("broadcast")["message"], "text")
        bob.call("leave_room", {"room_id": "floor_1"})
        self.refused(bob.call("broadcast", {"room_id": "floor_1", "message": 1}), "not_joined")
        alice.call("broadcast", {"room_id": "floor_1", "message": "nobody"})
        for c in (bob, carol):
            c.call("ping")
            self.assertNotIn("nobody", [e["message"] for e in c.all("broadcast")])
        self.assertEqual(carol.all("broadcast"), [])

    def test_no_name_is_a_room_of_ours(self):
        daemon = self.soukd()
        stream = daemon.create_stream()["streamId"]
        mallory, bob = self.client(daemon, "mallory"), self.plain(daemon, "bob")
        self.refused(mallory.call("join_room", {"room_id": f"stream:{stream}"}), "room_not_found")
        for name in ("user:bob", "metrics:", f"viewers:{stream}", f"room:stream:{stream}"):
            self.assertEqual(mallory.call("join_room", {"room_id": name})["room"], "room:" + name)
        bob.call("stream:join", {"stream_id": stream})
        bob.call("stream:chat", {"stream_id": stream, "message": "secret"})
        bob.event("chat:message")
        mallory.call("ping")
        self.assertEqual([e for e, _, _ in mallory.events if e.startswith("chat")], [])
        self.refused(mallory.call("broadcast", {"room_id": stream, "message": 1}), "not_joined")

    def test_the_other_framings_have_them_too(self):
        daemon = self.soukd()
        alice, bob, guest = self.client(daemon, "alice"), self.plain(daemon, "bob"), self.plain(
            daemon)
        self.refused(guest.call("join_room", {"room_id": "floor_1"}), "unauthorized")
        alice.call("join_room", {"room_id": "floor_1"})
        bob.call("join_room", "floor_1")  # as Socket.IO clients do: emit("join_room", roomId)
        bob.call("broadcast", {"room_id": "floor_1", "message": "hi"})
        self.assertEqual(alice.event("broadcast")["userId"], "bob")
        bob.call("leave_room", "floor_1")
        self.assertEqual(alice.event("user_left")["userId"], "bob")

    def test_presence(self):
        daemon = self.soukd()
        alice, bob, carol = (self.client(daemon, u) for u in ("alice", "bob", "carol"))
        for c in (alice, bob):
            c.call("join_room", {"room_id": "floor_1"})
        for status in ("away", "online"):
            alice.send("update_presence", {"status": status})
            told = bob.event("presence_update", lambda e, s=status: e["status"] == s)
            self.assertEqual(told["userId"], "alice")
        self.refused(alice.call("update_presence", {"status": "busy"}), "invalid_payload")
        self.refused(alice.call("update_presence", {"status": "away", "user_id": "bob"}),
                     "forbidden")
        carol.call("ping")
        self.assertEqual(carol.all("presence_update"), [])

    def test_limits(self):
        daemon = self.soukd({"events.open_rooms": "2", "events.room_members": "2",
                             "events.room_name": "8", "events.broadcast": "64"})
        alice, bob, carol = (self.client(daemon, u) for u in ("alice", "bob", "carol"))
        for name in ("one", "two"):
            self.assertIn("room", alice.call("join_room", {"room_id": name}))
        self.refused(alice.call("join_room", {"room_id": "three"}), "too_many_rooms")
        self.assertIn("room", bob.call("join_room", {"room_id": "one"}))
        self.refused(carol.call("join_room", {"room_id": "one"}), "room_full")
        for name in ("", "ninechars", "a\nb", 7, None):
            self.refused(alice.call("join_room", {"room_id": name}), "invalid_payload")
        self.assertIn("roomId", alice.call("broadcast", {"room_id": "one", "message": "x" * 62}))
        self.refused(alice.call("broadcast", {"room_id": "one", "message": "x" * 63}),
                     "message_too_long")
        self.refused(alice.call("broadcast", {"room_id": "one"}), "invalid_payload")
        self.assertEqual(daemon.metric("souk_open_rooms_refused_total"), 3)
        daemon.wait_log("room refused", "room_full")

    def test_none(self):
        daemon = self.soukd({"events.open_rooms": "0"})
        self.refused(self.client(daemon, "alice").call("join_room", {"room_id": "floor_1"}),
                     "too_many_rooms")

    def test_too_many_broadcasts(self):
        daemon = self.soukd({"events.rate": "10000"})
        c = self.client(daemon, "alice")
        c.call("join_room", {"room_id": "floor_1"})
        said = [c.call("broadcast", {"room_id": "floor_1", "message": i}) for i in range(140)]
        codes = {a["error"]["code"] for a in said if "error" in a}
        self.assertEqual(codes, {"rate_limited"})
        self.assertNotIn("error", said[119])


class ComingBack(RealtimeTest):
    def test_resume(self):
        daemon = self.soukd()
        alice, bob = self.client(daemon, "alice"), self.client(daemon, "bob")
        place = alice.call("join_room", {"room_id": "floor_1"})
        bob.call("join_room", {"room_id": "floor_1"})
        alice.drop()
        bob.event("user_left")
        for i in range(3):
            bob.call("broadcast", {"room_id": "floor_1", "message": i})
        again = self.client(daemon, "alice")
        where = {k: place[k] for k in ("room", "epoch", "seq")}
        self.assertNotIn("error", again.call("resume", where))
        self.assertEqual([b["message"] for b in again.all("broadcast")], [0, 1, 2])
        bob.call("broadcast", {"room_id": "floor_1", "message": "now"})
        again.event("broadcast", lambda b: b["message"] == "now")
        self.assertEqual(bob.event("user_joined", lambda e: e["userId"] == "alice")
                         ["memberCount"], 2)

    def test_after_a_restart(self):
        daemon = self.soukd()
        place = self.client(daemon, "alice").call("join_room", {"room_id": "floor_1"})
        daemon.kill9()
        daemon.start()
        again = self.client(daemon, "alice")
        where = {k: place[k] for k in ("room", "epoch", "seq")}
        self.refused(again.call("resume", where), "resume_failed")
        self.assertEqual(again.call("join_room", {"room_id": "floor_1"})["memberCount"], 1)
