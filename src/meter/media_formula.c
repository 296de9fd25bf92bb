#include "meter/media.h"

#define MEDIA_EDGE_MARGIN 4 /* tokens: providers round at the edges in ways of their own */

enum media_kind {
    MEDIA_TILES,   /* of 512 by 512, behind two scalings */
    MEDIA_PATCHES, /* of 32 by 32, at most `most` */
    MEDIA_ROUNDED, /* sides rounded to `unit`, between `least` and `most` of its squares */
    MEDIA_ROWS,    /* of 16 by 16, a side at most 1024, and one more a row */
    MEDIA_SQUARES, /* of 560 by 560, at most `most` */
    MEDIA_FIXED
};

struct media_formula {
    struct str name;
    enum media_kind kind;
    uint32_t base;  /* tokens of each image */
    uint32_t each;  /* a tile; a thousandth token a patch */
    uint32_t unit;  /* pixels */
    uint32_t least; /* units */
    uint32_t most;
};

/* The last is the one for any other name. */
static const struct media_formula formulas[] = {
    { STR_INIT("gpt-4o"), MEDIA_TILES, 85, 170, 0, 0, 0 },
    { STR_INIT("gpt-4o-mini"), MEDIA_TILES, 2833, 5667, 0, 0, 0 },
    { STR_INIT("o1"), MEDIA_TILES, 75, 150, 0, 0, 0 },
    { STR_INIT("gpt-5"), MEDIA_TILES, 70, 140, 0, 0, 0 },
    { STR_INIT("gpt-4.1-mini"), MEDIA_PATCHES, 0, 1620, 32, 1, 1536 },
    { STR_INIT("gpt-4.1-nano"), MEDIA_PATCHES, 0, 2460, 32, 1, 1536 },
    { STR_INIT("o4-mini"), MEDIA_PATCHES, 0, 1720, 32, 1, 1536 },
    { STR_INIT("qwen2.5-vl"), MEDIA_ROUNDED, 2, 1000, 28, 4, 16384 },
    { STR_INIT("qwen3-vl"), MEDIA_ROUNDED, 2, 1000, 32, 64, 16384 },
    { STR_INIT("gemma3"), MEDIA_FIXED, 260, 0, 0, 0, 0 },
    { STR_INIT("llama3.2"), MEDIA_SQUARES, 0, 1601, 560, 1, 4 },
    { STR_INIT("pixtral"), MEDIA_ROWS, 0, 0, 16, 1, 64 },
    { STR_INIT("largest"), MEDIA_ROUNDED, 2, 1000, 28, 4, 16384 },
};

static uint64_t media_divide_up(uint64_t value, uint64_t by)
{
    ASSERT(by > 0);
    return (value + by - 1) / by;
}

