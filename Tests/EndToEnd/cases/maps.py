# SPDX-License-Identifier: ISC
"""Maps that makemap makes anew while the server runs: it takes them by itself."""

import os
import pwd
import shutil
import subprocess
import time

from cases.expansion import box_of, recipient_reply, replace
from harness.case import case, eventually, expect, expect_equal
from harness.client import submit
from harness.daemon import Daemon, personality

# What follows a change within seconds, on a busy machine.
SECONDS = 5


def map_daemon(bench, aliases, kind="db", mode=0o644):
    """A daemon whose aliases are in a map; its mailbox, and the path of their text."""
    box, maildir = box_of(bench)
    text = bench.write("aliases", aliases, mode)
    makemap(bench, text)
    daemon = Daemon(bench, f"""
table aliases {kind}:{text}{".db" if kind == "db" else ""}
action "in" maildir "{box}/%{{user.username}}" alias <aliases>
match from any for domain "in.test" action "in"
""")
    return daemon.start(), maildir, text


def makemap(bench, text):
    subprocess.run([personality(bench, "makemap"), text], check=True, capture_output=True, timeout=20)


def is_known(daemon, name):
    return recipient_reply(daemon, f"{name}@in.test").startswith("250 ")


def wait_known(daemon, name):
    eventually(lambda: is_known(daemon, name), lambda: f"{name} is not known: {daemon.log()[-600:]}", SECONDS)


def updates(daemon):
    return daemon.log().count("table aliases is updated")


@case("a map that is made anew counts without another command, also after lookup's death, and for root alone")
def anew(bench):
    user = bench.recipient
    daemon, box, text = map_daemon(bench, f"one: {user}\n", mode=0o600)
    expect(is_known(daemon, "one") and not is_known(daemon, "two"), "before")
    replace(text, f"two: {user}\n", 0o600)
    makemap(bench, text)
    expect_equal(os.stat(text + ".db").st_mode & 0o777, 0o600, "mode")
    wait_known(daemon, "two")
    expect(not is_known(daemon, "one"), "what was there before")
    submit(daemon.port, recipients=["two@in.test"])
    box.wait(1)
    daemon.kill_role("lookup")
    wait_known(daemon, "two")
    # What makes a map within its file.
    replace(text, f"three: {user}\n", 0o600)
    subprocess.run([personality(bench, "makemap"), "-o", bench.path("other.db"), text], check=True, capture_output=True)
    shutil.copyfile(bench.path("other.db"), text + ".db")
    wait_known(daemon, "three")
    daemon.stop()


@case("newaliases that does not find the server has the map taken all the same, and one that does has it taken once")
def newaliases(bench):
    user = bench.recipient
    daemon, box, text = map_daemon(bench, f"one: {user}\n")
    bench.write("aliases", f"two: {user}\n")
    done = subprocess.run([personality(bench, "newaliases"), "-f", daemon.configuration], capture_output=True,
                          text=True, timeout=20, env=dict(os.environ, SMTPD_STATE=bench.path("nowhere")))
    expect_equal((done.returncode, done.stdout), (0, f"{text}: 1 aliases\n"), done.stderr)
    wait_known(daemon, "two")
    submit(daemon.port, recipients=["two@in.test"])
    box.wait(1)
    # Told of by the one that knows the place, it is taken once.
    bench.write("aliases", f"three: {user}\n")
    before = updates(daemon)
    subprocess.run([personality(bench, "newaliases"), "-f", daemon.configuration], check=True, capture_output=True,
                   timeout=20, env=dict(os.environ, SMTPD_STATE=daemon.state))
    expect(is_known(daemon, "three"), "at once")
    time.sleep(1.5)
    expect_equal(updates(daemon) - before, 1, "updates")
    daemon.stop()


@case("a map of which nothing can come changes nothing, and is told of once: {what}",
      what=["a text", "no map at all", "for everybody", "missing"])
def broken(bench, what):
    user = bench.recipient
    daemon, _, text = map_daemon(bench, f"one: {user}\n")
    if what == "a text":
        replace(text + ".db", f"two: {user}\n", 0o644)
    elif what == "no map at all":
        os.unlink(text + ".db")
        os.mkdir(text + ".db")
    elif what == "for everybody":
        os.chmod(text + ".db", 0o666)
    else:
        os.unlink(text + ".db")
    if what == "missing":
        time.sleep(1.5)
        expect_equal(daemon.log().count("table aliases"), 0, daemon.log())
    else:
        daemon.wait_log(r"warn: lookup: table aliases.*; what it said before counts\n", SECONDS)
    expect(is_known(daemon, "one"), "what it said before")
    time.sleep(1.5)
    expect_equal(daemon.log().count("what it said before counts"), what != "missing", daemon.log())
    expect_equal(updates(daemon), 0, "updates")
    daemon.kill_role("lookup")
    wait_known(daemon, "one")
    if what == "no map at all":
        os.rmdir(text + ".db")
    bench.write("aliases", f"two: {user}\n")
    makemap(bench, text)
    wait_known(daemon, "two")
    daemon.stop()


