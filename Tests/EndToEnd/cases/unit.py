# SPDX-License-Identifier: ISC
"""The files for systemd, looked at by its own programs, and the unit under systemd itself."""

import os
import shutil
import stat
import subprocess

from cases.installing import make
from harness.case import Skipped, case, eventually, expect, expect_equal
from harness.machine import Machine

NAMES = {"_smtpd", "_smtpq", "_smtpf", "_smtpl", "_smtpr", "_smtpx", "_smtpk", "_smtpc"}


def need(program):
    if not shutil.which(program):
        raise Skipped(f"{program} is not there")


@case("systemd-analyze has nothing to say about the unit", seconds=90)
def verified(bench):
    need("systemd-analyze")
    root = bench.path("root")
    make("install", PREFIX="/usr", DESTDIR=root)
    # It looks whether the programs are there.
    with open(root + "/usr/lib/systemd/system/smtpd.service") as file:
        unit = bench.write("smtpd.service", file.read().replace("=/usr/sbin/", f"={root}/usr/sbin/"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    expect_equal((done.returncode, done.stdout + done.stderr), (0, ""), "systemd-analyze verify")


@case("sysusers.d and tmpfiles.d make the users and the directories that smtpd wants")
def made(bench):
    bench.need_root("to own files")
    need("systemd-sysusers")
    need("systemd-tmpfiles")
    root = bench.path("root")
    make("install", PREFIX="/usr", DESTDIR=root)
    for command in (["systemd-sysusers", f"--root={root}", "talaria.conf"],
                    ["systemd-tmpfiles", f"--root={root}", "--create", "talaria.conf"]):
        done = subprocess.run(command, capture_output=True, text=True)
        expect_equal(done.returncode, 0, f"{command[0]} ({done.stderr})")
    entries = [line.split(":") for line in open(root + "/etc/passwd").read().splitlines()]
    users = {entry[0]: entry for entry in entries}
    expect(NAMES <= set(users), f"there are {sorted(users)}")
    for name in NAMES:
        expect_equal(users[name][5:], ["/var/empty", "/usr/sbin/nologin"], name)
    expect_equal(len({users[name][2] for name in NAMES} | {"0"}), len(NAMES) + 1, "uids of their own")
    queue = tuple(map(int, users["_smtpq"][2:4]))
    for path, owner, mode in (("/var/empty", (0, 0), 0o755), ("/var/spool/smtpd", queue, 0o711),
                              ("/var/spool/smtpd/offline", (0, queue[1]), 0o3733)):
        facts = os.stat(root + path)
        expect_equal(((facts.st_uid, facts.st_gid), stat.S_IMODE(facts.st_mode)), (owner, mode), path)


@case("under systemd: the unit starts, delivers, is read anew, comes again after a death, and stops", seconds=150)
def service(bench):
    machine = Machine(bench)
    make("install", PREFIX="/usr", DESTDIR=machine.root)
    # Made by sysusers.d and tmpfiles.d, as on a machine that never had them.
    for name in ("passwd", "group", "shadow", "gshadow"):
        with open(machine.path("/etc/" + name)) as file:
            lines = [line for line in file if not line.startswith("_smtp")]
        machine.write("/etc/" + name, "".join(lines))
    os.chmod(machine.path("/etc/shadow"), 0o640)
    shutil.rmtree(machine.path("/var/spool/smtpd"), ignore_errors=True)
    machine.write("/etc/smtpd.conf", """
listen on 127.0.0.1 port 2599
action "local" mbox
match from local for local action "local"
""")
    machine.write("/etc/systemd/system/case.target", """
[Unit]
Wants=systemd-sysusers.service systemd-tmpfiles-setup.service
""")
    machine.start("case.target")
    machine.run("systemctl", "start", "smtpd.service")
    expect_equal(machine.run("systemctl", "is-active", "smtpd.service"), "active\n")
    machine.run("useradd", "--create-home", "talaria-case")
    as_user = ["setpriv", "--reuid=talaria-case", "--regid=talaria-case", "--clear-groups", "sendmail"]

    def send(subject, status=0):
        machine.run(*as_user, "talaria-case@localhost", stdin=f"Subject: {subject}\n\nx\n", status=status)

    def arrives(subject):
        box = machine.path("/var/mail/talaria-case")
        eventually(lambda: os.path.exists(box) and f"\nSubject: {subject}\n" in open(box).read(),
                   lambda: f"{subject} is not there: {machine.run('journalctl', '-u', 'smtpd')[-1500:]}", 20)

    def main():
        return int(machine.run("systemctl", "show", "--property=MainPID", "--value", "smtpd.service"))

    send("first")
    arrives("first")
    machine.run("systemctl", "reload", "smtpd.service")
    before = main()
    machine.run("kill", "-9", str(before))
    eventually(lambda: main() not in (0, before), "it does not come again", 20)
    eventually(lambda: os.path.exists(f"/proc/{machine.first}/root/run/smtpd-submit.sock"), "there is no socket")
    eventually(lambda: machine.run("smtpctl", "show", "status", status=None), "it does not answer")
    send("second")
    arrives("second")
    machine.run("systemctl", "stop", "smtpd.service")
    expect_equal(machine.run("systemctl", "is-active", "smtpd.service", status=3), "inactive\n")
    group = machine.run("systemctl", "show", "--property=ControlGroup", "--value", "smtpd.service").strip()
    expect_equal(group, "", "processes that are left")
    send("third", status=75)
    machine.run("systemctl", "start", "smtpd.service")
    arrives("third")
    failed = machine.run("journalctl", "--unit=smtpd.service", "--priority=err", "--quiet")
    expect_equal(failed, "", "errors in the journal")
    machine.run("systemctl", "stop", "smtpd.service")
