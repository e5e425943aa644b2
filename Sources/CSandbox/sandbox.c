// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// The same on every architecture; older headers lack them.
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

// As the kernel knows it; the headers of Debian 12 have the first member only.
struct ruleset_attributes {
  uint64_t files;
  uint64_t network;
  uint64_t scoped;
};

struct path_attributes {
  uint64_t access;
  int32_t parent;
} __attribute__((packed));

struct port_attributes {
  uint64_t access;
  uint64_t port;
};

enum { RULE_PATH = 1, RULE_PORT = 2, CREATE_VERSION = 1 };

int talaria_sandbox_conceal(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

int talaria_sandbox_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

int talaria_sandbox_close_from(unsigned first) {
  if (syscall(SYS_close_range, first, ~0U, 0U) == 0) return 0;
  if (errno != ENOSYS) return -1;
  long most = sysconf(_SC_OPEN_MAX);
  for (long number = first; number < most; number++) close((int)number);
  return 0;
}

int talaria_sandbox_limit(enum talaria_sandbox_limit limit, uint64_t most) {
  struct rlimit now;
  int resource = limit == TALARIA_LIMIT_CORE        ? RLIMIT_CORE
                 : limit == TALARIA_LIMIT_FILE_SIZE ? RLIMIT_FSIZE
                 : limit == TALARIA_LIMIT_PROCESSES ? RLIMIT_NPROC
                                                    : RLIMIT_NOFILE;
  if (getrlimit(resource, &now) != 0) return -1;
  if (now.rlim_max > most) now.rlim_max = most;
  if (now.rlim_cur > now.rlim_max) now.rlim_cur = now.rlim_max;
  return setrlimit(resource, &now);
}

int talaria_sandbox_has_filters(void) {
  uint32_t action = SECCOMP_RET_TRAP;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int talaria_landlock_version(void) {
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
  return version < 0 ? 0 : (int)version;
}

int talaria_landlock_ruleset(int version, uint64_t files, uint64_t network, uint64_t scoped) {
  struct ruleset_attributes attributes = {files, network, scoped};
  size_t size = version >= 6   ? sizeof attributes
                : version >= 4 ? offsetof(struct ruleset_attributes, scoped)
                               : offsetof(struct ruleset_attributes, network);
  return (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
}

int talaria_landlock_grant_path(int ruleset, const char *path, uint64_t access) {
  struct path_attributes attributes = {access, open(path, O_PATH | O_CLOEXEC)};
  if (attributes.parent < 0) return -1;
  int outcome = (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &attributes, 0);
  int kept = errno;
  close(attributes.parent);
  errno = kept;
  return outcome;
}

int talaria_landlock_grant_port(int ruleset, uint16_t port, uint64_t access) {
  struct port_attributes attributes = {access, port};
  return (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &attributes, 0);
}

int talaria_landlock_restrict(int ruleset) {
  return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}
