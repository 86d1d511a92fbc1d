#include "worker/ctl/render.h"

#include <string.h>

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

static json_t *parse(const char *text)
{
    json_t *parsed = json_loads(text, 0, NULL);
    assert_non_null(parsed);
    return parsed;
}

static void offer_is(const char *bundle_text, const char *products, const char *offer)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    json_t *bundle = parse(bundle_text);
    render_products(bundle, &out);
    assert_string_equal(out.data, products);
    buf_clear(&out);
    render_offer(bundle, &out);
    assert_string_equal(out.data, offer);
    json_decref(bundle);
}

static void each_type_says_its_own_offer(void **state)
{
    (void)state;
    offer_is(
        "{\"bundle_type\":\"FBT\",\"products\":[{\"name\":\"Mug\",\"quantity\":1},{\"name\":\"Tea\",\"quantity\":2}],"
        "\"pricing\":{\"total_discount_pct\":12.5}}",
        "Mug + 2 \xC3\x97 Tea", "Together 12.5% off");
    offer_is("{\"bundle_type\":\"VOLUME_DISCOUNT\",\"products\":[{\"name\":\"Tea\",\"quantity\":3}],\"pricing\":{"
             "\"currency\":\"GBP\",\"tiers\":[{\"min_qty\":3,\"discount_pct\":5.0,\"unit_price\":4.75},"
             "{\"min_qty\":6,\"discount_pct\":10.0,\"unit_price\":null}]}}",
             "3 \xC3\x97 Tea",
             "3+ 5% (\xC2\xA3"
             "4.75 each), 6+ 10%");
    offer_is("{\"bundle_type\":\"MIX_MATCH\",\"products\":[{\"name\":\"A\"},{\"name\":\"B\"},{\"name\":\"C\"}],"
             "\"pricing\":{\"pick_n\":2,\"total_discount_pct\":10.0}}",
             "A | B | C", "Any 2 of 3: 10% off");
    offer_is("{\"bundle_type\":\"BXGY\",\"products\":[{\"name\":\"Mug\",\"quantity\":2,\"role\":\"qualifier\"},"
             "{\"name\":\"Tea\",\"quantity\":1,\"role\":\"reward\"}],\"pricing\":{\"get\":{\"discount_pct\":100.0}}}",
             "2 \xC3\x97 Mug \xE2\x86\x92 Tea", "Buy 2 Mug, get Tea free");
    offer_is("{\"bundle_type\":\"BXGY\",\"products\":[{\"name\":\"Mug\",\"role\":\"qualifier\"},"
             "{\"name\":\"Tea\",\"role\":\"reward\"}],\"pricing\":{\"get\":{\"discount_pct\":30.0}}}",
             "Mug \xE2\x86\x92 Tea", "Buy Mug, get Tea 30% off");
    offer_is("{\"bundle_type\":\"FIXED\",\"products\":[{\"name\":\"A\"},{\"sku\":\"S-1\",\"name\":\"\"}],\"pricing\":{"
             "\"currency\":\"GBP\",\"bundle_price\":24.99,\"original_total\":29.97,\"total_discount_pct\":16.6}}",
             "A + S-1",
             "Kit \xC2\xA3"
             "24.99 instead of \xC2\xA3"
             "29.97");
    offer_is("{\"bundle_type\":\"FIXED\",\"products\":[{\"name\":\"A\"}],\"pricing\":{\"currency\":null,"
             "\"bundle_price\":null,\"total_discount_pct\":16.0}}",
             "A", "Kit 16% off");
}

static const char DOCUMENT[] =
    "{\"version\":1,\"upload\":{\"shop_id\":\"demo\",\"orders\":1204,\"lines\":3000,\"items\":40,"
    "\"as_of\":\"2026-10-01T00:00:00Z\",\"left_out\":{\"service\":12,\"price\":0}},\"bundles\":["
    "{\"rank_position\":1,\"id\":\"x\",\"status\":\"final\",\"bundle_type\":\"FBT\",\"objective\":\"increase_aov\","
    "\"products\":[{\"name\":\"Blue Mug with a name that is much longer than others, by far\",\"quantity\":1},"
    "{\"name\":\"=Tea\",\"quantity\":1}],\"pricing\":{\"original_total\":20.00,\"bundle_price\":18.00,"
    "\"total_discount_pct\":10.0,\"currency\":\"GBP\"},\"explanation\":\"Bought together in 87 of 1,204 orders.\"},"
    "{\"rank_position\":2,\"bundle_type\":\"FIXED\",\"objective\":\"gift_box\",\"products\":[{\"name\":\"C\"}],"
    "\"pricing\":{\"currency\":\"JPY\",\"bundle_price\":1200,\"original_total\":1500,\"total_discount_pct\":20.0},"
    "\"explanation\":\"Why not.\"}],"
    "\"metrics\":{\"bundles\":9,\"copy\":{\"enabled\":true,\"model\":\"gpt-4o-mini\",\"bundles\":{\"model\":3,"
    "\"cache\":4,"
    "\"template\":2},\"reasons\":{\"rank\":1,\"price\":1}},\"pairs_skipped\":[{\"pair\":\"a\",\"reason\":\"no "
    "stock\"},{\"pair\":\"b\","
    "\"reason\":\"no stock\"}],\"timings_ms\":{\"read\":1.25,\"total\":3.5}}}";

