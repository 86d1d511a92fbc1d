#include "worker/copy/template.h"

#include "common/check.h"
#include "common/json_out.h"
#include "worker/offers/phrase.h"

enum { TITLE_MAX = 60, DESCRIPTION_MAX = 200, VALUE_MAX = 150, LINE_MAX = 120, TEXT_BYTES_MAX = 65536 };

struct voice { // how an objective speaks to a shopper
    const char *title_prefix, *opening, *benefit;
};

static const struct voice VOICES[OBJECTIVE_COUNT] = {
    [OBJECTIVE_INCREASE_AOV] = {"", "", "Everything in one go"},
    [OBJECTIVE_CLEAR_SLOW_MOVERS] = {"Special offer: ", "While stock lasts: ", "A reduced price while stock lasts"},
    [OBJECTIVE_SEASONAL_PROMO] = {"In season: ", "Right for the season: ", "Picked for the season"},
    [OBJECTIVE_NEW_LAUNCH] = {"New: ", "Just in: ", "Try something new"},
    [OBJECTIVE_CATEGORY_BUNDLE] = {"Complete set: ", "One from each shelf: ", "Products that complement each other"},
    [OBJECTIVE_GIFT_BOX] = {"Gift box: ", "A ready-made gift: ", "A gift without searching"},
    [OBJECTIVE_SUBSCRIPTION_PUSH] = {"Restock: ", "Your regulars: ", "Stocked up for longer"},
    [OBJECTIVE_MARGIN_GUARD] = {"", "", "Chosen to go together"},
};

static bool has_amounts(const struct bundle *b)
{
    return b->pricing.original_minor != MONEY_UNKNOWN;
}

enum { NAME_WHOLE = 100000 };

static void put_name(const struct market *m, uint32_t item, size_t max, struct buf *out)
{
    struct buf name;
    buf_init(&name, TEXT_BYTES_MAX);
    phrase_name(m, &name, item);
    phrase_put_cut(out, buf_str(&name), max);
    buf_fini(&name);
}

static void put_list(const struct market *m, const struct bundle *b, struct buf *out, uint32_t max, size_t name_max,
                     const char *last)
{
    uint32_t n = b->n_parts < max ? b->n_parts : max;
    for (uint32_t i = 0; i < n; i++) {
        bool is_last = i + 1 == b->n_parts;
        buf_puts(out, i == 0 ? "" : is_last ? last : ", ");
        put_name(m, b->parts[i].item, name_max, out);
    }
    if (n < b->n_parts)
        buf_printf(out, "%s%u more", last, b->n_parts - n);
}

static void put_role(const struct market *m, const struct bundle *b, enum part_role role, size_t name_max,
                     struct buf *out)
{
    bool is_first = true;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        if (b->parts[i].role != role)
            continue;
        buf_puts(out, is_first ? "" : " and ");
        if (b->parts[i].quantity > 1)
            buf_printf(out, "%u x ", b->parts[i].quantity);
        put_name(m, b->parts[i].item, name_max, out);
        is_first = false;
    }
}

static void put_reward_words(const struct bundle *b, struct buf *out)
{
    if (b->pricing.get_discount_bp == 10000) {
        buf_puts(out, " free");
        return;
    }
    buf_puts(out, " at ");
    phrase_percent(out, b->pricing.get_discount_bp);
    buf_puts(out, " off");
}

static void put_buy_get(const struct market *m, const struct bundle *b, size_t name_max, struct buf *out)
{
    buf_puts(out, "Buy ");
    put_role(m, b, ROLE_QUALIFIER, name_max, out);
    buf_puts(out, ", get ");
    put_role(m, b, ROLE_REWARD, name_max, out);
    put_reward_words(b, out);
}

static void put_title_body(const struct market *m, const struct bundle *b, uint32_t names, size_t name_max,
                           struct buf *out)
{
    switch (b->type) {
    case TYPE_VOLUME:
        buf_puts(out, "Buy more, save more: ");
        put_name(m, b->parts[0].item, name_max, out);
        return;
    case TYPE_MIX_MATCH:
        buf_printf(out, "Any %u of %u: ", b->pricing.pick_n, b->n_parts);
        put_list(m, b, out, names, name_max, " or ");
        return;
    case TYPE_BXGY:
        put_buy_get(m, b, name_max, out);
        return;
    case TYPE_FIXED:
        buf_printf(out, "Kit of %u: ", b->n_parts);
        put_list(m, b, out, names, name_max, " + ");
        return;
    case TYPE_FBT:
    case TYPE_COUNT:
        put_list(m, b, out, names, name_max, " + ");
        return;
    }
}

