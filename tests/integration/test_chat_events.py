"""The chat of streams as its users meet it, whatever they are connected by: how often and how long
somebody may write, who is silent, what is told once and in one order, and what is there again after
kill -9."""
import os
import random
import signal
import tempfile
import threading
import unittest

from sio_client import SioClient
from support import SoukTest, wait_for
from websocket_client import TEXT, JsonClient

ROOM = "stream:"
FRAMINGS = (JsonClient, SioClient)
NOWHERE = "00000000-0000-7000-8000-000000000000"


class ChatTest(SoukTest):
    def setUp(self):
        self.tokens = {}
        self.daemon = self.start()
        self.stream = self.live()

    def start(self):
        return self.soukd({"chat.rate": "0", "events.rate": "0"})

    def live(self, seller="seller-1"):
        return self.daemon.create_stream("Test", seller)["streamId"]

    def token(self, user, *roles):
        key = (user, roles)
        if key not in self.tokens:
            self.tokens[key] = self.daemon.token(user, *(roles or ("buyer",)))
        return self.tokens[key]

    def client(self, user=None, *roles, framing=JsonClient, **more):
        token = self.token(user, *roles) if user else None
        c = framing(self.daemon.http_port, token, **more)
        self.addCleanup(c.ws.close)
        return c

    def seller(self, framing=JsonClient):
        return self.client("seller-1", "seller", framing=framing)

    def moderator(self):
        return self.client("mod", "moderator")

    def join(self, client, stream=None, **more):
        answer = client.call("stream:join", {"stream_id": stream or self.stream, **more})
        self.assertNotIn("error", answer)
        return answer

    def viewer(self, user=None, *roles, framing=JsonClient):
        c = self.client(user, *roles, framing=framing)
        self.join(c)
        return c

    def say(self, client, message, stream=None, **more):
        return client.call("stream:chat",
                           {"stream_id": stream or self.stream, "message": message, **more})

    def said(self, client, message, **more):
        answer = self.say(client, message, **more)
        self.assertIn("id", answer, (message, answer))
        return answer["id"]

    def refused(self, answer, code):
        self.assertEqual(answer.get("error", {}).get("code"), code, answer)
        return answer["error"]

    def api(self, method, path, user, body=None, *roles):
        return self.daemon.request(method, f"/api/v1/streams/{self.stream}{path}", body,
                                   self.token(user, *roles) if user else None)

    def mute(self, user, **how):
        answer = self.api("POST", "/mutes", "seller-1", {"user_id": user, **how}, "seller")
        self.assertEqual(answer.status, 201, answer.text)

    def unmute(self, user):
        answer = self.api("DELETE", f"/mutes/{user}", "seller-1", None, "seller")
        self.assertEqual(answer.status, 200, answer.text)

    def history(self, user=None):
        return [m["message"] for m in reversed(self.api("GET", "/chat?limit=100", user).json["data"])]

    def heard(self, client):
        return [m["message"] for m in client.all("chat:message")]


