#include "worker/copy/lexicon.h"

struct str lexicon_next_word(struct str *folded)
{
    while (folded->len && folded->ptr[0] == ' ')
        folded->ptr++, folded->len--;
    const char *end = folded->len ? memchr(folded->ptr, ' ', folded->len) : NULL;
    struct str word = {folded->ptr, end ? (size_t)(end - folded->ptr) : folded->len};
    folded->ptr += word.len;
    folded->len -= word.len;
    return word;
}

static size_t count_words(struct str folded)
{
    size_t n = 0;
    while (n < LEXICON_WORDS_MAX && lexicon_next_word(&folded).len > 0)
        n++;
    return n;
}

void lexicon_split(struct str folded, struct arena *memory, struct lexicon_text *out)
{
    size_t n = count_words(folded);
    *out = (struct lexicon_text){.words = ARENA_ARRAY(memory, struct str, n)};
    while (out->n < n)
        out->words[out->n++] = lexicon_next_word(&folded);
}

bool lexicon_is_like(struct str word, struct str pattern)
{
    bool is_open = pattern.len && pattern.ptr[pattern.len - 1] == '*';
    size_t len = pattern.len - is_open;
    return (is_open ? word.len >= len : word.len == len) && memcmp(word.ptr, pattern.ptr, len) == 0;
}

size_t lexicon_match(const struct lexicon_text *t, size_t at, const char *phrase)
{
    size_t n = 0;
    struct str left = str_of(phrase);
    for (struct str pattern; (pattern = lexicon_next_word(&left)).len > 0; n++) {
        if (at + n >= t->n || !lexicon_is_like(t->words[at + n], pattern))
            return 0;
    }
    return n;
}

struct str lexicon_find(const struct lexicon_text *t, const char *const *phrases, size_t n, size_t *at)
{
    for (size_t i = *at; i < t->n; i++) {
        for (size_t p = 0; p < n; p++) {
            if (phrases[p][0] != t->words[i].ptr[0]) // nearly all of them, and cheaper told than by matching
                continue;
            size_t words = lexicon_match(t, i, phrases[p]);
            if (words == 0)
                continue;
            const struct str *last = &t->words[i + words - 1];
            *at = i;
            return (struct str){t->words[i].ptr, (size_t)(last->ptr + last->len - t->words[i].ptr)};
        }
    }
    return STR("");
}
