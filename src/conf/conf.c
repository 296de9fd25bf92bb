#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd_read.h"
#include "base/mem.h"
#include "base/near.h"
#include "conf/conf_internal.h"

#define CONF_ARENA_MAX ((size_t)16 << 20) /* each value is copied twice at most */

#define CONF(field, key, type, unit, min, max, standard, reload, text) \
    { STR_INIT(key),                                                   \
      STR_INIT(unit),                                                  \
      STR_INIT(standard),                                              \
      text,                                                            \
      min,                                                             \
      max,                                                             \
      offsetof(struct conf, field),                                    \
      CONF_TYPE_##type,                                                \
      reload },
const struct conf_row conf_rows[] = {
#include "conf/schema.def"
};
#undef CONF
const size_t conf_rows_count = EP_ARRAY_LEN(conf_rows);
_Static_assert(EP_ARRAY_LEN(conf_rows) <= CONF_ROWS_MAX, "seen[] has room for each row");

bool conf_type_is_list(enum conf_type type)
{
    return type == CONF_TYPE_PATHS || type == CONF_TYPE_CIDRS || type == CONF_TYPE_LINKS;
}

static const struct conf_row *conf_row_find(struct str key)
{
    for (size_t i = 0; i < conf_rows_count; i++) {
        if (str_eq(conf_rows[i].key, key)) {
            return &conf_rows[i];
        }
    }
    return NULL;
}

/* "limits" is a group: rows start with it and a dot. */
static bool conf_is_group(struct str key)
{
    for (size_t i = 0; i < conf_rows_count; i++) {
        if (str_starts(conf_rows[i].key, key) && conf_rows[i].key.len > key.len &&
            conf_rows[i].key.ptr[key.len] == '.') {
            return true;
        }
    }
    return false;
}

static void conf_unknown(struct conf_reader *reader, struct yaml_place place, struct str key)
{
    const struct conf_row *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < conf_rows_count; i++) {
        size_t distance = near_distance(conf_rows[i].key, key);
        if (distance < least && near_enough(conf_rows[i].key, key, distance)) {
            nearest = &conf_rows[i];
            least = distance;
        }
    }
    if (nearest == NULL) {
        conf_report_add(reader->report, place, key, "there is no such key");
    } else {
        conf_report_add(reader->report, place, key,
                        "there is no such key; did you mean \"" STR_FMT "\"?",
                        STR_ARG(nearest->key));
    }
}

static void conf_read_group(struct conf_reader *reader, const struct yaml_node *group,
                            struct str prefix);

static void conf_read_pair(struct conf_reader *reader, const struct yaml_node *name,
                           const struct yaml_node *value, struct str key)
{
    const struct conf_row *row = conf_row_find(key);
    if (row != NULL) {
        reader->seen[row - conf_rows] = true;
        conf_read_value(reader, row, value);
    } else if (!conf_is_group(key)) {
        conf_unknown(reader, name->place, key);
    } else if (value->kind == YAML_MAPPING) {
        conf_read_group(reader, value, key);
    } else if (!value->null) {
        conf_report_add(reader->report, value->place, key, "keys must stand below it");
    }
}

/* Only names of groups lead deeper, so the schema bounds the recursion. */
static void conf_read_group(struct conf_reader *reader, const struct yaml_node *group,
                            struct str prefix)
{
    for (uint32_t i = 0; i < group->count && reader->err == ERR_OK; i++) {
        const struct yaml_node *name = yaml_key(group, i);
        struct buf key;
        buf_init(&key, prefix.len + name->text.len + 2);
        enum err err = buf_append(&key, prefix);
        if (err == ERR_OK && prefix.len > 0) {
            err = buf_byte(&key, '.');
        }
        if (err == ERR_OK) {
            err = buf_append(&key, name->text);
        }
        if (err == ERR_OK) {
            conf_read_pair(reader, name, yaml_value(group, i), buf_str(&key));
        } else {
            reader->err = ERR_NO_MEMORY;
        }
        buf_fini(&key);
    }
}

static void conf_read_standards(struct conf_reader *reader)
{
    static const struct yaml_place nowhere = { 0, 0 };
    for (size_t i = 0; i < conf_rows_count; i++) {
        const struct conf_row *row = &conf_rows[i];
        if (reader->seen[i] || conf_type_is_list(row->type)) {
            continue; /* an absent list is empty, as the fresh struct has it */
        }
        if (row->standard.len == 0 && row->min > 0) {
            conf_report_add(reader->report, nowhere, row->key, "must be given: %s", row->text);
            continue;
        }
        struct yaml_node node = { .kind = YAML_SCALAR, .text = row->standard };
        conf_read_value(reader, row, &node);
    }
}

