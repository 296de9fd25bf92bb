#include "settle/evidence_line.h"

#include <string.h>

#include "base/enc.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define LINE_MEMBERS 7

static struct str line_salt(const struct evidence_line *line, size_t at)
{
    return (struct str){ (const char *)line->salts[at], line->salt_len[at] };
}

/* ---- printing ----------------------------------------------------------------------------- */

enum err evidence_gap_print(const struct digest *hashes, size_t count, struct buf *out)
{
    TRY(buf_byte(out, '['));
    for (size_t i = 0; i < count; i++) {
        TRY(buf_append(out, i == 0 ? STR("\"") : STR(",\"")));
        TRY(enc_base64(out, hashes[i].bytes, DIGEST_BYTES));
        TRY(buf_byte(out, '"'));
    }
    return buf_byte(out, ']');
}

static enum err line_put_section(const struct evidence_line *line, enum receipt_section which,
                                 struct buf *out)
{
    struct str section = line->sections[which];
    TRY(buf_printf(out, "\"%s\":", receipt_section_name(which)));
    return buf_append(out, section.len == 0 ? STR("null") : section);
}

static enum err line_put_salts(const struct evidence_line *line, struct buf *out)
{
    TRY(buf_append(out, STR("\"salts\":{")));
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        TRY(buf_printf(out, "%s\"%s\":", i == 0 ? "" : ",",
                       receipt_section_name((enum receipt_section)i)));
        if (line->salt_len[i] == 0) {
            TRY(buf_append(out, STR("null")));
        } else {
            TRY(buf_byte(out, '"'));
            TRY(enc_base64(out, line->salts[i], line->salt_len[i]));
            TRY(buf_byte(out, '"'));
        }
    }
    return buf_append(out, STR("}}\n"));
}

enum err evidence_line_print(const struct evidence_line *line, struct buf *out)
{
    TRY(buf_append(out, STR("{\"before\":")));
    TRY(evidence_gap_print(line->before, line->before_count, out));
    TRY(buf_byte(out, ','));
    TRY(line_put_section(line, RECEIPT_CLIENT, out));
    TRY(buf_append(out, STR(",\"entry\":")));
    TRY(buf_append(out, line->entry));
    TRY(buf_byte(out, ','));
    TRY(line_put_section(line, RECEIPT_EVIDENCE, out));
    TRY(buf_printf(out, ",\"leaf\":\"%lld\",", (long long)line->leaf));
    TRY(line_put_section(line, RECEIPT_OPERATOR, out));
    TRY(buf_byte(out, ','));
    return line_put_salts(line, out);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* What is in a string's quotes, if it has no escapes. */
static bool line_plain(struct str value, struct str *ret_text)
{
    if (value.len < 2 || json_kind(value) != JSON_STRING ||
        memchr(value.ptr, '\\', value.len) != NULL) {
        return false;
    }
    *ret_text = str_slice(value, 1, value.len - 1);
    return true;
}

static bool line_base64(struct str value, void *ret_bytes, size_t len)
{
    struct str text;
    char room[64];
    struct buf out = { room, 0, sizeof(room), sizeof(room) };
    if (!line_plain(value, &text) || !enc_base64_read(&out, text) || out.len != len) {
        return false;
    }
    memcpy(ret_bytes, room, len);
    return true;
}

bool evidence_gap_read(struct str list, struct digest *ret_hashes, size_t *ret_count)
{
    struct str item;
    size_t count = 0;
    if (list.len == 0 || json_kind(list) != JSON_ARRAY) {
        return false;
    }
    struct str rest = json_inside(list);
    while (json_next_item(&rest, &item)) {
        if (count == EVIDENCE_GAP_MAX ||
            !line_base64(item, ret_hashes[count].bytes, DIGEST_BYTES)) {
            return false;
        }
        count++;
    }
    *ret_count = count;
    return true;
}

static bool line_take_before(struct evidence_line *line, struct str value)
{
    return evidence_gap_read(value, line->before, &line->before_count);
}

static bool line_take_section(struct evidence_line *line, enum receipt_section which,
                              struct str value)
{
    bool erased = json_kind(value) == JSON_NULL;
    line->sections[which] = erased ? STR_EMPTY : value;
    return erased || (json_kind(value) == JSON_OBJECT && value.len <= RECEIPT_SECTION_MAX);
}

static bool line_take_client(struct evidence_line *line, struct str value)
{
    return line_take_section(line, RECEIPT_CLIENT, value);
}

static bool line_take_entry(struct evidence_line *line, struct str value)
{
    line->entry = value;
    return json_kind(value) == JSON_OBJECT;
}

static bool line_take_evidence(struct evidence_line *line, struct str value)
{
    return line_take_section(line, RECEIPT_EVIDENCE, value);
}

static bool line_take_leaf(struct evidence_line *line, struct str value)
{
    struct str text;
    return line_plain(value, &text) && str_to_i64(text, &line->leaf) && line->leaf >= 0;
}

static bool line_take_operator(struct evidence_line *line, struct str value)
{
    return line_take_section(line, RECEIPT_OPERATOR, value);
}

static bool line_take_salts(struct evidence_line *line, struct str value)
{
    if (json_kind(value) != JSON_OBJECT) {
        return false;
    }
    struct str rest = json_inside(value);
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        struct json_member member;
        struct str name = str_from(receipt_section_name((enum receipt_section)i));
        if (!json_next_member(&rest, &member) || !json_key_is(member.key, name)) {
            return false;
        }
        bool erased = json_kind(member.value) == JSON_NULL;
        line->salt_len[i] = erased ? 0 : RECEIPT_SALT_BYTES;
        if (!erased && !line_base64(member.value, line->salts[i], RECEIPT_SALT_BYTES)) {
            return false;
        }
        /* A section without its salt says nothing that could be checked. */
        if (erased != (line->sections[i].len == 0)) {
            return false;
        }
    }
    struct json_member more;
    return !json_next_member(&rest, &more);
}

