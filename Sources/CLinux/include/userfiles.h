// SPDX-License-Identifier: ISC
// Files of users, opened with their own rights.

#ifndef TALARIA_USERFILES_H
#define TALARIA_USERFILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum talaria_user_file {
  /// Opened, or read whole.
  TALARIA_USER_FILE_CONTENT = 0,
  TALARIA_USER_FILE_NONE = 1,
  /// A link, no regular file, of another owner, or writable for others.
  TALARIA_USER_FILE_INSECURE = 2,
  /// The home has the sticky bit.
  TALARIA_USER_FILE_HELD = 3,
  TALARIA_USER_FILE_TOO_LARGE = 4,
  TALARIA_USER_FILE_FAILED = 5
};

/// Opens `.forward` in a home, with the rights that the caller has: a regular file of `owner` that nobody
/// else may write to, in a directory of his or of root that nobody else may write to. Follows no
/// link but those that lead to the home. Safe between fork and exec.
int talaria_open_forward(const char *home, uid_t owner, int *file);

/// Opens a list by an absolute path: a regular file and no link, which none but its owner may write to.
/// `*owner` becomes whose it is. Safe between fork and exec.
int talaria_open_list(const char *path, uid_t *owner, int *file);

/// Who a child becomes; with `change` 0 it stays who it is.
struct talaria_reader {
  int change;
  uid_t uid;
  gid_t gid;
  /// Milliseconds until it is given up.
  int timeout;
};

/// Reads `.forward` in a child that becomes the user. `*length` becomes the number of bytes, at most
/// `capacity`; a file of more is too large.
int talaria_read_forward(const struct talaria_reader *reader, const char *home, uid_t owner,
                         uint8_t *bytes, size_t capacity, size_t *length);

/// Reads a list in a child that becomes the user.
int talaria_read_list(const struct talaria_reader *reader, const char *path, uid_t *owner,
                      uint8_t *bytes, size_t capacity, size_t *length);

#endif
