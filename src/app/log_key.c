/* `entrepot log key`: what a log's operator hands out, so that others can check. */
#include <stdio.h>

#include "app/checks.h"
#include "app/trust.h"
#include "conf/conf.h"
#include "wire/jsonw.h"

static enum err key_print(const struct args *args, const struct conf *conf, struct str vkey,
                          struct buf *out)
{
    struct jsonw json;
    if (!args_has(args, "json")) {
        return buf_printf(out, STR_FMT "\n", STR_ARG(vkey));
    }
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "origin", conf->log_origin);
    jsonw_put_str(&json, "key", vkey);
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

static enum err key_do(const struct args *args, struct buf *out, struct fail *fail)
{
    char text[NOTE_VKEY_MAX];
    struct buf vkey = { text, 0, sizeof(text), sizeof(text) };
    struct conf *conf = NULL;
    struct note_key key;
    TRY(crypto_start(fail));
    enum err err = trust_conf(args, &conf, fail);
    if (err == ERR_NOT_FOUND) {
        return FAIL(fail, ERR_ASK_MISSING, "the configuration is missing: say -c FILE");
    }
    TRY(err);
    err = trust_key_of_conf(conf, &key, fail);
    err = err == ERR_OK ? note_key_print(&key, &vkey) : err;
    err = err == ERR_OK ? key_print(args, conf, buf_str(&vkey), out) : err;
    conf_destroy(conf);
    return err;
}

enum act_exit log_key_run(const struct args *args, struct buf *out, struct buf *errors)
{
    struct fail fail = { .text = "" };
    enum err err = key_do(args, out, &fail);
    if (err != ERR_OK) {
        act_complain(errors, err, &fail, NULL);
    }
    return act_exit_of(err);
}
