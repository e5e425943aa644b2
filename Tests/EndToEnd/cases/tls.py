# SPDX-License-Identifier: ISC
"""TLS: sessions and relays, certificates, and keys that only one process has."""

import os
import re
import resource
import select
import signal
import smtplib
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from harness.case import case, eventually, expect, expect_equal
from harness.certificates import Authority, combined, openssl, self_signed
from harness.client import Client, message, stuffed, submit
from harness.daemon import SMTPD, Daemon, free_port, freeze, start_fails
from harness.descriptors import sockets
from harness.mailbox import Maildir
from harness.peers import swaks
from harness.tlssink import TLSSink

NAME = "mail.example.org"


def server(bench, pairs, options, more="", port=None):
    """A daemon with a second listener under TLS, whose port is `secure`."""
    port = port or free_port()
    text = "".join(pair.pki(name) for name, pair in pairs.items())
    names = " ".join(f"pki {name}" for name in pairs)
    plain = free_port()
    daemon = Daemon(bench, f"""{text}{more}
listen on 127.0.0.1 port {plain}
listen on 127.0.0.1 port {port} {options} {names}
action "in" maildir "{bench.directory_for('mail')}/%{{user.username}}"
match from any for any action "in"
""")
    daemon.port, daemon.secure = plain, port
    return daemon


def trusting(authority, shown=None, **options):
    """A client's context that shows a pair of its own, where there is one."""
    context = ssl.create_default_context(cafile=authority.certificate)
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    for key, value in options.items():
        setattr(context, key, value)
    return context


def starttls(client, context, name=NAME, session=None):
    """Says STARTTLS and puts the client under TLS."""
    client.command("EHLO client.example.org")
    client.command("STARTTLS", "220 2.0.0 Ready to start TLS")
    client.socket = context.wrap_socket(client.socket, server_hostname=name, session=session)
    return client


def send(client, bench, subject):
    client.command("EHLO client.example.org")
    client.command("MAIL FROM:<a@example.org>")
    client.command(f"RCPT TO:<{bench.recipient}@example.org>")
    client.command("DATA", "354")
    client.send(stuffed(message(subject)))
    client.expect("250")


def delivered(bench, count=1):
    box = Maildir(bench.path("mail", bench.recipient))
    return eventually(lambda: m if len(m := box.messages()) >= count else None, "nothing was delivered")


@case("STARTTLS with a key of {kind}: verified, with the words of Received and of the log",
      kind=["rsa", "ec", "ed25519"])
def session(bench, kind):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME, kind)}, "tls").start()
    with Client(daemon.secure) as client:
        expect("STARTTLS" in client.command("EHLO client.example.org"), "STARTTLS is not offered")
        starttls_answer = client.command("STARTTLS now", "501 5.5.4")
        expect("No parameters allowed" in starttls_answer, starttls_answer)
        client.command("STARTTLS", "220 2.0.0 Ready to start TLS")
        client.socket = trusting(authority).wrap_socket(client.socket, server_hostname=NAME)
        client.command("MAIL FROM:<a@example.org>", "503")
        expect("STARTTLS" not in client.command("EHLO client.example.org"), "offered again")
        client.command("STARTTLS", "503 5.5.1 Invalid command: Channel already secured")
        client.command("MAIL FROM:<a@example.org>")
        client.command(f"RCPT TO:<{bench.recipient}@example.org>")
        client.command("DATA", "354")
        client.send(stuffed(message("over TLS")))
        client.expect("250")
        client.command("QUIT", "221")
    text = delivered(bench)[0].decode()
    expect(re.search(r"with ESMTPS id [0-9a-f]{8} \(TLSv1\.3:TLS_[A-Z0-9_]+:256:NO\)\n\tfor ", text), text[:600])
    daemon.wait_log(r"smtp tls ciphers=TLSv1\.3:TLS_\w+:256")
    daemon.wait_log(r"smtp disconnected reason=quit")


@case("swaks and openssl s_client get through, with TLS 1.2 too")
def peers(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME, "rsa")}, "tls").start()
    swaks(daemon.secure, "--tls", "--to", f"{bench.recipient}@example.org", "--from", "a@example.org")
    text = delivered(bench)[0].decode()
    expect("with ESMTPS id" in text, text[:400])
    for version in ["-tls1_2", "-tls1_3"]:
        done = subprocess.run(["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{daemon.secure}",
                               "-CAfile", authority.certificate, "-verify_hostname", NAME, version],
                              input=b"QUIT\r\n", capture_output=True, timeout=20)
        out = done.stdout.decode(errors="replace")
        expect("Verify return code: 0 (ok)" in out or "Verification: OK" in out, out[-800:])
    done = subprocess.run(["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{daemon.secure}",
                           "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], input=b"", capture_output=True, timeout=20)
    expect(done.returncode != 0, "TLS 1.1 was taken")


@case("smtps: TLS comes before the greeting, and nothing is offered")
def immediate(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME)}, "smtps").start()
    client = Client(daemon.secure, greeting=None)
    client.socket = trusting(authority).wrap_socket(client.socket, server_hostname=NAME)
    client.expect("220")
    expect("STARTTLS" not in client.command("EHLO client.example.org"), "STARTTLS is offered")
    client.command("STARTTLS", "503 5.5.1 Invalid command: Channel already secured")
    client.command("MAIL FROM:<a@example.org>")
    client.command("RSET")
    client.command("QUIT", "221")
    # Somebody who speaks first in clear gets nothing.
    with Client(daemon.secure, greeting=None) as clear:
        clear.send("EHLO client.example.org\r\n" * 20)
        expect(b"250" not in clear.line(), "an answer in clear")
    daemon.wait_log(r"smtp bad-input result=\"TLS handshake failed: ")


@case("tls-require: nothing is taken before STARTTLS")
def required(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME)}, "tls-require").start()
    with Client(daemon.secure) as client:
        client.command("EHLO client.example.org")
        client.command("MAIL FROM:<a@example.org>", "530 5.5.1 Invalid command: Must issue a STARTTLS command first")
        client.command("STARTTLS", "220")
        client.socket = trusting(authority).wrap_socket(client.socket, server_hostname=NAME)
        send(client, bench, "required")
    delivered(bench)


@case("verify: only a client with a certificate of the ca gets in")
def verified(bench):
    authority = Authority(bench)
    friend = authority.issue("friend.example.org", "rsa")
    late = authority.issue("friend.example.org", "ec", file="late", expired=True)
    stranger = self_signed(bench, "friend.example.org", file="stranger")
    daemon = server(bench, {NAME: authority.issue(NAME)}, 'tls-require verify ca "clients"',
                    more=f'ca clients cert "{authority.certificate}"\n').start()

    def attempt(pair):
        context = trusting(authority, shown=pair)
        with Client(daemon.secure) as client:
            starttls(client, context)
            send(client, bench, "verified")

    attempt(friend)
    daemon.wait_log(rf'smtp cert-check result="verified" fingerprint="SHA256:{friend.fingerprint()}"')
    expect(":256:YES)" in delivered(bench)[0].decode(), "Received does not say YES")
    for pair in [None, stranger, late]:
        try:
            attempt(pair)
        except (OSError, AssertionError):
            continue
        expect(False, "a client without a good certificate was let in")
    expect_equal(len(delivered(bench)), 1, "messages")
    daemon.wait_log(r"smtp disconnected reason=tls-accept-failed", count=3)
    daemon.wait_log(r"smtp bad-input result=.*certificate has expired")


@case("smtps verify: only a client with a certificate of the ca gets in")
def immediately_verified(bench):
    authority = Authority(bench)
    friend = authority.issue("friend.example.org", "rsa")
    late = authority.issue("friend.example.org", "ec", file="late", expired=True)
    stranger = self_signed(bench, "friend.example.org", file="stranger")
    daemon = server(bench, {NAME: authority.issue(NAME)}, 'smtps verify ca "clients"',
                    more=f'ca clients cert "{authority.certificate}"\n').start()

    def attempt(pair):
        context = trusting(authority, shown=pair)
        client = Client(daemon.secure, greeting=None)
        client.socket = context.wrap_socket(client.socket, server_hostname=NAME)
        client.expect("220")
        send(client, bench, "verified")
        client.close()

    attempt(friend)
    daemon.wait_log(rf'smtp cert-check result="verified" fingerprint="SHA256:{friend.fingerprint()}"')
    for pair in [None, late, stranger]:
        try:
            attempt(pair)
        except (OSError, AssertionError):
            continue
        expect(False, "a client without a good certificate was let in")
    daemon.wait_log(r"smtp disconnected reason=tls-accept-failed", count=3)
    daemon.wait_log(r"smtp bad-input result=.*self-signed certificate")
    expect_equal(len(delivered(bench)), 1, "messages")


