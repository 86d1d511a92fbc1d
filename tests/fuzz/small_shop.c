#include "small_shop.h"

#include <stdio.h>

#include "common/check.h"
#include "worker/dataset/builder.h"

static void add_order(struct builder *b, int number, const char *const *items, size_t n)
{
    char id[16];
    struct err e;
    (void)snprintf(id, sizeof id, "%d", number);
    const struct row order = {.kind = ROW_ORDER,
                              .order = {.order_id = str_of(id),
                                        .currency = STR("EUR"),
                                        .customer_id = str_of(id),
                                        .created_at = 1700000000 + number * 86400,
                                        .discount_e4 = AMOUNT_UNKNOWN}};
    CHECK(builder_add(b, &order, 0, &e));
    for (size_t i = 0; i < n; i++) {
        const struct row line = {.kind = ROW_LINE,
                                 .line = {.order_id = str_of(id),
                                          .sku = str_of(items[i]),
                                          .name = str_of(items[i]),
                                          .category = STR("Things"),
                                          .quantity = 1 + number % 3,
                                          .unit_price_e4 = 45000,
                                          .line_discount_e4 = 100}};
        CHECK(builder_add(b, &line, 0, &e));
    }
}

struct artefact *small_shop(int n_orders, struct buf *blob)
{
    static const char *const ITEMS[] = {"tea", "cup", "pot", "tin", "jam"};
    AUTO(builder_destroyp) struct builder *b = builder_create(&ENRICH_RULES_DEFAULT);
    const struct mined_rules rules = mined_rules_default();
    struct artefact *a = NULL;
    struct dataset *d = NULL;
    struct err e;
    for (int i = 0; i < n_orders; i++)
        add_order(b, i, ITEMS + i % 3, 1 + (size_t)i % 3);
    CHECK(builder_finish(b, &d, &e) && artefact_make(&a, d, &rules, NULL, NULL, blob, &e));
    return a;
}
