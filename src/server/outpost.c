/* SPDX-License-Identifier: MIT */
#include "server/outpost.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/worker.h"

enum { NONE = UINT32_MAX };

void outpost_open(struct outpost *o, struct worker *w)
{
    *o = (struct outpost){.worker = w, .first_free = NONE, .first_late = NONE};
}

void outpost_close(struct outpost *o)
{
    for (uint32_t i = 0; i < o->n_blocks; i++)
        free(o->blocks[i]);
    free(o->blocks);
    outpost_open(o, o->worker);
}

static struct outlet *at_number(const struct outpost *o, uint32_t number)
{
    return &o->blocks[number / OUTPOST_BLOCK][number % OUTPOST_BLOCK];
}

/* One that has never been used. */
static struct outlet *new_outlet(struct outpost *o)
{
    if (o->n_numbers == o->n_blocks * OUTPOST_BLOCK) {
        if (o->n_blocks == o->cap_blocks) {
            uint32_t cap = o->cap_blocks ? 2 * o->cap_blocks : 4;
            struct outlet **grown = realloc(o->blocks, cap * sizeof *grown);
            if (!grown)
                return NULL;
            o->blocks = grown;
            o->cap_blocks = cap;
        }
        struct outlet *block = calloc(OUTPOST_BLOCK, sizeof *block);
        if (!block)
            return NULL;
        o->blocks[o->n_blocks++] = block;
    }
    uint32_t number = o->n_numbers++;
    struct outlet *at = at_number(o, number);
    at->number = number;
    return at;
}

struct outlet *outpost_take(struct outpost *o, unsigned room_at, struct distant *of)
{
    struct outlet *at;

    if (o->first_free != NONE) {
        at = at_number(o, o->first_free);
        o->first_free = at->next_free;
        o->n_free--;
    } else if (!(at = new_outlet(o))) {
        return NULL;
    }
    *at = (struct outlet){.of = of,
                          .here = o->worker,
                          .number = at->number,
                          .next_late = at->next_late,
                          .is_late = at->is_late, /* as the one before in its place */
                          .room_at = (uint8_t)room_at};
    return at;
}

void outpost_give_back(struct outpost *o, struct outlet *at)
{
    at->here = NULL;
    at->next_free = o->first_free;
    o->first_free = at->number;
    o->n_free++;
}

uint32_t outpost_n(const struct outpost *o)
{
    return o->n_numbers - o->n_free;
}

/* What is told to the room's worker. */

static bool tell(const struct outlet *at, enum batch_note_kind kind, uint16_t code,
                 uint32_t value, const void *bytes)
{
    struct batch *b = post_batch(&at->here->post, at->room_at);
    struct batch_note note = {at->of, (uint8_t)kind, code, value};

    return b && batch_add_note(b, &note, bytes);
}

/* It has something to do later. */
static void put_off(struct outlet *at)
{
    struct outpost *o = &at->here->outpost;

    if (at->is_late)
        return;
    at->is_late = true;
    at->next_late = o->first_late;
    o->first_late = at->number;
}

/* A message that cannot be passed on is lost, and its sender would never know: so the
 * connection is, too, and its client comes back. */
static void pass_on(struct outlet *at, enum batch_note_kind kind, enum ws_op op,
                    const uint8_t *data, size_t len)
{
    struct outpost *o = &at->here->outpost;

    if (!tell(at, kind, (uint16_t)op, (uint32_t)len, data)) {
        conn_abort(at->conn);
    } else if (!at->is_held_back && post_is_full(&at->here->post, at->room_at)) {
        at->is_held_back = true;
        put_off(at);
        o->n_holds++;
        conn_hold(at->conn, true);
    }
}

static void on_message(void *user, enum ws_op op, const uint8_t *data, size_t len)
{
    pass_on(user, NOTE_MESSAGE, op, data, len);
}

static void on_dropped(void *user, enum ws_op op, const uint8_t *data, size_t len)
{
    pass_on(user, NOTE_DROPPED, op, data, len);
}

static void on_closed(void *user, uint16_t code)
{
    struct outlet *at = user;

    at->conn = NULL;
    at->code = code;
    at->is_held_back = false;
    at->owes_end = !tell(at, NOTE_CLOSED, code, 0, NULL);
    if (at->owes_end)
        put_off(at);
}

static const struct conn_handler handler = {on_message, on_closed, on_dropped};

