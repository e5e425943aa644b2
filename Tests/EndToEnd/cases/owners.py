# SPDX-License-Identifier: ISC
"""As whom mail is delivered: users of a table, whom the host does not know, and nobody in particular."""

import os
import pwd
import socket
import struct
import threading

from harness.case import case, eventually, expect, expect_equal
from harness.client import Client, submit
from harness.daemon import Daemon
from harness.mailbox import Maildir
from harness.users import make_users


class TableUser:
    """A user with a home, of a number that the host has no user of."""

    def __init__(self, bench, name, uid):
        self.name, self.uid = name, uid
        self.home = bench.path("home-" + name)
        os.makedirs(self.home)
        os.chmod(self.home, 0o755)
        os.chown(self.home, uid, uid)

    @property
    def entry(self):
        return f'{self.name} = "{self.uid}:{self.uid}:{self.home}"'

    def write(self, name, text):
        path = os.path.join(self.home, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o644)
        os.chown(path, self.uid, self.uid)


def table_users(bench, *names):
    bench.need_root("needs users of any number")
    known = {entry.pw_uid for entry in pwd.getpwall()}
    free = (uid for uid in range(61001, 65000) if uid not in known)
    return [TableUser(bench, name, next(free)) for name in names]


def table(name, users):
    return f"table {name} {{ {', '.join(user.entry for user in users)} }}\n"


def shared(bench, name="out"):
    """A directory that everybody may add to."""
    path = bench.path(name)
    os.makedirs(path)
    os.chmod(path, 0o777)
    return path


def who(out):
    """A command that says who ran it, and where."""
    return f"cat >/dev/null; (id -u; id -g; id -G; pwd) > {out}/$USER.new; mv {out}/$USER.new {out}/$USER"


def said(out, name):
    path = os.path.join(out, name)
    eventually(lambda: os.path.exists(path), lambda: f"nothing ran for {name}: {os.listdir(out)}")
    with open(path) as file:
        return file.read().split("\n")[:-1]


@case("userbase: commands, maildirs and forward files are those of the table's users, under their numbers")
def userbase(bench):
    users = table_users(bench, "ann", "bob")
    out, forwarded = shared(bench), shared(bench, "forwarded")
    daemon = Daemon(bench, table("people", users) + f"""
action "command" mda "{who(out)}" userbase <people>
action "own" maildir userbase <people>
match from any for domain "command.test" action "command"
match from any for domain "own.test" action "own"
""").start()
    for domain in ("command.test", "own.test"):
        submit(daemon.port, recipients=[f"{user.name}@{domain}" for user in users])
    for user in users:
        number = str(user.uid)
        expect_equal(said(out, user.name), [number, number, number, user.home], user.name)
        box = Maildir(os.path.join(user.home, "Maildir"))
        box.wait(1)
        new = os.path.join(box.path, "new")
        facts = os.stat(os.path.join(new, os.listdir(new)[0]))
        expect_equal((facts.st_uid, facts.st_gid), (user.uid, user.uid), f"the file of {user.name}")
    for user in users:
        user.write(".forward", f"|{who(forwarded)}\n")
    submit(daemon.port, recipients=[f"{user.name}@own.test" for user in users])
    for user in users:
        number = str(user.uid)
        expect_equal(said(forwarded, user.name), [number, number, number, user.home], f"{user.name}'s file")
    daemon.wait_empty()
    daemon.stop()


@case("a command of a ~/.forward whose program is missing makes mail wait, not bounce")
def missing_program(bench):
    user, = users = table_users(bench, "ann")
    user.write(".forward", '"|/nonexistent/program -x"\n')
    daemon = Daemon(bench, table("people", users) + """
action "own" maildir userbase <people>
match from any for domain "own.test" action "own"
""").start()
    submit(daemon.port, recipients=["ann@own.test"])
    daemon.wait_log(r"result=TempFail stat=Error \(.*/nonexistent/program: .*\)")
    expect_equal(len(daemon.queue()), 1, "envelopes that wait")
    daemon.stop()


@case("user with userbase: he is of the table, for deliveries, commands and files of aliases alike")
def user_of_userbase(bench):
    ann, vmail = users = table_users(bench, "ann", "vmail")
    out, boxes = shared(bench), shared(bench, "boxes")
    daemon = Daemon(bench, table("people", users) + f"""
table names {{ command = "|id -u > {out}/alias.new; cat >/dev/null; mv {out}/alias.new {out}/alias", file = "{boxes}/box" }}
action "all" maildir "{boxes}/%{{user.username}}" user vmail userbase <people> alias <names>
match from any for domain "in.test" action "all"
""").start()
    submit(daemon.port, recipients=["ann@in.test", "command@in.test", "file@in.test"])
    expect_equal(said(out, "alias"), [str(vmail.uid)], "who ran the alias's command")
    daemon.wait_empty()
    for name in ("box", "ann"):
        expect_equal(os.stat(os.path.join(boxes, name)).st_uid, vmail.uid, f"owner of {name}")
    daemon.stop()


@case("user with userbase: a local socket is connected as him")
def connector_of_userbase(bench):
    users = table_users(bench, "ann", "vmail")
    path = bench.path("lmtp")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chown(path, users[1].uid, users[1].uid)
    os.chmod(path, 0o600)
    listener.listen()
    bench.at_end(listener.close)
    peers = []

    def serve():
        try:
            while True:
                connection, _ = listener.accept()
                packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                peers.append(struct.unpack("3i", packed)[1:])
                connection.close()
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    daemon = Daemon(bench, table("people", users) + f"""
action "all" lmtp "{path}" user vmail userbase <people>
match from any for domain "in.test" action "all"
""").start()
    submit(daemon.port, recipients=["ann@in.test"])
    eventually(lambda: peers, lambda: f"nobody connected: {daemon.log()[-400:]}")
    # The kernel tells who made the connection.
    expect_equal(peers[0], (users[1].uid, users[1].uid), "who connected")
    daemon.stop()