@case("a pipe in the place of a map is not opened, which its writer would see, and is told of once")
def pipe(bench):
    user = bench.recipient
    daemon, _, text = map_daemon(bench, f"one: {user}\n")
    os.unlink(text + ".db")
    os.mkfifo(text + ".db")
    # It says so once somebody reads.
    writer = subprocess.Popen(["sh", "-c", 'exec 3> "$0" && echo opened', text + ".db"], stdout=subprocess.PIPE)
    bench.at_end(writer.kill)
    daemon.wait_log(r"warn: lookup: table aliases.*not a regular file.*; what it said before counts\n", SECONDS)
    daemon.run_ctl("update", "table", "aliases")
    time.sleep(1.5)
    expect_equal(writer.poll(), None, "the writer")
    expect_equal(daemon.log().count("what it said before counts"), 1, daemon.log())
    expect(is_known(daemon, "one"), "what it said before")
    os.unlink(text + ".db")
    bench.write("aliases", f"two: {user}\n")
    makemap(bench, text)
    wait_known(daemon, "two")
    daemon.stop()


@case("newaliases that may not tell the server succeeds with a notice for a map, and fails for a text: {kind}",
      kind=["db", "file"])
def untold(bench, kind):
    user = bench.recipient
    daemon, _, text = map_daemon(bench, f"one: {user}\n", kind=kind)
    # It has been read.
    expect(is_known(daemon, "one"), "before")
    options = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if bench.is_root else {}
    if bench.is_root:
        # What newaliases makes lies beside the text, and it reads the configuration.
        for path in (os.path.dirname(text), text, text + ".db"):
            os.chown(path, pwd.getpwnam(user).pw_uid, -1)
        os.chmod(daemon.configuration, 0o644)
    else:
        os.chmod(os.path.join(daemon.state, "smtpd.sock"), 0)
    bench.write("aliases", f"two: {user}\n")
    done = subprocess.run([personality(bench, "newaliases"), "-f", daemon.configuration], capture_output=True, text=True,
                          timeout=20, env=dict(os.environ, SMTPD_STATE=daemon.state), **options)
    expect_equal(done.stdout, f"{text}: 1 aliases\n", done.stderr)
    if kind == "db":
        expect_equal((done.returncode, done.stderr),
                     (0, "newaliases: the daemon takes the map by itself; telling it needs root privileges\n"))
        wait_known(daemon, "two")
    else:
        expect_equal((done.returncode, done.stderr),
                     (1, "newaliases: the daemon was not told: need root privileges\n"))
        time.sleep(1.5)
        expect(not is_known(daemon, "two"), "a text that nobody was told of")
    daemon.stop()


@case("a text that is changed waits for update table, as it did")
def texts(bench):
    user = bench.recipient
    daemon, _, text = map_daemon(bench, f"one: {user}\n", kind="file")
    replace(text, f"two: {user}\n", 0o644)
    makemap(bench, text)
    time.sleep(1.5)
    expect(is_known(daemon, "one") and not is_known(daemon, "two"), "before")
    daemon.ctl("update", "table", "aliases")
    expect(is_known(daemon, "two"), "after")
    daemon.stop()


@case("four hundred tables in files start, and maps among them that are made anew are taken, nobody warned")
def many(bench):
    user = bench.recipient
    box, _ = box_of(bench)
    bench.write("one", f"one: {user}\n")
    makemap(bench, bench.path("one"))
    maps = range(100)
    for number in maps:
        shutil.copy(bench.path("one.db"), bench.path(f"m{number}.db"))
    bench.write("t", f"texts: {user}\n")
    tables = "".join(f"table m{number} db:{bench.path(f'm{number}.db')}\n" for number in maps)
    tables += "".join(f"table t{number} file:{bench.path('t')}\n" for number in range(300))
    daemon = Daemon(bench, tables + f"""
action "in" maildir "{box}/%{{user.username}}" alias <m0>
match from any for domain "in.test" action "in"
""").start()
    bench.write("one", f"two: {user}\n")
    makemap(bench, bench.path("one"))
    for number in maps:
        shutil.copy(bench.path("one.db"), bench.path("next"))
        os.replace(bench.path("next"), bench.path(f"m{number}.db"))

    def taken():
        return daemon.log().count(" is updated")

    eventually(lambda: taken() >= len(maps), lambda: f"{taken()} of them: {daemon.log()[-600:]}", 30)
    expect(is_known(daemon, "two"), "the new one")
    expect_equal(daemon.log().count("warn:"), 0, daemon.log())
    daemon.stop()
