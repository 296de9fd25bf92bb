/*
 * ep-bench-detect FILE ROUNDS: how fast the detectors read a file, in megabytes a second.
 *
 * Once as text fed whole, once in pieces of a few characters, once as the string of a JSON body in
 * slices of 8 KiB, as a turn of the loop takes it; the best of ROUNDS each, and the longest slice.
 * Then what was found, so that nothing is measured that does nothing. Lines "NAME NUMBER".
 */
#include <stdio.h>
#include <time.h>

#include "detect_sample.h"
#include "wire/jsonw.h"

#define BENCH_FILE_MAX  ((size_t)256 << 20)
#define BENCH_PART      12 /* bytes: about what an answer's delta carries */
#define BENCH_SLICE     ((size_t)8 << 10)
#define BENCH_NS_PER_S  UINT64_C(1000000000)
#define BENCH_ROUND_MAX 1000

enum bench_way {
    BENCH_WHOLE,
    BENCH_PARTS,
    BENCH_JSON
};

/* Of this program alone: what else the machine does is no part of it. */
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

static void bench_json(struct detector *detector, struct str text, uint64_t *longest)
{
    uint64_t from = bench_now_ns();
    for (size_t offset = 0; offset < text.len;) {
        detect_json(detector, text, &offset, BENCH_SLICE);
        uint64_t now = bench_now_ns();
        *longest = now - from > *longest ? now - from : *longest;
        from = now;
    }
}

static void bench_once(enum bench_way way, struct str text, struct detect_result *ret_result,
                       uint64_t *longest)
{
    static struct detector detector;
    detect_begin(&detector, detect_sample(), SAMPLE_TODAY);
    switch (way) {
    case BENCH_WHOLE:
        detect_feed(&detector, text);
        break;
    case BENCH_PARTS:
        for (size_t at = 0; at < text.len; at += BENCH_PART) {
            size_t end = text.len - at > BENCH_PART ? at + BENCH_PART : text.len;
            detect_feed(&detector, str_slice(text, at, end));
        }
        break;
    case BENCH_JSON:
        bench_json(&detector, text, longest);
        break;
    }
    detect_end(&detector, ret_result);
}

static void bench_way(const char *name, enum bench_way way, struct str text, uint64_t rounds)
{
    struct detect_result result = { 0 };
    uint64_t best = UINT64_MAX;
    uint64_t longest = UINT64_MAX; /* the least of the rounds' */
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t slice = 0;
        uint64_t from = bench_now_ns();
        bench_once(way, text, &result, &slice);
        uint64_t took = bench_now_ns() - from;
        best = took < best ? took : best;
        longest = slice < longest ? slice : longest;
    }
    (void)printf("%s_mb_per_s %llu\n", name,
                 (unsigned long long)(text.len * UINT64_C(1000) / (best > 0 ? best : 1)));
    if (way == BENCH_JSON) {
        (void)printf("slice_ns %llu\n", (unsigned long long)longest);
        for (size_t i = 0; i < DETECT_CLASSES; i++) {
            (void)printf("%s %u\n", detect_class_name((enum detect_class)i).ptr,
                         result.classes[i][DETECT_WEAK] + result.classes[i][DETECT_STRONG]);
        }
    }
}

int main(int argc, char **argv)
{
    struct buf file;
    struct buf json;
    uint64_t rounds = 0;
    if (argc != 3 || !str_to_u64(str_from(argv[2]), &rounds) || rounds == 0 ||
        rounds > BENCH_ROUND_MAX) {
        (void)fprintf(stderr, "usage: %s FILE ROUNDS\n", argv[0]);
        return 2;
    }
    buf_init(&file, BENCH_FILE_MAX);
    buf_init(&json, 2 * BENCH_FILE_MAX);
    enum err err = bench_read(argv[1], &file);
    if (err == ERR_OK) {
        err = jsonw_quote(&json, buf_str(&file));
    }
    if (err == ERR_OK) {
        bench_way("whole", BENCH_WHOLE, buf_str(&file), rounds);
        bench_way("parts", BENCH_PARTS, buf_str(&file), rounds);
        bench_way("json", BENCH_JSON, buf_str(&json), rounds);
    } else {
        (void)fprintf(stderr, "%s: could not be read\n", argv[1]);
    }
    buf_fini(&json);
    buf_fini(&file);
    return err == ERR_OK ? 0 : 1;
}
