#include "worker/store/pg.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/check.h"
#include "common/log.h"
#include "worker/store/pg_connection.h"

#define SERIALIZATION_FAILURE "40001"
#define DEADLOCK "40P01"
#define STANDBY "25006" // a write in a transaction that may only read
#define SCHEMA_REMEDY "; is the schema older than this program? bundlectl schema apply brings it up to date"

enum { RETRIES_MAX = 5, RETRY_MS = 5 };

struct pg *pg_create(const struct settings *s, const char *name)
{
    struct pg *pg = calloc(1, sizeof *pg);
    CHECK(pg);
    pg->settings = s;
    (void)snprintf(pg->name, sizeof pg->name, "%s", name);
    return pg;
}

void pg_destroy(struct pg *pg)
{
    if (!pg)
        return;
    pg_disconnect(pg);
    free(pg);
}

void pg_destroyp(struct pg **pg)
{
    pg_destroy(*pg);
    *pg = NULL;
}

uint64_t pg_statements(const struct pg *pg)
{
    return pg->statements;
}

int64_t pg_opened_ms(const struct pg *pg)
{
    return pg->opened_ms;
}

void pg_watch(struct pg *pg, const atomic_bool *is_cancelled)
{
    pg->is_cancelled = is_cancelled;
}

void pg_set_patient(struct pg *pg, bool is_patient)
{
    pg->is_patient = is_patient;
}

void pg_count_statements(struct pg *pg, unsigned n)
{
    pg->statements += n;
}

PGconn *pg_handle(struct pg *pg)
{
    CHECK(pg->connection);
    return pg->connection;
}

void pg_result_clearp(PGresult **r)
{
    PQclear(*r);
    *r = NULL;
}

struct str pg_text_at(const PGresult *r, int row, int column)
{
    return (struct str){PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column)};
}

int64_t pg_int_at(const PGresult *r, int row, int column)
{
    int64_t value = 0;
    (void)str_to_int(pg_text_at(r, row, column), &value);
    return value;
}

// --- errors

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// What another attempt may cure: others in the way (serialization, deadlock, locks), a server that stops, starts, or is
// a standby now, connections, resources, a commit of unknown outcome.
static bool sqlstate_is_away(const char *state)
{
    static const char *const prefixes[] = {
        SERIALIZATION_FAILURE, DEADLOCK, "40003", "55P03", "57P01", "57P02", "57P03", STANDBY, "08", "53"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (starts_with(state, prefixes[i]))
            return true;
    return false;
}

struct str pg_first_line(const char *message)
{
    struct str line = {message, strcspn(message, "\n")};
    return str_trim(line);
}

static const char *remedy_of(const char *state)
{
    static const struct {
        const char *state, *remedy;
    } REMEDIES[] = {
        {"57014", "; pg.timeout_ms is how long a statement may take"},
        {"42501",
         "; config/postgres-role.sql grants workers and web apps what they need, the tables' owner applies the "
         "schema"},
        {"42P01", SCHEMA_REMEDY}, // no such table
        {"42703", SCHEMA_REMEDY}, // no such column
    };
    for (size_t i = 0; i < ARRAY_LEN(REMEDIES); i++)
        if (strcmp(state, REMEDIES[i].state) == 0)
            return REMEDIES[i].remedy;
    return "";
}

static bool fail_by_state(struct pg *pg, const PGresult *result, const char *state, const char *what, struct err *e)
{
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    (void)snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", state);
    bool is_away = sqlstate_is_away(state);
    pg->is_spent = pg->is_spent || is_away; // another server may have taken over, or have room
    return err_set(e, is_away ? ERR_PG_AWAY : ERR_PG, "%s: %s (SQLSTATE %s)%s", what, primary ? primary : "no message",
                   state, remedy_of(state));
}

bool pg_fail(struct pg *pg, const PGresult *result, const char *what, struct err *e)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    bool is_broken = PQstatus(pg->connection) != CONNECTION_OK;
    if (pg->has_cancelled)
        return err_set(e, ERR_CANCELLED, "%s: cancelled", what);
    if (state && !is_broken)
        return fail_by_state(pg, result, state, what, e);
    struct str line = pg_first_line(result && *PQresultErrorMessage(result) ? PQresultErrorMessage(result)
                                                                            : PQerrorMessage(pg->connection));
    return err_set(e, is_broken ? ERR_PG_AWAY : ERR_PG, "%s: " STR_FMT, what, STR_ARG(line));
}

// --- statements

void pg_drain(struct pg *pg)
{
    struct err e;
    PGresult *result;
    char *bytes;
    while (pg_next_result(pg, "emptying the connection", &result, &e) && result) {
        ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        while (status == PGRES_COPY_OUT && pg_next_copy(pg, "emptying the connection", &bytes, &e) > 0)
            PQfreemem(bytes);
    }
}

