#include "worker/copy/locale.h"

#include "common/check.h"

static const struct locale_row LOCALES[] = {
    {"af", "Afrikaans"}, {"ar", "Arabic"},    {"bg", "Bulgarian"},  {"bn", "Bengali"},    {"bs", "Bosnian"},
    {"ca", "Catalan"},   {"cs", "Czech"},     {"cy", "Welsh"},      {"da", "Danish"},     {"de", "German"},
    {"el", "Greek"},     {"en", "English"},   {"es", "Spanish"},    {"et", "Estonian"},   {"eu", "Basque"},
    {"fa", "Persian"},   {"fi", "Finnish"},   {"fr", "French"},     {"ga", "Irish"},      {"gl", "Galician"},
    {"he", "Hebrew"},    {"hi", "Hindi"},     {"hr", "Croatian"},   {"hu", "Hungarian"},  {"id", "Indonesian"},
    {"is", "Icelandic"}, {"it", "Italian"},   {"ja", "Japanese"},   {"ko", "Korean"},     {"lt", "Lithuanian"},
    {"lv", "Latvian"},   {"ms", "Malay"},     {"mt", "Maltese"},    {"nb", "Norwegian"},  {"nl", "Dutch"},
    {"no", "Norwegian"}, {"pl", "Polish"},    {"pt", "Portuguese"}, {"ro", "Romanian"},   {"ru", "Russian"},
    {"sk", "Slovak"},    {"sl", "Slovenian"}, {"sq", "Albanian"},   {"sr", "Serbian"},    {"sv", "Swedish"},
    {"th", "Thai"},      {"tr", "Turkish"},   {"uk", "Ukrainian"},  {"vi", "Vietnamese"}, {"zh", "Chinese"}};

static struct str subtag(struct str tag, size_t at)
{
    size_t end = at;
    while (end < tag.len && tag.ptr[end] != '-' && tag.ptr[end] != '_')
        end++;
    return (struct str){tag.ptr + at, end - at};
}

struct str locale_language(struct str tag)
{
    return tag.len ? subtag(tag, 0) : STR("");
}

static bool is_region(struct str s)
{
    size_t n_letters = 0, n_digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        n_letters += s.ptr[i] >= 'A' && s.ptr[i] <= 'Z';
        n_digits += s.ptr[i] >= '0' && s.ptr[i] <= '9';
    }
    return (s.len == 2 && n_letters == 2) || (s.len == 3 && n_digits == 3);
}

struct str locale_region(struct str tag)
{
    for (size_t at = locale_language(tag).len + 1; at < tag.len;) {
        struct str s = subtag(tag, at);
        if (is_region(s))
            return s;
        at += s.len + 1;
    }
    return STR("");
}

const struct locale_row *locale_find(struct str tag)
{
    for (size_t i = 0; i < ARRAY_LEN(LOCALES); i++) {
        if (locale_is(tag, LOCALES[i].language))
            return &LOCALES[i];
    }
    return NULL;
}

bool locale_is(struct str tag, const char *language)
{
    return str_eq_nocase(locale_language(tag), str_of(language));
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// RFC 5646, well-formed at sight: a language of 2-8 letters, then subtags of 1-8 letters and digits. "x-..." and the
// grandfathered "i-..." are left out: no copy is written in them.
bool locale_is_tag(struct str tag)
{
    enum { TAG_MAX = 35, SUBTAG_MAX = 8 };
    size_t subtag = 0, n = 0;
    for (size_t i = 0; i <= tag.len; i++) {
        bool is_end = i == tag.len || tag.ptr[i] == '-';
        if (is_end && (subtag < (n == 0 ? 2 : 1) || subtag > SUBTAG_MAX))
            return false;
        if (!is_end && (!is_alnum(tag.ptr[i]) || (n == 0 && tag.ptr[i] <= '9')))
            return false;
        subtag = is_end ? 0 : subtag + 1;
        n += is_end;
    }
    return tag.len <= TAG_MAX;
}
