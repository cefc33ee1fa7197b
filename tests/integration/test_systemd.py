"""What systemd is promised: readiness, watchdog, reload and stop are told; ports are taken over."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from support import PATIENCE, Soukd, SoukTest

# Puts the descriptors of the arguments before "--" to 3, 4, … and names this process.
ADOPT = """
import fcntl, os, sys
at = sys.argv.index("--")
fds = [int(a) for a in sys.argv[1:at]]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.set_inheritable(3 + i, True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execvp(sys.argv[at + 1], sys.argv[at + 1:])
"""


class Systemd(SoukTest):
    def test_states_are_told(self):
        folder = tempfile.mkdtemp(prefix="souk-notify-")
        path = os.path.join(folder, "notify")
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        told.bind(path)
        told.settimeout(PATIENCE)
        souk = Soukd(wrapper=["env", f"NOTIFY_SOCKET={path}", "WATCHDOG_USEC=400000"])
        self.addCleanup(self._remove, souk)
        self.addCleanup(souk.close)
        souk.start()
        self.assertEqual(told.recv(200), b"READY=1")
        self.assertEqual(told.recv(200), b"WATCHDOG=1")
        self.assertEqual(told.recv(200), b"WATCHDOG=1")
        souk.process.send_signal(signal.SIGHUP)
        states = []
        while b"READY=1" not in states:
            states.append(told.recv(200))
        self.assertEqual([s.split(b"\n")[0] for s in states if s != b"WATCHDOG=1"],
                         [b"RELOADING=1", b"READY=1"])
        souk.process.send_signal(signal.SIGTERM)
        states = []
        while b"STOPPING=1" not in states:
            states.append(told.recv(200))
        self.assertEqual(set(states) - {b"WATCHDOG=1"}, {b"STOPPING=1"})
        self.assertEqual(souk.process.wait(60), 0)

    def test_ports_are_taken_over(self):
        """The sockets outlive the daemon: a connection made while it is away is served by the next."""
        sockets = []
        for _ in range(2):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", 0))
            s.listen(16)
            self.addCleanup(s.close)
            sockets.append(s)
        http_port, rtmp_port = (s.getsockname()[1] for s in sockets)
        fds = [s.fileno() for s in sockets]
        souk = Soukd(wrapper=["env", "LISTEN_FDS=2", "LISTEN_FDNAMES=http:rtmp", sys.executable,
                              "-c", ADOPT, *map(str, fds), "--"])
        souk.http_port, souk.rtmp_port = http_port, rtmp_port
        souk.settings["http.listen"] = f"127.0.0.1:{http_port}"
        souk.settings["rtmp.listen"] = f"127.0.0.1:{rtmp_port}"
        popen = subprocess.Popen

        def with_sockets(*args, **kwargs):
            return popen(*args, pass_fds=fds, **kwargs)

        self.addCleanup(self._remove, souk)
        self.addCleanup(souk.close)
        subprocess.Popen = with_sockets
        self.addCleanup(setattr, subprocess, "Popen", popen)
        souk.start()
        made = souk.create_stream()
        self.publisher(souk.publish_url(made), frames=60).wait()
        self.assertEqual(souk.terminate(), 0)
        waiting = socket.create_connection(("127.0.0.1", http_port))
        self.addCleanup(waiting.close)
        waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        souk.start()
        waiting.settimeout(PATIENCE)
        self.assertTrue(waiting.recv(100).startswith(b"HTTP/1.1 200"))


if __name__ == "__main__":
    unittest.main()
