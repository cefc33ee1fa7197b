"""All of the media at once: many streams with a window, a recording and pictures, some of them
relayed and watched. Each function starts servers of its own and leaves nothing."""
import http.client
import json
import os
import re
import subprocess
import time

from measures import Publishers
from servers import wait_for

# PART-HOLD-BACK of 200 ms parts: a player there would have to wait for a frame that is later.
LATE = "600ms"
SAMPLE_S = 5


def relay(server, i, url):
    """What the seller of a stream asks for: that it be sent there, too."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    stream = server.made[i]["streamId"]
    try:
        connection.request("PUT", f"/api/v1/streams/{stream}/relays", json.dumps({"urls": [url]}), {
                               "Content-Type": "application/json",
                               "Authorization": "Bearer " + server.token(f"bench-{i}", "seller")})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(f"relay: {answer.status} {text}")
    finally:
        connection.close()


def bytes_in(sink):
    """By stream name, what the relays' target has got so far."""
    text = sink.get("/stat")[1].decode()
    found = re.findall(r"<stream>\s*<name>([^<]+)</name>.*?<bytes_in>(\d+)</bytes_in>", text, re.S)
    return {name: int(n) for name, n in found}


def packets_of(source):
    out = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_entries",
                          "stream=codec_type,nb_read_packets", "-of", "json", source],
                         capture_output=True, text=True, check=True).stdout
    streams = json.loads(out)["streams"]
    return {s["codec_type"]: int(s["nb_read_packets"]) for s in streams
            if "nb_read_packets" in s}


