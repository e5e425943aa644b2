// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "userfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OTHERS_MAY_WRITE (S_IWGRP | S_IWOTH)

// What a failed open of a file says about it.
static int talaria_open_outcome(int problem) {
  switch (problem) {
    case ENOENT:
    case ENOTDIR:
      return TALARIA_USER_FILE_NONE;
    case ELOOP:
    case EACCES:
    case EPERM:
    case ENXIO:
      return TALARIA_USER_FILE_INSECURE;
    default:
      return TALARIA_USER_FILE_FAILED;
  }
}

static int talaria_checked_file(int directory, const char *name, struct stat *facts, int *file) {
  int opened = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (opened < 0) return talaria_open_outcome(errno);
  int outcome = TALARIA_USER_FILE_CONTENT;
  if (fstat(opened, facts) != 0)
    outcome = TALARIA_USER_FILE_FAILED;
  else if (!S_ISREG(facts->st_mode) || (facts->st_mode & OTHERS_MAY_WRITE) != 0)
    outcome = TALARIA_USER_FILE_INSECURE;
  if (outcome == TALARIA_USER_FILE_CONTENT)
    *file = opened;
  else
    close(opened);
  return outcome;
}

int talaria_open_forward(const char *home, uid_t owner, int *file) {
  struct stat facts;
  if (home[0] != '/') return TALARIA_USER_FILE_NONE;
  int directory = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return talaria_open_outcome(errno);
  int outcome = TALARIA_USER_FILE_FAILED;
  if (fstat(directory, &facts) != 0) goto done;
  outcome = TALARIA_USER_FILE_HELD;
  if ((facts.st_mode & S_ISVTX) != 0) goto done;
  int isHomeSafe =
      (facts.st_uid == owner || facts.st_uid == 0) && (facts.st_mode & OTHERS_MAY_WRITE) == 0;
  int opened = -1;
  outcome = talaria_checked_file(directory, ".forward", &facts, &opened);
  if (outcome != TALARIA_USER_FILE_CONTENT) goto done;
  if (facts.st_uid != owner || !isHomeSafe) {
    close(opened);
    outcome = TALARIA_USER_FILE_INSECURE;
    goto done;
  }
  *file = opened;
done:
  close(directory);
  return outcome;
}

int talaria_open_list(const char *path, uid_t *owner, int *file) {
  struct stat facts;
  if (path[0] != '/') return TALARIA_USER_FILE_INSECURE;
  int outcome = talaria_checked_file(AT_FDCWD, path, &facts, file);
  if (outcome == TALARIA_USER_FILE_CONTENT) *owner = facts.st_uid;
  return outcome;
}

// What a child says before the content.
struct talaria_head {
  int outcome;
  uid_t owner;
};

static int talaria_write_all(int pipe, const void *bytes, size_t count) {
  const char *from = bytes;
  while (count > 0) {
    ssize_t step = write(pipe, from, count);
    if (step < 0 && errno == EINTR) continue;
    if (step <= 0) return -1;
    from += step;
    count -= (size_t)step;
  }
  return 0;
}

// Closes every descriptor but one: those of the parent's edges, and of what its other threads have begun.
static void talaria_close_others(int kept) {
  struct rlimit limit = {.rlim_cur = 1024};
  if ((kept == 0 || syscall(SYS_close_range, 0U, (unsigned)kept - 1, 0U) == 0) &&
      syscall(SYS_close_range, (unsigned)kept + 1, ~0U, 0U) == 0)
    return;
  getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t number = 0; number < limit.rlim_cur && number < 65536; number++)
    if ((int)number != kept) close((int)number);
}

// Dies with its parent from here on: its user can stop it, but not so that it outlives who asked.
static int talaria_tether(pid_t parent) {
  return prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0, 0, 0) == 0 && getppid() == parent ? 0 : -1;
}

// Becomes the user by system calls, since it is this one thread's identity. A change of the effective user unties
// from the parent, and whoever is the real or the saved one may send signals: so those are changed last.
static int talaria_become(const struct talaria_reader *reader, pid_t parent) {
  if (syscall(SYS_setgroups, (size_t)1, &reader->gid) != 0 ||
      syscall(SYS_setresgid, reader->gid, reader->gid, reader->gid) != 0 ||
      syscall(SYS_setresuid, -1, reader->uid, -1) != 0 || talaria_tether(parent) != 0)
    return -1;
  return syscall(SYS_setresuid, reader->uid, reader->uid, reader->uid) == 0 ? 0 : -1;
}

