/*
 * Our side of the comparison with the vendors' own readers: prints what each dialect's client would
 * be sent of answers made from seeds, a line of JSON each:
 *
 *   {"seed":N,"source":"..","target":"..","choices":N,"stream":"..","body":{..}}
 *
 * and, with "error" in the place of the body, streams that an upstream's error ends.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "dialect_sample.h"

static struct sample sample;

static void fail(const char *what)
{
    (void)fprintf(stderr, "could not %s\n", what);
    exit(1);
}

static void print_line(struct put *put, uint64_t seed, enum dialect source, enum dialect target)
{
    PUT(put, "{\"seed\":");
    put_int(put, (int64_t)seed);
    PUT(put, ",\"source\":");
    put_quoted(put, str_from(dialect_name(source)));
    PUT(put, ",\"target\":");
    put_quoted(put, str_from(dialect_name(target)));
}

static void flush(struct put *put)
{
    if (put->err != ERR_OK || fwrite(put->out->ptr, 1, put->out->len, stdout) != put->out->len) {
        fail("print a line");
    }
}

static void print_answer(uint64_t seed, enum dialect source, enum dialect target)
{
    struct arena arena;
    struct buf stream;
    struct buf body;
    struct buf line;
    struct encode encode;
    struct fold fold;
    struct lost lost = { 0 };
    int64_t choices = 0;
    arena_init(&arena, 4096, 16 << 20);
    buf_init(&stream, 1 << 20);
    buf_init(&body, 1 << 20);
    buf_init(&line, 8 << 20);
    encode_init(&encode, &sample_options[target], &arena, &stream);
    fold_init(&fold, &arena);
    for (size_t i = 0; i < sample.count; i++) {
        if (encode_take(&encode, &sample.events[i]) != ERR_OK ||
            fold_take(&fold, &sample.events[i]) != ERR_OK) {
            fail("encode an answer");
        }
        choices += sample.events[i].kind == EVENT_FINISH ? 1 : 0;
    }
    if (encode_body(&sample_options[target], &fold, &body, &lost) != ERR_OK) {
        fail("encode a whole answer");
    }
    struct put put = { &line, ERR_OK };
    print_line(&put, seed, source, target);
    PUT(&put, ",\"choices\":");
    put_int(&put, choices);
    PUT(&put, ",\"stream\":");
    put_quoted(&put, buf_str(&stream));
    PUT(&put, ",\"body\":");
    put_str(&put, buf_str(&body));
    PUT(&put, "}\n");
    flush(&put);
    buf_fini(&stream);
    buf_fini(&body);
    buf_fini(&line);
    arena_fini(&arena);
}

/* The answer breaks off in its middle. */
static void print_error(uint64_t seed, enum dialect target)
{
    const struct event error = { .kind = EVENT_ERROR,
                                 .error = { .status = 529,
                                            .type = STR_INIT("overloaded_error"),
                                            .message = STR_INIT("full") } };
    struct arena arena;
    struct buf stream;
    struct buf line;
    struct encode encode;
    arena_init(&arena, 4096, 16 << 20);
    buf_init(&stream, 1 << 20);
    buf_init(&line, 8 << 20);
    encode_init(&encode, &sample_options[target], &arena, &stream);
    for (size_t i = 0; i < sample.count / 2; i++) {
        if (sample.events[i].kind == EVENT_FINISH) {
            break;
        }
        if (encode_take(&encode, &sample.events[i]) != ERR_OK) {
            fail("encode an answer");
        }
    }
    if (encode_take(&encode, &error) != ERR_OK) {
        fail("encode an error");
    }
    struct put put = { &line, ERR_OK };
    print_line(&put, seed, target, target);
    PUT(&put, ",\"choices\":1,\"stream\":");
    put_quoted(&put, buf_str(&stream));
    PUT(&put, ",\"error\":\"full\"}\n");
    flush(&put);
    buf_fini(&stream);
    buf_fini(&line);
    arena_fini(&arena);
}

int main(int argc, char **argv)
{
    uint64_t from = 0;
    uint64_t count = 0;
    if (argc != 3 || !str_to_u64(str_from(argv[1]), &from) ||
        !str_to_u64(str_from(argv[2]), &count)) {
        (void)fprintf(stderr, "usage: %s FIRST-SEED COUNT\n", argv[0]);
        return 2;
    }
    for (uint64_t seed = from; seed < from + count; seed++) {
        for (unsigned source = 0; source < DIALECT_COUNT; source++) {
            sample_make(&sample, seed, (enum dialect)source, (enum sample_way)(seed % SAMPLE_WAYS));
            for (unsigned target = 0; target < DIALECT_COUNT; target++) {
                print_answer(seed, (enum dialect)source, (enum dialect)target);
            }
            print_error(seed, (enum dialect)source);
            sample_fini(&sample);
        }
    }
    return 0;
}
