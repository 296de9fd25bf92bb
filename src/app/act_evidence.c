/* The act that packs what proves a client's calls of a period. */
#include <unistd.h>

#include "app/acts_internal.h"
#include "app/evidence_books.h"
#include "app/progress.h"
#include "base/stamp.h"
#include "ident/forget.h"
#include "ident/standing.h"

static const char *const evidence_columns[] = { "pack",     "client", "from",      "until",
                                                "receipts", "erased", "uncovered", "versions",
                                                "files",    "leaves", "over" };

struct evidence_asking {
    struct acting *acting;
    struct evidence_head head;
    struct evidence_law law;
    struct evidence_books books;
    struct evidence_order order;
    struct evidence_made made;
};

/* ---- the period --------------------------------------------------------------------------- */

/* A year, a month or a day, or a time, which begins and ends there. */
static bool evidence_take_period(struct str text, int64_t *ret_from_ns, int64_t *ret_until_ns)
{
    if (stamp_period(text, ret_from_ns, ret_until_ns)) {
        return true;
    }
    bool fine = stamp_parse(text, ret_from_ns);
    *ret_until_ns = *ret_from_ns;
    return fine;
}

/* "2026-11", or from the begin of the one until the end of the other: "2026-10..2026-12-15". */
static bool evidence_parse_period(struct str text, int64_t *ret_from_ns, int64_t *ret_until_ns)
{
    int64_t from_ns = 0;
    int64_t until_ns = 0;
    int64_t begin_ns = 0;
    size_t dots = str_search(text, STR(".."));
    if (dots == text.len) {
        return stamp_period(text, ret_from_ns, ret_until_ns);
    }
    if (!evidence_take_period(str_slice(text, 0, dots), &from_ns, &begin_ns) ||
        !evidence_take_period(str_from_at(text, dots + 2), &begin_ns, &until_ns) ||
        from_ns >= until_ns) {
        return false;
    }
    *ret_from_ns = from_ns;
    *ret_until_ns = until_ns;
    return true;
}

static enum err evidence_period(struct evidence_asking *asking)
{
    struct acting *acting = asking->acting;
    struct evidence_order *order = &asking->order;
    struct str text;
    TRY(acting_need(acting, "period", &text));
    if (!evidence_parse_period(text, &order->from_ns, &order->until_ns)) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"" STR_FMT "\" is no period such as 2026-11, or 2026-10..2026-12-15",
                    STR_ARG(text));
    }
    asking->head.over = order->until_ns <= stamp_system_ns();
    return ERR_OK;
}

/* ---- the head ----------------------------------------------------------------------------- */

static enum err evidence_keep(struct evidence_asking *asking, const struct buf *text,
                              struct str *ret_text)
{
    return arena_copy(&asking->head.arena, buf_str(text), ret_text)
               ? ERR_OK
               : FAIL(&asking->acting->fail, ERR_NO_MEMORY, "no memory for a pack");
}

static enum err evidence_stamp(struct evidence_asking *asking, int64_t ns, struct str *ret_text)
{
    char text[40];
    struct buf stamp = { text, 0, sizeof(text), sizeof(text) };
    if (ns > 0) {
        EP_IGNORE(stamp_print(&stamp, ns)); /* fits */
    }
    return evidence_keep(asking, &stamp, ret_text);
}

static enum err evidence_id(struct evidence_asking *asking, const char *prefix, struct id id,
                            struct str *ret_text)
{
    char text[ID_SHOWN_MAX];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(id_print(&shown, str_from(prefix), id)); /* fits */
    return evidence_keep(asking, &shown, ret_text);
}

/* Those that were made after the period served nothing in it. */
static enum err evidence_keys(struct evidence_asking *asking, const struct client *client)
{
    const struct ident *ident = asking->acting->world->ident;
    const struct api_key *key = NULL;
    while ((key = api_key_next(ident, key)) != NULL) {
        struct evidence_key shown = { .product = key->product, .name = key->name };
        if (key->client != client || key->created_ns >= asking->order.until_ns) {
            continue;
        }
        TRY(evidence_id(asking, IDENT_KEY_PREFIX, key->id, &shown.id));
        TRY(evidence_stamp(asking, key->created_ns, &shown.made));
        TRY(evidence_stamp(asking, api_key_revoked_ns(key), &shown.revoked));
        enum err err = evidence_head_add(&asking->head, &shown);
        if (err != ERR_OK) {
            return FAIL(&asking->acting->fail, err, "the client has more than %d keys",
                        EVIDENCE_KEYS_MAX);
        }
    }
    return ERR_OK;
}

