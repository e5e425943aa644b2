# SPDX-License-Identifier: ISC
"""A role that dies is started again; the others go on, and nothing is lost."""

import itertools
import subprocess
import sys
import os
import time

from harness.case import case, eventually, expect, expect_equal
from harness.client import submit
from harness.daemon import BACKENDS, ROLES, Daemon, HERE
from harness.ledger import Load, audit, near
from harness.sink import Sink

# What is tried each time; TALARIA_LONG tries every pair.
SAMPLE = [("queue", "delivery"), ("queue", "frontend"), ("lookup", "frontend"), ("resolver", "delivery"),
          ("accounts", "lookup"), ("control", "queue"), ("delivery", "frontend"), ("queue", "lookup")]
PAIRS = list(itertools.combinations(ROLES, 2)) if "TALARIA_LONG" in os.environ else SAMPLE
# Seconds until new mail is taken and smtpctl is answered.
SERVICE = 1.0
# Seconds that both take on an idle machine while nothing is wrong. Where they take longer, as when other
# cases run, the second above is longer by the same factor.
QUICK = 0.1
# A machine that is busy with other things may be slow once or twice, but not each of so many times.
ATTEMPTS = 3
# A role that lived so many seconds is started again at once when it dies.
HEALTHY = 11


class Outage:
    """Roles that were killed under load, and how long the service was away."""

    def __init__(self, daemon, load, victims):
        self.usual = max(self._probe(daemon) for _ in range(3))
        self.moment, self.clock = time.monotonic(), time.time()
        self.killed = daemon.kill_role(*victims)
        # One message begun after the death, from its connection to its 250, and one answer.
        self._probe(daemon)
        self.seconds = time.monotonic() - self.moment
        before = load.count()
        eventually(lambda: load.count() > before + 5, lambda: f"the load is stuck: {daemon.log()[-1500:]}", 15)

    @property
    def is_short(self):
        return self.seconds <= SERVICE * max(1.0, self.usual / QUICK)

    def __str__(self):
        return f"{self.seconds:.2f} s, and {self.usual:.2f} s when nothing is wrong"

    def _probe(self, daemon):
        """Waits for service; returns how long that took."""
        started = time.monotonic()
        eventually(lambda: self._serves(daemon), lambda: f"no service: {daemon.log()[-1500:]}", 15)
        return time.monotonic() - started

    @staticmethod
    def _serves(daemon):
        try:
            submit(daemon.port, recipients=(f"{daemon.bench.recipient}@probe.test",))
        except (AssertionError, OSError):
            return False
        return daemon.run_ctl("show", "status").returncode == 0


@case("kill -9 of {victims} under load: new mail is taken within a second, nothing is lost",
      victims=[(role,) for role in ROLES] + PAIRS, seconds=120)
def killed(bench, victims):
    sink = Sink(bench)
    box = bench.directory_for("mail")
    daemon = Daemon(bench, f"""
smtp limit max-mails 1000
action "out" relay host "smtp://127.0.0.1:{sink.port}"
action "local" maildir "{box}/%{{user.username}}"
action "probe" maildir "{bench.directory_for('probe')}/%{{user.username}}"
match from any for domain "probe.test" action "probe"
match from any for domain "in.test" action "local"
match from any for any action "out"
""").start()
    local = f"{bench.recipient}@in.test"
    load = Load(daemon.port, 4, 1, ("b@example.com", local), pause=0.01).start()
    eventually(lambda: load.count() >= 20, "no mail is taken")
    outages = []
    # Two in a row, or two of three.
    while sum(outage.is_short for outage in outages) < 2 and len(outages) < ATTEMPTS:
        if outages:
            time.sleep(HEALTHY)
        outages.append(Outage(daemon, load, victims))
    load.stop()
    took = "; then ".join(map(str, outages))
    bench.note(f"service after {took}")
    expect(sum(outage.is_short for outage in outages) >= 2, f"service came back after {took}")
    running = eventually(lambda: r if len(r := daemon.roles()) == len(ROLES) else None,
                         "not all roles run again")
    dead = {pid for outage in outages for pid in outage.killed}
    expect(not set(running.values()) & dead, "a dead process is listed")
    for _ in range(40):
        if not daemon.queue():
            break
        daemon.ctl("schedule", "all")
        time.sleep(0.3)
    daemon.wait_empty()
    check_copies(load, sink, os.path.join(box, bench.recipient, "new"), local, outages,
                 "delivery" in victims)
    expect_equal(len(daemon.log().split(" was killed by signal 9")) - 1, len(victims) * len(outages),
                 "deaths in the log")
    daemon.stop()


def check_copies(load, sink, new, local, outages, may_double):
    """Every copy is what was sent, each promise is kept, and only a dead delivery doubles: what it had
    handed over, and had not reported, when it died."""
    copies, close = [], 0
    for delivery in sink.deliveries:
        copies.append((load.expect_whole(delivery.body, "at the sink"), "b@example.com"))
        close += near(delivery.time, [outage.moment for outage in outages])
    for name in os.listdir(new):
        path = os.path.join(new, name)
        with open(path, "rb") as file:
            copies.append((load.expect_whole(file.read(), "in the maildir"), local))
        close += near(os.stat(path).st_mtime, [outage.clock for outage in outages])
    audit(load, copies, close if may_double else 0)


@case("a role that dies again and again does not take the service with it")
def again_and_again(bench):
    sink = Sink(bench)
    daemon = Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""").start()
    for _ in range(4):
        daemon.kill_role("delivery")
        eventually(lambda: "delivery" in daemon.roles(), "delivery does not come back")
    submit(daemon.port)
    eventually(lambda: sink.deliveries, "nothing is delivered", 15)
    daemon.stop()


@case("the crash test in its short form ({backend})", backend=BACKENDS, seconds=150)
def crash(bench, backend):
    program = os.path.join(HERE, "..", "crash")
    done = subprocess.run([sys.executable, program, "--short", "--backend", backend],
                          capture_output=True, timeout=140)
    expect_equal(done.returncode, 0, done.stdout.decode()[-1500:] + done.stderr.decode()[-500:])
