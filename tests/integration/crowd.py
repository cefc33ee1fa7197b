"""Many viewers in one process: both framings on raw sockets, and a model of who watches how long.

A socket can leave in every way that a network knows: with a word, with a close frame, with nothing
but a FIN, with half a close, with a RST, or without anything at all.
"""
import asyncio
import base64
import collections
import contextlib
import hashlib
import hmac
import json
import os
import socket
import struct
import time

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
RESET = struct.pack("ii", 1, 0)


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sign(secret, claims):
    """A token of the server's own secret (HS256)."""
    text = ".".join(base64url(json.dumps(part).encode())
                    for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{text}.{base64url(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


class Socket(asyncio.Protocol):
    """One viewer's socket. Told: the counts that it heard; the rest of what it hears is dropped."""

    path = None

    def __init__(self, stream):
        self.stream = stream
        self.buffer = b""
        self.told, self.acks, self.next_ack = [], {}, 1
        self.shaken = asyncio.get_running_loop().create_future()
        self.closed = asyncio.get_running_loop().create_future()
        self.upgraded = self.silent = False
        self.last = self.viewer = self.seat = self.stats = None

    # --- the transport ---

    async def open(self, port, query=""):
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", port)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write((
            f"GET {self.path}{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        await self.shaken
        return self

    def connection_lost(self, _):
        if not self.closed.done():
            self.closed.set_result(None)
        for waiting in [self.shaken, *self.acks.values()]:
            if not waiting.done():
                waiting.set_exception(ConnectionError("the server closed the connection"))
                waiting.exception()

    def data_received(self, data):
        if self.silent:
            return
        self.buffer += data
        if not self.upgraded:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self.shaken.set_exception(ConnectionError(head.decode()))
                return
            self.upgraded, self.buffer = True, rest
            self.on_upgraded()
        self.take_frames()

    def take_frames(self):
        at, data = 0, self.buffer
        while len(data) - at >= 2 and not self.silent:
            size, start = data[at + 1], at + 2
            if size == 126:
                start += 2
                size = int.from_bytes(data[at + 2:at + 4], "big")
            elif size == 127:
                start += 8
                size = int.from_bytes(data[at + 2:at + 10], "big")
            if len(data) < start + size or len(data) < start:
                break
            self.on_frame(data[at] & 15, data[start:start + size])
            at = start + size
        self.buffer = data[at:]

    def send_frame(self, opcode, payload):
        n = len(payload)
        head = bytes([0x80 | opcode, 0x80 | n]) if n < 126 else (
            bytes([0x80 | opcode, 0xFE]) + n.to_bytes(2, "big"))
        # Masked with zeros: masked all the same.
        self.transport.write(head + b"\0\0\0\0" + payload)

    def on_frame(self, opcode, payload):
        if opcode == TEXT:
            self.on_text(payload)
        elif opcode == PING:
            self.send_frame(PONG, payload)
        elif opcode == CLOSE:
            with contextlib.suppress(OSError):
                self.send_frame(CLOSE, payload[:2])
            self.transport.close()

    # --- events ---

    async def call(self, event, data):
        ack, self.next_ack = self.next_ack, self.next_ack + 1
        answer = self.acks[ack] = asyncio.get_running_loop().create_future()
        self.send_event(event, data, ack)
        return await answer

    def answered(self, ack, data):
        waiting = self.acks.pop(ack, None)
        if waiting and not waiting.done():
            waiting.set_result(data)

    def heard(self, event, data):
        if event == "stream:viewer-count":
            self.told.append(data["count"])
        elif event == "stream:ended":
            self.stats = data["stats"]

    async def join(self):
        answer = await self.call("stream:join", {"stream_id": self.stream})
        if "error" in answer:
            raise AssertionError(f"join: {answer}")
        self.room, self.viewer = answer, answer["userId"]
        return answer

    async def leave(self):
        return await self.call("stream:leave", {"stream_id": self.stream})

    # --- ways to go ---

    def go_with_close_frame(self):
        self.send_frame(CLOSE, struct.pack(">H", 1000))

    def go_with_fin(self):
        self.transport.close()

    def go_with_half_close(self):
        self.transport.write_eof()

    def go_with_reset(self):
        self.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    async def go_silent(self):
        """Its last sign of life is known: acked. From then on nothing is read, nothing answered."""
        ack, self.next_ack = self.next_ack, self.next_ack + 1
        silence = asyncio.get_running_loop().create_future()

        def answered(_):
            self.silent = True
            self.transport.pause_reading()
            silence.set_result(None)

        self.answered = lambda told, data: answered(data) if told == ack else None
        self.send_event("get_viewer_count", {"stream_id": self.stream}, ack)
        await silence


class JsonSocket(Socket):
    path = "/ws"

    async def open(self, port, token=None):
        return await super().open(port, f"?token={token}" if token else "")

    def on_upgraded(self):
        self.shaken.set_result(None)

    def send_event(self, event, data, ack):
        self.send_frame(TEXT, json.dumps({"event": event, "data": data, "ack": ack}).encode())

    def on_text(self, payload):
        # Of the room's: not that of a join's answer.
        if b'"seq":' in payload[-40:] and not payload.endswith(b"}}"):
            self.last = payload
        if b"viewer:" in payload[:20]:
            return
        frame = json.loads(payload)
        if "ack" in frame:
            self.answered(frame["ack"], frame["data"])
        else:
            self.heard(frame["event"], frame["data"])

    async def come_back(self, before):
        """As the socket before: by its place in the room. Its answer, or the refusal."""
        seq = json.loads(before.last)["seq"] if before.last else before.room["seq"]
        return await self.call("resume", {
            "room": before.room["room"], "epoch": before.room["epoch"], "seq": seq})


class SioSocket(Socket):
    path = "/socket.io/?EIO=4&transport=websocket"

    async def open(self, port, token=None, before=None):
        self.auth = {"token": token} if token else {}
        if before:
            offset = json.loads(before.last[2:])[-1] if before.last else ""
            self.auth.update(pid=before.pid, offset=offset)
        await super().open(port)
        if before:
            self.room, self.viewer = before.room, before.viewer
        return self

    def on_upgraded(self):
        pass

    def send_event(self, event, data, ack):
        self.send_frame(TEXT, f"42{ack}{json.dumps([event, data])}".encode())

    def on_text(self, payload):
        kind = payload[:2]
        if payload == b"2":
            self.send_frame(TEXT, b"3")
        elif kind == b"0{":
            self.send_frame(TEXT, b"40" + json.dumps(self.auth).encode())
        elif kind == b"40":
            known = json.loads(payload[2:])
            self.id, self.pid = known["sid"], known["pid"]
            self.recovered = self.pid == self.auth.get("pid")
            self.shaken.set_result(None)
        elif kind == b"44":
            self.shaken.set_exception(ConnectionError(payload.decode()))
        elif kind == b"43":
            ack, data = payload[2:].split(b"[", 1)
            self.answered(int(ack), json.loads(b"[" + data)[0])
        elif kind == b"42":
            self.last = payload
            if b"viewer:" not in payload[:20]:
                self.heard(*json.loads(payload[2:])[:2])

    def go_with_a_word(self):
        """As the official client does it: a Socket.IO packet, and then the transport."""
        self.send_frame(TEXT, b"41")
        self.go_with_close_frame()


class Seat:
    """A socket's stay in the stream, as far as a client can know: begun between two moments, ended
    between two others (None: not yet)."""

    def __init__(self, begun, begun_by):
        self.begun, self.begun_by = begun, begun_by
        self.ended = self.ended_by = None


def union(spans):
    total, end = 0.0, float("-inf")
    for low, high in sorted(spans):
        low = max(low, end)
        if high > low:
            total += high - low
            end = high
    return total


class Model:
    """Who watches, told by what the clients did."""

    def __init__(self):
        self.seats = collections.defaultdict(list)
        self.stored = {}  # seconds that the store had of a viewer when the server was killed
        self.before = {}  # the most that it can have been
        self.peak = 0
        self.known = set()

    def sit(self, sock, begun):
        seat = sock.seat = Seat(begun, time.monotonic())
        self.seats[sock.viewer].append(seat)
        self.known.add(sock.viewer)

    def rise(self, sock, ended):
        """It ended after this; settled() says before what."""
        sock.seat.ended = ended

    def gone(self, sock, ended):
        self.rise(sock, ended)
        sock.seat.ended_by = time.monotonic()

    def viewers(self):
        return {v for v, seats in self.seats.items() if any(s.ended is None for s in seats)}

    def settled(self):
        """The server has told the right count: every end has been."""
        now = time.monotonic()
        for seats in self.seats.values():
            for seat in seats:
                if seat.ended is not None and seat.ended_by is None:
                    seat.ended_by = now
        self.peak = max(self.peak, len(self.viewers()))

    def killed(self, stored, begun):
        now = time.monotonic()
        for viewer, seats in self.seats.items():
            for seat in seats:
                if seat.ended is None:
                    seat.ended = begun
                seat.ended_by = seat.ended_by or now
            self.before[viewer] = self.before.get(viewer, 0) + self.bounds_now(viewer)[1]
        self.stored = {v: ms / 1000 for v, ms in stored.items()}
        self.seats.clear()

    def end(self, begun):
        now = time.monotonic()
        for seats in self.seats.values():
            for seat in seats:
                if seat.ended is None:
                    seat.ended = begun
                seat.ended_by = seat.ended_by or now

    def bounds_now(self, viewer):
        seats = self.seats.get(viewer, ())
        return (union([(s.begun_by, s.ended) for s in seats]),
                union([(s.begun, s.ended_by) for s in seats]))

    def bounds(self, viewer):
        """Seconds that it has watched: at least, at most."""
        least, most = self.bounds_now(viewer)
        return least + self.stored.get(viewer, 0), most + self.before.get(viewer, 0)