static void the_table_reads_well(void **state)
{
    (void)state;
    static const char WANTED[] =
        "shop demo \xC2\xB7 1,204 orders \xC2\xB7 3,000 lines \xC2\xB7 40 products and variants \xC2\xB7 newest\n"
        "order 2026-10-01\n"
        "lines left out: 12 postage, fees and the like\n"
        "\n"
        "  # What is sold, the offer, and why                Price     Before   Save\n"
        "  1 Blue Mug with a name that is much longer       \xC2\xA3"
        "18.00     \xC2\xA3"
        "20.00    10%\n"
        "    than others, by far + =Tea\n"
        "    Together 10% off \xC2\xB7 frequently bought together \xC2\xB7 bigger orders\n"
        "    Bought together in 87 of 1,204 orders.\n"
        "\n"
        "  2 C                                              \xC2\xA5"
        "1,200     \xC2\xA5"
        "1,500    20%\n"
        "    Kit \xC2\xA5"
        "1,200 instead of \xC2\xA5"
        "1,500 \xC2\xB7 kit at one price \xC2\xB7 gift boxes\n"
        "    Why not.\n"
        "\n"
        "2 of 9 bundles: 1 frequently bought together, 1 kit at one price\n"
        "copy: 3 by gpt-4o-mini, 4 that it wrote before, 2 from templates (rank 1,\n"
        "price 1)\n"
        "not applicable here (combinations of objective and type):\n"
        "   2  no stock\n"
        "time: read 1.2 ms, total 3.5 ms\n";
    const struct term t = {.columns = 76};
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 100000);
    json_t *document = parse(DOCUMENT);
    render_table(&t, document, 0, &out);
    json_decref(document);
    assert_string_equal(out.data, WANTED);
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    json_t *document = parse(DOCUMENT);
    for (unsigned columns = TERM_COLUMNS_MIN; columns < 130; columns++) {
        const struct term t = {.columns = columns};
        AUTO(buf_fini) struct buf out;
        buf_init(&out, 100000);
        render_table(&t, document, 1, &out);
        char *end = strstr(out.data, "2 of 9 bundles"); // the totals' line may be longer
        assert_null(end);
        end = strstr(out.data, "1 of 9 bundles");
        assert_non_null(end);
        *end = '\0';
        for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n"))
            assert_true(term_width(str_of(line)) <= columns);
    }
    json_decref(document);
}

static void an_empty_document_says_why(void **state)
{
    (void)state;
    const struct term t = {.columns = 80};
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    json_t *document = parse("{\"upload\":{\"shop_id\":\"s\"},\"bundles\":[],\"metrics\":{\"no_bundles_reason\":"
                             "\"the upload has no order lines\"}}");
    render_table(&t, document, 0, &out);
    json_decref(document);
    assert_string_equal(out.data, "shop s\n\nNo bundles: the upload has no order lines.\n");
    document = parse("{\"upload\":{\"shop_id\":\"s\",\"status\":\"imported\"},\"bundles\":[],\"metrics\":{\"prepare\":"
                     "{\"dataset\":{\"orders\":3,\"order_lines\":7,\"variants\":2,\"left_out\":{\"price\":1}}}}}");
    buf_clear(&out);
    render_table(&t, document, 0, &out);
    json_decref(document);
    assert_string_equal(out.data, "shop s \xC2\xB7 3 orders \xC2\xB7 7 lines \xC2\xB7 2 products and variants\n"
                                  "lines left out: 1 without a price\n\nNo bundles yet: the upload is imported.\n");
    document = parse("{}");
    buf_clear(&out);
    render_table(&t, document, 0, &out); // must not crash on what is not there
    assert_non_null(strstr(out.data, "No bundles."));
    json_decref(document);
}

static void csv_is_one_bundle_a_row(void **state)
{
    (void)state;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    json_t *document = parse(DOCUMENT);
    render_csv(document, 0, &out);
    json_decref(document);
    assert_string_equal(
        out.data,
        "rank,id,status,bundle_type,objective,products,offer,bundle_price,original_total,discount_pct,currency,title,"
        "explanation\r\n"
        "1,x,final,FBT,increase_aov,\"Blue Mug with a name that is much longer than others, by far + =Tea\","
        "Together 10% off,18.00,20.00,10.00,GBP,,\"Bought together in 87 of 1,204 orders.\"\r\n"
        "2,,,FIXED,gift_box,C,\"Kit \xC2\xA5"
        "1,200 instead of \xC2\xA5"
        "1,500\",1200,1500,20.00,JPY,,Why not.\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_says_its_own_offer),
        cmocka_unit_test(the_table_reads_well),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(an_empty_document_says_why),
        cmocka_unit_test(csv_is_one_bundle_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
