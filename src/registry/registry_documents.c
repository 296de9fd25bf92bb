#include <stdlib.h>

#include "base/enc.h"
#include "registry/registry_internal.h"

/*
 * Documents are evidence: what counts of one is that it lies there and has the sum that the object
 * says. Each is asked for once, however many objects name it.
 */

static int registry_note_order(const void *left, const void *right)
{
    const struct registry_note *const *a = left;
    const struct registry_note *const *b = right;
    return str_cmp((*a)->doc->file, (*b)->doc->file);
}

static enum registry_doc_state registry_doc_state(const struct registry_doc *doc,
                                                  const struct digest *sum)
{
    unsigned char want[DIGEST_BYTES];
    bool read = enc_hex_read(doc->sha256, want, sizeof(want));
    ASSERT(read); /* the reader has seen to it */
    return crypto_equal(digest_str(sum), (struct str){ (const char *)want, sizeof(want) })
               ? REGISTRY_DOC_FINE
               : REGISTRY_DOC_CHANGED;
}

/* What the chains rest on is told by the checks of chains. */
static void registry_doc_advise(struct registry_load *load, const struct registry_note *note)
{
    struct str file = note->doc->file;
    if (note->kind == REGISTRY_KIND_GRANT || note->kind == REGISTRY_KIND_AGREEMENT ||
        note->doc->state == REGISTRY_DOC_FINE) {
        return;
    }
    load->file = registry_kinds[note->kind].file;
    if (note->doc->state == REGISTRY_DOC_MISSING) {
        registry_fault(load, REGISTRY_RULE_DOC_MISSING, note->place,
                       "there is no \"" STR_FMT "\" that can be read", STR_ARG(file));
    } else {
        registry_fault(load, REGISTRY_RULE_DOC_CHANGED, note->place,
                       "\"" STR_FMT "\" has another sum than is written", STR_ARG(file));
    }
}

/* The notes of one file. */
static void registry_document(struct registry_load *load, struct registry_note **notes,
                              size_t count, registry_sum_fn *sum, void *context)
{
    struct digest digest;
    enum err err = sum(context, notes[0]->doc->file, &digest);
    if (err == ERR_NO_MEMORY) {
        load->err = err;
        return;
    }
    if (err == ERR_LIMIT) {
        load->file = registry_kinds[notes[0]->kind].file;
        registry_fault(load, REGISTRY_RULE_REG_LIMIT, notes[0]->place,
                       "\"" STR_FMT "\" is larger than %zu bytes", STR_ARG(notes[0]->doc->file),
                       REGISTRY_DOCUMENT_BYTES_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        struct registry_doc *doc = notes[i]->doc;
        doc->state = err == ERR_OK ? registry_doc_state(doc, &digest) : REGISTRY_DOC_MISSING;
        registry_doc_advise(load, notes[i]);
    }
}

void registry_documents(struct registry_load *load, registry_sum_fn *sum, void *context)
{
    struct registry_note **notes = registry_alloc(load, load->note_count, sizeof(*notes));
    size_t count = 0;
    for (struct registry_note *note = load->notes; notes != NULL && note != NULL;
         note = note->next) {
        notes[count++] = note;
    }
    if (notes == NULL) {
        return;
    }
    qsort(notes, count, sizeof(*notes), registry_note_order);
    size_t files = 0;
    for (size_t at = 0; at < count && load->err == ERR_OK;) {
        size_t end = at + 1;
        while (end < count && str_eq(notes[end]->doc->file, notes[at]->doc->file)) {
            end++;
        }
        if (files == REGISTRY_DOCUMENTS_MAX) {
            load->file = registry_kinds[notes[at]->kind].file;
            registry_fault(load, REGISTRY_RULE_REG_LIMIT, notes[at]->place,
                           "more than %d documents are named", REGISTRY_DOCUMENTS_MAX);
            return;
        }
        registry_document(load, notes + at, end - at, sum, context);
        files++;
        at = end;
    }
}
