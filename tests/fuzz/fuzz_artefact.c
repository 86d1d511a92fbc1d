// Any bytes as an artefact's blob, packed or not: refused with ERR_CODEC, or an artefact that keeps every invariant and
// can be worked with.

#include "fuzz.h"

#include "small_shop.h"

enum { INFLATED_MAX = 1 << 20 };

static void put_seed(const char *name, int n_orders)
{
    AUTO(buf_fini) struct buf blob;
    buf_init(&blob, ARTEFACT_BLOB_MAX);
    artefact_destroy(small_shop(n_orders, &blob));
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
    atomic_bool is_cancelled = false;
    CHECK(dataset_check(a->data, &e));
    arena_init(&memory, 0);
    offers_preliminary(&a->market, &OFFER_RULES_DEFAULT, &memory, &list);
    for (unsigned i = 0; i < BUNDLE_PAIRS_MAX; i++) {
        enum objective o = (enum objective)(i / TYPE_COUNT);
        enum bundle_type t = (enum bundle_type)(i % TYPE_COUNT);
        if (!offers_skip_reason(&a->market, &OFFER_RULES_DEFAULT, o, t))
            CHECK(offers_for_pair(&a->market, &OFFER_RULES_DEFAULT, o, t, &memory, &is_cancelled, &list, NULL, &e));
    }
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
        CHECK((e.kind == ERR_CODEC || e.kind == ERR_INTERNAL) && e.message[0]); // the latter: another version
    return 0;
}
