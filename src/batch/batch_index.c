#include "batch/batch_index.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "batch/batch_line.h"
#include "crypto/digest.h"
#include "wire/json.h"

#define INDEX_FIRST 256

/* A custom id by half its sum: two that differ never meet. */
struct index_name {
    unsigned char sum[DIGEST_BYTES / 2];
    uint32_t entry;
};

struct index_reading {
    struct batch_index *index;
    const struct batch_limits *limits;
    struct index_name *names;
    size_t name_count;
    size_t name_cap;
};

void batch_index_init(struct batch_index *index)
{
    *index = (struct batch_index){ .entries = NULL };
}

void batch_index_fini(struct batch_index *index)
{
    mem_free(index->entries);
    batch_index_init(index);
}

/* ---- the input --------------------------------------------------------------------------- */

static bool index_room(void **items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) {
        return true;
    }
    size_t wanted = *cap == 0 ? INDEX_FIRST : 2 * *cap;
    void *grown = mem_realloc(*items, wanted * size);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *cap = wanted;
    return true;
}

/* What is no line has no name; that is told when its turn comes. */
static enum err index_note_name(struct index_reading *reading, struct str line, size_t entry)
{
    char text[BATCH_CUSTOM_ID_MAX];
    struct buf decoded = { text, 0, sizeof(text), sizeof(text) };
    struct json_fault fault;
    struct str object = json_trim(line);
    if (json_check(object, &fault) != ERR_OK || json_kind(object) != JSON_OBJECT) {
        return ERR_OK;
    }
    struct str id = json_get(object, STR("custom_id"));
    if (id.len <= 2 || json_kind(id) != JSON_STRING || !json_decode(id, &decoded)) {
        return ERR_OK;
    }
    void *names = reading->names;
    if (!index_room(&names, reading->name_count, &reading->name_cap, sizeof(*reading->names))) {
        return ERR_NO_MEMORY;
    }
    reading->names = names;
    struct digest sum = digest_sha256(buf_str(&decoded));
    struct index_name *name = &reading->names[reading->name_count++];
    memcpy(name->sum, sum.bytes, sizeof(name->sum));
    name->entry = (uint32_t)entry;
    reading->index->entries[entry].named = 1;
    return ERR_OK;
}

static enum err index_on_line(void *context, uint64_t at, struct str line)
{
    struct index_reading *reading = context;
    struct batch_index *index = reading->index;
    if (index->count == reading->limits->lines_max || line.len > reading->limits->line_max) {
        return ERR_LIMIT;
    }
    void *entries = index->entries;
    if (!index_room(&entries, index->count, &index->cap, sizeof(*index->entries))) {
        return ERR_NO_MEMORY;
    }
    index->entries = entries;
    bool blank = json_trim(line).len == 0;
    index->entries[index->count] = (struct batch_entry){
        .at = at & ((UINT64_C(1) << 40) - 1),
        .len = (uint32_t)line.len,
        .state = BATCH_ENTRY_NEXT,
    };
    index->count++;
    if (blank) {
        index->entries[index->count - 1].state = BATCH_ENTRY_BLANK;
        return ERR_OK;
    }
    index->counts.total++;
    return index_note_name(reading, line, index->count - 1);
}

static int index_name_order(const void *left, const void *right)
{
    const struct index_name *a = left;
    const struct index_name *b = right;
    int order = memcmp(a->sum, b->sum, sizeof(a->sum));
    return order != 0 ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

static void index_find_repeats(const struct index_reading *reading)
{
    const struct index_name *names = reading->names;
    if (reading->name_count == 0) {
        return;
    }
    qsort(reading->names, reading->name_count, sizeof(*names), index_name_order);
    for (size_t i = 1; i < reading->name_count; i++) {
        if (memcmp(names[i - 1].sum, names[i].sum, sizeof(names[i].sum)) == 0) {
            reading->index->entries[names[i].entry].repeats = 1;
        }
    }
}

enum err batch_index_read(struct batch_index *index, int fd, const struct batch_limits *limits,
                          struct fail *fail)
{
    struct index_reading reading = { .index = index, .limits = limits };
    ASSERT(index->count == 0);
    enum err err = content_lines(fd, limits->line_max, index_on_line, &reading, NULL, fail);
    if (err == ERR_OK) {
        index_find_repeats(&reading);
    }
    mem_free(reading.names);
    return err;
}

/* ---- the journal ------------------------------------------------------------------------- */

void batch_index_end(struct batch_index *index, int64_t line, enum content_end end)
{
    ASSERT(line >= 1 && (size_t)line <= index->count);
    struct batch_entry *entry = &index->entries[line - 1];
    if (entry->state == BATCH_ENTRY_OVER || entry->state == BATCH_ENTRY_BLANK) {
        return;
    }
    entry->state = BATCH_ENTRY_OVER;
    switch (end) {
    case CONTENT_DONE:
        index->counts.completed++;
        break;
    case CONTENT_FAILED:
        index->counts.failed++;
        break;
    case CONTENT_EXPIRED:
        index->counts.expired++;
        break;
    case CONTENT_CANCELLED:
        index->counts.cancelled++;
        break;
    }
}

struct index_journal {
    struct batch_index *index;
    uint64_t hole; /* where one begins */
    bool has_hole;
};

/* A sync that failed, and a power loss behind later ones, leave a hole. What stands behind it is
 * asked again, and the books answer. An answer may be as deep as JSON may be here: its result is
 * deeper, and no hole. */
static enum err index_on_record(void *context, uint64_t at, struct str text)
{
    struct index_journal *journal = context;
    struct json_fault fault;
    int64_t line = 0;
    enum content_end end = CONTENT_DONE;
    struct str json;
    bool ours = content_journal_read(text, &line, &end, &json);
    enum err err = ours ? json_check(json, &fault) : ERR_JSON_SYNTAX;
    if (err != ERR_OK && err != ERR_JSON_DEPTH) {
        journal->has_hole = true;
        journal->hole = at;
        return ERR_IO;
    }
    if ((size_t)line > journal->index->count) {
        return ERR_IO; /* it is another batch's */
    }
    batch_index_end(journal->index, line, end);
    return ERR_OK;
}

enum err batch_index_read_journal(struct batch_index *index, int fd, size_t line_max,
                                  struct fail *fail)
{
    struct index_journal journal = { .index = index };
    uint64_t torn = 0;
    enum err err = content_lines(fd, line_max, index_on_record, &journal, &torn, fail);
    if (journal.has_hole) {
        torn = journal.hole;
    } else if (err != ERR_OK) {
        return err;
    }
    if (ftruncate(fd, (off_t)torn) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not mend a batch's journal");
    }
    return ERR_OK;
}
