// SPDX-License-Identifier: ISC

#ifndef TALARIA_OVERLAY_H
#define TALARIA_OVERLAY_H

/// Whether nothing can be written to the file system of this path. 1, 0, or -1 with errno.
int talaria_is_read_only(const char *path);

/// Lays memory over a directory, for the calling process alone: what it writes there is gone when it ends,
/// and nobody else sees it. Root only. 0, or -1 with errno and the step in `*step`.
int talaria_lay_memory_over(const char *path, const char **step);

#endif
