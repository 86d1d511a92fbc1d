#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "common/check.h"
#include "worker/offers/discount.h"
#include "worker/offers/pricing.h"

// Pricing looks at items and averages only: no orders are needed.
struct stall {
    struct item items[8];
    struct dataset data;
    struct market market;
    double type_discount[1];
};

static void stall_open(struct stall *s)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 8; i++) {
        s->items[i] = (struct item){.product = (uint32_t)i, .type_id = ID_NONE, .vendor_id = ID_NONE, .orders = 50};
        s->items[i].price_minor = 1000;
        s->items[i].cost_minor = s->items[i].compare_at_minor = MONEY_UNKNOWN;
        s->items[i].stock = STOCK_UNKNOWN;
    }
    s->data = (struct dataset){.currency = "GBP", .decimals = 2, .has_prices = true, .items = s->items, .n_items = 8};
    s->data.median_price_minor = 1000;
    s->market = (struct market){.data = &s->data, .type_discount = s->type_discount, .own_prior_sales = 5};
}

static struct bundle bundle_of(enum bundle_type type, enum objective o, uint32_t n)
{
    struct bundle b = {.type = type, .objective = o, .n_parts = n};
    for (uint32_t i = 0; i < n; i++)
        b.parts[i] = (struct part){.item = i, .quantity = 1, .role = i ? ROLE_PART : ROLE_ANCHOR};
    for (uint32_t i = 0; i < n && type == TYPE_BXGY; i++)
        b.parts[i].role = i + 1 < n ? ROLE_QUALIFIER : ROLE_REWARD;
    for (uint32_t i = 0; i < n && type == TYPE_MIX_MATCH; i++)
        b.parts[i].role = ROLE_POOL;
    b.pricing.pick_n = type == TYPE_MIX_MATCH ? 2 : 0;
    for (uint32_t k = 0; k < 3 && type == TYPE_VOLUME; k++)
        b.pricing.tiers[b.pricing.n_tiers++].min_quantity = 2 + k;
    return b;
}

static void assert_right(const struct stall *s, const struct offer_rules *r, const struct bundle *b)
{
    struct err e = {0};
    if (!pricing_check(&s->market, r, b, &e))
        fail_msg("%s", e.message);
}

static void fbt_by_hand(void **state)
{
    (void)state;
    struct stall s;
    stall_open(&s);
    s.items[0].price_minor = 1234;
    s.items[1].price_minor = 777;
    struct bundle b = bundle_of(TYPE_FBT, OBJECTIVE_INCREASE_AOV, 2);
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    // typical depth 5 + .4 * 15 = 11 %: 20.11 - floor(2.2121) = 17.90 -> 17.99, saves 2.12
    assert_int_equal(b.pricing.original_minor, 2011);
    assert_int_equal(b.pricing.bundle_minor, 1799);
    assert_int_equal(b.pricing.discount_minor, 212);
    assert_int_equal(b.pricing.discount_bp, 1054);
    assert_int_equal(b.pricing.guards, GUARD_NICE_ENDING);
    // 212 by 1234 : 777 = 130.09 : 81.91
    assert_int_equal(b.parts[0].discount_minor, 130);
    assert_int_equal(b.parts[1].discount_minor, 82);
    assert_right(&s, &OFFER_RULES_DEFAULT, &b);
}

static void guards_in_order(void **state)
{
    (void)state;
    struct stall s;
    stall_open(&s);
    struct offer_rules r = OFFER_RULES_DEFAULT;
    struct bundle b = bundle_of(TYPE_FBT, OBJECTIVE_CLEAR_SLOW_MOVERS, 2);
    s.items[0].flags = s.items[1].flags = ITEM_SLOW_MOVER; // both at 1.4 * 24.25 % = 34 %

    s.items[0].cost_minor = 800; // floors 880 and 770: 3.50 may be given
    s.items[1].cost_minor = 700;
    assert_true(pricing_set(&s.market, &r, &b));
    assert_true(b.pricing.guards & GUARD_COST_FLOOR);
    assert_int_equal(b.pricing.discount_minor, 301); // 16.50 -> 16.99, the ending inside
    assert_true(b.parts[0].discount_minor <= 120 && b.parts[1].discount_minor <= 230);
    assert_right(&s, &r, &b);

    s.items[0].cost_minor = s.items[1].cost_minor = MONEY_UNKNOWN;
    r.discount_max_bp = 2000; // the merchant's cap
    assert_true(pricing_set(&s.market, &r, &b));
    assert_false(b.pricing.guards & GUARD_COST_FLOOR);
    assert_true(b.pricing.guards & GUARD_DISCOUNT_CAP);
    assert_true(b.pricing.discount_minor <= 400);

    r = OFFER_RULES_DEFAULT;
    r.list_floor = 0.90;
    assert_true(pricing_set(&s.market, &r, &b));
    assert_int_equal(b.pricing.guards & ~(unsigned)GUARD_NICE_ENDING, GUARD_LIST_FLOOR);
    assert_true(b.pricing.bundle_minor >= 1800);
}

