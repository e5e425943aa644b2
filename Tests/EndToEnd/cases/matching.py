# SPDX-License-Identifier: ISC
"""Rules by what a session is: its encryption, the name of its address; and sub-addresses."""

import base64
import os
import subprocess

from harness.case import case, eventually, expect, expect_equal
from harness.certificates import Authority
from harness.client import Client, submit
from harness.daemon import Daemon, free_port, personality
from harness.mailbox import Maildir
from harness.nameserver import NameServer
from cases.auth import hashed
from cases.expansion import recipient_reply
from cases.proxy import block, server
from cases.tls import NAME, starttls, trusting


def answer(client, recipient):
    """What RCPT is answered, in a transaction of its own."""
    client.command("MAIL FROM:<a@example.org>")
    client.send(f"RCPT TO:<{recipient}>\r\n")
    reply = client.reply()
    client.command("RSET")
    return reply


@case("match tls holds behind STARTTLS and not before, and match !tls the other way round")
def tls(bench):
    authority = Authority(bench)
    box = bench.directory_for("mail")
    port = free_port()
    daemon = Daemon(bench, f"""{authority.issue(NAME).pki(NAME)}
listen on 127.0.0.1 port {port} tls pki {NAME}
action "in" maildir "{box}/%{{user.username}}"
match from any tls for domain "tls.test" action "in"
match from any !tls for domain "clear.test" action "in"
""")
    daemon.port = port
    daemon.start()
    encrypted, clear = f"{bench.recipient}@tls.test", f"{bench.recipient}@clear.test"
    with Client(daemon.port) as client:
        client.command("EHLO client.example.org")
        expect(answer(client, encrypted).startswith("550 "), "match tls in clear")
        expect(answer(client, clear).startswith("250 "), "match !tls in clear")
    with Client(daemon.port) as client:
        starttls(client, trusting(authority))
        client.command("EHLO client.example.org")
        expect(answer(client, clear).startswith("550 "), "match !tls under TLS")
        expect(answer(client, encrypted).startswith("250 "), "match tls under TLS")
    daemon.stop()


@case("match from rdns: the name that a name server has of the client's address, by table and by expression")
def rdns(bench):
    base = "100.51.198.in-addr.arpa"
    names = NameServer(bench, {
        (f"1.{base}", "PTR"): ["Mail.Known.test"], (f"2.{base}", "PTR"): ["dial-up-2.other.test"],
        f"3.{base}": "NXDOMAIN",
    })
    daemon = server(bench, more=f"resolver 127.0.0.1@{names.port}", rules="""
match from rdns regex "^dial-up-" for any reject
match from rdns "*.known.test" for domain "known.test" action "in"
match from rdns for domain "named.test" action "in"
match !from rdns for domain "unnamed.test" action "in"
""").start()
    wanted = {1: ["known.test", "named.test"], 2: [], 3: ["unnamed.test"]}
    for last, domains in wanted.items():
        with Client(daemon.proxied, greeting=None) as client:
            client.send(block(f"198.51.100.{last}"))
            client.expect("220")
            client.command("EHLO client.example.org")
            taken = [domain for domain in ("known.test", "named.test", "unnamed.test")
                     if answer(client, f"{bench.recipient}@{domain}").startswith("250 ")]
        expect_equal(taken, domains, f"domains for 198.51.100.{last}")
    asked = {name for name, kind in names.questions if kind == "PTR"}
    expect_equal(asked, {f"{last}.{base}" for last in wanted}, "questions")
    daemon.wait_log(r"(?i)smtp connected address=198\.51\.100\.1 host=mail\.known\.test")
    daemon.stop()


@case("match from rdns: a name that the name server cannot tell is a temporary failure, {way}", seconds=90,
      way=["SERVFAIL", "silence"])
def unnameable(bench, way):
    name = "3.100.51.198.in-addr.arpa"
    names = NameServer(bench, {name: way})
    daemon = server(bench, more=f"resolver 127.0.0.1@{names.port}", rules="""
match from any for domain "any.test" action "in"
match !from rdns for any reject
match from rdns "*.known.test" for domain "known.test" action "in"
match from rdns for any action "in"
""").start()

    def replies():
        with Client(daemon.proxied, greeting=None, seconds=30) as client:
            client.send(block("198.51.100.3"))
            client.expect("220")
            client.command("EHLO client.example.org")
            return [answer(client, f"{bench.recipient}@{domain}")[:4] for domain in ("any.test", "known.test", "x.test")]

    expect_equal(replies(), ["250 ", "451 ", "451 "], "without an answer")
    daemon.wait_log(r"smtp connected address=198\.51\.100\.3 host=<unknown>")
    said = daemon.ctl("explain", "--from", "a@example.org", "--to", f"{bench.recipient}@x.test", "--src", "198.51.100.3")
    expect("what the client is called cannot be found out now" in said, said)
    expect("a rule asks what the client is called" in said and "refused: 451 " in said, said)
    del names.records[name]
    names.records[name, "PTR"] = ["mail.known.test"]
    eventually(lambda: replies() == ["250 ", "250 ", "250 "], "it is not asked again", seconds=30)
    daemon.stop()


