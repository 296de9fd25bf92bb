/* room: dialect */
#include "dialect/embeddings.h"
#include "dialect/images.h"
#include "dialect/rerank.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What goes upstream is JSON, and reads back as the same request of another model. */
static void check_written(const struct ask *ask, struct buf *out)
{
    struct arena arena;
    struct splice splice;
    struct iovec parts[SPLICE_PARTS_MAX];
    struct json_fault fault;
    arena_init(&arena, 256, 8192);
    buf_init(out, 1 << 21);
    ASSERT(ask_write_own(ask, STR("up\"stream"), &arena, &splice) == ERR_OK);
    int count = splice_parts(&splice, parts);
    for (int i = 0; i < count; i++) {
        ASSERT(buf_append(out, (struct str){ parts[i].iov_base, parts[i].iov_len }) == ERR_OK);
    }
    ASSERT(json_check(buf_str(out), &fault) == ERR_OK);
    arena_fini(&arena);
}

static void check_again(const struct ask *again)
{
    ASSERT(str_eq(again->model, STR("up\"stream")));
    ASSERT(again->provider.len == 0 && again->models.count == 0);
}

static void try_embeddings(struct str body, struct str told)
{
    struct ask ask;
    struct embeddings_ask asked;
    struct embeddings_ask same;
    struct embeddings_answer answer;
    struct buf out;
    if (embeddings_read(body, &ask, &asked, NULL) != ERR_OK) {
        return;
    }
    check_written(&ask, &out);
    ASSERT(embeddings_read(buf_str(&out), &ask, &same, NULL) == ERR_OK);
    check_again(&ask);
    ASSERT(same.count == asked.count && same.tokens == asked.tokens && same.size == asked.size);
    buf_fini(&out);
    if (embeddings_answer_read(told, &asked, &answer) && !answer.error) {
        buf_init(&out, 1 << 24);
        if (embeddings_answer_write(told, &asked, &out) == ERR_OK) {
            ASSERT(embeddings_answer_read(buf_str(&out), &asked, &answer) && !answer.rewrite);
        }
        buf_fini(&out);
    }
}

static void try_rerank(struct str body, struct str told)
{
    struct ask ask;
    struct rerank_ask asked;
    struct rerank_ask same;
    struct rerank_answer answer;
    struct buf out;
    if (rerank_read(body, &ask, &asked, NULL) != ERR_OK) {
        return;
    }
    check_written(&ask, &out);
    ASSERT(rerank_read(buf_str(&out), &ask, &same, NULL) == ERR_OK);
    check_again(&ask);
    ASSERT(same.count == asked.count && same.units == asked.units);
    ASSERT(asked.units > 0 && asked.units <= asked.units_most);
    buf_fini(&out);
    if (rerank_answer_read(told, &asked, &answer)) {
        ASSERT(answer.tokens >= -1 && answer.search_units >= -1);
    }
}

static void try_images(struct str body, struct str told)
{
    struct ask ask;
    struct images_ask asked;
    struct images_kind kind;
    struct images_answer answer;
    struct chat_event event;
    struct buf out;
    images_event_read(told, &event);
    ASSERT(!event.bad || event.finished == 0);
    if (images_read(body, true, &ask, &asked, &kind, NULL) != ERR_OK) {
        return;
    }
    check_written(&ask, &out);
    ASSERT(images_read(buf_str(&out), true, &ask, &asked, &kind, NULL) == ERR_OK);
    check_again(&ask);
    buf_fini(&out);
    if (images_answer_read(told, &asked, &answer)) {
        ASSERT(answer.error || (answer.count > 0 && answer.count <= asked.count));
        images_kind_read(json_trim(told), &kind);
    }
}

/* A line that is asked, and the rest is answered: to all services, for what one refuses another may
 * take. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str told = { (const char *)data, size };
    struct str body = str_cut(&told, '\n');
    struct json_member members[1];
    struct json_fault fault;
    size_t count = 0;
    if (json_index(body, members, 1, &count, &fault) != ERR_OK || count > ASK_MEMBERS_MAX - 1) {
        return 0; /* one may be added, and is read again */
    }
    try_embeddings(body, told);
    try_rerank(body, told);
    try_images(body, told);
    return 0;
}
