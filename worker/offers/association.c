#include "worker/offers/association.h"

#include "common/check.h"
#include "worker/offers/count_test.h"

#define RECENT_SECONDS (90 * (int64_t)86400)

enum { NEWEST_SHARE = 5 }; // one order in five

// Bread and coffee, best sellers both, are a bundle although chance alone puts them together as often.
#define AVOIDED_BELOW 0.75

bool association_is_negative(uint32_t orders, double expected)
{
    return orders < AVOIDED_BELOW * expected && (orders > 0 || expected >= 1);
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

// --- which orders are new

static uint32_t first_since(const struct dataset *d, int64_t since)
{
    uint32_t low = 0, high = d->n_orders;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (d->order_at[middle] < since)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct newest newest_of(const struct dataset *d)
{
    uint32_t n_dated = d->has_dates ? d->n_orders - first_since(d, DATE_UNKNOWN + 1) : 0;
    struct newest x = {.first = d->n_orders - n_dated / NEWEST_SHARE};
    double items = 0, pairs = 0;
    for (uint32_t o = x.first; o < d->n_orders; o++) {
        double n = d->line_first[o + 1] - d->line_first[o];
        if (n < 2)
            continue;
        x.n_multi++;
        items += n;
        pairs += n * (n - 1);
    }
    x.kappa = x.n_multi ? x.n_multi * pairs / (items * items) : 0;
    return x;
}

void association_date(struct market *m)
{
    const struct dataset *d = m->data;
    m->recent_first = d->has_dates && d->as_of != DATE_UNKNOWN ? first_since(d, d->as_of - RECENT_SECONDS) : 0;
    m->newest = newest_of(d);
}

// --- counts

static void count_order(const struct market *m, struct bundle *b, uint32_t order, bool is_together)
{
    bool is_newest = order >= m->newest.first;
    b->orders_base++;
    b->newest_base += is_newest;
    b->orders_together += is_together;
    b->newest_together += is_together && is_newest;
    b->orders_recent += is_together && order >= m->recent_first;
}

static void count_quantities(const struct market *m, struct bundle *b)
{
    const struct postings *p = &m->postings;
    uint32_t item = b->parts[0].item, at_least = b->pricing.tiers[0].min_quantity;
    for (uint32_t k = p->first[item]; k < p->first[item + 1]; k++)
        count_order(m, b, p->orders[k], p->quantities[k] >= at_least);
}

// Orders with any of the pool: one walk over the merged postings.
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
        count_order(m, b, order, members >= 2);
    }
}

static uint32_t newest_multi(const struct market *m, uint32_t item)
{
    const struct dataset *d = m->data;
    const struct postings *p = &m->postings;
    uint32_t n = 0;
    for (uint32_t k = p->first[item + 1]; k > p->first[item] && p->orders[k - 1] >= m->newest.first; k--)
        n += d->line_first[p->orders[k - 1] + 1] - d->line_first[p->orders[k - 1]] >= 2;
    return n;
}

// association_expected() of the newest fifth.
static double newest_expected(const struct market *m, const uint32_t *items, uint32_t n)
{
    double most = 0;
    for (uint32_t i = 0; i < n && m->newest.n_multi; i++) {
        uint32_t others[PARTS_MAX], k = 0;
        for (uint32_t o = 0; o < n; o++) {
            if (o != i)
                others[k++] = items[o];
        }
        double joint =
            k == 1 ? newest_multi(m, others[0]) : postings_count_all_from(&m->postings, others, k, m->newest.first);
        double expected = m->newest.kappa * joint * newest_multi(m, items[i]) / m->newest.n_multi;
        most = expected > most ? expected : most;
    }
    return most;
}

static void count_set(const struct market *m, struct bundle *b)
{
    const struct postings *p = &m->postings;
    enum part_role base_role = b->type == TYPE_BXGY ? ROLE_QUALIFIER : ROLE_ANCHOR;
    uint32_t items[PARTS_MAX], base[PARTS_MAX], n_base = 0;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        items[i] = b->parts[i].item;
        if (b->parts[i].role == base_role)
            base[n_base++] = items[i];
    }
    b->orders_together = postings_count_all(p, items, b->n_parts);
    b->orders_recent = postings_count_all_from(p, items, b->n_parts, m->recent_first);
    b->orders_base = postings_count_all(p, base, n_base);
    b->newest_together = postings_count_all_from(p, items, b->n_parts, m->newest.first);
    b->newest_base = postings_count_all_from(p, base, n_base, m->newest.first);
    b->newest_expected = newest_expected(m, items, b->n_parts);
    b->expected = association_expected(m, items, b->n_parts);
    b->lift = b->expected > 0 ? b->orders_together / b->expected : 0;
}

static enum confirmation confirmation_of(const struct bundle *b)
{
    if (b->newest_together == b->orders_together) // the others never saw it
        return CONFIRMATION_UNKNOWN;
    bool is_short = fisher_is_below(b->newest_together, b->newest_base, b->orders_together, b->orders_base);
    bool could_be_short = fisher_is_below(0, b->newest_base, b->orders_together, b->orders_base);
    bool is_chance_known = b->type != TYPE_VOLUME && b->type != TYPE_MIX_MATCH;
    bool holds =
        is_chance_known ? poisson_is_above(b->newest_together, b->newest_expected) : could_be_short && !is_short;
    if (b->newest_together >= 2 && holds)
        return CONFIRMED;
    return is_short ? NOT_CONFIRMED : CONFIRMATION_UNKNOWN;
}

void association_count(const struct market *m, struct bundle *b)
{
    b->orders_together = b->orders_base = b->orders_recent = b->newest_together = b->newest_base = 0;
    b->expected = b->lift = b->newest_expected = 0;
    b->orders_total = m->data->n_orders;
    if (b->type == TYPE_VOLUME)
        count_quantities(m, b);
    else if (b->type == TYPE_MIX_MATCH)
        count_pool(m, b);
    else
        count_set(m, b);
    b->support = b->orders_total ? (double)b->orders_together / b->orders_total : 0;
    b->confidence = b->orders_base ? (double)b->orders_together / b->orders_base : 0;
    b->confirmation = confirmation_of(b);
}
