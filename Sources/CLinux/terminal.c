// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

// What ends or stops a process, and comes from terminals, operators, timers and limits. The last two are never
// blocked: the kernel raises them in the calls below when the terminal is in somebody else's hands, and answers
// otherwise with an error, or as if nothing were.
static const int signals[] = {SIGHUP,    SIGINT,  SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE, SIGVTALRM,
                              SIGPROF,   SIGXCPU, SIGIO,   SIGPWR,  SIGSTKFLT, SIGTSTP, SIGTTIN, SIGTTOU};
enum { SIGNALS = sizeof signals / sizeof *signals, BLOCKED = SIGNALS - 2 };

static volatile sig_atomic_t caught;

static void note(int number) { caught = number; }

int talaria_terminal_open(void) { return open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC); }

static int write_all(int file, const char *text, size_t length) {
  while (length > 0) {
    ssize_t step = write(file, text, length);
    if (step < 0 && errno == EINTR && caught == 0) continue;
    if (step < 0) return -1;
    text += step;
    length -= (size_t)step;
  }
  return 0;
}

// A line; more than there is room for is read and forgotten. EINTR when a signal came.
static long read_line(int terminal, int companion, const sigset_t *open_mask, uint8_t *answer, size_t room) {
  size_t length = 0;
  for (;;) {
    struct pollfd watched[2] = {{.fd = terminal, .events = POLLIN}, {.fd = companion, .events = 0}};
    int ready = caught == 0 ? ppoll(watched, 2, NULL, open_mask) : (errno = EINTR, -1);
    if (ready < 0) return -1;
    if (watched[1].revents != 0) return errno = EPIPE, -1;
    uint8_t byte;
    ssize_t count = read(terminal, &byte, 1);
    if (count < 0) return -1;
    if (count == 0) return errno = EPIPE, -1;
    if (byte == '\n' || byte == '\r') return (long)length;
    if (length < room) answer[length] = byte;
    if (length <= room) length++;
  }
}

// Asks once; EINTR when a signal came. The terminal is then as it was.
static long ask_once(int terminal, int companion, const sigset_t *open_mask, const char *question, uint8_t *answer,
                     size_t room) {
  struct termios before, silent;
  if (tcgetattr(terminal, &before) != 0) return -1;
  silent = before;
  silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
  silent.c_lflag |= ICANON | ISIG;
  silent.c_iflag |= ICRNL;
  long length = -1;
  if (tcsetattr(terminal, TCSAFLUSH, &silent) == 0) {
    if (write_all(terminal, question, strlen(question)) == 0)
      length = read_line(terminal, companion, open_mask, answer, room);
    int kept = errno;
    (void)write_all(terminal, "\n", 1);
    // Half an answer is for nobody else to read, unless another has the terminal and types there.
    int when = length >= 0 || caught == SIGTTIN || caught == SIGTTOU ? TCSANOW : TCSAFLUSH;
    // Whoever has the terminal now wants it as it was, too: without this signal nobody is asked.
    sigset_t mask, former;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTTOU);
    sigprocmask(SIG_BLOCK, &mask, &former);
    while (tcsetattr(terminal, when, &before) != 0 && errno == EINTR) {
    }
    sigprocmask(SIG_SETMASK, &former, NULL);
    errno = kept;
  }
  return length;
}

long talaria_terminal_ask(int terminal, int companion, const char *question, uint8_t *answer, size_t room) {
  for (;;) {
    struct sigaction noting, former[SIGNALS];
    sigset_t blocked, open_mask;
    memset(&noting, 0, sizeof noting);
    sigemptyset(&noting.sa_mask);
    noting.sa_handler = note;
    caught = 0;
    sigemptyset(&blocked);
    for (int index = 0; index < BLOCKED; index++) sigaddset(&blocked, signals[index]);
    sigprocmask(SIG_BLOCK, &blocked, &open_mask);
    for (int index = 0; index < SIGNALS; index++) sigaction(signals[index], &noting, &former[index]);
    long length = ask_once(terminal, companion, &open_mask, question, answer, room);
    int kept = errno, number = caught;
    for (int index = 0; index < SIGNALS; index++) sigaction(signals[index], &former[index], NULL);
    // One that waits comes here, and stops or ends the process.
    sigprocmask(SIG_SETMASK, &open_mask, NULL);
    if (number != 0) {
      explicit_bzero(answer, room);
      kill(getpid(), number);
      continue;
    }
    errno = kept;
    return length;
  }
}
