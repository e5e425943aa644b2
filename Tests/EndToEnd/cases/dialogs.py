# SPDX-License-Identifier: ISC
"""The recorded dialogs, with a daemon at the other end of a socket."""

from harness import transcript
from harness.case import case
from harness.daemon import Daemon
from harness.sendmail import SocketClient

# What the machine is told in its own test, and a daemon finds out: the client's address and its ids.
# No configuration makes a recipient one that cannot be decided now.
REPLACED = {"[192.0.2.1]": "[127.0.0.1]", "250 2.0.0 00001001 ": "250 2.0.0 *",
            "451 Temporary failure: <later@example.org>": "250 2.1.5 *"}


@case("the dialog {name} gives its replies on a socket, whole and byte by byte", name=transcript.names())
def dialog(bench, name):
    daemon = Daemon(bench, "", backend="ram", arguments=["-P", "mta"])
    daemon.configure(f"""
listen on 127.0.0.1 port {daemon.port} hostname mx.example.org
smtp max-message-size 100000
smtp limit max-errors 50
action "out" relay host "smtp://127.0.0.1:9"
match from any for rcpt-to "nobody@example.org" reject
match from any for any action "out"
""")
    # Programs of this host know the server by its own name.
    bench.write("mailname", "mx.example.org\n")
    daemon.start()
    # In pieces of 7, an end of a line is cut in two as well as two lines are joined.
    for step in (None, 1, 7):
        connect = (lambda: SocketClient(daemon, greeting=None)) if name.startswith("local-") else None
        transcript.play(name, daemon.port, step, REPLACED, connect)
    daemon.stop()
