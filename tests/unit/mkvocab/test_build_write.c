#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "harness.h"

static void check_holds(const char *path, struct str want)
{
    char text[64];
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t len = fread(text, 1, sizeof(text), file);
    CHECK(fclose(file) == 0);
    CHECK_STR(((struct str){ text, len }), want);
}

TEST(a_file_is_replaced_whole_or_not_at_all)
{
    char folder[] = "/tmp/mkvocab-XXXXXX";
    char path[64];
    char temp[80];
    struct fail fail;
    CHECK(test_folder(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/x.etk", folder);
    (void)snprintf(temp, sizeof(temp), "%s.new", path);
    CHECK(build_write(path, STR("old"), &fail) == ERR_OK);
    check_holds(path, STR("old"));
    CHECK(build_write(path, STR("new one"), &fail) == ERR_OK);
    check_holds(path, STR("new one"));
    CHECK(mkdir(temp, 0700) == 0); /* where the new one would be written */
    CHECK(build_write(path, STR("third"), &fail) == ERR_IO);
    CHECK(str_search(str_from(fail.text), STR("x.etk.new")) < strlen(fail.text));
    check_holds(path, STR("new one"));
    CHECK(rmdir(temp) == 0);
    CHECK(unlink(path) == 0);
    CHECK(mkdir(path, 0700) == 0); /* a folder is not replaced, and nothing is left beside it */
    CHECK(build_write(path, STR("fourth"), &fail) == ERR_IO);
    CHECK(rmdir(path) == 0);
    CHECK(rmdir(folder) == 0);
}

TEST(a_name_that_is_too_long_is_refused)
{
    static char path[8192];
    struct fail fail;
    memset(path, 'x', sizeof(path) - 1);
    CHECK(build_write(path, STR("bytes"), &fail) == ERR_IO);
}
