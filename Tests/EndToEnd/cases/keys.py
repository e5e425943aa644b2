# SPDX-License-Identifier: ISC
"""The keys role alone, asked over edges as roles ask that were taken over."""

import hashlib
import os
import socket
import struct
import subprocess

from harness.case import case, expect, expect_equal
from harness.certificates import Authority, openssl, self_signed
from harness.daemon import SMTPD

STAY = 0xffffffff
LISTENERS, RELAYS = 1, 2
ECDSA_SHA256 = 7
# What an operator asks and is answered.
UPDATE_PKI = 21
DONE = 128


def number(value):
    """LEB128."""
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def text(value):
    content = value.encode() if isinstance(value, str) else value
    return number(len(content)) + content


def file(content):
    descriptor = os.memfd_create("case", os.MFD_CLOEXEC)
    os.write(descriptor, content)
    return descriptor


class Edge:
    """The far end of an edge to the role."""

    def __init__(self, end):
        self.socket = end
        self.socket.settimeout(10)
        # Another build would be refused; the role's own word is the right one.
        self.send(self.frame())

    def send(self, frame):
        self.socket.sendall(struct.pack("<I", len(frame)) + frame)

    def frame(self):
        (length,) = struct.unpack("<I", self._read(4))
        return self._read(length)

    def _read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            expect(more, "the edge ended")
            data += more
        return data

    def sign(self, token, key):
        """Whether the role signs a digest with that key."""
        digest = hashlib.sha256(b"a handshake").digest()
        self.send(b"\x01" + struct.pack("<Q", token) + text(key) + bytes([ECDSA_SHA256]) + text(digest))
        while True:
            frame = self.frame()
            if frame[0] == 3:
                continue
            expect_equal(struct.unpack("<Q", frame[1:9])[0], token, "token")
            return frame[0] == 1

    def shows(self, generation):
        self.send(b"\x02" + struct.pack("<I", generation))

    def ask(self, identifier, tag, content=b""):
        """An operator's request, as control hands it on."""
        self.send(struct.pack("<I", identifier) + bytes([tag]) + content)

    def answered(self):
        """To which of the requests the next answer is, and the answer."""
        frame = self.frame()
        expect_equal(frame[4], 1, "the last answer")
        return struct.unpack("<I", frame[:4])[0], frame[5:]


