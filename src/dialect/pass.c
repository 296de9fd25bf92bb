#include "dialect/pass.h"

#include "wire/json.h"
#include "wire/jsonw.h"

#define PASS_INSERT_MAX 1024 /* a model's name, escaped, and a few fixed words */

struct pass_names {
    struct str model; /* empty: it is no member */
    struct str within;
    struct str within_too; /* as the vendor reads it likewise */
    struct str cap;
    struct str cap_too;
};

static const struct pass_names pass_names[DIALECT_COUNT] = {
    [DIALECT_RESPONSES] = { .model = STR_INIT("model"), .cap = STR_INIT("max_output_tokens") },
    [DIALECT_ANTHROPIC] = { .model = STR_INIT("model"), .cap = STR_INIT("max_tokens") },
    [DIALECT_GEMINI] = { .within = STR_INIT("generationConfig"),
                         .within_too = STR_INIT("generation_config"),
                         .cap = STR_INIT("maxOutputTokens"),
                         .cap_too = STR_INIT("max_output_tokens") },
};

struct passing {
    const struct pass *pass;
    const struct pass_names *names;
    struct arena *arena;
    struct splice *splice;
    struct buf added;   /* in front of the first member, a comma behind each */
    struct str before;  /* the value of the member that was met before */
    bool kept;          /* some member before stays */
    struct str cuts[2]; /* "provider" and "models": added last, for they may begin at the front */
    size_t cut_count;
    bool capped;
    bool stored;
};

static size_t pass_at(const struct passing *passing, struct str value)
{
    return (size_t)(value.ptr - passing->pass->body.ptr);
}

static enum err pass_replace(const struct passing *passing, struct str value, const struct buf *by)
{
    struct str text;
    if (!arena_copy(passing->arena, buf_str(by), &text)) {
        return ERR_NO_MEMORY;
    }
    splice_add(passing->splice, pass_at(passing, value), value.len, text);
    return ERR_OK;
}

