#include "law_sample.h"

/* Loads the sample with owners of "op" and more parties. */
static const struct registry_party *party_with(const char *owners, const char *more,
                                               struct registry **ret_registry)
{
    struct registry_file files[SAMPLE_FILES];
    struct buf text;
    sample_files(files);
    buf_init(&text, (size_t)8 << 20);
    CHECK(buf_printf(&text,
                     "parties:\n"
                     "  - {id: v1, kind: vendor, legal_name: V One, jurisdiction: US,\n"
                     "     official_hosts: [api.v1.test]}\n"
                     "  - {id: op, kind: aggregator, legal_name: Op, jurisdiction: SG%s}\n%s",
                     owners, more) == ERR_OK);
    files[0].text = buf_str(&text);
    *ret_registry = sample_parse(files, SAMPLE_FILES);
    buf_fini(&text);
    return registry_party(*ret_registry, STR("op"));
}

static void check_control(const char *owners, const char *more, const char *from,
                          const char *affiliate)
{
    struct registry *registry = NULL;
    const struct registry_party *op = party_with(owners, more, &registry);
    char text[3];
    country_text(op->controlled_from, text);
    CHECK_STR(str_from(text), str_from(from));
    CHECK_STR(op->affiliate_of != NULL ? op->affiliate_of->id : STR_EMPTY, str_from(affiliate));
    registry_unref(registry);
}

#define PARTY(id, country, owners)                                                             \
    "  - {id: " id ", kind: brand, legal_name: x, jurisdiction: " country ", owners: [" owners \
    "]}\n"

TEST(more_than_half_controls)
{
    check_control(", owners: [{jurisdiction: CN, percent: 51}]", "", "CN", "");
    check_control(", owners: [{jurisdiction: CN, percent: 50}]", "", "--", "");
    check_control(", owners: [{jurisdiction: CN, percent: 30}, {jurisdiction: CN, percent: 21}]",
                  "", "CN", "");
    check_control(", owners: [{party: v1, percent: 51}]", "", "US", "v1");
    check_control(", owners: [{party: v1, percent: 50}, {jurisdiction: US, percent: 1}]", "", "US",
                  "");
    check_control(", owners: [{party: v1, percent: 30}, {party: v1, percent: 30}]", "", "US", "v1");
}

/* What nobody is listed for counts for the party's own jurisdiction: a holder that is hidden does
 * not make a company less of its country. */
TEST(what_is_not_listed_counts_for_the_party_itself)
{
    check_control("", "", "SG", "");
    check_control(", owners: [{jurisdiction: CN, percent: 49}]", "", "SG", "");
    check_control(", owners: [{jurisdiction: CN, percent: 40}, {jurisdiction: SG, percent: 11}]",
                  "", "SG", "");
}

TEST(holders_count_for_where_they_are_controlled_from)
{
    check_control(", owners: [{party: a, percent: 60}]",
                  PARTY("a", "HK", "{jurisdiction: CN, percent: 80}"), "CN", "a");
    check_control(", owners: [{party: a, percent: 60}]",
                  PARTY("a", "HK", "{party: b, percent: 70}")
                      PARTY("b", "VG", "{jurisdiction: CN, percent: 100}"),
                  "CN", "a");
    /* One that nobody controls counts for its own jurisdiction. */
    check_control(
        ", owners: [{party: a, percent: 60}]",
        PARTY("a", "HK", "{jurisdiction: CN, percent: 50}, {jurisdiction: JP, percent: 50}"), "HK",
        "a");
    check_control(", owners: [{party: a, percent: 30}, {party: b, percent: 30}]",
                  PARTY("a", "HK", "{jurisdiction: CN, percent: 80}")
                      PARTY("b", "VG", "{jurisdiction: CN, percent: 80}"),
                  "CN", "");
}

TEST(owners_have_a_good_and_a_bad_twin)
{
    static const struct law_case cases[] = {
        { 0, "jurisdiction: SG}",
          "jurisdiction: SG, owners: [{jurisdiction: CN, percent: 50}, {party: v1, percent: 50}]}",
          "jurisdiction: SG, owners: [{jurisdiction: CN, percent: 50}, {party: v1, percent: 51}]}",
          REGISTRY_RULE_OWNERS_OVER },
        { 0, "jurisdiction: SG}", "jurisdiction: SG, owners: [{party: ch, percent: 1}]}",
          "jurisdiction: SG, owners: [{party: op, percent: 1}]}", REGISTRY_RULE_OWNERS_OVER },
        { 0,
          "jurisdiction: SG}\n"
          "  - {id: ch, kind: channel, legal_name: Channel, jurisdiction: SG}",
          NULL,
          "jurisdiction: SG, owners: [{party: ch, percent: 9}]}\n"
          "  - {id: ch, kind: channel, legal_name: Channel, jurisdiction: SG,\n"
          "     owners: [{party: op, percent: 9}]}",
          REGISTRY_RULE_OWNERS_OVER },
        { 0, "jurisdiction: SG}", NULL, "jurisdiction: SG, owners: [{percent: 1}]}",
          REGISTRY_RULE_REG_BAD_VALUE },
        { 0, "jurisdiction: SG}", NULL,
          "jurisdiction: SG, owners: [{jurisdiction: CN, party: ch, percent: 1}]}",
          REGISTRY_RULE_REG_BAD_VALUE },
        { 0, "jurisdiction: SG}", NULL,
          "jurisdiction: SG, owners: [{jurisdiction: CN, percent: 0}]}",
          REGISTRY_RULE_REG_BAD_VALUE },
        { 0, "jurisdiction: SG}", NULL,
          "jurisdiction: SG, owners: [{jurisdiction: CN, percent: 101}]}",
          REGISTRY_RULE_REG_BAD_VALUE },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

/* As long as the list of parties may be: the stack is not the machine's. */
TEST(a_chain_of_holders_may_be_long)
{
    const unsigned count = 20000;
    struct buf text;
    buf_init(&text, (size_t)8 << 20);
    for (unsigned i = 0; i < count; i++) {
        CHECK(buf_printf(&text,
                         "  - {id: h%05u, kind: brand, legal_name: x, jurisdiction: HK, owners: "
                         "[{party: h%05u, percent: 100}]}\n",
                         i, i + 1) == ERR_OK);
    }
    CHECK(buf_printf(&text,
                     "  - {id: h%05u, kind: brand, legal_name: x, jurisdiction: HK, owners: "
                     "[{jurisdiction: CN, percent: 100}]}\n",
                     count) == ERR_OK);
    CHECK(buf_byte(&text, '\0') == ERR_OK);
    check_control(", owners: [{party: h00000, percent: 100}]", text.ptr, "CN", "h00000");
    buf_fini(&text);
}
