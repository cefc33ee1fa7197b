"""Engine.IO and Socket.IO with the official client, and with bare requests, against the ws floor.

The server is tests/support/sio_conformance.c; it pings often, but gives its clients the time of a
busy machine to answer.
"""
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from support import BUILD, HERE, free_port, install_modules
from test_tls import certificate

SOURCES = os.path.join(HERE, "sio")
SERVER = os.path.join(BUILD, "tests", "sio_conformance")
PING_MS, PONG_MS = "300", "30000"


@unittest.skipUnless(shutil.which("node"), "node is missing")
class Sockets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.modules = install_modules("sio")

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="souk-sio-")
        self.addCleanup(shutil.rmtree, self.folder)
        certificate(self.folder, "sockets")
        tls_port = str(free_port())
        self.server = subprocess.Popen(
            [SERVER, "0", PING_MS, PONG_MS, tls_port, os.path.join(self.folder, "cert.pem"),
             os.path.join(self.folder, "key.pem")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.stop)
        port = re.search(r"port (\d+)", self.server.stdout.readline()).group(1)
        self.clear, self.tls = f"http://127.0.0.1:{port}", f"https://127.0.0.1:{tls_port}"

    def stop(self):
        """Ends the server; it must go cleanly, and no sanitizer may have spoken."""
        self.server.send_signal(signal.SIGTERM)
        _, errors = self.server.communicate(timeout=60)
        self.assertEqual(self.server.returncode, 0, errors)
        # A machine that does much else makes slow callbacks: no fault of the server's.
        told = [line for line in errors.splitlines() if "slow callback" not in line]
        self.assertEqual(told, [])

    def run_tests(self, name, base):
        # The certificate is of the test's own making.
        env = {**os.environ, "MODULES": self.modules, "BASE": base, "NODE_NO_WARNINGS": "1",
               "NODE_TLS_REJECT_UNAUTHORIZED": "0"}
        done = subprocess.run(["node", "--test", os.path.join(SOURCES, name)], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=150)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_official_client(self):
        self.run_tests("client.test.mjs", self.clear)

    def test_official_client_over_tls(self):
        self.run_tests("client.test.mjs", self.tls)

    def test_protocol(self):
        self.run_tests("protocol.test.mjs", self.clear)

    def test_protocol_over_tls(self):
        self.run_tests("protocol.test.mjs", self.tls)

    def test_http2(self):
        self.run_tests("http2.test.mjs", self.tls)

    def test_every_file_is_run(self):
        found = {os.path.basename(p) for p in glob.glob(os.path.join(SOURCES, "*.test.mjs"))}
        self.assertEqual(found, {"client.test.mjs", "http2.test.mjs", "protocol.test.mjs"})


if __name__ == "__main__":
    unittest.main()
