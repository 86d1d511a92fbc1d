#include "worker/settings.h"

#include <string.h>

#include "common/both.h"
#include "common/check.h"
#include "common/queue.h"

#define ROW(field_, key_, default_, type_, min_, max_, choices_, is_secret_, comment_)                                 \
    {.name = (key_),                                                                                                   \
     .type = (type_),                                                                                                  \
     .offset = offsetof(struct settings, field_),                                                                      \
     .default_text = (default_),                                                                                       \
     .min = (min_),                                                                                                    \
     .max = (max_),                                                                                                    \
     .choices = (choices_),                                                                                            \
     .is_secret = (is_secret_),                                                                                        \
     .comment = (comment_)},
#define TEXT_ROW(field, key, text, comment) ROW(field, key, text, CONFIG_TEXT, 0, 0, NULL, false, comment)
#define SECRET_ROW(field, key, text, comment) ROW(field, key, text, CONFIG_TEXT, 0, 0, NULL, true, comment)
#define INT_ROW(field, key, n, min, max, comment) ROW(field, key, #n, CONFIG_INT, min, max, NULL, false, comment)
#define REAL_ROW(field, key, x, min, max, comment) ROW(field, key, #x, CONFIG_REAL, min, max, NULL, false, comment)
#define BOOL_ROW(field, key, text, comment) ROW(field, key, text, CONFIG_BOOL, 0, 0, NULL, false, comment)
#define CHOICE_ROW(field, key, text, list, comment) ROW(field, key, text, CONFIG_CHOICE, 0, 0, list, false, comment)

static const struct config_key KEYS[] = {SETTINGS(TEXT_ROW, SECRET_ROW, INT_ROW, REAL_ROW, BOOL_ROW, CHOICE_ROW)};
static const char CONFIG_VARIABLE[] = "BUNDLE_CONFIG";
// The others are the tests': where they find data, and servers of their own.
static const char *const NOT_KEYS[] = {CONFIG_VARIABLE, "BUNDLE_DATA", "BUNDLE_TEST_REDIS", "BUNDLE_TEST_PG", NULL};

const struct config_table SETTINGS_TABLE = {.keys = KEYS, .n = ARRAY_LEN(KEYS), .not_keys = NOT_KEYS};

static const char *file_of_environment(char **environment)
{
    size_t len = sizeof CONFIG_VARIABLE - 1;
    for (char **entry = environment; entry && *entry; entry++)
        if (strncmp(*entry, CONFIG_VARIABLE, len) == 0 && (*entry)[len] == '=' && (*entry)[len + 1])
            return *entry + len + 1;
    return NULL;
}

// What no single row can say: how settings must stand to each other.
static bool settings_check(const struct settings *s, struct err *e)
{
    if (s->queue_beat_ms * 3 > s->queue_lease_ms)
        return err_set(e, ERR_CONFIG, "queue.beat_ms (%lld) must be at most a third of queue.lease_ms (%lld)",
                       (long long)s->queue_beat_ms, (long long)s->queue_lease_ms);
    // A sweep that comes after 3/10 of a lease takes it that nobody swept for a while, and gives all leases more time.
    if (s->queue_sweep_ms * 4 > s->queue_lease_ms)
        return err_set(e, ERR_CONFIG, "queue.sweep_ms (%lld) must be at most a quarter of queue.lease_ms (%lld)",
                       (long long)s->queue_sweep_ms, (long long)s->queue_lease_ms);
    if (strlen(s->queue_name) > QUEUE_NAME_MAX)
        return err_set(e, ERR_CONFIG, "queue.name must be at most %d bytes", QUEUE_NAME_MAX);
    if (s->queue_name[0] == '\0' || strpbrk(s->queue_name, "{} \t"))
        return err_set(e, ERR_CONFIG, "queue.name must not be empty or contain braces or spaces");
    return true;
}

bool settings_load(struct settings *s, const struct settings_sources *from, char **environment, struct err *e)
{
    const char *file = from->file ? from->file : file_of_environment(environment);
    if (!config_defaults(&SETTINGS_TABLE, s, e))
        return false;
    if (file && !config_file(&SETTINGS_TABLE, s, file, e))
        return false;
    if (!config_environment(&SETTINGS_TABLE, s, environment, e))
        return false;
    for (unsigned i = 0; i < from->n_sets; i++)
        if (!config_set(&SETTINGS_TABLE, s, from->sets[i], e))
            return false;
    return settings_check(s, e);
}

struct enrich_rules settings_enrich_rules(const struct settings *s)
{
    struct enrich_rules r = ENRICH_RULES_DEFAULT;
    r.service_ids = str_of(s->enrich_service_ids);
    r.service_words = str_of(s->enrich_service_words);
    r.packaging = str_of(s->enrich_packaging);
    r.season_words = str_of(s->enrich_season_words);
    r.ignores_sku_case = s->enrich_ignore_sku_case;
    r.lines_max = (uint32_t)s->job_lines_max;
    r.memory_max_bytes = (size_t)s->job_memory_mb << 20;
    r.slow_velocity = s->enrich_slow_velocity;
    r.slow_stock = (int32_t)s->enrich_slow_stock;
    r.new_days = (uint32_t)s->enrich_new_days;
    r.high_margin = s->enrich_high_margin;
    return r;
}

