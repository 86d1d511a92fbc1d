// The document of bundles (worker/offers/bundle_row.h) for people: a table with what is sold, the offer, the price and
// why; and as CSV. Tolerates fields that are missing or null: they are left out.
#ifndef BUNDLE_WORKER_CTL_RENDER_H
#define BUNDLE_WORKER_CTL_RENDER_H

#include "worker/ctl/term.h"

struct json_t; // jansson's, without its names: they clash with the short ones of json_out.h

// At most `top` bundles; 0: all.
void render_table(const struct term *t, const struct json_t *document, unsigned top, struct buf *out);
void render_csv(const struct json_t *document, unsigned top, struct buf *out);

// The pieces of a row. "2 x Blue Mug + Tea Sampler"; "Buy 2 Blue Mug, get Tea Sampler free".
void render_products(const struct json_t *bundle, struct buf *out);
void render_offer(const struct json_t *bundle, struct buf *out);

#endif
