// Is this copy fit for that bundle? SPEC 12: lengths in Unicode characters; nothing but text; no price, percentage,
// product or claim that the brief does not hold; about this bundle; in the language that was asked for. Pure.
#ifndef BUNDLE_WORKER_COPY_CHECK_H
#define BUNDLE_WORKER_COPY_CHECK_H

#include "worker/copy/copy_text.h"
#include "worker/copy/brief.h"
#include "worker/copy/language.h"

enum { COPY_TITLE_MAX = 60, COPY_DESCRIPTION_MAX = 200, COPY_VALUE_MAX = 150, COPY_LINE_MAX = 120 };

// What the copy of one request is judged by: its briefs, read once. A bundle must not take the names of the others.
// All that it is made of outlives it. language NULL: not looked at.
struct checker;
struct checker *checker_create(struct str locale, struct language *language, const struct brief *const *briefs,
                               size_t n);
void checker_destroy(struct checker *c); // NULL is fine

enum { CHECK_REASON_MAX = 160 };
// Of the copy for briefs[i].
// true: fit. false: `reason` says what is wrong, for merchants and the job's metrics ("names a price that is not the
// bundle's: £5"); `kind` is a word to count by ("price").
bool copy_check(const struct checker *c, size_t i, const struct copy_text *copy, const char **kind,
                char reason[CHECK_REASON_MAX]) MUST_USE;

#endif
