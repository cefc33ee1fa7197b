"""Operators look on: soukctl chat tail, events tail, viewers, sockets, and limits that change.

Everything waits for what it looks for: a line is told by what comes after it, never by time.
"""
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import unittest

from support import BUILD, PATIENCE, SoukTest, wait_for
from terminal import Terminal
from websocket_client import JsonClient, Refused

SOUKCTL = os.path.join(BUILD, "soukctl")


class Follower:
    """soukctl that goes on, with its output in pipes."""

    def __init__(self, daemon, *args, where=None, env=None):
        where = where or ["--config", daemon.config_path]
        self.process = subprocess.Popen(
            [SOUKCTL, *where, *args], cwd=daemon.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
        self.lines, self.told = [], []
        self.threads = [threading.Thread(target=self._read, args=pair, daemon=True) for pair in
                        ((self.process.stdout, self.lines), (self.process.stderr, self.told))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _read(pipe, lines):
        with contextlib.suppress(ValueError):
            for line in pipe:
                lines.append(line.rstrip("\n"))

    def wait_line(self, *words):
        return wait_for(lambda: [line for line in self.lines if all(w in line for w in words)],
                        f"a line with {words} in {self.lines} {self.told}")[0]

    def wait_told(self, word):
        wait_for(lambda: any(word in line for line in self.told), f"{word!r} in {self.told}")

    def objects(self):
        return [json.loads(line) for line in self.lines]

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.end()

    def end(self):
        status = self.process.wait(PATIENCE)
        for thread in self.threads:
            thread.join(PATIENCE)
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()


class TailTest(SoukTest):
    def start(self, settings=None):
        self.souk = self.soukd(settings)
        self.stream = self.souk.create_stream(seller="anna")["streamId"]
        return self.souk

    def follow(self, *args, **kwargs):
        follower = Follower(self.souk, *args, **kwargs)
        self.addCleanup(follower.close)
        return follower

    def client(self, user=None, **kwargs):
        token = self.souk.token(user, "buyer") if user else None
        client = JsonClient(self.souk.http_port, token, **kwargs)
        self.addCleanup(client.ws.close)
        return client

    def say(self, text, user="anna"):
        return self.souk.ctl("chat", "say", self.stream, text, "--as", user)

    def user(self, name, role="buyer"):
        self.souk.ctl("users", "set", name, "--name", name.title(), "--role", role)

    def by_url(self):
        return ["--url", f"http://127.0.0.1:{self.souk.http_port}"]

    def listening(self, follower, *args):
        """Says things until one is shown: from then on nothing is missed."""
        def shown():
            self.say("are you there?")
            return any("are you there?" in line for line in follower.lines)
        wait_for(shown, f"it listens: {follower.lines} {follower.told}")


class Chat(TailTest):
    def setUp(self):
        self.start({"chat.rate": 0})
        for name in ("bob", "mallory"):
            self.user(name)

    def test_history_and_what_comes(self):
        for n in range(3):
            self.say(f"old {n}")
        tail = self.follow("chat", "tail", self.stream, "--lines", "2")
        tail.wait_line("old 2")
        self.assertFalse([line for line in tail.lines if "old 0" in line])
        bad = self.say("rude\x1b[31m words", "bob")
        line = tail.wait_line("Bob: rude")
        self.assertNotIn("\x1b", line)
        self.assertIn(bad["id"], line)
        # What is done to messages and writers, also where nobody watches.
        self.souk.ctl("chat", "delete", self.stream, bad["id"])
        tail.wait_line(bad["id"], "was deleted by local-operator")
        self.souk.ctl("chat", "mute", self.stream, "bob", "--for", "10m")
        tail.wait_line("bob is muted until 20")
        self.souk.ctl("chat", "unmute", self.stream, "bob")
        tail.wait_line("bob is no more muted")
        self.souk.ctl("chat", "ban", self.stream, "mallory")
        tail.wait_line("mallory is banned")
        self.assertEqual(tail.interrupt(), 0)
        self.assertEqual(tail.told, [])
        texts = [re.sub(r"^\S+\s+\S+\s+", "", line) for line in tail.lines if ": " in line]
        self.assertEqual(texts, ["Anna: old 1", "Anna: old 2", "Bob: rude?[31m words"]
                         if texts[0].startswith("Anna") else
                         ["anna: old 1", "anna: old 2", "Bob: rude?[31m words"])

    def test_since_and_once(self):
        for n in range(105):
            self.say_by_rest(f"message {n}")
        lines = self.souk.ctl("chat", "tail", self.stream, "--once", "--since", "1h", "--json",
                              parse=False).splitlines()
        self.assertEqual([json.loads(line)["message"] for line in lines],
                         [f"message {n}" for n in range(105)])
        result = subprocess.run([SOUKCTL, "--config", self.souk.config_path, "chat", "tail",
                                 self.stream, "--since", "yesterday"], capture_output=True, text=True)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--since must be a duration", result.stderr)

    def say_by_rest(self, text):
        self.token = getattr(self, "token", None) or self.souk.token("anna", "seller")
        answer = self.souk.request("POST", f"/api/v1/streams/{self.stream}/chat",
                                   {"message": text}, token=self.token)
        self.assertEqual(answer.status, 201, answer.text)

    def test_by_url(self):
        """An admin's token sees everything, a viewer's the messages."""
        for role, deletions in (("admin", True), ("buyer", False)):
            with self.subTest(role):
                token = self.souk.token("carol", role)
                tail = self.follow("chat", "tail", self.stream, "--json", where=self.by_url(),
                                   env={"SOUKCTL_TOKEN": token})
                self.listening(tail)
                gone = self.say(f"for {role}")
                tail.wait_line(f"for {role}")
                self.souk.ctl("chat", "delete", self.stream, gone["id"])
                self.say(f"after {role}")
                tail.wait_line(f"after {role}")
                seen = [o for o in tail.objects() if o.get("event") == "chat:deleted"]
                self.assertEqual([o["data"]["messageId"] for o in seen],
                                 [gone["id"]] if deletions else [])
                self.assertEqual(tail.interrupt(signal.SIGTERM), 0)

    def test_restart(self):
        """Nothing that was said is missed, whatever happens to the daemon meanwhile."""
        tail = self.follow("chat", "tail", self.stream, "--json")
        self.listening(tail)
        self.souk.kill9()
        tail.wait_told("soukd does not answer; waiting for it")
        self.souk.start()
        said = [self.say(f"number {n}")["id"] for n in range(3)]
        tail.wait_line("number 2")
        self.assertEqual([o["id"] for o in tail.objects() if "number" in o.get("message", "")], said)
        ids = [o["id"] for o in tail.objects() if "message" in o]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertEqual(tail.interrupt(), 0)

    def test_moderation_acts_on_open_sockets(self):
        bob, mallory = self.client("bob"), self.client("mallory")
        for client in (bob, mallory):
            client.call("stream:join", {"stream_id": self.stream})
        said = bob.call("stream:chat", {"stream_id": self.stream, "message": "hello"})
        self.souk.ctl("chat", "delete", self.stream, said["id"])
        mallory.event("chat:deleted", lambda d: d["messageId"] == said["id"])
        self.souk.ctl("chat", "mute", self.stream, "bob", "--for", "1h")
        bob.event("chat:muted", lambda d: d["userId"] == "bob")
        refused = bob.call("stream:chat", {"stream_id": self.stream, "message": "more"})
        self.assertEqual(refused["error"]["code"], "muted")
        self.souk.ctl("chat", "unmute", self.stream, "bob")
        bob.event("chat:muted", lambda d: d["lifted"])
        self.assertIn("id", bob.call("stream:chat", {"stream_id": self.stream, "message": "more"}))
        self.souk.ctl("chat", "ban", self.stream, "mallory")
        mallory.event("chat:muted", lambda d: d["kind"] == "ban")
        refused = mallory.call("stream:chat", {"stream_id": self.stream, "message": "and me?"})
        self.assertEqual(refused["error"]["code"], "banned")
        self.souk.ctl("bans", "add", "user", "mallory")
        mallory.wait_closed()


class Events(TailTest):
    def setUp(self):
        self.start({"chat.rate": 0, "events.rate": 0, "events.tail": 100})
        self.user("bob")

    def test_filters(self):
        other = self.souk.create_stream(seller="berta")["streamId"]
        everything = self.follow("events", "tail", "--json")
        chat = self.follow("events", "tail", "--json", "--stream", self.stream, "--event", "chat:*")
        pair = self.follow("events", "tail", "--json", "--event", "viewer:left", "--event", "chat:del*")
        for follower in (everything, chat):
            self.listening(follower)
        bob = self.client("bob")
        for stream in (self.stream, other):
            bob.call("stream:join", {"stream_id": stream})
        everything.wait_line("viewer:joined", other)
        self.souk.ctl("chat", "say", other, "elsewhere")
        everything.wait_line("elsewhere")
        wait_for(lambda: bob.call("stream:leave", {"stream_id": other}) is not None
                 and any("viewer:left" in line for line in pair.lines)
                 or bob.call("stream:join", {"stream_id": other}) is None, "it listens, too")
        gone = self.say("last")
        self.souk.ctl("chat", "delete", self.stream, gone["id"])
        for follower in (everything, chat, pair):
            follower.wait_line("chat:deleted", gone["id"])
        self.assertEqual({o["room"] for o in chat.objects()}, {f"stream:{self.stream}"})
        self.assertEqual({o["event"] for o in chat.objects()}, {"chat:message", "chat:deleted"})
        self.assertEqual({o["event"] for o in pair.objects()}, {"viewer:left", "chat:deleted"})
        for o in everything.objects():
            self.assertEqual(set(o), {"at", "room", "event", "seq", "data"})
        for follower in (everything, chat, pair):
            self.assertEqual(follower.interrupt(), 0)
            self.assertEqual(follower.told, [])

    def test_secrets_are_struck_out(self):
        tail = self.follow("events", "tail", "--json")
        self.listening(tail)
        token = self.souk.token("bob", "buyer")
        key = self.souk.ctl("streams", "rotate-key", self.stream)["streamKey"]
        self.say(f"see {token} and")
        self.say(f"/hls/x?token={'abc' * 9}&y=1")
        self.say(f"rtmp://127.0.0.1/live/{key} it is")
        line = tail.wait_line("it is")
        self.assertIn("rtmp://127.0.0.1/live/*** it is", line)
        tail.wait_line("see *** and")
        tail.wait_line("/hls/x?token=***&y=1")
        for secret in (token, key, "abcabc"):
            self.assertFalse([line for line in tail.lines if secret in line])

    def test_by_url_and_who_may(self):
        admin = self.souk.token("root", "admin")
        tail = self.follow("events", "tail", "--count", "1", where=self.by_url() + ["--token", admin])
        self.listening(tail)
        self.assertEqual(tail.end(), 0)
        self.assertEqual(len(tail.lines), 1)
        self.assertRegex(tail.lines[0], rf"^\d\d:\d\d:\d\d\.\d+  stream:{self.stream}  chat:message  {{")
        tail = self.follow("events", "tail", where=self.by_url() + [
            "--token", self.souk.token("bob", "buyer")])
        self.assertEqual(tail.end(), 1)
        self.assertIn("(forbidden)", tail.told[0])
        tail = self.follow("events", "tail", where=["--socket", "/nowhere/soukd.sock"])
        self.assertEqual(tail.end(), 3)
        self.assertIn("soukd does not answer", tail.told[0])

    def test_restart(self):
        tail = self.follow("events", "tail", "--event", "chat:message")
        self.listening(tail)
        self.assertEqual(self.souk.terminate(), 0)
        tail.wait_told("waiting for it")
        self.souk.start()
        tail.wait_told("soukd is back")
        tail.wait_told("soukd was started anew")
        self.listening(tail)
        self.assertEqual(tail.interrupt(), 0)

    def test_a_slow_reader_is_told_what_he_missed(self):
        """A terminal that nobody reads: the daemon keeps a bounded past, and goes on."""
        read, write = os.pipe()
        process = subprocess.Popen(
            [SOUKCTL, "--config", self.souk.config_path, "events", "tail", "--json", "--event", "viewer:*",
             "--event", "chat:message"], stdout=write, stderr=subprocess.DEVNULL, cwd=self.souk.folder)
        os.close(write)
        self.addCleanup(os.close, read)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        seen = b""
        os.set_blocking(read, False)
        def has(text):
            nonlocal seen
            with contextlib.suppress(BlockingIOError):
                seen += os.read(read, 65536)
            return text in seen
        wait_for(lambda: self.say("are you there?") and has(b"are you there?"), "it listens")
        # More than the pipe takes, an answer holds and the daemon keeps.
        bob = self.client("bob")
        bob.call("stream:join", {"stream_id": self.stream})
        for n in range(1000):
            bob.send("stream:chat", {"stream_id": self.stream, "message": f"{n} " + "x" * 150})
        wait_for(lambda: self.souk.metric("souk_hub_events_total") > 1000, "all was said")
        self.say("the last")
        wait_for(lambda: has(b"the last"), "it catches up")
        gaps = [json.loads(line) for line in seen.decode().splitlines() if '"missed"' in line]
        self.assertGreater(sum(gap["missed"] for gap in gaps), 0)
        self.assertFalse(any(gap["restarted"] for gap in gaps))
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_a_pipe_that_breaks_ends_it_quietly(self):
        command = " ".join([SOUKCTL, "--config", self.souk.config_path, "events", "tail"])
        shell = subprocess.Popen(["bash", "-c", f"{command} | head -n 1; echo ${{PIPESTATUS[0]}}"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(shell.stdout.close)
        self.addCleanup(shell.stderr.close)
        def over():
            if shell.poll() is None:
                self.say("hello")
            return shell.poll() is not None
        wait_for(over, "both ends are gone")
        out = shell.stdout.read().splitlines()
        self.assertIn("hello", out[0])
        self.assertEqual(len(out), 2)
        self.assertEqual(shell.stderr.read(), "")

    def test_terminal(self):
        tail = Terminal([SOUKCTL, "--config", self.souk.config_path, "events", "tail"])
        self.addCleanup(tail.close)
        def shown():
            self.say("to a terminal")
            tail.read()
            return b"to a terminal" in tail.seen
        wait_for(shown, "it is shown")
        tail.type("\x03")
        self.assertEqual(tail.wait(), 0)


class Sockets(TailTest):
    def setUp(self):
        self.start()
        self.user("bob")

    def test_list_and_close(self):
        bob, guest = self.client("bob"), self.client()
        bob.call("stream:join", {"stream_id": self.stream})
        guest.call("get_viewer_count", {"stream_id": self.stream})
        listed = self.souk.ctl("sockets", "list")
        self.assertEqual(listed["count"], 2)
        self.assertEqual([(s["userId"], s["guest"], s["framing"], s["rooms"] > 0)
                          for s in listed["sockets"]],
                         [("bob", False, "json", True), (None, True, "json", guest_in(listed))])
        for query, n in ((("--stream", self.stream), 1), (("--user", "bob"), 1),
                         (("--user", "nobody"), 0), (("--framing", "socket.io"), 0),
                         (("--address", "127.0.0.1"), 2), (("--limit", "1"), 1)):
            found = self.souk.ctl("sockets", "list", *query)
            self.assertEqual(len(found["sockets"]), n, query)
        table = self.souk.ctl("sockets", "list", parse=False)
        self.assertRegex(table, r"ws-\d+ +json +bob")
        self.souk.ctl("sockets", "close", listed["sockets"][0]["id"])
        bob.wait_closed()
        wait_for(lambda: self.souk.ctl("sockets", "list")["count"] == 1, "one is left")
        self.assertEqual(self.souk.metric("souk_sockets", 'framing="json"'), 1)

    def test_viewers_on_a_terminal(self):
        screen = Terminal([SOUKCTL, "--config", self.souk.config_path, "viewers", self.stream,
                           "--watch", "--interval", "100ms"])
        self.addCleanup(screen.close)
        at = screen.expect("0 watch now")
        bob = self.client("bob")
        bob.call("stream:join", {"stream_id": self.stream})
        at = screen.expect("1 watch now", at)
        at = screen.expect("bob", at)
        bob.leave()
        screen.expect("0 watch now", at)
        screen.type("q")
        self.assertEqual(screen.wait(), 0)


def guest_in(listed):
    return listed["sockets"][1]["rooms"] > 0


class Reload(TailTest):
    def reload(self, by_signal=False, **changes):
        before = len(self.souk.log_lines("told to reload"))
        self.souk.settings.update({key.replace("__", "."): v for key, v in changes.items()})
        self.souk.write_config()
        if not by_signal:
            return self.souk.ctl("config", "reload")
        lines = len(self.souk.log_lines("setting changed"))
        self.souk.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(self.souk.log_lines("told to reload")) > before
                 and len(self.souk.log_lines("setting changed")) >= lines + len(changes),
                 "it is reloaded")
        return None

    def limit(self, name):
        limits = self.souk.ctl("limits")
        return next((l["limit"], l["used"]) for l in limits if l["name"] == name)

    def refusal(self, client, event, data):
        return (client.call(event, data).get("error") or {}).get("code")

    def test_limits_of_events(self):
        self.start({"events.rate": 0})
        other = self.souk.create_stream(seller="berta")["streamId"]
        self.user("bob")
        bob = self.client("bob")
        self.assertEqual(self.limit("events.sockets_per_user"), (20, 1))
        # By the signal: sockets that are there heed it as well.
        self.reload(by_signal=True, events__rooms=1, events__sockets_per_user=1)
        self.assertIsNone(self.refusal(bob, "stream:join", {"stream_id": self.stream}))
        self.assertEqual(self.refusal(bob, "stream:join", {"stream_id": other}), "too_many_rooms")
        self.assertEqual(self.limit("events.rooms"), (1, 1))
        with self.assertRaises(Refused) as refused:
            self.client("bob")
        self.assertEqual(refused.exception.status, 429)
        self.souk.wait_log("limit met", "limit=events.sockets_per_user")
        self.souk.wait_log("limit met", "limit=events.rooms")
        for limit in ("events.rooms", "events.sockets_per_user"):
            self.assertEqual(self.souk.metric("souk_event_limits_total", f'"{limit}"'), 1)
        self.assertEqual(self.souk.metric("souk_events_refused_total", '"too_many_rooms"'), 1)
        # And back.
        changed = self.reload(events__rooms=2, events__sockets_per_user=0)
        self.assertEqual(set(changed["changed"]), {"events.rooms", "events.sockets_per_user"})
        self.assertEqual(changed["needRestart"], [])
        self.assertIsNone(self.refusal(bob, "stream:join", {"stream_id": other}))
        self.client("bob")

    def test_rates(self):
        self.start({"events.rate": 0})
        bob = self.client("bob")
        count = {"stream_id": self.stream}
        for _ in range(20):
            self.assertIsNone(self.refusal(bob, "get_viewer_count", count))
        self.reload(events__rate=1)
        wait_for(lambda: self.refusal(bob, "get_viewer_count", count) == "rate_limited",
                 "one a second is kept")
        self.souk.wait_log("limit met", "limit=events.rate")
        self.reload(events__rate=0, events__handshakes=1)
        self.assertIsNone(self.refusal(bob, "get_viewer_count", count))
        def refused():
            try:
                self.client()
            except Refused as e:
                return e.status == 429
            return False
        wait_for(refused, "one handshake a minute is kept")
        self.souk.wait_log("limit met", "limit=events.handshakes")
        self.reload(events__handshakes=0)
        self.client()

    def test_sizes(self):
        """Of sockets that come from now on."""
        self.start()
        before = self.client("bob")
        self.reload(events__message="1k")
        after = self.client("bob")
        long = {"stream_id": self.stream, "message": "x" * 2000}
        self.assertEqual(self.refusal(before, "stream:chat", long), "out_of_range")
        after.send("stream:chat", long)
        after.wait_closed()
        self.souk.wait_log("limit met", "limit=events.message")
        self.assertEqual(self.souk.metric("souk_event_limits_total", '"events.message"'), 1)
        self.assertEqual(self.limit("events.message")[0], 1024)

    def test_guests_go(self):
        self.start()
        guest, bob = self.client(), self.client("bob")
        self.reload(auth__allow_guests="no")
        guest.wait_closed()
        self.assertIsNone(self.refusal(bob, "get_viewer_count", {"stream_id": self.stream}))
        self.reload(auth__allow_guests="yes")
        self.assertIsNone(self.refusal(self.client(), "get_viewer_count", {"stream_id": self.stream}))

    def test_what_needs_a_restart_says_so(self):
        self.start()
        changed = self.reload(events__namespaces="/shop", events__queue="64k")
        self.assertEqual((changed["changed"], changed["needRestart"]),
                         (["events.queue"], ["events.namespaces"]))
        self.souk.wait_log("setting needs a restart", "events.namespaces")


if __name__ == "__main__":
    unittest.main()
