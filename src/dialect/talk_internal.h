/* What readers and writers of talks share. */
#pragma once

#include "base/enc.h"
#include "dialect/carry.h"
#include "dialect/talk.h"
#include "dialect/text.h"
#include "wire/json.h"

/* ---- reading ------------------------------------------------------------------------------ */

struct talk_reading {
    struct talk *talk;
    struct fail *fail;
    const char *within; /* what stands before a member's name in its path: "reasoning." */
    /* Whether a member has that name; NULL: json_key_is(). */
    bool (*key_is)(struct str key, struct str name);
};

#define TALK_REFUSED (-1) /* the pair cannot carry it: refused unless it says nothing */
#define TALK_IGNORED (-2) /* of no consequence here */
/* Refused likewise, on a route of its own dialect too: where content may go, and what is kept
 * there, is not the client's to say. */
#define TALK_NEVER (-3)

/* A member of an object that may stand there. */
struct talk_member {
    struct str name;
    enum err (*read)(struct talk_reading *reading, struct str value); /* NULL: see `loss` */
    int loss; /* a lost_bit, TALK_REFUSED, TALK_IGNORED */
};

/* Reads an object's members by the table; null is as if a member were not there. */
EP_MUST_CHECK enum err talk_read_object(struct talk_reading *reading, struct str object,
                                        const struct talk_member *table, size_t count);
/* Refuses the member `within` + `name` of the request. */
EP_MUST_CHECK enum err talk_refuse(struct talk_reading *reading, enum err err, struct str name,
                                   const char *what);
/* The same of what a route of the request's own dialect carries: noted, where the path says so. */
EP_MUST_CHECK enum err talk_own(struct talk_reading *reading, struct str name, const char *what);
EP_MUST_CHECK enum err talk_own_at(struct talk *talk, struct fail *fail, uint32_t turn,
                                   uint32_t place, const char *what);
/* Whether a value is one of those names, or begins with one that ends in "*". */
bool talk_is_among(struct str value, const struct str *names, size_t count);
/* Refuses a member of a tool's definition that is none of those names, unless it says nothing. */
EP_MUST_CHECK enum err talk_check_tool(struct talk_reading *reading, struct str tool,
                                       const struct str *names, size_t count);
/* Refuses what stands at a place of the turns: "messages[3].content[1]" and `member` behind it. */
EP_MUST_CHECK enum err talk_refuse_at(struct talk *talk, struct fail *fail, enum err err,
                                      uint32_t turn, uint32_t place, const char *what);
#define TALK_NO_PLACE UINT32_MAX

bool talk_is(struct str value, enum json_kind kind);
/* talk_take.c: values of single members, refused with the name where they are of another kind. */
EP_MUST_CHECK enum err talk_take_bool(struct talk_reading *reading, struct str name,
                                      struct str value, bool *ret_value);
EP_MUST_CHECK enum err talk_take_number(struct talk_reading *reading, struct str name,
                                        struct str value, struct str *ret_value);
EP_MUST_CHECK enum err talk_take_count(struct talk_reading *reading, struct str name,
                                       struct str value, int64_t max, int64_t *ret_value);
EP_MUST_CHECK enum err talk_take_text(struct talk_reading *reading, struct str name,
                                      struct str value, struct str *ret_text);
EP_MUST_CHECK enum err talk_take_list(struct talk_reading *reading, struct str name,
                                      struct str value, struct str *ret_items);
/* auto, none and required, as OpenAI has them. False: it is none of these words. */
bool talk_take_choice(struct talk *talk, struct str value);
EP_MUST_CHECK enum err talk_take_stops(struct talk_reading *reading, struct str name,
                                       struct str value);
EP_MUST_CHECK enum err talk_take_effort(struct talk_reading *reading, struct str name,
                                        struct str value);
/* Readers that several dialects have under the same name. */
EP_MUST_CHECK enum err talk_on_model(struct talk_reading *reading, struct str value);
EP_MUST_CHECK enum err talk_on_stream(struct talk_reading *reading, struct str value);
EP_MUST_CHECK enum err talk_on_temperature(struct talk_reading *reading, struct str value);
EP_MUST_CHECK enum err talk_on_top_p(struct talk_reading *reading, struct str value);
EP_MUST_CHECK enum err talk_on_top_k(struct talk_reading *reading, struct str value);
EP_MUST_CHECK enum err talk_on_parallel(struct talk_reading *reading, struct str value);
EP_MUST_CHECK enum err talk_on_metadata(struct talk_reading *reading, struct str value);
EP_MUST_CHECK enum err talk_on_user(struct talk_reading *reading, struct str value);
EP_MUST_CHECK enum err talk_on_tier(struct talk_reading *reading, struct str value);
EP_MUST_CHECK enum err talk_on_store(struct talk_reading *reading, struct str value);

/* A turn at the end; one of the same role as the last is the last where `joins`. */
EP_MUST_CHECK enum err talk_add_turn(struct talk_reading *reading, enum talk_role role, uint32_t at,
                                     bool joins, struct talk_turn **ret_turn);
/* A turn before all others, wherever the request has it, unless it says nothing. */
typedef enum err talk_content_fn(struct talk_reading *reading, struct talk_turn *turn,
                                 struct str value);
EP_MUST_CHECK enum err talk_add_system(struct talk_reading *reading, struct str value,
                                       talk_content_fn *read);