class Rate(ChatTest):
    def start(self):
        return self.soukd({"chat.blocked_words_file": self.words_file()})

    def words_file(self):
        with tempfile.NamedTemporaryFile("w", prefix="souk-words-", delete=False) as f:
            f.write("darn\n")
        self.addCleanup(os.remove, f.name)
        return f.name

    def by_api(self, message, **more):
        return self.api("POST", "/chat", "alice", {"message": message, **more})

    def test_ten_a_minute_by_whatever_way(self):
        ways = [self.viewer("alice"), self.viewer("alice"), self.viewer("alice", framing=SioClient)]
        first = self.said(ways[0], "0", client_id="first")
        for i in range(1, 8):
            self.said(ways[i % 3], str(i))
        self.assertEqual(self.by_api("8").status, 201)
        # What is refused for itself costs nothing, nor does what was sent before.
        for text in ("", "x" * 201, "   "):
            self.refused(self.say(ways[0], text), "out_of_range")
            self.assertEqual(self.by_api(text).status, 422)
        for way in ways:
            self.assertEqual(self.said(way, "0", client_id="first"), first)
        self.assertEqual(self.by_api("0", client_id="first").json["data"]["id"], first)
        self.said(ways[2], "9")
        for way in ways:
            self.assertTrue(1 <= self.refused(self.say(way, "11th"), "rate_limited")["retryAfter"]
                            <= 60)
        answer = self.by_api("11th")
        self.assertEqual((answer.status, answer.json["error"]["code"]), (429, "rate_limited"))
        self.assertTrue(1 <= int(answer.headers["retry-after"]) <= 60)
        # Told again even now; under an id of its own it is another message.
        self.assertEqual(self.said(ways[1], "0", client_id="first"), first)
        self.refused(self.say(ways[1], "0", client_id="second"), "rate_limited")
        self.assertEqual(self.history(), [str(i) for i in range(10)])
        # Another stream and another user have counts of their own.
        other = self.live("seller-2")
        for i in range(10):
            self.assertIn("id", self.say(ways[i % 3], str(i), stream=other))
        self.refused(self.say(ways[0], "11th", stream=other), "rate_limited")
        self.said(self.viewer("bob"), "mine")

    def test_a_blocked_word_costs_one(self):
        c = self.viewer("alice")
        for _ in range(4):
            self.refused(self.say(c, "oh Darn it"), "blocked_word")
        for i in range(6):
            self.said(c, str(i))
        self.refused(self.say(c, "darn"), "rate_limited")

    def test_all_at_once(self):
        """Sent without waiting, from two sockets: ten and no more, in one message each."""
        c, d = self.viewer("alice"), self.viewer("alice", framing=SioClient)
        for i in range(15):
            for client in (c, d):
                client.send("stream:chat", {"stream_id": self.stream, "message": f"{i}",
                                            "client_id": f"id-{i}"}, ack=1000 + i)
        for client in (c, d):
            client.wait(lambda: len(client.acks) == 15, "all answers")
        ids = [{x.acks[1000 + i].get("id") for x in (c, d)} for i in range(15)]
        self.assertEqual(sum(len(pair - {None}) for pair in ids), 10, ids)
        c.wait(lambda: len(c.all("chat:message")) == 10, "ten messages")
        self.assertEqual(len(self.history()), 10)


class Texts(ChatTest):
    FAMILY = "\U0001F468\u200d\U0001F469\u200d\U0001F467\u200d\U0001F466"  # seven code points

    def test_two_hundred_code_points(self):
        good = ["a" * 200, "ä" * 200, "\U0001F48E" * 200, self.FAMILY * 28 + "abcd", "e\u0301" * 100,
                "\u2764\ufe0f" * 100, "  " + "x" * 200 + "\n", "\u3000" + "y" * 200 + "\u00a0\u2003",
                "a", "\U0001F1EB\U0001F1F7" * 100, "مرحبا", "a\u0301\u0302\u0303"]
        bad = ["a" * 201, "\U0001F48E" * 201, self.FAMILY * 28 + "abcde", "e\u0301" * 100 + "e",
               "\u2764\ufe0f" * 100 + "\u2764", " ", "\u3000\u00a0", "\u200b\u200d\ufeff", "\n\r\t\0"[:3]]
        for framing in FRAMINGS:
            c = self.viewer("alice", framing=framing)
            for text in good:
                self.said(c, text)
            for text in bad:
                self.refused(self.say(c, text), "out_of_range")
        for text in good:
            self.assertEqual(self.api("POST", "/chat", "alice", {"message": text}).status, 201, text)
        for text in bad:
            self.assertEqual(self.api("POST", "/chat", "alice", {"message": text}).status, 422, text)
        trimmed = [t.strip() for t in good]
        self.assertEqual(self.history(), trimmed * 3)

    def frame(self, framing, message):
        payload = b'{"stream_id":"%s","message":"%s"}' % (self.stream.encode(), message)
        return (b'{"event":"stream:chat","data":%s}' % payload if framing is JsonClient
                else b'42["stream:chat",%s]' % payload)

    def test_what_is_no_text(self):
        """NUL, halves of pairs, bytes that are no UTF-8: never a message, never more than an end of
        that one socket."""
        watcher = self.viewer("bob")
        for n, framing in enumerate(FRAMINGS):
            for bad in (rb"a\u0000b", rb"\ud83d", rb"\ude00x", rb"\ud83d\ud83d", b"\xff", b"\xc0\x80",
                        b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"a\x00b", b"a\nb"):
                c = self.viewer("alice", framing=framing)
                c.ws.send_frame(TEXT, self.frame(framing, bad))
                c.send("get_viewer_count", {"stream_id": self.stream}, ack=77)
                c.wait(lambda: c.closed or 77 in c.acks, f"an answer to {bad}")
                c.ws.close()
            c = self.viewer("alice", framing=framing)
            c.ws.send_frame(TEXT, self.frame(framing, rb"\ud83d\ude00 \u00e4"))
            watcher.wait(lambda: len(self.heard(watcher)) > n, "the one that is good")
        # Cut through an emoji, as a page's slice(0, 200) does: told, and the socket stays.
        c = self.viewer("alice", framing=SioClient)
        for bad in (rb"a\u0000b", rb"\ud83d", rb"\ude00x", rb"\ud83d\ud83d"):
            text = self.frame(SioClient, bad).replace(b"42[", b"4278[")
            c.ws.send_frame(TEXT, text)
            c.wait(lambda: 78 in c.acks, f"an answer to {bad}")
            self.refused(c.acks.pop(78), "malformed")
        self.assertIsNone(c.closed)
        self.assertEqual(self.history(), ["\U0001F600 ä"] * 2)

    def test_six_and_no_other(self):
        six = ("\u2764\ufe0f", "\U0001F525", "\U0001F44F", "\U0001F602", "\U0001F62E", "\U0001F48E")
        others = ["\u2764", "\u2764\ufe0e", "\U0001F525\ufe0f", "\U0001F44F\U0001F3FD", "\U0001F44D",
                  " \U0001F525", "\U0001F525\U0001F525", "\u2764\ufe0f\u200d\U0001F525", "fire",
                  "\U0001F9E1", "\u2764\ufe0f\ufe0f"]
        for framing in FRAMINGS:
            c = self.viewer("alice", framing=framing)
            for emoji in six:
                self.assertIn("total", c.call("stream:reaction",
                                              {"stream_id": self.stream, "emoji": emoji}))
            for emoji in others:
                self.refused(c.call("stream:reaction", {"stream_id": self.stream, "emoji": emoji}),
                             "invalid_emoji")


