#include "worker/offers/complements.h"

#include <stdlib.h>

#include "common/check.h"
#include "worker/mining/exact_math.h"

#define SHRINK 3.0
#define LOG_LIFT_FULL 3.0

static const struct {
    const char *first, *second;
} WORDS[] = {
    {"dress", "belt"},    {"dress", "necklace"},      {"shirt", "tie"},      {"suit", "tie"},
    {"shoes", "socks"},   {"coat", "scarf"},          {"hat", "gloves"},     {"necklace", "earrings"},
    {"camera", "lens"},   {"camera", "tripod"},       {"phone", "case"},     {"phone", "charger"},
    {"laptop", "sleeve"}, {"keyboard", "mouse"},      {"printer", "ink"},    {"printer", "paper"},
    {"coffee", "mug"},    {"coffee", "grinder"},      {"tea", "teapot"},     {"teacup", "saucer"},
    {"pasta", "sauce"},   {"bread", "butter"},        {"wine", "glass"},     {"knife", "board"},
    {"plate", "bowl"},    {"candle", "holder"},       {"pillow", "blanket"}, {"bed", "sheet"},
    {"towel", "soap"},    {"shampoo", "conditioner"}, {"brush", "paint"},    {"tent", "lantern"},
};
_Static_assert(ARRAY_LEN(WORDS) <= 32, "a bit for each row");

struct type_orders {
    uint32_t type, orders;
};

static int compare_orders(const void *left, const void *right)
{
    const struct type_orders *a = left, *b = right;
    if (a->orders != b->orders)
        return a->orders > b->orders ? -1 : 1;
    return a->type < b->type ? -1 : a->type > b->type;
}

static void choose_types(struct complements *c, const struct dataset *d, struct arena *memory)
{
    struct type_orders *types = ARENA_ARRAY(memory, struct type_orders, d->n_types + 1);
    for (uint32_t t = 0; t < d->n_types; t++)
        types[t].type = t;
    for (uint32_t i = 0; i < d->n_items; i++)
        if (d->items[i].type_id != ID_NONE)
            types[d->items[i].type_id].orders += d->items[i].orders;
    qsort(types, d->n_types, sizeof types[0], compare_orders);
    c->row_of_type = ARENA_ARRAY(memory, uint32_t, d->n_types + 1);
    for (uint32_t k = 0; k < d->n_types; k++)
        c->row_of_type[types[k].type] = k < COMPLEMENT_TYPES_MAX ? k : ID_NONE;
    c->n_rows = d->n_types < COMPLEMENT_TYPES_MAX ? d->n_types : COMPLEMENT_TYPES_MAX;
}

// The distinct rows in an order.
static uint32_t rows_of_order(const struct complements *c, const struct dataset *d, uint32_t order, uint32_t *seen_in,
                              uint32_t *rows)
{
    uint32_t n = 0;
    for (uint32_t l = d->line_first[order]; l < d->line_first[order + 1]; l++) {
        uint32_t type = d->items[d->line_item[l]].type_id, row = type == ID_NONE ? ID_NONE : c->row_of_type[type];
        if (row == ID_NONE || seen_in[row] == order + 1)
            continue;
        seen_in[row] = order + 1;
        rows[n++] = row;
    }
    return n;
}

struct tally {
    uint32_t *joint;  // n_rows * n_rows
    uint32_t *orders; // per row, with two types or more
    double n, sum, sum_pairs;
};

static void count(const struct complements *c, const struct dataset *d, struct tally *t, struct arena *memory)
{
    uint32_t *seen_in = ARENA_ARRAY(memory, uint32_t, c->n_rows), *rows = ARENA_ARRAY(memory, uint32_t, c->n_rows);
    for (uint32_t o = 0; o < d->n_orders; o++) {
        uint32_t n = rows_of_order(c, d, o, seen_in, rows);
        if (n < 2)
            continue;
        t->n++;
        t->sum += n;
        t->sum_pairs += (double)n * (n - 1);
        for (uint32_t i = 0; i < n; i++) {
            t->orders[rows[i]]++;
            for (uint32_t k = 0; k < n; k++)
                t->joint[(size_t)rows[i] * c->n_rows + rows[k]]++;
        }
    }
}

