#include <stdio.h>
#include <string.h>

#include "gate/gate_internal.h"
#include "gate/upload.h"
#include "store/spool.h"
#include "wire/jsonw.h"
#include "wire/utf8.h"

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
    if (upload->stream || str_eq_nocase(value, STR("false"))) {
        return true;
    }
    return upload_wrong(fault, ERR_ASK_INVALID, STR("stream"), "\"stream\" must be true or false.");
}

static bool form_prompt(struct upload *upload, struct str value, struct upload_fault *fault)
{
    enum err err = buf_append(&upload->prompt_text, value);
    return err == ERR_OK || form_outgrows(fault, err, STR("prompt"));
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
};

/* What is decided by; all else is passed on. */
static const struct form_field form_fields[] = {
    { STR_INIT("model"), form_model },       { STR_INIT("response_format"), form_format },
    { STR_INIT("stream"), form_stream },     { STR_INIT("prompt"), form_prompt },
    { STR_INIT("service_tier"), form_tier },
};

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

static bool form_field(struct upload *upload, struct str name, struct str value,
                       struct upload_fault *fault)
{
    bool is_model = str_eq(name, STR("model"));
    if (form_is_ours(name)) {
        return upload_wrong(fault, ERR_ASK_UNSUPPORTED, name,
                            "\"" STR_FMT
                            "\" is not taken in a form: which sources may serve is the "
                            "product's to say here.",
                            STR_ARG(name));
    }
    if (utf8_valid(value) < value.len) {
        return upload_wrong(fault, ERR_ASK_INVALID, name, "\"" STR_FMT "\" is not UTF-8.",
                            STR_ARG(name));
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(form_fields); i++) {
        if (form_is_below(name, form_fields[i].name)) {
            return upload_wrong(fault, ERR_ASK_UNSUPPORTED, name,
                                "\"" STR_FMT "\" is not a list here: name it \"" STR_FMT "\".",
                                STR_ARG(name), STR_ARG(form_fields[i].name));
        }
        if (str_eq(name, form_fields[i].name) && !form_fields[i].read(upload, value, fault)) {
            return false;
        }
    }
    if (is_model) {
        return true; /* the route's own name for it goes upstream */
    }
    struct str mark = { upload->mark, sizeof(upload->mark) };
    enum err err = multipart_write_field(&upload->fields, mark, name, value);
    err = err == ERR_OK ? form_tell(upload, name, value) : err;
    return err == ERR_OK || form_outgrows(fault, err, name);
}

/* ---- the file ----------------------------------------------------------------------------- */

static bool form_file(struct upload *upload, const struct multipart_item *item,
                      struct upload_fault *fault)
{
    if (!str_eq(item->name, STR("file"))) {
        return upload_wrong(fault, ERR_ASK_UNSUPPORTED, item->name,
                            "\"" STR_FMT "\" must not be a file: the recording is \"file\".",
                            STR_ARG(item->name));
    }
    if (utf8_valid(item->file_name) < item->file_name.len) {
        return upload_wrong(fault, ERR_ASK_INVALID, STR("file"),
                            "The name of the file is not UTF-8.");
    }
    struct str mark = { upload->mark, sizeof(upload->mark) };
    struct str name = item->file_name.len > 0 ? item->file_name : STR("file");
    enum err err = multipart_write_file(&upload->front, mark, STR("file"), name, item->type);
    err = err == ERR_OK ? form_tell(upload, STR("file"), name) : err;
    upload->has_file = true;
    return err == ERR_OK || form_outgrows(fault, err, STR("file"));
}

static bool form_data(struct upload *upload, struct str data, struct upload_fault *fault)
{
    struct fail fail = { .text = "" };
    uint64_t most = upload->gate->snapshot->options.upload_bytes_max;
    if (spool_size(upload->file) + data.len > most) {
        return upload_wrong(fault, ERR_HTTP_BODY_SIZE, STR("file"),
                            "The file must not have more than %llu bytes.",
                            (unsigned long long)most);
    }
    enum err err = spool_append(upload->file, data, &fail);
    if (err != ERR_OK) {
        upload_log(&fail);
        return upload_wrong(fault, err, STR_EMPTY, "%s", err_info(err)->text);
    }
    sound_feed(&upload->sound, data);
    digest_stream_add(&upload->digest, data);
    return true;
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
    case MULTIPART_END:
        break;
    }
    return true;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* {"model":"m","form":[["language","en"],["file","a.wav"]],"bytes":1,"sha256":"..."} */
static enum err form_body(struct upload *upload)
{
    struct buf body;
    struct jsonw json;
    char hex[2 * DIGEST_BYTES];
    struct digest digest = digest_stream_end(&upload->digest);
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        static const char digits[] = "0123456789abcdef";
        hex[2 * i] = digits[digest.bytes[i] >> 4];
        hex[2 * i + 1] = digits[digest.bytes[i] & 15];
    }
    buf_init(&body, upload->ask.max + 1024); /* the model, escaped, and a few words */
    jsonw_init(&json, &body);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "model", upload->model);
    jsonw_key(&json, "form");
    jsonw_open(&json, '[');
    jsonw_raw(&json, buf_str(&upload->ask));
    jsonw_close(&json, ']');
    jsonw_put_int(&json, "bytes", (int64_t)spool_size(upload->file));
    jsonw_put_str(&json, "sha256", (struct str){ hex, sizeof(hex) });
    jsonw_close(&json, '}');
    enum err err = jsonw_err(&json);
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
    if (!upload->has_file || upload->model.len == 0) {
        const char *lacks = upload->has_file ? "model" : "file";
        return upload_wrong(ret_fault, ERR_ASK_MISSING, str_from(lacks),
                            "The form needs a field \"%s\".", lacks);
    }
    if (spool_size(upload->file) == 0) {
        return upload_wrong(ret_fault, ERR_ASK_INVALID, STR("file"), "The file is empty.");
    }
    upload->prompt = buf_str(&upload->prompt_text);
    upload->source.len = spool_size(upload->file);
    return form_body(upload) == ERR_OK || form_no_memory(ret_fault);
}
