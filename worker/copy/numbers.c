#include "worker/copy/numbers.h"

#include "common/check.h"
#include "worker/copy/unicode.h"

enum { DIGITS_MAX = 14, CURRENCY_WORD_MIN = 4 }; // letters: codes have fewer

void numbers_put_plain(struct buf *out, struct str text)
{
    while (text.len) {
        uint32_t c = unicode_next(&text);
        if (unicode_is_space(c))
            buf_putc(out, ' ');
        else if (c == 0x2019) // Switzerland groups by it
            buf_putc(out, '\'');
        else if (!unicode_is_invisible(c) && !unicode_is_mark(c))
            unicode_put(out, unicode_fold(c));
    }
}

static bool is_digit_at(struct str s, size_t at)
{
    return at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';
}

// Is what stands at `at` a separator of groups or decimals, with digits on both sides?
static bool joins(struct str s, size_t at, bool groups_by_space)
{
    char c = s.ptr[at];
    if (c == '.' || c == ',' || c == '\'')
        return is_digit_at(s, at + 1);
    return c == ' ' && groups_by_space && is_digit_at(s, at + 1) && is_digit_at(s, at + 2) && is_digit_at(s, at + 3) &&
           !is_digit_at(s, at + 4);
}

static size_t digits_end(struct str s, size_t at, bool groups_by_space)
{
    while (at < s.len && (is_digit_at(s, at) || joins(s, at, groups_by_space)))
        at++;
    return at;
}

// Digits of s, as so many 1/10,000 of what the last `decimals` of them stand behind the point of.
static int64_t value_of(struct str s, size_t decimals)
{
    int64_t value = 0;
    size_t n = 0, n_scaled = 0;
    for (size_t i = 0; i < s.len; i++)
        n += is_digit_at(s, i);
    if (n > DIGITS_MAX)
        return -1;
    for (size_t i = 0, k = 0; i < s.len; i++) {
        if (!is_digit_at(s, i))
            continue;
        if (k++ >= n - decimals && n_scaled++ >= 4)
            break;
        value = value * 10 + (s.ptr[i] - '0');
    }
    for (n_scaled = decimals < 4 ? decimals : 4; n_scaled < 4; n_scaled++)
        value *= 10;
    return value;
}

static void read_values(struct str s, int64_t values[2])
{
    size_t last = s.len;
    while (last > 0 && is_digit_at(s, last - 1))
        last--;
    size_t behind = last > 0 ? s.len - last : 0;
    char separator = last > 0 ? s.ptr[last - 1] : ' ';
    bool is_group = behind == 3, is_decimal = separator == '.' || separator == ',';
    values[0] = value_of(s, is_group || !is_decimal ? 0 : behind);
    values[1] = value_of(s, is_decimal ? behind : 0);
}

// --- what stands around

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

static bool find_percent(struct str s, size_t *first, size_t *end)
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

// "five pounds", "ein paar Euro": where a currency's word (no code, which may mean something else) ends, 0: there is
// none.
static size_t currency_word_end(struct str s, size_t at)
{
    if (!is_letter_at(s, at) || is_letter_before(s, at))
        return 0;
    struct str word = piece_behind(s, at);
    return word.len >= CURRENCY_WORD_MIN && currency_of(word) ? at + word.len : 0;
}

static const char *find_currency(struct str s, size_t *first, size_t *end)
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

bool numbers_next(struct str plain, size_t *at, bool groups_by_space, struct number *out)
{
    size_t first = *at;
    while (first < plain.len && !is_digit_at(plain, first))
        first++;
    if (first == plain.len)
        return false;
    size_t end = digits_end(plain, first, groups_by_space), piece_first = first, piece_end = end;
    *out = (struct number){.kind = NUMBER_PLAIN};
    read_values((struct str){plain.ptr + first, end - first}, out->values);
    if (find_percent(plain, &piece_first, &piece_end))
        out->kind = NUMBER_PERCENT;
    else if ((out->currency = find_currency(plain, &piece_first, &piece_end)))
        out->kind = NUMBER_MONEY;
    out->text = (struct str){plain.ptr + piece_first, piece_end - piece_first};
    out->is_in_word =
        out->kind == NUMBER_PLAIN && is_letter_before(plain, first) && !str_eq(piece_before(plain, first), STR("x"));
    *at = end;
    return true;
}

// --- without digits

// Fractions, raised and lowered digits, Roman numerals of one character.
static bool is_odd_number(uint32_t c)
{
    return c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0xBC && c <= 0xBE) || (c >= 0x2070 && c <= 0x209F) ||
           (c >= 0x2150 && c <= 0x218F);
}

static bool is_currency_sign(uint32_t c)
{
    return c == '$' || (c >= 0xA2 && c <= 0xA5) || c == 0xE3F || (c >= 0x20A0 && c <= 0x20CF) || c == 0xFDFC ||
           c == 0xFE69 || (c >= 0xFFE0 && c <= 0xFFE6);
}

static size_t percent_end(struct str s, size_t at)
{
    for (size_t i = 0; i < ARRAY_LEN(PERCENTS); i++) {
        size_t end = PERCENTS[i][0] == s.ptr[at] ? mark_end(s, at, PERCENTS[i]) : 0;
        if (end && !(is_letter_at(s, at) && is_letter_before(s, at)))
            return end;
    }
    return 0;
}

static bool read_stray(struct str s, size_t at, struct number *out)
{
    struct str left = {s.ptr + at, s.len - at};
    uint32_t c = unicode_next(&left);
    size_t end = s.len - left.len, percent = percent_end(s, at), word = currency_word_end(s, at);
    if (percent || c == 0x2030 || c == 0x2031 || c == 0xFE6A) // per mille and such
        *out = (struct number){.kind = NUMBER_PERCENT};
    else if (is_currency_sign(c) || word)
        *out = (struct number){.kind = NUMBER_MONEY};
    else if (is_odd_number(c))
        *out = (struct number){.kind = NUMBER_PLAIN};
    else
        return false;
    out->text = (struct str){s.ptr + at, (percent ? percent : word ? word : end) - at};
    return true;
}

static size_t character_behind(struct str s, size_t at)
{
    struct str left = {s.ptr + at, s.len - at};
    (void)unicode_next(&left);
    return s.len - left.len;
}

bool numbers_next_stray(struct str plain, size_t *at, struct number *out)
{
    struct number n;
    for (size_t i = *at, end; i < plain.len; i = end) {
        size_t next = i;
        bool has_next = numbers_next(plain, &next, false, &n);
        size_t first = has_next ? (size_t)(n.text.ptr - plain.ptr) : plain.len;
        for (; i < first; i = character_behind(plain, i)) {
            if (!read_stray(plain, i, out))
                continue;
            *at = (size_t)(out->text.ptr + out->text.len - plain.ptr);
            return true;
        }
        end = has_next ? (size_t)(n.text.ptr + n.text.len - plain.ptr) : plain.len;
    }
    return false;
}

bool numbers_equal(const struct number *a, const struct number *b)
{
    for (unsigned i = 0; i < 4; i++) {
        if (a->values[i & 1] == b->values[i >> 1] && a->values[i & 1] >= 0)
            return true;
    }
    return false;
}
