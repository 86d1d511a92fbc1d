#include "worker/dataset/raw.h"

#include <stdlib.h>

#include "common/check.h"

// All figures come out of two walks over the orders (this one, and one by customer), however many items there are. Sums
// are integers, so that the order of additions cannot show.

enum { DAY_S = 86400, VELOCITY_DAYS = 60, DISCOUNT_DAYS = 180, RECENT_DAYS = 30 };

static const double USUAL_MARGIN = 0.4;    // where a shop tells no cost at all: a common retail gross margin
static const double SMALL_DISCOUNT = 0.05; // SPEC 6: a product that needs less is taken for a high-margin one

void figures_init(struct figures *f, struct dataset *d, struct arena *scratch)
{
    uint32_t n_rings = 0;
    *f = (struct figures){.data = d, .sums = ARENA_ARRAY(scratch, struct item_sums, d->n_items), .scratch = scratch};
    f->rates = ARENA_ARRAY(scratch, struct rate_sums, d->n_items);
    for (uint32_t i = 0; i < d->n_items; i++) {
        bool needs_price = d->has_prices && d->items[i].price_minor == MONEY_UNKNOWN;
        f->sums[i].price_ring = needs_price ? n_rings++ : ID_NONE;
    }
    f->rings = ARENA_ARRAY(scratch, struct price_ring, n_rings);
}

// Within the `days` before as_of, as_of included.
static bool is_within(const struct dataset *d, int64_t at, int days)
{
    return at != DATE_UNKNOWN && d->as_of != DATE_UNKNOWN && at <= d->as_of && at > d->as_of - (int64_t)days * DAY_S;
}

static __int128 gross_of(const struct sale *s)
{
    return s->price_e4 == AMOUNT_UNKNOWN ? 0 : (__int128)s->price_e4 * s->quantity;
}

// Some exports write discounts as negative amounts. No line is discounted by more than it costs.
static __int128 discount_of(const struct sale *s)
{
    if (s->discount_e4 == AMOUNT_UNKNOWN)
        return 0;
    __int128 discount = s->discount_e4 < 0 ? -(__int128)s->discount_e4 : s->discount_e4;
    __int128 gross = gross_of(s);
    return discount < gross ? discount : gross;
}

static void add_sale(struct figures *f, uint32_t item, __int128 gross, __int128 discount)
{
    struct item_sums *sums = &f->sums[item];
    if (gross == 0)
        return;
    sums->sales++;
    sums->gross += gross;
    sums->discounts += discount;
    if (discount == 0)
        return;
    uint64_t rate_bp = (uint64_t)((double)discount / (double)gross * 10000 + 0.5);
    f->rates[item].sum += rate_bp;
    f->rates[item].squares += rate_bp * rate_bp;
}

// The order's discount beyond its lines' own ones is shared out by value.
static void add_discounts(struct figures *f, const struct sale *sales, size_t n, int64_t order_discount_e4)
{
    __int128 gross = 0, of_lines = 0;
    for (size_t i = 0; i < n; i++) {
        gross += gross_of(&sales[i]);
        of_lines += discount_of(&sales[i]);
    }
    if (gross == 0)
        return;
    __int128 extra = order_discount_e4 == AMOUNT_UNKNOWN ? 0 : order_discount_e4;
    extra = (extra < 0 ? -extra : extra) - of_lines;
    if (extra < 0)
        extra = 0;
    if (extra > gross - of_lines)
        extra = gross - of_lines;
    double rate = (double)extra / (double)gross;
    for (size_t i = 0; i < n; i++) {
        __int128 of_line = gross_of(&sales[i]);
        __int128 discount = discount_of(&sales[i]) + (__int128)(rate * (double)of_line);
        add_sale(f, sales[i].item, of_line,
                 discount < of_line ? discount : of_line); // a gift cannot be given away twice
    }
}

// The count stays small, but never looks as if the ring had not been filled.
static void add_price(const struct figures *f, struct item_sums *sums, int64_t price_e4)
{
    if (sums->price_ring == ID_NONE || price_e4 == AMOUNT_UNKNOWN)
        return;
    struct price_ring *ring = &f->rings[sums->price_ring];
    if (ring->seen == 2 * PRICES_KEPT)
        ring->seen = PRICES_KEPT;
    ring->prices[ring->seen++ % PRICES_KEPT] = price_e4;
}

