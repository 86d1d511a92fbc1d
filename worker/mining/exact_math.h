// Logarithm and power of two by series of our own: the C library's differ in the last bit between machines (with and
// without fused multiply-add), and equal uploads must give equal bytes everywhere.
// THREADS  Pure.
#ifndef BUNDLE_WORKER_MINING_EXACT_MATH_H
#define BUNDLE_WORKER_MINING_EXACT_MATH_H

double exact_log2(double x); // of ordinary positive x, to about 1e-16
double exact_exp2(double x); // 0 below -1000; x <= 1000

#endif
