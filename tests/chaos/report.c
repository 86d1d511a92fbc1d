#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/check.h"
#include "common/clock.h"
#include "tests/chaos/chaos.h"

struct figures {     // recoveries in ms
    int n, p50, max; // where neither servers nor networks were disturbed meanwhile
    int n_all, p50_all, max_all;
};

static int int_cmp(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static struct figures recovery_figures(const struct chaos *c)
{
    struct figures f = {0};
    int *ms = calloc(2 * (size_t)c->n_recoveries + 2, sizeof *ms), *all = ms + c->n_recoveries + 1;
    CHECK(ms);
    for (int i = 0; i < c->n_recoveries; i++) {
        const struct recovery *r = &c->recoveries[i];
        if (r->took_ms >= 0 && r->has_run_again)
            all[f.n_all++] = r->took_ms;
        if (r->took_ms >= 0 && r->has_run_again && r->is_clean)
            ms[f.n++] = r->took_ms;
    }
    qsort(ms, (size_t)f.n, sizeof *ms, int_cmp);
    qsort(all, (size_t)f.n_all, sizeof *all, int_cmp);
    f.p50 = f.n ? ms[f.n / 2] : 0;
    f.max = f.n ? ms[f.n - 1] : 0;
    f.p50_all = f.n_all ? all[f.n_all / 2] : 0;
    f.max_all = f.n_all ? all[f.n_all - 1] : 0;
    free(ms);
    return f;
}

void report_read_points(struct chaos *c)
{
    char line[128];
    static long read_to;
    FILE *log = fopen(c->points_log, "r");
    if (!log)
        return;
    (void)fseek(log, read_to, SEEK_SET);
    while (fgets(line, sizeof line, log)) {
        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; i < c->n_points; i++)
            c->points[i].passes += strcmp(line, c->points[i].name) == 0;
    }
    read_to = ftell(log);
    (void)fclose(log);
}

void report_progress(const struct chaos *c)
{
    int least = -1;
    for (int i = 0; i < c->n_points; i++)
        if (least < 0 || c->points[i].kills + c->points[i].stops < c->points[least].kills + c->points[least].stops)
            least = i;
    say(c, "jobs %ld (final %ld, cancelled %ld), kills %ld, freezes %ld, Redis crashes %d, violations %ld%s%s",
        c->jobs_judged, c->jobs_final, c->jobs_cancelled, c->kills, c->freezes, c->n_redis_crashes, c->violations,
        least >= 0 ? ", least disturbed: " : "", least >= 0 ? c->points[least].name : "");
}

bool report_reached(const struct chaos *c)
{
    const struct goals *g = &c->options.goals;
    bool is_reached = c->jobs_judged >= g->jobs && c->kills >= g->kills;
    for (int i = 0; i < c->n_points; i++)
        is_reached = is_reached && c->points[i].kills + c->points[i].stops >= g->hits;
    return is_reached;
}

static void print_tables(const struct chaos *c, const struct figures *f)
{
    const struct tally *tallies;
    int n;
    disturb_tallies(c, &tallies, &n);
    (void)printf("\n%-36s %8s\n", "disturbance", "times");
    for (int i = 0; i < n; i++)
        (void)printf("%-36s %8ld\n", tallies[i].name, tallies[i].n);
    (void)printf("\n%-24s %8s %8s %8s  %s\n", "point", "passed", "killed", "frozen", "where");
    for (int i = 0; i < c->n_points; i++)
        (void)printf("%-24s %8ld %8ld %8ld  %s\n", c->points[i].name, c->points[i].passes, c->points[i].kills,
                     c->points[i].stops, c->points[i].where);
    (void)printf(
        "\n%ld jobs: %ld final, %ld cancelled; %ld pushed again after a Redis crash, %ld found by a reconciler\n",
        c->jobs_judged, c->jobs_final, c->jobs_cancelled, c->repushed, c->found);
    (void)printf("copy of their bundles: %ld by the model, %ld that was there, %ld templates\n", c->copies.model,
                 c->copies.cache, c->copies.template);
    (void)printf("%ld kills; tasks of the killed ran again after p50 %d ms, max %d ms (%d tasks; lease %d ms); all of "
                 "them, with servers or "
                 "networks disturbed or no worker there meanwhile, p50 %d ms, max %d ms (%d tasks)\n",
                 c->kills, f->p50, f->max, f->n, c->options.lease_ms, f->p50_all, f->max_all, f->n_all);
    (void)printf("%ld odd event logs of jobs that a Redis crash touched (up to a second of writes lost: everysec)\n",
                 c->excused);
}

