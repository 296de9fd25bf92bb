#include "tlog/receipt.h"

#include "receipts.h"

static struct receipt receipt;

static struct str salt_of(const struct receipt *from, enum receipt_section which)
{
    return (struct str){ (const char *)from->salts[which], RECEIPT_SALT_BYTES };
}

TEST(sections_say_what_each_reader_may_know)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct receipt_facts facts = receipts_facts((struct id){ { 1, 2, 3 } });
    const struct receipt_try tries[] = {
        { .route = STR("r0"), .outcome = STR("upstream_timeout") },
        { .route = STR("r2"),
          .upstream_id = STR("up-6"),
          .outcome = STR("overtaken"),
          .sent = true,
          .cost_by = STR("counted"),
          .cost_nano = 1234,
          .cost_currency = STR("USD") },
        { .route = STR("r1"),
          .upstream_id = STR("up-7"),
          .outcome = STR("complete"),
          .sent = true,
          .billable = true,
          .hedge = true },
    };
    facts.tries = tries;
    facts.try_count = EP_ARRAY_LEN(tries);
    receipt_init(&receipt);
    CHECK(receipt_build(&receipt, &facts) == ERR_OK);
    struct str client = buf_str(&receipt.sections[RECEIPT_CLIENT]);
    CHECK(
        str_starts(client, STR("{\"amount\":\"5015000\",\"begun\":\"2025-11-24T16:00:00.000Z\","
                               "\"billed\":{\"cached\":\"1920\",\"in\":\"86\",\"out\":\"108\","
                               "\"reason\":\"192\"},\"billed_by\":\"upstream\",\"call\":\"call_")));
    CHECK(str_search(client, STR("\"counted\"")) == client.len); /* nothing was counted */
    CHECK(str_search(client, STR("\"reasons\":[\"A\",\"B\"]")) < client.len);
    CHECK(str_search(client, STR("r1")) == client.len);
    struct str operator= buf_str(&receipt.sections[RECEIPT_OPERATOR]);
    CHECK(str_search(operator, STR("\"route\":\"r1\"")) < operator.len);
    struct str told = STR("\"tries\":[{\"billable\":\"no\",\"outcome\":\"upstream_timeout\","
                          "\"route\":\"r0\",\"sent\":\"no\",\"upstream_id\":\"\"},"
                          "{\"billable\":\"no\",\"cost\":\"1234\",\"cost_by\":\"counted\","
                          "\"cost_currency\":\"USD\",\"outcome\":\"overtaken\",\"route\":\"r2\","
                          "\"sent\":\"yes\",\"upstream_id\":\"up-6\"},"
                          "{\"billable\":\"yes\",\"hedge\":\"yes\",\"outcome\":\"complete\","
                          "\"route\":\"r1\",\"sent\":\"yes\",\"upstream_id\":\"up-7\"}]");
    CHECK(str_search(operator, told) < operator.len);
    CHECK(str_search(client, STR("up-7")) == client.len);
    CHECK(str_search(client, STR("cost")) == client.len); /* no client pays it, or sees it */
    receipt_fini(&receipt);
}

