"""Transport streams in a real Chromium: live by hls.js with low latency, both by the watch page."""
import unittest

from bench import BenchTest, clip
from support import wait_for
from test_browser import Browser, playing

SETTINGS = {"hls.container": "mpegts", "hls.segment_target": "1s"}


class Mpegts(BenchTest):
    def watch(self, souk, made, source):
        """The watch page plays it, picture and sound, and goes on."""
        page = Browser(self.modules)
        try:
            page.do("open", url=f"http://127.0.0.1:{souk.http_port}/watch/{made['streamId']}")
            page.wait(lambda s: s["source"] == source and playing(s), "it plays")
            begun = page.state()["time"]
            page.wait(lambda s: s["time"] > begun + 2, "and goes on")
            decoded = page.do("eval", js="""(() => { const v = document.getElementById('video');
                return [v.getVideoPlaybackQuality().totalVideoFrames,
                    v.webkitAudioDecodedByteCount]; })()""")
            self.assertTrue(all(decoded), decoded)
            self.assertEqual(page.state()["problems"], [])
        finally:
            page.close()

    def test_live_and_recorded(self):
        souk = self.soukd(SETTINGS)
        bench = self.bench()
        made = souk.create_stream()
        encoder = self.encoder(souk, made, clip("h264"), clip("aac"))
        souk.wait_playable(made)
        self.hls(bench, souk, made, lowLatencyMode=True)
        now = self.wait(bench, lambda s: s["time"] > 0 and s["frames"] > 0 and s["audio"],
                        "it plays, with sound")
        self.wait(bench, lambda s: s["time"] > now["time"] + 3 and s["frames"] > now["frames"] + 20
                  and s["audio"] > now["audio"], "and goes on")
        parts = souk.metric("souk_hls_requests_total", 'kind="part"')
        self.assertGreater(parts, 5, "it takes parts")
        self.watch(souk, made, "live")
        # An encoder that comes back: behind a discontinuity, with counters of its own.
        encoder.client.socket.close()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "it is interrupted")
        before = bench.look()
        again = self.encoder(souk, made, clip("h264"), clip("aac"))
        self.wait(bench, lambda s: s["frames"] > before["frames"] + 40
                  and s["audio"] > before["audio"], "it plays over the break")
        again.stop()
        souk.wait_vod(made)
        wait_for(lambda: souk.stream(made)["vodUrl"], "the VOD is known")
        self.watch(souk, made, "vod")


if __name__ == "__main__":
    unittest.main()
