#include "socket.h"

#include <stdio.h>

#include "base/mem.h"
#include "hearing.h"
#include "items.h"
#include "net/channel.h"
#include "settings.h"
#include "speaker.h"
#include "spoken.h"
#include "wire/json.h"
#include "wire/url.h"

#define SOCKET_NS_PER_MS   INT64_C(1000000)
#define SOCKET_RESPONSES   8 /* at once, beside the conversation's own */
#define SOCKET_ASK_MAX     ((size_t)64 << 20)
#define SOCKET_PENDING_MAX ((size_t)4 << 20) /* of a slow reader, before responses wait for it */
#define SOCKET_WAIT_MS     20                /* of such a response */
#define SOCKET_SESSION_S   3600              /* as long as OpenAI's */
#define SOCKET_TRANSCRIPT  8                 /* tokens of what is written down */

struct socket {
    struct channel channel;
    struct socket_options options;
    struct speaker speaker;
    struct settings settings;
    struct hearing hearing;
    struct items items;
    struct node answers; /* under way */
    size_t answers_count;
    char model[PERSONA_MODEL_MAX + 1];
    uint64_t number; /* of the session */
    uint64_t names;  /* of items and responses, so far */
    int64_t words;   /* said, of all responses */
    struct task grave;
};

struct answer {
    struct spoken spoken;
    struct node node;
    struct timer timer;
    struct socket *socket;
    struct task grave;
};

static uint64_t sockets; /* so far: the sandbox has one loop */

static bool is_kind(struct str value, enum json_kind kind)
{
    return value.len > 0 && json_kind(value) == kind;
}

static void socket_name(struct socket *socket, const char *kind, char ret_name[SPOKEN_ID_MAX])
{
    (void)snprintf(ret_name, SPOKEN_ID_MAX, "%s_%llx_%llx", kind,
                   (unsigned long long)socket->number, (unsigned long long)++socket->names);
}

