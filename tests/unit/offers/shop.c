#include "tests/unit/offers/shop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"

#define DAY_ZERO (INT64_C(1700000000) / 86400 * 86400)

void shop_open(struct shop *s)
{
    *s = (struct shop){.has_prices = true, .has_dates = true, .currency = "GBP"};
    arena_init(&s->memory, 0);
    s->builder = builder_create(&ENRICH_RULES_DEFAULT);
}

static void add(struct shop *s, const struct row *r)
{
    struct err e;
    if (!builder_add(s->builder, r, 1, &e)) {
        fprintf(stderr, "%s\n", e.message);
        abort();
    }
}

static int64_t e4_or_unknown(int64_t hundredths)
{
    return hundredths ? hundredths * 100 : AMOUNT_UNKNOWN;
}

void shop_product(struct shop *s, struct shop_product p)
{
    struct row r = {.kind = ROW_CATALOG};
    r.catalog = (struct row_catalog){
        .product_id = str_of(p.product ? p.product : p.variant),
        .product_title = str_of(p.title),
        .product_type = str_of(p.type),
        .vendor = str_of(p.vendor),
        .tags = str_of(p.tags),
        .product_status = str_of(p.status ? p.status : "active"),
        .product_created_at = s->has_dates ? DAY_ZERO + p.day * INT64_C(86400) : DATE_UNKNOWN,
        .variant_id = str_of(p.variant),
        .variant_title = str_of(p.variant_title),
        .price_e4 = s->has_prices ? e4_or_unknown(p.price) : AMOUNT_UNKNOWN,
        .compare_at_e4 = e4_or_unknown(p.compare_at),
        .cost_e4 = e4_or_unknown(p.cost),
        .available_total = p.stock < 0 ? COUNT_UNKNOWN : p.stock,
    };
    add(s, &r);
    CHECK(s->n_prices < ARRAY_LEN(s->prices));
    s->prices[s->n_prices++] = (struct shop_price){p.variant, p.price};
}

static int64_t price_of(const struct shop *s, struct str variant)
{
    for (unsigned i = 0; i < s->n_prices; i++) {
        if (str_eq(str_of(s->prices[i].variant), variant))
            return s->prices[i].price;
    }
    return 1000;
}

static void add_line(struct shop *s, const char *order, struct str word, unsigned number)
{
    char line_id[48];
    struct str variant = word;
    int64_t quantity = 1;
    const char *colon = memchr(word.ptr, ':', word.len);
    if (colon) {
        variant.len = (size_t)(colon - word.ptr);
        quantity = strtol(colon + 1, NULL, 10);
    }
    snprintf(line_id, sizeof line_id, "%s-%u", order, number);
    struct row r = {.kind = ROW_LINE};
    r.line = (struct row_line){
        .order_id = str_of(order),
        .line_item_id = str_of(line_id),
        .variant_id = variant,
        .name = variant,
        .quantity = quantity,
        .unit_price_e4 = s->has_prices ? price_of(s, variant) * 100 : AMOUNT_UNKNOWN,
        .line_discount_e4 = AMOUNT_UNKNOWN,
    };
    add(s, &r);
}

void shop_order(struct shop *s, int day, const char *customer, const char *lines)
{
    char order[24];
    unsigned n = 0;
    snprintf(order, sizeof order, "o%05u", ++s->n_orders);
    struct row r = {.kind = ROW_ORDER};
    r.order = (struct row_order){
        .order_id = str_of(order),
        .customer_id = str_of(customer),
        .currency = s->has_prices ? str_of(s->currency) : str_of(""),
        .financial_status = STR("paid"),
        .created_at = s->has_dates ? DAY_ZERO + day * INT64_C(86400) + s->n_orders : DATE_UNKNOWN,
        .subtotal_e4 = AMOUNT_UNKNOWN,
        .discount_e4 = AMOUNT_UNKNOWN,
        .total_e4 = AMOUNT_UNKNOWN,
    };
    add(s, &r);
    for (const char *at = lines; *at;) {
        size_t len = strcspn(at, " ");
        if (len)
            add_line(s, order, (struct str){at, len}, n++);
        at += len + strspn(at + len, " ");
    }
}

