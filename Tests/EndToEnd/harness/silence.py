# SPDX-License-Identifier: ISC
"""A file system that does not answer, as one of a server that is gone."""

import ctypes
import os

from .case import Skipped

LIBC = ctypes.CDLL(None, use_errno=True)
MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2


def mount_silence(bench, path):
    """Mounts one at a directory: whoever asks it anything waits until he is killed, or it is let go.

    It is FUSE, whose server is this process, and never reads a question. Returns what lets it go.
    """
    bench.need_root("to mount")
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        raise Skipped("mount is not permitted, of FUSE") from None
    options = f"fd={device},rootmode=40755,user_id=0,group_id=0,allow_other"
    if LIBC.mount(b"silence", path.encode(), b"fuse", MS_NOSUID | MS_NODEV, options.encode()) != 0:
        os.close(device)
        raise Skipped("mount is not permitted, of FUSE")
    isThere = [True]

    def let_go():
        if isThere.pop() if isThere else False:
            # Who waits gets an error once nobody serves it.
            os.close(device)
            LIBC.umount2(path.encode(), MNT_DETACH)

    bench.at_end(let_go)
    return let_go
