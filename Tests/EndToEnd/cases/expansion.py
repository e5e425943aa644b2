# SPDX-License-Identifier: ISC
"""Aliases, virtual addresses, ~/.forward, tables in files and maps, and the explanation of it all."""

import json
import os
import pwd
import select
import shutil
import socket
import struct
import subprocess
import threading
import time

from harness.case import Skipped, case, eventually, expect, expect_equal
from harness.client import Client, submit
from harness.daemon import Daemon, SMTPCTL, SMTPD, free_port, personality, start_fails
from harness.mailbox import Maildir


def box_of(bench, name="mail"):
    box = bench.directory_for(name)
    return box, Maildir(os.path.join(box, bench.recipient))


def recipient_reply(daemon, recipient, sender="a@example.org"):
    with Client(daemon.port) as client:
        client.send("EHLO client.example.org\r\n")
        client.expect("250")
        client.send(f"MAIL FROM:<{sender}>\r\n")
        client.expect("250")
        client.send(f"RCPT TO:<{recipient}>\r\n")
        return client.reply()


def alias_daemon(bench, aliases, more="", mode=0o644, **options):
    box, maildir = box_of(bench)
    path = bench.write("aliases", aliases, mode)
    daemon = Daemon(bench, f"""
table aliases file:{path}
action "in" maildir "{box}/%{{user.username}}" alias <aliases>
match from any for domain "in.test" action "in"
{more}
""", **options)
    return daemon, maildir, path


@case("aliases: a name stands for others, a miss for itself, a loop ends")
def aliases(bench):
    user = bench.recipient
    daemon, box, _ = alias_daemon(bench, f"""# names
postmaster: {user}
both: {user}, postmaster
loop: loop2
loop2: loop
gone: "error:551 5.7.1 moved away"
later: error:450 come again
""")
    daemon.start()
    submit(daemon.port, recipients=["Postmaster@in.test"])
    expect(b"Delivered-To: Postmaster@in.test\n" in box.wait(1)[0], "the address is another")
    submit(daemon.port, recipients=["both@in.test"])
    submit(daemon.port, recipients=[f"{user}@in.test"])
    box.wait(3)
    daemon.wait_empty()
    expect_equal(recipient_reply(daemon, "gone@in.test"), "551 5.7.1 moved away: <gone@in.test>")
    expect_equal(recipient_reply(daemon, "later@in.test"), "450 come again: <later@in.test>")
    expect_equal(recipient_reply(daemon, "nobody-has-it@in.test"),
                 "550 Invalid recipient: <nobody-has-it@in.test>")
    expect(recipient_reply(daemon, "loop@in.test").startswith("550 "), "the loop")
    daemon.stop()


@case("virtual: addresses by their order, a miss is 524")
def virtual(bench):
    box, maildir = box_of(bench)
    table = bench.write("virtual", f"joe@v.test: {bench.recipient}\n@w.test: {bench.recipient}\n")
    daemon = Daemon(bench, f"""
table addresses file:{table}
action "in" maildir "{box}/%{{user.username}}" virtual <addresses>
match from any for domain {{ "v.test", "w.test" }} action "in"
""").start()
    submit(daemon.port, recipients=["Joe+tag@V.test", "any@w.test"])
    maildir.wait(2)
    expect_equal(recipient_reply(daemon, "jim@v.test"),
                 "524 5.2.4 Mailing list expansion problem: <jim@v.test>")
    daemon.stop()


