"""RFC 6455 on clear HTTP/1.1, where the frames are read by us, and on TLS, where libwebsockets reads
them: what both must do alike, and the two things in which TLS is more lenient."""
import contextlib
import http.client
import os
import shutil
import ssl
import struct
import tempfile
import time

from support import SoukTest, free_port, wait_for
from test_tls import certificate
from websocket_client import (CLOSE, PING, PONG, TEXT, JsonClient, Refused, WebSocket)

CONTINUATION = 0
EVENT = b'{"event": "nothing", "ack": 7}'


class Rules:
    """Run for each transport."""
    over_tls = False

    def daemon(self, settings=None):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        certificate(folder, "localhost")
        self.tls_port = free_port()
        daemon = self.soukd({
            "http.tls_listen": f"127.0.0.1:{self.tls_port}",
            "http.cert": os.path.join(folder, "cert.pem"),
            "http.key": os.path.join(folder, "key.pem"), **(settings or {})})
        self.context = None
        if self.over_tls:
            self.context = ssl.create_default_context(cafile=os.path.join(folder, "cert.pem"))
            self.context.check_hostname = False
        self.port = self.tls_port if self.over_tls else daemon.http_port
        return daemon

    def open(self, path="/ws", **kwargs):
        ws = WebSocket(self.port, path, tls=self.context, **kwargs)
        self.addCleanup(ws.close)
        return ws

    def closed_with(self, ws):
        """Reads up to the close frame; answers it, and waits for the connection's end."""
        opcode, payload = ws.receive_frame()
        while opcode != CLOSE:
            opcode, payload = ws.receive_frame()
        with contextlib.suppress(OSError):  # it does not wait for ever
            ws.send_frame(CLOSE, payload[:2])
        with self.assertRaises((EOFError, OSError)):
            ws.receive_frame()
        return struct.unpack(">H", payload[:2])[0] if payload else None

    def test_rules(self):
        self.daemon()
        for check in (self.check_version, self.check_text_that_is_not_utf8,
                      self.check_fragments_with_a_ping_between, self.check_pings_of_the_client,
                      self.check_the_peer_closes, self.check_what_clients_must_not_send):
            with self.subTest(check.__name__):
                check()

    def test_sizes(self):
        self.daemon({"events.message": "2k"})
        self.check_too_big()
        self.check_the_server_closes_one_that_does_not_answer()

    def check_version(self):
        with self.assertRaises(Refused) as caught:
            self.open(version=12)
        self.assertEqual(caught.exception.status, 426)

    def check_text_that_is_not_utf8(self):
        for bad in (b"\xff", b'{"event": "\xc3"}', b"\xed\xa0\x80"):
            ws = self.open()
            ws.send_frame(TEXT, bad)
            self.assertEqual(self.closed_with(ws), 1007, bad)
        # Cut in the middle of a character is no fault, a character that never ends is one.
        ws = self.open()
        ws.send_frame(TEXT, b'{"event": "\xc3', final=False)
        ws.send_frame(CONTINUATION, b'\xa9", "ack": 7}')
        self.assertIn(b"unknown_event", ws.receive_frame()[1])
        ws.send_frame(TEXT, b'{"event": "\xc3', final=False)
        ws.send_frame(CONTINUATION, b'"}')
        self.assertEqual(self.closed_with(ws), 1007)

    def check_fragments_with_a_ping_between(self):
        ws = self.open()
        ws.send_frame(TEXT, EVENT[:5], final=False)
        ws.send_frame(CONTINUATION, EVENT[5:9], final=False)
        ws.send_frame(PING, b"there?")
        ws.send_frame(CONTINUATION, EVENT[9:])
        self.assertEqual(ws.receive_frame(), (PONG, b"there?"))
        self.assertIn(b"unknown_event", ws.receive_frame()[1])

    def check_pings_of_the_client(self):
        ws = self.open()
        for payload in (b"x", b"", b"y" * 125):
            ws.send_frame(PING, payload)
            self.assertEqual(ws.receive_frame(), (PONG, payload))

    def check_too_big(self):
        fits = EVENT + b" " * (2048 - len(EVENT))
        ws = self.open()
        ws.send_frame(TEXT, fits)
        self.assertIn(b"unknown_event", ws.receive_frame()[1])
        ws.send_frame(TEXT, fits + b" ")
        self.assertEqual(self.closed_with(ws), 1009)
        ws = self.open()
        ws.send_frame(TEXT, fits[:1024], final=False)
        ws.send_frame(CONTINUATION, fits[1024:], final=False)
        ws.send_frame(CONTINUATION, b" ")
        self.assertEqual(self.closed_with(ws), 1009)

    def test_a_big_one(self):
        self.daemon({"events.message": "1M"})
        ws = self.open()
        ws.send_frame(TEXT, EVENT + b" " * 900000)
        self.assertIn(b"unknown_event", ws.receive_frame()[1])
        for start in range(0, 400000, 50000):
            ws.send_frame(CONTINUATION if start else TEXT, (b" " if start else EVENT) * 1,
                          final=False)
            ws.send_frame(CONTINUATION, b" " * 50000, final=False)
        ws.send_frame(CONTINUATION, b"")
        self.assertIn(b"unknown_event", ws.receive_frame()[1])

    def check_the_peer_closes(self):
        for said, answered in ((b"", None), (struct.pack(">H", 4000), 4000),
                               (struct.pack(">H", 1000) + "später".encode(), 1000),
                               (struct.pack(">H", 1005), 1002)):
            ws = self.open()
            ws.send_frame(CLOSE, said)
            opcode, payload = ws.receive_frame()
            self.assertEqual(opcode, CLOSE)
            self.assertEqual(struct.unpack(">H", payload[:2])[0] if payload else None, answered)
            with self.assertRaises((EOFError, OSError)):
                ws.receive_frame()

    def check_the_server_closes_one_that_does_not_answer(self):
        ws = self.open()
        ws.send_frame(TEXT, b" " * 3000)
        opcode, payload = ws.receive_frame()
        self.assertEqual((opcode, payload[:2]), (CLOSE, struct.pack(">H", 1009)))
        with self.assertRaises((EOFError, OSError)):
            ws.receive_frame()

    def test_pings_of_the_wheel(self):
        daemon = self.daemon({"events.ping_interval": "300ms", "events.ping_timeout": "4s"})
        ws = self.open()
        for _ in range(3):
            opcode, payload = ws.receive_frame()
            self.assertEqual(opcode, PING)
            ws.send_frame(PONG, payload)
        # Longer than the timeout, by pongs alone.
        begun = time.monotonic()
        while time.monotonic() - begun < 5:
            ws.send_frame(PONG, ws.receive_frame()[1])
        # Now it is silent: lost, without a word.
        with self.assertRaises((EOFError, OSError)):
            while True:
                ws.receive_frame()
        wait_for(lambda: daemon.metric("souk_websockets") == 0, "it is gone")

    def test_a_banned_address(self):
        daemon = self.daemon()
        clients = [JsonClient(self.port, tls=self.context) for _ in range(3)]
        for c in clients:
            self.addCleanup(c.ws.close)
            c.call("ping")
        token = daemon.token("root", "admin")
        # The connection that asks for it is one of the address, too.
        with contextlib.suppress(OSError, http.client.HTTPException):
            daemon.request("POST", "/api/v1/admin/bans",
                           {"kind": "address", "subject": "127.0.0.1"}, token)
        for c in clients:
            self.assertEqual(c.wait_closed(), (1008, "banned"))


