// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "shadow_entry.h"

#include <errno.h>
#include <shadow.h>
#include <string.h>

int talaria_shadow_entry(const char *name, char *hash, size_t capacity,
                         struct talaria_shadow_days *days) {
  char buffer[16384];
  struct spwd entry;
  struct spwd *found = NULL;
  int outcome = getspnam_r(name, &entry, buffer, sizeof buffer, &found);
  // Some services say so when there is no such user.
  if (outcome == ESRCH || (outcome == 0 && found == NULL)) outcome = ENOENT;
  if (outcome == 0 && found->sp_pwdp == NULL) outcome = ENOENT;
  if (outcome == 0) {
    size_t length = strlen(found->sp_pwdp);
    if (length < capacity) {
      memcpy(hash, found->sp_pwdp, length + 1);
      days->expires = found->sp_expire;
      days->changed = found->sp_lstchg;
      days->lasts = found->sp_max;
    } else {
      outcome = ERANGE;
    }
  }
  explicit_bzero(buffer, sizeof buffer);
  return outcome;
}