static void write_json(const struct chaos *c, const struct figures *f, bool is_good)
{
    const struct tally *tallies;
    int n;
    json_t *root = json_object(), *disturbances = json_object(), *points = json_object();
    disturb_tallies(c, &tallies, &n);
    for (int i = 0; i < n; i++)
        (void)json_object_set_new(disturbances, tallies[i].name, json_integer(tallies[i].n));
    for (int i = 0; i < c->n_points; i++)
        (void)json_object_set_new(points, c->points[i].name,
                                  json_pack("{s:I, s:I, s:I}", "passed", (json_int_t)c->points[i].passes, "killed",
                                            (json_int_t)c->points[i].kills, "frozen", (json_int_t)c->points[i].stops));
    (void)json_object_set_new(root, "seed", json_integer((json_int_t)c->options.seed));
    (void)json_object_set_new(root, "seconds", json_real((double)(clock_mono_ms() - c->begun_ms) / 1000));
    (void)json_object_set_new(root, "jobs",
                              json_pack("{s:I, s:I, s:I, s:I}", "ended", (json_int_t)c->jobs_judged, "final",
                                        (json_int_t)c->jobs_final, "cancelled", (json_int_t)c->jobs_cancelled,
                                        "pushed_again", (json_int_t)c->repushed));
    (void)json_object_set_new(root, "copy",
                              json_pack("{s:I, s:I, s:I}", "model", (json_int_t)c->copies.model, "cache",
                                        (json_int_t)c->copies.cache, "template", (json_int_t)c->copies.template));
    (void)json_object_set_new(root, "kills", json_integer(c->kills));
    (void)json_object_set_new(root, "recovery_ms",
                              json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "lease", c->options.lease_ms, "tasks",
                                        f->n, "p50", f->p50, "max", f->max, "all_tasks", f->n_all, "all_p50",
                                        f->p50_all, "all_max", f->max_all));
    (void)json_object_set_new(root, "disturbances", disturbances);
    (void)json_object_set_new(root, "points", points);
    (void)json_object_set_new(root, "violations", json_integer(c->violations));
    (void)json_object_set_new(root, "holds", json_boolean(is_good));
    if (json_dump_file(root, c->options.json, JSON_INDENT(2)) != 0)
        fatal("cannot write %s", c->options.json);
    json_decref(root);
}

// The promise: 15 s with the default lease of 10 s.
static void check_recovery(struct chaos *c, const struct figures *f)
{
    if (f->max >= c->options.lease_ms + 5000)
        violation(c, "a task of a killed worker ran again only after %d ms (lease %d ms)", f->max, c->options.lease_ms);
    for (int i = 0; i < c->n_recoveries; i++)
        if (c->recoveries[i].took_ms < 0)
            violation(c, "%s of a killed worker never ran again (its token was %s)", c->recoveries[i].ref,
                      c->recoveries[i].token);
}

bool report_end(struct chaos *c)
{
    struct figures f = recovery_figures(c);
    check_recovery(c, &f);
    report_read_points(c);
    bool is_reached = report_reached(c), is_good = is_reached && c->violations == 0;
    print_tables(c, &f);
    if (c->options.json)
        write_json(c, &f, is_good);
    (void)printf("\n%s (seed %llu): %ld violations%s\n", is_good ? "everything holds" : "NOT everything holds",
                 (unsigned long long)c->options.seed, c->violations,
                 is_reached ? "" : "; the goals were not reached in time");
    return is_good;
}
