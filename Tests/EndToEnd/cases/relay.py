# SPDX-License-Identifier: ISC
"""Mail that is handed on to another server."""

import json
import os
import re
import socket
import time

from harness.case import case, eventually, expect, expect_equal
from harness.client import Client, accepted, message, stuffed, submit
from harness.daemon import BACKENDS, Daemon
from harness.mailbox import Maildir
from harness.peers import SmtpSink, smtp_source, swaks
from harness.sink import Sink


def relay(bench, port, more="", **options):
    """A daemon that relays all to a port; mail for back.test comes to a maildir."""
    return Daemon(bench, f"""
{more}
action "back" maildir "{bench.directory_for('back')}/%{{user.username}}"
action "out" relay host "smtp://127.0.0.1:{port}"
match from any for domain "back.test" action "back"
match from any for any action "out"
""", **options)


def retry(daemon):
    """Has what waits tried again until it is gone; a route that failed is shut for a while before."""
    for _ in range(20):
        log = daemon.log()
        if log.count("Disabling route") > log.count("Enabling route"):
            daemon.wait_log("Enabling route", 30, count=log.count("Disabling route"))
        if not daemon.queue():
            return
        daemon.ctl("schedule", "all")
        time.sleep(0.4)
    daemon.wait_empty()


def notices(bench):
    return Maildir(bench.path("back", bench.recipient))


def back(bench):
    """A sender whose notices arrive in the maildir."""
    return f"{bench.recipient}@back.test"


@case("smtp-source to smtp-sink: 200 messages on 10 sessions, each arrives once ({backend})",
      backend=BACKENDS, seconds=120)
def peers(bench, backend):
    sink = SmtpSink(bench)
    daemon = relay(bench, sink.port, "smtp limit max-mails 10000", backend=backend).start()
    smtp_source(daemon.port, "-d", "-c", "-s", "10", "-m", "200", "-l", "4096", "-f", "a@example.org", "-t", "b@example.com")
    eventually(lambda: len(sink.messages()) >= 200, lambda: f"the sink has {len(sink.messages())}", 40)
    daemon.wait_empty()
    got = sink.messages()
    expect_equal(len(got), 200, "messages at the sink")
    identifiers = {re.search(rb"(?i)Message-Id: *(\S+)", text).group(1) for text in got}
    expect_equal(len(identifiers), 200, "different messages at the sink")
    daemon.stop()


@case("many recipients of one message travel in one transaction")
def many_recipients(bench):
    sink = Sink(bench)
    daemon = relay(bench, sink.port).start()
    recipients = [f"user{i}@example.com" for i in range(80)]
    submit(daemon.port, recipients=recipients)
    daemon.wait_empty()
    expect_equal(sorted(r for d in sink.deliveries for r in d.recipients), sorted(recipients))
    expect(len(sink.deliveries) <= 2, f"{len(sink.deliveries)} transactions for 80 recipients")
    daemon.stop()


@case("a body of 5 MB with 8-bit bytes and dots arrives byte for byte ({backend})",
      backend=BACKENDS, seconds=90)
def big(bench, backend):
    sink = Sink(bench)
    daemon = relay(bench, sink.port, backend=backend).start()
    block = bytes(b for b in range(1, 256) if b not in (10, 13))
    body = b"Subject: big\r\n\r\n" + b"".join(
        (b"." * (i % 4)) + b"%07d " % i + block + b"\r\n" for i in range(19500))
    submit(daemon.port, body=body, mail=" BODY=8BITMIME")
    daemon.wait_empty(40)
    expect_equal(len(sink.deliveries), 1, "deliveries")
    got = sink.deliveries[0].body
    expect(got.startswith(b"Received: "), f"no Received: {got[:80]!r}")
    expect(got.endswith(body), f"the body changed ({len(got)} bytes of {len(body)})")
    expect("BODY=8BITMIME" in sink.deliveries[0].parameters[0], "BODY=8BITMIME was not passed on")
    daemon.stop()


@case("odd bodies arrive byte for byte: {body}",
      body=["empty", "only dots", "no header", "long line", "blank lines", "NUL"])
def odd_bodies(bench, body):
    text = {
        "empty": b"",
        "only dots": b".\r\n..\r\n...\r\n",
        "no header": b"\r\nno header at all\r\n",
        "long line": b"Subject: x\r\n\r\n" + b"y" * 998 + b"\r\n",
        "blank lines": b"Subject: x\r\n\r\n\r\n\r\n\r\n",
        "NUL": b"Subject: x\r\n\r\n\0a\0\0b\r\n\0\r\n",
    }[body]
    sink = Sink(bench)
    daemon = relay(bench, sink.port).start()
    with Client(daemon.port) as client:
        client.begin()
        client.send(re.sub(rb"(?m)^\.", b"..", text) + b".\r\n")
        client.expect("250")
    daemon.wait_empty()
    got = sink.deliveries[0].body
    head = re.match(rb"Received: .*\r\n([ \t].*\r\n)*", got)
    expect(head, f"no Received: {got[:200]!r}")
    rest = got[head.end():]
    if not text.startswith(b"Subject"):
        # Fields that were missing may have been added, and the empty line behind them.
        expect(rest.endswith(text), f"got {rest!r}")
    else:
        expect(rest.endswith(text[text.index(b"\r\n\r\n"):]), f"got {rest!r}")
    daemon.stop()


