// SPDX-License-Identifier: ISC
//
// Keys that are somewhere else. A key here is its public half and its name; to sign is to leave the
// request with the session that this thread works on, and to pause its job until the answer is there.
// Nothing but signatures over digests (with Ed25519 over messages) can be asked for.

#include "provider.h"

#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"

struct remote_key {
  // Of the default provider.
  EVP_PKEY *public_half;
  uint8_t name[TALARIA_KEY_NAME_SIZE];
  const char *type;
};

// MARK: Keys

static void *key_new(const char *type) {
  struct remote_key *key = calloc(1, sizeof *key);
  if (key != NULL) key->type = type;
  return key;
}

static void *key_new_rsa(void *provider) { return (void)provider, key_new("RSA"); }
static void *key_new_ec(void *provider) { return (void)provider, key_new("EC"); }
static void *key_new_ed25519(void *provider) { return (void)provider, key_new("ED25519"); }

static void key_free(void *opaque) {
  struct remote_key *key = opaque;
  if (key == NULL) return;
  EVP_PKEY_free(key->public_half);
  free(key);
}

static int key_has(const void *opaque, int selection) {
  const struct remote_key *key = opaque;
  (void)selection;
  return key != NULL && key->public_half != NULL;
}

static int key_match(const void *one, const void *other, int selection) {
  const struct remote_key *a = one, *b = other;
  (void)selection;
  if (a->public_half == NULL || b->public_half == NULL) return 0;
  return EVP_PKEY_eq(a->public_half, b->public_half) == 1;
}

// Takes the public half; a private half that comes along is left where it is.
static int key_import(void *opaque, int selection, const OSSL_PARAM parameters[]) {
  struct remote_key *key = opaque;
  if (key == NULL || key->public_half != NULL || (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0) return 0;
  const OSSL_PARAM *name = OSSL_PARAM_locate_const(parameters, TALARIA_KEY_NAME_PARAMETER);
  if (name != NULL) {
    if (name->data_type != OSSL_PARAM_OCTET_STRING || name->data_size != sizeof key->name) return 0;
    memcpy(key->name, name->data, sizeof key->name);
  }
  EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(talaria_library(), key->type, "provider=default");
  int ok = maker != NULL && EVP_PKEY_fromdata_init(maker) == 1 &&
           EVP_PKEY_fromdata(maker, &key->public_half, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)parameters) == 1;
  EVP_PKEY_CTX_free(maker);
  return ok;
}

static const OSSL_PARAM *key_import_types(int selection) {
  static const OSSL_PARAM types[] = {
      OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
      OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
      OSSL_PARAM_octet_string(TALARIA_KEY_NAME_PARAMETER, NULL, 0),
      OSSL_PARAM_END,
  };
  return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 ? types : NULL;
}

static int key_get_parameters(void *opaque, OSSL_PARAM parameters[]) {
  struct remote_key *key = opaque;
  return key->public_half != NULL && EVP_PKEY_get_params(key->public_half, parameters) == 1;
}

static const OSSL_PARAM *key_gettable(void *provider) {
  static const OSSL_PARAM gettable[] = {
      OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
      OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
      OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
      OSSL_PARAM_END,
  };
  (void)provider;
  return gettable;
}

static const char *rsa_signature_name(int operation) { return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL; }
static const char *ec_signature_name(int operation) { return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL; }
static const char *ed25519_signature_name(int operation) {
  return operation == OSSL_OP_SIGNATURE ? "ED25519" : NULL;
}

#define FUNCTION(id, function) {id, (void (*)(void))(function)}
#define KEY_FUNCTIONS(new, signature_name)                                                                   \
  {                                                                                                          \
    FUNCTION(OSSL_FUNC_KEYMGMT_NEW, new), FUNCTION(OSSL_FUNC_KEYMGMT_FREE, key_free),                        \
        FUNCTION(OSSL_FUNC_KEYMGMT_HAS, key_has), FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, key_match),              \
        FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, key_import),                                                      \
        FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),                                          \
        FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_parameters),                                          \
        FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable),                                           \
        FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, signature_name), {                                  \
      0, NULL                                                                                                \
    }                                                                                                        \
  }

static const OSSL_DISPATCH rsa_key[] = KEY_FUNCTIONS(key_new_rsa, rsa_signature_name);
static const OSSL_DISPATCH ec_key[] = KEY_FUNCTIONS(key_new_ec, ec_signature_name);
static const OSSL_DISPATCH ed25519_key[] = KEY_FUNCTIONS(key_new_ed25519, ed25519_signature_name);

