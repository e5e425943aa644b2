// SPDX-License-Identifier: ISC
//
// smtpd-pam SERVICE [DIRECTORY]: asks PAM about one user and one password, and ends.
//
// Standard input is a socket that keeps messages apart. One comes: the user, a zero, the address of the client's
// host or nothing, a zero, the password, a zero.
// One goes: a byte of `enum verdict`. Neither is ever an argument or in the environment. A file of DIRECTORY
// says which modules are asked, or else one of PAM's own directories.
//
// It is two processes: one asks, the other ends it, and all that modules have started, when nobody waits for
// the answer any more or it takes too long. Modules like pam_exec(8) start programs in sessions of their own,
// which no signal to a process group reaches.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum verdict { VERDICT_ACCEPTED = '+', VERDICT_DENIED = '-', VERDICT_FAILED = '?' };

enum {
  // More than any question has.
  QUESTION_MAX = 2048,
  // For an answer, in milliseconds: less than the supervisor allows.
  ANSWER_TIME = 15000,
  // For the end of what was started.
  ENDING_TIME = 3000,
};

static void discard(int count, struct pam_response *answers) {
  for (int index = 0; index < count; index++) {
    if (answers[index].resp == NULL) continue;
    explicit_bzero(answers[index].resp, strlen(answers[index].resp));
    free(answers[index].resp);
  }
  free(answers);
}

// A module that asks for what cannot be seen is given the password; one that asks for anything else cannot be
// served, and what one says is for nobody. The modules free the answers.
static int converse(int count, const struct pam_message **messages, struct pam_response **answers,
                    void *password) {
  if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  struct pam_response *made = calloc((size_t)count, sizeof *made);
  if (made == NULL) return PAM_BUF_ERR;
  for (int index = 0; index < count; index++) {
    switch (messages[index]->msg_style) {
      case PAM_PROMPT_ECHO_OFF:
        made[index].resp = strdup(password);
        if (made[index].resp != NULL) break;
        discard(count, made);
        return PAM_BUF_ERR;
      case PAM_ERROR_MSG:
      case PAM_TEXT_INFO:
        break;
      default:
        discard(count, made);
        return PAM_CONV_ERR;
    }
  }
  *answers = made;
  return PAM_SUCCESS;
}

// Whoever asked makes clients wait, and others meanwhile.
static void no_delay(int status, unsigned microseconds, void *data) {
  (void)status, (void)microseconds, (void)data;
}

// What the modules said, and not what kept them from saying it. A password that has to be changed first is
// refused: nobody can change it by SMTP. A system error is what pam_exec(8) makes of a program's no, and a no
// that is not counted as one could be had any number of times.
static enum verdict verdict_of(int status) {
  switch (status) {
    case PAM_SUCCESS:
      return VERDICT_ACCEPTED;
    case PAM_AUTH_ERR:
    case PAM_USER_UNKNOWN:
    case PAM_PERM_DENIED:
    case PAM_MAXTRIES:
    case PAM_ACCT_EXPIRED:
    case PAM_AUTHTOK_EXPIRED:
    case PAM_NEW_AUTHTOK_REQD:
    case PAM_CRED_EXPIRED:
    case PAM_SYSTEM_ERR:
      return VERDICT_DENIED;
    default:
      return VERDICT_FAILED;
  }
}

