#include "worker/dataset/words.h"

#include "worker/dataset/money.h"

static bool is_word_char(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= '0' && u <= '9') || (u >= 'A' && u <= 'Z') || (u >= 'a' && u <= 'z') || u >= 0x80;
}

// Cuts the first entry off a '|'-separated list.
static struct str next_entry(struct str *list)
{
    const char *bar = list->len ? memchr(list->ptr, '|', list->len) : NULL;
    size_t len = bar ? (size_t)(bar - list->ptr) : list->len;
    struct str entry = {list->ptr, len};
    size_t used = bar ? len + 1 : len;
    list->ptr += used;
    list->len -= used;
    return str_trim(entry);
}

static struct word word_of(struct str entry, enum words_mode mode)
{
    struct word w = {entry, mode == WORDS_ANYWHERE};
    if (mode != WORDS_SERVICE)
        return w;
    w.is_anywhere = memchr(entry.ptr, ' ', entry.len) != NULL;
    if (entry.ptr[0] == '~') {
        w.text = str_trim((struct str){entry.ptr + 1, entry.len - 1});
        w.is_anywhere = true;
    }
    return w;
}

void words_init(struct words *w, struct str list, enum words_mode mode, struct arena *memory)
{
    size_t most = 1;
    for (size_t i = 0; i < list.len; i++)
        most += list.ptr[i] == '|';
    w->entries = ARENA_ARRAY(memory, struct word, most);
    w->n = 0;
    while (list.len > 0) {
        struct str entry = next_entry(&list);
        if (entry.len == 0)
            continue;
        struct word word = word_of(entry, mode);
        if (word.text.len > 0)
            w->entries[w->n++] = word;
    }
}

// Does `phrase` stand at name[at], ending at a word's end?
static bool phrase_at(struct str name, size_t at, struct str phrase)
{
    if (name.len - at < phrase.len)
        return false;
    size_t end = at + phrase.len;
    if (end < name.len && is_word_char(name.ptr[end]) && is_word_char(name.ptr[end - 1]))
        return false;
    return str_eq_nocase((struct str){name.ptr + at, phrase.len}, phrase);
}

bool words_match(const struct words *w, struct str name)
{
    for (size_t i = 0; i < w->n; i++)
        if (str_eq_nocase(name, w->entries[i].text))
            return true;
    for (size_t at = 0; at < name.len; at++) {
        if (at > 0 && is_word_char(name.ptr[at - 1]))
            continue;
        for (size_t i = 0; i < w->n; i++)
            if (w->entries[i].is_anywhere && phrase_at(name, at, w->entries[i].text))
                return true;
    }
    return false;
}

static const struct str GIFT_PHRASES[] = {
    {"gift card", 9}, {"gift cards", 10},       {"gift voucher", 12},      {"gift vouchers", 13},
    {"giftcard", 8},  {"gift certificate", 16}, {"gift certificates", 17},
};
enum { GIFT_PHRASES_N = sizeof GIFT_PHRASES / sizeof GIFT_PHRASES[0] };

// A further word right behind the phrase names a thing: "gift card holder". A currency does not: "gift card USD 25".
static bool is_followed_by_thing(struct str rest)
{
    if (rest.len < 2 || rest.ptr[0] != ' ')
        return false;
    size_t end = 1;
    while (end < rest.len && is_word_char(rest.ptr[end]))
        end++;
    struct str word = {rest.ptr + 1, end - 1};
    unsigned decimals;
    bool is_letter = word.len > 0 && (word.ptr[0] < '0' || word.ptr[0] > '9') && (unsigned char)word.ptr[0] < 0x80;
    return is_letter && !currency_decimals(word, &decimals);
}

bool words_are_gift_card(struct str name)
{
    for (size_t at = 0; at < name.len; at++) {
        if ((name.ptr[at] | 0x20) != 'g' || (at > 0 && is_word_char(name.ptr[at - 1])))
            continue;
        for (size_t i = 0; i < GIFT_PHRASES_N; i++) {
            size_t end = at + GIFT_PHRASES[i].len;
            if (phrase_at(name, at, GIFT_PHRASES[i]) &&
                !is_followed_by_thing((struct str){name.ptr + end, name.len - end}))
                return true;
        }
    }
    return false;
}

bool words_are_gift_card_type(struct str type)
{
    for (size_t i = 0; i < GIFT_PHRASES_N; i++)
        if (str_eq_nocase(type, GIFT_PHRASES[i]))
            return true;
    return false;
}
