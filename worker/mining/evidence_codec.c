#include "worker/mining/evidence.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mp.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "binary columns are little-endian");
_Static_assert(sizeof(struct neighbour) == 20 && sizeof(struct item_pair) == 24, "written as they are: no padding");

static void put_bin(struct buf *out, const char *key, const void *data, size_t n, size_t size)
{
    mp_put_key(out, key);
    mp_put_bin(out, data, n * size);
}

static void put_int(struct buf *out, const char *key, uint64_t value)
{
    mp_put_key(out, key);
    mp_put_int(out, (int64_t)value);
}

void evidence_encode(const struct evidence *v, struct buf *out)
{
    mp_put_map(out, 11);
    put_int(out, "n_items", v->n_items);
    put_int(out, "n_orders", v->n_orders);
    put_int(out, "n_multi", v->n_multi);
    put_int(out, "n_too_large", v->n_too_large);
    put_int(out, "pair_increments", v->pair_increments);
    put_int(out, "pairs_distinct", v->pairs_distinct);
    mp_put_key(out, "kappa");
    mp_put_real(out, v->kappa);
    put_bin(out, "item_multi", v->item_multi, v->n_items, sizeof *v->item_multi);
    put_bin(out, "neighbour_first", v->neighbour_first, (size_t)v->n_items + 1, sizeof *v->neighbour_first);
    put_bin(out, "neighbours", v->neighbours, v->neighbour_first[v->n_items], sizeof *v->neighbours);
    put_bin(out, "pairs", v->pairs, v->n_pairs, sizeof *v->pairs);
}

static bool broken(struct err *e, const char *key)
{
    return err_set(e, ERR_CODEC, "evidence: '%s' is missing or malformed", key);
}

static bool get_count(const struct mp_value *map, const char *key, uint64_t most, uint64_t *out, struct err *e)
{
    int64_t value;
    if (!mp_int(mp_get(map, key), &value) || value < 0 || (uint64_t)value > most)
        return broken(e, key);
    *out = (uint64_t)value;
    return true;
}

// A copy in v's memory (the bytes in the message may be unaligned), and how many there are.
static bool get_bin(struct evidence *v, const struct mp_value *map, const char *key, size_t size, void *out, size_t *n,
                    struct err *e)
{
    struct str bytes;
    if (!mp_bin(mp_get(map, key), &bytes) || bytes.len % size != 0 || bytes.len / size > UINT32_MAX)
        return broken(e, key);
    *n = bytes.len / size;
    void *copy = arena_alloc_array(&v->memory, *n, size);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    memcpy(out, &copy, sizeof copy);
    return true;
}

static bool get_head(struct evidence *v, const struct mp_value *map, const struct dataset *d, struct err *e)
{
    uint64_t n_items = 0, n_orders = 0, n_multi = 0, n_too_large = 0;
    if (!get_count(map, "n_items", d->n_items, &n_items, e) || !get_count(map, "n_orders", d->n_orders, &n_orders, e) ||
        !get_count(map, "n_multi", n_orders, &n_multi, e) ||
        !get_count(map, "n_too_large", n_orders - n_multi, &n_too_large, e) ||
        !get_count(map, "pair_increments", INT64_MAX, &v->pair_increments, e) ||
        !get_count(map, "pairs_distinct", v->pair_increments, &v->pairs_distinct, e))
        return false;
    if (n_items != d->n_items || n_orders != d->n_orders)
        return err_set(e, ERR_CODEC, "evidence: of another upload");
    if (!mp_real(mp_get(map, "kappa"), &v->kappa) || !isfinite(v->kappa) || v->kappa < 0)
        return broken(e, "kappa");
    v->n_items = (uint32_t)n_items;
    v->n_orders = (uint32_t)n_orders;
    v->n_multi = (uint32_t)n_multi;
    v->n_too_large = (uint32_t)n_too_large;
    return true;
}

static bool check_marginals(const struct evidence *v, const struct dataset *d, struct err *e)
{
    for (uint32_t i = 0; i < v->n_items; i++)
        if (v->item_multi[i] > v->n_multi || v->item_multi[i] > d->items[i].orders)
            return broken(e, "item_multi");
    return true;
}

static bool counts_are_possible(const struct evidence *v, uint32_t a, uint32_t b, uint32_t orders, uint32_t recent,
                                float score)
{
    return a < v->n_items && b < v->n_items && a != b && orders >= 1 && recent <= orders &&
           orders <= v->item_multi[a] && orders <= v->item_multi[b] && isfinite(score);
}

static bool is_share(float x)
{
    return x >= 0 && x <= 1;
}

static bool check_list(const struct evidence *v, uint32_t item, struct err *e)
{
    for (uint32_t i = v->neighbour_first[item]; i < v->neighbour_first[item + 1]; i++) {
        const struct neighbour *n = &v->neighbours[i];
        if (!counts_are_possible(v, item, n->item, n->orders, n->orders_recent, n->score) || !is_share(n->relevance))
            return broken(e, "neighbours");
        if (i == v->neighbour_first[item])
            continue;
        bool is_sorted = n[-1].relevance > n->relevance || (n[-1].relevance == n->relevance && n[-1].item < n->item);
        if (!is_sorted)
            return broken(e, "neighbours");
    }
    return true;
}

static bool check_neighbours(const struct evidence *v, size_t n, struct err *e)
{
    if (v->neighbour_first[0] != 0 || v->neighbour_first[v->n_items] != n)
        return broken(e, "neighbour_first");
    for (uint32_t i = 0; i < v->n_items; i++)
        if (v->neighbour_first[i] > v->neighbour_first[i + 1])
            return broken(e, "neighbour_first");
    for (uint32_t i = 0; i < v->n_items; i++)
        if (!check_list(v, i, e))
            return false;
    return true;
}

static bool check_pairs(const struct evidence *v, struct err *e)
{
    for (uint32_t i = 0; i < v->n_pairs; i++) {
        const struct item_pair *p = &v->pairs[i];
        if (p->a >= p->b || !counts_are_possible(v, p->a, p->b, p->orders, p->orders_recent, p->score))
            return broken(e, "pairs");
        if (!isfinite(p->gain) || p->gain < 0 || (i > 0 && p[-1].gain < p->gain))
            return broken(e, "pairs");
    }
    return true;
}

bool evidence_decode(struct evidence **out, const struct mp_value *m, const struct dataset *d, struct err *e)
{
    AUTO(evidence_destroyp) struct evidence *v = calloc(1, sizeof *v);
    size_t n_multi, n_first, n_neighbours, n_pairs;
    CHECK(v);
    arena_init(&v->memory, 0);
    if (!get_head(v, m, d, e) || !get_bin(v, m, "item_multi", sizeof *v->item_multi, &v->item_multi, &n_multi, e) ||
        !get_bin(v, m, "neighbour_first", sizeof *v->neighbour_first, &v->neighbour_first, &n_first, e) ||
        !get_bin(v, m, "neighbours", sizeof *v->neighbours, &v->neighbours, &n_neighbours, e) ||
        !get_bin(v, m, "pairs", sizeof *v->pairs, &v->pairs, &n_pairs, e))
        return false;
    if (n_multi != v->n_items || n_first != (size_t)v->n_items + 1)
        return broken(e, "item_multi");
    v->n_pairs = (uint32_t)n_pairs;
    if (!check_marginals(v, d, e) || !check_neighbours(v, n_neighbours, e) || !check_pairs(v, e))
        return false;
    *out = v;
    v = NULL;
    return true;
}
