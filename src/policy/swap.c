#include "policy/swap.h"

#include "base/model_name.h"
#include "wire/json.h"

enum swap_state swap_check(const struct registry_model *model, struct str upstream_model,
                           struct str declared)
{
    if (declared.len == 0) {
        return SWAP_UNKNOWN;
    }
    bool same = model_name_same(declared, upstream_model) || model_name_same(declared, model->id);
    for (size_t i = 0; i < model->declared_names.count && !same; i++) {
        same = model_name_same(declared, model->declared_names.items[i]);
    }
    return same ? SWAP_SAME : SWAP_MISMATCH;
}

enum swap_state swap_check_json(const struct registry_model *model, struct str upstream_model,
                                struct str value)
{
    char text[SWAP_NAME_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    if (value.len == 0) {
        return SWAP_UNKNOWN;
    }
    if (json_string_is(value, upstream_model)) {
        return SWAP_SAME; /* as nearly every event of nearly every stream */
    }
    return json_decode(value, &name) ? swap_check(model, upstream_model, buf_str(&name))
                                     : SWAP_MISMATCH;
}

enum swap_state swap_join(enum swap_state so_far, enum swap_state next)
{
    return next > so_far ? next : so_far;
}
