/* Small recordings of each kind, made here; real ones are tests/forms/sounds.py's. */
#include "meter/sound.h"

#include "base/buf.h"
#include "harness.h"

/* Fed at every split: -1 where it is unknown. */
static int64_t length_of(struct str file, enum sound_kind kind)
{
    struct str text = test_at_page_end(file);
    int64_t first = 0;
    for (size_t step = text.len; step > 0; step--) {
        struct sound sound;
        struct str rest = text;
        sound_init(&sound);
        while (rest.len > 0) {
            size_t size = rest.len < step ? rest.len : step;
            sound_feed(&sound, str_slice(rest, 0, size));
            rest = str_from_at(rest, size);
        }
        int64_t ms = -1;
        bool known = sound_length(&sound, &ms);
        CHECK(known == (ms > 0));
        CHECK_EQ(sound.kind, kind);
        CHECK(step == text.len || ms == first);
        first = ms;
    }
    return first;
}

/* ---- what files are made of --------------------------------------------------------------- */

static struct buf file;

static void begin(void)
{
    buf_fini(&file);
    buf_init(&file, 1 << 16);
}

static void put(struct str text)
{
    CHECK(buf_append(&file, text) == ERR_OK);
}

static void little(uint64_t value, int size)
{
    for (int i = 0; i < size; i++) {
        CHECK(buf_byte(&file, (char)(value >> (8 * i) & 0xFF)) == ERR_OK);
    }
}

static void big(uint64_t value, int size)
{
    for (int i = size - 1; i >= 0; i--) {
        CHECK(buf_byte(&file, (char)(value >> (8 * i) & 0xFF)) == ERR_OK);
    }
}

static void zeros(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK(buf_byte(&file, '\0') == ERR_OK);
    }
}

/* ---- WAV and FLAC ------------------------------------------------------------------------- */

static void wav(unsigned tag, uint64_t bytes_a_second, uint64_t declared)
{
    begin();
    put(STR("RIFF\x24\0\0\0WAVELIST\3\0\0\0abc\0fmt \x12\0\0\0"));
    little(tag, 2);
    little(1, 2);
    little(8000, 4);
    little(bytes_a_second, 4);
    little(2, 2);
    little(16, 2);
    little(0, 2);
    put(STR("data"));
    little(declared, 4);
}

TEST(a_wav_is_as_long_as_its_data)
{
    wav(1, 999, 160);
    zeros(160);
    CHECK_EQ(length_of(buf_str(&file), SOUND_WAV), 10);
    put(STR("LIST\4\0\0\0more"));
    CHECK_EQ(length_of(buf_str(&file), SOUND_WAV), 10);
    wav(1, 999, 161); /* its rate is computed, and a broken millisecond is one */
    zeros(161);
    CHECK_EQ(length_of(buf_str(&file), SOUND_WAV), 11);
    wav(85, 160, 16); /* but for what is compressed */
    zeros(16);
    CHECK_EQ(length_of(buf_str(&file), SOUND_WAV), 100);
}

TEST(a_wav_that_says_too_much_or_nothing_is_as_long_as_what_came)
{
    const uint64_t declared[] = { 0, 100000, 0xFFFFFFFF };
    for (size_t i = 0; i < EP_ARRAY_LEN(declared); i++) {
        wav(1, 16000, declared[i]);
        zeros(160);
        CHECK_EQ(length_of(buf_str(&file), SOUND_WAV), 10);
    }
}

TEST(a_compressed_wav_says_how_many_samples_it_has)
{
    begin();
    put(STR("RIFF\0\0\0\0WAVEfmt \x10\0\0\0\2\0\1\0"));
    little(8000, 4);
    little(16000, 4);
    little(4, 4);
    put(STR("fact\4\0\0\0"));
    little(8000, 4);
    put(STR("data\x10\0\0\0"));
    zeros(16);
    CHECK_EQ(length_of(buf_str(&file), SOUND_WAV), 1000);
}

