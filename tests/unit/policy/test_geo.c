#include "policy/geo.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "mmdb_make.h"
#include "policy/origin.h"

static char folder[64];
static char paths[GEO_MAX][96];
static struct str names[GEO_MAX];

static const char *const first[] = { "1.0.0.0/8", "CN", "2.0.0.0/8",     "SG", "10.0.0.0/8", "JP",
                                     "2400::/16", "CN", "2001:db8::/32", "JP", NULL };
static const char *const second[] = {
    "1.0.0.0/8", "CN", "2.0.0.0/8", "US", "3.0.0.0/8", "CN", NULL
};

static void begin(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/entrepot-geo-XXXXXX");
    CHECK(test_folder(folder) != NULL);
    for (size_t i = 0; i < GEO_MAX; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%zu.mmdb", folder, i);
        names[i] = str_from(paths[i]);
    }
    mmdb_make_file(paths[0], first);
    mmdb_make_file(paths[1], second);
}

static void end(void)
{
    for (size_t i = 0; i < GEO_MAX; i++) {
        (void)unlink(paths[i]); /* not all are there */
    }
    CHECK_EQ(rmdir(folder), 0);
}

static void check_said(const struct geo *geo, const char *text, const char *want)
{
    struct geo_country said[GEO_MAX];
    struct geo_country one;
    struct ip ip;
    char got[3 * GEO_MAX + 1] = "";
    struct buf out = { got, 0, sizeof(got), sizeof(got) };
    CHECK(ip_parse(str_from(text), &ip));
    geo_ask(geo, &ip, said);
    for (size_t i = 0; i < geo_count(geo); i++) {
        bool known = said[i].code[0] != '\0';
        CHECK(geo_country(geo, i, &ip, &one) == known);
        CHECK(!known || memcmp(one.code, said[i].code, 2) == 0);
        CHECK_EQ(buf_printf(&out, "%s%.2s", i == 0 ? "" : " ", known ? said[i].code : "--"),
                 ERR_OK);
    }
    for (size_t i = geo_count(geo); i < GEO_MAX; i++) {
        CHECK_EQ(said[i].code[0], '\0');
    }
    if (strcmp(got, want) != 0) {
        test_failed(EP_SITE, "of %s they say \"%s\", not \"%s\"", text, got, want);
    }
}

