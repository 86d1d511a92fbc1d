#include "worker/mining/exact_math.h"

#include <stdint.h>
#include <string.h>

static const double LN2 = 0.69314718055994531;

// 2^n as its bits, of ordinary numbers.
static double power_of_two(int n)
{
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// By the series of atanh, on x = m * 2^exponent with m within a factor of sqrt(2) of 1.
double exact_log2(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    double m = x * power_of_two(-exponent);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    double t = (m - 1) / (m + 1), t2 = t * t, sum = 0; // |t| <= 0.172: 10 terms reach 1e-17
    for (int k = 19; k >= 1; k -= 2)
        sum = sum * t2 + 1.0 / k;
    return exponent + 2 / LN2 * t * sum;
}

// e^y = 1 + y + y^2 / 2! + ... with |y| <= ln(2) / 2: to y^13 that reaches 1e-17.
double exact_exp2(double x)
{
    static const double INVERSE_FACTORIALS[] = {
        1,          1,           1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,
        1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
    };
    if (x < -1000)
        return 0;
    int whole = (int)(x < 0 ? x - 0.5 : x + 0.5);
    double y = (x - whole) * LN2, y2 = y * y, even = 0, odd = 0; // two sums that need not wait for each other
    for (int k = 12; k >= 0; k -= 2) {
        even = even * y2 + INVERSE_FACTORIALS[k];
        odd = odd * y2 + INVERSE_FACTORIALS[k + 1];
    }
    return (even + y * odd) * power_of_two(whole);
}
