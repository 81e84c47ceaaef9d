/* SPDX-License-Identifier: MIT */
/*
 * mailbox - what other threads want one thread to do: a queue with many writers and one
 * reader.
 *
 * Posting is one compare-and-swap and never waits; the reader takes all that has come in
 * one go. Letters of one writer are read in the order in which they were posted. The
 * reader is woken once a burst: by the letter that comes into an empty box.
 *
 * A box takes `max` letters. Beyond that mailbox_post() refuses, and the writer says no
 * to whoever asked (back-pressure); mailbox_insist() is for the few letters that nobody
 * outside can cause at will, and that must arrive.
 *
 * Ownership: letters are the writer's memory, lie inside what they carry, and belong to
 * the reader once posted. Thread: post and insist any, the rest the reader.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct letter {
    struct letter *next; /* the box's */

    /* Runs on the reader's thread; frees the letter. `reader` is mailbox_read()'s; NULL:
     * nobody will do it any more, only give up what it holds. */
    void (*open)(struct letter *l, void *reader);
};

struct mailbox {
    _Atomic(struct letter *) top; /* the newest; NULL: empty */
    atomic_size_t n;              /* letters that have been posted and not read */
    size_t max;
    void (*wake)(void *ctx);
    void *ctx;
};

/* `wake` is called on a writer's thread and makes the reader call mailbox_read() soon. */
void mailbox_init(struct mailbox *b, size_t max, void (*wake)(void *ctx), void *ctx);

/* Takes the letter. false: the box is full, and the letter is still yours. */
bool mailbox_post(struct mailbox *b, struct letter *l);
void mailbox_insist(struct mailbox *b, struct letter *l);

/* Open all letters that are there now; those that come meanwhile wait for the next wake.
 * Returns how many. */
size_t mailbox_read(struct mailbox *b, void *reader);

/* The same without a reader: nobody posts any more. */
void mailbox_fini(struct mailbox *b);

/* Letters that wait; may be old by the time you look at it. Any thread. */
size_t mailbox_n(struct mailbox *b);
