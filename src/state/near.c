/* SPDX-License-Identifier: MIT */
#include "state/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Cells of half the sight: with smaller ones a search measures fewer rows, as more cells
 * are all within sight or all outside, but it looks at more cells. */
#define CELLS_PER_SEE 2.0
/* In cells: more than all rounding of places that are no farther than FAR from the box. */
#define SLACK 1e-6
#define FAR   1e6
enum { CELLS_PER_ROW = 2, CELLS_AT_LEAST = 64, CELLS_A_SIDE = 256 };
/* Rows may have moved out of the box, or all into one of its cells: after so many sorts
 * it is laid out anew. */
enum { SORTS_A_LAYOUT = 32 };
/* To measure so many rows costs less than to ask which cells are all within sight. */
enum { FEW = 64 };

void near_init(struct near *g)
{
    *g = (struct near){0};
}

void near_fini(struct near *g)
{
    free(g->x);
    free(g->y);
    free(g->bits);
    free(g->words);
    free(g->places);
    free(g->cells);
    free(g->home);
    free(g->found);
    free(g->starts);
    near_init(g);
}

static bool grow(struct near *g, uint32_t cap)
{
    if (cap <= g->cap)
        return true;
    near_fini(g);
    g->x = calloc(cap + 1, sizeof *g->x); /* measured in pairs: one more than are there */
    g->y = calloc(cap + 1, sizeof *g->y);
    g->bits = calloc(cap + 1, sizeof *g->bits);
    g->words = calloc(cap + 1, sizeof *g->words);
    g->places = malloc(cap * sizeof *g->places);
    g->cells = malloc(cap * sizeof *g->cells);
    g->home = malloc(2 * cap * sizeof *g->home);
    g->found = calloc(cap / 64 + 1, sizeof *g->found);
    g->cap = cap;
    return g->x && g->y && g->bits && g->words && g->places && g->cells && g->home &&
           g->found;
}

static double axis_of(const struct type *t, union cell c)
{
    return t->kind == TYPE_FIXED ? (double)c.q * t->step + t->min : type_to_number(t, c);
}

static void take_home(struct near *g, const struct table *t, uint32_t slot)
{
    const struct field *fields = t->record->fields;
    const struct interest_rule *rule = &t->record->interest;
    const union cell *now = t->rows[slot]->now;

    g->home[2 * slot] = axis_of(&fields[rule->x].type, now[rule->x]);
    g->home[2 * slot + 1] = axis_of(&fields[rule->y].type, now[rule->y]);
}

/* fmax() and fmin() of numbers, without the call. */
static inline double more(double a, double b)
{
    return a > b ? a : b;
}

static inline double less(double a, double b)
{
    return a < b ? a : b;
}

/* Which cell a coordinate falls into; the edges take what is outside. */
static uint32_t index_of(double v, double low, double cell, uint32_t n)
{
    double i = (v - low) / cell;

    return i >= (double)n ? n - 1 : i > 0 ? (uint32_t)i : 0; /* not a number: 0 */
}

static uint32_t cell_of(const struct near *g, double x, double y)
{
    return index_of(y, g->low_y, g->cell, g->ny) * g->nx +
           index_of(x, g->low_x, g->cell, g->nx);
}

/* A box around all rows, in cells that are not many more than the rows. */
static bool lay_out(struct near *g, const struct table *t)
{
    double low_x = HUGE_VAL, low_y = HUGE_VAL, high_x = -HUGE_VAL, high_y = -HUGE_VAL;

    g->n = 0;
    for (uint32_t s = bits_next(&t->alive, 0); s != BITS_NONE;
         s = bits_next(&t->alive, s + 1)) {
        take_home(g, t, s);
        low_x = less(low_x, g->home[2 * s]);
        low_y = less(low_y, g->home[2 * s + 1]);
        high_x = more(high_x, g->home[2 * s]);
        high_y = more(high_y, g->home[2 * s + 1]);
        g->n++;
    }
    double wide = g->n ? high_x - low_x : 0, high = g->n ? high_y - low_y : 0;
    double most = (double)g->n * CELLS_PER_ROW + CELLS_AT_LEAST;
    g->low_x = low_x;
    g->low_y = low_y;
    g->cell = more(t->record->interest.see / CELLS_PER_SEE,
                   more(wide, high) / (CELLS_A_SIDE - 1));
    while ((floor(wide / g->cell) + 1) * (floor(high / g->cell) + 1) > most)
        g->cell *= 2;
    g->nx = index_of(wide, 0, g->cell, CELLS_A_SIDE) + 1;
    g->ny = index_of(high, 0, g->cell, CELLS_A_SIDE) + 1;
    uint32_t n = g->nx * g->ny + 1;
    if (n > g->cap_starts) {
        uint32_t *grown = realloc(g->starts, n * sizeof *grown);
        if (!grown)
            return false;
        g->starts = grown;
        g->cap_starts = n;
    }
    for (uint32_t s = bits_next(&t->alive, 0); s != BITS_NONE;
         s = bits_next(&t->alive, s + 1))
        g->cells[s] = cell_of(g, g->home[2 * s], g->home[2 * s + 1]);
    g->sorts = 0;
    return true;
}

