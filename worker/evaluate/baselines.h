// Baselines: what simple rankings of pairs and of neighbours reach, to stand beside the engine's. All read the joint
// counts c(ab) of the multi-item orders, by rows (see evidence.h); c(a) are orders with a, N all of them.
//
//     joint count             c(ab)
//     log-likelihood ratio    2 * sum over the 2x2 table of observed * ln(observed / expected), where c(ab) is above
//                             chance (Dunning, Computational Linguistics 19(1), 1993)
//     cosine                  c(ab) / sqrt(c(a) c(b)), from 5 joint orders on
//     lift                    c(ab) N / (c(a) c(b)), from 5 joint orders on
//     popularity              c(a) c(b): best sellers with best sellers, whether they ever met or not
//     joint count by size     every order counts 1 / (items - 1): small orders say more about what belongs together
//
// Ties: lower item numbers first.
#ifndef BUNDLE_WORKER_EVALUATE_BASELINES_H
#define BUNDLE_WORKER_EVALUATE_BASELINES_H

#include "worker/dataset/dataset.h"

// X(symbol, name in JSON, words for people)
#define PAIR_RANKINGS(X)                                                                                               \
    X(PAIRS_BY_LLR, "log_likelihood_ratio", "log-likelihood ratio")                                                    \
    X(PAIRS_BY_COUNT, "joint_count", "joint count")                                                                    \
    X(PAIRS_BY_COSINE, "cosine", "cosine, count >= 5")                                                                 \
    X(PAIRS_BY_LIFT, "lift", "lift, count >= 5")                                                                       \
    X(PAIRS_BY_POPULARITY, "popularity", "popularity")
#define NEAR_RANKINGS(X)                                                                                               \
    X(NEAR_BY_SIZED_COUNT, "joint_count_by_size", "joint count / (size - 1)")                                          \
    X(NEAR_BY_COUNT, "joint_count", "joint count")                                                                     \
    X(NEAR_BY_COSINE, "cosine", "cosine")                                                                              \
    X(NEAR_BY_POPULARITY, "popularity", "popularity")
#define RANKING_ENUM(symbol, ...) symbol,
enum pair_ranking { PAIR_RANKINGS(RANKING_ENUM) PAIR_RANKING_COUNT };
enum near_ranking { NEAR_RANKINGS(RANKING_ENUM) NEAR_RANKING_COUNT };

enum { NEAR_MAX = 10 };

struct ranked_pair {
    uint32_t a, b; // a < b
    double score;
};

struct ranked_pairs { // best first
    struct ranked_pair *pairs;
    uint32_t n;
};

struct near_lists { // of every item the best others: items[i * NEAR_MAX] .. + n[i]
    uint32_t *items;
    uint32_t *n;
    uint32_t n_items;
};

struct baselines {
    struct ranked_pairs pairs[PAIR_RANKING_COUNT];
    struct near_lists near[NEAR_RANKING_COUNT];
};

// Orders with more than basket_max items are left out, as the engine does.
void baselines_mine(const struct dataset *d, uint32_t pairs_max, uint32_t basket_max, struct arena *memory,
                    struct baselines *out);
// Only by joint count. Of the held-out orders that is the static oracle: a ranking that knows what they will count.
void baselines_count(const struct dataset *d, uint32_t pairs_max, uint32_t basket_max, struct arena *memory,
                     struct ranked_pairs *out);
void near_lists_init(struct near_lists *l, uint32_t n_items, struct arena *memory);

#endif
