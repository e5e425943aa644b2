# SPDX-License-Identifier: ISC
"""Encrypted private keys: who is asked for their passphrases, and where those go."""

import os
import re
import signal
import time

from harness.case import case, eventually, expect, expect_equal
from harness.certificates import Authority, openssl
from harness.client import Client
from harness.daemon import SMTPD, children, is_alive, start_fails
from harness.terminal import Terminal

from .tls import NAME, memory, open_contents, server, starttls, trusting

# Long enough to be found nowhere by chance.
RIGHT, OTHER = "correct horse battery staple", "another one that nobody guesses"
# What ends a process that takes no notice of it, and comes from outside.
ENDING = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGPROF", "SIGXCPU",
          "SIGIO", "SIGPWR"]
QUESTION = r"pki {}: passphrase of \S+{}.key: "


def encrypt(pair, passphrase, style="PKCS#8"):
    """The key's file, encrypted; what it was stays beside it."""
    plain = pair.key + ".plain"
    os.replace(pair.key, plain)
    words = {"PKCS#8": ["pkey", "-aes256"], "traditional": ["pkey", "-traditional", "-aes128"],
             "scrypt": ["pkcs8", "-topk8", "-scrypt"]}[style]
    openssl(*words, "-in", plain, "-passout", f"pass:{passphrase}", "-out", pair.key)
    os.chmod(pair.key, 0o600)
    expect("ENCRYPTED" in open(pair.key).read(), "openssl did not encrypt it")
    return pair


def command(daemon, *options):
    return [SMTPD, "-S", daemon.state, "-f", daemon.configuration, *options]


def on_terminal(bench, daemon, *options):
    """Starts the daemon with a terminal; its log is where it always is."""
    with open(daemon.log_path, "ab") as log:
        daemon._mark = log.tell()
        terminal = Terminal(bench, command(daemon, *options), stdout=log, stderr=log)
    daemon.process = terminal.process
    return terminal


def serves(daemon, authority, name=NAME):
    """Makes a handshake; returns the certificate that was shown."""
    with Client(daemon.secure) as client:
        starttls(client, trusting(authority), name)
        client.command("EHLO client.example.org")
        return client.socket.getpeercert(binary_form=True)


@case("the passphrase of a key is asked for at the start, and is there when keys dies: {style}",
      style=["PKCS#8", "traditional", "scrypt"])
def asked(bench, style):
    authority = Authority(bench)
    pair = encrypt(authority.issue(NAME), RIGHT, style)
    daemon = server(bench, {NAME: pair}, "tls")
    terminal = on_terminal(bench, daemon, "-d")
    terminal.answer(QUESTION.format(NAME, NAME), RIGHT)
    eventually(daemon._is_up, lambda: daemon.log())
    expect(terminal.echoes, "the terminal shows nothing any more")
    expect(RIGHT not in terminal.rest(), "the passphrase was shown")
    serves(daemon, authority)
    for _ in range(2):
        keys = daemon.kill_role("keys")[0]
        eventually(lambda: daemon.roles().get("keys", keys) != keys, "keys does not come again")
        serves(daemon, authority)
    expect(RIGHT not in daemon.log(), "the passphrase is in the log")
    daemon.stop()


@case("in the background: whoever types the command is asked, and the server without a terminal has the passphrase")
def background(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: encrypt(authority.issue(NAME), RIGHT)}, "tls")
    terminal = Terminal(bench, command(daemon))
    terminal.answer(QUESTION.format(NAME, NAME), RIGHT)
    expect_equal(terminal.ended(20), 0, f"exit status: {terminal.rest()}")
    server_process = supervisor_of(daemon)
    bench.at_end(lambda: is_alive(server_process) and os.kill(server_process, signal.SIGKILL))
    with open(f"/proc/{server_process}/stat") as file:
        expect_equal(file.read().rsplit(")", 1)[1].split()[4], "0", "its terminal")
    serves(daemon, authority)
    os.kill(server_process, signal.SIGTERM)
    eventually(lambda: not is_alive(server_process), "SIGTERM does not end it")


