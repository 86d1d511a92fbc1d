// Phrase: the small pieces of text that explanation and template copy share.
#ifndef BUNDLE_WORKER_OFFERS_PHRASE_H
#define BUNDLE_WORKER_OFFERS_PHRASE_H

#include "worker/offers/offers.h"

void phrase_count(struct buf *out, uint64_t n);    // 12,345
void phrase_percent(struct buf *out, uint32_t bp); // "12%", "12.5%"
void phrase_money(const struct market *m, struct buf *out, int64_t minor);
void phrase_name(const struct market *m, struct buf *out,
                 uint32_t item); // display name, white space made single spaces

size_t phrase_length(struct str text); // in Unicode characters
// At most max characters; what is cut is cut at a word (in a long word at a character) and shown by an ellipsis.
void phrase_put_cut(struct buf *out, struct str text, size_t max);

#endif