/* A result is of the turn before it, if that is of results. */
bool talk_ends_in_result(const struct talk *talk);
EP_MUST_CHECK enum err talk_add_part(struct talk_reading *reading, struct talk_turn *turn,
                                     enum talk_kind kind, uint32_t place,
                                     struct talk_part **ret_part);
/* Text that says nothing is no part. */
EP_MUST_CHECK enum err talk_add_text(struct talk_reading *reading, struct talk_turn *turn,
                                     uint32_t place, struct str text);
/* A part of a result. */
EP_MUST_CHECK enum err talk_add_inner(struct talk_reading *reading, struct talk_part *result,
                                      enum talk_kind kind, struct talk_part **ret_part);
EP_MUST_CHECK enum err talk_add_tool(struct talk_reading *reading, struct str name,
                                     struct talk_tool **ret_tool);
/* The id of a call or a result, as the upstream gave it. */
EP_MUST_CHECK enum err talk_set_id(struct talk_reading *reading, struct talk_part *part,
                                   struct str id);
void talk_set_signature(struct talk *talk, struct talk_part *part, struct str signature);
/* "data:image/png;base64,..." or an address. */
EP_MUST_CHECK enum err talk_set_url(struct talk_reading *reading, struct talk_part *part,
                                    struct str url);
EP_MUST_CHECK enum err talk_set_data(struct talk_reading *reading, struct talk_part *part,
                                     struct str media, struct str data);

EP_MUST_CHECK enum err talk_read_chat(struct talk_reading *reading);
EP_MUST_CHECK enum err talk_read_responses(struct talk_reading *reading);
EP_MUST_CHECK enum err talk_read_anthropic(struct talk_reading *reading);
EP_MUST_CHECK enum err talk_read_gemini(struct talk_reading *reading);

/* Somebody says something, every result has its call, and every call its result in the turn behind
 * it. */
EP_MUST_CHECK enum err talk_check(struct talk *talk, struct fail *fail);

/* ---- writing ------------------------------------------------------------------------------ */

struct talk_writing {
    struct talk *talk;
    const struct talk_target *target;
    struct put put;
    struct lost *lost;
    struct fail *fail;
    bool more; /* a comma has to stand before the next member */
};

/* `,"name":`, the comma where it must be. */
void talk_key(struct talk_writing *writing, const char *name);
EP_MUST_CHECK enum err talk_cannot(struct talk_writing *writing, const struct talk_part *part,
                                   const char *what);
/* Refuses a member of the request as its client has named it. */
EP_MUST_CHECK enum err talk_cannot_field(struct talk_writing *writing, const char *chat,
                                         const char *responses, const char *anthropic,
                                         const char *gemini);
/* A number if the target takes such, within `max` thousandths; lost is noted. */
void talk_put_sampling(struct talk_writing *writing, const char *name, struct str number,
                       enum lost_bit bit, int64_t max_milli);
/* A call's arguments: as text in quotes, or as JSON. */
void talk_put_args_text(struct talk_writing *writing, const struct talk_part *part);
EP_MUST_CHECK enum err talk_put_args_json(struct talk_writing *writing,
                                          const struct talk_part *part);
void talk_put_id(struct talk_writing *writing, struct str id);
/* "data:image/png;base64,..." or the address, in quotes. */
EP_MUST_CHECK enum err talk_put_url(struct talk_writing *writing, const struct talk_part *part);
/* All text of a result as one text in quotes; refuses what is no text. */
EP_MUST_CHECK enum err talk_put_result_text(struct talk_writing *writing,
                                            const struct talk_part *part);
/* Whether reasoning can go back to this target; notes what is lost if not. */
bool talk_keeps_reason(struct talk_writing *writing, const struct talk_part *part);
/* A turn that says nothing but what was thought is left out: no upstream takes it, and its
 * neighbours are then of one side. */
bool talk_is_silent(const struct talk_turn *turn);
/* That turn, or the first behind it that is not silent; NULL: there is none. */
const struct talk_turn *talk_next_loud(const struct talk_turn *turn);
/* The stop texts as a list. */
void talk_put_stops(struct talk_writing *writing);
const char *talk_effort_name(enum talk_effort effort);
/* An effort as a budget of tokens and back. */
int64_t talk_effort_budget(enum talk_effort effort);
enum talk_effort talk_budget_effort(int64_t budget);
/* What was said of effort, by whichever way. */
enum talk_effort talk_effort_of(struct talk_writing *writing);
/* The same where "xhigh" is the most; lost is noted. */
enum talk_effort talk_effort_openai(struct talk_writing *writing);
/* A tool's name in quotes, and its description, if it has one, as the next member. */
void talk_put_tool_name(struct put *put, const struct talk_tool *tool);
/* Tools, the choice among them and whether calls may be parallel, as OpenAI has them. `put_tool`:
 * one of them; `named`: what stands before the name of the one that is chosen, `closed` behind. */
void talk_put_tools_openai(struct talk_writing *writing,
                           void (*put_tool)(struct talk_writing *, const struct talk_tool *),
                           struct str named, struct str closed);

EP_MUST_CHECK enum err talk_write_chat(struct talk_writing *writing);
EP_MUST_CHECK enum err talk_write_responses(struct talk_writing *writing);
EP_MUST_CHECK enum err talk_write_anthropic(struct talk_writing *writing);
EP_MUST_CHECK enum err talk_write_gemini(struct talk_writing *writing);
