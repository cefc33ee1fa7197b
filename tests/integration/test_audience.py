"""Streams that are not for everyone, as players and apps meet them: playback tokens, bans, chat."""
import base64
import re
import sqlite3
import subprocess
import time
import unittest
import urllib.parse

from support import SoukTest, wait_for

API = "/api/v1"
FFMPEG = ["ffmpeg", "-v", "error", "-nostdin"]


class AudienceTest(SoukTest):
    def setUp(self):
        self.daemon = self.soukd(self.settings())
        self.seller = self.daemon.token("seller-1", "seller")
        self.admin = self.daemon.token("admin-1", "admin")
        self.fan = self.daemon.token("fan", "buyer")
        self.stranger = self.daemon.token("stranger", "buyer")

    def settings(self):
        return {}

    def call(self, method, path, token=None, body=None):
        self.answer = self.daemon.request(method, API + path, body, token)
        return self.answer

    def ok(self, method, path, token=None, body=None, status=200):
        self.assertEqual(self.call(method, path, token, body).status, status, self.answer.text)
        return self.answer.json["data"]

    def refused(self, status, code, method, path, token=None, body=None):
        self.assertEqual(self.call(method, path, token, body).status, status, self.answer.text)
        self.assertEqual(self.answer.json["error"]["code"], code)
        return self.answer.json["error"]

    def seen(self, *tokens):
        """A user is stored soon after it has called."""
        for token in tokens:
            self.ok("GET", "/streams", token)
        for name in ("fan", "stranger"):
            if getattr(self, name) in tokens:
                wait_for(lambda: self.call("GET", f"/users/{name}").status == 200, "it is stored")

    def live(self, audience="followers", **settings):
        made = self.ok("POST", "/streams", self.seller,
                       {"title": "Sale", "audience": audience, **settings}, 201)
        live = self.ok("POST", f"/admin/streams/{made['streamId']}/go-live", self.admin)
        return live

    def follow(self):
        self.seen(self.fan)
        self.ok("PUT", "/users/seller-1/follow", self.fan)

    def stream(self, live, token=None):
        return self.ok("GET", f"/streams/{live['streamId']}", token)

    def path_of(self, url):
        parsed = urllib.parse.urlsplit(url)
        return parsed.path + ("?" + parsed.query if parsed.query else "")

    def status(self, path, headers=None):
        return self.daemon.get(path, headers).status

    def plays(self, url, seconds=1.5):
        return subprocess.run([*FFMPEG, "-i", url, "-t", str(seconds), "-f", "null", "-"],
                              capture_output=True, text=True, timeout=120)


