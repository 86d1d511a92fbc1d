#include "worker/offers/offers.h"

#include <stdlib.h>

#include "worker/offers/association.h"
#include "worker/offers/complements.h"
#include "worker/offers/discount.h"
#include "worker/offers/similarity.h"

enum { TINY_LINES = 10, SMALL_LINES = 20 };

// A catalogue that holds this share of what sold lately is the shop's whole catalogue. Less is an extract.
#define COMPLETE_SHARE 0.80

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
    .climbs_bottom_up = true,
    .coverage_weight = 0.65,
};

// What no rule can make sellable.
static bool could_be_offered(const struct dataset *d, uint32_t item)
{
    const struct item *i = &d->items[item];
    if (i->flags & (ITEM_GIFT_CARD | ITEM_INACTIVE | ITEM_PACKAGING))
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

// Sales of the last 30 days where there are any: what went off sale earlier may have sold more than what came after it.
static bool is_catalog_complete(const struct dataset *d)
{
    uint64_t recent[2] = {0}, ever[2] = {0}; // without, with a catalogue row
    for (uint32_t i = 0; i < d->n_items; i++) {
        bool is_in = d->items[i].flags & ITEM_IN_CATALOG;
        recent[is_in] += d->items[i].orders_recent;
        ever[is_in] += d->items[i].orders;
    }
    const uint64_t *sales = recent[0] + recent[1] ? recent : ever;
    return sales[1] > 0 && (double)sales[1] >= COMPLETE_SHARE * (double)(sales[0] + sales[1]);
}

void market_know(struct market *m, const struct mined *mined)
{
    m->evidence = mined->evidence;
    m->itemsets = mined->itemsets;
    m->embedding = mined->embedding;
}

void market_init(struct market *m, const struct dataset *d, const struct mined *mined, struct arena *memory)
{
    *m = (struct market){.data = d};
    market_know(m, mined);
    m->is_tiny = d->lines_read < TINY_LINES;
    m->is_small = d->lines_read < SMALL_LINES;
    m->is_catalog_complete = is_catalog_complete(d);
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

bool item_is_pinned(const struct offer_rules *r, uint32_t item)
{
    uint32_t low = 0, high = r->n_pinned;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->pinned[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->n_pinned && r->pinned[low] == item;
}

static bool lacks_catalog(const struct market *m, const struct offer_rules *r, uint32_t item)
{
    bool is_needed =
        r->require_catalog == CATALOG_YES || (r->require_catalog == CATALOG_AUTO && m->is_catalog_complete);
    return is_needed && !(m->data->items[item].flags & ITEM_IN_CATALOG);
}

static bool is_wanted(const struct market *m, const struct offer_rules *r, uint32_t item)
{
    const struct item *i = &m->data->items[item];
    if (!could_be_offered(m->data, item) || (r->is_excluded && r->is_excluded[item]))
        return false;
    if (i->stock != STOCK_UNKNOWN && i->stock < 1 && !r->allow_out_of_stock)
        return false;
    return i->price_minor == MONEY_UNKNOWN ||
           (i->price_minor >= r->price_min_minor && i->price_minor <= r->price_max_minor);
}

bool item_is_offerable(const struct market *m, const struct offer_rules *r, uint32_t item)
{
    return is_wanted(m, r, item) && !lacks_catalog(m, r, item);
}

uint32_t market_count_uncatalogued(const struct market *m, const struct offer_rules *r)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->data->n_items; i++)
        n += is_wanted(m, r, i) && lacks_catalog(m, r, i);
    return n;
}
