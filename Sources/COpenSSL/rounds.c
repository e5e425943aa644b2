// SPDX-License-Identifier: ISC
//
// What decrypting costs before a passphrase is known to be wrong: whoever wrote the file says it in clear.

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "library.h"

// One that is no number that could be counted to is more than any bound.
static uint64_t number_of(const ASN1_INTEGER *integer) {
  uint64_t number = 0;
  return integer != NULL && ASN1_INTEGER_get_uint64(&number, integer) == 1 ? number : UINT64_MAX;
}

static uint64_t product(uint64_t one, uint64_t other) {
  return one != 0 && other > UINT64_MAX / one ? UINT64_MAX : one * other;
}

static uint64_t rounds_of_function(const X509_ALGOR *function) {
  uint64_t rounds = 0;
  int kind = OBJ_obj2nid(function->algorithm);
  if (kind == NID_id_pbkdf2) {
    PBKDF2PARAM *facts = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), function->parameter);
    if (facts != NULL) rounds = number_of(facts->iter);
    PBKDF2PARAM_free(facts);
  } else if (kind == NID_id_scrypt) {
    SCRYPT_PARAMS *facts = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), function->parameter);
    if (facts != NULL) {
      rounds = product(product(number_of(facts->costParameter), number_of(facts->blockSize)),
                       number_of(facts->parallelizationParameter));
    }
    SCRYPT_PARAMS_free(facts);
  }
  return rounds;
}

// What OpenSSL cannot read either costs nothing.
static uint64_t rounds_of_scheme(const X509_ALGOR *scheme) {
  uint64_t rounds = 0;
  if (OBJ_obj2nid(scheme->algorithm) == NID_pbes2) {
    PBE2PARAM *facts = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), scheme->parameter);
    if (facts != NULL) rounds = rounds_of_function(facts->keyfunc);
    PBE2PARAM_free(facts);
  } else {
    PBEPARAM *facts = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), scheme->parameter);
    if (facts != NULL) rounds = number_of(facts->iter);
    PBEPARAM_free(facts);
  }
  return rounds;
}

static uint64_t total(uint64_t one, uint64_t other) { return other > UINT64_MAX - one ? UINT64_MAX : one + other; }

static uint64_t rounds_of_content(const unsigned char *content, long size) {
  uint64_t rounds = 0;
  const unsigned char *cursor = content;
  X509_SIG *encrypted = d2i_X509_SIG(NULL, &cursor, size);
  if (encrypted != NULL) {
    const X509_ALGOR *scheme;
    X509_SIG_get0(encrypted, &scheme, NULL);
    rounds = rounds_of_scheme(scheme);
  }
  X509_SIG_free(encrypted);
  return rounds;
}

// What the traditional encryption around a content hides. That costs one round itself.
static uint64_t rounds_within(char *header, unsigned char *content, long size, struct talaria_trial trial) {
  EVP_CIPHER_INFO way;
  if (trial.passphrase == NULL || PEM_get_EVP_CIPHER_INFO(header, &way) != 1 || way.cipher == NULL) return 0;
  int is_decrypted = PEM_do_header(&way, content, &size, talaria_give_passphrase, &trial) == 1;
  return is_decrypted ? rounds_of_content(content, size) : 0;
}

uint64_t talaria_decryption_rounds(const uint8_t *pem, size_t length, struct talaria_trial trial) {
  BIO *source = BIO_new_mem_buf(pem, (int)length);
  if (source == NULL) return UINT64_MAX;
  uint64_t sum = 0;
  // Whatever it is called, and behind whatever cannot be read: the library looks at all of it, too. A short header it
  // overlooks at times.
  for (size_t rest = BIO_ctrl_pending(source); rest > 0;) {
    char *name = NULL, *header = NULL;
    unsigned char *content = NULL;
    long size = 0;
    if (PEM_read_bio(source, &name, &header, &content, &size) == 1) {
      sum = total(sum, rounds_of_content(content, size));
      sum = total(sum, rounds_within(header, content, size, trial));
      OPENSSL_free(name);
      OPENSSL_free(header);
      OPENSSL_clear_free(content, (size_t)size);
    }
    size_t left = BIO_ctrl_pending(source);
    if (left >= rest) break;
    rest = left;
  }
  BIO_free(source);
  ERR_clear_error();
  return sum;
}
