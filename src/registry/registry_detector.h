/* What content detectors look for: the data beside their checks, as dated rows. */
#pragma once

#include "registry/registry_grant.h"

/* In the order of enum detect_class, and 1 more; 0: a marker's row. */
enum registry_detector_class {
    REGISTRY_DETECTOR_MARKER,
    REGISTRY_DETECTOR_RESIDENT_ID,
    REGISTRY_DETECTOR_MOBILE,
    REGISTRY_DETECTOR_BANK_CARD,
    REGISTRY_DETECTOR_PASSPORT,
    REGISTRY_DETECTOR_HKMO_PERMIT,
    REGISTRY_DETECTOR_USCC,
    REGISTRY_DETECTOR_PLATE
};

/* In the order of enum detect_kind: policy/detect.h says what the values of each are. */
enum registry_detector_kind {
    REGISTRY_DETECTOR_PROVINCE,
    REGISTRY_DETECTOR_PREFIX,
    REGISTRY_DETECTOR_KEYWORD,
    REGISTRY_DETECTOR_TERM,
    REGISTRY_DETECTOR_LEVEL,
    REGISTRY_DETECTOR_BOUND
};

enum registry_detector_strength {
    REGISTRY_DETECTOR_WEAK,
    REGISTRY_DETECTOR_STRONG
};

struct registry_detector {
    struct str id;
    enum registry_detector_class class;
    struct str marker; /* of a marker's row: the name under which it is reported */
    enum registry_detector_kind kind;
    struct registry_texts values;
    uint64_t window; /* characters between a keyword and its number; 0: no keyword */
    uint64_t min;    /* of a marker: so many different ones make it */
    enum registry_detector_strength strength;
    int64_t valid_from;
    int64_t valid_until;
    struct str source;
};
