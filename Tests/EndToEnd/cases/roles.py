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
from harness.ledger import Load, audit
from harness.sink import Sink

PAIRS = [("queue", "delivery"), ("queue", "frontend"), ("lookup", "frontend"), ("resolver", "delivery"),
         ("accounts", "lookup"), ("control", "queue"), ("delivery", "frontend"), ("queue", "lookup")]


@case("kill -9 of {victims} under load: service within a second or two, nothing lost",
      victims=[(role,) for role in ROLES] + PAIRS, seconds=120)
def killed(bench, victims):
    sink = Sink(bench)
    box = bench.directory_for("mail")
    daemon = Daemon(bench, f"""
smtp limit max-mails 1000
action "out" relay host "smtp://127.0.0.1:{sink.port}"
action "local" maildir "{box}/%{{user.username}}"
match from any for domain "in.test" action "local"
match from any for any action "out"
""").start()
    local = f"{bench.recipient}@in.test"
    load = Load(daemon.port, 4, 1, ("b@example.com", local), pause=0.01).start()
    eventually(lambda: load.count() >= 20, "no mail is taken")
    killed_ids = daemon.kill_role(*victims)
    before = load.count()
    started = time.monotonic()
    eventually(lambda: load.count() > before + 5,
               lambda: f"no mail is taken again: {daemon.log()[-1500:]}", 15)
    took = time.monotonic() - started
    eventually(lambda: daemon.run_ctl("show", "status").returncode == 0, "smtpctl gets no answer", 5)
    load.stop()
    expect(took < 5, f"service came back after {took:.1f} s")
    running = eventually(lambda: r if len(r := daemon.roles()) == len(ROLES) else None,
                         "not all roles run again")
    expect(not set(running.values()) & set(killed_ids), "a dead process is listed")
    for _ in range(40):
        if not daemon.queue():
            break
        daemon.ctl("schedule", "all")
        time.sleep(0.3)
    daemon.wait_empty()
    copies = [(load.expect_whole(d.body, "at the sink"), "b@example.com") for d in sink.deliveries]
    new = os.path.join(box, bench.recipient, "new")
    for name in os.listdir(new):
        with open(os.path.join(new, name), "rb") as file:
            copies.append((load.expect_whole(file.read(), "in the maildir"), local))
    # What was in flight may come twice when its deliverer or its record-keeper dies.
    allowed = 120 if {"queue", "delivery"} & set(victims) else 0
    audit(load, copies, allowed)
    expect_equal(len(daemon.log().split(" was killed by signal 9")) - 1, len(victims), "deaths in the log")
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
