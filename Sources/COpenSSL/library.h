// SPDX-License-Identifier: ISC
//
// What the files of this target share.
#ifndef TALARIA_LIBRARY_H
#define TALARIA_LIBRARY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "keys.h"

// OpenSSL with its default provider and ours, apart from everybody else's; NULL when it cannot be had.
OSSL_LIB_CTX *talaria_library(void);

// An EVP_PKEY without a private half, for the public key of a certificate: signing with it asks the
// session of this thread. NULL on failure.
EVP_PKEY *talaria_remote_key(X509 *certificate);

// A signature that is asked for, and its answer. One for each session.
struct talaria_signing {
  enum { TALARIA_SIGNING_IDLE, TALARIA_SIGNING_ASKED, TALARIA_SIGNING_DONE, TALARIA_SIGNING_REFUSED } state;
  uint8_t key[TALARIA_KEY_NAME_SIZE];
  int algorithm;
  uint8_t input[TALARIA_SIGN_INPUT_MAX];
  size_t input_length;
  uint8_t signature[TALARIA_SIGNATURE_MAX];
  size_t signature_length;
};

// Whose handshake this thread is working on.
extern _Thread_local struct talaria_signing *talaria_signing_now;

// The one passphrase that a key is tried with; NULL: there is none.
struct talaria_trial {
  const uint8_t *passphrase;
  size_t length;
  int was_asked;
};

// A pem_password_cb, whose context is the trial: notes that a passphrase was asked for, and gives the one there is.
int talaria_give_passphrase(char *buffer, int size, int is_writing, void *context);

// How many rounds all encrypted keys in PEM together ask for until it is known whether a passphrase is theirs. Two
// encryptions may lie around one key; what the inner one asks for is known with the passphrase of the outer one only.
uint64_t talaria_decryption_rounds(const uint8_t *pem, size_t length, struct talaria_trial trial);

// SHA-256 of a public key as SubjectPublicKeyInfo. Returns 1, or 0.
int talaria_public_key_name(EVP_PKEY *key, uint8_t name[TALARIA_KEY_NAME_SIZE]);

// The length of what the algorithm signs; 0 with Ed25519, -1 when there is no such algorithm.
long talaria_digest_length(int algorithm);

const char *talaria_digest_name(int algorithm);

// Puts the last error of OpenSSL into words, behind `what`, and forgets all of them.
void talaria_explain(struct talaria_reason *reason, const char *what);

void talaria_say(struct talaria_reason *reason, const char *text);

// Calls `take` with each certificate of a PEM text; `take` owns it, and returns 0 to stop. Returns the
// count, or -1 with a reason.
int talaria_each_certificate(const uint8_t *pem, size_t length, int (*take)(X509 *, void *), void *context,
                             struct talaria_reason *reason);

#endif
