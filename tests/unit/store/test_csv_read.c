#include "worker/store/csv_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_test.h"

static void expect_rows(const char *file, const char *expected)
{
    struct buf out;
    struct csv_report report;
    struct err e = {0};
    buf_init(&out, 1 << 20);
    if (!csv_print(golden_csv(file), &CSV_TEST_OPTIONS, &out, &report, &e))
        fail_msg("%s", e.message);
    assert_string_equal(out.data, expected);
    buf_fini(&out);
}

static void expect_refused(const char *file, const char *part_of_message)
{
    struct buf out;
    struct csv_report report;
    struct err e = {0};
    buf_init(&out, 1 << 20);
    assert_false(csv_print(golden_csv(file), &CSV_TEST_OPTIONS, &out, &report, &e));
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.message, file));
    if (!strstr(e.message, part_of_message))
        fail_msg("\"%s\" says nothing of \"%s\"", e.message, part_of_message);
    buf_fini(&out);
}

static void own_orders(void **state)
{
    (void)state;
    expect_rows("orders.csv", "order|A1|c1|c1@example.com|GBP|paid|1714557600||250000|0|250000\n"
                              "line|A1|L1|v1|S-1|Café-Tasse ☕||Nord|Mugs|1|100000|0\n"
                              "line|A1|L2|v2|S-2|Lid 🫖|Blue / M|Nord|Lids|3|50000|0\n"
                              "order|A2|c2||GBP|paid|1714642200||100000|15000|85000\n"
                              "line|A2|L1|v1|S-1|Café-Tasse ☕||Nord|Mugs|1|100000|15000\n"
                              "order|A3|c1|c1@example.com|GBP|paid|1714694400|returned|50000|0|50000\n"
                              "line|A3|L1|v2|S-2|Lid 🫖|Blue / M|Nord|Lids|1|50000|0\n"
                              "order|A4|c3||GBP|paid|1714867199||-50000|0|-50000\n"
                              "line|A4|L1|v2|S-2|Lid 🫖|Blue / M|Nord|Lids|-1|50000|0\n"
                              "order|A5|c3||GBP|paid|1714867200||0|0|0\n"
                              "line|A5|L1|v1|S-1|Café-Tasse ☕||Nord|Mugs|2|0|0\n");
}

static void graphql_names(void **state)
{
    (void)state;
    expect_rows(
        "orders_graphql.csv",
        "order|gid://shopify/Order/1|gid://shopify/Customer/7||JPY|PAID|1714557600||?|?|?\n"
        "line|gid://shopify/Order/1|gid://shopify/LineItem/1|gid://shopify/ProductVariant/11|K-1|Kyusu|Default "
        "Title|Tokoname|Teapots|1|120000000|0\n"
        "line|gid://shopify/Order/1|gid://shopify/LineItem/2|gid://shopify/ProductVariant/12|K-2|Sencha|100 g|Uji|"
        "Tea|2|15000000|3000000\n"
        "order|gid://shopify/Order/2|||JPY|PAID|1714644000||?|?|?\n"
        "line|gid://shopify/Order/2|gid://shopify/LineItem/3|gid://shopify/ProductVariant/12|K-2|Sencha|100 g|Uji|"
        "Tea|1|15000000|0\n");
}

// An order's fields stand in its first row only, titles and notes have line breaks and quotes, SKUs are missing.
static void shopify_orders(void **state)
{
    (void)state;
    expect_rows("shopify_orders.csv",
                "order|#1001||ann@example.com|USD|paid|1709306100||580000|20000|629000\n"
                "line|#1001|1||MUG-BL-L|Blue Mug - Large||Harbour & Co||1|180000|0\n"
                "line|#1001|2|||Coaster Set, cork||Harbour & Co||2|120000|20000\n"
                "line|#1001|3||TT-1|Tea Towel \"Harbour\"||Harbour & Co||1|180000|0\n"
                "order|#1002||ben@example.com|USD|paid|1709388000||300000|0|349000\n"
                "line|#1002|1||MUG-BL-S|Blue Mug - Small||Harbour & Co||1|120000|0\n"
                "line|#1002|2||TT-1|Tea Towel \"Harbour\"||Harbour & Co||1|180000|0\n"
                "order|#1003||cleo@example.com|USD|refunded|1709515800||180000|0|229000\n"
                "line|#1003|1||MUG-BL-L|Blue Mug - Large||Harbour & Co||1|180000|0\n"
                "order|#1004||dan@example.com|USD|paid|1709557200|returned|360000|0|409000\n"
                "line|#1004|1||MUG-BL-L|Blue Mug - Large||Harbour & Co||2|180000|0\n"
                "order|#1005||ann@example.com|USD|paid|1709658000||445000|0|494000\n"
                "line|#1005|1||LAMP-2|Sailor's Lamp\n(brass, two parts)||Harbour & Co||1|265000|0\n"
                "line|#1005|2||MUG-BL-L|Blue Mug - Large||Harbour & Co||1|180000|0\n");
}

