/* Calls on a street whose registry knows a zone: for the tests of the law on the way of calls. */
#pragma once

#include "base/stamp.h"
#include "gate/gate_internal.h"
#include "gate/lookout.h"
#include "street.h"

static struct street street;

#define PATIENCE_NS (INT64_C(20000) * MS)
#define RESIDENT    "11010519491231002X" /* the example of GB 11643 */

static char answer[65536];
static char call_id[64];
static struct peer client;

/* ---- calls --------------------------------------------------------------------------------- */

/* What the client sees, as far as it has come. */
static inline void take_answer(void)
{
    peer_read(&client);
    size_t len = client.got.len < sizeof(answer) - 1 ? client.got.len : sizeof(answer) - 1;
    memcpy(answer, client.got.ptr, len);
    answer[len] = '\0';
}

static inline bool seen(const char *part)
{
    return strstr(answer, part) != NULL;
}

/* The call's id is in the header; in the error where there is none. */
static inline void take_id(void)
{
    const char *at = strstr(answer, "call_");
    CHECK(at != NULL);
    (void)snprintf(call_id, sizeof(call_id), "%.31s", at);
}

static inline void send_text(const char *method, const char *path, const char *headers,
                             struct str body)
{
    static char text[4096];
    (void)snprintf(text, sizeof(text),
                   "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                   "Authorization: Bearer %s\r\n%sContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   method, path, street.key, headers, body.len);
    peer_connect(&client, &street.shop, 0);
    peer_send(&client, str_from(text));
    peer_send(&client, body);
}

static inline void finish(void)
{
    int64_t until_ns = test_now_ns() + PATIENCE_NS;
    while ((!client.ended && !client.broken) || gate_busy(street.gate) > 0) {
        (void)loop_turn(street.loop, false);
        peer_read(&client);
        CHECK(test_now_ns() < until_ns);
    }
    take_answer();
    peer_close(&client);
}

static inline struct str ask(const char *model, bool stream, const char *more, const char *said)
{
    static char body[4096];
    (void)snprintf(body, sizeof(body),
                   "{\"model\":\"%s\",\"stream\":%s,\"max_tokens\":100,%s\"messages\":"
                   "[{\"role\":\"user\",\"content\":\"%s\"}]}",
                   model, stream ? "true" : "false", more, said);
    return str_from(body);
}

static inline void chat(const char *headers, struct str body)
{
    send_text("POST", "/v1/chat/completions", headers, body);
    finish();
    take_id();
}

static inline void get(const char *path, const char *headers)
{
    send_text("GET", path, headers, STR_EMPTY);
    finish();
}

/* The receipt of the last call, in the house's output. */
static inline void show_receipt(void)
{
    CHECK_EQ(house_dof(&street.house, "receipt show %s --json", call_id), ACT_OK);
}

static inline bool told(const char *part)
{
    return house_said(&street.house.out, part);
}

/* A section of the receipt that was shown; valid until the next act. */
static inline bool section_has(const char *name, const char *part)
{
    char start[32];
    (void)snprintf(start, sizeof(start), "\"%s\":{", name);
    struct str text = buf_str(&street.house.out);
    size_t at = str_search(text, str_from(start));
    CHECK(at < text.len);
    struct str rest = str_from_at(text, at);
    size_t end = str_search(rest, STR("\"version\":")); /* the last member of each */
    struct str section = str_slice(rest, 0, end);
    return str_search(section, str_from(part)) < section.len;
}

static inline void begin(void)
{
    street_asked = 0;
    street_waits = NULL;
    street_begin(&street);
}

static inline void end(void)
{
    CHECK_EQ(house_do(&street.house, "audit"), ACT_OK);
    street_close(&street);
    lookout_destroy(street.lookout);
    house_open(&street.house, WORLD_READ_ONLY);
    house_end(&street.house);
    street_prepare = NULL;
    street_link = NULL;
    street_slow = false;
    street_model = "aurora-large";
}

/* ---- a zone -------------------------------------------------------------------------------- */

#define ZONE_DOC                                                 \
    "doc: {file: documents/agreement-first-client.txt, sha256: " \
    "2a198f8dd51cbf8c2973773c292a98810abc6b27900394f0c30b49c6f5fe3dbd, kind: other}"

static inline void open_zone(struct house *house)
{
    house_append(house, "pools.yaml",
                 "pools:\n  - {id: pool-1, operator: operator, zone: z1, place: SG/north,\n"
                 "     max_concurrent: 10}\n");
    house_append(house, "zones.yaml",
                 "zones:\n  - id: z1\n    approval:\n      authority: made up\n"
                 "      valid_from: 2026-01-01T00:00:00Z\n      valid_until: 2028-01-01T00:00:00Z\n"
                 "      operators: [operator]\n      pools: [pool-1]\n      " ZONE_DOC "\n"
                 "    operator: operator\n    pools: [pool-1]\n    ingress_links: [cable-1]\n"
                 "    allowed_markets: [MY, SG]\n    retention_max_s: 60\n"
                 "    separation: {network: physical, compute: physical, storage: logical,\n"
                 "      keys: logical, admin: logical, logs: logical, cache: physical}\n");
    house_append(house, "routes.yaml",
                 "  - id: zone-route\n    upstream_party: borealis\n    model: borealis-chat\n"
                 "    credential: borealis-contract\n    dialect: openai_chat\n"
                 "    endpoint: http://127.0.0.1:9001/v1\n    upstream_model: borealis-chat\n"
                 "    place: SG/north\n    pool: pool-1\n    abort_billing: stops\n"
                 "    output_cap_field: max_tokens\n    special_text: literal\n"
                 "    contract_price: borealis-contract-2026\n    data_terms: dt.borealis\n");
    house_append(house, "products.yaml",
                 "  - id: toy\n    name: Toy models\n    mode: zone\n    brand: Example\n"
                 "    seller: operator\n    zone: z1\n    models: [borealis-chat]\n"
                 "    price_book: world-2026\n    markets: {allow: [MY, SG]}\n"
                 "    dpa: {version: \"2026-11\"}\n"
                 "    unit: {name: AI token, per_currency_unit: 10000}\n"
                 "    terms: {name: world-terms, version: \"2026-11\", sha256: "
                 "b4dee7048416691b160507718d6d09f5d3454e0b1995c4d3c531b8ece504bfef}\n"
                 "    payment_methods: [bank_transfer]\n"
                 "    plans:\n      - {id: toy-starter, price: \"100\", currency: USD,\n"
                 "         units: 1000000, expires_days: 365}\n");
}

/* With a key of the zone's product. */
static inline void begin_zone(const char *link, void (*prepare)(struct house *house))
{
    char client_of[64];
    street_link = link;
    street_prepare = prepare;
    street_model = "borealis-chat";
    begin();
    CHECK_EQ(house_do(&street.house, "client list --json"), ACT_OK);
    (void)snprintf(client_of, sizeof(client_of), "%s", house_field(&street.house, "id"));
    CHECK_EQ(house_dof(&street.house, "key add --client %s --product toy --json", client_of),
             ACT_OK);
    (void)snprintf(street.key, sizeof(street.key), "%s", house_field(&street.house, "key"));
}
