#include "worker/runtime/slots.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/failpoint.h"
#include "common/thread.h"
#include "worker/runtime/mailbox.h"

struct line { // of tasks that no slot has begun, oldest first
    struct task *first, **end;
};

struct slots {
    pthread_mutex_t lock;
    pthread_cond_t is_work;
    struct line urgent, others;
    unsigned n_idle;
    bool is_closing;
    struct slots_hooks hooks;
    struct mailbox *mailbox;
    unsigned n;
    pthread_t threads[];
};

struct slot_start {
    struct slots *slots;
    unsigned number;
};

static void line_init(struct line *l)
{
    l->first = NULL;
    l->end = &l->first;
}

static void line_append(struct line *l, struct task *t)
{
    t->next = NULL;
    *l->end = t;
    l->end = &t->next;
}

static struct task *line_take(struct line *l)
{
    struct task *t = l->first;
    if (t && !(l->first = t->next))
        l->end = &l->first;
    return t;
}

static struct task *next_task(struct slots *s)
{
    struct task *t = line_take(&s->urgent);
    return t ? t : line_take(&s->others);
}

// must_wake: ends lie in the mailbox of which the loop has not been told.
static struct task *wait_for_task(struct slots *s, bool must_wake)
{
    (void)pthread_mutex_lock(&s->lock);
    struct task *t = next_task(s);
    if (!t && must_wake) {
        (void)pthread_mutex_unlock(&s->lock);
        mailbox_wake(s->mailbox);
        (void)pthread_mutex_lock(&s->lock);
    }
    s->n_idle++;
    while (!t && !(t = next_task(s)) && !s->is_closing)
        (void)pthread_cond_wait(&s->is_work, &s->lock);
    s->n_idle--;
    (void)pthread_mutex_unlock(&s->lock);
    return t;
}

static bool run_kind(struct task *t, void *slot, struct err *e)
{
    if (!t->kind)
        return err_set(e, ERR_INTERNAL, "this worker does not know stage \"" STR_FMT "\": is it older than its peers?",
                       STR_ARG(t->stage));
    if (atomic_load(&t->is_cancelled))
        return err_set(e, ERR_CANCELLED, "cancelled before it began");
    return t->kind->run(t, slot, e);
}

static void run(struct task *t, void *slot)
{
    struct err e = {0};
    task_enter(t);
    bool ok = run_kind(t, slot, &e);
    task_note_end(t, ok, &e);
    task_leave();
}

static void *slot_main(void *argument)
{
    struct slot_start *start = argument;
    struct slots *s = start->slots;
    char name[16];
    (void)snprintf(name, sizeof name, "slot-%u", start->number);
    (void)pthread_setname_np(pthread_self(), name);
    void *slot = s->hooks.slot_open(s->hooks.context, start->number);
    free(start);
    bool must_wake = false;
    for (struct task *t; (t = wait_for_task(s, must_wake));) {
        FAILPOINT("task.before");
        run(t, slot);
        FAILPOINT("task.after");
        must_wake = mailbox_post_task(s->mailbox, t);
    }
    s->hooks.slot_close(slot);
    return NULL;
}

static void open_slot(struct slots *s, unsigned i)
{
    struct slot_start *start = malloc(sizeof *start);
    CHECK(start);
    *start = (struct slot_start){s, i};
    CHECK(thread_start(&s->threads[i], slot_main, start));
}

struct slots *slots_create(unsigned n, const struct slots_hooks *hooks, struct mailbox *mailbox)
{
    struct slots *s = calloc(1, sizeof *s + n * sizeof s->threads[0]);
    CHECK(s);
    CHECK(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->is_work, NULL) == 0);
    line_init(&s->urgent);
    line_init(&s->others);
    s->hooks = *hooks;
    s->mailbox = mailbox;
    s->n = n;
    for (unsigned i = 0; i < n; i++)
        open_slot(s, i);
    return s;
}

void slots_destroy(struct slots *s)
{
    (void)pthread_mutex_lock(&s->lock);
    CHECK(!s->urgent.first && !s->others.first);
    s->is_closing = true;
    (void)pthread_cond_broadcast(&s->is_work);
    (void)pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->n; i++)
        (void)pthread_join(s->threads[i], NULL);
    (void)pthread_cond_destroy(&s->is_work);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

void slots_push(struct slots *s, struct task *take_tasks)
{
    (void)pthread_mutex_lock(&s->lock);
    unsigned n = 0;
    for (struct task *t = take_tasks, *next; t; t = next, n++) {
        next = t->next;
        line_append(t->kind && t->kind->urgency > 0 ? &s->others : &s->urgent, t);
    }
    unsigned n_woken = n < s->n_idle ? n : s->n_idle;
    (void)pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < n_woken; i++) // not under the lock: it is the first thing that they want
        (void)pthread_cond_signal(&s->is_work);
}

struct task *slots_take_back(struct slots *s)
{
    (void)pthread_mutex_lock(&s->lock);
    struct task *t = next_task(s);
    (void)pthread_mutex_unlock(&s->lock);
    return t;
}
