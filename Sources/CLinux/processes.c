// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "processes.h"
#include "memoryfile.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int talaria_stream_pair(int ends[2]) {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

int talaria_message_pair(int ends[2]) {
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  // The usual size has room for some 250 messages, and a start with more tables than that sends them before they
  // are read. Beyond the system's limit for root only; the others get twice the usual size by it.
  int size = 8 << 20;
  for (int end = 0; end < 2; end++)
    if (setsockopt(ends[end], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
      (void)setsockopt(ends[end], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  return 0;
}

int talaria_pipe(int ends[2], int capacity) {
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  // Refused beyond the system's limit; the usual size is then good enough.
  (void)fcntl(ends[1], F_SETPIPE_SZ, capacity);
  return 0;
}

int talaria_send_message(int socket, const void *bytes, size_t length,
                         const int *descriptors, size_t count, int blocking) {
  union {
    char space[CMSG_SPACE(sizeof(int) * TALARIA_DESCRIPTORS_MAX)];
    struct cmsghdr aligned;
  } control;
  struct iovec part = {(void *)bytes, length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > TALARIA_DESCRIPTORS_MAX) {
    errno = EINVAL;
    return -1;
  }
  if (count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.space;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
  }
  int flags = MSG_NOSIGNAL | (blocking ? 0 : MSG_DONTWAIT);
  ssize_t sent;
  // A role may send, and no descriptors: its filter has no sendmsg.
  do sent = count > 0 ? sendmsg(socket, &message, flags) : send(socket, bytes, length, flags);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}

ssize_t talaria_receive_message(int socket, void *bytes, size_t capacity,
                                int *descriptors, size_t *count, int blocking) {
  union {
    char space[CMSG_SPACE(sizeof(int) * TALARIA_DESCRIPTORS_MAX)];
    struct cmsghdr aligned;
  } control;
  struct iovec part = {bytes, capacity};
  struct msghdr message = {
      .msg_iov = &part,
      .msg_iovlen = 1,
      .msg_control = control.space,
      .msg_controllen = sizeof control.space,
  };
  size_t room = *count;
  *count = 0;
  int flags = MSG_CMSG_CLOEXEC | (blocking ? 0 : MSG_DONTWAIT);
  ssize_t received;
  do received = recvmsg(socket, &message, flags);
  while (received < 0 && errno == EINTR);
  if (received < 0) return -1;
  int overflow = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t found = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < found; index++) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(header) + index * sizeof(int), sizeof(int));
      if (*count < room && !overflow) {
        descriptors[(*count)++] = descriptor;
      } else {
        overflow = 1;
        close(descriptor);
      }
    }
  }
  if (overflow) {
    for (size_t index = 0; index < *count; index++) close(descriptors[index]);
    *count = 0;
    errno = EMSGSIZE;
    return -1;
  }
  return received;
}

int talaria_sealed_file(const char *name, const void *bytes, size_t length) {
  int descriptor = talaria_memory_file(name, 0);
  if (descriptor < 0) return -1;
  size_t written = 0;
  while (written < length) {
    ssize_t step = write(descriptor, (const char *)bytes + written, length - written);
    if (step < 0) {
      if (errno == EINTR) continue;
      int kept = errno;
      close(descriptor);
      errno = kept;
      return -1;
    }
    written += (size_t)step;
  }
  (void)talaria_seal(descriptor);
  lseek(descriptor, 0, SEEK_SET);
  return descriptor;
}

// The functions up to `talaria_spawn` run between fork and exec: only calls that are safe there.

// Never above what holds already, which only root could raise.
static int talaria_limit(int resource, uint64_t most) {
  struct rlimit limit;
  if (most == 0) return 0;
  if (getrlimit(resource, &limit) != 0) return -1;
  if (limit.rlim_max > most) limit.rlim_max = most;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(resource, &limit);
}