/* What two keys must fulfil together. */
static void conf_check(struct conf_reader *reader)
{
    const struct conf *conf = reader->conf;
    static const struct yaml_place nowhere = { 0, 0 };
    if ((conf->listen_tls_cert.len == 0) != (conf->listen_tls_key.len == 0)) {
        conf_report_add(reader->report, nowhere,
                        conf->listen_tls_cert.len == 0 ? STR("listen.tls.cert")
                                                       : STR("listen.tls.key"),
                        "the certificate and its key are given together or not at all");
    }
    if (conf->listen_public.port != 0 && conf->listen_public.port == conf->listen_operator.port &&
        str_eq(conf->listen_public.host, conf->listen_operator.host)) {
        conf_report_add(reader->report, nowhere, STR("listen.operator"),
                        "clients and operators cannot have the same address");
    }
    conf_check_links(reader);
}

static void conf_read(struct conf_reader *reader, const struct yaml_node *root)
{
    if (root->kind != YAML_MAPPING) {
        conf_report_add(reader->report, root->place, STR_EMPTY, "the file must hold keys");
        return;
    }
    conf_read_group(reader, root, STR_EMPTY);
    if (reader->err == ERR_OK) {
        conf_read_standards(reader);
    }
    if (reader->err == ERR_OK && reader->report->count == 0) {
        conf_check(reader);
    }
}

enum err conf_parse(struct str text, struct str folder, struct conf **ret_conf,
                    struct conf_report *report)
{
    struct yaml_doc *doc = NULL;
    struct yaml_fault fault = { .text = "" };
    enum err err = yaml_parse(text, &doc, &fault);
    if (err == ERR_YAML_SYNTAX) {
        conf_report_add(report, fault.place, STR_EMPTY, "%s", fault.text);
        return report->out_of_memory ? ERR_NO_MEMORY : ERR_CONF_INVALID;
    }
    if (err != ERR_OK) {
        return err;
    }
    struct conf *conf = mem_zalloc(sizeof(*conf));
    if (conf == NULL) {
        yaml_destroy(doc);
        return ERR_NO_MEMORY;
    }
    arena_init(&conf->arena, 4096, CONF_ARENA_MAX);
    struct conf_reader reader = { .conf = conf, .report = report, .folder = folder };
    conf_read(&reader, yaml_root(doc));
    yaml_destroy(doc);
    conf_report_sort(report);
    err = reader.err;
    if (err == ERR_OK && report->out_of_memory) {
        err = ERR_NO_MEMORY;
    }
    if (err == ERR_OK && report->count > 0) {
        err = ERR_CONF_INVALID;
    }
    if (err != ERR_OK) {
        conf_destroy(conf);
        return err;
    }
    *ret_conf = conf;
    return ERR_OK;
}

void conf_destroy(struct conf *conf)
{
    if (conf != NULL) {
        arena_fini(&conf->arena);
        mem_free(conf);
    }
}

/* ERR_IO with errno; ERR_LIMIT: more than CONF_BYTES_MAX. */
static enum err conf_read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return ERR_IO;
    }
    enum err err = fd_read_all(fd, 4096, out);
    int sys_errno = errno;
    (void)close(fd); /* it was only read */
    errno = sys_errno;
    return err;
}

enum err conf_load(const char *path, struct conf **ret_conf, struct conf_report *report)
{
    static const struct yaml_place nowhere = { 0, 0 };
    struct str whole = str_from(path);
    size_t slash = whole.len;
    while (slash > 0 && whole.ptr[slash - 1] != '/') {
        slash--;
    }
    (void)snprintf(report->file, sizeof(report->file), "%s", path);
    struct buf text;
    buf_init(&text, CONF_BYTES_MAX + 4096);
    enum err err = conf_read_file(path, &text);
    if (err == ERR_IO) {
        conf_report_add(report, nowhere, STR_EMPTY, "could not be read: %s",
                        strerrordesc_np(errno));
    } else if (err == ERR_LIMIT) {
        conf_report_add(report, nowhere, STR_EMPTY, "is larger than %zu bytes", CONF_BYTES_MAX);
    }
    if (err == ERR_OK) {
        err = conf_parse(buf_str(&text), str_slice(whole, 0, slash), ret_conf, report);
    } else if (err != ERR_NO_MEMORY) {
        err = report->out_of_memory ? ERR_NO_MEMORY : ERR_CONF_INVALID;
    }
    buf_fini(&text);
    return err;
}
