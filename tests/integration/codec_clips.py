"""Elementary streams of every codec, as encoders of today send them, and what to hold them against."""
import os
import subprocess

import flv_files
from rtmp_client import AUDIO, VIDEO, RtmpClient, flv_tags
from support import BUILD, SoukTest, ffprobe_packets

SECONDS = 5
SOURCES = {"v": f"testsrc2=size=320x180:rate=30:duration={SECONDS}",
           "a": f"sine=frequency=440:sample_rate=48000:duration={SECONDS}"}
# name: (kind, ffmpeg's options, the CODECS that players are told)
CODECS = {
    "h264": ("v", "-c:v libx264 -preset ultrafast -bf 2 -g 60", r"avc1\.[0-9a-f]{6}"),
    "hevc": ("v", "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=60:bframes=2",
             r"hvc1\.1\.6\.L\d+\.90"),
    "hevc10": ("v", "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params "
               "log-level=error:keyint=60", r"hvc1\.2\.4\.L\d+\.9\w"),
    "av1": ("v", "-c:v libaom-av1 -usage realtime -cpu-used 8 -lag-in-frames 0 -g 60 -b:v 200k",
            r"av01\.0\.\d\dM\.08"),
    "vp9": ("v", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 60 -b:v 200k",
            r"vp09\.00\.\d\d\.08"),
    "aac": ("a", "-c:a aac -ac 2", r"mp4a\.40\.2"),
    "mp3": ("a", "-c:a libmp3lame -ac 2", r"mp4a\.40\.34"),
    "opus": ("a", "-c:a libopus -ac 2", "Opus"),
    "flac": ("a", "-c:a flac -ac 2 -strict -2", "fLaC"),
    "ac3": ("a", "-c:a ac3 -ac 6", "ac-3"),
    "eac3": ("a", "-c:a eac3 -ac 6", "ec-3"),
}


def clip(name):
    """One elementary stream in an MP4, made once."""
    kind, options, _ = CODECS[name]
    os.makedirs(flv_files.FOLDER, exist_ok=True)
    path = os.path.join(flv_files.FOLDER, name + ".mp4")
    if not os.path.exists(path):
        part = f"{path}.{os.getpid()}.mp4"
        pixels = "" if kind == "a" or "pix_fmt" in options else "-pix_fmt yuv420p "
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i",
                        SOURCES[kind], *(pixels + options).split(), part], check=True, timeout=120)
        os.rename(part, path)
    return path


def enhanced(*names, options=()):
    """The FLV that such an encoder would send, as tags."""
    path = os.path.join(flv_files.FOLDER, f"{'-'.join(names)}.{os.getpid()}.flv")
    subprocess.run([os.path.join(BUILD, "tests", "enhanced_flv"), path, *options,
                    *map(clip, names)], check=True, timeout=60)
    tags = flv_tags(path)
    os.unlink(path)
    return tags


def packets(path, kind):
    """(decode time, hash) of each."""
    return [(dts, digest) for _, dts, digest in ffprobe_packets(path, kind)]


class CodecTest(SoukTest):
    def publish(self, souk, tags, made=None):
        made = made or souk.create_stream()
        client = RtmpClient(souk.rtmp_port)
        self.addCleanup(client.close)
        status = client.publish(made["streamKey"])
        self.assertEqual(status["code"], "NetStream.Publish.Start")
        client.set_chunk_size(65536)
        for kind, ts, payload in tags:
            if kind in (AUDIO, VIDEO):
                client.media(kind, ts, payload)
        client.command("getStreamLength", None, "x", stream=0)
        client.answer("_result", "_error")
        return made, client

    def check(self, names, source, what, video_us, beside=None):
        """beside: audio begins with this video, what came before that is left out."""
        for name in names:
            kind = CODECS[name][0]
            sent, got = packets(clip(name), kind), packets(source, kind)
            if beside and kind == "a":
                begin = packets(clip(beside), "v")[0][0]
                sent = [s for s in sent if s[0] >= begin - 0.001]
            self.assertEqual([h for _, h in sent], [h for _, h in got], f"{name} in {what}")
            # Audio is placed by counting samples, video by the encoder's timestamps.
            apart = [s[0] - g[0] for s, g in zip(sent, got)]
            self.assertLess(max(apart) - min(apart), 0.0021 if kind == "a" else video_us / 1e6,
                            f"{name} in {what}")
