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

void errand_free(struct errand **at)
{
    struct errand *e = *at;

    *at = NULL;
    if (!e)
        return;
    place_release(&e->place, e->kind == ERRAND_SIT);
    room_plan_unref(&e->plan);
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

void errand_send(struct session *s, enum errand_kind kind, unsigned worker,
                 const struct session_entry *entry, struct place *place,
                 struct room_plan *plan)
{
    struct errand *e = new_errand(entry);

    if (!e) {
        place_release(&place, kind == ERRAND_SIT);
        room_plan_unref(&plan);
        session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
        return;
    }
    e->kind = kind;
    e->worker = worker;
    e->place = place;
    e->plan = plan;
    s->wish->errand = e;
    s->wish->n_moves++;
    s->world->ops->on_move(s->world->ctx, s, worker);
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
    return s->wish->errand->worker;
}