class Rights(ChatTest):
    def everything(self, message=NOWHERE):
        """Every event of a stream with a payload that is right for somebody."""
        of = {"stream_id": self.stream}
        return {
            "stream:chat": {**of, "message": "x"},
            "stream:chat-delete": {**of, "message_id": message},
            "stream:reaction": {**of, "emoji": "\U0001F525"},
            "stream:slow-mode": {**of, "seconds": 5},
            "stream:prepare": of,
            "product:event": {**of, "product_id": NOWHERE, "type": "inquiry"},
            "stream:join": of,
            "viewer_joined": of,
            "get_viewer_count": of,
            "stream:leave": of,
            "viewer_left": of,
        }

    def test_guests_write_nothing(self):
        for framing in FRAMINGS:
            guest = self.viewer(framing=framing)
            for event in ("stream:chat", "stream:chat-delete", "stream:reaction", "stream:slow-mode",
                          "stream:prepare", "product:event"):
                self.refused(guest.call(event, self.everything()[event]), "unauthorized")
        self.assertEqual(self.api("POST", "/chat", None, {"message": "x"}).status, 401)
        self.assertEqual(self.history(), [])

    def test_nobody_speaks_for_another(self):
        for framing in FRAMINGS:
            alice = self.viewer("alice", framing=framing)
            for event, payload in self.everything().items():
                for forged in ("seller-1", "Alice", 5, ["alice"], {"id": "alice"}, True, ""):
                    self.refused(alice.call(event, {**payload, "user_id": forged}), "forbidden")
            self.said(alice, "I am I", user_id="alice")
        self.assertEqual(self.history(), ["I am I"] * 2)

    def test_who_deletes(self):
        alice, bob, seller = self.viewer("alice"), self.viewer("bob"), self.seller(SioClient)
        other = self.client("seller-2", "seller")
        moderator = self.moderator()
        place = self.join(bob)
        seen = self.said(alice, "0")
        ids = [seen] + [self.said(alice, str(i)) for i in range(1, 5)]

        def delete(who, i):
            return who.call("stream:chat-delete", {"stream_id": self.stream, "message_id": ids[i]})

        for who in (bob, other):
            self.refused(delete(who, 1), "forbidden")
        for who, i in ((alice, 1), (seller, 2), (moderator, 3)):
            self.assertEqual(delete(who, i)["messageId"], ids[i])
            told = bob.event("chat:deleted", lambda e: e["messageId"] == ids[i])
            self.assertEqual(told["streamId"], self.stream)
            self.refused(delete(who, i), "message_not_found")
        self.refused(delete(self.client(), 4), "unauthorized")
        self.refused(alice.call("stream:chat-delete", {"stream_id": self.live("seller-3"),
                                                       "message_id": ids[4]}), "message_not_found")
        # Gone from everywhere.
        self.assertEqual(self.history(), ["0", "4"])
        fresh = self.client("carol", framing=SioClient)
        joined = self.join(fresh, after=seen)
        self.assertEqual([m["message"] for m in joined["chat"]], ["0", "4"])
        self.assertEqual([m["message"] for m in joined["missed"]], ["4"])
        back = self.client("bob")
        back.call("resume", {"room": place["room"], "epoch": "0" * 16, "seq": 0,
                             "last_message_id": seen})
        self.assertEqual(self.heard(back), ["4"])
        # By the power of a role, on what is another's: in the audit log; one's own is not.
        log = [r for r in self.daemon.ctl("audit", "--limit", "100")
               if r["action"] == "stream:chat-delete"]
        self.assertEqual([(r["actor"], r["target"]) for r in log], [("mod", ids[3])])

    def test_muted_is_silent_everywhere(self):
        sockets = [self.viewer("alice"), self.viewer("alice"), self.viewer("alice", framing=SioClient)]
        bob = self.viewer("bob")
        self.mute("alice", seconds=600)
        bob.event("chat:muted", lambda e: (e["userId"], e["kind"], e["lifted"])
                  == ("alice", "mute", False))
        for c in [*sockets, self.viewer("alice"), self.viewer("alice", framing=SioClient)]:
            self.assertTrue(500 <= self.refused(self.say(c, "x"), "muted")["retryAfter"] <= 600)
            self.refused(c.call("stream:reaction", {"stream_id": self.stream, "emoji": "\U0001F525"}),
                         "muted")
        answer = self.api("POST", "/chat", "alice", {"message": "x"})
        self.assertEqual((answer.status, answer.json["error"]["code"]), (403, "muted"))
        self.assertTrue(500 <= int(answer.headers["retry-after"]) <= 600)
        self.assertIn("id", self.say(sockets[0], "elsewhere", stream=self.live("seller-2")))
        self.unmute("alice")
        self.said(sockets[0], "back")
        self.said(sockets[2], "back by the other")
        # One that ends by itself.
        self.mute("alice", seconds=2)
        wait_for(lambda: "id" in self.say(sockets[1], "again"), "the mute's end")
        bob.event("chat:message", lambda m: m["message"] == "again")
        self.assertEqual(self.history(), ["back", "back by the other", "again"])

    def test_banned_goes_and_stays_away(self):
        plain, sio = self.client("alice"), self.client("alice", framing=SioClient)
        places = [self.join(c) for c in (plain, sio)]
        bob = self.viewer("bob")
        last = self.said(bob, "before")
        away = self.viewer("alice", framing=SioClient)
        self.said(bob, "before it is gone")
        for c in (sio, away):
            c.event("chat:message", lambda m: m["message"] == "before it is gone")
        away.drop()
        self.mute("alice", ban=True)
        for c in (plain, sio):
            c.event("chat:muted", lambda e: e["kind"] == "ban" and not e["lifted"])
        bob.event("viewer:left", lambda e: e["userId"] == "alice")
        self.said(bob, "among us")
        bob.event("chat:message", lambda m: m["message"] == "among us")
        for c, place in zip((plain, sio), places):
            for event in ("stream:join", "viewer_joined", "get_viewer_count"):
                self.refused(c.call(event, {"stream_id": self.stream}), "banned")
            for more in ({}, {"last_message_id": last}):
                self.refused(c.call("resume", {**{k: place[k] for k in ("room", "epoch", "seq")},
                                               **more}), "banned")
            self.refused(self.say(c, "x"), "banned")
            c.call("stream:reaction", {"stream_id": self.stream, "emoji": "\U0001F525"})
        sio.drop()
        returned = [self.client("alice", framing=SioClient,
                                recover={"pid": c.hello["pid"], "offset": c.offset})
                    for c in (sio, away)]
        for back in returned:
            self.refused(back.call("stream:join", {"stream_id": self.stream}), "banned")
        self.assertEqual(self.api("POST", "/chat", "alice", {"message": "x"}).status, 403)
        self.assertEqual(self.api("GET", "/chat", "alice").status, 403)
        self.said(bob, "still")
        bob.event("chat:message", lambda m: m["message"] == "still")
        for c in (plain, *returned):
            self.assertEqual(c.call("nothing")["error"]["code"], "unknown_event")
            self.assertFalse({"among us", "still"} & set(self.heard(c)))
        self.assertEqual(bob.all("reaction:new"), [])
        self.unmute("alice")
        self.join(back)
        self.said(back, "pardoned")

    def test_chat_off_in_mid_stream(self):
        alice, seller = self.viewer("alice"), self.viewer("seller-1", "seller")
        self.said(alice, "on")

        def switch(enabled, user="seller-1", *roles):
            return self.api("PATCH", "/settings", user, {"enable_chat": enabled},
                            *(roles or ("seller",)))

        self.assertEqual(switch(False, "alice", "buyer").status, 403)
        self.assertEqual(switch(False).json["data"]["enableChat"], False)
        self.assertFalse(alice.event("chat:enabled")["enabled"])
        for c in (alice, seller):
            self.refused(self.say(c, "off"), "chat_off")
        self.assertEqual(self.api("POST", "/chat", "alice", {"message": "x"}).status, 409)
        self.assertFalse(self.join(self.client("bob"))["chatEnabled"])
        self.assertEqual(self.api("PATCH", "/settings", "seller-1",
                                  {"enable_chat": True, "title": "New"}, "seller").status, 409)
        self.assertEqual(switch(True, "mod", "moderator").status, 200)
        alice.event("chat:enabled", lambda e: e["enabled"])
        self.said(alice, "on again")
        self.assertEqual(self.api("POST", "/end", "seller-1", {}, "seller").status, 200)
        alice.event("stream:ended")
        self.refused(self.say(alice, "late"), "stream_not_live")
        self.refused(seller.call("stream:slow-mode", {"stream_id": self.stream, "seconds": 1}),
                     "stream_not_live")
        self.assertEqual(switch(False).status, 409)
        self.assertEqual(self.history(), ["on", "on again"])


