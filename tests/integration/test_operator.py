"""The operator's day by soukctl alone: every command against a real daemon and a real encoder.

A command that reads is run twice: as JSON, which is parsed, and as the table that people see.
"""
import json
import os
import re
import signal
import subprocess
import unittest

from support import BUILD, HERE, SoukTest, wait_for
from terminal import Terminal
from websocket_client import JsonClient

ROOT = os.path.join(HERE, "..", "..")


class Operator(SoukTest):
    def setUp(self):
        self.ran = set()

    def call(self, *args, status=0, **kwargs):
        words = [a for a in args if not a.startswith("-")]
        self.ran.add(tuple(words[:2]))
        self.ran.add(tuple(words[:1]))
        result = subprocess.run(
            [os.path.join(BUILD, "soukctl"), "--config", self.souk.config_path, *args],
            capture_output=True, text=True, cwd=self.souk.folder, timeout=90, **kwargs)
        self.assertEqual(result.returncode, status, f"{args}: {result.stdout}{result.stderr}")
        return result

    def json(self, *args):
        return json.loads(self.call(*args, "--json").stdout)

    def text(self, *args):
        return self.call(*args).stdout

    def refused(self, *args, code):
        told = self.call(*args, status=1).stderr
        self.assertIn(code, told)
        self.assertTrue(told.startswith("soukctl: "), told)

    def both(self, *args, shows=()):
        """Of a command that reads: the JSON, after a look at the table."""
        table = self.text(*args)
        for word in shows:
            self.assertIn(str(word), table)
        return self.json(*args)

    def terminal(self, argv, **kwargs):
        t = Terminal(argv, **kwargs)
        self.addCleanup(t.close)
        return t

    def test_go_live(self):
        self.souk = self.soukd({"hls.segment_target": "1s", "stream.grace": "20s"})

        # Who there is, and where.
        self.assertEqual(self.json("neighborhoods", "set", "harbour", "--lat", "53.5438",
                                   "--lon", "-9.9661", "--name", "Harbour")["lon"], -9.9661)
        anna = self.json("users", "set", "anna", "--name", "Anna", "--role", "seller",
                         "--neighborhood", "harbour")
        self.assertEqual((anna["id"], anna["roles"]), ("anna", ["seller"]))
        for user in ("bob", "mallory"):
            self.text("users", "set", user, "--name", user.title(), "--role", "buyer")
        self.assertIn("yes", self.text("users", "follow", "bob", "anna"))
        self.text("users", "follow", "mallory", "anna")
        self.assertFalse(self.json("users", "unfollow", "mallory", "anna")["isFollowing"])
        self.assertEqual([u["id"] for u in self.both("users", "followers", "anna",
                                                     shows=["Bob"])], ["bob"])
        self.assertEqual([u["id"] for u in self.json("users", "following", "bob")], ["anna"])
        self.assertEqual(self.both("users", "show", "anna", shows=["harbour"])["followers"], 1)
        self.assertEqual([u["id"] for u in self.both("users", "list", "--role", "buyer",
                                                     shows=["Mallory"])], ["bob", "mallory"])
        self.assertEqual(len(self.both("neighborhoods", "list", shows=["53.5438"])), 1)

        # Products.
        rug = self.json("products", "create", "--seller", "anna", "--name", "Rug", "--price",
                        "12900", "--currency", "EUR", "--stock", "3")["productId"]
        lamp = self.json("products", "create", "--seller", "anna", "--name", "Lamp", "--price",
                         "4900", "--currency", "EUR", "--image", "https://a.example/l.jpg")
        lamp = lamp["productId"]
        spare = self.json("products", "create", "--seller", "berta", "--name", "Vase", "--price",
                          "100", "--currency", "EUR")["productId"]
        self.assertEqual(self.json("users", "show", "berta")["roles"], ["seller"])
        changed = self.json("products", "update", rug, "--price", "9900", "--stock", "none")
        self.assertEqual((changed["price"], changed["stock"]), (9900, None))
        self.assertEqual(self.both("products", "show", rug, shows=["9900"])["name"], "Rug")
        self.assertEqual(len(self.both("products", "list", "--seller", "anna",
                                       shows=["Lamp", "4900"])), 2)

        # The stream, step by step.
        made = self.json("streams", "create", "--seller", "anna", "--title", "Früh 日本",
                         "--product", rug, "--at", "2026-01-01T18:00:00Z", "--duration", "30")
        stream = made["streamId"]
        self.assertEqual((made["status"], made["productCount"], made["estimatedDuration"]),
                         ("scheduled", 1, 30))
        self.refused("products", "attach", stream, spare, code="product_not_yours")
        self.assertEqual(self.json("products", "attach", stream, lamp)["productCount"], 2)
        settings = self.json("streams", "settings", stream, "--audience", "followers", "--chat",
                             "yes", "--record", "yes", "--description", "none")
        self.assertEqual((settings["audience"], settings["description"]), ("followers", None))
        relays = self.json("relay", "set", stream, "rtmp://a.example/live/a-secret-key")
        self.assertNotIn("a-secret-key", json.dumps(relays))
        self.assertEqual(len(self.both("relay", "list", stream, shows=["a.example"])), 1)
        self.assertEqual(self.json("relay", "set", stream), [])
        live = self.json("streams", "go-live", stream, "--checklist")
        self.assertEqual((live["status"], live["notificationsSent"]), ("live", 1))
        self.refused("streams", "go-live", stream, "--checklist", code="stream_not_scheduled")
        self.refused("streams", "settings", stream, "--audience", "everyone",
                     code="stream_not_scheduled")
        self.assertEqual(self.both("keys", "check", live["streamKey"], shows=[stream])["sellerId"],
                         "anna")

        # Who was told.
        told = self.both("notifications", "list", "bob", "--unread", shows=[stream])
        self.assertEqual([n["streamId"] for n in told], [stream])
        self.assertEqual(self.json("notifications", "read", "bob")["unreadCount"], 0)
        self.assertEqual(self.json("notifications", "list", "bob", "--unread"), [])
        self.assertEqual(self.json("notifications", "list", "mallory"), [])

        token = self.souk.token("bob", "buyer")
        device = self.souk.request("POST", "/api/v1/devices", {"platform": "web", "token": "t1"},
                                   token).json["data"]["id"]
        self.assertEqual([d["id"] for d in self.both("devices", "list", "bob", shows=["web"])],
                         [device])
        self.text("devices", "delete", "bob", device)
        self.assertEqual(self.json("devices", "list", "bob"), [])
        self.assertEqual(self.both("users", "presence", "bob", shows=["bob"])["userId"], "bob")

        # On air.
        self.publisher(self.souk.publish_url(live))
        shown = wait_for(lambda: (s := self.json("streams", "show", stream))["publisher"] and s,
                         "the publisher is shown")
        self.assertEqual(shown["state"], "publishing")
        # The size comes with the first frame, after the publisher.
        wait_for(lambda: "320x180" in self.text("streams", "show", stream), "its size is shown")
        self.assertEqual([s["streamId"] for s in self.both(
            "streams", "list", "--status", "live", "--search", "日本", shows=["Früh 日本"])],
            [stream])
        self.assertEqual(self.json("streams", "top")[0]["streamId"], stream)
        self.assertIn("publishing", self.text("streams", "top", "--once"))
        rtmp = [c for c in self.both("connections", "list", shows=["rtmp"])["connections"]
                if c["kind"] == "rtmp"]
        self.assertEqual([c["streamId"] for c in rtmp], [stream])
        self.assertEqual(self.json("status")["publishers"], 1)
        self.assertIn("Publishers", self.text("status"))
        self.watch_top(stream)

        # What is shown and sold.
        tagged = self.json("products", "tag", stream, rug, "--x", "0.25", "--y", "0.75",
                           "--seconds", "4")
        self.assertEqual(tagged["position"], {"x": 0.25, "y": 0.75})
        self.assertTrue(self.json("products", "pin", stream, rug)["pinned"])
        self.assertTrue(self.json("products", "pin", stream, lamp)["pinned"])
        self.assertFalse(self.json("products", "unpin", stream, lamp)["pinned"])
        self.assertEqual(self.json("products", "event", stream, rug, "click")["clicks"], 1)
        order = ("--order", "A1", "--amount", "9900", "--currency", "EUR")
        self.assertEqual(self.json("products", "event", stream, rug, "purchase", *order)["revenue"],
                         9900)
        self.refused("products", "event", stream, rug, "purchase", *order, code="duplicate_order")
        in_stream = self.both("products", "list", "--stream", stream, shows=["Rug", "9900"])
        self.assertEqual({p["name"]: p["purchases"] for p in in_stream}, {"Rug": 1, "Lamp": 0})

        self.moderate(stream)
        self.look_at_figures(stream)

        # Cut off, another key, the end.
        self.assertTrue(self.json("streams", "kick", stream)["kicked"])
        rotated = self.json("streams", "rotate-key", stream)
        self.refused("keys", "check", live["streamKey"], code="invalid_key")
        self.assertNotEqual(self.json("keys", "rotate", stream)["streamKey"],
                            rotated["streamKey"])
        self.assertIn("Duration", self.text("streams", "end", stream))
        self.refused("streams", "end", stream, code="stream_not_live")
        self.recordings(stream)
        self.text("products", "delete", lamp)
        self.refused("products", "show", lamp, code="product_not_found")
        self.text("neighborhoods", "delete", "harbour")

        self.permanent_keys()
        self.house(stream)
        self.all_was_run()

    def watch_top(self, stream):
        top = self.terminal([os.path.join(BUILD, "soukctl"), "--config", self.souk.config_path,
                             "streams", "top", "--interval", "200ms"])
        at = top.expect("\x1b[?1049h\x1b[?25l")
        at = top.expect("q quits", at)
        for column in ("FPS", "VIEWERS", "DROPS", stream):
            at = top.expect(column, at)
        at = top.expect("bit/s", at)
        # It is drawn again, and for the size that the terminal gets.
        at = top.expect(stream, at)
        top.resize(24, 60)
        top.process.send_signal(signal.SIGWINCH)
        wait_for(lambda: top.read() and self.widest(top.seen) <= 60, "it fits into 60 columns")
        top.type("xq")
        self.assertEqual(top.wait(), 0)
        self.assertTrue(top.seen.endswith(b"\x1b[?25h\x1b[?1049l"), top.seen[-40:])

    @staticmethod
    def widest(seen):
        """The widest line of the last screen that is whole."""
        screens = seen.split(b"\x1b[H")
        last = screens[-2] if len(screens) > 1 else b""
        return max(len(re.sub(r"\x1b\[[\d?]*[a-zA-Z]", "", line).rstrip("\r"))
                   for line in last.decode(errors="replace").split("\n"))

    def moderate(self, stream):
        first = self.json("chat", "say", stream, "hello")
        self.assertEqual(first["userId"], "anna")
        second = self.json("chat", "say", stream, "rude words", "--as", "bob")
        self.assertEqual(second["userId"], "bob")
        listed = self.both("chat", "list", stream, shows=["hello", "Bob"])
        self.assertEqual([m["id"] for m in listed], [first["id"], second["id"]])
        tail = self.terminal([os.path.join(BUILD, "soukctl"), "--config", self.souk.config_path,
                              "chat", "tail", stream])
        events = self.terminal([os.path.join(BUILD, "soukctl"), "--config", self.souk.config_path,
                                "events", "tail", "--count", "1"])
        self.ran.add(("events", "tail"))
        at = tail.expect("Bob: rude words", tail.expect("Anna: hello"))
        self.text("chat", "say", stream, "next")
        tail.expect("Anna: next", at)
        self.hears(events, stream)
        tail.process.send_signal(signal.SIGINT)
        self.assertEqual(tail.wait(), 0)
        self.assertEqual(tail.seen.count(b"hello"), 1)
        lines = self.text("chat", "tail", stream, "--once", "--lines", "1", "--json").splitlines()
        self.assertEqual([json.loads(line)["message"] for line in lines], ["next"])
        self.text("chat", "delete", stream, second["id"])
        self.assertEqual(len(self.json("chat", "list", stream)), 2)
        self.refused("chat", "delete", stream, second["id"], code="message_not_found")
        self.assertEqual(self.json("chat", "mute", stream, "bob", "--for", "10m")["kind"], "mute")
        self.refused("chat", "say", stream, "again", "--as", "bob", code="muted")
        self.assertEqual(self.json("chat", "ban", stream, "mallory")["until"], None)
        mutes = self.both("chat", "mutes", stream, shows=["mallory", "local-operator"])
        self.assertEqual({m["userId"]: m["kind"] for m in mutes}, {"bob": "mute", "mallory": "ban"})
        self.text("chat", "unmute", stream, "bob")
        for seconds in (30, 0):
            self.assertEqual(self.json("chat", "slow", stream, str(seconds))["slowMode"], seconds)
            self.assertEqual(self.json("streams", "show", stream)["slowMode"], seconds)
        self.text("chat", "say", stream, "sorry", "--as", "bob")

    def hears(self, events, stream):
        """It may still be about to begin: somebody comes and goes until it has heard of one."""
        try:
            wait_for(lambda: self.viewed(stream) and not events.read(0)
                     and events.process.poll() is not None, "one was told")
        except AssertionError as e:
            raise AssertionError(f"{e}; {events.seen!r}; {self.json('viewers', stream)}") from None
        self.assertEqual(events.wait(), 0)

    def viewed(self, stream):
        """Somebody comes and goes, of which the room is told."""
        client = JsonClient(self.souk.http_port, self.souk.token("bob", "buyer"))
        self.assertEqual(client.call("stream:join", {"stream_id": stream})["streamId"], stream)
        client.leave()
        client.ws.close()
        return True

    def look_at_figures(self, stream):
        figures = self.both("streams", "analytics", stream, shows=["Rug", "Chat messages"])
        revenue = figures["revenue"]
        self.assertEqual((revenue["total"], revenue["currency"], revenue["orders"]),
                         (9900, "EUR", 1))
        self.assertEqual(figures["engagement"]["chatMessages"], 4)
        self.text("streams", "analytics", stream, "--timeline")
        self.assertEqual(self.both("streams", "viewers", stream, shows=["watch now"])["count"], 0)
        self.assertEqual(self.both("viewers", stream)["viewers"], [])

    def recordings(self, stream):
        wait_for(lambda: [r for r in self.json("vod", "list", "--state", "ready")
                          if r["streamId"] == stream], "the recording is ready")
        self.assertIn("Früh 日本", self.text("vod", "list"))
        self.both("vod", "show", stream, shows=[stream])
        exported = self.json("vod", "export", stream, "show.mp4")
        self.assertEqual(os.path.getsize(os.path.join(self.souk.folder, "show.mp4")),
                         exported["bytes"])
        self.assertEqual(self.json("vod", "delete", stream)["state"], "deleted")
        self.assertEqual(self.json("streams", "delete", stream)["status"], "deleted")
        self.refused("streams", "show", stream, code="stream_not_found")

    def permanent_keys(self):
        key = self.json("keys", "set", "anna")["streamKey"]
        self.refused("keys", "check", key, code="invalid_key")
        due = self.json("streams", "create", "--seller", "anna", "--title", "Due")["streamId"]
        self.json("streams", "go-live", due)
        self.assertEqual(self.json("keys", "check", key)["streamId"], due)
        self.json("streams", "end", due)
        self.assertIsNone(self.json("keys", "remove", "anna")["streamKey"])

    def house(self, stream):
        """Bans, connections, limits, the outbox, the audit log, the configuration, the database."""
        self.assertEqual(self.json("bans", "add", "address", "192.0.2.7/24", "--for", "1h",
                                   "--reason", "scans")["subject"], "192.0.2.0/24")
        self.assertEqual(len(self.both("bans", "list", shows=["scans"])), 1)
        self.text("bans", "lift", "address", "192.0.2.0/24")
        self.assertEqual(self.json("bans", "list"), [])
        self.refused("connections", "close", "no-such", code="connection_not_found")
        self.assertEqual(self.both("sockets", "list", shows=["None."])["count"], 0)
        self.refused("sockets", "close", "no-such", code="socket_not_found")
        self.assertIn("name", self.both("limits", shows=["LIMIT"])[0])
        self.assertEqual(self.both("outbox", "list", shows=["None."])["waiting"], 0)
        self.assertEqual(self.json("outbox", "retry")["retried"], 0)
        entries = self.both("audit", shows=["local-operator", "/kick"])
        self.assertIn("POST /api/v1/admin/streams/{id}/kick", [e["action"] for e in entries])
        # Also what was done in the seller's name.
        pinned = [e for e in entries if e["action"].startswith("POST") and "/pin" in e["action"]]
        self.assertEqual({(e["actor"], e["detail"]["as"]) for e in pinned},
                         {("local-operator", "anna")})
        self.assertEqual(self.json("audit", "--actor", "nobody", "--limit", "5"), [])
        self.assertEqual(self.json("config", "reload")["changed"], [])
        self.text("config", "check")
        self.both("config", "show", "--changed", shows=["rtmp.listen"])
        self.assertIn("[rtmp]", self.text("config", "example"))
        self.both("db", "check", shows=["in order"])
        self.text("db", "backup", "copy.db")
        self.refused("db", "backup", "copy.db", code="is there already")
        self.text("token", "--sub", "bob", "--role", "buyer")
        self.both("doctor", shows=["permissions", "webhooks", "push", "outbox"])
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("soukctl", self.text("completion", shell))
        self.assertTrue(self.json("drain")["draining"])
        self.assertEqual(self.souk.process.wait(60), 0)
        self.json("db", "migrate")

    def all_was_run(self):
        """The completion of fish has every command in a line of its own."""
        script = self.text("completion", "fish")
        commands = set(re.findall(r"__soukctl_at ([a-z]*)' -a ([a-z-]+) ", script))
        groups = {group for group, _ in commands}
        for group, name in sorted(commands):
            if name not in groups:
                self.assertIn((group, name) if group else (name,), self.ran)


