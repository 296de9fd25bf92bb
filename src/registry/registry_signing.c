#include "registry/registry_signing.h"

#include "base/enc.h"
#include "base/stamp.h"
#include "registry/registry_internal.h"

#define SIGNING_KEY      "signatures"
#define SIGNING_TEXT_MAX 256

static const char *const signing_roles[REGISTRY_ROLE_COUNT] = { "entered", "reviewed" };

const char *registry_role_name(enum registry_role role)
{
    ASSERT(role < REGISTRY_ROLE_COUNT);
    return signing_roles[role];
}

bool registry_role_parse(struct str text, enum registry_role *ret_role)
{
    for (unsigned i = 0; i < REGISTRY_ROLE_COUNT; i++) {
        if (str_eq(text, str_from(signing_roles[i]))) {
            *ret_role = (enum registry_role)i;
            return true;
        }
    }
    return false;
}

/* ---- writing ------------------------------------------------------------------------------ */

enum err registry_signing_text(struct buf *out, const struct digest *hash, enum registry_role role,
                               int64_t at_ns)
{
    TRY(buf_append(out, STR("entrepot registry\n")));
    TRY(enc_hex(out, hash->bytes, DIGEST_BYTES));
    TRY(buf_printf(out, "\n%s\n", registry_role_name(role)));
    TRY(stamp_print(out, at_ns));
    return buf_byte(out, '\n');
}

static enum err signing_make(const struct sign_key *key, const struct registry_signing_row *row,
                             unsigned char ret_sig[SIGN_BYTES])
{
    char room[SIGNING_TEXT_MAX];
    struct buf text = { room, 0, sizeof(room), sizeof(room) };
    TRY(registry_signing_text(&text, row->hash, row->role, row->at_ns));
    return sign_make(key, buf_str(&text), ret_sig);
}

enum err registry_signing_write(struct buf *out, const struct sign_key *key,
                                const struct registry_signing_row *row)
{
    unsigned char sig[SIGN_BYTES];
    TRY(signing_make(key, row, sig));
    if (out->len == 0) {
        TRY(buf_append(out, STR("# Who has signed which content of this folder; a row is made by"
                                " \"entrepot registry sign\".\n" SIGNING_KEY ":\n")));
    } else if (out->ptr[out->len - 1] != '\n') {
        TRY(buf_byte(out, '\n'));
    }
    TRY(buf_printf(out, "  - {person: " STR_FMT ", role: %s, hash: \"", STR_ARG(row->person),
                   registry_role_name(row->role)));
    TRY(enc_hex(out, row->hash->bytes, DIGEST_BYTES));
    TRY(buf_append(out, STR("\", at: \"")));
    TRY(stamp_print(out, row->at_ns));
    TRY(buf_append(out, STR("\", sig: \"")));
    TRY(enc_hex(out, sig, SIGN_BYTES));
    return buf_append(out, STR("\"}\n"));
}

/* ---- reading ------------------------------------------------------------------------------ */

struct signing_row {
    struct str person;
    enum registry_role role;
    struct digest hash;
    int64_t at_ns;
    unsigned char sig[SIGN_BYTES];
    struct yaml_place place;
};

struct signing_check {
    const struct registry_signing *signing;
    struct registry_report *report;
    /* The first signature that counts for each role, and the first by anybody else. */
    struct registry_signer first[REGISTRY_ROLE_COUNT];
    struct registry_signer second[REGISTRY_ROLE_COUNT];
    struct yaml_place reviewed_place;
    bool broken; /* the file itself */
};

static void signing_fault(struct signing_check *check, enum registry_rule rule,
                          struct yaml_place place, const char *format, ...) EP_PRINTF(4, 5);

static void signing_fault(struct signing_check *check, enum registry_rule rule,
                          struct yaml_place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    registry_report_add(check->report, STR(REGISTRY_SIGNATURES_FILE), place, rule, format, args);
    va_end(args);
}

/* The text of a field; a fault where it is none. */
static bool signing_field(struct signing_check *check, const struct yaml_node *row, const char *key,
                          struct str *ret_text)
{
    const struct yaml_node *value = yaml_get(row, str_from(key));
    if (value == NULL || value->kind != YAML_SCALAR || value->null) {
        signing_fault(check, REGISTRY_RULE_REG_MISSING_FIELD, row->place,
                      "a signature needs \"%s\", as text", key);
        return false;
    }
    *ret_text = value->text;
    return true;
}

