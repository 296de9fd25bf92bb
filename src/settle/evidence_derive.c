#include "settle/evidence_derive.h"

#include "meter/usage.h"
#include "settle/evidence_chain.h"
#include "settle/evidence_report.h"
#include "settle/pack.h"
#include "wire/jsonw.h"

static const char *const derive_lifelines[] = {
    [EVIDENCE_MODEL_SOURCE] = "model_source",
    [EVIDENCE_DATA_OUTBOUND] = "data_outbound",
    [EVIDENCE_TARGET_MARKET] = "target_market",
    [EVIDENCE_FUNDS_RETURN] = "funds_return",
};

const char *evidence_lifeline_name(enum evidence_lifeline lifeline)
{
    return derive_lifelines[lifeline];
}

/* Money has come back when an invoice is paid, which no receipt shows. */
const char *evidence_lifeline_state(enum evidence_lifeline lifeline,
                                    const struct evidence_fold *fold)
{
    const int64_t gaps[] = {
        [EVIDENCE_MODEL_SOURCE] = fold->unchained + fold->no_registry,
        [EVIDENCE_DATA_OUTBOUND] = fold->unplaced,
        [EVIDENCE_TARGET_MARKET] = fold->unjudged,
        [EVIDENCE_FUNDS_RETURN] = 0,
    };
    if (lifeline == EVIDENCE_FUNDS_RETURN) {
        return "open";
    }
    return gaps[lifeline] + fold->erased > 0 ? "gaps" : "shown";
}

/* ---- tables as JSON ----------------------------------------------------------------------- */

static void derive_put_text(struct jsonw *json, struct str name, struct str text)
{
    char room[64];
    struct buf key = { room, 0, sizeof(room) - 1, sizeof(room) - 1 };
    EP_IGNORE(buf_append(&key, name)); /* words of our own: they fit */
    room[key.len] = '\0';
    jsonw_put_str(json, room, text);
}

static void derive_put_number(struct jsonw *json, struct str name, int64_t value)
{
    char text[24];
    struct buf number = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_i64(&number, value)); /* fits */
    derive_put_text(json, name, buf_str(&number));
}

static void derive_put_row(struct jsonw *json, enum evidence_table table,
                           const struct counts_row *row)
{
    struct str keys = evidence_table_keys(table);
    struct str values = evidence_table_values(table);
    for (size_t i = 0; keys.len > 0; i++) {
        derive_put_text(json, str_cut(&keys, ' '), row->keys[i]);
    }
    for (size_t i = 0; values.len > 0; i++) {
        derive_put_number(json, str_cut(&values, ' '), row->values[i]);
    }
}

static void derive_put_table(struct jsonw *json, const struct evidence_fold *fold,
                             enum evidence_table table)
{
    const struct counts *counts = &fold->tables[table];
    jsonw_key(json, evidence_table_name(table));
    jsonw_open(json, '[');
    for (size_t i = 0; i < counts->count; i++) {
        jsonw_open(json, '{');
        derive_put_row(json, table, counts->rows[i]);
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static enum err derive_end(struct jsonw *json)
{
    jsonw_put_str(json, "version", STR("1"));
    jsonw_close(json, '}');
    TRY(jsonw_err(json));
    return buf_byte(json->out, '\n');
}

/* ---- the files ---------------------------------------------------------------------------- */

static void figures_put_sums(struct jsonw *json, const struct evidence_fold *fold)
{
    const struct {
        struct str name;
        int64_t value;
    } sums[] = {
        { STR("erased"), fold->erased },       { STR("no_registry"), fold->no_registry },
        { STR("receipts"), fold->receipts },   { STR("served"), fold->served },
        { STR("straddled"), fold->straddled }, { STR("unchained"), fold->unchained },
        { STR("unjudged"), fold->unjudged },   { STR("unplaced"), fold->unplaced },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(sums); i++) {
        derive_put_number(json, sums[i].name, sums[i].value);
    }
}

static enum err derive_figures(const struct evidence_basis *basis, struct buf *out,
                               struct fail *fail)
{
    const struct evidence_fold *fold = basis->fold;
    struct jsonw json;
    (void)fail; /* memory alone can be short */
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    for (unsigned i = 0; i < EVIDENCE_TABLE_COUNT; i++) {
        /* Of what is no token there is a table where any was used: packs of before have none. */
        bool units = i == EVIDENCE_UNITS && basis->fold->tables[i].count == 0;
        if (i != EVIDENCE_USAGE && !units) {
            derive_put_table(&json, fold, (enum evidence_table)i);
        }
    }
    jsonw_key(&json, "lifelines");
    jsonw_open(&json, '{');
    for (unsigned i = 0; i < EVIDENCE_LIFELINES; i++) {
        enum evidence_lifeline lifeline = (enum evidence_lifeline)i;
        jsonw_put_str(&json, evidence_lifeline_name(lifeline),
                      str_from(evidence_lifeline_state(lifeline, fold)));
    }
    jsonw_close(&json, '}');
    jsonw_key(&json, "sums");
    jsonw_open(&json, '{');
    figures_put_sums(&json, fold);
    jsonw_close(&json, '}');
    return derive_end(&json);
}

static void usage_put_tokens(struct jsonw *json, const struct counts_row *row,
                             enum evidence_tokens which)
{
    const int64_t *tokens = &row->values[EVIDENCE_USAGE_FIXED + which * EVIDENCE_CLASSES];
    jsonw_key(json, evidence_tokens_name(which));
    jsonw_open(json, '{');
    for (unsigned i = 0; i < EVIDENCE_CLASSES; i++) {
        if (tokens[i] != 0) {
            derive_put_number(json, str_from(usage_name((enum usage_class)i)), tokens[i]);
        }
    }
    jsonw_close(json, '}');
}

static enum err derive_usage(const struct evidence_basis *basis, struct buf *out, struct fail *fail)
{
    const struct counts *counts = &basis->fold->tables[EVIDENCE_USAGE];
    struct jsonw json;
    (void)fail; /* memory alone can be short */
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, evidence_table_name(EVIDENCE_USAGE));
    jsonw_open(&json, '[');
    for (size_t i = 0; i < counts->count; i++) {
        jsonw_open(&json, '{');
        derive_put_row(&json, EVIDENCE_USAGE, counts->rows[i]);
        for (unsigned k = 0; k < EVIDENCE_TOKENS; k++) {
            usage_put_tokens(&json, counts->rows[i], (enum evidence_tokens)k);
        }
        jsonw_close(&json, '}');
    }
    jsonw_close(&json, ']');
    return derive_end(&json);
}

static enum err derive_refusals(const struct evidence_basis *basis, struct buf *out,
                                struct fail *fail)
{
    const struct evidence_fold *fold = basis->fold;
    struct jsonw json;
    (void)fail; /* memory alone can be short */
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "calls");
    jsonw_open(&json, '[');
    if (fold->refused.len > 0) {
        jsonw_raw(&json, buf_str(&fold->refused));
    }
    jsonw_close(&json, ']');
    derive_put_number(&json, STR("calls_left_out"), fold->refused_left_out);
    derive_put_table(&json, fold, EVIDENCE_REASONS);
    derive_put_table(&json, fold, EVIDENCE_REFUSALS);
    return derive_end(&json);
}

