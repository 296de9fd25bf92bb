#include "wire/multipart.h"

#include "wire/http1_internal.h"

/* ---- words ------------------------------------------------------------------------------- */

static const char *const whys[MULTIPART_BADS] = {
    [MULTIPART_FINE] = "the form is fine",
    [MULTIPART_NO_MEMORY] = "there is no memory left to read the form",
    [MULTIPART_TYPE] = "the Content-Type must be multipart/form-data",
    [MULTIPART_BOUNDARY] = "the Content-Type must name one boundary, of 1 to 70 of the characters "
                           "that RFC 2046 allows",
    [MULTIPART_PREAMBLE] = "the body must begin with the boundary that the Content-Type names",
    [MULTIPART_BEHIND] = "something else than a line end stands behind a boundary",
    [MULTIPART_LINE_END] = "a line of a part's head must end with CR and LF",
    [MULTIPART_HEAD_SIZE] = "the head of a part must not have more than 4096 bytes",
    [MULTIPART_HEAD] = "a line of a part's head is not a header",
    [MULTIPART_NO_NAME] = "each part needs one header \"Content-Disposition: form-data\" with a "
                          "name",
    [MULTIPART_NAME] = "the name of a part must have 1 to 128 visible ASCII characters, and no "
                       "quotes or backslashes",
    [MULTIPART_TWICE] = "a field, or a header of a part, came twice",
    [MULTIPART_NESTED] = "a part must not be a multipart of its own",
    [MULTIPART_ENCODED] = "a part must be sent as it is, without a Content-Transfer-Encoding",
    [MULTIPART_PARTS] = "the form must not have more than 64 parts",
    [MULTIPART_FIELD_SIZE] = "a field must not have more than 65536 bytes",
    [MULTIPART_FIELD_NUL] = "a field must not contain a NUL",
    [MULTIPART_EPILOGUE] = "something stands behind the boundary that ends the form",
    [MULTIPART_NO_END] = "the body ended before the boundary that ends the form",
};

const char *multipart_why(enum multipart_bad bad)
{
    ASSERT(bad < MULTIPART_BADS);
    return whys[bad];
}

static enum wire_result multipart_fail(struct multipart *reader, enum multipart_bad bad)
{
    reader->state = MULTIPART_AT_BAD;
    reader->bad = bad;
    return WIRE_BAD;
}

/* ---- parameters: ; name=value or ; name="value" -------------------------------------------- */

static size_t token_len(struct str text)
{
    size_t len = 0;
    while (len < text.len && http1_is_token(text.ptr[len])) {
        len++;
    }
    return len;
}

/* Takes a quoted text off the front. Its escapes are undone where it stands: the bytes are a copy
 * of the reader's own. */
static bool param_quoted(struct str *rest, struct str *ret_value)
{
    union {
        const char *in;
        char *out;
    } unconst = { .in = rest->ptr + 1 };
    char *place = unconst.out;
    size_t len = 0;
    size_t at = 1;
    for (; at < rest->len && rest->ptr[at] != '"'; at++) {
        bool escape = rest->ptr[at] == '\\' && at + 1 < rest->len &&
                      (rest->ptr[at + 1] == '"' || rest->ptr[at + 1] == '\\');
        at += escape ? 1 : 0;
        place[len++] = rest->ptr[at];
    }
    if (at >= rest->len) {
        return false;
    }
    *ret_value = (struct str){ place, len };
    *rest = str_from_at(*rest, at + 1);
    return true;
}

/* Takes the next parameter off the front of `rest`, which begins with ';'. */
static bool param_next(struct str *rest, struct str *ret_name, struct str *ret_value)
{
    *rest = str_trim(*rest);
    if (rest->len == 0 || rest->ptr[0] != ';') {
        return false;
    }
    *rest = str_trim(str_from_at(*rest, 1));
    size_t len = token_len(*rest);
    *ret_name = str_slice(*rest, 0, len);
    *rest = str_from_at(*rest, len);
    if (len == 0 || rest->len == 0 || rest->ptr[0] != '=') {
        return false;
    }
    *rest = str_from_at(*rest, 1);
    if (rest->len > 0 && rest->ptr[0] == '"') {
        return param_quoted(rest, ret_value);
    }
    len = token_len(*rest);
    *ret_value = str_slice(*rest, 0, len);
    *rest = str_from_at(*rest, len);
    return len > 0;
}

/* ---- the boundary ------------------------------------------------------------------------ */

