#include "base/model_name.h"

static const struct str name_latest = STR_INIT("-latest");

/* The number that the digits are; -1: they are none. */
static int name_number(struct str digits)
{
    int number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
            return -1;
        }
        number = number * 10 + (digits.ptr[i] - '0');
    }
    return number;
}

static bool name_is_date(struct str year, struct str month, struct str day)
{
    int y = name_number(year);
    int m = name_number(month);
    int d = name_number(day);
    return y >= 2000 && y <= 2099 && m >= 1 && m <= 12 && d >= 1 && d <= 31;
}

/* The last `len` bytes. */
static struct str name_end(struct str name, size_t len)
{
    return name.len < len ? STR_EMPTY : str_from_at(name, name.len - len);
}

static struct str name_drop_end(struct str name, size_t len)
{
    return str_slice(name, 0, name.len - len);
}

static struct str name_drop_date(struct str name)
{
    struct str end = name_end(name, sizeof("-20260901") - 1);
    if (end.len > 0 && end.ptr[0] == '-' &&
        name_is_date(str_slice(end, 1, 5), str_slice(end, 5, 7), str_slice(end, 7, 9))) {
        return name_drop_end(name, end.len);
    }
    end = name_end(name, sizeof("-2026-09-01") - 1);
    if (end.len > 0 && end.ptr[0] == '-' && end.ptr[5] == '-' && end.ptr[8] == '-' &&
        name_is_date(str_slice(end, 1, 5), str_slice(end, 6, 8), str_slice(end, 9, 11))) {
        return name_drop_end(name, end.len);
    }
    return name;
}

struct str model_name_normalise(struct str name)
{
    for (size_t slash = str_find(name, '/'); slash < name.len; slash = str_find(name, '/')) {
        name = str_from_at(name, slash + 1);
    }
    name = str_slice(name, 0, str_find(name, ':'));
    if (str_eq_nocase(name_end(name, name_latest.len), name_latest)) {
        name = name_drop_end(name, name_latest.len);
    }
    return name_drop_date(name);
}

bool model_name_same(struct str a, struct str b)
{
    struct str first = model_name_normalise(a);
    return first.len > 0 && str_eq_nocase(first, model_name_normalise(b));
}