@case("virtual: the addresses of a list that end at one user each have their copy")
def virtual_under_one_user(bench):
    user = bench.recipient
    box = bench.directory_for("mail")
    daemon = Daemon(bench, f"""
table addresses {{ "l@v.test" = "a@v.test, b@v.test, a@V.TEST", "a@v.test" = "{user}", "b@v.test" = "{user}" }}
action "in" maildir "{box}/%{{dest.user}}" virtual <addresses>
match from any for domain "v.test" action "in"
""").start()
    submit(daemon.port, recipients=["l@v.test"])
    for name in ("a", "b"):
        copy, = Maildir(os.path.join(box, name)).wait(1)
        expect(f"Delivered-To: {name}@v.test\n".encode() in copy, f"who it is for: {copy!r}")
    daemon.wait_empty()
    expect("accepted: 2 envelopes" in daemon.ctl("explain", "--from", "s@x.test", "--to", "l@v.test"),
           "the explanation")
    daemon.stop()


@case("update table: what is right counts at once and after a restart of the role; what is wrong never")
def update(bench):
    user = bench.recipient
    daemon, box, path = alias_daemon(bench, f"one: {user}\n", mode=0o600)
    daemon.start()
    expect(recipient_reply(daemon, "one@in.test").startswith("250 "), "one")
    expect(recipient_reply(daemon, "two@in.test").startswith("550 "), "two")
    replace(path, f"two: {user}\n", 0o600)
    expect(recipient_reply(daemon, "two@in.test").startswith("550 "), "two before the update")
    expect_equal(daemon.ctl("update", "table", "aliases"), "command succeeded\n")
    expect(recipient_reply(daemon, "two@in.test").startswith("250 "), "two after the update")
    expect(recipient_reply(daemon, "one@in.test").startswith("550 "), "one after the update")
    for wrong, mode, reason in [("three: x\nkey-without-value\n", 0o600, "line 2"),
                                (f"three: {user}\n", 0o666, "everybody may write"),
                                (None, 0, "No such file")]:
        replace(path, wrong, mode)
        said = daemon.ctl("update", "table", "aliases", status=1)
        expect(reason in said, f"wanted {reason!r} in {said!r}")
        expect(recipient_reply(daemon, "two@in.test").startswith("250 "), "two after a bad update")
    daemon.kill_role("lookup")
    eventually(lambda: recipient_reply(daemon, "two@in.test").startswith("250 "),
               "two after the role's death")
    expect("no table what" in daemon.ctl("update", "table", "what", status=1), "an unknown table")
    daemon.stop()


@case("an entry that no rule can use: smtpd -n and the start name it, update table refuses it ({use})",
      use=["src", "mail-from regex"])
def unusable(bench, use):
    good, bad, reason = {"src": ("127.0.0.0/8", "10.0.0.0/40", "no network"),
                         "mail-from regex": ("^bad@", "(unclosed", "no regular expression")}[use]
    source, sender = ("src <t>", "") if use == "src" else ("any", "mail-from regex <t>")
    path = bench.write("t", f"# @list\n{good}\n{bad}\n", 0o644)
    daemon = Daemon(bench, f"""
table t file:{path}
match from {source} {sender} for any reject
""")
    log = start_fails(daemon)
    expect(f'{path}:3: "{bad}" is ' in log and reason in log, log)
    replace(path, f"# @list\n{good}\n", 0o644)
    daemon.start()
    expect(recipient_reply(daemon, "x@in.test", "bad@a.test").startswith("550 "), "the rule")
    replace(path, f"# @list\n{bad}\n", 0o644)
    said = daemon.ctl("update", "table", "t", status=1)
    expect(f'table t has "{bad}"' in said and reason in said and f"({path}:2)" in said, said)
    expect(recipient_reply(daemon, "x@in.test", "bad@a.test").startswith("550 "), "the update")
    daemon.kill_role("lookup")
    eventually(lambda: recipient_reply(daemon, "x@in.test", "bad@a.test").startswith("550 "),
               "what counted, after the role's death")
    # A file that is written over is not the one that counted: the rule is not another, it waits.
    replace(path, f"# @list\n{good}\n", 0o644)
    daemon.ctl("update", "table", "t")
    with open(path, "w") as file:
        file.write(f"# @list\n{bad}\n")
    daemon.kill_role("lookup")
    eventually(lambda: f'table t has "{bad}"' in daemon.log().split("is updated")[-1]
               and "it cannot be asked" in daemon.log(), "what the log says")
    eventually(lambda: recipient_reply(daemon, "x@in.test", "bad@a.test").startswith("451 "),
               "a table that cannot be asked")
    daemon.stop()


