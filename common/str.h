// A piece of text that somebody else owns: pointer and length, not NUL-terminated, valid as long as its owner.
#ifndef BUNDLE_COMMON_STR_H
#define BUNDLE_COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, ((s).ptr ? (s).ptr : "")

static inline struct str str_of(const char *text)
{
    return (struct str){text ? text : "", text ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_nocase(struct str a, struct str b);      // ASCII case only
int str_cmp(struct str a, struct str b);             // bytewise, shorter first
struct str str_trim(struct str s);                   // ASCII white space, both ends
bool str_is_utf8(struct str s);                      // well-formed UTF-8 (RFC 3629), no NUL
size_t str_utf8_len(struct str s);                   // bytes of the first character, 0: malformed, NUL or empty
bool str_has_word(struct str text, struct str word); // ASCII-case-insensitive, not part of a longer word
bool str_to_int(struct str s, int64_t *out);         // whole string, base 10, optional sign; false: outputs untouched
bool str_to_real(struct str s, double *out);         // whole string, finite

#endif
