# SPDX-License-Identifier: ISC
"""An SMTP client that can be as bad as a case needs it."""

import re
import socket

from .case import Failed, expect


class Client:
    """A connection on which bytes are sent as they are."""

    def __init__(self, port, address="127.0.0.1", seconds=10, greeting="220", source=None):
        self.socket = socket.create_connection((address, port), seconds, source and (source, 0))
        self.socket.settimeout(seconds)
        self._bytes = b""
        if greeting is not None:
            self.expect(greeting)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def line(self):
        """The next line without its end; empty bytes when the connection ended."""
        while b"\n" not in self._bytes:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                rest, self._bytes = self._bytes, b""
                return rest
            self._bytes += more
        line, self._bytes = self._bytes.split(b"\n", 1)
        return line.rstrip(b"\r")

    def reply(self):
        """A whole reply as text, lines joined; empty when the connection ended."""
        lines = []
        while True:
            line = self.line().decode(errors="replace")
            if not line:
                return "\n".join(lines)
            lines.append(line)
            if len(line) < 4 or line[3] != "-":
                return "\n".join(lines)

    def expect(self, start):
        reply = self.reply()
        expect(reply.startswith(start), f"wanted {start}, got {reply!r}")
        return reply

    def command(self, text, start="2"):
        self.send(text + "\r\n")
        return self.expect(start)

    def at_end(self):
        """Whether the server closed the connection."""
        return self.line() == b""

    def begin(self, sender="a@example.org", recipients=("b@example.org",), helo="EHLO"):
        """Up to 354."""
        self.command(f"{helo} client.example.org")
        self.command(f"MAIL FROM:<{sender}>")
        for recipient in recipients:
            self.command(f"RCPT TO:<{recipient}>")
        self.command("DATA", "354")


def stuffed(body):
    """A body as it travels: dots doubled, and the end."""
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", body) + b".\r\n"


def message(subject="test", text="Hello.\r\n", sender="a@example.org", to="b@example.org"):
    return (f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\r\n{text}").encode()


def submit(port, sender="a@example.org", recipients=("b@example.org",), body=None, mail="",
           rcpt="", subject="test"):
    """One message; returns its id."""
    with Client(port) as client:
        client.command("EHLO client.example.org")
        client.command(f"MAIL FROM:<{sender}>{mail}")
        for recipient in recipients:
            client.command(f"RCPT TO:<{recipient}>{rcpt}")
        client.command("DATA", "354")
        client.send(stuffed(message(subject) if body is None else body))
        identifier = accepted(client.reply())
        client.command("QUIT")
        return identifier


def accepted(reply):
    """The message id that a 250 to the final dot tells."""
    found = re.match(r"250 2\.0\.0 ([0-9a-f]{8}) Message accepted for delivery$", reply)
    if not found:
        raise Failed(f"not accepted: {reply!r}")
    return found.group(1)
