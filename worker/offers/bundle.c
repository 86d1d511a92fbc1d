#include "worker/offers/bundle.h"

#include "common/check.h"

#define OBJECTIVE_ROW(symbol, name_, words_, priority_, min_, max_, c, l, f, i, p, n)                                  \
    [symbol] = {name_, words_, priority_, min_, max_, {c, l, f, i, p, n}},
static const struct objective_row OBJECTIVE_ROWS[OBJECTIVE_COUNT] = {OBJECTIVES(OBJECTIVE_ROW)};

#define TYPE_NAME(symbol, name, words) [symbol] = name,
static const char *const TYPE_NAMES[TYPE_COUNT] = {BUNDLE_TYPES(TYPE_NAME)};
#define TYPE_WORDS_OF(symbol, name, words) [symbol] = words,
static const char *const TYPE_WORDS[TYPE_COUNT] = {BUNDLE_TYPES(TYPE_WORDS_OF)};

static const char *const ROLE_NAMES[] = {
    [ROLE_ANCHOR] = "anchor", [ROLE_PART] = "part", [ROLE_QUALIFIER] = "qualifier",
    [ROLE_REWARD] = "reward", [ROLE_POOL] = "pool",
};

#define SOURCE_NAME(symbol, name) [symbol##_BIT_] = name,
static const char *const SOURCE_NAMES[SOURCE_COUNT] = {SOURCES(SOURCE_NAME)};

static const char *const METHOD_NAMES[] = {[PRICE_LINEAR] = "linear", [PRICE_SHRUNK] = "shrunk"};

const struct objective_row *objective_row(enum objective o)
{
    CHECK((unsigned)o < OBJECTIVE_COUNT);
    return &OBJECTIVE_ROWS[o];
}

const char *bundle_type_name(enum bundle_type t)
{
    CHECK((unsigned)t < TYPE_COUNT);
    return TYPE_NAMES[t];
}

const char *bundle_type_words(enum bundle_type t)
{
    CHECK((unsigned)t < TYPE_COUNT);
    return TYPE_WORDS[t];
}

bool objective_of_name(struct str name, enum objective *out)
{
    for (unsigned o = 0; o < OBJECTIVE_COUNT; o++) {
        if (str_eq(name, str_of(OBJECTIVE_ROWS[o].name))) {
            *out = (enum objective)o;
            return true;
        }
    }
    return false;
}

bool bundle_type_of_name(struct str name, enum bundle_type *out)
{
    for (unsigned t = 0; t < TYPE_COUNT; t++) {
        if (str_eq(name, str_of(TYPE_NAMES[t]))) {
            *out = (enum bundle_type)t;
            return true;
        }
    }
    return false;
}

const char *part_role_name(enum part_role r)
{
    CHECK((unsigned)r < ARRAY_LEN(ROLE_NAMES));
    return ROLE_NAMES[r];
}

const char *source_name(enum source_bit s)
{
    CHECK((unsigned)s < SOURCE_COUNT);
    return SOURCE_NAMES[s];
}

const char *price_method_name(enum price_method m)
{
    CHECK((unsigned)m < ARRAY_LEN(METHOD_NAMES));
    return METHOD_NAMES[m];
}
