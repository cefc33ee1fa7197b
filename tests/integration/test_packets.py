"""No packet is lost between publish and VOD: across drops within the grace, and across the points
where RTMP's clock needs its extended timestamp (2^24 ms) and wraps (2^32 ms).

By default a clip is sent faster than real time; SOUK_LONG=1 sends ten minutes in real time.
"""
import hashlib
import os
import statistics
import time
import unittest

import flv_files
from rtmp_client import AUDIO, DATA, VIDEO, RtmpClient, flv_tags
from support import SoukTest, decodes, ffprobe_packets, wait_for

LONG = "SOUK_LONG" in os.environ


def payload_hash(kind, payload):
    """As ffprobe hashes the packet: without the FLV tag's own header."""
    return "SHA256:" + hashlib.sha256(payload[5:] if kind == VIDEO else payload[2:]).hexdigest()


def is_config(payload):
    return payload[1] == 0


def is_media(kind, payload):
    """Frames, not configurations nor AVC's end of sequence."""
    return kind != DATA and payload[1] == 1


class Feeder:
    """Sends the clip again and again on one timeline, and remembers what it sent."""

    def __init__(self, souk, made, path, start):
        self.souk, self.made, self.start = souk, made, start
        self.tags = [t for t in flv_tags(path) if t[0] in (AUDIO, VIDEO, DATA)]
        self.media = [t for t in self.tags if is_media(t[0], t[2])]
        self.length = self.media[-1][1] + 33
        self.sent = {AUDIO: [], VIDEO: []}
        self.clock = 0  # of the encoder
        self.client = None

    def connect(self):
        self.client = RtmpClient(self.souk.rtmp_port)
        status = self.client.publish(self.made["streamKey"])
        assert status["code"] == "NetStream.Publish.Start", status
        self.client.set_chunk_size(4096)
        for kind, _, payload in self.tags:
            if kind == DATA:
                self.client.chunk(4, DATA, self.at(0), self.client.stream, payload)
            elif is_config(payload):
                self.client.media(kind, self.at(0), payload)

    def at(self, ts):
        return (self.start + self.clock + ts) & 0xFFFFFFFF

    def play(self, pace):
        """One round of the clip. pace: seconds of real time per second of media."""
        begun = time.monotonic()
        for kind, ts, payload in self.media:
            delay = begun + ts / 1000 * pace - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            self.client.media(kind, self.at(ts), payload)
            self.sent[kind].append((self.clock + ts, payload_hash(kind, payload)))
        self.clock += self.length

    def settle(self):
        """Waits until the server has taken what was sent, so that a cut loses nothing of it."""
        self.client.command("getStreamLength", None, "x", stream=0)
        self.client.answer("_result", "_error")

    def drop(self):
        self.settle()
        self.client.close()
        wait_for(lambda: self.souk.stream(self.made)["state"] == "interrupted", "interrupted")


class Packets(SoukTest):
    def check(self, source, sent):
        """Every packet sent is in the source, once, in order, in sync."""
        got = {AUDIO: ffprobe_packets(source, "a"), VIDEO: ffprobe_packets(source, "v")}
        for kind in (VIDEO, AUDIO):
            self.assertEqual([h for _, h in sent[kind]], [h for _, _, h in got[kind]],
                             f"payloads of {kind} in {source}")
            dts = [d for _, d, _ in got[kind]]
            self.assertTrue(all(a < b for a, b in zip(dts, dts[1:])), "decode order")
        return got

    def check_sync(self, sent, got, session_ends):
        """Within each session the distance between the sent clock and the VOD's is one constant
        for audio and video, to within a frame."""
        start = {AUDIO: 0, VIDEO: 0}
        for end in session_ends:
            shift = {}
            for kind in (AUDIO, VIDEO):
                rows = [(g[1] - s[0] / 1000) for s, g in
                        zip(sent[kind][start[kind]:end[kind]], got[kind][start[kind]:end[kind]])]
                start[kind] = end[kind]
                shift[kind] = rows
            middle = statistics.median(shift[VIDEO])
            worst = max(abs(x - middle) for kind in shift for x in shift[kind])
            self.assertLessEqual(worst, 0.034, "audio and video drift apart")

    def run_case(self, start, rounds, pace, settings=None):
        souk = self.soukd({"rtmp.max_bitrate": "1G", **(settings or {})})
        made = souk.create_stream()
        feeder = Feeder(souk, made, flv_files.bframes(), start)
        ends = []
        feeder.connect()
        for i in range(rounds):
            feeder.play(pace)
            if i in (rounds // 3, 2 * rounds // 3):
                feeder.drop()
                ends.append({k: len(v) for k, v in feeder.sent.items()})
                feeder.connect()
        ends.append({k: len(v) for k, v in feeder.sent.items()})
        feeder.settle()
        feeder.client.stop()
        wait_for(lambda: souk.stream(made)["status"] == "ended", "the stream is ended")
        mp4, vod = souk.wait_mp4(made), souk.wait_vod(made)
        feeder.client.close()
        for source in (mp4, vod):
            got = self.check(source, feeder.sent)
            self.check_sync(feeder.sent, got, ends)
            self.assertEqual(decodes(source), "")
        self.assertEqual(souk.metric("souk_interruptions_total"), 2)

    def test_dropped_and_resumed_twice(self):
        self.run_case(0, 4, 0.15)

    def test_across_2_to_the_24(self):
        self.run_case(2 ** 24 - 25000, 4, 0.15)

    def test_across_2_to_the_32(self):
        self.run_case(2 ** 32 - 25000, 4, 0.15)

    @unittest.skipUnless(LONG, "ten minutes in real time: SOUK_LONG=1")
    def test_ten_minutes(self):
        self.run_case(2 ** 24 - 200000, 30, 1.0)

    @unittest.skipUnless(LONG, "ten minutes in real time: SOUK_LONG=1")
    def test_ten_minutes_around_the_wrap(self):
        self.run_case(2 ** 32 - 200000, 30, 1.0)


if __name__ == "__main__":
    unittest.main()
