"""A strict WebSocket client (RFC 6455) and the plain JSON framing over it. Standard library only."""
import base64
import hashlib
import json
import os
import socket
import struct
import threading

from support import PATIENCE

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body[:200]}")
        self.status, self.body = status, body


class WebSocket:
    """Blocking; every frame that the server sends is checked against the rules for servers."""

    def __init__(self, port, path, headers=None, timeout=PATIENCE, tls=None, version=13,
                 source=None):
        """tls: an ssl.SSLContext. source: the address to come from."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout,
                                               source_address=(source, 0) if source else None)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", "Upgrade: websocket",
                 "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
                 f"Sec-WebSocket-Version: {version}"]
        headers = {"Host": f"127.0.0.1:{port}", **(headers or {})}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = self._until(b"\r\n\r\n").decode()
        status = int(head.split(" ", 2)[1])
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        if status != 101:
            body = self._exactly(int(fields.get("content-length", 0)))
            self.socket.close()
            raise Refused(status, body.decode())
        expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        raw = [line for line in head.split("\r\n") if line.lower().startswith("sec-websocket-accept")]
        assert raw[0].split(": ", 1)[1] == expected, head

    def _fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the server closed the connection")
        self.buffer += data

    def _until(self, end):
        while end not in self.buffer:
            self._fill()
        head, self.buffer = self.buffer.split(end, 1)
        return head

    def _exactly(self, n):
        while len(self.buffer) < n:
            self._fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def send_frame(self, opcode, payload, final=True):
        self.send_raw(opcode, payload, final)

    def send_raw(self, opcode, payload, final=True, reserved=0, masked=True):
        mask = os.urandom(4) if masked else b""
        bit = 0x80 if masked else 0
        n = len(payload)
        head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
        if n < 126:
            head += bytes([bit | n])
        elif n < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", n)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", n)
        if masked:
            payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.socket.sendall(head + mask + payload)

    def receive_frame(self):
        """(opcode, payload) of a whole frame; servers send neither masks nor fragments here."""
        first, second = self._exactly(2)
        assert first & 0x80 and not first & 0x70, f"first byte {first:#x}"
        assert not second & 0x80, "a server must not mask"
        n = second & 0x7F
        if n == 126:
            n = struct.unpack(">H", self._exactly(2))[0]
            assert n >= 126, "length not minimal"
        elif n == 127:
            n = struct.unpack(">Q", self._exactly(8))[0]
            assert n >= 65536, "length not minimal"
        payload = self._exactly(n)
        if first & 0x0F == TEXT:
            payload.decode()
        return first & 0x0F, payload

    def close(self):
        self.socket.close()


class JsonClient:
    """/ws: events come into a list as (name, data, frame); call() waits for its ack."""

    def __init__(self, port, token=None, path="/ws", headers=None, pong=True, tls=None,
                 source=None):
        if token:
            path += f"?token={token}"
        self.ws = WebSocket(port, path, headers, tls=tls, source=source)
        self.pong = pong
        self.events, self.acks, self.closed = [], {}, None
        self.changed = threading.Condition()
        self.next_ack = 1
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while self._take(*self.ws.receive_frame()):
                pass
        except (OSError, EOFError):
            pass
        with self.changed:
            self.closed = self.closed or (1006, "")
            self.changed.notify_all()

    def _take(self, opcode, payload):
        if opcode == PING:
            if self.pong:
                self.ws.send_frame(PONG, payload)
        elif opcode == CLOSE:
            code = struct.unpack(">H", payload[:2])[0] if payload else 1005
            with self.changed:
                self.closed = (code, payload[2:].decode())
            self.ws.send_frame(CLOSE, payload[:2])
            return False
        elif opcode == TEXT:
            self._message(json.loads(payload))
        return True

    def _message(self, frame):
        with self.changed:
            if "ack" in frame:
                self.acks[frame["ack"]] = frame["data"]
            else:
                self.events.append((frame["event"], frame["data"], frame))
            self.changed.notify_all()

    def wait(self, condition, what, timeout=PATIENCE):
        with self.changed:
            if not self.changed.wait_for(condition, timeout):
                raise AssertionError(f"waited in vain: {what}; events {self.events[-10:]}, "
                                     f"closed {self.closed}")
            return condition()

    def send(self, event, data=None, ack=None):
        frame = {"event": event, "data": data}
        if ack is not None:
            frame["ack"] = ack
        self.ws.send_frame(TEXT, json.dumps(frame).encode())

    def call(self, event, data=None):
        """The ack's data."""
        ack, self.next_ack = self.next_ack, self.next_ack + 1
        self.send(event, data, ack)
        self.wait(lambda: ack in self.acks, f"the ack of {event}")
        return self.acks.pop(ack)

    def all(self, name):
        return [data for event, data, _ in list(self.events) if event == name]

    def event(self, name, match=lambda data: True):
        """Waits for the first event of this name that matches."""
        def found():
            return next(([d] for d in self.all(name) if match(d)), None)
        return self.wait(found, f"the event {name}")[0]

    def wait_closed(self):
        self.wait(lambda: self.closed, "the close")
        return self.closed

    def leave(self):
        """An orderly close."""
        self.ws.send_frame(CLOSE, struct.pack(">H", 1000))
        self.wait_closed()

    def drop(self):
        """Gone without a word."""
        self.ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.ws.socket.shutdown(socket.SHUT_RD)
        self.ws.close()