static void shopify_products(void **state)
{
    (void)state;
    expect_rows(
        "shopify_products.csv",
        "catalog|blue-mug|Blue Mug|Mugs|Harbour & Co|kitchen, blue, gift||active|MUG-BL-L|Large||?|180000|200000|"
        "62000|25\n"
        "catalog|blue-mug|Blue Mug|Mugs|Harbour & Co|kitchen, blue, gift||active|MUG-BL-S|Small||?|120000|?|"
        "41000|0\n"
        "catalog|tea-towel-harbour|Tea Towel \"Harbour\"|Textiles|Harbour & Co|summer||active|TT-1|||?|180000|?|?|"
        "140\n"
        "catalog|coaster-set|Coaster Set, cork|Textiles|Harbour & Co|||draft||||?|120000|?|30000|12\n"
        "catalog|sailors-lamp|Sailor's Lamp\n(brass, two parts)|Lamps|Wickworks|||archived|LAMP-2|Brass / UK||?|"
        "265000|?|?|-2\n");
}

static void variants_inventory_catalog(void **state)
{
    (void)state;
    expect_rows("variants.csv", "variant|v1|p1|S-1|Default Title|i1|100000|125000|40000\n"
                                "variant|v2|p2|S-2|Blue / M|i2|50000|?|12500\n"
                                "variant|v3|p2|S-2|Red / M|i3|50000|?|?\n");
    expect_rows("inventory.csv", "inventory|i1|harbour|12|1714867200\n"
                                 "inventory|i1|airport|3|1714867200\n"
                                 "inventory|i2|harbour|-4|1714867200\n"
                                 "inventory|i3||?|?\n");
    expect_rows("catalog.csv",
                "catalog|p1|Café-Tasse ☕|Mugs|Nord|gift, winter|v1|active|S-1||i1|1672531200|100000|125000|40000|15\n"
                "catalog|p2|Lid 🫖|Lids|Nord||v2|active|S-2|Blue / M|i2|1713571200|50000|?|12500|-4\n"
                "catalog|p2|Lid 🫖|Lids|Nord||v3|draft|S-2|Red / M|i3|1713571200|50000|?|?|?\n");
}

static void semicolons_and_old_macs(void **state)
{
    (void)state;
    expect_rows("semicolon.csv", "order|1|||||?||?|?|?\n"
                                 "line|1|1|||Käse, jung||||2|12345000|?\n"
                                 "line|1|2|||Brot \"Land\"||||1|32000|?\n");
    expect_rows("old_mac.csv", "order|1|||||?||?|?|?\n"
                               "line|1|1|||Tea||||1|?|?\n"
                               "line|1|2|||Milk||||1|?|?\n"
                               "order|2|||||?||?|?|?\n");
}

static void bad_rows_have_line_column_and_reason(void **state)
{
    (void)state;
    expect_rows("orders_bad.csv", "order|B1|||EUR||1704067200||?|?|?\n"
                                  "line|B1|1||G-1|Good||||1|20000|?\n"
                                  "! 3 order_id: missing\n"
                                  "! 4 created_at: not a date: \"yesterday\"\n"
                                  "! 5 currency: unknown currency: \"XXQ\"\n"
                                  "order|B4|||EUR||1704067200||?|?|?\n"
                                  "! 6 quantity: not a whole number: \"one\"\n"
                                  "! 7 quantity: not a whole number: \"1.5\"\n"
                                  "! 8 quantity: missing\n"
                                  "! 9 unit_price: not a number: \"2.0.0x\"\n"
                                  "! 10 : 7 columns, the header has 8\n"
                                  "! 11 : 9 columns, the header has 8\n"
                                  "! 12 name: not UTF-8, or a NUL byte\n"
                                  "! 14 line_item_id: this line of the order stands in a row before: \"1\"\n"
                                  "order|B6|||EUR||1704067200||?|?|?\n"
                                  "! 15 sku: longer than 255 bytes: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n"
                                  "order|B7|||EUR||1704067200||?|?|?\n"
                                  "line|B7|1||G-9|Café||||-1|0|?\n");
}

