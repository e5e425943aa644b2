# SPDX-License-Identifier: ISC
"""The programs that deliver under a user's id, run by hand: limits, links, and what they refuse."""

import fcntl
import os
import resource
import signal
import subprocess
import time

from harness.case import case, eventually, expect, expect_equal
from harness.daemon import SMTPD, children, is_alive

MESSAGE = b"Subject: x\n\nHello.\n"


def run(bench, agent, *arguments, message=MESSAGE, limit=None, **environment):
    """Runs an agent; returns its exit status and what it said."""

    def before():
        # What the supervisor sets for the agents, a case may set lower.
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run([SMTPD, "-x", agent, *arguments], input=message, capture_output=True, timeout=20,
                          preexec_fn=before, cwd=bench.directory,
                          env={"HOME": bench.directory, "PATH": "/usr/bin:/bin",
                               "SWIFT_BACKTRACE": "enable=no", **environment})
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace").strip()


def forward(bench, text, mode=0o644):
    return bench.write(".forward", text, mode)


@case("mail.mbox: a file beyond its limit is a temporary failure, and left as it was")
def file_limit(bench):
    box = bench.path("box")
    expect_equal(run(bench, "mail.mbox", str(len(MESSAGE)), box, SENDER="a@example.org"), (0, ""))
    before = open(box, "rb").read()
    status, said = run(bench, "mail.mbox", "90000", box, message=b"x" * 90000, limit=4096)
    expect_equal(status, 75, said)
    expect("File too large" in said, f"it said {said!r}")
    expect_equal(open(box, "rb").read(), before, "the mailbox")
    expect(not os.path.exists(box + ".lock"), "the lock was left behind")


