/* room: tlog */
#include "tlog/quorum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void start(void)
{
    static bool started;
    if (!started) {
        ASSERT(crypto_start(NULL) == ERR_OK);
        started = true;
    }
}

/* One witness more never undoes a quorum, and one less never makes one. */
static void check_growth(const struct quorum *quorum)
{
    bool signed_by[QUORUM_WITNESSES_MAX] = { false };
    bool reached = quorum_reached(quorum, signed_by);
    size_t count = quorum_witnesses(quorum);
    for (size_t i = 0; i < count; i++) {
        signed_by[i] = true;
        bool now = quorum_reached(quorum, signed_by);
        ASSERT(now || !reached);
        reached = now;
    }
    ASSERT(reached); /* no group wants more than it has: all together are enough */
    for (size_t i = 0; i < count; i++) {
        signed_by[i] = false;
        bool now = quorum_reached(quorum, signed_by);
        ASSERT(reached || !now);
        reached = now;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    struct quorum *quorum = NULL;
    start();
    if (quorum_parse(text, &quorum, NULL) != ERR_OK) {
        return 0;
    }
    ASSERT(quorum_logs(quorum) <= QUORUM_LOGS_MAX);
    ASSERT(quorum_witnesses(quorum) <= QUORUM_WITNESSES_MAX);
    for (size_t i = 0; i < quorum_logs(quorum); i++) {
        for (size_t j = 0; j < quorum_witnesses(quorum); j++) {
            ASSERT(!note_key_same(&quorum_log(quorum, i)->key, &quorum_witness(quorum, j)->key));
        }
    }
    check_growth(quorum);
    quorum_destroy(quorum);
    return 0;
}
