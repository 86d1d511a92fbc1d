// Explores all states of a model, breadth first, so that a violation comes with a shortest history. Afterwards it
// follows from each state the one fair future without faults (model_next_good): it must end, in a bounded number of
// steps.
#ifndef BUNDLE_TESTS_EXPLORE_H
#define BUNDLE_TESTS_EXPLORE_H

#include "tests/model/model.h"

struct explored {
    size_t states, transitions, entries;
    unsigned depth;      // of the longest shortest history
    unsigned good_steps; // most steps that a fair future takes to its end
    size_t by_kind[MODEL_N_KINDS];
    bool is_whole; // false: max_states was reached
    bool is_violated;
    struct err violation;
    char *trace; // of the violation (free); NULL without one
};
void explore(struct model *m, size_t max_states, struct explored *out);
void explored_fini(struct explored *e);

#endif
