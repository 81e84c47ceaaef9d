/* SPDX-License-Identifier: MIT */
/*
 * fit - a game's rules of matching (option `match`): what players ask for, whether
 * they go together, and whether a room's labels are what they want.
 *
 * Pure: no rooms, no clock. Ownership: a fit borrows from the join options it was read
 * from. Thread: any.
 */
#pragma once

#include "room/option.h"
#include "script/game_def.h"

enum { FIT_MAX_CHOICES = 8, FIT_TEXT_MAX = 64 };

/* What one asks for, or all of a group together. */
struct fit {
    struct option asked[GAME_MAX_RULES]; /* OPTION_NONE: whatever there is */
    uint32_t choices[GAME_MAX_RULES];    /* RULE_ANY: places in the list that are left */
};

/* Read join options. On error *e names the option: one that is neither flag, number
 * nor short text, no number where a rule measures, too many choices. */
int fit_read(struct fit *f, const struct game_def *def, const uint8_t *options, size_t n,
             struct err *e);

/* Join `other` to the group, the first of which has waited for `waited_s`. False, and
 * the group is as before, where they do not go together. */
bool fit_join(struct fit *group, const struct fit *other, const struct game_def *def,
              double waited_s);

/* Does a room with these labels (a map as any, n 0: none) fit? */
bool fit_takes(const struct fit *f, const struct game_def *def, const uint8_t *labels,
               size_t n, double waited_s);

/* The labels of a new room for them: what is asked, of a choice the first. Appends
 * a map as any. */
void fit_put_labels(const struct fit *f, const struct game_def *def, struct buf *out);
