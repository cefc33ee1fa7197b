"""Play-out: RTMP play and HTTP-FLV get, byte by byte, what the publisher sends."""
import http.client
import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

import flv_files
import test_audience
import test_codecs
import test_tls
from rtmp_client import AUDIO, DATA, VIDEO, Closed, RtmpClient, amf, flv_tags
from support import SoukTest, ffprobe_packets, wait_for
from test_packets import is_config, is_media, payload_hash


def split_tags(data):
    """[(type, timestamp, body)] of an FLV file's bytes; the last one may be cut."""
    tags, at = [], 13
    while at + 15 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        if at + 15 + size > len(data):
            break
        ts = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        tags.append((data[at] & 31, ts, data[at + 11:at + 11 + size]))
        assert int.from_bytes(data[at + 11 + size:at + 15 + size], "big") == size + 11
        at += 15 + size
    return tags


class Sender:
    """Publishes the small clip, at once, as often as it is told to, and knows what it has sent."""

    def __init__(self, souk, made):
        self.souk, self.made = souk, made
        tags = flv_tags(flv_files.small())
        self.head = [t for t in tags if t[0] == DATA or is_config(t[2])]
        self.media = [t for t in tags if t[0] != DATA and is_media(t[0], t[2])]
        self.sent, self.clock = [], 0

    def connect(self):
        self.client = RtmpClient(self.souk.rtmp_port)
        status = self.client.publish(self.made["streamKey"])
        assert status["code"] == "NetStream.Publish.Start", status
        self.client.set_chunk_size(60000)
        for kind, _, body in self.head:
            if kind == DATA:
                self.client.chunk(
                    4, DATA, 0, self.client.stream, amf("@setDataFrame") + body)
            else:
                self.client.media(kind, self.clock, body)
        return self

    def round(self):
        for kind, ts, body in self.media:
            self.client.media(kind, self.clock + ts, body)
            self.sent.append((kind, body))
        self.clock += self.media[-1][1] + 33
        # Answered when all of it has been taken.
        self.client.command("getStreamLength", None, "x", stream=0)
        self.client.answer("_result", "_error")
        return self

    def last_key(self):
        return max(i for i, (kind, body) in enumerate(self.sent)
                   if kind == VIDEO and body[0] >> 4 == 1)

    def expected(self, first):
        """From the place on: what a player gets first, and the media."""
        return [*[(k, b) for k, _, b in self.head], *self.sent[first:]]


class FlvReader:
    """GET of the body to its end, in a thread."""

    def __init__(self, port, path):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.request("GET", path)
        self.answer = self.connection.getresponse()
        self.data = bytearray()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while chunk := self.answer.read1(65536):
            self.data += chunk
        self.connection.close()

    def tags(self):
        self.thread.join(60)
        return split_tags(bytes(self.data))


