#include "worker/dataset/money.h"

#include <stdlib.h>

// Code and decimals. Besides the codes in use: those withdrawn lately (order histories still carry them) and XXX, the
// standard's code for "no currency", which an upload gets that has prices and names none.
static const char CURRENCIES[] =
    "AED2AFN2ALL2AMD2ANG2AOA2ARS2AUD2AWG2AZN2BAM2BBD2BDT2BGN2BHD3BIF0BMD2BND2BOB2BOV2BRL2BSD2BTN2BWP2BYN2BZD2CAD2CDF2"
    "CHE2CHF2CHW2CLF4CLP0CNY2COP2COU2CRC2CUC2CUP2CVE2CZK2DJF0DKK2DOP2DZD2EGP2ERN2ETB2EUR2FJD2FKP2GBP2GEL2GHS2GIP2GMD2"
    "GNF0GTQ2GYD2HKD2HNL2HRK2HTG2HUF2IDR2ILS2INR2IQD3IRR2ISK0JMD2JOD3JPY0KES2KGS2KHR2KMF0KPW2KRW0KWD3KYD2KZT2LAK2LBP2"
    "LKR2LRD2LSL2LYD3MAD2MDL2MGA2MKD2MMK2MNT2MOP2MRU2MUR2MVR2MWK2MXN2MXV2MYR2MZN2NAD2NGN2NIO2NOK2NPR2NZD2OMR3PAB2PEN2"
    "PGK2PHP2PKR2PLN2PYG0QAR2RON2RSD2RUB2RWF0SAR2SBD2SCR2SDG2SEK2SGD2SHP2SLE2SLL2SOS2SRD2SSP2STN2SVC2SYP2SZL2THB2TJS2"
    "TMT2TND3TOP2TRY2TTD2TWD2TZS2UAH2UGX0USD2USN2UYI0UYU2UYW4UZS2VED2VES2VND0VUV0WST2XAF0XCD2XCG2XOF0XPF0XXX2YER2ZAR2"
    "ZMW2ZWG2ZWL2";

bool currency_decimals(struct str code, unsigned *decimals)
{
    if (code.len != 3)
        return false;
    for (const char *row = CURRENCIES; *row; row += 4) {
        if (memcmp(row, code.ptr, 3) != 0)
            continue;
        *decimals = (unsigned)(row[3] - '0');
        return true;
    }
    return false;
}

