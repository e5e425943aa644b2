// SPDX-License-Identifier: ISC

#ifndef TALARIA_HOSTNAME_H
#define TALARIA_HOSTNAME_H

#include <stddef.h>
#include <sys/types.h>

/// The canonical name of a host, as getaddrinfo(3) finds it, into `text`. Whatever that asks is left alone
/// after so many milliseconds: a child asks, which is killed then. Only for a process of one thread.
/// Returns the length, which may be all of the capacity, with no zero byte; 0 when there is no name.
size_t talaria_canonical_name(const char *name, char *text, size_t capacity, int milliseconds);

#endif
