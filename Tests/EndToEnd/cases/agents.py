# SPDX-License-Identifier: ISC
"""The programs that deliver under a user's id, run by hand: limits, links, and what they refuse."""

import os
import resource
import signal
import subprocess

from harness.case import case, expect, expect_equal
from harness.daemon import SMTPD

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
      agent=["mail.mbox", "mail.maildir"])
def over_quota(bench, agent):
    source = bench.write("quota.c", QUOTA)
    subprocess.run(["clang", "-shared", "-fPIC", "-o", bench.path("quota.so"), source, "-ldl"], check=True)
    where = [bench.path("box" if agent == "mail.mbox" else "Maildir")]

    def deliver(message):
        return run(bench, agent, str(len(message)), *(where if agent == "mail.mbox" else []), message=message,
                   LD_PRELOAD=bench.path("quota.so"))

    def content():
        if agent == "mail.mbox":
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
