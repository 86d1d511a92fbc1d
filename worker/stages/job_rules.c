// What a request's options change: names looked up in the dataset, rules filled in.
#include "worker/stages/job_request.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/intern.h"
#include "common/json_out.h"

void job_request_enrich(const struct job_request *r, struct enrich_rules *rules)
{
    if (r->options.as_of != DATE_UNKNOWN)
        rules->as_of = r->options.as_of;
    if (r->options.season_words.len)
        rules->season_words = r->options.season_words;
}

// ---- names ----

// Names without case, each with the items that it names.
struct lookup {
    enum named_by by;
    struct arena *memory;
    struct intern names;
    struct buf folded; // scratch
};

enum { FOLDED_MAX_BYTES = 1 << 20, KEYS_PER_PRODUCT = 4 };

static struct str folded(struct lookup *l, struct str text)
{
    buf_clear(&l->folded);
    for (size_t i = 0; i < text.len; i++)
        buf_putc(&l->folded, (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] + 32 : text.ptr[i]));
    return buf_str(&l->folded);
}

static void lookup_open(struct lookup *l, enum named_by by, const struct job_names *names, struct arena *memory)
{
    *l = (struct lookup){.by = by, .memory = memory};
    buf_init(&l->folded, FOLDED_MAX_BYTES);
    intern_init(&l->names, memory);
    for (size_t i = 0; i < names->n; i++)
        (void)intern_add(&l->names, folded(l, names->at[i]));
}

static void lookup_close(struct lookup *l)
{
    intern_fini(&l->names);
    buf_fini(&l->folded);
}

typedef void name_found(void *context, uint32_t name); // a number of l->names

static void find(struct lookup *l, struct str text, name_found *on_found, void *context)
{
    int64_t name = text.len ? intern_find(&l->names, folded(l, text)) : INTERN_NONE;
    if (name != INTERN_NONE)
        on_found(context, (uint32_t)name);
}

static void find_tags(struct lookup *l, struct str tags, name_found *on_found, void *context)
{
    while (tags.len) {
        const char *comma = memchr(tags.ptr, ',', tags.len);
        size_t len = comma ? (size_t)(comma - tags.ptr) : tags.len;
        find(l, str_trim((struct str){tags.ptr, len}), on_found, context);
        len += comma != NULL;
        tags = (struct str){tags.ptr + len, tags.len - len};
    }
}

// Every name that the item goes by; one may come twice.
static void lookup_item(struct lookup *l, const struct item *i, name_found *on_found, void *context)
{
    const struct str keys[KEYS_PER_PRODUCT] = {i->variant_id, i->product_id, i->sku, i->title};
    switch (l->by) {
    case BY_PRODUCT:
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
            find(l, keys[k], on_found, context);
        break;
    case BY_TYPE:
        find(l, i->type, on_found, context);
        break;
    case BY_VENDOR:
        find(l, i->vendor, on_found, context);
        break;
    case BY_TAG:
        find_tags(l, i->tags, on_found, context);
        break;
    case NAMED_BY_COUNT:
        break;
    }
}

static void set_flag(void *flag, uint32_t name)
{
    (void)name;
    *(bool *)flag = true;
}

// Sets named[i] for the items that one of the names names.
static void mark_named(const struct job_names *names, enum named_by by, const struct dataset *d, struct arena *memory,
                       bool *named)
{
    struct lookup l;
    lookup_open(&l, by, names, memory);
    for (uint32_t i = 0; i < d->n_items; i++)
        lookup_item(&l, &d->items[i], set_flag, &named[i]);
    lookup_close(&l);
}

// ---- rules ----

// Excluded is what an exclude list names, and what any list of "only" does not.
static void exclude(const struct job_options *o, const struct dataset *d, struct arena *memory,
                    struct offer_rules *rules)
{
    bool *is_out = ARENA_ARRAY(memory, bool, d->n_items), *is_in = ARENA_ARRAY(memory, bool, d->n_items);
    rules->is_excluded = is_out;
    for (enum named_by by = 0; by < NAMED_BY_COUNT; by++) {
        if (o->exclude[by].n)
            mark_named(&o->exclude[by], by, d, memory, is_out);
        if (o->only[by].n == 0)
            continue;
        memset(is_in, 0, d->n_items * sizeof *is_in);
        mark_named(&o->only[by], by, d, memory, is_in);
        for (uint32_t i = 0; i < d->n_items; i++)
            is_out[i] |= !is_in[i];
    }
}

