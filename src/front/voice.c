#include "front/voice_internal.h"

#include "base/counter.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "front/errand.h"
#include "front/voice_farewell.h"
#include "gate/auth.h"
#include "gate/reply.h"
#include "ident/ident.h"
#include "ident/wake.h"
#include "wire/utf8.h"
#include "wire/websocket_hello.h"

#define VOICE_SESSION_PREFIX "voice_"
#define VOICE_MINUTE         (60 * VOICE_SEC)
#define VOICE_HELLO_NS       (10 * VOICE_SEC) /* what a device waits for our own */
/* A talk has pauses; a device takes a silent channel for dead after as long, and connects again by
 * itself when it is woken. */
#define VOICE_IDLE_NS  (120 * VOICE_SEC)
#define VOICE_LEAVE_NS (2 * VOICE_SEC + VOICE_FAREWELL_MS_MAX * (VOICE_SEC / 1000))
/* How soon a key that was revoked ends what is under way: half of the second that is promised. */
#define VOICE_TICK_NS (VOICE_SEC / 2)
/* Unsent bytes of a device that reads nothing: what is paced ahead is 2 KB. */
#define VOICE_QUEUE_MAX    ((size_t)256 * 1024)
#define VOICE_FRAGMENTS    16   /* firmware sends none */
#define VOICE_MESSAGE_SIZE 8192 /* a JSON message but a transcript's */

/* ---- telling ------------------------------------------------------------------------------ */

void voice_send(struct voice *voice, enum err written, struct buf *out)
{
    if (written == ERR_OK && channel_is_open(&voice->channel)) {
        written = channel_send(&voice->channel, true, buf_str(out));
    }
    buf_fini(out);
    if (written != ERR_OK) {
        channel_close(&voice->channel, WEBSOCKET_TRY_LATER, str_from(err_info(written)->text));
    }
}

static void voice_alert(struct voice *voice, struct str message)
{
    struct buf out;
    buf_init(&out, VOICE_ANSWER_MAX * 2);
    voice_send(voice, xiaozhi_write_alert(&out, voice->id, message), &out);
}

static void voice_tell_stop(struct voice *voice)
{
    struct buf out;
    buf_init(&out, VOICE_MESSAGE_SIZE);
    voice_send(voice, xiaozhi_write_tts(&out, voice->id, STR("stop"), STR_EMPTY), &out);
}

/* What the device says is not the protocol: it is told, and closed. */
static void voice_refuse(struct voice *voice, const struct fail *fail)
{
    voice_alert(voice, str_from(fail->text));
    channel_close(&voice->channel, WEBSOCKET_PROTOCOL, str_from(fail->text));
}

/* ---- talk --------------------------------------------------------------------------------- */

/* Of a device; NULL: the key is none's, and nothing is counted for it. */
static const struct fleet *voice_fleet(const struct api_key *key)
{
    return key->device == NULL ? NULL : key->fleet;
}

enum err voice_take_turn(struct voice *voice)
{
    struct ident *ident = voice->front->world.gate.ident;
    const struct device *device = voice->key->device;
    int64_t now_ns = loop_wall_ns(voice->front->loop);
    if (device == NULL) {
        return wake_turn(&voice->turns_full_ns, voice->as.turns_minute, now_ns);
    }
    TRY(device_may_talk(ident, device, now_ns));
    return device_turn(ident, device, voice->as.turns_minute, now_ns);
}

void voice_talked(const struct voice *voice, int64_t ms)
{
    if (voice->key->device != NULL && ms > 0) {
        device_talked(voice->front->world.gate.ident, voice->key->device, ms,
                      loop_wall_ns(voice->front->loop));
    }
}

/* ---- turns -------------------------------------------------------------------------------- */

/* Ends what is under way: calls are broken off, what is not spoken yet is dropped, what was is
 * remembered. */
static void voice_rest(struct voice *voice)
{
    if (voice->think.asked.len > 0 && voice->speak.said.len > 0) {
        voice_history_add(&voice->history, buf_str(&voice->think.asked),
                          buf_str(&voice->speak.said));
    }
    voice_talked(voice, voice->leaving ? 0 : voice->speak.play.sent_ms); /* a farewell is no talk */
    voice_hear_reset(voice);
    voice_think_reset(voice);
    voice_speak_reset(voice);
    if (voice->snapshot != NULL) {
        gate_snapshot_unref(voice->snapshot);
    }
    voice->snapshot = NULL;
    voice->active_ns = loop_now_ns(voice->front->loop);
}

