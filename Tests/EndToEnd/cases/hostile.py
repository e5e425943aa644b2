# SPDX-License-Identifier: ISC
"""Bad input: a clear answer, and nothing lost."""

import contextlib
import glob
import os
import re
import resource
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import threading
import time

from harness.case import Skipped, case, eventually, expect, expect_equal
from harness.certificates import Authority
from harness.client import Client, message, stuffed, submit
from harness.daemon import BACKENDS, Daemon, free_port, start_fails
from harness.sink import Sink

PLAIN = 'action "out" relay host "smtp://127.0.0.1:9"\nmatch from any for any action "out"\n'


def paused(bench, more="", **options):
    return Daemon(bench, more + "\n" + PLAIN, arguments=["-P", "mta"], **options).start()


def no_role_died(daemon):
    expect(not re.search(r"warn: \w+ \(process|Fatal error", daemon.log()),
           f"a role died: {daemon.log()[-600:]}")


@case("a line of a message as long as `smtp limit max-line` allows is taken, and one byte more is not")
def long_line(bench):
    daemon = paused(bench, "smtp limit max-line 2000")
    for length, reply in [(1998, "250"), (1999, "500 5.0.0 Line too long")]:
        with Client(daemon.port) as client:
            client.begin()
            client.send(b"Subject: x\r\n\r\n" + b"y" * length + b"\r\n.\r\n")
            client.expect(reply)
            if reply != "250":
                expect(client.at_end(), "the session goes on")
    daemon.stop()


@case("commands that are {what} get a 5xx, and the session or the service goes on",
      what=["endless", "with NUL", "with a bare CR", "with a bare LF", "binary", "empty"])
def bad_commands(bench, what):
    text = {"endless": b"NOOP " + b"x" * 200000 + b"\r\n", "with NUL": b"MAIL FROM:<a\0b@example.org>\r\n",
            "with a bare CR": b"MAIL FROM:<a@example.org>\rRCPT TO:<b@example.org>\r\n",
            "with a bare LF": b"EHLO y\nMAIL FROM:<a@example.org>\r\n",
            "binary": bytes(range(128, 256)) + b"\r\n", "empty": b"\r\n"}[what]
    daemon = paused(bench)
    with Client(daemon.port) as client:
        client.command("EHLO x")
        try:
            client.send(text)
            reply = client.reply()
        except OSError:
            reply = "500 (closed)"
        expect(reply[:1] == "5" or reply.startswith("421"), f"got {reply!r}")
    submit(daemon.port)
    no_role_died(daemon)
    daemon.stop()


@case("data with {what} is refused with a 5xx and not queued",
      what=["a bare LF", "a bare CR", "LF.LF", "LF.CRLF", "CR.CRLF", "CRLF.LF", "CRLF.CR"])
def smuggling(bench, what):
    inside = {"a bare LF": b"x\ny\r\n", "a bare CR": b"x\ry\r\n", "LF.LF": b"x\n.\nMAIL FROM:<e@vil>\r\n",
              "LF.CRLF": b"x\n.\r\nMAIL FROM:<e@vil>\r\n", "CR.CRLF": b"x\r.\r\nMAIL FROM:<e@vil>\r\n",
              "CRLF.LF": b"x\r\n.\nMAIL FROM:<e@vil>\r\n", "CRLF.CR": b"x\r\n.\rMAIL FROM:<e@vil>\r\n"}[what]
    daemon = paused(bench)
    with Client(daemon.port) as client:
        client.begin()
        client.send(b"Subject: x\r\n\r\n" + inside + b"\r\n.\r\n")
        reply = client.reply()
        expect(reply.startswith("5"), f"got {reply!r}")
    expect_equal(daemon.queue(), [])
    submit(daemon.port)
    no_role_died(daemon)
    daemon.stop()


@case("commands in the same write as the end of the data are answered in order")
def behind_data(bench):
    daemon = paused(bench)
    with Client(daemon.port) as client:
        client.begin()
        client.send(stuffed(message()) + b"MAIL FROM:<c@example.org>\r\nRCPT TO:<d@example.org>\r\nDATA\r\n")
        for wanted in ("250", "250", "250", "354"):
            client.expect(wanted)
        client.send(stuffed(message("two")) + b"QUIT\r\n")
        client.expect("250")
        client.expect("221")
    daemon.wait_queued(2)
    daemon.stop()


