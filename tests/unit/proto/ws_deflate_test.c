/* SPDX-License-Identifier: MIT */
#include "ws_deflate_peer.h"

static const struct ws_deflate_params context = {false, false, 15, 15};

TEST(round_trip,
     "messages of all kinds pass both ways with every window and context setting")
{
    static const size_t lens[] = {0, 1, 127, 128, 129, 300, 5000, 40000, 900, MIB, 400};
    struct ws_deflate_pool *pool;
    struct rnd r;
    struct buf message;

    rnd_seed(&r, 7692);
    buf_init(&message, 0);
    pool = open_pool(MIN_BYTES);
    for (uint8_t bits = 8; bits <= 15; bits++)
        for (int contexts = 0; contexts < 4; contexts++) {
            struct ws_deflate_params params = {contexts & 1, contexts & 2, bits, bits};
            struct ws_session s;
            struct peer p;
            open_session(&s, MIB, &params);
            peer_open(&p, &params, 1 + bits % 9);
            for (size_t i = 0; i < 2 * sizeof lens / sizeof *lens; i++) {
                size_t len = lens[i / 2];
                bool is_random = i & 1;
                if (len == MIB && bits % 3) /* half a second each with sanitizers */
                    continue;
                fill(&message, &r, len, is_random);
                bool is_packed = peer_read(
                    &p, pack_for(s.deflate, pool, 0, WS_BINARY, message.data, len));
                CHECK_EQ(is_packed, !is_random && len >= MIN_BYTES);
                check_text(&p, &message);
                peer_pack(&p, message.data, len, i % 5 ? Z_SYNC_FLUSH : Z_FINISH);
                check_received(&s, FIN | RSV1 | WS_BINARY, &p.packed, &message);
            }
            peer_close(&p);
            ws_session_fini(&s);
        }
    ws_deflate_pool_free(&pool);
    CHECK(pool == NULL);
    buf_fini(&message);
}

TEST(idle_memory,
     "without context nothing is held between messages; with it the compressor "
     "can be given back, the client's window not")
{
    static const struct {
        uint8_t bits;
        size_t in, out; /* what ws_deflate.h promises at most */
    } cases[] = {
        {9,  7800,  16400 },
        {12, 11400, 38900 },
        {15, 40100, 268300}
    };
    struct ws_deflate_pool *pool;
    struct rnd r;
    struct buf message;

    rnd_seed(&r, 3);
    buf_init(&message, 0);
    fill(&message, &r, 600, false);
    pool = open_pool(1);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        uint8_t bits = cases[i / 2].bits;
        bool keeps = i & 1;
        struct ws_deflate_params params = {!keeps, !keeps, bits, bits};
        struct ws_session s;
        struct peer p;
        open_session(&s, MIB, &params);
        peer_open(&p, &params, 6);
        for (int k = 0; k < 4; k++) {
            CHECK(peer_read(
                &p, pack_for(s.deflate, pool, 0, WS_TEXT, message.data, message.len)));
            check_text(&p, &message);
            size_t out = ws_deflate_held_bytes(s.deflate);
            if (k == 0)
                CHECK(keeps ? out <= cases[i / 2].out && out > cases[i / 2].out * 9 / 10
                            : out == 0);
            ws_deflate_idle(s.deflate); /* it was used just now */
            CHECK_EQ(ws_deflate_held_bytes(s.deflate), out);
            ws_deflate_idle(s.deflate);
            CHECK(k > 0 || ws_deflate_held_bytes(s.deflate) == 0);
            peer_pack(&p, message.data, message.len, Z_SYNC_FLUSH);
            /* refers to the one before, where the window reaches */
            CHECK(!keeps || k == 0 || bits < 12 || p.packed.len < 40);
            check_received(&s, FIN | RSV1 | WS_TEXT, &p.packed, &message);
            size_t in = ws_deflate_held_bytes(s.deflate);
            CHECK(keeps ? in <= cases[i / 2].in && in > cases[i / 2].in * 9 / 10 : in == 0);
        }
        peer_close(&p);
        ws_session_fini(&s);
    }
    ws_deflate_pool_free(&pool);
    buf_fini(&message);
}

