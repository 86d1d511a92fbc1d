#include "worker/stages/job_options.h"

#include "common/check.h"
#include "common/json_out.h"
#include "common/mp.h"
#include "worker/copy/locale.h"
#include "worker/dataset/date.h"
#include "worker/settings.h"
#include "worker/stages/job_request.h"

const struct job_options JOB_OPTIONS_NONE = {
    .as_of = DATE_UNKNOWN,
    .objectives = (1u << OBJECTIVE_COUNT) - 1,
    .types = (1u << TYPE_COUNT) - 1,
    .discount_max_pct = -1,
    .margin_floor = -1,
    .price_min = -1,
    .price_max = -1,
};

struct option {
    const char *key, *expected;
    // false: not as expected; *o is as before then.
    bool (*read)(const struct option *row, const struct mp_value *v, struct arena *memory, struct job_options *o);
    void (*put)(const struct option *row, const struct job_options *o, struct json_out *j);
    size_t offset; // of the field in struct job_options
    double min, max;
    enum option_shape shape;
};

static void *field_of(const struct option *row, struct job_options *o)
{
    return (char *)o + row->offset;
}

static const void *value_of(const struct option *row, const struct job_options *o)
{
    return (const char *)o + row->offset;
}

// ---- numbers ----

static bool read_real(const struct option *row, const struct mp_value *v, struct arena *memory, struct job_options *o)
{
    double value;
    (void)memory;
    if (!mp_real(v, &value) || !(value >= row->min && value <= row->max))
        return false;
    *(double *)field_of(row, o) = value;
    return true;
}

static void put_real(const struct option *row, const struct job_options *o, struct json_out *j)
{
    json_out_real(j, *(const double *)value_of(row, o), 4);
}

static bool read_whole(const struct option *row, const struct mp_value *v, struct arena *memory, struct job_options *o)
{
    int64_t whole;
    return mp_int(v, &whole) && read_real(row, v, memory, o);
}

static void put_whole(const struct option *row, const struct job_options *o, struct json_out *j)
{
    const double *value = value_of(row, o);
    json_out_int(j, (int64_t)*value);
}

static bool read_price(const struct option *row, const struct mp_value *v, struct arena *memory, struct job_options *o)
{
    struct job_options with = *o;
    if (!read_real(row, v, memory, &with) || (with.price_max >= 0 && with.price_min > with.price_max))
        return false;
    *o = with;
    return true;
}

static bool read_as_of(const struct option *row, const struct mp_value *v, struct arena *memory, struct job_options *o)
{
    struct str text;
    int64_t at;
    (void)row;
    (void)memory;
    bool is_date =
        mp_int(v, &at) ? at >= -DATE_MAX && at <= DATE_MAX : mp_str(v, &text) && date_parse(text, DATE_MDY, &at);
    if (is_date)
        o->as_of = at;
    return is_date;
}

static void put_as_of(const struct option *row, const struct job_options *o, struct json_out *j)
{
    (void)row;
    json_out_int(j, o->as_of);
}

// ---- texts ----

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F)
            return false;
    return s.len > 0 && s.len <= JOB_NAME_BYTES_MAX && str_is_utf8(s);
}

static bool names_of(const struct mp_value *v, struct arena *memory, struct job_names *out)
{
    if (!mp_is_array(v) || mp_size(v) > JOB_LIST_MAX)
        return false;
    struct str *names = ARENA_ARRAY(memory, struct str, mp_size(v));
    for (size_t i = 0; i < mp_size(v); i++) {
        if (!mp_str(mp_at(v, i), &names[i]))
            return false;
        names[i] = str_trim(names[i]);
        if (!is_name(names[i]))
            return false;
    }
    *out = (struct job_names){names, mp_size(v)};
    return true;
}

static void put_list(const struct job_names *names, struct json_out *j)
{
    json_out_array(j);
    for (size_t i = 0; i < names->n; i++)
        json_out_str(j, names->at[i]);
    json_out_end(j);
}

static bool read_names(const struct option *row, const struct mp_value *v, struct arena *memory, struct job_options *o)
{
    return names_of(v, memory, field_of(row, o));
}

static void put_names(const struct option *row, const struct job_options *o, struct json_out *j)
{
    put_list(value_of(row, o), j);
}

