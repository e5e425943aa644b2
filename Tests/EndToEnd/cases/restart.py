# SPDX-License-Identifier: ISC
"""What is queued outlives the process that took it."""

import os
import random
import signal
import subprocess
import threading
import time

from harness.case import case, eventually, expect, expect_equal
from harness.client import message, stuffed, submit, Client
from harness.daemon import BACKENDS, SMTPCTL, Daemon, freeze, start_fails
from harness.sink import Sink

BIG = b"Subject: big\r\n\r\n" + b"0123456789abcdef0123456789abcdef\r\n" * 30000

REMOVED_LATER = "0 envelope removed\n1 envelope in flight will be removed when its attempt ends\n"


def relay(bench, sink, backend):
    return Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""", backend=backend)


def fill(daemon, count):
    for index in range(count):
        submit(daemon.port, recipients=["b@example.com", "c@example.com"], subject=f"m{index}")
    submit(daemon.port, recipients=["b@example.com"], body=BIG)


def check_all_once(daemon, sink, count):
    daemon.wait_empty(30)
    expect_equal(sorted(sink.subjects()), sorted([f"m{i}" for i in range(count)] + ["big"]))
    for delivery in sink.deliveries:
        if delivery.subject == "big":
            expect(delivery.body.endswith(BIG), "the big body changed")
        else:
            expect_equal(sorted(delivery.recipients), ["b@example.com", "c@example.com"])


@case("mail queued before SIGTERM is there afterwards, and goes once ({backend})", backend=BACKENDS)
def orderly(bench, backend):
    sink = Sink(bench)
    daemon = relay(bench, sink, backend).start()
    daemon.ctl("pause", "mta")
    fill(daemon, 20)
    before = daemon.ctl("show", "queue")
    daemon.restart()
    expect_equal(daemon.ctl("show", "status").splitlines()[1], "MTA paused", "the pause")
    expect_equal(sorted(l.split("|")[0] for l in daemon.ctl("show", "queue").splitlines()),
                 sorted(l.split("|")[0] for l in before.splitlines()), "envelopes")
    expect_equal(len(sink.deliveries), 0)
    daemon.ctl("resume", "mta")
    check_all_once(daemon, sink, 20)
    daemon.stop()


@case("a connection that is ready while there is no queue does not wait for a body that nobody sends")
def body_without_queue(bench):
    queue_is_gone = threading.Event()

    def banner(sink, argument):
        queue_is_gone.wait(30)

    sink = Sink(bench, {"banner": banner})
    daemon = relay(bench, sink, "sqlite").start()
    submit(daemon.port, recipients=["b@example.com"], body=BIG)
    eventually(lambda: sink.connections, "delivery does not connect")
    # Stopped, the supervisor makes no new queue meanwhile.
    freeze(daemon.process.pid)
    try:
        os.kill(daemon.roles()["queue"], signal.SIGKILL)
        time.sleep(0.1)
        queue_is_gone.set()
        eventually(lambda: any(text.startswith("MAIL") for _, text, _ in sink.commands), "delivery does not begin")
    finally:
        os.kill(daemon.process.pid, signal.SIGCONT)
    eventually(lambda: "The queue is restarting" in daemon.log(), "the try does not end")
    eventually(lambda: daemon.run_ctl("show", "status").returncode == 0, "smtpctl gets no answer")
    daemon.wait_queued(1)
    daemon.ctl("schedule", "all")
    daemon.wait_empty()
    expect_equal(sink.subjects(), ["big"])
    daemon.stop()


@case("`-P` holds until it is resumed, also for a queue that is started again, and no longer")
def paused_at_start(bench):
    daemon = Daemon(bench, """
