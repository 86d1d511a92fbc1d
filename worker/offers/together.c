// Which two items may stand in one bundle, whatever the orders say: items_may_share().
#include "worker/offers/offers.h"

#include "worker/offers/association.h"
#include "worker/offers/similarity.h"

// Both lists of marks are short and ascending by list.
static bool is_kept_apart(const struct offer_rules *r, uint32_t a, uint32_t b)
{
    if (!r->apart_first)
        return false;
    uint32_t i = r->apart_first[a], j = r->apart_first[b];
    while (i < r->apart_first[a + 1] && j < r->apart_first[b + 1]) {
        const struct apart_mark *x = &r->apart[i], *y = &r->apart[j];
        if (x->list == y->list && x->member != y->member)
            return true;
        i += x->list <= y->list;
        j += y->list <= x->list;
    }
    return false;
}

// Any three of one T-shirt in its sizes is an offer; one in S and one in M as a set is none.
static bool may_repeat_product(enum bundle_type t)
{
    return t == TYPE_MIX_MATCH || t == TYPE_VOLUME;
}

// Orders that hold both outweigh what their names say; a seasonal promotion is about what they say.
static bool do_seasons_clash(const struct market *m, enum objective o, uint32_t a, uint32_t b)
{
    uint32_t x = m->data->items[a].seasons, y = m->data->items[b].seasons;
    if (x == 0 || y == 0 || x & y)
        return false;
    return o == OBJECTIVE_SEASONAL_PROMO || association_pair_orders(m, a, b) < (m->is_small ? 1u : 2u);
}

bool items_may_share(const struct market *m, const struct offer_rules *r, enum objective o, enum bundle_type t,
                     uint32_t a, uint32_t b)
{
    return !is_kept_apart(r, a, b) && (may_repeat_product(t) || !is_same_product_in_another_size(m, a, b)) &&
           !do_seasons_clash(m, o, a, b);
}
