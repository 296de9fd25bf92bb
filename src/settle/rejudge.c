#include "settle/rejudge.h"

#include "base/arena.h"
#include "base/mem.h"
#include "policy/facts.h"
#include "wire/json.h"
#include "wire/jsonw.h"

/* ---- what the receipt says ----------------------------------------------------------------- */

static enum err rejudge_member(struct str section, const char *name, struct arena *arena,
                               struct str *ret_text, struct fail *fail)
{
    struct str value = json_get(section, str_from(name));
    char *text = arena_alloc(arena, value.len + 1);
    struct buf out = { text, 0, value.len + 1, value.len + 1 };
    if (text == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a receipt");
    }
    if (value.len > 0 && (json_kind(value) != JSON_STRING || !json_decode(value, &out))) {
        return FAIL(fail, ERR_AUDIT_FAILED, "the receipt's \"%s\" is damaged", name);
    }
    *ret_text = buf_str(&out);
    return ERR_OK;
}

enum err rejudge_read(struct str evidence, struct str operator_section, struct arena *arena,
                      struct rejudge_past *ret_past, struct fail *fail)
{
    struct json_fault fault;
    if (json_check(evidence, &fault) != ERR_OK || json_check(operator_section, &fault) != ERR_OK) {
        return FAIL(fail, ERR_AUDIT_FAILED, "the receipt's row is damaged");
    }
    TRY(rejudge_member(evidence, "registry", arena, &ret_past->registry, fail));
    TRY(rejudge_member(evidence, "rules", arena, &ret_past->rules, fail));
    TRY(rejudge_member(operator_section, "law", arena, &ret_past->law, fail));
    TRY(rejudge_member(operator_section, "facts", arena, &ret_past->facts, fail));
    return arena_copy(arena, json_get(operator_section, STR("reasons")), &ret_past->reasons)
               ? ERR_OK
               : FAIL(fail, ERR_NO_MEMORY, "no memory for a receipt");
}

/* ---- judging ------------------------------------------------------------------------------- */

enum err rejudge_init(struct rejudge *rejudge, const struct registry *registry, struct fail *fail)
{
    *rejudge = (struct rejudge){ .registry = registry };
    TRY(policy_compile(registry, &rejudge->policy, fail));
    /* Too large for a stack that may be a worker's. */
    rejudge->verdict = mem_zalloc(sizeof(*rejudge->verdict));
    if (rejudge->verdict == NULL) {
        rejudge_fini(rejudge);
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a verdict");
    }
    return ERR_OK;
}

void rejudge_fini(struct rejudge *rejudge)
{
    mem_free(rejudge->verdict);
    policy_destroy(rejudge->policy);
    *rejudge = (struct rejudge){ .registry = NULL };
}

/* The reasons as the receipt has them: the first of them, as JSON. */
static enum err rejudge_reasons(const struct policy_verdict *verdict, struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '[');
    for (size_t i = 0; i < verdict->reason_count && i < RECEIPT_REASONS_MAX; i++) {
        char text[RECEIPT_REASON_MAX];
        struct buf line = { text, 0, sizeof(text), sizeof(text) };
        EP_IGNORE(policy_reason_print(&verdict->reasons[i], &line)); /* what fits */
        jsonw_str(&json, buf_str(&line));
    }
    jsonw_close(&json, ']');
    return jsonw_err(&json);
}

enum err rejudge_run(struct rejudge *rejudge, const struct rejudge_past *past, struct arena *arena,
                     struct buf *law, bool *ret_agrees, struct fail *fail)
{
    struct policy_facts facts;
    struct buf reasons;
    enum err read = policy_facts_read(past->facts, rejudge->registry, arena, &facts, fail);
    if (read != ERR_OK) {
        return read == ERR_NO_MEMORY ? read : ERR_AUDIT_FAILED; /* no server has written these */
    }
    policy_judge(rejudge->policy, &facts, rejudge->verdict);
    buf_init(&reasons, REJUDGE_TEXT_MAX);
    EP_IGNORE(policy_print_law(rejudge->verdict, law)); /* what fits, as it was then */
    enum err err = rejudge_reasons(rejudge->verdict, &reasons);
    *ret_agrees = err == ERR_OK && str_eq(buf_str(law), past->law) &&
                  str_eq(buf_str(&reasons), past->reasons);
    buf_fini(&reasons);
    return err == ERR_OK ? ERR_OK : FAIL(fail, err, "no memory for a verdict's reasons");
}
