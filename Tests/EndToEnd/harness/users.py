# SPDX-License-Identifier: ISC
"""Users of a case's own: made for it, gone with it. Needs root."""

import os
import pwd
import shutil
import subprocess
import tempfile

from .case import Failed, Skipped

NAMES = ["talaria-test-a", "talaria-test-b"]


class TestUser:
    """A user with a home below the bench's directory."""

    def __init__(self, bench, name):
        self.name = name
        entry = pwd.getpwnam(name)
        self.uid, self.gid = entry.pw_uid, entry.pw_gid
        self.home = entry.pw_dir
        self.mailbox = os.path.join("/var/mail", name)

    def write(self, name, text, mode=0o644):
        """A file in its home."""
        path = os.path.join(self.home, name)
        with open(path, "w") as file:
            file.write(text)
        os.chown(path, self.uid, self.gid)
        os.chmod(path, mode)
        return path


def make_users(bench):
    """The two users, made anew. Cases that need them must not run at the same time: a lock sees to it."""
    bench.need_root("needs root, to make two users")
    if not shutil.which("useradd") or not shutil.which("userdel"):
        raise Skipped("useradd and userdel are not there")
    _lock(bench)
    users = []
    for name in NAMES:
        home = bench.path("home-" + name)
        _remove(name)
        done = subprocess.run(["useradd", "--no-create-home", "--home-dir", home, "--shell",
                               "/usr/sbin/nologin", name], capture_output=True)
        if done.returncode != 0:
            raise Failed(f"useradd {name}: {done.stderr.decode()}")
        bench.at_end(lambda name=name: _remove(name))
        user = TestUser(bench, name)
        os.makedirs(home, mode=0o755, exist_ok=True)
        os.chown(home, user.uid, user.gid)
        users.append(user)
    return users


def _lock(bench):
    import fcntl

    file = open(os.path.join(tempfile.gettempdir(), "talaria-test-users.lock"), "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    bench.at_end(file.close)


def _remove(name):
    subprocess.run(["userdel", name], capture_output=True)
    for path in (f"/var/mail/{name}", f"/var/mail/{name}.lock"):
        if os.path.lexists(path):
            os.unlink(path)
