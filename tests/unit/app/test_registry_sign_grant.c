#include "app/registry_sign_grant.h"

#include "house.h"

static struct house house;
static struct fail fail;
static struct buf row;

static enum err sign(const char *grant, const char *key, bool counter)
{
    char folder[96];
    char path[160];
    (void)snprintf(folder, sizeof(folder), "%s/registry", house.folder);
    (void)snprintf(path, sizeof(path), "%s/keys/%s.key", house.folder, key);
    const struct registry_sign_grant_order order = { folder, path, str_from(key), str_from(grant),
                                                     counter };
    buf_init(&row, 4096);
    buf_reset(&house.errors);
    fail.text[0] = '\0';
    return registry_sign_grant(&order, &row, &house.errors, &fail);
}

/* Whether the entry is signed as it should be now. */
static bool fine(const char *id)
{
    char folder[96];
    struct registry_report report;
    struct registry *registry = NULL;
    (void)snprintf(folder, sizeof(folder), "%s/registry", house.folder);
    registry_report_init(&report);
    report.draft = true;
    CHECK_EQ(registry_load(folder, &registry, &report), ERR_OK);
    const struct registry_grant *grant = registry_grant(registry, str_from(id));
    const struct registry_agreement *agreement = registry_agreement(registry, str_from(id));
    CHECK(grant != NULL || agreement != NULL);
    bool signed_well = grant != NULL ? grant->signature.fine : agreement->signature.fine;
    registry_unref(registry);
    registry_report_fini(&report);
    return signed_well;
}

TEST(a_grant_that_is_changed_is_signed_anew_by_who_gives_it)
{
    house_begin(&house);
    house_change(&house, "grants.yaml", "sublicense_depth: 0", "sublicense_depth: 1");
    CHECK(!fine("g.aurora-operator"));
    CHECK_EQ(sign("g.aurora-operator", "k.aurora.2026", false), ERR_OK);
    CHECK(fine("g.aurora-operator"));
    buf_fini(&row);
    house_end(&house);
}

TEST(both_sides_of_an_agreement_sign_in_any_order)
{
    house_begin(&house);
    house_change(&house, "agreements.yaml", "markets: [MY, SG]", "markets: [SG]");
    CHECK(!fine("a.first-client"));
    CHECK_EQ(sign("a.first-client", "k.first-client.2026", true), ERR_OK);
    buf_fini(&row);
    CHECK(!fine("a.first-client")); /* one side is missing */
    CHECK_EQ(sign("a.first-client", "k.operator.2026", false), ERR_OK);
    CHECK(house_said(&row, "countersig_key_id: k.first-client.2026"));
    CHECK(fine("a.first-client"));
    buf_fini(&row);
    house_end(&house);
}

TEST(a_key_of_somebody_else_is_not_taken)
{
    house_begin(&house);
    CHECK_EQ(sign("g.aurora-operator", "k.borealis.2026", false), ERR_ASK_INVALID);
    CHECK(strstr(fail.text, "is of party \"borealis\"") != NULL);
    buf_fini(&row);
    CHECK_EQ(sign("g.aurora-operator", "k.aurora.2026", true), ERR_ASK_INVALID);
    buf_fini(&row);
    CHECK_EQ(sign("g.nothing", "k.aurora.2026", false), ERR_NOT_FOUND);
    buf_fini(&row);
    CHECK_EQ(sign("a.online", "k.operator.2026", true), ERR_ASK_INVALID);
    buf_fini(&row);
    CHECK_EQ(sign("g.aurora-operator", "ann", false), ERR_NOT_FOUND); /* no key of keys.yaml */
    buf_fini(&row);
    char folder[96];
    char path[160];
    (void)snprintf(folder, sizeof(folder), "%s/registry", house.folder);
    (void)snprintf(path, sizeof(path), "%s/keys/ann.key", house.folder);
    const struct registry_sign_grant_order order = { folder, path, STR("k.aurora.2026"),
                                                     STR("g.aurora-operator"), false };
    buf_init(&row, 4096);
    CHECK_EQ(registry_sign_grant(&order, &row, &house.errors, &fail), ERR_ASK_INVALID);
    CHECK(strstr(fail.text, "another public key") != NULL);
    CHECK(fine("g.aurora-operator")); /* nothing was touched */
    buf_fini(&row);
    house_end(&house);
}

TEST(what_cannot_be_edited_is_shown_to_be_pasted)
{
    struct args args;
    char folder[96];
    char key[160];
    house_begin(&house);
    house_change(&house, "grants.yaml", "    signature: {alg: ed25519, key_id: k.aurora.2026, sig:",
                 "    signature: {alg: ed25519, key_id: k.aurora.2026,\n      sig:");
    CHECK(fine("g.aurora-operator"));
    (void)snprintf(folder, sizeof(folder), "%s/registry", house.folder);
    (void)snprintf(key, sizeof(key), "%s/keys/k.aurora.2026.key", house.folder);
    const char *const words[] = { "registry", "sign-grant",        folder,
                                  "--grant",  "g.aurora-operator", "--key",
                                  key,        "--key-id",          "k.aurora.2026" };
    CHECK_EQ(args_read(EP_ARRAY_LEN(words), words, &args, &fail), ERR_OK);
    buf_reset(&house.out);
    CHECK_EQ(registry_sign_grant_run(&args, &house.out, &house.errors, &fail), ERR_OK);
    CHECK(house_said(&house.out, "paste this"));
    CHECK(house_said(&house.out, "    signature: {alg: ed25519, key_id: k.aurora.2026, sig: \""));
    house_end(&house);
}

TEST(the_command_needs_its_words)
{
    static const char *const lines[][8] = {
        { "registry", "sign-grant", "--grant", "g", "--key", "k", "--key-id", "i" },
        { "registry", "sign-grant", "d", "--grant", "g", "--key", "k", NULL },
        { "registry", "sign-grant", "d", "--grant", "g", "--key-id", "i", NULL },
        { "registry", "sign-grant", "d", "--key", "k", "--key-id", "i", NULL },
    };
    struct args args;
    house_begin(&house);
    for (size_t i = 0; i < EP_ARRAY_LEN(lines); i++) {
        int count = lines[i][7] == NULL ? 7 : 8;
        CHECK_EQ(args_read(count, lines[i], &args, &fail), ERR_OK);
        CHECK_EQ(registry_sign_grant_run(&args, &house.out, &house.errors, &fail), ERR_ASK_MISSING);
    }
    house_end(&house);
}
