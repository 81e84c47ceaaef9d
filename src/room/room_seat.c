/* SPDX-License-Identifier: MIT */
/*
 * room_seat - who sits in a room: seats taken, held, given back and given up.
 * What scripts have to hear of it goes into the room's queue.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "proto/wire.h"
#include "room/room_internal.h"
#include "room/room_save.h"
#include "room/session.h"

uint32_t room_n_seats(const struct room *r)
{
    return r->n_players - r->n_spectators;
}

bool room_is_full(const struct room *r)
{
    return room_n_seats(r) >= room_def(r)->max_players;
}

bool room_is_spread(const struct room *r)
{
    const struct game_def *def = room_def(r);

    return !def->raw && def->spread > 0 && r->n_players >= def->spread;
}

void room_tell_place(struct room *r)
{
    struct place_state s = {.n_seats = room_n_seats(r),
                            .n_spectators = r->n_spectators,
                            .is_open = room_is_open(r),
                            .is_private = r->is_private,
                            .is_locked = r->is_locked,
                            .is_closing = r->is_closing,
                            .is_spread = room_is_spread(r)};

    if (r->place)
        place_tell(r->place, &s);
}

bool room_is_open(const struct room *r)
{
    return !r->is_locked && !r->is_closing && !r->is_named && !r->is_private;
}

void room_label(struct room *r, const uint8_t *map, size_t n)
{
    uint8_t *copy = malloc(n);

    if (!copy)
        return;
    memcpy(copy, map, n);
    free(r->labels);
    r->labels = copy;
    r->n_labels = n;
    struct chunk *told = chunk_copy(map, n);
    if (told && r->place)
        place_label(r->place, told);
    chunk_unref(&told);
}

/* Players stand in the order of their ids, so a seat lies no further from either end
 * than its id does; where nobody has left that is the place. */
struct player *room_find(const struct room *r, uint32_t id)
{
    uint32_t n = r->n_players;

    if (n == 0 || id < r->players[0]->id || id > r->players[n - 1]->id)
        return NULL;
    uint32_t ahead = id - r->players[0]->id, behind = r->players[n - 1]->id - id;
    uint32_t high = ahead < n ? ahead : n - 1, low = behind < n ? n - 1 - behind : 0;
    for (uint32_t at = high;;) {
        struct player *p = r->players[at];
        if (p->id == id)
            return p;
        if (p->id < id)
            low = at + 1;
        else if (at == 0)
            return NULL;
        else
            high = at - 1;
        if (low > high)
            return NULL;
        at = low + (high - low) / 2;
    }
}

void room_count_peer(struct room *r, struct player *p)
{
    if (p->counted_as)
        r->n_listeners[p->counted_as - 1]--;
    p->counted_as = player_listens(p) ? (uint8_t)(p->peer.codec + 1) : 0;
    if (p->counted_as)
        r->n_listeners[p->counted_as - 1]++;
}

static void count(struct room *r, const struct player *p, int by)
{
    struct game *g = r->game;

    *(p->is_spectator ? &g->n_spectators : &g->n_players) += (uint32_t)by;
    if (p->is_spectator)
        r->n_spectators += (uint32_t)by;
    room_tell_place(r);
}

bool room_add_player(struct room *r, struct player *p, bool has_token)
{
    if (r->n_players == r->cap_players) {
        uint32_t cap = r->cap_players ? r->cap_players * 2 : 4;
        struct player **grown = realloc(r->players, cap * sizeof(struct player *));
        if (!grown)
            return false;
        r->players = grown;
        r->cap_players = cap;
    }
    if (has_token && !p->is_spectator && !player_has_pass(p) &&
        !pass_give(&r->game->passes, &p->ledger->pass, p))
        return false;
    r->players[r->n_players++] = p;
    count(r, p, 1);
    return true;
}

