"""What is measured, one function a figure; each starts servers of its own and leaves nothing."""
import json
import os
import re
import subprocess
import time

from servers import wait_for


class Bench:
    """Where things are and how long a point takes."""

    def __init__(self, folder, tools, make_server, seconds):
        self.folder, self.tools, self.make_server = folder, tools, make_server
        self.seconds = seconds
        self.count = 0

    def server(self, kind, **kwargs):
        self.count += 1
        return self.make_server(kind, os.path.join(self.folder, f"{self.count}-{kind}"), **kwargs)

    def tool(self, name):
        return os.path.join(self.tools, name)

    def make_flv(self, name, gop, kbit=2530, seconds=8):
        """About 2.66 Mbit/s with the AAC and FLV's own bytes; noise keeps the encoder busy."""
        path = os.path.join(self.folder, name)
        subprocess.run(
            ["ffmpeg", "-v", "error", "-nostdin", "-y",
             "-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=30:duration={seconds}",
             "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}",
             "-vf", "noise=alls=12:allf=t,format=yuv420p", "-c:v", "libx264", "-preset", "ultrafast",
             "-tune", "zerolatency", "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0",
             "-b:v", f"{kbit}k", "-maxrate", f"{kbit}k", "-bufsize", f"{kbit // 2}k",
             "-c:a", "aac", "-b:a", "128k", "-f", "flv", path],
            check=True)
        return path


class Publishers:
    """load_publish in the background; result() waits for its end."""

    def __init__(self, bench, server, keys, flv, seconds, *extra, url=None):
        keys_file = os.path.join(server.folder, f"keys-{keys[0]}")
        with open(keys_file, "w") as f:
            f.write("\n".join(keys) + "\n")
        self.process = subprocess.Popen(
            [bench.tool("load_publish"), "--url", url or server.publish_url, "--file", flv,
             "--keys-file", keys_file, "--streams", str(len(keys)), "--duration",
             f"{int(seconds)}s", *extra], stdout=subprocess.PIPE, text=True)

    def result(self):
        out, _ = self.process.communicate()
        result = json.loads(out)
        if result["errors"] or result["published"] != result["streams"]:
            bad = [s["error"] for s in result["perStream"] if s["error"]]
            raise RuntimeError(f"publishing failed: {bad[:3]}")
        return result

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def ingest(bench, kind, flv, streams):
    """CPU and memory a stream while so many are published."""
    server = bench.server(kind, fragment=2).start()
    # The window (24 s) has to be full before memory is worth a look.
    warm = 26 if bench.seconds >= 15 else 6
    try:
        keys = server.keys(streams)
        idle = server.pss_bytes()
        pub = Publishers(bench, server, keys, flv, warm + bench.seconds + 4)
        try:
            time.sleep(warm)
            cpu, start = server.cpu_seconds(), time.monotonic()
            time.sleep(bench.seconds)
            took = time.monotonic() - start
            cpu = server.cpu_seconds() - cpu
            pss = server.pss_bytes()
            result = pub.result()
        finally:
            pub.stop()
    finally:
        server.stop()
    return {"cpuPercentPerStream": 100 * cpu / took / streams,
            "pssMiBPerStream": (pss - idle) / streams / 2**20,
            "pssMiBIdle": idle / 2**20,
            "mbitPerStream": result["bytes"] * 8e-6 / (warm + bench.seconds + 4) / streams,
            "latePackets": result["late"]}


def latency(bench, kind, flv, streams=4):
    """From a frame's being sent to its being in a player's hands."""
    server = bench.server(kind, fragment=1).start()
    try:
        keys = server.keys(streams)
        pub = Publishers(bench, server, keys, flv, bench.seconds + 8, "--stamp")
        try:
            time.sleep(4)
            urls = [arg for i in range(streams) for arg in ("--url", server.url(server.playlist(i)))]
            out = load_hls(bench, "play", *urls, "--connections", str(streams), "--poll", "20ms",
                           "--duration", f"{int(bench.seconds)}s")
        finally:
            pub.stop()
    finally:
        server.stop()
    frames = out["frameLatencyMs"]
    return {"medianS": frames["median"] / 1000, "p95S": frames["p95"] / 1000,
            "maxS": frames["max"] / 1000, "frames": frames["count"],
            "errors": out["listErrors"] + out["mediaErrors"]}


