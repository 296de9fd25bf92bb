#include "dialect_sample.h"

#include <stdio.h>

#include "dialect/decode.h"
#include "dialect/encode_internal.h"
#include "wire/sse.h"

#define CALL "01jd0000000000000000000000"

const struct encode_options sample_options[DIALECT_COUNT] = {
    [DIALECT_CHAT] = { .dialect = DIALECT_CHAT,
                       .call = STR_INIT(CALL),
                       .include_usage = true,
                       .waiting_max = 1 << 20 },
    [DIALECT_RESPONSES] = { .dialect = DIALECT_RESPONSES,
                            .call = STR_INIT(CALL),
                            .waiting_max = 1 << 20 },
    [DIALECT_ANTHROPIC] = { .dialect = DIALECT_ANTHROPIC,
                            .call = STR_INIT(CALL),
                            .waiting_max = 1 << 20 },
    [DIALECT_GEMINI] = { .dialect = DIALECT_GEMINI,
                         .call = STR_INIT(CALL),
                         .waiting_max = 1 << 20 },
};

/* ---- an answer from a seed ---------------------------------------------------------------- */

static uint64_t sample_next(struct sample *sample) /* splitmix64 */
{
    uint64_t z = sample->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static unsigned sample_below(struct sample *sample, unsigned bound)
{
    return (unsigned)(sample_next(sample) % bound);
}

static void sample_add(struct sample *sample, struct event event)
{
    ASSERT(sample->count < SAMPLE_EVENTS_MAX);
    sample->events[sample->count++] = event;
}

static struct str sample_text(struct sample *sample, unsigned pieces)
{
    static const char *const parts[] = { "a",     " word", "\\n",  "\\\"q\\\"", "\\\\",
                                         "ü",     "漢字",  "\\/",  "\\u00e9",   "\\ud83d\\ude00",
                                         "{\\\"", "😀",     "</x>", "data: ",    "\\t" };
    char text[512];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct str copy;
    for (unsigned i = 0; i <= pieces; i++) {
        const char *part = parts[sample_below(sample, EP_ARRAY_LEN(parts))];
        ASSERT(buf_append(&out, str_from(part)) == ERR_OK);
    }
    ASSERT(arena_copy(&sample->arena, buf_str(&out), &copy));
    return copy;
}

static struct str sample_name(struct sample *sample, const char *before, const char *after)
{
    char text[96];
    struct str copy;
    (void)snprintf(text, sizeof(text), "%s%u%s", before, sample_below(sample, 100000), after);
    ASSERT(arena_copy(&sample->arena, str_from(text), &copy));
    return copy;
}

static bool sample_cuts(enum sample_way way, struct str text)
{
    return way == SAMPLE_CUT && text.len >= 2 && str_find(text, '\\') == text.len &&
           ((unsigned char)text.ptr[text.len / 2] & 0xC0) != 0x80;
}

static void sample_delta(struct sample *sample, struct event at, enum event_channel channel,
                         uint32_t part, struct str text, enum sample_way way)
{
    at.kind = EVENT_DELTA;
    at.delta.channel = channel;
    at.delta.part = part;
    if (way == SAMPLE_PINGED) {
        sample_add(sample, (struct event){ .kind = EVENT_PING });
    }
    if (sample_cuts(way, text) && channel != EVENT_BLOB) {
        at.delta.text = str_slice(text, 0, text.len / 2);
        sample_add(sample, at);
        text = str_from_at(text, text.len / 2);
    }
    at.delta.text = text;
    sample_add(sample, at);
}

/* Text in one to three pieces. */
static void sample_say(struct sample *sample, struct event at, enum event_channel channel,
                       uint32_t part, enum sample_way way)
{
    unsigned count = 1 + sample_below(sample, 3);
    for (unsigned i = 0; i < count; i++) {
        sample_delta(sample, at, channel, part, sample_text(sample, sample_below(sample, 4)), way);
    }
}

static enum event_item sample_kind(struct sample *sample, enum dialect source)
{
    static const enum event_item kinds[DIALECT_COUNT][8] = {
        [DIALECT_CHAT] = { EVENT_TEXT, EVENT_TEXT, EVENT_REFUSAL, EVENT_REASON, EVENT_TOOL,
                           EVENT_TOOL, EVENT_CUSTOM_TOOL, EVENT_IMAGE },
        [DIALECT_RESPONSES] = { EVENT_TEXT, EVENT_TEXT, EVENT_REFUSAL, EVENT_REASON, EVENT_TOOL,
                                EVENT_TOOL, EVENT_CUSTOM_TOOL, EVENT_HOSTED },
        [DIALECT_ANTHROPIC] = { EVENT_TEXT, EVENT_TEXT, EVENT_TEXT, EVENT_REASON, EVENT_REASON,
                                EVENT_TOOL, EVENT_TOOL, EVENT_HOSTED },
        [DIALECT_GEMINI] = { EVENT_TEXT, EVENT_TEXT, EVENT_REASON, EVENT_REASON, EVENT_TOOL,
                             EVENT_TOOL, EVENT_IMAGE, EVENT_HOSTED },
    };
    return kinds[source][sample_below(sample, 8)];
}

static void sample_reason(struct sample *sample, struct event at, enum dialect source,
                          bool redacted, enum sample_way way)
{
    if (redacted) {
        sample_delta(sample, at, EVENT_BLOB, 0, sample_name(sample, "Y2lwaGVy", "=="), way);
        return;
    }
    unsigned parts = source == DIALECT_RESPONSES ? sample_below(sample, 3) : 0;
    for (unsigned i = 0; i < parts; i++) {
        sample_say(sample, at, EVENT_SUMMARY, i, way);
    }
    if (parts == 0) {
        sample_say(sample, at, EVENT_THOUGHT, 0, way);
    }
    if (sample_below(sample, 2) == 0) {
        sample_delta(sample, at, EVENT_SIGNATURE, 0, sample_name(sample, "c2ln", "="), way);
    }
}

static void sample_note(struct sample *sample, struct event at, enum dialect source)
{
    static const enum event_note kinds[] = { EVENT_LOGPROBS, EVENT_ANNOTATION, EVENT_CITATION,
                                             EVENT_SAFETY };
    static const char *const notes[] = {
        "[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],\"top_logprobs\":[]}]",
        "{\"type\":\"url_citation\",\"url\":\"https://a.example\",\"title\":\"a\"}",
        "{\"type\":\"char_location\",\"cited_text\":\"a\",\"document_index\":0}",
        "{\"webSearchQueries\":[\"a\"]}",
    };
    if (sample_below(sample, 4) == 0) {
        at.kind = EVENT_NOTE;
        at.note.kind = kinds[source];
        at.note.json = str_from(notes[source]);
        sample_add(sample, at);
    }
}

static struct event_open sample_open(struct sample *sample, enum dialect source,
                                     enum event_item kind)
{
    struct event_open open = { .kind = kind };
    bool tool = kind == EVENT_TOOL || kind == EVENT_CUSTOM_TOOL;
    if (tool) {
        static const char *const ids[] = { "call_", "toolu_", "odd.id:", "ep_" };
        bool none = source == DIALECT_GEMINI && sample_below(sample, 2) == 0;
        open.call_id = none ? STR_EMPTY : sample_name(sample, ids[sample_below(sample, 4)], "");
        open.name = sample_name(sample, "tool_", "");
    } else if (kind == EVENT_IMAGE) {
        open.name = STR("image/png");
    } else if (kind == EVENT_REASON) {
        bool may = source == DIALECT_CHAT || source == DIALECT_ANTHROPIC;
        open.redacted = may && sample_below(sample, 4) == 0;
    } else if (kind == EVENT_HOSTED) {
        open.json = source == DIALECT_GEMINI
                        ? STR("{\"executableCode\":{\"language\":\"PYTHON\",\"code\":\"1\"}}")
                        : STR("{\"type\":\"server_tool_use\",\"id\":\"srv_1\",\"name\":\"web\","
                              "\"input\":{}}");
    }
    return open;
}

static void sample_item(struct sample *sample, struct event at, enum dialect source,
                        enum event_item kind, enum sample_way way)
{
    at.kind = EVENT_OPEN;
    at.open = sample_open(sample, source, kind);
    bool redacted = at.open.redacted;
    sample_add(sample, at);
    if (kind == EVENT_REASON) {
        sample_reason(sample, at, source, redacted, way);
    } else if (kind == EVENT_TOOL && sample_below(sample, 4) > 0) {
        sample_delta(sample, at, EVENT_ARGS, 0, STR("{\\\"key\\\""), way);
        sample_delta(sample, at, EVENT_ARGS, 0, STR(": \\\"}\\\\\\\"{\\\","), way);
        sample_delta(sample, at, EVENT_ARGS, 0, sample_name(sample, "\\\"n\\\":", "}"), way);
    } else if (kind == EVENT_IMAGE) {
        sample_delta(sample, at, EVENT_BLOB, 0, sample_name(sample, "aW1n", "=="), way);
    } else if (kind == EVENT_TEXT || kind == EVENT_REFUSAL || kind == EVENT_CUSTOM_TOOL) {
        sample_say(sample, at, kind == EVENT_CUSTOM_TOOL ? EVENT_ARGS : EVENT_CONTENT, 0, way);
    }
    if (kind == EVENT_TEXT) {
        sample_note(sample, at, source);
    }
    if (source == DIALECT_GEMINI && kind == EVENT_TEXT && sample_below(sample, 4) == 0) {
        sample_delta(sample, at, EVENT_SIGNATURE, 0, sample_name(sample, "dGc", "="), way);
    }
    at.kind = EVENT_CLOSE;
    sample_add(sample, at);
}

static void sample_cipher(struct sample *sample, struct event at, enum sample_way way)
{
    at.kind = EVENT_OPEN;
    at.open = (struct event_open){ .kind = EVENT_REASON, .redacted = true };
    sample_add(sample, at);
    sample_delta(sample, at, EVENT_BLOB, 0, sample_name(sample, "dGhvdWdodA", "=="), way);
    at.kind = EVENT_CLOSE;
    sample_add(sample, at);
}

/* Two items that stand together, told in turns: the second begins when the first has begun. */
static void sample_weave(struct sample *sample, size_t first, size_t second)
{
    static struct event woven[SAMPLE_EVENTS_MAX];
    size_t a = first;
    size_t b = second;
    size_t count = 0;
    woven[count++] = sample->events[a++];
    woven[count++] = sample->events[b++];
    while (a + 1 < second || b + 1 < sample->count) {
        if (b + 1 < sample->count) {
            woven[count++] = sample->events[b++];
        }
        if (a + 1 < second) {
            woven[count++] = sample->events[a++];
        }
    }
    woven[count++] = sample->events[a]; /* closed in the order in which they opened */
    woven[count++] = sample->events[b];
    ASSERT(first + count == sample->count);
    memcpy(&sample->events[first], woven, count * sizeof(woven[0]));
}

static void sample_choice(struct sample *sample, uint32_t choice, enum dialect source,
                          enum sample_way way)
{
    static const enum event_finish reasons[] = { EVENT_STOP,   EVENT_STOP,   EVENT_STOP_TEXT,
                                                 EVENT_LENGTH, EVENT_FILTER, EVENT_CONTEXT,
                                                 EVENT_PAUSE,  EVENT_STOP };
    unsigned count = sample_below(sample, 6);
    bool calls = false;
    bool was_tool = false;
    size_t before = 0;
    uint32_t i = 0;
    for (unsigned k = 0; k < count; k++, i++) {
        size_t begins = sample->count;
        enum event_item kind = sample_kind(sample, source);
        struct event at = { .choice = choice, .item = i };
        if (kind == EVENT_TOOL && source == DIALECT_GEMINI && sample_below(sample, 4) == 0) {
            sample_cipher(sample, at, way); /* what the call is signed with */
            begins = sample->count;
            at.item = ++i;
            was_tool = false;
        }
        sample_item(sample, at, source, kind, way);
        if (way == SAMPLE_TURNS && kind == EVENT_TOOL && was_tool) {
            sample_weave(sample, before, begins);
            was_tool = false;
        } else {
            was_tool = kind == EVENT_TOOL;
            before = begins;
        }
        calls |= kind == EVENT_TOOL || kind == EVENT_CUSTOM_TOOL;
    }
    struct event finish = { .kind = EVENT_FINISH, .choice = choice };
    finish.finish.reason = reasons[sample_below(sample, EP_ARRAY_LEN(reasons))];
    if (finish.finish.reason == EVENT_STOP_TEXT && source == DIALECT_ANTHROPIC) {
        finish.finish.stop_text = STR("\\n\\nEND");
    }
    finish.finish.reason = event_finish_with(finish.finish.reason, calls);
    sample_add(sample, finish);
}

static void sample_usage(struct sample *sample)
{
    struct event usage = { .kind = EVENT_USAGE, .usage = { .raw = STR("{}") } };
    for (size_t i = 0; i < TOKENS_COUNT; i++) {
        bool plain = i == TOKENS_IN || i == TOKENS_OUT || sample_below(sample, 3) == 0;
        usage.usage.tokens.of[i] = plain ? 1 + sample_below(sample, 1000) : 0;
    }
    sample_add(sample, usage);
}

void sample_make(struct sample *sample, uint64_t seed, enum dialect source, enum sample_way way)
{
    sample->count = 0;
    sample->state = seed * 4 + source;
    arena_init(&sample->arena, 4096, 1 << 20);
    struct event begin = { .kind = EVENT_BEGIN,
                           .begin = { .source = source,
                                      .id = STR("up_1"),
                                      .model = STR("up\\u002dmodel"),
                                      .created_s = 1700000000 } };
    begin.begin.fingerprint = source == DIALECT_CHAT ? STR("fp_1") : STR_EMPTY;
    sample_add(sample, begin);
    bool many = source == DIALECT_CHAT || source == DIALECT_GEMINI;
    unsigned choices = many && sample_below(sample, 4) == 0 ? 2 + sample_below(sample, 2) : 1;
    for (uint32_t i = 0; i < choices; i++) {
        sample_choice(sample, i, source, way);
    }
    if (sample_below(sample, 4) > 0) {
        sample_usage(sample);
    }
    sample_add(sample, (struct event){ .kind = EVENT_END });
}

void sample_fini(struct sample *sample)
{
    arena_fini(&sample->arena);
}

/* ---- what a dialect can say of it --------------------------------------------------------- */

struct printing {
    struct fold *fold;
    enum dialect target;
    bool arrived; /* it is what the target has said */
    struct buf *out;
    struct arena arena;
};

static void print(struct printing *printing, const char *word, struct str text)
{
    struct str decoded;
    ASSERT(text_decode(text, &printing->arena, &decoded));
    struct put put = { printing->out, ERR_OK };
    PUT(&put, " ");
    put_str(&put, str_from(word));
    PUT(&put, "=");
    put_quoted(&put, decoded);
    ASSERT(put.err == ERR_OK);
}

static void print_words(struct printing *printing, const char *words)
{
    ASSERT(buf_append(printing->out, str_from(words)) == ERR_OK);
}

static void print_number(struct printing *printing, const char *before, int64_t number)
{
    print_words(printing, before);
    ASSERT(buf_i64(printing->out, number) == ERR_OK);
}

static void print_marked(struct printing *printing, const char *word, struct str text, bool always)
{
    struct str mark = carry_sig_mark(printing->fold->begin.source, printing->target);
    if (text.len == 0 && (!always || mark.len == 0)) {
        return;
    }
    char joined[256];
    int len = snprintf(joined, sizeof(joined), STR_FMT STR_FMT, STR_ARG(mark), STR_ARG(text));
    print(printing, word, (struct str){ joined, (size_t)len });
}

static struct str said(struct printing *printing, const struct fold_item *item,
                       enum event_channel kind)
{
    struct str text;
    ASSERT(fold_text(printing->fold, item, kind, &text) == ERR_OK);
    return text;
}

/* Reasoning as one text, as all but Responses have it. */
static struct str thoughts_of(struct printing *printing, const struct fold_item *item)
{
    struct buf out;
    struct str copy;
    buf_init(&out, 1 << 16);
    struct encode_whole whole = { .fold = printing->fold, .put = { &out, ERR_OK } };
    encode_thoughts(&whole, item);
    ASSERT(whole.put.err == ERR_OK && arena_copy(&printing->arena, buf_str(&out), &copy));
    buf_fini(&out);
    return copy;
}

/* A thought of Chat's that nobody signed is marked for others all the same. */
static bool is_marked(struct printing *printing, const struct fold_item *item)
{
    return item->open.kind == EVENT_REASON && !printing->arrived &&
           carry_must_mark(printing->fold->begin.source, printing->target);
}

static void print_reason(struct printing *printing, const struct fold_item *item)
{
    bool unsigned_too = printing->target == DIALECT_ANTHROPIC || is_marked(printing, item);
    if (item->open.redacted && printing->target != DIALECT_RESPONSES) {
        print_marked(printing, "blob", said(printing, item, EVENT_BLOB), true);
        return;
    }
    if (printing->target != DIALECT_RESPONSES) {
        print(printing, "thought", thoughts_of(printing, item));
    }
    for (struct fold_channel *channel = item->channels;
         channel != NULL && printing->target == DIALECT_RESPONSES; channel = channel->next) {
        struct str text;
        ASSERT(fold_join(printing->fold, channel, &text) == ERR_OK);
        if (channel->kind == EVENT_SUMMARY || channel->kind == EVENT_THOUGHT) {
            print(printing, event_channel_name(channel->kind), text);
        }
    }
    struct str cipher = said(printing, item, item->open.redacted ? EVENT_BLOB : EVENT_SIGNATURE);
    print_marked(printing, "sig", cipher, unsigned_too);
}

static void print_call(struct printing *printing, const struct fold_item *item, uint32_t choice)
{
    char id[256];
    struct buf out = { id, 0, sizeof(id), sizeof(id) };
    struct put put = { &out, ERR_OK };
    bool same = printing->arrived;
    if (item->open.call_id.len > 0 || printing->target != DIALECT_GEMINI) {
        encode_call_id(&put, &sample_options[printing->target], item->open.call_id, choice,
                       item->item);
        print(printing, "id", same ? item->open.call_id : str_slice(buf_str(&out), 1, out.len - 1));
    }
    print(printing, "name", item->open.name);
    struct str args = said(printing, item, EVENT_ARGS);
    bool whole = item->open.kind == EVENT_TOOL;
    print(printing, "args", args.len == 0 && whole ? STR("{}") : args);
}

static void print_item(struct printing *printing, const struct fold_item *item, uint32_t choice)
{
    enum dialect target = printing->target;
    enum event_item kind = item->open.kind;
    bool text_only = target == DIALECT_ANTHROPIC || target == DIALECT_GEMINI;
    kind = kind == EVENT_REFUSAL && text_only ? EVENT_TEXT : kind;
    print_words(printing, "  ");
    print_words(printing, event_item_name(kind));
    if (kind == EVENT_REASON) {
        print_reason(printing, item);
    } else if (kind == EVENT_TOOL || kind == EVENT_CUSTOM_TOOL) {
        print_call(printing, item, choice);
    } else if (kind == EVENT_IMAGE) {
        print(printing, "media", item->open.name);
        print(printing, "blob", said(printing, item, EVENT_BLOB));
    } else if (kind == EVENT_HOSTED) {
        print(printing, "json", STR_EMPTY);
    } else {
        print(printing, "text", said(printing, item, EVENT_CONTENT));
    }
    if (target == DIALECT_GEMINI && kind != EVENT_REASON) {
        print_marked(printing, "sig", said(printing, item, EVENT_SIGNATURE), false);
    }
    for (const struct fold_note *note = item->notes; note != NULL; note = note->next) {
        if (printing->fold->begin.source == target) {
            print_number(printing, " note", note->kind);
        }
    }
    print_words(printing, "\n");
}

/* Chat has one text, one refusal, one reasoning: items of a kind are said as one. */
static void print_joined(struct printing *printing, const struct fold_choice *choice,
                         enum event_item kind)
{
    struct buf all;
    bool any = false;
    buf_init(&all, 1 << 16);
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (item->open.kind == kind && !item->open.redacted) {
            struct str text = kind == EVENT_REASON ? thoughts_of(printing, item)
                                                   : said(printing, item, EVENT_CONTENT);
            ASSERT(buf_append(&all, text) == ERR_OK);
            any = any || text.len > 0;
        }
    }
    if (any) {
        print_words(printing, "  ");
        print_words(printing, event_item_name(kind));
        print(printing, "text", buf_str(&all));
        print_words(printing, "\n");
    }
    buf_fini(&all);
}