static void voice_segment(struct voice *voice)
{
    struct front *front = voice->front;
    const struct registry_product *product =
        registry_product(front->snapshot->registry, voice->key->product);
    voice_rest(voice);
    if (product == NULL || !voice_as_of(product, voice_fleet(voice->key), &voice->as)) {
        voice_fail_for_good(voice, STR("This product is not spoken with any more."));
        return;
    }
    voice->snapshot = gate_snapshot_ref(front->snapshot);
    voice->segment = id_make(loop_wall_ns(front->loop), front->world.gate.node, random_u64());
    voice->steps = 0;
}

/* What the device hears next, where there was something to be heard. */
static void voice_over(struct voice *voice)
{
    bool listens =
        voice->session.state == XIAOZHI_LISTENING || voice->session.state == XIAOZHI_ANSWERING;
    voice_rest(voice);
    voice_tell_stop(voice);
    if (listens && xiaozhi_session_answered(&voice->session)) {
        voice_segment(voice);
    }
}

void voice_fail(struct voice *voice, struct str message)
{
    if (voice->leaving) { /* what is recorded cannot be said just now */
        channel_close(&voice->channel, WEBSOCKET_POLICY, str_from(voice->leave_text));
        return;
    }
    voice_alert(voice, message);
    voice_over(voice);
}

void voice_fail_for_good(struct voice *voice, struct str message)
{
    voice_alert(voice, message);
    voice_rest(voice);
    channel_close(&voice->channel, WEBSOCKET_POLICY, message);
}

void voice_leave(struct voice *voice, struct str message)
{
    struct str wav = voice->front->world.farewell;
    if (wav.len == 0 || voice->leaving) {
        voice_fail_for_good(voice, message);
        return;
    }
    struct buf reason = { voice->leave_text, 0, WEBSOCKET_REASON_MAX, WEBSOCKET_REASON_MAX };
    size_t fits = message.len < WEBSOCKET_REASON_MAX ? message.len : WEBSOCKET_REASON_MAX;
    EP_IGNORE(buf_append(&reason, str_slice(message, 0, fits))); /* as it says */
    utf8_mend(voice->leave_text); /* it may be cut off inside a character */
    voice_alert(voice, message);
    voice_rest(voice);
    voice->leaving = true;
    voice->leave_ns = loop_now_ns(voice->front->loop);
    if (voice_speak_file(voice, wav) != ERR_OK) {
        channel_close(&voice->channel, WEBSOCKET_POLICY, str_from(voice->leave_text));
    }
}

void voice_answered(struct voice *voice)
{
    if (voice->leaving) {
        voice_tell_stop(voice);
        channel_close(&voice->channel, WEBSOCKET_POLICY, str_from(voice->leave_text));
    } else {
        voice_over(voice);
    }
}

void voice_heard(struct voice *voice)
{
    if (!voice->hear.ear.pause.spoken) { /* silence is asked of nobody, and costs nothing */
        voice_over(voice);
        return;
    }
    enum err err = voice_take_turn(voice);
    if (err == ERR_SECONDS_DAY) {
        voice_leave(voice, str_from(err_info(err)->text));
        return;
    }
    if (err != ERR_OK) {
        voice_fail(voice, str_from(err_info(err)->text));
        return;
    }
    voice_talked(voice, voice->hear.ear.ms);
    counter_add(COUNTER_VOICE_SEGMENTS, 1);
    voice_hear_ask(voice);
}

/* ---- messages ----------------------------------------------------------------------------- */

static void voice_greet(struct voice *voice)
{
    struct buf out;
    buf_init(&out, VOICE_MESSAGE_SIZE);
    voice_send(voice, xiaozhi_write_hello(&out, voice->id, voice->session.frame_ms), &out);
}

static void voice_wake(struct voice *voice)
{
    const struct front *front = voice->front;
    const struct device *device = voice->key->device;
    bool counted = false;
    voice->active_ns = loop_now_ns(front->loop);
    counter_add(COUNTER_VOICE_WAKES, 1);
    if (device == NULL) {
        return;
    }
    enum err err =
        device_wake(front->world.gate.ident, device, 0, loop_wall_ns(front->loop), &counted);
    if (err != ERR_OK) {
        voice_leave(voice, str_from(err_info(err)->text));
    }
}

