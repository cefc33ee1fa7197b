"""kill -9 and SIGTERM in the middle: no finished segment is lost, the encoder comes back."""
import os
import re
import sqlite3
import unittest

from support import PATIENCE, SoukTest, decodes, ffprobe_packets, wait_for


def segments(playlist):
    return re.findall(r"^seg_\S+", playlist, re.M)


class Recovery(SoukTest):
    def integrity(self, souk):
        with sqlite3.connect(os.path.join(souk.folder, "souk.db")) as db:
            return db.execute("PRAGMA integrity_check").fetchone()[0]

    def playlist(self, souk, made):
        return souk.get(f"/hls/{made['streamId']}/stream_0.m3u8").text

    def sequence(self, text):
        return int(re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)[1])

    def last(self, text):
        return int(re.findall(r"^seg_0_(\d+)", text, re.M)[-1])

    def test_kill_while_publishing(self):
        souk = self.soukd({"hls.segment_target": "1s"})
        made = souk.create_stream()
        p = self.publisher(souk.publish_url(made), gop=30)
        wait_for(lambda: len(segments(self.playlist(souk, made))) >= 4, "some segments")
        before = self.playlist(souk, made)
        stored = int(souk.metric("souk_recorded_segments_total"))
        souk.kill9()
        p.kill()
        self.assertEqual(self.integrity(souk), "ok")

        souk.start()
        self.assertEqual(souk.stream(made)["state"], "interrupted")
        after = self.playlist(souk, made)
        self.assertGreaterEqual(self.sequence(after) + len(segments(after)), stored)
        self.publisher(souk.publish_url(made), gop=30)
        # Seen as long as it is in the window.
        resumed = wait_for(lambda: "#EXT-X-DISCONTINUITY\n" in (t := self.playlist(souk, made)) and t,
                           "a discontinuity")
        wait_for(lambda: self.last(self.playlist(souk, made)) > self.last(before) + 2, "goes on")
        self.assertGreaterEqual(self.sequence(resumed), self.sequence(before))

        souk.ctl("streams", "end", made["streamId"])
        vod = souk.get(f"/vod/{made['streamId']}/index.m3u8") if souk.wait_vod(made) else None
        finished = segments(before)[:stored]
        self.assertTrue(set(finished) <= set(segments(vod.text)), (finished, vod.text))
        self.assertEqual(decodes(souk.wait_mp4(made)), "")
        self.assertEqual(self.integrity(souk), "ok")

    def test_kill_right_after_the_end(self):
        souk = self.soukd()
        made = souk.create_stream()
        p = self.publisher(souk.publish_url(made), frames=130)
        souk.wait_playable(made)
        p.wait()
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it is ended")
        souk.kill9()
        souk.start()
        self.assertEqual(len(ffprobe_packets(souk.wait_mp4(made), "v")), 130)
        souk.wait_vod(made)
        wait_for(lambda: souk.stream(made)["vodUrl"], "the store knows of the VOD")

    def test_drain_finishes_the_recording_and_a_restart_goes_on(self):
        souk = self.soukd()
        made = souk.create_stream()
        p = self.publisher(souk.publish_url(made))
        souk.wait_playable(made)
        self.assertEqual(souk.terminate(), 0, souk.log()[-3000:])
        souk.check_log()
        p.kill()
        folder = souk.media_dir(made)
        first = ffprobe_packets(os.path.join(folder, "recording.mp4"), "v")
        self.assertGreaterEqual(len(first), 60)
        self.assertEqual(decodes(os.path.join(folder, "index.m3u8")), "")

        souk.start()
        self.assertEqual(souk.stream(made)["status"], "live")
        self.assertEqual(souk.get(f"/vod/{made['streamId']}/index.m3u8").status, 200)
        p = self.publisher(souk.publish_url(made), frames=130)
        self.assertEqual(p.wait(), 0, p.errors)
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it is ended")
        wait_for(lambda: len(ffprobe_packets(souk.wait_mp4(made), "v")) == len(first) + 130,
                 "the VOD holds both sessions")

    def test_second_sigterm_stops_at_once(self):
        souk = self.soukd()
        souk.process.terminate()
        souk.process.terminate()
        self.assertIsNotNone(souk.process.wait(PATIENCE))


if __name__ == "__main__":
    unittest.main()
