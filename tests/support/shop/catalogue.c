#include "tests/support/shop/catalogue.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "tests/support/shop/plant.h"
#include "worker/dataset/money.h"

const char *const SHOP_SEASON_NAME[SEASONS] = {
    [SEASON_NONE] = "",
    [SEASON_CHRISTMAS] = "Christmas",
    [SEASON_SUMMER] = "Summer",
    [SEASON_HALLOWEEN] = "Halloween",
    [SEASON_VALENTINE] = "Valentine",
};

static const char *const FIRST_WORD[32] = {
    "Harbour", "Meadow",  "Nordic", "Amber", "Willow",   "Copper", "Juniper", "Misty",   "Velvet",  "Cedar", "Coral",
    "Indigo",  "Saffron", "Linen",  "Birch", "Marble",   "Ivory",  "Slate",   "Honey",   "Thistle", "Maple", "Pebble",
    "Lunar",   "Sable",   "Fern",   "Ochre", "Rosewood", "Tidal",  "Alpine",  "Heather", "Opal",    "Café",
};
static const char *const SECOND_WORD[24] = {
    "Classic", "Handmade", "Everyday", "Little", "Grand",  "Studio", "Heritage",  "Organic",
    "Weekend", "Modern",   "Rustic",   "Fine",   "Travel", "Cosy",   "Signature", "Market",
    "Garden",  "Coastal",  "Vintage",  "Pure",   "Craft",  "Bold",   "Soft",      "Double",
};
static const char *const VENDOR[12] = {
    "Harbour & Co", "North Lane", "Studio Fern", "Kind Goods", "Oak & Ember", "Paper Trail",
    "Blue Door",    "Fieldwork",  "Marrow",      "Tern",       "Sunday Club", "Atelier \"Lumen\"",
};

void catalogue_put_price(struct buf *out, const struct shop_plan *plan, int64_t cents)
{
    if (cents != UNKNOWN && !plan->has_no_prices)
        money_print(out, plan->decimals == 3 ? cents * 3 : cents, plan->decimals);
}

// A few hundred at 20,000 lines, tens of thousands at ten million, a dozen at least.
static uint32_t variants_for(const struct shop_plan *plan)
{
    double n = 0.41 * pow((double)plan->lines, 0.695);
    return plan->variants ? plan->variants : n < 12 ? 12 : (uint32_t)n;
}

static uint32_t types_for(uint32_t n_variants)
{
    uint32_t n = n_variants / 10;
    return n < 4 ? 4 : n > SHOP_TYPES ? SHOP_TYPES : n;
}

static uint32_t axis_values(enum shop_axis axis, uint32_t n_max)
{
    uint32_t n = 0;
    while (n < SHOP_AXIS_VALUES && n < n_max && SHOP_AXIS_VALUE[axis][n])
        n++;
    return n;
}

// What people, their tools and those who wish us ill put into titles: cells that spreadsheets would run, markup, SQL,
// format strings, line breaks, another direction, combining marks.
static const char *const HOSTILE[12] = {
    "=1+2",
    "<script>alert(1)</script>",
    "'; drop table orders; --",
    "%s%n%x",
    "two\nlines",
    "a\tb, \"c\"",
    "\xe2\x80\xaeright to left",
    "\xf0\x9f\xa7\xb6\xf0\x9f\x8f\xbd",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
    "Z\xcc\xb6\xcc\x81",
    "\\\"}],\\",
    "@SUM(A1)|cmd",
};

static void product_title(struct shop_product *p, uint32_t number, uint64_t seed)
{
    enum { WORDS = ARRAY_LEN(FIRST_WORD) * ARRAY_LEN(SECOND_WORD), NAMES = 3 * WORDS };
    uint32_t name =
        (uint32_t)((number * 1097u + random_mix(seed) % NAMES) % NAMES); // 1097: prime, every name comes once
    const char *noun = p->type->nouns[p->type->nouns[1] ? name / WORDS : 0];
    const char *season = SHOP_SEASON_NAME[p->season];
    int len = snprintf(p->title, sizeof(p->title), "%s%s%s %s %s", season, *season ? " " : "",
                       FIRST_WORD[name % ARRAY_LEN(FIRST_WORD)],
                       SECOND_WORD[name / ARRAY_LEN(FIRST_WORD) % ARRAY_LEN(SECOND_WORD)], noun);
    if (number >= NAMES)
        snprintf(p->title + len, sizeof(p->title) - (size_t)len, " No. %u", number / NAMES + 1);
}

static void title_make_hostile(struct shop_product *p, uint32_t product)
{
    char plain[sizeof(p->title) / 2];
    snprintf(plain, sizeof(plain), "%.*s", (int)sizeof(plain) - 1, p->title);
    snprintf(p->title, sizeof(p->title), "%s %s", HOSTILE[product % ARRAY_LEN(HOSTILE)], plain);
}

