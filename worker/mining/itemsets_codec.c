#include <stdlib.h>

#include "common/check.h"
#include "common/mp.h"
#include "worker/mining/itemsets_internal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "binary columns are little-endian");

static void put_int(struct buf *out, const char *key, uint32_t value)
{
    mp_put_key(out, key);
    mp_put_int(out, value);
}

static void put_real(struct buf *out, const char *key, double value)
{
    mp_put_key(out, key);
    mp_put_real(out, value);
}

// A set is its orders and its items, with how many there are first: n, orders, items[n].
void itemsets_encode(const struct itemsets *s, struct buf *out)
{
    struct buf columns;
    buf_init(&columns, SIZE_MAX);
    for (uint32_t i = 0; i < s->n_sets; i++) {
        const struct itemset *set = &s->sets[i];
        uint32_t head[2] = {set->n, set->orders};
        buf_put(&columns, head, sizeof head);
        buf_put(&columns, set->items, set->n * sizeof *set->items);
    }
    mp_put_map(out, 10);
    put_int(out, "n_orders", s->n_orders);
    put_int(out, "n_sets", s->n_sets);
    put_int(out, "sets_max", s->limits.sets_max);
    put_int(out, "basket_max", s->limits.basket_max);
    put_real(out, "support_min", s->limits.support_min);
    put_real(out, "confidence_min", s->limits.confidence_min);
    put_real(out, "fdr_max", s->limits.fdr_max);
    put_real(out, "shrink", s->limits.shrink);
    mp_put_key(out, "orders_min");
    mp_put_bin(out, s->orders_min, sizeof s->orders_min);
    mp_put_key(out, "sets");
    mp_put_bin(out, columns.data ? columns.data : "", columns.len);
    buf_fini(&columns);
}

static bool broken(struct err *e, const char *key)
{
    return err_set(e, ERR_CODEC, "itemsets: '%s' is missing or malformed", key);
}

static bool get_count(const struct mp_value *map, const char *key, uint64_t most, uint32_t *out, struct err *e)
{
    int64_t value;
    if (!mp_int(mp_get(map, key), &value) || value < 0 || (uint64_t)value > most)
        return broken(e, key);
    *out = (uint32_t)value;
    return true;
}

static bool get_real(const struct mp_value *map, const char *key, double most, double *out, struct err *e)
{
    return (mp_real(mp_get(map, key), out) && *out >= 0 && *out <= most) || broken(e, key); // no NaN either
}

static bool get_limits(const struct mp_value *map, struct itemset_limits *out, struct err *e)
{
    return get_count(map, "sets_max", UINT32_MAX, &out->sets_max, e) &&
           get_count(map, "basket_max", UINT32_MAX, &out->basket_max, e) &&
           get_real(map, "support_min", 1, &out->support_min, e) &&
           get_real(map, "confidence_min", 1, &out->confidence_min, e) &&
           get_real(map, "fdr_max", 1, &out->fdr_max, e) && get_real(map, "shrink", 1e9, &out->shrink, e);
}

static bool take_u32(struct str *from, uint32_t *out, size_t n)
{
    if (from->len < n * sizeof *out)
        return false;
    memcpy(out, from->ptr, n * sizeof *out);
    from->ptr += n * sizeof *out;
    from->len -= n * sizeof *out;
    return true;
}

static bool take_set(const struct itemsets *s, struct str *from, struct itemset *out)
{
    uint32_t head[2];
    if (!take_u32(from, head, 2) || head[0] < ITEMSET_ITEMS_MIN || head[0] > ITEMSET_ITEMS_MAX)
        return false;
    *out = (struct itemset){{ID_NONE, ID_NONE, ID_NONE, ID_NONE}, .n = (uint8_t)head[0], .orders = head[1]};
    if (!take_u32(from, out->items, out->n) || out->orders < s->orders_min[out->n])
        return false;
    for (uint32_t i = 0; i < out->n; i++)
        if (out->items[i] >= s->n_items || (i > 0 && out->items[i] <= out->items[i - 1]))
            return false;
    return true;
}

static bool get_head(struct itemsets *s, const struct mp_value *map, uint32_t *n_sets, struct err *e)
{
    struct str orders_min;
    uint32_t n_orders = 0;
    if (!get_count(map, "n_orders", UINT32_MAX, &n_orders, e) || !get_count(map, "n_sets", UINT32_MAX / 8, n_sets, e))
        return false;
    if (n_orders != s->n_orders)
        return err_set(e, ERR_CODEC, "itemsets: of another upload");
    if (!mp_bin(mp_get(map, "orders_min"), &orders_min) || orders_min.len != sizeof s->orders_min)
        return broken(e, "orders_min");
    memcpy(s->orders_min, orders_min.ptr, sizeof s->orders_min);
    for (uint32_t size = ITEMSET_ITEMS_MIN; size <= ITEMSET_ITEMS_MAX; size++)
        if (s->orders_min[size] < s->orders_min_asked || s->orders_min[size] < s->orders_min[size - 1])
            return broken(e, "orders_min");
    return true;
}

static struct itemset *get_sets(const struct itemsets *s, const struct mp_value *map, uint32_t n, struct err *e)
{
    struct str from;
    struct itemset *sets = NULL;
    bool is_whole = mp_bin(mp_get(map, "sets"), &from) && from.len / (4 * sizeof(uint32_t)) >= n;
    if (is_whole) {
        sets = calloc((size_t)n + 1, sizeof *sets);
        CHECK(sets);
        for (uint32_t i = 0; is_whole && i < n; i++)
            is_whole = take_set(s, &from, &sets[i]);
    }
    if (is_whole && from.len == 0)
        return sets;
    (void)broken(e, "sets");
    free(sets);
    return NULL;
}

bool itemsets_decode(struct itemsets **out, const struct mp_value *m, const struct dataset *d, struct err *e)
{
    struct itemset_limits limits;
    uint32_t n = 0;
    if (!get_limits(m, &limits, e))
        return false;
    AUTO(itemsets_destroyp) struct itemsets *s = itemsets_create(d, &limits);
    if (!get_head(s, m, &n, e))
        return false;
    struct itemset *sets = get_sets(s, m, n, e);
    bool is_finished = sets && itemsets_finish(s, sets, n, e);
    free(sets);
    if (!is_finished)
        return false;
    *out = s;
    s = NULL;
    return true;
}