@case("a regular expression is evaded by no upper case, of sender, recipient, domain, HELO or user ({where})",
      where=["inline", "file", "map"])
def upper_case(bench, where):
    expressions = {"mail-from": r"@spam\.example$", "rcpt-to": r"^[a-m]oe@", "domain": r"^bad\.", "helo": r"^Dial-",
                   "auth": r"^eve$"}
    tables = {}
    for name, expression in expressions.items():
        if where == "inline":
            tables[name] = '"' + expression + '"'
            continue
        tables[name] = f"<p-{name}>"
        path = bench.write("p-" + name, ("# @list\n" if where == "file" else "") + expression + "\n", 0o644)
        if where == "map":
            subprocess.run([personality(bench, "makemap"), "-t", "set", path], check=True, timeout=20)
    declared = "" if where == "inline" else "".join(
        f"table p-{name} " + (f"db:{bench.path('p-' + name)}.db" if where == "map" else f"file:{bench.path('p-' + name)}") + "\n"
        for name in expressions)
    authority, port = Authority(bench), free_port()
    daemon = Daemon(bench, f"""{declared}{authority.issue(NAME).pki(NAME)}
table passwords {{ EVE = "{hashed('secret')}", eve = "{hashed('secret')}" }}
listen on 127.0.0.1 port {port} tls pki {NAME} auth-optional <passwords>
action "in" maildir "{bench.directory_for('mail')}/%{{user.username}}"
match from any mail-from regex {tables['mail-from']} for any reject
match from any for any rcpt-to regex {tables['rcpt-to']} reject
match from any for domain regex {tables['domain']} reject
match from any helo regex {tables['helo']} for any reject
match from any auth regex {tables['auth']} for any reject
match from any for any action "in"
""")
    daemon.port = port
    daemon.start()
    user = bench.recipient

    def refused(helo, sender, recipient, name=None):
        with Client(port) as client:
            if name:
                starttls(client, trusting(authority))
            client.command(f"EHLO {helo}")
            if name:
                client.command("AUTH PLAIN " + base64.b64encode(f"\0{name}\0secret".encode()).decode(), "235")
            client.command(f"MAIL FROM:<{sender}>")
            client.send(f"RCPT TO:<{recipient}>\r\n")
            return client.reply().startswith("550 Invalid recipient")

    usual = ("c.example", "a@b.example", f"{user}@in.test")
    expect(not refused(*usual), "what no expression finds")
    for upper in (str, str.upper):
        expect(refused(usual[0], upper("x@spam.example"), usual[2]), f"the sender, {upper}")
        expect(refused(*usual[:2], upper("joe@in.test")), f"the recipient, {upper}")
        expect(refused(*usual[:2], f"{user}@" + upper("bad.test")), f"the domain, {upper}")
        expect(refused(upper("dial-1.example"), *usual[1:]), f"HELO, {upper}")
        expect(refused(*usual, name=upper("eve")), f"the user, {upper}")
    daemon.stop()


@case("sub-addresses begin with the configuration's delimiter and with no other ({delimiter})",
      delimiter=["-", "=", "_"])
def delimiter(bench, delimiter):
    user = bench.recipient
    out = bench.directory_for("out")
    daemon = Daemon(bench, f"""smtp sub-addr-delim "{delimiter}"
table names {{ "team" = "{user}", "team{delimiter}own" = "error:550 its own" }}
action "command" mda "cat >/dev/null; echo $EXTENSION > {out}/new; mv {out}/new {out}/extension"
action "box" maildir "{out}/%{{user.username}}" alias <names>
match from any for domain "command.test" action "command"
match from any for domain "box.test" action "box"
match from any for domain "exact.test" rcpt-to "{user}@exact.test" action "box"
""").start()
    submit(daemon.port, recipients=[f"{user}{delimiter}Tag+x@command.test"])
    eventually(lambda: os.path.exists(out + "/extension"), "the command did not run")
    with open(out + "/extension") as file:
        expect_equal(file.read(), "tag+x\n", "the sub-address")
    expect(recipient_reply(daemon, f"{user}+tag@command.test").startswith("550 "), "another delimiter")
    # Aliases: the whole name first, then the one before the delimiter; so do addresses of rules.
    submit(daemon.port, recipients=[f"team{delimiter}x@box.test", f"{user}{delimiter}x@exact.test"])
    Maildir(os.path.join(out, user)).wait(2)
    daemon.wait_empty()
    daemon.stop()
