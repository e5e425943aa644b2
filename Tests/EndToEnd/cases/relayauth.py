# SPDX-License-Identifier: ISC
"""AUTH at the hosts that mail is relayed to."""

import re

from harness.case import case, eventually, expect, expect_equal
from harness.certificates import Authority
from harness.client import submit
from harness.daemon import Daemon, free_port
from harness.mailbox import Maildir
from harness.tlssink import TLSSink
from cases.auth import NAME, PASSWORD, hashed

LOGIN = ("relay@example.org", "pass:word with blanks")


def relay(bench, authority, url, table=None, more=""):
    credentials = bench.write("secrets", table or f"Label {':'.join(LOGIN)}\n", 0o600)
    return Daemon(bench, f"""ca us cert "{authority.certificate}"
table secrets "{credentials}"
{more}
mta limit inet4
action "out" relay host "{url}" ca us auth <secrets>
match from any for any action "out"
""")


def sink(bench, authority, mode, *mechanisms, login=LOGIN):
    return TLSSink(bench, authority.issue("localhost"), mode, mechanisms=mechanisms, login=login)


@case("a relay says who it is over {how}", how=[("starttls", "PLAIN", "LOGIN"), ("starttls", "LOGIN"), ("smtps", "PLAIN")])
def known(bench, how):
    mode, *mechanisms = how
    authority = Authority(bench)
    host = sink(bench, authority, mode, *mechanisms)
    scheme = "smtps" if mode == "smtps" else "smtp+tls"
    daemon = relay(bench, authority, f"{scheme}://label@localhost:{host.port}").start()
    for number in range(3):
        submit(daemon.port, subject=f"known {number}")
    daemon.wait_empty()
    expect_equal(sorted(host.subjects()), ["known 0", "known 1", "known 2"], "messages")
    expect_equal(set(host.logins), {(mechanisms[0], *LOGIN)}, "what was said")
    expect_equal(len(host.logins), host.connections, "AUTH a connection")
    expect(LOGIN[1] not in daemon.log(), "the log has the password")


@case("a host that refuses who we are defers the mail, with its words")
def refused(bench):
    authority = Authority(bench)
    host = sink(bench, authority, "starttls", "PLAIN", login=("relay@example.org", "another"))
    daemon = relay(bench, authority, f"smtp+tls://label@localhost:{host.port}").start()
    submit(daemon.port)
    daemon.wait_log(r"mta error reason=AUTH rejected: 535 5\.7\.8 go away")
    found = eventually(lambda: q if "AUTH rejected: 535" in str(q := daemon.queue()) else None,
                       lambda: f"no error is noted: {daemon.queue()}")
    expect_equal(len(found), 1, "envelopes")
    expect_equal(host.deliveries, [], "messages")


@case("a host without a mechanism of ours is told nothing, and the mail waits")
def unavailable(bench):
    authority = Authority(bench)
    host = sink(bench, authority, "starttls", "CRAM-MD5")
    daemon = relay(bench, authority, f"smtp+tls://label@localhost:{host.port}").start()
    submit(daemon.port)
    daemon.wait_log(r"mta error reason=AUTH required but not supported by remote host")
    expect_equal(host.logins, [], "what was said")
    expect_equal(len(daemon.queue()), 1, "envelopes")


@case("a label that the table lacks defers the mail, and update table helps it on")
def missing(bench):
    authority = Authority(bench)
    host = sink(bench, authority, "starttls", "PLAIN")
    daemon = relay(bench, authority, f"smtp+tls://label@localhost:{host.port}", "other user:password\n").start()
    submit(daemon.port, subject="late")
    daemon.wait_log(r"smtp-out: Failed to retrieve credentials for \[relay:localhost,.*auth=label.*\]: the table has no label")
    expect_equal(host.connections, 0, "connections")
    eventually(lambda: "Could not retrieve credentials" in str(daemon.queue()),
               lambda: f"no error is noted: {daemon.queue()}")
    bench.write("secrets", f"label {':'.join(LOGIN)}\n", 0o600)
    daemon.ctl("update", "table", "secrets")

    def helped():
        daemon.ctl("schedule", "all")
        return host.deliveries

    eventually(helped, lambda: f"it is never delivered: {daemon.log()[-600:]}", 40)


@case("one server of ours takes mail of another with AUTH")
def ourselves(bench):
    authority = Authority(bench)
    pair = authority.issue("localhost")
    users = bench.write("users", f"gateway {hashed()}\n", 0o600)
    plain, secure = free_port(), free_port()
    inner = Daemon(bench, f"""{pair.pki("localhost")}
table users "{users}"
listen on 127.0.0.1 port {plain}
listen on 127.0.0.1 port {secure} smtps pki localhost auth <users> received-auth
action "in" maildir "{bench.directory_for('mail')}/%{{user.username}}"
match auth "gateway" from any for any action "in"
""", name="inner")
    inner.port = plain
    inner.start()
    outer = relay(bench, authority, f"smtps://label@localhost:{secure}", f"label gateway:{PASSWORD}\n").start()
    submit(outer.port, recipients=(f"{bench.recipient}@example.org",), subject="through both")
    outer.wait_empty()
    box = Maildir(bench.path("mail", bench.recipient))
    text = eventually(box.messages, lambda: f"nothing was delivered: {inner.log()[-600:]}")[0].decode()
    expect("auth=yes user=gateway" in text, text[:500])
    inner.wait_log(r"smtp authentication user=gateway result=ok")
