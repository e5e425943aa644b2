# SPDX-License-Identifier: ISC
"""One round through the offline directory, without a daemon: what bounds it."""

import os
import socket
import subprocess
import threading
import time

from harness.case import case, eventually, expect, expect_equal
from harness.daemon import SMTPD, children

SET_ASIDE = 1000
LINES = 100
REST = 75


class Server:
    """Listens on the submission socket; says `greeting` to each connection after so many seconds, or nothing."""

    def __init__(self, bench, greeting=None, seconds=0.0):
        self.path = bench.path("submit.sock")
        self.greeting, self.seconds = greeting, seconds
        self.connections = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.listen(64)
        threading.Thread(target=self._run, daemon=True).start()
        bench.at_end(self.socket.close)

    def _run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections.append(connection)
            if self.greeting is not None:
                threading.Timer(self.seconds, self._greet, (connection,)).start()

    def _greet(self, connection):
        try:
            connection.sendall(self.greeting)
            connection.close()
        except OSError:
            pass


def directory_with(bench, *names):
    """A directory as smtpd makes it, with a message under each of the names."""
    path = bench.path("offline")
    os.mkdir(path)
    os.chmod(path, 0o3733 if bench.is_root else 0o700)
    for name in names:
        descriptor = os.open(os.path.join(path, name), os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, b"b@in.test\nSubject: x\n\nx\n")
        os.close(descriptor)
    return path


def begin(bench, directory, server, seconds, limit):
    """A round whose messages have so many seconds, and which takes none after the limit."""
    log = open(bench.path("round.log"), "wb")
    process = subprocess.Popen(
        [SMTPD, "-x", "offline", directory, server, str(seconds), str(limit)],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True)
    bench.at_end(lambda: (process.kill(), process.wait()))
    return process


def said(bench):
    with open(bench.path("round.log")) as file:
        return file.read()


@case("offline: whoever stops the program that sends his message is not waited for, nor are his others sent")
def stopped(bench):
    names = ["1700000000.a", "1700000001.b", "1700000002.c"]
    directory = directory_with(bench, *names)
    server = Server(bench)
    process = begin(bench, directory, server.path, 2, 900)
    eventually(lambda: len(server.connections) == 2, "two are not sent at a time")
    senders = children(process.pid)
    for sender in senders:
        os.kill(sender, 19)  # SIGSTOP: SIGALRM, which would end it, waits
    expect_equal(process.wait(20), REST, f"status ({said(bench)})")
    expect_equal(said(bench).count("took too long to send it"), 2, f"lines about it in {said(bench)}")
    expect(not [pid for pid in senders if os.path.exists(f"/proc/{pid}")], "a sender is left")
    expect_equal(sorted(os.listdir(directory)), names, "what is there")
    expect_equal(len(server.connections), 2, "messages that were tried")


@case("offline: a round takes no messages after its time, and leaves them for the next one")
def over(bench):
    names = ["1700000000.a", "1700000001.b", "1700000002.c"]
    directory = directory_with(bench, *names)
    server = Server(bench, b"421 later\r\n", seconds=5)
    started = time.monotonic()
    process = begin(bench, directory, server.path, 60, 4)
    expect_equal(process.wait(30), REST, f"status ({said(bench)})")
    expect_equal(len(server.connections), 2, f"messages that were tried in {time.monotonic() - started:.1f} s")
    expect_equal(sorted(os.listdir(directory)), names, "what is there")


@case("offline: a round in its time tries all, and leaves what is refused for now")
def whole(bench):
    names = ["1700000000.a", "1700000001.b", "1700000002.c"]
    directory = directory_with(bench, *names)
    server = Server(bench, b"421 later\r\n")
    process = begin(bench, directory, server.path, 60, 900)
    expect_equal(process.wait(30), REST, f"status ({said(bench)})")
    expect_equal(len(server.connections), 3, "messages that were tried")
    expect_equal(sorted(os.listdir(directory)), names, "what is there")


@case("offline: {more} beyond what a round sets aside wait for the next one; the log has the first lines only",
      more=["0", "1"])
def many(bench, more):
    directory = directory_with(bench)
    count = SET_ASIDE + int(more)
    for number in range(count):
        open(os.path.join(directory, f"strange-{number}"), "w").close()
    # What was set aside earlier does not count.
    open(os.path.join(directory, "failed.strange-0"), "w").close()
    server = Server(bench)
    process = begin(bench, directory, server.path, 60, 900)
    expect_equal(process.wait(50), REST if int(more) else 0, f"status ({said(bench)[-500:]})")
    kept = os.listdir(directory)
    expect_equal(len(kept), count + 1, "files that are there")
    expect_equal(len([name for name in kept if name.startswith("strange-")]), int(more), "files that are left")
    lines = said(bench).splitlines()
    expect_equal(len(lines), LINES + 1, "lines of the log")
    expect(f"{SET_ASIDE - LINES} more were to be set aside" in lines[-1], lines[-1])
    if int(more):
        expect_equal(begin(bench, directory, server.path, 60, 900).wait(50), 0, "status of the next round")
        expect_equal([name for name in os.listdir(directory) if name.startswith("strange-")], [], "what is left")
