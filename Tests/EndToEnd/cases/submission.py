# SPDX-License-Identifier: ISC
"""Mail from programs of this host: the submission socket, and sendmail over it."""

import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
import threading
from types import SimpleNamespace

from harness.case import Skipped, case, eventually, expect, expect_equal
from harness.client import accepted, message, stuffed
from harness.daemon import SMTPCTL, SMTPD, Daemon
from harness.mailbox import Maildir
from harness.sendmail import SocketClient, as_user, environment, link, sendmail
from harness.users import make_users


def configured(bench, more="", **arguments):
    """A daemon that delivers what comes over the socket to the recipient's maildir."""
    box = bench.directory_for("mail")
    daemon = Daemon(bench, f"""
action "local" maildir "{box}/%{{user.username}}"
match from socket for domain "in.test" action "local"
match from socket for local action "local"
{more}
""", **arguments)
    return daemon, Maildir(os.path.join(box, bench.recipient))


def own_name():
    return pwd.getpwuid(os.geteuid()).pw_name


@case("sendmail: a message from standard input is delivered, with what it lacked")
def simple(bench):
    daemon, box = configured(bench)
    daemon.start()
    done = sendmail(daemon, f"{bench.recipient}@in.test", input="Subject: hi\n\n.\nhello\n")
    expect_equal((done.returncode, done.stderr), (0, b""), "sendmail")
    got = box.wait(1)[0].decode()
    host = re.search(r"\n\tby (\S+) \(OpenSMTPD\)", got).group(1)
    expect(re.search(rf"\nReceived: from localhost \({re.escape(host)} \[local\]\)\n"
                     rf"\tby {re.escape(host)} \(OpenSMTPD\) with ESMTPA id [0-9a-f]{{8}}\n"
                     rf"\tfor <{bench.recipient}@in.test>;\n\t", got), f"Received is {got[:600]!r}")
    for field in ("From: ", "Date: ", "Message-ID: <", "Subject: hi\n"):
        expect(f"\n{field}" in got, f"no {field} in {got!r}")
    expect(got.endswith("\n\n.\nhello\n"), f"the body is {got[-40:]!r}")
    expect(got.startswith(f"Return-Path: <{own_name()}@{host}>\n"), f"the head is {got[:100]!r}")
    daemon.wait_log(rf"smtp connected address=local host=\S+ uid={os.geteuid()}\n")
    daemon.wait_empty()
    daemon.stop()
    expect(not os.path.lexists(os.path.join(daemon.state, "smtpd-submit.sock")), "a socket is left")


@case("the submission socket is everybody's, the administration socket is not")
def modes(bench):
    daemon, _ = configured(bench)
    daemon.start()
    for name, mode in (("smtpd-submit.sock", 0o666), ("smtpd.sock", 0o600)):
        facts = os.stat(os.path.join(daemon.state, name))
        expect_equal(stat.S_IMODE(facts.st_mode), mode, f"mode of {name}")
    daemon.stop()


@case("every recipient gets it, or nobody does, and ~/dead.letter has it")
def all_or_none(bench):
    users = make_users(bench) if bench.is_root else []
    user = users[0].name if users else None
    daemon, box = configured(bench)
    daemon.start()
    if users:
        users[0].write("dead.letter", "no end")
    done = sendmail(daemon, f"{bench.recipient}@in.test", "x@elsewhere.test", user=user,
                    input="Subject: refused\n\nFrom me\nx")
    expect_equal(done.returncode, 70, "a refused recipient")
    expect(b"RCPT TO:<x@elsewhere.test>: 550" in done.stderr, f"it says {done.stderr!r}")
    if users:
        dead = open(os.path.join(users[0].home, "dead.letter")).read()
        expect("Subject: refused\n" in dead, f"dead.letter has {dead!r}")
        expect(re.match(r"no end\nFrom \S+ [A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\n", dead)
               and dead.endswith("\n\n>From me\nx\n\n"), f"no mailbox: {dead!r}")
        expect(b"dead.letter" in done.stderr, f"it says {done.stderr!r}")
        short = ["sh", "-c", "trap '' XFSZ; ulimit -f 2; exec \"$@\"", "sh", link(bench, "sendmail")]
        done = subprocess.run(as_user([*short, "x@elsewhere.test"], user), input=b"Subject: long\n\n" + b"x\n" * 2000,
                              capture_output=True, timeout=30, env=environment(daemon), cwd="/")
        expect(b"; the message is not kept" in done.stderr, f"it says {done.stderr!r}")
        expect_equal(open(os.path.join(users[0].home, "dead.letter")).read(), dead, "after half a message")
        os.unlink(os.path.join(users[0].home, "dead.letter"))
        os.mkdir(os.path.join(users[0].home, "dead.letter"))
        done = sendmail(daemon, "x@elsewhere.test", user=user, input="Subject: refused\n\nx\n")
        expect_equal(done.returncode, 70, "a refused recipient")
        expect(b": 550" in done.stderr and b"; the message is not kept" in done.stderr,
               f"it says {done.stderr!r}")
    daemon.wait_empty()
    expect_equal(box.messages(), [], "what was delivered")
    daemon.stop()