# What asks the table: the directives, a text that serves, and those that do not with the reason.
DEMANDS = {
    "alias": ('action "x" maildir alias <t>', "a b\n", [("a\n", "asked for values")]),
    "virtual": ('action "x" maildir virtual <t>', "a@b.test c\n", [("a@b.test\nb@b.test c\n", "asked for values")]),
    "userbase": ('action "x" maildir userbase <t>', "a 1000:1000:/\n", [("a\n", "asked for values")]),
    "auth": ('action "x" relay host "smtps://l@127.0.0.1" auth <t>', "l u:p\n", [("l\n", "asked for values")]),
    "mail-from": ("match from any mail-from <t> for any reject", "a@b.test\n", [("a@b.test x\n", "asked as a list")]),
    "host": ('action "x" relay host <t>', "# @list\nsmtp://127.0.0.1:1\n", [
        ("# @list\nnonsense://h\n", "no URL of a host"), ("# @list\nsmtps://l@h\n", "needs auth"),
        ("# @list\n", "has no host"), ("h x\n", "asked as a list")]),
    "domain": ('action "x" relay domain <t>', "a.test smtp://127.0.0.1:1\n", [
        ("a.test nonsense://h\n", "no URL of a host"), ("a! smtp://h\n", "no host name"),
        ("a.test\n", "asked for values")]),
    "src": ('action "x" relay src <t>', "127.0.0.1\n", [("127.0.0.0/8\n", "no address")]),
    "helo-src": ('action "x" relay helo-src <t>', "127.0.0.1 a.test\n", [
        ("127.0.0.1 a!\n", "no host name"), ("a b.test\n", "no address"), ("127.0.0.1\n", "asked for values")]),
    "hostnames": ("listen on 127.0.0.1 port PORT hostnames <t>", "127.0.0.1 a.test\n", [
        ("127.0.0.1 a!\n", "no host name"), ("127.0.0.0/8 a\n", "no address"), ("127.0.0.1\n", "asked for values")]),
}


@case("update table refuses what the start does, and leaves all as it was: {use}", use=list(DEMANDS))
def demands(bench, use):
    directives, good, bad = DEMANDS[use]
    user = bench.recipient
    text = good.replace("a b\n", f"a {user}\n") if use == "alias" else good
    path = bench.write("t", text, 0o644)
    box = bench.directory_for("mail")
    kept = free_port()
    daemon = Daemon(bench, f"""table t file:{path}
listen on 127.0.0.1 port {kept}
{directives.replace("PORT", str(free_port()))}
action "in" maildir "{box}/%{{user.username}}" {"alias <t>" if use == "alias" else ""}
match from any for domain "in.test" action "in"
""")
    daemon.port = kept
    daemon.start()
    for wrong, reason in bad:
        replace(path, wrong, 0o644)
        said = daemon.ctl("update", "table", "t", status=1)
        expect(reason in said, f"wanted {reason!r} for {wrong!r}: {said}")
        daemon.wait_log(r"table t .*; what it said before counts")
        checked = subprocess.run([SMTPD, "-n", "-f", daemon.configuration], capture_output=True, timeout=20)
        expect_equal(checked.returncode, 1, f"smtpd -n with {wrong!r}")
    if use == "alias":
        expect(recipient_reply(daemon, "a@in.test").startswith("250 "), "the alias is gone")
    replace(path, text, 0o644)
    expect_equal(daemon.ctl("update", "table", "t"), "command succeeded\n")
    if use == "alias":
        # A file that is written over is not the one that counted: nothing is asked of a list.
        with open(path, "w") as file:
            file.write("a\n")
        daemon.kill_role("lookup")
        daemon.wait_log(r"table t is a list, .*; it cannot be asked")
        eventually(lambda: recipient_reply(daemon, "a@in.test").startswith("4"),
                   lambda: f"a table that cannot be asked: {recipient_reply(daemon, 'a@in.test')}")
    daemon.stop()