/* The largest whole number whose square is at most `value`. */
static uint64_t media_root(uint64_t value)
{
    uint64_t low = 0;
    uint64_t high = UINT64_C(1) << 32;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (middle <= value / middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    ASSERT(low == 0 || low <= value / low);
    return low;
}

/* `value` * to / from, to the nearest. */
static uint64_t media_scale(uint64_t value, uint64_t to, uint64_t from)
{
    return (value * to + from / 2) / from;
}

static uint64_t media_tiles(struct media_size size)
{
    uint64_t wide = size.width;
    uint64_t high = size.height;
    uint64_t longest = wide > high ? wide : high;
    if (longest > 2048) {
        wide = media_scale(wide, 2048, longest);
        high = media_scale(high, 2048, longest);
    }
    uint64_t shortest = wide < high ? wide : high;
    if (shortest > 768) {
        wide = media_scale(wide, 768, shortest);
        high = media_scale(high, 768, shortest);
    }
    uint64_t tiles = media_divide_up(wide, 512) * media_divide_up(high, 512);
    return tiles > 0 ? tiles : 1;
}

/* Too large an image is scaled down until one side is a whole number of patches. */
static uint64_t media_patches(const struct media_formula *formula, struct media_size size)
{
    uint64_t wide = media_divide_up(size.width, formula->unit);
    uint64_t high = media_divide_up(size.height, formula->unit);
    if (wide * high <= formula->most) {
        return wide * high;
    }
    wide = media_root((uint64_t)formula->most * size.width / size.height);
    high = media_root((uint64_t)formula->most * size.height / size.width);
    if (wide == 0 || high == 0) {
        return formula->most; /* thinner than a patch */
    }
    uint64_t patches = wide * size.height < high * size.width
                           ? wide * media_divide_up(wide * size.height, size.width)
                           : high * media_divide_up(high * size.width, size.height);
    return patches < formula->most ? patches : formula->most;
}

/* The nearest multiple, the even one of two; Python's round(). */
static uint64_t media_round(uint64_t value, uint64_t unit)
{
    uint64_t whole = value / unit;
    uint64_t twice = value % unit * 2;
    return whole + (twice > unit || (twice == unit && whole % 2 == 1) ? 1 : 0);
}

static uint64_t media_rounded(const struct media_formula *formula, struct media_size size)
{
    uint64_t wide = media_round(size.width, formula->unit);
    uint64_t high = media_round(size.height, formula->unit);
    uint64_t least = formula->least;
    wide = wide > 0 ? wide : 1;
    high = high > 0 ? high : 1;
    if (wide * high > formula->most) {
        wide = media_root((uint64_t)formula->most * size.width / size.height);
        high = media_root((uint64_t)formula->most * size.height / size.width);
    } else if (wide * high < least) {
        uint64_t across = least * size.width;
        uint64_t down = least * size.height;
        wide = media_root(across / size.height);
        high = media_root(down / size.width);
        wide += wide * wide * size.height < across ? 1 : 0;
        high += high * high * size.width < down ? 1 : 0;
    }
    return (wide > 0 ? wide : 1) * (high > 0 ? high : 1);
}

static uint64_t media_rows(const struct media_formula *formula, struct media_size size)
{
    uint64_t side = (uint64_t)formula->unit * formula->most;
    uint64_t wide = size.width;
    uint64_t high = size.height;
    uint64_t longest = wide > high ? wide : high;
    if (longest > side) {
        wide = media_scale(wide, side, longest);
        high = media_scale(high, side, longest);
    }
    wide = wide > 0 ? media_divide_up(wide, formula->unit) : 1;
    high = high > 0 ? media_divide_up(high, formula->unit) : 1;
    return high * (wide + 1);
}

static uint64_t media_squares(const struct media_formula *formula, struct media_size size)
{
    uint64_t squares =
        media_divide_up(size.width, formula->unit) * media_divide_up(size.height, formula->unit);
    return squares < formula->most ? squares : formula->most;
}

/* Tokens of an image of that size. */
static uint64_t media_of_size(const struct media_formula *formula, struct media_size size)
{
    switch (formula->kind) {
    case MEDIA_TILES:
        return formula->base + formula->each * media_tiles(size);
    case MEDIA_PATCHES:
        return media_divide_up(media_patches(formula, size) * formula->each, 1000);
    case MEDIA_ROUNDED:
        return formula->base + media_rounded(formula, size);
    case MEDIA_ROWS:
        return media_rows(formula, size);
    case MEDIA_SQUARES:
        return media_squares(formula, size) * formula->each;
    case MEDIA_FIXED:
        break;
    }
    return formula->base;
}

struct media_count media_image_tokens(struct str name, const struct media_size *size, bool low)
{
    const struct media_formula *formula = &formulas[EP_ARRAY_LEN(formulas) - 1];
    for (size_t i = 0; i < EP_ARRAY_LEN(formulas); i++) {
        if (str_eq(formulas[i].name, name)) {
            formula = &formulas[i];
        }
    }
    if (low && formula->kind == MEDIA_TILES) {
        return (struct media_count){ formula->base, MEDIA_EDGE_MARGIN };
    }
    if (size != NULL) {
        ASSERT(size->width > 0 && size->height > 0);
        ASSERT(size->width <= MEDIA_SIDE_MAX && size->height <= MEDIA_SIDE_MAX);
        return (struct media_count){ media_of_size(formula, *size), MEDIA_EDGE_MARGIN };
    }
    /* Of tiles a long image has the most, of all else a square. */
    struct media_size largest = { 2048, formula->kind == MEDIA_TILES ? 768 : 2048 };
    struct media_size least = { 1, 1 };
    uint64_t most = formula->kind == MEDIA_ROUNDED ? formula->base + (uint64_t)formula->most
                                                   : media_of_size(formula, largest);
    if (formula->kind == MEDIA_PATCHES) {
        most = media_divide_up((uint64_t)formula->most * formula->each, 1000);
    }
    uint64_t fewest = media_of_size(formula, least);
    ASSERT(most >= fewest);
    return (struct media_count){ most, most - fewest + MEDIA_EDGE_MARGIN };
}

struct media_count media_audio_tokens(struct str name, uint64_t ms, bool known)
{
    uint64_t rate = 32;
    if (str_eq(name, STR("gpt-4o"))) {
        rate = 10;
    } else if (str_eq(name, STR("qwen-omni"))) {
        rate = 25;
    }
    ASSERT(ms <= UINT64_MAX / rate);
    uint64_t tokens = media_divide_up(ms * rate, 1000);
    return (struct media_count){ tokens, known ? tokens / 50 + MEDIA_EDGE_MARGIN : tokens };
}
