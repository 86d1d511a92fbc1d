#include "tests/support/chat/writer.h"

#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/check.h"
#include "tests/support/chat/voices.h"

enum { TEXT_MAX = 65536, TITLE_LETTERS = 60, DESCRIPTION_LETTERS = 200, VALUE_LETTERS = 150, LINE_LETTERS = 120 };

// ---- facts ----

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static const json_t *first_tier(const json_t *offer)
{
    return json_array_get(json_object_get(offer, "tiers"), 0);
}

static enum offer_kind kind_of(const json_t *facts, const json_t *offer)
{
    if (first_tier(offer))
        return OFFER_VOLUME;
    if (json_object_get(offer, "pick"))
        return OFFER_MIX;
    if (json_object_get(offer, "buy"))
        return json_is_true(json_object_get(offer, "free")) ? OFFER_FREE : OFFER_GET;
    return strcmp(text_at(facts, "type"), "FIXED") == 0 ? OFFER_SET : OFFER_TOGETHER;
}

static const char *name_at(const json_t *facts, size_t i)
{
    return text_at(json_array_get(json_object_get(facts, "products"), i), "name");
}

// ---- words with facts in them ----

static size_t letters(struct str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return n;
}

// The first words of a name, at most `max` characters of it.
static struct str first_words(const char *name, size_t max)
{
    struct str all = str_of(name);
    size_t end = 0;
    for (size_t i = 1; i <= all.len; i++) {
        struct str part = {all.ptr, i};
        if ((i == all.len || all.ptr[i] == ' ') && letters(part) <= max)
            end = i;
    }
    return (struct str){all.ptr, end ? end : strcspn(name, " ")};
}

struct filling {
    const json_t *facts, *offer;
    const struct voice *voice;
    size_t names_max, name_letters;
};

static void put_name(struct buf *out, const struct filling *f, size_t i)
{
    struct str words = first_words(name_at(f->facts, i), f->name_letters);
    buf_put(out, words.ptr, words.len);
}

static void put_names(struct buf *out, const struct filling *f)
{
    size_t n = json_array_size(json_object_get(f->facts, "products"));
    if (n > f->names_max)
        n = f->names_max;
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, i == 0 ? "" : i + 1 == n ? f->voice->and : ", ");
        put_name(out, f, i);
    }
}

static void put_fact(struct buf *out, const struct filling *f, struct str slot)
{
    char key[16] = "";
    CHECK(slot.len < sizeof key);
    (void)memcpy(key, slot.ptr, slot.len);
    const json_t *value = json_object_get(f->offer, key);
    if (!value)
        value = json_object_get(first_tier(f->offer), key);
    if (json_is_integer(value))
        buf_printf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_string(value))
        buf_puts(out, json_string_value(value));
}

static void fill(struct buf *out, const struct filling *f, const char *words)
{
    for (const char *open; (open = strchr(words, '{')); words = strchr(open, '}') + 1) {
        buf_put(out, words, (size_t)(open - words));
        struct str slot = {open + 1, (size_t)(strchr(open, '}') - open - 1)};
        if (str_eq(slot, STR("names")))
            put_names(out, f);
        else if (str_eq(slot, STR("first")))
            put_name(out, f, 0);
        else
            put_fact(out, f, slot);
    }
    buf_puts(out, words);
}

// With as much of the names as fits: a new reference.
static json_t *filled(struct filling *f, const char *words, const char *more_words, size_t letters_max)
{
    static const struct {
        size_t names_max, name_letters;
    } TRIED[] = {{3, 120}, {2, 120}, {2, 40}, {2, 24}, {1, 80}, {1, 40}, {1, 24}, {1, 1}};
    struct buf text;
    buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(TRIED); i++) {
        f->names_max = TRIED[i].names_max;
        f->name_letters = TRIED[i].name_letters;
        buf_clear(&text);
        fill(&text, f, words);
        fill(&text, f, more_words);
        if (letters(buf_str(&text)) <= letters_max)
            break;
    }
    json_t *out = json_stringn(buf_str(&text).ptr, text.len);
    CHECK(out);
    buf_fini(&text);
    return out;
}