class OnClear(Rules, SoukTest):
    def check_what_clients_must_not_send(self):
        for how in ({"masked": False}, {"reserved": 4}, {"reserved": 1}):
            ws = self.open()
            ws.send_raw(TEXT, EVENT, **how)
            self.assertEqual(self.closed_with(ws), 1002, how)
        for opcode, payload, final in ((3, b"", True), (11, b"", True), (PING, b"", False),
                                       (PING, b"x" * 126, True), (CONTINUATION, b"x", True)):
            ws = self.open()
            ws.send_raw(opcode, payload, final)
            self.assertEqual(self.closed_with(ws), 1002, opcode)


class OnTls(Rules, SoukTest):
    over_tls = True

    def check_what_clients_must_not_send(self):
        """What libwebsockets makes of it; src/ws/README.md says so."""
        for reserved in (1, 4):
            ws = self.open()
            ws.send_raw(TEXT, EVENT, reserved=reserved)
            self.assertEqual(self.closed_with(ws), 1002)
        ws = self.open()
        ws.send_raw(TEXT, EVENT, masked=False)
        self.assertIn(b"unknown_event", ws.receive_frame()[1])
        for opcode, payload, final in ((3, b"", True), (11, b"", True), (PING, b"", False)):
            ws = self.open()
            ws.send_raw(opcode, payload, final)
            self.assertEqual(self.closed_with(ws), 1002, opcode)
        ws = self.open()
        ws.send_raw(PING, b"x" * 126)
        with self.assertRaises((EOFError, OSError)):
            ws.receive_frame()