void figures_add_order(struct figures *f, uint32_t order, const struct sale *sales, size_t n, int64_t discount_e4)
{
    const struct dataset *d = f->data;
    int64_t at = d->order_at[order];
    bool is_in_window = is_within(d, at, VELOCITY_DAYS), is_recent = is_within(d, at, RECENT_DAYS);
    for (size_t i = 0; i < n; i++) {
        struct item_sums *sums = &f->sums[sales[i].item];
        bool is_first = i == 0 || sales[i - 1].item != sales[i].item;
        sums->orders += is_first;
        sums->orders_recent += is_first && is_recent;
        sums->units += sales[i].quantity;
        sums->units_in_window += is_in_window ? sales[i].quantity : 0;
        add_price(f, sums, sales[i].price_e4);
    }
    if (!d->has_dates || is_within(d, at, DISCOUNT_DAYS))
        add_discounts(f, sales, n, discount_e4);
}

static int compare_i64(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

// The lower median: a price that was really asked, where the mean of two middle ones may be none that ever was.
static int64_t median_of(int64_t *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_i64);
    return values[(n - 1) / 2];
}

static void set_price(const struct figures *f, struct item *item, const struct item_sums *sums)
{
    struct price_ring *ring = sums->price_ring == ID_NONE ? NULL : &f->rings[sums->price_ring];
    if (!ring || ring->seen == 0)
        return;
    size_t n = ring->seen < PRICES_KEPT ? ring->seen : PRICES_KEPT;
    item->price_minor = raw_minor(median_of(ring->prices, n), f->data->decimals);
}

// All in integers up to the last division: n * sum of squares - square of the sum.
static void set_discounts(struct item *item, const struct item_sums *sums, const struct rate_sums *rates)
{
    uint64_t n = sums->sales;
    item->sales = sums->sales;
    item->avg_discount = sums->gross > 0 ? (double)sums->discounts / (double)sums->gross : 0;
    if (item->avg_discount > 1)
        item->avg_discount = 1;
    if (n > 0)
        item->discount_mean = (double)rates->sum / (double)(n * 10000);
    if (n > 1) {
        __int128 spread = (__int128)n * rates->squares - (__int128)rates->sum * rates->sum;
        item->discount_variance = (double)spread / ((double)n * (double)(n - 1) * 1e8);
    }
}

static void set_figures(const struct figures *f, struct item *item, const struct item_sums *sums)
{
    item->orders = sums->orders;
    item->orders_recent = sums->orders_recent;
    item->units = sums->units;
    item->velocity = (double)sums->units_in_window / VELOCITY_DAYS;
    set_price(f, item, sums);
}

// Orders of each customer one after the other: first[c] .. first[c + 1].
static uint32_t *group_by_customer(const struct dataset *d, uint32_t *first, struct arena *scratch)
{
    uint32_t *by_customer = ARENA_ARRAY(scratch, uint32_t, d->n_orders);
    uint32_t *next = ARENA_ARRAY(scratch, uint32_t, d->n_customers);
    for (uint32_t o = 0; o < d->n_orders; o++)
        if (d->order_customer[o] != ID_NONE)
            first[d->order_customer[o] + 1]++;
    for (uint32_t c = 0; c < d->n_customers; c++) {
        first[c + 1] += first[c];
        next[c] = first[c];
    }
    for (uint32_t o = 0; o < d->n_orders; o++)
        if (d->order_customer[o] != ID_NONE)
            by_customer[next[d->order_customer[o]]++] = o;
    return by_customer;
}

struct repeat {
    uint32_t customer; // + 1 that bought it last
    uint32_t orders;   // of that customer
    uint32_t buyers, repeaters;
};

static void set_repeat_rates(struct dataset *d, struct arena *scratch)
{
    struct repeat *repeats = ARENA_ARRAY(scratch, struct repeat, d->n_items);
    uint32_t *first = ARENA_ARRAY(scratch, uint32_t, (size_t)d->n_customers + 1);
    uint32_t *by_customer = group_by_customer(d, first, scratch);
    for (uint32_t c = 0; c < d->n_customers; c++) {
        for (uint32_t i = first[c]; i < first[c + 1]; i++) {
            uint32_t o = by_customer[i];
            for (uint32_t l = d->line_first[o]; l < d->line_first[o + 1]; l++) {
                struct repeat *r = &repeats[d->line_item[l]];
                r->orders = r->customer == c + 1 ? r->orders + 1 : 1;
                r->customer = c + 1;
                r->buyers += r->orders == 1;
                r->repeaters += r->orders == 2;
            }
        }
    }
    for (uint32_t i = 0; i < d->n_items; i++)
        if (repeats[i].buyers > 0)
            d->items[i].repeat_rate = (double)repeats[i].repeaters / repeats[i].buyers;
}

