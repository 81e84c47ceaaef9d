/* SPDX-License-Identifier: MIT */
/*
 * ban - who a game keeps out, for how long, and why: by what auth has found out about a
 * user, or by address (IPv6: its /64).
 *
 * A list holds BAN_MAX at most: where it is full the one that would end first goes. As many
 * that were lifted before their time are remembered until then, because the store may
 * have missed it. What of all this outlives the process is room_ban.c's.
 *
 * Ownership: bans_init/bans_fini. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

enum {
    BAN_MAX = 4096,
    BAN_REASON_BYTES = 120,
    BAN_KEY_BYTES = 272,
    BAN_MAX_SECONDS = 31536000,
};

struct bans {
    struct map map;    /* key -> struct ban */
    struct map lifted; /* the same; these keep nobody out */
};

/* What is kept out. */
struct ban_key {
    uint8_t bytes[BAN_KEY_BYTES];
    size_t len;
};

void bans_init(struct bans *b);
void bans_fini(struct bans *b);

/* The key of a user: `user` is an any, its member `id` where it is a map, else itself; a
 * string of up to 255 bytes or a number. false: it has none. */
bool ban_key_of_user(struct ban_key *out, const uint8_t *user, size_t n);

/* The key of an address as text. false: it is none. */
bool ban_key_of_address(struct ban_key *out, const char *address);

bool ban_key_is_equal(const struct ban_key *a, const struct ban_key *b);

/* Keep out until `until_us`; replaces one that is there. `reason` is copied, cut at
 * BAN_REASON_BYTES. false when memory is out. */
bool bans_put(struct bans *b, const struct ban_key *key, uint64_t until_us,
              const char *reason, uint64_t now_us);

/* Why it is kept out (borrows until the next change), or NULL. */
const char *bans_find(struct bans *b, const struct ban_key *key, uint64_t now_us);

/* One of a list. */
struct ban_view {
    struct ban_key key;
    const char *reason; /* borrows until the next change */
    uint64_t until_us;
};

/* Walk through all of them, those that are over too, in no order: *at is NULL for the
 * first. false at the end. */
bool bans_next(const struct bans *b, struct map_entry **at, struct ban_view *out);

/* The same for those that were lifted. */
bool bans_next_lifted(const struct bans *b, struct map_entry **at, struct ban_view *out);

/* Let in again; false: it was not kept out. */
bool bans_remove(struct bans *b, const struct ban_key *key, uint64_t now_us);
