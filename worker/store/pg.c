#include "worker/store/pg_internal.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/log.h"
#include "common/secret.h"

struct pg {
    PGconn *connection; // NULL: not connected yet
    const struct settings *settings;
    char name[64];
    uint64_t statements;
};

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
    PQfinish(pg->connection);
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

// --- errors

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// What another attempt may cure: serialization, deadlock, lock timeout, shutdown, connection, resources.
static bool sqlstate_is_away(const char *state)
{
    static const char *const prefixes[] = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "08", "53"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (starts_with(state, prefixes[i]))
            return true;
    return false;
}

static struct str first_line(const char *message)
{
    struct str line = {message, strcspn(message, "\n")};
    return str_trim(line);
}

bool pg_fail(struct pg *pg, const PGresult *result, const char *what, struct err *e)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    bool is_broken = PQstatus(pg->connection) != CONNECTION_OK;
    if (state && !is_broken) {
        const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        return err_set(e, sqlstate_is_away(state) ? ERR_PG_AWAY : ERR_PG, "%s: %s (SQLSTATE %s)", what,
                       primary ? primary : "no message", state);
    }
    struct str line = first_line(result && *PQresultErrorMessage(result) ? PQresultErrorMessage(result)
                                                                         : PQerrorMessage(pg->connection));
    return err_set(e, is_broken ? ERR_PG_AWAY : ERR_PG, "%s: " STR_FMT, what, STR_ARG(line));
}

// --- connecting

static void on_notice(void *context, const PGresult *result)
{
    (void)context;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    LOG(LOG_DEBUG, "postgres notice", LOG_S("notice", text ? text : ""));
}

struct connect_words {
    const char *keys[24], *values[24];
    size_t n;
    char password[CONFIG_TEXT_MAX], options[CONFIG_TEXT_MAX], timeout_ms[24];
};

static void add_word(struct connect_words *w, const char *key, const char *value)
{
    CHECK(w->n + 1 < ARRAY_LEN(w->keys));
    w->keys[w->n] = key;
    w->values[w->n++] = value;
}

// The options that pg.url or PGOPTIONS bring themselves: ours go before them, so that theirs win.
static bool own_options(const char *url, char *out, size_t size, struct err *e)
{
    const char *from_environment = getenv("PGOPTIONS");
    (void)snprintf(out, size, "%s", from_environment ? from_environment : "");
    if (!*url)
        return true;
    char *message = NULL;
    PQconninfoOption *parsed = PQconninfoParse(url, &message);
    PQfreemem(message); // it quotes the text, which may hold a password
    if (!parsed)
        return err_set(e, ERR_CONFIG,
                       "pg.url is not a connection string: postgresql://user@host:port/database, or "
                       "host=... dbname=...; special characters in a URL are percent-encoded");
    for (const PQconninfoOption *o = parsed; o->keyword; o++)
        if (o->val && strcmp(o->keyword, "options") == 0)
            (void)snprintf(out, size, "%s", o->val);
    PQconninfoFree(parsed);
    return true;
}

#define SESSION_ISOLATION "default_transaction_isolation=repeatable\\ read"

static bool make_words(const struct pg *pg, bool with_options, struct connect_words *w, struct err *e)
{
    const struct settings *s = pg->settings;
    char theirs[CONFIG_TEXT_MAX];
    *w = (struct connect_words){0};
    if (!own_options(s->pg_url, theirs, sizeof theirs, e))
        return false;
    (void)snprintf(w->timeout_ms, sizeof w->timeout_ms, "%lld", (long long)s->pg_timeout_ms);
    add_word(w, "connect_timeout", "10"); // before dbname, so that pg.url may say otherwise
    add_word(w, "keepalives_idle", "30");
    add_word(w, "keepalives_interval", "10");
    add_word(w, "keepalives_count", "3");
    add_word(w, "tcp_user_timeout", w->timeout_ms);
    add_word(w, "dbname", s->pg_url);
    add_word(w, "application_name", pg->name);
    add_word(w, "client_encoding", "UTF8");
    int len = snprintf(w->options, sizeof w->options, "-c " SESSION_ISOLATION " -c statement_timeout=%s %s",
                       w->timeout_ms, theirs);
    if (len >= (int)sizeof w->options)
        return err_set(e, ERR_CONFIG, "the options of pg.url or PGOPTIONS are longer than %zu bytes",
                       sizeof w->options);
    if (with_options)
        add_word(w, "options", w->options);
    if (*s->pg_password_file &&
        !secret_read("pg.password_file", s->pg_password_file, w->password, sizeof w->password, e))
        return false;
    if (*w->password)
        add_word(w, "password", w->password);
    return true;
}

// libpq's messages name host, user and database but no password; except where an '@' in one split the URL too early.
static bool fail_to_connect(struct pg *pg, struct err *e)
{
    const char *host = PQhost(pg->connection);
    if (host && strchr(host, '@'))
        return err_set(e, ERR_CONFIG, "pg.url: the host has an '@' in it; percent-encode it in the password (%%40)");
    struct str line = first_line(PQerrorMessage(pg->connection));
    return err_set(e, ERR_PG_AWAY, "connecting to PostgreSQL: " STR_FMT, STR_ARG(line));
}

