#include "app/publishing.h"

#include "app/file_text.h"
#include "app/publishing_internal.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stamp.h"

/* ---- opening ------------------------------------------------------------------------------- */

static enum err publishing_read_policy(struct publishing *publishing, struct fail *fail)
{
    struct str path = publishing->server->world->conf->log_witnesses;
    if (path.len == 0) {
        return ERR_OK;
    }
    struct fail why = { .text = "" };
    TRY(file_text_read(path.ptr, &publishing->policy, fail));
    enum err err = quorum_parse(buf_str(&publishing->policy), &publishing->quorum, &why);
    return err == ERR_OK
               ? ERR_OK
               : FAIL(fail, err, "log.witnesses \"" STR_FMT "\": %s", STR_ARG(path), why.text);
}

static enum err publishing_open_witness(struct publishing *publishing, size_t at, struct fail *fail)
{
    struct publishing_witness *witness = &publishing->witnesses[at];
    const struct quorum_party *party = quorum_witness(publishing->quorum, at);
    struct url url;
    struct buf vkey = { witness->vkey_text, 0, NOTE_VKEY_MAX, NOTE_VKEY_MAX };
    if (!url_parse(party->url, &url)) {
        return FAIL(fail, ERR_QUORUM_INVALID,
                    "log.witnesses: witness \"" STR_FMT "\" has no URL (http or https) that it "
                    "could be asked at",
                    STR_ARG(party->name));
    }
    TRY(note_key_print(&party->key, &vkey));
    witness->all = publishing;
    witness->party = party;
    witness->vkey = buf_str(&vkey);
    publish_round_init(&witness->asked);
    buf_init(&witness->question, NOTE_BYTES_MAX);
    buf_init(&witness->line, NOTE_BYTES_MAX);
    witness_call_init(&witness->call, publishing_loop(publishing), &url,
                      publishing->server->tls_upstreams, publishing_witness_on_answer);
    return ERR_OK;
}

static enum err publishing_open_witnesses(struct publishing *publishing, struct fail *fail)
{
    struct server *server = publishing->server;
    TRY(publishing_read_policy(publishing, fail));
    size_t count = publishing->quorum == NULL ? 0 : quorum_witnesses(publishing->quorum);
    counter_set(COUNTER_LOG_WITNESSES, (int64_t)count);
    if (count == 0) {
        return ERR_OK;
    }
    struct lookup_options lookup = lookup_options_default();
    struct upstream_pool_options pool = upstream_pool_options_default();
    pool.connections_max = QUORUM_WITNESSES_MAX;
    pool.per_host_max = QUORUM_WITNESSES_MAX;
    pool.connect_ns = WITNESS_CALL_SILENT_NS;
    TRY(lookup_create(server->loop, server->resolvers, &lookup, &publishing->lookup, fail));
    TRY(upstream_pool_create(server->loop, publishing->lookup, &pool, &publishing->pool, fail));
    publishing->witnesses = mem_zalloc(count * sizeof(struct publishing_witness));
    if (publishing->witnesses == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the witnesses");
    }
    for (size_t i = 0; i < count; i++) {
        TRY(publishing_open_witness(publishing, i, fail));
        publishing->witness_count++;
    }
    return ERR_OK;
}

/* As the world's opening found it. */
static void publishing_say_mark(const struct log_mark *mark)
{
    struct log_line line;
    log_begin(&line, EVENT_LOG_BEHIND);
    log_int(&line, "reached", mark->reached);
    log_int(&line, "found", mark->found);
    log_end(&line);
}

static enum err publishing_open_log(struct publishing *publishing, struct fail *fail)
{
    struct world *world = publishing->server->world;
    const struct publish_options options = {
        .store = world->store,
        .folder = world->conf->log_folder.ptr,
        .origin = world->conf->log_origin,
        .key = world->log_secret,
    };
    if (atomic_load(&world->log_stopped)) {
        publishing_say_mark(&world->mark);
        publishing_end_rounds(publishing, PUBLISHING_BEHIND);
        return ERR_OK;
    }
    enum err err = publish_open(&options, &publishing->publisher, fail);
    if (err != ERR_LOG_BEHIND) {
        return err;
    }
    publishing_stop(publishing, STR_EMPTY, fail->text, 0);
    publishing->want_stop = false; /* there is no publisher */
    *fail = (struct fail){ .text = "" };
    return world_stop_log(world, 0, 0, fail);
}

/* Nothing is sold before the witnesses have been heard, or had their time. */
static void publishing_probe(struct publishing *publishing)
{
    publishing->phase = PUBLISHING_PROBING;
    publishing->want_probe = true;
    publishing_wait(publishing);
    publishing_pump(publishing);
    while (publishing->phase == PUBLISHING_PROBING || publishing->work_runs) {
        (void)loop_turn(publishing_loop(publishing), true);
    }
}

static enum err publishing_open_all(struct publishing *publishing, struct fail *fail)
{
    struct loop *loop = publishing_loop(publishing);
    int64_t now_ns = loop_now_ns(loop);
    TRY(publishing_open_witnesses(publishing, fail));
    TRY(publishing_open_log(publishing, fail));
    /* Their places in the loop's heap, so that neither needs memory later. */
    TRY(timer_start(loop, &publishing->tick, now_ns + PUBLISHING_NS));
    TRY(timer_start(loop, &publishing->wait, now_ns + PUBLISHING_NS));
    timer_stop(loop, &publishing->tick);
    timer_stop(loop, &publishing->wait);
    if (publishing->publisher != NULL) {
        publishing_probe(publishing);
    }
    return ERR_OK;
}

