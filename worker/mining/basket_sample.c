#include "worker/mining/basket_sample.h"

#include <stdlib.h>

struct word {
    uint32_t item, count;
};

static uint32_t size_of(const struct dataset *d, uint32_t order)
{
    return d->line_first[order + 1] - d->line_first[order];
}

static void shuffle(uint32_t *numbers, uint32_t n, struct random *random)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = random_below(random, i + 1);
        numbers[i] = numbers[at];
        numbers[at] = i;
    }
}

// The first of the shuffled orders with two or more items, until lines_max lines; they move to the front.
static uint32_t draw_orders(uint32_t *orders, const struct dataset *d, uint32_t lines_max)
{
    uint32_t n = 0;
    uint64_t lines = 0;
    for (uint32_t i = 0; i < d->n_orders; i++) {
        uint32_t size = size_of(d, orders[i]);
        if (size < 2 || (n > 0 && lines + size > lines_max))
            continue;
        lines += size;
        orders[n++] = orders[i];
    }
    return n;
}

static int compare_words(const void *left, const void *right)
{
    const struct word *x = left, *y = right;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

// Every item of the orders, most bought first.
static uint32_t count_words(struct word *words, const struct dataset *d, const uint32_t *orders, uint32_t n_orders)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->n_items; i++)
        words[i].item = i;
    for (uint32_t o = 0; o < n_orders; o++)
        for (uint32_t l = d->line_first[orders[o]]; l < d->line_first[orders[o] + 1]; l++)
            n += words[d->line_item[l]].count++ == 0;
    if (n > 0)
        qsort(words, d->n_items, sizeof *words, compare_words);
    return n;
}

// By item 1 + its word, 0: not in the vocabulary.
static uint32_t *number_words(struct basket_sample *s, const struct word *words, uint32_t n_items, struct arena *memory)
{
    uint32_t *number_of = ARENA_ARRAY(memory, uint32_t, n_items);
    s->item_of = ARENA_ARRAY(memory, uint32_t, s->n_words);
    s->counts = ARENA_ARRAY(memory, uint32_t, s->n_words);
    for (uint32_t w = 0; w < s->n_words; w++) {
        s->item_of[w] = words[w].item;
        s->counts[w] = words[w].count;
        number_of[words[w].item] = w + 1;
    }
    return number_of;
}

static void add_order(struct basket_sample *s, const struct dataset *d, uint32_t order, const uint32_t *number_of)
{
    uint32_t n = 0, *words = s->words + s->n_lines;
    for (uint32_t l = d->line_first[order]; l < d->line_first[order + 1]; l++)
        if (number_of[d->line_item[l]] > 0)
            words[n++] = number_of[d->line_item[l]] - 1;
    if (n < 2)
        return;
    s->n_lines += n;
    s->first[++s->n_orders] = s->n_lines;
}

void basket_sample_build(struct basket_sample *s, const struct dataset *d, uint32_t words_max, uint32_t lines_max,
                         struct random *random, struct arena *memory)
{
    struct word *words = ARENA_ARRAY(memory, struct word, d->n_items);
    uint32_t *orders = ARENA_ARRAY(memory, uint32_t, d->n_orders);
    *s = (struct basket_sample){0};
    shuffle(orders, d->n_orders, random);
    s->n_drawn = draw_orders(orders, d, lines_max);
    s->n_words = count_words(words, d, orders, s->n_drawn);
    if (s->n_words > words_max)
        s->n_words = words_max;
    const uint32_t *number_of = number_words(s, words, d->n_items, memory);
    s->first = ARENA_ARRAY(memory, uint32_t, (size_t)s->n_drawn + 1);
    s->words = ARENA_ARRAY(memory, uint32_t, d->n_lines);
    for (uint32_t o = 0; o < s->n_drawn; o++)
        add_order(s, d, orders[o], number_of);
}
