# SPDX-License-Identifier: ISC
"""What Postfix's posttls-finger says of our listeners."""

import re

from harness.case import case, expect, expect_equal
from harness.certificates import Authority, self_signed
from harness.peers import posttls_finger
from cases.auth import hashed
from cases.tls import NAME, server


@case("posttls-finger verifies a listener with {options}, and is offered AUTH under TLS alone",
      options=["tls", "tls-require", "smtps"])
def offered(bench, options):
    authority = Authority(bench)
    users = f'table users {{ "alice" = "{hashed()}" }}\n'
    daemon = server(bench, {NAME: authority.issue(NAME, "rsa")}, f"{options} auth <users>", users).start()
    wrapped = ["-w"] if options == "smtps" else []
    status, said = posttls_finger(bench, daemon.secure, NAME, authority, *wrapped)
    expect_equal(status, 0, said)
    expect(f"matched peername: {NAME}" in said, said)
    expect(re.search(r"Verified TLS connection established to \S+: TLSv1\.3 with cipher TLS_\w+ ", said), said)
    greetings = said.split("> EHLO client.example.org")[1:]
    expect_equal(["< 250-AUTH PLAIN LOGIN" in g for g in greetings], [True] if wrapped else [False, True], said)
    expect_equal(["< 250-STARTTLS" in g for g in greetings], [False] if wrapped else [True, False], said)
    daemon.wait_log(r"smtp tls ciphers=TLSv1\.3:TLS_\w+:256")


@case("posttls-finger comes back with its ticket, by TLS {version}", version=["1.2", "1.3"])
def resumed(bench, version):
    authority = Authority(bench)
    daemon = server(bench, {NAME: authority.issue(NAME)}, "tls").start()
    status, said = posttls_finger(bench, daemon.secure, NAME, authority, "-p", f">=TLSv{version},<=TLSv{version}", "-r", "1",
                                  "-L", "verbose")
    expect_equal(status, 0, said)
    expect("Reusing old session" in said and "Found a previously used server" in said, said)
    expect(f"TLSv{version} with cipher" in said, said)


@case("posttls-finger does not take a listener whose certificate is {kind}", kind=["for another name", "a stranger's"])
def refused(bench, kind):
    authority = Authority(bench)
    pair = authority.issue("other.example.org") if kind == "for another name" else self_signed(bench, NAME)
    daemon = server(bench, {NAME: pair}, "tls").start()
    _, said = posttls_finger(bench, daemon.secure, NAME, authority)
    expect("Verified TLS connection" not in said, said)
    why = "not matched" if kind == "for another name" else "self-signed certificate"
    expect(why in said or "Untrusted TLS connection" in said or "Trusted TLS connection" in said, said)
