/* SPDX-License-Identifier: MIT */
#include "server/task.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/logger.h"
#include "base/mailbox.h"
#include "server/server.h"
#include "server/worker.h"

struct part {
    struct letter letter; /* first */
    struct task *task;
};

struct task {
    struct server *server;
    task_work *work;
    task_done *done;
    void *arg;
    atomic_uint n_left;
    atomic_bool is_late;
    struct part end;     /* to the main thread */
    struct part parts[]; /* one for each worker */
};

static struct task *task_of(struct letter *l)
{
    return ((struct part *)l)->task;
}

static void finish(struct task *t, bool is_late)
{
    if (t->done)
        t->done(t->server, t->arg, is_late || atomic_load(&t->is_late));
    free(t);
}

static void on_end(struct letter *l, void *reader)
{
    finish(task_of(l), reader == NULL);
}

static void on_part(struct letter *l, void *reader)
{
    struct task *t = task_of(l);

    if (reader)
        t->work(reader, t->arg);
    else
        atomic_store(&t->is_late, true);
    if (atomic_fetch_sub_explicit(&t->n_left, 1, memory_order_acq_rel) > 1)
        return;
    if (t->done && reader)
        mailbox_insist(&t->server->box, &t->end.letter);
    else
        finish(t, false); /* nobody to tell; or all threads have ended */
}

static struct task *new_task(struct server *s, unsigned n, task_work *work, task_done *done,
                             void *arg)
{
    struct task *t = calloc(1, sizeof *t + n * sizeof *t->parts);

    if (!t) {
        logger_error("server", "out of memory: something is not passed on");
        return NULL;
    }
    t->server = s;
    t->work = work;
    t->done = done;
    t->arg = arg;
    t->end = (struct part){
        {NULL, on_end},
        t
    };
    for (unsigned i = 0; i < n; i++)
        t->parts[i] = (struct part){
            {NULL, on_part},
            t
        };
    return t;
}

void task_each(struct server *s, const struct worker *but, task_work *work, task_done *done,
               void *arg)
{
    unsigned n = s->n_workers - (but != NULL), n_sent = 0;
    struct task *t;

    if (s->n_workers == 1 || atomic_load(&s->is_ending)) {
        if (n > 0 && !atomic_load(&s->is_ending))
            work(&s->workers[0], arg);
        if (done)
            done(s, arg, atomic_load(&s->is_ending));
        return;
    }
    if (!(t = new_task(s, n, work, done, arg))) {
        if (done)
            done(s, arg, true);
        return;
    }
    atomic_init(&t->n_left, n);
    for (unsigned i = 0; i < s->n_workers; i++)
        if (&s->workers[i] != but)
            mailbox_insist(&s->workers[i].box, &t->parts[n_sent++].letter);
}

void task_main(struct server *s, task_done *done, void *arg)
{
    struct task *t;

    if (s->n_workers == 1 || atomic_load(&s->is_ending))
        done(s, arg, atomic_load(&s->is_ending));
    else if ((t = new_task(s, 0, NULL, done, arg)))
        mailbox_insist(&s->box, &t->end.letter);
    else
        done(s, arg, true);
}
