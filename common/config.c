#include "common/config.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/str.h"

static const char ENVIRONMENT_PREFIX[] = "BUNDLE_";
enum { KEY_NAME_MAX = 64, COMMENT_COLUMNS = 100, SOURCE_MAX = 256 };

// ---- keys ----

static const struct config_key *key_find(const struct config_table *t, struct str name)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(str_of(t->keys[i].name), name))
            return &t->keys[i];
    return NULL;
}

// Edit distance (Levenshtein), for "did you mean"; texts over KEY_NAME_MAX count as far away.
static size_t distance(struct str a, struct str b)
{
    size_t row[KEY_NAME_MAX + 1];
    if (a.len > KEY_NAME_MAX || b.len > KEY_NAME_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            diagonal = row[j];
            if (best > row[j] + 1)
                best = row[j] + 1;
            if (best > row[j - 1] + 1)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}

static bool unknown_key(const struct config_table *t, const char *source, struct str name, struct err *e)
{
    const char *nearest = NULL;
    size_t least = name.len / 3 + 1;
    for (size_t i = 0; i < t->n; i++) {
        size_t d = distance(name, str_of(t->keys[i].name));
        if (d <= least) {
            least = d;
            nearest = t->keys[i].name;
        }
    }
    return err_set(e, ERR_CONFIG, "%s: there is no setting \"%.*s\"%s%s%s", source,
                   (int)(name.len < KEY_NAME_MAX ? name.len : KEY_NAME_MAX), name.ptr, nearest ? "; did you mean " : "",
                   nearest ? nearest : "", nearest ? "?" : "");
}

// ---- values ----

static void *field_of(void *values, const struct config_key *k)
{
    return (char *)values + k->offset;
}

static const void *field_read(const void *values, const struct config_key *k)
{
    return (const char *)values + k->offset;
}

static bool parse_bool(struct str text, bool *out)
{
    static const struct {
        const char *word;
        bool value;
    } WORDS[] = {{"true", true},   {"yes", true}, {"on", true},   {"1", true},
                 {"false", false}, {"no", false}, {"off", false}, {"0", false}};
    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++)
        if (str_eq_nocase(text, str_of(WORDS[i].word))) {
            *out = WORDS[i].value;
            return true;
        }
    return false;
}

// Takes the next word of an "a|b|c" list off its front; false at the end.
static bool next_choice(struct str *list, struct str *word)
{
    if (!list->ptr)
        return false;
    const char *bar = memchr(list->ptr, '|', list->len);
    *word = (struct str){list->ptr, bar ? (size_t)(bar - list->ptr) : list->len};
    *list = bar ? (struct str){bar + 1, list->len - word->len - 1} : (struct str){NULL, 0};
    return true;
}

static bool parse_choice(const char *choices, struct str text, int64_t *index)
{
    struct str list = str_of(choices), word;
    for (int64_t i = 0; next_choice(&list, &word); i++)
        if (str_eq_nocase(text, word)) {
            *index = i;
            return true;
        }
    return false;
}

static struct str choice_name(const char *choices, int64_t index)
{
    struct str list = str_of(choices), word = {"", 0};
    for (int64_t i = 0; i <= index && next_choice(&list, &word); i++)
        ;
    return word;
}

static void wanted(const struct config_key *k, struct buf *out)
{
    switch (k->type) {
    case CONFIG_INT:
        buf_printf(out, "a whole number from %.0f to %.0f", k->min, k->max);
        break;
    case CONFIG_REAL:
        buf_printf(out, "a number from %g to %g", k->min, k->max);
        break;
    case CONFIG_BOOL:
        buf_puts(out, "true or false");
        break;
    case CONFIG_TEXT:
        buf_printf(out, "a text of at most %d bytes", CONFIG_TEXT_MAX - 1);
        break;
    case CONFIG_CHOICE:
        buf_printf(out, "one of %s", k->choices);
        break;
    }
}

