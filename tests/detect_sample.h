/* The detectors' rules as a registry would give them: complete, for tests and the benchmark. */
#pragma once

#include "policy/detect.h"

#define SAMPLE_TODAY 20261126

/* The rows; static. */
const struct detect_row *detect_sample_rows(size_t *ret_count);
/* Compiled once with the default policy, never freed. */
const struct detect_rules *detect_sample(void);
/* The number of the marker of that name, which must exist. */
size_t detect_sample_marker(struct str name);
/* What a text has, fed whole. */
struct detect_result detect_sample_look(struct str text);
