#include "worker/stages/job_request.h"

#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "common/check.h"
#include "common/json_out.h"
#include "common/mp.h"
#include "common/queue.h"
#include "worker/dataset/date.h"

// ---- JSON to MessagePack: one decoder then serves both ----

static void put_json(const json_t *v, unsigned depth, struct buf *out)
{
    if (depth > MP_LIMITS_MESSAGE.depth_max) { // too deep: the scan will say so of the arrays written here
        mp_put_array(out, 1);
        mp_put_nil(out);
        return;
    }
    size_t i;
    const char *key;
    json_t *item;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        mp_put_map(out, json_object_size(v));
        json_object_foreach((json_t *)(uintptr_t)v, key, item)
        {
            mp_put_key(out, key);
            put_json(item, depth + 1, out);
        }
        break;
    case JSON_ARRAY:
        mp_put_array(out, json_array_size(v));
        json_array_foreach(v, i, item) put_json(item, depth + 1, out);
        break;
    case JSON_STRING:
        mp_put_str(out, (struct str){json_string_value(v), json_string_length(v)});
        break;
    case JSON_INTEGER:
        mp_put_int(out, json_integer_value(v));
        break;
    case JSON_REAL:
        mp_put_real(out, json_real_value(v));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        mp_put_bool(out, json_is_true(v));
        break;
    case JSON_NULL:
        mp_put_nil(out);
        break;
    }
}

static void json_freep(json_t **v)
{
    json_decref(*v);
}

static bool payload_of_json(struct str raw, size_t bytes_max, struct arena *memory, struct str *payload, struct err *e)
{
    json_error_t cause;
    AUTO(json_freep) json_t *v = json_loadb(raw.ptr, raw.len, JSON_REJECT_DUPLICATES, &cause);
    if (!v)
        return err_set(e, ERR_CODEC, "the job is not valid JSON: line %d, column %d: %.200s", cause.line, cause.column,
                       cause.text);
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 2 * bytes_max);
    put_json(v, 0, &out);
    if (!buf_ok(&out, "a job", e))
        return false;
    *payload = (struct str){arena_strdup(memory, out.data, out.len), out.len};
    return true;
}

bool job_payload_of_message(struct str raw, size_t bytes_max, struct arena *memory, struct str *payload, struct err *e)
{
    if (raw.len > bytes_max)
        return err_set(e, ERR_LIMIT, "the job has %zu bytes, more than queue.payload_bytes_max = %zu", raw.len,
                       bytes_max);
    struct str text = str_trim(raw);
    if (text.len == 0)
        return err_set(e, ERR_CODEC, "the job is empty: send {\"shop\": ..., \"upload\": ...}");
    if (text.ptr[0] == '{' || text.ptr[0] == '[' || text.ptr[0] == '"')
        return payload_of_json(text, bytes_max, memory, payload, e);
    if (!mp_scan(raw.ptr, raw.len, &MP_LIMITS_MESSAGE, e))
        return err_wrap(e, "the job is neither JSON nor MessagePack");
    *payload = raw;
    return true;
}

// ---- fields ----

struct reader {
    const struct mp_value *map; // the one being read
    struct arena *memory;
    struct err *e;
    bool is_bad;
};

static void bad(struct reader *r, const char *key, const char *expected)
{
    if (!r->is_bad)
        (void)err_set(r->e, ERR_INPUT, "job field \"%s\": expected %s", key, expected);
    r->is_bad = true;
}

static bool has(const struct reader *r, const char *key)
{
    const struct mp_value *v = mp_get(r->map, key);
    return v && !mp_is_nil(v);
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F)
            return true;
    return false;
}

static bool is_id(struct str s)
{
    return s.len >= 1 && s.len <= QUEUE_ID_MAX && str_is_utf8(s) && !has_control(s);
}

static struct str read_id(struct reader *r, const char *key, bool is_required)
{
    struct str s = {"", 0};
    if (!has(r, key)) {
        if (is_required)
            bad(r, key, "a text of 1 to 128 bytes; it is missing");
        return s;
    }
    if (!mp_str(mp_get(r->map, key), &s) || !is_id(s))
        bad(r, key, "a text of 1 to 128 bytes without control characters");
    return s;
}

static bool read_bool(struct reader *r, const char *key)
{
    bool value = false;
    if (has(r, key) && !mp_bool(mp_get(r->map, key), &value))
        bad(r, key, "true or false");
    return value;
}

static double read_real(struct reader *r, const char *key, double min, double max, double absent, const char *expected)
{
    double value = absent;
    if (has(r, key) && (!mp_real(mp_get(r->map, key), &value) || !(value >= min && value <= max)))
        bad(r, key, expected);
    return value;
}

