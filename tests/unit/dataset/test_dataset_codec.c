// One random upload: its bytes do not depend on the order of rows, come back as they were, and broken bytes are
// refused.
#include <stdio.h>

#include "tests/unit/dataset/sample.h"

enum { N_PRODUCTS = 30, N_ORDERS = 60, ROWS_MAX = 2000, BLOB_MAX = 1 << 24 };

struct upload {
    struct sample_row rows[ROWS_MAX];
    size_t n;
    char ids[N_ORDERS + N_PRODUCTS][16];
};

static struct sample_row *add(struct upload *u, struct sample_row row, unsigned source)
{
    assert_true(u->n < ROWS_MAX);
    u->rows[u->n] = row;
    u->rows[u->n].source = source;
    return &u->rows[u->n++];
}

static void add_catalog(struct upload *u, uint64_t *seed)
{
    static const char *const TYPES[] = {"", "Mugs", "Pots"}, *const VENDORS[] = {"", "Acme", "Zeta"};
    for (unsigned i = 0; i < N_PRODUCTS; i++) {
        struct str id = str_of(u->ids[N_ORDERS + i]);
        const struct sample_row variant = VARIANT("", .price_e4 = 10000 * (i + 1)), catalog = CATALOG("");
        const struct sample_row level = INVENTORY("", .available = 3);
        if (i % 3 == 0)
            continue; // known from lines only
        struct row_catalog *c = &add(u, catalog, 0)->row.catalog;
        c->variant_id = c->sku = id;
        c->product_title = c->inventory_item_id = id;
        c->product_type = str_of(TYPES[sample_random(seed, 3)]);
        c->vendor = str_of(VENDORS[sample_random(seed, 3)]);
        c->product_created_at = T0 - sample_random(seed, 60) * DAY;
        c->cost_e4 = i % 2 ? AMOUNT_UNKNOWN : 5000;
        // Contradicting rows of one variant, of the same file and of another.
        add(u, variant, 0)->row.variant.variant_id = id;
        add(u, variant, 1)->row.variant.variant_id = id;
        u->rows[u->n - 1].row.variant.price_e4 = 777777;
        add(u, variant, 1)->row.variant.variant_id = id;
        struct row_inventory *l = &add(u, level, 0)->row.inventory;
        l->inventory_item_id = id;
        add(u, level, 0)->row.inventory = *l;
        u->rows[u->n - 1].row.inventory.available = 9;
    }
}

static void add_orders(struct upload *u, uint64_t *seed)
{
    static const char *const CUSTOMERS[] = {"", "ann", "bob", "cid"}, *const NAMES[] = {"", "Blue mug", "Red mug"};
    for (unsigned o = 0; o < N_ORDERS; o++) {
        const struct sample_row order = ORDER("", .created_at = T0 - sample_random(seed, 90) / 3 * DAY);
        struct row_order *row = &add(u, order, o % 2)->row.order;
        row->order_id = str_of(u->ids[o]);
        row->customer_id = str_of(CUSTOMERS[sample_random(seed, 4)]);
        row->currency = sample_random(seed, 9) ? STR("EUR") : STR("USD");
        row->discount_e4 = sample_random(seed, 30000);
        if (o % 7 == 0) { // once more, with other contents
            struct sample_row again = u->rows[u->n - 1];
            again.row.order.customer_id = STR("eve");
            again.row.order.created_at += 5;
            add(u, again, o % 2);
            add(u, again, 2);
        }
        for (uint32_t l = sample_random(seed, 6) + 1; l > 0; l--) {
            const struct sample_row line = LINE("", .unit_price_e4 = 10000 + sample_random(seed, 50) * 1000);
            struct row_line *to = &add(u, line, o % 7 == 0 ? sample_random(seed, 3) : o % 2)->row.line;
            to->order_id = str_of(u->ids[o]);
            to->sku = str_of(u->ids[N_ORDERS + sample_random(seed, N_PRODUCTS)]);
            to->name = str_of(NAMES[sample_random(seed, 3)]);
            to->category = str_of(sample_random(seed, 2) ? "Mugs" : "Jars");
            to->quantity = (int64_t)sample_random(seed, 4);
        }
    }
}

static struct upload *upload_create(uint64_t seed)
{
    struct upload *u = calloc(1, sizeof *u);
    assert_non_null(u);
    for (unsigned i = 0; i < N_ORDERS + N_PRODUCTS; i++)
        (void)snprintf(u->ids[i], sizeof u->ids[i], "%s%u", i < N_ORDERS ? "o" : "p", i);
    add_catalog(u, &seed);
    add_orders(u, &seed);
    return u;
}

static struct buf encoded(const struct dataset *d)
{
    struct buf b;
    buf_init(&b, BLOB_MAX);
    dataset_encode(d, &b);
    assert_false(b.is_over);
    return b;
}

static bool decode(const void *data, size_t len, struct dataset **out, struct err *e)
{
    struct mp_doc *doc;
    if (!mp_open(&doc, data, len, &MP_LIMITS_ARTEFACT, e))
        return false;
    bool is_decoded = dataset_decode(out, mp_root(doc), e);
    mp_close(doc);
    return is_decoded;
}

