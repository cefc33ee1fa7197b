"""What encoders of today send by Enhanced RTMP: every codec goes in and comes out byte for byte, live
and in the VOD."""
import json
import os
import re
import subprocess
import unittest

from codec_clips import CODECS, CodecTest, clip, enhanced, packets
from support import decodes, wait_for


class Codecs(CodecTest):
    def round_trip(self, souk, *names, options=(), video_us=2100):
        made, client = self.publish(souk, enhanced(*names, options=options))
        souk.wait_playable(made)
        master = souk.get(f"/hls/{made['streamId']}/index.m3u8").text
        told = re.search('CODECS="([^"]*)"', master)[1].split(",")
        self.assertEqual(len(told), len(names))
        for name, codec in zip(names, told):
            self.assertRegex(codec, f"^{CODECS[name][2]}$")
        ingest = souk.stream(made)["ingest"]
        if CODECS[names[0]][0] == "v":
            self.assertEqual((ingest["width"], ingest["height"]), (320, 180), master)
        client.stop()
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it is ended")
        vod, mp4 = souk.wait_vod(made), souk.wait_mp4(made)
        for source in (vod, mp4):
            self.check(names, source, source, video_us)
            self.assertEqual(decodes(source), "", source)
        if "flac" in names:
            for name in ("init_0_0.mp4", "recording.mp4"):
                self.check_flac(os.path.join(souk.media_dir(made), name))
        client.close()

    def check_flac(self, path):
        """The sample entry says as many bits as STREAMINFO, or Chromium refuses it."""
        with open(path, "rb") as f:
            data = f.read()
        entry, info = data.index(b"fLaC") + 4, data.index(b"dfLa") + 12
        told = int.from_bytes(data[entry + 18:entry + 20], "big")
        bits = (int.from_bytes(data[info + 12:info + 14], "big") >> 4 & 31) + 1
        self.assertEqual(told, bits, path)

    def test_every_codec(self):
        souk = self.soukd({"rtmp.max_bitrate": "1G"})
        for names in (("h264", "aac"), ("hevc", "ac3"), ("hevc10", "eac3"), ("av1", "opus"),
                      ("vp9", "flac"), ("h264", "mp3"), ("opus",), ("av1",)):
            with self.subTest(names):
                self.round_trip(souk, *names)

    def test_hevc_as_codec_id_12(self):
        souk = self.soukd({"rtmp.max_bitrate": "1G"})
        self.round_trip(souk, "hevc", "aac", options=["-classic"])

    def test_several_tracks_at_once(self):
        """Three pictures and two sounds: each video a variant with the main sound, the other
        sound a member of its group; all of it byte for byte, live and in the VOD."""
        souk = self.soukd({"rtmp.max_bitrate": "1G"})
        names = ("h264", "hevc", "av1", "aac", "opus")
        made, client = self.publish(souk, enhanced(*names))
        souk.wait_playable(made)
        base = f"/hls/{made['streamId']}/"
        tracks = {0: ("h264", "aac"), 1: ("hevc", "aac"), 2: ("av1", "aac"), 9: ("opus",)}
        master = wait_for(lambda: self.with_all(souk, base, tracks), "all renditions are listed")
        self.assertEqual(re.findall("^stream_.*", master, re.M), [f"stream_{r}.m3u8" for r in (0, 1, 2)])
        self.assertEqual(len(re.findall('^#EXT-X-STREAM-INF:.*AUDIO="audio"', master, re.M)), 3)
        self.assertRegex(master, 'NAME="Track 1",DEFAULT=YES.*CHANNELS="2"\n')
        self.assertRegex(master, 'NAME="Track 2",DEFAULT=NO.*URI="stream_9.m3u8"')
        for rendition in tracks:
            # The last one is the hint.
            text = souk.get(f"{base}stream_{rendition}.m3u8").text
            reports = re.findall('^#EXT-X-RENDITION-REPORT:URI="stream_(\\d+).m3u8",LAST-MSN', text, re.M)
            self.assertEqual(sorted(map(int, reports)), [r for r in tracks if r != rendition])
            for part in re.findall('(?:URI="|^)((?:part|seg|init)_[^"\n]*)', text, re.M)[:-1]:
                self.assertEqual(souk.get(base + part).status, 200, part)
        client.stop()
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it is ended")
        vod = souk.wait_vod(made)
        for rendition, inside in tracks.items():
            source = vod.replace("index.m3u8", f"stream_{rendition}.m3u8")
            self.check(inside, source, f"rendition {rendition}", 2100,
                       inside[0] if 0 < rendition < 8 else None)
            self.assertEqual(decodes(source), "", source)
        self.check(("h264", "aac"), souk.wait_mp4(made), "recording.mp4", 2100)
        client.close()

    def test_renditions_break_off_together(self):
        """Over a cut and over kill -9 every rendition goes on, with the same discontinuities."""
        souk = self.soukd({"rtmp.max_bitrate": "1G"})
        tags = enhanced("h264", "av1", "aac", "opus")
        tracks = (0, 1, 9)
        made, client = self.publish(souk, tags)
        base = f"/hls/{made['streamId']}/"
        wait_for(lambda: self.with_all(souk, base, tracks), "all renditions are listed")
        client.close()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "it is interrupted")
        self.check_breaks(souk, base, tracks, 0)
        _, client = self.publish(souk, tags, made)
        self.check_breaks(souk, base, tracks, 1)
        # What a crash loses is what was not finished.
        client.close()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "it is interrupted")
        wait_for(lambda: souk.metric("souk_recorded_segments_total") >= self.listed(souk, base, tracks),
                 "all is on disk")
        souk.kill9()
        souk.start()
        wait_for(lambda: self.with_all(souk, base, tracks), "all renditions are back")
        self.check_breaks(souk, base, tracks, 1)
        _, client = self.publish(souk, tags, made)
        self.check_breaks(souk, base, tracks, 2)
        client.stop()
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it is ended")
        vod = souk.wait_vod(made)
        for rendition, name in zip(tracks, ("h264", "av1", "opus")):
            kind = CODECS[name][0]
            got = packets(vod.replace("index.m3u8", f"stream_{rendition}.m3u8"), kind)
            self.assertEqual([h for _, h in got], [h for _, h in packets(clip(name), kind)] * 3)

    def listed(self, souk, base, tracks):
        return sum(souk.get(f"{base}stream_{r}.m3u8").text.count("#EXTINF") for r in tracks)

    def check_breaks(self, souk, base, tracks, count):
        """All renditions come to have so many discontinuities behind them."""
        def breaks(rendition):
            text = souk.get(f"{base}stream_{rendition}.m3u8").text
            before = re.search("#EXT-X-DISCONTINUITY-SEQUENCE:(\\d+)", text)
            return (int(before[1]) if before else 0) + text.count("#EXT-X-DISCONTINUITY\n")
        for r in tracks:
            wait_for(lambda: breaks(r) == count, f"rendition {r} breaks off {count} times")

    def with_all(self, souk, base, tracks):
        text = souk.get(base + "index.m3u8").text
        return text if all(f"stream_{r}.m3u8" in text for r in tracks) else None

    def test_colours(self):
        """What colorInfo says is in the sample entry, of the further track as well."""
        souk = self.soukd({"rtmp.max_bitrate": "1G"})
        made, client = self.publish(souk, enhanced("hevc10", "av1", options=["-hdr"]))
        souk.wait_playable(made)
        client.stop()
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it is ended")
        vod = souk.wait_vod(made)
        mp4 = souk.wait_mp4(made)
        # ffprobe believes the bitstream, which says nothing here; players read the sample entry.
        colr = b"colrnclx" + bytes([0, 9, 0, 16, 0, 9])
        for name in ("init_0_0.mp4", "init_1_1.mp4", "recording.mp4"):
            with open(os.path.join(souk.media_dir(made), name), "rb") as f:
                self.assertIn(colr, f.read(), name)
        for source in (vod.replace("index", "stream_0"), vod.replace("index", "stream_1"), mp4):
            out = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-select_streams", "v",
                                  "-show_streams", source], capture_output=True, check=True,
                                 timeout=60).stdout
            video = json.loads(out)["streams"][0]
            side = {d["side_data_type"]: d for d in video["side_data_list"]}
            self.assertEqual(side["Content light level metadata"]["max_content"], 1000)
            self.assertEqual(side["Content light level metadata"]["max_average"], 400)
            self.assertEqual(side["Mastering display metadata"]["red_x"], "35400/50000")
            self.assertEqual(side["Mastering display metadata"]["max_luminance"], "10000000/10000")
        client.close()

    def test_timestamps_below_a_millisecond(self):
        """ModEx says what RTMP's milliseconds leave out: video is exact to its own clock."""
        souk = self.soukd({"rtmp.max_bitrate": "1G"})
        self.round_trip(souk, "hevc", "opus", options=["-nano"], video_us=20)


if __name__ == "__main__":
    unittest.main()
