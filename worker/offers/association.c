#include "worker/offers/association.h"

#include "common/check.h"

#define RECENT_SECONDS (90 * (int64_t)86400)

bool association_is_negative(uint32_t orders, double expected)
{
    return orders < expected && (orders > 0 || expected >= 1);
}

uint32_t association_pair_orders(const struct market *m, uint32_t a, uint32_t b)
{
    const struct neighbour *kept = evidence_find(m->evidence, a, b);
    if (kept)
        return kept->orders;
    uint32_t pair[2] = {a, b};
    return postings_count_all(&m->postings, pair, 2);
}

bool association_pair_is_negative(const struct market *m, uint32_t a, uint32_t b)
{
    double expected = evidence_expected(m->evidence, a, b);
    const struct neighbour *kept = evidence_find(m->evidence, a, b);
    if (kept)
        return association_is_negative(kept->orders, expected);
    // Pairs that were not kept met at most as often as either was sold: often that settles it without counting.
    if (expected < 1 && (m->data->items[a].orders == 0 || m->data->items[b].orders == 0))
        return false;
    uint32_t pair[2] = {a, b};
    return association_is_negative(postings_count_all(&m->postings, pair, 2), expected);
}

// kappa * c(S without i) * c(i) / N
static double expected_without(const struct market *m, const uint32_t *items, uint32_t n, uint32_t left_out)
{
    const struct evidence *v = m->evidence;
    uint32_t others[PARTS_MAX], k = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i != left_out)
            others[k++] = items[i];
    }
    uint32_t joint = postings_count_all(&m->postings, others, k);
    return v->n_multi ? v->kappa * joint * v->item_multi[items[left_out]] / v->n_multi : 0;
}

double association_expected(const struct market *m, const uint32_t *items, uint32_t n)
{
    CHECK(n >= 2 && n <= PARTS_MAX);
    if (n == 2)
        return evidence_expected(m->evidence, items[0], items[1]);
    double most = 0;
    for (uint32_t i = 0; i < n; i++) {
        double expected = expected_without(m, items, n, i);
        if (expected > most)
            most = expected;
    }
    return most;
}

// Where the newest 90 days begin; everything counts as recent where there are no dates.
static int64_t recent_since(const struct market *m)
{
    if (!m->data->has_dates || m->data->as_of == DATE_UNKNOWN)
        return INT64_MIN;
    return m->data->as_of - RECENT_SECONDS;
}

static bool is_recent(const struct market *m, uint32_t order)
{
    int64_t since = recent_since(m);
    return since == INT64_MIN || (m->data->order_at[order] != DATE_UNKNOWN && m->data->order_at[order] >= since);
}

static void count_quantities(const struct market *m, struct bundle *b)
{
    const struct postings *p = &m->postings;
    uint32_t item = b->parts[0].item, at_least = b->pricing.tiers[0].min_quantity;
    b->orders_base = p->first[item + 1] - p->first[item];
    for (uint32_t k = p->first[item]; k < p->first[item + 1]; k++) {
        if (p->quantities[k] < at_least)
            continue;
        b->orders_together++;
        b->orders_recent += is_recent(m, p->orders[k]);
    }
}

// Orders with two or more of the pool, of them the recent ones, and orders with any: one walk over the merged postings.
static void count_pool(const struct market *m, struct bundle *b)
{
    const struct postings *p = &m->postings;
    uint32_t at[PARTS_MAX], n = b->n_parts;
    for (uint32_t i = 0; i < n; i++)
        at[i] = p->first[b->parts[i].item];
    for (;;) {
        uint32_t order = UINT32_MAX, members = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (at[i] < p->first[b->parts[i].item + 1] && p->orders[at[i]] < order)
                order = p->orders[at[i]];
        }
        if (order == UINT32_MAX)
            return;
        for (uint32_t i = 0; i < n; i++) {
            bool is_in = at[i] < p->first[b->parts[i].item + 1] && p->orders[at[i]] == order;
            at[i] += is_in;
            members += is_in;
        }
        b->orders_base++;
        b->orders_together += members >= 2;
        b->orders_recent += members >= 2 && is_recent(m, order);
    }
}

static uint32_t orders_of_role(const struct market *m, const struct bundle *b, enum part_role role)
{
    uint32_t items[PARTS_MAX], n = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (b->parts[i].role == role)
            items[n++] = b->parts[i].item;
    }
    return n ? postings_count_all(&m->postings, items, n) : 0;
}

static void count_set(const struct market *m, struct bundle *b)
{
    uint32_t items[PARTS_MAX];
    for (uint32_t i = 0; i < b->n_parts; i++)
        items[i] = b->parts[i].item;
    b->orders_together = postings_count_all(&m->postings, items, b->n_parts);
    int64_t since = recent_since(m);
    b->orders_recent =
        since == INT64_MIN ? b->orders_together : postings_count_all_since(&m->postings, items, b->n_parts, since);
    b->orders_base = orders_of_role(m, b, b->type == TYPE_BXGY ? ROLE_QUALIFIER : ROLE_ANCHOR);
    b->expected = association_expected(m, items, b->n_parts);
    b->lift = b->expected > 0 ? b->orders_together / b->expected : 0;
}

void association_count(const struct market *m, struct bundle *b)
{
    b->orders_together = b->orders_base = b->orders_recent = 0;
    b->expected = b->lift = 0;
    b->orders_total = m->data->n_orders;
    if (b->type == TYPE_VOLUME)
        count_quantities(m, b);
    else if (b->type == TYPE_MIX_MATCH)
        count_pool(m, b);
    else
        count_set(m, b);
    b->support = b->orders_total ? (double)b->orders_together / b->orders_total : 0;
    b->confidence = b->orders_base ? (double)b->orders_together / b->orders_base : 0;
}
