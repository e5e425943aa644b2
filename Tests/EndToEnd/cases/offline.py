# SPDX-License-Identifier: ISC
"""Messages that sendmail kept while nobody listened, and what others may have put beside them."""

import os
import pwd
import stat
import subprocess
import threading
import time

from harness.case import Skipped, case, eventually, expect, expect_equal
from harness.daemon import Daemon, SMTPD
from harness.mailbox import Maildir
from harness.sendmail import as_user, environment, link, sendmail
from harness.users import make_users


def configured(bench):
    box = bench.directory_for("mail")
    daemon = Daemon(bench, f"""
action "local" maildir "{box}/%{{user.username}}"
match from socket for domain "in.test" action "local"
""")
    return daemon, Maildir(os.path.join(box, bench.recipient))


def stopped(bench):
    """A daemon that has run once, so that its directories are there."""
    daemon, box = configured(bench)
    daemon.start()
    daemon.stop()
    return daemon, box, os.path.join(daemon.state, "spool", "offline")


def kept(directory):
    return sorted(os.listdir(directory))


def put(directory, content, owner=None, name=None, mode=0o600):
    """A file as sendmail would have written it."""
    name = name or f"{int(time.time())}.abc{len(os.listdir(directory))}"
    path = os.path.join(directory, name)
    with open(path, "w") as file:
        file.write(content)
    os.chmod(path, mode)
    if owner is not None:
        os.chown(path, owner.uid, -1)
    return path


@case("mail sent while the daemon is down is delivered once it is up, as its sender's")
def down_then_up(bench):
    users = make_users(bench) if bench.is_root else []
    user = users[0].name if users else None
    daemon, box, directory = stopped(bench)
    mode = stat.S_IMODE(os.stat(directory).st_mode)
    expect_equal(mode, 0o3733 if bench.is_root else 0o700, "mode of the directory")
    done = sendmail(daemon, "-F", "A Name", f"{bench.recipient}@in.test", input="Subject: late\n\nx\n",
                    user=user)
    expect_equal(done.returncode, 75, f"status ({done.stderr!r})")
    expect_equal(len(kept(directory)), 1, "messages that are kept")
    facts = os.stat(os.path.join(directory, kept(directory)[0]))
    expect_equal(stat.S_IMODE(facts.st_mode), 0o600, "mode of the file")
    daemon.start()
    got = box.wait(1)[0].decode()
    expect("\nFrom: A Name <" in got and "\nSubject: late\n" in got, f"it is {got!r}")
    if users:
        expect(f"<{user}@" in got, f"the sender in {got!r}")
        daemon.wait_log(rf"smtp connected address=local host=\S+ uid={users[0].uid}\n")
    eventually(lambda: kept(directory) == [], lambda: f"{kept(directory)} is left")
    daemon.wait_empty()
    expect_equal(len(box.messages()), 1, "deliveries")
    daemon.stop()


@case("a user can add to the offline directory, and cannot list it, nor touch what others put there")
def directory_rights(bench):
    users = make_users(bench)
    daemon, _, directory = stopped(bench)
    sendmail(daemon, f"{bench.recipient}@in.test", input="\n", user=users[0].name)
    name = kept(directory)[0]
    for command in (["ls", directory], ["cat", f"{directory}/{name}"], ["rm", "-f", f"{directory}/{name}"],
                    ["mv", f"{directory}/{name}", f"{directory}/other"]):
        done = subprocess.run(["setpriv", f"--reuid={users[1].name}", f"--regid={users[1].gid}",
                               "--clear-groups"] + command, capture_output=True)
        expect(done.returncode != 0, f"{command[0]} works for others")
    expect_equal(kept(directory), [name], "what is there")


@case("what is put there while the daemon runs is taken up at once")
def while_running(bench):
    daemon, box = configured(bench)
    daemon.start()
    directory = os.path.join(daemon.state, "spool", "offline")
    daemon.wait_log("ready|starting")
    time.sleep(1.5)  # the round after the start is over, or takes it, too
    path = put(directory, f"{bench.recipient}@in.test\nSubject: race\n\n", name="tmp.1.a")
    os.rename(path, os.path.join(directory, "1700000000.aaaa"))
    expect(b"\nSubject: race\n" in box.wait(1, seconds=8)[0], "another message")
    eventually(lambda: kept(directory) == [], "it is left")
    daemon.stop()


