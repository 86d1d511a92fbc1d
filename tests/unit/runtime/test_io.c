// A worker (a process of its own: the loop, a slot, an I/O thread of the test's) on a real Redis: tasks of I/O begin at
// once and end when they like, as many at a time as they may, while the slot computes; they are told to stop, and
// nothing of them is lost when the worker stops.

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/thread.h"
#include "tests/unit/do_until.h"
#include "tests/unit/runtime/queue_limits.h"
#include "worker/runtime/loop.h"

enum { IO_MAX = 3, IO_TASKS = 10, LOOK_US = 1000, TAKES_US = 5000, BEAT_MS = 100 };
enum { SHORT_GRACE_MS = 300, LONG_GRACE_MS = 60000 };

// What the test and its worker see of each other.
struct seen {
    atomic_bool must_hang; // tasks of I/O do not end by themselves,
    atomic_bool is_deaf;   // nor when they are told to
    atomic_bool must_spin; // the slot's task of the job "spin" goes on
    atomic_bool is_spinning, is_closed;
    atomic_uint begun, ended, told, now, most, elsewhere;
};

struct world {
    pid_t pid;   // of the worker
    int said_fd; // its log
    struct redis *redis;
    struct queue queue;
    struct redis_url url;
    struct seen *seen;
};

// ---- the worker: its I/O ----

struct io {
    struct seen *seen;
    pthread_t thread, loop;
    pthread_mutex_t lock;
    bool is_closing;
    struct waiting {
        struct task *task;
        int64_t until_us;
    } waiting[4 * IO_MAX];
    size_t n;
};

static void end(struct io *io, size_t i, bool is_told)
{
    struct task *t = io->waiting[i].task;
    struct err e = {0};
    bool fails = str_eq(t->name, STR("t0"));
    io->waiting[i] = io->waiting[--io->n];
    atomic_fetch_sub(&io->seen->now, 1);
    atomic_fetch_add(is_told ? &io->seen->told : &io->seen->ended, 1);
    if (is_told)
        (void)err_set(&e, ERR_CANCELLED, "told to stop");
    else if (fails)
        (void)err_set(&e, ERR_INPUT, "the first one fails");
    else
        task_result(t, t->name);
    task_end(t, !is_told && !fails, &e);
}

static void look(struct io *io)
{
    int64_t now_us = clock_mono_us();
    for (size_t i = io->n; i-- > 0;) {
        bool is_told = atomic_load(&io->waiting[i].task->is_cancelled) && !atomic_load(&io->seen->is_deaf);
        bool is_due = now_us >= io->waiting[i].until_us && !atomic_load(&io->seen->must_hang);
        if (is_told || is_due || io->is_closing)
            end(io, i, is_told || io->is_closing);
    }
}

static void *io_main(void *argument)
{
    struct io *io = argument;
    for (bool is_over = false; !is_over;) {
        (void)pthread_mutex_lock(&io->lock);
        look(io);
        is_over = io->is_closing;
        (void)pthread_mutex_unlock(&io->lock);
        (void)usleep(LOOK_US);
    }
    return NULL;
}

static void *io_open(void *seen)
{
    struct io *io = calloc(1, sizeof *io);
    CHECK(io && pthread_mutex_init(&io->lock, NULL) == 0);
    io->seen = seen;
    io->loop = pthread_self();
    CHECK(thread_start(&io->thread, io_main, io));
    return io;
}

static void io_close(void *io_)
{
    struct io *io = io_;
    (void)pthread_mutex_lock(&io->lock);
    io->is_closing = true;
    (void)pthread_mutex_unlock(&io->lock);
    (void)pthread_join(io->thread, NULL);
    CHECK(io->n == 0);
    atomic_store(&io->seen->is_closed, true);
    (void)pthread_mutex_destroy(&io->lock);
    free(io);
}

static void io_begin(struct task *t, void *io_)
{
    struct io *io = io_;
    (void)pthread_mutex_lock(&io->lock);
    CHECK(io->n < ARRAY_LEN(io->waiting));
    io->waiting[io->n++] = (struct waiting){t, clock_mono_us() + TAKES_US};
    unsigned now = atomic_fetch_add(&io->seen->now, 1) + 1;
    if (now > atomic_load(&io->seen->most))
        atomic_store(&io->seen->most, now);
    if (!pthread_equal(pthread_self(), io->loop))
        atomic_fetch_add(&io->seen->elsewhere, 1);
    atomic_fetch_add(&io->seen->begun, 1);
    (void)pthread_mutex_unlock(&io->lock);
}

