#include "scale.h"

#include "meter/chat_count.h"
#include "meter/template.h"

#define SCALE_PATH_MAX 4096
#define SCALE_SLICE    ((size_t)1 << 20)

enum err scale_add(struct scale *scale, struct str text, struct fail *fail)
{
    struct str rest = text;
    struct str model = str_cut(&rest, '=');
    struct str file = str_cut(&rest, ',');
    char path_text[SCALE_PATH_MAX];
    struct buf path = { path_text, 0, sizeof(path_text), sizeof(path_text) };
    if (model.len == 0 || file.len == 0 || scale->count == SCALE_MAX) {
        return FAIL(fail, ERR_ASK_INVALID, "a tokenizer is MODEL=FILE, at most %d of them",
                    SCALE_MAX);
    }
    if (buf_append(&path, file) != ERR_OK || buf_byte(&path, '\0') != ERR_OK) {
        return FAIL(fail, ERR_LIMIT, "the path of a vocabulary is too long");
    }
    struct scale_model *row = &scale->models[scale->count];
    *row = (struct scale_model){ .model = model };
    TRY(vocab_open(path_text, &row->vocab, fail));
    if (token_counter_create(row->vocab, 0, &row->counter) != ERR_OK) {
        vocab_close(row->vocab);
        return FAIL(fail, ERR_NO_MEMORY, "no memory to count with");
    }
    row->template = template_find(rest.len > 0 ? rest : vocab_info(row->vocab)->template);
    scale->count++;
    return rest.len == 0 || str_eq(template_name(row->template), rest)
               ? ERR_OK
               : FAIL(fail, ERR_NOT_FOUND, "there is no chat template \"" STR_FMT "\"",
                      STR_ARG(rest));
}

void scale_fini(struct scale *scale)
{
    for (size_t i = 0; i < scale->count; i++) {
        token_counter_destroy(scale->models[i].counter);
        vocab_close(scale->models[i].vocab);
    }
    scale->count = 0;
}

const struct scale_model *scale_find(const struct scale *scale, struct str model)
{
    for (size_t i = 0; i < scale->count; i++) {
        if (str_eq(scale->models[i].model, model)) {
            return &scale->models[i];
        }
    }
    return NULL;
}

enum err scale_request(const struct scale_model *model, struct str body, int64_t *ret_tokens)
{
    struct chat_count chat;
    bool over = false;
    enum err err = ERR_OK;
    chat_count_begin(
        &chat, model->counter,
        &(struct chat_count_options){ .program = model->template, .specials = COUNT_LITERAL },
        body);
    while (err == ERR_OK && !over) {
        err = chat_count_step(&chat, model->counter, SCALE_SLICE, &over);
    }
    if (err == ERR_OK) {
        struct chat_counted counted = chat_count_result(&chat);
        *ret_tokens = (int64_t)(counted.tokens + counted.image_tokens + counted.audio_tokens);
    }
    chat_count_fini(&chat);
    return err;
}

enum err scale_text(const struct scale_model *model, struct str text, int64_t *ret_tokens)
{
    uint64_t tokens = 0;
    TRY(count_text(model->counter, text, COUNT_LITERAL, &tokens));
    *ret_tokens = (int64_t)tokens;
    return ERR_OK;
}
