"""[hls] dvr: playlists that go further back than the live window, served from the recording."""
import gzip
import os
import re
import unittest

from hls_checker import Follower, Playlist, apply_delta, check_media
from support import SoukTest, ffprobe_packets, wait_for

SETTINGS = {"hls.segment_target": "1s", "hls.window": "20", "media.mp4": "off",
            "media.storyboard": "no", "rtmp.max_bitrate": "200M"}
WINDOW = 20


class Dvr(SoukTest):
    def on_air(self, dvr, *extra, **more):
        """Faster than a clock goes: what matters is how much there is, not when it came."""
        souk = self.soukd({**SETTINGS, "hls.dvr": dvr, **more})
        made = souk.create_stream("T", "seller-1", *extra)
        return souk, made, self.publish(souk, made)

    def publish(self, souk, made, **more):
        return self.publisher(souk.publish_url(made), gop=30, realtime=False, **more)

    def text(self, souk, made, query=""):
        answer = souk.get(f"/hls/{made['streamId']}/stream_0.m3u8{query}")
        return answer.text if answer.status == 200 else ""

    def playlist(self, souk, made, query=""):
        return Playlist(self.text(souk, made, query))

    def count(self, souk, made):
        """How many segments there were so far."""
        p = self.playlist(souk, made)
        return p.next_msn() if p.segments else 0

    def quiet(self, souk, made, encoder):
        """The encoder is lost: from here on the playlist stays as it is, and all is on disk."""
        encoder.kill()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "the encoder is missed")
        p = self.playlist(souk, made)
        newest = os.path.join(souk.media_dir(made), f"seg_0_{p.next_msn() - 1}.m4s")
        wait_for(lambda: os.path.exists(newest) or souk.metric("souk_recording_failures_total"),
                 "the newest segment is stored")
        return self.playlist(souk, made)

    def fetch(self, souk, made, name):
        return souk.get(f"/hls/{made['streamId']}/{name}")

    def check_files(self, souk, made, segments):
        """Each is served as the recording has it, but for what the disk did not take in time."""
        self.assertTrue([s for s in segments if not s.gap])
        for s in segments:
            if s.gap:
                self.assertEqual(self.fetch(souk, made, s.uri).status, 404, s.uri)
                continue
            with open(os.path.join(souk.media_dir(made), s.uri), "rb") as f:
                stored = f.read()
            answer = self.fetch(souk, made, s.uri)
            self.assertEqual((answer.status, answer.body == stored), (200, True), s.uri)
        for name in {s.map for s in segments}:
            self.assertEqual(self.fetch(souk, made, name).status, 200, name)

    def check_delta(self, souk, made, full):
        delta = self.playlist(souk, made, "?_HLS_skip=YES")
        self.assertEqual(check_media(delta), [])
        self.assertGreater(delta.skip, 0)
        self.assertLess(len(delta.segments), 15)
        stands_for = apply_delta(full, delta)
        self.assertEqual([s.uri for s in stands_for], [s.uri for s in full.segments])
        self.assertEqual([(s.duration, s.date, s.discontinuity) for s in stands_for],
                         [(s.duration, s.date, s.discontinuity) for s in full.segments])

    def test_window_of_time(self):
        souk, made, encoder = self.on_air("40s")
        follower = Follower()

        def seen(n):
            text = self.text(souk, made)
            if not text:
                return False
            follower.see(Playlist(text))
            return follower.last.next_msn() >= n
        wait_for(lambda: seen(80), "more than a minute")
        encoder.kill()
        p = self.quiet(souk, made, encoder)
        follower.see(p)
        self.assertEqual(follower.faults, [])
        self.assertIsNone(p.type)
        self.assertGreaterEqual(sum(s.duration for s in p.whole), 40)
        self.assertLess(sum(s.duration for s in p.whole[1:]), 40)
        self.check_files(souk, made, p.whole)
        self.check_delta(souk, made, p)
        brief = self.playlist(souk, made, "?window=live")
        self.assertEqual([s.uri for s in brief.whole], [s.uri for s in p.whole[-WINDOW:]])
        plain = self.text(souk, made)
        packed = souk.get(f"/hls/{made['streamId']}/stream_0.m3u8", {"Accept-Encoding": "gzip"})
        self.assertEqual(gzip.decompress(packed.body).decode(), plain)
        # The recording itself is whole.
        souk.ctl("streams", "end", made["streamId"])
        vod = souk.wait_vod(made)
        self.assertGreaterEqual(souk.get(vod[vod.index("/vod"):]).text.count("seg_0_"),
                                p.next_msn())

    def with_product(self, souk):
        """A live stream with a product to pin, and what pins it."""
        seller = souk.token("seller-1", "seller")

        def ok(path, body):
            answer = souk.request("POST", "/api/v1" + path, body, token=seller)
            self.assertIn(answer.status, (200, 201), answer.text)
            return answer.json["data"]
        product = ok("/products", {"name": "Rug", "price": 1999, "currency": "EUR"})["productId"]
        made = ok("/streams", {"title": "Rugs", "product_ids": [product]})
        made = ok(f"/streams/{made['streamId']}/go-live",
                  {"camera_ready": True, "checklist_complete": True})
        return made, lambda: ok(f"/streams/{made['streamId']}/products/{product}/pin", {})

    def test_whole_stream_over_a_kill(self):
        souk = self.soukd({**SETTINGS, "hls.dvr": "whole"})
        made, pin = self.with_product(souk)
        encoder = self.publish(souk, made)
        wait_for(lambda: self.count(souk, made) >= 30, "half a minute")
        pin()
        wait_for(lambda: "DATERANGE" in self.text(souk, made), "the product is said")
        wait_for(lambda: self.count(souk, made) >= 40, "more")
        before = self.quiet(souk, made, encoder)
        self.assertEqual(check_media(before), [])
        self.assertEqual((before.type, before.sequence), ("EVENT", 0))
        self.assertEqual(before.control.get("CAN-SKIP-DATERANGES"), "YES")
        self.check_delta(souk, made, before)
        souk.kill9()
        souk.start()
        after = self.playlist(souk, made)
        self.assertEqual(check_media(after), [])
        self.assertEqual((after.type, after.sequence), ("EVENT", 0))
        self.assertEqual([s.uri for s in after.whole], [s.uri for s in before.whole])
        # What was stored too late for the playlist of then is in the one of now.
        for a, b in zip(after.whole, before.whole):
            if not a.gap and not b.gap:
                self.assertEqual((a.uri, a.duration, a.date, a.map),
                                 (b.uri, b.duration, b.date, b.map))
        self.assertEqual(after.ranges, before.ranges)
        self.check_files(souk, made, after.whole[:3] + after.whole[-3:])
        encoder = self.publish(souk, made)
        wait_for(lambda: self.count(souk, made) >= len(after.whole) + 10, "it goes on")
        encoder.stop()
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it is ended")
        ended = self.playlist(souk, made)
        self.assertEqual((ended.type, ended.sequence, ended.ended), ("EVENT", 0, True))
        self.assertEqual([s.uri for s in ended.whole[:len(after.whole)]],
                         [s.uri for s in after.whole])
        self.assertTrue(ended.whole[len(after.whole)].discontinuity)
        self.check_files(souk, made, ended.whole)
        # The recording has the same, and a player reads all of the live playlist.
        vod = souk.wait_vod(made)
        recorded = re.findall(r"^seg_\S+", souk.get(vod[vod.index("/vod"):]).text, re.M)
        self.assertTrue({s.uri for s in ended.whole if not s.gap} <= set(recorded))
        if any(s.gap for s in ended.whole):
            return
        self.assertEqual(recorded, [s.uri for s in ended.whole])
        live = f"http://127.0.0.1:{souk.http_port}/hls/{made['streamId']}/index.m3u8"
        self.assertEqual(len(ffprobe_packets(live, "v")), len(ffprobe_packets(vod, "v")))

    def test_what_is_not_recorded_is_kept_for_the_window_only(self):
        souk, made, encoder = self.on_air("30s", "--no-record")
        wait_for(lambda: self.count(souk, made) >= 60, "a minute")
        p = self.quiet(souk, made, encoder)
        self.check_files(souk, made, p.whole)

        def files():
            return {x for x in os.listdir(souk.media_dir(made)) if x.startswith("seg_")}
        listed = {s.uri for s in p.whole if not s.gap}
        # Those that have just left, as many as the live window has, and some on their way.
        most = len(p.whole) + WINDOW + 6
        self.assertTrue(listed <= files())
        wait_for(lambda: len(files()) <= most, "the older ones are removed")
        # Also by a process that has found them there.
        souk.kill9()
        souk.start()
        self.assertEqual(self.playlist(souk, made).whole[-1].uri, p.whole[-1].uri)
        encoder = self.publish(souk, made)
        wait_for(lambda: self.count(souk, made) >= p.next_msn() + 70, "it goes on")
        self.quiet(souk, made, encoder)
        wait_for(lambda: len(files()) <= most, "the older ones are removed")
        self.assertFalse(listed & files())
        souk.ctl("streams", "end", made["streamId"])

    def test_without_it_the_window_is_all(self):
        souk, made, encoder = self.on_air("off")
        wait_for(lambda: self.count(souk, made) >= 60, "some segments")
        p = self.quiet(souk, made, encoder)
        self.assertEqual((len(p.whole), p.type), (WINDOW, None))
        self.assertEqual(self.fetch(souk, made, "seg_0_1.m4s").status, 404)


if __name__ == "__main__":
    unittest.main()
