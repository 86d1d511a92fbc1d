// Random orders of a few items, as a dataset, for tests that count by brute force.
#ifndef BUNDLE_TESTS_UNIT_MINING_ORDERS_H
#define BUNDLE_TESTS_UNIT_MINING_ORDERS_H

#include <stdio.h>

#include "tests/unit/dataset/sample.h"

static inline void orders_add(struct builder *b, const struct row *r)
{
    struct err e;
    if (!builder_add(b, r, 0, &e))
        fail_msg("%s", e.message);
}

// Orders over 90 days; low item numbers are bought more often; up to `size_max` lines an order.
static inline struct dataset *orders_random(uint64_t seed, uint32_t n_orders, uint32_t n_items, uint32_t size_max)
{
    const struct sample_row order = ORDER(""), line = LINE("");
    struct builder *b = builder_create(&ENRICH_RULES_DEFAULT);
    struct dataset *d = NULL;
    struct err e;
    char id[16], sku[16];
    for (uint32_t o = 0; o < n_orders; o++) {
        struct row order_row = order.row, line_row = line.row;
        (void)snprintf(id, sizeof id, "%06u", o);
        order_row.order.order_id = line_row.line.order_id = str_of(id);
        order_row.order.created_at = T0 - (int64_t)sample_random(&seed, 90) * DAY;
        orders_add(b, &order_row);
        for (uint32_t n = sample_random(&seed, size_max) + 1; n > 0; n--) {
            uint32_t bound = sample_random(&seed, n_items) + 1;
            (void)snprintf(sku, sizeof sku, "item-%05u", sample_random(&seed, bound));
            line_row.line.sku = str_of(sku);
            line_row.line.quantity = 1 + sample_random(&seed, 3);
            orders_add(b, &line_row);
        }
    }
    if (!builder_finish(b, &d, &e))
        fail_msg("%s", e.message);
    builder_destroy(b);
    return d;
}

// "AB AB C": orders of one day or without a date, a letter an item.
static inline struct dataset *orders_of(const char *baskets, int64_t created_at)
{
    const struct sample_row order = ORDER(""), line = LINE("");
    struct builder *b = builder_create(&ENRICH_RULES_DEFAULT);
    struct dataset *d = NULL;
    struct err e;
    char id[16];
    for (const char *at = baskets; *at; at += *at == ' ') {
        struct row order_row = order.row, line_row = line.row;
        (void)snprintf(id, sizeof id, "%08d", (int)(at - baskets));
        order_row.order.order_id = line_row.line.order_id = str_of(id);
        order_row.order.created_at = created_at;
        orders_add(b, &order_row);
        for (; *at && *at != ' '; at++) {
            line_row.line.sku = (struct str){at, 1};
            orders_add(b, &line_row);
        }
    }
    if (!builder_finish(b, &d, &e))
        fail_msg("%s", e.message);
    builder_destroy(b);
    return d;
}

static inline bool order_has(const struct dataset *d, uint32_t order, uint32_t item)
{
    for (uint32_t l = d->line_first[order]; l < d->line_first[order + 1]; l++)
        if (d->line_item[l] == item)
            return true;
    return false;
}

#endif
