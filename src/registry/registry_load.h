/*
 * Reading a registry from its files: every fault at once, with its place, a rule code that stays
 * the same over the versions, and what to do about it.
 */
#pragma once

#include "base/payment.h"
#include "registry/registry.h"

#define REGISTRY_FAULTS_MAX 1000 /* further ones are counted, not kept */

/* When a rule that is broken refuses the registry. */
enum registry_weight {
    REGISTRY_ALWAYS,
    REGISTRY_LAW,   /* but of a draft, which is given all the same: a warning there */
    REGISTRY_ADVICE /* never: always a warning */
};

/* code, weight, remedy */
#define REGISTRY_RULE_TABLE(X)                                                                 \
    X(REG_FILE, ALWAYS, "make the file readable, and keep only known files in the folder")     \
    X(REG_SYNTAX, ALWAYS, "write plain YAML: no anchors, no tags, no repeated keys")           \
    X(REG_UNKNOWN_KEY, ALWAYS, "remove the key or mend its spelling")                          \
    X(REG_MISSING_FIELD, ALWAYS, "add the field")                                              \
    X(REG_BAD_VALUE, ALWAYS, "write a value that is allowed")                                  \
    X(REG_DUPLICATE_ID, ALWAYS, "give each object an id of its own")                           \
    X(REG_UNKNOWN_REF, ALWAYS, "name an object that exists, or add it")                        \
    X(REG_LIMIT, ALWAYS, "split or shorten the list")                                          \
    X(REG_UNSIGNED, ALWAYS,                                                                    \
      "let two persons of the version in force sign it: entrepot registry sign")               \
    X(REG_SIGNER, ALWAYS,                                                                      \
      "let a person of the version in force sign it anew: entrepot registry sign")             \
    X(REG_WINDOW, ALWAYS, "let each window end after it begins, and each notice run in full")  \
    X(CRED_MISMATCH, ALWAYS, "take a credential of this upstream party and host")              \
    X(TOKENIZER_MISSING, ALWAYS,                                                               \
      "install the vocabulary (make vocab, or tools/vocab --import), or count by "             \
      "another with token_count: estimate")                                                    \
    X(TEMPLATE_UNKNOWN, ALWAYS,                                                                \
      "name a chat template that is known, or none for the vocabulary's own")                  \
    X(PRICE_MISSING, ALWAYS, "add the price to the price book; unknown means not for sale")    \
    X(PRICE_CURRENCY, ALWAYS, "use one currency for what is compared or paid together")        \
    X(PLAN_UNITS, ALWAYS, "let units be at most the price times the unit's per_currency_unit") \
    X(PLAN_TERM, ALWAYS, "let paid credit live for 365 days or more, or for ever (0)")         \
    X(TOKEN_PAYMENT_METHOD, ALWAYS, "name " PAYMENT_METHODS "; no cash, nothing on a chain")   \
    X(CREDENTIAL_PROVENANCE, ALWAYS,                                                           \
      "get a credential under a contract; this class is never used")                           \
    X(PARTY_REG_NO, ALWAYS,                                                                    \
      "write the number as it stands in the register: its check digit must hold")              \
    X(OWNERS_OVER, ALWAYS, "let shares add up to at most 100 percent, and nobody own itself")  \
    X(CHAIN_NOT_WRITTEN, LAW,                                                                  \
      "get it in writing and signed: a message, a click or a word closes no chain")            \
    X(CHAIN_DOC_MISSING, LAW,                                                                  \
      "put the document under documents/ and name it with its SHA-256 sum")                    \
    X(CHAIN_DOC_HASH, LAW,                                                                     \
      "put back the document that was signed, or enter the new one as a new version")          \
    X(CHAIN_SIGNATURE, LAW,                                                                    \
      "have it signed by a key of the grantor that was valid when it was entered")             \
    X(CHAIN_GAP, LAW,                                                                          \
      "name as parent the grant by which the grantor got what it gives, or enter that one")    \
    X(CHAIN_NO_ROOT, LAW,                                                                      \
      "begin at the model's vendor, or at a licence that permits commercial service")          \
    X(CHAIN_CYCLE, LAW, "let each chain begin at a root: no grant rests on itself")            \
    X(CHAIN_TWO_PARENTS, LAW, "name the one grant that it rests on, and end the other first")  \
    X(CHAIN_DEPTH, LAW, "get a depth from above that leaves room for this grant")              \
    X(CHAIN_WIDENED, LAW, "narrow the grant to what its parent gives")                         \
    X(FOUR_EYES, LAW, "have one person enter it and another one review it")                    \
    X(CREDENTIAL_HOLDER, LAW, "hold the account in the name of a product's seller")            \
    X(CREDENTIAL_POOL, LAW, "use one holder, and no more keys than the contract gives")        \
    X(CREDENTIAL_GRANT, LAW,                                                                   \
      "name a grant of this upstream to the holder of the account, or none")                   \
    X(CREDENTIAL_PROCUREMENT, LAW,                                                             \
      "name a contract between this upstream and the holder of the account")                   \
    X(ENDPOINT_UNOFFICIAL, LAW, "call a host that the upstream party lists in official_hosts") \
    X(MODEL_ALIAS, LAW, "sell each model under names that no other model has")                 \
    X(SCOPE_FALSE_OFFICIAL, LAW,                                                               \
      "let the vendor or its affiliate sell it, or say that it is an aggregate")               \
    X(ZONE_MIX_SOURCE, LAW,                                                                    \
      "take it off the route, or tag it overseas if that is where it comes from")              \
    X(ZONE_SHARED, ADVICE, "separate it: until then the zone serves nothing")                  \
    X(DOC_MISSING, ADVICE,                                                                     \
      "put the document under documents/: what it is to prove does not count")                 \
    X(DOC_CHANGED, ADVICE,                                                                     \
      "put back the document with this sum: what it is to prove does not count")

