"""[hls] container = mpegts: what an encoder sent is in the transport streams byte for byte, live and
recorded, over cuts, crashes and a change of the setting."""
import hashlib
import os
import re
import struct
import subprocess
import unittest

from codec_clips import CODECS, CodecTest, clip, enhanced, packets
from hls_checker import check_media, check_multivariant, Playlist
from rtmp_client import AUDIO, VIDEO, RtmpClient
from support import decodes, ffprobe_packets, ffprobe_streams, wait_for

MPEGTS = {"rtmp.max_bitrate": "1G", "hls.container": "mpegts", "hls.segment_target": "1s"}
START = b"\0\0\0\1"
H264 = {"delimiter": b"\x09\xf0", "type": lambda nal: nal[0] & 31, "is_delimiter": 9, "sps": 7}
HEVC = {"delimiter": b"\x46\x01\x50", "type": lambda nal: nal[0] >> 1 & 63, "is_delimiter": 35,
        "sps": 33}
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000)


def sets_of(name, config):
    """The parameter sets of an avcC or hvcC, in order."""
    out = []
    if name == "h264":
        at = 5
        for mask in (31, 255):
            count, at = config[at] & mask, at + 1
            for _ in range(count):
                size = struct.unpack_from(">H", config, at)[0]
                out.append(config[at + 2:at + 2 + size])
                at += 2 + size
        return out
    at = 23
    for _ in range(config[22]):
        count = struct.unpack_from(">H", config, at + 1)[0]
        at += 3
        for _ in range(count):
            size = struct.unpack_from(">H", config, at)[0]
            out.append(config[at + 2:at + 2 + size])
            at += 2 + size
    return out


def annex_b(rules, sets, key, sample):
    """ITU-T H.264 and H.265 Annex B, an access unit delimiter first, keyframes with their sets."""
    nals, at = [], 0
    while at < len(sample):
        size = struct.unpack_from(">I", sample, at)[0]
        nals.append(sample[at + 4:at + 4 + size])
        at += 4 + size
    head = [rules["delimiter"]]
    if rules["type"](nals[0]) == rules["is_delimiter"]:
        head = [nals.pop(0)]
    if key and not any(rules["type"](n) == rules["sps"] for n in nals):
        head += sets
    return b"".join(START + n for n in head + nals)


def adts(config, frame):
    """ISO/IEC 14496-3 1.A.2."""
    bits = int.from_bytes(config[:2], "big")
    kind, rate, channels = bits >> 11, bits >> 7 & 15, bits >> 3 & 15
    size = len(frame) + 7
    head = (0xfff1 << 40 | (kind - 1) << 38 | rate << 34 | channels << 30 | size << 13
            | 0x7ff << 2)
    return head.to_bytes(7, "big") + frame


def expected(name, tags):
    """The hashes of what has to be in the PES packets, of one elementary stream's tags."""
    kind, config, out = CODECS[name][0], None, []
    for tag, _, payload in tags:
        if tag != (VIDEO if kind == "v" else AUDIO):
            continue
        if payload[0] & 0x80 and (kind == "v" or payload[0] >> 4 == 9):
            what, body = payload[0] & 15, payload[5:]
            if kind == "v" and what == 1:
                body, what = body[3:], 3
            key = payload[0] >> 4 & 7 == 1
        else:
            what, key = payload[1], payload[0] >> 4 == 1
            body = payload[5:] if kind == "v" else payload[2:]
        if what == 0:
            config = body
        elif what == 2 or not body:
            continue
        elif name in ("h264", "hevc"):
            rules = H264 if name == "h264" else HEVC
            out.append(annex_b(rules, sets_of(name, config), key, body))
        else:
            out.append(adts(config, body) if name == "aac" else body)
    return ["SHA256:" + hashlib.sha256(p).hexdigest() for p in out]


def payload_hashes(source, name):
    # As the PES packets are: FFmpeg's parser would put a zero of HEVC's start codes elsewhere. Of
    # Opus it takes the control header off.
    options = () if name == "opus" else ("-fflags", "+noparse+nofillin")
    return [digest for _, _, digest in ffprobe_packets(source, CODECS[name][0], *options)]