static void never_below_cost(void **state)
{
    (void)state;
    struct stall s;
    stall_open(&s);
    s.items[1].cost_minor = 950; // 10.45 with the margin: more than its price
    for (enum bundle_type t = 0; t < TYPE_COUNT; t++) {
        struct bundle b = bundle_of(t, OBJECTIVE_INCREASE_AOV, t == TYPE_VOLUME ? 1 : 3);
        if (t == TYPE_VOLUME)
            b.parts[0].item = 1;
        assert_false(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    }
}

static void tiers_by_hand(void **state)
{
    (void)state;
    struct stall s;
    stall_open(&s);
    struct bundle b = bundle_of(TYPE_VOLUME, OBJECTIVE_INCREASE_AOV, 1);
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    // 11 %, twice as much is capped at 20 %, the middle is 15.5 -> 16 %
    assert_int_equal(b.pricing.n_tiers, 3);
    assert_int_equal(b.pricing.tiers[0].discount_bp, 1100);
    assert_int_equal(b.pricing.tiers[1].discount_bp, 1600);
    assert_int_equal(b.pricing.tiers[2].discount_bp, 2000);
    assert_int_equal(b.pricing.tiers[2].unit_price_minor, 800);
    assert_int_equal(b.pricing.original_minor, 2000); // of tier 1
    assert_int_equal(b.pricing.bundle_minor, 1780);
    assert_true(b.pricing.guards & GUARD_DISCOUNT_CAP);
    assert_right(&s, &OFFER_RULES_DEFAULT, &b);

    s.items[0].cost_minor = 760; // floor 8.36: 16 % at most, so the first is 16 / 1.5 -> 11 %
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    assert_int_equal(b.pricing.n_tiers, 3);
    assert_int_equal(b.pricing.tiers[0].unit_price_minor, 890);
    assert_int_equal(b.pricing.tiers[1].unit_price_minor, 870); // 13.3 %
    assert_int_equal(b.pricing.tiers[2].unit_price_minor, 840);
    assert_true(b.pricing.guards & GUARD_COST_FLOOR);

    s.items[0].cost_minor = 850; // floor 9.35: 6 %, and 5 % the least: 5, 5 and 6 %
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    assert_int_equal(b.pricing.n_tiers, 2);
    assert_int_equal(b.pricing.tiers[1].unit_price_minor, 940);
    s.items[0].cost_minor = 860; // floor 9.46: 5 % alone is no scale
    b = bundle_of(TYPE_VOLUME, OBJECTIVE_INCREASE_AOV, 1);
    assert_false(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));

    stall_open(&s); // 12, 19 and 25 % off 8 are 0, 1 and 2: what the orders were counted by is not on offer
    s.market.shop_discount = s.type_discount[0] = s.items[0].discount_mean = 0.068;
    s.items[0].price_minor = 8;
    b = bundle_of(TYPE_VOLUME, OBJECTIVE_SEASONAL_PROMO, 1);
    assert_false(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
}

static void gift_is_free_only_near_the_wanted_depth(void **state)
{
    (void)state;
    struct stall s;
    stall_open(&s);
    s.items[1].price_minor = 250; // a fifth of 12.50
    struct bundle b = bundle_of(TYPE_BXGY, OBJECTIVE_INCREASE_AOV, 2);
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    assert_int_equal(b.pricing.get_discount_bp, 10000);
    assert_int_equal(b.pricing.discount_minor, 250);
    assert_int_equal(b.parts[0].discount_minor, 0);
    assert_right(&s, &OFFER_RULES_DEFAULT, &b);

    s.items[1].price_minor = 1000; // half of 20.00: 30 % of it are 15 % of all, 1.5 times the 11 % wanted is 16.5 %
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    assert_int_equal(b.pricing.get_discount_bp, 3000);
    assert_int_equal(b.pricing.guards, 0);
    assert_right(&s, &OFFER_RULES_DEFAULT, &b);

    // clear_slow_movers takes 24.25 / 2 + 3 / 2 = 13.6 %, half of that on others than its anchors: 8 %, and so 12 % at
    // most; a cap of 40 % is no reason to give away 36 %
    s.market.shop_discount = s.type_discount[0] = 0.03;
    s.items[1].price_minor = 560;
    b = bundle_of(TYPE_BXGY, OBJECTIVE_CLEAR_SLOW_MOVERS, 2);
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    assert_in_range(b.pricing.discount_bp, 500, 1200);
    assert_right(&s, &OFFER_RULES_DEFAULT, &b);
}

static void gift_is_no_loss(void **state)
{
    (void)state;
    struct stall s;
    stall_open(&s);
    s.items[0].cost_minor = 850; // floor 9.35: the sale can give 0.65 + 0.03
    s.items[1].price_minor = 250;
    s.items[1].cost_minor = 200; // floor 2.20: 0.30 more
    struct bundle b = bundle_of(TYPE_BXGY, OBJECTIVE_INCREASE_AOV, 2);
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    assert_true(b.pricing.discount_minor <= 95);
    assert_true(b.pricing.guards & GUARD_COST_FLOOR);
    assert_right(&s, &OFFER_RULES_DEFAULT, &b);
}

static void mix_counts_the_cheapest(void **state)
{
    (void)state;
    struct stall s;
    stall_open(&s);
    s.items[0].price_minor = 900;
    s.items[1].price_minor = 700;
    s.items[2].price_minor = 800;
    struct bundle b = bundle_of(TYPE_MIX_MATCH, OBJECTIVE_INCREASE_AOV, 3);
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    assert_int_equal(b.pricing.original_minor, 1500);
    assert_int_equal(b.pricing.discount_minor, 77 + 88); // 11 %
    assert_int_equal(b.parts[0].discount_minor, 99);
    assert_right(&s, &OFFER_RULES_DEFAULT, &b);
}

static void kit_has_a_round_price(void **state)
{
    (void)state;
    struct stall s;
    stall_open(&s);
    struct bundle b = bundle_of(TYPE_FIXED, OBJECTIVE_INCREASE_AOV, 3);
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    assert_int_equal(b.pricing.bundle_minor, 2600); // 12 % off 30.00 is 26.40
    assert_right(&s, &OFFER_RULES_DEFAULT, &b);
}

static void small_uploads_are_linear(void **state)
{
    (void)state;
    struct stall s;
    stall_open(&s);
    s.market.is_small = true;
    assert_true(fabs(discount_linear(OBJECTIVE_INCREASE_AOV, 2) - 0.0875) < 1e-12); // 5 + 1/4 * 15
    assert_true(fabs(discount_linear(OBJECTIVE_INCREASE_AOV, 9) - 0.20) < 1e-12);
    struct bundle b = bundle_of(TYPE_FBT, OBJECTIVE_INCREASE_AOV, 2);
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
    assert_int_equal(b.pricing.method, PRICE_LINEAR);
    assert_int_equal(b.pricing.bundle_minor, 1799); // 9 % off 20.00 is 18.20
}

static void without_prices_percentages_speak(void **state)
{
    (void)state;
    struct stall s;
    stall_open(&s);
    s.data.has_prices = false;
    s.data.currency[0] = '\0';
    for (int i = 0; i < 8; i++)
        s.items[i].price_minor = MONEY_UNKNOWN;
    for (enum objective o = 0; o < OBJECTIVE_COUNT; o++) {
        for (enum bundle_type t = 0; t < TYPE_COUNT; t++) {
            struct bundle b = bundle_of(t, o, t == TYPE_VOLUME ? 1 : t == TYPE_FBT || t == TYPE_BXGY ? 2 : 3);
            assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &b));
            assert_true(b.pricing.original_minor == MONEY_UNKNOWN && b.pricing.bundle_minor == MONEY_UNKNOWN);
            assert_true(b.pricing.discount_bp > 0);
            assert_right(&s, &OFFER_RULES_DEFAULT, &b);
        }
    }
}

