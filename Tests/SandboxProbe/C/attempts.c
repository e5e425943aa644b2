// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "attempts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

// From before the sandbox.
static int pair[2] = {-1, -1};
static int listener = -1;
static int client = -1;

static int outcome(long value) { return value < 0 ? errno : 0; }

static int open_as(const char *path, int flags) { return outcome(open(path, flags, 0600)); }

static int try_socket(int family, int kind, int protocol) {
  return outcome(socket(family, kind, protocol));
}

static struct sockaddr_in local(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int try_connect(int kind, const char *port) {
  struct sockaddr_in address = local(port);
  int socket_number = socket(AF_INET, kind, 0);
  if (socket_number < 0) return errno;
  return outcome(connect(socket_number, (struct sockaddr *)&address, sizeof address));
}

// Data in the first packet: connects without connect(2).
static int send_first(const char *port, int as_message) {
  struct sockaddr_in address = local(port);
  struct iovec part = {.iov_base = "x", .iov_len = 1};
  struct msghdr message = {
      .msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &part, .msg_iovlen = 1};
  int number = socket(AF_INET, SOCK_STREAM, 0);
  if (number < 0) return errno;
  if (as_message) return outcome(sendmsg(number, &message, MSG_FASTOPEN));
  return outcome(sendto(number, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address));
}

static int datagram_pair(void) {
  int ends[2];
  return outcome(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
}

// On a pair's end, which every role may have. Whatever the kernel says, it was asked.
static int set_option(int level, int option) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  char value[16] = "tls";
  return outcome(setsockopt(ends[0], level, option, value, sizeof value));
}

// A pair's end has no options of IP at all, which is what the kernel itself says: it works if that is heard.
static int set_tables(int level, int option) {
  int answer = set_option(level, option);
  return answer == EOPNOTSUPP ? 0 : answer;
}

static int try_bind(const char *port) {
  struct sockaddr_in address = local(port);
  int number = socket(AF_INET, SOCK_STREAM, 0);
  if (number < 0) return errno;
  return outcome(bind(number, (struct sockaddr *)&address, sizeof address));
}

static int try_listen(void) {
  struct sockaddr_in address = local("0");
  int number = socket(AF_INET, SOCK_STREAM, 0);
  if (number < 0) return errno;
  if (bind(number, (struct sockaddr *)&address, sizeof address) != 0) return errno;
  return outcome(listen(number, 1));
}

static int try_fork(void) {
  long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  if (child < 0) return errno;
  return outcome(waitpid((pid_t)child, NULL, 0));
}

static int clone_apart(unsigned long space) {
  long child = syscall(SYS_clone, space | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  if (child < 0) return errno;
  return outcome(waitpid((pid_t)child, NULL, 0));
}

static int try_exec(void) {
  char *const arguments[] = {"true", NULL};
  return outcome(execve("/bin/true", arguments, arguments + 1));
}

static int try_run(void) {
  char *const arguments[] = {"true", NULL};
  int status;
  pid_t child = vfork();
  if (child == 0) {
    execve("/bin/true", arguments, arguments + 1);
    _exit(127);
  }
  if (child < 0 || waitpid(child, &status, 0) < 0) return errno;
  return status == 0 ? 0 : ECHILD;
}

static int try_executable_memory(void) {
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return errno;
  return outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int pass_descriptor(int number) {
  char space[CMSG_SPACE(sizeof(int))] = {0};
  char byte = 'x';
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = space,
                           .msg_controllen = sizeof space};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &number, sizeof(int));
  return outcome(sendmsg(pair[0], &message, 0));
}

static int receive_descriptor(void) {
  char space[CMSG_SPACE(sizeof(int))];
  char byte;
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = space,
                           .msg_controllen = sizeof space};
  if (recvmsg(pair[1], &message, 0) < 0) return errno;
  return CMSG_FIRSTHDR(&message) == NULL ? EBADMSG : 0;
}

static void *in_thread(void *argument) {
  *(int *)argument = 1;
  return NULL;
}

static int try_thread(void) {
  pthread_t thread;
  int ran = 0;
  int failure = pthread_create(&thread, NULL, in_thread, &ran);
  if (failure) return failure;
  pthread_join(thread, NULL);
  return ran ? 0 : ECHILD;
}