struct line_part {
    struct str name;
    bool (*take)(struct evidence_line *line, struct str value);
};

enum err evidence_line_read(struct str text, struct evidence_line *ret_line, struct fail *fail)
{
    static const struct line_part parts[LINE_MEMBERS] = {
        { STR_INIT("before"), line_take_before }, { STR_INIT("client"), line_take_client },
        { STR_INIT("entry"), line_take_entry },   { STR_INIT("evidence"), line_take_evidence },
        { STR_INIT("leaf"), line_take_leaf },     { STR_INIT("operator"), line_take_operator },
        { STR_INIT("salts"), line_take_salts },
    };
    struct json_member members[LINE_MEMBERS];
    struct json_fault fault;
    size_t count = 0;
    ret_line->leaf = -1;
    if (json_index(text, members, LINE_MEMBERS, &count, &fault) != ERR_OK) {
        return FAIL(fail, ERR_PACK_INVALID, "it is no JSON at its byte %zu: %s", fault.offset,
                    fault.reason);
    }
    for (size_t i = 0; i < LINE_MEMBERS; i++) {
        if (count != LINE_MEMBERS || !json_key_is(members[i].key, parts[i].name) ||
            !parts[i].take(ret_line, members[i].value)) {
            return FAIL(fail, ERR_PACK_INVALID, "\"" STR_FMT "\" is not what a receipt has there",
                        STR_ARG(parts[i].name));
        }
    }
    return ERR_OK;
}

/* ---- checking ----------------------------------------------------------------------------- */

const char *evidence_line_check(const struct evidence_line *line)
{
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        enum receipt_section which = (enum receipt_section)i;
        if (line->sections[i].len > 0 &&
            !receipt_check(line->entry, which, line_salt(line, i), line->sections[i])) {
            return receipt_section_name(which);
        }
    }
    return NULL;
}

bool evidence_gap_add(struct tree_edge *edge, int64_t until, const struct digest *hashes,
                      size_t count)
{
    size_t at = 0;
    while (edge->size < until && at < count) {
        tree_gap_add(edge, tree_gap_level(edge->size, until), &hashes[at++]);
    }
    return edge->size == until && at == count;
}
