// SPDX-License-Identifier: ISC
// What a process that was taken over would try, and what it must still be able to do.

#ifndef TALARIA_ATTEMPTS_H
#define TALARIA_ATTEMPTS_H

/// Makes ready what `name` needs from before the sandbox: sockets, descriptors. 0, or an errno.
int probe_prepare(const char *name);

/// Tries it. 0 when it worked, else an errno; -1 when there is no attempt of that name.
int probe_attempt(const char *name, const char *argument);

/// The names, NULL at the end.
const char *const *probe_names(void);

#endif
