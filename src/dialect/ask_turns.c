#include "dialect/ask_turns.h"

#include <stdio.h>

#include "dialect/picture.h"
#include "dialect/text.h"
#include "wire/json.h"

#define TURNS_LETTERS_MAX 4096 /* of an image, that are looked at */
#define TURNS_WORK_MAX \
    ((size_t)8 << 20) /* bytes of them that are looked through; then nobody
                                             can tell, and the request is passed on */

void ask_turns_init(struct ask_turns *turns)
{
    turns->wrong = ASK_TURNS_FINE;
    turns->turn = 0;
    turns->place = 0;
    turns->work = 0;
    turns->count = 0; /* lists beyond it are not looked at */
}

static void turns_note(struct ask_turns *turns, enum ask_turns_wrong wrong, unsigned turn,
                       unsigned place)
{
    if (turns->wrong == ASK_TURNS_FINE) {
        turns->wrong = wrong;
        turns->turn = turn;
        turns->place = place;
    }
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
static bool turns_called(struct ask_turns *turns, struct str id)
{
    size_t kept = turns->count < ASK_TURNS_LISTS_MAX ? turns->count : ASK_TURNS_LISTS_MAX;
    bool unsure = turns->count > ASK_TURNS_LISTS_MAX || str_find(id, '\\') < id.len;
    for (size_t back = 1; back <= kept && !unsure; back++) {
        struct str list = turns->lists[(turns->count - back) % ASK_TURNS_LISTS_MAX];
        turns->work += list.len;
        unsure = turns->work > TURNS_WORK_MAX;
        if (!unsure && list_has(list, id)) {
            return true;
        }
    }
    return unsure;
}

void ask_turns_calls(struct ask_turns *turns, struct str list)
{
    turns->lists[turns->count++ % ASK_TURNS_LISTS_MAX] = list;
}

void ask_turns_result(struct ask_turns *turns, struct str id, unsigned turn)
{
    bool named = id.len > 0 && json_kind(id) == JSON_STRING;
    if (named && turns->wrong == ASK_TURNS_FINE && !turns_called(turns, id)) {
        turns_note(turns, ASK_TURNS_RESULT, turn, 0);
    }
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

void ask_turns_image(struct ask_turns *turns, struct str image, unsigned turn, unsigned place)
{
    if (json_kind(image) == JSON_NULL) {
        return;
    }
    struct str url = json_kind(image) == JSON_OBJECT ? json_get(image, STR("url")) : image;
    if (!is_image(text_of(url))) {
        turns_note(turns, ASK_TURNS_IMAGE, turn, place);
    }
}

/* ---- the end ------------------------------------------------------------------------------ */

enum err ask_turns_end(const struct ask_turns *turns, char param[ASK_TURNS_PARAM_MAX],
                       struct fail *fail)
{
    if (turns->wrong == ASK_TURNS_FINE) {
        return ERR_OK;
    }
    if (turns->wrong == ASK_TURNS_RESULT) {
        (void)snprintf(param, ASK_TURNS_PARAM_MAX, "messages[%u].tool_call_id", turns->turn);
        return FAIL(fail, ERR_ASK_INVALID, "\"%s\" is of no call that was made before it", param);
    }
    (void)snprintf(param, ASK_TURNS_PARAM_MAX, "messages[%u].content[%u].image_url", turns->turn,
                   turns->place);
    return FAIL(fail, ERR_ASK_INVALID,
                "\"%s\" must be the address of an image, or \"data:\" with one in base64", param);
}
