// SPDX-License-Identifier: ISC
// The password of a user of this host, as shadow(5) has it.

#ifndef TALARIA_SHADOW_ENTRY_H
#define TALARIA_SHADOW_ENTRY_H

#include <stddef.h>
#include <stdint.h>

/// Asks for a user's hash, which becomes a text of at most `capacity` bytes with its zero. `*expires` becomes
/// the day since the epoch from which on the account is none, or -1. Returns 0, ENOENT when there is no
/// such user, or another errno when it cannot be known. May block; leaves no copy behind.
int talaria_shadow_entry(const char *name, char *hash, size_t capacity, int64_t *expires);

#endif
