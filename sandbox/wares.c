#include "wares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "dialect/picture.h"
#include "lexicon.h"
#include "wire/json.h"
#include "wire/jsonw.h"
#include "wire/multipart.h"

#define WARES_SIZE       64   /* numbers of a vector, unless others are asked for */
#define WARES_SIZE_MAX   4096 /* as many as any vendor's */
#define WARES_ITEMS_MAX  10000
#define WARES_UNIT       100 /* documents of a search unit */
#define WARES_IMAGES_MAX 10
#define WARES_TEXT_MAX   ((size_t)32 << 20)

static bool wares_refuse(struct persona_fault *ret_fault, const char *text, const char *param)
{
    *ret_fault = (struct persona_fault){
        .status = 400, .text = text, .type = "invalid_request_error", .param = param
    };
    return false;
}

struct wares_work {
    struct str body;
    const struct persona_options *options;
    struct str model; /* as it stands in the request */
    int64_t now_s;
    int64_t tokens;
    int64_t sent; /* pictures that came */
    enum wares what;
    struct jsonw json;
};

/* ---- what is counted ---------------------------------------------------------------------- */

static const struct scale_model *wares_scale(const struct wares_work *work)
{
    char text[PERSONA_MODEL_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    if (work->options->scale == NULL || !json_decode(work->model, &name)) {
        return NULL;
    }
    return scale_find(work->options->scale, buf_str(&name));
}

/* A text of the request, decoded; counts its tokens. False: it is none, or empty. */
static bool wares_text(struct wares_work *work, struct str value, struct buf *text)
{
    int64_t tokens = 0;
    buf_init(text, WARES_TEXT_MAX);
    if (value.len == 0 || json_kind(value) != JSON_STRING || !json_decode(value, text) ||
        text->len == 0) {
        buf_fini(text);
        return false;
    }
    const struct scale_model *scale = wares_scale(work);
    if (scale == NULL || scale_text(scale, buf_str(text), &tokens) != ERR_OK) {
        tokens = lexicon_count(buf_str(text));
    }
    work->tokens += tokens;
    return true;
}

static int64_t wares_reported(const struct persona_options *options, int64_t tokens)
{
    int64_t percent = options->usage == PERSONA_INFLATED ? 100 + options->inflate_percent : 100;
    return (tokens * percent + 50) / 100 + (options->usage == PERSONA_PADDED ? options->pad : 0);
}

/* ---- vectors ------------------------------------------------------------------------------ */

static bool wares_is_word(char byte)
{
    unsigned char c = (unsigned char)byte;
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

static void wares_pull(uint64_t seed, double *vector, size_t size)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t drawn = lexicon_mix(seed + i);
        vector[drawn % size] += (drawn >> 32 & 1) != 0 ? 1.0 : -1.0;
    }
}

/* Of length 1. */
static void wares_vector(struct str text, double *vector, size_t size)
{
    double sum = 0;
    memset(vector, 0, size * sizeof(*vector));
    for (size_t at = 0; at < text.len;) {
        uint64_t seed = 7;
        size_t end = at;
        while (end < text.len && wares_is_word(text.ptr[end])) {
            seed = seed * 31 + (unsigned char)(text.ptr[end++] | 0x20);
        }
        if (end > at) {
            wares_pull(seed, vector, size);
        }
        at = end > at ? end : at + 1;
    }
    vector[lexicon_mix(text.len) % size] += 0.25; /* so that no text is nothing */
    for (size_t i = 0; i < size; i++) {
        sum += vector[i] * vector[i];
    }
    for (size_t i = 0; i < size && sum > 0; i++) {
        vector[i] /= sqrt(sum);
    }
}

