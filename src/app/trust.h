/*
 * By which keys a command checks: the log's, and those of the witnesses of a policy. They come from
 * the command line, or from the configuration of whoever runs the log himself; never from what is
 * checked.
 */
#pragma once

#include "app/args.h"
#include "tlog/quorum.h"

#define TRUST_FILE_MAX 65536

struct trust {
    struct note_key key;
    struct quorum *quorum; /* NULL: no policy was given */
    const char *from;      /* whose word the key is, for people; static */
    const char *remedy;    /* where it failed; static, may be NULL */
};

/*
 * From --key (a vkey, or a file that holds one), --policy (a file; its log, if --key does not say
 * which), else the configuration. ERR_ASK_MISSING with a remedy: none of them is there. ERR_NOTE_-
 * INVALID, ERR_QUORUM_INVALID, ERR_IO, ...: what is given cannot be read.
 */
EP_MUST_CHECK enum err trust_read(const struct args *args, struct trust *ret_trust,
                                  struct fail *fail);
void trust_fini(struct trust *trust);

struct conf;

/* The public half of the key that a configuration names, under its log's origin. */
EP_MUST_CHECK enum err trust_key_of_conf(const struct conf *conf, struct note_key *ret_key,
                                         struct fail *fail);
/* The configuration that is named, or that of the working folder. ERR_NOT_FOUND: none is there. */
EP_MUST_CHECK enum err trust_conf(const struct args *args, struct conf **ret_conf,
                                  struct fail *fail);
