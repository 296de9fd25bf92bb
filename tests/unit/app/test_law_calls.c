/*
 * The law on the way of whole calls: what a client that is refused is told and what it is not, what
 * receipts say, that a past verdict can be had again, content that may not be mixed in, and ends
 * that come while a call is under way.
 */
#include <fcntl.h>
#include <time.h>

#include "base/log.h"
#include "gate/call_straddle.h"
#include "ident/review.h"
#include "law_street.h"

/* Nothing of contracts, upstreams and what detectors look for is a client's to know. */
static void check_silent(void)
{
    static const char *const secrets[] = {
        "g.aurora",  "g.borealis", "a.first-client", "aurora-contract", "aurora-large-us",
        "CHAIN_",    "SCOPE_",     "ZONE_",          "borealis-cloud",  "zone-route",
        "127.0.0.1", "pool-1",     "GB/T",           "cable-1",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(secrets); i++) {
        if (seen(secrets[i])) {
            test_failed(EP_SITE, "the client sees \"%s\": %s", secrets[i], answer);
        }
    }
}

/* ---- refused and allowed ------------------------------------------------------------------- */

static void check_replay(enum act_exit result, const char *agrees)
{
    CHECK_EQ(house_dof(&street.house, "verdict replay %s --json", call_id), result);
    CHECK_STR(str_from(house_field(&street.house, "agrees")), str_from(agrees));
}

TEST(a_refused_call_is_told_what_to_do_and_has_a_receipt_of_nothing)
{
    begin();
    chat("x-entrepot-market: JP\r\n", ask("aurora-large", false, "", "Hello."));
    CHECK(seen("HTTP/1.1 403 "));
    CHECK(seen("\"type\":\"compliance_refusal\"") && seen("\"code\":\"scope_region\""));
    CHECK(seen("\"param\":\"model\""));
    CHECK(seen("\"entrepot\":{\"call\":\"call_"));
    CHECK(seen("\"retry\":\"after_change\",\"remedy\":\"choose a model listed for your market: GET"
               " /v1/models\",\"at\":\"20"));
    CHECK(seen("\"closure\":\"scope\",\"closures\":{\"authorization\":\"closed\","
               "\"scope\":\"open\",\"data\":\""));
    CHECK(seen("\"billing\":\""));
    check_silent();
    CHECK_EQ(street_asked, 0);
    show_receipt();
    CHECK(section_has("client", "\"amount\":\"0\""));
    CHECK(section_has("client", "\"outcome\":\"refused\""));
    CHECK(section_has("client", "\"reasons\":[\"scope_region\"]"));
    CHECK(section_has("client", "\"verdict\":\"refuse\""));
    CHECK(!section_has("client", "SCOPE_") && !section_has("client", "aurora-large-us"));
    CHECK(section_has("evidence", "\"market\":\"JP\"") &&
          section_has("evidence", "\"chain\":\"\""));
    CHECK(section_has("evidence", "\"origin\":\"SG\""));
    CHECK(section_has("operator", "\"law\":\"refuse SCOPE_REGION\""));
    CHECK(section_has("operator", "\"aurora-large-us SCOPE_REGION JP (market)\""));
    CHECK(section_has("operator", "\\\"market\\\":\\\"JP\\\""));
    CHECK(section_has("operator", "\\\"client\\\":\\\"first-client\\\""));
    check_replay(ACT_OK, "yes");
    end();
}

