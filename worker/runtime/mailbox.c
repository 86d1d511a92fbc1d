#include "worker/runtime/mailbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/check.h"
#include "common/clock.h"
#include "worker/runtime/task.h"

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first;
    struct mail **end;
    struct event *wake, *look;
    void (*on_mail)(void *context);
    void *context;
    int64_t patience_us;
    // Until then `look` will be seen to fire: what is posted before need not wake anybody.
    _Atomic int64_t looks_until_us;
};

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct mailbox *m = context;
    m->on_mail(m->context);
}

struct mailbox *mailbox_create(struct event_base *base, void (*on_mail)(void *context), void *context)
{
    struct mailbox *m = calloc(1, sizeof *m);
    CHECK(m);
    CHECK(pthread_mutex_init(&m->lock, NULL) == 0);
    m->end = &m->first;
    m->on_mail = on_mail;
    m->context = context;
    m->wake = event_new(base, -1, EV_PERSIST, on_wake, m);
    m->look = evtimer_new(base, on_wake, m);
    CHECK(m->wake && m->look);
    return m;
}

void mail_destroy(struct mail *mail)
{
    if (mail->task)
        return;
    redis_cmd_fini(&mail->cmd);
    free(mail);
}

void mailbox_destroy(struct mailbox *m)
{
    for (struct mail *mail = m->first, *next; mail; mail = next) {
        next = mail->next;
        if (mail->task)
            task_destroy(mail->task);
        else
            mail_destroy(mail);
    }
    event_free(m->wake);
    event_free(m->look);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

static void put(struct mailbox *m, struct mail *mail)
{
    mail->next = NULL;
    (void)pthread_mutex_lock(&m->lock);
    *m->end = mail;
    m->end = &mail->next;
    (void)pthread_mutex_unlock(&m->lock);
}

void mailbox_wake(struct mailbox *m)
{
    event_active(m->wake, EV_READ, 0);
}

void mailbox_post_cmd(struct mailbox *m, struct redis_cmd *take_cmd)
{
    struct mail *mail = malloc(sizeof *mail);
    CHECK(mail);
    *mail = (struct mail){.cmd = *take_cmd};
    *take_cmd = (struct redis_cmd){0};
    put(m, mail);
    mailbox_wake(m);
}

bool mailbox_post_task(struct mailbox *m, struct task *take_task)
{
    take_task->mail.task = take_task;
    put(m, &take_task->mail);
    // The clock is read after that: a look that comes later finds it.
    if (clock_mono_us() < atomic_load(&m->looks_until_us))
        return true;
    mailbox_wake(m);
    return false;
}

static void look_later(struct mailbox *m)
{
    int64_t now_us = clock_mono_us();
    const struct timeval after = {.tv_sec = m->patience_us / 1000000, .tv_usec = m->patience_us % 1000000};
    (void)evtimer_add(m->look, &after);
    atomic_store(&m->looks_until_us, now_us + m->patience_us);
}

struct mail *mailbox_take(struct mailbox *m)
{
    // The timer goes by libevent's clock, which may be behind ours: `look` may fire before that time. From here on
    // whoever posts wakes, or what it posted is taken below.
    atomic_store(&m->looks_until_us, 0);
    (void)pthread_mutex_lock(&m->lock);
    struct mail *mail = m->first;
    m->first = NULL;
    m->end = &m->first;
    (void)pthread_mutex_unlock(&m->lock);
    if (mail && m->patience_us > 0)
        look_later(m);
    return mail;
}

void mailbox_expect(struct mailbox *m, int64_t patience_us)
{
    m->patience_us = patience_us;
    if (patience_us > 0)
        look_later(m);
}
