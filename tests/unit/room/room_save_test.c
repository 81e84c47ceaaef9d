/* SPDX-License-Identifier: MIT */
#include "far.h"
#include "unit.h"
#include <stdlib.h>

#include "base/clk.h"
#include "proto/wire.h"
#include "room/room_internal.h"
#include "room/room_save.h"
#include "room/room_saved.h"

static const char source[] =
    "local g = parlor.game { tick_rate = 20, durable = true, reconnect = 60, state = {\n"
    "  n = s.u16, word = s.str(8), free = s.any, pos = { x = s.f32 },\n"
    "  ants = s.map { x = s.i8, hand = s.list(s.u8) {to = 'owner'}, deck = s.u32 {to = "
    "'server'} },\n"
    "  marks = s.map({ on = s.bool }, { keys = 'integer' }),\n"
    "  quotes = s.map({ bid = s.f64 }, { keys = 'string', interest = s.keys }) } }\n"
    "function g:create()\n"
    "  local st = self.state\n"
    "  st.n, st.word, st.free, st.pos.x = 513, 'w\xc3\xb6rd', { 1, { a = 'b' } }, 0.5\n"
    "  for i = -1, 1 do st.marks[i] = { on = i ~= 0 } end\n"
    "  st.quotes.A, st.quotes.B = { bid = 1 }, { bid = 2 }\n"
    "  self:after(5000, 'bell', { 1 }, nil, 'x') self:every(100, 'beat') self:label { mode "
    "= 'duel' }\n"
    "end\n"
    "function g:bell() end function g:beat() end\n"
    "function g:join(p) self.state.ants[p.id] = { x = -3, hand = { 1, 2 }, deck = 77 } "
    "p:watch('quotes', 'B') "
    "p:view { x = 1, y = 2, radius = 3 } end\n"
    "function g:auth() return { user = { id = 7 } } end\n"
    "return g\n";

/* One room with two seats, saved; the bytes are the caller's. */
static struct buf saved_room(struct far_world *w, struct game **g, char id[ROOM_ID_MAX + 1],
                             char **shape)
{
    struct far_end a, b;
    struct buf out;

    *g = far_open(w, source);
    struct session *s = far_join(w, &a, PEER_BINARY, "den");
    struct session *t = far_join(w, &b, PEER_JSON, "den");
    far_step(w, 300);
    session_closed(&t, 1006);
    far_step(w, 1000);
    struct room *r = map_next(&(*g)->rooms, NULL)->value;
    buf_init(&out, 0);
    CHECK(room_put_saved(r, clk_now_us(), &out));
    CHECK(!out.failed);
    strcpy(id, r->id);
    *shape = strdup((*g)->vm->def->schema->full);
    r->is_suspended = r->is_faulted = true;
    game_end_room(r, "");
    session_closed(&s, 1006);
    far_fini(&a);
    far_fini(&b);
    return out;
}

static const char *restore(struct game *g, const char *id, const char *shape,
                           const uint8_t *bytes, size_t n)
{
    struct store_room saved = {
        .id = id, .shape = shape, .n_shape = strlen(shape), .data = bytes, .n_data = n};

    return room_restore(g, &saved);
}

TEST(room_saved_round, "what is saved of a restored room is what it was restored from")
{
    struct far_world w;
    struct game *g;
    char id[ROOM_ID_MAX + 1], *shape;
    struct buf was = saved_room(&w, &g, id, &shape), is;

    CHECK_EQ(g->passes.by_token.n, 0);
    const char *why = restore(g, id, shape, was.data, was.len);
    CHECK_STR(why ? why : "", "");
    struct room *r = game_find_room(g, id, strlen(id));
    CHECK(r);
    CHECK_EQ(room_n_seats(r), 2);
    CHECK_EQ(g->passes.by_token.n, 2);
    CHECK_EQ(r->players[0]->state, PLAYER_HELD);
    CHECK(r->players[0]->held_until_us > r->players[1]->held_until_us);
    buf_init(&is, 0);
    CHECK(room_put_saved(r, clk_now_us(), &is));
    /* But that nobody sits there now: a flag of the first seat, and the hash. */
    CHECK_EQ(is.len, was.len);
    size_t n_other = 0;
    for (size_t i = 0; i + 8 < is.len; i++)
        n_other += is.data[i] != was.data[i];
    CHECK_EQ(n_other, 1);
    CHECK_STR(restore(g, id, shape, was.data, was.len), "there is a room of this name");
    buf_fini(&is);
    buf_fini(&was);
    free(shape);
    far_close(&w);
}

