#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>

#include "common/check.h"
#include "common/json_out.h"
#include "common/mp.h"
#include "tests/unit/offers/shop.h"
#include "worker/copy/template.h"
#include "worker/offers/bundle_row.h"
#include "worker/offers/discount.h"

static struct bundle_rows rows_of(struct shop *s, const char *status)
{
    struct bundle_list list;
    struct bundle_rows rows;
    struct lists {
        struct bundle_list list[BUNDLE_PAIRS_MAX];
    } l;
    struct merge_report report;
    struct err e;
    uint32_t n = 0;
    for (enum objective o = 0; o < OBJECTIVE_COUNT; o++) {
        for (enum bundle_type t = 0; t < TYPE_COUNT; t++)
            assert_true(
                offers_for_pair(&s->market, &OFFER_RULES_DEFAULT, o, t, &s->memory, NULL, &l.list[n++], NULL, &e));
    }
    assert_true(offers_merge(&s->market, &OFFER_RULES_DEFAULT, l.list, n, &s->memory, NULL, &list, &report, &e));
    bundle_rows_make(&s->market, &list, STR("upload-1"), str_of(status), &s->memory, &rows);
    template_rows(&s->market, &list, STR("en"), &rows, &s->memory);
    assert_true(rows.n >= 10);
    return rows;
}

static json_t *document(const struct bundle_row *row)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    struct json_out j = json_out_on(&out);
    struct bundle_row_context c = {STR("upload-1"), STR("shop"), STR("final"), STR(""), false, true};
    bundle_row_json(row, &c, &j);
    json_error_t error;
    json_t *doc = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &error);
    if (!doc)
        fail_msg("%s: %s", error.text, out.data);
    buf_fini(&out);
    return doc;
}

static void assert_keys(const json_t *object, const char *const *keys, size_t n)
{
    assert_true(json_is_object(object));
    assert_int_equal(json_object_size(object), n);
    for (size_t i = 0; i < n; i++) {
        if (!json_object_get(object, keys[i]))
            fail_msg("no \"%s\"", keys[i]);
    }
}

static void rows_have_the_documented_fields(void **state)
{
    (void)state;
    static const char *const ROW[] = {
        "id",
        "csv_upload_id",
        "shop_id",
        "bundle_type",
        "objective",
        "products",
        "pricing",
        "ai_copy",
        "confidence",
        "predicted_lift",
        "support",
        "lift",
        "evidence",
        "ranking_score",
        "rank_position",
        "discount_reference",
        "status",
        "explanation",
        "generation_sources",
        "objectives",
        "is_approved",
        "is_used",
        "created_at",
    };
    static const char *const PRODUCT[] = {"variant_id", "product_id", "sku", "name", "quantity", "role", "price"};
    struct shop s;
    shop_open_tea(&s);
    struct bundle_rows rows = rows_of(&s, "final");
    for (uint32_t i = 0; i < rows.n; i++) {
        json_t *doc = document(&rows.rows[i]);
        assert_keys(doc, ROW, ARRAY_LEN(ROW));
        const json_t *products = json_object_get(doc, "products");
        assert_true(json_array_size(products) >= 1);
        for (size_t p = 0; p < json_array_size(products); p++)
            assert_keys(json_array_get(products, p), PRODUCT, ARRAY_LEN(PRODUCT));
        assert_string_equal(json_string_value(json_array_get(json_object_get(doc, "objectives"), 0)),
                            json_string_value(json_object_get(doc, "objective")));
        assert_true(json_array_size(json_object_get(doc, "generation_sources")) >= 1);
        json_decref(doc);
    }
    shop_close(&s);
}

static double real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void pricing_adds_up_in_json(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle_rows rows = rows_of(&s, "final");
    for (uint32_t i = 0; i < rows.n; i++) {
        json_t *doc = document(&rows.rows[i]);
        const json_t *pricing = json_object_get(doc, "pricing");
        const char *type = json_string_value(json_object_get(doc, "bundle_type"));
        assert_true(fabs(real(pricing, "original_total") - real(pricing, "discount_amount") -
                         real(pricing, "bundle_price")) < 1e-9);
        assert_string_equal(json_string_value(json_object_get(pricing, "currency")), "GBP");
        double discounts = 0;
        const json_t *lines = json_object_get(pricing, "per_product");
        for (size_t p = 0; p < json_array_size(lines); p++)
            discounts += real(json_array_get(lines, p), "discount");
        if (strcmp(type, "MIX_MATCH") != 0)
            assert_true(fabs(discounts - real(pricing, "discount_amount")) < 1e-9);
        assert_int_equal(json_object_get(pricing, "tiers") != NULL, strcmp(type, "VOLUME_DISCOUNT") == 0);
        assert_int_equal(json_object_get(pricing, "pick_n") != NULL, strcmp(type, "MIX_MATCH") == 0);
        assert_int_equal(json_object_get(pricing, "buy") != NULL, strcmp(type, "BXGY") == 0);
        assert_int_equal(json_object_get(pricing, "get") != NULL, strcmp(type, "BXGY") == 0);
        json_decref(doc);
    }
    shop_close(&s);
}