TEST(a_wav_without_data_or_format_is_unknown)
{
    CHECK_EQ(length_of(STR("RIFF\0\0\0\0WAVEfmt \x10\0\0\0"), SOUND_WAV), -1);
    CHECK_EQ(length_of(STR("RIFF\0\0\0\0WAVEdata\4\0\0\0abcd"), SOUND_WAV), -1);
    wav(85, 0, 4);
    put(STR("abcd"));
    CHECK_EQ(length_of(buf_str(&file), SOUND_WAV), -1);
}

TEST(a_flac_says_its_samples)
{
    begin();
    put(STR("fLaC\0\0\0\x22"));
    zeros(10);
    big(UINT64_C(44100) << 44 | UINT64_C(1) << 41 | UINT64_C(15) << 36 | 88201, 8);
    zeros(40);
    CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), 2001);
    file.ptr[file.len - 40 - 5] = 0x70; /* the samples' upper bits, and */
    memset(file.ptr + file.len - 40 - 4, 0, 4);
    CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), -1);
    file.len = 30;
    CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), -1);
}

/* The head of one whose encoder did not know how many samples there would be. */
static void live_flac(bool more)
{
    begin();
    put(more ? STR("fLaC\0\0\0\x22") : STR("fLaC\x80\0\0\x22"));
    zeros(10);
    big(UINT64_C(44100) << 44 | UINT64_C(1) << 41 | UINT64_C(15) << 36, 8);
    zeros(16);
    if (more) {
        put(STR("\4\0\0\3abc\x81\0\1\0"));
        zeros(256);
    }
}

/* A frame: its codes, its number as it is written, what follows that, and some sound. */
static void flac_frame(int mark, int codes, struct str number, struct str more, size_t sound)
{
    size_t at = file.len;
    unsigned check = 0;
    big((uint64_t)0xFF << 24 | (uint64_t)mark << 16 | (uint64_t)codes << 8 | 0x18, 4);
    put(number);
    put(more);
    for (size_t i = at; i < file.len; i++) {
        check ^= (unsigned char)file.ptr[i];
        for (int bit = 0; bit < 8; bit++) {
            check = (check << 1 ^ ((check & 0x80) != 0 ? 7U : 0U)) & 0xFF;
        }
    }
    big(check, 1);
    zeros(sound);
}

TEST(a_flac_whose_head_says_nothing_is_as_long_as_its_frames)
{
    for (int more = 0; more < 2; more++) {
        live_flac(more == 1);
        CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), -1);
        flac_frame(0xF8, 0xC9, STR("\0"), STR_EMPTY, 9);
        CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), 93); /* 4096 */
        put(STR("\xFF\xF8\xC9\x18\1\xFF\xFF\xF8\xFF"));      /* of a wrong sum, and of none */
        flac_frame(0xF8, 0xC9, STR("\5"), STR_EMPTY, 9);     /* by chance in the sound */
        flac_frame(0xF8, 0x5E, STR("\1"), STR("\1\2"), 9);
        CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), 198); /* and 4608 */
        flac_frame(0xF8, 0x6C, STR("\2"), STR("\x63\5"), 0);
        CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), 200); /* and 100 */
        flac_frame(0xF8, 0x70, STR("\3"), STR("\1\0"), 3);
        CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), 206); /* and 257 */
        flac_frame(0xF8, 0x10, STR("\4"), STR_EMPTY, 3);
        CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), 210); /* and 192 */
        struct sound sound;
        sound_init(&sound);
        sound_feed(&sound, buf_str(&file));
        CHECK(sound_is_said(&sound) && sound_is_summed(&sound));
    }
}

TEST(frames_of_a_flac_may_be_numbered_by_their_samples)
{
    live_flac(false);
    flac_frame(0xF9, 0xC9, STR("\xDF\xBF"), STR_EMPTY, 4); /* from 2047 on */
    flac_frame(0xF9, 0xC9, STR("\xE1\x9F\xBF"), STR_EMPTY, 4);
    flac_frame(0xF9, 0xC9, STR("\xE2\x9F\xBF"), STR_EMPTY, 4);
    CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), 279); /* 3 times 4096 */
    live_flac(false);
    flac_frame(0xF9, 0xC9, STR("\xFE\xBF\xBF\xBF\xBF\xBF\xBF"), STR_EMPTY, 4);
    CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), 93);
}

