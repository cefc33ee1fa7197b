"""What was said while a recording was live, shown in step with its picture in a real Chromium.

SOUK_SHOTS: a folder for pictures of the page's states.
"""
import bisect
import concurrent.futures
import contextlib
import shutil
import socket
import sqlite3
import unittest
import uuid

from support import SoukTest, install_modules, wait_for
from test_browser import CHROMIUM, PHONE, playing
from test_watch_chat import DESKTOP, HOSTILE, Page, texts

SECONDS = 60
NOTE = "This is a replay: messages appear where they were written."
SEEK = "(() => { const v = document.getElementById('video'); v.pause(); v.currentTime = %f; })()"
LOOK = """(() => ({ time: document.getElementById('video').currentTime,
    texts: [...document.querySelectorAll('.msg .text')].map((node) => node.textContent),
    says: document.getElementById('chat-says').textContent }))()"""


class Said:
    """A chat as the store would have it. An element: (milliseconds into the recording, text, user,
    deleted)."""

    def __init__(self, souk, made, messages):
        self.stream = uuid.UUID(made["streamId"]).bytes
        self.messages = messages
        url = souk.settings["store.url"].removeprefix("sqlite:")
        with contextlib.closing(sqlite3.connect(url, timeout=60)) as db:
            self.segments = db.execute(
                "SELECT offset_ms, wall_ms FROM segments WHERE stream_id = ? ORDER BY sequence",
                (self.stream,)).fetchall()
            db.executemany(
                "INSERT INTO chat_messages (id, stream_id, user_id, username, message, created_at,"
                " deleted_at) VALUES (?, ?, ?, ?, ?, ?, ?)", map(self.row, enumerate(messages)))
            db.commit()

    def row(self, numbered):
        n, (at, text, user, deleted) = numbered
        begin, wall = self.segments[bisect.bisect(self.segments, (at, 1 << 62)) - 1]
        when = wall + at - begin
        name = uuid.UUID(int=when << 80 | 7 << 76 | 2 << 62 | n)
        return (name.bytes, self.stream, user, user.title(), text, when, when if deleted else None)

    def shown(self, time):
        """The last 200 that belong to this place, in seconds."""
        return [text for at, text, _, deleted in self.messages
                if at <= time * 1000 and not deleted][-200:]


class WatchReplay(SoukTest):
    def recording(self, settings=None, seconds=SECONDS, *extra):
        souk = self.soukd({"log.level": "info", "rtmp.max_bitrate": "1G", **(settings or {})})
        made = souk.create_stream("Rugs", "seller-1", *extra)
        p = self.publisher(souk.publish_url(made), frames=10 * seconds, fps=10, realtime=False)
        self.assertEqual(p.wait(), 0, p.errors)
        path = f"/api/v1/streams/{made['streamId']}"
        token = souk.token("seller-1", "seller")
        row = wait_for(lambda: (lambda d: d["vodUrl"] and d)(
            souk.request("GET", path, token=token).json["data"]), "the VOD is there")
        for user in ("alice", "bob"):
            put = souk.request("PUT", f"/api/v1/users/{user}", {"name": user.title()},
                               souk.token("admin-1", "admin"))
            self.assertLess(put.status, 300, put.text)
        return souk, made, row

    def many(self):
        """A message every half second, two pages of them near the end."""
        out = [(500 * n, f"said at {500 * n}", "bob", False) for n in range(1, 100)]
        out[4] = (2500, "to be forgotten", "bob", True)
        out[5] = (3000, HOSTILE, "bob", False)
        out[6] = (3500, "welcome", "seller-1", False)
        out[7] = (4000, "my own", "alice", False)
        return out + [(50000 + 10 * n, f"late {n}", "bob", False) for n in range(600)]

    def page(self, souk, made, user=None, *roles, **screen):
        b = Page(self.modules)
        self.addCleanup(b.close)
        url = f"http://127.0.0.1:{souk.http_port}/watch/{made['streamId']}"
        token = f"#token={souk.token(user, *(roles or ('buyer',)))}" if user else ""
        b.do("open", url=url + token, **(screen or DESKTOP))
        return b

    def at(self, page, said, time):
        """Pauses there and waits for what belongs there."""
        page.do("eval", js=SEEK % time)
        return page.wait_chat(lambda c: texts(c) == said.shown(time), f"what was said up to {time}")


