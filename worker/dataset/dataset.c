#include "worker/dataset/dataset.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "worker/dataset/money.h"

const struct enrich_rules ENRICH_RULES_DEFAULT = {
    .service_ids = STR(ENRICH_SERVICE_IDS),
    .service_words = STR(ENRICH_SERVICE_WORDS),
    .packaging = STR(ENRICH_PACKAGING),
    .season_words = STR(ENRICH_SEASON_WORDS),
    .ignores_sku_case = true,
    .as_of = DATE_UNKNOWN,
    .lines_max = 20000000,
    .memory_max_bytes = (size_t)4096 << 20,
    .slow_velocity = 0.1,
    .slow_stock = 10,
    .new_days = 30,
    .high_margin = 0.5,
};

const char *left_out_name(enum left_out reason)
{
    static const char *const NAMES[] = {
        [LEFT_OUT_QUANTITY] = "quantity",       [LEFT_OUT_PRICE] = "price",
        [LEFT_OUT_CANCELLED] = "cancelled",     [LEFT_OUT_GIFT_CARD] = "gift_card",
        [LEFT_OUT_NO_IDENTITY] = "no_identity", [LEFT_OUT_SERVICE] = "service",
        [LEFT_OUT_CURRENCY] = "currency",       [LEFT_OUT_NO_ORDER] = "no_order",
        [LEFT_OUT_DUPLICATE] = "duplicate",
    };
    CHECK((size_t)reason < ARRAY_LEN(NAMES));
    return NAMES[reason];
}

void dataset_destroy(struct dataset *d)
{
    if (!d)
        return;
    arena_fini(&d->memory);
    free(d);
}

void dataset_destroyp(struct dataset **d)
{
    dataset_destroy(*d);
    *d = NULL;
}

struct str item_display_name(const struct item *i, struct arena *memory)
{
    if (i->variant_title.len == 0)
        return i->title;
    size_t len = i->title.len + 2 + i->variant_title.len;
    char *name = arena_alloc(memory, len + 1);
    memcpy(name, i->title.ptr, i->title.len);
    memcpy(name + i->title.len, ", ", 2);
    memcpy(name + i->title.len + 2, i->variant_title.ptr, i->variant_title.len);
    return (struct str){name, len};
}

static bool broken(struct err *e, const char *what)
{
    return err_set(e, ERR_CODEC, "dataset: %s", what);
}

static bool check_head(const struct dataset *d, struct err *e)
{
    unsigned decimals = 0;
    struct str currency = {d->currency, strnlen(d->currency, sizeof d->currency)};
    bool is_known = currency.len == 0 || currency_decimals(currency, &decimals);
    if (d->currency[sizeof d->currency - 1] != '\0' || !is_known || decimals != d->decimals)
        return broken(e, "no such currency");
    if (d->has_prices != (currency.len > 0))
        return broken(e, "prices without a currency, or a currency without prices");
    if (d->as_of != DATE_UNKNOWN && (d->as_of > DATE_MAX || d->as_of < -DATE_MAX))
        return broken(e, "as_of is no date");
    return d->n_lines <= d->lines_read || broken(e, "more lines than were read");
}

static bool is_money(int64_t minor)
{
    return minor == MONEY_UNKNOWN || (minor > 0 && minor <= MONEY_MAX);
}

static bool is_share(double x)
{
    return isfinite(x) && x >= 0 && x <= 1;
}