static void print_chat(struct printing *printing, const struct fold_choice *choice)
{
    print_joined(printing, choice, EVENT_REASON);
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        bool signed_ =
            item->open.kind == EVENT_REASON && said(printing, item, EVENT_SIGNATURE).len > 0;
        if (signed_ || item->open.redacted) {
            print_marked(printing, item->open.redacted ? "blob" : "sig",
                         said(printing, item, item->open.redacted ? EVENT_BLOB : EVENT_SIGNATURE),
                         false);
            print_words(printing, "\n");
        }
    }
    print_joined(printing, choice, EVENT_TEXT);
    print_joined(printing, choice, EVENT_REFUSAL);
    static const enum event_item kinds[] = { EVENT_IMAGE, EVENT_AUDIO, EVENT_TOOL };
    for (size_t i = 0; i < EP_ARRAY_LEN(kinds); i++) {
        for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
            bool custom = kinds[i] == EVENT_TOOL && item->open.kind == EVENT_CUSTOM_TOOL;
            if (item->open.kind == kinds[i] || custom) {
                print_item(printing, item, choice->index);
            }
        }
    }
}

/* What is to come back with an item. */
static struct str cipher_of(struct printing *printing, const struct fold_item *item)
{
    return said(printing, item, item->open.redacted ? EVENT_BLOB : EVENT_SIGNATURE);
}

