"""The official client through all that a connection lives through: tokens that end, a long absence,
a server that drains or dies. The scripts are in client/."""
import json
import os
import subprocess
import unittest

import test_client


class Sessions(test_client.ClientTest):
    def test_tokens(self):
        self.run_tests("tokens.test.mjs", {})

    def test_long_absence(self):
        self.run_tests("absence.test.mjs", {"events.resume": "1s", "events.rate": 0})

    def test_drain_and_kill(self):
        """All come back by themselves to the next server at the same place, where nothing of the
        one before is known but what was said."""
        self.start({})
        client = subprocess.Popen(["node", os.path.join(test_client.SOURCES, "life.mjs")], text=True,
                                  env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)

        def told(word):
            line = client.stdout.readline()
            self.assertTrue(line.startswith(word + " "), line or client.stderr.read())
            return json.loads(line.removeprefix(word))

        self.assertEqual(told("in"), [4] * 4)
        self.assertEqual(told("said"), ["string"] * 4)
        self.assertEqual(self.daemon.terminate(), 0)
        self.assertEqual(told("draining"), 4)
        self.check_gone(told("gone"), "1001 draining")
        self.come_again(told, ["drained"] * 4)
        self.assertEqual(told("said"), ["string"] * 4)
        self.daemon.kill9()
        self.check_gone(told("gone"), "1006 ")
        self.come_again(told, ["drained"] * 4 + ["killed"] * 4)
        self.assertEqual(client.wait(60), 0)

    def check_gone(self, reasons, last):
        for reason in reasons[:3]:
            self.assertRegex(reason, "^transport (close|error)$")
        self.assertEqual(reasons[3], last)

    def come_again(self, told, chat):
        self.daemon.start()
        self.assertEqual(told("back"), [False] * 3 + ["resume_failed"])
        self.assertEqual(told("chat"), [chat] * 4)
        self.assertEqual(told("in"), [4] * 4)


if __name__ == "__main__":
    unittest.main()
