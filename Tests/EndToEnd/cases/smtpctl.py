# SPDX-License-Identifier: ISC
"""The operator's program, against a running daemon and against a stopped one."""

import ctypes
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import threading
import time

from harness.case import case, eventually, expect, expect_equal
from harness.client import message, stuffed, submit, Client
from harness.daemon import BACKENDS, SMTPCTL, Daemon
from harness.sink import Sink


def paused(bench, backend="fs", sink=None, more=""):
    """A daemon that relays nothing for now."""
    port = sink.port if sink else 9
    daemon = Daemon(bench, f"""
{more}action "out" relay host "smtp://127.0.0.1:{port}"
action "other" relay host "smtp://127.0.0.1:{port}"
match from any for any action "out"
""", backend=backend, arguments=["-P", "mta"]).start()
    return daemon


# An action with a ttl of its own, for paused().
SHORT = """queue ttl 7h
action "short" relay host "smtp://127.0.0.1:9" ttl 5h
match from any for domain "short.test" action "short"
"""


@case("closed standard descriptors: smtpctl says that it cannot write, the daemon goes on")
def closed_descriptors(bench):
    daemon = Daemon(bench, 'action "in" maildir\nmatch from any for any action "in"\n',
                    command=["sh", "-c", 'exec "$0" "$@" <&-']).start()
    done = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', SMTPCTL, "-S", daemon.state, "show", "stats"],
                          capture_output=True, text=True)
    expect_equal(done.returncode, 1)
    expect("Bad file descriptor" in done.stderr, f"it says {done.stderr!r}")
    expect("broken frame" not in daemon.log(), "it wrote to the control socket")
    daemon.stop()


@case("show queue: 14 fields")
def show_queue(bench):
    daemon = paused(bench)
    now = int(time.time())
    identifier = submit(daemon.port, recipients=["b@example.com", "c@example.com"])
    null = submit(daemon.port, sender="", recipients=["b@example.com"])
    lines = daemon.ctl("show", "queue").splitlines()
    expect_equal(len(lines), 3)
    for line in lines:
        expect_equal(line.count("|"), 13, f"bars in {line!r}")
        fields = line.split("|")
        expect(re.fullmatch("[0-9a-f]{16}", fields[0]), line)
        expect_equal(fields[1:4], ["inet4", "mta", ""], line)
        expect(abs(int(fields[7]) - now) < 30, line)
        expect_equal(int(fields[8]) - int(fields[7]), 4 * 86400, "ttl")
        expect_equal(fields[9:12], ["0", "0", "pending"], line)
        expect_equal(fields[13], "", line)
    expect_equal([l.split("|")[5] for l in lines[:2]], ["b@example.com", "c@example.com"])
    expect(all(l.startswith(identifier) for l in lines[:2]), f"{lines}")
    expect_equal(lines[2].split("|")[4], "@", "the null sender")
    expect_equal([l.split("|")[:12] for l in daemon.ctl("show", "queue", null).splitlines()],
                 [l.split("|")[:12] for l in lines[2:]])
    with_mailq = subprocess.run(["mailq", "-S", daemon.state], executable=SMTPCTL, capture_output=True)
    expect_equal(len(with_mailq.stdout.splitlines()), 3, "lines of mailq")
    daemon.stop()


@case("show queue --json: an object an envelope, after schema/json.md")
def show_queue_json(bench):
    daemon = paused(bench)
    submit(daemon.port, recipients=["b@example.com"])
    entry = daemon.queue()[0]
    keys = ("envelope message family agent flags sender recipient destination action created "
            "expires last_try next_try tries state size status error").split()
    expect_equal(sorted(entry), sorted(keys), "keys")
    expect_equal([entry[k] for k in ("family", "agent", "flags", "sender", "action", "tries", "last_try",
                                     "error", "status")],
                 ["inet4", "mta", [], "a@example.org", "out", 0, None, None, None])
    expect(entry["size"] > 50, "size")
    daemon.stop()


@case("show queue of an empty queue prints nothing and succeeds")
def show_empty(bench):
    daemon = paused(bench)
    expect_equal(daemon.ctl("show", "queue"), "")
    expect_equal(daemon.ctl("--json", "show", "queue"), "")
    daemon.stop()


@case("show envelope and show message, plain and --json ({backend})", backend=BACKENDS)
def show_one(bench, backend):
    daemon = paused(bench, backend)
    body = b"Subject: shown\r\n\r\none\r\n..two\r\n"
    identifier = submit(daemon.port, recipients=["b@example.com"], body=body,
                        rcpt=" NOTIFY=FAILURE ORCPT=rfc822;x@example.net", mail=" RET=HDRS ENVID=e1")
    envelope = identifier + "00000001"
    text = daemon.ctl("show", "envelope", envelope)
    for word in ("b@example.com", "a@example.org", "client.example.org"):
        expect(word in text, f"{word} is not in {text!r}")
    entry = json.loads(daemon.ctl("--json", "show", "envelope", envelope))
    expect_equal([entry[k] for k in ("helo", "notify", "return", "envelope_identifier", "source")],
                 ["client.example.org", ["failure"], "headers", "e1", "127.0.0.1"])
    for name in (identifier, envelope):
        got = daemon.ctl("show", "message", name, style="bytes")
        expect(got.startswith(b"Received: "), f"{got!r}")
        wanted = (body, body.replace(b"\r\n", b"\n"))
        expect(got.endswith(wanted), f"{got!r}")
    daemon.ctl("show", "envelope", "ffffffff000000ff", status=1)
    daemon.ctl("show", "message", "ffffffff", status=1)
    daemon.stop()


