#include "worker/offers/explain.h"

#include "worker/offers/association.h"
#include "worker/offers/count_test.h"
#include "worker/offers/phrase.h"

// With fewer orders of several pieces it is not for its quantities that a product has tiers.
#define QUANTITY_SHARE_MIN 0.05
#define RETURNS_MIN 0.20 // repeat rate that tiers are made for, see build_volume.c

enum { LIFT_ORDERS_MIN = 3 }; // a multiple of chance from one or two orders would be boasting, however rare

static void put_orders(struct buf *out, uint32_t n)
{
    phrase_count(out, n);
    buf_puts(out, n == 1 ? " order" : " orders");
}

static void put_in_orders(struct buf *out, uint32_t n, uint32_t of)
{
    if (n == of && of <= 2) {
        buf_puts(out, of == 1 ? "in the only order" : "in both orders");
        return;
    }
    buf_puts(out, n == of ? "in all " : "in ");
    if (n < of) {
        phrase_count(out, n);
        buf_puts(out, " of ");
    }
    put_orders(out, of);
}

// "All 41 orders", "Both orders", "The only order", "3 of the 41 orders"; `which`: "the " or nothing.
static void put_orders_of(struct buf *out, uint32_t n, uint32_t of, const char *which)
{
    if (n == of && of <= 2) {
        buf_puts(out, of == 1 ? "The only order" : "Both orders");
        return;
    }
    if (n == of) {
        buf_puts(out, "All ");
        put_orders(out, of);
        return;
    }
    phrase_count(out, n);
    buf_puts(out, " of ");
    buf_puts(out, which);
    put_orders(out, of);
}

// No 0 % of something, no 100 % of less than all.
static void put_share(struct buf *out, uint32_t n, uint32_t of)
{
    uint64_t pct = of ? ((uint64_t)200 * n + of) / ((uint64_t)2 * of) : 0;
    if (n > 0 && pct == 0)
        buf_puts(out, "under 1%");
    else if (n < of && pct == 100)
        buf_puts(out, "over 99%");
    else
        buf_printf(out, "%u%%", (unsigned)pct);
}

// Nothing to tell where all orders are that new.
static void put_recent(const struct market *m, const struct bundle *b, struct buf *out)
{
    if (m->recent_first == 0 || b->orders_together == 0)
        return;
    buf_puts(out, ", ");
    if (b->orders_recent == b->orders_together)
        buf_puts(out, b->orders_together == 1 ? "in" : "all of them in");
    else if (b->orders_recent == 0)
        buf_puts(out, b->orders_together == 1 ? "not in" : "none of them in");
    else
        phrase_count(out, b->orders_recent);
    buf_puts(out, b->orders_recent == b->orders_together || b->orders_recent == 0 ? " the last 90 days"
                                                                                  : " of them in the last 90 days");
}

static void put_lift(const struct bundle *b, struct buf *out)
{
    if (b->orders_together >= LIFT_ORDERS_MIN && b->lift >= 1.05 && poisson_is_above(b->orders_together, b->expected))
        buf_printf(out, ", %.1fx more often than chance", b->lift);
}

static void put_confirmation(const struct bundle *b, struct buf *out)
{
    if (b->confirmation == CONFIRMED)
        buf_puts(out, ", and the newest orders confirm it");
    else if (b->confirmation == NOT_CONFIRMED)
        buf_puts(out, ", but less often in the newest orders");
}

static void put_why_without_orders(const struct market *m, const struct bundle *b, struct buf *out)
{
    if (m->data->n_orders) {
        buf_puts(out, "Not yet bought together in ");
        put_orders(out, m->data->n_orders);
    } else {
        buf_puts(out, "There are no orders yet");
    }
    if (b->sources & SOURCE_COMPLEMENTS)
        buf_puts(out, "; suggested because these kinds of products go together");
    else if (b->sources & SOURCE_POPULARITY)
        buf_printf(out, "; suggested because the other product%s among the best sellers",
                   b->n_parts > 2 ? "s are" : " is");
    else if (b->sources & SOURCE_EMBEDDING)
        buf_puts(out, "; suggested because they are bought with the same products");
    else
        buf_puts(out, "; suggested because of like type, vendor, title or price");
}

