#include "worker/copy/numbers.h"

#include "common/check.h"
#include "worker/copy/number_marks.h"
#include "worker/copy/unicode.h"

enum { DIGITS_MAX = 14 };

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
    if (number_marks_percent(plain, &piece_first, &piece_end))
        out->kind = NUMBER_PERCENT;
    else if ((out->currency = number_marks_currency(plain, &piece_first, &piece_end)))
        out->kind = NUMBER_MONEY;
    out->text = (struct str){plain.ptr + piece_first, piece_end - piece_first};
    out->is_in_word = out->kind == NUMBER_PLAIN && number_marks_is_in_word(plain, first);
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

static bool read_stray(struct str s, size_t at, struct number *out)
{
    struct str left = {s.ptr + at, s.len - at};
    bool is_odd = is_odd_number(unicode_next(&left));
    size_t percent = number_marks_percent_end(s, at), money = number_marks_currency_end(s, at);
    size_t end = percent ? percent : money ? money : s.len - left.len;
    if (!percent && !money && !is_odd)
        return false;
    *out = (struct number){.kind = percent ? NUMBER_PERCENT
                                   : money ? NUMBER_MONEY
                                           : NUMBER_PLAIN,
                           .text = {s.ptr + at, end - at}};
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
