#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "dialect/picture.h"
#include "gate/call_images.h"
#include "gate/call_transcription.h"
#include "gate/gate_internal.h"
#include "gate/intake.h"
#include "gate/upload.h"
#include "wire/jsonw.h"
#include "wire/utf8.h"

static const struct upload_kind upload_kinds[] = {
    { .path = STR_INIT("/v1/audio/transcriptions"),
      .service = &call_transcription,
      .form = GATE_FORM_TRANSCRIPTION,
      .file = STR_INIT("file"),
      .what = "recording",
      .streams = true },
    { .path = STR_INIT("/v1/audio/translations"),
      .service = &call_transcription,
      .form = GATE_FORM_TRANSLATION,
      .file = STR_INIT("file"),
      .what = "recording" },
    { .path = STR_INIT("/v1/images/edits"),
      .service = &call_images,
      .form = GATE_FORM_EDIT,
      .file = STR_INIT("image"),
      .what = "picture",
      .pictures = true,
      .many = true,
      .streams = true },
    { .path = STR_INIT("/v1/images/variations"),
      .service = &call_images,
      .form = GATE_FORM_VARIATION,
      .file = STR_INIT("image"),
      .what = "picture",
      .pictures = true },
};

const struct upload_kind *upload_kind(struct str path)
{
    char first = path.len > sizeof("/v1/") ? path.ptr[sizeof("/v1/") - 1] : '\0';
    if (first != 'a' && first != 'i') {
        return NULL; /* audio, images: asked of each request, and a chat is done with here */
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(upload_kinds); i++) {
        if (str_eq(path, upload_kinds[i].path)) {
            return &upload_kinds[i];
        }
    }
    return NULL;
}

static const struct str format_names[UPLOAD_FORMATS] = {
    [UPLOAD_JSON] = STR_INIT("json"),
    [UPLOAD_VERBOSE_JSON] = STR_INIT("verbose_json"),
    [UPLOAD_DIARIZED_JSON] = STR_INIT("diarized_json"),
    [UPLOAD_TEXT] = STR_INIT("text"),
    [UPLOAD_SRT] = STR_INIT("srt"),
    [UPLOAD_VTT] = STR_INIT("vtt"),
};

bool upload_wrong(struct upload_fault *fault, enum err err, struct str param, const char *format,
                  ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault->text, sizeof(fault->text), format, args); /* cut, if it is so long */
    va_end(args);
    fault->err = err;
    size_t len = param.len < sizeof(fault->param) ? param.len : sizeof(fault->param) - 1;
    if (len > 0) {
        memcpy(fault->param, param.ptr, len);
    }
    fault->param[len] = '\0';
    return false;
}

static bool form_no_memory(struct upload_fault *fault)
{
    return upload_wrong(fault, ERR_NO_MEMORY, STR_EMPTY, "%s", err_info(ERR_NO_MEMORY)->text);
}

static bool form_outgrows(struct upload_fault *fault, enum err err, struct str name)
{
    if (err == ERR_NO_MEMORY) {
        return form_no_memory(fault);
    }
    return upload_wrong(fault, ERR_ASK_INVALID, name,
                        "The fields of the form must not have more than %zu bytes in all.",
                        UPLOAD_FIELDS_MAX);
}

/* ---- fields ------------------------------------------------------------------------------- */

static bool form_model(struct upload *upload, struct str value, struct upload_fault *fault)
{
    if (value.len == 0 || value.len > UPLOAD_MODEL_MAX) {
        return upload_wrong(fault, ERR_ASK_INVALID, STR("model"),
                            "\"model\" must be a name of 1 to %d bytes.", UPLOAD_MODEL_MAX);
    }
    memcpy(upload->model_text, value.ptr, value.len);
    upload->model = (struct str){ upload->model_text, value.len };
    return true;
}