void room_remove(struct room *r, struct player *p)
{
    uint32_t i = 0;

    assert(!p->peer.conn);
    while (r->players[i] != p)
        i++;
    memmove(r->players + i, r->players + i + 1,
            (r->n_players - i - 1) * sizeof(struct player *));
    r->n_players--;
    r->is_unsaved = true;
    count(r, p, -1);
    if (p->ledger)
        pass_take(&r->game->passes, &p->ledger->pass, PASS_CLOSED);
    room_count_peer(r, p);
    player_free(&p);
}

int room_tell_seat(struct room *r, const struct player *p)
{
    int code = p->is_spectator ? script_spectator_add(r->script, p->id, p->name)
                               : script_seat_add(r->script, p->id, p->name);

    return code == 0 && p->user ? script_seat_set_user(r->script, p->id, p->user, p->n_user)
                                : code;
}

static bool queue(struct room *r, struct player *p, enum input_kind kind, const void *data,
                  size_t len)
{
    struct input in = {.kind = kind, .player = p->id, .data = data, .len = (uint32_t)len};

    r->is_unsaved = true;
    if (kind == INPUT_JOIN || kind == INPUT_RESUME) /* soon: its token is a new one */
        r->save_at_us = r->saved_us + ROOM_SAVE_AGAIN_MS * 1000;
    room_wake(r);
    return inputs_push(&r->inputs, &in);
}

static struct player *take(struct room *r, struct player *p, const struct peer *peer,
                           struct wire_str name, const uint8_t *options, size_t n_options)
{
    if (p && peer->codec != PEER_RAW && !player_make_view(p))
        player_free(&p);
    if (!p)
        return NULL;
    p->room = r;
    p->schema = schema_ref(room_def(r)->schema);
    player_set_name(p, name.text, name.len, room_def(r)->max_name);
    if (!room_add_player(r, p, peer->can_resume)) {
        player_free(&p);
        return NULL;
    }
    if (!queue(r, p, INPUT_JOIN, options, n_options)) {
        room_remove(r, p);
        return NULL;
    }
    r->last_id++;
    p->peer = *peer;
    room_count_peer(r, p);
    return p;
}

struct player *room_take_seat(struct room *r, const struct peer *peer, const char *name,
                              size_t n_name, const uint8_t *options, size_t n_options)
{
    struct player *p = room_is_full(r) ? NULL : player_new(r->last_id + 1);

    return take(r, p, peer, (struct wire_str){name, n_name}, options, n_options);
}

struct player *room_admit(struct room *r, const struct peer *peer, const char *name,
                          size_t n_name, const uint8_t *options, size_t n_options)
{
    bool has_place = r->n_spectators < room_def(r)->max_spectators;
    struct player *p = has_place ? player_new(r->last_id + 1) : NULL;

    if (p)
        p->is_spectator = true;
    return take(r, p, peer, (struct wire_str){name, n_name}, options, n_options);
}

/* Can it go on from the records that it has, with those that are kept? */
static bool can_go_on(const struct player *p, enum peer_codec codec, uint32_t n_events,
                      bool has_last_hello)
{
    const struct tally *t = &p->ledger->tally;

    bool has_all = n_events == ring_count(&t->sent);

    if ((t->is_anew && !has_last_hello) || !ring_reaches(&t->sent, n_events))
        return false;
    if (codec != p->peer.codec) /* what is kept, and waits for the flush, is in the other */
        return has_all && p->room->outbox.n == 0;
    return has_all || codec != PEER_BINARY || n_events >= t->n_stale;
}

