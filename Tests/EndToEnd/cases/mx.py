# SPDX-License-Identifier: ISC
"""Relaying by MX, with a name server of the case's own."""

import os

from harness.case import Skipped, case, eventually, expect, expect_equal
from harness.client import Client, submit
from harness.daemon import Daemon
from harness.mailbox import Maildir
from harness.nameserver import NameServer
from harness.sink import Sink


class World:
    """Names, sinks on port 25 of loopback addresses of this case's own, and a daemon that relays."""

    def __init__(self, bench, records, sinks=(), scripts=None, cut=(), options=""):
        # Cases run side by side: each takes addresses of its own.
        self.base = f"127.{os.getpid() >> 8 & 0xff | 1}.{os.getpid() & 0xff}."
        self.sinks = {}
        for host in sinks:
            try:
                self.sinks[host] = Sink(bench, (scripts or {}).get(host), 25, self.address(host))
            except PermissionError:
                raise Skipped("port 25 may not be bound") from None
            except OSError as why:
                raise Skipped(f"port 25 of {self.address(host)}: {why}") from None
        filled = {key: [self.address(e) if isinstance(e, int) else e for e in value]
                  if isinstance(value, list) else value for key, value in records.items()}
        self.names = NameServer(bench, filled, cut=cut)
        self.daemon = Daemon(bench, f"""
resolver 127.0.0.1@{self.names.port}
action "back" maildir "{bench.directory_for('back')}/%{{user.username}}"
action "out" relay {options}
match from any for domain "back.test" action "back"
match from any for any action "out"
""").start()
        self.sender = f"{bench.recipient}@back.test"
        self.box = Maildir(bench.path("back", bench.recipient))

    def address(self, host):
        return self.base + str(host)

    def name(self):
        """What the daemon calls itself, which is the machine's name."""
        with Client(self.daemon.port, greeting=None) as client:
            return client.reply().split()[1]

    def send(self, domain):
        return submit(self.daemon.port, sender=self.sender, recipients=[f"x@{domain}"])

    def bounced(self):
        text = self.box.wait(1)[0]
        self.daemon.wait_empty()
        self.daemon.stop()
        return text

    def waits(self):
        found = eventually(lambda: [q for q in self.daemon.queue() if q["tries"] > 0],
                           lambda: f"it does not wait: {self.daemon.log()[-800:]}", 30)
        expect_equal(self.box.messages(), [], "notices")
        self.daemon.stop()
        return found[0]


@case("MX: the lowest preference is taken")
def preference(bench):
    world = World(bench, {("dest.test", "MX"): [(20, "b.dest.test"), (10, "a.dest.test")],
                          ("a.dest.test", "A"): [2], ("b.dest.test", "A"): [3]}, (2, 3))
    world.send("dest.test")
    world.daemon.wait_empty()
    expect_equal([len(world.sinks[2].deliveries), len(world.sinks[3].deliveries)], [1, 0])
    world.daemon.stop()


@case("the log has the address of a host that is connected to, and no name that only leads to it")
def connecting(bench):
    world = World(bench, {("dest.test", "MX"): [(10, "a.dest.test")], ("a.dest.test", "A"): [2]}, (2,))
    address = world.address(2)
    world.send("dest.test")
    world.daemon.wait_log(rf"mta connecting address=smtp://{address}:25 host={address}\n")
    world.daemon.wait_empty()
    world.daemon.stop()


@case("MX: the next one when the first does not answer")
def next_one(bench):
    world = World(bench, {("dest.test", "MX"): [(20, "b.dest.test"), (10, "a.dest.test")],
                          ("a.dest.test", "A"): [2], ("b.dest.test", "A"): [3]}, (3,))
    world.send("dest.test")
    world.daemon.wait_empty(30)
    expect_equal(len(world.sinks[3].deliveries), 1)
    world.daemon.stop()


@case("no MX: the address of the domain itself")
def address(bench):
    world = World(bench, {("dest.test", "A"): [2]}, (2,))
    world.send("dest.test")
    world.daemon.wait_empty()
    expect_equal(len(world.sinks[2].deliveries), 1)
    world.daemon.stop()


@case("an answer that UDP has no room for is asked for by TCP")
def streamed(bench):
    world = World(bench, {("dest.test", "MX"): [(10, "a.dest.test")], ("a.dest.test", "A"): [2]}, (2,),
                  cut={"dest.test"})
    world.send("dest.test")
    world.daemon.wait_empty(30)
    expect_equal(len(world.sinks[2].deliveries), 1)
    expect(("dest.test", "MX") in world.names.streamed, f"by TCP: {world.names.streamed}")
    world.daemon.stop()


@case("a null MX bounces with 5.1.10")
def null(bench):
    world = World(bench, {("dest.test", "MX"): [(0, ".")], ("dest.test", "A"): [2]}, (2,))
    world.send("dest.test")
    notice = world.bounced()
    expect(b"Status: 5.1.10" in notice, f"{notice[-1200:]!r}")
    expect_equal(world.sinks[2].connections, 0)


