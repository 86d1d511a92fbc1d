// Writes the sample shop's catalogue as CSV files, and the truth about it for tests.
#ifndef BUNDLE_TESTS_SHOP_TABLES_H
#define BUNDLE_TESTS_SHOP_TABLES_H

#include "tests/support/shop/catalogue.h"
#include "tests/support/shop/orders.h"

void tables_write(const struct catalogue *c, const struct shop_plan *plan,
                  const char *dir); // variants, inventory, catalog .csv
void truth_write(const struct catalogue *c, const struct shop_plan *plan, const struct orders_made *made,
                 const char *dir, const char *name);

#endif