static void put_set(const struct market *m, const struct bundle *b, struct buf *out)
{
    if (b->n_parts > 2)
        buf_printf(out, "All %u bought together ", b->n_parts);
    else
        buf_puts(out, "Bought together ");
    put_in_orders(out, b->orders_together, b->orders_total);
    put_recent(m, b, out);
    put_lift(b, out);
    put_confirmation(b, out);
}

// A set that nobody bought whole stands on how often each part was bought with the anchor.
static void put_kit(const struct market *m, const struct bundle *b, struct buf *out)
{
    uint32_t most = 0, least = UINT32_MAX;
    for (uint32_t i = 1; i < b->n_parts; i++) {
        uint32_t n = association_pair_orders(m, b->parts[0].item, b->parts[i].item);
        most = n > most ? n : most;
        least = n < least ? n : least;
    }
    if (most == 0) {
        put_why_without_orders(m, b, out);
        return;
    }
    buf_puts(out, "Not yet bought as a whole, but ");
    phrase_name(m, out, b->parts[0].item);
    buf_puts(out, least ? " was bought with each of the others in " : " was bought with some of the others in up to ");
    if (least && least < most) {
        phrase_count(out, least);
        buf_puts(out, " to ");
    }
    put_orders(out, most);
}

// The lowest of the products' rates.
static double repeat_rate_of(const struct market *m, const struct bundle *b)
{
    double least = 1;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        double rate = m->data->items[b->parts[i].item].repeat_rate;
        least = rate < least ? rate : least;
    }
    return least;
}

static void put_customers(struct buf *out, double rate, const char *all)
{
    if (rate < 1)
        buf_printf(out, "%.0f%%", 100 * rate);
    else
        buf_puts(out, all);
}

// Tiers for those who come back.
static void put_returns(const struct market *m, const struct bundle *b, struct buf *out)
{
    put_customers(out, repeat_rate_of(m, b), "All");
    buf_puts(out, " of its customers came back for it in ");
    put_orders(out, b->orders_base);
    buf_puts(out, ", ");
    if (b->orders_together)
        phrase_count(out, b->orders_together);
    buf_printf(out, "%s of which hold%s %u or more", b->orders_together ? "" : "none",
               b->orders_together == 1 ? "s" : "", b->pricing.tiers[0].min_quantity);
}

// Tiers above what all its orders hold.
static void put_average(const struct market *m, const struct bundle *b, struct buf *out)
{
    double units = (double)m->data->items[b->parts[0].item].units;
    if (b->orders_base == 1) {
        buf_printf(out, "Its only order holds %.0f of it", units);
        return;
    }
    buf_puts(out, "Its ");
    put_orders(out, b->orders_base);
    buf_printf(out, " hold %.1f of it on average, ", units / b->orders_base);
    if (b->orders_together)
        phrase_count(out, b->orders_together);
    buf_printf(out, "%s of them %u or more", b->orders_together ? "" : "none", b->pricing.tiers[0].min_quantity);
}

static void put_volume(const struct market *m, const struct bundle *b, struct buf *out)
{
    if (b->confidence < QUANTITY_SHARE_MIN) {
        (repeat_rate_of(m, b) >= RETURNS_MIN ? put_returns : put_average)(m, b, out);
        return;
    }
    put_share(out, b->orders_together, b->orders_base); // never all: tiers begin above the middle order
    buf_puts(out, " of its orders (");
    phrase_count(out, b->orders_together);
    buf_puts(out, " of ");
    phrase_count(out, b->orders_base);
    buf_printf(out, ") hold %u or more", b->pricing.tiers[0].min_quantity);
    put_recent(m, b, out);
    put_confirmation(b, out);
}

