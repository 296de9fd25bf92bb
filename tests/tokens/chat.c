/*
 * ep-chat-count VOCAB TEMPLATE literal|parsed: counts chat requests for tests/tokens. On standard
 * input a line with a length, then so many bytes of JSON, again and again; for each a line
 * "tokens image audio exact margin". TEMPLATE alone instead of VOCAB TEMPLATE: "- TEMPLATE" writes
 * the prompt that is counted instead, behind a line with its length and whether it is exact.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "meter/chat_count.h"

#define CHAT_BODY_MAX   ((size_t)64 << 20)
#define CHAT_PROMPT_MAX ((size_t)256 << 20)

static bool chat_read(struct buf *body)
{
    char line[32];
    uint64_t len = 0;
    if (fgets(line, sizeof(line), stdin) == NULL ||
        !str_to_u64(str_slice(str_from(line), 0, strcspn(line, "\n")), &len)) {
        return false;
    }
    buf_reset(body);
    if (buf_reserve(body, len) != ERR_OK || fread(body->ptr, 1, len, stdin) != len) {
        return false;
    }
    buf_added(body, len);
    struct json_fault fault;
    return json_check(buf_str(body), &fault) == ERR_OK;
}

/* ---- counted ----------------------------------------------------------------------------- */

static enum err chat_one(struct token_counter *counter, const struct chat_count_options *options,
                         struct str body, size_t budget)
{
    static struct chat_count chat;
    bool done = false;
    enum err err = ERR_OK;
    chat_count_begin(&chat, counter, options, body);
    while (err == ERR_OK && !done) {
        err = chat_count_step(&chat, counter, budget, &done);
    }
    if (err == ERR_OK) {
        struct chat_counted counted = chat_count_result(&chat);
        printf("%llu %llu %llu %d %llu\n", (unsigned long long)counted.tokens,
               (unsigned long long)counted.image_tokens, (unsigned long long)counted.audio_tokens,
               counted.exact, (unsigned long long)counted.margin);
    }
    chat_count_fini(&chat);
    return err;
}

static int chat_count_all(const char *path, const struct chat_count_options *options)
{
    /* Steps of changing sizes: where a prompt is cut must not show. */
    static const size_t budgets[] = { CHAT_COUNT_SLICE, 1, 7, 300 };
    struct fail fail;
    struct vocab *vocab = NULL;
    struct token_counter *counter = NULL;
    if (vocab_open(path, &vocab, &fail) != ERR_OK) {
        (void)fprintf(stderr, "%s\n", fail.text);
        return 2;
    }
    struct buf body;
    buf_init(&body, CHAT_BODY_MAX);
    enum err err = token_counter_create(vocab, 1, &counter);
    for (size_t i = 0; err == ERR_OK && chat_read(&body); i++) {
        err = chat_one(counter, options, buf_str(&body), budgets[i % EP_ARRAY_LEN(budgets)]);
        (void)fflush(stdout);
    }
    buf_fini(&body);
    token_counter_destroy(counter);
    vocab_close(vocab);
    return err == ERR_OK ? 0 : 1;
}

/* ---- rendered ---------------------------------------------------------------------------- */

static enum err chat_put_json(struct buf *out, const struct template_piece *piece, bool *exact)
{
    static struct tojson tojson;
    struct tojson_run run;
    tojson_begin(&tojson, piece->text, piece->embedded, piece->style, piece->wrap);
    while (tojson_next(&tojson, &run)) {
        TRY(buf_append(out, run.text));
    }
    *exact = *exact && tojson.exact;
    return ERR_OK;
}

static enum err chat_put(struct buf *out, const struct template_piece *piece, bool *exact)
{
    struct str span = piece->text;
    switch (piece->kind) {
    case TEMPLATE_CONTROL:
    case TEMPLATE_MARK:
    case TEMPLATE_TEXT:
        return buf_append(out, piece->text);
    case TEMPLATE_STRING:
        while (span.len > 0) {
            char bytes[4];
            size_t len = json_take_char(&span, bytes);
            TRY(buf_append(out, (struct str){ bytes, len }));
        }
        return ERR_OK;
    case TEMPLATE_JSON:
        return chat_put_json(out, piece, exact);
    case TEMPLATE_IMAGE:
    case TEMPLATE_AUDIO:
    case TEMPLATE_DOUBT:
        *exact = false;
        return ERR_OK;
    case TEMPLATE_GAP:
    case TEMPLATE_END:
    case TEMPLATE_WAIT:
        break;
    }
    return ERR_OK;
}

static int chat_render_all(const struct template_program *program)
{
    struct buf body;
    struct buf prompt;
    buf_init(&body, CHAT_BODY_MAX);
    buf_init(&prompt, CHAT_PROMPT_MAX);
    enum err err = ERR_OK;
    while (err == ERR_OK && chat_read(&body)) {
        struct template_run run;
        struct template_piece piece;
        bool exact = true;
        buf_reset(&prompt);
        template_begin(&run, program, buf_str(&body));
        do {
            template_next(&run, &piece);
            err = chat_put(&prompt, &piece, &exact);
        } while (err == ERR_OK && piece.kind != TEMPLATE_END);
        printf("%zu %d\n", prompt.len, exact);
        (void)fwrite(prompt.ptr, 1, prompt.len, stdout);
        (void)fflush(stdout);
    }
    buf_fini(&body);
    buf_fini(&prompt);
    return err == ERR_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fputs("usage: ep-chat-count VOCAB|- TEMPLATE [literal|parsed]\n", stderr);
        return 2;
    }
    const struct template_program *program = template_find(str_from(argv[2]));
    if (strcmp(argv[1], "-") == 0) {
        return chat_render_all(program);
    }
    bool parsed = argc > 3 && strcmp(argv[3], "parsed") == 0;
    struct chat_count_options options = {
        .program = program,
        .specials = parsed ? COUNT_PARSED : COUNT_LITERAL,
    };
    return chat_count_all(argv[1], &options);
}
