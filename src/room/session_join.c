/* SPDX-License-Identifier: MIT */
/*
 * session_join - how a session comes to its seat: bans, auth(), and then the room that is
 * named, the lobby, or a place to watch from; and how it takes a held seat back.
 */
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "room/errand.h"
#include "room/option.h"
#include "room/session_internal.h"
#include "script/script_auth.h"
#include "script/vm.h"

static bool is_set(const uint8_t *options, size_t n, const char *key)
{
    struct option o = option_find(options, n, key);

    return option_is_set(&o);
}

/* What of a place is told to whom it refuses. */
static uint16_t code_of(enum place_answer a)
{
    switch (a) {
    case PLACE_FULL: return CLOSE_ROOM_FULL;
    case PLACE_NONE: return CLOSE_NO_SUCH_ROOM;
    case PLACE_FOUND:
    case PLACE_CLOSING: /* a moment from now it can be opened anew */
    case PLACE_NOT_NOW: break;
    }
    return CLOSE_TRY_LATER;
}

/* The room that the session's wish or a code names; w->id is NULL where none does. `id`
 * is for codes. */
static void name_room(const struct session *s, const uint8_t *options, size_t n,
                      char id[ROOM_ID_MAX + 1], struct place_wish *w)
{
    struct option code = option_find(options, n, "code");

    w->id = *s->wish->room ? s->wish->room : NULL;
    w->n_id = strlen(s->wish->room);
    if (w->id || code.kind != OPTION_TEXT)
        return;
    w->id = id;
    w->n_id = game_id_of_code(id, code.text.text, code.text.len);
}

/* A seat in the room that is named, by its id or its code, or one of the player's own. */
static enum place_answer find_seat(const struct session *s, struct game *g,
                                   const uint8_t *options, size_t n, struct place **out)
{
    struct place_wish w = {.n_seats = 1, .max_seats = g->vm->def->max_players};
    char id[ROOM_ID_MAX + 1];

    name_room(s, options, n, id, &w);
    w.may_make = !w.id || (*s->wish->room && !g->vm->def->listed);
    if (w.may_make)
        w.worker = directory_pick(g->hall->directory, g->world->worker);
    return hall_take(g->hall, &w, out);
}

static bool is_better(const struct place_view *a, const struct place_view *b)
{
    if (a->state.n_seats != b->state.n_seats)
        return a->state.n_seats > b->state.n_seats;
    return strcmp(a->place->id, b->place->id) < 0;
}

/* The room that is the most worth watching: the fullest that is not private. */
static struct place *find_spectacle(const struct game *g)
{
    size_t n;
    struct place_view *list = hall_list(g->hall, false, &n), *best = NULL;

    for (size_t i = 0; list && i < n; i++) {
        const struct place_state *r = &list[i].state;
        if (r->is_private || r->is_closing || r->n_seats == 0 ||
            r->n_spectators >= g->vm->def->max_spectators)
            continue;
        if (!best || is_better(&list[i], best))
            best = &list[i];
    }
    struct place *p = best ? place_ref(best->place) : NULL;
    hall_list_free(list, n);
    return p;
}

/* The game it asked for, where it may still come in; NULL: it has been told why not. */
static struct game *find_game(struct session *s)
{
    struct game *g = game_find(s->world, s->wish->game, strlen(s->wish->game));
    uint16_t code = s->world->is_stopping ? CLOSE_GOING_AWAY : CLOSE_NO_SUCH_ROOM;

    if (g && g->vm && !s->world->is_stopping)
        return g;
    session_end(s, code, close_reason_text(code));
    return NULL;
}

/* It has a seat: what it asked for matters no more. */
static void seat(struct session *s, struct player *p)
{
    p->session = s;
    s->player = p;
    if (p->ledger)
        p->ledger->opened_us = s->wish->opened_us;
    session_forget_wish(s);
}

/* A new place in a room, with what auth() has found out. NULL where memory is out: the
 * player has been sent away. */