enum err publishing_open(struct server *server, struct publishing **ret_publishing,
                         struct fail *fail)
{
    struct publishing *publishing = mem_zalloc(sizeof(*publishing));
    if (publishing == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the log's publishing");
    }
    publishing->server = server;
    publishing->work.job = (struct job){
        .mail.open = publishing_work_over,
        .run = publishing_work_run,
        .home = server->loop,
    };
    publish_round_init(&publishing->current);
    buf_init(&publishing->policy, QUORUM_BYTES_MAX);
    timer_init(&publishing->tick, publishing_on_tick);
    timer_init(&publishing->wait, publishing_on_wait);
    *ret_publishing = publishing; /* also of a failed opening: it is closed like any */
    return publishing_open_all(publishing, fail);
}

enum err publishing_begin(struct publishing *publishing, struct fail *fail)
{
    struct log_line line;
    if (publishing->phase == PUBLISHING_STOPPED) {
        return ERR_OK;
    }
    if (publishing->quorum == NULL) {
        log_begin(&line, EVENT_LOG_UNWITNESSED);
        log_end(&line);
    }
    enum err err =
        timer_start(publishing_loop(publishing), &publishing->tick, publishing_now(publishing));
    return err == ERR_OK ? ERR_OK : FAIL(fail, err, "no memory for a timer");
}

/* ---- ending -------------------------------------------------------------------------------- */

static bool publishing_is_busy(const struct publishing *publishing)
{
    return publishing->phase != PUBLISHING_IDLE && publishing->phase != PUBLISHING_STOPPED;
}

static void publishing_turn(struct publishing *publishing, int64_t until_ns)
{
    while (publishing_is_busy(publishing) && publishing_now(publishing) < until_ns) {
        (void)loop_turn(publishing_loop(publishing), true);
    }
}

void publishing_end(struct publishing *publishing, int64_t within_ns)
{
    if (publishing == NULL) {
        return;
    }
    struct loop *loop = publishing_loop(publishing);
    bool began = timer_armed(&publishing->tick);
    int64_t until_ns = loop_now_ns(loop) + within_ns;
    if (began) {                               /* its ticks also wake the loop */
        publishing_turn(publishing, until_ns); /* a round that is under way may have missed some */
        publishing_sign(publishing);
        publishing_turn(publishing, until_ns);
    }
    timer_stop(loop, &publishing->tick);
    timer_stop(loop, &publishing->wait);
    for (size_t i = 0; i < publishing->witness_count; i++) {
        witness_call_cancel(&publishing->witnesses[i].call);
    }
    publishing->due = false;
    while (publishing->work_runs) {
        (void)loop_turn(loop, true);
        for (size_t i = 0; i < publishing->witness_count; i++) {
            witness_call_cancel(&publishing->witnesses[i].call); /* that the work's end has begun */
        }
    }
}

void publishing_close(struct publishing *publishing)
{
    if (publishing == NULL) {
        return;
    }
    for (size_t i = 0; i < publishing->witness_count; i++) {
        struct publishing_witness *witness = &publishing->witnesses[i];
        witness_call_fini(&witness->call);
        publish_round_fini(&witness->asked);
        buf_fini(&witness->question);
        buf_fini(&witness->line);
    }
    upstream_pool_destroy(publishing->pool);
    lookup_destroy(publishing->lookup);
    publish_close(publishing->publisher);
    quorum_destroy(publishing->quorum);
    publish_round_fini(&publishing->current);
    buf_fini(&publishing->policy);
    mem_free(publishing->witnesses);
    mem_free(publishing);
}

const char *publishing_trouble(const struct publishing *publishing)
{
    return publishing == NULL ? NULL : publishing->trouble;
}

const char *publishing_witnessed(const struct publishing *publishing)
{
    if (publishing->quorum == NULL) {
        return "the log has no witnesses\n";
    }
    return publishing->quorum_missing ? "the log's newest checkpoint has no quorum of witnesses\n"
                                      : "the log's newest checkpoint has its quorum of witnesses\n";
}

/* ---- figures ------------------------------------------------------------------------------- */

/* note_name_valid() forbids white space, and neither of these two. */
static enum err metrics_put_name(struct str name, struct buf *out)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        TRY(c == '"' || c == '\\' ? buf_byte(out, '\\') : ERR_OK);
        TRY(buf_byte(out, c));
    }
    return ERR_OK;
}

static enum err metrics_put_one(const struct publishing_witness *witness, const char *name,
                                int64_t value, struct buf *out)
{
    TRY(buf_printf(out, "%s{witness=\"", name));
    TRY(metrics_put_name(witness->party->name, out));
    return buf_printf(out, "\"} %lld\n", (long long)value);
}

enum err publishing_metrics(const struct publishing *publishing, struct buf *out)
{
    static const char failures[] = "entrepot_log_witness_refusals_total";
    static const char size[] = "entrepot_log_witness_size";
    if (publishing == NULL || publishing->witness_count == 0) {
        return ERR_OK;
    }
    TRY(buf_printf(out,
                   "# HELP %s Times that a witness gave no cosignature, by witness.\n"
                   "# TYPE %s counter\n",
                   failures, failures));
    for (size_t i = 0; i < publishing->witness_count; i++) {
        const struct publishing_witness *witness = &publishing->witnesses[i];
        TRY(metrics_put_one(witness, failures, witness->failures, out));
    }
    TRY(buf_printf(out,
                   "# HELP %s Leaves that a witness has cosigned, by witness.\n"
                   "# TYPE %s gauge\n",
                   size, size));
    for (size_t i = 0; i < publishing->witness_count; i++) {
        const struct publishing_witness *witness = &publishing->witnesses[i];
        TRY(metrics_put_one(witness, size, witness->size, out));
    }
    return ERR_OK;
}
