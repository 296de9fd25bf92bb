#include "crypto/secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

void secret_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}

enum err secret_from(struct str text, struct secret *ret_secret)
{
    char *copy = mem_copy_text(text.ptr, text.len);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    (void)mlock(copy, text.len + 1); /* where the limit allows it; swap is the risk otherwise */
    *ret_secret = (struct secret){ copy, text.len };
    return ERR_OK;
}

void secret_fini(struct secret *secret)
{
    if (secret->ptr != NULL) {
        secret_wipe(secret->ptr, secret->len);
        (void)munlock(secret->ptr, secret->len + 1);
        mem_free(secret->ptr);
    }
    *secret = (struct secret){ 0 };
}

struct str secret_str(const struct secret *secret)
{
    return (struct str){ secret->ptr, secret->len };
}

static enum err secret_read_file(int fd, const char *path, struct secret *ret_secret,
                                 struct fail *fail)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not look at \"%s\"", path);
    }
    if ((info.st_mode & 077) != 0) {
        return FAIL(fail, ERR_CONF_INVALID, "others may read the secret \"%s\"; run: chmod 600 %s",
                    path, path);
    }
    char *text = mem_alloc(SECRET_BYTES_MAX);
    if (text == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a secret");
    }
    ssize_t got = read(fd, text, SECRET_BYTES_MAX);
    enum err err = ERR_OK;
    if (got < 0) {
        err = FAIL_SYS(fail, ERR_IO, "could not read \"%s\"", path);
    } else if (got == 0 || got == SECRET_BYTES_MAX) {
        err = FAIL(fail, ERR_CONF_INVALID, "the secret \"%s\" is empty or too long", path);
    } else {
        struct str value = { text, (size_t)got };
        value.len -= value.ptr[value.len - 1] == '\n';
        value.len -= value.len > 0 && value.ptr[value.len - 1] == '\r';
        err = value.len > 0 ? secret_from(value, ret_secret)
                            : FAIL(fail, ERR_CONF_INVALID, "the secret \"%s\" is empty", path);
    }
    secret_wipe(text, SECRET_BYTES_MAX);
    mem_free(text);
    return err;
}

enum err secret_load(struct str reference, struct str base_dir, struct secret *ret_secret,
                     struct fail *fail)
{
    char path[4096];
    struct str file = reference;
    if (str_starts(reference, STR("env:"))) {
        struct str name = str_from_at(reference, 4);
        (void)snprintf(path, sizeof(path), STR_FMT, STR_ARG(name));
        const char *value = getenv(path); /* nobody sets variables once threads run */
        if (value == NULL || value[0] == '\0') {
            return FAIL(fail, ERR_CONF_INVALID, "the variable \"%s\" is not set", path);
        }
        return secret_from(str_from(value), ret_secret);
    }
    if (!str_starts(reference, STR("file:")) || reference.len == 5) {
        return FAIL(fail, ERR_CONF_INVALID, "a secret is \"env:NAME\" or \"file:PATH\"");
    }
    file = str_from_at(reference, 5);
    bool absolute = file.ptr[0] == '/' || base_dir.len == 0;
    int len =
        snprintf(path, sizeof(path), STR_FMT "%s" STR_FMT, STR_ARG(absolute ? STR_EMPTY : base_dir),
                 absolute ? "" : "/", STR_ARG(file));
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return FAIL(fail, ERR_CONF_INVALID, "the path of a secret is too long");
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_CONF_INVALID, "could not open the secret \"%s\"", path);
    }
    enum err err = secret_read_file(fd, path, ret_secret, fail);
    (void)close(fd); /* nothing was written */
    return err;
}
