#include "settle/evidence_head.h"

#include "base/mem.h"
#include "wire/json.h"
#include "wire/jsonw.h"

void evidence_head_init(struct evidence_head *head)
{
    *head = (struct evidence_head){ .keys = NULL };
    arena_init(&head->arena, 4096, EVIDENCE_HEAD_BYTES);
    map_init(&head->by_id);
}

void evidence_head_fini(struct evidence_head *head)
{
    mem_free(head->keys);
    map_fini(&head->by_id);
    arena_fini(&head->arena);
    head->keys = NULL;
    head->key_count = 0;
}

enum err evidence_head_add(struct evidence_head *head, const struct evidence_key *key)
{
    struct evidence_key copy;
    if (head->key_count == EVIDENCE_KEYS_MAX) {
        return ERR_LIMIT;
    }
    if (head->key_count == head->key_cap) {
        size_t cap = head->key_cap == 0 ? 16 : 2 * head->key_cap;
        struct evidence_key *grown = mem_realloc(head->keys, cap * sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        head->keys = grown;
        head->key_cap = cap;
    }
    if (!arena_copy(&head->arena, key->id, &copy.id) ||
        !arena_copy(&head->arena, key->product, &copy.product) ||
        !arena_copy(&head->arena, key->name, &copy.name) ||
        !arena_copy(&head->arena, key->made, &copy.made) ||
        !arena_copy(&head->arena, key->revoked, &copy.revoked)) {
        return ERR_NO_MEMORY;
    }
    TRY(map_add(&head->by_id, copy.id, head));
    head->keys[head->key_count++] = copy;
    return ERR_OK;
}

bool evidence_head_knows(const struct evidence_head *head, struct str key)
{
    return map_find(&head->by_id, key) != NULL;
}

/* RFC 3339 in UTC, all of one form: their order is that of their bytes. */
bool evidence_head_covers(const struct evidence_head *head, struct str ended)
{
    return str_cmp(head->from, ended) <= 0 && str_cmp(ended, head->until) < 0;
}

/* ---- printing ----------------------------------------------------------------------------- */

static void head_put_number(struct jsonw *json, const char *name, int64_t value)
{
    char text[24];
    struct buf number = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_i64(&number, value)); /* fits */
    jsonw_put_str(json, name, buf_str(&number));
}

static void head_put_key(struct jsonw *json, const struct evidence_key *key)
{
    jsonw_open(json, '{');
    jsonw_put_str(json, "id", key->id);
    jsonw_put_str(json, "made", key->made);
    jsonw_put_str(json, "name", key->name);
    jsonw_put_str(json, "product", key->product);
    jsonw_put_str(json, "revoked", key->revoked);
    jsonw_close(json, '}');
}

enum err evidence_head_print(const struct evidence_head *head, struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "client");
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "country", head->country);
    jsonw_put_str(&json, "id", head->client);
    jsonw_key(&json, "keys");
    jsonw_open(&json, '[');
    for (size_t i = 0; i < head->key_count; i++) {
        head_put_key(&json, &head->keys[i]);
    }
    jsonw_close(&json, ']');
    jsonw_put_str(&json, "name", head->name);
    jsonw_put_str(&json, "party", head->party);
    jsonw_close(&json, '}');
    jsonw_put_str(&json, "from", head->from);
    jsonw_key(&json, "log");
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "key", head->vkey);
    head_put_number(&json, "leaves", head->leaves);
    jsonw_put_str(&json, "origin", head->origin);
    jsonw_close(&json, '}');
    jsonw_put_str(&json, "over", head->over ? STR("yes") : STR("no"));
    jsonw_put_str(&json, "program", head->program);
    head_put_number(&json, "uncovered", head->uncovered);
    jsonw_put_str(&json, "until", head->until);
    jsonw_put_str(&json, "version", STR("1"));
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool head_text(struct evidence_head *head, struct str object, const char *name,
                      struct str *ret_text)
{
    struct str value = json_get(object, str_from(name));
    char *text = value.len == 0 ? NULL : arena_alloc(&head->arena, value.len);
    struct buf out = { text, 0, value.len, value.len };
    if (text == NULL || json_kind(value) != JSON_STRING || !json_decode(value, &out)) {
        return false;
    }
    *ret_text = buf_str(&out);
    return true;
}

static bool head_number(struct evidence_head *head, struct str object, const char *name,
                        int64_t *ret_number)
{
    struct str text;
    return head_text(head, object, name, &text) && str_to_i64(text, ret_number) && *ret_number >= 0;
}

static bool head_read_keys(struct evidence_head *head, struct str list)
{
    struct str item;
    struct str rest = list.len > 0 && json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        struct evidence_key key;
        if (json_kind(item) != JSON_OBJECT || !head_text(head, item, "id", &key.id) ||
            !head_text(head, item, "made", &key.made) ||
            !head_text(head, item, "name", &key.name) ||
            !head_text(head, item, "product", &key.product) ||
            !head_text(head, item, "revoked", &key.revoked) ||
            evidence_head_add(head, &key) != ERR_OK) {
            return false;
        }
    }
    return list.len > 0;
}

static bool head_read_parts(struct evidence_head *head, struct str text)
{
    struct str over = STR_EMPTY;
    struct str version = STR_EMPTY;
    struct str client = json_get(text, STR("client"));
    struct str log = json_get(text, STR("log"));
    bool fine = client.len > 0 && json_kind(client) == JSON_OBJECT && log.len > 0 &&
                json_kind(log) == JSON_OBJECT && head_text(head, client, "id", &head->client) &&
                head_text(head, client, "name", &head->name) &&
                head_text(head, client, "party", &head->party) &&
                head_text(head, client, "country", &head->country) &&
                head_read_keys(head, json_get(client, STR("keys")));
    fine = fine && head_text(head, text, "from", &head->from) &&
           head_text(head, text, "until", &head->until) &&
           head_text(head, log, "key", &head->vkey) &&
           head_text(head, log, "origin", &head->origin) &&
           head_number(head, log, "leaves", &head->leaves);
    fine = fine && head_text(head, text, "over", &over) &&
           head_text(head, text, "program", &head->program) &&
           head_number(head, text, "uncovered", &head->uncovered) &&
           head_text(head, text, "version", &version) && str_eq(version, STR("1"));
    head->over = fine && str_eq(over, STR("yes"));
    return fine;
}

/* What evidence_head_print() would not print is none: there is one form alone. */
enum err evidence_head_read(struct str text, struct evidence_head *ret_head, struct fail *fail)
{
    struct json_fault fault;
    struct buf again;
    struct str object = json_trim(text);
    bool fine = json_check(object, &fault) == ERR_OK && json_kind(object) == JSON_OBJECT &&
                head_read_parts(ret_head, object);
    buf_init(&again, 2 * EVIDENCE_HEAD_BYTES);
    fine = fine && evidence_head_print(ret_head, &again) == ERR_OK && str_eq(buf_str(&again), text);
    buf_fini(&again);
    return fine ? ERR_OK
                : FAIL(fail, ERR_PACK_INVALID,
                       "\"" EVIDENCE_FILE_HEAD "\" is not what packs say of themselves");
}
