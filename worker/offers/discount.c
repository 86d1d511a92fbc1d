#include "worker/offers/discount.h"

#include "worker/offers/objectives.h"

enum { WORTHWHILE_BP = 300 }; // 2 % off makes nobody buy a second product

#define LINEAR_UNITS_FULL 5.0 // pieces at which the linear discount ends

double discount_history(const struct market *m, uint32_t item)
{
    const struct item *i = &m->data->items[item];
    double z = i->sales / (i->sales + m->own_prior_sales);
    return z * i->discount_mean + (1 - z) * m->type_discount[i->type_id == ID_NONE ? m->data->n_types : i->type_id];
}

static double typical_depth(enum objective o)
{
    const struct objective_row *row = objective_row(o);
    double span = row->discount_max_pct - row->discount_min_pct;
    return (row->discount_min_pct + span * objective_shape(o)->depth) / 100;
}

double discount_shrunk(const struct market *m, enum objective o, uint32_t item)
{
    double typical = typical_depth(o);
    return m->shop_discount > 0 ? (typical + discount_history(m, item)) / 2 : typical;
}

double discount_linear(enum objective o, uint32_t units)
{
    const struct objective_row *row = objective_row(o);
    double share = (units < LINEAR_UNITS_FULL ? units - 1.0 : LINEAR_UNITS_FULL - 1) / (LINEAR_UNITS_FULL - 1);
    return (row->discount_min_pct + share * (row->discount_max_pct - row->discount_min_pct)) / 100;
}

struct discount_range discount_range(const struct offer_rules *r, enum objective o)
{
    const struct objective_row *row = objective_row(o);
    struct discount_range range = {(uint32_t)row->discount_min_pct * 100, (uint32_t)row->discount_max_pct * 100};
    if (range.min_bp < WORTHWHILE_BP)
        range.min_bp = WORTHWHILE_BP;
    if (range.max_bp > r->discount_max_bp)
        range.max_bp = r->discount_max_bp;
    if (range.min_bp > range.max_bp)
        range.min_bp = range.max_bp;
    return range;
}
