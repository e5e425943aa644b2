# SPDX-License-Identifier: ISC
"""The configuration as an operator checks it."""

import subprocess

from harness.case import case, expect, expect_equal
from harness.daemon import SMTPD, Daemon, start_fails

RULE = 'match from any for any reject\n'


def check(bench, text, *flags):
    path = bench.write("check.conf", text)
    return subprocess.run([SMTPD, "-n", "-S", bench.path("none"), "-f", path, *flags], text=True,
                          capture_output=True, timeout=20)


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


@case("what nothing serves yet is checked with a warning, and named when the server is to start")
def unserved(bench):
    text = 'srs key "secret"\naction "out" relay srs\nmatch for any action "out"\n'
    result = check(bench, text)
    expect_equal(result.returncode, 0)
    expect('check.conf:1: warning: "srs" is not supported yet' in result.stderr, result.stderr)
    expect("configuration OK" in result.stderr, result.stderr)
    log = start_fails(Daemon(bench, text, backend=""))
    expect('"srs" is not supported yet' in log, log)
    expect("2 errors" in log, log)