static void put_pool(const struct market *m, const struct bundle *b, struct buf *out)
{
    if (b->orders_together == 0) {
        buf_puts(out, "No order holds two of these yet; suggested because they can stand in for each other");
        return;
    }
    put_orders_of(out, b->orders_together, b->orders_total, "");
    buf_printf(out, " hold%s two or more of these %u products", b->orders_together == 1 ? "s" : "", b->n_parts);
    put_recent(m, b, out);
    put_confirmation(b, out);
}

static void put_names(const struct market *m, const struct bundle *b, enum part_role role, struct buf *out)
{
    bool is_first = true;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (b->parts[i].role != role)
            continue;
        buf_puts(out, is_first ? "" : " and ");
        phrase_name(m, out, b->parts[i].item);
        is_first = false;
    }
}

static void put_bxgy(const struct market *m, const struct bundle *b, struct buf *out)
{
    if (b->orders_together == 0) {
        (b->n_parts > 2 ? put_kit : put_why_without_orders)(m, b, out);
        return;
    }
    put_orders_of(out, b->orders_together, b->orders_base, "the ");
    buf_puts(out, " with ");
    put_names(m, b, ROLE_QUALIFIER, out);
    if (b->orders_together < b->orders_base) {
        buf_puts(out, " (");
        put_share(out, b->orders_together, b->orders_base);
        buf_puts(out, ")");
    }
    buf_printf(out, " also hold%s ", b->orders_together == 1 ? "s" : "");
    put_names(m, b, ROLE_REWARD, out);
    put_recent(m, b, out);
    put_lift(b, out);
    put_confirmation(b, out);
}

// --- what the objective adds

static const struct item *first_with(const struct market *m, const struct bundle *b, uint32_t flag, uint32_t *item)
{
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct item *it = &m->data->items[b->parts[i].item];
        if (it->flags & flag) {
            *item = b->parts[i].item;
            return it;
        }
    }
    return NULL;
}

// Of several the one with most to clear.
static uint32_t slowest(const struct market *m, const struct bundle *b)
{
    uint32_t best = ID_NONE;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct item *items = m->data->items;
        uint32_t item = b->parts[i].item;
        if (items[item].flags & ITEM_SLOW_MOVER && (best == ID_NONE || items[item].stock > items[best].stock))
            best = item;
    }
    return best;
}

static void put_slow(const struct market *m, const struct bundle *b, struct buf *out)
{
    uint32_t item = slowest(m, b);
    if (item == ID_NONE)
        return;
    const struct item *slow = &m->data->items[item];
    buf_puts(out, "; ");
    phrase_name(m, out, item);
    if (slow->velocity > 0)
        buf_printf(out, " sold %.0f in 60 days", slow->velocity * 60);
    else
        buf_puts(out, " did not sell in 60 days");
    buf_puts(out, " and has ");
    phrase_count(out, (uint64_t)(slow->stock > 0 ? slow->stock : 0));
    buf_puts(out, " in stock");
}

static void put_new(const struct market *m, const struct bundle *b, struct buf *out)
{
    uint32_t item;
    const struct item *fresh = first_with(m, b, ITEM_NEW_LAUNCH, &item);
    if (!fresh)
        return;
    buf_puts(out, "; ");
    phrase_name(m, out, item);
    buf_puts(out, " is new");
    if (m->data->as_of != DATE_UNKNOWN && fresh->created_at != DATE_UNKNOWN && fresh->created_at <= m->data->as_of) {
        int64_t days = (m->data->as_of - fresh->created_at) / 86400;
        buf_printf(out, " (%d %s old)", (int)days, days == 1 ? "day" : "days");
    }
}

