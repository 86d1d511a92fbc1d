// Products in copy: those of the bundle, by words of their names; those of others; and words that look like a product's
// and are in no name ("X100", "PowerMax"). Part of check.c.
#ifndef BUNDLE_WORKER_COPY_PRODUCTS_H
#define BUNDLE_WORKER_COPY_PRODUCTS_H

#include "worker/copy/subject.h"

// Does the text share a word with one of the names ("teapots" with "Teapot")? Names without any word to know them by:
// yes.
bool products_are_in(const struct lexicon_text *text, const struct subject *own);

// Where the text (as it came, or folded) names a product that is not the bundle's; "" where it does not.
struct str products_find_unknown(struct str text, const struct subject *own);
// `all`: the bundles of the request, `own` among them.
struct str products_find_other(const struct lexicon_text *text, const struct subject *own, const struct subject *all,
                               size_t n);

#endif