// ---- the worker: its stages ----

static bool run_first(struct task *t, void *slot, struct err *e)
{
    struct seen *seen = slot;
    (void)e;
    if (str_eq(t->job, STR("spin"))) {
        atomic_store(&seen->is_spinning, true);
        while (atomic_load(&seen->must_spin) && !atomic_load(&t->is_cancelled))
            (void)usleep(LOOK_US);
        return true;
    }
    for (int i = 0; i < (str_eq(t->job, STR("plain")) ? 0 : IO_TASKS); i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%d", i);
        task_more(t, str_of(name), STR("x"));
    }
    return true;
}

static bool run_last(struct task *t, void *slot, struct err *e)
{
    (void)slot;
    size_t wanted = str_eq(t->job, STR("io")) ? IO_TASKS - 1 : 0, n = 0;
    for (size_t i = 0; i < t->n_inputs; i++)
        n += t->inputs[i].result.len > 0;
    return n == wanted || err_set(e, ERR_INPUT, "%zu results instead of %zu", n, wanted);
}

static const struct task_kind KINDS[] = {
    {.stage = "first", .urgency = QUEUE_URGENT, .run = run_first},
    {.stage = "wait", .urgency = QUEUE_IO, .begin = io_begin},
    {.stage = "last", .urgency = QUEUE_URGENT, .run = run_last},
};

static const struct queue_stage PLAN[] = {
    {.name = "first", .message = "First", .from = 1, .to = 50, .is_required = true, .timeout_ms = 60000},
    {.name = "wait",
     .message = "Wait",
     .urgency = QUEUE_IO,
     .from = 50,
     .to = 70,
     .is_split = true,
     .timeout_ms = 60000},
    {.name = "last", .message = "Last", .from = 70, .to = 100, .is_required = true, .timeout_ms = 60000},
};

// A message is the job's name.
static bool admit(void *context, struct str raw, struct arena *memory, struct admission *out, struct err *e)
{
    (void)context, (void)memory, (void)e;
    *out = (struct admission){
        .job = {.id = raw, .upload = raw, .shop = STR("shop"), .priority = QUEUE_NORMAL, .payload = STR("payload")},
        .plan = PLAN,
        .n_stages = ARRAY_LEN(PLAN)};
    return true;
}

static void *slot_open(void *context, unsigned number)
{
    (void)number;
    return context;
}

static void slot_close(void *slot)
{
    (void)slot;
}

static int work(const struct world *w, int64_t grace_ms)
{
    struct err e;
    const struct loop_config c = {.queue = w->queue,
                                  .redis = w->url,
                                  .worker = "test",
                                  .slots = 1,
                                  .prefetch_max = 4,
                                  .io_max = IO_MAX,
                                  .redis_timeout_ms = 5000,
                                  .beat_ms = BEAT_MS,
                                  .sweep_ms = 500,
                                  .grace_ms = grace_ms,
                                  .kinds = KINDS,
                                  .n_kinds = ARRAY_LEN(KINDS),
                                  .admit = admit,
                                  .slot_hooks = {slot_open, slot_close, w->seen},
                                  .io_hooks = {io_open, io_close, w->seen}};
    log_setup(LOG_INFO, LOG_LOGFMT, "test");
    return loop_run(&c, &e) ? 0 : 1;
}

// ---- the test's side ----

static struct redis_reply *ask(struct world *w, const char *name, const char *key, const char *arg)
{
    struct redis_cmd c;
    struct redis_reply *reply = NULL;
    struct err e = {0};
    char full[256];
    (void)snprintf(full, sizeof full, "%s:%s", w->queue.key, key);
    redis_cmd_init(&c, name);
    redis_cmd_text(&c, full);
    if (arg)
        redis_cmd_text(&c, arg);
    bool ok = redis_call(w->redis, &c, &reply, &e);
    redis_cmd_fini(&c);
    if (!ok)
        fail_msg("%s", e.message);
    return reply;
}

static int64_t ask_int(struct world *w, const char *name, const char *key, const char *arg)
{
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, name, key, arg);
    return redis_reply_int(r);
}

static void push(struct world *w, const char *job)
{
    redis_reply_free(ask(w, "RPUSH", "jobs", job));
}

