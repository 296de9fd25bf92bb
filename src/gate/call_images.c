#include "gate/call_images.h"

#include "dialect/images.h"
#include "gate/call.h"
#include "gate/upload.h"
#include "wire/json.h"

#define IMAGES_FRAME_TOKENS 64 /* that a server may put around the prompt */
/* The most that a picture which is sent takes: OpenAI's has its shortest side scaled to 512 points,
 * 65 tokens and 129 for each square of that side (ten of them at most), and 6240 more where its
 * details are kept (input_fidelity). A mask is taken for one. */
#define IMAGES_SENT_TOKENS 8192

struct images_work {
    struct images_ask asked;
    struct images_kind kind; /* as was asked for; then as the answer says */
    bool made;               /* there is an answer */
    int64_t count;           /* pictures of it */
};

/* Pictures that are to be changed or varied: nobody has looked into them. */
static void images_sent(const struct upload *upload, struct call_work *work)
{
    int64_t sent = (int64_t)upload->files + (upload->has_mask ? 1 : 0);
    work->input_most += sent * IMAGES_SENT_TOKENS;
    work->mixed = true;
    work->unseen = true;
}

static enum err images_parse(struct call *call, struct fail *fail)
{
    struct images_ask asked;
    struct images_kind kind;
    bool varied = call->upload != NULL && call->upload->kind->form == GATE_FORM_VARIATION;
    enum err err = images_read(buf_str(&call->body), !varied, &call->ask, &asked, &kind, fail);
    call->param = call->ask.param;
    TRY(err);
    struct call_work *work = call_work_make(call, sizeof(struct images_work));
    if (work == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    struct images_work *own = work->own;
    own->asked = asked;
    images_kind_copy(&kind, &own->kind);
    work->texts = asked.prompt;
    work->about = true;
    work->input_most = (int64_t)asked.prompt.len + IMAGES_FRAME_TOKENS;
    work->most[USAGE_UNIT_IMAGE] = asked.count;
    if (call->upload != NULL) {
        images_sent(call->upload, work);
    }
    return ERR_OK;
}

static enum err images_check(struct call *call)
{
    struct images_work *own = call->work->own;
    struct str body = buf_str(&call->answer);
    struct images_answer answer;
    if (!images_answer_read(body, &own->asked, &answer)) {
        return ERR_UPSTREAM_SYNTAX;
    }
    if (answer.error) {
        return ERR_UPSTREAM_STATUS;
    }
    TRY(call_service_declared(call, answer.model));
    call_service_reported(call, answer.usage, answer.usage);
    images_kind_read(body, &own->kind);
    own->count = answer.count;
    own->made = true;
    return ERR_OK;
}

/* The picture that ends a stream lies in the tail, as its event came. */
static void images_read_tail(const struct call *call, struct images_work *own)
{
    struct json_fault fault;
    struct str tail = buf_str(&call->relay.tail);
    struct str data = str_from_at(tail, str_search(tail, STR("data:")));
    data = json_trim(str_slice(data, data.len > 5 ? 5 : data.len, str_find(data, '\n')));
    if (json_check(data, &fault) == ERR_OK && json_kind(data) == JSON_OBJECT) {
        images_kind_read(data, &own->kind);
    }
}

/* Of a stream; the one that ends it has not left where what follows it went wrong. */
static int64_t images_streamed(const struct call *call, int64_t most)
{
    bool kept = call->relay.ended && call->outcome != OUTCOME_COMPLETE;
    int64_t count = call->relay.finished - (kept ? 1 : 0);
    return count < most ? count : most;
}

static void images_measure(struct call *call, const struct rate *rate)
{
    struct images_work *own = call->work->own;
    if (call->streamed) {
        own->count = images_streamed(call, own->asked.count);
        own->made = own->count > 0;
        images_read_tail(call, own);
    }
    call->billed.units[USAGE_UNIT_IMAGE] = own->count;
    if (!rate->known[USAGE_IN] || (usage_sum(&call->billed) == 0 && own->count > 0)) {
        call->provenance = "counted";
    }
}

/* Before there is an answer: the dearest that it may be. */
static void images_price(const struct call *call, const struct registry_price *price,
                         struct rate *rate)
{
    const struct images_work *own = call->work->own;
    bool sure = own->made || (own->kind.size.len > 0 && own->kind.quality.len > 0);
    rate->pico_unit[USAGE_UNIT_IMAGE] =
        sure ? registry_image_price(price, own->kind.size, own->kind.quality)
             : registry_image_dearest(price);
}

const struct call_service call_images = {
    .service = REGISTRY_SERVICE_IMAGES,
    .writes = true,
    .read = images_parse,
    .write = call_own_write,
    .check = images_check,
    .event = images_event_read,
    .measure = images_measure,
    .price = images_price,
};