@case("sendmail -b with a letter that says nothing here sends the message")
def modes(bench):
    daemon, box = configured(bench)
    daemon.start()
    for count, mode in enumerate(["-bm", "-bd", "-bv"], 1):
        done = sendmail(daemon, mode, f"{bench.recipient}@in.test", input=f"Subject: {mode}\n\nx\n")
        expect_equal((done.returncode, done.stderr), (0, b""), mode)
        box.wait(count)
    daemon.stop()


@case("sendmail: exit codes of a wrong command line")
def misuse(bench):
    daemon, _ = configured(bench)
    daemon.start()
    for arguments, status in ((["-Z"], 64), (["-N", "often", "a"], 64), (["-q"], 70), ([], 70), (["a b"], 70), (["-f", "a\r\nRCPT TO:<x>", "b"], 70)):
        done = sendmail(daemon, *arguments, input="\n")
        expect_equal(done.returncode, status, f"status of {arguments} ({done.stderr!r})")
        expect(done.stderr.startswith(b"sendmail: "), f"it says {done.stderr!r}")
    daemon.stop()


@case("sendmail: a server whose name is none is exit code 68, and no address is completed with it")
def nameless(bench):
    place = SimpleNamespace(bench=bench, state=bench.directory_for("state"))
    server = socket.socket(socket.AF_UNIX)
    bench.at_end(server.close)
    server.bind(os.path.join(place.state, "smtpd-submit.sock"))
    server.listen()
    said = []

    def serve():
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as reader:
            connection.sendall(b"220 - ESMTP\r\n")
            for line in reader:
                said.append(line)
                connection.sendall(b"250 -\r\n")

    threading.Thread(target=serve, daemon=True).start()
    done = sendmail(place, "-f", "a@example.org", "b", input="Subject: x\n\nx\n")
    expect_equal(done.returncode, 68, f"status ({done.stderr!r})")
    expect(b"the server does not say its name" in done.stderr, f"it says {done.stderr!r}")
    expect(not [line for line in said if line[:4].upper() in (b"MAIL", b"RCPT")], f"{said}")


@case("sendmail -t: recipients of the fields get it, and nobody sees Bcc")
def fields(bench):
    daemon, box = configured(bench)
    daemon.start()
    done = sendmail(daemon, "-t", "-oi", "-f", "me@in.test", "-F", "Jörg & Co.", name="send-mail", input=
                    f"To: Somebody <{bench.recipient}@in.test>\nBcc: {bench.recipient}+blind@in.test\n"
                    "Subject: fields\n\nx\n")
    expect_equal(done.returncode, 0, f"sendmail ({done.stderr!r})")
    for got in box.wait(2):
        expect(b"Bcc" not in got, "Bcc is shown")
        expect(b"\nFrom: =?utf-8?B?SsO2cmcgJiBDby4=?= <me@in.test>\n" in got, f"From: {got!r}")
        expect(b"\n\tfor <" not in got, "Received names one of two recipients")
    daemon.stop()


@case("sendmail: hostile input arrives as harmless text")
def hostile(bench):
    daemon, box = configured(bench)
    daemon.start()
    lines = b"Subject: a\rBcc: root@in.test\nX: " + b"y" * 3000 + b"\n\na\rb\0c\n.\n..\r\n" + b"z" * 5000
    done = sendmail(daemon, f"{bench.recipient}@in.test", input=lines)
    expect_equal(done.returncode, 0, f"sendmail ({done.stderr!r})")
    got = box.wait(1)[0]
    expect(b"\r" not in got and b"\0" not in got, "a CR or NUL arrived")
    expect(b"\nSubject: a Bcc: root@in.test\n" in got, f"the subject is {got[:800]!r}")
    expect(b"quoted-printable" in got and b"\na=0Db=00c\n.\n..\n" in got, f"the body is {got[-800:]!r}")
    done = sendmail(daemon, f"{bench.recipient}@in.test", input=b"X: " + b"\n y" * 40000 + b"\n\n")
    expect_equal(done.returncode, 70, f"a field of 120 kB ({done.stderr!r})")
    daemon.wait_empty()
    daemon.stop()