TEST(an_allowed_calls_receipt_says_under_what_it_was_made)
{
    street_link = "cable-1";
    begin();
    chat("x-entrepot-market: MY\r\n", ask("aurora-large", false, "", "Hello."));
    CHECK(seen("HTTP/1.1 200 "));
    check_silent();
    show_receipt();
    struct str text = buf_str(&street.house.out);
    size_t at = str_search(text, STR("\"chain\":\""));
    CHECK(at < text.len && text.ptr[at + 9 + 64] == '"');
    CHECK(section_has("evidence", "\"data_terms\":\"2026-11\""));
    CHECK(section_has("evidence", "\"ingress\":\"cable-1\""));
    CHECK(section_has("evidence", "\"market\":\"MY\"") &&
          section_has("evidence", "\"mode\":\"agg"));
    CHECK(section_has("evidence", "\"origin\":\"SG\"") &&
          section_has("evidence", "\"place\":\"US\""));
    CHECK(section_has("evidence", "\"straddles_expiry\":\"no\""));
    CHECK(section_has("client", "\"verdict\":\"allow\""));
    CHECK(!section_has("client", "aurora-large-us") && !section_has("client", "g.aurora"));
    CHECK(!section_has("evidence", "g.aurora") && !section_has("evidence", "aurora-large-us"));
    CHECK(section_has("operator", "\"law\":\"allow aurora-large-us\""));
    CHECK(section_has("operator", "\"reasons\":[]"));
    check_replay(ACT_OK, "yes");
    end();
}

TEST(a_market_that_is_no_country_is_refused_before_the_law_is_asked)
{
    static const char *const markets[] = { "sg", "SGP", "S", "Singapore", "S G", "ZZZ", "12" };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(markets); i++) {
        char header[64];
        (void)snprintf(header, sizeof(header), "x-entrepot-market: %s\r\n", markets[i]);
        chat(header, ask("aurora-large", false, "", "Hello."));
        if (!seen("HTTP/1.1 400 ") || !seen("\"code\":\"invalid_value\"") ||
            !seen("\"param\":\"x-entrepot-market\"")) {
            test_failed(EP_SITE, "%s: %s", markets[i], answer);
        }
        get("/v1/models", header);
        CHECK(seen("HTTP/1.1 400 ") && seen("\"param\":\"x-entrepot-market\""));
    }
    CHECK_EQ(street_asked, 0);
    show_receipt();
    CHECK(section_has("client", "\"amount\":\"0\"") && section_has("operator", "\"law\":\"\""));
    CHECK_EQ(house_dof(&street.house, "verdict replay %s", call_id), ACT_FAILED);
    CHECK(house_said(&street.house.errors, "the law was not asked"));
    CHECK_EQ(house_do(&street.house, "verdict replay call_00000000000000000000000000"), ACT_FAILED);
    CHECK(house_said(&street.house.errors, "NOT_FOUND"));
    end();
}

/* ---- the catalogue ------------------------------------------------------------------------- */

static void revoke_borealis(struct house *house)
{
    house_change(house, "grants.yaml", "  - id: g.borealis-operator\n    version: 1\n",
                 "  - id: g.borealis-operator\n    version: 1\n"
                 "    revoked_at: 2026-11-03T00:00:00Z\n");
}

TEST(the_catalogue_lists_what_may_be_bought_alone)
{
    street_prepare = revoke_borealis;
    begin();
    get("/v1/models", "");
    CHECK(seen("HTTP/1.1 200 ") && seen("\"id\":\"aurora-large\"") && seen("\"aurora-small\""));
    CHECK(!seen("borealis-chat"));
    get("/v1/models/borealis-chat", "");
    CHECK(seen("HTTP/1.1 503 ") && seen("\"code\":\"no_closed_route\""));
    get("/v1/models", "x-entrepot-market: JP\r\n"); /* not in the contract */
    CHECK(seen("HTTP/1.1 200 ") && seen("\"data\":[]"));
    chat("", ask("borealis-chat", false, "", "Hello."));
    CHECK(seen("HTTP/1.1 503 ") && seen("\"code\":\"no_closed_route\""));
    CHECK(seen("\"retry\":\"after\"") && !seen("closure") && !seen("CHAIN"));
    check_silent();
    show_receipt();
    CHECK(section_has("operator", "\"law\":\"refuse CHAIN_REVOKED\""));
    chat("", ask("borealis-chatt", false, "", "Hello."));
    CHECK(seen("HTTP/1.1 404 ") && !seen("Did you mean")); /* what may not be sold is no hint */
    quarantine_begin(street.house.world->quarantine, STR("aurora-large-us"), STR("swap"));
    get("/v1/models", "");
    CHECK(!seen("\"id\":\"aurora-large\"") && seen("\"aurora-small\""));
    end();
}