@case("a message larger than the limit is refused, at MAIL and at its end")
def too_large(bench):
    daemon = paused(bench, "smtp max-message-size 100K")
    with Client(daemon.port) as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<a@example.org> SIZE=200000", "55")
        client.command("MAIL FROM:<a@example.org>")
        client.command("RCPT TO:<b@example.org>")
        client.command("DATA", "354")
        client.send(stuffed(b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 30000))
        client.expect("55")
    expect_equal(daemon.queue(), [])
    daemon.stop()


@case("clients that vanish at any point leave nothing behind")
def vanish(bench):
    daemon = paused(bench)
    steps = ["EHLO x\r\n", "MAIL FROM:<a@example.org>\r\n", "RCPT TO:<b@example.org>\r\n", "DATA\r\n",
             "Subject: half\r\n\r\nhalf a message"]
    for count in range(len(steps) + 1):
        for ending in ("close", "reset"):
            client = Client(daemon.port)
            for step in steps[:count]:
                client.send(step)
            if ending == "reset":
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
    submit(daemon.port)
    daemon.wait_queued(1)
    eventually(lambda: daemon.statistics().get("smtp.session") in (0, None),
               lambda: f"sessions: {daemon.statistics()}")
    # Of the one that had read all that was said to it; whoever has not resets the connection.
    daemon.wait_log("smtp disconnected reason=disconnect")
    no_role_died(daemon)
    daemon.stop()


@case("clients that vanish behind the final dot: each message is there whole and once, or not at all ({backend})",
      backend=BACKENDS)
def vanish_at_the_end(bench, backend):
    daemon = paused(bench, backend=backend)
    tried = 30
    for number in range(tried):
        client = Client(daemon.port)
        client.begin()
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.send(stuffed(message(f"m{number}", text="line\r\n" * 2000 + f"end of {number}\r\n")))
        if number % 3 == 1:
            client.socket.shutdown(socket.SHUT_WR)
        elif number % 3 == 2:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    submit(daemon.port, subject="last")
    eventually(lambda: daemon.statistics().get("smtp.session") in (0, None),
               lambda: f"sessions: {daemon.statistics()}")
    found = []
    for entry in daemon.queue():
        text = daemon.ctl("show", "message", entry["message"], style="bytes").replace(b"\r\n", b"\n")
        subject = re.search(rb"(?m)^Subject: (\S+)", text).group(1).decode()
        if subject != "last":
            expect(text.endswith(b"line\nend of " + subject[1:].encode() + b"\n"), f"{text[-60:]!r}")
        found.append(subject)
    expect_equal(len(found), len(set(found)), "doubles")
    expect(set(found) <= {f"m{number}" for number in range(tried)} | {"last"}, f"{found}")
    expect("last" in found, f"{found}")
    no_role_died(daemon)
    daemon.stop()


def crowd(bench, limit, idle):
    daemon = paused(bench, f"smtp limit max-sessions {limit}")
    # As many as this machine may have.
    limit = limit * 3 // 4
    inside = [Client(daemon.port) for _ in range(limit - 1)]
    refused = []
    try:
        for _ in range(idle - limit):
            refused.append(socket.create_connection(("127.0.0.1", daemon.port), 10))
        # One place is left or taken by the first of the crowd; those inside are served.
        inside[0].command("EHLO x")
        inside[0].command("MAIL FROM:<a@example.org>")
        inside[0].command("RCPT TO:<b@example.org>")
        inside[0].command("DATA", "354")
        inside[0].send(stuffed(message()))
        inside[0].expect("250")
        answers = []
        for connection in refused[1:50]:
            connection.settimeout(10)
            answers.append(connection.recv(200)[:3])
        expect_equal(set(answers), {b"421"}, "answers beyond the limit")
        daemon.wait_log("smtp connected address=127.0.0.1 host=<unknown>")
    finally:
        for connection in refused:
            connection.close()
        for client in inside:
            client.close()
    eventually(daemon.greets, "it does not greet afterwards")
    no_role_died(daemon)
    daemon.stop()


@case("more connections than this machine's part of max-sessions: 421, and the rest is served")
def crowded(bench):
    crowd(bench, 50, 300)


