#include "worker/mining/basket_sample.h"

#include <stdlib.h>

struct word {
    uint32_t item, orders_multi;
};

static uint32_t size_of(const struct dataset *d, uint32_t order)
{
    return d->line_first[order + 1] - d->line_first[order];
}

static int compare_words(const void *left, const void *right)
{
    const struct word *x = left, *y = right;
    if (x->orders_multi != y->orders_multi)
        return x->orders_multi > y->orders_multi ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

// Every item that was ever bought with another, most bought first.
static uint32_t count_words(struct word *words, const struct dataset *d, uint32_t *n_multi)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->n_items; i++)
        words[i] = (struct word){.item = i};
    for (uint32_t o = 0; o < d->n_orders; o++) {
        if (size_of(d, o) < 2)
            continue;
        (*n_multi)++;
        for (uint32_t l = d->line_first[o]; l < d->line_first[o + 1]; l++)
            n += words[d->line_item[l]].orders_multi++ == 0;
    }
    if (n > 0)
        qsort(words, d->n_items, sizeof *words, compare_words);
    return n;
}

static uint32_t *shuffled_orders(const struct dataset *d, struct random *random, struct arena *memory)
{
    uint32_t *orders = ARENA_ARRAY(memory, uint32_t, d->n_orders);
    for (uint32_t i = 0; i < d->n_orders; i++) {
        uint32_t at = random_below(random, i + 1);
        orders[i] = orders[at];
        orders[at] = i;
    }
    return orders;
}

// word_of: 1 + the word of an item, 0: not in the vocabulary.
static void add_order(struct basket_sample *s, const struct dataset *d, uint32_t order, const uint32_t *word_of)
{
    uint32_t n = 0, *words = s->words + s->n_lines;
    for (uint32_t l = d->line_first[order]; l < d->line_first[order + 1]; l++) {
        uint32_t word = word_of[d->line_item[l]];
        if (word > 0)
            words[n++] = word - 1;
    }
    if (n < 2)
        return;
    s->n_lines += n;
    s->first[++s->n_orders] = s->n_lines;
}

static uint32_t *number_words(struct basket_sample *s, const struct word *words, uint32_t n_items, struct arena *memory)
{
    uint32_t *word_of = ARENA_ARRAY(memory, uint32_t, n_items);
    s->item_of = ARENA_ARRAY(memory, uint32_t, s->n_words);
    s->orders_multi = ARENA_ARRAY(memory, uint32_t, s->n_words);
    for (uint32_t w = 0; w < s->n_words; w++) {
        s->item_of[w] = words[w].item;
        s->orders_multi[w] = words[w].orders_multi;
        word_of[words[w].item] = w + 1;
    }
    return word_of;
}

void basket_sample_build(struct basket_sample *s, const struct dataset *d, uint32_t words_max, uint32_t lines_max,
                         struct random *random, struct arena *memory)
{
    struct word *words = ARENA_ARRAY(memory, struct word, d->n_items);
    *s = (struct basket_sample){0};
    s->n_words = count_words(words, d, &s->n_multi);
    if (s->n_words > words_max)
        s->n_words = words_max;
    uint32_t *word_of = number_words(s, words, d->n_items, memory);
    uint32_t *orders = shuffled_orders(d, random, memory);
    s->first = ARENA_ARRAY(memory, uint32_t, (size_t)d->n_orders + 1);
    s->words = ARENA_ARRAY(memory, uint32_t, d->n_lines);
    for (uint32_t i = 0; i < d->n_orders; i++)
        if (s->n_orders == 0 || size_of(d, orders[i]) + (uint64_t)s->n_lines <= lines_max)
            add_order(s, d, orders[i], word_of);
}