/* Held until somebody has looked: nothing is sold, and nothing is listed. */
TEST(a_client_under_review_is_shown_and_sold_nothing)
{
    static const struct review_evidence evidence[] = { { STR_INIT("asns"), 11, 8, 25 } };
    begin();
    struct review *review = street.house.world->review;
    struct review_finding finding = {
        .client = client_next(street.house.world->ident, NULL)->id,
        .kind = REVIEW_RESALE,
        .score = 90,
        .signals = 1,
        .hold = REVIEW_HOLD_TRAFFIC,
        .evidence = evidence,
        .evidence_count = 1,
        .quiet_ns = 1,
        .now_ns = 1,
    };
    enum review_outcome outcome = REVIEW_KEPT;
    int64_t number = 0;
    CHECK_EQ(review_find(review, &finding, &outcome, &number, NULL), ERR_OK);
    get("/v1/models", "");
    CHECK(seen("HTTP/1.1 200 ") && seen("\"data\":[]"));
    chat("", ask("aurora-large", false, "", "Hello."));
    CHECK(seen("HTTP/1.1 403 ") && seen("\"code\":\"account_under_review\""));
    CHECK(seen("\"retry\":\"after_change\"") && !seen("closure") && !seen("asns"));
    CHECK_EQ(street_asked, 0);
    show_receipt();
    CHECK(section_has("operator", "\"law\":\"refuse CLIENT_RESALE_SUSPECT\""));
    check_replay(ACT_OK, "yes");
    end();
}

/* ---- content ------------------------------------------------------------------------------- */

static void open_zone_undetected(struct house *house)
{
    open_zone(house);
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/registry/detectors.yaml", house->folder);
    CHECK_EQ(remove(path), 0);
}

static void open_zone_outdated(struct house *house)
{
    open_zone_undetected(house);
    house_append(house, "detectors.yaml",
                 "detectors:\n  - {id: old, class: cn_mobile, kind: prefix, values: [\"130\"],\n"
                 "     valid_from: 2020-01-01T00:00:00Z, valid_until: 2021-01-01T00:00:00Z,\n"
                 "     source: made up}\n");
}

TEST(a_zones_call_is_looked_through_and_sold)
{
    begin_zone("cable-1", open_zone);
    chat("", ask("borealis-chat", false, "", "Tell me of the sea. Call me at 13912345678."));
    CHECK(seen("HTTP/1.1 200 "));
    show_receipt();
    CHECK(section_has("evidence", "\"detected\":\"cn_mobile weak 1\""));
    CHECK(section_has("evidence", "\"mode\":\"zone\"") && section_has("evidence", "\"cable-1\""));
    CHECK(section_has("operator", "\"law\":\"allow zone-route\""));
    CHECK(section_has("operator", "\\\"scanned\\\":true"));
    CHECK(!told("13912345678"));
    check_replay(ACT_OK, "yes");
    get("/v1/models", "");
    CHECK(seen("borealis-chat"));
    end();
}

TEST(what_was_found_in_a_streams_content_outlives_its_request)
{
    street_slow = true;
    begin_zone("cable-1", open_zone);
    send_text("POST", "/v1/chat/completions", "",
              ask("borealis-chat", true, "", "Call me at 13912345678."));
    UNTIL(street.loop, peer_has(&client, STR(" word")));
    street_go_on();
    finish();
    take_id();
    CHECK(seen("HTTP/1.1 200 ") && seen("[DONE]"));
    show_receipt();
    CHECK(section_has("evidence", "\"detected\":\"cn_mobile weak 1\""));
    end();
}

/* What is in the log, which goes to a file from log_to() on. */
static char log_path[160];
static int log_fd = -1;

