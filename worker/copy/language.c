#include "worker/copy/language.h"

#include <stdlib.h>
#include <textcat.h>

#include "common/check.h"
#include "worker/copy/locale.h"
#include "worker/copy/unicode.h"

enum {
    LETTERS_MIN = 60,
    DENSE_WEIGHT = 3
}; // below, the statistics say little; a character of Chinese, say, counts more

struct language {
    void *textcat;
    candidate_t *candidates;
};

// Languages that so little text does not tell apart, by the library's names.
static const char *const ALIKE[] = {
    "no nb nn da sv fo is",
    "es gl pt ca ast oc an",
    "it co sc fur",
    "fr oc wa",
    "hr sr bs sl",
    "cs sk",
    "id ms ban",
    "en sco",
    "de nds lb",
    "nl af fy nds",
    "ru uk be bg mk rue",
    "zh ja",
    "et fi",
    "ro it",
    "tr az tk",
    "hi ne mr bho mai",
    "fa ar ur ckb",
};

bool language_open(struct language **out, struct err *e)
{
    void *textcat = special_textcat_Init(TEXTCAT_DATA "/fpdb.conf", TEXTCAT_DATA "/");
    if (!textcat)
        return err_set(e, ERR_CONFIG,
                       "the statistics of languages in " TEXTCAT_DATA
                       " cannot be read: install the package libexttextcat-data");
    *out = malloc(sizeof **out);
    CHECK(*out);
    **out = (struct language){textcat, textcat_GetClassifyFullOutput(textcat)};
    CHECK((*out)->candidates);
    return true;
}

void language_close(struct language *l)
{
    if (!l)
        return;
    textcat_ReleaseClassifyFullOutput(l->textcat, l->candidates);
    textcat_Done(l->textcat);
    free(l);
}

static bool is_in_group(const char *group, struct str language)
{
    return str_has_word(str_of(group), language);
}

static bool is_alike(struct str a, struct str b)
{
    for (size_t i = 0; i < ARRAY_LEN(ALIKE); i++) {
        if (is_in_group(ALIKE[i], a) && is_in_group(ALIKE[i], b))
            return true;
    }
    return str_eq_nocase(a, b);
}

static size_t weigh_letters(struct str text)
{
    size_t n = 0;
    while (text.len) {
        uint32_t c = unicode_next(&text);
        n += !unicode_is_letter(c) ? 0 : c >= 0x2E80 ? DENSE_WEIGHT : 1;
    }
    return n;
}

enum language_verdict language_is(struct language *l, struct str text, struct str locale)
{
    if (!locale_find(locale) || weigh_letters(text) < LETTERS_MIN)
        return LANGUAGE_UNKNOWN;
    int n = textcat_ClassifyFull(l->textcat, text.ptr, text.len, l->candidates);
    bool is_known = false;
    for (int i = 0; i < n; i++) {
        struct str found = locale_language(str_of(l->candidates[i].name)); // "en--utf8"
        if (is_alike(found, locale_language(locale)))
            return LANGUAGE_IS;
        is_known |= locale_find(found) != NULL; // one that copy is written in, and not only by mistake
    }
    return is_known ? LANGUAGE_IS_NOT : LANGUAGE_UNKNOWN;
}
