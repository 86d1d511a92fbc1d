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

// Cuts the next word off *rest; an empty one at its end.
static struct str next_word(struct str *rest)
{
    size_t start = 0, end;
    while (start < rest->len && !is_word_byte((unsigned char)rest->ptr[start]))
        start++;
    for (end = start; end < rest->len && is_word_byte((unsigned char)rest->ptr[end]);)
        end++;
    struct str word = {rest->ptr + start, end - start};
    *rest = (struct str){rest->ptr + end, rest->len - end};
    return word;
}

static uint32_t hash_of(struct str word) // FNV-1a, 32 bits
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < word.len; i++)
        hash = (hash ^ fold((unsigned char)word.ptr[i])) * 16777619u;
    return hash;
}

// ---- sizes ----

enum { SIZED_WORDS_MAX = 24 };

static const char SIZES[] = "mini small medium large big jumbo giant xxs xs xl xxl xxxl";
static const char LETTERS[] = "s m l";        // only as the last word: "T-SHIRT M"
static const char PACKS[] = "set pack box s"; // "SET OF 3", "PACK 12", "S/4"
static const char UNITS[] =
    "mm cm m km inch inches ft ml cl l litre litres liter liters g kg oz lb lbs pc pcs piece pieces";

static bool is_in(const char *words, struct str word)
{
    return word.len > 0 && str_has_word(str_of(words), word);
}

static size_t digits_at(struct str word, size_t at)
{
    size_t n = 0;
    while (at + n < word.len && word.ptr[at + n] >= '0' && word.ptr[at + n] <= '9')
        n++;
    return n;
}

static bool is_number(struct str word)
{
    return word.len > 0 && digits_at(word, 0) == word.len;
}

// "10cm", "500ml", "30x40", "30x40cm"
static bool is_measure(struct str word)
{
    size_t at = digits_at(word, 0);
    if (at == 0 || at == word.len)
        return false;
    if (fold((unsigned char)word.ptr[at]) == 'x') {
        size_t more = digits_at(word, at + 1);
        at += 1 + more;
        if (more == 0 || at == word.len)
            return more > 0;
    }
    return is_in(UNITS, (struct str){word.ptr + at, word.len - at});
}

// How many of the words from w[i] on say nothing but a size; 0: w[i] is part of the name.
static size_t size_words(const struct str *w, size_t n, size_t i)
{
    if (is_in(PACKS, w[i])) {
        size_t number = i + 1 < n && str_eq_nocase(w[i + 1], STR("of")) ? i + 2 : i + 1;
        if (number < n && is_number(w[number]))
            return number + 1 - i;
    }
    if (is_in(SIZES, w[i]) || is_measure(w[i]) || (i + 1 == n && is_in(LETTERS, w[i])))
        return 1;
    if (!is_number(w[i]) || i + 1 == n)
        return 0;
    return is_in(UNITS, w[i + 1]) ? 2 : 1;
}

static uint64_t sizeless_of(struct str title)
{
    struct str words[SIZED_WORDS_MAX];
    size_t n = 0;
    uint64_t hash = 0;
    while (n < SIZED_WORDS_MAX && (words[n] = next_word(&title)).len > 0)
        n++;
    for (size_t i = 0; i < n;) {
        size_t skipped = size_words(words, n, i);
        if (!skipped)
            hash = (hash ^ hash_of(words[i++])) * UINT64_C(0x9E3779B97F4A7C15) + 1;
        i += skipped;
    }
    return hash;
}

bool is_same_product_in_another_size(const struct market *m, uint32_t a, uint32_t b)
{
    return m->words[a].sizeless != 0 && m->words[a].sizeless == m->words[b].sizeless;
}

struct title_words title_words_of(struct str title)
{
    struct title_words w = {.sizeless = sizeless_of(title)};
    for (struct str word; (word = next_word(&title)).len > 0;)
        if (word.len >= WORD_LETTERS_MIN)
            words_add(&w, hash_of(word));
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
