/* What a product says of toys that are spoken with. */
#pragma once

#include "registry/registry_party.h"

struct registry_model;

/* A question in speech is heard by one model, thought about by another and answered by a third: a
 * call each. All NULL: nobody speaks with this product. */
struct registry_voice {
    const struct registry_model *hear;  /* speech to text */
    const struct registry_model *think; /* chat */
    const struct registry_model *speak; /* text to speech */
    struct str voice;                   /* of `speak`, as its source names it */
    struct str language;                /* of those who speak; empty: `hear` finds out */
    struct str instructions;            /* how to speak; empty: gate's own (docs/voice.md) */
};
