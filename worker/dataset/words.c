#include "worker/dataset/words.h"

#include "worker/dataset/money.h"

static bool is_word_char(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= '0' && u <= '9') || (u >= 'A' && u <= 'Z') || (u >= 'a' && u <= 'z') || u >= 0x80;
}

// Cuts the first piece off a list, up to a `separator`.
static struct str next_piece(struct str *list, char separator)
{
    const char *end = list->len ? memchr(list->ptr, separator, list->len) : NULL;
    size_t len = end ? (size_t)(end - list->ptr) : list->len;
    struct str piece = {list->ptr, len};
    size_t used = end ? len + 1 : len;
    list->ptr += used;
    list->len -= used;
    return str_trim(piece);
}

static void add_word(struct words *w, struct str text, bool is_anywhere, unsigned season)
{
    if (text.len > 0)
        w->entries[w->n++] = (struct word){text, is_anywhere, season};
}

static void add_service(struct words *w, struct str entry)
{
    if (entry.len > 0 && entry.ptr[0] == '~')
        add_word(w, str_trim((struct str){entry.ptr + 1, entry.len - 1}), true, 0);
    else
        add_word(w, entry, entry.len > 0 && memchr(entry.ptr, ' ', entry.len) != NULL, 0);
}

static void add_season(struct words *w, struct str entry, unsigned season)
{
    while (entry.len > 0)
        add_word(w, next_piece(&entry, '='), true, season);
}

void words_init(struct words *w, struct str list, enum words_mode mode, struct arena *memory)
{
    size_t most = 1;
    for (size_t i = 0; i < list.len; i++)
        most += list.ptr[i] == '|' || list.ptr[i] == '=';
    w->entries = ARENA_ARRAY(memory, struct word, most);
    w->n = 0;
    for (unsigned season = 0; list.len > 0;) {
        struct str entry = next_piece(&list, '|');
        if (mode == WORDS_SERVICE)
            add_service(w, entry);
        else if (mode == WORDS_WHOLE)
            add_word(w, entry, false, 0);
        else if (entry.len > 0)
            add_season(w, entry, season < SEASONS_MAX ? season++ : SEASONS_MAX - 1);
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

uint32_t words_seasons(const struct words *w, struct str name)
{
    uint32_t seasons = 0;
    for (size_t at = 0; at < name.len; at++) {
        if (at > 0 && is_word_char(name.ptr[at - 1]))
            continue;
        for (size_t i = 0; i < w->n; i++)
            if (phrase_at(name, at, w->entries[i].text))
                seasons |= 1u << w->entries[i].season;
    }
    return seasons;
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
