/* Small sources for the readers' tests: 256 byte tokens and a few more, in each format. */
#pragma once

#include "base/enc.h"
#include "crypto/digest.h"
#include "harness.h"
#include "source.h"

#define MADE_MAX ((size_t)256 << 10)

#define MADE_CL100K                                                                       \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}|" \
    " ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"

/* "BASE64 RANK" of each byte, ranks from `first`. */
static inline void made_bytes(struct buf *out, unsigned first)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        unsigned char text = (unsigned char)byte;
        CHECK(enc_base64(out, &text, 1) == ERR_OK);
        CHECK(buf_printf(out, " %u\n", first + byte) == ERR_OK);
    }
}

/* The bytes' base64, each behind a space, as the JSON formats of ranks have them. */
static inline void made_words(struct buf *out)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        unsigned char text = (unsigned char)byte;
        CHECK(buf_byte(out, ' ') == ERR_OK && enc_base64(out, &text, 1) == ERR_OK);
    }
}

static inline void made_add(struct buf *out, const char *text)
{
    CHECK(buf_append(out, str_from(text)) == ERR_OK);
}

/* Replaces the first `from` by `to`. */
static inline void made_replace(struct buf *text, const char *from, const char *to)
{
    struct str all = buf_str(text);
    size_t at = str_search(all, str_from(from));
    if (at == all.len) {
        test_failed(EP_SITE, "\"%s\" is not in the source", from);
    }
    struct buf out;
    buf_init(&out, MADE_MAX);
    CHECK(buf_append(&out, str_slice(all, 0, at)) == ERR_OK);
    made_add(&out, to);
    CHECK(buf_append(&out, str_from_at(all, at + str_from(from).len)) == ERR_OK);
    buf_fini(text);
    *text = out;
}

static inline enum err made_read(struct source *source, const char *rule, struct str file,
                                 struct fail *fail)
{
    static bool started;
    if (!started) {
        CHECK(crypto_start(fail) == ERR_OK);
        started = true;
    }
    struct source_options options = { .name = STR("made"), .rule = str_from(rule) };
    return source_read(source, &options, file, fail);
}

/* Refused, and the sentence has `want` in it. */
static inline void made_refused(const char *rule, struct str file, const char *want)
{
    struct source source;
    struct fail fail = { .text = "" };
    enum err err = made_read(&source, rule, file, &fail);
    if (err == ERR_OK) {
        source_fini(&source);
        test_failed(EP_SITE, "taken, not refused with \"%s\"", want);
    }
    CHECK_EQ(err, ERR_VOCAB);
    if (str_search(str_from(fail.text), str_from(want)) == str_from(fail.text).len) {
        test_failed(EP_SITE, "\"%s\" is not in: %s", want, fail.text);
    }
}