@case("newaliases speaks in its own name")
def newaliases_errors(bench):
    path = bench.path("nonsuch")
    configuration = bench.write("n.conf", f'table aliases db:{path}.db\nmatch from any for any reject\n')
    done = subprocess.run([personality(bench, "newaliases"), "-f", configuration], text=True,
                          capture_output=True, timeout=20)
    expect_equal((done.returncode, done.stderr), (1, f"newaliases: {path}: No such file or directory\n"))
    # A single error of the configuration is told itself.
    done = subprocess.run([personality(bench, "newaliases"), "-f", path], text=True, capture_output=True, timeout=20)
    expect(done.returncode == 1 and done.stderr.startswith("newaliases: ")
           and path in done.stderr and "No such file or directory" in done.stderr, done.stderr)


@case("newaliases reads a text that is the table as the server does")
def newaliases_text(bench):
    text = bench.write("aliases", "a: b\na: c\nd: |p #e\nf: g, #h@in.test\n")
    configuration = bench.write("n.conf", f"table aliases file:{text}\nmatch from any for any reject\n")
    environment = dict(os.environ, SMTPD_STATE=bench.path("nowhere"))

    def run():
        done = subprocess.run([personality(bench, "newaliases"), "-f", configuration], text=True,
                              capture_output=True, timeout=20, env=environment)
        return done.returncode, done.stdout + done.stderr
    expect_equal(run(), (0, f"{text}: 3 aliases\n"))
    bench.write("aliases", "a: b\nd: e # no comment\n")
    expect_equal(run(), (1, f'newaliases: {text}:2: d: "e # no comment" is no address, user, command, file or list\n'))
    bench.write("aliases", "a\nb\n")
    expect_equal(run(), (1, f"newaliases: {text} is no map of names to what they stand for\n"))


@case("newaliases knows the host's interfaces as smtpd -n does")
def newaliases_interfaces(bench):
    with open("/proc/net/if_inet6") as file:
        names = [line.split()[5] for line in file]
    if "lo" not in names:
        raise Skipped("lo has no IPv6 address")
    text = bench.write("aliases", "a: b\nc: d\n")
    configuration = bench.write("n.conf", f"""
table aliases db:{text}.db
listen on lo inet6 port 2525
match from any for any reject
""")
    environment = dict(os.environ, SMTPD_STATE=bench.path("nowhere"))
    done = subprocess.run([personality(bench, "newaliases"), "-f", configuration], text=True,
                          capture_output=True, timeout=20, env=environment)
    expect_equal((done.returncode, done.stdout, done.stderr), (0, f"{text}: 2 aliases\n", ""))
    checked = subprocess.run([SMTPD, "-n", "-f", configuration], text=True, capture_output=True, timeout=20)
    expect_equal(checked.returncode, 0, checked.stderr)


@case("a map with an entry that no rule can use is refused at the start")
def unusable_map(bench):
    text = bench.write("t", "10.0.0.0/40\n", 0o644)
    subprocess.run([personality(bench, "makemap"), "-t", "set", text], check=True, timeout=20)
    log = start_fails(Daemon(bench, f"""
table t db:{text}.db
match from src <t> for any reject
"""))
    expect('table t: ' in log and 'has "10.0.0.0/40", which is no address' in log, log)


def replace(path, text, mode):
    if text is None:
        os.unlink(path)
        return
    with open(path + ".new", "w") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


