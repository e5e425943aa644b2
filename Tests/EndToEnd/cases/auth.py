# SPDX-License-Identifier: ISC
"""AUTH at the listeners: tables, accounts of the system, limits, and what the rules make of it."""

import base64
import os
import re
import shutil
import signal
import smtplib
import subprocess
import time

from harness.case import case, eventually, expect, expect_equal
from harness.certificates import Authority, openssl
from harness.client import Client, message, stuffed
from harness.daemon import BUILD, SMTPD, Daemon, command_line, free_port, is_alive, start_fails
from harness.mailbox import Maildir
from harness.peers import swaks
from harness.users import make_users
from cases.tls import NAME, memory, open_contents, starttls, trusting

PASSWORD = "correct horse:battery"


def hashed(password=PASSWORD, salt="talariasalt"):
    return openssl("passwd", "-6", "-salt", salt, password).decode().strip()


def plain(user, password, identity=""):
    return base64.b64encode(f"{identity}\0{user}\0{password}".encode()).decode()


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def server(bench, options, more="", rules=None, user="nobody"):
    """A daemon with a second listener under TLS, whose port is `secure`."""
    authority = Authority(bench)
    pair = authority.issue(NAME)
    first, second = free_port(), free_port()
    rules = rules or 'match auth from any for any action "in"'
    daemon = Daemon(bench, f"""{pair.pki(NAME)}{more}
listen on 127.0.0.1 port {first}
listen on 127.0.0.1 port {second} pki {NAME} {options}
action "in" maildir "{bench.directory_for('mail')}/%{{user.username}}"
{rules}
""")
    daemon.port, daemon.secure, daemon.authority = first, second, authority
    return daemon


def table(bench, text=None):
    path = bench.write("credentials", text or f"alice {hashed()}\nbob:{hashed('second')}:1000:1000:Bob::\n", 0o600)
    return f'table users "{path}"\n'


def secured(daemon):
    client = starttls(Client(daemon.secure), trusting(daemon.authority))
    return client, client.command("EHLO client.example.org")


def delivered(bench, count=1):
    box = Maildir(bench.path("mail", bench.recipient))
    return eventually(lambda: m if len(m := box.messages()) >= count else None, "nothing was delivered")


def deliver(client, bench, subject, sender="a@example.org", body=None):
    client.command(f"MAIL FROM:<{sender}>")
    client.command(f"RCPT TO:<{bench.recipient}@example.org>")
    client.command("DATA", "354")
    client.send(stuffed(body or message(subject)))
    client.expect("250")


def guess(crowd):
    """A wrong password, thrice, by all of them at once."""
    for _ in range(3):
        for client in crowd:
            client.send("AUTH PLAIN " + plain("alice", "wrong") + "\r\n")
        for client in crowd:
            client.reply()


@case("AUTH PLAIN over STARTTLS against a table lets mail in; without it 530, before TLS nothing")
def thin(bench):
    daemon = server(bench, "tls auth <users>", table(bench)).start()
    with Client(daemon.secure) as client:
        expect("AUTH" not in client.command("EHLO client.example.org"), "AUTH is announced in clear")
        client.command("AUTH PLAIN " + plain("alice", PASSWORD), "503 5.5.1 Invalid command: Command not supported")
        client.command("MAIL FROM:<a@example.org>", "530 5.5.1 Invalid command: Must issue an AUTH command first")
    client, greeting = secured(daemon)
    expect("250-AUTH PLAIN LOGIN\n" in greeting, greeting)
    client.command("MAIL FROM:<a@example.org>", "530 5.5.1 Invalid command: Must issue an AUTH command first")
    client.command("AUTH PLAIN " + plain("alice", PASSWORD), "235 2.0.0 Authentication succeeded")
    client.command("AUTH PLAIN " + plain("alice", PASSWORD), "503 5.5.1 Invalid command: Already authenticated")
    deliver(client, bench, "authenticated")
    client.command("QUIT", "221")
    text = delivered(bench)[0].decode()
    expect("with ESMTPSA id" in text, text[:400])
    expect("auth=" not in text, "the header tells who, though nobody asked for that")
    daemon.wait_log(r"smtp authentication user=alice result=ok")
    daemon.wait_log(r'smtp failed-command command="AUTH PLAIN \(\.\.\.\)"')
    expect(encoded(PASSWORD)[:8] not in daemon.log() and PASSWORD not in daemon.log(), "the log has the password")


