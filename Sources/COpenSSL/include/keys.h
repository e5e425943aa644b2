// SPDX-License-Identifier: ISC
//
// Private keys and what is known of them in public. No header of OpenSSL is needed by who includes this.
#ifndef TALARIA_KEYS_H
#define TALARIA_KEYS_H

#include <stddef.h>
#include <stdint.h>

// A reason in words; empty when there is none. Always terminated.
struct talaria_reason {
  char text[256];
};

enum {
  // Of the name of a key: SHA-256 over its public half as SubjectPublicKeyInfo.
  TALARIA_KEY_NAME_SIZE = 32,
  // The largest file of a key, or of a certificate chain, or of trust anchors.
  TALARIA_KEY_FILE_MAX = 64 << 10,
  TALARIA_CERTIFICATES_MAX = 4 << 20,
  // What is signed: a digest, or with Ed25519 the message itself, which TLS keeps short.
  TALARIA_SIGN_INPUT_MAX = 512,
  // The longest passphrase: as much as OpenSSL takes.
  TALARIA_PASSPHRASE_MAX = 1023,
  // What the encrypted keys of a file may ask for until their passphrase is a cipher's key: rounds of PBKDF2, or
  // steps of scrypt, all together.
  TALARIA_KEY_ROUNDS_MAX = 2000000,
  // A signature: RSA with 16384 bits.
  TALARIA_SIGNATURE_MAX = 2048,
};

// What may be asked of a key. There is no operation on a block that is padded already.
enum talaria_algorithm {
  TALARIA_RSA_PKCS1_SHA256 = 1,
  TALARIA_RSA_PKCS1_SHA384 = 2,
  TALARIA_RSA_PKCS1_SHA512 = 3,
  TALARIA_RSA_PSS_SHA256 = 4,
  TALARIA_RSA_PSS_SHA384 = 5,
  TALARIA_RSA_PSS_SHA512 = 6,
  TALARIA_ECDSA_SHA256 = 7,
  TALARIA_ECDSA_SHA384 = 8,
  TALARIA_ECDSA_SHA512 = 9,
  TALARIA_ED25519 = 10,
};

typedef struct talaria_private_key talaria_private_key;

// Reads a private key in PEM from an open file, from its beginning, and wipes what it read. Where it is encrypted it
// is decrypted by the passphrase; NULL: there is none. NULL with a reason when there is no key, it is encrypted with
// too many rounds, or it is of a kind that is not used; NULL with `is_locked` set when it is encrypted, and not by
// this passphrase. Does not close the file.
talaria_private_key *talaria_key_read(int descriptor, const uint8_t *passphrase, size_t length, int *is_locked,
                                      struct talaria_reason *reason);

void talaria_key_free(talaria_private_key *key);

void talaria_key_name(const talaria_private_key *key, uint8_t name[TALARIA_KEY_NAME_SIZE]);

// Signs a digest of the length that the algorithm says, or a message with Ed25519. Returns the length of
// the signature, or -1. May be called by many threads at a time.
long talaria_key_sign(const talaria_private_key *key, int algorithm, const uint8_t *input, size_t length,
                      uint8_t *signature, size_t room);

// The name of the key that the first certificate of a PEM chain is for. Returns 0, or -1 with a reason.
int talaria_certificate_key_name(const uint8_t *pem, size_t length, uint8_t name[TALARIA_KEY_NAME_SIZE],
                                 struct talaria_reason *reason);

// Copies the PEM of the certificates in an open file, from its beginning, and nothing else that is there, such
// as the private key that many keep beside them; wipes what it read. They need not be good ones. `pem` has room
// for TALARIA_CERTIFICATES_MAX bytes. Returns the length, or -1 with a reason. Does not close the file.
long talaria_certificates_read(int descriptor, uint8_t *pem, struct talaria_reason *reason);

// How many certificates can be read from PEM; -1 with a reason when it has none, or one that is broken.
int talaria_certificate_count(const uint8_t *pem, size_t length, struct talaria_reason *reason);

// Fills with bytes that nobody can guess. Returns 0, or -1.
int talaria_random(uint8_t *bytes, size_t length);

// Overwrites in a way that no compiler leaves out.
void talaria_wipe(void *bytes, size_t length);

#endif