@case("show envelope tells since when an envelope is in flight, and the task that the log tells of: {what}",
      what=["local", "relay"])
def show_flight(bench, what):
    waiting = socket.create_server(("127.0.0.1", 0))
    bench.at_end(waiting.close)
    end = bench.path("end")
    daemon = Daemon(bench, f"""
action "slow" mda "while ! test -e {end}; do sleep 0.1; done; cat > /dev/null"
action "out" relay host "smtp://127.0.0.1:{waiting.getsockname()[1]}"
match from any for domain "in.test" action "slow"
match from any for any action "out"
""").start()
    daemon.ctl("log", "verbose")
    began = int(time.time())
    recipient = bench.recipient + "@in.test" if what == "local" else "b@example.com"
    envelope = submit(daemon.port, recipients=[recipient]) + "00000001"
    entry = eventually(lambda: (lambda found: found["inflight_task"] and found)(
        json.loads(daemon.ctl("--json", "show", "envelope", envelope))), "it is not in flight")
    expect_equal(entry["state"], "inflight")
    expect(began <= entry["inflight_since"] <= time.time(), f"since {entry['inflight_since']}")
    daemon.wait_log(f"task {entry['inflight_task']} is for delivery: evpid={envelope}, 1 of its message")
    text = daemon.ctl("show", "envelope", envelope)
    for line in (f"x-inflight-since: {entry['inflight_since']}\n", f"x-inflight-task: {entry['inflight_task']}\n"):
        expect(line in text, f"{line!r} is not in {text!r}")
    # A queue that is started again finds the same task in delivery's hands.
    daemon.kill_role("queue")

    def shown():
        done = daemon.run_ctl("--json", "show", "envelope", envelope)
        return done.stdout.decode() if done.returncode == 0 else ""

    eventually(lambda: f'"inflight_task":"{entry["inflight_task"]}"' in shown(), shown, 20)
    open(end, "w").close()
    waiting.close()
    daemon.stop()


@case("a message of 3 MB is shown whole ({backend})", backend=BACKENDS)
def show_big(bench, backend):
    daemon = paused(bench, backend)
    body = b"Subject: big\r\n\r\n" + b"".join(b"%09d\r\n" % i for i in range(280000))
    identifier = submit(daemon.port, recipients=["b@example.com"], body=body)
    got = daemon.ctl("show", "message", identifier, style="bytes").replace(b"\r\n", b"\n")
    expect(got.endswith(body.replace(b"\r\n", b"\n")), f"{len(got)} bytes of {len(body)}")
    daemon.stop()


@case("show stats counts the deliveries that are under way, on this machine and to others")
def delivery_stats(bench):
    waiting = socket.create_server(("127.0.0.1", 0))
    bench.at_end(waiting.close)
    end = bench.path("end")
    daemon = Daemon(bench, f"""
action "slow" mda "while ! test -e {end}; do sleep 0.1; done; cat > /dev/null"
action "out" relay host "smtp://127.0.0.1:{waiting.getsockname()[1]}"
match from any for domain "in.test" action "slow"
match from any for any action "out"
""").start()
    submit(daemon.port, recipients=[bench.recipient + "@in.test"])
    submit(daemon.port, recipients=["a@example.com", "b@example.com"])
    wanted = {"mda.envelope": 1, "mda.pending": 0, "mda.running": 1, "mda.user": 1, "mta.connector": 1,
              "mta.domain": 1, "mta.envelope": 2, "mta.host": 1, "mta.relay": 1, "mta.route": 1,
              "mta.session": 1, "mta.source": 1, "mta.task": 1, "mta.task.running": 0}
    eventually(lambda: {key: daemon.statistics().get(key) for key in wanted} == wanted,
               lambda: f"{daemon.statistics()}")
    open(end, "w").close()
    eventually(lambda: daemon.statistics()["mda.envelope"] == 0, "the command's end is not counted")
    daemon.stop()


@case("show stats and show status")
def show_stats(bench):
    daemon = paused(bench)
    submit(daemon.port, recipients=["b@example.com"])
    text = daemon.ctl("show", "stats").splitlines()
    names = [line.split("=")[0] for line in text]
    plain = [name for name in names if not name.startswith("uptime")]
    expect_equal(plain, sorted(plain), "order")
    values = dict(line.split("=", 1) for line in text)
    expect_equal(values["scheduler.envelope"], "1")
    for group, keys in {"mda": ["envelope", "pending", "running", "user"],
                        "mta": ["connector", "domain", "envelope", "host", "relay", "route", "session",
                                "source", "task", "task.running"],
                        "bounce": ["envelope", "message"]}.items():
        for key in keys:
            expect_equal(values.get(f"{group}.{key}"), "0", f"{group}.{key}")
    expect("uptime" in values and "uptime.human" in values, f"{names}")
    expect_equal(daemon.ctl("show", "status"), "MDA running\nMTA paused\nSMTP running\n")
    expect_equal(json.loads(daemon.ctl("--json", "show", "status")),
                 {"mda": "running", "mta": "paused", "smtp": "running"})
    daemon.stop()


@case("show stats has an answer while {role} is stopped, which says so", role=["delivery", "queue"])
def silent_role(bench, role):
    daemon = paused(bench)
    submit(daemon.port, recipients=["b@example.com"])
    process = daemon.roles()[role]
    os.kill(process, signal.SIGSTOP)
    try:
        started = time.monotonic()
        done = daemon.run_ctl("show", "stats")
        seconds = time.monotonic() - started
    finally:
        os.kill(process, signal.SIGCONT)
    expect_equal(done.returncode, 0, done.stderr)
    expect_equal(done.stderr.decode(), f"smtpctl: {role} did not answer: what it counts is missing\n")
    text = done.stdout.decode()
    expect(f"control.silent.{role}=1\n" in text and "smtp.session=" in text, text)
    expect_equal("scheduler.envelope=" in text, role != "queue", "what the queue counts")
    expect(seconds < 10, f"it took {seconds:.1f} s")
    # What it says too late is for nobody.
    eventually(lambda: "control.silent" not in daemon.ctl("show", "stats"), "it is still left out")
    daemon.stop()


