/* room: dialect */
#include "dialect/talk.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_TRIED 8192

static const struct talk_path path = { STR_INIT("m"), true };

/* What is written for a target reads as a request of its dialect, and is written as it is. */
static void check_target(struct talk *talk, enum dialect dialect)
{
    const struct talk_target target = {
        .dialect = dialect, .model = STR_INIT("up\"1"), .output_cap = 4096, .takes_urls = true
    };
    struct buf once;
    struct buf twice;
    struct lost lost = { 0 };
    struct arena arena;
    struct talk again;
    struct fail fail;
    buf_init(&once, 1 << 20);
    buf_init(&twice, 1 << 20);
    arena_init(&arena, 4096, 16 << 20);
    enum err err = talk_write(talk, &target, &once, &lost, &fail);
    ASSERT(err == ERR_OK || talk->param.len > 0);
    if (err == ERR_OK) {
        struct json_fault fault;
        ASSERT(json_check(buf_str(&once), &fault) == ERR_OK);
        err = talk_read(dialect, buf_str(&once), dialect == DIALECT_GEMINI ? &path : NULL, &arena,
                        &again, &fail);
        /* What all parts of a turn were lost with, a call's reasoning, leaves nothing to say. */
        if (err == ERR_OK && talk_write(&again, &target, &twice, &lost, &fail) == ERR_OK) {
            ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
        }
    }
    buf_fini(&once);
    buf_fini(&twice);
    arena_fini(&arena);
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
    ASSERT(err == ERR_OK || err == ERR_JSON_SYNTAX || err == ERR_JSON_DEPTH || talk.param.len > 0);
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