static bool is_said(const struct fold_item *item)
{
    return item->open.kind == EVENT_TEXT || item->open.kind == EVENT_REFUSAL ||
           item->open.kind == EVENT_REASON;
}

static bool is_kept(struct printing *printing, const struct fold_choice *choice,
                    const struct fold_item *item)
{
    struct lost lost = { 0 };
    const struct event_begin *begin = &printing->fold->begin;
    return printing->arrived ||
           !encode_drops(printing->target, begin, choice->index, &item->open, &lost);
}

/* Gemini tells neighbours of a kind apart by their signatures alone: they are printed as one. The
 * last of them is given. */
static const struct fold_item *print_run(struct printing *printing,
                                         const struct fold_choice *choice,
                                         const struct fold_item *item)
{
    const struct fold_item *last = item;
    bool reason = item->open.kind == EVENT_REASON;
    struct buf all;
    buf_init(&all, 1 << 16);
    for (const struct fold_item *at = item; at != NULL; at = at->next) {
        if (!is_kept(printing, choice, at)) {
            continue;
        }
        bool joins =
            at == item || (cipher_of(printing, last).len == 0 && !is_marked(printing, last) &&
                           is_said(at) && (at->open.kind == EVENT_REASON) == reason);
        if (!joins) {
            break;
        }
        struct str text = reason ? thoughts_of(printing, at) : said(printing, at, EVENT_CONTENT);
        ASSERT(buf_append(&all, text) == ERR_OK);
        last = at;
    }
    print_words(printing, reason ? "  reason" : "  text");
    print(printing, "text", buf_str(&all));
    print_marked(printing, "sig", cipher_of(printing, last), is_marked(printing, last));
    print_words(printing, "\n");
    buf_fini(&all);
    return last;
}