// --- random shops

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint32_t below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(next_random(state) % n);
}

// Prices of all sizes, from one minor unit to the largest that an upload may hold; costs up to above the price.
static int64_t random_price(uint64_t *seed)
{
    static const int64_t UP_TO[] = {1, 3, 30, 3000, 500000, INT64_C(1000000000000), MONEY_MAX};
    int64_t most = UP_TO[below(seed, ARRAY_LEN(UP_TO))];
    return 1 + (int64_t)(next_random(seed) % (uint64_t)most);
}

static int64_t random_cost(int64_t price, uint64_t *seed)
{
    switch (below(seed, 8)) {
    case 0: // even with its price, or above it
        return price + (int64_t)(next_random(seed) % (uint64_t)price);
    case 1:
    case 2:
    case 3:
        return 1 + (int64_t)(next_random(seed) % (uint64_t)price);
    default:
        return MONEY_UNKNOWN;
    }
}

static void randomise(struct stall *s, uint64_t *seed)
{
    static const unsigned DECIMALS[] = {0, 2, 3}; // JPY, GBP, KWD
    int64_t level = random_price(seed);
    stall_open(s);
    s->data.decimals = DECIMALS[below(seed, 3)];
    s->market.is_small = below(seed, 4) == 0;
    s->market.shop_discount = below(seed, 2) ? below(seed, 40) / 100.0 : 0;
    for (int i = 0; i < 8; i++) {
        struct item *it = &s->items[i];
        it->price_minor = below(seed, 4) ? 1 + level / (1 + below(seed, 5)) : random_price(seed);
        it->cost_minor = random_cost(it->price_minor, seed);
        it->orders = it->sales = below(seed, 60);
        it->discount_mean = below(seed, 60) / 100.0;
        it->flags = below(seed, 16);
        it->margin = below(seed, 100) / 100.0;
    }
}

