/* What a form says, item by item, and what is wrong with it; the way to it is tests/e2e's. */
#include "base/mem.h"
#include "gate/gate_internal.h"
#include "gate/intake.h"
#include "gate/upload.h"
#include "harness.h"
#include "wire/json.h"

#define FILE_MAX 100

struct desk {
    struct gate gate;
    struct gate_snapshot snapshot;
    struct upload upload;
    struct upload_fault fault;
};

static struct desk desk;

static bool open_kind(const char *path)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    memset(&desk, 0, sizeof(desk));
    desk.gate.snapshot = &desk.snapshot;
    desk.snapshot.options.upload_bytes_max = FILE_MAX;
    desk.upload.gate = &desk.gate;
    desk.upload.kind = upload_kind(str_from(path));
    memcpy(desk.upload.mark, "0123456789abcdef0123456789abcdef", UPLOAD_MARK_BYTES);
    buf_init(&desk.upload.fields, UPLOAD_FIELDS_MAX);
    buf_init(&desk.upload.ask, UPLOAD_FIELDS_MAX);
    buf_init(&desk.upload.members, UPLOAD_FIELDS_MAX);
    buf_init(&desk.upload.name, UPLOAD_FIELDS_MAX);
    buf_init(&desk.upload.piece, UPLOAD_FIELDS_MAX);
    sound_init(&desk.upload.sound);
    return true;
}

static bool open_desk(void)
{
    return open_kind("/v1/audio/transcriptions");
}

static void close_desk(void)
{
    digest_stream_fini(&desk.upload.digest);
    buf_fini(&desk.upload.fields);
    buf_fini(&desk.upload.ask);
    buf_fini(&desk.upload.members);
    buf_fini(&desk.upload.name);
    buf_fini(&desk.upload.piece);
}

/* What of the files goes upstream: on its way to the file. */
static struct str spooled(void)
{
    return buf_str(&desk.upload.piece);
}

static bool field(const char *name, const char *value)
{
    const struct multipart_item item = { .kind = MULTIPART_FIELD,
                                         .name = str_from(name),
                                         .value = str_from(value) };
    return upload_take(&desk.upload, &item, &desk.fault);
}

static bool file(const char *name, struct str file_name, struct str data)
{
    const struct multipart_item begins = { .kind = MULTIPART_FILE,
                                           .name = str_from(name),
                                           .file_name = file_name };
    const struct multipart_item bytes = { .kind = MULTIPART_DATA, .value = data };
    const struct multipart_item whole = { .kind = MULTIPART_FILE_END };
    return upload_take(&desk.upload, &begins, &desk.fault) &&
           (data.len == 0 || upload_take(&desk.upload, &bytes, &desk.fault)) &&
           upload_take(&desk.upload, &whole, &desk.fault);
}

TEST(a_form_becomes_a_body_for_the_law_and_parts_for_the_upstream)
{
    CHECK(open_desk());
    CHECK(field("language", "en") && field("model", "hear-1") && field("response_format", "vtt"));
    CHECK(file("file", STR("a\"b.wav"), STR("abc")) && field("stream", "TRUE"));
    CHECK(field("prompt", "say \"x\"") && field("include[]", "logprobs"));
    CHECK(upload_check(&desk.upload, &desk.fault));
    CHECK_STR(buf_str(&desk.upload.ask),
              STR("{\"model\":\"hear-1\",\"form\":[[\"language\",\"en\"],[\"response_format\","
                  "\"vtt\"],[\"file\",\"a\\\"b.wav\",3,"
                  "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"],"
                  "[\"stream\",\"TRUE\"],[\"prompt\",\"say \\\"x\\\"\"],"
                  "[\"include[]\",\"logprobs\"]]}"));
    CHECK_STR(desk.upload.model, STR("hear-1"));
    CHECK_EQ(desk.upload.prompt_bytes, strlen("say \"x\""));
    CHECK(desk.upload.stream && desk.upload.format == UPLOAD_VTT && desk.upload.bytes == 3);
    /* The model is each route's own, and stands in no field. */
    struct str fields = buf_str(&desk.upload.fields);
    CHECK(str_search(fields, STR("hear-1")) == fields.len);
    CHECK(str_search(fields, STR("name=\"include[]\"\r\n\r\nlogprobs\r\n")) < fields.len);
    CHECK(str_ends(spooled(), STR("name=\"file\"; filename=\"a%22b.wav\"\r\n\r\nabc")));
    close_desk();
}

