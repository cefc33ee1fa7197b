"""Fan-out to many sockets, soukd beside Bun, ws and socket.io: each function starts servers of its
own and leaves nothing. The generator itself looks at the server's CPU time and memory."""
import base64
import hashlib
import hmac
import json
import os
import resource
import subprocess

from servers import HOST, Server, accepts, wait_for

PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
MODULES = os.path.join(PEERS, "node_modules")
BUN = os.path.join(MODULES, "@oven", "bun-linux-x64", "bin", "bun")

# The limits that one user's or address's thousands of sockets would run into.
SETTINGS = {"chat.rate": "0", "events.rate": "0", "events.sockets_per_user": "0",
            "events.handshakes": "0"}

# Point, clients, messages a second, burst.
FANOUT = [("fanout-1000", 1000, 20, 1), ("fanout-1000-bursts", 1000, 20, 10),
          ("fanout-10000", 10000, 2, 1)]


class Peer(Server):
    """A bare broadcast server of tests/bench/peers."""

    def __init__(self, folder, name, command, framing):
        super().__init__(folder)
        self.name, self.command, self.framing = name, command, framing

    def start(self):
        self.spawn([self.command, os.path.join(PEERS, f"{self.name}.mjs"), str(self.http_port)])
        wait_for(lambda: accepts(self.http_port), f"{self.name} listens")
        return self

    def load_options(self, joined):
        return ["--framing", self.framing]


class Talkers:
    """soukd with a live stream whose viewers write; each has a token of their own."""

    def __init__(self, server, framing, clients):
        self.server, self.framing = server, framing
        self.name, self.http_port = server.name, server.http_port
        self.stream = server.ctl("streams", "create", "--seller", "seller", "--title", "Sale",
                                 "--live")["streamId"]
        self.tokens = os.path.join(server.folder, "tokens")
        with open(os.path.join(server.folder, "secret")) as f:
            secret = f.read().strip().encode()
        like = server.token("viewer", "buyer")
        with open(self.tokens, "w") as f:
            for i in range(clients):
                f.write(token_for(like, secret, f"viewer-{i}") + "\n")

    def load_options(self, joined):
        return ["--framing", self.framing, "--tokens", self.tokens] + \
            (["--join", self.stream] if joined else [])

    @property
    def process(self):
        return self.server.process

    def stop(self):
        self.server.stop()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token_for(like, secret, user):
    """The same token, another subject: signed here, a process each would take minutes."""
    head, body, _ = like.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["sub"] = user
    text = head.encode() + b"." + base64url(json.dumps(claims).encode())
    return (text + b"." + base64url(hmac.new(secret, text, hashlib.sha256).digest())).decode()


def peers_there():
    return os.path.exists(BUN) and os.path.isdir(os.path.join(MODULES, "ws"))


def make(bench, kind, clients):
    bench.count += 1
    folder = os.path.join(bench.folder, f"{bench.count}-{kind}")
    if kind == "bun":
        return Peer(folder, "bun", BUN, "plain").start()
    if kind == "ws":
        return Peer(folder, "ws", "node", "plain").start()
    if kind == "socketio":
        return Peer(folder, "socketio", "node", "socket.io").start()
    server = bench.make_server("soukd", folder)
    server.settings.update(SETTINGS)
    return Talkers(server.start(), "json" if kind == "soukd" else "socket.io", clients)


def load(bench, target, joined, *options):
    out = subprocess.run(
        [bench.tool("load_sockets"), "--url", f"ws://{HOST}:{target.http_port}", "--pid",
         str(target.process.pid), "--addresses", "500", *target.load_options(joined), *options],
        capture_output=True, text=True)
    if out.returncode > 1:
        raise RuntimeError(f"load_sockets: {out.stderr}")
    result = json.loads(out.stdout)
    wrong = {k: result[k] for k in ("failed", "died", "refused", "lost", "duplicated", "outOfOrder")
             if result[k]}
    if wrong:
        raise RuntimeError(f"{target.name}: {wrong}")
    return result


def figures(result):
    return {"cpuMicrosPerDelivery": result["server"]["cpuMicrosPerDelivery"],
            "p99Ms": result["latencyMs"]["p99"], "maxMs": result["latencyMs"]["max"],
            "connectCpuMicros": result["server"]["cpuMicrosPerAccept"],
            "kbPerSocket": result["server"]["pssPerSocket"] / 1024,
            "generatorCpuPercent": result["generatorCpuPercent"]}


def fanout(bench, kind, clients, rate, burst):
    target = make(bench, kind, clients)
    try:
        # Half of the first second's messages find cold code.
        return figures(load(bench, target, True, "--clients", str(clients), "--rate", str(rate),
                            "--burst", str(burst), "--duration", f"{int(bench.seconds)}s",
                            "--warmup", "3s", "--senders", "10", "--settle", "3s"))
    finally:
        target.stop()


