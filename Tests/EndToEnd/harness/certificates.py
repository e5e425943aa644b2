# SPDX-License-Identifier: ISC
"""Certificates and keys of the case's own, made by the openssl command."""

import os
import re
import subprocess

KINDS = {
    "rsa": ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ed25519": ["ed25519"],
    # No good nowadays.
    "short": ["rsa", "-pkeyopt", "rsa_keygen_bits:1024"],
}


def openssl(*words, stdin=None):
    done = subprocess.run(["openssl", *words], capture_output=True, input=stdin, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(words)}: {done.stderr.decode(errors='replace')[-500:]}")
    return done.stdout


class Pair:
    """A certificate with its key, as paths."""

    def __init__(self, certificate, key):
        self.certificate = certificate
        self.key = key

    def pki(self, name):
        return f'pki {name} cert "{self.certificate}"\npki {name} key "{self.key}"\n'

    def fingerprint(self):
        text = openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256").decode()
        return text.split("=", 1)[1].strip().replace(":", "").lower()

    def secrets(self):
        """Pieces of the private half as they may lie in memory: as numbers in either order, and as text."""
        text = openssl("pkey", "-in", self.key, "-noout", "-text").decode()
        found = []
        for label in ("prime1", "prime2", "privateExponent", "priv"):
            match = re.search(rf"(?m)^{label}:\n((?:    [0-9a-f:]+\n)+)", text)
            if match:
                number = bytes.fromhex(re.sub(r"[\s:]", "", match.group(1))).lstrip(b"\0")
                found += [number, number[::-1]]
        with open(self.key, "rb") as file:
            lines = [line.strip() for line in file.read().splitlines() if not line.startswith(b"-")]
        return [piece[:32] for piece in found] + [max(lines, key=len)[-48:]]


def combined(bench, pair, file):
    """The same in one file, as many programs have it: the key, the certificate, and what it is of."""
    parts = [open(path).read() for path in (pair.key, pair.certificate)]
    text = openssl("x509", "-in", pair.certificate, "-noout", "-text").decode()
    path = bench.write(file, text + parts[0] + parts[1], 0o600)
    return Pair(path, path)


class Authority(Pair):
    """An issuer of certificates."""

    def __init__(self, bench, name="authority"):
        self.bench = bench
        certificate, key = bench.path(name + ".crt"), bench.path(name + ".key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", f"/CN={name}", "-days", "30", "-keyout", key, "-out", certificate)
        super().__init__(certificate, key)

    def issue(self, name, kind="ec", file=None, expired=False, digest="sha256"):
        """A certificate for a name; `file` is what its files are called."""
        file = file or name.replace("*", "any")
        key, request = self.bench.path(file + ".key"), self.bench.path(file + ".csr")
        certificate = self.bench.path(file + ".crt")
        openssl("req", "-newkey", *KINDS[kind], "-nodes", "-subj", f"/CN={name}", "-keyout", key,
                "-out", request)
        extensions = self.bench.write(file + ".ext", f"subjectAltName=DNS:{name}\n")
        dates = ["-days", "-1"] if expired else ["-days", "30"]
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-extfile", extensions, *dates, f"-{digest}", "-out", certificate)
        os.chmod(key, 0o600)
        os.chmod(certificate, 0o644)
        return Pair(certificate, key)


def self_signed(bench, name, kind="ec", file="self"):
    certificate, key = bench.path(file + ".crt"), bench.path(file + ".key")
    openssl("req", "-x509", "-newkey", *KINDS[kind], "-nodes", "-subj", f"/CN={name}", "-addext",
            f"subjectAltName=DNS:{name}", "-days", "30", "-keyout", key, "-out", certificate)
    os.chmod(key, 0o600)
    return Pair(certificate, key)
