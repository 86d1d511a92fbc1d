// The artefact and its cache, memory only and through the Redis of BUNDLE_TEST_REDIS where there is one.

#include "worker/store/artefact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"
#include "worker/dataset/builder.h"

struct shop {
    struct queue queue;
    struct artefact_cache *cache;
    struct artefact *artefact;
    struct buf blob;
};

static struct dataset *small_dataset(int64_t price_e4)
{
    static const char *const LINES[][2] = {{"1", "tea"}, {"1", "cup"}, {"2", "tea"}, {"2", "cup"}, {"3", "tea"}};
    struct builder *b = builder_create(&ENRICH_RULES_DEFAULT);
    struct dataset *d = NULL;
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(LINES); i++) {
        struct row line = {.kind = ROW_LINE,
                           .line = {.order_id = str_of(LINES[i][0]),
                                    .sku = str_of(LINES[i][1]),
                                    .name = str_of(LINES[i][1]),
                                    .quantity = 1,
                                    .unit_price_e4 = price_e4}};
        struct row order = {.kind = ROW_ORDER,
                            .order = {.order_id = str_of(LINES[i][0]),
                                      .currency = STR("EUR"),
                                      .created_at = 1700000000 + (int64_t)i,
                                      .subtotal_e4 = AMOUNT_UNKNOWN,
                                      .discount_e4 = AMOUNT_UNKNOWN,
                                      .total_e4 = AMOUNT_UNKNOWN}};
        line.line.line_discount_e4 = AMOUNT_UNKNOWN;
        if (i == 0 || LINES[i][0][0] != LINES[i - 1][0][0])
            assert_true(builder_add(b, &order, 0, &e));
        assert_true(builder_add(b, &line, 0, &e));
    }
    assert_true(builder_finish(b, &d, &e));
    builder_destroy(b);
    return d;
}

static struct artefact *made(int64_t price_e4, struct buf *blob)
{
    struct artefact *a = NULL;
    struct err e = {0};
    atomic_bool is_cancelled = false;
    buf_init(blob, ARTEFACT_BLOB_MAX);
    if (!artefact_make(&a, small_dataset(price_e4), &MINING_RULES_DEFAULT, &is_cancelled, blob, &e))
        fail_msg("%s", e.message);
    return a;
}

static int setup(void **state)
{
    static unsigned number;
    struct shop *s = calloc(1, sizeof *s);
    char name[64];
    CHECK(s);
    (void)snprintf(name, sizeof name, "test_artefact-%d-%u", (int)getpid(), number++);
    queue_init(&s->queue, name, &(struct queue_limits){.lease_ms = 1000});
    s->cache = artefact_cache_create(&s->queue, 64 << 20, 60, 1 << 20);
    s->artefact = made(45000, &s->blob);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct shop *s = *state;
    artefact_release(s->cache, s->artefact);
    artefact_cache_destroy(s->cache);
    buf_fini(&s->blob);
    free(s);
    return 0;
}

static void equal_uploads_have_equal_fingerprints(void **state)
{
    struct shop *s = *state;
    AUTO(buf_fini) struct buf same_blob;
    AUTO(buf_fini) struct buf other_blob;
    struct artefact *same = made(45000, &same_blob);
    struct artefact *other = made(45100, &other_blob);
    assert_string_equal(same->fingerprint, s->artefact->fingerprint);
    assert_string_not_equal(other->fingerprint, s->artefact->fingerprint);
    artefact_release(s->cache, same);
    artefact_release(s->cache, other);
}

static void memory_gives_back_the_same_one(void **state)
{
    struct shop *s = *state;
    assert_null(artefact_cache_find(s->cache, str_of(s->artefact->fingerprint)));
    artefact_cache_put(s->cache, s->artefact);
    struct artefact *found = artefact_cache_find(s->cache, str_of(s->artefact->fingerprint));
    assert_ptr_equal(found, s->artefact);
    artefact_release(s->cache, found);
    assert_null(artefact_cache_get(s->cache, NULL, STR("00000000000000000000000000000000")));
}