@case("ca without verify: a certificate is asked for, looked at, and any or none is let in")
def unchecked(bench):
    authority = Authority(bench)
    friend = authority.issue("friend.example.org", "rsa")
    stranger = self_signed(bench, "friend.example.org", file="stranger")
    daemon = server(bench, {NAME: authority.issue(NAME)}, 'tls ca "clients"',
                    more=f'ca clients cert "{authority.certificate}"\n').start()
    for pair, result in [(friend, "verified"), (stranger, "unchecked"), (None, None)]:
        context = trusting(authority, shown=pair)
        with Client(daemon.secure) as client:
            starttls(client, context)
            send(client, bench, "let in")
        if result is not None:
            daemon.wait_log(rf'smtp cert-check result="{result}" fingerprint="SHA256:{pair.fingerprint()}"')
    expect_equal(daemon.log().count("smtp cert-check"), 2, "certificates that were looked at")
    expect_equal(len(delivered(bench, 3)), 3, "messages")


def trusted(daemon, authority, name):
    """The certificate that a client is shown who asks for `name` and trusts the authority alone; None without
    a handshake."""
    with Client(daemon.secure) as client:
        try:
            return starttls(client, trusting(authority), name).socket.getpeercert(binary_form=True)
        except OSError:
            return None


def shown_to(daemon, name):
    """The certificate that a client is shown who asks for `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Client(daemon.secure) as client:
        starttls(client, context, name)
        return client.socket.getpeercert(binary_form=True)


def der(pair):
    with open(pair.certificate) as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


@case("several pki: by the name that the client asks for, by a certificate's own names, else the first")
def names(bench):
    authority = Authority(bench)
    one, two = authority.issue("one.example.org", "rsa"), authority.issue("two.example.org", "ec")
    many = authority.issue("*.many.example.org", "ed25519", file="many")
    daemon = server(bench, {"one.example.org": one, "two.example.org": two, "many": many}, "tls").start()

    def shown(name):
        return shown_to(daemon, name)

    expect_equal(shown("one.example.org"), der(one), "one")
    expect_equal(shown("TWO.example.org"), der(two), "two")
    expect_equal(shown("any.many.example.org"), der(many), "many")
    expect_equal(shown("other.example.org"), der(one), "other")
    expect_equal(shown(None), der(one), "none")


@case('pki "*" is shown to who asks for a name that none has, and to who asks for none, wherever it stands')
def any_name(bench):
    authority = Authority(bench)
    one, rest = authority.issue("one.example.org", "rsa"), authority.issue("rest.example.org", "ec")
    daemon = server(bench, {"one.example.org": one, '"*"': rest}, "tls").start()
    expect_equal(shown_to(daemon, "one.example.org"), der(one), "one")
    for name in ["other.example.org", "rest.example.org", "sub.one.example.org", None]:
        expect_equal(shown_to(daemon, name), der(rest), f"{name}")


@case("commands sent together with STARTTLS are forgotten")
def injected(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME)}, "tls").start()
    with Client(daemon.secure) as client:
        client.command("EHLO client.example.org")
        client.send("STARTTLS\r\nEHLO evil.example.org\r\nMAIL FROM:<evil@example.org>\r\n")
        client.expect("220")
        client.socket = trusting(authority).wrap_socket(client.socket, server_hostname=NAME)
        client.command("RCPT TO:<b@example.org>", "503")
        expect("Hello client.example.org" in client.command("EHLO client.example.org"), "another name")
        client.command("QUIT", "221")
    expect("evil" not in daemon.log(), daemon.log())


def hello():
    """A first flight as Python's client sends it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=NAME)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@case("garbage, cut-off and crawling handshakes end or wait for that session alone")
def hostile(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME)}, "tls").start()
    roles = daemon.roles()

    def begin():
        client = Client(daemon.secure)
        client.command("EHLO client.example.org")
        client.command("STARTTLS", "220")
        return client

    heartbeat = bytes.fromhex("180303000301ffff")
    for data in [b"\0" * 500, b"GET / HTTP/1.0\r\n\r\n", os.urandom(4000), hello()[:-7] + b"\xff" * 7, heartbeat,
                 hello()[:5] + b"\xff\xff\xff\xff" + hello()[9:], b"\x16\x03\x01\xff\xff" + b"A" * 70000]:
        client = begin()
        try:
            client.send(data)
            client.socket.shutdown(socket.SHUT_WR)
            while client.socket.recv(65536):
                pass
        except OSError:
            pass
        client.close()
    for cut in [1, 4, 5, 60, 200]:
        client = begin()
        client.send(hello()[:cut])
        client.close()
    waiting = begin()
    waiting.send(hello()[:30])
    # One byte at a time, both ways of the handshake.
    crawl = begin()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    peer = trusting(authority).wrap_bio(incoming, outgoing, server_hostname=NAME)
    while True:
        try:
            peer.do_handshake()
            break
        except ssl.SSLWantReadError:
            for byte in outgoing.read():
                crawl.send(bytes([byte]))
            incoming.write(crawl.socket.recv(1))
    for byte in outgoing.read():
        crawl.send(bytes([byte]))
    peer.write(b"EHLO client.example.org\r\n")
    for byte in outgoing.read():
        crawl.send(bytes([byte]))
    answer = b""
    while b"HELP\r\n" not in answer:
        incoming.write(crawl.socket.recv(65536))
        try:
            answer += peer.read()
        except ssl.SSLWantReadError:
            pass
    # Behind the handshake: what is no record ends the session, and was never taken for a command.
    crawl.send(b"MAIL FROM:<evil@example.org>\r\n")
    for data in [heartbeat, b"\x18\x03\x03\x40\x00\x01\xff\xff" + b"A" * 100, b"\x17\x03\x03\x00\x20" + b"A" * 32]:
        with Client(daemon.secure) as client:
            starttls(client, trusting(authority))
            os.write(client.socket.fileno(), data)
            client.socket.settimeout(5)
            try:
                expect_equal(client.socket.recv(100), b"", "an answer to what is no record")
            except OSError:
                pass
    daemon.wait_log(r"smtp bad-input result=\"TLS failed: ", count=4)
    daemon.wait_log(r"smtp disconnected reason=\"io-error: TLS failed: .+\"", count=4)
    with Client(daemon.secure) as client:
        starttls(client, trusting(authority))
        send(client, bench, "after all")
    delivered(bench)
    expect_equal(daemon.roles(), roles, "processes")


@case("a client cannot renegotiate")
def renegotiation(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME)}, "smtps").start()
    peer = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.secure}", "-tls1_2", "-crlf"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: "smtp tls ciphers=TLSv1.2" in daemon.log(), "no handshake")
        peer.stdin.write(b"R\n")
        peer.stdin.flush()
        out = peer.communicate(timeout=15)[0].decode(errors="replace")
    finally:
        peer.kill()
    expect("RENEGOTIATING" in out and "no renegotiation" in out, out[-600:])
    expect_equal(daemon.log().count("smtp tls ciphers="), 1, "handshakes")


@case("a keys role that stands still delays handshakes and nothing else")
def stalled(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME)}, "tls").start()
    keys = eventually(lambda: daemon.roles().get("keys"), "no keys role")
    encrypted = starttls(Client(daemon.secure), trusting(authority))
    os.kill(keys, signal.SIGSTOP)
    try:
        waiting = []
        for _ in range(20):
            client = Client(daemon.secure)
            client.command("EHLO client.example.org")
            client.command("STARTTLS", "220")
            client.send(hello())
            waiting.append(client)
        submit(daemon.port, recipients=(f"{bench.recipient}@example.org",))
        delivered(bench)
        # Who has signed once is not needed again.
        send(encrypted, bench, "under TLS")
        delivered(bench, 2)
        waiting[0].socket.settimeout(0.3)
        try:
            expect(not waiting[0].socket.recv(1), "a handshake went on without keys")
        except TimeoutError:
            pass
    finally:
        os.kill(keys, signal.SIGCONT)
    for client in waiting[1:]:
        expect(client.socket.recv(1) == b"\x16", "the handshake did not go on")
    with Client(daemon.secure) as client:
        starttls(client, trusting(authority))
        client.command("EHLO client.example.org")


@case("handshakes that wait for a keys role that dies go on with the next one, which takes the files as they are now")
def dead_keys(bench):
    authority = Authority(bench)
    other = authority.issue("other.example.org")
    daemon = server(bench, {NAME: authority.issue(NAME, file="served"), "other.example.org": other}, "tls").start()
    keys = eventually(lambda: daemon.roles().get("keys"), "no keys role")
    os.kill(keys, signal.SIGSTOP)
    client = Client(daemon.secure)
    client.command("EHLO client.example.org")
    client.command("STARTTLS", "220")
    client.send(hello())
    os.kill(keys, signal.SIGKILL)
    expect(client.socket.recv(1) == b"\x16", "the handshake did not go on")
    authority.issue(NAME, "rsa", file="next")
    for kind in ["crt", "key"]:
        os.replace(bench.path(f"next.{kind}"), bench.path(f"served.{kind}"))
    os.rename(other.key, bench.path("away"))
    daemon.kill_role("keys")
    daemon.wait_log(r"warn: .*other\.example\.org\.key: No such file")
    daemon.wait_log(r"warn: certificates updated but for pki other\.example\.org: ")

    def secured(name):
        with Client(daemon.secure) as client:
            try:
                return starttls(client, trusting(authority), name).socket.getpeercert()
            except OSError:
                return None

    eventually(lambda: secured(NAME), "no handshake with the new key")
    expect(secured("other.example.org") is None, "a handshake without a key")


