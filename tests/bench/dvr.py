"""What a long playlist costs ([hls] dvr = whole): a stream with hours behind it, full, delta, gzip."""
import os
import zlib

from api import wrk
from measures import Publishers, media_playlist, segments
from servers import wait_for

GZIP = "Accept-Encoding: gzip"


def journal_line(text):
    """As media/journal.h has it: the checksum is CRC-32 that begins with 0 and is not inverted."""
    crc = zlib.crc32(text.encode(), 0xffffffff) ^ 0xffffffff
    return f"{crc:08x} {text}\n"


def lengthen(folder, count):
    """A recording goes on for so many segments more: all of them its last one."""
    journal = os.path.join(folder, "journal")
    with open(journal) as f:
        last = [line for line in f if line[9:].startswith("S 0 ")][-1].rstrip("\n")[9:]
    assert journal_line(last).rstrip("\n") in open(journal).read(), "the checksum is another one"
    fields = last.split(" ")
    sequence, start, duration, wall = (int(x) for x in fields[2:6])
    source = os.path.join(folder, f"seg_0_{sequence}.m4s")
    with open(journal, "a") as f:
        for i in range(1, count + 1):
            name = os.path.join(folder, f"seg_0_{sequence + i}.m4s")
            os.link(source, name)
            f.write(journal_line(" ".join(
                [*fields[:2], str(sequence + i), str(start + i * duration), str(duration),
                 str(wall + i * duration // 1000), *fields[6:]])))


def lag_above(server, bound):
    """Observations of the loop's lag above the bound, in seconds."""
    counts = server.histogram("souk_loop_lag_seconds")
    return counts[-1][1] - max(n for at, n in counts if at <= bound)


def dvr(bench, flv, hours=6):
    server = bench.server("soukd")
    server.settings.update({"hls.dvr": "whole", "stream.grace": "10m"})
    server.start()
    out = {}
    try:
        keys = server.keys(1)
        publisher = Publishers(bench, server, keys, flv, 14)
        wait_for(lambda: len(segments(*media_playlist(server))) >= 5, "five segments", 40)
        path = media_playlist(server)[0]
        publisher.stop()
        server.stop()
        count = hours * 1800
        lengthen(os.path.join(server.settings["media.root"], server.made[0]["streamId"]), count)
        server.start()
        stream = server.ctl("streams", "show", server.made[0]["streamId"])
        playlist_bytes = len(server.get(path)[1])
        publisher = Publishers(bench, server, keys, flv, 60 + 8 * bench.seconds)
        try:
            listed = len(segments(*media_playlist(server)))
            wait_for(lambda: len(segments(*media_playlist(server))) > listed + 2, "it goes on", 40)
            slow = lag_above(server, 0.025)
            for what, query in (("window", "?window=live"), ("full", ""), ("delta", "?_HLS_skip=YES")):
                for form, headers in (("plain", ()), ("gzip", (GZIP,))):
                    ours = wrk(server, path + query, bench.seconds, *headers)
                    out[f"dvr-{what}-{form}"] = {"soukd": ours}
            out["dvr"] = {"soukd": {"segments": listed, "playlistBytes": playlist_bytes,
                                    "bytesPerSegment": stream["windowMemory"] / count,
                                    "lagsOver25Ms": lag_above(server, 0.025) - slow}}
        finally:
            publisher.stop()
    finally:
        server.stop()
    return out
