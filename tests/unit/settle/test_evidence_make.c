/* What a pack is made of, and when none is made. */
#include "settle/evidence_make.h"

#include "evidence_case.h"

static struct evidence_case it;

static struct str file(const char *name, struct buf *out)
{
    struct pack *pack = NULL;
    buf_reset(out);
    CHECK_EQ(pack_open(str_from(it.pack.path), &pack, &it.fail), ERR_OK);
    size_t at = pack_find(pack, str_from(name));
    CHECK(at < pack_count(pack));
    CHECK_EQ(pack_read(pack, at, out, &it.fail), ERR_OK);
    pack_close(pack);
    return buf_str(out);
}

static void says(struct str text, const char *part)
{
    if (str_search(text, str_from(part)) == text.len) {
        test_failed(EP_SITE, "\"%s\" is not in \"" STR_FMT "\"", part, STR_ARG(text));
    }
}

TEST(the_files_say_what_happened)
{
    struct buf bytes;
    case_begin(&it);
    case_fill(&it);
    CHECK_EQ(case_make(&it), ERR_OK);
    buf_init(&bytes, PACK_FILE_MAX);
    struct str text = file("figures.json", &bytes);
    says(text, "{\"day\":\"2026-11-02\",\"calls\":\"9\",\"complete\":\"6\",\"interrupted\":\"0\","
               "\"failed\":\"0\",\"refused\":\"3\"}");
    says(text, "{\"vendor\":\"va\",\"upstream\":\"va\",\"route\":\"S1\",\"model\":\"m-alpha\","
               "\"calls\":\"3\",\"amount\":\"15045000\"}");
    says(text, "\"class\":\"cn_bank_card weak\",\"hits\":\"9\",\"calls\":\"9\"");
    says(text, "\"lifelines\":{\"model_source\":\"shown\",\"data_outbound\":\"shown\","
               "\"target_market\":\"shown\",\"funds_return\":\"open\"}");
    text = file("grants.json", &bytes);
    says(text, "\"id\":\"G-S1\"");
    says(text, "\"id\":\"A-1\"");
    says(text, "\"shown\":\"yes\"");
    says(text, "\"sha256\":\"5f9f00f8c446e4bf63fcd2636fb71477c8e3766a0675f03e0912852078eb443e\"");
    text = file("data_terms.json", &bytes);
    says(text, "\"id\":\"t-client\",\"of\":\"client\"");
    says(text, "\"id\":\"t-up\",\"of\":\"S1\"");
    says(text, "\"party\":\"cloud\",\"service\":\"inference\"");
    text = file("refusals.json", &bytes);
    says(text, "\"refusals\":[{\"rule\":\"R1\",\"code\":\"REVERSE_IMPORT\",\"calls\":\"3\"}]");
    says(text, "\"calls_left_out\":\"0\"");
    text = file("usage.json", &bytes);
    says(text, "\"month\":\"2026-11\",\"key\":\"key_b\",\"model\":\"m-xray\"");
    says(text, "\"billed\":{\"in\":\"258\"");
    text = file("report.html", &bytes);
    says(text, "Client &lt;1&gt;");
    says(text, "<svg role=\"img\"");
    says(text, "That no receipt was left out is not shown");
    text = file("receipts/000001.jsonl", &bytes);
    CHECK(str_search(text, STR("key_x")) == text.len);
    buf_fini(&bytes);
    case_end(&it);
}

TEST(what_is_not_over_not_covered_or_erased_is_said)
{
    struct case_call erased = case_alpha;
    struct buf bytes;
    erased.erased = true;
    case_begin(&it);
    (void)case_call(&it, &case_alpha);
    (void)case_call(&it, &erased);
    publish_case_round(&it.log);
    (void)case_call(&it, &case_alpha);
    it.head.over = false;
    CHECK_EQ(case_make(&it), ERR_OK);
    CHECK_EQ(it.made.receipts, 2);
    CHECK_EQ(it.made.erased, 1);
    CHECK_EQ(it.made.uncovered, 1);
    buf_init(&bytes, PACK_FILE_MAX);
    says(file("pack.json", &bytes), "\"over\":\"no\",\"program\":\"1.2.3\",\"uncovered\":\"1\"");
    struct str text = file("report.html", &bytes);
    says(text, "The period was not over");
    says(text, "1 receipts of the period are not in this pack");
    says(text, "1 receipts have sections that were erased");
    says(file("figures.json", &bytes), "\"model_source\":\"gaps\"");
    buf_fini(&bytes);
    case_check(&it, it.pack.path);
    CHECK(it.report.holds);
    CHECK_EQ(it.report.erased, 1);
    CHECK_EQ(it.report.decisions, 1);
    case_end(&it);
}

TEST(a_period_without_calls_is_a_pack_too)
{
    case_begin(&it);
    case_fill(&it);
    it.head.from = STR("2026-12-01T00:00:00.000Z");
    it.head.until = STR("2027-01-01T00:00:00.000Z");
    it.order.from_ns = CASE_BEGIN_NS + 29 * 24 * CASE_HOUR_NS;
    it.order.until_ns = CASE_BEGIN_NS + 60 * 24 * CASE_HOUR_NS;
    CHECK_EQ(case_make(&it), ERR_OK);
    CHECK_EQ(it.made.receipts, 0);
    case_check(&it, it.pack.path);
    CHECK(it.report.holds);
    case_end(&it);
}

static void refuses(enum err err, const char *why)
{
    char part[160];
    CHECK_EQ(case_make(&it), err);
    if (strstr(it.fail.text, why) == NULL) {
        test_failed(EP_SITE, "\"%s\" does not say \"%s\"", it.fail.text, why);
    }
    (void)snprintf(part, sizeof(part), "%s.part", it.pack.path);
    CHECK(access(part, F_OK) != 0);
}

TEST(rows_that_are_not_what_was_signed_make_no_pack)
{
    static const struct store_sql amount = {
        "UPDATE receipt SET client = CAST(replace(CAST(client AS TEXT), '5015000', '15000')"
        " AS BLOB) WHERE leaf = ?1"
    };
    static const struct store_sql hash = { "UPDATE leaf SET hash = zeroblob(32) WHERE id = ?1" };
    static const struct store_sql text = { "UPDATE receipt SET operator = x'7b' WHERE leaf = ?1" };
    const struct store_sql *const changes[] = { &amount, &text };
    case_begin(&it);
    refuses(ERR_NOT_FOUND, "no checkpoint yet");
    case_end(&it);
    for (size_t i = 0; i < EP_ARRAY_LEN(changes); i++) {
        case_begin(&it);
        case_fill(&it);
        case_change(&it, changes[i], 3);
        refuses(ERR_AUDIT_FAILED, "the receipt at leaf 3 is damaged");
        case_end(&it);
    }
    case_begin(&it);
    case_fill(&it);
    case_change(&it, &hash, 4); /* another client's: passed over */
    refuses(ERR_AUDIT_FAILED, "do not give the root");
    case_end(&it);
}

TEST(a_file_that_is_there_is_not_replaced)
{
    case_begin(&it);
    case_fill(&it);
    pack_case_spit(it.pack.path, STR("mine"));
    refuses(ERR_CONFLICT, "is there already");
    case_end(&it);
}
