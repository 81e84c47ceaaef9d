/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/edge.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "server/rooms_stream.h"
#include "server/worker.h"

/* As much of a worker as listeners need: an edge on a loop, a world with one game. The
 * rooms are looked at every few milliseconds instead of once a second. */
struct rig {
    struct worker w;
    struct config config;
    char folder[64];
    struct game *game;
};

enum { LOOK_MS = 5 };

static void on_request(void *ctx, struct conn *c, const struct http_head *head)
{
    rooms_stream_join(ctx, c, head);
}

static void on_schedule(void *ctx)
{
    (void)ctx;
}

static const struct edge_handler handler = {.on_request = on_request};
static const struct world_ops ops = {.on_schedule = on_schedule};

static void rig_init(struct rig *r)
{
    char path[128];
    struct err e = {0};

    memset(r, 0, sizeof *r);
    strcpy(r->folder, "/tmp/parlor-unit-XXXXXX");
    CHECK(mkdtemp(r->folder) != NULL);
    snprintf(path, sizeof path, "%s/g", r->folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/g/game.lua", r->folder);
    FILE *f = fopen(path, "w");
    fputs("return require('parlor').game { max_players = 3 }", f);
    fclose(f);
    config_init(&r->config);
    r->w.config = &r->config;
    uv_loop_init(&r->w.loop);
    world_init(&r->w.world, r->folder, SCRIPTS_DIR, false, &ops, &r->w);
    r->game = game_open(&r->w.world, "g");
    CHECK(r->game && r->game->vm);
    CHECK_EQ(edge_open(&r->w.edge, &r->w.loop, &edge_limits_default, &handler, &r->w, &e),
             0);
    CHECK_EQ(edge_listen(r->w.edge, "127.0.0.1", 0, false, &e), 0);
    rooms_stream_open(&r->w);
}

static void rig_fini(struct rig *r)
{
    char path[128];

    edge_close(&r->w.edge);
    rooms_stream_close(&r->w);
    uv_run(&r->w.loop, UV_RUN_DEFAULT);
    CHECK_EQ(r->w.stream.n, 0);
    CHECK(r->w.stream.channels == NULL);
    CHECK_EQ(uv_loop_close(&r->w.loop), 0);
    world_fini(&r->w.world);
    config_fini(&r->config);
    snprintf(path, sizeof path, "%s/g/game.lua", r->folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/g", r->folder);
    rmdir(path);
    rmdir(r->folder);
}

/* The loop turns for some looks at the rooms. */
static void turn(struct rig *r, int looks)
{
    if (uv_is_active((uv_handle_t *)&r->w.stream.timer)) {
        uv_timer_set_repeat(&r->w.stream.timer, LOOK_MS);
        uv_timer_again(&r->w.stream.timer);
    }
    for (int i = 0; i < looks * LOOK_MS; i++) {
        uv_run(&r->w.loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
}

/* A listener's end: what it has been sent and not looked at. */
struct ear {
    int fd;
    uint8_t *bytes;
    size_t n, at, cap;
};

static void hear(struct rig *r, struct ear *e)
{
    for (int i = 0; i < 10; i++) {
        ssize_t got;
        uv_run(&r->w.loop, UV_RUN_NOWAIT);
        do {
            if (e->n + 65536 > e->cap)
                e->bytes = realloc(e->bytes, e->cap = 2 * e->cap + 131072);
            got = recv(e->fd, e->bytes + e->n, e->cap - e->n - 1, MSG_DONTWAIT);
            e->n += got > 0 ? (size_t)got : 0;
        } while (got > 0);
        usleep(500);
    }
    e->bytes[e->n] = 0;
}

static struct ear connect_ear(struct rig *r, const char *query)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(edge_port(r->w.edge)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct ear e = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    char ask[512];
    int small = 4096;

    setsockopt(e.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    CHECK_EQ(connect(e.fd, (struct sockaddr *)&to, sizeof to), 0);
    int n = snprintf(ask, sizeof ask,
                     "GET /_parlor/rooms%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     query);
    CHECK_EQ(send(e.fd, ask, (size_t)n, 0), n);
    hear(r, &e);
    return e;
}

/* One that is let in: behind the head. */
static struct ear join(struct rig *r)
{
    struct ear e = connect_ear(r, "?game=g");
    const char *end = strstr((char *)e.bytes, "\r\n\r\n");

    CHECK(strncmp((char *)e.bytes, "HTTP/1.1 101", 12) == 0 && end);
    e.at = (size_t)(end + 4 - (char *)e.bytes);
    return e;
}

/* The next frame's text, or NULL; of a Close: "close CODE". Yours. */
static char *next(struct rig *r, struct ear *e)
{
    static char close_text[32];

    hear(r, e);
    const uint8_t *f = e->bytes + e->at;
    size_t left = e->n - e->at, head = 2, len;

    if (left < 2)
        return NULL;
    len = f[1];
    if (len == 126) {
        head = 4;
        len = (size_t)f[2] << 8 | f[3];
    } else if (len == 127) {
        head = 10;
        len = (size_t)f[6] << 24 | (size_t)f[7] << 16 | (size_t)f[8] << 8 | f[9];
    }
    if (left < head + len)
        return NULL;
    e->at += head + len;
    if ((f[0] & 15) == WS_CLOSE) {
        snprintf(close_text, sizeof close_text, "close %d", f[head] << 8 | f[head + 1]);
        return strdup(close_text);
    }
    return strndup((const char *)f + head, len);
}

static void expect(struct rig *r, struct ear *e, const char *want)
{
    char *got = next(r, e);

    CHECK_STR(got ? got : "nothing", want);
    free(got);
}

static void drop(struct rig *r, struct ear *e)
{
    close(e->fd);
    free(e->bytes);
    turn(r, 4);
}

static struct room *make_room(struct rig *r, const char *id, bool is_private)
{
    struct room_start start = {.id = id, .n_id = strlen(id), .is_private = is_private};
    struct room *room = game_new_room(r->game, &start);

    CHECK(room != NULL);
    return room;
}

/* A label {"x": text of `n` letters}. */
static void label(struct room *room, char letter, size_t n)
{
    struct buf any;
    char *text = malloc(n);

    memset(text, letter, n);
    buf_init(&any, 0);
    wire_put_u8(&any, ANY_MAP);
    wire_put_uv(&any, 1);
    wire_put_u8(&any, 0);
    wire_put_str(&any, "x", 1);
    wire_put_u8(&any, ANY_STR);
    wire_put_str(&any, text, n);
    room_label(room, any.data, any.len);
    buf_fini(&any);
    free(text);
}

#define ROOM(id, locked, labels)                                                           \
    "{\"id\":\"" id "\",\"players\":0,\"max\":3,\"spectators\":0,\"locked\":" locked       \
    ",\"labels\":" labels "}"

TEST(rooms_stream_changes, "the list first, then what is new, other or gone, and no more")
{
    struct rig r;

    rig_init(&r);
    struct room *den = make_room(&r, "den", false);
    make_room(&r, "secret", true);
    struct ear e = join(&r);
    expect(&r, &e,
           "{\"t\":\"rooms\",\"game\":\"g\",\"rooms\":[" ROOM("den", "false", "{}") "]}");
    turn(&r, 4);
    CHECK(next(&r, &e) == NULL);
    den->is_locked = true;
    room_tell_place(den);
    struct room *pit = make_room(&r, "pit", false);
    turn(&r, 2);
    expect(&r, &e,
           "{\"t\":\"change\",\"rooms\":[" ROOM("den", "true", "{}") "," ROOM(
               "pit", "false", "{}") "],\"gone\":[]}");
    label(pit, 'a', 1);
    game_end_room(den, "closed");
    turn(&r, 2);
    expect(
        &r, &e,
        "{\"t\":\"change\",\"rooms\":[" ROOM("pit", "false", "{\"x\":\"a\"}") "],\"gone\":["
                                                                              "\"den\"]}");
    turn(&r, 4);
    CHECK(next(&r, &e) == NULL);
    drop(&r, &e);
    rig_fini(&r);
}

TEST(rooms_stream_listeners,
     "all who listen to a game hear the same; with the last of them "
     "all ends")
{
    struct rig r;

    rig_init(&r);
    struct ear a = join(&r), b = join(&r);
    CHECK_EQ(r.w.stream.n, 2);
    CHECK(uv_is_active((uv_handle_t *)&r.w.stream.timer));
    struct room *den = make_room(&r, "den", false);
    turn(&r, 2);
    for (struct ear *e = &a;; e = &b) {
        expect(&r, e, "{\"t\":\"rooms\",\"game\":\"g\",\"rooms\":[]}");
        expect(&r, e,
               "{\"t\":\"change\",\"rooms\":[" ROOM("den", "false", "{}") "],\"gone\":[]}");
        if (e == &b)
            break;
    }
    drop(&r, &a);
    CHECK_EQ(r.w.stream.n, 1);
    a = join(&r); /* late: by the list it knows the same */
    expect(&r, &a,
           "{\"t\":\"rooms\",\"game\":\"g\",\"rooms\":[" ROOM("den", "false", "{}") "]}");
    drop(&r, &b);
    game_end_room(den, "closed");
    turn(&r, 2);
    expect(&r, &a, "{\"t\":\"change\",\"rooms\":[],\"gone\":[\"den\"]}");
    drop(&r, &a);
    CHECK(r.w.stream.channels == NULL);
    CHECK(!uv_is_active((uv_handle_t *)&r.w.stream.timer));
    rig_fini(&r);
}

TEST(rooms_stream_slow,
     "who does not take what it is sent gets no changes, and later the list")
{
    enum { ROOMS = 400, LABEL = 5000, ROUNDS = 12 };
    struct rig r;
    struct room *rooms[ROOMS];

    rig_init(&r);
    for (int i = 0; i < ROOMS; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%d", i);
        rooms[i] = make_room(&r, id, false);
    }
    struct ear e = join(&r);
    free(next(&r, &e));
    for (int round = 0; round < ROUNDS; round++) { /* 2 MB each: none of it is read */
        for (int i = 0; i < ROOMS; i++)
            label(rooms[i], (char)('a' + round), LABEL);
        turn(&r, 1);
    }
    int n_changes = 0, n_lists = 0, n_quiet = 0;
    char *last = NULL;
    while (n_quiet < 3) {
        char *text = next(&r, &e);
        turn(&r, 1);
        if (!text) {
            n_quiet++;
            continue;
        }
        n_changes += strncmp(text, "{\"t\":\"change\"", 13) == 0;
        n_lists += strncmp(text, "{\"t\":\"rooms\"", 12) == 0;
        free(last);
        last = text;
    }
    CHECK(n_changes > 0 && n_changes < ROUNDS);
    CHECK_EQ(n_lists, 1);
    CHECK(last && strncmp(last, "{\"t\":\"rooms\"", 12) == 0);
    CHECK(strstr(last, "lllllllll") && !strstr(last, "kkkkkkkkk"));
    free(last);
    drop(&r, &e);
    rig_fini(&r);
}

TEST(rooms_stream_refused, "who asks wrongly, or for too much, hears why")
{
    static const struct {
        const char *query, *status;
    } cases[] = {
        {"",            "400"},
        {"?game=",      "404"},
        {"?game=x",     "404"},
        {"?x=1&game=g", "101"}
    };
    struct rig r;

    rig_init(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ear e = connect_ear(&r, cases[i].query);
        CHECK(strncmp((char *)e.bytes + 9, cases[i].status, 3) == 0);
        drop(&r, &e);
    }
    CHECK_EQ(r.w.stream.n, 0);
    r.w.stream.n = ROOMS_STREAM_MAX;
    struct ear e = connect_ear(&r, "?game=g");
    CHECK(strstr((char *)e.bytes, " 503 ") && strstr((char *)e.bytes, "too many listen"));
    drop(&r, &e);
    r.w.stream.n = 0;
    r.w.is_stopping = true;
    e = connect_ear(&r, "?game=g");
    CHECK(strstr((char *)e.bytes, " 503 ") && strstr((char *)e.bytes, "stopping"));
    drop(&r, &e);
    rig_fini(&r);
}

TEST(rooms_stream_end, "a stop of the server and the end of the game are told by the close")
{
    struct rig r;

    rig_init(&r);
    struct ear a = join(&r);
    free(next(&r, &a));
    rooms_stream_stop(&r.w);
    expect(&r, &a, "close 1001");
    drop(&r, &a);
    struct ear b = join(&r);
    free(next(&r, &b));
    game_close(&r.game);
    turn(&r, 2);
    expect(&r, &b, "close 4002");
    drop(&r, &b);
    rig_fini(&r);
}
