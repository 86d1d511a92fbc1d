#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "worker/offers/discount.h"

// Learning looks at items only: no orders are needed.
enum { ITEMS_MAX = 400 };

struct stall {
    struct arena memory;
    struct item items[ITEMS_MAX];
    struct dataset data;
    struct market market;
};

static void open_stall(struct stall *s)
{
    memset(s, 0, sizeof *s);
    arena_init(&s->memory, 0);
    s->data.items = s->items;
    s->market.data = &s->data;
}

static void add(struct stall *s, uint32_t type, uint32_t sales, double mean, double variance)
{
    assert_true(s->data.n_items < ITEMS_MAX);
    s->items[s->data.n_items++] = (struct item){
        .type_id = type, .orders = sales, .sales = sales, .discount_mean = mean, .discount_variance = variance};
    if (type != ID_NONE && type >= s->data.n_types)
        s->data.n_types = type + 1;
}

static struct discount_variances learn(struct stall *s)
{
    return discount_learn(&s->market, &s->memory);
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) < 1e-9))
        fail_msg("%.12f is not %.12f", a, b);
}

static void products_by_hand(void **state)
{
    (void)state;
    static struct stall s;
    open_stall(&s);
    add(&s, ID_NONE, 10, 0.075, 0.02);
    add(&s, ID_NONE, 10, 0.225, 0.02);
    add(&s, ID_NONE, 20, 0.150, 0.02);
    add(&s, ID_NONE, 0, 0, 0);
    // w = .02; about the mean .15 SSB = 20 * .075^2 = .1125; N - s / N = 40 - 600 / 40 = 25; b = (.1125 - 2 * .02) / 25
    struct discount_variances v = learn(&s);
    assert_near(v.within, 0.02);
    assert_near(v.products, 0.0029);
    assert_near(v.types, 0);
    assert_near(s.market.own_prior_sales, 0.02 / 0.0029); // 6.9 sales
    assert_near(s.market.shop_discount, 0.15);
    double z = 10 / (10 + 0.02 / 0.0029); // .592
    assert_near(discount_history(&s.market, 0), z * 0.075 + (1 - z) * 0.15);
    assert_near(discount_history(&s.market, 3), 0.15); // never sold: the prior
    arena_fini(&s.memory);
}

static void types_by_hand(void **state)
{
    (void)state;
    static struct stall s;
    open_stall(&s);
    add(&s, 0, 10, 0.05, 0.01);
    add(&s, 0, 10, 0.15, 0.01);
    add(&s, 1, 10, 0.30, 0.01);
    add(&s, 1, 10, 0.40, 0.01);
    add(&s, 2, 0, 0, 0); // a type that never sold
    // w = .01; SSB = 40 * .05^2 = .1, b = (.1 - 2 * .01) / (40 - 20) = .004
    // SSA = 40 * .125^2 = .625; a = (.625 - .01 - (20 - 10) * .004) / (40 - 20) = .02875
    struct discount_variances v = learn(&s);
    assert_near(v.within, 0.01);
    assert_near(v.products, 0.004);
    assert_near(v.types, 0.02875);
    assert_near(s.market.own_prior_sales, OWN_PRIOR_SALES_MIN); // 2.5
    assert_near(s.market.shop_discount, 0.225);
    double vt = 1 / (2 / (0.004 + 0.001)), zt = 0.02875 / (0.02875 + vt); // .0025, .92
    assert_near(s.market.type_discount[0], zt * 0.10 + (1 - zt) * 0.225);
    assert_near(s.market.type_discount[1], zt * 0.35 + (1 - zt) * 0.225);
    assert_near(s.market.type_discount[2], 0.225);
    assert_near(discount_history(&s.market, 4), 0.225);
    assert_near(discount_history(&s.market, 0), 10 / 15.0 * 0.05 + 5 / 15.0 * s.market.type_discount[0]);
    arena_fini(&s.memory);
}

