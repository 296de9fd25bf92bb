/*
 * Where this program's shared files are: beside the build folder of a checkout, or where an
 * installation has them.
 */
#pragma once

#include "base/str.h"

#define SHARE_PATH_MAX 4096
#define SHARE_GEO_A    "country-a.mmdb"
#define SHARE_GEO_B    "country-b.mmdb"

/* The folder of vocabularies, an absolute path, NUL-terminated. False: there is none. */
bool share_vocabularies(char path[SHARE_PATH_MAX]);
/* The folder of the page that verifies receipts, likewise. */
bool share_verify(char path[SHARE_PATH_MAX]);
/* The folder of the example country databases (docs/origin.md), likewise; both are in it. */
bool share_geo(char path[SHARE_PATH_MAX]);
