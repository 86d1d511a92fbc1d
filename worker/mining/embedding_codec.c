#include "worker/mining/embedding.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mp.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "binary columns are little-endian");
_Static_assert(sizeof(struct embedding_neighbour) == 12, "written as it is: no padding");

void embedding_encode(const struct embedding *v, struct buf *out)
{
    mp_put_map(out, 3);
    mp_put_key(out, "likeness_weight");
    mp_put_real(out, v->likeness_weight);
    mp_put_key(out, "neighbour_first");
    mp_put_bin(out, v->neighbour_first, ((size_t)v->n_items + 1) * sizeof *v->neighbour_first);
    mp_put_key(out, "neighbours");
    mp_put_bin(out, v->neighbours, v->neighbour_first[v->n_items] * sizeof *v->neighbours);
}

static bool broken(struct err *e, const char *key)
{
    return err_set(e, ERR_CODEC, "embedding: '%s' is missing or malformed", key);
}

// A copy in v's memory: the bytes in the message may be unaligned. NULL: not `size` bytes.
static void *get_bin(struct embedding *v, const struct mp_value *map, const char *key, size_t size)
{
    struct str bytes;
    if (!mp_bin(mp_get(map, key), &bytes) || bytes.len != size)
        return NULL;
    void *copy = arena_alloc(&v->memory, size);
    if (size > 0)
        memcpy(copy, bytes.ptr, size);
    return copy;
}

static bool get_first(struct embedding *v, const struct mp_value *m, struct err *e)
{
    v->neighbour_first = get_bin(v, m, "neighbour_first", ((size_t)v->n_items + 1) * sizeof *v->neighbour_first);
    if (!v->neighbour_first || v->neighbour_first[0] != 0)
        return broken(e, "neighbour_first");
    for (uint32_t i = 0; i < v->n_items; i++)
        if (v->neighbour_first[i] > v->neighbour_first[i + 1])
            return broken(e, "neighbour_first");
    return true;
}

static bool list_is_possible(const struct embedding *v, uint32_t item)
{
    for (uint32_t i = v->neighbour_first[item]; i < v->neighbour_first[item + 1]; i++) {
        const struct embedding_neighbour *n = &v->neighbours[i];
        if (n->item >= v->n_items || n->item == item || !(fabsf(n->cosine) <= 1.001F) || !isfinite(n->score))
            return false;
        if (i > v->neighbour_first[item] && n[-1].score < n->score)
            return false;
    }
    return true;
}

bool embedding_decode(struct embedding **out, const struct mp_value *m, const struct dataset *d, struct err *e)
{
    AUTO(embedding_destroyp) struct embedding *v = calloc(1, sizeof *v);
    CHECK(v);
    arena_init(&v->memory, 0);
    v->n_items = d->n_items;
    if (!mp_real(mp_get(m, "likeness_weight"), &v->likeness_weight) || !isfinite(v->likeness_weight))
        return broken(e, "likeness_weight");
    if (!get_first(v, m, e))
        return false;
    v->neighbours = get_bin(v, m, "neighbours", v->neighbour_first[v->n_items] * sizeof *v->neighbours);
    if (!v->neighbours)
        return broken(e, "neighbours");
    for (uint32_t i = 0; i < v->n_items; i++)
        if (!list_is_possible(v, i))
            return broken(e, "neighbours");
    *out = v;
    v = NULL;
    return true;
}
