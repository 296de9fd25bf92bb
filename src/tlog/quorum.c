#include "tlog/quorum.h"

#include "base/mem.h"
#include "tlog/tree.h"

#define QUORUM_NODES_MAX (QUORUM_WITNESSES_MAX + QUORUM_GROUPS_MAX)
#define QUORUM_WORDS_MAX (3 + QUORUM_NODES_MAX) /* "group NAME K" and every name there is */
#define QUORUM_NONE      SIZE_MAX
#define QUORUM_SHOWN     60 /* of a word of the file, in a message */

/* A witness or a group. Each is a member of one group at most, so that they form trees, and a
 * member stands before its group. */
struct quorum_node {
    struct str name;
    size_t witness; /* its place; QUORUM_NONE: a group */
    size_t wanted;  /* members, of a group */
    size_t group;   /* whose member it is; QUORUM_NONE: of none yet */
};

struct quorum {
    struct str text; /* owned: what all names borrow from */
    size_t log_count;
    size_t witness_count;
    size_t group_count;
    size_t node_count;
    size_t top; /* the node that must be reached; QUORUM_NONE: "none" */
    struct quorum_party logs[QUORUM_LOGS_MAX];
    struct quorum_party witnesses[QUORUM_WITNESSES_MAX];
    struct quorum_node nodes[QUORUM_NODES_MAX];
};

/* ---- reading ----------------------------------------------------------------------------- */

struct quorum_reading {
    struct quorum *quorum;
    struct fail *fail;
    size_t line;
    bool has_top; /* the line "quorum" was read */
    size_t count;
    struct str words[QUORUM_WORDS_MAX];
};

static enum err quorum_bad(const struct quorum_reading *reading, const char *what, struct str word)
{
    return FAIL(reading->fail, ERR_QUORUM_INVALID, "line %zu: %s \"" STR_FMT "\"", reading->line,
                what, (int)(word.len < QUORUM_SHOWN ? word.len : QUORUM_SHOWN),
                word.len > 0 ? word.ptr : "");
}

static size_t quorum_find(const struct quorum *quorum, struct str name)
{
    size_t at = 0;
    while (at < quorum->node_count && !str_eq(quorum->nodes[at].name, name)) {
        at++;
    }
    return at < quorum->node_count ? at : QUORUM_NONE;
}

static enum err quorum_add_node(struct quorum_reading *reading, const struct quorum_node *node)
{
    struct quorum *quorum = reading->quorum;
    if (str_eq(node->name, STR("none"))) {
        return quorum_bad(reading, "nothing can have the name", node->name);
    }
    if (quorum_find(quorum, node->name) != QUORUM_NONE) {
        return quorum_bad(reading, "there is a witness or group before with the name", node->name);
    }
    ASSERT(quorum->node_count < QUORUM_NODES_MAX);
    quorum->nodes[quorum->node_count++] = *node;
    return ERR_OK;
}

/* Whether one of `parties` has the public key of `key`. */
static bool quorum_has_key(const struct quorum_party *parties, size_t count,
                           const struct note_key *key)
{
    for (size_t i = 0; i < count; i++) {
        if (note_key_same(&parties[i].key, key)) {
            return true;
        }
    }
    return false;
}

/* "VKEY [URL]" from word `at` on. `algorithm`: what its signatures are, but for ML-DSA. */
static enum err quorum_read_party(struct quorum_reading *reading, size_t at,
                                  enum note_algorithm algorithm, struct quorum_party *ret_party)
{
    const struct quorum *quorum = reading->quorum;
    struct str vkey = reading->words[at];
    struct fail why;
    if (note_key_parse(vkey, &ret_party->key, &why) != ERR_OK) {
        return FAIL(reading->fail, ERR_QUORUM_INVALID, "line %zu: %s", reading->line, why.text);
    }
    if (ret_party->key.algorithm != algorithm && ret_party->key.algorithm != NOTE_ML_DSA_44) {
        return quorum_bad(reading,
                          algorithm == NOTE_ED25519
                              ? "a log signs with a key of algorithm 0x01, which is not"
                              : "a witness signs with a key of algorithm 0x04, which is not",
                          vkey);
    }
    if (quorum_has_key(quorum->logs, quorum->log_count, &ret_party->key) ||
        quorum_has_key(quorum->witnesses, quorum->witness_count, &ret_party->key)) {
        return quorum_bad(reading, "a line before has the same public key as", vkey);
    }
    ret_party->url = reading->count > at + 1 ? reading->words[at + 1] : STR_EMPTY;
    return ERR_OK;
}

static enum err quorum_read_log(struct quorum_reading *reading)
{
    struct quorum *quorum = reading->quorum;
    if (reading->count < 2 || reading->count > 3) {
        return quorum_bad(reading, "a log is written \"log VKEY [URL]\", not", reading->words[0]);
    }
    if (quorum->log_count == QUORUM_LOGS_MAX) {
        return quorum_bad(reading, "there are more than 32 logs with", reading->words[1]);
    }
    struct quorum_party *log = &quorum->logs[quorum->log_count];
    TRY(quorum_read_party(reading, 1, NOTE_ED25519, log));
    log->name = str_from(log->key.name);
    quorum->log_count++;
    return ERR_OK;
}