@case("swaks says {how}, and is known by the table", how=["PLAIN", "LOGIN"])
def swaks_starttls(bench, how):
    daemon = server(bench, "tls-require auth <users> received-auth mask-src", table(bench)).start()
    said = swaks(daemon.secure, "--tls", "--auth", how, "--auth-user", "alice", "--auth-password", PASSWORD,
                 "--to", f"{bench.recipient}@example.org", "--from", "a@example.org")
    expect("235 2.0.0 Authentication succeeded" in said, said[-600:])
    text = delivered(bench)[0].decode()
    expect(re.search(r"(?m)^Received: by .* with ESMTPSA id [0-9a-f]{8} \(TLSv1\.\d:\S+:NO\) auth=yes user=alice$", text),
           text[:500])
    expect("client.example.org" not in text.split("Date:")[0].replace("\t", ""), "the source is not masked")
    said = swaks(daemon.secure, "--tls", "--auth", how, "--auth-user", "alice", "--auth-password", "wrong",
                 "--to", f"{bench.recipient}@example.org", "--from", "a@example.org", status=28)
    expect("535 Authentication failed" in said, said[-600:])


@case("smtplib over smtps: both mechanisms, a wrong password, a user that is not there")
def library(bench):
    daemon = server(bench, "smtps auth <users>", table(bench)).start()
    context = trusting(daemon.authority, check_hostname=False)

    def session(user, password, mechanism):
        client = smtplib.SMTP_SSL("127.0.0.1", daemon.secure, timeout=10, context=context)
        client.ehlo("client.example.org")
        client.user, client.password = user, password
        try:
            client.auth(mechanism, getattr(client, "auth_" + mechanism.lower()))
        except smtplib.SMTPAuthenticationError as error:
            return error.smtp_code, error.smtp_error
        refused = client.sendmail("a@example.org", [f"{bench.recipient}@example.org"], message(mechanism))
        expect(not refused, f"refused: {refused}")
        client.quit()
        return 235, b""

    for mechanism in ["PLAIN", "LOGIN"]:
        expect_equal(session("alice", PASSWORD, mechanism)[0], 235, mechanism)
        # A line of a passwd file, whose user is named in capitals.
        expect_equal(session("Bob", "second", mechanism)[0], 235, mechanism)
        for user in ["alice", "nobody-has-this-name"]:
            expect_equal(session(user, "wrong", mechanism), (535, b"Authentication failed"), mechanism)
    delivered(bench, 4)
    expect_equal(len(re.findall(r"smtp authentication user=alice result=permfail", daemon.log())), 2)


@case("each kind of hash that the library knows opens the door: {kind}",
      kind=["bcrypt", "sha512", "sha256", "yescrypt", "md5"])
def kinds(bench, kind):
    hashes = {
        "bcrypt": "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
        "sha512": hashed("correct horse"),
        "sha256": openssl("passwd", "-5", "-salt", "pepper", "correct horse").decode().strip(),
        "yescrypt": "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$zwtVrjrUCmXcyLTs6oxLTQlzifSUkF8RHJ./tK5KU79",
        "md5": openssl("passwd", "-1", "-salt", "pepper", "correct horse").decode().strip(),
    }
    daemon = server(bench, "smtps auth <users>", table(bench, f"alice {hashes[kind]}\n")).start()
    client = Client(daemon.secure, greeting=None)
    client.socket = trusting(daemon.authority).wrap_socket(client.socket, server_hostname=NAME)
    client.expect("220")
    client.command("EHLO client.example.org")
    client.command("AUTH PLAIN " + plain("alice", "correct horsf"), "535")
    client.command("AUTH PLAIN " + plain("alice", "correct horse"), "235")