class Page(SoukTest):
    """Every command of the operator's page, as it stands there."""

    def setUp(self):
        self.souk = self.soukd({"hls.segment_target": "1s"})
        for name, target in (("build", BUILD), ("conf", os.path.join(ROOT, "conf"))):
            os.symlink(os.path.abspath(target), os.path.join(self.souk.folder, name))
        for user in ("bob", "mallory"):
            self.souk.ctl("users", "set", user, "--name", user)
        recorded = self.souk.create_stream()
        self.publisher(self.souk.publish_url(recorded), frames=60).wait()
        self.souk.wait_mp4(recorded)
        self.recorded = recorded["streamId"]
        self.ids = {}

    def run_line(self, line):
        for word, value in self.ids.items():
            line = re.sub(rf"\b{word}\b", value, line)
        line = line.replace("/var/backups/", "./copy-of-").replace("| source", "> fish.txt")
        line = line.replace("localhost:8080", f"localhost:{self.souk.http_port}")
        result = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, cwd=self.souk.folder, timeout=90,
            env={**os.environ, "SOUKD_CONFIG": self.souk.config_path})
        self.assertEqual(result.returncode, 0, f"{line}\n{result.stdout}{result.stderr}")
        for title, word in (("Stream", "STREAM"), ("Product", "PRODUCT"), ("Message", "MESSAGE")):
            made = re.search(rf"^{title} +(\S+)$", result.stdout, re.M)
            if made and re.search(r" (create|say) ", line):
                self.ids[word] = made[1]
        return result.stdout

    def prepare(self, line):
        """What a line of the page takes for granted."""
        if " vod " in line:
            self.ids["STREAM"] = self.recorded
        elif "STREAM" in line and self.ids.get("STREAM") in (None, self.recorded):
            self.ids["STREAM"] = self.souk.create_stream()["streamId"]
        if " kick " in line:
            key = self.souk.ctl("streams", "rotate-key", self.ids["STREAM"])
            self.publisher(self.souk.publish_url(key))
            wait_for(lambda: self.souk.ctl("streams", "show", self.ids["STREAM"])["publisher"],
                     "somebody publishes")

    def test_operating(self):
        with open(os.path.join(ROOT, "conf", "operating.md")) as f:
            page = f.read()
        lines = re.findall(r"^```sh\n(.*?)^```|`([^`\n]*build/soukctl[^`\n]*)`", page, re.M | re.S)
        lines = [line for block, inline in lines for line in (block or inline).splitlines() if line]
        self.assertGreater(len(lines), 50)
        # The last word of the day, wherever it stands on the page.
        lines.sort(key=lambda line: line.endswith(" drain"))
        for line in lines:
            with self.subTest(line):
                self.prepare(line)
                told = self.run_line(line)
                quiet = ">" in line or "| source" in line or "<(" in line or "--check-config" in line
                self.assertTrue(told or quiet, "it tells nothing")
            if " streams delete " in line:
                del self.ids["STREAM"]
        self.assertEqual(self.souk.process.wait(60), 0)


if __name__ == "__main__":
    unittest.main()
