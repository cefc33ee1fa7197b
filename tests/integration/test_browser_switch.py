"""Several video tracks at once: hls.js in a real Chromium goes from one to the other without a stall."""
import unittest

from bench import BenchTest, clip
from support import wait_for

SIZES = ("160x90", "320x180", "480x270")
WIDTHS = [160, 320, 480]
# Up, down, by one and by two.
WAYS = [1, 2, 0, 2, 1, 0]
# A machine that does other things as well may come in between; a stall of ours comes each time.
ATTEMPTS = 3


class Switch(BenchTest):
    def switch(self, bench):
        """Every way once: how often the picture stood still meanwhile."""
        before = self.wait(bench, lambda s: s["ahead"] > 3, "enough is loaded")
        for level in WAYS:
            at = bench.look()["time"]
            bench.eval(f"player.nextLevel = {level}")
            self.wait(bench, lambda s: s["width"] == WIDTHS[level] and s["time"] > at
                      and s["levels"][-1:] == [level], f"level {level} is seen")
        after = bench.look()
        self.assertEqual(after["backwards"], 0)
        self.assertGreater(after["time"], before["time"])
        return after["stalls"] - before["stalls"]

    def switches(self, *clips):
        souk = self.soukd({"hls.segment_target": "1s", "hls.window": "30"})
        made = souk.create_stream()
        self.encoder(souk, made, *clips, burst=12)
        bench = self.bench()
        url = f"/hls/{made['streamId']}/index.m3u8"
        wait_for(lambda: (lambda a: a.status == 200 and a.text.count("#EXT-X-STREAM-INF") == 3)(
            souk.get(url)), "three renditions are listed")
        # Far enough from live that a busy machine is not taken for a stall.
        self.hls(bench, souk, made, lowLatencyMode=False, liveSyncDuration=8)
        now = self.wait(bench, lambda s: s["time"] > 0 and s["frames"] > 0 and s["audio"],
                        "it plays, with sound")
        self.assertEqual([c[0] for c in now["choices"]], WIDTHS)
        stood = []
        while not stood or (stood[-1] and len(stood) < ATTEMPTS):
            stood.append(self.switch(bench))
        self.assertEqual(stood[-1], 0, stood)
        self.assertEqual(set(bench.look()["sizes"]), set(WIDTHS))

    def test_hls_js_switches_among_three_tracks(self):
        self.switches(*(clip("h264", size) for size in SIZES), clip("aac"))

    def test_hls_js_switches_among_three_codecs(self):
        names = ("av1", "vp9", "h264")
        self.switches(*(clip(name, size) for name, size in zip(names, SIZES)), clip("aac"))


if __name__ == "__main__":
    unittest.main()
