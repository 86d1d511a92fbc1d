// A shop's defaults for its jobs: shops.settings, a JSON object of the options in common/PROTOCOL.md. What they mean,
// and whether they are right, is not known here.
#ifndef BUNDLE_WORKER_STORE_SHOP_OPTIONS_H
#define BUNDLE_WORKER_STORE_SHOP_OPTIONS_H

#include "common/buf.h"
#include "common/str.h"
#include "worker/store/pg.h"

enum { SHOP_TEXT_MAX = 1 << 20 };

// Nothing for a shop that is not there or said nothing; of a text that is too long, the first 65,537 characters.
bool shop_options_read(struct pg *pg, struct str shop, struct buf *json, struct err *e) MUST_USE;
// Instead of what was there; the shop is made where it is not there. `json` is an object.
bool shop_options_write(struct pg *pg, struct str shop, struct str json, struct err *e) MUST_USE;

#endif
