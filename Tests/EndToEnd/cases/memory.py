# SPDX-License-Identifier: ISC
"""What clients can make the queue remember: recipients that stand for many count, and nothing accepted is lost."""

import os
import signal

from harness.case import case, eventually, expect, expect_equal
from harness.client import Client, accepted, message, stuffed, submit
from harness.daemon import Daemon, free_port
from harness.sink import Sink

MEMBERS = 3000
# What each of the envelopes brings along.
PARAMETERS = " ORCPT=rfc822;" + "x" * 400
SHORT = "452 4.3.1 Insufficient system storage: too much mail at once, try again later"


def daemon_with_list(bench):
    """An alias that stands for many, and mail that is taken and not sent. A second listener, at `proxied`, is told addresses."""
    sink = Sink(bench)
    aliases = bench.write("aliases", "list: " + ", ".join(f"u{i}@sink.test" for i in range(MEMBERS)) + "\n")
    plain, proxied = free_port(), free_port()
    daemon = Daemon(bench, f"""
listen on 127.0.0.1 port {plain}
listen on 127.0.0.1 port {proxied} proxy-v2
table aliases file:{aliases}
action "in" maildir "/nonexistent" alias <aliases>
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for domain "in.test" action "in"
match from any for any action "out"
""", backend="lmdb", arguments=["-P", "mta"])
    daemon.port, daemon.proxied = plain, proxied
    daemon.start()
    return daemon, sink


def anonymous(daemon, role="queue"):
    """A role's own memory, in MB."""
    with open(f"/proc/{daemon.roles()[role]}/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Anonymous:")) >> 10


def queued(daemon):
    return daemon.statistics().get("scheduler.envelope")


def mail_reply(daemon):
    with Client(daemon.port) as client:
        client.command("EHLO client.example.org")
        client.send("MAIL FROM:<a@example.org>\r\n")
        return client.reply()


class Session(Client):
    """A client with a transaction of one short recipient, and what it was told since."""

    def __init__(self, port, name):
        super().__init__(port, seconds=120)
        self.name, self.single, self.lists, self.refusal = name, 1, 0, None
        self.command("EHLO client.example.org")
        self.command("MAIL FROM:<a@example.org>")
        self.command(f"RCPT TO:<{name}@sink.test>")

    def add_list(self):
        self.send(f"RCPT TO:<list@in.test>{PARAMETERS}\r\n")
        reply = self.reply()
        if reply.startswith("250 "):
            self.lists += 1
        else:
            self.refusal = reply

    def is_refused(self):
        """Whether one more recipient, who stands for nobody else, is refused."""
        if self.refusal is None:
            self.send(f"RCPT TO:<{self.name}@sink.test>\r\n")
            reply = self.reply()
            if reply.startswith("250 "):
                self.single += 1
            else:
                self.refusal = reply
        return self.refusal is not None

    def finish(self):
        """The reply to the final dot."""
        self.command("DATA", "354")
        self.send(stuffed(message(self.name)))
        return self.reply()


@case("recipients that stand for too much: 452 for who goes on and for new mail, the others are served", seconds=180)
def too_much(bench):
    daemon, sink = daemon_with_list(bench)
    sessions = [Session(daemon.port, f"s{number}") for number in range(6)]
    few = Session(daemon.port, "few")
    for _ in range(8):
        for session in sessions:
            if session.refusal is None:
                session.add_list()
    # The queue may have some of it still to read.
    daemon.wait_log("queue: new mail is refused: Insufficient system storage: too much mail at once", 60)
    eventually(lambda: any(session.is_refused() for session in sessions), "nobody is refused", 60)
    memory = anonymous(daemon)
    bench.note(f"{memory} MB")
    expect(memory < 160, f"{memory} MB of memory")
    refused = [session for session in sessions if session.refusal is not None]
    expect(all(session.refusal == SHORT for session in refused), f"{refused[0].refusal}")
    daemon.wait_log('smtp failed-command command="RCPT TO:<.*>.*" result="452 4.3.1 Insuff')
    expect_equal(mail_reply(daemon), SHORT)
    # Who was not refused at RCPT may have been since, and hears of it at the dot.
    expect_equal(few.finish()[:3], "250")
    wanted, large = 1, 0
    while large < 2 and sessions:
        session = sessions.pop()
        reply = session.finish()
        if session.refusal is None and reply != SHORT:
            accepted(reply)
            large += 1
            wanted += session.single + session.lists * MEMBERS
        else:
            expect_equal(reply, SHORT)
    expect(large > 0, "nothing large was accepted")
    for session in sessions[::2]:
        session.command("RSET")
    for session in sessions:
        session.close()
    expect_equal(queued(daemon), wanted, "envelopes")
    # All that was open is over, and what it had is free.
    eventually(lambda: "250" in mail_reply(daemon), "new mail is refused still")
    submit(daemon.port, recipients=["late@sink.test"])
    daemon.kill_role("queue")
    eventually(lambda: daemon.greets(), "service after the death of the queue")
    eventually(lambda: queued(daemon) == wanted + 1, lambda: f"{queued(daemon)} of {wanted + 1} envelopes", 30)
    daemon.ctl("remove", "recipient=list@in.test")
    daemon.ctl("resume", "mta")
    eventually(lambda: {"few", "test"} <= set(sink.subjects()), lambda: f"{sink.subjects()}")
    daemon.stop()


