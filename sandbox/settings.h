/*
 * A realtime session's settings: what session.update changes, session.updated tells, and a
 * response.create may have otherwise for its response. Pure but for the memory of what was given.
 */
#pragma once

#include "persona.h"
#include "wire/jsonw.h"

#define SETTINGS_BYTES_MAX ((size_t)1 << 20) /* of one: instructions, or all tools */

enum setting {
    SETTING_INSTRUCTIONS,
    SETTING_MODALITIES,
    SETTING_TOOLS,
    SETTING_TOOL_CHOICE,
    SETTING_CAP,
    SETTING_TRUNCATION,
    SETTING_TRACING,
    SETTING_PROMPT,
    SETTING_FORMAT_IN,
    SETTING_TRANSCRIPTION,
    SETTING_TURNS,
    SETTING_NOISE,
    SETTING_FORMAT_OUT,
    SETTING_VOICE,
    SETTING_SPEED,
    SETTING_COUNT
};

struct settings {
    struct buf given[SETTING_COUNT]; /* JSON; empty: as it is by itself */
};

void settings_init(struct settings *settings);
void settings_fini(struct settings *settings);
/* A session's object, "session"; `model`: the session's own. False, and nothing is changed. */
EP_MUST_CHECK bool settings_update(struct settings *settings, struct str session, struct str model,
                                   struct persona_fault *ret_fault);
/* Whether a response's object, "response", is one: what it says is as good as a session's. */
EP_MUST_CHECK bool settings_check(struct str response, struct persona_fault *ret_fault);
/* JSON: of a response if it says so, else of its session. `response` may be empty. */
struct str settings_get(const struct settings *settings, struct str response, enum setting what);
/* Members of an open object. */
void settings_put(const struct settings *settings, struct jsonw *json);
bool settings_is_aloud(const struct settings *settings, struct str response);
/* Whether a format is of 8,000 samples a second, a byte each, as telephones have it. */
bool settings_is_narrow(struct str format);
