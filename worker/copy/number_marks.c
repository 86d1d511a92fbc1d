#include "worker/copy/number_marks.h"

#include "common/check.h"
#include "worker/copy/unicode.h"

enum { CURRENCY_WORD_MIN = 4 }; // codes are shorter

static const struct currency {
    const char *name, *mark; // a sign alone, or letters: a code, a word
} CURRENCIES[] = {{"$", "$"},       {"$", "usd"},       {"$", "cad"},     {"$", "aud"},        {"$", "nzd"},
                  {"$", "sgd"},     {"$", "hkd"},       {"$", "mxn"},     {"$", "dollar"},     {"$", "dollars"},
                  {"$", "dolares"}, {"$", "bucks"},     {"$", "cents"},   {"eur", "€"},        {"eur", "eur"},
                  {"eur", "euro"},  {"eur", "euros"},   {"eur", "cent"},  {"eur", "centimes"}, {"eur", "centimos"},
                  {"gbp", "£"},     {"gbp", "gbp"},     {"gbp", "pound"}, {"gbp", "pounds"},   {"gbp", "pence"},
                  {"gbp", "quid"},  {"gbp", "pfund"},   {"gbp", "p"},     {"¥", "¥"},          {"¥", "jpy"},
                  {"¥", "cny"},     {"¥", "yen"},       {"¥", "yuan"},    {"¥", "円"},         {"¥", "元"},
                  {"inr", "₹"},     {"inr", "inr"},     {"inr", "rs"},    {"inr", "rupees"},   {"krw", "₩"},
                  {"krw", "krw"},   {"krw", "원"},      {"ils", "₪"},     {"ils", "ils"},      {"vnd", "₫"},
                  {"vnd", "vnd"},   {"try", "₺"},       {"try", "tl"},    {"rub", "₽"},      {"rub", "rub"},
                  {"rub", "руб"},   {"rub", "рублей"},  {"uah", "₴"},     {"uah", "uah"},      {"chf", "chf"},
                  {"chf", "fr"},    {"chf", "franken"}, {"kr", "kr"},     {"kr", "sek"},       {"kr", "nok"},
                  {"kr", "dkk"},    {"kr", "kronen"},   {"kr", "kronor"}, {"kr", "kroner"},    {"pln", "zl"},
                  {"pln", "pln"},   {"pln", "zlotych"}, {"czk", "kc"},    {"czk", "czk"},      {"huf", "ft"},
                  {"huf", "huf"},   {"ron", "lei"},     {"ron", "ron"},   {"bgn", "bgn"},      {"brl", "brl"},
                  {"brl", "reais"}, {"zar", "zar"},     {"kwd", "kwd"},   {"bhd", "bhd"},      {"aed", "aed"},
                  {"sar", "sar"},   {"thb", "฿"},       {"thb", "thb"},   {"php", "₱"},        {"ngn", "₦"}};

static const char *const PERCENTS[] = {"%",         "٪",       "percent",   "per cent",   "prozent",
                                       "prozentig", "pct",     "pour cent", "por ciento", "por cento",
                                       "per cento", "procent", "процентов", "процента"};

static bool is_letter_at(struct str s, size_t at)
{
    struct str rest = {s.ptr + at, s.len - at};
    return rest.len && unicode_is_letter(unicode_next(&rest));
}

static size_t character_before(struct str s, size_t at)
{
    while (at > 0 && ((unsigned char)s.ptr[--at] & 0xC0) == 0x80)
        ;
    return at;
}

static bool is_letter_before(struct str s, size_t at)
{
    return at > 0 && is_letter_at(s, character_before(s, at));
}

static bool starts_percent(struct str s, size_t at)
{
    return at < s.len && s.ptr[at] == '%';
}

// Behind "49,-" and "49.-": no cents.
static size_t no_cents_end(struct str s, size_t at)
{
    bool is_none = s.len - at >= 2 && (s.ptr[at] == ',' || s.ptr[at] == '.') && s.ptr[at + 1] == '-';
    return is_none ? at + 2 : at;
}

static size_t spaces_end(struct str s, size_t at)
{
    while (at < s.len &&
           (s.ptr[at] == ' ' || (s.ptr[at] == '-' && (is_letter_at(s, at + 1) || starts_percent(s, at + 1)))))
        at++;
    return at;
}

