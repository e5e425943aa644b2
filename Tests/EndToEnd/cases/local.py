# SPDX-License-Identifier: ISC
"""Mail for users of this host: maildirs and commands."""

import os
import smtplib
import stat

from harness.case import case, eventually, expect, expect_equal, Skipped
from harness.client import message, stuffed, submit, Client
from harness.daemon import BACKENDS, Daemon
from harness.mailbox import Maildir
from harness.peers import swaks


def maildir_configuration(bench):
    box = bench.directory_for("mail")
    return f"""
action "local" maildir "{box}/%{{user.username}}"
match from any for domain "in.test" action "local"
""", Maildir(os.path.join(box, bench.recipient))


@case("swaks: a message reaches the maildir of its recipient ({backend})", backend=BACKENDS)
def to_maildir(bench, backend):
    text, box = maildir_configuration(bench)
    daemon = Daemon(bench, text, backend=backend).start()
    swaks(daemon.port, "-f", "a@example.org", "-t", f"{bench.recipient}@in.test",
          "--header", "Subject: hello", "--body", "one\n.two\n..three\n")
    got = box.wait(1)[0]
    expect(got.startswith(b"Return-Path: <a@example.org>\nDelivered-To: "),
           f"the head is {got[:200]!r}")
    expect(b"\nReceived: from client.example.org (" in got, f"no Received: {got[:500]!r}")
    expect(b"\none\n.two\n..three\n" in got, f"the body is {got[-200:]!r}")
    expect(b"\r" not in got, "a file of this host has LF only")
    daemon.wait_log(r"mda delivery evpid=[0-9a-f]{16} from=<a@example.org> to=<\S+@in.test> "
                    r"rcpt=<\S+> user=\S+ delay=\S+ result=Ok stat=Delivered")
    daemon.wait_empty()
    daemon.stop()


@case("a NUL in a message is a byte like any other: it is taken, kept and delivered ({backend})", backend=BACKENDS)
def with_nul(bench, backend):
    out = bench.directory_for("out")
    daemon = Daemon(bench, f"""
action "maildir" maildir "{out}/%{{user.username}}"
action "command" mda "sh -c 'cat > {out}/command'"
match from any for domain "in.test" action "maildir"
match from any for domain "command.test" action "command"
""", backend=backend).start()
    text = b"Subject: a\0b\r\nX-Other: \0\r\n\r\n\0start\r\nmid\0\0dle\r\nend\0\r\n\0\r\n"
    submit(daemon.port, body=text, recipients=[f"{bench.recipient}@in.test", f"{bench.recipient}@command.test"])
    wanted = text.replace(b"\r\n", b"\n")
    box = Maildir(os.path.join(out, bench.recipient))
    got = box.wait(1)[0]
    daemon.wait_empty()
    with open(out + "/command", "rb") as file:
        for kind, body in [("maildir", got), ("command", file.read())]:
            expect(body.endswith(wanted), f"{kind}: {body[-200:]!r}")
    daemon.stop()


@case("a maildir file belongs to its user and nobody else may read it")
def ownership(bench):
    text, box = maildir_configuration(bench)
    daemon = Daemon(bench, text).start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    box.wait(1)
    name = os.path.join(box.path, "new", os.listdir(os.path.join(box.path, "new"))[0])
    facts = os.stat(name)
    expect(facts.st_uid != 0, "it belongs to root")
    expect_equal(stat.S_IMODE(facts.st_mode), 0o600, "mode of the file")
    expect_equal(stat.S_IMODE(os.stat(box.path).st_mode), 0o700, "mode of the maildir")
    expect_equal(os.listdir(os.path.join(box.path, "tmp")), [], "what is left in tmp")
    daemon.stop()


@case("without root the daemon delivers to the user who started it, and to no other")
def unprivileged(bench):
    user = "nobody" if bench.is_root else None
    text, box = maildir_configuration(bench)
    daemon = Daemon(bench, text + """
action "root" maildir "/nonexistent/%{user.username}"
match from any for domain "root.test" action "root"
""", user=user).start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    expect(b"Subject: test" in box.wait(1)[0], "the message is another")
    submit(daemon.port, sender=f"{bench.recipient}@in.test", recipients=["root@root.test"])
    daemon.wait_log(r"mda delivery .*to=<root@root.test>.* result=(Temp|Perm)Fail")
    daemon.stop()


@case("smtplib: two recipients, the maildir's sub-address, and an unknown user")
def python_client(bench):
    text, box = maildir_configuration(bench)
    daemon = Daemon(bench, text).start()
    client = smtplib.SMTP("127.0.0.1", daemon.port, local_hostname="client.example.org")
    user = bench.recipient
    refused = client.sendmail("a@example.org",
                              [f"{user}@in.test", f"{user}+tag@in.test", "no-such-user@in.test"],
                              message("three"))
    expect_equal(list(refused), ["no-such-user@in.test"], "refused recipients")
    expect(refused["no-such-user@in.test"][0] in (550, 524), f"with {refused}")
    client.quit()
    box.wait(2)
    daemon.wait_empty()
    daemon.stop()


def command_daemon(bench, command, **more):
    return Daemon(bench, f"""
action "command" mda "{command}"
match from any for domain "in.test" action "command"
action "local" maildir "{bench.directory_for('bounces')}/%{{user.username}}"
match from any for domain "back.test" action "local"
""", **more)


