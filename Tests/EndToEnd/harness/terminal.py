# SPDX-License-Identifier: ISC
"""A terminal with a command on it, and somebody who reads and types."""

import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time

from .case import Failed


class Terminal:
    """A command in a session of its own, whose terminal this is. What else the command writes goes where it is told."""

    def __init__(self, bench, command, **options):
        self.ours, self.theirs = pty.openpty()
        bench.at_end(self.close)
        self.said = b""
        theirs = self.theirs
        options = {"stdin": theirs, "stdout": theirs, "stderr": theirs, **options}
        self.process = subprocess.Popen(command, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0), **options)
        bench.at_end(self._end)

    def _end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def close(self):
        for end in (self.ours, self.theirs):
            if end is not None:
                os.close(end)
        self.ours = self.theirs = None

    @property
    def echoes(self):
        """Whether what is typed is shown."""
        return bool(termios.tcgetattr(self.theirs)[3] & termios.ECHO)

    def _read(self, seconds):
        if not select.select([self.ours], [], [], seconds)[0]:
            return False
        self.said += os.read(self.ours, 65536)
        return True

    def wait(self, pattern, seconds=15):
        """Waits until this is shown behind what was waited for before; returns it and what came before it."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern.encode(), self.said)):
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                raise Failed(f"no {pattern!r} on the terminal: {self.said[-800:]!r}")
        before, self.said = self.said[:found.end()], self.said[found.end():]
        return before.decode()

    def rest(self):
        """All that is shown by now."""
        while self._read(0.1):
            pass
        return self.said.decode()

    def type(self, text):
        os.write(self.ours, text.encode() if isinstance(text, str) else text)

    def answer(self, question, text):
        """Waits for a question whose answer is hidden, and answers it."""
        self.wait(question)
        deadline = time.monotonic() + 5
        while self.echoes:
            if time.monotonic() > deadline:
                raise Failed("the answer would be shown")
            time.sleep(0.01)
        self.type(text + "\n")

    def ended(self, seconds=10):
        """Waits for the command's end; returns its status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"it did not end within {seconds} s: {self.rest()[-800:]!r}") from None
