#include "wire/splice.h"

void splice_init(struct splice *splice, struct str text)
{
    *splice = (struct splice){ .text = text };
}

void splice_add(struct splice *splice, size_t at, size_t len, struct str with)
{
    ASSERT(splice->count < SPLICE_EDITS_MAX);
    ASSERT(at + len <= splice->text.len);
    size_t place = splice->count;
    while (place > 0 && splice->edits[place - 1].at > at) {
        splice->edits[place] = splice->edits[place - 1];
        place--;
    }
    splice->edits[place] = (struct splice_edit){ at, len, with };
    splice->count++;
    for (size_t i = 1; i < splice->count; i++) {
        ASSERT(splice->edits[i - 1].at + splice->edits[i - 1].len <= splice->edits[i].at);
    }
}

size_t splice_len(const struct splice *splice)
{
    size_t len = splice->text.len;
    for (size_t i = 0; i < splice->count; i++) {
        len += splice->edits[i].with.len;
        len -= splice->edits[i].len;
    }
    return len;
}

static int splice_part(struct iovec *parts, int count, struct str text)
{
    if (text.len == 0) {
        return count;
    }
    /* Parts are only ever written from; iovec has no const. */
    union {
        const char *in;
        void *out;
    } unconst = { .in = text.ptr };
    parts[count] = (struct iovec){ unconst.out, text.len };
    return count + 1;
}

int splice_parts(const struct splice *splice, struct iovec parts[SPLICE_PARTS_MAX])
{
    int count = 0;
    size_t at = 0;
    for (size_t i = 0; i < splice->count; i++) {
        const struct splice_edit *edit = &splice->edits[i];
        count = splice_part(parts, count, str_slice(splice->text, at, edit->at));
        count = splice_part(parts, count, edit->with);
        at = edit->at + edit->len;
    }
    return splice_part(parts, count, str_from_at(splice->text, at));
}
