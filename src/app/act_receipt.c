/* The act that shows a receipt: the operator's view, all sections and their salts. */
#include "app/acts_internal.h"
#include "front/receipt_view.h"
#include "wire/json.h"

static const char *const receipt_columns[] = { "section", "field", "value" };

struct receipt_asking {
    struct acting *acting;
    struct id call;
    struct store_txn *txn; /* of the reading */
};

/* The document that clients are handed, with all its sections. */
static enum err receipt_print_json(const struct receipt_asking *asking,
                                   const struct tlog_found *found)
{
    struct acting *acting = asking->acting;
    const struct receipt_view view = {
        .txn = asking->txn,
        .found = found,
        .sections = RECEIPT_VIEW_ALL,
        .log = world_log(acting->world),
    };
    TRY(receipt_view_write(&view, acting->out, &acting->fail));
    return buf_byte(acting->out, '\n');
}

static void receipt_put_value(struct sheet *sheet, struct str value)
{
    char text[RECEIPT_SECTION_MAX];
    struct buf plain = { text, 0, sizeof(text), sizeof(text) };
    bool decoded = json_kind(value) == JSON_STRING && json_decode(value, &plain);
    sheet_str(sheet, decoded ? buf_str(&plain) : value);
}

/* A line a member; a section's keys are plain ASCII. */
static void receipt_put_section(struct sheet *sheet, struct str name, struct str section)
{
    struct json_member member;
    struct str rest = json_inside(section);
    while (json_next_member(&rest, &member)) {
        sheet_str(sheet, name);
        sheet_str(sheet, member.key);
        receipt_put_value(sheet, member.value);
    }
}

static enum err receipt_print_table(struct buf *out, const struct tlog_found *found)
{
    char leaf_text[24];
    struct buf leaf = { leaf_text, 0, sizeof(leaf_text), sizeof(leaf_text) };
    EP_IGNORE(buf_u64(&leaf, (uint64_t)found->leaf)); /* fits */
    struct sheet sheet;
    sheet_init(&sheet, receipt_columns, EP_ARRAY_LEN(receipt_columns));
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        struct str name = str_from(receipt_section_name((enum receipt_section)i));
        if (found->sections[i].len > 0) {
            receipt_put_section(&sheet, name, found->sections[i]);
        } else {
            sheet_str(&sheet, name);
            sheet_none(&sheet);
            sheet_str(&sheet, STR("erased"));
        }
    }
    receipt_put_section(&sheet, STR("entry"), found->entry);
    sheet_str(&sheet, STR("entry"));
    sheet_str(&sheet, STR("leaf"));
    sheet_str(&sheet, buf_str(&leaf)); /* values are texts here, and texts stand on the left */
    enum err err = sheet_print(&sheet, false, out);
    sheet_fini(&sheet);
    return err;
}

static bool receipt_text_is_sound(struct str text)
{
    struct json_fault fault;
    return text.len <= RECEIPT_SECTION_MAX && json_check(text, &fault) == ERR_OK &&
           json_kind(text) == JSON_OBJECT;
}

/* Rows are not believed blindly: a damaged section is said so, not printed as JSON. What was erased
 * has neither section nor salt. */
static enum err receipt_on_found(void *context, const struct tlog_found *found)
{
    struct receipt_asking *asking = context;
    struct acting *acting = asking->acting;
    bool sound = receipt_text_is_sound(found->entry);
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        bool erased = found->sections[i].len == 0 && found->salts[i].len == 0;
        sound &= erased || receipt_text_is_sound(found->sections[i]);
    }
    if (!sound) {
        acting->remedy = "see \"entrepot audit\"";
        return FAIL(&acting->fail, ERR_AUDIT_FAILED, "the receipt's row is damaged");
    }
    return acting->json ? receipt_print_json(asking, found)
                        : receipt_print_table(acting->out, found);
}

static enum err receipt_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct receipt_asking *asking = context;
    asking->txn = txn;
    return tlog_find(txn, asking->call, receipt_on_found, asking, fail);
}

enum err act_receipt_show(struct acting *acting)
{
    struct receipt_asking asking = { .acting = acting };
    TRY(acting_id(acting, "call", CALL_PREFIX, &asking.call));
    return store_read(acting->world->store, receipt_read, &asking, &acting->fail);
}
