#include "worker/dataset/raw.h"

#include <stdlib.h>

#include "common/check.h"

static uint32_t find_product(struct raw *r, struct products *p, uint32_t tuple)
{
    uint32_t product = products_find_sku(p, raw_tuple_field(r, tuple, TUPLE_SKU));
    if (product != ID_NONE)
        return product;
    return products_find_title(p, raw_tuple_field(r, tuple, TUPLE_NAME),
                               raw_tuple_field(r, tuple, TUPLE_VARIANT_TITLE));
}

// A variant id that no catalogue has may still be found by SKU or title: variants are deleted and made anew.
static void resolve_with_id(struct raw *r, struct products *p, struct resolution *out)
{
    uint32_t n_catalog = (uint32_t)p->list.n;
    for (uint32_t t = 0; t < r->tuples.n; t++) {
        struct str id = raw_tuple_field(r, t, TUPLE_VARIANT_ID);
        if (id.len == 0)
            continue;
        uint32_t product = lookup_find(&p->by_identity, id);
        if (product == ID_NONE || product >= n_catalog)
            product = find_product(r, p, t);
        out->product[t] = product == ID_NONE ? products_add(p, id) : product;
    }
    for (uint32_t t = 0; t < r->tuples.n; t++)
        if (out->product[t] != ID_NONE && out->product[t] >= n_catalog)
            products_index(p, out->product[t], raw_tuple_field(r, t, TUPLE_SKU), raw_tuple_field(r, t, TUPLE_NAME),
                           raw_tuple_field(r, t, TUPLE_VARIANT_TITLE));
}

// The line's own identity: its SKU, else its name.
static struct str identity_of_line(struct raw *r, struct products *p, uint32_t tuple)
{
    struct str sku = raw_tuple_field(r, tuple, TUPLE_SKU);
    struct str name = raw_tuple_field(r, tuple, TUPLE_NAME);
    struct str variant = raw_tuple_field(r, tuple, TUPLE_VARIANT_TITLE);
    if (sku.len > 0)
        return products_sku_key(p, sku);
    if (name.len == 0 || variant.len == 0)
        return name;
    char *text = arena_alloc(p->memory, name.len + variant.len + 4);
    memcpy(text, name.ptr, name.len);
    memcpy(text + name.len, " - ", 3);
    memcpy(text + name.len + 3, variant.ptr, variant.len);
    return (struct str){text, name.len + 3 + variant.len};
}

static void resolve_without_id(struct raw *r, struct products *p, struct resolution *out)
{
    for (uint32_t t = 0; t < r->tuples.n; t++) {
        if (raw_tuple_field(r, t, TUPLE_VARIANT_ID).len > 0)
            continue;
        uint32_t product = find_product(r, p, t);
        struct str identity = identity_of_line(r, p, t);
        if (product == ID_NONE && identity.len > 0)
            product = products_add(p, identity);
        out->product[t] = product;
    }
}

static uint8_t reason_of_tuple(const struct raw *r, const struct products *p, uint32_t tuple, uint32_t product)
{
    if (product == ID_NONE)
        return LEFT_OUT_NO_IDENTITY;
    const struct product *of = &p->list.at[product];
    bool is_service = of->is_service;
    // A merchant's catalogue knows better than a list of usual codes and words, as far as it says anything.
    if (!of->is_in_catalog)
        is_service |= words_match(&p->service_ids, raw_tuple_field(r, tuple, TUPLE_SKU));
    if (of->title.len == 0)
        is_service |= words_match(&p->service_words, raw_tuple_field(r, tuple, TUPLE_NAME));
    if (is_service)
        return LEFT_OUT_SERVICE;
    return of->is_gift_card ? LEFT_OUT_GIFT_CARD : KEPT;
}

void resolve_tuples(struct raw *r, struct products *p, struct resolution *out)
{
    out->product = ARENA_ARRAY(p->memory, uint32_t, r->tuples.n);
    out->left_out = ARENA_ARRAY(p->memory, uint8_t, r->tuples.n);
    out->kept_lines = ARENA_ARRAY(p->memory, uint64_t, r->tuples.n);
    for (uint32_t t = 0; t < r->tuples.n; t++)
        out->product[t] = ID_NONE;
    resolve_with_id(r, p, out);
    resolve_without_id(r, p, out);
    for (uint32_t t = 0; t < r->tuples.n; t++) {
        if (out->product[t] == ID_NONE || p->list.at[out->product[t]].title.len > 0)
            continue;
        p->list.at[out->product[t]].is_gift_card |= words_are_gift_card(raw_tuple_field(r, t, TUPLE_NAME)) ||
                                                    words_are_gift_card_type(raw_tuple_field(r, t, TUPLE_CATEGORY));
    }
    for (uint32_t t = 0; t < r->tuples.n; t++)
        out->left_out[t] = reason_of_tuple(r, p, t, out->product[t]);
}