class Words(ChatTest):
    def start(self):
        daemon = self.soukd({"chat.rate": "0", "webhooks.url": "http://127.0.0.1:9/hook",
                             "webhooks.secret": "0123456789abcdef0123456789abcdef"})
        self.file = os.path.join(daemon.folder, "words")
        return daemon

    def reload(self, words, links):
        with open(self.file, "w") as f:
            f.write(words)
        self.daemon.settings["chat.blocked_words_file"] = self.file
        self.daemon.settings["chat.links"] = links
        self.daemon.write_config()
        before = len(self.daemon.log_lines("blocked words read"))
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(self.daemon.log_lines("blocked words read")) > before, "the reload")

    def test_words_and_links(self):
        alice, seller = self.viewer("alice", framing=SioClient), self.seller()
        self.said(alice, "darn")
        self.said(alice, "see www.example.com")
        self.reload("# ours\ndarn\nbuy my stuff\n", "block")
        for text in ("darn", "DARN!", "da\u200brn", "please buy  my stuff now"):
            self.refused(self.say(alice, text), "blocked_word")
        self.refused(self.say(seller, "darn"), "blocked_word")
        for text in ("https://example.com", "see www.example.com", "example.com/x"):
            self.refused(self.say(alice, text), "link_blocked")
        self.said(seller, "https://example.com")
        self.said(alice, "darning needles")
        answer = self.api("POST", "/chat", "alice", {"message": "darn"})
        self.assertEqual((answer.status, answer.json["error"]["code"]), (422, "blocked_word"))
        flagged = [d for d in self.daemon.ctl("outbox", "list", "--limit", "100")["entries"]
                   if d["event"] == "chat.flagged"]
        self.assertEqual(len(flagged), 9, flagged)
        self.reload("", "allow")
        self.said(alice, "darn")
        self.said(alice, "https://example.com")


