#include "policy/centroid.h"

#define CENTROID_ONE   INT64_C(1000000)
#define CENTROID_M_DEG 111195 /* metres of a degree on a globe of 6,371 km */

struct centroid {
    int16_t north; /* degrees */
    int16_t east;
    bool known;
};

#define CENTROID(first, second, north, east) \
    [1 + 26 * ((first) - 'A') + ((second) - 'A')] = { north, east, true },
static const struct centroid centroids[COUNTRY_CODES + 1] = {
#include "policy/centroids.def"
};
#undef CENTROID

/* Sines of whole degrees, in millionths. */
static const int32_t centroid_sines[91] = {
    0,      17452,  34899,  52336,  69756,  87156,  104528,  121869, 139173, 156434, 173648, 190809,
    207912, 224951, 241922, 258819, 275637, 292372, 309017,  325568, 342020, 358368, 374607, 390731,
    406737, 422618, 438371, 453990, 469472, 484810, 500000,  515038, 529919, 544639, 559193, 573576,
    587785, 601815, 615661, 629320, 642788, 656059, 669131,  681998, 694658, 707107, 719340, 731354,
    743145, 754710, 766044, 777146, 788011, 798636, 809017,  819152, 829038, 838671, 848048, 857167,
    866025, 874620, 882948, 891007, 898794, 906308, 913545,  920505, 927184, 933580, 939693, 945519,
    951057, 956305, 961262, 965926, 970296, 974370, 978148,  981627, 984808, 987688, 990268, 992546,
    994522, 996195, 997564, 998630, 999391, 999848, 1000000,
};

/* -360 <= degrees <= 360 */
static int64_t centroid_sin(int degrees)
{
    int turn = (degrees + 360) % 360;
    int half = turn % 180;
    int64_t sine = centroid_sines[half <= 90 ? half : 180 - half];
    return turn < 180 ? sine : -sine;
}

static int64_t centroid_cos(int degrees)
{
    return centroid_sin(degrees <= 270 ? degrees + 90 : degrees - 270);
}

/* The angle of a sine from 0 to 1, in thousandths of a degree: straight lines between the rows. */
static int64_t centroid_asin(int64_t sine)
{
    int64_t low = 0;
    int64_t high = 90;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (centroid_sines[middle] <= sine) {
            low = middle;
        } else {
            high = middle;
        }
    }
    int64_t step = centroid_sines[high] - centroid_sines[low];
    return low * 1000 + (sine - centroid_sines[low]) * 1000 / step;
}

uint32_t centroid_km(country_t from, country_t to)
{
    ASSERT(from <= COUNTRY_CODES && to <= COUNTRY_CODES);
    const struct centroid *a = &centroids[from];
    const struct centroid *b = &centroids[to];
    if (!a->known || !b->known || from == to) {
        return 0;
    }
    int64_t flat = centroid_cos(a->north) * centroid_cos(b->north) / CENTROID_ONE;
    int64_t cosine =
        (centroid_sin(a->north) * centroid_sin(b->north) + flat * centroid_cos(a->east - b->east)) /
        CENTROID_ONE;
    cosine = cosine > CENTROID_ONE ? CENTROID_ONE : cosine; /* roundings add up */
    cosine = cosine < -CENTROID_ONE ? -CENTROID_ONE : cosine;
    int64_t angle = cosine >= 0 ? 90000 - centroid_asin(cosine) : 90000 + centroid_asin(-cosine);
    return (uint32_t)(angle * CENTROID_M_DEG / 1000000);
}
