#include "policy/mmdb_value.h"

/* A value's first bytes, understood. */
struct mmdb_head {
    enum mmdb_type type;
    uint32_t size;  /* bytes, pairs, items; of a pointer where it leads */
    size_t content; /* where what follows begins */
};

static uint32_t mmdb_big_endian(const unsigned char *bytes, size_t count)
{
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

/* Three bits and the bytes behind; each size begins where the one before cannot reach. */
static bool mmdb_head_pointer(struct str section, unsigned control, struct mmdb_head *head)
{
    static const uint32_t bases[] = { 0, 2048, 526336, 0 };
    unsigned kind = control >> 3 & 3U;
    size_t more = kind + 1U;
    if (section.len - head->content < more) {
        return false;
    }
    uint32_t low = mmdb_big_endian((const unsigned char *)section.ptr + head->content, more);
    uint32_t high = kind == 3 ? 0 : (control & 7U) << (8 * more);
    head->size = bases[kind] + (high | low);
    head->content += more;
    return true;
}

static bool mmdb_head_size(struct str section, unsigned control, struct mmdb_head *head)
{
    static const uint32_t bases[] = { 29, 285, 65821 };
    unsigned size = control & 31U;
    if (size < 29) {
        head->size = size;
        return true;
    }
    size_t more = size - 28U;
    if (section.len - head->content < more) {
        return false;
    }
    head->size =
        bases[more - 1] + mmdb_big_endian((const unsigned char *)section.ptr + head->content, more);
    head->content += more;
    return true;
}

static bool mmdb_type_known(unsigned type)
{
    return (type >= MMDB_POINTER && type <= MMDB_ARRAY) || type == MMDB_BOOL || type == MMDB_FLOAT;
}

/* Numbers are no longer than their type, and fractions exactly as long. */
static bool mmdb_head_fits(const struct mmdb_head *head)
{
    switch (head->type) {
    case MMDB_DOUBLE:
        return head->size == 8;
    case MMDB_FLOAT:
        return head->size == 4;
    case MMDB_U16:
        return head->size <= 2;
    case MMDB_U32:
    case MMDB_I32:
        return head->size <= 4;
    case MMDB_U64:
        return head->size <= 8;
    case MMDB_U128:
        return head->size <= 16;
    case MMDB_BOOL:
        return head->size <= 1;
    case MMDB_POINTER:
    case MMDB_TEXT:
    case MMDB_BYTES:
    case MMDB_MAP:
    case MMDB_ARRAY:
        break;
    }
    return true;
}

/* How many bytes follow the head, of a value that holds no others. */
static size_t mmdb_head_bytes(const struct mmdb_head *head)
{
    bool none = head->type == MMDB_POINTER || head->type == MMDB_BOOL || head->type == MMDB_MAP ||
                head->type == MMDB_ARRAY;
    return none ? 0 : head->size;
}

static bool mmdb_head_read(struct str section, size_t at, struct mmdb_head *ret_head)
{
    if (at >= section.len) {
        return false;
    }
    unsigned control = (unsigned char)section.ptr[at];
    unsigned type = control >> 5;
    struct mmdb_head head = { .content = at + 1 };
    if (type == 0) { /* an extended one: the type is in the next byte */
        if (head.content == section.len) {
            return false;
        }
        type = 7U + (unsigned char)section.ptr[head.content++];
        if (type <= MMDB_MAP) {
            return false; /* has a short form, and 0 would be extended once more */
        }
    }
    if (!mmdb_type_known(type)) {
        return false;
    }
    head.type = (enum mmdb_type)type;
    bool read = head.type == MMDB_POINTER ? mmdb_head_pointer(section, control, &head)
                                          : mmdb_head_size(section, control, &head);
    if (!read || !mmdb_head_fits(&head) || mmdb_head_bytes(&head) > section.len - head.content) {
        return false;
    }
    *ret_head = head;
    return true;
}

/* A pointer leads to a value that is none. */
static bool mmdb_head_follow(struct str section, const struct mmdb_head *head,
                             struct mmdb_head *ret_head)
{
    if (head->type != MMDB_POINTER) {
        *ret_head = *head;
        return true;
    }
    return mmdb_head_read(section, head->size, ret_head) && ret_head->type != MMDB_POINTER;
}

static struct mmdb_value mmdb_value_of(struct str section, const struct mmdb_head *head)
{
    bool holds = head->type == MMDB_MAP || head->type == MMDB_ARRAY;
    return (struct mmdb_value){
        .type = head->type,
        .count = holds ? head->size : 0,
        .bytes = { section.ptr + head->content, mmdb_head_bytes(head) },
        .inside = head->content,
    };
}

bool mmdb_value_read(struct str section, size_t at, struct mmdb_value *ret_value)
{
    struct mmdb_head head;
    struct mmdb_head target;
    if (!mmdb_head_read(section, at, &head) || !mmdb_head_follow(section, &head, &target)) {
        return false;
    }
    *ret_value = mmdb_value_of(section, &target);
    return true;
}

/* Goes over one value and all that is in it; `end`: no further than that. */
static bool mmdb_value_skip(struct str section, size_t *at, size_t end)
{
    uint64_t pending = 1;
    while (pending > 0) {
        struct mmdb_head head;
        if (*at >= end || !mmdb_head_read(section, *at, &head)) {
            return false;
        }
        *at = head.content + mmdb_head_bytes(&head);
        pending--;
        if (head.type == MMDB_MAP) {
            pending += 2 * (uint64_t)head.size;
        } else if (head.type == MMDB_ARRAY) {
            pending += head.size;
        }
    }
    return true;
}

enum mmdb_found mmdb_value_get(struct str section, const struct mmdb_value *map, struct str key,
                               struct mmdb_value *ret_value)
{
    if (map->type != MMDB_MAP) {
        return MMDB_ABSENT;
    }
    size_t at = map->inside;
    size_t end = section.len - at < MMDB_WALK_MAX ? section.len : at + MMDB_WALK_MAX;
    if (map->count > MMDB_PAIRS_MAX) {
        return MMDB_DAMAGED;
    }
    for (uint32_t i = 0; i < map->count; i++) {
        struct mmdb_value name;
        if (!mmdb_value_read(section, at, &name) || name.type != MMDB_TEXT ||
            !mmdb_value_skip(section, &at, end)) {
            return MMDB_DAMAGED;
        }
        if (str_eq(name.bytes, key)) {
            return mmdb_value_read(section, at, ret_value) ? MMDB_FOUND : MMDB_DAMAGED;
        }
        if (!mmdb_value_skip(section, &at, end)) {
            return MMDB_DAMAGED;
        }
    }
    return MMDB_ABSENT;
}

bool mmdb_value_number(const struct mmdb_value *value, uint64_t *ret_number)
{
    bool number = value->type == MMDB_U16 || value->type == MMDB_U32 || value->type == MMDB_U64;
    if (!number || value->bytes.len > sizeof(uint64_t)) {
        return false;
    }
    uint64_t made = 0;
    for (size_t i = 0; i < value->bytes.len; i++) {
        made = made << 8 | (unsigned char)value->bytes.ptr[i];
    }
    *ret_number = made;
    return true;
}
