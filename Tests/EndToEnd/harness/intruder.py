# SPDX-License-Identifier: ISC
"""Makes a running process do a system call, as code that was taken over would. Root, x86-64, Linux."""

import ctypes
import os
import platform
import time

from .case import Failed

ATTACH, GETREGS, SETREGS, DETACH = 16, 12, 13, 17
RECVMSG = 47
SYSCALL = b"\x0f\x05"

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in (
        "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
        "fs_base gs_base ds es fs gs").split()]


def can_intrude():
    return os.geteuid() == 0 and platform.machine() == "x86_64"


def _trace(request, pid, address=None, data=None):
    if libc.ptrace(request, pid, address, data) == -1:
        raise OSError(ctypes.get_errno(), f"ptrace {request}: {os.strerror(ctypes.get_errno())}")


def intrude(pid, number, *arguments, seconds=5):
    """The main thread, which sleeps in recvmsg, is set upon that call's instruction with other numbers."""
    deadline = time.monotonic() + seconds
    while not (_sleeps(pid) and _set_upon_call(pid, number, arguments)):
        # It is still starting.
        if time.monotonic() > deadline:
            raise Failed(f"process {pid} does not listen to its supervisor")
        time.sleep(0.02)


def _sleeps(pid):
    with open(f"/proc/{pid}/syscall") as file:
        return file.read().startswith(f"{RECVMSG} ")


def _set_upon_call(pid, number, arguments):
    _trace(ATTACH, pid)
    try:
        os.waitpid(pid, 0)
        registers = Registers()
        _trace(GETREGS, pid, None, ctypes.addressof(registers))
        with open(f"/proc/{pid}/mem", "rb") as memory:
            memory.seek(registers.rip - len(SYSCALL))
            if memory.read(len(SYSCALL)) != SYSCALL:
                return False
        registers.rip -= len(SYSCALL)
        registers.rax = number
        # No call is under way that the kernel would start again.
        registers.orig_rax = (1 << 64) - 1
        for name, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), arguments):
            setattr(registers, name, value)
        _trace(SETREGS, pid, None, ctypes.addressof(registers))
        return True
    finally:
        _trace(DETACH, pid)
