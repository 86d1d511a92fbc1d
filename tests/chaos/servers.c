#include "tests/chaos/servers.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

extern char **environ;

enum { READY_MS = 30000, ANSWER_S = 2, ENV_MAX = 256, ARGS_MAX = 64 };

void fatal(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fputs("chaos: ", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(2);
}

// ---- processes ----

static void merge_environment(const char *const env[], const char **out)
{
    size_t n = 0;
    for (char **at = environ; *at && n < ENV_MAX; at++)
        if (strncmp(*at, "BUNDLE_", 7) != 0 && strncmp(*at, "FAILPOINT", 9) != 0)
            out[n++] = *at;
    for (; env && *env && n < ENV_MAX; env++)
        out[n++] = *env;
    out[n] = NULL;
}

static void become(const char *const argv[], const char *const env[], const char *log, int in, int out)
{
    const char *all[ENV_MAX + 1];
    int log_fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() == 1 || log_fd < 0 || null_fd < 0 ||
        dup2(in >= 0 ? in : null_fd, 0) < 0 || dup2(out >= 0 ? out : log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        _exit(127);
    (void)setpgid(0, 0); // Ctrl-C goes to us
    merge_environment(env, all);
    (void)execvpe(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)all);
    (void)fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

pid_t process_start(const char *const argv[], const char *const env[], const char *log, int *input, int *output)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    if ((input && pipe2(in, O_CLOEXEC) != 0) || (output && pipe2(out, O_CLOEXEC) != 0))
        fatal("no pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        fatal("cannot fork: %s", strerror(errno));
    if (pid == 0)
        become(argv, env, log, in[0], out[1]);
    if (input) {
        (void)close(in[0]);
        *input = in[1];
    }
    if (output) {
        (void)close(out[1]);
        *output = out[0];
    }
    return pid;
}

int process_wait(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            fatal("no child %d to wait for", (int)pid);
    return status;
}

void process_run(const char *const argv[], const char *const env[], const char *log)
{
    int status = process_wait(process_start(argv, env, log, NULL, NULL));
    if (status != 0)
        fatal("%s ended with status 0x%x: see %s", argv[0], (unsigned)status, log);
}

int process_port(int output, const char *log)
{
    char line[128] = "";
    ssize_t got = read(output, line, sizeof line - 1);
    const char *colon = got > 0 ? strrchr(line, ':') : NULL;
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    if (port <= 0)
        fatal("a server of the run does not start: see %s", log);
    return (int)port;
}

char process_state(pid_t pid)
{
    char path[64], text[512];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t len = read(fd, text, sizeof text - 1);
    (void)close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    const char *behind_name = strrchr(text, ')');
    return behind_name && behind_name[1] ? behind_name[2] : 0;
}

// ---- proxies ----

// It answers each command, and its answers are not awaited; unread, they would fill the pipe and stop it.
static void drain_answers(const struct proxy *p)
{
    char answers[512];
    while (read(p->output, answers, sizeof answers) > 0) {
    }
}

void proxy_tell(const struct proxy *p, const char *fmt, ...)
{
    char line[64];
    drain_answers(p);
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line - 1, fmt, args);
    va_end(args);
    line[len++] = '\n';
    if (write(p->input, line, (size_t)len) != len)
        fatal("a proxy does not listen: %s", strerror(errno));
}

static void proxy_start(struct proxy *p, const struct servers *s, const char *bin, const char *upstream)
{
    char program[PATH_BYTES], log[PATH_BYTES];
    (void)snprintf(program, sizeof program, "%s/fault_proxy", bin);
    (void)snprintf(log, sizeof log, "%s/proxy.log", s->dir);
    const char *const argv[] = {program, "127.0.0.1:0", upstream, NULL};
    p->pid = process_start(argv, NULL, log, &p->input, &p->output);
    p->port = process_port(p->output, log);
    if (fcntl(p->output, F_SETFL, O_NONBLOCK) != 0)
        fatal("the pipe from a proxy: %s", strerror(errno));
}

// ---- Redis ----

void redis_start(struct servers *s)
{
    char log[PATH_BYTES];
    (void)snprintf(log, sizeof log, "%s/redis.log", s->dir);
    const char *const argv[] = {"redis-server",
                                "--port",
                                "0",
                                "--unixsocket",
                                s->redis_socket,
                                "--dir",
                                s->dir,
                                "--save",
                                "",
                                "--appendonly",
                                "yes",
                                "--appendfsync",
                                "everysec",
                                "--loglevel",
                                "notice",
                                NULL};
    s->redis_pid = process_start(argv, NULL, log, NULL, NULL);
}

void redis_crash(struct servers *s)
{
    (void)kill(s->redis_pid, SIGKILL);
    (void)process_wait(s->redis_pid);
    s->redis_pid = 0;
}

static void redis_connect(struct servers *s)
{
    const struct timeval limit = {.tv_sec = ANSWER_S};
    if (s->redis && s->redis->err) {
        redisFree(s->redis);
        s->redis = NULL;
    }
    if (!s->redis)
        s->redis = redisConnectUnixWithTimeout(s->redis_socket, limit);
    if (!s->redis)
        fatal("out of memory");
    if (!s->redis->err)
        (void)redisSetTimeout(s->redis, limit);
}

redisReply *redis_ask(struct servers *s, const char *fmt, ...)
{
    s->is_refused = false;
    if (!s->redis_pid || s->is_redis_frozen)
        return NULL;
    redis_connect(s);
    if (s->redis->err)
        return NULL;
    va_list args;
    va_start(args, fmt);
    redisReply *reply = redisvCommand(s->redis, fmt, args);
    va_end(args);
    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return reply;
    if (strncmp(reply->str, "ERR", 3) == 0 || strncmp(reply->str, "WRONGTYPE", 9) == 0)
        fatal("Redis refuses \"%s\": %s", fmt, reply->str);
    freeReplyObject(reply);
    s->is_refused = true;
    return NULL;
}

const char *redis_text(const redisReply *r, size_t i)
{
    if (!r || r->type != REDIS_REPLY_ARRAY || i >= r->elements || !r->element[i] || !r->element[i]->str)
        return "";
    return r->element[i]->str;
}

// ---- PostgreSQL ----

static const char *pg_program(const char *name)
{
    static char path[PATH_BYTES];
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0 || found.gl_pathc == 0)
        fatal("no PostgreSQL server is installed");
    (void)snprintf(path, sizeof path, "%s/%s", found.gl_pathv[found.gl_pathc - 1], name);
    globfree(&found);
    return path;
}

