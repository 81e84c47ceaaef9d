/* SPDX-License-Identifier: MIT */
#include "room/fit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "proto/record.h"

static bool is_label(const struct option *o)
{
    return o->kind == OPTION_FLAG || o->kind == OPTION_NUMBER ||
           (o->kind == OPTION_TEXT && o->text.len <= FIT_TEXT_MAX);
}

static int read_choices(struct fit *f, uint32_t i, const struct game_rule *rule,
                        struct err *e)
{
    struct option items[FIT_MAX_CHOICES];
    uint32_t n = option_items(&f->asked[i], items, FIT_MAX_CHOICES);
    bool ok = n >= 1 && n <= FIT_MAX_CHOICES;

    for (uint32_t k = 0; ok && k < n; k++)
        ok = is_label(&items[k]);
    if (!ok)
        return err_set(e, -EINVAL, "%s: 1 to %d choices are expected", rule->name,
                       FIT_MAX_CHOICES);
    f->choices[i] = (1u << n) - 1;
    return 0;
}

int fit_read(struct fit *f, const struct game_def *def, const uint8_t *options, size_t n,
             struct err *e)
{
    double v;
    int r;

    memset(f, 0, sizeof *f);
    for (uint32_t i = 0; i < def->n_rules; i++) {
        const struct game_rule *rule = &def->rules[i];
        struct option *o = &f->asked[i];
        *o = option_find(options, n, rule->name);
        if (o->kind == OPTION_NONE)
            continue;
        if (rule->kind == RULE_ANY) {
            if ((r = read_choices(f, i, rule, e)) < 0)
                return r;
        } else if (rule->kind == RULE_NEAR) {
            if (!option_number(o, &v))
                return err_set(e, -EINVAL, "%s: a number is expected", rule->name);
        } else if (!is_label(o)) {
            return err_set(e, -EINVAL,
                           "%s: a boolean, a number or a short text is expected",
                           rule->name);
        }
    }
    return 0;
}

static bool is_near(const struct game_rule *rule, const struct option *a,
                    const struct option *b, double waited_s)
{
    double x, y;

    return option_number(a, &x) && option_number(b, &y) &&
           fabs(x - y) <= fmin(rule->by + rule->widen * waited_s, rule->max);
}

/* Of the choices of `a` that `left` has, those that are among the ones of `b`. */
static uint32_t choices_in(const struct option *a, uint32_t left, const struct option *b,
                           uint32_t left_b)
{
    struct option x[FIT_MAX_CHOICES], y[FIT_MAX_CHOICES];
    uint32_t n = option_items(a, x, FIT_MAX_CHOICES),
             m = option_items(b, y, FIT_MAX_CHOICES), both = 0;

    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < m; k++)
            if (left >> i & 1 && left_b >> k & 1 && option_is_same(&x[i], &y[k]))
                both |= 1u << i;
    return both;
}

bool fit_join(struct fit *group, const struct fit *other, const struct game_def *def,
              double waited_s)
{
    struct fit all = *group;

    for (uint32_t i = 0; i < def->n_rules; i++) {
        const struct game_rule *rule = &def->rules[i];
        const struct option *a = &group->asked[i], *b = &other->asked[i];
        if (b->kind == OPTION_NONE)
            continue;
        if (a->kind == OPTION_NONE) {
            all.asked[i] = *b;
            all.choices[i] = other->choices[i];
        } else if (rule->kind == RULE_ANY) {
            if (!(all.choices[i] = choices_in(a, group->choices[i], b, other->choices[i])))
                return false;
        } else if (rule->kind == RULE_NEAR ? !is_near(rule, a, b, waited_s)
                                           : !option_is_same(a, b)) {
            return false;
        }
    }
    *group = all;
    return true;
}

bool fit_takes(const struct fit *f, const struct game_def *def, const uint8_t *labels,
               size_t n, double waited_s)
{
    for (uint32_t i = 0; i < def->n_rules; i++) {
        const struct game_rule *rule = &def->rules[i];
        const struct option *a = &f->asked[i];
        if (a->kind == OPTION_NONE)
            continue;
        struct option label = option_find(labels, n, rule->name);
        if (rule->kind == RULE_ANY) {
            if (!choices_in(a, f->choices[i], &label, 1))
                return false;
        } else if (rule->kind == RULE_NEAR ? !is_near(rule, a, &label, waited_s)
                                           : !option_is_same(a, &label)) {
            return false;
        }
    }
    return true;
}

void fit_put_labels(const struct fit *f, const struct game_def *def, struct buf *out)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < def->n_rules; i++)
        n += f->asked[i].kind != OPTION_NONE;
    wire_put_u8(out, ANY_MAP);
    wire_put_uv(out, n);
    for (uint32_t i = 0; i < def->n_rules; i++) {
        struct option one = f->asked[i];
        double v;
        if (one.kind == OPTION_NONE)
            continue;
        wire_put_uv(out, 0);
        wire_put_str(out, def->rules[i].name, strlen(def->rules[i].name));
        if (def->rules[i].kind == RULE_ANY) {
            struct option items[FIT_MAX_CHOICES];
            option_items(&one, items, FIT_MAX_CHOICES);
            one = items[__builtin_ctz(f->choices[i])];
        }
        if (def->rules[i].kind == RULE_NEAR && option_number(&one, &v)) {
            wire_put_u8(out, ANY_F64);
            wire_put_f64(out, v);
        } else {
            option_put(out, &one);
        }
    }
}
