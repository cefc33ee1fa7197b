"""The REST API under load: the details of a stream by wrk, and whole sales (create, go live, end)
by as many sellers at once. Each function starts servers of its own and leaves nothing."""
import asyncio
import json
import subprocess
import time

READY = json.dumps({"camera_ready": True, "checklist_complete": True}).encode()


class Talk:
    """One keep-alive connection, one request at a time."""

    def __init__(self, port, token):
        self.port, self.token = port, token

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def call(self, method, path, body=b""):
        head = (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}"
                f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        self.writer.write(head.encode() + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        at = head.index(b"content-length: ") + 16
        answer = await self.reader.readexactly(int(head[at:head.index(b"\r", at)]))
        status = int(head[9:12])
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {answer.decode()}")
        return json.loads(answer)["data"]


async def prepare(server, products):
    talk = await Talk(server.http_port, server.token("seller-1", "seller")).open()
    ids = [(await talk.call("POST", "/api/v1/products", json.dumps(
        {"name": f"Product {i}", "price": 1999, "currency": "EUR"}).encode()))["productId"]
        for i in range(products)]
    stream = (await talk.call("POST", "/api/v1/streams", json.dumps(
        {"title": "Sale", "product_ids": ids}).encode()))["streamId"]
    await talk.call("POST", f"/api/v1/streams/{stream}/go-live", READY)
    talk.writer.close()
    return ids, stream


def wrk(server, path, seconds, *headers):
    """Requests a second as they came, and by the server's CPU time."""
    before = server.cpu_seconds()
    out = subprocess.run(
        ["wrk", "-t1", "-c32", f"-d{int(seconds)}s", *[x for h in headers for x in ("-H", h)],
         f"http://127.0.0.1:{server.http_port}{path}"],
        capture_output=True, text=True, check=True).stdout
    cpu = server.cpu_seconds() - before
    if "Non-2xx" in out:
        raise RuntimeError(out)
    requests = int(out.split(" requests in")[0].split()[-1])
    return {"requestsPerSecond": float(out.split("Requests/sec:")[1].split()[0]),
            "requestsPerCpuSecond": requests / cpu, "cpuMicrosPerRequest": cpu / requests * 1e6}


def details(bench):
    """GET /streams/{id} of a live stream with three products; nginx: a file of that size."""
    server = bench.server("soukd").start()
    try:
        _, stream = asyncio.run(prepare(server, 3))
        path = f"/api/v1/streams/{stream}"
        size = len(server.get(path)[1])
        ours = wrk(server, path, bench.seconds)
    finally:
        server.stop()
    peer = bench.server("nginx", fragment=2).start()
    try:
        theirs = wrk(peer, peer.put("details.json", b"x" * size), bench.seconds)
    finally:
        peer.stop()
    return {"nginx": theirs, "soukd": ours}


async def sell(server, token, product, until):
    talk, body = await Talk(server.http_port, token).open(), json.dumps(
        {"title": "Sale", "product_ids": [product], "record_stream": False,
         "notify_followers": False}).encode()
    sold = 0
    while time.monotonic() < until:
        stream = (await talk.call("POST", "/api/v1/streams", body))["streamId"]
        await talk.call("POST", f"/api/v1/streams/{stream}/go-live", READY)
        await talk.call("POST", f"/api/v1/streams/{stream}/end")
        sold += 1
    talk.writer.close()
    return sold


async def sell_all(server, sellers, seconds):
    products, _ = await prepare(server, 1)
    token = server.token("seller-1", "seller")
    commits = server.metric("souk_store_commit_seconds_count")
    cpu, start = server.cpu_seconds(), time.monotonic()
    sold = sum(await asyncio.gather(*(
        sell(server, token, products[0], start + seconds) for _ in range(sellers))))
    took = time.monotonic() - start
    return {"salesPerSecond": sold / took, "cpuMillisPerSale": (server.cpu_seconds() - cpu) /
            sold * 1e3, "commitsPerSecond": (server.metric("souk_store_commit_seconds_count") -
                                             commits) / took}


def sales(bench, sellers=64):
    """create, go-live and end, each answered when it is on disk; so many sellers at once."""
    server = bench.server("soukd").start()
    try:
        return {"soukd": asyncio.run(sell_all(server, sellers, bench.seconds))}
    finally:
        server.stop()
