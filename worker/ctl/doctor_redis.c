#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "worker/ctl/doctor.h"

enum { MEMORY_WARN_PCT = 80, CLIENTS_WARN_PCT = 80 };

// ---- INFO ----

// The value of a line "name:value" of INFO's text, or "".
static struct str info(struct str text, const char *name)
{
    size_t len = strlen(name);
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct str line = {text.ptr, end ? (size_t)(end - text.ptr) : text.len};
        text = end ? (struct str){end + 1, text.len - line.len - 1} : (struct str){"", 0};
        if (line.len > len && line.ptr[len] == ':' && memcmp(line.ptr, name, len) == 0)
            return str_trim((struct str){line.ptr + len + 1, line.len - len - 1});
    }
    return STR("");
}

static int64_t info_int(struct str text, const char *name)
{
    int64_t value = 0;
    (void)str_to_int(info(text, name), &value);
    return value;
}

static void examine_version(struct doctor *d, struct str text)
{
    struct str valkey = info(text, "valkey_version"), version = info(text, "redis_version");
    long major = strtol(version.ptr, NULL, 10);
    const char *dot = memchr(version.ptr, '.', version.len);
    long minor = dot ? strtol(dot + 1, NULL, 10) : 0;
    bool is_good = major > 6 || (major == 6 && minor >= 2);
    const char *product = valkey.len ? "Valkey" : "Redis";
    struct str shown = valkey.len ? valkey : version;
    doctor_say(d, "redis", "version", is_good ? DOCTOR_OK : DOCTOR_FAIL, is_good ? "" : "Redis 6.2 or later, or Valkey",
               "%s " STR_FMT, product, STR_ARG(shown));
    if (str_eq(info(text, "redis_mode"), STR("cluster")))
        doctor_say(d, "redis", "mode", DOCTOR_FAIL, "use one Redis, or one that Sentinel watches",
                   "it runs as a cluster");
}

static void examine_memory(struct doctor *d, struct str text)
{
    struct str policy = info(text, "maxmemory_policy");
    int64_t used = info_int(text, "used_memory"), most = info_int(text, "maxmemory");
    bool is_good = str_eq(policy, STR("noeviction"));
    doctor_say(d, "redis", "maxmemory-policy",
               is_good ? DOCTOR_OK
               : most  ? DOCTOR_FAIL
                       : DOCTOR_WARN,
               is_good ? "" : "CONFIG SET maxmemory-policy noeviction, and in redis.conf", STR_FMT "%s",
               STR_ARG(policy), is_good ? "" : ": when memory is full, Redis throws parts of the queue away");
    if (most && used > most / 100 * MEMORY_WARN_PCT)
        doctor_say(d, "redis", "memory", used >= most ? DOCTOR_FAIL : DOCTOR_WARN,
                   "raise maxmemory, or lower cache.redis_ttl_s, queue.keep_s or queue.jobs_kept",
                   "%lld of %lld MiB in use: when it is full no new job is admitted", (long long)used >> 20,
                   (long long)most >> 20);
    else
        doctor_say(d, "redis", "memory", DOCTOR_OK, "", most ? "%lld of %lld MiB in use" : "%lld MiB in use, no limit",
                   (long long)used >> 20, (long long)most >> 20);
}

static void examine_persistence(struct doctor *d, struct str text)
{
    static const char *const STATES[] = {"rdb_last_bgsave_status", "aof_last_bgrewrite_status",
                                         "aof_last_write_status"};
    bool has_aof = info_int(text, "aof_enabled") == 1;
    doctor_say(d, "redis", "AOF", has_aof ? DOCTOR_OK : DOCTOR_WARN,
               has_aof ? "" : "CONFIG SET appendonly yes, and in redis.conf (appendfsync everysec)",
               has_aof ? "on"
                       : "off: when Redis is killed the queue is lost; uploads that are in PostgreSQL as requested "
                         "are enqueued again, others are not");
    for (size_t i = 0; i < ARRAY_LEN(STATES); i++) {
        struct str state = info(text, STATES[i]);
        if (state.len && !str_eq(state, STR("ok")))
            doctor_say(d, "redis", "persistence", DOCTOR_FAIL,
                       "look into Redis' log: is the disk full, are the rights of its directory as they should be?",
                       "%s is " STR_FMT ": what is queued may not survive a restart, and writes may be refused",
                       STATES[i], STR_ARG(state));
    }
}

