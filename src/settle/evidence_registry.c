#include "settle/evidence_registry.h"

#include <string.h>

#include "base/arena.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "registry/registry_signing.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define REGISTRY_VERSION_START "registry/version-"
#define REGISTRY_TEXT_START    "registry/text-"
#define REGISTRY_FILES_MAX     ((size_t)REGISTRY_DOCUMENTS_MAX + 64)
#define REGISTRY_ARENA_BYTES   ((size_t)32 << 20)

/* ---- names -------------------------------------------------------------------------------- */

enum err evidence_version_name(int64_t seq, struct buf *out)
{
    return buf_printf(out, REGISTRY_VERSION_START "%06lld.json", (long long)seq);
}

enum err evidence_text_name(const struct digest *sum, struct buf *out)
{
    TRY(buf_append(out, STR(REGISTRY_TEXT_START)));
    TRY(enc_hex(out, sum->bytes, DIGEST_BYTES));
    return buf_append(out, STR(".yaml"));
}

bool evidence_is_version(struct str name)
{
    return str_starts(name, STR(REGISTRY_VERSION_START));
}

/* ---- printing ----------------------------------------------------------------------------- */

static void registry_put_hex(struct jsonw *json, const char *name, const void *bytes, size_t len)
{
    char text[2 * SIGN_BYTES];
    struct buf hex = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(enc_hex(&hex, bytes, len)); /* fits */
    jsonw_put_str(json, name, buf_str(&hex));
}

static void registry_put_number(struct jsonw *json, const char *name, int64_t value)
{
    char text[24];
    struct buf number = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_i64(&number, value)); /* fits */
    jsonw_put_str(json, name, buf_str(&number));
}

/* Without an end: empty. */
static void registry_put_time(struct jsonw *json, const char *name, int64_t ns)
{
    char text[40];
    struct buf stamp = { text, 0, sizeof(text), sizeof(text) };
    if (ns != INT64_MAX) {
        EP_IGNORE(stamp_print(&stamp, ns)); /* fits */
    }
    jsonw_put_str(json, name, buf_str(&stamp));
}

static void registry_put_signer(struct jsonw *json, const struct evidence_signer *signer,
                                enum registry_role role)
{
    jsonw_open(json, '{');
    registry_put_number(json, "at_ns", signer->at_ns);
    registry_put_hex(json, "key", signer->key, sizeof(signer->key));
    jsonw_put_str(json, "person", str_from(signer->person));
    jsonw_put_str(json, "role", str_from(registry_role_name(role)));
    registry_put_hex(json, "signature", signer->sig, sizeof(signer->sig));
    jsonw_close(json, '}');
}

enum err evidence_version_print(const struct evidence_version *version,
                                const struct evidence_file *files, size_t count, struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "files");
    jsonw_open(&json, '[');
    for (size_t i = 0; i < count; i++) {
        jsonw_open(&json, '{');
        jsonw_put_str(&json, "document", files[i].document ? STR("yes") : STR("no"));
        jsonw_put_str(&json, "name", files[i].name);
        registry_put_hex(&json, "sha256", files[i].sum.bytes, DIGEST_BYTES);
        jsonw_close(&json, '}');
    }
    jsonw_close(&json, ']');
    registry_put_time(&json, "from", version->from_ns);
    registry_put_hex(&json, "hash", version->hash.bytes, DIGEST_BYTES);
    registry_put_number(&json, "number", version->seq);
    jsonw_key(&json, "signed");
    jsonw_open(&json, '[');
    for (unsigned i = 0; i < REGISTRY_ROLE_COUNT; i++) {
        registry_put_signer(&json, &version->signers[i], (enum registry_role)i);
    }
    jsonw_close(&json, ']');
    registry_put_time(&json, "until", version->until_ns);
    jsonw_put_str(&json, "version", STR("1"));
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

/* ---- reading ------------------------------------------------------------------------------ */

struct registry_reading {
    struct arena *arena;
};

static bool registry_text(struct registry_reading *reading, struct str object, const char *name,
                          struct str *ret_text)
{
    struct str value = json_get(object, str_from(name));
    char *text = value.len == 0 ? NULL : arena_alloc(reading->arena, value.len);
    struct buf out = { text, 0, value.len, value.len };
    if (text == NULL || json_kind(value) != JSON_STRING || !json_decode(value, &out)) {
        return false;
    }
    *ret_text = buf_str(&out);
    return true;
}

static bool registry_hex(struct registry_reading *reading, struct str object, const char *name,
                         void *ret_bytes, size_t len)
{
    struct str text;
    return registry_text(reading, object, name, &text) && enc_hex_read(text, ret_bytes, len);
}

static bool registry_time(struct registry_reading *reading, struct str object, const char *name,
                          int64_t *ret_ns)
{
    struct str text;
    if (!registry_text(reading, object, name, &text)) {
        return false;
    }
    *ret_ns = INT64_MAX;
    return text.len == 0 || (stamp_parse(text, ret_ns) && *ret_ns >= 0);
}

