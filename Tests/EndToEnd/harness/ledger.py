# SPDX-License-Identifier: ISC
"""What was promised, and what became of it: the books of a crash test."""

import collections
import random
import re
import threading
import time

from .case import Failed
from .client import Client, message, stuffed

# Seconds between a delivery and its record, at most, on a slow machine.
RECORDED = 2.0

# What arrived: `message` is its id, `connection` the number of the sink's, None in a mailbox.
Copy = collections.namedtuple("Copy", "name recipient message time connection")


def text(name, size):
    """The text of a message: numbered lines with its name, some that begin with a dot, then the end."""
    lines = []
    while size > 0:
        dot = "." if len(lines) % 7 == 3 else ""
        lines.append(f"{dot}{len(lines):06d} of {name} 0123456789abcdefghijklmnopqrstuvwxyz\r\n")
        size -= len(lines[-1])
    return "".join(lines).encode() + b"end\r\n"


class Load:
    """Clients that send numbered messages until told to stop, and note each 250.

    A message is *begun* before its final dot is sent and *promised* once its 250 was read. Between the
    two nobody knows; such a message may arrive or not. What each message says is known from its name
    and its size, line by line, so that a copy with a line less, twice or of another message shows.
    """

    def __init__(self, port, clients, seed, recipients=("b@example.com",), pause=0.0, limit=100000,
                 prefix="m"):
        self.port = port
        self.recipients = recipients
        self.pause = pause
        self.limit = limit
        self.prefix = prefix
        self.random = random.Random(seed)
        # Name → bytes of its text, and name → the message id of its 250.
        self.begun = {}
        self.promised = {}
        self.lock = threading.Lock()
        self.stopped = False
        self._next = 0
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self, seconds=20):
        self.stopped = True
        for thread in self.threads:
            thread.join(seconds)
            if thread.is_alive():
                raise Failed("a client hangs")

    def count(self):
        with self.lock:
            return len(self.promised)

    def _number(self):
        with self.lock:
            if self._next >= self.limit:
                return None
            self._next += 1
            size = self.random.choice((20, 200, 2000, 20000))
            # Some are large enough to be staged.
            if self.random.random() < 0.02:
                size = 400000
            return f"{self.prefix}{self._next:06d}", size

    def _run(self):
        while not self.stopped:
            try:
                with Client(self.port, seconds=8) as client:
                    client.command("EHLO load.example.org")
                    for _ in range(20):
                        if self.stopped or not self._one(client):
                            return
            except (OSError, AssertionError):
                # The other side is dead or refuses for now.
                time.sleep(0.02)

    def _one(self, client):
        numbered = self._number()
        if numbered is None:
            return False
        name, size = numbered
        client.send("MAIL FROM:<load@example.org>\r\n"
                    + "".join(f"RCPT TO:<{r}>\r\n" for r in self.recipients) + "DATA\r\n")
        client.expect("250")
        for _ in self.recipients:
            client.expect("250")
        client.expect("354")
        with self.lock:
            self.begun[name] = size
        client.send(stuffed(message(name, "") + text(name, size)))
        reply = client.expect("250")
        with self.lock:
            self.promised[name] = reply.split()[2]
        if self.pause:
            time.sleep(self.pause)
        return True

    def expect_whole(self, copy, where):
        """Fails unless the copy's text is, to the byte, what was sent. Returns the message's name.

        Header fields may have been added in front; lines may end with LF alone, as in a maildir.
        """
        head, _, found = copy.replace(b"\r\n", b"\n").partition(b"\n\n")
        subject = re.search(rb"(?m)^Subject: (\S+)$", head)
        name = subject.group(1).decode() if subject else None
        with self.lock:
            size = self.begun.get(name)
        if size is None:
            raise Failed(f"{where}: a message that nobody sent: {copy[:300]!r}")
        wanted = text(name, size).replace(b"\r\n", b"\n")
        if found != wanted:
            at = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b),
                      min(len(found), len(wanted)))
            raise Failed(f"{where}: {name} is not what was sent: {len(found)} of {len(wanted)} bytes, other "
                         f"from {at} on: {found[at:at + 80]!r}, wanted {wanted[at:at + 80]!r}")
        return name


class Death:
    """What the queue still had when something was killed, and what had begun to go to the sink.

    Made once the victims are stopped or dead, before anything takes their place. An envelope that was
    handed to delivery and concluded is not in the store. What a new delivery sends comes by connections that
    the sink has not seen yet; a connection that it has not accepted yet brings nothing any more.
    """

    def __init__(self, daemon, sink):
        self.moment = time.monotonic()
        self.connections = sink.connections
        self.stored = daemon.stored()

    def was_in_flight(self, copy):
        """Whether the copy was on its way or there, and its envelope not concluded."""
        return ((copy.message, copy.recipient) in self.stored
                and (copy.connection is None or copy.connection <= self.connections))

    def permits(self, earlier, later):
        """Whether the later copy of an envelope may be there because of this death."""
        if not self.was_in_flight(earlier):
            return False
        # A command for a mailbox may go on behind the death of delivery.
        return earlier.connection is None or (
            later.connection > self.connections and self.moment - earlier.time < RECORDED)


def message_id(body):
    """What the header that the server has put in front calls the message."""
    found = re.search(rb"(?m)^Received: [^;]*\bid ([0-9a-f]{8})\b", body)
    if not found:
        raise Failed(f"a copy without its id: {body[:300]!r}")
    return found.group(1).decode()


def copies_at(sink, load):
    """What arrived at the sink, each for each recipient, and is what was sent."""
    copies = []
    for delivery in sink.deliveries:
        name, message = load.expect_whole(delivery.body, "at the sink"), message_id(delivery.body)
        copies += [Copy(name, recipient, message, delivery.time, delivery.connection)
                   for recipient in delivery.recipients]
    return copies


def audit(load, copies, deaths=()):
    """Compares the promises with what arrived.

    Nothing promised may be missing, nothing may have come from nowhere, and a copy may be one too many
    only where one of `deaths` found its envelope in flight. Returns the number of doubles.
    """
    arrived = collections.defaultdict(list)
    for copy in copies:
        arrived[copy.name, copy.recipient].append(copy)
    missing = [(name, recipient) for name in load.promised for recipient in load.recipients
               if (name, recipient) not in arrived]
    if missing:
        raise Failed(f"{len(missing)} promised copies are lost, of {len(load.promised)} messages: "
                     f"{[(n, load.promised[n]) for n, _ in missing[:5]]}")
    strange = [copy for copy in arrived if copy[0] not in load.begun]
    if strange:
        raise Failed(f"copies of messages nobody sent: {strange[:5]}")
    half = {name for name in load.begun if name not in load.promised}
    for name in half:
        came = [r for r in load.recipients if (name, r) in arrived]
        if came and len(came) != len(load.recipients):
            raise Failed(f"{name} came for {came} and not for the others")
    doubles = 0
    for same in arrived.values():
        same.sort(key=lambda copy: (copy.connection or 0, copy.time))
        left = list(deaths)
        for earlier, later in zip(same, same[1:]):
            death = next((death for death in left if death.permits(earlier, later)), None)
            if death is None:
                raise Failed(f"a double of what was not in flight at any of {len(deaths)} deaths: {same}, deaths: "
                             f"{[(d.moment, d.connections, d.was_in_flight(earlier)) for d in deaths]}")
            # One death repeats a delivery once.
            left.remove(death)
            doubles += 1
    return doubles