static bool read_apart(const struct option *row, const struct mp_value *v, struct arena *memory, struct job_options *o)
{
    (void)row;
    if (!mp_is_array(v) || mp_size(v) > JOB_LIST_MAX)
        return false;
    struct job_names *lists = ARENA_ARRAY(memory, struct job_names, mp_size(v));
    size_t n_names = 0;
    for (size_t i = 0; i < mp_size(v); i++) {
        if (!names_of(mp_at(v, i), memory, &lists[i]) || lists[i].n < 2)
            return false;
        n_names += lists[i].n;
    }
    if (n_names > JOB_LIST_MAX)
        return false;
    o->apart = lists;
    o->n_apart = mp_size(v);
    return true;
}

static void put_apart(const struct option *row, const struct job_options *o, struct json_out *j)
{
    (void)row;
    json_out_array(j);
    for (size_t i = 0; i < o->n_apart; i++)
        put_list(&o->apart[i], j);
    json_out_end(j);
}

static bool read_words(const struct option *row, const struct mp_value *v, struct arena *memory, struct job_options *o)
{
    struct job_names words;
    size_t len = 0;
    (void)row;
    if (!names_of(v, memory, &words))
        return false;
    for (size_t i = 0; i < words.n; i++) {
        if (memchr(words.at[i].ptr, '|', words.at[i].len))
            return false; // it parts seasons in the setting
        len += words.at[i].len + 1;
    }
    char *joined = arena_alloc(memory, len + 1), *at = joined;
    for (size_t i = 0; i < words.n; i++) {
        memcpy(at, words.at[i].ptr, words.at[i].len);
        at += words.at[i].len;
        *at++ = '|';
    }
    o->season_words = (struct str){joined, len ? len - 1 : 0};
    return true;
}

static bool read_locale(const struct option *row, const struct mp_value *v, struct arena *memory, struct job_options *o)
{
    struct str tag;
    (void)row;
    (void)memory;
    if (!mp_str(v, &tag) || !locale_is_tag(tag))
        return false;
    o->locale = tag;
    return true;
}

static void put_text(const struct option *row, const struct job_options *o, struct json_out *j)
{
    json_out_str(j, *(const struct str *)value_of(row, o));
}

// ---- objectives and types ----

static bool read_bits(const struct mp_value *v, struct arena *memory, bool (*bit_of)(struct str name, unsigned *bit),
                      uint32_t *bits)
{
    struct job_names names;
    uint32_t found = 0;
    if (!names_of(v, memory, &names))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        unsigned bit;
        if (!bit_of(names.at[i], &bit))
            return false;
        found |= 1u << bit;
    }
    if (names.n) // an empty list asks for all
        *bits = found;
    return true;
}

static bool objective_bit(struct str name, unsigned *bit)
{
    enum objective o = OBJECTIVE_COUNT;
    bool is_known = objective_of_name(name, &o);
    *bit = o;
    return is_known;
}

static bool type_bit(struct str name, unsigned *bit)
{
    enum bundle_type t = TYPE_COUNT;
    bool is_known = bundle_type_of_name(name, &t);
    *bit = t;
    return is_known;
}

static bool read_objectives(const struct option *row, const struct mp_value *v, struct arena *memory,
                            struct job_options *o)
{
    (void)row;
    return read_bits(v, memory, objective_bit, &o->objectives);
}

static bool read_types(const struct option *row, const struct mp_value *v, struct arena *memory, struct job_options *o)
{
    (void)row;
    return read_bits(v, memory, type_bit, &o->types);
}

static void put_objectives(const struct option *row, const struct job_options *o, struct json_out *j)
{
    (void)row;
    json_out_array(j);
    for (unsigned i = 0; i < OBJECTIVE_COUNT; i++)
        if (o->objectives >> i & 1)
            json_out_str(j, str_of(objective_row((enum objective)i)->name));
    json_out_end(j);
}

static void put_types(const struct option *row, const struct job_options *o, struct json_out *j)
{
    (void)row;
    json_out_array(j);
    for (unsigned i = 0; i < TYPE_COUNT; i++)
        if (o->types >> i & 1)
            json_out_str(j, str_of(bundle_type_name((enum bundle_type)i)));
    json_out_end(j);
}

// ---- the table ----

