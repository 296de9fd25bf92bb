/*
 * multipart/form-data (RFC 7578, framed as RFC 2046 says) from an untrusted client, read as it
 * comes, in any pieces and with its parts in any order; and written.
 *
 * A part with a file name, or with the name given at the start, is a file: its bytes are given on
 * as they come, as many as there are. Any other is a field: it is given whole, and bounded.
 *
 * Strict where leniency lets two readers see two different forms: line ends are CRLF, nothing
 * stands before the first boundary or behind the last, a part has one Content-Disposition with one
 * plain name, no name comes twice (but those that end in "[]", which are lists), no part is
 * encoded, or a multipart of its own. What is read is never passed on as it stood: whoever forwards
 * a form writes it anew from what was understood.
 *
 * Memory: a head, a field and the names, at most MULTIPART_HEAD_MAX, MULTIPART_FIELD_MAX and
 * MULTIPART_NAMES_MAX; a file's bytes borrow the input. Not thread-safe.
 */
#pragma once

#include "wire/http1.h"

#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */
#define MULTIPART_PARTS_MAX    64 /* a transcription has 14 kinds of fields, some of them lists */
#define MULTIPART_HEAD_MAX     ((size_t)4 * 1024)  /* three lines; a file's name has 255 bytes */
#define MULTIPART_NAME_MAX     128                 /* the longest known has 25 */
#define MULTIPART_FIELD_MAX    ((size_t)64 * 1024) /* a prompt; its model reads far less */
#define MULTIPART_NAMES_MAX    ((size_t)MULTIPART_PARTS_MAX * (MULTIPART_NAME_MAX + 1))
#define MULTIPART_PADDING_MAX  16 /* blanks behind a boundary; nobody sends any */

/* Why a form cannot be read; multipart_why() says it in words. */
enum multipart_bad {
    MULTIPART_FINE,
    MULTIPART_NO_MEMORY,
    MULTIPART_TYPE,       /* the Content-Type is another */
    MULTIPART_BOUNDARY,   /* it names none, or not one of 1 to 70 bytes that may stand in one */
    MULTIPART_PREAMBLE,   /* the body does not begin with it */
    MULTIPART_BEHIND,     /* more than it stands in its line */
    MULTIPART_LINE_END,   /* an LF or a CR alone in a head */
    MULTIPART_HEAD_SIZE,  /* a part's head is too long */
    MULTIPART_HEAD,       /* a line of it is no header */
    MULTIPART_NO_NAME,    /* a part without Content-Disposition: form-data and a name */
    MULTIPART_NAME,       /* a name that is too long, or not of plain characters */
    MULTIPART_TWICE,      /* a name, a parameter or a header that came before */
    MULTIPART_NESTED,     /* a part that is a multipart */
    MULTIPART_ENCODED,    /* a part in base64, say */
    MULTIPART_PARTS,      /* too many */
    MULTIPART_FIELD_SIZE, /* a field is too long */
    MULTIPART_FIELD_NUL,  /* a field with a NUL */
    MULTIPART_EPILOGUE,   /* something stands behind the last boundary */
    MULTIPART_NO_END,     /* the body ended before it */
    MULTIPART_BADS
};

enum multipart_kind {
    MULTIPART_FIELD,    /* `name` and `value` */
    MULTIPART_FILE,     /* one begins: `name`, `file_name`, `type`; its data follows */
    MULTIPART_DATA,     /* `value`: some of the file's bytes, at least one */
    MULTIPART_FILE_END, /* the file is whole */
    MULTIPART_END       /* the form is whole */
};

/* Borrows the input or the reader, until the next call. */
struct multipart_item {
    enum multipart_kind kind;
    struct str name;
    struct str file_name; /* as it came, its escapes undone; empty: none */
    struct str type;      /* its Content-Type, or empty */
    struct str value;
};

/* Where a reader stands. */
enum multipart_state {
    MULTIPART_AT_BOUNDARY, /* in a boundary's line end and itself */
    MULTIPART_AT_TAIL,     /* behind one */
    MULTIPART_AT_DASH,     /* behind the first of its two last dashes */
    MULTIPART_AT_PADDING,  /* in blanks behind it */
    MULTIPART_AT_LF,       /* of its line */
    MULTIPART_AT_HEAD,
    MULTIPART_AT_DATA, /* of a part; some of a boundary may have been seen */
    MULTIPART_AT_END,  /* behind the last boundary */
    MULTIPART_AT_END_LF,
    MULTIPART_AT_CLOSE, /* nothing may follow */
    MULTIPART_AT_BAD
};

struct multipart {
    enum multipart_state state;
    enum multipart_bad bad;
    char mark[4 + MULTIPART_BOUNDARY_MAX]; /* CRLF, two dashes, the boundary */
    size_t mark_len;
    size_t seen;     /* of the mark */
    size_t borrowed; /* of that: the line end of a head, which is no data */
    size_t padding;
    size_t parts;
    struct str file; /* the name of a part that is a file whatever it says */
    struct buf head;
    struct buf field;
    struct buf names;
    size_t name_at; /* in `names`: of the part under way */
    bool in_file;
    bool begun; /* behind the first boundary */
};

/* `content_type`: the request's; `file`: a name, which lives as long as the reader. False: `bad`
 * says why; there is nothing to fini. */
EP_MUST_CHECK bool multipart_init(struct multipart *reader, struct str content_type,
                                  struct str file);
void multipart_fini(struct multipart *reader); /* also of a reader that failed */
/*
 * Takes the next item off the front of `input`. WIRE_DONE: there is one. WIRE_MORE: all of `input`
 * was taken. WIRE_BAD: `bad` says why, and so will every further call.
 */
EP_MUST_CHECK enum wire_result multipart_next(struct multipart *reader, struct str *input,
                                              struct multipart_item *ret_item);
/* The body has ended. False: before the form did, or it was bad. */
EP_MUST_CHECK bool multipart_done(struct multipart *reader);
/* The part that is under way, or was when the form turned out to be bad; empty: none has a name. */
struct str multipart_name(const struct multipart *reader);
/* A sentence for whoever sent it. */
const char *multipart_why(enum multipart_bad bad);

/* ---- writing ----------------------------------------------------------------------------- */

/* The boundary is one that stands in no part: of 128 random bits, say. Names and types are as they
 * were read; a quote in a file's name is written as browsers do ("%22"). ERR_LIMIT, ERR_NO_MEMORY:
 * as buf_append(). */
EP_MUST_CHECK enum err multipart_write_field(struct buf *out, struct str boundary, struct str name,
                                             struct str value);
/* All that stands before a file's bytes. `type` may be empty. */
EP_MUST_CHECK enum err multipart_write_file(struct buf *out, struct str boundary, struct str name,
                                            struct str file_name, struct str type);
/* The end of a file, as of a field that was written; and the end of the form. */
EP_MUST_CHECK enum err multipart_write_file_end(struct buf *out);
EP_MUST_CHECK enum err multipart_write_end(struct buf *out, struct str boundary);
