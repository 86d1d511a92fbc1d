// Part of numbers.c: the signs and words of percentages and money, in a text as numbers_put_plain leaves it.
#ifndef BUNDLE_WORKER_COPY_NUMBER_MARKS_H
#define BUNDLE_WORKER_COPY_NUMBER_MARKS_H

#include <stdbool.h>

#include "common/str.h"

// Of the number at [*first, *end), which are set around its mark, too. false, NULL: it has none.
bool number_marks_percent(struct str s, size_t *first, size_t *end);
const char *number_marks_currency(struct str s, size_t *first, size_t *end); // "gbp", "$" ...

// Do letters stand right before it, but for an "x"?
bool number_marks_is_in_word(struct str s, size_t first);

// Where a sign or word that begins at `at` ends; 0: none does.
size_t number_marks_percent_end(struct str s, size_t at);
size_t number_marks_currency_end(struct str s, size_t at);

#endif
