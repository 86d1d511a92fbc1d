#include "worker/copy/copywriter_internal.h"

#include <stdlib.h>

#include "common/check.h"
#include "common/mp.h"

// Q:copy:<key of the brief>, MessagePack "copy" v1. What comes out of Redis is checked like what comes from the model:
// it ends in the merchant's shop.
enum { CACHE_VERSION = 1, CACHE_BYTES_MAX = 1 << 16 };

struct copy_lookup {
    struct copy_run *run; // NULL: gone
};

static void put_key(const struct copywriter *w, const struct brief *b, struct redis_cmd *c)
{
    AUTO(buf_fini) struct buf key;
    buf_init(&key, 256);
    queue_key(w->queue, "copy", str_of(b->key), &key);
    redis_cmd_str(c, buf_str(&key));
}

static bool get_lines(const struct mp_value *list, struct str *out, unsigned *n)
{
    if (!mp_is_array(list) || mp_size(list) > COPY_LINES_MAX)
        return false;
    *n = (unsigned)mp_size(list);
    for (unsigned i = 0; i < *n; i++)
        if (!mp_str(mp_at(list, i), &out[i]))
            return false;
    return true;
}

// Views into `bytes`.
static bool decode(struct str bytes, struct copy_text *out)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    struct err e;
    *out = (struct copy_text){0};
    if (bytes.len == 0 || !mp_open_envelope(&doc, bytes.ptr, bytes.len, "copy", CACHE_VERSION, &MP_LIMITS_MESSAGE, &e))
        return false;
    const struct mp_value *root = mp_root(doc);
    return mp_str(mp_get(root, "title"), &out->title) && mp_str(mp_get(root, "description"), &out->description) &&
           mp_str(mp_get(root, "value_proposition"), &out->value_proposition) &&
           get_lines(mp_get(root, "features"), out->features, &out->n_features) &&
           get_lines(mp_get(root, "benefits"), out->benefits, &out->n_benefits);
}

// What Redis refuses to look up is asked for: copy without its cache costs more, and is copy.
static void take_found(struct copy_run *run, const struct redis_reply *reply)
{
    struct copywriter *w = run->writer;
    struct copy_text text;
    struct err e;
    if (redis_reply_error(reply, &e)) {
        outage_failed(&w->cache_outage, "Redis refuses to look copy up; the language model is asked for all of it", &e);
        return;
    }
    outage_ended(&w->cache_outage, "Redis looks copy up again");
    run->usage.cache_asked = (int64_t)run->order.n;
    for (size_t i = 0; i < run->order.n; i++)
        if (decode(redis_reply_str(redis_reply_at(reply, i)), &text))
            copy_run_hit(run, i, &text);
}

static void on_found(void *context, const struct redis_reply *reply)
{
    struct copy_lookup *lookup = context;
    struct copy_run *run = lookup->run;
    free(lookup);
    if (!run)
        return;
    run->lookup = NULL;
    if (!reply)
        return; // asked again by copy_run_look
    run->is_looked_up = true;
    copy_run_no_trouble(run);
    take_found(run, reply);
    copy_run_ask(run);
}

bool copy_cache_ask(struct copy_run *run)
{
    struct copywriter *w = run->writer;
    struct redis_cmd c;
    redis_cmd_init(&c, "MGET");
    for (size_t i = 0; i < run->order.n; i++)
        put_key(w, &run->order.briefs[i], &c);
    struct copy_lookup *lookup = malloc(sizeof *lookup);
    CHECK(lookup);
    lookup->run = run;
    bool ok = redis_async_send(w->redis, &c, 0, on_found, lookup);
    redis_cmd_fini(&c);
    if (ok)
        run->lookup = lookup;
    else
        free(lookup);
    return ok;
}

void copy_cache_forget(struct copy_run *run)
{
    if (run->lookup)
        run->lookup->run = NULL;
    run->lookup = NULL;
}

static void put_field(const char *key, struct str text, struct buf *out)
{
    mp_put_key(out, key);
    mp_put_str(out, text);
}

static void put_lines(const char *key, const struct str *lines, unsigned n, struct buf *out)
{
    mp_put_key(out, key);
    mp_put_array(out, n);
    for (unsigned i = 0; i < n; i++)
        mp_put_str(out, lines[i]);
}

static void on_put(void *context, const struct redis_reply *reply)
{
    struct copywriter *w = context;
    struct err e;
    if (redis_reply_error(reply, &e)) // full, say: then lookups and the gate go on
        outage_failed(&w->keep_outage, "Redis refuses to keep copy; it is asked for again another time", &e);
    else if (reply)
        outage_ended(&w->keep_outage, "Redis keeps copy again");
}

// One that does not get there is asked for again some day.
void copy_cache_put(struct copy_run *run, size_t i, const struct copy_text *text)
{
    struct copywriter *w = run->writer;
    AUTO(buf_fini) struct buf bytes;
    struct redis_cmd c;
    buf_init(&bytes, CACHE_BYTES_MAX);
    mp_put_envelope(&bytes, "copy", CACHE_VERSION, 5);
    put_field("title", text->title, &bytes);
    put_field("description", text->description, &bytes);
    put_field("value_proposition", text->value_proposition, &bytes);
    put_lines("features", text->features, text->n_features, &bytes);
    put_lines("benefits", text->benefits, text->n_benefits, &bytes);
    if (w->s.cache_ttl_s == 0 || bytes.is_over)
        return;
    redis_cmd_init(&c, "SET");
    put_key(w, &run->order.briefs[i], &c);
    redis_cmd_str(&c, buf_str(&bytes));
    redis_cmd_text(&c, "EX");
    redis_cmd_int(&c, w->s.cache_ttl_s);
    (void)redis_async_send(w->redis, &c, 0, on_put, w);
    redis_cmd_fini(&c);
}
