#include "worker/dataset/raw.h"

#include <stdlib.h>

#include "common/check.h"

static const uint32_t AMBIGUOUS = ID_NONE;

void lookup_init(struct lookup *l, struct arena *memory)
{
    *l = (struct lookup){0};
    intern_init(&l->keys, memory);
}

void lookup_fini(struct lookup *l)
{
    intern_fini(&l->keys);
    free(l->products);
    l->products = NULL;
}

void lookup_add(struct lookup *l, struct str key, uint32_t product)
{
    if (key.len == 0)
        return;
    uint32_t known = l->keys.n;
    uint32_t id = intern_add(&l->keys, key);
    if (id >= l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 64;
        l->products = reallocarray(l->products, l->capacity, sizeof *l->products);
        CHECK(l->products);
    }
    if (id == known)
        l->products[id] = product;
    else if (l->products[id] != product)
        l->products[id] = AMBIGUOUS;
}

uint32_t lookup_find(const struct lookup *l, struct str key)
{
    int64_t id = key.len > 0 ? intern_find(&l->keys, key) : INTERN_NONE;
    return id == INTERN_NONE ? ID_NONE : l->products[id];
}

void products_init(struct products *p, const struct enrich_rules *rules, struct arena *memory)
{
    *p = (struct products){.memory = memory, .ignores_sku_case = rules->ignores_sku_case};
    lookup_init(&p->by_identity, memory);
    lookup_init(&p->by_sku, memory);
    lookup_init(&p->by_title, memory);
    words_init(&p->service_ids, rules->service_ids, WORDS_WHOLE, memory);
    words_init(&p->service_words, rules->service_words, WORDS_SERVICE, memory);
}

void products_fini(struct products *p)
{
    lookup_fini(&p->by_identity);
    lookup_fini(&p->by_sku);
    lookup_fini(&p->by_title);
    free(p->list.at);
    p->list.at = NULL;
}

uint32_t products_add(struct products *p, struct str identity)
{
    uint32_t known = lookup_find(&p->by_identity, identity);
    if (known != ID_NONE)
        return known;
    if (p->list.n == p->list.capacity) {
        p->list.capacity = p->list.capacity ? p->list.capacity * 2 : 64;
        p->list.at = reallocarray(p->list.at, p->list.capacity, sizeof *p->list.at);
        CHECK(p->list.at);
    }
    uint32_t id = (uint32_t)p->list.n++;
    lookup_add(&p->by_identity, identity, id);
    p->list.at[id] = (struct product){
        .identity = intern_text(&p->by_identity.keys, p->by_identity.keys.n - 1),
        .created_at = DATE_UNKNOWN,
        .price_e4 = AMOUNT_UNKNOWN,
        .compare_at_e4 = AMOUNT_UNKNOWN,
        .cost_e4 = AMOUNT_UNKNOWN,
        .available = COUNT_UNKNOWN,
        .item = ID_NONE,
    };
    return id;
}

struct str products_sku_key(struct products *p, struct str sku)
{
    if (!p->ignores_sku_case)
        return sku;
    char *upper = arena_strdup(p->memory, sku.ptr, sku.len);
    for (size_t i = 0; i < sku.len; i++)
        if (upper[i] >= 'a' && upper[i] <= 'z')
            upper[i] = (char)(upper[i] - 32);
    return (struct str){upper, sku.len};
}

static struct str joined(struct products *p, struct str a, struct str separator, struct str b)
{
    size_t len = a.len + separator.len + b.len;
    char *text = arena_alloc(p->memory, len + 1);
    memcpy(text, a.ptr, a.len);
    memcpy(text + a.len, separator.ptr, separator.len);
    memcpy(text + a.len + separator.len, b.ptr, b.len);
    return (struct str){text, len};
}

static struct str title_key(struct products *p, struct str title, struct str variant_title)
{
    return title.len == 0 ? STR("") : joined(p, title, STR("\x1f"), variant_title);
}