@case("more connections than this machine's part of max-sessions to smtps: they end at once, without a handshake and without a place")
def crowded_immediate(bench):
    authority = Authority(bench)
    pair = authority.issue("mail.example.org")
    plain, secure, limit = free_port(), free_port(), 9
    daemon = Daemon(bench, f"""smtp limit max-sessions {limit * 4 // 3}
{pair.pki("mail.example.org")}listen on 127.0.0.1 port {plain}
listen on 127.0.0.1 port {secure} smtps pki mail.example.org
{PLAIN}""")
    daemon.port = plain
    daemon.start()
    inside = [Client(daemon.port) for _ in range(limit)]
    for _ in range(3):
        crowd = [socket.create_connection(("127.0.0.1", secure), 10) for _ in range(40)]
        for connection in crowd:
            # Well before the 10 s that a reply may take to leave.
            connection.settimeout(5)
            expect_equal(connection.recv(200), b"", "what is said beyond the limit")
            connection.close()
        eventually(lambda: daemon.statistics()["smtp.session"] == limit, "places of those that were refused")
    daemon.wait_log("smtp disconnected reason=refused", count=120)
    inside.pop().close()

    def serves():
        with socket.create_connection(("127.0.0.1", secure), 10) as connection:
            context = ssl.create_default_context(cafile=authority.certificate)
            try:
                return context.wrap_socket(connection, server_hostname="mail.example.org").recv(3) == b"220"
            except OSError:
                return False

    eventually(serves, "the place that came free is not given")
    for client in inside:
        client.close()
    no_role_died(daemon)


@case("a program of this machine beyond its part of max-sessions is told whose part it is, and so is the log, once")
def part_of_machine(bench):
    daemon = paused(bench, "smtp limit max-sessions 12")
    with contextlib.ExitStack() as stack:
        for _ in range(9):
            stack.enter_context(Client(daemon.port))
        for _ in range(3):
            with Client(daemon.port, greeting=None) as client:
                expect_equal(client.reply(), "421 4.3.2 Too many connections from this machine, try again later")
                expect(client.at_end(), "the session went on")
        daemon.wait_log("smtp disconnected reason=refused", count=3)
        warning = "warn: frontend: this machine's programs have all their 9 sessions of 12, over loopback and for sendmail"
        daemon.wait_log(warning)
        expect_equal(daemon.log().count(warning), 1, "warnings")
    no_role_died(daemon)
    daemon.stop()


# It takes a minute, and so it is for `make crash-test`.
@case("10,000 idle connections beyond the limit", seconds=180,
      **({} if "TALARIA_LONG" in os.environ else {"when": []}))
def very_crowded(bench):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 12000:
        raise Skipped(f"too few descriptors: {hard} of 12,000")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd(bench, 200, 10200)


@case("a second daemon on one spool is refused, and names the process ({backend})", backend=BACKENDS)
def second(bench, backend):
    daemon = paused(bench, backend=backend)
    other = Daemon(bench, PLAIN, backend=backend, name="other")
    other.state = daemon.state
    own = other.port
    for other.port in (daemon.port, own):
        other.configure(PLAIN)
        said = start_fails(other)
        found = re.search(r"another smtpd answers there \(process (\d+)\); stop it first", said)
        expect(found and int(found.group(1)) in [daemon.process.pid] + daemon.descendants(), f"it says {said!r}")
    # Without its sockets only the lock of the spool tells.
    for name in ("smtpd.sock", "smtpd-submit.sock"):
        os.unlink(f"{daemon.state}/{name}")
    said = start_fails(other)
    expect(re.search(rf"{daemon.state}/spool is in use by process \d+", said), f"it says {said!r}")
    expect("Fatal error" not in said, said)
    submit(daemon.port)
    daemon.stop()


@case("what is wrong at the start is told and ends with 1: {what}",
      what=["port in use", "no configuration", "unreadable configuration", "unknown backend",
            "wrong configuration", "wrong option", "spool is a file"])
def refused_start(bench, what):
    daemon = Daemon(bench, PLAIN, backend=None)
    arguments, wanted = [], "?"
    if what == "port in use":
        taken = socket.socket()
        taken.bind(("127.0.0.1", daemon.port))
        taken.listen()
        bench.at_end(taken.close)
        wanted = "in use"
    elif what == "no configuration":
        daemon.configuration += ".missing"
        wanted = "No such file"
    elif what == "unreadable configuration":
        os.unlink(daemon.configuration)
        os.mkdir(daemon.configuration)
        wanted = "not a regular file"
    elif what == "unknown backend":
        arguments, wanted = ["-B", "queue=postgres"], "no such backend"
    elif what == "wrong configuration":
        bench.write("d.conf", 'listen on 127.0.0.1 prot 25\nmatch for any action "none"\nfoo bar\n')
        wanted = "3 errors"
    elif what == "wrong option":
        arguments, wanted = ["-Q"], "usage"
    elif what == "spool is a file":
        bench.write("d/spool", "x")
        wanted = "not a directory"
    said = start_fails(daemon, *arguments)
    expect(wanted in said, f"it says {said!r}")
    expect("Fatal" not in said and "stack trace" not in said, said)


