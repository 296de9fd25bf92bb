#include "gate/idem_key.h"

#include <string.h>

#include "harness.h"

struct key_case {
    const char *value;
    const char *key; /* NULL: refused */
};

static const struct key_case cases[] = {
    { "8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324" },
    { "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "8e03978e-40d5-43dd-bc93-6894a57f9324" },
    { "a", "a" },
    { "\"a\"", "a" },
    { "order:17/retry;v=2", "order:17/retry;v=2" },
    { "\"a,b\"", "a,b" },
    { "\"say \\\"hi\\\"\"", NULL }, /* a blank is not visible */
    { "\"say\\\"hi\\\\\"", "say\"hi\\" },
    { "", NULL },
    { "\"\"", NULL },
    { "\"", NULL },
    { "\"a", NULL },
    { "a\"", NULL },
    { "\"a\" ", NULL },
    { "\"a\"b", NULL },
    { "\"a\";p=1", NULL },
    { "\"a\", \"b\"", NULL },
    { "a, b", NULL },
    { "a,b", NULL },
    { "a b", NULL },
    { "a\tb", NULL },
    { "a\\b", NULL },
    { "\"a\\n\"", NULL },
    { "\"a\\", NULL },
    { "\"a\\\"", NULL },
    { "\xC3\xA9", NULL },
    { "\"\xC3\xA9\"", NULL },
    { "a\x7F", NULL },
};

static struct http1_head head_of(struct str value)
{
    struct http1_head head = { 0 };
    head.headers[0] = (struct http1_header){ STR("Host"), STR("x") };
    head.headers[1] = (struct http1_header){ STR("idempotency-KEY"), value };
    head.header_count = 2;
    return head;
}

static void check_key(struct str value, struct str key)
{
    char room[IDEM_KEY_MAX];
    struct str got;
    struct http1_head head = head_of(value);
    enum err err = idem_key_read(&head, room, &got);
    if (key.len == 0) {
        CHECK_EQ(err, ERR_ASK_INVALID);
    } else {
        CHECK_EQ(err, ERR_OK);
        CHECK_STR(got, key);
    }
}

TEST(bare_and_quoted_keys_are_read_and_others_refused)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        check_key(str_from(cases[i].value),
                  cases[i].key == NULL ? STR_EMPTY : str_from(cases[i].key));
    }
    check_key((struct str){ "a\0b", 3 }, STR_EMPTY);
}

TEST(a_key_has_at_most_255_characters)
{
    char text[IDEM_KEY_MAX + 3];
    memset(text, 'k', sizeof(text));
    check_key((struct str){ text, IDEM_KEY_MAX }, (struct str){ text, IDEM_KEY_MAX });
    check_key((struct str){ text, IDEM_KEY_MAX + 1 }, STR_EMPTY);
    text[0] = '"';
    text[IDEM_KEY_MAX + 1] = '"';
    check_key((struct str){ text, IDEM_KEY_MAX + 2 }, (struct str){ text + 1, IDEM_KEY_MAX });
    text[IDEM_KEY_MAX + 1] = 'k';
    text[IDEM_KEY_MAX + 2] = '"';
    check_key((struct str){ text, IDEM_KEY_MAX + 3 }, STR_EMPTY);
}

TEST(no_header_is_no_key_and_two_are_refused)
{
    char room[IDEM_KEY_MAX];
    struct str key = STR("left");
    struct http1_head head = head_of(STR("a"));
    head.header_count = 1;
    CHECK_EQ(idem_key_read(&head, room, &key), ERR_OK);
    CHECK_EQ(key.len, 0);
    head.header_count = 3;
    head.headers[2] = head.headers[1]; /* the same value twice is two as well */
    CHECK_EQ(idem_key_read(&head, room, &key), ERR_ASK_INVALID);
}
