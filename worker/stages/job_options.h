// The merchant's controls (SPEC 7; every option in common/PROTOCOL.md, "Job"): what a job asks for, and below it what
// its shop asks for of every job. An option is a row in job_options.c: how it is read, what it must be, how it is
// echoed.
//
// INVARIANTS  1. An option of the job is never replaced by the shop's. 2. What is in here has been checked.
// FAILURE     A job's option that is wrong is ERR_INPUT that names it and says what would be right. A shop's is left
//             out and noted in `problems`: what a shop said months ago must not fail today's job.
// THREADS     Values; texts are views into the payload or the arena.
#ifndef BUNDLE_WORKER_STAGES_JOB_OPTIONS_H
#define BUNDLE_WORKER_STAGES_JOB_OPTIONS_H

#include "common/arena.h"
#include "common/str.h"
#include "worker/offers/offers.h"

enum {
    JOB_LIST_MAX = 1000,            // texts of one option
    JOB_NAME_BYTES_MAX = 512,       // of one text
    SHOP_OPTIONS_MAX_BYTES = 65536, // of JSON
    SHOP_PROBLEMS_MAX = 100,        // noted
};

struct job_names {
    const struct str *at;
    size_t n;
};

// A product goes by its variant_id, product_id, sku or title.
enum named_by { BY_PRODUCT, BY_TYPE, BY_VENDOR, BY_TAG, NAMED_BY_COUNT };

struct job_problem {
    struct str option, reason;
};

struct job_options {
    uint32_t given, of_shop;    // a bit per row of the table; of_shop: given by the shop
    int64_t as_of;              // DATE_UNKNOWN: the newest order
    uint32_t objectives, types; // bit sets
    struct job_names exclude[NAMED_BY_COUNT], only[NAMED_BY_COUNT];
    struct job_names pin;          // products that must be anchors
    const struct job_names *apart; // lists of products of which no two share a bundle
    size_t n_apart;
    double bundles_max;           // 0: the setting's
    double discount_max_pct;      // < 0: none
    double margin_floor;          // < 0: the setting's
    double price_min, price_max;  // major units of the upload's currency; < 0: none
    struct str season_words;      // words.h; "" : the setting's
    struct str locale;            // language tag (BCP 47) for copy; "" : not said
    struct job_problem *problems; // of the shop's options
    size_t n_problems;
};
extern const struct job_options JOB_OPTIONS_NONE;

struct mp_value;
// `map` may be NULL: no options.
bool job_options_read(const struct mp_value *map, struct arena *memory, struct job_options *out,
                      struct err *e) MUST_USE;
// The shop's, as the JSON object that PostgreSQL keeps ("" : none), for what the job did not say.
void job_options_default(struct job_options *o, struct str shop_json, struct arena *memory);

// Of the copy: what the job or its shop says, else the setting.
struct settings;
struct str job_options_locale(const struct job_options *o, const struct settings *s);

// "options": what is in force, "options_of_shop": which of them the shop said, "options_ignored": its problems.
struct json_out;
void job_options_json(const struct job_options *o, struct json_out *j);

enum option_shape { OPTION_SINGLE, OPTION_LIST, OPTION_LISTS };
enum option_shape job_option_shape(struct str key); // for command lines; SINGLE for what is no option

#endif