@case("a configuration that smtpd may not read is told at the start")
def forbidden_configuration(bench):
    bench.need_root("needs root, to have two users")
    daemon = Daemon(bench, PLAIN, user="nobody")
    os.chmod(daemon.configuration, 0o600)
    said = start_fails(daemon)
    expect(daemon.configuration in said and "Permission denied" in said, f"it says {said!r}")


@case("users of the roles that are missing are named at the start, with the command that makes them")
def missing_users(bench):
    bench.need_root("needs root, who has users for the roles")
    with open("/etc/passwd", encoding="utf-8", errors="surrogateescape") as file:
        lines = [line for line in file if not line.startswith(("_smtpq:", "_smtpk:", "_smtpd:"))]
    bench.write("passwd", "".join(lines).encode("utf-8", "surrogateescape"))
    within = f"mount --bind {bench.path('passwd')} /etc/passwd || exit 99; exec \"$@\""
    daemon = Daemon(bench, PLAIN, command=["unshare", "-m", "sh", "-c", within, "sh"])
    daemon.launch()
    if daemon.ended() == 99:
        raise Skipped("mount is not permitted")
    said = daemon.log()
    expect("users are missing: _smtpd, _smtpk, _smtpq; run `make users` as root" in said, f"it says {said!r}")


@case("a spool with another user's mail is refused with the command that hands it over, which does")
def foreign_spool(bench):
    bench.need_root("needs root, to own files for others")
    daemon = paused(bench)
    identifier = submit(daemon.port)
    daemon.stop()
    spool = daemon.state + "/spool"
    # As OpenSMTPD leaves it: root's, with what is in it another user's.
    os.chown(spool, 0, 0)
    subprocess.run(["chown", "-R", "nobody", spool + "/queue"], check=True)
    said = start_fails(daemon)
    found = re.search(r"run `(chown [^`]*)`", said)
    expect(found and "belongs to uid" in said, f"it says {said!r}")
    subprocess.run(found.group(1).split(), check=True)
    daemon.start()
    expect_equal([entry["message"] for entry in daemon.queue()], [identifier])
    daemon.stop()


def lmdb_value(content):
    """A value as schema/lmdb.md has it: behind its CRC-32C."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return struct.pack("<I", crc ^ 0xFFFFFFFF) + content


@case("a spool of a newer version is refused ({backend})", backend=BACKENDS)
def newer(bench, backend):
    daemon = paused(bench, backend=backend)
    submit(daemon.port)
    daemon.stop()
    spool = daemon.state + "/spool"
    if backend == "sqlite":
        path = [p for p in glob.glob(spool + "/sqlite/*") if not p.endswith(("-wal", "-shm"))
                and os.path.isfile(p)][0]
        database = sqlite3.connect(path)
        database.execute("pragma user_version = 99")
        database.commit()
        database.close()
    elif backend == "fs":
        with open(spool + "/format", "r+b") as file:
            text = re.sub(rb"\d+", b"99", file.read(), count=1)
            file.seek(0)
            file.truncate()
            file.write(text)
    else:
        with open(spool + "/lmdb/data.mdb", "r+b") as file:
            pages = file.read()
            now, later = (b"version" + lmdb_value(bytes([number])) for number in (2, 99))
            expect(now in pages, "schema/lmdb.md tells of another place for the version")
            file.seek(0)
            file.write(pages.replace(now, later))
    said = start_fails(daemon)
    expect("was written by a newer version" in said and f" {spool}" in said, f"it says {said!r}")
    expect("Fatal error" not in said, said)


@case("fs: a part of the spool that others may use is named with the command that mends it, which does")
def open_to_others(bench):
    daemon = paused(bench)
    identifier = submit(daemon.port)
    daemon.stop()
    os.chmod(daemon.state + "/spool/queue", 0o755)
    said = start_fails(daemon)
    found = re.search(r"others than its owner may use it; (chmod [-R go=]* (\S+))", said)
    expect(found and found.group(2) == daemon.state + "/spool/queue", f"it says {said!r}")
    subprocess.run(found.group(1).split(), check=True)
    daemon.start()
    expect_equal([entry["message"] for entry in daemon.queue()], [identifier])
    daemon.stop()


@case("a store cut in half is refused or quarantined, never a crash ({backend})", backend=BACKENDS)
def cut(bench, backend):
    daemon = paused(bench, backend=backend)
    for _ in range(20):
        submit(daemon.port)
    daemon.stop()
    spool = daemon.state + "/spool"
    for directory, _, names in os.walk(spool):
        for name in names:
            path = os.path.join(directory, name)
            size = os.path.getsize(path)
            if size > 64 and name not in ("reserve", "lock.mdb"):
                os.truncate(path, size // 2)
    daemon.launch()
    eventually(lambda: daemon.process.poll() is not None or "info: queue: " in daemon.log(),
               "neither up nor down")
    expect("Fatal error" not in daemon.log(), daemon.log()[-1500:])
    if daemon.process.poll() is None:
        eventually(daemon.greets, "it does not greet")
        submit(daemon.port)
        daemon.stop()
    else:
        expect("damaged" in daemon.log() or "cut" in daemon.log(), daemon.log()[-500:])


@case("a read-only spool directory is told at the start")
def read_only(bench):
    if bench.is_root:
        place = bench.path("ro")
        os.makedirs(place)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "none", place],
                          capture_output=True).returncode:
            raise Skipped("mount is not permitted")
        bench.at_end(lambda: subprocess.run(["umount", "-l", place]))
        daemon = Daemon(bench, PLAIN, name="ro/state")
        daemon.log_path = bench.path("log")
        os.makedirs(daemon.state + "/spool")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    else:
        daemon = Daemon(bench, PLAIN)
        os.makedirs(daemon.state + "/spool", mode=0o500)
    said = start_fails(daemon)
    expect(re.search("Read-only|Permission|read-only", said), f"it says {said!r}")


def relaying_from(bench, place, backend):
    """A daemon whose state lies on a disk of its own, with relaying paused, and where it relays to."""
    sink = Sink(bench)
    daemon = Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}"
match from any for any action "out"
""", backend=backend, name=f"{place}/state", arguments=["-P", "mta"])
    daemon.log_path = bench.path(f"{place}.log")
    return daemon.start(), sink


