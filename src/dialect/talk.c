#include "dialect/talk_internal.h"

#include <stdio.h>
#include <string.h>

#include "dialect/picture.h"

#define MEMBERS_MAX 64

/* ---- refusing ----------------------------------------------------------------------------- */

enum err talk_refuse(struct talk_reading *reading, enum err err, struct str name, const char *what)
{
    struct talk *talk = reading->talk;
    int len = snprintf(talk->param_text, sizeof(talk->param_text), "%s" STR_FMT, reading->within,
                       STR_ARG(name));
    size_t size = len < 0 ? 0 : (size_t)len;
    if (size >= sizeof(talk->param_text)) { /* no field has such a name: what is left is ASCII */
        size = enc_json_plain((struct str){ talk->param_text, sizeof(talk->param_text) - 1 });
        for (size_t i = 0; i < size; i++) {
            size = (unsigned char)talk->param_text[i] >= 0x80 ? i : size;
        }
    }
    talk->param = (struct str){ talk->param_text, size };
    return FAIL(reading->fail, err, "\"" STR_FMT "\" %s", STR_ARG(talk->param), what);
}

enum err talk_refuse_at(struct talk *talk, struct fail *fail, enum err err, uint32_t turn,
                        uint32_t place, const char *what)
{
    static const struct {
        const char *list;
        const char *parts;
    } names[] = {
        [DIALECT_CHAT] = { "messages", "content" },
        [DIALECT_RESPONSES] = { "input", "content" },
        [DIALECT_ANTHROPIC] = { "messages", "content" },
        [DIALECT_GEMINI] = { "contents", "parts" },
    };
    _Static_assert(EP_ARRAY_LEN(names) == DIALECT_COUNT, "names each");
    char *text = talk->param_text;
    int len = place == TALK_NO_PLACE
                  ? snprintf(text, TALK_PARAM_MAX, "%s[%u]", names[talk->dialect].list, turn)
                  : snprintf(text, TALK_PARAM_MAX, "%s[%u].%s[%u]", names[talk->dialect].list, turn,
                             names[talk->dialect].parts, place);
    ASSERT(len > 0 && len < TALK_PARAM_MAX);
    talk->param = (struct str){ text, (size_t)len };
    return FAIL(fail, err, "\"%s\" %s", text, what);
}

/* The refusal that has just been written, as a note. */
static void talk_note_own(struct talk *talk, const char *what)
{
    if (talk->own.len == 0) {
        memcpy(talk->own_text, talk->param.ptr, talk->param.len);
        talk->own = (struct str){ talk->own_text, talk->param.len };
        talk->own_why = what;
    }
    talk->param = STR_EMPTY;
}

enum err talk_own(struct talk_reading *reading, struct str name, const char *what)
{
    enum err err = talk_refuse(reading, ERR_ASK_UNSUPPORTED, name, what);
    if (!reading->talk->notes_own) {
        return err;
    }
    talk_note_own(reading->talk, what);
    return ERR_OK;
}

enum err talk_own_at(struct talk *talk, struct fail *fail, uint32_t turn, uint32_t place,
                     const char *what)
{
    enum err err = talk_refuse_at(talk, fail, ERR_ASK_UNSUPPORTED, turn, place, what);
    if (!talk->notes_own) {
        return err;
    }
    talk_note_own(talk, what);
    return ERR_OK;
}

bool talk_is_among(struct str value, const struct str *names, size_t count)
{
    struct str text = text_of(value);
    for (size_t i = 0; i < count; i++) {
        bool begins = str_ends(names[i], STR("*"));
        struct str name = str_slice(names[i], 0, names[i].len - (begins ? 1 : 0));
        if (begins ? str_starts(text, name) : str_eq(text, name)) {
            return true;
        }
    }
    return false;
}

/* ---- members ------------------------------------------------------------------------------ */

bool talk_is(struct str value, enum json_kind kind)
{
    return value.len > 0 && json_kind(value) == kind;
}

/* What a member that the pair cannot carry may say all the same: nothing. */
static bool talk_says_nothing(struct str value)
{
    return str_eq(value, STR("false")) || str_eq(value, STR("\"\"")) || str_eq(value, STR("[]")) ||
           str_eq(value, STR("{}")) || str_eq(value, STR("0"));
}