static bool registry_number(struct registry_reading *reading, struct str object, const char *name,
                            int64_t *ret_number)
{
    struct str text;
    return registry_text(reading, object, name, &text) && str_to_i64(text, ret_number) &&
           *ret_number > 0;
}

static bool registry_signer(struct registry_reading *reading, struct str item,
                            enum registry_role role, struct evidence_signer *ret_signer)
{
    struct str person;
    struct str said;
    bool fine =
        json_kind(item) == JSON_OBJECT &&
        registry_number(reading, item, "at_ns", &ret_signer->at_ns) &&
        registry_hex(reading, item, "key", ret_signer->key, sizeof(ret_signer->key)) &&
        registry_hex(reading, item, "signature", ret_signer->sig, sizeof(ret_signer->sig)) &&
        registry_text(reading, item, "role", &said) &&
        str_eq(said, str_from(registry_role_name(role))) &&
        registry_text(reading, item, "person", &person) && person.len <= EVIDENCE_PERSON_MAX;
    if (fine) {
        memcpy(ret_signer->person, person.ptr, person.len);
        ret_signer->person[person.len] = '\0';
    }
    return fine;
}

static bool registry_signers(struct registry_reading *reading, struct str list,
                             struct evidence_version *ret_version)
{
    struct str item;
    struct str rest = list.len > 0 && json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    for (unsigned i = 0; i < REGISTRY_ROLE_COUNT; i++) {
        if (!json_next_item(&rest, &item) ||
            !registry_signer(reading, item, (enum registry_role)i, &ret_version->signers[i])) {
            return false;
        }
    }
    return !json_next_item(&rest, &item);
}

static enum err registry_files(struct registry_reading *reading, struct str list,
                               evidence_file_fn *told, void *context, bool *ret_fine)
{
    struct str item;
    struct str rest = list.len > 0 && json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    *ret_fine = list.len > 0;
    while (*ret_fine && json_next_item(&rest, &item)) {
        struct evidence_file file = { .text = STR_EMPTY };
        struct str document = STR_EMPTY;
        *ret_fine = json_kind(item) == JSON_OBJECT &&
                    registry_text(reading, item, "name", &file.name) &&
                    registry_text(reading, item, "document", &document) &&
                    registry_hex(reading, item, "sha256", file.sum.bytes, DIGEST_BYTES);
        if (*ret_fine) {
            file.document = str_eq(document, STR("yes"));
            TRY(told(context, &file));
        }
    }
    return ERR_OK;
}

static enum err registry_parts(struct registry_reading *reading, struct str text,
                               struct evidence_version *ret_version, evidence_file_fn *told,
                               void *context, bool *ret_fine)
{
    bool fine = registry_number(reading, text, "number", &ret_version->seq) &&
                registry_hex(reading, text, "hash", ret_version->hash.bytes, DIGEST_BYTES) &&
                registry_time(reading, text, "from", &ret_version->from_ns) &&
                registry_time(reading, text, "until", &ret_version->until_ns) &&
                registry_signers(reading, json_get(text, STR("signed")), ret_version);
    *ret_fine = fine;
    return fine ? registry_files(reading, json_get(text, STR("files")), told, context, ret_fine)
                : ERR_OK;
}

enum err evidence_version_read(struct str text, struct evidence_version *ret_version,
                               evidence_file_fn *told, void *context, struct fail *fail)
{
    struct json_fault fault;
    struct arena arena;
    struct str object = json_trim(text);
    bool fine = json_check(object, &fault) == ERR_OK && json_kind(object) == JSON_OBJECT;
    enum err err = ERR_OK;
    *ret_version = (struct evidence_version){ .seq = 0 };
    arena_init(&arena, 4096, REGISTRY_ARENA_BYTES);
    struct registry_reading reading = { &arena };
    if (fine) {
        err = registry_parts(&reading, object, ret_version, told, context, &fine);
    }
    arena_fini(&arena);
    if (err == ERR_OK && !fine) {
        err = FAIL(fail, ERR_PACK_INVALID, "it is not what a registry's version is in a pack");
    }
    return err;
}

/* ---- the registry ------------------------------------------------------------------------- */

struct registry_loading {
    const struct pack *pack;
    struct registry_file *files;
    struct buf *texts; /* of each file */
    size_t file_count;
    struct registry_sum *sums;
    size_t sum_count;
    uint64_t bytes; /* of the texts */
    struct arena arena;
    struct fail *fail;
};