static void files_that_are_refused(void **state)
{
    (void)state;
    expect_refused("empty.csv", "the file is empty");
    expect_refused("header_only.csv", "no rows");
    expect_refused("unclosed_quote.csv", "line 3: the quote that opens in this row is never closed");
    expect_refused("utf16.csv", "iconv -f UTF-16");
    expect_refused("latin1.csv", "line 3: not UTF-8 (2 rows)");
    expect_refused("not_a_kind.csv", "city, temperature");
}

static void a_file_of_another_kind_says_what_is_missing(void **state)
{
    (void)state;
    struct csv_options o = CSV_TEST_OPTIONS;
    struct csv_report report;
    struct buf out;
    struct err e = {0};
    buf_init(&out, 1 << 20);
    o.kind = CSV_ORDERS;
    assert_false(csv_print(golden_csv("variants.csv"), &o, &out, &report, &e));
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.message, "not a file of orders: no column for an order id"));
    buf_fini(&out);
}

static void a_missing_file_is_io(void **state)
{
    (void)state;
    struct csv_report report;
    struct buf out;
    struct err e = {0};
    buf_init(&out, 1 << 20);
    assert_false(csv_print(golden_csv("no_such_file.csv"), &CSV_TEST_OPTIONS, &out, &report, &e));
    assert_int_equal(e.kind, ERR_IO);
    buf_fini(&out);
}

// --- files made here

static const char *temporary(const void *bytes, size_t len)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/tmp/test_csv_read.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    (void)close(fd);
    return path;
}

static void expect_text(const char *text, const struct csv_options *o, const char *expected)
{
    struct buf out;
    struct csv_report report;
    struct err e = {0};
    buf_init(&out, 1 << 20);
    const char *path = temporary(text, strlen(text));
    bool is_good = csv_print(path, o, &out, &report, &e);
    (void)unlink(path);
    if (!is_good)
        fail_msg("%s", e.message);
    assert_string_equal(out.data, expected);
    buf_fini(&out);
}

// Date and time in two columns; the first row of an order decides; invoices with C or A in front are no sales.
static void bread_basket_and_online_retail(void **state)
{
    (void)state;
    expect_text("Date,Time,Transaction,Item\r\n2016-10-30,9:58:11,1,Bread\r\n2016-10-30,10:05:34,2,Scandinavian\r\n"
                "2016-10-30,10:05:34,2,Scandinavian\r\n2016-10-30,25:00,3,Tea\r\n",
                &CSV_TEST_OPTIONS,
                "order|1|||||1477821491||?|?|?\nline|1|1|||Bread||||1|?|?\n"
                "order|2|||||1477821934||?|?|?\nline|2|1|||Scandinavian||||1|?|?\nline|2|2|||Scandinavian||||1|?|?\n"
                "! 5 Time: not a time: \"25:00\"\n");
    expect_text("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
                "536365,71053,LANTERN,6,2010-12-01 08:26:00,3.39,17850.0,United Kingdom\n"
                "C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,United Kingdom\n"
                "A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom\n",
                &CSV_TEST_OPTIONS,
                "order|536365|17850.0||||1291191960||?|?|?\nline|536365|1||71053|LANTERN||||6|33900|?\n"
                "order|C536379|14527.0||||1291196460|returned|?|?|?\nline|C536379|1||D|Discount||||-1|275000|?\n"
                "order|A563185|||||1313160600|returned|?|?|?\nline|A563185|1||B|Adjust bad debt||||1|110620600|?\n");
}