// PostgreSQL's programs refuse to run as root.
static void pg_command(const char **argv, const char *const options[])
{
    static const char *const AS[] = {"setpriv",       "--reuid=postgres", "--regid=postgres",
                                     "--init-groups", "--pdeathsig",      "INT"};
    size_t n = 0;
    for (size_t i = 0; geteuid() == 0 && i < sizeof AS / sizeof AS[0]; i++)
        argv[n++] = AS[i];
    while (*options)
        argv[n++] = *options++;
    argv[n] = NULL;
}

static void pg_give_dir(const char *path)
{
    const struct passwd *owner = getpwnam("postgres");
    if (mkdir(path, 0700) != 0)
        fatal("%s: %s", path, strerror(errno));
    if (geteuid() == 0 && (!owner || chown(path, owner->pw_uid, owner->pw_gid) != 0))
        fatal("%s cannot be given to the user postgres", path);
}

void pg_start(struct servers *s)
{
    char data[PATH_BYTES], socket[PATH_BYTES], log[PATH_BYTES];
    const char *argv[ARGS_MAX];
    (void)snprintf(data, sizeof data, "%s/pg/data", s->dir);
    (void)snprintf(socket, sizeof socket, "%s/pg", s->dir);
    (void)snprintf(log, sizeof log, "%s/postgres.log", s->dir);
    // With fsync off, nothing is lost when its processes die: only when the machine does.
    const char *const options[] = {pg_program("postgres"),
                                   "-D",
                                   data,
                                   "-k",
                                   socket,
                                   "-c",
                                   "listen_addresses=",
                                   "-c",
                                   "fsync=off",
                                   "-c",
                                   "max_connections=200",
                                   "-c",
                                   "timezone=UTC",
                                   "-c",
                                   "log_min_messages=fatal",
                                   NULL};
    pg_command(argv, options);
    s->pg_pid = process_start(argv, NULL, log, NULL, NULL);
}

