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

static struct upload *upload_of(struct chore *chore)
{
    return EP_CONTAINER(chore, struct upload, chore);
}

static void upload_destroy(struct chore *chore)
{
    struct upload *upload = upload_of(chore);
    multipart_fini(&upload->form);
    digest_stream_fini(&upload->digest);
    buf_fini(&upload->fields);
    buf_fini(&upload->members);
    buf_fini(&upload->ask);
    buf_fini(&upload->name);
    buf_fini(&upload->piece);
    upload->magic = 0;
    mem_free(upload);
}

/* Blocks that were written are given back: that may take its time, too. */
static void upload_run_close(struct chore *chore)
{
    struct upload *upload = upload_of(chore);
    spool_close(upload->file);
    upload->file = NULL;
}

static void upload_end(struct upload *upload)
{
    if (upload->file == NULL) {
        upload_destroy(&upload->chore);
    } else if (chore_start(&upload->chore, upload_run_close, upload_destroy) != ERR_OK) {
        upload_run_close(&upload->chore); /* so much waits for a thread that this one does it */
        upload_destroy(&upload->chore);
    }
}

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
    upload->reader = NULL;
    upload->ended = true;
    if (!upload->chore.busy) {
        upload_end(upload);
    }
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

static enum err upload_read(struct http_source *source, uint64_t at, struct str *ret_bytes);

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
    upload->chore.gate = gate;
    upload->source.read = upload_read;
    timer_init(&upload->timer, upload_on_timer);
    sound_init(&upload->sound);
    buf_init(&upload->fields, UPLOAD_FIELDS_MAX);
    buf_init(&upload->members, UPLOAD_ASK_MAX);
    buf_init(&upload->ask, UPLOAD_ASK_MAX);
    buf_init(&upload->name, UPLOAD_NAME_MAX);
    buf_init(&upload->piece,
             (size_t)gate->snapshot->options.upload_bytes_max + (size_t)UPLOAD_FRAME_MAX);
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

/* The file cannot be had: the operator is told why. */
static void upload_log(const struct fail *fail)
{
    struct log_line line;
    log_begin(&line, EVENT_UPLOAD);
    log_fail(&line, fail);
    log_end(&line);
}

static bool upload_time(struct upload *upload, struct upload_fault *fault)
{
    struct fail fail = { .text = "" };
    struct gate *gate = upload->gate;
    int64_t until_ns = loop_now_ns(gate->loop) + gate->snapshot->options.upload_ns;
    enum err err = timer_start(gate->loop, &upload->timer, until_ns);
    if (err == ERR_OK && gate->world.spool == NULL) {
        err = FAIL(&fail, ERR_UPLOAD_FAILED, "there is no folder for uploads");
        upload_log(&fail);
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
    if (!upload_admit(upload, &fault) || !upload_time(upload, &fault)) {
        upload_refuse(upload, &fault);
        return NULL;
    }
    http_exchange_own(x, upload);
    return upload;
}

void upload_begin(struct gate *gate, struct http_exchange *x, enum face face,
                  const struct upload_kind *kind)
{
    EP_IGNORE(upload_start(gate, x, face, kind) != NULL); /* the exchange has it, or its refusal */
}

bool upload_is(const void *owner)
{
    return *(const uint32_t *)owner == UPLOAD_MAGIC;
}

/* ---- its file ------------------------------------------------------------------------------ */

static void upload_become(struct upload *upload)
{
    struct http_exchange *x = upload->x;
    multipart_fini(&upload->form);
    buf_fini(&upload->piece); /* its call may wait for long */
    timer_stop(upload->gate->loop, &upload->timer);
    node_unlink(&upload->node);
    upload->source.len = spool_size(upload->file);
    upload->x = NULL;
    call_begin_upload(upload->gate, x, upload);
}

static void upload_run_write(struct chore *chore)
{
    struct upload *upload = upload_of(chore);
    struct fail *fail = &upload->piece_fail;
    enum err err =
        upload->file == NULL ? spool_open(chore->gate->world.spool, &upload->file, fail) : ERR_OK;
    upload->piece_err =
        err == ERR_OK ? spool_append(upload->file, buf_str(&upload->piece), fail) : err;
}

static void upload_on_written(struct chore *chore)
{
    struct upload *upload = upload_of(chore);
    if (upload->piece_err != ERR_OK) {
        upload_log(&upload->piece_fail);
    }
    if (upload->ended) {
        upload_end(upload);
        return;
    }
    if (upload->piece_err != ERR_OK) {
        upload_broken(upload, upload->piece_err);
        return;
    }
    buf_reset(&upload->piece);
    if (upload->whole) {
        upload_become(upload);
    } else {
        http_exchange_resume_body(upload->x);
    }
}

/* The piece goes to the file; until it is there the client is not read. */
static void upload_write_piece(struct upload *upload)
{
    enum err err = chore_start(&upload->chore, upload_run_write, upload_on_written);
    if (err != ERR_OK) {
        upload_broken(upload, ERR_UPLOADS_FULL);
        return;
    }
    http_exchange_hold_body(upload->x);
}

static void upload_run_read(struct chore *chore)
{
    struct upload *upload = upload_of(chore);
    size_t len = 0;
    upload->piece_err = spool_read(upload->file, upload->piece_at, upload->piece.ptr, UPLOAD_PIECE,
                                   &len, &upload->piece_fail);
    buf_added(&upload->piece, upload->piece_err == ERR_OK ? len : 0);
}

static void upload_on_read(struct chore *chore)
{
    struct upload *upload = upload_of(chore);
    if (upload->piece_err != ERR_OK) {
        upload_log(&upload->piece_fail);
    }
    if (upload->ended) {
        upload_end(upload);
    } else {
        http_call_ready(upload->reader);
    }
}

/* One attempt of the call reads at a time: calls of uploads have no second one beside the first
 * (call_hedge.c). */
static enum err upload_read(struct http_source *source, uint64_t at, struct str *ret_bytes)
{
    struct upload *upload = EP_CONTAINER(source, struct upload, source);
    if (upload->chore.busy) {
        return ERR_BUSY; /* for an attempt before this one, it may be */
    }
    if (at >= upload->piece_at && at - upload->piece_at < upload->piece.len) {
        *ret_bytes = str_from_at(buf_str(&upload->piece), (size_t)(at - upload->piece_at));
        return ERR_OK;
    }
    enum err err = upload->piece_err;
    upload->piece_err = ERR_OK; /* another attempt may have more luck */
    TRY(err);
    buf_reset(&upload->piece);
    TRY(buf_reserve(&upload->piece, UPLOAD_PIECE));
    upload->piece_at = at;
    TRY(chore_start(&upload->chore, upload_run_read, upload_on_read) == ERR_OK ? ERR_OK
                                                                               : ERR_UPLOAD_FAILED);
    return ERR_BUSY;
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
    } else if (upload->piece.len >= (upload->file == NULL ? 1 : UPLOAD_PIECE)) {
        upload_write_piece(upload); /* the first at once: whether a file can be had is told early */
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
    upload->whole = true;
    if (!upload->chore.busy) {
        upload_write_piece(upload); /* the last one; no form is without */
    }
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
    upload->reader = upstream;
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
