/*
 * Ed25519 signatures (RFC 8032). Keys are files: 32 bytes of seed in base64, mode 0600.
 * Threads: any; a key is immutable once made.
 */
#pragma once

#include "crypto/digest.h"
#include "crypto/secret.h"

#define SIGN_SEED_BYTES   32
#define SIGN_PUBLIC_BYTES 32
#define SIGN_BYTES        64

struct sign_key; /* private */

EP_MUST_CHECK enum err sign_key_from_seed(const unsigned char seed[SIGN_SEED_BYTES],
                                          struct sign_key **ret_key, struct fail *fail);
/* Makes a fresh seed and writes the file; never over a file that is there. */
EP_MUST_CHECK enum err sign_key_create_file(const char *path, struct fail *fail);
/* From a resolved secret: the base64 text of the seed. */
EP_MUST_CHECK enum err sign_key_load(const struct secret *secret, struct sign_key **ret_key,
                                     struct fail *fail);
void sign_key_destroy(struct sign_key *key); /* NULL is allowed */
void sign_public(const struct sign_key *key, unsigned char ret_public[SIGN_PUBLIC_BYTES]);
EP_MUST_CHECK enum err sign_make(const struct sign_key *key, struct str text,
                                 unsigned char ret_signature[SIGN_BYTES]);
/* Whether it is no key at all, but a value under which anybody can sign. */
bool sign_public_is_weak(const unsigned char public_key[SIGN_PUBLIC_BYTES]);
/* False under a weak key, too. */
bool sign_check(const unsigned char public_key[SIGN_PUBLIC_BYTES], struct str text,
                const unsigned char signature[SIGN_BYTES]);
