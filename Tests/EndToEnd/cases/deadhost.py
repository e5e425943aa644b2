# SPDX-License-Identifier: ISC
"""A host that is down costs a try now and then, whatever waits for it; once it is back all of it goes."""

from harness.case import case, eventually, expect, expect_equal
from harness.client import Client, message, stuffed
from harness.daemon import Daemon
from harness.sink import Sink

MESSAGES = 1000


def fill(daemon, count):
    """Many messages over few sessions."""
    done = 0
    while done < count:
        with Client(daemon.port) as client:
            client.command("EHLO client.example.org")
            for _ in range(min(100, count - done)):
                client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
                expect_equal([client.reply()[:3] for _ in range(3)], ["250", "250", "354"])
                client.send(stuffed(message(f"m{done}")))
                expect_equal(client.reply()[:3], "250")
                done += 1


@case("mta max-deferred: so many of the deferred go at once when a host is back, the others in their time", seconds=90)
def deferred(bench):
    sink = Sink(bench, {"banner": "drop"})
    daemon = Daemon(bench, f"""
mta max-deferred 2
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""", arguments=["-P", "mta"]).start()
    fill(daemon, 8)
    daemon.ctl("resume", "mta")
    eventually(lambda: len(daemon.queue("retry>=1")) == 8, lambda: f"{len(daemon.queue('retry>=1'))} were tried")
    sink.script["banner"] = "220 back"
    daemon.wait_log("Enabling route", seconds=30)
    # A new one, and two of those that wait.
    fill(daemon, 1)
    eventually(lambda: len(sink.deliveries) == 3, lambda: f"{len(sink.deliveries)} went", 30)
    daemon.wait_queued(6)
    expect_equal(len(sink.deliveries), 3, "deliveries")
    daemon.stop()


@case("1,000 envelopes for a host that is down: a connection a probe, and all go when it is back ({backend})",
      backend=["fs", "sqlite"], seconds=150)
def dead_host(bench, backend):
    sink = Sink(bench, {"banner": "drop"})
    daemon = Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""", backend=backend, arguments=["-P", "mta"]).start()
    fill(daemon, MESSAGES)
    before = daemon.statistics()
    daemon.ctl("resume", "mta")
    eventually(lambda: daemon.queue("retry>=1"), "nothing was tried")
    # Before the next probe, 15 s after the first.
    daemon.wait_log("Disabling route .* for 15s")
    eventually(lambda: not daemon.queue("state=inflight"), lambda: f"{len(daemon.queue('state=inflight'))} in flight")
    expect_equal(sink.connections, 1, "connections")
    tried = daemon.queue("retry>=1")
    expect(len(tried) <= 50, f"{len(tried)} were tried")
    expect(all("Network error" in q["error"] for q in tried), f"{tried[0]}")
    after = daemon.statistics()
    commits = after["queue.commit"] - before["queue.commit"]
    expect(commits <= 60, f"{commits} commits")
    daemon.wait_log("Disabling route .* for (15|60)s", seconds=40, count=2)
    expect_equal(sink.connections, 2, "connections after the first probe")
    eventually(lambda: not daemon.queue("state=inflight"), "the probe stays in flight")
    expect(len(daemon.queue("retry>=1")) <= len(tried) + 1, "one probe tries one envelope")
    sink.script["banner"] = "220 back"
    daemon.wait_empty(90)
    expect_equal(len(sink.deliveries), MESSAGES)
    expect_equal(len(set(sink.subjects())), MESSAGES)
    daemon.stop()