#define REGISTRY_RULE_AS_ENUM(name, weight, remedy) REGISTRY_RULE_##name,
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
    bool warning; /* it does not refuse the registry */
    char text[256];
};

struct registry_report {
    /* What models may name; NULL: not looked at. */
    const struct registry_texts *vocabularies;
    struct str vocabulary_folder; /* for the sentence: where they were looked for */
    const struct registry_texts *templates;
    bool draft;                    /* faults of the law are warnings: the registry is only shown */
    struct registry_fault *faults; /* by file, line, column; warnings among them */
    size_t count;
    size_t refusals; /* those that are no warnings, dropped ones included */
    size_t dropped;  /* beyond REGISTRY_FAULTS_MAX */
    bool out_of_memory;
};

void registry_report_init(struct registry_report *report);
void registry_report_fini(struct registry_report *report);
/* A fault of a whole file. */
void registry_report_note(struct registry_report *report, struct str file, enum registry_rule rule,
                          struct str text);
/* "routes.yaml:3:5: REG_UNKNOWN_REF: ... (remedy)" a line each; "... warning: ZONE_SHARED: ...". */
EP_MUST_CHECK enum err registry_report_print(const struct registry_report *report, struct buf *out);

#define REGISTRY_YAML_MAX ((size_t)96 << 20) /* all YAML files; 10,000 grants are 8 MiB of it */

/* Of files under documents/, those that objects name are read, one after the other. */
#define REGISTRY_DOCUMENTS_MAX 16384 /* one each of 10,000 grants, and others */
#define REGISTRY_DOCUMENT_BYTES_MAX \
    ((size_t)32 << 20) /* a scanned contract of 100 pages is 20 MiB */

/* One file of a registry, already in memory. */
struct registry_file {
    struct str name; /* "models.yaml", "documents/letter.pdf" */
    struct str text;
};

/* With one reference. The report may hold warnings also of what is taken. ERR_REGISTRY_INVALID: see
 * the report. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err registry_load(const char *path, struct registry **ret_registry,
                                     struct registry_report *report);
EP_MUST_CHECK enum err registry_parse(const struct registry_file *files, size_t count,
                                      struct registry **ret_registry,
                                      struct registry_report *report);

/* A document that is not at hand, by the sum that it has. */
struct registry_sum {
    struct str name; /* "documents/letter.pdf" */
    struct digest sum;
};

/* As registry_parse(), with the documents' sums in place of them. */
EP_MUST_CHECK enum err registry_parse_sums(const struct registry_file *files, size_t count,
                                           const struct registry_sum *sums, size_t sum_count,
                                           struct registry **ret_registry,
                                           struct registry_report *report);
