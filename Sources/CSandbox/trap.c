// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NAMES_MAX = 512, NAME_MAX_BYTES = 32, SECCOMP_CODE = 1, WAIT_MILLISECONDS = 200 };

// Written before the first filter, read in the handler only.
static char names[NAMES_MAX][NAME_MAX_BYTES];
static char process_name[NAME_MAX_BYTES];
static uint32_t native;

struct line {
  char text[160];
  size_t length;
};

static void add(struct line *line, const char *text) {
  while (*text && line->length < sizeof line->text) line->text[line->length++] = *text++;
}

static void add_number(struct line *line, unsigned number) {
  char digits[12];
  size_t at = sizeof digits;
  digits[--at] = 0;
  do digits[--at] = (char)('0' + number % 10);
  while (number /= 10);
  add(line, digits + at);
}

// The log may be full for a moment, but a role that nobody reads must end all the same.
static void tell(const struct line *line) {
  for (int attempt = 0; attempt < 2; attempt++) {
    if (write(STDERR_FILENO, line->text, line->length) >= 0 || errno != EAGAIN) return;
    struct pollfd log = {STDERR_FILENO, POLLOUT, 0};
    (void)poll(&log, 1, WAIT_MILLISECONDS);
  }
}

// The signal is at its default again, since it was delivered.
static void end_by(int signal_number) {
  syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal_number);
  _exit(128 + signal_number);
}

static void promise_broken(int signal_number, siginfo_t *what, void *context) {
  (void)context;
  if (what->si_code == SECCOMP_CODE) {
    struct line line = {.length = 0};
    unsigned number = (unsigned)what->si_syscall;
    add(&line, "fatal: ");
    add(&line, process_name);
    add(&line, ": promise broken: ");
    if (native != 0 && what->si_arch != native) add(&line, "a call of another architecture, ");
    else if (number < NAMES_MAX && names[number][0]) add(&line, names[number]);
    else add(&line, "a call without a name");
    add(&line, " (");
    add_number(&line, number);
    add(&line, ")\n");
    tell(&line);
  }
  end_by(signal_number);
}

int talaria_trap_install(const char *process) {
  // A filter that is there lets nobody change the handler.
  if (process_name[0]) return 0;
  // SA_NODEFER: the signal that ends the process is not held back by the one that is handled.
  // SA_RESETHAND: the handler could not set the default itself. The line of a thread that breaks a promise
  // while another one's is being written may be lost, the end is not.
  struct sigaction action = {.sa_sigaction = promise_broken,
                             .sa_flags = SA_SIGINFO | SA_NODEFER | (int)SA_RESETHAND};
  strncpy(process_name, process, sizeof process_name - 1);
#if defined(__x86_64__)
  native = 0xc000003eU;
#elif defined(__aarch64__)
  native = 0xc00000b7U;
#endif
  return sigaction(SIGSYS, &action, NULL);
}

void talaria_trap_name(int number, const char *name) {
  if (number < 0 || number >= NAMES_MAX) return;
  strncpy(names[number], name, NAME_MAX_BYTES - 1);
}
