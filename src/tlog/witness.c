#include "tlog/witness.h"

#include "base/mem.h"

#define WITNESS_SHOWN 60 /* of what somebody else wrote, in a message */

struct witness_log {
    struct str origin;
    struct note_key key;
};

struct witness_logs {
    struct str text; /* owned: what the origins borrow from */
    size_t count;
    struct witness_log *logs;
};

static int witness_shown(struct str text)
{
    return (int)(text.len < WITNESS_SHOWN ? text.len : WITNESS_SHOWN);
}

/* ---- the list ------------------------------------------------------------------------------ */

/* Where a list stands: `line` counts from 1. */
struct witness_reading {
    struct witness_logs *logs;
    size_t line;
    struct fail *fail;
};

static bool witness_has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20) {
            return true;
        }
    }
    return false;
}

static enum err witness_read_log(struct witness_reading *reading, struct str text)
{
    struct witness_logs *logs = reading->logs;
    struct witness_log *log = &logs->logs[logs->count];
    struct fail why;
    struct str vkey = str_cut(&text, ' ');
    if (note_key_parse(vkey, &log->key, &why) != ERR_OK) {
        return FAIL(reading->fail, ERR_CONF_INVALID, "line %zu: %s", reading->line, why.text);
    }
    if (log->key.algorithm != NOTE_ED25519) {
        return FAIL(reading->fail, ERR_CONF_INVALID,
                    "line %zu: the key of \"%s\" is of algorithm 0x%02x; signatures of logs are"
                    " checked for 0x01 alone",
                    reading->line, log->key.name, (unsigned)log->key.algorithm);
    }
    text = str_trim(text);
    log->origin = text.len > 0 ? text : str_from(log->key.name);
    if (witness_has_control(log->origin)) {
        return FAIL(reading->fail, ERR_CONF_INVALID, "line %zu: the origin has a control character",
                    reading->line);
    }
    for (size_t i = 0; i < logs->count; i++) {
        if (str_eq(logs->logs[i].origin, log->origin) &&
            note_key_same(&logs->logs[i].key, &log->key)) {
            return FAIL(reading->fail, ERR_CONF_INVALID,
                        "line %zu: a line before has the same key for \"" STR_FMT "\"",
                        reading->line, witness_shown(log->origin), log->origin.ptr);
        }
    }
    logs->count++;
    return ERR_OK;
}

static enum err witness_read_logs(struct witness_reading *reading, struct str rest)
{
    while (rest.len > 0) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        reading->line++;
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        if (reading->logs->count == WITNESS_LOGS_MAX) {
            return FAIL(reading->fail, ERR_CONF_INVALID, "line %zu: there are more than %d logs",
                        reading->line, WITNESS_LOGS_MAX);
        }
        TRY(witness_read_log(reading, line));
    }
    return reading->logs->count > 0
               ? ERR_OK
               : FAIL(reading->fail, ERR_CONF_INVALID,
                      "there is no log in it; one is a line \"VKEY [ORIGIN]\"");
}

/* Lines that may hold a log: how many places are needed. */
static size_t witness_count_lines(struct str text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == '\n' ? 1 : 0;
    }
    return count < WITNESS_LOGS_MAX ? count : WITNESS_LOGS_MAX;
}

enum err witness_logs_parse(struct str text, struct witness_logs **ret_logs, struct fail *fail)
{
    if (text.len > WITNESS_LIST_MAX) {
        return FAIL(fail, ERR_CONF_INVALID, "it has %zu bytes; at most %d are read", text.len,
                    WITNESS_LIST_MAX);
    }
    struct witness_logs *logs = mem_zalloc(sizeof(*logs));
    if (logs == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the list of logs");
    }
    logs->logs = mem_alloc(witness_count_lines(text) * sizeof(*logs->logs));
    logs->text = (struct str){ mem_copy_text(text.len > 0 ? text.ptr : "", text.len), text.len };
    struct witness_reading reading = { .logs = logs, .fail = fail };
    enum err err = logs->logs == NULL || logs->text.ptr == NULL
                       ? FAIL(fail, ERR_NO_MEMORY, "no memory for the list of logs")
                       : witness_read_logs(&reading, logs->text);
    if (err != ERR_OK) {
        witness_logs_destroy(logs);
        return err;
    }
    *ret_logs = logs;
    return ERR_OK;
}

