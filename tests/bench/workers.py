"""Engines on the loop and on media workers, one beside the other: [media] workers."""
import time

import depth
import measures

VIEWED = 4  # streams that are watched at the live edge
LAGS = ("souk_loop_lag_seconds", "souk_media_worker_lag_seconds")


def lags(server):
    return [server.histogram(name) for name in LAGS]


def p99_ms(before, after):
    if not after:
        return 0
    return 1000 * depth.quantile([(bound, n - m) for (bound, m), (_, n) in zip(before, after)], 0.99)


def share(threads, name):
    mine = sum(cpu for thread, cpu in threads.items() if thread.startswith(name))
    return 100 * mine / sum(threads.values())


def point(bench, flv, streams, workers):
    server = bench.server("soukd", settings=[f"media.workers={workers}"]).start()
    try:
        keys = server.keys(streams)
        pub = measures.Publishers(bench, server, keys, flv, 6 + bench.seconds + 8, "--stamp")
        try:
            time.sleep(6)
            before, cpu, start = lags(server), server.cpu_seconds(), time.monotonic()
            urls = [arg for i in range(VIEWED)
                    for arg in ("--url", server.url(server.playlist(i)))]
            seen = measures.load_hls(bench, "play", *urls, "--connections", str(VIEWED),
                                     "--duration", f"{int(bench.seconds)}s")
            cpu, took = server.cpu_seconds() - cpu, time.monotonic() - start
            after = lags(server)
            threads = server.thread_cpu_seconds()
            sent = pub.result()
        finally:
            pub.stop()
    finally:
        server.stop()
    frames = seen["frameLatencyMs"]
    return {"cpuPercentPerStream": 100 * cpu / took / streams,
            "loopSharePercent": share(threads, "loop"),
            "workersSharePercent": share(threads, "souk-media"),
            "loopLagP99Ms": p99_ms(before[0], after[0]),
            "workerLagP99Ms": p99_ms(before[1], after[1]),
            "frameMedianMs": frames["median"], "frameP95Ms": frames["p95"],
            "frameMaxMs": frames["max"], "latePackets": sent["late"],
            "errors": seen["listErrors"] + seen["mediaErrors"]}


def measure(bench, flv, streams, counts, say):
    out = {}
    for n in streams:
        for workers in counts:
            say(f"{n} streams, {workers} workers")
            out.setdefault(f"workers-{n}", {})[str(workers)] = point(bench, flv, n, workers)
    return out


FIGURES = [
    ("cpuPercentPerStream", "CPU % of a core a stream", ".3f"),
    ("loopSharePercent", "of it the loop's thread, %", ".0f"),
    ("workersSharePercent", "of it the workers' threads, %", ".0f"),
    ("loopLagP99Ms", "loop lag p99, ms (bucket)", ".1f"),
    ("workerLagP99Ms", "worker lag p99, ms (bucket)", ".2f"),
    ("frameMedianMs", "publish to available, median ms", ".0f"),
    ("frameP95Ms", "p95", ".0f"),
    ("frameMaxMs", "max", ".0f"),
    ("latePackets", "late packets of the publishers", ".0f"),
    ("errors", "errors of the players", ".0f"),
]


def table_rows(medians):
    rows = []
    for name in [name for name in medians if name.startswith("workers-")]:
        counts = list(medians[name])
        rows.append((f"{name.split('-')[1]} streams, workers:", *counts))
        for figure, text, form in FIGURES:
            rows.append((text, *[format(medians[name][c][figure], form) for c in counts]))
    return rows