@case("mail.mbox: a message of 35 MB comes whole, and needs no memory of its size")
def large(bench):
    text, box = bench.path("message"), bench.path("box")
    line = b"From a line that is quoted 0123456789\n"
    with open(text, "wb") as file:
        for _ in range(1000):
            file.write(line * (35000 // len(line)) + b"x\n")
    size = os.path.getsize(text)
    with open(text, "rb") as file:
        process = subprocess.Popen([SMTPD, "-x", "mail.mbox", str(size), box], stdin=file)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    expect_equal(process.returncode, 0, "exit status")
    quoted = 35000 // len(line)
    with open(box, "rb") as file:
        expect(file.readline().startswith(b"From MAILER-DAEMON "), "no first line")
        found = file.read()
    expect_equal(len(found), size + 1000 * quoted + 1, "bytes of the mailbox")
    expect(found == ((b">" + line) * quoted + b"x\n") * 1000 + b"\n", "the mailbox has another text")
    expect(usage.ru_maxrss < 40 << 10, f"it took {usage.ru_maxrss} KB")


@case("mail.maildir: a file beyond its limit is a temporary failure, and nothing is left")
def maildir_limit(bench):
    status, said = run(bench, "mail.maildir", "90000", message=b"x" * 90000, limit=4096)
    expect_equal(status, 75, said)
    left = [f for _, _, files in os.walk(bench.path("Maildir")) for f in files]
    expect_equal(left, [], "left behind")


QUOTA = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

// A file holds 4096 bytes, as if its user's quota ended there.
ssize_t write(int file, const void *bytes, size_t count) {
  static ssize_t (*next)(int, const void *, size_t);
  struct stat status;
  if (next == NULL) next = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size + (off_t)count > 4096) {
    errno = EDQUOT;
    return -1;
  }
  return next(file, bytes, count);
}
"""


@case("{agent}: over quota is a temporary failure, and what was there is left as it was",
      agent=["mail.mbox", "mail.maildir", "mail.forward"])
def over_quota(bench, agent):
    source = bench.write("quota.c", QUOTA)
    subprocess.run(["clang", "-shared", "-fPIC", "-o", bench.path("quota.so"), source, "-ldl"], check=True)
    where = [bench.path("Maildir" if agent == "mail.maildir" else "box")]
    if agent == "mail.forward": forward(bench, f"{where[0]}\n")

    def deliver(message):
        length = str(len(message))
        arguments = {"mail.mbox": [length, *where], "mail.maildir": [length],
                     "mail.forward": ["file", *where, length]}[agent]
        return run(bench, agent, *arguments, message=message, LD_PRELOAD=bench.path("quota.so"))

    def content():
        if agent != "mail.maildir":
            return [open(where[0], "rb").read()]
        return [open(os.path.join(directory, name), "rb").read()
                for directory, _, names in os.walk(where[0]) for name in names]

    expect_equal(deliver(MESSAGE), (0, ""))
    before = content()
    expect_equal(len(before), 1)
    status, said = deliver(b"Subject: large\n\n" + b"x" * 8000 + b"\n")
    expect_equal(status, 75, said)
    expect("quota" in said.lower(), f"it said {said!r}")
    expect_equal(content(), before)


@case("mail.mbox: half a message is not taken, and the file is not even made")
def half(bench):
    status, said = run(bench, "mail.mbox", "100", bench.path("box"))
    expect_equal(status, 75, said)
    expect("cut off" in said, f"it said {said!r}")
    expect(not os.path.exists(bench.path("box")), "the mailbox was touched")


@case("mail.forward: a command runs while the file names it, and not one moment longer")
def forward_command(bench):
    out = bench.path("ran")
    command = f"cat >> {out}; echo \"$SENDER\" >> {out}"
    forward(bench, f'ann@example.org, "|{command}"\n'.replace('"$SENDER"', '\\"$SENDER\\"'))
    expect_equal(run(bench, "mail.forward", "command", command, command, SENDER="$(x)@example.org"), (0, ""))
    expect_equal(open(out, "rb").read(), MESSAGE + b"$(x)@example.org\n", "what the command got")
    for wanted in ("touch " + bench.path("trap"), command + " ", "ann@example.org"):
        status, said = run(bench, "mail.forward", "command", wanted, wanted)
        expect_equal(status, 75, said)
        expect("does not name it" in said, f"it said {said!r}")
    forward(bench, "ann@example.org\n")
    expect_equal(run(bench, "mail.forward", "command", command, command)[0], 75, "after it was taken out")
    os.unlink(bench.path(".forward"))
    expect_equal(run(bench, "mail.forward", "command", command, command)[0], 75, "without the file")
    expect(not os.path.exists(bench.path("trap")), "something else ran")


@case("mail.forward: a file that others may change, or a link, names nothing ({how})",
      how=["group", "others", "link", "fifo", "large"])
def forward_unsafe(bench, how):
    out = bench.path("ran")
    text = f"|touch {out}\n"
    if how == "group":
        forward(bench, text, 0o664)
    elif how == "others":
        forward(bench, text, 0o646)
    elif how == "link":
        os.symlink(bench.write("elsewhere", text), bench.path(".forward"))
    elif how == "fifo":
        os.mkfifo(bench.path(".forward"))
    else:
        forward(bench, text + "#" * 5000 + "\n")
    expect_equal(run(bench, "mail.forward", "command", *[f"touch {out}"] * 2)[0], 75, "status")
    expect(not os.path.exists(out), "it ran")


@case("mail.forward: a file of the user's gets the message, and a named directory does not")
def forward_file(bench):
    box = bench.path("box")
    forward(bench, f"{box}\n{bench.directory}\n")
    length = str(len(MESSAGE))
    expect_equal(run(bench, "mail.forward", "file", box, length, SENDER="a@example.org"), (0, ""))
    got = open(box, "rb").read()
    expect(got.startswith(b"From a@example.org ") and got.endswith(b"\nHello.\n\n"), f"{got!r}")
    expect_equal(run(bench, "mail.forward", "file", bench.directory, length)[0], 73, "a directory")
    expect_equal(run(bench, "mail.forward", "file", box + "x", length)[0], 75, "another file")


@case("mail.mbox: it ends by the alarm's signal when the feeder never does")
def alarm(bench):
    # As the supervisor starts it: the alarm is set before, and stays set.
    process = subprocess.Popen(["perl", "-e", "alarm 1; exec @ARGV", SMTPD, "-x", "mail.mbox", "5",
                                bench.path("box")], stdin=subprocess.PIPE)
    bench.at_end(process.stdin.close)
    expect_equal(process.wait(10), -signal.SIGALRM, "status")


def slow_writes(bench):
    """Environment for a program that appends to files slowly."""
    source = bench.write("slow.c", SLOW)
    library = bench.path("slow.so")
    subprocess.run(["clang", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": library}


SLOW = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

// What is appended to a file takes its time.
ssize_t write(int file, const void *bytes, size_t count) {
  static ssize_t (*next)(int, const void *, size_t);
  struct stat status;
  if (next == NULL) next = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  if ((fcntl(file, F_GETFL) & O_APPEND) != 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode))
    usleep(400 * 1000);
  return next(file, bytes, count);
}
"""

LONG = b"Subject: long\n\n" + b"0123456789abcde\n" * 16384


def size_of(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def start_slow(bench, box, *before):
    """A program that has all of the message, and puts it into the mailbox slowly."""
    text = bench.write("long", LONG)
    with open(text, "rb") as file:
        process = subprocess.Popen(
            [*before, SMTPD, "-x", "mail.mbox", str(len(LONG)), box], stdin=file, start_new_session=True,
            env={"HOME": bench.directory, "PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no",
                 "SENDER": "a@example.org", **slow_writes(bench)})
    bench.at_end(lambda: process.poll() is None and process.kill())
    return process


def whole_messages(box):
    """How many messages are in the mailbox, which must all be the long one, from its first line to its last."""
    with open(box, "rb") as file:
        found = file.read()
    parts = found.split(b"From a@example.org ")
    expect_equal(parts[0], b"", "before the first message")
    for part in parts[1:]:
        expect_equal(part.split(b"\n", 1)[1], LONG + b"\n", "a message")
    return len(parts) - 1


@case("mail.mbox: an append that has begun is not ended by the alarm")
def slow_alarm(bench):
    box = bench.path("box")
    process = start_slow(bench, box, "perl", "-e", "alarm 1; exec @ARGV")
    began = time.monotonic()
    expect_equal(process.wait(20), 0, "status")
    expect(time.monotonic() - began > 1, "it was done before the alarm")
    expect_equal(whole_messages(box), 1, "messages")


@case("mail.mbox: an append that has begun is not ended by a signal to its group ({how})",
      how=["KILL", "TERM"])
def slow_killed(bench, how):
    box = bench.path("box")
    process = start_slow(bench, box)
    eventually(lambda: size_of(box) > 0, "nothing is written")
    os.killpg(process.pid, getattr(signal, "SIG" + how))
    expect(process.wait(10) < 0, "it was not killed")
    expect(size_of(box) < len(LONG), "it was done before")
    # The next one, of the same message, waits for its turn.
    expect_equal(run(bench, "mail.mbox", str(len(LONG)), box, message=LONG, SENDER="a@example.org"), (0, ""))
    expect_equal(whole_messages(box), 2, "messages")
    expect(not os.path.exists(box + ".lock"), "the lock was left behind")


@case("mail.mbox: who is ended while it waits for a lock touches nothing, then or later ({how})",
      how=["alarm", "KILL"])
def waiting_killed(bench, how):
    box = bench.write("box", "From x\n\nBefore.\n\n")
    holder = open(box, "r+b")
    fcntl.lockf(holder, fcntl.LOCK_EX)
    before = ["perl", "-e", "alarm 2; exec @ARGV"] if how == "alarm" else []
    process = start_slow(bench, box, *before)
    waiting = eventually(lambda: children(process.pid), "nobody waits")
    if how == "KILL":
        os.killpg(process.pid, signal.SIGKILL)
    expect_equal(process.wait(10), -(signal.SIGKILL if how == "KILL" else signal.SIGALRM), "status")
    eventually(lambda: not any(is_alive(pid) for pid in waiting), "it waits on")
    holder.close()
    expect_equal(open(box).read(), "From x\n\nBefore.\n\n", "the mailbox")
    expect(not os.path.exists(box + ".lock"), "a lock was left behind")
