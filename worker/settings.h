// Every setting of the product, one row each: default, bounds and what it means. config/worker.conf is printed from it
// (`bundlectl config --defaults`), and a test holds the file to that.
// THREADS  Filled before threads start, read-only afterwards.
#ifndef BUNDLE_WORKER_SETTINGS_H
#define BUNDLE_WORKER_SETTINGS_H

#include "common/config.h"
#include "worker/dataset/dataset.h"
#include "worker/mining/mined.h"
#include "worker/offers/offers.h"

// TEXT(field, key, default, comment)  SECRET(field, key, default, comment)
// INT(field, key, default, min, max, comment)  REAL(likewise)  BOOL(field, key, default, comment)
// CHOICE(field, key, default, choices, comment)
#define SETTINGS(TEXT, SECRET, INT, REAL, BOOL, CHOICE)                                                                \
    SECRET(redis_url, "redis.url", "redis://127.0.0.1:6379/0",                                                         \
           "Where Redis is: redis://[user:password@]host:port/db, rediss:// (TLS), unix:///path?db=0, or its "         \
           "Sentinels: redis+sentinel://[user:password@]host:port,host:port/master/db?sentinel_password=... (also "    \
           "sentinel_user=; rediss+sentinel:// for TLS).")                                                             \
    TEXT(redis_password_file, "redis.password_file", "",                                                               \
         "A file with the Redis password, instead of one in the URL; read again for every connection.")                \
    TEXT(redis_tls_ca_file, "redis.tls_ca_file", "",                                                                   \
         "rediss://: the certificates to trust, a file or a directory of hashed names; empty: the system's.")          \
    TEXT(redis_tls_cert_file, "redis.tls_cert_file", "",                                                               \
         "rediss://: our own certificate (PEM), where Redis asks for one; read again for every connection.")           \
    TEXT(redis_tls_key_file, "redis.tls_key_file", "", "rediss://: the key of redis.tls_cert_file (PEM).")             \
    INT(redis_timeout_ms, "redis.timeout_ms", 5000, 100, 600000, "How long a Redis answer may take.")                  \
    SECRET(                                                                                                            \
        pg_url, "pg.url", "",                                                                                          \
        "PostgreSQL connection string (libpq): postgresql://... or key=value. Empty: libpq's PG* variables. With a "   \
        "standby: host=a,b target_session_attrs=read-write finds the one that takes writes.")                          \
    TEXT(pg_password_file, "pg.password_file", "", "A file with the PostgreSQL password, instead of one in pg.url.")   \
    INT(pg_timeout_ms, "pg.timeout_ms", 60000, 100, 3600000,                                                           \
        "How long a PostgreSQL statement may take (statement_timeout of every connection); a server that is silent "   \
        "for a second longer is taken for away.")                                                                      \
    TEXT(queue_name, "queue.name", "bundles", "Name of the queue: every Redis key starts with {name}.")                \
    INT(queue_lease_ms, "queue.lease_ms", 10000, 500, 600000, "A task whose worker is silent this long runs again.")   \
    INT(queue_beat_ms, "queue.beat_ms", 1000, 50, 60000,                                                               \
        "How often a worker renews its leases; at most a third of lease_ms.")                                          \
    INT(queue_sweep_ms, "queue.sweep_ms", 1000, 50, 60000,                                                             \
        "How often a worker looks for lost leases and due retries; at most a quarter of lease_ms.")                    \
    INT(queue_attempts, "queue.attempts", 3, 1, 100, "How often a task that ends with an error is tried in all.")      \
    INT(queue_crashes, "queue.crashes", 2, 1, 100,                                                                     \
        "How many workers may die on a task before it is given up as poison.")                                         \
    INT(queue_retry_ms, "queue.retry_ms", 500, 1, 3600000, "First retry delay; doubles each time, with jitter.")       \
    INT(queue_prefetch_max, "queue.prefetch_max", 64, 0, 1000,                                                         \
        "Most tasks claimed ahead of the slots on a slow network.")                                                    \
    INT(queue_shop_running_max, "queue.shop_running_max", 256, 1, 100000,                                              \
        "Most tasks of one shop running at once, over all workers, those that wait for a language model included.")    \
    INT(queue_payload_max, "queue.payload_bytes_max", 65536, 256, 16777216, "Largest job payload.")                    \
    INT(queue_result_max, "queue.result_bytes_max", 8388608, 1024, 134217728, "Largest result of one task.")           \
    INT(queue_keep_s, "queue.keep_s", 3600, 10, 2592000, "How long a finished job's progress and log stay readable.")  \
    INT(queue_jobs_kept, "queue.jobs_kept", 1000, 1, 1000000,                                                          \
        "... and of how many jobs at most, the oldest go first.")                                                      \
    INT(queue_log_max, "queue.log_max", 200, 10, 100000, "Events kept in a job's log stream.")                         \
    INT(queue_reconcile_s, "queue.reconcile_s", 30, 0, 86400,                                                          \
        "How often a worker looks in PostgreSQL for uploads that Redis has lost; 0: never.")                           \
    INT(queue_reconcile_after_s, "queue.reconcile_after_s", 60, 1, 86400,                                              \
        "An upload is looked for once nothing was written about it for this long.")                                    \
    INT(queue_dead_max, "queue.dead_max", 1000, 1, 1000000, "Entries kept in the dead list.")                          \
    INT(job_deadline_s, "job.deadline_s", 300, 1, 86400, "A job that takes longer ends with what is there (partial).") \
    INT(job_lines_max, "job.lines_max", 20000000, 1, 1000000000, "Most order lines in an upload.")                     \
    INT(job_memory_mb, "job.memory_mb", 4096, 16, 1048576,                                                             \
        "Most memory for one upload: to load it, to mine it, and for the offers of one task.")                         \
    INT(worker_slots, "worker.slots", 0, 0, 1024, "Compute threads; 0: one per core.")                                 \
    INT(worker_grace_s, "worker.grace_s", 10, 0, 3600, "After SIGTERM: how long running tasks may still finish.")      \
    TEXT(worker_name, "worker.name", "", "Name in logs and leases; empty: host-pid-random.")                           \
    INT(cache_memory_mb, "cache.memory_mb", 512, 0, 1048576,                                                           \
        "Uploads kept in a worker's memory (least recently used go first).")                                           \
    INT(cache_redis_ttl_s, "cache.redis_ttl_s", 900, 1, 2592000, "How long mined artefacts stay in Redis.")            \
    INT(cache_redis_max, "cache.redis_bytes_max", 67108864, 1024, 268435456,                                           \
        "Largest artefact put into Redis; a larger one is loaded anew by each worker.")                                \
    CHOICE(log_level, "log.level", "info", "debug|info|warn|error", "Least important line that is logged.")            \
    CHOICE(log_format, "log.format", "logfmt", "logfmt|json", "How log lines are written (stderr).")                   \
    TEXT(enrich_service_ids, "enrich.service_ids", ENRICH_SERVICE_IDS, "SKUs that are no products, separated by |.")   \
    TEXT(enrich_service_words, "enrich.service_words", ENRICH_SERVICE_WORDS,                                           \
         "Names of lines that are no products, separated by |: a single word must be the whole name, a phrase may "    \
         "stand anywhere in it, and so may a word written with ~ before it.")                                          \
    TEXT(enrich_packaging, "enrich.packaging", ENRICH_PACKAGING,                                                       \
         "Names of products that are sold but not bundled, whole names separated by |.")                               \
    TEXT(enrich_season_words, "enrich.season_words", ENRICH_SEASON_WORDS,                                              \
         "Words that mark a product as seasonal: seasons separated by |, words of one season by =; whole words only. " \
         "Products of two seasons are not put together.")                                                              \
    BOOL(enrich_ignore_sku_case, "enrich.ignore_sku_case", "true", "Take 85123A and 85123a for one product.")          \
    REAL(enrich_slow_velocity, "enrich.slow_velocity", 0.1, 0, 1000, "Slow mover: fewer units a day than this ...")    \
    INT(enrich_slow_stock, "enrich.slow_stock", 10, 0, 1000000, "... and more in stock than this.")                    \
    INT(enrich_new_days, "enrich.new_days", 30, 1, 3650, "New launch: created within this many days before as_of.")    \
    REAL(enrich_high_margin, "enrich.high_margin", 0.5, 0, 1, "High margin: at least this share of the price.")        \
    INT(mining_neighbours_max, "mining.neighbours_max", 48, 1, 10000, "Best partners kept per product.")               \
    INT(mining_pairs_max, "mining.pairs_max", 20000, 1, 10000000, "Best pairs kept per upload.")                       \
    INT(mining_basket_max, "mining.basket_max", 1000, 2, 100000,                                                       \
        "Orders with more distinct products are left out of pair counting.")                                           \
    REAL(mining_shrink, "mining.shrink", 3, 0, 1000, "Pseudo-orders that pull a pair's score towards chance.")         \
    REAL(mining_fade_days, "mining.fade_days", 30, 0, 100000,                                                          \
         "Age at which an order counts half for a product's partners; 0: age does not matter.")                        \
    REAL(mining_lift_min, "mining.lift_min", 0.5, 0, 1000,                                                             \
         "Pairs met less often than this share of what chance would give are not ranked.")                             \
    REAL(mining_prior_orders, "mining.prior_orders", 10, 0, 100000,                                                    \
         "Orders that what its partners go with counts for beside a product's own orders.")                            \
    INT(mining_item2vec_passes, "mining.item2vec_passes", 3, 0, 1000,                                                  \
        "item2vec: how often it learns from each order; 0 keeps the vectors it starts from.")                          \
    INT(mining_item2vec_contexts, "mining.item2vec_contexts", 5, 1, 32,                                                \
        "item2vec: most other products of an order that one learns from at a time.")                                   \
    INT(mining_item2vec_negatives, "mining.item2vec_negatives", 10, 1, 32,                                             \
        "item2vec: products drawn at random that it is told from.")                                                    \
    REAL(mining_item2vec_popularity, "mining.item2vec_popularity", 0.5, 0, 1000,                                       \
         "item2vec: how much a neighbour's popularity counts beside its likeness; 0: likeness alone.")                 \
    INT(mining_item2vec_neighbours_max, "mining.item2vec_neighbours_max", 16, 0, 1000,                                 \
        "item2vec: neighbours kept per product.")                                                                      \
    INT(mining_item2vec_visits_max, "mining.item2vec_visits_max", 2000000, 1, 1000000000,                              \
        "item2vec: most order lines learned from, all passes together; then fewer passes, then a sample of orders.")   \
    INT(mining_item2vec_words_max, "mining.item2vec_words_max", 65536, 1, 10000000,                                    \
        "item2vec: most products that get a vector, the most bought ones.")                                            \
    REAL(mining_sets_support_min, "mining.sets_support_min", 0, 0, 1,                                                  \
         "Frequent itemsets: least share of multi-item orders; 0: 5 orders or 0.1 %, fewer in small shops.")           \
    INT(mining_sets_max, "mining.sets_max", 20000, 0, 10000000,                                                        \
        "Most frequent itemsets kept of each size (2, 3 and 4 products).")                                             \
    REAL(mining_rules_confidence_min, "mining.rules_confidence_min", 0.2, 0, 1,                                        \
         "Least confidence of an association rule.")                                                                   \
    REAL(mining_rules_fdr_max, "mining.rules_fdr_max", 0.05, 0, 1,                                                     \
         "Strict rules: share of them that may be chance (false discovery rate).")                                     \
    INT(offers_candidates, "offers.candidates_per_pair", 40, 1, 1000, "Candidates worked out per objective and type.") \
    INT(offers_per_pair_max, "offers.per_pair_max", 15, 1, 1000, "Final bundles per objective and type.")              \
    INT(offers_per_products_max, "offers.per_products_max", 2, 1, 1000, "Final bundles per same pair of products.")    \
    INT(offers_bundles_max, "offers.bundles_max", 200, 1, 10000, "Final bundles per job.")                             \
    INT(offers_fill_up_to, "offers.fill_up_to", 12, 0, 1000,                                                           \
        "Fewer final bundles than this are filled up with co-purchased pairs.")                                        \
    INT(offers_preliminary_max, "offers.preliminary_max", 12, 1, 1000, "Preliminary bundles per job.")                 \
    REAL(                                                                                                              \
        offers_coverage_weight, "offers.coverage_weight", 0.65, 0, 1,                                                  \
        "Share of the rank that goes to orders which no bundle before reaches; the rest to the bundle's own figures.") \
    CHOICE(                                                                                                            \
        ladder_order, "ladder.order", "bottom_up", "bottom_up|top_down",                                               \
        "Where an objective and type have too few candidates: the catalogue first, or the strongest evidence first.")  \
    REAL(offers_margin_floor, "offers.margin_floor", 0.10, 0, 10,                                                      \
         "Never sell below cost * (1 + this), where cost is known.")                                                   \
    REAL(offers_list_floor, "offers.list_floor", 0.30, 0, 1, "Never sell below this share of the list total.")         \
    BOOL(offers_allow_out_of_stock, "offers.allow_out_of_stock", "false", "Offer products that are out of stock.")     \
    CHOICE(                                                                                                            \
        offers_require_catalog, "offers.require_catalog", "auto", "auto|yes|no",                                       \
        "Offer only products that are in the catalogue; auto: where it holds most of what sold in the last 30 days, "  \
        "so that what it lacks is not on sale any more.")                                                              \
    SECRET(copy_key, "copy.key", "",                                                                                   \
           "Key of the language model that writes the copy; without one the copy comes from templates, and nothing "   \
           "is sent anywhere. A server that wants none: any word. The same for all workers of a queue: one without "   \
           "it leaves template copy.")                                                                                 \
    TEXT(copy_key_file, "copy.key_file", "", "A file with that key; read again for every request.")                    \
    SECRET(copy_url, "copy.url", "https://api.openai.com/v1",                                                          \
           "Where the model is: what comes before /chat/completions (the API that OpenAI, vLLM, Ollama ... speak).")   \
    TEXT(copy_model, "copy.model", "gpt-4o-mini", "Which model.")                                                      \
    TEXT(copy_organization, "copy.organization", "", "Header OpenAI-Organization; empty: none.")                       \
    TEXT(copy_project, "copy.project", "", "Header OpenAI-Project; empty: none.")                                      \
    TEXT(copy_locale, "copy.locale", "en",                                                                             \
         "Language of the copy (BCP 47: en, en-GB, pt-BR), where the job asks for none. Templates speak en, de, fr "   \
         "and "                                                                                                        \
         "es; for another language English.")                                                                          \
    CHOICE(copy_structured, "copy.structured", "auto", "auto|schema|json|none",                                        \
           "What the server is asked to answer: by a JSON schema, some JSON, anything; auto: a schema, until it "      \
           "refuses one.")                                                                                             \
    INT(copy_max_bundles, "copy.max_bundles", 50, 0, 10000, "Bundles per job that the model writes for, by rank.")     \
    INT(copy_batch, "copy.batch", 10, 1, 50, "Bundles in one request.")                                                \
    INT(copy_in_flight, "copy.in_flight", 5, 1, 1000, "Requests of one worker at a time.")                             \
    INT(copy_requests_per_min, "copy.requests_per_min", 0, 0, 1000000,                                                 \
        "Most requests a minute of all workers together; 0: no limit but the server's.")                               \
    INT(copy_tokens_per_min, "copy.tokens_per_min", 0, 0, 1000000000, "Likewise tokens, in and out.")                  \
    INT(copy_budget_s, "copy.budget_s", 90, 1, 3600,                                                                   \
        "How long a job waits for the model, from when its bundles are chosen, pauses included; what is not written "  \
        "by then gets template copy. Well below job.deadline_s.")                                                      \
    INT(copy_budget_requests, "copy.budget_requests", 60, 1, 100000, "Most requests for one job.")                     \
    INT(copy_budget_tokens, "copy.budget_tokens", 100000, 1000, 1000000000, "Most tokens for one job, in and out.")    \
    INT(copy_timeout_ms, "copy.timeout_ms", 30000, 100, 600000, "How long one request may take.")                      \
    INT(copy_connect_ms, "copy.connect_ms", 5000, 50, 60000, "How long it may take to connect, TLS included.")         \
    INT(copy_response_max, "copy.response_bytes_max", 1048576, 1024, 67108864, "Largest answer.")                      \
    BOOL(copy_http2, "copy.http2", "false", "HTTP/2, where the server speaks it over TLS.")                            \
    BOOL(copy_block_private, "copy.block_private", "false",                                                            \
         "Refuse to connect to private, loopback and link-local addresses, be they a proxy's.")                        \
    TEXT(copy_ca_file, "copy.ca_file", "", "Certificates to trust (PEM); empty: the system's.")                        \
    INT(copy_cache_ttl_s, "copy.cache_ttl_s", 2592000, 0, 31536000,                                                    \
        "How long the model's copy stays in Redis; 0: not at all.")                                                    \
    REAL(copy_price_in, "copy.price_in", 0, 0, 100000,                                                                 \
         "Price of a million tokens in, for the cost estimate; 0: not known.")                                         \
    REAL(copy_price_out, "copy.price_out", 0, 0, 100000, "... and out.")

