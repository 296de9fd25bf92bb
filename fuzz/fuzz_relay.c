/* room: gate */
#include "base/model_name.h"
#include "gate/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_TRIED 8192

static const struct str names[] = { STR_INIT("m-2026") };
static const struct registry_model model = { .id = STR_INIT("m"), .declared_names = { names, 1 } };

static void emit(void *context, struct str bytes)
{
    ASSERT(bytes.len > 0);
    ASSERT(buf_append(context, bytes) == ERR_OK);
}

/* What became of a stream. */
struct end {
    struct buf out;
    struct buf tail;
    struct buf told; /* what the texts say, and where they belong */
    enum err err;
    enum swap_state named;
    int64_t events;
    int64_t bytes;
};

static void tell(void *context, const struct chat_text *text)
{
    struct buf *told = context;
    ASSERT(buf_printf(told, "%d %lld %lld " STR_FMT "\n", (int)text->part, (long long)text->choice,
                      (long long)text->tool, STR_ARG(text->json)) == ERR_OK);
}

static void run(enum dialect dialect, struct str stream, size_t step, struct end *ret_end)
{
    struct relay relay;
    const struct chat_sink sink = { tell, &ret_end->told };
    relay_init(&relay, &(struct relay_options){ .dialect = dialect,
                                                .model = &model,
                                                .upstream_model = STR("up"),
                                                .sink = &sink,
                                                .choices = 1,
                                                .event_max = 2 * SIZE_MAX_TRIED,
                                                .tail_max = 2 * SIZE_MAX_TRIED });
    *ret_end = (struct end){ .err = ERR_OK };
    buf_init(&ret_end->out, 2 * SIZE_MAX_TRIED);
    buf_init(&ret_end->tail, 2 * SIZE_MAX_TRIED);
    buf_init(&ret_end->told, 64 * SIZE_MAX_TRIED);
    while (stream.len > 0 && ret_end->err == ERR_OK) {
        struct str piece = str_slice(stream, 0, stream.len < step ? stream.len : step);
        stream = str_from_at(stream, piece.len);
        ret_end->err = relay_feed(&relay, piece, emit, &ret_end->out);
    }
    ret_end->err =
        ret_end->err == ERR_OK ? relay_finish(&relay, emit, &ret_end->out) : ret_end->err;
    ASSERT((ret_end->err == ERR_UPSTREAM_MODEL) == (relay.named == SWAP_MISMATCH));
    ASSERT(relay.begun || ret_end->out.len == 0); /* nothing leaves unchecked */
    ret_end->named = relay.named;
    ret_end->events = relay.content_events;
    ret_end->bytes = relay.content_bytes;
    ASSERT(buf_append(&ret_end->tail, buf_str(&relay.tail)) == ERR_OK);
    relay_fini(&relay);
}

/* The same but for ends of lines: of a CR LF that is cut in two, the LF comes with what is next. */
static bool same(struct str a, struct str b)
{
    while (a.len > 0 || b.len > 0) {
        if (a.len > 0 && (a.ptr[0] == '\r' || a.ptr[0] == '\n')) {
            a = str_from_at(a, 1);
        } else if (b.len > 0 && (b.ptr[0] == '\r' || b.ptr[0] == '\n')) {
            b = str_from_at(b, 1);
        } else if (a.len == 0 || b.len == 0 || a.ptr[0] != b.ptr[0]) {
            return false;
        } else {
            a = str_from_at(a, 1);
            b = str_from_at(b, 1);
        }
    }
    return true;
}

/* However a stream is cut into pieces, the same of it leaves, and the same is known of it. */
static void check_stream(enum dialect dialect, struct str stream, size_t step)
{
    struct end whole;
    struct end pieces;
    run(dialect, stream, stream.len + 1, &whole);
    run(dialect, stream, step, &pieces);
    ASSERT(whole.err == pieces.err);
    ASSERT(whole.named == pieces.named);
    ASSERT(whole.events == pieces.events);
    ASSERT(whole.bytes == pieces.bytes);
    ASSERT(str_eq(buf_str(&whole.told), buf_str(&pieces.told)));
    ASSERT(same(buf_str(&whole.out), buf_str(&pieces.out)));
    ASSERT(same(buf_str(&whole.tail), buf_str(&pieces.tail)));
    buf_fini(&whole.out);
    buf_fini(&whole.tail);
    buf_fini(&whole.told);
    buf_fini(&pieces.out);
    buf_fini(&pieces.tail);
    buf_fini(&pieces.told);
}

static void count(void *context, const struct chat_text *text)
{
    ASSERT(text->json.len > 2 && text->json.ptr[0] == '"');
    ++*(int64_t *)context;
}

/* Read at once, anything is an answer or none. */
static void check_whole(enum dialect dialect, struct str body)
{
    struct relay relay;
    int64_t texts = 0;
    const struct chat_sink sink = { count, &texts };
    relay_init(&relay, &(struct relay_options){ .dialect = dialect,
                                                .model = &model,
                                                .upstream_model = STR("up"),
                                                .choices = 1,
                                                .event_max = SIZE_MAX_TRIED,
                                                .tail_max = SIZE_MAX_TRIED });
    enum err err = relay_whole(&relay, body, &sink);
    ASSERT((err == ERR_UPSTREAM_MODEL) == (relay.named == SWAP_MISMATCH));
    ASSERT(err == ERR_OK || !relay.has_usage);
    relay_fini(&relay);
}

/* What counts of a name is a part of it, and names the same model. */
static void check_name(struct str name)
{
    struct str counts = model_name_normalise(name);
    ASSERT(counts.len == 0 ||
           (counts.ptr >= name.ptr && counts.ptr + counts.len <= name.ptr + name.len));
    ASSERT(str_find(counts, '/') == counts.len && str_find(counts, ':') == counts.len);
    ASSERT(model_name_same(name, name) == (counts.len > 0));
    enum swap_state state = swap_check(&model, STR("up"), name);
    ASSERT((state == SWAP_UNKNOWN) == (name.len == 0));
    ASSERT(state != SWAP_SAME || counts.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    if (!started) {
        ASSERT(crypto_start(NULL) == ERR_OK);
        started = true;
    }
    if (size < 1 || size > SIZE_MAX_TRIED) {
        return 0;
    }
    struct str rest = { (const char *)data + 1, size - 1 };
    enum dialect dialect = (enum dialect)(data[0] / 64U);
    check_stream(dialect, rest, (size_t)1 + data[0] % 64U);
    check_whole(dialect, rest);
    check_name(rest);
    return 0;
}
