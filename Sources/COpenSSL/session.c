// SPDX-License-Identifier: ISC

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "library.h"

// Of the tickets that a server gives, the last ones are kept.
enum { TICKETS_MAX = 2 };

struct talaria_session {
  // The oldest first; ours.
  SSL_SESSION *tickets[TICKETS_MAX];
  size_t tickets_count;
  SSL *ssl;
  // Both are the SSL's.
  BIO *input;
  BIO *output;
  talaria_context *context;
  struct talaria_signing signing;
  struct talaria_reason reason;
};

static int set_peer(SSL *ssl, const char *server_name, const char *verify_name) {
  if (server_name != NULL && SSL_set_tlsext_host_name(ssl, server_name) != 1) return 0;
  if (verify_name == NULL) return 1;
  // An address is looked for among the addresses of a certificate.
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), verify_name) == 1) return 1;
  ERR_clear_error();
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, verify_name) == 1;
}

talaria_session *talaria_session_new(talaria_context *context, const char *server_name,
                                     const char *verify_name) {
  talaria_session *session = calloc(1, sizeof *session);
  if (session == NULL) return NULL;
  ERR_clear_error();
  session->ssl = SSL_new(context->ssl);
  session->input = BIO_new(BIO_s_mem());
  session->output = BIO_new(BIO_s_mem());
  if (session->ssl == NULL || session->input == NULL || session->output == NULL ||
      (context->side == TALARIA_CLIENT && !set_peer(session->ssl, server_name, verify_name))) {
    BIO_free(session->input);
    BIO_free(session->output);
    SSL_free(session->ssl);
    free(session);
    return NULL;
  }
  BIO_set_mem_eof_return(session->input, -1);
  BIO_set_mem_eof_return(session->output, -1);
  SSL_set_bio(session->ssl, session->input, session->output);
  SSL_set_app_data(session->ssl, session);
  if (context->side == TALARIA_SERVER) {
    SSL_set_accept_state(session->ssl);
  } else {
    SSL_set_connect_state(session->ssl);
  }
  talaria_context_retain(context);
  session->context = context;
  return session;
}

void talaria_session_free(talaria_session *session) {
  if (session == NULL) return;
  // A job that is paused holds on to the session until it runs to its end.
  for (int turn = 0; turn < 8 && session->signing.state == TALARIA_SIGNING_ASKED; turn++) {
    session->signing.state = TALARIA_SIGNING_REFUSED;
    talaria_session_handshake(session);
  }
  // A connection that ended without a word takes its tickets with it, unless both sides seem to have said
  // one. What a fatal alert spoiled stays spoiled.
  if (SSL_is_init_finished(session->ssl)) {
    SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  SSL_free(session->ssl);
  for (size_t index = 0; index < session->tickets_count; index++) SSL_SESSION_free(session->tickets[index]);
  talaria_context_free(session->context);
  free(session);
}

// MARK: Tickets

int talaria_keep_ticket(SSL *ssl, SSL_SESSION *fresh) {
  talaria_session *session = SSL_get_app_data(ssl);
  if (session == NULL || !SSL_SESSION_is_resumable(fresh)) return 0;
  if (session->tickets_count == TICKETS_MAX) {
    SSL_SESSION_free(session->tickets[0]);
    session->tickets_count--;
    memmove(session->tickets, session->tickets + 1, session->tickets_count * sizeof session->tickets[0]);
  }
  session->tickets[session->tickets_count++] = fresh;
  return 1;
}

talaria_ticket *talaria_session_ticket(talaria_session *session) {
  if (session->tickets_count == 0) return NULL;
  return (talaria_ticket *)session->tickets[--session->tickets_count];
}

void talaria_ticket_free(talaria_ticket *ticket) { SSL_SESSION_free((SSL_SESSION *)ticket); }

int talaria_ticket_is_for_once(const talaria_ticket *ticket) {
  return SSL_SESSION_get_protocol_version((const SSL_SESSION *)ticket) >= TLS1_3_VERSION;
}

int talaria_session_resume(talaria_session *session, const talaria_ticket *ticket) {
  SSL_SESSION *old = (SSL_SESSION *)ticket;
  if (!SSL_SESSION_is_resumable(old)) return -1;
  int ok = SSL_set_session(session->ssl, old) == 1;
  ERR_clear_error();
  return ok ? 0 : -1;
}

// MARK: Bytes

int talaria_session_feed(talaria_session *session, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    int part = length > 1 << 20 ? 1 << 20 : (int)length;
    if (BIO_write(session->input, bytes, part) != part) return -1;
    bytes += part;
    length -= (size_t)part;
  }
  return 0;
}

size_t talaria_session_pending(const talaria_session *session) { return BIO_ctrl_pending(session->output); }