#define SETTING_TEXT_FIELD(field, ...) char field[CONFIG_TEXT_MAX];
#define SETTING_INT_FIELD(field, ...) int64_t field;
#define SETTING_REAL_FIELD(field, ...) double field;
#define SETTING_BOOL_FIELD(field, ...) bool field;
struct settings {
    SETTINGS(SETTING_TEXT_FIELD, SETTING_TEXT_FIELD, SETTING_INT_FIELD, SETTING_REAL_FIELD, SETTING_BOOL_FIELD,
             SETTING_INT_FIELD)
};

extern const struct config_table SETTINGS_TABLE;

// What both programs accept before their own options: --config FILE (else BUNDLE_CONFIG, else none), --set KEY=VALUE.
struct settings_sources {
    const char *file;
    const char *sets[64];
    unsigned n_sets;
};
bool settings_load(struct settings *s, const struct settings_sources *from, char **environment, struct err *e) MUST_USE;

// Views of the settings as the pure parts want them; texts point into s.
struct enrich_rules settings_enrich_rules(const struct settings *s);
struct mined_rules settings_mined_rules(const struct settings *s);
struct offer_rules settings_offer_rules(const struct settings *s);
// The settings that shape what is mined, as "key = value" lines: artefacts are cached under them.
void settings_print_mining(const struct settings *s, struct buf *out);
struct queue_limits; // common/queue.h
struct queue_limits settings_queue_limits(const struct settings *s);
struct redis_url; // common/redis.h
// Where Redis is, with password and TLS files.
bool settings_redis_url(const struct settings *s, struct redis_url *out, struct err *e) MUST_USE;

#endif
