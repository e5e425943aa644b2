// SPDX-License-Identifier: ISC
// Files in memory, which travel as descriptors.

#ifndef TALARIA_MEMORYFILE_H
#define TALARIA_MEMORYFILE_H

#include <stddef.h>
#include <stdint.h>

/// An empty file in memory, close-on-exec, that has `size` zeros and can be sealed. -1 with errno.
int talaria_memory_file(const char *name, size_t size);

/// From now on nobody can change it. No mapping may be left that could. 0, or -1 with errno.
int talaria_seal(int file);

/// Whether anything was ever written into a file in memory. -1 with errno.
int talaria_is_written(int file);

/// Writes into a file in memory that is as large already, though the process may let no file grow. 0, or -1 with
/// errno.
int talaria_memory_write(int file, const uint8_t *bytes, size_t length, size_t offset);

#endif
