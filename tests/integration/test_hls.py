"""Low-latency HLS as a strict client sees it."""
import http.client
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import zlib

from hls_checker import Follower, Playlist, apply_delta, check_multivariant
from support import PATIENCE, SoukTest, ffprobe_packets, ffprobe_streams, http_request, wait_for


class Hls(SoukTest):
    def publish(self, settings=None, **kwargs):
        souk = self.soukd(settings)
        made = souk.create_stream()
        self.base = f"/hls/{made['streamId']}/"
        p = self.publisher(souk.publish_url(made), **kwargs)
        souk.wait_playable(made)
        return souk, made, p

    def load(self, souk, query="", name="stream_0.m3u8"):
        answer = souk.get(self.base + name + query)
        self.assertEqual(answer.status, 200, answer.text)
        return Playlist(answer.text)

    def follow(self, souk, seconds):
        """Reloads by part, as a low-latency player does; the follower and the last playlist."""
        follower, p = Follower(), self.load(souk)
        follower.see(p)
        until = p.next_msn() + seconds
        while p.next_msn() < until:
            msn, part = p.next_msn(), 0
            if p.segments and not p.segments[-1].uri:
                part = len(p.segments[-1].parts)
            hint = p.hint
            p = self.load(souk, f"?_HLS_msn={msn}&_HLS_part={part}")
            follower.see(p)
            reached = [s for i, s in enumerate(p.segments) if p.first() + i == msn]
            self.assertTrue(p.next_msn() > msn or reached and len(reached[0].parts) > part,
                            "the answer holds what was waited for")
            self.assertTrue(self.came(p, hint), "the hinted part is the one that came")
        return follower, p

    @staticmethod
    def came(p, hint):
        """Listed as a part; or its segment as a whole, to one who asked too late for its parts."""
        whole = re.sub(r"^part_(\d+)_(\d+)_\d+\.m4s$", r"seg_\1_\2.m4s", hint)
        return any(hint in [u for u, _, _ in s.parts] or s.uri == whole and not s.parts
                   for s in p.segments)

    def test_a_live_playlist_keeps_every_rule(self):
        souk, made, _ = self.publish({"hls.segment_target": "1s"}, gop=30, bframes=2)
        follower, p = self.follow(souk, 14)
        self.assertEqual(follower.faults, [])
        self.assertTrue(p.independent)
        self.assertGreater(p.sequence, 0, "the window slides")
        self.assertLessEqual(len(p.whole), 13)

    def test_frame_rates(self):
        souk = self.soukd({"hls.segment_target": "1s"})
        for fps in (24, 25, 50):
            made = souk.create_stream()
            self.base = f"/hls/{made['streamId']}/"
            p = self.publisher(souk.publish_url(made), fps=fps, gop=fps)
            souk.wait_playable(made)
            follower, _ = self.follow(souk, 3)
            self.assertEqual(follower.faults, [], f"{fps} frames a second")
            p.kill()

    def test_long_gop(self):
        """Keyframes 8 s apart: cut without a keyframe, and said so."""
        souk, made, _ = self.publish({"hls.segment_target": "1s"}, gop=240)
        follower, p = self.follow(souk, 4)
        self.assertEqual(follower.faults, [])
        self.assertFalse(p.independent)
        self.assertNotIn("INDEPENDENT", souk.get(self.base + "index.m3u8").text)

    def test_media_is_what_the_playlist_says(self):
        souk, made, _ = self.publish({"hls.segment_target": "1s"}, gop=30, bframes=2)
        _, p = self.follow(souk, 4)
        init = souk.get(self.base + p.segments[-2].map)
        self.assertEqual(init.headers["content-type"], "video/mp4")
        folder = tempfile.mkdtemp(prefix="souk-hls-")
        self.addCleanup(shutil.rmtree, folder, True)
        first_dts, checked = None, 0
        # Fetched at once, before any of it leaves the window.
        fetched = [(s, souk.get(self.base + s.uri),
                    [souk.get(self.base + u) for u, _, _ in s.parts]) for s in p.whole[-3:]]
        self.assertTrue(any(parts for _, _, parts in fetched))
        for s, answer, parts in fetched:
            whole = answer.body
            self.assertEqual([a.status for a in (answer, *parts)], [200] * (1 + len(parts)))
            if parts:
                self.assertEqual(b"".join(a.body for a in parts), whole,
                                 "parts are the segment's bytes")
            path = os.path.join(folder, "x.mp4")
            with open(path, "wb") as f:
                f.write(init.body + whole)
            video, audio = ffprobe_packets(path, "v"), ffprobe_packets(path, "a")
            self.assertEqual(len(video), round(s.duration * 30))
            self.assertAlmostEqual(video[0][1], audio[0][1], delta=0.035)
            if first_dts is not None:
                self.assertAlmostEqual(video[0][1] - first_dts, last_duration, delta=0.002)
            first_dts, last_duration = video[0][1], s.duration
            flags = subprocess.run(
                ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                 "packet=flags", "-of", "csv=p=0", path], capture_output=True, text=True).stdout
            self.assertTrue(flags.startswith("K"), "a segment begins with a keyframe")
            checked += 1
        self.assertEqual(checked, 3)

        faults, variants = check_multivariant(souk.get(self.base + "index.m3u8").text)
        self.assertEqual(faults, [])
        streams = {s["codec_type"]: s for s in ffprobe_streams(path)}
        v = variants[0]
        self.assertEqual(v["RESOLUTION"], "320x180")
        self.assertAlmostEqual(float(v["FRAME-RATE"]), 30, delta=0.1)
        video, audio = v["CODECS"].split(",")
        self.assertRegex(video, r"^avc1\.[0-9a-fA-F]{6}$")
        self.assertEqual(int(video[-2:], 16), streams["video"]["level"])
        self.assertEqual(audio, "mp4a.40.2")
        rates = [len(answer.body) * 8 / s.duration for s, answer, _ in fetched]
        self.assertGreater(int(v["BANDWIDTH"]), 0.5 * max(rates))

    def test_delta_updates(self):
        souk, made, _ = self.publish({"hls.segment_target": "1s", "hls.window": "20"}, gop=30)
        wait_for(lambda: len(self.load(souk).whole) >= 16, "a long window", PATIENCE + 20)
        for skip in ("YES", "v2"):
            full = self.load(souk)
            msn = full.next_msn()
            delta = self.load(souk, f"?_HLS_msn={msn}&_HLS_part=0&_HLS_skip={skip}")
            again = self.load(souk, f"?_HLS_msn={msn}&_HLS_part=0")
            self.assertGreater(delta.skip, 0)
            self.assertGreaterEqual(delta.version, 9)
            whole = apply_delta(full, delta)
            wanted = {again.first() + i: s for i, s in enumerate(again.segments)}
            for i, s in enumerate(whole):
                other = wanted.get(delta.sequence + i)
                if other and s.uri:
                    self.assertEqual((s.uri, s.duration), (other.uri, other.duration))
        self.assertEqual(self.load(souk, "?_HLS_skip=YES").faults, [])

    def test_http(self):
        souk, made, _ = self.publish({"hls.segment_target": "1s"}, gop=30)
        p = self.load(souk)
        playlist = souk.get(self.base + "stream_0.m3u8", {"Accept-Encoding": "gzip"})
        self.assertEqual(playlist.headers["content-type"], "application/vnd.apple.mpegurl")
        self.assertEqual(playlist.headers["content-encoding"], "gzip")
        self.assertTrue(zlib.decompress(playlist.body, 31).startswith(b"#EXTM3U"))
        self.assertEqual(playlist.headers["access-control-allow-origin"], "*")

        path = self.base + p.whole[-1].uri
        whole = souk.get(path)
        self.assertIn("immutable", whole.headers["cache-control"])
        self.assertIn("x-request-id", whole.headers)
        head = http_request(souk.http_port, "HEAD", path)
        self.assertEqual(head.body, b"")
        self.assertEqual(int(head.headers["content-length"]), len(whole.body))
        same = souk.get(path, {"If-None-Match": whole.headers["etag"]})
        self.assertEqual((same.status, same.body), (304, b""))
        part = souk.get(path, {"Range": "bytes=10-19"})
        self.assertEqual((part.status, part.body), (206, whole.body[10:20]))
        self.assertEqual(part.headers["content-range"], f"bytes 10-19/{len(whole.body)}")
        tail = souk.get(path, {"Range": "bytes=-7"})
        self.assertEqual(tail.body, whole.body[-7:])
        bad = souk.get(path, {"Range": f"bytes={len(whole.body)}-"})
        self.assertEqual(bad.status, 416)

        for query in ("?_HLS_msn=x", "?_HLS_part=1", "?_HLS_msn=1&_HLS_msn=2", "?_HLS_msn=-1",
                      f"?_HLS_msn={p.next_msn() + 5}", "?_HLS_msn=99999999999999999999",
                      f"?_HLS_msn={p.next_msn()}&_HLS_part=999", "?_HLS_skip=maybe"):
            self.assertEqual(souk.get(self.base + "stream_0.m3u8" + query).status, 400, query)
        for name in ("nope.m3u8", "seg_0_99999.m4s", "stream_7.m3u8", "seg_0_x.m4s",
                     "part_0_1_999.m4s", "init_0_44.mp4"):
            self.assertEqual(souk.get(self.base + name).status, 404, name)
        for name in ("../secret", "%2e%2e/secret"):
            self.assertEqual(souk.get(self.base + name).status, 400, name)
        unknown = self.base.replace(made["streamId"], "00000000-0000-7000-8000-000000000000")
        self.assertEqual(souk.get(unknown + "index.m3u8").status, 404)
        self.assertEqual(http_request(souk.http_port, "POST", path, body="x").status, 405)
        preflight = http_request(souk.http_port, "OPTIONS", path, {
            "Origin": "http://a", "Access-Control-Request-Method": "GET"})
        self.assertIn(preflight.status, (200, 204))

    def test_hint_blocks_until_the_part_is_there(self):
        souk, made, _ = self.publish({"hls.segment_target": "1s"}, gop=30)
        for _ in range(8):
            p = self.load(souk)
            answer = souk.get(self.base + p.hint)
            self.assertEqual(answer.status, 200)
            self.assertTrue(self.came(self.load(souk), p.hint))
            self.assertEqual(souk.get(self.base + p.hint).body, answer.body)

    def test_waiting_has_an_end(self):
        """A silent publisher: 503 after three target durations, and the connection lives on."""
        souk, made, p = self.publish({"hls.segment_target": "500ms", "stream.grace": "60s"}, gop=15)
        p.kill()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "interrupted")
        last = self.load(souk)
        connection = http.client.HTTPConnection("127.0.0.1", souk.http_port, timeout=PATIENCE)
        connection.request("GET", f"{self.base}stream_0.m3u8?_HLS_msn={last.next_msn()}")
        answer = connection.getresponse()
        answer.read()
        self.assertEqual(answer.status, 503)
        connection.request("GET", self.base + "stream_0.m3u8")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()

    def test_end_and_redirect(self):
        souk, made, p = self.publish({"hls.segment_target": "1s"}, gop=30, frames=150)
        follower = Follower()
        last = self.load(souk)
        while not last.ended:
            last = self.load(souk, f"?_HLS_msn={last.next_msn()}")
            follower.see(last)
        self.assertEqual(follower.faults, [])
        souk.wait_vod(made)
        vod = Playlist(souk.get(f"/vod/{made['streamId']}/index.m3u8").text)
        self.assertTrue(vod.ended)
        self.assertEqual(vod.type, "VOD")
        self.assertAlmostEqual(sum(s.duration for s in vod.whole), 5.0, delta=0.05)
        self.assertEqual([s.uri for s in last.whole], [s.uri for s in vod.whole][-len(last.whole):])
        for s in vod.whole:
            answer = souk.get(f"/vod/{made['streamId']}/{s.uri}")
            self.assertEqual(answer.status, 200)
        souk.terminate()
        souk.start()
        moved = souk.get(self.base + "index.m3u8")
        self.assertEqual(moved.status, 302)
        self.assertTrue(moved.headers["location"].endswith(f"/vod/{made['streamId']}/index.m3u8"))
        mp4 = f"/vod/{made['streamId']}/recording.mp4"
        self.assertEqual(souk.get(mp4, {"Range": "bytes=4-7"}).body, b"ftyp")

    def test_many_waiters_get_one_answer_each(self):
        souk, made, _ = self.publish({"hls.segment_target": "1s"}, gop=30)
        msn = self.load(souk).next_msn() + 1
        answers = []

        def wait():
            answers.append(souk.get(f"{self.base}stream_0.m3u8?_HLS_msn={msn}").status)
        threads = [threading.Thread(target=wait) for _ in range(60)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(answers, [200] * 60)
        wait_for(lambda: souk.metric("souk_hls_waiting") == 0, "nobody waits any more")

    def test_what_is_not_for_everyone_is_not_given_to_everyone(self):
        souk = self.soukd({"hls.segment_target": "1s"})
        made = souk.create_stream("T", "seller-1", "--audience", "followers")
        self.base = f"/hls/{made['streamId']}/"
        p = self.publisher(souk.publish_url(made), gop=30, frames=90)
        wait_for(lambda: souk.metric("souk_recorded_segments_total") >= 1, "a segment")
        for name in ("index.m3u8", "stream_0.m3u8", "seg_0_0.m4s", "index.m3u8?token=guess"):
            self.assertEqual(souk.get(self.base + name).status, 403, name)
        self.assertEqual(p.wait(), 0, p.errors)
        souk.wait_mp4(made)
        for name in ("index.m3u8", "recording.mp4", "seg_0_0.m4s"):
            self.assertEqual(souk.get(f"/vod/{made['streamId']}/{name}").status, 403, name)

    def test_audio_only_and_video_only(self):
        souk = self.soukd({"hls.segment_target": "1s"})
        for extra in (("-vn",), ("-an",)):
            made = souk.create_stream()
            self.base = f"/hls/{made['streamId']}/"
            p = self.publisher(souk.publish_url(made), gop=30, frames=120, extra=extra)
            souk.wait_playable(made)
            self.assertEqual(self.load(souk).faults, [])
            self.assertEqual(p.wait(), 0, p.errors)
            mp4 = souk.wait_mp4(made)
            kinds = {s["codec_type"] for s in ffprobe_streams(mp4)}
            self.assertEqual(kinds, {"audio"} if extra == ("-vn",) else {"video"})


if __name__ == "__main__":
    unittest.main()
