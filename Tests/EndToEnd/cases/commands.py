# SPDX-License-Identifier: ISC
"""Commands that mail is given to, at their worst: hostile values, hangs, floods, early ends."""

import json
import os

from harness.case import case, eventually, expect, expect_equal
from harness.client import Client, message, stuffed, submit
from harness.daemon import Daemon, is_alive
from harness.users import make_users

# Each would leave a file behind, had a shell read it as a part of a program.
HOSTILE = ["$(touch {trap})", "`touch {trap}`", ";touch {trap};", "a';touch {trap};'",
           "|touch {trap}", "a&touch {trap}&", ">{trap}", "-o{trap}", "${{IFS}}touch${{IFS}}{trap}"]


def daemon_for(bench, command, **more):
    return Daemon(bench, f"""
action "command" mda "{command}"
match from any for domain "in.test" action "command"
""", **more)


def quoted(local):
    return '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'


def send(port, sender, recipient):
    with Client(port) as client:
        client.command("EHLO client.example.org")
        client.command(f"MAIL FROM:<{sender}>")
        client.send(f"RCPT TO:<{recipient}>\r\n")
        if not client.reply().startswith("250"):
            return False
        client.command("DATA", "354")
        client.send(stuffed(message()))
        client.expect("250")
    return True


@case("mda: no value from the network is a program, whatever quotes it stands in ({form})",
      form=["words", "bare", "single", "double", "substitution", "inner"])
def hostile_values(bench, form):
    out = bench.directory_for("out")
    trap = os.path.join(bench.directory, "trap")
    os.chmod(bench.directory, 0o777)
    values = "%{sender} %{sender.user:raw} %{rcpt} %{rcpt.user:raw} %{dest.user:lowercase}"
    # One write for a line: several run at a time.
    script = bench.write("show", f"#!/bin/sh\ncat >/dev/null\nline=$(printf '<%s>' \"$#\" \"$@\")\n"
                                 f"printf '%s\\n' \"$line\" >> {out}/got\n", 0o755)
    command = {
        "words": f"{script} {values}",
        "bare": f"{script} {values} 2>/dev/null",
        "single": f"{script} '{values}' 2>/dev/null",
        "double": f"X=1 {script} \\\"{values}\\\"",
        "substitution": f"cat >/dev/null; echo $(echo {values}) >> {out}/got",
        "inner": f"sh -c '{script} {values}'",
    }[form]
    daemon = daemon_for(bench, command).start()
    sent = 0
    for text in HOSTILE:
        local = text.format(trap=trap)
        sent += send(daemon.port, quoted(local) + "@example.org", f"{bench.recipient}@in.test")
        sent += send(daemon.port, "a@example.org", quoted(f"{bench.recipient}+{local}") + "@in.test")
    expect(sent >= len(HOSTILE), f"only {sent} were taken")
    daemon.wait_empty(30)
    lines = open(out + "/got").read().splitlines()
    expect_equal(len(lines), sent, "lines of output")
    expect(not os.path.exists(trap), "a value was run")
    if form in ("words", "bare"):
        # Each value is one argument, and none an option.
        for line in lines:
            expect(line.startswith("<5><"), f"the arguments are {line!r}")
            expect("<-" not in line, f"an option: {line!r}")
    daemon.stop()


@case("mda: hostile values reach the environment as they are, and nothing else")
def hostile_environment(bench):
    out = bench.directory_for("out")
    daemon = daemon_for(bench, f"cat >/dev/null; printf '%s' \\\"$SENDER\\\" > {out}/sender; "
                               f"printf '%s' \\\"$EXTENSION\\\" > {out}/extension").start()
    local = "$(touch x);'`\\"
    with Client(daemon.port) as client:
        client.command("EHLO client.example.org")
        client.command(f"MAIL FROM:<{quoted(local)}@example.org>")
        client.command(f"RCPT TO:<{quoted(bench.recipient + '+' + local)}@in.test>")
        client.command("DATA", "354")
        client.send(stuffed(message()))
        client.expect("250")
    daemon.wait_empty()
    expect_equal(open(out + "/sender").read(), quoted(local) + "@example.org", "SENDER")
    expect_equal(open(out + "/extension").read(), local, "EXTENSION")
    daemon.stop()


# What a user's command is told, and nothing of ours besides.
VARIABLES = {"PATH", "HOME", "LOGNAME", "USER", "SHELL", "SENDER", "ORIGINAL_RECIPIENT", "LOCAL", "DOMAIN", "RECIPIENT"}


@case("what a command is told is what OpenSMTPD tells it, and nothing else ({kind})",
      kind=["words", "script", "values", "wrapped", "wrapped agent", "alias", "forward", "forward with values"])
