// What the chaos run is made of: processes, a private Redis (append-only file, fsync everysec) and PostgreSQL that can
// be crashed and started again, a fault_proxy before each, and the director's own direct connections to both.
//
// FAILURE   What must work (a program that is not there, wrong SQL) ends the run by fatal(). A server that does not
//           answer is no failure here: the call returns NULL, and the director asks again later.
// THREADS   One. Every process dies with the director, also when that is killed.
#ifndef BUNDLE_TESTS_CHAOS_SERVERS_H
#define BUNDLE_TESTS_CHAOS_SERVERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <hiredis/hiredis.h>
#include <libpq-fe.h>

#define PRINTF_LIKE(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

_Noreturn void fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);

// ---- processes ----
// Starts argv[0], with its output appended to `log` and `env` (NAME=VALUE ..., NULL) on top of what we have, our
// BUNDLE_* left out. stdin: a pipe whose end is in *input (NULL: /dev/null); stdout likewise in *output (NULL: the
// log).
pid_t process_start(const char *const argv[], const char *const env[], const char *log, int *input, int *output);
int process_wait(pid_t pid); // its status
void process_run(const char *const argv[], const char *const env[],
                 const char *log);             // to its end; fatal unless it is 0
int process_port(int output, const char *log); // of one that says "listening on 127.0.0.1:PORT" there; else fatal
char process_state(pid_t pid);                 // as in /proc: R S T Z ...; 0: there is none

// ---- servers ----
struct proxy {
    pid_t pid;
    int input, output;
    int port;
};
void proxy_tell(const struct proxy *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

enum { PATH_BYTES = 512, URL_BYTES = 1024 };
struct servers {
    char dir[256];
    char redis_socket[PATH_BYTES], pg_url[URL_BYTES];           // direct
    char worker_redis_url[URL_BYTES], worker_pg_url[URL_BYTES]; // through the proxies
    pid_t redis_pid, pg_pid;                                    // 0: down
    struct proxy redis_proxy, pg_proxy;
    bool is_redis_frozen; // asking it would only take time
    bool is_refused;      // the last redis_ask() was answered by an error: nothing was done
    redisContext *redis;
    PGconn *pg;
};

void servers_start(struct servers *s, const char *dir, const char *bin);
void servers_stop(struct servers *s);
void redis_crash(struct servers *s); // SIGKILL
void redis_start(struct servers *s); // with what its append-only file has; does not wait
void pg_crash(struct servers *s);    // as pg_ctl stop -m immediate
void pg_start(struct servers *s);
void servers_wait_ready(struct servers *s);

// NULL: it does not answer, or not now (LOADING, MISCONF, ...). Else never an error reply. The caller frees it.
redisReply *redis_ask(struct servers *s, const char *fmt, ...);
const char *redis_text(const redisReply *r, size_t i); // element i of an array, "" where there is none
// Rows; NULL: away. A statement that is refused for good is fatal.
PGresult *pg_ask(struct servers *s, const char *sql, int n, const char *const *values);

#endif
