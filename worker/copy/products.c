#include "worker/copy/products.h"

#include "common/check.h"
#include "worker/copy/unicode.h"
#include "worker/offers/phrase.h"

enum { TEXT_BYTES_MAX = 1 << 20, WORD_MIN = 3, ENDING_MAX = 3, LONG_WORD_MIN = 4 };

static uint32_t first_of(struct str s)
{
    return s.len ? unicode_next(&s) : 0;
}

static bool has_letter(struct str word)
{
    while (word.len) {
        if (unicode_is_letter(unicode_next(&word)))
            return true;
    }
    return false;
}

// Chinese, Japanese, Korean ...: no spaces between words, two characters say enough.
static bool is_dense(struct str word)
{
    return first_of(word) >= 0x2E80;
}

static bool is_significant(struct str word)
{
    return has_letter(word) && phrase_length(word) >= (is_dense(word) ? 2 : WORD_MIN);
}

// --- about the products?

static size_t shared_prefix(struct str a, struct str b)
{
    size_t n = 0;
    while (a.len && b.len && unicode_next(&a) == unicode_next(&b))
        n++;
    return n;
}

static bool shares_two_characters(struct str a, struct str b)
{
    while (phrase_length(a) >= 2) {
        struct str rest = a;
        (void)unicode_next(&rest);
        struct str two = rest;
        (void)unicode_next(&two);
        if (memmem(b.ptr, b.len, a.ptr, (size_t)(two.ptr - a.ptr)))
            return true;
        a = rest;
    }
    return false;
}

// The same word but for its ending, or part of a compound ("Teekanne", "Kanne").
static bool is_alike(struct str name, struct str word)
{
    if (is_dense(name))
        return shares_two_characters(name, word);
    size_t n = phrase_length(name), m = phrase_length(word), longer = n > m ? n : m;
    size_t shared = shared_prefix(name, word);
    if (shared >= WORD_MIN && shared + ENDING_MAX >= longer)
        return true;
    return n >= LONG_WORD_MIN && memmem(word.ptr, word.len, name.ptr, name.len) != NULL;
}

static bool is_in(struct str name, const struct lexicon_text *text)
{
    for (size_t i = 0; i < text->n; i++) {
        if (is_alike(name, text->words[i]))
            return true;
    }
    return false;
}

bool products_are_in(const struct lexicon_text *text, const struct subject *own)
{
    bool has_any = false;
    for (size_t i = 0; i < own->words.n; i++) {
        struct str word = own->words.words[i];
        if (!is_significant(word))
            continue;
        has_any = true;
        if (is_in(word, text))
            return true;
    }
    return !has_any;
}

// --- products of others

static bool is_own(struct str word, const struct subject *own)
{
    for (size_t i = 0; i < own->words.n; i++) {
        if (is_significant(word) && is_alike(own->words.words[i], word))
            return true;
    }
    return subject_has_word(own, word);
}

static bool is_side_by_side(const struct lexicon_text *text, size_t at, const struct lexicon_text *name, size_t first,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (at + i >= text->n || !str_eq(text->words[at + i], name->words[first + i]))
            return false;
    }
    return true;
}

// Its whole name, of which some word is not ours; or two words of it, neither of them ours.
static bool is_telling(const struct lexicon_text *name, size_t first, size_t n, const struct subject *own)
{
    size_t n_foreign = 0;
    for (size_t i = first; i < first + n; i++)
        n_foreign += phrase_length(name->words[i]) >= LONG_WORD_MIN && !is_own(name->words[i], own);
    return n == name->n ? n_foreign > 0 : n_foreign == n;
}

static struct str find_part(const struct lexicon_text *text, const struct lexicon_text *name, size_t n,
                            const struct subject *own)
{
    for (size_t first = 0; first + n <= name->n; first++) {
        for (size_t at = 0; at + n <= text->n; at++) {
            struct str last = text->words[at + n - 1];
            if (is_side_by_side(text, at, name, first, n) && is_telling(name, first, n, own))
                return (struct str){text->words[at].ptr, (size_t)(last.ptr + last.len - text->words[at].ptr)};
        }
    }
    return STR("");
}

static struct str find_name(const struct lexicon_text *text, const struct lexicon_text *name, const struct subject *own)
{
    struct str found = name->n ? find_part(text, name, name->n, own) : STR("");
    return found.len || name->n < 3 ? found : find_part(text, name, 2, own);
}

struct str products_find_other(const struct lexicon_text *text, const struct subject *own, const struct subject *all,
                               size_t n)
{
    for (const struct subject *other = all; other < all + n; other++) {
        for (size_t i = 0; other != own && i < other->n_names; i++) {
            struct str found = find_name(text, &other->words_of[i], own);
            if (found.len)
                return found;
        }
    }
    return STR("");
}

// --- words that look like a product's

static bool is_small(uint32_t c)
{
    return unicode_is_letter(c) && unicode_fold(c) == c && c < 0x80;
}

static bool is_capital(uint32_t c)
{
    return c >= 'A' && c <= 'Z';
}

// "PowerMax", "iPhone"; "B12", "X-Pro" has none.
static bool looks_made_up(struct str word)
{
    bool was_small = false, has_letters = false, is_made_up = false, is_times = false;
    while (word.len) {
        uint32_t c = unicode_next(&word);
        is_made_up |= was_small && is_capital(c);
        is_made_up |= has_letters && !is_times && unicode_is_digit(c);
        is_times = (!has_letters && (c | 0x20) == 'x') || (is_times && unicode_is_digit(c)); // "x10"
        has_letters |= unicode_is_letter(c);
        was_small = is_small(c);
    }
    return is_made_up;
}

static struct str next_run(struct str *text)
{
    const char *first = NULL;
    while (text->len) {
        const char *at = text->ptr;
        struct str before = *text;
        uint32_t c = unicode_next(text);
        bool is_part = unicode_is_letter(c) || unicode_is_digit(c);
        if (is_part && !first)
            first = at;
        if (!is_part && first) {
            *text = before;
            break;
        }
    }
    return first ? (struct str){first, (size_t)(text->ptr - first)} : STR("");
}

static bool is_in_names(struct str word, const struct subject *own)
{
    AUTO(buf_fini) struct buf folded;
    buf_init(&folded, TEXT_BYTES_MAX);
    unicode_put_words(&folded, word);
    struct str words = buf_str(&folded);
    return subject_has_word(own, lexicon_next_word(&words));
}

struct str products_find_unknown(struct str text, const struct subject *own)
{
    for (struct str word; (word = next_run(&text)).len > 0;) {
        if (looks_made_up(word) && !is_in_names(word, own))
            return word;
    }
    return STR("");
}