def environment(bench, kind):
    user = make_users(bench)[0]
    out = bench.directory_for("out", user.name)
    # Not through a shell, which has variables of its own.
    tell = bench.write("tell", f"""#!/usr/bin/python3
import json, os, sys
kept = dict(os.environ)
# Python's own.
kept.pop("LC_CTYPE", None)
open("{out}/" + sys.argv[1], "w").write(json.dumps([kept, sys.argv[2:]]))
sys.stdin.buffer.read()
os.rename("{out}/" + sys.argv[1], "{out}/" + sys.argv[1] + ".json")
""", 0o755)
    action, more = f'mda "{tell} got"', ""
    if kind == "script":
        action = f'mda "{tell} got; true"'
    elif kind == "values":
        action = f'mda "{tell} got %{{sender}} \\"%{{dest.user}}\\"; true"'
    elif kind.startswith("wrapped"):
        more = f'mda wrapper around "{tell} around %{{sender}} </dev/null; %{{mda}}"\n'
        action = (f'mda "{tell} got %{{sender}} %{{dest.user}}; true"' if kind == "wrapped" else f'maildir "{out}/Maildir"')
        action += " wrapper around"
    elif kind == "alias":
        more = f'table names file:{bench.write("aliases", f"tok: |{tell} got %{{sender}} %{{dest.user}}" + chr(10), 0o644)}\n'
        action = f'maildir "{out}/Maildir" user {user.name} alias <names>'
    elif kind.startswith("forward"):
        values = " %{sender} %{dest.user}" if "values" in kind else ""
        user.write(".forward", f'"|{tell} got{values}"\n')
        action = f'maildir "{out}/Maildir"'
    name = "tok" if kind == "alias" else user.name
    daemon = Daemon(bench, f"""
{more}action "in" {action}
match from any for domain "in.test" action "in"
""").start()
    submit(daemon.port, sender="a@example.org", recipients=[f"{name}+tag@in.test"])
    names = {"wrapped": ["got", "around"], "wrapped agent": ["around"]}.get(kind, ["got"])
    for what in names:
        path = f"{out}/{what}.json"
        eventually(lambda: os.path.exists(path), lambda: daemon.log()[-800:])
        with open(path) as file:
            told, arguments = json.load(file)
        # The shell's.
        told.pop("PWD", None)
        # What an alias or a file names stands for the address, and not for what was added to it.
        extension = {} if kind.startswith(("alias", "forward")) else {"EXTENSION": "tag"}
        expect_equal(set(told), VARIABLES | set(extension), f"variables of {what}")
        wanted = {"SENDER": "a@example.org", "RECIPIENT": f"{name}+tag@in.test", "LOCAL": f"{name}+tag",
                  "DOMAIN": "in.test", "SHELL": "/bin/sh", **extension}
        expect_equal({key: told[key] for key in wanted}, wanted, "values")
        if kind in ("values", "wrapped", "alias", "forward with values"):
            expect_equal(arguments[0], "a@example.org", "a value that is an argument")
    daemon.wait_empty()
    daemon.stop()


@case("mda: a value from the network chooses no program: mail for one waits ({kind})", kind=["list", "forward"])
def value_as_program(bench, kind):
    user = make_users(bench)[0]
    out = bench.directory_for("out", user.name)
    hooks = bench.directory_for("hooks")
    # What the recipient's address leads to.
    bench.write("trap", f"#!/bin/sh\ncat >/dev/null\ntouch {out}/trapped\n", 0o755)
    if kind == "list":
        names = bench.write("list", f"|{hooks}/%{{dest.user}}\n", 0o644)
        more = f'table names {{ "@in.test" = ":include:{names}" }}\n'
        action, recipient = f"virtual <names> user {user.name}", '"../trap"@in.test'
    else:
        user.write(".forward", f'"|{hooks}/%{{sender.user}}"\n')
        more, action, recipient = "", "", f"{user.name}@in.test"
    daemon = Daemon(bench, f"""
{more}action "in" maildir "{out}/Maildir" {action}
match from any for domain "in.test" action "in"
""").start()
    submit(daemon.port, sender='"../trap"@example.org', recipients=[recipient])
    daemon.wait_log(r"result=TempFail stat=Error .*would choose the program that runs")
    expect(not os.path.exists(out + "/trapped"), "it ran")
    daemon.stop()


@case("mda: words of the configuration need no shell, and the program is found in the path")
def without_shell(bench):
    out = bench.directory_for("out")
    bench.write("show", f"#!/bin/sh\ncat > {out}/body\nps -o comm= -p $PPID > {out}/parent\n", 0o755)
    daemon = daemon_for(bench, f"env A=1 {bench.path('show')} 'a b'").start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    eventually(lambda: os.path.exists(out + "/parent"), "it did not run")
    daemon.wait_empty()
    expect("sh" != open(out + "/parent").read().strip(), "a shell stood between")
    daemon.stop()


