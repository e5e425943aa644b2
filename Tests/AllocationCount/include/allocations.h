// SPDX-License-Identifier: ISC

#ifndef TALARIA_ALLOCATIONS_H
#define TALARIA_ALLOCATIONS_H

#include <stddef.h>

// From now on it is counted anew what this thread has from the C library.
void talaria_count_anew(void);

// The most bytes that this thread has had at a time since then, beyond what it had.
size_t talaria_allocated_most(void);

// The bytes that this thread has beyond what it had then; below zero where it gave back more.
long talaria_allocated_now(void);

#endif
