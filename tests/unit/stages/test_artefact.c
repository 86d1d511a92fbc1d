// The artefact and its cache, memory only and through the Redis of BUNDLE_TEST_REDIS where there is one.

#include "worker/store/artefact_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/mp.h"
#include "worker/dataset/builder.h"

static const struct artefact_source SOURCE = {"00000000000000000000000000000001", "00000000000000000000000000000002"};

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
    const struct mined_rules rules = mined_rules_default();
    buf_init(blob, ARTEFACT_BLOB_MAX);
    if (!artefact_make(&a, small_dataset(price_e4), &rules, NULL, &is_cancelled, blob, &e))
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

// NULL: not to be had.
static struct artefact *get(struct artefact_cache *c, struct redis *r, const char *fingerprint)
{
    struct artefact *a = NULL;
    struct err e = {0};
    if (!artefact_cache_get(c, r, str_of(fingerprint), &a, &e))
        fail_msg("%s", e.message);
    return a;
}

static void memory_gives_back_the_same_one(void **state)
{
    struct shop *s = *state;
    assert_null(artefact_cache_find(s->cache, str_of(s->artefact->fingerprint)));
    artefact_cache_put(s->cache, s->artefact, &SOURCE);
    struct artefact *found = artefact_cache_find(s->cache, str_of(s->artefact->fingerprint));
    assert_ptr_equal(found, s->artefact);
    artefact_release(s->cache, found);
    assert_null(get(s->cache, NULL, "00000000000000000000000000000000"));
}

static void a_source_is_found_at_its_revision_only(void **state)
{
    struct shop *s = *state;
    struct artefact_source newer = SOURCE, untold = SOURCE;
    AUTO(buf_fini) struct buf blob;
    struct artefact *second = made(46000, &blob);
    (void)memset(newer.revision, '3', FINGERPRINT_HEX);
    untold.revision[0] = '\0';
    assert_false(artefact_cache_knows(s->cache, SOURCE.name));
    artefact_cache_put(s->cache, s->artefact, &SOURCE);
    assert_true(artefact_cache_knows(s->cache, SOURCE.name));
    assert_null(artefact_cache_find_source(s->cache, &newer));
    struct artefact *found = artefact_cache_find_source(s->cache, &SOURCE);
    assert_ptr_equal(found, s->artefact);
    artefact_release(s->cache, found);
    artefact_cache_put(s->cache, second, &newer); // the upload has changed
    assert_null(artefact_cache_find_source(s->cache, &SOURCE));
    found = artefact_cache_find_source(s->cache, &newer);
    assert_ptr_equal(found, second);
    artefact_release(s->cache, found);
    artefact_cache_put(s->cache, second, &untold); // what cannot be told is never reused
    assert_null(artefact_cache_find_source(s->cache, &untold));
    artefact_release(s->cache, second);
}

static void a_cache_without_budget_keeps_nothing(void **state)
{
    struct shop *s = *state;
    struct artefact_cache *none = artefact_cache_create(&s->queue, 0, 60, 1 << 20);
    artefact_cache_put(none, s->artefact, &SOURCE);
    assert_null(artefact_cache_find(none, str_of(s->artefact->fingerprint)));
    assert_false(artefact_cache_knows(none, SOURCE.name));
    artefact_cache_destroy(none);
}

static void the_least_recently_used_goes_first(void **state)
{
    struct shop *s = *state;
    AUTO(buf_fini) struct buf second_blob;
    AUTO(buf_fini) struct buf third_blob;
    struct artefact *second = made(46000, &second_blob), *third = made(47000, &third_blob);
    struct artefact_cache *two = artefact_cache_create(&s->queue, s->artefact->bytes * 5 / 2, 60, 1 << 20);
    artefact_cache_put(two, s->artefact, &SOURCE);
    artefact_cache_put(two, second, &SOURCE);
    artefact_release(two, artefact_cache_find(two, str_of(s->artefact->fingerprint))); // used again
    artefact_cache_put(two, third, &SOURCE);
    assert_null(artefact_cache_find(two, str_of(second->fingerprint)));
    artefact_release(two, artefact_cache_find(two, str_of(s->artefact->fingerprint)));
    artefact_cache_destroy(two);
    artefact_release(s->cache, second);
    artefact_release(s->cache, third);
}

static void what_is_encoded_decodes_to_the_same(void **state)
{
    struct shop *s = *state;
    AUTO(buf_fini) struct buf again;
    struct artefact *back = NULL;
    struct err e = {0};
    buf_init(&again, ARTEFACT_BLOB_MAX);
    if (!artefact_decode(&back, buf_str(&s->blob), &e))
        fail_msg("%s", e.message);
    artefact_encode(back, &again);
    assert_int_equal(again.len, s->blob.len);
    assert_memory_equal(again.data, s->blob.data, again.len);
    artefact_destroy(back);
}

