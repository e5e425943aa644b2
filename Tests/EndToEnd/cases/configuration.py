# SPDX-License-Identifier: ISC
"""The configuration as an operator checks it."""

import os
import subprocess

from harness.case import case, expect, expect_equal
from harness.client import Client
from harness.daemon import SMTPD, Daemon, free_port, start_fails

RULE = 'match from any for any reject\n'


def check(bench, text, *flags):
    path = bench.write("check.conf", text)
    return subprocess.run([SMTPD, "-n", "-S", bench.path("none"), "-f", path, *flags], text=True,
                          capture_output=True, timeout=20,
                          # A name server that does not answer is no reason to wait here.
                          env={**os.environ, "RES_OPTIONS": "timeout:1 attempts:1"})


@case("smtpd -n shows every mistake with line, caret and what was meant, and exits with 1")
def mistakes(bench):
    result = check(bench, 'lisen on lo\nqueue ttl 4\naction "a" mbx\n' + RULE)
    expect_equal(result.returncode, 1)
    for text in ["check.conf:1:", 'did you mean "listen"?', "check.conf:2:", "check.conf:3:",
                 'did you mean "mbox"?', "3 errors"]:
        expect(text in result.stderr, f"no {text!r} in {result.stderr}")
    expect("^~~~~" in result.stderr, "no caret")


@case("what smtpd -n -v prints is a configuration that says the same")
def normalized(bench):
    text = ('a = "example.org"\ntable t { x, y }\n'
            'listen on 127.0.0.1 port 2525 tag x\naction in maildir junk ttl 60m\n'
            'match from any for domain $a action in\nmatch for domain <t> reject\n')
    first = check(bench, text, "-v")
    expect_equal(first.returncode, 0)
    expect("configuration OK" in first.stderr, first.stderr)
    second = check(bench, first.stdout, "-v")
    expect_equal(second.returncode, 0)
    expect_equal(second.stdout, first.stdout)


@case("-T and -B take OpenSMTPD's words, and say which there are")
def words(bench):
    for flags in [["-T", "smtp"], ["-T", "all", "-T", "profile-imsg"], ["-T", "sandbox"],
                  ["-B", "scheduler=ramqueue", "-B", "stat=ram", "-B", "queue=ram"]]:
        result = check(bench, RULE, *flags)
        expect_equal((result.stderr, result.returncode), ("configuration OK\n", 0))
    for flags, reason in [(["-T", "foo"], "-T foo: expected one of sandbox, imsg, io, smtp, "),
                          (["-T", "smtp", "-T", ""], "-T : expected one of"),
                          (["-B", "scheduler=null"], "-B scheduler=null: there is no scheduler but ramqueue\n"),
                          (["-B", "stat=disk"], "-B stat=disk: there is no stat but ram\n"),
                          (["-B", "queue=null"], "-B queue=null: no such backend; expected one of fs, sqlite, "),
                          (["-B", "table=x"], "-B table=x: expected queue= and one of fs, sqlite, ")]:
        result = check(bench, RULE, *flags)
        expect(reason in result.stderr, result.stderr)
        expect_equal(result.returncode, 1)


@case("what nothing serves yet is checked with a warning, and named when the server is to start")
def unserved(bench):
    text = 'srs key "secret"\naction "out" relay srs\naction "o" relay srs\nmatch for any action "out"\n'
    result = check(bench, text)
    expect_equal(result.returncode, 0)
    for line, directive in [(1, "srs key"), (2, "action relay srs"), (3, "action relay srs")]:
        expect(f'check.conf:{line}: warning: "{directive}" is not supported yet' in result.stderr, result.stderr)
    expect("configuration OK" in result.stderr, result.stderr)
    log = start_fails(Daemon(bench, text, backend=""))
    # Each directive once.
    for directive in ["srs key", "action relay srs"]:
        expect_equal(log.count(f'"{directive}" is not supported yet'), 1, log)
    expect("2 errors" in log, log)


@case("a limit of OpenSMTPD's scheduler that bounds nothing here is a warning, and the server starts")
def without_effect(bench):
    text = "scheduler limit max-inflight 100 max-schedule 5\n" + RULE
    result = check(bench, text)
    expect_equal(result.returncode, 0)
    expect("check.conf:1: warning: max-schedule has no effect" in result.stderr, result.stderr)
    expect("max-inflight has" not in result.stderr, result.stderr)
    daemon = Daemon(bench, text).start()
    daemon.stop()


@case("smtpd -n finds values of aliases and of users of which nothing ever comes, in files too")
def values(bench):
    names = bench.write("names", "# all\njoe: ann\nann: a b c\n", 0o644)
    result = check(bench, f"""
table users {{
  joe = "1000:1000:/home/joe",
  ann = "abc"
}}
table names "{names}"
action "a" maildir userbase <users> alias <names>
action "b" maildir virtual {{ "joe" = "|", "ann@x" = "|/hooks/%{{rcpt}}" }}
{RULE}""")
    expect_equal(result.returncode, 1)
    for text in ['check.conf:4: ann: "abc" is no uid:gid:home of an account, and is used in line 7',
                 f'check.conf:7: {names}:3: ann: "a b c" is no address, user, command, file or list',
                 'check.conf:8: joe: "|" is no address, user, command, file or list',
                 'check.conf:8: ann@x: "|/hooks/%{rcpt}": rcpt would choose the program that runs', "4 errors"]:
        expect(text in result.stderr, f"no {text!r} in {result.stderr}")