class SlowMode(ChatTest):
    def slow(self, client, seconds):
        return client.call("stream:slow-mode", {"stream_id": self.stream, "seconds": seconds})

    def test_who_waits(self):
        alice, bob = self.viewer("alice"), self.viewer("bob", framing=SioClient)
        seller, moderator = self.viewer("seller-1", "seller"), self.moderator()
        self.assertEqual(self.join(bob)["slowMode"], 0)
        for c in (alice, bob):
            self.refused(self.slow(c, 5), "forbidden")
        for wrong in (-1, 86401, "5", None, 1.5):
            self.refused(self.slow(seller, wrong), "invalid_payload")
        self.refused(self.slow(seller, 3601), "out_of_range")
        self.assertEqual(self.slow(seller, 600), {"streamId": self.stream, "seconds": 600})
        for c in (alice, bob):
            self.assertEqual(c.event("stream:slow-mode"),
                             {"streamId": self.stream, "seconds": 600})
        self.assertEqual(self.join(self.client())["slowMode"], 600)
        first = self.said(alice, "first", client_id="a")
        again = self.viewer("alice", framing=SioClient)
        for c in (alice, again):
            self.assertTrue(500 <= self.refused(self.say(c, "x"), "slow_mode")["retryAfter"] <= 600)
            self.assertEqual(self.said(c, "first", client_id="a"), first)
        answer = self.api("POST", "/chat", "alice", {"message": "x"})
        self.assertEqual((answer.status, answer.json["error"]["code"]), (429, "slow_mode"))
        self.assertTrue(500 <= int(answer.headers["retry-after"]) <= 600)
        self.said(bob, "mine")
        for c in (seller, moderator):
            self.said(c, "one")
            self.said(c, "and another")
        self.assertIn("id", self.say(alice, "elsewhere", stream=self.live("seller-2")))
        # It counts from the message, whatever was set then, and over a restart.
        self.slow(moderator, 3000)
        self.assertTrue(2900 <= self.refused(self.say(alice, "x"), "slow_mode")["retryAfter"])
        self.daemon.kill9()
        self.daemon.start()
        alice, seller = self.viewer("alice"), self.viewer("seller-1", "seller")
        self.assertTrue(2800 <= self.refused(self.say(alice, "x"), "slow_mode")["retryAfter"])
        self.assertEqual(self.join(alice)["slowMode"], 3000)
        self.slow(seller, 1)
        wait_for(lambda: "id" in self.say(alice, "soon"), "a second later")
        self.slow(seller, 0)
        for i in range(3):
            self.said(alice, str(i))
        log = [(r["actor"], r["target"]) for r in self.daemon.ctl("audit", "--limit", "100")
               if r["action"] == "stream:slow-mode"]
        self.assertEqual(log, [("mod", self.stream)])

    def test_in_the_settings(self):
        alice = self.viewer("alice")

        def put(seconds, user="seller-1", *roles):
            return self.api("PATCH", "/settings", user, {"slow_mode": seconds},
                            *(roles or ("seller",)))

        self.assertEqual(put(30).json["data"]["slowMode"], 30)
        self.assertEqual(alice.event("stream:slow-mode")["seconds"], 30)
        self.assertEqual(put(10, "mod", "moderator").json["data"]["slowMode"], 10)
        self.assertEqual(put(10, "alice", "buyer").status, 403)
        self.assertEqual(put(10, "seller-2", "seller").status, 403)
        for wrong, status in ((-1, 422), (3601, 422), (86401, 422), ("x", 400), (1.5, 400)):
            self.assertEqual(put(wrong).status, status, wrong)
        self.assertEqual(self.api("GET", "", None).json["data"]["slowMode"], 10)
        self.daemon.ctl("chat", "slow", self.stream, "20")
        self.assertEqual(alice.event("stream:slow-mode", lambda e: e["seconds"] == 20)["streamId"],
                         self.stream)
        self.assertEqual(len(alice.all("stream:slow-mode")), 3)

    def test_two_at_once(self):
        """Slow mode lets one through, and the other costs nothing of the ten a minute."""
        self.slow(self.seller(), 600)
        clients = [self.viewer("alice"), self.viewer("alice", framing=SioClient)]
        for i in range(5):
            for c in clients:
                c.send("stream:chat", {"stream_id": self.stream, "message": "x"}, ack=500 + i)
        for c in clients:
            c.wait(lambda: len(c.acks) == 5, "the answers")
        answers = [a for c in clients for a in c.acks.values()]
        self.assertEqual(sum("id" in a for a in answers), 1, answers)
        for a in answers:
            self.assertTrue("id" in a or a["error"]["code"] == "slow_mode", a)


