#include "settle/evidence_report.h"

#include "base/enc.h"
#include "base/stamp.h"
#include "policy/facts.h"
#include "registry/registry_signing.h"
#include "settle/evidence_chain.h"
#include "settle/evidence_report_internal.h"
#include "settle/report_style.h"
#include "wire/json.h"

/* ---- bars --------------------------------------------------------------------------------- */

static const char *const report_served[] = { "taken", "refused" };
static const char *const report_calls[] = { "calls" };

static void report_bar_lane(const struct counts_row *row, struct html_bar *bar)
{
    report_bar_pair(row, bar);
    html_bar_label(bar, STR_FMT " \xe2\x86\x92 " STR_FMT "%s" STR_FMT,
                   STR_ARG(report_shown(row->keys[0], "unknown")),
                   STR_ARG(report_shown(row->keys[2], "not processed")),
                   row->keys[1].len > 0 ? ", via " : "", STR_ARG(row->keys[1]));
}

static void report_bar_source(const struct counts_row *row, struct html_bar *bar)
{
    report_bar_one(row, bar);
    html_bar_label(
        bar, STR_FMT ", by " STR_FMT, STR_ARG(report_shown(row->keys[3], "no model")),
        STR_ARG(report_shown(row->keys[1].len > 0 ? row->keys[1] : row->keys[2], "nobody")));
}

static void report_bar_outcome(const struct counts_row *row, struct html_bar *bar)
{
    report_bar_one(row, bar);
    html_bar_label(bar, STR_FMT "%s" STR_FMT, STR_ARG(row->keys[0]),
                   row->keys[1].len > 0 ? ", " : "", STR_ARG(row->keys[1]));
}

static void report_bar_market(const struct counts_row *row, struct html_bar *bar)
{
    report_bar_pair(row, bar);
    html_bar_label(bar, STR_FMT, STR_ARG(report_shown(row->keys[0], "not said")));
}

static void report_bar_refusal(const struct counts_row *row, struct html_bar *bar)
{
    report_bar_one(row, bar);
    html_bar_label(bar, STR_FMT "%s" STR_FMT, STR_ARG(row->keys[0]),
                   row->keys[0].len > 0 ? " " : "", STR_ARG(row->keys[1]));
}

/* ---- the head ----------------------------------------------------------------------------- */

static void report_fact(struct html *html, const char *name, struct str value)
{
    html_raw(html, "<tr><th>");
    html_raw(html, name);
    html_raw(html, "</th>");
    report_cell(html, value);
    html_raw(html, "</tr>\n");
}

static void report_warn(struct html *html, bool when, int64_t count, const char *text)
{
    if (when) {
        html_raw(html, "<p class=\"warn\">");
        if (count > 0) {
            html_int(html, count);
            html_raw(html, " ");
        }
        html_raw(html, text);
        html_raw(html, "</p>\n");
    }
}

static void report_warnings(struct report *report)
{
    const struct evidence_head *head = report->basis->head;
    const struct evidence_fold *fold = report->basis->fold;
    struct html *html = &report->html;
    report_warn(html, !head->over, 0,
                "The period was not over when this pack was made: calls may follow that are not in "
                "it.");
    report_warn(html, head->uncovered > 0, head->uncovered,
                "receipts of the period are not in this pack, because no checkpoint covered them "
                "yet.");
    report_warn(html, fold->erased > 0, fold->erased,
                "receipts have sections that were erased: they are in the log, and in no other "
                "figure of this report.");
    report_warn(html, fold->straddled > 0, fold->straddled,
                "calls were under way when something that had admitted them ended.");
    report_warn(html, fold->no_registry > 0, fold->no_registry,
                "calls name a version of the registry that is not in this pack.");
}

