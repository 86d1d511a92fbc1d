// The language model of the run, and what must hold of the copy that workers write by it. Which bundles got their copy
// from where is chance: it is no part of the comparison with an undisturbed run, which is one without a model.
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/check.h"
#include "tests/chaos/chaos.h"

enum { MODEL_ANSWER_S = 30 };

// ---- the model ----

void copy_model_start(struct chaos *c)
{
    char program[PATH_BYTES], log[PATH_BYTES], seed[32];
    (void)snprintf(program, sizeof program, "%s/model_server", c->options.bin);
    (void)snprintf(log, sizeof log, "%s/model.log", c->options.dir);
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)c->options.seed);
    const char *const argv[] = {program, "--key", MODEL_KEY, "--seed", seed, "--latency", "20-200", NULL};
    int output;
    c->model_pid = process_start(argv, NULL, log, NULL, &output);
    c->model_port = process_port(output, log);
    (void)close(output); // it says no more than that
}

void copy_model_stop(struct chaos *c)
{
    (void)kill(c->model_pid, SIGTERM);
    int status = process_wait(c->model_pid);
    if (status != 0)
        violation(c, "the model server ended with status 0x%x: see model.log", (unsigned)status);
}

void copy_model_behave(struct chaos *c, const char *json)
{
    char text[1024];
    const struct timeval limit = {.tv_sec = MODEL_ANSWER_S};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->model_port)};
    int len =
        snprintf(text, sizeof text, "PUT /behaviour HTTP/1.1\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(json), json);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && len < (int)sizeof text && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    bool is_sent = connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 && write(fd, text, (size_t)len) == len;
    ssize_t got = is_sent ? recv(fd, text, sizeof text - 1, MSG_WAITALL) : -1;
    (void)close(fd);
    text[got > 0 ? got : 0] = '\0';
    if (!strstr(text, " 200 "))
        fatal("the model server does not do what it is told (%s): %s", json, text);
}

// ---- what must hold ----

// Copy is sound that has all fields within their lengths and says where it is from, and why it is no better; template
// copy is that of the undisturbed run. The job's metrics count it so.
void copy_prepare(struct chaos *c)
{
    static const char *const SQL[] = {
        "CREATE TABLE chaos.templates (id uuid, copy jsonb)",
        "CREATE FUNCTION chaos.are_lines(jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT count(*) BETWEEN 1 AND 8 AND "
        "bool_and(length(line) BETWEEN 1 AND 120) FROM jsonb_array_elements_text($1) line $$",
        "CREATE FUNCTION chaos.is_sound(uuid, jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT "
        "length($2->>'title') BETWEEN 1 AND 60 AND length($2->>'description') BETWEEN 1 AND 200 AND "
        "length($2->>'value_proposition') BETWEEN 1 AND 150 AND chaos.are_lines($2->'features') AND "
        "chaos.are_lines($2->'benefits') AND CASE $2->>'source' "
        "WHEN 'template' THEN length($2->>'reason') > 0 AND NOT $2 ? 'key' AND EXISTS (SELECT FROM chaos.templates t "
        "WHERE t.id = $1 AND t.copy = $2 - 'reason') "
        "WHEN 'model' THEN length($2->>'key') = 32 AND NOT $2 ? 'reason' "
        "WHEN 'cache' THEN length($2->>'key') = 32 AND NOT $2 ? 'reason' END $$",
        "CREATE FUNCTION chaos.unsound(uuid) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM "
        "bundle_recommendations WHERE csv_upload_id = $1 AND status = 'final' AND chaos.is_sound(id, ai_copy) IS NOT "
        "TRUE $$",
        "CREATE FUNCTION chaos.sources(uuid) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object("
        "'model', count(*) FILTER (WHERE ai_copy->>'source' = 'model'), "
        "'cache', count(*) FILTER (WHERE ai_copy->>'source' = 'cache'), "
        "'template', count(*) FILTER (WHERE ai_copy->>'source' = 'template')) "
        "FROM bundle_recommendations WHERE csv_upload_id = $1 AND status = 'final' $$"};
    for (size_t i = 0; i < ARRAY_LEN(SQL); i++)
        PQclear(pg_ask(&c->servers, SQL[i], 0, NULL));
}

void copy_keep_templates(struct chaos *c, const struct upload *u)
{
    static const char ROWS[] =
        "INSERT INTO chaos.templates SELECT id, ai_copy - 'reason' FROM bundle_recommendations WHERE csv_upload_id = "
        "$1::uuid AND status = 'final' AND ai_copy->>'source' = 'template'";
    const char *const values[] = {u->id};
    PGresult *r = pg_ask(&c->servers, ROWS, 1, values);
    if (!r)
        fatal("PostgreSQL does not answer before anything is disturbed");
    PQclear(r);
}

bool copy_is_sound(struct chaos *c, const struct upload *u, bool *is_away, char why[256])
{
    static const char ASKED[] =
        "SELECT chaos.unsound(id), chaos.sources(id), bundle_generation_metrics->'copy'->'bundles', "
        "chaos.sources(id) = bundle_generation_metrics->'copy'->'bundles' FROM csv_uploads WHERE "
        "id = $1::uuid";
    const char *const values[] = {u->id};
    PGresult *r = pg_ask(&c->servers, ASKED, 1, values);
    *is_away = !r;
    if (!r)
        return false;
    bool is_sound = PQntuples(r) == 1 && strcmp(PQgetvalue(r, 0, 0), "0") == 0 && strcmp(PQgetvalue(r, 0, 3), "t") == 0;
    (void)snprintf(why, 256, "the copy of %s bundles is not sound; they have %s, the metrics say %s",
                   PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 2));
    PQclear(r);
    return is_sound;
}

// Of the bundles that the upload has now. PostgreSQL away: they are not counted.
void copy_count(struct chaos *c, const struct upload *u)
{
    static const char ASKED[] = "SELECT s->>'model', s->>'cache', s->>'template' FROM chaos.sources($1::uuid) s";
    const char *const values[] = {u->id};
    PGresult *r = pg_ask(&c->servers, ASKED, 1, values);
    long *const counts[] = {&c->copies.model, &c->copies.cache, &c->copies.template};
    for (int i = 0; r && i < (int)ARRAY_LEN(counts); i++)
        *counts[i] += strtol(PQgetvalue(r, 0, i), NULL, 10);
    PQclear(r);
}
