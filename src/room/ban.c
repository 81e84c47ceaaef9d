/* SPDX-License-Identifier: MIT */
#include "room/ban.h"

#include <stdlib.h>
#include <string.h>

#include "proto/ip.h"
#include "proto/record.h"
#include "room/any_map.h"

enum { V6_SITE_BYTES = 8 };

struct ban {
    uint64_t until_us;
    char reason[BAN_REASON_BYTES + 1];
};

void bans_init(struct bans *b)
{
    map_init(&b->map);
    map_init(&b->lifted);
}

static void free_all(struct map *m)
{
    for (struct map_entry *e = NULL; (e = map_next(m, e));)
        free(e->value);
    map_fini(m);
}

void bans_fini(struct bans *b)
{
    free_all(&b->map);
    free_all(&b->lifted);
}

bool ban_key_of_user(struct ban_key *out, const uint8_t *user, size_t n)
{
    struct wire_in id = wire_from(user, n);

    if (n == 0 || (*user == ANY_MAP && !any_map_find(user, n, "id", &id)))
        return false;
    size_t len = wire_left(&id);
    if (len == 0 || len >= sizeof out->bytes)
        return false;
    uint8_t tag = *id.at;
    if (tag != ANY_STR && tag != ANY_INT && tag != ANY_F64)
        return false;
    out->bytes[0] = 'u';
    memcpy(out->bytes + 1, id.at, len);
    out->len = len + 1;
    return true;
}

bool ban_key_of_address(struct ban_key *out, const char *address)
{
    struct ip ip;

    if (!ip_parse(&ip, address, strlen(address)))
        return false;
    out->bytes[0] = 'a';
    out->len = 1 + (ip_is_v4(&ip) ? sizeof ip.bytes : V6_SITE_BYTES);
    memcpy(out->bytes + 1, ip.bytes, out->len - 1);
    return true;
}

bool ban_key_is_equal(const struct ban_key *a, const struct ban_key *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Make room for one: all that are over, else the one that would be first. */
static void make_room(struct map *m, uint64_t now_us)
{
    struct map_entry *first = NULL;

    for (struct map_entry *e = NULL; (e = map_next(m, e));)
        if (!first ||
            ((struct ban *)e->value)->until_us < ((struct ban *)first->value)->until_us)
            first = e;
    while (first) {
        free(map_remove_bytes(m, first->bytes, first->len));
        first = NULL;
        for (struct map_entry *e = NULL; !first && (e = map_next(m, e));)
            if (((struct ban *)e->value)->until_us <= now_us)
                first = e;
    }
}

bool bans_put(struct bans *b, const struct ban_key *key, uint64_t until_us,
              const char *reason, uint64_t now_us)
{
    struct ban *ban = map_get_bytes(&b->map, key->bytes, key->len);

    if (!ban) {
        if (b->map.n >= BAN_MAX)
            make_room(&b->map, now_us);
        if (!(ban = calloc(1, sizeof *ban)) ||
            !map_put_bytes(&b->map, key->bytes, key->len, ban)) {
            free(ban);
            return false;
        }
    }
    free(map_remove_bytes(&b->lifted, key->bytes, key->len));
    ban->until_us = until_us;
    strncpy(ban->reason, reason, sizeof ban->reason - 1);
    ban->reason[sizeof ban->reason - 1] = 0;
    return true;
}

const char *bans_find(struct bans *b, const struct ban_key *key, uint64_t now_us)
{
    struct ban *ban = b->map.n ? map_get_bytes(&b->map, key->bytes, key->len) : NULL;

    if (ban && ban->until_us <= now_us) {
        free(map_remove_bytes(&b->map, key->bytes, key->len));
        ban = NULL;
    }
    return ban ? ban->reason : NULL;
}

bool bans_remove(struct bans *b, const struct ban_key *key, uint64_t now_us)
{
    if (!bans_find(b, key, now_us))
        return false;
    struct ban *ban = map_remove_bytes(&b->map, key->bytes, key->len);
    if (b->lifted.n >= BAN_MAX)
        make_room(&b->lifted, now_us);
    if (!map_put_bytes(&b->lifted, key->bytes, key->len, ban))
        free(ban); /* memory is out: the store hears of it once */
    return true;
}

static bool next(const struct map *m, struct map_entry **at, struct ban_view *out)
{
    const struct ban *ban = (*at = map_next(m, *at)) ? (*at)->value : NULL;

    if (!ban)
        return false;
    out->key.len = (*at)->len;
    memcpy(out->key.bytes, (*at)->bytes, (*at)->len);
    out->reason = ban->reason;
    out->until_us = ban->until_us;
    return true;
}

bool bans_next(const struct bans *b, struct map_entry **at, struct ban_view *out)
{
    return next(&b->map, at, out);
}

bool bans_next_lifted(const struct bans *b, struct map_entry **at, struct ban_view *out)
{
    return next(&b->lifted, at, out);
}
