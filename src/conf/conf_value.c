#include <string.h>

#include "base/ip.h"
#include "base/money.h"
#include "conf/conf_internal.h"

/* The field of a row, for writing. */
static void *conf_slot(struct conf_reader *reader, const struct conf_row *row)
{
    return (char *)reader->conf + row->offset;
}

bool conf_copy(struct conf_reader *reader, struct str text, struct str *ret_copy)
{
    if (!arena_copy(&reader->conf->arena, text, ret_copy)) {
        reader->err = ERR_NO_MEMORY;
        return false;
    }
    return true;
}

static bool conf_text_fine(const struct conf_row *row, struct str text)
{
    if (text.len < row->min || text.len > row->max) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

/* `start`, then `path` as seen from the file's folder. A folder's last slash goes. */
static bool conf_resolve(struct conf_reader *reader, struct str start, struct str path,
                         struct str *ret_path)
{
    while (path.len > 1 && str_ends(path, STR("/"))) {
        path.len--;
    }
    bool relative = path.len > 0 && path.ptr[0] != '/' && reader->folder.len > 0;
    struct str folder = relative ? reader->folder : STR_EMPTY;
    bool slash = relative && !str_ends(folder, STR("/"));
    size_t len = start.len + folder.len + (slash ? 1 : 0) + path.len;
    char *text = arena_zalloc(&reader->conf->arena, len + 1);
    if (text == NULL) {
        reader->err = ERR_NO_MEMORY;
        return false;
    }
    const struct str parts[] = { start, folder, slash ? STR("/") : STR_EMPTY, path };
    size_t at = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(parts); i++) {
        if (parts[i].len > 0) {
            memcpy(text + at, parts[i].ptr, parts[i].len);
            at += parts[i].len;
        }
    }
    ASSERT(at == len);
    *ret_path = (struct str){ text, len };
    return true;
}

static bool conf_env_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_';
        if (!letter && !(i > 0 && byte >= '0' && byte <= '9')) {
            return false;
        }
    }
    return name.len > 0;
}

static bool conf_read_secret(struct conf_reader *reader, struct str text, struct str *ret_value)
{
    struct str rest = text;
    struct str scheme = str_cut(&rest, ':');
    if (str_eq(scheme, STR("env")) && conf_env_name(rest)) {
        return conf_copy(reader, text, ret_value);
    }
    if (str_eq(scheme, STR("file")) && rest.len > 0) {
        return conf_resolve(reader, STR("file:"), rest, ret_value);
    }
    return false;
}

static bool conf_read_store(struct conf_reader *reader, struct str text, struct str *ret_value)
{
    static const struct str scheme = STR_INIT("sqlite:");
    if (!str_starts(text, scheme) || text.len == scheme.len) {
        return false;
    }
    return conf_resolve(reader, scheme, str_from_at(text, scheme.len), ret_value);
}

/* "IP:PORT", with brackets around an IPv6 literal; names are not looked up for listening. */
bool conf_read_address(struct conf_reader *reader, struct str text, struct conf_address *ret_value)
{
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    uint64_t port = 0;
    if (colon == 0 || !str_to_u64(str_from_at(text, colon), &port) || port > UINT16_MAX) {
        return false;
    }
    struct str host = str_slice(text, 0, colon - 1);
    bool brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (brackets) {
        host = str_slice(host, 1, host.len - 1);
    }
    struct ip ip;
    if (!ip_parse(host, &ip) || (str_find(host, ':') < host.len) != brackets) {
        return false;
    }
    struct conf_address address = { .port = (uint16_t)port };
    if (!conf_copy(reader, text, &address.text) || !conf_copy(reader, host, &address.host)) {
        return false;
    }
    *ret_value = address;
    return true;
}

static bool conf_read_choice(const struct conf_row *row, struct str text,
                             enum conf_hold_gate *ret_value)
{
    struct str rest = row->unit;
    for (unsigned at = 0; rest.len > 0; at++) {
        if (str_eq(str_cut(&rest, '|'), text)) {
            *ret_value = (enum conf_hold_gate)at;
            return true;
        }
    }
    return false;
}

static bool conf_read_number(const struct conf_row *row, struct str text, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (row->type == CONF_TYPE_AUTO && str_eq(text, STR("auto"))) {
        *ret_value = 0;
        return true;
    }
    if (!str_to_u64(text, &value) || value < row->min || value > row->max) {
        return false;
    }
    *ret_value = value;
    return true;
}

