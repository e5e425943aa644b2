# SPDX-License-Identifier: ISC
"""Users that a name service knows and no file of this host."""

import os

from cases.expansion import recipient_reply
from harness.case import case, expect, expect_equal
from harness.client import submit
from harness.daemon import Daemon
from harness.mailbox import Maildir
from harness.nameservice import NameService

UID = 54321


@case("a user whom only a name service behind a Unix socket knows gets mail in the home that it tells; who is unknown there is refused")
def behind_a_socket(bench):
    home = bench.path("home")
    os.mkdir(home)
    service = NameService(bench, {"talaria-named": (UID, UID, home)})
    os.chown(home, UID, UID)
    daemon = Daemon(bench, """
action "in" maildir
match from any for domain "in.test" action "in"
""", command=service.command).start()
    expect(recipient_reply(daemon, "nobody-knows@in.test").startswith("550 "), "somebody whom nobody knows")
    submit(daemon.port, recipients=["talaria-named@in.test"])
    Maildir(os.path.join(home, "Maildir")).wait(1)
    expect_equal(os.stat(os.path.join(home, "Maildir")).st_uid, UID, "owner of the maildir")
    daemon.wait_empty()
    expect({"nobody-knows", "talaria-named"} <= set(service.questions), f"questions: {service.questions}")
    expect("promise broken" not in daemon.log(), daemon.log()[-800:])
    daemon.stop()