static enum shop_role product_role(uint32_t product, struct random *r)
{
    if (product == 4 || product == 5) // the smallest shop has these two as well
        return product == 4 ? ROLE_SLOW : ROLE_NEW;
    double x = random_unit(r);
    return product < 4 ? ROLE_STEADY
           : x < .12   ? ROLE_SLOW
           : x < .15   ? ROLE_NEW
           : x < .19   ? ROLE_ARCHIVED
           : x < .20   ? ROLE_DRAFT
                       : ROLE_STEADY;
}

static enum shop_season product_season(const struct shop_type *type, struct random *r)
{
    if (!random_chance(r, type->seasonal_share))
        return SEASON_NONE;
    if (type->department == 4) // nobody gardens at Christmas
        return SEASON_SUMMER;
    double x = random_unit(r);
    return x < .55 ? SEASON_CHRISTMAS : x < .75 ? SEASON_SUMMER : x < .88 ? SEASON_HALLOWEEN : SEASON_VALENTINE;
}

static void product_dates(struct shop_product *p, uint32_t product, const struct shop_plan *plan, struct random *r)
{
    int64_t span = plan->end - plan->start;
    p->archived_at = p->role == ROLE_ARCHIVED ? plan->start + span / 2 : INT64_MAX;
    if (p->role == ROLE_NEW)
        p->created_at = plan->end - random_between(r, 5, span > 30 * DAY_S ? 20 : 6) * DAY_S;
    else if (p->role == ROLE_STEADY && product > 0 && random_chance(r, .15)) // the first is always there to be sold
        p->created_at = plan->start + random_between(r, 0, span / 2);
    else
        p->created_at = plan->start - random_between(r, 40, 900) * DAY_S;
}

static void product_make(struct shop_product *p, uint32_t product, uint32_t n_types, const struct shop_plan *plan,
                         struct random *r)
{
    p->type = &SHOP_TYPE[product % n_types];
    p->vendor = VENDOR[random_mix(plan->seed ^ product) % ARRAY_LEN(VENDOR)];
    p->role = product_role(product, r);
    p->season = product == 0 ? SEASON_NONE : product == 7 ? SEASON_SUMMER : product_season(p->type, r);
    product_dates(p, product, plan, r);
    product_title(p, product / n_types, plan->seed ^ (product % n_types));
    if (plan->is_hostile)
        title_make_hostile(p, product);
    p->popularity = 1 / pow(1.5 + random_below(r, 1 + product), .95); // few rank high, most low
    if (p->role == ROLE_NEW)
        p->popularity = fmax(p->popularity, .05);
}

// 12.34 -> 12.49, 12.95 or 12.99, as price tags have it.
static int64_t price_tag(int64_t cents, struct random *r)
{
    static const int64_t ENDINGS[] = {0, 49, 50, 90, 95, 99, 99, 99};
    return cents / 100 * 100 + ENDINGS[random_below(r, ARRAY_LEN(ENDINGS))];
}

static void variant_prices(struct shop_variant *v, const struct shop_product *p, int64_t base, uint32_t nth,
                           struct random *r)
{
    v->price = p->type->axis == AXIS_WEIGHT && nth == 1 ? price_tag(base * 34 / 10, r) : base;
    double margin = p->type->margin_low + (p->type->margin_high - p->type->margin_low) * random_unit(r);
    v->cost = random_chance(r, .85) ? llround((double)v->price * (1 - margin)) : UNKNOWN;
    v->compare_at = random_chance(r, .22) ? price_tag(v->price * random_between(r, 115, 150) / 100, r) : UNKNOWN;
    v->price_before = random_chance(r, .10) ? v->price * 93 / 100 : v->price;
}

static void variant_stock(struct shop_variant *v, const struct shop_product *p, struct random *r)
{
    double x = random_unit(r);
    v->stock[1] = UNKNOWN;
    if (p->role == ROLE_SLOW)
        v->stock[0] = random_between(r, 15, 200);
    else if (x < .05)
        v->stock[0] = UNKNOWN;
    else
        v->stock[0] = x < .11 ? 0 : 3 + (int64_t)(400 * sqrt(p->popularity) * random_unit(r));
    if (v->stock[0] > 20 && random_chance(r, .3)) // a second location
        v->stock[0] -= v->stock[1] = v->stock[0] / 3;
}

// SKUs as real ones are: mostly there, some blank, some the same for all variants of a product.
static void variant_sku(struct shop_variant *v, const struct shop_product *p, uint32_t nth, struct random *r)
{
    bool is_shared = random_mix(v->product ^ 0x5eed) % 50 == 0;
    if (random_chance(r, .03))
        v->sku[0] = '\0';
    else if (p->n_variants == 1 || is_shared)
        snprintf(v->sku, sizeof(v->sku), "%s-%04u", p->type->code, v->product + 1);
    else
        snprintf(v->sku, sizeof(v->sku), "%s-%04u-%u", p->type->code, v->product + 1, nth + 1);
}

