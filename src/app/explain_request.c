#include "app/explain_request.h"

#include "base/mem.h"
#include "gate/talk_route.h"

#define EXPLAIN_BYTES_MAX ((size_t)64 << 20)
#define EXPLAIN_FIELD_MAX (TALK_PARAM_MAX + sizeof("cannot_carry "))

struct explain_request {
    struct arena arena;
    struct talk talk;
    uint64_t uncarried;
    struct str fields[REGISTRY_ROUTES_PER_MODEL_MAX]; /* in the arena */
};

static enum err explain_dialect(struct str said, enum dialect *ret_dialect, struct fail *fail)
{
    static const struct str names[] = { STR_INIT("chat"), STR_INIT("responses"),
                                        STR_INIT("anthropic"), STR_INIT("gemini") };
    _Static_assert(EP_ARRAY_LEN(names) == DIALECT_COUNT, "a name each");
    unsigned found = 0;
    while (said.len > 0 && found < DIALECT_COUNT && !str_eq(said, names[found])) {
        found++;
    }
    *ret_dialect = (enum dialect)found;
    return found < DIALECT_COUNT
               ? ERR_OK
               : FAIL(fail, ERR_ASK_INVALID,
                      "\"--dialect\" is the client's: chat, responses, anthropic or gemini");
}

static enum err explain_note(struct explain_request *request, size_t at, struct str field)
{
    char text[EXPLAIN_FIELD_MAX];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    request->uncarried |= UINT64_C(1) << at;
    EP_IGNORE(buf_append(&shown, STR("cannot_carry "))); /* fits */
    EP_IGNORE(buf_append(&shown, field));
    return arena_copy(&request->arena, buf_str(&shown), &request->fields[at]) ? ERR_OK
                                                                              : ERR_NO_MEMORY;
}

static enum err explain_route(struct explain_request *request, const struct registry_route *route,
                              size_t at)
{
    struct buf body;
    struct lost lost = { 0 };
    struct str field = STR_EMPTY;
    int64_t cap = (int64_t)route->model->output_tokens_max;
    if (talk_route_dialect(route) == request->talk.dialect) {
        return ERR_OK;
    }
    buf_init(&body, EXPLAIN_BYTES_MAX);
    if (request->talk.output_cap > 0 && request->talk.output_cap < cap) {
        cap = request->talk.output_cap;
    }
    enum err err = talk_route_write(&request->talk, route, cap, &body, &lost, &field, NULL);
    buf_fini(&body);
    return err == ERR_OK || err == ERR_NO_MEMORY ? err : explain_note(request, at, field);
}

static enum err explain_take(const struct explain_said *said, const struct registry_model *model,
                             struct explain_request *request, struct fail *fail)
{
    enum dialect dialect = DIALECT_CHAT;
    const struct talk_path way = { .model = model->id, .own = true };
    TRY(explain_dialect(said->dialect, &dialect, fail));
    TRY(talk_read(dialect, said->request, &way, &request->arena, &request->talk, fail));
    for (size_t i = 0; i < model->route_count; i++) {
        TRY(explain_route(request, model->routes[i], i));
    }
    return ERR_OK;
}

enum err explain_request_read(const struct explain_said *said, const struct registry_model *model,
                              struct explain_request **ret_request, struct fail *fail)
{
    if (said->request.len == 0) {
        return ERR_OK;
    }
    *ret_request = mem_zalloc(sizeof(**ret_request));
    if (*ret_request == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the request");
    }
    arena_init(&(*ret_request)->arena, 4096, EXPLAIN_BYTES_MAX);
    return explain_take(said, model, *ret_request, fail);
}

void explain_request_free(struct explain_request *request)
{
    if (request != NULL) {
        arena_fini(&request->arena);
        mem_free(request);
    }
}

uint64_t explain_uncarried(const struct explain_request *request)
{
    return request == NULL ? 0 : request->uncarried;
}

struct str explain_field(const struct explain_request *request, size_t at)
{
    return request->fields[at];
}