static void log_to_file(void)
{
    (void)snprintf(log_path, sizeof(log_path), "%s/log", street.house.folder);
    log_fd = open(log_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(log_fd >= 0);
    CHECK_EQ(log_start(log_fd, NULL), ERR_OK);
}

static bool log_has(const char *part)
{
    static char text[65536];
    ssize_t len = pread(log_fd, text, sizeof(text) - 1, 0);
    CHECK(len > 0);
    text[len] = '\0';
    return strstr(text, part) != NULL;
}

/* Nothing of what was found is anywhere: not in the answer, the receipt or the log. */
static void check_refused_content(const char *class, const char *word, const char *code)
{
    char shown[64];
    (void)snprintf(shown, sizeof(shown), "\"class\":\"%s\"", class);
    CHECK(seen("HTTP/1.1 422 ") && seen("\"code\":\"zone_mixed_data\""));
    CHECK(seen("\"retry\":\"after_change\"") && seen(shown) && !seen(word));
    check_silent();
    show_receipt();
    (void)snprintf(shown, sizeof(shown), "\"detected\":\"%s 1\"", class);
    CHECK(section_has("evidence", shown));
    CHECK(section_has("operator", code) && section_has("client", "\"amount\":\"0\""));
    CHECK(!told(word));
    check_replay(ACT_OK, "yes");
    CHECK_EQ(street_asked, 0);
}

TEST(a_number_that_may_not_be_mixed_in_is_refused_by_its_class_and_is_nowhere)
{
    begin_zone("cable-1", open_zone);
    log_to_file();
    chat("", ask("borealis-chat", false, "", "My number is " RESIDENT "."));
    check_refused_content("cn_resident_id", "110105194912", "\"law\":\"refuse ZONE_MIX_PI\"");
    chat("", ask("borealis-chat", true, "", "\\u5185\\u90e8\\u8d44\\u6599"));
    check_refused_content("internal_only", "\xe5\x86\x85",
                          "\"law\":\"refuse ZONE_IMPORTANT_DATA\"");
    log_stop();
    CHECK(log_has("ZONE_MIX_PI") && log_has("ZONE_IMPORTANT_DATA"));
    CHECK(!log_has("110105194912") && !log_has("002X"));
    end();
    CHECK_EQ(close(log_fd), 0);
}

/* The number stands at the end of a body that takes many turns. */
TEST(a_large_body_is_looked_through_in_slices)
{
    begin_zone("cable-1", open_zone);
    static char body[400000];
    int len = snprintf(body, sizeof(body),
                       "{\"model\":\"borealis-chat\",\"messages\":[{\"role\":\"user\","
                       "\"content\":\"");
    while ((size_t)len < sizeof(body) - 100) {
        len += snprintf(body + len, 16, "12 words ");
    }
    len += snprintf(body + len, 64, "%s\"}]}", RESIDENT);
    send_text("POST", "/v1/chat/completions", "", (struct str){ body, (size_t)len });
    int turns = 0;
    int64_t until_ns = test_now_ns() + PATIENCE_NS;
    while (!client.ended && !client.broken) {
        (void)loop_turn(street.loop, false);
        peer_read(&client);
        struct node *node = street.gate->open_calls.next;
        bool open = node != &street.gate->open_calls;
        turns += open && EP_CONTAINER(node, struct call, node)->screen != NULL;
        CHECK(test_now_ns() < until_ns);
    }
    finish();
    take_id();
    CHECK(turns > 5 && turns < 100);
    check_refused_content("cn_resident_id", "110105194912", "\"law\":\"refuse ZONE_MIX_PI\"");
    end();
}

/* It goes in the middle of a screening: nothing is left of it. */
TEST(a_client_that_leaves_while_its_body_is_looked_through)
{
    begin_zone("cable-1", open_zone);
    static char body[400000];
    int len = snprintf(body, sizeof(body),
                       "{\"model\":\"borealis-chat\",\"messages\":[{\"role\":\"user\","
                       "\"content\":\"");
    memset(body + len, 'x', 300000);
    len += 300000;
    len += snprintf(body + len, 64, "\"}]}");
    send_text("POST", "/v1/chat/completions", "", (struct str){ body, (size_t)len });
    UNTIL(street.loop,
          street.gate->open_calls.next != &street.gate->open_calls &&
              EP_CONTAINER(street.gate->open_calls.next, struct call, node)->screen != NULL);
    peer_close(&client);
    UNTIL(street.loop, gate_busy(street.gate) == 0);
    CHECK_EQ(street_asked, 0);
    end();
}

TEST(an_answer_to_another_address_is_refused)
{
    static const char *const members[] = { "\"callback_url\":\"https://x.example/\",",
                                           "\"webhook\":{\"url\":\"https://x.example/\"}," };
    begin_zone("cable-1", open_zone);
    for (size_t i = 0; i < EP_ARRAY_LEN(members); i++) {
        chat("", ask("borealis-chat", false, members[i], "Hello."));
        CHECK(seen("HTTP/1.1 422 ") && seen("\"code\":\"zone_route_return\""));
        CHECK(!seen("x.example"));
        show_receipt();
        CHECK(section_has("operator", "\"law\":\"refuse ZONE_ROUTE_RETURN\""));
        check_replay(ACT_OK, "yes");
    }
    chat("", ask("borealis-chat", false, "\"callback_url\":null,", "Hello."));
    CHECK(seen("HTTP/1.1 200 "));
    end();
}

TEST(a_zones_call_by_another_link_is_refused)
{
    begin_zone("cable-2", open_zone);
    chat("", ask("borealis-chat", false, "", "Hello."));
    CHECK(seen("HTTP/1.1 451 ") && seen("\"code\":\"zone_origin\""));
    check_silent();
    show_receipt();
    CHECK(section_has("operator", "\"law\":\"refuse ZONE_INGRESS\""));
    end();
}

/* What nobody looks through may hold anything. */
TEST(without_detectors_in_force_a_zone_sells_nothing)
{
    static void (*const prepared[])(struct house *) = { open_zone_undetected, open_zone_outdated };
    for (size_t i = 0; i < EP_ARRAY_LEN(prepared); i++) {
        begin_zone("cable-1", prepared[i]);
        chat("", ask("borealis-chat", false, "", "Hello."));
        CHECK(seen("HTTP/1.1 422 ") && seen("\"code\":\"zone_mixed_data\""));
        CHECK(!seen("\"class\""));
        CHECK_EQ(street_asked, 0);
        show_receipt();
        CHECK(section_has("operator", "unscanned"));
        end();
    }
}

/* ---- ends ---------------------------------------------------------------------------------- */

static struct call *open_call(void)
{
    struct node *node = street.gate->open_calls.next;
    CHECK(node != &street.gate->open_calls);
    return EP_CONTAINER(node, struct call, node);
}

/* A stream of which a word has been delivered. */
static void begin_stream(void)
{
    street_slow = true;
    begin();
    send_text("POST", "/v1/chat/completions", "", ask("aurora-large", true, "", "Hello."));
    UNTIL(street.loop, peer_has(&client, STR(" word")));
    CHECK(open_call()->law.until > loop_wall_ns(street.loop));
}

TEST(a_stream_that_an_end_overtakes_is_completed_and_says_so)
{
    begin_stream();
    open_call()->law.until = loop_wall_ns(street.loop);
    street_go_on();
    finish();
    take_id();
    CHECK(seen("HTTP/1.1 200 ") && seen("[DONE]"));
    show_receipt();
    CHECK(section_has("evidence", "\"straddles_expiry\":\"yes\""));
    CHECK(section_has("client", "\"outcome\":\"complete\""));
    check_replay(ACT_OK, "yes");
    end();
}

TEST(a_stream_is_cut_ten_minutes_after_the_end)
{
    begin_stream();
    struct call *call = open_call();
    CHECK(!call->cut);
    call->law.until = loop_wall_ns(street.loop) - STRADDLE_NS + 100 * MS;
    call_straddle_watch(call);
    int64_t begun_ns = test_now_ns();
    finish();
    take_id();
    CHECK(test_now_ns() - begun_ns > 50 * MS);
    CHECK(seen("HTTP/1.1 200 ") && seen("\"code\":\"no_closed_route\"") && !seen("stopping"));
    check_silent();
    CHECK(street_waits == NULL); /* the upstream was left */
    show_receipt();
    CHECK(section_has("evidence", "\"straddles_expiry\":\"yes\""));
    CHECK(section_has("client", "\"outcome\":\"interrupted\""));
    CHECK(!section_has("client", "\"amount\":\"0\"")); /* what was delivered is paid for */
    CHECK_EQ(street.gate->straddle_ns, 0);
    end();
}

/* The watch is for the earliest end of all, and goes on with the next. */
TEST(calls_are_cut_each_at_its_own_end)
{
    begin_stream();
    struct call *call = open_call();
    int64_t now = loop_wall_ns(street.loop);
    call->law.until = now - STRADDLE_NS + 3600 * 1000 * MS;
    call_straddle_watch(call);
    CHECK_EQ(street.gate->straddle_ns, now + 3600 * 1000 * MS);
    call->law.until += 1; /* a later end does not move it */
    call_straddle_watch(call);
    CHECK_EQ(street.gate->straddle_ns, now + 3600 * 1000 * MS);
    street.gate->straddle.fire(&street.gate->straddle);
    CHECK(!call->cut);
    CHECK_EQ(street.gate->straddle_ns, now + 3600 * 1000 * MS + 1);
    call->law.until = INT64_MAX; /* no end at all */
    street.gate->straddle.fire(&street.gate->straddle);
    CHECK(!call->cut);
    CHECK_EQ(street.gate->straddle_ns, 0);
    street_go_on();
    finish();
    end();
}

static int64_t soon_s; /* from the writing of the registry to the end */
static int64_t revoked_ns;

static int64_t system_ns(void)
{
    struct timespec now;
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &now), 0);
    return (int64_t)now.tv_sec * 1000 * MS + now.tv_nsec;
}