@case("PIPELINING: a whole dialogue in one write")
def pipelined(bench):
    sink = Sink(bench)
    daemon = relay(bench, sink.port).start()
    with Client(daemon.port) as client:
        client.command("EHLO client.example.org")
        client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\n"
                    "RCPT TO:<bad\r\nRCPT TO:<c@example.com>\r\nDATA\r\n")
        for wanted in ("250", "250", "5", "250", "354"):
            client.expect(wanted)
        client.send(stuffed(message("piped")) + b"NOOP\r\nQUIT\r\n")
        accepted(client.reply())
        client.expect("250")
        client.expect("221")
        expect(client.at_end(), "the connection stays open after QUIT")
    daemon.wait_empty()
    expect_equal(sorted(sink.deliveries[0].recipients), ["b@example.com", "c@example.com"])
    daemon.stop()


@case("scheduler limit max-evp-batch-size: so many recipients go together, and max-inflight: so many at a time")
def scheduling(bench):
    sink = Sink(bench, {"mail": ["silent"]})
    daemon = relay(bench, sink.port, "scheduler limit max-evp-batch-size 4 max-inflight 6").start()
    submit(daemon.port, recipients=[f"user{i}@example.com" for i in range(20)])
    eventually(lambda: len(daemon.queue("state=inflight")) == 6, "not as many as may be are in flight")
    for number in range(3):
        submit(daemon.port, recipients=[f"more{number}@example.com"])
    expect_equal(len(daemon.queue("state=inflight")), 6, "envelopes in flight")
    daemon.stop()
    sink.script["mail"] = "250 2.1.0 Ok"
    daemon.start()
    retry(daemon)
    most = max(len(delivery.recipients) for delivery in sink.deliveries)
    expect_equal(most, 4, "recipients of a transaction")
    expect_equal(sum(len(delivery.recipients) for delivery in sink.deliveries), 23, "recipients")
    daemon.stop()


@case("relay mail-from: a sender gets it, {form}, and the null sender stays null",
      form=["user@domain", "@domain", "user"])
def mail_from(bench, form):
    given = {"user@domain": "list@ours.test", "@domain": "@ours.test", "user": "list"}[form]
    wanted = {"user@domain": "list@ours.test", "@domain": "a@ours.test", "user": "list@example.org"}[form]
    sink = Sink(bench)
    daemon = Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}" mail-from "{given}"
