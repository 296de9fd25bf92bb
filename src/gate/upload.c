#include "gate/upload.h"

#include <stdio.h>
#include <string.h>

#include "base/counter.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "gate/auth.h"
#include "gate/gate_internal.h"
#include "gate/intake.h"
#include "gate/reply.h"
#include "ident/ident.h"
#include "store/spool.h"

#define UPLOAD_NAME_MAX  ((size_t)32 * 1024)  /* a file's name as JSON, at worst six for a byte */
#define UPLOAD_ASK_MAX   ((size_t)512 * 1024) /* the fields as JSON: few bytes need an escape */
#define UPLOAD_FRAME_MAX ((uint64_t)1 << 20) /* of a body, beside the file: its fields, its heads */

/* ---- its end ------------------------------------------------------------------------------- */

void upload_free(struct upload *upload)
{
    if (upload == NULL) {
        return;
    }
    ASSERT(upload->magic == UPLOAD_MAGIC && upload->x == NULL);
    timer_stop(upload->gate->loop, &upload->timer);
    if (node_linked(&upload->node)) {
        node_unlink(&upload->node);
    }
    multipart_fini(&upload->form);
    digest_stream_fini(&upload->digest);
    spool_close(upload->file);
    buf_fini(&upload->fields);
    buf_fini(&upload->members);
    buf_fini(&upload->ask);
    buf_fini(&upload->name);
    upload->magic = 0;
    mem_free(upload);
}

/* The exchange is over. */
static void upload_answer(struct upload *upload, const struct face_error *error)
{
    struct http_exchange *x = upload->x;
    upload->x = NULL;
    upload_free(upload);
    reply_refuse(x, error);
}

static void upload_refuse(struct upload *upload, const struct upload_fault *fault)
{
    upload_answer(upload, &(struct face_error){
                              .err = fault->err,
                              .message = str_from(fault->text),
                              .param = str_from(fault->param),
                          });
}

void upload_broken(struct upload *upload, enum err err)
{
    upload_answer(upload, &(struct face_error){ .err = err });
}

void upload_gone(struct upload *upload)
{
    upload->x = NULL;
    upload_free(upload);
}

void uploads_cut(struct gate *gate)
{
    LIST_EACH_SAFE(node, after, &gate->uploads) {
        struct upload *upload = EP_CONTAINER(node, struct upload, node);
        http_exchange_abort(upload->x);
        upload_gone(upload);
    }
}

static void upload_on_timer(struct timer *timer)
{
    upload_broken(EP_CONTAINER(timer, struct upload, timer), ERR_HTTP_TIMEOUT);
}

/* ---- its beginning ------------------------------------------------------------------------- */

static enum err upload_read_source(const struct http_source *source, uint64_t at, char *place,
                                   size_t room, size_t *ret_len)
{
    union {
        const struct http_source *in;
        struct http_source *out;
    } unconst = { .in = source }; /* of an upload, which is only read */
    const struct upload *upload = EP_CONTAINER(unconst.out, struct upload, source);
    return spool_read(upload->file, at, place, room, ret_len);
}

/* The boundary that its parts have upstream: nobody who makes a file can know it. */
static void upload_mark(struct upload *upload)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[UPLOAD_MARK_BYTES / 2];
    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        upload->mark[2 * i] = digits[bytes[i] >> 4];
        upload->mark[2 * i + 1] = digits[bytes[i] & 15];
    }
    struct buf tail = { upload->tail, 0, sizeof(upload->tail), sizeof(upload->tail) };
    enum err err = multipart_write_file_end(&tail);
    err = err == ERR_OK
              ? multipart_write_end(&tail, (struct str){ upload->mark, sizeof(upload->mark) })
              : err;
    ASSERT(err == ERR_OK); /* two line ends and six dashes fit */
    upload->tail_len = tail.len;
}

static struct upload *upload_make(struct gate *gate, struct http_exchange *x, enum face face,
                                  const struct upload_kind *kind)
{
    struct upload *upload = mem_zalloc(sizeof(*upload));
    if (upload == NULL) {
        return NULL;
    }
    upload->magic = UPLOAD_MAGIC;
    upload->face = face;
    upload->kind = kind;
    upload->gate = gate;
    upload->x = x;
    upload->source.read = upload_read_source;
    timer_init(&upload->timer, upload_on_timer);
    sound_init(&upload->sound);
    buf_init(&upload->fields, UPLOAD_FIELDS_MAX);
    buf_init(&upload->members, UPLOAD_ASK_MAX);
    buf_init(&upload->ask, UPLOAD_ASK_MAX);
    buf_init(&upload->name, UPLOAD_NAME_MAX);
    upload_mark(upload);
    list_push_back(&gate->uploads, &upload->node);
    return upload;
}

