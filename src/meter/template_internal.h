/*
 * A family's chat template as a table of steps. A step is taken if all facts of `need` hold and
 * none of `none` does. Facts of the request hold throughout, those of a message or another item
 * while it is at hand; M1 to M3 are the program's own memory.
 */
#pragma once

#include "meter/span.h"
#include "meter/template.h"

#define FACT_TABLE(X)                                                   \
    X(TOOLS)       /* the request has tools */                          \
    X(SYSTEM_LEAD) /* its first message is a system message */          \
    X(LEAD_TEXT)   /* which has some text */                            \
    X(NO_THINK)    /* it asks for an answer without thinking */         \
    X(EFFORT)      /* it names a reasoning effort */                    \
    X(SYSTEM)      /* roles */                                          \
    X(DEVELOPER)                                                        \
    X(USER)                                                             \
    X(ASSISTANT)                                                        \
    X(TOOL)                                                             \
    X(OTHER)                                                            \
    X(FIRST)                                                            \
    X(HEAD) /* first, not counting a leading system message */          \
    X(LAST)                                                             \
    X(AFTER_QUERY)  /* behind the user's last own words */              \
    X(AFTER_USER)   /* behind the last message of the role user */      \
    X(LAST_USER)    /* is that message */                               \
    X(BEFORE_FINAL) /* an answer that calls no tool comes later */      \
    X(PREV_TOOL)                                                        \
    X(NEXT_TOOL)                                                        \
    X(REPEAT)  /* the same role as the message before */                \
    X(SILENT)  /* no content, or null */                                \
    X(CONTENT) /* some text */                                          \
    X(BLANK)   /* nothing but white space */                            \
    X(REASONING)                                                        \
    X(CALLS)                                                            \
    X(NAME)                                                             \
    X(CALL_ID)                                                          \
    X(ITEM_FIRST) /* of tools, calls, parameters, values */             \
    X(ITEM_LAST)                                                        \
    X(PARAMETERS)  /* the tool has a list of parameters, be it empty */ \
    X(DESCRIPTION) /* of the tool, or of the parameter at hand */       \
    X(REQUIRED)                                                         \
    X(VALUES)  /* the parameter is one of some */                       \
    X(DEFAULT) /* it has one */                                         \
    X(NESTED)  /* its type is no plain one */                           \
    X(M1)                                                               \
    X(M2)                                                               \
    X(M3)

#define FACT_AS_BIT(name) FACT_BIT_##name,
enum fact_bit {
    FACT_TABLE(FACT_AS_BIT) FACT_COUNT
};
#undef FACT_AS_BIT
_Static_assert(FACT_COUNT <= 64, "facts are bits of a uint64_t");

#define FACT(name) (UINT64_C(1) << FACT_BIT_##name)

#define FACTS_ROLE \
    (FACT(SYSTEM) | FACT(DEVELOPER) | FACT(USER) | FACT(ASSISTANT) | FACT(TOOL) | FACT(OTHER))
#define FACTS_MESSAGE                                                                            \
    (FACTS_ROLE | FACT(FIRST) | FACT(HEAD) | FACT(LAST) | FACT(AFTER_QUERY) | FACT(AFTER_USER) | \
     FACT(LAST_USER) | FACT(BEFORE_FINAL) | FACT(PREV_TOOL) | FACT(NEXT_TOOL) | FACT(REPEAT) |   \
     FACT(SILENT) | FACT(CONTENT) | FACT(BLANK) | FACT(REASONING) | FACT(CALLS) | FACT(NAME) |   \
     FACT(CALL_ID))
#define FACTS_ITEM (FACT(ITEM_FIRST) | FACT(ITEM_LAST))
#define FACTS_TOOL (FACT(PARAMETERS) | FACT(DESCRIPTION))
#define FACTS_PROPERTY \
    (FACT(DESCRIPTION) | FACT(REQUIRED) | FACT(VALUES) | FACT(DEFAULT) | FACT(NESTED))

enum template_op {
    TEMPLATE_OP_END,
    TEMPLATE_OP_CONTROL, /* `text` */
    TEMPLATE_OP_MARK,
    TEMPLATE_OP_TEXT,
    TEMPLATE_OP_SLOT,  /* `what`: a slot; `how`: its trim or style */
    TEMPLATE_OP_EACH,  /* `what`: over; `body` */
    TEMPLATE_OP_GAP,   /* `tokens` */
    TEMPLATE_OP_DOUBT, /* `tokens` */
    TEMPLATE_OP_SET,   /* `facts` of the memory */
    TEMPLATE_OP_CLEAR
};

enum template_over {
    TEMPLATE_OVER_NOTHING,
    TEMPLATE_OVER_MESSAGES,
    TEMPLATE_OVER_TOOLS,
    TEMPLATE_OVER_CALLS,
    TEMPLATE_OVER_PROPERTIES,
    TEMPLATE_OVER_VALUES
};