@case("a table that cannot be read, or that everybody may write to, is refused at the start")
def bad_tables(bench):
    daemon, _, path = alias_daemon(bench, "a: b\n", mode=0o666)
    expect("everybody may write" in start_fails(daemon), "the mode")
    os.chmod(path, 0o644)
    with open(path, "w") as file:
        file.write("a: b\nc\n")
    expect(':2: "c" has no value' in start_fails(daemon), "the line")
    os.unlink(path)
    os.mkdir(path)
    expect("regular file" in start_fails(daemon), "the directory")


@case("makemap: a map is a table, is asked and updated; other files are refused with what to do")
def maps(bench):
    user = bench.recipient
    box, maildir = box_of(bench)
    text = bench.write("aliases", f"Postmaster: {user}\nlist: {user},\n   x@in.test\n")
    makemap = personality(bench, "makemap")
    subprocess.run([makemap, text], check=True)
    dump = subprocess.run([makemap, "-U", text + ".db"], check=True, capture_output=True, text=True)
    expect_equal(dump.stdout, f"list\t{user}, x@in.test\npostmaster\t{user}\n")
    configuration = f"""
table aliases db:{text}.db
action "in" maildir "{box}/%{{user.username}}" alias <aliases>
match from any for domain "in.test" action "in"
"""
    daemon = Daemon(bench, configuration).start()
    submit(daemon.port, recipients=["postmaster@in.test"])
    maildir.wait(1)
    expect(recipient_reply(daemon, "other@in.test").startswith("550 "), "a miss")
    bench.write("aliases", f"other: {user}\n")
    environment = dict(os.environ, SMTPD_STATE=daemon.state)
    said = subprocess.run([personality(bench, "newaliases"), "-f", daemon.configuration], check=True,
                          capture_output=True, text=True, env=environment).stdout
    expect_equal(said, f"{text}: 1 aliases\n")
    expect(recipient_reply(daemon, "other@in.test").startswith("250 "), "after newaliases")
    expect(recipient_reply(daemon, "postmaster@in.test").startswith("550 "), "what was there")
    daemon.stop()

    bad = bench.write("bad", "a: b\na: c\nd:\n")
    done = subprocess.run([makemap, bad], capture_output=True, text=True)
    expect_equal(done.returncode, 1, "status for a bad text")
    expect(":2: a is there already" in done.stderr and ":3: d has no value" in done.stderr, done.stderr)
    expect(not os.path.exists(bad + ".db"), "a map was made of a bad text")
    expect_equal([name for name in os.listdir(bench.directory) if name.startswith("bad.db")], [])
    berkeley = b"\0" * 12 + b"\x61\x15\x06\x00" + b"\0" * 8176
    bench.write("aliases.db", berkeley)
    daemon = Daemon(bench, configuration, name="d2")
    expect("run makemap" in start_fails(daemon), "a Berkeley DB file")


@case("a ~/.forward is read with the rights of its user, and checked")
def forward(bench):
    bench.need_root("needs a second user")
    user, box, daemon, home = forward_daemon(bench)
    path = os.path.join(home, ".forward")
    uid = pwd.getpwnam(user).pw_uid
    problem = f"Mailing list expansion problem: <{user}@in.test>"
    reply = lambda: recipient_reply(daemon, f"{user}@in.test")
    try:
        submit(daemon.port, recipients=[f"{user}@in.test"])
        box.wait(1)
        write_as(path, "error:550 forwarded\n", uid)
        expect_equal(reply(), f"550 forwarded: <{user}@in.test>", "its content")
        os.chmod(path, 0o666)
        expect_equal(reply(), f"524 5.2.4 {problem}", "writable for all")
        os.chmod(path, 0o600)
        os.chown(path, 0, 0)
        expect_equal(reply(), f"524 5.2.4 {problem}", "root's")
        os.rename(path, path + ".real")
        os.symlink(path + ".real", path)
        expect_equal(reply(), f"524 5.2.4 {problem}", "a link")
        os.unlink(path)
        os.symlink("/etc/shadow", path)
        expect_equal(reply(), f"524 5.2.4 {problem}", "a link to what root may read")
        os.unlink(path)
        write_as(path, "x" * 5000, uid)
        expect_equal(reply(), f"424 4.2.4 {problem}", "5,000 bytes")
        write_as(path, "a b c\n", uid)
        expect_equal(reply(), f"424 4.2.4 {problem}", "nonsense")
        write_as(path, "error:550 forwarded\n", uid)
        os.chmod(home, 0o777)
        expect_equal(reply(), f"524 5.2.4 {problem}", "a home for all")
        os.chmod(home, 0o1755)
        expect_equal(reply(), f"424 4.2.4 {problem}", "a sticky home")
        os.chmod(home, 0o755)
        expect_equal(reply(), f"550 forwarded: <{user}@in.test>", "all is well again")
        write_as(path, f"{user}, b@in.test\n", uid)
        expect(reply().startswith("550 "), "b is nobody")
        shutil.rmtree(home)
        expect(reply().startswith("250 "), "without a home")
    finally:
        subprocess.run(["userdel", user], check=False, capture_output=True)
    daemon.stop()