static void examine_clients(struct doctor *d, struct str text)
{
    int64_t connected = info_int(text, "connected_clients"), most = info_int(text, "maxclients");
    bool is_full = most && connected > most / 100 * CLIENTS_WARN_PCT;
    doctor_say(d, "redis", "clients", is_full ? DOCTOR_WARN : DOCTOR_OK, is_full ? "raise maxclients" : "",
               "%lld connected, %lld of them waiting for work, at most %lld", (long long)connected,
               (long long)info_int(text, "blocked_clients"), (long long)most);
}

static void examine_info(struct doctor *d)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    const struct str words[] = {STR("INFO")};
    struct err e;
    if (!ctl_redis_ask(&d->redis, words, ARRAY_LEN(words), &reply, &e)) {
        bool is_refused = e.kind == ERR_CONFIG;
        doctor_say(d, "redis", "server", is_refused ? DOCTOR_WARN : DOCTOR_FAIL,
                   is_refused ? "run this once with a user who may call INFO (--set redis.url=...)" : "", "%s",
                   e.message);
        return;
    }
    struct str text = redis_reply_str(reply);
    examine_version(d, text);
    examine_memory(d, text);
    examine_persistence(d, text);
    examine_clients(d, text);
}

// ---- the clock ----

static void examine_clock(struct doctor *d)
{
    struct err e;
    int64_t there_ms, before_ms = clock_wall_ms();
    if (ctl_redis_now(&d->redis, &there_ms, &e))
        doctor_clock(d, "redis", there_ms - (before_ms + clock_wall_ms()) / 2);
    else
        doctor_say_error(d, "redis", "clock", "", &e);
}

// ---- rights ----

// What config/redis.acl grants, each tried on one text of our own: commands for another type answer WRONGTYPE and
// change nothing, and a user who may not call them is refused before that. K: the key.
static const char *const WORKERS_NEED[] = {"BLMOVE K K LEFT RIGHT 0.01",
                                           "BLPOP K 0.01",
                                           "DEL K:none",
                                           "EXISTS K",
                                           "EXPIRE K 10",
                                           "GET K",
                                           "GETEX K",
                                           "HDEL K f",
                                           "HEXISTS K f",
                                           "HGET K f",
                                           "HGETALL K",
                                           "HINCRBY K f 1",
                                           "HMGET K f",
                                           "HSET K f v",
                                           "HSETNX K f v",
                                           "INCR K",
                                           "LINDEX K 0",
                                           "LLEN K",
                                           "LMOVE K K LEFT RIGHT",
                                           "LPOP K",
                                           "LPOS K v",
                                           "LPUSH K v",
                                           "LREM K 0 v",
                                           "LSET K 0 v",
                                           "MGET K K",
                                           "PEXPIRE K 10000",
                                           "PTTL K",
                                           "RPUSH K v",
                                           "SADD K v",
                                           "SCARD K",
                                           "SET K x XX KEEPTTL",
                                           "SMEMBERS K",
                                           "SRANDMEMBER K",
                                           "SREM K v",
                                           "XADD K * f v",
                                           "ZADD K 1 v",
                                           "ZCARD K",
                                           "ZCOUNT K 0 1",
                                           "ZMSCORE K v",
                                           "ZPOPMIN K",
                                           "ZRANDMEMBER K 1",
                                           "ZRANGEBYSCORE K 0 1",
                                           "ZREM K v",
                                           "ZREMRANGEBYSCORE K 0 1",
                                           "ZSCORE K v"};
static const char *const OPERATORS_NEED[] = {
    "XDEL K 1-1", "XRANGE K - +", "HKEYS K",         "HSTRLEN K f",         "LRANGE K 0 1", "SCAN 0",
    "TYPE K",     "XLEN K",       "XREVRANGE K + -", "XTRIM K MAXLEN 1000", "ZRANGE K 0 1"};

static bool try_command(struct doctor *d, const char *text, struct str key, struct err *e)
{
    enum { WORDS_MAX = 8 };
    char copy[96], none[160];
    struct str words[WORDS_MAX];
    size_t n = 0;
    char *rest = copy;
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    (void)snprintf(copy, sizeof copy, "%s", text);
    (void)snprintf(none, sizeof none, STR_FMT ":none", STR_ARG(key));
    for (const char *word; n < WORDS_MAX && (word = strsep(&rest, " "));)
        words[n++] = strcmp(word, "K") == 0 ? key : strcmp(word, "K:none") == 0 ? str_of(none) : str_of(word);
    return ctl_redis_ask(&d->redis, words, n, &reply, e) || e->kind == ERR_REDIS; // an answer, if not a nice one
}

