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

static bool is_smaller_text(const struct intern *texts, uint32_t a, uint32_t b)
{
    return a != b && str_cmp(intern_text(texts, a), intern_text(texts, b)) < 0;
}

// Of several rows of one order (flat exports repeat it on every line) each field takes what is known, the smallest
// where rows disagree: that does not depend on which came first.
static uint32_t merged_text(const struct intern *texts, uint32_t known, uint32_t text)
{
    if (intern_text(texts, text).len == 0)
        return known;
    return intern_text(texts, known).len == 0 || is_smaller_text(texts, text, known) ? text : known;
}

static void merge_number(int64_t *into, int64_t number)
{
    if (number != INT64_MIN && (*into == INT64_MIN || number < *into))
        *into = number;
}

static void merge_order(const struct raw *r, struct order_info *into, const struct raw_order *row)
{
    into->customer = merged_text(&r->texts, into->customer, row->customer);
    into->currency = (uint8_t)merged_text(&r->currencies, into->currency, row->currency);
    merge_number(&into->at, row->at);
    merge_number(&into->discount_e4, row->discount_e4);
    into->is_cancelled = into->is_cancelled || row->is_cancelled;
}

// Which of its sources an order is taken from.
static void note_source(const struct raw *r, struct order_info *info, const struct raw_order *row)
{
    if (intern_text(&r->order_ids, row->order).len == 0)
        return;
    if (info->is_known && row->source != info->source)
        info->is_elsewhere_too = true;
    if (info->is_known && info->source <= row->source)
        return;
    info->source = row->source;
    info->is_known = true;
}

static void take_row(const struct raw *r, struct order_info *info, const struct raw_order *row)
{
    if (!info->is_known || row->source != info->source)
        return;
    if (!info->is_seeded) {
        info->customer = row->customer;
        info->currency = row->currency;
        info->at = info->discount_e4 = INT64_MIN;
        info->is_seeded = true;
    }
    merge_order(r, info, row);
}

static void collect_orders(const struct raw *r, struct order_info *orders)
{
    struct raw_order row = {0};
    for (size_t at = 0; at < r->orders.len;) {
        at = unpack_order(&r->orders, at, &row);
        note_source(r, &orders[row.order], &row);
    }
    row = (struct raw_order){0};
    for (size_t at = 0; at < r->orders.len;) {
        at = unpack_order(&r->orders, at, &row);
        take_row(r, &orders[row.order], &row);
    }
}

// The currency of most orders, of equally many the bytewise smallest; false: no order names one.
static bool vote_currency(const struct raw *r, const struct order_info *orders, uint32_t *winner)
{
    uint32_t votes[CURRENCIES_MAX + 1] = {0};
    bool is_named = false;
    for (uint32_t o = 0; o < r->order_ids.n; o++)
        votes[orders[o].currency] += orders[o].is_known;
    for (uint32_t c = 0; c < r->currencies.n; c++) {
        if (votes[c] == 0 || intern_text(&r->currencies, c).len == 0)
            continue;
        if (!is_named || votes[c] > votes[*winner] ||
            (votes[c] == votes[*winner] && is_smaller_text(&r->currencies, c, *winner)))
            *winner = c;
        is_named = true;
    }
    return is_named;
}

static bool any_price(const struct raw *r, const struct products *p)
{
    for (size_t i = 0; i < p->list.n; i++)
        if (p->list.at[i].price_e4 != AMOUNT_UNKNOWN)
            return true;
    return r->has_line_prices;
}

void baskets_collect(const struct raw *r, const struct products *p, struct baskets *b, struct arena *scratch)
{
    *b = (struct baskets){.n_raw_orders = r->order_ids.n};
    b->orders = ARENA_ARRAY(scratch, struct order_info, b->n_raw_orders);
    collect_orders(r, b->orders);
    b->has_prices = any_price(r, p);
    b->is_currency_named = vote_currency(r, b->orders, &b->currency_number);
    if (!b->has_prices)
        return;
    struct str code = b->is_currency_named ? intern_text(&r->currencies, b->currency_number) : STR("XXX");
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
    struct raw_order row = {0};
    x->keys = reallocarray(NULL, (size_t)r->orders.n + 1, sizeof *x->keys);
    CHECK(x->keys);
    for (size_t at = 0; at < r->orders.len;) {
        at = unpack_order(&r->orders, at, &row);
        if (b->orders[row.order].is_elsewhere_too)
            x->keys[x->n++] = (uint64_t)row.order << 16 | row.source;
    }
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
    return b->is_currency_named && order->currency != b->currency_number &&
           intern_text(&r->currencies, order->currency).len > 0;
}

// What the line says, else the product's list price.
static int64_t price_of_line(const struct products *p, const struct resolution *res, const struct raw_line *line)
{
    return line->price_e4 != AMOUNT_UNKNOWN ? line->price_e4 : p->list.at[res->product[line->tuple]].price_e4;
}

// The first reason that holds, in this order: what concerns the order, then the product, then the line.
static uint8_t reason_of_line(const struct raw *r, const struct products *p, const struct resolution *res,
                              const struct baskets *b, const struct elsewhere *x, const struct raw_line *line)
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
    int64_t price_e4 = price_of_line(p, res, line);
    bool may_be_unknown = !b->has_prices && price_e4 == AMOUNT_UNKNOWN;
    return may_be_unknown || raw_minor(price_e4, b->decimals) != MONEY_UNKNOWN ? KEPT : LEFT_OUT_PRICE;
}

