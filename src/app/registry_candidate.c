#include "app/registry_candidate.h"

#include "app/acts.h"
#include "base/stamp.h"
#include "gate/snapshot_law.h"
#include "meter/shelf.h"
#include "meter/template.h"

#define CANDIDATE_TEMPLATES_MAX 64
#define CANDIDATE_NAMES_MAX     ((size_t)64 << 10) /* of vocabularies: 256 of 64 bytes, and more */

void registry_candidate_init(struct registry_candidate *candidate)
{
    *candidate = (struct registry_candidate){ .registry = NULL };
    registry_files_init(&candidate->files);
}

void registry_candidate_fini(struct registry_candidate *candidate)
{
    registry_unref(candidate->registry);
    candidate->registry = NULL;
    registry_files_fini(&candidate->files);
}

/* ---- what it says ------------------------------------------------------------------------- */

/* The chat templates that this program knows. */
static struct registry_texts candidate_templates(struct str names[CANDIDATE_TEMPLATES_MAX])
{
    size_t count = 0;
    for (const struct template_program *program = template_at(0);
         program != NULL && count < CANDIDATE_TEMPLATES_MAX; program = template_at(count)) {
        names[count++] = template_name(program);
    }
    return (struct registry_texts){ .items = names, .count = count };
}

/* One of which no server could make rules is none to bring into force. */
static enum err candidate_check_law(struct registry **registry, struct buf *errors)
{
    struct fail fail = { .text = "" };
    enum err err = snapshot_law_check(*registry, &fail);
    if (err != ERR_OK) {
        act_complain(errors, err, &fail, NULL);
        registry_unref(*registry);
        *registry = NULL;
    }
    return err;
}

enum err registry_candidate_judge(const struct registry_files *files,
                                  const struct registry_judging *judging,
                                  struct registry **ret_registry, struct buf *errors)
{
    struct arena arena;
    struct registry_texts names;
    struct str template_names[CANDIDATE_TEMPLATES_MAX];
    const struct registry_texts templates = candidate_templates(template_names);
    struct registry_report report;
    struct fail fail = { .text = "" };
    enum err err = ERR_OK;
    arena_init(&arena, 1024, CANDIDATE_NAMES_MAX);
    registry_report_init(&report);
    report.templates = &templates;
    report.draft = judging->kept;
    if (judging->shelf != NULL) {
        err = shelf_names(judging->shelf, &arena, &names, &fail);
        report.vocabulary_folder = shelf_folder(judging->shelf);
        report.vocabularies = &names;
    }
    if (err != ERR_OK) {
        act_complain(errors, err, &fail, NULL);
    } else {
        err = registry_files_parse(files, ret_registry, &report);
        if (err != ERR_OK || !judging->kept) {                 /* there may be warnings */
            EP_IGNORE(registry_report_print(&report, errors)); /* what fits */
        }
        err = err == ERR_OK && !judging->kept ? candidate_check_law(ret_registry, errors) : err;
    }
    registry_report_fini(&report);
    arena_fini(&arena);
    return err;
}

static enum err candidate_read_files(struct registry_files *files, const char *path,
                                     struct buf *errors)
{
    struct registry_report report;
    registry_report_init(&report);
    enum err err = registry_files_read(files, path, &report);
    if (err != ERR_OK) {
        EP_IGNORE(registry_report_print(&report, errors)); /* what fits */
    }
    registry_report_fini(&report);
    return err;
}

enum err registry_candidate_load(const char *path, const struct registry_judging *judging,
                                 struct registry **ret_registry, struct buf *errors)
{
    struct registry_files files;
    registry_files_init(&files);
    enum err err = candidate_read_files(&files, path, errors);
    err = err == ERR_OK ? registry_candidate_judge(&files, judging, ret_registry, errors) : err;
    registry_files_fini(&files);
    return err;
}

enum err registry_candidate_read(struct registry_candidate *candidate, const char *path,
                                 const struct shelf *shelf, struct buf *errors)
{
    struct registry *registry = NULL;
    TRY(candidate_read_files(&candidate->files, path, errors));
    TRY(registry_candidate_judge(&candidate->files, &(struct registry_judging){ .shelf = shelf },
                                 &registry, errors));
    candidate->registry = registry;
    return ERR_OK;
}

int64_t registry_candidate_now(void)
{
    int64_t now_ns = stamp_system_ns();
    return now_ns - now_ns % STAMP_NS_PER_MS;
}

bool registry_candidate_same(const struct registry_candidate *candidate,
                             const struct registry_rival *rival, struct store *store)
{
    if (rival->registry == NULL) {
        return false;
    }
    return digest_eq(&candidate->registry->hash, &rival->registry->hash) ||
           registry_versions_are(store, rival->version, &candidate->files);
}

/* ---- who vouches for it ------------------------------------------------------------------- */

enum err registry_candidate_signed(struct registry_candidate *candidate,
                                   const struct registry_rival *rival, int64_t now_ns,
                                   struct buf *errors)
{
    const struct registry *trusted =
        rival->registry != NULL ? rival->registry : candidate->registry;
    const struct registry_signing signing = {
        .hash = &candidate->registry->hash,
        .persons = trusted->persons,
        .person_count = trusted->person_count,
        .after_ns = rival->since_ns,
        .now_ns = now_ns,
    };
    const struct registry *fresh = candidate->registry;
    struct registry_report report;
    registry_report_init(&report);
    enum err err =
        registry_signing_check(candidate->files.signatures, &signing, candidate->by, &report);
    if (err == ERR_OK && !registry_signing_possible(fresh->persons, fresh->person_count, now_ns)) {
        registry_report_note(&report, STR("persons.yaml"), REGISTRY_RULE_REG_SIGNER,
                             STR("fewer than two persons with keys of their own are valid now: "
                                 "nobody could sign the next version"));
        err = report.out_of_memory ? ERR_NO_MEMORY : ERR_REGISTRY_INVALID;
    }
    if (err != ERR_OK) {
        EP_IGNORE(registry_report_print(&report, errors)); /* what fits */
    }
    registry_report_fini(&report);
    return err;
}

enum err registry_candidate_keep(struct registry_candidate *candidate,
                                 const struct registry_home *home,
                                 const struct registry_rival *rival, int64_t now_ns,
                                 int64_t *ret_version, struct fail *fail)
{
    const struct registry_versions_entry entry = {
        .files = &candidate->files,
        .registry = candidate->registry,
        .by = candidate->by,
        .after = rival->version,
        .now_ns = now_ns,
    };
    ASSERT(candidate->by[REGISTRY_ROLE_ENTERED].person != NULL);
    return registry_versions_add(home, &entry, ret_version, fail);
}
