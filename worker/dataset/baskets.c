#include "worker/dataset/raw.h"

#include <stdlib.h>

#include "common/check.h"
#include "worker/dataset/money.h"

int64_t raw_minor(int64_t e4, unsigned decimals)
{
    int64_t minor;
    if (e4 == AMOUNT_UNKNOWN || !money_minor_of_e4(e4, decimals, &minor) || minor <= 0 || minor > MONEY_MAX)
        return MONEY_UNKNOWN;
    return minor;
}

int64_t raw_date(int64_t unix_s)
{
    return unix_s > DATE_MAX || unix_s < -DATE_MAX ? DATE_UNKNOWN : unix_s;
}

static bool is_smaller_text(const struct raw *r, uint32_t a, uint32_t b)
{
    return a != b && str_cmp(intern_text(&r->texts, a), intern_text(&r->texts, b)) < 0;
}

// Of several rows of one order (flat exports repeat it on every line) each field takes what is known, the smallest
// where rows disagree: that does not depend on which came first.
static void merge_text_number(const struct raw *r, uint32_t *into, uint32_t text)
{
    if (intern_text(&r->texts, text).len == 0)
        return;
    if (intern_text(&r->texts, *into).len == 0 || is_smaller_text(r, text, *into))
        *into = text;
}

static void merge_number(int64_t *into, int64_t number)
{
    if (number != INT64_MIN && (*into == INT64_MIN || number < *into))
        *into = number;
}

static void merge_order(const struct raw *r, struct order_info *into, const struct raw_order *row)
{
    merge_text_number(r, &into->customer, row->customer);
    merge_text_number(r, &into->currency, row->currency);
    merge_number(&into->at, row->at);
    merge_number(&into->discount_e4, row->discount_e4);
    into->is_cancelled |= row->is_cancelled;
}

static void collect_orders(const struct raw *r, struct order_info *orders)
{
    for (size_t i = 0; i < r->orders.n; i++) {
        const struct raw_order *row = &r->orders.at[i];
        struct order_info *info = &orders[row->order];
        if (intern_text(&r->order_ids, row->order).len == 0)
            continue;
        info->is_elsewhere_too |= info->is_known && row->source != info->source;
        if (info->is_known && info->source <= row->source)
            continue;
        info->source = row->source;
        if (info->is_known)
            continue;
        info->is_known = true;
        info->customer = row->customer;
        info->currency = row->currency;
        info->at = info->discount_e4 = INT64_MIN;
    }
    for (size_t i = 0; i < r->orders.n; i++) {
        const struct raw_order *row = &r->orders.at[i];
        struct order_info *info = &orders[row->order];
        if (!info->is_known || row->source != info->source)
            continue;
        if (info->is_elsewhere_too && !info->is_seeded) { // what another source said does not count
            info->customer = row->customer;
            info->currency = row->currency;
        }
        info->is_seeded = true;
        merge_order(r, info, row);
    }
}

// The currency of most orders, of equally many the bytewise smallest; texts number `none` for no order that names one.
static bool vote_currency(const struct raw *r, const struct order_info *orders, struct arena *scratch, uint32_t *winner)
{
    uint32_t *votes = ARENA_ARRAY(scratch, uint32_t, r->texts.n);
    bool is_named = false;
    for (uint32_t o = 0; o < r->order_ids.n; o++) {
        uint32_t currency = orders[o].currency;
        if (!orders[o].is_known || intern_text(&r->texts, currency).len == 0)
            continue;
        votes[currency]++;
        bool is_ahead = !is_named || votes[currency] > votes[*winner];
        if (is_ahead)
            *winner = currency;
        is_named = true;
    }
    for (uint32_t t = 0; is_named && t < r->texts.n; t++)
        if (votes[t] == votes[*winner] && is_smaller_text(r, t, *winner))
            *winner = t;
    return is_named;
}

static bool any_price(const struct raw *r, const struct products *p)
{
    for (size_t i = 0; i < p->list.n; i++)
        if (p->list.at[i].price_e4 != AMOUNT_UNKNOWN)
            return true;
    for (size_t i = 0; i < r->lines.n; i++)
        if (r->lines.at[i].price_e4 > 0)
            return true;
    return false;
}

void baskets_collect(const struct raw *r, const struct products *p, struct baskets *b, struct arena *scratch)
{
    *b = (struct baskets){.orders = ARENA_ARRAY(scratch, struct order_info, r->order_ids.n)};
    collect_orders(r, b->orders);
    b->has_prices = any_price(r, p);
    b->is_currency_named = vote_currency(r, b->orders, scratch, &b->currency_text);
    if (!b->has_prices)
        return;
    struct str code = b->is_currency_named ? intern_text(&r->texts, b->currency_text) : STR("XXX");
    CHECK(code.len == 3 && currency_decimals(code, &b->decimals));
    memcpy(b->currency, code.ptr, code.len);
}

