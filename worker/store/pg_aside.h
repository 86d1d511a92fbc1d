// A blocking call of libpq (connecting, cancelling a statement) on a thread of its own, so that whoever waits for it
// can leave: neither of them knows a limit that holds in every case (name lookup; a server that is stopped).
//
// THREADS   `work` runs on the other thread. It owns `context` from the start until aside_run returns true; after false
//           it keeps it, and calls `undo` on it when it ends.
#ifndef BUNDLE_WORKER_STORE_PG_ASIDE_H
#define BUNDLE_WORKER_STORE_PG_ASIDE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct aside_call {
    void (*work)(void *context);
    void (*undo)(void *context); // what work made is not wanted any more; frees the context too
    void *context;               // on the heap
};

enum { ASIDE_TICK_MS = 50 }; // how soon a wait sees that it is called off

// Waits until the work is done, until_ms (clock_mono_ms) has come or *is_cancelled (NULL: nobody can). false: left.
bool aside_run(const struct aside_call *call, int64_t until_ms, const atomic_bool *is_cancelled)
    __attribute__((warn_unused_result));

#endif
