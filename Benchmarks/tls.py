#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Full handshakes a second of smtpd, with the keys in another process, beside `openssl s_server` in the same
run: tls.py [SECONDS]. Everything is on 127.0.0.1; the client is `openssl s_time`, a bounded time each.

The exit status is 1 when smtpd has less than half of the other's handshakes with any kind of key."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("TALARIA_BUILD", os.path.join(ROOT, ".build", "release"))
# Of what openssl s_server has.
AIM = 0.5
KINDS = {"RSA-2048": ["rsa:2048"], "ECDSA P-256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"tls.py: nobody listens on {port}")


def rate(port, seconds, version):
    """Two clients at a time: one alone does not keep a server busy."""
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-time", str(seconds), version]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    total = 0.0
    for client in clients:
        text = client.communicate(timeout=seconds * 4 + 30)[0].decode(errors="replace")
        found = re.search(r"(\d+) connections in (\d+) real seconds", text)
        if not found:
            raise SystemExit(f"tls.py: openssl s_time: {text[-300:]}")
        total += int(found.group(1)) / max(1, int(found.group(2)))
    return total


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    directory = tempfile.mkdtemp(prefix="talaria-tls-bench.")
    os.chmod(directory, 0o755)
    started = []
    try:
        text, ports = "queue backend ram\nsmtp limit max-sessions 4000\n", {}
        for number, (kind, words) in enumerate(KINDS.items()):
            base = os.path.join(directory, f"k{number}")
            subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                            "-newkey", *words, "-keyout", base + ".key", "-out", base + ".crt"], check=True,
                           capture_output=True)
            os.chmod(base + ".key", 0o600)
            ports[kind] = (free_port(), free_port())
            text += f'pki k{number} cert "{base}.crt"\npki k{number} key "{base}.key"\n'
            text += f"listen on 127.0.0.1 port {ports[kind][0]} smtps pki k{number}\n"
            started.append(subprocess.Popen(
                ["openssl", "s_server", "-accept", f"127.0.0.1:{ports[kind][1]}", "-cert", base + ".crt", "-key",
                 base + ".key", "-quiet"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        text += 'action "out" relay host "smtp://127.0.0.1:9"\nmatch from any for any action "out"\n'
        configuration = os.path.join(directory, "smtpd.conf")
        with open(configuration, "w") as file:
            file.write(text)
        with open(os.path.join(directory, "log"), "wb") as log:
            started.append(subprocess.Popen(
                [os.path.join(BUILD, "smtpd"), "-d", "-S", os.path.join(directory, "state"), "-f", configuration],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        for ours, theirs in ports.values():
            wait(ours)
            wait(theirs)
        below = []
        print("full handshakes a second, two clients  smtpd  openssl s_server  ratio")
        for kind, (ours, theirs) in ports.items():
            for version in ["-tls1_2", "-tls1_3"]:
                ours_rate, theirs_rate = rate(ours, seconds, version), rate(theirs, seconds, version)
                if ours_rate < AIM * theirs_rate:
                    below.append(f"{kind} {version[1:]}")
                print(f"{kind + ' ' + version[1:]:37}  {ours_rate:5.0f}  {theirs_rate:16.0f}  {ours_rate / theirs_rate:5.2f}")
        print(f"aim: at least {AIM} of openssl s_server: {'missed by ' + ', '.join(below) if below else 'reached'}")
        return 1 if below else 0
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(10)
        shutil.rmtree(directory, ignore_errors=True)


sys.exit(main())