static int compare_u64(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

// (order, source) of every order row whose order stands in several files: needed only where a run overlaps itself.
struct elsewhere {
    uint64_t *keys;
    size_t n;
};

static void elsewhere_collect(const struct raw *r, const struct baskets *b, struct elsewhere *x)
{
    *x = (struct elsewhere){0};
    if (!r->has_several_sources)
        return;
    x->keys = reallocarray(NULL, r->orders.n + 1, sizeof *x->keys);
    CHECK(x->keys);
    for (size_t i = 0; i < r->orders.n; i++)
        if (b->orders[r->orders.at[i].order].is_elsewhere_too)
            x->keys[x->n++] = (uint64_t)r->orders.at[i].order << 16 | r->orders.at[i].source;
    if (x->n > 0)
        qsort(x->keys, x->n, sizeof *x->keys, compare_u64);
}

static bool is_duplicate(const struct elsewhere *x, const struct order_info *order, const struct raw_line *line)
{
    if (line->source == order->source || !order->is_elsewhere_too)
        return false;
    uint64_t key = (uint64_t)line->order << 16 | line->source;
    return x->n > 0 && bsearch(&key, x->keys, x->n, sizeof key, compare_u64) != NULL;
}

static bool is_foreign(const struct raw *r, const struct baskets *b, const struct order_info *order)
{
    return b->is_currency_named && order->currency != b->currency_text &&
           intern_text(&r->texts, order->currency).len > 0;
}

// The first reason that holds, in this order: what concerns the order, then the product, then the line.
static uint8_t reason_of_line(const struct raw *r, const struct products *p, const struct resolution *res,
                              const struct baskets *b, const struct elsewhere *x, struct raw_line *line)
{
    const struct order_info *order = &b->orders[line->order];
    if (!order->is_known)
        return LEFT_OUT_NO_ORDER;
    if (is_duplicate(x, order, line))
        return LEFT_OUT_DUPLICATE;
    if (order->is_cancelled)
        return LEFT_OUT_CANCELLED;
    if (is_foreign(r, b, order))
        return LEFT_OUT_CURRENCY;
    if (res->left_out[line->tuple] != KEPT)
        return res->left_out[line->tuple];
    if (line->quantity <= 0)
        return LEFT_OUT_QUANTITY;
    if (line->price_e4 == AMOUNT_UNKNOWN)
        line->price_e4 = p->list.at[res->product[line->tuple]].price_e4;
    bool may_be_unknown = !b->has_prices && line->price_e4 == AMOUNT_UNKNOWN;
    return may_be_unknown || raw_minor(line->price_e4, b->decimals) != MONEY_UNKNOWN ? KEPT : LEFT_OUT_PRICE;
}

void baskets_judge(struct raw *r, const struct products *p, struct resolution *res, struct baskets *b,
                   uint32_t left_out[LEFT_OUT_REASONS])
{
    struct elsewhere x;
    elsewhere_collect(r, b, &x);
    for (size_t i = 0; i < r->lines.n; i++) {
        struct raw_line *line = &r->lines.at[i];
        line->left_out = reason_of_line(r, p, res, b, &x, line);
        if (line->left_out != KEPT) {
            left_out[line->left_out]++;
            continue;
        }
        res->kept_lines[line->tuple]++;
        b->n_kept_lines++;
        b->n_kept_orders += b->orders[line->order].kept_lines++ == 0;
    }
    free(x.keys);
    free(r->orders.at); // all said; the largest uploads need the room
    r->orders.at = NULL;
    r->orders.n = r->orders.capacity = 0;
}

struct order_key {
    int64_t at;
    uint32_t order;
};

static int compare_orders(const void *left, const void *right, void *order_ids)
{
    const struct order_key *a = left, *b = right;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return str_cmp(intern_text(order_ids, a->order), intern_text(order_ids, b->order));
}

static void number_customers(const struct raw *r, const struct baskets *b, const struct order_key *keys,
                             struct dataset *d, struct arena *scratch)
{
    uint32_t *number = ARENA_ARRAY(scratch, uint32_t, r->texts.n); // + 1
    for (uint32_t o = 0; o < d->n_orders; o++) {
        uint32_t text = b->orders[keys[o].order].customer;
        d->order_customer[o] = ID_NONE;
        if (intern_text(&r->texts, text).len == 0)
            continue;
        if (number[text] == 0)
            number[text] = ++d->n_customers;
        d->order_customer[o] = number[text] - 1;
    }
    d->has_customers = d->n_customers > 0;
}

void baskets_sort(struct raw *r, struct baskets *b, struct dataset *d, struct arena *scratch)
{
    struct order_key *keys = reallocarray(NULL, (size_t)b->n_kept_orders + 1, sizeof *keys);
    CHECK(keys);
    for (uint32_t o = 0; o < r->order_ids.n; o++)
        if (b->orders[o].kept_lines > 0)
            keys[d->n_orders++] = (struct order_key){b->orders[o].at, o};
    if (d->n_orders > 0)
        qsort_r(keys, d->n_orders, sizeof *keys, compare_orders, &r->order_ids);
    d->order_at = ARENA_ARRAY(&d->memory, int64_t, d->n_orders);
    d->order_customer = ARENA_ARRAY(&d->memory, uint32_t, d->n_orders);
    r->order_of_rank = ARENA_ARRAY(&r->memory, uint32_t, d->n_orders);
    r->n_ranked = d->n_orders;
    for (uint32_t o = 0; o < d->n_orders; o++) {
        d->order_at[o] = keys[o].at;
        r->order_of_rank[o] = keys[o].order;
        d->has_dates |= keys[o].at != DATE_UNKNOWN;
        b->orders[keys[o].order].rank = o;
    }
    number_customers(r, b, keys, d, scratch);
    free(keys);
}

static int compare_sales(const void *left, const void *right)
{
    const struct sale *a = left, *b = right;
    if (a->item != b->item)
        return a->item < b->item ? -1 : 1;
    if (a->price_e4 != b->price_e4)
        return a->price_e4 < b->price_e4 ? -1 : 1;
    if (a->quantity != b->quantity)
        return a->quantity < b->quantity ? -1 : 1;
    return (a->discount_e4 > b->discount_e4) - (a->discount_e4 < b->discount_e4);
}

// Lines in the order of orders: by_order[first[o]] .. are the raw line numbers of order o.
static uint32_t *group_lines(const struct raw *r, const struct baskets *b, uint32_t *first, uint32_t n_orders,
                             struct arena *scratch)
{
    for (uint32_t o = 0; o < r->order_ids.n; o++)
        if (b->orders[o].kept_lines > 0)
            first[b->orders[o].rank + 1] = b->orders[o].kept_lines;
    for (uint32_t o = 0; o < n_orders; o++)
        first[o + 1] += first[o];
    uint32_t *next = ARENA_ARRAY(scratch, uint32_t, n_orders);
    uint32_t *by_order = ARENA_ARRAY(scratch, uint32_t, b->n_kept_lines);
    memcpy(next, first, n_orders * sizeof *next);
    for (uint32_t i = 0; i < r->lines.n; i++)
        if (r->lines.at[i].left_out == KEPT)
            by_order[next[b->orders[r->lines.at[i].order].rank]++] = i;
    return by_order;
}

static void append_lines(struct dataset *d, const struct sale *sales, size_t n)
{
    uint32_t order_first = d->n_lines;
    for (size_t i = 0; i < n; i++) {
        if (d->n_lines == order_first || d->line_item[d->n_lines - 1] != sales[i].item) {
            d->line_item[d->n_lines] = sales[i].item;
            d->line_quantity[d->n_lines++] = sales[i].quantity;
            continue;
        }
        uint32_t *quantity = &d->line_quantity[d->n_lines - 1];
        if (__builtin_add_overflow(*quantity, sales[i].quantity, quantity))
            *quantity = UINT32_MAX;
    }
}

static int64_t order_discount(const struct raw *r, const struct baskets *b, uint32_t raw_line)
{
    return b->orders[r->lines.at[raw_line].order].discount_e4;
}

void baskets_fill(const struct raw *r, const struct products *p, const struct resolution *res, const struct baskets *b,
                  struct dataset *d, struct figures *f)
{
    uint32_t *first = ARENA_ARRAY(f->scratch, uint32_t, (size_t)d->n_orders + 1);
    uint32_t *by_order = group_lines(r, b, first, d->n_orders, f->scratch);
    uint32_t most = 0;
    for (uint32_t o = 0; o < d->n_orders; o++)
        most = first[o + 1] - first[o] > most ? first[o + 1] - first[o] : most;
    struct sale *sales = ARENA_ARRAY(f->scratch, struct sale, most);
    d->line_first = ARENA_ARRAY(&d->memory, uint32_t, (size_t)d->n_orders + 1);
    d->line_item = ARENA_ARRAY(&d->memory, uint32_t, b->n_kept_lines);
    d->line_quantity = ARENA_ARRAY(&d->memory, uint32_t, b->n_kept_lines);
    for (uint32_t o = 0; o < d->n_orders; o++) {
        uint32_t n = first[o + 1] - first[o];
        for (uint32_t i = 0; i < n; i++) {
            const struct raw_line *line = &r->lines.at[by_order[first[o] + i]];
            sales[i] = (struct sale){p->list.at[res->product[line->tuple]].item, (uint32_t)line->quantity,
                                     line->price_e4, line->discount_e4};
        }
        qsort(sales, n, sizeof *sales, compare_sales);
        append_lines(d, sales, n);
        d->line_first[o + 1] = d->n_lines;
        figures_add_order(f, o, sales, n, order_discount(r, b, by_order[first[o]]));
    }
}