@case("what is broken on the disk when keys is started anew stays what it was, and all else is renewed")
def broken_files(bench):
    authority = Authority(bench)
    pairs = {name: authority.issue(name) for name in [NAME, "absent.org", "nonsense.org", "early.org"]}
    ca = bench.write("ca.crt", open(authority.certificate).read())
    daemon = server(bench, pairs, "tls ca clients", more=f'ca clients cert "{ca}"').start()

    def shown(name):
        return trusted(daemon, authority, name)

    before = {name: shown(name) for name in pairs}
    expect(None not in before.values(), "no handshake")
    for name in [NAME, "early.org"]:
        authority.issue(name, file="next")
        for kind in ["crt", "key"] if name == NAME else ["crt"]:
            os.replace(bench.path(f"next.{kind}"), bench.path(f"{name}.{kind}"))
    os.rename(pairs["absent.org"].certificate, bench.path("away"))
    for path in [pairs["nonsense.org"].certificate, ca]:
        bench.write(os.path.basename(path), "nonsense\n")
    daemon.kill_role("keys")
    daemon.wait_log(r"warn: .*absent\.org\.crt: No such file")
    daemon.wait_log(r"warn: certificates updated but for ca clients: ")
    eventually(lambda: shown(NAME) not in [None, before[NAME]], "no handshake with the new key")
    for name in list(pairs)[1:]:
        expect_equal(shown(name) == before[name], True, name)
    # The next start of keys has no other certificates to fall back to.
    daemon.kill_role("keys")
    eventually(lambda: shown("early.org") == before["early.org"], "no handshake after another start")


@case("a key that comes before its certificate: the old pair serves until both fit, though something else is broken")
def early_key(bench):
    authority = Authority(bench)
    pairs = {name: authority.issue(name) for name in [NAME, "other.example.org"]}
    daemon = server(bench, pairs, "tls").start()

    def shown(name):
        return trusted(daemon, authority, name)

    def bring(name, kind):
        os.replace(bench.path(f"next.{kind}"), bench.path(f"{name}.{kind}"))

    def reload(words):
        before = daemon.log().count("SIGHUP: certificates are read again")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log("SIGHUP: certificates are read again", count=before + 1)
        return daemon.wait_log(words)

    before = {name: shown(name) for name in pairs}
    expect(None not in before.values(), "no handshake")
    # Keys has the old key while it lives.
    authority.issue(NAME, file="next")
    bring(NAME, "key")
    reload(rf"warn: certificates are not updated: pki {NAME}: the key does not match the certificate "
           rf"\(.*{NAME}\.key, .*{NAME}\.crt\)")
    expect_equal(shown(NAME), before[NAME], "certificate")
    bring(NAME, "crt")
    reload("info: certificates updated")
    second = eventually(lambda: now if (now := shown(NAME)) != before[NAME] else None, "the pair is not taken")
    # Another keys role has not, whatever is there besides.
    authority.issue(NAME, file="next")
    bring(NAME, "key")
    bench.write("other.example.org.crt", "nonsense\n")
    daemon.kill_role("keys")
    daemon.wait_log(f"warn: certificates updated but for pki {NAME}: the key does not match the certificate")
    daemon.wait_log(r"warn: certificates updated but for pki other\.example\.org: the certificate: .*\.crt\)")
    daemon.wait_log("warn: what is named keeps the certificate that it had, .* put a certificate and the key that fits it")
    expect_equal(shown(NAME), None, "a handshake without a key")
    expect_equal(shown("other.example.org"), before["other.example.org"], "certificate")
    # The one that comes is found, with no word to anybody, and costs nothing that is there.
    bring(NAME, "crt")
    eventually(lambda: shown(NAME) not in [None, second], "the pair is not found", 20)
    expect_equal(shown("other.example.org"), before["other.example.org"], "certificate")
    expect_equal(daemon.log().count(f"but for pki {NAME}:"), 1, "lines")


@case("SIGHUP tells all that is wrong, update pki what is wrong of one, with name and file; nothing changes")
def all_faults(bench):
    authority = Authority(bench)
    pairs = {name: authority.issue(name) for name in [NAME, "absent.org", "nonsense.org", "odd.org", "open.org"]}
    ca = bench.write("ca.crt", open(authority.certificate).read())
    daemon = server(bench, pairs, "tls ca clients", more=f'ca clients cert "{ca}"').start()
    os.rename(pairs["absent.org"].certificate, bench.path("away"))
    for path in [pairs["nonsense.org"].key, ca]:
        bench.write(os.path.basename(path), "nonsense\n", 0o600)
    authority.issue("odd.org", file="next")
    os.replace(bench.path("next.key"), pairs["odd.org"].key)
    os.chmod(pairs["open.org"].key, 0o644)
    faults = [r"pki absent\.org: the certificate: /.*/absent\.org\.crt: No such file or directory",
              r"pki nonsense\.org: not a private key in PEM.* \(/.*/nonsense\.org\.key\)",
              r"pki odd\.org: the key does not match the certificate \(/.*/odd\.org\.key, /.*/odd\.org\.crt\)",
              r"pki open\.org: /.*/open\.org\.key: mode 644 is too open: at most 740",
              r"ca clients: .* \(/.*/ca\.crt\)"]
    daemon.process.send_signal(signal.SIGHUP)
    for fault in faults:
        daemon.wait_log(f"warn: certificates are not updated: {fault}\n")
    for fault in faults[:-1]:
        done = daemon.run_ctl("update", "pki", fault.split(":")[0].removeprefix("pki ").replace("\\", ""))
        said = (done.stdout + done.stderr).decode()
        expect(done.returncode != 0 and re.search(f"nothing is renewed: {fault}\n", said), f"{fault}: {said}")
    expect(f"pki {NAME}:" not in daemon.log(), "what is whole is told of")
    with Client(daemon.secure) as client:
        starttls(client, trusting(authority), "odd.org")


@case("update pki renews the one that it names, whatever is wrong with others, which keep certificates and keys")
def one_renewed(bench):
    authority = Authority(bench)
    pairs = {name: authority.issue(name) for name in [NAME, "absent.org", "odd.org", "whole.org"]}
    ca = bench.write("ca.crt", open(authority.certificate).read())
    daemon = server(bench, pairs, "tls ca clients", more=f'ca clients cert "{ca}"').start()

    def shown(name):
        return trusted(daemon, authority, name)

    def bring(name, *kinds):
        authority.issue(name, file="next")
        for kind in kinds:
            os.replace(bench.path(f"next.{kind}"), bench.path(f"{name}.{kind}"))

    before = {name: shown(name) for name in pairs}
    expect(None not in before.values(), "no handshake")
    os.rename(pairs["absent.org"].key, bench.path("away"))
    bring("odd.org", "key")
    bring("whole.org", "crt", "key")
    bench.write("ca.crt", "nonsense\n")
    for count in range(1, 4):
        last = shown(NAME)
        bring(NAME, "crt", "key")
        expect("command succeeded" in daemon.ctl("update", "pki", NAME), "no word of success")
        daemon.wait_log("info: certificates updated", count=count)
        eventually(lambda: shown(NAME) not in [None, last], "the new certificate is not shown")
        for name in list(pairs)[1:]:
            expect_equal(shown(name) == before[name], True, name)
    daemon.ctl("update", "pki", "whole.org")
    eventually(lambda: shown("whole.org") not in [None, before["whole.org"]], "the other is not renewed")
    expect("certificates are not updated" not in daemon.log(), "something else was looked at")


@case("a handshake that began goes on with its certificate, though that is renewed, and others after it ({how})",
      how=["SIGHUP", "update pki"])
def begun(bench, how):
    authority = Authority(bench)
    pairs = {name: authority.issue(name) for name in ["a.org", "b.org"]}
    daemon = server(bench, pairs, "tls").start()

    def renew(*names):
        for name in names:
            authority.issue(name, file="next")
            for kind in ["crt", "key"]:
                os.replace(bench.path(f"next.{kind}"), bench.path(f"{name}.{kind}"))
        before = daemon.log().count("info: certificates updated")
        if how == "SIGHUP":
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_log("info: certificates updated", count=before + 1)
        else:
            for name in ["a.org", "b.org"]:
                daemon.ctl("update", "pki", name)
            daemon.wait_log("info: certificates updated", count=before + 2)
        for name in pairs:
            eventually(lambda: trusted(daemon, authority, name) == der(pairs[name]), "the new one is not shown")

    waiting = []
    for changed in [["a.org"], ["b.org"], [], ["a.org", "b.org"], []]:
        for name in pairs:
            client = Client(daemon.secure)
            client.command("EHLO client.example.org")
            client.command("STARTTLS", "220 2.0.0 Ready to start TLS")
            waiting.append((client, name, der(pairs[name])))
        renew(*changed)
    for client, name, certificate in waiting:
        client.socket = trusting(authority).wrap_socket(client.socket, server_hostname=name)
        expect_equal(client.socket.getpeercert(binary_form=True), certificate, f"the certificate of {name}")
        client.command("EHLO client.example.org")