#define AWAIT(claim) DO_UNTIL((void)usleep(LOOK_US), claim)

static bool is_status(struct world *w, const char *job, const char *status)
{
    char key[64];
    (void)snprintf(key, sizeof key, "job:%s", job);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, "HGET", key, "status");
    return str_eq(redis_reply_str(r), str_of(status));
}

// Told to stop, it does, and says that all was well.
static void stop_worker(struct world *w)
{
    int status = -1;
    assert_int_equal(kill(w->pid, SIGTERM), 0);
    assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
    w->pid = 0;
    assert_int_equal(status, 0);
    assert_true(atomic_load(&w->seen->is_closed));
    assert_int_equal(atomic_load(&w->seen->now), 0);
    assert_int_equal(atomic_load(&w->seen->elsewhere), 0);
}

static void start_worker(struct world *w, int64_t grace_ms)
{
    w->pid = fork();
    assert_true(w->pid >= 0);
    if (w->pid != 0)
        return;
    CHECK(dup2(w->said_fd, STDERR_FILENO) == STDERR_FILENO);
    thread_exit_process(work(w, grace_ms));
}

static struct str said(const struct world *w)
{
    static char text[1 << 16];
    ssize_t len = pread(w->said_fd, text, sizeof text, 0);
    CHECK(len >= 0);
    return (struct str){text, (size_t)len};
}

static bool has_said(const struct world *w, const char *what)
{
    struct str all = said(w);
    return memmem(all.ptr, all.len, what, strlen(what));
}

static void tasks_begin_at_once_and_join(void **state)
{
    struct world *w = *state;
    start_worker(w, SHORT_GRACE_MS);
    push(w, "io");
    AWAIT(is_status(w, "io", "final"));
    AUTO(redis_reply_freep) struct redis_reply *failed = ask(w, "HGET", "job:io", "failed");
    assert_non_null(strstr(redis_reply_str(failed).ptr, "the first one fails"));
    assert_int_equal(atomic_load(&w->seen->ended), IO_TASKS);
    assert_int_equal(atomic_load(&w->seen->begun), IO_TASKS);
    assert_int_equal(atomic_load(&w->seen->most), IO_MAX);
    stop_worker(w);
}

// The one slot and the I/O go on side by side, whichever of them is full.
static void neither_lane_stands_in_the_others_way(void **state)
{
    struct world *w = *state;
    start_worker(w, SHORT_GRACE_MS);
    atomic_store(&w->seen->must_hang, true);
    push(w, "io");
    AWAIT(atomic_load(&w->seen->now) == IO_MAX);
    push(w, "plain");
    AWAIT(is_status(w, "plain", "final"));
    atomic_store(&w->seen->must_spin, true);
    push(w, "spin");
    AWAIT(atomic_load(&w->seen->is_spinning));
    atomic_store(&w->seen->must_hang, false);
    AWAIT(atomic_load(&w->seen->ended) == IO_TASKS);
    atomic_store(&w->seen->must_spin, false);
    AWAIT(is_status(w, "io", "final") && is_status(w, "spin", "final"));
    assert_int_equal(atomic_load(&w->seen->most), IO_MAX);
    stop_worker(w);
}

static void a_cancelled_job_is_told_to_its_io(void **state)
{
    struct world *w = *state;
    struct redis_cmd c;
    struct redis_reply *reply = NULL;
    struct err e;
    const struct queue_cancellation what = {.job = STR("io"), .shop = STR(""), .upload = STR("")};
    start_worker(w, SHORT_GRACE_MS);
    atomic_store(&w->seen->must_hang, true);
    push(w, "io");
    AWAIT(atomic_load(&w->seen->now) == IO_MAX);
    queue_cancel_cmd(&w->queue, STR(""), &what, "Stopped", "test", &c);
    assert_true(redis_call(w->redis, &c, &reply, &e));
    redis_cmd_fini(&c);
    redis_reply_free(reply);
    AWAIT(atomic_load(&w->seen->told) == IO_MAX); // by a beat
    atomic_store(&w->seen->must_hang, false);
    push(w, "plain"); // and the worker goes on
    AWAIT(is_status(w, "plain", "final"));
    stop_worker(w);
    assert_int_equal(ask_int(w, "ZCARD", "leases", NULL), 0);
}