TEST(pool_memory, "a pool holds a compressor for each window in use, and little else")
{
    static const struct {
        uint8_t bits;
        size_t more; /* than before, at most */
    } cases[] = {
        {8,  139300},
        {9,  0     },
        {12, 153600},
        {15, 268300}
    };
    static const uint8_t zeros[MIB];
    struct ws_deflate_pool *pool;

    pool = open_pool(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t before = ws_deflate_pool_held_bytes(pool);
        struct chunk *c =
            pack_for(NULL, pool, cases[i].bits, WS_BINARY, zeros, sizeof zeros);
        size_t more = ws_deflate_pool_held_bytes(pool) - before;
        CHECK(c->len < 2000);
        CHECK(more <= cases[i].more && more >= cases[i].more * 9 / 10);
        chunk_unref(&c);
    }
    ws_deflate_pool_free(&pool);
    ws_deflate_pool_free(&pool);
}

TEST(own_context, "a second message that resembles the first costs a few bytes")
{
    struct ws_deflate_pool *pool;
    struct ws_deflate *d;
    struct rnd r;
    struct buf message;
    uint32_t len[2];

    rnd_seed(&r, 5);
    buf_init(&message, 0);
    fill(&message, &r, 2000, false);
    pool = open_pool(1);
    CHECK_EQ(ws_deflate_new(&d, &context), 0);
    for (int i = 0; i < 2; i++) {
        struct chunk *c = pack_for(d, pool, 0, WS_TEXT, message.data, message.len);
        CHECK(ws_deflate_is_packed(c));
        len[i] = c->len;
        chunk_unref(&c);
    }
    CHECK(len[0] > 300 && len[1] < 80);
    ws_deflate_free(&d);
    ws_deflate_free(&d);
    ws_deflate_pool_free(&pool);
    buf_fini(&message);
}

TEST(broadcast,
     "one chunk serves all with that window or a larger one, between messages of "
     "their own; so do plain and dropped ones")
{
    static const uint8_t bits[] = {8, 9, 12, 15};
    struct ws_deflate_pool *pool;
    struct rnd r;
    struct buf own, shared, noise;

    rnd_seed(&r, 9);
    buf_init(&own, 0);
    buf_init(&shared, 0);
    buf_init(&noise, 0);
    pool = open_pool(MIN_BYTES);
    fill(&own, &r, 3000, false);
    fill(&shared, &r, 20000, false);
    fill(&noise, &r, 3000, true);
    for (size_t i = 0; i < 2 * sizeof bits; i++) {
        struct ws_deflate_params params = {i & 1, true, bits[i / 2], 15};
        struct ws_deflate *d;
        struct peer p;
        CHECK_EQ(ws_deflate_new(&d, &params), 0);
        CHECK_EQ(ws_deflate_params(d)->server_max_window_bits, bits[i / 2]);
        peer_open(&p, &params, 6);
        for (int k = 0; k < 6; k++) {
            CHECK(peer_read(&p, pack_for(d, pool, 0, WS_TEXT, own.data, own.len)));
            check_text(&p, &own);
            if (k % 3 == 0) {
                CHECK(peer_read(&p,
                                pack_for(NULL, pool, 8, WS_TEXT, shared.data, shared.len)));
                check_text(&p, &shared);
                ws_deflate_forget(d);
            } else if (k % 3 == 1) {
                CHECK(
                    !peer_read(&p, pack_for(d, pool, 0, WS_BINARY, noise.data, noise.len)));
                check_text(&p, &noise);
            } else {
                struct chunk *dropped =
                    pack_for(d, pool, 0, WS_TEXT, shared.data, shared.len);
                chunk_unref(&dropped);
                ws_deflate_forget(d);
            }
        }
        peer_close(&p);
        ws_deflate_free(&d);
    }
    ws_deflate_pool_free(&pool);
    buf_fini(&own);
    buf_fini(&shared);
    buf_fini(&noise);
}