static enum err quorum_read_witness(struct quorum_reading *reading)
{
    struct quorum *quorum = reading->quorum;
    if (reading->count < 3 || reading->count > 4) {
        return quorum_bad(reading, "a witness is written \"witness NAME VKEY [URL]\", not",
                          reading->words[0]);
    }
    if (quorum->witness_count == QUORUM_WITNESSES_MAX) {
        return quorum_bad(reading, "there are more than 32 witnesses with", reading->words[1]);
    }
    struct quorum_party *witness = &quorum->witnesses[quorum->witness_count];
    TRY(quorum_read_party(reading, 2, NOTE_COSIGNATURE, witness));
    witness->name = reading->words[1];
    const struct quorum_node node = { .name = witness->name,
                                      .witness = quorum->witness_count,
                                      .group = QUORUM_NONE };
    TRY(quorum_add_node(reading, &node));
    quorum->witness_count++;
    return ERR_OK;
}

/* "all", "any", or a number of 1 to `members`. */
static bool quorum_read_wanted(struct str word, size_t members, size_t *ret_wanted)
{
    int64_t number = 0;
    if (str_eq(word, STR("all"))) {
        number = (int64_t)members;
    } else if (str_eq(word, STR("any"))) {
        number = 1;
    } else if (!tree_size_read(word, &number)) {
        return false;
    }
    *ret_wanted = (size_t)number;
    return number >= 1 && (size_t)number <= members;
}

static enum err quorum_read_member(struct quorum_reading *reading, struct str name, size_t group)
{
    size_t at = quorum_find(reading->quorum, name);
    if (at == QUORUM_NONE) {
        return quorum_bad(reading, "no line before defines the member", name);
    }
    struct quorum_node *member = &reading->quorum->nodes[at];
    if (member->group != QUORUM_NONE) {
        return quorum_bad(reading, "it is a member already:", name);
    }
    member->group = group;
    return ERR_OK;
}

static enum err quorum_read_group(struct quorum_reading *reading)
{
    struct quorum *quorum = reading->quorum;
    if (reading->count < 4) {
        return quorum_bad(reading, "a group is written \"group NAME all|any|K MEMBER...\", not",
                          reading->words[0]);
    }
    if (quorum->group_count == QUORUM_GROUPS_MAX) {
        return quorum_bad(reading, "there are more than 32 groups with", reading->words[1]);
    }
    struct quorum_node node = { .name = reading->words[1],
                                .witness = QUORUM_NONE,
                                .group = QUORUM_NONE };
    if (!quorum_read_wanted(reading->words[2], reading->count - 3, &node.wanted)) {
        return quorum_bad(reading,
                          "how many members are wanted is \"all\", \"any\", or a number from 1 to"
                          " as many as there are, not",
                          reading->words[2]);
    }
    for (size_t i = 3; i < reading->count; i++) {
        TRY(quorum_read_member(reading, reading->words[i], quorum->node_count));
    }
    TRY(quorum_add_node(reading, &node));
    quorum->group_count++;
    return ERR_OK;
}

static enum err quorum_read_top(struct quorum_reading *reading)
{
    if (reading->count != 2) {
        return quorum_bad(reading, "a quorum is written \"quorum NAME\" or \"quorum none\", not",
                          reading->words[0]);
    }
    if (reading->has_top) {
        return quorum_bad(reading, "there is a second quorum:", reading->words[1]);
    }
    reading->has_top = true;
    reading->quorum->top = quorum_find(reading->quorum, reading->words[1]);
    if (reading->quorum->top == QUORUM_NONE && !str_eq(reading->words[1], STR("none"))) {
        return quorum_bad(reading, "no line before defines the witness or group",
                          reading->words[1]);
    }
    return ERR_OK;
}

static bool quorum_is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

static enum err quorum_split(struct quorum_reading *reading, struct str line)
{
    reading->count = 0;
    size_t at = 0;
    while (at < line.len) {
        size_t start = at;
        while (at < line.len && !quorum_is_space(line.ptr[at])) {
            at++;
        }
        if (at > start && reading->count == QUORUM_WORDS_MAX) {
            return quorum_bad(reading, "there are more words than a line can have, from",
                              str_slice(line, start, at));
        }
        if (at > start) {
            reading->words[reading->count++] = str_slice(line, start, at);
        }
        at += at < line.len;
    }
    return ERR_OK;
}

static enum err quorum_read_line(struct quorum_reading *reading, struct str line)
{
    static const struct {
        struct str word;
        enum err (*read)(struct quorum_reading *reading);
    } kinds[] = {
        { STR_INIT("log"), quorum_read_log },
        { STR_INIT("witness"), quorum_read_witness },
        { STR_INIT("group"), quorum_read_group },
        { STR_INIT("quorum"), quorum_read_top },
    };
    struct str trimmed = str_trim(line);
    if (trimmed.len == 0 || trimmed.ptr[0] == '#') {
        return ERR_OK;
    }
    TRY(quorum_split(reading, trimmed));
    for (size_t i = 0; i < EP_ARRAY_LEN(kinds); i++) {
        if (str_eq(reading->words[0], kinds[i].word)) {
            return kinds[i].read(reading);
        }
    }
    return quorum_bad(reading, "a line begins with log, witness, group or quorum, not",
                      reading->words[0]);
}

