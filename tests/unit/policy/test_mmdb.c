#include "policy/mmdb.h"

#include <maxminddb.h>
#include <unistd.h>

#include "base/mem.h"
#include "mmdb_make.h"

static struct mmdb_make make;
static struct buf file;

static void begin(void)
{
    mmdb_make_init(&make);
    buf_init(&file, MMDB_MAKE_BYTES);
}

static void end(void)
{
    mmdb_make_fini(&make);
    buf_fini(&file);
}

static enum err read_file(struct mmdb_table *ret_table, struct fail *fail)
{
    return mmdb_read(buf_str(&file), "made.mmdb", ret_table, fail);
}

static void check_says(const struct mmdb_table *table, const char *text, const char *country)
{
    struct ip ip;
    CHECK(ip_parse(str_from(text), &ip));
    uint16_t got = mmdb_find(table, &ip);
    char code[3] = { (char)(got >> 8), (char)(got & 0xff), '\0' };
    if (strcmp(code, country) != 0) {
        test_failed(EP_SITE, "%s is of \"%s\", not \"%s\"", text, code, country);
    }
}

static void put_sample(void)
{
    mmdb_make_add(&make, "1.0.0.0/8", "SG");
    mmdb_make_add(&make, "1.2.0.0/16", "CN");
    mmdb_make_add(&make, "1.2.3.4/32", "us");
    mmdb_make_add(&make, "255.255.255.255/32", "HK");
    mmdb_make_add(&make, "0.0.0.0/32", "TW");
}

static void check_sample(const struct mmdb_table *table)
{
    check_says(table, "0.0.0.0", "TW");
    check_says(table, "0.0.0.1", "");
    check_says(table, "0.255.255.255", "");
    check_says(table, "1.0.0.0", "SG");
    check_says(table, "1.1.255.255", "SG");
    check_says(table, "1.2.0.0", "CN");
    check_says(table, "1.2.3.3", "CN");
    check_says(table, "1.2.3.4", "US");
    check_says(table, "1.2.3.5", "CN");
    check_says(table, "1.3.0.0", "SG");
    check_says(table, "2.0.0.0", "");
    check_says(table, "255.255.255.254", "");
    check_says(table, "255.255.255.255", "HK");
    check_says(table, "::ffff:1.2.3.4", "US");
}

TEST(each_record_size_and_each_family_is_read)
{
    for (int i = 0; i < 12; i++) {
        struct mmdb_table table;
        begin();
        make.record_bits = i % 3 == 0 ? 24 : i % 3 == 1 ? 28 : 32;
        make.four = i / 3 % 2 == 0;
        make.deep = i / 6 == 0;
        put_sample();
        if (!make.four) {
            mmdb_make_add(&make, "2400::/12", "JP");
            mmdb_make_add(&make, "2400:3200::/32", "CN");
            mmdb_make_add(&make, "2400:3200::1/128", "SG");
            mmdb_make_add(&make, "2400:3200:0:0:8000::/65", "MY");
        }
        mmdb_make_write(&make, &file);
        CHECK_EQ(read_file(&table, NULL), ERR_OK);
        CHECK_EQ(table.built_s, 0x6a32facc);
        check_sample(&table);
        check_says(&table, "::1", "");
        check_says(&table, "23ff:ffff::", "");
        check_says(&table, "2400::", make.four ? "" : "JP");
        check_says(&table, "2400:3200::", make.four ? "" : "CN");
        check_says(&table, "2400:3200::1", make.four ? "" : "SG");
        check_says(&table, "2400:3200::2", make.four ? "" : "CN");
        check_says(&table, "2400:3200:0:0:8000::", make.four ? "" : "MY");
        check_says(&table, "2400:3200:0:1::", make.four ? "" : "CN");
        check_says(&table, "240f:ffff::", make.four ? "" : "JP");
        check_says(&table, "2410::", "");
        check_says(&table, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "");
        mmdb_fini(&table);
        end();
    }
}

TEST(one_record_may_stand_for_the_whole_of_a_family)
{
    struct mmdb_table table;
    begin();
    mmdb_make_add(&make, "::/1", "DE");
    mmdb_make_write(&make, &file);
    CHECK_EQ(read_file(&table, NULL), ERR_OK);
    CHECK_EQ(table.count4, 1);
    check_says(&table, "0.0.0.0", "DE");
    check_says(&table, "255.255.255.255", "DE");
    check_says(&table, "7fff::", "DE");
    check_says(&table, "8000::", "");
    mmdb_fini(&table);
    end();
}

