#include "front/voice_history.h"

#include "wire/jsonw.h"

void voice_history_init(struct voice_history *history)
{
    *history = (struct voice_history){ .count = 0 };
    buf_init(&history->json, VOICE_HISTORY_MAX);
}

void voice_history_fini(struct voice_history *history)
{
    buf_fini(&history->json);
    history->count = 0;
}

static void voice_history_forget(struct voice_history *history)
{
    buf_drop(&history->json, history->lens[0]);
    history->count--;
    memmove(history->lens, history->lens + 1, history->count * sizeof(history->lens[0]));
}

static void voice_history_put(struct jsonw *json, struct str role, struct str content)
{
    jsonw_open(json, '{');
    jsonw_put_str(json, "role", role);
    jsonw_put_str(json, "content", content);
    jsonw_close(json, '}');
}

void voice_history_add(struct voice_history *history, struct str asked, struct str said)
{
    struct buf turn;
    struct jsonw json;
    buf_init(&turn, VOICE_HISTORY_MAX);
    jsonw_init(&json, &turn);
    voice_history_put(&json, STR("user"), asked);
    voice_history_put(&json, STR("assistant"), said);
    if (jsonw_err(&json) == ERR_OK) {
        while (history->count == VOICE_TURNS_MAX ||
               (history->count > 0 && history->json.len + turn.len > VOICE_HISTORY_MAX)) {
            voice_history_forget(history);
        }
        if (buf_append(&history->json, buf_str(&turn)) == ERR_OK) {
            history->lens[history->count] = turn.len;
            history->count++;
        }
    }
    buf_fini(&turn);
}

void voice_history_write(const struct voice_history *history, struct jsonw *json)
{
    struct str rest = buf_str(&history->json);
    for (size_t i = 0; i < history->count; i++) {
        jsonw_raw(json, str_slice(rest, 0, history->lens[i])); /* two values and their comma */
        rest = str_from_at(rest, history->lens[i]);
    }
}
