// time_job SHOP UPLOAD RUNS: enqueues a job as a producer would and times what a listener sees, RUNS times one after
// the other, each a forced repeat. Prints one JSON object: milliseconds from the push to *preliminary* (0: none came)
// and to *final*. Redis and queue from BUNDLE_REDIS_URL and BUNDLE_QUEUE_NAME.

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/queue.h"

enum { RUNS_MAX = 10000, WAIT_MS = 120000 };

struct times {
    double preliminary_ms[RUNS_MAX], final_ms[RUNS_MAX];
    int n;
    long long bundles, seq;
};

static _Noreturn void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "time_job: %s: %s\n", what, why);
    exit(1);
}

static void call(struct redis *r, struct redis_cmd *c)
{
    struct redis_reply *reply = NULL;
    struct err e;
    if (!redis_call(r, c, &reply, &e))
        die("Redis", e.message);
    redis_reply_free(reply);
    redis_cmd_fini(c);
}

static void push(struct redis *r, const struct queue *q, const char *shop, const char *upload)
{
    struct redis_cmd c;
    char message[512];
    (void)snprintf(message, sizeof message, "{\"v\":1,\"shop\":\"%s\",\"upload\":\"%s\",\"force\":true}", shop, upload);
    queue_push_cmd(q, str_of(message), &c);
    call(r, &c);
}

// The next event of the subscription, as JSON.
static json_t *next_event(struct redis *listener)
{
    AUTO(redis_reply_freep) struct redis_reply *reply = NULL;
    struct err e;
    if (!redis_next_message(listener, WAIT_MS, &reply, &e))
        die("listening", e.message);
    if (!reply)
        die("listening", "no event for two minutes");
    struct str text = redis_reply_str(redis_reply_at(reply, 2));
    return json_loadb(text.ptr, text.len, 0, NULL); // NULL: not an event
}

static void time_one(struct redis *r, struct redis *listener, const struct queue *q, char **argv, struct times *t)
{
    int64_t begun_us = clock_mono_us();
    push(r, q, argv[1], argv[2]);
    for (;;) {
        json_t *event = next_event(listener);
        const char *status = json_string_value(json_object_get(event, "status"));
        double ms = (double)(clock_mono_us() - begun_us) / 1000;
        if (status && strcmp(status, "preliminary") == 0)
            t->preliminary_ms[t->n] = ms;
        if (status && (strcmp(status, "failed") == 0 || strcmp(status, "rejected") == 0))
            die("the job failed", json_string_value(json_object_get(event, "message")));
        if (status && strcmp(status, "final") == 0) {
            t->final_ms[t->n++] = ms;
            t->bundles = json_integer_value(json_object_get(event, "bundles"));
            t->seq = json_integer_value(json_object_get(event, "seq"));
            json_decref(event);
            return;
        }
        json_decref(event);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_row(const char *name, double *ms, int n)
{
    qsort(ms, (size_t)n, sizeof *ms, compare);
    (void)printf("\"%s\":{\"min\":%.2f,\"median\":%.2f,\"p99\":%.2f,\"max\":%.2f},", name, ms[0], ms[n / 2],
                 ms[n * 99 / 100], ms[n - 1]);
}

int main(int argc, char **argv)
{
    int64_t runs;
    if (argc != 4 || !str_to_int(str_of(argv[3]), &runs) || runs < 1 || runs > RUNS_MAX)
        die("usage", "time_job SHOP UPLOAD RUNS");
    const char *url_text = getenv("BUNDLE_REDIS_URL");
    const char *name = getenv("BUNDLE_QUEUE_NAME");
    struct redis_url url;
    struct redis *r, *listener;
    struct queue q;
    struct err e;
    if (!redis_url_parse(url_text ? url_text : "redis://127.0.0.1:6379", "", &url, &e) ||
        !redis_open(&r, &url, "time_job", 5000, &e) || !redis_open(&listener, &url, "time_job", 5000, &e))
        die("Redis", e.message);
    queue_init(&q, name ? name : "bundles", &(struct queue_limits){.lease_ms = 10000});
    AUTO(buf_fini) struct buf address;
    AUTO(buf_fini) struct buf channel;
    struct redis_cmd subscribe;
    buf_init(&channel, 512);
    buf_init(&address, 4096);
    queue_address(str_of(argv[1]), str_of(argv[2]), &address);
    queue_key(&q, "progress", buf_str(&address), &channel);
    redis_cmd_init(&subscribe, "SUBSCRIBE");
    redis_cmd_str(&subscribe, buf_str(&channel));
    call(listener, &subscribe);
    struct times *t = calloc(1, sizeof *t);
    CHECK(t);
    for (int64_t i = 0; i < runs; i++)
        time_one(r, listener, &q, argv, t);
    (void)printf("{\"runs\":%d,", t->n);
    print_row("preliminary_ms", t->preliminary_ms, t->n);
    print_row("final_ms", t->final_ms, t->n);
    (void)printf("\"bundles\":%lld,\"events\":%lld}\n", t->bundles, t->seq);
    free(t);
    redis_close(r);
    redis_close(listener);
    return 0;
}