// The child: only calls that are safe after a fork of a process with threads.
static void talaria_read_as(const struct talaria_reader *reader, const char *home,
                            const char *path, uid_t owner, pid_t parent, int pipe) {
  struct talaria_head head = {TALARIA_USER_FILE_FAILED, owner};
  char part[4096];
  int file = -1;
  talaria_close_others(pipe);
  if ((reader->change && talaria_become(reader, parent) != 0) || talaria_tether(parent) != 0) {
    (void)!talaria_write_all(pipe, &head, sizeof head);
    _exit(0);
  }
  // A change of user makes it what fs.suid_dumpable says.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  head.outcome = home != NULL ? talaria_open_forward(home, owner, &file)
                              : talaria_open_list(path, &head.owner, &file);
  if (talaria_write_all(pipe, &head, sizeof head) != 0) _exit(0);
  while (file >= 0) {
    ssize_t count = read(file, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    // A parent that was not told the end takes nothing for whole.
    if (count < 0) _exit(1);
    if (count == 0 || talaria_write_all(pipe, part, (size_t)count) != 0) break;
  }
  _exit(0);
}

static int64_t talaria_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Reads until `count` bytes are there, the end, or the deadline. -1 for an error or the deadline.
static ssize_t talaria_read_until(int pipe, void *bytes, size_t count, int64_t deadline) {
  size_t done = 0;
  while (done < count) {
    int64_t left = deadline - talaria_now();
    struct pollfd watched = {.fd = pipe, .events = POLLIN};
    int ready = left > 0 ? poll(&watched, 1, (int)left) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return -1;
    ssize_t step = read(pipe, (char *)bytes + done, count - done);
    if (step < 0 && errno == EINTR) continue;
    if (step < 0) return -1;
    if (step == 0) break;
    done += (size_t)step;
  }
  return (ssize_t)done;
}

// Children that the kernel did not let go, until it has, by whose they are.
static struct {
  pid_t child;
  uid_t user;
} talaria_left[64];
static pthread_mutex_t talaria_left_lock = PTHREAD_MUTEX_INITIALIZER;

// Of a user there are so many at most: whoever has a file system that does not answer could otherwise fill the host.
#define LEFT_OF_USER 4

static int talaria_has_too_many_left(uid_t user) {
  int count = 0, room = 0;
  pthread_mutex_lock(&talaria_left_lock);
  for (size_t place = 0; place < sizeof talaria_left / sizeof *talaria_left; place++) {
    pid_t child = talaria_left[place].child;
    if (child == 0 || waitpid(child, NULL, WNOHANG) != 0) {
      talaria_left[place].child = 0;
      room = 1;
    } else if (talaria_left[place].user == user) {
      count++;
    }
  }
  pthread_mutex_unlock(&talaria_left_lock);
  return !room || count >= LEFT_OF_USER;
}

static void talaria_leave(pid_t child, uid_t user) {
  pthread_mutex_lock(&talaria_left_lock);
  for (size_t place = 0; place < sizeof talaria_left / sizeof *talaria_left; place++) {
    if (talaria_left[place].child != 0) continue;
    talaria_left[place].child = child;
    talaria_left[place].user = user;
    break;
  }
  pthread_mutex_unlock(&talaria_left_lock);
}

// Waits for the end of a child, until the deadline at most: 1 when it ended with 0, 0 when otherwise, -1 when it
// goes on.
static int talaria_ended(pid_t child, int64_t deadline) {
  int status = 0;
  for (useconds_t pause = 50;; pause = pause < 2000 ? 2 * pause : pause) {
    pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (ended < 0 && errno != EINTR) return 0;
    if (talaria_now() >= deadline) return -1;
    usleep(pause);
  }
}

// Whether the child ended with 0 by itself; one that has not by the deadline, or that nobody wants to hear,
// is killed, for its user may have stopped it. One that the kernel does not let go, as on a file system that
// does not answer, is left behind.
static int talaria_child_succeeded(pid_t child, uid_t user, int give_up, int64_t deadline) {
  int ended = give_up ? -1 : talaria_ended(child, deadline);
  if (ended >= 0) return ended;
  kill(child, SIGKILL);
  if (talaria_ended(child, talaria_now() + 100) < 0) talaria_leave(child, user);
  return 0;
}

static int talaria_read_file(const struct talaria_reader *reader, const char *home,
                             const char *path, uid_t *owner, uint8_t *bytes, size_t capacity,
                             size_t *length) {
  int ends[2];
  sigset_t all, before;
  pid_t parent = getpid();
  *length = 0;
  if (talaria_has_too_many_left(reader->uid) || pipe2(ends, O_CLOEXEC) != 0)
    return TALARIA_USER_FILE_FAILED;
  // No signal may run a handler of ours in the child.
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child == 0) {
    talaria_read_as(reader, home, path, *owner, parent, ends[1]);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return TALARIA_USER_FILE_FAILED;
  }
  int64_t deadline = talaria_now() + reader->timeout;
  struct talaria_head head = {TALARIA_USER_FILE_FAILED, *owner};
  ssize_t count = talaria_read_until(ends[0], &head, sizeof head, deadline);
  int outcome = count == sizeof head ? head.outcome : TALARIA_USER_FILE_FAILED;
  int gave_up = count < 0;
  if (outcome == TALARIA_USER_FILE_CONTENT) {
    uint8_t more;
    count = talaria_read_until(ends[0], bytes, capacity, deadline);
    ssize_t surplus = count == (ssize_t)capacity ? talaria_read_until(ends[0], &more, 1, deadline) : 0;
    if (count < 0 || surplus < 0)
      gave_up = 1;
    else if (surplus > 0)
      outcome = TALARIA_USER_FILE_TOO_LARGE;
    else
      *length = (size_t)count;
  }
  close(ends[0]);
  // Only of a file that was read does it matter how the child ended.
  int is_read = outcome == TALARIA_USER_FILE_CONTENT;
  int succeeded = talaria_child_succeeded(child, reader->uid, gave_up || !is_read, deadline);
  if (gave_up || (!succeeded && outcome == TALARIA_USER_FILE_CONTENT)) {
    *length = 0;
    return TALARIA_USER_FILE_FAILED;
  }
  *owner = head.owner;
  return outcome;
}

int talaria_read_forward(const struct talaria_reader *reader, const char *home, uid_t owner,
                         uint8_t *bytes, size_t capacity, size_t *length) {
  return talaria_read_file(reader, home, NULL, &owner, bytes, capacity, length);
}

int talaria_read_list(const struct talaria_reader *reader, const char *path, uid_t *owner,
                      uint8_t *bytes, size_t capacity, size_t *length) {
  *owner = (uid_t)-1;
  return talaria_read_file(reader, NULL, path, owner, bytes, capacity, length);
}