static void date_order_and_currency_are_options(void **state)
{
    (void)state;
    struct csv_options o = CSV_TEST_OPTIONS;
    o.currency = STR("SEK");
    o.date_order = DATE_DMY;
    expect_text("order_id,date,item\n1,2/1/2024,Tea\n", &o,
                "order|1|||SEK||1704153600||?|?|?\nline|1|1|||Tea||||1|?|?\n");
    o.date_order = DATE_MDY;
    expect_text("order_id,date,item\n1,2/1/2024,Tea\n", &o,
                "order|1|||SEK||1706745600||?|?|?\nline|1|1|||Tea||||1|?|?\n");
}

// An order whose first row is bad takes its further rows with it, unless these carry the order themselves.
static void rows_of_a_rejected_order(void **state)
{
    (void)state;
    expect_text("Name,Created at,Lineitem name,Lineitem quantity\n#1,whenever,Tea,1\n#1,,Milk,1\n#2,2024-01-01,Tea,1\n",
                &CSV_TEST_OPTIONS,
                "! 2 Created at: not a date: \"whenever\"\n"
                "! 3 Name: the first row of this order was rejected: \"#1\"\n"
                "order|#2|||||1704067200||?|?|?\nline|#2|1|||Tea||||1|?|?\n");
    expect_text("order_id,created_at,item\n1,whenever,Tea\n1,2024-01-01,Milk\n", &CSV_TEST_OPTIONS,
                "! 2 created_at: not a date: \"whenever\"\n"
                "order|1|||||1704067200||?|?|?\nline|1|1|||Milk||||1|?|?\n");
}

// Numbers made for lines without an id keep clear of the ids that the file has.
static void missing_line_ids_are_numbered(void **state)
{
    (void)state;
    expect_text("order_id,line_item_id,item\n1,1,Tea\n1,,Milk\n1,,Rum\n2,,Tea\n", &CSV_TEST_OPTIONS,
                "order|1|||||?||?|?|?\nline|1|1|||Tea||||1|?|?\nline|1|2|||Milk||||1|?|?\nline|1|3|||Rum||||1|?|?\n"
                "order|2|||||?||?|?|?\nline|2|1|||Tea||||1|?|?\n");
}

static void a_repeated_variant_is_rejected(void **state)
{
    (void)state;
    expect_text("variant_id,sku,price\nv1,A,1\nv1,B,2\n,C,3\n,C,3\n,,4\n", &CSV_TEST_OPTIONS,
                "variant|v1||A|||10000|?|?\n! 3 variant_id: stands in a row before: \"v1\"\n"
                "variant|||C|||30000|?|?\nvariant|||C|||30000|?|?\n! 6 variant_id: missing\n");
}

static void gzip_is_known_by_its_magic(void **state)
{
    (void)state;
    // printf 'order_id,item\n1,Tea\n' | gzip -n
    static const unsigned char gz[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03,
                                       0xcb, 0x2f, 0x4a, 0x49, 0x2d, 0x8a, 0xcf, 0x4c, 0xd1, 0xc9,
                                       0x2c, 0x49, 0xcd, 0xe5, 0x32, 0xd4, 0x09, 0x49, 0x4d, 0xe4,
                                       0x02, 0x00, 0xf4, 0x68, 0x37, 0x38, 0x14, 0x00, 0x00, 0x00};
    struct csv_report report;
    struct buf out;
    struct err e = {0};
    buf_init(&out, 4096);
    const char *path = temporary(gz, sizeof gz);
    if (!csv_print(path, &CSV_TEST_OPTIONS, &out, &report, &e))
        fail_msg("%s", e.message);
    (void)unlink(path);
    assert_string_equal(out.data, "order|1|||||?||?|?|?\nline|1|1|||Tea||||1|?|?\n");
    assert_int_equal(report.bytes, 20);
    path = temporary(gz, sizeof gz - 9); // cut
    assert_false(csv_print(path, &CSV_TEST_OPTIONS, &out, &report, &e));
    (void)unlink(path);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.message, "gzip"));
    buf_fini(&out);
}