#define A_LIST "a list of at most 1000 texts of at most 512 bytes, none empty or with control characters"
#define FIELD(field) .offset = offsetof(struct job_options, field)
#define NAMES(key_, field)                                                                                             \
    {                                                                                                                  \
        .key = (key_), .expected = A_LIST, .read = read_names, .put = put_names, FIELD(field), .shape = OPTION_LIST    \
    }

static const struct option OPTIONS[] = {
    {.key = "objectives",
     .expected = "a list of increase_aov, clear_slow_movers, seasonal_promo, new_launch, category_bundle, gift_box, "
                 "subscription_push, margin_guard",
     .read = read_objectives,
     .put = put_objectives,
     .shape = OPTION_LIST},
    {.key = "types",
     .expected = "a list of FBT, VOLUME_DISCOUNT, MIX_MATCH, BXGY, FIXED",
     .read = read_types,
     .put = put_types,
     .shape = OPTION_LIST},
    NAMES("exclude", exclude[BY_PRODUCT]),
    NAMES("exclude_types", exclude[BY_TYPE]),
    NAMES("exclude_vendors", exclude[BY_VENDOR]),
    NAMES("exclude_tags", exclude[BY_TAG]),
    NAMES("only", only[BY_PRODUCT]),
    NAMES("only_types", only[BY_TYPE]),
    NAMES("only_vendors", only[BY_VENDOR]),
    NAMES("only_tags", only[BY_TAG]),
    NAMES("pin", pin),
    {.key = "not_together",
     .expected = "a list of lists, each of two or more products; at most 1000 products in all",
     .read = read_apart,
     .put = put_apart,
     .shape = OPTION_LISTS},
    {.key = "bundles",
     .expected = "a whole number from 1 to 10000",
     .read = read_whole,
     .put = put_whole,
     FIELD(bundles_max),
     .min = 1,
     .max = 10000},
    {.key = "max_discount",
     .expected = "a percentage from 0 to 100",
     .read = read_real,
     .put = put_real,
     FIELD(discount_max_pct),
     .max = 100},
    {.key = "min_margin",
     .expected = "a number from 0 to 10 (0.2: never below cost + 20 %)",
     .read = read_real,
     .put = put_real,
     FIELD(margin_floor),
     .max = 10},
    {.key = "min_price",
     .expected = "an amount >= 0, not above max_price",
     .read = read_price,
     .put = put_real,
     FIELD(price_min),
     .max = 1e12},
    {.key = "max_price",
     .expected = "an amount >= 0, not below min_price",
     .read = read_price,
     .put = put_real,
     FIELD(price_max),
     .max = 1e12},
    {.key = "season_words",
     .expected = "a list of seasons, words of one season parted by '=' (\"diwali=deepavali\"), none with '|'",
     .read = read_words,
     .put = put_text,
     FIELD(season_words),
     .shape = OPTION_LIST},
    {.key = "locale",
     .expected = "a language tag such as en, en-GB or zh-Hant-TW",
     .read = read_locale,
     .put = put_text,
     FIELD(locale)},
    {.key = "as_of", .expected = "a date such as 2026-11-23 or Unix seconds", .read = read_as_of, .put = put_as_of},
};
enum { N_OPTIONS = sizeof OPTIONS / sizeof OPTIONS[0] };
_Static_assert(N_OPTIONS <= 32, "a bit each");

static int option_of(struct str key)
{
    for (int i = 0; i < N_OPTIONS; i++)
        if (str_eq(key, str_of(OPTIONS[i].key)))
            return i;
    return -1;
}

enum option_shape job_option_shape(struct str key)
{
    int i = option_of(key);
    return i < 0 ? OPTION_SINGLE : OPTIONS[i].shape;
}

// A key that is no text finds no option.
static int entry_at(const struct mp_value *map, size_t i, struct str *key, const struct mp_value **value)
{
    *key = STR("(not a text)");
    return mp_entry(map, i, key, value) ? option_of(*key) : -1;
}

