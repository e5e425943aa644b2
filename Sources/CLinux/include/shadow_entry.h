// SPDX-License-Identifier: ISC
// The password of a user of this host, as shadow(5) has it.

#ifndef TALARIA_SHADOW_ENTRY_H
#define TALARIA_SHADOW_ENTRY_H

#include <stddef.h>
#include <stdint.h>

/// What the entry says of time, in days, counted from the epoch where it is a date; -1 where it says nothing.
struct talaria_shadow_days {
  /// From when on the account is none.
  int64_t expires;
  /// When the password was changed; 0: it has to be.
  int64_t changed;
  /// How long a password lasts.
  int64_t lasts;
};

/// Asks for a user's hash, which becomes a text of at most `capacity` bytes with its zero. Returns 0, ENOENT
/// when there is no such user, or another errno when it cannot be known. May block; leaves no copy behind.
int talaria_shadow_entry(const char *name, char *hash, size_t capacity,
                         struct talaria_shadow_days *days);

#endif
