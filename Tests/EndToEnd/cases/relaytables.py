# SPDX-License-Identifier: ISC
"""Relays whose host, source or name stand in tables, and listeners with names by address."""

import re
import subprocess

from harness.case import case, eventually, expect, expect_equal
from harness.client import Client, submit
from harness.daemon import Daemon, free_port, personality
from harness.sink import Sink


def daemon_with(bench, action, more=""):
    return Daemon(bench, f"""
{more}
action "out" relay {action}
match from any for any action "out"
""")


def table(bench, name, lines, kind):
    """The declaration of a table that is a text, or a map that makemap made of it."""
    head = "# @list\n" if kind == "list" else ""
    path = bench.write(name, head + "".join(line + "\n" for line in lines))
    if kind in ("text", "list"):
        return f'table {name} "{path}"'
    subprocess.run([personality(bench, "makemap"), "-t", "set" if kind == "set" else "plain", path], check=True)
    return f'table {name} db:{path}.db'


def came(sink, count=1):
    eventually(lambda: len(sink.deliveries) >= count, lambda: f"the sink has {len(sink.deliveries)}", 15)
    return sink.deliveries


@case("relay domain: each domain has its host; without an entry mail waits, until update table ({kind})",
      kind=["inline", "text", "map"])
def domains(bench, kind):
    one, two = Sink(bench), Sink(bench)
    entries = {"one.example": f"smtp://127.0.0.1:{one.port}", "two.example": f"smtp+notls://127.0.0.1:{two.port}"}
    if kind == "inline":
        pairs = ", ".join(f'"{key}" = "{value}"' for key, value in entries.items())
        more = f"table hosts {{ {pairs} }}"
    else:
        more = table(bench, "hosts", [f"{key} {value}" for key, value in entries.items()], kind)
    daemon = daemon_with(bench, "domain <hosts>", more).start()
    submit(daemon.port, recipients=["a@One.example", "b@two.example", "c@one.example"])
    eventually(lambda: one.deliveries and two.deliveries, lambda: daemon.log()[-800:], 15)
    expect_equal(sorted(one.deliveries[0].recipients), ["a@One.example", "c@one.example"])
    expect_equal(two.deliveries[0].recipients, ["b@two.example"])
    submit(daemon.port, recipients=["d@three.example"])
    line = daemon.wait_log(r"mta delivery evpid=\w+ .*to=<d@three\.example>.* result=\"TempFail\" stat=\"(.*)\"").group(1)
    expect("Table hosts has no entry for three.example" in line, line)
    if kind != "inline":
        table(bench, "hosts", [f"three.example smtp://127.0.0.1:{two.port}"], kind)
        daemon.ctl("update", "table", "hosts")
        daemon.ctl("schedule", "all")
        came(two, 2)
        daemon.wait_empty()
    daemon.stop()


@case("relay host: hosts of a table in turn, what update table brings counts ({kind})", kind=["list", "set"])
def hosts(bench, kind):
    one, two, three = Sink(bench), Sink(bench), Sink(bench)
    lines = [f"smtp://127.0.0.1:{one.port}", f"smtp://127.0.0.1:{two.port}"]
    daemon = daemon_with(bench, "host <hosts>", table(bench, "hosts", lines, kind)).start()
    for number in range(6):
        submit(daemon.port, recipients=[f"u{number}@example.com"])
    daemon.wait_empty()
    expect_equal((len(one.deliveries), len(two.deliveries)), (3, 3), "messages by host")
    table(bench, "hosts", [f"smtp://127.0.0.1:{three.port}"], kind)
    daemon.ctl("update", "table", "hosts")
    submit(daemon.port, recipients=["v@example.com"])
    came(three)
    daemon.stop()


