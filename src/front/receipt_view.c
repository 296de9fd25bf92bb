#include "front/receipt_view.h"

#include "base/enc.h"
#include "base/stamp.h"
#include "gate/gate.h"
#include "tlog/publish.h"
#include "tlog/receipt_doc.h"
#include "wire/jsonw.h"

#define VIEW_PROMISE_MAX 2048 /* two names of at most 255 bytes, a hash and a signature */

static void view_put_raw(struct jsonw *json, const char *key, struct str value)
{
    jsonw_key(json, key);
    if (value.len == 0) {
        jsonw_null(json); /* erased */
    } else {
        jsonw_raw(json, value);
    }
}

static void view_put_text(struct jsonw *json, const char *key, struct str text)
{
    jsonw_key(json, key);
    if (text.len == 0) {
        jsonw_null(json);
    } else {
        jsonw_str(json, text);
    }
}

static void view_put_sections(struct jsonw *json, const struct receipt_view *view)
{
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        if ((view->sections >> i & 1U) != 0) {
            view_put_raw(json, receipt_section_name((enum receipt_section)i),
                         view->found->sections[i]);
        }
    }
    jsonw_key(json, "salts");
    jsonw_open(json, '{');
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        char text[4 * RECEIPT_SALT_BYTES];
        struct buf base64 = { text, 0, sizeof(text), sizeof(text) };
        struct str salt = view->found->salts[i];
        if ((view->sections >> i & 1U) != 0) {
            EP_IGNORE(enc_base64(&base64, salt.ptr, salt.len)); /* sixteen bytes fit */
            view_put_text(json, receipt_section_name((enum receipt_section)i), buf_str(&base64));
        }
    }
    jsonw_close(json, '}');
}

/* ---- by when the log covers it ------------------------------------------------------------- */

static const struct store_sql sql_appended = { "SELECT appended_ns FROM leaf WHERE id = ?1" };

static enum err view_on_appended(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

/* The same of each asking: whoever was promised twice was promised one thing. */
static enum err view_promise(const struct receipt_view *view, struct buf *out, struct fail *fail)
{
    if (view->log == NULL || view->log->secret == NULL) {
        return ERR_OK;
    }
    int64_t appended_ns = 0;
    const struct store_value leaf = STORE_I(view->found->leaf);
    TRY(store_query(view->txn, &sql_appended, &leaf, 1, view_on_appended, &appended_ns, fail));
    const struct receipt_promise promise = {
        .origin = str_from(view->log->key.name),
        .leaf = view->found->leaf,
        .leaf_hash = tree_leaf_hash(view->found->entry),
        .by_s = appended_ns / STAMP_NS_PER_S + 1 + RECEIPT_PROMISE_S, /* of a second that began */
    };
    return receipt_promise_sign(&promise, &view->log->key, view->log->secret, out);
}

/* ---- the document -------------------------------------------------------------------------- */

static enum err view_put_log(struct jsonw *json, const struct gate_log *log)
{
    char text[NOTE_VKEY_MAX];
    struct buf vkey = { text, 0, sizeof(text), sizeof(text) };
    jsonw_key(json, "log");
    if (log == NULL) {
        jsonw_null(json);
        return ERR_OK;
    }
    TRY(note_key_print(&log->key, &vkey));
    jsonw_open(json, '{');
    jsonw_put_str(json, "origin", str_from(log->key.name));
    jsonw_put_str(json, "key", buf_str(&vkey));
    jsonw_close(json, '}');
    return ERR_OK;
}

static enum err view_write(const struct receipt_view *view, struct str promise, struct str proof,
                           struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    view_put_sections(&json, view);
    jsonw_key(&json, "entry");
    jsonw_raw(&json, view->found->entry);
    jsonw_put_int(&json, "leaf", view->found->leaf);
    view_put_text(&json, "promise", promise);
    view_put_text(&json, "proof", proof);
    TRY(view_put_log(&json, view->log));
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

enum err receipt_view_write(const struct receipt_view *view, struct buf *out, struct fail *fail)
{
    char text[VIEW_PROMISE_MAX];
    struct buf promise = { text, 0, sizeof(text), sizeof(text) };
    struct buf proof;
    buf_init(&proof, PROOF_TEXT_MAX);
    TRY(view_promise(view, &promise, fail));
    enum err err = published_proof(view->txn, view->found->leaf, &proof, fail);
    if (err == ERR_NOT_FOUND) { /* not covered yet */
        buf_reset(&proof);
        err = ERR_OK;
    }
    err = err == ERR_OK ? view_write(view, buf_str(&promise), buf_str(&proof), out) : err;
    buf_fini(&proof);
    return err;
}
