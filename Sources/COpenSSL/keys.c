// SPDX-License-Identifier: ISC

#include "keys.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library.h"

struct talaria_private_key {
  EVP_PKEY *key;
  uint8_t name[TALARIA_KEY_NAME_SIZE];
};

int talaria_give_passphrase(char *buffer, int size, int is_writing, void *context) {
  (void)is_writing;
  struct talaria_trial *trial = context;
  trial->was_asked = 1;
  if (size > 0) buffer[0] = '\0';
  if (trial->passphrase == NULL || trial->length > (size_t)size) return -1;
  memcpy(buffer, trial->passphrase, trial->length);
  return (int)trial->length;
}

static long read_file(int descriptor, uint8_t *bytes, size_t room) {
  size_t done = 0;
  while (done < room) {
    ssize_t count = pread(descriptor, bytes + done, room - done, (off_t)done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += (size_t)count;
  }
  return (long)done;
}

static EVP_PKEY *decode(const uint8_t *content, size_t length, struct talaria_trial *trial) {
  BIO *source = BIO_new_mem_buf(content, (int)length);
  if (source == NULL) return NULL;
  EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(source, NULL, talaria_give_passphrase, trial, talaria_library(), NULL);
  BIO_free(source);
  return key;
}

talaria_private_key *talaria_key_read(int descriptor, const uint8_t *passphrase, size_t length, int *is_locked,
                                      struct talaria_reason *reason) {
  *is_locked = 0;
  if (talaria_library() == NULL) return talaria_say(reason, "OpenSSL cannot be used"), NULL;
  const size_t room = TALARIA_KEY_FILE_MAX;
  uint8_t *content = malloc(room);
  talaria_private_key *result = calloc(1, sizeof *result);
  if (content == NULL || result == NULL) {
    free(content);
    free(result);
    return talaria_say(reason, "no memory"), NULL;
  }
  long size = read_file(descriptor, content, room);
  int is_text = size > 0 && (size_t)size < room;
  struct talaria_trial trial = {passphrase, length, 0};
  ERR_clear_error();
  int is_costly = is_text && talaria_decryption_rounds(content, (size_t)size, trial) > TALARIA_KEY_ROUNDS_MAX;
  if (is_text && !is_costly) result->key = decode(content, (size_t)size, &trial);
  OPENSSL_cleanse(content, room);
  free(content);
  EVP_PKEY *key = result->key;
  if (size < 0) {
    talaria_say(reason, strerror(errno));
  } else if (is_costly) {
    char text[80];
    snprintf(text, sizeof text, "the key is encrypted with more than %d rounds", TALARIA_KEY_ROUNDS_MAX);
    talaria_say(reason, text);
  } else if (key == NULL && trial.was_asked) {
    *is_locked = 1;
  } else if (key == NULL) {
    talaria_explain(reason, "not a private key in PEM");
  } else if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC") && !EVP_PKEY_is_a(key, "ED25519")) {
    talaria_say(reason, "neither RSA nor EC nor Ed25519");
  } else if (EVP_PKEY_get_size(key) > TALARIA_SIGNATURE_MAX) {
    talaria_say(reason, "the key is too large");
  } else if (!talaria_public_key_name(key, result->name)) {
    talaria_explain(reason, "the public half cannot be had");
  } else {
    ERR_clear_error();
    return result;
  }
  ERR_clear_error();
  talaria_key_free(result);
  return NULL;
}

// Whether the line is the beginning or the end of a certificate, by any label that OpenSSL knows.
static int bounds_certificate(const uint8_t *line, size_t length, const char *word) {
  static const char *const labels[] = {PEM_STRING_X509, PEM_STRING_X509_OLD, PEM_STRING_X509_TRUSTED};
  // What is behind the dashes is no part of it.
  while (length > 0 && line[length - 1] <= ' ') length--;
  for (size_t index = 0; index < sizeof labels / sizeof *labels; index++) {
    char text[64];
    int size = snprintf(text, sizeof text, "-----%s %s-----", word, labels[index]);
    if (length == (size_t)size && memcmp(line, text, length) == 0) return 1;
  }
  return 0;
}

static int is_base64(const uint8_t *line, size_t length) {
  for (size_t index = 0; index < length; index++) {
    uint8_t byte = line[index];
    int is_good = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                  byte == '+' || byte == '/' || byte == '=' || byte <= ' ';
    if (!is_good) return 0;
  }
  return 1;
}

// A certificate within which something else begins ends there, and is broken.
static size_t keep_certificates(const uint8_t *text, size_t length, uint8_t *kept) {
  size_t count = 0;
  int is_within = 0;
  for (size_t start = 0, size; start < length; start += size) {
    const uint8_t *line = text + start, *end = memchr(line, '\n', length - start);
    size = end == NULL ? length - start : (size_t)(end - line) + 1;
    int ends = is_within && bounds_certificate(line, size, "END");
    int is_kept = ends || bounds_certificate(line, size, "BEGIN") || (is_within && is_base64(line, size));
    is_within = is_kept && !ends;
    if (!is_kept) continue;
    memcpy(kept + count, line, size);
    count += size;
  }
  return count;
}

