#include "worker/stages/job_json.h"

#include <stdio.h>

#include "common/check.h"

// Keys of a request are names of fields: short, and without NULs.
static void put_key(struct json_out *j, struct str key)
{
    char name[64];
    (void)snprintf(name, sizeof name, STR_FMT, STR_ARG(key));
    json_out_key(j, name);
}

static void put_map(struct json_out *j, const struct mp_value *map)
{
    struct str key;
    const struct mp_value *value;
    json_out_object(j);
    for (size_t i = 0; i < mp_size(map); i++)
        if (mp_entry(map, i, &key, &value)) {
            put_key(j, key);
            job_json_put(j, value);
        }
    json_out_end(j);
}

static void put_array(struct json_out *j, const struct mp_value *array)
{
    json_out_array(j);
    for (size_t i = 0; i < mp_size(array); i++)
        job_json_put(j, mp_at(array, i));
    json_out_end(j);
}

static void put_real(struct json_out *j, double value)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%.17g", value); // every double comes back as it was
    json_out_raw(j, (struct str){text, (size_t)len});
}

void job_json_put(struct json_out *j, const struct mp_value *v)
{
    struct str text;
    int64_t integer;
    double real;
    bool truth;
    if (mp_is_map(v))
        put_map(j, v);
    else if (mp_is_array(v))
        put_array(j, v);
    else if (mp_str(v, &text))
        json_out_str(j, text);
    else if (mp_bool(v, &truth))
        json_out_bool(j, truth);
    else if (mp_int(v, &integer))
        json_out_int(j, integer);
    else if (mp_real(v, &real) && real - real == 0) // finite
        put_real(j, real);
    else
        json_out_null(j);
}

static bool is_for_once(struct str key)
{
    return str_eq(key, STR("force")) || str_eq(key, STR("delay_s")) || str_eq(key, STR("job"));
}

bool job_json_of_payload(struct str payload, struct str job, struct buf *json, struct err *e)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    struct str key;
    const struct mp_value *value;
    if (!mp_open(&doc, payload.ptr, payload.len, &MP_LIMITS_MESSAGE, e))
        return false;
    struct json_out j = json_out_on(json);
    json_out_object(&j);
    if (job.len)
        json_out_key_str(&j, "job", job);
    for (size_t i = 0; i < mp_size(mp_root(doc)); i++)
        if (mp_entry(mp_root(doc), i, &key, &value) && !is_for_once(key)) {
            put_key(&j, key);
            job_json_put(&j, value);
        }
    json_out_end(&j);
    return buf_ok(json, "the job's message", e);
}