@case("mda: a program that is missing makes mail wait, not bounce ({form})", form=["words", "shell", "alias"])
def missing_program(bench, form):
    command = {"words": "/nonexistent/program", "shell": "exec /nonexistent/program 2>&1"}.get(form, "/bin/false")
    daemon = Daemon(bench, f"""
table names {{ "{bench.recipient}" = "|/nonexistent/program -x" }}
action "command" mda "{command}" {f'alias <names> user "{bench.recipient}"' if form == "alias" else ""}
match from any for domain "in.test" action "command"
""").start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    reason = "/nonexistent/program: No such file or directory" if form == "words" else ".*/nonexistent/program: .*"
    daemon.wait_log(rf"result=TempFail stat=Error \({reason}\)")
    expect_equal(len(daemon.queue()), 1, "envelopes that wait")
    daemon.stop()


@case("mda: a command that floods its output is read to its end, and its last line is the reason")
def flood(bench):
    daemon = daemon_for(bench, "cat >/dev/null; yes flooding | head -c 5000000; "
                               "echo; echo the end; exit 75").start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    daemon.wait_log(r"result=TempFail stat=Error \(the end\)", 40)
    with open(f"/proc/{daemon.roles()['delivery']}/status") as file:
        resident = [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]
    expect(resident < 400_000, f"delivery holds {resident} KB")
    daemon.stop()


@case("mda: what a command left running goes with it")
def leftovers(bench):
    out = bench.directory_for("out")
    daemon = daemon_for(bench, f"cat >/dev/null; sleep 1000 & echo $! > {out}/child; exit 0").start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    daemon.wait_log(r"mda delivery .*result=Ok")
    child = int(open(out + "/child").read())
    eventually(lambda: not is_alive(child), "its child lives on", 5)
    daemon.stop()


@case("mda: a command that hangs ends with the daemon, and its mail is still there")
def hangs(bench):
    out = bench.directory_for("out")
    daemon = daemon_for(bench, f"echo $$ > {out}/pid; exec sleep 1000").start()
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    eventually(lambda: os.path.exists(out + "/pid") and open(out + "/pid").read().strip(), "no command")
    process = int(open(out + "/pid").read())
    daemon.stop(15)
    eventually(lambda: not is_alive(process), "the command lives on", 5)
    daemon.start()
    expect_equal(len(daemon.queue()), 1, "envelopes after the restart")
    daemon.stop(15)


@case("mda: when delivery dies, no command takes half a message for a whole one")
def killed_feeder(bench):
    out = bench.directory_for("out")
    # It takes the body slowly, so that delivery dies in the middle of it.
    daemon = daemon_for(bench, f"touch {out}/began; sleep 2; cat > {out}/part && mv {out}/part "
                               f"{out}/whole.$$").start()
    body = message(text="0123456789abcdef\r\n" * 60000)
    submit(daemon.port, recipients=[f"{bench.recipient}@in.test"], body=body)
    eventually(lambda: os.path.exists(out + "/began"), "no command")
    daemon.kill_role("delivery")
    eventually(lambda: [n for n in os.listdir(out) if n.startswith("whole")], "never delivered", 40)
    daemon.wait_empty(30)
    wholes = [n for n in os.listdir(out) if n.startswith("whole")]
    for name in wholes:
        got = open(os.path.join(out, name), "rb").read()
        expect(got.endswith(b"0123456789abcdef\n"), "half a message was taken")
        expect_equal(got.count(b"0123456789abcdef\n"), 60000, "lines")
    daemon.stop()


@case("mda limit: no more commands at a time than max-session, and for one user max-session-per-user")
def limits(bench):
    out = bench.directory_for("out")
    daemon = Daemon(bench, f"""
mda limit max-session 5 max-session-per-user 2
action "command" mda "cat >/dev/null; echo > {out}/run.$$; ls {out} | grep -c run >> {out}/counts; \
sleep 0.3; rm {out}/run.$$"
match from any for domain "in.test" action "command"
""").start()
    for _ in range(8):
        submit(daemon.port, recipients=[f"{bench.recipient}@in.test"])
    daemon.wait_empty(30)
    counts = [int(word) for word in open(out + "/counts").read().split()]
    expect_equal(len(counts), 8, "commands that ran")
    expect(max(counts) <= 2, f"{max(counts)} ran at once for one user")
    daemon.stop()


@case("mda: several users who get one message are delivered to at the same time")
def together(bench):
    users = make_users(bench)
    out = bench.directory_for("out")
    os.chmod(out, 0o777)
    # Each waits until both have begun.
    program = bench.write("wait", f"""#!/bin/sh
cat > /dev/null
mktemp {out}/began.XXXXXX
for turn in $(seq 150); do
  [ $(ls {out} | wc -l) = 2 ] && exit 0
  sleep 0.1
done
echo alone
exit 75
""", 0o755)
    daemon = daemon_for(bench, program).start()
    submit(daemon.port, recipients=[f"{user.name}@in.test" for user in users])
    daemon.wait_log(r"mda delivery .*result=", 35, count=2)
    expect("stat=Error" not in daemon.log(), daemon.log()[-800:])
    daemon.wait_empty()
    daemon.stop()
