#include "base/money.h"

#include <string.h>

#define MONEY_SCALE_MAX 12 /* pico is the finest unit there is */

bool money_add(int64_t a, int64_t b, int64_t *ret_sum)
{
    int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *ret_sum = sum;
    return true;
}

bool money_sub(int64_t a, int64_t b, int64_t *ret_difference)
{
    int64_t difference = 0;
    if (__builtin_sub_overflow(a, b, &difference)) {
        return false;
    }
    *ret_difference = difference;
    return true;
}

money_wide money_rate(int64_t quantity, int64_t pico_per_unit)
{
    ASSERT(quantity >= 0);
    ASSERT(pico_per_unit >= 0);
    return (money_wide)quantity * pico_per_unit;
}

static bool money_narrow(money_wide nano, int64_t *ret_nano)
{
    if (nano > INT64_MAX) {
        return false;
    }
    *ret_nano = (int64_t)nano;
    return true;
}

bool money_nano_floor(money_wide pico, int64_t *ret_nano)
{
    ASSERT(pico >= 0);
    return money_narrow(pico / MONEY_PICO_PER_NANO, ret_nano);
}

bool money_nano_ceil(money_wide pico, int64_t *ret_nano)
{
    ASSERT(pico >= 0);
    return money_narrow(pico / MONEY_PICO_PER_NANO + (pico % MONEY_PICO_PER_NANO != 0), ret_nano);
}

/* Appends the digits of `part` to `value`, which carries its sign from the first digit on. */
static bool money_digits(struct str part, bool negative, int64_t *value)
{
    for (size_t i = 0; i < part.len; i++) {
        int64_t digit = part.ptr[i] - '0';
        if (digit < 0 || digit > 9) {
            return false;
        }
        if (__builtin_mul_overflow(*value, INT64_C(10), value) ||
            __builtin_add_overflow(*value, negative ? -digit : digit, value)) {
            return false;
        }
    }
    return true;
}

bool money_parse(struct str text, unsigned scale, int64_t *ret_value)
{
    ASSERT(scale <= MONEY_SCALE_MAX);
    bool negative = text.len > 0 && text.ptr[0] == '-';
    struct str fraction = negative ? str_from_at(text, 1) : text;
    bool has_point = str_find(fraction, '.') < fraction.len;
    struct str whole = str_cut(&fraction, '.');
    if (whole.len == 0 || (has_point && fraction.len == 0)) {
        return false;
    }
    while (fraction.len > scale && fraction.ptr[fraction.len - 1] == '0') {
        fraction.len--;
    }
    if (fraction.len > scale) {
        return false;
    }
    static const struct str zeros = STR_INIT("000000000000");
    int64_t value = 0;
    if (!money_digits(whole, negative, &value) || !money_digits(fraction, negative, &value) ||
        !money_digits(str_slice(zeros, 0, scale - fraction.len), negative, &value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

enum err money_print(struct buf *out, int64_t value, unsigned scale, unsigned places)
{
    ASSERT(scale <= MONEY_SCALE_MAX);
    ASSERT(places <= scale);
    uint64_t size = value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;
    char fraction[MONEY_SCALE_MAX];
    for (unsigned i = scale; i > 0; i--) {
        fraction[i - 1] = (char)('0' + size % 10);
        size /= 10;
    }
    unsigned shown = scale;
    while (shown > places && fraction[shown - 1] == '0') {
        shown--;
    }
    TRY(buf_append(out, value < 0 ? STR("-") : STR_EMPTY));
    TRY(buf_u64(out, size));
    if (shown == 0) {
        return ERR_OK;
    }
    TRY(buf_byte(out, '.'));
    return buf_append(out, (struct str){ fraction, shown });
}
