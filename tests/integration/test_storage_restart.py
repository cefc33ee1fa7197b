"""Finished recordings on their way to S3-compatible storage while the daemon dies and comes back."""
import threading
import unittest

from object_storage import StorageTest
from support import wait_for


class Restart(StorageTest):
    def test_kill_in_the_middle_then_the_rest(self):
        gate = threading.Event()
        self.proxy.fault = lambda method, path: (
            gate if method == "PUT" and "seg_0_2" in path else None)
        souk = self.soukd(self.settings(parallel="1"))
        made = self.record(souk)
        wait_for(lambda: self.proxy.count("PUT", "seg_0_2"), "the third segment is under way")
        place = self.place(souk, made)
        self.assertEqual(place["state"], "sending")
        self.assertGreater(place["objectsDone"], 0)
        self.assertGreater(place["objects"], place["objectsDone"])
        souk.kill9()
        done = set(self.objects(made)) - {"seg_0_2.m4s"}
        self.assertGreater(len(done), 1)
        self.assertNotIn("index.m3u8", done)
        self.proxy.fault = None
        gate.set()
        with self.proxy.lock:
            self.proxy.requests.clear()
        souk.start()
        self.wait_state(souk, made, "stored")
        self.wait_gone(souk, made)
        again = {p.rsplit("/", 1)[1] for p in self.proxy.paths("PUT")}
        self.assertEqual(again & done, set())
        self.assertIn("index.m3u8", again)
        self.assertEqual(souk.metric("souk_storage_objects_total", 'result="there"'), len(done))
        self.assertAlmostEqual(self.duration(souk.stream(made)["vodUrl"]), 4.0, delta=0.5)

    def test_kill_in_parts_leaves_no_part_behind(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.proxy.fault = lambda method, path: (
            gate if method == "PUT" and "partNumber=2" in path else None)
        souk = self.soukd({**self.settings(part_size="5M", parallel="1"),
                           "rtmp.max_bitrate": "500M"})
        made = self.record(souk, frames=60, size="1280x720",
                           extra=("-vf", "noise=alls=100:allf=t", "-b:v", "60M"))
        wait_for(lambda: self.proxy.count("PUT", "partNumber=2"), "the second part is under way")
        souk.kill9()
        self.assertEqual(len(self.storage.uploads()), 1)
        self.proxy.fault = None
        souk.start()
        self.wait_state(souk, made, "stored")
        self.assertEqual(self.storage.uploads(), [])
        self.assertGreater(self.objects(made)["recording.mp4"], 5 << 20)

    def test_a_stop_does_not_wait_for_a_transfer(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.proxy.fault = lambda method, path: (
            gate if method == "PUT" and "seg_0_1" in path else None)
        souk = self.soukd({**self.settings(stall_timeout="10m"), "server.drain": "5m"})
        made = self.record(souk)
        wait_for(lambda: self.proxy.count("PUT", "seg_0_1"), "a transfer is under way")
        self.assertEqual(souk.terminate(), 0)
        self.proxy.fault = None
        gate.set()
        souk.start()
        self.wait_state(souk, made, "stored")

    def test_recordings_of_before_go_too(self):
        plain = {k: v for k, v in self.settings().items() if "storage.s3_bucket" not in k}
        souk = self.soukd(plain)
        made = self.record(souk)
        wait_for(lambda: souk.log_lines("storyboard ready", made["streamId"]), "the storyboard")
        self.assertEqual(self.place(souk, made)["state"], "none")
        self.assertEqual(souk.terminate(), 0)
        souk.settings["storage.s3_bucket"] = self.storage.bucket
        souk.start()
        self.wait_state(souk, made, "stored")


if __name__ == "__main__":
    unittest.main()