@case("operators who have pki renewed at the same time, and a SIGHUP besides, are told each of their own")
def each_told(bench):
    authority = Authority(bench)
    pairs = {name: authority.issue(name) for name in ["good.org", "odd.org", "whole.org", "absent.org"]}
    daemon = server(bench, pairs, "tls").start()
    authority.issue("odd.org", file="next")
    os.replace(bench.path("next.key"), pairs["odd.org"].key)
    os.rename(pairs["absent.org"].key, bench.path("away"))
    for _ in range(3):
        with ThreadPoolExecutor(len(pairs)) as pool:
            answers = [pool.submit(daemon.run_ctl, "update", "pki", name) for name in pairs]
            daemon.process.send_signal(signal.SIGHUP)
            said = {name: answer.result() for name, answer in zip(pairs, answers)}
        expect_equal([name for name, done in said.items() if done.returncode == 0], ["good.org", "whole.org"], "renewed")
        for name in ["odd.org", "absent.org"]:
            faults = re.findall(r"pki (\S+): ", (said[name].stdout + said[name].stderr).decode())
            expect_equal(faults, [name], f"what is told of {name}")


@case("keys without a usable file serves each pki once its pair is good, though an operator mended the first")
def piecewise(bench):
    authority = Authority(bench)
    pairs = {name: authority.issue(name) for name in ["a.org", "b.org", "c.org"]}
    daemon = server(bench, pairs, "tls").start()

    def bring(name):
        os.rename(bench.path(f"{name}.away"), pairs[name].key)

    def shown(name):
        return trusted(daemon, authority, name)

    for name, pair in pairs.items():
        os.rename(pair.key, bench.path(f"{name}.away"))
    daemon.kill_role("keys")
    for name in pairs:
        daemon.wait_log(f"warn: certificates are not updated: pki {name}: ")
    bring("a.org")
    expect("command succeeded" in daemon.ctl("update", "pki", "a.org"), "no word of success")
    eventually(lambda: shown("a.org"), "what an operator mended is not shown")
    bring("b.org")
    eventually(lambda: shown("b.org"), "the second is not found", 20)
    expect_equal((shown("a.org"), shown("c.org")), (der(pairs["a.org"]), None), "the others")
    bring("c.org")
    eventually(lambda: shown("c.org"), "the last is not found", 20)


@case("a new keys process that could not be handed its files is handed them later")
def not_handed(bench):
    authority = Authority(bench)
    pair = authority.issue(NAME)
    rest = "".join(pair.pki(f"n{number}.example.org") for number in range(200))
    daemon = server(bench, {NAME: pair}, "tls", more=rest).start(seconds=30)
    process = daemon.process.pid
    limits = resource.prlimit(process, resource.RLIMIT_NOFILE)
    # Room for a role, and none for all files of keys.
    used = max(int(number) for number in os.listdir(f"/proc/{process}/fd")) + 1
    resource.prlimit(process, resource.RLIMIT_NOFILE, (used + 100, limits[1]))
    daemon.kill_role("keys")
    daemon.wait_log("warn: .*Too many open files")
    expect_equal(trusted(daemon, authority, NAME), None, "a handshake without a key")
    resource.prlimit(process, resource.RLIMIT_NOFILE, limits)
    daemon.wait_log("info: certificates updated", seconds=20)
    eventually(lambda: trusted(daemon, authority, NAME) == der(pair), "no handshake")


@case("frontend and delivery that could not be handed a renewal that keys took are handed it later")
def not_passed_on(bench):
    bench.need_root("to look at the sockets of roles")
    authority = Authority(bench)
    sink = TLSSink(bench, authority.issue("localhost"), "starttls", authority=authority)
    pair = authority.issue(NAME)
    plain, secure = free_port(), free_port()
    daemon = Daemon(bench, f"""{pair.pki(NAME)}ca us cert "{authority.certificate}"
listen on 127.0.0.1 port {plain}
listen on 127.0.0.1 port {secure} tls pki {NAME}
action "out" relay host "smtp+tls://localhost:{sink.port}" pki "{NAME}" ca "us"
match from any for any action "out"
""")
    daemon.port, daemon.secure = plain, secure
    daemon.start()
    process, keys = daemon.process.pid, daemon.roles()["keys"]
    limits = resource.prlimit(process, resource.RLIMIT_NOFILE)
    before = der(pair)
    authority.issue(NAME)
    freeze(keys)
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: waits_to_be_read(keys), "keys is handed nothing")
    # No number is free any more, for a file in memory neither; what is open goes on.
    used = {int(number) for number in os.listdir(f"/proc/{process}/fd")}
    resource.prlimit(process, resource.RLIMIT_NOFILE, (min(set(range(len(used) + 1)) - used), limits[1]))
    os.kill(keys, signal.SIGCONT)
    for role in ["frontend", "delivery"]:
        daemon.wait_log(f"warn: {role} is not handed certificates, which is tried again: .*Too many open files")
    expect_equal(trusted(daemon, authority, NAME), before, "what is shown meanwhile")
    resource.prlimit(process, resource.RLIMIT_NOFILE, limits)
    eventually(lambda: trusted(daemon, authority, NAME) == der(pair), "frontend is not handed it", 20)
    submit(daemon.port)
    daemon.wait_empty()
    expect_equal(sink.deliveries[-1].certificate, der(pair), "what delivery shows")


def waits_to_be_read(process):
    """Whether the socket to the supervisor of a role that is stopped has something in it."""
    for one in sockets(process):
        with one:
            if one.type == socket.SOCK_SEQPACKET and select.select([one], [], [], 0)[0]:
                return True
    return False


@case("keys is killed while nobody asks for it: the next handshakes work, of sessions and of a relay")
def killed_keys(bench):
    authority = Authority(bench)
    ours = authority.issue("us.example.org")
    sink = TLSSink(bench, authority.issue("localhost"), "starttls", authority=authority)
    pair = authority.issue(NAME)
    plain, secure = free_port(), free_port()
    daemon = Daemon(bench, f"""{pair.pki(NAME)}{ours.pki("us.example.org")}ca us cert "{authority.certificate}"
listen on 127.0.0.1 port {plain}
listen on 127.0.0.1 port {secure} tls pki {NAME}
action "out" relay host "smtp+tls://localhost:{sink.port}" pki "us.example.org" ca "us"
match from any for any action "out"
""")
    daemon.port, daemon.secure = plain, secure
    daemon.start()
    for count in range(1, 4):
        with Client(daemon.secure) as client:
            starttls(client, trusting(authority))
            client.command("EHLO client.example.org")
            client.command("QUIT", "221")
        submit(daemon.port)
        daemon.wait_empty()
        expect_equal(len(sink.deliveries), count, "deliveries")
        expect(sink.deliveries[-1].certificate, "the relay showed no certificate")
        daemon.kill_role("keys")


@case("show stats counts sessions under TLS while they last: smtp.tls by STARTTLS, smtp.smtps from the first byte")
def counted(bench):
    authority = Authority(bench)
    pair = authority.issue(NAME)
    wrapped = free_port()
    daemon = server(bench, {NAME: pair}, "tls",
                    more=f"listen on 127.0.0.1 port {wrapped} smtps pki {NAME}\n").start()

    def counts():
        statistics = daemon.statistics()
        return statistics["smtp.tls"], statistics["smtp.smtps"], statistics["smtp.session"]

    expect_equal(counts(), (0, 0, 0), "before")
    clear, upgraded, immediate = Client(daemon.port), Client(daemon.secure), Client(wrapped, greeting=None)
    clear.command("EHLO client.example.org")
    expect_equal(counts()[:2], (0, 0), "before the handshakes")
    starttls(upgraded, trusting(authority))
    upgraded.command("EHLO client.example.org")
    immediate.socket = trusting(authority).wrap_socket(immediate.socket, server_hostname=NAME)
    immediate.expect("220")
    expect_equal(counts(), (1, 1, 3), "under way")
    with Client(daemon.secure) as failing:
        failing.command("EHLO client.example.org")
        failing.command("STARTTLS", "220")
        failing.send("this is no handshake")
        failing.at_end()
    upgraded.command("QUIT", "221")
    upgraded.close()
    eventually(lambda: counts()[:2] == (0, 1), "the session by STARTTLS ended")
    immediate.close()
    clear.close()
    eventually(lambda: counts() == (0, 0, 0), "all sessions ended")


@case("who looks at keys before the start is held as keys is")
def held_check(bench):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    checker = subprocess.Popen([SMTPD, "-x", "keys.check"], stdin=subprocess.DEVNULL, close_fds=False,
                               preexec_fn=lambda: os.dup2(theirs.fileno(), 3))
    try:
        theirs.close()

        def status():
            with open(f"/proc/{checker.pid}/status") as file:
                return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

        eventually(lambda: status()["Seccomp"] == "2", "not filtered", 5)
        expect_equal(status()["NoNewPrivs"], "1", "no_new_privs")
        expect_equal(os.stat(f"/proc/{checker.pid}/fd").st_uid, 0, "owner of /proc/PID")
        with open(f"/proc/{checker.pid}/limits") as file:
            limits = {line[:25].strip(): line[26:].split()[:2] for line in file}
        expect_equal(limits["Max core file size"], ["0", "0"], "core")
        expect_equal(limits["Max open files"], ["256", "256"], "open files")
        ours.close()
        expect(checker.wait(10) == 1, "it did not end with its channel")
    finally:
        checker.kill()


