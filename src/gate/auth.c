#include "gate/auth.h"

#include "dialect/face.h"
#include "gate/gate_internal.h"
#include "gate/reply.h"
#include "ident/ident.h"
#include "wire/url.h"

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

/* The one key of the request. Two that differ could be read differently by others: refused. */
static enum err auth_text(struct http_exchange *x, struct str *ret_text)
{
    static const struct str bearer = STR_INIT("Bearer ");
    const struct http1_head *head = http_exchange_head(x);
    *ret_text = auth_query_key(x);
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

/* Of what the server asks itself for somebody, the key is known; it must still be good. */
static enum err auth_key(struct gate *gate, struct http_exchange *x, const struct api_key **ret_key)
{
    const struct gate_actor *actor = http_exchange_actor(x);
    if (actor != NULL) {
        *ret_key = actor->key;
        return api_key_revoked_ns(actor->key) == 0 ? ERR_OK : ERR_KEY_UNKNOWN;
    }
    struct str text;
    TRY(auth_text(x, &text));
    *ret_key = ident_find(gate->world.ident, text);
    return *ret_key != NULL ? ERR_OK : ERR_KEY_UNKNOWN;
}

enum err auth_find(struct gate *gate, struct http_exchange *x, const struct api_key **ret_key)
{
    const struct api_key *key = NULL;
    TRY(auth_key(gate, x, &key));
    if (client_suspended(key->client)) {
        return ERR_CLIENT_SUSPENDED;
    }
    *ret_key = key;
    return ERR_OK;
}
