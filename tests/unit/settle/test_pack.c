/* Writing and reading packs, and everything that a reader must not take. */
#include "settle/pack_internal.h"

#include <string.h>

#include "pack_case.h"

static struct pack_case here;
static struct fail fail;

static void make(const char *path, const struct str *files, size_t count)
{
    struct pack_writer *writer = NULL;
    CHECK_EQ(pack_create(str_from(path), &writer, &fail), ERR_OK);
    for (size_t i = 0; i + 1 < count; i += 2) {
        CHECK_EQ(pack_add(writer, files[i], files[i + 1], &fail), ERR_OK);
    }
    CHECK_EQ(pack_finish(writer, &fail), ERR_OK);
    pack_writer_close(writer);
}

static const struct str three[] = {
    STR_INIT("a.txt"),      STR_INIT("what is in it, what is in it, what is in it"),
    STR_INIT("b/empty"),    STR_INIT(""),
    STR_INIT("b/c/d.json"), STR_INIT("{\"more\":[1,2,3]}"),
};

TEST(what_is_packed_is_read_again_in_its_order)
{
    struct pack *pack = NULL;
    struct buf bytes;
    pack_case_begin(&here);
    make(here.path, three, EP_ARRAY_LEN(three));
    CHECK_EQ(pack_open(str_from(here.path), &pack, &fail), ERR_OK);
    CHECK_EQ(pack_count(pack), 3);
    buf_init(&bytes, PACK_FILE_MAX);
    for (size_t i = 0; i < 3; i++) {
        CHECK_STR(pack_name(pack, i), three[2 * i]);
        CHECK_EQ(pack_size(pack, i), three[2 * i + 1].len);
        CHECK_EQ(pack_find(pack, three[2 * i]), i);
        CHECK_EQ(pack_read(pack, i, &bytes, &fail), ERR_OK);
        CHECK_STR(buf_str(&bytes), three[2 * i + 1]);
    }
    CHECK_EQ(pack_find(pack, STR("none")), 3);
    buf_fini(&bytes);
    pack_close(pack);
    pack_case_end(&here);
}

TEST(the_same_files_are_the_same_bytes)
{
    struct buf first;
    struct buf second;
    pack_case_begin(&here);
    make(here.path, three, EP_ARRAY_LEN(three));
    make(here.other, three, EP_ARRAY_LEN(three));
    buf_init(&first, 65536);
    buf_init(&second, 65536);
    pack_case_slurp(here.path, &first);
    pack_case_slurp(here.other, &second);
    CHECK_STR(buf_str(&first), buf_str(&second));
    buf_fini(&first);
    buf_fini(&second);
    pack_case_end(&here);
}

TEST(a_file_that_is_there_stays_and_a_broken_off_pack_leaves_nothing)
{
    struct pack_writer *writer = NULL;
    char part[160];
    pack_case_begin(&here);
    make(here.path, three, EP_ARRAY_LEN(three));
    CHECK_EQ(pack_create(str_from(here.path), &writer, &fail), ERR_CONFLICT);
    CHECK_EQ(pack_create(str_from(here.other), &writer, &fail), ERR_OK);
    struct pack_writer *second = NULL;
    CHECK_EQ(pack_create(str_from(here.other), &second, &fail), ERR_CONFLICT);
    CHECK(strstr(fail.text, "remove") != NULL);
    CHECK_EQ(pack_add(writer, STR("a"), STR("b"), &fail), ERR_OK);
    pack_case_spit(here.other, STR("somebody else's"));
    CHECK_EQ(pack_finish(writer, &fail), ERR_CONFLICT);
    pack_writer_close(writer);
    (void)snprintf(part, sizeof(part), "%s.part", here.other);
    CHECK(access(part, F_OK) != 0);
    CHECK_EQ(pack_create(STR("/nowhere/at/all"), &writer, &fail), ERR_IO);
    CHECK_EQ(pack_create(STR(""), &writer, &fail), ERR_ASK_INVALID);
    pack_case_end(&here);
}