@unittest.skipUnless(CHROMIUM and shutil.which("node"), "chromium or node is missing")
class InBrowser(WatchReplay):
    @classmethod
    def setUpClass(cls):
        cls.modules = install_modules("browser")

    def test_in_step_with_the_picture(self):
        souk, made, _ = self.recording()
        said = Said(souk, made, self.many())
        page = self.page(souk, made, "alice", **PHONE)
        page.wait(lambda s: s["source"] == "vod" and playing(s), "the recording plays")
        # Nothing is there before the picture has come to it.
        spoken = []

        def reached():
            now = page.do("eval", js=LOOK)
            spoken.append(now["says"])
            for text in now["texts"]:
                self.assertIn(text, said.shown(now["time"]))
            return "said at 5500" in now["texts"]
        wait_for(reached, "it plays that far")
        page.do("press", key="k")
        state = page.wait(lambda s: s["paused"], "it is paused")
        c = page.wait_chat(lambda c: texts(c) == said.shown(state["time"]), "and so is the chat")
        page.shot("replay-phone-light")
        self.assertTrue(any(spoken), "a screen reader is told of messages")
        self.assertNotIn("to be forgotten", texts(c))
        self.assertEqual([m["who"] for m in c["messages"] if m["text"] == "my own"], ["You"])
        self.assertEqual({m["markup"] for m in c["messages"]}, {0})
        self.assertEqual((c["note"], c["writes"], c["reacts"], c["viewers"]),
                         (NOTE, False, False, None))
        self.assertFalse(c["wide"])
        self.assertEqual(page.do("eval", js="document.getElementById('chat-title').textContent"),
                         "Chat replay")

        # Back, forth, to the end and to the beginning.
        for time in (20.2, 3.1, 58, 49.9, 52.5):
            self.at(page, said, time)
        c = self.at(page, said, 0.2)
        self.assertEqual(page.do("eval", js="document.getElementById('empty').textContent"),
                         "Nothing has been said up to here.")
        # By the keyboard too, from within the messages.
        page.do("focus", selector="#log")
        page.do("press", key="l")
        state = page.wait(lambda s: s["time"] > 9, "ten seconds on")
        page.wait_chat(lambda c: texts(c) == said.shown(state["time"]), "with what was said")
        self.assertEqual(page.chat()["problems"], [])

    def test_whoever_may_delete_does(self):
        souk, made, _ = self.recording()
        said = Said(souk, made, self.many())
        page = self.page(souk, made, "seller-1", "seller", **DESKTOP)
        page.wait(lambda s: s["source"] == "vod" and playing(s), "the recording plays")
        c = self.at(page, said, 30)
        page.shot("replay-desktop-light")
        (row,) = [m for m in c["messages"] if m["text"] == "said at 29500"]
        page.do("click", selector=f'[data-id="{row["id"]}"] .more-button')
        items = "[...document.querySelectorAll('.menu-item')].map((n) => n.textContent)"
        self.assertEqual(page.do("eval", js=items), ["Delete message"])
        page.do("click", selector=".menu-item")
        c = page.wait_chat(lambda c: "said at 29500" not in texts(c), "it is gone")
        self.assertEqual(texts(c)[-1], "said at 30000")
        page.do("scheme", dark=True)
        page.shot("replay-desktop-dark")

    def test_for_followers(self):
        souk, made, _ = self.recording(None, 10, "--audience", "followers")
        said = Said(souk, made, [(100 * n, f"said at {100 * n}", "bob", False) for n in range(1, 80)])
        fan = souk.token("fan", "buyer")
        self.assertLess(souk.request("PUT", "/api/v1/users/seller-1/follow", token=fan).status, 300)
        page = self.page(souk, made, "fan")
        page.wait(lambda s: s["source"] == "vod" and playing(s), "the recording plays")
        self.at(page, said, 5.05)
        self.assertEqual(page.chat()["problems"], [])