@case("what is no message of its owner's is set aside with the reason, and nothing of it is sent")
def bad_files(bench):
    users = make_users(bench)
    daemon, box, directory = stopped(bench)
    to = f"{bench.recipient}@in.test"
    secret = bench.write("secret", f"{to}\nSubject: secret\n\n", mode=0o600)
    os.symlink(secret, os.path.join(directory, "1700000001.symlink"))
    os.link(secret, os.path.join(directory, "1700000002.hardlink"))
    os.mkfifo(os.path.join(directory, "1700000003.fifo"))
    os.mkdir(os.path.join(directory, "1700000004.folder"))
    put(directory, f"{to}\nSubject: writable\n\n", users[0], "1700000005.writable", mode=0o622)
    put(directory, f"{to}\nSubject: name\n\n", users[0], "strange name\n")
    put(directory, f"-Z|{to}\nSubject: options\n\n", users[0], "1700000006.options")
    put(directory, "no end of a line", users[0], "1700000007.noend")
    put(directory, "nobody@elsewhere.test\nSubject: refused\n\n", users[0], "1700000008.refused")
    nobody = put(directory, f"{to}\nSubject: nobody\n\n", None, "1700000009.nobody")
    os.chown(nobody, 54321, -1)
    moved = put(directory, f"{to}\nSubject: moved\n\n", users[1], "1700000011.moved")
    os.chown(moved, -1, users[1].gid)
    good = "1700000010.good"
    put(directory, f"{to}\nSubject: good\n\n", users[1], good)
    daemon.start()
    got = box.wait(1)[0]
    expect(b"\nSubject: good\n" in got, f"it is {got!r}")
    eventually(lambda: all(name.startswith("failed.") for name in kept(directory)),
               lambda: f"it has {kept(directory)}: {daemon.log()[-1500:]}")
    expect_equal(len(kept(directory)), 11, "set aside")
    for word in ("symlink", "hardlink", "fifo", "folder", "writable", "options", "noend", "refused", "nobody",
                 "moved"):
        daemon.wait_log(rf"warn: offline: \d+\.{word}.*; set aside in ")
    expect_equal(len(box.messages()), 1, "deliveries")
    expect(open(secret).read() != "", "the secret is gone")
    expect("Subject: refused" in open(os.path.join(users[0].home, "dead.letter")).read(), "no dead.letter")
    # A second start looks at none of them again.
    mark = kept(directory)
    daemon.restart()
    time.sleep(1.5)
    expect_equal(kept(directory), mark, "what is set aside")
    expect("offline" not in daemon.log(), f"it says {daemon.log()}")
    daemon.stop()


@case("a crash of everything while offline messages are taken up loses none, and repeats few", seconds=120)
def crash(bench):
    daemon, box, directory = stopped(bench)
    count = 60
    for number in range(count):
        put(directory, f"{bench.recipient}@in.test\nSubject: number {number:02}\n\n",
            name=f"17000000{number:02}.a")
    left = []
    for _ in range(4):
        daemon.start()
        before = len(kept(directory))
        eventually(lambda: len(kept(directory)) <= before - 3, "nothing is taken up", 30)
        daemon.kill()
        left.append(len(kept(directory)))
    daemon.start()
    eventually(lambda: kept(directory) == [], lambda: f"{kept(directory)} is left: {daemon.log()[-800:]}", 60)
    daemon.wait_empty()
    subjects = [line for got in box.messages() for line in got.decode().splitlines()
                if line.startswith("Subject: ")]
    expect_equal(len(set(subjects)), count, "messages that arrived")
    expect(len(subjects) <= count + 4 * 5, f"{len(subjects)} deliveries of {count} messages")
    bench.note(f"left at the crashes: {left}; {len(subjects) - count} repeated")
    daemon.stop()


