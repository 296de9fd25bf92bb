#include "client.h"

#include <stdio.h>
#include <string.h>

#include "auditor.h"
#include "client_read.h"
#include "wish.h"

#define CLIENT_MS           INT64_C(1000000)
#define CLIENT_TEXT_MAX     ((size_t)1 << 20)
#define CLIENT_PAD_MAX      1500
#define CLIENT_CAP_LEAST    15
#define CLIENT_TRIES        2 /* of an SDK's own, behind the first */
#define CLIENT_IMPATIENT_MS 8 /* most answers begin within that, and some do not */

static void client_plan(struct client_slot *client, int64_t within_ns)
{
    struct play *play = client->play;
    int64_t at_ns = sim_now_ns(play->sim) + (int64_t)play_random(play, (uint64_t)within_ns);
    enum err err = timer_start(play->outside, &client->timer, at_ns);
    ASSERT(err == ERR_OK);
}

/* ---- asking ------------------------------------------------------------------------------ */

static void client_put(struct buf *out, struct str text)
{
    enum err err = buf_append(out, text);
    ASSERT(err == ERR_OK);
}

static void client_start(struct client_slot *client, struct str method, struct str path)
{
    const struct account *account = &client->play->accounts[client->account];
    const struct sale *sale = client->sale;
    enum err err = ERR_OK;
    bool wrong = sale != NULL && sale->asking == ASK_WRONG_KEY;
    /* A device sees nothing but its own calls. */
    int hand = sale == NULL && play_has_fleets(client->play) ? 0 : client->hand;
    buf_reset(&client->head);
    err = buf_printf(&client->head, STR_FMT " " STR_FMT " HTTP/1.1\r\nHost: x\r\n", STR_ARG(method),
                     STR_ARG(path));
    ASSERT(err == ERR_OK);
    if (sale == NULL || sale->asking != ASK_NO_KEY) {
        bool anthropic = sale != NULL && sale->tongue == TONGUE_ANTHROPIC;
        err = buf_printf(&client->head, "%s%s%s\r\n",
                         anthropic ? "Anthropic-Version: 2023-06-01\r\nX-Api-Key: "
                                   : "Authorization: Bearer ",
                         account->key[hand], wrong ? "x" : "");
    }
    if (err == ERR_OK && sale != NULL) {
        wish_put_head(client->play, &sale->wish, &client->head);
    }
    if (err == ERR_OK && sale != NULL && sale->key > 0) {
        err = buf_printf(&client->head, "Idempotency-Key: k-%d\r\n", sale->key);
    }
    if (err == ERR_OK && sale != NULL && sale->counts) {
        err = buf_printf(&client->head, "X-Stainless-Retry-Count: %d\r\n", sale->tries);
    }
    if (err == ERR_OK) {
        err = buf_printf(&client->head,
                         "Content-Type: application/json\r\nConnection: close\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         client->body.len);
    }
    ASSERT(err == ERR_OK);
    buf_reset(&client->got);
    client->read = 0;
    client->status = 0;
    client->life = client->play->lives;
    client->purchased = account->purchased;
    client->expired = account->expired;
    client->body_part = buf_str(&client->body);
    client->call.head = buf_str(&client->head);
    client->call.body = &client->body_part;
    client->call.body_count = client->body.len > 0 ? 1 : 0;
    client->call.host = STR("127.0.0.1");
    client->call.port = PLAY_PORT_SERVER;
    upstream_pool_close_idle(client->pool); /* so that the pool never tries a call again itself */
    http_call_start(client->pool, &client->call);
    bool impatient = sale != NULL && sale->counts && play_chance(client->play, 2);
    client_plan(client, (impatient ? CLIENT_IMPATIENT_MS : 3000) * CLIENT_MS);
}

static void client_write_body(struct client_slot *client, size_t pad)
{
    struct sale *sale = client->sale;
    static const char *const models[PLAY_MODELS] = { "m-0", "m-1" };
    bool unknown = sale->asking == ASK_UNKNOWN_MODEL;
    buf_reset(&client->body);
    enum err err = buf_printf(&client->body,
                              "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":"
                              "\"call-%d ",
                              unknown ? "m-9" : models[sale->model], sale->number);
    ASSERT(err == ERR_OK);
    for (size_t i = 0; i < pad + (size_t)sale->variant; i++) {
        client_put(&client->body, STR("w"));
    }
    client_put(&client->body, STR("\"}]"));
    if (sale->cap > 0) {
        err = buf_printf(&client->body, ",\"max_tokens\":%lld", (long long)sale->cap);
        ASSERT(err == ERR_OK);
    }
    if (sale->stream) {
        client_put(&client->body, STR(",\"stream\":true"));
    }
    if (sale->include_usage) {
        client_put(&client->body, STR(",\"stream_options\":{\"include_usage\":true}"));
    }
    wish_put_body(&sale->wish, &client->body);
    if (play_is_flex(client->play, sale)) {
        client_put(&client->body, STR(",\"service_tier\":\"flex\""));
    }
    client_put(&client->body, sale->asking == ASK_BAD_JSON ? STR("]") : STR("}"));
    sale->body_bytes = client->body.len;
}

static void client_post(struct client_slot *client)
{
    bool anthropic = client->sale->tongue == TONGUE_ANTHROPIC;
    client_start(client, STR("POST"),
                 anthropic ? STR("/v1/messages") : STR("/v1/chat/completions"));
}

/* An earlier call of the account with an Idempotency-Key, or NULL. */
static struct sale *client_earlier(struct client_slot *client)
{
    struct play *play = client->play;
    for (int i = 0; i < 8 && play->sale_count > 1; i++) {
        int at = (int)play_random(play, (uint64_t)play->sale_count - 1);
        struct sale *earlier = &play->sales[at];
        bool same = play_key_space(play, earlier->hand) == play_key_space(play, client->hand);
        if (earlier->key > 0 && earlier->account == client->account && same) {
            return play_first(play, earlier->number);
        }
    }
    return NULL;
}

static void client_buy(struct client_slot *client)
{
    struct play *play = client->play;
    ASSERT(play->sale_count < PLAY_SALES_MAX);
    struct sale *sale = &play->sales[play->sale_count++];
    int number = play->sale_count;
    int hands = play_hands(play);
    client->hand = hands > 1 ? (int)play_random(play, (uint64_t)hands) : 0;
    *sale = (struct sale){
        .number = number,
        .account = client->account,
        .hand = client->hand,
        .named = -1,
        .wish = { .stand_in = -1 },
        .model = (int)play_random(play, PLAY_MODELS),
        .asking = play_chance(play, 12) ? (enum asking)play_random(play, ASK_COUNT) : ASK_GOOD,
        .stream = play_chance(play, 2),
        .cap = play_chance(play, 6) ? 0 : 1 + (int64_t)play_random(play, 60),
        .attempt = -1,
        .pad = play_random(play, CLIENT_PAD_MAX),
        .life = play->lives,
        .begun_ns = sim_now_ns(play->sim),
        .purchased = play->accounts[client->account].purchased,
    };
    sale->include_usage = sale->stream && play_chance(play, 2);
    if (play_is_told(play)) {
        sale->tongue = play_chance(play, 3) ? TONGUE_ANTHROPIC : TONGUE_CHAT;
        sale->cap = sale->tongue == TONGUE_ANTHROPIC && sale->cap == 0 ? 1 : sale->cap;
        sale->cap += sale->cap > 0 ? CLIENT_CAP_LEAST : 0; /* what Responses take */
        sale->include_usage = sale->include_usage && sale->tongue == TONGUE_CHAT;
    }
    const struct sale *earlier = play_chance(play, 5) ? client_earlier(client) : NULL;
    if (earlier != NULL) {
        sale->number = earlier->number;
        sale->key = earlier->key;
        sale->variant = play_chance(play, 5) ? 1 : 0;
        sale->asking = ASK_GOOD;
        sale->model = earlier->model;
        sale->stream = earlier->stream;
        sale->include_usage = earlier->include_usage;
        sale->cap = earlier->cap;
        sale->pad = earlier->pad;
        sale->wish = earlier->wish;
        sale->tongue = earlier->tongue;
    } else if (play_chance(play, 4) && sale->asking == ASK_GOOD && !play_forgets(play)) {
        int space = play_key_space(play, client->hand);
        sale->key = ++play->accounts[client->account].keys[space];
    }
    if (earlier == NULL) {
        sale->wish = wish_make(play, sale->model, sale->key > 0);
        if (sale->tongue != TONGUE_CHAT) { /* as its SDK has no words for them */
            sale->wish = (struct wish){ .stand_in = -1 };
        }
    }
    sale->counts = play_repeats(play) && sale->key == 0 && sale->asking == ASK_GOOD;
    client->sale = sale;
    client_write_body(client, sale->pad);
    play_note(play, "client of account %d calls: %d", client->account, sale->number);
    client_post(client);
}

/* The same bytes once more, with another count. */
static void client_buy_again(struct client_slot *client)
{
    struct play *play = client->play;
    ASSERT(play->sale_count < PLAY_SALES_MAX);
    const struct sale *before = client->again;
    struct sale *sale = &play->sales[play->sale_count++];
    *sale = (struct sale){
        .number = before->number,
        .account = before->account,
        .hand = before->hand,
        .named = -1,
        .wish = before->wish,
        .tongue = before->tongue,
        .model = before->model,
        .asking = ASK_GOOD,
        .stream = before->stream,
        .include_usage = before->include_usage,
        .cap = before->cap,
        .attempt = -1,
        .pad = before->pad,
        .counts = true,
        .tries = before->tries + 1,
        .life = play->lives,
        .begun_ns = sim_now_ns(play->sim),
        .purchased = play->accounts[client->account].purchased,
    };
    play_first(play, sale->number)->repeated = true;
    client->again = NULL;
    client->hand = sale->hand;
    client->sale = sale;
    client_write_body(client, sale->pad);
    play_note(play, "client of account %d calls %d again", client->account, sale->number);
    client_post(client);
}

static void client_ask_receipt(struct client_slot *client, struct sale *sale)
{
    char path[64] = "/v1/receipts/";
    size_t len = strlen(path);
    struct buf shown = { path, len, sizeof(path), sizeof(path) };
    enum err err = id_print(&shown, STR("call_"), sale->call);
    ASSERT(err == ERR_OK);
    client->asked_for = sale;
    buf_reset(&client->body);
    client_start(client, STR("GET"), buf_str(&shown));
}

/* A call of another client's, or NULL. */
static struct sale *client_foreign(struct client_slot *client)
{
    struct play *play = client->play;
    struct sale *sale =
        play->sale_count > 0 ? &play->sales[play_random(play, (uint64_t)play->sale_count)] : NULL;
    return sale != NULL && sale->has_call && sale->account != client->account ? sale : NULL;
}

static void client_next(struct client_slot *client)
{
    struct play *play = client->play;
    client->sale = NULL;
    client->asked_for = NULL;
    if (client->again != NULL) {
        client_buy_again(client);
        return;
    }
    struct sale *foreign = play_chance(play, 10) ? client_foreign(client) : NULL;
    if (foreign != NULL) {
        client_ask_receipt(client, foreign);
    } else if (client->last != NULL && play_chance(play, 2)) {
        client_ask_receipt(client, client->last);
    } else if (play_chance(play, 8)) {
        buf_reset(&client->body);
        client_start(client, STR("GET"), STR("/v1/credits"));
    } else {
        client_buy(client);
    }
}

/* ---- what is under way ------------------------------------------------------------------- */

/* No head came, or one that asked for it; it does not matter to an SDK who broke it off. */
static bool client_tries_again(const struct client_slot *client)
{
    const struct sale *sale = client->sale;
    return sale != NULL && sale->counts && sale->tries < CLIENT_TRIES && !client->stopped &&
           (sale->status == 0 || (sale->whole && sale->status >= 500)) &&
           client->play->sale_count < PLAY_SALES_MAX * 3 / 4;
}

static void client_over(struct client_slot *client)
{
    struct play *play = client->play;
    struct sale *sale = client->sale;
    timer_stop(play->outside, &client->timer);
    if (sale != NULL) {
        sale->ended_ns = sim_now_ns(play->sim);
        sale->life_ended = play->lives;
        client->last = sale->has_call && sale->whole && !sale->replayed ? sale : client->last;
        auditor_on_reply(play, sale);
    } else {
        client->last =
            client->asked_for == client->last && client->status != 0 ? NULL : client->last;
        auditor_on_errand(play, &(struct errand_seen){
                                    .account = client->account,
                                    .life = client->life,
                                    .purchased = client->purchased,
                                    .expired = client->expired,
                                    .receipt_of = client->asked_for,
                                    .status = client->status,
                                    .text = buf_str(&client->got),
                                });
    }
    if (client_tries_again(client)) {
        client->again = client->sale;
        client_plan(client, play_chance(play, 8) ? 15000 * CLIENT_MS : 600 * CLIENT_MS);
    } else if (!client->stopped) {
        client_plan(client, play_chance(play, 3) ? 300 * CLIENT_MS : 5 * CLIENT_MS);
    }
}

static void client_on_timer(struct timer *timer)
{
    struct client_slot *client = EP_CONTAINER(timer, struct client_slot, timer);
    struct play *play = client->play;
    if (!http_call_is_open(&client->call)) {
        client_next(client);
        return;
    }
    bool waits = client->sale != NULL && client->sale->counts && client->sale->status == 0;
    if (play_chance(play, waits ? 2 : 6)) {
        http_call_cancel(&client->call);
        if (client->sale != NULL) {
            client->sale->cancelled = true;
        }
        client->status = 0; /* an errand that was not waited for */
        client_over(client);
        return;
    }
    if (play_chance(play, 3)) {
        http_call_pause(&client->call);
        if (client->sale != NULL) {
            client->sale->slow = true;
        }
    } else {
        http_call_resume(&client->call);
    }
    client_plan(client, 1000 * CLIENT_MS);
}

static struct client_slot *client_of(struct http_call *call)
{
    return EP_CONTAINER(call, struct client_slot, call);
}

static void client_on_head(struct http_call *call, const struct http1_head *head)
{
    struct client_slot *client = client_of(call);
    client->status = head->status;
    if (client->sale != NULL) {
        client_read_head(client->sale, head);
        auditor_on_head(client->play, client->sale);
    }
}

static void client_on_body(struct http_call *call, struct str data)
{
    struct client_slot *client = client_of(call);
    client_put(&client->got, data);
    if (client->sale != NULL) {
        client->read +=
            client_read_events(client->sale, str_from_at(buf_str(&client->got), client->read));
    }
}

static void client_on_end(struct http_call *call)
{
    struct client_slot *client = client_of(call);
    if (client->sale != NULL) {
        client->sale->whole = true;
        client_read_whole(client->sale, buf_str(&client->got));
    }
    client_over(client);
}

static void client_on_failed(struct http_call *call, enum err err, const struct fail *fail)
{
    (void)err;
    (void)fail;
    struct client_slot *client = client_of(call);
    client->status = 0;
    client_over(client);
}

static const struct http_call_events client_events = {
    .on_head = client_on_head,
    .on_body = client_on_body,
    .on_end = client_on_end,
    .on_failed = client_on_failed,
};

/* ---- life -------------------------------------------------------------------------------- */

void client_open(struct client_slot *client, struct play *play, struct upstream_pool *pool,
                 int account)
{
    *client = (struct client_slot){ .play = play, .pool = pool, .account = account };
    http_call_init(&client->call, &client_events);
    timer_init(&client->timer, client_on_timer);
    buf_init(&client->head, CLIENT_TEXT_MAX);
    buf_init(&client->body, CLIENT_TEXT_MAX);
    buf_init(&client->got, CLIENT_TEXT_MAX);
    client_plan(client, 100 * CLIENT_MS);
}

void client_go_on(struct client_slot *client)
{
    client->stopped = false;
    client->last = NULL;
    client->again = NULL;
    client_plan(client, 100 * CLIENT_MS);
}

void client_stop(struct client_slot *client)
{
    client->stopped = true;
    if (!http_call_is_open(&client->call)) {
        timer_stop(client->play->outside, &client->timer);
    }
}

bool client_idle(const struct client_slot *client)
{
    return !http_call_is_open(&client->call) && !timer_armed(&client->timer);
}

void client_close(struct client_slot *client)
{
    timer_stop(client->play->outside, &client->timer);
    http_call_cancel(&client->call);
    buf_fini(&client->head);
    buf_fini(&client->body);
    buf_fini(&client->got);
}