static void end_cloud_soon(struct house *house)
{
    char text[160];
    char time_text[40];
    struct buf out = { time_text, 0, sizeof(time_text), sizeof(time_text) };
    revoked_ns = (system_ns() / (1000 * MS) + soon_s) * 1000 * MS;
    CHECK_EQ(stamp_print(&out, revoked_ns), ERR_OK);
    (void)snprintf(text, sizeof(text),
                   "  - id: g.borealis-cloud-operator\n    version: 1\n    revoked_at: %.*s\n",
                   (int)out.len, out.ptr);
    house_change(house, "grants.yaml", "  - id: g.borealis-cloud-operator\n    version: 1\n", text);
    house_change(house, "routes.yaml", "127.0.0.1:9002", "127.0.0.1:9001"); /* the cloud's */
}

/* A street on which a second is left at least: a busy machine gets more time to start it. */
static void begin_ending(int64_t soon)
{
    for (soon_s = soon;; soon_s *= 2) {
        street_slow = true;
        street_model = "aurora-small";
        street_prepare = end_cloud_soon;
        begin();
        if (system_ns() + 1000 * MS < revoked_ns) {
            return;
        }
        end();
        CHECK(soon_s < 100);
    }
}

/* Both routes were admissible when the call began; the second is not any more. */
TEST(a_retry_after_an_end_does_not_use_what_has_ended)
{
    begin_ending(2);
    send_text("POST", "/v1/chat/completions", "", ask("aurora-small", false, "", "Hello."));
    UNTIL(street.loop, street_waits != NULL);
    CHECK_EQ(open_call()->law.routes, 3);
    UNTIL(street.loop, loop_wall_ns(street.loop) > revoked_ns);
    http_respond(street_waits, 500, STR("content-type: application/json\r\n"), STR("{}"));
    street_waits = NULL;
    finish();
    take_id();
    CHECK(seen("HTTP/1.1 50"));
    CHECK_EQ(street_asked, 1);
    show_receipt();
    CHECK(section_has("operator", "\"law\":\"allow aurora-small-us\""));
    check_replay(ACT_OK, "yes");
    end();
}

