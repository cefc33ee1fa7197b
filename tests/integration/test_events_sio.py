"""The event layer with the official socket.io-client, in each of its transport settings."""
import os
import shutil
import subprocess
import unittest

from support import HERE, SoukTest, install_modules

SCRIPT = os.path.join(HERE, "events", "stream.test.mjs")


@unittest.skipUnless(shutil.which("node"), "node is missing")
class OfficialClient(SoukTest):
    def environment(self, daemon, stream):
        return {**os.environ, "MODULES": install_modules("sio"), "STREAM": stream,
                "BASE": f"http://127.0.0.1:{daemon.http_port}",
                "ALICE": daemon.token("alice", "buyer"), "BOB": daemon.token("bob", "buyer"),
                "SELLER": daemon.token("seller-1", "seller")}

    def test_streams(self):
        daemon = self.soukd({"events.namespaces": "/shop, /admin", "chat.rate": "0"})
        env = self.environment(daemon, daemon.create_stream()["streamId"])
        done = subprocess.run(["node", "--test", SCRIPT], env=env, text=True, timeout=150,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