static bool form_format(struct upload *upload, struct str value, struct upload_fault *fault)
{
    for (size_t i = 0; i < UPLOAD_FORMATS; i++) {
        if (str_eq(value, format_names[i])) {
            upload->format = (enum upload_format)i;
            return true;
        }
    }
    return upload_wrong(fault, ERR_ASK_INVALID, STR("response_format"),
                        "\"response_format\" must be json, verbose_json, diarized_json, text, srt "
                        "or vtt.");
}

static bool form_stream(struct upload *upload, struct str value, struct upload_fault *fault)
{
    upload->stream = str_eq_nocase(value, STR("true"));
    if (!upload->stream && !str_eq_nocase(value, STR("false"))) {
        return upload_wrong(fault, ERR_ASK_INVALID, STR("stream"),
                            "\"stream\" must be true or false.");
    }
    return !upload->stream || upload->kind->streams ||
           upload_wrong(fault, ERR_ASK_UNSUPPORTED, STR("stream"),
                        "\"stream\" is not taken here: the answer comes whole.");
}

static bool form_prompt(struct upload *upload, struct str value, struct upload_fault *fault)
{
    (void)fault;
    upload->prompt_bytes = value.len;
    return true;
}

/* "models[]", "models[0]": some readers of forms take these for parts of "models". */
static bool form_is_below(struct str name, struct str whole)
{
    return str_starts(name, whole) && name.len > whole.len && name.ptr[whole.len] == '[';
}

/* What other calls say in JSON, of sources and of models that stand in: a form has no place for it,
 * and to pass over it would serve the call where its client does not want it. */
static bool form_is_ours(struct str name)
{
    static const struct str ours[] = { STR_INIT("provider"), STR_INIT("models") };
    for (size_t i = 0; i < EP_ARRAY_LEN(ours); i++) {
        if (str_eq(name, ours[i]) || form_is_below(name, ours[i])) {
            return true;
        }
    }
    return false;
}

/* A form is sold in the ordinary tier: another would be bought dearer than it is sold. */
static bool form_tier(struct upload *upload, struct str value, struct upload_fault *fault)
{
    (void)upload;
    return value.len == 0 || str_eq(value, STR("auto")) || str_eq(value, STR("default")) ||
           upload_wrong(fault, ERR_ASK_UNSUPPORTED, STR("service_tier"),
                        "\"service_tier\" is not sold of forms: leave it out.");
}

struct form_field {
    struct str name;
    bool (*read)(struct upload *upload, struct str value, struct upload_fault *fault);
    bool of_sound; /* and not of pictures, where the service reads it */
};

/* What is decided by here; all else is passed on. */
static const struct form_field form_fields[] = {
    { STR_INIT("model"), form_model, false },   { STR_INIT("service_tier"), form_tier, false },
    { STR_INIT("stream"), form_stream, false }, { STR_INIT("response_format"), form_format, true },
    { STR_INIT("prompt"), form_prompt, true },
};

/* What the service of pictures reads of a request (dialect/images.h), as which JSON. */
enum form_json {
    FORM_TEXT,
    FORM_NUMBER,
    FORM_BOOL
};

struct form_member {
    struct str name;
    enum form_json json;
};

static const struct form_member form_members[] = {
    { STR_INIT("prompt"), FORM_TEXT },
    { STR_INIT("n"), FORM_NUMBER },
    { STR_INIT("size"), FORM_TEXT },
    { STR_INIT("quality"), FORM_TEXT },
    { STR_INIT("response_format"), FORM_TEXT },
    { STR_INIT("stream"), FORM_BOOL },
    { STR_INIT("partial_images"), FORM_NUMBER },
    { STR_INIT("user"), FORM_TEXT },
};

/* NULL: the service reads no such field. */
static const struct form_member *form_member(const struct upload *upload, struct str name)
{
    for (size_t i = 0; upload->kind->pictures && i < EP_ARRAY_LEN(form_members); i++) {
        if (str_eq(name, form_members[i].name)) {
            return &form_members[i];
        }
    }
    return NULL;
}

/* Into the call's body as a request without files has it: "n":2, . What is no number stays a text,
 * which the service refuses by its name. */
