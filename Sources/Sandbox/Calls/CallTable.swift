// SPDX-License-Identifier: ISC

/// Calls by name: what each promise allows as a whole, and what is dangerous without one. Names that a
/// platform does not have are passed over there.
enum CallTable {
  /// The calls of a promise whose arguments need no look.
  static let allowed: [Promise: [String]] = [
    .stdio: memory + threads + time + identity + signals + waiting + open,
    .rpath: looking + ["fadvise64", "getdents", "getdents64", "readahead"],
    .wpath: [
      "copy_file_range", "fallocate", "ftruncate", "sync_file_range", "syncfs", "truncate",
    ],
    .cpath: [
      "link", "linkat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "rmdir",
      "symlink", "symlinkat", "unlink", "unlinkat",
    ],
    .fattr: modes,
    .flock: ["flock"],
    .inet: ["bind", "connect"],
    .dns: ["bind", "connect", "recvmmsg", "recvmsg"],
    .accept: ["accept", "accept4", "listen"],
    .unix: ["bind", "connect"],
    // bind: NIS asks from ports of its own.
    .getpw: looking + ["bind", "connect", "getdents", "getdents64", "recvmsg"],
    .recvfd: ["recvmsg"],
    .proc: [
      "fork", "getpgid", "kill", "setpgid", "setpriority", "setsid", "tgkill", "tkill",
      "vfork", "wait4", "waitid",
    ],
    // The new program inherits the filter, and its loader sets up its threads' storage.
    .exec: ["arch_prctl", "execve", "execveat"],
    .id: [
      "capget", "capset", "setfsgid", "setfsuid", "setgid", "setgroups", "setregid", "setresgid",
      "setresuid", "setreuid", "setuid",
    ],
    .protExec: ["mmap", "mprotect"],
  ]

  private static let memory = [
    "brk", "madvise", "membarrier", "mincore", "mlock", "mremap", "msync", "munlock", "munmap",
  ]
  private static let threads = [
    "exit", "exit_group", "futex", "futex_waitv", "get_robust_list", "getcpu", "gettid", "rseq",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
    "sched_getparam", "sched_getscheduler", "sched_yield", "set_robust_list", "set_tid_address",
  ]
  private static let time = [
    "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday", "nanosleep",
    "restart_syscall", "setitimer", "alarm", "time", "times",
  ]
  private static let identity = [
    "getegid", "geteuid", "getgid", "getgroups", "getpgrp", "getpid", "getppid", "getrandom",
    "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "getuid", "sysinfo", "umask",
    "uname",
  ]
  private static let signals = [
    "pause", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
    "sigaltstack",
  ]
  private static let waiting = [
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "eventfd", "eventfd2", "pipe", "pipe2", "poll", "ppoll", "pselect6", "select",
    "timerfd_create", "timerfd_gettime", "timerfd_settime",
  ]
  /// On descriptors that are open. `recvfrom` carries no descriptors.
  private static let open = [
    "close", "close_range", "dup", "dup2", "dup3", "fdatasync", "fstat", "fstatfs", "fsync",
    "getpeername", "getsockname", "getsockopt", "lseek", "pread64", "preadv", "preadv2",
    "pwrite64", "pwritev", "pwritev2", "read", "readv", "recvfrom", "sendfile", "shutdown",
    "write", "writev",
  ]

  /// Asking about files. Refused without `rpath`: a library that looks for a file can do without it.
  static let looking = [
    "access", "chdir", "faccessat", "faccessat2", "fchdir", "fgetxattr", "flistxattr", "getcwd",
    "getxattr", "lgetxattr", "listxattr", "llistxattr", "lstat", "newfstatat",
    "readlink", "readlinkat", "stat", "statfs", "statx",
  ]

  private static let modes = [
    "chmod", "chown", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "futimesat",
    "lchown", "utime", "utimensat", "utimes",
  ]

  /// What trapped code would want to do: without its promise it ends the process. Everything that is
  /// neither here nor allowed gets ENOSYS, so that a new C library, which tries new calls first, does not
  /// stop the mail.
  static let dangerous: [String] =
    Promise.allCases.filter { ![.stdio, .getpw, .rpath].contains($0) }
    .flatMap { allowed[$0] ?? [] }
    .filter { !harmless.contains($0) } + system + attributes + others

  /// Refused is enough: they do nothing to others.
  private static let harmless: Set<String> = [
    "arch_prctl", "capget", "copy_file_range", "fallocate", "flock", "getpgid", "setpriority",
    "sync_file_range", "syncfs", "wait4", "waitid",
  ]

  private static let others = [
    "creat", "io_uring_enter", "io_uring_register", "io_uring_setup", "kcmp", "mknod", "mknodat",
    "name_to_handle_at", "open_by_handle_at", "pidfd_getfd", "pidfd_open", "pidfd_send_signal",
    "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "rt_sigqueueinfo",
    "rt_tgsigqueueinfo", "sendmmsg", "sendmsg",
  ]

  private static let attributes = [
    "fremovexattr", "fsetxattr", "lremovexattr", "lsetxattr", "removexattr", "setxattr",
  ]

  private static let system = [
    "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime",
    "delete_module", "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick",
    "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load", "keyctl", "modify_ldt",
    "mount", "mount_setattr", "move_mount", "open_tree", "perf_event_open", "personality",
    "pivot_root", "quotactl", "reboot", "request_key", "setdomainname", "sethostname", "setns",
    "settimeofday", "swapoff", "swapon", "syslog", "umount", "umount2", "unshare", "userfaultfd",
    "vhangup",
  ]
}
