#include "worker/mining/backoff.h"

#include <math.h>

#include "tests/unit/mining/orders.h"

enum { N_ITEMS = 30, N_PARTNERS = 12 };

struct lists {
    struct neighbour all[N_ITEMS * N_PARTNERS], smoothed[N_ITEMS * N_PARTNERS];
    uint32_t first[N_ITEMS + 1];
    double weights[N_ITEMS], damping[N_ITEMS];
};

// P(b|a) as the lists have it, 0: not kept.
static double confidence(const struct lists *l, const struct neighbour *lists, uint32_t a, uint32_t b)
{
    for (uint32_t i = l->first[a]; i < l->first[a + 1]; i++)
        if (lists[i].item == b)
            return (double)lists[i].relevance / l->damping[b];
    return 0;
}

static void smooth(struct lists *l, uint32_t n_items, double prior)
{
    const struct backoff b = {l->all, l->first, n_items, l->weights, l->damping, prior};
    backoff_smooth(l->smoothed, &b);
}

// Random lists of falling relevance.
static void fill(struct lists *l, uint64_t seed)
{
    l->first[0] = 0;
    for (uint32_t a = 0; a < N_ITEMS; a++) {
        uint32_t n = sample_random(&seed, N_PARTNERS + 1), start = sample_random(&seed, N_ITEMS);
        l->weights[a] = 1 + sample_random(&seed, 100);
        l->damping[a] = 1 / (1 + sample_random(&seed, 50) / 100.0);
        l->first[a + 1] = l->first[a];
        for (uint32_t i = 0; i < n; i++) {
            uint32_t b = (start + 7 * i) % N_ITEMS;
            float relevance = (float)(0.5 - 0.03 * i - sample_random(&seed, 100) / 1e4);
            if (b != a)
                l->all[l->first[a + 1]++] = (struct neighbour){.item = b, .orders = b, .relevance = relevance};
        }
    }
}

static void confidences_are_shrunk_towards_the_partners(void **state)
{
    (void)state;
    static struct lists l;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        fill(&l, seed);
        smooth(&l, N_ITEMS, 10);
        for (uint32_t a = 0; a < N_ITEMS; a++) {
            for (uint32_t i = l.first[a]; i < l.first[a + 1]; i++) {
                uint32_t b = l.smoothed[i].item;
                double sum = 0, all = 0;
                for (uint32_t j = l.first[a]; j < l.first[a + 1] && j < l.first[a] + BACKOFF_PARTNERS; j++) {
                    double to = confidence(&l, l.all, a, l.all[j].item);
                    all += to;
                    sum += to * confidence(&l, l.all, l.all[j].item, b);
                }
                double own = confidence(&l, l.all, a, b);
                double expected = (l.weights[a] * own + 10 * sum / all) / (l.weights[a] + 10);
                assert_true(own > 0 && l.smoothed[i].orders == b);
                assert_true(fabs(confidence(&l, l.smoothed, a, b) - expected) < 1e-6);
                assert_true(i == l.first[a] || l.smoothed[i - 1].relevance >= l.smoothed[i].relevance);
            }
        }
    }
}

// a (1 order of weight 1) goes with b (P 0.6) and c (0.4), c with b (0.5) alone: Q(b|a) = 0.4 * 0.5 / (0.6 + 0.4) =
// 0.2, with a prior of 1: P'(b|a) = (0.6 + 0.2) / 2, P'(c|a) = 0.4 / 2.
static void a_list_worked_by_hand(void **state)
{
    (void)state;
    static struct lists l = {
        .all = {{.item = 1, .relevance = 0.6F}, {.item = 2, .relevance = 0.4F}, {.item = 1, .relevance = 0.5F}},
        .first = {0, 2, 2, 3},
        .weights = {1, 1, 1},
        .damping = {1, 1, 1},
    };
    smooth(&l, 3, 1);
    assert_true(l.smoothed[0].item == 1 && fabsf(l.smoothed[0].relevance - 0.4F) < 1e-6F);
    assert_true(l.smoothed[1].item == 2 && fabsf(l.smoothed[1].relevance - 0.2F) < 1e-6F);
}

static void without_a_prior_nothing_changes(void **state)
{
    (void)state;
    static struct lists l;
    fill(&l, 5);
    smooth(&l, N_ITEMS, 0);
    assert_memory_equal(l.smoothed, l.all, l.first[N_ITEMS] * sizeof l.all[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confidences_are_shrunk_towards_the_partners),
        cmocka_unit_test(a_list_worked_by_hand),
        cmocka_unit_test(without_a_prior_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