TEST(what_looks_like_a_frame_of_a_flac_and_is_none_counts_for_nothing)
{
    static const struct {
        int mark;
        int codes;
        struct str number;
    } cases[] = {
        { 0xFA, 0xC9, STR_INIT("\0") },   { 0xF8, 0x09, STR_INIT("\0") },
        { 0xF8, 0xCF, STR_INIT("\0") },   { 0xF8, 0xC9, STR_INIT("\xFF") },
        { 0xF8, 0xC9, STR_INIT("\x80") }, { 0xF8, 0xC9, STR_INIT("\xC2\x41") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        live_flac(false);
        flac_frame(cases[i].mark, cases[i].codes, cases[i].number, STR_EMPTY, 20);
        CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), -1);
    }
    live_flac(true);
    file.ptr[42 + 7 + 1] = 0x7F; /* a block beyond the end */
    flac_frame(0xF8, 0xC9, STR("\0"), STR_EMPTY, 9);
    CHECK_EQ(length_of(buf_str(&file), SOUND_FLAC), -1);
}

/* ---- Ogg ---------------------------------------------------------------------------------- */

static void page(int flags, int64_t granule, uint64_t serial, struct str payload)
{
    put(STR("OggS\0"));
    little((uint64_t)flags, 1);
    little((uint64_t)granule, 8);
    little(serial, 4);
    zeros(8);
    little(payload.len > 0 ? 2 : 0, 1);
    if (payload.len > 0) {
        little(payload.len - 1, 1);
        little(1, 1);
    }
    put(payload);
}

static const struct str opus_head = STR_INIT("OpusHead\1\1\x38\1\x80\xBB\0\0\0\0\0");

static void opus(uint64_t serial, int64_t samples)
{
    page(2, 0, serial, opus_head);
    page(0, 0, serial, STR("OpusTags"));
    page(0, -1, serial, STR("some of a packet"));
    page(4, samples + 312, serial, STR("the rest of it"));
}

TEST(an_ogg_is_as_long_as_its_last_granule)
{
    begin();
    opus(7, 48000);
    CHECK_EQ(length_of(buf_str(&file), SOUND_OGG), 1000);
    put(STR("nothing OggS that anybody knows, and "));
    opus(9, 24000); /* chained */
    CHECK_EQ(length_of(buf_str(&file), SOUND_OGG), 1500);
}

TEST(the_sound_of_an_ogg_counts_and_no_other_stream)
{
    begin();
    page(2, 0, 1, STR("\x80theora and its numbers"));
    page(2, 0, 2, STR("\1vorbis\0\0\0\0\2\x40\x1F\0\0 and more of it"));
    page(0, 999999, 1, STR("a picture"));
    page(4, 4000, 2, STR("a sound"));
    CHECK_EQ(length_of(buf_str(&file), SOUND_OGG), 500);
    begin();
    page(2, 0, 1, STR("\x80theora and its numbers"));
    page(4, 999999, 1, STR("a picture"));
    CHECK_EQ(length_of(buf_str(&file), SOUND_OGG), -1);
    begin();
    page(2, 0, 1, opus_head);
    page(4, 100, 1, STR("less than is passed over"));
    CHECK_EQ(length_of(buf_str(&file), SOUND_OGG), -1);
    begin();
    page(2, 0, 1, STR("\1vorbis\0\0\0\0\2\0\0\0\0 of no rate at all"));
    page(4, 4000, 1, STR("a sound"));
    CHECK_EQ(length_of(buf_str(&file), SOUND_OGG), -1);
}

/* ---- MPEG --------------------------------------------------------------------------------- */

static void frames(struct str head, size_t bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(head);
        zeros(bytes - head.len);
    }
}

