// SPDX-License-Identifier: ISC
// The kernel's means to confine a process that have no call of the C library, and the handler of broken
// promises, in which only C is safe.

#ifndef TALARIA_SANDBOX_H
#define TALARIA_SANDBOX_H

#include <stdint.h>

/// Not dumpable: no core, no ptrace and no look into /proc by others of the same user. 0, or -1 with errno.
int talaria_sandbox_conceal(void);

/// No new privileges through exec, for good. 0, or -1 with errno.
int talaria_sandbox_no_new_privileges(void);

/// Closes every descriptor from `first` on. 0, or -1 with errno.
int talaria_sandbox_close_from(unsigned first);

enum talaria_sandbox_limit {
  TALARIA_LIMIT_CORE,
  TALARIA_LIMIT_FILE_SIZE,
  TALARIA_LIMIT_PROCESSES,
  TALARIA_LIMIT_OPEN_FILES
};

/// Lowers a resource limit, soft and hard; one that is lower already stays. 0, or -1 with errno.
int talaria_sandbox_limit(enum talaria_sandbox_limit limit, uint64_t most);

/// Whether this kernel can filter calls and trap.
int talaria_sandbox_has_filters(void);

/// The version of Landlock's interface; 0 where there is none.
int talaria_landlock_version(void);

/// A ruleset that handles these kinds of access. Its descriptor, or -1 with errno.
int talaria_landlock_ruleset(int version, uint64_t files, uint64_t network, uint64_t scoped);

/// Grants access below a path. 0, or -1 with errno.
int talaria_landlock_grant_path(int ruleset, const char *path, uint64_t access);

/// Grants access to a TCP port. 0, or -1 with errno.
int talaria_landlock_grant_port(int ruleset, uint16_t port, uint64_t access);

/// Binds the calling thread, and those that it starts, to the ruleset. 0, or -1 with errno.
int talaria_landlock_restrict(int ruleset);

/// From now on a trapped call writes a line to descriptor 2 that names `process` and the call, and ends
/// the process by SIGSYS. Once it is installed further calls change nothing. 0, or -1 with errno.
int talaria_trap_install(const char *process);

/// Tells the handler a call's name. Called before any filter is loaded.
void talaria_trap_name(int number, const char *name);

#endif
