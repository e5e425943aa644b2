// SPDX-License-Identifier: ISC
// Questions on the terminal whose answers nobody sees.

#ifndef TALARIA_TERMINAL_H
#define TALARIA_TERMINAL_H

#include <stddef.h>
#include <stdint.h>

/// The terminal that this process belongs to, close-on-exec. -1 with errno: there is none.
int talaria_terminal_open(void);

/// Writes the question and reads a line without showing it, for as long as `companion`, a socket, is open at
/// its other end. Returns the line's length without its end, which is larger than `room` when it did not fit; or
/// -1 with errno: EPIPE when one of the two has ended.
///
/// However it returns, and before a signal stops or ends the process, the terminal is as it was; it is asked anew
/// when a stopped process goes on. Only for a process of one thread, which handles no signals else.
long talaria_terminal_ask(int terminal, int companion, const char *question, uint8_t *answer, size_t room);

#endif
