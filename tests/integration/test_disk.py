"""A full disk costs the recording, never the viewers; retention never touches a live stream."""
import os
import shutil
import subprocess
import tempfile
import unittest

from support import SoukTest, wait_for


class Disk(SoukTest):
    @unittest.skipUnless(os.geteuid() == 0, "a small file system needs root")
    def test_full_disk(self):
        root = tempfile.mkdtemp(prefix="souk-tmpfs-")
        self.addCleanup(shutil.rmtree, root, True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", root]).returncode:
            self.skipTest("mounting is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", root])
        souk = self.soukd({"media.root": os.path.join(root, "media"), "media.min_free": "1M",
                           "hls.segment_target": "1s", "media.mp4": "off"})
        made = souk.create_stream()
        self.publisher(souk.publish_url(made), gop=30)
        wait_for(lambda: souk.metric("souk_recorded_segments_total") >= 2, "segments recorded")
        filler = os.path.join(root, "filler")
        with open(filler, "wb") as f:
            f.write(bytes(6 << 20))
        souk.wait_log("ERROR", "recording stopped", "no space")
        wait_for(lambda: souk.metric("souk_recordings_failing") == 1, "it is counted")
        playlist = f"/hls/{made['streamId']}/stream_0.m3u8"

        def listed():
            return [x for x in souk.get(playlist).text.splitlines() if x.startswith("seg_")]

        def last():
            return listed()[-1]
        failed_at = last()
        wait_for(lambda: last() != failed_at, "live goes on")
        wait_for(lambda: souk.get(f"/hls/{made['streamId']}/{last()}").status == 200, "the newest")
        for name in listed():
            status = souk.get(f"/hls/{made['streamId']}/{name}").status
            # What has left the window meanwhile may be gone.
            self.assertTrue(status == 200 or status == 404 and name not in listed(), (name, status))
        os.unlink(filler)
        souk.wait_log("recording works again")
        wait_for(lambda: souk.metric("souk_recordings_failing") == 0, "it is counted no more")
        souk.ctl("streams", "end", made["streamId"])
        souk.wait_vod(made)

    def test_unrecorded_stream_leaves_nothing(self):
        souk = self.soukd()
        made = souk.create_stream("T", "seller-1", "--no-record")
        p = self.publisher(souk.publish_url(made), frames=130)
        souk.wait_playable(made)
        self.assertEqual(p.wait(), 0, p.errors)
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it is ended")
        self.assertIsNone(souk.stream(made)["vodUrl"])
        self.assertEqual(souk.get(f"/vod/{made['streamId']}/index.m3u8").status, 404)

    def test_deleting_a_recording(self):
        souk = self.soukd()
        made = souk.create_stream()
        p = self.publisher(souk.publish_url(made), frames=130)
        souk.wait_playable(made)
        p.wait()
        souk.wait_mp4(made)
        wait_for(lambda: souk.stream(made)["vodUrl"], "the VOD is known")
        souk.ctl("vod", "delete", made["streamId"])
        wait_for(lambda: not os.path.exists(souk.media_dir(made)), "the folder is gone")
        self.assertEqual(souk.get(f"/vod/{made['streamId']}/index.m3u8").status, 404)
        self.assertIsNone(souk.stream(made)["vodUrl"])


if __name__ == "__main__":
    unittest.main()