@case("a domain that does not exist bounces with 5.1.2")
def nxdomain(bench):
    world = World(bench, {"gone.test": "NXDOMAIN"})
    world.send("gone.test")
    notice = world.bounced()
    expect(b"Status: 5.1.2" in notice, f"{notice[-1200:]!r}")


@case("SERVFAIL: the mail waits")
def servfail(bench):
    world = World(bench, {"broken.test": "SERVFAIL"})
    world.send("broken.test")
    entry = world.waits()
    expect(entry["error"], f"{entry}")


@case("an MX whose address cannot be had for now: the mail waits")
def target_servfail(bench):
    world = World(bench, {("dest.test", "MX"): [(10, "a.dest.test")], "a.dest.test": "SERVFAIL"})
    world.send("dest.test")
    world.waits()


@case("backup mx NAME: the exchangers before it, and neither it nor one behind it")
def backup(bench):
    world = World(bench, {("dest.test", "MX"): [(10, "a.dest.test"), (20, "b.dest.test"), (30, "c.dest.test")],
                          ("a.dest.test", "A"): [2], ("b.dest.test", "A"): [3], ("c.dest.test", "A"): [4],
                          ("other.test", "MX"): [(10, "c.dest.test")]}, (3, 4), options='backup mx "b.dest.test"')
    world.send("dest.test")
    eventually(lambda: [q for q in world.daemon.queue() if q["tries"] > 0], "it does not wait", 30)
    expect_equal([world.sinks[host].connections for host in (3, 4)], [0, 0], "connections")
    # Of a domain that does not name it all exchangers count.
    world.send("other.test")
    eventually(lambda: len(world.sinks[4].deliveries) == 1, "other mail waits, too")
    world.daemon.stop()


@case("two domains with one MX: mail for both arrives, once each")
def shared(bench):
    world = World(bench, {("one.test", "MX"): [(10, "mx.test")], ("two.test", "MX"): [(10, "mx.test")],
                          ("mx.test", "A"): [2]}, (2,))
    for _ in range(5):
        world.send("one.test")
        world.send("two.test")
    world.daemon.wait_empty()
    recipients = sorted(r for d in world.sinks[2].deliveries for r in d.recipients)
    expect_equal(recipients, ["x@one.test"] * 5 + ["x@two.test"] * 5)
    world.daemon.stop()


@case("a domain whose only address is an IPv6 one of this machine is a loop")
def version_six(bench):
    world = World(bench, {("dest.test", "MX"): [(10, "a.dest.test")], ("a.dest.test", "AAAA"): ["::1"]})
    if not os.path.exists("/proc/net/if_inet6"):
        raise Skipped("there is no IPv6")
    world.send("dest.test")
    notice = world.bounced()
    expect(b"Status: 5.4.6" in notice, f"{notice[-1200:]!r}")


@case("an exchanger that is an alias: the host behind the CNAME")
def alias(bench):
    world = World(bench, {("dest.test", "MX"): [(10, "mx.dest.test")], ("mx.dest.test", "CNAME"): ["real.test"],
                          ("real.test", "A"): [2]}, (2,))
    world.send("dest.test")
    world.daemon.wait_empty()
    expect_equal(len(world.sinks[2].deliveries), 1)
    world.daemon.stop()


@case("a domain that is an alias: the exchangers of the domain behind the CNAME")
def domain_alias(bench):
    world = World(bench, {("dest.test", "CNAME"): ["real.test"], ("real.test", "MX"): [(10, "mx.real.test")],
                          ("mx.real.test", "A"): [2]}, (2,))
    world.send("dest.test")
    world.daemon.wait_empty()
    expect_equal(world.sinks[2].deliveries[0].recipients, ["x@dest.test"])
    world.daemon.stop()


@case("a domain of which we are the best exchanger is a loop, and the sender hears of it")
def own(bench):
    world = World(bench, {("b.dest.test", "A"): [2]}, (2,))
    world.names.records["dest.test", "MX"] = [(10, world.name()), (20, "b.dest.test")]
    world.send("dest.test")
    notice = world.bounced()
    expect(b"Status: 5.4.6" in notice, f"{notice[-1200:]!r}")
    expect_equal(world.sinks[2].connections, 0, "connections to an exchanger behind us")


@case("a domain with an exchanger in front of us: that one, and never one behind us")
def in_front(bench):
    world = World(bench, {("a.dest.test", "A"): [3], ("b.dest.test", "A"): [2]}, (2, 3))
    world.names.records["dest.test", "MX"] = [(10, "a.dest.test"), (20, world.name()), (30, "b.dest.test")]
    world.send("dest.test")
    world.daemon.wait_empty()
    expect_equal([len(world.sinks[3].deliveries), world.sinks[2].connections], [1, 0])
    world.daemon.stop()