void products_index(struct products *p, uint32_t product, struct str sku, struct str title, struct str variant_title)
{
    lookup_add(&p->by_sku, products_sku_key(p, sku), product);
    if (title.len == 0)
        return;
    lookup_add(&p->by_title, title_key(p, title, variant_title), product);
    if (variant_title.len > 0) // one text for both, as order exports write it: "Blue Mug - Large"
        lookup_add(&p->by_title, title_key(p, joined(p, title, STR(" - "), variant_title), STR("")), product);
}

uint32_t products_find_sku(struct products *p, struct str sku)
{
    return sku.len > 0 ? lookup_find(&p->by_sku, products_sku_key(p, sku)) : ID_NONE;
}

uint32_t products_find_title(struct products *p, struct str title, struct str variant_title)
{
    return title.len > 0 ? lookup_find(&p->by_title, title_key(p, title, variant_title)) : ID_NONE;
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

// The order in which rows of one product are merged, first known wins: variants rows before catalogue rows, later files
// before earlier ones, and then by content, so that the order of arrival never shows.
static int compare_rows(const void *left, const void *right)
{
    const struct raw_product *a = left, *b = right;
    if (a->is_variants_row != b->is_variants_row)
        return a->is_variants_row ? -1 : 1;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    const struct str texts[][2] = {
        {a->variant_id, b->variant_id},
        {a->sku, b->sku},
        {a->title, b->title},
        {a->variant_title, b->variant_title},
        {a->product_id, b->product_id},
        {a->inventory_item, b->inventory_item},
        {a->type, b->type},
        {a->vendor, b->vendor},
        {a->tags, b->tags},
        {a->status, b->status},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int order = texts[i][0].ptr == texts[i][1].ptr ? 0 : str_cmp(texts[i][0], texts[i][1]);
        if (order != 0)
            return order;
    }
    const int64_t numbers[][2] = {
        {a->price_e4, b->price_e4},   {a->compare_at_e4, b->compare_at_e4}, {a->cost_e4, b->cost_e4},
        {a->available, b->available}, {a->created_at, b->created_at},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (numbers[i][0] != numbers[i][1])
            return compare_i64(numbers[i][0], numbers[i][1]);
    return 0;
}

static void merge_text(struct str *into, struct str text)
{
    if (into->len == 0)
        *into = text;
}

// Exports write 0 where nobody filled in a price or cost.
static void merge_amount(int64_t *into, int64_t e4)
{
    if (*into == AMOUNT_UNKNOWN && e4 > 0)
        *into = e4;
}

static void merge_row(struct product *p, const struct raw_product *row)
{
    p->is_in_catalog = true;
    merge_text(&p->product_id, row->product_id);
    merge_text(&p->sku, row->sku);
    merge_text(&p->title, row->title);
    merge_text(&p->variant_title, row->variant_title);
    merge_text(&p->type, row->type);
    merge_text(&p->vendor, row->vendor);
    merge_text(&p->tags, row->tags);
    merge_text(&p->status, row->status);
    merge_text(&p->inventory_item, row->inventory_item);
    merge_amount(&p->price_e4, row->price_e4);
    merge_amount(&p->compare_at_e4, row->compare_at_e4);
    merge_amount(&p->cost_e4, row->cost_e4);
    if (p->available == COUNT_UNKNOWN)
        p->available = row->available;
    if (p->created_at == DATE_UNKNOWN)
        p->created_at = row->created_at;
}

// The SKU names a product where rows have no variant id, unless rows with different titles share it.
static struct str identity_of(struct products *p, const struct lookup *titles_of_sku, const struct raw_product *row)
{
    struct str sku = products_sku_key(p, row->sku);
    bool is_shared = row->title.len > 0 && sku.len > 0 && lookup_find(titles_of_sku, sku) == AMBIGUOUS;
    if (sku.len > 0 && !is_shared)
        return sku;
    if (row->title.len == 0 || row->variant_title.len == 0)
        return row->title;
    return joined(p, row->title, STR(" - "), row->variant_title);
}

static void collect_without_id(struct raw *r, struct products *p)
{
    struct lookup titles_of_sku;
    struct intern titles;
    lookup_init(&titles_of_sku, p->memory);
    intern_init(&titles, p->memory);
    for (size_t i = 0; i < r->products.n; i++) {
        const struct raw_product *row = &r->products.at[i];
        if (row->variant_id.len == 0 && row->title.len > 0)
            lookup_add(&titles_of_sku, products_sku_key(p, row->sku),
                       intern_add(&titles, title_key(p, row->title, row->variant_title)));
    }
    for (size_t i = 0; i < r->products.n; i++) {
        const struct raw_product *row = &r->products.at[i];
        if (row->variant_id.len > 0)
            continue;
        uint32_t product = products_find_sku(p, row->sku);
        struct str identity = identity_of(p, &titles_of_sku, row);
        if (product == ID_NONE && identity.len > 0)
            product = products_add(p, identity);
        if (product != ID_NONE)
            merge_row(&p->list.at[product], row);
    }
    intern_fini(&titles);
    lookup_fini(&titles_of_sku);
}

static int compare_inventory(const void *left, const void *right)
{
    const struct raw_inventory *a = left, *b = right;
    int order = a->item.ptr == b->item.ptr ? 0 : str_cmp(a->item, b->item);
    if (order == 0)
        order = a->location.ptr == b->location.ptr ? 0 : str_cmp(a->location, b->location);
    if (order == 0)
        order = -compare_i64(a->updated_at, b->updated_at);
    if (order == 0)
        order = (a->source > b->source) - (a->source < b->source);
    return order ? order : -compare_i64(a->available, b->available);
}

// Of one location the newest level counts; locations add up.
static int64_t available_of(const struct raw *r, struct str item)
{
    size_t low = 0, high = r->inventory.n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (str_cmp(r->inventory.at[mid].item, item) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    int64_t sum = COUNT_UNKNOWN;
    for (size_t i = low; i < r->inventory.n && str_eq(r->inventory.at[i].item, item); i++) {
        if (i > low && str_eq(r->inventory.at[i].location, r->inventory.at[i - 1].location))
            continue;
        int64_t available = r->inventory.at[i].available;
        if (sum == COUNT_UNKNOWN)
            sum = 0;
        if (__builtin_add_overflow(sum, available, &sum))
            sum = available < 0 ? INT64_MIN + 1 : INT64_MAX;
    }
    return sum;
}

static void finish_product(const struct raw *r, struct products *p, struct product *product)
{
    int64_t available = product->inventory_item.len > 0 ? available_of(r, product->inventory_item) : COUNT_UNKNOWN;
    if (available != COUNT_UNKNOWN)
        product->available = available;
    product->is_service = words_match(&p->service_words, product->title);
    product->is_gift_card = words_are_gift_card(product->title) || words_are_gift_card_type(product->type);
}

void catalog_collect(struct raw *r, struct products *p)
{
    if (r->products.n > 0)
        qsort(r->products.at, r->products.n, sizeof *r->products.at, compare_rows);
    if (r->inventory.n > 0)
        qsort(r->inventory.at, r->inventory.n, sizeof *r->inventory.at, compare_inventory);
    for (size_t i = 0; i < r->products.n; i++) {
        if (r->products.at[i].variant_id.len == 0)
            continue;
        uint32_t product = products_add(p, r->products.at[i].variant_id);
        merge_row(&p->list.at[product], &r->products.at[i]);
    }
    for (uint32_t i = 0; i < p->list.n; i++)
        lookup_add(&p->by_sku, products_sku_key(p, p->list.at[i].sku), i);
    collect_without_id(r, p);
    for (uint32_t i = 0; i < p->list.n; i++) {
        struct product *product = &p->list.at[i];
        finish_product(r, p, product);
        products_index(p, i, product->sku, product->title, product->variant_title);
    }
}