def idle(bench, kind, clients):
    """Sockets that say nothing: what it costs to let them in, with a token, and to keep them."""
    target = make(bench, kind, clients)
    try:
        return figures(load(bench, target, False, "--clients", str(clients), "--duration", "0",
                            "--warmup", "0", "--settle", "3s"))
    finally:
        target.stop()


def crowd(bench, kind):
    """A full room that talks: 10,000 viewers, 50 messages a second."""
    target = make(bench, kind, 10000)
    try:
        return figures(load(bench, target, True, "--clients", "10000", "--rate", "50", "--duration",
                            f"{int(bench.seconds)}s", "--warmup", "3s", "--senders", "50",
                            "--settle", "3s", "--drain", "30s"))
    finally:
        target.stop()


def stall(bench, kind):
    """One reader among 1,000 that stops reading, for long enough to be closed: what the others feel
    of it, and what it costs in memory."""
    def run(*options):
        target = make(bench, kind, 1000)
        try:
            return load(bench, target, True, "--clients", "1000", "--rate", "400", "--size", "200",
                        "--duration", f"{max(int(bench.seconds), 25)}s", "--warmup", "3s",
                        "--senders", "50", "--settle", "3s", "--drain", "30s", *options)
        finally:
            target.stop()

    alone, beside = run(), run("--stall", "1")
    return {"p99AloneMs": alone["latencyMs"]["p99"], "p99Ms": beside["latencyMs"]["p99"],
            "closed": beside["stalled"]["closedByServer"],
            "grownMiB": beside["server"]["pssMiB"] - alone["server"]["pssMiB"]}


def descriptors_allow(clients):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < clients + 100:
        raise RuntimeError(f"no {clients} sockets with {hard} descriptors (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def measure(bench, kinds, note, crowded=True):
    descriptors_allow(10000)
    out = {}
    for point, clients, rate, burst in FANOUT:
        for kind in kinds:
            note(f"{point}: {kind}")
            out.setdefault(point, {})[kind] = fanout(bench, kind, clients, rate, burst)
    for kind in kinds:
        note(f"idle sockets: {kind}")
        out.setdefault("idle-10000", {})[kind] = idle(bench, kind, 10000)
    for kind in [k for k in kinds if crowded and k.startswith("soukd")]:
        note(f"crowd: {kind}")
        out.setdefault("crowd", {})[kind] = crowd(bench, kind)
        note(f"one stalled: {kind}")
        out.setdefault("stall-1000", {})[kind] = stall(bench, kind)
    return out


# Point, figure, text, and what soukd has to reach: a share of Bun's, or a bound.
GOALS = [
    ("fanout-1000", "cpuMicrosPerDelivery", "µs CPU a delivery, 1,000 sockets, 20/s", 1, None),
    ("fanout-1000-bursts", "cpuMicrosPerDelivery", "the same in bursts of 10", 1, None),
    ("fanout-10000", "cpuMicrosPerDelivery", "10,000 sockets, 2/s", 1.2, None),
    ("idle-10000", "kbPerSocket", "KB (PSS) per idle socket at 10,000", None, 4),
    ("idle-10000", "connectCpuMicros", "µs CPU to accept one", None, 100),
    ("fanout-10000", "connectCpuMicros", "µs CPU to accept one that joins", None, None),
    ("crowd", "p99Ms", "10,000 sockets, 50/s: p99 ms", None, 150),
    ("stall-1000", "p99AloneMs", "1,000 sockets, 400/s: p99 ms", None, None),
    ("stall-1000", "p99Ms", "the same, one of them stalled", None, None),
    ("stall-1000", "closed", "of which soukd closed", None, None),
    ("stall-1000", "grownMiB", "MiB that it cost", None, None),
]
KINDS = ["bun", "ws", "socketio", "soukd", "soukd-sio"]
NAMES = {"bun": "Bun", "ws": "ws", "socketio": "socket.io", "soukd": "soukd /ws",
         "soukd-sio": "soukd /socket.io/"}


def table_rows(medians):
    """Rows for the whole table: figures, the ratio to Bun's, the goal, whether it is reached."""
    kinds = [k for k in KINDS if any(k in point for point in medians.values())]
    ours = [k for k in kinds if k.startswith("soukd")]
    rows = [[""] + [NAMES[k] for k in kinds] + ["of Bun's", "goal", ""]]
    for point, figure, text, share, bound in GOALS:
        values = {k: medians.get(point, {}).get(k, {}).get(figure) for k in kinds}
        if all(v is None for v in values.values()):
            continue
        bun = values.get("bun")
        ratio = ", ".join(f"{values[k] / bun:.2f}" for k in ours if bun and values[k] is not None)
        limit = bound or (share * bun if share and bun else None)
        reached = all(values[k] <= limit for k in ours if values[k] is not None) if limit else None
        rows.append([text] + ["" if values[k] is None else f"{values[k]:.1f}" for k in kinds] +
                    [ratio, f"≤ {limit:.1f}" if limit else "",
                     "" if reached is None else "ok" if reached else "MISSED"])
    return rows
