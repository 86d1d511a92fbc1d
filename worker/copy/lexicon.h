// Lexicon: finding phrases of a table in a text. A phrase is of folded words (unicode.h); a word that ends in '*' may
// go on. Pure.
#ifndef BUNDLE_WORKER_COPY_LEXICON_H
#define BUNDLE_WORKER_COPY_LEXICON_H

#include "common/arena.h"
#include "common/str.h"

enum { LEXICON_WORDS_MAX = 512 }; // of a text that is looked into; far more than copy or a name has

struct lexicon_text {
    struct str *words; // in an arena; what they show is somebody else's
    size_t n;
};

// Words past the maximum are left out.
void lexicon_split(struct str folded, struct arena *memory, struct lexicon_text *out);
struct str lexicon_next_word(struct str *folded); // "": no more
bool lexicon_is_like(struct str word, struct str pattern);

// How many words from `at` on are the phrase, 0: none.
size_t lexicon_match(const struct lexicon_text *t, size_t at, const char *phrase);
// The first of the phrases that stands in the text at or after *at: its words (*at is set to their place), or "".
struct str lexicon_find(const struct lexicon_text *t, const char *const *phrases, size_t n, size_t *at);

#endif
