// The sample shop's catalogue: products and variants with prices, stock, seasons and life cycles, and the planted
// groups of variants that the orders will hold together. Made from a seed; its size follows the number of order lines
// wanted.
#ifndef BUNDLE_TESTS_SHOP_CATALOGUE_H
#define BUNDLE_TESTS_SHOP_CATALOGUE_H

#include "common/buf.h"
#include "tests/support/shop/random.h"
#include "tests/support/shop/types.h"

enum shop_role {
    ROLE_STEADY,
    ROLE_SLOW,     // hardly sold, in stock
    ROLE_NEW,      // created shortly before the last order
    ROLE_ARCHIVED, // sold in the first half only
    ROLE_DRAFT,    // never sold
    ROLE_ADD_ON,   // sold with its lead only
};

enum shop_season { SEASON_NONE, SEASON_CHRISTMAS, SEASON_SUMMER, SEASON_HALLOWEEN, SEASON_VALENTINE, SEASONS };
extern const char *const SHOP_SEASON_NAME[SEASONS];

enum { DAY_S = 86400, NO_GROUP = -1 };
#define UNKNOWN INT64_MIN

struct shop_product {
    const struct shop_type *type;
    const char *vendor;
    char title[96];
    enum shop_role role;
    enum shop_season season;
    int64_t created_at, archived_at; // INT64_MAX: not
    double popularity;
    uint32_t first_variant, n_variants;
};

struct shop_variant {
    uint32_t product;
    const char *title;
    char sku[24];
    int64_t price, compare_at, cost; // US cents; UNKNOWN: not there
    int64_t price_before;            // until the middle of the time span
    int64_t stock[2];                // per location; UNKNOWN: no such row
    double weight;                   // chance among all variants to be picked
    int32_t group;                   // planted group, or NO_GROUP
};

enum shop_group_kind { GROUP_PAIR, GROUP_TRIPLE, GROUP_ADD_ON, GROUP_KINDS };

struct shop_group {
    enum shop_group_kind kind;
    uint32_t variants[3], n;          // an add-on's lead first
    uint64_t orders[3], joint_orders; // in paid orders, counted while they are written
};

struct shop_plan {
    uint64_t seed, lines;
    int64_t start, end; // Unix seconds; whole days
    const char *currency;
    unsigned decimals;
    uint32_t variants;  // 0: as many as fit the lines
    double basket_mean; // lines of an order; 0: a shop's own distribution
    double zipf;        // exponent of popularity by rank; 0: the default, noisy one
    bool has_no_dates, has_no_prices, has_no_catalog, is_hostile;
};

// US cents in the plan's currency, roughly; and what is UNKNOWN, or not to be told, as nothing.
void catalogue_put_price(struct buf *out, const struct shop_plan *plan, int64_t cents);

struct catalogue {
    struct shop_product *products;
    struct shop_variant *variants;
    struct shop_group *groups;
    uint32_t n_products, n_variants, n_groups;
};

void catalogue_init(struct catalogue *c, const struct shop_plan *plan);
void catalogue_fini(struct catalogue *c);

static inline uint64_t catalogue_product_id(uint32_t product)
{
    return 8100000000000u + product * 33024u;
}

static inline uint64_t catalogue_variant_id(uint32_t variant)
{
    return 44100000000000u + variant * 32768u;
}

static inline uint64_t catalogue_inventory_id(uint32_t variant)
{
    return 46200000000000u + variant * 32768u;
}

#endif
