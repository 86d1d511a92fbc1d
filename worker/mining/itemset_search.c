#include "worker/mining/itemset_search.h"

#include <stdlib.h>

#include "common/check.h"
#include "worker/mining/bitset.h"

enum { SIZES = ITEMSET_ITEMS_MAX + 1 };

// ---- what is kept, and from how many orders on ----

struct found {
    uint32_t ranks[ITEMSET_ITEMS_MAX]; // descending
    uint32_t orders;
};

struct keeper { // the sets of one size
    struct found *sets;
    size_t n, capacity;
    uint64_t n_frequent; // of these with at least orders_min orders
    uint32_t orders_min;
    uint32_t *n_with; // by orders
};

static void keeper_compact(struct keeper *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++)
        if (k->sets[i].orders >= k->orders_min)
            k->sets[n++] = k->sets[i];
    k->n = n;
}

static void keeper_make_room(struct keeper *k)
{
    keeper_compact(k);
    if (k->n < k->capacity / 2)
        return;
    k->capacity = k->capacity ? k->capacity * 2 : 256;
    k->sets = reallocarray(k->sets, k->capacity, sizeof *k->sets);
    CHECK(k->sets);
}

static void keeper_raise(struct keeper *k, uint32_t orders_min)
{
    while (k->orders_min < orders_min)
        k->n_frequent -= k->n_with[k->orders_min++];
}

static void keeper_add(struct keeper *k, const struct found *f)
{
    if (k->n == k->capacity)
        keeper_make_room(k);
    k->sets[k->n++] = *f;
    k->n_with[f->orders]++;
    k->n_frequent++;
}

// ---- the search ----

struct visit { // of an item to an order: where the order's more frequent items stand
    uint32_t first, n;
};

struct partner {
    uint32_t rank, orders; // joint
};

struct extension { // an item that the prefix at hand may be extended with
    uint32_t rank, orders;
    const uint64_t *bits;
};

struct level { // prefixes of one length
    struct extension *list;
    uint32_t n;
    uint32_t *slot_of; // by rank: place in the list + 1; 0: not in it
    uint64_t *bits;    // orders that have the whole prefix
};

struct search {
    const struct itemset_search *q;
    bitset_count_function count_and;
    const atomic_bool *is_cancelled;
    struct arena memory;
    uint32_t n_ranks; // frequent items
    uint32_t *items;  // by rank: most frequent first
    uint32_t *ranks;  // the orders' frequent items, ascending
    uint32_t *visit_first;
    struct visit *visits;
    struct keeper kept[SIZES];
    uint32_t *partner_first; // by rank
    struct partner *partners;
    struct level levels[SIZES];
    uint32_t prefix[SIZES];
    size_t words; // of the bitsets of the item at hand
    uint64_t *projected;
    size_t projected_capacity; // words
};

static bool is_cancelled(const struct search *s)
{
    return s->is_cancelled && atomic_load_explicit(s->is_cancelled, memory_order_relaxed);
}

static void add(struct search *s, uint32_t size, uint32_t orders)
{
    struct found f = {.orders = orders};
    memcpy(f.ranks, s->prefix, size * sizeof *f.ranks);
    keeper_add(&s->kept[size], &f);
    if (s->kept[size].n_frequent <= s->q->sets_max)
        return;
    while (s->kept[size].n_frequent > s->q->sets_max)
        keeper_raise(&s->kept[size], s->kept[size].orders_min + 1);
    for (uint32_t larger = size + 1; larger < SIZES; larger++)
        keeper_raise(&s->kept[larger], s->kept[size].orders_min);
}