// Line numbers, quotes and line ends do not depend on where a chunk of the file happens to end.
static void rows_across_chunks(void **state)
{
    (void)state;
    for (size_t pad = 262144 - 40; pad < 262144 + 4; pad++) {
        char *text = malloc(pad + 256), *at = text;
        assert_non_null(text);
        at += sprintf(at, "order_id,item\r\n0,");
        memset(at, 'x', pad - (size_t)(at - text));
        at = text + pad;
        at += sprintf(at, "\r\n1,\"Tea\r\nor \"\"coffee\"\"\"\r\n,bad\r\n2,Milk\r\n");
        const char *path = temporary(text, (size_t)(at - text));
        free(text);
        struct csv_options o = CSV_TEST_OPTIONS;
        struct csv_report report;
        struct buf out;
        struct err e = {0};
        buf_init(&out, 1 << 20);
        assert_true(csv_print(path, &o, &out, &report, &e));
        (void)unlink(path);
        assert_non_null(strstr(out.data, "line|1|1|||Tea\r\nor \"coffee\"||||1|?|?\n! 5 order_id: missing\norder|2|"));
        assert_int_equal(report.rows, 4);
        assert_int_equal(report.rejected, 2); // the long title is one
        buf_fini(&out);
    }
}

static void a_row_has_a_limit(void **state)
{
    (void)state;
    struct csv_options o = CSV_TEST_OPTIONS;
    struct csv_report report;
    struct buf out;
    struct err e = {0};
    o.row_bytes_max = 64;
    static const char text[] =
        "order_id,item\n1,Tea\n2,\"never closed\n3,Tea\n4,Tea\n5,Tea\n6,Tea\n7,Tea\n8,Tea\n9,Tea\n10,x\n11,x\n";
    buf_init(&out, 4096);
    const char *path = temporary(text, sizeof text - 1);
    assert_false(csv_print(path, &o, &out, &report, &e));
    (void)unlink(path);
    assert_non_null(strstr(e.message, "line 3: the row that begins here is longer than 64 bytes"));
    buf_fini(&out);
}

static void the_header_explains_itself(void **state)
{
    (void)state;
    struct buf out;
    struct err e = {0};
    buf_init(&out, 64 << 10);
    assert_true(csv_explain_header(golden_csv("shopify_orders.csv"), &CSV_TEST_OPTIONS, &out, &e));
    assert_non_null(strstr(out.data, "a file of orders\n"));
    assert_non_null(strstr(out.data, "  Name -> order.order_id\n"));
    assert_non_null(strstr(out.data, "  Lineitem sku -> line.sku\n"));
    assert_non_null(strstr(out.data, "  Taxes -> (not used)\n"));
    buf_fini(&out);
}

static bool refuse_row(void *context, const struct row *r, struct err *e)
{
    (void)context, (void)r;
    return err_set(e, ERR_CANCELLED, "enough");
}

static void no_reject(void *context, uint64_t line, struct str column, const char *reason)
{
    (void)context, (void)line, (void)column;
    fail_msg("unexpected reject: %s", reason);
}

static void a_sink_can_stop_it(void **state)
{
    (void)state;
    const struct csv_sink sink = {.on_row = refuse_row, .on_reject = no_reject};
    struct csv_report report;
    struct err e = {0};
    assert_false(csv_read(golden_csv("orders.csv"), &CSV_TEST_OPTIONS, &sink, &report, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    assert_string_equal(e.message, "enough");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_orders),
        cmocka_unit_test(graphql_names),
        cmocka_unit_test(shopify_orders),
        cmocka_unit_test(shopify_products),
        cmocka_unit_test(variants_inventory_catalog),
        cmocka_unit_test(semicolons_and_old_macs),
        cmocka_unit_test(bad_rows_have_line_column_and_reason),
        cmocka_unit_test(files_that_are_refused),
        cmocka_unit_test(a_file_of_another_kind_says_what_is_missing),
        cmocka_unit_test(a_missing_file_is_io),
        cmocka_unit_test(bread_basket_and_online_retail),
        cmocka_unit_test(date_order_and_currency_are_options),
        cmocka_unit_test(rows_of_a_rejected_order),
        cmocka_unit_test(missing_line_ids_are_numbered),
        cmocka_unit_test(a_repeated_variant_is_rejected),
        cmocka_unit_test(gzip_is_known_by_its_magic),
        cmocka_unit_test(rows_across_chunks),
        cmocka_unit_test(a_row_has_a_limit),
        cmocka_unit_test(the_header_explains_itself),
        cmocka_unit_test(a_sink_can_stop_it),
    };
    return cmocka_run_group_tests_name("csv_read", tests, NULL, NULL);
}
