# SPDX-License-Identifier: ISC
"""As whom mail is delivered: users of a table, whom the host does not know, and nobody in particular."""

import os
import pwd
import socket
import struct
import threading

from harness.case import case, eventually, expect, expect_equal
from harness.client import submit
from harness.daemon import Daemon


class TableUser:
    """A user with a home, of a number that the host has no user of."""

    def __init__(self, bench, name, uid):
        self.name, self.uid = name, uid
        self.home = bench.path("home-" + name)
        os.makedirs(self.home)
        os.chmod(self.home, 0o755)
        os.chown(self.home, uid, uid)

    @property
    def entry(self):
        return f'{self.name} = "{self.uid}:{self.uid}:{self.home}"'

    def write(self, name, text):
        path = os.path.join(self.home, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o644)
        os.chown(path, self.uid, self.uid)


def table_users(bench, *names):
    bench.need_root("needs users of any number")
    known = {entry.pw_uid for entry in pwd.getpwall()}
    free = (uid for uid in range(61001, 65000) if uid not in known)
    return [TableUser(bench, name, next(free)) for name in names]


def table(name, users):
    return f"table {name} {{ {', '.join(user.entry for user in users)} }}\n"


def shared(bench, name="out"):
    """A directory that everybody may add to."""
    path = bench.path(name)
    os.makedirs(path)
    os.chmod(path, 0o777)
    return path


def said(out, name):
    path = os.path.join(out, name)
    eventually(lambda: os.path.exists(path), lambda: f"nothing ran for {name}: {os.listdir(out)}")
    with open(path) as file:
        return file.read().split("\n")[:-1]


@case("user with userbase: he is of the table, for deliveries, commands and files of aliases alike")
def user_of_userbase(bench):
    ann, vmail = users = table_users(bench, "ann", "vmail")
    out, boxes = shared(bench), shared(bench, "boxes")
    daemon = Daemon(bench, table("people", users) + f"""
table names {{ command = "|id -u > {out}/alias.new; cat >/dev/null; mv {out}/alias.new {out}/alias", file = "{boxes}/box" }}
action "all" maildir "{boxes}/%{{user.username}}" user vmail userbase <people> alias <names>
match from any for domain "in.test" action "all"
""").start()
    submit(daemon.port, recipients=["ann@in.test", "command@in.test", "file@in.test"])
    expect_equal(said(out, "alias"), [str(vmail.uid)], "who ran the alias's command")
    daemon.wait_empty()
    for name in ("box", "ann"):
        expect_equal(os.stat(os.path.join(boxes, name)).st_uid, vmail.uid, f"owner of {name}")
    daemon.stop()


@case("user with userbase: a local socket is connected as him")
def connector_of_userbase(bench):
    users = table_users(bench, "ann", "vmail")
    path = bench.path("lmtp")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chown(path, users[1].uid, users[1].uid)
    os.chmod(path, 0o600)
    listener.listen()
    bench.at_end(listener.close)
    peers = []

    def serve():
        try:
            while True:
                connection, _ = listener.accept()
                packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                peers.append(struct.unpack("3i", packed)[1:])
                connection.close()
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    daemon = Daemon(bench, table("people", users) + f"""
action "all" lmtp "{path}" user vmail userbase <people>
match from any for domain "in.test" action "all"
""").start()
    submit(daemon.port, recipients=["ann@in.test"])
    eventually(lambda: peers, lambda: f"nobody connected: {daemon.log()[-400:]}")
    # The kernel tells who made the connection.
    expect_equal(peers[0], (users[1].uid, users[1].uid), "who connected")
    daemon.stop()
