// The scores of a back-test: tables for people, one JSON document for programs.
#ifndef BUNDLE_WORKER_CTL_BACK_TEST_REPORT_H
#define BUNDLE_WORKER_CTL_BACK_TEST_REPORT_H

#include <math.h>

#include "worker/ctl/back_test.h"
#include "worker/ctl/term.h"

void back_test_table(const struct term *t, const struct back_test *b, struct buf *out);
void back_test_json(const struct back_test *b, struct buf *out);

// What of the pairs' hit rate is left in the bundles; NaN where the pairs hit nothing.
static inline double back_test_kept(double hit, const struct pair_score *pairs)
{
    return pairs->hit > 0 ? hit / pairs->hit : (double)NAN;
}

#endif
