// exp and ln by their series: the C library's differ in the last bit between machines (with and without fused
// multiply-add), and equal uploads must give equal bytes everywhere. Good to a few units of the last place.
#ifndef BUNDLE_WORKER_MINING_PORTABLE_MATH_H
#define BUNDLE_WORKER_MINING_PORTABLE_MATH_H

double portable_exp(double x); // |x| <= 700
double portable_ln(double x);  // ordinary positive x

#endif