@case("smtpd -n finds what would not start: {fault}",
      fault=["a table for everybody", "no map", "a Berkeley map", "a text for a map", "no name"])
def does_not_start(bench, fault):
    text = bench.write("t", "192.0.2.1\n", 0o666 if fault == "a table for everybody" else 0o644)
    berkeley = bench.write("b", bytes(12) + (0x061561).to_bytes(4, "little") + bytes(8192))
    table, reason = {
        "a table for everybody": (text, "everybody may write to it"),
        "no map": (f"db:{text}.db", "No such file"),
        "a Berkeley map": (f"db:{berkeley}", "Berkeley"),
        "a text for a map": (f"db:{text}", f"table t: {text}: "),
        "no name": (text, 'check.conf:2: "nonsuch.invalid" has no address'),
    }[fault]
    listen = "nonsuch.invalid" if fault == "no name" else f"127.0.0.1 port {free_port()}"
    configuration = (f'table t "{table}"\nlisten on {listen}\n'
                     'match from src <t> for any reject\n')
    result = check(bench, configuration)
    expect(reason in result.stderr, result.stderr)
    expect_equal(result.returncode, 1)
    expect("configuration OK" not in result.stderr, result.stderr)
    if fault != "no name":
        log = start_fails(Daemon(bench, configuration, backend=""))
        expect(reason in log, log)


@case("smtpd -n and the start show what is wrong with files of tables beside all else, each with its place, by lines")
def every_place(bench):
    absent, text = bench.path("absent"), bench.write("text", "a: b\n")
    everybody = bench.write("everybody", "192.0.2.1\n", 0o666)
    rows = [f'table map db:{absent}',
            'queue tll 4d',
            f'table "text" "db:{text}"',
            f'table everybody file:{everybody}',
            'match from src <everybody> for any reject',
            f'table gone "{absent}"']
    # The reason, and what the caret stands below.
    wrong = {1: (f"table map: {absent}: No such file or directory", f"db:{absent}"),
             2: ('unexpected "tll"', "tll"),
             3: (f"table text: {text}: is no map; run makemap", f'"db:{text}"'),
             4: (f"table everybody: {everybody}: everybody may write to it", f"file:{everybody}"),
             6: (f"cannot read {absent}: No such file or directory", f'"{absent}"')}
    configuration = "\n".join(rows) + "\n"
    result = check(bench, configuration)
    expect_equal(result.returncode, 1)
    said = result.stderr.splitlines()
    expect_equal(said[-1], "5 errors")
    heads = [index for index, line in enumerate(said) if line.startswith(bench.path("check.conf") + ":")]
    expect_equal(len(heads), len(wrong), result.stderr)
    for index, (line, (reason, below)) in zip(heads, wrong.items()):
        expect(f"check.conf:{line}: {reason}" in said[index], f"{reason!r} in {said[index]!r}")
        expect_equal(said[index + 1], "    " + rows[line - 1])
        column = rows[line - 1].index(below)
        expect_equal(said[index + 2].index("^") - 4, column, said[index])
        expect_equal(said[index + 2].strip(), "^" + "~" * (len(below) - 1))
    expect('did you mean "ttl"?' in result.stderr, result.stderr)
    log = start_fails(Daemon(bench, configuration, backend=""))
    for reason, _ in wrong.values(): expect(reason in log, f"{reason!r} in {log!r}")


@case("a table that only another user may read is no mistake for smtpd -n, but a note")
def not_readable(bench):
    text = bench.write("t", "192.0.2.1\n", 0o600)
    options = {}
    if bench.is_root:
        options = {"user": bench.recipient, "group": "nogroup", "extra_groups": []}
    else:
        os.chmod(text, 0)
    path = bench.write("check.conf", f'table t "{text}"\nmatch from src <t> for any reject\n')
    result = subprocess.run([SMTPD, "-n", "-S", bench.path("none"), "-f", path], text=True,
                            capture_output=True, timeout=20, **options)
    expect(f"{text}: Permission denied; this table is not checked" in result.stderr, result.stderr)
    expect("configuration OK" in result.stderr, result.stderr)
    expect_equal(result.returncode, 0)


@case("listen on a name that the system resolves")
def resolved(bench):
    daemon = Daemon(bench, RULE)
    # No interface and no host of /etc/hosts, and no question to a name server: the resolver's old form of
    # an address.
    daemon.configure(f'listen on "0x7f000001" port {daemon.port}\n' + RULE)
    daemon.start()
    with Client(daemon.port) as client:
        client.send("EHLO client.example.org\r\n")
        client.expect("250")
    daemon.stop()
