# SPDX-License-Identifier: ISC
"""Mail handed to an LMTP server: Dovecot, over a local socket and over TCP."""

import os
import socket
import stat
import threading
import time

from harness.case import case, eventually, expect, expect_equal
from harness.client import message, submit
from harness.daemon import Daemon
from harness.dovecot import Dovecot
from harness.mailbox import Maildir
from harness.users import make_users


def configuration(target, options=""):
    return f"""
action "dovecot" lmtp "{target}" {options}
match from any for domain "in.test" action "dovecot"
"""


def deliver(daemon, condition, text):
    """Schedules all mail again and again, since a server that failed is left alone for a while."""

    def look():
        if condition():
            return True
        daemon.run_ctl("schedule", "all")
        time.sleep(1)
        return False

    eventually(look, text, 45)


@case("Dovecot: one connection takes a message for two users, and each has it ({way})",
      way=["socket", "socket rcpt-to", "tcp"])
def two_recipients(bench, way):
    users = make_users(bench)
    dovecot = Dovecot(bench, [user.name for user in users])
    target = f"127.0.0.1:{dovecot.port}" if way == "tcp" else dovecot.socket
    options = "rcpt-to" if "rcpt-to" in way else ""
    daemon = Daemon(bench, configuration(target, options)).start()
    before = dovecot.log().count("Connect from")
    for _ in range(3):
        submit(daemon.port, recipients=[f"{user.name}@in.test" for user in users])
    for user in users:
        for text in Maildir(dovecot.box(user.name)).wait(3):
            expect(b"Subject: test" in text, f"the message is {text[:300]!r}")
            expect(text.startswith(b"Return-Path: <a@example.org>"), f"{text[:100]!r}")
    daemon.wait_empty()
    daemon.wait_log(r"mda delivery .*user=talaria-test-b .*result=Ok stat=Delivered", count=3)
    expect_equal(dovecot.log().count("Connect from") - before, 1, "connections")
    daemon.stop()


@case("Dovecot: a user whom it does not know fails alone")
def unknown_user(bench):
    users = make_users(bench)
    dovecot = Dovecot(bench, [users[0].name])
    daemon = Daemon(bench, configuration(dovecot.socket) + f"""
action "back" maildir "{bench.directory_for('back')}/%{{user.username}}"
match from any for domain "back.test" action "back"
""").start()
    submit(daemon.port, sender=f"{bench.recipient}@back.test",
           recipients=[f"{user.name}@in.test" for user in users])
    Maildir(dovecot.box(users[0].name)).wait(1)
    notice = Maildir(bench.path("back", bench.recipient)).wait(1)[0]
    expect(b"talaria-test-b@in.test" in notice and b"5.1.1" in notice, f"{notice[:2000]!r}")
    expect(b"Recipient: rfc822;talaria-test-a" not in notice, "the other one is in the notice")
    daemon.wait_empty()
    daemon.stop()


