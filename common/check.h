// CHECK: a bug is not an error. It stops the process in production too, after printing where, what and on which task;
// the lease then gives the task to somebody else.
#ifndef BUNDLE_COMMON_CHECK_H
#define BUNDLE_COMMON_CHECK_H

#define CHECK(claim) ((claim) ? (void)0 : check_failed(#claim, __FILE__, __LINE__))

_Noreturn void check_failed(const char *claim, const char *file, int line);

// What the panic prints beside the claim: one line about the task this thread is on ("" clears it). Copied.
void check_set_context(const char *context);

// Scope-bound cleanup: AUTO(buf_finip) struct buf b = ...;
#define AUTO(cleanup_function) __attribute__((cleanup(cleanup_function)))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
