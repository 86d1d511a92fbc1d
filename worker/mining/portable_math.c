#include "worker/mining/portable_math.h"

#include <stdint.h>
#include <string.h>

static const double LN2 = 0.69314718055994531;
static const uint64_t MANTISSA = (UINT64_C(1) << 52) - 1;
enum { EXPONENT_BIAS = 1023 };

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// 2^k * e^r with |r| <= ln(2)/2, e^r by Taylor: 0.347^15 / 15! < 1e-19.
double portable_exp(double x)
{
    double scaled = x / LN2;
    int k = (int)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    double r = x - k * LN2, sum = 1;
    for (int n = 14; n >= 1; n--)
        sum = 1 + sum * r / n;
    return sum * from_bits((uint64_t)(k + EXPONENT_BIAS) << 52);
}

// x = m * 2^k; ln(m) = 2 * atanh(t), t = (m - 1) / (m + 1), |t| <= 0.172: 10 terms reach 1e-17.
double portable_ln(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int k = (int)(bits >> 52) - EXPONENT_BIAS;
    double m = from_bits((bits & MANTISSA) | (uint64_t)EXPONENT_BIAS << 52);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        k++;
    }
    double t = (m - 1) / (m + 1), sum = 0;
    for (int n = 19; n >= 1; n -= 2)
        sum = sum * t * t + 1.0 / n;
    return k * LN2 + 2 * t * sum;
}