class TransportReader:
    """Packets by ISO/IEC 13818-1 2.4.3: holds continuity counters and tables to the rules."""

    def __init__(self):
        self.counters, self.clocks = {}, []

    def piece(self, data, begins=True):
        """A segment or part: PAT and PMT first (RFC 8216 3.2)."""
        assert data and len(data) % 188 == 0, len(data)
        pids = []
        for at in range(0, len(data), 188):
            packet = data[at:at + 188]
            assert packet[0] == 0x47
            pid, flags = (packet[1] & 31) << 8 | packet[2], packet[3] >> 4 & 3
            pids.append(pid)
            anew = False
            if flags & 2 and packet[4]:
                anew = packet[5] & 0x80
                if packet[5] & 0x10:
                    base = int.from_bytes(packet[6:11], "big") >> 7
                    self.clocks.append(base / 90000)
            if flags & 1:
                before = self.counters.get(pid)
                assert before is None or anew or packet[3] & 15 == (before + 1) & 15, (
                    f"continuity of {pid:#x}: {before} then {packet[3] & 15}")
                self.counters[pid] = packet[3] & 15
        assert pids[:2] == [0, 0x1000], pids[:4]
        assert 0x11 not in pids
        return self


class Mpegts(CodecTest):
    def playlist(self, souk, made, rendition=0):
        return souk.get(f"/hls/{made['streamId']}/stream_{rendition}.m3u8").text

    def check_transport(self, names, source, times=1):
        for name in names:
            want = expected(name, enhanced(name)) * times
            self.assertEqual(payload_hashes(source, name), want, f"{name} in {source}")

    def end(self, souk, made, client):
        client.stop()
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it is ended")
        client.close()
        return souk.wait_vod(made), souk.wait_mp4(made)

    def check_mp4(self, names, mp4, times=1):
        """Again what the encoder sent: no start codes, no ADTS."""
        for name in names:
            kind = CODECS[name][0]
            want = [h for _, h in packets(clip(name), kind)] * times
            self.assertEqual([h for _, h in packets(mp4, kind)], want, f"{name} in {mp4}")
        self.assertEqual(decodes(mp4), "", mp4)

    def check_live(self, souk, made, names):
        """The window as it is now: playlist, types, parts, tables, counters, payloads."""
        base = f"/hls/{made['streamId']}/"
        faults, variants = check_multivariant(souk.get(base + "index.m3u8").text)
        self.assertEqual(faults, [])
        self.assertEqual(len(variants), 1)
        text = self.playlist(souk, made)
        p = Playlist(text)
        self.assertEqual(check_media(p), [])
        self.assertEqual(p.version, 3)
        self.assertNotIn("EXT-X-MAP", text)
        self.assertNotIn(".m4s", text)
        reader, whole = TransportReader(), b""
        for s in p.whole:
            got = souk.get(base + s.uri)
            self.assertEqual((got.status, got.headers["content-type"]), (200, "video/mp2t"), s.uri)
            reader.piece(got.body)
            whole += got.body
            if s.parts:
                parts = [souk.get(base + uri).body for uri, _, _ in s.parts]
                self.assertEqual(b"".join(parts), got.body, s.uri)
                for part in parts:
                    TransportReader().piece(part)
        self.assertEqual(reader.clocks, sorted(reader.clocks))
        self.assertLess(max(b - a for a, b in zip(reader.clocks, reader.clocks[1:])), 0.1001)
        self.assertEqual(souk.get(base + "init_0_0.mp4").status, 404)
        path = os.path.join(souk.folder, "window.ts")
        with open(path, "wb") as f:
            f.write(whole)
        for name in names:
            got = payload_hashes(path, name)
            self.assertGreater(len(got), 20)
            want = expected(name, enhanced(name))
            self.assertEqual(got, want[:len(got)], name)
        first = min(t for kind in "va" for t, _, _ in ffprobe_packets(path, kind))
        self.assertTrue(1.4 <= first < 1.5, first)

    def test_live_and_recorded(self):
        souk = self.soukd(MPEGTS)
        names = ("h264", "aac")
        made, client = self.publish(souk, enhanced(*names))
        souk.wait_playable(made)
        wait_for(lambda: self.playlist(souk, made).count("#EXTINF") >= 2, "some segments")
        self.check_live(souk, made, names)
        # A player that follows it.
        streams = ffprobe_streams(f"http://127.0.0.1:{souk.http_port}/hls/{made['streamId']}/index.m3u8")
        self.assertEqual([s["codec_name"] for s in streams], list(names))
        vod, mp4 = self.end(souk, made, client)
        text = souk.get(f"/vod/{made['streamId']}/index.m3u8").text
        self.assertTrue(text.startswith("#EXTM3U\n#EXT-X-VERSION:3\n"), text)
        self.assertNotIn("EXT-X-MAP", text)
        self.assertEqual(souk.get(f"/vod/{made['streamId']}/seg_0_0.ts").headers["content-type"],
                         "video/mp2t")
        reader = TransportReader()
        for name in re.findall(r"^seg_.*", text, re.M):
            reader.piece(souk.get(f"/vod/{made['streamId']}/{name}").body)
        self.check_transport(names, vod)
        self.assertEqual(decodes(vod), "", vod)
        self.check_mp4(names, mp4)

    def test_an_encoder_of_ffmpeg(self):
        """B-frames, sent by FFmpeg itself."""
        souk = self.soukd(MPEGTS)
        made = souk.create_stream()
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", clip("h264"), "-i", clip("aac"),
                        "-c", "copy", "-f", "flv", souk.publish_url(made)], check=True, timeout=60)
        wait_for(lambda: souk.stream(made)["status"] == "ended", "it is ended")
        vod, mp4 = souk.wait_vod(made), souk.wait_mp4(made)
        self.check_transport(("h264", "aac"), vod)
        self.check_mp4(("h264", "aac"), mp4)

    def test_every_codec(self):
        souk = self.soukd(MPEGTS)
        for names in (("hevc", "ac3"), ("h264", "mp3"), ("hevc10", "eac3"), ("aac",), ("opus",)):
            with self.subTest(names):
                made, client = self.publish(souk, enhanced(*names))
                souk.wait_playable(made)
                vod, mp4 = self.end(souk, made, client)
                self.check_transport([n.replace("hevc10", "hevc") for n in names
                                      if n != "hevc10"], vod)
                self.assertEqual(decodes(vod), "", vod)
                self.check_mp4(names, mp4)

    def test_what_has_no_place_is_refused(self):
        souk = self.soukd(MPEGTS)
        for name, told in (("av1", "AV1 video.*MPEG-TS.*H.264"), ("vp9", "VP9 video.*MPEG-TS"),
                           ("flac", "FLAC audio.*MPEG-TS.*AAC")):
            with self.subTest(name):
                made = souk.create_stream()
                client = RtmpClient(souk.rtmp_port)
                self.addCleanup(client.close)
                client.publish(made["streamKey"])
                kind, ts, payload = next(t for t in enhanced(name) if t[0] in (AUDIO, VIDEO))
                client.media(kind, ts, payload)
                (status,) = [c for c in client.wait_closed() if c[0] == "onStatus"]
                self.assertEqual(status[3]["code"], "NetStream.Publish.Rejected")
                self.assertRegex(status[3]["description"], told)

    def breaks(self, souk, made, rendition=0):
        text = self.playlist(souk, made, rendition)
        before = re.search("#EXT-X-DISCONTINUITY-SEQUENCE:(\\d+)", text)
        return (int(before[1]) if before else 0) + text.count("#EXT-X-DISCONTINUITY\n")

    def interrupt(self, souk, made, client):
        client.close()
        wait_for(lambda: souk.stream(made)["state"] == "interrupted", "it is interrupted")

    def stored(self, souk, made):
        """All that the playlist lists is on disk, and what is not finished is nothing."""
        wait_for(lambda: souk.metric("souk_recorded_segments_total")
                 >= self.playlist(souk, made).count("#EXTINF"), "all is on disk")

    def test_cuts_and_crashes_and_another_setting(self):
        """A stream keeps the container that it began with, and so does its recording."""
        names = ("h264", "aac")
        tags = enhanced(*names)
        souk = self.soukd(MPEGTS)
        made, client = self.publish(souk, tags)
        self.interrupt(souk, made, client)
        _, client = self.publish(souk, tags, made)
        wait_for(lambda: self.breaks(souk, made) == 1, "a discontinuity")
        self.interrupt(souk, made, client)
        self.stored(souk, made)
        souk.kill9()

        souk.settings["hls.container"] = "cmaf"
        souk.start()
        self.assertEqual(souk.stream(made)["state"], "interrupted")
        _, client = self.publish(souk, tags, made)
        wait_for(lambda: self.breaks(souk, made) == 2, "two discontinuities")
        text = self.playlist(souk, made)
        self.assertEqual(check_media(Playlist(text)), [])
        self.assertNotIn(".m4s", text)
        other, other_client = self.publish(souk, tags)
        wait_for(lambda: "seg_0_0.m4s" in self.playlist(souk, other), "a new stream is in CMAF")
        vod, mp4 = self.end(souk, made, client)
        self.assertEqual(souk.get(f"/vod/{made['streamId']}/index.m3u8").text.count(
            "#EXT-X-DISCONTINUITY\n"), 2)
        self.check_transport(names, vod, 3)
        self.assertEqual(decodes(vod), "", vod)
        self.check_mp4(names, mp4, 3)

        # And the other way round.
        self.interrupt(souk, other, other_client)
        wait_for(lambda: self.on_disk(souk, other), "all is on disk")
        souk.kill9()
        souk.settings["hls.container"] = "mpegts"
        souk.start()
        _, client = self.publish(souk, tags, other)
        wait_for(lambda: self.breaks(souk, other) == 1, "a discontinuity")
        self.assertNotIn(".ts", self.playlist(souk, other))
        newest, newest_client = self.publish(souk, tags)
        wait_for(lambda: "seg_0_0.ts" in self.playlist(souk, newest), "a new one is in MPEG-TS")
        vod, mp4 = self.end(souk, other, client)
        for name in names:
            kind = CODECS[name][0]
            want = [h for _, h in packets(clip(name), kind)] * 2
            self.assertEqual(payload_hashes(vod, name), want)
        # What was recorded in either is served as it was.
        self.check_transport(names, souk.wait_vod(made), 3)
        newest_client.close()

    def on_disk(self, souk, made):
        folder = souk.media_dir(made)
        return all(os.path.exists(os.path.join(folder, name))
                   for name in re.findall(r"^seg_\S+", self.playlist(souk, made), re.M))

    def test_several_tracks_at_once(self):
        souk = self.soukd(MPEGTS)
        made, client = self.publish(souk, enhanced("h264", "hevc", "aac", "ac3"))
        base = f"/hls/{made['streamId']}/"
        tracks = {0: ("h264", "aac"), 1: ("hevc",), 9: ("ac3",)}
        wait_for(lambda: all(f"stream_{r}.m3u8" in souk.get(base + "index.m3u8").text
                             for r in tracks), "all renditions are listed")
        for rendition in tracks:
            text = self.playlist(souk, made, rendition)
            self.assertEqual(check_media(Playlist(text)), [])
            reader = TransportReader()
            for name in re.findall(r"^seg_\S+", text, re.M):
                reader.piece(souk.get(base + name).body)
        vod, mp4 = self.end(souk, made, client)
        self.assertIn("#EXT-X-VERSION:3\n", souk.get(f"/vod/{made['streamId']}/index.m3u8").text)
        for rendition, inside in tracks.items():
            self.check_transport(inside, vod.replace("index.m3u8", f"stream_{rendition}.m3u8"))
        self.check_mp4(("h264", "aac"), mp4)

    def test_pictures(self):
        souk = self.soukd({**MPEGTS, "media.thumbnail_interval": "1s"})
        for name in ("h264", "hevc"):
            with self.subTest(name):
                made, client = self.publish(souk, enhanced(name))
                wait_for(lambda: souk.get(f"/thumb/{made['streamId']}.jpg").status == 200,
                         "a thumbnail")
                self.end(souk, made, client)
                for file in ("poster.jpg", "storyboard.vtt", "storyboard_0.jpg"):
                    wait_for(lambda: souk.get(f"/vod/{made['streamId']}/{file}").status == 200, file)


if __name__ == "__main__":
    unittest.main()
