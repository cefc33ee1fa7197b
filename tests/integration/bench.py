"""A bare page in a real Chromium for the players of others, and an encoder that never stops."""
import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
import unittest

import flv_files
import test_browser
from rtmp_client import AUDIO, VIDEO, Closed, RtmpClient, flv_tags
from support import BUILD, HERE, SoukTest, install_modules, wait_for

FILES = {"/": ("bench.html", "text/html"), "/bench.js": ("bench.js", "text/javascript"),
         "/hls.js": ("node_modules/hls.js/dist/hls.js", "text/javascript"),
         "/mpegts.js": ("node_modules/mpegts.js/dist/mpegts.js", "text/javascript")}
SOURCES = {"v": "testsrc2=size={size}:rate={fps}", "a": "sine=frequency=440:sample_rate=48000"}
FPS = 10
CLIPS = {
    "h264": ("v", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"),
    "av1": ("v", "-c:v libaom-av1 -usage realtime -cpu-used 8 -lag-in-frames 0 -b:v 100k"),
    "vp9": ("v", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 100k"),
    "aac": ("a", "-c:a aac -ac 2"),
    "opus": ("a", "-c:a libopus -ac 2"),
    "flac": ("a", "-c:a flac -ac 2 -strict -2"),
}
# Longer than any test plays: the encoder is stopped before it comes to the end.
SECONDS = 100


def clip(name, size="160x90"):
    """An MP4 of one track, made once: a keyframe a second."""
    kind, options = CLIPS[name]
    os.makedirs(flv_files.FOLDER, exist_ok=True)
    path = os.path.join(flv_files.FOLDER, f"bench-{name}-{size}.mp4")
    if not os.path.exists(path):
        part = f"{path}.{os.getpid()}.mp4"
        source = SOURCES[kind].format(size=size, fps=FPS) + f":duration={SECONDS}"
        # A coder of today puts keyframes where it likes unless it is told not to.
        keys = f"-g {FPS} -keyint_min {FPS} -sc_threshold 0 " if kind == "v" else ""
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source,
                        *(keys + options).split(), part], check=True, timeout=180)
        os.rename(part, path)
    return path


@functools.lru_cache
def tags_of(*clips):
    path = os.path.join(flv_files.FOLDER, f"bench.{os.getpid()}.flv")
    subprocess.run([os.path.join(BUILD, "tests", "enhanced_flv"), path, *clips], check=True,
                   timeout=120)
    tags = [t for t in flv_tags(path) if t[0] in (AUDIO, VIDEO)]
    os.unlink(path)
    return tags


class Encoder:
    """Publishes the clips by Enhanced RTMP as time goes by, until it is stopped. burst: so many
    seconds of them at once."""

    def __init__(self, souk, made, *clips, burst=0):
        self.tags, self.burst = tags_of(*clips), burst
        self.client = RtmpClient(souk.rtmp_port)
        status = self.client.publish(made["streamKey"])
        assert status["code"] == "NetStream.Publish.Start", status
        self.client.set_chunk_size(65536)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        begun = time.monotonic() - self.burst
        try:
            for kind, ts, payload in self.tags:
                if self.over.wait(max(begun + ts / 1000 - time.monotonic(), 0)):
                    break
                self.client.media(kind, ts, payload)
            self.client.stop()
        except (Closed, OSError):
            pass

    def stop(self):
        self.over.set()
        self.thread.join()
        self.client.close()


class Bench:
    """The page; close() it."""

    def __init__(self, modules, **screen):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name, kind = FILES.get(self.path, (None, None))
                self.send_response(200 if name else 404)
                self.send_header("Content-Type", kind or "text/plain")
                self.end_headers()
                if name:
                    folder = modules if name.startswith("node_modules") else os.path.join(
                        HERE, "browser")
                    with open(os.path.join(folder, name), "rb") as f:
                        self.wfile.write(f.read())

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.browser = test_browser.Browser(modules)
        try:
            self.browser.do("open", url=f"http://127.0.0.1:{self.server.server_port}/", **screen)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.browser.close()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def eval(self, js):
        return self.browser.do("eval", js=js)

    def look(self):
        return self.eval("bench.look()")


@unittest.skipUnless(test_browser.CHROMIUM and shutil.which("node"), "chromium or node is missing")
class BenchTest(SoukTest):
    @classmethod
    def setUpClass(cls):
        cls.modules = install_modules("browser")

    def bench(self):
        b = Bench(self.modules)
        self.addCleanup(b.close)
        return b

    def encoder(self, souk, made, *clips, burst=0):
        e = Encoder(souk, made, *clips, burst=burst)
        self.addCleanup(e.stop)
        return e

    def wait(self, bench, condition, what):
        """The first look for which the condition holds; no player may complain before."""
        last = {}

        def ask():
            last.clear()
            last.update(bench.look())
            self.assertEqual(last["errors"], [])
            return dict(last) if condition(last) else None
        try:
            return wait_for(ask, what)
        except AssertionError as e:
            raise AssertionError(f"{e}; the page: {last}") from None

    def hls(self, bench, souk, made, **config):
        url = f"http://127.0.0.1:{souk.http_port}/hls/{made['streamId']}/index.m3u8"
        bench.eval(f"bench.hls({json.dumps(url)}, {json.dumps(config)})")