def load_hls(bench, *args):
    out = subprocess.run([bench.tool("load_hls"), *args], capture_output=True, text=True)
    if out.returncode > 1:
        raise RuntimeError(f"load_hls {args}: {out.stderr}")
    return json.loads(out.stdout)


def hammer(bench, server, path):
    cpu = server.cpu_seconds()
    out = load_hls(bench, "hammer", "--url", server.url(path), "--connections", "200", "--duration",
                   f"{int(max(4, bench.seconds / 2))}s")
    cpu = server.cpu_seconds() - cpu
    if out["broken"] or out["badStatus"] or not out["requests"]:
        raise RuntimeError(f"{server.name} {path}: {out}")
    return {"requestsPerCpuSecond": out["requests"] / cpu, "gbitPerCpuSecond": out["bytes"] * 8e-9 / cpu,
            "requestsPerSecond": out["requestsPerSecond"], "gbitPerSecond": out["gbitPerSecond"],
            "p95Ms": out["latencyMs"]["p95"], "bodyBytes": out["bytes"] // out["requests"]}


def media_playlist(server):
    """Path and text of the first media playlist of stream 0."""
    path = server.playlist(0)
    text = server.get(path)[1].decode()
    if "#EXT-X-STREAM-INF" in text:
        uri = next(l for l in text.splitlines() if l and not l.startswith("#"))
        path = path.rsplit("/", 1)[0] + "/" + uri if not uri.startswith("/") else uri
        text = server.get(path)[1].decode()
    return path, text


def segments(path, text):
    uris = re.findall(r"^[^#\s].*$", text, re.M)
    base = path.split("?")[0].rsplit("/", 1)[0]
    return [u if u.startswith("/") else f"{base}/{u}" for u in uris]


def delivery(bench, flv):
    """
    The same bytes from both: soukd's of a stream that is live all the while, nginx's from disk.
    An own segment is the newest finished one (in memory) and one of a while ago (on disk).
    """
    soukd = bench.server("soukd").start()
    nginx = bench.server("nginx").start()
    out = {}
    try:
        keys = soukd.keys(1)
        pub = Publishers(bench, soukd, keys, flv, 22 + 6 * max(4, bench.seconds / 2))
        try:
            wait_for(lambda: len(segments(*media_playlist(soukd))) >= 8, "eight segments", 40)
            for what, pick in (("memory", -1), ("disk", -6)):
                path = segments(*media_playlist(soukd))[pick]
                data = soukd.get(path)[1]
                ours = hammer(bench, soukd, path)
                peer = hammer(bench, nginx, nginx.put(f"{what}.m4s", data))
                out[f"segments-{what}"] = {"soukd": ours, "nginx": peer}
            path, text = media_playlist(soukd)
            ours = hammer(bench, soukd, path)
            peer = hammer(bench, nginx, nginx.put("index.m3u8", text.encode()))
            out["playlists"] = {"soukd": ours, "nginx": peer}
        finally:
            pub.stop()
    finally:
        soukd.stop()
        nginx.stop()
    return out


def delivery_alone(bench, flv):
    """nginx's own segments and playlists, where there is no soukd to compare with."""
    nginx = bench.server("nginx").start()
    try:
        pub = Publishers(bench, nginx, nginx.keys(1), flv, 16 + 2 * bench.seconds)
        try:
            def finished():
                status, text = nginx.get(nginx.playlist(0))
                return status == 200 and text.count(b".ts") >= 4
            wait_for(finished, "four segments", 30)
            path, text = media_playlist(nginx)
            return {"segments-disk": {"nginx": hammer(bench, nginx, segments(path, text)[-1])},
                    "playlists": {"nginx": hammer(bench, nginx, path)}}
        finally:
            pub.stop()
    finally:
        nginx.stop()