match from any for any action "out"
""").start()
    for sender in ("a@example.org", ""):
        submit(daemon.port, sender=sender, recipients=["b@example.com"])
        daemon.wait_empty()
    senders = [re.search(r"<(.*?)>", delivery.sender).group(1) for delivery in sink.deliveries]
    expect_equal(senders, [wanted, ""], "senders")
    daemon.stop()


@case("connections are used again for messages that come together")
def reuse(bench):
    sink = Sink(bench)
    daemon = relay(bench, sink.port).start()
    daemon.ctl("pause", "mta")
    for index in range(60):
        submit(daemon.port, subject=f"m{index}")
    daemon.ctl("resume", "mta")
    daemon.wait_empty()
    expect_equal(sorted(sink.subjects()), sorted(f"m{i}" for i in range(60)))
    expect(sink.connections <= 30, f"{sink.connections} connections for 60 messages")
    daemon.stop()


@case("DSN parameters are passed on to a peer that offers DSN")
def dsn_parameters(bench):
    sink = Sink(bench)
    daemon = relay(bench, sink.port).start()
    submit(daemon.port, recipients=["b@example.com"], mail=" RET=HDRS ENVID=x+2By",
           rcpt=" NOTIFY=FAILURE,DELAY ORCPT=rfc822;c@example.net")
    daemon.wait_empty()
    mail, rcpt = sink.deliveries[0].parameters
    expect("RET=HDRS" in mail and "ENVID=x+2By" in mail, mail)
    expect("NOTIFY=" in rcpt and "ORCPT=rfc822;c@example.net" in rcpt, rcpt)
    daemon.stop()


@case("EHLO refused: HELO is tried")
def helo_fallback(bench):
    sink = Sink(bench, {"ehlo": "502 5.5.1 what?"})
    daemon = relay(bench, sink.port).start()
    submit(daemon.port)
    daemon.wait_empty()
    expect_equal(len(sink.deliveries), 1)
    daemon.stop()


STAGES = ["banner", "mail", "rcpt", "data", "body"]


@case("a peer's 4xx at {stage}: the mail waits, then goes", stage=STAGES)
def refused_for_now(bench, stage):
    sink = Sink(bench, {stage: ["451 4.3.0 come back later", None]})
    daemon = relay(bench, sink.port).start()
    submit(daemon.port)
    waiting = eventually(lambda: [q for q in daemon.queue() if q["error"] and q["tries"] > 0],
                         lambda: f"no envelope waits: {daemon.log()[-600:]}")[0]
    expect("come back later" in waiting["error"] or stage == "banner", f"error {waiting['error']!r}")
    retry(daemon)
    expect_equal(len(sink.deliveries), 1)
    daemon.stop()


@case("a peer's 5xx at {stage}: a notice comes back, and nothing is left", stage=STAGES[1:])
def refused_for_good(bench, stage):
    sink = Sink(bench, {stage: "554 5.7.1 never here"})
    daemon = relay(bench, sink.port).start()
    submit(daemon.port, sender=back(bench))
    notice = notices(bench).wait(1)[0]
    expect(b"5.7.1 never here" in notice, f"the notice: {notice[:1500]!r}")
    daemon.wait_empty()
    expect_equal(len(sink.deliveries), 0)
    expect_equal(len(notices(bench).messages()), 1, "notices")
    daemon.stop()


@case("a peer that refuses MAIL and yet takes the rest is given no message")
def refuses_mail_only(bench):
    sink = Sink(bench, {"mail": "554 5.7.1 never here"})
    sink.strict = False
    daemon = relay(bench, sink.port).start()
    submit(daemon.port, sender=back(bench))
    notices(bench).wait(1)
    expect_equal([d.body for d in sink.deliveries if d.body], [], "bodies at the sink")
    daemon.stop()


@case("of three recipients one goes, one waits, one bounces")
def mixed(bench):
    def answer(_, command):
        for word, reply in (("later", "450 4.2.1 busy"), ("never", "550 5.1.1 unknown")):
            if word in command:
                return reply
        return None

    sink = Sink(bench, {"rcpt": answer})
    daemon = relay(bench, sink.port).start()
    submit(daemon.port, sender=back(bench),
           recipients=["now@example.com", "later@example.com", "never@example.com"])
    notice = notices(bench).wait(1)[0]
    expect(b"never@example.com" in notice and b"Final-Recipient: rfc822; now@" not in notice.replace(b";n", b"; n"),
           f"{notice[:1500]!r}")
    left = daemon.wait_queued(1)
    expect_equal(left[0]["recipient"], "later@example.com")
    expect_equal([d.recipients for d in sink.deliveries], [["now@example.com"]])
    daemon.stop()


@case("a peer that {what} at {stage} harms nothing: the mail goes afterwards".replace("{what} at ", "breaks off at "),
      stage=["banner", "ehlo", "mail", "rcpt", "data", "body"])
def drops(bench, stage):
    sink = Sink(bench, {stage: ["drop", None]})
    daemon = relay(bench, sink.port).start()
    submit(daemon.port)
    retry(daemon)
    expect_equal(len(sink.deliveries), 1)
    daemon.stop()


@case("a peer that answers {nonsense}: the mail waits, and other mail goes",
      nonsense=["garbage", "endless", "binary", "an endless reply", "a code out of range"])
def nonsense(bench, nonsense):
    answers = {
        "garbage": "hello there, how are you?",
        "endless": "endless",
        "binary": bytes(range(256)) + b"\r\n",
        "an endless reply": b"250-more\r\n" * 100000 + b"250 end\r\n",
        "a code out of range": "999 what is this",
    }
    bad = Sink(bench, {"ehlo": answers[nonsense], "helo": answers[nonsense]})
    good = Sink(bench)
    daemon = Daemon(bench, f"""
