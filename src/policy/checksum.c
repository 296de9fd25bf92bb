#include "policy/checksum.h"

#define RESIDENT_ID_YEAR_MIN 1900

static bool checksum_is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

/* The number that digits make; at most eight of them, so that it fits. */
static int32_t checksum_number(struct str digits)
{
    ASSERT(digits.len <= 8);
    int32_t number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        number = number * 10 + (digits.ptr[i] - '0');
    }
    return number;
}

/* Whether a number as 20260228 is a day of the Gregorian calendar. */
static bool checksum_is_day(int32_t date)
{
    static const int8_t lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int32_t year = date / 10000;
    int32_t month = date / 100 % 100;
    int32_t day = date % 100;
    if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1]) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month != 2 || day < 29 || leap;
}

bool resident_id_valid(struct str text, int32_t today)
{
    static const char checks[] = "10X98765432";
    static const int8_t weights[] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
    if (text.len != RESIDENT_ID_LEN || !checksum_is_digits(str_slice(text, 0, 17))) {
        return false;
    }
    int32_t born = checksum_number(str_slice(text, 6, 14));
    if (born < RESIDENT_ID_YEAR_MIN * 10000 || born > today || !checksum_is_day(born)) {
        return false;
    }
    int sum = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(weights); i++) {
        sum += (text.ptr[i] - '0') * weights[i];
    }
    return text.ptr[17] == checks[sum % 11];
}

bool luhn_valid(struct str text)
{
    if (text.len < 2 || !checksum_is_digits(text)) {
        return false;
    }
    int sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = text.ptr[text.len - 1 - i] - '0';
        int twice = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum = (sum + (i % 2 == 0 ? digit : twice)) % 10;
    }
    return sum == 0;
}