class RtmpReader:
    def __init__(self, port, name, wanted="NetStream.Play.Start"):
        self.client = RtmpClient(port)
        self.client.handshake()
        self.client.connect()
        self.stream = self.client.create_stream()
        self.client.command("play", None, name, -2000, stream=self.stream)
        self.codes, self.tags = [], []
        while self.status()["code"] == "NetStream.Play.Reset":
            pass
        assert self.codes[-1] == wanted, self.codes

    def status(self):
        status = self.client.answer("onStatus")[3]
        self.codes.append(status["code"])
        return status

    def start(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        try:
            while True:
                kind, ts, _, body = self.client.message()
                if kind in (AUDIO, VIDEO, DATA) and b"RtmpSampleAccess" not in body:
                    self.tags.append((kind, ts, body))
                elif kind == 20:
                    self.codes += [c for c in ("UnpublishNotify", "Play.Stop")
                                   if c.encode() in body]
        except Closed:
            self.client.close()


def flv_path(made, token=None):
    return f"/live/{made['streamId']}.flv" + (f"?token={token}" if token else "")


class PlayoutTest(SoukTest):
    def players(self, souk, count):
        wait_for(lambda: souk.metric("souk_playout_players") == count, f"{count} players")

    def bodies(self, tags):
        return [(kind, body) for kind, _, body in tags]

    def same(self, tags, expected):
        """Without the megabytes of difference that unittest would show."""
        got = self.bodies(tags)
        for i, (a, b) in enumerate(zip(got, expected)):
            if a != b:
                self.fail(f"tag {i} is {a[0]}, {len(a[1])} bytes, instead of {b[0]}, {len(b[1])}")
        self.assertEqual(len(got), len(expected))

    def growing(self, tags):
        for kind in (AUDIO, VIDEO):
            times = [t for k, t, _ in tags if k == kind]
            self.assertEqual(times, sorted(times))


class Playout(PlayoutTest):
    def test_what_was_published_byte_by_byte(self):
        souk = self.soukd({"rtmp.max_bitrate": "1G"})
        made = souk.create_stream()
        sender = Sender(souk, made).connect().round()
        first = sender.last_key()
        http_url = f"http://127.0.0.1:{souk.http_port}{flv_path(made)}"
        rtmp_url = f"rtmp://127.0.0.1:{souk.rtmp_port}/live/{made['streamId']}"
        out = {name: os.path.join(souk.folder, name + ".flv") for name in ("http", "rtmp", "dump")}
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                 "stderr": subprocess.DEVNULL}
        programs = [
            subprocess.Popen(["ffmpeg", "-v", "error", "-i", http_url, "-c", "copy", out["http"]],
                             **quiet),
            subprocess.Popen(["ffmpeg", "-v", "error", "-i", rtmp_url, "-c", "copy", out["rtmp"]],
                             **quiet),
            subprocess.Popen(["rtmpdump", "-q", "--live", "-r", rtmp_url, "-o", out["dump"]],
                             **quiet)]
        for p in programs:
            self.addCleanup(p.kill)
        reader = FlvReader(souk.http_port, flv_path(made))
        player = RtmpReader(souk.rtmp_port, made["streamId"]).start()
        self.players(souk, 5)
        sender.round()
        sender.client.stop()
        for p in programs:
            p.wait(60)
        player.thread.join(60)
        expected = sender.expected(first)
        self.same(reader.tags(), expected)
        self.assertEqual(reader.data[:9], b"FLV\x01\x05\0\0\0\x09")
        self.same(player.tags, expected)
        self.assertEqual(player.codes[-2:], ["UnpublishNotify", "Play.Stop"])
        self.assertEqual(player.tags, reader.tags())
        self.growing(player.tags)
        for kind, letter in ((VIDEO, "v"), (AUDIO, "a")):
            hashes = [payload_hash(k, b) for k, b in sender.sent[first:] if k == kind]
            for name in ("http", "rtmp"):
                got = [h for _, _, h in ffprobe_packets(out[name], letter)]
                self.assertEqual(got, hashes, name)
            dumped = [b for k, _, b in flv_tags(out["dump"]) if k == kind and not is_config(b)]
            self.assertEqual(dumped, [b for k, b in sender.sent[first:] if k == kind])
        self.players(souk, 0)
        self.assertEqual(souk.metric("souk_playout_ended_total", "over"), 5)
        self.assertEqual(souk.get(flv_path(made)).status, 404)

    def test_a_player_waits_for_the_publisher_and_stays_through_interruptions(self):
        souk = self.soukd({"rtmp.max_bitrate": "1G"})
        made = souk.create_stream()
        reader = FlvReader(souk.http_port, flv_path(made))
        player = RtmpReader(souk.rtmp_port, made["streamId"]).start()
        self.players(souk, 2)
        sender = Sender(souk, made).connect().round()
        sender.client.close()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "interrupted")
        self.assertEqual(souk.metric("souk_playout_players"), 2)
        half = len(sender.sent)
        sender.clock = 0  # another encoder, another clock
        sender.connect().round()
        sender.client.stop()
        expected = sender.expected(0)
        again = expected[:3]
        expected[3 + half:3 + half] = again
        tags = reader.tags()
        player.thread.join(60)
        self.same(tags, expected)
        self.assertEqual(player.tags, tags)
        self.growing(tags)

    def test_the_end_can_be_told_from_a_break(self):
        """HTTP/1.1: chunks, and the last one says so. HTTP/1.0: the connection ends."""
        souk = self.soukd({"rtmp.max_bitrate": "1G"})
        made = souk.create_stream()
        sender = Sender(souk, made).connect().round()
        first = sender.last_key()
        bodies = {}
        for version in ("1.0", "1.1"):
            sock = socket.create_connection(("127.0.0.1", souk.http_port), timeout=60)
            self.addCleanup(sock.close)
            sock.sendall(f"GET {flv_path(made)} HTTP/{version}\r\nHost: x\r\n\r\n".encode())
            bodies[version] = sock
        self.players(souk, 2)
        sender.client.stop()
        for version, sock in bodies.items():
            with sock.makefile("rb") as f:
                head, body = f.read().split(b"\r\n\r\n", 1)
            self.assertEqual(b"transfer-encoding: chunked" in head, version == "1.1", head)
            bodies[version] = body
        plain, chunks, rest = bodies["1.0"], b"", bodies["1.1"]
        self.same(split_tags(plain), sender.expected(first))
        while not rest.startswith(b"0\r\n"):
            size, rest = rest.split(b"\r\n", 1)
            size = int(size, 16)
            chunks, end, rest = chunks + rest[:size], rest[size:size + 2], rest[size + 2:]
            self.assertEqual(end, b"\r\n")
        self.assertEqual(rest, b"0\r\n\r\n")
        self.assertTrue(chunks == plain)

    def test_ffplay(self):
        """To the last second, by either way."""
        souk = self.soukd()
        made = souk.create_stream()
        encoder = self.publisher(souk.publish_url(made), gop=30)
        souk.wait_playable(made)
        urls = (f"http://127.0.0.1:{souk.http_port}{flv_path(made)}",
                f"rtmp://127.0.0.1:{souk.rtmp_port}/live/{made['streamId']}")
        env = {**os.environ, "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy",
               "SDL_RENDER_DRIVER": "software"}
        players = [subprocess.Popen(["ffplay", "-v", "warning", "-stats", "-autoexit", url],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, env=env) for url in urls]
        for p in players:
            self.addCleanup(p.kill)
        self.players(souk, 2)
        reader = FlvReader(souk.http_port, flv_path(made))
        wait_for(lambda: len(reader.data) > 150000, "some seconds")
        encoder.stop()
        end = reader.tags()[-1][1] / 1000
        for url, p in zip(urls, players):
            out, _ = p.communicate(timeout=60)
            self.assertEqual(p.returncode, 0, out)
            self.assertNotIn("prematurely", out, url)
            # Its clock of both, picture and sound.
            times = re.findall(r"([\d.]+) A-V:", out)
            self.assertGreater(float(times[-1]), end - 0.5, f"{url}: {out[-500:]}")

    def test_enhanced_tags_of_many_tracks(self):
        """A configuration of each track first, however they are packed into tags."""
        souk = self.soukd({"rtmp.max_bitrate": "1G"})
        made = souk.create_stream()
        reader = FlvReader(souk.http_port, flv_path(made))
        player = RtmpReader(souk.rtmp_port, made["streamId"]).start()
        self.players(souk, 2)
        client = RtmpClient(souk.rtmp_port)
        client.publish(made["streamKey"])
        sent = [t for t in test_codecs.enhanced("h264", "hevc", "aac", "opus") if t[0] != DATA]
        for kind, ts, body in sent:
            client.media(kind, ts, body)
        client.stop()
        client.answer("onStatus")
        player.thread.join(60)
        self.assertEqual(player.tags, reader.tags())
        tags = self.bodies(player.tags)
        self.assertGreater(len(tags), 100)
        self.same(player.tags[-100:], [(k, b) for k, _, b in sent][-100:])
        self.assertEqual(len(tags), len(sent))
        self.assertEqual(sorted(tags), sorted((k, b) for k, _, b in sent))

    def test_answers(self):
        souk = self.soukd({"playout.max_per_stream": 1})
        made = souk.create_stream()
        unknown = "/live/01890000-0000-7000-8000-000000000000.flv"
        self.assertEqual(souk.get(unknown).status, 404)
        self.assertEqual(souk.get("/live/x.flv").status, 404)
        head = souk.request("HEAD", flv_path(made))
        self.assertEqual((head.status, head.headers["content-type"]), (200, "video/x-flv"))
        self.assertEqual(head.headers["access-control-allow-origin"], "*")
        self.assertEqual(souk.request("OPTIONS", flv_path(made)).status, 204)
        self.assertEqual(souk.request("DELETE", flv_path(made)).status, 405)
        for name in ("nobody", "01890000-0000-7000-8000-000000000000", made["streamKey"]):
            RtmpReader(souk.rtmp_port, name, "NetStream.Play.StreamNotFound").client.close()
        player = RtmpReader(souk.rtmp_port, made["streamId"])
        self.players(souk, 1)
        full = souk.get(flv_path(made))
        self.assertEqual((full.status, full.json["error"]["code"]), (503, "too_many_players"))
        RtmpReader(souk.rtmp_port, made["streamId"], "NetStream.Play.Failed").client.close()
        self.assertEqual(souk.metric("souk_playout_refused_total", "players_of_stream"), 2)
        # Who has enough says so, and may ask again.
        player.client.command("deleteStream", None, player.stream)
        self.players(souk, 0)
        again = RtmpReader(souk.rtmp_port, made["streamId"]).start()
        self.players(souk, 1)
        listed = souk.ctl("connections", "list")["connections"]
        conn = [c for c in listed if c.get("streamId") == made["streamId"]]
        self.assertEqual(len(conn), 1)
        souk.ctl("connections", "close", conn[0]["id"], parse=False)
        again.thread.join(60)
        self.players(souk, 0)
        reader = FlvReader(souk.http_port, flv_path(made))
        self.players(souk, 1)
        souk.process.send_signal(signal.SIGTERM)
        self.assertEqual(reader.tags(), [])
        self.assertEqual(souk.process.wait(60), 0)

    def slow(self, souk, made, connect):
        """One that reads nothing is skipped, then closed; the one beside it gets everything."""
        sender = Sender(souk, made).connect().round()
        sock = connect()
        reader = FlvReader(souk.http_port, flv_path(made))
        self.players(souk, 2)
        first = sender.last_key()
        big = bytes([0x17, 1, 0, 0, 0]) + os.urandom(200000)
        for i in range(50):
            sender.client.media(VIDEO, sender.clock + i, big)
            sender.sent.append((VIDEO, big))
            # The other one takes it all: nobody but the slow one is to blame.
            while len(reader.data) < (i - 3) * len(big):
                time.sleep(0.005)
        wait_for(lambda: souk.metric("souk_playout_ended_total", "stalled") == 1, "it is closed")
        self.assertGreater(souk.metric("souk_playout_skips_total"), 0)
        souk.wait_log("player gone", "stalled")
        sender.client.stop()
        self.same(reader.tags(), sender.expected(first))
        self.players(souk, 0)
        wait_for(lambda: souk.metric("souk_playout_memory_bytes") < 2000000, "memory is given back")
        sock.close()

    def slow_souk(self):
        souk = self.soukd({"rtmp.max_bitrate": "1G", "playout.queue": "1M",
                           "playout.gop_cache": "1M", "playout.stall_timeout": "1s"})
        return souk, souk.create_stream()

    def test_slow_reader_of_flv(self):
        souk, made = self.slow_souk()

        def connect():
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", souk.http_port))
            s.sendall(f"GET {flv_path(made)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            return s

        self.slow(souk, made, connect)

    def test_slow_reader_of_rtmp(self):
        souk, made = self.slow_souk()
        self.slow(souk, made, lambda: RtmpReader(souk.rtmp_port, made["streamId"]).client.socket)


class Restricted(test_audience.AudienceTest, PlayoutTest):
    def test_with_and_without_a_token(self):
        live = self.live()
        self.follow()
        token = self.stream(live, self.fan)["hlsUrl"].split("token=")[1]
        souk = self.daemon
        self.assertEqual(souk.get(flv_path(live)).status, 403)
        self.assertEqual(souk.get(flv_path(live, "x" + token)).status, 403)
        for name in (live["streamId"], live["streamId"] + "?token=x" + token):
            RtmpReader(souk.rtmp_port, name, "NetStream.Play.Failed").client.close()
        reader = FlvReader(souk.http_port, flv_path(live, token))
        player = RtmpReader(souk.rtmp_port, f"{live['streamId']}?token={token}").start()
        self.players(souk, 2)
        sender = Sender(souk, live).connect().round()
        # A ban counts while it plays.
        wait_for(lambda: len(player.tags) == len(sender.sent) + 3, "all of it has come")
        self.ok("POST", f"/streams/{live['streamId']}/mutes", self.seller,
                {"user_id": "fan", "ban": True}, 201)
        wait_for(lambda: souk.metric("souk_playout_ended_total", "forbidden") == 2, "both are out")
        player.thread.join(60)
        self.same(reader.tags(), sender.expected(0))
        sender.client.stop()


class OverTls(test_tls.Tls, PlayoutTest):
    # Not again.
    test_everything_over_tls = test_certificate_is_exchanged_without_a_drop = None

    def test_tls_of_both_versions(self):
        souk = self.start()
        made = souk.create_stream()
        sender = Sender(souk, made).connect().round()
        first = sender.last_key()
        url = f"https://127.0.0.1:{self.https}{flv_path(made)}"
        files = [os.path.join(souk.folder, v) for v in ("http1.1", "http2")]
        curls = [subprocess.Popen(["curl", "-sk", "--" + os.path.basename(f), "-o", f, url])
                 for f in files]
        for c in curls:
            self.addCleanup(c.kill)
        self.players(souk, 2)
        sender.round()
        sender.client.stop()
        for curl, path in zip(curls, files):
            self.assertEqual(curl.wait(60), 0, path)
            with open(path, "rb") as f:
                self.same(split_tags(f.read()), sender.expected(first))


if __name__ == "__main__":
    unittest.main()
