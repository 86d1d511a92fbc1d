// The queue's overview, a job's tree and the dead stream for people, from the JSON of queue_view.h. What is missing is
// left out.
#ifndef BUNDLE_WORKER_CTL_QUEUE_RENDER_H
#define BUNDLE_WORKER_CTL_QUEUE_RENDER_H

#include "worker/ctl/term.h"

struct json_t; // jansson's, without its names: they clash with the short ones of json_out.h

void queue_render_overview(const struct term *t, const struct json_t *overview, struct buf *out);
// One line a queue: an array of overviews.
void queue_render_queues(const struct term *t, const struct json_t *overviews, struct buf *out);
void queue_render_job(const struct term *t, const struct json_t *job, struct buf *out);
void queue_render_dead(const struct term *t, const struct json_t *entries, struct buf *out);

#endif