static float likeness_of(const struct tally *t, uint32_t joint, uint32_t a, uint32_t b)
{
    double kappa = t->n * t->sum_pairs / (t->sum * t->sum);
    double expected = kappa * t->orders[a] * t->orders[b] / t->n;
    double share = exact_log2((joint + SHRINK) / (expected + SHRINK)) / LOG_LIFT_FULL;
    return (float)(share < 0 ? 0 : share > 1 ? 1 : share);
}

static void learn_types(struct complements *c, const struct dataset *d, struct arena *memory)
{
    struct arena scratch;
    arena_init(&scratch, 0);
    size_t cells = (size_t)c->n_rows * c->n_rows;
    struct tally t = {.joint = ARENA_ARRAY(&scratch, uint32_t, cells),
                      .orders = ARENA_ARRAY(&scratch, uint32_t, c->n_rows)};
    c->likeness = ARENA_ARRAY(memory, float, cells);
    count(c, d, &t, &scratch);
    for (uint32_t a = 0; a < c->n_rows; a++)
        for (uint32_t b = 0; b < c->n_rows; b++)
            if (a != b && t.joint[(size_t)a * c->n_rows + b] > 0)
                c->likeness[(size_t)a * c->n_rows + b] = likeness_of(&t, t.joint[(size_t)a * c->n_rows + b], a, b);
    arena_fini(&scratch);
}

struct known_word {
    uint32_t hash, row;
    bool is_second;
};
enum { KNOWN_WORDS = 4 * ARRAY_LEN(WORDS) }; // both sides, each also with an s

static int compare_known(const void *left, const void *right)
{
    const struct known_word *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static void know(struct known_word *known, const char *word, uint32_t row, bool is_second)
{
    char plural[24];
    size_t n = strlen(word);
    CHECK(n + 2 <= sizeof plural);
    memcpy(plural, word, n);
    memcpy(plural + n, "s", 2);
    known[0] = (struct known_word){title_words_of(str_of(word)).hashes[0], row, is_second};
    known[1] = (struct known_word){title_words_of(str_of(plural)).hashes[0], row, is_second};
}

static void mark_item(struct complements *c, const struct known_word *known, uint32_t item, uint32_t hash)
{
    uint32_t low = 0, high = KNOWN_WORDS;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (known[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < KNOWN_WORDS && known[low].hash == hash; low++)
        *(known[low].is_second ? &c->second[item] : &c->first[item]) |= 1u << known[low].row;
}

static void mark_words(struct complements *c, const struct dataset *d, const struct title_words *words,
                       struct arena *memory)
{
    struct known_word known[KNOWN_WORDS];
    for (uint32_t row = 0; row < ARRAY_LEN(WORDS); row++) {
        know(&known[4 * row], WORDS[row].first, row, false);
        know(&known[4 * row + 2], WORDS[row].second, row, true);
    }
    qsort(known, KNOWN_WORDS, sizeof known[0], compare_known);
    c->first = ARENA_ARRAY(memory, uint32_t, d->n_items + 1);
    c->second = ARENA_ARRAY(memory, uint32_t, d->n_items + 1);
    for (uint32_t i = 0; i < d->n_items; i++)
        for (uint32_t w = 0; w < words[i].n; w++)
            mark_item(c, known, i, words[i].hashes[w]);
}

void complements_learn(struct complements *c, const struct dataset *d, const struct title_words *words,
                       struct arena *memory)
{
    *c = (struct complements){0};
    choose_types(c, d, memory);
    if (c->n_rows > 1)
        learn_types(c, d, memory);
    mark_words(c, d, words, memory);
}

double complements_learned(const struct complements *c, uint32_t type_a, uint32_t type_b)
{
    if (type_a == ID_NONE || type_b == ID_NONE || c->n_rows < 2)
        return 0;
    uint32_t a = c->row_of_type[type_a], b = c->row_of_type[type_b];
    return a == ID_NONE || b == ID_NONE ? 0 : (double)c->likeness[(size_t)a * c->n_rows + b];
}

bool complements_by_words(const struct complements *c, uint32_t item_a, uint32_t item_b)
{
    return (c->first[item_a] & c->second[item_b]) || (c->second[item_a] & c->first[item_b]);
}