static void random_rules(struct offer_rules *r, uint64_t *seed)
{
    *r = OFFER_RULES_DEFAULT;
    if (below(seed, 3) == 0)
        r->discount_max_bp = 100 + below(seed, 4000);
    if (below(seed, 3) == 0)
        r->list_floor = 0.3 + below(seed, 70) / 100.0;
    if (below(seed, 3) == 0)
        r->margin_floor = below(seed, 100) / 100.0;
}

static struct bundle random_bundle(uint64_t *seed)
{
    enum bundle_type t = (enum bundle_type)below(seed, TYPE_COUNT);
    uint32_t least = t == TYPE_FBT || t == TYPE_BXGY ? 2 : 3, n = t == TYPE_VOLUME ? 1 : least + below(seed, 3);
    struct bundle b = bundle_of(t, (enum objective)below(seed, OBJECTIVE_COUNT), t == TYPE_FBT && n > 4 ? 4 : n);
    for (uint32_t i = 0; i < b.n_parts && t != TYPE_MIX_MATCH; i++)
        b.parts[i].quantity = 1 + below(seed, 3);
    for (uint32_t k = 0; k < b.pricing.n_tiers; k++)
        b.pricing.tiers[k].min_quantity = (k ? b.pricing.tiers[k - 1].min_quantity : 1) + 1 + below(seed, 40);
    if (t == TYPE_MIX_MATCH && b.n_parts > 3)
        b.pricing.pick_n = 2 + below(seed, 2);
    return b;
}

// --- what a price must satisfy, from SPEC 9 alone

struct limits {
    int64_t min_bp, cap_bp, list_bp, margin_bp;
};

static struct limits limits_of(const struct offer_rules *r, enum objective o)
{
    struct limits x = {.list_bp = lround(r->list_floor * 10000), .margin_bp = lround(r->margin_floor * 10000)};
    int64_t min_bp = objective_row(o)->discount_min_pct * 100, cap_bp = objective_row(o)->discount_max_pct * 100;
    x.cap_bp = cap_bp < (int64_t)r->discount_max_bp ? cap_bp : r->discount_max_bp;
    x.min_bp = min_bp < 300 ? 300 : min_bp;
    x.min_bp = x.min_bp < x.cap_bp ? x.min_bp : x.cap_bp;
    return x;
}

// What `quantity` pieces of an item must bring, in hundredths of a per cent of a minor unit.
static __int128 cost_floor(const struct stall *s, const struct limits *x, uint32_t item, int64_t quantity)
{
    int64_t cost = s->items[item].cost_minor;
    return cost == MONEY_UNKNOWN ? 0 : (__int128)cost * quantity * (10000 + x->margin_bp);
}

static void assert_discount(const struct limits *x, int64_t price, int64_t discount)
{
    assert_true(discount >= 0);
    assert_true((__int128)discount * 10000 <= (__int128)price * x->cap_bp);
    assert_true((__int128)(price - discount) * 10000 >= (__int128)price * x->list_bp);
}