static bool conf_read_money(struct str text, int64_t *ret_value)
{
    int64_t nano = 0;
    if (!money_parse(text, 9, &nano) || nano < 0) {
        return false;
    }
    *ret_value = nano;
    return true;
}

/* False: the value is not allowed, or there is no memory (reader->err). */
static bool conf_read_scalar(struct conf_reader *reader, const struct conf_row *row,
                             struct str text)
{
    void *slot = conf_slot(reader, row);
    switch (row->type) {
    case CONF_TYPE_TEXT:
        return conf_text_fine(row, text) && conf_copy(reader, text, slot);
    case CONF_TYPE_PATH:
        return conf_text_fine(row, text) && conf_resolve(reader, STR_EMPTY, text, slot);
    case CONF_TYPE_STORE:
        return conf_text_fine(row, text) && conf_read_store(reader, text, slot);
    case CONF_TYPE_SECRET:
        return conf_text_fine(row, text) && conf_read_secret(reader, text, slot);
    case CONF_TYPE_ADDRESS:
        return conf_read_address(reader, text, slot);
    case CONF_TYPE_NUMBER:
    case CONF_TYPE_AUTO:
        return conf_read_number(row, text, slot);
    case CONF_TYPE_MONEY:
        return conf_read_money(text, slot);
    case CONF_TYPE_HOLDGATE:
        return conf_read_choice(row, text, slot);
    case CONF_TYPE_PATHS:
    case CONF_TYPE_CIDRS:
    case CONF_TYPE_LINKS:
        break;
    }
    return false;
}

static void conf_refuse(struct conf_reader *reader, const struct conf_row *row,
                        const struct yaml_node *node, struct str got)
{
    if (reader->err != ERR_OK) {
        return;
    }
    struct buf allowed;
    buf_init(&allowed, 256);
    if (conf_allowed(row, &allowed) != ERR_OK) {
        reader->err = ERR_NO_MEMORY;
    } else {
        int shown = got.len < 64 ? (int)got.len : 64;
        conf_report_add(reader->report, node->place, row->key,
                        "\"%.*s\" is not allowed; write " STR_FMT, shown,
                        got.len > 0 ? got.ptr : "", STR_ARG(buf_str(&allowed)));
    }
    buf_fini(&allowed);
}

static bool conf_item_fine(const struct conf_row *row, struct str text)
{
    static const struct conf_row any = { .min = 1, .max = 4096 };
    struct ip_block block;
    return row->type == CONF_TYPE_CIDRS ? ip_block_parse(text, &block) : conf_text_fine(&any, text);
}

static void conf_read_list(struct conf_reader *reader, const struct conf_row *row,
                           const struct yaml_node *node)
{
    if (node->kind != YAML_SEQUENCE || node->count > row->max) {
        conf_refuse(reader, row, node,
                    node->kind == YAML_SCALAR     ? node->text
                    : node->kind == YAML_SEQUENCE ? STR("a longer list")
                                                  : STR("a mapping"));
        return;
    }
    struct str *items = arena_zalloc(&reader->conf->arena, (node->count + 1) * sizeof(*items));
    if (items == NULL) {
        reader->err = ERR_NO_MEMORY;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = yaml_item(node, i);
        if (item->kind != YAML_SCALAR || item->null || !conf_item_fine(row, item->text)) {
            conf_refuse(reader, row, item, item->kind == YAML_SCALAR ? item->text : STR("a list"));
        } else if (row->type == CONF_TYPE_PATHS) {
            (void)conf_resolve(reader, STR_EMPTY, item->text, &items[i]);
        } else {
            (void)conf_copy(reader, item->text, &items[i]);
        }
    }
    *(struct conf_list *)conf_slot(reader, row) =
        (struct conf_list){ .items = items, .count = node->count };
}

void conf_read_value(struct conf_reader *reader, const struct conf_row *row,
                     const struct yaml_node *node)
{
    if (row->type == CONF_TYPE_LINKS) {
        conf_read_links(reader, row, node);
    } else if (conf_type_is_list(row->type)) {
        conf_read_list(reader, row, node);
    } else if (node->kind != YAML_SCALAR) {
        conf_refuse(reader, row, node,
                    node->kind == YAML_SEQUENCE ? STR("a list") : STR("a mapping"));
    } else if (node->null || !conf_read_scalar(reader, row, node->text)) {
        conf_refuse(reader, row, node, node->null ? STR("nothing") : node->text);
    }
}
