#include "gate/auth.h"

#include "dialect/face.h"
#include "gate/gate_internal.h"
#include "gate/reply.h"
#include "ident/device_token.h"
#include "ident/ident.h"
#include "net/inner.h"
#include "wire/url.h"

/* The one key among the headers. Two that differ could be read differently by others: refused. */
enum err auth_text(const struct http1_head *head, struct str *ret_text)
{
    static const struct str bearer = STR_INIT("Bearer ");
    *ret_text = STR_EMPTY;
    for (size_t i = 0; i < head->header_count; i++) {
        struct str name = head->headers[i].name;
        struct str value = head->headers[i].value;
        if (str_eq_nocase(name, STR("authorization"))) {
            if (!str_starts_nocase(value, bearer)) {
                return ERR_KEY_UNKNOWN;
            }
            value = str_trim(str_from_at(value, bearer.len));
        } else if (!str_eq_nocase(name, STR("x-api-key")) &&
                   !str_eq_nocase(name, STR("x-goog-api-key"))) {
            continue;
        }
        if (ret_text->len > 0 && !str_eq(*ret_text, value)) {
            return ERR_KEY_UNKNOWN;
        }
        *ret_text = value;
    }
    return ret_text->len > 0 ? ERR_OK : ERR_KEY_MISSING;
}

/* "?key=": taken as it stands, since keys are of letters that need no escape. */
static struct str auth_query_key(struct http_exchange *x)
{
    struct str query;
    if (reply_face(x) != FACE_GEMINI) {
        return STR_EMPTY;
    }
    EP_IGNORE(url_target_path(http_exchange_head(x)->target, &query).len); /* the query is meant */
    while (query.len > 0) {
        struct str value = str_cut(&query, '&');
        if (str_eq(str_cut(&value, '='), STR("key"))) {
            return value;
        }
    }
    return STR_EMPTY;
}

/* Of the request: among its headers, or in its target. */
static enum err auth_asked(struct http_exchange *x, struct str *ret_text)
{
    struct str query = auth_query_key(x);
    enum err err = auth_text(http_exchange_head(x), ret_text);
    if (err == ERR_KEY_MISSING && query.len > 0) {
        *ret_text = query;
        return ERR_OK;
    }
    return err == ERR_OK && query.len > 0 && !str_eq(query, *ret_text) ? ERR_KEY_UNKNOWN : err;
}

enum err auth_still(const struct gate *gate, const struct gate_actor *actor)
{
    bool rotated = actor->hint != NULL && actor->hint != api_key_hint(actor->key).ptr;
    return rotated ? ERR_KEY_UNKNOWN : api_key_usable(actor->key, loop_wall_ns(gate->loop));
}

/* Whatever kind of key it is. Of what the server asks itself for somebody, the key is known; it
 * must still be good. */
static enum err auth_any(struct gate *gate, struct http_exchange *x, const struct api_key **ret_key)
{
    const struct gate_actor *actor = http_exchange_actor(x);
    if (actor != NULL) {
        *ret_key = actor->key;
        return auth_still(gate, actor);
    }
    struct str text;
    TRY(auth_asked(x, &text));
    *ret_key = ident_find(gate->world.ident, text);
    return *ret_key == NULL ? ERR_KEY_UNKNOWN : api_key_usable(*ret_key, loop_wall_ns(gate->loop));
}

enum err auth_find(struct gate *gate, struct http_exchange *x, const struct api_key **ret_key)
{
    const struct api_key *key = NULL;
    TRY(auth_any(gate, x, &key));
    TRY(api_key_issues(key) ? ERR_KEY_ISSUES : ERR_OK);
    *ret_key = key;
    return ERR_OK;
}

/* A device speaks by a token of its set-up answer, anybody by a key. */
enum err auth_find_speaker(struct gate *gate, struct http_exchange *x,
                           const struct api_key **ret_key)
{
    struct str text;
    int64_t now_ns = loop_wall_ns(gate->loop);
    TRY(auth_asked(x, &text));
    if (!device_token_is(text)) {
        return auth_find(gate, x, ret_key);
    }
    const struct device *device = device_token_find(gate->world.ident, text, now_ns);
    if (device == NULL) {
        return ERR_KEY_UNKNOWN;
    }
    *ret_key = &device->key;
    return api_key_usable(*ret_key, now_ns);
}

enum err auth_find_client(struct gate *gate, struct http_exchange *x,
                          const struct api_key **ret_key)
{
    const struct api_key *key = NULL;
    TRY(auth_find(gate, x, &key));
    TRY(key->device != NULL ? ERR_KEY_OF_DEVICE : ERR_OK);
    *ret_key = key;
    return ERR_OK;
}

enum err auth_find_issuer(struct gate *gate, struct http_exchange *x,
                          const struct api_key **ret_key)
{
    const struct api_key *key = NULL;
    TRY(auth_any(gate, x, &key));
    TRY(api_key_issues(key) ? ERR_OK : ERR_KEY_NO_ISSUER);
    *ret_key = key;
    return ERR_OK;
}

enum err auth_device_text(struct gate *gate, struct str text, const struct api_key **ret_key)
{
    const struct api_key *key = ident_find(gate->world.ident, text);
    TRY(key == NULL ? ERR_KEY_UNKNOWN : ERR_OK);
    enum err err = api_key_usable(key, loop_wall_ns(gate->loop));
    TRY(err == ERR_DEVICE_INACTIVE ? ERR_OK : err);
    TRY(key->device == NULL ? ERR_KEY_NO_DEVICE : ERR_OK);
    *ret_key = key;
    return ERR_OK;
}

enum err auth_find_device(struct gate *gate, struct http_exchange *x, struct str *ret_text,
                          const struct api_key **ret_key)
{
    TRY(auth_asked(x, ret_text));
    return auth_device_text(gate, *ret_text, ret_key);
}