static enum err talk_read_member(struct talk_reading *reading, const struct json_member *member,
                                 const struct talk_member *known)
{
    if (known == NULL) {
        return talk_own(reading, member->key,
                        "is not known here, and a route of another dialect cannot carry it");
    }
    if (json_kind(member->value) == JSON_NULL) {
        return ERR_OK;
    }
    if (known->read != NULL) {
        return known->read(reading, member->value);
    }
    if (known->loss >= 0) {
        lost_add(&reading->talk->lost, (enum lost_bit)known->loss);
        return ERR_OK;
    }
    if (known->loss == TALK_IGNORED || talk_says_nothing(member->value)) {
        return ERR_OK;
    }
    return known->loss == TALK_NEVER
               ? talk_refuse(reading, ERR_ASK_UNSUPPORTED, member->key, "is not served here")
               : talk_own(reading, member->key, "cannot be carried to a route of another dialect");
}

static bool talk_key_is(const struct talk_reading *reading, struct str key, struct str name)
{
    return reading->key_is == NULL ? json_key_is(key, name) : reading->key_is(key, name);
}

enum err talk_read_object(struct talk_reading *reading, struct str object,
                          const struct talk_member *table, size_t count)
{
    uint64_t seen = 0;
    struct json_member member;
    struct str rest = json_inside(object);
    ASSERT(count <= MEMBERS_MAX);
    while (json_next_member(&rest, &member)) {
        const struct talk_member *known = NULL;
        for (size_t i = 0; i < count && known == NULL; i++) {
            known = talk_key_is(reading, member.key, table[i].name) ? &table[i] : NULL;
        }
        uint64_t bit = known == NULL ? 0 : UINT64_C(1) << (known - table);
        if ((seen & bit) != 0) {
            return talk_refuse(reading, ERR_ASK_DUPLICATE, member.key, "stands there twice");
        }
        seen |= bit;
        TRY(talk_read_member(reading, &member, known));
    }
    return ERR_OK;
}

enum err talk_check_tool(struct talk_reading *reading, struct str tool, const struct str *names,
                         size_t count)
{
    struct json_member member;
    struct str rest = talk_is(tool, JSON_OBJECT) ? json_inside(tool) : STR_EMPTY;
    while (json_next_member(&rest, &member)) {
        bool known = json_kind(member.value) == JSON_NULL || talk_says_nothing(member.value);
        for (size_t i = 0; i < count && !known; i++) {
            known = talk_key_is(reading, member.key, names[i]);
        }
        if (!known) {
            const char *within = reading->within;
            reading->within = "tools[].";
            TRY(talk_own(reading, member.key, "cannot be carried to a route of another dialect"));
            reading->within = within;
        }
    }
    return ERR_OK;
}

/* ---- turns, parts, tools ------------------------------------------------------------------ */

enum err talk_add_turn(struct talk_reading *reading, enum talk_role role, uint32_t at, bool joins,
                       struct talk_turn **ret_turn)
{
    struct talk *talk = reading->talk;
    if (joins && talk->last_turn != NULL && talk->last_turn->role == role) {
        *ret_turn = talk->last_turn;
        return ERR_OK;
    }
    if (talk->turns_count == TALK_TURNS_MAX) {
        return talk_refuse_at(talk, reading->fail, ERR_ASK_INVALID, at, TALK_NO_PLACE,
                              "is one message too many");
    }
    struct talk_turn *turn = arena_zalloc(talk->arena, sizeof(*turn));
    if (turn == NULL) {
        return ERR_NO_MEMORY;
    }
    turn->role = role;
    turn->at = at;
    if (talk->last_turn == NULL) {
        talk->turns = turn;
    } else {
        talk->last_turn->next = turn;
    }
    talk->last_turn = turn;
    talk->turns_count++;
    *ret_turn = turn;
    return ERR_OK;
}

enum err talk_add_system(struct talk_reading *reading, struct str value, talk_content_fn *read)
{
    struct talk *talk = reading->talk;
    struct talk_turn *turns = talk->turns;
    struct talk_turn *last = talk->last_turn;
    struct talk_turn *turn;
    talk->turns = NULL;
    talk->last_turn = NULL;
    TRY(talk_add_turn(reading, TALK_SYSTEM, 0, false, &turn));
    TRY(read(reading, turn, value));
    turn->next = turns;
    talk->last_turn = last != NULL ? last : turn;
    if (turn->parts == NULL) { /* it says nothing */
        talk->turns = turns;
        talk->last_turn = last;
    }
    return ERR_OK;
}

