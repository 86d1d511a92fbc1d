// Offers: from evidence to the bundles of one pair (objective, bundle type), and from all pairs' bundles to the job's
// final list. Pure: arrays in, arrays out.
//
//     offers_skip_reason   does this pair apply to this upload?                     (prepare, splitting)
//     offers_for_pair      candidates -> checked, priced, explained by numbers      (pairs)
//     offers_preliminary   a quick list from counts only                            (prepare)
//     offers_merge         dedupe, constraints, portfolio, rank, caps, fill up      (merge)
//
// THREADS   Everything reads the market only; results go into the caller's arena.
// FAILURE   ERR_CANCELLED when *is_cancelled; nothing else fails.
#ifndef BUNDLE_WORKER_OFFERS_OFFERS_H
#define BUNDLE_WORKER_OFFERS_OFFERS_H

#include <stdatomic.h>

#include "worker/dataset/dataset.h"
#include "worker/mining/mined.h"
#include "worker/mining/postings.h"
#include "worker/offers/bundle.h"

// Everything an offer is made from; made by market_init, which also keeps the sorted helper arrays that all pairs
// share.
struct market {
    const struct dataset *data;
    const struct evidence *evidence;
    const struct itemsets *itemsets;   // NULL: not mined, as for the preliminary answer
    const struct embedding *embedding; // NULL: not trained, as for small uploads
    struct postings postings;
    uint32_t *by_popularity; // items that some rules may offer (active, priced, no gift card), most orders first
    uint32_t n_by_popularity;
    uint32_t orders_max;       // the longest postings list
    struct title_words *words; // per item, see similarity.h
    struct complements *complements;
    double shop_discount;   // 0..1; 0: none known. This and the next two by discount_learn
    double *type_discount;  // the same per product type, shrunk towards the shop's; [n_types]: products without one
    double own_prior_sales; // as many sales as a product's prior weighs
    uint32_t recent_first;  // orders from here on are of the newest 90 days; 0 where there are no dates
    struct newest {
        uint32_t first;   // orders from here on are the newest fifth of those with a date; n_orders: too few
        uint32_t n_multi; // of them, with two or more products
        double kappa;     // theirs, see evidence.h
    } newest;
    bool is_tiny;             // < 10 order lines: rules and catalogue only, no ladder
    bool is_small;            // < 20: no embeddings, no portfolio optimisation, linear pricing
    bool is_catalog_complete; // the catalogue covers most of what sells, so that what it lacks is not on sale any more
};
// Of `mined` the evidence must be there; the rest may come later, by market_know.
void market_init(struct market *m, const struct dataset *d, const struct mined *mined, struct arena *memory);
void market_know(struct market *m, const struct mined *mined);

// An item as a member of a not-together list; see offer_rules.
struct apart_mark {
    uint32_t list, member;
};

enum catalog_need { CATALOG_AUTO, CATALOG_YES, CATALOG_NO };

// What a job or a shop may ask for (SPEC 7, the merchant's controls); OFFER_RULES_DEFAULT has the neutral ones.
struct offer_rules {
    uint32_t objectives, types; // bit sets; all by default
    const bool *is_excluded;    // per item: must not be offered; NULL: none
    const uint32_t *pinned;     // item ids that must be anchors, ascending: tried first, with a place in the final list
    uint32_t n_pinned;
    // Not-together lists: the marks of item i are apart[apart_first[i] .. apart_first[i + 1]), by list. Two members of
    // one list never share a bundle. NULL: no lists.
    const uint32_t *apart_first;
    const struct apart_mark *apart;
    enum catalog_need require_catalog; // AUTO: items that a complete catalogue lacks are not offered; YES: nor others
    int64_t price_min_minor, price_max_minor; // of a single item; 0 / INT64_MAX
    uint32_t discount_max_bp;                 // on top of the objective's cap; 10000
    double margin_floor;                      // "never below cost + margin": price >= cost * (1 + floor); default 0.10
    double list_floor;                        // never below this share of the list total; 0.30
    bool allow_out_of_stock;                  // false
    uint32_t candidates_per_pair;             // 40
    uint32_t per_pair_max;                    // 15 per (objective, type) in the final list
    uint32_t per_products_max;                // 2 per same product pair
    uint32_t bundles_max;                     // 200 per job
    uint32_t fill_up_to;                      // 12
    uint32_t preliminary_max;                 // 12
    bool climbs_bottom_up;                    // the ladder's order; false: tier 1 first
    double coverage_weight;                   // of the orders newly reached in the final rank, 0..1
};
extern const struct offer_rules OFFER_RULES_DEFAULT;

bool item_is_offerable(const struct market *m, const struct offer_rules *r,
                       uint32_t item); // SPEC 7 "never in a candidate"
bool item_is_pinned(const struct offer_rules *r, uint32_t item);
uint32_t market_count_uncatalogued(const struct market *m, const struct offer_rules *r); // not offered for that alone

// May both stand in one bundle of this objective and type: not kept apart by the merchant, not one product in two
// sizes (but in a mix and match), not of two seasons (but where orders hold both, unless it is a seasonal promotion).
bool items_may_share(const struct market *m, const struct offer_rules *r, enum objective o, enum bundle_type t,
                     uint32_t a, uint32_t b);

// NULL: applies. Else why not, in words for a merchant ("no seasonal product in stock"); static text.
const char *offers_skip_reason(const struct market *m, const struct offer_rules *r, enum objective o,
                               enum bundle_type t);

// The ladder (SPEC 7): what each tier that ran gave. Reports add up.
enum { LADDER_TIERS = 7 };
struct pair_report {
    int64_t (*now_us)(void); // the caller's clock; NULL: no times
    struct ladder_tier {
        uint32_t runs, links, bundles;
        int64_t us;
    } tiers[LADDER_TIERS]; // [0] is tier 1
};
const char *ladder_tier_name(unsigned tier); // 0..LADDER_TIERS-1: "strict_rules", ...

// report: NULL where nobody wants it.
bool offers_for_pair(const struct market *m, const struct offer_rules *r, enum objective o, enum bundle_type t,
                     struct arena *memory, const atomic_bool *is_cancelled, struct bundle_list *out,
                     struct pair_report *report, struct err *e) MUST_USE;
void offers_preliminary(const struct market *m, const struct offer_rules *r, struct arena *memory,
                        struct bundle_list *out);

struct merge_report {
    uint32_t candidates, duplicates, broken_constraint, over_cap, filled_up, fronts;
    bool portfolio_skipped; // small upload
};
// The order of `lists` does not matter to the result.
bool offers_merge(const struct market *m, const struct offer_rules *r, const struct bundle_list *lists,
                  uint32_t n_lists, struct arena *memory, const atomic_bool *is_cancelled, struct bundle_list *out,
                  struct merge_report *report, struct err *e) MUST_USE;

#endif