static void report_head(struct report *report)
{
    const struct evidence_head *head = report->basis->head;
    struct html *html = &report->html;
    char root_text[64];
    char size_text[24];
    struct buf root = { root_text, 0, sizeof(root_text), sizeof(root_text) };
    struct buf size = { size_text, 0, sizeof(size_text), sizeof(size_text) };
    EP_IGNORE(enc_base64(&root, report->basis->root.bytes, DIGEST_BYTES)); /* fits */
    EP_IGNORE(buf_i64(&size, head->leaves));                               /* likewise */
    html_raw(html, "<header><h1>Evidence of calls</h1><p class=\"lead\">");
    html_text(html, report_shown(head->name, "A client without a name"));
    html_raw(html, ", ");
    html_text(html, str_slice(head->from, 0, head->from.len < 10 ? head->from.len : 10));
    html_raw(html, " until ");
    html_text(html, str_slice(head->until, 0, head->until.len < 10 ? head->until.len : 10));
    html_raw(html, " (not included), UTC</p></header>\n");
    report_warnings(report);
    html_raw(html, "<table class=\"facts\"><tbody>\n");
    report_fact(html, "Client", head->client);
    report_fact(html, "Party of the registry", head->party);
    report_fact(html, "Country", head->country);
    report_fact(html, "From", head->from);
    report_fact(html, "Until", head->until);
    report_fact(html, "Log", head->origin);
    report_fact(html, "Checkpoint: leaves", buf_str(&size));
    report_fact(html, "Checkpoint: root", buf_str(&root));
    html_raw(html, "</tbody></table>\n");
}

static void report_card(struct html *html, const char *name, int64_t value)
{
    html_raw(html, "<div class=\"card\"><b>");
    html_int(html, value);
    html_raw(html, "</b><span>");
    html_raw(html, name);
    html_raw(html, "</span></div>\n");
}

static void report_cards(struct report *report)
{
    const struct counts *days = report_counts(report, EVIDENCE_DAYS);
    struct html *html = &report->html;
    html_raw(html, "<div class=\"cards\">\n");
    report_card(html, "receipts", report->basis->fold->receipts);
    for (size_t i = 0; i < EP_ARRAY_LEN(report_outcomes); i++) {
        report_card(html, report_outcomes[i], counts_sum(days, 1 + i));
    }
    html_raw(html, "</div>\n");
}

/* ---- the lifelines ------------------------------------------------------------------------ */

static void report_lifeline(struct report *report, enum evidence_lifeline lifeline,
                            const char *title, const char *text)
{
    const char *state = evidence_lifeline_state(lifeline, report->basis->fold);
    struct html *html = &report->html;
    html_raw(html, "<section><h2>");
    html_raw(html, title);
    html_raw(html, " <span class=\"state ");
    html_raw(html, state);
    html_raw(html, "\">");
    html_raw(html, state);
    html_raw(html, "</span></h2><p>");
    html_raw(html, text);
    html_raw(html, "</p>\n");
}

static void report_grants(struct html *html, const struct policy_chain *chain)
{
    char text[4096];
    struct buf list = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(policy_print_chain(chain, &list)); /* what fits, in whole lines */
    struct str rest = buf_str(&list);
    while (rest.len > 0) {
        html_raw(html, "<div class=\"sum\">");
        html_text(html, str_cut(&rest, '\n'));
        html_raw(html, "</div>");
    }
}

static enum err report_on_chain(void *context, const struct evidence_chain *chain)
{
    struct report *report = context;
    struct html *html = &report->html;
    char text[24];
    struct buf number = { text, 0, sizeof(text), sizeof(text) };
    if (chain->version != NULL) {
        EP_IGNORE(buf_i64(&number, chain->version->seq)); /* fits */
    }
    html_raw(html, "<tr>");
    report_cell(html, chain->row->keys[2]);
    report_cell(html, buf_str(&number));
    html_raw(html, "<td>");
    if (chain->route == NULL) {
        html_raw(html, "<i>not shown</i> ");
        html_text(html, chain->row->keys[1]);
    } else {
        report_grants(html, &chain->route->chain);
    }
    html_raw(html, "</td><td class=\"n\">");
    html_int(html, chain->row->values[0]);
    html_raw(html, "</td></tr>\n");
    return html_err(html);
}