TEST(names_stay_in_the_packs_folder)
{
    static const char *const good[] = { "a", "a/b", "a.b-c_D/1", ".a", "..a", "a..", "..." };
    static const char *const bad[] = { "",     "/a",     "a/",   "a//b", "..",
                                       "../a", "a/../b", "a/..", "./a",  ".",
                                       "a\\b", "C:a",    "a b",  "a\nb", "\xc3\xa4" };
    char long_name[PACK_NAME_MAX + 2];
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        CHECK(pack_name_valid(str_from(good[i])));
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK(!pack_name_valid(str_from(bad[i])));
    }
    CHECK(!pack_name_valid((struct str){ "a\0b", 3 }));
    memset(long_name, 'x', sizeof(long_name));
    CHECK(pack_name_valid((struct str){ long_name, PACK_NAME_MAX }));
    CHECK(!pack_name_valid((struct str){ long_name, PACK_NAME_MAX + 1 }));
}

/* ---- what is refused ---------------------------------------------------------------------- */

/* Opens what is at `path` and reads every file; the first failure. */
static enum err try_all(const char *path)
{
    struct pack *pack = NULL;
    struct buf bytes;
    buf_init(&bytes, PACK_FILE_MAX);
    fail.text[0] = '\0';
    enum err err = pack_open(str_from(path), &pack, &fail);
    for (size_t i = 0; err == ERR_OK && i < pack_count(pack); i++) {
        err = pack_read(pack, i, &bytes, &fail);
    }
    pack_close(pack);
    buf_fini(&bytes);
    return err;
}

TEST(any_byte_that_changes_and_any_cut_is_found)
{
    struct buf bytes;
    pack_case_begin(&here);
    make(here.path, three, EP_ARRAY_LEN(three));
    buf_init(&bytes, 65536);
    pack_case_slurp(here.path, &bytes);
    CHECK_EQ(try_all(here.path), ERR_OK);
    for (size_t i = 0; i < bytes.len; i++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            bytes.ptr[i] = (char)(bytes.ptr[i] ^ 1 << bit);
            pack_case_spit(here.other, buf_str(&bytes));
            CHECK_EQ(try_all(here.other), ERR_PACK_INVALID);
            CHECK(fail.text[0] != '\0');
            bytes.ptr[i] = (char)(bytes.ptr[i] ^ 1 << bit);
        }
        pack_case_spit(here.other, str_slice(buf_str(&bytes), 0, i));
        CHECK_EQ(try_all(here.other), ERR_PACK_INVALID);
    }
    CHECK_EQ(buf_byte(&bytes, 'x'), ERR_OK);
    pack_case_spit(here.other, buf_str(&bytes));
    CHECK_EQ(try_all(here.other), ERR_PACK_INVALID);
    buf_fini(&bytes);
    pack_case_end(&here);
}

/* An archive of files whose headers somebody else wrote. */
struct forged {
    struct zip_entry entry;
    unsigned flags;
    uint32_t attributes;
    struct str packed;
};

static void forge(const struct forged *files, size_t count)
{
    struct buf bytes;
    uint32_t offsets[4];
    buf_init(&bytes, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        unsigned char head[ZIP_LOCAL_BYTES];
        zip_local(&files[i].entry, head);
        zip_put16(head + 6, files[i].flags);
        offsets[i] = (uint32_t)bytes.len;
        CHECK_EQ(buf_append(&bytes, (struct str){ (char *)head, sizeof(head) }), ERR_OK);
        CHECK_EQ(buf_append(&bytes, files[i].entry.name), ERR_OK);
        CHECK_EQ(buf_append(&bytes, files[i].packed), ERR_OK);
    }
    uint32_t directory = (uint32_t)bytes.len;
    for (size_t i = 0; i < count; i++) {
        unsigned char head[ZIP_CENTRAL_BYTES];
        struct zip_entry entry = files[i].entry;
        entry.offset = offsets[i];
        zip_central(&entry, head);
        zip_put16(head + 8, files[i].flags);
        zip_put32(head + 38, files[i].attributes);
        CHECK_EQ(buf_append(&bytes, (struct str){ (char *)head, sizeof(head) }), ERR_OK);
        CHECK_EQ(buf_append(&bytes, entry.name), ERR_OK);
    }
    unsigned char end[ZIP_END_BYTES];
    zip_end(count, directory, (uint32_t)bytes.len - directory, end);
    CHECK_EQ(buf_append(&bytes, (struct str){ (char *)end, sizeof(end) }), ERR_OK);
    pack_case_spit(here.other, buf_str(&bytes));
    buf_fini(&bytes);
}

