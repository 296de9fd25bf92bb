#include "base/money.h"
#include "conf/conf_internal.h"
#include "wire/jsonw.h"

enum err conf_allowed(const struct conf_row *row, struct buf *out)
{
    switch (row->type) {
    case CONF_TYPE_TEXT:
        return buf_printf(out, "a text of %llu to %llu bytes", (unsigned long long)row->min,
                          (unsigned long long)row->max);
    case CONF_TYPE_PATH:
        return buf_append(out, STR("a path"));
    case CONF_TYPE_PATHS:
        return buf_printf(out, "a list of at most %llu paths", (unsigned long long)row->max);
    case CONF_TYPE_STORE:
        return buf_append(out, STR("sqlite:PATH"));
    case CONF_TYPE_SECRET:
        return buf_append(out, STR("env:NAME or file:PATH"));
    case CONF_TYPE_CIDRS:
        return buf_printf(out, "a list of at most %llu IP addresses or CIDR blocks",
                          (unsigned long long)row->max);
    case CONF_TYPE_ADDRESS:
        return buf_append(out, STR("IP:PORT or [IPv6]:PORT"));
    case CONF_TYPE_LINKS:
        return buf_printf(out,
                          "a list of at most %llu {address: IP:PORT, link: NAME, proxy_protocol: "
                          "true or false}",
                          (unsigned long long)row->max);
    case CONF_TYPE_NUMBER:
    case CONF_TYPE_AUTO:
        TRY(buf_printf(out, "a number from %llu to %llu", (unsigned long long)row->min,
                       (unsigned long long)row->max));
        if (!str_eq(row->unit, STR("count"))) {
            TRY(buf_printf(out, " (" STR_FMT ")", STR_ARG(row->unit)));
        }
        return row->type == CONF_TYPE_AUTO ? buf_append(out, STR(", or auto")) : ERR_OK;
    case CONF_TYPE_MONEY:
        return buf_append(out, STR("a decimal amount, not below 0"));
    case CONF_TYPE_HOLDGATE: {
        struct str rest = row->unit;
        TRY(buf_append(out, str_cut(&rest, '|')));
        while (rest.len > 0) {
            struct str choice = str_cut(&rest, '|');
            TRY(buf_append(out, rest.len > 0 ? STR(", ") : STR(" or ")));
            TRY(buf_append(out, choice));
        }
        return ERR_OK;
    }
    }
    return ERR_INTERNAL;
}

static enum err conf_print_list(const struct conf_list *list, struct buf *out)
{
    TRY(buf_byte(out, '['));
    for (size_t i = 0; i < list->count; i++) {
        TRY(buf_append(out, i == 0 ? STR_EMPTY : STR(", ")));
        TRY(jsonw_quote(out, list->items[i]));
    }
    return buf_byte(out, ']');
}

static enum err conf_print_choice(const struct conf_row *row, unsigned at, struct buf *out)
{
    struct str rest = row->unit;
    struct str choice = str_cut(&rest, '|');
    while (at > 0) {
        choice = str_cut(&rest, '|');
        at--;
    }
    return buf_append(out, choice);
}

static enum err conf_print_value(const struct conf *conf, const struct conf_row *row,
                                 struct buf *out)
{
    const void *field = conf_field(conf, row);
    switch (row->type) {
    case CONF_TYPE_TEXT:
    case CONF_TYPE_PATH:
    case CONF_TYPE_STORE:
    case CONF_TYPE_SECRET:
        return jsonw_quote(out, *(const struct str *)field);
    case CONF_TYPE_PATHS:
    case CONF_TYPE_CIDRS:
        return conf_print_list(field, out);
    case CONF_TYPE_ADDRESS:
        return jsonw_quote(out, ((const struct conf_address *)field)->text);
    case CONF_TYPE_LINKS:
        return conf_print_links(field, out);
    case CONF_TYPE_AUTO:
        if (*(const uint64_t *)field == 0) {
            return buf_append(out, STR("auto"));
        }
        return buf_u64(out, *(const uint64_t *)field);
    case CONF_TYPE_NUMBER:
        return buf_u64(out, *(const uint64_t *)field);
    case CONF_TYPE_MONEY:
        return money_print(out, *(const int64_t *)field, 9, 0);
    case CONF_TYPE_HOLDGATE:
        return conf_print_choice(row, (unsigned)*(const enum conf_hold_gate *)field, out);
    }
    return ERR_INTERNAL;
}