/* As MaxMind's own writer does it: 6to4 and the mapped addresses are the IPv4 part once more. */
TEST(other_names_of_the_ipv4_part_are_left_out)
{
    struct mmdb_table table;
    begin();
    put_sample();
    uint32_t four = 0;
    for (int i = 0; i < 96; i++) {
        four = make.records[four][0] - MMDB_MAKE_NODE;
    }
    static const char *const aliases[] = { "2002::/16", "2001::/32", "::ffff:0:0/96",
                                           "64:ff9b::/96" };
    for (size_t i = 0; i < EP_ARRAY_LEN(aliases); i++) {
        struct ip_block block;
        CHECK(ip_block_parse(str_from(aliases[i]), &block));
        uint32_t node = 0;
        for (unsigned at = 0; at + 1 < block.bits; at++) {
            unsigned bit = (unsigned)(block.first.bytes[at / 8] >> (7 - at % 8)) & 1U;
            if (make.records[node][bit] < MMDB_MAKE_NODE) {
                make.records[node][bit] = MMDB_MAKE_NODE + make.count++;
            }
            node = make.records[node][bit] - MMDB_MAKE_NODE;
        }
        unsigned last = block.bits - 1U;
        unsigned bit = (unsigned)(block.first.bytes[last / 8] >> (7 - last % 8)) & 1U;
        make.records[node][bit] = MMDB_MAKE_NODE + four;
    }
    mmdb_make_write(&make, &file);
    CHECK_EQ(read_file(&table, NULL), ERR_OK);
    check_sample(&table);
    check_says(&table, "2002:102:304::", "");
    CHECK_EQ(table.count6, 1);
    mmdb_fini(&table);
    end();
}

TEST(codes_that_name_no_country_are_none)
{
    static const char *const cases[][2] = { { "", "" },     { "EU", "" },   { "ap", "" },
                                            { "XX", "" },   { "zz", "" },   { "hk", "HK" },
                                            { "mO", "MO" }, { "XK", "XK" }, { "eu", "" } };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct mmdb_table table;
        begin();
        mmdb_make_add(&make, "1.0.0.0/8", "SG");
        mmdb_make_add(&make, "2.0.0.0/8", cases[i][0]);
        mmdb_make_write(&make, &file);
        CHECK_EQ(read_file(&table, NULL), ERR_OK);
        check_says(&table, "2.0.0.1", cases[i][1]);
        check_says(&table, "1.0.0.1", "SG");
        mmdb_fini(&table);
        end();
    }
}

static void check_refused(enum err want, const char *part)
{
    struct mmdb_table table = { .count4 = 77 };
    struct fail fail = { .text = "" };
    int64_t blocks = mem_blocks_open();
    CHECK_EQ(read_file(&table, &fail), want);
    CHECK_EQ(table.count4, 77);
    CHECK_EQ(mem_blocks_open(), blocks);
    if (strstr(fail.text, part) == NULL || strstr(fail.text, "\"made.mmdb\"") == NULL) {
        test_failed(EP_SITE, "\"%s\" does not say \"%s\"", fail.text, part);
    }
    end();
}

TEST(a_code_that_cannot_be_read_refuses_the_file)
{
    static const char *const bad[] = { "C", "CHN", "C1", "c-", "China" };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        begin();
        mmdb_make_add(&make, "1.0.0.0/8", "SG");
        mmdb_make_add(&make, "2.0.0.0/8", bad[i]);
        mmdb_make_write(&make, &file);
        check_refused(ERR_GEO, "a country is not two letters");
    }
}

TEST(a_database_of_something_else_is_refused)
{
    begin();
    uint32_t record = MMDB_MAKE_DATA;
    mmdb_put_map(&make.data, 1);
    mmdb_put_text(&make.data, "asn");
    mmdb_put_number(&make.data, 6, 4, 4134);
    mmdb_make_put(&make, "1.0.0.0/8", record);
    mmdb_make_write(&make, &file);
    check_refused(ERR_GEO, "has no country_code and no country.iso_code");
    begin();
    mmdb_make_write(&make, &file); /* not one record */
    check_refused(ERR_GEO, "has no country_code and no country.iso_code");
    begin();
    mmdb_put_map(&make.data, 1);
    mmdb_put_text(&make.data, "country_code");
    mmdb_put_number(&make.data, 5, 2, 0x434e);
    mmdb_make_put(&make, "1.0.0.0/8", record);
    mmdb_make_write(&make, &file);
    check_refused(ERR_GEO, "a country is not two letters");
}

TEST(what_is_no_database_is_refused)
{
    begin();
    check_refused(ERR_GEO, "is empty");
    begin();
    CHECK_EQ(buf_append(&file, STR("not found\n")), ERR_OK);
    check_refused(ERR_GEO, "is damaged");
    begin();
    mmdb_put(&file, "\xab\xcd\xefMaxMind.com", 14);
    check_refused(ERR_GEO, "is damaged");
}