static enum err wares_put_vector(struct wares_work *work, const double *vector, size_t size,
                                 bool base64)
{
    struct buf bytes;
    jsonw_key(&work->json, "embedding");
    buf_init(&bytes, WARES_SIZE_MAX * sizeof(float));
    struct buf text;
    buf_init(&text, WARES_SIZE_MAX * 24);
    enum err err = ERR_OK;
    for (size_t i = 0; i < size && err == ERR_OK; i++) {
        float number = (float)vector[i];
        err = base64 ? buf_append(&bytes, (struct str){ (const char *)&number, sizeof(number) })
                     : buf_printf(&text, "%s%.9g", i == 0 ? "[" : ",", (double)number);
    }
    err = err == ERR_OK && base64 ? buf_byte(&text, '"') : err;
    err = err == ERR_OK && base64 ? enc_base64(&text, bytes.ptr, bytes.len) : err;
    err = err == ERR_OK ? buf_byte(&text, base64 ? '"' : ']') : err;
    jsonw_raw(&work->json, buf_str(&text));
    buf_fini(&text);
    buf_fini(&bytes);
    return err == ERR_OK ? jsonw_err(&work->json) : err;
}

/* One input: a text, or a list of ids, each of which is a word. */
static bool wares_put_embedding(struct wares_work *work, struct str input, int64_t index,
                                double *vector, size_t size, bool base64)
{
    struct buf text;
    bool ids = json_kind(input) == JSON_ARRAY;
    if (!ids && !wares_text(work, input, &text)) {
        return false;
    }
    wares_vector(ids ? input : buf_str(&text), vector, size);
    if (ids) {
        struct str rest = json_inside(input);
        struct str item;
        while (json_next_item(&rest, &item)) {
            work->tokens++;
        }
    } else {
        buf_fini(&text);
    }
    jsonw_open(&work->json, '{');
    jsonw_put_str(&work->json, "object", STR("embedding"));
    jsonw_put_int(&work->json, "index", index);
    enum err err = wares_put_vector(work, vector, size, base64);
    jsonw_close(&work->json, '}');
    return err == ERR_OK;
}

static bool wares_put_all(struct wares_work *work, struct str input, double *vector, size_t size)
{
    struct str format = json_get(work->body, STR("encoding_format"));
    bool base64 = format.len > 0 && json_string_is(format, STR("base64"));
    struct str rest = json_kind(input) == JSON_ARRAY ? json_inside(input) : STR_EMPTY;
    struct str item;
    int64_t count = 0;
    int64_t id = 0;
    bool alone = json_kind(input) == JSON_STRING ||
                 (json_next_item(&rest, &item) && json_i64(item, &id)); /* a list of ids */
    if (alone) {
        return wares_put_embedding(work, input, 0, vector, size, base64);
    }
    rest = json_kind(input) == JSON_ARRAY ? json_inside(input) : STR_EMPTY;
    for (; json_next_item(&rest, &item); count++) {
        if (count == WARES_ITEMS_MAX ||
            !wares_put_embedding(work, item, count, vector, size, base64)) {
            return false;
        }
    }
    return count > 0;
}

static struct str wares_declared(const struct wares_work *work)
{
    return work->options->declare_model;
}

static void wares_put_model(struct wares_work *work)
{
    jsonw_key(&work->json, "model");
    if (wares_declared(work).len > 0) {
        jsonw_str(&work->json, wares_declared(work));
    } else {
        jsonw_raw(&work->json, work->model);
    }
}

static bool wares_embeddings(struct wares_work *work, struct persona_fault *fault)
{
    struct str input = json_get(work->body, STR("input"));
    struct str wanted = json_get(work->body, STR("dimensions"));
    const struct persona_options *options = work->options;
    int64_t size = WARES_SIZE;
    if (wanted.len > 0 && json_kind(wanted) != JSON_NULL &&
        (!json_i64(wanted, &size) || size < 1 || size > WARES_SIZE_MAX)) {
        return wares_refuse(fault, "Invalid value for 'dimensions'.", "dimensions");
    }
    double vector[WARES_SIZE_MAX];
    jsonw_put_str(&work->json, "object", STR("list"));
    jsonw_key(&work->json, "data");
    jsonw_open(&work->json, '[');
    if (input.len == 0 || !wares_put_all(work, input, vector, (size_t)size)) {
        return wares_refuse(fault, "Invalid 'input': text, texts, or token ids.", "input");
    }
    jsonw_close(&work->json, ']');
    wares_put_model(work);
    if (options->usage != PERSONA_MISSING) {
        int64_t tokens = wares_reported(options, work->tokens);
        jsonw_key(&work->json, "usage");
        jsonw_open(&work->json, '{');
        jsonw_put_int(&work->json, "prompt_tokens", tokens);
        jsonw_put_int(&work->json, "total_tokens",
                      tokens + (options->usage == PERSONA_ODD ? 1 : 0));
        jsonw_close(&work->json, '}');
    }
    return true;
}