TEST(a_file_without_a_name_gets_one)
{
    CHECK(open_desk());
    CHECK(file("file", STR_EMPTY, STR("abc")));
    CHECK(str_ends(spooled(), STR("; filename=\"file\"\r\n\r\nabc")));
    close_desk();
}

static void wrong(enum err err, const char *param)
{
    CHECK_EQ(desk.fault.err, err);
    CHECK_STR(str_from(desk.fault.param), str_from(param));
    CHECK(desk.fault.text[0] != '\0');
    close_desk();
}

TEST(what_is_wrong_with_a_field_is_told)
{
    char much[UPLOAD_MODEL_MAX + 2];
    memset(much, 'm', sizeof(much));
    much[sizeof(much) - 1] = '\0';
    CHECK(open_desk() && !field("model", ""));
    wrong(ERR_ASK_INVALID, "model");
    CHECK(open_desk() && !field("model", much));
    wrong(ERR_ASK_INVALID, "model");
    CHECK(open_desk() && field("model", much + 1));
    close_desk();
    CHECK(open_desk() && !field("response_format", "midi"));
    wrong(ERR_ASK_INVALID, "response_format");
    CHECK(open_desk() && !field("stream", "1"));
    wrong(ERR_ASK_INVALID, "stream");
    CHECK(open_desk() && !field("prompt", "\xFF"));
    wrong(ERR_ASK_INVALID, "prompt");
    CHECK(open_desk() && !field("provider", "{}"));
    wrong(ERR_ASK_UNSUPPORTED, "provider");
    CHECK(open_desk() && !field("models[]", "m"));
    wrong(ERR_ASK_UNSUPPORTED, "models[]");
    CHECK(open_desk() && !field("service_tier", "priority"));
    wrong(ERR_ASK_UNSUPPORTED, "service_tier");
    CHECK(open_desk() && field("service_tier", "default"));
    close_desk();
    CHECK(open_desk() && field("provider_name", "x") && field("modeling", "x"));
    close_desk();
    CHECK(open_desk() && !field("model[]", "m")); /* some upstream may take it for the model */
    wrong(ERR_ASK_UNSUPPORTED, "model[]");
    CHECK(open_desk() && !field("response_format[0]", "text"));
    wrong(ERR_ASK_UNSUPPORTED, "response_format[0]");
    CHECK(open_desk() && !file("image", STR("a"), STR("b")));
    wrong(ERR_ASK_UNSUPPORTED, "image");
    CHECK(open_desk() && !file("file", STR("\xC3"), STR("b")));
    wrong(ERR_ASK_INVALID, "file");
}

TEST(what_a_form_lacks_is_told)
{
    CHECK(open_desk() && field("model", "m") && !upload_check(&desk.upload, &desk.fault));
    wrong(ERR_ASK_MISSING, "file");
    CHECK(open_desk() && file("file", STR("a"), STR("b")));
    CHECK(!upload_check(&desk.upload, &desk.fault));
    wrong(ERR_ASK_MISSING, "model");
    CHECK(open_desk() && field("model", "m") && !file("file", STR("a"), STR_EMPTY));
    wrong(ERR_ASK_INVALID, "file");
}

