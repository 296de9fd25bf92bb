#include "meter/shelf.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "harness.h"
#include "vocab_sample.h"

static char folder[64];

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void put(const char *name, struct str bytes)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK(fwrite(bytes.ptr, 1, bytes.len, file) == bytes.len);
    CHECK(fclose(file) == 0);
}

/* A folder with a vocabulary under its name and under another, a damaged one, and strangers. */
static void begin(struct sample *sample, struct shelf **shelf)
{
    char file[VOCAB_NAME_MAX + 8];
    (void)snprintf(folder, sizeof(folder), "/tmp/entrepot-shelf-XXXXXX");
    CHECK(test_folder(folder) != NULL);
    CHECK(sample_init(sample, SAMPLE_RANKS, false, 3));
    (void)snprintf(file, sizeof(file), "%s.etk", sample->source.name);
    put(file, buf_str(&sample->file));
    put("alias.etk", buf_str(&sample->file));
    put("short.etk", str_slice(buf_str(&sample->file), 0, 100));
    put("readme.txt", STR("no vocabulary"));
    CHECK(shelf_create(str_from(folder), shelf) == ERR_OK);
}

static void end(struct sample *sample, struct shelf *shelf)
{
    shelf_destroy(shelf);
    sample_fini(sample);
    CHECK(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

TEST(a_vocabulary_is_opened_once_and_stays)
{
    struct sample sample;
    struct shelf *shelf = NULL;
    struct fail fail = { .text = "" };
    const struct vocab *first = NULL;
    const struct vocab *again = NULL;
    begin(&sample, &shelf);
    struct str name = str_from(sample.source.name);
    CHECK(shelf_open(shelf, name, &first, &fail) == ERR_OK);
    CHECK(shelf_open(shelf, name, &again, &fail) == ERR_OK);
    CHECK(first == again);
    CHECK_STR(vocab_info(first)->name, name);
    end(&sample, shelf);
}

TEST(what_is_no_vocabulary_of_that_name_is_refused_by_name)
{
    static const struct {
        const char *name;
        enum err err;
    } cases[] = {
        { "alias", ERR_VOCAB }, { "short", ERR_VOCAB },    { "absent", ERR_IO },
        { "", ERR_NOT_FOUND },  { "../x", ERR_NOT_FOUND }, { "a/b", ERR_NOT_FOUND },
        { ".", ERR_NOT_FOUND }, { "a b", ERR_NOT_FOUND },
    };
    struct sample sample;
    struct shelf *shelf = NULL;
    begin(&sample, &shelf);
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct fail fail = { .text = "" };
        const struct vocab *vocab = NULL;
        struct str name = str_from(cases[i].name);
        CHECK_EQ(shelf_open(shelf, name, &vocab, &fail), cases[i].err);
        CHECK(vocab == NULL);
        CHECK(name.len == 0 || str_search(str_from(fail.text), name) < str_from(fail.text).len);
    }
    end(&sample, shelf);
}

TEST(the_names_are_those_of_the_files)
{
    struct sample sample;
    struct shelf *shelf = NULL;
    struct arena arena;
    struct registry_texts names;
    begin(&sample, &shelf);
    arena_init(&arena, 1024, 1 << 16);
    CHECK(shelf_names(shelf, &arena, &names, NULL) == ERR_OK);
    CHECK_EQ(names.count, 3);
    bool found = false;
    for (size_t i = 0; i < names.count; i++) {
        found |= str_eq(names.items[i], STR("alias"));
    }
    CHECK(found);
    arena_fini(&arena);
    end(&sample, shelf);
}

TEST(a_folder_that_is_not_there_has_no_vocabularies)
{
    struct shelf *shelf = NULL;
    struct arena arena;
    struct registry_texts names;
    arena_init(&arena, 1024, 1 << 16);
    CHECK(shelf_create(STR("/nonexistent/vocab"), &shelf) == ERR_OK);
    CHECK(shelf_names(shelf, &arena, &names, NULL) == ERR_OK);
    CHECK_EQ(names.count, 0);
    shelf_destroy(shelf);
    arena_fini(&arena);
}
