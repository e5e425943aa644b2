# SPDX-License-Identifier: ISC
"""System mailboxes, files of aliases and forward files: locks, rights, quota, read-only disks."""

import fcntl
import mailbox
import os
import re
import stat
import subprocess

from cases.agents import slow_writes
from harness.case import case, eventually, expect, expect_equal, Skipped
from harness.client import message, submit
from harness.daemon import Daemon
from harness.users import make_users

MBOX = """
action "local" mbox
match from any for domain "in.test" action "local"
"""


def texts(path):
    if not os.path.exists(path):
        return []
    box = mailbox.mbox(path)
    try:
        return [entry.as_bytes() for entry in box]
    finally:
        box.close()


@case("mbox: each user's mailbox is made for it, and a program of another reads it")
def to_mbox(bench):
    users = make_users(bench)
    daemon = Daemon(bench, MBOX).start()
    body = b"Subject: quoted\r\n\r\nFrom here\r\n\r\nFrom there\r\n>From\r\n"
    for _ in range(2):
        submit(daemon.port, recipients=[f"{user.name}@in.test" for user in users], body=body)
    daemon.wait_empty()
    for user in users:
        found = texts(user.mailbox)
        expect_equal(len(found), 2, f"messages of {user.name}")
        expect(found[0].startswith(b"Return-Path: <a@example.org>\nDelivered-To: "), f"{found[0]!r}")
        raw = open(user.mailbox, "rb").read()
        expect(re.match(rb"From a@example\.org \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n", raw),
               f"the first line is {raw[:80]!r}")
        expect(b"\n>From here\n\n>From there\n>From\n\n" in raw, f"{raw[-200:]!r}")
        facts = os.stat(user.mailbox)
        expect_equal(facts.st_uid, user.uid, "owner")
        expect_equal(stat.S_IMODE(facts.st_mode), 0o660, "mode")
        expect(not os.path.exists(user.mailbox + ".lock"), "the lock was left behind")
    daemon.stop()


@case("mbox: root has one, too")
def root_mailbox(bench):
    make_users(bench)
    if os.path.exists("/var/mail/root"):
        raise Skipped("root has mail here")
    bench.at_end(lambda: os.path.exists("/var/mail/root") and os.unlink("/var/mail/root"))
    daemon = Daemon(bench, MBOX).start()
    submit(daemon.port, recipients=["root@in.test"])
    daemon.wait_empty()
    expect_equal(len(texts("/var/mail/root")), 1, "messages")
    daemon.stop()


@case("mbox: a lock that another program holds is waited for ({kind})", kind=["fcntl", "dotlock"])
def locked(bench, kind):
    user = make_users(bench)[0]
    daemon = Daemon(bench, MBOX).start()
    submit(daemon.port, recipients=[f"{user.name}@in.test"])
    daemon.wait_empty()
    size = os.path.getsize(user.mailbox)
    if kind == "fcntl":
        holder = open(user.mailbox, "r+b")
        fcntl.lockf(holder, fcntl.LOCK_EX)
    else:
        open(user.mailbox + ".lock", "w").close()
    submit(daemon.port, recipients=[f"{user.name}@in.test"])
    agent = eventually(lambda: [p for p in daemon.descendants() if b"mail.mbox" in arguments(p)],
                       "no program waits")[0]
    expect_equal(os.path.getsize(user.mailbox), size, "size while it is locked")
    if kind == "fcntl":
        holder.close()
    else:
        os.unlink(user.mailbox + ".lock")
    daemon.wait_empty()
    expect_equal(len(texts(user.mailbox)), 2, "messages")
    expect(agent not in daemon.descendants(), "the program lives on")
    daemon.stop()


def arguments(process):
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


