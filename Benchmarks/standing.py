#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What the server needs while it stands: nothing to do, and a long queue.

    standing.py [--backend KIND ...] [--envelopes 20000] [--domains 200] [--directory DIRECTORY]

First an empty server: the time from its start to its first greeting, and the proportional set size of all
its roles once it idles. Then, for each backend, a queue of so many envelopes with relaying paused: from
start to serving; `show queue` of all of it; how long `schedule ID` and new mail's 250 take meanwhile; and
the queue role's own (anonymous) memory. What is beyond a bound is marked, and the exit status is 1; the
bounds are those for 1,000,000 envelopes in 10,000 domains on a machine of two cores (--envelopes 1000000
--domains 10000). TALARIA_BUILD names the directory of the binaries, by default .build/release.
"""
import argparse
import os
import pwd
import shutil
import signal
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ.get("TALARIA_BUILD", os.path.join(os.getcwd(), ".build/release"))
GOALS = {"start": 1.0, "pss": 80 << 20, "cold": 15.0, "show": 15.0, "schedule": 0.1, "mail": 0.1,
         "anonymous": 250 << 20}
failures = []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def against(name, value, text):
    """The text, marked when the value is beyond its bound."""
    if value > GOALS[name]:
        failures.append(name)
        return f"{text} (TOO MUCH)"
    return text


def megabytes(count):
    return f"{count / (1 << 20):.1f} MB"


class Server:
    def __init__(self, backend, directory):
        self.directory = directory
        self.state = f"{directory}/state"
        self.port = free_port()
        os.makedirs(self.state, exist_ok=True)
        with open(f"{directory}/smtpd.conf", "w") as file:
            file.write(f"queue backend {backend}\nlisten on 127.0.0.1 port {self.port}\n"
                       'action "out" relay host smtp+notls://127.0.0.1:9\n'
                       'match from any for any action "out"\n')

    def start(self, seconds):
        """Returns the seconds from its start to its first greeting."""
        started = time.monotonic()
        log = open(f"{self.directory}/log", "wb")
        self.process = subprocess.Popen([f"{BUILD}/smtpd", "-d", "-P", "mta", "-S", self.state, "-f",
                                         f"{self.directory}/smtpd.conf"], stderr=log, stdout=log)
        while time.monotonic() - started < seconds:
            try:
                with socket.create_connection(("127.0.0.1", self.port), seconds) as connection:
                    connection.settimeout(seconds)
                    if connection.recv(100).startswith(b"220"):
                        return time.monotonic() - started
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        with open(f"{self.directory}/log", errors="replace") as text:
            raise SystemExit(f"the server does not serve: {text.read()[-600:]}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def control(self, *words):
        return [f"{BUILD}/smtpctl", "-S", self.state, *words]

    def processes(self):
        """The process of each role by its name, and the supervisor's."""
        found = {"supervisor": self.process.pid}
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            for child in file.read().split():
                with open(f"/proc/{child}/cmdline", "rb") as words:
                    found[words.read().split(b"\0")[2].decode()] = int(child)
        return found

    def memory(self, role, field):
        """A field of smaps_rollup, in bytes."""
        with open(f"/proc/{self.processes()[role]}/smaps_rollup") as file:
            return sum(int(line.split()[1]) << 10 for line in file if line.startswith(field + ":"))


def idle(directory):
    server = Server("lmdb", directory)
    began = [server.start(30)]
    server.stop()
    began.append(server.start(30))
    # Whatever a start leaves to do is done by then.
    time.sleep(2)
    sizes = {role: server.memory(role, "Pss") for role in server.processes()}
    server.stop()
    total = sum(sizes.values())
    print(f"idle: serving after {against('start', max(began), f'{max(began) * 1000:.0f} ms')}; "
          f"proportional set size {against('pss', total, megabytes(total))}: "
          + ", ".join(f"{role} {size >> 10} KB" for role, size in sorted(sizes.items())), flush=True)


def repeat(action, until, times):
    """Runs the action until told, at least three times; keeps how long each took."""
    while not until.is_set() or len(times) < 3:
        started = time.monotonic()
        action()
        times.append(time.monotonic() - started)
        time.sleep(0.02)


