// Slots and mailbox together: every task comes back once, urgent ones first, commands before the end of the task that
// posted them, and an end never waits for the task behind it.

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <event2/thread.h>

#include "common/check.h"
#include "worker/runtime/slots.h"

enum { PATIENCE_US = 2000, GIVE_UP_S = 60 };

struct world {
    struct event_base *base;
    struct mailbox *mailbox;
    struct slots *slots;
    atomic_bool may_end; // what the tasks of the kind LONG wait for
    atomic_bool is_long_begun;
    atomic_uint ran;
    unsigned back, commands, wanted;
    unsigned order[16]; // in which they ran: their `attempts`
    bool is_late;
};

static struct world *of_slot(void *slot)
{
    return slot;
}

static bool run_short(struct task *t, void *slot, struct err *e)
{
    (void)e;
    unsigned nth = atomic_fetch_add(&of_slot(slot)->ran, 1);
    if (nth < ARRAY_LEN(of_slot(slot)->order))
        of_slot(slot)->order[nth] = (unsigned)t->attempts;
    return true;
}

static bool run_long(struct task *t, void *slot, struct err *e)
{
    atomic_store(&of_slot(slot)->is_long_begun, true);
    while (!atomic_load(&of_slot(slot)->may_end))
        (void)usleep(100);
    return run_short(t, slot, e);
}

static bool run_speaking(struct task *t, void *slot, struct err *e)
{
    struct redis_cmd c;
    redis_cmd_init(&c, "PING");
    task_post(t, &c);
    return run_short(t, slot, e);
}

static const struct task_kind SHORT = {"short", 1, run_short, NULL}, LONG = {"long", 1, run_long, NULL},
                              URGENT = {"urgent", 0, run_short, NULL}, SPEAKING = {"speaking", 1, run_speaking, NULL};

static void on_mail(void *context)
{
    struct world *w = context;
    for (struct mail *mail = mailbox_take(w->mailbox), *next; mail; mail = next) {
        next = mail->next;
        if (mail->task) {
            assert_int_equal(mail->task->outcome, QUEUE_DONE);
            if (mail->task->kind == &SPEAKING)
                assert_true(w->commands > w->back); // each has said its word before
            w->back++;
            task_destroy(mail->task);
        } else {
            w->commands++;
            mail_destroy(mail);
        }
    }
    if (w->back >= w->wanted)
        (void)event_base_loopbreak(w->base);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct world *w = context;
    w->is_late = true;
    (void)event_base_loopbreak(w->base);
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

static struct world *world_create(unsigned n_slots)
{
    struct world *w = calloc(1, sizeof *w);
    CHECK(w && evthread_use_pthreads() == 0 && (w->base = event_base_new()));
    w->mailbox = mailbox_create(w->base, on_mail, w);
    const struct slots_hooks hooks = {.slot_open = slot_open, .slot_close = slot_close, .context = w};
    w->slots = slots_create(n_slots, &hooks, w->mailbox);
    return w;
}

static void world_destroy(struct world *w)
{
    slots_destroy(w->slots);
    mailbox_destroy(w->mailbox);
    event_base_free(w->base);
    free(w);
}

static struct task *make(struct world *w, const struct task_kind *kind, unsigned number, struct task *next)
{
    struct arena memory; // it lives in its own, as those of task_create do
    arena_init(&memory, 0);
    struct task *t = ARENA_NEW(&memory, struct task);
    t->memory = memory;
    t->job = t->shop = t->upload = t->name = t->ref = STR("x");
    t->kind = kind;
    t->mailbox = w->mailbox;
    t->attempts = number;
    t->next = next;
    return t;
}

// The loop, until so many tasks have come back in all.
static void await(struct world *w, unsigned n)
{
    struct event *late = evtimer_new(w->base, on_late, w);
    const struct timeval limit = {.tv_sec = GIVE_UP_S};
    CHECK(late);
    (void)evtimer_add(late, &limit);
    w->wanted = n;
    if (w->back < n)
        (void)event_base_dispatch(w->base);
    event_free(late);
    assert_false(w->is_late);
    assert_int_equal(w->back, n);
}

static void push(struct world *w, struct task *tasks)
{
    mailbox_expect(w->mailbox, PATIENCE_US);
    slots_push(w->slots, tasks);
}

static void test_every_task_comes_back(void **state)
{
    (void)state;
    enum { BATCHES = 200, EACH = 64 };
    struct world *w = world_create(4);
    for (unsigned i = 1; i <= BATCHES; i++) {
        struct task *chain = NULL;
        for (unsigned k = 0; k < EACH; k++)
            chain = make(w, k % 8 ? &SHORT : &URGENT, k, chain);
        push(w, chain);
        await(w, i * EACH);
    }
    assert_int_equal(atomic_load(&w->ran), BATCHES * EACH);
    world_destroy(w);
}

// Gives the only slot something to do that lasts until may_end.
static void occupy(struct world *w)
{
    push(w, make(w, &LONG, 0, NULL));
    while (!atomic_load(&w->is_long_begun))
        (void)usleep(100);
}

static void test_urgent_tasks_go_first(void **state)
{
    (void)state;
    struct world *w = world_create(1);
    occupy(w);
    push(w, make(w, &SHORT, 1, make(w, &SHORT, 2, make(w, &URGENT, 3, make(w, &URGENT, 4, NULL)))));
    atomic_store(&w->may_end, true);
    await(w, 5);
    const unsigned wanted[] = {0, 3, 4, 1, 2};
    assert_memory_equal(w->order, wanted, sizeof wanted);
    world_destroy(w);
}

// The slot has begun the next task and says nothing for a long time; the loop hears of the first all the same.
static void test_an_end_does_not_wait_for_the_next_task(void **state)
{
    (void)state;
    enum { ROUNDS = 100 };
    struct world *w = world_create(1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_store(&w->may_end, false);
        push(w, make(w, &SHORT, 0, make(w, &LONG, 1, NULL)));
        await(w, 2 * i + 1);
        atomic_store(&w->may_end, true);
        await(w, 2 * i + 2);
    }
    world_destroy(w);
}

static void test_commands_come_before_their_tasks_end(void **state)
{
    (void)state;
    struct world *w = world_create(2);
    struct task *chain = NULL;
    for (unsigned k = 0; k < 500; k++)
        chain = make(w, &SPEAKING, k, chain);
    push(w, chain);
    await(w, 500);
    assert_int_equal(w->commands, 500);
    world_destroy(w);
}

static void test_what_no_slot_has_begun_is_taken_back(void **state)
{
    (void)state;
    struct world *w = world_create(1);
    occupy(w);
    push(w, make(w, &SHORT, 1, make(w, &URGENT, 2, NULL)));
    for (unsigned wanted = 2; wanted > 0; wanted--) { // the urgent one first
        struct task *t = slots_take_back(w->slots);
        assert_non_null(t);
        assert_int_equal(t->attempts, wanted);
        task_destroy(t);
    }
    assert_null(slots_take_back(w->slots));
    atomic_store(&w->may_end, true);
    await(w, 1);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_comes_back),
        cmocka_unit_test(test_urgent_tasks_go_first),
        cmocka_unit_test(test_an_end_does_not_wait_for_the_next_task),
        cmocka_unit_test(test_commands_come_before_their_tasks_end),
        cmocka_unit_test(test_what_no_slot_has_begun_is_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
