#include "common/arena.h"
#include "common/check.h"
#include "worker/store/pg_connection.h"

// Type ids of PostgreSQL's catalogue (pg_type.dat), fixed for good.
enum {
    OID_INT8 = 20,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
    OID_TEXT_ARRAY = 1009,
    OID_INT8_ARRAY = 1016,
    OID_FLOAT8_ARRAY = 1022
};

static void add(struct pg_params *p, Oid type, int format, const char *value, size_t len)
{
    CHECK(p->n < PG_PARAMS_MAX && len <= INT32_MAX);
    p->types[p->n] = type;
    p->formats[p->n] = format;
    p->values[p->n] = value;
    p->lengths[p->n++] = (int)len;
}

static struct str without_nul(struct str text, struct arena *memory)
{
    if (!text.len || !memchr(text.ptr, 0, text.len))
        return text;
    char *copy = arena_alloc(memory, text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i])
            copy[len++] = text.ptr[i];
    return (struct str){copy, len};
}

// JSON's \u0000, but not the text \\u0000 (an escaped backslash before "u0000").
static struct str without_escaped_nul(struct str json, struct arena *memory)
{
    json = without_nul(json, memory);
    if (!json.len || !memmem(json.ptr, json.len, "\\u0000", 6))
        return json;
    char *copy = arena_alloc(memory, json.len);
    size_t len = 0;
    for (size_t i = 0; i < json.len; i++) {
        bool is_escape = json.ptr[i] == '\\' && i + 1 < json.len;
        if (is_escape && json.len - i >= 6 && memcmp(json.ptr + i, "\\u0000", 6) == 0) {
            i += 5;
            continue;
        }
        copy[len++] = json.ptr[i];
        if (is_escape)
            copy[len++] = json.ptr[++i];
    }
    return (struct str){copy, len};
}

void pg_params_text(struct pg_params *p, struct str text)
{
    text = without_nul(text, p->memory);
    add(p, OID_TEXT, 1, text.len ? text.ptr : "", text.len);
}

void pg_params_json(struct pg_params *p, struct str json)
{
    json = without_escaped_nul(json, p->memory);
    add(p, OID_TEXT, 1, json.len ? json.ptr : "", json.len);
}

static char *put32(char *at, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (char)((v >> shift) & 0xff);
    return at;
}

static char *put64(char *at, uint64_t v)
{
    return put32(put32(at, (uint32_t)(v >> 32)), (uint32_t)(v & 0xffffffff));
}

void pg_params_int(struct pg_params *p, int64_t value)
{
    char *bytes = arena_alloc(p->memory, sizeof value);
    (void)put64(bytes, (uint64_t)value);
    add(p, OID_INT8, 1, bytes, sizeof value);
}

enum { ARRAY_HEAD_BYTES = 20 };

// int32 dimensions, has nulls, element type, length, lower bound.
static char *put_array_head(char *at, uint32_t element, size_t n)
{
    CHECK(n <= INT32_MAX);
    at = put32(at, 1);
    at = put32(at, 0);
    at = put32(at, element);
    at = put32(at, (uint32_t)n);
    return put32(at, 1);
}

static void add_text_array(struct pg_params *p, const struct str *texts, size_t n)
{
    size_t size = ARRAY_HEAD_BYTES;
    for (size_t i = 0; i < n; i++)
        size += 4 + texts[i].len;
    char *array = arena_alloc(p->memory, size);
    char *at = put_array_head(array, OID_TEXT, n);
    for (size_t i = 0; i < n; i++) {
        at = put32(at, (uint32_t)texts[i].len);
        if (texts[i].len)
            memcpy(at, texts[i].ptr, texts[i].len);
        at += texts[i].len;
    }
    add(p, OID_TEXT_ARRAY, 1, array, size);
}

void pg_params_text_array(struct pg_params *p, size_t n, struct str (*at)(const void *, size_t), const void *rows)
{
    struct str *texts = ARENA_ARRAY(p->memory, struct str, n);
    for (size_t i = 0; i < n; i++)
        texts[i] = without_nul(at(rows, i), p->memory);
    add_text_array(p, texts, n);
}

void pg_params_json_array(struct pg_params *p, size_t n, struct str (*at)(const void *, size_t), const void *rows)
{
    struct str *texts = ARENA_ARRAY(p->memory, struct str, n);
    for (size_t i = 0; i < n; i++)
        texts[i] = without_escaped_nul(at(rows, i), p->memory);
    add_text_array(p, texts, n);
}

