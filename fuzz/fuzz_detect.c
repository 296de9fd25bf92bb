/* room: policy */
/*
 * The detectors: the same result at whatever places a text is cut, whatever bytes it has; JSON
 * gives the same at every budget. What stands in front and behind makes texts longer than the
 * window.
 */
#include <string.h>

#include "detect_sample.h"
#include "wire/json.h"

#define FUZZ_FILL 5000 /* bytes, more than the window */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct detector *detector, struct str text, size_t cut, size_t piece,
                 struct detect_result *ret_result)
{
    detect_begin(detector, detect_sample(), SAMPLE_TODAY);
    detect_feed(detector, str_slice(text, 0, cut));
    for (size_t at = cut; at < text.len; at += piece) {
        size_t end = text.len - at > piece ? at + piece : text.len;
        detect_feed(detector, str_slice(text, at, end));
    }
    detect_end(detector, ret_result);
}

static void check_text(struct detector *detector, struct str text, size_t cut, size_t piece)
{
    struct detect_result want;
    struct detect_result got;
    look(detector, text, text.len, 1, &want);
    look(detector, text, cut < text.len ? cut : text.len, piece, &got);
    ASSERT(memcmp(&want, &got, sizeof(want)) == 0);
}

static void check_json(struct detector *detector, struct str text, size_t budget)
{
    struct detect_result want;
    struct detect_result got;
    struct json_fault fault;
    size_t offset = 0;
    if (json_check(text, &fault) != ERR_OK) {
        return;
    }
    detect_begin(detector, detect_sample(), SAMPLE_TODAY);
    detect_json(detector, text, &offset, text.len);
    ASSERT(offset == text.len);
    detect_end(detector, &want);
    detect_begin(detector, detect_sample(), SAMPLE_TODAY);
    for (offset = 0; offset < text.len;) {
        detect_json(detector, text, &offset, budget);
    }
    detect_end(detector, &got);
    ASSERT(memcmp(&want, &got, sizeof(want)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct detector detector;
    static char text[2 * FUZZ_FILL + 2048];
    if (size < 3 || size > 2048) {
        return 0;
    }
    size_t cut = (size_t)data[0] * 8;
    size_t piece = (size_t)data[1] * 8 + 1;
    struct str input = { (const char *)data + 3, size - 3 };
    check_text(&detector, input, cut, piece);
    check_json(&detector, input, piece);

    size_t front = (size_t)data[2] * 19; /* of the fill, so that the input begins anywhere */
    memset(text, 'x', front);
    if (input.len > 0) {
        memcpy(text + front, input.ptr, input.len);
    }
    memset(text + front + input.len, ' ', FUZZ_FILL);
    check_text(&detector, (struct str){ text, front + input.len + FUZZ_FILL }, cut * 4, piece);
    return 0;
}
