"""mpegts.js as a client of HTTP-FLV, in a real Chromium."""
import json
import unittest

from bench import BenchTest
from support import CutProxy, wait_for


class Flv(BenchTest):
    def test_mpegts_js_plays_http_flv(self):
        souk = self.soukd({"log.level": "info"})
        made = souk.create_stream()
        proxy = CutProxy(souk.rtmp_port)
        self.addCleanup(proxy.close)
        self.publisher(souk.publish_url(made, proxy.port), gop=30)
        souk.wait_playable(made)
        bench = self.bench()
        url = f"http://127.0.0.1:{souk.http_port}/live/{made['streamId']}.flv"
        bench.eval(f"bench.flv({json.dumps(url)})")
        now = self.wait(bench, lambda s: s["time"] > 0 and s["frames"] > 0 and s["audio"],
                        "it plays, with sound")
        self.assertEqual(now["width"], 320)
        self.assertRegex(now["mime"], r"avc1\.\w+,mp4a\.40\.2")
        now = self.wait(bench, lambda s: s["time"] > now["time"] + 2
                        and s["frames"] > now["frames"] + 30, "and goes on")
        # The connection stays while the publisher is away.
        proxy.cut()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "it is interrupted")
        encoder = self.publisher(souk.publish_url(made, proxy.port), gop=30)
        # What was played before lies behind: only what is new counts.
        at = bench.look()
        now = self.wait(bench, lambda s: s["time"] > at["time"] + at["ahead"] + 1
                        and s["frames"] > at["frames"] and s["audio"] > at["audio"],
                        "it plays what came after the cut")
        self.assertFalse(now["complete"])
        self.assertEqual(souk.metric("souk_playout_players"), 1)
        encoder.stop()
        self.wait(bench, lambda s: s["complete"], "the end of the stream is the end of the file")


if __name__ == "__main__":
    unittest.main()
