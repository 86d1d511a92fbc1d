#include "worker/mining/pair_coverage.h"

#include <string.h>

#include "worker/mining/bitset.h"

enum { LEFT_UNCOVERED = 3 }; // one in so many of the orders like one that a pair covered

struct candidate {
    double worth; // as things stood when `n_chosen` pairs were chosen; it only falls
    double factor;
    uint16_t *orders; // sampled ones that contain the pair
    uint32_t n_orders;
    uint32_t n_chosen;
    struct item_pair pair;
    bool is_chosen;
};
_Static_assert(COVERAGE_ORDERS_MAX <= UINT16_MAX + 1, "numbers of sampled orders");

struct coverage {
    struct candidate *candidates; // n, in the order given
    struct candidate **heap;      // those not chosen, worth most first
    uint32_t n, n_left;
    uint32_t step;   // every step-th order is in the sample
    uint64_t **bits; // by item: the sampled orders that contain it; NULL: in no candidate
    size_t words;
    uint32_t *left; // by sampled order: weight not yet covered
    uint32_t n_orders;
    double all; // the weights of all sampled orders
};

static bool is_better(const struct candidate *x, const struct candidate *y)
{
    return x->worth != y->worth ? x->worth > y->worth : x < y;
}

static void sift_down(struct coverage *c, uint32_t at)
{
    struct candidate *sinking = c->heap[at];
    for (uint32_t child = 2 * at + 1; child < c->n_left; child = 2 * at + 1) {
        child += child + 1 < c->n_left && is_better(c->heap[child + 1], c->heap[child]);
        if (!is_better(c->heap[child], sinking))
            break;
        c->heap[at] = c->heap[child];
        at = child;
    }
    c->heap[at] = sinking;
}

static void weigh_candidate(const struct coverage *c, struct candidate *x, uint32_t n_chosen)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < x->n_orders; i++)
        sum += c->left[x->orders[i]];
    x->worth = (double)sum * x->factor;
    x->n_chosen = n_chosen;
}

static void cover(struct coverage *c, const struct candidate *chosen)
{
    for (uint32_t i = 0; i < chosen->n_orders; i++)
        c->left[chosen->orders[i]] /= LEFT_UNCOVERED;
}

static void size_sample(struct coverage *c, const struct dataset *d, const struct order_weights *weights)
{
    uint32_t n = 0, n_lines = 0;
    for (uint32_t o = 0; o < d->n_orders; o++) {
        n += weights->coverage[o] > 0;
        n_lines += weights->coverage[o] > 0 ? d->line_first[o + 1] - d->line_first[o] : 0;
    }
    uint32_t by_orders = n / COVERAGE_ORDERS_MAX, by_lines = n_lines / COVERAGE_LINES_MAX;
    c->step = (by_orders > by_lines ? by_orders : by_lines) + 1;
    c->words = bitset_words(n / c->step + 1);
}

static void add_order(struct coverage *c, const struct dataset *d, uint32_t order, uint32_t weight)
{
    for (uint32_t l = d->line_first[order]; l < d->line_first[order + 1]; l++)
        if (c->bits[d->line_item[l]])
            bitset_add(c->bits[d->line_item[l]], c->n_orders);
    c->left[c->n_orders++] = weight;
    c->all += weight;
}

static void add_orders(struct coverage *c, const struct dataset *d, const struct order_weights *weights)
{
    uint32_t n = 0;
    for (uint32_t o = d->n_orders; o-- > 0;)
        if (weights->coverage[o] > 0 && n++ % c->step == 0)
            add_order(c, d, o, weights->coverage[o]);
}

static void add_candidates(struct coverage *c, const struct item_pair *pairs, const double *factors, uint32_t n,
                           struct arena *memory)
{
    c->candidates = ARENA_ARRAY(memory, struct candidate, n);
    c->n = n;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t items[2] = {pairs[i].a, pairs[i].b};
        c->candidates[i] = (struct candidate){.pair = pairs[i], .factor = factors[i]};
        for (unsigned k = 0; k < 2; k++)
            if (!c->bits[items[k]])
                c->bits[items[k]] = ARENA_ARRAY(memory, uint64_t, c->words);
    }
}

static uint32_t list_orders(uint16_t *orders, const uint64_t *a, const uint64_t *b, size_t words)
{
    uint32_t n = 0;
    for (size_t w = 0; w < words; w++)
        for (uint64_t both = a[w] & b[w]; both; both &= both - 1)
            orders[n++] = (uint16_t)(w * 64 + (size_t)__builtin_ctzll(both));
    return n;
}

static void find_orders(struct coverage *c, struct arena *memory)
{
    uint16_t *orders = ARENA_ARRAY(memory, uint16_t, c->words * 64);
    for (uint32_t i = 0; i < c->n; i++) {
        struct candidate *x = &c->candidates[i];
        x->n_orders = list_orders(orders, c->bits[x->pair.a], c->bits[x->pair.b], c->words);
        x->orders = ARENA_ARRAY(memory, uint16_t, x->n_orders);
        memcpy(x->orders, orders, x->n_orders * sizeof *orders);
    }
}

static void build_heap(struct coverage *c, struct arena *memory)
{
    c->heap = ARENA_ARRAY(memory, struct candidate *, c->n);
    c->n_left = c->n;
    for (uint32_t i = 0; i < c->n; i++) {
        weigh_candidate(c, &c->candidates[i], 0);
        c->heap[i] = &c->candidates[i];
    }
    for (uint32_t i = c->n / 2; i-- > 0;)
        sift_down(c, i);
}

// The worth of the first in the heap may have fallen since it was worked out, but none has risen.
static uint32_t choose(struct coverage *c, struct item_pair *chosen)
{
    uint32_t n = 0;
    while (n < COVERAGE_CHOSEN_MAX && c->n_left > 0 && c->heap[0]->worth > 0) {
        struct candidate *best = c->heap[0];
        if (best->n_chosen < n) {
            weigh_candidate(c, best, n);
        } else {
            chosen[n] = best->pair;
            chosen[n++].gain = (float)(best->worth / c->all);
            best->is_chosen = true;
            cover(c, best);
            c->heap[0] = c->heap[--c->n_left];
        }
        sift_down(c, 0);
    }
    return n;
}

void pair_coverage_rank(struct item_pair *pairs, const double *factors, uint32_t n, const struct dataset *d,
                        const struct order_weights *weights)
{
    struct coverage c = {0};
    struct arena memory;
    if (n > COVERAGE_CANDIDATES_MAX)
        n = COVERAGE_CANDIDATES_MAX;
    if (n == 0)
        return;
    arena_init(&memory, 0);
    size_sample(&c, d, weights);
    c.bits = ARENA_ARRAY(&memory, uint64_t *, d->n_items);
    c.left = ARENA_ARRAY(&memory, uint32_t, c.words * 64);
    add_candidates(&c, pairs, factors, n, &memory);
    add_orders(&c, d, weights);
    find_orders(&c, &memory);
    build_heap(&c, &memory);
    uint32_t n_placed = choose(&c, pairs);
    for (uint32_t i = 0; i < n; i++)
        if (!c.candidates[i].is_chosen)
            pairs[n_placed++] = c.candidates[i].pair;
    arena_fini(&memory);
}
