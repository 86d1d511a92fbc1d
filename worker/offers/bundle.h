// Bundle: one offer, from candidate to priced and ranked, and the two enumerations it is built on. Items are numbers
// into the dataset; bundle_row.h turns it into what is stored and read.
#ifndef BUNDLE_WORKER_OFFERS_BUNDLE_H
#define BUNDLE_WORKER_OFFERS_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/str.h"

// X(symbol, name in payloads and tables, words for people, priority, discount min %, max %,
//   rank weights: confidence, lift, fit, inventory, price sanity, novelty penalty)                         (SPEC 6)
#define OBJECTIVES(X)                                                                                                  \
    X(OBJECTIVE_INCREASE_AOV, "increase_aov", "bigger orders", 1.0, 5, 20, .40, .30, .15, .10, .05, .05)               \
    X(OBJECTIVE_CLEAR_SLOW_MOVERS, "clear_slow_movers", "clear slow movers", 1.2, 5, 40, .25, .20, .35, .15, .05, .05) \
    X(OBJECTIVE_SEASONAL_PROMO, "seasonal_promo", "seasonal promotion", 0.9, 10, 30, .35, .25, .20, .10, .10, .10)     \
    X(OBJECTIVE_NEW_LAUNCH, "new_launch", "new launches", 1.1, 0, 15, .35, .25, .20, .10, .10, .10)                    \
    X(OBJECTIVE_CATEGORY_BUNDLE, "category_bundle", "across categories", 0.8, 10, 25, .35, .25, .20, .10, .10, .10)    \
    X(OBJECTIVE_GIFT_BOX, "gift_box", "gift boxes", 0.7, 15, 35, .35, .25, .20, .10, .10, .10)                         \
    X(OBJECTIVE_SUBSCRIPTION_PUSH, "subscription_push", "repeat purchases", 1.0, 5, 20, .35, .25, .20, .10, .10, .10)  \
    X(OBJECTIVE_MARGIN_GUARD, "margin_guard", "protect margin", 1.3, 0, 10, .30, .25, .15, .05, .25, .10)

#define OBJECTIVE_ENUM(symbol, ...) symbol,
enum objective { OBJECTIVES(OBJECTIVE_ENUM) OBJECTIVE_COUNT };

// X(symbol, name, words for people)                                                                          (SPEC 8)
#define BUNDLE_TYPES(X)                                                                                                \
    X(TYPE_FBT, "FBT", "frequently bought together")                                                                   \
    X(TYPE_VOLUME, "VOLUME_DISCOUNT", "volume discount")                                                               \
    X(TYPE_MIX_MATCH, "MIX_MATCH", "mix and match")                                                                    \
    X(TYPE_BXGY, "BXGY", "buy X, get Y")                                                                               \
    X(TYPE_FIXED, "FIXED", "kit at one price")

#define BUNDLE_TYPE_ENUM(symbol, ...) symbol,
enum bundle_type { BUNDLE_TYPES(BUNDLE_TYPE_ENUM) TYPE_COUNT };

struct objective_row {
    const char *name, *words;
    double priority;
    int discount_min_pct, discount_max_pct;
    struct rank_weights {
        double confidence, lift, fit, inventory, price_sanity, novelty_penalty;
    } weights;
};
const struct objective_row *objective_row(enum objective o);
const char *bundle_type_name(enum bundle_type t);
const char *bundle_type_words(enum bundle_type t);
bool objective_of_name(struct str name, enum objective *out);
bool bundle_type_of_name(struct str name, enum bundle_type *out);

enum part_role { ROLE_ANCHOR, ROLE_PART, ROLE_QUALIFIER, ROLE_REWARD, ROLE_POOL };
const char *part_role_name(enum part_role r); // "anchor", "part", "qualifier", "reward", "pool"

// Where a candidate came from; a bundle keeps all that found it. The seven of the ladder (SPEC 7) stand together, tier
// 7 first.
#define SOURCES(X)                                                                                                     \
    X(SOURCE_PAIRS, "co_purchase")       /* co-purchased pairs of an anchor */                                         \
    X(SOURCE_COVERAGE, "order_coverage") /* pairs that together reach most orders */                                   \
    X(SOURCE_RULES, "association_rules")                                                                               \
    X(SOURCE_EMBEDDING, "item2vec")                                                                                    \
    X(SOURCE_QUANTITY, "quantity_history") /* the variant's own quantities */                                          \
    X(SOURCE_VARIANTS, "variants")         /* of one product, in a pool */                                             \
    X(SOURCE_COLD_START, "cold_start")     /* tier 7: same type, vendor, close price */                                \
    X(SOURCE_POPULARITY, "popularity")                                                                                 \
    X(SOURCE_COMPLEMENTS, "complements")                                                                               \
    X(SOURCE_SIMILARITY, "basket_similarity")                                                                          \
    X(SOURCE_SMOOTHED, "smoothed_co_purchase")                                                                         \
    X(SOURCE_ADAPTIVE_RULES, "adaptive_rules")                                                                         \
    X(SOURCE_STRICT_RULES, "strict_rules") /* tier 1 */                                                                \
    X(SOURCE_FILL_UP, "fill_up")