@case("schedule tries at once; of one in flight it is no mistake")
def schedule(bench):
    sink = Sink(bench, {"rcpt": ["450 4.2.1 busy", None], "body": ["250 2.0.0 Ok"]})
    daemon = Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""").start()
    identifier = submit(daemon.port)
    eventually(lambda: [q for q in daemon.queue() if q["tries"] == 1], "no first try")
    expect_equal(daemon.ctl("schedule", identifier), "1 envelope scheduled\n")
    daemon.wait_empty()
    expect_equal(len(sink.deliveries), 1)
    expect_equal(daemon.ctl("schedule", "all"), "0 envelope scheduled\n")
    daemon.stop()


@case("remove: one envelope, a message, a query, all; --dry-run removes none ({backend})", backend=BACKENDS)
def remove(bench, backend):
    daemon = paused(bench, backend)
    ids = [submit(daemon.port, sender=f"s{i}@example.org",
                  recipients=[f"r{j}@example.com" for j in range(3)]) for i in range(4)]
    expect_equal(daemon.ctl("--dry-run", "remove", "all").split()[0], "12")
    daemon.wait_queued(12)
    expect("Remove for" not in daemon.log(), "a dry run is logged")
    first = ids[0] + "00000001"
    expect_equal(daemon.ctl("remove", first), "1 envelope removed\n")
    daemon.wait_log(f"relay: Remove for {first}: from=<s0@example.org>, to=<(r.)@example.com>, "
                    r"rcpt=<\1@example.com>, delay=\S+, stat=Removed by administrator\n")
    expect_equal(daemon.ctl("remove", ids[0]), "2 envelopes removed\n")
    expect_equal(daemon.ctl("remove", "sender=s1@example.org", "recipient=r0@example.com"), "1 envelope removed\n")
    expect_equal(daemon.ctl("remove", "not", "sender=s3@example.org"), "5 envelopes removed\n")
    expect_equal(len(daemon.queue()), 3)
    expect_equal(daemon.ctl("remove", "all"), "3 envelopes removed\n")
    expect_equal(daemon.ctl("show", "queue"), "")
    daemon.ctl("show", "message", ids[3], status=1)
    daemon.wait_log("Remove for", count=12)
    expect_equal(len(set(re.findall("Remove for ([0-9a-f]{16})", daemon.log()))), 12, "removals in the log")
    expect("envelopes removed by administrator" not in daemon.log(), "a summary of so few")
    daemon.stop()


@case("remove of what is in flight is in the log once it is back, unless it was delivered; the thousand lines are for others")
def remove_in_flight(bench):
    go_on = threading.Event()
    replies = {"delivered": "250 2.0.0 Ok", "later": "450 4.2.1 busy", "never": "550 5.7.1 no"}

    def body(_, delivery):
        go_on.wait(40)
        return replies[delivery.subject]

    daemon = paused(bench, sink=Sink(bench, {"body": body}))
    ids = {subject: submit(daemon.port, subject=subject) + "00000001" for subject in replies}
    daemon.ctl("resume", "mta")
    daemon.wait_queued(3, "state=inflight")
    daemon.ctl("pause", "mta")
    for count in [900, 105]:
        submit(daemon.port, recipients=[f"r{i}@example.com" for i in range(count)])
    expect_equal(daemon.ctl("remove", "all"), "1005 envelopes removed\n3 envelopes in flight will be removed when their attempts end\n")
    daemon.wait_log("info: queue: 1005 envelopes removed by administrator, 1000 of which are listed here")
    daemon.wait_log("info: queue: in flight, and to be removed by administrator when they are back: 3")
    expect_equal(daemon.log().count(": Remove for "), 1000, "removals in the log")
    for subject, envelope in ids.items():
        expect(f"Remove for {envelope}" not in daemon.log(), f"{subject}: told before it is back")
    go_on.set()
    daemon.wait_empty()
    for subject in ["later", "never"]:
        daemon.wait_log(f"relay: Remove for {ids[subject]}: .* stat=Removed by administrator\n")
    daemon.wait_log(f"mta delivery evpid={ids['delivered']} .*result=\"Ok\"")
    expect_equal(daemon.log().count(": Remove for "), 1002, "removals in the log")
    daemon.stop()


@case("--dry-run: every verb for many says how many it would touch, and touches none")
def dry_run(bench):
    daemon = paused(bench)
    ids = [submit(daemon.port, sender=f"s{i}@example.org", recipients=["r0@example.com", "r1@example.com"])
           for i in range(3)]
    # Nobody listens: they are tried and wait, and only so is there something to schedule.
    daemon.ctl("resume", "mta")
    eventually(lambda: all(q["tries"] > 0 and q["state"] == "pending" for q in daemon.queue()),
               lambda: f"they do not wait: {daemon.queue()}")
    daemon.ctl("pause", "mta")
    daemon.ctl("pause", "envelope", ids[0])
    before = daemon.queue()
    for words, count in [(("schedule", ids[1]), 2), (("remove", "sender=s1@example.org"), 2),
                         (("pause", "envelope", "all"), 4), (("resume", "envelope", "all"), 2),
                         (("resume", "envelope", ids[1]), 0), (("remove", "recipient=r0@example.com"), 3)]:
        said = daemon.ctl("--dry-run", *words)
        expect_equal(said.split()[0], str(count), f"{words} would touch")
        expect_equal(daemon.queue(), before, f"after {words}")
    expect_equal(daemon.ctl("pause", "envelope", "sender=s2@example.org", "recipient=r1@example.com"), "1 envelope paused\n")
    expect_equal(daemon.ctl("resume", "envelope", "all").split()[0], "3")
    daemon.stop()


@case("an envelope in flight that is removed is gone whatever the outcome")
def remove_in_flight(bench):
    sink = Sink(bench, {"body": "silent"})
    daemon = Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""").start()
    identifier = submit(daemon.port)
    daemon.wait_queued(1, "state=inflight")
    expect_equal(daemon.ctl("--dry-run", "remove", identifier),
                 "0 envelope would be removed\n1 envelope in flight would be removed when its attempt ends\n")
    other = submit(daemon.port)
    daemon.wait_queued(2, "state=inflight")
    expect_equal(json.loads(daemon.ctl("--json", "remove", other)),
                 {"command": "remove", "envelopes": 0, "in_flight": 1, "dry_run": False})
    expect_equal(daemon.ctl("remove", identifier), "0 envelope removed\n1 envelope in flight will be removed when its attempt ends\n")
    sink.close()
    daemon.wait_empty()
    daemon.stop()


