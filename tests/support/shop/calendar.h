// When the sample shop sells: busy hours, weekends, the weeks before Christmas; and which season a day is in.
#ifndef BUNDLE_TESTS_SHOP_CALENDAR_H
#define BUNDLE_TESTS_SHOP_CALENDAR_H

#include "tests/support/shop/catalogue.h"

struct calendar {
    int64_t start;
    uint32_t n_hours, cursor;
    double *busy_until;      // per hour: the share of all business done by its end
    uint8_t *season_of_hour; // bit 1 << enum shop_season
    double *sale_of_hour;    // percent off everything, usually 0
};

void calendar_init(struct calendar *k, const struct shop_plan *plan);
void calendar_fini(struct calendar *k);

// The moment at which `share` (0..1) of the business is done. Call with growing shares.
int64_t calendar_moment(struct calendar *k, double share);
bool calendar_is_season(const struct calendar *k, enum shop_season season); // at the last moment
double calendar_sale_pct(const struct calendar *k);

#endif