static void print_items(struct printing *printing, const struct fold_choice *choice)
{
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (!is_kept(printing, choice, item)) {
            continue;
        }
        bool gemini = printing->target == DIALECT_GEMINI;
        if (gemini && item->open.redacted && printing->fold->begin.source == DIALECT_GEMINI) {
            print_marked(printing, "signed", said(printing, item, EVENT_BLOB), false);
            print_words(printing, "\n"); /* the call behind it is */
        } else if (gemini && is_said(item)) {
            item = print_run(printing, choice, item);
        } else {
            print_item(printing, item, choice->index);
        }
    }
}

static enum event_finish finish_in(enum dialect target, enum event_finish reason)
{
    static const enum event_finish names[DIALECT_COUNT][EVENT_FINISHES] = {
        [DIALECT_CHAT] = { EVENT_STOP, EVENT_STOP, EVENT_LENGTH, EVENT_LENGTH, EVENT_CALLS,
                           EVENT_FILTER, EVENT_STOP, EVENT_STOP },
        [DIALECT_RESPONSES] = { EVENT_STOP, EVENT_STOP, EVENT_LENGTH, EVENT_LENGTH, EVENT_CALLS,
                                EVENT_FILTER, EVENT_STOP, EVENT_BAD_TOOL },
        [DIALECT_ANTHROPIC] = { EVENT_STOP, EVENT_STOP_TEXT, EVENT_LENGTH, EVENT_CONTEXT,
                                EVENT_CALLS, EVENT_FILTER, EVENT_PAUSE, EVENT_STOP },
        [DIALECT_GEMINI] = { EVENT_STOP, EVENT_STOP, EVENT_LENGTH, EVENT_LENGTH, EVENT_CALLS,
                             EVENT_FILTER, EVENT_PAUSE, EVENT_BAD_TOOL },
    };
    return names[target][reason];
}

