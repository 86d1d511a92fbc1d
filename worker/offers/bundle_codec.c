#include "worker/offers/bundle.h"

#include <math.h>

#include "common/mp.h"
#include "worker/dataset/dataset.h"

// One bundle is an array of these, in this order.
enum { FIELD_HEAD, FIELD_PARTS, FIELD_PRICING, FIELD_TIERS, FIELD_COUNTS, FIELD_REALS, FIELDS };
enum { HEAD_FIELDS = 5, PART_FIELDS = 5, PRICING_FIELDS = 10, TIER_FIELDS = 3, COUNT_FIELDS = 7, REAL_FIELDS = 12 };

static void put_money(struct buf *b, int64_t amount)
{
    if (amount == MONEY_UNKNOWN)
        mp_put_nil(b);
    else
        mp_put_int(b, amount);
}

static void put_parts(const struct bundle *x, struct buf *out)
{
    mp_put_array(out, x->n_parts);
    for (uint32_t i = 0; i < x->n_parts; i++) {
        const struct part *p = &x->parts[i];
        mp_put_array(out, PART_FIELDS);
        mp_put_int(out, p->item);
        mp_put_int(out, p->quantity);
        mp_put_int(out, p->role);
        put_money(out, p->price_minor);
        mp_put_int(out, p->discount_minor);
    }
}

static void put_pricing(const struct pricing *p, struct buf *out)
{
    mp_put_array(out, PRICING_FIELDS);
    put_money(out, p->original_minor);
    put_money(out, p->bundle_minor);
    put_money(out, p->discount_minor);
    mp_put_int(out, p->discount_bp);
    mp_put_int(out, p->method);
    mp_put_int(out, p->guards);
    mp_put_int(out, p->buy_quantity);
    mp_put_int(out, p->get_quantity);
    mp_put_int(out, p->get_discount_bp);
    mp_put_int(out, p->pick_n);
    mp_put_array(out, p->n_tiers);
    for (uint32_t k = 0; k < p->n_tiers; k++) {
        mp_put_array(out, TIER_FIELDS);
        mp_put_int(out, p->tiers[k].min_quantity);
        mp_put_int(out, p->tiers[k].discount_bp);
        put_money(out, p->tiers[k].unit_price_minor);
    }
}

static void put_evidence(const struct bundle *x, struct buf *out)
{
    const double reals[REAL_FIELDS] = {
        x->expected,  x->support,      x->confidence, x->lift,           x->strength,      x->fit,
        x->inventory, x->price_sanity, x->novelty,    x->predicted_lift, x->ranking_score, x->newest_expected};
    mp_put_array(out, COUNT_FIELDS);
    mp_put_int(out, x->orders_together);
    mp_put_int(out, x->orders_base);
    mp_put_int(out, x->orders_total);
    mp_put_int(out, x->orders_recent);
    mp_put_int(out, x->newest_together);
    mp_put_int(out, x->newest_base);
    mp_put_int(out, x->confirmation);
    mp_put_array(out, REAL_FIELDS);
    for (size_t k = 0; k < REAL_FIELDS; k++)
        mp_put_real(out, reals[k]);
}

void bundles_encode(const struct bundle_list *list, struct buf *out)
{
    mp_put_array(out, list->n);
    for (uint32_t i = 0; i < list->n; i++) {
        const struct bundle *x = &list->bundles[i];
        mp_put_array(out, FIELDS);
        mp_put_array(out, HEAD_FIELDS);
        mp_put_int(out, x->type);
        mp_put_int(out, x->objective);
        mp_put_int(out, x->objectives);
        mp_put_int(out, x->sources);
        mp_put_int(out, x->rank);
        put_parts(x, out);
        put_pricing(&x->pricing, out);
        put_evidence(x, out);
    }
}