struct ranked {
    uint32_t orders, item;
};

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *x = left, *y = right;
    if (x->orders != y->orders)
        return x->orders > y->orders ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static void rank_items(struct search *s, uint32_t *rank_of)
{
    uint32_t n_items = s->q->data->n_items;
    struct ranked *ranked = ARENA_ARRAY(&s->memory, struct ranked, (size_t)n_items + 1);
    for (uint32_t i = 0; i < n_items; i++)
        if (s->q->item_orders[i] >= s->q->orders_min)
            ranked[s->n_ranks++] = (struct ranked){s->q->item_orders[i], i};
    qsort(ranked, s->n_ranks, sizeof *ranked, compare_ranked);
    s->items = ARENA_ARRAY(&s->memory, uint32_t, s->n_ranks);
    s->visit_first = ARENA_ARRAY(&s->memory, uint32_t, (size_t)s->n_ranks + 1);
    memset(rank_of, 0xff, n_items * sizeof *rank_of); // ID_NONE
    for (uint32_t r = 0; r < s->n_ranks; r++) {
        s->items[r] = ranked[r].item;
        rank_of[ranked[r].item] = r;
        s->visit_first[r + 1] = s->visit_first[r] + ranked[r].orders;
    }
}

// Notes for each item its orders, and for each order where its items will stand.
static void list_visits(struct search *s, const uint32_t *rank_of, uint32_t *order_first)
{
    const struct dataset *d = s->q->data;
    uint32_t *at = ARENA_ARRAY(&s->memory, uint32_t, s->n_ranks), n = 0;
    memcpy(at, s->visit_first, s->n_ranks * sizeof *at);
    for (uint32_t o = 0; o < d->n_orders; o++) {
        uint32_t size = d->line_first[o + 1] - d->line_first[o];
        order_first[o] = n;
        if (size < 2 || size > s->q->basket_max)
            continue;
        for (uint32_t l = d->line_first[o]; l < d->line_first[o + 1]; l++) {
            uint32_t rank = rank_of[d->line_item[l]];
            if (rank == ID_NONE)
                continue;
            s->visits[at[rank]++].first = o;
            n++;
        }
    }
}

// Writes the orders' items by walking the items in order: so they come out sorted.
static void fill_orders(struct search *s, const uint32_t *order_first)
{
    uint32_t *n_filled = ARENA_ARRAY(&s->memory, uint32_t, s->q->data->n_orders);
    for (uint32_t r = 0; r < s->n_ranks; r++) {
        for (uint32_t v = s->visit_first[r]; v < s->visit_first[r + 1]; v++) {
            uint32_t order = s->visits[v].first;
            s->visits[v] = (struct visit){order_first[order], n_filled[order]++};
            s->ranks[s->visits[v].first + s->visits[v].n] = r;
        }
    }
}

static void prepare(struct search *s)
{
    const struct dataset *d = s->q->data;
    uint32_t *rank_of = ARENA_ARRAY(&s->memory, uint32_t, d->n_items);
    uint32_t *order_first = ARENA_ARRAY(&s->memory, uint32_t, d->n_orders);
    rank_items(s, rank_of);
    uint32_t n_visits = s->visit_first[s->n_ranks], most = s->n_ranks ? s->visit_first[1] : 0;
    s->visits = ARENA_ARRAY(&s->memory, struct visit, n_visits);
    s->ranks = ARENA_ARRAY(&s->memory, uint32_t, n_visits);
    list_visits(s, rank_of, order_first);
    fill_orders(s, order_first);
    for (uint32_t size = ITEMSET_ITEMS_MIN; size < SIZES; size++) {
        s->kept[size].orders_min = s->q->orders_min;
        s->kept[size].n_with = ARENA_ARRAY(&s->memory, uint32_t, (size_t)most + 1);
    }
    for (uint32_t size = 1; size < SIZES; size++) {
        s->levels[size].list = ARENA_ARRAY(&s->memory, struct extension, s->n_ranks);
        s->levels[size].slot_of = ARENA_ARRAY(&s->memory, uint32_t, s->n_ranks);
        s->levels[size].bits = ARENA_ARRAY(&s->memory, uint64_t, 1);
    }
}

// ---- pairs ----

