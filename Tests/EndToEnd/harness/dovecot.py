# SPDX-License-Identifier: ISC
"""Dovecot's LMTP server, by hand: its own configuration, its own directories, no service of the host."""

import os
import pwd
import shutil
import signal
import socket
import subprocess

from .case import Failed, Skipped, eventually
from .daemon import free_port


class Dovecot:
    """Delivers into mboxes below the bench's directory, for users that a file names."""

    def __init__(self, bench, users, quota=None, port=None):
        if not os.path.exists("/usr/lib/dovecot/lmtp"):
            raise Skipped("dovecot-lmtpd is not installed")
        bench.need_root("Dovecot is started as root")
        self.bench = bench
        self.port = port or free_port()
        self.base = bench.path("dovecot")
        self.mail = bench.directory_for("dovecot-mail")
        self.socket = os.path.join(self.base, "lmtp")
        entry = pwd.getpwnam(bench.recipient)
        os.makedirs(self.base, mode=0o755, exist_ok=True)
        passwd = bench.write("dovecot-users", "".join(
            f"{user}:{{PLAIN}}x:{entry.pw_uid}:{entry.pw_gid}::{self.mail}/{user}::\n" for user in users))
        configuration = bench.write("dovecot.conf", f"""
base_dir = {self.base}
state_dir = {self.base}
log_path = {bench.path("dovecot.log")}
ssl = no
protocols = lmtp
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_uid = {entry.pw_uid}
mail_gid = {entry.pw_gid}
auth_mechanisms = plain
auth_username_chars =
recipient_delimiter = +
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.port}
  }}
}}
passdb {{
  driver = passwd-file
  args = username_format=%n {passwd}
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {passwd}
}}
""" + (quota or ""))
        self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", configuration],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        bench.at_end(self.close)
        eventually(self._is_up, lambda: f"dovecot does not answer: {self.log()}")

    def _is_up(self):
        if self.process.poll() is not None:
            raise Failed(f"dovecot ended: {self.log()}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(100).startswith(b"220")
        except OSError:
            return False

    def log(self):
        try:
            with open(self.bench.path("dovecot.log"), errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def box(self, user):
        return os.path.join(self.mail, user, "Maildir")

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.base, ignore_errors=True)