static enum err evidence_client(struct evidence_asking *asking, const struct client *client)
{
    const struct standing *standing = client_standing(client);
    const struct registry_party *party =
        standing->party.len == 0 ? NULL : registry_party(asking->acting->registry, standing->party);
    struct evidence_head *head = &asking->head;
    char code[3] = "";
    country_t country = party != NULL ? party->jurisdiction : standing->country;
    if (country != COUNTRY_NONE) {
        country_text(country, code);
    }
    const struct buf text = { code, country == COUNTRY_NONE ? 0 : 2, sizeof(code), sizeof(code) };
    TRY(evidence_id(asking, IDENT_CLIENT_PREFIX, client->id, &head->client));
    TRY(evidence_stamp(asking, asking->order.from_ns, &head->from));
    TRY(evidence_stamp(asking, asking->order.until_ns, &head->until));
    TRY(evidence_keep(asking, &text, &head->country));
    head->program = STR(EP_VERSION);
    head->name = client->name;
    head->party = standing->party;
    return evidence_keys(asking, client);
}

static enum err evidence_key(struct evidence_asking *asking)
{
    struct acting *acting = asking->acting;
    const struct gate_log *log = world_log(acting->world);
    char text[NOTE_VKEY_MAX];
    struct buf vkey = { text, 0, sizeof(text), sizeof(text) };
    if (log == NULL) {
        acting->remedy = "run it as the user that runs the server";
        return FAIL(&acting->fail, ERR_IO, "the log's key, which signs packs, could not be read");
    }
    EP_IGNORE(note_key_print(&log->key, &vkey)); /* fits */
    asking->order.key = &log->key;
    asking->order.secret = log->secret;
    return evidence_keep(asking, &vkey, &asking->head.vkey);
}

/* ---- the act ------------------------------------------------------------------------------ */

static enum err evidence_run(void *context, struct store_txn *txn, struct fail *fail)
{
    struct evidence_asking *asking = context;
    struct progress progress;
    progress_begin(&progress, "packing", STDERR_FILENO);
    asking->order.progress = (struct store_progress){ progress_update, &progress };
    enum err err = evidence_make(txn, &asking->order, &asking->made, fail);
    progress_end(&progress);
    return err;
}

static enum err evidence_show(const struct evidence_asking *asking)
{
    const struct evidence_made *made = &asking->made;
    struct acting *acting = asking->acting;
    struct sheet sheet;
    sheet_init(&sheet, evidence_columns, EP_ARRAY_LEN(evidence_columns));
    sheet_str(&sheet, asking->order.path);
    sheet_str(&sheet, asking->head.client);
    sheet_str(&sheet, asking->head.from);
    sheet_str(&sheet, asking->head.until);
    sheet_int(&sheet, made->receipts);
    sheet_int(&sheet, made->erased);
    sheet_int(&sheet, made->uncovered);
    sheet_int(&sheet, made->versions);
    sheet_int(&sheet, made->files);
    sheet_int(&sheet, made->leaves);
    sheet_str(&sheet, asking->head.over ? STR("yes") : STR("no"));
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    if (err == ERR_OK && !asking->head.over) {
        err =
            buf_append(acting->errors, STR("entrepot: the period is not over: the pack says so\n"));
    }
    if (err == ERR_OK && made->uncovered > 0) {
        err = buf_printf(acting->errors,
                         "entrepot: %lld receipts are covered by no checkpoint yet, and are not in "
                         "the pack, which says so: make it again in some seconds\n",
                         (long long)made->uncovered);
    }
    return err;
}

/* Of a client that was erased no receipt says that it is this client's. */
static enum err evidence_find_client(struct acting *acting, const struct client **ret_client)
{
    TRY(acting_client(acting, ret_client));
    if (client_forgotten(*ret_client)) {
        acting->remedy = "no receipt says any more that it is theirs: a pack from before still "
                         "verifies";
        return FAIL(&acting->fail, ERR_CONFLICT, "the client was erased");
    }
    return ERR_OK;
}

static enum err evidence_do(struct evidence_asking *asking)
{
    struct acting *acting = asking->acting;
    struct evidence_order *order = &asking->order;
    const struct client *client = NULL;
    TRY(evidence_find_client(acting, &client));
    TRY(evidence_period(asking));
    TRY(acting_need(acting, "output", &order->path));
    TRY(evidence_client(asking, client));
    TRY(evidence_key(asking));
    asking->books = (struct evidence_books){ acting->world->store, &asking->head, order->from_ns,
                                             order->until_ns };
    TRY(evidence_books_law(&asking->books, &asking->law, &acting->fail));
    order->head = &asking->head;
    order->law = &asking->law;
    order->files = evidence_books_files;
    order->findings = evidence_books_findings;
    order->context = &asking->books;
    TRY(store_read(acting->world->store, evidence_run, asking, &acting->fail));
    return evidence_show(asking);
}

enum err act_evidence(struct acting *acting)
{
    struct evidence_asking asking = { .acting = acting };
    evidence_head_init(&asking.head);
    evidence_law_init(&asking.law);
    enum err err = evidence_do(&asking);
    evidence_law_fini(&asking.law);
    evidence_head_fini(&asking.head);
    return err;
}