static bool is_kept(const struct baskets *b, uint32_t line)
{
    return b->is_line_kept[line / 8] >> (line % 8) & 1;
}

static void keep_line(struct resolution *res, struct baskets *b, uint32_t number, const struct raw_line *line)
{
    b->is_line_kept[number / 8] |= (uint8_t)(1u << (number % 8));
    res->kept_lines[line->tuple]++;
    b->n_kept_lines++;
    b->n_kept_orders += b->orders[line->order].kept_lines++ == 0;
}

void baskets_judge(struct raw *r, const struct products *p, struct resolution *res, struct baskets *b,
                   struct arena *scratch, uint32_t left_out[LEFT_OUT_REASONS])
{
    struct elsewhere x;
    struct raw_line line = {0};
    elsewhere_collect(r, b, &x);
    pack_fini(&r->orders);
    b->is_line_kept = ARENA_ARRAY(scratch, uint8_t, r->lines.n / 8 + 1);
    for (size_t at = 0, number = 0; at < r->lines.len; number++) {
        at = unpack_line(&r->lines, at, &line);
        uint8_t reason = reason_of_line(r, p, res, b, &x, &line);
        if (reason == KEPT)
            keep_line(res, b, (uint32_t)number, &line);
        else
            left_out[reason]++;
    }
    free(x.keys);
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
                             struct dataset *d)
{
    uint32_t *number = calloc((size_t)r->texts.n + 1, sizeof *number); // + 1
    CHECK(number);
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
    free(number);
}

static void keep_ranks(struct raw *r, const struct order_key *keys, uint32_t n)
{
    r->order_of_rank = ARENA_ARRAY(&r->memory, uint32_t, n);
    r->n_ranked = n;
    for (uint32_t o = 0; o < n; o++)
        r->order_of_rank[o] = keys[o].order;
}

void baskets_sort(struct raw *r, struct baskets *b, struct dataset *d)
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
    for (uint32_t o = 0; o < d->n_orders; o++) {
        d->order_at[o] = keys[o].at;
        d->has_dates |= keys[o].at != DATE_UNKNOWN;
        b->orders[keys[o].order].rank = o;
    }
    number_customers(r, b, keys, d);
    intern_fini(&r->texts);
    if (r->keeps_order_ids) {
        keep_ranks(r, keys, d->n_orders);
    } else {
        intern_fini(&r->order_ids);
        arena_fini(&r->order_memory);
    }
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

// Lines in the order of orders: at[first[o]] .. say where the raw lines of order o stand, raw[o] which order it is.
struct grouped {
    uint32_t *first, *at, *raw;
};

static struct grouped group_lines(const struct raw *r, const struct baskets *b, uint32_t n_orders,
                                  struct arena *scratch)
{
    struct grouped g = {ARENA_ARRAY(scratch, uint32_t, (size_t)n_orders + 1),
                        ARENA_ARRAY(scratch, uint32_t, b->n_kept_lines), ARENA_ARRAY(scratch, uint32_t, n_orders)};
    for (uint32_t o = 0; o < b->n_raw_orders; o++) {
        if (b->orders[o].kept_lines == 0)
            continue;
        g.first[b->orders[o].rank + 1] = b->orders[o].kept_lines;
        g.raw[b->orders[o].rank] = o;
    }
    for (uint32_t o = 0; o < n_orders; o++)
        g.first[o + 1] += g.first[o];
    uint32_t *next = ARENA_ARRAY(scratch, uint32_t, n_orders);
    struct raw_line line = {0};
    memcpy(next, g.first, n_orders * sizeof *next);
    for (size_t at = 0, number = 0, end; at < r->lines.len; at = end, number++) {
        end = unpack_line(&r->lines, at, &line);
        if (is_kept(b, (uint32_t)number))
            g.at[next[b->orders[line.order].rank]++] = (uint32_t)at;
    }
    return g;
}

static struct sale sale_of(const struct raw *r, const struct products *p, const struct resolution *res, uint32_t at)
{
    struct raw_line line = {0};
    (void)unpack_line(&r->lines, at, &line);
    return (struct sale){p->list.at[res->product[line.tuple]].item, (uint32_t)line.quantity,
                         price_of_line(p, res, &line), line.discount_e4};
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

void baskets_fill(const struct raw *r, const struct products *p, const struct resolution *res, const struct baskets *b,
                  struct dataset *d, struct figures *f)
{
    const struct grouped g = group_lines(r, b, d->n_orders, f->scratch);
    uint32_t most = 0;
    for (uint32_t o = 0; o < d->n_orders; o++)
        most = g.first[o + 1] - g.first[o] > most ? g.first[o + 1] - g.first[o] : most;
    struct sale *sales = ARENA_ARRAY(f->scratch, struct sale, most);
    d->line_first = ARENA_ARRAY(&d->memory, uint32_t, (size_t)d->n_orders + 1);
    d->line_item = ARENA_ARRAY(&d->memory, uint32_t, b->n_kept_lines);
    d->line_quantity = ARENA_ARRAY(&d->memory, uint32_t, b->n_kept_lines);
    for (uint32_t o = 0; o < d->n_orders; o++) {
        uint32_t n = g.first[o + 1] - g.first[o];
        for (uint32_t i = 0; i < n; i++)
            sales[i] = sale_of(r, p, res, g.at[g.first[o] + i]);
        qsort(sales, n, sizeof *sales, compare_sales);
        append_lines(d, sales, n);
        d->line_first[o + 1] = d->n_lines;
        figures_add_order(f, o, sales, n, b->orders[g.raw[o]].discount_e4);
    }
}
