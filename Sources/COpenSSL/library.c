// SPDX-License-Identifier: ISC

#include "library.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "provider.h"

_Thread_local struct talaria_signing *talaria_signing_now;

static OSSL_LIB_CTX *library;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// Whoever does not ask for ours by name gets the default provider's implementation.
static void open_library(void) {
  OSSL_LIB_CTX *made = OSSL_LIB_CTX_new();
  if (made == NULL) return;
  if (OSSL_PROVIDER_load(made, "default") == NULL ||
      OSSL_PROVIDER_add_builtin(made, TALARIA_PROVIDER, talaria_provider_init) != 1 ||
      OSSL_PROVIDER_load(made, TALARIA_PROVIDER) == NULL ||
      EVP_set_default_properties(made, "?provider=default") != 1) {
    OSSL_LIB_CTX_free(made);
    return;
  }
  library = made;
}

OSSL_LIB_CTX *talaria_library(void) {
  pthread_once(&once, open_library);
  return library;
}

void talaria_say(struct talaria_reason *reason, const char *text) {
  if (reason == NULL) return;
  snprintf(reason->text, sizeof reason->text, "%s", text);
}

void talaria_explain(struct talaria_reason *reason, const char *what) {
  unsigned long code = ERR_peek_last_error();
  const char *text = code == 0 ? NULL : ERR_reason_error_string(code);
  if (reason != NULL) {
    if (text == NULL) {
      snprintf(reason->text, sizeof reason->text, "%s", what);
    } else if (*what == '\0') {
      snprintf(reason->text, sizeof reason->text, "%s", text);
    } else {
      snprintf(reason->text, sizeof reason->text, "%s: %s", what, text);
    }
  }
  ERR_clear_error();
}

int talaria_public_key_name(EVP_PKEY *key, uint8_t name[TALARIA_KEY_NAME_SIZE]) {
  unsigned char *encoded = NULL;
  int length = i2d_PUBKEY(key, &encoded);
  if (length <= 0) return 0;
  size_t size = 0;
  int ok = EVP_Q_digest(talaria_library(), "SHA256", NULL, encoded, (size_t)length, name, &size) == 1 &&
           size == TALARIA_KEY_NAME_SIZE;
  OPENSSL_free(encoded);
  return ok;
}

const char *talaria_digest_name(int algorithm) {
  switch (algorithm) {
  case TALARIA_RSA_PKCS1_SHA256:
  case TALARIA_RSA_PSS_SHA256:
  case TALARIA_ECDSA_SHA256: return "SHA256";
  case TALARIA_RSA_PKCS1_SHA384:
  case TALARIA_RSA_PSS_SHA384:
  case TALARIA_ECDSA_SHA384: return "SHA384";
  case TALARIA_RSA_PKCS1_SHA512:
  case TALARIA_RSA_PSS_SHA512:
  case TALARIA_ECDSA_SHA512: return "SHA512";
  default: return NULL;
  }
}

long talaria_digest_length(int algorithm) {
  if (algorithm == TALARIA_ED25519) return 0;
  const char *name = talaria_digest_name(algorithm);
  if (name == NULL) return -1;
  return strcmp(name, "SHA256") == 0 ? 32 : strcmp(name, "SHA384") == 0 ? 48 : 64;
}

int talaria_each_certificate(const uint8_t *pem, size_t length, int (*take)(X509 *, void *), void *context,
                             struct talaria_reason *reason) {
  if (talaria_library() == NULL || length > TALARIA_CERTIFICATES_MAX) {
    talaria_say(reason, length > TALARIA_CERTIFICATES_MAX ? "too large" : "OpenSSL cannot be used");
    return -1;
  }
  ERR_clear_error();
  BIO *source = BIO_new_mem_buf(pem, (int)length);
  if (source == NULL) {
    talaria_say(reason, "no memory");
    return -1;
  }
  int count = 0;
  int isBroken = 0, isRefused = 0;
  for (;;) {
    X509 *certificate = X509_new_ex(talaria_library(), NULL);
    if (certificate == NULL) {
      isBroken = 1;
      break;
    }
    if (PEM_read_bio_X509(source, &certificate, NULL, "") == NULL) {
      X509_free(certificate);
      // The end of the text is told as the absence of another beginning.
      isBroken = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
      break;
    }
    count++;
    if (!take(certificate, context)) {
      isRefused = 1;
      break;
    }
  }
  BIO_free(source);
  if (isRefused) {
    talaria_explain(reason, "it cannot be used");
    return -1;
  }
  if (isBroken) {
    talaria_explain(reason, "not a certificate in PEM");
    return -1;
  }
  ERR_clear_error();
  if (count == 0) {
    talaria_say(reason, "no certificate in PEM");
    return -1;
  }
  return count;
}

static int drop_certificate(X509 *certificate, void *context) {
  (void)context;
  X509_free(certificate);
  return 1;
}

int talaria_certificate_count(const uint8_t *pem, size_t length, struct talaria_reason *reason) {
  return talaria_each_certificate(pem, length, drop_certificate, NULL, reason);
}

static int keep_first(X509 *certificate, void *context) {
  X509 **first = context;
  if (*first == NULL) {
    *first = certificate;
  } else {
    X509_free(certificate);
  }
  return 1;
}

int talaria_certificate_key_name(const uint8_t *pem, size_t length, uint8_t name[TALARIA_KEY_NAME_SIZE],
                                 struct talaria_reason *reason) {
  X509 *first = NULL;
  int result = talaria_each_certificate(pem, length, keep_first, &first, reason);
  if (result > 0) {
    EVP_PKEY *key = X509_get0_pubkey(first);
    if (key == NULL || !talaria_public_key_name(key, name)) {
      talaria_explain(reason, "the certificate's key cannot be read");
      result = -1;
    }
  }
  X509_free(first);
  return result > 0 ? 0 : -1;
}

int talaria_random(uint8_t *bytes, size_t length) {
  return RAND_bytes_ex(talaria_library(), bytes, length, 0) == 1 ? 0 : -1;
}

void talaria_wipe(void *bytes, size_t length) { OPENSSL_cleanse(bytes, length); }