/* Before the end the second one is taken. */
TEST(a_retry_before_the_end_uses_the_other_route)
{
    begin_ending(3600);
    send_text("POST", "/v1/chat/completions", "", ask("aurora-small", false, "", "Hello."));
    UNTIL(street.loop, street_waits != NULL);
    street_slow = false;
    http_respond(street_waits, 500, STR("content-type: application/json\r\n"), STR("{}"));
    street_waits = NULL;
    finish();
    CHECK(seen("HTTP/1.1 200 "));
    CHECK_EQ(street_asked, 2);
    end();
}

/* ---- limits -------------------------------------------------------------------------------- */

/* An order of fifteen tokens: enough for a call of ten, and for another that begins below it. */
static void order_little(struct house *house)
{
    house_change(house, "procurements.yaml", "    buyer: operator\n    keys_max: 1\n",
                 "    buyer: operator\n    keys_max: 1\n    purchase_orders:\n"
                 "      - {id: o1, tokens: 15, valid_from: 2026-01-01T00:00:00Z,\n"
                 "         valid_until: 2028-01-01T00:00:00Z, doc: {kind: order_form,\n"
                 "         file: documents/procurement-aurora.txt, sha256: "
                 "b5514991877b17e477e8b56ba5b444b7d663675ac40a3fc63dd0f995d6a081cf}}\n");
}