void witness_logs_destroy(struct witness_logs *logs)
{
    if (logs != NULL) {
        mem_free((char *)(uintptr_t)logs->text.ptr); /* our own copy */
        mem_free(logs->logs);
        mem_free(logs);
    }
}

size_t witness_logs_count(const struct witness_logs *logs)
{
    return logs->count;
}

struct str witness_logs_origin(const struct witness_logs *logs, size_t at)
{
    ASSERT(at < logs->count);
    return logs->logs[at].origin;
}

bool witness_logs_have(const struct witness_logs *logs, const struct note_key *key)
{
    for (size_t i = 0; i < logs->count; i++) {
        if (note_key_same(&logs->logs[i].key, key)) {
            return true;
        }
    }
    return false;
}

/* ---- form ---------------------------------------------------------------------------------- */

/* Takes the next line without its line feed; false where none ends. */
static bool witness_line(struct str *rest, struct str *ret_line)
{
    if (str_find(*rest, '\n') == rest->len) {
        return false;
    }
    *ret_line = str_cut(rest, '\n');
    return true;
}

static enum err witness_read_old(struct str *rest, int64_t *ret_old, struct fail *fail)
{
    static const struct str prefix = STR_INIT("old ");
    struct str line;
    if (!witness_line(rest, &line) || !str_starts(line, prefix) ||
        !tree_size_read(str_from_at(line, prefix.len), ret_old)) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the first line is not \"old N\", N a size without leading zeroes");
    }
    return ERR_OK;
}

/* The lines up to the empty one. */
static enum err witness_read_proof(struct str *rest, struct tree_path *ret_proof, struct fail *fail)
{
    struct str line;
    ret_proof->count = 0;
    for (;;) {
        if (!witness_line(rest, &line)) {
            return FAIL(fail, ERR_NOTE_INVALID, "there is no empty line in front of a checkpoint");
        }
        if (line.len == 0) {
            return ERR_OK;
        }
        if (ret_proof->count == WITNESS_PROOF_MAX) {
            return FAIL(fail, ERR_NOTE_INVALID, "the proof has more than %d lines",
                        WITNESS_PROOF_MAX);
        }
        if (!tree_hash_read(line, &ret_proof->hashes[ret_proof->count])) {
            return FAIL(fail, ERR_NOTE_INVALID,
                        "line %zu of the proof is no hash: 32 bytes in base64",
                        ret_proof->count + 1);
        }
        ret_proof->count++;
    }
}

static enum err witness_parse(struct str body, struct witness_request *request, struct fail *fail)
{
    TRY(witness_read_old(&body, &request->old, fail));
    TRY(witness_read_proof(&body, &request->proof, fail));
    TRY(note_parse(body, &request->note, fail));
    return checkpoint_parse_extended(request->note.text, &request->checkpoint, fail);
}

/* ---- judging ------------------------------------------------------------------------------- */

/* A refusal; its error's code counts for nobody. */
#define WITNESS_SAY(status, fail, ...) \
    (EP_IGNORE(FAIL((fail), ERR_NOTE_INVALID, __VA_ARGS__)), (status))

/* By a key that is known for the origin; a bad line of one spoils the note. */
static enum witness_status witness_check_signer(const struct witness_logs *logs,
                                                const struct witness_request *request,
                                                struct fail *fail)
{
    struct str origin = request->checkpoint.origin;
    bool known = false;
    bool is_signed = false;
    for (size_t i = 0; i < logs->count; i++) {
        const struct witness_log *log = &logs->logs[i];
        if (!str_eq(log->origin, origin)) {
            continue;
        }
        known = true;
        enum note_verdict verdict = note_check(&request->note, &log->key, NULL);
        if (verdict == NOTE_FORGED) {
            return WITNESS_SAY(WITNESS_UNSIGNED, fail,
                               "the signature of \"%s\" (key %08x) does not hold", log->key.name,
                               log->key.id);
        }
        is_signed |= verdict == NOTE_SIGNED;
    }
    if (!known) {
        return WITNESS_SAY(WITNESS_UNKNOWN, fail, "the log \"" STR_FMT "\" is not watched here",
                           witness_shown(origin), origin.ptr);
    }
    return is_signed ? WITNESS_COSIGNS
                     : WITNESS_SAY(WITNESS_UNSIGNED, fail,
                                   "no key that is known for \"" STR_FMT "\" has signed",
                                   witness_shown(origin), origin.ptr);
}