@case("300 pki: as many key files as keys could not have open at a time, at the start and at renewals")
def many(bench):
    authority = Authority(bench)
    pair = authority.issue(NAME)
    rest = "".join(pair.pki(f"n{number}.example.org") for number in range(300))
    daemon = server(bench, {NAME: pair}, "tls", more=rest).start(seconds=30)
    keys = daemon.roles()["keys"]
    for renewals in range(3):
        with Client(daemon.secure) as client:
            starttls(client, trusting(authority))
            client.command("EHLO client.example.org")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log("info: certificates updated", count=renewals + 1)
    expect_equal(daemon.roles()["keys"], keys, "keys")
    daemon.kill_role("keys")
    daemon.wait_log("info: certificates updated", count=4)
    with Client(daemon.secure) as client:
        starttls(client, trusting(authority))
        client.command("EHLO client.example.org")


def memory(pid):
    """Every readable byte of a process."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as file:
        for line in maps:
            span, rights = line.split()[:2]
            if not rights.startswith("r") or "[v" in line:
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            while start < end:
                size = min(end - start, 64 << 20)
                try:
                    file.seek(start)
                    yield file.read(size)
                except OSError:
                    pass
                start += size


def open_contents(pid):
    """What every descriptor that can be read again holds, without disturbing it."""
    for number in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{number}"
        try:
            target = os.readlink(path)
            if not target.startswith("/") or target.startswith(("/dev/", "/proc/")) or os.path.isdir(path):
                continue
            with open(path, "rb") as file:
                yield file.read(16 << 20)
        except OSError:
            pass


@case("no byte of a private key is in any process but keys, nor in a file that another has open")
def secrets(bench):
    bench.need_root("only root may look into all processes")
    authority = Authority(bench)
    pairs = {f"{kind}.example.org": authority.issue(f"{kind}.example.org", kind) for kind in ["rsa", "ec", "ed25519"]}
    pairs["both.example.org"] = authority.issue("both.example.org")
    ours = authority.issue("us.example.org", "rsa")
    # Keys beside the certificates, and even beside those of a ca.
    shown = pairs | {"both.example.org": combined(bench, pairs["both.example.org"], "both.pem")}
    relay = combined(bench, ours, "us.pem")
    anchors = combined(bench, authority, "ca.pem")
    sink = TLSSink(bench, authority.issue("localhost", "rsa"), authority=authority)
    daemon = server(bench, shown, "tls", more=f"""{relay.pki("us.example.org")}ca us cert "{anchors.certificate}"
