"""Pictures of streams and of their recordings: of what was sent, and only for who may watch."""
import contextlib
import os
import re
import sqlite3
import subprocess
import unittest
import uuid

from support import FfmpegPublisher, SoukTest, wait_for


def jpeg_size(data):
    """Width and height by the frame header; fails if it is no whole JPEG."""
    assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9", data[:16]
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
    return (int.from_bytes(data[at + 7:at + 9], "big"), int.from_bytes(data[at + 5:at + 7], "big"))


def mean_colours(arguments, crop="iw:ih:0:0", data=None):
    """Mean red, green and blue of each field of a 4 x 4 grid, as ffmpeg decodes it."""
    out = subprocess.run(
        ["ffmpeg", "-v", "error", *arguments, "-vf", f"crop={crop},scale=4:4:flags=area",
         "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        input=data, capture_output=True, check=True, timeout=60).stdout
    return list(out)


def picture_colours(data, crop="iw:ih:0:0"):
    return mean_colours(["-f", "mjpeg", "-i", "-"], crop, data)


def distance(a, b):
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


class ColourPublisher(FfmpegPublisher):
    """A picture of one colour."""

    def __init__(self, url, colour):
        args = ["ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin", "-re", "-f", "lavfi",
                "-i", f"color={colour}:size=320x180:rate=30"]
        args += ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p",
                 "-g", "30", "-f", "flv", url]
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)


FAST = {"media.thumbnail_interval": "1s", "hls.segment_target": "1s"}


