// Template copy: title, description, value proposition, features and benefits from the bundle's own figures, per type
// and objective, for when no model is configured or its answer was refused; in English, German, French and Spanish.
// Pure. Lengths in Unicode characters: title <= 60, description <= 200, value_proposition <= 150 (cut at a word, never
// inside a character).
#ifndef BUNDLE_WORKER_COPY_TEMPLATE_H
#define BUNDLE_WORKER_COPY_TEMPLATE_H

#include "worker/offers/bundle_row.h"

// JSON {title, description, value_proposition, features: [..], benefits: [..], source: "template"}. locale: a BCP 47
// tag; of another language: English.
void template_copy(const struct market *m, const struct bundle *b, struct str locale, struct buf *out);

// The same for each row of the list.
void template_rows(const struct market *m, const struct bundle_list *list, struct str locale, struct bundle_rows *rows,
                   struct arena *memory);

#endif
