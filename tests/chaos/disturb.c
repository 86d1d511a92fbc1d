#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "tests/chaos/chaos.h"

// ---- workers ----

static void freeze(struct chaos *c)
{
    workers_freeze_one(c, c->options.lease_ms * between(c, 110, 250) / 100);
}

static void blink(struct chaos *c)
{
    workers_freeze_one(c, c->options.lease_ms * between(c, 5, 50) / 100);
}

// ---- Redis ----

static void note_redis_crash(struct chaos *c)
{
    if (c->n_redis_crashes == CRASHES_MAX)
        fatal("more than %d crashes of Redis: shorten the run, or raise CRASHES_MAX", CRASHES_MAX);
    c->redis_crashes_ms[c->n_redis_crashes++] = clock_wall_ms();
}

static void crash_redis(struct chaos *c)
{
    redis_crash(&c->servers);
    note_redis_crash(c);
}

static void restart_redis(struct chaos *c)
{
    redis_start(&c->servers);
    servers_wait_ready(&c->servers);
}

// As after the loss of its disk. PostgreSQL still knows what was asked for.
static void empty_redis(struct chaos *c)
{
    redisReply *reply = redis_ask(&c->servers, "FLUSHALL");
    if (reply)
        note_redis_crash(c);
    freeReplyObject(reply);
}

static void freeze_redis(struct chaos *c)
{
    (void)kill(c->servers.redis_pid, SIGSTOP);
    c->servers.is_redis_frozen = true;
}

static void thaw_redis(struct chaos *c)
{
    (void)kill(c->servers.redis_pid, SIGCONT);
    c->servers.is_redis_frozen = false;
}

static void forget_scripts(struct chaos *c)
{
    freeReplyObject(redis_ask(&c->servers, "SCRIPT FLUSH"));
}

static void kill_clients(struct chaos *c)
{
    freeReplyObject(redis_ask(&c->servers, "CLIENT KILL TYPE normal SKIPME yes"));
}

static void fill_memory(struct chaos *c)
{
    freeReplyObject(redis_ask(&c->servers, "CONFIG SET maxmemory 1mb maxmemory-policy noeviction"));
}

static void free_memory(struct chaos *c)
{
    freeReplyObject(redis_ask(&c->servers, "CONFIG SET maxmemory 0"));
}

// A replica of nobody: it answers READONLY, as a master does after a failover.
static void demote(struct chaos *c)
{
    freeReplyObject(redis_ask(&c->servers, "REPLICAOF 127.0.0.1 1"));
}

static void promote(struct chaos *c)
{
    freeReplyObject(redis_ask(&c->servers, "REPLICAOF NO ONE"));
}

// ---- PostgreSQL ----

static void crash_pg(struct chaos *c)
{
    pg_crash(&c->servers);
}

static void restart_pg(struct chaos *c)
{
    pg_start(&c->servers);
    servers_wait_ready(&c->servers);
}

static void end_backends(struct chaos *c)
{
    PQclear(
        pg_ask(&c->servers,
               "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'bundle-worker%'", 0,
               NULL));
}

// ---- networks ----

#define NETWORK(name, proxy, ...)                                                                                      \
    static void name(struct chaos *c)                                                                                  \
    {                                                                                                                  \
        proxy_tell(&c->servers.proxy, __VA_ARGS__);                                                                    \
    }
NETWORK(redis_drop, redis_proxy, "drop")
NETWORK(redis_reset, redis_proxy, "reset")
NETWORK(redis_hold, redis_proxy, "hold")
NETWORK(redis_mute, redis_proxy, "mute")
NETWORK(redis_refuse, redis_proxy, "refuse")
NETWORK(redis_pass, redis_proxy, "pass")
NETWORK(redis_slow, redis_proxy, "delay %d", (int)between(c, 1, 40))
NETWORK(redis_fast, redis_proxy, "delay 0")
NETWORK(pg_drop, pg_proxy, "drop")
NETWORK(pg_reset, pg_proxy, "reset")
NETWORK(pg_hold, pg_proxy, "hold")
NETWORK(pg_mute, pg_proxy, "mute")
NETWORK(pg_refuse, pg_proxy, "refuse")
NETWORK(pg_pass, pg_proxy, "pass")

// ---- the language model: what it does to a part of the requests; workers leave it alone for a while when it is all
// ----

#define MODEL(name, fault)                                                                                             \
    static void name(struct chaos *c)                                                                                  \
    {                                                                                                                  \
        copy_model_behave(c, "{\"faults\":[{" fault "}]}");                                                            \
    }
MODEL(model_limit, "\"do\":\"status_429\",\"p\":0.5,\"retry_after\":\"1\"")
MODEL(model_error, "\"do\":\"status_500\",\"p\":0.5")
MODEL(model_reset, "\"do\":\"reset\",\"p\":0.5")
MODEL(model_mute, "\"do\":\"timeout\",\"p\":0.5")
MODEL(model_spoil, "\"do\":\"missing_ids\",\"p\":0.5")

static void model_heal(struct chaos *c)
{
    copy_model_behave(c, "{\"faults\":[]}");
}

// ---- the table ----

struct disturbance {
    const char *name;
    int weight;
    void (*begin)(struct chaos *c), (*end)(struct chaos *c); // end NULL: it is over at once
    int low_ms, high_ms;                                     // how long it lasts
    bool is_of_servers; // of all workers at once: recovery figures say nothing then
};

