// Copy as a model writes it, for tests of what judges it: bundles, and texts for them that a shop would be glad of.
#ifndef BUNDLE_TESTS_COPY_TEXTS_H
#define BUNDLE_TESTS_COPY_TEXTS_H

#include "worker/copy/check.h"

enum text_bundle {
    TEXT_TEA,     // FBT: teapot and tea
    TEXT_SENCHA,  // VOLUME_DISCOUNT
    TEXT_BAGS,    // MIX_MATCH
    TEXT_BEANS,   // BXGY, free
    TEXT_YOGA,    // FIXED
    TEXT_CAKE,    // BXGY, reduced
    TEXT_PAN,     // FBT, German names
    TEXT_BAKERY,  // FBT, no prices
    TEXT_CREMA,   // VOLUME_DISCOUNT, German
    TEXT_SOAP,    // FIXED, French
    TEXT_CANDLES, // MIX_MATCH, Spanish
    TEXT_STAND,   // FBT at no discount
    TEXT_BUNDLES
};

struct good_copy {
    enum text_bundle bundle;
    const char *locale, *title, *description, *value, *features[3], *benefits[3];
};

extern const char *const TEXT_FACTS[TEXT_BUNDLES];
extern const struct good_copy GOOD_COPIES[];
extern const size_t N_GOOD_COPIES;

struct copy_text copy_text_of(const struct good_copy *g);

#endif
