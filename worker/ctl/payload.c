#include "worker/ctl/payload.h"

#include <stdlib.h>

#include <jansson.h>

#include "common/check.h"
#include "common/mp.h"

static void json_freep(json_t **v)
{
    json_decref(*v);
}

// ---- MessagePack to JSON ----

static void put_value(struct json_out *j, const struct mp_value *v);

static void put_map(struct json_out *j, const struct mp_value *map)
{
    json_out_object(j);
    for (size_t i = 0; i < mp_size(map); i++) {
        struct str key;
        const struct mp_value *value;
        if (!mp_entry(map, i, &key, &value)) // a key that is no text: nothing that we read has one
            continue;
        AUTO(buf_fini) struct buf name;
        buf_init(&name, 1 << 20);
        buf_put(&name, key.ptr, key.len);
        json_out_key(j, str_is_utf8(key) && name.data ? name.data : "?");
        put_value(j, value);
    }
    json_out_end(j);
}

static void put_value(struct json_out *j, const struct mp_value *v)
{
    bool is_true;
    int64_t integer;
    double real;
    struct str text;
    if (mp_is_map(v)) {
        put_map(j, v);
    } else if (mp_is_array(v)) {
        json_out_array(j);
        for (size_t i = 0; i < mp_size(v); i++)
            put_value(j, mp_at(v, i));
        json_out_end(j);
    } else if (mp_bool(v, &is_true)) {
        json_out_bool(j, is_true);
    } else if (mp_int(v, &integer)) {
        json_out_int(j, integer);
    } else if (mp_real(v, &real)) {
        json_out_real(j, real, 6);
    } else if (mp_str(v, &text) || mp_bin(v, &text)) {
        json_out_str(j, text);
    } else {
        json_out_null(j);
    }
}

// ---- both ----

static bool open_map(struct mp_doc **doc, struct str payload)
{
    struct err e;
    return payload.len && mp_open(doc, payload.ptr, payload.len, &MP_LIMITS_MESSAGE, &e) && mp_is_map(mp_root(*doc));
}

void payload_put(struct json_out *j, struct str payload)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    AUTO(json_freep) json_t *v = json_loadb(payload.ptr, payload.len, 0, NULL);
    if (v)
        json_out_raw(j, str_trim(payload));
    else if (open_map(&doc, payload))
        put_value(j, mp_root(doc));
    else
        json_out_str(j, payload);
}

bool payload_repeat(struct str payload, struct buf *message, struct err *e)
{
    static const char *const OF_THAT_JOB[] = {"job", "at", "delay_s"};
    AUTO(buf_fini) struct buf text;
    buf_init(&text, 16 << 20);
    struct json_out j = json_out_on(&text);
    payload_put(&j, payload);
    AUTO(json_freep) json_t *v = json_loadb(buf_str(&text).ptr, text.len, 0, NULL);
    if (!json_is_object(v))
        return err_set(e, ERR_CODEC, "what was asked for is not kept, or is no map");
    for (size_t i = 0; i < ARRAY_LEN(OF_THAT_JOB); i++)
        (void)json_object_del(v, OF_THAT_JOB[i]); // one that is not there need not go
    char *dump = json_dumps(v, JSON_COMPACT);
    CHECK(dump);
    buf_puts(message, dump);
    free(dump);
    return buf_ok(message, "the job", e);
}
