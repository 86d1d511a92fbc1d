// The product types of the sample shop: what a believable shop sells, one row each.
#ifndef BUNDLE_TESTS_SHOP_TYPES_H
#define BUNDLE_TESTS_SHOP_TYPES_H

#include <stdbool.h>
#include <stdint.h>

enum shop_axis { AXIS_NONE, AXIS_SIZE, AXIS_COLOUR, AXIS_SCENT, AXIS_WEIGHT, AXES };

struct shop_type {
    const char *name, *code;
    unsigned department; // what one customer looks at together
    const char *nouns[3];
    int64_t price_low, price_high; // US cents
    double margin_low, margin_high;
    enum shop_axis axis;
    unsigned case_size; // sold in multiples of it now and then; 1: not
    bool is_consumable; // the same customers come back for it
    double seasonal_share;
    unsigned complement; // index of the type that goes with it
};

enum { SHOP_TYPES = 26, SHOP_AXIS_VALUES = 4 };

extern const struct shop_type SHOP_TYPE[SHOP_TYPES];
extern const struct shop_type SHOP_GIFT_CARDS;
extern const char *const SHOP_AXIS_VALUE[AXES][SHOP_AXIS_VALUES]; // NULL: no more

#endif
