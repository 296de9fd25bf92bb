#include "app/checks.h"

enum act_exit checks_exit_of(enum err err)
{
    bool given_wrongly =
        err == ERR_NOTE_INVALID || err == ERR_QUORUM_INVALID || err == ERR_NOT_FOUND;
    return given_wrongly ? ACT_USAGE : act_exit_of(err);
}