TEST(what_few_receipts_have_is_absent_from_the_others)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct receipt_facts facts = receipts_facts((struct id){ { 1, 2, 3 } });
    receipt_init(&receipt);
    CHECK(receipt_build(&receipt, &facts) == ERR_OK);
    struct str client = buf_str(&receipt.sections[RECEIPT_CLIENT]);
    CHECK(str_search(client, STR("_flags")) == client.len);
    CHECK(str_search(client, STR("\"saved\"")) == client.len);
    CHECK(str_search(client, STR("\"units\"")) == client.len);
    CHECK(str_search(client, STR("\"tier")) == client.len);
    struct str operator= buf_str(&receipt.sections[RECEIPT_OPERATOR]);
    CHECK(str_search(operator, STR("usage_sha256")) == operator.len);
    CHECK(str_search(operator, STR("tier_served")) == operator.len);
    facts.reported_flags[0] = STR("quarantined");
    facts.reported_flags[2] = STR("split_assumed");
    facts.saved_nano = 432;
    facts.segment = (struct receipt_segment){ { { 9 } }, 3 };
    facts.tier = STR("flex");
    facts.tier_asked = STR("priority");
    facts.tier_served = STR("flex");
    facts.usage_sha256 = digest_sha256(STR("abc"));
    facts.has_usage_sha256 = true;
    facts.units[0] = 2;
    facts.units[1] = 1;
    facts.units[2] = 7;
    CHECK(receipt_build(&receipt, &facts) == ERR_OK);
    client = buf_str(&receipt.sections[RECEIPT_CLIENT]);
    struct str told =
        STR("\"reported_flags\":[\"quarantined\",\"split_assumed\"],\"saved\":\"432\","
            "\"segment\":\"seg_09000000000000000000000000\",\"segment_step\":\"3\","
            "\"tier\":\"flex\",\"tier_asked\":\"priority\","
            "\"units\":{\"source\":\"7\",\"web_fetch\":\"1\",\"web_search\":\"2\"},"
            "\"verdict\":\"allow\"");
    CHECK(str_search(client, told) < client.len);
    struct str evidence = buf_str(&receipt.sections[RECEIPT_EVIDENCE]);
    CHECK(str_search(evidence, STR("web_search")) == evidence.len);
    operator= buf_str(&receipt.sections[RECEIPT_OPERATOR]);
    CHECK(str_search(operator, STR("\"tier_served\":\"flex\",\"tries\":[")) < operator.len);
    CHECK(str_search(operator, STR("\"usage_sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396"
                                   "177a9cb410ff61f20015ad\",\"version\":\"1\"")) <
          operator.len);
    CHECK(str_search(client, STR("usage_sha256")) == client.len);
    receipt_fini(&receipt);
}

TEST(a_choice_is_the_operators_alone)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct receipt_facts facts = receipts_facts((struct id){ { 1, 2, 3 } });
    const struct receipt_candidate candidates[] = {
        { STR("r1"), STR("chosen"), 1, 1234 },
        { STR("r0"), STR("breaker_open"), 0, -1 },
    };
    receipt_init(&receipt);
    CHECK(receipt_build(&receipt, &facts) == ERR_OK);
    struct str operator= buf_str(&receipt.sections[RECEIPT_OPERATOR]);
    CHECK(str_search(operator, STR("\"choice\"")) == operator.len); /* there was none */
    facts.choice = (struct receipt_choice){ .sort = STR("price"),
                                            .candidates = candidates,
                                            .count = EP_ARRAY_LEN(candidates),
                                            .left_out = 3,
                                            .affine = true,
                                            .saved_nano = 77 };
    CHECK(receipt_build(&receipt, &facts) == ERR_OK);
    operator= buf_str(&receipt.sections[RECEIPT_OPERATOR]);
    struct str told = STR("\"choice\":{\"affine\":\"yes\",\"candidates\":["
                          "{\"rank\":\"1\",\"route\":\"r1\",\"score\":\"1234\",\"why\":\"chosen\"},"
                          "{\"rank\":\"0\",\"route\":\"r0\",\"score\":\"-1\","
                          "\"why\":\"breaker_open\"}],"
                          "\"left_out\":\"3\",\"saved\":\"77\",\"sort\":\"price\"}");
    CHECK(str_search(operator, told) < operator.len);
    struct str client = buf_str(&receipt.sections[RECEIPT_CLIENT]);
    struct str evidence = buf_str(&receipt.sections[RECEIPT_EVIDENCE]);
    CHECK(str_search(client, STR("chosen")) == client.len);
    CHECK(str_search(evidence, STR("chosen")) == evidence.len);
    receipt_fini(&receipt);
}

TEST(a_section_checks_under_its_own_salt_alone)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct receipt_facts facts = receipts_facts((struct id){ { 1, 2, 3 } });
    struct buf entry;
    buf_init(&entry, 1024);
    receipt_init(&receipt);
    CHECK(receipt_build(&receipt, &facts) == ERR_OK);
    CHECK(receipt_entry(&receipt, &entry) == ERR_OK);
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        enum receipt_section which = (enum receipt_section)i;
        struct str section = buf_str(&receipt.sections[i]);
        CHECK(receipt_check(buf_str(&entry), which, salt_of(&receipt, which), section));
        enum receipt_section other = (enum receipt_section)((i + 1) % RECEIPT_SECTIONS);
        CHECK(!receipt_check(buf_str(&entry), which, salt_of(&receipt, other), section));
        CHECK(!receipt_check(buf_str(&entry), other, salt_of(&receipt, which), section));
        receipt.sections[i].ptr[section.len / 2] ^= 1;
        CHECK(!receipt_check(buf_str(&entry), which, salt_of(&receipt, which), section));
    }
    receipt_fini(&receipt);
    buf_fini(&entry);
}