static void voice_act(struct voice *voice, enum xiaozhi_act act)
{
    switch (act) {
    case XIAOZHI_NOTHING:
        break;
    case XIAOZHI_GREET:
        voice_greet(voice);
        break;
    case XIAOZHI_WAKE:
        voice_wake(voice);
        break;
    case XIAOZHI_BEGIN:
        voice_segment(voice);
        break;
    case XIAOZHI_HEARD:
        voice_hear_stop(voice);
        break;
    case XIAOZHI_DROP:
    case XIAOZHI_INTERRUPT:
        voice_rest(voice);
        voice_tell_stop(voice);
        break;
    case XIAOZHI_BARGE:
        voice_rest(voice);
        voice_tell_stop(voice);
        voice_segment(voice);
        break;
    }
}

static void voice_on_text(struct voice *voice, struct str text)
{
    struct xiaozhi_message message;
    struct fail fail;
    enum xiaozhi_act act = XIAOZHI_NOTHING;
    if (xiaozhi_read(text, &message, &fail) != ERR_OK ||
        xiaozhi_session_take(&voice->session, &message, &act, &fail) != ERR_OK) {
        voice_refuse(voice, &fail);
        return;
    }
    voice_act(voice, act);
}

static void voice_on_message(struct channel *channel, bool text, struct str data)
{
    struct voice *voice = EP_CONTAINER(channel, struct voice, channel);
    struct xiaozhi_packet packet;
    struct fail fail;
    bool hears = false;
    ASSERT(voice->magic == VOICE_MAGIC);
    if (voice->leaving) {
        return;
    }
    if (text) {
        voice_on_text(voice, data);
    } else if (xiaozhi_session_hears(&voice->session, &hears, &fail) != ERR_OK ||
               xiaozhi_unpack(voice->session.version, data, &packet, &fail) != ERR_OK) {
        voice_refuse(voice, &fail);
    } else if (packet.json) {
        voice_on_text(voice, packet.payload);
    } else if (hears) {
        voice_hear_packet(voice, packet.payload);
    }
}

/* ---- time --------------------------------------------------------------------------------- */

static void voice_set_tick(struct voice *voice, int64_t at_ns)
{
    if (timer_start(voice->front->loop, &voice->tick, at_ns) != ERR_OK) {
        channel_close(&voice->channel, WEBSOCKET_TRY_LATER,
                      str_from(err_info(ERR_NO_MEMORY)->text));
    }
}

void voice_tick_now(struct voice *voice)
{
    if (channel_is_open(&voice->channel)) {
        voice_set_tick(voice, loop_now_ns(voice->front->loop));
    }
}

/* Ends what is under way, so that nothing more is bought for a device that does not hear it. */
static void voice_close(struct voice *voice, uint16_t code, struct str reason)
{
    voice_rest(voice);
    channel_close(&voice->channel, code, reason);
}

/* Whether the session may go on; else it is closed. */
static bool voice_may_last(struct voice *voice)
{
    int64_t now_ns = loop_now_ns(voice->front->loop);
    int64_t quiet_ns = now_ns - voice->active_ns;
    bool answers = voice->session.state == XIAOZHI_ANSWERING;
    const struct gate_actor actor = { .key = voice->key, .hint = voice->hint };
    enum err err = auth_still(voice->front->gate, &actor);
    if (err != ERR_OK) {
        voice_fail_for_good(voice, str_from(err_info(err)->text));
        return false;
    }
    if (voice->leaving && now_ns - voice->leave_ns > VOICE_LEAVE_NS) {
        voice_close(voice, WEBSOCKET_POLICY, STR("no farewell is longer"));
        return false;
    }
    if (voice_seat_is_lost(&voice->seat)) {
        voice_close(voice, WEBSOCKET_POLICY, STR("the device speaks elsewhere"));
        return false;
    }
    if (voice->session.state == XIAOZHI_OPENING && quiet_ns > VOICE_HELLO_NS) {
        voice_close(voice, WEBSOCKET_POLICY, STR("no hello came"));
        return false;
    }
    if (!answers && quiet_ns > VOICE_IDLE_NS) {
        voice_close(voice, WEBSOCKET_NORMAL, STR("nobody speaks"));
        return false;
    }
    if (!answers && now_ns - voice->begun_ns > voice->as.session_minutes * VOICE_MINUTE) {
        voice_close(voice, WEBSOCKET_NORMAL, STR("no session is longer"));
        return false;
    }
    return true;
}

