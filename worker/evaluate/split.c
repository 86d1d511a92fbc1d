#include "worker/evaluate/split.h"

#include "common/check.h"

static bool is_multi(const struct dataset *d, uint32_t order)
{
    return d->line_first[order + 1] - d->line_first[order] >= 2;
}

uint32_t multi_item_orders(const struct dataset *d)
{
    uint32_t n = 0;
    for (uint32_t o = 0; o < d->n_orders; o++)
        n += is_multi(d, o);
    return n;
}

static uint32_t share_of(uint32_t n, double share)
{
    return (uint32_t)(n * share + 1e-6); // 0.8 * 13090 is 10472, whatever binary fractions say
}

static void split_by_date(const struct dataset *d, uint32_t n_train, bool *is_train)
{
    uint32_t multi = 0;
    for (uint32_t o = 0; o < d->n_orders && multi + is_multi(d, o) <= n_train; o++) {
        multi += is_multi(d, o);
        is_train[o] = true;
    }
}

// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

// Of the orders that are multi-item (or that are not): n drawn without replacement, the first steps of Fisher-Yates.
static void draw(const struct dataset *d, bool wants_multi, uint32_t n, uint64_t *random, bool *is_train,
                 struct arena *memory)
{
    uint32_t *orders = ARENA_ARRAY(memory, uint32_t, d->n_orders);
    uint32_t n_orders = 0;
    for (uint32_t o = 0; o < d->n_orders; o++)
        if (is_multi(d, o) == wants_multi)
            orders[n_orders++] = o;
    CHECK(n <= n_orders);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t drawn = i + (uint32_t)((unsigned __int128)next_random(random) * (n_orders - i) >> 64);
        uint32_t moved = orders[i];
        orders[i] = orders[drawn];
        orders[drawn] = moved;
        is_train[orders[i]] = true;
    }
}

static void split_by_chance(const struct dataset *d, const struct split_rules *rules, uint32_t n_multi,
                            uint32_t n_train, bool *is_train, struct arena *memory)
{
    uint64_t random = rules->seed;
    draw(d, true, n_train, &random, is_train, memory);
    draw(d, false, share_of(d->n_orders - n_multi, rules->share), &random, is_train, memory);
}

bool split_orders(const struct dataset *d, const struct split_rules *rules, struct arena *memory, struct split *out,
                  struct err *e)
{
    CHECK(rules->share > 0 && rules->share < 1);
    uint32_t n_multi = multi_item_orders(d), n_train = share_of(n_multi, rules->share);
    if (rules->by == SPLIT_BY_DATE && !d->has_dates)
        return err_set(e, ERR_INPUT, "the orders have no dates: only a random split is possible");
    if (n_multi == 0)
        return err_set(e, ERR_INPUT, "no order has two or more products: there is nothing to predict");
    if (n_multi < SPLIT_MULTI_MIN)
        return err_set(e, ERR_INPUT, "only %u orders have two or more products: a back-test needs at least %d", n_multi,
                       SPLIT_MULTI_MIN);
    n_train = n_train < 1 ? 1 : n_train > n_multi - 1 ? n_multi - 1 : n_train;
    *out = (struct split){.is_train = ARENA_ARRAY(memory, bool, d->n_orders)};
    if (rules->by == SPLIT_BY_DATE)
        split_by_date(d, n_train, out->is_train);
    else
        split_by_chance(d, rules, n_multi, n_train, out->is_train, memory);
    out->n_train = n_train;
    out->n_test = n_multi - n_train;
    return true;
}