def supervisor_of(daemon):
    for word in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{word}/cmdline") as file:
                words = file.read().split("\0")
        except OSError:
            continue
        if words[0].endswith("smtpd") and daemon.state in words:
            return int(word)
    raise AssertionError("there is no supervisor")


@case("three wrong passphrases are an error with line and caret, with {options}", options=["-d", "-n", "none"])
def wrong(bench, options):
    authority = Authority(bench)
    daemon = server(bench, {NAME: encrypt(authority.issue(NAME), RIGHT)}, "tls")
    terminal = Terminal(bench, command(daemon, *([] if options == "none" else [options])))
    terminal.answer(QUESTION.format(NAME, NAME), "wrong")
    terminal.answer("this passphrase does not decrypt it\r\n" + QUESTION.format(NAME, NAME), "")
    terminal.answer("this passphrase does not decrypt it\r\n" + QUESTION.format(NAME, NAME), RIGHT[:-1])
    terminal.wait(rf"d.conf:\d+: pki {NAME}: the key is encrypted, and none of 3 passphrases decrypts it\r\n"
                  rf" +pki {NAME} key .*\r\n +\^~+\r\n1 error")
    expect_equal(terminal.ended(), 1, "exit status")
    expect(terminal.echoes, "the terminal shows nothing any more")


@case("the third passphrase may be the right one; one with too many bytes is none")
def third(bench):
    authority = Authority(bench)
    longest = "x" * 1023
    daemon = server(bench, {NAME: encrypt(authority.issue(NAME), longest)}, "tls")
    terminal = Terminal(bench, command(daemon, "-n"))
    terminal.answer(QUESTION.format(NAME, NAME), longest + "x")
    terminal.answer("a passphrase has at most 1023 bytes\r\n" + QUESTION.format(NAME, NAME), "wrong")
    terminal.answer(QUESTION.format(NAME, NAME), longest)
    terminal.wait("configuration OK")
    expect_equal(terminal.ended(), 0, "exit status")


@case("whoever asks breaks no promise that -T sandbox would let through")
def promises(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: encrypt(authority.issue(NAME), RIGHT)}, "tls")
    terminal = Terminal(bench, command(daemon, "-n", "-T", "sandbox"))
    terminal.answer(QUESTION.format(NAME, NAME), "wrong")
    terminal.answer(QUESTION.format(NAME, NAME), RIGHT)
    said = terminal.wait("configuration OK")
    expect("promise" not in said, said)
    expect_equal(terminal.ended(), 0, "exit status")


@case("a passphrase is asked for once, though several keys have it, and in the order of the configuration")
def several(bench):
    authority = Authority(bench)
    pairs = {name: authority.issue(name) for name in ["a.test", "b.test", "c.test", "d.test"]}
    for name, passphrase in [("a.test", RIGHT), ("b.test", OTHER), ("d.test", RIGHT)]:
        encrypt(pairs[name], passphrase)
    daemon = server(bench, pairs, "tls")
    terminal = on_terminal(bench, daemon, "-d")
    terminal.answer(QUESTION.format("a.test", "a.test"), RIGHT)
    terminal.answer(QUESTION.format("b.test", "b.test"), OTHER)
    eventually(daemon._is_up, lambda: daemon.log())
    expect("passphrase" not in terminal.rest(), "one more question")
    for name in pairs:
        serves(daemon, authority, name)
    daemon.kill_role("keys")
    for name in pairs:
        serves(daemon, authority, name)
    daemon.stop()