class Order(ChatTest):
    def test_one_order_for_all(self):
        writers = [self.viewer(f"writer-{i}", framing=FRAMINGS[i % 2]) for i in range(5)]
        readers = [self.viewer(framing=f) for f in FRAMINGS for _ in range(2)]
        late = self.client("late", framing=SioClient)
        self.token("by-api")

        def write(n):
            for i in range(20):
                writers[n].send("stream:chat", {"stream_id": self.stream, "message": f"{n} {i}"})

        threads = [threading.Thread(target=write, args=(n,)) for n in range(5)]
        for t in threads:
            t.start()
        began = [m["id"] for m in self.join(late)["chat"]]
        for i in range(10):
            self.api("POST", "/chat", "by-api", {"message": f"api {i}"})
        for t in threads:
            t.join()
        everybody = writers + readers
        for c in everybody:
            c.wait(lambda: len(c.all("chat:message")) == 110, "all messages")
        orders = [[m["id"] for m in c.all("chat:message")] for c in everybody]
        self.assertEqual(len(set(map(tuple, orders))), 1)
        self.assertEqual(orders[0], sorted(orders[0]))
        # One who came in the midst has each once: what was there, and what came then.
        late.event("chat:message", lambda m: m["id"] == orders[0][-1])
        whole = began + [m["id"] for m in late.all("chat:message")]
        self.assertEqual(whole, orders[0][-len(whole):])
        stored = [m["id"] for m in self.api("GET", "/chat?limit=100", None).json["data"]]
        self.assertEqual(stored[::-1], orders[0][-100:])
        for n in range(5):
            mine = [m["message"] for m in readers[0].all("chat:message")
                    if m["message"].startswith(f"{n} ")]
            self.assertEqual(mine, [f"{n} {i}" for i in range(20)])


