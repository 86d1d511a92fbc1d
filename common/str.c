#include "common/str.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

static unsigned char lower(char c)
{
    return (unsigned char)((c >= 'A' && c <= 'Z') ? c + 32 : c);
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

struct str str_trim(struct str s)
{
    while (s.len && isspace((unsigned char)s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len && isspace((unsigned char)s.ptr[s.len - 1]))
        s.len--;
    return s;
}

// Length of the UTF-8 sequence at p (n bytes left), 0 where it is malformed, overlong, a surrogate or past U+10FFFF.
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return p[0] ? 1 : 0;
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    bool is_overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool is_surrogate = p[0] == 0xED && p[1] > 0x9F;
    bool is_too_large = p[0] == 0xF4 && p[1] > 0x8F;
    return is_overlong || is_surrogate || is_too_large ? 0 : len;
}

size_t str_utf8_len(struct str s)
{
    return s.len ? utf8_sequence((const unsigned char *)s.ptr, s.len) : 0;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t at = 0; at < s.len;) {
        size_t len = utf8_sequence(p + at, s.len - at);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

bool str_has_word(struct str text, struct str word)
{
    if (word.len == 0)
        return false;
    for (size_t at = 0; at + word.len <= text.len; at++) {
        if (at > 0 && is_word_char(text.ptr[at - 1]))
            continue;
        if (at + word.len < text.len && is_word_char(text.ptr[at + word.len]))
            continue;
        if (str_eq_nocase((struct str){text.ptr + at, word.len}, word))
            return true;
    }
    return false;
}

bool str_to_int(struct str s, int64_t *out)
{
    bool is_negative = s.len && s.ptr[0] == '-';
    size_t at = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+');
    if (at == s.len)
        return false;
    int64_t value = 0;
    for (; at < s.len; at++) {
        if (s.ptr[at] < '0' || s.ptr[at] > '9')
            return false;
        int digit = s.ptr[at] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, is_negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool str_to_real(struct str s, double *out)
{
    char copy[64];
    if (s.len == 0 || s.len >= sizeof copy || isspace((unsigned char)s.ptr[0]))
        return false;
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    char *end;
    double value = strtod(copy, &end);
    if (end != copy + s.len || !isfinite(value))
        return false;
    *out = value;
    return true;
}