/* Of the same client, this one among them. */
static size_t upload_count(const struct upload *upload)
{
    size_t count = 0;
    LIST_EACH(node, &upload->gate->uploads) {
        const struct upload *other = EP_CONTAINER(node, struct upload, node);
        count += other->client == upload->client ? 1 : 0;
    }
    return count;
}

/* What can be known of it before its body is read. */
static bool upload_admit(struct upload *upload, struct upload_fault *fault)
{
    const struct api_key *key = NULL;
    struct gate *gate = upload->gate;
    const struct http1_head *head = http_exchange_head(upload->x);
    uint64_t most = gate->snapshot->options.upload_bytes_max;
    enum err err = auth_find(gate, upload->x, &key);
    if (err != ERR_OK) {
        return upload_wrong(fault, err, STR_EMPTY, "%s", err_info(err)->text);
    }
    upload->client = key->client;
    if (upload_count(upload) > UPLOAD_CLIENT_MAX) {
        return upload_wrong(fault, ERR_LIMIT_CALLS, STR_EMPTY,
                            "At most %d uploads of an account are taken at once. Please try "
                            "again in 1s.",
                            UPLOAD_CLIENT_MAX);
    }
    if (head->framing == HTTP1_LENGTH && head->length > most + UPLOAD_FRAME_MAX) {
        return upload_wrong(fault, ERR_HTTP_BODY_SIZE, upload->kind->file,
                            "The files must not have more than %llu bytes.",
                            (unsigned long long)most);
    }
    if (!multipart_init(&upload->form, http1_header(head, STR("content-type")),
                        upload->kind->file)) {
        return upload_wrong(fault, ERR_HTTP_TYPE, STR_EMPTY, "The form cannot be read: %s.",
                            multipart_why(upload->form.bad));
    }
    return true;
}

void upload_log(const struct fail *fail)
{
    struct log_line line;
    log_begin(&line, EVENT_UPLOAD);
    log_fail(&line, fail);
    log_end(&line);
}

static bool upload_open(struct upload *upload, struct upload_fault *fault)
{
    struct fail fail = { .text = "" };
    struct gate *gate = upload->gate;
    enum err err = gate->world.spool == NULL
                       ? FAIL(&fail, ERR_UPLOAD_FAILED, "there is no folder for uploads")
                       : spool_open(gate->world.spool, &upload->file, &fail);
    if (err != ERR_OK) {
        upload_log(&fail);
    } else {
        int64_t until_ns = loop_now_ns(gate->loop) + gate->snapshot->options.upload_ns;
        err = timer_start(gate->loop, &upload->timer, until_ns);
    }
    return err == ERR_OK || upload_wrong(fault, err, STR_EMPTY, "%s", err_info(err)->text);
}

/* NULL: it was refused. */
static struct upload *upload_start(struct gate *gate, struct http_exchange *x, enum face face,
                                   const struct upload_kind *kind)
{
    struct upload_fault fault = { .err = ERR_OK };
    struct upload *upload = upload_make(gate, x, face, kind);
    if (upload == NULL) {
        reply_refuse(x, &(struct face_error){ .err = ERR_NO_MEMORY });
        return NULL;
    }
    if (!upload_admit(upload, &fault) || !upload_open(upload, &fault)) {
        upload_refuse(upload, &fault);
        return NULL;
    }
    return upload;
}

void upload_begin(struct gate *gate, struct http_exchange *x, enum face face,
                  const struct upload_kind *kind)
{
    struct upload *upload = upload_start(gate, x, face, kind);
    if (upload != NULL) {
        http_exchange_own(x, upload);
    }
}

bool upload_is(const void *owner)
{
    return *(const uint32_t *)owner == UPLOAD_MAGIC;
}

/* ---- its body ------------------------------------------------------------------------------ */