void pg_params_real_array(struct pg_params *p, size_t n, double (*at)(const void *, size_t), const void *rows)
{
    size_t size = ARRAY_HEAD_BYTES + n * 12;
    char *array = arena_alloc(p->memory, size);
    char *to = put_array_head(array, OID_FLOAT8, n);
    for (size_t i = 0; i < n; i++) {
        double value = at(rows, i);
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        to = put64(put32(to, 8), bits);
    }
    add(p, OID_FLOAT8_ARRAY, 1, array, size);
}

void pg_params_int_array(struct pg_params *p, size_t n, int64_t (*at)(const void *, size_t), const void *rows)
{
    size_t size = ARRAY_HEAD_BYTES + n * 12;
    char *array = arena_alloc(p->memory, size);
    char *to = put_array_head(array, OID_INT8, n);
    for (size_t i = 0; i < n; i++)
        to = put64(put32(to, 8), (uint64_t)at(rows, i));
    add(p, OID_INT8_ARRAY, 1, array, size);
}

// --- the pipeline

static bool send_plain(struct pg *pg, const char *sql, struct err *e)
{
    pg_count_statements(pg, 1);
    return PQsendQueryParams(pg_handle(pg), sql, 0, NULL, NULL, NULL, NULL, 0) || pg_fail(pg, NULL, "sending", e);
}

// Results until the sync point; false: there is no such connection any more.
static bool drain_to_sync(struct pg *pg)
{
    struct err e;
    PGresult *result;
    while (pg_next_result(pg, "ending a pipeline", &result, &e)) {
        bool is_sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        PQclear(result);
        if (is_sync || PQstatus(pg_handle(pg)) != CONNECTION_OK)
            return is_sync;
    }
    return false;
}

// Afterwards the connection is out of pipeline mode and transaction, or gone.
static void leave(struct pg_pipeline *p, bool is_sync_sent)
{
    PGconn *c = pg_handle(p->pg);
    if ((is_sync_sent || PQpipelineSync(c)) && drain_to_sync(p->pg) && PQexitPipelineMode(c))
        pg_rollback(p->pg);
    else
        pg_disconnect(p->pg);
}

bool pg_pipeline_begin(struct pg_pipeline *p, struct pg *pg, struct err *e)
{
    if (!pg_connect(pg, e))
        return false;
    *p = (struct pg_pipeline){.pg = pg};
    if (!PQenterPipelineMode(pg_handle(pg)))
        return pg_fail(pg, NULL, "entering pipeline mode", e);
    if (send_plain(pg, "BEGIN ISOLATION LEVEL READ COMMITTED", e))
        return true;
    leave(p, false);
    return false;
}

bool pg_pipeline_add(struct pg_pipeline *p, const char *sql, const struct pg_params *params, struct err *e)
{
    pg_count_statements(p->pg, 1);
    if (PQsendQueryParams(pg_handle(p->pg), sql, params->n, params->types, params->values, params->lengths,
                          params->formats, 0)) {
        p->n++;
        return true;
    }
    (void)pg_fail(p->pg, NULL, "sending", e);
    leave(p, false);
    return false;
}

// The result of one statement and the NULL behind it. false: it failed, or one before it did.
static bool take_result(struct pg_pipeline *p, const char *what, PGresult **keep, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *result = NULL;
    AUTO(pg_result_clearp) PGresult *end = NULL;
    if (!pg_next_result(p->pg, what, &result, e))
        return false;
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        return pg_fail(p->pg, result, what, e);
    if (keep) {
        *keep = result;
        result = NULL;
    }
    return pg_next_result(p->pg, what, &end, e) && (end == NULL || pg_fail(p->pg, end, what, e));
}

bool pg_pipeline_end(struct pg_pipeline *p, const char *what, PGresult **results, unsigned n_results, struct err *e)
{
    PGconn *c = pg_handle(p->pg);
    for (unsigned i = 0; i < n_results; i++)
        results[i] = NULL;
    bool is_good = pg_may_send(p->pg, what, e) && send_plain(p->pg, "COMMIT", e);
    bool is_sync_sent = is_good && PQpipelineSync(c);
    if (is_good && !is_sync_sent)
        is_good = pg_fail(p->pg, NULL, what, e);
    for (unsigned i = 0; is_good && i < p->n + 2; i++) { // BEGIN, the statements, COMMIT
        bool is_wanted = i >= 1 && i - 1 < n_results && i - 1 < p->n;
        is_good = take_result(p, what, is_wanted ? &results[i - 1] : NULL, e);
    }
    leave(p, is_sync_sent);
    for (unsigned i = 0; !is_good && i < n_results; i++)
        pg_result_clearp(&results[i]);
    return is_good;
}