class Thumbnails(SoukTest):
    def thumb(self, made):
        return f"/thumb/{made['streamId']}.jpg"

    def wait_thumb(self, souk, made, query=""):
        return wait_for(lambda: (a := souk.get(self.thumb(made) + query)).status == 200 and a,
                        "the first thumbnail")

    def colour(self, publisher):
        self.addCleanup(publisher.kill)
        return publisher

    def test_it_is_the_picture_that_was_sent(self):
        souk = self.soukd({"media.thumbnail_width": "160", "hls.segment_target": "1s"})
        made = souk.create_stream()
        self.assertEqual(souk.get(self.thumb(made)).status, 404)
        self.assertIsNone(souk.stream(made)["thumbnailUrl"])
        self.publisher(souk.publish_url(made), gop=30)
        got = self.wait_thumb(souk, made)
        self.assertEqual(got.headers["content-type"], "image/jpeg")
        self.assertEqual(got.headers["access-control-allow-origin"], "*")
        self.assertRegex(got.headers["cache-control"], r"^public, max-age=\d+$")
        self.assertEqual(jpeg_size(got.body), (160, 90))
        # The frame of the stream's first second, as ffmpeg makes it.
        source = mean_colours(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"])
        self.assertLess(distance(picture_colours(got.body), source), 40)
        self.assertGreater(distance(picture_colours(got.body), [128] * 48), 60)

        url = souk.stream(made)["thumbnailUrl"]
        self.assertTrue(url.endswith(self.thumb(made)), url)
        again = souk.get(self.thumb(made), {"If-None-Match": got.headers["etag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        head = souk.request("HEAD", self.thumb(made))
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(int(head.headers["content-length"]), len(got.body))
        self.assertEqual(souk.request("POST", self.thumb(made)).status, 405)
        for bad in ("/thumb/x.jpg", "/thumb/", self.thumb(made) + "x", self.thumb(made)[:-4]):
            self.assertEqual(souk.get(bad).status, 404, bad)

    def test_it_is_renewed_while_the_stream_is_live(self):
        souk = self.soukd(FAST)
        made = souk.create_stream()
        p = self.colour(ColourPublisher(souk.publish_url(made), "red"))
        first = self.wait_thumb(souk, made)
        self.assertLess(distance(picture_colours(first.body), [254, 0, 0] * 16), 30)
        p.kill()
        self.colour(ColourPublisher(souk.publish_url(made), "blue"))
        blue = [0, 0, 254] * 16
        newer = wait_for(lambda: distance(
            picture_colours((a := souk.get(self.thumb(made))).body), blue) < 30 and a,
            "the picture of now")
        self.assertNotEqual(newer.headers["etag"], first.headers["etag"])

    def test_none_where_none_are_wanted_or_too_large(self):
        souk = self.soukd({**FAST, "media.thumbnail_max_pixels": "65536"})
        small, large = souk.create_stream("small"), souk.create_stream("large", "seller-2")
        self.publisher(souk.publish_url(small), gop=30)
        self.publisher(souk.publish_url(large), gop=30, size="640x360")
        self.wait_thumb(souk, small)
        souk.wait_log("no thumbnail of a stream", large["streamId"], "too large")
        self.assertEqual(souk.get(self.thumb(large)).status, 404)
        self.assertIsNone(souk.stream(large)["thumbnailUrl"])
        self.assertEqual(souk.metric("souk_thumbnails_failed_total"), 1)

    def test_off(self):
        souk = self.soukd({**FAST, "media.thumbnail_interval": "0"})
        made = souk.create_stream()
        self.publisher(souk.publish_url(made), gop=30)
        wait_for(lambda: souk.metric("souk_recorded_segments_total") >= 3, "some segments")
        self.assertEqual(souk.metric("souk_thumbnails_total"), 0)
        self.assertEqual(souk.get(self.thumb(made)).status, 404)

    def test_only_for_who_may_watch(self):
        souk = self.soukd(FAST)
        made = souk.create_stream("Mine", "seller-1", "--audience", "followers")
        self.publisher(souk.publish_url(made), gop=30)
        owner = souk.token("seller-1", "seller")
        path = f"/api/v1/streams/{made['streamId']}"
        url = wait_for(lambda: souk.request("GET", path, token=owner).json["data"]["thumbnailUrl"],
                       "the owner's thumbnail")
        self.assertRegex(url, re.escape(self.thumb(made)) + r"\?token=\S+$")
        got = souk.get(url[url.index("/thumb/"):])
        self.assertEqual(got.status, 200)
        self.assertTrue(got.headers["cache-control"].startswith("private"), got.headers)
        jpeg_size(got.body)
        self.assertEqual(souk.get(self.thumb(made)).status, 403)
        self.assertEqual(souk.get(self.thumb(made) + "?token=x").status, 403)
        self.assertIsNone(souk.stream(made)["thumbnailUrl"])
        self.assertEqual(souk.request("GET", self.thumb(made), token=owner).status, 200)


CUE = re.compile(r"(\d+):(\d\d):(\d\d)\.(\d{3}) --> (\d+):(\d\d):(\d\d)\.(\d{3})\n"
                 r"(storyboard_\d+\.jpg)(\S*)#xywh=(\d+),(\d+),(\d+),(\d+)\n")


def cues(text):
    """(from ms, to ms, name, query, (x, y, w, h)) of each cue; fails if there is more in it."""
    def ms(h, m, s, t):
        return ((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(t)
    blocks = text.split("\n\n")
    assert blocks[0] == "WEBVTT", text
    found = []
    for block in blocks[1:]:
        match = CUE.fullmatch(block.rstrip("\n") + "\n")
        assert match, block
        g = match.groups()
        found.append((ms(*g[:4]), ms(*g[4:8]), g[8], g[9], tuple(int(n) for n in g[10:])))
    return found


class Recordings(SoukTest):
    def vod(self, made, name):
        return f"/vod/{made['streamId']}/{name}"

    def wait_board(self, souk, made, query=""):
        path = self.vod(made, "storyboard.vtt") + query
        return wait_for(lambda: (a := souk.get(path)).status == 200 and a, "the storyboard")

    def test_pictures_of_a_recording(self):
        souk = self.soukd({"hls.segment_target": "1s", "media.thumbnail_interval": "0"})
        made = souk.create_stream()
        red = ColourPublisher(souk.publish_url(made), "red")
        self.addCleanup(red.kill)
        stored = "souk_recorded_segments_total"
        wait_for(lambda: souk.metric(stored) >= 3, "three seconds of red")
        said = souk.request("POST", f"/api/v1/streams/{made['streamId']}/chat",
                            {"message": "in red"}, souk.token("fan", "buyer"))
        self.assertEqual(said.status, 201, said.text)
        red.kill()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "it is interrupted")
        before = souk.metric(stored)
        p = ColourPublisher(souk.publish_url(made), "blue")
        self.addCleanup(p.kill)
        wait_for(lambda: souk.metric(stored) >= before + 3, "three seconds of blue")
        souk.ctl("streams", "end", made["streamId"])
        board = self.wait_board(souk, made)
        self.assertTrue(board.headers["content-type"].startswith("text/vtt"))
        self.assertEqual(board.headers["access-control-allow-origin"], "*")

        found = cues(board.text)
        playlist = souk.get(self.vod(made, "index.m3u8")).text
        length = sum(float(n) for n in re.findall(r"#EXTINF:([\d.]+)", playlist)) * 1000
        self.assertEqual(found[0][0], 0)
        self.assertLess(abs(found[-1][1] - length), 100)
        for (_, to, *_), (start, *_) in zip(found, found[1:]):
            self.assertEqual(to, start)
        self.assertEqual({name for _, _, name, _, _ in found}, {"storyboard_0.jpg"})
        sprite = souk.get(self.vod(made, "storyboard_0.jpg"))
        self.assertEqual(sprite.headers["content-type"], "image/jpeg")
        width, height = jpeg_size(sprite.body)
        self.assertEqual((width, height), (1600, 90))
        for _, _, _, _, (x, y, w, h) in found:
            self.assertTrue(x + w <= width and y + h <= height and (w, h) == (160, 90))

        def tile(at):
            _, _, _, _, (x, y, w, h) = found[at]
            return picture_colours(sprite.body, f"{w}:{h}:{x}:{y}")
        self.assertLess(distance(tile(0), [254, 0, 0] * 16), 30)
        self.assertLess(distance(tile(-1), [0, 0, 254] * 16), 30)
        self.assertEqual(len({place for *_, place in found}), len(found))

        poster = souk.get(self.vod(made, "poster.jpg"))
        self.assertEqual(jpeg_size(poster.body), (320, 180))
        self.assertLess(distance(picture_colours(poster.body), [254, 0, 0] * 16), 30)
        self.assertTrue(souk.stream(made)["thumbnailUrl"].endswith(self.vod(made, "poster.jpg")))
        for bad in ("storyboard_01.jpg", "storyboard_7.jpg", "storyboard.jpg", "poster.jpg.tmp"):
            self.assertEqual(souk.get(self.vod(made, bad)).status, 404, bad)
        self.assertEqual(souk.get(f"/hls/{made['streamId']}/poster.jpg").status, 404)

        self.check_chat(souk, made, round(length))

        # It goes with the recording.
        souk.wait_mp4(made)
        wait_for(lambda: self.deleted(souk, made), "it is deleted")
        self.assertFalse(os.path.exists(souk.media_dir(made)))
        self.assertIsNone(souk.stream(made)["thumbnailUrl"])

    def check_chat(self, souk, made, length):
        """What was said stands where the recording shows what was to be seen then."""
        path = self.vod(made, "chat.json")
        stream = uuid.UUID(made["streamId"]).bytes
        first = souk.get(path)
        self.assertEqual(first.headers["content-type"], "application/json")
        self.assertEqual(first.headers["access-control-allow-origin"], "*")
        (said,) = first.json["messages"]
        self.assertEqual((said["message"], said["userId"]), ("in red", "fan"))
        self.assertIsNone(first.json["next"])
        url = souk.settings["store.url"].removeprefix("sqlite:")
        with contextlib.closing(sqlite3.connect(url, timeout=60)) as db:
            rows = db.execute("SELECT wall_ms, offset_ms, duration_ms FROM segments WHERE"
                              " stream_id = ? ORDER BY sequence", (stream,)).fetchall()
            walls = [(w, o, d) for w, o, d in rows]
            gap = next(i for i in range(1, len(walls))
                       if walls[i][0] > walls[i - 1][0] + walls[i - 1][2] + 100)
            cut = walls[gap - 1]
            # When it was said, where it is to stand; in the order of time.
            want = [(walls[0][0] - 5000, 0), (walls[0][0] + 300, 300),
                    (cut[0] + 100, cut[1] + 100), (walls[gap][0] - 20, cut[1] + cut[2]),
                    (walls[gap][0] + 50, walls[gap][1] + 50),
                    (walls[-1][0] + 3600000, walls[-1][1] + walls[-1][2])]
            db.execute("DELETE FROM chat_messages")
            for n, (at, _) in enumerate(want + [(walls[0][0], None)]):
                self.insert(db, stream, 1000 + n, at, f"message {n}", at if n == len(want) else None)
            db.commit()
            got = souk.get(path).json["messages"]
            self.assertEqual([m["message"] for m in got], [f"message {n}" for n in range(len(want))])
            self.assertEqual([m["offset"] for m in got], [offset for _, offset in want])
            self.assertLess(abs(got[-1]["offset"] - length), 100)

            for n in range(600):
                self.insert(db, stream, 2000 + n, walls[-1][0], f"more {n}", None)
            db.commit()
        page = souk.get(path).json
        self.assertEqual(len(page["messages"]), 500)
        rest = souk.get(self.vod(made, page["next"])).json
        self.assertIsNone(rest["next"])
        texts = [m["message"] for m in page["messages"] + rest["messages"]]
        self.assertEqual(texts, [f"message {n}" for n in range(len(want))] +
                         [f"more {n}" for n in range(600)])
        self.assertEqual(souk.get(path + "?after=x").status, 422)
        self.assertEqual(souk.get(path + f"?after={uuid.UUID(int=5)}").status, 404)
        self.assertEqual(souk.get(f"/vod/{uuid.UUID(int=5)}/chat.json").status, 404)

    def insert(self, db, stream, number, at, text, deleted_at):
        db.execute("INSERT INTO chat_messages (id, stream_id, user_id, message, created_at,"
                   " deleted_at) VALUES (?, ?, 'fan', ?, ?, ?)",
                   (uuid.UUID(int=number).bytes, stream, text, at, deleted_at))

    def deleted(self, souk, made):
        try:
            souk.ctl("vod", "delete", made["streamId"])
        except AssertionError:
            return False  # something still writes it
        return True

    def test_what_a_kill_cut_off_is_made_at_the_next_start(self):
        souk = self.soukd({"hls.segment_target": "1s", "media.storyboard": "no"})
        made = souk.create_stream()
        p = self.publisher(souk.publish_url(made), gop=30, frames=120)
        self.assertEqual(p.wait(), 0, p.errors)
        souk.wait_mp4(made)
        wait_for(lambda: souk.stream(made)["vodUrl"], "the store knows of the VOD")
        self.assertEqual(souk.get(self.vod(made, "storyboard.vtt")).status, 404)
        souk.terminate()
        # As a kill leaves it: some sprites, a half file, no index.
        for name in ("storyboard_0.jpg", "storyboard_0.jpg.tmp"):
            with open(os.path.join(souk.media_dir(made), name), "wb") as f:
                f.write(b"\xff\xd8")
        souk.settings["media.storyboard"] = "yes"
        souk.start()
        souk.kill9()
        souk.start()
        self.wait_board(souk, made)
        jpeg_size(souk.get(self.vod(made, "storyboard_0.jpg")).body)
        self.assertFalse([n for n in os.listdir(souk.media_dir(made)) if n.endswith(".tmp")])

    def test_only_for_who_may_watch(self):
        souk = self.soukd({"hls.segment_target": "1s"})
        made = souk.create_stream("Mine", "seller-1", "--audience", "followers")
        p = self.publisher(souk.publish_url(made), gop=30, frames=90)
        self.assertEqual(p.wait(), 0, p.errors)
        owner = souk.token("seller-1", "seller")
        path = f"/api/v1/streams/{made['streamId']}"
        vod = wait_for(lambda: souk.request("GET", path, token=owner).json["data"]["vodUrl"], "VOD")
        query = vod[vod.index("?"):]
        board = self.wait_board(souk, made, query)
        self.assertTrue(board.headers["cache-control"].startswith("private"))
        for _, _, name, suffix, _ in cues(board.text):
            self.assertEqual(suffix, query)
            self.assertEqual(souk.get(self.vod(made, name) + suffix).status, 200)
        self.assertEqual(souk.get(self.vod(made, "chat.json") + query).json["messages"], [])
        for name in ("storyboard.vtt", "storyboard_0.jpg", "poster.jpg", "chat.json"):
            self.assertEqual(souk.get(self.vod(made, name)).status, 403, name)


if __name__ == "__main__":
    unittest.main()