def failing_disk(bench):
    """Mounts an ext4 of 96 MB at `failing`. Returns how it becomes read-only, as after an I/O error, and
    how it is mended once nobody uses it."""
    bench.need_root("needs to mount a file system")
    image, place = bench.path("image"), bench.path("failing")
    os.makedirs(place)
    with open(image, "wb") as file:
        file.truncate(96 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)

    def mount():
        return subprocess.run(["mount", "-o", "loop,errors=remount-ro", image, place],
                              capture_output=True).returncode

    if mount():
        raise Skipped("mount is not permitted")
    bench.at_end(lambda: subprocess.run(["umount", "-l", place], capture_output=True))
    os.chmod(place, 0o755)

    def fail():
        device = subprocess.run(["findmnt", "-no", "SOURCE", place], check=True,
                                capture_output=True, text=True).stdout.strip()
        with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w") as file:
            file.write("1\n")

    def mend():
        subprocess.run(["umount", place], check=True)
        # 1: errors were corrected.
        expect(subprocess.run(["e2fsck", "-fy", image], capture_output=True).returncode in (0, 1),
               "the file system cannot be mended")
        expect_equal(mount(), 0, "mount")

    return fail, mend


@case("a spool that becomes read-only while it is served: 4xx and nothing lost ({backend})",
      backend=BACKENDS, seconds=120)
def read_only_while_served(bench, backend):
    fail, mend = failing_disk(bench)
    daemon, sink = relaying_from(bench, "failing", backend)
    # The configuration lies there, too, and is not what is tested.
    os.sync()
    large = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 30000
    for number in range(20):
        submit(daemon.port, body=large if number % 7 == 0 else None)
    fail()
    for number in range(10):
        with Client(daemon.port, seconds=20) as client:
            client.command("EHLO x")
            client.send("MAIL FROM:<a@example.org>\r\n")
            reply = client.reply()
            if reply.startswith("250"):
                client.command("RCPT TO:<b@example.com>")
                client.command("DATA", "354")
                client.send(stuffed(large if number == 5 else message()))
                reply = client.reply()
            expect(re.match("45[12] ", reply), f"it says {reply!r}")
    # An operator who looks now has an answer, if only that there is none.
    asked = daemon.run_ctl("show", "queue", seconds=15)
    said = (asked.stdout + asked.stderr).decode()
    expect(said.count("\n") == 20 if asked.returncode == 0 else "cannot be used now" in said,
           f"show queue says {said!r}")
    no_role_died(daemon)
    daemon.stop()
    mend()
    daemon.start()
    eventually(lambda: _taken(daemon), "no mail is taken though the disk is well", 20)
    daemon.ctl("resume", "mta")
    daemon.wait_empty(40)
    expect_equal(len(sink.deliveries), 21)
    daemon.stop()