static bool boundary_byte(char byte)
{
    static const struct str others = STR_INIT("'()+_,-./:=? ");
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || str_find(others, byte) < others.len;
}

static bool boundary_fits(struct str boundary)
{
    size_t len = boundary.len;
    if (len == 0 || len > MULTIPART_BOUNDARY_MAX || boundary.ptr[len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!boundary_byte(boundary.ptr[i])) {
            return false;
        }
    }
    return true;
}

#define TYPE_MAX 512 /* of a Content-Type: a boundary and little else */

static enum multipart_bad boundary_read(struct str type, struct str *ret_boundary)
{
    static const struct str form = STR_INIT("multipart/form-data");
    struct str name;
    struct str value;
    *ret_boundary = STR_EMPTY;
    bool fits = str_starts_nocase(type, form);
    struct str rest = fits ? str_trim(str_from_at(type, form.len)) : STR_EMPTY;
    if (!fits || (rest.len > 0 && rest.ptr[0] != ';')) {
        return MULTIPART_TYPE;
    }
    while (rest.len > 0) {
        if (!param_next(&rest, &name, &value)) {
            return MULTIPART_BOUNDARY;
        }
        if (str_eq_nocase(name, STR("boundary"))) {
            if (ret_boundary->len > 0 || !boundary_fits(value)) {
                return MULTIPART_BOUNDARY;
            }
            *ret_boundary = value;
        }
        rest = str_trim(rest);
    }
    return ret_boundary->len > 0 ? MULTIPART_FINE : MULTIPART_BOUNDARY;
}

bool multipart_init(struct multipart *reader, struct str content_type, struct str file)
{
    char place[TYPE_MAX];
    struct buf type = { place, 0, sizeof(place), sizeof(place) };
    struct str boundary = STR_EMPTY;
    *reader = (struct multipart){ .state = MULTIPART_AT_BOUNDARY, .file = file };
    buf_init(&reader->head, MULTIPART_HEAD_MAX);
    buf_init(&reader->field, MULTIPART_FIELD_MAX);
    buf_init(&reader->names, MULTIPART_NAMES_MAX);
    enum multipart_bad bad = MULTIPART_BOUNDARY;
    if (buf_append(&type, str_trim(content_type)) == ERR_OK) {
        bad = boundary_read(buf_str(&type), &boundary);
    }
    if (bad != MULTIPART_FINE) {
        (void)multipart_fail(reader, bad);
        return false;
    }
    struct buf mark = { reader->mark, 0, sizeof(reader->mark), sizeof(reader->mark) };
    const struct str parts[] = { STR("\r\n--"), boundary };
    enum err err = buf_append_all(&mark, parts, EP_ARRAY_LEN(parts));
    ASSERT(err == ERR_OK); /* a boundary of its greatest length fits */
    reader->mark_len = mark.len;
    reader->seen = 2; /* a body begins as if a line had ended before it */
    return true;
}

void multipart_fini(struct multipart *reader)
{
    buf_fini(&reader->head);
    buf_fini(&reader->field);
    buf_fini(&reader->names);
}

struct str multipart_name(const struct multipart *reader)
{
    return reader->parts == 0 ? STR_EMPTY : str_from_at(buf_str(&reader->names), reader->name_at);
}

/* ---- a part's head ----------------------------------------------------------------------- */

/* What is read of a head. */
struct part_head {
    struct str name;
    struct str file_name;
    struct str type;
    bool has_disposition;
    bool has_file_name;
    bool has_type;
};

static bool name_fits(struct str name)
{
    if (name.len == 0 || name.len > MULTIPART_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        if (byte <= ' ' || byte > '~' || byte == '"' || byte == '\\') {
            return false;
        }
    }
    return true;
}

/* form-data; name="model"; filename="a.wav". A "filename*" is another writing of the same, which
 * RFC 7578 forbids: passed over, as is what nobody knows. */
static enum multipart_bad head_disposition(struct str value, struct part_head *head)
{
    static const struct str form = STR_INIT("form-data");
    struct str name;
    struct str text;
    if (head->has_disposition) {
        return MULTIPART_TWICE;
    }
    head->has_disposition = true;
    if (!str_starts_nocase(value, form)) {
        return MULTIPART_NO_NAME;
    }
    struct str rest = str_trim(str_from_at(value, form.len));
    while (rest.len > 0) {
        if (!param_next(&rest, &name, &text)) {
            return MULTIPART_HEAD;
        }
        bool is_name = str_eq_nocase(name, STR("name"));
        bool is_file = str_eq_nocase(name, STR("filename"));
        if ((is_name && head->name.len > 0) || (is_file && head->has_file_name)) {
            return MULTIPART_TWICE;
        }
        if (is_name && !name_fits(text)) {
            return text.len == 0 ? MULTIPART_NO_NAME : MULTIPART_NAME;
        }
        head->name = is_name ? text : head->name;
        head->file_name = is_file ? text : head->file_name;
        head->has_file_name |= is_file;
        rest = str_trim(rest);
    }
    return head->name.len > 0 ? MULTIPART_FINE : MULTIPART_NO_NAME;
}

