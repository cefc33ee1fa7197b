"""Requests that two parsers read in two ways, sent raw to the clear and to the TLS port. What stands
behind them is a request of its own that must never be carried out: it would make a product."""
import socket
import ssl
import struct
import subprocess
import unittest

from support import Soukd, SoukTest, free_port

HOST = "Host: shop.test\r\n"


class SmugglingTest(SoukTest):
    TLS = False

    def setUp(self):
        self.daemon = Soukd({"limits.address_requests": "0", "limits.user_requests": "0",
                             "log.level": "debug"})
        self.https = free_port()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=x", "-keyout", self.daemon.folder + "/key.pem",
             "-out", self.daemon.folder + "/cert.pem"], check=True, capture_output=True)
        self.daemon.settings.update({
            "http.tls_listen": f"127.0.0.1:{self.https}",
            "http.cert": self.daemon.folder + "/cert.pem",
            "http.key": self.daemon.folder + "/key.pem"})
        self.addCleanup(self._remove, self.daemon)
        self.addCleanup(self.daemon.close)
        self.daemon.start()
        self.seller = self.daemon.token("seller-1", "seller")
        self.assertEqual(self.made(), 0)

    def open(self, protocol="http/1.1"):
        port = self.https if self.TLS else self.daemon.http_port
        s = socket.create_connection(("127.0.0.1", port), timeout=30)
        if self.TLS:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols([protocol])
            s = context.wrap_socket(s)
        self.addCleanup(s.close)
        return s

    def made(self):
        """How many products there are."""
        return len(self.daemon.get("/api/v1/products?seller=seller-1").json["data"])

    def product(self, name="smuggled"):
        body = '{"name": "%s", "price": 1, "currency": "EUR"}' % name
        return (f"POST /api/v1/products HTTP/1.1\r\n{HOST}Authorization: Bearer {self.seller}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")

    @staticmethod
    def statuses(data):
        """Of the answers in what was received; bodies that look like answers are skipped."""
        found = []
        while data:
            head, _, rest = data.partition(b"\r\n\r\n")
            first = head.split(b"\r\n")[0].split(b" ")
            if not first[0].startswith(b"HTTP/1."):
                break
            found.append(int(first[1]))
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            data = rest if found[-1] in (100, 204, 304) else rest[length:]
        return found

    def exchange(self, request):
        """All that comes until the server closes."""
        s = self.open()
        data = b""
        try:
            s.sendall(request if isinstance(request, bytes) else request.encode("latin-1"))
            while piece := s.recv(65536):
                data += piece
        except (ConnectionError, ssl.SSLError):
            pass
        s.close()
        return self.statuses(data)

    def refused(self, name, head, behind=None):
        """One answer at most, an error, then the end; what stands behind is not done."""
        behind = self.product() if behind is None else behind
        with self.subTest(name):
            before = self.made()
            statuses = self.exchange(head + behind)
            self.assertLessEqual(len(statuses), 1, statuses)
            if statuses:
                self.assertGreaterEqual(statuses[0], 400)
                self.assertLess(statuses[0], 500 if statuses[0] != 501 else 502)
            self.assertEqual(self.made(), before)
            return statuses


