# SPDX-License-Identifier: ISC
"""Commands and files that the queue says an alias or a `.forward` named: it is believed by nobody.

The envelopes are written by hand, as a delivering role or a queue would that was taken over.
"""

import glob
import os

from harness.case import case, eventually, expect, expect_equal
from harness.client import message, submit
from harness.daemon import Daemon, is_alive
from harness.users import make_users

CONFIGURATION = """
action "local" maildir
match from any for domain "in.test" action "local"
"""


def forged(bench, user, *lines, note="", prepare=lambda: None):
    """A daemon that runs, and in its queue one envelope for the user with these fields added."""
    daemon = Daemon(bench, CONFIGURATION, arguments=["-P", "mda"]).start()
    submit(daemon.port, recipients=[f"{user}@in.test"])
    daemon.wait_queued(1)
    daemon.stop()
    [path] = [name for name in glob.glob(os.path.join(daemon.state, "**", "queue", "*", "*", "*"),
                                         recursive=True) if not name.endswith("message")]
    text = open(path).read()
    if note:
        head, rest = text.split("\n", 1)
        text = f"{head} {note}\n{rest}"
    with open(path, "w") as file:
        file.write(text + "".join(line + "\n" for line in lines))
    daemon.arguments = []
    prepare()
    return daemon.start()


@case("a command of a .forward runs as the user, while the file names it")
def forward(bench):
    user = make_users(bench)[0]
    out = os.path.join(user.home, "ran")
    command = f"cat > {out}; id -u >> {out}"
    user.write(".forward", f"|{command}\n")
    daemon = forged(bench, user.name, f"mda-exec: {command}")
    daemon.wait_empty()
    lines = open(out).read().splitlines()
    expect_equal(lines[-1], str(user.uid), "who ran it")
    expect(lines[0].startswith("Return-Path: "), f"it got {lines[:3]}")
    daemon.stop()


@case("a command that is in no .forward does not run, and the mail waits ({what})",
      what=["other", "no file", "another's file"])
def forged_forward(bench, what):
    user, other = make_users(bench)
    trap = bench.path("trap")
    os.chmod(bench.directory, 0o777)

    def prepare():
        if what == "other":
            user.write(".forward", "|true\n")
        elif what == "another's file":
            path = user.write(".forward", f"|touch {trap}\n")
            os.chown(path, other.uid, other.gid)

    daemon = forged(bench, user.name, f"mda-exec: touch {trap}", prepare=prepare)
    daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(mail\.forward: .*\)")
    expect(not os.path.exists(trap), "it ran")
    expect_equal(len(daemon.queue()), 1, "envelopes that wait")
    daemon.stop()


@case("a file of a .forward is appended to as the user, and no other file is")
def forward_file(bench):
    user = make_users(bench)[0]
    box = os.path.join(user.home, "box")
    user.write(".forward", f"{box}\n")
    daemon = forged(bench, user.name, "mda-form: file", f"mda-exec: {box}")
    daemon.wait_empty()
    expect_equal(os.stat(box).st_uid, user.uid, "owner of the file")
    expect(open(box).read().startswith("From a@example.org "), "no mailbox")
    daemon.stop()


@case("a command that no table of the action holds is not run as an alias's", seconds=90)
def forged_alias(bench):
    user = make_users(bench)[0]
    trap = bench.path("trap")
    os.chmod(bench.directory, 0o777)
    daemon = forged(bench, user.name, f"mda-exec: touch {trap}", note="node=alias")
    daemon.wait_log(r"mda delivery .*result=TempFail", 45)
    expect(not os.path.exists(trap), "it ran")
    eventually(lambda: len(daemon.queue()) == 1, "the envelope is gone")
    daemon.stop()


@case("root's .forward runs nothing")
def root_forward(bench):
    make_users(bench)
    daemon = forged(bench, "root", "mda-exec: id")
    daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(delivery as root is refused\)")
    daemon.stop()


@case("tokens in a command of an alias and of a .forward are values, and never read by the shell ({kind})",
      kind=["alias", "forward"])
def tokens(bench, kind):
    user = make_users(bench)[0]
    out = bench.directory_for("out", user.name)
    command = f"cat >/dev/null; printf '%s|%s|100%%%%' \"%{{sender}}\" %{{dest.user}} > {out}/got; touch {out}/done"
    text = command.replace('"', '\\"')
    if kind == "alias":
        aliases = bench.write("aliases", f'tok: "|{text}"\n')
        more, name = f'table names "{aliases}"', "tok"
        options = f'user {user.name} alias <names>'
    else:
        user.write(".forward", f'"|{text}"\n')
        more, name, options = "", user.name, ""
    daemon = Daemon(bench, f"""
{more}
action "in" maildir "{out}/Maildir" {options}
match from any for domain "in.test" action "in"
""").start()
    submit(daemon.port, sender="a$PATH`id`'|b@example.org", recipients=[f"{name}@in.test"])
    eventually(lambda: os.path.exists(out + "/done"), lambda: daemon.log()[-800:])
    got = open(out + "/got").read()
    sender, destination, rest = got.rsplit("|", 2)
    expect_equal((destination, rest), (name, "100%"), "what came of the tokens")
    expect(sender.startswith("a") and sender.endswith("b@example.org") and "PATH" in sender and "id" in sender,
           f"the sender became {sender!r}")
    daemon.wait_empty()
    daemon.stop()