def small_disk(bench):
    """Mounts 64 MB at `small`."""
    bench.need_root("needs to mount a small file system")
    place = bench.path("small")
    os.makedirs(place)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "none", place],
                      capture_output=True).returncode:
        raise Skipped("mount is not permitted")
    bench.at_end(lambda: subprocess.run(["umount", "-l", place]))
    return place


@case("a user database that hangs: 451 in time, and the session goes on", seconds=120,
      **({} if "TALARIA_LONG" in os.environ else {"when": []}))
def hanging_accounts(bench):
    daemon = Daemon(bench, """
action "in" maildir
match from any for any action "in"
""").start()
    with Client(daemon.port, seconds=90) as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<a@example.org>")
        accounts = daemon.roles()["accounts"]
        os.kill(accounts, signal.SIGSTOP)
        try:
            client.command("RCPT TO:<nobody@example.com>", "451")
        finally:
            os.kill(accounts, signal.SIGCONT)
        client.command("NOOP")
        eventually(lambda: client.command("RCPT TO:<nobody@example.com>", ("2", "451")).startswith("2"),
                   "no recipient is taken though accounts runs again", 10)
    no_role_died(daemon)
    daemon.stop()


@case("a disk that fills up during a body: 4xx at its end, and the session goes on ({backend})",
      backend=BACKENDS)
def full_disk_during_body(bench, backend):
    place = small_disk(bench)
    daemon = Daemon(bench, PLAIN, backend=backend, name="small/state", arguments=["-P", "mda"])
    daemon.log_path = bench.path("full.log")
    daemon.start()
    with Client(daemon.port) as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<a@example.org>")
        client.command(f"RCPT TO:<{bench.recipient}@example.com>")
        client.command("DATA", "3")
        with open(place + "/filler", "wb", buffering=0) as filler:
            try:
                while filler.write(bytes(1 << 20)):
                    pass
            except OSError:
                pass
        # More than the reserve has, which the store may have been given meanwhile.
        client.send(stuffed(b"Subject: fill\r\n\r\n" + b"0123456789abcdef\r\n" * 1200000))
        reply = client.reply()
        expect(re.match("4[0-9][0-9] ", reply), f"no temporary refusal: {reply!r}")
        client.command("NOOP")
    os.unlink(place + "/filler")
    eventually(lambda: _taken(daemon), "no mail is taken though there is room again", 20)
    no_role_died(daemon)
    daemon.stop()


@case("a full disk: 452 for new mail, what is queued goes out, then mail is taken again ({backend})",
      backend=BACKENDS, seconds=120)
def full_disk(bench, backend):
    small_disk(bench)
    daemon, sink = relaying_from(bench, "small", backend)
    body = b"Subject: fill\r\n\r\n" + b"0123456789abcdef\r\n" * 50000
    promised, refused = 0, None
    for _ in range(120):
        with Client(daemon.port, seconds=20) as client:
            client.command("EHLO x")
            client.send("MAIL FROM:<a@example.org>\r\n")
            reply = client.reply()
            if reply.startswith("250"):
                client.send("RCPT TO:<b@example.com>\r\nDATA\r\n")
                reply = client.reply()
                if reply.startswith("250"):
                    reply = client.reply()
                if reply.startswith("354"):
                    client.send(stuffed(body))
                    reply = client.reply()
            if reply.startswith("250"):
                promised += 1
            else:
                refused = reply
                break
    expect(refused, f"all of {promised} messages of 900 KB were taken on 64 MB")
    expect(refused.startswith("452"), f"with {promised} taken it says {refused!r}")
    expect(promised > 5, f"only {promised} were taken")
    daemon.ctl("resume", "mta")
    daemon.wait_empty(40)
    expect_equal(len(sink.deliveries), promised)
    eventually(lambda: _taken(daemon), "no mail is taken though there is room again", 20)
    no_role_died(daemon)
    daemon.stop()


