#include "accent.h"

#include <stdio.h>

#include "dialect/refusal.h"
#include "dialect/talk.h"
#include "wire/json.h"

#define ACCENT_MAX ((size_t)64 << 20)

/* ---- requests ----------------------------------------------------------------------------- */

bool accent_of(struct str path, enum dialect *ret_dialect, struct str *ret_model, bool *ret_stream)
{
    static const struct str models = STR_INIT("/models/");
    size_t at = str_search(path, models);
    *ret_model = STR_EMPTY;
    *ret_stream = false;
    if (str_ends(path, STR("/messages")) || str_ends(path, STR("/responses"))) {
        *ret_dialect = str_ends(path, STR("/messages")) ? DIALECT_ANTHROPIC : DIALECT_RESPONSES;
        return true;
    }
    struct str rest = at < path.len ? str_from_at(path, at + models.len) : STR_EMPTY;
    *ret_model = str_cut(&rest, ':');
    *ret_stream = str_eq(rest, STR("streamGenerateContent"));
    *ret_dialect = DIALECT_GEMINI;
    return *ret_stream || str_eq(rest, STR("generateContent"));
}

/* The sentence outlives the talk: faults have static ones. */
static void accent_refuse(const struct fail *fail, struct str param,
                          struct persona_fault *ret_fault)
{
    static char text[FAIL_TEXT_MAX];
    static char field[TALK_PARAM_MAX + 1];
    (void)snprintf(text, sizeof(text), "%s", fail->text);
    (void)snprintf(field, sizeof(field), STR_FMT, STR_ARG(param));
    *ret_fault = (struct persona_fault){
        .status = 400,
        .text = text,
        .type = "invalid_request_error",
        .param = param.len > 0 ? field : NULL,
    };
}

bool accent_read(enum dialect dialect, struct str body, struct str model, bool stream,
                 struct buf *out, struct persona_fault *ret_fault)
{
    struct arena arena;
    struct talk talk;
    struct lost lost = { 0 };
    struct fail fail = { .text = "The sandbox is out of memory." };
    const struct talk_path path = { .model = model, .stream = stream, .own = true };
    arena_init(&arena, 4096, ACCENT_MAX);
    enum err err = talk_read(dialect, body, &path, &arena, &talk, &fail);
    struct talk_target target = { .dialect = DIALECT_CHAT, .no_cap = true, .takes_urls = true };
    if (err == ERR_OK && talk.output_cap > 0) {
        target.no_cap = false;
        target.output_cap = talk.output_cap;
    }
    err = err == ERR_OK && !text_decode(talk.model, &arena, &target.model) ? ERR_NO_MEMORY : err;
    err = err == ERR_OK ? talk_write(&talk, &target, out, &lost, &fail) : err;
    if (err != ERR_OK) {
        accent_refuse(&fail, talk.param, ret_fault);
    }
    arena_fini(&arena);
    return err == ERR_OK;
}

/* ---- answers ------------------------------------------------------------------------------ */

static enum err accent_take(void *context, const struct event *event)
{
    struct accent *accent = context;
    return encode_take(&accent->encode, event);
}

void accent_begin(struct accent *accent, enum dialect dialect, const struct persona_ask *ask,
                  const struct persona_options *persona, uint64_t number)
{
    accent->dialect = dialect;
    accent->used = true;
    accent->persona = persona;
    arena_init(&accent->arena, 4096, ACCENT_MAX);
    buf_init(&accent->out, ACCENT_MAX);
    buf_init(&accent->rewritten, ACCENT_MAX);
    int len =
        snprintf(accent->call, sizeof(accent->call), "sandbox%llu", (unsigned long long)number);
    accent->options = (struct encode_options){
        .dialect = dialect,
        .call = { accent->call, (size_t)len },
        .created_s = ask->created,
        .input_tokens = ask->prompt_tokens,
        .waiting_max = ENCODE_WAITING_MAX,
    };
    encode_init(&accent->encode, &accent->options, &accent->arena, &accent->out);
    decode_init(&accent->decode, DIALECT_CHAT, (struct event_sink){ accent_take, accent },
                &accent->arena);
}

void accent_fini(struct accent *accent)
{
    if (accent->used) {
        decode_fini(&accent->decode);
        buf_fini(&accent->out);
        buf_fini(&accent->rewritten);
        arena_fini(&accent->arena);
    }
}