bool talk_ends_in_result(const struct talk *talk)
{
    return talk->last_turn != NULL && talk->last_turn->last != NULL &&
           talk->last_turn->last->kind == TALK_RESULT;
}

static enum err talk_new_part(struct talk_reading *reading, enum talk_kind kind, uint32_t turn,
                              uint32_t place, struct talk_part **ret_part)
{
    struct talk *talk = reading->talk;
    if (talk->parts_count == TALK_PARTS_MAX) {
        return talk_refuse_at(talk, reading->fail, ERR_ASK_INVALID, turn, place,
                              "is one part too many");
    }
    struct talk_part *part = arena_zalloc(talk->arena, sizeof(*part));
    if (part == NULL) {
        return ERR_NO_MEMORY;
    }
    talk->parts_count++;
    part->kind = kind;
    part->turn = turn;
    part->place = place;
    part->source = talk->dialect;
    *ret_part = part;
    return ERR_OK;
}

enum err talk_add_part(struct talk_reading *reading, struct talk_turn *turn, enum talk_kind kind,
                       uint32_t place, struct talk_part **ret_part)
{
    TRY(talk_new_part(reading, kind, turn->at, place, ret_part));
    if (turn->last == NULL) {
        turn->parts = *ret_part;
    } else {
        turn->last->next = *ret_part;
    }
    turn->last = *ret_part;
    return ERR_OK;
}

enum err talk_add_inner(struct talk_reading *reading, struct talk_part *result, enum talk_kind kind,
                        struct talk_part **ret_part)
{
    struct talk_part **link = &result->parts;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    TRY(talk_new_part(reading, kind, result->turn, result->place, ret_part));
    *link = *ret_part;
    return ERR_OK;
}

enum err talk_add_text(struct talk_reading *reading, struct talk_turn *turn, uint32_t place,
                       struct str text)
{
    struct talk_part *part;
    if (text.len == 0) {
        return ERR_OK;
    }
    TRY(talk_add_part(reading, turn, TALK_TEXT, place, &part));
    part->text = text;
    return ERR_OK;
}

enum err talk_add_tool(struct talk_reading *reading, struct str name, struct talk_tool **ret_tool)
{
    struct talk *talk = reading->talk;
    if (name.len == 0) {
        return talk_refuse(reading, ERR_ASK_MISSING, STR("tools"), "must each have a name");
    }
    if (talk->tools_count == TALK_TOOLS_MAX) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("tools"), "must be at most 1024");
    }
    struct talk_tool *tool = arena_zalloc(talk->arena, sizeof(*tool));
    if (tool == NULL) {
        return ERR_NO_MEMORY;
    }
    tool->name = name;
    if (talk->last_tool == NULL) {
        talk->tools = tool;
    } else {
        talk->last_tool->next = tool;
    }
    talk->last_tool = tool;
    talk->tools_count++;
    *ret_tool = tool;
    return ERR_OK;
}

enum err talk_set_id(struct talk_reading *reading, struct talk_part *part, struct str id)
{
    if (id.len == 0) {
        return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_MISSING, part->turn,
                              part->place, "must name its call's id");
    }
    return carry_id_read(id, reading->talk->arena, &part->id);
}

void talk_set_signature(struct talk *talk, struct talk_part *part, struct str signature)
{
    part->signature = carry_sig_read(signature, talk->dialect, &part->source);
}

static bool is_base64(struct str text)
{
    size_t pad = str_ends(text, STR("==")) ? 2 : str_ends(text, STR("=")) ? 1 : 0;
    for (size_t i = 0; i + pad < text.len; i++) {
        char c = text.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '+' || c == '/' || c == '-' || c == '_';
        if (!fine) {
            return false;
        }
    }
    return text.len > pad && text.len % 4 != 1;
}

/* The one escape that base64 may have. */
static enum err without_escapes(struct talk_reading *reading, struct str *text)
{
    if (str_find(*text, '\\') == text->len) {
        return ERR_OK;
    }
    return text_decode(*text, reading->talk->arena, text) ? ERR_OK : ERR_NO_MEMORY;
}

