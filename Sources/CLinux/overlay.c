// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int talaria_is_read_only(const char *path) {
  struct statvfs facts;
  if (statvfs(path, &facts) != 0) return -1;
  return (facts.f_flag & ST_RDONLY) != 0;
}

/// By descriptors, since a path may have any character.
static int lay(const char *path, int *lower, int *upper, const char **step) {
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  struct stat status;
  *step = "unshare";
  if (unshare(CLONE_NEWNS) != 0) return -1;
  *step = "mount, privately";
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return -1;
  // Behind that: the directory has to be one of this process's mounts.
  *step = "open";
  *lower = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*lower < 0 || fstat(*lower, &status) != 0) return -1;
  *step = "mount of memory";
  if (mount("tmpfs", path, "tmpfs", flags, "mode=711") != 0) return -1;
  *upper = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*upper < 0) return -1;
  if (mkdirat(*upper, "upper", 0700) != 0 || mkdirat(*upper, "work", 0700) != 0) return -1;
  if (fchownat(*upper, "upper", status.st_uid, status.st_gid, 0) != 0) return -1;
  if (fchmodat(*upper, "upper", status.st_mode & 07777, 0) != 0) return -1;
  char options[256];
  snprintf(options, sizeof options,
           "lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d/upper,workdir=/proc/self/fd/%d/work",
           *lower, *upper, *upper);
  *step = "mount of an overlay";
  return mount("overlay", path, "overlay", flags, options);
}

int talaria_lay_memory_over(const char *path, const char **step) {
  int lower = -1, upper = -1;
  int outcome = lay(path, &lower, &upper, step);
  int reason = errno;
  if (lower >= 0) close(lower);
  if (upper >= 0) close(upper);
  errno = reason;
  return outcome;
}