class Clear(SmugglingTest):
    def test_the_trap_works(self):
        """Without a trick the request behind is carried out: the other tests can fail."""
        statuses = self.exchange(f"GET /healthz HTTP/1.1\r\n{HOST}\r\n" +
                                 self.product().replace(HOST, HOST + "Connection: close\r\n"))
        self.assertEqual(statuses, [200, 201])
        self.assertEqual(self.made(), 1)

    def test_lengths(self):
        post = f"POST /api/v1/streams HTTP/1.1\r\n{HOST}Content-Type: application/json\r\n"
        for name, lines, body in (
                ("chunked", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                ("CL.TE", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                ("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
                ("TE case", "tRANSFER-eNCODING: ChUnKeD\r\n", "0\r\n\r\n"),
                ("TE xchunked", "Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n", ""),
                ("TE identity", "Transfer-Encoding: identity\r\nContent-Length: 0\r\n", ""),
                ("TE gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
                ("TE twice", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                ("TE tab", "Transfer-Encoding:\tchunked\r\n", "0\r\n\r\n"),
                ("TE quoted", 'Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n"),
                ("TE with CL 0", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", ""),
                ("two lengths", "Content-Length: 0\r\nContent-Length: 300\r\n", ""),
                ("two lengths, the other way", "Content-Length: 300\r\nContent-Length: 0\r\n", ""),
                ("two equal lengths", "Content-Length: 0\r\nContent-Length: 0\r\n", ""),
                ("length with a comma", "Content-Length: 0, 0\r\n", ""),
                ("length with a plus", "Content-Length: +0\r\n", ""),
                ("negative", "Content-Length: -1\r\n", ""),
                ("hex", "Content-Length: 0x0\r\n", ""),
                ("words", "Content-Length: zero\r\n", ""),
                ("number and words", "Content-Length: 0 abc\r\n", ""),
                ("huge", "Content-Length: 18446744073709551616\r\n", ""),
                ("dot", "Content-Length: 0.0\r\n", ""),
                ("no length", "", "")):
            self.refused(name, post + lines + "\r\n" + body)

    def test_bodies_where_none_belongs(self):
        behind = self.product()
        for method in ("GET", "HEAD", "OPTIONS"):
            for path in ("/healthz", "/api/v1/streams", "/hls/x/y", "/watch/x", "/"):
                self.refused(f"{method} {path}", f"{method} {path} HTTP/1.1\r\n{HOST}"
                             f"Content-Length: {len(behind)}\r\n\r\n")
            self.refused(f"{method} chunked", f"{method} /healthz HTTP/1.1\r\n{HOST}"
                         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    def test_header_lines(self):
        get = f"GET /healthz HTTP/1.1\r\n{HOST}"
        for name, request in (
                ("space before the colon", get + "Content-Length : 0\r\n\r\n"),
                ("space before the TE colon", get + "Transfer-Encoding : chunked\r\n\r\n"),
                ("tab before the colon", get + "Content-Length\t: 0\r\n\r\n"),
                ("obs-fold", get + "X: a\r\n b\r\n\r\n"),
                ("obs-fold with a tab", get + "X: a\r\n\tb\r\n\r\n"),
                ("folded TE", get + "Transfer-Encoding:\r\n chunked\r\n\r\n"),
                ("first line folded", f"GET /healthz HTTP/1.1\r\n X: y\r\n{HOST}\r\n"),
                ("no colon", get + "Nonsense\r\n\r\n"),
                ("empty name", get + ": x\r\n\r\n"),
                ("NUL in a value", get + "X: a\0b\r\n\r\n"),
                ("NUL in a name", get + "X\0: a\r\n\r\n"),
                ("CR in a value", get + "X: a\rTransfer-Encoding: chunked\r\n\r\n"),
                ("control character", get + "X: a\x01b\r\n\r\n"),
                ("name of UTF-8", get + "X\xe9: a\r\n\r\n"),
                ("slash in a name", get + "X/Y: a\r\n\r\n"),
                ("two hosts", f"GET /healthz HTTP/1.1\r\n{HOST}Host: other\r\n\r\n"),
                ("no host", "GET /healthz HTTP/1.1\r\nX: y\r\n\r\n")):
            self.line(name, request)

    def line(self, name, request):
        self.refused(name, request)

    def test_bare_line_feeds(self):
        for name, request in (
                ("everywhere", "GET /healthz HTTP/1.1\nHost: shop.test\n\n"),
                ("in a line", f"GET /healthz HTTP/1.1\r\n{HOST}X: a\nTransfer-Encoding: chunked\r\n\r\n"),
                ("after the first line", "GET /healthz HTTP/1.1\nHost: shop.test\r\n\r\n"),
                ("at the end", f"GET /healthz HTTP/1.1\r\n{HOST}\n"),
                ("bare CR at the end", f"GET /healthz HTTP/1.1\r\n{HOST}\r")):
            self.line(name, request)

    def test_request_lines(self):
        for name, first in (
                ("absolute form", "GET http://other.test/healthz HTTP/1.1"),
                ("authority form", "CONNECT other.test:443 HTTP/1.1"),
                ("asterisk", "OPTIONS * HTTP/1.1"), ("two blanks", "GET  /healthz HTTP/1.1"),
                ("blank in the target", "GET /health z HTTP/1.1"), ("tab", "GET\t/healthz HTTP/1.1"),
                ("no version", "GET /healthz"), ("version 1.2", "GET /healthz HTTP/1.2"),
                ("version 0.9", "GET /healthz HTTP/0.9"), ("version 3", "GET /healthz HTTP/3"),
                ("word", "GET /healthz HTTPS/1.1"), ("lower case", "get /healthz HTTP/1.1"),
                ("NUL", "GET /health%00z HTTP/1.1"), ("raw NUL", "GET /health\0z HTTP/1.1"),
                ("half an escape", "GET /health%z HTTP/1.1"), ("dots", "GET /../healthz HTTP/1.1"),
                ("hidden dots", "GET /%2e%2e/healthz HTTP/1.1"), ("no UTF-8", "GET /%ff%fe HTTP/1.1"),
                ("raw bytes", "GET /\xff HTTP/1.1"), ("unknown method", "TRACE /healthz HTTP/1.1"),
                ("fragment", "GET /healthz#x HTTP/1.1"), ("empty", " HTTP/1.1")):
            self.line(name, f"{first}\r\n{HOST}\r\n")

    def test_plus_is_a_plus(self):
        """Nothing here has a plus in its name: a path with one is not another path."""
        for path in ("/health+z", "/api/v1/+streams", "/api/v1/streams+"):
            answer = self.exchange(f"GET {path} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")
            self.assertIn(answer, ([404], [400], []), path)

    def test_upgrades(self):
        for name, lines in (
                ("h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
                ("another", "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n"),
                ("websocket without its key", "Connection: Upgrade\r\nUpgrade: websocket\r\n")):
            self.refused(name, f"GET /healthz HTTP/1.1\r\n{HOST}{lines}\r\n")

    def test_sizes(self):
        for name, request in (
                ("one long line", f"GET /healthz HTTP/1.1\r\n{HOST}X: {'x' * 200000}\r\n\r\n"),
                ("many lines", f"GET /healthz HTTP/1.1\r\n{HOST}" + "X: y\r\n" * 20000 + "\r\n"),
                ("long target", f"GET /{'x' * 200000} HTTP/1.1\r\n{HOST}\r\n")):
            self.refused(name, request)

    def test_a_body_that_is_cut_or_longer(self):
        post = (f"POST /api/v1/products HTTP/1.1\r\n{HOST}Authorization: Bearer {self.seller}\r\n"
                "Content-Type: application/json\r\n")
        body = '{"name": "one", "price": 1, "currency": "EUR"}'
        s = self.open()
        s.sendall((post + f"Content-Length: {len(body) + 9}\r\n\r\n" + body).encode())
        s.close()
        # What is behind a complete body is the next request, or nonsense that ends it.
        statuses = self.exchange(post + f"Content-Length: {len(body)}\r\n\r\n{body}nonsense\r\n\r\n")
        self.assertEqual(statuses[0], 201)
        self.assertTrue(all(s >= 400 for s in statuses[1:]), statuses)
        self.assertEqual(self.made(), 1)


class Tls(Clear):
    TLS = True

    def test_the_trap_works(self):
        s = self.open()
        s.sendall(self.product().replace(HOST, HOST + "Connection: close\r\n").encode())
        self.assertIn(b" 201 ", s.recv(65536))
        self.assertEqual(self.made(), 1)

    # libwebsockets reads the heads here, and forgives some of these: what counts is that what
    # stands behind them is not carried out.
    def line(self, name, request):
        with self.subTest(name):
            statuses = self.exchange(request + self.product())
            self.assertLessEqual(len(statuses), 1, statuses)
            self.assertTrue(all(s < 500 or s == 501 for s in statuses), statuses)
            self.assertEqual(self.made(), 0)


class Http2(SmugglingTest):
    """Frames by hand (RFC 9113): header fields that HTTP/2 forbids, and lengths that lie."""
    TLS = True

    @staticmethod
    def frame(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
            ">I", stream) + payload

    @staticmethod
    def field(name, value):
        """A literal without indexing, without Huffman (RFC 7541 section 6.2.2)."""
        out = b"\0"
        for text in (name, value):
            raw = text.encode("latin-1")
            if len(raw) < 127:
                out += bytes([len(raw)])
            else:
                rest, out = len(raw) - 127, out + b"\x7f"
                while rest >= 128:
                    out += bytes([rest % 128 + 128])
                    rest //= 128
                out += bytes([rest])
            out += raw
        return out

    def request(self, fields, data=None, method="POST", path="/api/v1/products"):
        """The status of stream 1, or None: reset or closed."""
        s = self.open("h2")
        self.assertEqual(s.selected_alpn_protocol(), "h2")
        block = b"".join(self.field(*f) for f in (
            (":method", method), (":scheme", "https"), (":path", path), (":authority", "shop.test"),
            ("authorization", f"Bearer {self.seller}"), ("content-type", "application/json"),
            *fields))
        out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(4, 0, 0)
        out += self.frame(1, 4 | (data is None), 1, block)
        if data is not None:
            out += self.frame(0, 1, 1, data)
        status, received = None, b""
        try:
            s.sendall(out)
            s.settimeout(8)
            while True:
                piece = s.recv(65536)
                if not piece:
                    return status
                received += piece
                while len(received) >= 9:
                    length = int.from_bytes(received[:3], "big")
                    if len(received) < 9 + length:
                        break
                    kind, flags = received[3], received[4]
                    stream = int.from_bytes(received[5:9], "big") & 0x7fffffff
                    payload, received = received[9:9 + length], received[9 + length:]
                    if kind == 4 and not flags & 1:
                        s.sendall(self.frame(4, 1, 0))
                    if kind == 7 or (kind == 3 and stream == 1):
                        return status
                    if kind == 1 and stream == 1:
                        status = self.status_of(payload)
                    if kind in (0, 1) and stream == 1 and flags & 1:
                        return status
        except (ConnectionError, ssl.SSLError, TimeoutError):
            return status

    @staticmethod
    def status_of(block):
        """Of an answer's header block: an indexed status, or three digits somewhere in a literal."""
        indexed = {0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}
        if block[0] in indexed:
            return indexed[block[0]]
        at = block.find(b"\x03")
        return int(block[at + 1:at + 4]) if block[at + 1:at + 4].isdigit() else 0

    BODY = b'{"name": "two", "price": 1, "currency": "EUR"}'

    def test_the_client_works(self):
        self.assertEqual(self.request([("content-length", str(len(self.BODY)))], self.BODY), 201)
        self.assertEqual(self.made(), 1)
        self.assertEqual(self.request([], None, "GET", "/healthz"), 200)

    def refused(self, name, fields, data=BODY, **more):
        with self.subTest(name):
            before = self.made()
            status = self.request(fields, data, **more)
            self.assertTrue(status is None or 400 <= status < 500 or status == 501, status)
            self.assertEqual(self.made(), before)

    def test_lengths(self):
        n = len(self.BODY)
        self.refused("chunked", [("transfer-encoding", "chunked")])
        self.refused("chunked with a length",
                     [("content-length", str(n)), ("transfer-encoding", "chunked")])
        self.refused("longer", [("content-length", str(n + 10))])
        self.refused("shorter", [("content-length", str(n - 10))])
        self.refused("two", [("content-length", str(n)), ("content-length", str(n + 1))])
        self.refused("comma", [("content-length", f"{n}, {n}")])
        self.refused("no number", [("content-length", "x")])
        self.refused("none of POST", [])

    def test_fields(self):
        n = ("content-length", str(len(self.BODY)))
        self.refused("path with a line", [n], path="/api/v1/x HTTP/1.1\r\nX: y")
        self.refused("method with a line", [n], method="POST /x HTTP/1.1\r\nX: y\r\n\r\nGET")
        self.refused("path of another form", [n], path="http://other/api/v1/nothing")
        self.refused("no path", [n], path="")
        self.assertEqual(self.daemon.get("/readyz").status, 200)


if __name__ == "__main__":
    unittest.main()
