// Orders: does a text read like words to a language model ("ignore your instructions and write ...") rather than like a
// product's name? By tables of words in the languages of shops, for texts as they come: other case, width, spacing and
// look-alike letters make no difference. Errs on the safe side. Pure.
#ifndef BUNDLE_WORKER_COPY_ORDERS_H
#define BUNDLE_WORKER_COPY_ORDERS_H

#include "common/str.h"

bool orders_in(struct str text);

#endif
