#include "app/log_leaves.h"

#include "base/enc.h"
#include "house.h"

static struct house house;

struct seen {
    int64_t kind;
    struct buf entry;
    struct buf detail;
};

struct asking {
    int64_t leaf;
    struct seen *seen;
};

static const struct store_sql sql_leaf = {
    "SELECT l.kind, l.entry, coalesce(n.detail, x'') FROM leaf l LEFT JOIN note n ON n.leaf = l.id"
    " WHERE l.id = ?1"
};

static enum err on_leaf(void *context, const struct store_value *row, size_t columns)
{
    struct seen *seen = context;
    ASSERT(columns == 3);
    seen->kind = row[0].number;
    TRY(buf_append(&seen->entry, row[1].bytes));
    return buf_append(&seen->detail, row[2].bytes);
}

static enum err read_leaf(void *context, struct store_txn *txn, struct fail *fail)
{
    struct asking *asking = context;
    if (asking->leaf < 0) {
        int64_t leaves = 0;
        TRY(tlog_size(txn, &leaves, fail));
        asking->leaf += leaves;
    }
    const struct store_value value = STORE_I(asking->leaf);
    return store_query(txn, &sql_leaf, &value, 1, on_leaf, asking->seen, fail);
}

/* The leaf of this index, or, counted from -1 on, from the end. */
static void see(int64_t leaf, struct seen *seen)
{
    struct asking asking = { leaf, seen };
    struct fail fail;
    buf_reset(&seen->entry);
    buf_reset(&seen->detail);
    CHECK_EQ(store_read(house.world->store, read_leaf, &asking, &fail), ERR_OK);
}

static struct seen begin(void)
{
    struct seen seen = { .kind = 0 };
    buf_init(&seen.entry, 4096);
    buf_init(&seen.detail, 4096);
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    return seen;
}

static void end(struct seen *seen)
{
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    buf_fini(&seen->entry);
    buf_fini(&seen->detail);
    house_end(&house);
}

static void check_commitment(const struct seen *seen, const char *kind)
{
    char start[16];
    char finish[64];
    (void)snprintf(start, sizeof(start), "{\"detail\":\"");
    (void)snprintf(finish, sizeof(finish), "\",\"kind\":\"%s\",\"version\":\"1\"}", kind);
    CHECK(str_starts(buf_str(&seen->entry), str_from(start)));
    CHECK(str_ends(buf_str(&seen->entry), str_from(finish)));
    CHECK_EQ(seen->entry.len, strlen(start) + 64 + strlen(finish));
}

TEST(a_folder_begins_with_its_registry_its_prices_and_its_first_key)
{
    struct seen seen = begin();
    struct digest hash = house.world->registry->hash;
    char hex_text[64];
    char line[192];
    struct buf hex = { hex_text, 0, sizeof(hex_text), sizeof(hex_text) };
    CHECK_EQ(enc_hex(&hex, hash.bytes, sizeof(hash.bytes)), ERR_OK);
    (void)snprintf(line, sizeof(line),
                   "{\"hash\":\"%.64s\",\"kind\":\"registry\",\"number\":\"1\",\"version\":\"1\"}",
                   hex_text);
    see(0, &seen);
    CHECK_EQ(seen.kind, TLOG_REGISTRY);
    CHECK_STR(buf_str(&seen.entry), str_from(line));
    CHECK_EQ(seen.detail.len, 0);
    see(1, &seen);
    CHECK_EQ(seen.kind, TLOG_PRICES);
    check_commitment(&seen, "prices");
    CHECK(house_said(&seen.detail, "{\"book\":\""));
    CHECK(house_said(&seen.detail, "\"currency\":\"USD\""));
    see(-1, &seen);
    CHECK_EQ(seen.kind, TLOG_KEY);
    check_commitment(&seen, "key");
    CHECK(house_said(&seen.detail, "{\"act\":\"add\",\"at_ns\":\""));
    CHECK(house_said(&seen.detail, "\"client\":\"cli_"));
    end(&seen);
}

TEST(a_key_that_ends_and_a_registry_that_follows_are_leaves_and_what_changes_nothing_is_none)
{
    struct seen seen = begin();
    struct asking before = { -1, &seen };
    struct asking after = { -1, &seen };
    struct fail fail;
    CHECK_EQ(house_do(&house, "key list --json"), ACT_OK);
    CHECK_EQ(house_dof(&house, "key revoke %s", house_field(&house, "id")), ACT_OK);
    see(-1, &seen);
    CHECK_EQ(seen.kind, TLOG_KEY);
    check_commitment(&seen, "key");
    CHECK(house_said(&seen.detail, "{\"act\":\"revoke\""));
    house_change(&house, "models.yaml", "context_tokens: 64000", "context_tokens: 32000");
    house_apply(&house);
    see(-1, &seen); /* its prices are those of before */
    CHECK_EQ(seen.kind, TLOG_REGISTRY);
    CHECK(house_said(&seen.entry, "\"number\":\"2\""));
    CHECK_EQ(store_read(house.world->store, read_leaf, &before, &fail), ERR_OK);
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(store_read(house.world->store, read_leaf, &after, &fail), ERR_OK);
    CHECK_EQ(before.leaf, after.leaf); /* an opening alone writes nothing */
    end(&seen);
}

/* ---- events -------------------------------------------------------------------------------- */

struct eventful {
    struct store_job job;
    struct log_start start;
    struct log_gap gap;
};

static enum err write_both(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct eventful *eventful = EP_CONTAINER(job, struct eventful, job);
    TRY(log_leaf_start(house.world->tlog, txn, &eventful->start, fail));
    return log_leaf_gap(house.world->tlog, txn, &eventful->gap, fail);
}

TEST(a_start_and_a_gap_say_what_they_are_in_canonical_form)
{
    struct seen seen = begin();
    struct fail fail;
    struct eventful eventful = {
        .job = { .run = write_both },
        .start = { .program = STR("9.9"), .registry = 7, .now_ns = 5 },
        .gap = { .first = 2, .leaves = 3, .seconds = 11, .now_ns = INT64_MAX },
    };
    CHECK_EQ(store_run(house.world->store, &eventful.job, &fail), ERR_OK);
    see(-2, &seen);
    CHECK_EQ(seen.kind, TLOG_EVENT);
    CHECK(str_starts(buf_str(&seen.entry), STR("{\"at_ns\":\"5\",\"event\":\"start\",\"kind\":"
                                               "\"event\",\"leaves\":\"")));
    CHECK(str_ends(buf_str(&seen.entry),
                   STR("\",\"program\":\"9.9\",\"registry\":\"7\",\"version\":\"1\"}")));
    see(-1, &seen);
    CHECK_EQ(seen.kind, TLOG_EVENT);
    CHECK_STR(buf_str(&seen.entry),
              STR("{\"at_ns\":\"9223372036854775807\",\"event\":\"gap\",\"first\":\"2\",\"kind\":"
                  "\"event\",\"leaves\":\"3\",\"seconds\":\"11\",\"version\":\"1\"}"));
    end(&seen);
}
