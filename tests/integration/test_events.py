"""The event layer on /ws, as its clients see it: who joins, what is said, what is missed and caught
up with, and what nobody may do."""
import json
import time
import unittest

from sio_client import SioClient
from support import PATIENCE, Soukd, SoukTest, http_request, wait_for
from websocket_client import BINARY, TEXT, JsonClient, Refused, WebSocket

SIX = ("❤️", "🔥", "👏", "😂", "😮", "💎")
ROOM = "stream:"


class EventsTest(SoukTest):
    def client(self, daemon, user=None, *roles, **kwargs):
        token = daemon.token(user, *(roles or ("buyer",))) if user else None
        c = JsonClient(daemon.http_port, token, **kwargs)
        self.addCleanup(c.ws.close)
        return c

    def live(self, daemon):
        return daemon.create_stream()["streamId"]

    def join(self, client, stream):
        answer = client.call("stream:join", {"stream_id": stream})
        self.assertNotIn("error", answer)
        return answer

    def say(self, client, stream, message, **more):
        return client.call("stream:chat", {"stream_id": stream, "message": message, **more})

    def refused(self, answer, code):
        self.assertIn("error", answer, answer)
        self.assertEqual(answer["error"]["code"], code, answer)
        self.assertTrue(answer["error"]["message"].endswith("."), answer)
        return answer["error"]


class Handshakes(EventsTest):
    def test_who_comes_in(self):
        daemon = self.soukd()
        token = daemon.token("alice", "buyer")
        by_header = JsonClient(daemon.http_port, headers={"Authorization": f"Bearer {token}"})
        later = JsonClient(daemon.http_port)
        stream = self.live(daemon)
        self.assertEqual(self.join(by_header, stream)["userId"], "alice")
        guest = self.join(later, stream)
        self.assertTrue(guest["userId"].startswith("guest:"))
        self.assertEqual(guest["viewerCount"], 2)
        self.refused(later.call("auth", {"token": token[:-3]}), "token_invalid")
        bob = daemon.token("bob", "buyer")
        self.assertEqual(later.call("auth", {"token": bob})["userId"], "bob")
        self.assertEqual(by_header.event("viewer:joined", lambda e: e["userId"] == "bob")
                         ["viewerCount"], 2)
        self.refused(later.call("auth", {"token": token}), "forbidden")
        self.assertIn("id", self.say(later, stream, "no guest any more"))
        for bad in ("x", token[:-3], "a.b.c", "y" * 9000):
            with self.assertRaises(Refused) as caught:
                WebSocket(daemon.http_port, f"/ws?token={bad}")
            self.assertEqual(caught.exception.status, 401)

    def test_paths_and_plain_requests(self):
        daemon = self.soukd()
        for path in ("/", "/ws/", "/healthz", "/wss"):
            with self.assertRaises(Refused) as caught:
                WebSocket(daemon.http_port, path)
            self.assertEqual(caught.exception.status, 404, path)
        self.assertEqual(daemon.get("/ws").status, 426)

    def test_no_guests(self):
        daemon = self.soukd({"auth.allow_guests": "no"})
        stream = self.live(daemon)
        stranger = self.client(daemon)
        self.refused(stranger.call("stream:join", {"stream_id": stream}), "unauthorized")
        stranger.call("auth", {"token": daemon.token("alice", "buyer")})
        self.join(stranger, stream)
        silent = self.client(daemon)
        self.assertEqual(silent.wait_closed(), (1008, "Authentication error"))

    def test_limits(self):
        daemon = self.soukd({"events.sockets_per_user": "2", "events.rooms": "3",
                             "events.message": "2k"})
        kept = [self.client(daemon, "alice") for _ in range(2)]
        with self.assertRaises(Refused) as caught:
            self.client(daemon, "alice")
        self.assertEqual(caught.exception.status, 429)
        kept[0].leave()
        wait_for(lambda: daemon.metric("souk_peers") == 1, "one socket is left")
        again = self.client(daemon, "alice")
        streams = [daemon.create_stream("Test", f"seller-{i}")["streamId"] for i in range(4)]
        for stream in streams[:3]:
            self.join(again, stream)
        self.refused(again.call("stream:join", {"stream_id": streams[3]}), "too_many_rooms")
        again.call("stream:leave", {"stream_id": streams[0]})
        self.join(again, streams[3])
        again.send("stream:chat", {"message": "x" * 3000})
        self.assertEqual(again.wait_closed()[0], 1009)

    def test_handshakes_of_an_address(self):
        daemon = self.soukd({"events.handshakes": "3"})
        for _ in range(3):
            self.client(daemon)
        with self.assertRaises(Refused) as caught:
            self.client(daemon)
        self.assertEqual(caught.exception.status, 429)

    def test_expiry(self):
        daemon = self.soukd({"auth.leeway": "0"})
        short = daemon.ctl("token", "--sub", "alice", "--role", "buyer", "--ttl", "20s",
                           parse=False).strip()
        c = JsonClient(daemon.http_port, short)
        self.addCleanup(c.ws.close)
        self.assertIn("expiresAt", c.event("auth:expiring"))
        c.call("auth", {"token": daemon.token("alice", "buyer")})
        self.join(c, self.live(daemon))

    def test_malformed(self):
        daemon = self.soukd()
        c = self.client(daemon)
        frames = [b"{", b"[]", b"1", b'{"event": 1}', b'{"event": ""}', b'{"event": "a", "ack": -1}',
                  b'{"event": "a", "ack": "x"}', b'{"event": "a", "event": "b"}', b'{"data": {}}']
        for frame in frames:
            c.ws.send_frame(TEXT, frame)
        c.wait(lambda: len(c.all("error")) == len(frames), "an error for each")
        self.assertEqual({e["code"] for e in c.all("error")}, {"malformed"})
        self.assertIsNone(c.closed)
        c.ws.send_frame(BINARY, b"{}")
        self.assertEqual(c.wait_closed(), (1008, "malformed"))

    def test_too_many_events(self):
        daemon = self.soukd({"events.rate": "5"})
        c = self.client(daemon)
        # Sent in one go: so many more than five that no machine takes as long as they would be let.
        for ack in range(1000, 1300):
            c.send("nothing", ack=ack)
        c.send("nothing")
        c.wait(lambda: all(ack in c.acks for ack in range(1000, 1300)), "all acks")
        codes = [c.acks[ack]["error"]["code"] for ack in range(1000, 1300)]
        self.assertEqual(codes[:5], ["unknown_event"] * 5)
        self.assertEqual(set(codes), {"unknown_event", "rate_limited"})
        self.assertEqual(c.event("error")["event"], "nothing")


