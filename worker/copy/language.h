// Which language is this? The only place that knows libexttextcat (n-gram statistics; Cavnar and Trenkle 1994).
// THREADS   A struct language belongs to one thread.
#ifndef BUNDLE_WORKER_COPY_LANGUAGE_H
#define BUNDLE_WORKER_COPY_LANGUAGE_H

#include "common/err.h"
#include "common/str.h"

struct language;
// ERR_CONFIG: the library's data is not there, and which package holds it.
bool language_open(struct language **out, struct err *e) MUST_USE;
void language_close(struct language *l); // NULL is fine

enum language_verdict { LANGUAGE_IS, LANGUAGE_IS_NOT, LANGUAGE_UNKNOWN }; // unknown: too short, or the tag is not known
// locale: a BCP 47 tag. Careful: IS_NOT only where the text is clearly something else.
enum language_verdict language_is(struct language *l, struct str text, struct str locale);

#endif
