// SPDX-License-Identifier: ISC
// Files below one directory: paths are relative to its descriptor, and no symbolic link is followed.
// A call returns zero or a positive result, or the negated errno.

#ifndef TALARIA_FILES_H
#define TALARIA_FILES_H

#include <stddef.h>
#include <stdint.h>

enum talaria_file_mode {
  TALARIA_FILE_READ = 0,
  TALARIA_FILE_WRITE = 1,
  /// Read and write; fails when there is one of that name.
  TALARIA_FILE_CREATE = 2,
  TALARIA_FILE_DIRECTORY = 3
};

enum talaria_file_kind {
  TALARIA_KIND_FILE = 1,
  TALARIA_KIND_DIRECTORY = 2,
  TALARIA_KIND_OTHER = 3
};

struct talaria_file_facts {
  int kind;
  uint32_t mode;
  uint32_t owner;
  int64_t size;
  int64_t modified_milliseconds;
};

struct talaria_file_space {
  uint64_t blocks;
  uint64_t blocks_available;
  uint64_t block_size;
  uint64_t inodes;
  uint64_t inodes_available;
};

/// A directory by any path; symbolic links are followed here and nowhere else.
int talaria_file_root(const char *path);
int talaria_file_open(int root, const char *path, int mode);
int talaria_file_close(int file);
/// Reads until `count` bytes are there or the file ends.
int64_t talaria_file_read(int file, void *bytes, size_t count, int64_t offset);
/// Writes all of it.
int64_t talaria_file_write(int file, const void *bytes, size_t count, int64_t offset);
/// Writes zeros over the first `size` bytes, so that later writes change no metadata.
int talaria_file_zero(int file, int64_t size);
int talaria_file_truncate(int file, int64_t size);
int talaria_file_sync(int file);
int talaria_file_sync_data(int file);
int talaria_file_sync_system(int file);
/// An exclusive lock that ends with the descriptor; -EWOULDBLOCK when another has it.
int talaria_file_lock(int file);
/// Ends the lock at once, even while a process that is just being made has the descriptor, too.
void talaria_file_unlock(int file);
int talaria_file_facts_of(int file, struct talaria_file_facts *facts);
int talaria_file_stat(int root, const char *path, struct talaria_file_facts *facts);
int talaria_file_space_of(int file, struct talaria_file_space *space);
int talaria_file_rename(int root, const char *from, const char *to);
int talaria_file_unlink(int root, const char *path);
int talaria_file_make_directory(int root, const char *path);
int talaria_file_remove_directory(int root, const char *path);
/// The entries but . and ..: each a kind (one byte), a name and a zero byte, one behind the other.
/// `*list` is the caller's to free with `talaria_file_free`.
int64_t talaria_file_list(int root, const char *path, uint8_t **list);
void talaria_file_free(uint8_t *list);
uint32_t talaria_file_user(void);
int talaria_process_id(void);
/// What errno value `code` means, into `text`.
void talaria_file_explain(int code, char *text, size_t capacity);

#endif
