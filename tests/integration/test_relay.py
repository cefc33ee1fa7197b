"""Relay: live streams sent on to nginx-rtmp, to another soukd, and to targets that misbehave."""
import json
import os
import signal
import socket
import time
import unittest

import test_tls
from rtmp_client import AUDIO, VIDEO, RtmpClient, flv_tags
from rtmp_targets import START, Fake, Nginx
from support import Soukd, SoukTest, free_port, wait_for
from test_codecs import enhanced
from test_packets import is_media
from test_playout import FlvReader, Sender, flv_path

LOCAL = {"relay.allow": "127.0.0.0/8", "relay.backoff_min": "100ms", "rtmp.max_bitrate": "1G",
         "rtmp.silence_timeout": "10m"}


class RelayTest(SoukTest):
    def source(self, settings=None):
        self.souk = self.soukd({**LOCAL, **(settings or {})})
        self.made = self.souk.create_stream()
        self.token = self.souk.token("seller-1", "seller")
        return self.souk

    def relays(self, *urls):
        """Says where the stream is relayed to."""
        answer = self.souk.request("PUT", self.path(), {"urls": list(urls)}, self.token)
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json["data"]["relays"]

    def path(self):
        return f"/api/v1/streams/{self.made['streamId']}/relays"

    def states(self):
        answer = self.souk.request("GET", self.path(), token=self.token)
        return answer.json["data"]["relays"]

    def wait_relay(self, condition, what, which=0):
        def look():
            now = self.states()[which]
            return now if condition(now) else None
        try:
            return wait_for(look, what)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.states()}") from e

    def wait_state(self, state, which=0):
        return self.wait_relay(lambda r: r["state"] == state, f"it is {state}", which)

    def wait_error(self, *words, which=0):
        return self.wait_relay(
            lambda r: r["lastError"] and all(w in r["lastError"] for w in words),
            f"its error has {words}", which)

    def publish(self):
        self.sender = Sender(self.souk, self.made).connect()
        self.addCleanup(self.sender.client.close)
        return self.sender

    def other(self):
        """Another soukd: (daemon, stream, URL to publish to it)."""
        daemon = self.soukd({"rtmp.max_bitrate": "1G", "rtmp.silence_timeout": "10m"})
        made = daemon.create_stream()
        return daemon, made, daemon.publish_url(made)

    def media(self, tags):
        return [(k, b) for k, _, b in tags if k in (AUDIO, VIDEO) and is_media(k, b)]

    def no_key(self, *keys):
        seen = self.souk.log() + json.dumps(self.states()) + self.souk.get("/metrics").text
        for key in keys:
            self.assertNotIn(key, seen)