// Of `mark` at `at`, not as the beginning of a longer word: where it ends, 0: not there.
static size_t mark_end(struct str s, size_t at, const char *mark)
{
    size_t len = strlen(mark);
    if (s.len - at < len || memcmp(s.ptr + at, mark, len) != 0)
        return 0;
    return is_letter_before(s, at + len) && is_letter_at(s, at + len) ? 0 : at + len;
}

bool number_marks_percent(struct str s, size_t *first, size_t *end)
{
    size_t at = spaces_end(s, *end), before = *first;
    for (size_t i = 0; at < s.len && i < ARRAY_LEN(PERCENTS); i++) {
        size_t behind = PERCENTS[i][0] == s.ptr[at] ? mark_end(s, at, PERCENTS[i]) : 0;
        if (behind) {
            *end = behind;
            return true;
        }
    }
    while (before > 0 && s.ptr[before - 1] == ' ')
        before--;
    bool is_before = before > 0 && s.ptr[before - 1] == '%'; // as Turkish has it
    if (is_before)
        *first = before - 1;
    return is_before;
}

// A run of letters, or one other character.
static struct str piece_before(struct str s, size_t at)
{
    while (at > 0 && s.ptr[at - 1] == ' ')
        at--;
    size_t first = character_before(s, at);
    while (is_letter_at(s, first) && is_letter_before(s, first))
        first = character_before(s, first);
    return (struct str){s.ptr + first, at - first};
}

static struct str piece_behind(struct str s, size_t at)
{
    at = spaces_end(s, at);
    struct str left = {s.ptr + at, s.len - at};
    while (left.len && unicode_is_letter(unicode_next(&left)) && is_letter_at(left, 0))
        ;
    return (struct str){s.ptr + at, (size_t)(left.ptr - s.ptr) - at};
}

static const char *currency_of(struct str piece)
{
    for (size_t i = 0; piece.len && i < ARRAY_LEN(CURRENCIES); i++) {
        const char *mark = CURRENCIES[i].mark;
        if (mark[0] == piece.ptr[0] && strncmp(mark, piece.ptr, piece.len) == 0 && mark[piece.len] == '\0')
            return CURRENCIES[i].name;
    }
    return NULL;
}

const char *number_marks_currency(struct str s, size_t *first, size_t *end)
{
    struct str before = piece_before(s, *first), behind = piece_behind(s, no_cents_end(s, *end));
    const char *name = currency_of(before);
    if (name) {
        *first = (size_t)(before.ptr - s.ptr);
        return name;
    }
    name = currency_of(behind);
    if (name)
        *end = (size_t)(behind.ptr + behind.len - s.ptr);
    return name;
}

bool number_marks_is_in_word(struct str s, size_t first)
{
    return is_letter_before(s, first) && !str_eq(piece_before(s, first), STR("x"));
}

// --- without a number

size_t number_marks_percent_end(struct str s, size_t at)
{
    struct str left = {s.ptr + at, s.len - at};
    uint32_t c = unicode_next(&left);
    if (c == 0x2030 || c == 0x2031 || c == 0xFE6A) // per mille and such
        return s.len - left.len;
    for (size_t i = 0; i < ARRAY_LEN(PERCENTS); i++) {
        size_t end = PERCENTS[i][0] == s.ptr[at] ? mark_end(s, at, PERCENTS[i]) : 0;
        if (end && !(is_letter_at(s, at) && is_letter_before(s, at)))
            return end;
    }
    return 0;
}

static bool is_currency_sign(uint32_t c)
{
    return c == '$' || (c >= 0xA2 && c <= 0xA5) || c == 0xE3F || (c >= 0x20A0 && c <= 0x20CF) || c == 0xFDFC ||
           c == 0xFE69 || (c >= 0xFFE0 && c <= 0xFFE6);
}

// "five pounds", "ein paar Euro": its word, no code, which may mean something else.
static size_t currency_word_end(struct str s, size_t at)
{
    if (!is_letter_at(s, at) || is_letter_before(s, at))
        return 0;
    struct str word = piece_behind(s, at);
    return word.len >= CURRENCY_WORD_MIN && currency_of(word) ? at + word.len : 0;
}

size_t number_marks_currency_end(struct str s, size_t at)
{
    struct str left = {s.ptr + at, s.len - at};
    return is_currency_sign(unicode_next(&left)) ? s.len - left.len : currency_word_end(s, at);
}
