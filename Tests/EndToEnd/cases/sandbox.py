# SPDX-License-Identifier: ISC
"""The kernel's hold on the roles, as the running daemon has it."""

import os
import pwd
import re
import resource
import signal
import socket
import subprocess

from harness.case import Skipped, case, eventually, expect, expect_equal
from harness.certificates import self_signed
from harness.client import submit
from harness.daemon import BACKENDS, ROLES, SMTPD, Daemon, children, is_alive
from harness.intruder import can_intrude, intrude
from harness.sink import Sink

USERS = {"frontend": "_smtpf", "lookup": "_smtpl", "resolver": "_smtpr", "queue": "_smtpq",
         "delivery": "_smtpx", "keys": "_smtpk", "control": "_smtpc"}
SOCKET, EXECVE = 41, 59
# What each may have open at most; the others have as many more as sessions, tables or deliveries are allowed.
OPEN_FILES = {"accounts": 256, "resolver": 512, "keys": 256, "control": 192}


def facts(pid):
    """The fields of /proc/PID/status."""
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().split("\0")[:-1]
    except OSError:
        return []


def all_roles(daemon):
    return eventually(lambda: r if len(r := daemon.roles()) == len(ROLES) else None,
                      lambda: f"not all roles run: {daemon.roles()}")


CONFIGURATION = """
action "out" relay host "smtp://127.0.0.1:{port}"
match from any for any action "out"
"""


@case("every role is filtered and may gain nothing, whoever started it")
def filtered(bench):
    daemon = Daemon(bench, CONFIGURATION.format(port=9)).start()
    host = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for role, pid in all_roles(daemon).items():
        # Its process is there a moment before it has given up what it does not need.
        eventually(lambda: facts(pid)["Seccomp"] == "2", f"{role}: not filtered", 5)
        status = facts(pid)
        expect_equal(status["NoNewPrivs"], "1", f"{role}: no_new_privs")
        expect_equal(status["Seccomp"], "2", f"{role}: seccomp")
        if bench.is_root and role in USERS:
            uid = str(pwd.getpwnam(USERS[role]).pw_uid)
            expect_equal(set(status["Uid"].split()), {uid}, f"{role}: uid")
            expect_equal(status["CapEff"].strip("0"), "", f"{role}: capabilities")
            root = os.readlink(f"/proc/{pid}/root")
            wanted = os.path.join(daemon.state, "spool") if role == "queue" else "/var/empty"
            expect_equal(os.path.realpath(root), os.path.realpath(wanted), f"{role}: root")
            processes = ["1024", "1024"]
        else:
            # Those of a user who has others, too.
            processes = None
        with open(f"/proc/{pid}/limits") as file:
            limits = {line[:25].strip(): line[26:].split()[:2] for line in file}
        expect_equal(limits["Max core file size"], ["0", "0"], f"{role}: core")
        if processes:
            expect_equal(limits["Max processes"], processes, f"{role}: processes")
        soft, hard = limits["Max open files"]
        expect_equal(soft, hard, f"{role}: open files, and how far it may raise them")
        least, most = (OPEN_FILES[role],) * 2 if role in OPEN_FILES else (192, host)
        expect(least <= int(hard) <= most, f"{role}: {hard} open files of {host}")
        if role != "queue":
            expect_equal(limits["Max file size"], ["0", "0"], f"{role}: file size")
    # Not dumpable: what is below /proc is root's. Of root's own processes that says nothing.
    running = {"supervisor": daemon.process.pid, **daemon.roles()}
    for role, pid in running.items():
        expect_equal(os.stat(f"/proc/{pid}/fd").st_uid, 0, f"{role}: owner of /proc/{pid}")