static void pg_create(struct servers *s)
{
    char data[PATH_BYTES], path[PATH_BYTES], log[PATH_BYTES];
    const char *argv[ARGS_MAX];
    (void)snprintf(path, sizeof path, "%s/pg", s->dir);
    (void)snprintf(data, sizeof data, "%s/pg/data", s->dir);
    (void)snprintf(log, sizeof log, "%s/initdb.log", s->dir);
    pg_give_dir(path);
    const char *const options[] = {pg_program("initdb"), "-D", data,   "-U",        "postgres", "--auth=trust",
                                   "--locale=C.UTF-8",   "-E", "UTF8", "--no-sync", NULL};
    pg_command(argv, options);
    process_run(argv, NULL, log);
}

void pg_crash(struct servers *s)
{
    (void)kill(s->pg_pid, SIGQUIT);
    (void)process_wait(s->pg_pid);
    s->pg_pid = 0;
}

static bool is_away(const PGconn *pg, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    return PQstatus(pg) != CONNECTION_OK || !state || strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0;
}

PGresult *pg_ask(struct servers *s, const char *sql, int n, const char *const *values)
{
    if (!s->pg_pid)
        return NULL;
    if (s->pg && PQstatus(s->pg) != CONNECTION_OK) {
        PQfinish(s->pg);
        s->pg = NULL;
    }
    if (!s->pg)
        s->pg = PQconnectdb(s->pg_url);
    if (PQstatus(s->pg) != CONNECTION_OK)
        return NULL;
    PGresult *r = PQexecParams(s->pg, sql, n, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK)
        return r;
    if (!is_away(s->pg, r))
        fatal("PostgreSQL refuses \"%.200s\": %s", sql, PQresultErrorMessage(r));
    PQclear(r);
    return NULL;
}

// ---- both ----

void servers_wait_ready(struct servers *s)
{
    int64_t until_ms = clock_mono_ms() + READY_MS;
    for (;;) {
        redisReply *pong = redis_ask(s, "PING");
        PGresult *one = pg_ask(s, "SELECT 1", 0, NULL);
        bool is_ready = pong && one;
        freeReplyObject(pong);
        PQclear(one);
        if (is_ready)
            return;
        if (clock_mono_ms() > until_ms)
            fatal("the servers do not answer: see the logs in %s", s->dir);
        (void)usleep(10000);
    }
}

void servers_start(struct servers *s, const char *dir, const char *bin)
{
    char upstream[2 * PATH_BYTES];
    (void)snprintf(s->dir, sizeof s->dir, "%s", dir);
    (void)snprintf(s->redis_socket, sizeof s->redis_socket, "%s/redis.sock", dir);
    (void)snprintf(s->pg_url, sizeof s->pg_url, "postgresql://postgres@/postgres?host=%s/pg&connect_timeout=2", dir);
    pg_create(s);
    redis_start(s);
    pg_start(s);
    servers_wait_ready(s);
    proxy_start(&s->redis_proxy, s, bin, s->redis_socket);
    (void)snprintf(upstream, sizeof upstream, "%s/pg/.s.PGSQL.5432", dir);
    proxy_start(&s->pg_proxy, s, bin, upstream);
    (void)snprintf(s->worker_redis_url, sizeof s->worker_redis_url, "redis://127.0.0.1:%d/0", s->redis_proxy.port);
    (void)snprintf(s->worker_pg_url, sizeof s->worker_pg_url,
                   "postgresql://postgres@127.0.0.1:%d/postgres?connect_timeout=5", s->pg_proxy.port);
}

static void end(pid_t pid, int signal)
{
    if (pid <= 0)
        return;
    (void)kill(pid, SIGCONT);
    (void)kill(pid, signal);
    (void)process_wait(pid);
}

void servers_stop(struct servers *s)
{
    if (s->redis)
        redisFree(s->redis);
    if (s->pg)
        PQfinish(s->pg);
    end(s->redis_proxy.pid, SIGKILL);
    end(s->pg_proxy.pid, SIGKILL);
    end(s->redis_pid, SIGKILL);
    end(s->pg_pid, SIGINT);
}
