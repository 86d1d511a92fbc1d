#include "worker/copy/template.h"

#include "common/check.h"
#include "common/json_out.h"
#include "worker/copy/check.h"
#include "worker/copy/template_slots.h"
#include "worker/offers/phrase.h"

static bool has_amounts(const struct bundle *b)
{
    return b->pricing.original_minor != MONEY_UNKNOWN;
}

// A product's own comma must not look like the list's.
static const char *separator(const struct template_writer *w)
{
    for (uint32_t i = 0; i < w->bundle->n_parts && w->form != NAME_VARIANT; i++) {
        const struct item *it = &w->market->data->items[w->bundle->parts[i].item];
        if (it->variant_title.len || (it->title.len && memchr(it->title.ptr, ',', it->title.len)))
            return "; ";
    }
    return ", ";
}

// ---- title ----

static bool are_variants(const struct template_writer *w)
{
    const struct item *items = w->market->data->items;
    for (uint32_t i = 0; i < w->bundle->n_parts; i++) {
        const struct item *it = &items[w->bundle->parts[i].item];
        if (it->variant_title.len == 0 || !str_eq(it->title, items[w->bundle->parts[0].item].title))
            return false;
    }
    return w->bundle->n_parts > 1;
}

static enum template_sentence title_sentence(const struct template_writer *w, bool is_all)
{
    switch (w->bundle->type) {
    case TYPE_VOLUME:
        return TITLE_VOLUME;
    case TYPE_MIX_MATCH:
        return are_variants(w) ? TITLE_MIX_VARIANTS : is_all ? TITLE_MIX : TITLE_MIX_MORE;
    case TYPE_BXGY:
        if (is_all)
            return w->bundle->pricing.get_discount_bp == 10000 ? TITLE_GET_FREE : TITLE_GET_OFF;
        return w->bundle->n_parts < 3 ? TITLE_SET : TITLE_SET_MORE;
    case TYPE_FIXED:
        return is_all ? TITLE_KIT : TITLE_KIT_MORE;
    case TYPE_FBT:
    case TYPE_COUNT:
        break;
    }
    return is_all ? TITLE_SET : TITLE_SET_MORE;
}

struct title_try {
    bool has_prefix;
    enum template_name_form form;
    bool is_all; // every name, or the first and how many more; of BXGY with what one gets it for
    size_t name_max;
};

static bool try_title(struct template_writer *w, const struct title_try *t)
{
    bool is_mix = w->bundle->type == TYPE_MIX_MATCH, is_one = is_mix && are_variants(w);
    bool has_colon = w->bundle->type != TYPE_FBT && w->bundle->type != TYPE_BXGY; // one is enough
    enum template_name_form form = is_one ? NAME_PRODUCT : t->form;
    template_form_names(w, form, t->name_max, is_mix ? ", " : " + ", is_mix ? ", " : " + ");
    buf_clear(&w->text);
    buf_puts(&w->text, t->has_prefix && !has_colon ? w->words->prefixes[w->bundle->objective] : "");
    template_say(w, title_sentence(w, t->is_all));
    w->is_title_whole = t->is_all && t->name_max == TEMPLATE_UNCUT && !is_one;
    return phrase_length(buf_str(&w->text)) <= COPY_TITLE_MAX;
}

// Names are left as they are for as long as that fits: rather none of the words before them, nor the variant, than a
// name that is cut; of three or more rather the first alone.
static void put_title(struct template_writer *w)
{
    static const struct title_try TRIES[] = {{true, NAME_WHOLE, true, TEMPLATE_UNCUT},
                                             {false, NAME_WHOLE, true, TEMPLATE_UNCUT},
                                             {true, NAME_PRODUCT, true, TEMPLATE_UNCUT},
                                             {false, NAME_PRODUCT, true, TEMPLATE_UNCUT},
                                             {true, NAME_PRODUCT, false, TEMPLATE_UNCUT},
                                             {false, NAME_PRODUCT, false, TEMPLATE_UNCUT},
                                             {false, NAME_PRODUCT, false, 40},
                                             {false, NAME_PRODUCT, false, 30},
                                             {false, NAME_PRODUCT, false, 24},
                                             {false, NAME_PRODUCT, false, 18},
                                             {false, NAME_PRODUCT, false, 12},
                                             {false, NAME_PRODUCT, false, 9}};
    for (size_t i = 0; i < ARRAY_LEN(TRIES); i++) {
        struct title_try t = TRIES[i];
        t.is_all |= w->bundle->n_parts < 3 && w->bundle->type != TYPE_BXGY;
        if (try_title(w, &t))
            return;
    }
}