static void find_partners(struct search *s, uint32_t rank, uint32_t *row)
{
    for (uint32_t v = s->visit_first[rank]; v < s->visit_first[rank + 1]; v++) {
        const uint32_t *ranks = s->ranks + s->visits[v].first;
        for (uint32_t i = 0; i < s->visits[v].n; i++)
            row[ranks[i]]++;
    }
    s->prefix[0] = rank;
    for (uint32_t other = 0; other < rank; other++) {
        uint32_t orders = row[other];
        row[other] = 0;
        if (orders < s->kept[2].orders_min)
            continue;
        s->prefix[1] = other;
        add(s, 2, orders);
    }
}

static void list_partners(struct search *s)
{
    struct keeper *pairs = &s->kept[2];
    keeper_compact(pairs);
    s->partner_first = ARENA_ARRAY(&s->memory, uint32_t, (size_t)s->n_ranks + 1);
    s->partners = ARENA_ARRAY(&s->memory, struct partner, pairs->n);
    for (size_t i = 0; i < pairs->n; i++) {
        s->partners[i] = (struct partner){pairs->sets[i].ranks[1], pairs->sets[i].orders};
        s->partner_first[pairs->sets[i].ranks[0] + 1]++;
    }
    for (uint32_t r = 0; r < s->n_ranks; r++)
        s->partner_first[r + 1] += s->partner_first[r];
}

static bool find_pairs(struct search *s, struct err *e)
{
    uint32_t *row = ARENA_ARRAY(&s->memory, uint32_t, s->n_ranks);
    for (uint32_t rank = 1; rank < s->n_ranks; rank++) {
        if (is_cancelled(s))
            return err_set(e, ERR_CANCELLED, "mining was cancelled");
        find_partners(s, rank, row);
    }
    list_partners(s);
    return true;
}

// ---- larger sets ----

static void level_add(struct level *l, struct extension x)
{
    l->list[l->n++] = x;
    l->slot_of[x.rank] = l->n;
}

static void level_clear(struct level *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        l->slot_of[l->list[i].rank] = 0;
    l->n = 0;
}

// The level of sets of one item: the partners that larger sets may be made with.
static void open_item(struct search *s, uint32_t rank)
{
    s->prefix[0] = rank;
    for (uint32_t i = s->partner_first[rank]; i < s->partner_first[rank + 1]; i++)
        if (s->partners[i].orders >= s->kept[3].orders_min)
            level_add(&s->levels[1], (struct extension){.rank = s->partners[i].rank, .orders = s->partners[i].orders});
}

static void reserve_projected(struct search *s, size_t words)
{
    if (words <= s->projected_capacity)
        return;
    free(s->projected);
    s->projected_capacity = words * 2;
    s->projected = reallocarray(NULL, s->projected_capacity, sizeof *s->projected);
    CHECK(s->projected);
}

// The item's orders as bits: a bitset for each partner, and a first one for all other items, which is not read. The
// last one is room for the prefix.
static void project(struct search *s, uint32_t rank)
{
    struct level *l = &s->levels[1];
    uint32_t n_orders = s->visit_first[rank + 1] - s->visit_first[rank];
    s->words = bitset_words(n_orders);
    reserve_projected(s, s->words * (l->n + 2));
    memset(s->projected, 0, s->words * (l->n + 1) * sizeof *s->projected);
    for (uint32_t o = 0; o < n_orders; o++) {
        struct visit v = s->visits[s->visit_first[rank] + o];
        for (uint32_t i = v.first; i < v.first + v.n; i++)
            bitset_add(s->projected + l->slot_of[s->ranks[i]] * s->words, o);
    }
    for (uint32_t i = 0; i < l->n; i++)
        l->list[i].bits = s->projected + (i + 1) * s->words;
    s->levels[2].bits = s->projected + (l->n + 1) * s->words;
}