@case("a recipient who stands for more than the message has room for is refused alone", seconds=180)
def too_much_of_one_message(bench):
    daemon, _ = daemon_with_list(bench)
    # At once: each is asked about before it is known what the others stand for.
    session = Session(daemon.port, "s")
    session.send(f"RCPT TO:<list@in.test>{PARAMETERS}\r\n" * 40)
    replies = [session.reply() for _ in range(40)]
    taken = [reply for reply in replies if reply.startswith("250 ")]
    refused = [reply for reply in replies if reply not in taken]
    expect(20 < len(taken) < 33, f"{len(taken)} lists taken")
    expect_equal(set(refused), {"452 4.5.3 Too many recipients: the address stands for more than there is room for now, "
                                "try again later"}, "the others")
    expect(not session.is_refused(), "a recipient who stands for himself is refused")
    accepted(session.finish())
    expect_equal(queued(daemon), len(taken) * MEMBERS + session.single, "envelopes")
    daemon.stop()


@case("messages with many recipients that are not tried yet are kept in memory within a bound", seconds=180)
def kept(bench):
    daemon, sink = daemon_with_list(bench)
    for number in range(40):
        submit(daemon.port, recipients=["list@in.test"], rcpt=PARAMETERS, subject=f"m{number}")
    memory = anonymous(daemon)
    bench.note(f"{memory} MB")
    expect(memory < 100, f"{memory} MB of memory")
    expect_equal(queued(daemon), 40 * MEMBERS, "envelopes")
    daemon.stop()


OF_ONE = "452 4.5.3 Too many recipients of yours are under way, try again later"


class FarSession(Client):
    """A client at an address of its own, in a transaction."""

    def __init__(self, daemon, source):
        super().__init__(daemon.proxied, seconds=120, greeting=None)
        self.send(f"PROXY TCP4 {source} 198.51.100.1 56324 25\r\n")
        self.expect("220")
        self.command("EHLO client.example.org")
        self.send("MAIL FROM:<a@example.org>\r\n")
        expect_equal(self.reply()[:3], "250", "the reply to MAIL")

    def recipients(self, name, count=1):
        """The replies to so many at once."""
        self.send(f"RCPT TO:<{name}>{PARAMETERS}\r\n" * count)
        return [self.reply() for _ in range(count)]

    def finish(self):
        self.command("DATA", "354")
        self.send(stuffed(message("far")))
        return self.reply()


@case("recipients of one client that stand for much: a single message has them, and the others are served", seconds=180)
def much_of_one(bench):
    daemon, _ = daemon_with_list(bench)
    large, small = FarSession(daemon, "192.0.2.7"), FarSession(daemon, "192.0.2.7")
    for _ in range(8):
        expect_equal(large.recipients("list@in.test")[0][:3], "250", "a list of one message alone")
    expect_equal(small.recipients("b@sink.test"), [OF_ONE], "a second message")
    expect_equal(FarSession(daemon, "192.0.2.8").recipients("b@sink.test")[0][:3], "250", "another client")
    accepted(large.finish())
    expect_equal(small.recipients("b@sink.test")[0][:3], "250", "the second message afterwards")
    accepted(small.finish())
    # At once, before anything is known of any: 60,000 each.
    both = [FarSession(daemon, "192.0.2.7") for _ in range(2)]
    for session in both:
        session.send(f"RCPT TO:<list@in.test>{PARAMETERS}\r\n" * 20)
    replies = [[session.reply() for _ in range(20)] for session in both]
    expect(any(OF_ONE in some for some in replies), f"{replies}")
    FarSession(daemon, "192.0.2.8").close()
    expect("queue: new mail is refused" not in daemon.log(), "new mail was refused")
    daemon.stop()


@case("10,000 recipients of one transaction while delivery does not answer: memory has a bound, the others are served", seconds=180)
def silent_delivery(bench):
    count, size = 10000, 40 << 10
    sink = Sink(bench)
    daemon = Daemon(bench, f"""
smtp limit max-rcpt {count}
action "out" relay host "smtp://127.0.0.1:{sink.port}"
action "in" maildir "{bench.directory_for('mail')}/%{{user.username}}"
match from any for domain "in.test" action "in"
match from any for any action "out"
""", backend="lmdb").start()
    delivery = eventually(lambda: daemon.roles().get("delivery"), "no delivery role")
    before = {role: anonymous(daemon, role) for role in ("queue", "frontend", "lookup")}
    os.kill(delivery, signal.SIGSTOP)
    try:
        # Each a destination and a task of its own, with the body in it as long as that has room.
        submit(daemon.port, recipients=[f"r{number}@d{number}.test" for number in range(count)], subject="many",
               body=stuffed(message(subject="many", text="0123456789abcdef\r\n" * (size // 18))))
        for number in range(20):
            submit(daemon.port, recipients=[f"{bench.recipient}@in.test"], subject=f"other{number}")
        expect_equal(len(daemon.queue()), count + 20, "envelopes")
        with Client(daemon.port) as client:
            client.command("EHLO client.example.org")
            client.command("MAIL FROM:<a@example.org>")
            client.command("RCPT TO:<b@example.org>")
            client.command(f"RCPT TO:<{bench.recipient}@in.test>")
        for role, megabytes in before.items():
            grown = anonymous(daemon, role) - megabytes
            bench.note(f"{role}: {grown} MB more")
            expect(grown < 64, f"{role}: {grown} MB more")
    finally:
        os.kill(delivery, signal.SIGCONT)
    daemon.wait_empty(120)
    expect_equal(sum(len(delivery.recipients) for delivery in sink.deliveries if delivery.subject == "many"), count, "recipients")
    daemon.stop()