static bool signing_read(struct signing_check *check, const struct yaml_node *node,
                         struct signing_row *row)
{
    struct str role;
    struct str hash;
    struct str at;
    struct str sig;
    row->place = node->place;
    if (node->kind != YAML_MAPPING) {
        signing_fault(check, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                      "a signature is a mapping of person, role, hash, at and sig");
        return false;
    }
    if (!signing_field(check, node, "person", &row->person) ||
        !signing_field(check, node, "role", &role) || !signing_field(check, node, "hash", &hash) ||
        !signing_field(check, node, "at", &at) || !signing_field(check, node, "sig", &sig)) {
        return false;
    }
    if (node->count != 5) {
        signing_fault(check, REGISTRY_RULE_REG_UNKNOWN_KEY, node->place,
                      "a signature holds person, role, hash, at and sig alone");
        return false;
    }
    if (!registry_role_parse(role, &row->role) ||
        !enc_hex_read(hash, row->hash.bytes, DIGEST_BYTES) || !stamp_parse(at, &row->at_ns) ||
        !enc_hex_read(sig, row->sig, SIGN_BYTES)) {
        signing_fault(check, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                      "a role is entered or reviewed, a hash 64 hex digits, a time RFC 3339, "
                      "a signature 128 hex digits");
        return false;
    }
    return true;
}

static const struct registry_person *signing_person(const struct registry_signing *signing,
                                                    struct str id)
{
    for (size_t i = 0; i < signing->person_count; i++) {
        if (str_eq(signing->persons[i].id, id)) {
            return &signing->persons[i];
        }
    }
    return NULL;
}

static bool signing_window(const struct registry_person *person, int64_t at_ns)
{
    return person->valid_from <= at_ns && at_ns < person->valid_until;
}

/* Why a signature over this content does not count; NULL: it does. */
static const char *signing_objection(const struct registry_signing *signing,
                                     const struct signing_row *row,
                                     const struct registry_person *person)
{
    char room[SIGNING_TEXT_MAX];
    struct buf text = { room, 0, sizeof(room), sizeof(room) };
    if (person == NULL) {
        return "is none of the version in force";
    }
    if (!signing_window(person, signing->now_ns) || !signing_window(person, row->at_ns)) {
        return "is not valid at this time";
    }
    if (row->at_ns > signing->now_ns + REGISTRY_SIGNING_SKEW_NS) {
        return "has signed in the future";
    }
    if (row->at_ns < signing->after_ns) {
        return "has signed before the version in force was there";
    }
    if (registry_signing_text(&text, &row->hash, row->role, row->at_ns) != ERR_OK ||
        !sign_check(person->public_key, buf_str(&text), row->sig)) {
        return "has another key: the signature does not verify";
    }
    return NULL;
}

/* Two ids with one key are one person. */
static bool signing_same(const struct registry_person *a, const struct registry_person *b)
{
    return a == b || crypto_equal((struct str){ (const char *)a->public_key, SIGN_PUBLIC_BYTES },
                                  (struct str){ (const char *)b->public_key, SIGN_PUBLIC_BYTES });
}

bool registry_signing_possible(const struct registry_person *persons, size_t count, int64_t now_ns)
{
    const struct registry_person *first = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!signing_window(&persons[i], now_ns) || sign_public_is_weak(persons[i].public_key)) {
            continue;
        }
        if (first != NULL && !signing_same(first, &persons[i])) {
            return true;
        }
        first = first != NULL ? first : &persons[i];
    }
    return false;
}

static void signing_take(struct signing_check *check, const struct signing_row *row)
{
    const struct registry_person *person = signing_person(check->signing, row->person);
    const char *objection = signing_objection(check->signing, row, person);
    if (objection != NULL) {
        return; /* told of only if it is missed */
    }
    struct registry_signer signer = { .person = person, .at_ns = row->at_ns };
    memcpy(signer.sig, row->sig, SIGN_BYTES);
    struct registry_signer *first = &check->first[row->role];
    if (first->person == NULL) {
        *first = signer;
        if (row->role == REGISTRY_ROLE_REVIEWED) {
            check->reviewed_place = row->place;
        }
    } else if (!signing_same(first->person, person)) {
        check->second[row->role] = signer;
    }
}

static void signing_read_rows(struct signing_check *check, const struct yaml_node *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct signing_row row = { 0 };
        if (!signing_read(check, yaml_item(list, i), &row)) {
            check->broken = true;
        } else if (digest_eq(&row.hash, check->signing->hash)) {
            signing_take(check, &row);
        }
    }
}

static void signing_read_root(struct signing_check *check, const struct yaml_node *root)
{
    const struct yaml_node *list =
        root->kind == YAML_MAPPING ? yaml_get(root, STR(SIGNING_KEY)) : NULL;
    bool empty = root->kind == YAML_MAPPING && (root->count == 0 || (list != NULL && list->null));
    if (empty && root->count <= 1) {
        return;
    }
    if (list == NULL || list->kind != YAML_SEQUENCE || root->count != 1) {
        check->broken = true;
        signing_fault(check, REGISTRY_RULE_REG_BAD_VALUE, root->place,
                      "the file holds one key, \"" SIGNING_KEY "\", with a list");
        return;
    }
    if (list->count > REGISTRY_SIGNATURES_MAX) {
        check->broken = true;
        signing_fault(check, REGISTRY_RULE_REG_LIMIT, list->place,
                      "there are more than %d signatures: those of versions that were applied are "
                      "kept with them, and may go from here",
                      REGISTRY_SIGNATURES_MAX);
        return;
    }
    signing_read_rows(check, list);
}