@case("queries select by every field")
def queries(bench):
    daemon = paused(bench)
    one = submit(daemon.port, sender="alice@example.org", recipients=["bob@one.test"])
    two = submit(daemon.port, sender="", recipients=["carol@two.test"],
                 body=b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 20000)
    table = [
        (["id=" + one], {one}), ([one, two], {one, two}), (["sender=alice@example.org"], {one}),
        (["sender=<>"], {two}), (["sender=alice"], {one}), (["sender=@example.org"], {one}),
        (["recipient=carol@two.test"], {two}), (["recipient~aro"], {two}), (["domain=one.test"], {one}),
        (["action=out"], {one, two}), (["action!=out"], set()), (["state=pending"], {one, two}),
        (["state=inflight"], set()), (["kind=mta"], {one, two}), (["age<1h"], {one, two}),
        (["age>1h"], set()), (["retry=0"], {one, two}), (["retry>=1"], set()),
        (["size>100K"], {two}), (["size<100K"], {one}), (["not", "domain=one.test"], {two}),
        (["domain=one.test", "or", "domain=two.test"], {one, two}),
        (["(", "domain=one.test", "or", "domain=two.test", ")", "and", "sender=<>"], {two}),
        (["!", "sender=<>"], {one}), (["error~x"], set()), (["ALL"], None), (["all"], {one, two}),
    ]
    for words, wanted in table:
        if wanted is None:
            continue
        expect_equal({q["message"] for q in daemon.queue(*words)}, wanted, " ".join(words))
    for words in (["nonsense"], ["age<x"], ["("], ["sender"], ["state=odd"], ["size>>1"], ["or"]):
        done = daemon.run_ctl("show", "queue", *words)
        expect(done.returncode in (1, 255) and (done.stdout or done.stderr),
               f"{words}: {done.returncode} {done.stderr!r}")
        expect(not done.stdout.startswith(b"0"), f"{words} was taken")
    daemon.stop()


@case("pause and resume envelope; paused ones are not tried")
def pause_envelope(bench):
    sink = Sink(bench)
    daemon = paused(bench, sink=sink)
    one = submit(daemon.port, subject="one")
    submit(daemon.port, subject="two")
    expect_equal(daemon.ctl("pause", "envelope", one), "1 envelope paused\n")
    expect_equal(daemon.ctl("pause", "envelope", one), "0 envelope paused\n")
    fields = daemon.ctl("show", "queue", one).split("|")
    expect_equal([fields[3], fields[11]], ["suspend", "pending"])
    expect(-60 < int(fields[12]) <= 0, f"{fields}")
    daemon.ctl("resume", "mta")
    eventually(lambda: sink.subjects() == ["two"], lambda: f"got {sink.subjects()}")
    daemon.wait_queued(1)
    expect_equal(daemon.ctl("resume", "envelope", "all"), "1 envelope resumed\n")
    daemon.wait_empty()
    expect_equal(sink.subjects(), ["two", "one"])
    daemon.stop()


@case("pause mda holds local mail, and resume lets it go")
def pause_mda(bench):
    box = bench.directory_for("mail")
    daemon = Daemon(bench, f"""
action "local" maildir "{box}/%{{user.username}}"
match from any for any action "local"
""").start()
    expect_equal(daemon.ctl("pause", "mda"), "command succeeded\n")
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    daemon.wait_queued(1, "state=pending")
    expect("MDA paused" in daemon.ctl("show", "status"), "status")
    expect(daemon.ctl("pause", "mda", status=1).startswith("command failed"), "second pause")
    daemon.ctl("resume", "mda")
    daemon.wait_empty()
    expect(daemon.ctl("resume", "mda", status=1).startswith("command failed"), "second resume")
    daemon.wait_log("info: mda resumed")
    daemon.stop()


@case("pause smtp refuses new sessions, and resume takes them again")
def pause_smtp(bench):
    daemon = paused(bench)
    daemon.ctl("pause", "smtp")
    expect("SMTP paused" in daemon.ctl("show", "status"), "status")
    try:
        with Client(daemon.port, seconds=2, greeting=None) as client:
            reply = client.reply()
            expect(not reply.startswith("220"), f"it greets: {reply}")
    except OSError:
        pass
    daemon.ctl("resume", "smtp")
    eventually(daemon.greets, "it does not greet again")
    submit(daemon.port)
    daemon.stop()