static void pin(const struct job_options *o, const struct dataset *d, struct arena *memory, struct offer_rules *rules)
{
    if (o->pin.n == 0)
        return;
    bool *is_pinned = ARENA_ARRAY(memory, bool, d->n_items);
    uint32_t *pinned = ARENA_ARRAY(memory, uint32_t, d->n_items);
    mark_named(&o->pin, BY_PRODUCT, d, memory, is_pinned);
    for (uint32_t i = 0; i < d->n_items; i++)
        if (is_pinned[i])
            pinned[rules->n_pinned++] = i;
    rules->pinned = pinned;
}

// The members of all not-together lists, one after the other; members of one name are chained.
struct members {
    struct apart_mark *marks;
    uint32_t *next;           // member of the same name, ID_NONE: the last
    uint32_t *first;          // by name
    struct apart_mark *found; // of the item at hand
    uint32_t n_found;
};

static void collect_members(void *members_, uint32_t name)
{
    struct members *m = members_;
    for (uint32_t k = m->first[name]; k != ID_NONE; k = m->next[k])
        m->found[m->n_found++] = m->marks[k];
}

static int compare_marks(const void *left, const void *right)
{
    const struct apart_mark *a = left, *b = right;
    if (a->list != b->list)
        return a->list < b->list ? -1 : 1;
    return (a->member > b->member) - (a->member < b->member);
}

// By list; an item that a list names twice is its first member.
static uint32_t sort_found(struct members *m)
{
    uint32_t kept = 0;
    if (m->n_found)
        qsort(m->found, m->n_found, sizeof m->found[0], compare_marks);
    for (uint32_t k = 0; k < m->n_found; k++)
        if (kept == 0 || m->found[kept - 1].list != m->found[k].list)
            m->found[kept++] = m->found[k];
    m->n_found = 0;
    return kept;
}

static struct job_names flatten(const struct job_options *o, struct arena *memory)
{
    struct str *names = ARENA_ARRAY(memory, struct str, JOB_LIST_MAX);
    size_t n = 0;
    for (size_t list = 0; list < o->n_apart; list++)
        for (size_t i = 0; i < o->apart[list].n; i++)
            names[n++] = o->apart[list].at[i];
    return (struct job_names){names, n};
}

static void members_init(struct members *m, const struct job_options *o, struct lookup *l, struct arena *memory)
{
    *m = (struct members){.marks = ARENA_ARRAY(memory, struct apart_mark, JOB_LIST_MAX),
                          .next = ARENA_ARRAY(memory, uint32_t, JOB_LIST_MAX),
                          .first = ARENA_ARRAY(memory, uint32_t, l->names.n),
                          .found = ARENA_ARRAY(memory, struct apart_mark, JOB_LIST_MAX * KEYS_PER_PRODUCT)};
    memset(m->first, 0xFF, l->names.n * sizeof m->first[0]); // ID_NONE
    uint32_t k = 0;
    for (uint32_t list = 0; list < o->n_apart; list++)
        for (uint32_t member = 0; member < o->apart[list].n; member++, k++) {
            int64_t name = intern_find(&l->names, folded(l, o->apart[list].at[member]));
            CHECK(name != INTERN_NONE);
            m->marks[k] = (struct apart_mark){list, member};
            m->next[k] = m->first[name];
            m->first[name] = k;
        }
}

static void keep_apart(const struct job_options *o, const struct dataset *d, struct arena *memory,
                       struct offer_rules *rules)
{
    struct lookup l;
    struct members m;
    if (o->n_apart == 0)
        return;
    struct job_names all = flatten(o, memory);
    lookup_open(&l, BY_PRODUCT, &all, memory);
    members_init(&m, o, &l, memory);
    uint32_t *first = ARENA_ARRAY(memory, uint32_t, (size_t)d->n_items + 1);
    struct apart_mark **marks_of = ARENA_ARRAY(memory, struct apart_mark *, d->n_items);
    for (uint32_t i = 0; i < d->n_items; i++) {
        lookup_item(&l, &d->items[i], collect_members, &m);
        uint32_t n = sort_found(&m);
        first[i + 1] = first[i] + n;
        marks_of[i] = ARENA_ARRAY(memory, struct apart_mark, n);
        memcpy(marks_of[i], m.found, n * sizeof m.found[0]);
    }
    struct apart_mark *marks = ARENA_ARRAY(memory, struct apart_mark, first[d->n_items]);
    for (uint32_t i = 0; i < d->n_items; i++)
        memcpy(marks + first[i], marks_of[i], (first[i + 1] - first[i]) * sizeof *marks);
    rules->apart_first = first;
    rules->apart = marks;
    lookup_close(&l);
}

static int64_t minor_of_major(double amount, unsigned decimals)
{
    for (unsigned i = 0; i < decimals; i++)
        amount *= 10;
    return llround(amount);
}