static bool quorum_byte_allowed(char byte)
{
    unsigned char value = (unsigned char)byte;
    return byte == '\t' || byte == '\n' || (value >= 0x20 && value != 0x7F);
}

static enum err quorum_read(struct quorum_reading *reading)
{
    struct str rest = reading->quorum->text;
    if (rest.len > 0 && rest.ptr[rest.len - 1] != '\n') {
        return FAIL(reading->fail, ERR_QUORUM_INVALID,
                    "the last line does not end with a line feed: is the file cut?");
    }
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        reading->line++;
        for (size_t i = 0; i < line.len; i++) {
            if (!quorum_byte_allowed(line.ptr[i])) {
                return FAIL(reading->fail, ERR_QUORUM_INVALID,
                            "line %zu: byte %zu is a control character (0x%02x)", reading->line,
                            i + 1, (unsigned)(unsigned char)line.ptr[i]);
            }
        }
        TRY(quorum_read_line(reading, line));
    }
    if (!reading->has_top) {
        return FAIL(reading->fail, ERR_QUORUM_INVALID,
                    "no line says what the quorum is; \"quorum none\" wants no witness");
    }
    return ERR_OK;
}

enum err quorum_parse(struct str text, struct quorum **ret_quorum, struct fail *fail)
{
    if (text.len > QUORUM_BYTES_MAX) {
        return FAIL(fail, ERR_QUORUM_INVALID, "it has %zu bytes; at most %d are read", text.len,
                    QUORUM_BYTES_MAX);
    }
    struct quorum *quorum = mem_zalloc(sizeof(*quorum));
    char *copy = text.len > 0 ? mem_copy_text(text.ptr, text.len) : NULL;
    if (quorum == NULL || (text.len > 0 && copy == NULL)) {
        mem_free(copy);
        mem_free(quorum);
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the quorum");
    }
    quorum->text = (struct str){ copy, text.len };
    quorum->top = QUORUM_NONE;
    struct quorum_reading reading = { .quorum = quorum, .fail = fail };
    enum err err = quorum_read(&reading);
    if (err != ERR_OK) {
        quorum_destroy(quorum);
        return err;
    }
    *ret_quorum = quorum;
    return ERR_OK;
}

void quorum_destroy(struct quorum *quorum)
{
    if (quorum != NULL) {
        mem_free((char *)(uintptr_t)quorum->text.ptr);
        mem_free(quorum);
    }
}

/* ---- asking ------------------------------------------------------------------------------ */

size_t quorum_logs(const struct quorum *quorum)
{
    return quorum->log_count;
}

const struct quorum_party *quorum_log(const struct quorum *quorum, size_t at)
{
    ASSERT(at < quorum->log_count);
    return &quorum->logs[at];
}

size_t quorum_witnesses(const struct quorum *quorum)
{
    return quorum->witness_count;
}

const struct quorum_party *quorum_witness(const struct quorum *quorum, size_t at)
{
    ASSERT(at < quorum->witness_count);
    return &quorum->witnesses[at];
}

bool quorum_reached(const struct quorum *quorum, const bool *signed_by)
{
    size_t members[QUORUM_NODES_MAX] = { 0 }; /* of each group, that are reached */
    for (size_t i = 0; i < quorum->node_count; i++) {
        const struct quorum_node *node = &quorum->nodes[i];
        bool reached =
            node->witness != QUORUM_NONE ? signed_by[node->witness] : members[i] >= node->wanted;
        if (i == quorum->top) {
            return reached; /* whatever it consists of stands before it */
        }
        if (reached && node->group != QUORUM_NONE) {
            ASSERT(node->group > i);
            members[node->group]++;
        }
    }
    return quorum->top == QUORUM_NONE;
}

enum err quorum_check(const struct quorum *quorum, const struct note *note, bool *ret_signed,
                      struct fail *fail)
{
    bool is_signed[QUORUM_WITNESSES_MAX] = { false };
    for (size_t i = 0; i < quorum->witness_count; i++) {
        const struct quorum_party *witness = &quorum->witnesses[i];
        enum note_verdict verdict = note_check(note, &witness->key, NULL);
        if (verdict == NOTE_FORGED) {
            return FAIL(fail, ERR_NOTE_FORGED,
                        "the cosignature of the witness \"" STR_FMT "\" (%s) does not hold",
                        (int)(witness->name.len < QUORUM_SHOWN ? witness->name.len : QUORUM_SHOWN),
                        witness->name.ptr, witness->key.name);
        }
        is_signed[i] = verdict == NOTE_SIGNED;
    }
    memcpy(ret_signed, is_signed, sizeof(is_signed));
    return ERR_OK;
}