@case("mbox: many at a time, and none is torn", seconds=90)
def together(bench):
    user = make_users(bench)[0]
    daemon = Daemon(bench, MBOX).start()
    for number in range(30):
        submit(daemon.port, recipients=[f"{user.name}@in.test", f"{user.name}+x@in.test"],
               body=message(subject=f"number {number}", text="0123456789abcdef\r\n" * 3000))
    daemon.wait_empty(60)
    found = texts(user.mailbox)
    expect_equal(len(found), 60, "messages")
    for text in found:
        expect_equal(text.count(b"0123456789abcdef\n"), 3000, "lines of a message")
    daemon.stop()


@case("mbox: what ends the delivery in the middle of its append leaves no half of a message ({ending})",
      ending=["stop", "delivery", "limit"], seconds=90)
def slow_append(bench, ending):
    user = make_users(bench)[0]
    library = slow_writes(bench)["LD_PRELOAD"]
    # Under it the append takes some seconds, and more than such a limit grants.
    limit = "mda limit timeout 1s" if ending == "limit" else ""
    daemon = Daemon(bench, f"""{limit}
mda wrapper "slow" "LD_PRELOAD={library} %{{mda}}"
action "local" mbox wrapper "slow"
match from any for domain "in.test" action "local"
""").start()
    lines = 120000 if ending == "limit" else 20000
    submit(daemon.port, recipients=[f"{user.name}@in.test"], body=message(text="0123456789abcdef\r\n" * lines))
    eventually(lambda: os.path.exists(user.mailbox) and os.path.getsize(user.mailbox) > 0, "nothing is written")
    if ending == "stop":
        daemon.stop(15)
    elif ending == "delivery":
        daemon.kill_role("delivery")
    else:
        daemon.wait_log(r"mda delivery .*result=TempFail")
    expect(ending == "stop" or os.path.getsize(user.mailbox) < 17 * lines, "it was done before")
    bench.write("slow.c", "// fast\n")
    subprocess.run(["clang", "-shared", "-o", library + ".new", bench.path("slow.c")], check=True)
    os.rename(library + ".new", library)
    if ending == "stop":
        daemon.start()

    def is_delivered():
        daemon.run_ctl("schedule", "all")
        return not daemon.queue()

    eventually(is_delivered, "it is not delivered", 40)
    eventually(lambda: not os.path.exists(user.mailbox + ".lock"), "the mailbox is locked")
    found = texts(user.mailbox)
    # Each try whose end was not seen may have left one.
    expect(1 <= len(found) <= (6 if ending == "limit" else 2), f"{len(found)} messages")
    for text in found:
        expect_equal(text.count(b"0123456789abcdef\n"), lines, "lines of a message")
    daemon.stop()


def small_disk(bench, user, size="64k", options=""):
    """A file system of that size below the bench's directory, owned by the user."""
    path = bench.path("disk")
    os.makedirs(path)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700,uid={user.uid}{options}",
                           "tmpfs", path], capture_output=True)
    if done.returncode != 0:
        raise Skipped(f"tmpfs cannot be mounted: {done.stderr.decode().strip()}")
    bench.at_end(lambda: subprocess.run(["umount", "-l", path], check=True))
    return path


@case("a full disk makes mail wait, and nothing of it is left ({agent})", agent=["maildir", "file"])
def full_disk(bench, agent):
    user = make_users(bench)[0]
    disk = small_disk(bench, user)
    if agent == "maildir":
        text = f'action "local" maildir "{disk}/Maildir"\n'
    else:
        user.write(".forward", f"{disk}/box\n")
        text = 'action "local" maildir\n'
    daemon = Daemon(bench, text + 'match from any for domain "in.test" action "local"\n').start()
    submit(daemon.port, recipients=[f"{user.name}@in.test"],
           body=message(text="0123456789abcdef\r\n" * 10000))
    daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(.*No space left on device.*\)")
    expect_equal(len(daemon.queue()), 1, "envelopes that wait")
    left = [os.path.join(d, f) for d, _, files in os.walk(disk) for f in files]
    expect(sum(os.path.getsize(path) for path in left) == 0, f"left behind: {left}")
    submit(daemon.port, recipients=[f"{user.name}@in.test"])
    eventually(lambda: len(daemon.queue()) == 1 and [
        f for d, _, files in os.walk(disk) for f in files if os.path.getsize(os.path.join(d, f)) > 0],
        "a small one is not delivered")
    daemon.stop()