class Watch:
    """Figures of a server over a stretch of time: CPU, disk, memory every few seconds, lag."""

    def __init__(self, server):
        self.server, self.pss = server, []
        self.begun = time.monotonic()

    def _now(self):
        lag = self.server.histogram("souk_loop_lag_seconds") if self.server.name == "soukd" else []
        return (self.server.cpu_seconds(), self.server.written_bytes(), lag,
                self.server.waited_seconds(), time.monotonic())

    def stretch(self, seconds, measured):
        """Waits so long and notes memory; what is measured is told by figures()."""
        first = self._now()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pss.append((time.monotonic() - self.begun, self.server.pss_bytes(), measured))
            time.sleep(max(0, min(SAMPLE_S, end - time.monotonic())))
        self.pss.append((time.monotonic() - self.begun, self.server.pss_bytes(), measured))
        self.points = (first, self._now())

    def figures(self, streams, idle):
        (cpu, disk, lag, waited, start), (cpu2, disk2, lag2, waited2, end) = self.points
        took = end - start
        pss = [n for _, n, measured in self.pss if measured]
        half = max(1, len(pss) // 2)
        early, late = max(pss[:half]), max(pss[-half:])
        out = {"cpuPercentPerStream": 100 * (cpu2 - cpu) / took / streams,
               "pssMiBPerStream": (pss[-1] - idle) / streams / 2**20,
               "pssGrowthPercent": 100 * (late / early - 1),
               "diskMiBPerSecond": (disk2 - disk) / took / 2**20,
               "waitedForCorePercent": 100 * (waited2 - waited) / took}
        if lag:
            steps = [(bound, n2 - n) for (bound, n), (_, n2) in zip(lag, lag2)]
            out["lagP99Ms"], out["lagMaxMs"] = (1000 * quantile(steps, q) for q in (0.99, 1))
        return out


def quantile(steps, q):
    """The bound of the bucket of a histogram (counts up to each bound) where the quantile lies."""
    return next(bound for bound, n in steps if n >= q * steps[-1][1])


def recorded(server, kind, i):
    """Path or URL of what was recorded of stream i, when it is all there."""
    if kind == "nginx":
        return os.path.join(server.record, f"bench{i}.flv")
    server.ctl("streams", "end", server.made[i]["streamId"])
    path = f"/vod/{server.made[i]['streamId']}/index.m3u8"
    wait_for(lambda: server.get(path)[0] == 200, f"the recording of stream {i}", 60)
    return server.url(path)


def missing_packets(server, kind, results, chosen):
    """How many packets of the chosen streams are not in their recordings."""
    missing = 0
    for i in chosen:
        sent = results[i]
        got = packets_of(recorded(server, kind, i))
        missing += sum(abs(sent[what] - got.get(what, 0)) for what in ("video", "audio"))
    return missing


def publish(bench, server, kind, keys, relayed, flv, seconds):
    """Two generators: of those that are relayed, and of the rest."""
    first = server.publish_url.replace("/live", "/pushed") if kind == "nginx" else None
    out = []
    for url, part in ((first, keys[:relayed]), (None, keys[relayed:])):
        if part:
            out.append(Publishers(bench, server, part, flv, seconds, "--stamp", url=url))
    return out


def depth(bench, kind, flv, streams=100, relayed=10):
    """
    So many streams recorded, pictured (soukd alone can) and, the first of them, relayed and
    watched. Frames are followed from the encoder's socket to the player; packets to the recording.
    """
    sink = bench.server("nginx", hls=False).start()
    server = bench.server(kind, fragment=2, record=True, push=sink.publish_url, pushed=relayed)
    warm = 26 if bench.seconds >= 15 else 8
    publishers = []
    try:
        server.start()
        keys = server.keys(streams)
        for i in range(relayed if kind == "soukd" else 0):
            relay(server, i, f"{sink.publish_url}/bench{i}")
        idle = server.pss_bytes()
        watch = Watch(server)
        publishers = publish(bench, server, kind, keys, relayed, flv, warm + bench.seconds + 8)
        watch.stretch(warm, False)
        before = bytes_in(sink)
        urls = [a for i in range(relayed) for a in ("--url", server.url(server.playlist(i)))]
        players = subprocess.Popen(
            [bench.tool("load_hls"), "play", *urls, "--connections", str(relayed),
             "--duration", f"{int(bench.seconds)}s", "--late", LATE], stdout=subprocess.PIPE, text=True)
        watch.stretch(bench.seconds, True)
        after = bytes_in(sink)
        played = json.loads(players.communicate()[0])
        result = watch.figures(streams, idle)
        results = [s for p in publishers for s in p.result()["perStream"]]
        frames = played["frameLatencyMs"]
        result.update({
            "encoderLatePackets": sum(s["late"] for s in results),
            "encoderLateMaxMs": max(s["lateMaxMs"] for s in results),
            "frameP99Ms": frames["p99"], "frameMaxMs": frames["max"], "frames": frames["count"],
            "lateFrames": played["lateFrames"],
            "playerErrors": played["listErrors"] + played["mediaErrors"] + played["overruns"],
            "relaysAlive": sum(n > before.get(name, 0) for name, n in after.items()),
            "missingPackets": missing_packets(server, kind, results,
                                              [0, relayed, streams // 2, streams - 1]),
            "pssMiB": [[round(t), round(n / 2**20)] for t, n, _ in watch.pss],
        })
        if kind == "soukd":
            result["thumbnailsFailed"] = server.metric("souk_thumbnails_failed_total")
            result["thumbnailsSkipped"] = server.metric("souk_thumbnails_skipped_total")
        return result
    finally:
        for p in publishers:
            p.stop()
        server.stop()
        sink.stop()


def play(bench, server, urls, players, *extra):
    """Starts players and measures while they play."""
    seconds = bench.seconds + 4
    process = subprocess.Popen(
        [bench.tool("load_play"), *[a for url in urls for a in ("--url", url)], "--players",
         str(players), "--duration", f"{int(seconds)}s", *extra],
        stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(2)
        cpu, start = server.cpu_seconds(), time.monotonic()
        time.sleep(bench.seconds)
        took, cpu = time.monotonic() - start, server.cpu_seconds() - cpu
        pss = server.pss_bytes()
        out = json.loads(process.communicate()[0])
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()
        process.stdout.close()
    return out, cpu, took, pss


def playout(bench, kind, how, flv, players):
    """
    Players of one stream, which is not recorded with nginx. CPU by what they were sent, less what
    the publishing itself costs; then a tenth of them stop reading.
    """
    server = bench.server(kind, fragment=2).start()
    publisher = None
    try:
        keys = server.keys(1)
        publisher = Publishers(bench, server, keys, flv, 4 + 3 * (bench.seconds + 8), "--stamp")
        name = "bench0" if kind == "nginx" else server.made[0]["streamId"]
        url = server.url(f"/live/{name}.flv") if how == "flv" else f"{server.publish_url}/{name}"
        time.sleep(4)
        cpu, start = server.cpu_seconds(), time.monotonic()
        time.sleep(bench.seconds / 2)
        idle_cpu = (server.cpu_seconds() - cpu) / (time.monotonic() - start)
        idle_pss = server.pss_bytes()
        out, cpu, took, pss = play(bench, server, [url], players, "--stamps")
        if out["playing"] != players or out["closed"]:
            raise RuntimeError(f"{server.name}: {out}")
        gbit = out["bytes"] * 8e-9 / out["seconds"] * took
        result = {"gbitPerCpuSecond": gbit / max(1e-3, cpu - idle_cpu * took),
                  "gbitPerSecond": gbit / took, "pssKiBPerPlayer": (pss - idle_pss) / players / 1024,
                  "startMedianMs": out["startMs"]["median"],
                  "frameMedianMs": out["frameLatencyMs"]["median"],
                  "frameP99Ms": out["frameLatencyMs"]["p99"]}
        stalled = players // 10
        out, _, _, pss = play(bench, server, [url], players, "--stamps", "--stall", str(stalled))
        result.update({"stalledMiB": (pss - idle_pss) / 2**20,
                       "besideStalledP99Ms": out["frameLatencyMs"]["p99"],
                       "besideStalledClosed": out["closed"]})
        return result
    finally:
        if publisher:
            publisher.stop()
        server.stop()


def playouts(bench, flv, kinds, players=100):
    out = {}
    for how in ("rtmp", "flv"):
        for kind in kinds:
            if (kind, how) != ("nginx", "flv"):
                out.setdefault(f"playout-{how}", {})[kind] = playout(bench, kind, how, flv, players)
    return out