/* ---- scores ------------------------------------------------------------------------------- */

struct wares_score {
    int64_t index;
    double score;
};

static int wares_order(const void *left, const void *right)
{
    const struct wares_score *a = left;
    const struct wares_score *b = right;
    return a->score > b->score   ? -1
           : a->score < b->score ? 1
                                 : (a->index > b->index) - (a->index < b->index);
}

static double wares_nearness(const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < WARES_SIZE; i++) {
        sum += a[i] * b[i];
    }
    return (1 + sum) / 2;
}

/* How many documents were scored; -1: one of them is no text. */
static int64_t wares_score(struct wares_work *work, const double *query, struct str documents,
                           struct wares_score *scores)
{
    double vector[WARES_SIZE];
    struct str rest = json_inside(documents);
    struct str item;
    int64_t count = 0;
    for (; json_next_item(&rest, &item); count++) {
        struct str value = json_kind(item) == JSON_OBJECT ? json_get(item, STR("text")) : item;
        struct buf text;
        if (count == WARES_ITEMS_MAX || !wares_text(work, value, &text)) {
            return -1;
        }
        wares_vector(buf_str(&text), vector, WARES_SIZE);
        buf_fini(&text);
        scores[count] = (struct wares_score){ count, wares_nearness(query, vector) };
    }
    return count;
}

static void wares_put_scores(struct wares_work *work, const struct wares_score *scores,
                             int64_t count, int64_t top)
{
    jsonw_key(&work->json, "results");
    jsonw_open(&work->json, '[');
    for (int64_t i = 0; i < count && i < top; i++) {
        char text[32];
        struct buf score = { text, 0, sizeof(text), sizeof(text) };
        EP_IGNORE(buf_printf(&score, "%.6f", scores[i].score)); /* between 0 and 1: it fits */
        jsonw_open(&work->json, '{');
        jsonw_put_int(&work->json, "index", scores[i].index);
        jsonw_key(&work->json, "relevance_score");
        jsonw_raw(&work->json, buf_str(&score));
        jsonw_close(&work->json, '}');
    }
    jsonw_close(&work->json, ']');
}

/* Cohere's answer names no model and tells search units; Jina's names it and tells tokens. */
static void wares_put_rerank_usage(struct wares_work *work, int64_t count)
{
    const struct persona_options *options = work->options;
    if (options->jina) {
        wares_put_model(work);
    }
    if (options->usage == PERSONA_MISSING) {
        return;
    }
    jsonw_key(&work->json, options->jina ? "usage" : "meta");
    jsonw_open(&work->json, '{');
    if (options->jina) {
        jsonw_put_int(&work->json, "total_tokens", wares_reported(options, work->tokens));
    } else {
        int64_t units = wares_reported(options, (count + WARES_UNIT - 1) / WARES_UNIT);
        jsonw_key(&work->json, "billed_units");
        jsonw_open(&work->json, '{');
        jsonw_put_int(&work->json, "search_units", units);
        jsonw_close(&work->json, '}');
    }
    jsonw_close(&work->json, '}');
}