class Alone(ChatTest):
    def test_what_is_said_in_an_empty_room_is_not_missed(self):
        """The only one there loses its network: what is said meanwhile, by REST, is kept for it."""
        plain = self.viewer("alice")
        place = self.join(plain)
        plain.drop()
        self.gone()
        first = self.api("POST", "/chat", "bob", {"message": "first"}).json["data"]["id"]
        self.api("PATCH", "/settings", "seller-1", {"slow_mode": 3}, "seller")
        back = self.client("alice")
        answer = back.call("resume", {k: place[k] for k in ("room", "epoch", "seq")})
        self.assertEqual(answer["recovered"], "all", answer)
        self.assertEqual([m["id"] for m in back.all("chat:message")], [first])
        self.assertEqual([e["seconds"] for e in back.all("stream:slow-mode")], [3])
        back.drop()
        sio = self.viewer("alice", framing=SioClient)
        sio.event("stream:joined")
        sio.drop()
        self.gone()
        second = self.api("POST", "/chat", "carol", {"message": "second"}).json["data"]["id"]
        back = self.client("alice", framing=SioClient,
                           recover={"pid": sio.hello["pid"], "offset": sio.offset})
        self.assertEqual(back.hello["pid"], sio.hello["pid"])
        back.event("chat:message", lambda m: m["id"] == second)

    def gone(self):
        wait_for(lambda: self.daemon.metric("souk_peers") == 0, "nobody is there")