static void assert_lines(const struct stall *s, const struct limits *x, const struct bundle *b)
{
    __int128 floors = 0;
    int64_t original = 0, discount = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        int64_t line = s->items[p->item].price_minor * p->quantity;
        assert_int_equal(p->price_minor, s->items[p->item].price_minor);
        original += line;
        discount += p->discount_minor;
        floors += cost_floor(s, x, p->item, p->quantity);
        assert_in_range(p->discount_minor, 0, line);
        if (b->type == TYPE_BXGY)
            continue;
        assert_true((__int128)(line - p->discount_minor) * 10000 >= cost_floor(s, x, p->item, p->quantity));
        assert_true((__int128)(line - p->discount_minor) * 10000 >= (__int128)line * x->list_bp);
    }
    assert_int_equal(b->pricing.original_minor, original);
    assert_int_equal(b->pricing.discount_minor, discount);
    assert_true((__int128)(original - discount) * 10000 >= floors);
}

static void assert_tiers(const struct stall *s, const struct limits *x, const struct bundle *b)
{
    int64_t price = s->items[0].price_minor, last_price = price, last_bp = 0;
    assert_in_range(b->pricing.n_tiers, 2, 3);
    for (uint32_t k = 0; k < b->pricing.n_tiers; k++) {
        const struct tier *t = &b->pricing.tiers[k];
        assert_true(t->unit_price_minor < last_price && t->discount_bp > last_bp);
        assert_int_equal(t->unit_price_minor, price - (int64_t)((__int128)price * t->discount_bp / 10000));
        assert_discount(x, price, price - t->unit_price_minor);
        assert_true((__int128)t->unit_price_minor * 10000 >= cost_floor(s, x, b->parts[0].item, 1));
        last_price = t->unit_price_minor;
        last_bp = t->discount_bp;
    }
}

// Whatever the shopper picks, and what the totals say: the cheapest choice.
static void assert_every_choice(const struct stall *s, const struct limits *x, const struct bundle *b)
{
    int64_t cheapest = INT64_MAX, its_discount = 0;
    for (unsigned choice = 0; choice < 1u << b->n_parts; choice++) {
        __int128 floors = 0;
        int64_t original = 0, discount = 0;
        if ((uint32_t)__builtin_popcount(choice) != b->pricing.pick_n)
            continue;
        for (uint32_t i = 0; i < b->n_parts; i++) {
            if (!(choice & 1u << i))
                continue;
            original += b->parts[i].price_minor;
            discount += b->parts[i].discount_minor;
            floors += cost_floor(s, x, b->parts[i].item, 1);
        }
        assert_discount(x, original, discount);
        assert_true((__int128)(original - discount) * 10000 >= floors);
        if (original < cheapest) {
            cheapest = original;
            its_discount = discount;
        }
    }
    assert_int_equal(b->pricing.original_minor, cheapest);
    assert_int_equal(b->pricing.discount_minor, its_discount);
}

static void assert_reward(const struct bundle *b)
{
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct part *p = &b->parts[i];
        int64_t one = (int64_t)((__int128)p->price_minor * b->pricing.get_discount_bp / 10000);
        assert_int_equal(p->discount_minor, p->role == ROLE_REWARD ? one * p->quantity : 0);
    }
}

static void assert_sound(const struct stall *s, const struct offer_rules *r, const struct bundle *b)
{
    struct limits x = limits_of(r, b->objective);
    assert_true(b->pricing.discount_minor > 0);
    assert_int_equal(b->pricing.bundle_minor, b->pricing.original_minor - b->pricing.discount_minor);
    assert_discount(&x, b->pricing.original_minor, b->pricing.discount_minor);
    if (b->type == TYPE_MIX_MATCH)
        assert_every_choice(s, &x, b);
    else
        assert_lines(s, &x, b);
    if (b->type == TYPE_VOLUME)
        assert_tiers(s, &x, b);
    if (b->type == TYPE_BXGY)
        assert_reward(b);
    if (b->type == TYPE_FBT || b->type == TYPE_FIXED || b->type == TYPE_BXGY)
        assert_true((__int128)b->pricing.discount_minor * 10000 >= (__int128)b->pricing.original_minor * x.min_bp);
}