action "bad" relay host "smtp://127.0.0.1:{bad.port}"
action "good" relay host "smtp://127.0.0.1:{good.port}"
match from any for domain "bad.test" action "bad"
match from any for any action "good"
""").start()
    submit(daemon.port, recipients=["x@bad.test"])
    submit(daemon.port, recipients=["x@good.test"])
    eventually(lambda: good.deliveries, "the good one gets nothing")
    left = eventually(
        lambda: [q for q in daemon.queue() if q["tries"] > 0 and q["state"] == "pending"],
        lambda: f"it is {daemon.queue()} {daemon.log()[-500:]}")
    expect_equal(left[0]["recipient"], "x@bad.test")
    expect(not re.search(r"warn: \w+ \(process", daemon.log()), "a role died")
    daemon.stop()


@case("a peer that answers {what} harms nothing: the mail waits, then goes",
      what=[(answer, stage) for answer in ("garbage", "an endless line", "an endless reply")
            for stage in ("banner", "mail", "rcpt", "data", "body")])
def nonsense_at(bench, what):
    answer, stage = what
    reply = {"garbage": "hello there, how are you?", "an endless line": "endless",
             "an endless reply": b"250-more\r\n" * 100000 + b"250 end\r\n"}[answer]
    sink = Sink(bench, {stage: [reply, None]})
    daemon = relay(bench, sink.port).start()
    submit(daemon.port)
    eventually(lambda: [q for q in daemon.queue() if q["error"] and q["tries"] > 0],
               lambda: f"no envelope waits: {daemon.log()[-600:]}")
    retry(daemon)
    # Who answers 250 without end to a message has it, and gets it again.
    copies = 2 if what == ("an endless reply", "body") else 1
    expect_equal(len([d for d in sink.deliveries if d.body]), copies, "messages at the sink")
    expect(not re.search(r"warn: \w+ \(process", daemon.log()), "a role died")
    daemon.stop()


@case("a peer that says nothing does not hold up other mail")
def silent(bench):
    bad = Sink(bench, {"banner": "silent"})
    good = Sink(bench)
    daemon = Daemon(bench, f"""
action "bad" relay host "smtp://127.0.0.1:{bad.port}"
action "good" relay host "smtp://127.0.0.1:{good.port}"
match from any for domain "bad.test" action "bad"
match from any for any action "good"
""").start()
    for index in range(30):
        submit(daemon.port, recipients=[f"x{index}@bad.test"])
    for index in range(5):
        submit(daemon.port, recipients=[f"x{index}@good.test"])
    eventually(lambda: len(good.deliveries) == 5, "the good one does not get its mail")
    expect_equal(len(daemon.queue()), 30)
    daemon.stop()


@case("a port where nobody listens: the mail waits, and goes once somebody does")
def nobody_listens(bench):
    from harness.daemon import free_port
    port = free_port()
    daemon = relay(bench, port).start()
    submit(daemon.port)
    waiting = eventually(lambda: [q for q in daemon.queue() if q["tries"] > 0], "it does not wait")[0]
    expect(waiting["error"], "no error is told")
    daemon.wait_log(r"mta error reason=Connection refused\n")
    sink = Sink(bench, port=port)
    retry(daemon)
    expect_equal(len(sink.deliveries), 1)
    daemon.stop()


@case("a message with 100 Received fields is a loop")
def hops(bench):
    sink = Sink(bench)
    daemon = relay(bench, sink.port).start()
    body = b"Received: by somewhere\r\n" * 101 + b"Subject: loop\r\n\r\nx\r\n"
    with Client(daemon.port) as client:
        client.begin(sender=back(bench))
        client.send(stuffed(body))
        reply = client.reply()
    if reply.startswith("250"):
        notices(bench).wait(1)
    else:
        expect(reply.startswith("5"), reply)
    expect_equal(len(sink.deliveries), 0)
    daemon.stop()


@case("lmtp: an answer for each recipient")
def lmtp(bench):
    # smtp-sink -L speaks LMTP.
    sink = SmtpSink(bench, "-L")
    daemon = Daemon(bench, f"""
action "out" relay host "lmtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""").start()
    submit(daemon.port, recipients=["a@example.com", "b@example.com"])
    daemon.wait_empty()
    expect_equal(len(sink.messages()), 1)
    daemon.stop()


@case("show relays tells where mail goes, how many tasks wait, and over how many connections")
def show_relays(bench):
    silent = socket.create_server(("127.0.0.1", 0))
    bench.at_end(silent.close)
    port = silent.getsockname()[1]
    daemon = Daemon(bench, f"""
mta limit inet4
action "out" relay host "smtp://127.0.0.1:{port}" helo me.example.org
match from any for any action "out"
""").start()
    expect_equal(daemon.ctl("show", "relays"), "", "relays without mail")
    for _ in range(3):
        submit(daemon.port)
    form = (rf"\[relay:\[127\.0\.0\.1\],port={port},smtp,mx,heloname=me\.example\.org\] refcount=4 ntask=3 nconn=1 "
            r"lastconn=\d+s timeout=\S+ wait=\S*\n  connector \[\] refcount=1 nconn=1 lastconn=\d+s timeout=- "
            r"flags=LIMIT_ROUTE\n")
    eventually(lambda: re.fullmatch(form, daemon.ctl("show", "relays")),
               lambda: f"other relays: {daemon.ctl('show', 'relays')}")
    found = json.loads(daemon.ctl("--json", "show", "relays"))
    expect_equal((found["tasks"], found["connections"]), (3, 1), f"{found}")