def long_queue(backend, envelopes, domains, directory):
    server = Server(backend, directory)
    os.makedirs(f"{server.state}/spool")
    subprocess.run([f"{BUILD}/SpoolGenerator", backend, f"{server.state}/spool", str(envelopes), str(domains)],
                   check=True, stdout=subprocess.DEVNULL)
    if os.geteuid() == 0:
        # The role opens the spool as its own user.
        owner = pwd.getpwnam("_smtpq")
        for folder, folders, files in os.walk(f"{server.state}/spool"):
            for name in [folder] + [os.path.join(folder, entry) for entry in folders + files]:
                os.chown(name, owner.pw_uid, owner.pw_gid)
    # The files would be read from the disk after a power cut.
    subprocess.run("sync; echo 3 >/proc/sys/vm/drop_caches", shell=True, stderr=subprocess.DEVNULL)
    cold = server.start(600)
    # What is measured is the server's time, and not the reading of smtpctl from the disk.
    subprocess.run(server.control("show", "status"), check=True, stdout=subprocess.DEVNULL)
    idle_schedule, idle_mail = [], []
    done = threading.Event()
    done.set()
    repeat(lambda: schedule(server), done, idle_schedule)
    repeat(lambda: mail(server), done, idle_mail)

    busy, schedules, mails = threading.Event(), [], []
    threads = [threading.Thread(target=repeat, args=(lambda: schedule(server), busy, schedules)),
               threading.Thread(target=repeat, args=(lambda: mail(server), busy, mails))]
    for thread in threads:
        thread.start()
    started = time.monotonic()
    shown = subprocess.run(server.control("show", "queue"), stdout=subprocess.PIPE, check=True)
    show = time.monotonic() - started
    busy.set()
    for thread in threads:
        thread.join()
    lines = shown.stdout.count(b"\n")
    if lines < envelopes:
        raise SystemExit(f"show queue tells {lines} of {envelopes}")
    anonymous = server.memory("queue", "Anonymous")
    server.stop()
    print(f"{backend}: {envelopes} envelopes in {domains} domains: serving after "
          f"{against('cold', cold, f'{cold:.2f} s')}, show queue {against('show', show, f'{show:.2f} s')}; "
          f"meanwhile schedule {spread('schedule', schedules)} (alone {spread('schedule', idle_schedule)}), "
          f"new mail's 250 {spread('mail', mails)} (alone {spread('mail', idle_mail)}); the queue role's "
          f"anonymous memory {against('anonymous', anonymous, megabytes(anonymous))}", flush=True)


def spread(name, times):
    worst = max(times)
    return against(name, worst, f"{statistics.median(times) * 1000:.0f} ms, at most {worst * 1000:.0f} ms")


def schedule(server):
    done = subprocess.run(server.control("schedule", "0000000100000001"), capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"schedule: {done.stderr.decode()}")


def mail(server):
    """A new message, from its connection to its 250."""
    client = smtplib.SMTP("127.0.0.1", server.port, local_hostname="bench.test")
    client.sendmail("a@example.test", ["b@sink.test"], b"Subject: one more\r\n\r\nText.\r\n")
    client.close()


def main():
    options = argparse.ArgumentParser(description="Measures start, memory and a long queue.")
    options.add_argument("--backend", action="append", choices=["fs", "sqlite", "lmdb"])
    options.add_argument("--envelopes", type=int, default=20000)
    options.add_argument("--domains", type=int, default=200)
    options.add_argument("--directory", help="where the spools are made, by default the temporary one")
    chosen = options.parse_args()
    backends = chosen.backend or ["sqlite", "lmdb"]
    for backend in [None, *backends]:
        place = tempfile.mkdtemp(prefix="talaria-standing-", dir=chosen.directory)
        os.chmod(place, 0o755)
        try:
            if backend is None:
                idle(place)
            else:
                long_queue(backend, chosen.envelopes, chosen.domains, place)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return 1 if failures else 0


sys.exit(main())
