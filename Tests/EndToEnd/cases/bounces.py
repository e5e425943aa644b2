# SPDX-License-Identifier: ISC
"""Notices: of failure, of delay, of success; and when there must be none."""

import email
import email.policy

from harness.case import case, eventually, expect, expect_equal
from harness.client import submit
from harness.daemon import Daemon
from harness.mailbox import Maildir
from harness.sink import Sink


def daemon_for(bench, sink, more="", action=""):
    daemon = Daemon(bench, f"""
{more}
action "back" maildir "{bench.directory_for('back')}/%{{user.username}}"
action "out" relay host "smtp://127.0.0.1:{sink.port}" {action}
match from any for domain "back.test" action "back"
match from any for any action "out"
""").start()
    return daemon, f"{bench.recipient}@back.test", Maildir(bench.path("back", bench.recipient))


def parts(notice):
    """Checks the frame of a notice; returns its text, the fields of its report, and the original."""
    parsed = email.message_from_bytes(notice, policy=email.policy.default)
    expect_equal(parsed.get_content_type(), "multipart/report", "type")
    expect_equal(parsed.get_param("report-type"), "delivery-status", "report-type")
    expect_equal(parsed["Auto-Submitted"], "auto-replied", "Auto-Submitted")
    expect(parsed["Message-ID"] and parsed["Date"] and parsed["From"] and parsed["To"], "header fields")
    inner = list(parsed.iter_parts())
    expect_equal([p.get_content_type() for p in inner[:2]], ["text/plain", "message/delivery-status"])
    expect(inner[2].get_content_type() in ("message/rfc822", "text/rfc822-headers"), "third part")
    fields = [dict(block.items()) for block in inner[1].get_payload()]
    return inner[0].get_content(), fields, inner[2]


@case("a permanent failure: a multipart/report after RFC 3464")
def failed(bench):
    sink = Sink(bench, {"rcpt": "550 5.1.1 no such user"})
    daemon, sender, box = daemon_for(bench, sink)
    submit(daemon.port, sender=sender, recipients=["x@example.com", "y@example.com"],
           mail=" ENVID=e42 RET=HDRS", rcpt=" NOTIFY=FAILURE ORCPT=rfc822;orig@example.net")
    notice = box.wait(1)[0]
    expect(b"\nReturn-Path:" not in notice[:300] and not notice.startswith(b"Return-Path: <a"),
           "a notice has the null sender")
    text, fields, original = parts(notice)
    expect("x@example.com" in text and "no such user" in text, text)
    expect_equal(fields[0].get("Original-Envelope-Id"), "e42")
    expect("Reporting-MTA" in fields[0], f"{fields[0]}")
    expect_equal(sorted(f["Final-Recipient"].replace(" ", "") for f in fields[1:]),
                 ["rfc822;x@example.com", "rfc822;y@example.com"])
    for block in fields[1:]:
        expect_equal([block["Action"], block["Status"]], ["failed", "5.1.1"])
        expect("orig@example.net" in block["Original-Recipient"], f"{block}")
        expect("Last-Attempt-Date" in block, f"{block}")
        expect_equal(block["Remote-MTA"], "dns; [127.0.0.1]", "who said so")
    expect_equal(original.get_content_type(), "text/rfc822-headers", "RET=HDRS")
    daemon.wait_empty()
    expect_equal(len(box.messages()), 1, "one notice for one message")
    daemon.stop()


@case("RET=FULL: the notice has the whole message, dots and all")
def full(bench):
    sink = Sink(bench, {"mail": "554 5.7.1 no"})
    daemon, sender, box = daemon_for(bench, sink)
    submit(daemon.port, sender=sender, mail=" RET=FULL",
           body=b"Subject: orig\r\n\r\n.dot\r\n..two\r\nend\r\n")
    _, _, original = parts(box.wait(1)[0])
    expect_equal(original.get_content_type(), "message/rfc822")
    expect(original.get_payload()[0].get_payload().replace("\r\n", "\n").startswith(".dot\n..two\nend\n"),
           f"{original.get_payload()[0].get_payload()!r}")
    daemon.stop()


