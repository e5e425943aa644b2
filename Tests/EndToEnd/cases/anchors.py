# SPDX-License-Identifier: ISC
"""Whom everybody on this machine trusts: that counts where a configuration names no `ca`."""

import os
import shutil

from cases.tls import NAME, delivered, relay, send, server, starttls, trusting
from harness.case import case, eventually, expect, expect_equal
from harness.certificates import Authority
from harness.client import Client, submit
from harness.namespace import seeing
from harness.tlssink import TLSSink


def trusted_by_system(bench, authority):
    """What a daemon is started with, so that the system's anchors are this one."""
    directory = bench.path("anchors")
    os.mkdir(directory)
    shutil.copy(authority.certificate, os.path.join(directory, "ca-certificates.crt"))
    return seeing(bench, {"/etc/ssl/certs": directory})


@case("{options} without a ca: a client with a certificate of the system's anchors gets in, and no other",
      options=["tls-require verify", "smtps verify"])
def listeners(bench, options):
    ours, theirs = Authority(bench, "ours"), Authority(bench, "theirs")
    friend = ours.issue("friend.example.org")
    stranger = theirs.issue("friend.example.org", file="stranger")
    command = trusted_by_system(bench, ours)
    # The server's own certificate is of those whom the system does not know.
    daemon = server(bench, {NAME: theirs.issue(NAME)}, options)
    daemon.command = command
    daemon.start()

    def attempt(pair):
        context = trusting(theirs, shown=pair)
        if options.startswith("smtps"):
            client = Client(daemon.secure, greeting=None)
            client.socket = context.wrap_socket(client.socket, server_hostname=NAME)
            client.expect("220")
        else:
            client = starttls(Client(daemon.secure), context)
        with client:
            send(client, bench, "verified")

    attempt(friend)
    daemon.wait_log(rf'smtp cert-check result="verified" fingerprint="SHA256:{friend.fingerprint()}"')
    for pair in [None, stranger]:
        try:
            attempt(pair)
        except (OSError, AssertionError):
            continue
        expect(False, "a client without a certificate of the anchors was let in")
    daemon.wait_log(r"smtp disconnected reason=tls-accept-failed", count=2)
    daemon.wait_log(r"smtp bad-input result=.*certificate verify failed: self-signed certificate in certificate chain")
    expect_equal(len(delivered(bench)), 1, "messages")


@case("a relay that has to verify, without a ca: hosts with certificates of the system's anchors get mail, and no other "
      "({url})", url=["smtp+tls", "smtps", "tls"])
def relays(bench, url):
    ours, theirs = Authority(bench, "ours"), Authority(bench, "theirs")
    mode = "smtps" if url == "smtps" else "starttls"
    friend = TLSSink(bench, ours.issue("localhost", file="friend"), mode)
    stranger = TLSSink(bench, theirs.issue("localhost", file="stranger"), mode)
    scheme, options = ("smtp", "tls") if url == "tls" else (url, "")
    daemon = relay(bench, f"{scheme}://localhost:{friend.port}", f"""
action "other" relay host "{scheme}://localhost:{stranger.port}" {options}
match from any for domain "other.test" action "other"
""", options)
    daemon.command = trusted_by_system(bench, ours)
    daemon.start()
    submit(daemon.port, subject="verified")
    submit(daemon.port, subject="stranger", recipients=["x@other.test"])
    daemon.wait_log(r'mta cert-check result="valid" fingerprint="SHA256:')
    daemon.wait_log(r"mta error reason=TLS handshake failed: certificate verify failed: unable to get local issuer")

    def waiting():
        return [(envelope["recipient"], envelope["error"] or "") for envelope in daemon.queue()]

    eventually(lambda: len(waiting()) == 1 and "TLS handshake failed" in waiting()[0][1], lambda: f"the queue: {waiting()}")
    expect_equal(waiting()[0][0], "x@other.test", "who waits")
    expect_equal((friend.subjects(), stranger.subjects()), (["verified"], []), "messages")