static bool value_store(const struct config_key *k, void *field, struct str text)
{
    int64_t integer;
    double real;
    bool truth;
    switch (k->type) {
    case CONFIG_INT:
        if (!str_to_int(text, &integer) || (double)integer < k->min || (double)integer > k->max)
            return false;
        memcpy(field, &integer, sizeof integer);
        return true;
    case CONFIG_REAL:
        if (!str_to_real(text, &real) || real < k->min || real > k->max)
            return false;
        memcpy(field, &real, sizeof real);
        return true;
    case CONFIG_BOOL:
        if (!parse_bool(text, &truth))
            return false;
        memcpy(field, &truth, sizeof truth);
        return true;
    case CONFIG_TEXT:
        if (text.len >= CONFIG_TEXT_MAX || (text.len && memchr(text.ptr, '\0', text.len)))
            return false;
        memset(field, 0, CONFIG_TEXT_MAX);
        if (text.len)
            memcpy(field, text.ptr, text.len);
        return true;
    case CONFIG_CHOICE:
        if (!parse_choice(k->choices, text, &integer))
            return false;
        memcpy(field, &integer, sizeof integer);
        return true;
    }
    return false;
}

static bool value_set(const struct config_table *t, void *values, const char *source, struct str name, struct str text,
                      struct err *e)
{
    const struct config_key *k = key_find(t, name);
    if (!k)
        return unknown_key(t, source, name, e);
    if (value_store(k, field_of(values, k), text))
        return true;
    AUTO(buf_fini) struct buf right;
    buf_init(&right, ERR_MESSAGE_MAX);
    wanted(k, &right);
    if (k->is_secret)
        return err_set(e, ERR_CONFIG, "%s: %s must be " STR_FMT, source, k->name, STR_ARG(buf_str(&right)));
    return err_set(e, ERR_CONFIG, "%s: %s = \"%.*s\": must be " STR_FMT, source, k->name,
                   (int)(text.len < 100 ? text.len : 100), text.ptr, STR_ARG(buf_str(&right)));
}

// ---- sources ----

bool config_defaults(const struct config_table *t, void *values, struct err *e)
{
    for (size_t i = 0; i < t->n; i++)
        if (!value_set(t, values, "default", str_of(t->keys[i].name), str_of(t->keys[i].default_text), e))
            return false;
    return true;
}

bool config_set(const struct config_table *t, void *values, const char *assignment, struct err *e)
{
    const char *equals = strchr(assignment, '=');
    if (!equals)
        return err_set(e, ERR_CONFIG, "--set %.100s: must be KEY=VALUE", assignment);
    struct str name = str_trim((struct str){assignment, (size_t)(equals - assignment)});
    return value_set(t, values, "--set", name, str_trim(str_of(equals + 1)), e);
}

// "QUEUE_LEASE_MS" is "queue.lease_ms" and could be "queue_lease.ms" as well: compared with both read as one.
static const struct config_key *key_of_variable(const struct config_table *t, struct str variable)
{
    for (size_t i = 0; i < t->n; i++) {
        const char *name = t->keys[i].name;
        if (strlen(name) != variable.len)
            continue;
        size_t at = 0;
        while (at < variable.len && variable.ptr[at] == (name[at] == '.' ? '_' : toupper((unsigned char)name[at])))
            at++;
        if (at == variable.len)
            return &t->keys[i];
    }
    return NULL;
}

static bool is_not_key(const struct config_table *t, struct str variable)
{
    for (const char *const *name = t->not_keys; name && *name; name++)
        if (str_eq(str_of(*name), variable))
            return true;
    return false;
}

