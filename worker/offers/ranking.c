#include "worker/offers/ranking.h"

#include <math.h>

#include "common/check.h"
#include "worker/mining/exact_math.h"
#include "worker/offers/association.h"
#include "worker/offers/coverage.h"
#include "worker/offers/objectives.h"

#define LOG10_2 0.30102999566398120
#define PRICE_ELASTICITY 2.62
#define LIFT_PRIOR_ORDERS 10.0
#define CONFIDENCE_PRIOR_ORDERS 5.0
#define DIMINISH 0.9 // for each bundle of the same objective and type that is in the list already
#define STOCK_DAYS 60.0
#define PIN_BONUS 1.0 // no score is higher

// --- features of one bundle

static double clamp01(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

// How long the stock of the scarcest part lasts at its pace, up to STOCK_DAYS; for slow movers more to clear is better.
static double inventory_of(const struct market *m, const struct bundle *b)
{
    double least = 1;
    bool is_known = false;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct item *it = &m->data->items[b->parts[i].item];
        if (it->stock == STOCK_UNKNOWN)
            continue;
        is_known = true;
        double days = (it->stock > 0 ? it->stock : 0) / (it->velocity + 0.05);
        least = fmin(least, days / STOCK_DAYS);
    }
    return is_known ? clamp01(least) : 0.5;
}

// Sets of like prices are sane, a 3-unit trinket beside a 300-unit machine is not. One product is as sane as its guards
// left it.
static double price_sanity_of(const struct bundle *b)
{
    double low = INFINITY, high = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (b->parts[i].price_minor <= 0)
            return 0.5;
        low = fmin(low, (double)b->parts[i].price_minor);
        high = fmax(high, (double)b->parts[i].price_minor);
    }
    double sanity = 1 - exact_log2(high / low) * LOG10_2 / 2;
    return clamp01(b->pricing.guards & (GUARD_COST_FLOOR | GUARD_LIST_FLOOR) ? sanity - 0.25 : sanity);
}

static double predicted_lift_of(const struct bundle *b)
{
    double discount = b->pricing.discount_bp / 10000.0, t = b->orders_together;
    return PRICE_ELASTICITY * discount * (1 - clamp01(b->confidence)) * t / (t + LIFT_PRIOR_ORDERS);
}

void ranking_features(const struct market *m, struct bundle *b)
{
    b->fit = objective_fit(m, b);
    b->inventory = inventory_of(m, b);
    b->price_sanity = price_sanity_of(b);
    b->novelty = 1;
    b->predicted_lift = predicted_lift_of(b);
}

// --- identity

struct identity_part {
    uint32_t item, quantity;
    bool is_reward;
};

static uint32_t sorted_parts(const struct bundle *b, struct identity_part *out)
{
    for (uint32_t i = 0; i < b->n_parts; i++) {
        struct identity_part p = {b->parts[i].item, b->parts[i].quantity, b->parts[i].role == ROLE_REWARD};
        uint32_t at = i;
        for (; at > 0 && out[at - 1].item > p.item; at--)
            out[at] = out[at - 1];
        out[at] = p;
    }
    return b->n_parts;
}

static int compare_u32(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_structure(const struct pricing *a, const struct pricing *b)
{
    int c = compare_u32(a->pick_n, b->pick_n);
    c = c ? c : compare_u32(a->buy_quantity, b->buy_quantity);
    c = c ? c : compare_u32(a->get_quantity, b->get_quantity);
    c = c ? c : compare_u32(a->n_tiers, b->n_tiers);
    for (uint32_t k = 0; c == 0 && k < a->n_tiers; k++)
        c = compare_u32(a->tiers[k].min_quantity, b->tiers[k].min_quantity);
    return c;
}

int ranking_compare_identity(const struct bundle *a, const struct bundle *b)
{
    struct identity_part x[PARTS_MAX], y[PARTS_MAX];
    int c = compare_u32(a->type, b->type);
    c = c ? c : compare_u32(a->n_parts, b->n_parts);
    if (c)
        return c;
    uint32_t n = sorted_parts(a, x);
    sorted_parts(b, y);
    for (uint32_t i = 0; c == 0 && i < n; i++) {
        c = compare_u32(x[i].item, y[i].item);
        c = c ? c : compare_u32(x[i].is_reward, y[i].is_reward);
        c = c ? c : compare_u32(x[i].quantity, y[i].quantity);
    }
    return c ? c : compare_structure(&a->pricing, &b->pricing);
}

// --- room for products

// The shopper picks from a pool: it does not sell any two products together.
static bool sells_together(const struct bundle *b)
{
    return b->type != TYPE_MIX_MATCH;
}

static bool holds_product(const struct market *m, const struct bundle *b, uint32_t product)
{
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (m->data->items[b->parts[i].item].product == product)
            return true;
    }
    return false;
}

static bool is_of_one_product(const struct market *m, const struct bundle *b)
{
    uint32_t product = m->data->items[b->parts[0].item].product;
    for (uint32_t i = 1; i < b->n_parts; i++) {
        if (m->data->items[b->parts[i].item].product != product)
            return false;
    }
    return true;
}

