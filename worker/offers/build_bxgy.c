// BXGY: who buys X gets Y cheaper. Direction matters: X is what leads to Y in the orders, except where the objective
// wants its anchor to be found (slow movers, new launches): there the anchor is the reward beside what sells.
#include "worker/offers/search.h"

// Times the price of what is bought. Nobody buys a spoon to get a teapot.
#define REWARD_PRICE_MAX 1.5

static double orders_of(const struct search *s, uint32_t item)
{
    return s->market->data->items[item].orders;
}

// A reward dearer than what is bought is a bad gift, and its discount breaks the objective's cap.
static double gift_sense(const struct search *s, uint32_t x, uint32_t y)
{
    int64_t price_x = s->market->data->items[x].price_minor, price_y = s->market->data->items[y].price_minor;
    if (price_x <= 0 || price_y <= 0)
        return 1;
    if ((double)price_y > REWARD_PRICE_MAX * (double)price_x)
        return 0;
    return price_y <= price_x ? 1 : 0.4 * (double)price_x / (double)price_y;
}

static double direction_worth(const struct search *s, const struct link *l, uint32_t x, uint32_t y)
{
    double confidence = orders_of(s, x) > 0 ? l->orders / orders_of(s, x) : 0;
    return (0.2 + confidence) * gift_sense(s, x, y);
}

static bool is_partner_the_qualifier(const struct search *s, const struct link *l)
{
    if (s->shape->is_anchor_reward)
        return true;
    return direction_worth(s, l, l->partner, l->anchor) > direction_worth(s, l, l->anchor, l->partner);
}

// Boxes of three and more: a second product to buy, the one that goes best with the two.
static bool add_qualifier(struct search *s, struct bundle *b, const struct link *from)
{
    growth_start(&s->growth, b->parts[0].item);
    growth_add(&s->growth, b->parts[1].item);
    if (s->growth.n_orders > 0 && search_extend(s, b, search_orders_min(s), ROLE_QUALIFIER))
        return true;
    for (uint32_t k = 0; k < s->n_links; k++) {
        const struct link *l = &s->links[k];
        if (l->anchor == from->anchor && search_may_join(s, b, l->partner)) {
            search_add_part(b, l->partner, 1, ROLE_QUALIFIER);
            return true;
        }
    }
    return false;
}

// The cheapest of a larger set is the gift; it stands last.
static void make_cheapest_reward(const struct search *s, struct bundle *b)
{
    const struct item *items = s->market->data->items;
    uint32_t cheapest = b->n_parts - 1;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        b->parts[i].role = ROLE_QUALIFIER;
        if (items[b->parts[i].item].price_minor < items[b->parts[cheapest].item].price_minor)
            cheapest = i;
    }
    struct part reward = b->parts[cheapest];
    for (uint32_t i = cheapest; i + 1 < b->n_parts; i++)
        b->parts[i] = b->parts[i + 1];
    reward.role = ROLE_REWARD;
    b->parts[b->n_parts - 1] = reward;
}

static bool is_pair_taken(const struct search *s, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < s->n_bundles; i++) {
        const struct part *p = s->bundles[i].parts;
        if ((p[0].item == a && p[1].item == b) || (p[0].item == b && p[1].item == a))
            return true;
    }
    return false;
}

static void build_from(struct search *s, const struct link *l)
{
    struct bundle b = search_bundle(s, l->sources);
    b.strength = l->strength;
    search_add_part(&b, l->anchor, 1, ROLE_QUALIFIER);
    if (!search_may_join(s, &b, l->partner))
        return;
    search_add_part(&b, l->partner, 1, ROLE_REWARD);
    if (s->shape->set_min >= 3) {
        if (!add_qualifier(s, &b, l))
            return;
        make_cheapest_reward(s, &b);
    } else if (is_partner_the_qualifier(s, l)) {
        b.parts[0].item = l->partner;
        b.parts[1].item = l->anchor;
    }
    if (b.n_parts == 2 && gift_sense(s, b.parts[0].item, b.parts[1].item) <= 0)
        return;
    search_accept(s, &b);
}

void build_bxgy(struct search *s)
{
    for (uint32_t k = 0; k < s->n_links && !search_is_full(s); k++) {
        const struct link *l = &s->links[k];
        if (search_may_anchor(s, l->anchor) && search_may_use(s, l->partner) &&
            !is_pair_taken(s, l->anchor, l->partner))
            build_from(s, l);
    }
}