struct vote {
    uint32_t product;
    struct str text;
    uint64_t lines;
};

static int compare_votes(const void *left, const void *right)
{
    const struct vote *a = left, *b = right;
    if (a->product != b->product)
        return a->product < b->product ? -1 : 1;
    return str_cmp(a->text, b->text);
}

static struct str *voted_field(struct product *p, enum tuple_field field)
{
    switch (field) {
    case TUPLE_SKU:
        return &p->sku;
    case TUPLE_NAME:
        return &p->title;
    case TUPLE_VARIANT_TITLE:
        return &p->variant_title;
    case TUPLE_BRAND:
        return &p->vendor;
    case TUPLE_CATEGORY:
        return &p->type;
    case TUPLE_VARIANT_ID:
    case TUPLE_FIELDS:
        break;
    }
    CHECK(false && "a field that is voted on");
    return NULL;
}

// The most frequent text wins, of equally frequent ones the bytewise smallest: votes come sorted.
static void count_votes(struct products *p, enum tuple_field field, const struct vote *votes, size_t n)
{
    uint64_t most = 0;
    for (size_t i = 0; i < n;) {
        if (i == 0 || votes[i].product != votes[i - 1].product)
            most = 0;
        uint64_t lines = 0;
        size_t first = i;
        for (; i < n && compare_votes(&votes[i], &votes[first]) == 0; i++)
            lines += votes[i].lines;
        if (lines <= most)
            continue;
        most = lines;
        *voted_field(&p->list.at[votes[first].product], field) = votes[first].text;
    }
}

static void vote(const struct raw *r, struct products *p, const struct resolution *res, enum tuple_field field,
                 struct vote *votes)
{
    size_t n = 0;
    for (uint32_t t = 0; t < r->tuples.n; t++) {
        if (res->kept_lines[t] == 0 || voted_field(&p->list.at[res->product[t]], field)->len > 0)
            continue;
        // A catalogue that names the product also says which variants it has: none is an answer.
        if (field == TUPLE_VARIANT_TITLE && p->list.at[res->product[t]].is_in_catalog)
            continue;
        struct str text = raw_tuple_field(r, t, field);
        if (text.len > 0)
            votes[n++] = (struct vote){res->product[t], text, res->kept_lines[t]};
    }
    if (n > 0)
        qsort(votes, n, sizeof *votes, compare_votes);
    count_votes(p, field, votes, n);
}

void resolve_texts(const struct raw *r, struct products *p, const struct resolution *res)
{
    struct vote *votes = reallocarray(NULL, (size_t)r->tuples.n + 1, sizeof *votes);
    CHECK(votes);
    for (uint32_t t = 0; t < r->tuples.n; t++)
        if (res->kept_lines[t] > 0)
            p->list.at[res->product[t]].kept_lines += res->kept_lines[t];
    for (enum tuple_field field = TUPLE_SKU; field < TUPLE_FIELDS; field++)
        vote(r, p, res, field, votes);
    free(votes);
}

static int compare_identities(const void *left, const void *right, void *products)
{
    const struct product *list = products;
    return str_cmp(list[*(const uint32_t *)left].identity, list[*(const uint32_t *)right].identity);
}

uint32_t *resolve_items(struct products *p, struct arena *scratch, uint32_t *n_items)
{
    uint32_t *order = ARENA_ARRAY(scratch, uint32_t, p->list.n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->list.n; i++)
        if (!p->list.at[i].is_service && (p->list.at[i].is_in_catalog || p->list.at[i].kept_lines > 0))
            order[n++] = i;
    if (n > 0)
        qsort_r(order, n, sizeof *order, compare_identities, p->list.at);
    for (uint32_t item = 0; item < n; item++)
        p->list.at[order[item]].item = item;
    *n_items = n;
    return order;
}
