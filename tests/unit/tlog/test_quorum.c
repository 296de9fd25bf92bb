#include "tlog/quorum.h"

#include "golden.h"

/* A file is written with "@N" for the vkey of the log (N < 8) or the witness of the seed N. */
static struct buf file;

static void put_vkey(struct buf *out, unsigned seed)
{
    char name[32];
    struct sign_key *secret = golden_secret((unsigned char)(seed * 3));
    struct buf text = { name, 0, sizeof(name), sizeof(name) };
    CHECK(buf_printf(&text, "%s%u.example%c", seed < 8 ? "log" : "w", seed, 0) == ERR_OK);
    struct note_key key = golden_key(secret, name, seed < 8 ? NOTE_ED25519 : NOTE_COSIGNATURE);
    CHECK(note_key_print(&key, out) == ERR_OK);
    sign_key_destroy(secret);
}

static struct str expand(const char *text)
{
    buf_reset(&file);
    for (const char *at = text; *at != 0; at++) {
        if (*at != '@') {
            CHECK(buf_byte(&file, *at) == ERR_OK);
            continue;
        }
        unsigned seed = (unsigned)(at[1] - '0') * 10 + (unsigned)(at[2] - '0');
        put_vkey(&file, seed);
        at += 2;
    }
    return buf_str(&file);
}

static struct quorum *parse(const char *text)
{
    struct quorum *quorum = NULL;
    struct fail fail = { .text = "" };
    if (quorum_parse(test_at_page_end(expand(text)), &quorum, &fail) != ERR_OK) {
        test_failed(EP_SITE, "%s", fail.text);
    }
    return quorum;
}

/* Of the witnesses those with a '1'. */
static bool reached(const struct quorum *quorum, const char *signed_by)
{
    bool flags[QUORUM_WITNESSES_MAX] = { false };
    for (size_t i = 0; signed_by[i] != 0; i++) {
        flags[i] = signed_by[i] == '1';
    }
    return quorum_reached(quorum, flags);
}

TEST(the_example_of_the_specification)
{
    buf_init(&file, QUORUM_BYTES_MAX);
    struct quorum *quorum = parse("log @01\n"
                                  "\n"
                                  "witness X1 @11\n"
                                  "witness X2 @12 https://x2.example/w\n"
                                  "witness X3 @13\n"
                                  "group X-witnesses 2 X1 X2 X3\n"
                                  "\n"
                                  "  # Y is another house\n"
                                  "witness Y1 @14\n"
                                  "\twitness\t Y2 \t@15 \n"
                                  "witness Y3 @16\n"
                                  "group Y-witnesses any Y1 Y2 Y3\n"
                                  "\n"
                                  "group X-and-Y all X-witnesses Y-witnesses\n"
                                  "quorum X-and-Y\n");
    CHECK_EQ(quorum_logs(quorum), 1);
    CHECK_STR(quorum_log(quorum, 0)->name, STR("log1.example"));
    CHECK_EQ(quorum_log(quorum, 0)->url.len, 0);
    CHECK_EQ(quorum_witnesses(quorum), 6);
    CHECK_STR(quorum_witness(quorum, 1)->name, STR("X2"));
    CHECK_STR(quorum_witness(quorum, 1)->url, STR("https://x2.example/w"));
    CHECK_STR(str_from(quorum_witness(quorum, 1)->key.name), STR("w12.example"));
    CHECK_STR(quorum_witness(quorum, 4)->name, STR("Y2"));
    CHECK(reached(quorum, "110100"));
    CHECK(reached(quorum, "011001"));
    CHECK(reached(quorum, "111111"));
    CHECK(!reached(quorum, "111000"));
    CHECK(!reached(quorum, "100111"));
    CHECK(!reached(quorum, "000111"));
    CHECK(!reached(quorum, "000000"));
    quorum_destroy(quorum);
    buf_fini(&file);
}

TEST(quorums_of_one_and_of_none)
{
    buf_init(&file, QUORUM_BYTES_MAX);
    struct quorum *quorum = parse("quorum none\n");
    CHECK(reached(quorum, ""));
    CHECK_EQ(quorum_logs(quorum), 0);
    CHECK_EQ(quorum_witnesses(quorum), 0);
    quorum_destroy(quorum);
    quorum = parse("witness a @11\nwitness b @12\nquorum none\n");
    CHECK(reached(quorum, "00"));
    quorum_destroy(quorum);
    quorum = parse("witness a @11\nwitness b @12\nquorum b\n");
    CHECK(reached(quorum, "01"));
    CHECK(!reached(quorum, "10"));
    quorum_destroy(quorum);
    /* A witness of the quorum that is a group's member, too; and what comes behind the quorum. */
    quorum = parse("witness a @11\nquorum a\nwitness b @12\ngroup g all a b\nlog @01 x\nlog @02\n");
    CHECK(reached(quorum, "10"));
    CHECK(!reached(quorum, "01"));
    CHECK_EQ(quorum_logs(quorum), 2);
    CHECK_STR(quorum_log(quorum, 0)->url, STR("x"));
    quorum_destroy(quorum);
    /* Names are octets: a word of the format, digits, and what is no UTF-8. */
    quorum = parse("witness all @11\nwitness 2 @12\nwitness \xFF @13\ngroup any 2 all 2 \xFF\n"
                   "quorum any\n");
    CHECK(reached(quorum, "101"));
    CHECK(!reached(quorum, "100"));
    quorum_destroy(quorum);
    buf_fini(&file);
}

