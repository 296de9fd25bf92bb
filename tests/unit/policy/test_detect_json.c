#include "harness.h"

#include <string.h>

#include "detect_sample.h"
#include "wire/json.h"

static struct detect_result look(struct str json, size_t budget)
{
    static struct detector detector;
    struct detect_result result;
    struct json_fault fault;
    size_t offset = 0;
    if (json_check(json, &fault) != ERR_OK) {
        test_failed(EP_SITE, "no JSON at %zu", fault.offset);
    }
    detect_begin(&detector, detect_sample(), SAMPLE_TODAY);
    while (offset < json.len) {
        size_t before = offset;
        detect_json(&detector, json, &offset, budget);
        CHECK(offset > before);
    }
    detect_end(&detector, &result);
    return result;
}

static uint32_t ids(const char *json)
{
    return look(str_from(json), 8192).classes[DETECT_RESIDENT_ID][DETECT_STRONG];
}

TEST(strings_are_read_wherever_they_stand)
{
    CHECK_EQ(ids("{\"messages\":[{\"role\":\"user\",\"content\":\"440507199003070018\"}]}"), 1);
    CHECK_EQ(ids("{\"messages\":[{\"role\":\"tool\",\"content\":\"{\\\"id\\\":\\\"44050719900307"
                 "0018\\\"}\"}]}"),
             1);
    CHECK_EQ(ids("{\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"id\\\":440507199003070018}"
                 "\"}}]}"),
             1);
    CHECK_EQ(ids("{\"input\":{\"id\":440507199003070018}}"), 1); /* a number */
    CHECK_EQ(ids("{\"440507199003070018\":1}"), 1);              /* a key */
    CHECK_EQ(ids("[[[\"a\",[\"440507199003070018\"]]],\"11010519491231002X\"]"), 2);
    CHECK_EQ(ids("\"440507199003070018\""), 1);
    CHECK_EQ(ids("{\"a\":\"440507\",\"b\":\"199003070018\"}"), 0);
}

TEST(escapes_are_undone)
{
    CHECK_EQ(ids("\"4405\\u0030\\u00371990\\u003030700\\u00318\""), 1);
    CHECK_EQ(ids("\"\\uff14\\uff14\\uff10507199003070018\""), 1);
    CHECK_EQ(ids("\"440507\\u300019900307\\u30000018\""), 1);
    CHECK_EQ(ids("\"line\\n440507199003070018\\tend\""), 1);
    CHECK_EQ(ids("\"n440507199003070018\""), 0);
    CHECK_EQ(ids("\"\\u0061440507199003070018\""), 0);
    CHECK_EQ(ids("\"\\ud83d440507199003070018\""), 1); /* half a pair is a boundary */
}

TEST(escapes_of_json_in_a_string_are_undone_too)
{
    CHECK_EQ(ids("{\"content\":\"{\\\"note\\\":\\\"a\\\\n440507199003070018\\\"}\"}"), 1);
    CHECK_EQ(ids("{\"content\":\"C:\\\\users\\\\440507199003070018\"}"), 1);
    struct detect_result result =
        look(STR("{\"content\":\"{\\\"\\\\u624b\\\\u673a\\\": \\\"13812345678\\\"}\"}"), 8192);
    CHECK_EQ(result.classes[DETECT_MOBILE][DETECT_STRONG], 1);
    CHECK_EQ(ids("\"\\\\u00\""), 0);
    CHECK_EQ(ids("\"\\\\\""), 0);
    CHECK_EQ(ids("\"\\\\n\""), 0);
}

TEST(a_key_is_near_its_value)
{
    struct detect_result result = look(STR("{\"\\u624b\\u673a\":\"138 1234 5678\"}"), 8192);
    CHECK_EQ(result.classes[DETECT_MOBILE][DETECT_STRONG], 1);
    result = look(STR("{\"tel\":\"138 1234 5678\"}"), 8192);
    CHECK_EQ(result.classes[DETECT_MOBILE][DETECT_WEAK], 1);
}

TEST(base64_in_a_request_is_no_text_and_a_tools_result_beside_it_is)
{
    CHECK_EQ(ids("{\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
                 "\"data:image/png;base64,iVBORw0K/440507199003070018/AAA=\"}}]},"
                 "{\"role\":\"tool\",\"content\":\"440507199003070018\"}]}"),
             1);
    CHECK_EQ(ids("{\"input_audio\":{\"data\":\"UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgA/"
                 "440507199003070018+UklGRiQAAABXQVZF\",\"format\":\"wav\"}}"),
             0);
    CHECK_EQ(ids("{\"input_audio\":{\"data\":\"UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgA\\/"
                 "440507199003070018+UklGRiQAAABXQVZF\",\"format\":\"wav\"}}"),
             0);
    CHECK_EQ(ids("{\"data\":\"440507199003070018\"}"), 1); /* short and announced by nothing */
}

TEST(the_result_does_not_depend_on_the_budget)
{
    struct str json = STR("{\"messages\":[{\"content\":\"\\u624b\\u673a\\uff1a13812345678\\n"
                          "\\u673a\\u5bc6\\u260510\\u5e74 \\\"440507\\u300019900307 0018\\\" "
                          "\\\\u7ca4B12345 passport E12345678\"},{\"content\":"
                          "\"91440500MA00000X1W \xE5\x8D\xA1\xE5\x8F\xB7 6217001234567890122\"}]}");
    struct detect_result want = look(json, json.len);
    CHECK_EQ(want.classes[DETECT_MOBILE][DETECT_STRONG], 1);
    CHECK_EQ(want.classes[DETECT_PLATE][DETECT_WEAK], 1);
    CHECK_EQ(want.classes[DETECT_PASSPORT][DETECT_WEAK], 1);
    CHECK_EQ(want.classes[DETECT_USCC][DETECT_WEAK], 1);
    CHECK_EQ(want.classes[DETECT_BANK_CARD][DETECT_STRONG], 1);
    CHECK_EQ(want.markers[detect_sample_marker(STR("secret_level"))], 1);
    for (size_t budget = 1; budget < json.len; budget++) {
        struct detect_result got = look(json, budget);
        CHECK(memcmp(&got, &want, sizeof(got)) == 0);
    }
}
