// What copy tasks leave comes into the rows, and the metrics say so; whatever is missing or spoilt is template copy.

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/mp.h"
#include "worker/stages/copy_stage.h"

enum { N_ROWS = 6 };

static const char TEMPLATE[] = "{\"title\":\"T\",\"source\":\"template\"}";
static const uint32_t ASKED[] = {1, 2, 3, 4};

// As the copywriter leaves it.
#define COPY_BUT_END(title)                                                                                            \
    "{\"title\":\"" title                                                                                              \
    "\",\"description\":\"d\",\"value_proposition\":\"v\",\"features\":[\"f\"],\"benefits\":[\"b\"]"                   \
    ",\"model\":\"m\",\"locale\":\"en\",\"key\":\"k\""
#define COPY(title) COPY_BUT_END(title) "}"

struct world {
    struct task task;
    struct task_input inputs[4];
    struct bundle_row rows[N_ROWS];
    struct bundle_rows all;
    struct copy_plan plan;
    struct settings settings;
    struct buf buffers[4];
    json_t *metrics;
};

static struct world *begin(void)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    arena_init(&w->task.memory, 0);
    w->task.inputs = w->inputs;
    w->inputs[w->task.n_inputs++] = (struct task_input){STR("merge"), STR("not looked at")};
    for (size_t i = 0; i < N_ROWS; i++)
        w->rows[i].ai_copy = str_of(TEMPLATE);
    w->all = (struct bundle_rows){w->rows, N_ROWS};
    w->plan = (struct copy_plan){
        .is_enabled = true, .model = STR("m"), .locale = STR("en"), .asked = ASKED, .n_asked = 4, .n_reused = 1};
    copy_count(&w->plan.kinds, STR("rank"), 1);
    return w;
}

static void end(struct world *w)
{
    json_decref(w->metrics);
    for (size_t i = 0; i < 4; i++)
        buf_fini(&w->buffers[i]);
    arena_fini(&w->task.memory);
    free(w);
}

static void put_row(struct buf *b, int64_t row, const char *source, const char *json, const char *reason,
                    const char *kind)
{
    mp_put_array(b, 5);
    mp_put_int(b, row);
    mp_put_str(b, str_of(source));
    mp_put_str(b, str_of(json));
    mp_put_str(b, str_of(reason));
    mp_put_str(b, str_of(kind));
}

static struct buf *begin_result(struct world *w, const char *task, int64_t after_ms, size_t n)
{
    struct buf *b = &w->buffers[w->task.n_inputs];
    const struct copy_usage usage = {.requests = 2, .tokens_in = 1000000, .tokens_out = 500000, .slowest_ms = after_ms};
    buf_init(b, 1 << 16);
    mp_put_envelope(b, "copy-result", COPY_RESULT_VERSION, 3);
    mp_put_key(b, "after_ms");
    mp_put_int(b, after_ms);
    mp_put_key(b, "usage");
    copy_usage_encode(&usage, b);
    mp_put_key(b, "written");
    mp_put_array(b, n);
    w->inputs[w->task.n_inputs].task = str_of(task);
    return b;
}

static void end_result(struct world *w)
{
    w->inputs[w->task.n_inputs].result = buf_str(&w->buffers[w->task.n_inputs]);
    w->task.n_inputs++;
}

static void put(struct world *w)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    copy_put(&w->task, &w->settings, &w->plan, &w->all, &text);
    w->metrics = json_loadb(text.data, text.len, 0, NULL);
    assert_non_null(w->metrics);
    buf_fini(&text);
}

static json_int_t number(const struct world *w, const char *group, const char *key)
{
    const json_t *in = group ? json_object_get(w->metrics, group) : w->metrics;
    return json_integer_value(json_object_get(in, key));
}

static void row_is(const struct world *w, size_t i, const char *wanted)
{
    char text[512];
    (void)snprintf(text, sizeof text, STR_FMT, STR_ARG(w->rows[i].ai_copy));
    assert_string_equal(text, wanted);
}

static void put_both(struct world *w)
{
    struct buf *b = begin_result(w, "copy.00001", 70, 2);
    put_row(b, 1, "model", COPY("A"), "", "");
    put_row(b, 2, "template", "", "it says \"free\"", "claim");
    end_result(w);
    b = begin_result(w, "copy.00002", 50, 2);
    put_row(b, 4, "cache", COPY("B"), "", "");
    put_row(b, 3, "template", "", "it says more", "claim");
    end_result(w);
}