TEST(an_mp3_is_as_long_as_its_frames)
{
    struct str head = STR("\xFF\xFB\x14\xC0"); /* 32 kbit/s, 48 kHz: 24 ms in 96 bytes */
    begin();
    frames(head, 96, 5);
    CHECK_EQ(length_of(buf_str(&file), SOUND_MPEG), 120);
    put(STR("TAG and a title"));
    CHECK_EQ(length_of(buf_str(&file), SOUND_MPEG), 120);
    frames(head, 96, 1); /* by chance */
    put(STR("nothing"));
    CHECK_EQ(length_of(buf_str(&file), SOUND_MPEG), 120);
    begin();
    put(STR("ID3\4\0\0\0\0\0\x0Fsome title here"));
    frames(head, 96, 2);
    CHECK_EQ(length_of(buf_str(&file), SOUND_MPEG), 48);
    file.len -= 10; /* the last one is not whole */
    CHECK_EQ(length_of(buf_str(&file), SOUND_MPEG), 24);
}

TEST(aac_and_the_other_layers_have_frames_too)
{
    begin();
    frames(STR("\xFF\xF1\x60\x40\x02\x1F\xFC"), 16, 3); /* 16 kHz: 64 ms in 16 bytes */
    CHECK_EQ(length_of(buf_str(&file), SOUND_MPEG), 192);
    begin();
    frames(STR("\xFF\xFF\x14\xC0"), 32, 3); /* layer I, 32 kbit/s, 48 kHz: 8 ms in 32 bytes */
    CHECK_EQ(length_of(buf_str(&file), SOUND_MPEG), 24);
    begin();
    frames(STR("\xFF\xF3\x18\xC0"), 36, 3); /* 2: 8 kbit/s, 16 kHz: 36 ms in 36 bytes */
    CHECK_EQ(length_of(buf_str(&file), SOUND_MPEG), 108);
    begin();
    frames(STR("\xFF\xE3\x18\xC0"), 72, 3); /* 2.5: 8 kbit/s, 8 kHz: 72 ms */
    CHECK_EQ(length_of(buf_str(&file), SOUND_MPEG), 216);
}

TEST(what_begins_like_a_frame_and_is_none_is_unknown)
{
    begin();
    put(STR("ID3\4\0\0\0\0\0\0nothing here is a frame at all"));
    CHECK_EQ(length_of(buf_str(&file), SOUND_MPEG), -1);
    CHECK_EQ(length_of(STR("\xFF\xFB\x04\xC0 a free rate..."), SOUND_UNKNOWN), -1);
    CHECK_EQ(length_of(STR("\xFF\xFB\xF4\xC0 no rate at all"), SOUND_UNKNOWN), -1);
    CHECK_EQ(length_of(STR("\xFF\xF1\x74\x40\x02\x1F\xFC no rate"), SOUND_UNKNOWN), -1);
}

/* ---- MP4 ---------------------------------------------------------------------------------- */

static size_t box(const char *name)
{
    size_t at = file.len;
    big(0, 4);
    put(str_from(name));
    return at;
}

static void box_end(size_t at)
{
    size_t size = file.len - at;
    for (int i = 0; i < 4; i++) {
        file.ptr[at + (size_t)i] = (char)(size >> (8 * (3 - i)) & 0xFF);
    }
}

static void times(const char *name, bool wide, uint64_t scale, uint64_t len)
{
    size_t at = box(name);
    big(wide ? UINT64_C(1) << 24 : 0, 4);
    zeros(wide ? 16 : 8);
    big(scale, 4);
    big(len, wide ? 8 : 4);
    zeros(4);
    box_end(at);
}

static void track(const char *kind, bool wide, uint64_t samples)
{
    size_t trak = box("trak");
    size_t mdia = box("mdia");
    times("mdhd", wide, 1000, 5);
    size_t hdlr = box("hdlr");
    zeros(8);
    put(str_from(kind));
    zeros(12);
    box_end(hdlr);
    size_t minf = box("minf");
    size_t stbl = box("stbl");
    size_t stts = box("stts");
    zeros(4);
    big(2, 4);
    big(samples, 4);
    big(20, 4);
    big(1, 4);
    big(10, 4);
    box_end(stts);
    box_end(stbl);
    box_end(minf);
    box_end(mdia);
    box_end(trak);
}

static void movie(bool wide, uint64_t len, uint64_t sound, uint64_t picture)
{
    begin();
    size_t ftyp = box("ftyp");
    put(STR("isom"));
    box_end(ftyp);
    big(1, 4);
    put(STR("mdat"));
    big(24, 8);
    zeros(8);
    size_t moov = box("moov");
    times("mvhd", wide, 600, len);
    if (picture > 0) {
        track("vide", wide, picture);
    }
    if (sound > 0) {
        track("soun", wide, sound);
    }
    box_end(moov);
}