size_t talaria_session_drain(talaria_session *session, uint8_t *bytes, size_t room) {
  if (room > 1 << 30) room = 1 << 30;
  int count = BIO_read(session->output, bytes, (int)room);
  return count > 0 ? (size_t)count : 0;
}

// What went wrong, a certificate's fault in its own words.
static void note_failure(talaria_session *session) {
  long verdict = SSL_get_verify_result(session->ssl);
  unsigned long code = ERR_peek_error();
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
      verdict != X509_V_OK) {
    snprintf(session->reason.text, sizeof session->reason.text, "certificate verify failed: %s",
             X509_verify_cert_error_string(verdict));
    ERR_clear_error();
    return;
  }
  const char *text = code == 0 ? NULL : ERR_reason_error_string(code);
  talaria_say(&session->reason, text == NULL ? "the peer closed the connection" : text);
  ERR_clear_error();
}

int talaria_session_handshake(talaria_session *session) {
  ERR_clear_error();
  talaria_signing_now = &session->signing;
  int result = SSL_do_handshake(session->ssl);
  talaria_signing_now = NULL;
  if (result == 1) {
    // Nothing is signed from here on, and records need no job.
    SSL_clear_mode(session->ssl, SSL_MODE_ASYNC);
    return TALARIA_STEP_DONE;
  }
  switch (SSL_get_error(session->ssl, result)) {
  case SSL_ERROR_WANT_READ: return TALARIA_STEP_INPUT;
  case SSL_ERROR_WANT_ASYNC: return TALARIA_STEP_SIGNATURE;
  default: note_failure(session); return TALARIA_STEP_FAILED;
  }
}

void talaria_session_request(const talaria_session *session, struct talaria_request *request) {
  memset(request, 0, sizeof *request);
  if (session->signing.state != TALARIA_SIGNING_ASKED) return;
  memcpy(request->key, session->signing.key, sizeof request->key);
  request->algorithm = session->signing.algorithm;
  memcpy(request->input, session->signing.input, session->signing.input_length);
  request->length = session->signing.input_length;
}

void talaria_session_signed(talaria_session *session, const uint8_t *signature, size_t length) {
  struct talaria_signing *signing = &session->signing;
  if (signing->state != TALARIA_SIGNING_ASKED) return;
  if (length == 0 || length > sizeof signing->signature) {
    signing->state = TALARIA_SIGNING_REFUSED;
    return;
  }
  memcpy(signing->signature, signature, length);
  signing->signature_length = length;
  signing->state = TALARIA_SIGNING_DONE;
}

long talaria_session_read(talaria_session *session, uint8_t *bytes, size_t room) {
  ERR_clear_error();
  size_t count = 0;
  if (SSL_read_ex(session->ssl, bytes, room, &count) == 1) return (long)count;
  switch (SSL_get_error(session->ssl, 0)) {
  case SSL_ERROR_WANT_READ: return TALARIA_READ_NOTHING;
  case SSL_ERROR_ZERO_RETURN: return TALARIA_READ_CLOSED;
  default: note_failure(session); return TALARIA_READ_FAILED;
  }
}

int talaria_session_write(talaria_session *session, const uint8_t *bytes, size_t length) {
  if (length == 0) return 0;
  ERR_clear_error();
  size_t done = 0;
  if (SSL_write_ex(session->ssl, bytes, length, &done) == 1 && done == length) return 0;
  note_failure(session);
  return -1;
}

void talaria_session_close(talaria_session *session) {
  ERR_clear_error();
  if (SSL_is_init_finished(session->ssl)) (void)SSL_shutdown(session->ssl);
  ERR_clear_error();
}

void talaria_session_facts(const talaria_session *session, struct talaria_facts *facts) {
  memset(facts, 0, sizeof *facts);
  snprintf(facts->version, sizeof facts->version, "%s", SSL_get_version(session->ssl));
  snprintf(facts->cipher, sizeof facts->cipher, "%s", SSL_get_cipher_name(session->ssl));
  facts->bits = SSL_get_cipher_bits(session->ssl, NULL);
  facts->is_resumed = SSL_session_reused(session->ssl);
  X509 *certificate = SSL_get0_peer_certificate(session->ssl);
  if (certificate == NULL) return;
  long verdict = SSL_get_verify_result(session->ssl);
  facts->has_certificate = 1;
  facts->is_verified = verdict == X509_V_OK;
  if (verdict != X509_V_OK) talaria_say(&facts->verification, X509_verify_cert_error_string(verdict));
  EVP_MD *digest = EVP_MD_fetch(talaria_library(), "SHA256", NULL);
  unsigned int size = sizeof facts->fingerprint;
  if (digest != NULL) (void)X509_digest(certificate, digest, facts->fingerprint, &size);
  EVP_MD_free(digest);
}

void talaria_session_reason(const talaria_session *session, struct talaria_reason *reason) {
  *reason = session->reason;
}
