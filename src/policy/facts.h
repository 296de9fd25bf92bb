/*
 * Facts of a call as JSON, as receipts keep them, so that a past call can be judged again: ids name
 * objects of the registry in force then, what is absent or zero is left out. tests/law/README.md
 * has the form. Pure but for memory.
 */
#pragma once

#include "base/arena.h"
#include "policy/policy.h"

#define POLICY_FACTS_MAX 16384 /* bytes: a dozen short members, and the counters of a few objects */

/* Keys in order, no spaces. */
EP_MUST_CHECK enum err policy_facts_write(const struct policy_facts *facts,
                                          const struct registry *registry, struct buf *out);
/* What is pointed at lives in `arena`, `registry` and `text`. ERR_JSON_SYNTAX, ERR_NO_MEMORY;
 * ERR_ASK_INVALID with the member: not readable, or no such object in the registry. */
EP_MUST_CHECK enum err policy_facts_read(struct str text, const struct registry *registry,
                                         struct arena *arena, struct policy_facts *ret_facts,
                                         struct fail *fail);
/* The outcome in one line, as receipts keep it beside the facts: "allow ROUTE ROUTE", or "refuse
 * CODE" with the reason that is told. */
EP_MUST_CHECK enum err policy_print_law(const struct policy_verdict *verdict, struct buf *out);
/* A chain as receipts name it by its SHA-256: a line for each edge and for the agreement,
 * "ID@VERSION" and its document's sum. */
EP_MUST_CHECK enum err policy_print_chain(const struct policy_chain *chain, struct buf *out);
/* "health", as files and counters name it. */
const char *policy_us_category(enum registry_us_category category);
/* "developer": 1 + enum registry_client_type; 0: there is no such kind. */
unsigned policy_client_type(struct str word);
