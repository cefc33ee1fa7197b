"""FLV files that ffmpeg makes once per run of the tests."""
import os
import subprocess
import tempfile

FOLDER = os.environ.get("SOUK_FLV", os.path.join(tempfile.gettempdir(), f"souk-flv-{os.getuid()}"))


def make(name, seconds, fps=30, bframes=2, gop=60, size="320x180", extra=()):
    os.makedirs(FOLDER, exist_ok=True)
    path = os.path.join(FOLDER, name + ".flv")
    if os.path.exists(path):
        return path
    part = f"{path}.{os.getpid()}"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i",
         f"testsrc2=size={size}:rate={fps}", "-f", "lavfi", "-i",
         "sine=frequency=440:sample_rate=44100", "-t", str(seconds), "-c:v", "libx264", "-preset",
         "ultrafast", "-pix_fmt", "yuv420p", "-g", str(gop), "-keyint_min", str(gop),
         "-sc_threshold", "0", "-bf", str(bframes), "-b:v", "300k", "-c:a", "aac", "-b:a", "64k",
         *extra, "-f", "flv", part], check=True, timeout=120)
    os.rename(part, path)
    return path


def small():
    return make("small", 4)


def bframes():
    return make("bframes", 20)