// The sets prefix + x + y, for all y of the level that are partners of x; the y's are the next level's.
static void extend_with(struct search *s, uint32_t size, const struct extension *x, const uint64_t *bits)
{
    const struct level *l = &s->levels[size - 2];
    struct level *next = &s->levels[size - 1];
    s->prefix[size - 2] = x->rank;
    for (uint32_t i = s->partner_first[x->rank]; i < s->partner_first[x->rank + 1]; i++) {
        uint32_t slot = l->slot_of[s->partners[i].rank];
        if (slot == 0 || s->partners[i].orders < s->kept[size].orders_min)
            continue;
        const struct extension *y = &l->list[slot - 1];
        uint32_t orders = s->count_and(bits, y->bits, s->words);
        if (orders < s->kept[size].orders_min)
            continue;
        s->prefix[size - 1] = y->rank;
        level_add(next, (struct extension){y->rank, orders, y->bits});
        add(s, size, orders);
    }
}

static void find_quadruples(struct search *s, const uint64_t *pair_bits)
{
    struct level *l = &s->levels[2];
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->list[i].orders < s->kept[4].orders_min)
            continue;
        bitset_and(l->bits, pair_bits, l->list[i].bits, s->words);
        extend_with(s, 4, &l->list[i], l->bits);
        level_clear(&s->levels[3]);
    }
}

static bool find_with_item(struct search *s, uint32_t rank, struct err *e)
{
    struct level *l = &s->levels[1];
    open_item(s, rank);
    if (l->n >= 2)
        project(s, rank);
    for (uint32_t i = 0; l->n >= 2 && i < l->n; i++) {
        if (is_cancelled(s))
            return err_set(e, ERR_CANCELLED, "mining was cancelled");
        extend_with(s, 3, &l->list[i], l->list[i].bits);
        if (s->levels[2].n >= 2)
            find_quadruples(s, l->list[i].bits);
        level_clear(&s->levels[2]);
    }
    level_clear(l);
    return true;
}

static bool find_larger(struct search *s, struct err *e)
{
    for (uint32_t rank = 0; rank < s->n_ranks; rank++)
        if (!find_with_item(s, rank, e))
            return false;
    keeper_compact(&s->kept[3]);
    keeper_compact(&s->kept[4]);
    return true;
}

// ---- the result ----

static struct itemset itemset_of(const struct search *s, const struct found *f, uint32_t size)
{
    struct itemset set = {.items = {ID_NONE, ID_NONE, ID_NONE, ID_NONE}, .n = (uint8_t)size, .orders = f->orders};
    for (uint32_t i = 0; i < size; i++) {
        uint32_t item = s->items[f->ranks[i]], at = i;
        for (; at > 0 && set.items[at - 1] > item; at--)
            set.items[at] = set.items[at - 1];
        set.items[at] = item;
    }
    return set;
}

static void hand_over(struct search *s, struct itemsets_found *out)
{
    size_t n = s->kept[2].n + s->kept[3].n + s->kept[4].n;
    CHECK(n <= UINT32_MAX);
    *out = (struct itemsets_found){.sets = calloc(n + 1, sizeof *out->sets)};
    CHECK(out->sets);
    for (uint32_t size = ITEMSET_ITEMS_MIN; size < SIZES; size++) {
        out->orders_min[size] = s->kept[size].orders_min;
        for (size_t i = 0; i < s->kept[size].n; i++)
            out->sets[out->n++] = itemset_of(s, &s->kept[size].sets[i], size);
    }
}

bool itemset_search_run(const struct itemset_search *q, struct itemsets_found *out, const atomic_bool *is_cancelled,
                        struct err *e)
{
    struct search s = {.q = q, .count_and = bitset_count_and(), .is_cancelled = is_cancelled};
    CHECK(q->orders_min >= 1);
    arena_init(&s.memory, 0);
    prepare(&s);
    bool is_found = find_pairs(&s, e) && find_larger(&s, e);
    if (is_found)
        hand_over(&s, out);
    for (uint32_t size = 0; size < SIZES; size++)
        free(s.kept[size].sets);
    free(s.projected);
    arena_fini(&s.memory);
    return is_found;
}