static bool try_title(const struct market *m, const struct bundle *b, uint32_t names, size_t name_max, struct buf *out)
{
    buf_clear(out);
    buf_puts(out, VOICES[b->objective].title_prefix);
    put_title_body(m, b, names, name_max, out);
    return phrase_length(buf_str(out)) <= TITLE_MAX;
}

// Two names whole, or cut alike; of a longer list fewer names.
static void put_title(const struct market *m, const struct bundle *b, struct buf *out)
{
    static const size_t NAME_MAX_TRIED[] = {NAME_WHOLE, 30, 24, 20, 16, 12, 9};
    if (try_title(m, b, b->n_parts, NAME_WHOLE, out))
        return;
    uint32_t names = b->type == TYPE_BXGY || b->n_parts < 2 ? b->n_parts : 2;
    for (size_t k = 0; k < ARRAY_LEN(NAME_MAX_TRIED); k++) {
        if (try_title(m, b, names, NAME_MAX_TRIED[k], out))
            return;
    }
}

static void put_saving(const struct market *m, const struct bundle *b, struct buf *out)
{
    buf_puts(out, "save ");
    if (has_amounts(b)) {
        phrase_money(m, out, b->pricing.discount_minor);
        buf_puts(out, " (");
    }
    phrase_percent(out, b->pricing.discount_bp);
    buf_puts(out, has_amounts(b) ? ")" : "");
}

static void put_tiers(const struct market *m, const struct bundle *b, struct buf *out)
{
    for (uint32_t k = 0; k < b->pricing.n_tiers; k++) {
        const struct tier *t = &b->pricing.tiers[k];
        buf_printf(out, "%s%u or more: ", k ? "; " : "", t->min_quantity);
        phrase_percent(out, t->discount_bp);
        buf_puts(out, " off");
        if (t->unit_price_minor != MONEY_UNKNOWN) {
            buf_puts(out, " (");
            phrase_money(m, out, t->unit_price_minor);
            buf_puts(out, " each)");
        }
    }
}

static void put_price(const struct market *m, const struct bundle *b, struct buf *out)
{
    if (!has_amounts(b)) {
        phrase_percent(out, b->pricing.discount_bp);
        buf_puts(out, " off");
        return;
    }
    phrase_money(m, out, b->pricing.bundle_minor);
    buf_puts(out, " instead of ");
    phrase_money(m, out, b->pricing.original_minor);
}

// The offer comes first, so that a long list of names cannot cut it off.
static void put_description(const struct market *m, const struct bundle *b, struct buf *out)
{
    buf_puts(out, VOICES[b->objective].opening);
    switch (b->type) {
    case TYPE_VOLUME:
        put_tiers(m, b, out);
        buf_puts(out, ". ");
        phrase_name(m, out, b->parts[0].item);
        break;
    case TYPE_MIX_MATCH:
        buf_printf(out, "choose any %u and ", b->pricing.pick_n);
        phrase_percent(out, b->pricing.discount_bp);
        buf_puts(out, " comes off: ");
        put_list(m, b, out, b->n_parts, NAME_WHOLE, " or ");
        break;
    case TYPE_BXGY:
        put_buy_get(m, b, NAME_WHOLE, out);
        break;
    case TYPE_FIXED:
        buf_printf(out, "%u products, one price, ", b->n_parts);
        put_price(m, b, out);
        buf_puts(out, ": ");
        put_list(m, b, out, b->n_parts, NAME_WHOLE, " and ");
        break;
    case TYPE_FBT:
    case TYPE_COUNT:
        buf_puts(out, "together ");
        put_price(m, b, out);
        buf_puts(out, ": ");
        put_list(m, b, out, b->n_parts, NAME_WHOLE, " and ");
        break;
    }
    buf_putc(out, '.');
}

