// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "userfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
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

// The child: only calls that are safe after a fork of a process with threads. The identity is changed by
// system call, since it is this one thread's.
static void talaria_read_as(const struct talaria_reader *reader, const char *home,
                            const char *path, uid_t owner, int pipe) {
  struct talaria_head head = {TALARIA_USER_FILE_FAILED, owner};
  char part[4096];
  int file = -1;
  if (reader->change &&
      (syscall(SYS_setgroups, (size_t)1, &reader->gid) != 0 ||
       syscall(SYS_setresgid, reader->gid, reader->gid, reader->gid) != 0 ||
       syscall(SYS_setresuid, reader->uid, reader->uid, reader->uid) != 0)) {
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

// Whether the child ended with 0. One that the kernel does not let go, as on a file system that does not
// answer, is left behind.
static int talaria_child_succeeded(pid_t child, int give_up) {
  int status = 0;
  if (give_up) {
    kill(child, SIGKILL);
    for (int tries = 0; tries < 100; tries++) {
      if (waitpid(child, &status, WNOHANG) != 0) return 0;
      usleep(1000);
    }
    return 0;
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 0;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int talaria_read_file(const struct talaria_reader *reader, const char *home,
                             const char *path, uid_t *owner, uint8_t *bytes, size_t capacity,
                             size_t *length) {
  int ends[2];
  sigset_t all, before;
  *length = 0;
  if (pipe2(ends, O_CLOEXEC) != 0) return TALARIA_USER_FILE_FAILED;
  // No signal may run a handler of ours in the child.
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child == 0) {
    // Its own reading end would keep it from ever noticing that nobody listens.
    close(ends[0]);
    talaria_read_as(reader, home, path, *owner, ends[1]);
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
  // A child that still has something to say is not waited for: another one may hold the pipe open.
  int has_more = outcome == TALARIA_USER_FILE_TOO_LARGE;
  int succeeded = talaria_child_succeeded(child, gave_up || has_more);
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