/* Whoever could log one entry for two sections could show each reader another receipt. */
TEST(an_entry_of_another_form_commits_to_nothing)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct receipt_facts facts = receipts_facts((struct id){ { 1, 2, 3 } });
    struct buf entry;
    struct buf forged;
    buf_init(&entry, 1024);
    buf_init(&forged, 2048);
    receipt_init(&receipt);
    CHECK(receipt_build(&receipt, &facts) == ERR_OK);
    CHECK(receipt_entry(&receipt, &entry) == ERR_OK);
    struct str section = buf_str(&receipt.sections[RECEIPT_CLIENT]);
    struct str salt = salt_of(&receipt, RECEIPT_CLIENT);
    struct str good = buf_str(&entry);
    CHECK(receipt_check(good, RECEIPT_CLIENT, salt, section));

    CHECK(buf_append(&forged, STR("{\"a\":")) == ERR_OK);
    CHECK(buf_append(&forged, good) == ERR_OK);
    CHECK(buf_append(&forged, STR("}")) == ERR_OK);
    CHECK(!receipt_check(buf_str(&forged), RECEIPT_CLIENT, salt, section));
    CHECK(!receipt_check(str_slice(good, 0, good.len - 1), RECEIPT_CLIENT, salt, section));
    CHECK(!receipt_check(STR_EMPTY, RECEIPT_CLIENT, salt, section));
    buf_reset(&forged);
    CHECK(buf_append(&forged, good) == ERR_OK);
    forged.ptr[good.len - 3] = '2'; /* the version */
    CHECK(!receipt_check(buf_str(&forged), RECEIPT_CLIENT, salt, section));
    receipt_fini(&receipt);
    buf_fini(&entry);
    buf_fini(&forged);
}

TEST(a_salt_of_another_length_is_no_salt)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct receipt_facts facts = receipts_facts((struct id){ { 1, 2, 3 } });
    struct buf entry;
    struct buf both;
    buf_init(&entry, 1024);
    buf_init(&both, 4096);
    receipt_init(&receipt);
    CHECK(receipt_build(&receipt, &facts) == ERR_OK);
    CHECK(receipt_entry(&receipt, &entry) == ERR_OK);
    /* The same bytes, cut elsewhere: the digest is the same, the section is not. */
    CHECK(buf_append(&both, salt_of(&receipt, RECEIPT_CLIENT)) == ERR_OK);
    CHECK(buf_append(&both, buf_str(&receipt.sections[RECEIPT_CLIENT])) == ERR_OK);
    struct str all = buf_str(&both);
    for (size_t cut = 0; cut <= 32; cut += 4) {
        bool checks = receipt_check(buf_str(&entry), RECEIPT_CLIENT, str_slice(all, 0, cut),
                                    str_from_at(all, cut));
        CHECK(checks == (cut == RECEIPT_SALT_BYTES));
    }
    receipt_fini(&receipt);
    buf_fini(&entry);
    buf_fini(&both);
}

TEST(the_same_facts_never_give_the_same_entry)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    struct receipt_facts facts = receipts_facts((struct id){ { 1, 2, 3 } });
    struct buf entries[2];
    for (size_t i = 0; i < 2; i++) {
        buf_init(&entries[i], 1024);
        receipt_init(&receipt);
        CHECK(receipt_build(&receipt, &facts) == ERR_OK);
        CHECK(receipt_entry(&receipt, &entries[i]) == ERR_OK);
        receipt_fini(&receipt);
    }
    CHECK(!str_eq(buf_str(&entries[0]), buf_str(&entries[1])));
    buf_fini(&entries[0]);
    buf_fini(&entries[1]);
}

static void build_once(void)
{
    struct receipt_facts facts = receipts_facts((struct id){ { 1 } });
    struct receipt made;
    receipt_init(&made);
    enum err err = receipt_build(&made, &facts);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    receipt_fini(&made);
}

TEST(each_allocation_may_fail)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    CHECK(test_each_allocation_failing(build_once) > 3);
}
