#include "speaker.h"

void speaker_init(struct speaker *speaker, void (*say)(struct speaker *speaker, struct str event))
{
    *speaker = (struct speaker){ .say = say };
    buf_init(&speaker->text, SPEAKER_EVENT_MAX);
}

void speaker_fini(struct speaker *speaker)
{
    buf_fini(&speaker->text);
}

struct jsonw *speaker_open(struct speaker *speaker, const char *type)
{
    char text[32];
    struct buf id = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_printf(&id, "event_%llu", (unsigned long long)++speaker->events)); /* it fits */
    buf_reset(&speaker->text);
    jsonw_init(&speaker->json, &speaker->text);
    jsonw_open(&speaker->json, '{');
    jsonw_put_str(&speaker->json, "type", str_from(type));
    jsonw_put_str(&speaker->json, "event_id", buf_str(&id));
    return &speaker->json;
}

void speaker_close(struct speaker *speaker)
{
    jsonw_close(&speaker->json, '}');
    if (jsonw_err(&speaker->json) == ERR_OK) {
        speaker->say(speaker, buf_str(&speaker->text));
    } else {
        speaker->broken = true;
    }
}

static void put_or_null(struct jsonw *json, const char *key, const char *text)
{
    jsonw_key(json, key);
    if (text == NULL) {
        jsonw_null(json);
    } else {
        jsonw_str(json, str_from(text));
    }
}

void speaker_error(struct speaker *speaker, const struct persona_fault *fault, struct str event_id)
{
    struct jsonw *json = speaker_open(speaker, "error");
    jsonw_key(json, "error");
    jsonw_open(json, '{');
    jsonw_put_str(json, "type", str_from(fault->type));
    put_or_null(json, "code", fault->code);
    jsonw_put_str(json, "message", str_from(fault->text));
    put_or_null(json, "param", fault->param);
    jsonw_key(json, "event_id");
    if (event_id.len > 0) {
        jsonw_raw(json, event_id);
    } else {
        jsonw_null(json);
    }
    jsonw_close(json, '}');
    speaker_close(speaker);
}
