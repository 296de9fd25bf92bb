#include "gate/talk_route.h"

static bool route_fetches(const struct registry_route *route)
{
    bool vendor = route->dialect == REGISTRY_DIALECT_ANTHROPIC ||
                  route->dialect == REGISTRY_DIALECT_OPENAI_RESPONSES;
    return route->image_urls == REGISTRY_IMAGE_URLS_FETCHED ||
           (route->image_urls == REGISTRY_IMAGE_URLS_BY_DIALECT && vendor);
}

struct talk_target talk_route_target(const struct registry_route *route, int64_t output_cap)
{
    bool newer = route->dialect == REGISTRY_DIALECT_ANTHROPIC &&
                 route->anthropic_version == REGISTRY_ANTHROPIC_2026_10_21;
    return (struct talk_target){
        .dialect = talk_route_dialect(route),
        .model = route->upstream_model,
        .output_cap = output_cap,
        .cap_name = route->output_cap_field == REGISTRY_CAP_MAX_TOKENS
                        ? STR("max_tokens")
                        : STR("max_completion_tokens"),
        .no_sampling = newer,
        .takes_urls = route_fetches(route),
        .adaptive = newer || route->thinking == REGISTRY_THINKING_EFFORT,
    };
}

bool talk_route_is_alike(const struct registry_route *a, const struct registry_route *b)
{
    const struct talk_target one = talk_route_target(a, 1);
    const struct talk_target other = talk_route_target(b, 1);
    return one.dialect == other.dialect && one.no_sampling == other.no_sampling &&
           one.takes_urls == other.takes_urls && one.adaptive == other.adaptive &&
           str_eq(one.cap_name, other.cap_name);
}

enum err talk_route_write(struct talk *talk, const struct registry_route *route, int64_t output_cap,
                          struct buf *out, struct lost *lost, struct str *ret_param,
                          struct fail *fail)
{
    const struct talk_target target = talk_route_target(route, output_cap);
    int64_t given = talk->output_cap;
    *ret_param = talk->own;
    if (talk->own.len > 0) {
        return FAIL(fail, ERR_ASK_UNSUPPORTED, "\"" STR_FMT "\" %s", STR_ARG(talk->own),
                    talk->own_why);
    }
    talk->output_cap = output_cap;
    enum err err = talk_write(talk, &target, out, lost, fail);
    talk->output_cap = given;
    *ret_param = talk->param;
    talk->param = STR_EMPTY;
    if (err == ERR_NO_MEMORY) {
        return FAIL(fail, err, "%s", err_info(err)->text);
    }
    return err == ERR_LIMIT ? FAIL(fail, ERR_HTTP_BODY_SIZE,
                                   "In the dialect of route \"" STR_FMT
                                   "\" the request would be too large: send less.",
                                   STR_ARG(route->id))
                            : err;
}
