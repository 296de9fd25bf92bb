#include "meter/nfc.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/mem.h"
#include "classes.h"
#include "harness.h"

#define TEXT_MAX ((size_t)2 << 20)

static char made[TEXT_MAX];
static char text[TEXT_MAX];

/* Normalizes in parts of about `step` bytes (0: whole) that cut no character. */
static struct str normalize(struct nfc *nfc, struct str given, size_t step)
{
    size_t len = 0;
    size_t from = 0; /* what has not been taken */
    size_t fed = 0;
    while (fed < given.len) {
        fed = step == 0 || given.len - fed < step ? given.len : fed + step;
        while (fed < given.len && ((uint8_t)given.ptr[fed] & 0xC0) == 0x80) {
            fed++;
        }
        struct str part = str_slice(given, from, fed);
        size_t at = 0;
        struct nfc_change change = { .end = 1 };
        while (change.start != change.end) {
            CHECK(nfc_next(nfc, part, at, fed == given.len, &change) == ERR_OK);
            CHECK(change.start >= at && change.end <= part.len);
            CHECK(len + change.start - at + change.text.len <= TEXT_MAX);
            memcpy(made + len, part.ptr + at, change.start - at);
            len += change.start - at;
            if (change.start != change.end) {
                memcpy(made + len, change.text.ptr, change.text.len);
                len += change.text.len;
            }
            at = change.end;
        }
        from += at;
    }
    CHECK_EQ(from, given.len);
    return (struct str){ made, len };
}

static void check(struct nfc *nfc, struct str given)
{
    utf8proc_uint8_t *want = NULL;
    utf8proc_ssize_t len =
        utf8proc_map((const utf8proc_uint8_t *)given.ptr, (utf8proc_ssize_t)given.len, &want,
                     (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    CHECK(len >= 0);
    for (size_t step = 0; step < 4; step++) {
        CHECK_STR(normalize(nfc, given, step), ((struct str){ (char *)want, (size_t)len }));
    }
    free(want);
}

TEST(text_is_normalized_as_utf8proc_has_it)
{
    static const char *const parts[] = { "a",
                                         "e",
                                         "\xCC\x81",
                                         "\xCC\xA3",
                                         "\xCC\xB4",
                                         "\xCD\x85",
                                         "\xC3\xA9",
                                         "\xE1\xBA\xA1",
                                         "\xE2\x84\xAB",
                                         "\xE1\x84\x80",
                                         "\xE1\x85\xA1",
                                         "\xE1\x86\xA8",
                                         "\xEA\xB0\x80",
                                         "\xE3\x81\x8B",
                                         "\xE3\x82\x99",
                                         "\xE4\xB8\xAD",
                                         "\xCE\xB1",
                                         " ",
                                         "\xE0\xB8\x81",
                                         "\xE0\xB9\x88" };
    struct nfc *nfc = NULL;
    uint64_t random = 7;
    CHECK(nfc_create(classes_table(), &nfc) == ERR_OK);
    for (int round = 0; round < 3000; round++) {
        size_t len = 0;
        for (int i = 0; i < 24; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
            const char *part = parts[(random >> 33) % EP_ARRAY_LEN(parts)];
            memcpy(text + len, part, strlen(part));
            len += strlen(part);
        }
        check(nfc, test_at_page_end((struct str){ text, len }));
    }
    nfc_destroy(nfc);
}

TEST(text_without_what_can_change_is_left_alone)
{
    struct nfc *nfc = NULL;
    struct nfc_change change;
    CHECK(nfc_create(classes_table(), &nfc) == ERR_OK);
    struct str plain = STR("plain \xC3\xA9 \xE4\xB8\xAD text");
    CHECK(nfc_next(nfc, plain, 0, true, &change) == ERR_OK);
    CHECK(change.start == plain.len && change.end == plain.len);
    CHECK(nfc_next(nfc, plain, 0, false, &change) == ERR_OK); /* a mark may follow the t */
    CHECK(change.start == plain.len - 1 && change.end == change.start);
    CHECK(nfc_next(nfc, STR(""), 0, false, &change) == ERR_OK);
    CHECK(change.start == 0 && change.end == 0);
    nfc_destroy(nfc);
    nfc_destroy(NULL);
}

TEST(marks_younger_than_the_normalizer_stay)
{
    /* U+08D3 has class 220 since Unicode 11, which neither the table nor the normalizer knows. */
    struct nfc *nfc = NULL;
    CHECK(nfc_create(classes_table(), &nfc) == ERR_OK);
    struct str given = STR("a\xCC\x81\xE0\xA3\x93\xCC\xA3");
    CHECK_STR(normalize(nfc, given, 0), STR("\xC3\xA1\xE0\xA3\x93\xCC\xA3"));
    nfc_destroy(nfc);
}

/* As utf8proc sorts them, thousands of marks take seconds; here the test would not end. */
TEST(endless_marks_are_ordered_in_linear_time)
{
    struct nfc *nfc = NULL;
    CHECK(nfc_create(classes_table(), &nfc) == ERR_OK);
    for (size_t count = 1000; count <= 500000; count *= 5) {
        for (size_t i = 0; i < count; i++) {
            memcpy(text + 2 * i, i % 2 == 0 ? "\xCC\x81" : "\xCC\xA3", 2);
        }
        struct str got = normalize(nfc, (struct str){ text, 2 * count }, 0);
        CHECK_EQ(got.len, 2 * count);
        size_t half = count / 2 < NFC_RUN_MAX / 2 ? count / 2 : NFC_RUN_MAX / 2;
        CHECK(memcmp(got.ptr, "\xCC\xA3", 2) == 0);
        CHECK(memcmp(got.ptr + 2 * (half - 1), "\xCC\xA3\xCC\x81", 4) == 0);
    }
    nfc_destroy(nfc);
}

static void try_run(void)
{
    struct nfc *nfc = NULL;
    if (nfc_create(classes_table(), &nfc) == ERR_OK) {
        struct nfc_change change;
        for (size_t i = 0; i < 1000; i++) {
            memcpy(text + 2 * i, i % 2 == 0 ? "\xCC\x81" : "\xCC\xA3", 2);
        }
        enum err err = nfc_next(nfc, (struct str){ text, 2000 }, 0, true, &change);
        CHECK(err == ERR_NO_MEMORY || change.end == 2000);
    }
    nfc_destroy(nfc);
}

TEST(a_lack_of_memory_is_an_answer_and_leaks_nothing)
{
    CHECK_EQ(test_each_allocation_failing(try_run), 3);
}