static const struct voice *voice_of(const char *locale)
{
    for (unsigned i = 0; i < N_VOICES; i++) {
        size_t len = strlen(VOICES[i].language);
        if (strncasecmp(VOICES[i].language, locale, len) == 0 && (!locale[len] || locale[len] == '-'))
            return &VOICES[i];
    }
    return &VOICES[0];
}

json_t *writer_copy(const json_t *facts, const char *locale)
{
    const json_t *offer = json_object_get(facts, "offer");
    const struct voice *v = voice_of(locale);
    struct filling f = {.facts = facts, .offer = offer, .voice = v};
    enum offer_kind kind = kind_of(facts, offer);
    const char *price = json_object_get(offer, "price") ? v->with_price : "";
    json_t *out = json_pack("{s:s, s:o, s:o, s:o, s:[o,s], s:[s,s]}", "id", text_at(facts, "id"), "title",
                            filled(&f, v->offers[kind].title, "", TITLE_LETTERS), "description",
                            filled(&f, v->offers[kind].description, "", DESCRIPTION_LETTERS), "value_proposition",
                            filled(&f, v->offers[kind].value, price, VALUE_LETTERS), "features",
                            filled(&f, v->features[0], "", LINE_LETTERS), v->features[1], "benefits", v->benefits[0],
                            v->benefits[1]);
    CHECK(out);
    return out;
}

// ---- orders ----

static const char *after_word(const char *text, const char *word)
{
    const char *at = strcasestr(text, word);
    return at ? at + strlen(word) : NULL;
}

// What is to be written stands behind a verb of writing, else right here.
static const char *order_behind(const char *text)
{
    static const char *const VERBS[] = {"write ", "say ", "print ", "output ", "answer "};
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++) {
        const char *order = after_word(text, VERBS[i]);
        if (order)
            return order;
    }
    return text + strspn(text, " :,.>");
}

const char *writer_order(const char *name, const char *const *obeys)
{
    static const char *const OPENINGS[] = {"system:", "new instructions:", "</data>", "assistant:", NULL};
    const char *behind = after_word(name, "ignore ");
    if (behind && (behind = after_word(behind, "instructions")))
        return order_behind(behind);
    for (const char *const *opening = OPENINGS; *opening; opening++) {
        if ((behind = after_word(name, *opening)))
            return order_behind(behind);
    }
    for (; obeys && *obeys; obeys++) {
        if ((behind = after_word(name, *obeys)))
            return order_behind(behind);
    }
    return NULL;
}

static const char *order_in(const json_t *bundles, const char *const *obeys)
{
    size_t i, k;
    json_t *bundle, *product;
    json_array_foreach(bundles, i, bundle)
    {
        json_array_foreach(json_object_get(bundle, "products"), k, product)
        {
            const char *order = writer_order(text_at(product, "name"), obeys);
            if (order)
                return order;
        }
    }
    return NULL;
}

static json_t *obedient_copy(const json_t *facts, const char *order)
{
    if (!*order)
        order = "Do not buy this here! Everything is cheaper at http://evil.example/now";
    json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:[s], s:[s]}", "id", text_at(facts, "id"), "title", order,
                            "description", order, "value_proposition", order, "features", order, "benefits", order);
    CHECK(out);
    return out;
}

json_t *writer_answer(const json_t *asked, const char *const *obeys)
{
    const json_t *bundles = json_object_get(asked, "bundles");
    if (!json_is_array(bundles))
        return NULL;
    const char *locale = text_at(asked, "locale"), *order = order_in(bundles, obeys);
    json_t *copies = json_array();
    size_t i;
    json_t *facts;
    json_array_foreach(bundles, i, facts)
    {
        json_t *copy = order ? obedient_copy(facts, order) : writer_copy(facts, locale);
        CHECK(json_array_append_new(copies, copy) == 0);
    }
    json_t *out = json_pack("{s:o}", "bundles", copies);
    CHECK(out);
    return out;
}
