#include "tlog/entry_form.h"

#include <string.h>

#include "harness.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct fail fail;

TEST(entries_of_each_kind_are_known)
{
    static const struct {
        const char *entry;
        enum entry_kind kind;
    } good[] = {
        { "{\"client\":\"" HEX "\",\"evidence\":\"" HEX
          "\",\"kind\":\"receipt\",\"operator\":\"" HEX "\",\"version\":\"1\"}",
          ENTRY_RECEIPT },
        { "{\"hash\":\"" HEX "\",\"kind\":\"registry\",\"number\":\"12\",\"version\":\"1\"}",
          ENTRY_REGISTRY },
        { "{\"event\":\"start\",\"kind\":\"event\",\"version\":\"1\"}", ENTRY_EVENT },
        { "{\"event\":\"gap\",\"kind\":\"event\",\"missing\":\"5\",\"version\":\"1\"}",
          ENTRY_EVENT },
        { "{\"detail\":\"" HEX "\",\"kind\":\"key\",\"version\":\"1\"}", ENTRY_KEY },
        { "{\"detail\":\"" HEX "\",\"kind\":\"prices\",\"version\":\"1\"}", ENTRY_PRICES },
    };
    static const char *const names[] = { "receipt", "registry", "event", "key", "prices" };
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        enum entry_kind kind = ENTRY_KINDS;
        struct str entry = test_at_page_end(str_from(good[i].entry));
        if (entry_form(entry, &kind, &fail) != ERR_OK) {
            test_failed(EP_SITE, "%s: %s", good[i].entry, fail.text);
        }
        CHECK_EQ(kind, good[i].kind);
        CHECK_STR(str_from(entry_kind_name(kind)), str_from(names[kind]));
    }
    CHECK_STR(entry_event(str_from(good[3].entry)), STR("gap"));
}

TEST(entries_of_other_forms_are_named)
{
    static const struct {
        const char *entry;
        enum err err;
        const char *what;
    } bad[] = {
        { "", ERR_RECEIPT_INVALID, "not canonical" },
        { "x", ERR_RECEIPT_INVALID, "not canonical" },
        { "[]", ERR_RECEIPT_INVALID, "not canonical" },
        { "{}", ERR_RECEIPT_INVALID, "its \"kind\"" },
        { "{\"kind\":{},\"version\":\"1\"}", ERR_RECEIPT_INVALID, "its \"kind\"" },
        { "{\"kind\":\"event\",\"event\":\"x\",\"version\":\"1\"}", ERR_RECEIPT_INVALID,
          "not canonical" },
        { "{\"event\":\"x\",\"kind\":\"event\",\"version\":\"1\"} ", ERR_RECEIPT_INVALID,
          "not canonical" },
        { "{\"event\":\"x\",\"kind\":\"event\",\"version\":1}", ERR_RECEIPT_INVALID,
          "not canonical" },
        { "{\"kind\":\"letter\",\"version\":\"1\"}", ERR_NOT_FOUND, "kind \"letter\"" },
        { "{\"event\":\"x\",\"kind\":\"event\",\"version\":\"2\"}", ERR_RECEIPT_INVALID,
          "\"version\"" },
        { "{\"event\":\"\",\"kind\":\"event\",\"version\":\"1\"}", ERR_RECEIPT_INVALID,
          "its \"event\"" },
        { "{\"event\":[],\"kind\":\"event\",\"version\":\"1\"}", ERR_RECEIPT_INVALID,
          "its \"event\"" },
        { "{\"kind\":\"key\",\"version\":\"1\"}", ERR_RECEIPT_INVALID, "its \"detail\"" },
        { "{\"detail\":\"" HEX "0\",\"kind\":\"key\",\"version\":\"1\"}", ERR_RECEIPT_INVALID,
          "its \"detail\"" },
        { "{\"hash\":\"" HEX "\",\"kind\":\"registry\",\"number\":\"a\",\"version\":\"1\"}",
          ERR_RECEIPT_INVALID, "its \"number\"" },
        { "{\"detail\":\"" HEX "\",\"kind\":\"key\",\"more\":\"\",\"version\":\"1\"}",
          ERR_RECEIPT_INVALID, "4 members" },
        { "{\"client\":\"" HEX "\",\"evidence\":\"" HEX
          "\",\"kind\":\"receipt\",\"operator\":\"" HEX "\",\"version\":\"1\",\"x\":\"\"}",
          ERR_RECEIPT_INVALID, "6 members" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        enum entry_kind kind = ENTRY_KINDS;
        CHECK_EQ(entry_form(test_at_page_end(str_from(bad[i].entry)), &kind, &fail), bad[i].err);
        if (strstr(fail.text, bad[i].what) == NULL) {
            test_failed(EP_SITE, "%zu: \"%s\" does not say \"%s\"", i, fail.text, bad[i].what);
        }
    }
}
