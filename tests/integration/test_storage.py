"""Finished recordings in S3-compatible storage: what lies there, who is led there, what is removed."""
import json
import os
import sqlite3
import threading
import unittest
import urllib.request

from object_storage import StorageTest
from support import FfmpegPublisher, wait_for


class Upload(StorageTest):
    def test_a_recording_goes_there_and_is_played_from_there(self):
        souk = self.soukd(self.settings())
        made = self.record(souk)
        place = self.wait_state(souk, made, "stored")
        self.wait_gone(souk, made)
        base = f"{self.storage.public_url()}/{self.prefix}/{made['streamId']}"
        self.assertEqual(place["url"], base)
        self.assertIsNone(place["error"])

        shown = souk.stream(made)
        self.assertEqual(shown["vodUrl"], base + "/index.m3u8")
        self.assertEqual(shown["thumbnailUrl"], base + "/poster.jpg")
        self.assertAlmostEqual(self.duration(shown["vodUrl"]), 4.0, delta=0.5)
        self.assertAlmostEqual(self.duration(base + "/recording.mp4"), 4.0, delta=0.5)

        there = self.objects(made)
        self.assertEqual(place["objects"], len(there))
        self.assertEqual(place["bytes"], sum(there.values()))
        self.assertLessEqual(self.names_of(made) | {"index.m3u8", "recording.mp4", "poster.jpg",
                                                    "storyboard.vtt", "storyboard_0.jpg",
                                                    "chat.json"}, set(there))
        self.assertNotIn("journal", there)
        kinds = {"index.m3u8": ("application/vnd.apple.mpegurl", "max-age=60"),
                 "seg_0_0.m4s": ("video/mp4", "immutable"),
                 "poster.jpg": ("image/jpeg", "max-age=60"),
                 "storyboard.vtt": ("text/vtt", "max-age=60"),
                 "chat.json": ("application/json", "max-age=60")}
        for name, (kind, kept) in kinds.items():
            status, headers = self.storage.head(f"{self.prefix}/{made['streamId']}/{name}")
            self.assertEqual(status, 200, name)
            self.assertEqual(headers["content-type"].split(";")[0], kind, name)
            with urllib.request.urlopen(f"{base}/{name}", timeout=60) as answer:
                self.assertIn(kept, answer.headers["cache-control"], name)

        # The playlist that leads to all others went last, once, and so did everything else.
        puts = [p for p in self.proxy.paths("PUT") if made["streamId"] in p]
        self.assertTrue(puts[-1].endswith("/index.m3u8"), puts[-3:])
        self.assertEqual(len(puts), len(set(puts)))
        self.assertEqual(len(puts), len(there))
        self.assertEqual(souk.metric("souk_storage_objects_total", 'result="sent"'), len(there))
        self.assertEqual(souk.metric("souk_storage_bytes_total"), sum(there.values()))

        # Old addresses lead there.
        for path in ("/vod/%s/index.m3u8", "/vod/%s/seg_0_0.m4s", "/vod/%s/recording.mp4",
                     "/vod/%s/storyboard.vtt"):
            answer = souk.get(path % made["streamId"])
            self.assertEqual(answer.status, 302, path)
            self.assertEqual(answer.headers["location"], base + path[len("/vod/%s"):])
        for path in ("index.m3u8", "init_0_0.mp4", "seg_0_1.m4s"):
            answer = souk.get(f"/hls/{made['streamId']}/{path}")
            self.assertEqual((answer.status, answer.headers.get("location")),
                             (302, f"{base}/{path}"))
        self.assertEqual(souk.get(f"/vod/{made['streamId']}/chat.json").status, 200)
        target = os.path.join(souk.folder, "export.mp4")
        souk.ctl("vod", "export", made["streamId"], target)
        self.assertAlmostEqual(self.duration(target), 4.0, delta=0.5)

        # No secret is shown anywhere.
        shown = souk.ctl("config", "show", parse=False)
        self.assertIn("s3_access_key", shown)
        self.assertNotIn("= testing", shown)
        self.assertNotIn("testing", souk.log())

    def test_what_was_said_goes_too_and_stays_when_kept_here(self):
        souk = self.soukd(self.settings(keep_local="yes"))
        made = souk.create_stream()
        publisher = self.publisher(souk.publish_url(made), gop=30)
        souk.wait_playable(made)
        token = souk.token("buyer-1", "buyer")
        said = souk.request("POST", f"/api/v1/streams/{made['streamId']}/chat",
                            {"message": "How much is it?"}, token)
        self.assertIn(said.status, (200, 201), said.text)
        publisher.stop()
        self.wait_state(souk, made, "stored")
        chat = json.loads(self.storage.get(f"{self.prefix}/{made['streamId']}/chat.json"))
        self.assertEqual([m["message"] for m in chat["messages"]], ["How much is it?"])
        self.assertIsNone(chat["next"])
        here = souk.get(f"/vod/{made['streamId']}/chat.json").json
        self.assertEqual(chat, here)
        self.assertTrue(self.place(souk, made)["local"])
        self.assertEqual(souk.get(f"/vod/{made['streamId']}/index.m3u8").status, 200)
        self.assertTrue(souk.stream(made)["vodUrl"].startswith(self.storage.public_url()))

    def test_a_file_made_later_goes_too(self):
        souk = self.soukd({**self.settings(keep_local="yes"), "media.mp4": "demand"})
        made = self.record(souk)
        self.wait_state(souk, made, "stored")
        self.assertNotIn("recording.mp4", self.objects(made))
        url = souk.stream(made)["vodUrl"]
        self.assertEqual(souk.get(f"/vod/{made['streamId']}/recording.mp4").status, 200)
        wait_for(lambda: "recording.mp4" in self.objects(made), "the MP4 is there")
        self.wait_state(souk, made, "stored")
        self.assertEqual(souk.stream(made)["vodUrl"], url)
        # Nothing else was sent again.
        puts = self.proxy.paths("PUT")
        self.assertEqual(len(puts), len(set(puts)))

    def test_what_is_not_for_everyone_stays_here(self):
        souk = self.soukd(self.settings())
        made = souk.ctl("streams", "create", "--seller", "seller-2", "--title", "T", "--live",
                        "--audience", "followers")
        publisher = FfmpegPublisher(souk.publish_url(made), frames=60, gop=30, realtime=False)
        self.addCleanup(publisher.kill)
        self.assertEqual(publisher.wait(), 0, publisher.errors)
        self.assertEqual(self.wait_state(souk, made, "kept")["local"], True)
        souk.wait_log("recording is not for everyone", made["streamId"])
        public = self.record(souk, frames=60)
        self.wait_state(souk, public, "stored")
        self.assertEqual(self.objects(made), {})
        self.assertTrue(os.path.exists(os.path.join(souk.media_dir(made), "index.m3u8")))
        self.assertEqual(souk.ctl("vod", "delete", made["streamId"])["state"], "deleted")

    def test_a_large_file_goes_in_parts(self):
        souk = self.soukd({**self.settings(part_size="5M"), "rtmp.max_bitrate": "500M"})
        made = self.record(souk, frames=60, size="1280x720",
                           extra=("-vf", "noise=alls=100:allf=t", "-b:v", "60M"))
        self.wait_state(souk, made, "stored")
        there = self.objects(made)
        self.assertGreater(there["recording.mp4"], 5 << 20)
        self.assertGreaterEqual(self.proxy.count("PUT", "partNumber=2"), 1)
        _, headers = self.storage.head(f"{self.prefix}/{made['streamId']}/recording.mp4")
        self.assertRegex(headers["etag"], r'-\d+"?$')
        self.assertEqual(headers["content-type"], "video/mp4")
        self.wait_gone(souk, made)
        base = souk.stream(made)["vodUrl"].rsplit("/", 1)[0]
        self.assertAlmostEqual(self.duration(base + "/recording.mp4"), 2.0, delta=0.5)