static void a_cache_without_budget_keeps_nothing(void **state)
{
    struct shop *s = *state;
    struct artefact_cache *none = artefact_cache_create(&s->queue, 0, 60, 1 << 20);
    artefact_cache_put(none, s->artefact);
    assert_null(artefact_cache_find(none, str_of(s->artefact->fingerprint)));
    artefact_cache_destroy(none);
}

static struct redis *open_redis(void)
{
    struct redis_url url;
    struct redis *r = NULL;
    struct err e;
    const char *text = getenv("BUNDLE_TEST_REDIS");
    if (!text)
        skip();
    assert_true(redis_url_parse(text, "", &url, &e));
    assert_true(redis_open(&r, &url, "test", 1000, &e));
    return r;
}

static void call(struct redis *r, struct redis_cmd *c)
{
    struct redis_reply *reply = NULL;
    struct err e = {0};
    if (!redis_call(r, c, &reply, &e))
        fail_msg("%s", e.message);
    redis_reply_free(reply);
    redis_cmd_fini(c);
}

// Puts bytes under the key of the fingerprint.
static void plant(struct shop *s, struct redis *r, const char *fingerprint, struct str bytes)
{
    AUTO(buf_fini) struct buf key;
    struct redis_cmd c;
    buf_init(&key, 200);
    queue_key(&s->queue, "cache", str_of(fingerprint), &key);
    redis_cmd_init(&c, "SET");
    redis_cmd_str(&c, buf_str(&key));
    redis_cmd_str(&c, bytes);
    call(r, &c);
}

static void another_worker_gets_it_from_redis(void **state)
{
    struct shop *s = *state;
    AUTO(redis_closep) struct redis *r = open_redis();
    struct artefact_cache *other = artefact_cache_create(&s->queue, 64 << 20, 60, 1 << 20);
    struct redis_cmd set;
    assert_true(artefact_cache_share_cmd(s->cache, s->artefact, &s->blob, &set));
    call(r, &set);
    struct artefact *got = artefact_cache_get(other, r, str_of(s->artefact->fingerprint));
    assert_non_null(got);
    assert_int_equal(got->data->n_items, 2);
    assert_int_equal(got->evidence->n_multi, 2);
    artefact_release(other, got);
    artefact_cache_destroy(other);
}

static void foreign_and_corrupt_blobs_are_not_trusted(void **state)
{
    struct shop *s = *state;
    AUTO(redis_closep) struct redis *r = open_redis();
    static const char WRONG_NAME[] = "0123456789abcdef0123456789abcdef";
    AUTO(buf_fini) struct buf other_blob;
    struct artefact *other = made(50000, &other_blob);
    struct redis_cmd set;
    plant(s, r, s->artefact->fingerprint, STR("not a frame"));
    assert_null(artefact_cache_get(s->cache, r, str_of(s->artefact->fingerprint)));
    assert_null(artefact_cache_get(s->cache, r, str_of(WRONG_NAME)));
    // A whole artefact under a name that is not its own.
    (void)memcpy(other->fingerprint, WRONG_NAME, FINGERPRINT_HEX);
    assert_true(artefact_cache_share_cmd(s->cache, other, &other_blob, &set));
    call(r, &set);
    assert_null(artefact_cache_get(s->cache, r, str_of(WRONG_NAME)));
    artefact_release(s->cache, other);
}

static void too_large_a_blob_is_not_shared(void **state)
{
    struct shop *s = *state;
    struct artefact_cache *narrow = artefact_cache_create(&s->queue, 64 << 20, 60, 10);
    struct redis_cmd set;
    assert_false(artefact_cache_share_cmd(narrow, s->artefact, &s->blob, &set));
    artefact_cache_destroy(narrow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_uploads_have_equal_fingerprints, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_gives_back_the_same_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cache_without_budget_keeps_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(another_worker_gets_it_from_redis, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign_and_corrupt_blobs_are_not_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(too_large_a_blob_is_not_shared, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