@case("wrong forms of AUTH get their replies, and 64 KB of password end one session only, behind a 334 and in the command")
def wrong(bench):
    daemon = server(bench, "tls auth <users>", table(bench)).start()
    client, _ = secured(daemon)
    client.command("AUTH", "501 5.5.4")
    client.command("AUTH GSSAPI", '504 5.7.4 Security features not supported: AUTH method "GSSAPI" not supported')
    client.command("AUTH PLAIN nonsense!", "501 5.5.2 Syntax error: Syntax error")
    client.command("AUTH PLAIN " + plain("alice", PASSWORD, "root"), "535 Authentication failed")
    daemon.wait_log(r"smtp authentication user=alice result=permfail")
    client.command("AUTH PLAIN", "334")
    client.command(plain("alice", PASSWORD, "alice@example.org"), "535 Authentication failed")
    daemon.wait_log(r"smtp authentication user=alice result=permfail", count=2)
    expect("result=ok" not in daemon.log(), "who asks to be another got in")
    daemon.wait_log(r'smtp failed-command command="AUTH PLAIN \(\.\.\.\)" result="535 Authentication failed"', count=2)
    client.command("AUTH LOGIN", "334 VXNlcm5hbWU6")
    client.command("*", "501 5.7.0 Authentication cancelled")
    client.command("AUTH LOGIN", "334 VXNlcm5hbWU6")
    client.command(encoded("alice"), "334 UGFzc3dvcmQ6")
    # One byte more than a line may have, with nothing behind it that could hide the reply.
    client.send("A" * 12289)
    client.expect("500 5.5.6")
    expect(client.at_end(), "the session went on")
    client, _ = secured(daemon)
    client.command("AUTH LOGIN", "334 VXNlcm5hbWU6")
    try:
        client.send(encoded("p" * 65536) + "\r\n")
        said = client.line()
        ended = not said or said.startswith(b"500 5.5.6") and client.at_end()
    except OSError:
        ended = True
    expect(ended, "the session went on")
    # The same in the command itself.
    client, _ = secured(daemon)
    try:
        client.send("AUTH PLAIN " + plain("alice", "p" * 65536) + "\r\n")
        said = client.line()
        ended = not said or said.startswith(b"500 5.0.0 Command line too long") and client.at_end()
    except OSError:
        ended = True
    expect(ended, "the session went on")
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain("alice", "p" * 1400), "535")
    client.command("AUTH PLAIN " + plain("alice", PASSWORD), "235")
    client.command("QUIT", "221")


@case("three wrong passwords end a session; a user whom a program of this machine goes on to guess is not looked at any more, others are")
def limits(bench):
    daemon = server(bench, "tls auth <users>", table(bench)).start()
    client, _ = secured(daemon)
    for _ in range(3):
        client.command("AUTH PLAIN " + plain("alice", "wrong"), "535 Authentication failed")
    client.expect("421 4.7.0 Too many authentication failures")
    expect(client.at_end(), "the session went on")
    crowd = [secured(daemon)[0] for _ in range(6)]
    guess(crowd)
    daemon.wait_log(r"warn: lookup: too many authentication failures from address=127\.0\.0\.1 for one user=alice\n")
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain("alice", PASSWORD), "421 4.7.0 Too many authentication failures")
    daemon.wait_log(r"smtp authentication user=alice result=tempfail")
    secured(daemon)[0].command("AUTH PLAIN " + plain("bob", "second"), "235")
    with Client(daemon.port) as other:
        other.command("EHLO client.example.org")
        other.command("MAIL FROM:<a@example.org>")


