"""Readers that stop reading in a full room: each costs its bounded queue and is closed as a slow
consumer, and nobody else misses anything."""
import re
import selectors
import socket
import threading
import unittest

from support import PATIENCE, SoukTest, wait_for
from websocket_client import TEXT, JsonClient, WebSocket

READERS, STALLED = 200, 5
TEXT_SIZE = 60000
# Of one reader, till the kernel takes no more: some megabytes.
MESSAGES_MAX = 600
SETTINGS = {"events.rate": "0", "events.handshakes": "0", "events.sockets_per_user": "0",
            "events.queue": "256k", "events.message": "128k", "events.broadcast": "128k",
            "http.max_per_address": "0"}
SEQ = re.compile(rb'"seq":(\d+)}$')


def seq_of(payload):
    """Of what is said in the room; None: it is something else."""
    found = SEQ.search(payload[-40:]) if payload.startswith(b'{"event":"broadcast"') else None
    return int(found[1]) if found else None


class Readers(threading.Thread):
    """Many sockets that read all they get: `seqs` of each must be a count without a gap, and
    `heard` is how many there were."""

    def __init__(self, sockets):
        super().__init__(daemon=True)
        self.sockets = sockets
        self.seqs, self.heard = [0] * len(sockets), [0] * len(sockets)
        self.fault = None
        self.changed = threading.Condition()
        self.over = False

    def run(self):
        selector = selectors.DefaultSelector()
        for i, s in enumerate(self.sockets):
            selector.register(s.socket, selectors.EVENT_READ, i)
        try:
            while not self.over:
                for key, _ in selector.select(0.1):
                    self.read(key.data)
        except Exception as e:  # told by the test
            with self.changed:
                self.fault = e
                self.changed.notify_all()

    def read(self, i):
        s = self.sockets[i]
        s._fill()
        while self.whole_frame(s):
            opcode, payload = s.receive_frame()
            seq = seq_of(payload) if opcode == TEXT else None
            if seq is None:
                continue
            with self.changed:
                if self.seqs[i] and seq != self.seqs[i] + 1:
                    raise AssertionError(f"reader {i}: {seq} after {self.seqs[i]}")
                self.seqs[i] = seq
                self.heard[i] += 1
                self.changed.notify_all()

    @staticmethod
    def whole_frame(s):
        b = s.buffer
        if len(b) < 10:
            return len(b) >= 2 and b[1] < 126 and len(b) >= 2 + b[1]
        n, head = b[1], 2
        if n == 126:
            n, head = int.from_bytes(b[2:4], "big"), 4
        elif n == 127:
            n, head = int.from_bytes(b[2:10], "big"), 10
        return len(b) >= head + n

    def wait_heard(self, n):
        with self.changed:
            done = self.changed.wait_for(lambda: self.fault or min(self.heard) >= n, PATIENCE)
        if self.fault:
            raise self.fault
        if not done:
            raise AssertionError(f"waited in vain for {n}: {min(self.heard)}")


def resident(souk):
    with open(f"/proc/{souk.process.pid}/status") as f:
        return int(re.search(r"^VmRSS:\s+(\d+) kB", f.read(), re.M)[1]) * 1024


class Stall(SoukTest):
    def open(self, souk, token):
        ws = WebSocket(souk.http_port, f"/ws?token={token}")
        ws.send_frame(TEXT, b'{"event":"join_room","data":{"room_id":"hall"},"ack":1}')
        opcode, payload = ws.receive_frame()
        self.assertEqual(opcode, TEXT)
        while b'"ack":1' not in payload:
            _, payload = ws.receive_frame()
        self.assertNotIn(b'"error"', payload)
        return ws

    def test_stalled_readers_cost_their_queue(self):
        souk = self.soukd(SETTINGS)
        token = souk.token("crowd", "buyer")
        speaker = JsonClient(souk.http_port, souk.token("speaker", "buyer"))
        speaker.call("join_room", {"room_id": "hall"})
        readers = Readers([self.open(souk, token) for _ in range(READERS)])
        stalled = [self.open(souk, token) for _ in range(STALLED)]
        for ws in stalled:
            ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.addCleanup(lambda: [ws.close() for ws in readers.sockets + stalled + [speaker.ws]])
        readers.start()
        self.addCleanup(readers.join)
        self.addCleanup(setattr, readers, "over", True)

        said = 0

        def say():
            """Once all readers have it the next is said: none of them is slow."""
            nonlocal said
            answer = speaker.call("broadcast", {"room_id": "hall", "message": "x" * TEXT_SIZE})
            self.assertNotIn("error", answer or {})
            said += 1
            readers.wait_heard(said)

        say()
        before = resident(souk)
        while souk.metric("souk_slow_consumers_total") < STALLED:
            self.assertLess(said, MESSAGES_MAX, "nobody is slow")
            say()
        for _ in range(5):
            say()
        self.assertEqual(souk.metric("souk_slow_consumers_total"), STALLED)
        wait_for(lambda: souk.metric("souk_websockets") == READERS + 1, "the slow are gone")
        self.assertEqual(readers.heard, [said] * READERS)
        # The queues hold what all share; the sanitizer keeps freed memory.
        self.assertLess(resident(souk) - before, 300 << 20)


if __name__ == "__main__":
    unittest.main()