action "out" relay host "smtp+tls://localhost:{sink.port}" pki us.example.org ca us
match from any for domain "elsewhere.example" action "out"
""").start()

    def use():
        for name in pairs:
            with Client(daemon.secure) as client:
                starttls(client, trusting(authority), name)
                send(client, bench, name)
        submit(daemon.port, recipients=["a@elsewhere.example"])

    use()
    eventually(lambda: len(sink.deliveries) == 1, "nothing was relayed")
    # What a renewal brings counts, too, and what it read.
    renewed = authority.issue("both.example.org", "rsa", file="renewed")
    combined(bench, renewed, "both.pem")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_log("info: certificates updated")
    use()
    eventually(lambda: len(sink.deliveries) == 2, "nothing was relayed")
    expect(all(d.certificate for d in sink.deliveries), "the relay showed no certificate")
    pairs |= {"us.example.org": ours, "renewed": renewed}
    pieces = [piece for pair in [*pairs.values(), authority] for piece in pair.secrets()]
    roles = daemon.roles()
    keys = roles.pop("keys")
    roles["supervisor"] = daemon.process.pid

    def found(pid):
        hits = set()
        for content in list(open_contents(pid)) + list(memory(pid)):
            hits |= {index for index, piece in enumerate(pieces) if piece in content}
        return hits

    # The search finds what is there: of each key at least one form.
    there = found(keys)
    start = 0
    for name, pair in pairs.items():
        count = len(pair.secrets())
        expect(there & set(range(start, start + count)), f"{name}: not even keys has it: the search is blind")
        start += count
    for role, pid in roles.items():
        hits = found(pid)
        expect(not hits, f"{role} has pieces {hits} of private keys")
    daemon.stop()


@case("{how} renews certificates; one whose key does not fit changes nothing", how=["SIGHUP", "smtpctl update pki"])
def renewal(bench, how):
    authority = Authority(bench)
    pair = authority.issue(NAME, "ec", file="served")
    daemon = server(bench, {NAME: pair}, "tls").start()

    def fingerprint():
        context = trusting(authority)
        with Client(daemon.secure) as client:
            starttls(client, context)
            der = client.socket.getpeercert(binary_form=True)
        return openssl("x509", "-inform", "DER", "-noout", "-fingerprint", "-sha256", stdin=der)

    def put(source):
        for kind in ["crt", "key"]:
            os.replace(bench.path(f"{source}.{kind}"), bench.path(f"served.{kind}"))

    first = fingerprint()
    session_before = Client(daemon.secure)
    starttls(session_before, trusting(authority))
    authority.issue(NAME, "rsa", file="next")
    put("next")
    if how == "SIGHUP":
        # The key in the certificate's file, too.
        os.replace(combined(bench, pair, "both.pem").certificate, pair.certificate)
        # Certificates are read again, and nothing else.
        with open(daemon.configuration, "w") as file:
            file.write("match from any for any reject\n")
        daemon.process.send_signal(signal.SIGHUP)
    else:
        expect("command succeeded" in daemon.ctl("update", "pki", NAME), "no word of success")
    daemon.wait_log("info: certificates updated")
    second = eventually(lambda: f if (f := fingerprint()) != first else None, "the old certificate is shown")
    send(session_before, bench, "renewed")
    expect_equal(len(delivered(bench)), 1, "messages")
    authority.issue(NAME, "ec", file="odd")
    os.replace(bench.path("odd.key"), bench.path("served.key"))
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_log("warn: certificates are not updated: pki mail.example.org: the key does not match")
    expect_equal(fingerprint(), second, "certificate")
    if how != "SIGHUP":
        for name, why in [(NAME, f"nothing is renewed: pki {NAME}: the key does not match"), ("other.example.org", "there is no pki")]:
            done = daemon.run_ctl("update", "pki", name)
            expect(done.returncode != 0 and why in done.stdout.decode(), f"{name}: {done}")
    os.chmod(bench.path("served.key"), 0o644)
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_log("warn: certificates are not updated: .*served.key: mode 644 is too open")
    expect_equal(fingerprint(), second, "certificate")
    # Twice: with the second one the key from before the first was dropped.
    for count, options in enumerate([("short", "sha256"), ("rsa", "sha1")], 1):
        authority.issue(NAME, options[0], file="unusable", digest=options[1])
        put("unusable")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log("warn: certificates are not updated: pki mail.example.org: the certificate: it cannot be used",
                        count=count)
        expect_equal(fingerprint(), second, "certificate")


@case("files that cannot be used are told before anything starts")
def files(bench):
    authority = Authority(bench)
    good, other = authority.issue(NAME), authority.issue("other.example.org")
    pairs = {NAME: good}

    def says(text):
        log = start_fails(server(bench, pairs, "tls"), "-n")
        expect(text in log, f"wanted {text!r}, got {log!r}")

    good.key, kept = other.key, good.key
    says("pki mail.example.org: the key does not match the certificate")
    good.key = bench.path("encrypted.key")
    openssl("pkey", "-in", kept, "-aes256", "-passout", "pass:secret", "-out", good.key)
    os.chmod(good.key, 0o600)
    says("pki mail.example.org: the key is encrypted")
    good.key = bench.write("nonsense.key", "nonsense\n", 0o600)
    says("pki mail.example.org: not a private key in PEM")
    good.key = bench.path("absent.key")
    says("absent.key: No such file")
    good.key = bench.directory
    says("not a regular file")
    good.key = kept
    os.chmod(kept, 0o644)
    says("mode 644 is too open: at most 740")
    os.chmod(kept, 0o640)
    if bench.is_root:
        os.chown(kept, 65534, -1)
        says("belongs to uid 65534, not to root")
        os.chown(kept, 0, -1)
    good.certificate = bench.write("nonsense.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    says("pki mail.example.org: the certificate: not a certificate in PEM")
    good.certificate = bench.write("empty.crt", "")
    says("pki mail.example.org: the certificate: no certificate in PEM")
    good.certificate = bench.path(NAME + ".crt")
    os.chmod(good.certificate, 0o777)
    says("mode 777 is too open: at most 755")
    os.chmod(good.certificate, 0o644)
    pairs[NAME] = authority.issue(NAME, "short", file="short")
    says("pki mail.example.org: the certificate: it cannot be used: ee key too small")
    pairs[NAME] = authority.issue(NAME, "rsa", file="weak", digest="sha1")
    says("pki mail.example.org: the certificate: it cannot be used: ca md too weak")
    # Of a chain, too.
    pairs[NAME] = authority.issue(NAME, file="chain")
    bench.write("chain.crt", open(pairs[NAME].certificate).read() + open(bench.path("weak.crt")).read())
    says("pki mail.example.org: the certificate: it cannot be used: ca md too weak")
    # One file for both, which is as secret as a key.
    pairs[NAME] = both = combined(bench, good, "both.pem")
    os.chmod(both.key, 0o644)
    says("mode 644 is too open: at most 740")
    os.chmod(both.key, 0o600)
    pairs[NAME].key = other.key
    says("pki mail.example.org: the key does not match the certificate")
    pairs[NAME].key = both.certificate
    daemon = server(bench, pairs, "tls", more=f'ca both cert "{both.certificate}"\n').start()
    with Client(daemon.secure) as client:
        starttls(client, trusting(authority))
        client.command("EHLO client.example.org")


@case("what TLS cannot use is told all at once, with line and caret, beside every other mistake")
def all_at_once(bench):
    authority = Authority(bench)
    good, other, open_key = (authority.issue(name) for name in ["a.test", "b.test", "c.test"])
    os.chmod(open_key.key, 0o644)
    nonsense = bench.write("nonsense.crt", "nonsense\n")
    rows = [f'pki a.test cert "{good.certificate}"',
            f'pki a.test key "{other.key}"',
            f'pki b.test cert "{bench.path("absent")}"',
            f'pki b.test key "{other.key}"',
            f'pki c.test cert "{open_key.certificate}"',
            f'pki c.test key "{open_key.key}"',
            f'pki d.test cert "{nonsense}"',
            f'pki d.test key "{other.key}"',
            f'ca x cert "{nonsense}"',
            'listen on 127.0.0.1 tls pki a.test ciphers "NONSENSE"',
            'listen on 127.0.0.1 port 26 tls pki a.test protocols "tlsv9"',
            'action r relay tls ciphers "NONSENSE"',
            'queue ttl 4',
            'match from any for any reject']
    # The line, the reason, and what the caret stands below.
    wrong = {2: ("pki a.test: the key does not match the certificate", f'"{other.key}"'),
             3: (f'{bench.path("absent")}: No such file', f'"{bench.path("absent")}"'),
             6: ("mode 644 is too open", f'"{open_key.key}"'),
             7: ("pki d.test: the certificate: no certificate in PEM", f'"{nonsense}"'),
             9: ("ca x: no certificate in PEM", f'"{nonsense}"'),
             10: ("ciphers: ", '"NONSENSE"'),
             11: ("protocols: no protocol of TLS is called tlsv9", '"tlsv9"'),
             12: ("ciphers: ", '"NONSENSE"'),
             13: ('"4" is no duration', "4")}
    path = bench.write("check.conf", "\n".join(rows) + "\n")
    result = subprocess.run([SMTPD, "-n", "-S", bench.path("none"), "-f", path], text=True,
                            capture_output=True, timeout=20)
    expect_equal(result.returncode, 1)
    said = result.stderr.splitlines()
    expect(f"{len(wrong)} errors" in said, result.stderr)
    for number, (reason, below) in wrong.items():
        at = [i for i, text in enumerate(said) if text.startswith(f"{path}:{number}: ")]
        expect_equal(len(at), 1, f"errors of line {number}: {result.stderr}")
        expect(reason in said[at[0]], f"wanted {reason!r} in {said[at[0]]!r}")
        expect(said[at[0] + 2].strip().startswith("^"), said[at[0] + 2])
        column = said[at[0] + 2].index("^")
        expect(said[at[0] + 1][column:].startswith(below), f"{said[at[0] + 1]}\n{said[at[0] + 2]}")


@case("protocols and ciphers are what the listener says")
def options(bench):
    authority = Authority(bench)
    pair = authority.issue(NAME, "rsa")
    daemon = server(bench, {NAME: pair}, 'tls protocols "tlsv1.2" ciphers "ECDHE-RSA-AES128-GCM-SHA256"').start()
    with Client(daemon.secure) as client:
        starttls(client, trusting(authority))
        expect_equal(client.socket.cipher()[:2], ("ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2"), "cipher")
    try:
        with Client(daemon.secure) as client:
            starttls(client, trusting(authority, minimum_version=ssl.TLSVersion.TLSv1_3))
    except OSError:
        pass
    else:
        expect(False, "TLS 1.3 was taken")
    context = trusting(authority)
    context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    try:
        with Client(daemon.secure) as client:
            starttls(client, context)
    except OSError:
        pass
    else:
        expect(False, "another cipher was taken")
    daemon.wait_log(r"smtp bad-input result=\"TLS handshake failed: .*no shared cipher", count=1)
    daemon.wait_log(r"smtp disconnected reason=tls-accept-failed", count=2)


@case("keys are agreed on over curves, with dhe over small fields too ({dhe})", dhe=["none", "auto"])
def groups(bench, dhe):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME, "rsa")}, "tls", f"pki {NAME} dhe {dhe}\n").start()
    for group in ["X25519", "P-256", "ffdhe2048", "ffdhe8192"]:
        done = subprocess.run(["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{daemon.secure}",
                               "-tls1_3", "-groups", group], input=b"QUIT\r\n", capture_output=True, timeout=20)
        expected = not group.startswith("ffdhe") or (group == "ffdhe2048" and dhe == "auto")
        expect_equal(done.returncode == 0, expected, group)


def handshake(daemon, *options):
    """Whether openssl s_client gets a session by these options."""
    done = subprocess.run(["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{daemon.secure}", *options],
                          input=b"QUIT\r\n", capture_output=True, timeout=20)
    return done.returncode == 0


def known(cipher):
    """Whether the openssl that is here has a cipher of TLS 1.2, which may be too weak for it to use unasked."""
    done = subprocess.run(["openssl", "ciphers", f"{cipher}:@SECLEVEL=0"], capture_output=True, timeout=20)
    return cipher in done.stdout.decode().strip().split(":")


WEAK = {
    "rsa": ["AES128-SHA", "AES256-SHA256", "AES256-GCM-SHA384", "AES128-CCM", "NULL-SHA256", "DES-CBC3-SHA", "RC4-SHA",
            "CAMELLIA128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-NULL-SHA",
            "ECDHE-RSA-DES-CBC3-SHA", "DHE-RSA-AES128-SHA", "AECDH-AES128-SHA", "AECDH-NULL-SHA",
            "ADH-AES128-GCM-SHA256", "ADH-AES256-SHA"],
    "ec": ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-NULL-SHA", "ECDHE-ECDSA-DES-CBC3-SHA"],
}


@case("old protocols and weak suites are refused unasked, whatever the client would take ({what})",
      what=[("rsa", "tls"), ("ec", "tls"), ("rsa", 'tls ciphers "DEFAULT:@SECLEVEL=0"')])
def weak(bench, what):
    kind, options = what
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME, kind)}, options, f"pki {NAME} dhe auto\n").start()
    good = f"ECDHE-{'RSA' if kind == 'rsa' else 'ECDSA'}-AES128-GCM-SHA256"
    expect(handshake(daemon, "-tls1_2", "-cipher", f"{good}:@SECLEVEL=0"), "a good suite is refused")
    failures = 0
    for version in ["-tls1", "-tls1_1"]:
        expect(not handshake(daemon, version, "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"), version)
        failures += 1
        daemon.wait_log(r"TLS handshake failed: .*unsupported protocol", count=failures)
    if options != "tls":
        return
    suites = [cipher for cipher in WEAK[kind] if known(cipher)]
    expect(len(suites) > len(WEAK[kind]) / 2, f"openssl knows {suites} only")
    for count, cipher in enumerate(suites, 1):
        expect(not handshake(daemon, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0"), cipher)
        daemon.wait_log(r"TLS handshake failed: .*no shared cipher", count=count)


# By their numbers, since the openssl that is here may not know them any more: 3DES, RC4, NULL, DES, export, anonymous.
GONE = {"3DES": [0xc012, 0xc008, 0x0016, 0x000a], "RC4": [0xc011, 0xc007, 0x0005, 0x0004],
        "NULL": [0xc010, 0xc006, 0x003b, 0x0002, 0x0001], "DES": [0x0009, 0x0015, 0x0008, 0x0003],
        "anonymous": [0xc018, 0xc019, 0xc017, 0xc015, 0x00a6, 0x0034, 0x001b, 0x0018],
        "CBC with SHA-1": [0xc013, 0xc014, 0xc009, 0xc00a, 0x0033, 0x0039, 0x002f, 0x0035],
        "static RSA": [0x009c, 0x009d, 0x003c, 0x003d, 0xc09c, 0x0041]}


def first_record(daemon, suites):
    """The type of the first record that answers a hello of TLS 1.2 with these suites."""
    def vector(size, content):
        return len(content).to_bytes(size, "big") + content

    def numbers(*values):
        return b"".join(value.to_bytes(2, "big") for value in values)

    extensions = b"".join(numbers(kind) + vector(2, content) for kind, content in [
        (10, vector(2, numbers(0x001d, 0x0017))), (11, vector(1, b"\0")),
        (13, vector(2, numbers(0x0403, 0x0804, 0x0401, 0x0203, 0x0201)))])
    body = b"\x03\x03" + os.urandom(32) + vector(1, b"") + vector(2, numbers(*suites)) + vector(1, b"\0") + vector(2, extensions)
    with Client(daemon.secure) as client:
        client.command("EHLO client.example.org")
        client.command("STARTTLS", "220")
        client.send(b"\x16\x03\x01" + vector(2, b"\x01" + vector(3, body)))
        return client.socket.recv(1)


@case("suites that openssl itself has no more are refused ({kind})", kind=["rsa", "ec"])
def gone(bench, kind):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME, kind)}, "tls", f"pki {NAME} dhe auto\n").start()
    handshake_record, alert = b"\x16", b"\x15"
    expect_equal(first_record(daemon, [0x000a, 0xc02f, 0xc02b]), handshake_record, "a good suite among others")
    for what, suites in GONE.items():
        expect_equal(first_record(daemon, suites), alert, what)
    daemon.wait_log(r"TLS handshake failed: .*no shared cipher", count=len(GONE))


@case("a client of TLS 1.2 that has finite fields only is served where dhe says so ({dhe})", dhe=["none", "auto", "legacy"])
def finite_fields(bench, dhe):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME, "rsa")}, "tls", f"pki {NAME} dhe {dhe}\n").start()
    for cipher in ["DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-CHACHA20-POLY1305"]:
        expect_equal(handshake(daemon, "-tls1_2", "-cipher", cipher), dhe != "none", cipher)
    if dhe == "none":
        daemon.wait_log(r"TLS handshake failed: .*no shared cipher", count=2)
    else:
        daemon.wait_log(r"smtp tls ciphers=TLSv1\.2:DHE-RSA-AES128-GCM-SHA256:128")


@case("a ticket from a listener that asks for no certificate opens none that does ({version})",
      version=["TLSv1_2", "TLSv1_3"])
def foreign_ticket(bench, version):
    authority = Authority(bench)
    friend = authority.issue("friend.example.org", "rsa")
    port = free_port()
    daemon = server(bench, {NAME: authority.issue(NAME)}, "tls", more=f'''ca clients cert "{authority.certificate}"
listen on 127.0.0.1 port {port} tls-require verify ca clients pki {NAME}
''').start()
    context = trusting(authority, maximum_version=ssl.TLSVersion[version], minimum_version=ssl.TLSVersion[version])

    def ticket(port, context):
        with Client(port) as client:
            starttls(client, context)
            client.command("EHLO client.example.org")
            return client.socket.session

    with Client(port) as client:
        try:
            starttls(client, context, session=ticket(daemon.secure, context))
            client.command("EHLO client.example.org")
        except (OSError, AssertionError):
            pass
        else:
            expect(False, "a client without a certificate was let in")
    daemon.wait_log(r"smtp disconnected reason=tls-accept-failed")
    # Who has a certificate shows it each time.
    context.load_cert_chain(friend.certificate, friend.key)
    session = ticket(port, context)
    with Client(port) as client:
        starttls(client, context, session=session)
        client.command("EHLO client.example.org")
        expect(not client.socket.session_reused, "the session was resumed")


@case("a ticket is taken by the listener that gave it, not by one with other ciphers, and for the same name ({version})",
      version=["tls1_2", "tls1_3"])
def bound_ticket(bench, version):
    authority = Authority(bench)
    other = "other.example.org"
    port = free_port()
    daemon = server(bench, {NAME: authority.issue(NAME, "rsa"), other: authority.issue(other, "rsa")}, "tls",
                    more=f"""listen on 127.0.0.1 port {port} tls pki {NAME} ciphers "ECDHE-RSA-CHACHA20-POLY1305"