// ---- description ----

static enum template_sentence offer_sentence(const struct bundle *b)
{
    bool is_kit = b->type == TYPE_FIXED;
    if (b->type == TYPE_MIX_MATCH)
        return OFFER_MIX;
    if (b->type == TYPE_BXGY)
        return b->pricing.get_discount_bp == 10000 ? OFFER_GET_FREE : OFFER_GET_OFF;
    if (b->pricing.discount_bp == 0)
        return has_amounts(b) ? (is_kit ? OFFER_KIT_SAME : OFFER_SET_SAME) : is_kit ? OFFER_KIT : OFFER_SET;
    if (has_amounts(b))
        return is_kit ? OFFER_KIT_PRICE : OFFER_SET_PRICE;
    return is_kit ? OFFER_KIT_PERCENT : OFFER_SET_PERCENT;
}

static void put_tiers(struct template_writer *w)
{
    for (uint32_t k = 0; k < w->bundle->pricing.n_tiers; k++) {
        w->tier = &w->bundle->pricing.tiers[k];
        buf_puts(&w->text, k ? "; " : "");
        template_say(w, OFFER_TIER);
    }
}

static const char *choose(const struct template_writer *w, const struct template_reason *reasons)
{
    const struct template_reason *r = &reasons[w->bundle->objective];
    return w->bundle->type == TYPE_VOLUME ? r->alone : r->together;
}

static bool try_description(struct template_writer *w, bool has_names, size_t name_max)
{
    enum template_name_form form = w->bundle->type == TYPE_MIX_MATCH && are_variants(w) ? NAME_VARIANT : NAME_WHOLE;
    template_form_names(w, form, name_max, "", w->bundle->type == TYPE_MIX_MATCH ? w->words->or : w->words->and);
    w->between = separator(w);
    buf_clear(&w->text);
    buf_printf(&w->text, "%s ", choose(w, w->words->openings));
    if (w->bundle->type == TYPE_VOLUME)
        put_tiers(w);
    else
        template_say(w, offer_sentence(w->bundle));
    if (has_names) {
        buf_puts(&w->text, w->words->colon);
        template_put_names(w, &w->text);
    }
    buf_putc(&w->text, '.');
    return phrase_length(buf_str(&w->text)) <= COPY_DESCRIPTION_MAX;
}

// The names stand in it where the title lacks some and all of them fit; the features have them anyway.
static void put_description(struct template_writer *w)
{
    static const size_t NAME_MAX_TRIED[] = {TEMPLATE_UNCUT, 60, 40, 24, 12};
    bool wants_names = !w->is_title_whole && w->bundle->type != TYPE_BXGY && w->bundle->n_parts > 1;
    if (wants_names && try_description(w, true, TEMPLATE_UNCUT))
        return;
    for (size_t i = 0; i < ARRAY_LEN(NAME_MAX_TRIED); i++) {
        if (try_description(w, false, NAME_MAX_TRIED[i]))
            return;
    }
}

// ---- value ----

static enum template_sentence value_sentence(const struct template_writer *w)
{
    const struct bundle *b = w->bundle;
    if (b->type == TYPE_MIX_MATCH)
        return VALUE_MIX;
    if (b->type == TYPE_VOLUME)
        return w->tier->unit_price_minor != MONEY_UNKNOWN ? VALUE_TIER_PRICE : VALUE_TIER;
    if (b->pricing.discount_bp == 0)
        return VALUE_NONE;
    if (has_amounts(b))
        return VALUE_AMOUNT;
    if (b->type == TYPE_BXGY)
        return b->pricing.get_discount_bp == 10000 ? VALUE_GET_FREE : VALUE_GET_OFF;
    return VALUE_PERCENT;
}