TEST(each_database_is_asked_by_itself)
{
    int64_t blocks = mem_blocks_open();
    struct geo *geo = NULL;
    begin();
    CHECK_EQ(geo_open(names, 2, &geo, NULL), ERR_OK);
    CHECK_EQ(geo_count(geo), 2);
    check_said(geo, "1.2.3.4", "CN CN");
    check_said(geo, "2.2.3.4", "SG US");
    check_said(geo, "3.2.3.4", "-- CN");
    check_said(geo, "4.2.3.4", "-- --");
    check_said(geo, "2400::1", "CN --");
    struct geo_info info = geo_info(geo, 0);
    CHECK_STR(info.path, names[0]);
    CHECK_EQ(info.built_s, 0x6a32facc);
    CHECK(info.rows4 > 3 && info.rows6 > 3);
    geo_unref(geo_ref(geo));
    check_said(geo, "1.2.3.4", "CN CN");
    geo_unref(geo);
    end();
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(all_ways_of_writing_an_ipv4_address_give_the_same_answer)
{
    struct geo *geo = NULL;
    begin();
    CHECK_EQ(geo_open(names, 2, &geo, NULL), ERR_OK);
    static const char *const same[] = { "2.2.3.4", "::ffff:2.2.3.4", "::ffff:202:304",
                                        "64:ff9b::2.2.3.4", "2002:202:304::1" };
    for (size_t i = 0; i < EP_ARRAY_LEN(same); i++) {
        check_said(geo, same[i], "SG US");
    }
    check_said(geo, "::2.2.3.4", "-- --");
    check_said(geo, "64:ff9b:1::2.2.3.4", "-- --");
    geo_unref(geo);
    end();
}

TEST(an_address_that_is_nobodys_has_no_country_whatever_a_database_says)
{
    struct geo *geo = NULL;
    begin();
    CHECK_EQ(geo_open(names, 1, &geo, NULL), ERR_OK);
    check_said(geo, "10.1.2.3", "--");
    check_said(geo, "::ffff:10.1.2.3", "--");
    check_said(geo, "64:ff9b::10.1.2.3", "--");
    check_said(geo, "2001:db8::1", "--");
    check_said(geo, "127.0.0.1", "--");
    check_said(geo, "::1", "--");
    geo_unref(geo);
    end();
}

TEST(no_database_says_nothing)
{
    struct ip ip;
    struct geo_country said[GEO_MAX];
    CHECK(ip_parse(STR("1.2.3.4"), &ip));
    CHECK_EQ(geo_count(NULL), 0);
    CHECK_EQ(geo_serial(NULL), 0);
    CHECK(geo_ref(NULL) == NULL);
    geo_unref(NULL);
    geo_ask(NULL, &ip, said);
    CHECK_EQ(said[0].code[0], '\0');
}

TEST(what_was_opened_does_not_change_with_its_file)
{
    static const char *const other[] = { "1.0.0.0/8", "SG", NULL };
    struct geo *geo = NULL;
    struct geo *fresh = NULL;
    begin();
    CHECK_EQ(geo_open(names, 1, &geo, NULL), ERR_OK);
    mmdb_make_file(paths[0], other); /* written into, not renamed over */
    check_said(geo, "1.2.3.4", "CN");
    CHECK_EQ(geo_open(names, 1, &fresh, NULL), ERR_OK);
    check_said(fresh, "1.2.3.4", "SG");
    CHECK(geo_serial(fresh) != geo_serial(geo));
    CHECK_EQ(truncate(paths[0], 10), 0);
    CHECK_EQ(unlink(paths[0]), 0);
    check_said(geo, "1.2.3.4", "CN");
    check_said(fresh, "1.2.3.4", "SG");
    geo_unref(geo);
    geo_unref(fresh);
    end();
}

TEST(files_that_stay_need_not_be_opened_again)
{
    struct geo *geo = NULL;
    begin();
    CHECK(geo_fresh(NULL, names, 0));
    CHECK(!geo_fresh(NULL, names, 1));
    CHECK_EQ(geo_open(names, 2, &geo, NULL), ERR_OK);
    CHECK(geo_fresh(geo, names, 2));
    CHECK(!geo_fresh(geo, names, 0));
    CHECK(!geo_fresh(geo, names, 1));
    CHECK(!geo_fresh(geo, names + 1, 2));
    CHECK_EQ(rename(paths[1], paths[2]), 0);
    CHECK(!geo_fresh(geo, names, 2));
    mmdb_make_file(paths[1], second); /* the same words in another file */
    CHECK(!geo_fresh(geo, names, 2));
    CHECK_EQ(rename(paths[2], paths[1]), 0);
    geo_unref(geo);
    CHECK_EQ(geo_open(names, 2, &geo, NULL), ERR_OK);
    CHECK(geo_fresh(geo, names, 2));
    const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = 1 } };
    CHECK_EQ(utimensat(AT_FDCWD, paths[0], times, 0), 0);
    CHECK(!geo_fresh(geo, names, 2));
    geo_unref(geo);
    end();
}

static void check_refused(size_t count, size_t bad, enum err want, const char *part)
{
    struct fail fail = { .text = "" };
    struct geo *geo = NULL;
    int64_t blocks = mem_blocks_open();
    CHECK_EQ(geo_open(names, count, &geo, &fail), want);
    CHECK(geo == NULL);
    CHECK_EQ(mem_blocks_open(), blocks);
    if (strstr(fail.text, part) == NULL || strstr(fail.text, paths[bad]) == NULL) {
        test_failed(EP_SITE, "\"%s\" does not name \"%s\" and say \"%s\"", fail.text, paths[bad],
                    part);
    }
}

