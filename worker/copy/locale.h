// Locales: what a BCP 47 tag ("en", "pt-BR") says about the language of the copy. Pure.
#ifndef BUNDLE_WORKER_COPY_LOCALE_H
#define BUNDLE_WORKER_COPY_LOCALE_H

#include "common/str.h"

struct locale_row {
    const char *language, *name; // primary subtag; the language's English name
};

bool locale_is_tag(struct str tag);                   // well-formed: worth a look at the others
struct str locale_language(struct str tag);           // "pt" of "pt-BR"
struct str locale_region(struct str tag);             // "BR": two capitals or three digits; "" where there is none
const struct locale_row *locale_find(struct str tag); // NULL: not in the table
bool locale_is(struct str tag, const char *language); // by primary subtag, in any case

#endif