static void put_value(struct template_writer *w)
{
    if (w->bundle->type == TYPE_VOLUME)
        w->tier = &w->bundle->pricing.tiers[w->bundle->pricing.n_tiers - 1];
    template_say(w, value_sentence(w));
}

// ---- all of it ----

static void put_json(struct template_writer *w, size_t max)
{
    buf_clear(&w->cut);
    phrase_put_cut(&w->cut, buf_str(&w->text), max);
    json_out_str(&w->json, buf_str(&w->cut));
    buf_clear(&w->text);
}

static void put_text(struct template_writer *w, const char *key, void (*put)(struct template_writer *w), size_t max)
{
    put(w);
    json_out_key(&w->json, key);
    put_json(w, max);
}

static void put_features(struct template_writer *w)
{
    const struct bundle *b = w->bundle;
    json_out_key(&w->json, "features");
    json_out_array(&w->json);
    template_form_names(w, NAME_WHOLE, TEMPLATE_UNCUT, "", "");
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (b->type != TYPE_MIX_MATCH && b->type != TYPE_VOLUME)
            buf_printf(&w->text, "%u x ", b->parts[i].quantity);
        template_put_name(w, b->parts[i].item, &w->text);
        put_json(w, COPY_LINE_MAX);
    }
    for (uint32_t k = 0; k < b->pricing.n_tiers && b->type == TYPE_VOLUME && has_amounts(b); k++) {
        w->tier = &b->pricing.tiers[k];
        template_say(w, LINE_TIER_PRICE);
        put_json(w, COPY_LINE_MAX);
    }
    json_out_end(&w->json);
}

static enum template_sentence benefit_sentence(const struct bundle *b)
{
    switch (b->type) {
    case TYPE_VOLUME:
        return BENEFIT_VOLUME;
    case TYPE_MIX_MATCH:
        return BENEFIT_MIX;
    case TYPE_BXGY:
        return b->pricing.get_discount_bp == 10000 ? BENEFIT_GET_FREE : BENEFIT_GET_OFF;
    case TYPE_FIXED:
        return BENEFIT_KIT;
    case TYPE_FBT:
    case TYPE_COUNT:
        break;
    }
    return BENEFIT_SET;
}

static void put_benefits(struct template_writer *w)
{
    enum template_sentence of_type = benefit_sentence(w->bundle);
    json_out_key(&w->json, "benefits");
    json_out_array(&w->json);
    if (of_type != BENEFIT_SET || w->bundle->pricing.discount_bp > 0) {
        template_say(w, of_type);
        put_json(w, COPY_LINE_MAX);
    }
    json_out_str(&w->json, str_of(choose(w, w->words->benefits)));
    json_out_end(&w->json);
}

void template_copy(const struct market *m, const struct bundle *b, struct str locale, struct buf *out)
{
    struct template_writer w = {.market = m, .bundle = b, .words = template_words_of(locale), .json = json_out_on(out)};
    buf_init(&w.text, TEMPLATE_BYTES_MAX);
    buf_init(&w.cut, TEMPLATE_BYTES_MAX);
    json_out_object(&w.json);
    put_text(&w, "title", put_title, COPY_TITLE_MAX);
    put_text(&w, "description", put_description, COPY_DESCRIPTION_MAX);
    put_text(&w, "value_proposition", put_value, COPY_VALUE_MAX);
    put_features(&w);
    put_benefits(&w);
    json_out_key_str(&w.json, "source", STR("template"));
    json_out_end(&w.json);
    buf_fini(&w.text);
    buf_fini(&w.cut);
}

void template_rows(const struct market *m, const struct bundle_list *list, struct str locale, struct bundle_rows *rows,
                   struct arena *memory)
{
    AUTO(buf_fini) struct buf text;
    buf_init(&text, TEMPLATE_BYTES_MAX);
    CHECK(rows->n == list->n);
    for (uint32_t i = 0; i < list->n; i++) {
        buf_clear(&text);
        template_copy(m, &list->bundles[i], locale, &text);
        rows->rows[i].ai_copy = arena_str(memory, buf_str(&text));
    }
}