class Swapper:
    """A thread that puts one thing after the other in the place of a file, each by a rename, as fast as it can.

    A thing is a text with its mode, or what a link points to.
    """

    def __init__(self, path, owner, things):
        self.path, self.owner, self.things = path, owner, things
        self.swaps = 0
        self._over = threading.Event()
        self._swap()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.is_set():
            self._swap()

    def _swap(self):
        thing = self.things[self.swaps % len(self.things)]
        temporary = self.path + ".swap"
        if isinstance(thing, tuple):
            write_as(temporary, thing[0], self.owner)
            os.chmod(temporary, thing[1])
        else:
            os.symlink(thing, temporary)
        os.rename(temporary, self.path)
        self.swaps += 1


def many_answers(daemon, recipient, count):
    """What RCPT is answered so many times, with how often it was."""
    answers = {}
    for _ in range(0, count, 20):
        # No session has more refused commands than it may.
        with Client(daemon.port, seconds=30) as client:
            client.command("EHLO client.example.org")
            client.command("MAIL FROM:<a@example.org>")
            client.send(f"RCPT TO:<{recipient}>\r\n" * 20)
            for _ in range(20):
                answer = client.reply()
                answers[answer] = answers.get(answer, 0) + 1
    return answers


@case("a ~/.forward that is swapped for links all the time is read whole or refused", seconds=120)
def forward_race(bench):
    bench.need_root("needs a second user")
    user, _, daemon, home = forward_daemon(bench)
    uid = pwd.getpwnam(user).pw_uid
    words = "moved " * 60 + "away"
    # Its user may read it, too: only the link is in the way.
    secret = bench.write("secret", "error:550 SECRET\n", mode=0o644)
    os.chown(secret, uid, uid)
    things = [(f"error:551 {words}\n", 0o644), secret, ("error:552 other\n", 0o600), "/nowhere",
              ("error:550 SECRET\n", 0o666), "."]
    with Swapper(os.path.join(home, ".forward"), uid, things) as swapper:
        answers = many_answers(daemon, f"{user}@in.test", 2000)
    to = f"<{user}@in.test>"
    whole = {f"551 {words}: {to}", f"552 other: {to}"}
    refused = {f"524 5.2.4 Mailing list expansion problem: {to}"}
    expect_equal(set(answers) - whole - refused, set(), "other answers")
    expect(whole | refused == set(answers), f"not each was given: {answers}")
    bench.note(f"{swapper.swaps} swaps, {sum(answers[a] for a in whole)} whole, {answers[refused.pop()]} refused")
    daemon.stop()


