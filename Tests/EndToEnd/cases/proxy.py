# SPDX-License-Identifier: ISC
"""Listeners behind a proxy: the client's address is the one that the PROXY header tells."""

import os
import socket
import ssl
import struct
import time

from harness.case import Skipped, case, eventually, expect, expect_equal
from harness.certificates import Authority
from harness.client import Client, accepted, message, stuffed
from harness.daemon import Daemon, free_port
from harness.haproxy import HAProxy
from harness.mailbox import Maildir
from harness.sendmail import SocketClient

NAME = "mail.example.org"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def server(bench, options="", more="", rules='match from any for any action "in"\n'):
    """A daemon with a second listener that wants headers, whose port is `proxied`."""
    plain, proxied = free_port(), free_port()
    daemon = Daemon(bench, f"""{more}
listen on 127.0.0.1 port {plain}
listen on 127.0.0.1 port {proxied} proxy-v2 {options}
action "in" maildir "{bench.directory_for('mail')}/%{{user.username}}"
{rules}""")
    daemon.port, daemon.proxied = plain, proxied
    return daemon


def block(source, destination="198.51.100.1", command=0x21, more=b""):
    """A header of version 2."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    payload = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    payload += struct.pack(">HH", 56324, 25) + more
    shape = 0x21 if family == socket.AF_INET6 else 0x11
    return SIGNATURE + bytes([command, shape]) + struct.pack(">H", len(payload)) + payload


def line(source, destination="198.51.100.1"):
    """A header of version 1."""
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} 56324 25\r\n".encode()


def send(client, bench):
    """One message by a client that was greeted; returns its id."""
    client.command("EHLO client.example.org")
    client.command("MAIL FROM:<a@example.org>")
    client.command(f"RCPT TO:<{bench.recipient}@example.org>")
    client.command("DATA", "354")
    client.send(stuffed(message()))
    return accepted(client.reply())


def delivered(bench):
    box = Maildir(bench.path("mail", bench.recipient))
    return eventually(lambda: box.messages() or None, "nothing was delivered")[0].decode()


@case("a real proxy, {option}: its client's address in the log, in replies, in Received",
      option=["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c"])
def proxied(bench, option):
    daemon = server(bench).start()
    proxy = HAProxy(bench, daemon.proxied, option)
    client = Client(proxy.port, greeting=None, source="127.0.0.7")
    client.expect("220")
    expect("[127.0.0.7]" in client.command("EHLO client.example.org"), "the client has another address")
    client.command("MAIL FROM:<a@example.org>")
    client.command(f"RCPT TO:<{bench.recipient}@example.org>")
    client.command("DATA", "354")
    client.send(stuffed(message()))
    accepted(client.reply())
    client.command("QUIT", "221")
    daemon.wait_log(r"smtp event=proxy address=127\.0\.0\.7 proxy=127\.0\.0\.1\n")
    daemon.wait_log(r"smtp connected address=127\.0\.0\.7 host=")
    expect("[127.0.0.7])" in delivered(bench), "Received does not name the client")


@case("a real proxy for clients with IPv6, {option}", option=["send-proxy", "send-proxy-v2"])
def wide(bench, option):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        raise Skipped("there is no IPv6") from None
    daemon = server(bench).start()
    proxy = HAProxy(bench, daemon.proxied, option, "::1")
    client = Client(proxy.port, "::1")
    expect("[::1]" in client.command("EHLO client.example.org"), "the client has another address")
    daemon.wait_log(r"smtp event=proxy address=::1 proxy=127\.0\.0\.1\n")


@case("a real proxy before smtps, {option}: no byte of the handshake is lost",
      option=["send-proxy", "send-proxy-v2"])
def secured(bench, option):
    authority = Authority(bench)
    pair = authority.issue(NAME)
    daemon = server(bench, f"smtps pki {NAME}", pair.pki(NAME)).start()
    proxy = HAProxy(bench, daemon.proxied, option)
    trust = ssl.create_default_context(cafile=authority.certificate)
    for _ in range(20):
        client = Client(proxy.port, greeting=None)
        client.socket = trust.wrap_socket(client.socket, server_hostname=NAME)
        client.expect("220")
        client.command("QUIT", "221")
    client = Client(proxy.port, greeting=None)
    client.socket = trust.wrap_socket(client.socket, server_hostname=NAME)
    client.expect("220")
    send(client, bench)
    expect("with ESMTPS" in delivered(bench), "not encrypted")


@case("header and session in one write, {form}: every byte counts", form=["line", "block", "local"])
def one_write(bench, form):
    daemon = server(bench).start()
    header = {"line": line("192.0.2.7"), "block": block("192.0.2.7"),
              "local": block("192.0.2.7", command=0x20)}[form]
    client = Client(daemon.proxied, greeting=None)
    client.send(header + b"EHLO client.example.org\r\nNOOP\r\nQUIT\r\n")
    client.expect("220")
    address = "127.0.0.1" if form == "local" else "192.0.2.7"
    expect(f"[{address}]" in client.expect("250"), "the address is another")
    client.expect("250")
    client.expect("221")
    daemon.wait_log(rf"smtp connected address={address} host=")


@case("header and handshake of smtps in one write, and one byte at a time: {way}", way=["at once", "single"])
def handshake(bench, way):
    authority = Authority(bench)
    daemon = server(bench, f"smtps pki {NAME}", authority.issue(NAME).pki(NAME)).start()
    trust = ssl.create_default_context(cafile=authority.certificate)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust.wrap_bio(incoming, outgoing, server_hostname=NAME)
    connection = socket.create_connection(("127.0.0.1", daemon.proxied), 10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def flush(head=b""):
        data = head + outgoing.read()
        if way == "at once":
            connection.sendall(data)
        else:
            for byte in data:
                connection.sendall(bytes([byte]))

    head = block("2001:db8::7", "2001:db8::1", more=b"\x04\0\3abc")
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            flush(head)
            head = b""
            incoming.write(connection.recv(65536))
    flush()
    text = b""
    while b"\n" not in text:
        try:
            text += tls.read(1000)
        except ssl.SSLWantReadError:
            incoming.write(connection.recv(65536))
    expect(text.startswith(b"220 "), f"{text!r}")
    daemon.wait_log(r"smtp connected address=2001:db8::7 host=")


@case("one byte at a time")
def single(bench):
    daemon = server(bench).start()
    client = Client(daemon.proxied, greeting=None)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in block("192.0.2.7", more=b"\x04\0\x10" + bytes(16)) + b"EHLO client.example.org\r\n":
        client.send(bytes([byte]))
    client.expect("220")
    expect("[192.0.2.7]" in client.expect("250"), "the address is another")


@case("the rules see the client's address: `from src` and `from local`")
def rules(bench):
    daemon = server(bench, rules='''match from src 192.0.2.0/24 for any action "in"
match from local for any action "in"
''').start()

    def asks(header):
        client = Client(daemon.proxied, greeting=None)
        client.send(header)
        client.expect("220")
        client.command("EHLO client.example.org")
        client.command("MAIL FROM:<a@example.org>")
        client.send(f"RCPT TO:<{bench.recipient}@example.org>\r\n")
        return client.reply()[:3]

    expect_equal(asks(line("192.0.2.7")), "250", "of the network")
    expect_equal(asks(block("::ffff:192.0.2.7", "::1")), "250", "of the network, mapped")
    expect_equal(asks(line("198.51.100.7")), "550", "of another network")
    expect_equal(asks(block("2001:db8::7", "2001:db8::1")), "550", "of no network of the rules")
    # The proxy itself, which is on this host.
    expect_equal(asks(block("192.0.2.7", command=0x20)), "250", "LOCAL")
    expect_equal(asks(b"PROXY UNKNOWN\r\n"), "250", "UNKNOWN")
    daemon.stop()


@case("what is no header ends the connection without a word: {what}", what=[
    "nothing of it", "a wrong version", "a line without end", "lengths that lie", "a family of datagrams",
    "a truncated one", "an extension past its end", "a wrong checksum", "TLS"])
def refused(bench, what):
    daemon = server(bench).start()
    bad, text = {
        "nothing of it": (b"EHLO client.example.org\r\n", "no PROXY header"),
        "a wrong version": (SIGNATURE + b"\x31\x11\0\x0c" + bytes(12), "PROXY header of version 3"),
        "a line without end": (b"PROXY UNKNOWN " + b"x" * 200, "PROXY line longer than 107 bytes"),
        "lengths that lie": (SIGNATURE + b"\x21\x21\0\x0c" + bytes(36),
                             "PROXY header of 12 bytes, too few for its addresses"),
        "a family of datagrams": (SIGNATURE + b"\x21\x12\0\x0c" + bytes(12),
                                  "PROXY header with family and transport 1/2"),
        "a truncated one": (block("192.0.2.7")[:20], "PROXY header cut off"),
        "a wrong checksum": (block("192.0.2.7", more=b"\x03\x00\x04\x01\x02\x03\x04"),
                             "PROXY header that its checksum is not of"),
        "an extension past its end": (block("192.0.2.7", more=b"\x04\xff\xff"),
                                      "PROXY header with an extension past its end"),
        "TLS": (b"\x16\x03\x01\x02\x00\x01\x00", "no PROXY header"),
    }[what]
    client = Client(daemon.proxied, greeting=None)
    client.send(bad)
    if what == "a truncated one":
        client.socket.shutdown(socket.SHUT_WR)
    expect(client.at_end(), "it answers")
    daemon.wait_log(rf'smtp bad-input result="{text}" proxy=127\.0\.0\.1\n')
    good = Client(daemon.proxied, greeting=None)
    good.send(line("192.0.2.7"))
    good.expect("220")
    daemon.stop()


@case("a header that does not come in time ends the connection")
def late(bench):
    daemon = server(bench, more="smtp limit timeout 2s\n").start()
    client = Client(daemon.proxied, greeting=None)
    client.send(b"PROXY TCP4 ")
    began = time.monotonic()
    expect(client.at_end(), "it answers")
    expect(1 < time.monotonic() - began < 9, "not in time")
    daemon.wait_log(r'smtp bad-input result="no PROXY header in time" proxy=127\.0\.0\.1\n')


@case("who sends no header counts as a session, and is the first to go when a place is needed")
def waiting(bench):
    daemon = server(bench, more="smtp limit max-sessions 3\n").start()

    def served(port, header=b""):
        client = Client(port, greeting=None)
        client.send(header)
        return client, client.reply()

    silent = [Client(daemon.proxied, greeting=None) for _ in range(3)]
    # The client of a proxy, and one that needs none.
    first, reply = served(daemon.proxied, line("192.0.2.7"))
    expect(reply.startswith("220"), reply)
    second, reply = served(daemon.port)
    expect(reply.startswith("220"), reply)
    daemon.wait_log(r'smtp bad-input result="no PROXY header yet, and its place was needed" '
                    r"proxy=127\.0\.0\.1\n", count=2)
    expect(silent[0].at_end() and silent[1].at_end(), "those who said nothing are still there")
    # The last of them is one of three, and may be a proxy whose header is on its way.
    for client in silent:
        client.close()

    def another():
        client, reply = served(daemon.proxied, line("192.0.2.8"))
        return client if reply.startswith("220") else client.close()

    third = eventually(another, "its place stays taken")
    # Who has a session keeps it.
    for port, header in [(daemon.port, b""), (daemon.proxied, line("192.0.2.9"))]:
        expect(served(port, header)[1].startswith("421"), "more sessions than the limit")
    for client in (first, second, third):
        client.command("NOOP")
        client.command("QUIT", "221")
    eventually(lambda: served(daemon.port)[1].startswith("220"), "the places stay taken")
    daemon.stop()


@case("nobody is served without a header, though sessions end just as he is turned away")
def turned_away(bench):
    daemon = server(bench, more="smtp limit max-sessions 6\n").start()

    def greeted(number):
        client = Client(daemon.proxied, greeting=None)
        client.send(line(f"192.0.2.{number + 1}"))
        client.expect("220")
        return client

    for _ in range(40):
        # Greeted, so that they have their places.
        held = [greeted(number) for number in range(6)]
        headless = []
        for client in held:
            client.close()
            for _ in range(3):
                headless.append(socket.create_connection(("127.0.0.1", daemon.proxied), 5))
        time.sleep(0.02)
        for connection in headless:
            connection.settimeout(0.001)
            try:
                said = connection.recv(100)
            except (TimeoutError, ConnectionResetError):
                said = b""
            expect(not said.startswith(b"220"), f"a client without a header is told {said!r}")
            connection.close()

        def settled():
            client = Client(daemon.port, greeting=None)
            reply = client.reply()
            client.close()
            return reply.startswith("220")

        eventually(settled, "the places stay taken")
        time.sleep(0.02)
    daemon.stop()


@case("programs of this machine leave a quarter of the sessions to the network, and root has places of its own")
def local_crowd(bench):
    daemon = server(bench, more="smtp limit max-sessions 8\n").start()

    def proxied(number):
        client = Client(daemon.proxied, greeting=None)
        client.send(line(f"192.0.2.{number}"))
        return client, client.reply()[:3]

    held = [Client(daemon.port) for _ in range(6)]
    beyond = Client(daemon.port, greeting=None)
    reply = beyond.reply()
    expect(reply.startswith("421") and "your address" not in reply, reply)
    expect(beyond.at_end(), "it goes on")
    of_network = [proxied(number) for number in range(2)]
    expect_equal([reply for _, reply in of_network], ["220", "220"], "answers to the network")
    expect_equal(proxied(3)[1], "421", "beyond all places")
    if os.getuid() == 0:
        of_root = [SocketClient(daemon) for _ in range(8)]
        with SocketClient(daemon, greeting=None) as client:
            client.expect("421")
        for client in of_root:
            client.command("NOOP")
            client.close()
    # Places that root's sessions leave are root's, and those of this machine go to this machine.
    of_network[0][0].close()
    eventually(lambda: proxied(1)[1] == "220", "the network's place stays taken")
    expect_equal(Client(daemon.port, greeting=None).reply()[:3], "421", "a seventh of this machine")
    held.pop().close()
    eventually(lambda: Client(daemon.port, greeting=None).reply()[:3] == "220", "its place stays taken")
    daemon.stop()


@case("one client has max-client-sessions, an IPv6 network as one; the others are served")
def crowded_client(bench):
    daemon = server(bench, more="smtp limit max-client-sessions 2\n").start()

    def greeting(source):
        client = Client(daemon.proxied, greeting=None)
        client.send(block(source, "2001:db8::1" if ":" in source else "198.51.100.1"))
        return client, client.reply()

    for crowd, other in [(["192.0.2.7"] * 3, "192.0.2.8"),
                         (["2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::3"], "2001:db8:2::1")]:
        answers = [greeting(source) for source in crowd]
        expect_equal([reply[:3] for _, reply in answers], ["220", "220", "421"], "answers")
        expect("Too many connections from your address" in answers[2][1], answers[2][1])
        expect_equal(greeting(other)[1][:3], "220", "the answer to another client")
        answers[0][0].close()
        eventually(lambda: greeting(crowd[0])[1].startswith("220"), "its places stay taken")
    daemon.stop()