static bool try_publish(struct doctor *d, struct str channel, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    const struct str publish[] = {STR("PUBLISH"), channel, STR("{}")};
    return ctl_redis_ask(&d->redis, publish, ARRAY_LEN(publish), &reply, e);
}

static bool try_subscribe(struct doctor *d, struct str channel, struct err *e)
{
    AUTO(redis_closep) struct redis *listener = NULL;
    AUTO(redis_cmd_fini) struct redis_cmd subscribe = {0};
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    redis_cmd_init(&subscribe, "SUBSCRIBE");
    redis_cmd_str(&subscribe, channel);
    return ctl_redis_more(&d->redis, &listener, e) && redis_call(listener, &subscribe, &reply, e);
}

// false: it was no refusal, and nothing is known of the rights.
static bool note_refusal(struct buf *refused, const char *what, const struct err *e)
{
    if (e->kind == ERR_CONFIG)
        buf_printf(refused, "%s%.*s", refused->len ? ", " : "", (int)strcspn(what, " "), what);
    return e->kind == ERR_CONFIG;
}

static bool try_all(struct doctor *d, const char *const *commands, size_t n, struct str key, struct buf *refused,
                    struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!try_command(d, commands[i], key, e) && !note_refusal(refused, commands[i], e))
            return err_wrap(e, "trying %.*s", (int)strcspn(commands[i], " "), commands[i]);
    return true;
}

static void tell_rights(struct doctor *d, const char *check, const struct buf *refused, enum doctor_status if_refused,
                        const char *remedy)
{
    const char *user = d->redis.url.user[0] ? d->redis.url.user : "default";
    if (refused->len)
        doctor_say(d, "redis", check, if_refused, remedy, "user %s may not: %s", user, refused->data);
    else
        doctor_say(d, "redis", check, DOCTOR_OK, "", "user %s may do all that is needed", user);
}

static bool put_key(struct doctor *d, struct str key, struct err *e)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    const struct str set[] = {STR("SET"), key, STR("x"), STR("PX"), STR("10000")};
    return ctl_redis_ask(&d->redis, set, ARRAY_LEN(set), &reply, e);
}

static bool try_rights(struct doctor *d, struct buf *workers, struct buf *operators, struct err *e)
{
    char name[128], suffix[48], channel_name[128];
    (void)snprintf(suffix, sizeof suffix, "doctor:%ld", (long)getpid());
    struct str key = ctl_redis_key(&d->redis, suffix, name);
    struct str channel = ctl_redis_key(&d->redis, "progress:doctor:rights", channel_name);
    return put_key(d, key, e) && try_all(d, WORKERS_NEED, ARRAY_LEN(WORKERS_NEED), key, workers, e) &&
           (try_publish(d, channel, e) || note_refusal(workers, "PUBLISH", e)) &&
           (try_subscribe(d, channel, e) || note_refusal(operators, "SUBSCRIBE", e)) &&
           try_all(d, OPERATORS_NEED, ARRAY_LEN(OPERATORS_NEED), key, operators, e);
}

static void examine_rights(struct doctor *d)
{
    AUTO(buf_fini) struct buf workers;
    AUTO(buf_fini) struct buf operators;
    struct err e;
    buf_init(&workers, DOCTOR_TEXT_MAX);
    buf_init(&operators, DOCTOR_TEXT_MAX);
    if (!try_rights(d, &workers, &operators, &e)) {
        doctor_say_error(d, "redis", "rights",
                         e.kind == ERR_CONFIG ? "give redis.url's user the rights in config/redis.acl"
                                              : "they could not all be tried: mend this, then run this again",
                         &e);
        return;
    }
    tell_rights(d, "rights", &workers, DOCTOR_FAIL,
                "give redis.url's user the rights of bundle-worker in config/redis.acl");
    tell_rights(d, "bundlectl's rights", &operators, DOCTOR_WARN,
                "run bundlectl as a user with the rights of bundle-operator in config/redis.acl (--set redis.url=...)");
}

void doctor_redis(struct doctor *d)
{
    struct err e;
    int64_t begun_us = clock_mono_us();
    if (!ctl_redis_open(&d->redis, d->c, &e)) {
        doctor_say_error(d, "redis", "connection", "is Redis up, and are redis.url and redis.password_file right?", &e);
        return;
    }
    doctor_say(d, "redis", "connection", DOCTOR_OK, "", "answers, and takes writes; %.1f ms to connect",
               (double)(clock_mono_us() - begun_us) / 1000);
    examine_info(d);
    examine_clock(d);
    examine_rights(d);
}
