// Subject: what copy of a bundle may say, read back from its brief: names, numbers, what the offer is. Part of check.c.
// THREADS   Values; texts live in the arena.
#ifndef BUNDLE_WORKER_COPY_SUBJECT_H
#define BUNDLE_WORKER_COPY_SUBJECT_H

#include "common/arena.h"
#include "worker/copy/brief.h"
#include "worker/copy/lexicon.h"
#include "worker/copy/numbers.h"

enum { SUBJECT_NAMES_MAX = PLATFORM_PARTS_MAX, SUBJECT_NUMBERS_MAX = 256 };

struct subject {
    struct str names[SUBJECT_NAMES_MAX]; // each folded, in words: " green tea "
    struct lexicon_text words_of[SUBJECT_NAMES_MAX];
    size_t n_names;
    struct lexicon_text words; // of all names
    struct number numbers[SUBJECT_NUMBERS_MAX];
    size_t n_numbers;
    struct str said; // names and values as numbers.h reads them, '|' between
    bool is_free;    // the offer gives something for nothing
};

bool subject_read(struct str facts, struct arena *memory, struct subject *out) MUST_USE; // false: not such facts

bool subject_allows(const struct subject *s, const struct number *n);
bool subject_allows_stray(const struct subject *s, const struct number *n); // numbers_next_stray
bool subject_names(const struct subject *s, struct str words);   // folded words, side by side in one of its names?
bool subject_has_word(const struct subject *s, struct str word); // folded, anywhere in its names?

#endif
