/*
 * A receipt's document and a log of five leaves around it, made from their parts, so that a test
 * can exchange any one of them.
 */
#pragma once

#include "golden.h"
#include "receipts.h"
#include "tlog/receipt_doc.h"
#include "tlog/tile.h"

#define DOCS_ORIGIN "entrepot.example/receipts"
#define DOCS_LEAF   3
#define DOCS_SIZE   5
#define DOCS_BY_S   INT64_C(1764000012)

/* Texts of the document's members, JSON each; empty: there is no such member. */
struct docs_parts {
    struct str sections[RECEIPT_SECTIONS];
    struct str salts; /* the whole object */
    struct str entry;
    struct str leaf;
    struct str promise;
    struct str proof;
    struct str more; /* further members, each with a comma in front */
};

struct docs {
    struct receipt receipt;
    struct sign_key *secret;
    struct sign_key *witness_secret;
    struct note_key key;
    struct note_key witness;
    struct buf entry;
    struct buf salts;
    struct digest leaves[DOCS_SIZE];
    struct buf checkpoint; /* the signed note, with the witness's line */
    struct buf promise;
    struct buf proof;
    struct buf quoted_promise; /* as JSON strings */
    struct buf quoted_proof;
    struct buf document;
    struct docs_parts parts;
};

/* A tree_read_fn over five leaves. */
static inline enum err docs_read(void *context, unsigned level, int64_t index,
                                 struct digest *ret_hash)
{
    const struct docs *docs = context;
    CHECK((index + 1) << level <= DOCS_SIZE);
    *ret_hash = tile_subtree(&docs->leaves[index << level], (size_t)1 << level);
    return ERR_OK;
}

/* `text` as a JSON string; none of what it is used for needs more than these. */
static inline void docs_quote(struct str text, struct buf *out)
{
    buf_reset(out);
    CHECK(buf_byte(out, '"') == ERR_OK);
    for (size_t i = 0; i < text.len; i++) {
        struct str one = text.ptr[i] == '\n' ? STR("\\n") : str_slice(text, i, i + 1);
        CHECK(buf_append(out, one) == ERR_OK);
    }
    CHECK(buf_byte(out, '"') == ERR_OK);
}

static inline void docs_make_checkpoint(struct docs *docs)
{
    struct tree_edge edge = { 0 };
    for (size_t i = 0; i < DOCS_SIZE; i++) {
        tree_edge_add(&edge, &docs->leaves[i]);
    }
    const struct checkpoint checkpoint = {
        .origin = STR(DOCS_ORIGIN),
        .size = DOCS_SIZE,
        .root = tree_edge_root(&edge),
    };
    struct buf text;
    buf_init(&text, CHECKPOINT_TEXT_MAX);
    buf_reset(&docs->checkpoint);
    CHECK(checkpoint_print(&checkpoint, &text) == ERR_OK);
    CHECK(buf_append(&docs->checkpoint, buf_str(&text)) == ERR_OK);
    CHECK(buf_byte(&docs->checkpoint, '\n') == ERR_OK);
    CHECK(note_sign(buf_str(&text), &docs->key, docs->secret, 0, &docs->checkpoint) == ERR_OK);
    CHECK(note_sign(buf_str(&text), &docs->witness, docs->witness_secret, 1764000005,
                    &docs->checkpoint) == ERR_OK);
    buf_fini(&text);
}

static inline void docs_make_proof(struct docs *docs, int64_t leaf, struct str checkpoint)
{
    struct tree_path path;
    buf_reset(&docs->proof);
    CHECK(tree_inclusion(leaf, DOCS_SIZE, docs_read, docs, &path) == ERR_OK);
    CHECK(proof_print(buf_str(&docs->entry), leaf, &path, checkpoint, &docs->proof) == ERR_OK);
    docs_quote(buf_str(&docs->proof), &docs->quoted_proof);
    docs->parts.proof = buf_str(&docs->quoted_proof);
}

static inline void docs_make_promise(struct docs *docs, const struct receipt_promise *promise,
                                     const struct note_key *key, const struct sign_key *secret)
{
    buf_reset(&docs->promise);
    CHECK(receipt_promise_sign(promise, key, secret, &docs->promise) == ERR_OK);
    docs_quote(buf_str(&docs->promise), &docs->quoted_promise);
    docs->parts.promise = buf_str(&docs->quoted_promise);
}

static inline struct receipt_promise docs_promise(const struct docs *docs)
{
    return (struct receipt_promise){
        .origin = STR(DOCS_ORIGIN),
        .leaf = DOCS_LEAF,
        .leaf_hash = docs->leaves[DOCS_LEAF],
        .by_s = DOCS_BY_S,
    };
}

