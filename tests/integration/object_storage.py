"""Object storage for tests: the real S3 server of s3/server.py, a client of its own that signs by the
book, and a proxy in front of it that injects faults. Standard library only."""
import contextlib
import datetime
import hashlib
import hmac
import http.client
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.parse

from support import HERE, PATIENCE, FfmpegPublisher, SoukTest, wait_for

FAST = {"hls.segment_target": "1s", "hls.part_target": "200ms", "storage.s3_retry_base": "100ms",
        "storage.s3_retry_max": "1s", "storage.s3_stall_timeout": "10s"}
KEY, SECRET, REGION = "test:tester", "testing", "us-east-1"


def _mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed_request(port, method, path, query=None, headers=None, body=b""):
    """One request, signed as AWS describes it (Signature Version 4): (status, headers, body)."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": f"127.0.0.1:{port}", "x-amz-date": stamp, "x-amz-content-sha256": digest,
               **(headers or {})}
    text = urllib.parse.urlencode(sorted((query or {}).items()), quote_via=urllib.parse.quote)
    names = ";".join(sorted(headers))
    canonical = "\n".join([method, path, text,
                           *(f"{n}:{headers[n]}" for n in sorted(headers)), "", names, digest])
    scope = f"{day}/{REGION}/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                         hashlib.sha256(canonical.encode()).hexdigest()])
    key = _mac(_mac(_mac(_mac(b"AWS4" + SECRET.encode(), day), REGION), "s3"), "aws4_request")
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, "
                                f"SignedHeaders={names}, Signature={signature}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path + ("?" + text if text else ""), body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


class ObjectStorage:
    """A server with one bucket that everybody may read."""

    def __init__(self, bucket="vods"):
        self.bucket = bucket
        self.folder = tempfile.mkdtemp(prefix="souk-s3-")
        with open(os.path.join(self.folder, "log"), "w") as log:
            self.process = subprocess.Popen(
                ["/usr/bin/python3", os.path.join(HERE, "s3", "server.py"), self.folder],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("port "):
            self.close()
            raise AssertionError(f"the S3 server did not start: {line}")
        self.port = int(line.split()[1])
        self.make_bucket(bucket)

    def make_bucket(self, name):
        status, _, body = signed_request(self.port, "PUT", f"/{name}",
                                         headers={"x-amz-acl": "public-read"})
        assert status == 200, (status, body)

    def public_url(self, port=None):
        return f"http://127.0.0.1:{port or self.port}/v1/AUTH_test/{self.bucket}"

    def objects(self, prefix=""):
        """Name to size."""
        status, _, body = signed_request(self.port, "GET", f"/{self.bucket}",
                                         {"list-type": "2", "prefix": prefix})
        assert status == 200, (status, body)
        found = re.findall(r"<Contents>.*?<Key>(.*?)</Key>.*?<Size>(\d+)</Size>.*?</Contents>",
                           body.decode(), re.S)
        return {key: int(size) for key, size in found}

    def uploads(self):
        """Uploads in parts that were begun and not ended."""
        status, _, body = signed_request(self.port, "GET", f"/{self.bucket}", {"uploads": ""})
        assert status == 200, (status, body)
        return re.findall(r"<UploadId>(.*?)</UploadId>", body.decode())

    def head(self, key):
        status, headers, _ = signed_request(self.port, "HEAD", f"/{self.bucket}/{key}")
        return status, {name.lower(): value for name, value in headers.items()}

    def get(self, key):
        status, _, body = signed_request(self.port, "GET", f"/{self.bucket}/{key}")
        assert status == 200, (status, key)
        return body

    def put(self, key, body):
        status, _, text = signed_request(self.port, "PUT", f"/{self.bucket}/{key}", body=body)
        assert status == 200, (status, text)

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _read_head(sock, rest=b""):
    """Bytes up to the empty line, and what came behind; b"" first: the peer is gone."""
    data = rest
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return b"", b""
        data += piece
    head, _, behind = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", behind


class FaultProxy:
    """HTTP in front of the storage. `fault(method, path)`, called for each request, says what becomes
    of it: None (passed on), an int (answered with this status and the code SlowDown), "cut" (the
    connection is reset after 1,000 bytes of the body), "corrupt" (one byte of the body is another),
    "garbage" (the answer is no HTTP), or an Event that is waited for first."""

    def __init__(self, target_port):
        self.target_port, self.fault = target_port, None
        self.requests, self.lock = [], threading.Lock()
        self.sockets, self.closed = set(), False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def count(self, method, contains=""):
        with self.lock:
            return sum(m == method and contains in p for m, p in self.requests)

    def paths(self, method):
        with self.lock:
            return [p for m, p in self.requests if m == method]

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if self.closed:
                    client.close()
                    return
                self.sockets.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = None
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port))
            with self.lock:
                self.sockets.add(server)
            rest = b""
            while True:
                head, rest = _read_head(client, rest)
                if not head:
                    return
                rest = self._exchange(client, server, head, rest)
                if rest is None:
                    return
        except OSError:
            pass
        finally:
            for sock in (client, server):
                if sock:
                    with self.lock:
                        self.sockets.discard(sock)
                    with contextlib.suppress(OSError):
                        sock.close()

    def _exchange(self, client, server, head, body):
        """One request and its answer; what came behind it, None: the connection ends."""
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        with self.lock:
            self.requests.append((method, path))
        fault = self.fault(method, path) if self.fault else None
        if hasattr(fault, "wait"):
            fault.wait(PATIENCE)
            fault = None
        length = int((re.search(rb"(?i)\r\ncontent-length: *(\d+)", head) or [0, 0])[1])
        if isinstance(fault, int):
            self._refuse(client, fault)
            return None
        if fault == "garbage":
            client.sendall(b"\x00\x01 this is no HTTP\r\n\r\n")
            return None
        server.sendall(re.sub(rb"(?i)expect: *100-continue\r\n", b"", head))
        if re.search(rb"(?i)\r\nexpect: *100-continue", head):
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        passed, left = body[:length], length - len(body[:length])
        body = body[length:]
        sent = 0
        while passed or left > 0:
            if not passed:
                passed = client.recv(min(left, 65536))
                if not passed:
                    return None
                left -= len(passed)
            if fault == "cut" and sent + len(passed) >= min(1000, length):
                return None
            if fault == "corrupt" and sent == 0:
                passed = bytes([passed[0] ^ 1]) + passed[1:]
            server.sendall(passed)
            sent += len(passed)
            passed = b""
        return body if self._answer(client, server, method) else None

    def _refuse(self, client, status):
        text = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
        client.sendall(b"HTTP/1.1 %d No\r\nContent-Length: %d\r\nContent-Type: application/xml\r\n"
                       b"Connection: close\r\n\r\n" % (status, len(text)) + text)

    def _answer(self, client, server, method):
        head, rest = _read_head(server)
        if not head:
            return False
        client.sendall(head + rest)
        status = int(head.split(b" ", 2)[1])
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if method == "HEAD" or status in (204, 304):
            return True
        if length:
            left = int(length[1]) - len(rest)
            while left > 0:
                piece = server.recv(min(left, 65536))
                if not piece:
                    return False
                client.sendall(piece)
                left -= len(piece)
            return True
        # Chunked: to its end.
        tail = rest
        while not tail.endswith(b"0\r\n\r\n"):
            piece = server.recv(65536)
            if not piece:
                return False
            client.sendall(piece)
            tail = (tail + piece)[-16:]
        return True

    def close(self):
        with self.lock:
            self.closed = True
            sockets = list(self.sockets)
        self.listener.close()
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class StorageTest(SoukTest):
    @classmethod
    def setUpClass(cls):
        cls.storage = ObjectStorage()
        cls.addClassCleanup(cls.storage.close)

    def setUp(self):
        self.proxy = FaultProxy(self.storage.port)
        self.addCleanup(self.proxy.close)
        # Of this test alone, in a bucket that all share.
        self.prefix = re.sub("[^a-z0-9]+", "-", self.id().rsplit(".", 1)[-1].lower())

    def settings(self, **more):
        return {**FAST, "storage.s3_bucket": self.storage.bucket,
                "storage.s3_endpoint": f"http://127.0.0.1:{self.proxy.port}",
                "storage.s3_access_key": "test:tester", "storage.s3_secret": "testing",
                "storage.s3_prefix": self.prefix,
                "storage.s3_public_url": self.storage.public_url(),
                **{"storage.s3_" + name: value for name, value in more.items()}}

    def record(self, souk, *extra, frames=120, **options):
        """A recording that is finished here, whatever becomes of it in storage."""
        made = souk.create_stream("Market", "seller-1", *extra)
        publisher = FfmpegPublisher(souk.publish_url(made), frames=frames, gop=30, realtime=False,
                                    **options)
        self.addCleanup(publisher.kill)
        self.assertEqual(publisher.wait(), 0, publisher.errors)
        # The encoder's goodbye may be lost with its connection.
        ended = souk.request("POST", f"/api/v1/admin/streams/{made['streamId']}/end",
                             token=souk.token("admin-1", "admin"))
        self.assertIn(ended.status, (200, 409), ended.text)
        souk.wait_log("vod ready", made["streamId"])
        return made

    def place(self, souk, made):
        answer = souk.ctl("vod", "show", made["streamId"])
        return answer["storage"] or {"state": "none", "error": ""}

    def wait_state(self, souk, made, *states):
        return wait_for(lambda: (p := self.place(souk, made))["state"] in states and p,
                        f"the recording is {states}")

    def wait_gone(self, souk, made):
        wait_for(lambda: not os.path.exists(souk.media_dir(made)), "the files are gone from here")
        wait_for(lambda: not self.place(souk, made)["local"], "the store knows that they are gone")

    def objects(self, made):
        prefix = f"{self.prefix}/{made['streamId']}/"
        return {k[len(prefix):]: v for k, v in self.storage.objects(prefix).items()}

    def duration(self, url):
        out = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of",
                              "default=nw=1:nk=1", url], capture_output=True, text=True,
                             timeout=60, check=True).stdout
        return float(out)

    def names_of(self, made):
        """What the playlists in storage lead to."""
        names, todo = set(), ["index.m3u8"]
        while todo:
            text = self.storage.get(f"{self.prefix}/{made['streamId']}/{todo.pop()}").decode()
            found = re.findall(r'URI="([^"]+)"', text) + re.findall(r"^[^#\n]+$", text, re.M)
            todo += [name for name in found if name.endswith(".m3u8") and name not in names]
            names.update(found)
        return names