@case("who asks to act as another counts against the limit of his address, and is kept waiting, as by a wrong password")
def others(bench):
    daemon = server(bench, "tls auth <users>", table(bench)).start()
    for _ in range(4):
        crowd = [secured(daemon)[0] for _ in range(5)]
        for client in crowd:
            client.send("AUTH PLAIN " + plain("alice", PASSWORD, "root") + "\r\n")
        for client in crowd:
            client.expect("535 Authentication failed")
    daemon.wait_log(r"warn: lookup: too many authentication failures from address=127\.0\.0\.1")
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain("alice", PASSWORD), "421 4.7.0 Too many authentication failures")


@case("a table that update table renews counts at once, and one that is gone is a temporary failure")
def renewed(bench):
    daemon = server(bench, "tls auth <users>", table(bench)).start()
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain("carol", "third"), "535")
    bench.write("credentials", f"carol {hashed('third')}\n", 0o600)
    daemon.ctl("update", "table", "users")
    client.command("AUTH PLAIN " + plain("carol", "third"), "235")
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain("alice", PASSWORD), "535")


@case("wrong passwords behind a proxy count for the address that it tells, and for no other behind it")
def proxied(bench):
    daemon = server(bench, "proxy-v2 tls auth <users>", table(bench)).start()

    def secured_as(address):
        client = Client(daemon.secure, greeting=None)
        client.send(f"PROXY TCP4 {address} 198.51.100.1 56324 25\r\n")
        client.expect("220")
        starttls(client, trusting(daemon.authority))
        client.command("EHLO client.example.org")
        return client

    crowd = [secured_as("192.0.2.7") for _ in range(7)]
    guess(crowd)
    daemon.wait_log(r"warn: lookup: too many authentication failures from address=192\.0\.2\.7")
    secured_as("192.0.2.7").command("AUTH PLAIN " + plain("alice", PASSWORD), "421 4.7.0 Too many authentication failures")
    secured_as("192.0.2.8").command("AUTH PLAIN " + plain("alice", PASSWORD), "235")
    expect("failures from address=127.0.0.1" not in daemon.log(), "they count for the proxy")


@case("users of the system, by their shadow: the right password, a wrong one, a locked account, one that expired")
def system(bench):
    bench.need_root("the passwords of the system")
    one, two = make_users(bench)
    for user in (one, two):
        subprocess.run(["chpasswd"], input=f"{user.name}:{PASSWORD}\n".encode(), check=True)
    daemon = server(bench, "tls auth", rules='match auth from any for any action "in"').start()
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain(one.name, "wrong"), "535")
    client.command("AUTH PLAIN " + plain("no-such-user", PASSWORD), "535")
    client.command("AUTH PLAIN " + plain(one.name, PASSWORD), "235")
    deliver(client, bench, "from a user of the system")
    delivered(bench)
    subprocess.run(["usermod", "--lock", one.name], check=True)
    subprocess.run(["usermod", "--expiredate", "2001-01-01", two.name], check=True)
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain(one.name, PASSWORD), "535")
    client.command("AUTH PLAIN " + plain(two.name, PASSWORD), "535")
    subprocess.run(["usermod", "--unlock", one.name], check=True)
    subprocess.run(["chage", "--expiredate", "0", one.name], check=True)
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain(one.name, PASSWORD), "535")


@case("without root the users of the system are a temporary failure, and tables work")
def unprivileged(bench):
    if bench.is_root:
        bench.daemon_user = "nobody"
    daemon = server(bench, "tls auth")
    if bench.is_root:
        shutil.chown(bench.path(f"{NAME}.key"), "nobody")
    daemon.start()
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain("nobody", "x"), "421 4.3.0 Temporary failure")
    daemon.wait_log(r"warn: .*passwords of the system")


