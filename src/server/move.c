/* SPDX-License-Identifier: MIT */
#include "server/move.h"

#include <stdlib.h>

#include "server/server.h"
#include "server/worker.h"

struct parcel {
    struct letter letter; /* first */
    struct server *server;
    struct conn *conn;
    struct session *session;
};

static void on_open(struct letter *l, void *reader)
{
    struct parcel *p = (struct parcel *)l;
    struct worker *w = reader;

    if (w) {
        conn_adopt(p->conn, w->edge);
        session_attach(p->session, &w->world);
        session_arrive(p->session);
    } else {
        conn_discard(p->conn, &p->server->share);
    }
    free(p);
}

void move_on(void *ctx, struct session *s, unsigned worker)
{
    (void)ctx;
    (void)worker;
    conn_move(s->peer.conn);
}

void move_out(void *ctx, struct conn *c, void *user)
{
    struct worker *w = ctx;
    struct session *s = user;
    struct worker *to = &w->server->workers[session_goes_to(s)];
    struct parcel *p = malloc(sizeof *p);

    session_detach(s);
    if (p)
        *p = (struct parcel){
            {NULL, on_open},
            w->server, c, s
        };
    if (p && mailbox_post(&to->box, &p->letter)) {
        w->n_moves++;
        return;
    }
    free(p);
    conn_adopt(c, w->edge);
    session_attach(s, &w->world);
    session_stay(s);
}
