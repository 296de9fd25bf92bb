/* Our scanner beside another implementation, on texts made by mutation. */
/* Both name their kinds alike; theirs are not used here. */
#define JSON_NULL   JANSSON_NULL
#define JSON_FALSE  JANSSON_FALSE
#define JSON_TRUE   JANSSON_TRUE
#define JSON_STRING JANSSON_STRING
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>
#undef JSON_NULL
#undef JSON_FALSE
#undef JSON_TRUE
#undef JSON_STRING
#undef JSON_ARRAY
#undef JSON_OBJECT

#include <string.h>

#include "harness.h"
#include "wire/json.h"

static const char *const seeds[] = {
    "{\"model\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e9llo \xE6\x97\xA5\"}]}",
    "[1,-2.5e10,true,false,null,\"\\\\\\\"\",{}]",
    "{\"a\":{\"b\":{\"c\":[[],[[]]]}},\"d\":0.1}",
};

static uint64_t dice_state = 20261124;

static uint64_t dice(uint64_t sides)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (dice_state >> 33) % sides;
}

/* Known differences: it refuses lone surrogates (we pass them on), and numbers it cannot hold. */
static bool comparable(struct str text)
{
    return str_search(text, STR("\\ud")) == text.len && str_search(text, STR("\\uD")) == text.len &&
           str_find(text, 'e') == text.len && str_find(text, 'E') == text.len;
}

TEST(both_take_and_refuse_the_same_texts)
{
    static const char spice[] = "{}[],:\"\\0123456789-+.truefalsn \x01\x80\xC3\xFFu";
    int compared = 0;
    int taken = 0;
    for (int round = 0; round < 200000; round++) {
        char text[256];
        const char *seed = seeds[dice(EP_ARRAY_LEN(seeds))];
        size_t len = strlen(seed);
        memcpy(text, seed, len);
        for (uint64_t edits = dice(3); edits > 0; edits--) {
            text[dice(len)] = spice[dice(sizeof(spice) - 1)];
        }
        struct str whole = { text, len };
        if (!comparable(whole)) {
            continue;
        }
        struct json_fault fault;
        bool ours = json_check(whole, &fault) == ERR_OK;
        json_t *tree = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        bool theirs = tree != NULL;
        json_decref(tree);
        if (ours != theirs) {
            test_failed(EP_SITE, "ours %d, theirs %d: " STR_FMT, ours, theirs, STR_ARG(whole));
        }
        compared++;
        taken += ours;
    }
    CHECK(compared > 1000);
    CHECK(taken > 100);
    CHECK(taken < compared);
}