void job_request_offer(const struct job_request *r, const struct dataset *d, struct arena *memory,
                       struct offer_rules *rules)
{
    const struct job_options *o = &r->options;
    rules->objectives = o->objectives;
    rules->types = o->types;
    if (o->bundles_max > 0)
        rules->bundles_max = (uint32_t)o->bundles_max;
    if (o->discount_max_pct >= 0)
        rules->discount_max_bp = (uint32_t)lround(o->discount_max_pct * 100);
    if (o->margin_floor >= 0)
        rules->margin_floor = o->margin_floor;
    if (o->price_min >= 0)
        rules->price_min_minor = minor_of_major(o->price_min, d->decimals);
    if (o->price_max >= 0)
        rules->price_max_minor = minor_of_major(o->price_max, d->decimals);
    exclude(o, d, memory, rules);
    pin(o, d, memory, rules);
    keep_apart(o, d, memory, rules);
}

// ---- for the metrics ----

static void set_found(void *is_found, uint32_t name)
{
    ((bool *)is_found)[name] = true;
}

struct found_names {
    struct lookup lookup;
    bool *is_known, *is_offered; // by name
};

static void find_names(struct found_names *f, const struct job_names *names, enum named_by by, const struct market *m,
                       const struct offer_rules *rules, struct arena *memory)
{
    lookup_open(&f->lookup, by, names, memory);
    f->is_known = ARENA_ARRAY(memory, bool, f->lookup.names.n);
    f->is_offered = ARENA_ARRAY(memory, bool, f->lookup.names.n);
    for (uint32_t i = 0; i < m->data->n_items; i++) {
        lookup_item(&f->lookup, &m->data->items[i], set_found, f->is_known);
        if (item_is_offerable(m, rules, i))
            lookup_item(&f->lookup, &m->data->items[i], set_found, f->is_offered);
    }
}

static bool is_set(struct found_names *f, const bool *flags, struct str name)
{
    int64_t number = intern_find(&f->lookup.names, folded(&f->lookup, name));
    return number != INTERN_NONE && flags[number];
}

static void put_unknown(const char *option, const struct job_names *names, enum named_by by, const struct market *m,
                        const struct offer_rules *rules, struct json_out *j)
{
    if (names->n == 0)
        return;
    AUTO(arena_fini) struct arena memory;
    struct found_names f;
    arena_init(&memory, 0);
    find_names(&f, names, by, m, rules, &memory);
    for (size_t i = 0; i < names->n; i++) {
        if (is_set(&f, f.is_known, names->at[i]))
            continue;
        json_out_object(j);
        json_out_key_str(j, "option", str_of(option));
        json_out_key_str(j, "name", names->at[i]);
        json_out_end(j);
    }
    lookup_close(&f.lookup);
}

static void put_all_unknown(const struct job_options *o, const struct market *m, const struct offer_rules *rules,
                            struct json_out *j)
{
    static const char *const EXCLUDE[NAMED_BY_COUNT] = {"exclude", "exclude_types", "exclude_vendors", "exclude_tags"};
    static const char *const ONLY[NAMED_BY_COUNT] = {"only", "only_types", "only_vendors", "only_tags"};
    AUTO(arena_fini) struct arena memory;
    arena_init(&memory, 0);
    struct job_names apart = flatten(o, &memory);
    json_out_key(j, "options_unknown");
    json_out_array(j);
    for (enum named_by by = 0; by < NAMED_BY_COUNT; by++) {
        put_unknown(EXCLUDE[by], &o->exclude[by], by, m, rules, j);
        put_unknown(ONLY[by], &o->only[by], by, m, rules, j);
    }
    put_unknown("pin", &o->pin, BY_PRODUCT, m, rules, j);
    put_unknown("not_together", &apart, BY_PRODUCT, m, rules, j);
    json_out_end(j);
}

static void put_pins(const struct job_names *pin, const struct market *m, const struct offer_rules *rules,
                     struct json_out *j)
{
    AUTO(arena_fini) struct arena memory;
    struct found_names f;
    arena_init(&memory, 0);
    find_names(&f, pin, BY_PRODUCT, m, rules, &memory);
    json_out_key(j, "pinned_not_offered");
    json_out_array(j);
    for (size_t i = 0; i < pin->n; i++)
        if (is_set(&f, f.is_known, pin->at[i]) && !is_set(&f, f.is_offered, pin->at[i]))
            json_out_str(j, pin->at[i]);
    json_out_end(j);
    lookup_close(&f.lookup);
}

void job_request_report(const struct job_request *r, const struct market *m, const struct offer_rules *rules,
                        struct json_out *j)
{
    job_options_json(&r->options, j);
    put_all_unknown(&r->options, m, rules, j);
    put_pins(&r->options.pin, m, rules, j);
    json_out_key_int(j, "not_in_catalog", market_count_uncatalogued(m, rules));
}