/* ---- judging ------------------------------------------------------------------------------ */

/* One signer a role, of two persons, if there are such. */
static bool signing_choose(const struct signing_check *check,
                           struct registry_signer ret_by[REGISTRY_ROLE_COUNT])
{
    const struct registry_signer *const rows[REGISTRY_ROLE_COUNT][2] = {
        { &check->first[REGISTRY_ROLE_ENTERED], &check->second[REGISTRY_ROLE_ENTERED] },
        { &check->first[REGISTRY_ROLE_REVIEWED], &check->second[REGISTRY_ROLE_REVIEWED] },
    };
    for (size_t i = 0; i < 4; i++) {
        const struct registry_signer *entered = rows[REGISTRY_ROLE_ENTERED][i / 2];
        const struct registry_signer *reviewed = rows[REGISTRY_ROLE_REVIEWED][i % 2];
        if (entered->person != NULL && reviewed->person != NULL &&
            !signing_same(entered->person, reviewed->person)) {
            ret_by[REGISTRY_ROLE_ENTERED] = *entered;
            ret_by[REGISTRY_ROLE_REVIEWED] = *reviewed;
            return true;
        }
    }
    return false;
}

/* Each signature over this content that does not count, and why; how many. */
static size_t signing_tell_refused(struct signing_check *check, const struct yaml_node *list,
                                   enum registry_role role)
{
    size_t count = 0;
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        struct signing_row row = { 0 };
        if (!signing_read(check, yaml_item(list, i), &row) || row.role != role ||
            !digest_eq(&row.hash, check->signing->hash)) {
            continue;
        }
        const struct registry_person *person = signing_person(check->signing, row.person);
        const char *objection = signing_objection(check->signing, &row, person);
        if (objection != NULL) {
            signing_fault(check, REGISTRY_RULE_REG_SIGNER, row.place,
                          "person \"" STR_FMT "\", who signs as %s, %s", STR_ARG(row.person),
                          signing_roles[role], objection);
            count++;
        }
    }
    return count;
}

static void signing_tell(struct signing_check *check, const struct yaml_node *list)
{
    const struct yaml_place nowhere = { 0, 0 };
    char room[2 * DIGEST_BYTES];
    struct buf hash = { room, 0, sizeof(room), sizeof(room) };
    EP_IGNORE(enc_hex(&hash, check->signing->hash->bytes, DIGEST_BYTES)); /* fits exactly */
    for (unsigned role = 0; role < REGISTRY_ROLE_COUNT; role++) {
        size_t refused = signing_tell_refused(check, list, (enum registry_role)role);
        if (check->first[role].person == NULL && refused == 0) {
            signing_fault(check, REGISTRY_RULE_REG_UNSIGNED, nowhere,
                          "nobody has signed content " STR_FMT " as %s", STR_ARG(buf_str(&hash)),
                          signing_roles[role]);
        }
    }
    const struct registry_person *entered = check->first[REGISTRY_ROLE_ENTERED].person;
    const struct registry_person *reviewed = check->first[REGISTRY_ROLE_REVIEWED].person;
    if (entered != NULL && reviewed != NULL) {
        signing_fault(check, REGISTRY_RULE_FOUR_EYES, check->reviewed_place,
                      entered == reviewed ? "person \"" STR_FMT "\" has signed as both"
                                          : "person \"" STR_FMT "\" has the key of who entered it",
                      STR_ARG(reviewed->id));
    }
}

static enum err signing_judge(struct signing_check *check, const struct yaml_doc *doc,
                              struct registry_signer ret_by[REGISTRY_ROLE_COUNT])
{
    if (doc != NULL) {
        signing_read_root(check, yaml_root(doc));
    }
    bool fine = !check->broken && signing_choose(check, ret_by);
    if (!fine && !check->broken) {
        signing_tell(check, doc == NULL ? NULL : yaml_get(yaml_root(doc), STR(SIGNING_KEY)));
    }
    registry_report_sort(check->report);
    if (check->report->out_of_memory) {
        return ERR_NO_MEMORY;
    }
    return fine ? ERR_OK : ERR_REGISTRY_INVALID;
}

enum err registry_signing_check(struct str text, const struct registry_signing *signing,
                                struct registry_signer ret_by[REGISTRY_ROLE_COUNT],
                                struct registry_report *report)
{
    struct signing_check check = { .signing = signing, .report = report };
    struct yaml_doc *doc = NULL;
    struct yaml_fault fault = { .text = "" };
    enum err err = text.len == 0 ? ERR_OK : yaml_parse(text, &doc, &fault);
    if (err == ERR_YAML_SYNTAX) {
        signing_fault(&check, REGISTRY_RULE_REG_SYNTAX, fault.place, "%s", fault.text);
        return report->out_of_memory ? ERR_NO_MEMORY : ERR_REGISTRY_INVALID;
    }
    TRY(err);
    err = signing_judge(&check, doc, ret_by);
    yaml_destroy(doc);
    return err;
}
