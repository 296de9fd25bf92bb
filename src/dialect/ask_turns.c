#include "dialect/ask_turns.h"

#include <stdio.h>

#include "dialect/picture.h"
#include "dialect/text.h"
#include "wire/json.h"

#define TURNS_LISTS_MAX   64   /* of calls, the latest: results come soon behind them */
#define TURNS_LETTERS_MAX 4096 /* of an image, that are looked at */
#define TURNS_WORK_MAX \
    ((size_t)8 << 20) /* bytes of them that are looked through; then nobody
                                             can tell, and the request is passed on */

struct turns {
    struct str lists[TURNS_LISTS_MAX]; /* "tool_calls", as they came */
    size_t count;                      /* of all that came */
    size_t work;
    char *param;
    struct fail *fail;
};

static enum err turns_refuse(const struct turns *turns, const char *what)
{
    return FAIL(turns->fail, ERR_ASK_INVALID, "\"%s\" %s", turns->param, what);
}

/* ---- results ------------------------------------------------------------------------------ */

static bool list_has(struct str list, struct str id)
{
    struct str item;
    struct str rest = json_inside(list);
    while (json_next_item(&rest, &item)) {
        if (str_eq(json_get(item, STR("id")), id)) {
            return true;
        }
    }
    return false;
}

/* True also where that cannot be told: of what is written with escapes, or too much. */
static bool turns_called(struct turns *turns, struct str id)
{
    size_t kept = turns->count < TURNS_LISTS_MAX ? turns->count : TURNS_LISTS_MAX;
    bool unsure = turns->count > TURNS_LISTS_MAX || str_find(id, '\\') < id.len;
    for (size_t back = 1; back <= kept && !unsure; back++) {
        struct str list = turns->lists[(turns->count - back) % TURNS_LISTS_MAX];
        turns->work += list.len;
        unsure = turns->work > TURNS_WORK_MAX;
        if (!unsure && list_has(list, id)) {
            return true;
        }
    }
    return unsure;
}

/* ---- images ------------------------------------------------------------------------------- */

/* Letters of base64, some of which JSON may write with an escape. Its beginning tells: the rest is
 * megabytes, which go on as they came, and the source reads them anyway. */
static bool is_base64(struct str data)
{
    size_t end = data.len;
    while (end > 0 && data.len - end < 2 && data.ptr[end - 1] == '=') {
        end--;
    }
    for (size_t i = 0; i < end && i < TURNS_LETTERS_MAX; i++) {
        char c = data.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '+' || c == '/' || c == '-' || c == '_' || c == '\\';
        if (!fine) {
            return false;
        }
    }
    return end > 0;
}

/* Of an address nothing is known here; data is a picture of one of the kinds that vendors read,
 * whatever it calls itself. */
static bool is_image(struct str url)
{
    if (!str_starts_nocase(url, STR("data:"))) {
        return url.len > 0;
    }
    size_t comma = str_find(url, ',');
    struct str data = comma < url.len ? str_from_at(url, comma + 1) : STR_EMPTY;
    return str_ends(str_slice(url, 0, comma), STR(";base64")) && picture_can_be(data) &&
           is_base64(data);
}

static enum err turns_check_part(struct turns *turns, struct str part, unsigned turn,
                                 unsigned place)
{
    struct str image = json_get(part, STR("image_url"));
    if (image.len == 0 || json_kind(image) == JSON_NULL) {
        return ERR_OK;
    }
    struct str url = json_kind(image) == JSON_OBJECT ? json_get(image, STR("url")) : image;
    if (is_image(text_of(url))) {
        return ERR_OK;
    }
    (void)snprintf(turns->param, ASK_TURNS_PARAM_MAX, "messages[%u].content[%u].image_url", turn,
                   place);
    return turns_refuse(turns, "must be the address of an image, or \"data:\" with one in base64");
}

/* ---- messages ----------------------------------------------------------------------------- */

static enum err turns_check_content(struct turns *turns, struct str content, unsigned turn)
{
    struct str part;
    struct str rest =
        content.len > 0 && json_kind(content) == JSON_ARRAY ? json_inside(content) : STR_EMPTY;
    for (unsigned place = 0; json_next_item(&rest, &part); place++) {
        TRY(turns_check_part(turns, part, turn, place));
    }
    return ERR_OK;
}

static enum err turns_check_message(struct turns *turns, struct str message, unsigned turn)
{
    struct str role = STR_EMPTY;
    struct str id = STR_EMPTY;
    struct json_member member;
    struct str rest = json_inside(message);
    while (json_next_member(&rest, &member)) {
        if (json_key_is(member.key, STR("role"))) {
            role = member.value;
        } else if (json_key_is(member.key, STR("tool_call_id"))) {
            id = member.value;
        } else if (json_key_is(member.key, STR("content"))) {
            TRY(turns_check_content(turns, member.value, turn));
        } else if (json_key_is(member.key, STR("tool_calls")) &&
                   json_kind(member.value) == JSON_ARRAY) {
            turns->lists[turns->count++ % TURNS_LISTS_MAX] = member.value;
        }
    }
    bool result = json_string_is(role, STR("tool")) && id.len > 0 && json_kind(id) == JSON_STRING;
    if (!result || turns_called(turns, id)) {
        return ERR_OK;
    }
    (void)snprintf(turns->param, ASK_TURNS_PARAM_MAX, "messages[%u].tool_call_id", turn);
    return turns_refuse(turns, "is of no call that was made before it");
}

enum err ask_check_turns(struct str messages, char param[ASK_TURNS_PARAM_MAX], struct fail *fail)
{
    struct turns turns = { .count = 0, .param = param, .fail = fail };
    struct str message;
    struct str rest = json_inside(messages);
    for (unsigned turn = 0; json_next_item(&rest, &message); turn++) {
        if (json_kind(message) == JSON_OBJECT) {
            TRY(turns_check_message(&turns, message, turn));
        }
    }
    return ERR_OK;
}
