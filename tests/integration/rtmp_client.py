"""A small RTMP client that does what encoders do, and what nobody should (Adobe's RTMP 1.0)."""
import os
import socket
import struct

from support import PATIENCE

AUDIO, VIDEO, DATA, COMMAND = 8, 9, 18, 20


def amf(value):
    if value is None:
        return b"\x05"
    if isinstance(value, bool):
        return b"\x01" + bytes([value])
    if isinstance(value, (int, float)):
        return b"\x00" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return b"\x02" + struct.pack(">H", len(data)) + data
    body = b"".join(struct.pack(">H", len(k)) + k.encode() + amf(v) for k, v in value.items())
    return b"\x03" + body + b"\x00\x00\x09"


def amf_parse(data, at=0):
    """(value, next offset)."""
    kind = data[at]
    at += 1
    if kind == 0:
        return struct.unpack_from(">d", data, at)[0], at + 8
    if kind == 1:
        return bool(data[at]), at + 1
    if kind == 2:
        n = struct.unpack_from(">H", data, at)[0]
        return data[at + 2:at + 2 + n].decode(), at + 2 + n
    if kind in (3, 8):
        if kind == 8:
            at += 4
        out = {}
        while data[at:at + 3] != b"\x00\x00\x09":
            n = struct.unpack_from(">H", data, at)[0]
            key = data[at + 2:at + 2 + n].decode()
            out[key], at = amf_parse(data, at + 2 + n)
        return out, at + 3
    if kind in (5, 6):
        return None, at
    raise ValueError(f"AMF0 type {kind}")


class Closed(Exception):
    pass


class RtmpClient:
    def __init__(self, port, app="live", one_byte=False, timeout=PATIENCE):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.one_byte, self.app, self.port = one_byte, app, port
        self.in_chunk, self.out_chunk = 128, 128
        self.partial, self.headers = {}, {}
        self.buffer = b""
        self.transaction = 0

    # bytes

    def send(self, data):
        if self.one_byte:
            for i in range(len(data)):
                self.socket.sendall(data[i:i + 1])
        else:
            self.socket.sendall(data)

    def read(self, n):
        while len(self.buffer) < n:
            try:
                data = self.socket.recv(65536)
            except ConnectionError as e:
                raise Closed() from e
            if not data:
                raise Closed()
            self.buffer += data
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def close(self):
        self.socket.close()

    # protocol

    def handshake(self):
        c1 = struct.pack(">II", 0, 0) + os.urandom(1528)
        self.send(b"\x03" + c1)
        answer = self.read(1 + 1536)
        if answer[0] != 3:
            raise ValueError("version")
        self.send(answer[1:])
        self.read(1536)
        return self

    def chunk(self, csid, kind, timestamp, stream, payload, size=None):
        """One message as fmt 0 and fmt 3 chunks; size: a message length to lie with."""
        size = len(payload) if size is None else size
        extended = timestamp >= 0xFFFFFF
        ts = struct.pack(">I", 0xFFFFFF if extended else timestamp)[1:]
        more = struct.pack(">I", timestamp) if extended else b""
        out = bytes([csid]) + ts + struct.pack(">I", size)[1:] + bytes([kind])
        out += struct.pack("<I", stream) + more
        for i in range(0, max(len(payload), 1), self.out_chunk):
            if i:
                out += bytes([0xC0 | csid]) + more
            out += payload[i:i + self.out_chunk]
        self.send(out)

    def set_chunk_size(self, size):
        self.chunk(2, 1, 0, 0, struct.pack(">I", size))
        self.out_chunk = size

    def command(self, name, *args, stream=0, csid=3):
        self.transaction += 1
        body = amf(name) + amf(self.transaction) + b"".join(amf(a) for a in args)
        self.chunk(csid, COMMAND, 0, stream, body)
        return self.transaction

    def message(self):
        """The next whole message: (type, timestamp, stream, payload)."""
        while True:
            first = self.read(1)[0]
            fmt, csid = first >> 6, first & 63
            if csid == 0:
                csid = 64 + self.read(1)[0]
            elif csid == 1:
                b = self.read(2)
                csid = 64 + b[0] + 256 * b[1]
            h = self.headers.setdefault(csid, {"ts": 0, "len": 0, "type": 0, "stream": 0, "ext": 0})
            if fmt < 3:
                ts = int.from_bytes(self.read(3), "big")
                if fmt < 2:
                    h["len"] = int.from_bytes(self.read(3), "big")
                    h["type"] = self.read(1)[0]
                    if fmt == 0:
                        h["stream"] = struct.unpack("<I", self.read(4))[0]
                h["ext"] = ts == 0xFFFFFF
                if h["ext"]:
                    ts = struct.unpack(">I", self.read(4))[0]
                h["ts"] = ts if fmt == 0 else h["ts"] + ts
            elif h["ext"]:
                self.read(4)
            have = self.partial.get(csid, b"")
            have += self.read(min(self.in_chunk, h["len"] - len(have)))
            if len(have) < h["len"]:
                self.partial[csid] = have
                continue
            self.partial.pop(csid, None)
            if h["type"] == 1:
                self.in_chunk = struct.unpack(">I", have)[0]
            return h["type"], h["ts"], h["stream"], have

    def answer(self, *names):
        """The next command of one of the names, parsed: [name, transaction, …]."""
        while True:
            kind, _, _, payload = self.message()
            if kind != COMMAND:
                continue
            values, at = [], 0
            while at < len(payload):
                value, at = amf_parse(payload, at)
                values.append(value)
            if not names or values[0] in names:
                return values

    def connect(self):
        self.command("connect", {
            "app": self.app, "type": "nonprivate", "flashVer": "FMLE/3.0",
            "tcUrl": f"rtmp://127.0.0.1:{self.port}/{self.app}"})
        return self.answer("_result", "_error", "onStatus")

    def create_stream(self):
        self.command("createStream", None)
        stream = None
        while stream is None:  # the results of releaseStream and FCPublish come first
            stream = self.answer("_result")[3]
        return int(stream)

    def publish(self, key):
        """All the way to the answer of publish: its onStatus object."""
        self.handshake()
        self.connect()
        self.command("releaseStream", None, key)
        self.command("FCPublish", None, key)
        self.stream = self.create_stream()
        self.command("publish", None, key, "live", stream=self.stream)
        return self.answer("onStatus")[3]

    def media(self, kind, timestamp, payload):
        self.chunk(6 if kind == VIDEO else 4, kind, timestamp, self.stream, payload)

    def stop(self):
        self.command("FCUnpublish", None, "")
        self.command("deleteStream", None, self.stream)

    def wait_closed(self):
        """Reads until the server closes; the commands that came before."""
        seen = []
        try:
            while True:
                seen.append(self.answer())
        except Closed:
            return seen


def flv_tags(path):
    """[(type, timestamp, payload)] of an FLV file."""
    with open(path, "rb") as f:
        data = f.read()
    at, tags = 13, []
    while at + 11 <= len(data):
        kind = data[at] & 31
        size = int.from_bytes(data[at + 1:at + 4], "big")
        ts = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        tags.append((kind, ts, data[at + 11:at + 11 + size]))
        at += 11 + size + 4
    return tags