@case("sendmail -v shows the dialogue, -bs is one")
def dialogue(bench):
    daemon, box = configured(bench)
    daemon.start()
    done = sendmail(daemon, "-v", f"{bench.recipient}@in.test", input="\n")
    for line in (b"<<< 220 ", b">>> EHLO localhost", b">>> MAIL FROM:<", b">>> DATA", b"<<< 250 2.0.0 "):
        expect(line in done.stdout, f"no {line} in {done.stdout!r}")
    done = sendmail(daemon, "-bs", input=f"HELO x\r\nMAIL FROM:<a@in.test>\r\nRCPT TO:<{bench.recipient}@in.test>"
                    "\r\nQUIT\r\n")
    expect_equal(done.returncode, 0, "-bs")
    expect(b"\r\n250 2.1.5 " in done.stdout and done.stdout.endswith(b"221 2.0.0 Bye\r\n"),
           f"it said {done.stdout!r}")
    box.wait(1)
    daemon.stop()


@case("a rule that wants `auth` takes what the kernel vouches for, and one for the network does not")
def rules(bench):
    box = bench.directory_for("mail")
    daemon = Daemon(bench, f"""
action "local" maildir "{box}/%{{user.username}}"
match from any !auth for domain "net.test" action "local"
match auth from any for domain "auth.test" action "local"
match from local for domain "local.test" action "local"
match !from socket for domain "other.test" action "local"
""").start()
    user = bench.recipient
    with SocketClient(daemon) as client:
        client.command("EHLO localhost")
        client.command("MAIL FROM:<a@in.test>")
        client.command(f"RCPT TO:<{user}@net.test>", "550")
        client.command(f"RCPT TO:<{user}@auth.test>")
        client.command(f"RCPT TO:<{user}@local.test>")
        client.command(f"RCPT TO:<{user}@other.test>", "550")
    daemon.stop()


@case("malformed input ends its own session and no other")
def malformed(bench):
    daemon, _ = configured(bench)
    daemon.start()
    with SocketClient(daemon) as good:
        for bytes in (b"\xff\xfe\0" * 1000 + b"\r\n", b"x" * 100_000, b"EHLO a\nNOOP\n", b"\0\0\0\x10smtpd"):
            with SocketClient(daemon) as bad:
                bad.send(bytes)
                bad.socket.shutdown(1)
                while bad.line():
                    pass
        good.command("NOOP")
    expect_equal(sorted(daemon.roles()), sorted(["accounts", "control", "delivery", "frontend", "keys",
                                                  "lookup", "queue", "resolver"]), "roles")
    expect("killed by signal" not in daemon.log(), "a role died")
    daemon.stop()


@case("a user has so many connections and messages at a time, and others still have theirs", seconds=120)
def limits(bench):
    users = make_users(bench) if bench.is_root else []
    daemon, box = configured(bench)
    daemon.start()
    clients = [SocketClient(daemon) for _ in range(64)]
    with SocketClient(daemon, greeting=None) as one_more:
        one_more.expect("421")
    for client in clients:
        client.command("EHLO localhost")
    for client in clients[:32]:
        client.command("MAIL FROM:<a@in.test>")
    clients[32].command("MAIL FROM:<a@in.test>", "452 4.3.2")
    if users:
        done = sendmail(daemon, f"{bench.recipient}@in.test", input="Subject: other\n\n", user=users[0].name)
        expect_equal(done.returncode, 0, f"another user ({done.stderr!r})")
        box.wait(1)
    clients[0].command("RSET")
    clients[32].command("MAIL FROM:<a@in.test>")
    clients[63].close()
    eventually(lambda: greets(daemon), "the place of a closed connection is not free", 5)
    for client in clients:
        client.close()
    daemon.stop()


def greets(daemon):
    with SocketClient(daemon, greeting=None) as client:
        return client.reply().startswith("220")


