# SPDX-License-Identifier: ISC
"""What does not answer: a home on a server that is gone, a name service that hangs, a resolver."""

import contextlib
import glob
import itertools
import os
import signal
import time

from cases.expansion import alias_daemon, forward_daemon, recipient_reply, write_as
from harness.case import Skipped, case, eventually, expect, expect_equal
from harness.client import Client, submit
from harness.daemon import Daemon, is_alive
from harness.nameserver import NameServer
from harness.silence import mount_silence
from harness.users import make_users

# Seconds: accounts waits so long for a home, lookup for accounts.
HOME, ACCOUNTS = 10, 20


def slow_reply(daemon, recipient):
    """The reply to a recipient that takes its time, and the seconds that it took."""
    with Client(daemon.port, seconds=60) as client:
        client.command("EHLO client.example.org")
        client.command("MAIL FROM:<a@example.org>")
        started = time.monotonic()
        client.send(f"RCPT TO:<{recipient}>\r\n")
        return client.reply(), time.monotonic() - started


@case("a home that does not answer defers its user's mail, and nobody else's", seconds=90)
def home(bench):
    bench.need_root("needs a second user")
    user, box, daemon, home = forward_daemon(bench)
    let_go = mount_silence(bench, home)
    with Client(daemon.port, seconds=60) as client:
        client.command("EHLO client.example.org")
        client.command("MAIL FROM:<a@example.org>")
        started = time.monotonic()
        client.send(f"RCPT TO:<{user}@in.test>\r\n")
        expect(recipient_reply(daemon, f"{bench.recipient}@in.test").startswith("250 "), "somebody else")
        expect(time.monotonic() - started < HOME, "somebody else waited for it")
        expect_equal(client.reply(), f"424 4.2.4 Mailing list expansion problem: <{user}@in.test>")
        seconds = time.monotonic() - started
    expect(HOME - 1 <= seconds < ACCOUNTS, f"it took {seconds:.1f} s")
    let_go()
    expect(recipient_reply(daemon, f"{user}@in.test").startswith("250 "), "once it answers")
    daemon.stop()


@case("four users whose homes do not answer keep nobody else waiting for longer than a second", seconds=90)
def homes(bench):
    bench.need_root("needs other users")
    box = bench.directory_for("mail")
    os.chmod(box, 0o777)
    names = ["a", "b", "c", "d", "e"]
    users = {}
    for number, name in enumerate(names):
        path = bench.path("home-" + name)
        os.mkdir(path, 0o755)
        os.chown(path, 61001 + number, 61001 + number)
        users[name] = f"{61001 + number}:{61001 + number}:{path}"
    daemon = Daemon(bench, f"""
table users {{ {", ".join(f'{name} = "{user}"' for name, user in users.items())} }}
action "in" maildir "{box}/%{{user.username}}" userbase <users>
match from any for domain "in.test" action "in"
""").start()
    for name in names[:4]:
        mount_silence(bench, bench.path("home-" + name))
    with contextlib.ExitStack() as stack:
        clients = []
        for number, name in enumerate(names[:4] * 4):
            clients.append(stack.enter_context(Client(daemon.port, seconds=60)))
            clients[-1].command("EHLO client.example.org")
            clients[-1].command("MAIL FROM:<a@example.org>")
            started = time.monotonic()
            clients[-1].send(f"RCPT TO:<{name}+{number}@in.test>\r\n")
        waits = []
        for number in range(20):
            asked = time.monotonic()
            expect(recipient_reply(daemon, f"e+{number}@in.test").startswith("250 "), "somebody else")
            waits.append(time.monotonic() - asked)
        for client in clients[:8]:
            expect_equal(client.reply()[:4], "424 ", "whose home it is")
        # What the homes' own users waited in the same run.
        own = time.monotonic() - started
        expect(max(waits) < own / 2, f"somebody else waited {max(waits):.1f} s, the homes' users {own:.1f} s")
    daemon.stop()


def stop_all(bench, user):
    """A process of a user's that stops all others of his, again and again."""
    process = os.fork()
    if process == 0:
        try:
            os.setgroups([])
            os.setgid(user.gid)
            os.setuid(user.uid)
            while os.getppid() != 1:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGSTOP)
        finally:
            os._exit(1)
    bench.at_end(lambda: os.waitpid(process, 0))
    bench.at_end(lambda: os.kill(process, signal.SIGKILL))


@case("who stops what reads his files keeps nobody else's mail waiting, and it outlives neither its time nor the server",
      seconds=120)
