# SPDX-License-Identifier: ISC
"""Records that cannot be read: the rest of the queue is served, and they come back once mended."""

import os

from harness.case import case, eventually, expect, expect_equal
from harness.client import message, submit
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
    daemon.wait_log("warn: queue: unreadable records in quarantine: 1; see smtpctl queue quarantine list")
    expect("queue.quarantined=1\n" in daemon.ctl("show", "stats"), daemon.ctl("show", "stats"))
    daemon.restart()
    daemon.wait_log("warn: queue: unreadable records in quarantine: 1; see smtpctl queue quarantine list")
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


@case("fs: what a look at the stopped queue sets aside is told")
def unreadable_offline(bench):
    daemon = holding(bench, Sink(bench))
    ids = [submit(daemon.port, subject=f"m{i}") for i in range(3)]
    daemon.stop()
    os.truncate(place(daemon, ids[1], ids[1] + "00000001"), 20)
    said = daemon.run_ctl("show", "queue")
    expect_equal(len(said.stdout.splitlines()), 2, f"{said}")
    expect(b"smtpctl: unreadable records put into quarantine: 1; see queue quarantine list" in said.stderr,
           f"{said}")
    said = daemon.run_ctl("show", "queue")
    expect_equal(said.stderr, b"smtpctl: there are records in quarantine\n")


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


def spoil(daemon, backend, text):
    """Changes a letter of a body where the stopped store has it."""
    changed = 0
    directory = os.path.join(daemon.state, "spool", "queue" if backend == "fs" else backend)
    for path in [os.path.join(parent, name) for parent, _, names in os.walk(directory) for name in names]:
        with open(path, "r+b") as file:
            content = file.read()
            at = content.find(text)
            while at >= 0:
                file.seek(at)
                file.write(text[:-1] + b"X")
                changed += 1
                at = content.find(text, at + 1)
    expect(changed > 0, f"{text} is nowhere in {directory}")


@case("{backend}: a body whose checksum fails is set aside, shown, and restored with a warning",
      backend=["fs", "sqlite", "lmdb"])
def checksum(bench, backend):
    sink = Sink(bench)
    daemon = holding(bench, sink, backend)
    texts = [b"the body of number %d and no other" % i for i in range(3)]
    ids = [submit(daemon.port, subject=f"m{i}", body=message(subject=f"m{i}", text=text.decode() + "\r\n"))
           for i, text in enumerate(texts)]
    daemon.stop()
    spoil(daemon, backend, texts[1])
    daemon.start()
    said = daemon.run_ctl("queue", "verify")
    expect_equal(said.returncode, 1, "verify finds damage")
    expect((f"message {ids[1]}: its body: wrong" if backend == "fs" else f"body {ids[1]}").encode() in said.stdout,
           f"{said}")
    daemon.ctl("resume", "mta")
    eventually(lambda: sorted(sink.subjects()) == ["m0", "m2"], "the rest is not served")
    spoilt = texts[1][:-1] + b"X"

    def look():
        names = sorted(r.split("|")[0] for r in daemon.ctl("queue", "quarantine", "list").splitlines())
        parts = [] if backend == "fs" else [f"body-{ids[1]}", f"envelope-{ids[1]}" + names[1][-8:]]
        expect_equal(names, parts + [f"message-{ids[1]}"])
        shown = daemon.ctl("queue", "quarantine", "show", names[0], style="bytes")
        expect(spoilt in shown, f"{shown}")
        for verb in ("show", "restore"):
            said = daemon.run_ctl("queue", "quarantine", verb, "message-ffffffff")
            expect_equal(said.returncode, 1, f"{verb} of what is not there: {said}")

    look()
    daemon.ctl("pause", "mta")
    expect_equal(daemon.ctl("queue", "quarantine", "restore", f"message-{ids[1]}"), "1 envelope restored\n")
    daemon.wait_log(f"warn: queue: message {ids[1]} is back although a checksum does not hold "
                    rf"\(body {ids[1]}\).*smtpctl remove {ids[1]}")
    expect_equal(daemon.ctl("queue", "quarantine", "list"), "")
    expect(spoilt in daemon.ctl("show", "message", ids[1], style="bytes"), "what was restored is not shown")
    daemon.ctl("resume", "mta")
    daemon.wait_empty()
    expect_equal(sorted(sink.subjects()), ["m0", "m1", "m2"])
    daemon.stop()


@case("{backend}: quarantine is listed, shown and restored while the daemon is stopped",
      backend=["fs", "sqlite", "lmdb"])
def checksum_offline(bench, backend):
    sink = Sink(bench)
    daemon = holding(bench, sink, backend)
    text = b"the body of the only one"
    only = submit(daemon.port, subject="m", body=message(subject="m", text=text.decode() + "\r\n"))
    daemon.stop()
    spoil(daemon, backend, text)
    expect_equal(daemon.run_ctl("queue", "verify").returncode, 1, "verify finds damage")
    expect_equal(len(daemon.ctl("queue", "quarantine", "list").splitlines()), 1 if backend == "fs" else 3)
    said = daemon.run_ctl("queue", "quarantine", "restore", f"{'message' if backend == 'fs' else 'body'}-{only}")
    expect_equal((said.returncode, said.stdout), (0, b"1 envelope restored\n"))
    expect(f"smtpctl: message {only} is back although".encode() in said.stderr, f"{said}")
    expect_equal(daemon.run_ctl("queue", "verify").returncode, 0, "nothing is damaged any more")
    daemon.start()
    daemon.ctl("resume", "mta")
    daemon.wait_empty()
    expect_equal(sink.subjects(), ["m"])
    daemon.stop()


@case("{backend}: a large body that was spoilt is not copied, and not delivered as a whole",
      backend=["fs", "sqlite", "lmdb"])
def spoilt_large(bench, backend):
    sink = Sink(bench)
    daemon = holding(bench, sink, backend)
    texts = [b"the end of number %d" % i for i in range(3)]
    ids = [submit(daemon.port, subject=f"m{i}", body=message(
        subject=f"m{i}", text="a line of a large message\r\n" * 25_000 + text.decode() + "\r\n"))
           for i, text in enumerate(texts)]
    daemon.stop()
    spoil(daemon, backend, texts[1])
    spool = os.path.join(daemon.state, "spool")
    said = daemon.run_ctl("queue", "copy", f"{backend}:{spool}", f"lmdb:{bench.path('copy')}")
    expect(said.returncode == 1 and b"checksum" in said.stderr, f"a copy of what is damaged: {said}")
    daemon.start()
    daemon.ctl("resume", "mta")
    daemon.wait_empty()
    expect_equal(sorted(sink.subjects()), ["m0", "m2"])
    names = [r.split("|")[0] for r in daemon.ctl("queue", "quarantine", "list").splitlines()]
    expect(f"message-{ids[1]}" in names, f"{names}")
    expect_equal(daemon.ctl("queue", "quarantine", "restore", f"message-{ids[1]}"), "1 envelope restored\n")
    daemon.wait_empty()
    expect_equal(sorted(sink.subjects()), ["m0", "m1", "m2"])
    daemon.stop()