""").start()
    ticket = bench.path("ticket")

    def session(port, name, *arguments):
        """Whether the session was resumed."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-starttls", "smtp", "-servername", name, f"-{version}",
             "-ign_eof", *arguments], input=b"QUIT\r\n", capture_output=True, timeout=20)
        expect_equal(done.returncode, 0, done.stderr[-300:])
        expect(b"\nReused, " in done.stdout or b"\nNew, " in done.stdout, done.stdout[-500:])
        return b"\nReused, " in done.stdout

    for second, name, is_resumed in [(daemon.secure, NAME, True), (port, NAME, False), (daemon.secure, other, False)]:
        expect(not session(daemon.secure, NAME, "-sess_out", ticket), "the first session was resumed")
        expect_equal(session(second, name, "-sess_in", ticket), is_resumed, f"resumed at {second} for {name}")


@case("a session ticket is good for another frontend")
def tickets(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME)}, "tls").start()
    context = trusting(authority, maximum_version=ssl.TLSVersion.TLSv1_2)
    with Client(daemon.secure) as client:
        starttls(client, context)
        client.command("EHLO client.example.org")
        ticket = client.socket.session
    daemon.kill_role("frontend")
    eventually(daemon.greets, "no frontend")
    with Client(daemon.secure) as client:
        starttls(client, context, session=ticket)
        client.command("EHLO client.example.org")
        expect(client.socket.session_reused, "the session was not resumed")


# Relays.


def relay(bench, url, more="", options=""):
    return Daemon(bench, f"""{more}
mta limit inet4
action "out" relay host "{url}" {options}
match from any for any action "out"
""")


@case("an opportunistic relay uses what it is offered, and says so")
def opportunistic(bench):
    pair = self_signed(bench, "sink.example.org", "rsa")
    sink = TLSSink(bench, pair)
    daemon = relay(bench, f"smtp://127.0.0.1:{sink.port}").start()
    submit(daemon.port, subject="opportunistic")
    daemon.wait_empty()
    expect(sink.deliveries[0].cipher is not None, "it went in clear")
    daemon.wait_log(r'mta delivery .* source="127\.0\.0\.1" relay="127\.0\.0\.1 ')
    daemon.wait_log(r"mta tls ciphers=TLSv1\.3:TLS_\w+:256")
    daemon.wait_log(rf'mta cert-check result="unverified" fingerprint="SHA256:{pair.fingerprint()}"')


@case("an opportunistic relay goes on in clear when TLS fails ({mode})", mode=["garbage", "refuse", "none"])
def in_clear(bench, mode):
    sink = TLSSink(bench, None, mode)
    daemon = relay(bench, f"smtp://127.0.0.1:{sink.port}").start()
    submit(daemon.port, subject="clear")
    daemon.wait_empty()
    expect_equal(sink.subjects(), ["clear"], "messages")
    expect_equal(sink.connections, 2 if mode == "garbage" else 1, "connections")
    expect("Disabling route" not in daemon.log(), "a route was disabled")


@case("a reply put behind the 220 to STARTTLS is not taken")
def reply_injected(bench):
    sink = TLSSink(bench, None, "injected")
    daemon = relay(bench, f"smtp://127.0.0.1:{sink.port}").start()
    submit(daemon.port)
    daemon.wait_log(r"mta error reason=Data behind the reply to STARTTLS")
    expect_equal(sink.deliveries, [], "messages")
    expect_equal(len(daemon.queue()), 1, "envelopes")


def certificate(bench, authority, kind):
    return {
        "good": lambda: authority.issue("localhost", "rsa"),
        "wrong name": lambda: authority.issue("other.example.org"),
        "expired": lambda: authority.issue("localhost", expired=True),
        "self-signed": lambda: self_signed(bench, "localhost"),
    }[kind]()


TRUST = [(url, kind) for url in ["smtp+tls", "smtps", "tls"] for kind in ["good", "wrong name", "expired", "self-signed"]]


@case("a relay that has to verify, to a host whose certificate is {trust}", trust=TRUST)
def verifying(bench, trust):
    url, kind = trust
    authority = Authority(bench)
    sink = TLSSink(bench, certificate(bench, authority, kind), "smtps" if url == "smtps" else "starttls")
    scheme, options = ("smtp", 'tls ca "us"') if url == "tls" else (url, 'ca "us"')
    daemon = relay(bench, f"{scheme}://localhost:{sink.port}", f'ca us cert "{authority.certificate}"\n', options).start()
    submit(daemon.port, subject="verified")
    if kind == "good":
        daemon.wait_empty()
        expect_equal(sink.subjects(), ["verified"], "messages")
        daemon.wait_log(r'mta cert-check result="valid" fingerprint="SHA256:')
        return
    why = {"wrong name": "hostname mismatch", "expired": "certificate has expired", "self-signed": "self-signed certificate"}[kind]
    daemon.wait_log(rf"mta error reason=TLS handshake failed: certificate verify failed: (?i:{why})")
    found = eventually(lambda: q if "TLS handshake failed" in str(q := daemon.queue()) else None, "no error is noted")
    expect_equal(len(found), 1, "envelopes")
    expect_equal(sink.deliveries, [], "messages")


@case("tls no-verify: encrypted or not at all, whatever the certificate")
def unverified(bench):
    sink = TLSSink(bench, self_signed(bench, "other.example.org"))
    daemon = relay(bench, f"smtp://localhost:{sink.port}", options="tls no-verify").start()
    submit(daemon.port, subject="no-verify")
    daemon.wait_empty()
    expect(sink.deliveries[0].cipher is not None, "it went in clear")
    daemon.stop()
    clear = TLSSink(bench, None, "none")
    daemon.configure(f"""
mta limit inet4
action "out" relay host "smtp://localhost:{clear.port}" tls no-verify
match from any for any action "out"
""")
    daemon.start()
    submit(daemon.port)
    daemon.wait_log("mta error reason=TLS required but not supported by remote host")
    expect_equal(clear.deliveries, [], "messages")
    expect(b"MAIL" not in b"".join(clear.commands), "MAIL was sent in clear")


