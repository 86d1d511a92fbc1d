// The builder turns rows, in whatever order they come, into a dataset (SPEC 4: resolve each line to a variant by
// variant_id, else by a SKU that is unique in the upload, else by title + variant title, else make a product of the
// line).
//
// LEFT OUT  A line is counted under the first reason that holds: no order, duplicate, cancelled, currency, no identity,
//           service, gift card, quantity, price. Service ids and names are not looked for in lines of catalogued
//           products, whose own title decides.
// FAILURE   ERR_LIMIT over rules.lines_max or memory; ERR_INPUT only for an upload that no cleaning can save. After a
//           failure: builder_destroy().
// THREADS   One owner at a time.
#ifndef BUNDLE_WORKER_DATASET_BUILDER_H
#define BUNDLE_WORKER_DATASET_BUILDER_H

#include "worker/dataset/dataset.h"

struct builder;

struct builder *builder_create(const struct enrich_rules *rules); // texts in rules must outlive it
void builder_destroy(struct builder *b);                          // NULL is fine
void builder_destroyp(struct builder **b);

// `source` numbers the file (csv upload) the row came from, the newest 0: an order that comes again from an older one
// is a duplicate, and of a product or a stock level the newest source wins. A line may come before its order.
bool builder_add(struct builder *b, const struct row *r, unsigned source, struct err *e) MUST_USE;

// The finished dataset with figures and flags; the builder takes nothing more afterwards (destroy it). An upload
// without one usable line gives a dataset with 0 orders: that is not an error.
bool builder_finish(struct builder *b, struct dataset **out, struct err *e) MUST_USE;
void builder_keep_order_ids(struct builder *b);                       // else finishing frees them
struct str builder_order_id(const struct builder *b, uint32_t order); // once finished: of an order of the dataset

#endif
