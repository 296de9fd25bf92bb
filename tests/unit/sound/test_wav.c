#include "sound/wav.h"

#include <string.h>

#include "base/buf.h"
#include "harness.h"

/* A file with chunks that say nothing, and one of an odd length. */
#define ODD                                                                              \
    "RIFF\0\0\0\0WAVELIST\3\0\0\0abc\0fmt \22\0\0\0\1\0\1\0\x22\x56\0\0\x44\xac\0\0\2\0" \
    "\20\0\0\0data\6\0\0\0\1\0\2\0\3\0id3 \2\0\0\0xy"

static enum err read_all(struct str file, size_t step, struct wav *wav, struct buf *out)
{
    wav_init(wav);
    while (file.len > 0) {
        struct str piece = test_at_page_end(str_slice(file, 0, file.len < step ? file.len : step));
        file = str_from_at(file, piece.len);
        while (piece.len > 0) {
            struct str samples;
            TRY(wav_read(wav, &piece, &samples, NULL));
            CHECK(buf_append(out, samples) == ERR_OK);
        }
    }
    return ERR_OK;
}

TEST(a_head_that_is_written_is_read_with_its_samples)
{
    char file[WAV_HEAD + 4];
    struct wav wav;
    struct buf out;
    buf_init(&out, 64);
    wav_head(16000, 4, file);
    memcpy(file + WAV_HEAD, "\1\2\3\4", 4);
    CHECK(read_all((struct str){ file, sizeof(file) }, 64, &wav, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("\1\2\3\4"));
    CHECK_EQ(wav.rate, 16000);
    CHECK_EQ(wav.channels, 1);
    buf_fini(&out);
}

TEST(chunks_that_are_not_known_are_passed_over_at_every_split)
{
    for (size_t step = 1; step <= sizeof(ODD) - 1; step++) {
        struct wav wav;
        struct buf out;
        buf_init(&out, 64);
        CHECK(read_all(STR(ODD), step, &wav, &out) == ERR_OK);
        CHECK_STR(buf_str(&out), STR("\1\0\2\0\3\0"));
        CHECK_EQ(wav.rate, 22050);
        buf_fini(&out);
    }
}

TEST(a_length_that_nobody_knew_is_to_the_end)
{
    static const char *const lengths[] = { "\0\0\0\0", "\xff\xff\xff\xff" };
    for (size_t i = 0; i < 2; i++) {
        char file[WAV_HEAD + 10];
        struct wav wav;
        struct buf out;
        buf_init(&out, 64);
        wav_head(24000, 4, file);
        memcpy(file + 40, lengths[i], 4);
        memset(file + WAV_HEAD, 7, 10);
        CHECK(read_all((struct str){ file, sizeof(file) }, 9, &wav, &out) == ERR_OK);
        CHECK_EQ(out.len, 10);
        buf_fini(&out);
    }
}

TEST(what_is_no_wav_or_none_that_is_read_here_is_refused)
{
    static const struct {
        size_t at;
        struct str bytes;
    } bads[] = {
        { 0, STR_INIT("OggS") }, { 8, STR_INIT("AVI ") },  { 12, STR_INIT("data") },
        { 16, STR_INIT("\15") }, { 20, STR_INIT("\3") },   { 22, STR_INIT("\3") },
        { 22, STR_INIT("\0") },  { 24, STR_INIT("\1\0") }, { 26, STR_INIT("\1") },
        { 34, STR_INIT("\10") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bads); i++) {
        char file[WAV_HEAD + 2] = { 0 };
        struct wav wav;
        struct buf out;
        buf_init(&out, 64);
        wav_head(16000, 2, file);
        memcpy(file + bads[i].at, bads[i].bytes.ptr, bads[i].bytes.len);
        for (size_t step = 1; step <= sizeof(file); step += 7) {
            CHECK(read_all((struct str){ file, sizeof(file) }, step, &wav, &out) == ERR_SOUND);
        }
        buf_fini(&out);
    }
}
