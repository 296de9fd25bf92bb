#include "crypto/tag.h"

#include <pthread.h>
#include <string.h>

#include "crypto/digest.h"
#include "harness.h"

static bool same(struct str a, struct str b)
{
    struct tag first = tag_of(a);
    struct tag second = tag_of(b);
    return str_eq(tag_str(&first), tag_str(&second));
}

TEST(the_same_text_has_the_same_tag_wherever_it_lies)
{
    char text[100];
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    for (size_t len = 0; len < sizeof(text); len++) {
        memset(text, 'a', len);
        struct str at_end = test_at_page_end((struct str){ text, len });
        CHECK(same((struct str){ text, len }, at_end));
    }
}

TEST(texts_of_all_lengths_and_with_any_bit_changed_have_other_tags)
{
    char text[80];
    char other[80];
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    memset(text, 0, sizeof(text));
    for (size_t len = 0; len < sizeof(text); len++) {
        CHECK(!same((struct str){ text, len }, (struct str){ text, len + 1 }));
    }
    for (size_t bit = 0; bit < 8 * sizeof(text); bit++) {
        memcpy(other, text, sizeof(text));
        other[bit / 8] = (char)(1 << bit % 8);
        CHECK(!same((struct str){ text, sizeof(text) }, (struct str){ other, sizeof(other) }));
    }
}

static void *tag_elsewhere(void *context)
{
    struct tag *tag = context;
    *tag = tag_of(STR("abc"));
    return NULL;
}

TEST(threads_agree)
{
    struct tag there;
    pthread_t thread;
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    struct tag here = tag_of(STR("abc"));
    CHECK_EQ(pthread_create(&thread, NULL, tag_elsewhere, &there), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_STR(tag_str(&here), tag_str(&there));
}
