/* What a form says, item by item, and what is wrong with it; the way to it is tests/e2e's. */
#include <unistd.h>

#include "base/mem.h"
#include "gate/gate_internal.h"
#include "gate/upload.h"
#include "harness.h"
#include "store/spool.h"
#include "wire/json.h"

#define FILE_MAX 100

struct desk {
    struct gate gate;
    struct gate_snapshot snapshot;
    struct upload upload;
    struct upload_fault fault;
    struct spool *spool;
};

static char folder[] = "/tmp/ep-upload-XXXXXX";
static struct desk desk;

static bool open_desk(void)
{
    const struct spool_options options = { folder, 4, 4096 };
    if (access(folder, F_OK) != 0) { /* each test has its own */
        memcpy(folder, "/tmp/ep-upload-XXXXXX", sizeof(folder));
        CHECK(test_folder(folder) != NULL && crypto_start(NULL) == ERR_OK);
    }
    memset(&desk, 0, sizeof(desk));
    desk.gate.snapshot = &desk.snapshot;
    desk.snapshot.options.upload_bytes_max = FILE_MAX;
    desk.upload.gate = &desk.gate;
    memcpy(desk.upload.mark, "0123456789abcdef0123456789abcdef", UPLOAD_MARK_BYTES);
    buf_init(&desk.upload.fields, UPLOAD_FIELDS_MAX);
    buf_init(&desk.upload.front, 4096);
    buf_init(&desk.upload.ask, UPLOAD_FIELDS_MAX);
    buf_init(&desk.upload.prompt_text, UPLOAD_FIELDS_MAX);
    sound_init(&desk.upload.sound);
    return spool_create(&options, &desk.spool, NULL) == ERR_OK &&
           spool_open(desk.spool, &desk.upload.file, NULL) == ERR_OK &&
           digest_stream_begin(&desk.upload.digest);
}

static void close_desk(void)
{
    digest_stream_fini(&desk.upload.digest);
    spool_close(desk.upload.file);
    spool_destroy(desk.spool);
    buf_fini(&desk.upload.fields);
    buf_fini(&desk.upload.front);
    buf_fini(&desk.upload.ask);
    buf_fini(&desk.upload.prompt_text);
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
                  "\"vtt\"],[\"file\",\"a\\\"b.wav\"],[\"stream\",\"TRUE\"],[\"prompt\",\"say "
                  "\\\"x\\\"\"],[\"include[]\",\"logprobs\"]],\"bytes\":3,\"sha256\":"
                  "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}"));
    CHECK_STR(desk.upload.model, STR("hear-1"));
    CHECK_STR(desk.upload.prompt, STR("say \"x\""));
    CHECK(desk.upload.stream && desk.upload.format == UPLOAD_VTT && desk.upload.source.len == 3);
    /* The model is each route's own, and stands in no field. */
    struct str fields = buf_str(&desk.upload.fields);
    CHECK(str_search(fields, STR("hear-1")) == fields.len);
    CHECK(str_search(fields, STR("name=\"include[]\"\r\n\r\nlogprobs\r\n")) < fields.len);
    struct str front = buf_str(&desk.upload.front);
    CHECK(str_ends(front, STR("name=\"file\"; filename=\"a%22b.wav\"\r\n\r\n")));
    close_desk();
}

TEST(a_file_without_a_name_gets_one)
{
    CHECK(open_desk());
    CHECK(file("file", STR_EMPTY, STR("abc")));
    CHECK(str_ends(buf_str(&desk.upload.front), STR("; filename=\"file\"\r\n\r\n")));
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
    CHECK(open_desk() && field("model", "m") && file("file", STR("a"), STR_EMPTY));
    CHECK(!upload_check(&desk.upload, &desk.fault));
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
}
