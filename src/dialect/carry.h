/*
 * What a client has to bring back unchanged in its next request, although no server keeps it: ids
 * of tool calls and signatures of reasoning. Pure, deterministic, reversible: nothing random, so
 * that a prompt's beginning is the same each turn and caches match it.
 *
 * An id that the target's alphabet takes goes as it is; any other as "ep_" and base32 of its bytes.
 * A signature that goes to a client of another dialect is marked with where it came from, because
 * no other vendor can read it: "ep_sig.anthropic." before it. A tool's namespace goes before its
 * name, with "__ep__" between. All are texts (dialect/event.h).
 */
#pragma once

#include "dialect/event.h"
#include "dialect/text.h"

#define CARRY_NAME_MAX 64  /* OpenAI and Anthropic take no longer names of tools */
#define CARRY_ID_MAX   256 /* bytes of an id; vendors' have up to 64, ours of those 106 */

/* Writes an id so that a client or upstream of `target` takes it, without quotes. */
void carry_id_write(struct put *put, enum dialect target, struct str id);
/* The id that carry_id_write() was given; decoded into `arena` where it must be. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err carry_id_read(struct str id, struct arena *arena, struct str *ret_id);
/* Takes the mark off a signature: *ret_source is where it is from, `dialect` where it has none. */
struct str carry_sig_read(struct str signature, enum dialect dialect, enum dialect *ret_source);
/* A tool of a namespace (Responses) has a name of both where there are none. ERR_ASK_INVALID: it is
 * longer than any upstream takes. */
EP_MUST_CHECK enum err carry_name_join(struct str space, struct str name, struct arena *arena,
                                       struct str *ret_name);
/* Takes the two apart; *ret_space is empty where the name has none. */
struct str carry_name_split(struct str name, struct str *ret_space);
/* Whether a thought that nobody signed is to come back all the same, so that it must be marked for
 * a client of another dialect: some upstreams of Chat want it on turns with calls. */
bool carry_must_mark(enum dialect source, enum dialect client);
/* The mark of signatures of that source for a client of another dialect; empty for its own. */
struct str carry_sig_mark(enum dialect source, enum dialect client);