/* The form as it stands is bad. */
static void upload_unread(const struct upload *upload, struct upload_fault *fault)
{
    enum multipart_bad bad = upload->form.bad;
    struct str name = multipart_name(&upload->form);
    enum err err = bad == MULTIPART_TWICE       ? ERR_ASK_DUPLICATE
                   : bad == MULTIPART_NO_MEMORY ? ERR_NO_MEMORY
                                                : ERR_ASK_INVALID;
    bool at = name.len > 0 && bad != MULTIPART_NO_END && bad != MULTIPART_EPILOGUE;
    (void)upload_wrong(fault, err, at ? name : STR_EMPTY,
                       "The form cannot be read: %s%s" STR_FMT "%s.", multipart_why(bad),
                       at ? " (at or behind \"" : "", STR_ARG(at ? name : STR_EMPTY),
                       at ? "\")" : "");
}

static bool upload_feed(struct upload *upload, struct str data, struct upload_fault *fault)
{
    struct multipart_item item;
    enum wire_result result = WIRE_DONE;
    while (result == WIRE_DONE) {
        result = multipart_next(&upload->form, &data, &item);
        if (result == WIRE_DONE && !upload_take(upload, &item, fault)) {
            return false;
        }
    }
    if (result == WIRE_BAD) {
        upload_unread(upload, fault);
    }
    return result != WIRE_BAD;
}

void upload_piece(struct upload *upload, struct str data)
{
    struct upload_fault fault = { .err = ERR_OK };
    if (!upload_feed(upload, data, &fault)) {
        upload_refuse(upload, &fault);
    }
}

void upload_done(struct upload *upload)
{
    struct upload_fault fault = { .err = ERR_OK };
    if (!multipart_done(&upload->form)) {
        upload_unread(upload, &fault);
        upload_refuse(upload, &fault);
        return;
    }
    if (!upload_check(upload, &fault)) {
        upload_refuse(upload, &fault);
        return;
    }
    multipart_fini(&upload->form);
    timer_stop(upload->gate->loop, &upload->timer);
    node_unlink(&upload->node);
    struct http_exchange *x = upload->x;
    upload->x = NULL;
    call_begin_upload(upload->gate, x, upload);
}

void upload_whole(struct gate *gate, struct http_exchange *x, enum face face,
                  const struct upload_kind *kind)
{
    struct upload_fault fault = { .err = ERR_OK };
    struct upload *upload = upload_start(gate, x, face, kind);
    if (upload == NULL) {
        return;
    }
    if (!upload_feed(upload, http_exchange_body(x), &fault)) {
        upload_refuse(upload, &fault);
        return;
    }
    upload_done(upload);
}

/* ---- of a call ----------------------------------------------------------------------------- */

struct str upload_answer_type(const struct upload *upload)
{
    return upload->format <= UPLOAD_DIARIZED_JSON ? STR("application/json")
                                                  : STR("text/plain; charset=utf-8");
}

enum err upload_write(struct upload *upload, const struct gate_route *ready, struct arena *arena,
                      struct http_call *upstream, struct str parts[CALL_PARTS_MAX])
{
    char text[1024]; /* a model's name of 256 bytes, a boundary, and some words */
    struct buf room = { text, 0, sizeof(text), sizeof(text) };
    struct str mark = { upload->mark, sizeof(upload->mark) };
    TRY(multipart_write_field(&room, mark, STR("model"), ready->route->upstream_model));
    if (!arena_copy(arena, buf_str(&room), &parts[1])) {
        return ERR_NO_MEMORY;
    }
    parts[2] = buf_str(&upload->fields);
    upstream->source = &upload->source;
    upstream->source_tail = (struct str){ upload->tail, upload->tail_len };
    uint64_t length = parts[1].len + parts[2].len + upload->source.len + upload->tail_len;
    buf_reset(&room);
    TRY(buf_u64(&room, length));
    TRY(buf_append(&room, STR("\r\nContent-Type: multipart/form-data; boundary=")));
    TRY(buf_append(&room, mark));
    TRY(buf_append(&room, STR("\r\n\r\n")));
    if (!arena_copy(arena, buf_str(&room), &parts[0])) {
        return ERR_NO_MEMORY;
    }
    upstream->head = ready->form_heads[upload->kind->form];
    upstream->body = parts;
    upstream->body_count = 3;
    return ERR_OK;
}