action "out" relay host "smtp://127.0.0.1:9"
match from any for any action "out"
""", arguments=["-P", "mta", "-P", "smtp"])
    daemon.launch()

    def status(wanted):
        eventually(lambda: daemon.run_ctl("show", "status").stdout.decode().split("\n")[:3] == wanted,
                   lambda: f"not {wanted}: {daemon.run_ctl('show', 'status')}")

    status(["MDA running", "MTA paused", "SMTP paused"])
    daemon.kill_role("queue")
    status(["MDA running", "MTA paused", "SMTP paused"])
    daemon.ctl("resume", "mta")
    daemon.ctl("resume", "smtp")
    daemon.kill_role("queue")
    status(["MDA running", "MTA running", "SMTP running"])
    eventually(daemon.greets, "smtp was resumed, and nobody greets")
    daemon.stop()


@case("a pause that is refused, since `-P` has paused already, is not stored")
def paused_twice(bench):
    daemon = Daemon(bench, """
action "out" relay host "smtp://127.0.0.1:9"
match from any for any action "out"
""", arguments=["-P", "mta"]).start()
    expect("already paused" in daemon.run_ctl("pause", "mta").stderr.decode()
           + daemon.run_ctl("pause", "mta").stdout.decode(), "it is paused twice")
    daemon.ctl("pause", "mda")
    daemon.stop()
    daemon.arguments = []
    daemon.start()
    expect_equal(daemon.ctl("show", "status"), "MDA paused\nMTA running\nSMTP running\n")
    daemon.stop()


@case("mail queued before kill -9 of all is there afterwards, and goes once ({backend})",
      backend=BACKENDS)
def killed(bench, backend):
    sink = Sink(bench)
    daemon = relay(bench, sink, backend).start()
    daemon.ctl("pause", "mta")
    fill(daemon, 20)
    daemon.kill()
    daemon.start()
    expect_equal(daemon.ctl("show", "status").splitlines()[1], "MTA paused", "the pause")
    daemon.wait_queued(41)
    daemon.ctl("resume", "mta")
    check_all_once(daemon, sink, 20)
    daemon.restart()
    expect_equal(daemon.queue(), [], "what came back after delivery")
    daemon.kill()
    daemon.start()
    expect_equal(daemon.queue(), [], "what came back after delivery")
    daemon.stop()


@case("what has been removed stays removed after kill -9 ({backend})", backend=BACKENDS)
def removed(bench, backend):
    sink = Sink(bench)
    daemon = relay(bench, sink, backend).start()
    daemon.ctl("pause", "mta")
    first = submit(daemon.port, recipients=["b@example.com", "c@example.com"])
    second = submit(daemon.port, recipients=["b@example.com", "c@example.com"])
    daemon.ctl("remove", first)
    daemon.ctl("remove", f"{second}00000001")
    daemon.kill()
    daemon.start()
    left = daemon.queue()
    expect_equal([q["message"] for q in left], [second])
    daemon.stop()


@case("an envelope removed in flight is gone after kill -9 of the queue, whatever its peer says then ({backend})",
      backend=BACKENDS)
def removed_in_flight(bench, backend):
    sink = Sink(bench, {"body": "silent"})
    daemon = relay(bench, sink, backend).start()
    both = submit(daemon.port, recipients=["b@example.com", "c@example.com"])
    gone, stays = (q["envelope"] for q in daemon.wait_queued(2, "state=inflight"))
    expect_equal(daemon.ctl("remove", gone), REMOVED_LATER)
    expect_equal(daemon.ctl("remove", gone).split()[0], "0")
    daemon.kill_role("queue")
    eventually(lambda: daemon.run_ctl("show", "queue").returncode == 0, "the queue does not come back")
    sink.close()
    eventually(lambda: [q["envelope"] for q in daemon.queue("retry=1")] == [stays],
               lambda: f"{daemon.queue()}")
    daemon.wait_queued(1)
    daemon.wait_log(f"relay: Remove for {gone}: .* stat=Removed by administrator\n")
    expect_equal(daemon.log().count(": Remove for "), 1, "removals in the log")
    expect(daemon.ctl("show", "message", both).endswith("\n"), "the other's message")
    daemon.stop()


@case("an envelope removed in flight is gone after kill -9 of everything ({backend})", backend=BACKENDS)
def removed_in_flight_all(bench, backend):
    sink = Sink(bench, {"body": "silent"})
    daemon = relay(bench, sink, backend).start()
    one = submit(daemon.port)
    two = submit(daemon.port, recipients=["b@example.com", "c@example.com"])
    daemon.wait_queued(3, "state=inflight")
    stays, gone = (q["envelope"] for q in daemon.queue(two))
    expect_equal(daemon.ctl("remove", one), REMOVED_LATER)
    expect_equal(daemon.ctl("remove", gone), REMOVED_LATER)
    daemon.kill()
    daemon.start("-P", "mta")
    eventually(lambda: [q["envelope"] for q in daemon.queue()] == [stays], lambda: f"{daemon.queue()}")
    for envelope in [gone, one + "00000001"]:
        daemon.wait_log(f"relay: Remove for {envelope}: .* stat=Removed by administrator\n")
    daemon.ctl("show", "message", one, status=1)
    daemon.stop()


@case("a removal of 10,000 that dies with the queue leaves no message in parts, and is finished by another ({backend})",
      backend=BACKENDS, seconds=150)
def removal_killed(bench, backend):
    daemon = Daemon(bench, """
