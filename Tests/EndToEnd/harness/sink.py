# SPDX-License-Identifier: ISC
"""A scripted SMTP server: it keeps what it is sent, and answers as a case tells it."""

import re
import socket
import threading
import time


class Delivery:
    """One message that came with a positive answer (or one that was meant to be)."""

    def __init__(self, connection, sender, recipients, parameters, body):
        self.connection = connection
        self.sender = sender
        self.recipients = recipients
        self.parameters = parameters
        self.body = body
        self.time = time.monotonic()

    @property
    def subject(self):
        found = re.search(rb"(?mi)^Subject: (.*?)\r?$", self.body)
        return found.group(1).decode(errors="replace") if found else None


class Sink:
    """Answers by a table: stage → reply, list of replies (one after the other, the last for ever),
    or a function of (sink, argument) that returns one.

    Stages: banner, helo, ehlo, mail, rcpt, data, body, rset, quit. A reply is text with its code, or
    one of: "drop" closes the connection, "silent" says nothing more, "endless" sends a line without end.
    """

    def __init__(self, bench, script=None, port=0, address="127.0.0.1", extensions=("PIPELINING",
                 "8BITMIME", "DSN", "SIZE 50000000")):
        self.script = dict(script or {})
        # A peer that is not strict takes recipients after a refused MAIL.
        self.strict = True
        self.extensions = extensions
        self.deliveries = []
        self.commands = []
        self.connections = 0
        self.lock = threading.Lock()
        self._used = {}
        self._open = set()
        self.server = socket.socket()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind((address, port))
        self.server.listen(512)
        self.port = self.server.getsockname()[1]
        self.stopped = False
        threading.Thread(target=self._accept, daemon=True).start()
        bench.at_end(self.close)

    def close(self):
        self.stopped = True
        try:
            self.server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.server.close()
        with self.lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def subjects(self):
        with self.lock:
            return [d.subject for d in self.deliveries]

    def _accept(self):
        while not self.stopped:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _answer(self, stage, argument, usual):
        entry = self.script.get(stage, usual)
        if callable(entry):
            return entry(self, argument) or usual
        if isinstance(entry, list):
            with self.lock:
                index = self._used.get(stage, 0)
                self._used[stage] = index + 1
            return entry[min(index, len(entry) - 1)] or usual
        return entry

    def _say(self, connection, stage, argument, usual):
        """Returns whether the answer was positive; raises when the connection is at its end."""
        answer = self._answer(stage, argument, usual)
        if answer == "drop":
            raise ConnectionError
        if answer == "silent":
            while not self.stopped and connection.recv(65536):
                pass
            raise ConnectionError
        if answer == "endless":
            for _ in range(4096):
                connection.sendall(b"2" * 4096)
            raise ConnectionError
        data = answer.encode() if isinstance(answer, str) else answer
        connection.sendall(data if data.endswith(b"\n") else data + b"\r\n")
        return data[:1] in b"23"

    def _serve(self, connection, number):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = connection.makefile("rb")
        sender, recipients, parameters = None, [], []
        try:
            self._say(connection, "banner", None, "220 sink.example.org ESMTP")
            while True:
                line = reader.readline(1 << 20)
                if not line:
                    return
                text = line.decode(errors="replace").rstrip("\r\n")
                with self.lock:
                    self.commands.append((number, text, time.monotonic()))
                verb = text.split(" ")[0].upper()
                if verb == "EHLO":
                    lines = ["sink.example.org", *self.extensions]
                    usual = "\r\n".join(
                        "250" + ("-" if i < len(lines) - 1 else " ") + l for i, l in enumerate(lines))
                    self._say(connection, "ehlo", text, usual)
                elif verb == "HELO":
                    self._say(connection, "helo", text, "250 sink.example.org")
                elif verb == "MAIL":
                    if self._say(connection, "mail", text, "250 2.1.0 Ok"):
                        sender = text
                        parameters = [text]
                    recipients = []
                elif verb == "RCPT":
                    if sender is None and self.strict:
                        connection.sendall(b"503 5.5.1 MAIL first\r\n")
                    elif self._say(connection, "rcpt", text, "250 2.1.5 Ok"):
                        recipients.append(text[text.index("<") + 1:text.index(">")])
                        parameters.append(text)
                elif verb == "DATA":
                    if not recipients:
                        connection.sendall(b"503 5.5.1 no recipients\r\n")
                    elif self._say(connection, "data", text, "354 go on"):
                        body = self._body(reader)
                        if body is None:
                            return
                        entry = Delivery(number, sender, recipients, parameters, body)
                        # Kept before the answer: whoever sees the answer may look.
                        with self.lock:
                            self.deliveries.append(entry)
                        kept = False
                        try:
                            kept = self._say(connection, "body", entry, "250 2.0.0 Ok: kept")
                        finally:
                            if not kept and not getattr(entry, "counts", False):
                                with self.lock:
                                    self.deliveries.remove(entry)
                        sender, recipients = None, []
                elif verb == "RSET":
                    sender, recipients = None, []
                    self._say(connection, "rset", text, "250 2.0.0 Ok")
                elif verb == "NOOP":
                    connection.sendall(b"250 2.0.0 Ok\r\n")
                elif verb == "QUIT":
                    self._say(connection, "quit", text, "221 2.0.0 Bye")
                    return
                else:
                    connection.sendall(b"500 5.5.2 what?\r\n")
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self._open.discard(connection)
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    @staticmethod
    def _body(reader):
        lines = []
        while True:
            line = reader.readline()
            if not line:
                return None
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
