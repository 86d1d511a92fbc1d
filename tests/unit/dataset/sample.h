// Small uploads for tests: rows by name of field, added one after the other or shuffled.
#ifndef BUNDLE_TESTS_UNIT_DATASET_SAMPLE_H
#define BUNDLE_TESTS_UNIT_DATASET_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/mp.h"
#include "worker/dataset/builder.h"

enum { DAY = 86400, T0 = 1700000000 };

// The macros below give defaults, and what a test says overrides them.
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

struct sample_row {
    struct row row;
    unsigned source;
};

#define ORDER(id, ...)                                                                                                 \
    {                                                                                                                  \
        .row = {                                                                                                       \
            .kind = ROW_ORDER,                                                                                         \
            .order = {.order_id = STR(id), .created_at = T0, .discount_e4 = AMOUNT_UNKNOWN, ##__VA_ARGS__}             \
        }                                                                                                              \
    }
#define LINE(id, ...)                                                                                                  \
    {                                                                                                                  \
        .row = {                                                                                                       \
            .kind = ROW_LINE,                                                                                          \
            .line = {.order_id = STR(id),                                                                              \
                     .quantity = 1,                                                                                    \
                     .unit_price_e4 = 10 * 10000,                                                                      \
                     .line_discount_e4 = AMOUNT_UNKNOWN,                                                               \
                     ##__VA_ARGS__}                                                                                    \
        }                                                                                                              \
    }
#define VARIANT(id, ...)                                                                                               \
    {                                                                                                                  \
        .row = {                                                                                                       \
            .kind = ROW_VARIANT,                                                                                       \
            .variant = {.variant_id = STR(id),                                                                         \
                        .price_e4 = AMOUNT_UNKNOWN,                                                                    \
                        .compare_at_e4 = AMOUNT_UNKNOWN,                                                               \
                        .cost_e4 = AMOUNT_UNKNOWN,                                                                     \
                        ##__VA_ARGS__}                                                                                 \
        }                                                                                                              \
    }
#define CATALOG(id, ...)                                                                                               \
    {                                                                                                                  \
        .row = {                                                                                                       \
            .kind = ROW_CATALOG,                                                                                       \
            .catalog = {.variant_id = STR(id),                                                                         \
                        .price_e4 = AMOUNT_UNKNOWN,                                                                    \
                        .compare_at_e4 = AMOUNT_UNKNOWN,                                                               \
                        .cost_e4 = AMOUNT_UNKNOWN,                                                                     \
                        .available_total = COUNT_UNKNOWN,                                                              \
                        .product_created_at = DATE_UNKNOWN,                                                            \
                        ##__VA_ARGS__}                                                                                 \
        }                                                                                                              \
    }
#define INVENTORY(id, ...)                                                                                             \
    {                                                                                                                  \
        .row = {                                                                                                       \
            .kind = ROW_INVENTORY,                                                                                     \
            .inventory = {.inventory_item_id = STR(id), .updated_at = DATE_UNKNOWN, ##__VA_ARGS__}                     \
        }                                                                                                              \
    }

static inline struct dataset *sample_build_with(const struct enrich_rules *rules, const struct sample_row *rows,
                                                size_t n)
{
    struct err e;
    struct dataset *d = NULL;
    struct builder *b = builder_create(rules);
    for (size_t i = 0; i < n; i++)
        if (!builder_add(b, &rows[i].row, rows[i].source, &e))
            fail_msg("%s", e.message);
    if (!builder_finish(b, &d, &e))
        fail_msg("%s", e.message);
    builder_destroy(b);
    return d;
}

static inline struct dataset *sample_build(const struct sample_row *rows, size_t n)
{
    return sample_build_with(&ENRICH_RULES_DEFAULT, rows, n);
}
#define BUILD(rows) sample_build(rows, sizeof(rows) / sizeof((rows)[0]))

// A small generator of our own: rand() differs between C libraries.
static inline uint32_t sample_random(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % below);
}

static inline void sample_shuffle(struct sample_row *rows, size_t n, uint64_t seed)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = sample_random(&seed, (uint32_t)i);
        struct sample_row moved = rows[i - 1];
        rows[i - 1] = rows[j];
        rows[j] = moved;
    }
}

static inline const struct item *sample_item(const struct dataset *d, const char *id)
{
    for (uint32_t i = 0; i < d->n_items; i++)
        if (str_eq(d->items[i].variant_id, str_of(id)))
            return &d->items[i];
    fail_msg("no item %s", id);
    return NULL;
}

#define assert_text_equal(text, expected)                                                                              \
    do {                                                                                                               \
        struct str text_ = (text);                                                                                     \
        if (!str_eq(text_, str_of(expected)))                                                                          \
            fail_msg("\"" STR_FMT "\" is not \"%s\"", STR_ARG(text_), (expected));                                     \
    } while (0)

#endif
