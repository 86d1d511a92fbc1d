// Tests wait for what is to come true, however busy the machine is, and not for as long as it mostly takes.
#ifndef BUNDLE_TESTS_DO_UNTIL_H
#define BUNDLE_TESTS_DO_UNTIL_H

#include "common/clock.h"

enum { DO_UNTIL_MS = 40000 }; // the longest of all waits

// Does this until that is so, and fails the test where it does not come true.
#define DO_UNTIL(what, claim)                                                                                          \
    do {                                                                                                               \
        for (int64_t until_ms = clock_mono_ms() + DO_UNTIL_MS; !(claim); what)                                         \
            if (clock_mono_ms() > until_ms)                                                                            \
                fail_msg("not within %d ms: %s", (int)DO_UNTIL_MS, #claim);                                            \
    } while (0)

#endif