/* Take over where the rows are that this tick has moved; says whether one has left its
 * cell. Rows have neither come nor gone. */
static bool move(struct near *g, const struct table *t)
{
    bool any_left = false;

    for (size_t w = 0; w < t->changed.n_words; w++)
        for (uint64_t rest = t->changed.words[w]; rest; rest &= rest - 1) {
            uint32_t s = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(rest));
            take_home(g, t, s);
            double x = g->home[2 * s], y = g->home[2 * s + 1];
            uint32_t cell = cell_of(g, x, y);
            any_left = any_left || cell != g->cells[s];
            g->cells[s] = cell;
            g->x[g->places[s]] = x;
            g->y[g->places[s]] = y;
        }
    return any_left;
}

/* Sort all rows into the cells that they are in. */
static void sort(struct near *g, const struct table *t)
{
    const struct bits *alive = &t->alive;
    uint32_t sum = 0;

    memset(g->starts, 0, (g->nx * g->ny + 1) * sizeof *g->starts);
    for (size_t w = 0; w < alive->n_words; w++)
        for (uint64_t rest = alive->words[w]; rest; rest &= rest - 1)
            g->starts[g->cells[w * 64 + (size_t)__builtin_ctzll(rest)]]++;
    for (uint32_t i = 0; i <= g->nx * g->ny; i++) {
        uint32_t n = g->starts[i];
        g->starts[i] = sum;
        sum += n;
    }
    for (size_t w = 0; w < alive->n_words; w++)
        for (uint64_t rest = alive->words[w]; rest; rest &= rest - 1) {
            uint32_t s = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(rest));
            uint32_t at = g->starts[g->cells[s]]++;
            g->bits[at] = rest & -rest;
            g->words[at] = (uint32_t)w;
            g->places[s] = at;
            g->x[at] = g->home[2 * s];
            g->y[at] = g->home[2 * s + 1];
        }
    if (g->bits)
        g->bits[g->n] = 0; /* nobody's place */
    /* Each start has moved on to the next one's. */
    memmove(g->starts + 1, g->starts, g->nx * g->ny * sizeof *g->starts);
    g->starts[0] = 0;
    g->sorts++;
}

bool near_update(struct near *g, const struct image *img, uint32_t table)
{
    const struct table *t = &img->tables[table];
    bool is_next = g->tick != 0 && g->tick >= img->was_at && img->at == img->tick;

    if (g->tick != 0 && g->tick >= img->at)
        return true; /* nothing has happened since */
    if (is_next && t->moved_at <= g->tick && g->sorts < SORTS_A_LAYOUT) {
        if (move(g, t))
            sort(g, t);
    } else if (grow(g, t->cap) && lay_out(g, t)) {
        sort(g, t);
    } else {
        near_fini(g);
        return false;
    }
    g->tick = img->at;
    return true;
}

/* What a search is for: the centre in cells too. */
struct search {
    double x, y, see2, forget2;
    double ux, uy, see, forget; /* in cells, from the low corner of the box */
};

/* The rows in these places, each by its own distance, two at a time; the one behind an
 * odd number of them, too, which is as right. Without branches: about half of them are
 * within sight, and no processor guesses which. */
