/* room: meter */
#include "classes.h"
#include "meter/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ENDS 256

/* Cut many at a time, the pieces are those that are cut one by one. */
static void fuzz_ends(const struct vocab_split *split, struct str text)
{
    size_t ends[FUZZ_ENDS];
    size_t count = split_ends(split, classes_table(), text, true, ends, FUZZ_ENDS);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        at = split_next(split, classes_table(), text, at, true);
        ASSERT(ends[i] == at);
    }
    ASSERT(at == text.len || count == FUZZ_ENDS);
}

/* The pieces of any bytes by any rule follow each other to the end, and what is final of a
 * beginning of the text is what the whole text has. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    struct vocab_split split = {
        .rule = (enum vocab_rule)(data[0] % VOCAB_RULE_COUNT),
        .digits_max = 1U + data[0] % 3U,
        .slash = data[0] >= 128,
    };
    struct str text = { (const char *)data + 2, size - 2 };
    struct str begun = str_slice(text, 0, 1 + data[1] % text.len);
    bool certain = true;
    size_t next = 0;
    for (size_t at = 0; at < text.len; at = next) {
        next = split_next(&split, classes_table(), text, at, true);
        ASSERT(next > at && next <= text.len);
        certain = certain && at < begun.len;
        if (certain) {
            size_t early = split_next(&split, classes_table(), begun, at, false);
            ASSERT(early == 0 || early == next);
            certain = early != 0;
        }
    }
    fuzz_ends(&split, text);
    return 0;
}
