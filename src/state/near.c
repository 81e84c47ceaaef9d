/* SPDX-License-Identifier: MIT */
#include "state/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Cells of half the sight: with smaller ones a search measures fewer rows, as more cells
 * are all within sight or all outside, but it looks at more cells (2, 3, 4: 312, 318,
 * 330 us a tick for 200 players of 100 rows each). */
#define CELLS_PER_SEE 2.0
/* In cells: more than all rounding of places that are no farther than FAR from the box. */
#define SLACK 1e-6
#define FAR   1e6
enum { CELLS_PER_ROW = 2, CELLS_AT_LEAST = 64, CELLS_A_SIDE = 256 };

void near_init(struct near *g)
{
    *g = (struct near){0};
}

void near_fini(struct near *g)
{
    free(g->x);
    free(g->y);
    free(g->slots);
    free(g->places);
    free(g->cells);
    free(g->home);
    free(g->starts);
    near_init(g);
}

static bool grow(struct near *g, uint32_t cap)
{
    if (cap <= g->cap)
        return true;
    near_fini(g);
    g->x = malloc(cap * sizeof *g->x);
    g->y = malloc(cap * sizeof *g->y);
    g->slots = malloc(cap * sizeof *g->slots);
    g->places = malloc(cap * sizeof *g->places);
    g->cells = malloc(cap * sizeof *g->cells);
    g->home = malloc(2 * cap * sizeof *g->home);
    g->cap = cap;
    return g->x && g->y && g->slots && g->places && g->cells && g->home;
}

static double axis_of(const struct table *t, const struct row *r, uint32_t field)
{
    return type_to_number(&t->record->fields[field].type, r->now[field]);
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
        double x = axis_of(t, t->rows[s], t->record->interest.x);
        double y = axis_of(t, t->rows[s], t->record->interest.y);
        g->home[2 * s] = x;
        g->home[2 * s + 1] = y;
        low_x = fmin(low_x, x);
        low_y = fmin(low_y, y);
        high_x = fmax(high_x, x);
        high_y = fmax(high_y, y);
        g->n++;
    }
    double wide = g->n ? high_x - low_x : 0, high = g->n ? high_y - low_y : 0;
    double most = (double)g->n * CELLS_PER_ROW + CELLS_AT_LEAST;
    g->low_x = low_x;
    g->low_y = low_y;
    g->cell = fmax(t->record->interest.see / CELLS_PER_SEE,
                   fmax(wide, high) / (CELLS_A_SIDE - 1));
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
    memset(g->starts, 0, n * sizeof *g->starts);
    return true;
}

/* Sort all rows into cells. */
static bool sort(struct near *g, const struct table *t)
{
    uint32_t sum = 0;

    if (!lay_out(g, t))
        return false;
    for (uint32_t s = bits_next(&t->alive, 0); s != BITS_NONE;
         s = bits_next(&t->alive, s + 1)) {
        g->cells[s] = cell_of(g, g->home[2 * s], g->home[2 * s + 1]);
        g->starts[g->cells[s]]++;
    }
    for (uint32_t i = 0; i <= g->nx * g->ny; i++) {
        uint32_t n = g->starts[i];
        g->starts[i] = sum;
        sum += n;
    }
    for (uint32_t s = bits_next(&t->alive, 0); s != BITS_NONE;
         s = bits_next(&t->alive, s + 1)) {
        uint32_t at = g->starts[g->cells[s]]++;
        g->slots[at] = s;
        g->places[s] = at;
        g->x[at] = g->home[2 * s];
        g->y[at] = g->home[2 * s + 1];
    }
    /* Each start has moved on to the next one's. */
    memmove(g->starts + 1, g->starts, g->nx * g->ny * sizeof *g->starts);
    g->starts[0] = 0;
    return true;
}

/* Take over what this tick has moved; false where one has left its cell. */
static bool move(struct near *g, const struct table *t)
{
    const struct interest_rule *rule = &t->record->interest;

    for (uint32_t s = bits_next(&t->changed, 0); s != BITS_NONE;
         s = bits_next(&t->changed, s + 1)) {
        double x = axis_of(t, t->rows[s], rule->x), y = axis_of(t, t->rows[s], rule->y);
        if (cell_of(g, x, y) != g->cells[s])
            return false;
        g->x[g->places[s]] = x;
        g->y[g->places[s]] = y;
    }
    return true;
}

bool near_update(struct near *g, const struct image *img, uint32_t table)
{
    const struct table *t = &img->tables[table];
    bool is_next = g->tick != 0 && g->tick >= img->was_at && img->at == img->tick;

    if (g->tick != 0 && g->tick >= img->at)
        return true; /* nothing has happened since */
    if (!(is_next && t->moved_at <= g->tick && move(g, t)) &&
        !(grow(g, t->cap) && sort(g, t))) {
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
    const struct bits *held;
    struct bits *out;
};

/* The rows in these places, each by its own distance. Without branches: about half of
 * them are within sight, and no processor guesses which. */
static void measure(const struct near *g, const struct search *f, uint32_t i, uint32_t end)
{
    for (; i < end; i++) {
        double dx = g->x[i] - f->x, dy = g->y[i] - f->y, d2 = dx * dx + dy * dy;
        uint32_t s = g->slots[i];
        bool sees = d2 <= f->see2, keeps = d2 <= f->forget2;
        uint64_t is_in = (uint64_t)(keeps & (sees | bits_has(f->held, s)));
        f->out->words[s / 64] |= is_in << (s % 64);
    }
}

/* fmax() of numbers, without the call. */
static inline double more(double a, double b)
{
    return a > b ? a : b;
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
        bits_add(f->out, g->slots[i]);
    measure(g, f, end, starts[x1 + 1]);
}

void near_find(const struct near *g, double x, double y, double see, double forget,
               const struct bits *held, struct bits *out)
{
    struct search f = {.x = x, .y = y, .held = held, .out = out};

    if (g->n == 0)
        return;
    f.see2 = see * see;
    f.forget2 = forget * forget;
    f.ux = (x - g->low_x) / g->cell;
    f.uy = (y - g->low_y) / g->cell;
    f.see = see / g->cell;
    f.forget = forget / g->cell;
    if (!isfinite(f.ux) || !isfinite(f.uy) || !isfinite(f.forget * f.forget)) {
        measure(g, &f, 0, g->n);
        return;
    }
    if (fabs(f.ux) > FAR || fabs(f.uy) > FAR || f.see > FAR)
        f.see = 0; /* no cell is taken as a whole */
    uint32_t y0 = index_of(f.uy - f.forget - SLACK, 0, 1, g->ny);
    uint32_t y1 = index_of(f.uy + f.forget + SLACK, 0, 1, g->ny);
    for (uint32_t row = y0; row <= y1; row++)
        find_in(g, &f, row);
}