enum template_slot {
    SLOT_LEAD, /* the leading system message's content; `how`: trim */
    SLOT_CONTENT,
    SLOT_CONTENT_JSON,   /* `how`: style, also below */
    SLOT_CONTENT_PARSED, /* the same of what it says, if that is JSON */
    SLOT_REASONING,      /* `how`: trim */
    SLOT_ROLE,
    SLOT_NAME,
    SLOT_CALL_ID, /* of a tool's result */
    SLOT_EFFORT,
    SLOT_TOOLS, /* all of them as one list; `how`: style */
    SLOT_TOOL,
    SLOT_TOOL_FUNCTION,
    SLOT_TOOL_NAME,
    SLOT_TOOL_DESCRIPTION,
    SLOT_TOOL_COMMENT, /* the same, each line behind "// " */
    SLOT_CALL_KIND,    /* "function" */
    SLOT_CALL_NAME,
    SLOT_CALL_IDENT,
    SLOT_CALL_ARGS, /* parsed; `how`: style */
    SLOT_CALL_TEXT, /* as they stand */
    SLOT_CALL_WRAP, /* parsed, each in the program's marks */
    SLOT_CALLED,    /* the name of the last call */
    SLOT_PROPERTY_NAME,
    SLOT_PROPERTY_TYPE,
    SLOT_PROPERTY_SCRIPT, /* the type as TypeScript names it */
    SLOT_PROPERTY_DESCRIPTION,
    SLOT_PROPERTY_DEFAULT,
    SLOT_VALUE
};

struct template_step {
    enum template_op op;
    unsigned what;
    unsigned how;
    struct str text;
    uint64_t need;
    uint64_t none;
    uint64_t facts;
    uint64_t tokens;
    const struct template_step *body;
};

struct template_program {
    struct str name;
    const struct template_step *steps;
    struct str join;     /* between the texts of a content that is a list */
    bool loose;          /* servers join them in ways of their own */
    unsigned part_trim;  /* of each of these texts */
    bool thinks;         /* "...</think>" is cut off the front of an answer */
    unsigned think_trim; /* of what is left */
    struct str image;
    struct str audio;
    const struct tojson_wrap *wrap;
    bool developer; /* a developer message is a system message */
    bool tools;     /* definitions of tools are rendered as the family does it */
    uint64_t doubt; /* of every count */
};

/* template_table.c, template_table_east.c */
extern const struct template_step template_steps_openai[];
extern const struct template_step template_steps_unknown[];
extern const struct template_step template_steps_harmony[];
extern const struct template_step template_steps_llama3[];
extern const struct template_step template_steps_llama3_1[];
extern const struct template_step template_steps_gemma3[];
extern const struct template_step template_steps_mistral[];
extern const struct template_step template_steps_qwen2_5[];
extern const struct template_step template_steps_qwen3[];
extern const struct template_step template_steps_deepseek_v3[];
extern const struct template_step template_steps_glm4[];
extern const struct template_step template_steps_kimi_k2[];
extern const struct template_step template_steps_minimax_m2[];
extern const struct tojson_wrap template_wrap_glm4;
extern const struct tojson_wrap template_wrap_minimax_m2;

/* template_read.c: what stands in the request. Doubts are added to run->doubt. */
void template_read_request(struct template_run *run, struct str body);
/* Takes the next message, the request's `index`, off a list that was entered. Its bytes; 0:
 * there is none. */
size_t template_next_message(const struct template_program *program, struct str *rest, size_t index,
                             struct template_message *ret_message);
/* The text of a part of a content, a span; false: it is no text. */
bool template_read_text(struct str part, struct str *ret_text);
void template_read_tool(struct template_run *run, struct str value);
void template_read_call(struct template_run *run, struct str value);
void template_read_property(struct template_run *run, const struct json_member *member);

/* Steps for the tables: (needed facts, excluded facts, ...). */
#define CONTROL(yes, no, token)                                                         \
    {                                                                                   \
        .op = TEMPLATE_OP_CONTROL, .text = STR_INIT(token), .need = (yes), .none = (no) \
    }
#define MARK(yes, no, token)                                                         \
    {                                                                                \
        .op = TEMPLATE_OP_MARK, .text = STR_INIT(token), .need = (yes), .none = (no) \
    }
#define TEXT(yes, no, literal)                                                         \
    {                                                                                  \
        .op = TEMPLATE_OP_TEXT, .text = STR_INIT(literal), .need = (yes), .none = (no) \
    }
#define SLOT(yes, no, slot, manner)                                                               \
    {                                                                                             \
        .op = TEMPLATE_OP_SLOT, .what = SLOT_##slot, .how = (manner), .need = (yes), .none = (no) \
    }
#define EACH(yes, no, items, steps)                                                            \
    {                                                                                          \
        .op = TEMPLATE_OP_EACH, .what = TEMPLATE_OVER_##items, .body = (steps), .need = (yes), \
        .none = (no)                                                                           \
    }
#define GAP(yes, no, count)                                                   \
    {                                                                         \
        .op = TEMPLATE_OP_GAP, .tokens = (count), .need = (yes), .none = (no) \
    }
#define DOUBT(yes, no, count)                                                   \
    {                                                                           \
        .op = TEMPLATE_OP_DOUBT, .tokens = (count), .need = (yes), .none = (no) \
    }
#define SET(yes, no, memory)                                                  \
    {                                                                         \
        .op = TEMPLATE_OP_SET, .facts = (memory), .need = (yes), .none = (no) \
    }
#define CLEAR(yes, no, memory)                                                  \
    {                                                                           \
        .op = TEMPLATE_OP_CLEAR, .facts = (memory), .need = (yes), .none = (no) \
    }
#define DONE                  \
    {                         \
        .op = TEMPLATE_OP_END \
    }