@case("a paused smtp still takes mail from this host")
def paused(bench):
    daemon, box = configured(bench)
    daemon.start()
    daemon.ctl("pause", "smtp")
    done = sendmail(daemon, f"{bench.recipient}@in.test", input="\n")
    expect_equal(done.returncode, 0, f"sendmail ({done.stderr!r})")
    box.wait(1)
    daemon.stop()


@case("another user's mail is his: the sender is his name, and nothing is set-id")
def other_user(bench):
    users = make_users(bench)
    daemon, box = configured(bench)
    daemon.start()
    done = sendmail(daemon, f"{bench.recipient}@in.test", input="Subject: x\n\n", user=users[1].name)
    expect_equal(done.returncode, 0, f"sendmail ({done.stderr!r})")
    got = box.wait(1)[0].decode()
    expect(re.search(rf"\nFrom: {users[1].name}@\S+\n", got), f"From in {got!r}")
    daemon.wait_log(rf"smtp connected address=local host=\S+ uid={users[1].uid}\n")
    expect_equal(os.stat(SMTPCTL).st_mode & 0o6000, 0, "set-id bits")
    done = subprocess.run(as_user([link(bench, "mailq")], users[1].name), capture_output=True,
                          env=environment(daemon))
    expect_equal(done.returncode, 1, "mailq as a user")
    expect(b"need root privileges" in done.stderr, f"it says {done.stderr!r}")
    daemon.stop()


@case("DSN options of sendmail reach the envelope")
def notifications(bench):
    daemon, _ = configured(bench)
    daemon.start()
    daemon.ctl("pause", "mda")
    done = sendmail(daemon, "-N", "success,failure", "-R", "hdrs", "-V", "id=1", f"{bench.recipient}@in.test",
                    input="\n")
    expect_equal(done.returncode, 0, f"sendmail ({done.stderr!r})")
    row = daemon.wait_queued(1)[0]
    text = daemon.ctl("show", "envelope", row["envelope"])
    expect("id=1" in text, f"show envelope: {text}")
    daemon.stop()


@case("s-nail sends through our sendmail")
def s_nail(bench):
    if not shutil.which("s-nail"):
        raise Skipped("s-nail is not installed")
    daemon, box = configured(bench)
    daemon.start()
    done = subprocess.run(
        ["s-nail", "-:/", "-S", f"mta={link(bench)}", "-s", "from s-nail: ä", f"{bench.recipient}@in.test"],
        input="two\n.lines\n".encode(), capture_output=True, timeout=30,
        env=environment(daemon) | {"HOME": bench.directory, "MAILRC": "/dev/null"}, cwd="/")
    expect_equal(done.returncode, 0, f"s-nail ({done.stderr!r})")
    got = box.wait(1)[0]
    expect(b"=?utf-8?B?w6Q=?=\n" in got, f"the subject in {got[:900]!r}")
    expect(b"two\n.lines\n" in got, f"the body in {got[-300:]!r}")
    daemon.stop()


@case("mutt sends through our sendmail")
def mutt(bench):
    if not shutil.which("mutt"):
        raise Skipped("mutt is not installed")
    daemon, box = configured(bench)
    daemon.start()
    rc = bench.write("muttrc", f"set sendmail='{link(bench)} -oem -oi'\nset use_8bitmime\nset send_charset=utf-8\nset copy=no\n")
    done = subprocess.run(["mutt", "-x", "-n", "-F", rc, "-s", "from mutt", "-b", f"{bench.recipient}+b@in.test",
                           f"{bench.recipient}@in.test"], input="grüße\n.\nend\n".encode(), timeout=30,
                          capture_output=True, env=environment(daemon) | {"HOME": bench.directory}, cwd="/")
    expect_equal(done.returncode, 0, f"mutt ({done.stderr!r})")
    for got in box.wait(2):
        expect(b"\nSubject: from mutt\n" in got and b"+b@" not in got.split(b"\n", 2)[2], f"it is {got!r}")
        expect("\ngrüße\n.\nend\n".encode() in got, f"the body is {got[-200:]!r}")
    daemon.stop()