static enum multipart_bad head_encoding(struct str value)
{
    bool plain = str_eq_nocase(value, STR("binary")) || str_eq_nocase(value, STR("8bit")) ||
                 str_eq_nocase(value, STR("7bit"));
    return plain ? MULTIPART_FINE : MULTIPART_ENCODED;
}

static enum multipart_bad head_line(struct str line, struct part_head *head)
{
    size_t colon = str_find(line, ':');
    struct str name = str_slice(line, 0, colon);
    if (colon == line.len || colon == 0 || token_len(name) != colon) {
        return MULTIPART_HEAD;
    }
    struct str value = str_trim(str_from_at(line, colon + 1));
    if (str_eq_nocase(name, STR("content-disposition"))) {
        return head_disposition(value, head);
    }
    if (str_eq_nocase(name, STR("content-transfer-encoding"))) {
        return head_encoding(value);
    }
    if (!str_eq_nocase(name, STR("content-type"))) {
        return MULTIPART_FINE; /* other headers of a part mean nothing (RFC 7578 4.8) */
    }
    if (head->has_type) {
        return MULTIPART_TWICE;
    }
    head->has_type = true;
    head->type = value;
    return str_starts_nocase(value, STR("multipart/")) ? MULTIPART_NESTED : MULTIPART_FINE;
}

/* `text`: whole lines, each with its CRLF. */
static enum multipart_bad head_read(struct str text, struct part_head *head)
{
    *head = (struct part_head){ .type = STR_EMPTY };
    while (text.len > 0) {
        struct str line = str_cut(&text, '\n');
        enum multipart_bad bad = head_line(str_slice(line, 0, line.len - 1), head);
        if (bad != MULTIPART_FINE) {
            return bad;
        }
    }
    return head->has_disposition ? MULTIPART_FINE : MULTIPART_NO_NAME;
}

/* Whether a part of that name came before: each stands in `names` with a NUL behind it. */
static bool name_is_known(const struct multipart *reader, struct str name)
{
    struct str rest = buf_str(&reader->names);
    while (rest.len > 0) {
        if (str_eq(str_cut(&rest, '\0'), name)) {
            return true;
        }
    }
    return false;
}

static enum multipart_bad name_note(struct multipart *reader, struct str name)
{
    if (reader->parts == MULTIPART_PARTS_MAX) {
        return MULTIPART_PARTS;
    }
    bool list = str_ends(name, STR("[]"));
    bool twice = name_is_known(reader, name) && !list;
    if (reader->parts > 0 && buf_byte(&reader->names, '\0') != ERR_OK) {
        return MULTIPART_NO_MEMORY;
    }
    reader->name_at = reader->names.len;
    enum err err = buf_append(&reader->names, name);
    reader->parts++;
    ASSERT(err != ERR_LIMIT);
    return err != ERR_OK ? MULTIPART_NO_MEMORY : twice ? MULTIPART_TWICE : MULTIPART_FINE;
}

/* The head is whole. */
static enum wire_result head_done(struct multipart *reader, struct multipart_item *item)
{
    struct part_head head;
    struct str text = str_slice(buf_str(&reader->head), 0, reader->head.len - 2);
    enum multipart_bad bad = head_read(text, &head);
    bad = bad == MULTIPART_FINE ? name_note(reader, head.name) : bad;
    if (bad != MULTIPART_FINE) {
        return multipart_fail(reader, bad);
    }
    reader->state = MULTIPART_AT_DATA;
    reader->seen = 2; /* a part that is empty may have its boundary behind the head's line end */
    reader->borrowed = 2;
    reader->in_file = head.has_file_name || str_eq(head.name, reader->file);
    buf_reset(&reader->field);
    if (!reader->in_file) {
        return WIRE_MORE;
    }
    *item = (struct multipart_item){
        .kind = MULTIPART_FILE,
        .name = head.name,
        .file_name = head.file_name,
        .type = head.type,
    };
    return WIRE_DONE;
}

