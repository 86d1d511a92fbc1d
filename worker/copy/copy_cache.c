#include "worker/copy/copywriter_internal.h"

#include <stdlib.h>

#include "common/check.h"

// Q:copy:<key of the brief>. What comes out of Redis is checked like what comes from the model: it ends in the
// merchant's shop.
enum { CACHE_BYTES_MAX = 1 << 16 };

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
        if (copy_text_decode(&text, redis_reply_str(redis_reply_at(reply, i))))
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
    copy_text_encode(text, &bytes);
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
