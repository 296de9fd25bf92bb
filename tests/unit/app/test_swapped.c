/*
 * Calls that an upstream answers as another model, on the way of a whole call: what the client
 * sees and pays, what the books have, and what becomes of the route.
 */
#include "base/counter.h"
#include "street.h"

static struct street street;

#define PATIENCE_NS (INT64_C(20000) * MS)

static char answer[32768];

/* One call; what the client sees of it is in `answer`. */
static void call(bool stream)
{
    static char text[1024];
    char body[256];
    struct peer peer;
    (void)snprintf(body, sizeof(body),
                   "{\"model\":\"aurora-large\",\"stream\":%s,\"max_tokens\":100,\"messages\":"
                   "[{\"role\":\"user\",\"content\":\"Say forty words.\"}]}",
                   stream ? "true" : "false");
    (void)snprintf(text, sizeof(text),
                   "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                   "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   street.key, strlen(body), body);
    peer_connect(&peer, &street.shop, 0);
    peer_send(&peer, str_from(text));
    int64_t until_ns = test_now_ns() + PATIENCE_NS;
    while ((!peer.ended && !peer.broken) || gate_busy(street.gate) > 0) {
        (void)loop_turn(street.loop, false);
        peer_read(&peer);
        CHECK(test_now_ns() < until_ns);
    }
    CHECK(peer.got.len < sizeof(answer));
    memcpy(answer, peer.got.ptr, peer.got.len);
    answer[peer.got.len] = '\0';
    CHECK_EQ(close(peer.fd), 0);
    buf_fini(&peer.got);
}

static bool seen(const char *part)
{
    return strstr(answer, part) != NULL;
}

static int words_seen(void)
{
    int count = 0;
    for (const char *at = strstr(answer, " word"); at != NULL; at = strstr(at + 1, " word")) {
        count++;
    }
    return count;
}

struct books {
    int64_t charged;
    int64_t voided;
    int64_t open_quarantines;
    int64_t claim_calls; /* that name the upstream's id and the other model */
};

static const struct store_sql sql_books = {
    "SELECT (SELECT coalesce(sum(posted), 0) FROM settlement),"
    " (SELECT count(*) FROM settlement WHERE posted = 0),"
    " (SELECT count(*) FROM route_quarantine WHERE released_ns = 0 AND reason = 'swap'"
    "  AND route = 'aurora-large-us'),"
    " (SELECT count(*) FROM upstream_claim_call c JOIN upstream_claim k ON k.id = c.claim"
    "  WHERE k.kind = 'swap' AND c.upstream_id = 'up-7' AND c.declared = 'aurora-mini')"
};

static enum err on_books(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 4);
    *(struct books *)context =
        (struct books){ row[0].number, row[1].number, row[2].number, row[3].number };
    return ERR_OK;
}

static enum err read_books(void *context, struct store_txn *txn, struct fail *fail)
{
    return store_query(txn, &sql_books, NULL, 0, on_books, context, fail);
}

static struct books books(void)
{
    struct books found = { 0 };
    CHECK_EQ(store_read(street.house.world->store, read_books, &found, NULL), ERR_OK);
    return found;
}

static void begin(int turn)
{
    street_turn = turn;
    street_asked = 0;
    street_begin(&street);
}

static void end(void)
{
    CHECK_EQ(house_do(&street.house, "audit"), ACT_OK);
    street_close(&street);
    house_open(&street.house, WORLD_READ_ONLY);
    house_end(&street.house);
    street_turn = -1;
    street_model = "aurora-large";
}

/* The next call goes nowhere; after a release it is sold. */
static void check_quarantine(void)
{
    int asked = street_asked;
    call(false);
    CHECK(seen("HTTP/1.1 503 ") && seen("\"code\":\"no_closed_route\""));
    CHECK_EQ(street_asked, asked);
    CHECK_EQ(counter_get(COUNTER_ROUTES_QUARANTINED), 1);
    street_turn = -1;
    CHECK_EQ(house_do(&street.house, "route release aurora-large-us --why mended --by Ada"),
             ACT_OK);
    call(false);
    CHECK(seen("HTTP/1.1 200 "));
    CHECK_EQ(counter_get(COUNTER_ROUTES_QUARANTINED), 0);
    CHECK_EQ(books().open_quarantines, 0);
    CHECK(books().charged > 0);
}