static void inverse_variance_weighs(void **state)
{
    (void)state;
    static struct stall s;
    open_stall(&s);
    add(&s, ID_NONE, 2, 0.10, 0.01);
    add(&s, ID_NONE, 18, 0.30, 0.01);
    // w = .01; mean .28, SSB = 2 * .18^2 + 18 * .02^2 = .072; b = (.072 - .01) / (20 - 328 / 20) = .062 / 3.6
    struct discount_variances v = learn(&s);
    assert_near(v.products, 0.062 / 3.6);
    double few = 1 / (v.products + 0.005), many = 1 / (v.products + 0.01 / 18);
    assert_near(s.market.shop_discount, (few * 0.10 + many * 0.30) / (few + many));
    arena_fini(&s.memory);
}

static void shops_that_cannot_tell(void **state)
{
    (void)state;
    static struct stall s;
    open_stall(&s); // no product
    learn(&s);
    assert_near(s.market.shop_discount, 0);
    add(&s, ID_NONE, 0, 0, 0); // none sold
    learn(&s);
    assert_near(discount_history(&s.market, 0), 0);
    arena_fini(&s.memory);

    open_stall(&s); // one product
    add(&s, ID_NONE, 3, 0.12, 0.001);
    learn(&s);
    assert_near(discount_history(&s.market, 0), 0.12);
    arena_fini(&s.memory);

    open_stall(&s); // no discount at all: exactly 0
    for (uint32_t i = 0; i < 30; i++)
        add(&s, i % 3, i, 0, 0);
    learn(&s);
    assert_true(s.market.shop_discount <= 0 && discount_history(&s.market, 7) <= 0);
    arena_fini(&s.memory);

    open_stall(&s); // all the same
    for (uint32_t i = 0; i < 30; i++)
        add(&s, i % 3, 1 + i, 0.2, 0);
    learn(&s);
    for (uint32_t i = 0; i < 30; i++)
        assert_near(discount_history(&s.market, i), 0.2);
    arena_fini(&s.memory);

    open_stall(&s); // each product sold once: differences are taken for chance
    for (uint32_t i = 0; i < 30; i++)
        add(&s, ID_NONE, 1, i % 2 ? 0.3 : 0.1, 0);
    struct discount_variances v = learn(&s);
    assert_near(v.within, 30 * 0.01 / 29);
    assert_near(v.products, 0);
    assert_near(s.market.own_prior_sales, OWN_PRIOR_SALES_MAX);
    assert_near(discount_history(&s.market, 0), 1 / 16.0 * 0.1 + 15 / 16.0 * 0.2);
    arena_fini(&s.memory);

    open_stall(&s); // one product of each type, each sold once
    add(&s, 0, 1, 0.1, 0);
    add(&s, 1, 1, 0.3, 0);
    v = learn(&s);
    assert_near(v.within, 0.02);
    assert_near(v.types, 0);
    assert_near(s.market.type_discount[0], 0.2);
    arena_fini(&s.memory);
}

// --- random shops

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double uniform(uint64_t *state, double spread) // mean 0, standard deviation `spread`
{
    return ((double)(next_random(state) >> 11) / 9007199254740992.0 - 0.5) * spread * 3.4641016151377544;
}

// One sale after the other, from a shop whose variances are known.
static void add_random(struct stall *s, uint32_t type, double type_mean, uint64_t *seed)
{
    double mean = type_mean + uniform(seed, 0.04), sum = 0, squares = 0;
    uint32_t n = 1 + (uint32_t)(next_random(seed) % 12);
    for (uint32_t k = 0; k < n; k++) {
        double rate = mean + uniform(seed, 0.10);
        sum += rate;
        squares += rate * rate;
    }
    add(s, type, n, sum / n, n > 1 ? (squares - sum * sum / n) / (n - 1) : 0);
}