static enum err report_model_source(struct report *report)
{
    static const struct report_kinds kinds = { EVIDENCE_SOURCES, "Calls by source", report_calls, 1,
                                               report_bar_source };
    static const struct report_shape sources = { EVIDENCE_SOURCES,
                                                 "Vendor|Upstream|Route|Model|Calls|Amount",
                                                 "No call reached a source.",
                                                 1,
                                                 2,
                                                 "figures.json" };
    struct html *html = &report->html;
    report_lifeline(
        report, EVIDENCE_MODEL_SOURCE, "Model source",
        "Who made the model, who served it, and by which grants it was sold: each chain "
        "begins at the vendor and ends at the agreement with the client. Beside each "
        "grant stands the SHA-256 of the document that was signed.");
    report_kinds(report, &kinds);
    report_table(report, &sources);
    if (report_counts(report, EVIDENCE_CHAINS)->count > 0) {
        report_heads(html, "Route|Registry|Grants and agreement, with their documents|Calls", 3);
        TRY(evidence_chains(report->basis->fold, report_on_chain, report, report->fail));
        html_raw(html, "</tbody></table>\n");
    }
    html_raw(html, "</section>\n");
    return html_err(html);
}

static void report_data_outbound(struct report *report)
{
    static const struct report_kinds kinds = { EVIDENCE_LANES, "Calls by lane", report_served, 2,
                                               report_bar_lane };
    static const struct report_shape lanes = { EVIDENCE_LANES,
                                               "Origin|Came by|Processed in|Left by|Calls|Refused",
                                               "There were no calls.",
                                               SIZE_MAX,
                                               2,
                                               "figures.json" };
    static const struct report_shape terms = {
        EVIDENCE_TERMS, "Product|Mode|Data agreement|Calls", "There were no calls.", SIZE_MAX, 1,
        "figures.json"
    };
    static const struct report_shape detected = {
        EVIDENCE_DETECTED,
        "Class of content|Times|Calls",
        "Nothing was found in content, or it was not looked for: it is in products of zones alone.",
        SIZE_MAX,
        2,
        "figures.json"
    };
    report_lifeline(report, EVIDENCE_DATA_OUTBOUND, "Data outbound",
                    "Where each call came from, where it was processed, and which data agreement "
                    "was in force. Terms and subprocessors by date are in data_terms.json.");
    report_kinds(report, &kinds);
    report_table(report, &lanes);
    html_raw(&report->html, "<h3>Data agreements</h3>\n");
    report_table(report, &terms);
    html_raw(&report->html, "<h3>Found in content</h3>\n");
    report_table(report, &detected);
    html_raw(&report->html, "</section>\n");
}

static void report_target_market(struct report *report)
{
    static const struct report_kinds kinds = { EVIDENCE_MARKETS, "Calls by market that was said",
                                               report_served, 2, report_bar_market };
    static const struct report_shape origins = { EVIDENCE_ORIGINS,
                                                 "Countries of the address|Calls|"
                                                 "Refused",
                                                 "There were no calls.",
                                                 SIZE_MAX,
                                                 2,
                                                 "figures.json" };
    report_lifeline(
        report, EVIDENCE_TARGET_MARKET, "Target market",
        "For which market a call was said to be, and which countries its address is of. "
        "Each call that was served was judged against the markets of its grants.");
    report_kinds(report, &kinds);
    report_table(report, &origins);
    html_raw(&report->html, "</section>\n");
}

static void report_funds_return(struct report *report)
{
    static const struct report_shape outcomes = {
        EVIDENCE_OUTCOMES, "Outcome|Currency|Calls|Amount", "There were no calls.", 1, 2,
        "figures.json"
    };
    report_lifeline(
        report, EVIDENCE_FUNDS_RETURN, "Funds return",
        "Open. The amounts below were charged to prepaid credit. That the money came "
        "back to those who granted the model is shown by statements and invoices, which "
        "come with settlement: this pack does not show it.");
    report_table(report, &outcomes);
    html_raw(&report->html, "</section>\n");
}