TEST(not_worth_it, "what is short or does not shrink goes as a plain frame, the same bytes")
{
    static const char zeros[MIN_BYTES] = {0};
    struct ws_deflate_pool *pool;

    pool = open_pool(MIN_BYTES);
    for (size_t len = 0; len <= MIN_BYTES; len++) {
        struct chunk *c = pack_for(NULL, pool, 15, WS_BINARY, zeros, len);
        struct chunk *plain = ws_frame_chunk(WS_BINARY, zeros, len);
        CHECK_EQ(ws_deflate_is_packed(c), len == MIN_BYTES);
        if (len < MIN_BYTES) {
            CHECK_EQ(c->len, plain->len);
            CHECK_MEM(c->bytes, plain->bytes, c->len);
        } else {
            CHECK_EQ(c->bytes[0], FIN | RSV1 | WS_BINARY);
        }
        chunk_unref(&c);
        chunk_unref(&plain);
    }
    ws_deflate_pool_free(&pool);

    /* a threshold of 0 is one of 1: an empty message has nothing to compress; and
     * "Hello" (5 bytes) would become 7 */
    pool = open_pool(0);
    for (size_t len = 0; len <= 5; len += 5)
        for (int k = 0; k < 2; k++) {
            struct chunk *c = pack_for(NULL, pool, 9, WS_TEXT, "Hello", len);
            CHECK_EQ(c->len, 2 + len);
            chunk_unref(&c);
        }
    /* from Python's zlib, at level 4, without the tail */
    struct chunk *c = pack_for(NULL, pool, 9, WS_TEXT, "aaaaaaaaaaaaaaaa", 16);
    CHECK_EQ(c->len, 2 + 6);
    CHECK_MEM(c->bytes, "\xc1\x06\x4a\x4c\x44\x05\x00\x00", 8);
    chunk_unref(&c);
    ws_deflate_pool_free(&pool);
}

TEST(wanted,
     "only messages between min_bytes and max_bytes are compressed, no control frame")
{
    static const struct ws_deflate_tuning tuning = {6, 100, 120};
    static const char zeros[125] = {0};
    struct ws_deflate_pool *pool;

    CHECK_EQ(ws_deflate_pool_new(&pool, &tuning), 0);
    for (size_t len = 0; len <= 125; len++) {
        struct chunk *text = ws_frame_chunk(WS_TEXT, zeros, len);
        struct chunk *pong = ws_frame_chunk(WS_PONG, zeros, len);
        struct chunk *c = ws_deflate_pool_chunk(pool, 12, text);
        CHECK_EQ(ws_deflate_pool_wants(pool, text), len >= 100 && len <= 120);
        CHECK_EQ(ws_deflate_is_packed(c), len >= 100 && len <= 120);
        CHECK(ws_deflate_is_packed(c) || c == text);
        CHECK(!ws_deflate_pool_wants(pool, pong));
        chunk_unref(&c);
        chunk_unref(&text);
        chunk_unref(&pong);
    }
    ws_deflate_pool_free(&pool);
}

TEST(level, "the level that is set is the one that compresses")
{
    size_t len[2], own_len[2];
    struct rnd r;
    struct buf message;

    rnd_seed(&r, 11);
    buf_init(&message, 0);
    fill(&message, &r, 20000, false);
    for (int i = 0; i < 2; i++) {
        struct ws_deflate_tuning tuning = {i ? 9 : 1, 1, MIB};
        struct ws_deflate_params params = {false, true, 12, 12};
        struct ws_deflate_pool *pool;
        struct ws_deflate *d;
        CHECK_EQ(ws_deflate_pool_new(&pool, &tuning), 0);
        CHECK_EQ(ws_deflate_new(&d, &params), 0);
        struct chunk *c = pack_for(NULL, pool, 12, WS_TEXT, message.data, message.len);
        struct chunk *own = pack_for(d, pool, 0, WS_TEXT, message.data, message.len);
        len[i] = c->len;
        own_len[i] = own->len;
        chunk_unref(&c);
        chunk_unref(&own);
        ws_deflate_free(&d);
        ws_deflate_pool_free(&pool);
    }
    CHECK(len[1] < len[0]);
    CHECK(own_len[1] < own_len[0]);
    buf_fini(&message);
}
