#include "worker/runtime/mailbox.h"

#include <pthread.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/check.h"
#include "worker/runtime/task.h"

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first;
    struct mail **end;
    struct event *wake;
    void (*on_mail)(void *context);
    void *context;
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
    CHECK(m->wake);
    return m;
}

void mail_destroy(struct mail *mail)
{
    redis_cmd_fini(&mail->cmd);
    free(mail);
}

void mailbox_destroy(struct mailbox *m)
{
    struct mail *mail;
    while ((mail = mailbox_take(m))) {
        task_destroy(mail->task);
        mail_destroy(mail);
    }
    event_free(m->wake);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

static void post(struct mailbox *m, struct mail mail)
{
    struct mail *copy = malloc(sizeof *copy);
    CHECK(copy);
    *copy = mail;
    copy->next = NULL;
    (void)pthread_mutex_lock(&m->lock);
    *m->end = copy;
    m->end = &copy->next;
    (void)pthread_mutex_unlock(&m->lock);
    event_active(m->wake, EV_READ, 0);
}

void mailbox_post_cmd(struct mailbox *m, struct redis_cmd *take_cmd)
{
    post(m, (struct mail){.cmd = *take_cmd});
    *take_cmd = (struct redis_cmd){0};
}

void mailbox_post_task(struct mailbox *m, struct task *take_task)
{
    post(m, (struct mail){.task = take_task});
}

struct mail *mailbox_take(struct mailbox *m)
{
    (void)pthread_mutex_lock(&m->lock);
    struct mail *mail = m->first;
    if (mail) {
        m->first = mail->next;
        if (!m->first)
            m->end = &m->first;
    }
    (void)pthread_mutex_unlock(&m->lock);
    return mail;
}