static struct mining_rules mining_rules(const struct settings *s)
{
    struct mining_rules r = MINING_RULES_DEFAULT;
    r.neighbours_max = (uint32_t)s->mining_neighbours_max;
    r.pairs_max = (uint32_t)s->mining_pairs_max;
    r.basket_max = (uint32_t)s->mining_basket_max;
    r.shrink = s->mining_shrink;
    r.fade_days = s->mining_fade_days;
    r.lift_min = s->mining_lift_min;
    r.prior_orders = s->mining_prior_orders;
    return r;
}

static struct embedding_rules embedding_rules(const struct settings *s)
{
    struct embedding_rules r = EMBEDDING_RULES_DEFAULT;
    r.passes = (uint32_t)s->mining_item2vec_passes;
    r.contexts = (uint32_t)s->mining_item2vec_contexts;
    r.negatives = (uint32_t)s->mining_item2vec_negatives;
    r.popularity = s->mining_item2vec_popularity;
    r.neighbours_max = (uint32_t)s->mining_item2vec_neighbours_max;
    r.visits_max = (uint32_t)s->mining_item2vec_visits_max;
    r.words_max = (uint32_t)s->mining_item2vec_words_max;
    return r;
}

static struct itemset_limits itemset_limits(const struct settings *s)
{
    return (struct itemset_limits){
        .support_min = s->mining_sets_support_min,
        .sets_max = (uint32_t)s->mining_sets_max,
        .basket_max = (uint32_t)s->mining_basket_max,
        .confidence_min = s->mining_rules_confidence_min,
        .fdr_max = s->mining_rules_fdr_max,
        .shrink = s->mining_shrink,
    };
}

struct mined_rules settings_mined_rules(const struct settings *s)
{
    return (struct mined_rules){
        .evidence = mining_rules(s),
        .itemsets = itemset_limits(s),
        .embedding = embedding_rules(s),
        .memory_max_bytes = (size_t)s->job_memory_mb << 20,
        .both = both_at_once,
    };
}

struct offer_rules settings_offer_rules(const struct settings *s)
{
    struct offer_rules r = OFFER_RULES_DEFAULT;
    r.coverage_weight = s->offers_coverage_weight;
    r.climbs_bottom_up = s->ladder_order == 0;
    r.margin_floor = s->offers_margin_floor;
    r.list_floor = s->offers_list_floor;
    r.allow_out_of_stock = s->offers_allow_out_of_stock;
    r.require_catalog = (enum catalog_need)s->offers_require_catalog;
    r.candidates_per_pair = (uint32_t)s->offers_candidates;
    r.per_pair_max = (uint32_t)s->offers_per_pair_max;
    r.per_products_max = (uint32_t)s->offers_per_products_max;
    r.bundles_max = (uint32_t)s->offers_bundles_max;
    r.fill_up_to = (uint32_t)s->offers_fill_up_to;
    r.preliminary_max = (uint32_t)s->offers_preliminary_max;
    return r;
}

void settings_print_mining(const struct settings *s, struct buf *out)
{
    static const struct str PREFIXES[] = {{"enrich.", 7}, {"mining.", 7}};
    AUTO(buf_fini) struct buf all;
    buf_init(&all, 1 << 20);
    config_print_values(&SETTINGS_TABLE, s, &all);
    CHECK(!all.is_over);
    for (const char *line = buf_str(&all).ptr, *end; (end = strchr(line, '\n')); line = end + 1)
        for (size_t i = 0; i < ARRAY_LEN(PREFIXES); i++)
            if (strncmp(line, PREFIXES[i].ptr, PREFIXES[i].len) == 0)
                buf_put(out, line, (size_t)(end - line) + 1);
}

struct queue_limits settings_queue_limits(const struct settings *s)
{
    return (struct queue_limits){
        .lease_ms = s->queue_lease_ms,
        .attempts = s->queue_attempts,
        .crashes = s->queue_crashes,
        .retry_ms = s->queue_retry_ms,
        .keep_s = s->queue_keep_s,
        .jobs_kept = s->queue_jobs_kept,
        .log_max = s->queue_log_max,
        .dead_max = s->queue_dead_max,
        .shop_running_max = s->queue_shop_running_max,
        .deadline_s = s->job_deadline_s,
        .payload_max = s->queue_payload_max,
    };
}

bool settings_redis_url(const struct settings *s, struct redis_url *out, struct err *e)
{
    return redis_url_parse(s->redis_url, s->redis_password_file, out, e) &&
           redis_url_set_tls(out, s->redis_tls_ca_file, s->redis_tls_cert_file, s->redis_tls_key_file, e);
}
