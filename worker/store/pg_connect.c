// Connecting: what a session begins with, and how it comes back.

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "worker/store/pg_aside.h"
#include "worker/store/pg_connection.h"

enum { CONNECT_MS = 10000 };

static void on_notice(void *context, const PGresult *result)
{
    (void)context;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    LOG(LOG_DEBUG, "postgres notice", LOG_S("notice", text ? text : ""));
}

// Everything in here is a copy: the thread that connects may outlive whoever wanted it to.
struct connect_words {
    const char *keys[24], *values[24];
    size_t n;
    char url[CONFIG_TEXT_MAX], password[CONFIG_TEXT_MAX], options[CONFIG_TEXT_MAX], timeout_ms[24], name[64];
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
    (void)snprintf(w->url, sizeof w->url, "%s", s->pg_url);
    (void)snprintf(w->name, sizeof w->name, "%s", pg->name);
    add_word(w, "dbname", w->url);
    add_word(w, "application_name", w->name);
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
    struct str line = pg_first_line(PQerrorMessage(pg->connection));
    return err_set(e, ERR_PG_AWAY, "connecting to PostgreSQL: " STR_FMT, STR_ARG(line));
}

struct connecting {
    struct connect_words words;
    PGconn *connection;
};

static void connect_work(void *context)
{
    struct connecting *c = context;
    c->connection = PQconnectdbParams(c->words.keys, c->words.values, 1);
}

static void connecting_free(struct connecting *c)
{
    explicit_bzero(c, sizeof *c);
    free(c);
}

static void connect_undo(void *context)
{
    struct connecting *c = context;
    PQfinish(c->connection);
    connecting_free(c);
}

static bool await_connection(struct pg *pg, struct connecting *c, struct err *e)
{
    const struct aside_call call = {connect_work, connect_undo, c};
    int64_t limit_ms = pg->settings->pg_timeout_ms > CONNECT_MS ? pg->settings->pg_timeout_ms : CONNECT_MS;
    if (aside_run(&call, clock_mono_ms() + limit_ms, pg->is_cancelled)) {
        pg->connection = c->connection;
        connecting_free(c);
        return true;
    }
    if (pg_is_called_off(pg))
        return err_set(e, ERR_CANCELLED, "connecting to PostgreSQL: cancelled");
    return err_set(e, ERR_PG_AWAY, "connecting to PostgreSQL: no answer within %lld ms", (long long)limit_ms);
}

static bool open_connection(struct pg *pg, bool with_options, struct err *e)
{
    struct connecting *c = calloc(1, sizeof *c);
    CHECK(c);
    pg_disconnect(pg);
    if (!make_words(pg, with_options, &c->words, e)) {
        connecting_free(c);
        return false;
    }
    if (!await_connection(pg, c, e))
        return false;
    CHECK(pg->connection);
    PQsetNoticeReceiver(pg->connection, on_notice, NULL);
    if (PQstatus(pg->connection) != CONNECTION_OK)
        return fail_to_connect(pg, e);
    pg->opened_ms = clock_mono_ms();
    return PQsetnonblocking(pg->connection, 1) == 0 || pg_fail(pg, NULL, "connecting to PostgreSQL", e);
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
    if (!pg->connection || pg->is_spent || PQstatus(pg->connection) != CONNECTION_OK)
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
    if (pg_is_called_off(pg))
        return err_set(e, ERR_CANCELLED, "connecting to PostgreSQL: cancelled");
    if (connection_is_usable(pg) || open_connection(pg, true, e))
        return true;
    if (!pg->connection || !strstr(PQerrorMessage(pg->connection), "unsupported startup parameter"))
        return false;
    return open_without_options(pg, e);
}