static bool check_numbers(const struct dataset *d, const struct item *i, struct err *e)
{
    if (i->product >= d->n_products || (i->vendor_id != ID_NONE && i->vendor_id >= d->n_vendors))
        return broken(e, "an item's product or vendor does not exist");
    if (i->type_id == ID_NONE ? i->type.len > 0 : i->type_id >= d->n_types || !str_eq(i->type, d->types[i->type_id]))
        return broken(e, "an item's type does not exist");
    if (!is_money(i->price_minor) || !is_money(i->compare_at_minor) || !is_money(i->cost_minor))
        return broken(e, "an item's price is none");
    if (!d->has_prices && i->price_minor != MONEY_UNKNOWN)
        return broken(e, "a price in an upload without prices");
    if (!isfinite(i->velocity) || i->velocity < 0 || !is_share(i->avg_discount) || !is_share(i->repeat_rate) ||
        !is_share(i->discount_mean) || !is_share(i->discount_variance))
        return broken(e, "an item's figures are out of range");
    if (!isfinite(i->margin) || i->margin > 1)
        return broken(e, "an item's margin is out of range");
    if (i->created_at != DATE_UNKNOWN && (i->created_at > DATE_MAX || i->created_at < -DATE_MAX))
        return broken(e, "an item's creation date is none");
    if ((i->seasons != 0) != ((i->flags & ITEM_SEASONAL) != 0))
        return broken(e, "an item is seasonal without a season, or the other way round");
    return i->flags < ITEM_PACKAGING << 1 || broken(e, "an item has unknown flags");
}

static bool check_items(const struct dataset *d, struct err *e)
{
    for (uint32_t i = 0; i < d->n_items; i++) {
        const struct item *item = &d->items[i];
        if (item->variant_id.len == 0 || item->product_id.len == 0 || item->title.len == 0)
            return broken(e, "an item without identity or title");
        if (i > 0 && str_cmp(d->items[i - 1].variant_id, item->variant_id) >= 0)
            return broken(e, "items are not sorted by identity");
        if (item->orders > d->n_orders || item->orders_recent > item->orders || item->units < item->orders)
            return broken(e, "an item's counts contradict each other");
        if (!check_numbers(d, item, e))
            return false;
    }
    for (uint32_t t = 0; t < d->n_types; t++)
        if (d->types[t].len == 0 || (t > 0 && str_cmp(d->types[t - 1], d->types[t]) >= 0))
            return broken(e, "types are not sorted");
    return is_money(d->median_price_minor) || broken(e, "the median price is none");
}

static bool check_order(const struct dataset *d, uint32_t o, struct err *e)
{
    uint32_t first = d->line_first[o], end = d->line_first[o + 1];
    if (end <= first || end > d->n_lines)
        return broken(e, "an order without lines");
    if (o > 0 && d->order_at[o] < d->order_at[o - 1])
        return broken(e, "orders are not sorted by date");
    if (d->order_at[o] != DATE_UNKNOWN && (d->order_at[o] > DATE_MAX || d->order_at[o] < -DATE_MAX))
        return broken(e, "an order's date is none");
    if (d->order_customer[o] != ID_NONE && d->order_customer[o] >= d->n_customers)
        return broken(e, "an order's customer does not exist");
    for (uint32_t l = first; l < end; l++) {
        if (d->line_item[l] >= d->n_items || d->line_quantity[l] == 0)
            return broken(e, "a line without an item or quantity");
        if (l > first && d->line_item[l] <= d->line_item[l - 1])
            return broken(e, "lines are not sorted by item, or repeat one");
    }
    return true;
}

// What every reader divides by and allocates from must be right.
static bool check_item_orders(const struct dataset *d, struct err *e)
{
    uint32_t *left = calloc((size_t)d->n_items + 1, sizeof *left);
    CHECK(left);
    bool is_right = true;
    for (uint32_t l = 0; l < d->n_lines; l++)
        left[d->line_item[l]]++;
    for (uint32_t i = 0; i < d->n_items; i++)
        is_right &= left[i] == d->items[i].orders;
    free(left);
    return is_right || broken(e, "an item's number of orders is not that of its lines");
}

bool dataset_check(const struct dataset *d, struct err *e)
{
    if (!check_head(d, e) || !check_items(d, e))
        return false;
    if (d->n_customers > d->n_orders || d->line_first[0] != 0 || d->line_first[d->n_orders] != d->n_lines)
        return broken(e, "orders and lines do not fit together");
    for (uint32_t o = 0; o < d->n_orders; o++)
        if (!check_order(d, o, e))
            return false;
    return check_item_orders(d, e);
}
