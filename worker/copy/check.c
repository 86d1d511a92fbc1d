#include "worker/copy/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "worker/copy/claims.h"
#include "worker/copy/markup.h"
#include "worker/copy/products.h"
#include "worker/copy/unicode.h"
#include "worker/offers/phrase.h"

enum {
    TEXT_BYTES_MAX = 1 << 20,
    FIELDS_MAX = 3 + 2 * COPY_LINES_MAX,
    CHARACTERS_MIN = 3,
    PIECE_MAX = 40, // of what offends, in the reason
    WORDS_MAX = 128,
    SAID_MAX = WORDS_MAX + 32 // with the name of a field
};

struct field {
    const char *name;
    struct str text;
    size_t characters_max;
    struct str plain;          // numbers.h
    struct lexicon_text words; // folded
};

struct checker {
    struct str locale;
    struct language *language;
    const struct brief *const *briefs;
    size_t n;
    struct arena memory;
    struct subject *subjects; // what each of the briefs says
    bool are_read;
};

struct checking { // of one bundle's copy
    const struct checker *c;
    const struct copy_text *copy;
    const struct subject *own;
    struct str facts;
    struct arena memory;
    struct buf text; // what is at hand
    struct field *fields;
    size_t n_fields;
    const char *kind;
    char *reason;
};

// Always false. The piece is shown on one line, cut, as far as it can be printed.
static bool refuse(struct checking *k, const char *kind, const char *words, struct str piece)
{
    AUTO(buf_fini) struct buf shown, reason;
    buf_init(&shown, TEXT_BYTES_MAX);
    buf_init(&reason, TEXT_BYTES_MAX);
    while (piece.len) {
        uint32_t c = unicode_next(&piece);
        bool is_hidden = unicode_is_control(c) || unicode_is_invisible(c) || unicode_is_space(c);
        unicode_put(&shown, is_hidden ? ' ' : c);
    }
    struct str seen = str_trim(buf_str(&shown));
    buf_printf(&reason, "%s%s", words, seen.len ? ": " : "");
    phrase_put_cut(&reason, seen, PIECE_MAX);
    unicode_copy(buf_str(&reason), k->reason, CHECK_REASON_MAX);
    k->kind = kind;
    return false;
}

static bool refuse_field(struct checking *k, const char *kind, const struct field *f, const char *words,
                         struct str piece)
{
    char said[SAID_MAX];
    snprintf(said, sizeof said, "the %s %s", f->name, words);
    return refuse(k, kind, said, piece);
}

// --- the fields

static struct str keep_text(struct checking *k)
{
    struct str copy = arena_str(&k->memory, buf_str(&k->text));
    buf_clear(&k->text);
    return copy;
}

static void add_field(struct checking *k, const char *name, struct str text, size_t characters_max)
{
    struct field *f = &k->fields[k->n_fields++];
    *f = (struct field){.name = name, .text = text, .characters_max = characters_max};
    numbers_put_plain(&k->text, text);
    f->plain = str_trim(keep_text(k));
    unicode_put_words(&k->text, text);
    lexicon_split(keep_text(k), &k->memory, &f->words);
}

static void add_fields(struct checking *k)
{
    const struct copy_text *c = k->copy;
    k->fields = ARENA_ARRAY(&k->memory, struct field, FIELDS_MAX);
    add_field(k, "title", c->title, COPY_TITLE_MAX);
    add_field(k, "description", c->description, COPY_DESCRIPTION_MAX);
    add_field(k, "value proposition", c->value_proposition, COPY_VALUE_MAX);
    for (unsigned i = 0; i < c->n_features; i++)
        add_field(k, "list of features", c->features[i], COPY_LINE_MAX);
    for (unsigned i = 0; i < c->n_benefits; i++)
        add_field(k, "list of benefits", c->benefits[i], COPY_LINE_MAX);
}

// --- the rules: each of one field

