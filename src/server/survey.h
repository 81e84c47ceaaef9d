/* SPDX-License-Identifier: MIT */
/*
 * survey - ask all workers the same, and wait for what they answer, for a moment: one whose
 * script is about to be stopped is left out.
 *
 * Thread: main. With several workers nobody else waits, since no room lives there.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"

struct server;
struct worker;

enum { SURVEY_MS = 2000, SURVEY_BYTES = 8 << 20 /* of one answer */ };

/* On each worker: append to *answer. `question` borrows. */
typedef void survey_ask(struct worker *w, const void *question, struct buf *answer);

struct survey {
    unsigned n; /* workers */
    struct buf *answers;
};

/* `question` is copied. An answer is empty where none came in time. Returns 0 or
 * -ENOMEM; survey_fini() in any case. */
int survey_run(struct survey *out, struct server *s, survey_ask *ask, const void *question,
               size_t n_question);
void survey_fini(struct survey *v);
