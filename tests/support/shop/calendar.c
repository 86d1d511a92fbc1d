#include "tests/support/shop/calendar.h"

#include <stdlib.h>
#include <time.h>

#include "common/check.h"

static const double BUSY_HOUR[24] = {.3,  .2,  .1,  .1,  .1,  .2,  .4,  .7,  1,   1.2, 1.3, 1.3,
                                     1.4, 1.3, 1.2, 1.2, 1.2, 1.3, 1.5, 1.9, 2.2, 2,   1.3, .7};
static const double BUSY_DAY[7] = {1.25, 1.05, .9, .9, .95, 1, 1.1}; // Sunday first
static const double BUSY_MONTH[12] = {.8, .85, .9, .95, 1, .95, .85, .85, 1, 1.05, 1.6, 1.7};

// Season, first and last day as month * 100 + day.
static const struct {
    enum shop_season season;
    int from, to;
} SEASON_DAYS[] = {{SEASON_CHRISTMAS, 1101, 1224},
                   {SEASON_SUMMER, 515, 815},
                   {SEASON_HALLOWEEN, 1001, 1031},
                   {SEASON_VALENTINE, 120, 214}};

static uint8_t seasons_of(int month_day)
{
    unsigned seasons = 1u << SEASON_NONE;
    for (size_t i = 0; i < ARRAY_LEN(SEASON_DAYS); i++)
        if (month_day >= SEASON_DAYS[i].from && month_day <= SEASON_DAYS[i].to)
            seasons |= 1u << SEASON_DAYS[i].season;
    return (uint8_t)seasons;
}

void calendar_init(struct calendar *k, const struct shop_plan *plan)
{
    uint32_t n = (uint32_t)((plan->end - plan->start) / 3600);
    *k = (struct calendar){.start = plan->start,
                           .n_hours = n,
                           .busy_until = calloc(n, sizeof(double)),
                           .season_of_hour = calloc(n, 1),
                           .sale_of_hour = calloc(n, sizeof(double))};
    CHECK(k->busy_until && k->season_of_hour && k->sale_of_hour);
    double total = 0;
    for (uint32_t hour = 0; hour < n; hour++) {
        struct tm t;
        gmtime_r(&(time_t){plan->start + (int64_t)hour * 3600}, &t);
        int month_day = (t.tm_mon + 1) * 100 + t.tm_mday;
        bool is_sale = month_day >= 1124 && month_day <= 1130;
        total += BUSY_HOUR[t.tm_hour] * BUSY_DAY[t.tm_wday] * BUSY_MONTH[t.tm_mon] * (is_sale ? 1.8 : 1) *
                 (1 + .4 * hour / n); // it grows
        k->busy_until[hour] = total;
        k->season_of_hour[hour] = seasons_of(month_day);
        k->sale_of_hour[hour] = is_sale ? 20 : 0;
    }
    for (uint32_t hour = 0; hour < n; hour++)
        k->busy_until[hour] /= total;
}

void calendar_fini(struct calendar *k)
{
    free(k->busy_until);
    free(k->season_of_hour);
    free(k->sale_of_hour);
}

int64_t calendar_moment(struct calendar *k, double share)
{
    while (k->cursor + 1 < k->n_hours && k->busy_until[k->cursor] < share)
        k->cursor++;
    double from = k->cursor ? k->busy_until[k->cursor - 1] : 0, to = k->busy_until[k->cursor];
    double within = share <= from ? 0 : share >= to ? 1 : (share - from) / (to - from);
    return k->start + (int64_t)k->cursor * 3600 + (int64_t)(within * 3599);
}

bool calendar_is_season(const struct calendar *k, enum shop_season season)
{
    return k->season_of_hour[k->cursor] & (1u << season);
}

double calendar_sale_pct(const struct calendar *k)
{
    return k->sale_of_hour[k->cursor];
}
