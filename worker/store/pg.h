// The PostgreSQL adapter: a connection that comes back by itself, and errors sorted into "away" and "wrong". libpq
// stays in store/: pg_internal.h lends its handle to the other files there.
//
// WAITING  Nothing waits for ever: a statement has pg.timeout_ms on the server (statement_timeout), and a server that
//          is silent for a second longer is given up; so is one that does not take a connection.
// CANCEL   Once *is_cancelled of pg_watch() is true, whatever waits here ends within a second with ERR_CANCELLED: the
//          server is told to stop, and the connection is replaced before its next use. Only the answer to a COMMIT that
//          was sent is still waited for.
// FAILURE  ERR_PG_AWAY: try again later, nothing is wrong with what was asked (no connection; a server that stops,
//          starts, is a standby, is full; deadlock and other conflicts). ERR_PG: anything else that PostgreSQL
//          answered, a statement_timeout too. ERR_CONFIG: pg.url.
// THREADS  One thread at a time per connection; anybody may set *is_cancelled.
#ifndef BUNDLE_WORKER_STORE_PG_H
#define BUNDLE_WORKER_STORE_PG_H

#include <stdatomic.h>

#include "common/err.h"
#include "worker/settings.h"

struct pg;

// Connects lazily, at first use. application_name is `name`. The connection reads at REPEATABLE READ by default, so
// that the one multi-statement load sees one snapshot.
struct pg *pg_create(const struct settings *s, const char *name);
void pg_destroy(struct pg *pg);
void pg_destroyp(struct pg **pg);
bool pg_connect(struct pg *pg, struct err *e) MUST_USE; // ensures a live connection (reconnects a broken one)
int64_t pg_opened_ms(const struct pg *pg);              // when it was last connected (clock_mono_ms); 0: never
// Whose cancellation ends what waits; NULL: nobody's. The flag must outlive its being watched.
void pg_watch(struct pg *pg, const atomic_bool *is_cancelled);
uint64_t pg_statements(const struct pg *pg); // sent so far, for metrics and tests

// One statement or several, text results discarded: migrations, tests.
bool pg_exec(struct pg *pg, const char *sql, struct err *e) MUST_USE;

#endif