@case("what is in a path is shown at the question and in errors, and tells the terminal nothing")
def paths(bench):
    authority = Authority(bench)
    pair = encrypt(authority.issue(NAME, file="a\x1b[2Jb\u009bc"), RIGHT)
    daemon = server(bench, {NAME: pair}, "tls")
    shown = r"/a\\\^\[\[2Jb\\M-B\\M\^\[c"
    terminal = Terminal(bench, command(daemon, "-n"))
    said = ""
    for _ in range(3):
        said += terminal.wait(rf"pki {NAME}: passphrase of \S+{shown}.key: ")
        eventually(lambda: not terminal.echoes, "the answer would be shown")
        terminal.type("wrong\n")
    said += terminal.wait(rf"pki {NAME} key \S+{shown}.key.*\r\n")
    expect_equal(terminal.ended(), 1, "exit status")
    said += terminal.rest()
    missing = Terminal(bench, command(daemon, "-n", "-f", bench.path("no\x1b[2J\u009b")))
    said += missing.wait(r"/no\\\^\[\[2J\\M-B\\M\^\[: No such file or directory")
    error = daemon.run_ctl("show", "no\x1b[2J\u009b").stderr.decode()
    expect(re.search(r"no\\\^\[\[2J\\M-B\\M\^\[", error), f"{error!r}")
    said += error
    # In the log.
    terminal = on_terminal(bench, daemon, "-d")
    terminal.answer(rf"pki {NAME}: passphrase of \S+{shown}.key: ", RIGHT)
    eventually(daemon._is_up, lambda: daemon.log())
    with open(pair.key, "w") as file:
        file.write("nonsense\n")
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: re.search(rf"warn: certificates are not updated: .*{shown}.key", daemon.log()), lambda: daemon.log())
    said += daemon.log()
    daemon.stop()
    expect(not re.search("[\x1b\x7f-\x9f]", said), f"{said!r}")


@case("without a terminal an encrypted key is refused with what can be done, at its line")
def nobody(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: encrypt(authority.issue(NAME), RIGHT)}, "tls")
    for options in [[], ["-n"]]:
        said = start_fails(daemon, *options)
        expect(re.search(rf"d.conf:\d+: pki {NAME}: the key is encrypted, and there is no terminal to ask for its "
                         r"passphrase: start smtpd from a terminal, or decrypt the key with openssl pkey\n.*\n +\^~", said),
               said)


@case("nobody is asked where the configuration is refused for something else")
def elsewhere(bench):
    authority = Authority(bench)
    pair = encrypt(authority.issue(NAME), RIGHT)
    daemon = server(bench, {NAME: pair}, "tls", more="queue ttl 4\n")
    terminal = Terminal(bench, command(daemon, "-n"))
    expect_equal(terminal.ended(), 1, "exit status")
    said = terminal.rest()
    expect("1 error" in said and "passphrase" not in said, said)
    # What is wrong with it besides is told.
    daemon = server(bench, {NAME: pair}, "tls", more="queue ttl 4\n")
    bench.write(NAME + ".key", "nonsense\n", 0o600)
    terminal = Terminal(bench, command(daemon, "-n"))
    terminal.wait("not a private key in PEM")
    expect_equal(terminal.ended(), 1, "exit status")
    # Nobody is asked for a certificate that is none, be it the key's own or another's.
    for names in ([NAME], ["a.test", NAME]):
        pairs = {name: authority.issue(name) for name in names}
        encrypt(pairs[names[0]], RIGHT)
        bench.write(NAME + ".crt", "nonsense\n")
        terminal = Terminal(bench, command(server(bench, pairs, "tls"), "-n"))
        expect_equal(terminal.ended(), 1, "exit status")
        said = terminal.rest()
        expect("1 error" in said and "the certificate: " in said and "passphrase" not in said, said)


@case("a signal at the question ends the command, and the terminal is as it was: {how}",
      how=["SIGINT from the terminal", "SIGQUIT from the terminal", "SIGTERM to who started it",
           *(name + " to who asks" for name in ENDING)])