@case("pauses survive a restart ({backend})", backend=BACKENDS)
def pauses_survive(bench, backend):
    daemon = Daemon(bench, 'action "x" maildir\nmatch for local action "x"\n', backend=backend).start()
    daemon.ctl("pause", "mda")
    daemon.ctl("pause", "mta")
    daemon.restart()
    expect_equal(daemon.ctl("show", "status"), "MDA paused\nMTA paused\nSMTP running\n")
    daemon.ctl("resume", "mda")
    daemon.kill()
    daemon.start()
    expect_equal(daemon.ctl("show", "status"), "MDA running\nMTA paused\nSMTP running\n")
    daemon.ctl("resume", "mta")
    daemon.ctl("pause", "smtp")
    daemon.stop()
    daemon.launch()
    eventually(lambda: "SMTP paused" in daemon.ctl("show", "status", status=None), "smtp is not paused")
    daemon.ctl("resume", "smtp")
    eventually(daemon.greets, "it does not greet")
    daemon.stop()


@case("reassign gives envelopes another action")
def reassign(bench):
    daemon = paused(bench)
    identifier = submit(daemon.port)
    daemon.ctl("reassign", "other", identifier)
    expect_equal(daemon.queue()[0]["action"], "other")
    daemon.stop()


@case("an envelope whose action is gone waits as invalid, and goes by another")
def orphan(bench):
    sink = Sink(bench)
    daemon = paused(bench, sink=sink)
    submit(daemon.port)
    daemon.stop()
    daemon.configure(f'action "new" relay host "smtp://127.0.0.1:{sink.port}"\n'
                     'match from any for any action "new"\n')
    daemon.arguments = []
    daemon.start()
    line = daemon.ctl("show", "queue")
    expect_equal(line.split("|")[11], "invalid", line)
    expect_equal(daemon.queue("state=orphaned")[0]["action"], "out")
    expect_equal(line.rstrip("\n").split("|")[13], "action out is not in the configuration")
    expect_equal(daemon.queue("error~not in the conf")[0]["error"], "action out is not in the configuration")
    daemon.ctl("reassign", "new", "all")
    daemon.ctl("schedule", "all")
    daemon.wait_empty()
    expect_equal(len(sink.deliveries), 1)
    daemon.stop()


@case("reassign: local mail whose action was renamed goes by the new one, and a dry run says the truth")
def reassign_local(bench):
    box = bench.directory_for("mail")
    daemon = Daemon(bench, f"""
action "old" maildir "{box}/old"
action "away" relay host "smtp://127.0.0.1:9"
match from any for domain "in.test" action "old"
match from any for any action "away"
""", arguments=["-P", "mda", "-P", "mta"]).start()
    for name in ("r", "s"):
        submit(daemon.port, recipients=[f"{bench.recipient}+{name}@in.test"])
    submit(daemon.port, recipients=["b@example.com"])
    for mode in (["--dry-run"], []):
        said = daemon.run_ctl(*mode, "reassign", "away", "all")
        expect_equal(said.returncode, 1, f"{said}")
        expect(b"2 are for users of this machine" in said.stdout + said.stderr, f"{said}")
        said = daemon.run_ctl(*mode, "reassign", "old", "all")
        expect(b"1 are to be relayed" in said.stdout + said.stderr, f"{said}")
    daemon.stop()
    daemon.configure(f"""
action "new" maildir "{box}/new"
action "away" relay host "smtp://127.0.0.1:9"
match from any for domain "in.test" action "new"
match from any for any action "away"
""")
    daemon.start()
    expect_equal([q["error"] for q in daemon.queue("kind=mda")], ["action old is not in the configuration"] * 2)
    expect_equal(daemon.ctl("--dry-run", "reassign", "new", "kind=mda").split()[0], "2")
    expect_equal([q["action"] for q in daemon.queue("kind=mda")], ["old"] * 2)
    expect_equal(daemon.ctl("reassign", "new", "kind=mda"), "2 envelopes reassigned\n")
    daemon.ctl("resume", "mda")
    eventually(lambda: not daemon.queue("kind=mda"), lambda: daemon.ctl("show", "queue"))
    expect_equal(len(os.listdir(f"{box}/new/new")), 2, "mail")
    expect_equal([q["action"] for q in daemon.queue()], ["away"])
    daemon.stop()


@case("log brief, log verbose, discover, abbreviations")
def small_ones(bench):
    daemon = paused(bench)
    identifier = submit(daemon.port)
    for words in (["log", "verbose"], ["log", "brief"], ["lo", "v"]):
        expect_equal(daemon.ctl(*words), "command succeeded\n")
    expect(daemon.ctl("sho", "q").startswith(identifier), "show queue, abbreviated")
    expect(re.match(r"\d+ envelopes? discovered\n", daemon.ctl("discover", identifier)), "discover")
    daemon.stop()