class AfterKill(ChatTest):
    def again(self):
        self.daemon.kill9()
        self.daemon.start()

    def test_acked_is_there(self):
        """kill -9 at a random moment of a stream of messages: what was acknowledged is stored, once,
        and an answer that was lost is had by sending it again."""
        chance = random.Random(4)
        acked = {}
        for turn in range(20):
            framing = FRAMINGS[turn % 2]
            c = self.client("alice", framing=framing)
            ids = [f"{turn}-{i}" for i in range(12)]
            first = self.said(c, ids[0], client_id=ids[0])
            acked[ids[0]] = first
            for i, name in enumerate(ids[1:]):
                c.send("stream:chat", {"stream_id": self.stream, "message": name, "client_id": name},
                       ack=900 + i)
            wanted = chance.randrange(11)
            c.wait(lambda: sum(k >= 900 for k in c.acks) >= wanted, "some acks")
            self.daemon.kill9()
            c.wait_closed()
            acked.update({ids[1 + k - 900]: a["id"] for k, a in c.acks.items()})
            self.daemon.start()
            stored = self.stored()
            for name, message_id in acked.items():
                self.assertEqual(stored.get(name), message_id, (turn, name))
            c = self.client("alice", framing=framing)
            for name in ids:
                acked[name] = self.said(c, name, client_id=name)
                self.assertEqual(stored.get(name, acked[name]), acked[name])
        self.assertEqual(self.stored(), acked)

    def stored(self):
        found, cursor = [], ""
        while cursor is not None:
            page = self.api("GET", f"/chat?limit=100{cursor}", None).json
            found += [(m["message"], m["id"]) for m in page["data"]]
            cursor = page["nextCursor"]
            cursor = f"&before={cursor}" if cursor else None
        self.assertEqual(len(dict(found)), len(found))
        return dict(found)

    def test_the_chat_is_made_whole(self):
        for framing in FRAMINGS:
            alice, bob = self.viewer("alice", framing=framing), self.viewer("bob")
            place = self.join(alice)
            ids = [self.said(bob, f"seen {i}") for i in range(3)]
            alice.event("chat:message", lambda m: m["id"] == ids[-1])
            alice.drop()
            missed = [self.said(bob, f"missed {i}") for i in range(4)]
            self.again()
            seller = self.seller()
            for gone in (ids[0], missed[1]):
                seller.call("stream:chat-delete", {"stream_id": self.stream, "message_id": gone})
            missed.append(self.said(self.viewer("bob"), "after the restart"))
            resume = {"room": place["room"], "epoch": place["epoch"], "seq": place["seq"]}
            back = self.client("alice", framing=framing)
            self.refused(back.call("resume", resume), "resume_failed")
            self.refused(back.call("resume", {**resume, "last_message_id": NOWHERE}),
                         "resume_failed")
            answer = back.call("resume", {**resume, "last_message_id": ids[-1]})
            self.assertEqual((answer["recovered"], answer["room"]), ("chat", place["room"]))
            self.assertNotEqual(answer["epoch"], place["epoch"])
            wanted = [missed[0], *missed[2:]]
            self.assertEqual([m["id"] for m in back.all("chat:message")], wanted)
            self.assertEqual([e["messageId"] for e in back.all("chat:deleted")], [ids[0]])
            wanted.append(self.said(self.viewer("bob"), "and on"))
            back.event("chat:message", lambda m: m["id"] == wanted[-1])
            self.assertEqual([m["id"] for m in back.all("chat:message")], wanted)
            # From there it is an ordinary place again.
            back.drop()
            last = self.said(self.viewer("bob"), "once more")
            third = self.client("alice", framing=framing)
            answer = third.call("resume", {k: answer[k] for k in ("room", "epoch", "seq")})
            self.assertEqual(answer["recovered"], "all")
            third.event("chat:message", lambda m: m["id"] == last)
            # The same by joining, as one does whose session was not recovered.
            joiner = self.client("alice", framing=framing)
            joined = self.join(joiner, after=ids[-1])
            self.assertEqual([m["id"] for m in joined["missed"]], wanted + [last])
            self.assertEqual(joined["missedDeleted"], [ids[0]])
            self.assertIsNone(self.join(self.client("carol"), after=NOWHERE)["missed"])

    def test_too_much_is_loaded_anew(self):
        bob = self.viewer("bob")
        first = self.said(bob, "first")
        for i in range(101):
            self.said(bob, str(i))
        second = self.api("GET", "/chat?limit=100", None).json["data"][-1]["id"]
        for after, n in ((first, None), (second, 99)):
            joined = self.join(self.client("alice"), after=after)
            self.assertEqual(joined["missed"] and len(joined["missed"]), n)
            self.assertEqual(len(joined["chat"]), 50)
        resume = {"room": ROOM + self.stream, "epoch": "0" * 16, "seq": 0}
        self.refused(self.client("alice").call("resume", {**resume, "last_message_id": first}),
                     "resume_failed")
        other = self.live("seller-2")
        self.assertIsNone(self.join(self.client("alice"), other, after=first)["missed"])


if __name__ == "__main__":
    unittest.main()