static void socket_refuse(struct socket *socket, const char *text, const char *param,
                          const char *code, struct str event_id)
{
    const struct persona_fault fault = {
        .text = text, .type = "invalid_request_error", .param = param, .code = code
    };
    speaker_error(&socket->speaker, &fault, event_id);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void answer_on_grave(struct task *task)
{
    mem_free(EP_CONTAINER(task, struct answer, grave));
}

static void answer_over(struct answer *answer)
{
    struct socket *socket = answer->socket;
    timer_stop(socket->options.loop, &answer->timer);
    node_unlink(&answer->node);
    socket->answers_count--;
    spoken_fini(&answer->spoken);
    task_init(&answer->grave, answer_on_grave);
    loop_bury(socket->options.loop, &answer->grave);
}

static void socket_on_grave(struct task *task)
{
    mem_free(EP_CONTAINER(task, struct socket, grave));
}

static void socket_over(struct socket *socket)
{
    LIST_EACH_SAFE(node, after, &socket->answers) {
        answer_over(EP_CONTAINER(node, struct answer, node));
    }
    speaker_fini(&socket->speaker);
    settings_fini(&socket->settings);
    hearing_fini(&socket->hearing);
    items_fini(&socket->items);
    task_init(&socket->grave, socket_on_grave);
    loop_bury(socket->options.loop, &socket->grave);
}

/* ---- responses ------------------------------------------------------------------------------ */

/* The one that the conversation has under way, or NULL. */
static struct answer *socket_answer(const struct socket *socket)
{
    LIST_EACH(node, &socket->answers) {
        struct answer *answer = EP_CONTAINER(node, struct answer, node);
        if (answer->spoken.conversation[0] != '\0') {
            return answer;
        }
    }
    return NULL;
}

/* What came of a response is an item of the conversation. */
static void socket_keep(struct socket *socket, const struct spoken *spoken, const char *status)
{
    struct persona_fault fault;
    struct jsonw json;
    struct buf text;
    buf_init(&text, ITEM_BYTES_MAX);
    jsonw_init(&json, &text);
    spoken_put_item(spoken, &json, status);
    struct item *item =
        jsonw_err(&json) == ERR_OK ? item_read(buf_str(&text), spoken->item, &fault) : NULL;
    if (item != NULL) {
        items_insert(&socket->items, item,
                     list_empty(&socket->items.list)
                         ? NULL
                         : EP_CONTAINER(socket->items.list.prev, struct item, node));
    } else {
        socket->speaker.broken = true;
    }
    buf_fini(&text);
}

static void answer_finish(struct answer *answer, enum spoken_end how)
{
    struct socket *socket = answer->socket;
    spoken_finish(&answer->spoken, &socket->speaker, how);
    if (answer->spoken.conversation[0] != '\0') {
        socket_keep(socket, &answer->spoken, how == SPOKEN_WHOLE ? "completed" : "incomplete");
    }
    answer_over(answer);
}

/* After `ms`; with none, in the loop's next turn. */
static void answer_wait(struct answer *answer, int64_t ms)
{
    struct loop *loop = answer->socket->options.loop;
    int64_t at_ns = loop_now_ns(loop) + ms * SOCKET_NS_PER_MS;
    if (timer_start(loop, &answer->timer, at_ns) != ERR_OK) {
        answer->socket->speaker.broken = true;
    }
}

/* Without room for an event, or cut on purpose: nothing of it is used any more. */
static bool socket_breaks(struct socket *socket)
{
    bool cut = socket->options.cut_after > 0 && socket->words >= socket->options.cut_after;
    if (cut || socket->speaker.broken) {
        channel_abort(&socket->channel);
        socket_over(socket);
        return true;
    }
    return false;
}

static void answer_on_timer(struct timer *timer)
{
    struct answer *answer = EP_CONTAINER(timer, struct answer, timer);
    struct socket *socket = answer->socket;
    if (!channel_is_open(&socket->channel)) {
        return; /* its end is told */
    }
    if (channel_pending(&socket->channel) > SOCKET_PENDING_MAX) {
        answer_wait(answer, SOCKET_WAIT_MS);
    } else if (spoken_step(&answer->spoken, &socket->speaker)) {
        socket->words++;
        answer_wait(answer, socket->options.pace_ms);
    } else {
        answer_finish(answer, SPOKEN_WHOLE);
    }
    (void)socket_breaks(socket);
}

/* A tool as a chat has it: its function in an object of its own. */
static void put_tools(struct jsonw *json, struct str tools)
{
    struct str rest = json_inside(tools);
    struct str tool;
    if (!json_next_item(&rest, &tool)) {
        return;
    }
    jsonw_key(json, "tools");
    jsonw_open(json, '[');
    do {
        jsonw_open(json, '{');
        jsonw_put_str(json, "type", STR("function"));
        jsonw_key(json, "function");
        jsonw_raw(json, tool);
        jsonw_close(json, '}');
    } while (json_next_item(&rest, &tool));
    jsonw_close(json, ']');
}

static void put_choice(struct jsonw *json, struct str choice)
{
    struct str name = json_get(choice, STR("name"));
    jsonw_key(json, "tool_choice");
    if (name.len == 0) {
        jsonw_raw(json, choice);
        return;
    }
    jsonw_open(json, '{');
    jsonw_put_str(json, "type", STR("function"));
    jsonw_key(json, "function");
    jsonw_open(json, '{');
    jsonw_key(json, "name");
    jsonw_raw(json, name);
    jsonw_close(json, '}');
    jsonw_close(json, '}');
}

/* The items that stand in a response.create; references are to the conversation's. */
static bool put_input(struct socket *socket, struct str input, struct jsonw *json,
                      int64_t *heard_ms, struct persona_fault *fault)
{
    struct items items;
    struct str rest = json_inside(input);
    struct str value;
    bool fine = true;
    items_init(&items);
    while (fine && json_next_item(&rest, &value)) {
        struct str type = json_get(value, STR("type"));
        bool refers = is_kind(type, JSON_STRING) && json_string_is(type, STR("item_reference"));
        struct item *known = refers ? items_find(&socket->items, json_get(value, STR("id"))) : NULL;
        if (refers && known == NULL) {
            *fault = (struct persona_fault){ .text = "'response.input' refers to no item.",
                                             .type = "invalid_request_error",
                                             .param = "response.input",
                                             .code = "invalid_value" };
            fine = false;
            break;
        }
        struct item *item = item_read(refers ? buf_str(&known->told) : value, "item_input", fault);
        fine = item != NULL;
        if (fine && refers) {
            item->sound_ms = known->sound_ms;
        }
        if (fine) {
            items_insert(
                &items, item,
                list_empty(&items.list) ? NULL : EP_CONTAINER(items.list.prev, struct item, node));
        }
    }
    items_put_chat(&items, json, heard_ms);
    items_fini(&items);
    return fine;
}

/* A response as a chat: persona.h understands that. */
static bool put_chat(struct socket *socket, struct str response, struct jsonw *json,
                     int64_t *heard_ms, struct persona_fault *fault)
{
    const struct settings *settings = &socket->settings;
    struct str input = json_get(response, STR("input"));
    struct str cap = settings_get(settings, response, SETTING_CAP);
    bool fine = true;
    jsonw_open(json, '{');
    jsonw_put_str(json, "model", str_from(socket->model));
    jsonw_key(json, "messages");
    jsonw_open(json, '[');
    jsonw_open(json, '{');
    jsonw_put_str(json, "role", STR("system"));
    jsonw_key(json, "content");
    jsonw_raw(json, settings_get(settings, response, SETTING_INSTRUCTIONS));
    jsonw_close(json, '}');
    if (input.len > 0) {
        fine = put_input(socket, input, json, heard_ms, fault);
    } else {
        items_put_chat(&socket->items, json, heard_ms);
    }
    jsonw_close(json, ']');
    put_tools(json, settings_get(settings, response, SETTING_TOOLS));
    put_choice(json, settings_get(settings, response, SETTING_TOOL_CHOICE));
    if (json_kind(cap) == JSON_NUMBER) {
        jsonw_key(json, "max_tokens");
        jsonw_raw(json, cap);
    }
    jsonw_close(json, '}');
    return fine;
}

static bool answer_read(struct answer *answer, struct str response, struct persona_fault *fault)
{
    struct socket *socket = answer->socket;
    struct spoken *spoken = &answer->spoken;
    struct jsonw json;
    struct buf chat;
    int64_t now_s = loop_wall_ns(socket->options.loop) / INT64_C(1000000000);
    *fault = (struct persona_fault){ .text = "The conversation is too large for the sandbox.",
                                     .type = "invalid_request_error" };
    buf_init(&chat, SOCKET_ASK_MAX);
    jsonw_init(&json, &chat);
    bool fine = put_chat(socket, response, &json, &spoken->heard_ms, fault) &&
                jsonw_err(&json) == ERR_OK &&
                persona_read(buf_str(&chat), socket->options.persona, now_s, &spoken->ask, fault);
    buf_fini(&chat);
    struct str metadata = json_get(response, STR("metadata"));
    struct str cap = settings_get(&socket->settings, response, SETTING_CAP);
    struct str format = settings_get(&socket->settings, response, SETTING_FORMAT_OUT);
    spoken->aloud = settings_is_aloud(&socket->settings, response);
    spoken->narrow = settings_is_narrow(format);
    spoken->cap = 0;
    if (json_kind(cap) == JSON_NUMBER && !json_i64(cap, &spoken->cap)) {
        spoken->cap = 0; /* settings_check() had it */
    }
    return fine && buf_append(&spoken->metadata, metadata) == ERR_OK;
}

/* For one more item; else the client was told. */
static bool socket_has_room(struct socket *socket, struct str event_id)
{
    if (socket->items.count < ITEMS_MAX) {
        return true;
    }
    socket_refuse(socket, "The conversation has as many items as the sandbox keeps.", "item",
                  "invalid_value", event_id);
    return false;
}

static void answer_name(struct answer *answer, bool beside)
{
    struct socket *socket = answer->socket;
    struct spoken *spoken = &answer->spoken;
    socket_name(socket, "resp", spoken->id);
    socket_name(socket, "item", spoken->item);
    socket_name(socket, "call", spoken->call);
    (void)snprintf(spoken->previous, sizeof(spoken->previous), "%s", items_last(&socket->items));
    if (!beside) {
        (void)snprintf(spoken->conversation, sizeof(spoken->conversation), "conv_%llx",
                       (unsigned long long)socket->number);
    }
}

static void socket_begin(struct socket *socket, struct str response, struct str event_id)
{
    struct persona_fault fault;
    struct str where = json_get(response, STR("conversation"));
    bool beside = is_kind(where, JSON_STRING) && json_string_is(where, STR("none"));
    struct answer *other = beside ? NULL : socket_answer(socket);
    char text[192];
    if (!settings_check(response, &fault)) {
        speaker_error(&socket->speaker, &fault, event_id);
        return;
    }
    if (other != NULL || socket->answers_count > SOCKET_RESPONSES) {
        (void)snprintf(text, sizeof(text),
                       "Conversation already has an active response in progress: %s. Wait until "
                       "the response is finished before creating a new one.",
                       other == NULL ? "too many beside it" : other->spoken.id);
        socket_refuse(socket, text, NULL, "conversation_already_has_active_response", event_id);
        return;
    }
    if (!beside && !socket_has_room(socket, event_id)) {
        return;
    }
    struct answer *answer = mem_zalloc(sizeof(*answer));
    if (answer == NULL) {
        socket->speaker.broken = true;
        return;
    }
    answer->socket = socket;
    timer_init(&answer->timer, answer_on_timer);
    spoken_init(&answer->spoken, socket->options.persona);
    list_push_back(&socket->answers, &answer->node);
    socket->answers_count++;
    if (!answer_read(answer, response, &fault)) {
        speaker_error(&socket->speaker, &fault, event_id);
        answer_over(answer);
        return;
    }
    answer_name(answer, beside);
    spoken_begin(&answer->spoken, &socket->speaker);
    answer_wait(answer, socket->options.first_token_ms);
}

/* ---- what is heard -------------------------------------------------------------------------- */

static void say_item(struct socket *socket, const char *type, const char *before,
                     const struct item *item)
{
    struct jsonw *json = speaker_open(&socket->speaker, type);
    jsonw_key(json, "previous_item_id");
    if (before[0] == '\0') {
        jsonw_null(json);
    } else {
        jsonw_str(json, str_from(before));
    }
    jsonw_key(json, "item");
    jsonw_raw(json, buf_str(&item->told));
    speaker_close(&socket->speaker);
}

/* As whisper-1 does, by the second; any other model by its tokens. */
static void say_transcript(struct socket *socket, const struct item *item, struct str settings)
{
    char text[64];
    struct str model = json_get(settings, STR("model"));
    int64_t heard = item->sound_ms * ITEM_SECOND_TOK / 1000;
    (void)snprintf(text, sizeof(text), "This recording has %lld ms of sound.",
                   (long long)item->sound_ms);
    struct jsonw *json =
        speaker_open(&socket->speaker, "conversation.item.input_audio_transcription.completed");
    jsonw_put_str(json, "item_id", str_from(item->id));
    jsonw_put_int(json, "content_index", 0);
    jsonw_put_str(json, "transcript", str_from(text));
    jsonw_key(json, "usage");
    jsonw_open(json, '{');
    if (is_kind(model, JSON_STRING) && json_string_is(model, STR("whisper-1"))) {
        jsonw_put_str(json, "type", STR("duration"));
        jsonw_put_int(json, "seconds", (item->sound_ms + 999) / 1000);
    } else {
        jsonw_put_str(json, "type", STR("tokens"));
        jsonw_put_int(json, "total_tokens", heard + SOCKET_TRANSCRIPT);
        jsonw_put_int(json, "input_tokens", heard);
        jsonw_key(json, "input_token_details");
        jsonw_open(json, '{');
        jsonw_put_int(json, "text_tokens", 0);
        jsonw_put_int(json, "audio_tokens", heard);
        jsonw_close(json, '}');
        jsonw_put_int(json, "output_tokens", SOCKET_TRANSCRIPT);
    }
    jsonw_close(json, '}');
    speaker_close(&socket->speaker);
}

static void socket_commit(struct socket *socket)
{
    static const struct str sound = STR_INIT(
        "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}");
    struct persona_fault fault;
    char name[SPOKEN_ID_MAX];
    char before[ITEM_ID_MAX + 1];
    struct str wanted = settings_get(&socket->settings, STR_EMPTY, SETTING_TRANSCRIPTION);
    socket_name(socket, "item", name);
    (void)snprintf(before, sizeof(before), "%s", items_last(&socket->items));
    struct item *item = item_read(sound, name, &fault);
    if (item == NULL) {
        socket->speaker.broken = true;
        return;
    }
    item->sound_ms = hearing_ms(&socket->hearing);
    items_insert(&socket->items, item,
                 before[0] == '\0' ? NULL
                                   : EP_CONTAINER(socket->items.list.prev, struct item, node));
    hearing_clear(&socket->hearing);
    struct jsonw *json = speaker_open(&socket->speaker, "input_audio_buffer.committed");
    jsonw_put_str(json, "item_id", str_from(item->id));
    jsonw_key(json, "previous_item_id");
    if (before[0] == '\0') {
        jsonw_null(json);
    } else {
        jsonw_str(json, str_from(before));
    }
    speaker_close(&socket->speaker);
    say_item(socket, "conversation.item.added", before, item);
    say_item(socket, "conversation.item.done", before, item);
    if (json_kind(wanted) == JSON_OBJECT) {
        say_transcript(socket, item, wanted);
    }
}

static void say_speech(struct socket *socket, const char *type, const char *member)
{
    struct jsonw *json = speaker_open(&socket->speaker, type);
    jsonw_put_int(json, member, hearing_at_ms(&socket->hearing));
    speaker_close(&socket->speaker);
}

/* Somebody began, or ended, to speak: with voice detection, that is a turn. */
static void socket_turn(struct socket *socket, enum hearing_heard heard, struct str turns)
{
    struct answer *answer = socket_answer(socket);
    struct str interrupts = json_get(turns, STR("interrupt_response"));
    struct str creates = json_get(turns, STR("create_response"));
    if (heard == HEARING_STARTED) {
        say_speech(socket, "input_audio_buffer.speech_started", "audio_start_ms");
        if (answer != NULL && !is_kind(interrupts, JSON_FALSE)) {
            answer_finish(answer, SPOKEN_INTERRUPTED);
        }
    } else if (heard == HEARING_STOPPED) {
        say_speech(socket, "input_audio_buffer.speech_stopped", "audio_end_ms");
        if (!socket_has_room(socket, STR_EMPTY)) {
            return;
        }
        socket_commit(socket);
        if (!socket->speaker.broken && socket_answer(socket) == NULL &&
            !is_kind(creates, JSON_FALSE)) {
            socket_begin(socket, STR_EMPTY, STR_EMPTY);
        }
    }
}

/* ---- the client's events -------------------------------------------------------------------- */

static void on_append(struct socket *socket, struct str event, struct str event_id)
{
    struct str turns = settings_get(&socket->settings, STR_EMPTY, SETTING_TURNS);
    enum hearing_heard heard = hearing_append(&socket->hearing, json_get(event, STR("audio")));
    if (heard == HEARING_BAD) {
        socket_refuse(socket,
                      "Invalid 'audio': expected base64 of whole samples, no more than an "
                      "hour in all.",
                      "audio", "invalid_value", event_id);
    } else if (json_kind(turns) == JSON_OBJECT) {
        socket_turn(socket, heard, turns);
    }
}

static void on_commit(struct socket *socket, struct str event, struct str event_id)
{
    char text[160];
    int64_t ms = hearing_ms(&socket->hearing);
    (void)event;
    if (ms >= HEARING_LEAST_MS) {
        if (socket_has_room(socket, event_id)) {
            socket_commit(socket);
        }
        return;
    }
    (void)snprintf(text, sizeof(text),
                   "Error committing input audio buffer: buffer too small. Expected at least %dms "
                   "of audio, but buffer only has %lld.00ms of audio.",
                   HEARING_LEAST_MS, (long long)ms);
    socket_refuse(socket, text, NULL, "input_audio_buffer_commit_empty", event_id);
}

static void on_clear(struct socket *socket, struct str event, struct str event_id)
{
    (void)event;
    (void)event_id;
    hearing_clear(&socket->hearing);
    (void)speaker_open(&socket->speaker, "input_audio_buffer.cleared");
    speaker_close(&socket->speaker);
}

static void on_clear_output(struct socket *socket, struct str event, struct str event_id)
{
    (void)event;
    socket_refuse(socket, "'output_audio_buffer.clear' is for WebRTC and SIP alone.", "type",
                  "invalid_value", event_id);
}

/* Where an item goes: behind the last, or where the event says. False: there is no such place. */
static bool item_place(struct socket *socket, struct str event, struct item **ret_before)
{
    struct str before = json_get(event, STR("previous_item_id"));
    *ret_before = list_empty(&socket->items.list)
                      ? NULL
                      : EP_CONTAINER(socket->items.list.prev, struct item, node);
    if (before.len == 0 || json_kind(before) == JSON_NULL) {
        return true;
    }
    if (is_kind(before, JSON_STRING) && json_string_is(before, STR("root"))) {
        *ret_before = NULL;
        return true;
    }
    *ret_before = items_find(&socket->items, before);
    return *ret_before != NULL;
}

static void on_create(struct socket *socket, struct str event, struct str event_id)
{
    struct persona_fault fault;
    struct item *before = NULL;
    char name[SPOKEN_ID_MAX];
    struct str value = json_get(event, STR("item"));
    if (!item_place(socket, event, &before)) {
        socket_refuse(socket, "'previous_item_id' names no item.", "previous_item_id",
                      "item_create_invalid_previous_item_id", event_id);
        return;
    }
    if (!socket_has_room(socket, event_id)) {
        return;
    }
    socket_name(socket, "item", name);
    struct item *item = item_read(value, name, &fault);
    if (item == NULL) {
        speaker_error(&socket->speaker, &fault, event_id);
        return;
    }
    items_insert(&socket->items, item, before);
    const char *behind = before == NULL ? "" : before->id;
    say_item(socket, "conversation.item.added", behind, item);
    say_item(socket, "conversation.item.done", behind, item);
}

/* NULL: there is none, which the client was told. */
static struct item *item_wanted(struct socket *socket, struct str event, const char *code,
                                struct str event_id)
{
    struct item *item = items_find(&socket->items, json_get(event, STR("item_id")));
    if (item == NULL) {
        socket_refuse(socket, "'item_id' names no item of the conversation.", "item_id", code,
                      event_id);
    }
    return item;
}

static void on_retrieve(struct socket *socket, struct str event, struct str event_id)
{
    struct item *item = item_wanted(socket, event, "item_retrieve_invalid_item_id", event_id);
    if (item != NULL) {
        struct jsonw *json = speaker_open(&socket->speaker, "conversation.item.retrieved");
        jsonw_key(json, "item");
        jsonw_raw(json, buf_str(&item->told));
        speaker_close(&socket->speaker);
    }
}

static void on_delete(struct socket *socket, struct str event, struct str event_id)
{
    struct item *item = item_wanted(socket, event, "item_delete_invalid_item_id", event_id);
    if (item != NULL) {
        struct jsonw *json = speaker_open(&socket->speaker, "conversation.item.deleted");
        jsonw_put_str(json, "item_id", str_from(item->id));
        speaker_close(&socket->speaker);
        items_remove(&socket->items, item);
    }
}

/* What was not heard of an answer: its text is as it was, as far as the sandbox goes. */
static void on_truncate(struct socket *socket, struct str event, struct str event_id)
{
    struct item *item = item_wanted(socket, event, "item_truncate_invalid_item_id", event_id);
    struct str end = json_get(event, STR("audio_end_ms"));
    int64_t ms = 0;
    if (item == NULL) {
        return;
    }
    if (!is_kind(end, JSON_NUMBER) || !json_i64(end, &ms) || ms < 0) {
        socket_refuse(socket, "'audio_end_ms' must be a number of milliseconds.", "audio_end_ms",
                      "invalid_value", event_id);
        return;
    }
    struct jsonw *json = speaker_open(&socket->speaker, "conversation.item.truncated");
    jsonw_put_str(json, "item_id", str_from(item->id));
    jsonw_put_int(json, "content_index", 0);
    jsonw_put_int(json, "audio_end_ms", ms);
    speaker_close(&socket->speaker);
}

static void on_response(struct socket *socket, struct str event, struct str event_id)
{
    socket_begin(socket, json_get(event, STR("response")), event_id);
}

static void on_cancel(struct socket *socket, struct str event, struct str event_id)
{
    struct str id = json_get(event, STR("response_id"));
    struct answer *found = id.len == 0 ? socket_answer(socket) : NULL;
    LIST_EACH(node, &socket->answers) {
        struct answer *answer = EP_CONTAINER(node, struct answer, node);
        if (is_kind(id, JSON_STRING) && json_string_is(id, str_from(answer->spoken.id))) {
            found = answer;
        }
    }
    if (found != NULL) {
        answer_finish(found, SPOKEN_CANCELLED);
    } else {
        socket_refuse(socket, "Cancellation failed: no active response found", NULL,
                      "response_cancel_not_active", event_id);
    }
}

static void say_session(struct socket *socket, const char *type)
{
    char id[SPOKEN_ID_MAX];
    const struct persona_options *persona = socket->options.persona;
    (void)snprintf(id, sizeof(id), "sess_%llx", (unsigned long long)socket->number);
    struct jsonw *json = speaker_open(&socket->speaker, type);
    jsonw_key(json, "session");
    jsonw_open(json, '{');
    jsonw_put_str(json, "type", STR("realtime"));
    jsonw_put_str(json, "object", STR("realtime.session"));
    jsonw_put_str(json, "id", str_from(id));
    jsonw_put_str(json, "model",
                  persona->declare_model.len > 0 ? persona->declare_model
                                                 : str_from(socket->model));
    jsonw_put_int(json, "expires_at",
                  loop_wall_ns(socket->options.loop) / INT64_C(1000000000) + SOCKET_SESSION_S);
    settings_put(&socket->settings, json);
    jsonw_close(json, '}');
    speaker_close(&socket->speaker);
}

static void on_session(struct socket *socket, struct str event, struct str event_id)
{
    struct persona_fault fault;
    if (!settings_update(&socket->settings, json_get(event, STR("session")),
                         str_from(socket->model), &fault)) {
        speaker_error(&socket->speaker, &fault, event_id);
        return;
    }
    bool narrow = settings_is_narrow(settings_get(&socket->settings, STR_EMPTY, SETTING_FORMAT_IN));
    if (narrow != socket->hearing.narrow) { /* what was heard is of another kind */
        hearing_clear(&socket->hearing);
        socket->hearing.since = 0;
        socket->hearing.narrow = narrow;
    }
    say_session(socket, "session.updated");
}

static const struct socket_row {
    struct str type;
    void (*take)(struct socket *socket, struct str event, struct str event_id);
} socket_rows[] = {
    { STR_INIT("input_audio_buffer.append"), on_append },
    { STR_INIT("input_audio_buffer.commit"), on_commit },
    { STR_INIT("input_audio_buffer.clear"), on_clear },
    { STR_INIT("output_audio_buffer.clear"), on_clear_output },
    { STR_INIT("conversation.item.create"), on_create },
    { STR_INIT("conversation.item.retrieve"), on_retrieve },
    { STR_INIT("conversation.item.delete"), on_delete },
    { STR_INIT("conversation.item.truncate"), on_truncate },
    { STR_INIT("response.create"), on_response },
    { STR_INIT("response.cancel"), on_cancel },
    { STR_INIT("session.update"), on_session },
};

static void socket_hear(struct socket *socket, struct str event)
{
    struct json_fault fault;
    if (json_check(event, &fault) != ERR_OK) {
        socket_refuse(socket, "The event is no JSON.", NULL, "invalid_json", STR_EMPTY);
        return;
    }
    struct str type = json_get(event, STR("type"));
    struct str id = json_get(event, STR("event_id"));
    id = is_kind(id, JSON_STRING) ? id : STR_EMPTY;
    for (size_t i = 0; i < EP_ARRAY_LEN(socket_rows) && is_kind(type, JSON_STRING); i++) {
        if (json_string_is(type, socket_rows[i].type)) {
            socket_rows[i].take(socket, event, id);
            return;
        }
    }
    socket_refuse(socket, "Invalid value: 'type' names no event of a client's.", "type",
                  type.len == 0 ? "missing_required_parameter" : "invalid_value", id);
}

static void socket_on_message(struct channel *channel, bool text, struct str data)
{
    struct socket *socket = EP_CONTAINER(channel, struct socket, channel);
    if (text) {
        socket_hear(socket, data);
    } else {
        socket_refuse(socket, "An event is text, not binary.", NULL, "invalid_value", STR_EMPTY);
    }
    (void)socket_breaks(socket);
}

static void socket_on_closed(struct channel *channel, uint16_t code, struct str reason)
{
    (void)code;
    (void)reason;
    socket_over(EP_CONTAINER(channel, struct socket, channel));
}

static const struct channel_events socket_events = {
    .on_message = socket_on_message,
    .on_closed = socket_on_closed,
};

/* ---- the beginning -------------------------------------------------------------------------- */

static void socket_say(struct speaker *speaker, struct str event)
{
    struct socket *socket = EP_CONTAINER(speaker, struct socket, speaker);
    speaker->broken |=
        channel_is_open(&socket->channel) && channel_send(&socket->channel, true, event) != ERR_OK;
}

static void socket_refuse_opening(struct http_exchange *x, int status, const char *text,
                                  const char *param)
{
    char room[512];
    struct buf body = { room, 0, sizeof(room), sizeof(room) };
    const struct persona_fault fault = {
        .status = status, .text = text, .type = "invalid_request_error", .param = param
    };
    EP_IGNORE(persona_error(&fault, &body)); /* the sentences fit */
    http_respond(x, status, STR("content-type: application/json\r\n"), buf_str(&body));
}

static struct socket *socket_make(const struct socket_options *options)
{
    struct channel_options limits = channel_options_default();
    struct socket *socket = mem_zalloc(sizeof(*socket));
    if (socket == NULL) {
        return NULL;
    }
    limits.queue_bytes_max = SPEAKER_EVENT_MAX;
    socket->options = *options;
    socket->number = ++sockets;
    list_init(&socket->answers);
    speaker_init(&socket->speaker, socket_say);
    settings_init(&socket->settings);
    hearing_init(&socket->hearing);
    items_init(&socket->items);
    channel_init(&socket->channel, &socket_events, &limits);
    return socket;
}

static void socket_open(const struct socket_options *options, struct http_exchange *x,
                        struct str key, struct str model)
{
    struct str protocol = STR_EMPTY;
    struct str offered;
    struct socket *socket = socket_make(options);
    if (socket == NULL) {
        socket_refuse_opening(x, 503, "The sandbox is out of memory.", NULL);
        return;
    }
    for (size_t i = 0; websocket_offered(http_exchange_head(x), i, &offered); i++) {
        protocol = str_eq(offered, STR("realtime")) ? offered : protocol;
    }
    memcpy(socket->model, model.ptr, model.len);
    channel_accept(&socket->channel, options->loop, x, key, protocol, STR_EMPTY);
    say_session(socket, "session.created");
    (void)socket_breaks(socket);
}

bool socket_take(const struct socket_options *options, struct http_exchange *x)
{
    const struct http1_head *head = http_exchange_head(x);
    char room[PERSONA_MODEL_MAX];
    struct buf model = { room, 0, sizeof(room), sizeof(room) };
    struct str query;
    struct str key;
    if (!str_ends(url_target_path(head->target, &query), STR("/realtime")) ||
        head->method != HTTP1_GET) {
        return false;
    }
    switch (websocket_asked(head, &key)) {
    case WEBSOCKET_ASKED:
        break;
    case WEBSOCKET_ASKED_BADLY:
        socket_refuse_opening(x, 400, "The handshake is not that of WebSocket.", NULL);
        return true;
    case WEBSOCKET_NOT_ASKED:
    case WEBSOCKET_ASKED_OLD:
        socket_refuse_opening(x, 426, "A realtime session is asked for by WebSocket, version 13.",
                              NULL);
        return true;
    }
    if (!url_query(query, STR("model"), &model) || model.len == 0) {
        socket_refuse_opening(x, 400, "you must provide a model parameter", "model");
        return true;
    }
    socket_open(options, x, key, buf_str(&model));
    return true;
}