static bool head_byte_fits(char byte)
{
    return http1_is_value(byte) || byte == '\r' || byte == '\n';
}

/* One byte of a head; WIRE_DONE: it was the last. Lines end with CRLF, and only there. */
static enum multipart_bad head_byte(struct multipart *reader, char byte, bool *ret_whole)
{
    struct buf *head = &reader->head;
    bool after_cr = head->len > 0 && head->ptr[head->len - 1] == '\r';
    if ((byte == '\n') != after_cr) {
        return MULTIPART_LINE_END;
    }
    if (!head_byte_fits(byte)) {
        return MULTIPART_HEAD;
    }
    enum err err = buf_byte(head, byte);
    if (err != ERR_OK) {
        return err == ERR_LIMIT ? MULTIPART_HEAD_SIZE : MULTIPART_NO_MEMORY;
    }
    struct str text = buf_str(head);
    *ret_whole = str_eq(text, STR("\r\n")) || str_ends(text, STR("\r\n\r\n"));
    return MULTIPART_FINE;
}

static enum wire_result read_head(struct multipart *reader, struct str *input,
                                  struct multipart_item *item)
{
    bool whole = false;
    while (input->len > 0 && !whole) {
        enum multipart_bad bad = head_byte(reader, input->ptr[0], &whole);
        if (bad != MULTIPART_FINE) {
            return multipart_fail(reader, bad);
        }
        *input = str_from_at(*input, 1);
    }
    return whole ? head_done(reader, item) : WIRE_MORE;
}

/* ---- a part's data ----------------------------------------------------------------------- */

static enum wire_result give_data(struct multipart *reader, struct str data,
                                  struct multipart_item *item)
{
    if (reader->in_file) {
        *item = (struct multipart_item){ .kind = MULTIPART_DATA, .value = data };
        return WIRE_DONE;
    }
    if (str_find(data, '\0') < data.len) {
        return multipart_fail(reader, MULTIPART_FIELD_NUL);
    }
    enum err err = buf_append(&reader->field, data);
    return err == ERR_OK ? WIRE_MORE
                         : multipart_fail(reader, err == ERR_LIMIT ? MULTIPART_FIELD_SIZE
                                                                   : MULTIPART_NO_MEMORY);
}

/* The part's boundary has come. */
static enum wire_result give_end(struct multipart *reader, struct multipart_item *item)
{
    reader->state = MULTIPART_AT_TAIL;
    *item = reader->in_file ? (struct multipart_item){ .kind = MULTIPART_FILE_END }
                            : (struct multipart_item){ .kind = MULTIPART_FIELD,
                                                       .name = multipart_name(reader),
                                                       .value = buf_str(&reader->field) };
    return WIRE_DONE;
}

/* Goes on in a mark of which some was seen. True: what was seen of it is data, and so told. A mark
 * has its only CR in front, so what is no mark holds no beginning of another. */
static bool mark_breaks(struct multipart *reader, struct str *input)
{
    while (input->len > 0 && reader->seen < reader->mark_len) {
        if (input->ptr[0] != reader->mark[reader->seen]) {
            return true;
        }
        reader->seen++;
        *input = str_from_at(*input, 1);
    }
    return false;
}

static enum wire_result read_data(struct multipart *reader, struct str *input,
                                  struct multipart_item *item)
{
    enum wire_result result = WIRE_MORE;
    while (result == WIRE_MORE && input->len > 0) {
        if (reader->seen > 0) {
            bool breaks = mark_breaks(reader, input);
            if (reader->seen == reader->mark_len) {
                return give_end(reader, item);
            }
            if (breaks) {
                struct str data = { reader->mark + reader->borrowed,
                                    reader->seen - reader->borrowed };
                reader->seen = 0;
                reader->borrowed = 0;
                result = data.len > 0 ? give_data(reader, data, item) : WIRE_MORE;
            }
            continue;
        }
        size_t len = str_find(*input, '\r');
        struct str data = str_slice(*input, 0, len);
        reader->seen = len < input->len ? 1 : 0;
        *input = str_from_at(*input, len + reader->seen);
        result = len > 0 ? give_data(reader, data, item) : WIRE_MORE;
    }
    return result;
}

/* ---- boundaries -------------------------------------------------------------------------- */

