// SPDX-License-Identifier: ISC

#include "context.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "library.h"

// Forward secrecy and authenticated encryption first; what does not encrypt, does not authenticate, or
// wants more of a private key than signatures is nowhere.
static const char server_ciphers[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!SHA1:!PSK";
static const char signature_algorithms[] =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";
static const char curves[] = "X25519:P-256:X448:P-384:P-521";

// MARK: Session tickets

enum { TICKET_KEYS_MAX = 4 };

// 16 bytes of name, 32 of AES-256, 32 of HMAC each. One thread's, as everything of TLS here.
static _Thread_local uint8_t ticket_keys[TICKET_KEYS_MAX][TALARIA_TICKET_KEY_SIZE];
static _Thread_local size_t ticket_keys_count;

void talaria_ticket_keys(const uint8_t *keys, size_t count) {
  if (count > TICKET_KEYS_MAX) count = TICKET_KEYS_MAX;
  OPENSSL_cleanse(ticket_keys, sizeof ticket_keys);
  memcpy(ticket_keys, keys, count * TALARIA_TICKET_KEY_SIZE);
  ticket_keys_count = count;
}

// Until others come the keys are our own.
static int have_ticket_key(void) {
  if (ticket_keys_count > 0) return 1;
  if (talaria_random(ticket_keys[0], TALARIA_TICKET_KEY_SIZE) != 0) return 0;
  ticket_keys_count = 1;
  return 1;
}

static int use_ticket_key(const uint8_t *key, unsigned char *vector, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                          int is_issuing) {
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(key + 48), 32),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
      OSSL_PARAM_construct_end(),
  };
  EVP_CIPHER *aes = EVP_CIPHER_fetch(talaria_library(), "AES-256-CBC", NULL);
  int ok = aes != NULL && EVP_CipherInit_ex2(cipher, aes, key + 16, vector, is_issuing, NULL) == 1 &&
           EVP_MAC_CTX_set_params(mac, parameters) == 1;
  EVP_CIPHER_free(aes);
  return ok;
}

// 1: use it; 2: use it and issue a new one; 0: there is no such key; -1: an error.
static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *vector, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int is_issuing) {
  if (!have_ticket_key()) return -1;
  if (is_issuing) {
    if (talaria_random(vector, 16) != 0) return -1;
    memcpy(name, ticket_keys[0], 16);
    return use_ticket_key(ticket_keys[0], vector, cipher, mac, 1) ? 1 : -1;
  }
  for (size_t index = 0; index < ticket_keys_count; index++) {
    if (CRYPTO_memcmp(name, ticket_keys[index], 16) != 0) continue;
    if (!use_ticket_key(ticket_keys[index], vector, cipher, mac, 0)) return -1;
    // A client of TLS 1.3 shows a ticket once, and would have none for its next connection.
    return index == 0 && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
  }
  return 0;
}

// MARK: Names

static int is_certificate_for(const talaria_context *context, const char *name) {
  X509 *certificate = SSL_CTX_get0_certificate(context->ssl);
  return certificate != NULL && X509_check_host(certificate, name, 0, 0, NULL) == 1;
}

// Whether `*.` and a domain stands for a name of that domain.
static int is_wildcard_for(const char *pattern, const char *name) {
  if (pattern[0] != '*' || pattern[1] != '.') return 0;
  const char *rest = strchr(name, '.');
  return rest != NULL && rest != name && strcasecmp(rest, pattern + 1) == 0;
}

static talaria_context *context_for(const talaria_context *context, const char *name) {
  for (size_t index = 0; index < context->names_count; index++) {
    if (strcasecmp(context->names[index].name, name) == 0) return context->names[index].context;
  }
  for (size_t index = 0; index < context->names_count; index++) {
    const struct talaria_named *named = &context->names[index];
    if (is_wildcard_for(named->name, name) || is_certificate_for(named->context, name)) return named->context;
  }
  return NULL;
}

