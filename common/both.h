// Both: two functions at once, where there is a second core for them.
// THREADS  `b` runs on a thread of its own, `a` on the caller's; returns when both have ended. Where no thread is to be
//          had, one after the other.
#ifndef BUNDLE_COMMON_BOTH_H
#define BUNDLE_COMMON_BOTH_H

void both_at_once(void (*a)(void *context), void (*b)(void *context), void *context);

#endif
