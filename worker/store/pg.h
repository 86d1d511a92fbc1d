// The PostgreSQL adapter: a connection that comes back by itself, and errors sorted into "away" and "wrong". The only
// includer of libpq is pg.c; pg_internal.h lends its handle to the other files of store/.
// THREADS  One thread at a time per connection.
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
uint64_t pg_statements(const struct pg *pg);            // sent so far, for metrics and tests

// One statement or several, text results discarded: migrations, tests.
bool pg_exec(struct pg *pg, const char *sql, struct err *e) MUST_USE;

#endif
