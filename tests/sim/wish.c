#include "wish.h"

#define WISH_MS INT64_C(1000000)

#define WISH_ANY 3U /* both sources: a bit each */

/* Sources by model. "south" has its weights as fp8, of "north" nothing is on record; neither says
 * that it keeps no analytics (life.c). A million input tokens of m-0 cost more than a dollar,
 * whatever the list. */
static const struct {
    const char *provider; /* members of the object; empty: it is not there */
    unsigned sources[PLAY_MODELS];
} wishes[] = {
    { "", { WISH_ANY, WISH_ANY } },
    { "\"only\":[\"north\"]", { 1, 1 } },
    { "\"only\":[\"nobody\",\"south\"]", { 2, 2 } },
    { "\"only\":[\"r-1\",\"r-2\"]", { 2, 1 } },
    { "\"ignore\":[\"north\"]", { 2, 2 } },
    { "\"ignore\":[\"r-0\"]", { 2, WISH_ANY } },
    { "\"only\":[\"north\"],\"ignore\":[\"r-2\"]", { 1, 0 } },
    { "\"order\":[\"south\"],\"allow_fallbacks\":false", { 2, 2 } },
    { "\"order\":[\"south\",\"north\"]", { WISH_ANY, WISH_ANY } },
    { "\"quantizations\":[\"fp8\"]", { 2, 2 } },
    { "\"quantizations\":[\"int4\",\"unknown\"],\"zdr\":true", { 1, 1 } },
    { "\"sort\":\"latency\",\"data_collection\":\"allow\"", { WISH_ANY, WISH_ANY } },
    { "\"data_collection\":\"deny\"", { 0, 0 } },
    { "\"max_price\":{\"prompt\":1}", { 0, WISH_ANY } },
    { "\"only\":[\"nobody\"]", { 0, 0 } },
};

/* Which of the calls with a key an upstream is asked for, nobody outside can tell: they have no
 * deadline. */
struct wish wish_make(struct play *play, int model, bool repeated)
{
    struct wish wish = { .stand_in = -1 };
    int64_t now_ns = sim_now_ns(play->sim);
    if (!play_is_choosy(play)) {
        return wish;
    }
    wish.kind = play_chance(play, 2) ? play_random(play, EP_ARRAY_LEN(wishes)) : 0;
    wish.stand_in = play_chance(play, 2) ? (model + 1) % PLAY_MODELS : -1;
    if (!repeated && play_chance(play, 3)) {
        bool late = play_chance(play, 6);
        int64_t away_ns = (1 + (int64_t)play_random(play, 3000)) * WISH_MS;
        wish.deadline_ns = late ? now_ns - away_ns : now_ns + away_ns;
        wish.deadline_ns = wish.deadline_ns > 0 ? wish.deadline_ns : 1;
    }
    return wish;
}

static void wish_put(struct buf *out, const char *format, const char *text)
{
    enum err err = buf_append(out, str_from(format));
    err = err == ERR_OK ? buf_append(out, str_from(text)) : err;
    ASSERT(err == ERR_OK);
}

void wish_put_body(const struct wish *wish, struct buf *out)
{
    static const char *const models[PLAY_MODELS] = { "m-0", "m-1" };
    if (wish->kind > 0) {
        wish_put(out, ",\"provider\":{", wishes[wish->kind].provider);
        wish_put(out, "}", "");
    }
    if (wish->stand_in >= 0) {
        wish_put(out, ",\"models\":[\"", models[wish->stand_in]);
        wish_put(out, "\"]", "");
    }
}

void wish_put_head(const struct play *play, const struct wish *wish, struct buf *out)
{
    if (wish->deadline_ns == 0) {
        return;
    }
    int64_t wall_ns = loop_wall_ns(play->outside) + wish->deadline_ns - sim_now_ns(play->sim);
    enum err err = buf_printf(out, "x-request-deadline: %lld.%09lld\r\n",
                              (long long)(wall_ns / 1000000000), (long long)(wall_ns % 1000000000));
    ASSERT(err == ERR_OK);
}

bool wish_allows(const struct sale *sale, int model, int upstream)
{
    bool sold = model == sale->model || model == sale->wish.stand_in;
    return sold && (wishes[sale->wish.kind].sources[model] >> upstream & 1) != 0;
}