static bool is_there(struct checking *k, const struct field *f)
{
    return phrase_length(str_trim(f->text)) >= CHARACTERS_MIN && f->words.n > 0
               ? true
               : refuse_field(k, "missing", f, "is empty", STR(""));
}

static bool is_within_length(struct checking *k, const struct field *f)
{
    char words[WORDS_MAX];
    size_t n = phrase_length(f->text);
    if (n <= f->characters_max)
        return true;
    snprintf(words, sizeof words, "has %zu characters, %zu at most", n, f->characters_max);
    return refuse_field(k, "length", f, words, STR(""));
}

static bool is_plain_text(struct checking *k, const struct field *f)
{
    const char *what;
    char words[WORDS_MAX];
    struct str found = markup_find(f->text, k->facts, &what);
    if (found.len == 0)
        return true;
    snprintf(words, sizeof words, "holds %s", what);
    return refuse_field(k, "markup", f, words, found);
}

static bool has_no_link(struct checking *k, const struct field *f)
{
    markup_put_narrow(&k->text, f->text);
    struct str found = markup_find_link(keep_text(k));
    return found.len == 0 || refuse_field(k, "link", f, "holds an address or number of somebody", found);
}

static bool refuse_number(struct checking *k, const struct number *n)
{
    static const char *const KINDS[] = {"number", "percent", "price"};
    static const char *const WORDS[] = {"names a number that is not the bundle's",
                                        "names a percentage that is not the bundle's",
                                        "names a price that is not the bundle's"};
    return refuse(k, KINDS[n->kind], WORDS[n->kind], n->text);
}

// "½ price", "fifty percent off", "five pounds".
static bool strays_are_own(struct checking *k, const struct field *f)
{
    struct number n;
    for (size_t at = 0; numbers_next_stray(f->plain, &at, &n);) {
        if (!subject_allows_stray(k->own, &n))
            return refuse_number(k, &n);
    }
    return true;
}

// "1 234" may be one number or two.
static bool numbers_are_own(struct checking *k, const struct field *f)
{
    struct number n;
    for (size_t at = 0, next = 0; next = at, numbers_next(f->plain, &next, true, &n); at = next) {
        if (subject_allows(k->own, &n))
            continue;
        next = at;
        if (numbers_next(f->plain, &next, false, &n) && !n.is_in_word && !subject_allows(k->own, &n))
            return refuse_number(k, &n); // letters and digits: products.h
    }
    return true;
}

static bool reductions_are_own(struct checking *k, const struct field *f)
{
    const struct number n = {.kind = NUMBER_PERCENT, .text = claims_find_reduction(&f->words, k->own)};
    return n.text.len == 0 || refuse_number(k, &n);
}

static bool products_are_own(struct checking *k, const struct field *f)
{
    struct str found = products_find_unknown(f->text, k->own);
    if (found.len == 0)
        found = products_find_other(&f->words, k->own, k->c->subjects, k->c->n);
    return found.len == 0 || refuse(k, "product", "names a product that is not the bundle's", found);
}

static bool claims_are_own(struct checking *k, const struct field *f)
{
    struct str found = claims_find(&f->words, k->own);
    if (found.len == 0 && memmem(f->plain.ptr, f->plain.len, "#1", 2) && !memmem(k->facts.ptr, k->facts.len, "#1", 2))
        found = STR("#1");
    return found.len == 0 || refuse(k, "claim", "claims what nobody said of the products", found);
}

// --- the rules: of the whole

static bool has_lines(struct checking *k)
{
    if (k->copy->is_malformed)
        return refuse(k, "malformed", "a field is not as asked for: another type, or too many lines", STR(""));
    if (k->copy->n_features == 0)
        return refuse(k, "missing", "the features are missing", STR(""));
    return k->copy->n_benefits > 0 || refuse(k, "missing", "the benefits are missing", STR(""));
}

static bool is_about_products(struct checking *k)
{
    return products_are_in(&k->fields[0].words, k->own) || products_are_in(&k->fields[1].words, k->own) ||
           refuse(k, "about", "neither title nor description names one of its products", k->copy->title);
}

