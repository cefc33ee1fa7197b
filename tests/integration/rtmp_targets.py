"""Servers that a stream is relayed to: nginx-rtmp, and one that misbehaves."""
import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading

from rtmp_client import Closed, RtmpClient, amf
from support import free_port, wait_for

NGINX_CONF = """
load_module {module};
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log info;
events {{ worker_connections 64; }}
rtmp {{
  access_log off;
  server {{
    listen 127.0.0.1:{port};
    application live {{
      live on; wait_key off;
      record all; record_path {folder}; record_unique on; record_suffix .flv;
    }}
  }}
}}
"""


class Nginx:
    """nginx-rtmp on a port of its own; what is published there is recorded as FLV."""
    module = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

    def __init__(self, test):
        self.folder = tempfile.mkdtemp(prefix="souk-nginx-")
        test.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        test.addCleanup(self.kill)
        self.port = free_port()
        self.process = None
        self.conf = os.path.join(self.folder, "nginx.conf")
        with open(self.conf, "w") as f:
            f.write(NGINX_CONF.format(module=self.module, folder=self.folder, port=self.port))

    @property
    def url(self):
        return f"rtmp://127.0.0.1:{self.port}/live/key-of-nginx"

    def start(self):
        self.process = subprocess.Popen(
            ["nginx", "-p", self.folder, "-c", self.conf, "-e",
             os.path.join(self.folder, "error.log")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.listens, "nginx listens")
        return self

    def listens(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        return False

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def quit(self):
        """Its files are whole then."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.process = None

    def files(self):
        return sorted((os.path.join(self.folder, n) for n in os.listdir(self.folder)
                       if n.endswith(".flv")), key=os.path.getmtime)


class Peer(RtmpClient):
    """The server's end of a connection."""

    def __init__(self, sock):
        self.socket, self.one_byte, self.transaction = sock, False, 0
        self.in_chunk = self.out_chunk = 128
        self.partial, self.headers, self.buffer = {}, {}, b""

    def greet(self):
        c0c1 = self.read(1537)
        self.send(b"\x03" + bytes(1536) + c0c1[1:])
        self.read(1536)

    def reply(self, name, transaction, *args, stream=0):
        body = amf(name) + amf(transaction) + b"".join(amf(a) for a in args)
        self.chunk(3, 20, 0, stream, body)

    def accept(self, status):
        """Up to the answer of publish, which is `status`; the key."""
        while True:
            name, transaction, *args = self.answer("connect", "createStream", "publish")
            if name == "connect":
                self.chunk(2, 5, 0, 0, struct.pack(">I", 2500000))
                self.reply("_result", transaction, {}, {"level": "status", "code": "x"})
            elif name == "createStream":
                self.reply("_result", transaction, None, 1)
            else:
                self.reply("onStatus", 0, None, status, stream=1)
                return args[1]


START = {"level": "status", "code": "NetStream.Publish.Start", "description": "go on"}


class Fake:
    """Does with each connection what it is told: a function of a Peer."""

    def __init__(self, test, behave, backlog=16):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self.listener.getsockname()[1]
        self.behave, self.sockets, self.accepted = behave, [], 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        test.addCleanup(self.close)

    @property
    def url(self):
        return f"rtmp://127.0.0.1:{self.port}/app/key-of-fake?part=two"

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(60)
            self.sockets.append(sock)
            self.accepted += 1
            with contextlib.suppress(Closed, OSError):
                self.behave(Peer(sock))

    def hang_up(self):
        """All connections that it holds."""
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        self.thread.join(60)
        self.listener.close()
        for sock in self.sockets:
            sock.close()