class Playback(AudienceTest):
    def test_a_stream_for_followers_plays_for_them_alone(self):
        live = self.live()
        self.follow()
        self.seen(self.stranger)
        self.publisher(self.daemon.publish_url(live))
        plain = f"/hls/{live['streamId']}/index.m3u8"
        for token in (None, self.stranger):
            self.assertIsNone(self.stream(live, token)["hlsUrl"])
        for token in (self.seller, self.admin, self.fan):
            self.assertRegex(self.stream(live, token)["hlsUrl"], re.escape(plain) + r"\?token=[\w.-]+$")
        url = self.stream(live, self.fan)["hlsUrl"]
        path = self.path_of(url)
        wait_for(lambda: self.status(path) == 200, "the playlist can be played")
        listed = self.ok("GET", "/streams?status=live", self.fan)[0]
        self.assertIn("?token=", listed["hlsUrl"])
        self.assertIsNone(self.ok("GET", "/streams?status=live")[0]["hlsUrl"])

        played = self.plays(url)
        self.assertEqual((played.returncode, played.stderr), (0, ""))
        without = self.plays(f"http://127.0.0.1:{self.daemon.http_port}{plain}")
        self.assertNotEqual(without.returncode, 0)
        self.assertIn("403", without.stderr)

        # A header does as well; of a stranger it does not.
        self.assertEqual(self.status(plain, {"Authorization": f"Bearer {self.fan}"}), 200)
        self.assertEqual(self.status(plain, {"Authorization": f"Bearer {self.stranger}"}), 403)
        self.assertEqual(self.status(plain, {"Authorization": "Bearer nonsense"}), 403)
        self.check_uris(live, path)
        self.check_other_tokens(live, path)

    def check_uris(self, live, path):
        """Every URI of every playlist carries the token on, and every one of them needs it."""
        token = path.split("?")[1]
        answer = self.daemon.get(path)
        self.assertEqual(answer.headers["cache-control"], "private, no-cache")
        media = re.search(r"^stream_0\.m3u8\?(.*)$", answer.text, re.M)
        self.assertEqual(media[1], token)
        base = f"/hls/{live['streamId']}/"
        # The segments of a while: everything that a playlist can hold is in it.
        text = wait_for(lambda: (lambda t: t if t.count("#EXTINF") >= 2 and "PRELOAD-HINT" in t and
                                 "#EXT-X-PART:" in t else None)(
            self.daemon.get(base + "stream_0.m3u8?" + token).text), "there are segments")
        uris = re.findall(r'URI="([^"]*)"', text)
        uris += [line for line in text.splitlines() if line and not line.startswith("#")]
        self.assertGreater(len(uris), 5)
        for uri in uris:
            self.assertTrue(uri.endswith("?" + token), uri)
        hinted = re.search(r'PRELOAD-HINT:.*URI="([^"]*)"', text)[1]
        for uri in [u for u in uris if u != hinted][-6:]:
            with self.subTest(uri):
                answer = self.daemon.get(base + uri)
                self.assertEqual(answer.status, 200)
                self.assertRegex(answer.headers["cache-control"], "^private, ")
                self.assertEqual(self.status(base + uri.split("?")[0]), 403)
        self.assertEqual(self.daemon.get(base + hinted).status, 200)
        msn = int(re.search(r"MEDIA-SEQUENCE:(\d+)", text)[1]) + text.count("#EXTINF")
        blocked = self.daemon.get(f"{base}stream_0.m3u8?_HLS_msn={msn}&{token}")
        self.assertEqual(blocked.status, 200)
        self.assertRegex(blocked.headers["cache-control"], r"^private, max-age=\d+$")
        self.assertNotRegex(blocked.text, r'(m4s|mp4)("|$)')
        self.assertEqual(self.status(f"{base}stream_0.m3u8?_HLS_msn={msn}"), 403)

    def check_other_tokens(self, live, path):
        other = self.live()
        foreign = self.path_of(self.stream(other, self.fan)["hlsUrl"]).split("?")[1]
        plain, good = path.split("?")
        bad = ["", "token=", "token=x", "token=" + good[6:-1], good + "A", "token=A" + good[6:],
               foreign, "token=" + "A" * 3000, "token=%00", "token=" + self.fan]
        for query in bad:
            with self.subTest(query[:60]):
                # 400: what no token can be is no query either.
                self.assertIn(self.status(plain + "?" + query), (400, 403))

    def test_a_ban_counts_at_the_next_request(self):
        live = self.live()
        self.follow()
        self.publisher(self.daemon.publish_url(live))
        path = self.path_of(self.stream(live, self.fan)["hlsUrl"])
        wait_for(lambda: self.status(path) == 200, "the playlist can be played")
        mutes = f"/streams/{live['streamId']}/mutes"
        self.ok("POST", mutes, self.seller, {"user_id": "fan", "ban": True}, 201)
        self.assertEqual(self.status(path), 403)
        self.assertIsNone(self.stream(live, self.fan)["hlsUrl"])
        self.refused(403, "banned", "GET", f"/streams/{live['streamId']}/chat", self.fan)
        self.ok("DELETE", mutes + "/fan", self.seller)
        self.assertEqual(self.status(path), 200)
        self.ok("POST", mutes, self.seller, {"user_id": "fan", "seconds": 60}, 201)
        self.assertEqual(self.status(path), 200)

    def test_the_recording_is_for_the_same_people(self):
        live = self.live()
        self.follow()
        encoder = self.publisher(self.daemon.publish_url(live), frames=120)
        encoder.wait()
        ended = wait_for(lambda: (lambda s: s if s["vodUrl"] else None)(self.stream(live, self.fan)),
                         "the VOD is there")
        self.assertIn("?token=", ended["vodUrl"])
        self.assertIsNone(self.stream(live)["vodUrl"])
        path = self.path_of(ended["vodUrl"])
        token = path.split("?")[1]
        self.assertEqual(self.status(path.split("?")[0]), 403)
        answer = self.daemon.get(path)
        self.assertEqual(answer.headers["cache-control"], "private, no-cache")
        uris = re.findall(r'#EXT-X-MAP:URI="([^"]*)"', answer.text)
        self.assertTrue(uris)
        uris += [line for line in answer.text.splitlines() if line and not line.startswith("#")]
        for uri in uris:
            self.assertTrue(uri.endswith("?" + token), uri)
            self.assertEqual(self.status(f"/vod/{live['streamId']}/{uri}"), 200)
            self.assertEqual(self.status(f"/vod/{live['streamId']}/{uri.split('?')[0]}"), 403)
        played = self.plays(ended["vodUrl"], 10)
        self.assertEqual((played.returncode, played.stderr), (0, ""))
        # What was live leads there, with the token.
        gone = wait_for(lambda: (lambda a: a if a.status == 302 else None)(
            self.daemon.get(f"/hls/{live['streamId']}/index.m3u8?{token}")), "the stream is gone")
        self.assertEqual(gone.headers["location"], path)
        recording = wait_for(lambda: (lambda r: r if r["mp4Url"] else None)(
            self.ok("GET", f"/admin/recordings/{live['streamId']}", self.admin)), "the mp4 is there")
        self.assertEqual(self.status(self.path_of(recording["mp4Url"])), 200)
        self.assertEqual(self.status(self.path_of(recording["mp4Url"]).split("?")[0]), 403)

    def test_a_stream_for_the_neighbourhood(self):
        near = self.daemon.ctl("token", "--sub", "near", "--role", "buyer", "--neighborhood", "mitte",
                               parse=False).strip()
        far = self.daemon.ctl("token", "--sub", "far", "--role", "buyer", "--neighborhood", "spandau",
                              parse=False).strip()
        self.seller = self.daemon.ctl("token", "--sub", "seller-1", "--role", "seller",
                                      "--neighborhood", "mitte", parse=False).strip()
        live = self.live("neighborhood")
        self.assertIsNotNone(self.stream(live, near)["hlsUrl"])
        for token in (None, far, self.stranger):
            self.assertIsNone(self.stream(live, token)["hlsUrl"])
        # Two places less than two kilometres apart are one neighbourhood to a stream.
        for name, lat in (("mitte", 52.52), ("spandau", 52.535)):
            self.ok("PUT", f"/neighborhoods/{name}", self.admin,
                    {"name": name, "lat": lat, "lon": 13.4})
        self.assertIsNotNone(self.stream(live, far)["hlsUrl"])
        self.ok("PUT", "/neighborhoods/spandau", self.admin,
                {"name": "spandau", "lat": 52.55, "lon": 13.4})
        self.assertIsNone(self.stream(live, far)["hlsUrl"])

    def test_everyone_needs_no_token(self):
        live = self.live("everyone")
        for token in (None, self.stranger, self.seller):
            self.assertNotIn("token", self.stream(live, token)["hlsUrl"])
        self.assertNotIn("token", live["hlsUrl"])


