// SPDX-License-Identifier: ISC

#include "allocations.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

// The program's own functions go before those of libraries, for all that is loaded: these count, and hand on to
// the C library under the names that it keeps for that.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *old);

#define OF_THREAD static _Thread_local __attribute__((tls_model("initial-exec")))

// Below zero where what others had made was given back.
OF_THREAD long held;
OF_THREAD long most;

void talaria_count_anew(void) { held = most = 0; }

size_t talaria_allocated_most(void) { return (size_t)most; }

long talaria_allocated_now(void) { return held; }

static void *taken(void *made) {
  held += (long)malloc_usable_size(made);
  if (held > most) most = held;
  return made;
}

void *malloc(size_t size) { return taken(__libc_malloc(size)); }

void *calloc(size_t count, size_t size) { return taken(__libc_calloc(count, size)); }

void *realloc(void *old, size_t size) {
  size_t before = malloc_usable_size(old);
  void *made = __libc_realloc(old, size);
  if (made != NULL || size == 0) held -= (long)before;
  return taken(made);
}

void *aligned_alloc(size_t alignment, size_t size) { return taken(__libc_memalign(alignment, size)); }

int posix_memalign(void **made, size_t alignment, size_t size) {
  void *block = taken(__libc_memalign(alignment, size));
  if (block == NULL) return ENOMEM;
  *made = block;
  return 0;
}

void free(void *old) {
  held -= (long)malloc_usable_size(old);
  __libc_free(old);
}
