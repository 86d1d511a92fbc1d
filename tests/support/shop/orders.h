// Writes the sample shop's orders, oldest first, while they are made: memory does not grow with their number.
#ifndef BUNDLE_TESTS_SHOP_ORDERS_H
#define BUNDLE_TESTS_SHOP_ORDERS_H

#include "tests/support/shop/catalogue.h"

struct orders_made {
    uint64_t orders, paid_orders, customers;
    int64_t first_at, last_at;
};

// orders.csv in `dir`: exactly plan->lines rows. Counts the planted groups' orders in `c`.
void orders_write(struct catalogue *c, const struct shop_plan *plan, const char *dir, struct orders_made *made);

#endif