static void variants_make(struct catalogue *c, uint32_t product, struct random *r)
{
    static const double SHARE[SHOP_AXIS_VALUES] = {1, .6, .35, .2};
    struct shop_product *p = &c->products[product];
    int64_t low = p->type->price_low, high = p->type->price_high;
    int64_t base = price_tag(low + (int64_t)((double)(high - low) * pow(random_unit(r), 1.5)), r);
    for (uint32_t nth = 0; nth < p->n_variants; nth++) {
        struct shop_variant *v = &c->variants[p->first_variant + nth];
        v->product = product;
        v->title = SHOP_AXIS_VALUE[p->type->axis][nth];
        v->group = NO_GROUP;
        v->weight = p->role == ROLE_DRAFT ? 0 : p->popularity * SHARE[nth] * (p->season == SEASON_NONE ? 1 : 2.5);
        variant_prices(v, p, base, nth, r);
        variant_stock(v, p, r);
        variant_sku(v, p, nth, r);
    }
}

// Slow movers sell about one unit in 60 days, whatever the size of the shop.
static void slow_down(struct catalogue *c, const struct shop_plan *plan)
{
    double total = 0, span_days = (double)(plan->end - plan->start) / DAY_S;
    for (uint32_t i = 0; i < c->n_variants; i++)
        total += c->variants[i].weight;
    double slow = total * 1.2 / ((double)plan->lines * fmin(1, 60 / span_days));
    for (uint32_t i = 0; i < c->n_variants; i++)
        if (c->products[c->variants[i].product].role == ROLE_SLOW)
            c->variants[i].weight = fmin(c->variants[i].weight, slow);
}

static void gift_card_add(struct catalogue *c, const struct shop_plan *plan)
{
    struct shop_product *p = &c->products[c->n_products];
    *p = (struct shop_product){.type = &SHOP_GIFT_CARDS,
                               .vendor = VENDOR[0],
                               .title = "Gift Card",
                               .created_at = plan->start - 400 * DAY_S,
                               .archived_at = INT64_MAX,
                               .popularity = .05,
                               .first_variant = c->n_variants,
                               .n_variants = 1};
    c->variants[c->n_variants] = (struct shop_variant){.product = c->n_products,
                                                       .title = "Default Title",
                                                       .price = 2500,
                                                       .price_before = 2500,
                                                       .compare_at = UNKNOWN,
                                                       .cost = UNKNOWN,
                                                       .stock = {UNKNOWN, UNKNOWN},
                                                       .weight = .05,
                                                       .group = NO_GROUP};
    c->n_products++;
    c->n_variants++;
}

// Ranks in an order of their own, so that neighbours in the catalogue are not neighbours in popularity.
static void rank_by_zipf(struct catalogue *c, const struct shop_plan *plan)
{
    struct random r;
    uint32_t *rank = calloc(c->n_variants, sizeof(*rank));
    CHECK(rank);
    random_init(&r, plan->seed ^ 0x21bf);
    for (uint32_t i = 0; i < c->n_variants; i++) { // shuffled while it grows
        uint32_t other = random_below(&r, i + 1);
        rank[i] = rank[other];
        rank[other] = i;
    }
    for (uint32_t i = 0; i < c->n_variants; i++)
        if (c->variants[i].weight > 0)
            c->variants[i].weight = 1 / pow(1 + rank[i], plan->zipf);
    free(rank);
}

void catalogue_init(struct catalogue *c, const struct shop_plan *plan)
{
    struct random r;
    random_init(&r, plan->seed);
    uint32_t n_max = variants_for(plan), n_types = types_for(n_max), per_product = n_max < 40 ? 1 : SHOP_AXIS_VALUES;
    *c = (struct catalogue){.products = calloc(n_max + 1, sizeof(*c->products)),
                            .variants = calloc(n_max + 1, sizeof(*c->variants))};
    CHECK(c->products && c->variants);
    while (c->n_variants < n_max) {
        uint32_t product = c->n_products++;
        struct shop_product *p = &c->products[product];
        product_make(p, product, n_types, plan, &r);
        uint32_t left = n_max - c->n_variants;
        p->first_variant = c->n_variants;
        p->n_variants = axis_values(p->type->axis, per_product < left ? per_product : left);
        c->n_variants += p->n_variants;
        variants_make(c, product, &r);
    }
    if (n_max >= 40)
        gift_card_add(c, plan);
    if (plan->zipf > 0)
        rank_by_zipf(c, plan);
    plant_groups(c, plan->lines);
    slow_down(c, plan);
}

void catalogue_fini(struct catalogue *c)
{
    free(c->products);
    free(c->variants);
    free(c->groups);
}