TEST(a_whole_answer_of_another_model_is_not_delivered_and_not_paid_for)
{
    begin(0);
    call(false);
    CHECK(seen("HTTP/1.1 502 ") && seen("upstream_model_mismatch"));
    CHECK_EQ(words_seen(), 0);
    CHECK(!seen("aurora-mini"));
    struct books found = books();
    CHECK_EQ(found.charged, 0);
    CHECK_EQ(found.voided, 1);
    CHECK_EQ(found.open_quarantines, 1);
    CHECK_EQ(found.claim_calls, 1);
    check_quarantine();
    end();
}

TEST(a_stream_of_another_model_is_refused_before_its_first_byte)
{
    begin(0);
    call(true);
    CHECK(seen("HTTP/1.1 502 ") && seen("upstream_model_mismatch"));
    CHECK_EQ(words_seen(), 0);
    CHECK_EQ(books().charged, 0);
    CHECK_EQ(books().claim_calls, 1);
    check_quarantine();
    end();
}

/* Wherever the stream turns: its text, its terminal event, its usage. */
TEST(a_stream_that_turns_ends_with_an_error_and_costs_nothing)
{
    static const int turns[] = { 1, 5, STREET_WORDS - 1, STREET_WORDS, STREET_WORDS + 1 };
    for (size_t i = 0; i < EP_ARRAY_LEN(turns); i++) {
        begin(turns[i]);
        call(true);
        CHECK(seen("upstream_model_mismatch"));
        CHECK(!seen("aurora-mini"));
        CHECK(words_seen() <= turns[i]);
        CHECK(seen("HTTP/1.1 200 ") ? seen("\"finish_reason\":\"error\"") : words_seen() == 0);
        CHECK(!seen("\"finish_reason\":\"stop\""));
        struct books found = books();
        CHECK_EQ(found.charged, 0);
        CHECK_EQ(found.voided, 1);
        CHECK_EQ(found.open_quarantines, 1);
        CHECK_EQ(found.claim_calls, 1);
        check_quarantine();
        end();
    }
}

TEST(a_name_with_prefix_and_date_is_the_models_own)
{
    begin(-1);
    street_model = "chan/Aurora-Large-20260901";
    call(false);
    CHECK(seen("HTTP/1.1 200 "));
    call(true);
    CHECK(seen("HTTP/1.1 200 ") && seen("[DONE]"));
    CHECK_EQ(words_seen(), STREET_WORDS);
    CHECK_EQ(books().open_quarantines, 0);
    CHECK(books().charged > 0);
    end();
}

TEST(no_name_is_counted_and_sold)
{
    begin(-1);
    street_model = "";
    int64_t before = counter_get(COUNTER_MODEL_UNKNOWN);
    call(false);
    CHECK(seen("HTTP/1.1 200 "));
    call(true);
    CHECK(seen("HTTP/1.1 200 ") && seen("[DONE]"));
    CHECK_EQ(counter_get(COUNTER_MODEL_UNKNOWN), before + 2);
    CHECK_EQ(books().open_quarantines, 0);
    CHECK(books().charged > 0);
    end();
}

TEST(a_quarantine_holds_after_a_restart)
{
    begin(0);
    call(false);
    CHECK(seen("HTTP/1.1 502 "));
    street_close(&street);
    house_open(&street.house, WORLD_READ_WRITE);
    CHECK(quarantine_stands(street.house.world->quarantine, STR("aurora-large-us")));
    CHECK_EQ(house_do(&street.house, "claim show 1 --json"), ACT_OK);
    CHECK(house_said(&street.house.out, "\"upstream_id\":\"up-7\""));
    house_end(&street.house);
    street_turn = -1;
}
