#include "worker/mining/portable_math.h"

#include <stdint.h>
#include <string.h>

// x = m * 2^exponent; log2(m) = 2 / ln(2) * atanh(t), t = (m - 1) / (m + 1).
double portable_log2(double x)
{
    static const double TWO_OVER_LN2 = 2.8853900817779268;
    uint64_t bits;
    double m, sum = 0;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    double t = (m - 1) / (m + 1), t2 = t * t; // |t| <= 0.172: 10 terms reach 1e-17
    for (int n = 19; n >= 1; n -= 2)
        sum = sum * t2 + 1.0 / n;
    return exponent + TWO_OVER_LN2 * t * sum;
}
