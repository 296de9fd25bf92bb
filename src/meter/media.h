/*
 * Images and sounds of a request: their size from the header of the file that stands in the JSON,
 * and from it the tokens that a model makes of them. Pure; no allocation, no copy: of base64 only
 * what is needed is decoded.
 *
 * What cannot be told (an image by URL, a damaged header, a size that no file has) has the most
 * that the model takes, and a margin down to the least. All counts of media are estimates.
 */
#pragma once

#include "base/str.h"

#define MEDIA_SIDE_MAX     262144U /* pixels; no codec here has more, what says so lies */
#define MEDIA_HEADER_MAX   524288U /* bytes that are looked through; camera headers have 200 KB */
#define MEDIA_SEGMENTS_MAX 1024    /* of a JPEG or WAV before what is looked for */

struct media_size {
    uint32_t width; /* pixels */
    uint32_t height;
};

struct media_count {
    uint64_t tokens;
    uint64_t margin;
};

/* `url`: a span (span.h) with a "data:" URL of a PNG, JPEG, WebP or GIF. false: the size is not
 * known. */
bool media_image_size(struct str url, struct media_size *ret_size);
/*
 * Of a span with a file's base64 text, or a "data:" URL: a WAV exactly, an MP3 by its first frame.
 * false: not known; *ret_ms is then a bound by its length.
 */
bool media_audio_ms(struct str data, uint64_t *ret_ms);

/*
 * Tokens of an image by a formula's name: "gpt-4o", "gpt-4o-mini", "o1", "gpt-5", "gpt-4.1-mini",
 * "gpt-4.1-nano", "o4-mini", "qwen2.5-vl", "qwen3-vl", "gemma3", "llama3.2", "pixtral", "largest".
 * Any other name counts as "largest". `size` NULL: not known. `low`: the client wants low detail.
 */
struct media_count media_image_tokens(struct str formula, const struct media_size *size, bool low);
/* By "gpt-4o" (10 a second), "qwen-omni" (25), "gemini" (32) and any other name (32). */
struct media_count media_audio_tokens(struct str formula, uint64_t ms, bool known);