@case("an included list that is swapped for links all the time is read whole or refused", seconds=120)
def include_race(bench):
    members = bench.path("members")
    daemon, _, _ = alias_daemon(bench, f"list: :include:{members}\n")
    secret = bench.write("secret", "no-such-user\n")
    # A member that is cut off is nobody.
    text = "# the list\n" + f"{bench.recipient}\n" * 100
    things = [(text, 0o644), secret, (f"{bench.recipient}\n", 0o600), "/nowhere", ("no-such-user\n", 0o666), "."]
    with Swapper(members, os.geteuid(), things) as swapper:
        daemon.start()
        answers = many_answers(daemon, "list@in.test", 2000)
    whole = {"250 2.1.5 Destination address valid: Recipient ok"}
    refused = {"524 5.2.4 Mailing list expansion problem: <list@in.test>"}
    expect_equal(set(answers) - whole - refused, set(), "other answers")
    expect(whole | refused == set(answers), f"not each was given: {answers}")
    bench.note(f"{swapper.swaps} swaps, {answers[whole.pop()]} whole, {answers[refused.pop()]} refused")
    daemon.stop()


def forward_daemon(bench):
    user = f"tal{os.getpid() % 100000}"
    home = bench.path("home")
    subprocess.run(["useradd", "--no-create-home", "--home-dir", home, user], check=True)
    bench.at_end(lambda: subprocess.run(["userdel", user], check=False, capture_output=True))
    entry = pwd.getpwnam(user)
    os.mkdir(home, 0o755)
    os.chmod(home, 0o755)
    os.chown(home, entry.pw_uid, entry.pw_gid)
    box = bench.directory_for("mail", user)
    daemon = Daemon(bench, f"""
action "in" maildir "{box}/%{{user.username}}"
match from any for domain "in.test" action "in"
""").start()
    return user, Maildir(os.path.join(box, user)), daemon, home


def write_as(path, text, uid):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o644)
    os.chown(path, uid, uid)


@case("an included list has its members; a directory, a missing one and one for all are refused")
def include(bench):
    user = bench.recipient
    members = bench.write("members", f"# the list\n{user}\npostmaster\n")
    daemon, box, path = alias_daemon(bench, f"""
postmaster: {user}
list: :include:{members}
directory: :include:{bench.directory}
missing: :include:{bench.path('missing')}
""")
    daemon.start()
    submit(daemon.port, recipients=["list@in.test"])
    box.wait(1)
    problem = "Mailing list expansion problem"
    expect_equal(recipient_reply(daemon, "directory@in.test"), f"524 5.2.4 {problem}: <directory@in.test>")
    expect_equal(recipient_reply(daemon, "missing@in.test"), f"424 4.2.4 {problem}: <missing@in.test>")
    os.chmod(members, 0o666)
    expect_equal(recipient_reply(daemon, "list@in.test"), f"524 5.2.4 {problem}: <list@in.test>")
    daemon.stop()


@case("explain: the rule that matched, why others did not, and the tree, and nothing is sent")
def explain(bench):
    user = bench.recipient
    daemon, box, path = alias_daemon(bench, f"list: {user}, a@far.test\n", more="""
match from src 192.0.2.0/24 tag "T" helo "h.test" for domain "tagged.test" reject
action "out" relay host smtp://127.0.0.1:1
match from local for any action "out"
""")
    daemon.start()
    text = daemon.ctl("explain", "--from", "x@y.test", "--to", "list@in.test", "--src", "198.51.100.7",
                      "--rdns", "c.test")
    for wanted in ("list@in.test\n", "match\n", "table aliases has list", f"deliver by in to {user}",
                   "a@far.test", "no match: for", "relay by out", "accepted: 2 envelopes\n"):
        expect(wanted in text, f"no {wanted!r} in {text}")
    lines = [json.loads(line) for line in daemon.ctl(
        "--json", "explain", "--from", "<>", "--to", "a@tagged.test", "--src", "192.0.2.1", "--rdns", "",
        "--tag", "T", "--helo", "h.test").splitlines()]
    expect_equal(lines[-1], {"verdict": "refused: 550 Invalid recipient: <a@tagged.test>"})
    expect_equal(lines[0]["name"], "a@tagged.test")
    expect(lines[0]["rules"][-1].endswith(": match"), f"{lines[0]}")
    other = daemon.ctl("explain", "--from", "<>", "--to", "a@tagged.test", "--src", "192.0.2.1",
                       "--tag", "other", "--helo", "h.test", "--rdns", "")
    expect("no match: tag" in other and "no match: from" in other, other)
    daemon.ctl("explain", "--from", "<>", status=255)
    expect_equal(daemon.queue(), [], "the queue")
    daemon.stop()
    expect("smtpd doesn't seem to be running" in daemon.run_ctl(
        "explain", "--from", "<>", "--to", "a@b.test").stderr.decode(), "without a daemon")