TEST(an_mp4_is_as_long_as_the_samples_of_its_sound)
{
    for (int wide = 0; wide < 2; wide++) {
        movie(wide == 1, 6000, 100, 0);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 2010);
        movie(wide == 1, 6000, 100, 5000);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 2010);
        movie(wide == 1, 6000, 0, 5000);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 10000);
        movie(wide == 1, 6000, 0, 0);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 10000);
        movie(wide == 1, wide == 1 ? UINT64_MAX : UINT32_MAX, 0, 0);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), -1);
    }
}

/* ---- MP4 in fragments --------------------------------------------------------------------- */

static void small_box(const char *name, uint64_t flags, const uint64_t *words, size_t count)
{
    size_t at = box(name);
    big(flags, 4);
    for (size_t i = 0; i < count; i++) {
        big(words[i], 4);
    }
    box_end(at);
}

#define SMALL_BOX(name, flags, ...)                           \
    small_box(name, flags, (const uint64_t[]){ __VA_ARGS__ }, \
              sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* A track of that number, whose samples come in fragments. */
static void live_track(uint64_t id, const char *kind, bool wide)
{
    size_t trak = box("trak");
    if (wide) {
        SMALL_BOX("tkhd", UINT64_C(1) << 24, 0, 0, 0, 0, id, 0);
    } else {
        SMALL_BOX("tkhd", 0, 0, 0, id, 0, 0);
    }
    size_t mdia = box("mdia");
    times("mdhd", false, 1000, 0);
    size_t hdlr = box("hdlr");
    zeros(8);
    put(str_from(kind));
    box_end(hdlr);
    size_t minf = box("minf");
    size_t stbl = box("stbl");
    SMALL_BOX("stts", 0, 0);
    box_end(stbl);
    box_end(minf);
    box_end(mdia);
    box_end(trak);
}

static void live_movie(bool wide, bool early)
{
    begin();
    size_t ftyp = box("ftyp");
    put(STR("iso5"));
    box_end(ftyp);
    size_t moov = box("moov");
    times("mvhd", false, 600, 0);
    for (int part = 0; part < 2; part++) {
        if ((part == 0) == early) {
            size_t mvex = box("mvex");
            SMALL_BOX("trex", 0, 1, 1, 40, 0, 0);
            SMALL_BOX("trex", 0, 2, 1, 20, 0, 0);
            box_end(mvex);
        } else {
            live_track(1, "vide", wide);
            live_track(2, "soun", wide);
        }
    }
    box_end(moov);
}

static size_t fragment(void)
{
    size_t moof = box("moof");
    SMALL_BOX("mfhd", 0, 1);
    return moof;
}

static void data(size_t size)
{
    size_t mdat = box("mdat");
    zeros(size);
    box_end(mdat);
}

TEST(an_mp4_in_fragments_is_as_long_as_what_they_say)
{
    for (int way = 0; way < 4; way++) {
        live_movie(way % 2 == 1, way / 2 == 1);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), -1);
        size_t moof = fragment();
        size_t traf = box("traf");
        SMALL_BOX("tfhd", 0x20000, 2); /* as the track has it: 50 of 20 ms */
        SMALL_BOX("trun", 0x1, 50, 8);
        box_end(traf);
        traf = box("traf");
        SMALL_BOX("tfhd", 0, 1); /* pictures, for longer */
        SMALL_BOX("trun", 0, 500);
        box_end(traf);
        box_end(moof);
        data(5);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 1000);
        moof = fragment();
        traf = box("traf");
        SMALL_BOX("tfhd", 0x1 | 0x2 | 0x8, 2, 0, 0, 1, 30); /* its own: 10 of 30 ms */
        SMALL_BOX("trun", 0x200 | 0x4, 2, 7, 11, 12);
        SMALL_BOX("trun", 0, 8);
        box_end(traf);
        box_end(moof);
        data(5);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 1300);
        moof = fragment();
        traf = box("traf");
        SMALL_BOX("tfhd", 0, 2); /* each its own */
        SMALL_BOX("trun", 0xF00 | 0x5, 2, 8, 9, 7, 1, 2, 3, 4, 1, 2, 3);
        SMALL_BOX("trun", 0x100, 3, 100, 200, 300);
        box_end(traf);
        box_end(moof);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 1911);
        traf = box("traf");
        SMALL_BOX("tfhd", 0, 2); /* of a fragment like any other */
        SMALL_BOX("trun", 0, 1);
        box_end(traf);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 1931);
    }
}