static void print_finish(struct printing *printing, const struct fold_choice *choice)
{
    enum dialect target = printing->target;
    bool calls = false;
    bool refused = false;
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        bool custom = target == DIALECT_CHAT || target == DIALECT_RESPONSES;
        calls |= item->open.kind == EVENT_TOOL || (item->open.kind == EVENT_CUSTOM_TOOL && custom);
        refused |= item->open.kind == EVENT_REFUSAL;
    }
    enum event_finish reason = finish_in(target, choice->reason);
    bool filters = target == DIALECT_ANTHROPIC || target == DIALECT_GEMINI;
    reason = choice->reason == EVENT_STOP && refused && filters ? EVENT_FILTER : reason;
    reason = event_finish_with(reason, calls);
    print_words(printing, "  finish ");
    print_words(printing, event_finish_name(reason));
    if (target == DIALECT_ANTHROPIC) {
        print(printing, "stop", choice->stop_text);
    }
    print_words(printing, "\n");
}

/* What is left of the classes when the target has said them. */
static void print_tokens(struct printing *printing)
{
    struct buf report;
    struct event_tokens tokens = { 0 };
    struct tokens_so_far so_far = { 0 };
    buf_init(&report, 4096);
    struct put put = { &report, ERR_OK };
    tokens_write(&put, printing->target, &printing->fold->tokens);
    ASSERT(put.err == ERR_OK);
    switch (printing->target) {
    case DIALECT_CHAT:
        tokens_read_chat(buf_str(&report), &tokens);
        break;
    case DIALECT_RESPONSES:
        tokens_read_responses(buf_str(&report), &tokens);
        break;
    case DIALECT_ANTHROPIC:
        tokens_read_anthropic(buf_str(&report), &so_far, &tokens);
        break;
    case DIALECT_GEMINI:
        tokens_read_gemini(buf_str(&report), &tokens);
        break;
    case DIALECT_COUNT:
        break;
    }
    buf_fini(&report);
    print_words(printing, "usage");
    for (size_t i = 0; i < TOKENS_COUNT; i++) {
        print_number(printing, " ", tokens.of[i]);
    }
    print_words(printing, "\n");
}

