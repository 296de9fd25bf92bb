/* The table of surfaces: where each count stands, and what it is a part of. */
#pragma once

#include "meter/usage.h"
#include "meter/usage_surface.h"

/* Counts as they are reported. Those of modalities come in threes: text, sounds, pictures. */
enum usage_field {
    USAGE_FIELD_INPUT,
    USAGE_FIELD_OUTPUT,
    USAGE_FIELD_TOTAL,
    USAGE_FIELD_CACHED,
    USAGE_FIELD_CACHED_TOP, /* the same, told at the top */
    USAGE_FIELD_HIT,        /* the same, beside what was not cached */
    USAGE_FIELD_MISS,
    USAGE_FIELD_CACHED_TEXT, /* its split */
    USAGE_FIELD_CACHED_AUDIO,
    USAGE_FIELD_CACHED_IMAGE,
    USAGE_FIELD_WRITE, /* all that was written to the cache */
    USAGE_FIELD_W5M,   /* its split */
    USAGE_FIELD_W1H,
    USAGE_FIELD_W30M,
    USAGE_FIELD_W12H,
    USAGE_FIELD_IN_TEXT,
    USAGE_FIELD_IN_AUDIO,
    USAGE_FIELD_IN_IMAGE,
    USAGE_FIELD_IN_TOOL,
    USAGE_FIELD_REASON,
    USAGE_FIELD_OUT_TEXT,
    USAGE_FIELD_OUT_AUDIO,
    USAGE_FIELD_OUT_IMAGE,
    USAGE_FIELD_WEB_SEARCH, /* units, in the order of their table */
    USAGE_FIELD_WEB_FETCH,
    USAGE_FIELD_SOURCE,
    USAGE_FIELDS
};

/* Objects inside each other, the report itself first. */
enum usage_object {
    USAGE_OBJECT_REPORT,
    USAGE_OBJECT_INPUT,  /* details of the input */
    USAGE_OBJECT_CACHED, /* of what was cached */
    USAGE_OBJECT_WRITE,  /* of what was written to the cache */
    USAGE_OBJECT_OUTPUT, /* of the output */
    USAGE_OBJECT_TOOLS,
    USAGE_OBJECTS
};

enum usage_path_kind {
    USAGE_PATH_COUNT,  /* target: a field */
    USAGE_PATH_OBJECT, /* target: an object */
    USAGE_PATH_LIST    /* [{modality, tokenCount}]; target: the first of three fields */
};

struct usage_path {
    enum usage_object in;
    struct str key;
    enum usage_path_kind kind;
    unsigned target;
};

enum usage_relation {
    USAGE_SUBSET,   /* of the input's, or of the output's count */
    USAGE_ADDITION, /* to it */
    USAGE_UNSETTLED /* by call: cached is a subset if it fits, of reasoning the total tells */
};

struct usage_rule {
    const struct usage_path *paths;
    size_t path_count;
    enum usage_relation cached;
    enum usage_relation write;
    enum usage_relation reason;
    enum usage_class unsplit; /* of cache writes without a life time */
    bool must_split;          /* hit and miss, once told, add up to the input */
    bool no_total;            /* none is reported */
};

const struct usage_rule *usage_rule(enum usage_surface surface);