#define SOURCE_ENUM(symbol, name) symbol##_BIT_,
enum source_bit { SOURCES(SOURCE_ENUM) SOURCE_COUNT };
#define SOURCE_MASK_ENUM(symbol, name) symbol = 1u << symbol##_BIT_,
enum source { SOURCES(SOURCE_MASK_ENUM) };
const char *source_name(enum source_bit s);

enum { PARTS_MAX = 8, TIERS_MAX = 3, PLATFORM_PARTS_MAX = 30, BUNDLE_PAIRS_MAX = OBJECTIVE_COUNT * TYPE_COUNT };

struct part {
    uint32_t item;
    uint32_t quantity;
    enum part_role role;
    int64_t price_minor;    // list price of one; MONEY_UNKNOWN in an upload without prices
    int64_t discount_minor; // of the whole line (price * quantity), >= 0
};

struct tier {
    uint32_t min_quantity;
    uint32_t discount_bp; // basis points off each unit
    int64_t unit_price_minor;
};

enum price_method { PRICE_LINEAR, PRICE_SHRUNK }; // "linear" (small uploads), "shrunk" (own history, category, shop)
const char *price_method_name(enum price_method m);

enum price_guard { // which of them shaped the price (SPEC 9), a bit each
    GUARD_COST_FLOOR = 1 << 0,
    GUARD_DISCOUNT_CAP = 1 << 1,
    GUARD_LIST_FLOOR = 1 << 2,
    GUARD_NICE_ENDING = 1 << 3,
};

// INVARIANTS (pricing_check): original == sum of price * quantity; discount == sum of the parts' discounts;
// bundle == original - discount; all within the guards. For VOLUME the totals are those of tier 1, for MIX_MATCH those
// of the pick_n cheapest of the pool. Without prices the amounts are MONEY_UNKNOWN and only discount_bp speaks.
struct pricing {
    int64_t original_minor, bundle_minor, discount_minor;
    uint32_t discount_bp; // discount / original, or the offered share where there are no prices
    enum price_method method;
    uint32_t guards; // enum price_guard
    struct tier tiers[TIERS_MAX];
    uint32_t n_tiers;                                     // VOLUME
    uint32_t buy_quantity, get_quantity, get_discount_bp; // BXGY; 10000: free
    uint32_t pick_n;                                      // MIX_MATCH
};

enum confirmation { CONFIRMATION_UNKNOWN, CONFIRMED, NOT_CONFIRMED };

struct bundle {
    enum bundle_type type;
    enum objective objective; // the one it ranks under
    uint32_t objectives;      // bit per objective that it serves (after merge)
    uint32_t sources;         // enum source
    struct part parts[PARTS_MAX];
    uint32_t n_parts;
    struct pricing pricing;

    // evidence, counted in the orders
    uint32_t
        orders_together;   // orders with all parts (FBT, BXGY, FIXED), >= 2 of the pool (MIX_MATCH), >= tier 1 (VOLUME)
    uint32_t orders_base;  // what confidence divides by: orders with the anchor (FBT, FIXED), all qualifiers (BXGY),
                           // the product (VOLUME), any of the pool (MIX_MATCH)
    uint32_t orders_total; // orders looked at
    uint32_t orders_recent; // orders_together of the newest 90 days (all of them where there are no dates)
    // the same in the newest fifth of the orders alone, and whether that confirms the rest (association.h)
    uint32_t newest_together, newest_base;
    double newest_expected;
    enum confirmation confirmation;
    double expected;                  // joint orders that chance gives (association.h), 0: not applicable
    double support, confidence, lift; // lift: size-corrected; 0 where not applicable
    double strength;                  // association score that candidates are ordered by
    // rank features in [0,1] after merge (SPEC 6, 10)
    double fit, inventory, price_sanity, novelty;
    double predicted_lift; // expected relative gain in orders of this set, see ranking.c
    double ranking_score;
    uint32_t rank; // 1-based after merge
};

struct bundle_list {
    struct bundle *bundles; // in an arena
    uint32_t n;
};

// One pair's result on the wire (a "pair-result" wraps it). Item ids are those of the dataset with this fingerprint.
void bundles_encode(const struct bundle_list *list, struct buf *out);
struct mp_value;
bool bundles_decode(struct bundle_list *out, const struct mp_value *v, uint32_t n_items, struct arena *memory,
                    struct err *e) MUST_USE; // trusts nothing

#endif
