// SPDX-License-Identifier: ISC
// What Swift's Glibc does not show, for processes: descriptors over sockets, spawning, identity.

#ifndef TALARIA_PROCESSES_H
#define TALARIA_PROCESSES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The most descriptors that one message carries.
#define TALARIA_DESCRIPTORS_MAX 64

/// Two ends of a stream socket pair, close-on-exec. 0, or -1 with errno.
int talaria_stream_pair(int ends[2]);

/// Two ends of a pair that keeps message boundaries (SOCK_SEQPACKET), close-on-exec.
int talaria_message_pair(int ends[2]);

/// A pipe, close-on-exec, its buffer enlarged to about `capacity` bytes where the kernel allows it.
int talaria_pipe(int ends[2], int capacity);

/// Sends one message with descriptors. Returns 0, or -1 with errno (EAGAIN when it would block).
int talaria_send_message(int socket, const void *bytes, size_t length,
                         const int *descriptors, size_t count, int blocking);

/// Receives one message. Returns its length, 0 at the end, -1 with errno; EMSGSIZE when it was cut.
/// The descriptors are close-on-exec and the caller's to close.
ssize_t talaria_receive_message(int socket, void *bytes, size_t capacity,
                                int *descriptors, size_t *count, int blocking);

/// A sealed in-memory file with the content given, at offset zero. -1 with errno.
int talaria_sealed_file(const char *name, const void *bytes, size_t length);

/// What a spawned program is to be.
struct talaria_command {
  /// A name without a slash is looked for in `search`, as the new user.
  const char *path;
  /// Directories, divided by colons.
  const char *search;
  char *const *arguments;
  char *const *environment;
  /// Working directory, entered as the new user; / where that cannot be; NULL leaves it.
  const char *directory;
  /// Become this user and group; (uid_t)-1 leaves them.
  uid_t uid;
  gid_t gid;
  /// Descriptors that become 0, 1, 2 and 3; -1 makes the first three /dev/null and the fourth absent.
  int standard[4];
  /// Begin a session of its own.
  int new_session;
  /// Seconds until SIGALRM ends it; 0 for none.
  unsigned alarm_seconds;
  /// Highest number of bytes of a file, of processes of the user, of descriptors, of seconds on a
  /// processor; 0 leaves the limit. With any of them no core is written either.
  uint64_t file_bytes_max;
  uint64_t processes_max;
  uint64_t descriptors_max;
  uint64_t processor_seconds_max;
  /// A file that is made before the user changes, empty, for `uid` and this group, 0660; one that is
  /// there is left as it is. NULL makes none.
  const char *mailbox_directory;
  const char *mailbox;
  gid_t mailbox_group;
};

/// Starts a program. All other descriptors are closed in it, signals are at their defaults.
/// Returns its process id, or -1 with errno, also when the exec itself failed.
pid_t talaria_spawn(const struct talaria_command *command);

/// A copy of this process in a session of its own, which signals to ours do not reach, and which SIGHUP,
/// SIGINT and SIGTERM do not end. It is killed when we end first, until `talaria_stand_alone`. Only for a
/// process of one thread. Returns like fork(2).
pid_t talaria_fork_apart(void);

/// In that copy: from now on it lives on when the one who made it ends. 0 when that has ended.
int talaria_stand_alone(pid_t maker);

/// Opens /dev/null, for reading only, as each of descriptors 0 to 2 that is closed: nothing opened later
/// becomes somebody's standard output, and writing to one that was closed is still an error. 0, or -1
/// with errno.
int talaria_open_standard(void);

/// chroot (NULL: none), then group and user, for good. 0, or -1 with errno and the step in `*step`.
int talaria_become(const char *root, uid_t uid, gid_t gid, const char **step);

/// A descriptor that is readable when one of the signals is pending; they are blocked. -1 with errno.
int talaria_signal_descriptor(const int *signals, size_t count);

/// Reads one pending signal's number; 0 when there is none, -1 with errno.
int talaria_read_signal(int descriptor);

/// Unblocks all signals: what was blocked before an exec stays blocked in the new program.
void talaria_unblock_signals(void);

/// The peer of a connected Unix socket. 0, or -1 with errno.
int talaria_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid);

/// getopt(3): the next option, or -1 at the end. Its value, and the index of the next argument, are
/// written where the pointers say. Called by the only thread of a process.
int talaria_option(int count, char *const *arguments, const char *options, const char **value,
                   int *next);

/// Milliseconds since the epoch; milliseconds of a clock that only rises.
int64_t talaria_civil_milliseconds(void);
int64_t talaria_rising_milliseconds(void);

/// Raises the soft limit of open descriptors to the hard one; returns the limit.
uint64_t talaria_raise_descriptor_limit(void);

/// The C library's malloc gives unused memory back to the kernel.
void talaria_trim_memory(void);

/// Keep memory of short-lived threads and large blocks small. Called first in a role.
void talaria_tune_memory(void);

#endif