@case("Dovecot: over quota is a temporary or permanent failure of that user alone, as it says")
def over_quota(bench):
    users = make_users(bench)
    dovecot = Dovecot(bench, [user.name for user in users], quota="""
mail_plugins = quota
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=1M
}
protocol lmtp {
  lmtp_rcpt_check_quota = no
  quota_full_tempfail = yes
}
quota_full_tempfail = yes
""")
    daemon = Daemon(bench, configuration(dovecot.socket)).start()
    body = message(text="0123456789abcdef\r\n" * 80000)
    submit(daemon.port, recipients=[f"{users[0].name}@in.test"], body=body)
    daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(452 4\.2\.2 .*")
    submit(daemon.port, recipients=[f"{users[0].name}@in.test"])
    Maildir(dovecot.box(users[0].name)).wait(1)
    expect_equal(len(daemon.queue()), 1, "envelopes that wait")
    daemon.stop()


@case("a socket that is not there defers, and mail is delivered when it is")
def late_server(bench):
    users = make_users(bench)
    daemon = Daemon(bench, configuration(bench.path("dovecot", "lmtp"))).start()
    submit(daemon.port, recipients=[f"{users[0].name}@in.test"])
    daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(.*No such file or directory.*\)")
    dovecot = Dovecot(bench, [user.name for user in users])
    deliver(daemon, lambda: Maildir(dovecot.box(users[0].name)).messages(), "never delivered")
    daemon.wait_empty()
    daemon.stop()


@case("the socket is connected as the action's user, and never as root")
def socket_rights(bench):
    users = make_users(bench)
    dovecot = Dovecot(bench, [user.name for user in users])
    os.chown(dovecot.socket, users[1].uid, users[1].gid)
    os.chmod(dovecot.socket, 0o600)
    daemon = Daemon(bench, configuration(dovecot.socket) + f"""
action "as-b" lmtp "{dovecot.socket}" rcpt-to user {users[1].name}
match from any for domain "b.test" action "as-b"
""").start()
    submit(daemon.port, recipients=[f"{users[0].name}@in.test"])
    daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(.*Permission denied.*\)")
    submit(daemon.port, recipients=[f"{users[0].name}@b.test"])
    Maildir(dovecot.box(users[0].name)).wait(1)
    expect_equal(stat.S_IMODE(os.stat(dovecot.socket).st_mode), 0o600, "mode of the socket")
    daemon.stop()


@case("Dovecot and delivery die in the middle of it all: every message arrives", seconds=90)
def server_dies(bench):
    users = make_users(bench)
    dovecot = Dovecot(bench, [user.name for user in users])
    daemon = Daemon(bench, configuration(f"127.0.0.1:{dovecot.port}")).start()
    for number in range(10):
        submit(daemon.port, recipients=[f"{user.name}@in.test" for user in users],
               subject=f"number {number}")
    dovecot.close()
    daemon.kill_role("delivery")
    again = Dovecot(bench, [user.name for user in users], port=dovecot.port)
    seen = []

    def all_there():
        seen[:] = [len({text.split(b"Subject: ")[1].split(b"\n")[0]
                        for text in Maildir(again.box(user.name)).messages()}) for user in users]
        return seen == [10, 10]

    deliver(daemon, all_there, lambda: f"only {seen} of 10 arrived")
    daemon.wait_empty()
    daemon.stop()


@case("lmtp: a server that speaks nonsense makes mail wait")
def nonsense(bench):
    listener = socket.create_server(("127.0.0.1", 0))
    bench.at_end(listener.close)

    def serve():
        try:
            while True:
                connection, _ = listener.accept()
                connection.sendall(b"nonsense\r\n")
                connection.close()
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    daemon = Daemon(bench, configuration(f"127.0.0.1:{listener.getsockname()[1]}")).start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    daemon.wait_log(r"mda delivery .*result=TempFail")
    expect_equal(len(daemon.queue()), 1, "envelopes that wait")
    daemon.stop()


@case("a wrapper before Dovecot: each user gets what it made of the message ({way})",
      way=["socket", "socket rcpt-to", "tcp"])
def wrapped(bench, way):
    users = make_users(bench)
    dovecot = Dovecot(bench, [user.name for user in users])
    target = f"127.0.0.1:{dovecot.port}" if way == "tcp" else dovecot.socket
    options = "rcpt-to" if "rcpt-to" in way else ""
    daemon = Daemon(bench, f"""mda wrapper "marked" "( echo 'X-Wrapped: yes'; cat ) | %{{mda}}"
{configuration(target, options + ' wrapper "marked"')}""").start()
    submit(daemon.port, recipients=[f"{user.name}@in.test" for user in users])
    for user in users:
        text = Maildir(dovecot.box(user.name)).wait(1)[0]
        expect(b"X-Wrapped: yes\n" in text and text.rstrip().endswith(b"Hello."), f"{text[:300]!r}")
    daemon.wait_empty()
    daemon.stop()


@case("a wrapper before Dovecot: what the server says decides, and an absent server defers")
def wrapped_refusals(bench):
    users = make_users(bench)
    dovecot = Dovecot(bench, [users[0].name])
    text = f"""mda wrapper "plain" "%{{mda}}"
action "there" lmtp "{dovecot.socket}" wrapper "plain"
action "absent" lmtp "{bench.path('nowhere')}" wrapper "plain"
match from any for domain "in.test" action "there"
match from any for domain "absent.test" action "absent"
match from any for any reject
"""
    daemon = Daemon(bench, text).start()
    submit(daemon.port, recipients=[f"{users[1].name}@in.test"])
    line = daemon.wait_log(r"mda delivery .*result=PermFail .*").group(0)
    expect("mail.lmtp: " in line and "5.1.1" in line, line)
    submit(daemon.port, recipients=[f"{users[0].name}@absent.test"])
    line = daemon.wait_log(r"mda delivery .*result=TempFail .*").group(0)
    expect("mail.lmtp: Cannot connect to " in line, line)
    daemon.stop()
