# SPDX-License-Identifier: ISC
"""What root's daemon is tested with, again with the daemon of an ordinary user.

Without root every case is such a one; this file is for a run as root.
"""

from cases import bounces, local, relay, restart, roles
from harness.case import case

# By what the case is about.
AGAIN = {
    "mail to a maildir": lambda bench: local.to_maildir(bench, "sqlite"),
    "a command": local.command_environment,
    "many recipients in one transaction": relay.many_recipients,
    "a notice": bounces.failed,
    "a restart": lambda bench: restart.orderly(bench, "lmdb"),
    "kill -9 of all": lambda bench: restart.progress(bench, "fs"),
    "kill -9 of queue and delivery under load": lambda bench: roles.killed(bench, ("queue", "delivery")),
}


@case("with an ordinary user's daemon: {what}", what=list(AGAIN), seconds=120)
def ordinary(bench, what):
    bench.need_root("this is what all cases do without root")
    bench.daemon_user = "nobody"
    AGAIN[what](bench)
