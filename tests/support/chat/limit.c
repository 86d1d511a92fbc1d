#include "tests/support/chat/limit.h"

#include <math.h>

int64_t limit_take(struct limit *l, int64_t per_min, int64_t n, int64_t now_ms)
{
    if (per_min == 0)
        return 0;
    double per_ms = (double)per_min / 60000, size = fmax(1, (double)per_min / 10);
    l->taken = fmax(0, l->taken - (double)(now_ms - l->at_ms) * per_ms);
    l->at_ms = now_ms;
    double over = l->taken + fmin((double)n, size) - size;
    if (over > 0)
        return (int64_t)ceil(over / per_ms);
    l->taken += (double)n;
    return 0;
}