long talaria_certificates_read(int descriptor, uint8_t *pem, struct talaria_reason *reason) {
  const size_t room = TALARIA_CERTIFICATES_MAX + 1;
  uint8_t *content = malloc(room);
  if (content == NULL) return talaria_say(reason, "no memory"), -1;
  long length = read_file(descriptor, content, room), result = -1;
  if (length < 0) {
    talaria_say(reason, strerror(errno));
  } else if ((size_t)length == room) {
    char text[64];
    snprintf(text, sizeof text, "larger than %d bytes", TALARIA_CERTIFICATES_MAX);
    talaria_say(reason, text);
  } else {
    // The mark that editors put before UTF-8 is no part of the first line, for OpenSSL neither.
    size_t mark = length >= 3 && memcmp(content, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    result = (long)keep_certificates(content + mark, (size_t)length - mark, pem);
  }
  OPENSSL_cleanse(content, length < 0 ? room : (size_t)length);
  free(content);
  return result;
}

void talaria_key_free(talaria_private_key *key) {
  if (key == NULL) return;
  EVP_PKEY_free(key->key);
  free(key);
}

void talaria_key_name(const talaria_private_key *key, uint8_t name[TALARIA_KEY_NAME_SIZE]) {
  memcpy(name, key->name, TALARIA_KEY_NAME_SIZE);
}

static int is_for(const talaria_private_key *key, int algorithm) {
  switch (algorithm) {
  case TALARIA_RSA_PKCS1_SHA256:
  case TALARIA_RSA_PKCS1_SHA384:
  case TALARIA_RSA_PKCS1_SHA512:
  case TALARIA_RSA_PSS_SHA256:
  case TALARIA_RSA_PSS_SHA384:
  case TALARIA_RSA_PSS_SHA512: return EVP_PKEY_is_a(key->key, "RSA");
  case TALARIA_ECDSA_SHA256:
  case TALARIA_ECDSA_SHA384:
  case TALARIA_ECDSA_SHA512: return EVP_PKEY_is_a(key->key, "EC");
  case TALARIA_ED25519: return EVP_PKEY_is_a(key->key, "ED25519");
  default: return 0;
  }
}

static int sign_message(const talaria_private_key *key, const uint8_t *input, size_t length,
                        uint8_t *signature, size_t *size) {
  EVP_MD_CTX *signer = EVP_MD_CTX_new();
  int ok = signer != NULL &&
           EVP_DigestSignInit_ex(signer, NULL, NULL, talaria_library(), NULL, key->key, NULL) == 1 &&
           EVP_DigestSign(signer, signature, size, input, length) == 1;
  EVP_MD_CTX_free(signer);
  return ok;
}

static int sign_digest(const talaria_private_key *key, int algorithm, const uint8_t *input, size_t length,
                       uint8_t *signature, size_t *size) {
  EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new_from_pkey(talaria_library(), key->key, NULL);
  EVP_MD *digest = EVP_MD_fetch(talaria_library(), talaria_digest_name(algorithm), NULL);
  int is_pss = algorithm >= TALARIA_RSA_PSS_SHA256 && algorithm <= TALARIA_RSA_PSS_SHA512;
  int ok = signer != NULL && digest != NULL && EVP_PKEY_sign_init(signer) == 1;
  if (ok && is_pss) {
    ok = EVP_PKEY_CTX_set_rsa_padding(signer, RSA_PKCS1_PSS_PADDING) > 0 &&
         EVP_PKEY_CTX_set_signature_md(signer, digest) > 0 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(signer, RSA_PSS_SALTLEN_DIGEST) > 0;
  } else if (ok) {
    ok = EVP_PKEY_CTX_set_signature_md(signer, digest) > 0;
  }
  ok = ok && EVP_PKEY_sign(signer, signature, size, input, length) == 1;
  EVP_PKEY_CTX_free(signer);
  EVP_MD_free(digest);
  return ok;
}

long talaria_key_sign(const talaria_private_key *key, int algorithm, const uint8_t *input, size_t length,
                      uint8_t *signature, size_t room) {
  long wanted = talaria_digest_length(algorithm);
  if (wanted < 0 || !is_for(key, algorithm) || length > TALARIA_SIGN_INPUT_MAX) return -1;
  if (wanted > 0 && length != (size_t)wanted) return -1;
  if ((size_t)EVP_PKEY_get_size(key->key) > room) return -1;
  size_t size = room;
  int ok = algorithm == TALARIA_ED25519 ? sign_message(key, input, length, signature, &size)
                                        : sign_digest(key, algorithm, input, length, signature, &size);
  ERR_clear_error();
  return ok ? (long)size : -1;
}