def filled_with_mail_in_it(bench, backend, without=()):
    """A killed daemon with 20 messages, on a disk without any room. Files of the spool that are named are missing."""
    place = small_disk(bench)
    daemon, sink = relaying_from(bench, "small", backend)
    for _ in range(20):
        submit(daemon.port)
    daemon.kill()
    for name in without:
        os.unlink(f"{daemon.state}/spool/{name}")
    with open(place + "/filler", "wb", buffering=0) as filler:
        for size in (1 << 20, 4096, 512):
            try:
                while filler.write(bytes(size)):
                    pass
            except OSError:
                pass
    return daemon, sink, place


@case("a disk that is full when the server starts: it starts all the same, and what is queued goes out ({backend})",
      backend=BACKENDS, seconds=90)
def full_disk_at_start(bench, backend):
    started_on_full_disk(bench, *filled_with_mail_in_it(bench, backend))


@case("a disk that is full before the spool says whose it is: it is written there all the same, and mail goes out"
      " ({backend})", backend=BACKENDS, seconds=90)
def full_disk_at_first_start(bench, backend):
    daemon, sink, place = filled_with_mail_in_it(bench, backend, without=["backend"])
    started_on_full_disk(bench, daemon, sink, place)
    with open(daemon.state + "/spool/backend") as file:
        expect_equal(file.read(), backend + "\n")


def started_on_full_disk(bench, daemon, sink, place):
    daemon.arguments = []
    daemon.start()
    daemon.wait_empty(40)
    expect_equal(len(sink.deliveries), 20)
    os.unlink(place + "/filler")
    eventually(lambda: _taken(daemon), "no mail is taken though there is room again", 20)
    no_role_died(daemon)
    daemon.stop()


@case("the queue of a stopped server is shown on a full disk ({backend})", backend=BACKENDS, seconds=60)
def full_disk_offline(bench, backend):
    daemon, _, _ = filled_with_mail_in_it(bench, backend)
    for _ in range(2):
        expect_equal(daemon.ctl("show", "queue").count("\n"), 20)


@case("the queue of a stopped server is shown, verified and copied from a file system that cannot be written"
      " ({backend})", backend=BACKENDS, seconds=60)
def read_only_offline(bench, backend):
    place = small_disk(bench)
    daemon, _ = relaying_from(bench, "small", backend)
    large = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 20000
    ids = [submit(daemon.port, body=body) for body in (None, None, large)]
    daemon.kill()
    before = sorted(os.listdir(daemon.state + "/spool"))
    if subprocess.run(["mount", "-o", "remount,ro", place], capture_output=True).returncode:
        raise Skipped("remounting is not permitted")
    expect_equal(sorted(line[:8] for line in daemon.ctl("show", "queue").splitlines()), sorted(ids))
    expect(daemon.ctl("show", "message", ids[2]).count("0123456789abcdef\n") == 20000, "the large message")
    daemon.ctl("queue", "verify")
    copied = bench.path("copied")
    expect(daemon.ctl("queue", "copy", backend, f"fs:{copied}").startswith("3 messages copied"), "the copy")
    # What would have to stay there is refused.
    other = next(name for name in BACKENDS if name != backend)
    for words in (["queue", "copy", backend, other], ["queue", "quarantine", "restore", "x"]):
        done = daemon.run_ctl(*words)
        expect(done.returncode == 1 and b"ead-only" in done.stderr, f"{words}: {done}")
    subprocess.run(["mount", "-o", "remount,rw", place], check=True)
    expect_equal(sorted(os.listdir(daemon.state + "/spool")), before)
    daemon.start()
    expect_equal(len(daemon.queue()), 3)
    # A server may have it by another mount.
    seen = bench.directory_for("seen")
    subprocess.run(["mount", "--bind", daemon.state, seen], check=True)
    bench.at_end(lambda: subprocess.run(["umount", seen]))
    subprocess.run(["mount", "-o", "remount,bind,ro", seen], check=True)
    done = daemon.run_ctl("queue", "copy", f"{backend}:{seen}/spool", f"fs:{bench.path('other')}")
    expect(done.returncode == 1 and b"another process has it" in done.stderr, f"{done}")
    daemon.stop()


@case("large messages that come at once do not together go beyond the reserve ({backend})",
      backend=BACKENDS, seconds=90)
