#include "law_sample.h"

static enum registry_doc_state state_with(unsigned file, const char *old, const char *fresh,
                                          enum registry_rule rule)
{
    struct registry_file files[LAW_FILES];
    char *copies[2];
    law_files(files);
    char *copy = sample_replace(files, file, old, fresh);
    law_sign(files, LAW_FILES, copies);
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    CHECK(registry_parse(files, LAW_FILES, &registry, &report) == ERR_OK);
    CHECK_EQ(report.refusals, 0);
    CHECK_EQ(report.count, rule == REGISTRY_RULE_COUNT ? 0U : 1U);
    CHECK(rule == REGISTRY_RULE_COUNT || law_found(&report, STR("networks.yaml"), rule));
    enum registry_doc_state state = registry->networks[0].evidence.state;
    registry_unref(registry);
    registry_report_fini(&report);
    mem_free(copy);
    mem_free(copies[0]);
    mem_free(copies[1]);
    return state;
}

/* Evidence beside the chains does not refuse the registry: what it is to prove does not count. */
TEST(a_document_is_fine_with_its_sum_alone)
{
    CHECK_EQ(state_with(LAW_RANGE, "licence", "licence", REGISTRY_RULE_COUNT), REGISTRY_DOC_FINE);
    CHECK_EQ(state_with(LAW_RANGE, "licence", "Licence", REGISTRY_RULE_DOC_CHANGED),
             REGISTRY_DOC_CHANGED);
    CHECK_EQ(
        state_with(LAW_NETWORKS, "documents/n1.txt", "documents/n2.txt", REGISTRY_RULE_DOC_MISSING),
        REGISTRY_DOC_MISSING);
}

TEST(an_entity_that_names_no_document_has_none)
{
    struct registry *registry = law_load();
    CHECK_EQ(registry->procurements[0].doc.state, REGISTRY_DOC_NONE);
    CHECK_EQ(registry->grants[0].doc.state, REGISTRY_DOC_FINE);
    CHECK_EQ(registry->agreements[0].doc.state, REGISTRY_DOC_FINE);
    CHECK_EQ(registry->agreements[1].doc.state, REGISTRY_DOC_FINE); /* the same file */
    registry_unref(registry);
}

static enum err sum_too_large(void *context, struct str name, struct digest *ret_sum)
{
    (void)context;
    (void)name;
    (void)ret_sum;
    return ERR_LIMIT;
}

static enum err sum_any(void *context, struct str name, struct digest *ret_sum)
{
    size_t *asked = context;
    *asked += 1;
    *ret_sum = digest_sha256(name);
    return ERR_OK;
}

struct doc_load {
    struct registry_owner owner;
    struct registry_report report;
    struct registry_load load;
    struct registry_doc *docs;
    struct registry_note *notes;
};

/* `count` notes, of which each names a file of its own, or all the same. */
static void doc_load_init(struct doc_load *doc, size_t count, bool same)
{
    *doc = (struct doc_load){ .docs = NULL };
    arena_init(&doc->owner.arena, 4096, (size_t)64 << 20);
    registry_report_init(&doc->report);
    doc->load = (struct registry_load){ .owner = &doc->owner, .report = &doc->report };
    doc->docs = registry_alloc(&doc->load, count, sizeof(*doc->docs));
    doc->notes = registry_alloc(&doc->load, count, sizeof(*doc->notes));
    for (size_t i = 0; i < count; i++) {
        char text[64];
        struct buf name = { text, 0, sizeof(text), sizeof(text) };
        CHECK(buf_printf(&name, "documents/%zu", same ? 0 : i) == ERR_OK);
        doc->docs[i].sha256 = STR(LAW_SUM);
        CHECK(registry_copy(&doc->load, buf_str(&name), &doc->docs[i].file));
        doc->notes[i] = (struct registry_note){ .doc = &doc->docs[i],
                                                .kind = REGISTRY_KIND_NETWORK,
                                                .next = doc->load.notes };
        doc->load.notes = &doc->notes[i];
        doc->load.note_count++;
    }
}

static void doc_load_fini(struct doc_load *doc)
{
    registry_report_fini(&doc->report);
    arena_fini(&doc->owner.arena);
}

TEST(a_file_is_read_once_however_often_it_is_named)
{
    struct doc_load doc;
    size_t asked = 0;
    doc_load_init(&doc, 100, true);
    registry_documents(&doc.load, sum_any, &asked);
    CHECK_EQ(asked, 1);
    for (size_t i = 0; i < 100; i++) {
        CHECK_EQ(doc.docs[i].state, REGISTRY_DOC_CHANGED);
    }
    doc_load_fini(&doc);
}

TEST(there_is_a_limit_to_the_number_of_documents)
{
    for (size_t over = 0; over < 2; over++) {
        struct doc_load doc;
        size_t asked = 0;
        doc_load_init(&doc, REGISTRY_DOCUMENTS_MAX + over, false);
        registry_documents(&doc.load, sum_any, &asked);
        CHECK_EQ(asked, REGISTRY_DOCUMENTS_MAX);
        CHECK_EQ(doc.report.refusals, over);
        doc_load_fini(&doc);
    }
}

TEST(a_document_that_is_too_large_refuses_the_registry)
{
    struct doc_load doc;
    doc_load_init(&doc, 1, false);
    registry_documents(&doc.load, sum_too_large, NULL);
    CHECK_EQ(doc.report.refusals, 1);
    CHECK_EQ(doc.docs[0].state, REGISTRY_DOC_MISSING);
    doc_load_fini(&doc);
}