/* Base64 with the letters of addresses, as some SDKs write it, in those that all upstreams take. */
static enum err with_plain_letters(struct talk_reading *reading, struct str *data)
{
    if (str_find(*data, '-') == data->len && str_find(*data, '_') == data->len) {
        return ERR_OK;
    }
    char *copy = arena_alloc(reading->talk->arena, data->len);
    for (size_t i = 0; copy != NULL && i < data->len; i++) {
        char c = data->ptr[i];
        copy[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    data->ptr = copy;
    return copy == NULL ? ERR_NO_MEMORY : ERR_OK;
}

enum err talk_set_data(struct talk_reading *reading, struct talk_part *part, struct str media,
                       struct str data)
{
    TRY(without_escapes(reading, &data));
    TRY(without_escapes(reading, &media));
    TRY(with_plain_letters(reading, &data));
    bool typed =
        media.len > 0 && str_find(media, '/') < media.len && enc_json_plain(media) == media.len;
    bool image =
        part->kind != TALK_IMAGE || (str_starts(media, STR("image/")) && picture_can_be(data));
    if (!typed || !image || !is_base64(data)) {
        return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_INVALID, part->turn,
                              part->place, "must be base64 of what its media type says");
    }
    part->media = media;
    part->data = data;
    return ERR_OK;
}

enum err talk_set_url(struct talk_reading *reading, struct talk_part *part, struct str url)
{
    if (url.len == 0) {
        return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_INVALID, part->turn,
                              part->place, "must have a \"url\"");
    }
    if (!str_starts_nocase(url, STR("data:"))) {
        part->url = url;
        return ERR_OK;
    }
    /* Neither a comma nor a semicolon is inside of an escape. */
    size_t comma = str_find(url, ',');
    struct str head = str_slice(url, 5, comma);
    struct str data = comma < url.len ? str_from_at(url, comma + 1) : STR_EMPTY;
    bool based = str_ends(head, STR(";base64"));
    struct str media = based ? str_slice(head, 0, head.len - 7) : STR_EMPTY;
    return talk_set_data(reading, part, str_slice(media, 0, str_find(media, ';')), data);
}

/* ---- the whole request -------------------------------------------------------------------- */

static enum err talk_read_body(struct talk_reading *reading)
{
    switch (reading->talk->dialect) {
    case DIALECT_CHAT:
        return talk_read_chat(reading);
    case DIALECT_RESPONSES:
        return talk_read_responses(reading);
    case DIALECT_ANTHROPIC:
        return talk_read_anthropic(reading);
    case DIALECT_GEMINI:
        return talk_read_gemini(reading);
    case DIALECT_COUNT:
        break;
    }
    return ERR_INTERNAL;
}

static enum err talk_check_json(struct str body, struct fail *fail)
{
    struct json_fault fault;
    enum err err = json_check(body, &fault);
    if (err != ERR_OK) {
        return FAIL(fail, err, "the body is no JSON at offset %zu: %s", fault.offset, fault.reason);
    }
    if (json_kind(json_trim(body)) != JSON_OBJECT) {
        return FAIL(fail, ERR_JSON_SYNTAX, "the body is no JSON object");
    }
    return ERR_OK;
}

enum err talk_read(enum dialect dialect, struct str body, const struct talk_path *path,
                   struct arena *arena, struct talk *ret_talk, struct fail *fail)
{
    *ret_talk = (struct talk){ .dialect = dialect, .arena = arena, .choices = 1 };
    struct talk_reading reading = { .talk = ret_talk, .fail = fail, .within = "" };
    TRY(talk_check_json(body, fail));
    ret_talk->body = json_trim(body);
    if (path != NULL) {
        ret_talk->model = path->model;
        ret_talk->stream = path->stream;
        ret_talk->counts = path->counts;
        ret_talk->notes_own = path->own;
    }
    TRY(talk_read_body(&reading));
    reading.within = "";
    if (ret_talk->model.len == 0) {
        return talk_refuse(&reading, ERR_ASK_MISSING, STR("model"), "is missing");
    }
    return ret_talk->own.len > 0 ? ERR_OK : talk_check(ret_talk, fail); /* else parts are missing */
}