// MARK: Signatures

struct signature {
  // Kept alive by the EVP_PKEY whose operation this is.
  const struct remote_key *key;
  int digest;
  int is_pss;
};

static void *signature_new(void *provider, const char *query) {
  (void)provider;
  (void)query;
  return calloc(1, sizeof(struct signature));
}

static void signature_free(void *opaque) { free(opaque); }

static int digest_bits(const char *name) {
  if (name == NULL) return 0;
  if (OPENSSL_strcasecmp(name, "SHA256") == 0 || OPENSSL_strcasecmp(name, "SHA2-256") == 0) return 256;
  if (OPENSSL_strcasecmp(name, "SHA384") == 0 || OPENSSL_strcasecmp(name, "SHA2-384") == 0) return 384;
  if (OPENSSL_strcasecmp(name, "SHA512") == 0 || OPENSSL_strcasecmp(name, "SHA2-512") == 0) return 512;
  return 0;
}

// Padding, salt and mask as TLS has them; anything else is refused.
static int signature_set(void *opaque, const OSSL_PARAM parameters[]) {
  struct signature *signature = opaque;
  if (parameters == NULL) return 1;
  const OSSL_PARAM *padding = OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_PAD_MODE);
  if (padding != NULL) {
    int mode = 0;
    if (padding->data_type == OSSL_PARAM_UTF8_STRING && padding->data != NULL) {
      mode = strcmp(padding->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0       ? RSA_PKCS1_PSS_PADDING
             : strcmp(padding->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0 ? RSA_PKCS1_PADDING
                                                                          : 0;
    } else if (!OSSL_PARAM_get_int(padding, &mode)) {
      return 0;
    }
    if (mode != RSA_PKCS1_PSS_PADDING && mode != RSA_PKCS1_PADDING) return 0;
    signature->is_pss = mode == RSA_PKCS1_PSS_PADDING;
  }
  const OSSL_PARAM *salt = OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
  if (salt != NULL) {
    int length = 0;
    if (salt->data_type == OSSL_PARAM_UTF8_STRING && salt->data != NULL) {
      if (strcmp(salt->data, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) != 0) return 0;
    } else if (!OSSL_PARAM_get_int(salt, &length) || length != RSA_PSS_SALTLEN_DIGEST) {
      return 0;
    }
  }
  const OSSL_PARAM *mask = OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
  if (mask != NULL &&
      (mask->data_type != OSSL_PARAM_UTF8_STRING || digest_bits(mask->data) != signature->digest)) {
    return 0;
  }
  return 1;
}

static const OSSL_PARAM *signature_settable(void *opaque, void *provider) {
  static const OSSL_PARAM settable[] = {
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
      OSSL_PARAM_END,
  };
  (void)opaque;
  (void)provider;
  return settable;
}

static int signature_begin(void *opaque, const char *digest, void *key, const OSSL_PARAM parameters[]) {
  struct signature *signature = opaque;
  if (signature == NULL || key == NULL) return 0;
  signature->key = key;
  signature->digest = digest_bits(digest);
  signature->is_pss = 0;
  if (strcmp(signature->key->type, "ED25519") != 0 && signature->digest == 0) return 0;
  return signature_set(opaque, parameters);
}

static int algorithm_of(const struct signature *signature) {
  if (strcmp(signature->key->type, "ED25519") == 0) return TALARIA_ED25519;
  int offset = signature->digest == 256 ? 0 : signature->digest == 384 ? 1 : 2;
  if (strcmp(signature->key->type, "EC") == 0) return TALARIA_ECDSA_SHA256 + offset;
  return (signature->is_pss ? TALARIA_RSA_PSS_SHA256 : TALARIA_RSA_PKCS1_SHA256) + offset;
}

// Writes the request into `signing`. Returns 1, or 0 when what is to be signed is too long.
static int ask(struct talaria_signing *signing, const struct signature *signature, const unsigned char *input,
               size_t length) {
  int algorithm = algorithm_of(signature);
  if (algorithm == TALARIA_ED25519) {
    if (length > sizeof signing->input) return 0;
    memcpy(signing->input, input, length);
    signing->input_length = length;
  } else {
    size_t size = 0;
    if (EVP_Q_digest(talaria_library(), talaria_digest_name(algorithm), NULL, input, length, signing->input,
                     &size) != 1 ||
        (long)size != talaria_digest_length(algorithm)) {
      return 0;
    }
    signing->input_length = size;
  }
  memcpy(signing->key, signature->key->name, sizeof signing->key);
  signing->algorithm = algorithm;
  signing->signature_length = 0;
  signing->state = TALARIA_SIGNING_ASKED;
  return 1;
}

static int signature_sign(void *opaque, unsigned char *output, size_t *count, size_t room,
                          const unsigned char *input, size_t length) {
  struct signature *signature = opaque;
  int largest = EVP_PKEY_get_size(signature->key->public_half);
  if (largest <= 0 || largest > TALARIA_SIGNATURE_MAX) return 0;
  if (output == NULL) {
    *count = (size_t)largest;
    return 1;
  }
  struct talaria_signing *signing = talaria_signing_now;
  // Outside of a job there is nobody who could wait.
  if (signing == NULL || ASYNC_get_current_job() == NULL || !ask(signing, signature, input, length)) return 0;
  while (signing->state == TALARIA_SIGNING_ASKED) {
    if (ASYNC_pause_job() != 1) return 0;
  }
  int isGood = signing->state == TALARIA_SIGNING_DONE && signing->signature_length <= room;
  if (isGood) {
    memcpy(output, signing->signature, signing->signature_length);
    *count = signing->signature_length;
  }
  signing->state = TALARIA_SIGNING_IDLE;
  return isGood;
}

static const OSSL_DISPATCH signatures[] = {
    FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, signature_new),
    FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signature_free),
    FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signature_begin),
    FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signature_sign),
    FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signature_set),
    FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signature_settable),
    {0, NULL},
};

