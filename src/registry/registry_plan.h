/* What a product says of the sale of its credit: plans, who may buy how much, who pays how. */
#pragma once

#include "base/str.h"

enum registry_yes {
    REGISTRY_NO,
    REGISTRY_YES
};

struct registry_plan {
    struct str id;
    int64_t price_nano; /* > 0 */
    struct str currency;
    uint64_t units;
    uint64_t expires_days;       /* 0: never; else at least REGISTRY_TERM_DAYS_MIN */
    uint64_t refund_hours;       /* in which the unused part is given back for the asking */
    enum registry_yes withdrawn; /* what was bought of it stays good */
};

#define REGISTRY_TERM_DAYS_MIN 365 /* twelve months: paid credit lives no shorter */

struct registry_unit {
    struct str name;
    uint64_t per_currency_unit; /* 10000: a currency unit shows as 10,000 of them */
};

/* What clients have agreed to: each purchase names it. */
struct registry_terms {
    struct str name; /* empty: the product has none */
    struct str version;
    struct str sha256; /* of the document, 64 digits */
};

/* What a client may buy within 24 hours. */
struct registry_velocity {
    uint64_t purchases; /* 0: no limit */
    int64_t amount;     /* nano, paid; 0: no limit */
};

/* By what is known of the client; a level that the file leaves out has the limits below it. */
struct registry_limits {
    struct registry_velocity none;
    struct registry_velocity basic;
    struct registry_velocity full;
};