static void put_seasonal(const struct market *m, const struct bundle *b, struct buf *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_parts; i++)
        n += (m->data->items[b->parts[i].item].flags & ITEM_SEASONAL) != 0;
    if (b->n_parts == 1)
        buf_puts(out, "; it is seasonal");
    else if (n == b->n_parts)
        buf_printf(out, "; %s products are seasonal", n == 2 ? "both" : "all");
    else
        buf_printf(out, "; %u of the %u products %s seasonal", n, b->n_parts, n == 1 ? "is" : "are");
}

static void put_types(const struct market *m, const struct bundle *b, struct buf *out)
{
    buf_puts(out, "; from ");
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct item *it = &m->data->items[b->parts[i].item];
        buf_puts(out, i == 0 ? "" : i + 1 == b->n_parts ? " and " : ", ");
        buf_put(out, it->type.ptr, it->type.len);
    }
}

static void put_repeat(const struct market *m, const struct bundle *b, struct buf *out)
{
    double rate = repeat_rate_of(m, b);
    if (b->type == TYPE_VOLUME && b->confidence < QUANTITY_SHARE_MIN && rate >= RETURNS_MIN)
        return; // said already
    buf_puts(out, b->n_parts > 1 && rate < 1 ? "; at least " : "; ");
    put_customers(out, rate, "all");
    buf_puts(out,
             b->n_parts > 1 ? " of each product's customers bought it again" : " of its customers bought it again");
}

static void put_margin(const struct market *m, const struct bundle *b, struct buf *out)
{
    double sum = 0;
    bool is_estimated = false;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        const struct item *it = &m->data->items[b->parts[i].item];
        sum += it->margin;
        is_estimated |= (it->flags & ITEM_MARGIN_ESTIMATED) != 0;
    }
    buf_printf(out, "; %s margin of %.0f%% before the discount",
               is_estimated     ? "an estimated"
               : b->n_parts > 1 ? "an average"
                                : "a",
               100 * sum / b->n_parts);
}

static void put_aov(const struct market *m, const struct bundle *b, struct buf *out)
{
    if (b->pricing.original_minor == MONEY_UNKNOWN || m->data->median_price_minor == MONEY_UNKNOWN)
        return;
    bool is_least = b->type == TYPE_VOLUME || b->type == TYPE_MIX_MATCH;
    buf_puts(out, is_least ? "; at least " : "; ");
    phrase_money(m, out, b->pricing.bundle_minor);
    buf_puts(out, " a sale where the median product costs ");
    phrase_money(m, out, m->data->median_price_minor);
}

static void put_objective(const struct market *m, const struct bundle *b, struct buf *out)
{
    switch (b->objective) {
    case OBJECTIVE_INCREASE_AOV:
        put_aov(m, b, out);
        return;
    case OBJECTIVE_CLEAR_SLOW_MOVERS:
        put_slow(m, b, out);
        return;
    case OBJECTIVE_SEASONAL_PROMO:
        put_seasonal(m, b, out);
        return;
    case OBJECTIVE_NEW_LAUNCH:
        put_new(m, b, out);
        return;
    case OBJECTIVE_CATEGORY_BUNDLE:
    case OBJECTIVE_GIFT_BOX:
        put_types(m, b, out);
        return;
    case OBJECTIVE_SUBSCRIPTION_PUSH:
        put_repeat(m, b, out);
        return;
    case OBJECTIVE_MARGIN_GUARD:
        put_margin(m, b, out);
        return;
    case OBJECTIVE_COUNT:
        return;
    }
}

void explain_bundle(const struct market *m, const struct bundle *b, struct buf *out)
{
    if (b->type == TYPE_VOLUME)
        put_volume(m, b, out);
    else if (b->type == TYPE_MIX_MATCH)
        put_pool(m, b, out);
    else if (b->type == TYPE_BXGY)
        put_bxgy(m, b, out);
    else if (b->orders_together > 0)
        put_set(m, b, out);
    else if (b->n_parts > 2)
        put_kit(m, b, out);
    else
        put_why_without_orders(m, b, out);
    put_objective(m, b, out);
    buf_putc(out, '.');
}
