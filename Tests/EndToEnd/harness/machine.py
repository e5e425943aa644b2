# SPDX-License-Identifier: ISC
"""A machine of its own: this one's files under an overlay, with systemd as its first process."""

import os
import shutil
import signal
import subprocess

from .case import Failed, Skipped, eventually
from .daemon import children

SYSTEMD = "/lib/systemd/systemd"
# Run in new namespaces, with the machine's root as $1 and its target as $2.
ENTER = """
set -e
mount --make-rprivate /
mount -t proc proc $1/proc
mount -t sysfs -o ro sysfs $1/sys
mount -t tmpfs -o mode=755 tmpfs $1/dev
for name in null zero full random urandom tty; do
  touch $1/dev/$name
  mount --bind /dev/$name $1/dev/$name
done
mkdir $1/dev/pts $1/dev/shm
mount -t tmpfs -o mode=755 tmpfs $1/run
mount -t tmpfs -o mode=1777 tmpfs $1/tmp
mount -t cgroup2 cgroup2 $1/sys/fs/cgroup
exec chroot $1 /usr/bin/env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  %s --system --unit=$2 --log-target=console --show-status=no
""" % SYSTEMD


class Machine:
    """Its files are this machine's until they are changed, and no change leaves it."""

    def __init__(self, bench):
        bench.need_root("to mount")
        if not os.access(SYSTEMD, os.X_OK):
            raise Skipped("systemd is not there")
        self.bench = bench
        self.process = None
        self.first = None
        base = bench.path("machine")
        self.root = os.path.join(base, "root")
        os.mkdir(base)
        self._mount(["-t", "tmpfs", "-o", "mode=755", "tmpfs", base])
        for name in ("root", "upper", "work"):
            os.mkdir(os.path.join(base, name))
        self._mount(["-t", "overlay", "-o", f"lowerdir=/,upperdir={base}/upper,workdir={base}/work", "overlay",
                     self.root])

    def _mount(self, words):
        if subprocess.run(["mount", *words], capture_output=True).returncode != 0:
            raise Skipped("mount is not permitted")
        self.bench.at_end(lambda: subprocess.run(["umount", "-l", words[-1]], capture_output=True))

    def path(self, name):
        return self.root + name

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as file:
            file.write(text)

    def start(self, target):
        """Starts it, and waits until its first process is there."""
        namespaces = ["--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup"]
        if subprocess.run(["unshare", *namespaces, "true"], capture_output=True).returncode != 0:
            raise Skipped("namespaces are not permitted")
        log = open(self.bench.path("machine.log"), "wb")
        self.process = subprocess.Popen(
            ["unshare", *namespaces, "--kill-child", "sh", "-c", ENTER, "sh", self.root, target],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.bench.at_end(self.end)

        def is_up():
            if self.process.poll() is not None:
                with open(self.bench.path("machine.log"), errors="replace") as log:
                    raise Skipped(f"namespaces are not permitted: {log.read()[-300:]}")
            for child in children(self.process.pid):
                with open(f"/proc/{child}/comm") as file:
                    if file.read() == "systemd\n":
                        self.first = child
                        # It is there before it can be asked.
                        said = self.run("systemctl", "is-system-running", status=None)
                        return said.strip() not in ("", "offline", "unknown")
            return False

        eventually(is_up, "systemd does not come up", 30)

    def run(self, *words, status=0, stdin=None, seconds=30):
        """Runs a command in it; the exit status must be as told. Returns what it said."""
        done = subprocess.run(["nsenter", "--target", str(self.first), "--all", "--root", "--wd", "--", *words],
                              input=stdin, capture_output=True, text=True, timeout=seconds)
        if status is not None and done.returncode != status:
            raise Failed(f"{' '.join(words)}: exit {done.returncode}, wanted {status}: "
                         f"{(done.stdout + done.stderr)[-600:]}")
        return done.stdout

    def end(self):
        if self.first is not None:
            try:
                # With the first process the kernel ends all others of the machine.
                os.kill(self.first, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.kill()
        self.process.wait()
