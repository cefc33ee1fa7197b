"""The official client in a network that breaks, and at the limits of what it may do. The scripts are
in client/."""
import os
import shutil
import subprocess
import unittest

from support import HERE, SoukTest, install_modules

SOURCES = os.path.join(HERE, "client")


@unittest.skipUnless(shutil.which("node"), "node is missing")
class ClientTest(SoukTest):
    def start(self, settings):
        self.daemon = self.soukd({"chat.rate": 0, "events.handshakes": 0, **settings})
        with open(self.daemon.settings["auth.secret_file"]) as f:
            secret = f.read().strip()
        self.environment = {
            **os.environ, "MODULES": install_modules("sio"), "SECRET": secret,
            "BASE": f"http://127.0.0.1:{self.daemon.http_port}",
            "STREAM": self.daemon.create_stream()["streamId"]}

    def run_tests(self, name, settings):
        self.start(settings)
        done = subprocess.run(["node", "--test", os.path.join(SOURCES, name)], text=True,
                              env=self.environment, timeout=170, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)
        if "SOUK_TELL" in os.environ:
            print(done.stdout)


class OfficialClient(ClientTest):
    def test_network(self):
        self.run_tests("network.test.mjs", {
            "events.rate": 0, "events.ping_interval": "1s", "events.ping_timeout": "2s"})

    def test_limits(self):
        self.run_tests("limits.test.mjs", {"events.namespaces": "/shop"})


if __name__ == "__main__":
    unittest.main()
