/* room: dialect */
#include "dialect/ask.h"
#include "dialect/ask_turns.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is taken gives an upstream body that is JSON and reads back with our values. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ask ask;
    struct ask_turns turns;
    struct json_member member;
    struct json_fault fault;
    size_t members = 0;
    ask_turns_init(&turns);
    struct str body = { (const char *)data, size };
    if (json_index(body, &member, 1, &members, &fault) != ERR_OK ||
        members > ASK_MEMBERS_MAX - 3 || /* three may be added, and are read again below */
        ask_read_chat_turns(body, &turns, &ask, NULL) != ERR_OK) {
        return 0;
    }
    char param[ASK_TURNS_PARAM_MAX] = "";
    enum err err = ask_turns_end(&turns, param, NULL);
    ASSERT(err == ERR_OK || (err == ERR_ASK_INVALID && param[0] != '\0'));
    struct arena arena;
    struct splice splice;
    struct iovec parts[SPLICE_PARTS_MAX];
    struct buf out;
    struct ask again;
    arena_init(&arena, 256, 8192);
    buf_init(&out, 1 << 21);
    ASSERT(ask_write_chat(&ask, STR("up\"stream"), 77, STR("max_tokens"), &arena, &splice) ==
           ERR_OK);
    int count = splice_parts(&splice, parts);
    for (int i = 0; i < count; i++) {
        ASSERT(buf_append(&out, (struct str){ parts[i].iov_base, parts[i].iov_len }) == ERR_OK);
    }
    ASSERT(ask_read_chat(buf_str(&out), &again, NULL) == ERR_OK);
    ASSERT(str_eq(again.model, STR("up\"stream")));
    ASSERT(again.output_cap == 77);
    ASSERT(again.stream == ask.stream);
    ASSERT(!ask.stream || again.include_usage);
    ASSERT(again.choices == ask.choices);
    ASSERT(again.provider.len == 0 && again.models.count == 0);
    buf_fini(&out);
    arena_fini(&arena);
    return 0;
}
