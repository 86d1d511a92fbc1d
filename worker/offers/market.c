#include "worker/offers/offers.h"

#include <stdlib.h>

#include "worker/offers/association.h"
#include "worker/offers/complements.h"
#include "worker/offers/discount.h"
#include "worker/offers/similarity.h"

enum { TINY_LINES = 10, SMALL_LINES = 20 };

const struct offer_rules OFFER_RULES_DEFAULT = {
    .objectives = (1u << OBJECTIVE_COUNT) - 1,
    .types = (1u << TYPE_COUNT) - 1,
    .price_min_minor = 0,
    .price_max_minor = INT64_MAX,
    .discount_max_bp = 10000,
    .margin_floor = 0.10,
    .list_floor = 0.30,
    .candidates_per_pair = 40,
    .per_pair_max = 15,
    .per_products_max = 2,
    .bundles_max = 200,
    .fill_up_to = 12,
    .preliminary_max = 12,
    .coverage_weight = 0.5,
};

// What no rule can make sellable.
static bool could_be_offered(const struct dataset *d, uint32_t item)
{
    const struct item *i = &d->items[item];
    if (i->flags & (ITEM_GIFT_CARD | ITEM_INACTIVE))
        return false;
    return !d->has_prices || (i->price_minor != MONEY_UNKNOWN && i->price_minor > 0);
}

static int compare_popularity(const void *left, const void *right, void *items_)
{
    const struct item *items = items_;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    if (items[a].orders != items[b].orders)
        return items[a].orders > items[b].orders ? -1 : 1;
    return a < b ? -1 : a > b;
}

static void rank_by_popularity(struct market *m, struct arena *memory)
{
    const struct dataset *d = m->data;
    m->by_popularity = ARENA_ARRAY(memory, uint32_t, d->n_items + 1);
    for (uint32_t i = 0; i < d->n_items; i++) {
        if (could_be_offered(d, i))
            m->by_popularity[m->n_by_popularity++] = i;
        if (d->items[i].orders > m->orders_max)
            m->orders_max = d->items[i].orders;
    }
    qsort_r(m->by_popularity, m->n_by_popularity, sizeof m->by_popularity[0], compare_popularity, d->items);
}

void market_init(struct market *m, const struct dataset *d, const struct evidence *v, struct arena *memory)
{
    *m = (struct market){.data = d, .evidence = v};
    m->is_tiny = d->lines_read < TINY_LINES;
    m->is_small = d->lines_read < SMALL_LINES;
    postings_build(&m->postings, d, memory);
    rank_by_popularity(m, memory);
    (void)discount_learn(m, memory);
    association_date(m);
    m->words = ARENA_ARRAY(memory, struct title_words, d->n_items + 1);
    for (uint32_t i = 0; i < d->n_items; i++)
        m->words[i] = title_words_of(d->items[i].title);
    m->complements = ARENA_ARRAY(memory, struct complements, 1);
    complements_learn(m->complements, d, m->words, memory);
}

static bool is_excluded(const struct offer_rules *r, uint32_t item)
{
    uint32_t low = 0, high = r->n_excluded;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->excluded[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->n_excluded && r->excluded[low] == item;
}

bool item_is_offerable(const struct market *m, const struct offer_rules *r, uint32_t item)
{
    const struct item *i = &m->data->items[item];
    if (!could_be_offered(m->data, item) || is_excluded(r, item))
        return false;
    if (i->stock != STOCK_UNKNOWN && i->stock < 1 && !r->allow_out_of_stock)
        return false;
    return i->price_minor == MONEY_UNKNOWN ||
           (i->price_minor >= r->price_min_minor && i->price_minor <= r->price_max_minor);
}
