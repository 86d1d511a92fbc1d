#include "worker/copy/subject.h"

#include <jansson.h>

#include "common/check.h"
#include "worker/copy/unicode.h"

enum { TEXT_BYTES_MAX = 1 << 20, SCALE = 10000 };

struct reading {
    struct subject *subject;
    struct arena *memory;
    int64_t quantity; // of all products
    struct buf text;  // what is at hand, folded
    struct buf said;
};

static struct str keep_text(struct reading *r)
{
    struct str copy = arena_str(r->memory, buf_str(&r->text));
    buf_clear(&r->text);
    return copy;
}

static void add_number(struct subject *s, struct number n)
{
    if (s->n_numbers < SUBJECT_NUMBERS_MAX)
        s->numbers[s->n_numbers++] = n;
}

static void add_count(struct subject *s, int64_t n)
{
    if (n > 0 && n < INT32_MAX)
        add_number(s, (struct number){.values = {n * SCALE, n * SCALE}});
}

static void add_numbers_of(struct reading *r, struct str text)
{
    struct number n;
    numbers_put_plain(&r->text, text);
    struct str plain = keep_text(r);
    for (size_t at = 0; numbers_next(plain, &at, false, &n);)
        add_number(r->subject, n);
    buf_put(&r->said, plain.ptr, plain.len);
    buf_putc(&r->said, '|');
}

static void add_name(struct reading *r, struct str name)
{
    struct subject *s = r->subject;
    size_t i = s->n_names++;
    unicode_put_words(&r->text, name);
    s->names[i] = keep_text(r);
    lexicon_split(s->names[i], r->memory, &s->words_of[i]);
    add_numbers_of(r, name);
}

// Prices, percentages and quantities, however deep.
static void add_values(struct reading *r, const json_t *v)
{
    const char *key;
    const json_t *item;
    size_t i;
    if (json_is_string(v))
        add_numbers_of(r, (struct str){json_string_value(v), json_string_length(v)});
    else if (json_is_integer(v))
        add_count(r->subject, json_integer_value(v));
    json_array_foreach(v, i, item) add_values(r, item);
    json_object_foreach((json_t *)(uintptr_t)v, key, item)
    {
        if (strcmp(key, "name") != 0)
            add_values(r, item);
    }
}

static void add_products(struct reading *r, const json_t *products)
{
    size_t i;
    const json_t *product;
    json_array_foreach(products, i, product)
    {
        if (r->subject->n_names == SUBJECT_NAMES_MAX)
            break; // more than any platform puts into a bundle
        const json_t *name = json_object_get(product, "name"), *quantity = json_object_get(product, "quantity");
        add_name(r, (struct str){json_string_value(name), json_string_length(name)});
        r->quantity += json_is_integer(quantity) ? json_integer_value(quantity) : 0;
        add_values(r, product);
    }
    add_count(r->subject, (int64_t)json_array_size(products));
    add_count(r->subject, (int64_t)json_array_size(products) - 1); // "... and 3 more"
    add_count(r->subject, r->quantity);
}

// "Three for the price of two" of two and one.
static void add_offer(struct reading *r, const json_t *offer)
{
    const json_t *buy = json_object_get(offer, "buy"), *get = json_object_get(offer, "get");
    if (json_is_integer(buy) && json_is_integer(get))
        add_count(r->subject, json_integer_value(buy) + json_integer_value(get));
    r->subject->is_free = json_is_true(json_object_get(offer, "free"));
    add_values(r, offer);
}

static void join_names(struct reading *r)
{
    struct subject *s = r->subject;
    s->words.words = ARENA_ARRAY(r->memory, struct str, LEXICON_WORDS_MAX);
    for (size_t i = 0; i < s->n_names; i++) {
        for (size_t w = 0; w < s->words_of[i].n && s->words.n < LEXICON_WORDS_MAX; w++)
            s->words.words[s->words.n++] = s->words_of[i].words[w];
    }
}

bool subject_read(struct str facts, struct arena *memory, struct subject *out)
{
    json_auto_t *whole = json_loadb(facts.ptr, facts.len, 0, NULL);
    const json_t *products = json_object_get(whole, "products");
    struct reading r = {.subject = out, .memory = memory};
    buf_init(&r.text, TEXT_BYTES_MAX);
    buf_init(&r.said, TEXT_BYTES_MAX);
    *out = (struct subject){0};
    add_products(&r, products);
    add_offer(&r, json_object_get(whole, "offer"));
    join_names(&r);
    out->said = arena_str(memory, buf_str(&r.said));
    buf_fini(&r.said);
    buf_fini(&r.text);
    return out->n_names > 0;
}

static bool is_same_currency(const struct number *a, const struct number *b)
{
    return a->kind != NUMBER_MONEY || strcmp(a->currency, b->currency) == 0;
}

bool subject_allows(const struct subject *s, const struct number *n)
{
    for (size_t i = 0; i < s->n_numbers; i++) {
        const struct number *own = &s->numbers[i];
        if (!numbers_equal(own, n))
            continue;
        if (n->kind == NUMBER_PLAIN || (own->kind == n->kind && is_same_currency(own, n)))
            return true;
    }
    return false;
}

bool subject_allows_stray(const struct subject *s, const struct number *n)
{
    struct number own;
    for (size_t at = 0; numbers_next_stray(s->said, &at, &own);) {
        if (str_eq(own.text, n->text))
            return true;
    }
    return false;
}

bool subject_names(const struct subject *s, struct str words)
{
    for (size_t i = 0; i < s->n_names; i++) {
        const char *at = s->names[i].ptr, *end = at + s->names[i].len;
        for (; words.len && (at = memmem(at, (size_t)(end - at), words.ptr, words.len)); at++) {
            if (at[-1] == ' ' && at[words.len] == ' ') // names have one around them
                return true;
        }
    }
    return false;
}

bool subject_has_word(const struct subject *s, struct str word)
{
    for (size_t i = 0; i < s->words.n; i++) {
        if (str_eq(s->words.words[i], word))
            return true;
    }
    return false;
}
