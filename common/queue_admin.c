#include "common/queue_admin.h"

#include "common/check.h"
#include "scripts.h" // generated: SCRIPT_OVERVIEW ...

static void begin(const struct queue *q, const struct redis_script *s, struct redis_cmd *out)
{
    redis_cmd_init_script(out, s, str_of(q->key));
    redis_cmd_text(out, q->limits);
}

void queue_overview_cmd(const struct queue *q, unsigned most, struct redis_cmd *out)
{
    begin(q, &SCRIPT_OVERVIEW, out);
    redis_cmd_int(out, most == 0 ? 1 : most < QUEUE_LIST_MAX ? most : QUEUE_LIST_MAX);
}

bool queue_overview_reply(const struct redis_reply *r, struct queue_overview *out)
{
    enum { PARTS = 7 };
    if (redis_reply_size(r) != PARTS)
        return false;
    *out = (struct queue_overview){.now_ms = redis_reply_int(redis_reply_at(r, 0)),
                                   .figures = redis_reply_at(r, 1),
                                   .ready = redis_reply_at(r, 2),
                                   .paused = redis_reply_at(r, 3),
                                   .stats = redis_reply_at(r, 4),
                                   .workers = redis_reply_at(r, 5),
                                   .jobs = redis_reply_at(r, 6)};
    return true;
}

void queue_inspect_cmd(const struct queue *q, struct str job_or_upload, struct str shop, unsigned most_events,
                       struct redis_cmd *out)
{
    begin(q, &SCRIPT_INSPECT, out);
    redis_cmd_str(out, job_or_upload);
    redis_cmd_str(out, shop);
    redis_cmd_int(out, most_events);
}

int64_t queue_overview_figure(const struct queue_overview *o, const char *name)
{
    return redis_reply_int(queue_field(o->figures, name));
}

bool queue_inspect_reply(const struct redis_reply *r, struct queue_inspected *out)
{
    enum { PARTS = 12 };
    struct str what = redis_reply_str(redis_reply_at(r, 0));
    *out = (struct queue_inspected){.what = QUEUE_UNKNOWN};
    if (str_eq(what, STR("unknown")))
        return true;
    if (str_eq(what, STR("ambiguous"))) {
        *out = (struct queue_inspected){.what = QUEUE_AMBIGUOUS, .shops = r};
        return true;
    }
    if (!str_eq(what, STR("job")) || redis_reply_size(r) != PARTS)
        return false;
    *out = (struct queue_inspected){.what = QUEUE_JOB,
                                    .job = redis_reply_str(redis_reply_at(r, 1)),
                                    .now_ms = redis_reply_int(redis_reply_at(r, 2)),
                                    .deadline = redis_reply_str(redis_reply_at(r, 3)),
                                    .lives_ms = redis_reply_int(redis_reply_at(r, 4)),
                                    .hash = redis_reply_at(r, 5),
                                    .tasks = redis_reply_at(r, 6),
                                    .open = redis_reply_at(r, 7),
                                    .leases = redis_reply_at(r, 8),
                                    .delayed = redis_reply_at(r, 9),
                                    .results = redis_reply_at(r, 10),
                                    .events = redis_reply_at(r, 11)};
    return true;
}

void queue_audit_cmd(const struct queue *q, bool is_mending, struct redis_cmd *out)
{
    begin(q, &SCRIPT_AUDIT, out);
    redis_cmd_text(out, is_mending ? "1" : "0");
}

const struct redis_reply *queue_field(const struct redis_reply *pairs, const char *field)
{
    for (size_t i = 0; i + 1 < redis_reply_size(pairs); i += 2)
        if (str_eq(redis_reply_str(redis_reply_at(pairs, i)), str_of(field)))
            return redis_reply_at(pairs, i + 1);
    return NULL;
}