static void rows_and_metrics_say_where_copy_is_from(void **state)
{
    (void)state;
    struct world *w = begin();
    put_both(w);
    w->settings.copy_price_in = 2;
    w->settings.copy_price_out = 4;
    put(w);
    row_is(w, 0, TEMPLATE); // not asked for: merge has said why
    row_is(w, 1, COPY_BUT_END("A") ",\"source\":\"model\"}");
    row_is(w, 2, "{\"title\":\"T\",\"source\":\"template\",\"reason\":\"it says \\\"free\\\"\"}");
    row_is(w, 4, COPY_BUT_END("B") ",\"source\":\"cache\"}");
    assert_int_equal(number(w, "bundles", "model"), 1);
    assert_int_equal(number(w, "bundles", "cache"), 2); // and the one that was reused
    assert_int_equal(number(w, "bundles", "template"), 3);
    assert_int_equal(number(w, "reasons", "claim"), 2);
    assert_int_equal(number(w, "reasons", "rank"), 1);
    assert_int_equal(number(w, NULL, "requests"), 4);
    assert_int_equal(number(w, NULL, "slowest_ms"), 70);
    assert_int_equal(number(w, NULL, "took_ms"), 70);
    assert_int_equal(number(w, NULL, "rows_reused"), 1);
    assert_true(json_real_value(json_object_get(w->metrics, "cost")) == 8.0);
    end(w);
}

static void without_prices_there_is_no_cost(void **state)
{
    (void)state;
    struct world *w = begin();
    put(w);
    assert_true(json_is_null(json_object_get(w->metrics, "cost")));
    end(w);
}

static void what_did_not_come_is_template_copy(void **state)
{
    (void)state;
    for (int is_partial = 0; is_partial < 2; is_partial++) {
        struct world *w = begin();
        struct buf *b = begin_result(w, "copy.00001", 1, 1);
        put_row(b, 2, "model", COPY("A"), "", "");
        end_result(w);
        w->task.is_partial = is_partial;
        put(w);
        row_is(w, 3,
               is_partial
                   ? "{\"title\":\"T\",\"source\":\"template\",\"reason\":\"" COPY_NO_TIME "\"}"
                   : "{\"title\":\"T\",\"source\":\"template\",\"reason\":\"the step that writes its copy failed\"}");
        assert_int_equal(number(w, "reasons", is_partial ? "deadline" : "failed"), 3);
        assert_int_equal(number(w, "bundles", "model"), 1);
        end(w);
    }
}

static void spoilt_results_cost_no_job(void **state)
{
    static const struct {
        int64_t row;
        const char *source, *json;
    } BAD[] = {{0, "model", COPY("A")}, // nobody asked for it
               {6, "model", COPY("A")}, // there is no such row
               {-1, "model", COPY("A")},   {1, "model", ""},         {1, "model", "[1]"},
               {1, "template", COPY("A")}, {1, "model", "{\"x\":}"}, {1, "cache", "{\"title\":\"A\"}"}};
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct world *w = begin();
        struct buf *b = begin_result(w, "copy.00001", 1, 1);
        put_row(b, BAD[i].row, BAD[i].source, BAD[i].json, "", "");
        end_result(w);
        w->inputs[w->task.n_inputs++] = (struct task_input){STR("copy.00002"), STR("\xc1")};
        put(w);
        row_is(w, 0, TEMPLATE);
        assert_int_equal(number(w, "bundles", "model"), 0);
        assert_int_equal(number(w, "reasons", "failed"), 4);
        end(w);
    }
}

static void a_plan_comes_back_as_it_was(void **state)
{
    (void)state;
    struct world *w = begin();
    struct buf *b = &w->buffers[0];
    struct mp_doc *doc = NULL;
    struct copy_plan plan;
    struct err e;
    buf_init(b, 1 << 16);
    copy_plan_encode(&w->plan, b);
    assert_true(mp_open(&doc, b->data, b->len, &MP_LIMITS_MESSAGE, &e));
    assert_true(copy_plan_decode(&plan, mp_root(doc), N_ROWS, &w->task.memory, &e));
    assert_true(plan.is_enabled && plan.n_asked == 4 && plan.asked[3] == 4 && plan.n_reused == 1);
    assert_true(str_eq(plan.model, STR("m")) && plan.kinds.n == 1 && plan.kinds.of[0].n == 1);
    assert_false(copy_plan_decode(&plan, mp_root(doc), 4, &w->task.memory, &e)); // row 4 of 4
    assert_false(copy_plan_decode(&plan, NULL, 4, &w->task.memory, &e));
    mp_close(doc);
    end(w);
}

static void kinds_are_counted_in_order(void **state)
{
    struct copy_counts c = {0};
    (void)state;
    copy_count(&c, STR("b"), 1);
    copy_count(&c, STR("a"), 2);
    copy_count(&c, STR("b"), 3);
    copy_count(&c, STR("c"), 0);
    assert_int_equal(c.n, 2);
    assert_true(str_eq(c.of[0].kind, STR("a")) && c.of[0].n == 2 && c.of[1].n == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_metrics_say_where_copy_is_from),
        cmocka_unit_test(without_prices_there_is_no_cost),
        cmocka_unit_test(what_did_not_come_is_template_copy),
        cmocka_unit_test(spoilt_results_cost_no_job),
        cmocka_unit_test(a_plan_comes_back_as_it_was),
        cmocka_unit_test(kinds_are_counted_in_order),
    };
    return cmocka_run_group_tests_name("copy_put", tests, NULL, NULL);
}