static bool wares_rerank(struct wares_work *work, struct persona_fault *fault)
{
    struct str documents = json_get(work->body, STR("documents"));
    struct str wanted = json_get(work->body, STR("top_n"));
    int64_t top = WARES_ITEMS_MAX;
    struct buf text;
    double query[WARES_SIZE];
    if (!wares_text(work, json_get(work->body, STR("query")), &text)) {
        return wares_refuse(fault, "invalid request: query must not be empty.", "query");
    }
    wares_vector(buf_str(&text), query, WARES_SIZE);
    buf_fini(&text);
    if (documents.len == 0 || json_kind(documents) != JSON_ARRAY ||
        (wanted.len > 0 && json_kind(wanted) != JSON_NULL && !json_i64(wanted, &top))) {
        return wares_refuse(fault, "invalid request: documents must be a list.", "documents");
    }
    struct wares_score *scores = calloc(WARES_ITEMS_MAX, sizeof(*scores));
    int64_t count = scores == NULL ? -1 : wares_score(work, query, documents, scores);
    if (count > 0) {
        qsort(scores, (size_t)count, sizeof(*scores), wares_order);
        jsonw_put_str(&work->json, "id", STR("rerank-sandbox"));
        wares_put_scores(work, scores, count, top);
        wares_put_rerank_usage(work, count);
    }
    free(scores);
    return count > 0 || wares_refuse(fault, "invalid request: list of documents must not be empty.",
                                     "documents");
}

/* ---- pictures ----------------------------------------------------------------------------- */

#define WARES_SIDE 8 /* pixels */
#define WARES_ROWS (WARES_SIDE * (1 + 3 * WARES_SIDE))

static uint32_t wares_crc(uint32_t crc, const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320U : crc >> 1;
        }
    }
    return crc;
}

static void wares_put32(unsigned char *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (unsigned char)(value >> (24 - 8 * i));
    }
}

/* A chunk of a PNG, behind those that are there; the new length. */
static size_t wares_chunk(unsigned char *png, size_t at, const char *type,
                          const unsigned char *data, size_t len)
{
    wares_put32(png + at, (uint32_t)len);
    memcpy(png + at + 4, type, 4);
    memcpy(png + at + 8, data, len);
    uint32_t crc = wares_crc(0xFFFFFFFFU, png + at + 4, len + 4) ^ 0xFFFFFFFFU;
    wares_put32(png + at + 8 + len, crc);
    return at + len + 12;
}

/* zlib's form with one stored block: no need to squeeze a square of one colour. */
static size_t wares_zlib(unsigned char *out, const unsigned char *rows)
{
    uint32_t a = 1;
    uint32_t b = 0;
    const unsigned char head[] = { 0x78,
                                   0x01,
                                   0x01,
                                   WARES_ROWS & 0xFF,
                                   WARES_ROWS >> 8,
                                   ~WARES_ROWS & 0xFF,
                                   (~WARES_ROWS >> 8) & 0xFF };
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), rows, WARES_ROWS);
    for (size_t i = 0; i < WARES_ROWS; i++) {
        a = (a + rows[i]) % 65521;
        b = (b + a) % 65521;
    }
    wares_put32(out + sizeof(head) + WARES_ROWS, b << 16 | a);
    return sizeof(head) + WARES_ROWS + 4;
}

