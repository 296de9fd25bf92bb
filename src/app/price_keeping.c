#include "app/price_keeping.h"

#include "app/log_leaves.h"
#include "base/arena.h"
#include "base/stamp.h"
#include "ledger/prices.h"
#include "registry/registry.h"

#define PRICE_KEEPING_MAX      ((size_t)256 << 20) /* a million models of twenty prices */
#define PRICE_KEEPING_NAME_MAX 128                 /* of a tier and a kind of picture */
#define PRICE_KEEPING_FORM     "entrepot price book 1\n"

/* ---- what a book says -------------------------------------------------------------------- */

/* The prices of a book, as they are put together. */
struct keeping {
    struct arena *arena;
    struct str model;
    const char *tier; /* NULL: the line's own */
    struct ledger_price *prices;
    size_t count;
    enum err err;
};

/* "in"; "image 1024x1024/high", a class of its own for each kind; "priority/in" of a tier. */
static void keeping_add(struct keeping *keeping, const char *what, struct str kind, int64_t pico)
{
    char text[PRICE_KEEPING_NAME_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    const char *tier = keeping->tier;
    struct str class = str_from(what);
    if (tier != NULL || kind.len > 0) {
        enum err err = buf_printf(&name, "%s%s%s" STR_FMT, tier == NULL ? "" : tier,
                                  tier == NULL ? "" : "/", what, STR_ARG(kind));
        bool kept = err == ERR_OK && arena_copy(keeping->arena, buf_str(&name), &class);
        keeping->err = kept ? keeping->err : ERR_NO_MEMORY;
    }
    keeping->prices[keeping->count++] = (struct ledger_price){ keeping->model, class, pico };
}

/* Classes are in the order of the table. */
static void keeping_price(struct keeping *keeping, const struct registry_price *price)
{
    for (unsigned class = 0; class < REGISTRY_PRICE_CLASSES; class ++) {
        if (price->known[class]) {
            keeping_add(keeping, registry_class_name((enum registry_class) class), STR_EMPTY,
                        price->pico[class]);
        }
    }
    if (price->pico_call > 0) {
        keeping_add(keeping, "call", STR_EMPTY, price->pico_call);
    }
    for (unsigned unit = 0; unit < REGISTRY_UNITS; unit++) {
        if (price->known_unit[unit]) {
            keeping_add(keeping, registry_unit_name((enum registry_unit_priced)unit), STR_EMPTY,
                        price->pico_unit[unit]);
        }
    }
    for (size_t i = 0; i < price->image_count; i++) {
        keeping_add(keeping, "image ", price->images[i].kind, price->images[i].pico);
    }
}

/* Models are in the order of their ids, a model's tiers behind what it costs without. */
static size_t keeping_lines(struct arena *arena, const struct registry_price_book *book,
                            struct ledger_price *prices, enum err *ret_err)
{
    struct keeping keeping = { .arena = arena, .prices = prices, .err = ERR_OK };
    for (size_t i = 0; i < book->line_count; i++) {
        const struct registry_line *line = &book->lines[i];
        keeping.model = line->model->id;
        keeping.tier = NULL;
        keeping_price(&keeping, &line->price);
        for (size_t k = 0; k < line->price.tier_count; k++) {
            keeping.tier = tier_name(line->price.tiers[k].tier);
            keeping_price(&keeping, &line->price.tiers[k].price);
        }
    }
    *ret_err = keeping.err;
    return keeping.count;
}

static struct ledger_price *keeping_room(struct arena *arena,
                                         const struct registry_price_book *book)
{
    const size_t one = REGISTRY_PRICE_CLASSES + 1 + REGISTRY_UNITS;
    size_t most = book->line_count * one + 1;
    for (size_t i = 0; i < book->line_count; i++) {
        const struct registry_price *price = &book->lines[i].price;
        most += price->image_count;
        for (size_t k = 0; k < price->tier_count; k++) {
            most += one + price->tiers[k].price.image_count;
        }
    }
    return arena_alloc(arena, most * sizeof(struct ledger_price));
}

static enum err keeping_digest(const struct registry_price_book *book,
                               const struct ledger_price *prices, size_t count,
                               struct digest *ret_hash)
{
    struct buf text;
    buf_init(&text, PRICE_KEEPING_MAX);
    enum err err = buf_printf(&text, PRICE_KEEPING_FORM STR_FMT "\n" STR_FMT "\n" STR_FMT "\n",
                              STR_ARG(book->id), STR_ARG(book->version), STR_ARG(book->currency));
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = buf_printf(&text, STR_FMT " " STR_FMT " %lld\n", STR_ARG(prices[i].model),
                         STR_ARG(prices[i].class), (long long)prices[i].pico);
    }
    if (err == ERR_OK) {
        *ret_hash = digest_sha256(buf_str(&text));
    }
    buf_fini(&text);
    return err;
}