TEST(files_that_say_something_else_are_refused)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        { "", "no line says" },
        { "\n# nothing\n", "no line says" },
        { "log @01\n", "no line says" },
        { "quorum none", "line feed" },
        { "quorum none\nquorum none\n", "line 2: there is a second quorum" },
        { "witness a @11\nquorum a\nquorum a\n", "line 3: there is a second quorum" },
        { "quorum\n", "line 1: a quorum is written" },
        { "quorum none none\n", "line 1: a quorum is written" },
        { "quorum a\n", "line 1: no line before defines" },
        { "quorum a\nwitness a @11\n", "line 1: no line before defines" },
        { "quorums none\n", "line 1: a line begins with" },
        { "Quorum none\n", "line 1: a line begins with" },
        { "witness none @11\nquorum none\n", "line 1: nothing can have the name" },
        { "witness a @11\ngroup none all a\nquorum none\n", "line 2: nothing can have the name" },
        { "witness a @11\ngroup g all none\nquorum g\n", "line 2: no line before defines" },
        { "witness a @11\ngroup g all a b\nquorum g\n", "line 2: no line before defines" },
        { "witness a @11\ngroup g all g\nquorum g\n", "line 2: no line before defines" },
        { "witness a @11\ngroup g all a a\nquorum g\n", "line 2: it is a member already" },
        { "witness a @11\ngroup g all a\ngroup h all a\nquorum h\n",
          "line 3: it is a member already" },
        { "witness a @11\ngroup a all a\nquorum a\n", "line 2: there is a witness or group" },
        { "witness a @11\nwitness a @12\nquorum a\n", "line 2: there is a witness or group" },
        { "witness a @11\nwitness b @11\nquorum a\n", "line 2: a line before has the same" },
        { "log @01\nlog @01\nquorum none\n", "line 2: a line before has the same" },
        { "witness a @11\ngroup g 2 a\nquorum g\n", "line 2: how many" },
        { "witness a @11\ngroup g 0 a\nquorum g\n", "line 2: how many" },
        { "witness a @11\ngroup g 01 a\nquorum g\n", "line 2: how many" },
        { "witness a @11\ngroup g -1 a\nquorum g\n", "line 2: how many" },
        { "witness a @11\ngroup g 99999999999999999999 a\nquorum g\n", "line 2: how many" },
        { "witness a @11\ngroup g most a\nquorum g\n", "line 2: how many" },
        { "witness a @11\ngroup g all\nquorum g\n", "line 2: a group is written" },
        { "witness a @11\ngroup g\nquorum g\n", "line 2: a group is written" },
        { "witness a\nquorum a\n", "line 1: a witness is written" },
        { "witness a @11 x y\nquorum a\n", "line 1: a witness is written" },
        { "log\nquorum none\n", "line 1: a log is written" },
        { "log @01 x y\nquorum none\n", "line 1: a log is written" },
        { "log @11\nquorum none\n", "line 1: a log signs" },
        { "witness a @01\nquorum a\n", "line 1: a witness signs" },
        { "log a+b+c\nquorum none\n", "line 1: the key behind" },
        { "witness a b\nquorum a\n", "line 1: a key is written" },
        { "quorum none\r\n", "line 1: byte 12 is a control character (0x0d)" },
        { "\n# \x7F\nquorum none\n", "line 2: byte 3 is a control character (0x7f)" },
        { "# \x01\nquorum none\n", "line 1: byte 3" },
    };
    buf_init(&file, QUORUM_BYTES_MAX);
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct quorum *quorum = NULL;
        struct fail fail = { .text = "" };
        if (quorum_parse(test_at_page_end(expand(bad[i].text)), &quorum, &fail) !=
                ERR_QUORUM_INVALID ||
            strstr(fail.text, bad[i].why) == NULL) {
            test_failed(EP_SITE, "case %zu: \"%s\", not \"%s\"", i, fail.text, bad[i].why);
        }
    }
    struct quorum *quorum = NULL;
    CHECK(quorum_parse((struct str){ "# \0\nquorum none\n", 16 }, &quorum, NULL) ==
          ERR_QUORUM_INVALID);
    buf_fini(&file);
}