@case("the offline directory may be another file system")
def other_file_system(bench):
    bench.need_root("needs root, to mount")
    daemon, box, directory = stopped(bench)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs", directory],
                          capture_output=True)
    if done.returncode != 0:
        raise Skipped("mount is not permitted")
    bench.at_end(lambda: subprocess.run(["umount", "-l", directory]))
    daemon.start()
    expect_equal(stat.S_IMODE(os.stat(directory).st_mode), 0o3733, "mode of the mount")
    daemon.stop()
    done = sendmail(daemon, f"{bench.recipient}@in.test", input="Subject: mounted\n\n")
    expect_equal(done.returncode, 75, f"status ({done.stderr!r})")
    full = sendmail(daemon, f"{bench.recipient}@in.test", input=b"\n" + b"x" * 2_000_000)
    expect_equal(full.returncode, 69, f"status on a full disk ({full.stderr!r})")
    expect_equal(len(kept(directory)), 1, "what is left of a message that did not fit")
    daemon.start()
    expect(b"\nSubject: mounted\n" in box.wait(1)[0], "another message")
    eventually(lambda: kept(directory) == [], "it is left")
    daemon.stop()


@case("a link in the place of the offline directory is not followed")
def linked_directory(bench):
    daemon, _, directory = stopped(bench)
    os.rmdir(directory)
    elsewhere = bench.path("elsewhere")
    os.mkdir(elsewhere)
    os.symlink(elsewhere, directory)
    daemon.launch()
    expect(daemon.ended(15) != 0, "it starts")
    daemon.process = None
    expect_equal(stat.S_IMODE(os.stat(elsewhere).st_mode), 0o755, "mode of what it points to")
    done = sendmail(daemon, f"{bench.recipient}@in.test", input="\n")
    expect_equal(done.returncode, 69, f"status ({done.stderr!r})")
    expect_equal(os.listdir(elsewhere), [], "what is there")


@case("another user's file that is renamed into the offline directory is set aside, and a directory of old is mended")
def renamed(bench):
    users = make_users(bench)
    daemon, box, directory = stopped(bench)
    group = os.stat(os.path.join(daemon.state, "spool")).st_gid
    os.chown(directory, 0, 0)
    os.chmod(directory, 0o1733)
    daemon.start()
    facts = os.stat(directory)
    expect_equal((facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode)), (0, group, 0o3733), "owner, group and mode")
    # One user's directory, which another one may write to, on the same file system.
    shared = os.path.join(daemon.state, "shared")
    os.mkdir(shared)
    os.chmod(shared, 0o777)
    os.chown(shared, users[0].uid, users[0].gid)
    file = os.path.join(shared, "file")
    text = f"{bench.recipient}@in.test\nSubject: stolen\n\n"
    subprocess.run(as_user(["sh", "-c", f"umask 077; cat > {file}"], users[1].name), input=text.encode(), check=True)
    subprocess.run(as_user(["mv", file, os.path.join(directory, "1700000000.stolen")], users[0].name), check=True)
    eventually(lambda: kept(directory) == ["failed.1700000000.stolen"], lambda: f"it has {kept(directory)}")
    daemon.wait_log(rf"1700000000.stolen: it was not made there, but has the group {users[1].gid}; set aside in ")
    expect_equal(len(box.messages()), 0, "deliveries")
    daemon.stop()


@case("a message whose last sync fails is not there, so that whoever sends it again sends it once")
def failed_sync(bench):
    daemon, _, directory = stopped(bench)
    source = bench.write("syncfs.c", "#include <errno.h>\nint syncfs(int file) { errno = EIO; return -1; }\n")
    library = bench.path("syncfs.so")
    subprocess.run(["clang", "-shared", "-fPIC", "-o", library, source], check=True)
    done = subprocess.run([link(bench), f"{bench.recipient}@in.test"], input=b"\n", capture_output=True, timeout=30,
                          env=environment(daemon) | {"LD_PRELOAD": library})
    expect_equal(done.returncode, 69, f"status ({done.stderr!r})")
    expect(b"nput/output error" in done.stderr, f"it says {done.stderr!r}")
    expect_equal(kept(directory), [], "what is there")


