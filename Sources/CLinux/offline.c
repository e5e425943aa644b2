// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "offline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static int talaria_write_whole(int file, const void *bytes, size_t length) {
  const uint8_t *from = bytes;
  while (length > 0) {
    ssize_t count = write(file, from, length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    from += count;
    length -= (size_t)count;
  }
  return 0;
}

int talaria_put_file(const char *directory, const char *unfinished, const char *name,
                     const void *bytes, size_t length) {
  int folder = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) return -1;
  int result = -1;
  int file = openat(folder, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file >= 0) {
    // Whoever may not read a directory cannot sync it either: its file system is synced instead.
    if (fchmod(file, 0600) == 0 && talaria_write_whole(file, bytes, length) == 0 &&
        fsync(file) == 0 &&
        talaria_set_aside(folder, unfinished, name) == 0) {
      result = syncfs(file);
      unfinished = name;
    }
    int problem = errno;
    // Under its last name, too: the caller is told that it is not there, and may put it there again.
    if (result != 0) unlinkat(folder, unfinished, 0);
    close(file);
    errno = problem;
  }
  int problem = errno;
  close(folder);
  errno = problem;
  return result;
}

int talaria_set_aside(int directory, const char *from, const char *to) {
  if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0) return 0;
  // A file system without that flag has links, which replace nothing either.
  if (errno != EINVAL || linkat(directory, from, directory, to, 0) != 0) return -1;
  if (unlinkat(directory, from, 0) == 0) return 0;
  int problem = errno;
  unlinkat(directory, to, 0);
  errno = problem;
  return -1;
}

int talaria_watch_directory(const char *path) {
  int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (watch < 0) return -1;
  if (inotify_add_watch(watch, path, IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW) >= 0) return watch;
  int problem = errno;
  close(watch);
  errno = problem;
  return -1;
}

void talaria_drain_watch(int descriptor) {
  char events[4096];
  while (read(descriptor, events, sizeof events) > 0) {
  }
}