TEST(a_tree_with_a_circle_is_refused)
{
    begin();
    put_sample();
    make.records[5][1] = MMDB_MAKE_NODE + 0; /* 128 levels of it would be endless */
    mmdb_make_write(&make, &file);
    check_refused(ERR_GEO, "its tree");
    begin();
    make.four = true;
    mmdb_make_add(&make, "1.0.0.0/8", "SG");
    make.records[0][0] = MMDB_MAKE_NODE + 0;
    make.records[0][1] = MMDB_MAKE_NODE + 0;
    mmdb_make_write(&make, &file);
    check_refused(ERR_GEO, "its tree");
    begin(); /* one path that never ends */
    make.four = true;
    mmdb_make_add(&make, "1.0.0.0/8", "SG");
    make.records[0][1] = MMDB_MAKE_NODE + 0;
    mmdb_make_write(&make, &file);
    check_refused(ERR_GEO, "its tree");
}

/* A hundred nodes, each with the next one on both sides: 2^100 paths through a small file. */
TEST(a_tree_whose_nodes_are_met_again_and_again_is_refused)
{
    begin();
    for (uint32_t i = 0; i < 100; i++) {
        make.records[i][0] = MMDB_MAKE_NODE + i + 1;
        make.records[i][1] = MMDB_MAKE_NODE + i + 1;
    }
    make.count = 101;
    make.records[100][0] = mmdb_make_country(&make, "SG");
    mmdb_make_write(&make, &file);
    check_refused(ERR_GEO, "its tree has a circle");
}

/* What stands behind `key` in the description of the file. */
static void patch(const char *key, size_t at, unsigned byte)
{
    struct str text = buf_str(&file);
    size_t found = str_search(text, str_from(key));
    CHECK(found < text.len);
    file.ptr[found + strlen(key) + at] = (char)byte;
}

TEST(a_description_that_makes_no_sense_is_refused)
{
    static const struct {
        const char *key;
        size_t at;
        unsigned byte;
    } cases[] = {
        { "ip_version", 1, 5 },  { "ip_version", 1, 0 },    { "record_size", 1, 23 },
        { "record_size", 1, 0 }, { "node_count", 1, 0xff }, { "binary_format_major_version", 1, 3 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        begin();
        put_sample();
        mmdb_make_write(&make, &file);
        patch(cases[i].key, cases[i].at, cases[i].byte);
        check_refused(ERR_GEO, "is damaged");
    }
}

TEST(a_tree_that_leads_out_of_the_file_is_refused)
{
    begin();
    put_sample();
    make.records[5][1] = MMDB_MAKE_DATA + 100000;
    mmdb_make_write(&make, &file);
    check_refused(ERR_GEO, "is damaged");
    begin();
    put_sample();
    make.records[5][1] = MMDB_MAKE_DATA - 8; /* between tree and data */
    mmdb_make_write(&make, &file);
    check_refused(ERR_GEO, "is damaged");
}

TEST(a_file_that_is_cut_anywhere_is_refused_or_read)
{
    struct mmdb_table table;
    begin();
    put_sample();
    mmdb_make_write(&make, &file);
    int taken = 0;
    for (size_t len = 0; len < file.len; len++) {
        struct fail fail = { .text = "" };
        enum err err = mmdb_read(str_slice(buf_str(&file), 0, len), "cut.mmdb", &table, &fail);
        CHECK(err == ERR_GEO || err == ERR_OK);
        if (err == ERR_OK) {
            mmdb_fini(&table);
            taken++;
        }
    }
    CHECK_EQ(taken, 0); /* what it says of itself stands at the end */
    end();
}

/* Where the makers' library can read a changed file too, it reads the same in it. */
static void compare_changed(const struct mmdb_table *table, const char *path)
{
    static const char *const asked[] = { "0.0.0.0", "0.0.0.1",   "1.0.0.0",         "1.2.0.0",
                                         "1.2.3.4", "128.0.0.1", "255.255.255.255", "64.1.1.1" };
    MMDB_s db;
    FILE *to = fopen(path, "wb");
    CHECK(to != NULL);
    CHECK_EQ(fwrite(file.ptr, 1, file.len, to), file.len);
    CHECK_EQ(fclose(to), 0);
    if (MMDB_open(path, MMDB_MODE_MMAP, &db) != MMDB_SUCCESS) {
        return; /* it wants languages and descriptions to be in order, which we do not read */
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(asked); i++) {
        int trouble[2] = { 0, 0 };
        MMDB_entry_data_s data = { .has_data = false };
        MMDB_lookup_result_s found = MMDB_lookup_string(&db, asked[i], &trouble[0], &trouble[1]);
        int status = found.found_entry ? MMDB_get_value(&found.entry, &data, "country_code", NULL)
                                       : MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR;
        CHECK_EQ(trouble[0] | trouble[1], 0);
        CHECK(status == MMDB_SUCCESS || status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR);
        char want[3] = "";
        if (status == MMDB_SUCCESS && data.has_data && data.data_size == 2) {
            want[0] = (char)(data.utf8_string[0] & 0x5f);
            want[1] = (char)(data.utf8_string[1] & 0x5f);
        }
        check_says(table, asked[i], want);
    }
    MMDB_close(&db);
}

TEST(a_file_with_any_byte_changed_is_refused_or_read)
{
    char path[64];
    int taken = 0;
    (void)snprintf(path, sizeof(path), "/tmp/entrepot-mmdb-%d", (int)getpid());
    begin();
    put_sample();
    mmdb_make_write(&make, &file);
    for (size_t at = 0; at < file.len; at++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            struct mmdb_table table;
            file.ptr[at] = (char)(file.ptr[at] ^ (char)(1U << bit));
            if (read_file(&table, NULL) == ERR_OK) {
                CHECK(table.count4 > 0 && table.first4[0] == 0);
                for (size_t i = 1; i < table.count4; i++) {
                    CHECK(table.first4[i] > table.first4[i - 1]);
                }
                compare_changed(&table, path);
                taken++;
                mmdb_fini(&table);
            }
            file.ptr[at] = (char)(file.ptr[at] ^ (char)(1U << bit));
        }
    }
    CHECK(taken > 100);
    (void)unlink(path);
    end();
}

