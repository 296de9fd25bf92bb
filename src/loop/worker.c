#include "loop/worker.h"

#include <pthread.h>

#include "base/mem.h"
#include "loop/loop_internal.h"

#define WORKER_THREADS_MAX 64

struct worker_threads {
    struct worker_pool pool;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct job *first;
    struct job *last;
    unsigned waiting;
    unsigned queue_max;
    bool stopping;
    unsigned thread_count;
    pthread_t threads[WORKER_THREADS_MAX];
};

static struct worker_threads *worker_threads_of(struct worker_pool *pool)
{
    return EP_CONTAINER(pool, struct worker_threads, pool);
}

static struct job *worker_next(struct worker_threads *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->first == NULL && !pool->stopping) {
        (void)pthread_cond_wait(&pool->filled, &pool->lock);
    }
    struct job *job = pool->stopping ? NULL : pool->first;
    if (job != NULL) {
        pool->first = job->next;
        pool->waiting--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *worker_main(void *context)
{
    struct worker_threads *pool = context;
    for (struct job *job = worker_next(pool); job != NULL; job = worker_next(pool)) {
        job->run(job);
        mail_send(job->home, &job->mail);
    }
    return NULL;
}

static void worker_threads_destroy(struct worker_pool *face)
{
    struct worker_threads *pool = worker_threads_of(face);
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->filled);
    (void)pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->filled);
    (void)pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}

static enum err worker_threads_submit(struct worker_pool *face, struct job *job)
{
    struct worker_threads *pool = worker_threads_of(face);
    (void)pthread_mutex_lock(&pool->lock);
    bool room = pool->waiting < pool->queue_max && !pool->stopping;
    if (room) {
        job->next = NULL;
        if (pool->first == NULL) {
            pool->first = job;
        } else {
            pool->last->next = job;
        }
        pool->last = job;
        pool->waiting++;
        (void)pthread_cond_signal(&pool->filled);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return room ? ERR_OK : ERR_BUSY;
}

enum err worker_pool_create(unsigned threads, unsigned queue_max, struct worker_pool **ret_pool,
                            struct fail *fail)
{
    ASSERT(threads >= 1 && threads <= WORKER_THREADS_MAX);
    ASSERT(queue_max > 0);
    struct worker_threads *pool = mem_zalloc(sizeof(*pool));
    if (pool == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for workers");
    }
    pool->pool = (struct worker_pool){ worker_threads_submit, worker_threads_destroy };
    pool->queue_max = queue_max;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->filled, NULL);
    for (; pool->thread_count < threads; pool->thread_count++) {
        int error = pthread_create(&pool->threads[pool->thread_count], NULL, worker_main, pool);
        if (error != 0) {
            errno = error;
            enum err err = FAIL_SYS(fail, ERR_IO, "could not start a worker thread");
            worker_threads_destroy(&pool->pool);
            return err;
        }
    }
    *ret_pool = &pool->pool;
    return ERR_OK;
}

void worker_pool_destroy(struct worker_pool *pool)
{
    if (pool != NULL) {
        pool->destroy(pool);
    }
}

enum err job_submit(struct worker_pool *pool, struct job *job)
{
    ASSERT(job->run != NULL);
    ASSERT(job->home != NULL);
    ASSERT(job->mail.open != NULL);
    return pool->submit(pool, job);
}