static int try_wait(void) {
  int poller = epoll_create1(EPOLL_CLOEXEC), bell = eventfd(1, EFD_CLOEXEC);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN};
  struct itimerspec soon = {.it_value = {.tv_nsec = 1000000}};
  int ends[2];
  if (poller < 0 || bell < 0 || timer < 0 || pipe2(ends, O_CLOEXEC) != 0) return errno;
  if (timerfd_settime(timer, 0, &soon, NULL) != 0) return errno;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, bell, &event) != 0) return errno;
  if (fcntl(bell, F_SETFL, O_NONBLOCK) != 0) return errno;
  return epoll_wait(poller, &event, 1, 1000) == 1 ? 0 : ETIMEDOUT;
}

static int try_limits(void) {
  struct rlimit limit;
  if (prctl(PR_GET_DUMPABLE) != 0) return EPERM;
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return errno;
  if (limit.rlim_max != 0) return ERANGE;
  return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : ENOTRECOVERABLE;
}

/// Opens as many as there may be: a descriptor with the number given is one too many.
static int try_open_files(const char *most) {
  int opened = 0;
  while (opened >= 0 && opened < atoi(most)) opened = dup(2);
  if (opened < 0) return errno == EMFILE ? EMFILE : ENOTRECOVERABLE;
  return 0;
}

/// Everything that a store does below its directory.
static int try_files(const char *directory) {
  int root = open(directory, O_RDONLY | O_DIRECTORY);
  if (root < 0) return errno;
  if (mkdirat(root, "made", 0700) != 0) return errno;
  int file = openat(root, "made/one", O_RDWR | O_CREAT | O_EXCL, 0600);
  if (file < 0) return errno;
  if (pwrite(file, "text", 4, 0) != 4 || ftruncate(file, 2) != 0) return errno;
  if (fdatasync(file) != 0 || syncfs(file) != 0) return errno;
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(file, F_SETLK, &lock) != 0) return errno;
  void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) return errno;
  if (renameat(root, "made/one", root, "two") != 0) return errno;
  struct stat facts;
  if (fstatat(root, "two", &facts, AT_SYMLINK_NOFOLLOW) != 0) return errno;
  if (unlinkat(root, "two", 0) != 0) return errno;
  return outcome(unlinkat(root, "made", AT_REMOVEDIR));
}

static int try_name(void) { return getpwnam("root") == NULL ? (errno ? errno : ENOENT) : 0; }

