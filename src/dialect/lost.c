#include "dialect/lost.h"

#define LOST_AS_NAME(name, text) text,
static const char *const lost_names[] = { LOST_TABLE(LOST_AS_NAME) };
#undef LOST_AS_NAME

_Static_assert(LOST_COUNT <= 64, "a bit each");

const char *lost_name(enum lost_bit bit)
{
    ASSERT(bit < LOST_COUNT);
    return lost_names[bit];
}

enum err lost_write(struct buf *out, const struct lost *lost)
{
    bool more = false;
    for (unsigned i = 0; i < LOST_COUNT; i++) {
        if ((lost->bits >> i & 1) == 0) {
            continue;
        }
        TRY(more ? buf_append(out, STR(", ")) : ERR_OK);
        TRY(buf_append(out, str_from(lost_names[i])));
        more = true;
    }
    return ERR_OK;
}
