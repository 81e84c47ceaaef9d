/* SPDX-License-Identifier: MIT */
#include "room/errand.h"

#include <stdlib.h>
#include <string.h>

#include "base/close_reason.h"
#include "room/early.h"

struct room_plan *room_plan_new(const struct room_start *start)
{
    struct room_plan *p = calloc(1, sizeof *p + start->n_labels + start->n_options);

    if (!p)
        return NULL;
    atomic_init(&p->refs, 1);
    p->is_named = start->id != NULL;
    p->is_private = start->is_private;
    p->n_labels = start->n_labels;
    p->n_options = start->n_options;
    if (p->n_labels)
        memcpy(p->bytes, start->labels, p->n_labels);
    if (p->n_options)
        memcpy(p->bytes + p->n_labels, start->options, p->n_options);
    return p;
}

struct room_plan *room_plan_ref(struct room_plan *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void room_plan_unref(struct room_plan **at)
{
    struct room_plan *p = *at;

    *at = NULL;
    if (p && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
        free(p);
}

/* What others count on. */
static void release(struct errand *e)
{
    place_release(&e->place, e->kind == ERRAND_SIT);
    room_plan_unref(&e->plan);
}

void errand_free(struct errand **at)
{
    struct errand *e = *at;

    *at = NULL;
    if (!e)
        return;
    release(e);
    free(e->bytes);
    free(e);
}

static struct errand *new_errand(const struct session_entry *entry)
{
    struct errand *e = calloc(1, sizeof *e);

    if (!e || !entry)
        return e;
    if (!(e->bytes = malloc(entry->n_options + entry->n_user + 1))) {
        free(e);
        return NULL;
    }
    e->entry = *entry;
    e->entry.options = e->bytes;
    e->entry.user = e->bytes + entry->n_options;
    if (entry->n_options)
        memcpy(e->bytes, entry->options, entry->n_options);
    if (entry->n_user)
        memcpy(e->bytes + entry->n_options, entry->user, entry->n_user);
    return e;
}

static unsigned own_worker(const struct session *s)
{
    return s->world->worker;
}

bool errand_leads_back(const struct session *s, struct place *place)
{
    return !s->is_remote && s->origin != own_worker(s) && place_is_spread(place);
}

/* The next part of its way. */
static void set_off(struct session *s, struct errand *e)
{
    e->next = e->is_alone && own_worker(s) != s->origin ? s->origin : e->worker;
    s->wish->errand = e;
    s->wish->n_moves++;
    s->world->ops->on_move(s->world->ctx, s, e->next);
}

/* `place` and `plan` are taken. */
static void send(struct session *s, const struct errand *what,
                 const struct session_entry *entry)
{
    struct errand *e = s->is_remote ? NULL : new_errand(entry);

    if (!e) {
        struct errand lost = *what;
        release(&lost);
        session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
        return;
    }
    e->kind = what->kind;
    e->worker = what->worker;
    e->is_alone = what->is_alone;
    e->place = what->place;
    e->plan = what->plan;
    set_off(s, e);
}

void errand_send(struct session *s, enum errand_kind kind, unsigned worker,
                 const struct session_entry *entry, struct place *place,
                 struct room_plan *plan)
{
    struct errand what = {.kind = kind,
                          .worker = worker,
                          .is_alone = place && place_is_spread(place),
                          .place = place,
                          .plan = plan};

    send(s, &what, entry);
}

void errand_lead_back(struct session *s)
{
    struct errand what = {.kind = ERRAND_AGAIN, .worker = own_worker(s), .is_alone = true};

    send(s, &what, NULL);
}

void errand_keep_hello(struct session *s, enum ws_op op, const uint8_t *data, size_t len)
{
    struct errand *e = s->wish->errand;

    if (!(e->bytes = malloc(len + 1))) {
        session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
        return;
    }
    memcpy(e->bytes, data, len);
    e->n_bytes = len;
    e->op = op;
}

/* Its place, with the seat, is the callee's. */
static struct place *take_place(struct errand *e)
{
    struct place *p = e->place;

    e->place = NULL;
    return p;
}

static void run(struct session *s, struct errand *e)
{
    switch (e->kind) {
    case ERRAND_ADMIT: session_admit(s, &e->entry); break;
    case ERRAND_SIT: session_go(s, &e->entry, take_place(e), e->plan); break;
    case ERRAND_WATCH: session_watch(s, &e->entry, take_place(e)); break;
    case ERRAND_AGAIN: session_message(s, e->op, e->bytes, e->n_bytes); break;
    }
}

void session_arrive(struct session *s)
{
    struct errand *e = s->wish->errand;

    if (e->worker != own_worker(s)) { /* the connection is back, and stays */
        set_off(s, e);
        return;
    }
    s->wish->errand = NULL;
    run(s, e);
    errand_free(&e);
    early_read_all(s->world);
}

void session_detach(struct session *s)
{
    if ((*s->at = s->next))
        s->next->at = s->at;
    s->world = NULL;
}

void session_attach(struct session *s, struct world *w)
{
    s->world = w;
    if ((s->next = w->sessions))
        s->next->at = &s->next;
    s->at = &w->sessions;
    w->sessions = s;
}

unsigned session_goes_to(const struct session *s)
{
    return s->wish->errand->next;
}

bool session_goes_alone(const struct session *s)
{
    const struct errand *e = s->wish->errand;

    return e->is_alone && own_worker(s) == s->origin && e->next != s->origin;
}

void session_talk_through(struct session *s, const struct peer_ops *ops, void *conn)
{
    s->peer.ops = ops;
    s->peer.conn = conn;
    s->is_remote = true;
}
