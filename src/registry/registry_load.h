/*
 * Reading a registry from its files: every fault at once, with its place, a rule code that stays
 * the same over the versions, and what to do about it.
 */
#pragma once

#include "base/payment.h"
#include "registry/registry.h"

#define REGISTRY_FAULTS_MAX 1000 /* further ones are counted, not kept */

/* code, remedy */
#define REGISTRY_RULE_TABLE(X)                                                                  \
    X(REG_FILE, "make the file readable, and keep only known files in the folder")              \
    X(REG_SYNTAX, "write plain YAML: no anchors, no tags, no repeated keys")                    \
    X(REG_UNKNOWN_KEY, "remove the key or mend its spelling")                                   \
    X(REG_MISSING_FIELD, "add the field")                                                       \
    X(REG_BAD_VALUE, "write a value that is allowed")                                           \
    X(REG_DUPLICATE_ID, "give each object an id of its own")                                    \
    X(REG_UNKNOWN_REF, "name an object that exists, or add it")                                 \
    X(REG_LIMIT, "split or shorten the list")                                                   \
    X(CREDENTIAL_PROVENANCE, "get a credential under a contract; this class is never used")     \
    X(CHAIN_TWO_PARENTS, "name the one grant that this one rests on")                           \
    X(CRED_MISMATCH, "take a credential of this upstream party and host")                       \
    X(TOKENIZER_MISSING,                                                                        \
      "install the vocabulary (make vocab, or tools/vocab --import), or count by "              \
      "another with token_count: estimate")                                                     \
    X(TEMPLATE_UNKNOWN, "name a chat template that is known, or none for the vocabulary's own") \
    X(PRICE_MISSING, "add the price to the price book; unknown means not for sale")             \
    X(PRICE_CURRENCY, "use one currency for what is compared or paid together")                 \
    X(PLAN_UNITS, "let units be at most the price times the unit's per_currency_unit")          \
    X(PLAN_TERM, "let paid credit live for 365 days or more, or for ever (0)")                  \
    X(TOKEN_PAYMENT_METHOD, "name " PAYMENT_METHODS "; no cash, nothing on a chain")

#define REGISTRY_RULE_AS_ENUM(name, remedy) REGISTRY_RULE_##name,
enum registry_rule {
    REGISTRY_RULE_TABLE(REGISTRY_RULE_AS_ENUM) REGISTRY_RULE_COUNT
};
#undef REGISTRY_RULE_AS_ENUM

const char *registry_rule_code(enum registry_rule rule);   /* "REG_UNKNOWN_KEY" */
const char *registry_rule_remedy(enum registry_rule rule); /* a sentence without its stop */

struct registry_fault {
    char file[64];
    uint32_t line; /* 0: the whole file */
    uint32_t column;
    enum registry_rule rule;
    char text[256];
};

struct registry_report {
    /* What models may name; NULL: not looked at. */
    const struct registry_texts *vocabularies;
    struct str vocabulary_folder; /* for the sentence: where they were looked for */
    const struct registry_texts *templates;
    struct registry_fault *faults; /* by file, line, column */
    size_t count;
    size_t dropped; /* beyond REGISTRY_FAULTS_MAX */
    bool out_of_memory;
};

void registry_report_init(struct registry_report *report);
void registry_report_fini(struct registry_report *report);
/* "routes.yaml:3:5: REG_UNKNOWN_REF: ... (remedy)" a line each. */
EP_MUST_CHECK enum err registry_report_print(const struct registry_report *report, struct buf *out);

/* One file of a registry, already in memory. */
struct registry_file {
    struct str name; /* "models.yaml" */
    struct str text;
};

/* With one reference. ERR_REGISTRY_INVALID: see the report. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err registry_load(const char *path, struct registry **ret_registry,
                                     struct registry_report *report);
EP_MUST_CHECK enum err registry_parse(const struct registry_file *files, size_t count,
                                      struct registry **ret_registry,
                                      struct registry_report *report);
