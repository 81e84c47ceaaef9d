/* SPDX-License-Identifier: MIT */
#include "svc/store_job.h"

#include <stdlib.h>
#include <string.h>

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *keep_text(char **at, const char *text)
{
    char *to = *at;

    if (!text)
        return NULL;
    strcpy(to, text);
    *at += strlen(text) + 1;
    return to;
}

struct store_job *store_job_new(struct store_port *p, const struct store_ask *ask)
{
    size_t bytes = sizeof(struct store_job) + text_bytes(ask->game) +
                   text_bytes(ask->name) + text_bytes(ask->key) + text_bytes(ask->prefix) +
                   text_bytes(ask->after) + ask->n_data;
    struct store_job *job = malloc(bytes);
    char *at = (char *)(job + 1);

    if (!job)
        return NULL;
    *job = (struct store_job){.ask = *ask, .port = p, .bytes = bytes};
    job->ask.game = keep_text(&at, ask->game);
    job->ask.name = keep_text(&at, ask->name);
    job->ask.key = keep_text(&at, ask->key);
    job->ask.prefix = keep_text(&at, ask->prefix);
    job->ask.after = keep_text(&at, ask->after);
    if (ask->n_data)
        job->ask.data = memcpy(at, ask->data, ask->n_data);
    job->answer =
        (struct store_answer){.op = ask->op, .ticket = ask->ticket, .game = job->ask.game};
    buf_init(&job->out, 0);
    return job;
}

void store_job_free(struct store_job *job)
{
    buf_fini(&job->out);
    free(job->items);
    free(job);
}

void store_job_reset(struct store_job *job)
{
    buf_clear(&job->out);
    free(job->items);
    job->items = NULL;
    job->answer.n_items = 0;
    job->answer.items = NULL;
    job->answer.data = NULL;
    job->answer.n_data = 0;
}