/* Of a report: there is no brace in its names. */
static size_t accent_object_len(struct str text)
{
    size_t depth = 0;
    size_t at = 0;
    do {
        depth += text.ptr[at] == '{' ? 1 : 0;
        depth -= text.ptr[at] == '}' ? 1 : 0;
        at++;
    } while (depth > 0 && at < text.len);
    return at;
}

/* What stands in the place of each report: of a fixed text, or of none. */
static enum err accent_rewrite(struct accent *accent, struct str *bytes)
{
    static const struct str gemini = STR_INIT("\"usageMetadata\":{");
    static const struct str others = STR_INIT("\"usage\":{");
    const struct persona_options *persona = accent->persona;
    struct str name = accent->dialect == DIALECT_GEMINI ? gemini : others;
    struct str report = persona->report.len > 0 ? persona->report : STR("null");
    if (persona->report.len == 0 && persona->usage != PERSONA_MISSING) {
        return ERR_OK;
    }
    struct str rest = *bytes;
    buf_reset(&accent->rewritten);
    for (size_t at = 0; (at = str_search(rest, name)) < rest.len;) {
        size_t from = at + name.len - 1;
        TRY(buf_append(&accent->rewritten, str_slice(rest, 0, from)));
        TRY(buf_append(&accent->rewritten, report));
        rest = str_from_at(rest, from + accent_object_len(str_from_at(rest, from)));
    }
    TRY(buf_append(&accent->rewritten, rest));
    *bytes = buf_str(&accent->rewritten);
    return ERR_OK;
}

enum err accent_event(struct accent *accent, struct str event, struct str *ret_bytes)
{
    buf_reset(&accent->out);
    struct str data = str_slice(event, sizeof("data: ") - 1, event.len - (sizeof("\n\n") - 1));
    TRY(decode_event(&accent->decode, STR_EMPTY, data));
    *ret_bytes = buf_str(&accent->out);
    return accent_rewrite(accent, ret_bytes);
}

enum err accent_whole(struct accent *accent, struct str body, struct str *ret_bytes)
{
    struct fold fold;
    struct lost lost = { 0 };
    fold_init(&fold, &accent->arena);
    accent->decode.sink = (struct event_sink){ fold_take, &fold };
    buf_reset(&accent->out);
    TRY(decode_body(&accent->decode, body));
    TRY(encode_body(&accent->options, &fold, &accent->out, &lost));
    *ret_bytes = buf_str(&accent->out);
    return accent_rewrite(accent, ret_bytes);
}

/* ---- errors ------------------------------------------------------------------------------- */

enum err accent_failure(enum dialect dialect, struct buf *out)
{
    const struct event_error error = { .status = 500,
                                       .type = STR("api_error"),
                                       .message = STR("The sandbox fails on purpose.") };
    return refusal_event(out, dialect, &error, STR_EMPTY);
}

static struct str accent_type(enum dialect dialect, int status)
{
    static const struct {
        int status;
        struct str anthropic;
        struct str gemini;
    } rows[] = {
        { 400, STR_INIT("invalid_request_error"), STR_INIT("INVALID_ARGUMENT") },
        { 401, STR_INIT("authentication_error"), STR_INIT("UNAUTHENTICATED") },
        { 404, STR_INIT("not_found_error"), STR_INIT("NOT_FOUND") },
        { 429, STR_INIT("rate_limit_error"), STR_INIT("RESOURCE_EXHAUSTED") },
        { 503, STR_INIT("overloaded_error"), STR_INIT("UNAVAILABLE") },
        { 529, STR_INIT("overloaded_error"), STR_INIT("UNAVAILABLE") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        if (rows[i].status == status) {
            return dialect == DIALECT_GEMINI ? rows[i].gemini : rows[i].anthropic;
        }
    }
    return dialect == DIALECT_GEMINI ? STR("INTERNAL") : STR("api_error");
}

enum err accent_error(enum dialect dialect, const struct persona_fault *fault, struct buf *out)
{
    if (dialect != DIALECT_ANTHROPIC && dialect != DIALECT_GEMINI) {
        return persona_error(fault, out);
    }
    char room[2 * FAIL_TEXT_MAX];
    struct buf text = { room, 0, sizeof(room), sizeof(room) };
    struct put put = { &text, ERR_OK };
    put_escaped(&put, str_from(fault->text));
    TRY(put.err);
    const struct refusal refusal = {
        .status = fault->status,
        .type = accent_type(dialect, fault->status),
        .message = buf_str(&text),
    };
    return refusal_body(out, dialect, &refusal);
}

const char *accent_request_id(enum dialect dialect)
{
    return dialect == DIALECT_ANTHROPIC ? "request-id" : "x-request-id";
}