class KeysRole:
    """smtpd -x keys with this process for a supervisor."""

    def __init__(self, bench, chains, ca=b""):
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The channel is descriptor 3 of the role.
        script = f'exec 3<&{theirs.fileno()}; exec "$@"'
        # Its log is a pipe, as the supervisor's is: a file it may not write to.
        self.process = subprocess.Popen(["sh", "-c", script, "sh", SMTPD, "-x", "keys"],
                                        pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        theirs.close()
        bench.at_end(self.process.kill)
        identity = (text("") + struct.pack("<II", STAY, STAY) + text("") + text("")
                    + struct.pack("<IBQ", os.getuid(), 0, 0xffffffffffffffff))
        self.tell(b"\x01" + identity, file(b""))
        self.anchor = text("ca") + text(ca) + bytes([0, 0]) + text("ca.crt") + text("") * 3
        self.renew(1, chains)

    def renew(self, generation, chains, only=None, token=0):
        """Hands over the files as they are now: of all, or of one that is meant by its place."""
        entries = b"".join(text(name) + text(open(pair.certificate, "rb").read()) + bytes([0, users])
                           + text(pair.certificate) + text(pair.key) + text("") + text("")
                           for name, pair, users in chains)
        package = (struct.pack("<I", generation) + number(len(chains)) + entries + number(1) + self.anchor
                   + text(""))
        self.tell(bytes([20]) if only is None else struct.pack("<BHQ", 23, only, token), file(package))
        self.tell(bytes([21]), *[os.open(pair.key, os.O_RDONLY) for _, pair, _ in chains])

    def report(self):
        """Generation, verdict, places of what is broken, and what is wrong: names and reasons."""
        while True:
            message = self.message()
            if message[:1] == bytes([20]):
                break
        count = message[6]
        places = struct.unpack(f"<{count}H", message[7:7 + 2 * count])
        rest = message[7 + 2 * count:]

        def take():
            nonlocal rest
            length, rest = rest[0], rest[1:]
            expect(length < 0x80, "a text of more than 127 bytes")
            value, rest = rest[:length].decode(), rest[length:]
            return value

        faults = []
        number_of_faults, rest = rest[0], rest[1:]
        for _ in range(number_of_faults):
            name, reason = take(), take()
            files, rest = rest[0], rest[1:]
            faults.append((name, reason, [os.path.basename(take()) for _ in range(files)]))
        expect_equal(rest, bytes(4), "faults that are left out")
        return struct.unpack("<IB", message[1:6]) + (list(places), faults)

    def message(self):
        return self.channel.recv(65536)

    def asked(self):
        """The token and the name of the next renewal that the role asks for."""
        while True:
            message = self.message()
            if message[:1] == bytes([21]):
                return struct.unpack("<Q", message[1:9])[0], message[10:].decode()

    def tell(self, message, *descriptors):
        socket.send_fds(self.channel, [message], list(descriptors))
        for descriptor in descriptors:
            os.close(descriptor)

    def edge(self, peer, generation):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.tell(b"\x02" + text(peer) + struct.pack("<I", generation), theirs.detach())
        return Edge(ours)

    def end(self):
        """Ends it; returns what it logged."""
        self.channel.close()
        _, said = self.process.communicate(timeout=10)
        return said.decode()


def key_name(pair):
    public = openssl("x509", "-in", pair.certificate, "-noout", "-pubkey")
    return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER", stdin=public)).digest()


@case("keys signs for frontend and delivery with what each of them shows, and with nothing of the other's")
def apart(bench):
    pairs = {name: self_signed(bench, name, file=name) for name in ("listener", "relay", "both", "nobody")}
    users = {"listener": LISTENERS, "relay": RELAYS, "both": LISTENERS | RELAYS, "nobody": 0}
    role = KeysRole(bench, [(name, pair, users[name]) for name, pair in pairs.items()])
    edges = {"frontend": role.edge("frontend", 1), "delivery": role.edge("delivery", 2)}
    wanted = {"frontend": ["listener", "both"], "delivery": ["relay", "both"]}
    token = 0
    for peer, edge in edges.items():
        signed = []
        for name, pair in pairs.items():
            token += 1
            if edge.sign(token, key_name(pair)):
                signed.append(name)
        expect_equal(signed, wanted[peer], peer)
    said = role.end()
    for peer in edges:
        expect(f"keys: {peer} asked for a key that it does not show" in said, f"the log says nothing of {peer}: {said}")


@case("a key that two pki share may sign for whoever uses either of them")
def shared(bench):
    pair = self_signed(bench, "shared")
    role = KeysRole(bench, [("a", pair, LISTENERS), ("b", pair, RELAYS), ("c", pair, 0)])
    for generation, peer in enumerate(["frontend", "delivery"], 1):
        expect(role.edge(peer, generation).sign(7, key_name(pair)), f"{peer} is refused")


@case("what is broken is told by its place, and the key beside a broken certificate signs: it may be of the one before")
def broken(bench):
    pairs = [self_signed(bench, "x", file=name) for name in ["good", "nonsense", "early", "late"]]
    names = [key_name(pair) for pair in pairs]
    bench.write("nonsense.crt", "nonsense\n")
    os.replace(self_signed(bench, "x", file="next").certificate, pairs[2].certificate)
    bench.write("late.key", "", 0o600)
    role = KeysRole(bench, [(f"pki{index}", pair, LISTENERS) for index, pair in enumerate(pairs)])
    generation, verdict, places, faults = role.report()
    expect_equal((generation, verdict, sorted(places)), (1, 1, [1, 2, 3, 4]), "report")
    expect_equal([(name, files) for name, _, files in faults],
                 [("ca ca", ["ca.crt"]), ("pki pki1", ["nonsense.crt"]), ("pki pki2", ["early.key", "early.crt"]),
                  ("pki pki3", ["late.key"])], f"{faults}")
    edge = role.edge("frontend", 1)
    expect_equal([edge.sign(token, name) for token, name in enumerate(names)], [True, True, True, False], "signed")


@case("each operator is answered by the renewal that was asked for by him, whichever else is looked at meanwhile")
def operators(bench):
    authority = Authority(bench)
    ca = open(authority.certificate, "rb").read()
    chains = [(name, self_signed(bench, name, file=name), LISTENERS) for name in ["a", "b", "c"]]
    role = KeysRole(bench, chains, ca)
    expect_equal(role.report(), (1, 1, [], []), "report")
    control = role.edge("control", 1)
    asked = {}
    for identifier, (name, _, _) in enumerate(chains, 1):
        control.ask(identifier, UPDATE_PKI, text(name))
        token, told = role.asked()
        expect_equal(told, name, "name")
        asked[name] = token
    expect_equal(len(set(asked.values())), 3, "tokens")
    # One that the supervisor makes by itself, and the one of the third.
    role.renew(2, chains)
    role.renew(3, chains, only=2, token=asked["c"])
    expect_equal(control.answered(), (3, bytes([DONE])), "the third operator")
    # That of the first cannot be made, and that of the second finds another key.
    role.tell(struct.pack("<BQ", 22, asked["a"]) + text("no files"))
    identifier, answer = control.answered()
    expect_equal((identifier, b"nothing is renewed: no files" in answer), (1, True), f"the first operator: {answer}")
    os.replace(self_signed(bench, "b", file="next").key, chains[1][1].key)
    role.renew(4, chains)
    role.renew(5, chains, only=1, token=asked["b"])
    identifier, answer = control.answered()
    expect_equal((identifier, b"pki b: the key does not match" in answer), (2, True), f"the second operator: {answer}")


@case("a former key signs on while others are renewed, for the handshakes that began with its certificate")
def former(bench):
    authority = Authority(bench)
    chains = [(name, self_signed(bench, name, file=name), LISTENERS) for name in ["a", "b", "c"]]
    role = KeysRole(bench, chains, open(authority.certificate, "rb").read())
    edge = role.edge("frontend", 1)
    names = {name: [key_name(pair)] for name, pair, _ in chains}

    def renew(generation, only, *changed):
        for place in changed:
            name, pair, _ = chains[place]
            fresh = self_signed(bench, name, file="next")
            os.replace(fresh.certificate, pair.certificate)
            os.replace(fresh.key, pair.key)
            names[name].append(key_name(pair))
        role.renew(generation, chains, only)
        expect_equal(role.report(), (generation, 1, [], []), "report")

    def check(what):
        for name, keys in names.items():
            for key in keys:
                expect(edge.sign(1, key), f"a key of {name} is gone after {what}")

    expect_equal(role.report(), (1, 1, [], []), "report")
    edge.shows(1)
    for generation, (only, *changed) in enumerate([(0, 0), (1, 1), (None, 2), (None,), (2,), (None, 0, 1), (None,)], 2):
        renew(generation, only, *changed)
        check(f"renewal {generation}")
        # From now on no handshake begins with what was before; those that began may last.
        edge.shows(generation)
        check(f"the word that {generation} is shown")


@case("keys that comes up with nothing is mended piece by piece, though an operator mended the first of it")
def pieces(bench):
    authority = Authority(bench)
    pairs = {name: self_signed(bench, name, file=name) for name in ["a", "b", "c", "d"]}
    chains = [(name, pair, LISTENERS) for name, pair in pairs.items()]
    for name, pair in pairs.items():
        os.rename(pair.key, bench.path(f"{name}.away"))
        bench.write(f"{name}.key", "", 0o600)
    role = KeysRole(bench, chains, open(authority.certificate, "rb").read())
    edge = role.edge("frontend", 1)

    def check(generation, only, verdict, *broken):
        role.renew(generation, chains, only)
        expect_equal(role.report()[:3], (generation, verdict, list(broken)), "report")

    expect_equal(role.report()[1:3], (1, [0, 1, 2, 3]), "report")
    for generation, (name, only, broken) in enumerate([("b", 1, []), ("d", None, [0, 2]), ("a", None, [2]), ("c", None, [])], 2):
        os.rename(bench.path(f"{name}.away"), pairs[name].key)
        check(generation, only, 1, *broken)
        expect(edge.sign(generation, key_name(pairs[name])), f"{name} does not sign")
    expect(all(edge.sign(9, key_name(pair)) for pair in pairs.values()), "a key is gone")