static bool variable_set(const struct config_table *t, void *values, const char *entry, struct err *e)
{
    const char *equals = strchr(entry, '=');
    size_t prefix = sizeof ENVIRONMENT_PREFIX - 1;
    if (!equals || strncmp(entry, ENVIRONMENT_PREFIX, prefix) != 0)
        return true;
    struct str variable = {entry, (size_t)(equals - entry)};
    if (is_not_key(t, variable))
        return true;
    char source[SOURCE_MAX];
    (void)snprintf(source, sizeof source, "environment variable %.*s", variable.len < 128 ? (int)variable.len : 128,
                   variable.ptr);
    const struct config_key *k = key_of_variable(t, (struct str){entry + prefix, variable.len - prefix});
    if (!k)
        return err_set(e, ERR_CONFIG, "%s: there is no such setting", source);
    return value_set(t, values, source, str_of(k->name), str_trim(str_of(equals + 1)), e);
}

bool config_environment(const struct config_table *t, void *values, char **environment, struct err *e)
{
    for (char **entry = environment; entry && *entry; entry++)
        if (!variable_set(t, values, *entry, e))
            return false;
    return true;
}

// A value as it stands in a file, without quotes and comment; false where a quote is not closed or more follows it.
// Without quotes a '#' begins a comment only after white space, so that URLs and words may contain one.
static bool value_unquote(struct str *value)
{
    struct str v = str_trim(*value);
    if (v.len && (v.ptr[0] == '"' || v.ptr[0] == '\'')) {
        const char *end = memchr(v.ptr + 1, v.ptr[0], v.len - 1);
        if (!end)
            return false;
        struct str rest = str_trim((struct str){end + 1, (size_t)(v.ptr + v.len - end - 1)});
        *value = (struct str){v.ptr + 1, (size_t)(end - v.ptr - 1)};
        return rest.len == 0 || rest.ptr[0] == '#';
    }
    for (size_t i = 0; i < v.len; i++)
        if (v.ptr[i] == '#' && (i == 0 || isspace((unsigned char)v.ptr[i - 1])))
            v.len = i;
    *value = str_trim(v);
    return true;
}

static bool line_set(const struct config_table *t, void *values, const char *source, struct str line, struct err *e)
{
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    if (line.len > CONFIG_LINE_MAX)
        return err_set(e, ERR_CONFIG, "%s: the line is longer than %d bytes", source, CONFIG_LINE_MAX);
    if (!str_is_utf8(line))
        return err_set(e, ERR_CONFIG, "%s: the line is not UTF-8 text", source);
    const char *equals = memchr(line.ptr, '=', line.len);
    if (!equals)
        return err_set(e, ERR_CONFIG, "%s: must be \"key = value\"", source);
    struct str name = str_trim((struct str){line.ptr, (size_t)(equals - line.ptr)});
    struct str value = {equals + 1, line.len - (size_t)(equals - line.ptr) - 1};
    if (!value_unquote(&value))
        return err_set(e, ERR_CONFIG, "%s: the quotes around the value of %.*s are not closed, or text follows them",
                       source, (int)(name.len < KEY_NAME_MAX ? name.len : KEY_NAME_MAX), name.ptr);
    return value_set(t, values, source, name, value, e);
}

static void closep(FILE **f)
{
    if (*f)
        (void)fclose(*f);
}

static void freep(char **memory)
{
    free(*memory);
}

bool config_file(const struct config_table *t, void *values, const char *path, struct err *e)
{
    AUTO(closep) FILE *f = fopen(path, "re");
    if (!f)
        return err_set(e, ERR_CONFIG, "%.200s: %s", path, strerror(errno));
    AUTO(freep) char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    for (unsigned number = 1; errno = 0, (len = getline(&line, &capacity, f)) >= 0; number++) {
        char source[SOURCE_MAX];
        (void)snprintf(source, sizeof source, "%.200s:%u", path, number);
        if (!line_set(t, values, source, (struct str){line, (size_t)len}, e))
            return false;
    }
    if (ferror(f))
        return err_set(e, ERR_CONFIG, "%.200s: %s", path, strerror(errno));
    return true;
}

// ---- printing ----