@case("src and helo-src from tables: the address, and the name that goes with it ({kind})", kind=["text", "map"])
def sources(bench, kind):
    sink = Sink(bench)
    addresses = table(bench, "addresses", ["127.0.0.2", "127.0.0.3"], "set" if kind == "map" else "list")
    names = table(bench, "names", ["127.0.0.2 two.example.org", "127.0.0.3 three.example.org"],
                  "map" if kind == "map" else "text")
    action = f'host "smtp://127.0.0.1:{sink.port}" src <addresses> helo-src <names>'
    daemon = daemon_with(bench, action, f"{addresses}\n{names}\nmta limit conn-delay-route 0 session-mail-max 1").start()
    for number in range(6):
        submit(daemon.port, recipients=[f"u{number}@example.com"])
    daemon.wait_empty()
    for line in re.findall(r"mta delivery .*", daemon.log()):
        expect(re.search(r'source="127\.0\.0\.[23]"', line), line)
    said = {text for _, text, _ in sink.commands if text.startswith("EHLO")}
    expect(said and said <= {"EHLO two.example.org", "EHLO three.example.org"}, f"{said}")
    table(bench, "addresses", ["127.0.0.4"], "set" if kind == "map" else "list")
    daemon.ctl("update", "table", "addresses")
    submit(daemon.port, recipients=["v@example.com"])
    daemon.wait_log(r'mta delivery .*source="127\.0\.0\.4"')
    daemon.stop()


@case("helo-src without src: the name of the address that the system chose")
def chosen(bench):
    sink = Sink(bench)
    names = '"127.0.0.1" = "loop.example.org", "192.0.2.1" = "other.example.org"'
    action = f'host "smtp://127.0.0.1:{sink.port}" helo-src {{ {names} }}'
    daemon = daemon_with(bench, action).start()
    submit(daemon.port, recipients=["u@example.com"])
    came(sink)
    expect_equal([text for _, text, _ in sink.commands if text.startswith("EHLO")], ["EHLO loop.example.org"])
    daemon.stop()


@case("a lookup that dies while relays ask it: the mail goes out by the next one")
def lookup_dies(bench):
    sink = Sink(bench)
    daemon = daemon_with(bench, "host <hosts>", table(bench, "hosts", [f"smtp://127.0.0.1:{sink.port}"], "list")).start()
    submit(daemon.port, recipients=["u@example.com"])
    came(sink)
    daemon.ctl("pause", "mta")
    submit(daemon.port, recipients=["v@example.com"])
    daemon.kill_role("lookup")
    daemon.ctl("resume", "mta")
    came(sink, 2)
    daemon.wait_empty()
    daemon.stop()


@case("hostnames: a listener's name by its address, in banner, HELO and Received ({kind})",
      kind=["inline", "text", "map"])
def host_names(bench, kind):
    sink = Sink(bench)
    lines = ["127.0.0.2 two.example.org", "127.0.0.3 three.example.org"]
    if kind == "inline":
        more = ""
        names = '{ "127.0.0.2" = "two.example.org", "127.0.0.3" = "three.example.org" }'
    else:
        more, names = table(bench, "names", lines, kind), "<names>"
    port = free_port()
    listeners = "".join(f"listen on 127.0.0.{host} port {port} hostname own.example.org hostnames {names}\n"
                        for host in (1, 2, 3))
    daemon = daemon_with(bench, f'host "smtp://127.0.0.1:{sink.port}"', more + "\n" + listeners)
    daemon.port = port
    daemon.start()
    for host, name in [(1, "own"), (2, "two"), (3, "three")]:
        client = Client(port, f"127.0.0.{host}", greeting=None)
        client.expect(f"220 {name}.example.org ESMTP")
        client.command("EHLO client.example.org", f"250-{name}.example.org Hello")
        client.close()
    with Client(port, "127.0.0.2") as client:
        client.begin(recipients=["u@example.com"])
        client.send("Subject: x\r\n\r\nx\r\n.\r\n")
        client.expect("250")
    expect(b"by two.example.org (" in came(sink)[0].body, f"{sink.deliveries[0].body[:300]}")
    if kind != "inline":
        table(bench, "names", ["127.0.0.3 new.example.org"], kind)
        daemon.ctl("update", "table", "names")
        Client(port, "127.0.0.3", greeting="220 new.example.org ESMTP").close()
        Client(port, "127.0.0.2", greeting="220 own.example.org ESMTP").close()
    daemon.stop()
