// SPDX-License-Identifier: ISC
// The offline directory: many may add to it, none may read it.

#ifndef TALARIA_OFFLINE_H
#define TALARIA_OFFLINE_H

#include <stddef.h>

/// Puts a file into a directory that the caller may only add to: written under one name, made durable, and
/// then given the other, durable too. 0600, and there is none of either name before. 0, or -1
/// with errno, and then none after.
int talaria_put_file(const char *directory, const char *unfinished, const char *name,
                     const void *bytes, size_t length);

/// Renames within a directory, onto no file that is there. 0, or -1 with errno.
int talaria_set_aside(int directory, const char *from, const char *to);

/// A descriptor that is readable when a file was moved into or out of the directory. -1 with errno.
int talaria_watch_directory(const char *path);

/// Takes away what made a watching descriptor readable.
void talaria_drain_watch(int descriptor);

#endif
