# SPDX-License-Identifier: ISC
"""The sockets of the roles: nothing small waits for an acknowledgement of what went before it."""

from harness.case import case, eventually, expect_equal
from harness.client import Client, submit
from harness.daemon import Daemon
from harness.descriptors import no_delay
from harness.sink import Sink


@case("connections with clients and with other servers have TCP_NODELAY, and so has one to an LMTP server")
def nodelay(bench):
    bench.need_root("to look at the sockets of roles")
    peers = {name: Sink(bench, {"ehlo": "silent"}) for name in ["smtp", "lmtp"]}
    peers["lmtp"].script = {"banner": "silent"}
    daemon = Daemon(bench, "".join(f"""
action "{name}" relay host "{name}://127.0.0.1:{sink.port}"
match from any for domain "{name}.test" action "{name}"
""" for name, sink in peers.items())).start()
    with Client(daemon.port) as client:
        client.command("EHLO client.example.org")
        port = client.socket.getsockname()[1]
        expect_equal(no_delay(daemon.roles()["frontend"], port), [True], "of a client")
    for name, sink in peers.items():
        submit(daemon.port, recipients=[f"x@{name}.test"])
        eventually(lambda: sink.connections == 1, f"nobody connects to {name}")
        found = eventually(lambda: no_delay(daemon.roles()["delivery"], sink.port), f"no connection to {name}")
        expect_equal(found, [True], f"to {name}")
    daemon.kill()