class Streams(EventsTest):
    def test_two_in_a_stream(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        alice, guest = self.client(daemon, "alice"), self.client(daemon)
        joined = self.join(alice, stream)
        self.assertEqual(joined, alice.event("stream:joined"))
        self.assertEqual((joined["viewerCount"], joined["chat"], joined["status"]), (1, [], "live"))
        self.join(guest, stream)
        self.assertEqual(alice.event("viewer:joined")["viewerCount"], 2)
        self.assertEqual(guest.all("viewer:joined"), [])
        alice.event("stream:viewer-count", lambda e: e["count"] == 2)
        said = self.say(alice, stream, "  hello  ", client_id="a-1")
        for c in (alice, guest):
            message = c.event("chat:message")
            self.assertEqual((message["id"], message["message"], message["userId"],
                              message["clientId"]), (said["id"], "hello", "alice", "a-1"))
        late = self.join(self.client(daemon), stream)
        self.assertEqual([m["id"] for m in late["chat"]], [said["id"]])
        guest.leave()
        self.assertEqual(alice.event("viewer:left")["viewerCount"], 2)
        self.refused(alice.call("stream:join", {"stream_id": stream[:-1]}), "invalid_payload")
        self.refused(alice.call("stream:join", {"stream_id": "0" * 8 + stream[8:]}),
                     "stream_not_found")

    def test_a_user_with_several_sockets_is_one_viewer(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        watcher = self.client(daemon, "watcher")
        self.join(watcher, stream)
        sockets = [self.client(daemon, "alice") for _ in range(3)]
        self.assertEqual([self.join(s, stream)["viewerCount"] for s in sockets], [2, 2, 2])
        self.assertEqual(self.join(sockets[0], stream)["viewerCount"], 2)
        sockets[0].leave()
        sockets[1].call("stream:leave", {"stream_id": stream})
        self.assertEqual(watcher.all("viewer:left"), [])
        sockets[2].drop()
        self.assertEqual(watcher.event("viewer:left"),
                         {"streamId": stream, "userId": "alice", "viewerCount": 1})
        self.assertEqual(len(watcher.all("viewer:joined")), 1)

    def test_names_of_the_other_front_end(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        a, b = self.client(daemon, "a"), self.client(daemon, "b")
        self.assertEqual(a.call("viewer_joined", {"stream_id": stream, "user_id": "a"}),
                         {"streamId": stream, "viewerCount": 1})
        b.call("viewer_joined", {"stream_id": stream, "user_id": "b"})
        a.event("viewer_count_updated", lambda e: e["viewerCount"] == 2)
        self.assertEqual(b.call("get_viewer_count", {"stream_id": stream})["viewerCount"], 2)
        self.assertEqual(b.call("viewer_left", {"stream_id": stream})["viewerCount"], 1)
        self.refused(b.call("viewer_joined", {"stream_id": stream, "user_id": "a"}), "forbidden")

    def test_order_is_the_same_for_all(self):
        daemon = self.soukd({"chat.rate": "0"})
        stream = self.live(daemon)
        clients = [self.client(daemon, f"user-{i}") for i in range(4)]
        for c in clients:
            self.join(c, stream)
        for i in range(25):
            for n, c in enumerate(clients):
                c.send("stream:chat", {"stream_id": stream, "message": f"{n} {i}"})
        for c in clients:
            c.wait(lambda: len(c.all("chat:message")) == 100, "all messages")
        orders = [[m["id"] for m in c.all("chat:message")] for c in clients]
        self.assertEqual(len(set(map(tuple, orders))), 1)
        self.assertEqual(orders[0], sorted(orders[0]))
        for c in clients:
            seqs = [f["seq"] for _, _, f in c.events if f.get("room") == ROOM + stream]
            self.assertEqual(seqs, sorted(set(seqs)))

    def test_life_of_a_stream(self):
        daemon = self.soukd({"stream.grace": "30s"})
        made = daemon.create_stream()
        stream = made["streamId"]
        c = self.client(daemon, "alice")
        self.join(c, stream)
        first = self.publisher(daemon.publish_url(made))
        self.assertTrue(c.event("stream:started")["hlsUrl"].endswith(f"{stream}/index.m3u8"))
        first.kill()
        c.event("stream:interrupted")
        second = self.publisher(daemon.publish_url(made))
        c.event("stream:resumed")
        self.say(c, stream, "nice")
        second.stop()
        stats = c.event("stream:ended")["stats"]
        self.assertEqual((stats["peakViewers"], stats["uniqueViewers"], stats["chatMessages"]),
                         (1, 1, 1))
        self.assertTrue(c.event("stream:vod-ready")["vodUrl"])
        self.refused(self.say(c, stream, "too late"), "stream_not_live")
        self.assertEqual(len(c.all("stream:started")), 1)

    def test_drain(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        clients = [self.client(daemon, f"user-{i}") for i in range(5)]
        for c in clients:
            self.join(c, stream)
        self.assertEqual(daemon.terminate(), 0)
        for c in clients:
            self.assertEqual(c.wait_closed(), (1001, "draining"))
            c.event("server:draining")


class Chat(EventsTest):
    def test_ten_a_minute(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        one, two = self.client(daemon, "alice"), self.client(daemon, "alice")
        answers = [self.say((one, two)[i % 2], stream, f"message {i}") for i in range(14)]
        self.assertEqual(["id" in a for a in answers], [True] * 10 + [False] * 4)
        for a in answers[10:]:
            self.assertTrue(1 <= self.refused(a, "rate_limited")["retryAfter"] <= 60)
        self.assertIn("id", self.say(self.client(daemon, "bob"), stream, "my own ten"))

    def test_two_hundred_code_points(self):
        daemon = self.soukd({"chat.rate": "0"})
        stream = self.live(daemon)
        c = self.client(daemon, "alice")
        for text in ("a" * 200, "ä" * 200, "💎" * 200, "  " + "x" * 200 + "\n"):
            self.assertIn("id", self.say(c, stream, text))
        for text in ("a" * 201, "💎" * 201, "x" * 4000):
            self.refused(self.say(c, stream, text), "out_of_range")
        for text in ("", "   ", "\n\t"):
            self.refused(self.say(c, stream, text), "out_of_range")
        self.refused(self.say(c, stream, "x" * 4001), "invalid_payload")
        self.refused(self.say(c, stream, 5), "invalid_payload")

    def test_once_by_client_id(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        c = self.client(daemon, "alice")
        self.join(c, stream)
        first = self.say(c, stream, "once", client_id="x")
        self.assertEqual(self.say(c, stream, "twice", client_id="x"), first)
        self.assertNotEqual(self.say(c, stream, "other", client_id="y")["id"], first["id"])
        c.wait(lambda: len(c.all("chat:message")) == 2, "two messages")
        self.refused(self.say(c, stream, "long", client_id="ä" * 64), "invalid_payload")

    def test_guests_and_liars(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        guest, alice = self.client(daemon), self.client(daemon, "alice")
        self.join(guest, stream)
        self.refused(self.say(guest, stream, "hello"), "unauthorized")
        self.refused(guest.call("stream:reaction", {"stream_id": stream, "emoji": "🔥"}),
                     "unauthorized")
        for forged in ("bob", "seller-1", 5, ["alice"], "Alice"):
            self.refused(self.say(alice, stream, "I am he", user_id=forged), "forbidden")
        self.assertIn("id", self.say(alice, stream, "I am I", user_id="alice"))

    def test_delete(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        alice, bob = self.client(daemon, "alice"), self.client(daemon, "bob")
        seller = self.client(daemon, "seller-1", "seller")
        for c in (alice, bob):
            self.join(c, stream)
        ids = [self.say(alice, stream, str(i))["id"] for i in range(3)]

        def delete(who, i):
            return who.call("stream:chat-delete", {"stream_id": stream, "message_id": ids[i]})

        self.refused(delete(bob, 0), "forbidden")
        self.assertEqual(delete(alice, 0)["messageId"], ids[0])
        delete(seller, 1)
        bob.event("chat:deleted", lambda e: e["messageId"] == ids[1])
        self.refused(delete(alice, 1), "message_not_found")
        self.assertEqual([m["id"] for m in self.join(seller, stream)["chat"]], ids[2:])

    def test_muted_is_silent_everywhere(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        alice, bob = self.client(daemon, "alice"), self.client(daemon, "bob")
        for c in (alice, bob):
            self.join(c, stream)
        seller = daemon.token("seller-1", "seller")
        mutes = f"/api/v1/streams/{stream}/mutes"
        self.assertEqual(daemon.request("POST", mutes, {"user_id": "alice", "seconds": 3600},
                                        seller).status, 201)
        self.assertEqual(bob.event("chat:muted")["userId"], "alice")
        self.assertTrue(3000 <= self.refused(self.say(alice, stream, "x"), "muted")["retryAfter"]
                        <= 3600)
        self.refused(alice.call("stream:reaction", {"stream_id": stream, "emoji": "🔥"}), "muted")
        self.assertEqual(daemon.request("POST", f"/api/v1/streams/{stream}/chat",
                                        {"message": "x"}, daemon.token("alice", "buyer")).status, 403)
        self.assertEqual(daemon.request("DELETE", mutes + "/alice", token=seller).status, 200)
        bob.event("chat:muted", lambda e: e["lifted"])
        self.assertIn("id", self.say(alice, stream, "back"))
        daemon.request("POST", mutes, {"user_id": "alice", "ban": True}, seller)
        alice.event("chat:muted", lambda e: e["kind"] == "ban" and not e["lifted"])
        bob.event("viewer:left", lambda e: e["userId"] == "alice")
        self.refused(alice.call("stream:join", {"stream_id": stream}), "banned")
        self.say(bob, stream, "among us")
        self.assertNotIn("among us", [m["message"] for m in alice.all("chat:message")])

    def test_acked_is_stored(self):
        """kill -9 right after the ack."""
        daemon = self.soukd()
        stream = self.live(daemon)
        for i in range(3):
            c = self.client(daemon, f"user-{i}")
            said = self.say(c, stream, f"round {i}")
            daemon.kill9()
            daemon.start()
            chat = self.join(self.client(daemon), stream)["chat"]
            self.assertEqual(chat[-1]["id"], said["id"])
            self.assertEqual(len(chat), i + 1)


class Reactions(EventsTest):
    def test_six_and_no_other(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        c, other = self.client(daemon, "alice"), self.client(daemon, "bob")
        react = {"stream_id": stream, "emoji": SIX[0]}
        self.refused(c.call("stream:reaction", react), "not_joined")
        for client in (c, other):
            self.join(client, stream)
        for emoji in SIX:
            self.assertEqual(c.call("stream:reaction", {**react, "emoji": emoji})["total"], 1)
            other.event("reaction:new", lambda e: e == {
                "streamId": stream, "emoji": emoji, "userId": "alice", "count": 1})
        for emoji in ("👍", "❤", "x", "🔥🔥", " 🔥"):
            self.refused(c.call("stream:reaction", {**react, "emoji": emoji}), "invalid_emoji")

    def test_they_are_joined(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        clients = [self.client(daemon, f"user-{i}") for i in range(3)]
        for c in clients:
            self.join(c, stream)
        for _ in range(10):
            for c in clients:
                c.send("stream:reaction", {"stream_id": stream, "emoji": "🔥"})
        heard = clients[0]
        heard.wait(lambda: sum(e["count"] for e in heard.all("reaction:new")) == 30, "all thirty")
        told = heard.all("reaction:new")
        self.assertLess(len(told), 30)
        self.assertTrue(any(e["userId"] is None for e in told) or len(told) > 1)


class ComingBack(EventsTest):
    def test_resume_after_a_drop(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        alice, bob = self.client(daemon, "alice"), self.client(daemon, "bob")
        place = self.join(alice, stream)
        self.join(bob, stream)
        self.say(bob, stream, "heard")
        alice.event("chat:message")
        seq = max(f["seq"] for _, _, f in alice.events if f.get("room"))
        alice.drop()
        missed = [self.say(bob, stream, f"missed {i}")["id"] for i in range(5)]
        back = self.client(daemon, "alice")
        resume = {"room": place["room"], "epoch": place["epoch"], "seq": seq}
        self.assertNotIn("error", back.call("resume", resume))
        self.assertEqual([m["id"] for m in back.all("chat:message")], missed)
        after = self.say(bob, stream, "after")["id"]
        back.event("chat:message", lambda m: m["id"] == after)
        self.assertEqual(len(back.all("chat:message")), 6)
        self.refused(back.call("resume", {**resume, "epoch": "0" * 16}), "resume_failed")
        self.refused(back.call("resume", {**resume, "seq": 10 ** 9}), "resume_failed")
        self.refused(back.call("resume", {**resume, "room": "stream:x"}), "room_not_found")
        wait_for(lambda: bob.call("get_viewer_count", {"stream_id": stream})["viewerCount"] == 2,
                 "both are counted once")

    def test_another_epoch_after_a_restart(self):
        daemon = self.soukd()
        stream = self.live(daemon)
        alice = self.client(daemon, "alice")
        place = self.join(alice, stream)
        self.say(alice, stream, "kept")
        daemon.kill9()
        daemon.start()
        back = self.client(daemon, "alice")
        self.refused(back.call("resume", {k: place[k] for k in ("room", "epoch", "seq")}),
                     "resume_failed")
        self.assertEqual([m["message"] for m in self.join(back, stream)["chat"]], ["kept"])


class Crowds(EventsTest):
    def count(self, client, stream):
        return client.call("get_viewer_count", {"stream_id": stream})["viewerCount"]

    def test_users_with_several_sockets_drop_and_come_back(self):
        daemon = self.soukd({"events.rate": "0"})
        stream = self.live(daemon)
        seller = self.client(daemon, "seller-1", "seller")
        tokens = [daemon.token(f"user-{i}", "buyer") for i in range(20)]

        def enter():
            clients = [JsonClient(daemon.http_port, tokens[i % 20]) for i in range(50)]
            for c in clients:
                self.addCleanup(c.ws.close)
                self.join(c, stream)
            return clients

        clients = enter()
        self.assertEqual(self.count(seller, stream), 20)
        for c in clients[:40]:
            c.drop()
        wait_for(lambda: self.count(seller, stream) == 10, "those with a socket left")
        for c in clients[40:]:
            c.leave()
        wait_for(lambda: self.count(seller, stream) == 0, "nobody is left")
        enter()
        self.assertEqual(self.count(seller, stream), 20)
        daemon.request("POST", f"/api/v1/streams/{stream}/end", {},
                       daemon.token("seller-1", "seller"))
        stats = wait_for(lambda: daemon.get(f"/api/v1/streams/{stream}").json["data"]["endedAt"]
                         and daemon.get(f"/api/v1/streams/{stream}").json["data"], "the end")
        self.assertEqual((stats["peakViewers"], stats["uniqueViewers"]), (20, 20))

    def test_a_big_room_hears_the_count_alone(self):
        daemon = self.soukd({"http.max_per_address": "0"})
        stream = self.live(daemon)
        first = self.client(daemon, "alice")
        self.join(first, stream)
        guests = []
        for i in range(204):
            guests.append(self.client(daemon))
            self.join(guests[-1], stream)
        first.event("stream:viewer-count", lambda e: e["count"] == 205)
        self.assertEqual(max(e["viewerCount"] for e in first.all("viewer:joined")), 200)
        for g in guests[:3]:
            g.leave()
        first.event("stream:viewer-count", lambda e: e["count"] == 202)
        self.assertEqual(first.all("viewer:left"), [])

    def test_watch_time(self):
        """Of one who says nothing any more: until the last sign of life."""
        daemon = self.soukd()
        stream = self.live(daemon)
        alice = self.client(daemon, "alice")
        asked = time.monotonic()
        self.join(alice, stream)
        joined = time.monotonic()
        time.sleep(3)
        least = time.monotonic() - joined
        alice.leave()
        most = time.monotonic() - asked
        daemon.request("POST", f"/api/v1/streams/{stream}/end", {},
                       daemon.token("seller-1", "seller"))
        wait_for(lambda: daemon.get(f"/api/v1/streams/{stream}").json["data"]["endedAt"], "the end")
        told = daemon.get(f"/api/v1/streams/{stream}").json["data"]["averageWatchTime"]
        self.assertTrue(least - 1.5 <= told <= most + 1.5, (least, told, most))

    def test_one_who_does_not_read_is_closed(self):
        daemon = self.soukd({"events.rate": "0", "events.queue": "16k"})
        stream = self.live(daemon)
        other = self.client(daemon, "other")
        self.join(other, stream)
        slow = WebSocket(daemon.http_port, "/ws")
        self.addCleanup(slow.close)
        frame = json.dumps({"event": "x" * 60}).encode()
        with self.assertRaises(OSError):
            for _ in range(1000000):
                slow.send_frame(TEXT, frame)
        wait_for(lambda: daemon.metric("souk_slow_consumers_total") == 1, "it is counted")
        self.assertIn("id", self.say(other, stream, "I am still here"))


class Products(EventsTest):
    def setUp(self):
        self.daemon = self.soukd()
        self.seller = self.daemon.token("seller-1", "seller")
        product = self.daemon.request("POST", "/api/v1/products", {
            "name": "Vase", "price": 1200, "currency": "EUR"}, self.seller).json["data"]
        self.product = product["id"]
        made = self.daemon.request("POST", "/api/v1/streams", {
            "title": "Pots", "category": "Pottery", "product_ids": [self.product]},
            self.seller)
        self.stream = made.json["data"]["streamId"]

    def go_live(self):
        answer = self.daemon.request("POST", f"/api/v1/streams/{self.stream}/go-live", {
            "camera_ready": True, "checklist_complete": True}, self.seller)
        self.assertEqual(answer.status, 200, answer.text)

    def count(self, client, kind, **more):
        return client.call("product:event", {
            "stream_id": self.stream, "product_id": self.product, "type": kind, **more})

    def test_waiting_tagged_pinned_sold(self):
        c, guest = self.client(self.daemon, "alice"), self.client(self.daemon)
        joined = self.join(c, self.stream)
        self.assertEqual((joined["status"], joined["viewerCount"], joined["hlsUrl"]),
                         ("scheduled", 0, None))
        self.assertEqual([p["name"] for p in joined["products"]], ["Vase"])
        self.go_live()
        c.event("stream:viewer-count", lambda e: e["count"] == 1)
        self.assertEqual(self.join(guest, self.stream)["viewerCount"], 2)
        path = f"/api/v1/streams/{self.stream}/products/{self.product}"
        self.daemon.request("POST", path + "/tag", {"x": 0.25, "y": 0.5}, self.seller)
        self.assertEqual(c.event("product:tagged")["position"], {"x": 0.25, "y": 0.5})
        self.daemon.request("POST", path + "/pin", None, self.seller)
        self.assertEqual(c.event("product:pinned")["productId"], self.product)
        self.assertEqual(self.join(c, self.stream)["pinned"]["name"], "Vase")
        self.daemon.request("DELETE", path + "/pin", token=self.seller)
        c.event("product:unpinned")
        self.assertEqual(self.count(guest, "view")["type"], "view")
        self.refused(self.count(guest, "inquiry"), "unauthorized")
        order = {"order_id": "o-1", "amount": 1200, "currency": "EUR"}
        self.count(c, "purchase", **order)
        self.refused(self.count(c, "purchase", **order), "duplicate_order")
        self.refused(self.count(c, "purchase", order_id="o-2"), "invalid_payload")
        self.refused(self.count(c, "view", **order), "invalid_payload")
        self.refused(self.count(c, "sniff"), "invalid_payload")

    def test_prepare(self):
        seller, alice = self.client(self.daemon, "seller-1", "seller"), self.client(
            self.daemon, "alice")
        ready = seller.call("stream:prepare", {"stream_id": self.stream})
        self.assertEqual(ready, seller.event("stream:ready"))
        self.assertIn(str(self.daemon.rtmp_port), ready["rtmpUrl"])
        self.assertGreater(ready["estimatedLatencyMs"], 0)
        self.refused(alice.call("stream:prepare", {"stream_id": self.stream}), "forbidden")

    def test_prepare_names_the_host_that_the_client_calls(self):
        token, port = self.daemon.token("seller-1", "seller"), self.daemon.rtmp_port
        for host, named in (("live.example:81", "live.example"), ("[::1]:81", "[::1]"),
                            ("evil<script>", "127.0.0.1")):
            for kind in (JsonClient, SioClient):
                with self.subTest(host=host, kind=kind.__name__):
                    c = kind(self.daemon.http_port, token, headers={"Host": host})
                    self.addCleanup(c.ws.close)
                    ready = c.call("stream:prepare", {"stream_id": self.stream})
                    self.assertEqual(ready["rtmpUrl"], f"rtmp://{named}:{port}/live")


class Audiences(EventsTest):
    def test_not_for_everyone(self):
        daemon = self.soukd()
        seller = daemon.token("seller-1", "seller")
        made = daemon.request("POST", "/api/v1/streams", {
            "title": "Inner", "category": "Pottery", "audience": "followers"}, seller)
        stream = made.json["data"]["streamId"]
        ask = {"stream_id": stream}
        guest, alice = self.client(daemon), self.client(daemon, "alice")
        for event in ("stream:join", "viewer_joined", "get_viewer_count"):
            self.refused(guest.call(event, ask), "unauthorized")
            self.refused(alice.call(event, ask), "not_following")
        self.refused(guest.call("resume", {"room": ROOM + stream, "epoch": "0" * 16, "seq": 0}),
                     "unauthorized")
        self.join(self.client(daemon, "seller-1", "seller"), stream)

    def test_a_banned_user_goes(self):
        daemon = self.soukd()
        alice = self.client(daemon, "alice")
        self.join(alice, self.live(daemon))
        daemon.ctl("bans", "add", "user", "alice", parse=False)
        self.assertEqual(alice.wait_closed(), (1008, "banned"))
        with self.assertRaises(Refused) as caught:
            self.client(daemon, "alice")
        self.assertEqual(caught.exception.status, 401)


if __name__ == "__main__":
    unittest.main()