void shop_ready(struct shop *s)
{
    struct err e;
    struct mined_rules rules = mined_rules_default();
    if (!builder_finish(s->builder, &s->data, &e) || !dataset_check(s->data, &e)) {
        fprintf(stderr, "%s\n", e.message);
        abort();
    }
    rules.evidence.pair_orders_min = s->data->lines_read < 20 ? 1 : 2;
    if (!mined_make(&s->mined, s->data, &rules, NULL, NULL, &e)) {
        fprintf(stderr, "%s\n", e.message);
        abort();
    }
    market_init(&s->market, s->data, s->mined, &s->memory);
}

void shop_close(struct shop *s)
{
    builder_destroy(s->builder);
    mined_destroy(s->mined);
    dataset_destroy(s->data);
    arena_fini(&s->memory);
}

uint32_t shop_item(const struct shop *s, const char *variant)
{
    for (uint32_t i = 0; i < s->data->n_items; i++) {
        if (str_eq(s->data->items[i].variant_id, str_of(variant)))
            return i;
    }
    fprintf(stderr, "no item %s\n", variant);
    abort();
}

static const struct shop_product TEA_PRODUCTS[] = {
    {"pot", NULL, "Glass Teapot", "", "Pots", "Leaf", "", NULL, 3900, 0, 1500, 40, -400},
    {"pot2", NULL, "Iron Teapot", "", "Pots", "Leaf", "", NULL, 5900, 0, 2500, 30, -400},
    {"cup", NULL, "Tea Cup", "", "Cups", "Leaf", "", NULL, 1200, 0, 500, 200, -400},
    {"cupb", "cups", "Party Cup", "blue", "Cups", "Leaf", "", NULL, 900, 0, 300, 90, -400},
    {"cupg", "cups", "Party Cup", "green", "Cups", "Leaf", "", NULL, 900, 0, 300, 90, -400},
    {"cupr", "cups", "Party Cup", "red", "Cups", "Leaf", "", NULL, 950, 0, 300, 90, -400},
    {"assam", NULL, "Assam Tea", "", "Tea", "Hill", "", NULL, 1450, 0, 500, 500, -400},
    {"earl", NULL, "Earl Grey Tea", "", "Tea", "Hill", "", NULL, 1500, 0, 500, 500, -400},
    {"xmas", NULL, "Christmas Tea", "", "Tea", "Hill", "winter", NULL, 1700, 0, 600, 80, -400},
    {"fresh", NULL, "White Tea", "", "Tea", "Hill", "", NULL, 1990, 0, 700, 60, 195},
    {"slow", NULL, "Tea Cosy", "", "Textiles", "Wool", "", NULL, 1600, 0, 600, 120, -400},
    {"spoon", NULL, "Tea Spoon", "", "Spoons", "Leaf", "", NULL, 490, 0, 150, 300, -400},
};

// 60 orders over 200 days: pot + cup + spoon, tea again and again, a little of the rest.
static const char *const TEA_BASKETS[] = {
    "pot cup:2 spoon",       "assam:2 earl",   "pot cup:4 assam", "earl:3",           "cupb cupg",
    "assam:2 xmas",          "pot2 cup:2",     "cup:6 spoon:6",   "assam earl spoon", "cupr cupb",
    "pot cup:2 spoon assam", "earl:2 assam:2",
};

void shop_open_tea(struct shop *s)
{
    shop_open(s);
    for (size_t i = 0; i < ARRAY_LEN(TEA_PRODUCTS); i++)
        shop_product(s, TEA_PRODUCTS[i]);
    for (int i = 0; i < 60; i++) {
        char customer[8], lines[96];
        snprintf(customer, sizeof customer, "c%d", i % 20);
        snprintf(lines, sizeof lines, "%s%s%s%s", TEA_BASKETS[i % (int)ARRAY_LEN(TEA_BASKETS)],
                 i % 30 == 7 ? " slow" : "", i >= 58 ? " fresh" : "", i % 10 == 3 ? " xmas" : "");
        shop_order(s, i * 200 / 59, customer, lines);
    }
    shop_ready(s);
}
