// Orders as one would write them on paper: {"a:2 b", "b c"} is two orders, a day apart, the first with two of a.
#ifndef BUNDLE_TESTS_UNIT_EVALUATE_BASKETS_H
#define BUNDLE_TESTS_UNIT_EVALUATE_BASKETS_H

#include <stdio.h>

#include "tests/unit/dataset/sample.h"

static inline void baskets_add(struct builder *b, const struct row *r)
{
    struct err e;
    if (!builder_add(b, r, 0, &e))
        fail_msg("%s", e.message);
}

static inline void baskets_add_lines(struct builder *b, struct row line, const char *text)
{
    char word[32];
    int used;
    for (; sscanf(text, " %31[^ ]%n", word, &used) == 1; text += used) {
        char *colon = strchr(word, ':');
        line.line.quantity = colon ? strtol(colon + 1, NULL, 10) : 1;
        line.line.sku = (struct str){word, colon ? (size_t)(colon - word) : strlen(word)};
        baskets_add(b, &line);
    }
}

// Without dates where day_s is 0.
static inline struct dataset *baskets_build(const char *const *orders, size_t n, int64_t day_s)
{
    const struct sample_row order = ORDER(""), line = LINE("");
    struct builder *b = builder_create(&ENRICH_RULES_DEFAULT);
    struct dataset *d = NULL;
    struct err e;
    for (size_t i = 0; i < n; i++) {
        char id[32];
        struct row order_row = order.row, line_row = line.row;
        (void)snprintf(id, sizeof id, "o%04zu", i);
        order_row.order.order_id = line_row.line.order_id = str_of(id);
        order_row.order.created_at = day_s ? T0 + (int64_t)i * day_s : DATE_UNKNOWN;
        baskets_add(b, &order_row);
        baskets_add_lines(b, line_row, orders[i]);
    }
    if (!builder_finish(b, &d, &e))
        fail_msg("%s", e.message);
    builder_destroy(b);
    return d;
}
#define BASKETS(orders) baskets_build(orders, sizeof(orders) / sizeof((orders)[0]), DAY)

#endif