@case("log verbose tells what becomes of recipients and which envelopes go to delivery, log brief does not")
def verbosity(bench):
    daemon = Daemon(bench, 'action "out" relay host "smtp://127.0.0.1:9"\nmatch from any for domain "a.test" action "out"\n').start()

    def said():
        lines = [line for line in daemon.log().splitlines() if line.startswith("debug: ")]
        return [line.split(": ")[1] for line in lines]

    def refused(recipient):
        with Client(daemon.port) as client:
            client.command("EHLO x")
            client.command("MAIL FROM:<a@example.org>")
            client.command(f"RCPT TO:<{recipient}>", "550")

    refused("brief@b.test")
    expect_equal(said(), [], "said without being asked")
    daemon.ctl("log", "verbose")
    identifier = submit(daemon.port, recipients=["long@a.test"])
    daemon.wait_log(r"debug: lookup: rcpt=<long@a\.test> stands for <long@a\.test> by action out\n")
    daemon.wait_log(rf"debug: queue: task \d+ is for delivery: evpid={identifier}\w+, 1 of its message\n")
    refused("no@b.test")
    daemon.wait_log(r"debug: lookup: rcpt=<no@b\.test> is refused: 550 ")
    daemon.ctl("log", "brief")
    before = len(said())
    refused("brief@b.test")
    expect_equal(len(said()), before, "debug lines")
    daemon.stop()


@case("exit codes: 255 for no command, 1 for a refusal and for no daemon, 0 else")
def exit_codes(bench):
    daemon = paused(bench)
    daemon.ctl("nonsense", status=255)
    daemon.ctl("show", status=255)
    daemon.ctl("s", "q", status=255)
    daemon.ctl("remove", "zzz", status=None)
    expect(daemon.run_ctl("remove", "zzz").returncode in (1, 255), "a wrong query")
    daemon.ctl("show", "envelope", "123", status=255)
    daemon.ctl("--no-such-option", "show", "queue", status=255)
    expect("smtpctl" in daemon.ctl("--help"), "--help")
    daemon.ctl("--version")
    daemon.stop()
    done = daemon.run_ctl("show", "stats")
    expect_equal(done.returncode, 1)
    expect(b"smtpd doesn't seem to be running" in done.stderr, f"{done.stderr!r}")


@case("monitor prints a heading and a sample")
def monitor(bench):
    daemon = paused(bench)
    submit(daemon.port)
    process = subprocess.Popen([SMTPCTL, "-S", daemon.state, "monitor"], stdout=subprocess.PIPE)
    bench.at_end(process.wait)
    bench.at_end(process.kill)
    lines = [process.stdout.readline().decode() for _ in range(4)]
    expect("client" in lines[0] and "curr" in lines[1], f"{lines}")
    expect_equal(len(lines[2].split()), 13, f"columns of {lines[2]!r}")
    expect_equal(lines[2].split()[3], "1", f"current envelopes of {lines[2]!r}")
    process.kill()
    daemon.stop()


@case("queue verify finds nothing in a good queue, running and stopped ({backend})", backend=BACKENDS)
def verify(bench, backend):
    daemon = paused(bench, backend)
    for _ in range(5):
        submit(daemon.port, recipients=["b@example.com", "c@example.com"])
    summary = json.loads(daemon.ctl("--json", "queue", "verify").splitlines()[-1])
    expect_equal(summary, {"messages": 5, "envelopes": 10, "problems": 0})
    expect_equal(daemon.ctl("queue", "quarantine", "list"), "")
    daemon.stop()
    summary = json.loads(daemon.ctl("--json", "queue", "verify").splitlines()[-1])
    expect_equal(summary, {"messages": 5, "envelopes": 10, "problems": 0}, "offline")


@case("with the daemon stopped the queue can be read ({backend})", backend=BACKENDS)
def offline(bench, backend):
    daemon = paused(bench, backend, more=SHORT)
    body = b"Subject: off\r\n\r\n" + b"line\r\n" * 100000
    one = submit(daemon.port, recipients=["b@example.com", "c@short.test"])
    two = submit(daemon.port, recipients=["b@example.com"], body=body)
    running = daemon.ctl("show", "queue").splitlines()
    expect_equal([int(l.split("|")[8]) - int(l.split("|")[7]) for l in running],
                 [7 * 3600, 5 * 3600, 7 * 3600], "ttl")
    daemon.stop()
    lines = daemon.ctl("show", "queue").splitlines()
    expect_equal([l.split("|")[:11] for l in lines], [l.split("|")[:11] for l in running])
    expect_equal({l.split("|")[11] for l in lines}, {"offline"})
    expect_equal({l.split("|")[12] for l in lines}, {""})
    expect_equal(len(daemon.queue("recipient=c@short.test")), 1)
    expect_equal(len(daemon.queue(two)), 1)
    entry = json.loads(daemon.ctl("--json", "show", "envelope", one + "00000001"))
    expect_equal([entry["state"], entry["helo"]], ["offline", "client.example.org"])
    got = daemon.ctl("show", "message", two, style="bytes").replace(b"\r\n", b"\n")
    expect(got.endswith(body.replace(b"\r\n", b"\n")), f"{len(got)} bytes")
    daemon.ctl("remove", "all", status=1)
    daemon.start()
    expect_equal(len(daemon.queue()), 3, "envelopes afterwards")
    daemon.stop()


@case("the stopped queue after kill -9 can be read ({backend})", backend=BACKENDS)
def offline_after_crash(bench, backend):
    daemon = paused(bench, backend)
    ids = [submit(daemon.port) for _ in range(10)]
    daemon.kill()
    expect_equal(sorted(q["message"] for q in daemon.queue()), sorted(ids))
    daemon.start()
    expect_equal(sorted(q["message"] for q in daemon.queue()), sorted(ids))
    daemon.stop()


@case("queue copy from one store to another: {pair}: nothing lost or changed",
      pair=[(a, b) for a in BACKENDS for b in BACKENDS if a != b])