@case("an argument that divides arguments is refused while the daemon is down")
def dividers(bench):
    daemon, _, directory = stopped(bench)
    done = sendmail(daemon, "-F", "a|b", f"{bench.recipient}@in.test", input="\n")
    expect_equal(done.returncode, 69, f"status ({done.stderr!r})")
    expect_equal(kept(directory), [], "what is there")


@case("a refusal for now keeps the message, and a later round sends it", seconds=120)
def refused_for_now(bench):
    daemon, box = configured(bench)
    daemon.start()
    daemon.kill_role("lookup")
    directory = os.path.join(daemon.state, "spool", "offline")
    bench.note("lookup was ended")
    done = sendmail(daemon, f"{bench.recipient}@in.test", input="Subject: soon\n\n")
    expect(done.returncode in (0, 75), f"status {done.returncode} ({done.stderr!r})")
    box.wait(1, seconds=80)
    eventually(lambda: kept(directory) == [], "it is left")
    daemon.stop()


@case("a user with many offline messages does not make another one wait", seconds=90)
def turns(bench):
    users = make_users(bench)
    daemon, box, directory = stopped(bench)
    for number in range(80):
        put(directory, f"{bench.recipient}@in.test\nSubject: many\n\n", users[0], f"17000000{number:02}.many")
    put(directory, f"{bench.recipient}@in.test\nSubject: one\n\n", users[1], "1800000000.one")
    daemon.start()
    eventually(lambda: "1800000000.one" not in kept(directory), "it is left", 20)
    left = len(kept(directory))
    expect(left > 60, f"only {left} of the others' 80 were left")
    eventually(lambda: kept(directory) == [], lambda: f"{len(kept(directory))} are left", 60)
    expect_equal(sum(b"Subject: one\n" in got for got in box.wait(81)), 1, "deliveries of it")
    daemon.stop()


@case("offline messages that are swapped for links all the time are sent whole or set aside", seconds=120)
def race(bench):
    daemon, box = configured(bench)
    daemon.start()
    directory = bench.path("race")
    os.mkdir(directory)
    os.chmod(directory, 0o3733 if bench.is_root else 0o700)
    owner = pwd.getpwnam(bench.recipient)
    to = f"{bench.recipient}@in.test"
    secret = bench.write("secret", f"{to}\nSubject: secret\n\nSECRET\n", mode=0o600)
    lines = "0123456789abcdef\n" * 500
    names = [f"17000000{number:02}.a" for number in range(20)]
    over = threading.Event()

    def swap():
        temporary = os.path.join(directory, "tmp.1.swap")
        turn = 0
        while not over.is_set():
            if turn // len(names) % 2 == 0:
                put(directory, f"{to}\nSubject: whole\n\n{lines}end\n", name="tmp.1.swap")
                os.chown(temporary, owner.pw_uid, -1)
            else:
                os.symlink(secret, temporary)
            os.rename(temporary, os.path.join(directory, names[turn % len(names)]))
            turn += 1

    swapper = threading.Thread(target=swap)
    bench.at_end(over.set)
    swapper.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = subprocess.run([SMTPD, "-x", "offline", directory, os.path.join(daemon.state, "smtpd-submit.sock")],
                              capture_output=True, timeout=60)
        expect(done.returncode in (0, 75), f"status {done.returncode}: {done.stderr[-300:]}")
        aside = sum(name.startswith("failed.") for name in os.listdir(directory))
        if aside >= 100 and len(box.messages()) >= 100:
            break
    over.set()
    swapper.join()
    daemon.wait_empty(30)
    found = box.messages()
    expect(aside >= 100 and len(found) >= 100, f"only {len(found)} were sent, and {aside} set aside")
    for text in found:
        expect(b"\nSubject: whole\n" in text and text.endswith(b"\n\n" + lines.encode() + b"end\n"), f"it is {text[:400]!r}")
    with open(secret) as file:
        expect("SECRET" in file.read(), "what the links point to")
    bench.note(f"{len(found)} sent, {aside} set aside")
    daemon.stop()
