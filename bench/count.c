/*
 * ep-bench-count VOCAB.etk count|parts DOCUMENTS ROUNDS: how long counting takes, in nanoseconds of
 * the processor, for others may be at work on the machine.
 *
 * DOCUMENTS is a file of texts, each behind its length (u32, little endian). "count" counts each
 * whole; "parts" feeds each as a stream in parts of a few characters, as an answer comes, asking
 * for the count after every part. Of each text the best of ROUNDS is reported, all together, with
 * what opening and holding the vocabulary cost, as lines "NAME NUMBER".
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "crypto/digest.h"
#include "meter/count.h"

#define BENCH_FILE_MAX  ((size_t)256 << 20)
#define BENCH_PART      12 /* bytes: about what an answer's delta carries, two or three tokens */
#define BENCH_NS_PER_S  UINT64_C(1000000000)
#define BENCH_ROUND_MAX 1000
#define BENCH_TEXTS_MAX 4096

struct bench {
    struct token_counter *counter;
    struct buf file;
    uint64_t tokens;
    uint64_t bytes;
    uint64_t parts;
    uint64_t best[BENCH_TEXTS_MAX]; /* nanoseconds; 0: not counted yet */
};

static uint64_t bench_now_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * BENCH_NS_PER_S + (uint64_t)now.tv_nsec;
}

static enum err bench_read(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return ERR_IO;
    }
    enum err err = ERR_OK;
    size_t got = 1;
    while (err == ERR_OK && got > 0) {
        err = buf_reserve(out, 1 << 20);
        if (err == ERR_OK) {
            got = fread(out->ptr + out->len, 1, 1 << 20, file);
            buf_added(out, got);
        }
    }
    (void)fclose(file); /* nothing was written */
    return err;
}

static enum err bench_whole(struct bench *bench, struct str text)
{
    uint64_t tokens = 0;
    TRY(count_text(bench->counter, text, COUNT_LITERAL, &tokens));
    bench->tokens += tokens;
    bench->parts++;
    return ERR_OK;
}

static enum err bench_parts(struct bench *bench, struct str text)
{
    struct count_stream stream;
    enum err err = ERR_OK;
    uint64_t tokens = 0;
    count_stream_init(&stream, COUNT_LITERAL);
    for (size_t at = 0; at < text.len && err == ERR_OK; at += BENCH_PART) {
        size_t end = text.len - at > BENCH_PART ? at + BENCH_PART : text.len;
        err = count_stream_feed(bench->counter, &stream, str_slice(text, at, end));
        if (err == ERR_OK) {
            err = count_stream_now(bench->counter, &stream, &tokens);
        }
        bench->parts++;
    }
    count_stream_fini(&stream);
    bench->tokens += tokens;
    return err;
}

static enum err bench_round(struct bench *bench, bool parts)
{
    struct str rest = buf_str(&bench->file);
    bench->tokens = bench->bytes = bench->parts = 0;
    for (size_t i = 0; rest.len > 0; i++) {
        uint32_t len = 0;
        if (rest.len < sizeof(len) || i == BENCH_TEXTS_MAX) {
            return ERR_IO;
        }
        memcpy(&len, rest.ptr, sizeof(len));
        rest = str_from_at(rest, sizeof(len));
        if (rest.len < len) {
            return ERR_IO;
        }
        struct str text = str_slice(rest, 0, len);
        uint64_t from = bench_now_ns();
        TRY(parts ? bench_parts(bench, text) : bench_whole(bench, text));
        uint64_t took = bench_now_ns() - from;
        bench->best[i] = bench->best[i] == 0 || took < bench->best[i] ? took : bench->best[i];
        bench->bytes += len;
        rest = str_from_at(rest, len);
    }
    return ERR_OK;
}

static enum err bench_run(struct bench *bench, bool parts, uint64_t rounds)
{
    uint64_t best = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        TRY(bench_round(bench, parts));
    }
    for (size_t i = 0; i < BENCH_TEXTS_MAX; i++) {
        best += bench->best[i];
    }
    (void)printf("ns %llu\nbytes %llu\ntokens %llu\nparts %llu\n", (unsigned long long)best,
                 (unsigned long long)bench->bytes, (unsigned long long)bench->tokens,
                 (unsigned long long)bench->parts);
    return ERR_OK;
}

static int bench_vocab(const char *path, bool parts, const char *documents, uint64_t rounds)
{
    static struct bench bench;
    struct vocab *vocab = NULL;
    struct fail fail = { .text = "" };
    uint64_t from = bench_now_ns();
    enum err err = vocab_open(path, &vocab, &fail);
    uint64_t opened = bench_now_ns() - from;
    if (err != ERR_OK) {
        (void)fprintf(stderr, "%s: %s\n", path, fail.text);
        return 3;
    }
    struct mallinfo2 before = mallinfo2();
    err = token_counter_create(vocab, 1, &bench.counter);
    struct mallinfo2 after = mallinfo2();
    buf_init(&bench.file, BENCH_FILE_MAX);
    if (err == ERR_OK) {
        err = bench_read(documents, &bench.file);
    }
    if (err == ERR_OK) {
        (void)printf("open_ns %llu\nshared_bytes %zu\nthread_bytes %zu\n",
                     (unsigned long long)opened, vocab_info(vocab)->bytes,
                     after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
        err = bench_run(&bench, parts, rounds);
    }
    buf_fini(&bench.file);
    token_counter_destroy(bench.counter);
    vocab_close(vocab);
    return err == ERR_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct fail fail = { .text = "" };
    uint64_t rounds = 0;
    if (argc != 5 || (strcmp(argv[2], "count") != 0 && strcmp(argv[2], "parts") != 0) ||
        !str_to_u64(str_from(argv[4]), &rounds) || rounds == 0 || rounds > BENCH_ROUND_MAX) {
        (void)fprintf(stderr, "usage: %s VOCAB.etk count|parts DOCUMENTS ROUNDS\n", argv[0]);
        return 2;
    }
    if (crypto_start(&fail) != ERR_OK) {
        return 3;
    }
    return bench_vocab(argv[1], argv[2][0] == 'p', argv[3], rounds);
}
