// Every wait for the server: on the socket, in short ticks, so that it ends when the server is silent for too long and
// when the task is cancelled.

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/log.h"
#include "worker/store/pg_aside.h"
#include "worker/store/pg_connection.h"

enum {
    SERVER_FIRST_MS = 1000, // the server's own statement_timeout tells more than our silence: it goes first
    CANCEL_MS = 500,        // how long telling the server to stop may take ...
    CANCELLED_MS = 500,     // ... and then its answer
};

bool pg_is_called_off(const struct pg *pg)
{
    return pg->is_cancelled && atomic_load(pg->is_cancelled);
}

bool pg_may_send(struct pg *pg, const char *what, struct err *e)
{
    if (pg->has_cancelled || (pg_is_called_off(pg) && !pg->is_committing))
        return err_set(e, ERR_CANCELLED, "%s: cancelled", what);
    return !pg->is_lost || err_set(e, ERR_PG_AWAY, "%s: the connection was given up", what);
}

// --- cancelling

struct cancelling {
    PGcancel *cancel;
    bool is_told;
    char reason[256];
};

static void cancel_work(void *context)
{
    struct cancelling *c = context;
    c->is_told = PQcancel(c->cancel, c->reason, sizeof c->reason) == 1;
}

static void cancel_undo(void *context)
{
    struct cancelling *c = context;
    PQfreeCancel(c->cancel);
    free(c);
}

// By a connection of its own, as the protocol has it.
static void tell_to_stop(struct pg *pg)
{
    struct cancelling *c = calloc(1, sizeof *c);
    CHECK(c);
    c->cancel = PQgetCancel(pg->connection);
    const struct aside_call call = {cancel_work, cancel_undo, c};
    if (!aside_run(&call, clock_mono_ms() + CANCEL_MS, NULL)) {
        LOG(LOG_DEBUG, "PostgreSQL does not take the cancellation of a statement");
        return;
    }
    if (!c->is_told)
        LOG(LOG_DEBUG, "cancelling a statement failed", LOG_S("reason", c->reason));
    cancel_undo(c);
}

// The cancellation may reach the server after the statement's end, and would hit the next one: there is none then.
static void cancel_statement(struct pg *pg)
{
    tell_to_stop(pg);
    pg->has_cancelled = pg->is_spent = true;
    pg->answer_by_ms = clock_mono_ms() + CANCELLED_MS;
}

void pg_disconnect(struct pg *pg)
{
    if (pg->connection && PQstatus(pg->connection) == CONNECTION_OK && !pg->has_cancelled &&
        PQtransactionStatus(pg->connection) == PQTRANS_ACTIVE)
        tell_to_stop(pg);
    PQfinish(pg->connection);
    pg->connection = NULL;
    pg->is_spent = pg->is_lost = pg->has_cancelled = false;
}

// --- waiting

static bool give_up(struct pg *pg, const char *what, struct err *e)
{
    pg->is_spent = pg->is_lost = true;
    if (pg->has_cancelled)
        return err_set(e, ERR_CANCELLED, "%s: cancelled, without the server's answer", what);
    return err_set(e, ERR_PG_AWAY, "%s: PostgreSQL has been silent for %lld ms (pg.timeout_ms)", what,
                   (long long)pg->settings->pg_timeout_ms + SERVER_FIRST_MS);
}

static int64_t silence_ends_ms(const struct pg *pg)
{
    if (pg->has_cancelled)
        return pg->answer_by_ms;
    return pg->is_patient ? INT64_MAX : clock_mono_ms() + pg->settings->pg_timeout_ms + SERVER_FIRST_MS;
}

static int tick_ms(const struct pg *pg, int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_mono_ms();
    int64_t most_ms = pg->is_cancelled && !pg->has_cancelled ? ASIDE_TICK_MS : 60000;
    return left_ms <= 0 ? 0 : (int)(left_ms < most_ms ? left_ms : most_ms);
}

// A connection that breaks is readable: reading it tells why.
static bool wait(struct pg *pg, bool is_for_sending, const char *what, struct err *e)
{
    int64_t until_ms = silence_ends_ms(pg);
    for (;;) {
        if (!pg->has_cancelled && !pg->is_committing && pg_is_called_off(pg)) {
            cancel_statement(pg);
            until_ms = pg->answer_by_ms;
        }
        bool has_unsent = PQflush(pg->connection) == 1;
        struct pollfd fd = {.fd = PQsocket(pg->connection), .events = (short)(POLLIN | (has_unsent ? POLLOUT : 0))};
        if (fd.fd < 0 || (is_for_sending && !has_unsent))
            return true;
        int n = poll(&fd, 1, tick_ms(pg, until_ms));
        CHECK(n >= 0 || errno == EINTR || errno == ENOMEM);
        if (n > 0)
            return true;
        if (clock_mono_ms() >= until_ms)
            return give_up(pg, what, e);
    }
}

static bool wait_to_read(struct pg *pg, const char *what, struct err *e)
{
    return wait(pg, false, what, e);
}

bool pg_next_result(struct pg *pg, const char *what, PGresult **out, struct err *e)
{
    if (pg->is_lost)
        return give_up(pg, what, e);
    while (PQisBusy(pg->connection)) {
        if (!wait_to_read(pg, what, e))
            return false;
        if (!PQconsumeInput(pg->connection))
            break; // the result says so
    }
    *out = PQgetResult(pg->connection);
    return true;
}

int pg_next_copy(struct pg *pg, const char *what, char **bytes, struct err *e)
{
    int len;
    if (pg->is_lost && !give_up(pg, what, e))
        return -2;
    while ((len = PQgetCopyData(pg->connection, bytes, 1)) == 0) {
        if (!wait_to_read(pg, what, e))
            return -2;
        if (!PQconsumeInput(pg->connection))
            break;
    }
    if (len != 0 && len != -2)
        return len;
    (void)pg_fail(pg, NULL, what, e);
    return -2;
}

// Small chunks go out as they come: nothing piles up in libpq.
bool pg_put_copy(struct pg *pg, const char *what, const char *bytes, size_t len, struct err *e)
{
    CHECK(len <= INT32_MAX);
    if (PQputCopyData(pg->connection, bytes, (int)len) != 1)
        return pg_fail(pg, NULL, what, e);
    while (PQflush(pg->connection) == 1) {
        if (!wait(pg, true, what, e))
            return false;
        if (!PQconsumeInput(pg->connection))
            return pg_fail(pg, NULL, what, e);
    }
    return true;
}