static void put_value(const struct market *m, const struct bundle *b, struct buf *out)
{
    if (b->type == TYPE_VOLUME) {
        const struct pricing *p = &b->pricing;
        buf_puts(out, "up to ");
        phrase_percent(out, p->tiers[p->n_tiers - 1].discount_bp);
        buf_printf(out, " off from %u pieces", p->tiers[p->n_tiers - 1].min_quantity);
    } else if (b->type == TYPE_BXGY && !has_amounts(b)) {
        phrase_percent(out, b->pricing.get_discount_bp);
        buf_puts(out, " off the second product"); // in total unknown without prices
    } else if (b->type == TYPE_MIX_MATCH) {
        phrase_percent(out, b->pricing.discount_bp);
        buf_printf(out, " off when you take %u", b->pricing.pick_n);
    } else {
        put_saving(m, b, out);
        buf_puts(out, " on the set");
    }
    buf_putc(out, '.');
}

// ASCII lower-case openings become capitals; names are left as the merchant wrote them.
static void capitalise(struct buf *text)
{
    if (text->len && text->data[0] >= 'a' && text->data[0] <= 'z')
        text->data[0] = (char)(text->data[0] - ('a' - 'A'));
}

struct writer {
    const struct market *market;
    const struct bundle *bundle;
    struct json_out json;
    struct buf text, cut;
};

static void put_json(struct writer *w, size_t max)
{
    buf_clear(&w->cut);
    phrase_put_cut(&w->cut, buf_str(&w->text), max);
    json_out_str(&w->json, buf_str(&w->cut));
}

typedef void text_function(const struct market *m, const struct bundle *b, struct buf *out);

static void put_text(struct writer *w, const char *key, text_function *make, size_t max)
{
    buf_clear(&w->text);
    make(w->market, w->bundle, &w->text);
    if (make != put_title) // a title may begin with a name
        capitalise(&w->text);
    json_out_key(&w->json, key);
    put_json(w, max);
}

static void put_features(struct writer *w)
{
    json_out_key(&w->json, "features");
    json_out_array(&w->json);
    for (uint32_t i = 0; i < w->bundle->n_parts; i++) {
        const struct part *p = &w->bundle->parts[i];
        buf_clear(&w->text);
        if (w->bundle->type != TYPE_MIX_MATCH && w->bundle->type != TYPE_VOLUME)
            buf_printf(&w->text, "%u x ", p->quantity);
        phrase_name(w->market, &w->text, p->item);
        put_json(w, LINE_MAX);
    }
    json_out_end(&w->json);
}

static void put_benefits(struct writer *w)
{
    static const char *const OF_TYPE[TYPE_COUNT] = {
        [TYPE_FBT] = "Cheaper together than one by one", [TYPE_VOLUME] = "The more you take, the less each costs",
        [TYPE_MIX_MATCH] = "You choose what goes in",    [TYPE_BXGY] = "The reduced product comes with your purchase",
        [TYPE_FIXED] = "One price for the whole kit",
    };
    json_out_key(&w->json, "benefits");
    json_out_array(&w->json);
    json_out_str(&w->json, str_of(OF_TYPE[w->bundle->type]));
    json_out_str(&w->json, str_of(VOICES[w->bundle->objective].benefit));
    json_out_end(&w->json);
}

void template_copy(const struct market *m, const struct bundle *b, struct buf *out)
{
    struct writer w = {.market = m, .bundle = b, .json = json_out_on(out)};
    buf_init(&w.text, TEXT_BYTES_MAX);
    buf_init(&w.cut, TEXT_BYTES_MAX);
    json_out_object(&w.json);
    put_text(&w, "title", put_title, TITLE_MAX);
    put_text(&w, "description", put_description, DESCRIPTION_MAX);
    put_text(&w, "value_proposition", put_value, VALUE_MAX);
    put_features(&w);
    put_benefits(&w);
    json_out_key_str(&w.json, "source", STR("template"));
    json_out_end(&w.json);
    buf_fini(&w.text);
    buf_fini(&w.cut);
}

void template_rows(const struct market *m, const struct bundle_list *list, struct bundle_rows *rows,
                   struct arena *memory)
{
    AUTO(buf_fini) struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    CHECK(rows->n == list->n);
    for (uint32_t i = 0; i < list->n; i++) {
        buf_clear(&text);
        template_copy(m, &list->bundles[i], &text);
        rows->rows[i].ai_copy = (struct str){arena_strdup(memory, text.data, text.len), text.len};
    }
}