@case("when lookup dies a client that is verified gets a temporary failure, and the next one is served")
def lookup_dies(bench):
    daemon = server(bench, "tls auth <users>", table(bench, f"alice {hashed()}\n")).start()
    client, _ = secured(daemon)
    daemon.kill_role("lookup")
    client.send("AUTH PLAIN " + plain("alice", PASSWORD) + "\r\n")
    expect(client.reply()[:3] in ("421", "235"), "neither answered nor refused")

    def again():
        client, _ = secured(daemon)
        client.send("AUTH PLAIN " + plain("alice", PASSWORD) + "\r\n")
        return client.reply().startswith("235")

    eventually(again, "nobody can authenticate any more")


@case("rules: match auth, with users, with !, and what smtpctl explain --auth says of them")
def rules(bench):
    daemon = server(bench, "tls auth-optional <users>", table(bench), rules="""
match auth "alice" from any for domain "alice.example" action "in"
match !auth from any for domain "strangers.example" action "in"
match auth from any for domain "users.example" action "in"
match from auth "bob" for domain "bob.example" action "in"
""").start()
    who = {
        None: ["strangers"],
        "alice": ["alice", "users"],
        "bob": ["users", "bob"],
    }
    passwords = {"alice": PASSWORD, "bob": "second"}
    for user, welcome in who.items():
        client, _ = secured(daemon)
        if user:
            client.command("AUTH PLAIN " + plain(user, passwords[user]), "235")
        client.command("MAIL FROM:<a@example.org>")
        for domain in ["alice", "strangers", "users", "bob"]:
            wanted = "250" if domain in welcome else "550"
            client.command(f"RCPT TO:<{bench.recipient}@{domain}.example>", wanted)
            words = ["explain", "--from", "a@example.org", "--to", f"{bench.recipient}@{domain}.example",
                     "--src", "192.0.2.7"] + (["--auth", user] if user else [])
            said = daemon.ctl(*words)
            expect(("accepted" in said) == (wanted == "250"), f"{user} {domain}: {said}")
    said = daemon.ctl("explain", "--from", "a@example.org", "--to", f"{bench.recipient}@users.example",
                      "--src", "192.0.2.7")
    expect("no match: auth" in said, said)


@case("senders: a user's own addresses only; with masquerade From becomes the sender's")
def senders(bench):
    more = table(bench) + """table own { "alice" = "alice@example.org, @alice.example", "bob" = "@" }
"""
    daemon = server(bench, "tls auth <users> senders <own> masquerade", more).start()
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain("alice", PASSWORD), "235")
    client.command("MAIL FROM:<bob@example.org>", "530 Sender rejected")
    client.command("MAIL FROM:<>", "530 Sender rejected")
    client.command("MAIL FROM:<x@ALICE.example>")
    client.command("RSET")
    body = b"From: \"The Boss\" <boss@example.org>\r\nSubject: masked\r\n\r\nx\r\n"
    deliver(client, bench, "masked", "alice@example.org", body)
    text = delivered(bench)[0].decode()
    expect('From: "The Boss" <alice@example.org>\n' in text, text)
    daemon.wait_log(r'smtp failed-command command="MAIL FROM:<bob@example\.org>" result="530 Sender rejected"')
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain("bob", "second"), "235")
    client.command("MAIL FROM:<>")


