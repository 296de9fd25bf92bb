/* room: settle */
#include "settle/evidence_fold.h"
#include "settle/evidence_head.h"
#include "settle/evidence_registry.h"
#include "settle/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void evidence_head(struct str text)
{
    struct evidence_head head;
    evidence_head_init(&head);
    enum err err = evidence_head_read(text, &head, NULL);
    ASSERT(err == ERR_OK || err == ERR_PACK_INVALID);
    evidence_head_fini(&head);
}

static enum err evidence_none(void *context, const struct evidence_version *version,
                              struct registry **ret_registry, struct fail *fail)
{
    (void)context;
    (void)version;
    (void)ret_registry;
    return FAIL(fail, ERR_NOT_FOUND, "there is no registry");
}

/* A receipt's line: what is read is printed and read again as the same; it can be summed up. */
static void evidence_line(struct str text)
{
    static struct evidence_line line;
    static struct evidence_line again;
    struct evidence_law law;
    struct evidence_fold fold;
    struct buf out;
    if (evidence_line_read(text, &line, NULL) != ERR_OK) {
        return;
    }
    buf_init(&out, 2 * EVIDENCE_LINE_MAX + text.len);
    ASSERT(evidence_line_print(&line, &out) == ERR_OK);
    ASSERT(evidence_line_read(str_slice(buf_str(&out), 0, out.len - 1), &again, NULL) == ERR_OK);
    ASSERT(again.leaf == line.leaf && again.before_count == line.before_count);
    ASSERT(str_eq(again.entry, line.entry));
    (void)evidence_line_check(&line); /* it does not, hardly ever */
    evidence_law_init(&law);
    law.load = evidence_none;
    evidence_fold_init(&fold, &law);
    enum err err = evidence_fold_add(&fold, &line, NULL);
    ASSERT(err == ERR_OK || err == ERR_PACK_INVALID || err == ERR_NO_MEMORY);
    EP_IGNORE(evidence_fold_end(&fold, NULL)); /* sums may be too large */
    evidence_fold_fini(&fold);
    evidence_law_fini(&law);
    buf_fini(&out);
}

static enum err evidence_on_file(void *context, const struct evidence_file *file)
{
    size_t *count = context;
    ASSERT(file->text.len == 0);
    ++*count;
    return ERR_OK;
}

static void evidence_version(struct str text)
{
    struct evidence_version version;
    size_t count = 0;
    enum err err = evidence_version_read(text, &version, evidence_on_file, &count, NULL);
    ASSERT(err == ERR_OK || err == ERR_PACK_INVALID);
    if (err == ERR_OK) {
        ASSERT(version.seq > 0);
        (void)evidence_version_signed(&version); /* hardly ever */
    }
}

static void evidence_manifest(struct str text)
{
    struct manifest_line line = { .name = STR_EMPTY };
    struct str rest = text;
    struct str last = STR_EMPTY;
    while (rest.len > 0 && manifest_next(&rest, last, &line, NULL) == ERR_OK) {
        ASSERT(str_cmp(last, line.name) < 0 && pack_name_valid(line.name));
        last = line.name;
    }
}

/* The first byte says which of a pack's files it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct str text) = { evidence_head, evidence_line,
                                                        evidence_version, evidence_manifest };
    static bool started;
    if (!started) {
        ASSERT(crypto_start(NULL) == ERR_OK);
        started = true;
    }
    if (size > 0) {
        readers[data[0] % EP_ARRAY_LEN(readers)]((struct str){ (const char *)data + 1, size - 1 });
    }
    return 0;
}