def copy(bench, pair):
    source, target = pair
    sink = Sink(bench)
    daemon = paused(bench, source, sink)
    big = b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 60000
    for index in range(8):
        submit(daemon.port, recipients=["b@example.com", "c@example.com"], subject=f"m{index}")
    submit(daemon.port, recipients=["b@example.com"], body=big)
    running = daemon.ctl("show", "queue").splitlines()
    daemon.stop()
    destination = bench.path("copy", "spool")
    os.makedirs(bench.path("copy"))
    result = json.loads(daemon.ctl("--json", "queue", "copy", f"{source}:{daemon.state}/spool",
                                   f"{target}:{destination}").splitlines()[-1])
    expect_equal([result[k] for k in ("copied", "verified", "envelopes", "quarantined")], [9, 9, 17, 0],
                 f"{result}")
    said = daemon.run_ctl("queue", "copy", f"{source}:{daemon.state}/spool", f"{target}:{destination}")
    expect_equal(said.returncode, 1, "a second copy onto the first")
    expect(b"not empty" in said.stderr + said.stdout, f"{said}")
    other = Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""", backend=target, name="copy", arguments=["-P", "mta"]).start()
    expect_equal([l.split("|")[:11] for l in other.ctl("show", "queue").splitlines()],
                 [l.split("|")[:11] for l in running])
    other.ctl("resume", "mta")
    other.wait_empty()
    expect_equal(sorted(sink.subjects()), sorted([f"m{i}" for i in range(8)] + ["big"]))
    expect([d for d in sink.deliveries if d.subject == "big"][0].body.endswith(big), "the big body")
    other.stop()


@case("queue copy that is killed goes on where it was: {pair}: nothing lost or changed",
      pair=[("fs", "lmdb"), ("lmdb", "sqlite"), ("sqlite", "fs")])
def copy_killed(bench, pair):
    source, target = pair
    daemon = paused(bench, source)
    big = b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 30000
    for index in range(60):
        submit(daemon.port, recipients=["b@example.com", "c@example.com"], subject=f"m{index}",
               body=big if index % 20 == 7 else None)
    running = daemon.ctl("show", "queue").splitlines()
    daemon.stop()
    os.makedirs(bench.path("copy"))
    destination = bench.path("copy", "spool")
    words = [SMTPCTL, "-S", daemon.state, "--json", "queue", "copy", f"{source}:{daemon.state}/spool",
             f"{target}:{destination}"]
    kills, patience = 0, 0.01
    while True:
        program = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            said, complaint = program.communicate(timeout=patience)
            break
        except subprocess.TimeoutExpired:
            program.kill()
            program.communicate()
            kills, patience = kills + 1, patience * 1.2
    expect(kills > 1, "it was never killed")
    if b"not empty" in complaint:
        bench.note(f"{kills} kills, the last behind its end")
    else:
        expect_equal(program.returncode, 0, f"after {kills} kills: {complaint}")
        result = json.loads(said.splitlines()[-1])
        bench.note(f"{kills} kills, {result}")
        expect_equal((result["copied"] + result["present"], result["verified"]), (60, 60), f"{result}")
    other = Daemon(bench, """
action "out" relay host "smtp://127.0.0.1:9"
match from any for any action "out"
""", backend=target, name="copy", arguments=["-P", "mta"]).start()
    expect_equal([l.split("|")[:11] for l in other.ctl("show", "queue").splitlines()],
                 [l.split("|")[:11] for l in running])
    identifier = next(l for l in running if l).split("|")[0][:8]
    expect(b"Subject: m0" in other.ctl("show", "message", identifier, style="bytes"), "a body")
    expect_equal(other.run_ctl("queue", "verify").returncode, 0, "queue verify")
    other.stop()


@case("queue copy of a running queue is refused")
def copy_running(bench):
    daemon = paused(bench)
    submit(daemon.port)
    done = daemon.run_ctl("queue", "copy", f"fs:{daemon.state}/spool", f"sqlite:{bench.path('x')}")
    expect_equal(done.returncode, 1)
    expect(re.search(rb"in use|process|held|lock", done.stderr + done.stdout), f"{done}")
    daemon.stop()


@case("smtpctl that is one client too many of its user says so, and is served once there is room")
def one_too_many(bench):
    daemon = paused(bench)
    idle = []
    for _ in range(33):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(daemon.state + "/smtpd.sock")
        idle.append(connection)
    daemon.wait_log(r"control: user \d+ refused: too many clients")
    for _ in range(20):
        done = daemon.run_ctl("show", "status")
        expect_equal((done.returncode, done.stdout + done.stderr), (1, b"command failed: too many clients\n"))
    for connection in idle:
        connection.close()
    eventually(lambda: daemon.run_ctl("show", "status").returncode == 0, "smtpctl gets no answer")
    daemon.stop()


@case("an ordinary user may not ask the daemon of root")
def other_user(bench):
    bench.need_root()
    daemon = paused(bench)
    done = subprocess.run(["setpriv", "--reuid=nobody", "--regid=65534", "--clear-groups", SMTPCTL, "-S",
                           daemon.state, "show", "queue"], capture_output=True)
    expect_equal(done.returncode, 1)
    expect(b"need root privileges" in done.stderr, f"{done.stderr!r}")
    daemon.stop()


@case("10,000 envelopes are shown, held and removed in one go ({backend})", backend=BACKENDS, seconds=120)
def many(bench, backend):
    daemon = paused(bench, backend)
    with Client(daemon.port, seconds=60) as client:
        client.command("EHLO x")
        for _ in range(10):
            batch = ["MAIL FROM:<a@example.org>"] + [f"RCPT TO:<r{i}@example.com>" for i in range(1000)]
            client.send("\r\n".join(batch + ["DATA", ""]))
            for _ in batch:
                client.expect("250")
            client.expect("354")
            client.send(stuffed(message()))
            client.expect("250")
    expect_equal(len(daemon.ctl("show", "queue").splitlines()), 10000)
    expect_equal(daemon.ctl("pause", "envelope", "recipient~r99"), "110 envelopes paused\n")
    expect_equal(daemon.ctl("remove", "all"), "10000 envelopes removed\n")
    daemon.wait_log("info: queue: 10000 envelopes removed by administrator")
    expect_equal(daemon.log().count(": Remove for "), 1000, "removals in the log")
    expect_equal(daemon.ctl("show", "queue"), "")
    daemon.stop()


@case("smtpctl encrypt: anybody's hash of a password, from the command line or standard input")
def encrypt(bench):
    user = ["setpriv", "--reuid=nobody", "--clear-groups"] if bench.is_root else []

    def run(*words, input=b""):
        return subprocess.run(user + [SMTPCTL, "encrypt", *words], input=input, capture_output=True)

    for method, prefix in (("bcrypt", "$2b$"), ("sha512crypt", "$6$"), ("yescrypt", "$y$"), (None, "$y$")):
        arguments = ["-m", method] if method else []
        for done in (run(*arguments, "pass word"), run(*arguments, input=b"pass word\n")):
            made = done.stdout.decode().strip()
            expect_equal((done.returncode, made[:len(prefix)]), (0, prefix), f"{method}: {done.stderr!r}")
            expect_equal(crypted("pass word", made), made, f"libcrypt about {method}")
    expect_equal(len(run(input=b"a\nb\n\nc").stdout.splitlines()), 3, "hashes of three lines")
    for words, status in ((["-m", "md5", "x"], 255), (["a", "b"], 255), (["x" * 600], 1)):
        expect_equal(run(*words).returncode, status, f"status of {words[0][:5]}")


def crypted(password, setting):
    """What the host's libcrypt makes of it."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    return library.crypt(password.encode(), setting.encode()).decode()