static int try_perf(void) {
  struct perf_event_attr attributes = {.size = sizeof attributes};
  return outcome(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

static int try_foreign(void) {
#if defined(__x86_64__)
  // getpid of the 32-bit table.
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
  return result < 0 ? (int)-result : 0;
#else
  return EOPNOTSUPP;
#endif
}

static int ignore_signal(long number) {
  // As the kernel has it: handler, flags, restorer, mask.
  uint64_t action[4] = {(uint64_t)(uintptr_t)SIG_IGN, 0, 0, 0};
  return outcome(syscall(SYS_rt_sigaction, number, action, NULL, sizeof(uint64_t)));
}

static int try_other_handlers(void) {
  for (long number = 1; number <= 64; number++) {
    if (number == SIGSYS || number == SIGKILL || number == SIGSTOP) continue;
    int failure = ignore_signal(number);
    if (failure) return failure;
  }
  return 0;
}

static int try_clone3(void) {
  uint64_t arguments[8] = {0};
  arguments[4] = SIGCHLD;
  long child = syscall(SYS_clone3, arguments, sizeof arguments);
  if (child == 0) _exit(0);
  return outcome(child);
}

typedef int attempt_function(const char *argument);

#define ATTEMPT(name, expression)                                                                  \
  static int name(const char *argument) {                                                          \
    (void)argument;                                                                                \
    return expression;                                                                             \
  }

ATTEMPT(read_file, open_as(argument, O_RDONLY))
ATTEMPT(write_file, open_as(argument, O_WRONLY | O_CREAT))
ATTEMPT(overwrite, open_as(argument, O_WRONLY))
ATTEMPT(stat_file, outcome(access(argument, F_OK)))
ATTEMPT(remove_file, outcome(unlink(argument)))
ATTEMPT(change_mode, outcome(chmod(argument, 0777)))
ATTEMPT(files, try_files(argument))
ATTEMPT(tcp_socket, try_socket(AF_INET, SOCK_STREAM, 0))
ATTEMPT(tcp6_socket, try_socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP))
ATTEMPT(udp_socket, try_socket(AF_INET, SOCK_DGRAM, 0))
ATTEMPT(unix_socket, try_socket(AF_UNIX, SOCK_STREAM, 0))
ATTEMPT(raw_socket, try_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
ATTEMPT(packet_socket, try_socket(AF_PACKET, SOCK_RAW, 0))
ATTEMPT(multipath_socket, try_socket(AF_INET, SOCK_STREAM, 262))
ATTEMPT(connect_tcp, try_connect(SOCK_STREAM, argument))
ATTEMPT(send_first_bytes, send_first(argument, 0))
ATTEMPT(send_first_message, send_first(argument, 1))
ATTEMPT(pair_of_datagrams, datagram_pair())
ATTEMPT(usual_option, set_option(SOL_SOCKET, SO_KEEPALIVE))
ATTEMPT(attach_filter, set_option(SOL_SOCKET, SO_ATTACH_FILTER))
ATTEMPT(attach_program, set_option(SOL_SOCKET, SO_ATTACH_BPF))
ATTEMPT(attach_group_filter, set_option(SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF))
ATTEMPT(attach_group_program, set_option(SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF))
ATTEMPT(upper_protocol, set_option(IPPROTO_TCP, TCP_ULP))
ATTEMPT(repair_connection, set_option(IPPROTO_TCP, TCP_REPAIR))
ATTEMPT(congestion_module, set_option(IPPROTO_TCP, TCP_CONGESTION))
ATTEMPT(signature_module, set_option(IPPROTO_TCP, TCP_MD5SIG))
ATTEMPT(encryption_policy, set_option(IPPROTO_IP, IP_XFRM_POLICY))
ATTEMPT(usual_ip_option, set_tables(IPPROTO_IP, IP_TOS))
ATTEMPT(usual_ip6_option, set_tables(IPPROTO_IPV6, IPV6_V6ONLY))
// IPT_SO_SET_REPLACE and IP6T_SO_SET_REPLACE.
ATTEMPT(replace_tables, set_tables(IPPROTO_IP, 64))
ATTEMPT(replace_tables6, set_tables(IPPROTO_IPV6, 64))
ATTEMPT(bind_tcp, try_bind(argument))
ATTEMPT(listen_tcp, try_listen())
ATTEMPT(accept_tcp, outcome(accept4(listener, NULL, NULL, SOCK_CLOEXEC)))
ATTEMPT(fork_process, try_fork())
ATTEMPT(clone_user, clone_apart(CLONE_NEWUSER))
ATTEMPT(clone_spaces, clone_apart(CLONE_NEWNS | CLONE_NEWNET))
ATTEMPT(exec_program, try_exec())
ATTEMPT(run_program, try_run())
ATTEMPT(trace_process, outcome(ptrace(PTRACE_ATTACH, atoi(argument), 0, 0)))
ATTEMPT(kill_process, outcome(kill(atoi(argument), 0)))
ATTEMPT(kill_thread, outcome(syscall(SYS_tgkill, atoi(argument), atoi(argument), 0)))
ATTEMPT(kill_group, outcome(kill(0, 0)))
ATTEMPT(signal_self, outcome(kill(getpid(), 0)))
ATTEMPT(become_user, outcome(setresuid(getuid(), getuid(), getuid())))
ATTEMPT(executable_memory, try_executable_memory())
ATTEMPT(send_descriptor, pass_descriptor(0))
ATTEMPT(take_descriptor, receive_descriptor())
ATTEMPT(send_bytes, outcome(send(pair[0], "x", 1, 0)))
ATTEMPT(make_thread, try_thread())
ATTEMPT(wait_events, try_wait())
ATTEMPT(limits, try_limits())
ATTEMPT(open_files, try_open_files(argument))
ATTEMPT(find_user, try_name())
ATTEMPT(unshare_spaces, outcome(unshare(CLONE_NEWUSER)))
ATTEMPT(mount_tree, outcome(mount("none", "/mnt", "tmpfs", 0, NULL)))
ATTEMPT(load_bpf, outcome(syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0)))
ATTEMPT(io_ring, outcome(syscall(SYS_io_uring_setup, 1, NULL)))
ATTEMPT(count_events, try_perf())
ATTEMPT(keys, outcome(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -1, 0)))
ATTEMPT(change_root, outcome(chroot("/")))
ATTEMPT(dumpable, outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)))
ATTEMPT(type_for_user, outcome(ioctl(0, TIOCSTI, "x")))
ATTEMPT(foreign_call, try_foreign())
ATTEMPT(own_handler, ignore_signal(SIGSYS))
ATTEMPT(hidden_handler, ignore_signal(0x100000000L | SIGSYS))
ATTEMPT(other_handlers, try_other_handlers())
ATTEMPT(clone3, try_clone3())
ATTEMPT(unknown_call, outcome(syscall(2000)))

