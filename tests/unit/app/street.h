/* A shop and its upstream on one real loop of the test's thread: the gate of a house's world, and a
 * server that answers as an upstream would. */
#pragma once

#include <arpa/inet.h>

#include "../net/peer.h"
#include "app/server.h"
#include "dispatch/limits.h"
#include "front/front_internal.h"
#include "gate/retry_budget.h"
#include "house.h"
#include "ledger/ledger.h"
#include "net/server.h"
#include "registry/registry.h"

#define STREET_WORDS 40 /* of each answer; a token each */

struct street {
    struct house house;
    struct loop *loop;
    struct http_server *upstream;
    struct front *front;
    struct gate *gate; /* its own */
    struct dispatch *dispatch;
    struct limits *limits;
    struct retry_budget retries;
    struct retry_budget hedges;
    struct lookout *lookout; /* NULL: nobody looks */
    struct worker_pool *workers;
    struct address shop;
    char key[128];
};

/* What the upstream calls itself, and from which of its events on another name (-1: from none). */
static const char *street_model = "aurora-large";
static const char *street_other = "aurora-mini";
static int street_turn = -1;
static int street_asked;
/* What the registry says beside the example, and the link by which clients come; NULL: nothing. */
static void (*street_prepare)(struct house *house);
static const char *street_link;
/* An upstream that answers when it is told to: the one that waits, and whether it streams. */
static bool street_slow;
static struct http_exchange *street_waits;
/* One that answers all but the first of those that are under way, which waits as above. */
static bool street_first_waits;

static inline void street_put(struct buf *out, const char *text)
{
    EP_IGNORE(buf_append(out, str_from(text))); /* its room is its own, and is enough */
}

/* An event, from its model on. */
static inline void street_event(struct buf *out, int number, const char *rest)
{
    bool turned = street_turn >= 0 && number >= street_turn;
    street_put(out, "data: {\"id\":\"u\",\"object\":\"chat.completion.chunk\",\"model\":\"");
    street_put(out, turned ? street_other : street_model);
    street_put(out, "\",\"choices\":");
    street_put(out, rest);
    street_put(out, "}\n\n");
}

static const char street_stream_head[] =
    "content-type: text/event-stream\r\nx-request-id: up-7\r\n";

static inline struct str street_stream_text(void)
{
    static char room[16384];
    struct buf out = { room, 0, sizeof(room), sizeof(room) };
    for (int i = 0; i < STREET_WORDS; i++) {
        street_event(&out, i,
                     "[{\"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}]");
    }
    street_event(&out, STREET_WORDS, "[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]");
    street_event(&out, STREET_WORDS + 1,
                 "[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":40,\"total_tokens\":49}");
    street_put(&out, "data: [DONE]\n\n");
    return buf_str(&out);
}

/* Its first event, and no more for now. */
static inline void street_begin_stream(struct http_exchange *x)
{
    struct str text = street_stream_text();
    struct str first = str_slice(text, 0, str_search(text, STR("\n\n")) + 2);
    http_respond_head(x, 200, str_from(street_stream_head));
    http_respond_body(x, &first, 1);
}

/* All that is left. */
static inline void street_go_on(void)
{
    struct str text = street_stream_text();
    struct str rest = str_from_at(text, str_search(text, STR("\n\n")) + 2);
    http_respond_last(street_waits, &rest, 1);
    street_waits = NULL;
}

static inline void street_whole(struct http_exchange *x)
{
    static char room[1024];
    struct buf out = { room, 0, sizeof(room), sizeof(room) };
    street_put(&out, "{\"id\":\"u\",\"object\":\"chat.completion\",\"model\":\"");
    street_put(&out, street_turn >= 0 ? street_other : street_model);
    street_put(&out, "\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
                     "\" word\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"
                     "\"completion_tokens\":1,\"total_tokens\":10}}");
    http_respond(x, 200, STR("content-type: application/json\r\nx-request-id: up-7\r\n"),
                 buf_str(&out));
}

static inline void street_answer(struct http_exchange *x, bool streams)
{
    if (streams) {
        http_respond(x, 200, str_from(street_stream_head), street_stream_text());
    } else {
        street_whole(x);
    }
}

/* The one that waits, and has not begun. */
static inline void street_answer_late(bool streams)
{
    struct http_exchange *x = street_waits;
    street_waits = NULL;
    street_answer(x, streams);
}

static inline void street_on_request(struct http_exchange *x)
{
    struct str body = http_exchange_body(x);
    bool streams = str_search(body, STR("\"stream\":true")) < body.len;
    street_asked++;
    if (street_first_waits && street_waits == NULL) {
        street_waits = x;
        return;
    }
    if (street_slow) {
        street_waits = x;
    }
    if (street_slow && streams) {
        street_begin_stream(x);
    } else if (street_slow) {
        return;
    } else {
        street_answer(x, streams);
    }
}

static inline void street_on_gone(struct http_exchange *x)
{
    street_waits = x == street_waits ? NULL : street_waits; /* the others were answered at once */
}

static const struct http_events street_events = { .on_request = street_on_request,
                                                  .on_gone = street_on_gone };