def signals(bench, how):
    authority = Authority(bench)
    daemon = server(bench, {NAME: encrypt(authority.issue(NAME), RIGHT)}, "tls")
    terminal = Terminal(bench, command(daemon, "-n"))
    terminal.wait(QUESTION.format(NAME, NAME))
    eventually(lambda: not terminal.echoes, "the answer would be shown")
    (asking,) = children(terminal.process.pid)
    with open(f"/proc/{asking}/status") as file:
        expect("\nSeccomp:\t2\n" in file.read(), "who asks is not filtered")
    terminal.type("half")
    time.sleep(0.2)
    if how == "SIGINT from the terminal":
        terminal.type("\x03")
        expect_equal(terminal.ended(), -signal.SIGINT, "exit status")
    elif how == "SIGQUIT from the terminal":
        terminal.type("\x1c")
        expect_equal(terminal.ended(), -signal.SIGQUIT, "exit status")
    elif how.endswith("to who asks"):
        os.kill(asking, signal.Signals[how.split()[0]])
        terminal.wait("the keys cannot be checked: the process that looks at them ended")
        expect_equal(terminal.ended(), 1, "exit status")
    else:
        terminal.process.terminate()
        expect_equal(terminal.ended(), -signal.SIGTERM, "exit status")
    eventually(lambda: not is_alive(asking), "who asks is still there")
    eventually(lambda: terminal.echoes, "the terminal shows nothing any more", 5)
    terminal.type("next\n")
    expect_equal(os.read(terminal.theirs, 64), b"next\n", "what whoever reads next gets")


@case("at the question the command can be stopped and go on, and it asks nobody while others have the terminal")
def stopped(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: encrypt(authority.issue(NAME), RIGHT)}, "tls")
    shell = Terminal(bench, ["sh", "-i"], env={**os.environ, "PS1": "", "ENV": ""})
    question = QUESTION.format(NAME, NAME)
    words = " ".join(command(daemon, "-n"))
    shell.type(f"{words}; echo ended with $?\n")
    shell.wait(question)
    eventually(lambda: not shell.echoes, "the answer would be shown")
    shell.type("half\x1a")
    shell.wait("Stopped|Suspended")
    eventually(lambda: shell.echoes, "stopped, and nothing is shown", 5)
    # In the background it stops again, and what is typed is the shell's.
    shell.type("bg; sleep 0.5; echo here am I\n")
    shell.wait("\nhere am I")
    expect(shell.echoes, "the shell shows nothing")
    shell.type("fg\n")
    shell.answer(question, RIGHT)
    shell.wait("configuration OK")
    expect(shell.echoes, "the terminal shows nothing any more")