static void variances_come_out_on_average(void **state)
{
    (void)state;
    enum { SHOPS = 300, TYPES = 20, PRODUCTS = 8 };
    static struct stall s;
    struct discount_variances mean = {0};
    uint64_t seed = 88172645463325252u;
    for (int shop = 0; shop < SHOPS; shop++) {
        open_stall(&s);
        for (uint32_t t = 0; t < TYPES; t++) {
            double type_mean = 0.5 + uniform(&seed, 0.06);
            for (uint32_t p = 0; p < PRODUCTS + t % 5; p++)
                add_random(&s, t, type_mean, &seed);
        }
        struct discount_variances v = learn(&s);
        mean.within += v.within / SHOPS;
        mean.products += v.products / SHOPS;
        mean.types += v.types / SHOPS;
        arena_fini(&s.memory);
    }
    assert_true(fabs(mean.within - 0.0100) < 0.0002);
    assert_true(fabs(mean.products - 0.0016) < 0.0001);
    assert_true(fabs(mean.types - 0.0036) < 0.0003);
}

// SPEC 9: 20 sales and more are mostly the product's own, fewer than 5 mostly the priors, those between blend.
static void sales_decide_whose_history_counts(void **state)
{
    (void)state;
    static struct stall s;
    uint64_t seed = 1234567;
    for (int shop = 0; shop < 500; shop++) {
        open_stall(&s);
        uint32_t types = 1 + (uint32_t)(next_random(&seed) % 5), products = 2 + (uint32_t)(next_random(&seed) % 40);
        for (uint32_t i = 0; i < products; i++) {
            double mean = (double)(next_random(&seed) % 60) / 100;
            uint32_t type = next_random(&seed) % 7 ? (uint32_t)(next_random(&seed) % types) : ID_NONE;
            add(&s, type, (uint32_t)(next_random(&seed) % 40), mean, (double)(next_random(&seed) % 50) / 1000);
        }
        learn(&s);
        for (uint32_t i = 0; i < products; i++) {
            uint32_t type = s.items[i].type_id == ID_NONE ? s.data.n_types : s.items[i].type_id, n = s.items[i].sales;
            double prior = s.market.type_discount[type], own = s.items[i].discount_mean;
            double history = discount_history(&s.market, i), to_own = fabs(history - own),
                   to_prior = fabs(history - prior);
            assert_true(history >= fmin(own, prior) - 1e-12 && history <= fmax(own, prior) + 1e-12);
            if (n == 0)
                assert_near(history, prior);
            if (fabs(own - prior) < 1e-6)
                continue;
            if (n >= 20)
                assert_true(to_own < 0.45 * fabs(own - prior));
            else if (n < 5)
                assert_true(to_prior < 0.45 * fabs(own - prior));
            else
                assert_true(to_own > 0.2 * fabs(own - prior) && to_prior > 0.2 * fabs(own - prior));
        }
        arena_fini(&s.memory);
    }
}

static void offers_lie_between_history_and_typical_depth(void **state)
{
    (void)state;
    static struct stall s;
    open_stall(&s);
    add(&s, ID_NONE, 50, 0, 0);
    learn(&s); // typical of increase_aov: 5 + .4 * 15 = 11 %
    assert_near(discount_shrunk(&s.market, OBJECTIVE_INCREASE_AOV, 0), 0.11);
    s.items[0].discount_mean = 0.33;
    learn(&s);
    assert_near(discount_shrunk(&s.market, OBJECTIVE_INCREASE_AOV, 0), 0.22);
    arena_fini(&s.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_by_hand),
        cmocka_unit_test(types_by_hand),
        cmocka_unit_test(inverse_variance_weighs),
        cmocka_unit_test(shops_that_cannot_tell),
        cmocka_unit_test(variances_come_out_on_average),
        cmocka_unit_test(sales_decide_whose_history_counts),
        cmocka_unit_test(offers_lie_between_history_and_typical_depth),
    };
    return cmocka_run_group_tests_name("discount", tests, NULL, NULL);
}
