// bundle-worker: the daemon. Reads settings, makes the stages' environment, runs the event loop until told to stop.

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/check.h"
#include "common/log.h"
#include "common/thread.h"
#include "worker/stages/reconcile.h"

extern char **environ;

static const char HELP[] =
    "Usage: bundle-worker [--config FILE] [--set KEY=VALUE]...\n"
    "\n"
    "Turns the jobs on a Redis queue into product bundles in PostgreSQL. Run as many as you like, on as many "
    "machines:\n"
    "they share the work. Stop one with SIGTERM: it finishes or hands back what it has (worker.grace_s) and exits 0.\n"
    "\n"
    "  --config FILE    settings (default: $BUNDLE_CONFIG, else none); every key is in config/worker.conf\n"
    "  --set KEY=VALUE  one setting; wins over the environment (BUNDLE_QUEUE_LEASE_MS=...), which wins over the file\n"
    "  --check          read the settings, say whether they are right, exit\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 stopped as told, 2 wrong settings or command line, 1 anything else.\n"
    "Example: BUNDLE_REDIS_URL=redis://cache:6379/0 BUNDLE_PG_URL=postgresql://bundles@db/bundles bundle-worker\n";

struct options {
    struct settings_sources from;
    bool is_check, is_help, is_version;
};

static bool options_read(int argc, char **argv, struct options *o, struct err *e)
{
    static const struct option LONG[] = {
        {"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
        {"check", no_argument, NULL, 'k'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0}};
    int key;
    while ((key = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
        if (key == 's' && o->from.n_sets == ARRAY_LEN(o->from.sets))
            return err_set(e, ERR_USAGE, "more than %zu --set: use a file", ARRAY_LEN(o->from.sets));
        if (key == 'c')
            o->from.file = optarg;
        else if (key == 's')
            o->from.sets[o->from.n_sets++] = optarg;
        else if (key == 'k')
            o->is_check = true;
        else if (key == 'h')
            o->is_help = true;
        else if (key == 'v')
            o->is_version = true;
        else
            return err_set(e, ERR_USAGE, "see bundle-worker --help");
    }
    return optind == argc || err_set(e, ERR_USAGE, "\"%s\" is not an option: see bundle-worker --help", argv[optind]);
}

static void name_worker(const struct settings *s, char *out, size_t size)
{
    char host[64] = "worker";
    unsigned short random_part = 0;
    if (s->worker_name[0]) {
        (void)snprintf(out, size, "%.60s", s->worker_name);
        return;
    }
    (void)gethostname(host, sizeof host - 1);
    CHECK(getrandom(&random_part, sizeof random_part, 0) == (ssize_t)sizeof random_part);
    (void)snprintf(out, size, "%.40s-%d-%04x", host, (int)getpid(), random_part);
}

static void log_start(const struct settings *s, const char *worker)
{
    log_setup((enum log_level)s->log_level, (enum log_format)s->log_format, worker);
}

static unsigned slots_of(const struct settings *s)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (s->worker_slots > 0)
        return (unsigned)s->worker_slots;
    return cores > 0 ? (unsigned)cores : 1;
}

static bool work(const struct settings *s, struct err *e)
{
    char worker[80];
    struct loop_config *c = calloc(1, sizeof *c);
    const struct queue_limits limits = settings_queue_limits(s);
    CHECK(c);
    name_worker(s, worker, sizeof worker);
    log_start(s, worker);
    queue_init(&c->queue, s->queue_name, &limits);
    bool ok = settings_redis_url(s, &c->redis, e);
    struct stages_env env = {.settings = s, .queue = &c->queue, .redis_url = &c->redis, .worker = worker};
    env.cache = artefact_cache_create(&c->queue, (size_t)s->cache_memory_mb << 20, s->cache_redis_ttl_s,
                                      (size_t)s->cache_redis_max);
    c->worker = worker;
    c->slots = slots_of(s);
    c->prefetch_max = (unsigned)s->queue_prefetch_max;
    c->redis_timeout_ms = s->redis_timeout_ms;
    c->beat_ms = s->queue_beat_ms;
    c->sweep_ms = s->queue_sweep_ms;
    c->grace_ms = s->worker_grace_s * 1000;
    c->kinds = STAGES_KINDS;
    c->n_kinds = STAGES_N_KINDS;
    c->admit = stages_admit;
    c->admit_context = &env;
    c->slot_hooks =
        (struct slots_hooks){.slot_open = stages_slot_open, .slot_close = stages_slot_close, .context = &env};
    c->io_max = (unsigned)s->copy_in_flight;
    c->io_hooks = (struct io_hooks){.open = stages_io_open, .close = stages_io_close, .context = &env};
    ok = ok && stages_copy_start(&env, e);
    if (ok) {
        struct reconcile *reconcile = reconcile_create(&env);
        c->on_end = reconcile_poke;
        c->on_end_context = reconcile;
        ok = loop_run(c, e);
        reconcile_destroy(reconcile);
    }
    stages_copy_stop(&env);
    artefact_cache_destroy(env.cache);
    redis_url_forget(&c->redis);
    free(c);
    return ok;
}

// Asked to stop before the loop listens: it does as soon as it does, and the exit code is the same.
static void hold_back_signals(void)
{
    sigset_t stop;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &stop, NULL);
}

static bool run(int argc, char **argv, struct settings *s, struct err *e)
{
    struct options o = {0};
    const struct rlimit no_core = {0, 0};
    if (!options_read(argc, argv, &o, e))
        return false;
    if (o.is_help || o.is_version)
        return fputs(o.is_help ? HELP : "bundle-worker " BUNDLE_VERSION "\n", stdout) >= 0;
    (void)setrlimit(RLIMIT_CORE, &no_core); // settings hold secrets
    if (!settings_load(s, &o.from, environ, e) || !stages_check(s, e))
        return false;
    return o.is_check ? puts("settings are right") >= 0 : work(s, e);
}

int main(int argc, char **argv)
{
    struct settings *s = calloc(1, sizeof *s);
    struct err e = {0};
    CHECK(s);
    hold_back_signals();
    bool ok = run(argc, argv, s, &e);
    if (!ok)
        (void)fprintf(stderr, "bundle-worker: %s\n", e.message);
    explicit_bzero(s, sizeof *s);
    free(s);
    thread_exit_process(ok ? 0 : err_exit_code(&e) == 2 ? 2 : 1);
}