void outpost_connect(struct outlet *at, struct conn *c)
{
    at->conn = c;
    conn_hand_over(c, &handler, at);
}

/* Orders. */

/* Only what has changed is worth telling. */
static void look(struct outlet *at)
{
    size_t n = conn_backlog(at->conn);
    uint32_t backlog = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;

    if (backlog != at->backlog && tell(at, NOTE_BACKLOG, 0, backlog, NULL))
        at->backlog = backlog;
}

static void close_one(struct outlet *at, const struct batch_order *order)
{
    char reason[124] = "";

    if (order->frame && order->frame->len < sizeof reason)
        memcpy(reason, order->frame->bytes, order->frame->len);
    conn_close(at->conn, order->code, reason);
}

static void obey(struct outpost *o, const struct batch_order *order, struct outlet *at)
{
    assert(at->here);
    if (order->kind == ORDER_FORGET) {
        assert(!at->conn); /* its end was told, and this is the answer */
        outpost_give_back(o, at);
        return;
    }
    if (!at->conn)
        return;
    switch ((enum batch_order_kind)order->kind) {
    case ORDER_SEND: conn_send(at->conn, order->frame); break;
    case ORDER_LOOK: look(at); break;
    case ORDER_CLOSE: close_one(at, order); break;
    case ORDER_FORGET: break;
    }
}

/* A place in an order. */
struct cursor {
    const struct batch_order *order;
    uint32_t span, in_span;
};

/* The member that it is at; NULL: past the last. */
static struct outlet *member_at(const struct outpost *o, const struct cursor *c)
{
    return c->span < c->order->n_spans
               ? at_number(o, c->order->spans[c->span].first + c->in_span)
               : NULL;
}

static void step(struct cursor *c)
{
    if (++c->in_span == c->order->spans[c->span].n) {
        c->span++;
        c->in_span = 0;
    }
}

/* In a room of thousands each connection is a handful of misses: the next ones are
 * fetched while one is served. */
static void fetch_ahead(const struct outpost *o, const struct cursor *c)
{
    enum { AHEAD = 4, LINE = 64, LINES = 3 };

    if (c->span >= c->order->n_spans || c->in_span + AHEAD >= c->order->spans[c->span].n)
        return;
    const char *conn =
        (const char *)at_number(o, c->order->spans[c->span].first + c->in_span + AHEAD)
            ->conn;
    for (int i = 0; conn && i < LINES; i++)
        __builtin_prefetch(conn + i * LINE);
}

/* All of an order, and with it, member by member, the next one (NULL: none), which goes
 * as a rule to the same: a look and then a frame while the connection is in the cache. */
static void obey_two(struct outpost *o, const struct batch_order *one,
                     const struct batch_order *two)
{
    struct cursor a = {.order = one}, b = {.order = two};

    for (struct outlet *at; (at = member_at(o, &a)); step(&a)) {
        fetch_ahead(o, &a);
        obey(o, one, at);
        if (two && member_at(o, &b) == at) {
            obey(o, two, at);
            step(&b);
        }
    }
    for (struct outlet *at; two && (at = member_at(o, &b)); step(&b))
        obey(o, two, at);
}

void outpost_obey(struct outpost *o, const struct batch *b)
{
    for (uint32_t i = 0; i < b->n_orders; i++) {
        const struct batch_order *order = &b->orders[i];
        bool has_frame =
            order->kind == ORDER_LOOK && i + 1 < b->n_orders && order[1].kind == ORDER_SEND;
        obey_two(o, order, has_frame ? &order[1] : NULL);
        i += has_frame;
    }
}

/* Those that it was not possible for go into the list again, and so may one that is read
 * on: what it brings at once may be too much. One whose connection has ended meanwhile, be
 * its place taken again or not, has nothing to do here any more. */
void outpost_run(struct outpost *o)
{
    uint32_t number = o->first_late;

    o->first_late = NONE;
    while (number != NONE) {
        struct outlet *at = at_number(o, number);
        number = at->next_late;
        at->is_late = false;
        if (at->is_held_back && post_may_go_on(&o->worker->post, at->room_at)) {
            at->is_held_back = false;
            conn_hold(at->conn, false);
        }
        if (at->owes_end)
            at->owes_end = !tell(at, NOTE_CLOSED, at->code, 0, NULL);
        if (at->is_held_back || at->owes_end)
            put_off(at);
    }
}