static const struct str *read_list(struct reader *r, const char *key, size_t *n)
{
    *n = 0;
    if (!has(r, key))
        return NULL;
    const struct mp_value *list = mp_get(r->map, key);
    if (!mp_is_array(list) || mp_size(list) > JOB_LIST_MAX) {
        bad(r, key, "a list of at most 1000 texts");
        return NULL;
    }
    struct str *items = ARENA_ARRAY(r->memory, struct str, mp_size(list));
    for (size_t i = 0; i < mp_size(list); i++)
        if (!mp_str(mp_at(list, i), &items[i]) || !str_is_utf8(items[i]) || items[i].len == 0)
            bad(r, key, "a list of texts, none of them empty");
    *n = r->is_bad ? 0 : mp_size(list);
    return items;
}

static bool objective_bit(struct str name, uint32_t *bit)
{
    enum objective o;
    bool is_known = objective_of_name(name, &o);
    *bit = is_known ? 1u << o : 0;
    return is_known;
}

static bool type_bit(struct str name, uint32_t *bit)
{
    enum bundle_type t;
    bool is_known = bundle_type_of_name(name, &t);
    *bit = is_known ? 1u << t : 0;
    return is_known;
}

static uint32_t read_bits(struct reader *r, const char *key, unsigned all, bool (*bit_of)(struct str, uint32_t *),
                          const char *expected)
{
    size_t n;
    const struct str *names = read_list(r, key, &n);
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bit;
        if (!bit_of(names[i], &bit))
            bad(r, key, expected);
        bits |= bit;
    }
    return n ? bits : (1u << all) - 1;
}

static int64_t read_as_of(struct reader *r)
{
    struct str text;
    int64_t at = DATE_UNKNOWN;
    if (!has(r, "as_of") || mp_int(mp_get(r->map, "as_of"), &at))
        return at;
    if (!mp_str(mp_get(r->map, "as_of"), &text) || !date_parse(text, DATE_MDY, &at))
        bad(r, "as_of", "a date such as 2026-11-23 or Unix seconds");
    return at;
}

static struct str join_words(struct reader *r, const struct str *words, size_t n)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s" STR_FMT, i ? "|" : "", STR_ARG(words[i]));
    if (out.is_over)
        bad(r, "season_words", "less than 64 KiB of words");
    return (struct str){arena_strdup(r->memory, out.data, out.len), out.len};
}

static void only_keys(struct reader *r, const char *where, const char *const *keys, size_t n_keys)
{
    for (size_t i = 0; i < mp_size(r->map); i++) {
        struct str key;
        const struct mp_value *value;
        bool is_known = false;
        bool is_text = mp_entry(r->map, i, &key, &value);
        for (size_t k = 0; is_text && k < n_keys; k++)
            is_known = is_known || str_eq(key, str_of(keys[k]));
        if (is_known || r->is_bad)
            continue;
        (void)err_set(r->e, ERR_INPUT, "%s has a field \"%.60s\" that this version does not know", where,
                      is_text ? arena_strdup(r->memory, key.ptr, key.len) : "(not a text)");
        r->is_bad = true;
    }
}

static void read_options(struct reader *r, struct job_request *out)
{
    static const char *const KEYS[] = {"as_of",        "objectives", "types",     "exclude",   "bundles",
                                       "max_discount", "min_margin", "min_price", "max_price", "season_words"};
    size_t n_words;
    if (r->map && !mp_is_map(r->map))
        bad(r, "options", "a map");
    only_keys(r, "\"options\"", KEYS, ARRAY_LEN(KEYS));
    out->as_of = read_as_of(r);
    out->objectives =
        read_bits(r, "objectives", OBJECTIVE_COUNT, objective_bit,
                  "names of increase_aov, clear_slow_movers, seasonal_promo, new_launch, category_bundle, "
                  "gift_box, subscription_push, margin_guard");
    out->types = read_bits(r, "types", TYPE_COUNT, type_bit, "names of FBT, VOLUME_DISCOUNT, MIX_MATCH, BXGY, FIXED");
    out->excluded = read_list(r, "exclude", &out->n_excluded);
    out->bundles_max = (int64_t)read_real(r, "bundles", 1, 10000, 0, "a number from 1 to 10000");
    out->discount_max_pct = read_real(r, "max_discount", 0, 100, -1, "a percentage from 0 to 100");
    out->margin_floor = read_real(r, "min_margin", 0, 10, -1, "a number from 0 to 10 (0.2: never below cost + 20 %)");
    out->price_min = read_real(r, "min_price", 0, 1e12, -1, "an amount >= 0");
    out->price_max = read_real(r, "max_price", 0, 1e12, -1, "an amount >= 0");
    const struct str *words = read_list(r, "season_words", &n_words);
    out->season_words = n_words ? join_words(r, words, n_words) : (struct str){"", 0};
}