/* The bytes of two dotted keys' common groups: "limits." for limits.a and limits.b. */
static size_t conf_common_groups(struct str a, struct str b)
{
    size_t common = 0;
    for (size_t i = 0; i < a.len && i < b.len && a.ptr[i] == b.ptr[i]; i++) {
        if (a.ptr[i] == '.') {
            common = i + 1;
        }
    }
    return common;
}

/* Opens the groups that the key before was not in, and writes the key's last part. */
static enum err conf_print_key(struct str before, struct str key, struct buf *out)
{
    size_t common = conf_common_groups(before, key);
    struct str rest = key;
    size_t at = 0;
    for (unsigned depth = 0; rest.len > 0; depth++) {
        struct str part = str_cut(&rest, '.');
        if (at >= common || rest.len == 0) {
            TRY(buf_printf(out, "%*s" STR_FMT ":%s", (int)(depth * 2), "", STR_ARG(part),
                           rest.len == 0 ? " " : "\n"));
        }
        at += part.len + 1;
    }
    return ERR_OK;
}

enum err conf_print(const struct conf *conf, struct buf *out)
{
    struct str before = STR_EMPTY;
    for (size_t i = 0; i < conf_rows_count; i++) {
        TRY(conf_print_key(before, conf_rows[i].key, out));
        TRY(conf_print_value(conf, &conf_rows[i], out));
        TRY(buf_byte(out, '\n'));
        before = conf_rows[i].key;
    }
    return ERR_OK;
}

/* Values are compared as they print, so that one rule serves all types. */
enum err conf_frozen_changes(const struct conf *old, const struct conf *fresh, struct buf *out,
                             size_t *ret_count)
{
    struct buf texts[2];
    buf_init(&texts[0], CONF_BYTES_MAX);
    buf_init(&texts[1], CONF_BYTES_MAX);
    size_t count = 0;
    enum err err = ERR_OK;
    for (size_t i = 0; i < conf_rows_count && err == ERR_OK; i++) {
        if (conf_rows[i].reload) {
            continue;
        }
        buf_reset(&texts[0]);
        buf_reset(&texts[1]);
        err = conf_print_value(old, &conf_rows[i], &texts[0]);
        if (err == ERR_OK) {
            err = conf_print_value(fresh, &conf_rows[i], &texts[1]);
        }
        if (err == ERR_OK && !str_eq(buf_str(&texts[0]), buf_str(&texts[1]))) {
            count++;
            err = buf_printf(out, STR_FMT "\n", STR_ARG(conf_rows[i].key));
        }
    }
    buf_fini(&texts[0]);
    buf_fini(&texts[1]);
    if (err == ERR_OK) {
        *ret_count = count;
    }
    return err;
}

static enum err conf_write_row(const struct conf_row *row, struct buf *out)
{
    TRY(buf_printf(out, "| `" STR_FMT "` | ", STR_ARG(row->key)));
    TRY(conf_allowed(row, out));
    if (conf_type_is_list(row->type)) {
        TRY(buf_append(out, STR(" | `[]`")));
    } else if (row->standard.len == 0) {
        TRY(buf_append(out, row->min > 0 ? STR(" | must be given") : STR(" | none")));
    } else {
        TRY(buf_printf(out, " | `" STR_FMT "`", STR_ARG(row->standard)));
    }
    return buf_printf(out, " | %s | %s |\n", row->reload ? "yes" : "restart", row->text);
}

enum err conf_write_docs(struct buf *out)
{
    TRY(buf_append(
        out,
        STR("# Configuration\n\n"
            "This page is made from `src/conf/schema.def` by `tools/gen_configuration`; a test "
            "fails when it is stale.\n\n"
            "`entrepot.yaml` is YAML. A dotted key below is nested in the file: `listen.public` is "
            "`public` under `listen`.\n"
            "Paths are relative to the file's folder. Secrets are references, never values: "
            "`env:NAME`, or `file:PATH` with mode 0600.\n"
            "All faults are reported at once, each with line and column. A reload (SIGHUP) "
            "takes over the keys marked yes;\n"
            "a faulty file changes nothing. One key must be given: `log.origin`.\n\n"
            "| key | allowed | default | reload | meaning |\n|---|---|---|---|---|\n")));
    for (size_t i = 0; i < conf_rows_count; i++) {
        TRY(conf_write_row(&conf_rows[i], out));
    }
    return ERR_OK;
}