bool money_minor_of_e4(int64_t e4, unsigned decimals, int64_t *minor)
{
    static const int64_t DIVISOR[] = {10000, 1000, 100, 10, 1};
    if (decimals > 4 || e4 == INT64_MIN)
        return false;
    int64_t divisor = DIVISOR[decimals];
    int64_t rest = llabs(e4 % divisor);
    int64_t away = rest * 2 >= divisor && divisor > 1 ? (e4 < 0 ? -1 : 1) : 0;
    *minor = e4 / divisor + away;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What may stand before or behind a number: a symbol ("£", "$", "US$", "zł"), an ISO code, or a usual abbreviation.
static bool is_currency_mark(struct str mark)
{
    static const char *const ABBREVIATIONS[] = {"kr", "rs",  "rs.", "r",  "ft", "lei",
                                                "fr", "fr.", "rm",  "rp", "tl", "zl"};
    char code[3];
    bool is_symbol = false;
    if (mark.len == 0)
        return true;
    if (mark.len > 8)
        return false;
    for (size_t i = 0; i < mark.len; i++) {
        char c = mark.ptr[i];
        is_symbol |= c == '$' || (unsigned char)c >= 0x80;
        if (!is_letter(c) && c != '$' && c != '.' && (unsigned char)c < 0x80)
            return false;
        if (mark.len == sizeof code)
            code[i] = is_letter(c) ? (char)(c & ~0x20) : c;
    }
    unsigned decimals;
    if (is_symbol || (mark.len == sizeof code && currency_decimals((struct str){code, sizeof code}, &decimals)))
        return true;
    for (size_t i = 0; i < sizeof ABBREVIATIONS / sizeof ABBREVIATIONS[0]; i++)
        if (str_eq_nocase(mark, str_of(ABBREVIATIONS[i])))
            return true;
    return false;
}

static bool drop_prefix(struct str *s, struct str prefix)
{
    if (s->len < prefix.len || memcmp(s->ptr, prefix.ptr, prefix.len) != 0)
        return false;
    s->ptr += prefix.len;
    s->len -= prefix.len;
    return true;
}

// Also the no-break spaces that spreadsheets write: U+00A0, U+202F, U+2009.
static size_t space_at(struct str s, size_t at)
{
    static const struct str SPACES[] = {{" ", 1}, {"\xC2\xA0", 2}, {"\xE2\x80\xAF", 3}, {"\xE2\x80\x89", 3}};
    for (size_t i = 0; i < sizeof SPACES / sizeof SPACES[0]; i++)
        if (s.len - at >= SPACES[i].len && memcmp(s.ptr + at, SPACES[i].ptr, SPACES[i].len) == 0)
            return SPACES[i].len;
    return 0;
}

static struct str trim_spaces(struct str s)
{
    s = str_trim(s);
    for (size_t n; s.len && (n = space_at(s, 0)) > 0;) {
        s.ptr += n;
        s.len -= n;
    }
    for (bool again = true; again;) {
        again = false;
        for (size_t n = 1; n <= 3 && n <= s.len; n++) {
            if (space_at(s, s.len - n) == n) {
                s.len -= n;
                again = true;
                break;
            }
        }
    }
    return s;
}

static bool drop_sign(struct str *s, bool *is_negative)
{
    if (drop_prefix(s, STR("-")) || drop_prefix(s, STR("\xE2\x88\x92"))) {
        *is_negative = true;
        return true;
    }
    return drop_prefix(s, STR("+"));
}

// "-$12.50 USD" -> "12.50", negative. false: something stands there that is no sign and no currency.
static bool strip_marks(struct str *s, bool *is_negative)
{
    *is_negative = false;
    *s = trim_spaces(*s);
    if (s->len > 2 && s->ptr[0] == '(' && s->ptr[s->len - 1] == ')') { // accountants' minus
        *s = trim_spaces((struct str){s->ptr + 1, s->len - 2});
        *is_negative = true;
    }
    bool has_sign = drop_sign(s, is_negative);
    size_t first = 0;
    while (first < s->len && !is_digit(s->ptr[first]) && s->ptr[first] != '-' &&
           !(s->ptr[first] == '.' && first + 1 < s->len && is_digit(s->ptr[first + 1]) &&
             (first == 0 || !is_letter(s->ptr[first - 1]))))
        first++;
    size_t end = s->len;
    while (end > first && !is_digit(s->ptr[end - 1]))
        end--;
    if (first == end)
        return false;
    struct str before = trim_spaces((struct str){s->ptr, first});
    struct str after = trim_spaces((struct str){s->ptr + end, s->len - end});
    *s = (struct str){s->ptr + first, end - first};
    if (drop_sign(s, is_negative) && has_sign)
        return false;
    *s = trim_spaces(*s);
    return is_currency_mark(before) && is_currency_mark(after);
}

enum { SEPARATORS_MAX = 8 };

// Where the separators of a number stand. Kinds: '.', ',', and everything that can only group ('\'' and spaces).
struct shape {
    size_t at[SEPARATORS_MAX], len[SEPARATORS_MAX];
    char kind[SEPARATORS_MAX];
    size_t n;
};

static bool shape_of(struct str s, struct shape *shape)
{
    shape->n = 0;
    for (size_t i = 0; i < s.len;) {
        if (is_digit(s.ptr[i])) {
            i++;
            continue;
        }
        size_t len = space_at(s, i);
        char kind = ' ';
        if (len == 0) {
            len = 1;
            kind = s.ptr[i] == '\'' ? ' ' : s.ptr[i];
        }
        if ((kind != ' ' && kind != '.' && kind != ',') || shape->n == SEPARATORS_MAX)
            return false;
        shape->at[shape->n] = i;
        shape->len[shape->n] = len;
        shape->kind[shape->n++] = kind;
        i += len;
    }
    return true;
}

// Is the last separator the decimal one?
//   another kind stands before it: yes (1,234.567)            the same kind stands before it: no (1,234,567)
//   alone: '.' yes (1.234); ',' unless exactly 3 digits follow 1 to 3 that do not begin with 0 (1,234 but 0,500)
static bool last_is_decimal(struct str s, const struct shape *shape)
{
    size_t last = shape->n - 1;
    if (shape->kind[last] == ' ')
        return false;
    if (last > 0)
        return shape->kind[last - 1] != shape->kind[last];
    if (shape->kind[0] == '.')
        return true;
    bool groups = s.len - shape->at[0] - 1 == 3 && shape->at[0] >= 1 && shape->at[0] <= 3 && s.ptr[0] != '0';
    return !groups;
}

// Groups of three; of two in the middle, too (1,23,456: India). All of one kind.
static bool groups_are_valid(const struct shape *shape, size_t n_groupers, size_t whole_end)
{
    if (n_groupers == 0)
        return true;
    if (shape->at[0] < 1 || shape->at[0] > 3)
        return false;
    for (size_t i = 0; i < n_groupers; i++) {
        size_t begin = shape->at[i] + shape->len[i];
        bool is_last = i + 1 == n_groupers;
        size_t digits = (is_last ? whole_end : shape->at[i + 1]) - begin;
        if (shape->kind[i] != shape->kind[0] || (digits != 3 && (is_last || digits != 2)))
            return false;
    }
    return true;
}

static bool add_digits(struct str s, int64_t *value)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]))
            continue; // a group separator, checked before
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, s.ptr[i] - '0', value))
            return false;
    }
    return true;
}

