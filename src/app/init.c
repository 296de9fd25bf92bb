#include "app/init.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/acts_internal.h"
#include "app/embed.h"
#include "app/init_sign.h"
#include "app/share.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/stamp.h"
#include "crypto/random.h"
#include "crypto/sign.h"
#include "ident/standing.h"

#define INIT_PATH_MAX     4096
#define INIT_CLIENT       "First client"
#define INIT_PARTY        "first-client" /* of the registry: who the first client is */
#define INIT_PLAN         "starter"
#define INIT_SECRET_BYTES 32

static const struct str init_conf = STR_INIT(
    "# Entrepot's configuration. Every other key, its default and its meaning:\n"
    "# docs/configuration.md. Paths are relative to this file's folder.\n"
    "\n"
    "listen:\n"
    "  # Where clients connect: this machine alone, for trying things out. To sell to others,\n"
    "  # write 0.0.0.0:8080 and use TLS (listen.tls, or a proxy in front).\n"
    "  public: \"127.0.0.1:8080\"\n"
    "  # Where health and metrics are: never in reach of clients.\n"
    "  operator: \"127.0.0.1:8081\"\n"
    "\n"
    "# The books, in one file. Back it up with SQLite's own tools, never by copying a live file.\n"
    "store: \"sqlite:var/entrepot.db\"\n"
    "\n"
    "# Parties, models, routes, credentials, products and prices.\n"
    "registry: registry\n"
    "\n"
    "# The models' vocabularies, by which every call's tokens are counted.\n"
    "vocabularies: \"");
static const struct str init_conf_geo = STR_INIT(
    "\"\n"
    "\n"
    "# Country databases, by which an origin is told. These are examples with known errors: bring\n"
    "# your own before you rely on them (docs/origin.md). Without any, nobody's origin is known.\n"
    "geo: ");
static const struct str init_conf_rest = STR_INIT(
    "\n"
    "\n"
    "log:\n"
    "  # The receipt log's name: choose your own before the first real sale, it can never change.\n"
    "  origin: \"entrepot.example/receipts\"\n"
    "  key: \"file:keys/log.key\"\n"
    "  # Who watches it besides yourself: a policy file with witnesses (docs/log.md).\n"
    "  # witnesses: \"witnesses.policy\"\n"
    "\n"
    "keys:\n"
    "  # What API keys are hashed with. Without it no client's key works any more: keep a copy.\n"
    "  pepper: \"file:keys/pepper.key\"\n");

/* "FOLDER/name" as C text. */
static enum err init_path(struct str folder, const char *name, char *ret_path, struct fail *fail)
{
    struct buf path = { ret_path, 0, INIT_PATH_MAX, INIT_PATH_MAX };
    if (buf_append(&path, folder) != ERR_OK ||
        (name[0] != '\0' && buf_byte(&path, '/') != ERR_OK) ||
        buf_append(&path, str_from(name)) != ERR_OK || buf_byte(&path, '\0') != ERR_OK) {
        return FAIL(fail, ERR_LIMIT, "the path \"" STR_FMT "\" is too long", STR_ARG(folder));
    }
    return ERR_OK;
}

static enum err init_write(struct str folder, const char *name, struct str text, mode_t mode,
                           struct fail *fail)
{
    char path[INIT_PATH_MAX];
    TRY(init_path(folder, name, path, fail));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not create \"%s\"", path);
    }
    enum err err = ERR_OK;
    while (err == ERR_OK && text.len > 0) {
        ssize_t done = write(fd, text.ptr, text.len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        err = done > 0 ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not write \"%s\"", path);
        text = str_from_at(text, done > 0 ? (size_t)done : 0);
    }
    if (err == ERR_OK && fsync(fd) != 0) {
        err = FAIL_SYS(fail, ERR_IO, "could not write \"%s\"", path);
    }
    (void)close(fd); /* synced already */
    return err;
}

static enum err init_make_folder(struct str folder, const char *name, mode_t mode,
                                 struct fail *fail)
{
    char path[INIT_PATH_MAX];
    TRY(init_path(folder, name, path, fail));
    if (mkdir(path, mode) != 0 && !(errno == EEXIST && name[0] == '\0')) {
        return FAIL_SYS(fail, ERR_IO, "could not make the folder \"%s\"", path);
    }
    return ERR_OK;
}

static enum err init_check_empty(struct str folder, struct fail *fail)
{
    char path[INIT_PATH_MAX];
    TRY(init_path(folder, "", path, fail));
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return FAIL_SYS(fail, ERR_IO, "could not read the folder \"%s\"", path);
    }
    enum err err = ERR_OK;
    const struct dirent *entry = NULL;
    while (err == ERR_OK && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            err = FAIL(fail, ERR_CONFLICT, "the folder \"%s\" is not empty", path);
        }
    }
    (void)closedir(dir); /* read only */
    return err;
}

