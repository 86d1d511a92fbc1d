// What the copywriter's tests share: a model on the test's own loop that answers as a script says, a copywriter that
// asks it (with the Redis of BUNDLE_TEST_REDIS), and what came of an order.
#ifndef BUNDLE_TESTS_COPYWRITER_TEST_H
#define BUNDLE_TESTS_COPYWRITER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/buf.h"
#include "http_server.h"
#include "tests/unit/do_until.h"
#include "worker/copy/copywriter.h"

// Nothing runs out by itself, however busy the machine is, but where a test wants it.
enum { SCENE_WITHIN_MS = 30000 };
enum { SCENE_ORDERS_MAX = 24, SCENE_BRIEFS_MAX = 10, SCENE_SCRIPT_MAX = 32, SCENE_ASKED_MAX = 200 };

// What the model does with its nth request; the last entry holds for all that follow.
struct act {
    enum {
        ACT_WRITE,   // good copy for all
        ACT_SPOIL,   // ... but for the bundles in `arg` ("BD"): theirs has no title
        ACT_GARBAGE, // 200, and nothing that can be read
        ACT_STATUS,  // `arg` ("503 Service Unavailable") with `headers` and `body`
        ACT_CUT,     // 200, finish_reason "length", copy for the first of several only
        ACT_ABSURD,  // ... and a thousand million tokens
        ACT_HANG,
        ACT_RESET
    } do_what;
    const char *arg, *headers, *body;
    int after_ms; // of ACT_WRITE
};

struct asked {
    char bundles[SCENE_BRIEFS_MAX + 1]; // "ABC"
    char structure;                     // 's'chema, 'j'son, 'p'lain
    bool has_max_tokens, has_max_completion_tokens, has_temperature;
    char key[64]; // of its Authorization
    int64_t at_ms;
};

struct scene_order {
    struct copy_order order;
    struct brief briefs[SCENE_BRIEFS_MAX];
    char facts[SCENE_BRIEFS_MAX][512];
    atomic_bool is_cancelled;
    atomic_bool is_done;
    // what came
    bool was_cancelled;
    enum copy_source sources[SCENE_BRIEFS_MAX];
    char kinds[SCENE_BRIEFS_MAX][32], reasons[SCENE_BRIEFS_MAX][256], json[SCENE_BRIEFS_MAX][2048];
    struct copy_usage usage;
};

struct scene {
    struct event_base *base;
    struct http_server *server;
    struct copywriter *writer;
    struct copywriter_settings settings; // change them before scene_open
    struct queue queue;
    struct redis_url redis_url;
    struct redis *redis; // the test's own
    char url[128];
    struct act script[SCENE_SCRIPT_MAX];
    size_t n_script;
    struct asked asked[SCENE_ASKED_MAX];
    size_t n_asked;
    struct scene_order orders[SCENE_ORDERS_MAX];
};

struct scene *scene_need(void **state); // skips where there is no Redis
int scene_setup(void **state);
int scene_teardown(void **state);
void scene_open(struct scene *s); // the copywriter, by its settings now
void scene_script(struct scene *s, const struct act *acts, size_t n);
// An order for bundles A, B, C ...; its texts can be changed before scene_write. The cache's keys are new unless
// `generation` was there before.
struct scene_order *scene_order(struct scene *s, size_t i, size_t n_bundles, unsigned generation);
void scene_write(struct scene *s, struct scene_order *o);
void scene_wait(struct scene *s, struct scene_order *o); // until it is done
void scene_run(struct scene *s, int64_t ms);             // the model's loop goes on that long
#define SCENE_AWAIT(s, claim) DO_UNTIL(scene_run(s, 2), claim)
unsigned scene_count(const struct scene_order *o, enum copy_source source);

#endif
