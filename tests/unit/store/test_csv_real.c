// The real files of the shared data set, where this machine has them.
#include "worker/store/csv_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "store_test.h"

struct counts {
    uint64_t rows, orders, lines, returned, quantity_not_positive, price_not_positive;
};

static bool count_row(void *context, const struct row *r, struct err *e)
{
    (void)e;
    struct counts *c = context;
    c->orders += r->kind == ROW_ORDER;
    c->lines += r->kind == ROW_LINE;
    c->returned += r->kind == ROW_ORDER && r->order.is_returned;
    c->quantity_not_positive += r->kind == ROW_LINE && r->line.quantity <= 0;
    c->price_not_positive += r->kind == ROW_LINE && r->line.unit_price_e4 <= 0;
    return true;
}

static void tell_reject(void *context, uint64_t line, struct str column, const char *reason)
{
    (void)context;
    fail_msg("line %llu, " STR_FMT ": %s", (unsigned long long)line, STR_ARG(column), reason);
}

static struct counts read_file(const char *name)
{
    const char *path = real_data(name);
    struct counts c = {0};
    if (!path) {
        print_message("skipped: %s is not on this machine\n", name);
        skip();
        return c;
    }
    const struct csv_sink sink = {.on_row = count_row, .on_reject = tell_reject, .context = &c};
    struct csv_report report;
    struct err e = {0};
    if (!csv_read(path, &CSV_TEST_OPTIONS, &sink, &report, &e))
        fail_msg("%s", e.message);
    assert_int_equal(report.kind, CSV_ORDERS);
    assert_int_equal(report.rejected, 0);
    c.rows = report.rows;
    return c;
}

static void bread_basket(void **state)
{
    (void)state;
    struct counts c = read_file("bread_basket/BreadBasket_DMS.csv");
    assert_int_equal(c.rows, 21293);
    assert_int_equal(c.lines, 21293);
    assert_int_equal(c.orders, 9531);
}

static void groceries(void **state)
{
    (void)state;
    struct counts c = read_file("groceries/groceries_orders.csv");
    assert_int_equal(c.lines, 43367);
    assert_int_equal(c.orders, 9835);
}

static void online_retail(void **state)
{
    (void)state;
    struct counts c = read_file("online_retail/OnlineRetail_to_2011-09.csv.gz");
    assert_int_equal(c.rows, 370931);
    assert_int_equal(c.lines, 370931);
    assert_int_equal(c.orders, 18786);
    assert_int_equal(c.returned, 2890);
    assert_int_equal(c.quantity_not_positive, 7675);
    assert_int_equal(c.price_not_positive, 1959);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bread_basket), cmocka_unit_test(groceries),
                                       cmocka_unit_test(online_retail)};
    return cmocka_run_group_tests_name("csv_real", tests, NULL, NULL);
}
