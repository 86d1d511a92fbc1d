// Mined: all that is mined from a dataset, in one place for those who make, share and read it (the artefact cache,
// preview, evaluate). A new part is a member here, one of mined_rules, and a line in each function of mined.c;
// ARTEFACT_VERSION tells the blobs apart.
//
//     evidence    always
//     itemsets    always: frequent sets and rules
//     embedding   from 20 order lines on; needs nothing of the other two
//
// FAILURE   ERR_CANCELLED; ERR_LIMIT over memory_max_bytes; decoding trusts nothing: ERR_CODEC.
// THREADS   Immutable once made.
#ifndef BUNDLE_WORKER_MINING_MINED_H
#define BUNDLE_WORKER_MINING_MINED_H

#include "worker/mining/embedding.h"
#include "worker/mining/evidence.h"
#include "worker/mining/itemsets.h"

struct mined {
    struct evidence *evidence;
    struct itemsets *itemsets;
    struct embedding *embedding; // NULL: a small upload
};

struct mined_rules {
    struct mining_rules evidence;
    struct itemset_limits itemsets;
    struct embedding_rules embedding;
    size_t memory_max_bytes; // of dataset and mined parts together; 0: no limit
    // How two functions that share nothing are run: at once (common/both.h), or, NULL, one after the other. The same
    // bytes either way.
    void (*both)(void (*a)(void *context), void (*b)(void *context), void *context);
};
struct mined_rules mined_rules_default(void);

// Who cannot wait for all of it: called once the pairs are counted, with m's evidence alone; false ends it all with *e.
struct mined_early {
    bool (*counted)(void *context, const struct mined *m, struct err *e);
    void *context;
};
// early: NULL where nobody cannot.
bool mined_make(struct mined **out, const struct dataset *d, const struct mined_rules *rules,
                const struct mined_early *early, const atomic_bool *is_cancelled, struct err *e) MUST_USE;
void mined_destroy(struct mined *m); // NULL is fine
void mined_destroyp(struct mined **m);
size_t mined_bytes(const struct mined *m); // in memory

// For a job's metrics: "mined", an object.
struct json_out;
void mined_json(const struct mined *m, struct json_out *j);

void mined_encode(const struct mined *m, struct buf *out); // a map, a key for each part
struct mp_value;
bool mined_decode(struct mined **out, const struct mp_value *v, const struct dataset *d, struct err *e) MUST_USE;

#endif
