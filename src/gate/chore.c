#include "gate/chore.h"

#include "gate/gate_internal.h"

static void chore_run(struct job *job)
{
    struct chore *chore = EP_CONTAINER(job, struct chore, job);
    chore->run(chore);
}

static void chore_over(struct mail *mail)
{
    struct chore *chore = EP_CONTAINER(mail, struct chore, job.mail);
    chore->busy = false;
    chore->gate->chores--;
    chore->over(chore);
}

enum err chore_start(struct chore *chore, chore_fn *run, chore_fn *over)
{
    struct gate *gate = chore->gate;
    ASSERT(!chore->busy);
    chore->run = run;
    chore->over = over;
    chore->job = (struct job){ .mail.open = chore_over, .run = chore_run, .home = gate->loop };
    TRY(job_submit(gate->world.carriers, &chore->job));
    chore->busy = true;
    gate->chores++;
    return ERR_OK;
}
