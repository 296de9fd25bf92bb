/* room: dialect */
#include "dialect/decode.h"
#include "dialect/encode.h"
#include "wire/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_TRIED 8192
#define CALL           "01jd0000000000000000000000"

/* What came of a stream: its answer, and what each client was told of it. */
struct end {
    struct arena arena;
    struct fold fold;
    struct encode encodes[DIALECT_COUNT];
    struct buf outs[DIALECT_COUNT];
    enum err err;
};

static const struct encode_options options[DIALECT_COUNT] = {
    { .dialect = DIALECT_CHAT, .call = STR_INIT(CALL), .waiting_max = SIZE_MAX_TRIED * 8 },
    { .dialect = DIALECT_RESPONSES, .call = STR_INIT(CALL), .waiting_max = SIZE_MAX_TRIED * 8 },
    { .dialect = DIALECT_ANTHROPIC, .call = STR_INIT(CALL), .waiting_max = SIZE_MAX_TRIED * 8 },
    { .dialect = DIALECT_GEMINI, .call = STR_INIT(CALL), .waiting_max = SIZE_MAX_TRIED * 8 },
};

/* The fold asserts the grammar; the encoders must take whatever it takes. */
static enum err take(void *context, const struct event *event)
{
    struct end *end = context;
    ASSERT(fold_take(&end->fold, event) == ERR_OK);
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        ASSERT(encode_take(&end->encodes[i], event) == ERR_OK);
    }
    return ERR_OK;
}

static enum err feed(struct decode *decode, struct sse *sse, struct str stream, size_t step)
{
    struct sse_event event;
    while (stream.len > 0) {
        struct str piece = str_slice(stream, 0, stream.len < step ? stream.len : step);
        stream = str_from_at(stream, piece.len);
        enum wire_result result = sse_next(sse, &piece, &event);
        for (; result == WIRE_DONE; result = sse_next(sse, &piece, &event)) {
            if (event.has_data) {
                TRY(decode_event(decode, event.type, event.data));
            }
        }
        ASSERT(result == WIRE_MORE);
    }
    if (sse_end(sse, &event) == WIRE_DONE && event.has_data) {
        TRY(decode_event(decode, event.type, event.data));
    }
    return decode_end(decode);
}

static void begin(struct end *end)
{
    arena_init(&end->arena, 4096, 64 << 20);
    fold_init(&end->fold, &end->arena);
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        buf_init(&end->outs[i], 64 << 20);
        encode_init(&end->encodes[i], &options[i], &end->arena, &end->outs[i]);
    }
}

static void finish(struct end *end)
{
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        buf_fini(&end->outs[i]);
    }
    arena_fini(&end->arena);
}

static void run_stream(struct str stream, size_t step, enum dialect dialect, struct end *ret_end)
{
    struct decode decode;
    struct sse sse;
    begin(ret_end);
    sse_init(&sse, 2 * SIZE_MAX_TRIED);
    decode_init(&decode, dialect, (struct event_sink){ take, ret_end }, &ret_end->arena);
    ret_end->err = feed(&decode, &sse, stream, step);
    decode_fini(&decode);
    sse_fini(&sse);
}

/* What one client was told reads back as an answer of its dialect. */
static void read_back(struct str stream, enum dialect dialect)
{
    struct end again;
    run_stream(stream, stream.len, dialect, &again);
    ASSERT(again.err == ERR_OK);
    ASSERT(again.fold.ended || again.fold.failed);
    finish(&again);
}

static void check_bodies(struct end *end)
{
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        struct buf body;
        struct lost lost = { 0 };
        struct decode decode;
        struct end again;
        buf_init(&body, 64 << 20);
        ASSERT(encode_body(&options[i], &end->fold, &body, &lost) == ERR_OK);
        begin(&again);
        decode_init(&decode, (enum dialect)i, (struct event_sink){ take, &again }, &again.arena);
        ASSERT(decode_body(&decode, buf_str(&body)) == ERR_OK);
        decode_fini(&decode);
        finish(&again);
        buf_fini(&body);
    }
}

/* However a stream is cut into pieces the same is told of it, and every client can read it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct end whole;
    struct end pieces;
    if (size < 2 || size > SIZE_MAX_TRIED) {
        return 0;
    }
    enum dialect dialect = (enum dialect)(data[0] % DIALECT_COUNT);
    struct str stream = { (const char *)data + 2, size - 2 };
    run_stream(stream, stream.len + 1, dialect, &whole);
    run_stream(stream, (size_t)1 + data[1] % 64U, dialect, &pieces);
    ASSERT(whole.err == pieces.err);
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        ASSERT(str_eq(buf_str(&whole.outs[i]), buf_str(&pieces.outs[i])));
        if (whole.err == ERR_OK && whole.fold.begun) {
            read_back(buf_str(&whole.outs[i]), (enum dialect)i);
        }
    }
    if (whole.fold.ended) {
        check_bodies(&whole);
    }
    finish(&whole);
    finish(&pieces);
    /* As a whole answer, too. */
    struct decode decode;
    begin(&whole);
    decode_init(&decode, dialect, (struct event_sink){ take, &whole }, &whole.arena);
    EP_IGNORE(decode_body(&decode, stream));
    decode_fini(&decode);
    finish(&whole);
    return 0;
}