static uint32_t count_with_both(const struct market *m, const struct bundle_list *list, uint32_t a, uint32_t b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->n; i++)
        n += sells_together(&list->bundles[i]) && holds_product(m, &list->bundles[i], a) &&
             holds_product(m, &list->bundles[i], b);
    return n;
}

// A product by itself (tiers, a pool of its variants) is a pair with itself, counted within the type.
static uint32_t count_of_one_product(const struct market *m, const struct bundle_list *list, const struct bundle *b)
{
    uint32_t n = 0, product = m->data->items[b->parts[0].item].product;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct bundle *x = &list->bundles[i];
        n += x->type == b->type && is_of_one_product(m, x) && holds_product(m, x, product);
    }
    return n;
}

// Two pools that share more than half of the smaller one are one pool to a shopper.
bool ranking_is_like_pool(const struct bundle *a, const struct bundle *b)
{
    uint32_t shared = 0, smaller = a->n_parts < b->n_parts ? a->n_parts : b->n_parts;
    for (uint32_t i = 0; i < a->n_parts; i++) {
        for (uint32_t k = 0; k < b->n_parts; k++)
            shared += a->parts[i].item == b->parts[k].item;
    }
    return a->type == TYPE_MIX_MATCH && b->type == TYPE_MIX_MATCH && 2 * shared > smaller;
}

static bool has_like_pool(const struct bundle_list *list, const struct bundle *b)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (ranking_is_like_pool(&list->bundles[i], b))
            return true;
    }
    return false;
}

bool ranking_has_room(const struct market *m, const struct offer_rules *r, const struct bundle_list *list,
                      const struct bundle *b)
{
    const struct item *items = m->data->items;
    if (is_of_one_product(m, b))
        return count_of_one_product(m, list, b) < r->per_products_max;
    if (b->type == TYPE_MIX_MATCH)
        return !has_like_pool(list, b);
    for (uint32_t i = 0; i < b->n_parts; i++) {
        for (uint32_t k = i + 1; k < b->n_parts; k++) {
            uint32_t x = items[b->parts[i].item].product, y = items[b->parts[k].item].product;
            if (x != y && count_with_both(m, list, x, y) >= r->per_products_max)
                return false;
        }
    }
    return true;
}

// --- the pick

struct contest {
    const struct market *market;
    const struct offer_rules *rules;
    struct bundle_list *pool;
    struct coverage coverage;
    double reach_most[TYPE_COUNT]; // of a single bundle
    double *worth;                 // weighted features, before penalty, coverage and diminishing
    double *bound;                 // the score when last looked at: scores only fall
    uint32_t *heap, n_heap;        // those still to be picked, best bound first
    uint32_t *anchored;            // per item: bundles in the list with it in front
    uint32_t taken[OBJECTIVE_COUNT][TYPE_COUNT];
};

static bool has_lift(enum bundle_type t)
{
    return t == TYPE_FBT || t == TYPE_BXGY || t == TYPE_FIXED;
}

static double raw_confidence(const struct bundle *b)
{
    return b->orders_together / (b->orders_base + CONFIDENCE_PRIOR_ORDERS);
}

static double raw_lift(const struct bundle *b)
{
    if (!has_lift(b->type) || b->orders_together == 0)
        return 0;
    double log_lift = exact_log2((b->orders_together + ASSOCIATION_SHRINK) / (b->expected + ASSOCIATION_SHRINK));
    double credibility = b->orders_together / (b->orders_together + CONFIDENCE_PRIOR_ORDERS);
    return log_lift > 0 ? log_lift * credibility : 0;
}

// Confidences of an FBT and of tiers are different things: each type is normalised by its best.
static void weigh(struct contest *c)
{
    double most_confidence[TYPE_COUNT] = {0}, most_lift[TYPE_COUNT] = {0};
    for (uint32_t i = 0; i < c->pool->n; i++) {
        const struct bundle *b = &c->pool->bundles[i];
        most_confidence[b->type] = fmax(most_confidence[b->type], raw_confidence(b));
        most_lift[b->type] = fmax(most_lift[b->type], raw_lift(b));
    }
    bool is_budget_short = c->pool->n > c->rules->bundles_max;
    for (uint32_t i = 0; i < c->pool->n; i++) {
        const struct bundle *b = &c->pool->bundles[i];
        const struct objective_row *row = objective_row(b->objective);
        const struct rank_weights *w = &row->weights;
        double confidence = most_confidence[b->type] > 0 ? raw_confidence(b) / most_confidence[b->type] : 0;
        double lift = most_lift[b->type] > 0 ? raw_lift(b) / most_lift[b->type] : 0;
        if (!has_lift(b->type))
            lift = confidence; // its own share of the orders is all that speaks for it
        c->worth[i] = w->confidence * confidence + w->lift * lift + w->fit * b->fit + w->inventory * b->inventory +
                      w->price_sanity * b->price_sanity;
        if (is_budget_short)
            c->worth[i] *= row->priority / 1.3;
    }
}

