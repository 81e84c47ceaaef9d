/* SPDX-License-Identifier: MIT */
#include "server/survey.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/server.h"
#include "server/task.h"
#include "server/worker.h"

/* Lives until both the workers and the one who waits have left it. */
struct form {
    atomic_uint refs;
    survey_ask *ask;
    void *question;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    unsigned n_left;
    unsigned n;
    struct buf answers[]; /* by worker */
};

static void leave(struct form *f)
{
    if (atomic_fetch_sub(&f->refs, 1) > 1)
        return;
    for (unsigned i = 0; i < f->n; i++)
        buf_fini(&f->answers[i]);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->filled);
    free(f->question);
    free(f);
}

static void answer(struct worker *w, void *arg)
{
    struct form *f = arg;
    struct buf text;

    buf_init(&text, SURVEY_BYTES);
    f->ask(w, f->question, &text);
    pthread_mutex_lock(&f->lock);
    f->answers[w->index] = text;
    f->n_left--;
    pthread_cond_signal(&f->filled);
    pthread_mutex_unlock(&f->lock);
}

static void on_done(struct server *s, void *arg, bool is_late)
{
    (void)s;
    (void)is_late;
    leave(arg);
}

static struct form *new_form(unsigned n, survey_ask *ask, const void *question,
                             size_t n_question)
{
    struct form *f = calloc(1, sizeof *f + n * sizeof *f->answers);
    pthread_condattr_t attr;

    if (!f || !(f->question = malloc(n_question + 1))) {
        free(f);
        return NULL;
    }
    if (n_question)
        memcpy(f->question, question, n_question);
    atomic_init(&f->refs, 2);
    f->ask = ask;
    f->n = f->n_left = n;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&f->filled, &attr);
    pthread_condattr_destroy(&attr);
    for (unsigned i = 0; i < n; i++)
        buf_init(&f->answers[i], SURVEY_BYTES);
    return f;
}

static void wait_for(struct form *f)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += SURVEY_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (f->n_left > 0 && pthread_cond_timedwait(&f->filled, &f->lock, &until) == 0)
        ;
}

int survey_run(struct survey *out, struct server *s, survey_ask *ask, const void *question,
               size_t n_question)
{
    struct form *f = NULL;

    *out = (struct survey){.answers = calloc(s->n_workers, sizeof *out->answers)};
    if (!out->answers || !(f = new_form(s->n_workers, ask, question, n_question)))
        return -ENOMEM;
    out->n = s->n_workers;
    task_each(s, NULL, answer, on_done, f);
    pthread_mutex_lock(&f->lock);
    wait_for(f);
    for (unsigned i = 0; i < f->n; i++) {
        out->answers[i] = f->answers[i];
        buf_init(&f->answers[i], SURVEY_BYTES);
    }
    pthread_mutex_unlock(&f->lock);
    leave(f);
    return 0;
}

void survey_fini(struct survey *v)
{
    for (unsigned i = 0; i < v->n; i++)
        buf_fini(&v->answers[i]);
    free(v->answers);
    *v = (struct survey){0};
}