/* The key of one under two names, ids and algorithms is one key. */
TEST(a_log_is_not_its_own_witness)
{
    struct sign_key *secret = golden_secret(7);
    struct note_key log = golden_key(secret, "log.example", NOTE_ED25519);
    struct note_key witness = golden_key(secret, "witness.example", NOTE_COSIGNATURE);
    struct fail fail;
    struct quorum *quorum = NULL;
    buf_init(&file, QUORUM_BYTES_MAX);
    CHECK(buf_append(&file, STR("log ")) == ERR_OK);
    CHECK(note_key_print(&log, &file) == ERR_OK);
    CHECK(buf_append(&file, STR("\nwitness w ")) == ERR_OK);
    CHECK(note_key_print(&witness, &file) == ERR_OK);
    CHECK(buf_append(&file, STR("\nquorum w\n")) == ERR_OK);
    CHECK(quorum_parse(buf_str(&file), &quorum, &fail) == ERR_QUORUM_INVALID);
    CHECK(strstr(fail.text, "line 2: a line before has the same public key") != NULL);
    buf_fini(&file);
    sign_key_destroy(secret);
}

TEST(the_limits_are_those_that_are_recommended)
{
    buf_init(&file, QUORUM_BYTES_MAX);
    struct fail fail;
    for (unsigned more = 0; more < 2; more++) {
        buf_reset(&file);
        for (unsigned i = 0; i < QUORUM_WITNESSES_MAX + more; i++) {
            CHECK(buf_printf(&file, "witness w%u ", i) == ERR_OK);
            put_vkey(&file, 8 + i);
            CHECK(buf_byte(&file, '\n') == ERR_OK);
        }
        for (unsigned i = 0; i < QUORUM_GROUPS_MAX; i++) {
            CHECK(buf_printf(&file, "group g%u all w%u\n", i, i) == ERR_OK);
        }
        CHECK(buf_append(&file, STR("quorum g31\n")) == ERR_OK);
        struct quorum *quorum = NULL;
        CHECK(quorum_parse(buf_str(&file), &quorum, &fail) == (more ? ERR_QUORUM_INVALID : ERR_OK));
        quorum_destroy(quorum);
    }
    CHECK(strstr(fail.text, "line 33: there are more than 32 witnesses with \"w32\"") != NULL);
    buf_reset(&file);
    while (file.len < QUORUM_BYTES_MAX) {
        CHECK(buf_byte(&file, '\n') == ERR_OK);
    }
    struct quorum *quorum = NULL;
    CHECK(quorum_parse((struct str){ file.ptr, QUORUM_BYTES_MAX }, &quorum, &fail) ==
          ERR_QUORUM_INVALID); /* of empty lines */
    CHECK(strstr(fail.text, "no line says") != NULL);
    buf_reset(&file);
    for (unsigned i = 0; i < 100; i++) {
        CHECK(buf_append(&file, STR("word ")) == ERR_OK);
    }
    CHECK(buf_byte(&file, '\n') == ERR_OK);
    CHECK(quorum_parse(buf_str(&file), &quorum, &fail) == ERR_QUORUM_INVALID);
    CHECK(strstr(fail.text, "more words") != NULL);
    struct str longer = { file.ptr, QUORUM_BYTES_MAX + 1 };
    CHECK(quorum_parse(longer, &quorum, &fail) == ERR_QUORUM_INVALID);
    CHECK(strstr(fail.text, "at most 65536") != NULL);
    buf_fini(&file);
}

TEST(cosignatures_are_counted_when_they_hold)
{
    buf_init(&file, QUORUM_BYTES_MAX);
    struct quorum *quorum = NULL;
    CHECK(crypto_start(NULL) == ERR_OK);
    CHECK(quorum_parse(STR("log " GOLDEN_VKEY "\nwitness w " GOLDEN_WITNESS_VKEY "\nquorum w\n"),
                       &quorum, NULL) == ERR_OK);
    struct note note;
    bool is_signed[QUORUM_WITNESSES_MAX];
    struct fail fail;
    CHECK(note_parse(STR(GOLDEN_NOTE_3), &note, NULL) == ERR_OK);
    CHECK(quorum_check(quorum, &note, is_signed, &fail) == ERR_OK);
    CHECK(!is_signed[0] && !quorum_reached(quorum, is_signed));
    CHECK(note_parse(STR(GOLDEN_NOTE_3 GOLDEN_COSIGNATURE), &note, NULL) == ERR_OK);
    CHECK(quorum_check(quorum, &note, is_signed, &fail) == ERR_OK);
    CHECK(is_signed[0] && quorum_reached(quorum, is_signed));

    char bytes[] = GOLDEN_NOTE_3 GOLDEN_COSIGNATURE;
    bytes[0] = 'E'; /* cosigned another text */
    CHECK(note_parse(str_from(bytes), &note, NULL) == ERR_OK);
    CHECK(quorum_check(quorum, &note, is_signed, &fail) == ERR_NOTE_FORGED);
    CHECK(strstr(fail.text, "\"w\" (witness.example/w1)") != NULL);
    quorum_destroy(quorum);
    quorum_destroy(NULL);
    buf_fini(&file);
}

static void body(void)
{
    struct quorum *quorum = NULL;
    if (quorum_parse(STR("quorum none\n"), &quorum, NULL) == ERR_OK) {
        quorum_destroy(quorum);
    }
}

TEST(without_memory_there_is_no_quorum)
{
    CHECK(test_each_allocation_failing(body) > 2);
}
