#include "dialect/carry.h"

#include "base/enc.h"

#define ID_MARK   "ep_"
#define ID_STRICT 64 /* Anthropic's ids: letters, digits, "_" and "-" */

static bool id_fits(enum dialect target, struct str id)
{
    if (str_starts(id, STR(ID_MARK))) {
        return false; /* or it would be taken for one of ours on its way back */
    }
    return target != DIALECT_ANTHROPIC || text_is_id(id, ID_STRICT);
}

void carry_id_write(struct put *put, enum dialect target, struct str id)
{
    if (id_fits(target, id)) {
        put_str(put, id);
        return;
    }
    PUT(put, ID_MARK);
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < id.len; i++) {
        bits = bits << 8 | (unsigned char)id.ptr[i];
        have += 8;
        while (have >= 5) {
            have -= 5;
            put_str(put, (struct str){ &enc_base32_digits[bits >> have & 31], 1 });
        }
        bits &= (1U << have) - 1;
    }
    if (have > 0) {
        put_str(put, (struct str){ &enc_base32_digits[bits << (5 - have) & 31], 1 });
    }
}

/* false: these are not digits that carry_id_write() gives. */
static bool id_decode(struct str digits, char *room, size_t *ret_len)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int value = enc_base32_value(digits.ptr[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 5 | (uint32_t)value;
        have += 5;
        if (have >= 8) {
            have -= 8;
            room[len++] = (char)(bits >> have);
            bits &= (1U << have) - 1;
        }
    }
    *ret_len = len;
    return len > 0 && bits == 0 && have < 5;
}

enum err carry_id_read(struct str id, struct arena *arena, struct str *ret_id)
{
    *ret_id = id;
    if (!str_starts(id, STR(ID_MARK)) || id.len > CARRY_ID_MAX) {
        return ERR_OK;
    }
    struct str digits = str_from_at(id, sizeof(ID_MARK) - 1);
    char *room = arena_alloc(arena, digits.len + 1);
    size_t len = 0;
    if (room == NULL) {
        return ERR_NO_MEMORY;
    }
    if (id_decode(digits, room, &len) && enc_json_plain((struct str){ room, len }) == len) {
        *ret_id = (struct str){ room, len };
    }
    return ERR_OK;
}

static const struct str sig_marks[] = {
    [DIALECT_CHAT] = STR_INIT("ep_sig.chat."),
    [DIALECT_RESPONSES] = STR_INIT("ep_sig.responses."),
    [DIALECT_ANTHROPIC] = STR_INIT("ep_sig.anthropic."),
    [DIALECT_GEMINI] = STR_INIT("ep_sig.gemini."),
};
_Static_assert(EP_ARRAY_LEN(sig_marks) == DIALECT_COUNT, "a mark each");

struct str carry_sig_read(struct str signature, enum dialect dialect, enum dialect *ret_source)
{
    *ret_source = dialect;
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        if (str_starts(signature, sig_marks[i])) {
            *ret_source = (enum dialect)i;
            return str_from_at(signature, sig_marks[i].len);
        }
    }
    return signature;
}

bool carry_must_mark(enum dialect source, enum dialect client)
{
    return source == DIALECT_CHAT && client != DIALECT_CHAT;
}

struct str carry_sig_mark(enum dialect source, enum dialect client)
{
    ASSERT(source < DIALECT_COUNT);
    return source == client ? STR_EMPTY : sig_marks[source];
}

#define NAME_MARK "__ep__"

enum err carry_name_join(struct str space, struct str name, struct arena *arena,
                         struct str *ret_name)
{
    char text[CARRY_NAME_MAX];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct put put = { &out, ERR_OK };
    put_str(&put, space);
    PUT(&put, NAME_MARK);
    put_str(&put, name);
    if (put.err != ERR_OK) {
        return ERR_ASK_INVALID;
    }
    return arena_copy(arena, buf_str(&out), ret_name) ? ERR_OK : ERR_NO_MEMORY;
}

struct str carry_name_split(struct str name, struct str *ret_space)
{
    size_t at = str_search(name, STR(NAME_MARK));
    bool joined = at > 0 && at + sizeof(NAME_MARK) - 1 < name.len;
    *ret_space = joined ? str_slice(name, 0, at) : STR_EMPTY;
    return joined ? str_from_at(name, at + sizeof(NAME_MARK) - 1) : name;
}