class Pages(WatchReplay):
    def test_pages(self):
        souk, made, row = self.recording()
        base = f"/vod/{made['streamId']}/"
        self.assertTrue(row["chatReplayUrl"].endswith(base + "chat.json"), row)
        self.assertTrue(row["storyboardUrl"].endswith(base + "storyboard.vtt"), row)
        said = Said(souk, made, self.many())
        first = souk.get(base + "chat.json").json
        self.assertEqual([m["message"] for m in first["messages"][-2:]], ["late 400", "late 401"])
        self.assertFalse(first["earlier"])
        rest = souk.get(base + first["next"]).json
        self.assertEqual((len(rest["messages"]), rest["next"], rest["earlier"]), (198, None, True))
        for time, earlier in ((30, False), (53, True), (3600, True)):
            page = souk.get(f"{base}chat.json?at={time * 1000}").json
            self.assertEqual([m["message"] for m in page["messages"]], said.shown(time))
            self.assertEqual([m["offset"] for m in page["messages"]],
                             [m[0] for m in said.messages if m[1] in said.shown(time)])
            self.assertEqual(page["earlier"], earlier)
            following = souk.get(base + page["next"]).json["messages"]
            self.assertEqual([m["message"] for m in following][:1],
                             [m[1] for m in said.messages if m[0] > time * 1000][:1])
        # Where nothing was said yet, the beginning.
        self.assertEqual(souk.get(base + "chat.json?at=100").json, first)
        for wrong in ("at=x", "at=-1", "at=", "after=x"):
            self.assertEqual(souk.get(f"{base}chat.json?{wrong}").status, 422, wrong)

    def lengthen(self, souk, made, n):
        """So many segments more, a second each, with an hour without any in the middle. Answers
        (offset, wall) of the first one and of the first after the hour."""
        stream = uuid.UUID(made["streamId"]).bytes
        url = souk.settings["store.url"].removeprefix("sqlite:")
        with contextlib.closing(sqlite3.connect(url, timeout=60)) as db:
            last, offset, wall, length = db.execute(
                "SELECT sequence, offset_ms, wall_ms, duration_ms FROM segments WHERE stream_id = ?"
                " ORDER BY sequence DESC LIMIT 1", (stream,)).fetchone()
            offset, wall = offset + length, wall + length
            rows = [(stream, last + 1 + i, offset + 1000 * i, 1000, 1000,
                     wall + 1000 * i + (3600000 if i >= n // 2 else 0), 0, i == n // 2)
                    for i in range(n)]
            db.executemany("INSERT INTO segments (stream_id, sequence, offset_ms, duration_ms, bytes,"
                           " wall_ms, init, discontinuity) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            db.commit()
        return [(row[2], row[5]) for row in (rows[0], rows[n // 2])]

    def test_a_long_one(self):
        """Its segments are read bit by bit, while those who asked wait."""
        souk, made, _ = self.recording(None, 4)
        before, after = self.lengthen(souk, made, 4500)
        said = Said(souk, made, [(after[0] + 1000 * n, f"said at {n}", "bob", False)
                                 for n in range(900)])
        path = f"/vod/{made['streamId']}/chat.json"
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", souk.http_port)) as s:
                s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            pages = [f.result() for f in [pool.submit(souk.get, path) for _ in range(8)]]
        for page in pages:
            self.assertEqual(page.status, 200, page.text)
            self.assertEqual([m["offset"] for m in page.json["messages"]],
                             [m[0] for m in said.messages[:500]])
        # In the hour that was cut out nothing moves.
        self.assertGreater(after[1] - before[1], 3600000)
        middle = after[0] + 100500
        page = souk.get(f"{path}?at={middle}").json
        self.assertEqual([m["message"] for m in page["messages"]], said.shown(middle / 1000))

    def test_counts_as_a_request(self):
        souk, made, row = self.recording({"limits.address_requests": 60}, 4)
        path = f"/vod/{made['streamId']}/"
        refused = wait_for(lambda: (lambda a: a if a.status == 429 else None)(
            souk.get(path + "chat.json")), "the limit of an address")
        self.assertEqual(refused.json["error"]["code"], "rate_limited")
        self.assertIn("retry-after", refused.headers)
        # Media are not counted.
        self.assertEqual(souk.get(path + "index.m3u8").status, 200)


if __name__ == "__main__":
    unittest.main()