enum witness_status witness_open(const struct witness_logs *logs, struct str body,
                                 struct witness_request *ret_request, struct fail *fail)
{
    struct witness_request request;
    if (body.len > WITNESS_REQUEST_MAX) {
        return WITNESS_SAY(WITNESS_MALFORMED, fail, "the request has more than %d bytes",
                           WITNESS_REQUEST_MAX);
    }
    if (witness_parse(body, &request, fail) != ERR_OK) {
        return WITNESS_MALFORMED;
    }
    enum witness_status status = witness_check_signer(logs, &request, fail);
    if (status == WITNESS_COSIGNS && request.old > request.checkpoint.size) {
        status = WITNESS_SAY(WITNESS_MALFORMED, fail,
                             "the old size %lld is above the checkpoint's, %lld",
                             (long long)request.old, (long long)request.checkpoint.size);
    }
    if (status == WITNESS_COSIGNS) {
        *ret_request = request;
    }
    return status;
}

struct witness_known witness_known_none(void)
{
    return (struct witness_known){ .size = 0, .root = digest_sha256(STR_EMPTY) };
}

enum witness_status witness_judge(const struct witness_request *request,
                                  struct witness_known *known, struct fail *fail)
{
    const struct checkpoint *checkpoint = &request->checkpoint;
    const struct witness_known none = witness_known_none();
    ASSERT(request->old <= checkpoint->size);
    ASSERT(known->size > 0 || digest_eq(&known->root, &none.root));
    if (request->old != known->size) {
        return WITNESS_SAY(WITNESS_ELSEWHERE, fail, "the size that was cosigned last is %lld",
                           (long long)known->size);
    }
    if (checkpoint->size == known->size && !digest_eq(&checkpoint->root, &known->root)) {
        return WITNESS_SAY(WITNESS_INCONSISTENT, fail,
                           known->size == 0 ? "the root of size %lld is not that of the empty tree"
                                            : "another root of size %lld was cosigned before",
                           (long long)known->size);
    }
    if (!tree_check_consistency(known->size, &known->root, checkpoint->size, &checkpoint->root,
                                &request->proof)) {
        return WITNESS_SAY(WITNESS_INCONSISTENT, fail,
                           "the proof does not lead from size %lld to size %lld",
                           (long long)known->size, (long long)checkpoint->size);
    }
    *known = (struct witness_known){ .size = checkpoint->size, .root = checkpoint->root };
    return WITNESS_COSIGNS;
}

/* ---- answering ----------------------------------------------------------------------------- */

enum err witness_cosign(const struct witness_request *request, const struct note_key *key,
                        const struct sign_key *secret, int64_t time_s, struct buf *out)
{
    ASSERT(key->algorithm == NOTE_COSIGNATURE);
    ASSERT(time_s > 0);
    return note_sign(request->note.text, key, secret, time_s, out);
}

/* Whether a line is of a key that was checked for the origin. */
static bool witness_knows(const struct witness_logs *logs, struct str origin,
                          const struct note_line *line)
{
    for (size_t i = 0; i < logs->count; i++) {
        const struct witness_log *log = &logs->logs[i];
        if (str_eq(log->origin, origin) && log->key.id == line->id &&
            str_eq(str_from(log->key.name), line->name)) {
            return true;
        }
    }
    return false;
}

enum err witness_note(const struct witness_logs *logs, const struct witness_request *request,
                      struct str line, struct buf *out)
{
    struct str rest = request->note.signatures;
    struct note_line signature;
    TRY(buf_append(out, request->note.text));
    TRY(buf_byte(out, '\n'));
    while (note_next_line(&rest, &signature)) {
        if (witness_knows(logs, request->checkpoint.origin, &signature)) {
            TRY(buf_append(out, signature.line));
        }
    }
    return buf_append(out, line);
}
