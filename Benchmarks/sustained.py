#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""How long a 250 waits while much more mail comes in than a journal or a write-ahead log holds.

    sustained.py [--backend fs] [--megabytes 1280] [--sessions 50] [--size 4096] [--directory DIRECTORY]

Starts a server with delivery paused in a temporary directory below DIRECTORY, sends until so many megabytes of bodies
were accepted, and prints the rate of each tenth and the longest wait from the final dot to its 250.
Exits with 1 when one waited longer than a second. TALARIA_BUILD names the directory of the binaries.
"""
import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("TALARIA_BUILD", os.path.join(os.getcwd(), ".build/release"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Load:
    def __init__(self, port, body, total):
        self.port, self.body, self.total = port, body, total
        self.sent = 0
        self.waits = []
        self.moments = []

    async def session(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)

        async def reply():
            while True:
                line = await reader.readline()
                if not line:
                    raise SystemExit("the server closed the connection")
                if line[3:4] != b"-":
                    return line

        await reply()
        writer.write(b"EHLO bench.test\r\n")
        await reply()
        while self.sent < self.total:
            self.sent += 1
            writer.write(b"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@sink.test>\r\nDATA\r\n")
            for _ in range(3):
                await reply()
            started = time.monotonic()
            writer.write(self.body)
            line = await reply()
            if not line.startswith(b"250"):
                raise SystemExit(f"not accepted: {line!r}")
            now = time.monotonic()
            self.waits.append(now - started)
            self.moments.append(now)
        writer.close()

    async def run(self, sessions):
        await asyncio.gather(*(self.session() for _ in range(sessions)))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--backend", default="fs")
    options.add_argument("--megabytes", type=int, default=1280)
    options.add_argument("--sessions", type=int, default=50)
    options.add_argument("--size", type=int, default=4096)
    options.add_argument("--directory")
    chosen = options.parse_args()
    directory = tempfile.mkdtemp(prefix="talaria-sustained-", dir=chosen.directory)
    os.chmod(directory, 0o755)
    port = free_port()
    with open(f"{directory}/smtpd.conf", "w") as file:
        file.write(
            f"queue backend {chosen.backend}\nsmtp limit max-mails 1000000\n"
            f"listen on 127.0.0.1 port {port}\n"
            'action "out" relay host smtp+notls://127.0.0.1:9\n'
            'match from local for any action "out"\n'
        )
    server = subprocess.Popen(
        [f"{BUILD}/smtpd", "-d", "-P", "mta", "-S", f"{directory}/state", "-f", f"{directory}/smtpd.conf"],
        stderr=open(f"{directory}/log", "wb"),
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise SystemExit("the server does not listen")
        line = b"x" * 70 + b"\r\n"
        body = b"Subject: sustained\r\n\r\n" + line * (chosen.size // len(line)) + b".\r\n"
        load = Load(port, body, chosen.megabytes * (1 << 20) // chosen.size)
        started = time.monotonic()
        asyncio.run(load.run(chosen.sessions))
        tenth = max(1, len(load.moments) // 10)
        moments = sorted(load.moments)
        rates = [
            tenth / max(1e-6, moments[i * tenth + tenth - 1] - (moments[i * tenth - 1] if i else started))
            for i in range(10)
        ]
        longest = max(load.waits)
        print(
            f"{chosen.backend}: {len(load.waits)} messages of {chosen.size} bytes, "
            f"{len(load.waits) / (moments[-1] - started):.0f}/s; "
            f"by tenths {' '.join(f'{rate:.0f}' for rate in rates)}; longest wait {longest * 1000:.0f} ms"
        )
        return 0 if longest <= 1 else 1
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
        shutil.rmtree(directory, ignore_errors=True)


sys.exit(main())