static bool result_is_good(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

// The last result of what was sent, or the one that tells what went wrong.
static bool take_all(struct pg *pg, const char *what, PGresult **out, struct err *e)
{
    PGresult *next = NULL;
    do {
        if (!pg_next_result(pg, what, &next, e))
            return false;
        if (!next || (*out && !result_is_good(*out))) {
            PQclear(next);
            continue;
        }
        PQclear(*out);
        *out = next;
    } while (next);
    return result_is_good(*out) || pg_fail(pg, *out, what, e);
}

static bool is_inside(const struct pg *pg) // of a transaction, which a new connection would lose
{
    PGTransactionStatusType status = pg->connection ? PQtransactionStatus(pg->connection) : PQTRANS_UNKNOWN;
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

bool pg_exec(struct pg *pg, const char *sql, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *result = NULL;
    if (!is_inside(pg) && !pg_connect(pg, e))
        return false;
    pg->statements++;
    if (!pg_may_send(pg, "PostgreSQL", e))
        return false;
    return (PQsendQuery(pg->connection, sql) || pg_fail(pg, NULL, "PostgreSQL", e)) &&
           take_all(pg, "PostgreSQL", &result, e);
}

bool pg_query(struct pg *pg, const char *what, const char *sql, int n, const char *const *values, PGresult **out,
              struct err *e)
{
    AUTO(pg_result_clearp) PGresult *result = NULL;
    pg->statements++;
    if (!pg_may_send(pg, what, e))
        return false;
    if (!PQsendQueryParams(pg_handle(pg), sql, n, NULL, values, NULL, NULL, 0))
        return pg_fail(pg, NULL, what, e);
    if (!take_all(pg, what, &result, e))
        return false;
    if (out) {
        *out = result;
        result = NULL;
    }
    return true;
}

// --- transactions

bool pg_begin(struct pg *pg, struct err *e)
{
    return pg_connect(pg, e) &&
           pg_query(pg, "beginning a transaction", "BEGIN ISOLATION LEVEL READ COMMITTED", 0, NULL, NULL, e);
}

static bool send_commit(struct pg *pg, PGresult **result, struct err *e)
{
    pg->is_committing = true;
    bool is_good = pg_query(pg, "committing", "COMMIT", 0, NULL, result, e);
    pg->is_committing = false;
    return is_good;
}

bool pg_commit(struct pg *pg, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *result = NULL;
    if (!pg_may_send(pg, "committing", e) || !send_commit(pg, &result, e))
        return false;
    // COMMIT of a failed transaction "succeeds" as a ROLLBACK.
    return strcmp(PQcmdStatus(result), "COMMIT") == 0 || err_set(e, ERR_PG, "committing: the transaction had failed");
}

// In the middle of a statement (a COPY that its reader has had enough of), and after a cancellation, the connection's
// end is the shortest way.
void pg_rollback(struct pg *pg)
{
    struct err e;
    if (!pg->connection || PQtransactionStatus(pg->connection) == PQTRANS_IDLE)
        return;
    bool is_worth_saying = !pg->is_spent && is_inside(pg) && !pg_is_called_off(pg);
    if (is_worth_saying && pg_query(pg, "rolling back", "ROLLBACK", 0, NULL, NULL, &e))
        return;
    pg_disconnect(pg);
}

bool pg_retry(struct pg *pg, bool (*once)(void *context, struct pg *pg, struct err *e), void *context, struct err *e)
{
    for (unsigned i = 1;; i++) {
        pg->sqlstate[0] = '\0';
        if (once(context, pg, e))
            return true;
        bool is_conflict = e->kind == ERR_PG_AWAY &&
                           (starts_with(pg->sqlstate, SERIALIZATION_FAILURE) || starts_with(pg->sqlstate, DEADLOCK));
        if (!is_conflict || i == RETRIES_MAX || pg_is_called_off(pg))
            return false;
        const struct timespec pause = {0, (1 + random() % (RETRY_MS << i)) * 1000000L};
        LOG(LOG_DEBUG, "others were in the way: once more", LOG_S("error", e->message), LOG_I("try", i));
        (void)nanosleep(&pause, NULL);
    }
}

bool pg_put_literal(struct pg *pg, struct buf *sql, struct str text, struct err *e)
{
    char *literal = str_is_utf8(text) ? PQescapeLiteral(pg_handle(pg), text.ptr, text.len) : NULL;
    if (!literal)
        return err_set(e, ERR_INPUT, "a name that is not UTF-8");
    buf_puts(sql, literal);
    PQfreemem(literal);
    return true;
}

bool pg_is_uuid(struct str text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text.ptr[i] != '-' : !isxdigit((unsigned char)text.ptr[i]))
            return false;
    }
    return true;
}