class Arrives(RelayTest):
    def test_at_another_soukd_as_it_was_sent(self):
        daemon, there, url = self.other()
        self.source()
        stored = self.relays(url)[0]
        self.assertEqual((stored["state"], stored["bytesSent"], stored["lastError"]),
                         ("paused", 0, None))
        reader = FlvReader(daemon.http_port, flv_path(there))
        sender = self.publish()
        self.wait_state("live")
        sender.round()
        first_half = self.wait_relay(lambda r: r["bytesSent"] > 0, "something is sent")
        self.assertEqual(first_half["url"], url.rsplit("/", 1)[0] + "/***")
        sender.round().client.stop()
        wait_for(lambda: daemon.stream(there)["status"] == "ended", "it ended there")
        self.assertEqual([(k, b) for k, _, b in reader.tags()], sender.expected(0))
        done = self.wait_state("stopped")
        self.assertEqual((done["attempts"], done["accepted"], done["packetsDropped"]), (1, 1, 0))
        self.assertEqual(self.souk.metric("souk_relay_bytes_total"), done["bytesSent"])
        self.assertEqual(self.souk.metric("souk_relay_ended_total", "done"), 1)
        self.no_key(there["streamKey"])

    def test_at_another_soukd_by_enhanced_rtmp(self):
        """Ex-headers, multichannel sound, HEVC: byte for byte, on times that keep their distance."""
        daemon, there, url = self.other()
        self.source()
        self.relays(url)
        tags = [t for t in enhanced("hevc", "opus") if t[0] in (AUDIO, VIDEO)]
        client = RtmpClient(self.souk.rtmp_port)
        self.addCleanup(client.close)
        client.publish(self.made["streamKey"])
        client.set_chunk_size(65536)
        self.wait_state("live")
        reader = FlvReader(daemon.http_port, flv_path(there))
        for kind, ts, body in tags:
            client.media(kind, ts, body)
        client.stop()
        wait_for(lambda: daemon.stream(there)["status"] == "ended", "it ended there")
        got = [t for t in reader.tags() if t[0] in (AUDIO, VIDEO)]
        # Sound that came before the first keyframe is no player's.
        begin = next(i for i, (k, _, b) in enumerate(tags) if k == VIDEO and b[0] == 0x91)
        media = tags[begin:]
        self.assertEqual([(k, b) for k, _, b in got[-len(media):]], [(k, b) for k, _, b in media])
        heads = {b for _, _, b in got[:-len(media)]}
        self.assertLessEqual(heads, {b for _, _, b in tags[:begin]})
        self.assertEqual(len(heads), 2)
        apart = [g[1] - t[1] for g, t in zip(got[-len(media):], media)]
        self.assertEqual(max(apart), min(apart))

    def test_at_nginx_which_goes_and_comes_back(self):
        nginx = Nginx(self).start()
        self.source()
        self.relays(nginx.url)
        sender = self.publish()
        self.wait_state("live")
        sender.round()
        first = len(sender.sent)
        wait_for(lambda: nginx.files() and self.media(flv_tags(nginx.files()[0])) == sender.sent,
                 "all of it is recorded")
        nginx.kill()
        os.rename(nginx.files()[0], os.path.join(nginx.folder, "first"))
        lost = self.wait_error("")
        self.assertGreater(lost["bytesSent"], 0)
        nginx.start()
        again = self.wait_relay(lambda r: r["state"] == "live" and r["accepted"] == 2,
                                "it is back")
        self.assertGreaterEqual(again["attempts"], 2)
        # It begins with the last keyframe, and goes on.
        start = sender.last_key()
        sender.round().client.stop()
        self.wait_state("stopped")
        nginx.quit()
        self.assertEqual(len(nginx.files()), 1)
        second = flv_tags(nginx.files()[0])
        self.assertEqual(self.media(second), sender.sent[start:])
        self.assertLess(start, first)
        times = [ts for k, ts, b in second if is_media(k, b)]
        self.assertEqual(min(times), 0)

    def test_at_two_over_an_interruption(self):
        """The connections are held while the encoder is away; its new clock goes on in theirs."""
        daemon, there, url = self.other()
        nginx = Nginx(self).start()
        self.source()
        self.relays(url, nginx.url)
        reader = FlvReader(daemon.http_port, flv_path(there))
        sender = self.publish()
        self.wait_state("live", 0)
        self.wait_state("live", 1)
        sender.round().client.close()
        self.wait_state("paused", 0)
        self.wait_state("paused", 1)
        sender.connect()
        self.wait_state("live", 0)
        sender.round().client.stop()
        ended = self.wait_state("stopped")
        self.assertEqual((ended["accepted"], ended["lastError"]), (1, None))
        tags = reader.tags()
        self.assertEqual(self.media(tags), sender.sent)
        times = [ts for k, ts, b in tags if k == VIDEO]
        self.assertEqual(times, sorted(times))
        wait_for(lambda: self.media(flv_tags(nginx.files()[0])) == sender.sent, "nginx has it too")

    def test_times_beyond_24_bits(self):
        """Extended timestamps, of messages of one chunk and of several."""
        daemon, there, url = self.other()
        self.source()
        self.relays(url)
        reader = FlvReader(daemon.http_port, flv_path(there))
        sender = self.publish()
        self.wait_state("live")
        sent = []
        for i in range(350):
            body = bytes([0x17, 1, 0, 0, 0]) + os.urandom(150000 if i in (345, 346) else 100)
            sent.append((i * 50000, body))
            sender.client.media(VIDEO, *sent[-1])
        sender.client.stop()
        self.wait_state("stopped")
        got = [(ts, b) for k, ts, b in reader.tags() if is_media(k, b)]
        self.assertEqual([b for _, b in got], [b for _, b in sent])
        self.assertEqual([ts - got[0][0] for ts, _ in got], [ts for ts, _ in sent])
        self.assertGreater(got[-1][0], 0xFFFFFF)

    def test_over_tls(self):
        there = Soukd()
        test_tls.certificate(there.folder, "target")
        port = free_port()
        pem = os.path.join(there.folder, "cert.pem")
        there.settings.update({
            "rtmp.tls_listen": f"127.0.0.1:{port}", "rtmp.max_bitrate": "1G", "http.cert": pem,
            "http.key": os.path.join(there.folder, "key.pem")})
        self.addCleanup(self._remove, there)
        self.addCleanup(there.close)
        there.start()
        made = there.create_stream()
        self.source()
        self.relays(f"rtmps://127.0.0.1:{port}/live/{made['streamKey']}")
        sender = self.publish()
        # Nobody vouches for it.
        self.wait_error("TLS", "certificate")
        self.assertGreater(self.souk.metric("souk_relay_ended_total", "tls"), 0)
        self.souk.settings["relay.ca_file"] = pem
        self.souk.write_config()
        self.souk.ctl("config", "reload", parse=False)
        self.wait_state("live")
        reader = FlvReader(there.http_port, flv_path(made))
        sender.round().client.stop()
        self.wait_state("stopped")
        self.assertEqual(self.media(reader.tags()), sender.sent)