@case("no hash and no table of credentials is in any process but lookup and the supervisor, and no password in frontend")
def confined(bench):
    bench.need_root("only root may look into all processes")
    # The wrong password leaves the right one's hash where it was used.
    more = table(bench) + f'table inline {{ "dora" = "{hashed("fourth", "inlinesalt")}" }}\n'
    daemon = server(bench, "tls auth <users>", more).start()
    client, _ = secured(daemon)
    client.command("AUTH PLAIN " + plain("alice", PASSWORD), "235")
    deliver(client, bench, "secret")
    delivered(bench)
    # Of a hash, what no salt and no kind tells.
    pieces = [hashed()[-40:].encode(), hashed("fourth", "inlinesalt")[-40:].encode()]
    roles = daemon.roles()
    lookup = roles.pop("lookup")

    def found(pid):
        contents = list(open_contents(pid)) + list(memory(pid))
        return {index for index, piece in enumerate(pieces) if any(piece in content for content in contents)}

    expect_equal(found(lookup), {0, 1}, "what lookup has: else the search is blind")
    for role, pid in roles.items():
        expect(not found(pid), f"{role} has hashes {found(pid)}")
    # The files are read anew by whoever reads them then.
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_log("info: certificates updated")
    daemon.ctl("update", "table", "users")
    again, _ = secured(daemon)
    again.command("AUTH PLAIN " + plain("bob", "second"), "235")
    again.command("QUIT", "221")
    expect_equal(daemon.roles(), {**roles, "lookup": lookup}, "the roles")
    for role, pid in roles.items():
        expect(not found(pid), f"{role} has hashes {found(pid)} after SIGHUP")
    said = [PASSWORD.encode(), encoded(PASSWORD)[:-4].encode(), plain("alice", PASSWORD)[8:-4].encode()]

    def forgotten():
        return not any(word in content for content in memory(roles["frontend"]) for word in said)

    expect(forgotten(), "frontend still has the password")
    # In a line of its own, with nothing said behind it.
    for _ in range(3):
        silent, _ = secured(daemon)
        silent.command("AUTH PLAIN", "334")
        silent.command(plain("alice", PASSWORD), "235")
        expect(forgotten(), "frontend has the password of a client that has just been verified")
        silent.command("QUIT", "221")
    daemon.stop()


def processor(pid):
    """Ticks of the processor that a process has had."""
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[11])


# Of "correct horse", with 2 to the 12th rounds: as slow as operators have them.
SLOW = "$2b$12$abcdefghijklmnopqrstuuFDJRuYeKkCzo3Wy7h8SxhBSHBAHiPK2"


@case("a user that there is not, and one who is locked, cost the work of a wrong password")
def alike(bench):
    daemon = server(bench, "tls auth <users>", table(bench, f"alice {SLOW}\nlocked !\n")).start()
    lookup = daemon.roles()["lookup"]
    costs = {}
    for user in ["alice", "nobody-of-this-name", "locked"]:
        client, _ = secured(daemon)
        before = processor(lookup)
        for _ in range(2):
            client.command("AUTH PLAIN " + plain(user, "wrong"), "535")
        costs[user] = processor(lookup) - before
    expect(costs["alice"] > 10, f"the hash is not slow: {costs}")
    for user, cost in costs.items():
        expect(costs["alice"] / 2 < cost < costs["alice"] * 2, f"{user} is told by the work: {costs}")


@case("slow hashes keep nobody from being served: recipients are answered before the passwords are")
def slow(bench):
    very_slow = SLOW.replace("$12$", "$15$")
    daemon = server(bench, "tls auth <users>", table(bench, f"alice {very_slow}\n"),
                    rules='match from any for any action "in"').start()
    crowd = [secured(daemon)[0] for _ in range(3)]
    for client in crowd:
        client.send("AUTH PLAIN " + plain("alice", "wrong") + "\r\n")
    with Client(daemon.port) as other:
        other.command("EHLO client.example.org")
        other.command("MAIL FROM:<a@example.org>")
        for _ in range(5):
            other.command(f"RCPT TO:<{bench.recipient}@example.org>")
    expect("smtp authentication" not in daemon.log(), "the passwords were answered first: the hash is not slow")
    for client in crowd:
        client.socket.settimeout(50)
        client.expect("535")


def service(bench, *lines):
    """A PAM service of the case's own; returns the directive."""
    bench.directory_for("pam")
    path = bench.write("pam/smtpd-test", "".join(line + "\n" for line in lines))
    return f'auth pam "{path}"\n'


def asks(daemon, *replies, user="nobody", password=PASSWORD):
    client, _ = secured(daemon)
    for reply in replies:
        client.command("AUTH PLAIN " + plain(user, password), reply)
    return client