static enum err form_lift(struct upload *upload, const struct form_member *member, struct str value)
{
    struct buf *out = &upload->members;
    int64_t number = 0;
    TRY(jsonw_quote(out, member->name));
    TRY(buf_byte(out, ':'));
    if (member->json == FORM_NUMBER && str_to_i64(value, &number)) {
        TRY(buf_i64(out, number));
    } else if (member->json == FORM_BOOL) {
        TRY(buf_append(out, upload->stream ? STR("true") : STR("false")));
    } else {
        TRY(jsonw_quote(out, value));
    }
    return buf_byte(out, ',');
}

/* Into the call's body: ["name","value"]. */
static enum err form_tell(struct upload *upload, struct str name, struct str value)
{
    struct jsonw json;
    TRY(upload->ask.len == 0 ? ERR_OK : buf_byte(&upload->ask, ','));
    jsonw_init(&json, &upload->ask);
    jsonw_open(&json, '[');
    jsonw_str(&json, name);
    jsonw_str(&json, value);
    jsonw_close(&json, ']');
    return jsonw_err(&json);
}

/* Both to the upstream and into the call's body. */
static enum err form_pass(struct upload *upload, struct str name, struct str value)
{
    struct str mark = { upload->mark, sizeof(upload->mark) };
    const struct form_member *member = form_member(upload, name);
    TRY(multipart_write_field(&upload->fields, mark, name, value));
    return member != NULL ? form_lift(upload, member, value) : form_tell(upload, name, value);
}

static bool form_is_file(const struct upload *upload, struct str name)
{
    bool mask = str_eq(name, STR("mask")) || str_eq(name, STR("image[]"));
    return str_eq(name, upload->kind->file) || (upload->kind->many && mask);
}

/* Whether one of that name can be a field at all. */
static bool form_may_be(const struct upload *upload, struct str name, struct str value,
                        struct upload_fault *fault)
{
    if (form_is_ours(name)) {
        return upload_wrong(fault, ERR_ASK_UNSUPPORTED, name,
                            "\"" STR_FMT
                            "\" is not taken in a form: which sources may serve is the "
                            "product's to say here.",
                            STR_ARG(name));
    }
    if (form_is_file(upload, name)) {
        return upload_wrong(fault, ERR_ASK_INVALID, name,
                            "\"" STR_FMT "\" must be a file: its part needs a filename.",
                            STR_ARG(name));
    }
    return utf8_valid(value) == value.len ||
           upload_wrong(fault, ERR_ASK_INVALID, name, "\"" STR_FMT "\" is not UTF-8.",
                        STR_ARG(name));
}

static bool form_no_list(struct str name, struct str whole, struct upload_fault *fault)
{
    return !form_is_below(name, whole) ||
           upload_wrong(fault, ERR_ASK_UNSUPPORTED, name,
                        "\"" STR_FMT "\" is not a list here: name it \"" STR_FMT "\".",
                        STR_ARG(name), STR_ARG(whole));
}

/* What is decided by. */
static bool form_read(struct upload *upload, struct str name, struct str value,
                      struct upload_fault *fault)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(form_fields); i++) {
        const struct form_field *field = &form_fields[i];
        bool read = !field->of_sound || !upload->kind->pictures;
        if (!form_no_list(name, field->name, fault) ||
            (read && str_eq(name, field->name) && !field->read(upload, value, fault))) {
            return false;
        }
    }
    for (size_t i = 0; upload->kind->pictures && i < EP_ARRAY_LEN(form_members); i++) {
        if (!form_no_list(name, form_members[i].name, fault)) {
            return false;
        }
    }
    return true;
}

static bool form_field(struct upload *upload, struct str name, struct str value,
                       struct upload_fault *fault)
{
    if (!form_may_be(upload, name, value, fault) || !form_read(upload, name, value, fault)) {
        return false;
    }
    if (str_eq(name, STR("model"))) {
        return true; /* the route's own name for it goes upstream */
    }
    enum err err = form_pass(upload, name, value);
    return err == ERR_OK || form_outgrows(fault, err, name);
}

/* ---- files -------------------------------------------------------------------------------- */

