#include "worker/dataset/pack.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/check.h"
#include "worker/dataset/rows.h"

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) // xorshift64
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

// Of every size, often an end of the range.
static int64_t random_amount(void)
{
    static const int64_t ENDS[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX};
    uint64_t r = next_random();
    return r % 4 == 0 ? ENDS[r / 4 % ARRAY_LEN(ENDS)] : (int64_t)(next_random() >> (r / 4 % 64));
}

static uint32_t random_number(void)
{
    uint64_t r = next_random();
    return r % 8 == 0 ? UINT32_MAX : (uint32_t)(next_random() >> 32) >> (r / 8 % 32);
}

static void assert_same_line(const struct raw_line *a, const struct raw_line *b)
{
    assert_int_equal(a->tuple, b->tuple);
    assert_int_equal(a->quantity, b->quantity);
    assert_true(a->price_e4 == b->price_e4 && a->discount_e4 == b->discount_e4);
}

static void lines_come_back_as_they_were(void **state)
{
    (void)state;
    enum { N = 5000 };
    static struct raw_line lines[N];
    static size_t offsets[N];
    struct pack p = {0};
    struct raw_line previous = {0}, row = {0};
    for (size_t i = 0; i < N; i++) {
        lines[i] = (struct raw_line){.order = random_number(),
                                     .tuple = random_number(),
                                     .quantity = (int32_t)(random_number() >> 1),
                                     .source = (uint16_t)(next_random() % 5 == 0 ? random_number() : 7),
                                     .price_e4 = random_amount(),
                                     .discount_e4 = random_amount()};
        offsets[i] = p.len;
        pack_line(&p, &lines[i], &previous);
        assert_true(p.len - offsets[i] <= PACK_ROW_MAX);
    }
    assert_int_equal(p.n, N);
    size_t at = 0;
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(at, offsets[i]);
        at = unpack_line(&p, at, &row);
        assert_int_equal(row.order, lines[i].order);
        assert_int_equal(row.source, lines[i].source);
        assert_same_line(&row, &lines[i]);
    }
    assert_int_equal(at, p.len);
    for (size_t i = N; i-- > 0;) { // out of turn
        (void)unpack_line(&p, offsets[i], &row);
        assert_same_line(&row, &lines[i]);
    }
    pack_fini(&p);
}

static void orders_come_back_as_they_were(void **state)
{
    (void)state;
    enum { N = 5000 };
    static struct raw_order orders[N];
    struct pack p = {0};
    struct raw_order previous = {0}, row = {0};
    for (size_t i = 0; i < N; i++) {
        int64_t at = random_amount() % 1000000000000;
        orders[i] = (struct raw_order){.order = random_number(),
                                       .customer = random_number(),
                                       .source = (uint16_t)(random_number() % 3),
                                       .currency = (uint8_t)random_number(),
                                       .is_cancelled = random_number() & 1,
                                       .at = i % 5 == 0 ? DATE_UNKNOWN : at,
                                       .discount_e4 = random_amount()};
        pack_order(&p, &orders[i], &previous);
    }
    size_t at = 0;
    for (size_t i = 0; i < N; i++) {
        at = unpack_order(&p, at, &row);
        assert_int_equal(row.order, orders[i].order);
        assert_int_equal(row.customer, orders[i].customer);
        assert_int_equal(row.source, orders[i].source);
        assert_int_equal(row.currency, orders[i].currency);
        assert_int_equal(row.is_cancelled, orders[i].is_cancelled);
        assert_true(row.at == orders[i].at && row.discount_e4 == orders[i].discount_e4);
    }
    assert_int_equal(at, p.len);
    pack_fini(&p);
}

// Order 7's second line: 1 (the same order, the same file), 2 (tuple 300), 1 (three pieces), 3 (price), 1 (no
// discount).
static void an_ordinary_line_takes_few_bytes(void **state)
{
    (void)state;
    struct pack p = {0};
    struct raw_line previous = {0};
    const struct raw_line line = {
        .order = 7, .tuple = 300, .quantity = 3, .price_e4 = 369000, .discount_e4 = AMOUNT_UNKNOWN};
    pack_line(&p, &line, &previous);
    size_t first = p.len;
    pack_line(&p, &line, &previous);
    assert_int_equal(p.len - first, 8);
    pack_fini(&p);
    pack_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_back_as_they_were),
        cmocka_unit_test(orders_come_back_as_they_were),
        cmocka_unit_test(an_ordinary_line_takes_few_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
