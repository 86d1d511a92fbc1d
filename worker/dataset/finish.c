#include "worker/dataset/raw.h"

#include <stdlib.h>

#include "common/check.h"

static struct str kept(struct dataset *d, struct str text)
{
    return text.len == 0 ? STR("") : arena_str(&d->memory, text);
}

static int32_t stock_of(int64_t available)
{
    if (available == COUNT_UNKNOWN)
        return STOCK_UNKNOWN;
    if (available > INT32_MAX)
        return INT32_MAX;
    return available <= INT32_MIN ? INT32_MIN + 1 : (int32_t)available;
}

static uint32_t flags_of(const struct product *p)
{
    bool is_inactive = p->status.len > 0 && !str_eq_nocase(p->status, STR("active"));
    return (p->is_gift_card ? ITEM_GIFT_CARD : 0) | (is_inactive ? ITEM_INACTIVE : 0) |
           (p->is_in_catalog ? ITEM_IN_CATALOG : 0);
}

static void fill_item(struct dataset *d, struct item *i, const struct product *p)
{
    i->variant_id = kept(d, p->identity);
    i->product_id = p->product_id.len > 0 ? kept(d, p->product_id) : i->variant_id;
    i->sku = kept(d, p->sku);
    i->title = p->title.len > 0 ? kept(d, p->title) : i->sku.len > 0 ? i->sku : i->variant_id;
    i->variant_title = kept(d, p->variant_title);
    i->type = p->type;
    i->vendor = p->vendor;
    i->tags = kept(d, p->tags);
    i->flags = flags_of(p);
    i->price_minor = raw_minor(p->price_e4, d->decimals);
    i->compare_at_minor = raw_minor(p->compare_at_e4, d->decimals);
    i->cost_minor = raw_minor(p->cost_e4, d->decimals);
    i->stock = stock_of(p->available);
    i->created_at = p->created_at;
    d->has_catalog |= p->is_in_catalog;
    d->has_costs |= i->cost_minor != MONEY_UNKNOWN;
    d->has_stock |= i->stock != STOCK_UNKNOWN;
}

static void number_products(struct dataset *d, struct arena *scratch)
{
    struct intern products;
    intern_init(&products, scratch);
    for (uint32_t i = 0; i < d->n_items; i++)
        d->items[i].product = intern_add(&products, d->items[i].product_id);
    d->n_products = products.n;
    intern_fini(&products);
}

static int compare_texts(const void *left, const void *right)
{
    return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

// The distinct texts, sorted, in the dataset's memory.
static struct str *sorted_texts(struct dataset *d, const struct intern *texts)
{
    struct str *sorted = ARENA_ARRAY(&d->memory, struct str, texts->n);
    for (uint32_t i = 0; i < texts->n; i++)
        sorted[i] = kept(d, intern_text(texts, i));
    if (texts->n > 0)
        qsort(sorted, texts->n, sizeof *sorted, compare_texts);
    return sorted;
}

static uint32_t number_of(const struct str *sorted, uint32_t n, struct str text)
{
    if (text.len == 0)
        return ID_NONE;
    const struct str *found = bsearch(&text, sorted, n, sizeof text, compare_texts);
    CHECK(found);
    return (uint32_t)(found - sorted);
}

static void number_types_and_vendors(struct dataset *d, struct arena *scratch)
{
    struct intern types, vendors;
    intern_init(&types, scratch);
    intern_init(&vendors, scratch);
    for (uint32_t i = 0; i < d->n_items; i++) {
        if (d->items[i].type.len > 0)
            (void)intern_add(&types, d->items[i].type);
        if (d->items[i].vendor.len > 0)
            (void)intern_add(&vendors, d->items[i].vendor);
    }
    d->types = sorted_texts(d, &types);
    d->n_types = types.n;
    struct str *vendor_names = sorted_texts(d, &vendors);
    d->n_vendors = vendors.n;
    for (uint32_t i = 0; i < d->n_items; i++) {
        struct item *item = &d->items[i];
        item->type_id = number_of(d->types, d->n_types, item->type);
        item->vendor_id = number_of(vendor_names, d->n_vendors, item->vendor);
        item->type = item->type_id == ID_NONE ? STR("") : d->types[item->type_id];
        item->vendor = item->vendor_id == ID_NONE ? STR("") : vendor_names[item->vendor_id];
    }
    intern_fini(&types);
    intern_fini(&vendors);
}

static void fill_items(struct dataset *d, struct products *p, struct arena *scratch)
{
    uint32_t *order = resolve_items(p, scratch, &d->n_items);
    d->items = ARENA_ARRAY(&d->memory, struct item, d->n_items);
    for (uint32_t i = 0; i < d->n_items; i++)
        fill_item(d, &d->items[i], &p->list.at[order[i]]);
    number_products(d, scratch);
    number_types_and_vendors(d, scratch);
}

static int64_t as_of(const struct dataset *d, const struct enrich_rules *rules)
{
    if (raw_date(rules->as_of) != DATE_UNKNOWN)
        return rules->as_of;
    return d->n_orders > 0 ? d->order_at[d->n_orders - 1] : DATE_UNKNOWN;
}

static struct dataset *finish(struct raw *r, struct products *p, struct arena *scratch)
{
    struct resolution res;
    struct baskets b;
    struct figures f;
    struct dataset *d = calloc(1, sizeof *d);
    CHECK(d);
    arena_init(&d->memory, r->rules.memory_max_bytes);
    d->lines_read = r->lines.n;
    catalog_collect(r, p);
    resolve_tuples(r, p, &res);
    baskets_collect(r, p, &b, scratch);
    baskets_judge(r, p, &res, &b, scratch, d->left_out);
    resolve_texts(r, p, &res);
    memcpy(d->currency, b.currency, sizeof d->currency);
    d->decimals = b.decimals;
    d->has_prices = b.has_prices;
    fill_items(d, p, scratch);
    baskets_sort(r, &b, d);
    d->as_of = as_of(d, &r->rules);
    figures_init(&f, d, scratch);
    baskets_fill(r, p, &res, &b, d, &f);
    figures_finish(&f, &r->rules);
    return d;
}

bool raw_finish(struct raw *r, struct dataset **out, struct err *e)
{
    // Per line: where it stands, item and quantity; the rest goes with orders and products.
    size_t working_bytes =
        r->lines.n * 3 * sizeof(uint32_t) + r->order_ids.n * (sizeof(struct order_info) + 6 * sizeof(uint64_t));
    if (!raw_within(r, working_bytes, e))
        return false;
    struct arena scratch;
    struct products p;
    arena_init(&scratch, 0);
    products_init(&p, &r->rules, &r->memory);
    struct dataset *d = finish(r, &p, &scratch);
    products_fini(&p);
    arena_fini(&scratch);
    if (!arena_within(&d->memory, "the upload's dataset", e) || !dataset_check(d, e)) {
        dataset_destroy(d);
        return false;
    }
    *out = d;
    return true;
}