static bool get_u32(const struct mp_value *array, size_t i, uint32_t max, uint32_t *out)
{
    int64_t n;
    if (!mp_int(mp_at(array, i), &n) || n < 0 || n > (int64_t)max)
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool get_money(const struct mp_value *array, size_t i, int64_t *out)
{
    const struct mp_value *v = mp_at(array, i);
    if (v && mp_is_nil(v)) {
        *out = MONEY_UNKNOWN;
        return true;
    }
    return mp_int(v, out) && *out >= 0;
}

static bool is_array_of(const struct mp_value *v, size_t min, size_t max)
{
    return mp_is_array(v) && mp_size(v) >= min && mp_size(v) <= max;
}

static bool get_head(const struct mp_value *v, struct bundle *x)
{
    uint32_t type, objective;
    if (!is_array_of(v, HEAD_FIELDS, HEAD_FIELDS) || !get_u32(v, 0, TYPE_COUNT - 1, &type) ||
        !get_u32(v, 1, OBJECTIVE_COUNT - 1, &objective) ||
        !get_u32(v, 2, (1u << OBJECTIVE_COUNT) - 1, &x->objectives) ||
        !get_u32(v, 3, (1u << SOURCE_COUNT) - 1, &x->sources) || !get_u32(v, 4, UINT32_MAX, &x->rank))
        return false;
    x->type = (enum bundle_type)type;
    x->objective = (enum objective)objective;
    return true;
}

static bool get_part(const struct mp_value *v, uint32_t n_items, struct part *p)
{
    uint32_t role;
    if (!is_array_of(v, PART_FIELDS, PART_FIELDS) || n_items == 0 || !get_u32(v, 0, n_items - 1, &p->item) ||
        !get_u32(v, 1, INT32_MAX, &p->quantity) || p->quantity == 0 || !get_u32(v, 2, ROLE_POOL, &role) ||
        !get_money(v, 3, &p->price_minor) || !get_money(v, 4, &p->discount_minor))
        return false;
    p->role = (enum part_role)role;
    int64_t line;
    return p->discount_minor != MONEY_UNKNOWN &&
           (p->price_minor == MONEY_UNKNOWN || !__builtin_mul_overflow(p->price_minor, (int64_t)p->quantity, &line));
}

static bool get_parts(const struct mp_value *v, uint32_t n_items, struct bundle *x)
{
    if (!is_array_of(v, 1, PARTS_MAX))
        return false;
    for (size_t i = 0; i < mp_size(v); i++) {
        if (!get_part(mp_at(v, i), n_items, &x->parts[x->n_parts++]))
            return false;
    }
    return true;
}

static bool get_pricing(const struct mp_value *v, struct pricing *p)
{
    uint32_t method;
    if (!is_array_of(v, PRICING_FIELDS, PRICING_FIELDS) || !get_money(v, 0, &p->original_minor) ||
        !get_money(v, 1, &p->bundle_minor) || !get_money(v, 2, &p->discount_minor) ||
        !get_u32(v, 3, 10000, &p->discount_bp) || !get_u32(v, 4, PRICE_SHRUNK, &method) ||
        !get_u32(v, 5, GUARD_COST_FLOOR | GUARD_DISCOUNT_CAP | GUARD_LIST_FLOOR | GUARD_NICE_ENDING, &p->guards))
        return false;
    p->method = (enum price_method)method;
    return get_u32(v, 6, INT32_MAX, &p->buy_quantity) && get_u32(v, 7, INT32_MAX, &p->get_quantity) &&
           get_u32(v, 8, 10000, &p->get_discount_bp) && get_u32(v, 9, PARTS_MAX, &p->pick_n);
}

static bool get_tiers(const struct mp_value *v, struct pricing *p)
{
    if (!is_array_of(v, 0, TIERS_MAX))
        return false;
    for (size_t k = 0; k < mp_size(v); k++) {
        struct tier *t = &p->tiers[p->n_tiers++];
        const struct mp_value *fields = mp_at(v, k);
        if (!is_array_of(fields, TIER_FIELDS, TIER_FIELDS) || !get_u32(fields, 0, INT32_MAX, &t->min_quantity) ||
            !get_u32(fields, 1, 10000, &t->discount_bp) || !get_money(fields, 2, &t->unit_price_minor))
            return false;
    }
    return true;
}

static bool get_counts(const struct mp_value *v, struct bundle *x)
{
    uint32_t confirmation;
    if (!is_array_of(v, COUNT_FIELDS, COUNT_FIELDS) || !get_u32(v, 0, UINT32_MAX, &x->orders_together) ||
        !get_u32(v, 1, UINT32_MAX, &x->orders_base) || !get_u32(v, 2, UINT32_MAX, &x->orders_total) ||
        !get_u32(v, 3, UINT32_MAX, &x->orders_recent) || !get_u32(v, 4, UINT32_MAX, &x->newest_together) ||
        !get_u32(v, 5, UINT32_MAX, &x->newest_base) || !get_u32(v, 6, NOT_CONFIRMED, &confirmation))
        return false;
    x->confirmation = (enum confirmation)confirmation;
    return true;
}

static bool get_reals(const struct mp_value *v, struct bundle *x)
{
    double *const reals[REAL_FIELDS] = {
        &x->expected,  &x->support,      &x->confidence, &x->lift,           &x->strength,      &x->fit,
        &x->inventory, &x->price_sanity, &x->novelty,    &x->predicted_lift, &x->ranking_score, &x->newest_expected};
    if (!is_array_of(v, REAL_FIELDS, REAL_FIELDS))
        return false;
    for (size_t k = 0; k < REAL_FIELDS; k++) {
        if (!mp_real(mp_at(v, k), reals[k]) || !isfinite(*reals[k]) || *reals[k] < 0)
            return false;
    }
    return x->support <= 1 && x->confidence <= 1;
}

static bool get_bundle(const struct mp_value *v, uint32_t n_items, struct bundle *x)
{
    return is_array_of(v, FIELDS, FIELDS) && get_head(mp_at(v, FIELD_HEAD), x) &&
           get_parts(mp_at(v, FIELD_PARTS), n_items, x) && get_pricing(mp_at(v, FIELD_PRICING), &x->pricing) &&
           get_tiers(mp_at(v, FIELD_TIERS), &x->pricing) && get_counts(mp_at(v, FIELD_COUNTS), x) &&
           get_reals(mp_at(v, FIELD_REALS), x);
}

bool bundles_decode(struct bundle_list *out, const struct mp_value *v, uint32_t n_items, struct arena *memory,
                    struct err *e)
{
    if (!mp_is_array(v) || mp_size(v) > UINT32_MAX)
        return err_set(e, ERR_CODEC, "bundles: not a list");
    uint32_t n = (uint32_t)mp_size(v);
    struct bundle *bundles = ARENA_ARRAY(memory, struct bundle, (size_t)n + 1);
    for (uint32_t i = 0; i < n; i++) {
        if (!get_bundle(mp_at(v, i), n_items, &bundles[i]))
            return err_set(e, ERR_CODEC, "bundles: entry %u is not a bundle of this upload", i);
    }
    *out = (struct bundle_list){bundles, n};
    return true;
}