static int talaria_limits(const struct talaria_command *command) {
  // No part of a message is left behind in a core file.
  struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return -1;
  if (talaria_limit(RLIMIT_FSIZE, command->file_bytes_max) != 0) return -1;
  if (talaria_limit(RLIMIT_NPROC, command->processes_max) != 0) return -1;
  if (talaria_limit(RLIMIT_NOFILE, command->descriptors_max) != 0) return -1;
  return talaria_limit(RLIMIT_CPU, command->processor_seconds_max);
}

// By descriptors, and never over a link: the directory is writable for a group.
static int talaria_make_mailbox(const struct talaria_command *command) {
  int directory = open(command->mailbox_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return -1;
  int file = openat(directory, command->mailbox,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return errno == EEXIST ? 0 : -1;
  if (fchown(file, command->uid, command->mailbox_group) != 0 || fchmod(file, 0660) != 0 ||
      fsync(directory) != 0) {
    int kept = errno;
    unlinkat(directory, command->mailbox, 0);
    errno = kept;
    return -1;
  }
  return 0;
}

static void talaria_execute(const struct talaria_command *command) {
  char path[4096];
  const char *rest = command->search;
  if (strchr(command->path, '/') != NULL || rest == NULL) {
    execve(command->path, command->arguments, command->environment);
    return;
  }
  int denied = 0;
  size_t name = strlen(command->path);
  while (*rest != 0) {
    size_t length = strcspn(rest, ":");
    if (length > 0 && length + name + 2 <= sizeof path) {
      memcpy(path, rest, length);
      path[length] = '/';
      memcpy(path + length + 1, command->path, name + 1);
      execve(path, command->arguments, command->environment);
      if (errno == EACCES) denied = 1;
      if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) return;
    }
    rest += length;
    if (*rest == ':') rest++;
  }
  errno = denied ? EACCES : ENOENT;
}

static void talaria_child(const struct talaria_command *command, int report) {
  int fresh[4];
  sigset_t none;
  // Above the numbers that are about to be given out, so that no dup2 overwrites a source.
  for (int index = 0; index < 4; index++) {
    int from = command->standard[index];
    if (from < 0 && index < 3) from = open("/dev/null", O_RDWR);
    fresh[index] = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, 16);
    if (from >= 0 && fresh[index] < 0) goto failed;
  }
  if ((report = fcntl(report, F_DUPFD_CLOEXEC, 16)) < 0) _exit(127);
  for (int index = 0; index < 4; index++) {
    if (fresh[index] < 0)
      close(index);
    else if (dup2(fresh[index], index) < 0)
      goto failed;
  }
  // Everything else closes at the exec.
  syscall(SYS_close_range, 4U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (command->new_session && setsid() < 0) goto failed;
  if (talaria_limits(command) != 0) goto failed;
  if (command->mailbox != NULL && talaria_make_mailbox(command) != 0) goto failed;
  if (command->gid != (gid_t)-1) {
    if (setgroups(1, &command->gid) != 0) goto failed;
    if (setresgid(command->gid, command->gid, command->gid) != 0) goto failed;
  }
  if (command->uid != (uid_t)-1 &&
      setresuid(command->uid, command->uid, command->uid) != 0)
    goto failed;
  if (command->alarm_seconds > 0) alarm(command->alarm_seconds);
  // As the user: a directory that only root may enter is none of theirs.
  if (command->directory != NULL && chdir(command->directory) != 0 && chdir("/") != 0) goto failed;
  talaria_execute(command);
failed: {
  int problem = errno;
  // Where nobody waits for the report any more, what was to be done is to be tried again.
  signal(SIGPIPE, SIG_IGN);
  _exit(write(report, &problem, sizeof problem) == sizeof problem ? 127 : 75 /* EX_TEMPFAIL */);
}
}

// Whether the child has told a problem, or has begun its program. A home directory, which its user or a dead
// server may keep from answering, holds up the caller no longer than this.
static ssize_t talaria_report(int report, int *problem) {
  struct pollfd waiting = {.fd = report, .events = POLLIN};
  int ready;
  do ready = poll(&waiting, 1, 500 /* milliseconds */);
  while (ready < 0 && errno == EINTR);
  if (ready == 0) return 0;
  ssize_t length;
  do length = read(report, problem, sizeof *problem);
  while (length < 0 && errno == EINTR);
  return length;
}

pid_t talaria_spawn(const struct talaria_command *command) {
  int report[2];
  sigset_t all, before;
  if (pipe2(report, O_CLOEXEC) != 0) return -1;
  // No signal may run a handler of ours in the child.
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child == 0) talaria_child(command, report[1]);
  int kept = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(report[1]);
  if (child < 0) {
    close(report[0]);
    errno = kept;
    return -1;
  }
  int problem = 0;
  ssize_t length = talaria_report(report[0], &problem);
  close(report[0]);
  if (length == sizeof problem) {
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    errno = problem;
    return -1;
  }
  return child;
}