static void usual_discounts_are_told(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    for (int has_discounts = 0; has_discounts < 2; has_discounts++) {
        struct bundle_rows rows = rows_of(&s, "final");
        for (uint32_t i = 0; i < rows.n; i++) {
            json_t *doc = document(&rows.rows[i]);
            const json_t *lines = json_object_get(json_object_get(doc, "pricing"), "per_product");
            for (size_t p = 0; p < json_array_size(lines); p++) {
                const json_t *line = json_array_get(lines, p), *usual = json_object_get(line, "usual_discount_pct");
                uint32_t item = shop_item(&s, json_string_value(json_object_get(line, "variant_id")));
                if (has_discounts)
                    assert_true(fabs(json_number_value(usual) - 100 * discount_history(&s.market, item)) < 0.0051);
                else
                    assert_true(json_is_null(usual));
            }
            json_decref(doc);
        }
        s.data->items[shop_item(&s, "cup")].discount_mean = 0.20; // as if a fifth off had been given
        discount_learn(&s.market, &s.memory);
    }
    shop_close(&s);
}

static void ids_are_uuids_of_the_content(void **state)
{
    (void)state;
    struct shop s;
    shop_open_tea(&s);
    struct bundle_rows a = rows_of(&s, "final"), b = rows_of(&s, "final"), c = rows_of(&s, "preliminary");
    for (uint32_t i = 0; i < a.n; i++) {
        assert_int_equal(strlen(a.rows[i].id), 36);
        assert_int_equal(a.rows[i].id[14], '8');
        assert_non_null(strchr("89ab", a.rows[i].id[19]));
        assert_string_equal(a.rows[i].id, b.rows[i].id);
        assert_string_not_equal(a.rows[i].id, c.rows[i].id);
        for (uint32_t k = 0; k < i; k++)
            assert_string_not_equal(a.rows[i].id, a.rows[k].id);
    }
    shop_close(&s);
}

static void without_prices_amounts_are_null(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    s.has_prices = s.has_dates = false;
    for (int i = 0; i < 60; i++)
        shop_order(&s, 0, "",
                   i % 3   ? i % 2 ? "milk bread jam" : "milk:2 bread"
                   : i % 2 ? "tea jam:3"
                           : "tea sugar milk:2");
    shop_ready(&s);
    struct bundle_rows rows = rows_of(&s, "final");
    for (uint32_t i = 0; i < rows.n; i++) {
        json_t *doc = document(&rows.rows[i]);
        const json_t *pricing = json_object_get(doc, "pricing");
        assert_true(json_is_null(json_object_get(pricing, "bundle_price")));
        assert_true(json_is_null(json_object_get(pricing, "currency")));
        assert_true(real(pricing, "total_discount_pct") > 0);
        assert_non_null(json_object_get(pricing, "note"));
        assert_true(json_is_null(json_object_get(json_object_get(doc, "evidence"), "orders_recent")));
        assert_true(json_is_null(json_object_get(json_array_get(json_object_get(doc, "products"), 0), "price")));
        assert_null(strstr(json_string_value(json_object_get(doc, "explanation")), "days"));
        json_decref(doc);
    }
    shop_close(&s);
}

static void wide_characters_pass(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    shop_product(
        &s, (struct shop_product){.variant = "g", .title = "\xf0\x9f\x8e\x81 \"Gift\"", .price = 900, .stock = -1});
    shop_product(&s,
                 (struct shop_product){.variant = "h", .title = "Caf\xc3\xa9 \\ Tasse", .price = 1100, .stock = -1});
    shop_order(&s, 1, "x", "g h");
    shop_ready(&s);
    struct bundle_list list;
    struct bundle_rows rows;
    offers_preliminary(&s.market, &OFFER_RULES_DEFAULT, &s.memory, &list);
    assert_true(list.n >= 1);
    bundle_rows_make(&s.market, &list, STR("u"), STR("preliminary"), &s.memory, &rows);
    json_t *doc = document(&rows.rows[0]);
    const json_t *products = json_object_get(doc, "products");
    bool has_gift = false;
    for (size_t p = 0; p < json_array_size(products); p++)
        has_gift |= strcmp(json_string_value(json_object_get(json_array_get(products, p), "name")),
                           "\xf0\x9f\x8e\x81 \"Gift\"") == 0;
    assert_true(has_gift);
    json_decref(doc);
    shop_close(&s);
}

static void rows_round_trip(void **state)
{
    (void)state;
    struct shop s;
    struct buf bytes, again;
    struct err e;
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    buf_init(&bytes, 1 << 24);
    buf_init(&again, 1 << 24);
    shop_open_tea(&s);
    struct bundle_rows rows = rows_of(&s, "final"), read;
    bundle_rows_encode(&rows, &bytes);
    assert_true(mp_open(&doc, bytes.data, bytes.len, &MP_LIMITS_ARTEFACT, &e));
    assert_true(bundle_rows_decode(&read, mp_root(doc), &s.memory, &e));
    bundle_rows_encode(&read, &again);
    assert_int_equal(read.n, rows.n);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    assert_true(str_eq(read.rows[3].explanation, rows.rows[3].explanation));

    rows.rows[0].confidence = 3; // what another system once stored
    buf_clear(&again);
    bundle_rows_encode(&rows, &again);
    mp_closep(&doc);
    doc = NULL;
    assert_true(mp_open(&doc, again.data, again.len, &MP_LIMITS_ARTEFACT, &e));
    assert_false(bundle_rows_decode(&read, mp_root(doc), &s.memory, &e));
    assert_int_equal(e.kind, ERR_CODEC);
    buf_fini(&bytes);
    buf_fini(&again);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_have_the_documented_fields),
        cmocka_unit_test(pricing_adds_up_in_json),
        cmocka_unit_test(usual_discounts_are_told),
        cmocka_unit_test(ids_are_uuids_of_the_content),
        cmocka_unit_test(without_prices_amounts_are_null),
        cmocka_unit_test(wide_characters_pass),
        cmocka_unit_test(rows_round_trip),
    };
    return cmocka_run_group_tests_name("bundle_row", tests, NULL, NULL);
}