static void read_with_little_memory(void)
{
    struct mmdb_table table;
    if (read_file(&table, NULL) == ERR_OK) {
        mmdb_fini(&table);
    }
}

TEST(a_lack_of_memory_is_an_error)
{
    begin();
    put_sample();
    mmdb_make_write(&make, &file);
    CHECK(test_each_allocation_failing(read_with_little_memory) > 4);
    end();
}

/* The library's own look-up is the judge, on the databases that are installed. */
static void compare_with_library(const char *path)
{
    struct mmdb_table table;
    struct buf bytes;
    MMDB_s db;
    FILE *from = fopen(path, "rb");
    if (from == NULL) {
        return; /* not installed */
    }
    buf_init(&bytes, (size_t)64 << 20);
    size_t got = 1;
    while (got > 0) {
        CHECK_EQ(buf_reserve(&bytes, 1 << 20), ERR_OK);
        got = fread(bytes.ptr + bytes.len, 1, 1 << 20, from);
        buf_added(&bytes, got);
    }
    CHECK_EQ(fclose(from), 0);
    CHECK_EQ(mmdb_read(buf_str(&bytes), path, &table, NULL), ERR_OK);
    CHECK_EQ(MMDB_open(path, MMDB_MODE_MMAP, &db), MMDB_SUCCESS);
    uint64_t seed = 88172645463325252U;
    size_t known = 0;
    for (int i = 0; i < 200000; i++) {
        unsigned char random[16];
        for (size_t at = 0; at < sizeof(random); at++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            random[at] = (unsigned char)(seed >> 24);
        }
        random[0] = (unsigned char)(0x20U | (random[0] & 0x0fU)); /* where IPv6 is given out */
        bool four = i % 2 == 0;
        struct ip ip = four ? ip_from_v4(random + 1) : ip_from_v6(random);
        char text[IP_TEXT_MAX];
        char want[3] = "";
        int trouble[2] = { 0, 0 };
        MMDB_entry_data_s data;
        ip_print(&ip, text);
        MMDB_lookup_result_s found = MMDB_lookup_string(&db, text, &trouble[0], &trouble[1]);
        CHECK_EQ(trouble[0] | trouble[1], 0);
        if (found.found_entry) {
            CHECK_EQ(MMDB_get_value(&found.entry, &data, "country_code", NULL), MMDB_SUCCESS);
            CHECK_EQ(data.data_size, 2);
            memcpy(want, data.utf8_string, 2);
            bool none = strcmp(want, "EU") == 0 || strcmp(want, "AP") == 0 ||
                        strcmp(want, "ZZ") == 0 || strcmp(want, "XX") == 0;
            want[0] = none ? '\0' : want[0];
            known++;
        }
        check_says(&table, text, want);
    }
    CHECK(known > 50000);
    MMDB_close(&db);
    mmdb_fini(&table);
    buf_fini(&bytes);
}

TEST(the_installed_databases_say_what_the_library_reads_in_them)
{
    compare_with_library(EP_SOURCE_DIR "/share/geo/country-a.mmdb");
    compare_with_library(EP_SOURCE_DIR "/share/geo/country-b.mmdb");
}