// The name that a hello asks for (RFC 6066 section 3), as a string. Returns 0 where there is none, or none that
// can be somebody's; OpenSSL says later what it thinks of the hello.
static int name_asked_for(SSL *ssl, char name[TLSEXT_MAXLEN_host_name + 1]) {
  const unsigned char *bytes;
  size_t length;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &length) != 1) return 0;
  // The length of the list, the kind of its first entry, the length of that.
  enum { HEAD = 2 + 1 + 2 };
  if (length <= HEAD || bytes[2] != TLSEXT_NAMETYPE_host_name) return 0;
  size_t count = (size_t)bytes[3] << 8 | bytes[4];
  if (count == 0 || count > TLSEXT_MAXLEN_host_name || count > length - HEAD) return 0;
  if (memchr(bytes + HEAD, 0, count) != NULL) return 0;
  memcpy(name, bytes + HEAD, count);
  name[count] = 0;
  return 1;
}

// A ticket is good for the same name only, whoever has the certificate (RFC 6066 section 3).
static int bind_sessions(SSL *ssl, const talaria_context *context, const char *name) {
  unsigned char text[TALARIA_SESSIONS_ID_SIZE + TLSEXT_MAXLEN_host_name];
  unsigned char id[TALARIA_SESSIONS_ID_SIZE];
  size_t length = strlen(name);
  memcpy(text, context->sessions, TALARIA_SESSIONS_ID_SIZE);
  for (size_t index = 0; index < length; index++) {
    unsigned char byte = (unsigned char)name[index];
    text[TALARIA_SESSIONS_ID_SIZE + index] = byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
  }
  return EVP_Q_digest(talaria_library(), "SHA256", NULL, text, TALARIA_SESSIONS_ID_SIZE + length, id, NULL) == 1 &&
         SSL_set_session_id_context(ssl, id, sizeof id) == 1;
}

// A name that is nobody's gets the usual certificate. Later than with the hello would be too late: OpenSSL takes
// tickets before it looks at the name.
static int choose_certificate(SSL *ssl, int *alert, void *opaque) {
  talaria_context *context = opaque;
  char name[TLSEXT_MAXLEN_host_name + 1];
  if (!name_asked_for(ssl, name)) return SSL_CLIENT_HELLO_SUCCESS;
  talaria_context *chosen = context_for(context, name);
  if (chosen == NULL) chosen = context;
  if (chosen != context) SSL_set_SSL_CTX(ssl, chosen->ssl);
  if (bind_sessions(ssl, chosen, name)) return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_INTERNAL_ERROR;
  return SSL_CLIENT_HELLO_ERROR;
}

// The name was looked at with the hello. Where nobody looks, the client is not told that it counted.
static int accept_name(SSL *ssl, int *alert, void *opaque) {
  (void)ssl;
  (void)alert;
  (void)opaque;
  return SSL_TLSEXT_ERR_OK;
}

int talaria_context_add_name(talaria_context *context, const char *name, talaria_context *other) {
  struct talaria_named *names = realloc(context->names, (context->names_count + 1) * sizeof *names);
  if (names == NULL) return -1;
  context->names = names;
  char *copy = strdup(name);
  if (copy == NULL) return -1;
  names[context->names_count] = (struct talaria_named){copy, other};
  context->names_count++;
  // One that refers to itself would live for ever.
  if (other != context) talaria_context_retain(other);
  return 0;
}

// MARK: Contexts

// The answer is in the session's facts; what to do with it is for others to say.
static int accept_any(int is_good, X509_STORE_CTX *store) {
  (void)is_good;
  (void)store;
  return 1;
}