@case("PAM is asked whether it is the user, and whether the account may: {name}",
      name=["both", "password", "account", "broken", "missing"])
def pam_answers(bench, name):
    lines, reply = {
        "both": (["auth required pam_permit.so", "account required pam_permit.so"], "235"),
        "password": (["auth required pam_deny.so", "account required pam_permit.so"], "535"),
        "account": (["auth required pam_permit.so", "account required pam_deny.so"], "535"),
        # Neither a module that is not there nor a service that says nothing opens a door.
        "broken": (["auth required pam_no_such_module.so", "account required pam_permit.so"], "421 4.3.0"),
        "missing": (["auth required pam_permit.so"], "535"),
    }[name]
    daemon = server(bench, "tls auth", service(bench, *lines)).start()
    client = asks(daemon, reply)
    if reply == "235":
        deliver(client, bench, "by PAM")
        delivered(bench)
    if reply.startswith("421"):
        daemon.wait_log(r"warn: accounts: PAM service smtpd-test: pam_\w+: ")


@case("a PAM module is told user, host and password; what is secret is in no argument and no environment")
def pam_module(bench):
    bench.directory_for("seen")
    script = bench.write("module", f"""#!/bin/sh
IFS= read -r password
tr '\\0' '\\n' < /proc/$PPID/cmdline > {bench.path("seen")}/arguments
tr '\\0' '\\n' < /proc/$PPID/environ > {bench.path("seen")}/environment
env >> {bench.path("seen")}/environment
ls -l /proc/$PPID/fd > {bench.path("seen")}/descriptors
[ "$PAM_USER" = alice ] && [ "$password" = '{PASSWORD}' ] && [ "$PAM_RHOST" = 127.0.0.1 ]
""", 0o755)
    daemon = server(bench, "tls auth", service(
        bench, f"auth required pam_exec.so quiet expose_authtok {script}", "account required pam_permit.so")).start()
    asks(daemon, "535", user="alice", password="wrong")
    asks(daemon, "235", user="alice")
    asks(daemon, "535", user="bob")
    seen = "".join(open(bench.path("seen", name)).read() for name in ("arguments", "environment"))
    expect("smtpd-pam" in seen and PASSWORD not in seen, seen)
    expect(PASSWORD not in daemon.log(), "the log has the password")


@case("users of the system, by {how}: the right password, a wrong one, one that has to be changed",
      how=["pam", "shadow"])
def pam_unix(bench, how):
    bench.need_root("the passwords of the system")
    one, _ = make_users(bench)
    subprocess.run(["chpasswd"], input=f"{one.name}:{PASSWORD}\n".encode(), check=True)
    directive = "auth shadow\n" if how == "shadow" else service(
        bench, "auth required pam_unix.so", "account required pam_unix.so")
    daemon = server(bench, "tls auth", directive).start()
    asks(daemon, "535", user=one.name, password="wrong")
    asks(daemon, "235", user=one.name)
    today = int(time.time()) // 86400
    for days, reply in [((today - 10, 10), "235"), ((today - 11, 10), "535"), ((0, -1), "535"), ((1, -1), "235"),
                        ((today + 3, 1), "235")]:
        subprocess.run(["chage", "--lastday", str(days[0]), "--maxdays", str(days[1]), "--inactive", "30", one.name],
                       check=True)
        asks(daemon, reply, user=one.name)


def asking_slowly(bench):
    """A daemon whose PAM does not answer for the user `slow`, a client that waits for it, and what sleeps there."""
    script = bench.write("module", "#!/bin/sh\n[ \"$PAM_USER\" = slow ] && exec sleep 600\nexit 0\n", 0o755)
    daemon = server(bench, "tls auth", service(
        bench, f"auth required pam_exec.so quiet {script}", "account required pam_permit.so")).start()
    slow, _ = secured(daemon)
    slow.send("AUTH PLAIN " + plain("slow", PASSWORD) + "\r\n")
    sleeping = eventually(
        lambda: [p for p in daemon.descendants() if command_line(p)[:2] == ["sleep", "600"]], "nobody sleeps")
    return daemon, slow, sleeping