class Misbehaves(RelayTest):
    def test_refusals(self):
        """Each says why, none is tried in a hurry, and no key is told to anybody."""
        daemon, there, url = self.other()
        fake = Fake(self, lambda peer: (peer.greet(), peer.accept({
            "level": "error", "code": "NetStream.Publish.BadName",
            "description": "key-of-fake?part=two is on the air, so is key-of-fake"})))
        self.source({"relay.backoff_min": "10m"})
        closed = free_port()
        self.relays(url + "x", fake.url, f"rtmp://127.0.0.1:{closed}/live/key-of-nobody",
                    "rtmp://no-such-host.invalid/live/key-of-none", "rtmp://127.0.0.1/live")
        sender = self.publish()
        self.wait_error("refused by the target", "NetStream.Publish", which=0)
        self.assertEqual(
            self.wait_error("BadName", which=1)["lastError"],
            "refused by the target: *** is on the air, so is ***, NetStream.Publish.BadName")
        self.wait_error("Connection refused", which=2)
        self.wait_error("", which=3)
        for which in range(4):
            now = self.wait_state("waiting", which)
            self.assertEqual((now["attempts"], now["accepted"], now["bytesSent"]), (1, 0, 0))
            self.assertGreater(now["nextAttemptAt"], now["since"])
        self.assertEqual(fake.accepted, 1)
        metric = self.souk.metric
        self.assertEqual(metric("souk_relay_ended_total", "refused"), 2)
        # Where no resolver answers at all, time is up.
        self.assertEqual(metric("souk_relay_ended_total", "lookup")
                         + metric("souk_relay_ended_total", "timeout"), 1)
        self.assertEqual(metric("souk_relay_targets", "live"), 0)
        self.no_key("key-of-", there["streamKey"])
        sender.round().client.stop()

    def test_addresses_of_the_house_are_refused(self):
        fake = Fake(self, lambda peer: peer.greet())
        self.source({"relay.allow": "", "relay.backoff_min": "10m"})
        self.relays(fake.url, f"rtmp://localhost:{fake.port}/a/k",
                    f"rtmp://[::ffff:127.0.0.1]:{fake.port}/a/k", f"rtmp://0.0.0.0:{fake.port}/a/k",
                    "rtmp://169.254.169.254/latest/key")
        self.publish()
        for which in range(5):
            self.wait_error("address not allowed", which=which)
        self.assertEqual(fake.accepted, 0)
        self.assertEqual(self.souk.metric("souk_relay_ended_total", "address"), 5)

    def test_one_that_reads_nothing(self):
        """It costs a bounded queue and itself the stream; nobody beside it notices."""
        def behave(peer):
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.greet()
            peer.accept(START)
        fake = Fake(self, behave)
        daemon, there, url = self.other()
        self.source({"relay.queue": "1M", "relay.stall_timeout": "1s", "playout.gop_cache": "1M"})
        self.relays(fake.url, url)
        sender = self.publish()
        self.wait_state("live", 0)
        self.wait_state("live", 1)
        reader = FlvReader(daemon.http_port, flv_path(there))
        sender.round()
        self.wait_relay(lambda r: r["bytesSent"] > 0, "the other one has something", 1)
        big = bytes([0x17, 1, 0, 0, 0]) + os.urandom(200000)
        for i in range(40):
            sender.client.media(VIDEO, sender.clock + i, big)
            sender.sent.append((VIDEO, big))
            while len(reader.data) < (i - 2) * len(big):
                time.sleep(0.005)
        self.wait_relay(lambda r: r["packetsDropped"] > 0, "packets are dropped")
        self.wait_error("the target takes nothing")
        self.souk.wait_log("relay drops to a keyframe")
        wait_for(lambda: self.souk.metric("souk_relay_queue_bytes") < 2000000, "it is bounded")
        sender.client.stop()
        self.assertEqual(self.media(reader.tags()), sender.sent)
        fine = self.wait_state("stopped", 1)
        self.assertEqual((fine["packetsDropped"], fine["accepted"]), (0, 1))
        self.no_key("key-of-fake")

    def test_nonsense_and_silence(self):
        """A target may say what it likes, or nothing."""
        answers = [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x03" + bytes(100)]

        def behave(peer):
            if answers:
                peer.send(answers.pop(0))
                peer.socket.shutdown(socket.SHUT_WR)
            elif fake.accepted == 4:
                peer.greet()
                peer.send(b"\x02" + bytes(3) + b"\xff\xff\xff\x14" + bytes(64))
            elif fake.accepted == 5:
                # Values in values in values: deeper than any reader should go.
                peer.greet()
                peer.chunk(3, 20, 0, 0, b"\x02\x00\x08onStatus\x00" + bytes(8)
                           + b"\x03\x00\x01a" * 10000)
                peer.socket.shutdown(socket.SHUT_WR)
        fake = Fake(self, behave)
        self.source({"relay.connect_timeout": "500ms", "relay.backoff_max": "100ms"})
        self.relays(fake.url)
        sender = self.publish()
        wait_for(lambda: fake.accepted >= 7, "all of it was tried")
        # From the sixth on it is silent.
        self.wait_error("not accepted in time")
        self.assertGreater(self.souk.metric("souk_relay_ended_total", "timeout"), 0)
        sender.round().client.stop()

    def test_too_many(self):
        fake = Fake(self, lambda peer: (peer.greet(), peer.accept(START)))
        self.source({"relay.max_targets": "1"})
        self.relays(fake.url, fake.url)
        self.publish()
        self.wait_error("too many relays", which=1)
        self.wait_state("live", 0)
        self.assertGreater(self.souk.metric("souk_relay_ended_total", "limit"), 0)


class Changes(RelayTest):
    def threads(self):
        return len(os.listdir(f"/proc/{self.souk.process.pid}/task"))

    def files(self):
        return len(os.listdir(f"/proc/{self.souk.process.pid}/fd"))

    def test_targets_of_a_live_stream(self):
        """Added ones begin, those taken away end, and what stays is left alone."""
        fakes = [Fake(self, lambda peer: (peer.greet(), peer.accept(START))) for _ in range(2)]
        self.source()
        self.relays(fakes[0].url)
        self.publish()
        one = self.wait_state("live")
        self.relays(fakes[1].url, fakes[0].url)
        self.wait_state("live", 0)
        stays = self.wait_state("live", 1)
        self.assertEqual((stays["since"], stays["attempts"]), (one["since"], 1))
        self.assertEqual(fakes[0].accepted, 1)
        self.relays(fakes[0].url)
        wait_for(lambda: fakes[1].sockets[0].recv(65536) == b"", "the other one is gone")
        self.assertEqual(self.wait_state("live")["attempts"], 1)
        listed = self.souk.ctl("relay", "list", self.made["streamId"])
        self.assertEqual([r["state"] for r in listed], ["live"])
        self.assertEqual(self.relays(), [])
        wait_for(lambda: self.souk.metric("souk_relay_targets") == 0, "there is none")

    def test_nothing_is_left_of_many(self):
        fake = Fake(self, lambda peer: (peer.greet(), peer.accept(START)), backlog=64)
        self.source()
        self.publish()
        # What begins once: thread pools, the first look-up.
        self.relays("rtmp://no-such-host.invalid/a/k", fake.url)
        self.wait_state("live", 1)
        self.relays()
        wait_for(lambda: fake.sockets[0].recv(65536) == b"", "the first is gone")
        self.souk.metric("souk_relay_targets")
        before = wait_for(self.quiet, "it is quiet")
        for i in range(20):
            self.relays(fake.url, "rtmp://127.0.0.1:1/a/k")
            self.wait_state("live")
            self.relays()
        wait_for(lambda: self.threads() <= before[0] and self.files() <= before[1],
                 f"no more threads and files than {before}")

    def quiet(self):
        """Threads and files, once they have been the same for a while."""
        seen = {(self.threads(), self.files())}
        for _ in range(10):
            time.sleep(0.05)
            seen.add((self.threads(), self.files()))
        return seen.pop() if len(seen) == 1 else None

    def test_a_stuck_target_does_not_hold_up_the_end(self):
        """Stuck in every phase: connecting, greeting, accepting, sending."""
        def stuck(peer):
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.greet()
            peer.accept(START)
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(full.close)
        silent = Fake(self, lambda peer: None)
        half = Fake(self, lambda peer: peer.greet())
        deaf = Fake(self, stuck)
        self.source({"relay.connect_timeout": "10m", "relay.stall_timeout": "10m",
                     "relay.queue": "1M", "server.drain": "60s"})
        self.relays(f"rtmp://127.0.0.1:{full.getsockname()[1]}/a/k", silent.url, half.url, deaf.url)
        sender = self.publish()
        self.wait_state("live", 3)
        for which in range(3):
            self.wait_state("connecting", which)
        big = bytes([0x17, 1, 0, 0, 0]) + os.urandom(1000000)
        for i in range(12):
            sender.client.media(VIDEO, i, big)
        self.wait_relay(lambda r: r["packetsDropped"] > 0, "it is stuck", 3)
        # Long before any of the times that they may take.
        self.souk.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.souk.process.wait(120), 0)


if __name__ == "__main__":
    unittest.main()
