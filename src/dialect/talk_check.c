#include "dialect/talk_internal.h"

/*
 * Calls and their results. Upstreams of every dialect refuse a result without its call and a call
 * without its result; so that nothing is held for what will be refused, it is done here.
 */

/* A call that waits for its result. */
struct waiting {
    struct waiting *next;
    const struct talk_part *call;
};

struct checking {
    struct talk *talk;
    struct fail *fail;
    struct waiting *waiting;
    struct waiting *last;
};

static enum err check_call(struct checking *checking, const struct talk_part *call)
{
    for (const struct waiting *at = checking->waiting; at != NULL; at = at->next) {
        if (str_eq(at->call->id, call->id)) {
            return talk_refuse_at(checking->talk, checking->fail, ERR_ASK_INVALID, call->turn,
                                  call->place, "has the id of a call that waits for its result");
        }
    }
    struct waiting *waiting = arena_zalloc(checking->talk->arena, sizeof(*waiting));
    if (waiting == NULL) {
        return ERR_NO_MEMORY;
    }
    waiting->call = call;
    if (checking->last == NULL) {
        checking->waiting = waiting;
    } else {
        checking->last->next = waiting;
    }
    checking->last = waiting;
    return ERR_OK;
}

static void checking_remove(struct checking *checking, struct waiting *before,
                            struct waiting *waiting)
{
    if (before == NULL) {
        checking->waiting = waiting->next;
    } else {
        before->next = waiting->next;
    }
    checking->last = checking->last == waiting ? before : checking->last;
}

/* Gemini's results may have no id: then it is the oldest call of that name. */
static enum err check_result(struct checking *checking, struct talk_part *result)
{
    struct waiting *before = NULL;
    for (struct waiting *at = checking->waiting; at != NULL; at = at->next) {
        bool same = result->id.len > 0 ? str_eq(at->call->id, result->id)
                                       : str_eq(at->call->name, result->name);
        if (same) {
            result->id = at->call->id;
            result->name = at->call->name;
            result->custom = at->call->kind == TALK_CUSTOM_CALL;
            checking_remove(checking, before, at);
            return ERR_OK;
        }
        before = at;
    }
    return talk_refuse_at(checking->talk, checking->fail, ERR_ASK_INVALID, result->turn,
                          result->place,
                          "is the result of a call that the turn before did not make");
}

static enum err check_none_waits(struct checking *checking)
{
    if (checking->waiting == NULL) {
        return ERR_OK;
    }
    const struct talk_part *call = checking->waiting->call;
    return talk_refuse_at(checking->talk, checking->fail, ERR_ASK_INVALID, call->turn, call->place,
                          "is a call whose result does not follow it");
}

static enum err check_turn(struct checking *checking, const struct talk_turn *turn)
{
    bool results = false;
    bool others = false;
    for (struct talk_part *part = turn->parts; part != NULL; part = part->next) {
        if (part->kind == TALK_RESULT) {
            results = true;
            TRY(check_result(checking, part));
        } else {
            others = true;
        }
    }
    /* Results may come in several turns; whatever else comes, comes behind all of them. */
    TRY(others || !results ? check_none_waits(checking) : ERR_OK);
    for (const struct talk_part *part = turn->parts; part != NULL; part = part->next) {
        if (part->kind == TALK_CALL || part->kind == TALK_CUSTOM_CALL) {
            TRY(check_call(checking, part));
        }
    }
    return ERR_OK;
}

/* Instructions alone are no request. */
static bool says_something(const struct talk *talk)
{
    for (const struct talk_turn *turn = talk->turns; turn != NULL; turn = turn->next) {
        if (turn->role != TALK_SYSTEM && !talk_is_silent(turn)) {
            return true;
        }
    }
    return false;
}

enum err talk_check(struct talk *talk, struct fail *fail)
{
    struct checking checking = { .talk = talk, .fail = fail };
    if (!says_something(talk)) {
        static const struct str lists[] = { STR_INIT("messages"), STR_INIT("input"),
                                            STR_INIT("messages"), STR_INIT("contents") };
        struct talk_reading reading = { .talk = talk, .fail = fail, .within = "" };
        return talk_refuse(&reading, ERR_ASK_MISSING, lists[talk->dialect], "must say something");
    }
    for (const struct talk_turn *turn = talk->turns; turn != NULL; turn = turn->next) {
        TRY(check_turn(&checking, turn));
    }
    return check_none_waits(&checking);
}