@case("PAM that does not answer holds up nobody else, and what it started ends with the server")
def pam_hangs(bench):
    daemon, slow, sleeping = asking_slowly(bench)
    asks(daemon, "235", user="quick")
    # Accounts, and with it who asked, goes; and so does what was asked.
    daemon.kill_role("accounts")
    expect_equal(slow.reply()[:3], "421", "the reply to who waited")
    eventually(lambda: not any(is_alive(p) for p in sleeping), "the module's program runs on")
    eventually(lambda: _opens(daemon), "nobody can authenticate any more")


@case("a program for PAM that is stuck is waited for so long, and no longer")
def pam_stuck(bench):
    daemon, slow, _ = asking_slowly(bench)
    for process in daemon.descendants():
        if command_line(process)[:1] == ["smtpd-pam"]:
            os.kill(process, signal.SIGSTOP)
    slow.socket.settimeout(30)
    slow.expect("421 4.3.0")
    daemon.wait_log("warn: accounts: smtpd-pam does not answer")
    asks(daemon, "235", user="quick")


def _opens(daemon):
    client, _ = secured(daemon)
    client.send("AUTH PLAIN " + plain("quick", PASSWORD) + "\r\n")
    return client.reply().startswith("235")


@case("PAM is not asked about what nobody can be called, or have as a password")
def pam_nonsense(bench):
    daemon = server(bench, "tls auth", service(
        bench, "auth required pam_permit.so", "account required pam_permit.so")).start()
    for user, password in [("alice", ""), ("alice", "x" * 512), ("a b", PASSWORD), ("../x", PASSWORD),
                           ("-x", PASSWORD)]:
        asks(daemon, "535", user=user, password=password)
    asks(daemon, "235", user="alice", password="x" * 511)
    daemon.stop()


@case("forty clients at a time are asked about, more than there are programs")
def pam_crowd(bench):
    script = bench.write("module", "#!/bin/sh\nsleep 0.2\nexit 0\n", 0o755)
    daemon = server(bench, "tls auth", service(
        bench, f"auth required pam_exec.so quiet {script}", "account required pam_permit.so"))
    daemon.start()
    # One address has eight at a time.
    clients = []
    for number in range(40):
        client = Client(daemon.secure, source=f"127.0.1.{number + 1}")
        client = starttls(client, trusting(daemon.authority))
        client.command("EHLO client.example.org")
        clients.append(client)
    for client in clients:
        client.send("AUTH PLAIN " + plain("anybody", PASSWORD) + "\r\n")
    for client in clients:
        client.expect("235")


@case("a server whose program for PAM is missing, or whose service is, does not start and says so")
def pam_missing(bench):
    directive = service(bench, "auth required pam_permit.so")
    daemon = server(bench, "tls auth", directive)

    def check(program):
        done = subprocess.run([program, "-n", "-f", daemon.configuration], capture_output=True, text=True)
        return done.returncode, done.stderr

    for place, where in [("a/sbin", "a/libexec/smtpd"), ("b/one", "b/one")]:
        os.makedirs(bench.path(place))
        os.makedirs(bench.path(where), exist_ok=True)
        copy = bench.path(place, "smtpd")
        shutil.copy(SMTPD, copy)
        status, said = check(copy)
        expect_equal(status, 1, said)
        expect(f"smtpd: auth pam: there is no {bench.path(place)}/smtpd-pam" in said, said)
        shutil.copy(os.path.join(BUILD, "smtpd-pam"), bench.path(where))
        expect_equal(check(copy), (0, "configuration OK\n"))
    os.unlink(bench.path("pam", "smtpd-test"))
    said = start_fails(daemon)
    expect(f"smtpd: auth pam: {bench.path('pam')}/smtpd-test: No such file" in said, said)