static bool open_connection(struct pg *pg, bool with_options, struct err *e)
{
    struct connect_words words;
    if (!make_words(pg, with_options, &words, e))
        return false;
    PQfinish(pg->connection);
    pg->connection = PQconnectdbParams(words.keys, words.values, 1);
    explicit_bzero(&words, sizeof words);
    CHECK(pg->connection);
    PQsetNoticeReceiver(pg->connection, on_notice, NULL);
    return PQstatus(pg->connection) == CONNECTION_OK || fail_to_connect(pg, e);
}

// Poolers refuse `options` ("unsupported startup parameter"): the same by SET, once connected.
static bool open_without_options(struct pg *pg, struct err *e)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql,
                   "SET default_transaction_isolation = 'repeatable read'; SET statement_timeout = %lld",
                   (long long)pg->settings->pg_timeout_ms);
    return open_connection(pg, false, e) && pg_exec(pg, sql, e);
}

static bool connection_is_usable(const struct pg *pg)
{
    if (!pg->connection || PQstatus(pg->connection) != CONNECTION_OK)
        return false;
    if (PQtransactionStatus(pg->connection) != PQTRANS_IDLE)
        return false;
    // A server that went away in the meantime has said so and closed its end: both can be read, and cost no round trip.
    struct pollfd readable = {.fd = PQsocket(pg->connection), .events = POLLIN};
    for (int i = 0; i < 8 && poll(&readable, 1, 0) > 0; i++)
        if (!PQconsumeInput(pg->connection) || PQstatus(pg->connection) != CONNECTION_OK)
            return false;
    return true;
}

bool pg_connect(struct pg *pg, struct err *e)
{
    if (connection_is_usable(pg) || open_connection(pg, true, e))
        return true;
    if (!pg->connection || !strstr(PQerrorMessage(pg->connection), "unsupported startup parameter"))
        return false;
    return open_without_options(pg, e);
}

// --- statements

static void drain_copy_out(PGconn *c)
{
    char *bytes;
    while (PQgetCopyData(c, &bytes, 0) > 0)
        PQfreemem(bytes);
}

// Everything that is still to come of the statement at hand.
static void drain(PGconn *c)
{
    PGresult *result;
    while ((result = PQgetResult(c)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        if (status == PGRES_COPY_OUT)
            drain_copy_out(c);
        else if (status == PGRES_COPY_IN && PQputCopyEnd(c, "given up") < 0)
            return;
        if (PQstatus(c) != CONNECTION_OK)
            return;
    }
}

void pg_drain(struct pg *pg)
{
    drain_copy_out(pg->connection); // where a COPY's rows are being read; else it gives -1 or -2 at once
    drain(pg->connection);
}

void pg_cancel_and_drain(struct pg *pg)
{
    PGcancel *cancel = PQgetCancel(pg->connection);
    char message[256];
    if (cancel && !PQcancel(cancel, message, sizeof message))
        LOG(LOG_WARN, "cancelling a statement failed", LOG_S("reason", message));
    PQfreeCancel(cancel);
    pg_drain(pg);
}

static bool result_is_good(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

bool pg_exec(struct pg *pg, const char *sql, struct err *e)
{
    PGTransactionStatusType status = pg->connection ? PQtransactionStatus(pg->connection) : PQTRANS_UNKNOWN;
    bool is_inside =
        status == PQTRANS_INTRANS || status == PQTRANS_INERROR; // a new connection would lose what it is in
    if (!is_inside && !pg_connect(pg, e))
        return false;
    pg->statements++;
    AUTO(pg_result_clearp) PGresult *result = PQexec(pg->connection, sql);
    return result_is_good(result) || pg_fail(pg, result, "PostgreSQL", e);
}

bool pg_query(struct pg *pg, const char *what, const char *sql, int n, const char *const *values, PGresult **out,
              struct err *e)
{
    pg->statements++;
    AUTO(pg_result_clearp) PGresult *result = PQexecParams(pg_handle(pg), sql, n, NULL, values, NULL, NULL, 0);
    if (!result_is_good(result))
        return pg_fail(pg, result, what, e);
    if (out) {
        *out = result;
        result = NULL;
    }
    return true;
}

bool pg_begin(struct pg *pg, struct err *e)
{
    return pg_connect(pg, e) &&
           pg_query(pg, "beginning a transaction", "BEGIN ISOLATION LEVEL READ COMMITTED", 0, NULL, NULL, e);
}

bool pg_commit(struct pg *pg, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *result = NULL;
    if (!pg_query(pg, "committing", "COMMIT", 0, NULL, &result, e))
        return false;
    // COMMIT of a failed transaction "succeeds" as a ROLLBACK.
    return strcmp(PQcmdStatus(result), "COMMIT") == 0 || err_set(e, ERR_PG, "committing: the transaction had failed");
}

void pg_rollback(struct pg *pg)
{
    if (!pg->connection || PQstatus(pg->connection) != CONNECTION_OK)
        return;
    if (PQtransactionStatus(pg->connection) == PQTRANS_ACTIVE) {
        (void)PQputCopyEnd(pg->connection, "given up");
        drain(pg->connection);
    }
    struct err e;
    if (!pg_query(pg, "rolling back", "ROLLBACK", 0, NULL, NULL, &e))
        LOG(LOG_WARN, "rollback failed", LOG_S("reason", e.message));
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