static bool value_e4(struct str whole, struct str fraction, int64_t *e4)
{
    int64_t value = 0;
    char four[4] = {'0', '0', '0', '0'};
    memcpy(four, fraction.ptr, fraction.len < 4 ? fraction.len : 4);
    if (!add_digits(whole, &value) || !add_digits((struct str){four, 4}, &value))
        return false;
    if (fraction.len > 4 && fraction.ptr[4] >= '5' && __builtin_add_overflow(value, 1, &value))
        return false;
    *e4 = value;
    return true;
}

bool money_parse_e4(struct str text, int64_t *e4)
{
    struct str s = text;
    struct shape shape;
    bool is_negative;
    int64_t value;
    if (!strip_marks(&s, &is_negative) || !shape_of(s, &shape))
        return false;
    bool has_decimals = shape.n > 0 && last_is_decimal(s, &shape);
    size_t whole_end = has_decimals ? shape.at[shape.n - 1] : s.len;
    struct str fraction = has_decimals ? (struct str){s.ptr + whole_end + 1, s.len - whole_end - 1} : STR("");
    if (!groups_are_valid(&shape, shape.n - has_decimals, whole_end) || whole_end + fraction.len == 0)
        return false;
    if (!value_e4((struct str){s.ptr, whole_end}, fraction, &value))
        return false;
    *e4 = is_negative ? -value : value;
    return true;
}

// Digits of |minor| with a decimal point and, where wanted, a comma every three digits.
static void print_digits(struct buf *out, int64_t minor, unsigned decimals, bool with_groups)
{
    char digits[32];
    uint64_t left = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor;
    unsigned n = 0;
    do {
        digits[n++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0 || n <= decimals);
    while (n > 0) {
        buf_putc(out, digits[--n]);
        if (n == decimals && n > 0)
            buf_putc(out, '.');
        else if (with_groups && n > decimals && (n - decimals) % 3 == 0)
            buf_putc(out, ',');
    }
}

void money_print(struct buf *out, int64_t minor, unsigned decimals)
{
    if (minor < 0)
        buf_putc(out, '-');
    print_digits(out, minor, decimals, false);
}

void money_print_for_people(struct buf *out, int64_t minor, struct str currency)
{
    static const struct {
        const char *code, *symbol;
    } SYMBOLS[] = {{"USD", "$"}, {"EUR", "€"}, {"GBP", "£"}, {"JPY", "¥"},
                   {"INR", "₹"}, {"KRW", "₩"}, {"ILS", "₪"}, {"VND", "₫"}};
    unsigned decimals = 2;
    bool is_known = currency_decimals(currency, &decimals) && !str_eq(currency, STR("XXX"));
    if (minor < 0)
        buf_putc(out, '-');
    const char *symbol = NULL;
    for (size_t i = 0; i < sizeof SYMBOLS / sizeof SYMBOLS[0]; i++)
        if (str_eq(currency, str_of(SYMBOLS[i].code)))
            symbol = SYMBOLS[i].symbol;
    if (symbol)
        buf_puts(out, symbol);
    else if (is_known)
        buf_printf(out, STR_FMT " ", STR_ARG(currency));
    print_digits(out, minor, decimals, true);
}
