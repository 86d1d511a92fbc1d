#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/str.h"
#include "tests/chaos/chaos.h"

enum { TICK_US = 3000, PROGRESS_MS = 10000, REST_WITHIN_MS = 240000, VIOLATIONS_SAID = 40 };

static const char USAGE[] =
    "chaos --bin DIR --dir DIR [options]: real workers on a real Redis and PostgreSQL, and everything that can go "
    "wrong\n"
    "\n"
    "  --bin DIR       the programs; --dir DIR: an empty directory of its own, for servers and logs\n"
    "  --seed N        of all that is random (default: another each time; it is printed first)\n"
    "  --minutes M     the most it may take (default 15); with no goal it takes all of it\n"
    "  --jobs N        goal: jobs that have ended (default 500)\n"
    "  --kills N       goal: workers that died by SIGKILL (default 200)\n"
    "  --hits N        goal: kills and freezes at each named point (default 20)\n"
    "  --workers N     worker processes (default 4), --shops N (4), --uploads N of each (3), --lines N of each (3000)\n"
    "  --lease MS      queue.lease_ms; beats and sweeps are a tenth of it (default 10000)\n"
    "  --pace MS       mean time between disturbances (default 400)\n"
    "  --points NAME   strikes only at the points whose name begins so (those of common/failpoint.h)\n"
    "  --freezes P     share of the struck points that freeze the worker instead of killing it (default 0.3)\n"
    "  --calm          only workers are disturbed, not servers, networks and the language model: for recovery\n"
    "                  times\n"
    "  --json FILE     the report for programs\n"
    "\n"
    "Exit status: 0 everything held and the goals were reached, 1 not so, 2 it could not be run.\n";

// ---- what the parts share ----

void say(const struct chaos *c, const char *fmt, ...)
{
    va_list args;
    (void)printf("%7.1f s  ", (double)(clock_mono_ms() - c->begun_ms) / 1000);
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    (void)putchar('\n');
}

static void write_violation(const struct chaos *c, const char *text)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/violations", c->options.dir);
    FILE *all = fopen(path, "a");
    if (!all || fprintf(all, "%.1f s  %s\n", (double)(clock_mono_ms() - c->begun_ms) / 1000, text) < 0 ||
        fclose(all) != 0)
        fatal("cannot write %s", path);
}

void violation(struct chaos *c, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (c->violations++ < VIOLATIONS_SAID)
        say(c, "VIOLATION  %s", text);
    write_violation(c, text);
}

bool chance(struct chaos *c, double probability)
{
    return random_chance(&c->random, probability);
}

int64_t between(struct chaos *c, int64_t low, int64_t high)
{
    return random_between(&c->random, low, high);
}

// ---- options ----

static double number(const char *text, double low, double high)
{
    double value;
    if (!str_to_real(str_of(text), &value) || value < low || value > high)
        fatal("\"%s\" is no number from %g to %g", text, low, high);
    return value;
}

