#include "app/registry_sign.h"

#include <sys/stat.h>

#include "house.h"

static struct house house;
static struct fail fail;

static void begin(void)
{
    house_begin(&house);
    buf_reset(&house.out);
}

/* A command of this file, with the house's folder for each "@". */
static enum err run(enum err (*command)(const struct args *, struct buf *, struct buf *,
                                        struct fail *),
                    const char *format)
{
    static struct buf line; /* the words live as long as the arguments */
    const char *words[32];
    int count = 0;
    struct args args;
    buf_fini(&line);
    buf_init(&line, 4096);
    for (const char *c = format; *c != '\0'; c++) {
        enum err err = *c == '@' ? buf_append(&line, str_from(house.folder)) : buf_byte(&line, *c);
        CHECK_EQ(err, ERR_OK);
    }
    CHECK_EQ(buf_byte(&line, '\0'), ERR_OK);
    for (char *at = line.ptr; at != NULL; count++) {
        words[count] = at;
        at = strchr(at, ' ');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    CHECK_EQ(args_read(count, words, &args, &fail), ERR_OK);
    buf_reset(&house.out);
    buf_reset(&house.errors);
    fail.text[0] = '\0';
    enum err err = command(&args, &house.out, &house.errors, &fail);
    buf_fini(&line);
    return err;
}

static enum err keygen(const struct args *args, struct buf *out, struct buf *errors,
                       struct fail *told)
{
    (void)errors;
    return registry_keygen_run(args, out, told);
}

TEST(a_key_is_made_for_its_owner_alone_and_shows_its_public_half)
{
    char path[160];
    struct stat info;
    begin();
    CHECK_EQ(run(keygen, "registry keygen @/keys/eve.key"), ERR_OK);
    CHECK_EQ(house.out.len, 65);
    (void)snprintf(path, sizeof(path), "%s/keys/eve.key", house.folder);
    CHECK_EQ(stat(path, &info), 0);
    CHECK_EQ(info.st_mode & 0777, 0600);
    CHECK_EQ(run(keygen, "registry keygen @/keys/eve.key"), ERR_IO); /* never over another */
    CHECK_EQ(run(keygen, "registry keygen"), ERR_ASK_MISSING);
    CHECK_EQ(run(keygen, "registry keygen @/keys/eve2.key --json"), ERR_OK);
    CHECK(house_said(&house.out, "{\"public_key\":\""));
    house_end(&house);
}

TEST(a_person_signs_what_the_folder_says)
{
    begin();
    CHECK_EQ(run(registry_sign_run, "registry sign @/registry --person ann --key @/keys/ann.key"
                                    " --as entered"),
             ERR_OK);
    CHECK(house_said(&house.out, "by ann as entered"));
    CHECK_EQ(run(registry_sign_run, "registry sign @/registry --person ann --key @/keys/ann.key"
                                    " --as reviewed --json"),
             ERR_OK);
    CHECK_EQ(strlen(house_field(&house, "hash")), 64);
    CHECK_STR(str_from(house_field(&house, "role")), STR("reviewed"));
    house_end(&house);
}

struct sign_case {
    const char *format;
    enum err err;
    const char *told;
};

TEST(what_cannot_be_signed_is_told)
{
    static const struct sign_case cases[] = {
        { "registry sign", ERR_ASK_MISSING, "folder" },
        { "registry sign @/registry --person ann --as entered", ERR_ASK_MISSING, "--key" },
        { "registry sign @/registry --person ann --key @/keys/ann.key", ERR_ASK_MISSING, "--as" },
        { "registry sign @/registry --key @/keys/ann.key --as entered", ERR_ASK_MISSING,
          "--person" },
        { "registry sign @/registry --person ann --key @/keys/ann.key --as both", ERR_ASK_INVALID,
          "both" },
        { "registry sign @/registry --person {a} --key @/keys/ann.key --as entered",
          ERR_ASK_INVALID, "no id" },
        { "registry sign @/registry --person ann --key @/keys/none.key --as entered",
          ERR_CONF_INVALID, "none.key" },
        { "registry sign @/registry --person ann --key @/entrepot.yaml --as entered",
          ERR_CONF_INVALID, "" },
        { "registry sign @/nowhere --person ann --key @/keys/ann.key --as entered", ERR_IO,
          "nowhere" },
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        enum err err = run(registry_sign_run, cases[i].format);
        if (err != cases[i].err || strstr(fail.text, cases[i].told) == NULL) {
            test_failed(EP_SITE, "%s: %s %s", cases[i].format, err_info(err)->name, fail.text);
        }
    }
    house_end(&house);
}

TEST(a_folder_with_faults_is_not_signed)
{
    begin();
    house_change(&house, "models.yaml", "vendor: aurora", "vendor: nobody");
    CHECK_EQ(run(registry_sign_run, "registry sign @/registry --person ann --key @/keys/ann.key"
                                    " --as entered"),
             ERR_REGISTRY_INVALID);
    CHECK(house_said(&house.errors, "REG_UNKNOWN_REF"));
    house_end(&house);
}

TEST(a_key_that_others_may_read_is_not_used)
{
    char path[160];
    begin();
    (void)snprintf(path, sizeof(path), "%s/keys/ann.key", house.folder);
    CHECK_EQ(chmod(path, 0644), 0);
    CHECK(run(registry_sign_run, "registry sign @/registry --person ann --key @/keys/ann.key"
                                 " --as entered") != ERR_OK);
    house_end(&house);
}
