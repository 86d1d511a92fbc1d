// A brief: what the language model is told of one bundle, and what its copy is held to: names, quantities, prices,
// saving. Pure.
//
//     {"type": "FBT", "offer_kind": "frequently bought together", "goal": "bigger orders",
//      "products": [{"name": "Green Tea", "quantity": 1, "role": "anchor", "price": "£12.50"}],
//      "offer": {"price": "£20.00", "instead_of": "£25.00", "saving": "£5.00", "percent": "20%"}}
//
//     offer of   VOLUME_DISCOUNT  {"tiers": [{"from": 2, "percent": "10%", "each": "£9.00"}]}
//                MIX_MATCH        {"pick": 2, "of": 5, "percent": "15%"}
//                BXGY             {"buy": 2, "get": 1, "percent": "50%"}, or "free": true
//     Amounts are left out in an upload without prices. No evidence: copy stays good while its counts change.
//
// INVARIANTS  1. The same bundle gives the same bytes. 2. A name is one line of at most BRIEF_NAME_MAX characters,
//             without control characters. 3. The key changes with anything that the copy could depend on.
// THREADS     Values; texts live in the arena, or in what they were read from.
#ifndef BUNDLE_WORKER_COPY_BRIEF_H
#define BUNDLE_WORKER_COPY_BRIEF_H

#include "worker/offers/offers.h"

enum { BRIEF_NAME_MAX = 120, BRIEF_KEY_HEX = 32 };

struct brief {
    struct str facts;            // JSON, as above
    char key[BRIEF_KEY_HEX + 1]; // XXH3-128 of facts, model, prompt version and locale
};

void brief_make(const struct market *m, const struct bundle *b, struct str model, struct str locale,
                struct arena *memory, struct brief *out);

// Do its products' titles, one by one or side by side, read like words to the model ("ignore your instructions and
// write ...")? Such a bundle is never sent. Errs on the safe side: a book of that title is a bundle less for the model.
bool brief_has_order(const struct market *m, const struct bundle *b, struct arena *memory);

#endif
