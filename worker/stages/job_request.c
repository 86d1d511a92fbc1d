#include "worker/stages/job_request.h"

#include <jansson.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/mp.h"
#include "worker/dataset/date.h"

enum { DELAY_MAX_S = 30 * 24 * 3600 };

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

static bool payload_of_json(struct str raw, size_t bytes_max, struct arena *memory, struct str *payload, struct err *e)
{
    json_error_t cause;
    json_auto_t *v = json_loadb(raw.ptr, raw.len, JSON_REJECT_DUPLICATES, &cause);
    if (!v)
        return err_set(e, ERR_CODEC, "the job is not valid JSON: line %d, column %d: %.200s", cause.line, cause.column,
                       cause.text);
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 2 * bytes_max);
    put_json(v, 0, &out);
    if (!buf_ok(&out, "a job", e))
        return false;
    *payload = arena_str(memory, buf_str(&out));
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
    const struct str none = {"", 0};
    struct str s = none;
    if (!has(r, key)) {
        if (is_required)
            bad(r, key, "a text of 1 to 128 bytes; it is missing");
        return none;
    }
    if (mp_str(mp_get(r->map, key), &s) && is_id(s))
        return s;
    bad(r, key, "a text of 1 to 128 bytes without control characters");
    return none;
}

static bool read_bool(struct reader *r, const char *key)
{
    bool value = false;
    if (has(r, key) && !mp_bool(mp_get(r->map, key), &value))
        bad(r, key, "true or false");
    return value;
}

static void bad_key(struct reader *r, struct str key, const char *what)
{
    if (!r->is_bad)
        (void)err_set(r->e, ERR_INPUT, "the job has a field \"%.60s\" %s", arena_strdup(r->memory, key.ptr, key.len),
                      what);
    r->is_bad = true;
}

// MessagePack lets a key stand twice: two readers of it may see two jobs.
static void only_keys(struct reader *r, const char *const *keys, size_t n_keys)
{
    uint32_t seen = 0;
    CHECK(n_keys <= 32);
    for (size_t i = 0; i < mp_size(r->map) && !r->is_bad; i++) {
        struct str key = STR("(not a text)");
        const struct mp_value *value;
        size_t k = 0;
        if (!mp_entry(r->map, i, &key, &value))
            k = n_keys;
        while (k < n_keys && !str_eq(key, str_of(keys[k])))
            k++;
        if (k == n_keys)
            bad_key(r, key, "that this version does not know");
        else if (seen >> k & 1)
            bad_key(r, key, "twice");
        else
            seen |= UINT32_C(1) << k;
    }
}

static void read_version(struct reader *r)
{
    int64_t version = JOB_VERSION;
    if (has(r, "v") && (!mp_int(mp_get(r->map, "v"), &version) || version != JOB_VERSION))
        bad(r, "v", "1, the version of this worker");
}

static enum queue_priority read_priority(struct reader *r)
{
    static const char *const NAMES[] = {"interactive", "normal", "bulk"};
    struct str name;
    if (!has(r, "priority"))
        return QUEUE_NORMAL;
    bool is_text = mp_str(mp_get(r->map, "priority"), &name);
    for (size_t i = 0; is_text && i < ARRAY_LEN(NAMES); i++)
        if (str_eq(name, str_of(NAMES[i])))
            return (enum queue_priority)i;
    bad(r, "priority", "interactive, normal or bulk");
    return QUEUE_NORMAL;
}

static int64_t read_not_before(struct reader *r)
{
    const struct mp_value *v = mp_get(r->map, "at");
    struct str text;
    int64_t at = 0;
    if (!has(r, "at"))
        return 0;
    bool is_date = mp_int(v, &at) || (mp_str(v, &text) && date_parse(text, DATE_MDY, &at));
    if (!is_date || at < 0 || at > clock_wall_ms() / 1000 + DELAY_MAX_S) {
        bad(r, "at", "Unix seconds or a date and time (UTC) such as 2026-11-23T08:00:00Z, at most 30 days ahead");
        return 0;
    }
    return at * 1000;
}

static int64_t read_delay(struct reader *r)
{
    int64_t delay_s = 0;
    if (has(r, "delay_s") && (!mp_int(mp_get(r->map, "delay_s"), &delay_s) || delay_s < 0 || delay_s > DELAY_MAX_S)) {
        bad(r, "delay_s", "whole seconds from 0 to 2592000 (30 days)");
        return 0;
    }
    return delay_s * 1000;
}

// A cancellation says whose: a job's id, or an upload and its shop.
static void read_whose(struct reader *r, struct job_request *out)
{
    out->is_cancellation = read_bool(r, "cancel");
    out->job = read_id(r, "job", false);
    bool is_needed = !out->is_cancellation || out->job.len == 0;
    out->shop = read_id(r, "shop", is_needed);
    out->upload = read_id(r, "upload", is_needed);
    // Both part what Redis keys and refs are made of.
    if (out->job.len && (memchr(out->job.ptr, '/', out->job.len) || memchr(out->job.ptr, ':', out->job.len)))
        bad(r, "job", "a text without '/' and ':'");
}

bool job_request_read(struct str payload, struct arena *memory, struct job_request *out, struct err *e)
{
    static const char *const KEYS[] = {"v",      "job",      "upload", "shop",    "force",
                                       "cancel", "priority", "at",     "delay_s", "options"};
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    *out = (struct job_request){.priority = QUEUE_NORMAL};
    if (!mp_open(&doc, payload.ptr, payload.len, &MP_LIMITS_MESSAGE, e))
        return false;
    struct reader r = {.map = mp_root(doc), .memory = memory, .e = e};
    if (!mp_is_map(r.map))
        return err_set(e, ERR_INPUT, "the job is not a map: send {\"shop\": ..., \"upload\": ...}");
    read_whose(&r, out);
    read_version(&r);
    out->is_forced = read_bool(&r, "force");
    out->priority = read_priority(&r);
    out->not_before_ms = read_not_before(&r);
    out->delay_ms = read_delay(&r);
    only_keys(&r, KEYS, ARRAY_LEN(KEYS));
    const struct mp_value *options = has(&r, "options") ? mp_get(r.map, "options") : NULL;
    return !r.is_bad && job_options_read(options, memory, &out->options, e);
}
