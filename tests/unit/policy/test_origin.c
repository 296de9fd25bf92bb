#include "policy/origin.h"

#include "base/buf.h"
#include "harness.h"

/* "CN US -" > what three databases say. */
static size_t say(const char *text, struct geo_country said[GEO_MAX])
{
    struct str rest = str_from(text);
    size_t count = 0;
    while (rest.len > 0) {
        struct str word = str_cut(&rest, ' ');
        CHECK(count < GEO_MAX);
        said[count] = (struct geo_country){ { 0, 0 } };
        if (word.len == 2) {
            said[count] = (struct geo_country){ { word.ptr[0], word.ptr[1] } };
        }
        count++;
    }
    return count;
}

static struct origin judge(const char *text, const struct origin_range *range)
{
    struct geo_country said[GEO_MAX];
    struct origin origin;
    size_t count = say(text, said);
    origin_judge(said, count, range, &origin);
    CHECK_EQ(origin.said_count, count);
    for (size_t i = 0; i < count; i++) {
        CHECK(origin.said[i].code[0] == said[i].code[0]);
    }
    CHECK(origin.registered == (origin.range != NULL));
    return origin;
}

static void check_countries(const struct origin *origin, const char *want)
{
    char text[3 * GEO_MAX + 1] = "";
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    for (size_t i = 0; i < origin->count; i++) {
        CHECK_EQ(buf_printf(&out, "%s%.2s", i == 0 ? "" : " ", origin->country[i].code), ERR_OK);
    }
    CHECK_STR(buf_str(&out), str_from(want));
    bool one = origin->count == 1;
    CHECK(one == (origin->agreed.code[0] != '\0'));
    CHECK(!one || memcmp(origin->agreed.code, want, 2) == 0);
}

TEST(the_databases_agree_or_they_do_not)
{
    static const struct {
        const char *said;
        enum origin_state state;
        const char *countries;
    } cases[] = {
        { "", ORIGIN_UNKNOWN, "" },
        { "-", ORIGIN_UNKNOWN, "" },
        { "- -", ORIGIN_UNKNOWN, "" },
        { "SG", ORIGIN_OVERSEAS, "SG" },
        { "CN", ORIGIN_CN, "CN" },
        { "SG SG", ORIGIN_OVERSEAS, "SG" },
        { "US SG", ORIGIN_OVERSEAS, "US SG" },
        { "SG -", ORIGIN_OVERSEAS, "SG" },
        { "- SG", ORIGIN_OVERSEAS, "SG" },
        { "CN CN", ORIGIN_CN, "CN" },
        { "CN -", ORIGIN_CN, "CN" },
        { "- CN", ORIGIN_CN, "CN" },
        { "US CN", ORIGIN_UNSURE, "US CN" },
        { "CN US", ORIGIN_UNSURE, "CN US" },
        { "HK CN", ORIGIN_UNSURE, "HK CN" },
        { "HK HK", ORIGIN_OVERSEAS, "HK" },
        { "MO TW", ORIGIN_OVERSEAS, "MO TW" },
        { "CN CN CN SG", ORIGIN_UNSURE, "CN SG" },
        { "CN - - CN", ORIGIN_CN, "CN" },
        { "SG US SG MY", ORIGIN_OVERSEAS, "SG US MY" },
        { "- - - -", ORIGIN_UNKNOWN, "" },
        { "CX NC", ORIGIN_OVERSEAS, "CX NC" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct origin origin = judge(cases[i].said, NULL);
        if (origin.state != cases[i].state) {
            test_failed(EP_SITE, "\"%s\" is " STR_FMT, cases[i].said,
                        STR_ARG(origin_state_name(origin.state)));
        }
        check_countries(&origin, cases[i].countries);
        CHECK(!origin.registered);
    }
}

TEST(a_registration_clears_up_a_doubt_and_no_more)
{
    const struct origin_range sg = { .country = { { 'S', 'G' } } };
    const struct origin_range cn = { .country = { { 'C', 'N' } } };
    static const char *const doubts[] = { "", "- -", "US CN", "CN HK", "US SG", "SG SG", "MY" };
    for (size_t i = 0; i < EP_ARRAY_LEN(doubts); i++) {
        struct origin origin = judge(doubts[i], &sg);
        CHECK_EQ(origin.state, ORIGIN_OVERSEAS);
        CHECK(origin.range == &sg);
        check_countries(&origin, "SG");
        origin = judge(doubts[i], &cn);
        CHECK_EQ(origin.state, ORIGIN_CN);
        CHECK(origin.range == &cn);
        check_countries(&origin, "CN");
    }
    static const char *const sure[] = { "CN", "CN CN", "CN -", "- CN", "CN CN CN CN" };
    for (size_t i = 0; i < EP_ARRAY_LEN(sure); i++) {
        struct origin origin = judge(sure[i], &sg);
        CHECK_EQ(origin.state, ORIGIN_CN);
        CHECK(!origin.registered);
        check_countries(&origin, "CN");
    }
}

TEST(each_state_has_a_name)
{
    CHECK_STR(origin_state_name(ORIGIN_UNKNOWN), STR("unknown"));
    CHECK_STR(origin_state_name(ORIGIN_OVERSEAS), STR("overseas"));
    CHECK_STR(origin_state_name(ORIGIN_CN), STR("cn"));
    CHECK_STR(origin_state_name(ORIGIN_UNSURE), STR("unsure"));
}
