#include "tests/support/chat/spoil.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "tests/support/chat/writer.h"

// ---- copy ----

static void set(json_t *copy, const char *key, json_t *take_value)
{
    CHECK(json_object_set_new(copy, key, take_value) == 0);
}

static void append(json_t *copy, const char *key, const char *more)
{
    const char *old = json_string_value(json_object_get(copy, key));
    set(copy, key, json_sprintf("%s%s", old ? old : "", more));
}

static void lengthen(json_t *copy, const char *key, const char *more, size_t letters)
{
    while (json_string_length(json_object_get(copy, key)) < letters)
        append(copy, key, more);
}

static void copy_texts(json_t *to, const json_t *from)
{
    static const char *const KEYS[] = {"title", "description", "value_proposition", "features", "benefits"};
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++)
        CHECK(json_object_set(to, KEYS[i], json_object_get(from, KEYS[i])) == 0);
}

static void write_in_another_language(json_t *copy, const json_t *facts, const char *locale)
{
    json_t *other = writer_copy(facts, locale && strncmp(locale, "fr", 2) == 0 ? "de" : "fr");
    copy_texts(copy, other);
    json_decref(other);
}

// What fault adds which words to which field.
static bool add_words(enum fault f, json_t *copy)
{
    static const struct {
        enum fault fault;
        const char *key, *words;
    } WORDS[] = {{FAULT_MARKUP, "description", " <b>Now</b> <img src=x>"},
                 {FAULT_PRICE, "value_proposition", " Only $3.33!"},
                 {FAULT_PERCENT, "value_proposition", " That is 93% off."},
                 {FAULT_PRODUCT, "description", " With the QuantumMop X9000."},
                 {FAULT_CONTROL, "description", " \a\x1b[31m"},
                 {FAULT_LINK, "value_proposition", " See http://evil.example/now"},
                 {FAULT_CLAIM, "description", " Award-winning."}};
    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
        if (WORDS[i].fault == f) {
            append(copy, WORDS[i].key, WORDS[i].words);
            return true;
        }
    }
    return false;
}

static void spoil_copy(enum fault f, json_t *copy, const json_t *facts, const char *locale)
{
    if (add_words(f, copy))
        return;
    if (f == FAULT_LONG_TITLE)
        lengthen(copy, "title", " and more", 100);
    else if (f == FAULT_LONG_DESCRIPTION)
        lengthen(copy, "description", " It goes on and on.", 400);
    else if (f == FAULT_MARKDOWN)
        set(copy, "title", json_sprintf("**%s**", json_string_value(json_object_get(copy, "title"))));
    else if (f == FAULT_LANGUAGE)
        write_in_another_language(copy, facts, locale);
    else if (f == FAULT_EMPTY_FIELDS)
        set(copy, "title", json_string(""));
    else if (f == FAULT_MISSING_FIELD)
        (void)json_object_del(copy, "description");
}

// Each bundle gets the copy of the one after it.
static void swap_copies(json_t *copies)
{
    size_t n = json_array_size(copies);
    json_t *first = json_deep_copy(json_array_get(copies, 0));
    for (size_t i = 0; i < n; i++)
        copy_texts(json_array_get(copies, i), i + 1 < n ? json_array_get(copies, i + 1) : first);
    json_decref(first);
}

static bool is_mentioned(const json_t *facts, const char *mentions)
{
    char *text = json_dumps(facts, JSON_COMPACT);
    CHECK(text);
    bool is_there = strstr(text, mentions) != NULL;
    free(text);
    return is_there;
}

void spoil_copies(enum fault f, json_t *answer, const json_t *asked, const char *mentions)
{
    json_t *copies = json_object_get(answer, "bundles"), *copy;
    const char *locale = json_string_value(json_object_get(asked, "locale"));
    size_t i;
    if (f == FAULT_SWAPPED) {
        swap_copies(copies);
        return;
    }
    json_array_foreach(copies, i, copy)
    {
        const json_t *facts = json_array_get(json_object_get(asked, "bundles"), i);
        if (!mentions || is_mentioned(facts, mentions))
            spoil_copy(f, copy, facts, locale);
    }
}

// ---- content ----

static void spoil_types(json_t *copies)
{
    size_t i;
    json_t *copy;
    json_array_foreach(copies, i, copy)
    {
        set(copy, "title", json_integer((json_int_t)i));
        set(copy, "features", json_object());
    }
}

static void leave_out_every_other(json_t *copies)
{
    for (size_t i = json_array_size(copies); i-- > 0;) {
        if (i % 2 == 0)
            (void)json_array_remove(copies, i);
    }
}

static void rename_all(json_t *copies)
{
    size_t i;
    json_t *copy;
    json_array_foreach(copies, i, copy) set(copy, "id", json_sprintf("c%zu", i + 1));
}

static void double_all(json_t *copies)
{
    size_t n = json_array_size(copies);
    for (size_t i = 0; i < n; i++) {
        json_t *other = json_deep_copy(json_array_get(copies, i));
        append(other, "description", " Again.");
        CHECK(json_array_append_new(copies, other) == 0);
    }
}

static char *written_as(const char *before, const char *text, const char *after)
{
    size_t len = strlen(before) + strlen(text) + strlen(after) + 1;
    char *out = malloc(len);
    CHECK(out);
    (void)snprintf(out, len, "%s%s%s", before, text, after);
    return out;
}

// A comma before each closing bracket that no string holds.
static char *with_commas(const char *text)
{
    char *out = malloc(2 * strlen(text) + 1), *to = out;
    CHECK(out);
    bool is_inside = false, is_escaped = false;
    for (const char *at = text; *at; at++) {
        if (*at == '"' && !is_escaped)
            is_inside = !is_inside;
        if (!is_inside && (*at == '}' || *at == ']'))
            *to++ = ',';
        *to++ = *at;
        is_escaped = *at == '\\' && !is_escaped;
    }
    *to = '\0';
    return out;
}

// Two thirds of it, whole characters.
static void cut_off(char *text)
{
    size_t end = strlen(text) * 2 / 3;
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    text[end] = '\0';
}

static char *wrap_text(enum fault f, char *take_text)
{
    char *out = take_text;
    if (f == FAULT_LENGTH)
        cut_off(out);
    else if (f == FAULT_PROSE)
        out = written_as("Sure! Here is the copy for your bundles:\n\n", take_text,
                         "\n\nLet me know if I should {change} anything.");
    else if (f == FAULT_FENCE)
        out = written_as("```json\n", take_text, "\n```\n");
    else if (f == FAULT_COMMA)
        out = with_commas(take_text);
    if (out != take_text)
        free(take_text);
    return out;
}

char *spoil_content(enum fault f, json_t *answer)
{
    json_t *copies = json_object_get(answer, "bundles");
    if (f == FAULT_NO_CONTENT)
        return NULL;
    if (f == FAULT_REFUSAL)
        return written_as("I am sorry, I can't help with that.", "", "");
    if (f == FAULT_TYPES)
        spoil_types(copies);
    else if (f == FAULT_MISSING_IDS)
        leave_out_every_other(copies);
    else if (f == FAULT_UNASKED_IDS)
        rename_all(copies);
    else if (f == FAULT_TWICE_IDS)
        double_all(copies);
    char *text = json_dumps(answer, JSON_COMPACT);
    CHECK(text);
    return wrap_text(f, text);
}