/* ---- refusals, usage, findings ------------------------------------------------------------ */

static void report_refusals(struct report *report)
{
    static const struct report_kinds kinds = { EVIDENCE_REFUSALS, "Refused calls by rule",
                                               report_calls, 1, report_bar_refusal };
    static const struct report_shape refusals = {
        EVIDENCE_REFUSALS, "Rule|Code|Calls", "No call was refused.", SIZE_MAX, 1, "refusals.json"
    };
    static const struct report_shape reasons = { EVIDENCE_REASONS,
                                                 "Rule|Reason|Times",
                                                 "No rule spoke against a call or a route.",
                                                 SIZE_MAX,
                                                 1,
                                                 "refusals.json" };
    html_raw(&report->html,
             "<section><h2>Refusals</h2><p>By the rule that was told to the client. A code without "
             "a rule is not of the law: credit, limits, a request that could not be read.</p>\n");
    report_kinds(report, &kinds);
    report_table(report, &refusals);
    html_raw(&report->html, "<h3>All reasons, also against single routes of served calls</h3>\n");
    report_table(report, &reasons);
    html_raw(&report->html, "</section>\n");
}

static void report_usage(struct report *report)
{
    static const struct report_kinds kinds = { EVIDENCE_OUTCOMES, "Calls by outcome", report_calls,
                                               1, report_bar_outcome };
    static const struct report_shape usage = {
        EVIDENCE_USAGE,
        "Month|Key|Model|Currency|Calls|Complete|Interrupted|Failed|Refused|Amount",
        "Nothing was used.",
        5,
        EVIDENCE_USAGE_FIXED,
        "usage.json"
    };
    static const struct report_shape tries = {
        EVIDENCE_TRIES, "Route|Outcome|Tries", "No upstream was tried.", SIZE_MAX, 1, "figures.json"
    };
    html_raw(
        &report->html,
        "<section><h2>Usage</h2><p>Tokens by class, as they were counted, reported and billed, "
        "are in usage.json.</p>\n");
    report_kinds(report, &kinds);
    report_table(report, &usage);
    html_raw(&report->html, "<h3>Tries at upstreams</h3>\n");
    report_table(report, &tries);
    html_raw(&report->html, "</section>\n");
}

/* The members that people are shown; texts without escapes, or as they stand. */
static void report_finding(struct html *html, struct str object)
{
    static const char *const names[] = { "finding", "route", "model",  "side",
                                         "kind",    "found", "cleared" };
    html_raw(html, "<tr>");
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        char room[256];
        struct buf text = { room, 0, sizeof(room), sizeof(room) };
        struct str value = json_get(object, str_from(names[i]));
        bool fine = value.len > 0 && json_kind(value) == JSON_STRING && json_decode(value, &text);
        report_cell(html, fine ? buf_str(&text) : STR_EMPTY);
    }
    html_raw(html, "</tr>\n");
}

static void report_findings(struct report *report)
{
    struct html *html = &report->html;
    struct str item;
    struct str list = json_get(report->basis->findings, STR("findings"));
    struct str rest = list.len > 0 && json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    size_t count = 0;
    html_raw(html, "<section><h2>Usage check</h2><p>Where an upstream's reports differ from the "
                   "operator's own count in a way that is no chance. Until a finding is cleared, "
                   "calls of its route are billed by the operator's count.</p>\n");
    while (json_next_item(&rest, &item)) {
        if (count == 0) {
            report_heads(html, "Finding|Route|Model|Side|Kind|Found|Cleared", 7);
        }
        if (count++ < EVIDENCE_REPORT_ROWS) {
            report_finding(html, item);
        }
    }
    if (count == 0) {
        html_raw(html, "<p>No finding concerns a route that served these calls.</p>\n");
    } else {
        report_more(html, count, EVIDENCE_FILE_FINDINGS);
    }
    html_raw(html, "</section>\n");
}