pid_t talaria_fork_apart(void) {
  pid_t maker = getpid();
  pid_t child = fork();
  if (child != 0) return child;
  // Asked for before the look at who made it: between the two nobody ends unseen.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != maker || setsid() < 0)
    _exit(75 /* EX_TEMPFAIL */);
  for (int number = 0; number < 4; number++)
    signal((int[]){SIGHUP, SIGINT, SIGTERM, SIGPIPE}[number], SIG_IGN);
  return 0;
}

int talaria_stand_alone(pid_t maker) {
  if (prctl(PR_SET_PDEATHSIG, 0) != 0) return 0;
  return getppid() == maker;
}

int talaria_become(const char *root, uid_t uid, gid_t gid, const char **step) {
  *step = "chroot";
  if (root != NULL && (chroot(root) != 0 || chdir("/") != 0)) return -1;
  *step = "setgroups";
  if (setgroups(1, &gid) != 0) return -1;
  *step = "setresgid";
  if (setresgid(gid, gid, gid) != 0) return -1;
  *step = "setresuid";
  if (setresuid(uid, uid, uid) != 0) return -1;
  // What cannot be taken back must be seen to be gone.
  *step = "setuid(0) was still allowed";
  if (uid != 0 && setuid(0) == 0) {
    errno = EPERM;
    return -1;
  }
  return 0;
}

int talaria_signal_descriptor(const int *signals, size_t count) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t index = 0; index < count; index++) sigaddset(&set, signals[index]);
  if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int talaria_read_signal(int descriptor) {
  struct signalfd_siginfo information;
  ssize_t length;
  do length = read(descriptor, &information, sizeof information);
  while (length < 0 && errno == EINTR);
  if (length < 0) return errno == EAGAIN ? 0 : -1;
  return (int)information.ssi_signo;
}

void talaria_unblock_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, NULL);
}

int talaria_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid) {
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -1;
  *pid = credentials.pid;
  *uid = credentials.uid;
  *gid = credentials.gid;
  return 0;
}

int talaria_option(int count, char *const *arguments, const char *options, const char **value,
                   int *next) {
  int option = getopt(count, arguments, options);
  *value = optarg;
  *next = optind;
  return option;
}

static int64_t talaria_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t talaria_civil_milliseconds(void) { return talaria_clock(CLOCK_REALTIME); }

int64_t talaria_rising_milliseconds(void) { return talaria_clock(CLOCK_MONOTONIC); }

uint64_t talaria_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  struct rlimit raised = {limit.rlim_max, limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return limit.rlim_cur;
}

void talaria_trim_memory(void) { malloc_trim(0); }

void talaria_tune_memory(void) {
  // One arena is enough for an event loop and a store thread, and only the first one grows in steps.
  mallopt(M_ARENA_MAX, 1);
  // Grow and shrink in large steps: one system call for many messages.
  mallopt(M_TOP_PAD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

int talaria_open_standard(void) {
  for (;;) {
    int descriptor = open("/dev/null", O_RDONLY);
    if (descriptor < 0) return -1;
    if (descriptor > 2) return close(descriptor);
  }
}