TEST(what_was_ordered_upstream_is_used_up_by_calls)
{
    street_prepare = order_little;
    begin();
    chat("", ask("aurora-large", false, "", "Hello."));
    CHECK(seen("HTTP/1.1 200 "));
    show_receipt();
    CHECK(!told("order_tokens\\\":{\\\"p.aurora")); /* nothing was used before it */
    chat("", ask("aurora-large", false, "", "Hello."));
    CHECK(seen("HTTP/1.1 200 "));
    show_receipt();
    CHECK(told("order_tokens\\\":{\\\"p.aurora\\\":10}"));
    check_replay(ACT_OK, "yes");
    chat("", ask("aurora-large", false, "", "Hello."));
    CHECK(seen("HTTP/1.1 503 ") && seen("\"code\":\"no_closed_route\""));
    CHECK_EQ(street_asked, 2);
    check_silent();
    show_receipt();
    CHECK(section_has("operator", "\"law\":\"refuse BILL_PO_EXHAUSTED\""));
    CHECK(told("order_tokens\\\":{\\\"p.aurora\\\":20}"));
    check_replay(ACT_OK, "yes");
    end();
}

/* The request's memory goes when a stream has begun; what is counted of it is still needed. */
TEST(a_streams_quota_outlives_its_request)
{
    street_prepare = order_little;
    begin_stream();
    CHECK(open_call()->quota != NULL && open_call()->body.cap == 0);
    street_go_on();
    finish();
    CHECK(seen("HTTP/1.1 200 ") && seen("[DONE]"));
    street_slow = false;
    chat("", ask("aurora-large", false, "", "Hello."));
    CHECK(seen("HTTP/1.1 503 ") && seen("\"code\":\"no_closed_route\""));
    show_receipt();
    CHECK(told("order_tokens\\\":{\\\"p.aurora\\\":49}"));
    end();
}

/* ---- what calls look like ------------------------------------------------------------------ */

TEST(a_call_that_was_judged_is_looked_at_by_its_shape)
{
    begin();
    const struct lookout_options options = { .review = street.house.world->review };
    CHECK_EQ(lookout_create(&options, &street.lookout, NULL), ERR_OK);
    street.gate->world.lookout = street.lookout;
    chat("x-entrepot-market: sg\r\n", ask("aurora-large", false, "", "Hello.")); /* not judged */
    chat("User-Agent: curl/8\r\nAccept-Language: en\r\n",
         ask("aurora-large", false, "\"user\":\"u-1\",", "Hello."));
    CHECK(seen("HTTP/1.1 200 "));
    lookout_sweep(street.lookout, NULL, 0, loop_wall_ns(street.loop));
    CHECK_EQ(review_open_count(street.house.world->review), 0); /* one call is nothing */
    end();
}
