#include "worker/offers/endings.h"

#include <stddef.h>

// Nice prices are k * step - below; all in hundredths of a major unit (of a hundred where there are no decimals).
struct ending_row {
    int64_t up_to; // for prices below
    int64_t step, below;
};

static const struct ending_row CHARM[] = {
    {1000, 10, 1}, {10000, 50, 1}, {100000, 100, 5}, {INT64_MAX, 1000, 100}, // 4.29, 17.49, 249.95, 1239.00
};
static const struct ending_row CHARM_WHOLE[] = {
    {1000, 10, 0}, {INT64_MAX, 100, 20}, // 430, 1,980
};
static const struct ending_row ROUND[] = {
    {200, 10, 0}, {1000, 50, 0}, {10000, 100, 0}, {100000, 500, 0}, {INT64_MAX, 1000, 0},
};

static const struct ending_row *row_for(int64_t price, int64_t hundredth, unsigned decimals, enum ending style)
{
    const struct ending_row *row = style == ENDING_ROUND ? ROUND : decimals == 0 ? CHARM_WHOLE : CHARM;
    while (row->up_to != INT64_MAX && price / hundredth >= row->up_to)
        row++;
    return row;
}

int64_t ending_nearest(int64_t wanted, int64_t min, int64_t max, unsigned decimals, enum ending style)
{
    int64_t hundredth = 1; // minor units in a hundredth of the major unit; JPY: 1,000 reads like 10.00
    for (unsigned d = 2; d < decimals; d++)
        hundredth *= 10;
    const struct ending_row *row = row_for(wanted, hundredth, decimals, style);
    int64_t step = row->step * hundredth, below = row->below * hundredth;
    if (wanted > INT64_MAX - 2 * step)
        return wanted;
    int64_t lower = (wanted + below) / step * step - below, upper = lower + step;
    bool is_lower_in = lower >= min && lower <= max && lower > 0, is_upper_in = upper >= min && upper <= max;
    if (is_lower_in && (!is_upper_in || wanted - lower <= upper - wanted))
        return lower;
    return is_upper_in ? upper : wanted;
}