TEST(a_file_and_the_fields_have_their_limits)
{
    char much[FILE_MAX + 1] = { 0 };
    CHECK(open_desk() && file("file", STR("a"), (struct str){ much, FILE_MAX }));
    close_desk();
    CHECK(open_desk() && !file("file", STR("a"), (struct str){ much, FILE_MAX + 1 }));
    CHECK(strstr(desk.fault.text, "100 bytes") != NULL);
    wrong(ERR_HTTP_BODY_SIZE, "file");
    CHECK(open_desk());
    static char text[MULTIPART_FIELD_MAX + 1];
    memset(text, 'x', MULTIPART_FIELD_MAX);
    CHECK(field("a", text) && !field("b", text));
    wrong(ERR_ASK_INVALID, "b");
}

/* ---- translations, pictures --------------------------------------------------------------- */

#define PNG "\x89PNG\r\n\x1A\n\0\0\0\x0D"

TEST(only_what_comes_as_a_form_is_an_upload)
{
    CHECK(upload_kind(STR("/v1/audio/translations")) != NULL);
    CHECK(upload_kind(STR("/v1/images/edits"))->pictures);
    CHECK(upload_kind(STR("/v1/images/generations")) == NULL && upload_kind(STR_EMPTY) == NULL);
}

TEST(a_translation_comes_whole)
{
    CHECK(open_kind("/v1/audio/translations") && !field("stream", "true"));
    wrong(ERR_ASK_UNSUPPORTED, "stream");
    CHECK(open_kind("/v1/audio/translations") && field("stream", "false"));
    close_desk();
}

TEST(a_form_of_pictures_becomes_a_request_as_it_is_without_files)
{
    CHECK(open_kind("/v1/images/edits") && field("n", "2") && field("prompt", "a \"fox\""));
    CHECK(file("image[]", STR("a.png"), STR(PNG)) && field("stream", "True"));
    CHECK(field("background", "opaque") && file("mask", STR("m"), STR(PNG "\x0D")));
    CHECK(field("model", "paint-1") && field("size", "auto") &&
          file("image[]", STR_EMPTY, STR(PNG)));
    CHECK(upload_check(&desk.upload, &desk.fault));
    struct str body = buf_str(&desk.upload.ask);
    CHECK(str_starts(body, STR("{\"model\":\"paint-1\",\"n\":2,\"prompt\":\"a \\\"fox\\\"\","
                               "\"stream\":true,\"size\":\"auto\",\"form\":[[\"image[]\","
                               "\"a.png\",12,\"")));
    CHECK(str_search(body, STR("[\"background\",\"opaque\"],[\"mask\",\"m\",13,\"")) < body.len);
    CHECK(str_search(body, STR("[\"image[]\",\"file\",12,\"")) < body.len);
    CHECK(desk.upload.files == 2 && desk.upload.has_mask && desk.upload.bytes == 37);
    /* As they go upstream, one behind the other. */
    struct str files = spooled();
    CHECK(str_starts(files, STR("--0123456789abcdef0123456789abcdef\r\n")));
    CHECK(str_search(files, STR(PNG "\r\n--0123456789abcdef0123456789abcdef\r\n"
                                    "Content-Disposition: form-data; name=\"mask\"")) < files.len);
    CHECK(str_ends(files, STR("filename=\"file\"\r\n\r\n" PNG)));
    close_desk();
}

TEST(what_is_no_number_stays_a_text)
{
    CHECK(open_kind("/v1/images/edits") && field("n", "1.5") && field("partial_images", "\","));
    CHECK_STR(buf_str(&desk.upload.members), STR("\"n\":\"1.5\",\"partial_images\":\"\\\",\","));
    close_desk();
}

/* Its bytes come one by one, too. */
static bool drip(const char *name, struct str data)
{
    const struct multipart_item begins = { .kind = MULTIPART_FILE, .name = str_from(name) };
    const struct multipart_item whole = { .kind = MULTIPART_FILE_END };
    bool fine = upload_take(&desk.upload, &begins, &desk.fault);
    for (size_t i = 0; fine && i < data.len; i++) {
        const struct multipart_item byte = { .kind = MULTIPART_DATA,
                                             .value = str_slice(data, i, i + 1) };
        fine = upload_take(&desk.upload, &byte, &desk.fault);
    }
    return fine && upload_take(&desk.upload, &whole, &desk.fault);
}