static const struct {
  const char *name;
  attempt_function *run;
} attempts[] = {
    {"read-file", read_file},
    {"read-key", read_file},
    {"write-file", write_file},
    {"overwrite", overwrite},
    {"stat-file", stat_file},
    {"remove-file", remove_file},
    {"change-mode", change_mode},
    {"files", files},
    {"tcp-socket", tcp_socket},
    {"tcp6-socket", tcp6_socket},
    {"udp-socket", udp_socket},
    {"unix-socket", unix_socket},
    {"raw-socket", raw_socket},
    {"packet-socket", packet_socket},
    {"multipath-socket", multipath_socket},
    {"connect", connect_tcp},
    {"send-first", send_first_bytes},
    {"send-first-message", send_first_message},
    {"datagram-pair", pair_of_datagrams},
    {"socket-option", usual_option},
    {"attach-filter", attach_filter},
    {"attach-program", attach_program},
    {"attach-group-filter", attach_group_filter},
    {"attach-group-program", attach_group_program},
    {"upper-protocol", upper_protocol},
    {"repair", repair_connection},
    {"congestion", congestion_module},
    {"signature", signature_module},
    {"encryption-policy", encryption_policy},
    {"ip-option", usual_ip_option},
    {"ip6-option", usual_ip6_option},
    {"packet-tables", replace_tables},
    {"packet-tables6", replace_tables6},
    {"bind", bind_tcp},
    {"listen", listen_tcp},
    {"accept", accept_tcp},
    {"fork", fork_process},
    {"clone-user", clone_user},
    {"clone-spaces", clone_spaces},
    {"exec", exec_program},
    {"run", run_program},
    {"trace", trace_process},
    {"kill", kill_process},
    {"kill-thread", kill_thread},
    {"kill-group", kill_group},
    {"signal-self", signal_self},
    {"become", become_user},
    {"executable-memory", executable_memory},
    {"send-descriptor", send_descriptor},
    {"take-descriptor", take_descriptor},
    {"send-bytes", send_bytes},
    {"thread", make_thread},
    {"wait", wait_events},
    {"limits", limits},
    {"open-files", open_files},
    {"find-user", find_user},
    {"unshare", unshare_spaces},
    {"mount", mount_tree},
    {"bpf", load_bpf},
    {"io-ring", io_ring},
    {"perf", count_events},
    {"keys", keys},
    {"change-root", change_root},
    {"dumpable", dumpable},
    {"terminal", type_for_user},
    {"foreign", foreign_call},
    {"own-handler", own_handler},
    {"hidden-handler", hidden_handler},
    {"other-handlers", other_handlers},
    {"clone3", clone3},
    {"unknown", unknown_call},
};

enum { COUNT = sizeof attempts / sizeof attempts[0] };

int probe_prepare(const char *name) {
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return errno;
  if (strcmp(name, "take-descriptor") == 0) return pass_descriptor(0);
  if (strcmp(name, "accept") != 0) return 0;
  struct sockaddr_in address = local("0");
  socklen_t length = sizeof address;
  listener = socket(AF_INET, SOCK_STREAM, 0);
  client = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || client < 0) return errno;
  if (bind(listener, (struct sockaddr *)&address, length) != 0) return errno;
  if (listen(listener, 1) != 0) return errno;
  if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) return errno;
  return outcome(connect(client, (struct sockaddr *)&address, length));
}

int probe_attempt(const char *name, const char *argument) {
  for (int index = 0; index < COUNT; index++)
    if (strcmp(attempts[index].name, name) == 0) return attempts[index].run(argument);
  return -1;
}

const char *const *probe_names(void) {
  static const char *names[COUNT + 1];
  for (int index = 0; index < COUNT; index++) names[index] = attempts[index].name;
  return names;
}