static void memory_over_the_limit_is_an_error_that_names_it(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf blob;
    struct artefact *a = NULL;
    struct err e = {0};
    struct mined_rules rules = mined_rules_default();
    rules.memory_max_bytes = 100;
    buf_init(&blob, ARTEFACT_BLOB_MAX);
    assert_false(artefact_make(&a, small_dataset(45000), &rules, NULL, NULL, &blob, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_non_null(strstr(e.message, "job.memory_mb"));
    assert_null(a);
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
    assert_true(redis_open(&r, &url, "test", 5000, &e));
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

static int64_t ask_redis(struct shop *s, struct redis *r, const char *command, const char *fingerprint)
{
    AUTO(buf_fini) struct buf key;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct redis_cmd c;
    struct err e = {0};
    buf_init(&key, 200);
    queue_key(&s->queue, "cache", str_of(fingerprint), &key);
    redis_cmd_init(&c, command);
    redis_cmd_str(&c, buf_str(&key));
    if (!redis_call(r, &c, &reply, &e))
        fail_msg("%s", e.message);
    redis_cmd_fini(&c);
    return redis_reply_int(reply);
}

static void share(struct shop *s, struct redis *r, struct artefact_cache *c, const struct buf *blob)
{
    struct redis_cmd set;
    assert_true(artefact_cache_share_cmd(c, s->artefact, blob, &set));
    call(r, &set);
}

static void another_worker_gets_it_from_redis(void **state)
{
    struct shop *s = *state;
    AUTO(redis_closep) struct redis *r = open_redis();
    struct artefact_cache *other = artefact_cache_create(&s->queue, 64 << 20, 60, 1 << 20);
    share(s, r, s->cache, &s->blob);
    struct artefact *got = get(other, r, s->artefact->fingerprint);
    assert_non_null(got);
    assert_int_equal(got->data->n_items, 2);
    assert_int_equal(got->mined->evidence->n_multi, 2);
    artefact_release(other, got);
    artefact_cache_destroy(other);
}

static void sharing_again_only_lengthens_its_life(void **state)
{
    struct shop *s = *state;
    AUTO(redis_closep) struct redis *r = open_redis();
    artefact_cache_put(s->cache, s->artefact, &SOURCE);
    share(s, r, s->cache, &s->blob);
    plant(s, r, s->artefact->fingerprint, STR("untouched"));
    share(s, r, s->cache, NULL);
    assert_int_equal(ask_redis(s, r, "STRLEN", s->artefact->fingerprint), 9);
    assert_in_range(ask_redis(s, r, "TTL", s->artefact->fingerprint), 55, 60);
    // One that does not know it to be there sends all of it.
    struct artefact_cache *other = artefact_cache_create(&s->queue, 64 << 20, 60, 1 << 20);
    artefact_cache_put(other, s->artefact, &SOURCE);
    share(s, r, other, NULL);
    assert_true(ask_redis(s, r, "STRLEN", s->artefact->fingerprint) > 9);
    artefact_cache_destroy(other);
}

static void corrupt_blobs_are_discarded(void **state)
{
    struct shop *s = *state;
    AUTO(redis_closep) struct redis *r = open_redis();
    static const char WRONG_NAME[] = "0123456789abcdef0123456789abcdef";
    AUTO(buf_fini) struct buf packed;
    buf_init(&packed, ARTEFACT_BLOB_MAX);
    assert_true(artefact_deflate(buf_str(&s->blob), &packed));
    const struct {
        const char *name;
        struct str bytes;
    } BAD[] = {
        {s->artefact->fingerprint, STR("not a frame")},
        {s->artefact->fingerprint, {packed.data, packed.len / 2}}, // cut
        {WRONG_NAME, buf_str(&packed)},                            // a whole one under a name that is not its own
    };
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        plant(s, r, BAD[i].name, BAD[i].bytes);
        assert_null(get(s->cache, r, BAD[i].name));
        assert_int_equal(artefact_cache_discarded(s->cache), i + 1);
        assert_int_equal(ask_redis(s, r, "EXISTS", BAD[i].name), 0);
    }
    assert_null(get(s->cache, r, WRONG_NAME)); // gone is not broken
    assert_int_equal(artefact_cache_discarded(s->cache), ARRAY_LEN(BAD));
}

// During a deploy: the blob is as it should be, and others can read it.
static void a_blob_of_another_version_is_left_to_those_who_know_it(void **state)
{
    struct shop *s = *state;
    AUTO(redis_closep) struct redis *r = open_redis();
    AUTO(buf_fini) struct buf blob;
    AUTO(buf_fini) struct buf packed;
    char fingerprint[FINGERPRINT_HEX + 1];
    struct artefact *a = NULL;
    struct err e = {0};
    buf_init(&blob, 1000);
    buf_init(&packed, 1000);
    mp_put_envelope(&blob, "artefact", ARTEFACT_VERSION + 1, 0);
    assert_true(artefact_deflate(buf_str(&blob), &packed));
    artefact_fingerprint(buf_str(&blob), fingerprint);
    plant(s, r, fingerprint, buf_str(&packed));
    assert_false(artefact_cache_get(s->cache, r, str_of(fingerprint), &a, &e));
    assert_true(err_kind_is_retried(e.kind));
    assert_null(a);
    assert_int_equal(ask_redis(s, r, "EXISTS", fingerprint), 1);
    assert_int_equal(artefact_cache_discarded(s->cache), 0);
}

static void too_large_a_blob_is_not_shared(void **state)
{
    struct shop *s = *state;
    struct artefact_cache *narrow = artefact_cache_create(&s->queue, 64 << 20, 60, 10);
    struct redis_cmd set;
    artefact_cache_put(narrow, s->artefact, &SOURCE);
    assert_false(artefact_cache_share_cmd(narrow, s->artefact, &s->blob, &set));
    assert_false(artefact_cache_share_cmd(narrow, s->artefact, NULL, &set));
    artefact_cache_destroy(narrow);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(equal_uploads_have_equal_fingerprints),
        TEST(memory_gives_back_the_same_one),
        TEST(a_source_is_found_at_its_revision_only),
        TEST(a_cache_without_budget_keeps_nothing),
        TEST(the_least_recently_used_goes_first),
        TEST(what_is_encoded_decodes_to_the_same),
        TEST(memory_over_the_limit_is_an_error_that_names_it),
        TEST(another_worker_gets_it_from_redis),
        TEST(sharing_again_only_lengthens_its_life),
        TEST(corrupt_blobs_are_discarded),
        TEST(a_blob_of_another_version_is_left_to_those_who_know_it),
        TEST(too_large_a_blob_is_not_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