// MARK: The provider

static const OSSL_ALGORITHM *algorithms(void *provider, int operation, int *is_changing) {
  static const OSSL_ALGORITHM keys[] = {
      {"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=" TALARIA_PROVIDER, rsa_key, "remote RSA"},
      {"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" TALARIA_PROVIDER, ec_key, "remote EC"},
      {"ED25519:1.3.101.112", "provider=" TALARIA_PROVIDER, ed25519_key, "remote Ed25519"},
      {NULL, NULL, NULL, NULL},
  };
  static const OSSL_ALGORITHM signers[] = {
      {"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=" TALARIA_PROVIDER, signatures, "remote RSA"},
      {"ECDSA", "provider=" TALARIA_PROVIDER, signatures, "remote ECDSA"},
      {"ED25519:1.3.101.112", "provider=" TALARIA_PROVIDER, signatures, "remote Ed25519"},
      {NULL, NULL, NULL, NULL},
  };
  (void)provider;
  *is_changing = 0;
  switch (operation) {
  case OSSL_OP_KEYMGMT: return keys;
  case OSSL_OP_SIGNATURE: return signers;
  default: return NULL;
  }
}

int talaria_provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                          void **provider) {
  static const OSSL_DISPATCH functions[] = {
      FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, algorithms),
      {0, NULL},
  };
  static int state;
  (void)core;
  (void)in;
  *out = functions;
  *provider = &state;
  return 1;
}

EVP_PKEY *talaria_remote_key(X509 *certificate) {
  EVP_PKEY *public_half = X509_get0_pubkey(certificate);
  uint8_t name[TALARIA_KEY_NAME_SIZE];
  const char *type = public_half == NULL                       ? NULL
                     : EVP_PKEY_is_a(public_half, "RSA")        ? "RSA"
                     : EVP_PKEY_is_a(public_half, "EC")         ? "EC"
                     : EVP_PKEY_is_a(public_half, "ED25519")    ? "ED25519"
                                                                : NULL;
  if (type == NULL || !talaria_public_key_name(public_half, name)) return NULL;
  OSSL_PARAM *exported = NULL;
  OSSL_PARAM named[] = {
      OSSL_PARAM_construct_octet_string(TALARIA_KEY_NAME_PARAMETER, name, sizeof name),
      OSSL_PARAM_construct_end(),
  };
  OSSL_PARAM *parameters = NULL;
  EVP_PKEY *key = NULL;
  EVP_PKEY_CTX *maker =
      EVP_PKEY_CTX_new_from_name(talaria_library(), type, "provider=" TALARIA_PROVIDER);
  if (maker != NULL && EVP_PKEY_todata(public_half, EVP_PKEY_PUBLIC_KEY, &exported) == 1 &&
      (parameters = OSSL_PARAM_merge(exported, named)) != NULL && EVP_PKEY_fromdata_init(maker) == 1 &&
      EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    key = NULL;
  }
  EVP_PKEY_CTX_free(maker);
  OPENSSL_free(parameters);
  OSSL_PARAM_free(exported);
  return key;
}
