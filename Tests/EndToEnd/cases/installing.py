# SPDX-License-Identifier: ISC
"""make install and make uninstall."""

import os
import pwd
import re
import shutil
import subprocess

from harness.case import Skipped, case, expect, expect_equal
from harness.daemon import BUILD, ROOT, SMTPD

PAGES = ["smtpd.8", "smtpctl.8", "sendmail.8", "makemap.8", "newaliases.8", "mailq.8", "send-mail.8",
         "smtpd.conf.5", "table.5", "aliases.5", "forward.5"]

# Of other packages, which need not be installed.
FOREIGN_PAGES = ["crypt.5", "fcntl.2", "openssl-ciphers.1", "passwd.5", "shadow.5"]


def make(target, **variables):
    words = [f"{name}={value}" for name, value in variables.items()]
    done = subprocess.run(["make", "-s", "-C", ROOT, target, *words], capture_output=True, text=True,
                          env=os.environ | {"BINDIR": BUILD})
    expect_equal(done.returncode, 0, f"make {target} ({done.stderr})")
    return done.stdout


def files(root):
    return sorted(os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names)


@case("make install puts everything below DESTDIR, and make uninstall leaves nothing", seconds=120)
def round_trip(bench):
    root = bench.path("root")
    os.mkdir(root)
    make("install", PREFIX="/usr", DESTDIR=root)
    there = files(root)
    for name in ("usr/sbin/smtpd", "usr/sbin/smtpctl", "usr/libexec/smtpd/smtpd-pam", "etc/smtpd.conf",
                 "usr/lib/systemd/system/smtpd.service", "usr/lib/sysusers.d/talaria.conf",
                 "usr/lib/tmpfiles.d/talaria.conf", "usr/share/doc/talaria/smtpd.conf"):
        expect(name in there, f"no {name} in {there}")
    for page in PAGES:
        path = f"{root}/usr/share/man/man{page[-1]}/{page}"
        expect(os.path.isfile(path), f"no {page}")
    for name in ("sbin/sendmail", "sbin/send-mail", "sbin/makemap", "bin/mailq", "bin/newaliases",
                 "lib/sendmail"):
        expect_equal(os.path.realpath(f"{root}/usr/{name}"), os.path.realpath(f"{root}/usr/sbin/smtpctl"), name)
    for name in there:
        mode = os.stat(f"{root}/{name}").st_mode
        expect_equal(mode & 0o6022, 0, f"mode of {name}")
    unit = open(f"{root}/usr/lib/systemd/system/smtpd.service").read()
    expect("ExecStart=/usr/sbin/smtpd -F\n" in unit and "@" not in unit, unit)
    done = subprocess.run([SMTPD, "-n", "-f", f"{root}/etc/smtpd.conf"], capture_output=True, text=True)
    expect_equal((done.returncode, done.stderr), (0, "configuration OK\n"), "the example")
    make("install", PREFIX="/usr", DESTDIR=root)
    expect_equal(files(root), there, "after a second time")
    make("uninstall", PREFIX="/usr", DESTDIR=root)
    expect_equal(os.listdir(root), [], "what is left")


@case("mandoc finds nothing to say of the manual pages, and each that they name is there")
def pages(bench):
    if not shutil.which("mandoc"):
        raise Skipped("mandoc is not there")
    root = bench.path("root")
    make("install", PREFIX="/usr", DESTDIR=root)
    said = []
    for page in PAGES:
        path = os.path.realpath(f"{root}/usr/share/man/man{page[-1]}/{page}")
        done = subprocess.run(["mandoc", "-Tlint", "-Wstyle", path], capture_output=True, text=True)
        for line in done.stdout.splitlines():
            # It looks for pages in the usual place only, and does not tell those of others from what nobody has.
            missing = re.search(r"referenced manual not found: Xr (\S+) (\d)", line)
            if not missing or ".".join(missing.groups()) not in PAGES + FOREIGN_PAGES:
                said.append(line)
    expect_equal(said, [], "what it finds")


@case("the configuration is installed where smtpd looks for it, and nowhere else can be asked for")
def one_place(bench):
    root = bench.path("root")
    make("install", DESTDIR=root)
    expect("etc/smtpd.conf" in files(root), f"{files(root)}")
    if not os.path.exists("/etc/smtpd.conf"):
        done = subprocess.run([root + "/usr/local/sbin/smtpd", "-n"], capture_output=True, text=True)
        expect_equal((done.returncode, done.stderr), (1, "smtpd: /etc/smtpd.conf: No such file or directory\n"), "smtpd -n")
    done = subprocess.run(["make", "-s", "-C", ROOT, "install", "SYSCONFDIR=/opt/etc", f"DESTDIR={bench.path('other')}"],
                          capture_output=True, text=True, env=os.environ | {"BINDIR": BUILD})
    expect(done.returncode != 0 and "SYSCONFDIR cannot be chosen" in done.stderr, f"{done}")
    expect(not os.path.exists(bench.path("other")), "something was installed")


@case("make install and uninstall leave a configuration alone that is not theirs")
def configuration(bench):
    root = bench.path("root")
    os.makedirs(root + "/etc")
    with open(root + "/etc/smtpd.conf", "w") as file:
        file.write("# mine\n")
    said = make("install", DESTDIR=root)
    expect("stays as it is" in said, said)
    expect(os.path.exists(root + "/usr/local/sbin/smtpd"), "no program in the usual place")
    os.unlink(root + "/usr/local/sbin/sendmail")
    os.symlink("postfix", root + "/usr/local/sbin/sendmail")
    make("uninstall", DESTDIR=root)
    expect_equal(files(root), ["etc/smtpd.conf", "usr/local/sbin/sendmail"], "what is left")
    expect_equal(open(root + "/etc/smtpd.conf").read(), "# mine\n", "the configuration")


@case("the users of sysusers.d are those that make users makes and the daemon wants")
def users(bench):
    def words(path, pattern):
        with open(os.path.join(ROOT, path)) as file:
            return set(re.findall(pattern, file.read(), re.M))

    listed = words("dist/talaria.sysusers", r"^u\s+(_smtp\w)")
    made = set(re.search(r"^for user in (.*); do", open(os.path.join(ROOT, "scripts/users")).read(),
                         re.M).group(1).split())
    wanted = words("Sources/smtpd/Startup/ServiceUsers.swift", r'^    \.\w+: "(_smtp\w)"')
    expect_equal(listed, made, "sysusers.d beside scripts/users")
    expect(wanted < made, f"{wanted - made} is not made")
    if shutil.which("systemd-sysusers"):
        done = subprocess.run(["systemd-sysusers", "--dry-run", os.path.join(ROOT, "dist/talaria.sysusers")],
                              capture_output=True, text=True)
        expect_equal(done.returncode, 0, f"systemd-sysusers ({done.stderr})")
