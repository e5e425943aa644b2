# SPDX-License-Identifier: ISC
"""A name space of mounts: a command sees other files in the places of this machine's."""

import subprocess

from .case import Skipped


def seeing(bench, files):
    """What to put before a command so that it sees others in these places: {place: path of what is there}."""
    bench.need_root("to mount")
    words = [word for pair in files.items() for word in reversed(pair)]
    binds = " && ".join(f'mount --bind "${2 * turn + 1}" "${2 * turn + 2}"' for turn in range(len(files)))
    command = ["unshare", "--mount", "sh", "-c", f'{binds} && shift {len(words)} && exec "$@"', "sh", *words]
    if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        raise Skipped("mount is not permitted")
    return command
