#include "worker/mining/mined.h"

#include <string.h>

#include "common/both.h"
#include "common/mp.h"
#include "tests/unit/mining/blob.h"
#include "tests/unit/mining/orders.h"

static struct mined *make(const struct dataset *d, void (*both)(void (*a)(void *), void (*b)(void *), void *),
                          struct buf *blob)
{
    struct mined_rules rules = mined_rules_default();
    struct mined *m = NULL;
    struct err e = {0};
    rules.both = both;
    if (!mined_make(&m, d, &rules, NULL, NULL, &e))
        fail_msg("%s", e.message);
    buf_init(blob, 1 << 26);
    mined_encode(m, blob);
    return m;
}

static void one_thread_and_two_give_the_same_bytes(void **state)
{
    (void)state;
    struct dataset *d = orders_random(3, 400, 40, 8);
    struct buf first, again;
    struct mined *one = make(d, NULL, &first), *two = make(d, both_at_once, &again);
    assert_non_null(one->embedding);
    assert_true(one->itemsets->n_sets > 0 && one->evidence->n_pairs > 0);
    assert_int_equal(first.len, again.len);
    assert_memory_equal(first.data, again.data, first.len);
    assert_true(mined_bytes(two) > one->evidence->memory.used_bytes);
    mined_destroy(one);
    mined_destroy(two);
    buf_fini(&first);
    buf_fini(&again);
    dataset_destroy(d);
}

static bool read_back(const void *data, size_t len, const struct dataset *d, struct err *e)
{
    struct mined *back;
    struct mp_doc *doc;
    if (!mp_open(&doc, data, len, &MP_LIMITS_ARTEFACT, e))
        return false;
    bool is_decoded = mined_decode(&back, mp_root(doc), d, e);
    if (is_decoded)
        assert_non_null(back->embedding);
    if (is_decoded)
        mined_destroy(back);
    mp_close(doc);
    return is_decoded;
}

static void broken_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    struct dataset *d = orders_random(7, 40, 8, 5);
    struct buf blob;
    struct mined *m = make(d, NULL, &blob);
    blob_is_refused_or_harmless(&blob, d, read_back);
    mined_destroy(m);
    buf_fini(&blob);
    dataset_destroy(d);
}

static void what_is_read_back_is_what_was_mined(void **state)
{
    (void)state;
    struct dataset *d = orders_random(4, 200, 30, 6);
    struct buf blob, again;
    struct mined *m = make(d, NULL, &blob), *back;
    struct mp_doc *doc;
    struct err e;
    assert_true(mp_open(&doc, blob.data, blob.len, &MP_LIMITS_ARTEFACT, &e));
    assert_true(mined_decode(&back, mp_root(doc), d, &e));
    buf_init(&again, 1 << 26);
    mined_encode(back, &again);
    assert_int_equal(again.len, blob.len);
    assert_memory_equal(again.data, blob.data, blob.len);
    assert_false(mined_decode(&back, mp_get(mp_root(doc), "evidence"), d, &e)); // another map
    assert_int_equal(e.kind, ERR_CODEC);
    mp_close(doc);
    mined_destroy(m);
    mined_destroy(back);
    buf_fini(&blob);
    buf_fini(&again);
    dataset_destroy(d);
}

static void small_uploads_have_no_embedding(void **state)
{
    (void)state;
    struct dataset *d = orders_of("AB AC BC", T0);
    struct buf blob;
    struct mined *m = make(d, both_at_once, &blob);
    assert_true(d->lines_read < 20);
    assert_null(m->embedding);
    assert_int_equal(m->evidence->n_multi, 3);
    mined_destroy(m);
    buf_fini(&blob);
    dataset_destroy(d);
}

struct early {
    unsigned calls;
    bool is_fine;
};

static bool on_counted(void *early_, const struct mined *m, struct err *e)
{
    struct early *early = early_;
    early->calls++;
    assert_true(m->evidence->n_pairs > 0);
    assert_null(m->itemsets);
    assert_null(m->embedding);
    return early->is_fine || err_set(e, ERR_PG_AWAY, "not today");
}

static void who_cannot_wait_hears_of_the_counts(void **state)
{
    (void)state;
    struct dataset *d = orders_random(5, 200, 30, 6);
    struct mined_rules rules = mined_rules_default();
    struct early early = {.is_fine = true};
    const struct mined_early wish = {on_counted, &early};
    struct mined *m = NULL;
    struct err e;
    rules.both = both_at_once;
    assert_true(mined_make(&m, d, &rules, &wish, NULL, &e));
    assert_int_equal(early.calls, 1);
    mined_destroy(m);
    early.is_fine = false;
    m = NULL;
    assert_false(mined_make(&m, d, &rules, &wish, NULL, &e));
    assert_string_equal(e.message, "not today");
    assert_null(m);
    dataset_destroy(d);
}

static void cancelled_and_over_the_limit_say_so(void **state)
{
    (void)state;
    struct dataset *d = orders_random(6, 200, 30, 6);
    struct mined_rules rules = mined_rules_default();
    atomic_bool is_cancelled = true;
    struct mined *m = NULL;
    struct err e;
    assert_false(mined_make(&m, d, &rules, NULL, &is_cancelled, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    rules.memory_max_bytes = 1000;
    assert_false(mined_make(&m, d, &rules, NULL, NULL, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_non_null(strstr(e.message, "job.memory_mb"));
    assert_null(m);
    dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_and_two_give_the_same_bytes), cmocka_unit_test(what_is_read_back_is_what_was_mined),
        cmocka_unit_test(broken_bytes_are_refused_or_harmless),   cmocka_unit_test(small_uploads_have_no_embedding),
        cmocka_unit_test(who_cannot_wait_hears_of_the_counts),    cmocka_unit_test(cancelled_and_over_the_limit_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