/* On its way to the file. */
static bool form_spool(struct upload *upload, struct str data, struct upload_fault *fault)
{
    return buf_append(&upload->piece, data) == ERR_OK || form_no_memory(fault);
}

/* All that stands before its bytes goes where they go. */
static bool form_front(struct upload *upload, const struct multipart_item *item, struct str name,
                       struct upload_fault *fault)
{
    char room[4 * MULTIPART_HEAD_MAX]; /* a quote in a name becomes three bytes */
    struct buf front = { room, 0, sizeof(room), sizeof(room) };
    struct str mark = { upload->mark, sizeof(upload->mark) };
    bool first = upload->files == 0 && !upload->has_mask;
    enum err err = first ? ERR_OK : multipart_write_file_end(&front);
    err = err == ERR_OK ? multipart_write_file(&front, mark, item->name, name, item->type) : err;
    return err == ERR_OK ? form_spool(upload, buf_str(&front), fault)
                         : form_outgrows(fault, err, item->name);
}

static enum err form_begin(struct upload *upload, struct str field, struct str name)
{
    struct buf kept = { upload->field, 0, sizeof(upload->field), sizeof(upload->field) };
    TRY(buf_append(&kept, field));
    TRY(buf_byte(&kept, '\0'));
    buf_reset(&upload->name);
    TRY(jsonw_quote(&upload->name, field));
    TRY(buf_byte(&upload->name, ','));
    TRY(jsonw_quote(&upload->name, name));
    upload->length = 0;
    bool mask = str_eq(field, STR("mask"));
    upload->has_mask |= mask;
    upload->files += mask ? 0 : 1;
    return digest_stream_begin(&upload->digest) ? ERR_OK : ERR_NO_MEMORY;
}

static bool form_file(struct upload *upload, const struct multipart_item *item,
                      struct upload_fault *fault)
{
    struct str file = upload->kind->file;
    if (!form_is_file(upload, item->name)) {
        return upload_wrong(fault, ERR_ASK_UNSUPPORTED, item->name,
                            "\"" STR_FMT "\" must not be a file: the %s is \"" STR_FMT "\".",
                            STR_ARG(item->name), upload->kind->what, STR_ARG(file));
    }
    if (utf8_valid(item->file_name) < item->file_name.len) {
        return upload_wrong(fault, ERR_ASK_INVALID, item->name,
                            "The name of the file is not UTF-8.");
    }
    struct str name = item->file_name.len > 0 ? item->file_name : STR("file");
    if (!form_front(upload, item, name, fault)) {
        return false;
    }
    enum err err = form_begin(upload, item->name, name);
    if (err != ERR_OK) {
        return form_outgrows(fault, err, item->name);
    }
    return upload->files <= UPLOAD_PICTURES_MAX ||
           upload_wrong(fault, ERR_ASK_INVALID, item->name, "At most %d pictures are taken.",
                        UPLOAD_PICTURES_MAX);
}

/* By its first bytes; those of formats that are read stand in dialect/picture.h, in base64. */
static bool form_picture(const struct upload *upload, struct upload_fault *fault)
{
    char room[2 * UPLOAD_HEAD_BYTES];
    struct buf base64 = { room, 0, sizeof(room), sizeof(room) };
    size_t len = upload->length < UPLOAD_HEAD_BYTES ? upload->length : UPLOAD_HEAD_BYTES;
    enum err err = enc_base64(&base64, upload->head, len);
    ASSERT(err == ERR_OK); /* four letters for three bytes */
    return picture_can_be(buf_str(&base64)) ||
           upload_wrong(fault, ERR_ASK_INVALID, str_from(upload->field),
                        "\"%s\" is no picture: send PNG, JPEG or WebP.", upload->field);
}

/* Looks as soon as its first bytes are there. */
static bool form_look(struct upload *upload, struct str data, struct upload_fault *fault)
{
    uint64_t before = upload->length;
    upload->length += data.len;
    if (!upload->kind->pictures || before >= UPLOAD_HEAD_BYTES) {
        return true;
    }
    size_t room = UPLOAD_HEAD_BYTES - (size_t)before;
    memcpy(upload->head + before, data.ptr, data.len < room ? data.len : room);
    return upload->length < UPLOAD_HEAD_BYTES || form_picture(upload, fault);
}

