// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

/// Component by component, for kernels without openat2.
static int walk(int root, const char *path, int flags, mode_t mode) {
  char part[NAME_MAX + 1];
  int directory = root;
  for (;;) {
    const char *slash = strchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : strlen(path);
    if (length == 0 || length > NAME_MAX || (length == 2 && memcmp(path, "..", 2) == 0)) {
      if (directory != root) close(directory);
      errno = EINVAL;
      return -1;
    }
    memcpy(part, path, length);
    part[length] = 0;
    int next = slash ? openat(directory, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                     : openat(directory, part, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    int saved = errno;
    if (directory != root) close(directory);
    errno = saved;
    if (next < 0 || !slash) return next;
    directory = next;
    path = slash + 1;
  }
}

static int open_beneath(int root, const char *path, int flags, mode_t mode) {
  struct open_how how = {
      .flags = (uint64_t)(flags | O_CLOEXEC),
      .mode = flags & O_CREAT ? mode : 0,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  for (int attempt = 0; attempt < 8; attempt++) {
    int file = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    if (file >= 0) return file;
    if (errno == ENOSYS || errno == EPERM) return walk(root, path, flags, mode);
    if (errno != EAGAIN && errno != EINTR) return -1;
  }
  return -1;
}

/// The directory that holds the last component; `*name` is set to that. `root` itself when there is
/// only one.
static int parent(int root, const char *path, const char **name) {
  char directory[PATH_MAX];
  const char *slash = strrchr(path, '/');
  if (!slash) {
    *name = path;
    return root;
  }
  size_t length = (size_t)(slash - path);
  if (length >= sizeof directory) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(directory, path, length);
  directory[length] = 0;
  *name = slash + 1;
  return open_beneath(root, directory, O_PATH | O_DIRECTORY, 0);
}

/// Closes `directory` unless it is the root, and keeps errno's value as the result.
static int leave(int root, int directory, int value) {
  int outcome = result(value);
  if (directory != root) close(directory);
  return outcome;
}

int talaria_file_root(const char *path) {
  return result(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

int talaria_file_open(int root, const char *path, int mode) {
  switch (mode) {
  case TALARIA_FILE_READ: return result(open_beneath(root, path, O_RDONLY | O_NONBLOCK, 0));
  case TALARIA_FILE_WRITE: return result(open_beneath(root, path, O_RDWR | O_NONBLOCK, 0));
  case TALARIA_FILE_CREATE:
    return result(open_beneath(root, path, O_RDWR | O_CREAT | O_EXCL, 0600));
  case TALARIA_FILE_DIRECTORY:
    return result(open_beneath(root, path[0] ? path : ".", O_RDONLY | O_DIRECTORY, 0));
  default: return -EINVAL;
  }
}

int talaria_file_close(int file) { return result(close(file)); }

int64_t talaria_file_read(int file, void *bytes, size_t count, int64_t offset) {
  size_t done = 0;
  while (done < count) {
    ssize_t step = pread(file, (char *)bytes + done, count - done, offset + (int64_t)done);
    if (step == 0) break;
    if (step < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    done += (size_t)step;
  }
  return (int64_t)done;
}

int64_t talaria_file_write(int file, const void *bytes, size_t count, int64_t offset) {
  size_t done = 0;
  while (done < count) {
    ssize_t step = pwrite(file, (const char *)bytes + done, count - done, offset + (int64_t)done);
    if (step < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    if (step == 0) return -EIO;
    done += (size_t)step;
  }
  return (int64_t)done;
}

int talaria_file_zero(int file, int64_t size) {
  static const char zeros[1 << 16];
  for (int64_t done = 0; done < size;) {
    size_t step = size - done < (int64_t)sizeof zeros ? (size_t)(size - done) : sizeof zeros;
    int64_t written = talaria_file_write(file, zeros, step, done);
    if (written < 0) return (int)written;
    done += written;
  }
  return 0;
}

int talaria_file_truncate(int file, int64_t size) { return result(ftruncate(file, size)); }
int talaria_file_sync(int file) { return result(fsync(file)); }
int talaria_file_sync_data(int file) { return result(fdatasync(file)); }
int talaria_file_sync_system(int file) { return result(syncfs(file)); }
int talaria_file_lock(int file) { return result(flock(file, LOCK_EX | LOCK_NB)); }
void talaria_file_unlock(int file) { flock(file, LOCK_UN); }

static void describe(const struct stat *status, struct talaria_file_facts *facts) {
  facts->kind = S_ISREG(status->st_mode)   ? TALARIA_KIND_FILE
                : S_ISDIR(status->st_mode) ? TALARIA_KIND_DIRECTORY
                                           : TALARIA_KIND_OTHER;
  facts->mode = status->st_mode & 07777;
  facts->owner = status->st_uid;
  facts->size = status->st_size;
  facts->modified_milliseconds =
      (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000;
}

int talaria_file_facts_of(int file, struct talaria_file_facts *facts) {
  struct stat status;
  if (fstat(file, &status) != 0) return -errno;
  describe(&status, facts);
  return 0;
}

int talaria_file_stat(int root, const char *path, struct talaria_file_facts *facts) {
  struct stat status;
  const char *name;
  if (!path[0]) return talaria_file_facts_of(root, facts);
  int directory = parent(root, path, &name);
  if (directory < 0) return -errno;
  int outcome = leave(root, directory, fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW));
  if (outcome == 0) describe(&status, facts);
  return outcome;
}

int talaria_file_space_of(int file, struct talaria_file_space *space) {
  struct statvfs status;
  if (fstatvfs(file, &status) != 0) return -errno;
  space->blocks = status.f_blocks;
  space->blocks_available = status.f_bavail;
  space->block_size = status.f_frsize;
  space->inodes = status.f_files;
  space->inodes_available = status.f_favail;
  return 0;
}

int talaria_file_rename(int root, const char *from, const char *to) {
  const char *old_name, *new_name;
  int source = parent(root, from, &old_name);
  if (source < 0) return -errno;
  int target = parent(root, to, &new_name);
  if (target < 0) return leave(root, source, target);
  int outcome = result(renameat(source, old_name, target, new_name));
  if (source != root) close(source);
  if (target != root) close(target);
  return outcome;
}

static int remove_entry(int root, const char *path, int flags) {
  const char *name;
  int directory = parent(root, path, &name);
  if (directory < 0) return -errno;
  return leave(root, directory, unlinkat(directory, name, flags));
}

int talaria_file_unlink(int root, const char *path) { return remove_entry(root, path, 0); }

int talaria_file_remove_directory(int root, const char *path) {
  return remove_entry(root, path, AT_REMOVEDIR);
}

int talaria_file_make_directory(int root, const char *path) {
  const char *name;
  int directory = parent(root, path, &name);
  if (directory < 0) return -errno;
  return leave(root, directory, mkdirat(directory, name, 0700));
}

static uint8_t kind_of(int directory, const struct dirent *entry) {
  struct stat status;
  switch (entry->d_type) {
  case DT_REG: return TALARIA_KIND_FILE;
  case DT_DIR: return TALARIA_KIND_DIRECTORY;
  case DT_UNKNOWN:
    if (fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) break;
    if (S_ISREG(status.st_mode)) return TALARIA_KIND_FILE;
    if (S_ISDIR(status.st_mode)) return TALARIA_KIND_DIRECTORY;
    break;
  default: break;
  }
  return TALARIA_KIND_OTHER;
}

int64_t talaria_file_list(int root, const char *path, uint8_t **list) {
  size_t used = 0, capacity = 4096;
  int file = talaria_file_open(root, path, TALARIA_FILE_DIRECTORY);
  if (file < 0) return file;
  DIR *directory = fdopendir(file);
  if (!directory) {
    int saved = errno;
    close(file);
    return -saved;
  }
  uint8_t *bytes = malloc(capacity);
  int failure = bytes ? 0 : ENOMEM;
  while (!failure) {
    errno = 0;
    const struct dirent *entry = readdir(directory);
    if (!entry) {
      failure = errno;
      break;
    }
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    size_t length = strlen(entry->d_name) + 1;
    if (capacity - used < length + 1) {
      capacity *= 2;
      uint8_t *larger = realloc(bytes, capacity);
      if (!larger) {
        failure = ENOMEM;
        break;
      }
      bytes = larger;
    }
    bytes[used++] = kind_of(file, entry);
    memcpy(bytes + used, entry->d_name, length);
    used += length;
  }
  closedir(directory);
  if (failure) {
    free(bytes);
    return -failure;
  }
  *list = bytes;
  return (int64_t)used;
}

void talaria_file_free(uint8_t *list) { free(list); }
uint32_t talaria_file_user(void) { return geteuid(); }
int talaria_process_id(void) { return getpid(); }

void talaria_file_explain(int code, char *text, size_t capacity) {
  const char *words = strerrordesc_np(code);
  strncpy(text, words ? words : "unknown error", capacity - 1);
  text[capacity - 1] = 0;
}
