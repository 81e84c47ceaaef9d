/* SPDX-License-Identifier: MIT */
/*
 * session_join - how a session comes to its seat: bans, auth(), and then the room that is
 * named, the lobby, or a place to watch from; and how it takes a held seat back.
 */
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "room/option.h"
#include "room/session_internal.h"
#include "script/script_auth.h"
#include "script/vm.h"

static bool is_set(const uint8_t *options, size_t n, const char *key)
{
    struct option o = option_find(options, n, key);

    return option_is_set(&o);
}

/* The room that is named, by its id or its code, or that is to be the player's own;
 * NULL and a code where it cannot be joined. */
static struct room *find_room(struct session *s, struct game *g, const uint8_t *options,
                              size_t n, uint16_t *code)
{
    const char *id = s->wish->room;
    struct room_start start = {.id = *id ? id : NULL,
                               .n_id = strlen(id),
                               .is_private = is_set(options, n, "private"),
                               .options = options,
                               .n_options = n};
    struct option code_of = option_find(options, n, "code");
    bool by_code = !*id && code_of.kind == OPTION_TEXT;
    struct room *r = NULL;

    if (*id)
        r = game_find_room(g, id, strlen(id));
    else if (by_code)
        r = game_find_code(g, code_of.text.text, code_of.text.len);
    *code = CLOSE_ROOM_FULL;
    if (r && r->is_closing)
        *code = CLOSE_TRY_LATER; /* a moment from now it can be opened anew */
    if (r)
        return room_is_full(r) || r->is_closing ? NULL : r;
    *code = CLOSE_NO_SUCH_ROOM;
    if (by_code || (*id && g->vm->def->listed))
        return NULL;
    *code = CLOSE_TRY_LATER;
    return game_new_room(g, &start);
}

/* The room that is the most worth watching: the fullest that is not private. */
static struct room *find_spectacle(const struct game *g)
{
    struct room *best = NULL;

    for (struct map_entry *e = NULL; (e = map_next(&g->rooms, e));) {
        struct room *r = e->value;
        if (r->is_private || r->is_closing || room_n_seats(r) == 0 ||
            r->n_spectators >= g->vm->def->max_spectators)
            continue;
        if (!best || room_n_seats(r) > room_n_seats(best) ||
            (room_n_seats(r) == room_n_seats(best) && strcmp(r->id, best->id) < 0))
            best = r;
    }
    return best;
}

/* It has a seat: what it asked for matters no more. */
static void seat(struct session *s, struct player *p)
{
    p->session = s;
    s->player = p;
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
    const char *id = s->wish->room;
    struct option code = option_find(options, n, "code"),
                  name = option_find(options, n, "name");
    struct room *r = NULL;

    if (is_set(options, n, "private") || option_find(options, n, "party").kind) {
        session_end(s, CLOSE_BAD_HELLO, "spectate: without private and party");
        return;
    }
    if (*id)
        r = game_find_room(g, id, strlen(id));
    else if (code.kind == OPTION_TEXT)
        r = game_find_code(g, code.text.text, code.text.len);
    else
        r = find_spectacle(g);
    if (!r || r->is_closing) {
        session_end(s, CLOSE_NO_SUCH_ROOM, close_reason_text(CLOSE_NO_SUCH_ROOM));
        return;
    }
    struct player *p = room_admit(r, &s->peer, name.text.text, name.text.len, options, n);
    if (!p) {
        session_end(s, CLOSE_ROOM_FULL, "too many watch this room");
        return;
    }
    take_place(s, p, e);
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
    uint16_t code;

    /* A ban may have come while auth waited. */
    if (!g || session_is_kept_out(s, g, e->user, e->n_user))
        return;
    if (is_set(options, n, "spectate")) {
        watch(s, g, e);
        return;
    }
    if (!*s->wish->room && option_find(options, n, "code").kind != OPTION_TEXT &&
        !is_set(options, n, "private")) {
        lobby_join(s, g, e);
        return;
    }
    if (option_find(options, n, "party").kind != OPTION_NONE) {
        session_end(s, CLOSE_BAD_HELLO, "party: only where no room is named");
        return;
    }
    struct room *r = find_room(s, g, options, n, &code);
    if (r)
        session_sit(s, r, e);
    else
        session_end(s, code, close_reason_text(code));
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
    if (!p || p->room->is_closing) {
        end_without_seat(s, p ? PASS_CLOSED : why);
        return;
    }
    if (*s->wish->room && strcmp(s->wish->room, p->room->id) != 0) {
        session_end(s, CLOSE_NO_SUCH_ROOM, "the seat of this token is in another room");
        return;
    }
    if (epoch != p->room->epoch)
        from.tick = 0;
    room_resume_seat(p->room, p, &s->peer, &from);
    seat(s, p);
    room_offer_schema(p, schema_hash);
}
