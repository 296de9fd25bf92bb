/*
 * An upload: a form (multipart/form-data) with files, from the head of its request until the call
 * that it becomes has ended. Inside the gate only, on the gate's loop.
 *
 *   upload_begin > upload_piece* > upload_done > call_begin_upload()     the call's from here on
 *                                > refused, gone, broken, cut            nothing is left of it
 *
 * The file is made, written, read and closed on workers' threads (chore.h), a piece at a time: the
 * loop waits for no disk. While a piece is written its client is not read; what it ends with, and
 * an end of the upload or of its call, waits for that.
 *
 * Who sends it is known before a byte of the body is read: without a key that is valid nothing can
 * be uploaded. What the call is about may stand behind the file, and an attempt that fails is made
 * again at another route: so the files are kept until then, in one without a name (store/spool.h),
 * never in memory, each behind the head of its part; it is read from there as it is sent. How long
 * a recording is, whether a picture is one, and each file's digest are found on the way.
 *
 * The form is never passed on as it came: fields and files are written anew, with another boundary,
 * so that no upstream can read in it another model than we did (wire/multipart.h).
 *
 * For law, digests and limits the call's body is a JSON object: the model; of pictures the fields
 * that the service reads, as a request without files has them; the form's other fields in their
 * order, and of each file its field, name, size and SHA-256.
 *
 * A form that is bad is refused at once, and the rest of it not read. It is no call: no receipt.
 * Memory: two pieces beside what is in the fields, of which there are UPLOAD_FIELDS_MAX bytes.
 */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "crypto/digest.h"
#include "dialect/face.h"
#include "gate/call_route.h"
#include "gate/chore.h"
#include "gate/snapshot.h"
#include "loop/loop.h"
#include "meter/sound.h"
#include "net/client.h"
#include "wire/multipart.h"

struct call_service;
struct client;
struct gate;
struct http_exchange;
struct spool_file;

#define UPLOAD_MAGIC      0x55504C44U          /* "UPLD" */
#define UPLOAD_FIELDS_MAX ((size_t)128 * 1024) /* two prompts of the greatest length */
#define UPLOAD_MODEL_MAX  128                  /* bytes, as of a chat's */
#define UPLOAD_PIECE      ((size_t)64 * 1024)  /* that is written or read at once */
#define UPLOAD_MARK_BYTES 32                   /* of our boundary: 128 random bits */
#define UPLOAD_CLIENT_MAX \
    32 /* under way at once, of one client and thread: none takes all places */
#define UPLOAD_PICTURES_MAX 16 /* of a form, as OpenAI has it; a mask is one of its own */
#define UPLOAD_HEAD_BYTES   12 /* of a file, that tell whether it is a picture */

enum upload_format {
    UPLOAD_JSON, /* where none is asked for */
    UPLOAD_VERBOSE_JSON,
    UPLOAD_DIARIZED_JSON,
    UPLOAD_TEXT,
    UPLOAD_SRT,
    UPLOAD_VTT,
    UPLOAD_FORMATS
};

/* What is done with an upload: a row for each path. */
struct upload_kind {
    struct str path; /* of the client's request */
    const struct call_service *service;
    enum gate_form form; /* its path at the upstream */
    struct str file;     /* the field that must be there, and is a file whatever its part says */
    const char *what;    /* that is in it */
    bool pictures;       /* else a recording */
    bool many;           /* a list of it is taken, too, and a mask beside */
    bool streams;        /* its answer may come as events */
};

struct upload {
    uint32_t magic; /* first: what tells it from a call */
    enum face face;
    const struct upload_kind *kind;
    struct gate *gate;
    struct http_exchange *x;     /* NULL: the call has it */
    const struct client *client; /* who sends it; lives as long as the gate's world */
    struct node node;            /* of the gate's uploads, until it is a call's */
    struct timer timer;          /* until it must be there */

    struct multipart form;
    struct chore chore; /* that works on the file; the rest while it is busy is the loop's, but: */
    struct spool_file *file; /* the parts with files, as they go upstream; NULL: not made yet */
    struct buf piece;        /* on its way there, or as it was read */
    uint64_t piece_at;       /* where that stands in it */
    enum err piece_err;
    struct fail piece_fail;
    bool whole; /* the form is: when it is written the call begins */
    bool ended; /* nobody wants it any more: it goes when the chore is over */

    struct http_source source; /* of the file */
    struct http_call *reader;  /* whom it is sent by; NULL: nobody */
    struct sound sound;
    char mark[UPLOAD_MARK_BYTES]; /* our boundary */
    struct buf fields;            /* as they go upstream, without the model */
    char tail[UPLOAD_MARK_BYTES + 16];
    size_t tail_len;
    struct buf members; /* of pictures: what the service reads, as members of a JSON object */
    struct buf ask;     /* the call's body: JSON */
    char model_text[UPLOAD_MODEL_MAX];
    struct str model;
    size_t prompt_bytes; /* of a recording's */
    enum upload_format format;
    bool stream;    /* of recordings */
    uint64_t bytes; /* of all files */
    size_t files;   /* but for a mask */
    bool has_mask;
    uint64_t length; /* of the file under way: */
    struct digest_stream digest;
    char field[MULTIPART_NAME_MAX + 1];
    struct buf name;              /* as JSON: its field and its name */
    char head[UPLOAD_HEAD_BYTES]; /* its first bytes */
};

/* upload_begin(), upload_whole() and upload_kind() are in intake.h. Whether an exchange's owner is
 * one. */
bool upload_is(const void *owner);
/* What the exchange tells (net/server.h). Each may be the upload's end. */
void upload_piece(struct upload *upload, struct str data);
void upload_done(struct upload *upload);
void upload_broken(struct upload *upload, enum err err);
void upload_gone(struct upload *upload);
/* The server stops: none of them becomes a call. */
void uploads_cut(struct gate *gate);

/* ---- of a call ---------------------------------------------------------------------------- */

/* NULL is allowed. */
void upload_free(struct upload *upload);
/* "application/json", or of what is asked for as text "text/plain; charset=utf-8". */
struct str upload_answer_type(const struct upload *upload);
/* The request for a route: head, length, then the form. `arena` is the call's. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err upload_write(struct upload *upload, const struct gate_route *ready,
                                    struct arena *arena, struct http_call *upstream,
                                    struct str parts[CALL_PARTS_MAX]);

/* ---- upload_form.c: what the form says ------------------------------------------------------ */

/* What is wrong with it. */
struct upload_fault {
    enum err err;
    char param[MULTIPART_NAME_MAX + 1]; /* empty: none */
    char text[256];
};

/* An item of the form. False: *ret_fault. */
EP_MUST_CHECK bool upload_take(struct upload *upload, const struct multipart_item *item,
                               struct upload_fault *ret_fault);
/* The form is whole. */
EP_MUST_CHECK bool upload_check(struct upload *upload, struct upload_fault *ret_fault);
/* Notes a fault; false, for whoever returns it. */
bool upload_wrong(struct upload_fault *fault, enum err err, struct str param, const char *format,
                  ...) EP_PRINTF(4, 5);
