// Claims: words that promise what no brief holds (guarantees, awards, "organic", "limited time", "free", "half price"),
// in the languages of most shops. Part of check.c.
#ifndef BUNDLE_WORKER_COPY_CLAIMS_H
#define BUNDLE_WORKER_COPY_CLAIMS_H

#include "worker/copy/subject.h"

// The first claim in the text that neither a name nor the offer makes, as it stands there; "" where there is none.
struct str claims_find(const struct lexicon_text *text, const struct subject *s);
// Likewise the first reduction that is said without a number: "half price", "a third off".
struct str claims_find_reduction(const struct lexicon_text *text, const struct subject *s);

#endif
