// Which pairs apply to an upload: reasons in words for a merchant.
#include "worker/offers/offers.h"

#include "worker/offers/objectives.h"

static uint32_t count_offerable(const struct market *m, const struct offer_rules *r, uint32_t enough)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_by_popularity && n < enough; i++)
        n += item_is_offerable(m, r, m->by_popularity[i]);
    return n;
}

static uint32_t count_types(const struct market *m, const struct offer_rules *r, uint32_t enough)
{
    uint32_t seen[8], n = 0;
    for (uint32_t i = 0; i < m->n_by_popularity && n < enough; i++) {
        uint32_t type = m->data->items[m->by_popularity[i]].type_id, k = 0;
        if (type == ID_NONE || !item_is_offerable(m, r, m->by_popularity[i]))
            continue;
        while (k < n && seen[k] != type)
            k++;
        if (k == n)
            seen[n++] = type;
    }
    return n;
}

// Without costs, list prices or a single discount every margin would be a guess from nothing.
static bool are_margins_known(const struct market *m)
{
    if (m->data->has_costs || m->shop_discount > 0)
        return true;
    for (uint32_t i = 0; i < m->data->n_items; i++) {
        if (m->data->items[i].compare_at_minor > m->data->items[i].price_minor && m->data->items[i].price_minor > 0)
            return true;
    }
    return false;
}

static const char *slow_movers_reason(const struct market *m, const struct offer_rules *r)
{
    if (!m->data->has_stock)
        return "stock is not known, so slow movers cannot be told";
    if (!m->data->has_dates)
        return "order dates are not known, so slow movers cannot be told";
    return objective_has_anchor(m, r, OBJECTIVE_CLEAR_SLOW_MOVERS) ? NULL : "no slow mover with stock";
}

static const char *types_reason(const struct market *m, const struct offer_rules *r, uint32_t needed)
{
    uint32_t n = count_types(m, r, needed);
    if (n == 0)
        return "product types are not known";
    if (n < needed)
        return needed > 2 ? "fewer than three product types on offer" : "only one product type on offer";
    return NULL;
}

static const char *objective_reason(const struct market *m, const struct offer_rules *r, enum objective o)
{
    switch (o) {
    case OBJECTIVE_INCREASE_AOV:
        return objective_has_anchor(m, r, o) ? NULL : "no product priced above the shop's median";
    case OBJECTIVE_CLEAR_SLOW_MOVERS:
        return slow_movers_reason(m, r);
    case OBJECTIVE_SEASONAL_PROMO:
        return objective_has_anchor(m, r, o) ? NULL : "no seasonal product in stock";
    case OBJECTIVE_NEW_LAUNCH:
        return objective_has_anchor(m, r, o) ? NULL : "no newly launched product in stock";
    case OBJECTIVE_CATEGORY_BUNDLE:
        return types_reason(m, r, 2);
    case OBJECTIVE_GIFT_BOX:
        return types_reason(m, r, 3);
    case OBJECTIVE_SUBSCRIPTION_PUSH:
        if (!m->data->has_customers)
            return "customers are not known, so repeat purchases cannot be told";
        return objective_has_anchor(m, r, o) ? NULL : "no product that customers buy again";
    case OBJECTIVE_MARGIN_GUARD:
        if (!m->data->has_prices || !are_margins_known(m))
            return "neither costs nor discounts are known, so margins cannot be told";
        return objective_has_anchor(m, r, o) ? NULL : "no high-margin product in stock";
    case OBJECTIVE_COUNT:
        break;
    }
    return "no such objective";
}

const char *offers_skip_reason(const struct market *m, const struct offer_rules *r, enum objective o,
                               enum bundle_type t)
{
    if (!(r->objectives & 1u << o) || !(r->types & 1u << t))
        return "not asked for";
    if (count_offerable(m, r, 1) == 0)
        return "no product that can be sold";
    if (t == TYPE_VOLUME && objective_shape(o)->needs_distinct_types)
        return o == OBJECTIVE_GIFT_BOX ? "a gift box holds three or more different products"
                                       : "one product alone does not span categories";
    uint32_t needed = t == TYPE_VOLUME ? 1 : t == TYPE_FIXED || t == TYPE_MIX_MATCH ? 3 : 2;
    if (count_offerable(m, r, needed) < needed)
        return "too few products for this type of bundle";
    return objective_reason(m, r, o);
}