static size_t wares_png(uint64_t seed, unsigned char png[512])
{
    static const unsigned char magic[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n' };
    const unsigned char head[13] = { 0, 0, 0, WARES_SIDE, 0, 0, 0, WARES_SIDE, 8, 2, 0, 0, 0 };
    unsigned char rows[WARES_ROWS] = { 0 };
    unsigned char data[WARES_ROWS + 16];
    for (size_t i = 0; i < WARES_ROWS; i++) {
        size_t column = i % (1 + 3 * WARES_SIDE);
        rows[i] = column == 0 ? 0 : (unsigned char)(seed >> (8 * ((column - 1) % 3)));
    }
    size_t len = wares_zlib(data, rows);
    memcpy(png, magic, sizeof(magic));
    size_t at = wares_chunk(png, sizeof(magic), "IHDR", head, sizeof(head));
    at = wares_chunk(png, at, "IDAT", data, len);
    return wares_chunk(png, at, "IEND", data, 0);
}

static void wares_put_png(struct wares_work *work, uint64_t seed)
{
    unsigned char png[512];
    char text[1024];
    struct buf base64 = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(enc_base64(&base64, png, wares_png(seed, png))); /* some 400 bytes */
    jsonw_put_str(&work->json, "b64_json", buf_str(&base64));
}

#define WARES_IMAGE_TOKENS   272 /* of a small picture of low quality, as OpenAI counts it */
#define WARES_PARTIAL_TOKENS 100
#define WARES_SENT_TOKENS    194 /* of a square picture that came, its details left out */

struct wares_picture {
    int64_t count;
    int64_t partial;
    bool stream;
    bool url;
    struct str size;
    struct str quality;
    uint64_t seed;
};

static struct str wares_told(struct str value, struct str standard)
{
    return value.len > 0 && json_kind(value) == JSON_STRING && !json_string_is(value, STR("auto"))
               ? value
               : standard;
}

static bool wares_read_picture(struct wares_work *work, struct wares_picture *picture,
                               struct persona_fault *fault)
{
    struct str count = json_get(work->body, STR("n"));
    struct str partial = json_get(work->body, STR("partial_images"));
    struct str stream = json_get(work->body, STR("stream"));
    struct str form = json_get(work->body, STR("response_format"));
    struct buf text;
    *picture = (struct wares_picture){
        .count = 1,
        .stream = stream.len > 0 && json_kind(stream) == JSON_TRUE,
        .url = form.len > 0 && json_string_is(form, STR("url")),
        .size = wares_told(json_get(work->body, STR("size")), STR("\"1024x1024\"")),
        .quality = wares_told(json_get(work->body, STR("quality")), STR("\"low\"")),
    };
    if (!wares_text(work, json_get(work->body, STR("prompt")), &text)) {
        if (work->what != WARES_VARIATIONS) {
            return wares_refuse(fault, "Missing required parameter: 'prompt'.", "prompt");
        }
        buf_init(&text, 1); /* it has none */
    }
    for (size_t i = 0; i < text.len; i++) {
        picture->seed = picture->seed * 31 + (unsigned char)text.ptr[i];
    }
    buf_fini(&text);
    if (count.len > 0 && json_kind(count) != JSON_NULL &&
        (!json_i64(count, &picture->count) || picture->count < 1 ||
         picture->count > WARES_IMAGES_MAX)) {
        return wares_refuse(fault, "Invalid value for 'n'.", "n");
    }
    if (partial.len > 0 && json_kind(partial) != JSON_NULL &&
        (!json_i64(partial, &picture->partial) || picture->partial < 0 || picture->partial > 3)) {
        return wares_refuse(fault, "Invalid value for 'partial_images'.", "partial_images");
    }
    return true;
}

static void wares_put_picture_usage(struct wares_work *work, int64_t images, int64_t partial)
{
    const struct persona_options *options = work->options;
    int64_t text = wares_reported(options, work->tokens);
    int64_t input = text + work->sent * WARES_SENT_TOKENS;
    int64_t output = images * (WARES_IMAGE_TOKENS + partial * WARES_PARTIAL_TOKENS);
    if (options->usage == PERSONA_MISSING) {
        return;
    }
    jsonw_key(&work->json, "usage");
    jsonw_open(&work->json, '{');
    jsonw_put_int(&work->json, "total_tokens",
                  input + output + (options->usage == PERSONA_ODD ? 1 : 0));
    jsonw_put_int(&work->json, "input_tokens", input);
    jsonw_put_int(&work->json, "output_tokens", output);
    jsonw_key(&work->json, "input_tokens_details");
    jsonw_open(&work->json, '{');
    jsonw_put_int(&work->json, "text_tokens", text);
    jsonw_put_int(&work->json, "image_tokens", input - text);
    jsonw_close(&work->json, '}');
    jsonw_close(&work->json, '}');
}

static void wares_put_about(struct wares_work *work, const struct wares_picture *picture)
{
    jsonw_put_str(&work->json, "background", STR("opaque"));
    jsonw_put_str(&work->json, "output_format", STR("png"));
    jsonw_key(&work->json, "size");
    jsonw_raw(&work->json, picture->size);
    jsonw_key(&work->json, "quality");
    jsonw_raw(&work->json, picture->quality);
}

static enum err wares_put_event(struct wares_work *work, const struct wares_picture *picture,
                                int64_t at)
{
    bool last = at == picture->partial;
    char type[64];
    struct buf name = { type, 0, sizeof(type), sizeof(type) };
    TRY(buf_printf(&name, "%s.%s", work->what == WARES_EDITS ? "image_edit" : "image_generation",
                   last ? "completed" : "partial_image"));
    TRY(buf_printf(work->json.out, "event: " STR_FMT "\ndata: ", STR_ARG(buf_str(&name))));
    jsonw_init(&work->json, work->json.out);
    jsonw_open(&work->json, '{');
    jsonw_put_str(&work->json, "type", buf_str(&name));
    wares_put_png(work, lexicon_mix(picture->seed));
    jsonw_put_int(&work->json, "created_at", work->now_s);
    wares_put_about(work, picture);
    if (last) {
        wares_put_picture_usage(work, 1, picture->partial);
    } else {
        jsonw_put_int(&work->json, "partial_image_index", at);
    }
    jsonw_close(&work->json, '}');
    TRY(jsonw_err(&work->json));
    return buf_append(work->json.out, STR("\n\n"));
}

static bool wares_events(struct wares_work *work, const struct wares_picture *picture,
                         struct persona_fault *fault)
{
    buf_reset(work->json.out); /* it is no object, but events */
    for (int64_t i = 0; i <= picture->partial; i++) {
        if (wares_put_event(work, picture, i) != ERR_OK) {
            return wares_refuse(fault, "The answer is too large for the sandbox.", NULL);
        }
    }
    return true;
}

static void wares_put_came(struct wares_work *work)
{
    jsonw_key(&work->json, "sandbox");
    jsonw_raw(&work->json, work->body);
}

static bool wares_images(struct wares_work *work, bool *ret_stream, struct persona_fault *fault)
{
    struct wares_picture picture;
    if (!wares_read_picture(work, &picture, fault)) {
        return false;
    }
    if (picture.stream) {
        *ret_stream = true;
        return wares_events(work, &picture, fault);
    }
    jsonw_put_int(&work->json, "created", work->now_s);
    jsonw_key(&work->json, "data");
    jsonw_open(&work->json, '[');
    for (int64_t i = 0; i < picture.count; i++) {
        jsonw_open(&work->json, '{');
        if (picture.url) {
            jsonw_put_str(&work->json, "url", STR("http://127.0.0.1/sandbox.png"));
        } else {
            wares_put_png(work, lexicon_mix(picture.seed + (uint64_t)i));
        }
        jsonw_close(&work->json, '}');
    }
    jsonw_close(&work->json, ']');
    if (work->what == WARES_VARIATIONS) {
        wares_put_came(work);
        return true; /* older models tell no more */
    }
    wares_put_about(work, &picture);
    if (work->what == WARES_EDITS) {
        wares_put_came(work);
    }
    wares_put_picture_usage(work, picture.count, 0);
    return true;
}

/* ---- forms with pictures ------------------------------------------------------------------ */

struct wares_form {
    struct buf files; /* JSON, behind the first with a comma */
    struct buf *out;
    char head[12];
    uint64_t bytes; /* of the file under way */
    uint32_t crc;
};

/* A number or a truth as that, all else as a text. */
static enum err wares_put_field(struct wares_form *form, struct str name, struct str value)
{
    int64_t number = 0;
    bool plain =
        str_to_i64(value, &number) || str_eq(value, STR("true")) || str_eq(value, STR("false"));
    TRY(jsonw_quote(form->out, name));
    TRY(buf_byte(form->out, ':'));
    TRY(plain ? buf_append(form->out, value) : jsonw_quote(form->out, value));
    return buf_byte(form->out, ',');
}

static enum err wares_put_file(struct wares_form *form)
{
    char text[32];
    struct buf base64 = { text, 0, sizeof(text), sizeof(text) };
    TRY(enc_base64(&base64, form->head, form->bytes < 12 ? (size_t)form->bytes : 12));
    TRY(buf_printf(&form->files, ",%llu,%u]", (unsigned long long)form->bytes, form->crc));
    return picture_can_be(buf_str(&base64)) ? ERR_OK : ERR_ASK_INVALID;
}

static enum err wares_item(struct wares_form *form, const struct multipart_item *item)
{
    const unsigned char *bytes = (const unsigned char *)item->value.ptr;
    switch (item->kind) {
    case MULTIPART_FIELD:
        return wares_put_field(form, item->name, item->value);
    case MULTIPART_FILE:
        form->bytes = 0;
        form->crc = 0xFFFFFFFFU;
        TRY(buf_append(&form->files, form->files.len == 0 ? STR("[") : STR(",[")));
        TRY(jsonw_quote(&form->files, item->name));
        TRY(buf_byte(&form->files, ','));
        return jsonw_quote(&form->files, item->file_name);
    case MULTIPART_DATA:
        for (size_t i = 0; i < item->value.len && form->bytes + i < sizeof(form->head); i++) {
            form->head[form->bytes + i] = item->value.ptr[i];
        }
        form->bytes += item->value.len;
        form->crc = wares_crc(form->crc, bytes, item->value.len);
        break;
    case MULTIPART_FILE_END:
        form->crc ^= 0xFFFFFFFFU;
        return wares_put_file(form);
    case MULTIPART_END:
        break;
    }
    return ERR_OK;
}

/* `out`: {"n":2,...,"files":[["image","a.png",1,2]]} */
static enum err wares_form_read(struct wares_form *form, struct multipart *reader, struct str body)
{
    struct multipart_item item;
    TRY(buf_byte(form->out, '{'));
    while (multipart_next(reader, &body, &item) == WIRE_DONE) {
        TRY(wares_item(form, &item));
    }
    TRY(multipart_done(reader) ? ERR_OK : ERR_ASK_INVALID);
    const struct str parts[] = { STR("\"files\":["), buf_str(&form->files), STR("]}") };
    return buf_append_all(form->out, parts, EP_ARRAY_LEN(parts));
}

bool wares_form(struct str type, struct str body, struct buf *out, struct persona_fault *ret_fault)
{
    struct multipart reader;
    struct wares_form form = { .bytes = 0 };
    if (!multipart_init(&reader, type, STR("image"))) {
        return wares_refuse(ret_fault, multipart_why(reader.bad), NULL);
    }
    form.out = out;
    buf_init(&form.files, WARES_TEXT_MAX);
    enum err err = wares_form_read(&form, &reader, body);
    bool there = form.files.len > 0;
    multipart_fini(&reader);
    buf_fini(&form.files);
    if (err != ERR_OK) {
        return wares_refuse(ret_fault, "Invalid image file or form.", "image");
    }
    return there || wares_refuse(ret_fault, "Missing required parameter: 'image'.", "image");
}

/* ---- all of it ---------------------------------------------------------------------------- */

bool wares_make(enum wares what, struct str body, const struct persona_options *options,
                int64_t now_s, struct buf *out, bool *ret_stream, struct persona_fault *ret_fault)
{
    struct json_fault where;
    struct wares_work work = {
        .body = json_trim(body), .options = options, .now_s = now_s, .what = what
    };
    *ret_stream = false;
    if (json_check(work.body, &where) != ERR_OK || json_kind(work.body) != JSON_OBJECT) {
        return wares_refuse(ret_fault, "We could not parse the JSON body of your request.", NULL);
    }
    work.model = json_get(work.body, STR("model"));
    if (work.model.len == 0 || json_kind(work.model) != JSON_STRING) {
        return wares_refuse(ret_fault, "you must provide a model parameter", "model");
    }
    struct str files = what >= WARES_EDITS ? json_get(work.body, STR("files")) : STR_EMPTY;
    struct str rest = files.len > 0 ? json_inside(files) : STR_EMPTY;
    struct str file;
    while (json_next_item(&rest, &file)) {
        work.sent++;
    }
    jsonw_init(&work.json, out);
    jsonw_open(&work.json, '{');
    bool made = what == WARES_EMBEDDINGS ? wares_embeddings(&work, ret_fault)
                : what == WARES_RERANK   ? wares_rerank(&work, ret_fault)
                                         : wares_images(&work, ret_stream, ret_fault);
    if (!made || *ret_stream) {
        return made;
    }
    jsonw_close(&work.json, '}');
    return jsonw_err(&work.json) == ERR_OK ||
           wares_refuse(ret_fault, "The answer is too large for the sandbox.", NULL);
}