bool job_options_read(const struct mp_value *map, struct arena *memory, struct job_options *out, struct err *e)
{
    struct job_options read = JOB_OPTIONS_NONE;
    uint32_t seen = 0;
    if (map && !mp_is_map(map))
        return err_set(e, ERR_INPUT, "job field \"options\": expected a map");
    for (size_t i = 0; i < mp_size(map); i++) {
        struct str key;
        const struct mp_value *value;
        int option = entry_at(map, i, &key, &value);
        if (option < 0)
            return err_set(e, ERR_INPUT, "\"options\" has a field \"%.60s\" that this version does not know",
                           arena_strdup(memory, key.ptr, key.len));
        if (seen >> option & 1)
            return err_set(e, ERR_INPUT, "job option \"%s\" is given twice", OPTIONS[option].key);
        seen |= 1u << option;
        if (mp_is_nil(value))
            continue;
        if (!OPTIONS[option].read(&OPTIONS[option], value, memory, &read))
            return err_set(e, ERR_INPUT, "job option \"%s\": expected %s", OPTIONS[option].key,
                           OPTIONS[option].expected);
        read.given |= 1u << option;
    }
    *out = read;
    return true;
}

// ---- the shop's ----

static void note(struct job_options *o, struct str option, struct str reason, struct arena *memory)
{
    if (!o->problems)
        o->problems = ARENA_ARRAY(memory, struct job_problem, SHOP_PROBLEMS_MAX);
    if (o->n_problems < SHOP_PROBLEMS_MAX)
        o->problems[o->n_problems++] = (struct job_problem){option, reason};
}

static void default_entry(struct job_options *o, const struct mp_value *map, size_t i, struct arena *memory)
{
    struct str key;
    const struct mp_value *value;
    int option = entry_at(map, i, &key, &value);
    if (option < 0) {
        note(o, key, STR("this version does not know it"), memory);
        return;
    }
    uint32_t bit = 1u << option;
    if (o->given & bit || mp_is_nil(value))
        return;
    if (!OPTIONS[option].read(&OPTIONS[option], value, memory, o)) {
        note(o, key, str_of(OPTIONS[option].expected), memory);
        return;
    }
    o->given |= bit;
    o->of_shop |= bit;
}

struct str job_options_locale(const struct job_options *o, const struct settings *s)
{
    return o->locale.len ? o->locale : str_of(s->copy_locale);
}

void job_options_default(struct job_options *o, struct str shop_json, struct arena *memory)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    struct str payload;
    struct err e;
    if (shop_json.len > SHOP_OPTIONS_MAX_BYTES) {
        note(o, STR(""), STR("at most 64 KiB of options"), memory);
        return;
    }
    if (shop_json.len == 0)
        return;
    if (!job_payload_of_message(shop_json, SHOP_OPTIONS_MAX_BYTES, memory, &payload, &e) ||
        !mp_open(&doc, payload.ptr, payload.len, &MP_LIMITS_MESSAGE, &e)) {
        note(o, STR(""), str_of(arena_strdup(memory, e.message, strlen(e.message))), memory);
        return;
    }
    const struct mp_value *map = mp_root(doc);
    if (!mp_is_map(map)) {
        note(o, STR(""), STR("a JSON object"), memory);
        return;
    }
    for (size_t i = 0; i < mp_size(map); i++)
        default_entry(o, map, i, memory);
}

// ---- for the metrics ----

void job_options_json(const struct job_options *o, struct json_out *j)
{
    json_out_key(j, "options");
    json_out_object(j);
    for (int i = 0; i < N_OPTIONS; i++) {
        bool is_always_in_force = OPTIONS[i].put == put_objectives || OPTIONS[i].put == put_types;
        if (!(o->given >> i & 1) && !is_always_in_force)
            continue;
        json_out_key(j, OPTIONS[i].key);
        OPTIONS[i].put(&OPTIONS[i], o, j);
    }
    json_out_end(j);
    json_out_key(j, "options_of_shop");
    json_out_array(j);
    for (int i = 0; i < N_OPTIONS; i++)
        if (o->of_shop >> i & 1)
            json_out_str(j, str_of(OPTIONS[i].key));
    json_out_end(j);
    json_out_key(j, "options_ignored");
    json_out_array(j);
    for (size_t i = 0; i < o->n_problems; i++) {
        json_out_object(j);
        json_out_key_str(j, "option", o->problems[i].option);
        json_out_key_str(j, "expected", o->problems[i].reason);
        json_out_end(j);
    }
    json_out_end(j);
}
