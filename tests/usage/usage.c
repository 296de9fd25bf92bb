/*
 * ep-usage: our side of the comparison of usage with a second implementation of the rules
 * (compare.py). On standard input lines of a surface and the reports of one stream, with tabs
 * between; for each a line of JSON: null, or classes, units, flags, and what is written of them for
 * each form of client.
 */
#include <stdio.h>

#include "dialect/tokens.h"
#include "meter/usage_report.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define LINE_MAX_BYTES ((size_t)1 << 16)
#define OUT_MAX        ((size_t)1 << 14)

static bool surface_named(struct str name, enum usage_surface *ret_surface)
{
    for (unsigned i = 0; i < USAGE_SURFACES; i++) {
        if (str_eq(name, str_from(usage_surface_name((enum usage_surface)i)))) {
            *ret_surface = (enum usage_surface)i;
            return true;
        }
    }
    return false;
}

static void put_counts(struct jsonw *json, const struct usage *usage)
{
    jsonw_key(json, "classes");
    jsonw_open(json, '{');
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        if (usage->tokens[i] != 0) {
            jsonw_put_int(json, usage_name((enum usage_class)i), usage->tokens[i]);
        }
    }
    for (unsigned i = 0; i < USAGE_UNITS; i++) {
        if (usage->units[i] != 0) {
            jsonw_put_int(json, usage_unit_name((enum usage_unit)i), usage->units[i]);
        }
    }
    jsonw_close(json, '}');
}

static void put_flags(struct jsonw *json, const struct usage *usage)
{
    jsonw_key(json, "flags");
    jsonw_open(json, '[');
    if (usage->quarantined) {
        jsonw_str(json, STR("quarantined"));
    }
    if (usage->reasoning_added) {
        jsonw_str(json, STR("reasoning_added"));
    }
    if (usage->split_assumed) {
        jsonw_str(json, STR("split_assumed"));
    }
    jsonw_close(json, ']');
}

static void put_forms(struct jsonw *json, const struct usage *usage)
{
    jsonw_key(json, "forms");
    jsonw_open(json, '{');
    static const enum usage_surface surfaces[DIALECT_COUNT] = {
        [DIALECT_CHAT] = USAGE_SURFACE_OPENAI_CHAT,
        [DIALECT_RESPONSES] = USAGE_SURFACE_OPENAI_RESPONSES,
        [DIALECT_ANTHROPIC] = USAGE_SURFACE_ANTHROPIC,
        [DIALECT_GEMINI] = USAGE_SURFACE_GEMINI,
    };
    struct event_tokens tokens;
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        tokens.of[i] = usage->tokens[i];
    }
    for (unsigned i = 0; i < DIALECT_COUNT && !usage->quarantined; i++) {
        char text[TOKENS_TEXT_MAX];
        struct buf form = { text, 0, sizeof(text), sizeof(text) };
        struct put put = { &form, ERR_OK };
        tokens_write(&put, (enum dialect)i, &tokens);
        ASSERT(put.err == ERR_OK);
        jsonw_key(json, usage_surface_name(surfaces[i]));
        jsonw_raw(json, buf_str(&form));
    }
    jsonw_close(json, '}');
}

static bool answer(struct str line)
{
    static char text[OUT_MAX];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct usage_report report = { .said = 0 };
    enum usage_surface surface = USAGE_SURFACE_OPENAI_CHAT;
    struct usage usage;
    struct jsonw json;
    if (!surface_named(str_cut(&line, '\t'), &surface)) {
        return false;
    }
    while (line.len > 0) {
        struct json_fault fault;
        struct str part = str_cut(&line, '\t');
        if (json_check(part, &fault) != ERR_OK) {
            return false;
        }
        usage_report_add(&report, surface, part);
    }
    jsonw_init(&json, &out);
    if (usage_report_settle(&report, surface, &usage)) {
        jsonw_open(&json, '{');
        put_counts(&json, &usage);
        put_flags(&json, &usage);
        put_forms(&json, &usage);
        jsonw_close(&json, '}');
    } else {
        jsonw_null(&json);
    }
    ASSERT(jsonw_err(&json) == ERR_OK);
    return printf(STR_FMT "\n", STR_ARG(buf_str(&out))) > 0;
}

int main(void)
{
    static char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct str rest = str_from(line);
        if (!answer(str_cut(&rest, '\n'))) {
            (void)fprintf(stderr, "ep-usage: no line of this form: %s", line); /* it ends here */
            return 1;
        }
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
