#include "app/sheet.h"

#include <string.h>

#include "base/mem.h"
#include "base/money.h"
#include "base/stamp.h"
#include "wire/jsonw.h"

void sheet_init(struct sheet *sheet, const char *const *names, size_t columns)
{
    ASSERT(columns > 0 && columns <= SHEET_COLUMNS_MAX);
    *sheet = (struct sheet){ .names = names, .columns = columns };
    arena_init(&sheet->arena, 1024, SHEET_BYTES_MAX);
}

void sheet_fini(struct sheet *sheet)
{
    mem_free(sheet->cells);
    arena_fini(&sheet->arena);
    sheet->cells = NULL;
    sheet->count = 0;
}

static void sheet_add(struct sheet *sheet, struct str text, bool number, bool none)
{
    if (sheet->err == ERR_OK && sheet->count == sheet->cap) {
        size_t cap = sheet->cap == 0 ? 32 : sheet->cap * 2;
        struct sheet_cell *grown = mem_realloc(sheet->cells, cap * sizeof(*grown));
        if (grown == NULL) {
            sheet->err = ERR_NO_MEMORY;
            return;
        }
        sheet->cells = grown;
        sheet->cap = cap;
    }
    struct sheet_cell cell = { .number = number, .none = none };
    if (sheet->err == ERR_OK && !arena_copy(&sheet->arena, text, &cell.text)) {
        sheet->err = ERR_NO_MEMORY;
    }
    if (sheet->err == ERR_OK) {
        sheet->cells[sheet->count++] = cell;
    }
}

void sheet_str(struct sheet *sheet, struct str text)
{
    sheet_add(sheet, text, false, false);
}

void sheet_int(struct sheet *sheet, int64_t value)
{
    char text[24];
    struct buf buf = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_i64(&buf, value)); /* fits */
    sheet_add(sheet, buf_str(&buf), true, false);
}

void sheet_money(struct sheet *sheet, int64_t nano)
{
    char text[40];
    struct buf buf = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(money_print(&buf, nano, 9, 2)); /* fits */
    sheet_add(sheet, buf_str(&buf), false, false);
}

void sheet_none(struct sheet *sheet)
{
    sheet_add(sheet, STR_EMPTY, false, true);
}

void sheet_stamp(struct sheet *sheet, int64_t ns)
{
    char text[40];
    struct buf buf = { text, 0, sizeof(text), sizeof(text) };
    if (ns > 0) {
        EP_IGNORE(stamp_print(&buf, ns)); /* fits */
    }
    sheet_add(sheet, buf_str(&buf), false, ns <= 0);
}

void sheet_id(struct sheet *sheet, const char *prefix, struct id id)
{
    char text[ID_SHOWN_MAX];
    struct buf buf = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(id_print(&buf, str_from(prefix), id)); /* fits */
    sheet_add(sheet, buf_str(&buf), false, false);
}

/* ---- printing ---------------------------------------------------------------------------- */

/* What a terminal shows: bytes that begin a character. */
static size_t sheet_width(struct str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++) {
        width += ((unsigned char)text.ptr[i] & 0xC0U) != 0x80U;
    }
    return width;
}

static struct str sheet_shown(const struct sheet_cell *cell)
{
    return cell->none || cell->text.len == 0 ? STR("-") : cell->text;
}

static enum err sheet_pad(struct buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TRY(buf_byte(out, ' '));
    }
    return ERR_OK;
}

static void sheet_json_row(const struct sheet *sheet, size_t row, struct jsonw *json)
{
    jsonw_open(json, '{');
    for (size_t i = 0; i < sheet->columns; i++) {
        const struct sheet_cell *cell = &sheet->cells[row * sheet->columns + i];
        jsonw_key(json, sheet->names[i]);
        if (cell->none) {
            jsonw_null(json);
        } else if (cell->number) {
            jsonw_raw(json, cell->text);
        } else {
            jsonw_str(json, cell->text);
        }
    }
    jsonw_close(json, '}');
}

static enum err sheet_print_json(const struct sheet *sheet, struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '[');
    for (size_t row = 0; row < sheet->count / sheet->columns; row++) {
        sheet_json_row(sheet, row, &json);
    }
    jsonw_close(&json, ']');
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

/* The last column is not padded, so that no line ends in spaces. */
static enum err sheet_print_cell(struct buf *out, struct str text, size_t width, bool right,
                                 bool last)
{
    size_t rest = width - sheet_width(text);
    TRY(sheet_pad(out, right ? rest : 0));
    TRY(buf_append(out, text));
    return last ? buf_byte(out, '\n') : sheet_pad(out, (right ? 0 : rest) + 2);
}

enum err sheet_print(const struct sheet *sheet, bool json, struct buf *out)
{
    TRY(sheet->err);
    ASSERT(sheet->count % sheet->columns == 0);
    if (json) {
        return sheet_print_json(sheet, out);
    }
    size_t widths[SHEET_COLUMNS_MAX];
    bool right[SHEET_COLUMNS_MAX] = { false };
    for (size_t i = 0; i < sheet->columns; i++) {
        widths[i] = strlen(sheet->names[i]);
    }
    for (size_t at = 0; at < sheet->count; at++) {
        size_t width = sheet_width(sheet_shown(&sheet->cells[at]));
        size_t column = at % sheet->columns;
        widths[column] = width > widths[column] ? width : widths[column];
        right[column] |= sheet->cells[at].number;
    }
    for (size_t i = 0; i < sheet->columns; i++) {
        TRY(sheet_print_cell(out, str_from(sheet->names[i]), widths[i], right[i],
                             i + 1 == sheet->columns));
    }
    for (size_t at = 0; at < sheet->count; at++) {
        size_t column = at % sheet->columns;
        TRY(sheet_print_cell(out, sheet_shown(&sheet->cells[at]), widths[column], right[column],
                             column + 1 == sheet->columns));
    }
    return ERR_OK;
}

enum err sheet_print_one(const struct sheet *sheet, bool json, struct buf *out)
{
    TRY(sheet->err);
    ASSERT(sheet->count >= sheet->columns);
    if (json) {
        struct jsonw writer;
        jsonw_init(&writer, out);
        sheet_json_row(sheet, 0, &writer);
        TRY(jsonw_err(&writer));
        return buf_byte(out, '\n');
    }
    size_t width = 0;
    for (size_t i = 0; i < sheet->columns; i++) {
        width = strlen(sheet->names[i]) > width ? strlen(sheet->names[i]) : width;
    }
    for (size_t i = 0; i < sheet->columns; i++) {
        struct str shown = sheet_shown(&sheet->cells[i]);
        TRY(buf_append(out, str_from(sheet->names[i])));
        TRY(sheet_pad(out, width - strlen(sheet->names[i]) + 2));
        TRY(buf_append(out, shown));
        TRY(buf_byte(out, '\n'));
    }
    return ERR_OK;
}