def stopped(bench):
    user, other = make_users(bench)
    daemon = Daemon(bench, """
action "in" maildir
match from any for domain "in.test" action "in"
""").start()
    stop_all(bench, user)

    def readers():
        # Each is a child of the thread that began it.
        begun = []
        for path in glob.glob(f"/proc/{daemon.roles()['accounts']}/task/*/children"):
            with contextlib.suppress(OSError), open(path) as file:
                begun += [int(word) for word in file.read().split()]
        found = []
        for child in begun:
            with contextlib.suppress(OSError), open(f"/proc/{child}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "T":
                    found.append(child)
        return found if len(found) >= 2 else None

    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(80):
            clients.append(stack.enter_context(Client(daemon.port, seconds=60)))
            clients[-1].command("EHLO client.example.org")
            clients[-1].command("MAIL FROM:<a@example.org>")
        numbers = itertools.count()

        def caught():
            # Whoever is quick is read before he is stopped.
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(f"RCPT TO:<{user.name}+{next(numbers)}@in.test>\r\n")
            time.sleep(0.2)
            return readers()

        first = eventually(caught, "none of his is stopped", seconds=30)
        started = time.monotonic()
        for _ in range(30):
            expect(recipient_reply(daemon, f"{other.name}@in.test").startswith("250 "), "somebody else")
        expect(time.monotonic() - started < HOME / 2, "somebody else waited for it")
        expect_equal(len(readers() or []), 2, "his that are read at a time")
        for child in first:
            opened = os.listdir(f"/proc/{child}/fd")
            expect(len(opened) <= 3, f"it has {opened}")
        eventually(lambda: not any(is_alive(child) for child in first), "they are not ended", seconds=HOME + 5)
        last = eventually(caught, "none of those that waited is stopped", seconds=30)
        os.kill(daemon.process.pid, signal.SIGKILL)
        eventually(lambda: not any(is_alive(child) for child in last), "they outlive the server", seconds=5)


@case("a user database that does not answer is a temporary failure, which the log tells, until it does", seconds=90)
def accounts(bench):
    daemon, box, _ = alias_daemon(bench, "gone: error:550 moved away\n")
    daemon.start()
    process = daemon.roles()["accounts"]
    os.kill(process, signal.SIGSTOP)
    reply, seconds = slow_reply(daemon, f"{bench.recipient}@in.test")
    expect_equal(reply, f"451 Temporary failure: <{bench.recipient}@in.test>")
    expect(ACCOUNTS - 1 <= seconds < ACCOUNTS + 15, f"it took {seconds:.1f} s")
    daemon.wait_log(rf"warn: lookup: accounts: no answer about user {bench.recipient} within 20000 ms\n")
    expect(recipient_reply(daemon, "gone@in.test").startswith("550 "), "what needs no user")
    os.kill(process, signal.SIGCONT)
    expect(recipient_reply(daemon, f"{bench.recipient}@in.test").startswith("250 "), "once it answers")
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    box.wait(1)
    daemon.stop()


@case("explain asks the resolver for the client's name, as a session does", seconds=60)
def explain(bench):
    names = NameServer(bench, {
        ("7.100.51.198.in-addr.arpa", "PTR"): ["Mail.Known.test"], "8.100.51.198.in-addr.arpa": "NXDOMAIN",
    })
    daemon, _, _ = alias_daemon(bench, "a: b\n", more=f"""
resolver 127.0.0.1@{names.port}
match from rdns "*.known.test" for domain "far.test" reject
""")
    daemon.start()

    def said(*more):
        return daemon.ctl("explain", "--from", "x@y.test", "--to", "a@far.test", *more).lower()

    def is_matched(text):
        return ": match\n" in text

    text = said("--src", "198.51.100.7")
    expect("the client is called mail.known.test" in text and is_matched(text), text)
    text = said("--src", "198.51.100.8")
    expect("the client is called <unknown>" in text and not is_matched(text), text)
    expect(is_matched(said("--src", "198.51.100.8", "--rdns", "b.known.test")), "a name that is given")
    expect(not is_matched(said("--src", "198.51.100.7", "--rdns", "")), "no name, as given")
    text = said()
    expect("the client is called localhost" in text, text)
    asked = [name for name, kind in names.questions if kind == "PTR"]
    expect_equal(sorted(set(asked)), ["7.100.51.198.in-addr.arpa", "8.100.51.198.in-addr.arpa"], "questions")
    daemon.stop()


# Run in namespaces of its own: a host of that name, with files of its own.
NAMED = """
hostname mx && for file in hosts nsswitch.conf resolv.conf; do
  mount --bind $0/$file /etc/$file || exit 99
done && exec "$@" || exit 99
"""

# What is beside the configuration and in /etc/hosts, what the name server says, and the name in the end.
NAMES = {
    "a name server": ("", "", ["192.0.2.1"], "mx.example.org"),
    "a name server that is silent": ("", "", "silence", "mx"),
    "a name server without it": ("", "", "NXDOMAIN", "mx"),
    "/etc/hosts": ("", "192.0.2.1 mx.hosts.test mx\n", ["192.0.2.1"], "mx.hosts.test"),
    "mailname": ("mail.example.net\n", "", ["192.0.2.1"], "mail.example.net"),
}


@case("a host that calls itself by a bare name gets the rest of it from {whom}, in time", whom=list(NAMES))
def bare_name(bench, whom):
    bench.need_root("to mount")
    mail_name, hosts, answer, wanted = NAMES[whom]
    # The port that the system asks, at an address that nobody else has.
    address = f"127.53.{os.getpid() >> 8 & 255}.{os.getpid() % 254 + 1}"
    names = NameServer(bench, {"mx.example.org": answer} if isinstance(answer, str)
                       else {("mx.example.org", "A"): answer}, address=address, port=53)
    bench.write("hosts", "127.0.0.1 localhost\n" + hosts)
    bench.write("nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
    # Without the limit the start would take a minute.
    bench.write("resolv.conf", f"nameserver {address}\nsearch example.org\noptions timeout:30 attempts:2\n")
    if mail_name:
        bench.write("mailname", mail_name)
    daemon = Daemon(bench, "match from any for any reject\n",
                    command=["unshare", "-m", "-u", "sh", "-c", NAMED, bench.directory])
    daemon.launch()

    def is_up():
        if daemon.process.poll() == 99:
            raise Skipped("mount is not permitted")
        return daemon.greets()

    eventually(is_up, lambda: f"the daemon did not come up: {daemon.log()[-800:]}", 20)
    Client(daemon.port, greeting=f"220 {wanted} ESMTP").close()
    asked = [question for question in names.questions if question[0] == "mx.example.org"]
    expect_equal(bool(asked), whom.startswith("a name server"), f"questions: {names.questions}")
    eventually(lambda: sorted(daemon.descendants()) == sorted(daemon.roles().values()), "who asked is left")
    daemon.stop()
