# SPDX-License-Identifier: ISC
"""What was promised, and what became of it: the books of a crash test."""

import random
import threading
import time

from .case import Failed
from .client import Client, message, stuffed


class Load:
    """Clients that send numbered messages until told to stop, and note each 250.

    A message is *begun* before its final dot is sent and *promised* once its 250 was read. Between the
    two nobody knows; such a message may arrive or not.
    """

    def __init__(self, port, clients, seed, recipients=("b@example.com",), pause=0.0, limit=100000,
                 prefix="m"):
        self.port = port
        self.recipients = recipients
        self.pause = pause
        self.limit = limit
        self.prefix = prefix
        self.random = random.Random(seed)
        self.begun = set()
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
            self.begun.add(name)
        lines = b"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz\r\n"
        client.send(stuffed(message(name, "") + lines * (size // len(lines) + 1)))
        reply = client.expect("250")
        with self.lock:
            self.promised[name] = reply.split()[2]
        if self.pause:
            time.sleep(self.pause)
        return True


def audit(load, copies, allowed_doubles):
    """Compares the promises with what arrived: `copies` is a list of (name, recipient).

    Nothing promised may be missing, nothing may have come from nowhere, and at most so many copies
    may be too many. Returns the number of doubles.
    """
    arrived = {}
    for copy in copies:
        arrived[copy] = arrived.get(copy, 0) + 1
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
    doubles = sum(count - 1 for count in arrived.values())
    if doubles > allowed_doubles:
        raise Failed(f"{doubles} doubles, and at most {allowed_doubles} were in flight: "
                     f"{[c for c, n in arrived.items() if n > 1][:5]}")
    return doubles