def pipelined(client, count, recipient):
    """Has a transaction begun and sends that many RCPT in one piece, without a look at the replies."""
    client.command("EHLO client.example.org")
    client.command("MAIL FROM:<a@example.org>")
    client.send(f"RCPT TO:<{recipient}>\r\n" * count)


def recipient_times(daemon, recipient, count, source):
    """How long the replies to RCPT take, in seconds, one at a time."""
    times = []
    with Client(daemon.port, source=source) as client:
        client.command("EHLO other.example.org")
        client.command("MAIL FROM:<b@example.org>")
        for _ in range(count):
            began = time.monotonic()
            client.command(f"RCPT TO:<{recipient}>")
            times.append(time.monotonic() - began)
    return times


def long_alias_daemon(bench):
    members = ", ".join(f"member{number}@far.test" for number in range(3000))
    daemon, _, _ = alias_daemon(bench, f"long: {members}\n", more="""
action "out" relay host smtp://127.0.0.1:1
match from any for domain "far.test" action "out"
""")
    return daemon.start()


@case("a client that pipelines RCPT to a long alias delays no other client, and has all its answers",
      seconds=300)
def long_alias(bench):
    daemon = long_alias_daemon(bench)
    with Client(daemon.port, source="127.0.0.2", seconds=200) as busy:
        pipelined(busy, 100, "long@in.test")
        times = []
        for recipient in ("one@far.test", f"{bench.recipient}@in.test"):
            times += recipient_times(daemon, recipient, 20, "127.0.0.3")
        # The replies to one batch leave together.
        expect(not select.select([busy.socket], [], [], 0)[0], "the long ones were done before")
        bench.note(f"{max(times) * 1000:.0f} ms at most")
        expect(max(times) < 1, f"RCPT took {max(times):.2f} s")
        replies = [busy.reply() for _ in range(100)]
        # So many have room in one message.
        expect_equal([reply[:9] for reply in replies[33:]], ["452 4.5.3"] * 67, "what has no room")
        expect(all(reply.startswith("250 ") for reply in replies[:33]), f"{replies[:33]}")
        busy.command("NOOP")
    daemon.stop()


@case("the work for a session that ended is given up", seconds=120)
def ended_session(bench):
    daemon = long_alias_daemon(bench)
    began = time.monotonic()
    expect(recipient_reply(daemon, "long@in.test").startswith("250 "), "one alone")
    alone = time.monotonic() - began
    pipelines = [Client(daemon.port) for _ in range(5)]
    for busy in pipelines:
        # The same client: its session would share the turns with these.
        pipelined(busy, 100, "long@in.test")
        recipient_times(daemon, "one@far.test", 1, "127.0.0.3")
        reset(busy)
    began = time.monotonic()
    expect(recipient_reply(daemon, "long@in.test").startswith("250 "), "one behind 500")
    behind = time.monotonic() - began
    bench.note(f"{alone:.2f} s alone, {behind:.2f} s behind 500 that nobody waits for")
    expect(behind < 3 * alone + 1, f"{behind:.2f} s, and alone {alone:.2f} s")
    daemon.stop()


def reset(client):
    """Ends a connection so that the server hears of it at once, whether it reads or not."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