/* A file of random text, for the pepper and the example's upstream keys. */
static enum err init_write_secret(struct str folder, const char *name, struct fail *fail)
{
    unsigned char bytes[INIT_SECRET_BYTES];
    char text[2 * INIT_SECRET_BYTES];
    struct buf buf = { text, 0, sizeof(text), sizeof(text) };
    random_bytes(bytes, sizeof(bytes));
    EP_IGNORE(enc_hex(&buf, bytes, sizeof(bytes))); /* fits exactly */
    enum err err = init_write(folder, name, buf_str(&buf), 0600, fail);
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(text, sizeof(text));
    return err;
}

/* The example databases, if they are installed: a file that is not there is a fault. */
static enum err init_write_geo(struct buf *text)
{
    char shared[SHARE_PATH_MAX];
    if (!share_geo(shared)) {
        return buf_append(text, STR("[]"));
    }
    return buf_printf(text, "[\"%s/" SHARE_GEO_A "\", \"%s/" SHARE_GEO_B "\"]", shared, shared);
}

/* The configuration names this program's own vocabularies, or those beside it if it has none. */
static enum err init_write_conf(struct str folder, struct fail *fail)
{
    char shared[SHARE_PATH_MAX];
    struct str vocabularies = share_vocabularies(shared) ? str_from(shared) : STR("share/vocab");
    struct buf text;
    buf_init(&text, 4 * INIT_PATH_MAX);
    enum err err = buf_append(&text, init_conf);
    err = err == ERR_OK ? buf_append(&text, vocabularies) : err;
    err = err == ERR_OK ? buf_append(&text, init_conf_geo) : err;
    err = err == ERR_OK ? init_write_geo(&text) : err;
    err = err == ERR_OK ? buf_append(&text, init_conf_rest) : err;
    err = err == ERR_OK ? init_write(folder, "entrepot.yaml", buf_str(&text), 0644, fail)
                        : FAIL(fail, err, "no memory for the configuration");
    buf_fini(&text);
    return err;
}

static enum err init_write_example_file(struct str folder, const struct embed_file *file,
                                        struct fail *fail)
{
    char name[128];
    struct buf path = { name, 0, sizeof(name), sizeof(name) };
    TRY(buf_printf(&path, "registry/%s", file->name));
    TRY(buf_byte(&path, '\0'));
    return init_write(folder, name, (struct str){ (const char *)file->bytes, file->len }, 0644,
                      fail);
}

/* Whether the example of a zone product has this file, or needs it not. */
static bool init_zone_replaces(const char *name)
{
    bool replaces = str_starts(str_from(name), STR(REGISTRY_DOCUMENTS "/"));
    for (size_t i = 0; i < embed_registry_zone_count; i++) {
        replaces |= strcmp(embed_registry_zone[i].name, name) == 0;
    }
    return replaces;
}

static enum err init_write_example(struct str folder, enum init_example example, struct fail *fail)
{
    bool zone = example == INIT_EXAMPLE_ZONE;
    for (size_t i = 0; i < embed_registry_count; i++) {
        if (!zone || !init_zone_replaces(embed_registry[i].name)) {
            TRY(init_write_example_file(folder, &embed_registry[i], fail));
        }
    }
    for (size_t i = 0; zone && i < embed_registry_zone_count; i++) {
        TRY(init_write_example_file(folder, &embed_registry_zone[i], fail));
    }
    return ERR_OK;
}

static enum err init_write_files(struct str folder, enum init_example example, struct fail *fail)
{
    static const char *const secrets[] = { "keys/pepper.key", "keys/upstream-a.key",
                                           "keys/upstream-b.key", "keys/upstream-c.key" };
    TRY(init_make_folder(folder, "", 0755, fail));
    TRY(init_check_empty(folder, fail));
    TRY(init_make_folder(folder, "registry", 0755, fail));
    TRY(init_make_folder(folder, "registry/" REGISTRY_DOCUMENTS, 0755, fail));
    TRY(init_make_folder(folder, "keys", 0700, fail));
    TRY(init_make_folder(folder, "var", 0700, fail)); /* the books are nobody else's */
    TRY(init_write_conf(folder, fail));
    TRY(init_write_example(folder, example, fail));
    for (size_t i = 0; i < EP_ARRAY_LEN(secrets); i++) {
        TRY(init_write_secret(folder, secrets[i], fail));
    }
    char path[INIT_PATH_MAX];
    TRY(init_path(folder, "keys/log.key", path, fail));
    return sign_key_create_file(path, fail);
}

/* ---- the first client -------------------------------------------------------------------- */

