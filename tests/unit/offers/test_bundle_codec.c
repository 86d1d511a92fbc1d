#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "common/check.h"
#include "common/mp.h"
#include "worker/dataset/dataset.h"
#include "worker/offers/bundle.h"

static struct bundle example(void)
{
    struct bundle b = {.type = TYPE_VOLUME, .objective = OBJECTIVE_MARGIN_GUARD, .objectives = 0x81, .sources = 9};
    b.n_parts = 2;
    b.parts[0] = (struct part){7, 2, ROLE_ANCHOR, 1299, 130};
    b.parts[1] = (struct part){3, 1, ROLE_REWARD, MONEY_UNKNOWN, 0};
    b.pricing =
        (struct pricing){2598, 2468, 130, 500, PRICE_SHRUNK, GUARD_NICE_ENDING, {{2, 500, 1234}}, 1, 1, 1, 2500, 2};
    b.orders_together = 12;
    b.orders_base = 40;
    b.orders_total = 4000;
    b.orders_recent = 3;
    b.newest_together = 2;
    b.newest_base = 9;
    b.newest_expected = 1.5;
    b.confirmation = NOT_CONFIRMED;
    b.expected = 4.5;
    b.support = 0.003;
    b.confidence = 0.3;
    b.lift = 2.67;
    b.strength = 11.25;
    b.fit = 0.5;
    b.inventory = 0.25;
    b.price_sanity = 0.75;
    b.novelty = 1;
    b.predicted_lift = 0.0625;
    b.ranking_score = 0.4;
    b.rank = 3;
    return b;
}

static bool decode(const struct buf *bytes, uint32_t n_items, struct arena *memory, struct bundle_list *out)
{
    struct err e;
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    return mp_open(&doc, bytes->data, bytes->len, &MP_LIMITS_ARTEFACT, &e) &&
           bundles_decode(out, mp_root(doc), n_items, memory, &e);
}

static void round_trip(void **state)
{
    (void)state;
    struct arena memory;
    struct buf bytes, again;
    arena_init(&memory, 0);
    buf_init(&bytes, 1 << 20);
    buf_init(&again, 1 << 20);
    struct bundle two[2] = {example(), example()};
    two[1].pricing.original_minor = two[1].pricing.bundle_minor = two[1].pricing.discount_minor = MONEY_UNKNOWN;
    struct bundle_list list = {two, 2}, read = {0};
    bundles_encode(&list, &bytes);
    assert_true(decode(&bytes, 8, &memory, &read));
    assert_int_equal(read.n, 2);
    bundles_encode(&read, &again);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    assert_int_equal(read.bundles[0].parts[0].discount_minor, 130);
    assert_true(read.bundles[1].pricing.bundle_minor == MONEY_UNKNOWN);
    assert_true(fabs(read.bundles[0].predicted_lift - 0.0625) < 1e-15);
    assert_int_equal(read.bundles[0].newest_together, 2);
    assert_int_equal(read.bundles[0].newest_base, 9);
    assert_true(fabs(read.bundles[0].newest_expected - 1.5) < 1e-15);
    assert_int_equal(read.bundles[0].confirmation, NOT_CONFIRMED);
    buf_fini(&bytes);
    buf_fini(&again);
    arena_fini(&memory);
}

static bool survives(struct bundle b, uint32_t n_items)
{
    struct arena memory;
    struct buf bytes;
    struct bundle_list read;
    arena_init(&memory, 0);
    buf_init(&bytes, 1 << 20);
    bundles_encode(&(struct bundle_list){&b, 1}, &bytes);
    bool is_read = decode(&bytes, n_items, &memory, &read);
    buf_fini(&bytes);
    arena_fini(&memory);
    return is_read;
}

static void foreign_values_are_refused(void **state)
{
    (void)state;
    struct bundle b = example();
    assert_true(survives(b, 8));
    assert_false(survives(b, 7)); // item 7 is not of this dataset
    assert_false(survives(b, 0));
    b.confidence = 3.0;
    assert_false(survives(b, 8));
    b = example();
    b.expected = -1;
    assert_false(survives(b, 8));
    b = example();
    b.parts[0].quantity = 0;
    assert_false(survives(b, 8));
    b = example();
    b.parts[0].price_minor = INT64_MAX / 2 + 1; // twice of it is no amount
    assert_false(survives(b, 8));
    b = example();
    b.sources = 1u << SOURCE_COUNT;
    assert_false(survives(b, 8));
    b = example();
    b.confirmation = NOT_CONFIRMED + 1;
    assert_false(survives(b, 8));
}

// Whatever byte is hit, the answer is an error or a bundle within its bounds.
static void corruption_is_survived(void **state)
{
    (void)state;
    struct arena memory;
    struct buf bytes;
    struct bundle b = example();
    unsigned refused = 0;
    arena_init(&memory, 0);
    buf_init(&bytes, 1 << 20);
    bundles_encode(&(struct bundle_list){&b, 1}, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        for (unsigned flip = 1; flip < 256; flip = flip * 2 + 1) {
            struct bundle_list read = {0};
            bytes.data[i] = (char)((unsigned char)bytes.data[i] ^ flip);
            if (!decode(&bytes, 8, &memory, &read))
                refused++;
            for (uint32_t k = 0; k < read.n; k++) {
                assert_in_range(read.bundles[k].n_parts, 1, PARTS_MAX);
                assert_true(read.bundles[k].parts[0].item < 8);
                assert_true(read.bundles[k].confidence >= 0 && read.bundles[k].confidence <= 1);
            }
            bytes.data[i] = (char)((unsigned char)bytes.data[i] ^ flip);
        }
    }
    assert_true(refused > 100);
    for (size_t len = 0; len < bytes.len; len++) {
        struct buf cut = bytes;
        struct bundle_list read;
        cut.len = len;
        assert_false(decode(&cut, 8, &memory, &read));
    }
    buf_fini(&bytes);
    arena_fini(&memory);
}

static void names_round_trip(void **state)
{
    (void)state;
    for (unsigned o = 0; o < OBJECTIVE_COUNT; o++) {
        enum objective found;
        assert_true(objective_of_name(str_of(objective_row((enum objective)o)->name), &found));
        assert_int_equal(found, o);
        const struct rank_weights *w = &objective_row((enum objective)o)->weights;
        assert_true(fabs(w->confidence + w->lift + w->fit + w->inventory + w->price_sanity - 1) < 0.06);
    }
    for (unsigned t = 0; t < TYPE_COUNT; t++) {
        enum bundle_type found;
        assert_true(bundle_type_of_name(str_of(bundle_type_name((enum bundle_type)t)), &found));
        assert_int_equal(found, t);
    }
    enum objective o;
    assert_false(objective_of_name(STR("increase_ao"), &o));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(foreign_values_are_refused),
        cmocka_unit_test(corruption_is_survived),
        cmocka_unit_test(names_round_trip),
    };
    return cmocka_run_group_tests_name("bundle_codec", tests, NULL, NULL);
}