TEST(the_movie_may_say_how_long_its_fragments_are)
{
    for (int wide = 0; wide < 2; wide++) {
        begin();
        size_t moov = box("moov");
        times("mvhd", false, 600, 0);
        size_t mvex = box("mvex");
        if (wide == 1) {
            SMALL_BOX("mehd", UINT64_C(1) << 24, 0, 900);
        } else {
            SMALL_BOX("mehd", 0, 900);
        }
        SMALL_BOX("mehd", UINT64_C(1) << 24, 5); /* half of one */
        box_end(mvex);
        box_end(moov);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 1500);
    }
}

TEST(fragments_that_are_nonsense_add_nothing)
{
    static const uint64_t cases[][5] = {
        { 0, 0x100, 3, 100, 200 },      /* fewer rows than it says */
        { 0, 0x100, 1, 100, 200 },      /* more */
        { 0, 0x300, 2, 1, 2 },          /* others than it says */
        { 0, 0x105, 1, 8, 9 },          /* no row behind what comes before it */
        { 0, 0x100, UINT32_MAX, 1, 1 }, /* as many as there can be */
        { 7, 0, 9, 0, 0 },              /* of no track */
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        live_movie(false, false);
        size_t moof = fragment();
        size_t traf = box("traf");
        SMALL_BOX("tfhd", 0, 2 + cases[i][0]);
        small_box("trun", cases[i][1], cases[i] + 2, 3);
        box_end(traf);
        traf = box("traf");
        SMALL_BOX("tfhd", 0x8, 2); /* without the ticks that it says it has: the track's */
        SMALL_BOX("trun", 0, 1);
        box_end(traf);
        box_end(moof);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 20);
    }
    live_movie(false, false); /* longer than anything */
    for (int i = 0; i < 4; i++) {
        size_t traf = box("traf");
        SMALL_BOX("tfhd", 0x8, 2, UINT32_MAX);
        SMALL_BOX("trun", 0, UINT32_MAX);
        box_end(traf);
    }
    CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), -1);
}

TEST(of_more_tracks_than_there_is_room_for_the_last_makes_room)
{
    live_movie(false, false);
    for (uint64_t id = 3; id < 12; id++) {
        live_track(id, "soun", false);
    }
    static const uint64_t ids[] = { 11, 2 };
    for (size_t i = 0; i < EP_ARRAY_LEN(ids); i++) {
        uint64_t id = ids[i];
        size_t traf = box("traf");
        SMALL_BOX("tfhd", 0x8, id, id); /* 22 ticks of the last, four of the first */
        SMALL_BOX("trun", 0, 2);
        box_end(traf);
        CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 22);
    }
}

TEST(boxes_that_are_nonsense_end_an_mp4)
{
    CHECK_EQ(length_of(STR("\0\0\0\x08"
                           "free\0\0\0\x04moov"),
                       SOUND_MP4),
             -1);
    CHECK_EQ(length_of(STR("\0\0\0\0mdat and to the end"), SOUND_MP4), -1);
    CHECK_EQ(length_of(STR("\0\0\0\1mdat\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF and so on"), SOUND_MP4),
             -1);
    movie(false, 6000, 1, 0);
    memcpy(file.ptr + file.len - 20, "\xFF\xFF\xFF\xFF", 4); /* rows that are not there */
    CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), 10000);
    movie(false, 6000, 1, 0);
    memset(file.ptr + file.len - 16, 0xFF, 16); /* longer than anything */
    CHECK_EQ(length_of(buf_str(&file), SOUND_MP4), -1);
}

/* ---- WebM --------------------------------------------------------------------------------- */

