"""What encoders send by Enhanced RTMP, played in a real Chromium: live by hls.js, the recording by the
watch page."""
import unittest

from bench import BenchTest, clip
from support import wait_for
from test_browser import Browser, playing


class Codecs(BenchTest):
    def test_codecs_of_enhanced_rtmp(self):
        souk = self.soukd({"hls.segment_target": "1s"})
        bench = self.bench()
        for names, told in ((("av1", "opus"), ("av01.", "opus")),
                            (("vp9", "opus"), ("vp09.", "opus")),
                            (("vp9", "flac"), ("vp09.", "flac"))):
            with self.subTest(names):
                made = souk.create_stream()
                encoder = self.encoder(souk, made, *map(clip, names))
                souk.wait_playable(made)
                bench.eval("location.reload()")
                wait_for(lambda: bench.eval("Boolean(window.bench) && !window.player"),
                         "a fresh page")
                self.hls(bench, souk, made, lowLatencyMode=True)
                now = self.wait(bench, lambda s: s["time"] > 0 and s["frames"] > 0 and s["audio"],
                                "it plays, with sound")
                later = self.wait(bench, lambda s: s["time"] > now["time"] + 2
                                  and s["frames"] > now["frames"] + 10
                                  and s["audio"] > now["audio"], "and goes on")
                self.assertEqual(later["width"], 160)
                ((_, video, audio),) = later["choices"]
                self.assertTrue(video.startswith(told[0]), video)
                self.assertEqual(audio.lower(), told[1])
                encoder.stop()
                self.recording(souk, made)

    def recording(self, souk, made):
        """Played by the watch page."""
        souk.wait_vod(made)
        wait_for(lambda: souk.stream(made)["vodUrl"], "the VOD is known")
        page = Browser(self.modules)
        try:
            page.do("open", url=f"http://127.0.0.1:{souk.http_port}/watch/{made['streamId']}")
            page.wait(lambda s: s["source"] == "vod" and playing(s) and s["time"] > 1,
                      "the recording plays")
            decoded = page.do("eval", js="""(() => { const v = document.getElementById('video');
                return [v.getVideoPlaybackQuality().totalVideoFrames,
                    v.webkitAudioDecodedByteCount]; })()""")
            self.assertTrue(all(decoded), decoded)
            self.assertEqual(page.state()["problems"], [])
        finally:
            page.close()


if __name__ == "__main__":
    unittest.main()