static bool has_cost(const struct item *i)
{
    return i->cost_minor != MONEY_UNKNOWN && i->price_minor != MONEY_UNKNOWN;
}

static double margin_of(const struct item *i)
{
    return ((double)i->price_minor - (double)i->cost_minor) / (double)i->price_minor;
}

static int compare_double(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

// The shop's own usual margin: the median over the items whose cost is known.
static double usual_margin(const struct dataset *d, struct arena *scratch)
{
    double *margins = ARENA_ARRAY(scratch, double, d->n_items);
    size_t n = 0;
    for (uint32_t i = 0; i < d->n_items; i++)
        if (has_cost(&d->items[i]) && margin_of(&d->items[i]) > 0)
            margins[n++] = margin_of(&d->items[i]);
    if (n == 0)
        return USUAL_MARGIN;
    qsort(margins, n, sizeof *margins, compare_double);
    return margins[(n - 1) / 2];
}

// Cost unknown: the item was bought to earn the usual margin at its full price (compare_at where it is marked down) and
// is sold at today's price less the discounts that it usually gets.
static double estimated_margin(const struct item *i, double usual)
{
    double price = (double)i->price_minor;
    double full = i->compare_at_minor != MONEY_UNKNOWN && i->compare_at_minor > i->price_minor
                      ? (double)i->compare_at_minor
                      : price;
    double realised = price * (1 - i->avg_discount);
    double margin = realised > 0 ? 1 - full * (1 - usual) / realised : 0;
    return margin < 0 ? 0 : margin;
}

static void set_margin(struct item *i, double usual)
{
    if (i->price_minor == MONEY_UNKNOWN)
        return;
    if (i->cost_minor != MONEY_UNKNOWN) {
        i->margin = margin_of(i);
        return;
    }
    i->margin = estimated_margin(i, usual);
    i->flags |= ITEM_MARGIN_ESTIMATED;
}

static bool is_high_margin(const struct item *i, const struct enrich_rules *rules)
{
    if (i->price_minor == MONEY_UNKNOWN)
        return false;
    if (i->cost_minor != MONEY_UNKNOWN)
        return i->margin >= rules->high_margin;
    return i->orders > 0 && i->avg_discount < SMALL_DISCOUNT;
}

static void set_flags(const struct dataset *d, struct item *i, const struct enrich_rules *rules,
                      const struct words *seasons, const struct words *packaging)
{
    bool is_slow =
        d->has_dates && i->velocity < rules->slow_velocity && i->stock != STOCK_UNKNOWN && i->stock > rules->slow_stock;
    bool is_new = i->created_at != DATE_UNKNOWN && d->as_of != DATE_UNKNOWN &&
                  i->created_at >= d->as_of - (int64_t)rules->new_days * DAY_S;
    i->flags |= is_slow ? ITEM_SLOW_MOVER : 0;
    i->flags |= is_new ? ITEM_NEW_LAUNCH : 0;
    i->seasons = words_seasons(seasons, i->title) | words_seasons(seasons, i->tags);
    i->flags |= i->seasons ? ITEM_SEASONAL : 0;
    i->flags |= is_high_margin(i, rules) ? ITEM_HIGH_MARGIN : 0;
    i->flags |= words_match(packaging, i->title) ? ITEM_PACKAGING : 0;
}

static int64_t median_price(const struct dataset *d, struct arena *scratch)
{
    int64_t *prices = ARENA_ARRAY(scratch, int64_t, d->n_items);
    size_t n = 0;
    for (uint32_t i = 0; i < d->n_items; i++)
        if (d->items[i].orders > 0 && d->items[i].price_minor != MONEY_UNKNOWN)
            prices[n++] = d->items[i].price_minor;
    return n > 0 ? median_of(prices, n) : MONEY_UNKNOWN;
}

void figures_finish(struct figures *f, const struct enrich_rules *rules)
{
    struct dataset *d = f->data;
    struct words seasons, packaging;
    words_init(&packaging, rules->packaging, WORDS_WHOLE, f->scratch);
    words_init(&seasons, rules->season_words, WORDS_SEASONS, f->scratch);
    for (uint32_t i = 0; i < d->n_items; i++) {
        set_figures(f, &d->items[i], &f->sums[i]);
        set_discounts(&d->items[i], &f->sums[i], &f->rates[i]);
    }
    set_repeat_rates(d, f->scratch);
    double usual = usual_margin(d, f->scratch);
    for (uint32_t i = 0; i < d->n_items; i++) {
        set_margin(&d->items[i], usual);
        set_flags(d, &d->items[i], rules, &seasons, &packaging);
    }
    d->median_price_minor = median_price(d, f->scratch);
}