@case("what is open where the server is started is open in no role")
def inherited(bench):
    secret = bench.write("secret", "of whoever starts it")
    daemon = Daemon(bench, CONFIGURATION.format(port=9), command=["sh", "-c", f'exec 7<"{secret}" 8<"{secret}"; exec "$@"', "sh"])
    daemon.start()
    if bench.is_root:
        opened = [os.readlink(f"/proc/{daemon.process.pid}/fd/{number}") for number in (7, 8)]
        expect_equal(opened, [secret] * 2, "what the supervisor was started with: else the search is blind")
    for role, pid in all_roles(daemon).items():
        eventually(lambda: facts(pid)["Seccomp"] == "2", f"{role}: not filtered", 5)
        try:
            names = os.listdir(f"/proc/{pid}/fd")
            opened = [os.readlink(f"/proc/{pid}/fd/{name}") for name in names]
        except PermissionError:
            raise Skipped("only root may look into processes that are not dumpable") from None
        expect(secret not in opened, f"{role} has {opened}")


@case("a user's command is outside of the roles' sandbox, and leaves no core")
def command(bench):
    out = bench.directory_for("out")
    daemon = Daemon(bench, f"""
action "mda" mda "cat > /dev/null; cat /proc/self/status > {out}/status; ulimit -c > {out}/core"
match from any for any action "mda"
""").start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    daemon.wait_empty()
    with open(os.path.join(out, "status")) as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    expect_equal((status["Seccomp"], status["NoNewPrivs"]), ("0", "0"), "what binds a command")
    with open(os.path.join(out, "core")) as file:
        expect_equal(file.read().strip(), "0", "largest core")


@case("a {role} that breaks its promise dies, is named in the log, and comes again", role=ROLES)
def broken(bench, role):
    if not can_intrude():
        raise Skipped("needs root on x86-64")
    daemon = Daemon(bench, CONFIGURATION.format(port=9)).start()
    pid = all_roles(daemon)[role]
    # A packet socket, which no role has promised.
    intrude(pid, SOCKET, 17, 3, 0)
    daemon.wait_log(rf"fatal: {role}: promise broken: socket \(41\)")
    daemon.wait_log(rf"warn: {role} \(process {pid}\) was killed by signal 31, for it broke a promise")
    eventually(lambda: all_roles(daemon)[role] != pid, "it was not started again")
    eventually(daemon.greets, "no service after it")
    pid = all_roles(daemon)[role]
    intrude(pid, EXECVE, 0, 0, 0)
    daemon.wait_log(rf"fatal: {role}: promise broken: execve \(59\)")


@case("mail passes with -T sandbox and nothing is logged ({backend})", backend=BACKENDS)
def logged(bench, backend):
    sink = Sink(bench)
    box = bench.directory_for("mail")
    daemon = Daemon(bench, f"""
action "out" relay host "smtp://127.0.0.1:{sink.port}"
action "local" maildir "{box}/%{{user.username}}"
match from any for domain "in.test" action "local"
match from any for any action "out"
""", backend=backend).start("-T", "sandbox")
    daemon.wait_log("warn: -T sandbox: broken promises are logged and go through")
    for index in range(5):
        submit(daemon.port, subject=f"message {index}",
               recipients=["b@example.com", f"{bench.recipient}@in.test"])
    daemon.wait_empty()
    daemon.ctl("show", "stats")
    expect_equal(len(sink.deliveries), 5, "messages at the sink")
    lines = [line for line in daemon.log().splitlines() if "promise broken" in line]
    expect_equal(lines, [], "broken promises")


@case("with -T sandbox a broken promise is told, and the role lives")
def let_through(bench):
    if not can_intrude():
        raise Skipped("needs root on x86-64")
    daemon = Daemon(bench, CONFIGURATION.format(port=9)).start("-T", "sandbox")
    pid = all_roles(daemon)["lookup"]
    intrude(pid, SOCKET, 2, 1, 0)
    daemon.wait_log(r"warn: lookup: sandbox: promise broken: socket\(0x2, 0x1, 0x0, …\)")
    expect(re.search("killed", daemon.log()) is None, daemon.log()[-500:])


