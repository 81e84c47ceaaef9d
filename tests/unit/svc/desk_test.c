/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/logger.h"
#include "svc/desk.h"

const struct store_options in_memory = {.folder = NULL};
char folder[64], said[4096];

static void note(enum logger_level level, const char *area, const char *text)
{
    (void)area;
    if (level == LOGGER_ERROR && strlen(said) + strlen(text) + 2 < sizeof said)
        strcat(strcat(said, text), "\n");
}

void make_folder(void)
{
    strcpy(folder, "/tmp/parlor-store-XXXXXX");
    CHECK(mkdtemp(folder));
    *said = 0;
    logger_set_sink(note);
}

const char *path_of(const char *name)
{
    static char path[400];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

int remove_folder(const char *word)
{
    DIR *dir = opendir(folder);
    int n = 0;

    for (struct dirent *at; dir && (at = readdir(dir));) {
        n += strncmp(at->d_name, word, strlen(word)) == 0;
        if (*at->d_name != '.')
            unlink(path_of(at->d_name));
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
    logger_set_sink(NULL);
    return n;
}

void ring(void *ctx)
{
    struct desk *d = ctx;

    pthread_mutex_lock(&d->lock);
    d->is_ringing = true;
    pthread_cond_signal(&d->rang);
    pthread_mutex_unlock(&d->lock);
}

void open_desk(struct desk *d, const struct store_options *o)
{
    struct err e;

    *d = (struct desk){.store = NULL};
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->rang, NULL);
    CHECK_EQ(store_open(&d->store, o, &e), 0);
    d->port = store_port_open(d->store, ring, d);
    CHECK(d->port);
}

void close_desk(struct desk *d)
{
    store_port_close(&d->port);
    store_free(&d->store);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->rang);
}

const struct store_answer *next(struct desk *d)
{
    const struct store_answer *a;

    while (!(a = store_take(d->port))) {
        pthread_mutex_lock(&d->lock);
        while (!d->is_ringing)
            pthread_cond_wait(&d->rang, &d->lock);
        d->is_ringing = false;
        pthread_mutex_unlock(&d->lock);
    }
    return a;
}

const struct store_answer *ask(struct desk *d, struct store_ask q)
{
    static uint64_t ticket;

    q.ticket = ++ticket;
    if (!q.game)
        q.game = "g";
    if (!q.name)
        q.name = "things";
    CHECK(store_post(d->port, &q));
    const struct store_answer *a = next(d);
    CHECK_EQ(a->ticket, ticket);
    CHECK_STR(a->game, q.game);
    return a;
}

const char *items(const struct store_answer *a)
{
    static char text[1024];
    size_t n = 0;

    *text = 0;
    for (uint32_t i = 0; i < a->n_items; i++) {
        const struct store_item *it = &a->items[i];
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s=%.*s", i ? " " : "",
                              (int)it->n_key, it->key, (int)it->n_data,
                              (const char *)it->data);
        if (it->rank)
            n += (size_t)snprintf(text + n, sizeof text - n, "#%u:%g", it->rank, it->score);
    }
    if (a->has_more)
        strcat(text, " …");
    store_answer_free(&a);
    return text;
}
