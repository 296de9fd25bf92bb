/*
 * The configuration file: one schema table (conf/schema.def), a parser that reports all faults at
 * once, and the immutable result. Printing it and its manual come from the same table.
 *
 * Paths in the file are relative to the file's folder and come out resolved; an empty path means
 * "none". Secrets are references ("env:NAME", "file:PATH"), never values. Nobody but `app` reads
 * this: it fills the options of each room.
 *
 * Threads: a struct conf does not change; any number may read it.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define CONF_FAULTS_MAX 100               /* further ones are counted, not kept */
#define CONF_BYTES_MAX  ((size_t)1 << 20) /* ours is 2 KiB */

struct conf_list {
    const struct str *items;
    size_t count;
};

struct conf_address {
    struct str text; /* "127.0.0.1:8081", "[::1]:80" */
    struct str host; /* without brackets */
    uint16_t port;   /* 0: the system chooses */
};

/* A further public listener, by the name of the link that it ends. */
struct conf_link {
    struct conf_address address;
    struct str link;
    bool proxy_protocol;
};

#define CONF_LINK_DEFAULT "default" /* of listen.public */

struct conf_links {
    const struct conf_link *items;
    size_t count;
};

enum conf_hold_gate {
    CONF_HOLD_OVERLAP,
    CONF_HOLD_BEFORE,
    CONF_HOLD_RELAXED
};

/* The C type of each type name in the table. */
#define CONF_FIELD_TEXT     struct str
#define CONF_FIELD_PATH     struct str
#define CONF_FIELD_PATHS    struct conf_list
#define CONF_FIELD_STORE    struct str       /* "sqlite:" and the resolved path, or a URL */
#define CONF_FIELD_SECRET   struct str       /* "env:NAME", or "file:" and the resolved path */
#define CONF_FIELD_CIDRS    struct conf_list /* as ip_block_parse() takes them */
#define CONF_FIELD_ADDRESS  struct conf_address
#define CONF_FIELD_LINKS    struct conf_links
#define CONF_FIELD_NUMBER   uint64_t
#define CONF_FIELD_AUTO     uint64_t /* 0: "auto" */
#define CONF_FIELD_MONEY    int64_t  /* nano units; 0: none */
#define CONF_FIELD_HOLDGATE enum conf_hold_gate

/* listen.public is `listen_public`, limits.body_bytes is `limits_body_bytes`, ... */
struct conf {
#define CONF(field, key, type, unit, min, max, standard, reload, text) CONF_FIELD_##type field;
#include "conf/schema.def"
#undef CONF
    struct arena arena; /* what the fields point into */
};

struct conf_fault {
    uint32_t line; /* 0: the whole file */
    uint32_t column;
    char key[96];   /* "" when there is none */
    char text[256]; /* what is wrong and what is allowed */
};

struct conf_report {
    struct conf_fault *faults; /* in the order of the file */
    size_t count;
    size_t dropped; /* beyond CONF_FAULTS_MAX */
    char file[256];
    bool out_of_memory;
};

void conf_report_init(struct conf_report *report);
void conf_report_fini(struct conf_report *report);
/* "entrepot.yaml:3:9: limits.body_bytes: ..." a line each. */
EP_MUST_CHECK enum err conf_report_print(const struct conf_report *report, struct buf *out);

/* ERR_CONF_INVALID with at least one fault in `report` (also: could not be read); ERR_NO_MEMORY. */
EP_MUST_CHECK enum err conf_load(const char *path, struct conf **ret_conf,
                                 struct conf_report *report);
/* As above from a text; `folder` is what relative paths are relative to ("" leaves them). */
EP_MUST_CHECK enum err conf_parse(struct str text, struct str folder, struct conf **ret_conf,
                                  struct conf_report *report);
void conf_destroy(struct conf *conf); /* NULL is allowed */

/* The effective configuration as a file that conf_parse() reads back to the same. */
EP_MUST_CHECK enum err conf_print(const struct conf *conf, struct buf *out);
/* Appends the keys, one a line, that differ and need a restart; their number is returned. */
EP_MUST_CHECK enum err conf_frozen_changes(const struct conf *old, const struct conf *fresh,
                                           struct buf *out, size_t *ret_count);
/* docs/configuration.md. */
EP_MUST_CHECK enum err conf_write_docs(struct buf *out);