@case("who asks is stopped by SIGTSTP with the terminal as it was, and asks anew")
def suspended(bench):
    authority = Authority(bench)
    daemon = server(bench, {NAME: encrypt(authority.issue(NAME), RIGHT)}, "tls")
    # In the first group of a session nobody is stopped.
    shell = Terminal(bench, ["sh", "-i"], env={**os.environ, "PS1": "", "ENV": ""})
    question = QUESTION.format(NAME, NAME)
    shell.type(" ".join(command(daemon, "-n")) + "; echo ended with $?\n")
    shell.wait(question)
    eventually(lambda: not shell.echoes, "the answer would be shown")
    (starting,) = children(shell.process.pid)
    (asking,) = children(starting)
    shell.type("half")
    os.kill(asking, signal.SIGTSTP)

    def state():
        with open(f"/proc/{asking}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]

    eventually(lambda: state() == "T", "it is not stopped")
    expect(shell.echoes, "stopped, and nothing is shown")
    os.kill(asking, signal.SIGCONT)
    shell.answer(question, RIGHT)
    shell.wait("configuration OK")
    shell.wait("ended with 0")
    expect(shell.echoes, "the terminal shows nothing any more")


@case("a renewed key is decrypted by a passphrase that is known; by another the old one goes on: {how}",
      how=["SIGHUP", "smtpctl update pki"])
def renewal(bench, how):
    authority = Authority(bench)
    pair = encrypt(authority.issue(NAME, file="served"), RIGHT)
    daemon = server(bench, {NAME: pair}, "tls")
    terminal = on_terminal(bench, daemon, "-d")
    terminal.answer(QUESTION.format(NAME, "served"), RIGHT)
    eventually(daemon._is_up, lambda: daemon.log())
    first = serves(daemon, authority)

    def renew(passphrase):
        fresh = authority.issue(NAME, file="next")
        encrypt(fresh, passphrase)
        for kind in ["crt", "key"]:
            os.replace(bench.path(f"next.{kind}"), bench.path(f"served.{kind}"))
        if how == "SIGHUP":
            daemon.process.send_signal(signal.SIGHUP)
            return None
        return daemon.run_ctl("update", "pki", NAME)

    done = renew(RIGHT)
    daemon.wait_log("info: certificates updated")
    expect(done is None or done.returncode == 0, f"{done}")
    second = eventually(lambda: c if (c := serves(daemon, authority)) != first else None, "the old one is shown")
    why = f"pki {NAME}: the key is encrypted, and no passphrase that was given at the start decrypts it"
    done = renew(OTHER)
    daemon.wait_log(f"warn: certificates are not updated: {why}")
    expect(done is None or (done.returncode != 0 and why in done.stdout.decode()), f"{done}")
    expect_equal(serves(daemon, authority), second, "the certificate")
    expect("passphrase of" not in terminal.rest(), "somebody was asked")
    daemon.stop()


@case("no byte of a passphrase is in any process, nor in a file that one has open, but for the one that keys is handed; nor of the key")
def hidden(bench):
    bench.need_root("only root may look into all processes")
    authority = Authority(bench)
    pairs = {"a.test": authority.issue("a.test"), "b.test": authority.issue("b.test", "rsa")}
    # As in the case of keys that are not encrypted, which says why.
    secrets = [piece for pair in pairs.values() for piece in pair.secrets()]
    encrypt(pairs["a.test"], RIGHT)
    encrypt(pairs["b.test"], OTHER, "traditional")
    daemon = server(bench, pairs, "tls")
    terminal = on_terminal(bench, daemon, "-d")
    terminal.answer(QUESTION.format("a.test", "a.test"), RIGHT)
    terminal.answer(QUESTION.format("b.test", "b.test"), OTHER)
    eventually(daemon._is_up, lambda: daemon.log())
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_log("info: certificates updated")
    for name in pairs:
        serves(daemon, authority, name)
    pieces = [piece.encode() for passphrase in (RIGHT, OTHER) for piece in (passphrase[:12], passphrase[-12:])]
    roles = {**daemon.roles(), "supervisor": daemon.process.pid}

    def hits(contents, wanted=pieces):
        return {piece for content in contents for piece in wanted if piece in content}

    def file_of(pid):
        names = os.listdir(f"/proc/{pid}/fd")
        links = {name: os.readlink(f"/proc/{pid}/fd/{name}") for name in names}
        return [f"/proc/{pid}/fd/{name}" for name, target in links.items() if "passphrases" in target]

    for role, pid in roles.items():
        expect_equal(hits(memory(pid)), set(), f"in the memory of {role}")
        has_keys = bool(hits(memory(pid), secrets)) or bool(hits(open_contents(pid), secrets))
        expect_equal(has_keys, role == "keys", f"whether {role} has a private key")
        if role != "supervisor":
            expect_equal((hits(open_contents(pid)), file_of(pid)), (set(), []), f"in a file that {role} has open")
    # The search finds what is there, and nobody can change it.
    (held,) = file_of(roles["supervisor"])
    with open(held, "rb") as file:
        expect_equal(hits([file.read()]), set(pieces), "in the file")
    try:
        with open(held, "r+b") as file:
            file.write(b"x")
    except OSError:
        pass
    else:
        expect(False, "the file can be written")
    # Whoever has no encrypted key has no such file.
    daemon.stop()
    daemon = server(bench, {"c.test": authority.issue("c.test")}, "tls")
    on_terminal(bench, daemon, "-d")
    eventually(daemon._is_up, lambda: daemon.log())
    expect_equal(file_of(daemon.process.pid), [], "a file of no passphrases")
    daemon.stop()