/* The routes of the house lead to the upstream of the street. */
static inline void street_lead(struct street *street, uint16_t port)
{
    static char text[16384];
    char path[128];
    char at[32];
    (void)snprintf(path, sizeof(path), "%s/registry/routes.yaml", street->house.folder);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    CHECK_EQ(fclose(file), 0);
    text[len] = '\0';
    file = fopen(path, "w");
    CHECK(file != NULL);
    (void)snprintf(at, sizeof(at), "127.0.0.1:%u", (unsigned)port);
    for (char *rest = text; rest != NULL;) {
        char *found = strstr(rest, "127.0.0.1:9001");
        size_t part = found == NULL ? strlen(rest) : (size_t)(found - rest);
        CHECK_EQ(fwrite(rest, 1, part, file), part);
        if (found != NULL) {
            CHECK(fputs(at, file) >= 0);
        }
        rest = found == NULL ? NULL : found + strlen("127.0.0.1:9001");
    }
    CHECK_EQ(fclose(file), 0);
}

static inline void street_read_key(struct street *street)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/first-client.key", street->house.folder);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    CHECK(fgets(street->key, (int)sizeof(street->key), file) != NULL);
    CHECK_EQ(fclose(file), 0);
    street->key[strcspn(street->key, "\n")] = '\0';
}

static inline void street_open_gate(struct street *street)
{
    struct world *world = street->house.world;
    struct gate_options options;
    struct gate_snapshot *snapshot = NULL;
    struct address any = test_address("127.0.0.1:0");
    reload_options(world->conf, &options);
    options.hold_first_tokens = STREET_WORDS / 4; /* streams are held in steps */
    CHECK_EQ(dispatch_learn(street->dispatch, world->registry), ERR_OK);
    const struct gate_snapshot_parts parts = { .options = &options,
                                               .folder = world->folder,
                                               .shelf = world->shelf };
    CHECK_EQ(gate_snapshot_create(world_registry(world), &parts, &snapshot, NULL), ERR_OK);
    const struct gate_world gate = {
        .store = world->store,
        .ident = world->ident,
        .ledger = world->ledger,
        .tlog = world->tlog,
        .prices = world->prices,
        .dispatch = street->dispatch,
        .limits = street->limits,
        .retries = &street->retries,
        .hedges = &street->hedges,
        .usage_check = world->usage_check,
        .quarantine = world->quarantine,
        .review = world->review,
        .quota = world->quota,
        .lookout = street->lookout,
        .workers = street->workers,
        .resolvers = street->workers,
        .carriers = street->workers,
    };
    const struct front_world front = { .gate = gate };
    CHECK_EQ(front_create(street->loop, &front, snapshot, &street->front, NULL), ERR_OK);
    street->gate = street->front->gate;
    const struct http_listen listen = { .address = &any,
                                        .link = street_link == NULL ? STR_EMPTY
                                                                    : str_from(street_link) };
    CHECK_EQ(front_listen_link(street->front, &listen, &street->shop, NULL), ERR_OK);
}

static inline void street_begin(struct street *street)
{
    struct address any = test_address("127.0.0.1:0");
    struct address bound;
    struct http_server_options options = http_server_options_default();
    options.events = &street_events;
    *street = (struct street){ .front = NULL };
    house_begin(&street->house);
    if (street_prepare != NULL) {
        street_prepare(&street->house);
    }
    CHECK_EQ(loop_create_real(&street->loop, NULL), ERR_OK);
    CHECK_EQ(http_server_create(street->loop, &options, &street->upstream, NULL), ERR_OK);
    CHECK_EQ(http_server_listen(street->upstream, &any, NULL, &bound, NULL), ERR_OK);
    street_lead(street, test_port(&bound));
    house_apply(&street->house);
    street_read_key(street);
    house_open(&street->house, WORLD_READ_WRITE);
    CHECK_EQ(dispatch_create(&street->dispatch), ERR_OK);
    CHECK_EQ(limits_create(&street->limits), ERR_OK);
    retry_budget_init(&street->retries, 0);
    retry_budget_init_hedges(&street->hedges, 0);
    CHECK_EQ(worker_pool_create(1, 16, &street->workers, NULL), ERR_OK);
    street_open_gate(street);
}

/* Both sources of a model are the street's, and a second one is asked where the first is late. */
static inline void street_hedge(struct house *house)
{
    house_change(house, "products.yaml", "    brand: Example\n",
                 "    brand: Example\n    dispatch: {hedge: {after_percentile: 50}}\n");
    for (int i = 0; i < 2; i++) {
        house_change(house, "routes.yaml", "127.0.0.1:9002", "127.0.0.1:9001");
    }
}

/* Both begin within a millisecond, as far as anybody knows; and there is a whole budget. */
static inline void street_teach(struct street *street)
{
    const struct registry *registry = street->house.world->registry;
    const struct registry_product *product = &registry->products[0];
    const struct registry_model *model = registry_product_model(product, STR("aurora-small"));
    struct dispatch_place place;
    retry_budget_init_hedges(&street->hedges, 0);
    for (size_t i = 0; i < 100 * model->route_count; i++) {
        const struct dispatch_ask ask = { .registry = registry,
                                          .product = product,
                                          .model = model,
                                          .closed = ~(UINT64_C(1) << i % model->route_count),
                                          .now_ns = loop_now_ns(street->loop) };
        const struct health_lesson lesson = { .first_ns = MS, .whole = i % 4 < 2 };
        CHECK_EQ(dispatch_pick(street->dispatch, &ask, &place), ERR_OK);
        dispatch_give(&place, DISPATCH_FINE, &lesson, ask.now_ns);
    }
}

/* Whatever calls there were have ended. */
static inline void street_close(struct street *street)
{
    worker_pool_destroy(street->workers);
    front_destroy(street->front);
    http_server_destroy(street->upstream);
    loop_destroy(street->loop);
    limits_destroy(street->limits);
    house_close(&street->house);
    dispatch_destroy(street->dispatch);
}
