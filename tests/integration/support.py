"""What the integration tests share: a soukd of their own, encoders, probes. Standard library only.

Every test starts its own daemon on free loopback ports in a folder of its own, waits for conditions
with generous deadlines (time never decides a test), and ends with a check that the daemon exited
cleanly and that no sanitizer spoke.
"""
import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("SOUK_BUILD", os.path.join(HERE, "..", "..", "build-test"))
# Deadlines are for a machine that does everything at once under sanitizers.
PATIENCE = float(os.environ.get("SOUK_PATIENCE", "40"))


def install_modules(name):
    """npm ci of the folder's package-lock.json into the build folder, once per lock file."""
    sources, folder = os.path.join(HERE, name), os.path.join(BUILD, name)
    stamp = os.path.join(folder, "node_modules", ".souk-lock")
    with open(os.path.join(sources, "package-lock.json"), "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    if os.path.exists(stamp):
        with open(stamp) as f:
            if f.read() == digest:
                return folder
    os.makedirs(folder, exist_ok=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(sources, file), folder)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                   check=True, capture_output=True, text=True)
    with open(stamp, "w") as f:
        f.write(digest)
    return folder


def free_port():
    return free_ports(1)[0]


def free_ports(n):
    """That differ: one that is given back may be the next one to be given."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(n)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def wait_for(condition, what, timeout=None):
    """Returns the first true value of condition(); fails with `what` after the deadline."""
    deadline = time.monotonic() + (timeout or PATIENCE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.05)


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


def http_request(port, method, path, headers=None, body=None, timeout=60):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers = {"Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        data = answer.read()
        return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, data)
    finally:
        connection.close()


class Soukd:
    """A daemon in a folder of its own. Settings: {"rtmp.silence_timeout": "2s", …}."""

    def __init__(self, settings=None, folder=None, wrapper=()):
        self.folder = folder or tempfile.mkdtemp(prefix="souk-")
        self.rtmp_port, self.http_port = free_ports(2)
        self.settings = {
            "server.run_dir": os.path.join(self.folder, "run"),
            "server.drain": "20s",
            "rtmp.listen": f"127.0.0.1:{self.rtmp_port}",
            "http.listen": f"127.0.0.1:{self.http_port}",
            "media.root": os.path.join(self.folder, "media"),
            "media.min_free": "1M",
            "store.url": "sqlite:" + os.path.join(self.folder, "souk.db"),
            "auth.secret_file": os.path.join(self.folder, "secret"),
            "log.level": "debug",
        }
        # The same tests hold with the streams' engines on threads of their own.
        if "SOUK_TEST_WORKERS" in os.environ:
            self.settings["media.workers"] = os.environ["SOUK_TEST_WORKERS"]
        self.settings.update(settings or {})
        self.log_path = os.path.join(self.folder, "soukd.log")
        self.config_path = os.path.join(self.folder, "soukd.ini")
        self.wrapper = list(wrapper)
        self.process = None

    def write_config(self):
        sections = {}
        for name, value in self.settings.items():
            section, key = name.split(".", 1)
            sections.setdefault(section, []).append(f"{key} = {value}")
        with open(self.config_path, "w") as f:
            for section, lines in sections.items():
                f.write(f"[{section}]\n" + "\n".join(lines) + "\n\n")

    def start(self, wait=True):
        self.write_config()
        env = dict(os.environ)
        env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=99")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, os.path.join(BUILD, "soukd"), "--config", self.config_path],
                stdout=log, stderr=log, cwd=self.folder, env=env)
        if wait:
            wait_for(self.is_ready, "soukd is ready")
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"soukd exited with {self.process.returncode}:\n{self.log()}")
        try:
            return self.get("/readyz", timeout=5).status == 200
        except OSError:
            return False

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def terminate(self, timeout=60):
        """SIGTERM; the exit status after draining."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def check_log(self):
        text = self.log()
        for word in ("AddressSanitizer", "LeakSanitizer", "runtime error:", "UndefinedBehavior"):
            if word in text:
                raise AssertionError(f"{word} in soukd's log:\n{text[-6000:]}")

    def close(self):
        """Ends it whatever its state; complains if it could not end cleanly."""
        if self.process and self.process.poll() is None:
            try:
                status = self.terminate()
            except subprocess.TimeoutExpired:
                self.kill9()
                raise AssertionError(f"soukd did not drain:\n{self.log()[-4000:]}")
            self.check_log()
            if status != 0:
                raise AssertionError(f"soukd exited with {status}:\n{self.log()[-4000:]}")
        elif self.process:
            self.check_log()

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def log_lines(self, *words):
        return [line for line in self.log().splitlines() if all(w in line for w in words)]

    def wait_log(self, *words):
        return wait_for(lambda: self.log_lines(*words), f"a log line with {words}")[0]

    def get(self, path, headers=None, timeout=60):
        return http_request(self.http_port, "GET", path, headers, timeout=timeout)

    def request(self, method, path, body=None, token=None, headers=None):
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return http_request(self.http_port, method, path, headers, body)

    def metric(self, name, labels=""):
        """The sum of the samples of this name whose labels hold the text."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            match = re.match(r"(\w+)(\{.*\})? (\S+)$", line)
            if match and match[1] == name and labels in (match[2] or ""):
                total += float(match[3])
        return total

    def ctl(self, *args, parse=True):
        result = subprocess.run(
            [os.path.join(BUILD, "soukctl"), "--config", self.config_path, *args,
             *(["--json"] if parse else [])],
            capture_output=True, text=True, cwd=self.folder, timeout=90)
        if result.returncode != 0:
            raise AssertionError(f"soukctl {args}: {result.returncode}\n{result.stdout}{result.stderr}")
        return json.loads(result.stdout) if parse else result.stdout

    def token(self, sub, *roles):
        args = [arg for role in roles for arg in ("--role", role)]
        return self.ctl("token", "--sub", sub, *args, parse=False).strip()

    def create_stream(self, title="Test", seller="seller-1", *extra):
        """A live stream that waits for its publisher: streamId, rtmpUrl, streamKey, hlsUrl."""
        made = self.ctl("streams", "create", "--seller", seller, "--title", title, "--live", *extra)
        made = made.get("data", made)
        return made

    def publish_url(self, made, port=None):
        return f"rtmp://127.0.0.1:{port or self.rtmp_port}/live/{made['streamKey']}"

    def stream(self, made):
        return self.get(f"/api/v1/streams/{made['streamId']}").json["data"]

    def wait_playable(self, made):
        path = f"/hls/{made['streamId']}/index.m3u8"
        wait_for(lambda: self.get(path).status == 200, "the playlist can be played")

    def media_dir(self, made):
        return os.path.join(self.settings["media.root"], made["streamId"])

    def wait_vod(self, made):
        path = f"/vod/{made['streamId']}/index.m3u8"
        wait_for(lambda: self.get(path).status == 200, "the VOD playlist is there")
        return f"http://127.0.0.1:{self.http_port}{path}"

    def wait_mp4(self, made):
        path = os.path.join(self.media_dir(made), "recording.mp4")
        wait_for(lambda: os.path.exists(path), "recording.mp4 is there")
        return path


class SoukTest(unittest.TestCase):
    """Base of the tests: self.soukd(…) starts a daemon that is ended and checked afterwards."""

    def soukd(self, settings=None, **kwargs):
        daemon = Soukd(settings, **kwargs)
        self.addCleanup(self._remove, daemon)
        self.addCleanup(daemon.close)
        return daemon.start()

    def _remove(self, daemon):
        failed = any(e for _, e in getattr(self._outcome, "errors", []) if e) or not getattr(
            self._outcome, "success", True)
        if failed:
            print(f"--- {self.id()}: the end of {daemon.log_path}")
            print("\n".join(daemon.log().splitlines()[-60:]))
        elif "SOUK_KEEP" not in os.environ:
            shutil.rmtree(daemon.folder, ignore_errors=True)

    def publisher(self, *args, **kwargs):
        p = FfmpegPublisher(*args, **kwargs)
        self.addCleanup(p.kill)
        return p


class FfmpegPublisher:
    """ffmpeg with a test picture and a tone. frames: stop by itself after so many."""

    def __init__(self, url, frames=None, fps=30, gop=None, bframes=0, size="320x180", extra=(),
                 realtime=True):
        gop = gop or 2 * fps
        args = ["ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin"]
        rate = ["-re"] if realtime else []
        args += [*rate, "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={fps}"]
        args += [*rate, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]
        if frames:
            args += ["-t", f"{frames / fps:.6f}"]
        args += ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p",
                 "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-bf", str(bframes),
                 "-b:v", "400k", "-c:a", "aac", "-b:a", "64k", *extra, "-f", "flv", url]
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)

    def wait(self, timeout=120):
        _, self.errors = self.process.communicate(timeout=timeout)
        return self.process.returncode

    def stop(self):
        """As a person does: the encoder says goodbye (deleteStream)."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()


