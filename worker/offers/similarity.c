#include "worker/offers/similarity.h"

#include <stdlib.h>

enum { WORD_LETTERS_MIN = 3 };

static bool is_word_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

static uint32_t fold(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (uint32_t)c + ('a' - 'A') : c;
}

static void words_add(struct title_words *w, uint32_t hash)
{
    uint32_t at = 0;
    while (at < w->n && w->hashes[at] < hash)
        at++;
    if (w->n == TITLE_WORDS_MAX || (at < w->n && w->hashes[at] == hash))
        return;
    memmove(&w->hashes[at + 1], &w->hashes[at], (w->n - at) * sizeof w->hashes[0]);
    w->hashes[at] = hash;
    w->n++;
}

struct title_words title_words_of(struct str title)
{
    struct title_words w = {.n = 0};
    size_t i = 0;
    while (i < title.len) {
        uint32_t hash = 2166136261u; // FNV-1a
        size_t letters = 0;
        for (; i < title.len && is_word_byte((unsigned char)title.ptr[i]); i++, letters++)
            hash = (hash ^ fold((unsigned char)title.ptr[i])) * 16777619u;
        if (letters >= WORD_LETTERS_MIN)
            words_add(&w, hash);
        if (letters == 0)
            i++;
    }
    return w;
}

double title_similarity(const struct title_words *a, const struct title_words *b)
{
    uint32_t i = 0, j = 0, shared = 0;
    while (i < a->n && j < b->n) {
        if (a->hashes[i] == b->hashes[j]) {
            shared++;
            i++;
            j++;
        } else if (a->hashes[i] < b->hashes[j]) {
            i++;
        } else {
            j++;
        }
    }
    return shared ? (double)shared / (double)(a->n + b->n - shared) : 0;
}

double price_closeness(const struct item *a, const struct item *b)
{
    if (a->price_minor <= 0 || b->price_minor <= 0)
        return 0.5;
    return a->price_minor < b->price_minor ? (double)a->price_minor / (double)b->price_minor
                                           : (double)b->price_minor / (double)a->price_minor;
}

double exchangeability(const struct market *m, uint32_t a, uint32_t b)
{
    const struct item *x = &m->data->items[a], *y = &m->data->items[b];
    if (x->product == y->product)
        return 1;
    double close = price_closeness(x, y);
    if (close < 0.5) // twice the price is another kind of product
        return 0;
    bool is_same_type = x->type_id != ID_NONE && x->type_id == y->type_id;
    double title = title_similarity(&m->words[a], &m->words[b]);
    if (!is_same_type && title < 0.3)
        return 0;
    return (is_same_type ? 0.5 : 0) + 0.3 * title + 0.2 * close;
}

double catalog_similarity(const struct market *m, uint32_t a, uint32_t b)
{
    const struct item *x = &m->data->items[a], *y = &m->data->items[b];
    double title = title_similarity(&m->words[a], &m->words[b]);
    double common = 0;
    if (x->vendor_id != ID_NONE && x->vendor_id == y->vendor_id)
        common += 0.25;
    if (x->type_id != ID_NONE && x->type_id == y->type_id)
        common += 0.35;
    if (title >= 0.2) // one shared word of a long title is no likeness
        common += 0.25 * title;
    return common > 0 ? common + 0.15 * price_closeness(x, y) : 0;
}
