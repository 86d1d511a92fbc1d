// So many a minute: a bucket of a tenth of them (but one at least) that fills up again evenly.
#ifndef BUNDLE_TESTS_CHAT_LIMIT_H
#define BUNDLE_TESTS_CHAT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct limit {
    double taken;
    int64_t at_ms;
};

// 0: taken. Else when there may be room, in ms; nothing was taken. More than the bucket holds waits until it is full.
int64_t limit_take(struct limit *l, int64_t per_min, int64_t n, int64_t now_ms); // per_min 0: no limit

#endif