class ShortTokens(AudienceTest):
    def settings(self):
        return {"auth.playback_ttl": "1m"}

    def test_tokens_end(self):
        live = self.live()
        before = time.time()
        path = self.path_of(self.stream(live, self.seller)["hlsUrl"])
        after = time.time()
        self.assertNotEqual(self.status(path + "&_HLS_msn=5"), 403)
        # That one that has ended is refused is a matter of the unit test, which has a clock to turn.
        token = path.split("token=")[1]
        body = token.split(".")[0]
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        expires = int.from_bytes(raw[1:6], "big")
        self.assertTrue(before + 59 <= expires <= after + 61, (before, expires, after))


class Chat(AudienceTest):
    def settings(self):
        return {"chat.rate": "0"}

    def setUp(self):
        super().setUp()
        self.streamed = self.live("everyone")
        self.path = f"/streams/{self.streamed['streamId']}"
        self.seen(self.fan, self.stranger, self.admin)
        wait_for(lambda: self.call("GET", "/users/admin-1").status == 200, "so is the admin")

    def say(self, text, token=None, **extra):
        return self.ok("POST", self.path + "/chat", token or self.fan, {"message": text, **extra}, 201)

    def test_writing_and_reading(self):
        said = [self.say(f"m{i}") for i in range(5)]
        self.assertEqual(set(said[0]), {"id", "streamId", "userId", "username", "avatar", "message",
                                        "timestamp", "clientId"})
        self.assertEqual((said[0]["userId"], said[0]["message"], said[0]["clientId"]),
                         ("fan", "m0", None))
        page = self.call("GET", self.path + "/chat?limit=3").json
        self.assertEqual([m["message"] for m in page["data"]], ["m4", "m3", "m2"])
        self.assertEqual(page["data"][0], said[4])
        page = self.call("GET", f"{self.path}/chat?limit=3&before={page['nextCursor']}").json
        self.assertEqual([m["message"] for m in page["data"]], ["m1", "m0"])
        self.assertIsNone(page["nextCursor"])
        self.refused(422, "invalid_value", "GET", self.path + "/chat?before=x")
        self.assertEqual(self.ok("GET", self.path)["chatMessages"], 5)

    def test_what_is_refused(self):
        chat = self.path + "/chat"
        self.refused(401, "unauthorized", "POST", chat, None, {"message": "x"})
        for text in ("", "   ", "\u200b\u3000", "x" * 201):
            error = self.refused(422, "out_of_range", "POST", chat, self.fan, {"message": text})
            self.assertEqual(error["field"], "message")
        self.refused(422, "missing_field", "POST", chat, self.fan, {})
        self.refused(422, "unknown_field", "POST", chat, self.fan, {"message": "x", "user_id": "y"})
        self.refused(404, "stream_not_found", "POST", chat.replace(self.streamed["streamId"],
                     "0190b5a0-7c3e-7abc-8def-0123456789ab"), self.fan, {"message": "x"})
        self.assertEqual(self.say("\U0001f44f" * 200)["message"], "\U0001f44f" * 200)
        quiet = self.live("everyone", enable_chat=False)
        self.refused(409, "chat_off", "POST", f"/streams/{quiet['streamId']}/chat", self.fan,
                     {"message": "x"})
        ended = self.ok("POST", self.path + "/end", self.seller)
        self.assertEqual(ended["stats"]["chatMessages"], 1)
        self.refused(409, "stream_not_live", "POST", chat, self.fan, {"message": "x"})

    def test_a_client_id_is_one_message(self):
        first = self.say("one", client_id="c1")
        self.assertEqual(self.say("two", client_id="c1"), first)
        self.assertNotEqual(self.say("one", self.stranger, client_id="c1")["id"], first["id"])
        self.assertEqual(len(self.ok("GET", self.path + "/chat")), 2)

    def test_deleting(self):
        mine, theirs = self.say("mine"), self.say("theirs", self.stranger)
        target = self.path + "/chat/"
        self.refused(403, "forbidden", "DELETE", target + theirs["id"], self.fan)
        self.assertEqual(self.ok("DELETE", target + mine["id"], self.fan),
                         {"streamId": self.streamed["streamId"], "messageId": mine["id"],
                          "deleted": True})
        self.refused(404, "message_not_found", "DELETE", target + mine["id"], self.fan)
        self.ok("DELETE", target + theirs["id"], self.seller)
        self.assertEqual(self.ok("GET", self.path + "/chat"), [])

    def test_muting(self):
        mutes = self.path + "/mutes"
        muted = self.ok("POST", mutes, self.seller, {"user_id": "fan", "seconds": 3600}, 201)
        self.assertEqual((muted["kind"], muted["userId"], muted["moderatorId"]),
                         ("mute", "fan", "seller-1"))
        self.refused(403, "muted", "POST", self.path + "/chat", self.fan, {"message": "x"})
        self.assertTrue(3000 <= int(self.answer.headers["retry-after"]) <= 3600)
        self.assertEqual(self.ok("GET", mutes, self.seller), [muted])
        self.refused(403, "forbidden", "GET", mutes, self.fan)
        self.refused(403, "forbidden", "POST", mutes, self.fan, {"user_id": "stranger", "ban": True})
        self.refused(409, "cannot_mute", "POST", mutes, self.admin, {"user_id": "seller-1", "ban": True})
        self.refused(409, "cannot_mute", "POST", mutes, self.seller, {"user_id": "admin-1", "ban": True})
        self.refused(404, "user_not_found", "POST", mutes, self.seller, {"user_id": "who", "ban": True})
        self.refused(422, "missing_field", "POST", mutes, self.seller, {"user_id": "fan"})
        self.refused(422, "out_of_range", "POST", mutes, self.seller, {"user_id": "fan", "seconds": 0})
        self.ok("DELETE", mutes + "/fan", self.seller)
        self.refused(404, "not_muted", "DELETE", mutes + "/fan", self.seller)
        self.say("back")
        self.ok("POST", mutes, self.admin, {"user_id": "fan", "ban": True}, 201)
        self.refused(403, "banned", "POST", self.path + "/chat", self.fan, {"message": "x"})
        self.assertIsNone(self.stream(self.streamed, self.fan)["hlsUrl"])

    def test_what_was_acknowledged_survives_a_kill(self):
        said = [self.say(f"m{i}")["id"] for i in range(20)]
        self.ok("POST", self.path + "/mutes", self.seller, {"user_id": "fan", "ban": True}, 201)
        self.daemon.kill9()
        self.daemon.start()
        self.assertEqual([m["id"] for m in self.ok("GET", self.path + "/chat?limit=100")],
                         said[::-1])
        self.refused(403, "banned", "POST", self.path + "/chat", self.fan, {"message": "x"})
        db = sqlite3.connect(self.daemon.settings["store.url"].removeprefix("sqlite:"))
        self.assertEqual(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")
        db.close()


class ChatRules(AudienceTest):
    def settings(self):
        return {"chat.links": "block"}

    def test_rate_words_and_links(self):
        live = self.live("everyone")
        chat = f"/streams/{live['streamId']}/chat"
        self.refused(422, "link_blocked", "POST", chat, self.fan, {"message": "http://x.example"})
        self.ok("POST", chat, self.seller, {"message": "http://x.example"}, 201)
        for i in range(9):
            self.ok("POST", chat, self.fan, {"message": str(i)}, 201)
        self.refused(429, "rate_limited", "POST", chat, self.fan, {"message": "x"})
        self.assertGreater(int(self.answer.headers["retry-after"]), 0)
        self.ok("POST", chat, self.stranger, {"message": "x"}, 201)
        words = self.daemon.folder + "/words"
        with open(words, "w") as f:
            f.write("# none of these\ndarn\n")
        self.daemon.settings["chat.blocked_words_file"] = words
        self.daemon.write_config()
        self.ok("POST", "/admin/reload", self.admin)
        self.refused(422, "blocked_word", "POST", chat, self.stranger, {"message": "Darn!"})


if __name__ == "__main__":
    unittest.main()