static enum err pass_model(const struct passing *passing, struct str value)
{
    char text[PASS_INSERT_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    TRY(jsonw_quote(&name, passing->pass->model));
    return str_eq(buf_str(&name), value) ? ERR_OK : pass_replace(passing, value, &name);
}

static enum err pass_cap(struct passing *passing, struct str value)
{
    char text[24];
    struct buf digits = { text, 0, sizeof(text), sizeof(text) };
    passing->capped = true;
    if (passing->pass->output_cap == passing->pass->given_cap) {
        return ERR_OK; /* the client's own spelling stays */
    }
    TRY(buf_i64(&digits, passing->pass->output_cap));
    return pass_replace(passing, value, &digits);
}

static enum err pass_add_cap(const struct passing *passing, struct buf *out)
{
    TRY(buf_byte(out, '"'));
    TRY(buf_append(out, passing->names->cap));
    TRY(buf_append(out, STR("\":")));
    return buf_i64(out, passing->pass->output_cap);
}

static bool pass_is_named(struct str key, struct str name, struct str too)
{
    return json_key_is(key, name) || json_key_is(key, too);
}

/* Gemini's cap stands in an object among other options. */
static enum err pass_config(struct passing *passing, struct str object)
{
    char text[64];
    struct buf added = { text, 0, sizeof(text), sizeof(text) };
    struct json_member member;
    struct str kept;
    bool empty = true;
    passing->capped = true;
    if (json_kind(object) != JSON_OBJECT) { /* null, as talk_read() has seen */
        TRY(buf_byte(&added, '{'));
        TRY(pass_add_cap(passing, &added));
        TRY(buf_byte(&added, '}'));
        return pass_replace(passing, object, &added);
    }
    struct str rest = json_inside(object);
    while (json_next_member(&rest, &member)) {
        empty = false;
        if (pass_is_named(member.key, passing->names->cap, passing->names->cap_too)) {
            return pass_cap(passing, member.value);
        }
    }
    TRY(pass_add_cap(passing, &added));
    TRY(empty ? ERR_OK : buf_byte(&added, ','));
    if (!arena_copy(passing->arena, buf_str(&added), &kept)) {
        return ERR_NO_MEMORY;
    }
    splice_add(passing->splice, pass_at(passing, object) + 1, 0, kept);
    return ERR_OK;
}

/* "provider" and "models" say nothing to an upstream; what else stands there is never alone. */
static bool pass_is_ours(const struct passing *passing, struct str key)
{
    return passing->pass->dialect == DIALECT_RESPONSES &&
           (json_key_is(key, STR("provider")) || json_key_is(key, STR("models")));
}

static enum err pass_member(struct passing *passing, const struct json_member *member)
{
    const struct pass_names *names = passing->names;
    if (names->model.len > 0 && json_key_is(member->key, names->model)) {
        return pass_model(passing, member->value);
    }
    if (names->within.len > 0) {
        return pass_is_named(member->key, names->within, names->within_too)
                   ? pass_config(passing, member->value)
                   : ERR_OK;
    }
    if (json_key_is(member->key, names->cap)) {
        return pass_cap(passing, member->value);
    }
    passing->stored |=
        json_key_is(member->key, STR("store")) && json_kind(member->value) != JSON_NULL;
    return ERR_OK;
}

/* A member with the comma before it; of the first one, with the comma behind it. */
static void pass_cut(struct passing *passing, const struct json_member *member)
{
    struct str body = passing->pass->body;
    size_t at = pass_at(passing, member->key) - 1;
    size_t end = pass_at(passing, member->value) + member->value.len;
    if (passing->kept) {
        at = pass_at(passing, passing->before) + passing->before.len;
    } else {
        end += str_find(str_from_at(body, end), ',') + 1;
    }
    ASSERT(passing->cut_count < EP_ARRAY_LEN(passing->cuts)); /* no member stands there twice */
    passing->cuts[passing->cut_count++] = str_slice(body, at, end);
}

static enum err pass_members(struct passing *passing)
{
    struct json_member member;
    struct str rest = json_inside(json_trim(passing->pass->body));
    while (json_next_member(&rest, &member)) {
        if (pass_is_ours(passing, member.key)) {
            pass_cut(passing, &member);
        } else {
            TRY(pass_member(passing, &member));
            passing->kept = true;
        }
        passing->before = member.value;
    }
    return ERR_OK;
}

/* What is not there yet goes in front of the first member: the object is not empty. */
static enum err pass_add(struct passing *passing)
{
    struct buf *added = &passing->added;
    bool nested = passing->names->within.len > 0;
    struct str kept;
    if (!passing->capped) {
        TRY(nested ? buf_append(added, STR("\"generationConfig\":{")) : ERR_OK);
        TRY(pass_add_cap(passing, added));
        TRY(buf_append(added, nested ? STR("},") : STR(",")));
    }
    if (passing->pass->dialect == DIALECT_RESPONSES && !passing->stored) {
        TRY(buf_append(added, STR("\"store\":false,")));
    }
    if (added->len == 0) {
        return ERR_OK;
    }
    if (!arena_copy(passing->arena, buf_str(added), &kept)) {
        return ERR_NO_MEMORY;
    }
    splice_add(passing->splice, str_find(passing->pass->body, '{') + 1, 0, kept);
    return ERR_OK;
}

enum err pass_write(const struct pass *pass, struct arena *arena, struct splice *ret_splice)
{
    ASSERT(pass->output_cap > 0);
    char text[PASS_INSERT_MAX];
    struct passing passing = {
        .pass = pass,
        .names = &pass_names[pass->dialect],
        .arena = arena,
        .splice = ret_splice,
        .added = { text, 0, sizeof(text), sizeof(text) },
    };
    splice_init(ret_splice, pass->body);
    TRY(pass_members(&passing));
    TRY(pass_add(&passing));
    for (size_t i = 0; i < passing.cut_count; i++) {
        splice_add(ret_splice, pass_at(&passing, passing.cuts[i]), passing.cuts[i].len, STR_EMPTY);
    }
    return ERR_OK;
}