/* ---- the registry, and the end ------------------------------------------------------------ */

/* Not broken at its hyphens. */
static void report_time(struct html *html, struct str text)
{
    html_raw(html, "<td class=\"t\">");
    html_text(html, text);
    html_raw(html, "</td>");
}

static void report_version(struct html *html, const struct evidence_version *version)
{
    char from_text[40];
    char until_text[40];
    char hash_text[2 * DIGEST_BYTES];
    struct buf from = { from_text, 0, sizeof(from_text), sizeof(from_text) };
    struct buf until = { until_text, 0, sizeof(until_text), sizeof(until_text) };
    struct buf hash = { hash_text, 0, sizeof(hash_text), sizeof(hash_text) };
    EP_IGNORE(stamp_print(&from, version->from_ns)); /* fits */
    if (version->until_ns != INT64_MAX) {
        EP_IGNORE(stamp_print(&until, version->until_ns)); /* likewise */
    }
    EP_IGNORE(enc_hex(&hash, version->hash.bytes, DIGEST_BYTES)); /* likewise */
    html_raw(html, "<tr><td>");
    html_plain(html, version->seq);
    html_raw(html, "</td>");
    report_time(html, buf_str(&from));
    report_time(html, until.len == 0 ? STR("still") : buf_str(&until));
    report_cell(html, str_from(version->signers[REGISTRY_ROLE_ENTERED].person));
    report_cell(html, str_from(version->signers[REGISTRY_ROLE_REVIEWED].person));
    html_raw(html, "<td class=\"sum\">");
    html_text(html, buf_str(&hash));
    html_raw(html, "</td></tr>\n");
}

static void report_registry(struct report *report)
{
    const struct evidence_law *law = report->basis->fold->law;
    struct html *html = &report->html;
    html_raw(html,
             "<section><h2>Registry</h2><p>The versions that were in force during the period, "
             "and those that calls were judged by. Two persons signed each.</p>\n");
    report_heads(html, "Version|From|Until|Entered by|Reviewed by|SHA-256 of its content", 6);
    for (size_t i = 0; i < law->count; i++) {
        if (law->versions[i].wanted) {
            report_version(html, &law->versions[i]);
        }
    }
    html_raw(html, "</tbody></table></section>\n");
}

static void report_foot(struct report *report)
{
    html_raw(
        &report->html,
        "<section><h2>What this pack proves, and what it does not</h2><ul>\n"
        "<li>Each receipt is a leaf of the log that the checkpoint signs, word for word: it cannot "
        "have been written or changed afterwards.</li>\n"
        "<li>Each decision can be judged again by the registry of its time, which is here.</li>\n"
        "<li>Every figure and every chart follows from the receipts, and is made again when the "
        "pack is checked.</li>\n"
        "<li>That no receipt was left out is not shown: the log does not say whose its leaves are. "
        "Whoever has receipts of his own, such as the client, finds each of them here, or missing."
        "</li>\n"
        "<li>Findings of the usage check, and whose API keys these are, are the operator's word, "
        "under his signature.</li>\n"
        "</ul><p>Check it: <code>entrepot evidence verify PACK.zip --key VKEY</code></p></section>"
        "\n</main></body></html>\n");
}

static enum err report_body(struct report *report)
{
    struct html *html = &report->html;
    html_raw(html, REPORT_TOP);
    html_text(html, report->basis->head->client);
    html_raw(html, REPORT_STYLE);
    report_head(report);
    report_cards(report);
    report_days(report);
    TRY(report_model_source(report));
    report_data_outbound(report);
    report_target_market(report);
    report_funds_return(report);
    report_refusals(report);
    report_usage(report);
    report_findings(report);
    report_registry(report);
    report_foot(report);
    return html_err(html);
}

enum err evidence_report_print(const struct evidence_basis *basis, struct buf *out,
                               struct fail *fail)
{
    struct report report = { .basis = basis, .fail = fail };
    html_init(&report.html, out);
    return report_body(&report);
}
