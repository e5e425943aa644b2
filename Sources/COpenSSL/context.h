// SPDX-License-Identifier: ISC
#ifndef TALARIA_CONTEXT_H
#define TALARIA_CONTEXT_H

#include <openssl/ssl.h>

#include "tls.h"

// As much as OpenSSL takes, and a SHA-256.
enum { TALARIA_SESSIONS_ID_SIZE = SSL_MAX_SID_CTX_LENGTH };

// What the sessions of one listener, or of one way to relay, have in common.
struct talaria_context {
  SSL_CTX *ssl;
  int side;
  int verification;
  // What tickets have to be for, of a server's sessions.
  uint8_t sessions[TALARIA_SESSIONS_ID_SIZE];
  // For server names: what a client asks for leads to a context's certificate.
  struct talaria_named {
    char *name;
    talaria_context *context;
  } *names;
  size_t names_count;
  size_t references;
};

void talaria_context_retain(talaria_context *context);

// A server has given a client's session a ticket. Returns 1 when it is kept, and with it the reference.
int talaria_keep_ticket(SSL *ssl, SSL_SESSION *fresh);

#endif
