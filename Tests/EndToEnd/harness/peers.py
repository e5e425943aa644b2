# SPDX-License-Identifier: ISC
"""Programs of others that mail is exchanged with."""

import os
import shutil
import signal
import socket
import subprocess
import time

from .case import Failed, Skipped, eventually
from .daemon import ROOT, free_port

TREE = os.path.join(ROOT, ".build", "peers", "postfix")


def postfix_tree():
    """Postfix's test programs, as scripts/peers unpacks them."""
    if not os.path.exists(os.path.join(TREE, "usr/sbin/smtp-source")):
        raise Skipped("smtp-source and smtp-sink are absent: run scripts/peers")
    return TREE


def postfix_environment():
    libraries = os.path.join(postfix_tree(), "usr/lib/postfix")
    return dict(os.environ, LD_LIBRARY_PATH=libraries)


def smtp_source(port, *options, seconds=60):
    """Runs smtp-source; fails unless it ends with 0."""
    program = os.path.join(postfix_tree(), "usr/sbin/smtp-source")
    done = subprocess.run([program, *options, f"inet:127.0.0.1:{port}"], timeout=seconds,
                          env=postfix_environment(), capture_output=True)
    if done.returncode != 0:
        raise Failed(f"smtp-source: {(done.stdout + done.stderr).decode(errors='replace')[-400:]}")


def posttls_finger(bench, port, name, authority, *options, seconds=30):
    """Runs posttls-finger, which verifies; returns its exit status and what it said."""
    program = os.path.join(postfix_tree(), "usr/sbin/posttls-finger")
    if not os.path.exists(program):
        raise Skipped("posttls-finger is absent: run scripts/peers")
    folder = bench.path("postfix")
    os.makedirs(folder, exist_ok=True)
    bench.write("postfix/main.cf", "compatibility_level = 3.6\ninet_protocols = ipv4\n"
                "myhostname = client.example.org\n")
    done = subprocess.run([program, "-a", "ipv4", "-F", authority.certificate, "-l", "verify", *options,
                           f"[127.0.0.1]:{port}", name], capture_output=True, timeout=seconds,
                          env=dict(postfix_environment(), MAIL_CONFIG=folder))
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


class SmtpSink:
    """smtp-sink that keeps each message as a file."""

    def __init__(self, bench, *options):
        self.port = free_port()
        self.directory = bench.path("sink")
        os.makedirs(self.directory)
        program = os.path.join(postfix_tree(), "usr/sbin/smtp-sink")
        command = [program, *options, "-d", os.path.join(self.directory, "%M."),
                   f"inet:127.0.0.1:{self.port}", "128"]
        if bench.is_root:
            # It would not write as root.
            shutil.chown(self.directory, "nobody", "nogroup")
            command[1:1] = ["-u", "nobody"]
        self.process = subprocess.Popen(command, env=postfix_environment(), cwd="/",
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        bench.at_end(self.close)
        eventually(self._is_up, "smtp-sink does not answer")

    def _is_up(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(10)
        except OSError:
            return False

    def messages(self):
        """The content of each file that is whole: smtp-sink ends each with an empty line."""
        found = []
        for name in sorted(os.listdir(self.directory)):
            with open(os.path.join(self.directory, name), "rb") as file:
                found.append(file.read())
        return [text for text in found if b"X-Rcpt-Args" in text]

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def swaks(port, *options, status=0):
    """Runs swaks; returns the dialogue."""
    if not shutil.which("swaks"):
        raise Skipped("swaks is not installed")
    done = subprocess.run(["swaks", "--server", f"127.0.0.1:{port}", "--helo", "client.example.org",
                           *options], capture_output=True, timeout=30)
    text = (done.stdout + done.stderr).decode(errors="replace")
    if status is not None and done.returncode != status:
        raise Failed(f"swaks ended with {done.returncode}: {text[-600:]}")
    return text