void sample_print(struct fold *fold, enum dialect target, bool arrived, struct buf *out)
{
    struct printing printing = { .fold = fold, .target = target, .arrived = arrived, .out = out };
    bool one = target == DIALECT_ANTHROPIC || target == DIALECT_RESPONSES;
    arena_init(&printing.arena, 4096, 1 << 22);
    print_words(&printing, "begin");
    print(&printing, "model", fold->begin.model);
    print_words(&printing, "\n");
    for (const struct fold_choice *choice = fold->choices; choice != NULL;
         choice = one ? NULL : choice->next) {
        print_number(&printing, " choice ", choice->index);
        print_words(&printing, "\n");
        if (target == DIALECT_CHAT) {
            print_chat(&printing, choice);
        } else {
            print_items(&printing, choice);
        }
        print_finish(&printing, choice);
    }
    print_tokens(&printing);
    print_words(&printing, fold->ended ? "end\n" : "cut\n");
    arena_fini(&printing.arena);
}

/* ---- feeding ------------------------------------------------------------------------------ */

static enum err feed_all(struct decode *decode, struct sse *sse, struct str stream, size_t step)
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
        TRY(result == WIRE_MORE ? ERR_OK : ERR_SSE_LINE);
    }
    if (sse_end(sse, &event) == WIRE_DONE && event.has_data) {
        TRY(decode_event(decode, event.type, event.data));
    }
    return decode_end(decode);
}

enum err sample_feed(struct str stream, size_t step, enum dialect dialect, struct event_sink sink,
                     struct arena *arena)
{
    struct sse sse;
    struct decode decode;
    sse_init(&sse, 1 << 20);
    decode_init(&decode, dialect, sink, arena);
    enum err err = feed_all(&decode, &sse, stream, step);
    decode_fini(&decode);
    sse_fini(&sse);
    return err;
}
