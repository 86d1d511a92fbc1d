// What is said when PostgreSQL is away: once for the whole process when it goes, once when it is back, and a reminder
// each minute in between; whatever the number of tasks that find it away.
//
// A server that goes again soon after it was back is said to be away only once that has lasted: one connection that is
// refused while others are fine (too many of them) does not fill the log.
// THREADS  Any thread.
#ifndef BUNDLE_WORKER_STORE_PG_OUTAGE_H
#define BUNDLE_WORKER_STORE_PG_OUTAGE_H

#include "worker/store/pg.h"

// Something ended with this error; what is not ERR_PG_AWAY is none of our business.
void pg_outage_note(const struct err *e);
// `pg` has been of use. The outage is over if it was connected after the last failure.
void pg_outage_over(const struct pg *pg);

#endif