@case("an alias to a command that {manner}: its mail is not lost, and nobody else's waits",
      manner=["hangs", "forks", "floods its output", "exits early"])
def misbehaving(bench, manner):
    user = make_users(bench)[0]
    out = bench.directory_for("out", user.name)
    command = {
        "hangs": f"echo $$ > {out}/pid; exec sleep 1000",
        "forks": f"cat > /dev/null; sleep 1000 & echo $! > {out}/pid",
        "floods its output": "cat > /dev/null; yes | head -c 5000000; echo; echo the end; exit 75",
        "exits early": "exit 0",
    }[manner]
    aliases = bench.write("aliases", f'bad: "|{command}"\n')
    daemon = Daemon(bench, f"""
table names "{aliases}"
action "in" maildir "{out}/Maildir" user {user.name} alias <names>
match from any for domain "in.test" action "in"
""").start()
    submit(daemon.port, recipients=["bad@in.test"], body=message(text="0123456789abcdef\r\n" * 60000))
    submit(daemon.port, recipients=[f"{user.name}@in.test"])
    eventually(lambda: os.path.isdir(out + "/Maildir/new") and len(os.listdir(out + "/Maildir/new")) == 1,
               "the other message is not there")
    if manner == "hangs":
        eventually(lambda: os.path.exists(out + "/pid") and open(out + "/pid").read().strip(), "no command")
        expect_equal([entry["state"] for entry in daemon.queue()], ["inflight"], "envelopes")
    elif manner == "forks":
        daemon.wait_log(r"mda delivery .*to=<bad@in.test>.*result=Ok")
    elif manner == "floods its output":
        daemon.wait_log(r"mda delivery .*result=TempFail stat=Error \(the end\)", 40)
    else:
        daemon.wait_log(r"mda delivery .*to=<bad@in.test>.*result=TempFail")
    if manner != "hangs":
        expect_equal(len(daemon.queue()), 0 if manner == "forks" else 1, "envelopes")
    daemon.stop(15)
    if os.path.exists(out + "/pid"):
        process = int(open(out + "/pid").read())
        eventually(lambda: not is_alive(process), "the command lives on", 5)
    if manner not in ("forks", "exits early"):
        daemon.start()
        expect_equal(len(daemon.queue()), 1, "envelopes after a restart")
        daemon.stop(15)


@case("{whose} command that hangs is ended when its time is over: the mail waits, and the next one is served",
      whose=["an alias's", "a .forward's", "an action's"])
def timed_out(bench, whose):
    user, other = make_users(bench)[:2]
    out = bench.directory_for("out", user.name)
    # One child in the command's group, and one that pays no heed to an alarm.
    command = f"echo $$ >> {out}/pids; sleep 1000 & echo $! >> {out}/pids; cat >/dev/null; sleep 1000"
    more, action, name = "", f'maildir "{out}/Maildir"', user.name
    if whose == "an alias's":
        more = f'table names "{bench.write("aliases", f"bad: {chr(34)}|{command}{chr(34)}{chr(10)}")}"'
        action, name = action + f" user {user.name} alias <names>", "bad"
    elif whose == "a .forward's":
        user.write(".forward", f'"|{command}"\n')
    else:
        action = f'mda "{command}"'
    daemon = Daemon(bench, f"""
mda limit timeout 1s max-session 1
{more}
action "in" {action}
action "other" maildir "{out}/Other" user {user.name}
match from any for domain "in.test" action "in"
match from any for domain "other.test" action "other"
""").start()
    submit(daemon.port, recipients=[f"{name}@in.test"])
    eventually(lambda: os.path.exists(out + "/pids") and len(open(out + "/pids").read().split()) == 2, "no command")
    submit(daemon.port, recipients=[f"{other.name}@other.test"])
    daemon.wait_log(rf"mda delivery .*to=<{name}@in\.test>.*result=TempFail stat=Error \(", 15)
    for process in open(out + "/pids").read().split():
        eventually(lambda: not is_alive(int(process)), f"{process} lives on", 5)
    daemon.wait_log(r"mda delivery .*to=<\S+@other\.test>.*result=Ok", 15)
    expect_equal([entry["tries"] for entry in daemon.queue()], [1], "tries of what waits")
    daemon.stop(15)


@case("commands that one user gets a message by run beside each other, as his mailbox is filled")
def beside(bench):
    user = make_users(bench)[0]
    out = bench.directory_for("out", user.name)

    def waits(own, other):
        """A command that ends well only while the other one runs, or after it began."""
        return (f"cat > /dev/null; touch {out}/{own}; for i in $(seq 100); do [ -e {out}/{other} ] && exit 0;"
                f" sleep 0.1; done; exit 75")

    aliases = bench.write("aliases",
                          f'both: "|{waits("one", "two")}", "|{waits("two", "one")}", {user.name}\n')
    daemon = Daemon(bench, f"""
table names "{aliases}"
action "in" maildir "{out}/Maildir" user {user.name} alias <names>
match from any for domain "in.test" action "in"
""").start()
    submit(daemon.port, recipients=["both@in.test"], body=message(text="0123456789abcdef\r\n" * 60000))
    daemon.wait_empty(9)
    expect_equal(daemon.log().count("result=Ok"), 3, "deliveries")
    expect_equal(len(os.listdir(f"{out}/Maildir/new")), 1, "messages in the mailbox")
    daemon.stop()
