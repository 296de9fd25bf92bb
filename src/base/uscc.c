#include "base/uscc.h"

#define USCC_BASE           31
#define USCC_DIVISION_BEGIN 2
#define USCC_DIVISION_END   8

/* What a character counts, or -1: its place in the standard's alphabet. */
static int uscc_value(char letter)
{
    size_t at = str_find(STR("0123456789ABCDEFGHJKLMNPQRTUWXY"), letter);
    return at < USCC_BASE ? (int)at : -1;
}

bool uscc_valid(struct str text)
{
    if (text.len != USCC_LEN) {
        return false;
    }
    int sum = 0;
    int weight = 1; /* powers of 3 modulo 31 */
    for (size_t i = 0; i < USCC_LEN; i++) {
        int value = uscc_value(text.ptr[i]);
        bool division = i >= USCC_DIVISION_BEGIN && i < USCC_DIVISION_END;
        if (value < 0 || (division && value > 9)) {
            return false;
        }
        if (i == USCC_LEN - 1) {
            return value == (USCC_BASE - sum % USCC_BASE) % USCC_BASE;
        }
        sum += value * weight;
        weight = weight * 3 % USCC_BASE;
    }
    return false;
}