static void read_options(int argc, char **argv, struct options *o)
{
    static const struct option LONG[] = {
        {"bin", 1, NULL, 'b'},     {"dir", 1, NULL, 'd'},     {"seed", 1, NULL, 's'},  {"minutes", 1, NULL, 'm'},
        {"jobs", 1, NULL, 'j'},    {"kills", 1, NULL, 'k'},   {"hits", 1, NULL, 'i'},  {"workers", 1, NULL, 'w'},
        {"shops", 1, NULL, 'p'},   {"uploads", 1, NULL, 'u'}, {"lines", 1, NULL, 'l'}, {"lease", 1, NULL, 'e'},
        {"pace", 1, NULL, 'a'},    {"json", 1, NULL, 'o'},    {"calm", 0, NULL, 'c'},  {"points", 1, NULL, 'n'},
        {"freezes", 1, NULL, 'f'}, {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0}};
    int key;
    *o = (struct options){.seed = (uint64_t)clock_wall_ms() % 1000000,
                          .minutes = 15,
                          .goals = {.jobs = 500, .kills = 200, .hits = 20},
                          .workers = 4,
                          .shops = 4,
                          .uploads = 3,
                          .lines = 3000,
                          .lease_ms = 10000,
                          .pace_ms = 400,
                          .freezes = 0.3};
    while ((key = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
        switch (key) {
        case 'b':
            o->bin = optarg;
            break;
        case 'd':
            o->dir = optarg;
            break;
        case 'o':
            o->json = optarg;
            break;
        case 's':
            o->seed = (uint64_t)number(optarg, 0, 1e15);
            break;
        case 'm':
            o->minutes = number(optarg, 0.01, 10000);
            break;
        case 'j':
            o->goals.jobs = (int)number(optarg, 0, 1e6);
            break;
        case 'k':
            o->goals.kills = (int)number(optarg, 0, 1e6);
            break;
        case 'i':
            o->goals.hits = (int)number(optarg, 0, 1e6);
            break;
        case 'w':
            o->workers = (int)number(optarg, 1, WORKERS_MAX);
            break;
        case 'p':
            o->shops = (int)number(optarg, 1, UPLOADS_MAX);
            break;
        case 'u':
            o->uploads = (int)number(optarg, 1, UPLOADS_MAX);
            break;
        case 'l':
            o->lines = (int)number(optarg, 100, 1e6);
            break;
        case 'e':
            o->lease_ms = (int)number(optarg, 500, 60000);
            break;
        case 'a':
            o->pace_ms = (int)number(optarg, 1, 1e6);
            break;
        case 'c':
            o->is_calm = true;
            break;
        case 'n':
            o->points = optarg;
            break;
        case 'f':
            o->freezes = number(optarg, 0, 1);
            break;
        case 'h':
            (void)fputs(USAGE, stdout);
            exit(0);
        default:
            fatal("see --help");
        }
    }
    if (!o->bin || !o->dir || optind != argc || o->shops * o->uploads > UPLOADS_MAX)
        fatal("--bin and --dir are needed, and at most %d uploads in all: see --help", UPLOADS_MAX);
}

static void name_points(struct chaos *c)
{
#ifdef BUNDLE_FAILPOINTS
#define POINT_ROW(name_, where_) {.name = (name_), .where = (where_)},
    static const struct point ALL[] = {FAILPOINT_LIST(POINT_ROW)};
#undef POINT_ROW
    for (size_t i = 0; i < ARRAY_LEN(ALL); i++)
        if (!c->options.points || strncmp(ALL[i].name, c->options.points, strlen(c->options.points)) == 0)
            c->points[c->n_points++] = ALL[i];
    if (c->n_points == 0)
        fatal("no named point begins with \"%s\"", c->options.points);
#else
    say(c, "this build has no named points: only what comes from outside is disturbed");
#endif
}

// ---- the run ----

static bool has_goals(const struct chaos *c)
{
    return c->options.goals.jobs || c->options.goals.kills || c->options.goals.hits;
}

static void tick(struct chaos *c)
{
    static int64_t next_progress_ms;
    workers_tick(c);
    jobs_tick(c);
    if (clock_mono_ms() >= next_progress_ms) {
        next_progress_ms = clock_mono_ms() + PROGRESS_MS;
        report_read_points(c);
        report_progress(c);
    }
    (void)usleep(TICK_US);
}

static void prepare(struct chaos *c)
{
    servers_start(&c->servers, c->options.dir, c->options.bin);
    copy_model_start(c);
    workers_create(c);
    workers_undisturbed(c);
    jobs_prepare(c);
    workers_stop(c);
    freeReplyObject(redis_ask(&c->servers, "FLUSHALL"));
    say(c, "%d uploads of %d shops have run undisturbed", c->n_uploads, c->options.shops);
}

static void disturb(struct chaos *c)
{
    int64_t until_ms = clock_mono_ms() + (int64_t)(c->options.minutes * 60000);
    while (clock_mono_ms() < until_ms && !(has_goals(c) && report_reached(c))) {
        disturb_tick(c);
        tick(c);
    }
    disturb_heal(c);
}

// Messages and jobs that no round waits for, too (hostile ones); and ends that PostgreSQL is to be told: a worker that
// was killed between telling it and the queue is followed by another one ten seconds later.
static bool is_queue_empty(struct chaos *c)
{
    static const char SCRIPT[] =
        "return redis.call('LLEN', KEYS[1] .. ':jobs') + redis.call('LLEN', KEYS[1] .. ':intake') + "
        "redis.call('ZCARD', KEYS[1] .. ':open') + redis.call('ZCARD', KEYS[1] .. ':ended')";
    redisReply *left = redis_ask(&c->servers, "EVAL %s 1 " QUEUE, SCRIPT);
    bool is_empty = left && left->type == REDIS_REPLY_INTEGER && left->integer == 0;
    freeReplyObject(left);
    return is_empty;
}

// Everything that was asked for has to come to its end now, and what was killed has to run again.
static void rest(struct chaos *c)
{
    int64_t until_ms = clock_mono_ms() + REST_WITHIN_MS;
    say(c, "no more disturbances: everything has to come to rest");
    c->is_closing = true;
    while (!(jobs_are_quiet(c) && workers_have_recovered(c) && is_queue_empty(c)) && clock_mono_ms() < until_ms)
        tick(c);
    jobs_stuck(c);
    workers_stop(c);
}

int main(int argc, char **argv)
{
    struct chaos *c = calloc(1, sizeof *c);
    CHECK(c);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    read_options(argc, argv, &c->options);
    c->begun_ms = clock_mono_ms();
    (void)printf("seed %llu\n", (unsigned long long)c->options.seed);
    random_init(&c->random, c->options.seed);
    (void)snprintf(c->points_log, sizeof c->points_log, "%s/points", c->options.dir);
    c->recoveries = calloc(RECOVERIES_MAX, sizeof *c->recoveries);
    CHECK(c->recoveries);
    name_points(c);
    prepare(c);
    jobs_start(c);
    disturb(c);
    rest(c);
    check_all(c);
    copy_model_stop(c);
    bool is_good = report_end(c);
    servers_stop(&c->servers);
    free(c->recoveries);
    free(c->workers);
    free(c->rounds);
    free(c);
    return is_good ? 0 : 1;
}