static enum err derive_grants(const struct evidence_basis *basis, struct buf *out,
                              struct fail *fail)
{
    return evidence_grants_print(basis->fold, out, fail);
}

static enum err derive_terms(const struct evidence_basis *basis, struct buf *out, struct fail *fail)
{
    return evidence_terms_print(basis->head, basis->fold, out, fail);
}

static enum err derive_readme(const struct evidence_basis *basis, struct buf *out,
                              struct fail *fail)
{
    (void)fail; /* memory alone can be short */
    TRY(buf_printf(out,
                   "The calls of client " STR_FMT " that ended from " STR_FMT " until " STR_FMT
                   ",\nas the log \"" STR_FMT "\" has them. Begin with report.html.\n\n",
                   STR_ARG(basis->head->client), STR_ARG(basis->head->from),
                   STR_ARG(basis->head->until), STR_ARG(basis->head->origin)));
    return buf_append(
        out,
        STR("  report.html           what happened, for people\n"
            "  figures.json          every figure of the report\n"
            "  usage.json            usage by month, key and model\n"
            "  refusals.json         refusals by rule, and all reasons\n"
            "  grants.json           the grants and agreements that admitted the calls\n"
            "  data_terms.json       data terms, and who else touches content\n"
            "  findings.json         where upstreams reported other usage than was counted\n"
            "  receipts/             a line a receipt, with what proves its place in the log\n"
            "  checkpoint            the log's signed size and root\n"
            "  registry/             the registry's versions that were in force, and who signed\n"
            "  pack.json             whose pack this is\n"
            "  manifest.sha256       SHA-256 of each file; `sha256sum -c` checks it\n"
            "  manifest.note         the log's signature over it\n\n"
            "To check all of it, without the operator's books, with the log's public key, which\n"
            "you have from your contract and not from here:\n\n"
            "  entrepot evidence verify PACK.zip --key VKEY\n\n"
            "docs/evidence.md of Entrepot says what each file is, and what a pack proves.\n"));
}

struct derive_file {
    struct str name;
    size_t max;
    enum err (*print)(const struct evidence_basis *basis, struct buf *out, struct fail *fail);
};

static const struct derive_file derive_files[] = {
    { STR_INIT("README.txt"), 65536, derive_readme },
    { STR_INIT("data_terms.json"), PACK_FILE_MAX, derive_terms },
    { STR_INIT("figures.json"), PACK_FILE_MAX, derive_figures },
    { STR_INIT("grants.json"), PACK_FILE_MAX, derive_grants },
    { STR_INIT("refusals.json"), PACK_FILE_MAX, derive_refusals },
    { STR_INIT("report.html"), PACK_FILE_MAX, evidence_report_print },
    { STR_INIT("usage.json"), PACK_FILE_MAX, derive_usage },
};

bool evidence_is_prose(struct str name)
{
    return str_eq(name, STR("README.txt")) || str_eq(name, STR("report.html"));
}

enum err evidence_derive(const struct evidence_basis *basis, evidence_put_fn *put, void *context,
                         struct fail *fail)
{
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < EP_ARRAY_LEN(derive_files); i++) {
        const struct derive_file *file = &derive_files[i];
        struct buf text;
        struct fail why = { .text = "" };
        buf_init(&text, file->max);
        err = file->print(basis, &text, &why);
        if (err != ERR_OK) {
            err = FAIL(fail, err, "could not make \"" STR_FMT "\": %s", STR_ARG(file->name),
                       why.text[0] != '\0' ? why.text : "it gets too large, or there is no memory");
        } else {
            err = put(context, file->name, buf_str(&text), fail);
        }
        buf_fini(&text);
    }
    return err;
}
