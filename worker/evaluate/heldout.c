#include "worker/evaluate/heldout.h"

bool *items_of_multi_item_orders(const struct dataset *train, struct arena *memory)
{
    bool *is_sold = ARENA_ARRAY(memory, bool, train->n_items);
    for (uint32_t o = 0; o < train->n_orders; o++) {
        uint32_t first = train->line_first[o], end = train->line_first[o + 1];
        for (uint32_t l = first; end - first >= 2 && l < end; l++)
            is_sold[train->line_item[l]] = true;
    }
    return is_sold;
}

// Both are sorted by identity. Unknown items become ID_NONE; numbers keep their order.
static uint32_t *match_items(const struct dataset *train, const bool *is_known, const struct dataset *from,
                             struct arena *memory)
{
    uint32_t *number = ARENA_ARRAY(memory, uint32_t, from->n_items);
    uint32_t t = 0;
    for (uint32_t i = 0; i < from->n_items; i++) {
        struct str identity = from->items[i].variant_id;
        while (t < train->n_items && str_cmp(train->items[t].variant_id, identity) < 0)
            t++;
        bool is_same = t < train->n_items && str_eq(train->items[t].variant_id, identity);
        number[i] = is_same && (!is_known || is_known[t]) ? t : ID_NONE;
    }
    return number;
}

static void add_order(struct dataset *to, const struct dataset *from, uint32_t order, const uint32_t *number,
                      uint32_t items_min)
{
    uint32_t n_lines = to->n_lines;
    for (uint32_t l = from->line_first[order]; l < from->line_first[order + 1]; l++) {
        if (number[from->line_item[l]] == ID_NONE)
            continue;
        to->line_item[n_lines] = number[from->line_item[l]];
        to->line_quantity[n_lines++] = from->line_quantity[l];
    }
    if (n_lines - to->n_lines < items_min)
        return;
    for (uint32_t l = to->n_lines; l < n_lines; l++)
        to->items[to->line_item[l]].orders++;
    to->n_lines = n_lines;
    to->line_first[++to->n_orders] = n_lines;
}

void heldout_init(struct heldout *h, const struct dataset *train, const bool *is_known, const struct dataset *from,
                  const bool *is_excluded, uint32_t items_min, struct arena *memory)
{
    *h = (struct heldout){.orders = {
                              .items = ARENA_ARRAY(memory, struct item, train->n_items),
                              .n_items = train->n_items,
                              .line_first = ARENA_ARRAY(memory, uint32_t, (size_t)from->n_orders + 1),
                              .line_item = ARENA_ARRAY(memory, uint32_t, from->n_lines),
                              .line_quantity = ARENA_ARRAY(memory, uint32_t, from->n_lines),
                          }};
    const uint32_t *number = match_items(train, is_known, from, memory);
    for (uint32_t o = 0; o < from->n_orders; o++)
        if (!is_excluded || !is_excluded[o])
            add_order(&h->orders, from, o, number, items_min);
    postings_build(&h->postings, &h->orders, memory);
}

void meeting_init(struct meeting *m, const struct postings *p, struct arena *memory)
{
    *m = (struct meeting){ARENA_ARRAY(memory, uint32_t, p->data->n_orders),
                          ARENA_ARRAY(memory, uint32_t, p->data->n_orders), 0};
}

void meeting_of(struct meeting *m, const struct postings *p, const uint32_t *items, uint32_t n)
{
    for (uint32_t i = 0; i < m->n_orders; i++)
        m->items[m->orders[i]] = 0;
    m->n_orders = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t at = p->first[items[i]]; at < p->first[items[i] + 1]; at++)
            if (m->items[p->orders[at]]++ == 0)
                m->orders[m->n_orders++] = p->orders[at];
}

uint32_t meeting_count(const struct meeting *m, uint32_t items_min)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_orders; i++)
        n += m->items[m->orders[i]] >= items_min;
    return n;
}
