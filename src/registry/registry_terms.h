/* The terms of a product: how it is sold, and who bears what. */
#pragma once

enum registry_mode {
    REGISTRY_MODE_DIRECT,
    REGISTRY_MODE_AGGREGATE,
    REGISTRY_MODE_ZONE
};

/* What a client pays of an answer that it left, and that its upstream bills to the end anyway. */
enum registry_abandoned {
    REGISTRY_ABANDONED_DELIVERED, /* what it got; the rest is the operator's cost */
    REGISTRY_ABANDONED_GENERATED  /* all of it */
};

/* What becomes of a call of a zone product with strong signs of mainland personal data. */
enum registry_content_policy {
    REGISTRY_CONTENT_REFUSE_STRONG,
    REGISTRY_CONTENT_FLAG /* it is counted and goes on */
};
