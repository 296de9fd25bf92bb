#include "app/trust.h"

#include <stdio.h>
#include <unistd.h>

#include "app/file_text.h"
#include "conf/conf.h"

#define TRUST_CONF "entrepot.yaml"

#define TRUST_REMEDY                                                                           \
    "ask the log's operator for it (entrepot log key), in a way that you trust, such as your " \
    "contract, and say --key VKEY"

/* ---- the configuration ------------------------------------------------------------------- */

enum err trust_key_of_conf(const struct conf *conf, struct note_key *ret_key, struct fail *fail)
{
    struct secret secret = { 0 };
    struct sign_key *key = NULL;
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    TRY(secret_load(conf->log_key, STR_EMPTY, &secret, fail));
    enum err err = sign_key_load(&secret, &key, fail);
    secret_fini(&secret);
    TRY(err);
    sign_public(key, public_key);
    sign_key_destroy(key);
    return note_key_make(conf->log_origin, NOTE_ED25519, public_key, ret_key, fail);
}

enum err trust_conf(const struct args *args, struct conf **ret_conf, struct fail *fail)
{
    struct str given = args_value(args, "config");
    struct conf_report report;
    if (given.len == 0 && access(TRUST_CONF, F_OK) != 0) {
        return ERR_NOT_FOUND;
    }
    conf_report_init(&report);
    enum err err = conf_load(given.len > 0 ? given.ptr : TRUST_CONF, ret_conf, &report);
    if (err != ERR_OK) {
        const struct conf_fault *fault = report.count > 0 ? &report.faults[0] : NULL;
        err = FAIL(fail, err, "%s:%u: %s%s%s", report.file,
                   fault == NULL ? 0 : (unsigned)fault->line, fault == NULL ? "" : fault->key,
                   fault == NULL ? "" : ": ", fault == NULL ? "" : fault->text);
    }
    conf_report_fini(&report);
    return err;
}

static enum err trust_from_conf(const struct args *args, struct trust *trust, struct fail *fail)
{
    struct conf *conf = NULL;
    enum err err = trust_conf(args, &conf, fail);
    if (err == ERR_NOT_FOUND) {
        trust->remedy = TRUST_REMEDY;
        return FAIL(fail, ERR_ASK_MISSING, "the log's key is missing");
    }
    TRY(err);
    err = trust_key_of_conf(conf, &trust->key, fail);
    conf_destroy(conf);
    trust->from = "the configuration";
    return err;
}

/* ---- the command line -------------------------------------------------------------------- */

static enum err trust_key_parse(struct str text, struct trust *trust, struct fail *fail)
{
    while (text.len > 0 && (str_ends(text, STR("\n")) || str_ends(text, STR("\r")))) {
        text.len--;
    }
    TRY(note_key_parse(str_trim(text), &trust->key, fail));
    if (trust->key.algorithm != NOTE_ED25519) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the key of \"%s\" is of another kind than logs sign with", trust->key.name);
    }
    return ERR_OK;
}

/* A key's text has two '+', which hardly a path has; a file of that name would win. */
static enum err trust_from_key(struct str given, struct trust *trust, struct fail *fail)
{
    struct buf text;
    buf_init(&text, TRUST_FILE_MAX);
    trust->from = "--key";
    enum err err = access(given.ptr, F_OK) == 0 ? file_text_read(given.ptr, &text, fail)
                                                : buf_append(&text, given);
    err = err == ERR_OK ? trust_key_parse(buf_str(&text), trust, fail) : err;
    buf_fini(&text);
    return err;
}

static enum err trust_read_policy(struct str path, struct trust *trust, struct fail *fail)
{
    struct buf text;
    buf_init(&text, TRUST_FILE_MAX);
    enum err err = file_text_read(path.ptr, &text, fail);
    err = err == ERR_OK ? quorum_parse(buf_str(&text), &trust->quorum, fail) : err;
    buf_fini(&text);
    return err;
}

static bool trust_policy_names(const struct trust *trust)
{
    size_t logs = quorum_logs(trust->quorum);
    for (size_t i = 0; i < logs; i++) {
        const struct note_key *key = &quorum_log(trust->quorum, i)->key;
        if (key->id == trust->key.id && str_eq(str_from(key->name), str_from(trust->key.name))) {
            return true;
        }
    }
    return logs == 0;
}

static enum err trust_find_key(const struct args *args, struct trust *trust, struct fail *fail)
{
    struct str given = args_value(args, "key");
    size_t logs = trust->quorum == NULL ? 0 : quorum_logs(trust->quorum);
    if (given.len > 0) {
        TRY(trust_from_key(given, trust, fail));
    } else if (logs == 1) {
        trust->key = quorum_log(trust->quorum, 0)->key;
        trust->from = "the policy";
    } else if (logs > 1) {
        return FAIL(fail, ERR_ASK_MISSING, "the policy names %zu logs: say with --key which", logs);
    } else {
        TRY(trust_from_conf(args, trust, fail));
    }
    if (trust->quorum != NULL && !trust_policy_names(trust)) {
        return FAIL(fail, ERR_ASK_INVALID, "the policy does not name the log \"%s\" with this key",
                    trust->key.name);
    }
    return ERR_OK;
}

enum err trust_read(const struct args *args, struct trust *ret_trust, struct fail *fail)
{
    struct str policy = args_value(args, "policy");
    *ret_trust = (struct trust){ .from = "" };
    TRY(crypto_start(fail));
    if (policy.len > 0) {
        TRY(trust_read_policy(policy, ret_trust, fail));
    }
    enum err err = trust_find_key(args, ret_trust, fail);
    if (err != ERR_OK) {
        trust_fini(ret_trust);
    }
    return err;
}

void trust_fini(struct trust *trust)
{
    quorum_destroy(trust->quorum);
    trust->quorum = NULL;
}