static void measure(const struct near *g, const struct search *f, uint32_t i, uint32_t end)
{
    typedef double pair __attribute__((vector_size(16)));
    const pair x = {f->x, f->x}, y = {f->y, f->y};
    const pair see2 = {f->see2, f->see2}, forget2 = {f->forget2, f->forget2};

    for (; i < end; i += 2) {
        pair dx, dy;
        near_word bits;
        memcpy(&dx, g->x + i, sizeof dx);
        memcpy(&dy, g->y + i, sizeof dy);
        memcpy(&bits, g->bits + i, sizeof bits);
        dx -= x;
        dy -= y;
        pair d2 = dx * dx + dy * dy;
        near_word sees = (near_word)(d2 <= see2) & bits;
        near_word keeps = (near_word)(d2 <= forget2) & bits;
        g->found[g->words[i]] |= __builtin_shufflevector(sees, keeps, 0, 2);
        g->found[g->words[i + 1]] |= __builtin_shufflevector(sees, keeps, 1, 3);
    }
}

/* How far a circle reaches to the side at this height, 0 above it. */
static double side_of(double radius, double height)
{
    return height < radius ? sqrt(radius * radius - height * height) : 0;
}

/* One row of cells. Those at the edge of the box hold what is outside, too: they reach
 * as far as there is, and are never within sight as a whole. */
static void find_in(const struct near *g, const struct search *f, uint32_t row)
{
    double low = row == 0 ? -HUGE_VAL : row, high = row == g->ny - 1 ? HUGE_VAL : row + 1;
    double near = more(more(low - f->uy, f->uy - high), 0);
    double far = more(f->uy - low, high - f->uy);
    const uint32_t *starts = g->starts + row * g->nx;

    if (near > f->forget + SLACK)
        return;
    double half = side_of(f->forget + SLACK, near) + SLACK;
    uint32_t x0 = index_of(f->ux - half, 0, 1, g->nx);
    uint32_t x1 = index_of(f->ux + half, 0, 1, g->nx);
    if (starts[x1 + 1] - starts[x0] < FEW) {
        measure(g, f, starts[x0], starts[x1 + 1]);
        return;
    }
    double inner = side_of(f->see - SLACK, far) - SLACK;
    /* Whole cells from `first` to before `after`; none at the edge. */
    uint32_t first = index_of(f->ux - inner, -1, 1, g->nx);
    uint32_t after = index_of(f->ux + inner, 0, 1, g->nx);
    first = first ? first : 1;
    if (inner <= 0 || first >= after) {
        measure(g, f, starts[x0], starts[x1 + 1]);
        return;
    }
    uint32_t from = starts[first], end = starts[after];
    measure(g, f, starts[x0], from);
    for (uint32_t i = from; i < end; i++)
        g->found[g->words[i]] |= (near_word){g->bits[i], g->bits[i]};
    measure(g, f, end, starts[x1 + 1]);
}

/* All rows around the centre into g->found. */
static void find(const struct near *g, struct search *f)
{
    f->ux = (f->x - g->low_x) / g->cell;
    f->uy = (f->y - g->low_y) / g->cell;
    if (!isfinite(f->ux) || !isfinite(f->uy) || !isfinite(f->forget * f->forget)) {
        measure(g, f, 0, g->n);
        return;
    }
    if (fabs(f->ux) > FAR || fabs(f->uy) > FAR || f->see > FAR)
        f->see = 0; /* no cell is taken as a whole */
    uint32_t y0 = index_of(f->uy - f->forget - SLACK, 0, 1, g->ny);
    uint32_t y1 = index_of(f->uy + f->forget + SLACK, 0, 1, g->ny);
    for (uint32_t row = y0; row <= y1; row++)
        find_in(g, f, row);
}

void near_find(struct near *g, double x, double y, double see, double forget,
               const struct bits *held, struct bits *out)
{
    struct search f = {.x = x,
                       .y = y,
                       .see2 = see * see,
                       .forget2 = forget * forget,
                       .see = see / g->cell,
                       .forget = forget / g->cell};

    if (g->n == 0)
        return;
    find(g, &f);
    for (size_t w = 0; w < out->n_words && w < g->cap / 64 + 1; w++) {
        uint64_t keeps = w < held->n_words ? g->found[w][1] & held->words[w] : 0;
        out->words[w] |= g->found[w][0] | keeps;
        g->found[w] = (near_word){0, 0};
    }
}