@case("a command and a file of an alias without user are _smtpd's")
def alias_user(bench):
    bench.need_root()
    nobody = pwd.getpwnam("_smtpd")
    out = shared(bench)
    daemon = Daemon(bench, f"""
table names {{ command = "|(id -u; id -g) > {out}/new; cat >/dev/null; mv {out}/new {out}/who", file = "{out}/box" }}
action "in" maildir alias <names>
match from any for domain "in.test" action "in"
""").start()
    submit(daemon.port, recipients=["command@in.test", "file@in.test"])
    expect_equal(said(out, "who"), [str(nobody.pw_uid), str(nobody.pw_gid)], "who ran the command")
    daemon.wait_empty()
    facts = os.stat(os.path.join(out, "box"))
    expect_equal((facts.st_uid, facts.st_gid), (nobody.pw_uid, nobody.pw_gid), "owner of the file")
    daemon.stop()


def replies(daemon, *recipients):
    """What RCPT is answered for each."""
    found = []
    with Client(daemon.port) as client:
        client.command("EHLO client.example.org")
        client.command("MAIL FROM:<a@example.org>")
        for recipient in recipients:
            client.send(f"RCPT TO:<{recipient}>\r\n")
            found.append(client.reply())
    return found


@case("forward-only and expand-only: who ends at a user is refused, and others go where they are sent")
def only(bench):
    user, other = make_users(bench)
    out = bench.directory_for("out", user.name)
    daemon = Daemon(bench, f"""
table names {{ list = "{user.name}@mail.test", dead = "{user.name}", run = "|touch {out}/ran", box = "{out}/box" }}
table addresses {{ "run@virtual.test" = "|touch {out}/ran", "box@virtual.test" = "{out}/box", "gone@virtual.test" = "error:550 no" }}
action "forward" forward-only alias <names>
action "virtual" forward-only virtual <addresses>
action "expand" expand-only alias <names>
action "mail" maildir "{out}/%{{user.username}}"
match from any for domain "forward.test" action "forward"
match from any for domain "virtual.test" action "virtual"
match from any for domain "expand.test" action "expand"
match from any for domain "mail.test" action "mail"
""").start()
    problem = "Mailing list expansion problem"
    there, nowhere = f"{user.name}@forward.test", f"{other.name}@forward.test"
    for name in (there, nowhere):
        expect_equal(replies(daemon, name), [f"424 4.2.4 {problem}: <{name}>"], "without a file")
    for text in ("|/bin/true\n", f"{out}/box\n", "error:550 no\n", f"{user.name}\n"):
        user.write(".forward", text)
        expect_equal(replies(daemon, there), [f"424 4.2.4 {problem}: <{there}>"], text)
    for name in ("run@forward.test", "box@forward.test", "run@virtual.test", "box@virtual.test", "gone@virtual.test"):
        expect_equal(replies(daemon, name), [f"424 4.2.4 {problem}: <{name}>"], "what an alias names")
    user.write(".forward", f"{user.name}@mail.test\n")
    got = replies(daemon, there, nowhere, "no-such-user@forward.test")
    expect(got[0].startswith("250 "), f"a file: {got[0]}")
    expect_equal(got[1:], [f"424 4.2.4 {problem}: <{nowhere}>", "550 Invalid recipient: <no-such-user@forward.test>"])
    os.unlink(os.path.join(user.home, ".forward"))
    got = replies(daemon, "list@expand.test", "dead@expand.test", f"{user.name}@expand.test")
    expect(got[0].startswith("250 "), f"an alias: {got[0]}")
    expect_equal(got[1:], [f"524 5.2.4 {problem}: <dead@expand.test>",
                           f"524 5.2.4 {problem}: <{user.name}@expand.test>"])
    submit(daemon.port, recipients=["list@expand.test"])
    Maildir(os.path.join(out, user.name)).wait(1)
    daemon.wait_empty()
    daemon.stop()


@case("maildir junk: what the header calls spam is in the folder for it, and nothing else")
def junk(bench):
    out = bench.directory_for("out")
    daemon = Daemon(bench, f"""
action "junk" maildir "{out}/%{{user.username}}" junk
action "plain" maildir "{out}/plain"
match from any for domain "in.test" action "junk"
match from any for domain "plain.test" action "plain"
""").start()
    box = os.path.join(out, bench.recipient)
    spam = [b"X-Spam: Yes", b"X-Spam-Flag:\tYES"]
    ham = [b"X-Spam: no", b"X-Other: x\r\n\r\nX-Spam: yes"]
    for head in spam + ham:
        submit(daemon.port, recipients=[f"{bench.recipient}@in.test"], body=head + b"\r\nSubject: x\r\n\r\nText.\r\n")
    submit(daemon.port, recipients=[f"{bench.recipient}@plain.test"], body=spam[0] + b"\r\n\r\nText.\r\n")
    daemon.wait_empty()
    expect_equal(len(Maildir(box).messages()), len(ham), "messages that are none")
    found = Maildir(os.path.join(box, ".Junk")).messages()
    expect_equal(len(found), len(spam), "messages that are")
    for head in spam:
        expect(any(head + b"\n" in text for text in found), f"{head!r} is not there")
    expect_equal(len(Maildir(os.path.join(out, "plain")).messages()), 1, "without junk")
    daemon.stop()
