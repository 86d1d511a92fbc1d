#include "worker/mining/postings.h"

#include "common/check.h"

void postings_build(struct postings *p, const struct dataset *d, struct arena *memory)
{
    *p = (struct postings){
        .data = d,
        .first = ARENA_ARRAY(memory, uint32_t, (size_t)d->n_items + 1),
        .orders = ARENA_ARRAY(memory, uint32_t, d->n_lines),
        .quantities = ARENA_ARRAY(memory, uint32_t, d->n_lines),
    };
    // first[i + 1] serves as the writing position of item i and so ends up as its end.
    for (uint32_t i = 0; i + 1 < d->n_items; i++)
        p->first[i + 2] = p->first[i + 1] + d->items[i].orders;
    for (uint32_t o = 0; o < d->n_orders; o++) {
        for (uint32_t l = d->line_first[o]; l < d->line_first[o + 1]; l++) {
            uint32_t at = p->first[d->line_item[l] + 1]++;
            p->orders[at] = o;
            p->quantities[at] = d->line_quantity[l];
        }
    }
}

struct cursor {
    const uint32_t *at, *end;
};

static struct cursor cursor_of(const struct postings *p, uint32_t item)
{
    CHECK(item < p->data->n_items);
    return (struct cursor){p->orders + p->first[item], p->orders + p->first[item + 1]};
}

// Moves to the first order >= wanted: doubling steps, then halving, so that short lists cross long ones quickly.
static void seek(struct cursor *c, uint32_t wanted)
{
    size_t left = (size_t)(c->end - c->at), high = 1;
    if (left == 0 || *c->at >= wanted)
        return;
    while (high < left && c->at[high] < wanted)
        high *= 2;
    size_t low = high / 2;
    if (high > left)
        high = left;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->at[mid] < wanted)
            low = mid + 1;
        else
            high = mid;
    }
    c->at += low;
}

uint32_t postings_count_all_from(const struct postings *p, const uint32_t *items, size_t n, uint32_t from)
{
    struct cursor cursors[POSTINGS_ITEMS_MAX];
    uint32_t count = 0, wanted = from;
    CHECK(n <= POSTINGS_ITEMS_MAX);
    if (n == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        cursors[i] = cursor_of(p, items[i]);
    for (;;) {
        size_t agreeing = 0;
        while (agreeing < n) {
            seek(&cursors[agreeing], wanted);
            if (cursors[agreeing].at == cursors[agreeing].end)
                return count;
            if (*cursors[agreeing].at == wanted) {
                agreeing++;
                continue;
            }
            wanted = *cursors[agreeing].at; // the others have to catch up
            agreeing = 0;
        }
        count++;
        wanted++;
    }
}

uint32_t postings_count_all(const struct postings *p, const uint32_t *items, size_t n)
{
    return postings_count_all_from(p, items, n, 0);
}

uint32_t postings_count_all_since(const struct postings *p, const uint32_t *items, size_t n, int64_t since)
{
    const struct dataset *d = p->data;
    uint32_t low = 0, high = d->n_orders;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (d->order_at[mid] < since)
            low = mid + 1;
        else
            high = mid;
    }
    return postings_count_all_from(p, items, n, low);
}

uint32_t postings_count_some(const struct postings *p, const uint32_t *items, size_t n, uint32_t at_least)
{
    struct cursor cursors[POSTINGS_ITEMS_MAX];
    uint32_t count = 0;
    CHECK(n <= POSTINGS_ITEMS_MAX);
    for (size_t i = 0; i < n; i++)
        cursors[i] = cursor_of(p, items[i]);
    for (;;) {
        uint32_t order = UINT32_MAX, together = 0;
        for (size_t i = 0; i < n; i++)
            if (cursors[i].at < cursors[i].end && *cursors[i].at < order)
                order = *cursors[i].at;
        if (order == UINT32_MAX)
            return count;
        for (size_t i = 0; i < n; i++) {
            bool has = cursors[i].at < cursors[i].end && *cursors[i].at == order;
            cursors[i].at += has;
            together += has;
        }
        count += together >= at_least;
    }
}

uint32_t postings_count_quantity(const struct postings *p, uint32_t item, uint32_t at_least)
{
    uint32_t count = 0;
    CHECK(item < p->data->n_items);
    for (uint32_t i = p->first[item]; i < p->first[item + 1]; i++)
        count += p->quantities[i] >= at_least;
    return count;
}