TEST(room_saved_cut, "bytes that are cut or changed are told, and leave nothing behind")
{
    struct far_world w;
    struct game *g;
    char id[ROOM_ID_MAX + 1], *shape;
    struct buf was = saved_room(&w, &g, id, &shape);

    for (size_t n = 0; n < was.len; n++) {
        uint8_t *cut = unit_guarded(was.data, n);
        CHECK_STR(restore(g, id, shape, cut, n), "its bytes are damaged");
        unit_guarded_free(cut, n);
    }
    was.data[was.len / 2] ^= 1;
    CHECK_STR(restore(g, id, shape, was.data, was.len), "its bytes are damaged");
    was.data[was.len / 2] ^= 1;
    CHECK_STR(restore(g, id, "", was.data, was.len),
              "the schema that it was saved by is lost");
    CHECK(restore(g, id, "{}", was.data, was.len));
    CHECK_STR(restore(g, "no name", shape, was.data, was.len),
              "its name is no name of a room");
    CHECK_EQ(g->rooms.n, 0);
    CHECK_EQ(g->passes.by_token.n, 0);
    buf_fini(&was);
    free(shape);
    far_close(&w);
}

TEST(room_saved_forged, "bytes with a right hash and anything in them do no harm")
{
    static const uint8_t others[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct far_world w;
    struct game *g;
    char id[ROOM_ID_MAX + 1], *shape;
    struct buf was = saved_room(&w, &g, id, &shape);
    size_t n_back = 0, n_told = 0, body = was.len - 8;

    for (size_t at = 0; at < body; at++)
        for (size_t k = 0; k < sizeof others; k++) {
            /* Every other one is cut right there, too. */
            size_t n = k % 2 ? body : at + 1;
            uint8_t *forged = malloc(n + 8);
            memcpy(forged, was.data, n);
            forged[at] = others[k];
            uint64_t hash = room_saved_hash(forged, n);
            memcpy(forged + n, &hash, 8); /* little-endian here, as everywhere we run */
            const char *why = restore(g, id, shape, forged, n + 8);
            struct room *r = game_find_room(g, id, strlen(id));
            CHECK_EQ(r == NULL, why != NULL);
            if (r) {
                n_back++;
                far_step(&w, 60);
                r = game_find_room(g, id, strlen(id));
            }
            if (r) {
                r->is_suspended = r->is_faulted = true;
                game_end_room(r, "");
            }
            n_told += why != NULL;
            CHECK_EQ(g->rooms.n, 0);
            CHECK_EQ(g->n_players, 0);
            CHECK_EQ(g->passes.by_token.n, 0);
            free(forged);
        }
    CHECK(n_back > 0 && n_told > n_back);
    buf_fini(&was);
    free(shape);
    far_close(&w);
}

TEST(pass_restore, "tokens that are given back lead to their seat; a stranger's do not")
{
    static const uint8_t a[RECORD_TOKEN_BYTES] = {1}, b[RECORD_TOKEN_BYTES] = {2},
                         c[RECORD_TOKEN_BYTES] = {3};
    struct player *x = player_new(1), *y = player_new(2);
    struct passes all;
    enum pass_end why;

    passes_init(&all, 0, 1);
    CHECK(player_make_view(x) && player_make_view(y));
    CHECK(pass_restore(&all, &x->ledger->pass, x, a, b));
    CHECK(pass_find(&all, a, &why) == &x->ledger->pass);
    CHECK(pass_find(&all, b, &why) == &x->ledger->pass);
    CHECK(pass_is_before(&x->ledger->pass, b) && !pass_is_before(&x->ledger->pass, a));
    CHECK(!pass_restore(&all, &y->ledger->pass, y, c, b));
    CHECK(!y->ledger->pass.is_given);
    CHECK(!pass_find(&all, c, &why));
    CHECK(!pass_restore(&all, &y->ledger->pass, y, a, NULL));
    CHECK(pass_restore(&all, &y->ledger->pass, y, c, NULL));
    pass_settle(&all, &x->ledger->pass);
    CHECK(!pass_find(&all, b, &why));
    CHECK_EQ(why, PASS_REPLACED);
    pass_take(&all, &x->ledger->pass, PASS_LEFT);
    pass_take(&all, &y->ledger->pass, PASS_LEFT);
    CHECK_EQ(all.by_token.n, 0);
    passes_fini(&all);
    player_free(&x);
    player_free(&y);
}
