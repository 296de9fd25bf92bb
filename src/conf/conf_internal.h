/* The schema as rows, for the files of this room. */
#pragma once

#include "conf/conf.h"
#include "wire/yaml.h"

enum conf_type {
    CONF_TYPE_TEXT,
    CONF_TYPE_PATH,
    CONF_TYPE_PATHS,
    CONF_TYPE_STORE,
    CONF_TYPE_SECRET,
    CONF_TYPE_CIDRS,
    CONF_TYPE_ADDRESS,
    CONF_TYPE_LINKS,
    CONF_TYPE_NUMBER,
    CONF_TYPE_AUTO,
    CONF_TYPE_MONEY,
    CONF_TYPE_HOLDGATE
};

struct conf_row {
    struct str key;
    struct str unit; /* of a number, or the choices with '|' between them */
    struct str standard;
    const char *text;
    uint64_t min;
    uint64_t max;
    size_t offset; /* of the field in struct conf */
    enum conf_type type;
    bool reload;
};

#define CONF_ROWS_MAX 96

extern const struct conf_row conf_rows[];
extern const size_t conf_rows_count;

/* The field of a row. */
static inline const void *conf_field(const struct conf *conf, const struct conf_row *row)
{
    return (const char *)conf + row->offset;
}

bool conf_type_is_list(enum conf_type type);
/* What the row allows, as a phrase: "a number from 1 to 1024, or auto". */
EP_MUST_CHECK enum err conf_allowed(const struct conf_row *row, struct buf *out);

/* Keeps a fault; when there is no memory for it, says so in the report. */
void conf_report_add(struct conf_report *report, struct yaml_place place, struct str key,
                     const char *format, ...) EP_PRINTF(4, 5);
void conf_report_sort(struct conf_report *report);

/* What values are read with. */
struct conf_reader {
    struct conf *conf;
    struct conf_report *report;
    struct str folder;
    enum err err; /* ERR_NO_MEMORY sticks */
    bool seen[CONF_ROWS_MAX];
};

/* Reads one value into its field, or adds a fault. `node` is never NULL. */
void conf_read_value(struct conf_reader *reader, const struct conf_row *row,
                     const struct yaml_node *node);
/* A copy that lives as long as the configuration. False: no memory (reader->err). */
bool conf_copy(struct conf_reader *reader, struct str text, struct str *ret_copy);
/* "IP:PORT", with brackets around an IPv6 literal. False: it is none, or there is no memory. */
bool conf_read_address(struct conf_reader *reader, struct str text, struct conf_address *ret_value);
/* conf_links.c: as conf_read_value(), for a row of links. */
void conf_read_links(struct conf_reader *reader, const struct conf_row *row,
                     const struct yaml_node *node);
EP_MUST_CHECK enum err conf_print_links(const struct conf_links *links, struct buf *out);
/* What links and the other listeners must fulfil together. */
void conf_check_links(struct conf_reader *reader);
