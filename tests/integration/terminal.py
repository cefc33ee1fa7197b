"""Programs in a terminal of their own, as a person has them before the eyes."""
import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from support import PATIENCE


class Terminal:
    """A program in a terminal of its own: what it shows, and keys for it."""

    def __init__(self, argv, rows=24, columns=150, **kwargs):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **kwargs)
        os.close(slave)
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds=0.2):
        if select.select([self.master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                piece = os.read(self.master, 65536)
                self.seen += piece
                return piece
        return b""

    def expect(self, text, start=0):
        """Reads until the text is there behind `start`; the position behind it."""
        deadline = time.monotonic() + PATIENCE
        while (at := self.seen.find(text.encode(), start)) < 0:
            self.read()
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} was not shown: {self.seen[start:]!r}")
        return at + len(text.encode())

    def wait(self):
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read()
        while self.read(0):
            pass
        return self.process.wait(1)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
