# SPDX-License-Identifier: ISC
"""A role that dies is started again; the others go on, and nothing is lost."""

import itertools
import shutil
import signal
import subprocess
import sys
import os
import time

from harness.case import Failed, case, eventually, expect, expect_equal
from harness.client import Client, message, stuffed, submit
from harness.daemon import BACKENDS, ROLES, Daemon, HERE, is_alive
from harness.ledger import Copy, Death, Load, audit, copies_at, message_id
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

    def __init__(self, daemon, load, victims, look=None):
        self.usual = max(self._probe(daemon) for _ in range(3))
        self.killed = daemon.kill_role(*victims, look=look)
        self.moment = time.monotonic()
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
    outages, deaths = [], []
    # Only a dead delivery doubles: what it had handed over, and had not reported, when it died.
    look = (lambda: deaths.append(Death(daemon, sink))) if "delivery" in victims else None
    # Two in a row, or two of three.
    while sum(outage.is_short for outage in outages) < 2 and len(outages) < ATTEMPTS:
        if outages:
            time.sleep(HEALTHY)
        outages.append(Outage(daemon, load, victims, look))
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
    audit(load, copies_at(sink, load) + copies_in(os.path.join(box, bench.recipient, "new"), local, load), deaths)
    expect_equal(len(daemon.log().split(" was killed by signal 9")) - 1, len(victims) * len(outages),
                 "deaths in the log")
    daemon.stop()


def copies_in(new, local, load):
    """What arrived in a maildir, and is what was sent."""
    copies = []
    for name in os.listdir(new):
        path = os.path.join(new, name)
        with open(path, "rb") as file:
            body = file.read()
        copies.append(Copy(load.expect_whole(body, "in the maildir"), local, message_id(body),
                           os.stat(path).st_mtime, None))
    return copies


@case("the books of a crash find a double of what was recorded, of what nobody killed, of what was recorded late")
def books(bench):
    sink = Sink(bench)
    daemon = Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""", arguments=["-P", "mta"]).start()
    load = Load(daemon.port, 2, 1, ("b@example.com", "c@example.com"), limit=10).start()
    eventually(lambda: load.count() == 10, "no mail is taken")
    load.stop()
    spool, before = os.path.join(daemon.state, "spool"), bench.path("before")
    daemon.kill()
    held = Death(daemon, sink)
    expect_equal(held.stored, {(m, r) for m in load.promised.values() for r in load.recipients}, "the store")
    subprocess.run(["cp", "-a", spool, before], check=True)
    for attempt in (1, 2):
        daemon.start()
        daemon.ctl("resume", "mta")
        daemon.wait_empty()
        # Outcomes are recorded a little later than they are known.
        daemon.stop()
        done = Death(daemon, sink)
        expect_equal(done.stored, set(), "the store when all is delivered")
        if attempt == 1:
            expect_equal(audit(load, copies_at(sink, load)), 0, "doubles")
            first = done
        # As a queue that forgets what it has recorded.
        shutil.rmtree(spool)
        subprocess.run(["cp", "-a", before, spool], check=True)
    copies = copies_at(sink, load)
    expect_equal(len(copies), 2 * 2 * len(load.promised), "copies")

    def is_found(*deaths):
        try:
            audit(load, copies, deaths)
        except Failed as why:
            return "a double" in str(why)
        return False

    expect(is_found(), "nobody was killed")
    # Before any of it was handed over, when all of it was recorded, when all of it was done twice.
    expect(is_found(held, first, done), "all was recorded, or not begun, at each death")
    first.stored = held.stored
    first.moment = max(c.time for c in copies if c.connection <= first.connections)
    expect_equal(audit(load, copies, [held, first, done]), len(copies) // 2, "doubles of what was in flight")
    first.stored = set(list(held.stored)[1:])
    expect(is_found(first), "one was recorded")
    first.stored = held.stored
    first.moment += 60
    expect(is_found(first), "nothing was recorded for a minute")


@case("no role stays in the directory where the service was started")
def directories(bench):
    bench.need_root("a root for each role")
    daemon = Daemon(bench, f"""
action "in" maildir "{bench.directory_for('mail')}/%{{user.username}}"
match from any for any action "in"
""").start()
    for role, process in daemon.roles().items():
        directory, root = (os.readlink(f"/proc/{process}/{name}") for name in ("cwd", "root"))
        expect_equal(directory, root, role)
    daemon.stop()


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


@case("lookup dies with envelopes that the queue has not read: the dot is refused at once", seconds=120)
def envelopes_lost(bench):
    daemon = Daemon(bench, """
smtp limit max-rcpt 9000
action "out" relay host "smtp://127.0.0.1:9"
match from any for any action "out"
""", arguments=["-P", "mta"]).start()
    submit(daemon.port)
    large, small = Client(daemon.port, seconds=30), Client(daemon.port, seconds=60)
    for client in (large, small):
        client.command("EHLO x")
        client.command("MAIL FROM:<a@example.org>")
    roles = daemon.roles()
    os.kill(roles["queue"], signal.SIGSTOP)
    bench.at_end(lambda: os.kill(roles["queue"], signal.SIGCONT) if is_alive(roles["queue"]) else None)
    # Until the edge between the two is full, and lookup keeps the rest.
    for start in range(0, 8000, 100):
        large.send("".join(f"RCPT TO:<recipient-with-a-long-name-{number:08}@a-rather-long-domain.example.com>\r\n"
                           for number in range(start, start + 100)))
        for _ in range(100):
            expect(large.reply().startswith("250"), "a recipient is refused")
    small.command("RCPT TO:<x@example.com>")
    os.kill(roles["lookup"], signal.SIGKILL)
    eventually(lambda: not is_alive(roles["lookup"]), "lookup lives")
    os.kill(roles["queue"], signal.SIGCONT)
    small.command("DATA", "3")
    began = time.monotonic()
    small.send(stuffed(message()))
    expect(small.reply().startswith("451"), "no temporary refusal")
    expect(time.monotonic() - began < 30, "it took long")
    submit(daemon.port)
    daemon.stop()
