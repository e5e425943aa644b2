#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What recipients cost the queue role: the most anonymous memory that it has, and what stays.

    memory.py [--backend lmdb] [--members 3000] [--sessions 20] [--times 10] [--messages 200]
              [--only RUN] [--directory DIRECTORY]

Three servers one after the other, each with relaying paused and an alias of so many members:
- open: sessions that send the alias as a recipient once, and their messages only when all have;
- wide: sessions that go on with it until they are refused, or have sent it so many times;
- kept: messages to it on ten sessions, which nothing takes out of the queue.
Exits with 1 when the memory was ever beyond its bound, or when the queue has not as many envelopes as the
250s stand for. TALARIA_BUILD names the directory of the binaries, by default .build/release.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ.get("TALARIA_BUILD", os.path.join(os.getcwd(), ".build/release"))
BOUND = 250 << 20
BODY = b"Subject: one of many\r\n\r\n" + b"Text.\r\n" * 500 + b".\r\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """smtpd with an alias of so many members, and what its queue role has of memory."""

    def __init__(self, backend, members, directory):
        self.directory, self.port, self.peak = directory, free_port(), 0
        with open(f"{directory}/aliases", "w") as file:
            file.write("list: " + ", ".join(f"user{i}@sink.test" for i in range(members)) + "\n")
        with open(f"{directory}/smtpd.conf", "w") as file:
            file.write(f"queue backend {backend}\nlisten on 127.0.0.1 port {self.port}\n"
                       f"smtp limit max-mails 100000\ntable aliases file:{directory}/aliases\n"
                       'action "out" relay host smtp+notls://127.0.0.1:9\n'
                       'action "in" maildir "/nonexistent" alias <aliases>\n'
                       'match from any for domain "in.test" action "in"\n'
                       'match from any for any action "out"\n')
        self.process = subprocess.Popen(
            [f"{BUILD}/smtpd", "-d", "-P", "mta", "-S", f"{directory}/state", "-f",
             f"{directory}/smtpd.conf"], stderr=open(f"{directory}/log", "wb"))
        for _ in range(400):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                    if connection.recv(100).startswith(b"220"):
                        break
            except OSError:
                time.sleep(0.05)
        else:
            raise SystemExit("the server does not serve")
        self.role = self.find("queue")
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def find(self, role):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            for child in file.read().split():
                with open(f"/proc/{child}/cmdline", "rb") as words:
                    if words.read().split(b"\0")[2] == role.encode():
                        return int(child)
        raise SystemExit(f"there is no role {role}")

    def memory(self):
        try:
            with open(f"/proc/{self.role}/smaps_rollup") as file:
                return sum(int(line.split()[1]) << 10 for line in file if line.startswith("Anonymous:"))
        except (OSError, ValueError):
            return 0

    def watch(self):
        while self.process.poll() is None:
            self.peak = max(self.peak, self.memory())
            time.sleep(0.02)

    def envelopes(self):
        done = subprocess.run([f"{BUILD}/smtpctl", "-S", f"{self.directory}/state", "--json", "show", "stats"],
                              capture_output=True, check=True)
        return json.loads(done.stdout)["scheduler.envelope"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Session:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 600)
        self.file = self.socket.makefile("rb")
        self.reply()
        self.command(b"EHLO bench.test\r\n")

    def reply(self):
        while True:
            line = self.file.readline()
            if not line:
                raise SystemExit("the server closed the connection")
            if line[3:4] != b"-":
                return line[:3].decode()

    def command(self, text):
        self.socket.sendall(text)
        return self.reply()

    def begin(self):
        return self.command(b"MAIL FROM:<a@example.test>\r\n")

    def recipient(self):
        return self.command(b"RCPT TO:<list@in.test>\r\n")

    def end(self):
        """Returns the reply to the final dot."""
        return self.command(BODY) if self.command(b"DATA\r\n") == "354" else "503"


def together(count, action):
    """Runs an action in threads of its own; returns what each gave."""
    results = [None] * count

    def run(index):
        results[index] = action(index)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if None in results:
        raise SystemExit("a session broke off")
    return results


def sessions_with(server, count, recipients):
    """Sessions that send the alias so often, and their messages once all have; returns each one's replies
    to the recipients and to the final dot."""
    barrier = threading.Barrier(count)

    def one(_):
        session = Session(server.port)
        replies = []
        if session.begin() == "250":
            while len(replies) < recipients and (not replies or replies[-1] == "250"):
                replies.append(session.recipient())
        barrier.wait()
        return replies, session.end() if replies else "452"

    return together(count, one)


def kept_messages(server, count):
    def one(index):
        session = Session(server.port)
        found = []
        for _ in range(index, count, 10):
            # A client tries again what it is told to try again.
            while session.begin() != "250" or session.recipient() != "250":
                session.command(b"RSET\r\n")
                time.sleep(0.1)
            found.append((["250"], session.end()))
        return found

    return [entry for found in together(10, one) for entry in found]


def measure(name, server, members, results):
    # What is done for the accepted ones is over by then.
    time.sleep(3)
    stays, peak = server.memory(), server.peak
    stored = [replies for replies, end in results if end == "250"]
    wanted = sum(reply == "250" for replies in stored for reply in replies) * members
    there = server.envelopes()
    server.stop()
    text = (f"{name}: {len(stored)} of {len(results)} messages accepted, {wanted} envelopes; at most "
            f"{peak / (1 << 20):.0f} MB, afterwards {stays / (1 << 20):.0f} MB")
    if peak > BOUND:
        text += " (TOO MUCH)"
    if there != wanted:
        text += f"; BUT {there} ENVELOPES ARE QUEUED"
    print(text, flush=True)
    return peak <= BOUND and there == wanted


def main():
    options = argparse.ArgumentParser(description="Measures the queue role's memory by recipients.")
    options.add_argument("--backend", default="lmdb")
    options.add_argument("--members", type=int, default=3000)
    options.add_argument("--sessions", type=int, default=20)
    options.add_argument("--times", type=int, default=10)
    options.add_argument("--messages", type=int, default=200)
    options.add_argument("--only", choices=["open", "wide", "kept"])
    options.add_argument("--directory")
    chosen = options.parse_args()
    runs = {"open": lambda server: sessions_with(server, chosen.sessions, 1),
            "wide": lambda server: sessions_with(server, chosen.sessions, chosen.times),
            "kept": lambda server: kept_messages(server, chosen.messages)}
    good = True
    for name, run in runs.items():
        if chosen.only not in (None, name):
            continue
        directory = tempfile.mkdtemp(prefix="talaria-memory-", dir=chosen.directory)
        os.chmod(directory, 0o755)
        server = Server(chosen.backend, chosen.members, directory)
        try:
            good = measure(name, server, chosen.members, run(server)) and good
        finally:
            server.stop()
            shutil.rmtree(directory, ignore_errors=True)
    return 0 if good else 1


sys.exit(main())
