# SPDX-License-Identifier: ISC
"""Our sendmail as users call it, and the submission socket as they should not."""

import os
import pwd
import socket
import subprocess

from .client import Client
from .daemon import SMTPCTL


def as_user(command, user):
    if user is None:
        return command
    entry = pwd.getpwnam(user)
    return ["setpriv", f"--reuid={user}", f"--regid={entry.pw_gid}", "--clear-groups"] + command


def link(bench, name="sendmail"):
    """The program under another of its names, in a directory that anybody may pass through."""
    directory = bench.path("sbin")
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, name)
    if not os.path.lexists(path):
        os.symlink(SMTPCTL, path)
    return path


def environment(daemon):
    return {"SMTPD_STATE": daemon.state, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def sendmail(daemon, *arguments, input=b"", user=None, name="sendmail", seconds=30):
    """Runs it to its end."""
    if isinstance(input, str):
        input = input.encode()
    return subprocess.run(as_user([link(daemon.bench, name), *arguments], user), input=input,
                          capture_output=True, timeout=seconds, env=environment(daemon), cwd="/")


class SocketClient(Client):
    """SMTP over the submission socket, as this process's user."""

    def __init__(self, daemon, greeting="220", seconds=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(os.path.join(daemon.state, "smtpd-submit.sock"))
        self._bytes = b""
        if greeting is not None:
            self.expect(greeting)
