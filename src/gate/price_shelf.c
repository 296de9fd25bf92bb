#include "gate/price_shelf.h"

#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"

#define PRICE_SHELF_MAX ((size_t)512 << 20) /* a thousand versions of a thousand models */
#define PRICE_SHELF_KEY 128                 /* eight bytes of a row and a model's id */

struct shelf_entry {
    struct price_shelf_price price;
    struct str key;
    struct shelf_entry *next;
};

struct price_shelf {
    struct store *store;
    pthread_rwlock_t lock; /* of the map: held for writing while pointers are put in, no longer */
    struct map prices;     /* by row and model, to struct price_shelf_price */
    /* Of the one who reads rows: */
    struct arena arena;
    int64_t last; /* row whose book was read whole */
    struct price_shelf_book *book;
    struct shelf_entry *fresh;     /* read and not yet in the map, the last first */
    struct registry_tier *tiers;   /* of the first of them */
    struct registry_image *images; /* of it, or of its tier that came last */
};

static const struct store_sql sql_prices = {
    "SELECT b.id, b.name, b.version, p.model, p.class, p.pico FROM price_book b"
    " JOIN price p ON p.book = b.id WHERE b.id > ?1 ORDER BY b.id, p.model, p.class"
};

/* Ids of models are shorter than what is left of the room. */
static struct str shelf_key(char room[PRICE_SHELF_KEY], int64_t row, struct str model)
{
    size_t len =
        model.len < PRICE_SHELF_KEY - sizeof(row) ? model.len : PRICE_SHELF_KEY - sizeof(row);
    memcpy(room, &row, sizeof(row));
    memcpy(room + sizeof(row), model.len > 0 ? model.ptr : "", len);
    return (struct str){ room, sizeof(row) + len };
}

static enum err shelf_book(struct price_shelf *shelf, const struct store_value *row)
{
    if (shelf->book != NULL && shelf->book->row == row[0].number) {
        return ERR_OK;
    }
    struct price_shelf_book *book = arena_zalloc(&shelf->arena, sizeof(*book));
    if (book == NULL || !arena_copy(&shelf->arena, row[1].bytes, &book->name) ||
        !arena_copy(&shelf->arena, row[2].bytes, &book->version)) {
        return ERR_NO_MEMORY;
    }
    book->row = row[0].number;
    shelf->book = book;
    return ERR_OK;
}

/* Rows come by book and model: those of one price follow each other. */
static enum err shelf_price(struct price_shelf *shelf, struct str model)
{
    char room[PRICE_SHELF_KEY];
    struct str key = shelf_key(room, shelf->book->row, model);
    if (shelf->fresh != NULL && str_eq(shelf->fresh->key, key)) {
        return ERR_OK;
    }
    struct shelf_entry *entry = arena_zalloc(&shelf->arena, sizeof(*entry));
    if (entry == NULL || !arena_copy(&shelf->arena, key, &entry->key)) {
        return ERR_NO_MEMORY;
    }
    entry->price.book = shelf->book;
    entry->next = shelf->fresh;
    shelf->fresh = entry;
    return ERR_OK;
}

/* A kind of picture, behind those that are there: rows come by name, so they are in order. */
static enum err shelf_image(struct price_shelf *shelf, struct registry_price *price,
                            struct str kind, int64_t pico)
{
    if (price->image_count == 0) {
        shelf->images = arena_alloc(&shelf->arena, REGISTRY_IMAGES_MAX * sizeof(*shelf->images));
        price->images = shelf->images;
    }
    if (price->images == NULL || price->image_count == REGISTRY_IMAGES_MAX) {
        return price->images == NULL ? ERR_NO_MEMORY : ERR_LIMIT;
    }
    struct registry_image *image = &shelf->images[price->image_count];
    image->pico = pico;
    price->image_count++;
    return arena_copy(&shelf->arena, kind, &image->kind) ? ERR_OK : ERR_NO_MEMORY;
}

static void shelf_class(struct registry_price *price, struct str name, int64_t pico)
{
    if (str_eq(name, STR("call"))) {
        price->pico_call = pico;
        return;
    }
    for (unsigned class = 0; class < REGISTRY_PRICE_CLASSES; class ++) {
        if (str_eq(name, str_from(registry_class_name((enum registry_class) class)))) {
            price->pico[class] = pico;
            price->known[class] = true;
        }
    }
    for (unsigned unit = 0; unit < REGISTRY_UNITS; unit++) {
        if (str_eq(name, str_from(registry_unit_name((enum registry_unit_priced)unit)))) {
            price->pico_unit[unit] = pico;
            price->known_unit[unit] = true;
        }
    }
}

