/* SPDX-License-Identifier: MIT */
/*
 * room_ban - what player:ban, parlor.ban and parlor.unban do: the list of the game, and
 * whoever sits in it already goes.
 */
#include "base/close_reason.h"
#include "base/logger.h"
#include "room/room_internal.h"

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
    return game_ban(g, &key, 0, "");
}
