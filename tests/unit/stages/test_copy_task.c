// A copy task that has nobody to ask, or that is spoilt, ends at once and says why.

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/check.h"
#include "common/mp.h"
#include "worker/copy/prompt.h"
#include "worker/stages/copy_stage.h"

static struct event_base *base;
static struct mailbox *mailbox;
static struct settings settings = {.queue_result_max = 1 << 20, .copy_budget_s = 90};
static struct stages_env env = {.settings = &settings};

static void on_mail(void *context)
{
    (void)context;
}

static int setup(void **state)
{
    (void)state;
    base = event_base_new();
    CHECK(base);
    mailbox = mailbox_create(base, on_mail, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mailbox_destroy(mailbox);
    event_base_free(base);
    libevent_global_shutdown();
    return 0;
}

static void put_shared(struct buf *b)
{
    buf_init(b, 1 << 16);
    mp_put_envelope(b, "copy-shared", COPY_SHARED_VERSION, 3);
    mp_put_key(b, "model");
    mp_put_str(b, STR("m"));
    mp_put_key(b, "locale");
    mp_put_str(b, STR("en"));
    mp_put_key(b, "opened_ms");
    mp_put_int(b, 1000);
}

static void put_payload(struct buf *b, size_t n, const char *facts, const char *key)
{
    buf_init(b, 1 << 16);
    mp_put_envelope(b, "copy-task", COPY_TASK_VERSION, 3);
    mp_put_key(b, "requests");
    mp_put_int(b, 5);
    mp_put_key(b, "tokens");
    mp_put_int(b, 5000);
    mp_put_key(b, "briefs");
    mp_put_array(b, n);
    for (size_t i = 0; i < n; i++) {
        mp_put_array(b, 3);
        mp_put_int(b, (int64_t)i);
        mp_put_str(b, str_of(facts));
        mp_put_str(b, str_of(key));
    }
}

static const char KEY[] = "0123456789abcdef0123456789abcdef", FACTS[] = "{\"type\":\"FBT\"}";

// The task, ended; the caller destroys it.
static struct task *run(struct str shared, struct str payload, bool is_partial)
{
    const struct queue_claimed_job from = {.id = STR("j"),
                                           .shop = STR("s"),
                                           .upload = STR("u"),
                                           .stage = STR("copy"),
                                           .shared = shared,
                                           .left_ms = 60000,
                                           .is_partial = is_partial};
    const struct queue_claim claim = {.task = STR("copy.00001"), .payload = payload};
    struct task_job *job = task_job_create(&from);
    struct task *t = task_create(NULL, mailbox, job, &claim, STR("7.1250-w"));
    task_job_release(job);
    stage_copy_begin(t, &env);
    struct mail *mail = mailbox_take(mailbox);
    assert_non_null(mail);
    assert_null(mail->next);
    assert_ptr_equal(mail->task, t);
    return t;
}

static void wants_reason(struct task *t, const char *kind)
{
    struct bundle_row rows[2] = {{.ai_copy = STR("{\"source\":\"template\"}")},
                                 {.ai_copy = STR("{\"source\":\"template\"}")}};
    struct bundle_rows all = {rows, 2};
    const uint32_t asked[] = {0, 1};
    const struct copy_plan plan = {.asked = asked, .n_asked = 2};
    struct task_input input = {STR("copy.00001"), t->result};
    struct task publish = {.inputs = &input, .n_inputs = 1};
    struct buf metrics;
    char wanted[64];
    arena_init(&publish.memory, 0);
    buf_init(&metrics, 1 << 16);
    copy_put(&publish, &settings, &plan, &all, &metrics);
    (void)snprintf(wanted, sizeof wanted, "\"reasons\":{\"%s\":2}", kind);
    assert_non_null(strstr(metrics.data, wanted));
    assert_non_null(strstr(metrics.data, "\"took_ms\":250")); // drawn so long after the stage was opened
    buf_fini(&metrics);
    arena_fini(&publish.memory);
}

static void without_a_model_or_time_it_ends_with_template_copy(void **state)
{
    (void)state;
    struct buf shared, payload;
    put_shared(&shared);
    put_payload(&payload, 2, FACTS, KEY);
    for (int is_partial = 0; is_partial < 2; is_partial++) {
        struct task *t = run(buf_str(&shared), buf_str(&payload), is_partial);
        assert_int_equal(t->outcome, QUEUE_DONE);
        wants_reason(t, is_partial ? "deadline" : "no_model");
        task_destroy(t);
    }
    buf_fini(&shared);
    buf_fini(&payload);
}

static void fails(struct str shared, struct str payload)
{
    struct task *t = run(shared, payload, false);
    assert_true(t->outcome == QUEUE_FAILED || t->outcome == QUEUE_RETRY);
    assert_true(t->reason.len > 0);
    task_destroy(t);
}

static void spoilt_facts_fail(void **state)
{
    (void)state;
    static char long_facts[40000];
    const char *const spoilt[] = {"", "{}", "[1]", "text", long_facts};
    struct buf shared, payload;
    put_shared(&shared);
    memset(long_facts, ' ', sizeof long_facts - 1);
    long_facts[0] = '{';
    for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
        put_payload(&payload, 1, spoilt[i], KEY);
        fails(buf_str(&shared), buf_str(&payload));
        buf_fini(&payload);
    }
    buf_fini(&shared);
}

static void what_is_spoilt_fails(void **state)
{
    (void)state;
    struct buf shared, payload, none, many, bad_key;
    put_shared(&shared);
    put_payload(&payload, 2, FACTS, KEY);
    put_payload(&none, 0, FACTS, KEY);
    put_payload(&many, PROMPT_BRIEFS_MAX + 1, FACTS, KEY);
    put_payload(&bad_key, 1, FACTS, "short");
    fails(STR(""), buf_str(&payload));
    fails(buf_str(&payload), buf_str(&payload));
    fails(buf_str(&shared), STR(""));
    fails(buf_str(&shared), buf_str(&none));
    fails(buf_str(&shared), buf_str(&many));
    fails(buf_str(&shared), buf_str(&bad_key));
    buf_fini(&shared);
    buf_fini(&payload);
    buf_fini(&none);
    buf_fini(&many);
    buf_fini(&bad_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_model_or_time_it_ends_with_template_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_spoilt_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(spoilt_facts_fail, setup, teardown),
    };
    return cmocka_run_group_tests_name("copy_task", tests, NULL, NULL);
}