static bool does_not_repeat(struct checking *k)
{
    for (size_t i = 0; i < k->n_fields; i++) {
        for (size_t j = 0; j < i; j++) {
            if (str_eq(k->fields[i].plain, k->fields[j].plain))
                return refuse(k, "repeat", "says the same twice", k->fields[i].text);
        }
    }
    return true;
}

static bool is_of_names(struct checking *k, struct str word)
{
    bool is_own = false;
    buf_clear(&k->text);
    unicode_put_words(&k->text, word);
    struct str folded = buf_str(&k->text);
    for (struct str inner; !is_own && (inner = lexicon_next_word(&folded)).len > 0;)
        is_own = subject_has_word(k->own, inner) || unicode_is_digit((unsigned char)inner.ptr[0]);
    return is_own;
}

// What is left of the copy without names and numbers, which have no language.
static void put_own_words(struct checking *k, struct str text, struct buf *out)
{
    for (struct str word; (word = lexicon_next_word(&text)).len > 0;) {
        if (!is_of_names(k, word))
            buf_put(out, word.ptr, word.len);
        buf_putc(out, ' ');
    }
}

static bool is_in_language(struct checking *k)
{
    AUTO(buf_fini) struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    if (!k->c->language)
        return true;
    for (size_t i = 0; i < k->n_fields; i++)
        put_own_words(k, k->fields[i].text, &text);
    return language_is(k->c->language, buf_str(&text), k->c->locale) != LANGUAGE_IS_NOT ||
           refuse(k, "language", "is in another language than the one asked for", k->c->locale);
}

typedef bool field_rule(struct checking *k, const struct field *f);

static bool hold_for_fields(struct checking *k)
{
    static field_rule *const RULES[] = {is_there,           is_within_length, is_plain_text,
                                        has_no_link,        numbers_are_own,  strays_are_own,
                                        reductions_are_own, products_are_own, claims_are_own};
    for (size_t r = 0; r < ARRAY_LEN(RULES); r++) {
        for (size_t i = 0; i < k->n_fields; i++) {
            if (!RULES[r](k, &k->fields[i]))
                return false;
        }
    }
    return true;
}

// The language last: telling it takes longer than all the rest.
static bool is_fit(struct checking *k)
{
    if (!k->c->are_read)
        return refuse(k, "facts", "the facts of the bundle cannot be read", STR(""));
    add_fields(k);
    return has_lines(k) && hold_for_fields(k) && does_not_repeat(k) && is_about_products(k) && is_in_language(k);
}

bool copy_check(const struct checker *c, size_t i, const struct copy_text *copy, const char **kind,
                char reason[CHECK_REASON_MAX])
{
    CHECK(i < c->n);
    struct checking k = {.c = c, .copy = copy, .own = &c->subjects[i], .facts = c->briefs[i]->facts, .reason = reason};
    arena_init(&k.memory, 0);
    buf_init(&k.text, TEXT_BYTES_MAX);
    bool fit = is_fit(&k);
    buf_fini(&k.text);
    arena_fini(&k.memory);
    if (!fit)
        *kind = k.kind;
    return fit;
}

// --- the briefs

struct checker *checker_create(struct str locale, struct language *language, const struct brief *const *briefs,
                               size_t n)
{
    struct checker *c = malloc(sizeof *c);
    CHECK(c);
    *c = (struct checker){.locale = locale, .language = language, .briefs = briefs, .n = n, .are_read = true};
    arena_init(&c->memory, 0);
    c->subjects = ARENA_ARRAY(&c->memory, struct subject, n);
    for (size_t i = 0; i < n; i++)
        c->are_read &= subject_read(briefs[i]->facts, &c->memory, &c->subjects[i]);
    return c;
}

void checker_destroy(struct checker *c)
{
    if (!c)
        return;
    arena_fini(&c->memory);
    free(c);
}