static const struct disturbance TABLE[] = {
    {"worker armed with a point", 24, workers_replace_one, NULL, 0, 0, false},
    {"worker killed", 10, workers_kill_one, NULL, 0, 0, false},
    {"worker frozen past its lease", 5, freeze, NULL, 0, 0, false},
    {"worker frozen for a moment", 4, blink, NULL, 0, 0, false},
    {"hostile message", 5, jobs_push_garbage, NULL, 0, 0, false},
    {"Redis killed, restarted from AOF", 2, crash_redis, restart_redis, 100, 3000, true},
    {"Redis emptied", 2, empty_redis, NULL, 0, 0, true},
    {"Redis frozen", 2, freeze_redis, thaw_redis, 200, 3000, true},
    {"Redis out of memory", 2, fill_memory, free_memory, 200, 1500, true},
    {"Redis read-only", 2, demote, promote, 100, 1000, true},
    {"scripts flushed", 3, forget_scripts, NULL, 0, 0, false},
    {"clients killed", 2, kill_clients, NULL, 0, 0, true},
    {"PostgreSQL restarted (immediate)", 2, crash_pg, restart_pg, 100, 3000, true},
    {"PostgreSQL backends ended", 2, end_backends, NULL, 0, 0, true},
    {"Redis network: dropped", 2, redis_drop, NULL, 0, 0, true},
    {"Redis network: reset", 2, redis_reset, NULL, 0, 0, true},
    {"Redis network: held", 2, redis_hold, redis_pass, 200, 4000, true},
    {"Redis network: answers lost", 2, redis_mute, redis_pass, 50, 1000, true},
    {"Redis network: refused", 1, redis_refuse, redis_pass, 100, 2000, true},
    {"Redis network: slow", 2, redis_slow, redis_fast, 500, 3000, true},
    {"PostgreSQL network: dropped", 1, pg_drop, NULL, 0, 0, true},
    {"PostgreSQL network: reset", 1, pg_reset, NULL, 0, 0, true},
    {"PostgreSQL network: held", 1, pg_hold, pg_pass, 200, 2000, true},
    {"PostgreSQL network: answers lost", 1, pg_mute, pg_pass, 50, 1000, true},
    {"PostgreSQL network: refused", 1, pg_refuse, pg_pass, 100, 2000, true},
    {"model: too many requests", 1, model_limit, model_heal, 200, 2000, true},
    {"model: errors", 1, model_error, model_heal, 200, 2000, true},
    {"model: connections reset", 1, model_reset, model_heal, 200, 2000, true},
    {"model: never answers", 1, model_mute, model_heal, 200, 2000, true},
    {"model: bundles left out", 1, model_spoil, model_heal, 200, 2000, true},
};

static struct tally tallies[ARRAY_LEN(TABLE)];
static const struct disturbance *current; // that lasts; one at a time
static int64_t current_ends_ms, next_ms;

static const struct disturbance *choose(struct chaos *c)
{
    int total = 0;
    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++)
        total += TABLE[i].weight;
    int at = (int)between(c, 0, total - 1);
    size_t i = 0;
    while (at >= TABLE[i].weight)
        at -= TABLE[i++].weight;
    return &TABLE[i];
}

// Waiting times of what comes by chance are exponential.
static int64_t next_pause_ms(struct chaos *c)
{
    return (int64_t)(-log(1 - random_unit(&c->random)) * c->options.pace_ms);
}

static void begin(struct chaos *c, const struct disturbance *d)
{
    if (d->is_of_servers && (current || c->options.is_calm))
        return;
    tallies[d - TABLE].n++;
    if (d->is_of_servers) {
        c->is_disturbed = d->end != NULL;
        workers_spoil_recoveries(c);
    }
    d->begin(c);
    if (d->end) {
        current = d;
        current_ends_ms = clock_mono_ms() + between(c, d->low_ms, d->high_ms);
    }
}

// Some points are hardly ever passed unless something is done for it.
static bool provoke(struct chaos *c)
{
    static const struct {
        const char *point;
        void (*begin)(struct chaos *c);
        double chance;
    } HELP[] = {
        {"reject.", jobs_push_garbage, 0.3}, {"cancel.", jobs_push_garbage, 0.3}, {"reconcile.", empty_redis, 0.1}};
    for (size_t i = 0; i < ARRAY_LEN(HELP); i++) {
        const struct disturbance *d = TABLE;
        if (!workers_are_armed_with(c, HELP[i].point) || !chance(c, HELP[i].chance))
            continue;
        while (d->begin != HELP[i].begin)
            d++;
        begin(c, d);
        return true;
    }
    return false;
}

void disturb_heal(struct chaos *c)
{
    if (current)
        current->end(c);
    current = NULL;
    c->is_disturbed = false;
    workers_spoil_recoveries(c);
}

void disturb_tick(struct chaos *c)
{
    int64_t now_ms = clock_mono_ms();
    if (current && now_ms >= current_ends_ms)
        disturb_heal(c);
    if (now_ms < next_ms)
        return;
    next_ms = now_ms + next_pause_ms(c);
    if (!provoke(c))
        begin(c, choose(c));
}

void disturb_tallies(const struct chaos *c, const struct tally **out, int *n)
{
    (void)c;
    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++)
        tallies[i].name = TABLE[i].name;
    *out = tallies;
    *n = (int)ARRAY_LEN(TABLE);
}
