# SPDX-License-Identifier: ISC
"""The recorded dialogs of Tests/SMTPTests/Dialogs, played to a server on a socket.

Their form is told in Tests/SMTPTests/Transcript.swift; the server machine alone is tested with them there.
"""

import os
import re
import socket

from .case import Failed, expect, expect_equal
from .client import Client
from .daemon import ROOT

FOLDER = os.path.join(ROOT, "Tests", "SMTPTests", "Dialogs")
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


def names():
    return sorted(name for name in os.listdir(FOLDER) if name.endswith(".smtp"))


def unescaped(text):
    """The bytes of a line that begins with `c:`."""
    def one(found):
        if found[2]:
            return found[3] * int(found[2])
        return ESCAPES[found[1]].decode("latin-1")

    return re.sub(r"\\(\*(\d+)\*(.)|.)", one, text, flags=re.S).encode("latin-1")


def steps(name):
    """Pairs of a kind (`client`, `server`, `closed`) and bytes or a pattern."""
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        lines = file.read().split("\n")
    found = []
    for line in lines:
        if not line or line.startswith("#"):
            continue
        kind, content = line[:2], line[3 if line[2:3] == " " else 2:]
        if kind == "C:":
            found.append(("client", content.encode() + b"\r\n"))
        elif kind == "c:":
            found.append(("client", unescaped(content)))
        elif kind == "S:":
            found.append(("server", content))
        elif kind == "X:":
            found.append(("closed", None))
        else:
            raise Failed(f"{name}: {line!r} is no line of a transcript")
    return found


def matches(line, pattern):
    """Whether the line is what the pattern says, where `*` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), line) is not None


def network(port):
    client = Client(port, greeting=None)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def play(name, port, step, replaced, connect=None):
    """Plays a transcript, the client's bytes in pieces of `step`, or each batch whole when it is None.

    `replaced` maps texts of the transcript's replies to patterns that this server says instead.
    """
    with (connect() if connect else network(port)) as client:
        pending = b""
        for kind, content in steps(name):
            if kind == "client":
                pending += content
                continue
            send(client, pending, step)
            pending = b""
            if kind == "closed":
                expect_equal(client.line(), b"", f"{name}: where it closes, it says")
                continue
            for text, other in replaced.items():
                content = content.replace(text, other)
            line = client.line().decode()
            expect(matches(line, content), f"{name}: {line!r} is not {content!r}")
        send(client, pending, step)
        try:
            client.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # It was closed already.
        expect_equal(client.line(), b"", f"{name}: behind its end it says")


def send(client, data, step):
    try:
        for start in range(0, len(data), step or max(1, len(data))):
            client.send(data[start:start + (step or len(data))])
    except OSError:
        pass  # The server may refuse before it has read everything; its reply tells.