@case("the socket has SMTP as it is on the network: pipelining, 8BITMIME, and DSN but for no-dsn")
def extensions(bench):
    daemon, box = configured(bench)
    daemon.configure(f"""
listen on 127.0.0.1 port {daemon.port}
listen on socket no-dsn tag here mask-src
action "local" maildir "{os.path.dirname(box.path)}/%{{user.username}}"
match tag here from socket for domain "in.test" action "local"
""")
    daemon.start()
    with SocketClient(daemon) as client:
        reply = client.command("EHLO localhost")
        expect("PIPELINING" in reply and "8BITMIME" in reply and "DSN" not in reply, reply)
        expect("AUTH" not in reply and "STARTTLS" not in reply, reply)
        client.command("AUTH PLAIN AGEAYg==", "503 5.5.1 Invalid command: Already authenticated")
        client.send(f"MAIL FROM:<a@in.test>\r\nRCPT TO:<{bench.recipient}@in.test>\r\nDATA\r\n")
        client.expect("250")
        client.expect("250")
        client.expect("354")
        client.send(stuffed(message()))
        accepted(client.reply())
    got = box.wait(1)[0]
    expect(re.search(rb"\nReceived: by \S+ \(OpenSMTPD\) with ESMTPA id ", got), f"Received in {got!r}")
    daemon.stop()


@case("a frontend that dies takes no message with it, and the next one serves the socket")
def dead_frontend(bench):
    daemon, box = configured(bench)
    daemon.start()
    with SocketClient(daemon) as client:
        client.begin(recipients=[f"{bench.recipient}@in.test"])
        daemon.kill_role("frontend")
        expect(client.at_end(), "the session goes on")
    done = sendmail(daemon, f"{bench.recipient}@in.test", input="Subject: next\n\n")
    expect_equal(done.returncode, 0, f"sendmail ({done.stderr!r})")
    expect(b"\nSubject: next\n" in box.wait(1)[0], "another message")
    daemon.stop()


@case("a message that is too big, and one with too many recipients, are refused for good")
def too_much(bench):
    daemon, _ = configured(bench, "smtp max-message-size 10000\nsmtp limit max-rcpt 5\n")
    daemon.start()
    user = bench.recipient
    done = sendmail(daemon, f"{user}@in.test", input=b"\n" + b"x\n" * 6000)
    expect_equal(done.returncode, 70, "12 kB")
    expect(b"554 5.3.4 " in done.stderr and b"10000 bytes" in done.stderr, f"it says {done.stderr!r}")
    for count, status in ((5, 0), (6, 70)):
        done = sendmail(daemon, *[f"{user}+{number}@in.test" for number in range(count)], input="\n")
        expect_equal(done.returncode, status, f"{count} recipients ({done.stderr!r})")
    daemon.stop()


# In a mount namespace of its own, so that the host's /run and /var/spool are not touched.
AS_A_SERVICE = """
set -e
mount -t tmpfs -o mode=755 tmpfs /run || exit 99
mount -t tmpfs -o mode=755 tmpfs /var/spool || exit 99
run() { setpriv --reuid=$USER_NAME --regid=$USER_GROUP --clear-groups env -u SMTPD_STATE "$@"; }
$SMTPD -d -f $CONFIGURATION 2>$LOG &
daemon=$!
for _ in $(seq 100); do [ -S /run/smtpd-submit.sock ] && [ -S /run/smtpd.sock ] && break; sleep 0.1; done
echo online | run $SENDMAIL $RECIPIENT@in.test
for _ in $(seq 100); do [ -z "$($MAILQ)" ] && break; sleep 0.1; done
kill $daemon
wait $daemon || true
status=0
echo offline | run $SENDMAIL $RECIPIENT@in.test || status=$?
[ $status = 75 ]
ls /var/spool/smtpd/offline | wc -l
"""


@case("without a word about where, a user's sendmail finds the server of this host", seconds=90)
def as_a_service(bench):
    users = make_users(bench)
    daemon, box = configured(bench, backend="")
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", AS_A_SERVICE], capture_output=True, timeout=80,
        env={"PATH": os.environ["PATH"], "SMTPD": SMTPD, "CONFIGURATION": daemon.configuration,
             "LOG": daemon.log_path, "SENDMAIL": link(bench), "MAILQ": link(bench, "mailq"),
             "RECIPIENT": bench.recipient, "USER_NAME": users[0].name, "USER_GROUP": str(users[0].gid)})
    if done.returncode in (1, 99) and b"permi" in done.stderr:
        raise Skipped("mount is not permitted")
    expect_equal((done.returncode, done.stdout), (0, b"1\n"), f"{done.stderr!r} {daemon.log()[-800:]}")
    expect(box.wait(1)[0].endswith(b"\n\nonline\n"), "another message")
