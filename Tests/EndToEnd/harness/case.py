# SPDX-License-Identifier: ISC
"""A case: a function with a sentence for a name, and the means it is given."""

import os
import pwd
import shutil
import signal
import tempfile
import time
import traceback

CASES = []

# Why a case may be skipped where everything must be run (CI=true): what a machine or a container does
# not allow, and nothing that could be installed. Any other reason is a failure there.
PERMITTED = ("needs root", "mount is not permitted", "namespaces are not permitted", "port 25 may not be bound",
             "too few descriptors", "there is no IPv6")


class Skipped(Exception):
    """The case cannot be run here; the text says why."""


def is_permitted(reason):
    return any(reason.startswith(word) for word in PERMITTED)


class Failed(AssertionError):
    """What was expected did not happen."""


class Case:
    """One function with one set of arguments."""

    def __init__(self, function, sentence, arguments, seconds):
        self.function = function
        self.sentence = sentence
        self.arguments = arguments
        self.seconds = seconds


def case(sentence, seconds=60, **table):
    """Registers a function, once for each entry of the table (at most one column)."""

    def register(function):
        if not table:
            CASES.append(Case(function, sentence, {}, seconds))
        for column, values in table.items():
            for value in values:
                name = value if isinstance(value, str) else "+".join(map(str, value))
                text = sentence.replace("{" + column + "}", name)
                CASES.append(Case(function, text, {column: value}, seconds))
        return function

    return register


def expect(condition, text):
    """Fails with the text unless the condition holds."""
    if not condition:
        raise Failed(text)


def expect_equal(got, wanted, text=""):
    if got != wanted:
        raise Failed(f"{text or 'value'}: got {got!r}, wanted {wanted!r}")


def eventually(condition, text, seconds=10.0):
    """Waits until the condition gives something true, and returns that.

    The text may be a function that describes what was there instead.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Failed(f"{text() if callable(text) else text} (waited {seconds:g} s)")
        time.sleep(0.03)


class Bench:
    """What a running case has: a directory of its own and things that are ended with it."""

    def __init__(self, keep=False):
        self.directory = tempfile.mkdtemp(prefix="talaria-e2e.")
        # Roles and commands under other users must be able to pass through.
        os.chmod(self.directory, 0o755)
        self.keep = keep
        self.is_root = os.geteuid() == 0
        # Who starts the daemons; None is whoever runs the case.
        self.daemon_user = None
        self._endings = []
        self.notes = []

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        os.chmod(path, mode)
        return path

    @property
    def recipient(self):
        """A user that mail can be delivered to: never root."""
        return "nobody" if self.is_root else pwd.getpwuid(os.geteuid()).pw_name

    def directory_for(self, name, user=None):
        """A directory that belongs to the recipient."""
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        if self.is_root:
            entry = pwd.getpwnam(user or self.recipient)
            os.chown(path, entry.pw_uid, entry.pw_gid)
        return path

    def at_end(self, action):
        self._endings.append(action)

    def note(self, text):
        """Says something beside the result: what was measured."""
        self.notes.append(text)

    def need_root(self, why="other users are needed"):
        if not self.is_root:
            raise Skipped(f"needs root: {why}")

    def close(self):
        problems = []
        for action in reversed(self._endings):
            try:
                action()
            except Exception as problem:  # every ending must be tried
                problems.append(problem)
        self._endings = []
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)
        if problems:
            raise problems[0]


def run_case(entry, keep):
    """Runs one case in this process. Returns (result, text)."""
    bench = Bench(keep)
    result, text = "ok", ""

    def too_long(*_):
        raise Failed(f"took longer than {entry.seconds} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(entry.seconds)
    try:
        entry.function(bench, **entry.arguments)
    except Skipped as why:
        result, text = "skip", str(why)
        if os.environ.get("CI") == "true" and not is_permitted(text):
            result, text = "FAIL", f"skipped, which CI=true does not permit: {text}"
    except Failed as why:
        where = traceback.extract_tb(why.__traceback__)
        lines = [f"{os.path.basename(f.filename)}:{f.lineno}" for f in where if "cases" in f.filename]
        result, text = "FAIL", f"{why} [{' '.join(lines)}]"
    except BaseException:
        result, text = "FAIL", traceback.format_exc()
    signal.alarm(30)
    try:
        bench.close()
    except BaseException as why:
        if result != "FAIL":
            result, text = "FAIL", f"at the end: {why}"
    signal.alarm(0)
    if result == "ok":
        text = "; ".join(bench.notes)
    if result == "FAIL":
        text += bench_logs(bench)
    return result, text


def bench_logs(bench):
    if bench.keep:
        return f"\n  kept in {bench.directory}"
    return ""
