// Time. Mining never asks: its "now" is the upload's as_of.
#ifndef BUNDLE_COMMON_CLOCK_H
#define BUNDLE_COMMON_CLOCK_H

#include <stdint.h>

int64_t clock_mono_ms(void); // for durations
int64_t clock_mono_us(void);
int64_t clock_wall_ms(void); // Unix time, for people
int64_t clock_cpu_us(void);  // this thread's CPU time

#endif
