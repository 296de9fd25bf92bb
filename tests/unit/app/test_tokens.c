#include "app/tokens.h"

#include <unistd.h>

#include "app/acts.h"
#include "house.h"

static struct house house;
static struct buf out;
static struct buf errors;
static char text_path[96];

static void begin(const char *text)
{
    house_begin(&house);
    buf_init(&out, ACTS_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    (void)snprintf(text_path, sizeof(text_path), "%s/text", house.folder);
    FILE *file = fopen(text_path, "wb");
    CHECK(file != NULL);
    CHECK(fwrite(text, 1, strlen(text), file) == strlen(text));
    CHECK(fclose(file) == 0);
}

static void end(void)
{
    buf_fini(&out);
    buf_fini(&errors);
    house_end(&house);
}

/* "count FLAGS -c CONF FILE", words separated by single spaces. */
static enum err count(const char *flags)
{
    char line[512];
    const char *words[32];
    int words_count = 0;
    struct args args;
    struct fail fail;
    int len = snprintf(line, sizeof(line), "count %s -c %s %s", flags, house.conf, text_path);
    CHECK(len > 0 && (size_t)len < sizeof(line));
    for (char *at = line; at != NULL; words_count++) {
        words[words_count] = at;
        at = strchr(at, ' ');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    CHECK_EQ(args_read(words_count, words, &args, &fail), ERR_OK);
    buf_reset(&out);
    buf_reset(&errors);
    return tokens_count(&args, &out, &errors);
}

TEST(a_text_is_counted_by_a_vocabulary_and_by_a_model)
{
    begin("Hello, world!");
    CHECK_EQ(count("--vocab o200k_base"), ERR_OK);
    CHECK_STR(buf_str(&out), STR("4 tokens by o200k_base, exact\n"));
    CHECK_EQ(count("--model aurora-large"), ERR_OK);
    CHECK_STR(buf_str(&out), STR("4 tokens by o200k_base, exact\n"));
    CHECK_EQ(count("--vocab o200k_base --ids --json"), ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"tokens\":4,\"ids\":[13225,11,2375,0],\"exact\":true,"
                                 "\"vocabulary\":\"o200k_base\"}\n"));
    end();
}

TEST(a_control_token_is_text_or_itself)
{
    begin("a<|im_end|>");
    CHECK_EQ(count("--vocab qwen3 --specials parsed --ids"), ERR_OK);
    CHECK_STR(buf_str(&out), STR("64 151645\n2 tokens by qwen3, exact\n"));
    CHECK_EQ(count("--vocab qwen3 --specials literal"), ERR_OK);
    CHECK(!house_said(&out, "2 tokens"));
    end();
}

TEST(a_chat_request_is_counted_with_its_template)
{
    begin("{\"messages\":[{\"role\":\"user\",\"content\":\"Hello, world!\"}]}\n");
    CHECK_EQ(count("--vocab o200k_base --chat"), ERR_OK);
    CHECK_STR(buf_str(&out), STR("11 tokens by o200k_base, exact\n")); /* 3 + role 1 + 4 + 3 */
    CHECK_EQ(count("--vocab o200k_base --chat --template unknown"), ERR_OK);
    CHECK(house_said(&out, "an estimate"));
    CHECK_EQ(count("--vocab o200k_base --chat --template unheard"), ERR_NOT_FOUND);
    CHECK(house_said(&errors, "unheard"));
    end();
}

TEST(what_cannot_be_counted_is_said)
{
    begin("{\"messages\":");
    CHECK_EQ(count("--vocab o200k_base --chat"), ERR_ASK_INVALID);
    CHECK(house_said(&errors, "offset 12"));
    CHECK_EQ(count("--vocab nonesuch"), ERR_IO);
    CHECK(house_said(&errors, "nonesuch") && house_said(&errors, "make vocab"));
    CHECK_EQ(count("--model nonesuch"), ERR_NOT_FOUND);
    CHECK_EQ(count(""), ERR_ASK_INVALID);
    CHECK_EQ(count("--vocab o200k_base --model aurora-large"), ERR_ASK_INVALID);
    CHECK_EQ(count("--vocab o200k_base --specials perhaps"), ERR_ASK_INVALID);
    CHECK(unlink(text_path) == 0);
    CHECK_EQ(count("--vocab o200k_base"), ERR_IO);
    end();
}