static void voice_on_tick(struct timer *timer)
{
    struct voice *voice = EP_CONTAINER(timer, struct voice, tick);
    int64_t now_ns = loop_now_ns(voice->front->loop);
    if (!channel_is_open(&voice->channel) || !voice_may_last(voice)) {
        return;
    }
    voice_hear_pump(voice);
    voice_speak_pump(voice);
    int64_t at_ns = voice_speak_play(voice);
    int64_t usual_ns = now_ns + VOICE_TICK_NS;
    if (!timer_armed(&voice->tick)) {
        voice_set_tick(voice, at_ns < usual_ns ? at_ns : usual_ns);
    }
}

/* ---- life --------------------------------------------------------------------------------- */

void voice_end(struct voice *voice)
{
    ASSERT(voice->closed);
    if (voice->hear.running || voice->speak.running) {
        return;
    }
    voice_hear_fini(voice);
    voice_think_fini(voice);
    voice_speak_fini(voice);
    voice_history_fini(&voice->history);
    voice->front->errands--;
    if (voice->seat.taken) {
        voice_seats_leave(voice->front->world.voice_seats, &voice->seat);
    }
    voice->magic = 0;
    counter_add(COUNTER_VOICE_SESSIONS, -1);
    mem_free(voice);
}

static void voice_on_closed(struct channel *channel, uint16_t code, struct str reason)
{
    struct voice *voice = EP_CONTAINER(channel, struct voice, channel);
    (void)code;
    (void)reason;
    timer_stop(voice->front->loop, &voice->tick);
    voice_rest(voice);
    voice->closed = true;
    voice_end(voice);
}

static const struct channel_events voice_events = {
    .on_message = voice_on_message,
    .on_closed = voice_on_closed,
};

static struct voice *voice_create(struct front *front, const struct api_key *key, const char *hint,
                                  const struct xiaozhi_session *session)
{
    struct channel_options options = channel_options_default();
    struct voice *voice = mem_zalloc(sizeof(*voice));
    if (voice == NULL) {
        return NULL;
    }
    options.limits.message_bytes_max = XIAOZHI_TEXT_MAX;
    options.limits.fragments_max = VOICE_FRAGMENTS;
    options.queue_bytes_max = VOICE_QUEUE_MAX;
    voice->magic = VOICE_MAGIC;
    voice->front = front;
    voice->key = key;
    voice->hint = hint;
    voice->session = *session;
    voice->begun_ns = loop_now_ns(front->loop);
    voice->active_ns = voice->begun_ns;
    struct buf id = { voice->id_text, 0, sizeof(voice->id_text), sizeof(voice->id_text) };
    EP_IGNORE(id_print(
        &id, STR(VOICE_SESSION_PREFIX),
        id_make(loop_wall_ns(front->loop), front->world.gate.node, random_u64()))); /* fits */
    voice->id = buf_str(&id);
    channel_init(&voice->channel, &voice_events, &options);
    timer_init(&voice->tick, voice_on_tick);
    voice_hear_init(voice);
    voice_think_init(voice);
    voice_speak_init(voice);
    voice_history_init(&voice->history);
    front->errands++;
    counter_add(COUNTER_VOICE_SESSIONS, 1);
    return voice;
}

/* A device says its hardware address, and may have been issued its key by its serial. So what is
 * known to be wrong is another device's address alone. */
static enum err voice_check_device(const struct front *front, struct http_exchange *x,
                                   const struct api_key *key)
{
    struct str address = http1_header(http_exchange_head(x), STR("device-id"));
    if (key->device == NULL || address.len == 0) {
        return ERR_OK;
    }
    const struct device *other = device_find(front->world.gate.ident, key->fleet, address);
    return other == NULL || other == key->device ? ERR_OK : ERR_DEVICE_MISMATCH;
}