static struct player *take_place(struct session *s, struct player *p,
                                 const struct session_entry *e)
{
    seat(s, p);
    if (e->n_user && !player_set_user(p, e->user, e->n_user)) {
        room_kick(p->room, p, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
        return NULL;
    }
    room_offer_schema(p, e->schema_hash);
    return p;
}

/* Watch the room that is named, or any; none is made for it. */
static void watch(struct session *s, struct game *g, const struct session_entry *e)
{
    const uint8_t *options = e->options;
    size_t n = e->n_options;
    struct place_wish w = {0};
    char id[ROOM_ID_MAX + 1];
    struct place *p = NULL;

    if (is_set(options, n, "private") || option_find(options, n, "party").kind) {
        session_end(s, CLOSE_BAD_HELLO, "spectate: without private and party");
        return;
    }
    name_room(s, options, n, id, &w);
    if (w.id)
        hall_take(g->hall, &w, &p);
    else
        p = find_spectacle(g);
    if (p && p->worker != g->world->worker)
        errand_send(s, ERRAND_WATCH, p->worker, e, p, NULL);
    else
        session_watch(s, e, p);
}

void session_watch(struct session *s, const struct session_entry *e, struct place *place)
{
    struct option name = option_find(e->options, e->n_options, "name");
    struct game *g = find_game(s);
    bool is_let_in = g && !session_is_kept_out(s, g, e->user, e->n_user);
    struct room *r =
        is_let_in && place ? game_find_room(g, place->id, strlen(place->id)) : NULL;

    place_release(&place, 0);
    if (!is_let_in)
        return;
    if (!r || r->is_closing) {
        session_end(s, CLOSE_NO_SUCH_ROOM, close_reason_text(CLOSE_NO_SUCH_ROOM));
        return;
    }
    struct player *p =
        room_admit(r, &s->peer, name.text.text, name.text.len, e->options, e->n_options);
    if (!p) {
        session_end(s, CLOSE_ROOM_FULL, "too many watch this room");
        return;
    }
    take_place(s, p, e);
}

/* Is it kept out? Then it has been told. */
static bool is_banned(struct session *s, struct game *g, const struct ban_key *key)
{
    const char *why = bans_find(&g->bans, key, clk_now_us());

    if (why)
        session_end(s, CLOSE_REFUSED, why);
    return why != NULL;
}

static bool is_address_banned(struct session *s, struct game *g)
{
    struct ban_key key;

    return g->bans.map.n > 0 &&
           ban_key_of_address(&key, s->peer.ops->address(s->peer.conn)) &&
           is_banned(s, g, &key);
}

bool session_is_kept_out(struct session *s, struct game *g, const uint8_t *user,
                         size_t n_user)
{
    struct ban_key key;

    return is_address_banned(s, g) ||
           (ban_key_of_user(&key, user, n_user) && is_banned(s, g, &key));
}

void session_join(struct session *s, const uint8_t *options, size_t n, uint32_t schema_hash)
{
    struct game *g = find_game(s);

    if (!g || is_address_banned(s, g))
        return;
    if (g->vm->is_lost) /* nor can it say who may come in */
        session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
    else if (script_has_auth(g->vm))
        auth_begin(s, g, options, n, schema_hash);
    else
        session_admit(s, &(struct session_entry){.options = options,
                                                 .n_options = n,
                                                 .schema_hash = schema_hash});
}

void session_admit(struct session *s, const struct session_entry *e)
{
    struct game *g = find_game(s);
    const uint8_t *options = e->options;
    size_t n = e->n_options;
    struct place *place;

    /* A ban may have come while auth waited. */
    if (!g || session_is_kept_out(s, g, e->user, e->n_user))
        return;
    if (is_set(options, n, "spectate")) {
        watch(s, g, e);
        return;
    }
    if (!*s->wish->room && option_find(options, n, "code").kind != OPTION_TEXT &&
        !is_set(options, n, "private")) {
        if (g->hall->home == g->world->worker)
            lobby_join(s, g, e);
        else
            errand_send(s, ERRAND_ADMIT, g->hall->home, e, NULL, NULL);
        return;
    }
    if (option_find(options, n, "party").kind != OPTION_NONE) {
        session_end(s, CLOSE_BAD_HELLO, "party: only where no room is named");
        return;
    }
    enum place_answer a = find_seat(s, g, options, n, &place);
    if (a != PLACE_FOUND)
        session_end(s, code_of(a), close_reason_text(code_of(a)));
    else if (place->worker != g->world->worker)
        errand_send(s, ERRAND_SIT, place->worker, e, place, NULL);
    else
        session_go(s, e, place, NULL);
}

/* The room of this place, which is on this worker; NULL: it has ended meanwhile, or cannot
 * be made. */
static struct room *find_room(const struct session *s, struct game *g,
                              const struct session_entry *e, struct place *place,
                              const struct room_plan *plan)
{
    struct room *r = game_find_room(g, place->id, strlen(place->id));
    struct room_start start = {.place = place,
                               .is_private = is_set(e->options, e->n_options, "private"),
                               .options = e->options,
                               .n_options = e->n_options};

    if (r || place_is_gone(place))
        return r;
    if (*s->wish->room) {
        start.id = place->id;
        start.n_id = strlen(place->id);
    }
    return plan ? game_new_planned_room(g, place, plan) : game_new_room(g, &start);
}

void session_go(struct session *s, const struct session_entry *e, struct place *place,
                struct room_plan *plan)
{
    struct game *g = find_game(s);

    if (g && session_is_kept_out(s, g, e->user, e->n_user)) /* a ban came meanwhile */
        g = NULL;
    struct room *r = g ? find_room(s, g, e, place, plan) : NULL;
    bool is_gone = place_is_gone(place);

    if (r && !r->is_closing) {
        session_sit(s, r, e);
        place_release(&place, 1);
        return;
    }
    place_release(&place, 1);
    if (g && is_gone && s->wish->n_moves < ERRAND_MAX)
        session_admit(s, e); /* it has ended while we were under way */
    else if (g)
        session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
}

void session_stay(struct session *s)
{
    errand_free(&s->wish->errand);
    session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
}

/* A token tells the worker that has given it out; after a restart that may be another one,
 * so the others are asked as well, each once. */
bool session_looks_elsewhere(struct session *s, const uint8_t *token)
{
    unsigned n = directory_n_workers(s->world->directory), own = s->world->worker;
    unsigned first = pass_worker(token, n);

    if (n == 1 || s->wish->n_moves >= n)
        return false;
    errand_send(s, ERRAND_AGAIN,
                s->wish->n_moves == 0 && first != own ? first : (own + 1) % n, NULL, NULL,
                NULL);
    return true;
}

struct player *session_sit(struct session *s, struct room *r, const struct session_entry *e)
{
    struct option name = option_find(e->options, e->n_options, "name");
    struct player *p = room_take_seat(r, &s->peer, name.text.text, name.text.len,
                                      e->options, e->n_options);

    if (p)
        return take_place(s, p, e);
    session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
    return NULL;
}

/* What is told who comes with a token that is no good. */
static void end_without_seat(struct session *s, enum pass_end why)
{
    static const char *const told[] = {
        [PASS_UNKNOWN] = "there is no seat of this token",
        [PASS_REPLACED] = "this token was replaced by a newer one",
        [PASS_LEFT] = "the seat was given up",
        [PASS_LOST] = "the seat was held no longer",
        [PASS_KICKED] = "the player was kicked",
        [PASS_CLOSED] = "the room is closed",
    };

    session_end(s, why == PASS_KICKED ? CLOSE_KICKED : CLOSE_NO_SUCH_ROOM, told[why]);
}

void session_resume(struct session *s, const struct room_return *given,
                    uint32_t schema_hash, uint32_t epoch)
{
    struct game *g = game_find(s->world, s->wish->game, strlen(s->wish->game));
    struct room_return from = *given;
    enum pass_end why = PASS_UNKNOWN;

    if (s->world->is_stopping) {
        session_end(s, CLOSE_GOING_AWAY, close_reason_text(CLOSE_GOING_AWAY));
        return;
    }
    if (g && is_address_banned(s, g))
        return;
    const struct pass *pass = g ? pass_find(&g->passes, from.token, &why) : NULL;
    struct player *p = pass ? pass->player : NULL;
    if (g && why == PASS_UNKNOWN && !p && session_looks_elsewhere(s, from.token))
        return;
    if (!p || p->room->is_closing) {
        end_without_seat(s, p ? PASS_CLOSED : why);
        return;
    }
    if (*s->wish->room && strcmp(s->wish->room, p->room->id) != 0) {
        session_end(s, CLOSE_NO_SUCH_ROOM, "the seat of this token is in another room");
        return;
    }
    if (p->peer.conn && p->ledger->opened_us > s->wish->opened_us) { /* held up */
        session_end(s, CLOSE_TAKEN_OVER, close_reason_text(CLOSE_TAKEN_OVER));
        return;
    }
    if (p->room->place && errand_leads_back(s, p->room->place)) {
        errand_lead_back(s);
        return;
    }
    if (epoch != p->room->epoch)
        from.tick = 0;
    room_resume_seat(p->room, p, &s->peer, &from);
    seat(s, p);
    room_offer_schema(p, schema_hash);
}