class Removal(StorageTest):
    def test_objects_go_with_their_recording(self):
        refuse = threading.Event()
        self.proxy.fault = lambda method, path: (
            503 if method == "DELETE" and refuse.is_set() else None)
        souk = self.soukd(self.settings())
        made, other = self.record(souk), self.record(souk)
        self.wait_state(souk, made, "stored")
        self.wait_state(souk, other, "stored")
        refuse.set()
        self.assertEqual(souk.ctl("vod", "delete", made["streamId"])["state"], "deleted")
        place = wait_for(lambda: (p := self.place(souk, made))["error"] and p, "it is tried")
        self.assertEqual(place["state"], "removing")
        self.assertIsNone(souk.stream(made)["vodUrl"])
        self.assertIsNone(souk.stream(made)["thumbnailUrl"])
        self.assertEqual(souk.get(f"/vod/{made['streamId']}/index.m3u8").status, 404)
        souk.kill9()
        refuse.clear()
        souk.start()
        wait_for(lambda: self.objects(made) == {}, "the objects are gone")
        self.wait_state(souk, made, "none")
        self.assertGreater(len(self.objects(other)), 3)

    def test_a_stream_is_deleted_while_it_is_sent(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.proxy.fault = lambda method, path: (
            gate if method == "PUT" and "seg_0_1" in path else None)
        souk = self.soukd(self.settings(stall_timeout="10m"))
        made = self.record(souk)
        wait_for(lambda: self.proxy.count("PUT", "seg_0_1"), "a transfer is under way")
        token = souk.token("admin-1", "admin")
        answer = souk.request("DELETE", f"/api/v1/streams/{made['streamId']}", token=token)
        self.assertEqual(answer.status, 200, answer.text)
        self.proxy.fault = None
        wait_for(lambda: self.objects(made) == {}, "the objects are gone")
        with sqlite3.connect(f"file:{souk.folder}/souk.db?mode=ro", uri=True) as db:
            wait_for(lambda: db.execute("SELECT count(*) FROM uploads").fetchone()[0] == 0,
                     "the store forgot it")
        self.assertFalse(os.path.exists(souk.media_dir(made)))


if __name__ == "__main__":
    unittest.main()
