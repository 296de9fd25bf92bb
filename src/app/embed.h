/* Files of the repository that the program carries: the example registries, and the description of
 * its API. The tables are written at build time by cmake/embed.cmake. */
#pragma once

#include <stddef.h>

struct embed_file {
    const char *name; /* "models.yaml", "documents/online-terms.txt" */
    const unsigned char *bytes;
    size_t len;
};

extern const struct embed_file embed_registry[];
extern const size_t embed_registry_count;
/* Of a zone product: takes the place of files of the same name, and of all documents. */
extern const struct embed_file embed_registry_zone[];
extern const size_t embed_registry_zone_count;
extern const struct embed_file embed_schema[]; /* "openapi.json" alone */
extern const size_t embed_schema_count;