static void the_order_of_rows_does_not_show(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct upload *u = upload_create(seed);
        struct dataset *d = sample_build(u->rows, u->n);
        assert_true(d->n_orders > 20 && d->n_items > 20 && d->left_out[LEFT_OUT_DUPLICATE] > 0 && d->n_types == 3);
        struct buf expected = encoded(d);
        dataset_destroy(d);
        for (uint64_t shuffle = 1; shuffle <= 10; shuffle++) {
            sample_shuffle(u->rows, u->n, shuffle);
            d = sample_build(u->rows, u->n);
            struct buf b = encoded(d);
            assert_int_equal(b.len, expected.len);
            assert_memory_equal(b.data, expected.data, b.len);
            buf_fini(&b);
            dataset_destroy(d);
        }
        buf_fini(&expected);
        free(u);
    }
}

static void bytes_come_back_as_they_were(void **state)
{
    (void)state;
    struct upload *u = upload_create(1);
    struct dataset *d = sample_build(u->rows, u->n), *back;
    struct err e;
    struct buf b = encoded(d);
    if (!decode(b.data, b.len, &back, &e))
        fail_msg("%s", e.message);
    struct buf again = encoded(back);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.data, b.data, b.len);
    assert_text_equal(str_of(back->currency), "EUR");
    assert_int_equal(back->n_vendors, d->n_vendors);
    for (uint32_t i = 0; i < d->n_items; i++) {
        assert_true(str_eq(back->items[i].title, d->items[i].title));
        assert_true(str_eq(back->items[i].vendor, d->items[i].vendor));
        assert_true(str_eq(back->items[i].type, d->items[i].type));
        assert_int_equal(back->items[i].price_minor, d->items[i].price_minor);
        assert_true(back->items[i].avg_discount == d->items[i].avg_discount);
        assert_int_equal(back->items[i].sales, d->items[i].sales);
        assert_true(back->items[i].discount_variance == d->items[i].discount_variance);
    }
    buf_fini(&again);
    buf_fini(&b);
    dataset_destroy(back);
    dataset_destroy(d);
    free(u);
}

static void an_empty_dataset_comes_back(void **state)
{
    (void)state;
    struct dataset *d = sample_build(NULL, 0), *back;
    struct err e;
    struct buf b = encoded(d);
    assert_true(decode(b.data, b.len, &back, &e));
    assert_int_equal(back->n_orders, 0);
    assert_int_equal(back->line_first[0], 0);
    buf_fini(&b);
    dataset_destroy(back);
    dataset_destroy(d);
}

static void cut_bytes_are_refused(void **state)
{
    (void)state;
    struct upload *u = upload_create(2);
    struct dataset *d = sample_build(u->rows, u->n), *back;
    struct err e;
    struct buf b = encoded(d);
    for (size_t len = 0; len < b.len; len += 1 + len / 50) {
        char *copy = malloc(len + 1); // of its own size: reading past it is seen by the sanitizer
        assert_non_null(copy);
        memcpy(copy, b.data, len);
        assert_false(decode(copy, len, &back, &e));
        assert_int_equal(e.kind, ERR_CODEC);
        free(copy);
    }
    buf_fini(&b);
    dataset_destroy(d);
    free(u);
}

// A flipped bit is either found out or leaves a dataset that holds its invariants (a letter of a title).
static void flipped_bits_never_break_an_invariant(void **state)
{
    (void)state;
    struct upload *u = upload_create(3);
    struct dataset *d = sample_build(u->rows, u->n), *back;
    struct err e;
    struct buf b = encoded(d);
    unsigned refused = 0, taken = 0;
    for (size_t bit = 0; bit < b.len * 8; bit += 7) {
        b.data[bit / 8] = (char)(b.data[bit / 8] ^ (1 << bit % 8));
        if (decode(b.data, b.len, &back, &e)) {
            taken++;
            assert_true(dataset_check(back, &e));
            dataset_destroy(back);
        } else {
            refused++;
            assert_int_equal(e.kind, ERR_CODEC);
        }
        b.data[bit / 8] = (char)(b.data[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(refused > 1000 && taken > 100);
    buf_fini(&b);
    dataset_destroy(d);
    free(u);
}

static void other_documents_are_refused(void **state)
{
    (void)state;
    struct dataset *back;
    struct err e;
    struct buf b;
    buf_init(&b, 100);
    mp_put_nil(&b);
    assert_false(decode(b.data, b.len, &back, &e));
    buf_clear(&b);
    mp_put_map(&b, 1);
    mp_put_key(&b, "currency");
    mp_put_str(&b, STR("EUROPE"));
    assert_false(decode(b.data, b.len, &back, &e));
    assert_non_null(strstr(e.message, "currency"));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_rows_does_not_show),       cmocka_unit_test(bytes_come_back_as_they_were),
        cmocka_unit_test(an_empty_dataset_comes_back),           cmocka_unit_test(cut_bytes_are_refused),
        cmocka_unit_test(flipped_bits_never_break_an_invariant), cmocka_unit_test(other_documents_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
