/* A table of character classes for tests: the characters that they use and their neighbours, as
 * Unicode 16 has them; all others have no class. */
#pragma once

#include "meter/unicode.h"

const struct unicode_table *classes_table(void);