static const struct str webm_head = STR_INIT("\x1A\x45\xDF\xA3\x84webm\x18\x53\x80\x67\x01\xFF\xFF"
                                             "\xFF\xFF\xFF\xFF\xFF");

TEST(a_webm_says_its_length)
{
    begin();
    put(webm_head);
    put(STR("\x15\x49\xA9\x66\x8E\x2A\xD7\xB1\x83\x0F\x42\x40\x44\x89\x84"));
    big(0x44FA1000, 4); /* 2000.5 */
    CHECK_EQ(length_of(buf_str(&file), SOUND_WEBM), 2001);
    begin();
    put(webm_head);
    put(STR("\x15\x49\xA9\x66\x8B\x44\x89\x88"));
    big(UINT64_C(0x409F420000000000), 8); /* the same, in 64 bits */
    CHECK_EQ(length_of(buf_str(&file), SOUND_WEBM), 2001);
}

TEST(a_webm_that_says_none_is_as_long_as_to_its_last_block)
{
    begin();
    put(webm_head);
    put(STR("\x1F\x43\xB6\x75\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xE7\x82\x03\xE8"));
    put(STR("\xA3\x86\x81\0\x14\x80zz\xA0\x8A\xA1\x85\x81\0\x28\x80z\x9B\x81\x14"));
    put(STR("\x1F\x43\xB6\x75\x8F\xE7\x82\x07\xD0\xA3\x85\x81\xFF\xEC\x80z\xEC\x82xx"));
    CHECK_EQ(length_of(buf_str(&file), SOUND_WEBM), 1980);
}

TEST(elements_that_are_nonsense_end_a_webm)
{
    CHECK_EQ(length_of(STR("\x1A\x45\xDF\xA3\x80\0\0\0\0\0\0\0"), SOUND_WEBM), -1);
    CHECK_EQ(length_of(STR("\x1A\x45\xDF\xA3\xFF and more of"), SOUND_WEBM), -1);
    CHECK_EQ(length_of(STR("\x1A\x45\xDF\xA3\0 and more of it"), SOUND_WEBM), -1);
    const uint64_t floats[] = { 0xBF800000, 0x7F800000, 0x7FC00000, 0x5F000000 };
    for (size_t i = 0; i < EP_ARRAY_LEN(floats); i++) { /* below zero, without end, none, huge */
        begin();
        put(webm_head);
        put(STR("\x44\x89\x84"));
        big(floats[i], 4);
        CHECK_EQ(length_of(buf_str(&file), SOUND_WEBM), -1);
    }
}

/* ---- all ---------------------------------------------------------------------------------- */

TEST(a_length_that_only_the_head_says_is_known_as_such)
{
    static const struct {
        enum sound_kind kind;
        bool said;
    } cases[] = { { SOUND_WAV, false },    { SOUND_FLAC, true }, { SOUND_OGG, true },
                  { SOUND_MPEG, false },   { SOUND_MP4, true },  { SOUND_WEBM, true },
                  { SOUND_UNKNOWN, false } };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        const struct sound sound = { .kind = cases[i].kind };
        CHECK_EQ(sound_is_said(&sound), cases[i].said);
    }
    const struct sound compressed = { .kind = SOUND_WAV, .as.wav.packed = true };
    CHECK(sound_is_said(&compressed));
    const struct sound flac = { .kind = SOUND_FLAC };
    const struct sound mpeg = { .kind = SOUND_MPEG };
    CHECK(!sound_is_summed(&flac) && sound_is_summed(&mpeg) && sound_is_summed(&compressed));
}

TEST(what_is_no_recording_is_unknown)
{
    CHECK_EQ(length_of(STR("{\"model\":\"a\",\"input\":\"b\"}"), SOUND_UNKNOWN), -1);
    CHECK_EQ(length_of(STR("short"), SOUND_UNKNOWN), -1);
    struct sound sound;
    int64_t ms = 0;
    sound_init(&sound);
    CHECK(!sound_length(&sound, &ms));
    for (int kind = 0; kind < SOUND_KINDS; kind++) {
        CHECK(strlen(sound_kind_name((enum sound_kind)kind)) > 2);
    }
    buf_fini(&file);
}
