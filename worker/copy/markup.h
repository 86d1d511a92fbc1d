// Markup and links: what is not plain text for a shopper. Part of check.c.
#ifndef BUNDLE_WORKER_COPY_MARKUP_H
#define BUNDLE_WORKER_COPY_MARKUP_H

#include "common/buf.h"
#include "common/str.h"

// Where HTML, an entity, Markdown, a placeholder, a control or invisible character, a picture or a broken character
// stands; "" where there is none. `what` names it. A picture that stands in `names`, too, is the merchant's own.
struct str markup_find(struct str text, struct str names, const char **what);

// The text as markup_find_link wants it: "ｗｗｗ。ｘ" as "www.x".
void markup_put_narrow(struct buf *out, struct str text);

// Where a URL, a domain, an e-mail address, a handle, a hashtag or a phone number stands; "" where there is none.
struct str markup_find_link(struct str text);

#endif
