# SPDX-License-Identifier: ISC
"""`make run`, as the README has it, with what is built already."""

import os
import re
import shlex
import shutil
import signal
import subprocess

from harness.case import Skipped, case, eventually, expect, expect_equal
from harness.daemon import BUILD, ROOT, descendants, free_port, greets, is_alive


@case("make run: the lines that it prints deliver a message, and Ctrl-C ends it", seconds=90)
def run(bench):
    if not shutil.which("swaks"):
        raise Skipped("swaks is not there")
    tree = bench.path("tree")
    os.makedirs(os.path.join(tree, ".build"))
    shutil.copytree(os.path.join(ROOT, "scripts"), os.path.join(tree, "scripts"))
    shutil.copy(os.path.join(ROOT, "Makefile"), tree)
    # What it would build is there.
    bench.write("tree/scripts/build", "#!/bin/sh\n", 0o755)
    os.symlink(BUILD, os.path.join(tree, ".build", "release"))
    port = free_port()
    path = bench.path("run.log")

    def said():
        with open(path) as log:
            return log.read()

    with open(path, "wb") as log:
        process = subprocess.Popen(["make", "run"], cwd=tree, env={**os.environ, "PORT": str(port)}, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, start_new_session=True)
    try:
        eventually(lambda: greets(port), lambda: f"nobody listens: {said()[-1500:]}", 20)
        expect(f"smtpd listens on 127.0.0.1:{port} as " in said(), said()[:1500])
        lines = re.findall(r"(?m)^  (\S.*)$", said())
        expect_equal([re.sub(r".*/", "", line.split()[0]) for line in lines],
                     ["smtpctl", "swaks", "smtpctl", "smtpctl", "ls"], "programs of the lines")

        def typed(line):
            done = subprocess.run(["bash", "-c", line], cwd=tree, capture_output=True, text=True, timeout=30)
            expect_equal(done.returncode, 0, f"{line}: {(done.stdout + done.stderr)[-600:]}")
            return done.stdout

        pause, send, show, resume, look = lines
        typed(pause)
        typed(send)
        recipient = shlex.split(send)[-1]
        expect(recipient in typed(show), "the message is not in the queue")
        typed(resume)
        folder = shlex.split(look)[-1]
        eventually(lambda: os.path.isdir(folder) and os.listdir(folder), lambda: f"not delivered: {said()[-800:]}")
        expect_equal(len(typed(look).splitlines()), 2, "lines of ls -l")
        expect_equal(typed(show), "", "what is left in the queue")
        family = descendants(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            status = process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    # make says 2 where its shell is interrupted, or is ended by the signal itself.
    eventually(lambda: not [p for p in family if is_alive(p)], "processes were left behind", 5)
    expect("fatal" not in said() and not re.search(r"was killed by signal", said()), f"{status}: {said()[-1500:]}")
    expect(not greets(port), "somebody still listens")