static int verification_mode(const talaria_context *context) {
  if (context->verification == TALARIA_VERIFY_REQUIRED) {
    return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  if (context->side == TALARIA_SERVER && context->verification == TALARIA_VERIFY_NONE) return SSL_VERIFY_NONE;
  return SSL_VERIFY_PEER;
}

static int set_versions(SSL_CTX *ssl, unsigned versions) {
  int has12 = (versions & 1u << TALARIA_TLS_1_2) != 0, has13 = (versions & 1u << TALARIA_TLS_1_3) != 0;
  if (!has12 && !has13) return 0;
  return SSL_CTX_set_min_proto_version(ssl, has12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(ssl, has13 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1;
}

// A resumed session goes on with the cipher that its ticket tells, and asks for no certificate: tickets are good
// only where all that was agreed on might have been agreed on anew.
static int name_sessions(talaria_context *context, const struct talaria_context_options *options) {
  const char *texts[] = {options->ciphers == NULL ? "" : options->ciphers,
                         options->certificate_name == NULL ? "" : options->certificate_name};
  unsigned numbers[] = {(unsigned)options->verification, options->versions, options->ffdhe != 0};
  EVP_MD *sha256 = EVP_MD_fetch(talaria_library(), "SHA256", NULL);
  EVP_MD_CTX *digest = EVP_MD_CTX_new();
  int ok = sha256 != NULL && digest != NULL && EVP_DigestInit_ex2(digest, sha256, NULL) == 1 &&
           EVP_DigestUpdate(digest, numbers, sizeof numbers) == 1;
  // With their ends, so that no two pairs are the same bytes.
  for (size_t index = 0; ok && index < 2; index++) {
    ok = EVP_DigestUpdate(digest, texts[index], strlen(texts[index]) + 1) == 1;
  }
  ok = ok && EVP_DigestFinal_ex(digest, context->sessions, NULL) == 1;
  EVP_MD_CTX_free(digest);
  EVP_MD_free(sha256);
  return ok && SSL_CTX_set_session_id_context(context->ssl, context->sessions, sizeof context->sessions) == 1;
}

static int set_server(talaria_context *context, const struct talaria_context_options *options) {
  SSL_CTX *ssl = context->ssl;
  // A resumed session does not show its certificate again: what was made where none is asked for must not be
  // good where one is, and what one ca vouched for not where another has to.
  int resumes = context->verification == TALARIA_VERIFY_NONE;
  SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(ssl, resumes ? 1 : 0);
  if (!resumes) SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
  if (options->ffdhe) {
    SSL_CTX_set_dh_auto(ssl, 1);
  }
  SSL_CTX_set_client_hello_cb(ssl, choose_certificate, context);
  SSL_CTX_set_tlsext_servername_callback(ssl, accept_name);
  return name_sessions(context, options) && SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, ticket_key) == 1;
}

// The signature of TLS 1.2 with Ed25519 is over the whole handshake, which is more than is sent to be signed.
static int show_own(SSL *ssl, void *opaque) {
  (void)opaque;
  X509 *certificate = SSL_get_certificate(ssl);
  if (certificate != NULL && SSL_version(ssl) < TLS1_3_VERSION &&
      EVP_PKEY_is_a(X509_get0_pubkey(certificate), "ED25519")) {
    SSL_certs_clear(ssl);
  }
  return 1;
}

// Tickets are for whoever drives the sessions to keep: only they know what a peer is.
static int set_client(SSL_CTX *ssl) {
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ssl, talaria_keep_ticket);
  SSL_CTX_set_cert_cb(ssl, show_own, NULL);
  return 1;
}

// What keys are agreed on over. The peer chooses among them, and larger finite fields cost us a fifth of a
// second for each of its handshakes. The hybrid is there from OpenSSL 3.5 on, which
// sends a share for each one with a star.
static int set_groups(SSL_CTX *ssl, int ffdhe) {
  const char *fields = ffdhe ? ":ffdhe2048:ffdhe3072" : "";
  char list[128];
  snprintf(list, sizeof list, "*X25519MLKEM768:*%s%s", curves, fields);
  if (SSL_CTX_set1_groups_list(ssl, list) == 1) return 1;
  ERR_clear_error();
  snprintf(list, sizeof list, "%s%s", curves, fields);
  return SSL_CTX_set1_groups_list(ssl, list) == 1;
}

talaria_context *talaria_context_new(const struct talaria_context_options *options,
                                     struct talaria_reason *reason) {
  talaria_context *context = calloc(1, sizeof *context);
  if (context == NULL || talaria_library() == NULL) {
    free(context);
    return talaria_say(reason, "OpenSSL cannot be used"), NULL;
  }
  ERR_clear_error();
  context->references = 1;
  context->side = options->side;
  context->verification = options->verification;
  context->ssl = SSL_CTX_new_ex(talaria_library(), NULL,
                                options->side == TALARIA_SERVER ? TLS_server_method() : TLS_client_method());
  SSL_CTX *ssl = context->ssl;
  const char *usual = options->side == TALARIA_SERVER ? server_ciphers : "DEFAULT";
  int ok = ssl != NULL && set_versions(ssl, options->versions) &&
           SSL_CTX_set1_sigalgs_list(ssl, signature_algorithms) == 1 &&
           set_groups(ssl, options->side == TALARIA_SERVER && options->ffdhe);
  if (ok && SSL_CTX_set_cipher_list(ssl, options->ciphers == NULL ? usual : options->ciphers) != 1) {
    talaria_explain(reason, "ciphers");
    talaria_context_free(context);
    return NULL;
  }
  if (ok) {
    // What came decrypted may be a password: no copy is left behind.
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_mode(ssl, SSL_MODE_ASYNC | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(ssl, verification_mode(context),
                       context->verification == TALARIA_VERIFY_REQUIRED ? NULL : accept_any);
    ok = options->side == TALARIA_CLIENT ? set_client(ssl) : set_server(context, options);
  }
  if (!ok) {
    talaria_explain(reason, "TLS");
    talaria_context_free(context);
    return NULL;
  }
  return context;
}

void talaria_context_retain(talaria_context *context) { context->references++; }

void talaria_context_free(talaria_context *context) {
  if (context == NULL || --context->references > 0) return;
  for (size_t index = 0; index < context->names_count; index++) {
    if (context->names[index].context != context) talaria_context_free(context->names[index].context);
    free(context->names[index].name);
  }
  free(context->names);
  SSL_CTX_free(context->ssl);
  free(context);
}

static int add_to_chain(X509 *certificate, void *opaque) {
  SSL_CTX *ssl = opaque;
  if (SSL_CTX_get0_certificate(ssl) == NULL) {
    int ok = SSL_CTX_use_certificate(ssl, certificate) == 1;
    X509_free(certificate);
    return ok;
  }
  if (SSL_CTX_add0_chain_cert(ssl, certificate) == 1) return 1;
  X509_free(certificate);
  return 0;
}

int talaria_context_use_chain(talaria_context *context, const uint8_t *pem, size_t length,
                              struct talaria_reason *reason) {
  if (talaria_each_certificate(pem, length, add_to_chain, context->ssl, reason) < 0) return -1;
  EVP_PKEY *key = talaria_remote_key(SSL_CTX_get0_certificate(context->ssl));
  int ok = key != NULL && SSL_CTX_use_PrivateKey(context->ssl, key) == 1;
  EVP_PKEY_free(key);
  if (!ok) {
    talaria_explain(reason, "a key of this kind cannot be used");
    return -1;
  }
  return 0;
}

struct anchors {
  X509_STORE *store;
  STACK_OF(X509_NAME) *names;
};

// One that is there already is no error.
static int add_anchor(X509 *certificate, void *opaque) {
  struct anchors *anchors = opaque;
  int ok = X509_STORE_add_cert(anchors->store, certificate) == 1;
  if (ok && anchors->names != NULL) {
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));
    ok = name != NULL && sk_X509_NAME_push(anchors->names, name) > 0;
    if (!ok) X509_NAME_free(name);
  }
  X509_free(certificate);
  return ok;
}

int talaria_context_use_anchors(talaria_context *context, const uint8_t *pem, size_t length,
                                struct talaria_reason *reason) {
  struct anchors anchors = {SSL_CTX_get_cert_store(context->ssl), NULL};
  if (context->side == TALARIA_SERVER) anchors.names = sk_X509_NAME_new_null();
  int result = talaria_each_certificate(pem, length, add_anchor, &anchors, reason);
  // Clients are told whose certificates are wanted.
  if (anchors.names != NULL) SSL_CTX_set_client_CA_list(context->ssl, anchors.names);
  return result < 0 ? -1 : 0;
}