static enum err init_write_key(struct str folder, struct world *world, const struct client *client,
                               struct str product, struct fail *fail)
{
    const struct api_key *key = NULL;
    struct api_key_text text;
    const struct api_key_order order = {
        .client = client->id,
        .product = product,
        .name = STR("first key"),
    };
    TRY(api_key_add(world->ident, &order, stamp_system_ns(), &key, &text, fail));
    char line[IDENT_KEY_TEXT_LEN + 1];
    memcpy(line, text.text, IDENT_KEY_TEXT_LEN);
    line[IDENT_KEY_TEXT_LEN] = '\n';
    enum err err =
        init_write(folder, "first-client.key", (struct str){ line, sizeof(line) }, 0600, fail);
    secret_wipe(line, sizeof(line));
    secret_wipe(&text, sizeof(text));
    return err;
}

static enum err init_print(struct str folder, const struct client *client,
                           const struct registry_plan *plan, const struct registry_product *product,
                           struct buf *out)
{
    TRY(buf_printf(out, "made " STR_FMT ":\n", STR_ARG(folder)));
    TRY(buf_append(out,
                   STR("  entrepot.yaml     the configuration; listens on 127.0.0.1:8080\n"
                       "  registry/         the example, signed: see registry/products.yaml\n"
                       "  keys/             the log's key, the pepper, the upstreams' keys, and\n"
                       "                    those of the example's made-up persons and parties\n"
                       "  var/              the books, and the log as it is published\n"
                       "  first-client.key  the first client's API key\nclient ")));
    TRY(id_print(out, STR(IDENT_CLIENT_PREFIX), client->id));
    TRY(buf_append(out, STR(": ")));
    TRY(money_print(out, plan->price_nano, 9, 0));
    TRY(buf_printf(out, " " STR_FMT " of credit, shown as %llu " STR_FMT "s\n",
                   STR_ARG(plan->currency), (unsigned long long)plan->units,
                   STR_ARG(product->unit.name)));
    return buf_printf(out, "next: entrepot serve --sandbox -c " STR_FMT "/entrepot.yaml\n",
                      STR_ARG(folder));
}

static enum err init_first_client(struct str folder, struct world *world, struct buf *out,
                                  struct fail *fail)
{
    const struct registry *registry = world->registry;
    if (registry->product_count == 0) {
        return FAIL(fail, ERR_NOT_FOUND, "the example registry has no product");
    }
    const struct registry_product *product = &registry->products[0];
    const struct registry_plan *plan = registry_product_plan(product, STR(INIT_PLAN));
    if (plan == NULL) {
        return FAIL(fail, ERR_NOT_FOUND, "the example registry has no plan \"%s\"", INIT_PLAN);
    }
    if (registry_party(registry, STR(INIT_PARTY)) == NULL) {
        return FAIL(fail, ERR_NOT_FOUND, "the example registry has no party \"%s\"", INIT_PARTY);
    }
    const struct client *client = NULL;
    struct ledger_purchase purchase = { 0 };
    const struct standing standing = { .party = STR(INIT_PARTY), .set_ns = stamp_system_ns() };
    TRY(act_open_client(world, STR(INIT_CLIENT), product->price_book->currency, &client, fail));
    TRY(client_set_standing(world->ident, client->id, &standing, fail));
    TRY(act_buy_plan(world, client, &(struct act_plan){ product, plan },
                     &(struct act_payment){ .reference = STR("init") }, &purchase, fail));
    TRY(init_write_key(folder, world, client, product->id, fail));
    return init_print(folder, client, plan, product, out);
}

enum err init_folder(struct str folder, struct buf *out, struct buf *errors)
{
    return init_folder_with(folder, INIT_EXAMPLE_WORLD, out, errors);
}

enum err init_folder_with(struct str folder, enum init_example example, struct buf *out,
                          struct buf *errors)
{
    struct fail fail = { 0 };
    struct world *world = NULL;
    char path[INIT_PATH_MAX];
    while (folder.len > 1 && str_ends(folder, STR("/"))) {
        folder.len--;
    }
    enum err err = crypto_start(&fail);
    err = err == ERR_OK ? init_write_files(folder, example, &fail) : err;
    err = err == ERR_OK ? init_sign(folder, errors, &fail) : err;
    err = err == ERR_OK ? init_path(folder, "entrepot.yaml", path, &fail) : err;
    if (err == ERR_OK) {
        TRY(world_open(path, WORLD_READ_WRITE, &world, errors));
        err = init_first_client(folder, world, out, &fail);
        world_close(world);
    }
    if (err != ERR_OK) {
        act_complain(errors, err, &fail,
                     err == ERR_CONFLICT ? "name a folder that is new or empty"
                                         : "remove what was made and try again");
    }
    return err;
}