enum err price_keeping_hash(const struct registry_price_book *book, struct digest *ret_hash)
{
    struct arena arena;
    arena_init(&arena, 4096, PRICE_KEEPING_MAX);
    struct ledger_price *prices = keeping_room(&arena, book);
    enum err err = prices == NULL ? ERR_NO_MEMORY : ERR_OK;
    size_t count = err == ERR_OK ? keeping_lines(&arena, book, prices, &err) : 0;
    err = err == ERR_OK ? keeping_digest(book, prices, count, ret_hash) : err;
    arena_fini(&arena);
    return err;
}

/* ---- keeping ----------------------------------------------------------------------------- */

static enum err keeping_book(struct arena *arena, const struct registry_price_book *book,
                             struct ledger_price_book *ret_book)
{
    struct ledger_price *prices = keeping_room(arena, book);
    struct digest *hash = arena_alloc(arena, sizeof(*hash));
    if (prices == NULL || hash == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = ERR_OK;
    size_t count = keeping_lines(arena, book, prices, &err);
    TRY(err);
    TRY(keeping_digest(book, prices, count, hash));
    *ret_book = (struct ledger_price_book){
        .book = { book->id, book->version, digest_str(hash) },
        .currency = book->currency,
        .prices = prices,
        .count = count,
    };
    return ERR_OK;
}

static enum err keeping_fill(struct arena *arena, const struct registry *registry,
                             struct ledger_prices *prices)
{
    /* One more than there are: an empty array has an address too. */
    struct ledger_price_book *books =
        arena_zalloc(arena, (registry->price_book_count + 1) * sizeof(*books));
    struct ledger_price_list *lists =
        arena_zalloc(arena, (registry->product_count + 1) * sizeof(*lists));
    if (books == NULL || lists == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < registry->price_book_count; i++) {
        TRY(keeping_book(arena, &registry->price_books[i], &books[i]));
    }
    for (size_t i = 0; i < registry->product_count; i++) {
        const struct registry_product *product = &registry->products[i];
        lists[i] = (struct ledger_price_list){ product->id, (size_t)(product->price_book -
                                                                     registry->price_books) };
    }
    prices->books = books;
    prices->book_count = registry->price_book_count;
    prices->lists = lists;
    prices->list_count = registry->product_count;
    return ERR_OK;
}

enum err price_keeping_keep(struct ledger *ledger, struct tlog *tlog,
                            const struct registry *registry, struct fail *fail)
{
    struct ledger_prices prices = {
        .version = registry_version(registry),
        .now_ns = stamp_system_ns(),
        .kept = log_leaf_prices,
        .context = tlog,
    };
    struct arena arena;
    arena_init(&arena, 65536, PRICE_KEEPING_MAX);
    enum err err = keeping_fill(&arena, registry, &prices);
    err = err == ERR_OK ? ledger_keep_prices(ledger, &prices, fail)
                        : FAIL(fail, err, "no memory for the price books");
    arena_fini(&arena);
    return err;
}
