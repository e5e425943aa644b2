# SPDX-License-Identifier: ISC
"""HAProxy before a listener: a real sender of the PROXY protocol."""

import shutil
import socket
import subprocess

from .case import Skipped, eventually
from .daemon import free_port


class HAProxy:
    """Forwards to a port of ours; `option` is send-proxy or send-proxy-v2."""

    def __init__(self, bench, target, option, address="127.0.0.1"):
        if not shutil.which("haproxy"):
            raise Skipped("haproxy is not installed")
        self.port = free_port(address) if ":" not in address else free_port()
        host = f"[{address}]" if ":" in address else address
        configuration = bench.write(f"haproxy-{self.port}.cfg", f"""
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen smtp
    bind {host}:{self.port}
    server talaria 127.0.0.1:{target} {option}
""")
        self.process = subprocess.Popen(["haproxy", "-db", "-f", configuration], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        bench.at_end(self.close)
        self.address = address
        eventually(self._listens, "haproxy does not listen")

    def _listens(self):
        try:
            socket.create_connection((self.address, self.port), 1).close()
            return True
        except OSError:
            return False

    def close(self):
        self.process.kill()
        self.process.wait()