@case("a read-only disk makes mail wait, and it is delivered when it can be")
def read_only_disk(bench):
    user = make_users(bench)[0]
    disk = small_disk(bench, user)
    daemon = Daemon(bench, f"""
action "local" maildir "{disk}/Maildir"
match from any for domain "in.test" action "local"
""").start()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    submit(daemon.port, recipients=[f"{user.name}@in.test"])
    daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(.*Read-only file system.*\)")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    daemon.ctl("schedule", "all")
    daemon.wait_empty()
    expect_equal(len(os.listdir(os.path.join(disk, "Maildir", "new"))), 1, "messages")
    daemon.stop()


@case("each user's mail is written under its own uid, and its home may be missing")
def own_uids(bench):
    users = make_users(bench)
    out = bench.directory_for("out")
    os.chmod(out, 0o777)
    daemon = Daemon(bench, f"""
action "local" maildir
action "command" mda "cat >/dev/null; id -u > {out}/$USER; pwd >> {out}/$USER"
match from any for domain "in.test" action "local"
match from any for domain "command.test" action "command"
""").start()
    submit(daemon.port, recipients=[f"{user.name}@in.test" for user in users])
    daemon.wait_empty()
    for user in users:
        new = os.path.join(user.home, "Maildir", "new")
        facts = os.stat(os.path.join(new, os.listdir(new)[0]))
        expect_equal((facts.st_uid, facts.st_gid), (user.uid, user.gid), f"owner for {user.name}")
    os.rename(users[0].home, users[0].home + ".gone")
    submit(daemon.port, recipients=[f"{user.name}@command.test" for user in users])
    daemon.wait_empty()
    lines = [open(os.path.join(out, user.name)).read().split() for user in users]
    expect_equal(lines, [[str(users[0].uid), "/"], [str(users[1].uid), users[1].home]], "who, where")
    # As when the disk with the homes is not mounted: who could make one there would not be root alone.
    submit(daemon.port, recipients=[f"{users[0].name}@in.test"])
    daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(.*cannot make .*: Permission denied\)")
    daemon.wait_queued(1, "retry=1")
    os.rename(users[0].home + ".gone", users[0].home)
    daemon.ctl("schedule", "all")
    daemon.wait_empty()
    expect_equal(len(os.listdir(os.path.join(users[0].home, "Maildir", "new"))), 2, "messages")
    daemon.stop()


@case("a wrapper runs what the action would run ({method})", method=["mbox", "maildir", "mda"])
def wrapper(bench, method):
    user = make_users(bench)[0]
    out = bench.directory_for("out", user.name)
    agent = {"mbox": "mbox", "maildir": f'maildir "{out}/Maildir"',
             "mda": f'mda "cat > {out}/got"'}[method]
    daemon = Daemon(bench, f"""
mda wrapper "marked" "( echo 'X-Wrapped: yes'; cat ) | %{{mda}}"
action "local" {agent} wrapper "marked"
match from any for domain "in.test" action "local"
""").start()
    submit(daemon.port, recipients=[f"{user.name}@in.test"])
    daemon.wait_empty()
    if method == "mbox":
        got = texts(user.mailbox)[0]
    elif method == "maildir":
        new = os.path.join(out, "Maildir", "new")
        got = open(os.path.join(new, os.listdir(new)[0]), "rb").read()
    else:
        got = open(out + "/got", "rb").read()
    expect(got.startswith(b"X-Wrapped: yes\nReturn-Path: "), f"{got[:200]!r}")
    expect(got.rstrip().endswith(b"Hello."), f"{got[-100:]!r}")
    daemon.stop()
