// A server that says what no real one can be made to say at will: errors of other versions, silence, half an answer.
// It runs in a thread of its own; each test says how commands are answered.
//
// THREADS   answer runs in the server's thread; fake_redis_connections may be asked from any.
#ifndef BUNDLE_TESTS_FAKE_REDIS_H
#define BUNDLE_TESTS_FAKE_REDIS_H

#include <stddef.h>

enum { FAKE_ARGS_MAX = 4 };
struct fake_command {
    char args[FAKE_ARGS_MAX][128]; // the first ones, cut; "" past the end
    unsigned connection;           // 1 for the first that came
};

extern const char FAKE_SILENCE[]; // no answer, ever
extern const char FAKE_CLOSE[];   // the connection is closed
extern const char FAKE_DRIP[];    // a long text, a byte every 20 ms
extern const char FAKE_MASTER[];  // what ROLE answers on a master

// RESP, or one of the above. NULL: as a healthy master that knows nothing else answers: +OK, ROLE and PING rightly.
typedef const char *fake_answer(void *context, const struct fake_command *c);

struct fake_redis;
struct fake_redis *fake_redis_start(fake_answer *answer, void *context); // on a port of 127.0.0.1
void fake_redis_stop(struct fake_redis *f);
int fake_redis_port(const struct fake_redis *f);
unsigned fake_redis_connections(const struct fake_redis *f); // so far
void fake_redis_hang_up(struct fake_redis *f);               // closes all connections

#endif
