/* room: gate */
#include "dialect/tokens.h"
#include "meter/usage_report.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool usage_same(const struct usage *a, const struct usage *b)
{
    bool same = a->quarantined == b->quarantined && a->split_assumed == b->split_assumed &&
                a->reasoning_added == b->reasoning_added;
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        same &= a->tokens[i] == b->tokens[i];
    }
    for (size_t i = 0; i < USAGE_UNITS; i++) {
        same &= a->units[i] == b->units[i];
    }
    return same;
}

/* What is believed can be charged, and told in every form with the same sums. */
static void usage_check(const struct usage *usage)
{
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        ASSERT(usage->tokens[i] >= -6 * USAGE_TOKENS_MAX);
        ASSERT(usage->tokens[i] <= 6 * USAGE_TOKENS_MAX);
        ASSERT(usage->quarantined || usage->tokens[i] >= 0);
    }
    for (unsigned form = 0; form < DIALECT_COUNT && !usage->quarantined; form++) {
        static const enum usage_surface surfaces[DIALECT_COUNT] = {
            [DIALECT_CHAT] = USAGE_SURFACE_OPENAI_CHAT,
            [DIALECT_RESPONSES] = USAGE_SURFACE_OPENAI_RESPONSES,
            [DIALECT_ANTHROPIC] = USAGE_SURFACE_ANTHROPIC,
            [DIALECT_GEMINI] = USAGE_SURFACE_GEMINI,
        };
        char text[TOKENS_TEXT_MAX];
        struct buf out = { text, 0, sizeof(text), sizeof(text) };
        struct put put = { &out, ERR_OK };
        struct event_tokens tokens;
        struct json_fault fault;
        struct usage again;
        for (size_t i = 0; i < USAGE_COUNT; i++) {
            tokens.of[i] = usage->tokens[i];
        }
        tokens_write(&put, (enum dialect)form, &tokens);
        ASSERT(put.err == ERR_OK);
        ASSERT(json_check(buf_str(&out), &fault) == ERR_OK);
        ASSERT(usage_read(surfaces[form], buf_str(&out), &again));
        /* A sum of several counts may be beyond what is believed of one. */
        ASSERT(again.quarantined || usage_sum(&again) == usage_sum(usage));
        ASSERT(!again.quarantined || usage_sum(usage) > USAGE_TOKENS_MAX);
    }
}

/* The first byte names a surface, each line is a report of one stream. What is told twice is told
 * once; and nothing that is said crashes or overflows. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    enum usage_surface surface = (enum usage_surface)(data[0] % USAGE_SURFACES);
    struct str rest = { (const char *)data + 1, size - 1 };
    struct usage_report report = { .said = 0 };
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        struct json_fault fault;
        struct usage usage;
        struct usage again;
        if (json_check(line, &fault) != ERR_OK) {
            continue;
        }
        line = json_trim(line);
        usage_report_add(&report, surface, line);
        if (!usage_report_settle(&report, surface, &usage)) {
            continue;
        }
        usage_check(&usage);
        usage_report_add(&report, surface, line);
        ASSERT(usage_report_settle(&report, surface, &again) && usage_same(&usage, &again));
    }
    return 0;
}