static enum verdict ask(const char *service, const char *directory, const char *user, const char *host,
                        char *password) {
  struct pam_conv conversation = {.conv = converse, .appdata_ptr = password};
  pam_handle_t *handle = NULL;
  const char *step = "pam_start";
  int status = directory == NULL
                   ? pam_start(service, user, &conversation, &handle)
                   : pam_start_confdir(service, user, &conversation, directory, &handle);
  if (status == PAM_SUCCESS) {
    step = "pam_set_item";
    status = pam_set_item(handle, PAM_FAIL_DELAY, (const void *)no_delay);
  }
  if (status == PAM_SUCCESS && *host != 0) status = pam_set_item(handle, PAM_RHOST, host);
  if (status == PAM_SUCCESS) {
    step = "pam_authenticate";
    status = pam_authenticate(handle, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
  }
  if (status == PAM_SUCCESS) {
    step = "pam_acct_mgmt";
    status = pam_acct_mgmt(handle, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
  }
  enum verdict verdict = verdict_of(status);
  // One write, so that lines of several programs do not mix. No name: it is a stranger's text.
  char line[256];
  if (verdict == VERDICT_FAILED) {
    int length = snprintf(line, sizeof line, "warn: accounts: PAM service %.64s: %s: %.80s\n", service,
                          step, pam_strerror(handle, status));
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) errno = 0;
  }
  if (handle != NULL) pam_end(handle, status);
  return verdict;
}

// The socket, out of the way of what modules start.
static int take_socket(void) {
  int taken = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  int nothing = open("/dev/null", O_RDWR);
  if (taken < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0) return -1;
  close(nothing);
  return taken;
}

// Reads the question, asks PAM, tells the verdict. Returns the exit status.
static int answer(int asker, const char *service, const char *directory) {
  static char question[QUESTION_MAX + 1];
  ssize_t length;
  do length = recv(asker, question, sizeof question, 0);
  while (length < 0 && errno == EINTR);
  // Nobody asks any more, or not like this.
  if (length <= 0 || length > QUESTION_MAX) return 1;
  char *parts[3];
  size_t start = 0;
  for (int index = 0; index < 3; index++) {
    if (start >= (size_t)length) return 1;
    parts[index] = question + start;
    start += strnlen(parts[index], (size_t)length - start) + 1;
  }
  if (start != (size_t)length) return 1;
  char verdict = (char)ask(service, directory, parts[0], parts[1], parts[2]);
  explicit_bzero(question, sizeof question);
  return send(asker, &verdict, 1, MSG_NOSIGNAL) == 1 ? 0 : 1;
}

// MARK: The watching process

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// Kills the children that there are; theirs become ours then.
static void kill_children(void) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  int list = open(path, O_RDONLY | O_CLOEXEC);
  if (list < 0) return;
  ssize_t length = read(list, text, sizeof text - 1);
  close(list);
  if (length <= 0) return;
  // A number that is cut off is another process's. Those that are left are found the next time.
  if (length == (ssize_t)sizeof text - 1) {
    while (length > 0 && text[length - 1] != ' ') length--;
  }
  text[length] = '\0';
  char *rest = text;
  for (long child = strtol(rest, &rest, 10); child > 0; child = strtol(rest, &rest, 10)) {
    kill((pid_t)child, SIGKILL);
  }
}

// Whatever modules have started ends here, in whatever session it is.
static void end_all(void) {
  const struct timespec pause = {.tv_nsec = 5000000};
  long deadline = now() + ENDING_TIME;
  while (now() < deadline) {
    pid_t ended = waitpid(-1, NULL, WNOHANG);
    if (ended < 0 && errno == ECHILD) return;
    if (ended > 0) continue;
    kill_children();
    nanosleep(&pause, NULL);
  }
}

// Waits until the worker has ended, nobody waits for its answer any more, or it takes too long. Returns the
// exit status.
static int watch(int asker, pid_t worker, int signals) {
  struct pollfd watched[] = {{.fd = signals, .events = POLLIN}, {.fd = asker, .events = POLLRDHUP}};
  struct signalfd_siginfo said;
  long deadline = now() + ANSWER_TIME;
  int status = 1, outcome;
  for (long rest = ANSWER_TIME; rest > 0; rest = deadline - now()) {
    if (poll(watched, 2, (int)rest) < 0 && errno != EINTR) break;
    if ((watched[0].revents & POLLIN) != 0) {
      if (read(signals, &said, sizeof said) < 0) break;
      if (waitpid(worker, &outcome, WNOHANG) == worker) {
        status = WIFEXITED(outcome) ? WEXITSTATUS(outcome) : 1;
        break;
      }
    }
    if (watched[1].revents != 0) break;
  }
  // What cannot be killed while it waits for a disk has the socket, too: who waits for the answer is told.
  if (status != 0) shutdown(asker, SHUT_RDWR);
  end_all();
  return status;
}

int main(int count, char **arguments) {
  sigset_t children;
  if (count < 2 || count > 3) return 2;
  // Others of the same user are not to look into it. Who loses its parent becomes a child of this one.
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return 2;
  int asker = take_socket();
  if (asker < 0) return 2;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, NULL);
  int signals = signalfd(-1, &children, SFD_CLOEXEC);
  pid_t watcher = getpid(), worker = signals < 0 ? -1 : fork();
  if (worker < 0) return 2;
  if (worker > 0) return watch(asker, worker, signals);
  close(signals);
  sigprocmask(SIG_UNBLOCK, &children, NULL);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != watcher) return 2;
  return answer(asker, arguments[1], count == 3 ? arguments[2] : NULL);
}
