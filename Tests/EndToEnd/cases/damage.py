# SPDX-License-Identifier: ISC
"""Records that cannot be read: the rest of the queue is served, and they come back once mended."""

import os

from harness.case import case, eventually, expect, expect_equal
from harness.client import submit
from harness.daemon import Daemon
from harness.sink import Sink


def holding(bench, sink, backend="fs"):
    """A daemon that keeps its mail for now."""
    return Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""", backend=backend, arguments=["-P", "mta"]).start()


def place(daemon, message, name=""):
    return os.path.join(daemon.state, "spool", "queue", message[:2], message, name)


def forbid(path):
    """Makes it another's where the queue has a user of its own, and nobody's to read."""
    before = os.stat(path)
    if os.geteuid() == 0:
        os.chown(path, 0, 0)
    os.chmod(path, 0)
    return lambda: (os.chown(path, before.st_uid, before.st_gid), os.chmod(path, before.st_mode & 0o777))


@case("fs: {what} that cannot be read is set aside, the rest is served, and it comes back",
      what=["an envelope", "a message's directory"])
def unreadable(bench, what):
    sink = Sink(bench)
    daemon = holding(bench, sink)
    ids = [submit(daemon.port, subject=f"m{i}") for i in range(5)]
    daemon.stop()
    path = place(daemon, ids[2], ids[2] + "00000001" if what == "an envelope" else "")
    mend = forbid(path)
    daemon.start()
    expect_equal(sorted(q["message"] for q in daemon.queue()), sorted(ids[:2] + ids[3:]), "what is left")
    expect_equal(daemon.ctl("pause", "envelope", "all").split()[0], "4")
    expect_equal(daemon.ctl("resume", "envelope", "all").split()[0], "4")
    records = daemon.ctl("queue", "quarantine", "list").splitlines()
    expect_equal(len(records), 1, f"{records}")
    name = records[0].split("|")[0]
    expect(ids[2] in name, f"{records}")
    daemon.ctl("queue", "verify", status=None)
    said = daemon.run_ctl("queue", "quarantine", "restore", name)
    expect_equal(said.returncode, 1, "restoring what cannot be read")
    expect(b"ermission" in said.stdout + said.stderr, f"{said}")
    if os.path.exists(path):
        mend()
    else:
        os.chmod(os.path.join(daemon.state, "spool", "quarantine", name), 0o600)
        if os.geteuid() == 0:
            owner = os.stat(os.path.join(daemon.state, "spool", "quarantine"))
            os.chown(os.path.join(daemon.state, "spool", "quarantine", name), owner.st_uid, owner.st_gid)
    daemon.ctl("queue", "quarantine", "restore", name)
    expect_equal(daemon.ctl("queue", "quarantine", "list"), "")
    daemon.wait_queued(5)
    daemon.ctl("resume", "mta")
    daemon.wait_empty()
    expect_equal(sorted(sink.subjects()), [f"m{i}" for i in range(5)])
    daemon.stop()


@case("fs: a body that was cut off is not shown as whole, not delivered, set aside, and goes once mended")
def cut_off(bench):
    sink = Sink(bench)
    daemon = holding(bench, sink)
    ids = [submit(daemon.port, subject=f"m{i}") for i in range(3)]
    daemon.stop()
    path = place(daemon, ids[1], "message")
    with open(path, "rb") as file:
        whole = file.read()
    os.truncate(path, 50)
    for _ in ("stopped", "running"):
        said = daemon.run_ctl("show", "message", ids[1])
        expect_equal(said.returncode, 1, f"exit status: {said}")
        expect(f"50 bytes of {len(whole)}".encode() in said.stderr + said.stdout, f"{said}")
        if daemon.process is None:
            daemon.start()
    daemon.ctl("resume", "mta")
    daemon.wait_empty()
    expect_equal(sorted(sink.subjects()), ["m0", "m2"])
    records = daemon.ctl("queue", "quarantine", "list").splitlines()
    expect_equal([r.split("|")[0] for r in records], [f"message-{ids[1]}"])
    expect(f"its body: 50 bytes of {len(whole)}" in records[0], f"{records}")
    shown = daemon.ctl("queue", "quarantine", "show", f"message-{ids[1]}", style="bytes")
    expect(whole[:50] in shown, f"{shown}")
    expect_equal(daemon.run_ctl("queue", "quarantine", "show", "message-ffffffff").returncode, 1)
    with open(os.path.join(daemon.state, "spool", "quarantine", f"message-{ids[1]}", "message"), "r+b") as file:
        file.write(whole)
    expect_equal(daemon.ctl("queue", "quarantine", "restore", f"message-{ids[1]}"), "1 envelope restored\n")
    daemon.wait_empty()
    expect_equal(sorted(sink.subjects()), ["m0", "m1", "m2"])
    daemon.stop()
