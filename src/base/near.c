#include "base/near.h"

static size_t near_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The optimal string alignment distance, with three rows of the table alive. */
size_t near_distance(struct str a, struct str b)
{
    if (a.len > NEAR_LEN_MAX || b.len > NEAR_LEN_MAX) {
        return SIZE_MAX;
    }
    size_t rows[3][NEAR_LEN_MAX + 1] = { { 0 } };
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1;
            row[j] = near_min(above[j - 1] + change, near_min(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1]) {
                row[j] = near_min(row[j], before[j - 2] + 1);
            }
        }
    }
    return rows[a.len % 3][b.len];
}

bool near_enough(struct str a, struct str b, size_t distance)
{
    size_t longer = a.len > b.len ? a.len : b.len;
    return distance <= longer / 3 && distance <= 4;
}