/* The first one: nothing may stand before it but an empty line. */
static enum multipart_bad first_byte(struct multipart *reader, char byte)
{
    if (!reader->begun && reader->seen == 2 && byte == '\r') {
        reader->begun = true; /* of its line end, at most one */
        reader->seen = 1;
        return MULTIPART_FINE;
    }
    if (byte != reader->mark[reader->seen]) {
        return MULTIPART_PREAMBLE;
    }
    reader->begun |= reader->seen >= 2;
    if (++reader->seen == reader->mark_len) {
        reader->state = MULTIPART_AT_TAIL;
    }
    return MULTIPART_FINE;
}

/* Behind a boundary. */
static enum multipart_bad tail_byte(struct multipart *reader, char byte)
{
    bool last = reader->state == MULTIPART_AT_DASH;
    if (last) {
        reader->state = MULTIPART_AT_END;
        reader->padding = 0;
        return byte == '-' ? MULTIPART_FINE : MULTIPART_BEHIND;
    }
    if (reader->state == MULTIPART_AT_LF) {
        reader->state = MULTIPART_AT_HEAD;
        buf_reset(&reader->head);
        return byte == '\n' ? MULTIPART_FINE : MULTIPART_BEHIND;
    }
    if (byte == '-' && reader->state == MULTIPART_AT_TAIL) {
        reader->state = MULTIPART_AT_DASH;
        return MULTIPART_FINE;
    }
    if (byte == '\r') {
        reader->state = MULTIPART_AT_LF;
        reader->padding = 0;
        return MULTIPART_FINE;
    }
    reader->state = MULTIPART_AT_PADDING;
    bool blank = byte == ' ' || byte == '\t';
    return blank && ++reader->padding <= MULTIPART_PADDING_MAX ? MULTIPART_FINE : MULTIPART_BEHIND;
}

/* Behind the last one: a line end, which need not be there. */
static enum multipart_bad end_byte(struct multipart *reader, char byte)
{
    if (reader->state == MULTIPART_AT_END && (byte == ' ' || byte == '\t')) {
        return ++reader->padding <= MULTIPART_PADDING_MAX ? MULTIPART_FINE : MULTIPART_EPILOGUE;
    }
    if (reader->state == MULTIPART_AT_END && byte == '\r') {
        reader->state = MULTIPART_AT_END_LF;
        return MULTIPART_FINE;
    }
    bool ends = reader->state == MULTIPART_AT_END_LF && byte == '\n';
    reader->state = MULTIPART_AT_CLOSE;
    return ends ? MULTIPART_FINE : MULTIPART_EPILOGUE;
}

/* A byte between parts. */
static enum wire_result read_between(struct multipart *reader, struct str *input,
                                     struct multipart_item *item)
{
    char byte = input->ptr[0];
    bool end = reader->state >= MULTIPART_AT_END;
    bool dash = reader->state == MULTIPART_AT_DASH;
    enum multipart_bad bad = reader->state == MULTIPART_AT_BOUNDARY ? first_byte(reader, byte)
                             : end                                  ? end_byte(reader, byte)
                                                                    : tail_byte(reader, byte);
    if (bad != MULTIPART_FINE) {
        return multipart_fail(reader, bad);
    }
    *input = str_from_at(*input, 1);
    if (!dash) {
        return WIRE_MORE;
    }
    *item = (struct multipart_item){ .kind = MULTIPART_END };
    return WIRE_DONE;
}

enum wire_result multipart_next(struct multipart *reader, struct str *input,
                                struct multipart_item *ret_item)
{
    enum wire_result result = WIRE_MORE;
    while (result == WIRE_MORE && input->len > 0) {
        switch (reader->state) {
        case MULTIPART_AT_HEAD:
            result = read_head(reader, input, ret_item);
            break;
        case MULTIPART_AT_DATA:
            result = read_data(reader, input, ret_item);
            break;
        case MULTIPART_AT_BOUNDARY:
        case MULTIPART_AT_TAIL:
        case MULTIPART_AT_DASH:
        case MULTIPART_AT_PADDING:
        case MULTIPART_AT_LF:
        case MULTIPART_AT_END:
        case MULTIPART_AT_END_LF:
        case MULTIPART_AT_CLOSE:
            result = read_between(reader, input, ret_item);
            break;
        case MULTIPART_AT_BAD:
            return WIRE_BAD;
        }
    }
    return reader->state == MULTIPART_AT_BAD ? WIRE_BAD : result;
}

bool multipart_done(struct multipart *reader)
{
    bool whole = reader->state == MULTIPART_AT_END || reader->state == MULTIPART_AT_CLOSE;
    if (!whole && reader->state != MULTIPART_AT_BAD) {
        (void)multipart_fail(reader, MULTIPART_NO_END);
    }
    return whole;
}