static inline void docs_make_salts(struct docs *docs)
{
    const char *comma = "{";
    buf_reset(&docs->salts);
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        CHECK(buf_printf(&docs->salts, "%s\"%s\":\"", comma,
                         receipt_section_name((enum receipt_section)i)) == ERR_OK);
        CHECK(enc_base64(&docs->salts, docs->receipt.salts[i], RECEIPT_SALT_BYTES) == ERR_OK);
        CHECK(buf_byte(&docs->salts, '"') == ERR_OK);
        comma = ",";
    }
    CHECK(buf_byte(&docs->salts, '}') == ERR_OK);
    docs->parts.salts = buf_str(&docs->salts);
}

static inline void docs_begin(struct docs *docs)
{
    *docs = (struct docs){ .secret = golden_secret(0), .witness_secret = golden_secret(64) };
    struct buf *const bufs[] = { &docs->entry,          &docs->salts,       &docs->checkpoint,
                                 &docs->promise,        &docs->proof,       &docs->document,
                                 &docs->quoted_promise, &docs->quoted_proof };
    for (size_t i = 0; i < EP_ARRAY_LEN(bufs); i++) {
        buf_init(bufs[i], 4 * RECEIPT_DOC_MAX);
    }
    docs->key = golden_key(docs->secret, DOCS_ORIGIN, NOTE_ED25519);
    docs->witness = golden_key(docs->witness_secret, "witness.example/w1", NOTE_COSIGNATURE);
    struct receipt_facts facts = receipts_facts((struct id){ { 1, 2, 3 } });
    receipt_init(&docs->receipt);
    CHECK(receipt_build(&docs->receipt, &facts) == ERR_OK);
    CHECK(receipt_entry(&docs->receipt, &docs->entry) == ERR_OK);
    for (int64_t i = 0; i < DOCS_SIZE; i++) {
        docs->leaves[i] = i == DOCS_LEAF ? tree_leaf_hash(buf_str(&docs->entry)) : golden_leaf(i);
    }
    docs_make_salts(docs);
    docs_make_checkpoint(docs);
    docs_make_proof(docs, DOCS_LEAF, buf_str(&docs->checkpoint));
    const struct receipt_promise promise = docs_promise(docs);
    docs_make_promise(docs, &promise, &docs->key, docs->secret);
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        docs->parts.sections[i] = buf_str(&docs->receipt.sections[i]);
    }
    docs->parts.entry = buf_str(&docs->entry);
    docs->parts.leaf = STR("3");
}

static inline void docs_end(struct docs *docs)
{
    struct buf *const bufs[] = { &docs->entry,          &docs->salts,       &docs->checkpoint,
                                 &docs->promise,        &docs->proof,       &docs->document,
                                 &docs->quoted_promise, &docs->quoted_proof };
    for (size_t i = 0; i < EP_ARRAY_LEN(bufs); i++) {
        buf_fini(bufs[i]);
    }
    receipt_fini(&docs->receipt);
    sign_key_destroy(docs->secret);
    sign_key_destroy(docs->witness_secret);
}

/* The document of these parts. */
static inline struct str docs_print(struct docs *docs, const struct docs_parts *parts)
{
    const struct {
        const char *name;
        struct str text;
    } members[] = {
        { "client", parts->sections[RECEIPT_CLIENT] },
        { "evidence", parts->sections[RECEIPT_EVIDENCE] },
        { "operator", parts->sections[RECEIPT_OPERATOR] },
        { "salts", parts->salts },
        { "entry", parts->entry },
        { "leaf", parts->leaf },
        { "promise", parts->promise },
        { "proof", parts->proof },
    };
    const char *comma = "";
    buf_reset(&docs->document);
    CHECK(buf_byte(&docs->document, '{') == ERR_OK);
    for (size_t i = 0; i < EP_ARRAY_LEN(members); i++) {
        if (members[i].text.len > 0) {
            CHECK(buf_printf(&docs->document, "%s\"%s\":" STR_FMT, comma, members[i].name,
                             STR_ARG(members[i].text)) == ERR_OK);
            comma = ",";
        }
    }
    CHECK(buf_append(&docs->document, parts->more) == ERR_OK);
    CHECK(buf_byte(&docs->document, '}') == ERR_OK);
    return test_at_page_end(buf_str(&docs->document));
}

/* A policy that wants the one witness. */
static inline struct quorum *docs_quorum(const struct docs *docs)
{
    struct quorum *quorum = NULL;
    struct buf text;
    buf_init(&text, QUORUM_BYTES_MAX);
    CHECK(buf_append(&text, STR("log ")) == ERR_OK);
    CHECK(note_key_print(&docs->key, &text) == ERR_OK);
    CHECK(buf_append(&text, STR("\nwitness w1 ")) == ERR_OK);
    CHECK(note_key_print(&docs->witness, &text) == ERR_OK);
    CHECK(buf_append(&text, STR("\nquorum w1\n")) == ERR_OK);
    CHECK(quorum_parse(buf_str(&text), &quorum, NULL) == ERR_OK);
    buf_fini(&text);
    return quorum;
}
