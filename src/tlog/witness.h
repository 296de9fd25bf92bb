/*
 * What a witness decides about a request to cosign (c2sp.org/tlog-witness, add-checkpoint): an old
 * size, a consistency proof, an empty line, a signed checkpoint. It is judged in two steps, because
 * what is remembered of the log is read in between, by whoever writes it in the same transaction:
 *
 *   witness_open()    400 form > 404 origin > 403 signature > 400 sizes
 *   witness_judge()   409 another size is remembered > 422 the proof > 200
 *   witness_cosign()  once it is written down
 *
 * Pure. Threads: any.
 */
#pragma once

#include "tlog/checkpoint.h"

#define WITNESS_PROOF_MAX   63 /* lines of a proof: no tree below 2^64 leaves needs more */
#define WITNESS_REQUEST_MAX (NOTE_BYTES_MAX + 4096) /* such a proof and the largest note */
#define WITNESS_LOGS_MAX    1024
#define WITNESS_LIST_MAX    (1 << 20) /* bytes of a list of that many logs */

/* As HTTP has them. */
enum witness_status {
    WITNESS_COSIGNS = 200,
    WITNESS_MALFORMED = 400,
    WITNESS_UNSIGNED = 403,
    WITNESS_UNKNOWN = 404,
    WITNESS_ELSEWHERE = 409, /* the answer is the size that is remembered */
    WITNESS_INCONSISTENT = 422
};

/* ---- the logs that are watched ------------------------------------------------------------- */

struct witness_logs; /* immutable once read */

/*
 * A line a key, "VKEY [ORIGIN]"; empty lines and lines that begin with "#" are skipped. The origin
 * is the key's name unless it is given; it may have spaces in it. Several keys may sign for one
 * origin. ERR_CONF_INVALID with the line and what is wrong: also a key that signs no checkpoints of
 * logs, one that stands there twice, and a list without any.
 */
EP_MUST_CHECK enum err witness_logs_parse(struct str text, struct witness_logs **ret_logs,
                                          struct fail *fail);
void witness_logs_destroy(struct witness_logs *logs); /* NULL is allowed */
size_t witness_logs_count(const struct witness_logs *logs);
struct str witness_logs_origin(const struct witness_logs *logs, size_t at);
/* Whether `key`'s public key is one of theirs: who vouches for himself is no witness. */
bool witness_logs_have(const struct witness_logs *logs, const struct note_key *key);

/* ---- judging ------------------------------------------------------------------------------- */

struct witness_request {
    int64_t old;
    struct tree_path proof;
    struct note note; /* these borrow the body */
    struct checkpoint checkpoint;
};

/* The latest checkpoint that was cosigned. */
struct witness_known {
    int64_t size; /* 0: none yet, or that of the empty tree */
    struct digest root;
};

/* What is remembered of a log that nothing was cosigned of. */
struct witness_known witness_known_none(void);

/* WITNESS_COSIGNS: to be judged. Otherwise what is wrong is in `fail`, for whoever asks. */
enum witness_status witness_open(const struct witness_logs *logs, struct str body,
                                 struct witness_request *ret_request, struct fail *fail);
/* Of an opened request. `known` becomes what is to be remembered, with WITNESS_COSIGNS alone. */
enum witness_status witness_judge(const struct witness_request *request,
                                  struct witness_known *known, struct fail *fail);
/* Appends the line of the cosignature; `key` and `secret` are the witness's, time_s > 0. */
EP_MUST_CHECK enum err witness_cosign(const struct witness_request *request,
                                      const struct note_key *key, const struct sign_key *secret,
                                      int64_t time_s, struct buf *out);
/* Appends the checkpoint with the signatures that were checked and the line of the cosignature:
 * what monitors are shown. */
EP_MUST_CHECK enum err witness_note(const struct witness_logs *logs,
                                    const struct witness_request *request, struct str line,
                                    struct buf *out);