TEST(pictures_are_told_by_their_first_bytes)
{
    static const struct str bad[] = { STR_INIT("abc"), STR_INIT("a text, not a picture"),
                                      STR_INIT("<svg xmlns=\"x\">"),
                                      STR_INIT("\x89PNX\r\n\x1A\n\0\0\0\0") };
    static const struct str good[] = { STR_INIT(PNG), STR_INIT("\xFF\xD8\xFF\xE0more"),
                                       STR_INIT("RIFF\1\2\3\4WEBPVP8 "), STR_INIT("GIF89a") };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK(open_kind("/v1/images/edits") && !file("image", STR("a"), bad[i]));
        wrong(ERR_ASK_INVALID, "image");
        CHECK(open_kind("/v1/images/edits") && !drip("mask", bad[i]));
        wrong(ERR_ASK_INVALID, "mask");
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        CHECK(open_kind("/v1/images/variations") && file("image", STR("a"), good[i]));
        close_desk();
        CHECK(open_kind("/v1/images/variations") && drip("image", good[i]));
        close_desk();
    }
}

TEST(what_is_wrong_with_a_form_of_pictures_is_told)
{
    CHECK(open_kind("/v1/images/edits") && file("mask", STR("m"), STR(PNG)));
    CHECK(field("model", "m") && !upload_check(&desk.upload, &desk.fault));
    wrong(ERR_ASK_MISSING, "image");
    CHECK(open_kind("/v1/images/edits") && !field("image", "a"));
    wrong(ERR_ASK_INVALID, "image");
    CHECK(open_kind("/v1/images/edits") && !field("n[]", "1"));
    wrong(ERR_ASK_UNSUPPORTED, "n[]");
    CHECK(open_kind("/v1/images/variations") && !file("mask", STR("m"), STR(PNG)));
    wrong(ERR_ASK_UNSUPPORTED, "mask");
    CHECK(open_kind("/v1/images/variations") && !file("file", STR("m"), STR(PNG)));
    wrong(ERR_ASK_UNSUPPORTED, "file");
    CHECK(open_kind("/v1/images/edits"));
    desk.snapshot.options.upload_bytes_max = sizeof(PNG) * UPLOAD_PICTURES_MAX;
    for (int i = 0; i < UPLOAD_PICTURES_MAX; i++) {
        CHECK(file("image[]", STR("a"), STR(PNG)));
    }
    CHECK(!file("image[]", STR("a"), STR(PNG)));
    wrong(ERR_ASK_INVALID, "image[]");
}

static void once_pictures(void)
{
    desk.fault.err = ERR_OK;
    if (open_kind("/v1/images/edits") && field("model", "m") && field("prompt", "p") &&
        field("x", "y") && file("image", STR("a"), STR(PNG)) &&
        upload_check(&desk.upload, &desk.fault)) {
        struct json_fault fault;
        CHECK_EQ(json_check(buf_str(&desk.upload.ask), &fault), ERR_OK);
    }
    close_desk();
}

static void once(void)
{
    desk.fault.err = ERR_OK;
    if (open_desk() && field("model", "m") && field("prompt", "p") &&
        file("file", STR("a"), STR("b")) && upload_check(&desk.upload, &desk.fault)) {
        struct json_fault fault;
        CHECK_EQ(json_check(buf_str(&desk.upload.ask), &fault), ERR_OK);
    }
    close_desk();
}

TEST(each_allocation_may_fail)
{
    CHECK(test_each_allocation_failing(once) >= 6);
    CHECK(test_each_allocation_failing(once_pictures) >= 7);
}