class CutProxy:
    """TCP between an encoder and soukd that can be cut (RST), or go silent (half open)."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs, self.silent, self.closed = [], False, False
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                a, _ = self.listener.accept()
            except OSError:
                return
            try:
                b = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                a.close()
                continue
            with self.lock:
                if self.closed:
                    a.close()
                    b.close()
                    return
                self.pairs.append((a, b))
            threading.Thread(target=self._pump, args=(a, b), daemon=True).start()
            threading.Thread(target=self._pump, args=(b, a), daemon=True).start()

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.silent:
                    sink.sendall(data)
            if not self.silent:
                sink.shutdown(socket.SHUT_WR)

    def cut(self):
        """Both sides get a reset, as when a NAT forgets the connection."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    s.shutdown(socket.SHUT_RDWR)  # fails if the peer was first
                s.close()

    def close(self):
        with self.lock:
            self.closed = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes who waits for the next
        self.listener.close()
        self.cut()


def ffprobe_packets(source, kind, *options):
    """[(pts_time, dts_time, sha256 of the payload)] of the "v" or "a" track, in file order."""
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", kind, "-show_packets", "-show_data_hash",
         "sha256", "-show_entries", "packet=pts_time,dts_time,data_hash", "-of", "json", *options,
         source],
        capture_output=True, text=True, timeout=180, check=True).stdout
    return [(float(p.get("pts_time", "nan")), float(p.get("dts_time", "nan")), p["data_hash"])
            for p in json.loads(out).get("packets", [])]


def ffprobe_streams(source):
    out = subprocess.run(["ffprobe", "-v", "error", "-show_streams", "-of", "json", source],
                         capture_output=True, text=True, timeout=120, check=True).stdout
    return json.loads(out)["streams"]


def decodes(source):
    """Decodes all of it; the decoder's complaints ("" is good)."""
    # Frames as they are: on a grid of the average frame rate, two could fall into one place.
    told = subprocess.run(
        ["ffmpeg", "-v", "warning", "-nostdin", "-i", source, "-fps_mode", "passthrough",
         "-enc_time_base", "-1", "-f", "null", "-"],
        capture_output=True, text=True, timeout=180).stderr
    # FFmpeg 7 has another word for this -1, which FFmpeg 5 does not know.
    return "".join(x for x in told.splitlines(True) if "enc_time_base -1 is deprecated" not in x)
