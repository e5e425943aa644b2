# SPDX-License-Identifier: ISC
"""A daemon of the case's own: its configuration, its processes, its log, its administration."""

import json
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import time

from .case import Failed, eventually, expect_equal

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
BUILD = os.path.abspath(os.environ.get("TALARIA_BUILD", os.path.join(ROOT, ".build", "debug")))
SMTPD = os.path.join(BUILD, "smtpd")
SMTPCTL = os.path.join(BUILD, "smtpctl")

ROLES = ["accounts", "control", "delivery", "frontend", "keys", "lookup", "queue", "resolver"]
BACKENDS = ["fs", "sqlite", "lmdb"]


def free_port(address="127.0.0.1"):
    """A port that the kernel says is free. Somebody may take it before it is used: that is rare."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def freeze(process):
    """Stops a process, and waits until it is."""
    os.kill(process, signal.SIGSTOP)

    def is_stopped():
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"

    eventually(is_stopped, f"process {process} does not stop", 5)


def personality(bench, name):
    """smtpctl under another name."""
    path = bench.path(name)
    if not os.path.exists(path):
        os.symlink(SMTPCTL, path)
    return path


class Daemon:
    """smtpd with a state directory and a configuration below the bench's directory."""

    def __init__(self, bench, configuration, backend="fs", arguments=(), name="d", user=None,
                 command=()):
        self.bench = bench
        self.name = name
        self.port = free_port()
        user = user or bench.daemon_user
        self.user = user
        self.backend = backend
        self.state = bench.path(name)
        os.makedirs(self.state, exist_ok=True)
        os.chmod(self.state, 0o755)
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(self.state, entry.pw_uid, entry.pw_gid)
        self.arguments = list(arguments)
        self.command = list(command)
        self.process = None
        self.log_path = bench.path(name + ".log")
        self._mark = 0
        self.configure(configuration)
        bench.at_end(self.end)

    def configure(self, text):
        """Writes the configuration for the next start."""
        head = f"queue backend {self.backend}\n" if self.backend else ""
        if "listen on" not in text:
            head += f"listen on 127.0.0.1 port {self.port}\n"
        self.configuration = self.bench.write(self.name + ".conf", head + text)

    # The process.

    def launch(self, *more):
        """Starts it without waiting."""
        command = self.command + [SMTPD, "-d", "-S", self.state, "-f", self.configuration]
        if self.user is not None:
            command = ["setpriv", f"--reuid={self.user}", f"--regid={pwd.getpwnam(self.user).pw_gid}",
                       "--clear-groups"] + command
        self._mark = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command + self.arguments + list(more),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        return self

    def start(self, *more, seconds=15):
        """Starts it and waits until it greets."""
        self.launch(*more)
        eventually(self._is_up, lambda: f"the daemon did not come up: {self.log()[-800:]}", seconds)
        return self

    def _is_up(self):
        if self.process.poll() is not None:
            raise Failed(f"the daemon ended with {self.process.returncode}: {self.log()[-800:]}")
        return self.greets()

    def greets(self, seconds=1.0):
        """Whether it says 220 to a new connection."""
        return greets(self.port, seconds)

    def ended(self, seconds=10):
        """Waits for its end, and returns the exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"it did not end within {seconds} s: {self.log()[-800:]}") from None

    def stop(self, seconds=10):
        """SIGTERM; it must end by itself, with 0 and nobody left behind."""
        children = self.descendants()
        self.process.send_signal(signal.SIGTERM)
        expect_equal(self.ended(seconds), 0, f"exit status ({self.log()[-300:]})")
        eventually(lambda: not [c for c in children if is_alive(c)],
                   "processes were left behind", 3)
        self.process = None

    def kill(self):
        """kill -9 for the whole process group, as a power cut would."""
        group = self.process.pid
        family = [group] + self.descendants()
        os.killpg(group, signal.SIGKILL)
        self.process.wait()
        # The roles hold the listening sockets and the spool until they are gone, too.
        eventually(lambda: not [p for p in family if is_alive(p)], "kill -9 left processes", 5)
        self.process = None

    def restart(self, *more):
        self.stop()
        return self.start(*more)

    def end(self):
        """Whatever state it is in, afterwards it is gone."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(8)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait()
        self.process = None

    def descendants(self):
        return descendants(self.process.pid)

    def roles(self):
        """The process of each role that runs."""
        found = {}
        for child in children(self.process.pid):
            words = command_line(child)
            if len(words) >= 3 and words[1] == "-x" and words[2] in ROLES:
                found[words[2]] = child
        return found

    def kill_role(self, *names, look=None):
        """kill -9 for roles; returns their process ids.

        `look` is called with all of them stopped, and the queue as well: what it sees in the spool is what their
        death leaves there.
        """
        def all_run():
            found = self.roles()
            return found if all(name in found for name in names) else None

        running = eventually(all_run, lambda: f"not all of {names} run: {self.roles()}")
        victims = [running[name] for name in names]
        if look is None:
            for victim in victims:
                os.kill(victim, signal.SIGKILL)
            return victims
        for victim in victims:
            freeze(victim)
        if "queue" not in names:
            # It takes what the victims had told it, which no death takes back.
            time.sleep(0.1)
            freeze(running["queue"])
        try:
            look()
        finally:
            for victim in victims:
                os.kill(victim, signal.SIGKILL)
            if "queue" not in names:
                os.kill(running["queue"], signal.SIGCONT)
        return victims

    def stored(self):
        """The envelopes in the store of a queue that is dead or stopped: (message, recipient). It is read in
        a copy, since reading mends what a death has left."""
        with tempfile.TemporaryDirectory(dir=self.bench.directory) as directory:
            os.chmod(directory, 0o755)
            subprocess.run(["cp", "-a", os.path.join(self.state, "spool"), directory], check=True)
            done = subprocess.run([SMTPCTL, "-S", directory, "--json", "show", "queue"], stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=30)
            if done.returncode != 0:
                raise Failed(f"the store after a death: {done.stderr.decode()[:600]}")
        entries = [json.loads(line) for line in done.stdout.decode().splitlines()]
        return {(entry["message"], entry["recipient"]) for entry in entries}

    # What it says.

    def log(self):
        """What it has logged since it was last started."""
        try:
            with open(self.log_path, "rb") as file:
                file.seek(self._mark)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, seconds=10, count=1):
        """Waits for lines that match; returns the last match."""
        compiled = re.compile(pattern)

        def look():
            found = list(compiled.finditer(self.log()))
            return found[-1] if len(found) >= count else None

        return eventually(look, lambda: f"no {pattern!r} in the log: {self.log()[-1200:]}", seconds)

    # Its administration.

    def ctl(self, *words, status=0, style="text", stdin=None):
        """Runs smtpctl; the exit status must be as told. Returns standard output."""
        done = self.run_ctl(*words)
        if status is not None and done.returncode != status:
            raise Failed(f"smtpctl {' '.join(words)}: exit {done.returncode}, wanted {status}: "
                         f"{(done.stdout + done.stderr).decode(errors='replace')[:600]}")
        return done.stdout if style == "bytes" else done.stdout.decode(errors="replace")

    def run_ctl(self, *words, seconds=30):
        return subprocess.run([SMTPCTL, "-S", self.state, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=seconds)

    def queue(self, *query):
        """`show queue --json` as a list."""
        text = self.ctl("--json", "show", "queue", *query)
        return [json.loads(line) for line in text.splitlines()]

    def statistics(self):
        return json.loads(self.ctl("--json", "show", "stats"))

    def wait_empty(self, seconds=15):
        eventually(lambda: not self.queue(), lambda: f"the queue does not run empty: "
                   f"{self.ctl('show', 'queue')[:800]}\n{self.log()[-800:]}", seconds)

    def wait_queued(self, count, *query, seconds=10):
        found = []

        def there():
            found[:] = self.queue(*query)
            return len(found) == count

        eventually(there, lambda: f"wanted {count} envelopes {' '.join(query)}, got {found}", seconds)
        return found


def greets(port, seconds=1.0):
    """Whether somebody says 220 to a new connection."""
    try:
        with socket.create_connection(("127.0.0.1", port), seconds) as connection:
            connection.settimeout(seconds)
            answer = connection.recv(100)
            connection.sendall(b"QUIT\r\n")
            return answer.startswith(b"220")
    except OSError:
        return False


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child] + descendants(child)
    return found


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def is_alive(pid):
    """Whether any thread of it still runs: a dead leader may leave others that hold descriptors."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return False
    return any(_runs(f"/proc/{pid}/task/{thread}/stat") for thread in threads)


def _runs(path):
    try:
        with open(path) as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def start_fails(daemon, *more, seconds=10):
    """Launches a daemon that must refuse to start; returns what it said."""
    daemon.launch(*more)
    status = daemon.ended(seconds)
    daemon.process = None
    if status == 0:
        raise Failed(f"it ended with 0: {daemon.log()[-500:]}")
    return daemon.log()
