# SPDX-License-Identifier: ISC
"""A server that takes mail over TLS, or does with TLS what a case tells it."""

import base64
import re
import socket
import ssl
import threading


class TLSDelivery:
    def __init__(self, cipher, certificate, body, is_resumed):
        self.cipher = cipher
        # Whether a ticket spared the handshake.
        self.is_resumed = is_resumed
        # What the client showed, as DER; None without TLS or without one.
        self.certificate = certificate
        self.body = body


def shows_ticket(connection):
    """Whether the client's hello, which is left to be read, has a ticket in it."""
    hello = b""
    while len(hello) < 5 or len(hello) < 5 + int.from_bytes(hello[3:5], "big"):
        hello = connection.recv(65536, socket.MSG_PEEK)
        if not hello:
            return False
    # Behind the heads of record and message, version and random: session, ciphers, compressions, extensions.
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at:at + 2], "big")
    at += 1 + hello[at] + 2
    while at + 4 <= len(hello):
        kind, length = int.from_bytes(hello[at:at + 2], "big"), int.from_bytes(hello[at + 2:at + 4], "big")
        # pre_shared_key, and session_ticket, which is empty in a hello that only asks for one.
        if kind == 41 or (kind == 35 and length > 0):
            return True
        at += 4 + length
    return False


class TLSSink:
    """Modes: starttls, smtps, none (does not offer it), refuse (offers it, says 454), garbage (says 220 and
    then nonsense), injected (a reply behind the 220, in the same packet).

    Of `authority` it wants a certificate, or takes one; `version` is the newest of TLS that it knows.
    With `mechanisms` it wants AUTH by one of them, over TLS, with `login`."""

    def __init__(self, bench, pair=None, mode="starttls", authority=None, mechanisms=(), login=None,
                 version=None, verify=ssl.CERT_REQUIRED):
        self.mode = mode
        self.mechanisms = mechanisms
        self.login = login
        # What was said by AUTH, as (mechanism, user, password).
        self.logins = []
        self.deliveries = []
        self.connections = 0
        self.commands = []
        # From now on whoever shows a ticket finds the connection closed; so many did.
        self.dislikes_tickets = False
        self.disliked = 0
        self.context = None
        if pair is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pair.certificate, pair.key)
            if version is not None:
                self.context.maximum_version = version
            if authority is not None:
                self.context.verify_mode = verify
                self.context.load_verify_locations(authority.certificate)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        bench.at_end(self.server.close)

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection):
        connection.settimeout(20)
        try:
            self._serve(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def _serve(self, connection):
        if self.mode == "smtps":
            connection = self._secure(connection)
            if connection is None:
                return
        connection.sendall(b"220 sink.example.org ESMTP\r\n")
        while connection is not None:
            connection = self._converse(connection)

    def _converse(self, connection):
        """Commands up to the end, or to STARTTLS; returns what the conversation goes on over."""
        reader = connection.makefile("rb")
        offers = self.mode not in ("smtps", "none") and not isinstance(connection, ssl.SSLSocket)
        is_secure = isinstance(connection, ssl.SSLSocket)
        is_known = not self.login
        for line in reader:
            word = line[:4].upper()
            self.commands.append(line.strip())
            if word == b"EHLO":
                connection.sendall(b"250-sink.example.org\r\n" + (b"250-STARTTLS\r\n" if offers else b"")
                                   + (b"250-AUTH " + " ".join(self.mechanisms).encode() + b"\r\n"
                                      if self.mechanisms and is_secure else b"")
                                   + b"250 8BITMIME\r\n")
            elif word == b"AUTH":
                is_known = self._authenticate(connection, reader, line)
            elif word == b"MAIL" and not is_known:
                connection.sendall(b"530 5.7.0 who are you?\r\n")
            elif word == b"STAR" and self.mode == "refuse":
                connection.sendall(b"454 not now\r\n")
            elif word == b"STAR":
                return self._start(connection)
            elif word == b"DATA":
                connection.sendall(b"354 go on\r\n")
                body = b""
                for more in reader:
                    if more == b".\r\n":
                        break
                    body += more
                self._keep(connection, body)
                connection.sendall(b"250 taken\r\n")
            elif word == b"QUIT":
                connection.sendall(b"221 bye\r\n")
                break
            else:
                connection.sendall(b"250 ok\r\n")
        connection.close()
        return None

    def _authenticate(self, connection, reader, line):
        words = line.split()
        mechanism = words[1].decode()

        def ask(prompt):
            connection.sendall(b"334 " + base64.b64encode(prompt) + b"\r\n")
            return base64.b64decode(reader.readline())

        if mechanism == "PLAIN":
            answer = base64.b64decode(words[2]) if len(words) > 2 else ask(b"")
            _, user, password = answer.split(b"\0")
        else:
            user, password = ask(b"Username:"), ask(b"Password:")
        self.logins.append((mechanism, user.decode(), password.decode()))
        is_right = self.logins[-1][1:] == self.login
        connection.sendall(b"235 2.7.0 welcome\r\n" if is_right else b"535 5.7.8 go away\r\n")
        return is_right

    def _start(self, connection):
        if self.mode == "injected":
            connection.sendall(b"220 go on\r\n250-injected\r\n250 SIZE 1\r\n")
            connection.recv(65536)
            return None
        connection.sendall(b"220 go on\r\n")
        if self.mode == "garbage":
            # In place of the handshake: in the packet of the 220 it would be something else.
            connection.recv(65536)
            connection.sendall(b"this is no record of TLS\r\n" * 10)
            connection.recv(65536)
            return None
        return self._secure(connection)

    def _secure(self, connection):
        if self.dislikes_tickets and shows_ticket(connection):
            self.disliked += 1
            connection.recv(65536)
            return None
        return self.context.wrap_socket(connection, server_side=True)

    def _keep(self, connection, body):
        secure = isinstance(connection, ssl.SSLSocket)
        self.deliveries.append(TLSDelivery(
            connection.cipher() if secure else None,
            connection.getpeercert(binary_form=True) if secure else None, body,
            secure and connection.session_reused))

    def subjects(self):
        return [re.search(rb"(?m)^Subject: (.*?)\r?$", d.body).group(1).decode() for d in self.deliveries]
