#include "worker/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs what stands above it
#include <cmocka.h>

#include "common/check.h"

#include "common/queue.h"

static char *NO_ENVIRONMENT[] = {NULL};

static void every_default_is_within_its_bounds(void **state)
{
    (void)state;
    struct settings s;
    struct err e = {0};
    const struct settings_sources none = {0};
    assert_true(settings_load(&s, &none, NO_ENVIRONMENT, &e));
    assert_int_equal(s.queue_lease_ms, 10000);
    assert_string_equal(s.queue_name, "bundles");
    assert_int_equal(s.log_level, 1);
}

static void keys_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTINGS_TABLE.n; i++)
        for (size_t k = i + 1; k < SETTINGS_TABLE.n; k++)
            assert_string_not_equal(SETTINGS_TABLE.keys[i].name, SETTINGS_TABLE.keys[k].name);
}

// When this fails: bundlectl config --defaults > config/worker.conf
static void worker_conf_is_current(void **state)
{
    (void)state;
    static char there[1 << 17];
    FILE *f = fopen(WORKER_CONF, "r");
    assert_non_null(f);
    size_t len = fread(there, 1, sizeof there - 1, f);
    assert_int_equal(fclose(f), 0);
    AUTO(buf_fini) struct buf wanted;
    buf_init(&wanted, sizeof there);
    config_print_defaults(&SETTINGS_TABLE, &wanted);
    there[len] = '\0';
    assert_string_equal(there, wanted.data);
}

static void worker_conf_reads_back_as_the_defaults(void **state)
{
    (void)state;
    static struct settings by_default, by_file;
    struct err e = {0};
    const struct settings_sources none = {0}, file = {.file = WORKER_CONF};
    assert_true(settings_load(&by_default, &none, NO_ENVIRONMENT, &e));
    assert_true(settings_load(&by_file, &file, NO_ENVIRONMENT, &e));
    AUTO(buf_fini) struct buf a, b;
    buf_init(&a, 1 << 17);
    buf_init(&b, 1 << 17);
    config_print_values(&SETTINGS_TABLE, &by_default, &a);
    config_print_values(&SETTINGS_TABLE, &by_file, &b);
    assert_string_equal(a.data, b.data);
}

static void sources_in_order_of_precedence(void **state)
{
    (void)state;
    struct settings s;
    struct err e = {0};
    char conf[] = "/tmp/bundle-settings-test-XXXXXX";
    int fd = mkstemp(conf);
    static const char TEXT[] = "queue.lease_ms = 6000\nqueue.attempts = 4\njob.deadline_s = 50\n";
    assert_int_equal(write(fd, TEXT, sizeof TEXT - 1), (ssize_t)sizeof TEXT - 1);
    assert_int_equal(close(fd), 0);
    char variable[64];
    (void)snprintf(variable, sizeof variable, "BUNDLE_CONFIG=%s", conf);
    char *environment[] = {variable, (char[]){"BUNDLE_QUEUE_ATTEMPTS=5"}, (char[]){"BUNDLE_JOB_DEADLINE_S=60"}, NULL};
    const struct settings_sources from = {.sets = {"job.deadline_s=70"}, .n_sets = 1};
    bool ok = settings_load(&s, &from, environment, &e);
    assert_int_equal(unlink(conf), 0);
    assert_true(ok);
    assert_int_equal(s.queue_lease_ms, 6000);
    assert_int_equal(s.queue_attempts, 5);
    assert_int_equal(s.job_deadline_s, 70);
}

static void refuses(const char *assignment, const char *message)
{
    struct settings s;
    struct err e = {0};
    const struct settings_sources from = {.sets = {assignment}, .n_sets = 1};
    assert_false(settings_load(&s, &from, NO_ENVIRONMENT, &e));
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_string_equal(e.message, message);
}

static void settings_must_fit_each_other(void **state)
{
    (void)state;
    refuses("queue.beat_ms=4000", "queue.beat_ms (4000) must be at most a third of queue.lease_ms (10000)");
    refuses("queue.sweep_ms=3000", "queue.sweep_ms (3000) must be at most a quarter of queue.lease_ms (10000)");
    refuses("queue.name=", "queue.name must not be empty or contain braces or spaces");
    refuses("queue.name={x}", "queue.name must not be empty or contain braces or spaces");
}

static void views_carry_the_settings(void **state)
{
    (void)state;
    struct settings s;
    struct err e = {0};
    const struct settings_sources from = {
        .sets = {"enrich.new_days=7", "mining.pairs_max=99", "offers.margin_floor=0.25", "queue.keep_s=77",
                 "enrich.season_words=diwali", "job.memory_mb=32"},
        .n_sets = 6,
    };
    assert_true(settings_load(&s, &from, NO_ENVIRONMENT, &e));
    struct enrich_rules enrich = settings_enrich_rules(&s);
    assert_int_equal(enrich.new_days, 7);
    assert_int_equal(enrich.memory_max_bytes, 32u << 20);
    assert_true(str_eq(enrich.season_words, STR("diwali")));
    assert_true(enrich.as_of == DATE_UNKNOWN);
    assert_int_equal(settings_mined_rules(&s).evidence.pairs_max, 99);
    assert_true(settings_offer_rules(&s).margin_floor == 0.25);
    assert_int_equal(settings_queue_limits(&s).keep_s, 77);
}

static void print_mining(const char *assignment, struct buf *out)
{
    struct settings s;
    struct err e = {0};
    const struct settings_sources one = {.sets = {assignment}, .n_sets = 1};
    buf_init(out, 1 << 20);
    assert_true(settings_load(&s, &one, NO_ENVIRONMENT, &e));
    settings_print_mining(&s, out);
}

static void what_shapes_artefacts_is_told_apart(void **state)
{
    (void)state;
    static const char *const SHAPING[] = {"mining.shrink=4", "mining.pairs_max=5", "enrich.new_days=31",
                                          "enrich.season_words=rain"};
    AUTO(buf_fini) struct buf plain;
    print_mining("offers.bundles_max=7", &plain);
    for (size_t i = 0; i < ARRAY_LEN(SHAPING); i++) {
        AUTO(buf_fini) struct buf other;
        print_mining(SHAPING[i], &other);
        assert_string_not_equal(plain.data, other.data);
    }
    AUTO(buf_fini) struct buf same;
    print_mining("worker.slots=3", &same);
    assert_string_equal(plain.data, same.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_within_its_bounds),
        cmocka_unit_test(keys_are_unique),
        cmocka_unit_test(worker_conf_is_current),
        cmocka_unit_test(worker_conf_reads_back_as_the_defaults),
        cmocka_unit_test(sources_in_order_of_precedence),
        cmocka_unit_test(settings_must_fit_each_other),
        cmocka_unit_test(views_carry_the_settings),
        cmocka_unit_test(what_shapes_artefacts_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
