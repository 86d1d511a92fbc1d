// What the queue holds, read from Redis and written as one JSON object: what the commands of `bundlectl queue` print
// with
// --json, and what queue_render.h makes tables of.
//
//     overview  {"queue", "now_ms", "paused": [{"shop": null for the whole queue, "since_ms", "why"}], "inbox",
//     "intake",
//                "ready": {"interactive": {"urgent", "tasks", "io"}, "normal": ..., "bulk": ...}, "delayed", "leased",
//                "open", "dead", "kept", "untold", "workers": [...], "counters": {...}, "jobs": [...]}
//     job       {"job", "shop", "upload", "state", ..., "stages": [{"stage", "state", "tasks": [...]}], "events":
//     [...]} dead      {"id", "ts_ms", "kind", "reason", "job", "shop", "upload", "stage", "task", "bytes", "payload",
//     ...}
//
// FAILURE   As common/redis.h; ERR_NOT_FOUND for a job that the queue does not know.
#ifndef BUNDLE_WORKER_CTL_QUEUE_VIEW_H
#define BUNDLE_WORKER_CTL_QUEUE_VIEW_H

#include "worker/ctl/ctl_redis.h"

struct json_t; // jansson's, without its names: they clash with the short ones of json_out.h

bool queue_view_overview(struct ctl_redis *r, const char *queue_name, unsigned most, struct buf *json,
                         struct err *e) MUST_USE;
// shop NULL: not known.
bool queue_view_job(struct ctl_redis *r, struct str job_or_upload, const char *shop, unsigned most_events,
                    struct buf *json, struct err *e) MUST_USE;

// Entries of the dead stream, at most `most` of them, as an array; newest first, or from before the entry `before`.
bool queue_view_dead(struct ctl_redis *r, const char *before, unsigned most, struct json_t **out,
                     struct err *e) MUST_USE;

#endif