static enum err loading_text(struct registry_loading *loading, const struct evidence_file *file,
                             struct str name)
{
    char room[PACK_NAME_MAX];
    struct buf path = { room, 0, sizeof(room), sizeof(room) };
    struct buf *text = &loading->texts[loading->file_count];
    TRY(evidence_text_name(&file->sum, &path));
    size_t at = pack_find(loading->pack, buf_str(&path));
    if (at == pack_count(loading->pack)) {
        return FAIL(loading->fail, ERR_PACK_INVALID, "its text \"" STR_FMT "\" is missing",
                    STR_ARG(buf_str(&path)));
    }
    loading->bytes += pack_size(loading->pack, at);
    if (loading->bytes > REGISTRY_YAML_MAX) {
        return FAIL(loading->fail, ERR_PACK_INVALID, "its texts are longer than registries are");
    }
    buf_init(text, PACK_FILE_MAX);
    loading->files[loading->file_count++].name = name;
    TRY(pack_read(loading->pack, at, text, loading->fail));
    struct digest sum = digest_sha256(buf_str(text));
    if (!digest_eq(&sum, &file->sum)) {
        return FAIL(loading->fail, ERR_PACK_INVALID,
                    "\"" STR_FMT "\" has another sum than its name", STR_ARG(buf_str(&path)));
    }
    loading->files[loading->file_count - 1].text = buf_str(text);
    return ERR_OK;
}

static enum err loading_on_file(void *context, const struct evidence_file *file)
{
    struct registry_loading *loading = context;
    struct str name;
    if (loading->file_count + loading->sum_count == REGISTRY_FILES_MAX) {
        return FAIL(loading->fail, ERR_PACK_INVALID, "it has more files than registries have");
    }
    if (!arena_copy(&loading->arena, file->name, &name)) {
        return FAIL(loading->fail, ERR_NO_MEMORY, "no memory for a registry");
    }
    if (file->document) {
        loading->sums[loading->sum_count++] = (struct registry_sum){ name, file->sum };
        return ERR_OK;
    }
    return loading_text(loading, file, name);
}

static enum err loading_parse(struct registry_loading *loading,
                              const struct evidence_version *version,
                              struct registry **ret_registry)
{
    struct registry_report report;
    registry_report_init(&report);
    enum err err = registry_parse_sums(loading->files, loading->file_count, loading->sums,
                                       loading->sum_count, ret_registry, &report);
    if (err != ERR_OK) {
        err = FAIL(loading->fail, err == ERR_NO_MEMORY ? err : ERR_PACK_INVALID,
                   "registry version %lld cannot be read: %s", (long long)version->seq,
                   report.count > 0 ? report.faults[0].text : "memory");
    } else if (!digest_eq(&(*ret_registry)->hash, &version->hash)) {
        registry_unref(*ret_registry);
        err = FAIL(loading->fail, ERR_PACK_INVALID,
                   "registry version %lld does not say what was signed: its hash is another",
                   (long long)version->seq);
    }
    registry_report_fini(&report);
    return err;
}

static enum err loading_read(struct registry_loading *loading,
                             const struct evidence_version *version)
{
    char room[PACK_NAME_MAX];
    struct buf name = { room, 0, sizeof(room), sizeof(room) };
    struct evidence_version again;
    struct buf text;
    TRY(evidence_version_name(version->seq, &name));
    size_t at = pack_find(loading->pack, buf_str(&name));
    if (at == pack_count(loading->pack)) {
        return FAIL(loading->fail, ERR_PACK_INVALID, "\"" STR_FMT "\" is missing",
                    STR_ARG(buf_str(&name)));
    }
    buf_init(&text, PACK_FILE_MAX);
    enum err err = pack_read(loading->pack, at, &text, loading->fail);
    err = err == ERR_OK ? evidence_version_read(buf_str(&text), &again, loading_on_file, loading,
                                                loading->fail)
                        : err;
    buf_fini(&text);
    return err;
}

enum err evidence_registry_read(const struct pack *pack, const struct evidence_version *version,
                                struct registry **ret_registry, struct fail *fail)
{
    struct registry_loading loading = {
        .pack = pack,
        .files = mem_zalloc(REGISTRY_FILES_MAX * sizeof(struct registry_file)),
        .texts = mem_zalloc(REGISTRY_FILES_MAX * sizeof(struct buf)),
        .sums = mem_zalloc(REGISTRY_FILES_MAX * sizeof(struct registry_sum)),
        .fail = fail,
    };
    arena_init(&loading.arena, 4096, REGISTRY_ARENA_BYTES);
    enum err err = ERR_NO_MEMORY;
    if (loading.files != NULL && loading.texts != NULL && loading.sums != NULL) {
        err = loading_read(&loading, version);
        err = err == ERR_OK ? loading_parse(&loading, version, ret_registry) : err;
    }
    for (size_t i = 0; i < loading.file_count; i++) {
        buf_fini(&loading.texts[i]);
    }
    mem_free(loading.files);
    mem_free(loading.texts);
    mem_free(loading.sums);
    arena_fini(&loading.arena);
    return err;
}