/* "a" as deflate has it, in a block of its own. */
#define PACKED_A STR("\x4b\x04\x00")

static struct forged forged_a(const char *name)
{
    return (struct forged){
        .entry = { .name = str_from(name), .crc = 0xe8b7be43, .packed = 3, .size = 1 },
        .attributes = ZIP_ATTRIBUTES,
        .packed = PACKED_A,
    };
}

static void refused(const struct forged *files, size_t count, const char *name, const char *why)
{
    forge(files, count);
    CHECK_EQ(try_all(here.other), ERR_PACK_INVALID);
    if (strstr(fail.text, name) == NULL || strstr(fail.text, why) == NULL) {
        test_failed(EP_SITE, "\"%s\" does not name \"%s\" and \"%s\"", fail.text, name, why);
    }
}

TEST(what_tricks_other_tools_is_refused_and_named)
{
    pack_case_begin(&here);
    struct forged files[2] = { forged_a("fine"), forged_a("also-fine") };
    forge(files, 2);
    CHECK_EQ(try_all(here.other), ERR_OK);

    files[1] = forged_a("../../etc/passwd");
    refused(files, 2, "../../etc/passwd", "leaves the pack's folder");
    files[1] = forged_a("/etc/passwd");
    refused(files, 2, "/etc/passwd", "leaves the pack's folder");
    files[1] = forged_a("fine");
    refused(files, 2, "\"fine\"", "twice");
    files[1] = forged_a("secret");
    files[1].flags = 1;
    refused(files, 2, "\"secret\"", "encrypted");
    files[1] = forged_a("link");
    files[1].attributes = UINT32_C(0120777) << 16;
    refused(files, 2, "\"link\"", "symbolic link");
    files[1] = forged_a("folder");
    files[1].attributes = UINT32_C(0040755) << 16;
    refused(files, 2, "\"folder\"", "not as packs have it");
    files[1] = forged_a("bomb");
    files[1].entry.size = 32 << 20;
    refused(files, 2, "\"bomb\"", "200 times");
    files[1].entry.size = UINT32_MAX;
    refused(files, 2, "\"bomb\"", "larger than files of packs are");
    files[1] = forged_a("liar"); /* it unpacks to more than it says */
    files[1].entry.size = 0;
    refused(files, 2, "\"liar\"", "damaged");
    files[1].entry.size = 2;
    refused(files, 2, "\"liar\"", "damaged");
    files[1] = forged_a("sum");
    files[1].entry.crc = 1;
    refused(files, 2, "\"sum\"", "not what its header says");
    pack_case_end(&here);
}

TEST(what_is_no_archive_is_refused)
{
    pack_case_begin(&here);
    CHECK_EQ(try_all("/nowhere"), ERR_IO);
    CHECK_EQ(try_all(here.folder), ERR_PACK_INVALID);
    pack_case_spit(here.other, STR(""));
    CHECK_EQ(try_all(here.other), ERR_PACK_INVALID);
    pack_case_spit(here.other, STR("this is a text that is longer than an end record has bytes"));
    CHECK_EQ(try_all(here.other), ERR_PACK_INVALID);
    CHECK(strstr(fail.text, "no pack") != NULL);
    CHECK_EQ(mkfifo(here.path, 0600), 0);
    CHECK_EQ(try_all(here.path), ERR_PACK_INVALID);
    pack_case_end(&here);
}

static void without_memory(void)
{
    struct pack_writer *writer = NULL;
    (void)unlink(here.other);
    enum err err = pack_create(str_from(here.other), &writer, &fail);
    err = err == ERR_OK ? pack_add(writer, STR("a"), STR("text"), &fail) : err;
    pack_writer_close(writer);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    err = try_all(here.path);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
}

TEST(without_memory_nothing_is_left)
{
    pack_case_begin(&here);
    make(here.path, three, EP_ARRAY_LEN(three));
    CHECK(test_each_allocation_failing(without_memory) > 5);
    pack_case_end(&here);
}
