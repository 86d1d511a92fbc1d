// The connection itself. Shared by pg.c (statements), pg_connect.c, pg_wait.c and pg_pipeline.c; not for anybody else.
#ifndef BUNDLE_WORKER_STORE_PG_CONNECTION_H
#define BUNDLE_WORKER_STORE_PG_CONNECTION_H

#include "worker/store/pg_internal.h"

struct pg {
    PGconn *connection; // NULL: not connected
    const struct settings *settings;
    char name[64];
    uint64_t statements;
    int64_t opened_ms;
    const atomic_bool *is_cancelled; // of whoever waits; NULL: nobody can call it off
    bool is_patient;                 // no limit to the server's silence
    bool is_committing;              // a COMMIT is on its way: its answer is waited for, whoever calls it off
    bool is_spent;                   // answers, but is replaced before its next use
    bool is_lost;                    // has been waited for in vain: nothing more is read from it
    bool has_cancelled;              // the statement at hand was told to stop, and answers until answer_by_ms
    int64_t answer_by_ms;
    char sqlstate[6]; // of the last failure; "": none was told
};

struct str pg_first_line(const char *message);
bool pg_is_called_off(const struct pg *pg);
// true: another statement may be sent.
bool pg_may_send(struct pg *pg, const char *what, struct err *e) MUST_USE;

#endif