static bool form_data(struct upload *upload, struct str data, struct upload_fault *fault)
{
    uint64_t most = upload->gate->snapshot->options.upload_bytes_max;
    if (upload->bytes + data.len > most) {
        return upload_wrong(fault, ERR_HTTP_BODY_SIZE, str_from(upload->field),
                            "The files must not have more than %llu bytes.",
                            (unsigned long long)most);
    }
    upload->bytes += data.len;
    if (!form_look(upload, data, fault) || !form_spool(upload, data, fault)) {
        return false;
    }
    if (!upload->kind->pictures) {
        sound_feed(&upload->sound, data);
    }
    digest_stream_add(&upload->digest, data);
    return true;
}

/* Into the call's body: ["image[]","fox.png",1,"..."], with size and SHA-256. */
static enum err form_tell_file(struct upload *upload)
{
    struct digest digest = digest_stream_end(&upload->digest);
    struct buf *ask = &upload->ask;
    TRY(buf_append(ask, ask->len == 0 ? STR("[") : STR(",[")));
    TRY(buf_append(ask, buf_str(&upload->name)));
    TRY(buf_byte(ask, ','));
    TRY(buf_u64(ask, upload->length));
    TRY(buf_append(ask, STR(",\"")));
    TRY(enc_hex(ask, digest.bytes, sizeof(digest.bytes)));
    return buf_append(ask, STR("\"]"));
}

static bool form_file_end(struct upload *upload, struct upload_fault *fault)
{
    if (upload->length == 0) {
        return upload_wrong(fault, ERR_ASK_INVALID, str_from(upload->field), "The file is empty.");
    }
    if (upload->kind->pictures && upload->length < UPLOAD_HEAD_BYTES &&
        !form_picture(upload, fault)) {
        return false;
    }
    enum err err = form_tell_file(upload);
    return err == ERR_OK || form_outgrows(fault, err, str_from(upload->field));
}

bool upload_take(struct upload *upload, const struct multipart_item *item,
                 struct upload_fault *ret_fault)
{
    switch (item->kind) {
    case MULTIPART_FIELD:
        return form_field(upload, item->name, item->value, ret_fault);
    case MULTIPART_FILE:
        return form_file(upload, item, ret_fault);
    case MULTIPART_DATA:
        return form_data(upload, item->value, ret_fault);
    case MULTIPART_FILE_END:
        return form_file_end(upload, ret_fault);
    case MULTIPART_END:
        break;
    }
    return true;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* {"model":"m","prompt":"p","form":[["language","en"],["file","a.wav",1,"..."]]} */
static enum err form_body(struct upload *upload)
{
    struct buf body;
    buf_init(&body, upload->ask.max + upload->members.max + 1024); /* a model, and a few words */
    enum err err = buf_append(&body, STR("{\"model\":"));
    err = err == ERR_OK ? jsonw_quote(&body, upload->model) : err;
    const struct str parts[] = { STR(","), buf_str(&upload->members), STR("\"form\":["),
                                 buf_str(&upload->ask), STR("]}") };
    err = err == ERR_OK ? buf_append_all(&body, parts, EP_ARRAY_LEN(parts)) : err;
    if (err != ERR_OK) {
        buf_fini(&body);
        return err;
    }
    buf_fini(&upload->ask);
    upload->ask = body;
    return ERR_OK;
}

bool upload_check(struct upload *upload, struct upload_fault *ret_fault)
{
    if (upload->files == 0 || upload->model.len == 0) {
        struct str lacks = upload->files > 0 ? STR("model") : upload->kind->file;
        return upload_wrong(ret_fault, ERR_ASK_MISSING, lacks,
                            "The form needs a field \"" STR_FMT "\".", STR_ARG(lacks));
    }
    return form_body(upload) == ERR_OK || form_no_memory(ret_fault);
}