@case("-T sandbox holds for who looks at keys before the start, too")
def let_through_check(bench):
    pair = self_signed(bench, "mail.example.org")
    configuration = bench.write("smtpd.conf", pair.pki("mail.example.org") + """
listen on 127.0.0.1 port 9 tls pki mail.example.org
action "in" maildir
match from any for any action "in"
""")
    for flags, wanted in [([], ["ask"]), (["-T", "sandbox"], ["logged", "ask"])]:
        started = subprocess.Popen([SMTPD, "-n", "-f", configuration, *flags], stderr=subprocess.PIPE)
        seen = set()
        while started.poll() is None:
            for child in children(started.pid):
                words = command_line(child)
                if "keys.check" in words:
                    seen.add(tuple(words[words.index("keys.check") + 1:]))
        said = started.stderr.read()
        expect_equal((started.returncode, said[-17:], b"promise broken" in said), (0, b"configuration OK\n", False), "smtpd -n")
        # It lives some milliseconds, and may be missed.
        expect(seen <= {tuple(wanted)}, f"words for the check: {seen}")
    if not can_intrude():
        raise Skipped("needs root on x86-64")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    checker = subprocess.Popen(["sh", "-c", f'exec 3<&{theirs.fileno()}; exec "$@"', "sh", SMTPD, "-x", "keys.check",
                                "logged"], pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
    theirs.close()
    try:
        eventually(lambda: command_line(checker.pid)[1:2] == ["-x"] and facts(checker.pid)["Seccomp"] == "2",
                   "not filtered", 5)
        intrude(checker.pid, SOCKET, 2, 1, 0)
        told = (line for line in checker.stderr if b"warn: keys.check: sandbox: promise broken: socket(" in line)
        expect(next(told, None) is not None, "nothing is told")
        ours.close()
        expect_equal(checker.wait(10), 1, "it did not end with its channel")
    finally:
        checker.kill()


def without_tracing(uid, gid):
    """What is put before a command of a user's that may look into his own processes only, root too."""
    return ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-all", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]


def is_open(pid, before):
    """Whether a process can be looked into: who may read this link may read all of its memory."""
    return subprocess.run([*before, "readlink", f"/proc/{pid}/exe"], capture_output=True).returncode == 0


@case("neither supervisor nor a role can be looked into by who started it ({how})",
      how=[(who, flag) for who in ("root", "nobody") for flag in ("-d", "-F", "in the background")])
def concealed(bench, how):
    who, flag = how
    bench.need_root("to start it as others")
    entry = pwd.getpwnam(who)
    before = without_tracing(entry.pw_uid, entry.pw_gid)
    daemon = Daemon(bench, CONFIGURATION.format(port=9), user=who)
    flags = [] if flag == "in the background" else [flag]
    started = subprocess.Popen([*before, SMTPD, *flags, "-S", daemon.state, "-f", daemon.configuration],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not flags:
        expect_equal(started.wait(15), 0, "exit status of what was typed")
    eventually(daemon.greets, "it does not greet", 15)

    def is_supervisor(pid):
        words = command_line(pid)
        return words[:1] == [SMTPD] and daemon.state in words

    found = [int(name) for name in os.listdir("/proc") if name.isdigit() and is_supervisor(int(name))]
    expect_equal(len(found), 1, "supervisors")
    process = found[0]
    try:
        known = subprocess.Popen([*before, "sleep", "60"])
        eventually(lambda: command_line(known.pid)[:1] == ["sleep"], "no process to compare with")
        expect(is_open(known.pid, before), "his own processes cannot be looked into: the look is blind")
        known.kill()
        known.wait()
        expect(not is_open(process, before), "the supervisor can be looked into")
        roles = {command_line(child)[2]: child for child in children(process)}
        expect_equal(sorted(roles), sorted(ROLES), "roles")
        for role, child in roles.items():
            uid, gid = (facts(child)[name].split()[0] for name in ("Uid", "Gid"))
            expect(not is_open(child, without_tracing(uid, gid)), f"{role} can be looked into")
    finally:
        os.kill(process, signal.SIGTERM)
        eventually(lambda: not is_alive(process), "it does not end")
        if flags:
            started.wait(10)