@case("mda: the command has the message, the environment, and no privileges")
def command_environment(bench):
    out = bench.directory_for("out")
    daemon = command_daemon(bench, f"cat > {out}/mail; env > {out}/env; id -u > {out}/id; "
                                   f"pwd > {out}/pwd; ls -l /proc/self/fd > {out}/fd; "
                                   f"mv {out}/mail {out}/done").start()
    submit(daemon.port, recipients=[f"{bench.recipient}+tag@in.test"], body=message(text="x\r\n.y\r\n"))
    eventually(lambda: os.path.exists(out + "/done"), "the command did not run")
    daemon.wait_empty()
    environment = dict(line.split("=", 1) for line in open(out + "/env").read().splitlines())
    user = bench.recipient
    wanted = {"SENDER": "a@example.org", "USER": user, "LOGNAME": user, "EXTENSION": "tag",
              "LOCAL": user + "+tag", "DOMAIN": "in.test", "SHELL": "/bin/sh",
              "ORIGINAL_RECIPIENT": f"{user}+tag@in.test", "RECIPIENT": f"{user}+tag@in.test"}
    for name, value in wanted.items():
        expect_equal(environment.get(name), value, name)
    expect("PATH" in environment and "HOME" in environment, "no PATH or HOME")
    for name in ("TALARIA_BUILD", "SMTPD_STATE", "TMPDIR"):
        expect(name not in environment, f"{name} came through")
    expect(open(out + "/id").read().strip() != "0", "it ran as root")
    body = open(out + "/done", "rb").read()
    expect(body.startswith(b"Return-Path: <a@example.org>\nDelivered-To: "), f"head: {body[:100]!r}")
    expect(body.endswith(b"\nx\n.y\n"), f"end: {body[-60:]!r}")
    open_ones = [line for line in open(out + "/fd").read().splitlines() if "->" in line]
    expect(len(open_ones) <= 4, f"descriptors of the daemon were inherited: {open_ones}")
    daemon.stop()


@case("mda: exit 75 waits with the command's last line as the error")
def command_temporary(bench):
    daemon = command_daemon(bench, "cat >/dev/null; echo one; echo try again; exit 75").start()
    submit(daemon.port, sender="a@back.test", recipients=[f"{bench.recipient}@in.test"])
    daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(.*try again.*\)")
    entry = eventually(lambda: [q for q in daemon.queue() if q["tries"] == 1],
                       "the envelope does not wait")[0]
    expect("try again" in entry["error"], f"the error is {entry['error']!r}")
    expect_equal(entry["state"], "pending")
    daemon.stop()


@case("mda: exit {code} bounces with the command's last line", code=["1", "64", "69", "77"])
def command_permanent(bench, code):
    daemon = command_daemon(bench, f"cat >/dev/null; echo no such thing; exit {code}").start()
    submit(daemon.port, sender=f"{bench.recipient}@back.test",
           recipients=[f"{bench.recipient}@in.test"])
    notice = Maildir(bench.path("bounces", bench.recipient)).wait(1)[0]
    expect(b"no such thing" in notice, f"the notice is {notice[:1500]!r}")
    daemon.wait_empty()
    daemon.stop()


@case("mda: a command killed by a signal is tried again")
def command_signal(bench):
    daemon = command_daemon(bench, "cat >/dev/null; kill -TERM $$").start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    daemon.wait_log(r"mda delivery .*result=TempFail")
    daemon.stop()


EARLY = [(command, lines) for lines in (1, 20000)
         for command in ("exit 0", "/bin/true", "read line", "head -c 40 >/dev/null", "exec <&-; sleep 0.2")]


@case("mda: a command that ends with 0 before it has read all is tried again ({how} lines)", how=EARLY)
def command_early(bench, how):
    command, lines = how
    daemon = command_daemon(bench, command).start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"],
           body=message(text="0123456789abcdef\r\n" * lines))
    daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(mda exited prematurely\)")
    daemon.stop()


@case("a message of 5 MB reaches a maildir whole ({backend})", backend=BACKENDS, seconds=90)
def big(bench, backend):
    text, box = maildir_configuration(bench)
    daemon = Daemon(bench, text, backend=backend).start()
    lines = b"".join(b"%08d the quick brown fox jumps over the lazy dog\r\n" % i for i in range(95000))
    with Client(daemon.port, seconds=40) as client:
        client.begin(recipients=[f"{bench.recipient}@in.test"])
        client.send(stuffed(b"Subject: big\r\n\r\n" + lines))
        client.expect("250")
    got = box.wait(1, 30)[0]
    expect(got.endswith(b"\n\n" + lines.replace(b"\r\n", b"\n")), "the body changed")
    daemon.wait_empty()
    daemon.stop()


@case("delivery to root is refused, and the mail waits or bounces")
def to_root(bench):
    bench.need_root()
    text, _ = maildir_configuration(bench)
    daemon = Daemon(bench, text).start()
    submit(daemon.port, sender="a@nowhere.invalid", recipients=["root@in.test"])
    daemon.wait_log(r"mda delivery .*to=<root@in.test>.*result=(Temp|Perm)Fail")
    expect(not os.path.exists(bench.path("mail", "root")), "it was delivered")
    daemon.stop()


@case("a loop by Delivered-To is a permanent failure")
def loop(bench):
    text, box = maildir_configuration(bench)
    user = bench.recipient
    daemon = Daemon(bench, text).start()
    body = f"Delivered-To: {user}@in.test\r\nSubject: again\r\n\r\nx\r\n".encode()
    submit(daemon.port, sender=f"{user}+back@in.test", recipients=[f"{user}@in.test"], body=body)
    notice = box.wait(1)[0]
    expect(b"multipart/report" in notice and b"oop" in notice, f"{notice[:800]!r}")
    daemon.wait_empty()
    daemon.stop()
