// log2 by its series: the C library's differs in the last bit between machines (with and without fused multiply-add),
// and equal uploads must give equal bytes everywhere.
#ifndef BUNDLE_WORKER_MINING_PORTABLE_MATH_H
#define BUNDLE_WORKER_MINING_PORTABLE_MATH_H

double portable_log2(double x); // of ordinary positive x, to a few units of the last place

#endif