@case("a certificate that is not good is good enough where none is verified ({what})",
      what=[(kind, options) for kind in ["expired", "wrong name"] for options in ["", "tls no-verify"]])
def not_good(bench, what):
    kind, options = what
    authority = Authority(bench)
    pair = certificate(bench, authority, kind)
    sink = TLSSink(bench, pair)
    daemon = relay(bench, f"smtp://localhost:{sink.port}", f'ca us cert "{authority.certificate}"\n',
                   f'{options} ca "us"').start()
    submit(daemon.port, subject="expired")
    daemon.wait_empty()
    expect_equal([d.cipher is not None for d in sink.deliveries], [True], "whether it was encrypted")
    daemon.wait_log(rf'mta cert-check result="unverified" fingerprint="SHA256:{pair.fingerprint()}"')


@case("a relay speaks the protocols, with the ciphers, that its action says")
def relay_options(bench):
    cipher = "ECDHE-RSA-AES128-GCM-SHA256"
    sink = TLSSink(bench, self_signed(bench, "localhost", "rsa"))
    daemon = relay(bench, f"smtp+tls://localhost:{sink.port}",
                   options=f'tls no-verify protocols "tlsv1.2" ciphers "{cipher}"').start()
    submit(daemon.port, subject="options")
    daemon.wait_empty()
    expect_equal([d.cipher[:2] for d in sink.deliveries], [(cipher, "TLSv1.2")], "cipher")


@case("a relay's second connection to a host is resumed, and never by what asks for more: {form}",
      form=["starttls", "smtps"])
def resumed(bench, form):
    sink = TLSSink(bench, self_signed(bench, "localhost"), form)
    scheme = "smtps" if form == "smtps" else "smtp+tls"
    daemon = Daemon(bench, f"""
mta limit inet4 session-mail-max 1
action "lax" relay host "{scheme}://localhost:{sink.port}" tls no-verify
action "strict" relay host "{scheme}://localhost:{sink.port}"
match from any for domain "lax.example" action "lax"
match from any for domain "strict.example" action "strict"
""").start()
    for number in range(3):
        submit(daemon.port, recipients=["a@lax.example"], subject=f"{number}")
        daemon.wait_empty()
    expect_equal([d.is_resumed for d in sink.deliveries], [False, True, True], "resumed")
    expect_equal(len(re.findall(r'mta cert-check result="unverified"', daemon.log())), 3, "what the log says of them")
    submit(daemon.port, recipients=["a@strict.example"])
    daemon.wait_log(r"mta error reason=TLS handshake failed: certificate verify failed: (?i:self-signed certificate)")
    expect_equal(len(sink.deliveries), 3, "messages")


@case("a host that closes the connection on a ticket is met by a whole handshake, and not in clear: {form}",
      form=["opportunistic", "starttls", "smtps"])
def disliked(bench, form):
    sink = TLSSink(bench, self_signed(bench, "localhost"), "smtps" if form == "smtps" else "starttls")
    scheme = {"opportunistic": "smtp", "starttls": "smtp+tls", "smtps": "smtps"}[form]
    options = "" if form == "opportunistic" else " tls no-verify"
    daemon = Daemon(bench, f"""
mta limit inet4 session-mail-max 1
action "out" relay host "{scheme}://localhost:{sink.port}"{options}
match from any for any action "out"
""").start()
    submit(daemon.port, subject="first")
    daemon.wait_empty()
    sink.dislikes_tickets = True
    submit(daemon.port, subject="second")
    daemon.wait_empty()
    daemon.wait_log(r"mta error reason=TLS failed \(.+\), going on with a new session of TLS")
    expect_equal(sink.disliked, 1, "tickets that were shown")
    expect_equal(sink.subjects(), ["first", "second"], "messages")
    expect_equal([d.is_resumed for d in sink.deliveries], [False, False], "resumed")
    expect(all(d.cipher is not None for d in sink.deliveries), "it went in clear")
    expect("going on in clear" not in daemon.log() and "Disabling route" not in daemon.log(), daemon.log())


@case("a relay shows its certificate, signed for by keys, to a host that asks ({kind})", kind=["rsa", "ec", "ed25519"])
def client_certificate(bench, kind):
    authority = Authority(bench)
    ours = authority.issue("us.example.org", kind)
    sink = TLSSink(bench, authority.issue("localhost", "rsa"), authority=authority)
    daemon = relay(bench, f"smtp+tls://localhost:{sink.port}",
                   ours.pki("us.example.org") + f'ca us cert "{authority.certificate}"\n',
                   'pki "us.example.org" ca "us"').start()
    submit(daemon.port, subject="client")
    daemon.wait_empty()
    with open(ours.certificate) as file:
        expect_equal(sink.deliveries[0].certificate, ssl.PEM_cert_to_DER_cert(file.read()), "certificate")


@case("a relay whose certificate keys cannot sign for waits: nothing goes in clear, and the host is not blamed")
def unsigned(bench):
    authority = Authority(bench)
    ours = authority.issue("us.example.org")
    sink = TLSSink(bench, authority.issue("localhost", "rsa"), authority=authority, verify=ssl.CERT_OPTIONAL)
    daemon = relay(bench, f"smtp://localhost:{sink.port}", ours.pki("us.example.org"), 'pki "us.example.org"').start()
    os.rename(ours.key, bench.path("away"))
    daemon.kill_role("keys")
    daemon.wait_log("warn: certificates are not updated: pki us.example.org: ")
    submit(daemon.port)
    daemon.wait_log(r"mta error reason=keys refused to sign")
    eventually(lambda: "keys refused to sign" in str(daemon.queue()), "no error is noted")
    expect_equal((sink.connections, sink.deliveries), (1, []), "connections and messages")
    expect(b"MAIL" not in b"".join(sink.commands), "MAIL was sent in clear")


@case("with TLS 1.2 a relay does without an Ed25519 certificate, and stays encrypted ({kind})", kind=["ec", "ed25519"])
def old_client_certificate(bench, kind):
    authority = Authority(bench)
    sink = TLSSink(bench, authority.issue("localhost", "rsa"), authority=authority,
                   version=ssl.TLSVersion.TLSv1_2, verify=ssl.CERT_OPTIONAL)
    daemon = relay(bench, f"smtp://localhost:{sink.port}", authority.issue("us.example.org", kind).pki("us.example.org"),
                   'pki "us.example.org"').start()
    submit(daemon.port, subject="client")
    daemon.wait_empty()
    expect(sink.deliveries[0].cipher is not None, "it went in clear")
    expect_equal(sink.deliveries[0].certificate is not None, kind == "ec", "whether a certificate was shown")


@case("smtp+notls stays in clear; with tls it is a temporary failure")
def without(bench):
    sink = TLSSink(bench, self_signed(bench, "localhost"))
    daemon = relay(bench, f"smtp+notls://localhost:{sink.port}").start()
    submit(daemon.port, subject="notls")
    daemon.wait_empty()
    expect(sink.deliveries[0].cipher is None, "it was encrypted")
    daemon.stop()
    daemon.configure(f"""
mta limit inet4
action "out" relay host "smtp+notls://localhost:{sink.port}" tls
match from any for any action "out"
""")
    daemon.start()
    submit(daemon.port)
    eventually(lambda: "TLS required but forbidden" in str(daemon.queue()), "no error is noted")
    expect_equal(len(sink.deliveries), 1, "messages")


@case("smtplib talks to it over TLS, with a message of 4 MB")
def library(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME, "rsa")}, "tls").start()
    with smtplib.SMTP("127.0.0.1", daemon.secure, timeout=30) as client:
        client._host = NAME
        client.starttls(context=trusting(authority))
        body = message("large", "0123456789abcdef" * 4 + "\r\n") + (b"x" * 76 + b"\r\n") * 54000
        client.sendmail("a@example.org", [f"{bench.recipient}@example.org"], body)
    text = delivered(bench)[0]
    expect(len(text) > 4_000_000 and text.count(b"x" * 76 + b"\n") == 54000, f"{len(text)} bytes")


@case("keys is a process of its own that no network reaches")
def keys_role(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME)}, "tls").start()
    keys = eventually(lambda: daemon.roles().get("keys"), "no keys role")
    with Client(daemon.secure) as client:
        starttls(client, trusting(authority))
        time.sleep(0.1)
        names = [os.readlink(f"/proc/{keys}/fd/{n}") for n in os.listdir(f"/proc/{keys}/fd")]
    expect(not [n for n in names if n.endswith(".key")], f"a key file stays open: {names}")
    inodes = {re.match(r"socket:\[(\d+)\]", n).group(1) for n in names if n.startswith("socket:")}
    for table in ["tcp", "tcp6", "udp", "udp6"]:
        with open(f"/proc/{keys}/net/{table}") as file:
            used = {line.split()[9] for line in file.read().splitlines()[1:]}
        expect(not inodes & used, "keys has a socket of the network")
