// SPDX-License-Identifier: ISC
//
// TLS as bytes in and bytes out. A session belongs to one thread at a time, and so does everything
// that was made of one context.
#ifndef TALARIA_TLS_H
#define TALARIA_TLS_H

#include "keys.h"

typedef struct talaria_context talaria_context;
typedef struct talaria_session talaria_session;

enum talaria_side { TALARIA_SERVER = 0, TALARIA_CLIENT = 1 };

enum talaria_version { TALARIA_TLS_1_2 = 1, TALARIA_TLS_1_3 = 2 };

// How a peer's certificate is looked at.
enum talaria_verification {
  // A server does not ask for one; a client finds out and goes on.
  TALARIA_VERIFY_NONE = 0,
  // A server asks, and goes on whatever comes.
  TALARIA_VERIFY_OPTIONAL = 1,
  // A handshake without a valid one fails.
  TALARIA_VERIFY_REQUIRED = 2,
};

struct talaria_context_options {
  int side;
  // Of enum talaria_version, as a set: 1 << TALARIA_TLS_1_2 and so on.
  unsigned versions;
  int verification;
  // OpenSSL's cipher list for TLS 1.2; NULL for ours.
  const char *ciphers;
  // Whether a server takes part in finite-field Diffie-Hellman.
  int ffdhe;
  // Whose certificate a server shows: what a ticket is good for, with all of the above. NULL for nobody's.
  const char *certificate_name;
};

// NULL with a reason.
talaria_context *talaria_context_new(const struct talaria_context_options *options,
                                     struct talaria_reason *reason);

// Sessions that were made of it keep it alive.
void talaria_context_free(talaria_context *context);

// The certificate and its chain in PEM. Its private half is asked for by name with each handshake.
int talaria_context_use_chain(talaria_context *context, const uint8_t *pem, size_t length,
                              struct talaria_reason *reason);

// Trust anchors in PEM.
int talaria_context_use_anchors(talaria_context *context, const uint8_t *pem, size_t length,
                                struct talaria_reason *reason);

// Clients that ask for `name` (`*.` and a domain stands for its names), or for a name that the certificate of `other` has, get that certificate.
// The exact name wins, then the first that was added. `context` keeps `other` alive.
int talaria_context_add_name(talaria_context *context, const char *name, talaria_context *other);

enum { TALARIA_TICKET_KEY_SIZE = 80 };

// The keys of session tickets of all contexts of this process: what is issued is protected with the
// first, the others are still taken. At most 4.
void talaria_ticket_keys(const uint8_t *keys, size_t count);

// A new session; NULL when there is no memory. With a client `server_name` is sent (NULL: none is), and
// `verify_name` is what the certificate has to be for (NULL: any name is).
talaria_session *talaria_session_new(talaria_context *context, const char *server_name,
                                     const char *verify_name);

// Ends the session, also one that waits for a signature.
void talaria_session_free(talaria_session *session);

// What a server gave a client to spare the next handshake its signatures. It stands for a handshake that
// verified what its context and its names ask for, and is to be used with those alone.
typedef struct talaria_ticket talaria_ticket;

// Takes a ticket that came, the newest first; NULL when there is none.
talaria_ticket *talaria_session_ticket(talaria_session *session);

void talaria_ticket_free(talaria_ticket *ticket);

// Whether whoever uses it twice can be told to be the same: it is TLS 1.3's.
int talaria_ticket_is_for_once(const talaria_ticket *ticket);

// Offers a ticket in the handshake that is about to begin. Returns 0, or -1 when it was spoiled. How old it may be
// is the caller's to say.
int talaria_session_resume(talaria_session *session, const talaria_ticket *ticket);

// Takes bytes from the peer. Returns 0, or -1 when there is no memory.
int talaria_session_feed(talaria_session *session, const uint8_t *bytes, size_t length);

// How many bytes there are for the peer.
size_t talaria_session_pending(const talaria_session *session);

// Takes bytes for the peer; returns how many.
size_t talaria_session_drain(talaria_session *session, uint8_t *bytes, size_t room);

enum talaria_step {
  TALARIA_STEP_DONE = 0,
  // More has to come from the peer.
  TALARIA_STEP_INPUT = 1,
  // `talaria_session_request` has what is to be signed.
  TALARIA_STEP_SIGNATURE = 2,
  TALARIA_STEP_FAILED = 3,
};

// Goes on with the handshake.
int talaria_session_handshake(talaria_session *session);

struct talaria_request {
  uint8_t key[TALARIA_KEY_NAME_SIZE];
  int algorithm;
  uint8_t input[TALARIA_SIGN_INPUT_MAX];
  size_t length;
};

// What the handshake waits for.
void talaria_session_request(const talaria_session *session, struct talaria_request *request);

// The answer; a length of 0 says that there is no signature. To be followed by a handshake step.
void talaria_session_signed(talaria_session *session, const uint8_t *signature, size_t length);

enum { TALARIA_READ_NOTHING = 0, TALARIA_READ_CLOSED = -1, TALARIA_READ_FAILED = -2 };

// Reads what the peer said. Returns a count, or one of the above.
long talaria_session_read(talaria_session *session, uint8_t *bytes, size_t room);

// Says something to the peer. Returns 0, or -1.
int talaria_session_write(talaria_session *session, const uint8_t *bytes, size_t length);

// Says that nothing more will be said.
void talaria_session_close(talaria_session *session);

struct talaria_facts {
  char version[16];
  char cipher[64];
  int bits;
  // Whether there is a certificate, and it was found valid.
  int has_certificate;
  int is_verified;
  int is_resumed;
  // SHA-256 of the peer's certificate.
  uint8_t fingerprint[32];
  struct talaria_reason verification;
};

void talaria_session_facts(const talaria_session *session, struct talaria_facts *facts);

// Why the last step failed.
void talaria_session_reason(const talaria_session *session, struct talaria_reason *reason);

#endif
