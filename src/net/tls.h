/*
 * TLS contexts: what a side of TLS 1.2 or 1.3 needs to know, read from files once and shared by
 * all threads. OpenSSL ends in tls.c: its error queue is emptied into `struct fail` there.
 *
 * A context may be destroyed while streams made from it are open: they keep what they need.
 */
#pragma once

#include "base/str.h"

struct tls_context;

#define TLS_PIN_BYTES 32 /* SHA-256 */

/* `cert_path`: PEM, the leaf first, then the chain. `key_path`: PEM. Speaks http/1.1 (ALPN). */
EP_MUST_CHECK enum err tls_server_create(const char *cert_path, const char *key_path,
                                         struct tls_context **ret_tls, struct fail *fail);
/* Trusts the roots of the PEM bundle `ca_path`, or those of the system if it is NULL. The peer's
 * chain and its name are always verified. */
EP_MUST_CHECK enum err tls_client_create(const char *ca_path, struct tls_context **ret_tls,
                                         struct fail *fail);
/* NULL is allowed. */
void tls_context_destroy(struct tls_context *tls);
/* Differs between any two contexts of the process: two with one id trust the same. */
uint64_t tls_context_id(const struct tls_context *tls);