static void print_comment(struct buf *out, struct str text)
{
    while (text.len) {
        size_t cut = text.len;
        if (cut > COMMENT_COLUMNS) {
            cut = COMMENT_COLUMNS;
            while (cut > 0 && text.ptr[cut] != ' ')
                cut--;
            if (cut == 0)
                cut = COMMENT_COLUMNS;
        }
        buf_printf(out, "# %.*s\n", (int)cut, text.ptr);
        text = str_trim((struct str){text.ptr + cut, text.len - cut});
    }
}

static void print_assignment(struct buf *out, const char *name, struct str value)
{
    AUTO(buf_fini) struct buf again;
    buf_init(&again, CONFIG_LINE_MAX);
    struct str bare = value;
    bool reads_back = value_unquote(&bare) && str_eq(bare, value);
    const char *quote = reads_back ? "" : memchr(value.ptr, '"', value.len) ? "'" : "\"";
    buf_printf(out, "%s =%s%s" STR_FMT "%s\n", name, value.len || *quote ? " " : "", quote, STR_ARG(value), quote);
}

static void print_choice_of_values(const struct config_key *k, struct buf *out)
{
    if (k->type == CONFIG_INT || k->type == CONFIG_REAL)
        buf_printf(out, " (%.15g to %.15g)", k->min, k->max);
    else if (k->type == CONFIG_CHOICE)
        buf_printf(out, " (%s)", k->choices);
    else if (k->type == CONFIG_BOOL)
        buf_puts(out, " (true or false)");
}

static size_t section_len(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot ? (size_t)(dot - name) : strlen(name);
}

void config_print_defaults(const struct config_table *t, struct buf *out)
{
    buf_puts(out, "# Every setting, at its default. A value here is overridden by the environment variable named\n"
                  "# BUNDLE_ + the key in capitals with underscores (queue.lease_ms: BUNDLE_QUEUE_LEASE_MS), and that\n"
                  "# by --set KEY=VALUE on the command line.\n");
    const char *section = "";
    for (size_t i = 0; i < t->n; i++) {
        const struct config_key *k = &t->keys[i];
        size_t len = section_len(k->name);
        if (len != section_len(section) || strncmp(section, k->name, len) != 0)
            buf_printf(out, "\n# ---- %.*s ----\n", (int)len, k->name);
        section = k->name;
        AUTO(buf_fini) struct buf comment;
        buf_init(&comment, CONFIG_LINE_MAX);
        buf_printf(&comment, "%s", k->comment);
        print_choice_of_values(k, &comment);
        buf_putc(out, '\n');
        print_comment(out, buf_str(&comment));
        print_assignment(out, k->name, str_of(k->default_text));
    }
}

static void value_print(const struct config_key *k, const void *field, struct buf *out)
{
    int64_t integer;
    double real;
    switch (k->type) {
    case CONFIG_INT:
        memcpy(&integer, field, sizeof integer);
        buf_printf(out, "%lld", (long long)integer);
        break;
    case CONFIG_REAL:
        memcpy(&real, field, sizeof real);
        buf_printf(out, "%.15g", real);
        break;
    case CONFIG_BOOL:
        buf_puts(out, *(const bool *)field ? "true" : "false");
        break;
    case CONFIG_TEXT:
        buf_puts(out, field);
        break;
    case CONFIG_CHOICE:
        memcpy(&integer, field, sizeof integer);
        buf_printf(out, STR_FMT, STR_ARG(choice_name(k->choices, integer)));
        break;
    }
}

void config_print_values(const struct config_table *t, const void *values, struct buf *out)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct config_key *k = &t->keys[i];
        AUTO(buf_fini) struct buf value;
        buf_init(&value, CONFIG_LINE_MAX);
        value_print(k, field_read(values, k), &value);
        print_assignment(out, k->name, k->is_secret && value.len ? STR("***") : buf_str(&value));
    }
}
