// Numbers in a text for shoppers: amounts of money, percentages, all others. "£1,234.50", "1.234,50 €", "12,5 %",
// "20 percent", "2x", "10-pack". Pure.
#ifndef BUNDLE_WORKER_COPY_NUMBERS_H
#define BUNDLE_WORKER_COPY_NUMBERS_H

#include <stdint.h>

#include "common/buf.h"
#include "common/str.h"

enum number_kind { NUMBER_PLAIN, NUMBER_PERCENT, NUMBER_MONEY };

struct number {
    enum number_kind kind;
    // In 1/10,000. "1.234" and "1,234" are either of two; else both are the same. -1: too long for a number.
    int64_t values[2];
    const char *currency; // MONEY: "gbp", "$" ...
    struct str text;      // with its sign or word
    bool is_in_word;      // letters stand right before it: "B12"; not so "x2", twice
};

// The text as numbers_next wants it: folded (unicode.h), visible, with a usual space for every other one.
void numbers_put_plain(struct buf *out, struct str text);

// The next number at or after *at, which is set behind it. Views into the text. `groups_by_space`: is "1 234" one
// number?
bool numbers_next(struct str plain, size_t *at, bool groups_by_space, struct number *out);

// The next sign or word of a percentage or a currency, fraction or raised digit at or after *at that belongs to no such
// number: "fifty percent", "five pounds", "½", "⁵⁰ %". Its values are not told.
bool numbers_next_stray(struct str plain, size_t *at, struct number *out);

bool numbers_equal(const struct number *a, const struct number *b); // by value

#endif
