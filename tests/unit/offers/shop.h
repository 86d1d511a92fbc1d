// A small shop for tests: rows through the real builder, mined by the real miner.
//
//     struct shop s;
//     shop_open(&s);
//     shop_product(&s, (struct shop_product){.variant = "mug", .title = "Blue Mug", .type = "Mugs", .price = 1299});
//     shop_order(&s, 10, "ann", "mug:2 tea");
//     shop_ready(&s);  ... s.market ...  shop_close(&s);
#ifndef BUNDLE_TESTS_OFFERS_SHOP_H
#define BUNDLE_TESTS_OFFERS_SHOP_H

#include "worker/dataset/builder.h"
#include "worker/offers/offers.h"

struct shop {
    struct arena memory;
    struct builder *builder;
    struct dataset *data;
    struct mined *mined;
    struct market market;
    unsigned n_orders;
    bool has_prices, has_dates;
    const char *currency;
    struct shop_price {
        const char *variant;
        int64_t price;
    } prices[128];
    unsigned n_prices;
};

struct shop_product {
    const char *variant, *product, *title, *variant_title, *type, *vendor, *tags, *status;
    int64_t price, compare_at, cost; // hundredths; 0: unknown
    int64_t stock;                   // -1: unknown
    int day;                         // created on
};

void shop_open(struct shop *s);
void shop_product(struct shop *s, struct shop_product p);
void shop_order(struct shop *s, int day, const char *customer, const char *lines); // "variant[:quantity] ..."
void shop_ready(struct shop *s);
void shop_close(struct shop *s);
uint32_t shop_item(const struct shop *s, const char *variant);

// A tea shop: 12 products of 4 types, 60 orders of 20 customers, with something for every objective.
void shop_open_tea(struct shop *s);

#endif
