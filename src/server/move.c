/* SPDX-License-Identifier: MIT */
#include "server/move.h"

#include <stdlib.h>

#include "server/distant.h"
#include "server/outpost.h"
#include "server/server.h"
#include "server/worker.h"

struct parcel {
    struct letter letter; /* first */
    struct server *server;
    struct session *session;
    struct conn *conn;       /* NULL: it stays where it is, */
    struct distant *distant; /* ... and the session talks through this */
};

static void on_open(struct letter *l, void *reader)
{
    struct parcel *p = (struct parcel *)l;
    struct worker *w = reader;

    if (!w) {
        if (p->distant)
            distant_discard(p->distant);
        else
            conn_discard(p->conn, &p->server->share);
        free(p);
        return;
    }
    if (p->distant)
        distant_arrive(p->distant, w);
    else
        conn_adopt(p->conn, w->edge);
    session_attach(p->session, &w->world);
    session_arrive(p->session);
    free(p);
}

void move_on(void *ctx, struct session *s, unsigned worker)
{
    (void)ctx;
    (void)worker;
    conn_move(s->peer.conn);
}

static struct parcel *new_parcel(struct worker *w, struct session *s)
{
    struct parcel *p = malloc(sizeof *p);

    if (p)
        *p = (struct parcel){
            {NULL, on_open},
            w->server, s, NULL, NULL
        };
    return p;
}

static bool post(struct worker *w, unsigned to, struct parcel *p)
{
    return mailbox_post(&w->server->workers[to].box, &p->letter);
}

/* With all it has. */
static bool send_whole(struct worker *w, unsigned to, struct conn *c, struct session *s)
{
    struct parcel *p = new_parcel(w, s);

    if (p) {
        p->conn = c;
        if (post(w, to, p))
            return true;
    }
    free(p);
    return false;
}

/* Without the connection. */
static bool send_alone(struct worker *w, unsigned to, struct conn *c, struct session *s)
{
    struct parcel *p = new_parcel(w, s);
    struct distant *d = p ? distant_new(w->index, c, s) : NULL;
    struct outlet *at = d ? outpost_take(&w->outpost, to, d) : NULL;

    if (at) {
        d->number = at->number;
        p->distant = d;
        if (post(w, to, p)) {
            outpost_connect(at, c);
            conn_adopt(c, w->edge);
            return true;
        }
        outpost_give_back(&w->outpost, at);
    }
    free(d);
    free(p);
    return false;
}

void move_out(void *ctx, struct conn *c, void *user)
{
    struct worker *w = ctx;
    struct session *s = user;
    unsigned to = session_goes_to(s);
    bool is_alone = session_goes_alone(s);

    session_detach(s);
    if (is_alone ? send_alone(w, to, c, s) : send_whole(w, to, c, s)) {
        w->n_moves += !is_alone;
        return;
    }
    conn_adopt(c, w->edge);
    session_attach(s, &w->world);
    session_stay(s);
}