// The share of orders newly reached, beside the best there was; its root, since one order in twenty is not nothing.
static double reach_now(const struct contest *c, uint32_t i)
{
    double most = c->reach_most[c->pool->bundles[i].type];
    return most > 0 ? sqrt((double)coverage_gain(&c->coverage, i) / most) : 0;
}

static double diminish(uint32_t taken)
{
    double factor = 1;
    for (uint32_t k = 0; k < taken; k++)
        factor *= DIMINISH;
    return factor;
}

static double score_now(const struct contest *c, uint32_t i, double *novelty)
{
    const struct bundle *b = &c->pool->bundles[i];
    *novelty = 1.0 / (1 + c->anchored[b->parts[0].item]);
    double penalty = objective_row(b->objective)->weights.novelty_penalty * (1 - *novelty);
    double own = c->worth[i] > penalty ? c->worth[i] - penalty : 0, share = c->rules->coverage_weight;
    double score = ((1 - share) * own + share * reach_now(c, i)) * diminish(c->taken[b->objective][b->type]);
    bool is_first_of_pin = c->anchored[b->parts[0].item] == 0 && item_is_pinned(c->rules, b->parts[0].item);
    return score + (is_first_of_pin ? PIN_BONUS : 0);
}

static bool is_ahead(const struct contest *c, uint32_t a, uint32_t b)
{
    if (c->bound[a] < c->bound[b] || c->bound[a] > c->bound[b])
        return c->bound[a] > c->bound[b];
    int order = ranking_compare_identity(&c->pool->bundles[a], &c->pool->bundles[b]);
    return order ? order < 0 : a < b;
}

static void sift_down(struct contest *c, uint32_t at)
{
    for (uint32_t child; (child = 2 * at + 1) < c->n_heap; at = child) {
        child += child + 1 < c->n_heap && is_ahead(c, c->heap[child + 1], c->heap[child]);
        if (is_ahead(c, c->heap[at], c->heap[child]))
            return;
        uint32_t moved = c->heap[at];
        c->heap[at] = c->heap[child];
        c->heap[child] = moved;
    }
}

// Lazy greedy (Minoux 1978): whoever is first by an old score, and still is by the new one, is the best.
static uint32_t take_best(struct contest *c)
{
    while (c->n_heap > 0) {
        uint32_t best = c->heap[0];
        double novelty, score = score_now(c, best, &novelty);
        bool is_best = score >= c->bound[best];
        c->bound[best] = score;
        if (is_best)
            c->heap[0] = c->heap[--c->n_heap];
        sift_down(c, 0);
        if (is_best)
            return best;
    }
    return UINT32_MAX;
}

static bool is_within_caps(const struct contest *c, const struct bundle_list *out, const struct bundle *b)
{
    return out->n < c->rules->bundles_max && c->taken[b->objective][b->type] < c->rules->per_pair_max &&
           ranking_has_room(c->market, c->rules, out, b);
}

static void take(struct contest *c, uint32_t i, struct bundle_list *out)
{
    struct bundle *b = &out->bundles[out->n];
    *b = c->pool->bundles[i];
    b->ranking_score = score_now(c, i, &b->novelty);
    b->rank = ++out->n;
    c->taken[b->objective][b->type]++;
    c->anchored[b->parts[0].item]++;
    coverage_take(&c->coverage, i);
}

static void start(struct contest *c)
{
    double novelty;
    weigh(c);
    for (uint32_t i = 0; i < c->pool->n; i++) {
        double *most = &c->reach_most[c->pool->bundles[i].type];
        *most = fmax(*most, (double)coverage_gain(&c->coverage, i));
    }
    for (uint32_t i = 0; i < c->pool->n; i++)
        c->bound[i] = score_now(c, i, &novelty);
    for (c->n_heap = 0; c->n_heap < c->pool->n; c->n_heap++)
        c->heap[c->n_heap] = c->n_heap;
    for (uint32_t i = c->n_heap / 2; i-- > 0;)
        sift_down(c, i);
}

uint32_t ranking_pick(const struct market *m, const struct offer_rules *r, struct bundle_list *pool,
                      struct arena *memory, struct bundle_list *out)
{
    struct contest c = {.market = m, .rules = r, .pool = pool};
    uint32_t over_cap = 0, best;
    c.worth = ARENA_ARRAY(memory, double, pool->n + 1);
    c.bound = ARENA_ARRAY(memory, double, pool->n + 1);
    c.heap = ARENA_ARRAY(memory, uint32_t, pool->n + 1);
    c.anchored = ARENA_ARRAY(memory, uint32_t, m->data->n_items + 1);
    uint32_t n_max = pool->n < r->bundles_max ? pool->n : r->bundles_max;
    *out = (struct bundle_list){.bundles = ARENA_ARRAY(memory, struct bundle, n_max + 1)};
    coverage_init(&c.coverage, m, pool, memory);
    start(&c);
    while (out->n < r->bundles_max && (best = take_best(&c)) != UINT32_MAX) {
        if (is_within_caps(&c, out, &pool->bundles[best]))
            take(&c, best, out);
        else
            over_cap++;
    }
    return over_cap + c.n_heap;
}
