/* SPDX-License-Identifier: MIT */
/*
 * room_ban - what player:ban, parlor.ban and parlor.unban do: the list of the game, and
 * whoever sits in it already goes. In the store a ban ends by the wall clock, so that the
 * rest of its time holds in the next process.
 */
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "base/logger.h"
#include "room/room_internal.h"
#include "room/room_save.h"

static bool key_of_address(struct ban_key *out, const struct player *p)
{
    return p->peer.conn && ban_key_of_address(out, p->peer.ops->address(p->peer.conn));
}

static const char *find_key(struct ban_key *out, const struct script_ban *ban,
                            const struct player *p)
{
    if (ban->by != SCRIPT_BAN_ADDRESS && (p ? ban_key_of_user(out, p->user, p->n_user)
                                            : ban_key_of_user(out, ban->user, ban->n_user)))
        return NULL;
    if (ban->by == SCRIPT_BAN_USER)
        return p ? "the player's user has no id that is a string or a number"
                 : "this is no id of a user";
    if (p ? key_of_address(out, p) : ban_key_of_address(out, ban->address))
        return NULL;
    return p ? "the player's address is not known while it is away" : "this is no address";
}

/* Does this player come under it? */
static bool is_meant(const struct player *p, const struct ban_key *key)
{
    struct ban_key own;

    return (ban_key_of_user(&own, p->user, p->n_user) && ban_key_is_equal(&own, key)) ||
           (key_of_address(&own, p) && ban_key_is_equal(&own, key));
}

void room_ban(struct room *r, const struct ban_key *key, const char *reason)
{
    for (uint32_t i = 0; i < r->n_players; i++)
        if (is_meant(r->players[i], key))
            room_kick(r, r->players[i], CLOSE_REFUSED, reason);
}

/* As the store is to have it from here on; `seconds` 0: not at all. false: it has no place
 * now, and all bans are written once more in a while. */
static bool save(const struct game *g, const struct ban_key *key, double seconds,
                 const char *reason)
{
    struct world *w = g->world;
    uint64_t again_us = clk_now_us() + ROOM_SAVE_MS * 1000;
    struct store_ask ask = {.op = seconds > 0 ? STORE_BAN : STORE_UNBAN,
                            .game = g->name,
                            .name = reason,
                            .data = key->bytes,
                            .n_data = key->len,
                            .number = clk_wall_s() + seconds,
                            .limit = BAN_MAX};

    if (!w->store || store_post(w->store, &ask))
        return true;
    logger_warn(g->name, "the store has no place for a ban or its end: it is told again");
    if (w->bans_us > again_us) {
        w->bans_us = again_us;
        w->ops->on_schedule(w->ctx);
    }
    return false;
}

/* Those that have ended meanwhile have in the store, too. */
static void save_all(const struct game *g)
{
    uint64_t now_us = clk_now_us();
    bool has_place = true;
    struct ban_view ban;

    for (struct map_entry *e = NULL; has_place && bans_next_lifted(&g->bans, &e, &ban);)
        if (ban.until_us > now_us)
            has_place = save(g, &ban.key, 0, "");
    for (struct map_entry *e = NULL; has_place && bans_next(&g->bans, &e, &ban);)
        if (ban.until_us > now_us)
            has_place =
                save(g, &ban.key, (double)(ban.until_us - now_us) / 1e6, ban.reason);
}

void world_save_bans(struct world *w)
{
    w->bans_us = UINT64_MAX;
    for (struct map_entry *e = NULL; (e = map_next(&w->games, e));)
        save_all(e->value);
}

static void on_saved_ban(void *ctx, const struct store_ban *saved)
{
    struct game *g = ctx;
    double seconds = saved->until_s - clk_wall_s();
    struct ban_key key = {.len = saved->n_whom};

    if (key.len == 0 || key.len > sizeof key.bytes || !(seconds > 0))
        return;
    memcpy(key.bytes, saved->whom, key.len);
    /* The clock may have been set back. */
    game_ban(g, &key, seconds < BAN_MAX_SECONDS ? seconds : BAN_MAX_SECONDS, saved->reason);
}

void game_restore_bans(struct game *g)
{
    const struct world *w = g->world;

    if (w->store && store_load_bans(store_of_port(w->store), g->name, on_saved_ban, g) < 0)
        logger_error(g->name, "its bans cannot be read; they stay in the store");
    else if (g->bans.map.n > 0)
        logger_info(g->name, "%zu kept out since before", g->bans.map.n);
}

const char *room_on_ban(void *ctx, const struct script_ban *ban)
{
    struct game *g = ctx;
    const struct player *p = ban->room ? room_find(ban->room, ban->player) : NULL;
    struct ban_key key;

    if (ban->room && !p)
        return "the player has left";
    const char *why = find_key(&key, ban, p);
    if (why)
        return why;
    if (!game_ban(g, &key, ban->seconds, ban->reason))
        return "out of memory";
    save(g, &key, ban->seconds, ban->reason);
    logger_info(g->name, "banned for %.0f s: %s", ban->seconds, ban->reason);
    if (g->world->ops->on_ban)
        g->world->ops->on_ban(g->world->ctx, g, &key, ban->seconds, ban->reason);
    return NULL;
}

bool room_on_unban(void *ctx, const struct script_ban *ban)
{
    struct game *g = ctx;
    struct ban_key key;

    if (find_key(&key, ban, NULL))
        return false;
    if (g->world->ops->on_ban)
        g->world->ops->on_ban(g->world->ctx, g, &key, 0, "");
    save(g, &key, 0, "");
    return game_ban(g, &key, 0, "");
}