static void read_version(struct reader *r)
{
    int64_t version = JOB_VERSION;
    if (has(r, "v") && (!mp_int(mp_get(r->map, "v"), &version) || version != JOB_VERSION))
        bad(r, "v", "1, the version of this worker");
}

bool job_request_read(struct str payload, struct arena *memory, struct job_request *out, struct str *upload,
                      struct err *e)
{
    static const char *const KEYS[] = {"v", "job", "upload", "shop", "force", "options"};
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    if (!mp_open(&doc, payload.ptr, payload.len, &MP_LIMITS_MESSAGE, e))
        return false;
    struct job_request read = {0};
    struct reader r = {.map = mp_root(doc), .memory = memory, .e = e};
    if (!mp_is_map(r.map))
        return err_set(e, ERR_INPUT, "the job is not a map: send {\"shop\": ..., \"upload\": ...}");
    read.upload = read_id(&r, "upload", true);
    if (!r.is_bad)
        *upload = read.upload;
    read_version(&r);
    read.shop = read_id(&r, "shop", true);
    read.job = read_id(&r, "job", false);
    if (read.job.len && memchr(read.job.ptr, '/', read.job.len))
        bad(&r, "job", "a text without '/'");
    read.is_forced = read_bool(&r, "force");
    only_keys(&r, "the job", KEYS, ARRAY_LEN(KEYS));
    r.map = has(&r, "options") ? mp_get(r.map, "options") : NULL;
    read_options(&r, &read);
    if (r.is_bad)
        return false;
    *out = read;
    return true;
}

// ---- what the options change ----

void job_request_enrich(const struct job_request *r, struct enrich_rules *rules)
{
    if (r->as_of != DATE_UNKNOWN)
        rules->as_of = r->as_of;
    if (r->season_words.len)
        rules->season_words = r->season_words;
}

static bool is_excluded(const struct job_request *r, const struct item *item)
{
    for (size_t i = 0; i < r->n_excluded; i++) {
        struct str name = r->excluded[i];
        if (str_eq(name, item->variant_id) || str_eq(name, item->product_id) ||
            (item->sku.len && str_eq(name, item->sku)))
            return true;
    }
    return false;
}

static int64_t minor_of_major(double amount, unsigned decimals)
{
    return llround(amount * pow(10, decimals));
}

void job_request_offer(const struct job_request *r, const struct dataset *d, struct arena *memory,
                       struct offer_rules *rules)
{
    rules->objectives = r->objectives;
    rules->types = r->types;
    if (r->bundles_max)
        rules->bundles_max = (uint32_t)r->bundles_max;
    if (r->discount_max_pct >= 0)
        rules->discount_max_bp = (uint32_t)lround(r->discount_max_pct * 100);
    if (r->margin_floor >= 0)
        rules->margin_floor = r->margin_floor;
    if (r->price_min >= 0)
        rules->price_min_minor = minor_of_major(r->price_min, d->decimals);
    if (r->price_max >= 0)
        rules->price_max_minor = minor_of_major(r->price_max, d->decimals);
    if (r->n_excluded == 0)
        return;
    uint32_t *items = ARENA_ARRAY(memory, uint32_t, d->n_items);
    rules->n_excluded = 0;
    for (uint32_t i = 0; i < d->n_items; i++)
        if (is_excluded(r, &d->items[i]))
            items[rules->n_excluded++] = i;
    rules->excluded = items;
}

void job_request_json(const struct job_request *r, struct json_out *j)
{
    json_out_object(j);
    json_out_key(j, "objectives");
    json_out_array(j);
    for (unsigned o = 0; o < OBJECTIVE_COUNT; o++)
        if (r->objectives >> o & 1)
            json_out_str(j, str_of(objective_row((enum objective)o)->name));
    json_out_end(j);
    json_out_key(j, "types");
    json_out_array(j);
    for (unsigned t = 0; t < TYPE_COUNT; t++)
        if (r->types >> t & 1)
            json_out_str(j, str_of(bundle_type_name((enum bundle_type)t)));
    json_out_end(j);
    if (r->as_of != DATE_UNKNOWN)
        json_out_key_int(j, "as_of", r->as_of);
    if (r->n_excluded)
        json_out_key_int(j, "excluded", (int64_t)r->n_excluded);
    if (r->bundles_max)
        json_out_key_int(j, "bundles", r->bundles_max);
    if (r->discount_max_pct >= 0)
        json_out_key_real(j, "max_discount", r->discount_max_pct, 2);
    if (r->margin_floor >= 0)
        json_out_key_real(j, "min_margin", r->margin_floor, 4);
    if (r->price_min >= 0)
        json_out_key_real(j, "min_price", r->price_min, 3);
    if (r->price_max >= 0)
        json_out_key_real(j, "max_price", r->price_max, 3);
    if (r->season_words.len)
        json_out_key_str(j, "season_words", r->season_words);
    json_out_end(j);
}
