#include "worker/copy/markup.h"

#include "common/check.h"
#include "worker/copy/unicode.h"

enum { PHONE_DIGITS_MIN = 7 };

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_alpha(c) || is_digit(c) || (unsigned char)c >= 0x80;
}

static char char_at(struct str s, size_t at)
{
    return at < s.len ? s.ptr[at] : '\0';
}

static struct str part(struct str s, size_t first, size_t end)
{
    return (struct str){s.ptr + first, (end < s.len ? end : s.len) - first};
}

static size_t run(struct str s, size_t at, bool (*is_part)(char c))
{
    while (at < s.len && is_part(s.ptr[at]))
        at++;
    return at;
}

// --- markup

static bool is_tag_at(struct str s, size_t at)
{
    char next = char_at(s, at + 1);
    return s.ptr[at] == '<' && (is_alpha(next) || next == '/' || next == '!' || next == '?');
}

static bool is_entity_at(struct str s, size_t at)
{
    if (s.ptr[at] != '&')
        return false;
    size_t first = char_at(s, at + 1) == '#' ? at + 2 : at + 1, end = run(s, first, is_alnum);
    return end > first && char_at(s, end) == ';';
}

static bool is_markdown_at(struct str s, size_t at)
{
    static const char *const MARKS[] = {"**", "__", "~~", "](", "`", "\\", "{", "}", "[["};
    for (size_t i = 0; i < ARRAY_LEN(MARKS); i++) {
        size_t len = strlen(MARKS[i]);
        if (s.len - at >= len && memcmp(s.ptr + at, MARKS[i], len) == 0)
            return true;
    }
    return at == 0 && strchr("#*->", s.ptr[0]) && (char_at(s, 1) == ' ' || char_at(s, 1) == '#');
}

static struct str find_ascii(struct str text, const char **what)
{
    for (size_t at = 0; at < text.len; at++) {
        if (is_alnum(text.ptr[at]) || text.ptr[at] == ' ')
            continue; // nothing begins so
        *what = is_tag_at(text, at)        ? "HTML"
                : is_entity_at(text, at)   ? "an HTML entity"
                : is_markdown_at(text, at) ? "markup"
                                           : NULL;
        if (*what)
            return part(text, at, at + 20);
    }
    return STR("");
}

// Some scripts need joiners inside their words (Persian, Hindi); Latin, Greek and Cyrillic don't.
static bool is_joiner(uint32_t c, uint32_t before)
{
    return (c == 0x200C || c == 0x200D) && before >= 0x600 && before < 0x2000;
}

static const char *what_is(uint32_t c, uint32_t before)
{
    if (c >= ' ' && c < 0x7F) // nearly all of them
        return NULL;
    if (unicode_is_control(c))
        return "a control character";
    if (c == UNICODE_BAD)
        return "a broken character";
    if (unicode_is_pictograph(c))
        return "a picture";
    return unicode_is_invisible(c) && !is_joiner(c, before) ? "an invisible character" : NULL;
}

struct str markup_find(struct str text, struct str names, const char **what)
{
    uint32_t before = 0;
    for (struct str left = text; left.len;) {
        const char *at = left.ptr;
        uint32_t c = unicode_next(&left);
        struct str found = {at, (size_t)(left.ptr - at)};
        *what = what_is(c, before);
        if (*what && !(unicode_is_pictograph(c) && memmem(names.ptr, names.len, found.ptr, found.len)))
            return found;
        before = c;
    }
    return find_ascii(text, what);
}

// --- links

static bool is_top_level(struct str s)
{
    static const char *const TOP[] = {"com",  "net",  "org",     "io",   "de",      "fr",   "es",     "it",  "nl",
                                      "be",   "at",   "ch",      "uk",   "co",      "us",   "eu",     "pl",  "ru",
                                      "cn",   "in",   "br",      "info", "biz",     "shop", "store",  "app", "dev",
                                      "me",   "ai",   "xyz",     "site", "top",     "link", "online", "tv",  "gg",
                                      "live", "club", "example", "test", "invalid", "ly",   "to",     "cc"};
    for (size_t i = 0; i < ARRAY_LEN(TOP); i++) {
        if (str_eq(s, str_of(TOP[i])))
            return true;
    }
    return false;
}

static bool is_host(char c)
{
    return is_alnum(c) || c == '-';
}

// A dot with a name before and a top-level domain behind; small letters, or all large, for "tea.It" is a slip.
static bool is_domain_dot(struct str s, size_t at)
{
    char top[16];
    size_t end = run(s, at + 1, is_alpha), len = end - at - 1;
    if (s.ptr[at] != '.' || at == 0 || !is_host(s.ptr[at - 1]) || len < 2 || len >= sizeof top)
        return false;
    bool is_large = s.ptr[at + 1] < 'a';
    for (size_t i = 0; i < len; i++) {
        if ((s.ptr[at + 1 + i] < 'a') != is_large)
            return false;
        top[i] = (char)(s.ptr[at + 1 + i] | 0x20);
    }
    return !is_host(char_at(s, end)) && is_top_level((struct str){top, len});
}

static bool is_phone_char(char c)
{
    return is_digit(c) || (c && strchr(" -/()+", c));
}

// Digits as people write a phone number: beginning with + or 0, at least seven of them.
static bool is_phone_at(struct str s, size_t at)
{
    if (s.ptr[at] != '+' && s.ptr[at] != '0')
        return false;
    size_t n = 0, end = run(s, at, is_phone_char);
    if (at > 0 && (is_digit(s.ptr[at - 1]) || strchr(".,", s.ptr[at - 1])))
        return false;
    for (size_t i = at; i < end; i++)
        n += is_digit(s.ptr[i]);
    return n >= PHONE_DIGITS_MIN;
}

static bool starts_with(struct str s, size_t at, const char *what)
{
    size_t len = strlen(what);
    return s.len - at >= len && str_eq_nocase((struct str){s.ptr + at, len}, str_of(what));
}

static bool is_link_at(struct str s, size_t at)
{
    switch (s.ptr[at]) {
    case '@':
        return is_alnum(char_at(s, at + 1));
    case '#':
        return is_alpha(char_at(s, at + 1));
    case ':':
        return starts_with(s, at, "://");
    case 'w':
    case 'W':
        return starts_with(s, at, "www.");
    case 'm':
    case 'M':
        return starts_with(s, at, "mailto:");
    case '.':
        return is_domain_dot(s, at);
    default:
        return is_phone_at(s, at);
    }
}

static bool is_link_char(char c)
{
    return c != ' ';
}

struct str markup_find_link(struct str text)
{
    for (size_t at = 0; at < text.len; at++) {
        if (!is_link_at(text, at))
            continue;
        size_t first = at;
        while (first > 0 && text.ptr[first - 1] != ' ')
            first--;
        return part(text, first, run(text, at + 1, is_link_char));
    }
    return STR("");
}
