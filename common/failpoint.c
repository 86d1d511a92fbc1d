#include "common/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/check.h"
#include "common/str.h"

enum action { ACTION_NONE, ACTION_KILL, ACTION_STOP, ACTION_SLEEP, ACTION_EXIT };

struct point {
    const char *name;
    enum action action;
    int64_t ms, nth; // 0: not said
    atomic_llong hits;
};

#define POINT_ROW(name_, where_) {.name = (name_)},
static struct point points[] = {FAILPOINT_LIST(POINT_ROW)};
static int log_fd = -1;
static pthread_once_t is_read = PTHREAD_ONCE_INIT;

static struct point *find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        if (str_eq(name, str_of(points[i].name)))
            return &points[i];
    return NULL;
}

_Noreturn static void wrong(const char *specification, const char *why)
{
    (void)fprintf(stderr, "FAILPOINTS=\"%s\": %s (common/failpoint.h says how)\n", specification, why);
    abort();
}

// What stands behind `mark`, as a number > 0; *text is cut there. 0: no such mark.
static int64_t cut_number(struct str *text, char mark, const char *all)
{
    int64_t number;
    const char *at = memchr(text->ptr, mark, text->len);
    if (!at)
        return 0;
    struct str digits = {at + 1, text->len - (size_t)(at + 1 - text->ptr)};
    if (!str_to_int(digits, &number) || number <= 0)
        wrong(all, "a number > 0 stands behind : and @");
    text->len = (size_t)(at - text->ptr);
    return number;
}

static enum action action_of_name(struct str name, const char *all)
{
    static const char *const NAMES[] = {"", "kill", "stop", "sleep", "exit"};
    for (size_t i = 1; i < ARRAY_LEN(NAMES); i++)
        if (str_eq(name, str_of(NAMES[i])))
            return (enum action)i;
    wrong(all, "an action is kill, stop, sleep or exit");
}

static void read_one(struct str text, const char *all)
{
    const char *equals = memchr(text.ptr, '=', text.len);
    struct point *p = equals ? find((struct str){text.ptr, (size_t)(equals - text.ptr)}) : NULL;
    if (!p)
        wrong(all, "no such point");
    struct str rest = {equals + 1, text.len - (size_t)(equals + 1 - text.ptr)};
    p->nth = cut_number(&rest, '@', all);
    p->ms = cut_number(&rest, ':', all);
    p->action = action_of_name(rest, all);
    if ((p->action == ACTION_SLEEP) != (p->ms > 0))
        wrong(all, "sleep wants milliseconds, and nothing else does");
}

static void read_environment(void)
{
    const char *all = getenv("FAILPOINTS"), *log = getenv("FAILPOINT_LOG");
    if (log && *log && (log_fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) < 0)
        wrong(log, "FAILPOINT_LOG cannot be written");
    for (const char *at = all; at && *at;) {
        size_t len = strcspn(at, ",");
        read_one((struct str){at, len}, all);
        at += len + (at[len] == ',');
    }
}

static void note(const char *name)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s\n", name);
    if (log_fd >= 0)
        CHECK(write(log_fd, line, (size_t)len) == len); // one write: lines of several processes stay whole
}

static void wait_ms(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static void act(const struct point *p)
{
    switch (p->action) {
    case ACTION_NONE:
        return;
    case ACTION_KILL:
        (void)pthread_kill(pthread_self(), SIGKILL);
        return;
    case ACTION_STOP:
        (void)pthread_kill(pthread_self(), SIGSTOP); // of this thread: it gets no further
        return;
    case ACTION_SLEEP:
        wait_ms(p->ms);
        return;
    case ACTION_EXIT:
        _exit(1);
    }
}

void failpoint_hit(const char *name)
{
    (void)pthread_once(&is_read, read_environment);
    struct point *p = find(str_of(name));
    CHECK(p);
    long long hit = atomic_fetch_add(&p->hits, 1) + 1;
    note(name);
    if (p->nth == 0 || hit == p->nth)
        act(p);
}