/* Whether the key has something left of its caps, so that the first question would be answered. */
static enum err voice_may_spend(const struct front *front, const struct api_key *key)
{
    int64_t now_ns = loop_wall_ns(front->loop);
    struct budget *budget = ledger_budget(front->world.gate.ledger, key->id);
    enum err reason = ERR_OK;
    if (budget != NULL && budget_left(budget, now_ns, &reason) <= 0) {
        return reason;
    }
    return key->device == NULL ? ERR_OK
                               : device_may_talk(front->world.gate.ident, key->device, now_ns);
}

/* ERR_KEY_...: who asks; ERR_SERVICE_UNSERVED: its product is not spoken with; ERR_LEDGER_FUNDS: no
 * credit is left; the errors of voice_may_spend(). */
static enum err voice_admit(struct front *front, struct http_exchange *x,
                            const struct api_key **ret_key, const char **ret_hint,
                            struct voice_as *ret_as)
{
    TRY(auth_find_speaker(front->gate, x, ret_key));
    *ret_hint = api_key_hint(*ret_key).ptr;
    /* Again, behind the hint: what was rotated away between the two would speak for an hour. */
    TRY(auth_find_speaker(front->gate, x, ret_key));
    TRY(voice_check_device(front, x, *ret_key));
    const struct registry_product *product =
        registry_product(front->snapshot->registry, (*ret_key)->product);
    struct ledger_account *account =
        ledger_find(front->world.gate.ledger, (*ret_key)->client->account);
    if (product == NULL || !voice_as_of(product, voice_fleet(*ret_key), ret_as)) {
        return ERR_SERVICE_UNSERVED;
    }
    if (account == NULL || ledger_credit(account)->available <= 0) {
        return ERR_LEDGER_FUNDS;
    }
    return voice_may_spend(front, *ret_key);
}

/* False: it is refused, and the exchange is over. */
static bool voice_handshake(struct http_exchange *x, struct xiaozhi_session *session,
                            struct str *ret_key)
{
    const struct http1_head *head = http_exchange_head(x);
    struct str text = http1_header(head, STR("protocol-version"));
    uint64_t version = 0;
    switch (websocket_asked(head, ret_key)) {
    case WEBSOCKET_NOT_ASKED:
    case WEBSOCKET_ASKED_OLD:
        reply_ask_upgrade(x);
        return false;
    case WEBSOCKET_ASKED_BADLY:
        errand_refuse(x, ERR_HTTP_SYNTAX);
        return false;
    case WEBSOCKET_ASKED:
        break;
    }
    bool fine = text.len == 0 || (str_to_u64(text, &version) && version >= 1 && version <= 3);
    if (!fine || !xiaozhi_session_init(session, (int)version)) {
        errand_refuse_field(x, STR("Protocol-Version"), STR("Protocol-Version must be 1, 2 or 3."));
        return false;
    }
    return true;
}

/* What it cannot do without. False: there is no memory for it, and the session is gone. */
static bool voice_place(struct voice *voice)
{
    const struct front *front = voice->front;
    bool placed =
        timer_start(front->loop, &voice->tick, voice->active_ns + VOICE_TICK_NS) == ERR_OK;
    if (placed && voice->key->device != NULL && front->world.voice_seats != NULL) {
        placed = voice_seats_take(front->world.voice_seats, &voice->seat, voice->key->id) == ERR_OK;
    }
    if (!placed) {
        timer_stop(front->loop, &voice->tick);
        voice->closed = true;
        voice_end(voice);
    }
    return placed;
}

void voice_begin(struct front *front, struct http_exchange *x, struct str path)
{
    const struct api_key *key = NULL;
    const char *hint = NULL;
    struct xiaozhi_session session;
    struct voice_as as;
    struct str accept;
    (void)path;
    if (!voice_handshake(x, &session, &accept)) {
        return;
    }
    enum err err = voice_admit(front, x, &key, &hint, &as);
    if (err != ERR_OK) {
        errand_refuse(x, err);
        return;
    }
    struct voice *voice = voice_create(front, key, hint, &session);
    if (voice == NULL || !voice_place(voice)) {
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    voice->as = as;
    http_exchange_from(x, &voice->from);
    channel_accept(&voice->channel, front->loop, x, accept, STR_EMPTY, STR_EMPTY);
}
