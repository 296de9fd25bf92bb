#include "script.h"

#include <fcntl.h>
#include <unistd.h>

#include "wire/json.h"

static enum err script_read(struct script *script, int fd, const char *path, struct fail *fail)
{
    for (;;) {
        TRY(buf_reserve(&script->text, 4096));
        ssize_t got = read(fd, script->text.ptr + script->text.len, 4096);
        if (got < 0) {
            return FAIL_SYS(fail, ERR_IO, "could not read \"%s\"", path);
        }
        if (got == 0) {
            return ERR_OK;
        }
        buf_added(&script->text, (size_t)got);
    }
}

static bool script_is(struct str value, enum json_kind kind)
{
    return value.len > 0 && json_kind(value) == kind;
}

/* A call with its arguments, or a text. */
static bool script_step_is_fine(struct str step)
{
    if (!script_is(step, JSON_OBJECT)) {
        return false;
    }
    return script_is(json_get(step, STR("say")), JSON_STRING) ||
           (script_is(json_get(step, STR("call")), JSON_STRING) &&
            script_is(json_get(step, STR("arguments")), JSON_OBJECT));
}

static enum err script_check(const struct script *script, const char *path, struct fail *fail)
{
    struct json_fault fault;
    struct str steps = json_trim(buf_str(&script->text));
    if (json_check(steps, &fault) != ERR_OK || !script_is(steps, JSON_ARRAY)) {
        return FAIL(fail, ERR_JSON_SYNTAX, "\"%s\" is no JSON array of steps", path);
    }
    struct str rest = json_inside(steps);
    struct str step;
    for (size_t i = 1; json_next_item(&rest, &step); i++) {
        if (!script_step_is_fine(step)) {
            return FAIL(fail, ERR_ASK_INVALID,
                        "step %zu of \"%s\" has neither \"say\" nor \"call\" and \"arguments\"", i,
                        path);
        }
    }
    return ERR_OK;
}

enum err script_load(struct script *script, const char *path, struct fail *fail)
{
    buf_init(&script->text, SCRIPT_BYTES_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", path);
    }
    enum err err = script_read(script, fd, path, fail);
    (void)close(fd); /* was read only */
    err = err == ERR_OK ? script_check(script, path, fail) : err;
    if (err != ERR_OK) {
        script_fini(script);
    }
    return err;
}

void script_fini(struct script *script)
{
    buf_fini(&script->text);
}

/* Calls of tools since the user's last message. */
static size_t script_turn(struct str messages)
{
    size_t turn = 0;
    struct str rest = json_inside(messages);
    struct str message;
    while (json_next_item(&rest, &message)) {
        struct str calls = json_get(message, STR("tool_calls"));
        if (json_string_is(json_get(message, STR("role")), STR("user"))) {
            turn = 0;
        } else if (script_is(calls, JSON_ARRAY)) {
            turn++;
        }
    }
    return turn;
}

bool script_step(const struct script *script, struct str messages, struct script_step *ret_step)
{
    size_t turn = script_turn(messages);
    struct str rest = json_inside(json_trim(buf_str(&script->text)));
    struct str step;
    for (size_t i = 0; json_next_item(&rest, &step); i++) {
        if (i == turn) {
            *ret_step = (struct script_step){
                .call = json_get(step, STR("call")),
                .arguments = json_get(step, STR("arguments")),
                .say = json_get(step, STR("say")),
            };
            return true;
        }
    }
    return false;
}
