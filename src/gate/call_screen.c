#include "gate/call_screen.h"

#include "base/mem.h"
#include "base/stamp.h"
#include "gate/call_talk.h"
#include "gate/gate_internal.h"

/* Bytes a turn: a third of a millisecond where every second word is a number, far less else. */
#define SCREEN_SLICE ((size_t)32 * 1024)

struct call_screen {
    struct detector detector;
    size_t offset;
};

static bool screen_any(const struct detect_result *result)
{
    uint32_t any = 0;
    for (size_t i = 0; i < DETECT_CLASSES; i++) {
        any |= result->classes[i][DETECT_WEAK] | result->classes[i][DETECT_STRONG];
    }
    for (size_t i = 0; i < DETECT_MARKERS_MAX; i++) {
        any |= result->markers[i];
    }
    return any != 0;
}

static void screen_end(struct call *call)
{
    const struct detect_rules *rules = call->snapshot->detect;
    struct call_law *law = &call->law;
    struct detect_result result;
    detect_end(&call->screen->detector, &result);
    struct detect_verdict verdict = detect_judge(rules, &result);
    if (verdict.action == DETECT_REFUSE && verdict.is_marker) {
        law->content.marker = detect_rules_marker(rules, verdict.marker);
    } else if (verdict.action == DETECT_REFUSE) {
        law->content.strong = detect_class_name(verdict.class);
    }
    law->content.scanned = true;
    if (screen_any(&result)) {
        law->found = arena_alloc(&call->arena, sizeof(*law->found));
        if (law->found != NULL) {
            *law->found = result;
        }
        law->content.scanned = law->found != NULL; /* what is not on record was not seen */
    }
    call_screen_free(call);
}

bool call_screen_slice(struct call *call)
{
    const struct detect_rules *rules = call->snapshot->detect;
    if (call->product->mode != REGISTRY_MODE_ZONE || rules == NULL || call->law.content.scanned) {
        return true; /* without rules nothing counts as looked through, and the judge refuses */
    }
    if (call->work != NULL && call->work->unseen) {
        return true; /* likewise */
    }
    if (call->screen == NULL) {
        call->screen = mem_alloc(sizeof(*call->screen));
        if (call->screen == NULL) {
            return true; /* likewise */
        }
        call->screen->offset = 0;
        detect_begin(&call->screen->detector, rules, (int32_t)stamp_date(call->begun_wall_ns));
    }
    struct str said = call_talk_said(call); /* a route of its dialect gets it as it came */
    detect_json(&call->screen->detector, said, &call->screen->offset, SCREEN_SLICE);
    if (call->screen->offset < said.len) {
        return false;
    }
    screen_end(call);
    return true;
}

void call_screen_free(struct call *call)
{
    mem_free(call->screen);
    call->screen = NULL;
}
