/* room: dialect */
#include "dialect/talk.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_TRIED 8192

static const struct talk_path path = { .model = STR_INIT("m"), .stream = true };

/* Reads what was written for a target and writes it again. false: it is refused, because what was
 * left out was all there was to say. */
static bool again(struct str body, const struct talk_target *target, struct buf *out)
{
    struct lost lost = { 0 };
    struct arena arena;
    struct talk talk;
    struct fail fail;
    struct json_fault fault;
    ASSERT(json_check(body, &fault) == ERR_OK);
    arena_init(&arena, 4096, 16 << 20);
    bool gemini = target->dialect == DIALECT_GEMINI;
    bool read =
        talk_read(target->dialect, body, gemini ? &path : NULL, &arena, &talk, &fail) == ERR_OK &&
        talk_write(&talk, target, out, &lost, &fail) == ERR_OK;
    arena_fini(&arena);
    return read;
}

/* What is written for a target reads as a request of its dialect. Neighbours of one side may be
 * joined when it is; from then on it is written as it is. */
static void check_target(struct talk *talk, enum dialect dialect)
{
    const struct talk_target target = {
        .dialect = dialect, .model = STR_INIT("up\"1"), .output_cap = 4096, .takes_urls = true
    };
    struct buf texts[3];
    struct lost lost = { 0 };
    struct fail fail;
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        buf_init(&texts[i], 1 << 20);
    }
    enum err err = talk_write(talk, &target, &texts[0], &lost, &fail);
    ASSERT(err == ERR_OK || talk->param.ptr != NULL);
    if (err == ERR_OK && again(buf_str(&texts[0]), &target, &texts[1])) {
        ASSERT(again(buf_str(&texts[1]), &target, &texts[2]));
        /* A mark within a mark is another server's, and one is taken off at a time. */
        bool nested = str_search(buf_str(&texts[0]), STR(".ep_sig.")) < texts[0].len;
        ASSERT(nested || str_eq(buf_str(&texts[1]), buf_str(&texts[2])));
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        buf_fini(&texts[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct talk talk;
    struct fail fail;
    if (size < 1 || size > SIZE_MAX_TRIED) {
        return 0;
    }
    enum dialect dialect = (enum dialect)(data[0] % DIALECT_COUNT);
    struct str body = { (const char *)data + 1, size - 1 };
    arena_init(&arena, 4096, 16 << 20);
    enum err err = talk_read(dialect, body, &path, &arena, &talk, &fail);
    /* The name of a field is text: it goes into an error as it stands. */
    char quoted[TALK_PARAM_MAX + 2] = "\"";
    memcpy(quoted + 1, talk.param_text, talk.param.len);
    quoted[talk.param.len + 1] = '"';
    struct json_fault param_fault;
    ASSERT(json_check((struct str){ quoted, talk.param.len + 2 }, &param_fault) == ERR_OK);
    ASSERT(err == ERR_OK || err == ERR_JSON_SYNTAX || err == ERR_JSON_DEPTH ||
           talk.param.ptr != NULL);
    for (unsigned i = 0; i < DIALECT_COUNT && err == ERR_OK; i++) {
        check_target(&talk, (enum dialect)i);
    }
    if (err == ERR_OK) {
        struct buf echo;
        struct json_fault fault;
        buf_init(&echo, 1 << 20);
        ASSERT(buf_byte(&echo, '{') == ERR_OK);
        ASSERT(talk_echo(&talk, &echo) == ERR_OK);
        ASSERT(buf_append(&echo, STR("\"x\":0}")) == ERR_OK);
        ASSERT(json_check(buf_str(&echo), &fault) == ERR_OK);
        buf_fini(&echo);
    }
    arena_fini(&arena);
    return 0;
}