// The largest discount of a set by brute force over its lines; what is not offered could not have been.
static bool could_set_be_sold(const struct stall *s, const struct offer_rules *r, const struct bundle *b)
{
    struct limits x = limits_of(r, b->objective);
    int64_t original = 0, lines = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        int64_t line = s->items[b->parts[i].item].price_minor * b->parts[i].quantity;
        __int128 least = cost_floor(s, &x, b->parts[i].item, b->parts[i].quantity);
        if (least > (__int128)line * 10000)
            return false;
        // a piece's floor is a whole minor unit
        int64_t one = (int64_t)((cost_floor(s, &x, b->parts[i].item, 1) + 9999) / 10000);
        int64_t by_cost = line - one * b->parts[i].quantity;
        int64_t by_list = (int64_t)((__int128)line * (10000 - x.list_bp) / 10000);
        original += line;
        lines += by_cost < by_list ? by_cost : by_list;
    }
    int64_t by_cap = (int64_t)((__int128)original * x.cap_bp / 10000);
    int64_t most = lines < by_cap ? lines : by_cap;
    return most > 0 && (__int128)most * 10000 >= (__int128)original * x.min_bp;
}

static void guards_hold_in_random_shops(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    unsigned sold[TYPE_COUNT] = {0}, guarded[4] = {0};
    for (int round = 0; round < 30000; round++) {
        struct stall s;
        struct offer_rules r;
        randomise(&s, &seed);
        random_rules(&r, &seed);
        struct bundle b = random_bundle(&seed);
        uint32_t first_quantity = b.pricing.tiers[0].min_quantity;
        bool is_sold = pricing_set(&s.market, &r, &b);
        if (b.type == TYPE_FBT || b.type == TYPE_FIXED)
            assert_int_equal(is_sold, could_set_be_sold(&s, &r, &b));
        if (!is_sold)
            continue;
        sold[b.type]++;
        assert_int_equal(b.pricing.tiers[0].min_quantity, first_quantity);
        for (unsigned g = 0; g < 4; g++)
            guarded[g] += (b.pricing.guards & 1u << g) != 0;
        assert_sound(&s, &r, &b);
        assert_right(&s, &r, &b);
    }
    for (enum bundle_type t = 0; t < TYPE_COUNT; t++)
        assert_true(sold[t] > 500);
    for (unsigned g = 0; g < 4; g++)
        assert_true(guarded[g] > 200);
}

static void check_sees_what_is_wrong(void **state)
{
    (void)state;
    struct stall s;
    struct err e;
    stall_open(&s);
    struct bundle good = bundle_of(TYPE_FBT, OBJECTIVE_INCREASE_AOV, 2), bad;
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &good));
    bad = good;
    bad.parts[0].discount_minor++;
    assert_false(pricing_check(&s.market, &OFFER_RULES_DEFAULT, &bad, &e));
    bad = good;
    bad.pricing.bundle_minor--;
    assert_false(pricing_check(&s.market, &OFFER_RULES_DEFAULT, &bad, &e));
    bad = good;
    bad.objective = OBJECTIVE_MARGIN_GUARD; // 10 % at most
    assert_false(pricing_check(&s.market, &OFFER_RULES_DEFAULT, &bad, &e));
    s.items[0].cost_minor = 990;
    assert_false(pricing_check(&s.market, &OFFER_RULES_DEFAULT, &good, &e));
    s.items[0].cost_minor = MONEY_UNKNOWN;
    good = bundle_of(TYPE_MIX_MATCH, OBJECTIVE_INCREASE_AOV, 3);
    assert_true(pricing_set(&s.market, &OFFER_RULES_DEFAULT, &good));
    assert_right(&s, &OFFER_RULES_DEFAULT, &good);
    good.parts[2].discount_minor = 900; // not among the cheapest, but a choice
    assert_false(pricing_check(&s.market, &OFFER_RULES_DEFAULT, &good, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fbt_by_hand),
        cmocka_unit_test(guards_in_order),
        cmocka_unit_test(never_below_cost),
        cmocka_unit_test(tiers_by_hand),
        cmocka_unit_test(gift_is_free_only_near_the_wanted_depth),
        cmocka_unit_test(gift_is_no_loss),
        cmocka_unit_test(mix_counts_the_cheapest),
        cmocka_unit_test(kit_has_a_round_price),
        cmocka_unit_test(small_uploads_are_linear),
        cmocka_unit_test(without_prices_percentages_speak),
        cmocka_unit_test(guards_hold_in_random_shops),
        cmocka_unit_test(check_sees_what_is_wrong),
    };
    return cmocka_run_group_tests_name("pricing", tests, NULL, NULL);
}