void room_resume_seat(struct room *r, struct player *p, const struct peer *peer,
                      const struct room_return *from)
{
    struct tally *t = &p->ledger->tally;
    bool is_counted = from->n_events != ROOM_NOT_COUNTED;
    uint32_t n_events = is_counted ? from->n_events : ring_count(&t->sent);
    bool has_last_hello = !pass_is_before(&p->ledger->pass, from->token);

    if (p->peer.conn)
        room_part(p, CLOSE_TAKEN_OVER, close_reason_text(CLOSE_TAKEN_OVER));
    if (has_last_hello)
        room_hello_arrived(p);
    /* What was on its way to it when the process ended is lost. */
    bool is_lost = p->is_restored && is_counted;
    p->is_restored = false;
    if (!is_lost && can_go_on(p, peer->codec, n_events, has_last_hello || !is_counted)) {
        ring_confirm(&t->sent, n_events);
    } else {
        ring_restart(&t->sent);
        t->n_stale = 0;
        t->has_gap = t->is_anew = true;
    }
    pass_renew(&r->game->passes, &p->ledger->pass, from->token);
    p->peer = *peer;
    p->needs_hello = p->is_back = true;
    p->ledger->resume_tick = t->has_gap ? 0 : from->tick;
    p->resync_ms = 0;
    pace_reset(p->pace);
    p->has_events = false;
    if (p->state == PLAYER_HELD) {
        uint32_t now_ms = (uint32_t)(clk_now_us() / 1000);
        player_credit(p, (double)(now_ms - p->ledger->away_ms) / 1000, now_ms);
        p->state = PLAYER_SEATED;
        queue(r, p, INPUT_RESUME, NULL, 0);
    }
    room_count_peer(r, p);
    r->is_dirty = true;
    room_wake(r);
}

void room_hello_arrived(struct player *p)
{
    pass_settle(&p->room->game->passes, &p->ledger->pass);
    p->ledger->tally.is_anew = false;
}

/* The seat ends with the next step. Where the queue is full it is tried again
 * there: a held seat whose time is over leaves. */
static void start_leaving(struct room *r, struct player *p, enum pass_end why)
{
    const char *reason = why == PASS_LEFT ? "left" : why == PASS_LOST ? "lost" : "kicked";

    p->state = PLAYER_HELD;
    p->held_until_us = 0;
    if (p->ledger)
        pass_take(&r->game->passes, &p->ledger->pass, why);
    room_count_peer(r, p);
    if (!p->is_leaving)
        p->is_leaving = queue(r, p, INPUT_LEAVE, reason, strlen(reason));
}

void room_lose_peer(struct room *r, struct player *p, bool for_good)
{
    double reconnect_s = room_def(r)->reconnect;

    assert(p->peer.conn && !p->is_leaving); /* whoever leaves has no peer */
    p->peer.conn = NULL;
    p->session = NULL;
    /* Nobody comes back to a seat of which nobody has heard. */
    if (for_good || !player_has_pass(p) || reconnect_s <= 0 || !p->is_known) {
        start_leaving(r, p, for_good ? PASS_LEFT : PASS_LOST);
        return;
    }
    p->state = PLAYER_HELD;
    p->held_until_us = clk_now_us() + (uint64_t)(reconnect_s * 1e6);
    p->ledger->away_ms = (uint32_t)(clk_now_us() / 1000);
    room_count_peer(r, p);
    queue(r, p, INPUT_DROP, NULL, 0);
}

void room_kick(struct room *r, struct player *p, uint16_t code, const char *reason)
{
    if (p->is_leaving)
        return;
    room_flush_done(r);
    start_leaving(r, p, PASS_KICKED);
    if (p->peer.conn)
        room_part(p, code, *reason ? reason : close_reason_text(code));
}

void room_expire_seats(struct room *r, uint64_t now_us)
{
    for (uint32_t i = 0; i < r->n_players; i++) {
        struct player *p = r->players[i];
        if (p->state == PLAYER_HELD && !p->is_leaving && p->held_until_us <= now_us)
            start_leaving(r, p, PASS_LOST);
    }
}

void room_part(struct player *p, uint16_t code, const char *reason)
{
    struct peer peer = p->peer;

    p->peer.conn = NULL;
    room_count_peer(p->room, p);
    if (p->session)
        session_part(p->session);
    p->session = NULL;
    session_say_bye(&peer, code, reason);
    peer.ops->close(peer.conn, code, reason);
}