action "out" relay host "smtp://127.0.0.1:9"
match from any for any action "out"
""", backend=backend, arguments=["-P", "mta"]).start()
    batch = ["MAIL FROM:<a@example.org>"] + [f"RCPT TO:<r{i}@example.com>" for i in range(500)]
    with Client(daemon.port, seconds=60) as client:
        client.command("EHLO client.example.org")
        for _ in range(20):
            client.send("\r\n".join(batch + ["DATA", ""]))
            for _ in batch:
                client.expect("250")
            client.expect("354")
            client.send(stuffed(message()))
            client.expect("250")
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    source = random.Random(seed)
    left = 10000
    for _ in range(4):
        verb = subprocess.Popen([SMTPCTL, "-S", daemon.state, "remove", "all"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(source.random() * 0.6)
        daemon.kill_role("queue")
        verb.wait(20)
        eventually(lambda: daemon.run_ctl("show", "queue").returncode == 0, "the queue does not come back")
        counts = {}
        for line in daemon.ctl("show", "queue").splitlines():
            counts[line[:8]] = counts.get(line[:8], 0) + 1
        expect(set(counts.values()) <= {500}, f"seed {seed}: {counts}")
        expect(500 * len(counts) <= left, f"seed {seed}: some came back: {len(counts)} of {left // 500}")
        left = 500 * len(counts)
    expect_equal(daemon.ctl("remove", "all").split()[0], str(left))
    expect_equal(daemon.ctl("show", "queue"), "")
    # fs may be in the middle of making files of thousands of envelopes.
    daemon.stop(30)


@case("retries, errors and suspensions survive kill -9 ({backend})", backend=BACKENDS)
def progress(bench, backend):
    sink = Sink(bench, {"rcpt": "450 4.2.1 busy now"})
    daemon = relay(bench, sink, backend).start()
    identifier = submit(daemon.port, recipients=["b@example.com"])
    held = submit(daemon.port, recipients=["c@example.com"])
    eventually(lambda: all(q["tries"] == 1 for q in daemon.queue()), "no first tries")
    daemon.ctl("pause", "envelope", held)
    before = {q["envelope"]: q for q in daemon.queue()}
    daemon.kill()
    daemon.start()
    after = {q["envelope"]: q for q in daemon.queue()}
    expect_equal(sorted(after), sorted(before))
    for name, old in before.items():
        for key in ("tries", "error", "status", "created", "expires", "last_try", "flags",
                    "recipient", "destination", "sender", "size", "state"):
            expect_equal(after[name][key], old[key], f"{key} of {name}")
    expect("suspend" in after[f"{held}00000001"]["flags"], f"{after}")
    expect(identifier != held, "the identifiers are the same")
    daemon.stop()


@case("identifiers are not used again after a restart ({backend})", backend=BACKENDS)
def identifiers(bench, backend):
    sink = Sink(bench)
    daemon = relay(bench, sink, backend).start()
    seen = []
    for _ in range(3):
        seen += [submit(daemon.port) for _ in range(3)]
        daemon.kill()
        daemon.start()
    expect_equal(len(set(seen)), len(seen), f"identifiers {seen}")
    daemon.stop()


@case("a stop in the middle of a DATA ends at once, and the message is not there ({backend})",
      backend=BACKENDS)
def stopped_in_data(bench, backend):
    sink = Sink(bench)
    daemon = relay(bench, sink, backend).start()
    with Client(daemon.port) as client:
        client.begin()
        client.send(b"Subject: half\r\n\r\nno end")
        daemon.stop()
    daemon.start()
    expect_equal(daemon.queue(), [])
    submit(daemon.port, subject="whole")
    daemon.wait_empty()
    expect_equal(sink.subjects(), ["whole"])
    daemon.stop()


@case("in the background: the command returns when mail is taken, and a signal ends it")
def background(bench):
    from harness.daemon import SMTPD, is_alive
    import os
    import signal
    daemon = Daemon(bench, 'action "x" maildir\nmatch for local action "x"\n')
    before = {int(p) for p in os.listdir("/proc") if p.isdigit()}
    done = subprocess.run([SMTPD, "-S", daemon.state, "-f", daemon.configuration],
                          capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
    expect_equal(done.returncode, 0, f"exit status ({done.stderr.decode()[-300:]})")
    mine = [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) not in before
            and daemon.state in (line := " ".join(_words(int(p)))) and "smtpd" in line]
    bench.at_end(lambda: [os.kill(p, signal.SIGKILL) for p in mine if is_alive(p)])
    expect_equal(len(mine), 1, f"supervisors {mine}")
    expect(daemon.greets(), "it does not greet")
    daemon.ctl("show", "status")
    os.kill(mine[0], signal.SIGTERM)
    eventually(lambda: not is_alive(mine[0]), "SIGTERM does not end it")


def _words(pid):
    from harness.daemon import command_line
    return command_line(pid)


@case("another backend is refused while the old one holds mail, and serves it after queue copy: {pair}",
      pair=[("fs", "sqlite"), ("sqlite", "lmdb"), ("lmdb", "fs")])
def other_backend(bench, pair):
    old, new = pair
    sink = Sink(bench)
    daemon = relay(bench, sink, old).start()
    daemon.ctl("pause", "mta")
    submit(daemon.port)
    daemon.stop()
    said = start_fails(daemon, "-B", f"queue={new}")
    expect(f"the {old} queue holds 1 envelope," in said, said)
    expect(f"smtpctl queue copy {old} {new}" in said, said)
    expect_equal(len(daemon.queue()), 1, "without a daemon it is still shown")
    expect_equal(len(daemon.start().queue()), 1, "it is still served")
    daemon.stop()
    daemon.ctl("queue", "copy", old, new)
    expect("was moved to" in start_fails(daemon), "the old one is served after the copy")
    daemon.start("-B", f"queue={new}")
    daemon.ctl("resume", "mta")
    daemon.wait_empty()
    expect_equal(len(sink.deliveries), 1)
    daemon.stop()


@case("another backend is taken when the operator insists, and the mail of the old one stays there")
def insisted(bench):
    sink = Sink(bench)
    daemon = relay(bench, sink, "fs").start()
    daemon.ctl("pause", "mta")
    submit(daemon.port)
    daemon.stop()
    with open(f"{daemon.state}/spool/backend", "w") as file:
        file.write("sqlite\n")
    daemon.start("-B", "queue=sqlite")
    expect_equal(daemon.queue(), [])
    daemon.stop()
    daemon.start()
    daemon.ctl("resume", "mta", status=None)
    daemon.wait_empty()
    expect_equal(len(sink.deliveries), 1)
    daemon.stop()
