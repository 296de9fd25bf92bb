/* A working folder made by init, its world, and the acts on it, for the tests of the app room. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/acts.h"
#include "app/init.h"
#include "app/registry_sign.h"
#include "harness.h"

struct house {
    char folder[64];
    char conf[96];
    struct world *world;
    struct buf out; /* of the last act */
    struct buf errors;
};

static inline int house_remove(const char *path, const struct stat *info, int kind,
                               struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void house_begin(struct house *house)
{
    *house = (struct house){ .folder = "/tmp/entrepot-app-XXXXXX" };
    buf_init(&house->out, ACTS_OUT_MAX);
    buf_init(&house->errors, ACTS_OUT_MAX);
    CHECK(test_folder(house->folder) != NULL);
    (void)snprintf(house->conf, sizeof(house->conf), "%s/entrepot.yaml", house->folder);
    enum err err = init_folder(str_from(house->folder), &house->out, &house->errors);
    CHECK_STR(buf_str(&house->errors), STR(""));
    CHECK_EQ(err, ERR_OK);
}

static inline void house_open(struct house *house, enum world_mode mode)
{
    buf_reset(&house->errors);
    enum err err = world_open(house->conf, mode, &house->world, &house->errors);
    CHECK_STR(buf_str(&house->errors), STR(""));
    CHECK_EQ(err, ERR_OK);
}

static inline void house_close(struct house *house)
{
    world_close(house->world);
    house->world = NULL;
}

static inline void house_end(struct house *house)
{
    house_close(house);
    buf_fini(&house->out);
    buf_fini(&house->errors);
    CHECK_EQ(nftw(house->folder, house_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Does the act of a command line whose words are separated by single spaces. */
static inline enum act_exit house_do(struct house *house, const char *line)
{
    char text[1024];
    const char *words[64];
    int count = 0;
    struct args args;
    struct fail fail;
    CHECK(strlen(line) < sizeof(text));
    memcpy(text, line, strlen(line) + 1);
    for (char *at = text; at != NULL; count++) {
        words[count] = at;
        at = strchr(at, ' ');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    CHECK_EQ(args_read(count, words, &args, &fail), ERR_OK);
    buf_reset(&house->out);
    buf_reset(&house->errors);
    return act_run(house->world, &args, &house->out, &house->errors);
}

/* The example's two persons sign what the registry's folder says now. */
static inline void house_sign(struct house *house)
{
    static const char *const persons[REGISTRY_ROLE_COUNT] = { "ann", "ben" };
    char folder[96];
    buf_reset(&house->errors);
    (void)snprintf(folder, sizeof(folder), "%s/registry", house->folder);
    for (unsigned role = 0; role < REGISTRY_ROLE_COUNT; role++) {
        char key[128];
        struct digest hash;
        (void)snprintf(key, sizeof(key), "%s/keys/%s.key", house->folder, persons[role]);
        const struct registry_sign_order order = { folder, key, str_from(persons[role]),
                                                   (enum registry_role)role };
        enum err err = registry_sign_folder(&order, &hash, &house->errors, NULL);
        CHECK_STR(buf_str(&house->errors), STR(""));
        CHECK_EQ(err, ERR_OK);
    }
}

static inline bool house_said(const struct buf *buf, const char *part)
{
    return str_search(buf_str(buf), str_from(part)) < buf->len;
}

/* The string that stands behind `"name":"` in the last output; valid until the next call. */
static inline const char *house_field(const struct house *house, const char *name)
{
    static char value[256];
    char start[64];
    (void)snprintf(start, sizeof(start), "\"%s\":\"", name);
    struct str text = buf_str(&house->out);
    size_t at = str_search(text, str_from(start));
    CHECK(at < text.len);
    struct str rest = str_from_at(text, at + strlen(start));
    size_t len = str_find(rest, '"');
    CHECK(len < sizeof(value));
    memcpy(value, rest.ptr, len);
    value[len] = '\0';
    return value;
}

/* As above with a formatted line. */
EP_PRINTF(2, 3)
static inline enum act_exit house_dof(struct house *house, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    CHECK(len > 0 && (size_t)len < sizeof(line));
    return house_do(house, line);
}

/* Signs the registry's folder and puts it in force; a world that is not open is only for that. */
static inline void house_apply(struct house *house)
{
    bool closed = house->world == NULL;
    house_sign(house);
    if (closed) {
        house_open(house, WORLD_READ_WRITE);
    }
    enum act_exit result = house_do(house, "registry apply");
    CHECK_STR(buf_str(&house->errors), STR(""));
    CHECK_EQ(result, ACT_OK);
    if (closed) {
        house_close(house);
    }
}

/* Adds text to a file of the registry, or makes it. */
static inline void house_append(struct house *house, const char *name, const char *text)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/registry/%s", house->folder, name);
    FILE *file = fopen(path, "a");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_EQ(fclose(file), 0);
}

/* Writes a file of the registry anew with `fresh` where `old` stands. */
static inline void house_change(struct house *house, const char *name, const char *old,
                                const char *fresh)
{
    static char text[65536];
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/registry/%s", house->folder, name);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file); /* it was only read */
    text[len] = '\0';
    char *at = strstr(text, old);
    CHECK(at != NULL);
    file = fopen(path, "w");
    CHECK(file != NULL);
    (void)fprintf(file, "%.*s%s%s", (int)(at - text), text, fresh, at + strlen(old));
    CHECK_EQ(fclose(file), 0);
}