OPENSMTPD = """version: 3
dispatcher: out
type: mta
smtpname: mx.example.net
helo: client.example.org
hostname: localhost
sockaddr: local
sender: john@example.org
rcpt: jane@example.com
dest: jane@relay.example.com
ctime: {now}
last-try: 0
last-bounce: 0
ttl: 0
retry: 0
flags: authenticated internal
"""


def opensmtpd_spool(bench, daemon):
    """Makes a spool as OpenSMTPD leaves it: root's, with a queue of another user."""
    bench.need_root("needs a spool of root's")
    user = pwd.getpwnam("_smtpq")
    spool = os.path.join(daemon.state, "spool")
    message_directory = os.path.join(spool, "queue/01/01234567")
    os.makedirs(message_directory)
    for name in ("incoming", "temporary", "purge", "offline", "corrupt"):
        os.makedirs(os.path.join(spool, name))
    with open(os.path.join(message_directory, "0123456700000001"), "w") as file:
        file.write(OPENSMTPD.format(now=int(time.time())))
    with open(os.path.join(message_directory, "message"), "w") as file:
        file.write("Subject: x\n\nhello\n")
    for name in ("queue", "incoming", "temporary", "purge", "corrupt"):
        for path, directories, files in os.walk(os.path.join(spool, name)):
            os.chmod(path, 0o700)
            os.chown(path, user.pw_uid, user.pw_gid)
            for file in files:
                os.chmod(os.path.join(path, file), 0o600)
                os.chown(os.path.join(path, file), user.pw_uid, user.pw_gid)
    os.chmod(spool, 0o711)
    return spool


@case("a spool that OpenSMTPD has left is shown, verified and copied by root before a server has had it")
def opensmtpd_offline(bench):
    daemon = Daemon(bench, """
action "out" relay host "smtp://127.0.0.1:9"
match from any for any action "out"
""", backend=None, arguments=["-P", "mta"])
    spool = opensmtpd_spool(bench, daemon)
    fields = daemon.ctl("show", "queue").split("|")
    expect_equal(fields[:4], ["0123456700000001", "local", "mta", "auth,internal"])
    expect("flags: authenticated internal\n" in daemon.ctl("show", "envelope", "0123456700000001"), "flags")
    expect(daemon.ctl("show", "message", "01234567").endswith("hello\n"), "the message")
    daemon.ctl("queue", "verify")
    place = bench.path("copied")
    daemon.ctl("queue", "copy", "fs", f"lmdb:{place}")
    # OpenSMTPD could be started on it again.
    status = os.stat(spool)
    expect_equal((status.st_uid, status.st_mode & 0o777), (0, 0o711), "the spool's owner and mode")
    expect_equal(sorted(os.listdir(spool)), ["corrupt", "incoming", "offline", "purge", "queue", "temporary"], "the spool")
    daemon.start()
    expect_equal(daemon.ctl("show", "queue").split("|")[3], "auth,internal")
    daemon.stop()


@case("a spool with a directory of somebody else's is refused, and no destination is made for its copy")
def foreign_spool(bench):
    daemon = Daemon(bench, 'action "out" relay host "smtp://127.0.0.1:9"\nmatch from any for any action "out"\n', backend=None)
    spool = opensmtpd_spool(bench, daemon)
    os.chown(os.path.join(spool, "purge"), 0, 0)
    place = bench.path("copied")
    for words in (["show", "queue"], ["queue", "copy", "fs", f"lmdb:{place}"]):
        done = daemon.run_ctl(*words)
        expect_equal(done.returncode, 1)
        expect(b"purge: belongs to uid 0" in done.stderr, f"{done.stderr}")
    expect(not os.path.exists(place), "a destination was made")
    expect_equal(os.stat(spool).st_uid, 0)
