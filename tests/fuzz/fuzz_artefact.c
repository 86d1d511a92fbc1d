// Any bytes as an artefact's blob, packed or not: refused with ERR_CODEC, or an artefact that keeps every invariant and
// can be worked with.

#include "fuzz.h"

#include <stdio.h>

#include "worker/dataset/builder.h"
#include "worker/store/artefact.h"

enum { INFLATED_MAX = 1 << 20 };

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

static void put_seed(const char *name, int n_orders)
{
    static const char *const ITEMS[] = {"tea", "cup", "pot", "tin", "jam"};
    AUTO(artefact_destroyp) struct artefact *a = NULL;
    AUTO(buf_fini) struct buf blob;
    AUTO(builder_destroyp) struct builder *b = builder_create(&ENRICH_RULES_DEFAULT);
    struct dataset *d = NULL;
    struct err e;
    buf_init(&blob, ARTEFACT_BLOB_MAX);
    for (int i = 0; i < n_orders; i++)
        add_order(b, i, ITEMS + i % 3, 1 + (size_t)i % 3);
    CHECK(builder_finish(b, &d, &e) && artefact_make(&a, d, &MINING_RULES_DEFAULT, 0, NULL, &blob, &e));
    fuzz_seed(name, buf_str(&blob));
}

void fuzz_put_seeds(void)
{
    put_seed("none", 0);
    put_seed("one", 1);
    put_seed("many", 30);
}

static void use(const struct artefact *a)
{
    struct arena memory;
    struct bundle_list list;
    struct err e;
    CHECK(dataset_check(a->data, &e));
    arena_init(&memory, 0);
    offers_preliminary(&a->market, &OFFER_RULES_DEFAULT, &memory, &list);
    arena_fini(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct str bytes = {(const char *)data, len};
    AUTO(artefact_destroyp) struct artefact *a = NULL;
    AUTO(buf_fini) struct buf inflated;
    struct err e = {0};
    buf_init(&inflated, INFLATED_MAX);
    bool is_packed = artefact_inflate(bytes, &inflated, &e);
    if (artefact_decode(&a, is_packed ? buf_str(&inflated) : bytes, &e))
        use(a);
    else
        CHECK(e.kind == ERR_CODEC && e.message[0]);
    return 0;
}
