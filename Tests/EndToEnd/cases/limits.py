# SPDX-License-Identifier: ISC
"""`mta limit`: what the configuration says reaches the relays that it is about."""

import time

from harness.case import case, eventually, expect, expect_equal
from harness.client import submit
from harness.daemon import Daemon
from harness.sink import Sink

SHARED = ["host", "route", "source", "connector", "relay", "domain"]
# Whatever is not in question.
WIDE = " ".join(f"max-conn-per-{share} 100 conn-delay-{share} 0" for share in SHARED) + " reconn-delay-route 0"


class Starts(Sink):
    """Keeps when each connection began."""

    def __init__(self, bench, number, **options):
        self.times = []
        self.number = number
        super().__init__(bench, address=f"127.0.0.{number}", **options)
        self.script["banner"] = Starts.noted

    def noted(self, _):
        with self.lock:
            self.times.append(time.monotonic())


def daemon_with(bench, sinks, limits):
    """A domain and a source for each sink, all of whose mail goes there: only what is said of a sink holds it up."""
    lines = [f"mta limit {WIDE}"]
    for name, sink in sinks.items():
        if name in limits:
            lines.append(f'mta limit for domain "[127.0.0.{sink.number}]" {limits[name]}')
        lines.append(f'action "{name}" relay host "smtp://127.0.0.{sink.number}:{sink.port}" src "127.0.1.{sink.number}"')
    lines += [f'match from any for domain "{name}.test" action "{name}"' for name in sinks]
    return Daemon(bench, "\n".join(lines) + "\n", arguments=["-P", "mta"]).start()


@case("mta limit max-conn-per-…: so many connections to each that has one, more to one that has none")
def connections(bench):
    names = ["free", *SHARED]
    sinks = {name: Starts(bench, 11 + index, script={"mail": "silent"}) for index, name in enumerate(names)}
    daemon = daemon_with(bench, sinks, {name: f"max-conn-per-{name} 2" for name in SHARED})
    for _ in range(8):
        submit(daemon.port, recipients=[f"x@{name}.test" for name in names])
    daemon.ctl("resume", "mta")
    counts = lambda: {name: sink.connections for name, sink in sinks.items()}
    eventually(lambda: sinks["free"].connections > 2, lambda: f"connections: {counts()}")
    eventually(lambda: all(sinks[name].connections == 2 for name in SHARED), lambda: f"connections: {counts()}")
    # A round more of all: who would have a third would have it now. Eight messages are of use to four connections
    # at most: it is the second round that has a fifth.
    for _ in range(8):
        submit(daemon.port, recipients=[f"y@{name}.test" for name in reversed(names)])
    eventually(lambda: sinks["free"].connections > 4, lambda: f"connections: {counts()}")
    expect_equal({name: sinks[name].connections for name in SHARED}, dict.fromkeys(SHARED, 2), "connections")
    daemon.kill()


@case("mta limit conn-delay-…: a pause between connections to each that has one, none to one that has none")
def pauses(bench):
    names = ["free", *SHARED]
    sinks = {name: Starts(bench, 11 + index, script={"mail": "silent"}) for index, name in enumerate(names)}
    daemon = daemon_with(bench, sinks, {name: f"conn-delay-{name} 3" for name in SHARED})
    for _ in range(8):
        submit(daemon.port, recipients=[f"x@{name}.test" for name in names])
    daemon.ctl("resume", "mta")
    eventually(lambda: all(len(sink.times) > 1 for sink in sinks.values()),
               lambda: f"connections: {({name: len(sink.times) for name, sink in sinks.items()})}")
    gaps = {name: sink.times[1] - sink.times[0] for name, sink in sinks.items()}
    expect(all(gaps[name] > 2 for name in SHARED), f"pauses: {gaps}")
    expect(gaps["free"] < min(gaps[name] for name in SHARED) / 2, f"a pause where none is wanted: {gaps}")
    daemon.kill()


@case("mta limit max-failures-per-session: with one more failure a session ends")
def failures(bench):
    names = ["free", "patient", "strict"]
    sinks = {name: Starts(bench, 11 + index, script={"rcpt": "550 5.1.1 unknown"}) for index, name in enumerate(names)}
    daemon = daemon_with(bench, sinks, {
        "free": "max-conn-per-host 1", "patient": "max-conn-per-host 1 max-failures-per-session 3",
        "strict": "max-conn-per-host 1 max-failures-per-session 1"})
    for _ in range(6):
        submit(daemon.port, sender="", recipients=[f"x@{name}.test" for name in names])
    daemon.ctl("resume", "mta")
    daemon.wait_empty()

    def refused(sink):
        """How many each session had refused."""
        numbers = [number for number, line, _ in sink.commands if line.startswith("RCPT")]
        return [numbers.count(number) for number in sorted(set(numbers))]

    expect_equal({name: refused(sink) for name, sink in sinks.items()},
                 {"free": [6], "patient": [4, 2], "strict": [2, 2, 2]}, "refusals of each session")
    daemon.stop()