TEST(a_file_that_cannot_be_used_is_named)
{
    begin();
    check_refused(3, 2, ERR_IO, "could not open the country database");
    CHECK_EQ(mkdir(paths[2], 0700), 0);
    check_refused(3, 2, ERR_GEO, "is no file");
    CHECK_EQ(rmdir(paths[2]), 0);
    CHECK_EQ(mkfifo(paths[2], 0600), 0);
    check_refused(3, 2, ERR_GEO, "is no file");
    CHECK_EQ(truncate(paths[1], 300), 0);
    check_refused(2, 1, ERR_GEO, "is damaged");
    CHECK_EQ(truncate(paths[0], 0), 0);
    check_refused(2, 0, ERR_GEO, "is empty");
    CHECK_EQ(truncate(paths[0], 0x20000000), 0);
    check_refused(1, 0, ERR_GEO, "is larger than 256 MiB");
    end();
}

static void open_with_little_memory(void)
{
    struct geo *geo = NULL;
    struct fail fail = { .code = ERR_OK };
    if (geo_open(names, 2, &geo, &fail) != ERR_OK) {
        CHECK_EQ(fail.code, ERR_NO_MEMORY);
    }
    geo_unref(geo);
}

TEST(a_lack_of_memory_is_an_error)
{
    begin();
    CHECK(test_each_allocation_failing(open_with_little_memory) > 10);
    end();
}

/* Addresses of well-known countries, or well known to be doubtful, if the databases are there. */
TEST(the_installed_databases_answer_as_they_did_when_they_were_tried)
{
    static const struct str installed[] = {
        STR_INIT(EP_SOURCE_DIR "/share/geo/country-a.mmdb"),
        STR_INIT(EP_SOURCE_DIR "/share/geo/country-b.mmdb"),
    };
    static const struct {
        const char *ip;
        const char *said;
        enum origin_state state;
    } cases[] = {
        { "47.74.128.1", "US CN", ORIGIN_UNSURE },
        { "43.128.0.1", "HK CN", ORIGIN_UNSURE },
        { "13.250.0.1", "SG US", ORIGIN_OVERSEAS },
        { "114.114.114.114", "CN US", ORIGIN_UNSURE },
        { "1.1.1.1", "AU US", ORIGIN_OVERSEAS },
        { "223.5.5.5", "CN CN", ORIGIN_CN },
        { "2400:3200::1", "CN CN", ORIGIN_CN },
        { "165.21.83.88", "SG SG", ORIGIN_OVERSEAS },
        { "203.113.131.1", "VN VN", ORIGIN_OVERSEAS },
        { "61.132.163.68", "CN CN", ORIGIN_CN },
        { "168.95.1.1", "TW TW", ORIGIN_OVERSEAS },
        { "203.198.7.66", "HK HK", ORIGIN_OVERSEAS },
        { "::ffff:223.5.5.5", "CN CN", ORIGIN_CN },
        { "64:ff9b::223.5.5.5", "CN CN", ORIGIN_CN },
        { "2002:df05:505::1", "CN CN", ORIGIN_CN },
        { "192.168.1.1", "-- --", ORIGIN_UNKNOWN },
        { "203.0.113.1", "-- --", ORIGIN_UNKNOWN },
    };
    if (access(installed[0].ptr, R_OK) != 0 || access(installed[1].ptr, R_OK) != 0) {
        return; /* tools/geo has not been run */
    }
    struct geo *geo = NULL;
    CHECK_EQ(geo_open(installed, 2, &geo, NULL), ERR_OK);
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct geo_country said[GEO_MAX];
        struct origin origin;
        struct ip ip;
        check_said(geo, cases[i].ip, cases[i].said);
        CHECK(ip_parse(str_from(cases[i].ip), &ip));
        geo_ask(geo, &ip, said);
        origin_judge(said, geo_count(geo), NULL, &origin);
        CHECK_EQ(origin.state, cases[i].state);
    }
    geo_unref(geo);
}
