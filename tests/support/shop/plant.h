// Plants the groups that the orders hold together: pairs and triples of complements, and add-ons that sell with their
// lead.
#ifndef BUNDLE_TESTS_SHOP_PLANT_H
#define BUNDLE_TESTS_SHOP_PLANT_H

#include "tests/support/shop/catalogue.h"

void plant_groups(struct catalogue *c, uint64_t lines);

#endif
