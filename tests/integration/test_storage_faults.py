"""Finished recordings on their way to S3-compatible storage, which fails in every way it can."""
import json
import os
import subprocess
import threading
import unittest

from object_storage import StorageTest
from support import BUILD, wait_for


class Faults(StorageTest):
    def once(self, what, fault, times=1):
        """Injects it into the first PUTs whose path holds the text."""
        left, lock = [times], threading.Lock()

        def choose(method, path):
            with lock:
                if method == "PUT" and what in path and left[0] > 0:
                    left[0] -= 1
                    return fault
            return None
        self.proxy.fault = choose
        return left

    def check_stored(self, souk, made, left):
        self.wait_state(souk, made, "stored")
        self.assertEqual(left[0], 0)
        self.assertIsNone(self.place(souk, made)["error"])
        self.assertLessEqual(self.names_of(made), set(self.objects(made)))
        self.wait_gone(souk, made)
        self.assertAlmostEqual(self.duration(souk.stream(made)["vodUrl"]), 4.0, delta=0.5)

    def test_a_busy_server_is_asked_again(self):
        left = self.once("seg_", 503, times=3)
        souk = self.soukd(self.settings())
        made = self.record(souk)
        self.check_stored(souk, made, left)
        self.assertTrue(souk.log_lines("recording not stored", "SlowDown"))
        self.assertGreaterEqual(souk.metric("souk_storage_recordings_total", 'result="failed"'), 1)

    def test_a_cut_connection_is_no_object(self):
        left = self.once("seg_0_1", "cut", times=2)
        souk = self.soukd(self.settings())
        made = self.record(souk)
        self.check_stored(souk, made, left)
        # Of the others none was sent twice.
        puts = [p for p in self.proxy.paths("PUT") if "seg_0_1" not in p and "?" not in p]
        self.assertEqual(len(puts), len(set(puts)))

    def test_a_damaged_body_is_found(self):
        left = self.once("seg_0_0", "corrupt")
        souk = self.soukd(self.settings())
        made = self.record(souk)
        self.check_stored(souk, made, left)
        self.assertTrue(souk.log_lines("recording not stored", "mismatch"))

    def test_an_answer_that_is_none_is_no_success(self):
        left = self.once("index.m3u8", "garbage")
        souk = self.soukd(self.settings())
        made = self.record(souk)
        self.check_stored(souk, made, left)

    def test_nothing_goes_from_here_before_it_was_verified(self):
        """An object that vanishes between its PUT and the look at all is sent again."""
        vanish = threading.Event()

        def choose(method, path):
            if method == "PUT" and path.endswith("/index.m3u8") and not vanish.is_set():
                vanish.set()
                key = path.split("/", 2)[2].replace("index.m3u8", "seg_0_0.m4s")
                self.storage.put(key, b"something else")
            return None
        self.proxy.fault = choose
        souk = self.soukd(self.settings())
        made = self.record(souk)
        souk.wait_log("recording not stored", "seg_0_0.m4s is not there as it was sent")
        self.wait_state(souk, made, "stored")
        self.wait_gone(souk, made)
        self.assertGreater(self.objects(made)["seg_0_0.m4s"], 100)
        self.assertEqual(self.proxy.count("PUT", "seg_0_0.m4s"), 2)
        self.assertEqual(self.proxy.count("PUT", "seg_0_1.m4s"), 1)

    def test_wrong_secret_then_mended_by_a_reload(self):
        souk = self.soukd({**self.settings(secret="wrong"), "storage.s3_retry_max": "1h"})
        made = self.record(souk)
        place = wait_for(lambda: (p := self.place(souk, made))["error"] and p, "it is refused")
        self.assertIn("403", place["error"])
        self.assertEqual(place["state"], "waiting")
        self.assertTrue(souk.log_lines("recording not stored", "reason=denied"))
        self.assertEqual(self.objects(made), {})
        self.assertTrue(os.path.exists(souk.media_dir(made)))
        self.assertEqual(souk.stream(made)["vodUrl"].split("/", 3)[3],
                         f"vod/{made['streamId']}/index.m3u8")
        wait_for(lambda: souk.metric("souk_storage_alert") == 1, "the alert is up")
        found = subprocess.run(
            [os.path.join(BUILD, "soukctl"), "--config", souk.config_path, "doctor", "--json"],
            capture_output=True, text=True, cwd=souk.folder, timeout=90).stdout
        storage = [f for f in json.loads(found) if f["check"] == "storage"]
        self.assertEqual(storage[0]["state"], "fail", found)

        secret = os.path.join(souk.folder, "s3-secret")
        with open(secret, "w") as f:
            f.write("testing\n")
        os.chmod(secret, 0o600)
        souk.settings["storage.s3_secret"] = ""
        souk.settings["storage.s3_secret_file"] = secret
        souk.write_config()
        souk.process.send_signal(1)
        self.wait_state(souk, made, "stored")
        wait_for(lambda: souk.metric("souk_storage_alert") == 0, "the alert is down")

    def test_a_bucket_that_is_not_there_yet(self):
        souk = self.soukd({**self.settings(), "storage.s3_bucket": "later"})
        made = self.record(souk)
        souk.wait_log("recording not stored", "reason=no_bucket")
        self.storage.make_bucket("later")
        self.wait_state(souk, made, "stored")


if __name__ == "__main__":
    unittest.main()
