#include "client_read.h"

#include <stdio.h>
#include <string.h>

static bool read_has(struct str text, struct str part)
{
    return str_search(text, part) < text.len;
}

static bool read_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

int64_t client_read_money(struct str text)
{
    int64_t nano = 0;
    int decimals = -1; /* no point yet */
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.' && decimals < 0) {
            decimals = 0;
        } else if (read_is_digit(text.ptr[i]) && decimals < 9) {
            nano = nano * 10 + (text.ptr[i] - '0');
            decimals += decimals >= 0 ? 1 : 0;
        } else {
            return -1;
        }
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 9; i++) {
        nano *= 10;
    }
    return text.len > 0 ? nano : -1;
}

struct str client_read_number(struct str text, struct str name)
{
    size_t at = str_search(text, name);
    if (at == text.len) {
        return STR_EMPTY;
    }
    size_t start = at + name.len;
    size_t end = start;
    while (end < text.len && (read_is_digit(text.ptr[end]) || text.ptr[end] == '.')) {
        end++;
    }
    return str_slice(text, start, end);
}

void client_read_head(struct sale *sale, const struct http1_head *head)
{
    struct str charge = http1_header(head, STR("x-entrepot-charge"));
    sale->status = head->status;
    sale->has_call =
        id_parse(http1_header(head, STR("x-entrepot-call")), STR("call_"), &sale->call);
    sale->has_charge = charge.len > 0;
    sale->charge = client_read_money(charge);
    sale->replayed = http1_header(head, STR("x-entrepot-replayed")).len > 0;
    sale->has_left =
        str_to_i64(http1_header(head, STR("x-ratelimit-remaining-requests")), &sale->left);
    struct str named = http1_header(head, STR("x-entrepot-model"));
    sale->named = named.len == 0 ? -1 : str_eq(named, STR("m-0")) ? 0 : 1;
}

/* "said 17.2": the text of attempt 2 at call 17. */
static void read_said(struct sale *sale, struct str text)
{
    size_t at = str_search(text, STR("\"said "));
    if (at == text.len) {
        return;
    }
    struct str said = client_read_number(text, STR("\"said "));
    size_t point = str_find(said, '.');
    uint64_t attempt = 0;
    uint64_t number = 0;
    if (point < said.len && str_to_u64(str_slice(said, 0, point), &number) &&
        str_to_u64(str_from_at(said, point + 1), &attempt) && (int)number == sale->number) {
        sale->attempt = (int)attempt;
        sale->events++;
    }
}

/* Anthropic's errors have a type, which is that of many; two are told by what they say. */
static void read_type(struct sale *sale, struct str text)
{
    static const struct str name = STR_INIT("\"error\":{\"type\":\"");
    size_t at = str_search(text, name);
    struct str rest = at == text.len ? STR_EMPTY : str_from_at(text, at + name.len);
    struct str type = str_slice(rest, 0, str_find(rest, '"'));
    bool down = read_has(text, STR("stopped selling"));
    bool swapped = read_has(text, STR("another model than"));
    type = swapped ? STR("upstream_model_mismatch") : down ? STR("not_selling") : type;
    (void)snprintf(sale->code, sizeof(sale->code), STR_FMT, STR_ARG(type));
}

static void read_code(struct sale *sale, struct str text)
{
    if (sale->tongue == TONGUE_ANTHROPIC) {
        read_type(sale, text);
        return;
    }
    static const struct str name = STR_INIT("\"code\":\"");
    size_t at = str_search(text, name);
    if (at < text.len) {
        struct str rest = str_from_at(text, at + name.len);
        struct str code = str_slice(rest, 0, str_find(rest, '"'));
        (void)snprintf(sale->code, sizeof(sale->code), STR_FMT, STR_ARG(code));
    }
}

static void read_event(struct sale *sale, struct str event)
{
    read_said(sale, event);
    if (read_has(event, STR("\"error\":")) || read_has(event, STR("\"type\":\"error\""))) {
        sale->error_seen = true;
        read_code(sale, event);
    }
    if (sale->tongue == TONGUE_ANTHROPIC) { /* what it cost stands in the beginning, too */
        sale->finish_seen |=
            read_has(event, STR("\"stop_reason\":\"")) || read_has(event, STR("\"message_stop\""));
        return;
    }
    sale->finish_seen |= read_has(event, STR("\"finish_reason\":\"")) ||
                         read_has(event, STR("[DONE]")) || read_has(event, STR("\"usage\":{"));
    sale->usage_seen |= read_has(event, STR("\"usage\":{"));
}

size_t client_read_events(struct sale *sale, struct str text)
{
    size_t read = 0;
    if (!sale->stream || sale->status != 200) {
        return 0;
    }
    for (;;) {
        struct str rest = str_from_at(text, read);
        size_t end = str_search(rest, STR("\n\n"));
        if (end == rest.len) {
            return read;
        }
        read_event(sale, str_slice(rest, 0, end));
        read += end + 2;
    }
}

void client_read_whole(struct sale *sale, struct str text)
{
    if (sale->status != 200) {
        read_code(sale, text);
    } else if (!sale->stream) {
        read_said(sale, text);
        sale->finish_seen = true;
        sale->usage_seen = read_has(text, STR("\"usage\":{"));
    }
}