static void expect_handed_back(struct world *w)
{
    assert_int_equal(ask_int(w, "LLEN", "ready:10:shop", NULL), IO_TASKS);
    assert_int_equal(ask_int(w, "ZCARD", "leases", NULL), 0);
    AUTO(redis_reply_freep) struct redis_reply *r = ask(w, "HGET", "job:io:tasks", "t1");
    assert_memory_equal(redis_reply_str(r).ptr, "w|0|0|", strlen("w|0|0|"));
}

static void what_waits_when_it_stops_is_handed_back(void **state)
{
    struct world *w = *state;
    start_worker(w, SHORT_GRACE_MS);
    atomic_store(&w->seen->must_hang, true);
    push(w, "io");
    AWAIT(atomic_load(&w->seen->now) == IO_MAX);
    stop_worker(w);
    assert_true(has_said(w, "grace period over"));
    assert_int_equal(atomic_load(&w->seen->told), IO_MAX);
    expect_handed_back(w);
    atomic_store(&w->seen->must_hang, false);
    start_worker(w, SHORT_GRACE_MS);
    AWAIT(is_status(w, "io", "final"));
    stop_worker(w);
}

static void what_ends_within_the_grace_period_is_done(void **state)
{
    struct world *w = *state;
    start_worker(w, LONG_GRACE_MS);
    atomic_store(&w->seen->must_hang, true);
    push(w, "io");
    AWAIT(atomic_load(&w->seen->now) == IO_MAX);
    assert_int_equal(kill(w->pid, SIGTERM), 0);
    AWAIT(has_said(w, "stopping: "));
    atomic_store(&w->seen->must_hang, false);
    int status = -1;
    assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
    w->pid = 0;
    assert_int_equal(status, 0);
    assert_int_equal(atomic_load(&w->seen->told), 0);
    assert_int_equal(atomic_load(&w->seen->ended), IO_MAX);
    assert_int_equal(ask_int(w, "LLEN", "ready:10:shop", NULL), IO_TASKS - IO_MAX);
    assert_int_equal(ask_int(w, "ZCARD", "leases", NULL), 0);
}

// I/O that does not stop when it is told: closing ends it. Nobody hands those tasks back; their leases run out.
static void what_does_not_listen_is_closed(void **state)
{
    struct world *w = *state;
    start_worker(w, SHORT_GRACE_MS);
    atomic_store(&w->seen->must_hang, true);
    atomic_store(&w->seen->is_deaf, true);
    push(w, "io");
    AWAIT(atomic_load(&w->seen->now) == IO_MAX);
    stop_worker(w);
    assert_int_equal(ask_int(w, "ZCARD", "leases", NULL), IO_MAX);
}

static int setup(void **state)
{
    static unsigned number;
    struct world *w = calloc(1, sizeof *w);
    struct err e = {0};
    char name[64];
    CHECK(w);
    if (!redis_url_parse(getenv("BUNDLE_TEST_REDIS"), "", &w->url, &e) ||
        !redis_open(&w->redis, &w->url, "test", 5000, &e)) {
        (void)fprintf(stderr, "%s\n", e.message);
        free(w);
        return -1;
    }
    (void)snprintf(name, sizeof name, "test_io-%d-%u", (int)getpid(), number++);
    queue_init(&w->queue, name, &QUEUE_TEST_LIMITS);
    w->seen = mmap(NULL, sizeof *w->seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    w->said_fd = memfd_create("said", MFD_CLOEXEC);
    CHECK(w->seen != MAP_FAILED && w->said_fd >= 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    if (w->pid > 0) { // the test failed
        (void)kill(w->pid, SIGKILL);
        (void)waitpid(w->pid, NULL, 0);
    }
    struct str all = said(w);
    (void)fwrite(all.ptr, 1, all.len, stderr);
    (void)close(w->said_fd);
    (void)munmap(w->seen, sizeof *w->seen);
    redis_close(w->redis);
    redis_url_forget(&w->url);
    free(w);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(tasks_begin_at_once_and_join),
        TEST(neither_lane_stands_in_the_others_way),
        TEST(a_cancelled_job_is_told_to_its_io),
        TEST(what_waits_when_it_stops_is_handed_back),
        TEST(what_ends_within_the_grace_period_is_done),
        TEST(what_does_not_listen_is_closed),
    };
    if (!getenv("BUNDLE_TEST_REDIS")) {
        (void)puts("skipped: BUNDLE_TEST_REDIS names no Redis (scripts/test sets it)");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