def staged_together(bench, backend):
    place = small_disk(bench)
    daemon = Daemon(bench, PLAIN, backend=backend, name="small/state", arguments=["-P", "mta"])
    daemon.log_path = bench.path("full.log")
    daemon.start()
    body = stuffed(b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 700000)
    least, replies, over = [1 << 62], [], threading.Event()

    def watch():
        while not over.is_set():
            disk = os.statvfs(place)
            least[0] = min(least[0], disk.f_bavail * disk.f_frsize)
            time.sleep(0.002)

    def send(client):
        try:
            client.send(body)
            replies.append(client.reply())
        except OSError as error:
            replies.append(str(error))

    clients = [Client(daemon.port, seconds=60) for _ in range(6)]
    for client in clients:
        client.begin(recipients=["b@example.com"])
    threads = [threading.Thread(target=watch)] + [threading.Thread(target=send, args=[c]) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    over.set()
    threads[0].join()
    promised = sum(reply.startswith("250") for reply in replies)
    expect(promised < 6, "72 MB were taken on 64 MB")
    expect(all(re.match("250 |452 ", reply) for reply in replies), f"{replies}")
    # A twentieth is never taken; what small files need beside is not counted.
    expect(least[0] > (64 << 20) // 20 - (1 << 20), f"only {least[0]} bytes were left")
    expect("the disk is full" not in daemon.log(), daemon.log()[-1500:])
    expect_equal(len(daemon.queue()), promised, "messages in the queue")
    daemon.ctl("remove", "all")
    eventually(lambda: _taken(daemon), "no mail is taken though there is room again", 20)
    no_role_died(daemon)
    daemon.stop()


def _taken(daemon):
    try:
        return submit(daemon.port)
    except AssertionError:
        return None


@case("garbage on the control socket harms nobody")
def control_garbage(bench):
    daemon = paused(bench)
    path = daemon.state + "/smtpd.sock"
    for data in (b"\0" * 10000, b"\xff" * 10000, os.urandom(100000), b"GET / HTTP/1.0\r\n\r\n",
                 b"\xff\xff\xff\x7f" + b"x" * 100, b"\0\0\0\1"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(2)
        connection.connect(path)
        try:
            connection.sendall(data)
            connection.recv(1000)
        except OSError:
            pass
        connection.close()
    waiting = []
    for _ in range(200):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(1)
        try:
            connection.connect(path)
        except OSError:
            break
        waiting.append(connection)
    for connection in waiting:
        connection.close()
    eventually(lambda: daemon.run_ctl("show", "status").returncode == 0, "smtpctl gets no answer")
    submit(daemon.port)
    no_role_died(daemon)
    daemon.stop()


@case("a byte now and then keeps no session open: {where}", where=["in a command", "in a message"])
def trickling(bench, where):
    daemon = paused(bench, "smtp limit timeout 2s")
    with Client(daemon.port) as client:
        client.command("EHLO client.example.org")
        if where == "in a message":
            client.command("MAIL FROM:<a@example.org>")
            client.command("RCPT TO:<b@example.org>")
            client.command("DATA", "354")
        client.socket.settimeout(0.5)
        began, reply = time.monotonic(), b""
        while not reply and time.monotonic() - began < 15:
            client.send("x")
            try:
                reply = client.socket.recv(200)
            except TimeoutError:
                pass
        expect(reply.startswith(b"421 "), f"it says {reply!r}")
        expect(1.5 < time.monotonic() - began < 6, "not in time")
        daemon.wait_log("smtp disconnected reason=timeout")
    with Client(daemon.port) as client:
        # One who does his part has his time anew with each command.
        for _ in range(6):
            client.command("NOOP")
            time.sleep(0.5)
    no_role_died(daemon)
    daemon.stop()


@case("a silent client of smtps is let go in time, without a word, one of a listener with STARTTLS with 421: {where}",
      where=["smtps", "tls"])
def silent_handshake(bench, where):
    pair = Authority(bench).issue("mail.example.org")
    plain, port = free_port(), free_port()
    daemon = Daemon(bench, f"""smtp limit timeout 2s
{pair.pki("mail.example.org")}listen on 127.0.0.1 port {plain}
listen on 127.0.0.1 port {port} {where} pki mail.example.org
{PLAIN}""")
    daemon.port = plain
    daemon.start()
    client = socket.create_connection(("127.0.0.1", port), 15)
    began, said = time.monotonic(), b""
    while more := client.recv(200):
        said += more
    said = [line[:4] for line in said.splitlines()]
    expect_equal(said, [] if where == "smtps" else [b"220 ", b"421 "], "what is said")
    # Well before the 10 s that a reply may take to leave.
    expect(1.5 < time.monotonic() - began < 6, f"after {time.monotonic() - began:.1f} s")
    daemon.wait_log("smtp disconnected reason=timeout")
    client.close()
    daemon.stop()
