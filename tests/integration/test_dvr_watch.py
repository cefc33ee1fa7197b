"""[hls] dvr in the watch page: back to the stream's begin while it is live, and to live again."""
import shutil
import unittest

from support import SoukTest, install_modules, wait_for
from test_browser import CHROMIUM, PHONE, Browser, playing

PLACE = """(() => {
  const seek = document.getElementById('seek');
  const place = document.getElementById('place');
  const video = document.getElementById('video');
  const golive = document.getElementById('golive');
  return { shown: place.checkVisibility(), min: Number(seek.min), max: Number(seek.max),
    value: Number(seek.value), says: seek.getAttribute('aria-valuetext'),
    label: seek.getAttribute('aria-label'), here: golive.classList.contains('here'),
    time: document.getElementById('time').textContent,
    wide: document.documentElement.scrollWidth > innerWidth, at: video.currentTime,
    ready: video.readyState, seeking: video.seeking,
    buffered: [...Array(video.buffered.length).keys()]
      .map((i) => [video.buffered.start(i), video.buffered.end(i)]),
    loaded: performance.getEntriesByType('resource').slice(-12)
      .map((e) => `${e.name.split('/').pop()} ${Math.round(e.startTime)}+${Math.round(e.duration)}`),
    plays: document.body.dataset.condition === 'playing' };
})()"""


@unittest.skipUnless(CHROMIUM and shutil.which("node"), "chromium or node is missing")
class DvrWatch(SoukTest):
    @classmethod
    def setUpClass(cls):
        cls.modules = install_modules("browser")

    def browser(self):
        b = Browser(self.modules)
        self.addCleanup(b.close)
        return b

    def on_air(self, settings, past):
        """A stream that is `past` segments old, and goes on as a clock goes."""
        souk = self.soukd({"log.level": "info", "media.storyboard": "no", "media.mp4": "off",
                           "rtmp.max_bitrate": "200M", "hls.segment_target": "1s", **settings})
        made = souk.create_stream("Rugs & bowls")
        encoder = self.publisher(souk.publish_url(made), gop=30, realtime=False)
        path = f"/hls/{made['streamId']}/stream_0.m3u8"
        wait_for(lambda: f"seg_0_{past}.m4s" in souk.get(path).text, "there is a past")
        encoder.kill()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "the encoder is missed")
        self.publisher(souk.publish_url(made), gop=30)
        wait_for(lambda: souk.stream(made)["state"] == "publishing", "it goes on")
        return souk, made

    def watch(self, souk, made, **how):
        b = self.browser()
        b.do("open", url=f"http://127.0.0.1:{souk.http_port}/watch/{made['streamId']}", **how)
        b.wait(playing, "the stream plays")
        return b

    def place(self, b, condition, what):
        last = {}

        def ask():
            last.clear()
            last.update(b.do("eval", js=PLACE))
            return dict(last) if condition(last) else None
        try:
            return wait_for(ask, what)
        except AssertionError as e:
            raise AssertionError(f"{e}; {last} {b.state()}") from None

    def go_back_and_forth(self, b, name):
        now = self.place(b, lambda p: p["shown"] and p["here"], "the place in the stream, at live")
        self.assertEqual((now["label"], now["says"], now["time"]), ("Place in the stream", "Live", ""))
        self.assertGreater(now["max"] - now["min"], 80)
        b.shot(f"dvr-{name}-live")
        # As a hand on the slider: to its very begin.
        b.do("focus", selector="#seek")
        b.do("press", key="Home")
        back = self.place(b, lambda p: p["plays"] and p["at"] < now["min"] + 20,
                          "it plays from the begin")
        self.place(b, lambda p: p["plays"] and p["at"] > back["at"] + 2, "and goes on from there")
        past = self.place(b, lambda p: not p["here"] and "behind live" in p["says"], "it says so")
        self.assertRegex(past["time"], r"^−1:\d\d$|^−[2-9]:\d\d$")
        self.assertLess(past["value"] - past["min"], 30)
        self.assertFalse(past["wide"])
        b.shot(f"dvr-{name}-begin")
        b.do("click", selector="#golive")
        self.place(b, lambda p: p["here"] and p["time"] == "", "it is at live again")
        b.wait(lambda s: playing(s) and s["time"] > now["value"], "and plays there")
        self.assertEqual(b.state()["problems"], [])
        b.shot(f"dvr-{name}-again")

    def test_whole_stream(self):
        souk, made = self.on_air({"hls.dvr": "whole"}, 90)
        self.go_back_and_forth(self.watch(souk, made), "desktop")
        self.go_back_and_forth(self.watch(souk, made, **PHONE), "phone")

    def test_without_a_past_there_is_nothing_to_look_for(self):
        souk, made = self.on_air({}, 30)
        b = self.watch(souk, made)
        now = self.place(b, lambda p: p["here"], "it plays at live")
        self.assertEqual((now["shown"], now["time"]), (False, ""))


if __name__ == "__main__":
    unittest.main()
