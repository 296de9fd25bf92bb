#include "crypto/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness.h"

static char folder[] = "/tmp/test_secret.XXXXXX";
static char path[64];

static struct str write_secret(const void *bytes, size_t len, mode_t mode)
{
    static char reference[80];
    if (path[0] == '\0') {
        CHECK(test_folder(folder) != NULL);
        (void)snprintf(path, sizeof(path), "%s/pepper", folder);
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(fchmod(fd, mode), 0);
    CHECK_EQ(write(fd, bytes, len), len);
    CHECK_EQ(close(fd), 0);
    (void)snprintf(reference, sizeof(reference), "file:%s", path);
    return str_from(reference);
}

static void remove_secret(void)
{
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(folder), 0);
    (void)snprintf(folder, sizeof(folder), "/tmp/test_secret.XXXXXX");
    path[0] = '\0';
}

static void check_loads(struct str reference, struct str base_dir, struct str want)
{
    struct secret secret = { 0 };
    CHECK_EQ(secret_load(reference, base_dir, &secret, NULL), ERR_OK);
    CHECK_STR(secret_str(&secret), want);
    secret_fini(&secret);
    CHECK(secret.ptr == NULL);
}

static void check_refused(struct str reference, const char *why)
{
    struct secret secret = { 0 };
    struct fail fail;
    CHECK_EQ(secret_load(reference, STR_EMPTY, &secret, &fail), ERR_CONF_INVALID);
    CHECK(secret.ptr == NULL);
    if (strstr(fail.text, why) == NULL) {
        test_failed(EP_SITE, "\"%s\" does not say \"%s\"", fail.text, why);
    }
}

TEST(a_secret_is_a_copy)
{
    char text[] = "hunter2";
    struct secret secret = { 0 };
    CHECK_EQ(secret_from(str_from(text), &secret), ERR_OK);
    secret_wipe(text, sizeof(text));
    CHECK_EQ(text[0], 0);
    CHECK_STR(secret_str(&secret), STR("hunter2"));
    secret_fini(&secret);
    secret_fini(&secret); /* allowed when empty */
}

TEST(a_variable_is_read_and_an_unset_or_empty_one_refused)
{
    CHECK_EQ(setenv("EP_TEST_SECRET", "s3cr3t", 1), 0);
    check_loads(STR("env:EP_TEST_SECRET"), STR_EMPTY, STR("s3cr3t"));
    CHECK_EQ(setenv("EP_TEST_SECRET", "", 1), 0);
    check_refused(STR("env:EP_TEST_SECRET"), "not set");
    CHECK_EQ(unsetenv("EP_TEST_SECRET"), 0);
    check_refused(STR("env:EP_TEST_SECRET"), "EP_TEST_SECRET");
}

TEST(a_file_is_read_without_its_last_line_end)
{
    check_loads(write_secret("abc\n", 4, 0600), STR_EMPTY, STR("abc"));
    check_loads(write_secret("abc\r\n", 5, 0600), STR_EMPTY, STR("abc"));
    check_loads(write_secret("abc\n\n", 5, 0600), STR_EMPTY, STR("abc\n"));
    check_loads(write_secret("abc", 3, 0400), STR_EMPTY, STR("abc"));
    check_loads(write_secret("a\0c", 3, 0600), STR_EMPTY, (struct str){ "a\0c", 3 });
    remove_secret();
}

TEST(a_relative_path_starts_at_the_base)
{
    (void)write_secret("abc\n", 4, 0600);
    check_loads(STR("file:pepper"), str_from(folder), STR("abc"));
    remove_secret();
}

TEST(a_file_that_others_may_read_is_refused_with_the_remedy)
{
    static const mode_t open_to_others[] = { 0640, 0604, 0610, 0602, 0644 };
    for (size_t i = 0; i < EP_ARRAY_LEN(open_to_others); i++) {
        check_refused(write_secret("abc", 3, open_to_others[i]), "chmod 600");
    }
    remove_secret();
}

TEST(an_empty_a_missing_and_a_huge_file_are_refused)
{
    static char huge[SECRET_BYTES_MAX + 1];
    memset(huge, 'x', sizeof(huge));
    check_refused(write_secret("", 0, 0600), "empty");
    check_refused(write_secret("\n", 1, 0600), "empty");
    check_refused(write_secret("\r\n", 2, 0600), "empty");
    check_refused(write_secret(huge, sizeof(huge), 0600), "too long");
    remove_secret();
    check_refused(STR("file:/nonexistent/pepper"), "/nonexistent/pepper");
}

TEST(a_value_in_place_of_a_reference_is_refused_and_not_repeated)
{
    static const char *const bad[] = { "", "hunter2", "file:", "ENV:HOME", "envHOME" };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct secret secret = { 0 };
        struct fail fail;
        CHECK_EQ(secret_load(str_from(bad[i]), STR_EMPTY, &secret, &fail), ERR_CONF_INVALID);
        CHECK(strstr(fail.text, "hunter2") == NULL);
    }
}

TEST(a_path_that_is_too_long_is_refused)
{
    static char reference[5000] = "file:/";
    memset(reference + 6, 'x', sizeof(reference) - 7);
    check_refused(str_from(reference), "too long");
}

static void load_and_drop(void)
{
    struct secret secret = { 0 };
    struct str reference = write_secret("abc", 3, 0600);
    enum err err = secret_load(reference, STR_EMPTY, &secret, NULL);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    secret_fini(&secret);
}

TEST(running_out_of_memory_is_told)
{
    (void)write_secret("abc", 3, 0600);
    CHECK_EQ(test_each_allocation_failing(load_and_drop), 3);
    remove_secret();
}
