#include "worker/evaluate/pair_score.h"

#include <stdlib.h>

#include "common/check.h"

enum { CONFIRMED_ORDERS_MIN = 3, SEEN_AGAIN_ORDERS_MIN = 2 };
static const double CONFIRMED_LIFT_MIN = 1.2;

struct trial { // of one pair
    uint32_t orders;
    double lift;
};

struct trials {
    const struct heldout *heldout;
    const struct ranked_pairs *list;
    uint32_t n;
    struct trial *pairs;
    uint32_t *first_hit; // by order: the first pair that it contains, ID_NONE: none
    struct arena scratch;
};

static void trials_fini(struct trials *t)
{
    arena_fini(&t->scratch);
}

static uint32_t orders_of(const struct heldout *h, uint32_t item)
{
    return h->postings.first[item + 1] - h->postings.first[item];
}

static double lift_of(const struct heldout *h, const struct ranked_pair *pair, uint32_t orders)
{
    double chance = (double)orders_of(h, pair->a) * orders_of(h, pair->b);
    return chance > 0 ? orders * (double)h->orders.n_orders / chance : 0;
}

static void try_pairs(struct trials *t)
{
    struct meeting m;
    meeting_init(&m, &t->heldout->postings, &t->scratch);
    for (uint32_t rank = 0; rank < t->n; rank++) {
        const struct ranked_pair *pair = &t->list->pairs[rank];
        meeting_of(&m, &t->heldout->postings, (uint32_t[]){pair->a, pair->b}, 2);
        uint32_t orders = meeting_count(&m, 2);
        t->pairs[rank] = (struct trial){orders, lift_of(t->heldout, pair, orders)};
        for (uint32_t i = 0; i < m.n_orders; i++)
            if (m.items[m.orders[i]] == 2 && t->first_hit[m.orders[i]] == ID_NONE)
                t->first_hit[m.orders[i]] = rank;
    }
}

static int compare_double(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median_lift(struct trials *t, uint32_t k)
{
    double *lifts = ARENA_ARRAY(&t->scratch, double, k);
    for (uint32_t i = 0; i < k; i++)
        lifts[i] = t->pairs[i].lift;
    if (k == 0)
        return 0;
    qsort(lifts, k, sizeof *lifts, compare_double);
    return (lifts[(k - 1) / 2] + lifts[k / 2]) / 2;
}

static uint32_t distinct_items(struct trials *t, uint32_t k)
{
    bool *is_seen = ARENA_ARRAY(&t->scratch, bool, t->heldout->orders.n_items);
    uint32_t n = 0;
    for (uint32_t i = 0; i < k; i++) {
        const struct ranked_pair *pair = &t->list->pairs[i];
        n += !is_seen[pair->a];
        n += !is_seen[pair->b];
        is_seen[pair->a] = is_seen[pair->b] = true;
    }
    return n;
}

static struct pair_score score_at(struct trials *t, uint32_t cut)
{
    uint32_t k = cut < t->n ? cut : t->n, n_orders = t->heldout->orders.n_orders;
    struct pair_score s = {.pairs = k, .items = distinct_items(t, k), .lift_median = median_lift(t, k)};
    for (uint32_t o = 0; o < n_orders; o++)
        s.orders_hit += t->first_hit[o] < k;
    s.hit = n_orders ? (double)s.orders_hit / n_orders : 0;
    if (k == 0)
        return s;
    uint64_t orders = 0;
    uint32_t confirmed = 0, seen_again = 0;
    double lifts = 0;
    for (uint32_t i = 0; i < k; i++) {
        const struct trial *pair = &t->pairs[i];
        orders += pair->orders;
        lifts += pair->lift;
        confirmed += pair->orders >= CONFIRMED_ORDERS_MIN && pair->lift >= CONFIRMED_LIFT_MIN;
        seen_again += pair->orders >= SEEN_AGAIN_ORDERS_MIN && pair->lift > 1;
    }
    s.support_mean = n_orders ? (double)orders / k / n_orders : 0;
    s.lift_mean = lifts / k;
    s.confirmed = (double)confirmed / k;
    s.seen_again = (double)seen_again / k;
    return s;
}

void pair_score(const struct heldout *h, const struct ranked_pairs *list, const struct cuts *cuts,
                struct pair_score *out)
{
    AUTO(trials_fini) struct trials t = {.heldout = h, .list = list};
    arena_init(&t.scratch, 0);
    uint32_t most = cuts->at[cuts->n - 1];
    t.n = most < list->n ? most : list->n;
    t.pairs = ARENA_ARRAY(&t.scratch, struct trial, t.n);
    t.first_hit = ARENA_ARRAY(&t.scratch, uint32_t, h->orders.n_orders);
    for (uint32_t o = 0; o < h->orders.n_orders; o++)
        t.first_hit[o] = ID_NONE;
    try_pairs(&t);
    for (uint32_t i = 0; i < cuts->n; i++)
        out[i] = score_at(&t, cuts->at[i]);
}

double heldout_kappa(const struct heldout *h)
{
    uint64_t sum = 0, sum_pairs = 0;
    for (uint32_t o = 0; o < h->orders.n_orders; o++) {
        uint64_t n = h->orders.line_first[o + 1] - h->orders.line_first[o];
        sum += n;
        sum_pairs += n * (n - 1);
    }
    return sum ? (double)h->orders.n_orders * (double)sum_pairs / ((double)sum * (double)sum) : 0;
}