/* "priority/in" is the class "in" of a tier, whose rows follow each other. */
static enum err shelf_tier(struct price_shelf *shelf, struct str *class,
                           struct registry_price **price)
{
    struct str rest = *class;
    enum tier tier = tier_named(str_cut(&rest, '/'));
    struct registry_price *line = *price;
    if (tier == TIER_UNKNOWN) {
        return ERR_OK;
    }
    if (line->tier_count == 0) {
        shelf->tiers = arena_zalloc(&shelf->arena, TIER_COUNT * sizeof(*shelf->tiers));
        line->tiers = shelf->tiers;
    }
    if (line->tiers == NULL) {
        return ERR_NO_MEMORY;
    }
    if (line->tier_count == 0 || shelf->tiers[line->tier_count - 1].tier != tier) {
        ASSERT(line->tier_count < TIER_COUNT); /* rows come by name: each tier once */
        shelf->tiers[line->tier_count++].tier = tier;
    }
    *price = &shelf->tiers[line->tier_count - 1].price;
    *class = rest;
    return ERR_OK;
}

static enum err shelf_on_price(void *context, const struct store_value *row, size_t columns)
{
    struct price_shelf *shelf = context;
    ASSERT(columns == 6);
    TRY(shelf_book(shelf, row));
    TRY(shelf_price(shelf, row[3].bytes));
    struct registry_price *price = &shelf->fresh->price.price;
    struct str class = row[4].bytes;
    TRY(shelf_tier(shelf, &class, &price));
    if (str_starts(class, STR("image "))) {
        struct str kind = str_from_at(class, sizeof("image ") - 1);
        return shelf_image(shelf, price, kind, row[5].number);
    }
    shelf_class(price, class, row[5].number);
    return ERR_OK;
}

static enum err shelf_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct price_shelf *shelf = context;
    const struct store_value last = STORE_I(shelf->last);
    return store_query(txn, &sql_prices, &last, 1, shelf_on_price, shelf, fail);
}

enum err price_shelf_learn(struct price_shelf *shelf, struct fail *fail)
{
    shelf->fresh = NULL; /* what an earlier try has read in vain stays in the arena */
    shelf->book = NULL;
    enum err err = store_read(shelf->store, shelf_read, shelf, fail);
    (void)pthread_rwlock_wrlock(&shelf->lock);
    while (err == ERR_OK && shelf->fresh != NULL) {
        err = map_add(&shelf->prices, shelf->fresh->key, &shelf->fresh->price);
        err = err == ERR_CONFLICT ? ERR_OK : err; /* of a try that came half way */
        shelf->fresh = shelf->fresh->next;
    }
    (void)pthread_rwlock_unlock(&shelf->lock);
    if (err == ERR_OK && shelf->book != NULL) {
        shelf->last = shelf->book->row;
    }
    return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the price books") : err;
}

enum err price_shelf_open(struct store *store, struct price_shelf **ret_shelf, struct fail *fail)
{
    struct price_shelf *shelf = mem_zalloc(sizeof(*shelf));
    if (shelf == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the price books");
    }
    shelf->store = store;
    map_init(&shelf->prices);
    arena_init(&shelf->arena, 4096, PRICE_SHELF_MAX);
    (void)pthread_rwlock_init(&shelf->lock, NULL);
    enum err err = price_shelf_learn(shelf, fail);
    if (err != ERR_OK) {
        price_shelf_close(shelf);
        return err;
    }
    *ret_shelf = shelf;
    return ERR_OK;
}

void price_shelf_close(struct price_shelf *shelf)
{
    if (shelf == NULL) {
        return;
    }
    map_fini(&shelf->prices);
    arena_fini(&shelf->arena);
    (void)pthread_rwlock_destroy(&shelf->lock);
    mem_free(shelf);
}

const struct price_shelf_price *price_shelf_find(struct price_shelf *shelf, int64_t row,
                                                 struct str name, struct str model)
{
    char room[PRICE_SHELF_KEY];
    struct str key = shelf_key(room, row, model);
    (void)pthread_rwlock_rdlock(&shelf->lock);
    const struct price_shelf_price *price = map_find(&shelf->prices, key);
    (void)pthread_rwlock_unlock(&shelf->lock);
    return price != NULL && str_eq(price->book->name, name) ? price : NULL;
}