@case("no notice for {what}", what=["the null sender", "NOTIFY=NEVER", "NOTIFY=SUCCESS", "NOTIFY=DELAY"])
def none(bench, what):
    sink = Sink(bench, {"rcpt": "550 5.1.1 no such user"})
    daemon, sender, box = daemon_for(bench, sink)
    option = " " + what if what.startswith("NOTIFY") else ""
    submit(daemon.port, sender="" if what == "the null sender" else sender, rcpt=option)
    daemon.wait_log(r"result=\"PermFail\"")
    daemon.wait_empty()
    expect_equal(box.messages(), [])
    expect_equal(sink.deliveries, [])
    daemon.stop()


@case("a notice that cannot be delivered makes no other")
def double_bounce(bench):
    sink = Sink(bench, {"rcpt": "550 5.1.1 no such user"})
    daemon, _, box = daemon_for(bench, sink)
    submit(daemon.port, sender="nobody-there@example.org")
    daemon.wait_log(r"result=\"PermFail\"", count=2)
    daemon.wait_empty()
    expect_equal(box.messages(), [])
    daemon.stop()


@case("NOTIFY=SUCCESS: a notice of a local delivery")
def success(bench):
    sink = Sink(bench)
    daemon, sender, box = daemon_for(bench, sink)
    submit(daemon.port, sender=sender, recipients=[sender], rcpt=" NOTIFY=SUCCESS")
    notices = [m for m in box.wait(2) if b"multipart/report" in m]
    fields = parts(notices[0])[1]
    expect_equal(fields[1]["Action"], "delivered")
    expect("Remote-MTA" not in fields[1], f"nobody else had a part in it: {fields[1]}")
    daemon.wait_empty()
    daemon.stop()


@case("NOTIFY=SUCCESS: relayed to a peer without DSN, and no notice when it has DSN")
def relayed(bench):
    sink = Sink(bench, extensions=("PIPELINING",))
    daemon, sender, box = daemon_for(bench, sink)
    submit(daemon.port, sender=sender, rcpt=" NOTIFY=SUCCESS")
    fields = parts(box.wait(1)[0])[1]
    expect_equal([fields[1]["Action"], fields[1]["Remote-MTA"]], ["relayed", "dns; [127.0.0.1]"])
    sink.extensions = ("DSN",)
    daemon.restart()
    submit(daemon.port, sender=sender, rcpt=" NOTIFY=SUCCESS")
    daemon.wait_empty()
    expect_equal(len(box.messages()), 1)
    expect_equal(len(sink.deliveries), 2)
    daemon.stop()


@case("an envelope older than its ttl comes back")
def expired(bench):
    sink = Sink(bench, {"rcpt": "450 4.2.1 busy"})
    daemon, sender, box = daemon_for(bench, sink, action="ttl 2s")
    submit(daemon.port, sender=sender)
    fields = parts(box.wait(1, 20)[0])[1]
    expect_equal([fields[1]["Action"], fields[1]["Status"]], ["failed", "5.4.7"])
    expect("450 4.2.1 busy" in fields[1]["Diagnostic-Code"], f"what went wrong is not told: {fields[1]}")
    expect("Last-Attempt-Date" in fields[1], f"{fields[1]}")
    expect_equal(fields[1]["Remote-MTA"], "dns; [127.0.0.1]", "who said it is busy")
    daemon.wait_empty()
    daemon.stop()


@case("a delay is told at warn-interval, once")
def delayed(bench):
    sink = Sink(bench, {"rcpt": "450 4.2.1 busy"})
    daemon, sender, box = daemon_for(bench, sink, more="bounce warn-interval 1s")
    submit(daemon.port, sender=sender)
    fields = parts(box.wait(1, 20)[0])[1]
    expect_equal(fields[1]["Action"], "delayed")
    expect(fields[1]["Status"].startswith("4."), f"{fields[1]}")
    expect("Last-Attempt-Date" in fields[1], f"{fields[1]}")
    expect_equal(fields[1]["Remote-MTA"], "dns; [127.0.0.1]", "who said it is busy")
    daemon.ctl("schedule", "all")
    eventually(lambda: [q for q in daemon.queue() if q["tries"] >= 2], "no second try")
    expect_equal(len(box.messages()), 1, "notices")
    expect_equal(len(daemon.queue()), 1, "the message waits on")
    daemon.stop()
